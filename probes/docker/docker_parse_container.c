/* GET /containers/{id}/json made facts.
 *
 * The document is the largest that is kept once per container, so only what rules read is copied; environment values
 * never are. Shapes differ between engines (a field may be absent, null or empty) and mean the same here. What changes
 * without changing any verdict (exec ids) stays out of the digest, so that it re-evaluates nothing. */
#include "probes/docker/docker_parse.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/secrets/secrets.h"
#include "common/str.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/docker/docker_parse_internal.h"

enum { LABEL_LENGTH_MAX = 256, EXECS_MAX = 1024 };

/* What every engine sends of every container. Lists and maps may be null, which is how Go writes an empty one. */
static const struct required {
    const char *parent, *name; /* PARENT: NULL: the document itself; NAME: after PARENT's */
    enum json_type type;
    bool nullable;
} required[] = {
    {NULL, "AppArmorProfile", JSON_STRING, false},
    {NULL, "Image", JSON_STRING, false},
    {NULL, "Mounts", JSON_ARRAY, true},
    {NULL, "ProcessLabel", JSON_STRING, false},
    {"Config", "Config.Image", JSON_STRING, false},
    {"Config", "Config.User", JSON_STRING, false},
    {"HostConfig", "HostConfig.Binds", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.CapAdd", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.CapDrop", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.CgroupParent", JSON_STRING, false},
    {"HostConfig", "HostConfig.CpuQuota", JSON_NUMBER, false},
    {"HostConfig", "HostConfig.CpuShares", JSON_NUMBER, false},
    {"HostConfig", "HostConfig.CpusetCpus", JSON_STRING, false},
    {"HostConfig", "HostConfig.DeviceCgroupRules", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.DeviceRequests", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.Devices", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.IpcMode", JSON_STRING, false},
    {"HostConfig", "HostConfig.Memory", JSON_NUMBER, false},
    {"HostConfig", "HostConfig.NanoCpus", JSON_NUMBER, false},
    {"HostConfig", "HostConfig.NetworkMode", JSON_STRING, false},
    {"HostConfig", "HostConfig.PidMode", JSON_STRING, false},
    {"HostConfig", "HostConfig.PidsLimit", JSON_NUMBER, true},
    {"HostConfig", "HostConfig.PortBindings", JSON_OBJECT, true},
    {"HostConfig", "HostConfig.Privileged", JSON_BOOL, false},
    {"HostConfig", "HostConfig.PublishAllPorts", JSON_BOOL, false},
    {"HostConfig", "HostConfig.ReadonlyRootfs", JSON_BOOL, false},
    {"HostConfig", "HostConfig.RestartPolicy", JSON_OBJECT, false},
    {"HostConfig", "HostConfig.SecurityOpt", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.UTSMode", JSON_STRING, false},
    {"HostConfig", "HostConfig.Ulimits", JSON_ARRAY, true},
    {"HostConfig", "HostConfig.UsernsMode", JSON_STRING, false},
    {"HostConfig.RestartPolicy", "HostConfig.RestartPolicy.MaximumRetryCount", JSON_NUMBER, false},
    {"HostConfig.RestartPolicy", "HostConfig.RestartPolicy.Name", JSON_STRING, false},
    {"NetworkSettings", "NetworkSettings.Networks", JSON_OBJECT, true},
    {"NetworkSettings", "NetworkSettings.Ports", JSON_OBJECT, true},
    {"State", "State.Paused", JSON_BOOL, false},
    {"State", "State.Pid", JSON_NUMBER, false},
    {"State", "State.Running", JSON_BOOL, false},
    {"Mounts[]", "Mounts[].Destination", JSON_STRING, false},
    {"Mounts[]", "Mounts[].Propagation", JSON_STRING, false},
    {"Mounts[]", "Mounts[].RW", JSON_BOOL, false},
    {"Mounts[]", "Mounts[].Source", JSON_STRING, false},
};
_Static_assert(countof(required) <= UNREAD_MAX, "");

static void require_member(struct builder *b, const struct json *object, const struct required *member)
{
    const char *key = member->parent ? member->name + strlen(member->parent) + 1 : member->name;

    build_expect(b, object, key, member->type, member->nullable, member->name);
}

/* Records what ROOT lacks. */
static void require_members(struct builder *b, const struct json *root)
{
    const struct json *mounts = json_get(root, "Mounts");

    for (size_t i = 0; i < countof(required); i++) {
        const char *parent = required[i].parent;

        if (str_equal(required[i].name, "NetworkSettings.Ports") &&
            !json_bool(json_path(root, "State", "Running", NULL), false))
            continue; /* it is judged by what it asks for */
        if (!parent)
            require_member(b, root, &required[i]);
        else if (str_equal(parent, "Mounts[]"))
            for (size_t m = 0; json_type(mounts) == JSON_ARRAY && m < json_count(mounts); m++)
                require_member(b, json_at(mounts, m), &required[i]);
        else if (str_equal(parent, "HostConfig.RestartPolicy"))
            require_member(b, json_path(root, "HostConfig", "RestartPolicy", NULL), &required[i]);
        else
            require_member(b, json_get(root, parent), &required[i]);
    }
}

static usec_t parse_time(const struct json *value)
{
    const char *s = json_string(value);
    usec_t at;

    return s && clock_parse(s, &at) == 0 && at > 0 ? at : 0; /* 0001-01-01 means never */
}

const char *docker_shown_name(struct builder *b, const char *name, const char *id)
{
    enum { SHORT_ID = 12 };

    name += *name == '/';
    if (!*name || docker_is_secret_name(name)) /* as docker shows one without */
        return build_string(b, id, strnlen(id, SHORT_ID));
    return build_string(b, name, strlen(name));
}

bool docker_is_secret_name(const char *name)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, name, strlen(name));
    return secret_next(&scan, &match);
}

static void parse_state(struct builder *b, const struct json *state, struct container_facts *c)
{
    const struct json *check = build_typed(b, json_get(state, "Health"), JSON_OBJECT);
    const char *health = json_string(build_present(b, json_get(check, "Status"), JSON_STRING));

    c->status = build_text_or(b, json_get(state, "Status"));
    c->running = build_bool(b, json_get(state, "Running"));
    c->paused = build_bool(b, json_get(state, "Paused"));
    c->pid = build_int(b, json_get(state, "Pid"));
    c->started = parse_time(json_get(state, "StartedAt"));
    c->finished = parse_time(json_get(state, "FinishedAt"));
    build_number(b, c->started);
    build_number(b, c->finished);
    if (!str_empty(health) && strcmp(health, "none") != 0)
        c->health = build_string(b, health, strlen(health));
}

static void parse_labels(struct builder *b, const struct json *labels, struct container_facts *c)
{
    size_t count = json_count(labels);
    const char *task = json_string(json_get(labels, "com.docker.swarm.task.id"));
    const char *pod = json_string(json_get(labels, "io.kubernetes.pod.uid"));

    build_typed(b, labels, JSON_OBJECT);
    c->task_label = str_empty(task) ? NULL : build_string(b, task, strlen(task));
    c->has_pod_label = !str_empty(pod);
    if (json_get(labels, "execID"))
        c->execid_label = build_text_or(b, json_get(labels, "execID"));
    if (json_type(labels) != JSON_OBJECT)
        return;
    for (size_t i = 0; i < count; i++)
        build_present(b, json_member(labels, i, NULL, NULL), JSON_STRING);
    if (count > CONTAINER_LABELS_MAX)
        count = CONTAINER_LABELS_MAX;
    build_room(b, count, "Config.Labels", &c->labels);
    for (size_t i = 0; i < count; i++) {
        const char *key;
        const char *value = json_text(json_member(labels, i, &key, NULL), "");
        scoped_str label = STR_INIT;

        str_printf(&label, "%.*s=%.*s", (int)LABEL_LENGTH_MAX, key, (int)LABEL_LENGTH_MAX, value);
        build_push(b, &c->labels, label.data, label.length);
    }
}

/* The exec that the engine makes for a health check, as its event words it; its shortest interval counts. */
static void parse_health_check(struct builder *b, const struct json *config, struct container_facts *c)
{
    enum { INTERVAL_DEFAULT = 30, START_INTERVAL_DEFAULT = 5, NSEC_PER_USEC = 1000 };
    const struct json *check = json_get(config, "Healthcheck"), *test = json_get(check, "Test");
    const struct json *shell = json_get(config, "Shell");
    bool in_shell = str_equal(json_string(json_at(test, 0)), "CMD-SHELL");
    int64_t interval = json_int(json_get(check, "Interval"), 0) / NSEC_PER_USEC;
    int64_t start_interval = json_int(json_get(check, "StartInterval"), 0) / NSEC_PER_USEC;
    scoped_str line = STR_INIT;
    size_t words = 0;

    if (json_count(test) < 2 || !(in_shell || str_equal(json_string(json_at(test, 0)), "CMD")))
        return;
    if (in_shell && json_count(shell)) {
        for (; words < json_count(shell); words++)
            str_printf(&line, "%s%s", words ? " " : "", json_text(json_at(shell, words), ""));
    } else if (in_shell) {
        str_append(&line, "/bin/sh -c");
        words = 2;
    }
    for (size_t i = 1; i < json_count(test); i++, words++)
        str_printf(&line, "%s%s", words ? " " : "", json_text(json_at(test, i), ""));
    if (words == 1)
        str_append_char(&line, ' ');
    if (interval <= 0)
        interval = INTERVAL_DEFAULT * USEC_PER_SEC;
    if (start_interval <= 0)
        start_interval = START_INTERVAL_DEFAULT * USEC_PER_SEC;
    if (json_int(json_get(check, "StartPeriod"), 0) > 0 && start_interval < interval)
        interval = start_interval;
    c->health_text = docker_exec_text(line.data, line.length);
    c->health_interval = interval;
    build_number(b, interval);
    hash_bytes(&b->hash, line.data, line.length);
}

enum { EXPOSED_MAX = 32 };

static void add_exposed_secret(struct builder *b, const char *what, size_t length, const char *kind, const char *whole,
                               struct container_facts *c)
{
    scoped_str text = STR_INIT;

    if (c->exposed_count == EXPOSED_MAX)
        return;
    if (!c->exposed)
        c->exposed = arena_alloc(b->arena, EXPOSED_MAX * sizeof *c->exposed);
    str_printf(&text, "%.*s (%s)", (int)(length < 128 ? length : 128), what, kind);
    build_number(b, (int64_t)docker_exec_text(whole, strlen(whole)));
    c->exposed[c->exposed_count++] =
        (struct exposed_secret){build_string(b, text.data, text.length), docker_exec_text(whole, strlen(whole))};
}

static void find_exposed_secrets(struct builder *b, const struct json *config, struct container_facts *c)
{
    static const char *const lists[] = {"Entrypoint", "Cmd"};
    const struct json *env = build_typed(b, json_get(config, "Env"), JSON_ARRAY);

    for (size_t i = 0; json_type(env) == JSON_ARRAY && i < json_count(env); i++) {
        const char *entry = json_text(build_item(b, env, i, JSON_STRING), ""), *equals = strchr(entry, '=');
        scoped(cleanup_free) char *name = mem_strndup(entry, strcspn(entry, "="));
        struct secret_match match;

        if (equals && secret_is_value(name, equals + 1, &match))
            add_exposed_secret(b, name, strlen(name), match.kind, entry, c);
    }
    for (size_t l = 0; l < countof(lists); l++) {
        const struct json *words = build_typed(b, json_get(config, lists[l]), JSON_ARRAY);
        scoped_str line = STR_INIT;
        struct secret_match match;
        struct secret_scan scan;

        for (size_t i = 0; json_type(words) == JSON_ARRAY && i < json_count(words); i++)
            str_printf(&line, "%s%s", i ? " " : "", json_text(build_item(b, words, i, JSON_STRING), ""));
        if (!line.length)
            continue;
        secret_scan_init(&scan, line.data, line.length);
        if (secret_next(&scan, &match))
            add_exposed_secret(b, lists[l], strlen(lists[l]), match.kind, line.data, c);
    }
}

static void parse_config(struct builder *b, const struct json *config, struct container_facts *c)
{
    c->image_ref = build_text(b, json_get(config, "Image"));
    c->user = build_text_or(b, json_get(config, "User"));
    build_keys(b, json_get(config, "ExposedPorts"), "Config.ExposedPorts", &c->exposed_ports);
    parse_labels(b, json_get(config, "Labels"), c);
    parse_health_check(b, config, c);
    find_exposed_secrets(b, config, c);
}

static void parse_seccomp(struct builder *b, const char *value, struct seccomp_profile *ret)
{
    if (strcmp(value, "unconfined") == 0)
        *ret = (struct seccomp_profile){.choice = SECCOMP_UNCONFINED};
    else if (strcmp(value, "builtin") == 0 || !*value)
        *ret = (struct seccomp_profile){.choice = SECCOMP_BUILTIN};
    else
        seccomp_profile_read(value, strlen(value), b->arena, ret);
}

/* "seccomp=…" and the old "seccomp:…". The last one counts, as in the engine. */
static void parse_security_options(struct builder *b, const struct json *options, struct container_facts *c)
{
    static const char word[] = "seccomp";
    enum { INLINE_MAX = 200 };
    size_t count = json_count(build_typed(b, options, JSON_ARRAY));

    if (!build_room(b, count, "HostConfig.SecurityOpt", &c->security_opt))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *s = json_string_n(build_item(b, options, i, JSON_STRING), &length);
        char separator;

        if (!s)
            continue;
        hash_bytes(&b->hash, s, length);
        separator = str_starts(s, word) ? s[strlen(word)] : '\0';
        build_push(b, &c->security_opt, s, separator && length > INLINE_MAX ? INLINE_MAX : length);
        if (separator == '=' || separator == ':')
            parse_seccomp(b, s + sizeof word, &c->seccomp);
    }
}

