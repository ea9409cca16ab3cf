/* Documents of verdict cases that describe the host itself. */
#include <errno.h>
#include <string.h>

#include "case_documents.h"
#include "common/str.h"
#include "probes/audit/audit.h"
#include "probes/daemon/daemon_config.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/environment/environment.h"
#include "probes/host/listeners.h"

/* An object of SIZE bytes that begins with struct facts. */
static void *facts_new(size_t size)
{
    struct arena *arena = arena_new(size + 1024);
    struct facts *facts = arena_alloc(arena, size);

    facts->arena = arena;
    return facts;
}

static const char *text_of(struct arena *arena, const struct json *object, const char *key)
{
    return arena_strdup(arena, json_string(json_get(object, key)));
}

static void copy_strings(struct arena *arena, const struct json *list, struct string_list *ret)
{
    ret->items = arena_alloc(arena, (json_count(list) + 1) * sizeof *ret->items);
    for (size_t i = 0; i < json_count(list); i++)
        ret->items[ret->count++] = arena_strdup(arena, json_string(json_at(list, i)));
}

static unsigned permissions_of(const char *letters)
{
    return (strchr(letters, 'r') ? 4U : 0) | (strchr(letters, 'w') ? 2U : 0) | (strchr(letters, 'x') ? 1U : 0);
}

/* "user:alice:1000:rw", "group::4711:r": what the mask leaves. */
static int read_acl(struct arena *arena, const struct json *list, const struct json *group, const struct json *other,
                    struct acl_facts *ret, struct error *error)
{
    ret->present = list != NULL;
    ret->group = permissions_of(json_text(group, "rw"));
    ret->other = permissions_of(json_text(other, ""));
    ret->entries = arena_alloc(arena, (json_count(list) + 1) * sizeof *ret->entries);
    for (size_t i = 0; i < json_count(list); i++) {
        const char *text = json_text(json_at(list, i), "");
        scoped(cleanup_free) char *copy = mem_strdup(text);
        char *rest = copy, *type = strsep(&rest, ":"), *name = strsep(&rest, ":"), *id = strsep(&rest, ":");

        if (!rest)
            return error_set(error, EINVAL, "\"%s\" is no entry of an access control list", text);
        ret->entries[ret->count++] = (struct acl_entry){.is_group = strcmp(type, "group") == 0,
                                                        .id = (uint32_t)strtoul(id, NULL, 10),
                                                        .name = *name ? arena_strdup(arena, name) : NULL,
                                                        .permissions = permissions_of(rest)};
    }
    return 0;
}

static void read_engine_of_files(struct arena *arena, const struct json *files, struct fileset_facts *set)
{
    set->rootless = json_bool(json_get(files, "rootless"), false);
    set->engine_uid = (uid_t)json_int(json_get(files, "engine_uid"), 0);
    set->engine_gid = (gid_t)json_int(json_get(files, "engine_gid"), 0);
    set->engine_user = text_of(arena, files, "engine_user");
    set->engine_group = text_of(arena, files, "engine_group");
    copy_strings(arena, json_get(files, "activated"), &set->activated);
    if (set->activated.count)
        set->socket_unit = arena_strdup(arena, json_text(json_get(files, "socket_unit"), "docker.socket"));
    set->socket_mode = text_of(arena, files, "socket_mode");
    set->socket_user = text_of(arena, files, "socket_user");
    set->socket_group = text_of(arena, files, "socket_group");
}

/* "source": which set of files (default: the rule's); "items": path, target, uid, gid, user, group, mode (with the type
 * or without), acl, acl_group, acl_default, acl_default_other, error. */
int case_make_files(const struct case_context *context, const struct json *files, struct facts **ret,
                    struct error *error)
{
    struct fileset_facts *set = facts_new(sizeof *set);
    struct arena *arena = set->facts.arena;
    const struct json *items = json_get(files, "items");

