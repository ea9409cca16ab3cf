/* The log of findings as it is written: a line for each transition.
 *
 * `STATE_DIR/findings.log` holds JSON lines, each written before its transition is sent anywhere. A line that cannot be
 * written (the disk is full) is a state of the agent itself; the file is then written anew, whole, as soon as that
 * succeeds (state_compact.c). How it is read back is in state_load.c. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <string.h>

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

int state_write_line(int fd, const char *text, size_t length)
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

int state_write_pair(const struct evaluator *evaluator, int fd, const struct subject *subject, const struct pair *pair,
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
    return state_write_line(fd, text, length);
}

int state_write_seq(const struct evaluator *evaluator, int fd)
{
    scoped(cleanup_free) char *line = mem_printf("{\"seq\":%llu}", (unsigned long long)evaluator->last_seq);

    return state_write_line(fd, line, strlen(line));
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
        r = state_write_pair(evaluator, evaluator->state_fd, subject, pair, gone);
    note_written(evaluator, r);
}

void state_append_seq(struct evaluator *evaluator)
{
    int r;

    if (evaluator->state_fd < 0)
        return;
    r = mend_end(evaluator);
    if (r == 0)
        r = state_write_seq(evaluator, evaluator->state_fd);
    note_written(evaluator, r);
}

void state_deinit(struct evaluator *evaluator)
{
    if (evaluator->state_fd >= 0)
        close(evaluator->state_fd);
    free(evaluator->state_path);
    free(evaluator->state_trouble);
    map_free(evaluator->restored);
}
