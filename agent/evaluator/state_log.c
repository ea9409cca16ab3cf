/* The log of findings as it is written: a line for each transition.
 *
 * `STATE_DIR/findings.log` holds JSON lines, each written before its transition is sent anywhere, so that no seq is
 * given twice. Two things could yet make that happen, and a mark, a line of fixed length at the file's beginning or
 * wherever a run of the agent began, is there for both:
 *
 * - A line that cannot be written, as on a full disk. The mark is overwritten in place, which takes no space, with the
 *   number that is given all the same. This is a state of the agent itself, and the file is written anew, whole, as
 * soon as that succeeds (state_compact.c).
 * - A power loss, which takes lines that the kernel has not written to the disk yet. The mark is on the disk before
 *   anything else and names the number up to which seq is reserved. The next run goes on after that number if the
 *   machine has been started since and the agent had not been stopped in order: a run that was only killed has lost
 *   nothing.
 *
 * How the file is read back is in state_load.c. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/json_out.h"
#include "common/log.h"

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

static void add_line(struct str *out, struct json_out *json)
{
    size_t length;
    const char *text = json_out_text(json, &length);

    str_append_n(out, text, length);
    str_append_char(out, '\n');
}

void state_line_of_pair(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                        bool gone, struct str *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);

    json_out_object(json, NULL);
    json_out_int(json, "seq", (int64_t)pair->seq);
    json_out_string(json, "rule", pair->rule->slug);
    json_out_string(json, "kind", subject_kind_name(subject->kind));
    json_out_string(json, "id", subject->id);
    json_out_string(json, "name", subject->name);
    json_out_string(json, "status", gone ? NULL : verdict_name(pair->verdict));
    json_out_int(json, "since", pair->since);
    if (pair->waived && !gone)
        json_out_bool(json, "waived", true);
    if (!gone)
        write_exec(evaluator, subject, json);
    json_out_end_object(json);
    add_line(out, json);
}

static const char mark_format[] = "{\"seq\":%20llu,\"reserved\":%20llu,\"boot\":\"%-*s\"}\n";

void state_line_of_mark(const struct evaluator *evaluator, uint64_t reserved, struct str *out)
{
    str_printf(out, mark_format, (unsigned long long)evaluator->last_seq, (unsigned long long)reserved,
               STATE_BOOT_LENGTH, evaluator->state.boot);
}

bool state_is_mark(const char *text, size_t length)
{
    enum { MARK_LENGTH = sizeof "{\"seq\":,\"reserved\":,\"boot\":\"\"}" - 1 + 2 * 20 + STATE_BOOT_LENGTH };

    return length == MARK_LENGTH && str_starts(text, "{\"seq\":") && strstr(text, ",\"reserved\":");
}

uint64_t state_reserve(const struct evaluator *evaluator)
{
    enum { RESERVE = 1024 * 1024 };

    return evaluator->last_seq + RESERVE;
}

int state_write_at(int fd, uint64_t at, const char *data, size_t length)
{
    while (length) {
        ssize_t n = pwrite(fd, data, length, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        at += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

/* Puts the numbers of now, up to RESERVED, into the mark that the file has. */
static int overwrite_mark(struct evaluator *evaluator, uint64_t reserved)
{
    scoped_str line = STR_INIT;
    int r;

    if (evaluator->state.mark < 0)
        return -ENOENT;
    state_line_of_mark(evaluator, reserved, &line);
    r = state_write_at(evaluator->state.fd, (uint64_t)evaluator->state.mark, line.data, line.length);
    if (r == 0)
        evaluator->state.reserved = reserved;
    return r;
}

static void note_trouble(struct evaluator *evaluator, int number)
{
    struct state_file *state = &evaluator->state;

    if (state->trouble)
        return;
    state->trouble = mem_printf("cannot write %s: %s", state->path, strerror(number));
    log_error("state: %s", state->trouble);
}

/* What was written of a line that could not be written whole is taken back: a later line must not begin within it. */
static void take_back(struct state_file *state)
{
    off_t end;

    if (ftruncate(state->fd, (off_t)state->end) == 0)
        return;
    end = lseek(state->fd, 0, SEEK_END);
    state->is_cut = state->is_cut || (uint64_t)end > state->end;
    state->end = end > 0 ? (uint64_t)end : state->end;
}

/* LINE, with its newline. */
static int append(struct evaluator *evaluator, const struct str *line)
{
    struct state_file *state = &evaluator->state;
    scoped_str text = STR_INIT;
    int r;

    str_append(&text, state->is_cut ? "\n" : "");
    str_append_n(&text, line->data, line->length);
    r = state_write_at(state->fd, state->end, text.data, text.length);
    if (r < 0) {
        take_back(state);
        note_trouble(evaluator, -r);
        return r;
    }
    state->end += text.length;
    state->is_cut = false;
    state->lines++;
    return 0;
}

enum { TAIL_MAX = 16 * 1024 * 1024 };

static void append_transition(struct evaluator *evaluator, const struct str *line)
{
    struct state_file *state = &evaluator->state;

    if (state->rewriter && !state->tail_lost) {
        str_append_n(&state->tail, line->data, line->length);
        state->tail_lines++;
        state->tail_lost = state->tail.length > TAIL_MAX;
    }
    if (evaluator->last_seq > state->reserved) {
        if (overwrite_mark(evaluator, state_reserve(evaluator)) < 0 || fdatasync(state->fd) < 0)
            state->reserved = state_reserve(evaluator); /* if the line cannot be written either, that is noticed */
    }
    if (append(evaluator, line) < 0 && overwrite_mark(evaluator, state->reserved) < 0 && state->mark >= 0) {
        state->mark = -1; /* until the file is written anew */
        log_error(
            "state: %s cannot even be overwritten: what is reported from now on may have its seq again after a crash",
            state->path);
    }
}

void state_append(struct evaluator *evaluator, const struct subject *subject, const struct pair *pair, bool gone)
{
    scoped_str line = STR_INIT;

    if (evaluator->state.fd < 0)
        return;
    state_line_of_pair(evaluator, subject, pair, gone, &line);
    append_transition(evaluator, &line);
}

void state_append_seq(struct evaluator *evaluator)
{
    scoped_str line = STR_INIT;

    if (evaluator->state.fd < 0)
        return;
    str_printf(&line, "{\"seq\":%llu}\n", (unsigned long long)evaluator->last_seq);
    append_transition(evaluator, &line);
}

int state_append_mark(struct evaluator *evaluator)
{
    struct state_file *state = &evaluator->state;
    uint64_t reserved = state_reserve(evaluator);
    scoped_str line = STR_INIT;
    int r;

    state_line_of_mark(evaluator, reserved, &line);
    r = append(evaluator, &line);
    if (r == 0) {
        state->mark = (int64_t)(state->end - line.length);
        state->reserved = reserved;
    } else if (overwrite_mark(evaluator, reserved) < 0) {
        return r;
    }
    return fdatasync(state->fd) < 0 ? -errno : 0;
}

void state_init(struct evaluator *evaluator)
{
    evaluator->state.fd = -1;
    evaluator->state.mark = -1;
}

void state_deinit(struct evaluator *evaluator)
{
    struct state_file *state = &evaluator->state;

    if (state->fd >= 0) {
        overwrite_mark(evaluator, evaluator->last_seq); /* stopped in order: no number beyond it was given */
        close(state->fd);
    }
    free(state->path);
    free(state->trouble);
    str_deinit(&state->tail);
    map_free(evaluator->restored);
}
