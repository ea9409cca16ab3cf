/* GET /version, /info, /containers/json, /exec/{id}/json and the lines of /events made facts. */
#include "probes/docker/docker_parse.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/secrets/secrets.h"
#include "common/str.h"
#include "probes/docker/docker_parse_internal.h"

bool docker_id_valid(const char *id)
{
    return id && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

static int parse_version_value(const struct json *value, struct version_facts **ret, struct error *error)
{
    struct builder b;
    struct version_facts *v;
    const struct json *components = json_get(value, "Components");
    int r;

    if (json_type(value) != JSON_OBJECT || !json_string(json_get(value, "Version")))
        return error_set(error, EINVAL, "version: not an object with Version");
    v = build_begin(&b, sizeof *v, 512);
    b.document = value;
    v->version = build_text(&b, json_get(value, "Version"));
    v->api_version = build_text(&b, json_get(value, "ApiVersion"));
    v->min_api_version = build_text(&b, json_get(value, "MinAPIVersion"));
    v->os = build_text(&b, json_get(value, "Os"));
    v->arch = build_text(&b, json_get(value, "Arch"));
    v->kernel = build_text(&b, json_get(value, "KernelVersion"));
    v->platform = build_text(&b, json_path(value, "Platform", "Name", NULL));
    v->experimental = build_tristate(&b, json_get(value, "Experimental"));
    build_present(&b, components, JSON_ARRAY);
    for (size_t i = 0; i < json_count(components); i++)
        build_required(&b, build_item(&b, components, i, JSON_OBJECT), "Name", JSON_STRING, "Components[].Name");
    v->is_podman = str_equal(json_string(json_get(json_at(components, 0), "Name")), "Podman Engine");
    build_number(&b, v->is_podman);
    r = build_end(&b, &v->facts, "version", error);
    if (r == 0)
        *ret = v;
    return r;
}

/* The value of KEY in "name=seccomp,profile=default"; NULL: not there. */
static const char *option_value(const char *option, const char *key, size_t *ret_length)
{
    size_t key_length = strlen(key);

    for (const char *at = option; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, key, key_length) == 0 && at[key_length] == '=') {
            at += key_length + 1;
            *ret_length = strcspn(at, ",");
            return at;
        }
    return NULL;
}

static void read_security_options(struct builder *b, struct info_facts *info)
{
    for (size_t i = 0; i < info->security_options.count; i++) {
        const char *option = info->security_options.items[i], *profile;
        size_t length, profile_length;
        const char *name = option_value(option, "name", &length);
        const struct {
            const char *name;
            bool *flag;
        } flags[] = {{"apparmor", &info->apparmor}, {"selinux", &info->selinux},
                     {"seccomp", &info->seccomp},   {"userns", &info->userns},
                     {"rootless", &info->rootless}, {"no-new-privileges", &info->no_new_privileges}};

        if (!name) { /* before API 1.25 */
            name = option;
            length = strcspn(option, ",");
        }
        for (size_t k = 0; k < countof(flags); k++)
            if (strlen(flags[k].name) == length && strncmp(flags[k].name, name, length) == 0)
                *flags[k].flag = true;
        profile = option_value(option, "profile", &profile_length);
        if (length == strlen("seccomp") && strncmp(name, "seccomp", length) == 0)
            info->seccomp_profile = profile ? arena_strndup(b->arena, profile, profile_length) : "default";
    }
}

/* It is there; null is how the engine writes a list of nothing. */
static bool is_list(const struct json *value)
{
    return value && (json_type(value) == JSON_ARRAY || json_type(value) == JSON_NULL);
}

static void add_mirrors(struct builder *b, const struct json *mirrors, struct info_facts *info)
{
    for (size_t i = 0; i < json_count(build_typed(b, mirrors, JSON_ARRAY)); i++) {
        size_t length;
        const char *mirror = json_string_n(build_item(b, mirrors, i, JSON_STRING), &length);
        bool known = !mirror;

        for (size_t k = 0; !known && k < info->mirrors.count; k++)
            known = strcmp(info->mirrors.items[k], mirror) == 0;
        if (!known)
            build_push(b, &info->mirrors, mirror, length);
    }
}