static void parse_devices(struct builder *b, const struct json *host, struct container_facts *c)
{
    const struct json *devices = json_get(host, "Devices"), *requests = json_get(host, "DeviceRequests");
    size_t count = json_count(build_typed(b, devices, JSON_ARRAY));

    build_number(b, (int64_t)count);
    if (count > LIST_MAX) {
        b->too_long = "HostConfig.Devices";
        return;
    }
    c->devices = count ? arena_alloc(b->arena, count * sizeof *c->devices) : NULL;
    c->device_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct json *device = build_item(b, devices, i, JSON_OBJECT);

        c->devices[i] = (struct device_facts){
            .path_on_host = build_text_or(b, json_get(device, "PathOnHost")),
            .path_in_container = build_text_or(b, json_get(device, "PathInContainer")),
            .permissions = build_text_or(b, json_get(device, "CgroupPermissions")),
        };
    }
    count = json_count(build_typed(b, requests, JSON_ARRAY));
    if (!build_room(b, count, "HostConfig.DeviceRequests", &c->device_requests))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct json *request = build_item(b, requests, i, JSON_OBJECT),
                          *capabilities = json_get(request, "Capabilities");
        const struct json *ids = json_get(request, "DeviceIDs");
        scoped_str line = STR_INIT;

        str_printf(&line, "driver=%.64s count=%lld", json_text(json_get(request, "Driver"), ""),
                   (long long)json_int(json_get(request, "Count"), 0));
        for (size_t k = 0; k < json_count(capabilities) && k < 8; k++)
            for (size_t l = 0; l < json_count(json_at(capabilities, k)) && l < 8; l++)
                str_printf(&line, "%s%.64s",
                           k + l ? "," : " capabilities=", json_text(json_at(json_at(capabilities, k), l), ""));
        for (size_t k = 0; k < json_count(ids) && k < 16; k++)
            str_printf(&line, "%s%.64s", k ? "," : " ids=", json_text(json_at(ids, k), ""));
        build_push(b, &c->device_requests, line.data, line.length);
    }
    build_list(b, json_get(host, "DeviceCgroupRules"), "HostConfig.DeviceCgroupRules", &c->device_cgroup_rules);
}

