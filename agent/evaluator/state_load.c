/* The state read back at a start, and what became of it at the end of the first full scan. The file is described in
 * state_log.c.
 *
 * The last line of each (rule, subject) counts; a line that is cut off at the end (power loss) is skipped. What was
 * read is adopted when its subject is seen again (restored.c); what did not come back by the end of the first full scan
 * is closed with a transition. Facts of execs, which the engine forgets, are part of their lines. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

enum { LINE_LIMIT = 1024 * 1024 };
static const uint64_t seq_max = UINT64_C(1) << 47; /* beyond it a number is invalid; pairs hold one bit more */

/* A time from the file; now, where it is invalid or in the future. */
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

/* 0, where it is garbage. */
static uint64_t restored_seq(const struct json *value)
{
    int64_t number = json_int(value, 0);

    return number > 0 && (uint64_t)number < seq_max ? (uint64_t)number : 0;
}

static void restore_line(struct evaluator *evaluator, const struct json *line)
{
    const char *slug = json_string(json_get(line, "rule")), *kind = json_string(json_get(line, "kind"));
    const char *id = json_string(json_get(line, "id")), *status = json_string(json_get(line, "status"));
    uint64_t seq = restored_seq(json_get(line, "seq"));
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

/* The mark of the last run of the agent. */
struct last_mark {
    uint64_t reserved;
    char *boot;
};

static void last_mark_deinit(struct last_mark *mark)
{
    free(mark->boot);
}

/* One line of the file, without its end, that begins at AT. False: it means nothing. */
static bool restore_text(struct evaluator *evaluator, const char *text, size_t length, uint64_t at,
                         struct last_mark *mark)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *reserved;

    evaluator->state.lines++;
    if (!length)
        return true;
    if (json_parse(text, length, NULL, &doc, NULL) < 0 || json_type(json_root(doc)) != JSON_OBJECT)
        return false;
    restore_line(evaluator, json_root(doc));
    reserved = json_get(json_root(doc), "reserved");
    if (!reserved)
        return true;
    mark->reserved = restored_seq(reserved);
    free(mark->boot);
    mark->boot = mem_strdup(json_text(json_get(json_root(doc), "boot"), ""));
    if (state_is_mark(text, length))
        evaluator->state.mark = (int64_t)at;
    return true;
}

/* Reads the file line by line, whatever its size. */
static int restore_file(struct evaluator *evaluator, struct last_mark *mark, struct error *error)
{
    struct state_file *state = &evaluator->state;
    scoped_str line = STR_INIT;
    char buffer[64 * 1024];
    uint64_t begin = 0; /* of the line */
    size_t bad = 0;
    bool too_long = false;
    ssize_t n = 0;

    while ((n = read(state->fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "state: cannot read %s", state->path);
        for (const char *at = buffer, *end = buffer + n; at < end;) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t length = (size_t)((newline ? newline : end) - at);

            too_long = too_long || line.length + length > LINE_LIMIT;
            if (!too_long)
                str_append_n(&line, at, length);
            state->is_cut = !newline;
            state->end += length + (newline != NULL);
            at += length + (newline != NULL);
            if (!newline)
                continue;
            bad += too_long || !restore_text(evaluator, str_text(&line), line.length, begin, mark);
            too_long = false;
            str_clear(&line);
            begin = state->end;
        }
    }
    if (state->is_cut)
        bad += too_long || !restore_text(evaluator, str_text(&line), line.length, begin, mark);
    if (bad)
        log_warning("state: %s: %zu unreadable lines skipped", state->path, bad);
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
        const char *rest = strchr(key, ' ');

        if (str_starts(rest, " exec ") && !map_get(names, rest + strlen(" exec ")))
            map_set(names, rest + strlen(" exec "), mem_strdup(((const struct restored *)value)->name));
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
            restored_adopt(evaluator, subject, &subject->pairs[i]);
}

/* Opens and locks the file, and that under its name: another agent that ends may just have put a new one there. */
static int open_file(struct state_file *state, struct error *error)
{
    struct stat opened, named;

    do {
        if (state->fd >= 0)
            close(state->fd);
        state->fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (state->fd < 0)
            return error_system(error, errno, "state: cannot open %s", state->path);
        if (flock(state->fd, LOCK_EX | LOCK_NB) < 0)
            return error_set(error, EBUSY, "state: %s is in use by another agent", state->path);
        if (fstat(state->fd, &opened) < 0)
            return error_system(error, errno, "state: cannot read %s", state->path);
    } while (stat(state->path, &named) < 0 || opened.st_ino != named.st_ino || opened.st_dev != named.st_dev);
    return 0;
}

/* Which start of the machine this is. */
static void read_boot(struct state_file *state)
{
    scoped_str text = STR_INIT;

    if (file_read("/proc/sys/kernel/random/boot_id", 64, &text, NULL) == 0)
        snprintf(state->boot, sizeof state->boot, "%.*s", (int)strcspn(text.data, "\n"), text.data);
}

int evaluator_load_state(struct evaluator *evaluator, const char *state_dir, struct error *error)
{
    struct state_file *state = &evaluator->state;
    scoped(last_mark_deinit) struct last_mark mark = {0};
    int r;

    state->path = mem_printf("%s/findings.log", state_dir);
    evaluator->restored = map_new(restored_free);
    read_boot(state);
    r = open_file(state, error);
    if (r == 0)
        r = restore_file(evaluator, &mark, error);
    if (r == 0) {
        bool is_other_boot = mark.boot && *mark.boot && *state->boot && !str_equal(mark.boot, state->boot);

        if (is_other_boot && mark.reserved > evaluator->last_seq)
            evaluator->last_seq = mark.reserved;
        r = state_append_mark(evaluator);
        if (r < 0)
            error_system(error, -r, "state: cannot write %s", state->path);
    }
    if (r < 0) {
        if (state->fd >= 0)
            close(state->fd);
        state->fd = -1;
        return r;
    }
    adopt_present(evaluator);
    revive_execs(evaluator);
    return 0;
}

/* KEY of a verdict, "slug kind:id", is taken apart. */
static void close_restored(struct evaluator *evaluator, char *key, const struct restored *restored)
{
    char *slug = key, *kind = strchr(slug, ' '), *id = kind ? strchr(kind + 1, ' ') : NULL;
    enum subject_kind subject_kind;
    const struct rule *rule;
    struct subject subject;
    struct pair pair;

    if (!id)
        return;
    *kind++ = '\0';
    *id++ = '\0';
    rule = rule_set_find(evaluator->rules, slug);
    if (!rule || !subject_kind_parse(kind, &subject_kind))
        return;
    subject = (struct subject){.kind = subject_kind, .id = id, .name = restored->name};
    pair = (struct pair){.rule = rule, .verdict = restored->verdict, .since = restored->since};
    emit_transition(evaluator, &subject, &pair, pair.verdict, "start", true);
}

bool state_close_leftovers(struct evaluator *evaluator, size_t max)
{
    size_t at = 0;
    const char *key;
    void *value;

    for (; evaluator->restored && max && map_next(evaluator->restored, &at, &key, &value); max--) {
        scoped(cleanup_free) char *copy = mem_strdup(key);
        struct restored *restored = map_steal(evaluator->restored, copy);

        close_restored(evaluator, copy, restored);
        restored_free(restored);
    }
    if (evaluator->restored && map_count(evaluator->restored))
        return false;
    map_free(take(evaluator->restored));
    return true;
}
