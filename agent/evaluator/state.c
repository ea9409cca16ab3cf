/* State that survives a restart: seq, and every pair's verdict, since and seq.
 *
 * `STATE_DIR/findings.log` is a log of JSON lines, one for each transition, written before the transition is sent
 * anywhere, so that seq is never given twice even after kill -9. Reading it back keeps the last line of each (rule,
 * subject); a line that is cut off at the end (power loss) is skipped. It is rewritten when it holds many times more
 * lines than live pairs. Pairs read back are adopted when their subject is seen again; those whose subject did not come
 * back by the end of the first full scan are closed with a transition. Facts of execs, which the engine forgets, are
 * part of their lines. A line that cannot be written (the disk is full) is a state of the agent itself; the file is
 * written anew, whole, as soon as that succeeds. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "common/file.h"
#include "common/json_out.h"
#include "common/log.h"

enum { LINE_LIMIT = 1024 * 1024, COMPACT_SLACK = 4096, RETRY_S = 10 };
static const uint64_t seq_max = UINT64_C(1) << 47; /* no agent comes to that, and pairs hold it for as long again */

static void restored_free(void *p)
{
    struct restored *restored = p;

    if (restored)
        free(restored->name);
    free(restored);
}

static char *restored_key(const char *slug, const char *kind, const char *id)
{
    return mem_printf("%s %s %s", slug, kind, id);
}

static void write_exec(const struct evaluator *evaluator, const struct subject *subject, struct json_out *out)
{
    const struct exec_facts *exec =
        subject->kind == SUBJECT_EXEC ? store_exec(evaluator->store, subject->id, NULL) : NULL;
    const char *why;

    if (!exec && subject->kind == SUBJECT_EXEC && !store_exec(evaluator->store, subject->id, &why))
        json_out_string(out, "exec_error", why);
    if (!exec)
        return;
    json_out_object(out, "exec");
    json_out_string(out, "container", exec->container_id);
    json_out_string(out, "container_name", exec->container_name);
    json_out_string(out, "container_user", exec->container_user);
    json_out_string(out, "user", exec->user);
    json_out_string(out, "command", exec->command);
    json_out_bool(out, "privileged", exec->privileged);
    json_out_int(out, "seen", exec->seen);
    json_out_end_object(out);
}