static void parse_ulimits(struct builder *b, const struct json *ulimits, struct container_facts *c)
{
    size_t count = json_count(build_typed(b, ulimits, JSON_ARRAY));

    if (!build_room(b, count, "HostConfig.Ulimits", &c->ulimits))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct json *ulimit = build_item(b, ulimits, i, JSON_OBJECT);
        scoped_str line = STR_INIT;

        str_printf(&line, "%.64s=%lld:%lld", json_text(json_get(ulimit, "Name"), ""),
                   (long long)json_int(json_get(ulimit, "Soft"), 0), (long long)json_int(json_get(ulimit, "Hard"), 0));
        build_push(b, &c->ulimits, line.data, line.length);
    }
}

static void parse_host_config(struct builder *b, const struct json *host, struct container_facts *c)
{
    const struct json *restart = build_typed(b, json_get(host, "RestartPolicy"), JSON_OBJECT);

    c->privileged = build_bool(b, json_get(host, "Privileged"));
    c->auto_remove = json_bool(json_get(host, "AutoRemove"), false); /* judged by no rule */
    c->readonly_rootfs = build_bool(b, json_get(host, "ReadonlyRootfs"));
    c->publish_all_ports = build_bool(b, json_get(host, "PublishAllPorts"));
    build_list(b, json_get(host, "CapAdd"), "HostConfig.CapAdd", &c->cap_add);
    build_list(b, json_get(host, "CapDrop"), "HostConfig.CapDrop", &c->cap_drop);
    parse_security_options(b, json_get(host, "SecurityOpt"), c);
    c->network_mode = build_text_or(b, json_get(host, "NetworkMode"));
    c->pid_mode = build_text_or(b, json_get(host, "PidMode"));
    c->ipc_mode = build_text_or(b, json_get(host, "IpcMode"));
    c->host_ipc = TRI_ABSENT;
    c->uts_mode = build_text_or(b, json_get(host, "UTSMode"));
    c->userns_mode = build_text_or(b, json_get(host, "UsernsMode"));
    c->cgroup_parent = build_text_or(b, json_get(host, "CgroupParent"));
    c->memory = build_int(b, json_get(host, "Memory"));
    c->memory_reservation = build_int(b, json_get(host, "MemoryReservation"));
    c->cpu_shares = build_natural(b, json_get(host, "CpuShares"));
    c->nano_cpus = build_natural(b, json_get(host, "NanoCpus"));
    c->cpu_quota = build_int(b, json_get(host, "CpuQuota"));
    c->cpu_period = build_int(b, json_get(host, "CpuPeriod"));
    c->pids_limit = build_int_or_null(b, json_get(host, "PidsLimit"));
    c->cpuset_cpus = build_text_or(b, json_get(host, "CpusetCpus"));
    c->restart_policy = build_text_or(b, json_get(restart, "Name"));
    c->restart_retries = build_int(b, json_get(restart, "MaximumRetryCount"));
    parse_devices(b, host, c);
    parse_ulimits(b, json_get(host, "Ulimits"), c);
}