    (void)context;
    set->expected_group = text_of(arena, files, "expected_group");
    set->expected_gid = (gid_t)json_int(json_get(files, "expected_gid"), 0);
    set->expected_group_exists = json_bool(json_get(files, "expected_group_exists"), false);
    read_engine_of_files(arena, files, set);
    set->items = arena_alloc(arena, (json_count(items) + 1) * sizeof *set->items);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *item = json_at(items, i);
        const char *path = json_string(json_get(item, "path"));
        struct acl_facts acl = {0}, defaults = {0};

        if (!path) {
            facts_free(&set->facts);
            return error_set(error, EINVAL, "an item without a path");
        }
        if (read_acl(arena, json_get(item, "acl"), json_get(item, "acl_group"), NULL, &acl, error) < 0 ||
            read_acl(arena, json_get(item, "acl_default"), NULL, json_get(item, "acl_default_other"), &defaults,
                     error) < 0) {
            facts_free(&set->facts);
            return -EINVAL;
        }
        set->items[set->count++] = (struct file_facts){
            .path = arena_strdup(arena, path),
            .target = arena_strdup(arena, json_text(json_get(item, "target"), path)),
            .uid = (uid_t)json_int(json_get(item, "uid"), 0),
            .gid = (gid_t)json_int(json_get(item, "gid"), 0),
            .user = text_of(arena, item, "user"),
            .group = text_of(arena, item, "group"),
            .mode = (mode_t)strtoul(json_text(json_get(item, "mode"), "0644"), NULL, 8),
            .acl = acl,
            .defaults = defaults,
            .error = text_of(arena, item, "error"),
        };
    }
    *ret = &set->facts;
    return 0;
}

int case_make_processes(const struct case_context *context, const struct json *list, struct facts **ret,
                        struct error *error)
{
    struct process_facts *facts = facts_new(sizeof *facts);
    struct arena *arena = facts->facts.arena;

    (void)context;
    (void)error;
    facts->items = arena_alloc(arena, (json_count(list) + 1) * sizeof *facts->items);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);

        facts->items[facts->count++] = (struct process_item){.pid = (pid_t)json_int(json_get(item, "pid"), 1),
                                                             .comm = text_of(arena, item, "comm"),
                                                             .argv0 = text_of(arena, item, "argv0"),
                                                             .exe = text_of(arena, item, "exe")};
    }
    *ret = &facts->facts;
    return 0;
}

static int parse_daemon(const struct json *daemon, const char *config, struct daemon_facts **ret, struct error *error)
{
    const char *arguments[64];
    const struct json *list = json_get(daemon, "arguments");

    if (json_count(list) > countof(arguments))
        return error_set(error, EINVAL, "more than %zu arguments", countof(arguments));
    for (size_t i = 0; i < json_count(list); i++)
        arguments[i] = json_string(json_at(list, i));
    return daemon_config_parse(arguments, json_count(list), config, config ? strlen(config) : 0, ret, error);
}

static usec_t time_of(const struct json *object, const char *key)
{
    usec_t at = 0;
    const char *text = json_string(json_get(object, key));

    if (text)
        clock_parse(text, &at);
    return at;
}

/* The options are those of "read", and those of "config" are the next start's. */
static int recall_config(const struct json *daemon, struct daemon_facts *facts, struct error *error)
{
    struct daemon_facts *read = NULL;
    struct arena *arena = facts->facts.arena;
    int r = parse_daemon(daemon, json_string(json_get(daemon, "read")), &read, error);

    if (r < 0)
        return r;
    facts->next = facts->options;
    facts->next_count = facts->option_count;
    facts->options = arena_alloc(arena, (read->option_count + 1) * sizeof *facts->options);
    for (size_t i = 0; i < read->option_count; i++)
        facts->options[i] = (struct daemon_option){.name = arena_strdup(arena, read->options[i].name),
                                                   .value = arena_strdup(arena, read->options[i].value),
                                                   .place = read->options[i].place};
    facts->option_count = read->option_count;
    facts->config_age = CONFIG_REMEMBERED;
    facts_free(&read->facts);
    return 0;
}