/* The engine lists its mirrors beside the indexes, and those of each index in it. */
static void read_mirrors(struct builder *b, const struct json *registries, struct info_facts *info)
{
    const struct json *indexes = json_get(registries, "IndexConfigs");
    size_t indexes_count = json_type(indexes) == JSON_OBJECT ? json_count(indexes) : 0;
    size_t count = json_count(json_get(registries, "Mirrors"));

    build_expect(b, registries, "Mirrors", JSON_ARRAY, true, "RegistryConfig.Mirrors");
    for (size_t i = 0; i < indexes_count; i++) {
        const struct json *index = json_member(indexes, i, NULL, NULL);

        build_expect(b, index, "Mirrors", JSON_ARRAY, true, "RegistryConfig.IndexConfigs{}.Mirrors");
        count += json_count(json_get(index, "Mirrors"));
    }
    if (!build_room(b, count, "Mirrors", &info->mirrors))
        return;
    add_mirrors(b, json_get(registries, "Mirrors"), info);
    for (size_t i = 0; i < indexes_count; i++)
        add_mirrors(b, json_get(json_member(indexes, i, NULL, NULL), "Mirrors"), info);
}

/* "WARNING: API is accessible on http://127.0.0.1:2375 without encryption. …", in every engine's words. Only what is
 * found counts: that there is no such warning proves nothing. */
static void read_open_addresses(struct builder *b, const struct json *warnings, struct info_facts *info)
{
    static const char words[] = "API is accessible on ";
    size_t count = json_type(warnings) == JSON_ARRAY ? json_count(warnings) : 0;

    if (!build_room(b, count, "Warnings", &info->open_addresses))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(json_text(json_at(warnings, i), ""), words);

        at = at ? at + strlen(words) : "";
        if (str_starts(at, "http://") || str_starts(at, "https://"))
            build_push(b, &info->open_addresses, at, strcspn(at, " \n"));
    }
}

static void read_registries(struct builder *b, const struct json *registries, struct info_facts *info)
{
    const struct json *indexes = json_get(registries, "IndexConfigs");
    size_t count = json_type(indexes) == JSON_OBJECT ? json_count(indexes) : 0;

    read_mirrors(b, registries, info);
    build_expect(b, registries, "InsecureRegistryCIDRs", JSON_ARRAY, true, "RegistryConfig.InsecureRegistryCIDRs");
    build_expect(b, registries, "IndexConfigs", JSON_OBJECT, true, "RegistryConfig.IndexConfigs");
    info->has_registry_config = is_list(json_get(registries, "InsecureRegistryCIDRs")) && indexes &&
                                (json_type(indexes) == JSON_OBJECT || json_type(indexes) == JSON_NULL);
    build_list(b, json_get(registries, "InsecureRegistryCIDRs"), "InsecureRegistryCIDRs", &info->insecure_cidrs);
    if (!build_room(b, count, "IndexConfigs", &info->insecure_indexes))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        size_t length;
        const struct json *index = json_member(indexes, i, &name, &length);

        build_expect(b, index, "Secure", JSON_BOOL, false, "RegistryConfig.IndexConfigs{}.Secure");
        if (!json_bool(json_get(index, "Secure"), true))
            build_push(b, &info->insecure_indexes, name, length);
    }
}

static void read_driver_status(struct builder *b, const struct json *status, struct info_facts *info)
{
    size_t count = json_type(status) == JSON_ARRAY ? json_count(status) : 0;

    if (!build_room(b, count, "DriverStatus", &info->driver_status))
        return;
    for (size_t i = 0; i < count; i++) {
        scoped_str line = STR_INIT;

        const struct json *pair = build_item(b, status, i, JSON_ARRAY);
        const char *key = json_text(build_item(b, pair, 0, JSON_STRING), "");

        str_printf(&line, "%.256s: %.1024s", key, json_text(build_item(b, pair, 1, JSON_STRING), ""));
        build_push(b, &info->driver_status, line.data, line.length);
    }
}

