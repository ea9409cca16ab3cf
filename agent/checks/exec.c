/* Commands started inside containers by docker or podman exec. What was found stays for a time, however short the
 * command was. */
#include <string.h>

#include "agent/checks/checks.h"

static usec_t expiry(const struct check_input *in, usec_t begin)
{
    return begin + check_param(in, "keep_seconds")->number * USEC_PER_SEC;
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
        check_error(in, out, "exec", why);
        check_remedy(in, out, "agentctl ack %s 'reason'", in->key);
        return NULL;
    }
    check_fact_string(in, out, "container", exec->container_id);
    check_fact_string(in, out, "container_name", exec->container_name);
    check_fact_string(in, out, "user", exec->user);
    check_fact_bool(in, out, "privileged", exec->privileged);
    return exec;
}

static void say_found(const struct check_input *in, struct check_result *out, const struct exec_facts *exec,
                      const char *what)
{
    check_say(in, out, VERDICT_FAIL, "%s in container %s: %s", what,
              exec->container_name ? exec->container_name : exec->container_id, exec->command);
    check_remedy(in, out, "agentctl ack %s 'reason'", in->key);
}

void check_exec_privileged(const struct check_input *in, struct check_result *out)
{
    const struct exec_facts *exec = exec_of(in, out);

    if (!exec)
        return;
    if (exec->privileged) {
        scoped_str what = STR_INIT;

        str_printf(&what, "%s exec --privileged", check_engine_command(in));
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
        check_error(in, out, "container", "gone before its user could be read");
    } else {
        scoped_str what = STR_INIT;

        str_printf(&what, "%s exec --user %.128s%s (the container's own user is %.128s)", check_engine_command(in),
                   exec->user, is_root(exec->user) ? ", which is root," : "",
                   *exec->container_user ? exec->container_user : "root by default");
        say_found(in, out, exec, what.data);
    }
}