/* Which execs live changes with every health check and judges nothing by itself: not part of the digest. */
static void parse_exec_ids(struct builder *b, const struct json *ids, struct container_facts *c)
{
    size_t count = json_type(ids) == JSON_ARRAY ? json_count(ids) : 0;

    if (count > EXECS_MAX)
        count = EXECS_MAX;
    c->exec_ids.items = count ? arena_alloc(b->arena, count * sizeof *c->exec_ids.items) : NULL;
    for (size_t i = 0; i < count; i++)
        if (docker_id_valid(json_string(json_at(ids, i))))
            c->exec_ids.items[c->exec_ids.count++] = arena_strdup(b->arena, json_string(json_at(ids, i)));
}

static int parse_container_value(const struct json *value, struct container_facts **ret, struct error *error)
{
    enum { ARENA_FIRST = 768 }; /* what a plain container takes */
    struct builder b;
    struct container_facts *c;
    int r;

    if (json_type(value) != JSON_OBJECT)
        return error_set(error, EINVAL, "container: not an object");
    if (!docker_id_valid(json_string(json_get(value, "Id"))))
        return error_set(error, EINVAL, "container: Id is missing or malformed");
    if (json_type(json_get(value, "HostConfig")) != JSON_OBJECT ||
        json_type(json_get(value, "Config")) != JSON_OBJECT || json_type(json_get(value, "State")) != JSON_OBJECT)
        return error_set(error, EINVAL, "container: State, Config or HostConfig is missing");
    c = build_begin(&b, sizeof *c, ARENA_FIRST);
    b.document = value;
    require_members(&b, value);
    c->id = build_text(&b, json_get(value, "Id"));
    c->name = docker_shown_name(&b, json_text(json_get(value, "Name"), ""), json_text(json_get(value, "Id"), ""));
    c->image_platform = build_platform(&b, json_path(value, "ImageManifestDescriptor", "platform", "os", NULL),
                                       json_path(value, "ImageManifestDescriptor", "platform", "architecture", NULL),
                                       json_path(value, "ImageManifestDescriptor", "platform", "variant", NULL));
    c->image_id = build_text(&b, json_get(value, "Image"));
    c->created = parse_time(json_get(value, "Created"));
    c->apparmor_profile = build_text_or(&b, json_get(value, "AppArmorProfile"));
    c->process_label = build_text_or(&b, json_get(value, "ProcessLabel"));
    parse_state(&b, json_get(value, "State"), c);
    parse_config(&b, json_get(value, "Config"), c);
    parse_host_config(&b, json_get(value, "HostConfig"), c);
    container_parse_mounts(&b, value, c);
    container_parse_networks(&b, value, c);
    container_parse_ports(&b, value, c);
    parse_exec_ids(&b, json_get(value, "ExecIDs"), c);
    r = build_end(&b, &c->facts, "container", error);
    if (r == 0)
        *ret = c;
    return r;
}

PARSE_TEXT(container, container_facts, DOCUMENT_CONTAINER)
