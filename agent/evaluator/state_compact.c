/* The state file written anew, whole: when it holds many more lines than there are pairs, and when a line could not be
 * written. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "common/json_out.h"

enum { COMPACT_SLACK = 4096, RETRY_S = 10 };

static size_t count_pairs(const struct evaluator *evaluator)
{
    size_t at = 0, count = 0;
    const struct subject *subject;

    while ((subject = subject_next(evaluator, &at)))
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
        r = state_write_line(fd, text, length);
    }
    return r;
}

static int write_all(struct evaluator *evaluator, int fd)
{
    size_t at = 0;
    const struct subject *subject;
    int r = state_write_seq(evaluator, fd);

    while (r == 0 && (subject = subject_next(evaluator, &at)))
        for (size_t i = 0; r == 0 && i < subject->pair_count; i++)
            if (subject->pairs[i].verdict != VERDICT_NONE)
                r = state_write_pair(evaluator, fd, subject, &subject->pairs[i], false);
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
        evaluator_agent_state(evaluator, "agent-state", true, "the state can be written again", "state");
    }
    return 0;
}

void state_tell_trouble(struct evaluator *evaluator)
{
    if (evaluator->state_trouble)
        evaluator_agent_state(evaluator, "agent-state", false, evaluator->state_trouble, "state");
}
