/* Commands started inside containers by docker or podman exec. What was found stays for a time, however short the
 * command was. */
#include <inttypes.h>
#include <string.h>

#include "agent/checks/checks.h"

static usec_t expiry(const struct check_input *in, usec_t begin)
{
    return begin + check_param(in, "keep_seconds")->number * USEC_PER_SEC;
}

static void say_time(const struct check_input *in, struct check_result *out, const char *key, usec_t at)
{
    char text[CLOCK_TEXT_SIZE];

    check_fact_string(in, out, key, clock_format(at, text));
}

/* ", 3 times from 2026-11-24T09:30:00Z to 2026-11-24T09:41:12Z"; nothing of a single one. */
static void append_count(struct str *out, const struct exec_facts *exec)
{
    enum { TO_THE_SECOND = sizeof "2026-11-24T09:30:00" - 1 };
    char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];

    if (exec->count <= 1)
        return;
    message_add(out, ", %" PRIu64 " times from %.*sZ to %.*sZ", exec->count, (int)TO_THE_SECOND,
                clock_format(exec->first, first), (int)TO_THE_SECOND, clock_format(exec->seen, last));
}

/* The exec's facts while they still count. NULL: the verdict has been set. */
static const struct exec_facts *exec_of(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct exec_facts *exec = store_exec(in->store, in->key, &why);
    usec_t end = expiry(in, exec ? exec->seen : in->since ? in->since : in->now);

    if (in->now >= end) {
        check_say(in, out, VERDICT_PASS, "older than keep_seconds");
        return NULL;
    }
    out->recheck = end;
    if (!exec) {
        check_error(in, out, M_("exec"), why);
        check_remedy(in, out, "agentctl ack %s 'reason'", in->key);
        fix_clear(&out->fix);
        return NULL;
    }
    check_fact_string(in, out, "container", exec->container_id);
    check_fact_string(in, out, "container_name", exec->container_name);
    check_fact_int(in, out, "count", exec->count ? (int64_t)exec->count : 1);
    say_time(in, out, "first", exec->first ? exec->first : exec->seen);
    say_time(in, out, "last", exec->seen);
    if (exec->lost) {
        scoped_str text = STR_INIT;

        str_append(&text, exec->lost);
        append_count(&text, exec);
        check_error(in, out, M_("exec"), text.data);
        check_remedy(in, out, "agentctl ack %s 'reason'", in->key);
        fix_clear(&out->fix);
        return NULL;
    }
    check_fact_string(in, out, "user", exec->user);
    check_fact_bool(in, out, "privileged", exec->privileged);
    return exec;
}

static void say_found(const struct check_input *in, struct check_result *out, const struct exec_facts *exec,
                      const char *what)
{
    scoped_str times = STR_INIT;

    append_count(&times, exec);
    if (times.length)
        message_add(&times, ", as %.128s%s", *exec->user ? exec->user : M_("the container's own user"),
                    exec->privileged ? M_(", privileged") : "");
    check_say(in, out, VERDICT_FAIL, "%s in container %s%s: %s", what,
              exec->container_name ? exec->container_name : exec->container_id, str_text(&times), exec->command);
    check_remedy(in, out, "agentctl ack %s 'reason'", in->key);
    fix_clear(&out->fix);
}

void check_exec_privileged(const struct check_input *in, struct check_result *out)
{
    const struct exec_facts *exec = exec_of(in, out);

    if (!exec)
        return;
    if (exec->privileged) {
        scoped_str what = STR_INIT;

        message_add(&what, "%s exec --privileged", check_engine_command(in));
        say_found(in, out, exec, what.data);
        return;
    }
    out->recheck = 0;
    check_say(in, out, VERDICT_PASS, "ran without --privileged");
}

static bool is_root(const char *user)
{
    size_t length = strcspn(user, ":");

    return !length || (length == 4 && strncmp(user, "root", 4) == 0) || strspn(user, "0") == length;
}

void check_exec_user(const struct check_input *in, struct check_result *out)
{
    const struct exec_facts *exec = exec_of(in, out);

    if (!exec)
        return;
    check_fact_string(in, out, "container_user", exec->container_user);
    if (!*exec->user || str_equal(exec->user, exec->container_user)) {
        out->recheck = 0;
        check_say(in, out, VERDICT_PASS, "ran as the container's own user");
    } else if (!exec->container_user) {
        check_error(in, out, M_("container"), M_("gone before its user could be read"));
    } else {
        scoped_str what = STR_INIT;

        message_add(&what, "%s exec --user %.128s%s (the container's own user is %.128s)", check_engine_command(in),
                    exec->user, is_root(exec->user) ? M_(", which is root,") : "",
                    *exec->container_user ? exec->container_user : M_("root by default"));
        say_found(in, out, exec, what.data);
    }
}