static void set_containers_conf(const struct json *conf, struct daemon_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    const char *key;
    const struct json *value;

    facts->options = arena_alloc(arena, (json_count(conf) + 1) * sizeof *facts->options);
    facts->option_count = 0;
    for (size_t i = 0; (value = json_member(conf, i, &key, NULL)); i++)
        facts->options[facts->option_count++] =
            (struct daemon_option){.name = arena_strdup(arena, key),
                                   .value = arena_strdup(arena, json_text(value, "")),
                                   .place = OPTION_DAEMON_JSON,
                                   .file = "/etc/containers/containers.conf"};
}

/* "arguments": dockerd's; "config": the text of daemon.json. "changed" and "started": when the file was changed and the
 * process (of id "pid") started; "read": the file's text as the agent saw it when it was read, else that is not known.
 * "seccomp": {"path", "profile": its text, else it cannot be read, "changed"}. "containers_conf": podman's values by
 * key.
 */
int case_make_daemon(const struct case_context *context, const struct json *daemon, struct facts **ret,
                     struct error *error)
{
    const struct json *seccomp = json_get(daemon, "seccomp"), *conf = json_get(daemon, "containers_conf");
    const char *profile = json_string(json_get(seccomp, "profile"));
    struct daemon_facts *facts = NULL;
    struct arena *arena;
    int r = parse_daemon(daemon, json_string(json_get(daemon, "config")), &facts, error);

    (void)context;
    if (r < 0)
        return r;
    arena = facts->facts.arena;
    facts->pid = (pid_t)json_int(json_get(daemon, "pid"), 0);
    facts->why_no_pid = text_of(arena, daemon, "why_no_pid");
    facts->config_path = text_of(arena, daemon, "config_path");
    facts->containerd_root = text_of(arena, daemon, "containerd_root");
    copy_strings(arena, json_get(daemon, "activated"), &facts->activated);
    copy_strings(arena, json_get(daemon, "own_addresses"), &facts->own_addresses);
    copy_strings(arena, json_get(daemon, "podman_services"), &facts->podman_services);
    facts->rootless = json_bool(json_get(daemon, "rootless"), false);
    facts->podman = json_bool(json_get(daemon, "podman"), false);
    facts->openrc = json_bool(json_get(daemon, "openrc"), false);
    facts->started = time_of(daemon, "started");
    facts->config_changed = facts->config_modified = time_of(daemon, "changed");
    if (facts->config_changed > facts->started)
        facts->config_age = CONFIG_NEWER;
    facts->seccomp_path = text_of(arena, seccomp, "path");
    facts->seccomp_changed = time_of(seccomp, "changed");
    facts->seccomp.choice = SECCOMP_UNREADABLE;
    if (profile)
        seccomp_profile_read(profile, strlen(profile), arena, &facts->seccomp);
    facts->seccomp_error = text_of(arena, seccomp, "error");
    if (conf)
        set_containers_conf(conf, facts);
    if (json_get(daemon, "read"))
        r = recall_config(daemon, facts, error);
    if (r < 0)
        facts_free(&facts->facts);
    else
        *ret = &facts->facts;
    return r;
}

int case_make_lsm(const struct case_context *context, const struct json *lsm, struct facts **ret, struct error *error)
{
    struct lsm_facts *facts = facts_new(sizeof *facts);

    (void)context;
    (void)error;
    facts->apparmor = json_bool(json_get(lsm, "apparmor"), false);
    facts->selinux = json_bool(json_get(lsm, "selinux"), false);
    facts->kernel = text_of(facts->facts.arena, lsm, "kernel");
    facts->os_id = text_of(facts->facts.arena, lsm, "os_id");
    facts->os_version = text_of(facts->facts.arena, lsm, "os_version");
    facts->os_like = text_of(facts->facts.arena, lsm, "os_like");
    facts->aslr = (int)json_int(json_get(lsm, "aslr"), -1);
    *ret = &facts->facts;
    return 0;
}

static bool names(const struct json *list, const char *path)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (str_equal(json_string(json_at(list, i)), path))
            return true;
    return false;
}

/* A path is a file, if it is not among the "directories", "absent", or below what is absent; users and groups are
 * there, if they are not "absent". */
static enum audit_place look_in_case(enum audit_kind kind, const char *path, void *user)
{
    const struct json *absent = json_get(user, "absent");