static void read_runtimes(struct builder *b, const struct json *runtimes, struct info_facts *info)
{
    size_t count = json_type(runtimes) == JSON_OBJECT ? json_count(runtimes) : 0;

    if (!build_room(b, count, "Runtimes", &info->runtimes))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const struct json *runtime = json_member(runtimes, i, &name, NULL);
        const char *path = json_string(json_get(runtime, "path"));
        scoped_str line = STR_INIT;

        str_printf(&line, "%.256s=%.3072s", name,
                   str_empty(path) ? json_text(json_get(runtime, "runtimeType"), "") : path);
        build_push(b, &info->runtimes, line.data, line.length);
    }
}

static void expect_info(struct builder *b, const struct json *value)
{
    build_expect(b, value, "DriverStatus", JSON_ARRAY, true, "DriverStatus");
    build_expect(b, value, "Name", JSON_STRING, false, "Name");
    build_expect(b, value, "RegistryConfig", JSON_OBJECT, false, "RegistryConfig");
    build_expect(b, value, "SecurityOptions", JSON_ARRAY, true, "SecurityOptions");
    build_expect(b, value, "Swarm", JSON_OBJECT, false, "Swarm");
}

/* Of /info only what rules read: it also counts containers and goroutines, which change all the time. */
static int parse_info_value(const struct json *value, struct info_facts **ret, struct error *error)
{
    struct builder b;
    struct info_facts *info;
    const struct json *plugins = json_get(value, "Plugins");
    int r;

    if (json_type(value) != JSON_OBJECT || !json_string(json_get(value, "DockerRootDir")))
        return error_set(error, EINVAL, "info: not an object with DockerRootDir");
    info = build_begin(&b, sizeof *info, 2048);
    b.document = value;
    expect_info(&b, value);
    info->id = arena_strdup(b.arena, json_string(json_get(value, "ID"))); /* podman: another one each time */
    info->name = build_text(&b, json_get(value, "Name"));
    info->server_version = build_text(&b, json_get(value, "ServerVersion"));
    info->driver = build_text(&b, json_get(value, "Driver"));
    info->data_root = build_text(&b, json_get(value, "DockerRootDir"));
    info->logging_driver = build_text(&b, json_get(value, "LoggingDriver"));
    info->cgroup_driver = build_text(&b, json_get(value, "CgroupDriver"));
    info->cgroup_version = build_text(&b, json_get(value, "CgroupVersion"));
    info->default_runtime = build_text(&b, json_get(value, "DefaultRuntime"));
    info->has_security_options = is_list(json_get(value, "SecurityOptions"));
    build_number(&b, info->has_security_options);
    build_list(&b, json_get(value, "SecurityOptions"), "SecurityOptions", &info->security_options);
    read_security_options(&b, info);
    if (build_tristate(&b, json_get(value, "Rootless")) == TRI_TRUE) /* podman's; it is in no security option */
        info->rootless = true;
    read_driver_status(&b, json_get(value, "DriverStatus"), info);
    read_registries(&b, json_get(value, "RegistryConfig"), info);
    info->has_plugins = json_type(plugins) == JSON_OBJECT && is_list(json_get(plugins, "Authorization"));
    build_number(&b, info->has_plugins);
    build_list(&b, json_get(plugins, "Authorization"), "Plugins.Authorization", &info->authorization_plugins);
    read_open_addresses(&b, json_get(value, "Warnings"), info);
    info->live_restore = build_tristate(&b, json_get(value, "LiveRestoreEnabled"));
    info->debug = build_tristate(&b, json_get(value, "Debug"));
    info->experimental = build_tristate(&b, json_get(value, "ExperimentalBuild"));
    info->containerd_address = build_text(&b, json_path(value, "Containerd", "Address", NULL));
    parse_swarm(&b, json_get(value, "Swarm"), info);
    read_runtimes(&b, json_get(value, "Runtimes"), info);
    for (size_t i = 0; i < info->driver_status.count; i++)
        if (str_starts(info->driver_status.items[i], "driver-type: io.containerd.snapshotter"))
            info->containerd_store = true;
    r = build_end(&b, &info->facts, "info", error);
    if (r == 0)
        *ret = info;
    return r;
}