static int write_line(int fd, const char *text, size_t length)
{
    scoped_str line = STR_INIT;

    str_append_n(&line, text, length);
    str_append_char(&line, '\n');
    for (size_t done = 0; done < line.length;) {
        ssize_t n = write(fd, line.data + done, line.length - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return 0;
}

static int write_pair(const struct evaluator *evaluator, int fd, const struct subject *subject, const struct pair *pair,
                      bool gone)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;
    size_t length;

    json_out_object(out, NULL);
    json_out_int(out, "seq", (int64_t)pair->seq);
    json_out_string(out, "rule", pair->rule->slug);
    json_out_string(out, "kind", subject_kind_name(subject->kind));
    json_out_string(out, "id", subject->id);
    json_out_string(out, "name", subject->name);
    json_out_string(out, "status", gone ? NULL : verdict_name(pair->verdict));
    json_out_int(out, "since", pair->since);
    if (pair->waived && !gone)
        json_out_bool(out, "waived", true);
    if (!gone)
        write_exec(evaluator, subject, out);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    return write_line(fd, text, length);
}

static int write_seq(const struct evaluator *evaluator, int fd)
{
    scoped(cleanup_free) char *line = mem_printf("{\"seq\":%llu}", (unsigned long long)evaluator->last_seq);

    return write_line(fd, line, strlen(line));
}

/* Before a line that is added: ends what a failure left half written. */
static int mend_end(struct evaluator *evaluator)
{
    if (evaluator->state_broken && write(evaluator->state_fd, "\n", 1) != 1)
        return errno ? -errno : -EIO;
    evaluator->state_broken = false;
    return 0;
}

static void note_written(struct evaluator *evaluator, int r)
{
    evaluator->state_lines++;
    if (r == 0)
        return;
    evaluator->state_broken = true;
    if (evaluator->state_trouble)
        return;
    evaluator->state_trouble = mem_printf("cannot write %s: %s", evaluator->state_path, strerror(-r));
    log_error("state: %s", evaluator->state_trouble);
}

void state_append(struct evaluator *evaluator, const struct subject *subject, const struct pair *pair, bool gone)
{
    int r;

    if (evaluator->state_fd < 0)
        return;
    r = mend_end(evaluator);
    if (r == 0)
        r = write_pair(evaluator, evaluator->state_fd, subject, pair, gone);
    note_written(evaluator, r);
}

void state_append_seq(struct evaluator *evaluator)
{
    int r;

    if (evaluator->state_fd < 0)
        return;
    r = mend_end(evaluator);
    if (r == 0)
        r = write_seq(evaluator, evaluator->state_fd);
    note_written(evaluator, r);
}

bool state_adopt(struct evaluator *evaluator, const struct subject *subject, struct pair *pair)
{
    scoped(cleanup_free) char *key = NULL;
    struct restored *restored;

    if (!evaluator->restored)
        return false;
    key = restored_key(pair->rule->slug, subject_kind_name(subject->kind), subject->id);
    restored = map_steal(evaluator->restored, key);
    if (!restored)
        return false;
    pair->verdict = restored->verdict;
    pair->seq = restored->seq;
    pair->since = restored->since;
    pair->waived = restored->waived;
    pair->waiting = true; /* it is evaluated like a new one, and compared with what was */
    restored_free(restored);
    return true;
}

void state_close_leftovers(struct evaluator *evaluator)
{
    VEC(char *) keys = {0};
    size_t at = 0;
    const char *key;
    void *value;

    if (!evaluator->restored)
        return;
    while (map_next(evaluator->restored, &at, &key, &value))
        vec_push(&keys, mem_strdup(key));
    for (size_t i = 0; i < keys.count; i++) {
        struct restored *restored = map_steal(evaluator->restored, keys.items[i]);
        char *slug = keys.items[i], *kind = strchr(slug, ' '), *id = kind ? strchr(kind + 1, ' ') : NULL;
        const struct rule *rule;
        enum subject_kind subject_kind;

        if (id) {
            *kind++ = '\0';
            *id++ = '\0';
            rule = rule_set_find(evaluator->rules, slug);
            if (rule && subject_kind_parse(kind, &subject_kind)) {
                struct subject subject = {.kind = subject_kind, .id = id, .name = restored->name};
                struct pair pair = {.rule = rule, .verdict = restored->verdict, .since = restored->since};

                emit_transition(evaluator, &subject, &pair, pair.verdict, "start", true);
            }
        }
        restored_free(restored);
        free(keys.items[i]);
    }
    vec_free(&keys);
    map_free(take(evaluator->restored));
}

/* A time as the file tells it; now, where that cannot be. */
static usec_t restored_time(const struct evaluator *evaluator, const struct json *value)
{
    usec_t now = clock_now(evaluator->clock), at = json_int(value, 0);

    return at > 0 && at < now ? at : now;
}

static void restore_exec(struct evaluator *evaluator, const char *id, const struct json *exec, const char *why)
{
    struct arena *arena;
    struct exec_facts *facts;

    if (store_get(evaluator->store, INPUT_EXEC, id, NULL))
        return;
    if (!exec) {
        if (why)
            store_put_error(evaluator->store, INPUT_EXEC, id, why);
        return;
    }
    arena = arena_new(256);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->id = arena_strdup(arena, id);
    facts->container_id = arena_strdup(arena, json_string(json_get(exec, "container")));
    facts->container_name = arena_strdup(arena, json_string(json_get(exec, "container_name")));
    facts->container_user = arena_strdup(arena, json_string(json_get(exec, "container_user")));
    facts->user = arena_strdup(arena, json_text(json_get(exec, "user"), ""));
    facts->command = arena_strdup(arena, json_string(json_get(exec, "command")));
    facts->privileged = json_bool(json_get(exec, "privileged"), false);
    facts->seen = restored_time(evaluator, json_get(exec, "seen"));
    store_put(evaluator->store, INPUT_EXEC, id, &facts->facts);
}

static void restore_line(struct evaluator *evaluator, const struct json *line)
{
    const char *slug = json_string(json_get(line, "rule")), *kind = json_string(json_get(line, "kind"));
    const char *id = json_string(json_get(line, "id")), *status = json_string(json_get(line, "status"));
    int64_t number = json_int(json_get(line, "seq"), 0);
    uint64_t seq = number > 0 && (uint64_t)number < seq_max ? (uint64_t)number : 0; /* else it is garbage */
    scoped(cleanup_free) char *key = NULL;
    struct restored *restored;
    enum verdict verdict;

    if (seq > evaluator->last_seq)
        evaluator->last_seq = seq;
    if (!slug || !kind || !id)
        return;
    key = restored_key(slug, kind, id);
    if (!status || !verdict_parse(status, &verdict)) {
        map_remove(evaluator->restored, key);
        if (str_equal(kind, "exec")) {
            exec_close(evaluator, id);
            store_remove(evaluator->store, INPUT_EXEC, id);
        }
        return;
    }
    restored = mem_alloc(sizeof *restored);
    restored->verdict = verdict;
    restored->seq = seq;
    restored->since = restored_time(evaluator, json_get(line, "since"));
    restored->waived = json_bool(json_get(line, "waived"), false);
    restored->name = mem_strdup(json_text(json_get(line, "name"), id));
    map_set(evaluator->restored, key, restored);
    if (str_equal(kind, "exec"))
        restore_exec(evaluator, id, json_get(line, "exec"), json_string(json_get(line, "exec_error")));
}

/* One line of the file, without its end. False: it means nothing. */
static bool restore_text(struct evaluator *evaluator, const char *text, size_t length)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    evaluator->state_lines++;
    if (!length)
        return true;
    if (json_parse(text, length, NULL, &doc, NULL) < 0 || json_type(json_root(doc)) != JSON_OBJECT)
        return false;
    restore_line(evaluator, json_root(doc));
    return true;
}

