/* What a container may use up: memory, CPU, processes, ulimits, devices, and its cgroup. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/remedy.h"
#include "agent/checks/task.h"
#include "probes/daemon/daemon_config.h"

/* The engine takes no limit below what is reserved. */
static void remedy_memory(const struct check_input *in, struct check_result *out, const struct container_facts *c)
{
    static const int64_t usual = 512 * 1024 * 1024;
    scoped_str limit = STR_INIT, command = STR_INIT, options = STR_INIT, how = STR_INIT, compose = STR_INIT;

    if (!in->explain)
        return;
    if (c->memory_reservation > usual)
        str_printf(&limit, "%lldb", (long long)c->memory_reservation);
    else
        str_append(&limit, "512m");
    str_printf(&command, "update --memory %s --memory-swap %s", limit.data, limit.data);
    str_printf(&options, "--limit-memory %s", limit.data);
    message_add(&how, "with --memory %s --memory-swap %s", limit.data, limit.data);
    message_add(&compose, "set mem_limit: %s and memswap_limit: %s", limit.data, limit.data);
    check_remedy_update(in, out, command.data,
                        &(struct remedy_change){.how = how.data,
                                                .key = "mem_limit",
                                                .compose = compose.data,
                                                .service = options.data,
                                                .need = FIX_DECISION});
    check_remedy_note(in, out, "on cgroup v2 this kills what uses more: check %s stats first",
                      check_engine_command(in));
}

void check_container_memory_limit(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    check_fact_int(in, out, "memory", c->memory);
    if (c->memory > 0) {
        check_say(in, out, VERDICT_PASS, "memory is limited to %lld bytes", (long long)c->memory);
        return;
    }
    if (c->memory_reservation > 0)
        check_say(in, out, VERDICT_FAIL, "memory is not limited, though %lld bytes are reserved",
                  (long long)c->memory_reservation);
    else
        check_say(in, out, VERDICT_FAIL, "memory is not limited");
    remedy_memory(in, out, c);
}

/* The engine takes no number of CPUs where a period is set. */
static void remedy_cpu(const struct check_input *in, struct check_result *out, const struct container_facts *c)
{
    scoped_str command = STR_INIT, how = STR_INIT, compose = STR_INIT;
    long long period = (long long)c->cpu_period;

    if (!in->explain)
        return;
    if (period > 0) {
        str_printf(&command, "update --cpu-quota %lld", period);
        message_add(&how, "with --cpu-quota %lld", period);
        message_add(&compose, "set cpu_quota: %lld", period);
    } else {
        str_append(&command, "update --cpus 1");
        message_add(&how, "with --cpus 1");
        message_add(&compose, "set cpus: 1");
    }
    check_remedy_update(in, out, command.data,
                        &(struct remedy_change){.how = how.data,
                                                .key = period > 0 ? "cpu_quota" : "cpus",
                                                .compose = compose.data,
                                                .service = "--limit-cpu 1",
                                                .need = FIX_DECISION});
}

void check_container_cpu_limit(const struct check_input *in, struct check_result *out)
{
    enum { SHARES_DEFAULT = 1024 };
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    check_fact_int(in, out, "cpu_shares", c->cpu_shares);
    check_fact_int(in, out, "nano_cpus", c->nano_cpus);
    check_fact_int(in, out, "cpu_quota", c->cpu_quota);
    check_fact_string(in, out, "cpuset_cpus", c->cpuset_cpus);
    if (c->nano_cpus > 0)
        check_say(in, out, VERDICT_PASS, "limited to %.3g CPUs", (double)c->nano_cpus / 1e9);
    else if (c->cpu_quota > 0)
        check_say(in, out, VERDICT_PASS, "CPU quota %lld µs per period", (long long)c->cpu_quota);
    else if (*c->cpuset_cpus)
        check_say(in, out, VERDICT_PASS, "bound to CPUs %s", c->cpuset_cpus);
    else if (c->cpu_shares != 0 && c->cpu_shares != SHARES_DEFAULT)
        check_say(in, out, VERDICT_PASS, "CPU shares %lld", (long long)c->cpu_shares);
    else
        check_say(in, out, VERDICT_FAIL, "CPU is not limited (shares %lld, no quota, no CPU set)",
                  (long long)c->cpu_shares);
    if (out->verdict == VERDICT_FAIL)
        remedy_cpu(in, out, c);
}

