/* The state file written anew, whole: when it holds many more lines than there are pairs, and when a line could not be
 * written.
 *
 * A process of its own writes it under another name and brings it to the disk: with 10,000 containers that takes
 * seconds. The pairs that it writes are those of the moment at which it was made. Meanwhile transitions are added to
 * the old file as ever, and remembered: they are added to the new one before it takes the old one's place. So at every
 * moment the file of that name is whole, and what is left of another is of no account. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/json_out.h"
#include "common/log.h"

enum { COMPACT_SLACK = 4096, RETRY_S = 10, TIMEOUT_MS = 600 * 1000, CHUNK = 256 * 1024 };

static char *new_path(const struct evaluator *evaluator)
{
    return mem_printf("%s.new", evaluator->state.path);
}

/* ---- In the process that writes it ---- */

struct output {
    int fd;
    uint64_t length; /* of what was written */
    struct str text; /* what is to be written */
};

static void output_deinit(struct output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    str_deinit(&output->text);
}

/* Writes what has gathered, if it is at least LEAST bytes. */
static int output_flush(struct output *output, size_t least)
{
    int r;

    if (output->text.length < least)
        return 0;
    r = state_write_at(output->fd, output->length, output->text.data, output->text.length);
    output->length += output->text.length;
    str_clear(&output->text);
    return r;
}

/* Closed execs as restore_line() reads them: a line without a status. */
static void line_of_closed(const char *id, struct str *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);
    const char *text;
    size_t length;

    json_out_object(json, NULL);
    json_out_string(json, "rule", "-");
    json_out_string(json, "kind", "exec");
    json_out_string(json, "id", id);
    json_out_null(json, "status");
    json_out_end_object(json);
    text = json_out_text(json, &length);
    str_append_n(out, text, length);
    str_append_char(out, '\n');
}

static int write_lines(const struct evaluator *evaluator, struct output *output)
{
    const struct subject *subject;
    size_t at = 0;
    const char *id;
    void *value;
    int r = 0;

    state_line_of_mark(evaluator, state_reserve(evaluator), &output->text);
    while (r == 0 && (subject = subject_next(evaluator, &at)))
        for (size_t i = 0; r == 0 && i < subject->pair_count; i++) {
            if (subject->pairs[i].verdict == VERDICT_NONE)
                continue;
            state_line_of_pair(evaluator, subject, &subject->pairs[i], false, &output->text);
            r = output_flush(output, CHUNK);
        }
    for (at = 0; r == 0 && map_next(evaluator->closed_execs, &at, &id, &value);) {
        line_of_closed(id, &output->text);
        r = output_flush(output, CHUNK);
    }
    if (r == 0)
        r = output_flush(output, 1);
    if (r == 0 && fsync(output->fd) < 0)
        r = -errno;
    return r;
}

/* ARGUMENT: the evaluator. */
static int write_new_file(struct str *unused, const void *argument, struct error *error)
{
    const struct evaluator *evaluator = argument;
    scoped(cleanup_free) char *path = new_path(evaluator);
    scoped(output_deinit) struct output output = {.fd = -1};
    int r;

    (void)unused;
    unlink(path); /* a process that was given up may still have it open: it must not write into ours */
    output.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (output.fd < 0)
        return error_system(error, errno, "cannot open %s", path);
    r = write_lines(evaluator, &output);
    if (r < 0)
        return error_system(error, -r, "cannot write %s", path);
    return 0;
}

/* ---- In the agent ---- */

static size_t count_lines(const struct evaluator *evaluator)
{
    size_t at = 0, count = map_count(evaluator->closed_execs) + 1;
    const struct subject *subject;

    while ((subject = subject_next(evaluator, &at)))
        count += subject->pair_count;
    return count;
}