/* Reads the file line by line, whatever its size. RET_CUT: its last line has no end. */
static int restore_file(struct evaluator *evaluator, bool *ret_cut, struct error *error)
{
    scoped_str line = STR_INIT;
    char buffer[64 * 1024];
    scoped(cleanup_close) int fd = open(evaluator->state_path, O_RDONLY | O_CLOEXEC);
    size_t bad = 0;
    bool too_long = false;
    ssize_t n = 0;

    *ret_cut = false;
    if (fd < 0)
        return errno == ENOENT ? 0 : error_system(error, errno, "state: cannot open %s", evaluator->state_path);
    while ((n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "state: cannot read %s", evaluator->state_path);
        for (const char *at = buffer, *end = buffer + n; at < end;) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t length = (size_t)((newline ? newline : end) - at);

            too_long = too_long || line.length + length > LINE_LIMIT;
            if (!too_long)
                str_append_n(&line, at, length);
            *ret_cut = !newline;
            at += length + (newline != NULL);
            if (!newline)
                continue;
            bad += too_long || !restore_text(evaluator, str_text(&line), line.length);
            too_long = false;
            str_clear(&line);
        }
    }
    if (*ret_cut)
        bad += too_long || !restore_text(evaluator, str_text(&line), line.length);
    if (bad)
        log_warning("state: %s: %zu unreadable lines skipped", evaluator->state_path, bad);
    return 0;
}

/* Execs that are still of interest become subjects at once: no event will bring them back. */
static void revive_execs(struct evaluator *evaluator)
{
    struct map *names = map_new(free); /* exec id → its container's name */
    size_t at = 0;
    const char *key, *id;
    void *value;

    while (map_next(evaluator->restored, &at, &key, &value)) {
        const char *behind = strchr(key, ' ');

        if (str_starts(behind, " exec ") && !map_get(names, behind + strlen(" exec ")))
            map_set(names, behind + strlen(" exec "), mem_strdup(((const struct restored *)value)->name));
    }
    for (at = 0; map_next(names, &at, &id, &value);) {
        struct subject *subject = subject_ensure(evaluator, SUBJECT_EXEC, id, value);

        for (size_t i = 0; i < subject->pair_count; i++)
            evaluate_pair(evaluator, subject, &subject->pairs[i]);
    }
    map_free(names);
}