void check_container_pids_limit(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    check_fact_int(in, out, "pids_limit", c->pids_limit);
    if (c->pids_limit > 0) {
        check_say(in, out, VERDICT_PASS, "at most %lld processes", (long long)c->pids_limit);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the number of processes is not limited");
    check_remedy_update(in, out, "update --pids-limit 100",
                        &(struct remedy_change){.how = M_("with --pids-limit 100"),
                                                .key = "pids_limit",
                                                .compose = M_("set pids_limit: 100"),
                                                .service = "--limit-pids 100",
                                                .need = FIX_DECISION});
}

/* "nofile=1024:2048" is allowed by itself or by its name. */
static bool ulimit_allowed(const struct check_input *in, const char *ulimit)
{
    scoped(cleanup_free) char *name = mem_strndup(ulimit, strcspn(ulimit, "="));

    return check_allowed(in, "allowed", ulimit) || check_allowed(in, "allowed", name);
}

/* "nofile=1024" is "nofile=1024:1024". */
static bool is_same_ulimit(const char *a, const char *b)
{
    size_t length = strcspn(a, ":");
    const char *hard_a = a[length] ? a + length + 1 : strchr(a, '='), *hard_b;
    size_t length_b = strcspn(b, ":");

    hard_b = b[length_b] ? b + length_b + 1 : strchr(b, '=');
    return length == length_b && strncmp(a, b, length) == 0 && hard_a && hard_b &&
           strcmp(hard_a + (*hard_a == '='), hard_b + (*hard_b == '=')) == 0;
}

/* dockerd writes its own defaults into every container that it makes: they override nothing. */
static bool is_default_ulimit(const struct check_input *in, const char *ulimit)
{
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);

    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "default-ulimit") == 0 && is_same_ulimit(daemon->options[i].value, ulimit))
            return true;
    return false;
}

void check_container_ulimits(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    check_fact_list(in, out, "ulimits", &c->ulimits);
    for (size_t i = 0; i < c->ulimits.count; i++)
        if (!ulimit_allowed(in, c->ulimits.items[i]) && !is_default_ulimit(in, c->ulimits.items[i]))
            check_say(in, out, VERDICT_MANUAL, "overrides the default ulimit %s", c->ulimits.items[i]);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  c->ulimits.count ? "only allowed ulimits, or values equal to the daemon's defaults"
                                   : "no ulimit is overridden");
}

static const struct remedy_change without_devices = {
    .how = M_("without these devices"),
    .key = "devices",
    .compose = M_("remove them from devices, device_cgroup_rules, and deploy.resources.reservations.devices")};

void check_container_devices(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);

    if (!c)
        return;
    for (size_t i = 0; i < c->device_count; i++) {
        scoped_str path = STR_INIT;

        check_path_clean(c->devices[i].path_on_host, &path);
        if (!check_allowed(in, "allowed", path.data))
            check_say(in, out, VERDICT_FAIL, "device %s (%s)", c->devices[i].path_on_host, c->devices[i].permissions);
    }
    for (size_t i = 0; i < c->device_requests.count; i++)
        if (!check_allowed(in, "allowed", c->device_requests.items[i]))
            check_say(in, out, VERDICT_FAIL, "device request %s", c->device_requests.items[i]);
    for (size_t i = 0; i < c->device_cgroup_rules.count; i++)
        if (!check_allowed(in, "allowed", c->device_cgroup_rules.items[i]))
            check_say(in, out, VERDICT_FAIL, "device cgroup rule %s", c->device_cgroup_rules.items[i]);
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct mount_facts *mount = &c->mounts[i];

        if (mount->block_device && !check_allowed(in, "allowed", mount->devices.items[0]))
            check_say(in, out, VERDICT_FAIL, "volume %s mounts the device %s at %s",
                      mount->name ? mount->name : mount->source, mount->devices.items[0], mount->destination);
    }
    if (c->privileged)
        check_say(in, out, VERDICT_FAIL, "privileged: every device of the host");
    if (out->verdict != VERDICT_NONE)
        check_remedy_recreate(in, out, c->privileged ? &remedy_not_privileged : &without_devices);
    else if (!version)
        check_error(in, out, M_("version"), why);
    else if (version->is_podman)
        check_say(in, out, VERDICT_MANUAL,
                  "no host device beyond those allowed; podman's API does not report device cgroup rules (see podman "
                  "inspect)");
    else
        check_say(in, out, VERDICT_PASS, "no host device beyond those allowed");
}

/* "/docker/", "docker" and "/docker" are one place. */
static bool is_same_parent(const char *a, const char *b)
{
    scoped_str left = STR_INIT, right = STR_INIT;

    check_path_clean(a, &left);
    check_path_clean(b, &right);
    return strcmp(left.data, right.data) == 0;
}