static int parse_container_list_value(const struct json *value, struct container_list_facts **ret, struct error *error)
{
    struct builder b;
    struct container_list_facts *list;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "containers: not an array");
    if (count > DOCUMENT_LIST_MAX)
        return error_set(error, EFBIG, "containers: more than %d", (int)DOCUMENT_LIST_MAX);
    list = build_begin(&b, sizeof *list, sizeof *list + count * (sizeof *list->items + 160) + 64);
    b.document = value;
    list->items = count ? arena_alloc(b.arena, count * sizeof *list->items) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(value, i);

        if (!docker_id_valid(json_string(json_get(item, "Id")))) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "containers: Id of entry %zu is missing or malformed", i);
        }
        list->items[list->count++] = (struct container_list_item){
            .id = build_text(&b, json_get(item, "Id")),
            .name = docker_shown_name(&b, json_text(json_at(json_get(item, "Names"), 0), ""),
                                      json_text(json_get(item, "Id"), "")),
            .state = build_text(&b, build_required(&b, item, "State", JSON_STRING, "State")),
        };
    }
    r = build_end(&b, &list->facts, "containers", error);
    if (r == 0)
        *ret = list;
    return r;
}

/* For people's eyes, so what looks like a secret is left out here: nothing after this can give it away. */
static void read_command(struct builder *b, const struct json *process, struct exec_facts *exec)
{
    enum { COMMAND_MAX = 1024, COMMAND_READ_MAX = 64 * 1024 };
    const struct json *arguments = json_get(process, "arguments");
    scoped_str line = STR_INIT, shown = STR_INIT, hex = STR_INIT;
    unsigned char hash[SHA256_DIGEST_LENGTH];

    str_append(&line, json_text(json_get(process, "entrypoint"), ""));
    for (size_t i = 0; i < json_count(arguments) && line.length < COMMAND_READ_MAX; i++) {
        str_append_char(&line, ' ');
        str_append(&line, json_text(json_at(arguments, i), ""));
    }
    secret_redact(&shown, str_text(&line), line.length, true);
    SHA256((const unsigned char *)str_text(&shown), shown.length, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        str_printf(&hex, "%02x", hash[i]);
    exec->command_digest = build_string(b, hex.data, hex.length);
    exec->command = build_string(b, str_text(&shown), shown.length < COMMAND_MAX ? shown.length : COMMAND_MAX);
}

uint64_t docker_exec_text(const char *command, size_t length)
{
    struct hash hash;

    hash_init(&hash);
    hash_bytes(&hash, command, length);
    return hash_end(&hash) | 1;
}

static uint64_t exec_text(const struct json *process)
{
    const struct json *arguments = json_get(process, "arguments");
    scoped_str line = STR_INIT;

    str_printf(&line, "%s ", json_text(json_get(process, "entrypoint"), ""));
    for (size_t i = 0; i < json_count(arguments); i++)
        str_printf(&line, "%s%s", i ? " " : "", json_text(json_at(arguments, i), ""));
    return docker_exec_text(line.data, line.length);
}

static int parse_exec_value(const struct json *value, struct exec_facts **ret, struct error *error)
{
    struct builder b;
    struct exec_facts *exec;
    const struct json *process = json_get(value, "ProcessConfig");
    int r;

    if (!docker_id_valid(json_string(json_get(value, "ID"))) || json_type(process) != JSON_OBJECT)
        return error_set(error, EINVAL, "exec: not an object with ID and ProcessConfig");
    exec = build_begin(&b, sizeof *exec, 768);
    b.document = value;
    exec->id = build_text(&b, json_get(value, "ID"));
    exec->container_id = build_text(&b, build_required(&b, value, "ContainerID", JSON_STRING, "ContainerID"));
    exec->user = build_text_or(&b, json_get(process, "user"));
    exec->privileged = build_bool(&b, build_required(&b, process, "privileged", JSON_BOOL, "ProcessConfig.privileged"));
    build_typed(&b, json_get(process, "entrypoint"), JSON_STRING);
    build_typed(&b, json_get(process, "arguments"), JSON_ARRAY);
    read_command(&b, process, exec);
    /* These change as it runs and judge nothing: not part of the digest. */
    exec->text = exec_text(process);
    exec->running = json_bool(json_get(value, "Running"), false);
    exec->pid = json_int(json_get(value, "Pid"), 0);
    r = build_end(&b, &exec->facts, "exec", error);
    if (r == 0)
        *ret = exec;
    return r;
}

PARSE_TEXT(version, version_facts, DOCUMENT_VERSION)
PARSE_TEXT(info, info_facts, DOCUMENT_INFO)
PARSE_TEXT(container_list, container_list_facts, DOCUMENT_CONTAINER_LIST)
PARSE_TEXT(exec, exec_facts, DOCUMENT_EXEC)

static void hash_text(struct hash *hash, const struct json *value)
{
    size_t length = 0;
    const char *s = json_string_n(value, &length);

    hash_bytes(hash, s ? s : "", length);
}

static bool action_is(const struct docker_event *event, const char *action)
{
    return strlen(action) == event->action_length && strncmp(action, event->action, event->action_length) == 0;
}

/* podman's names for what Docker calls otherwise. */
static void map_podman(struct docker_event *event)
{
    static const struct {
        const char *type, *from, *to;
    } words[] = {{"container", "died", "die"},
                 {"container", "remove", "destroy"},
                 {"container", "exec", "exec_create"},
                 {"container", "exec_died", "exec_die"},
                 {"image", "remove", "delete"}};

    if (!event->container && str_equal(event->type, "network") && docker_id_valid(event->id) &&
        (action_is(event, "connect") || action_is(event, "disconnect")))
        event->container = event->id; /* the network is named beside it */
    for (size_t i = 0; i < countof(words); i++)
        if (action_is(event, words[i].from) && str_equal(words[i].type, event->type)) {
            event->started = strcmp(words[i].from, "exec") == 0;
            event->action = words[i].to;
            event->action_length = strlen(words[i].to);
            return;
        }
}

int parse_event_value(const struct json *value, struct docker_event *ret_event, struct error *error)
{
    static const char *const starts[] = {"exec_create: ", "exec_start: "};
    const struct json *actor = json_get(value, "Actor"), *attributes = json_get(actor, "Attributes");
    struct docker_event event = {
        .type = json_string(json_get(value, "Type")),
        .action = json_string(json_get(value, "Action")),
        .id = json_text(json_get(actor, "ID"), ""),
        .container = json_string(json_get(attributes, "container")),
        .exec_id = json_string(json_get(attributes, "execID")),
        .name = json_string(json_get(attributes, "name")),
        .time_nano = json_int(json_get(value, "timeNano"), 0),
    };
    struct hash hash;

    if (json_type(value) != JSON_OBJECT || !event.type || !event.action)
        return error_set(error, EINVAL, "event: not an object with Type and Action");
    event.action_length = strcspn(event.action, ":");
    for (size_t i = 0; i < countof(starts); i++)
        if (str_starts(event.action, starts[i]))
            event.command = event.action + strlen(starts[i]);
    hash_init(&hash);
    hash_text(&hash, json_get(value, "Type"));
    hash_text(&hash, json_get(value, "Action"));
    hash_text(&hash, json_get(actor, "ID"));
    hash_bytes(&hash, &event.time_nano, sizeof event.time_nano);
    for (size_t i = 0; i < json_count(attributes); i++) {
        const char *key;
        size_t length;
        const struct json *attribute = json_member(attributes, i, &key, &length);

        hash_bytes(&hash, key, length);
        hash_text(&hash, attribute);
    }
    event.digest = hash_end(&hash);
    map_podman(&event);
    if (event.name && str_equal(event.type, "container") && docker_is_secret_name(event.name))
        event.name = event.id;
    *ret_event = event;
    return 0;
}