    if (kind != AUDIT_KIND_PATH)
        return names(absent, path) ? AUDIT_PLACE_MISSING : AUDIT_PLACE_FILE;
    for (size_t i = 0; i < json_count(absent); i++) {
        const char *folder = json_text(json_at(absent, i), "");

        if (str_starts(path, folder) && path[strlen(folder)] == '/')
            return AUDIT_PLACE_MISSING;
    }
    return names(absent, path)                          ? AUDIT_PLACE_ABSENT
           : names(json_get(user, "directories"), path) ? AUDIT_PLACE_DIRECTORY
                                                        : AUDIT_PLACE_FILE;
}

/* "links": what a rule's path is once the links of its folders are followed; "disk_file": where the rules on disk are.
 */
static void copy_audit_rules(struct arena *arena, const struct json *audit, const char *key,
                             struct audit_rule_list *ret)
{
    const struct json *lines = json_get(audit, key), *links = json_get(audit, "links");
    const char *file = json_text(json_get(audit, "disk_file"), "/etc/audit/rules.d/audit.rules");
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < json_count(lines); i++)
        str_printf(&text, "%s\n", json_text(json_at(lines, i), ""));
    audit_parse_lines(arena, str_text(&text), look_in_case, (void *)(uintptr_t)audit, ret);
    ret->refused.file = ret->off.file = arena_strdup(arena, file);
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i].source.file = ret->refused.file;
        if (ret->items[i].path)
            ret->items[i].target = text_of(arena, links, ret->items[i].path);
    }
}

static int audit_state(const struct json *audit, enum audit_kernel *ret, struct error *error)
{
    static const char *const names[] = {[AUDIT_KERNEL_READ] = "read",
                                        [AUDIT_KERNEL_DENIED] = "denied",
                                        [AUDIT_KERNEL_ABSENT] = "absent",
                                        [AUDIT_KERNEL_UNKNOWN] = "unknown"};
    const char *state = json_string(json_get(audit, "kernel_state"));

    *ret = json_get(audit, "kernel_error") ? AUDIT_KERNEL_DENIED : AUDIT_KERNEL_READ;
    for (size_t i = 0; state && i < countof(names); i++)
        if (str_equal(names[i], state)) {
            *ret = (enum audit_kernel)i;
            return 0;
        }
    return state ? error_set(error, EINVAL, "unknown kernel_state \"%s\"", state) : 0;
}

/* "kernel" and "disk": rules as auditctl prints and reads them. */
int case_make_audit(const struct case_context *context, const struct json *audit, struct facts **ret,
                    struct error *error)
{
    struct audit_rule_list kernel = {0}, disk = {0};
    struct audit_facts *facts;
    enum audit_kernel state;
    int r = audit_state(audit, &state, error);

    (void)context;
    if (r < 0)
        return r;
    facts = facts_new(sizeof *facts);
    facts->kernel_state = state;
    facts->enabled = json_bool(json_get(audit, "enabled"), true);
    facts->locked = json_bool(json_get(audit, "locked"), false);
    facts->kernel_error = text_of(facts->facts.arena, audit, "kernel_error");
    facts->disk_error = text_of(facts->facts.arena, audit, "disk_error");
    copy_audit_rules(facts->facts.arena, audit, "kernel", &kernel);
    copy_audit_rules(facts->facts.arena, audit, "disk", &disk);
    if (kernel.refused.text) {
        facts_free(&facts->facts);
        free(kernel.items);
        free(disk.items);
        return error_set(error, EINVAL, "the kernel does not take the rule \"%s\"", kernel.refused.text);
    }
    facts->disk_disabled = disk.disabled;
    facts->off = disk.off;
    facts->refused = disk.refused;
    facts->disk_file = arena_strdup(facts->facts.arena, "/etc/audit/rules.d/docker.rules");
    facts->tool_missing = json_bool(json_get(audit, "tool_missing"), false);
    facts->kernel = arena_alloc(facts->facts.arena, (kernel.count + 1) * sizeof *facts->kernel);
    facts->disk = arena_alloc(facts->facts.arena, (disk.count + 1) * sizeof *facts->disk);
    for (size_t i = 0; i < kernel.count; i++)
        facts->kernel[facts->kernel_count++] = kernel.items[i];
    for (size_t i = 0; i < disk.count; i++)
        facts->disk[facts->disk_count++] = disk.items[i];
    free(kernel.items);
    free(disk.items);
    *ret = &facts->facts;
    return 0;
}