/* dockerd's configured cgroup parent, or its default, which depends on INFO's cgroup driver. */
static bool is_daemon_default(const struct info_facts *info, const struct daemon_facts *daemon, const char *parent)
{
    const char *configured = daemon_option(daemon, "cgroup-parent", NULL);

    if (!str_empty(configured))
        return is_same_parent(configured, parent);
    if (!str_equal(info->cgroup_driver, "systemd"))
        return is_same_parent(parent, "/docker");
    return is_same_parent(parent, info->rootless ? "user.slice" : "system.slice");
}

/* The places in which podman puts what has no parent of its own. */
static bool is_podman_default(const struct info_facts *info, const char *parent)
{
    if (!str_equal(info->cgroup_driver, "systemd"))
        return is_same_parent(parent, "/libpod_parent");
    return is_same_parent(parent, info->rootless ? "user.slice" : "machine.slice");
}

/* "machine.slice/machine-libpod_pod_ID.slice" and "/libpod_parent/ID" */
static bool is_podman_pod(const char *parent)
{
    enum { ID_LENGTH = 64 };
    static const char infix[] = "-libpod_pod_", folder[] = "/libpod_parent/";
    const char *name = strrchr(parent, '/') ? strrchr(parent, '/') + 1 : parent, *id = strstr(name, infix), *end;

    if (id)
        id += strlen(infix);
    else if (str_starts(parent, folder) && name == parent + strlen(folder))
        id = name;
    else
        return false;
    end = id + strspn(id, "0123456789abcdef");
    return end - id == ID_LENGTH && (id == name ? !*end : strcmp(end, ".slice") == 0);
}

/* Is PARENT where the engine puts containers by default? False also if that cannot be known: then RET_KNOWN is false
 * and error has been reported. */
static bool is_engine_default(const struct check_input *in, struct check_result *out, const char *parent,
                              bool *ret_known)
{
    const char *why, *why_no_version;
    const struct info_facts *info = store_info(in->store, &why);
    const struct version_facts *version = store_version(in->store, &why_no_version);
    const struct daemon_facts *daemon = NULL;

    *ret_known = false;
    if (!version) {
        check_error(in, out, M_("version"), why_no_version);
        return false;
    }
    if (!version->is_podman && !(daemon = check_need_option(in, out, "cgroup-parent")))
        return false;
    if (!info || !info->cgroup_driver) {
        check_error(in, out, M_("info"), info ? M_("the engine does not report its cgroup driver") : why);
        return false;
    }
    *ret_known = true;
    return daemon ? is_daemon_default(info, daemon, parent) : is_podman_default(info, parent);
}

void check_container_cgroup_parent(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct version_facts *version = store_version(in->store, NULL);
    struct task task = {.state = TASK_NONE};
    bool known, up;

    if (!c)
        return;
    if (check_param(in, "allow_swarm_tasks")->number && *c->cgroup_parent)
        task = check_task(in, c);
    check_fact_string(in, out, "cgroup_parent", c->cgroup_parent);
    up = strstr(c->cgroup_parent, "..") != NULL;
    if (!*c->cgroup_parent)
        check_say(in, out, VERDICT_PASS, "in the daemon's default cgroup");
    else if (!up && check_allowed(in, "allowed", c->cgroup_parent))
        check_say(in, out, VERDICT_PASS, "cgroup parent %s is allowed", c->cgroup_parent);
    else if (c->has_pod_label && check_param(in, "allow_pods")->number)
        check_say(in, out, VERDICT_PASS, "a pod's cgroup parent %s", c->cgroup_parent);
    else if (version && version->is_podman && !up && is_podman_pod(c->cgroup_parent) &&
             check_param(in, "allow_pods")->number)
        check_say(in, out, VERDICT_PASS, "a podman pod's cgroup parent %s", c->cgroup_parent);
    else if (task.state == TASK_REAL)
        check_say(in, out, VERDICT_PASS, "a swarm task's cgroup parent %s", c->cgroup_parent);
    else if (is_engine_default(in, out, c->cgroup_parent, &known))
        check_say(in, out, VERDICT_PASS, "cgroup parent %s is the daemon's default", c->cgroup_parent);
    else if (known && task.state != TASK_NONE)
        check_say_unverified(in, out, &task);
    else if (known) {
        check_say(in, out, VERDICT_FAIL, "cgroup parent %s", c->cgroup_parent);
        check_remedy_recreate(in, out,
                              &(struct remedy_change){.how = M_("without --cgroup-parent"),
                                                      .key = "cgroup_parent",
                                                      .compose = M_("remove cgroup_parent")});
    }
}