/* The new file in place of the old one, with what was added since. */
static int take_new_file(struct evaluator *evaluator, const char *path)
{
    struct state_file *state = &evaluator->state;
    int fd = open(path, O_RDWR | O_CLOEXEC), r = 0;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
        r = -errno;
    if (r == 0)
        r = state_write_at(fd, (uint64_t)st.st_size, str_text(&state->tail), state->tail.length);
    if (r == 0 && rename(path, state->path) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    close(state->fd);
    state->fd = fd;
    state->end = (uint64_t)st.st_size + state->tail.length;
    state->is_cut = false;
    state->mark = 0;
    state->reserved = state->rewriter_reserved;
    state->lines = state->rewriter_lines + state->tail_lines;
    return 0;
}

static void forget_tail(struct state_file *state)
{
    str_deinit(&state->tail);
    state->tail_lines = 0;
    state->tail_lost = false;
}

/* NUMBER: 0, or an errno and WHY. */
static void on_written(const char *output, size_t length, int number, const char *why, void *user)
{
    struct evaluator *evaluator = user;
    struct state_file *state = &evaluator->state;
    scoped(cleanup_free) char *path = new_path(evaluator);
    int r;

    (void)output;
    (void)length;
    state->rewriter = NULL;
    r = number ? -number : state->tail_lost ? -EFBIG : take_new_file(evaluator, path);
    forget_tail(state);
    if (r < 0) { /* the old file stays, which is the better one */
        unlink(path);
        log_error("state: cannot replace %s: %s", state->path, number ? why : strerror(-r));
        return;
    }
    state->retry = 0;
    if (state->trouble) {
        free(take(state->trouble));
        evaluator_agent_state(evaluator, "agent-state", true, "the state can be written again", "state");
    }
}

static bool wants_to_be_rewritten(struct evaluator *evaluator)
{
    struct state_file *state = &evaluator->state;

    if (state->fd < 0 || evaluator->restored || state->rewriter || clock_monotonic() < state->retry)
        return false;
    if (state->trouble)
        return true;
    if (state->lines < state->enough)
        return false;
    /* Counted again only when there are as many lines as would have been too many then. */
    state->enough = 2 * count_lines(evaluator) + COMPACT_SLACK;
    return state->lines >= state->enough;
}

void evaluator_save_state(struct evaluator *evaluator)
{
    struct state_file *state = &evaluator->state;
    const struct worker_options options = {.run = write_new_file,
                                           .argument = evaluator,
                                           .limit = 1,
                                           .timeout_ms = TIMEOUT_MS,
                                           /* a directory that is not the agent's own stays writable */
                                           .capabilities =
                                               capability_has(CAP_DAC_OVERRIDE) ? CAPABILITY(CAP_DAC_OVERRIDE) : 0,
                                           .background = true,
                                           .done = on_written,
                                           .user = evaluator};
    struct error error = ERROR_INIT;

    if (!wants_to_be_rewritten(evaluator))
        return;
    state->retry = clock_monotonic() + RETRY_S * USEC_PER_SEC;
    state->rewriter_lines = count_lines(evaluator);
    state->rewriter_reserved = state_reserve(evaluator);
    if (evaluator->workers) {
        state->rewriter = worker_start(evaluator->workers, &options, &error);
        if (!state->rewriter)
            log_error("state: cannot replace %s: %s", state->path, error.text);
    } else {
        int r = write_new_file(NULL, evaluator, &error);

        on_written(NULL, 0, -r, error.text, evaluator);
    }
}

void state_stop_rewriting(struct evaluator *evaluator)
{
    struct state_file *state = &evaluator->state;
    scoped(cleanup_free) char *path = NULL;

    if (!state->rewriter)
        return;
    worker_cancel(take(state->rewriter));
    forget_tail(state);
    path = new_path(evaluator);
    unlink(path);
}

void state_report_trouble(struct evaluator *evaluator)
{
    if (evaluator->state.trouble)
        evaluator_agent_state(evaluator, "agent-state", false, evaluator->state.trouble, "state");
}