/* Host and daemon are there before the state is read. */
static void adopt_present(struct evaluator *evaluator)
{
    size_t at = 0;
    struct subject *subject;

    while ((subject = subject_next(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++)
            state_adopt(evaluator, subject, &subject->pairs[i]);
}

int evaluator_load_state(struct evaluator *evaluator, const char *state_dir, struct error *error)
{
    bool is_cut;
    int r;

    evaluator->state_path = mem_printf("%s/findings.log", state_dir);
    evaluator->restored = map_new(restored_free);
    r = restore_file(evaluator, &is_cut, error);
    if (r < 0)
        return r;
    evaluator->state_fd = open(evaluator->state_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (evaluator->state_fd < 0)
        return error_system(error, errno, "state: cannot open %s", evaluator->state_path);
    if (flock(evaluator->state_fd, LOCK_EX | LOCK_NB) < 0)
        return error_set(error, EBUSY, "state: %s is in use by another agent", evaluator->state_path);
    evaluator->state_broken = is_cut;
    adopt_present(evaluator);
    revive_execs(evaluator);
    return 0;
}

static size_t count_pairs(const struct evaluator *evaluator)
{
    size_t at = 0, count = 0;
    const struct subject *subject;

    while ((subject = evaluator_next_subject(evaluator, &at)))
        count += subject->pair_count;
    return count;
}

/* Closed execs as restore_line() reads them: a line without a status. */
static int write_closed(struct evaluator *evaluator, int fd)
{
    size_t at = 0;
    const char *id;
    void *value;
    int r = 0;

    while (r == 0 && map_next(evaluator->closed_execs, &at, &id, &value)) {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
        const char *text;
        size_t length;

        json_out_object(out, NULL);
        json_out_string(out, "rule", "-");
        json_out_string(out, "kind", "exec");
        json_out_string(out, "id", id);
        json_out_null(out, "status");
        json_out_end_object(out);
        text = json_out_text(out, &length);
        r = write_line(fd, text, length);
    }
    return r;
}

static int write_all(struct evaluator *evaluator, int fd)
{
    size_t at = 0;
    const struct subject *subject;
    int r = write_seq(evaluator, fd);

    while (r == 0 && (subject = evaluator_next_subject(evaluator, &at)))
        for (size_t i = 0; r == 0 && i < subject->pair_count; i++)
            if (subject->pairs[i].verdict != VERDICT_NONE)
                r = write_pair(evaluator, fd, subject, &subject->pairs[i], false);
    if (r == 0)
        r = write_closed(evaluator, fd);
    if (r == 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || fsync(fd) < 0))
        r = -errno;
    return r;
}

static bool wants_to_be_rewritten(struct evaluator *evaluator)
{
    if (evaluator->state_fd < 0 || evaluator->restored)
        return false;
    if (evaluator->state_trouble && clock_monotonic() >= evaluator->state_retry)
        return true;
    if (evaluator->state_lines < evaluator->state_enough)
        return false;
    /* Counted again only when there are as many lines as would have been too many then. */
    evaluator->state_enough = 2 * (count_pairs(evaluator) + map_count(evaluator->closed_execs)) + COMPACT_SLACK;
    return evaluator->state_lines >= evaluator->state_enough;
}

int evaluator_save_state(struct evaluator *evaluator, struct error *error)
{
    scoped(cleanup_free) char *temporary = NULL;
    int fd, r;

    if (!wants_to_be_rewritten(evaluator))
        return 0;
    evaluator->state_retry = clock_monotonic() + RETRY_S * USEC_PER_SEC;
    temporary = mem_printf("%s.new", evaluator->state_path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, errno, "state: cannot open %s", temporary);
    r = write_all(evaluator, fd);
    if (r == 0 && rename(temporary, evaluator->state_path) < 0)
        r = -errno;
    if (r < 0) { /* the old file stays, which is the better one */
        close(fd);
        unlink(temporary);
        return error_system(error, -r, "state: cannot replace %s", evaluator->state_path);
    }
    close(evaluator->state_fd);
    evaluator->state_fd = fd;
    evaluator->state_lines = count_pairs(evaluator) + map_count(evaluator->closed_execs) + 1;
    evaluator->state_broken = false;
    if (evaluator->state_trouble) {
        free(take(evaluator->state_trouble));
        evaluator_agent_state(evaluator, "agent-state", true, "the state is written again", "state");
    }
    return 0;
}

void state_tell_trouble(struct evaluator *evaluator)
{
    if (evaluator->state_trouble)
        evaluator_agent_state(evaluator, "agent-state", false, evaluator->state_trouble, "state");
}

void state_deinit(struct evaluator *evaluator)
{
    if (evaluator->state_fd >= 0)
        close(evaluator->state_fd);
    free(evaluator->state_path);
    free(evaluator->state_trouble);
    map_free(evaluator->restored);
}