/* A list of files that may set DOCKER_CONTENT_TRUST: place, format, text; or error. */
int case_make_environment(const struct case_context *context, const struct json *files, struct facts **ret,
                          struct error *error)
{
    static const char *const formats[] = {
        [ENVIRONMENT_PAM] = "pam", [ENVIRONMENT_SHELL] = "shell", [ENVIRONMENT_SYSTEMD] = "systemd"};
    struct environment_facts *facts = facts_new(sizeof *facts);

    (void)context;
    (void)error;
    for (size_t i = 0; i < json_count(files); i++) {
        const struct json *file = json_at(files, i);
        const char *why = json_string(json_get(file, "error"));
        const struct json *client = json_get(file, "client"); /* {"package", "version"} */

        if (client) {
            facts->client = arena_strdup(facts->facts.arena, json_string(json_get(client, "package")));
            facts->client_version = arena_strdup(facts->facts.arena, json_string(json_get(client, "version")));
        }
        if (why)
            facts->error = arena_strdup(facts->facts.arena, why);
        for (size_t k = 0; !why && k < countof(formats); k++)
            if (str_equal(formats[k], json_string(json_get(file, "format"))))
                environment_parse(facts, json_string(json_get(file, "place")), json_string(json_get(file, "text")),
                                  (enum environment_format)k, "DOCKER_CONTENT_TRUST");
    }
    *ret = &facts->facts;
    return 0;
}

/* CASE_NOW, NUMBER days from then; 0 where the object says nothing. */
static usec_t days_away(const struct json *object, const char *key, int sign)
{
    const struct json *days = json_get(object, key);

    return days ? CASE_NOW + sign * json_int(days, 0) * 24 * 3600 * USEC_PER_SEC : 0;
}

int case_make_certificates(const struct case_context *context, const struct json *certificates, struct facts **ret,
                           struct error *error)
{
    struct certificate_facts *facts = facts_new(sizeof *facts);

    (void)context;
    (void)error;
    facts->node_error = text_of(facts->facts.arena, certificates, "node_error");
    facts->root_error = text_of(facts->facts.arena, certificates, "root_error");
    facts->node_ends = days_away(certificates, "node_ends_in_days", 1);
    facts->node_begins = days_away(certificates, "node_days_old", -1);
    facts->issuer_begins = days_away(certificates, "issuer_days_old", -1);
    facts->root_begins = days_away(certificates, "root_days_old", -1);
    *ret = &facts->facts;
    return 0;
}

int case_make_unlock_key(const struct case_context *context, const struct json *key, struct facts **ret,
                         struct error *error)
{
    struct unlock_key_facts *facts = facts_new(sizeof *facts);
    const struct json *age = json_get(key, "seconds_old");

    (void)context;
    (void)error;
    facts->first_seen = age ? CASE_NOW - json_int(age, 0) * USEC_PER_SEC : 0;
    *ret = &facts->facts;
    return 0;
}

/* "tcp", "tcp6": text as in /proc/net; "own": inodes of the engine's own sockets, in order. */
int case_make_listeners(const struct case_context *context, const struct json *listeners, struct facts **ret,
                        struct error *error)
{
    const struct json *list = json_get(listeners, "own");
    struct listener_facts *facts = NULL;
    unsigned long own[16];
    int r;

    (void)context;
    if (json_count(list) > countof(own))
        return error_set(error, EINVAL, "more than %zu own sockets", countof(own));
    for (size_t i = 0; i < json_count(list); i++)
        own[i] = (unsigned long)json_int(json_at(list, i), 0);
    r = listeners_parse(json_text(json_get(listeners, "tcp"), ""), json_string(json_get(listeners, "tcp6")), own,
                        json_count(list), &facts, error);
    if (r == 0)
        *ret = &facts->facts;
    return r;
}
