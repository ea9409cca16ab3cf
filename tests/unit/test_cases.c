/* Verdicts, one by one: every tests/cases/SLUG/VERDICT-what.json is a rule, the documents it reads and the verdict that
 * its name begins with. Found by listing. A rule without a pass and a fail fails the test. */
#include <check.h>
#include <dirent.h>
#include <string.h>

#include "agent/checks/table.h"
#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "common/file.h"
#include "common/json_out.h"
#include "common/str.h"
#include "probes/audit/audit.h"
#include "probes/daemon/daemon_config.h"
#include "probes/docker/docker_parse.h"
#include "probes/environment/environment.h"
#include "probes/host/groups.h"
#include "probes/host/listeners.h"
#include "probes/images/layers.h"
#include "probes/images/scanner.h"
#include "probes/watch/mounts.h"

static const usec_t now = INT64_C(1795514400) * USEC_PER_SEC; /* 2026-11-24T10:00:00Z */

static void load_error(const char *file, const char *what, const struct error *error)
{
    ck_abort_msg("%s: %s: %s", file, what, error->text);
}

/* A document that the parser refuses is an error of that input, as in the agent; only a case of an error may have one.
 */
static void load_refused(struct store *store, const char *file, enum input_kind kind, const char *key, const char *what,
                         const struct error *error)
{
    if (!strstr(file, "/error-"))
        load_error(file, what, error);
    store_put_error(store, kind, key, error->text);
}

#define LOAD(name, kind, type, value, key)                                                                             \
    do {                                                                                                               \
        struct type *facts_ = NULL;                                                                                    \
        struct error error_ = ERROR_INIT;                                                                              \
                                                                                                                       \
        if (parse_##name##_value(value, &facts_, &error_) < 0)                                                         \
            load_refused(store, file, kind, key, #name, &error_);                                                      \
        else                                                                                                           \
            store_put(store, kind, key, &facts_->facts);                                                               \
    } while (0)

/* Where sources lead, and of which it could not be found out why. */
static void resolve(struct container_facts *container, const struct json *resolved, const struct json *unresolved)
{
    for (size_t i = 0; container && i < container->mount_count; i++) {
        struct mount_facts *mount = &container->mounts[i];

        mount->resolved = arena_strdup(container->facts.arena,
                                       json_string(json_get(resolved, mount->device ? mount->device : mount->source)));
        mount->unknown = arena_strdup(container->facts.arena, json_string(json_get(unresolved, mount->source)));
    }
}

static void load_containers(struct store *store, const char *file, const struct json *documents)
{
    const struct json *containers = json_get(documents, "containers");

    for (size_t i = 0; i < json_count(containers); i++) {
        const struct json *value = json_at(containers, i);
        const char *id = json_string(json_get(value, "Id"));

        LOAD(container, INPUT_CONTAINER, container_facts, value, id);
        resolve((struct container_facts *)(uintptr_t)store_container(store, id, NULL), json_get(documents, "resolved"),
                json_get(documents, "unresolved"));
    }
    if (json_get(documents, "container_list"))
        LOAD(container_list, INPUT_CONTAINERS, container_list_facts, json_get(documents, "container_list"), NULL);
}

static void load_exec(struct store *store, const char *file, const struct json *documents)
{
    const struct json *value = json_get(documents, "exec"), *about = json_get(documents, "exec_seen");
    struct exec_facts *exec;

    if (!value)
        return;
    LOAD(exec, INPUT_EXEC, exec_facts, value, json_string(json_get(value, "ID")));
    exec = (struct exec_facts *)(uintptr_t)store_exec(store, json_string(json_get(value, "ID")), NULL);
    if (!exec)
        return;
    exec->container_name = arena_strdup(exec->facts.arena, json_string(json_get(about, "container_name")));
    exec->container_user = arena_strdup(exec->facts.arena, json_string(json_get(about, "container_user")));
    exec->seen = now - json_int(json_get(about, "seconds_ago"), 0) * USEC_PER_SEC;
}

static void load_files(struct store *store, const struct json *files)
{
    struct arena *arena;
    struct fileset_facts *set;
    const struct json *items = json_get(files, "items");

    if (!files)
        return;
    arena = arena_new(1024);
    set = arena_alloc(arena, sizeof *set);
    set->facts.arena = arena;
    set->expected_group = arena_strdup(arena, json_string(json_get(files, "expected_group")));
    set->expected_gid = (gid_t)json_int(json_get(files, "expected_gid"), 0);
    set->expected_group_exists = json_bool(json_get(files, "expected_group_exists"), false);
    set->items = arena_alloc(arena, (json_count(items) + 1) * sizeof *set->items);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *item = json_at(items, i);
        const char *path = json_string(json_get(item, "path"));

        set->items[set->count++] = (struct file_facts){
            .path = arena_strdup(arena, path),
            .target = arena_strdup(arena, json_text(json_get(item, "target"), path)),
            .uid = (uid_t)json_int(json_get(item, "uid"), 0),
            .gid = (gid_t)json_int(json_get(item, "gid"), 0),
            .user = arena_strdup(arena, json_string(json_get(item, "user"))),
            .group = arena_strdup(arena, json_string(json_get(item, "group"))),
            .mode = (mode_t)strtoul(json_text(json_get(item, "mode"), "0644"), NULL, 8),
            .error = arena_strdup(arena, json_string(json_get(item, "error"))),
        };
    }
    store_put(store, INPUT_FILES, json_text(json_get(files, "source"), "sockets:"), &set->facts);
}

static void load_processes(struct store *store, const char *id, const struct json *list)
{
    struct arena *arena;
    struct process_facts *facts;

    if (!list)
        return;
    arena = arena_new(512);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->items = arena_alloc(arena, (json_count(list) + 1) * sizeof *facts->items);
    for (size_t i = 0; i < json_count(list); i++)
        facts->items[facts->count++] = (struct process_item){
            .pid = (pid_t)json_int(json_get(json_at(list, i), "pid"), 1),
            .comm = arena_strdup(arena, json_string(json_get(json_at(list, i), "comm"))),
            .argv0 = arena_strdup(arena, json_string(json_get(json_at(list, i), "argv0"))),
            .exe = arena_strdup(arena, json_string(json_get(json_at(list, i), "exe"))),
        };
    store_put(store, INPUT_PROCESSES, id, &facts->facts);
}

static void load_strings(struct arena *arena, const struct json *list, struct string_list *ret)
{
    ret->items = arena_alloc(arena, (json_count(list) + 1) * sizeof *ret->items);
    for (size_t i = 0; i < json_count(list); i++)
        ret->items[ret->count++] = arena_strdup(arena, json_string(json_at(list, i)));
}

static void load_daemon(struct store *store, const char *file, const struct json *daemon)
{
    const char *arguments[64];
    const char *config = json_string(json_get(daemon, "config"));
    const struct json *list = json_get(daemon, "arguments");
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;

    if (!daemon)
        return;
    for (size_t i = 0; i < json_count(list) && i < countof(arguments); i++)
        arguments[i] = json_string(json_at(list, i));
    if (daemon_config_parse(arguments, json_count(list), config, config ? strlen(config) : 0, &facts, &error) < 0)
        load_error(file, "daemon", &error);
    facts->why_no_pid = arena_strdup(facts->facts.arena, json_string(json_get(daemon, "why_no_pid")));
    facts->containerd_root = arena_strdup(facts->facts.arena, json_string(json_get(daemon, "containerd_root")));
    load_strings(facts->facts.arena, json_get(daemon, "activated"), &facts->activated);
    store_put(store, INPUT_DAEMON, NULL, &facts->facts);
}

static void load_lsm(struct store *store, const struct json *lsm)
{
    struct arena *arena = arena_new(256);
    struct lsm_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    facts->apparmor = json_bool(json_get(lsm, "apparmor"), false);
    facts->selinux = json_bool(json_get(lsm, "selinux"), false);
    facts->kernel = arena_strdup(arena, json_string(json_get(lsm, "kernel")));
    facts->aslr = (int)json_int(json_get(lsm, "aslr"), -1);
    store_put(store, INPUT_LSM, NULL, &facts->facts);
}

/* An object of SIZE bytes that begins with struct facts. */
static void *facts_new(size_t size)
{
    struct arena *arena = arena_new(size + 1024);
    struct facts *facts = arena_alloc(arena, size);

    facts->arena = arena;
    return facts;
}

static bool is_directory(const char *path, void *user)
{
    for (size_t i = 0; i < json_count(user); i++)
        if (str_equal(json_string(json_at(user, i)), path))
            return true;
    return false;
}

/* LINKS: what a rule's path means once the links of its folders are followed. */
static void load_rules(struct arena *arena, const struct json *lines, const struct json *directories,
                       const struct json *links, struct audit_rule_list *ret)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < json_count(lines); i++)
        str_printf(&text, "%s\n", json_string(json_at(lines, i)));
    audit_parse_lines(arena, str_text(&text), is_directory, (void *)(uintptr_t)directories, ret);
    for (size_t i = 0; i < ret->count; i++)
        if (ret->items[i].path)
            ret->items[i].target = arena_strdup(arena, json_string(json_get(links, ret->items[i].path)));
}

static enum audit_kernel audit_state(const struct json *audit)
{
    static const char *const names[] = {[AUDIT_KERNEL_READ] = "read",
                                        [AUDIT_KERNEL_DENIED] = "denied",
                                        [AUDIT_KERNEL_ABSENT] = "absent",
                                        [AUDIT_KERNEL_UNKNOWN] = "unknown"};
    const char *state = json_string(json_get(audit, "kernel_state"));

    for (size_t i = 0; state && i < countof(names); i++)
        if (str_equal(names[i], state))
            return (enum audit_kernel)i;
    ck_assert_msg(!state, "no such kernel_state: %s", state);
    return json_get(audit, "kernel_error") ? AUDIT_KERNEL_DENIED : AUDIT_KERNEL_READ;
}

static void load_audit(struct store *store, const struct json *audit)
{
    struct audit_rule_list kernel = {0}, disk = {0};
    struct audit_facts *facts;

    if (!audit)
        return;
    facts = facts_new(sizeof *facts);
    facts->kernel_state = audit_state(audit);
    facts->enabled = json_bool(json_get(audit, "enabled"), true);
    facts->locked = json_bool(json_get(audit, "locked"), false);
    facts->kernel_error = arena_strdup(facts->facts.arena, json_string(json_get(audit, "kernel_error")));
    facts->disk_error = arena_strdup(facts->facts.arena, json_string(json_get(audit, "disk_error")));
    load_rules(facts->facts.arena, json_get(audit, "kernel"), json_get(audit, "directories"), json_get(audit, "links"),
               &kernel);
    load_rules(facts->facts.arena, json_get(audit, "disk"), json_get(audit, "directories"), json_get(audit, "links"),
               &disk);
    facts->disk_disabled = disk.disabled;
    facts->kernel = arena_alloc(facts->facts.arena, (kernel.count + 1) * sizeof *facts->kernel);
    facts->disk = arena_alloc(facts->facts.arena, (disk.count + 1) * sizeof *facts->disk);
    for (size_t i = 0; i < kernel.count; i++)
        facts->kernel[facts->kernel_count++] = kernel.items[i];
    for (size_t i = 0; i < disk.count; i++)
        facts->disk[facts->disk_count++] = disk.items[i];
    free(kernel.items);
    free(disk.items);
    store_put(store, INPUT_AUDIT, NULL, &facts->facts);
}

static void load_environment(struct store *store, const struct json *files)
{
    static const char *const formats[] = {
        [ENVIRONMENT_PAM] = "pam", [ENVIRONMENT_SHELL] = "shell", [ENVIRONMENT_SYSTEMD] = "systemd"};
    struct environment_facts *facts;

    if (!files)
        return;
    facts = facts_new(sizeof *facts);
    for (size_t i = 0; i < json_count(files); i++) {
        const struct json *file = json_at(files, i);
        const char *why = json_string(json_get(file, "error"));

        if (why)
            facts->error = arena_strdup(facts->facts.arena, why);
        for (size_t k = 0; !why && k < countof(formats); k++)
            if (str_equal(formats[k], json_string(json_get(file, "format"))))
                environment_parse(facts, json_string(json_get(file, "place")), json_string(json_get(file, "text")),
                                  (enum environment_format)k, "DOCKER_CONTENT_TRUST");
    }
    store_put(store, INPUT_ENVIRONMENT, NULL, &facts->facts);
}

static void load_certificates(struct store *store, const struct json *certificates)
{
    static const usec_t day = 24 * 3600 * USEC_PER_SEC;
    struct certificate_facts *facts;

    if (!certificates)
        return;
    facts = facts_new(sizeof *facts);
    facts->node_error = arena_strdup(facts->facts.arena, json_string(json_get(certificates, "node_error")));
    facts->root_error = arena_strdup(facts->facts.arena, json_string(json_get(certificates, "root_error")));
    if (json_get(certificates, "node_ends_in_days"))
        facts->node_ends = now + json_int(json_get(certificates, "node_ends_in_days"), 0) * day;
    if (json_get(certificates, "node_days_old"))
        facts->node_begins = now - json_int(json_get(certificates, "node_days_old"), 0) * day;
    if (json_get(certificates, "issuer_days_old"))
        facts->issuer_begins = now - json_int(json_get(certificates, "issuer_days_old"), 0) * day;
    if (json_get(certificates, "root_days_old"))
        facts->root_begins = now - json_int(json_get(certificates, "root_days_old"), 0) * day;
    store_put(store, INPUT_CERTIFICATES, NULL, &facts->facts);
}

static void load_unlock_key(struct store *store, const struct json *key)
{
    const char *why = json_string(json_get(key, "error"));
    struct unlock_key_facts *facts;

    if (why)
        store_put_error(store, INPUT_UNLOCK_KEY, NULL, why);
    if (!key || why)
        return;
    facts = facts_new(sizeof *facts);
    facts->first_seen =
        json_get(key, "seconds_old") ? now - json_int(json_get(key, "seconds_old"), 0) * USEC_PER_SEC : 0;
    store_put(store, INPUT_UNLOCK_KEY, NULL, &facts->facts);
}

/* Probes whose output is text: OUTPUT is a string, or JSON that stands in the case as it is. */
#define LOAD_TEXT(parse, kind, type, value, key)                                                                       \
    do {                                                                                                               \
        struct json_out *out_ = json_out_new(false);                                                                   \
        const char *text_ = json_string(value);                                                                        \
        struct type *facts_ = NULL;                                                                                    \
        struct error error_ = ERROR_INIT;                                                                              \
                                                                                                                       \
        if (!text_) {                                                                                                  \
            json_out_value(out_, NULL, value);                                                                         \
            text_ = json_out_text(out_, NULL);                                                                         \
        }                                                                                                              \
        if (parse(text_, strlen(text_), &facts_, &error_) < 0)                                                         \
            load_error(file, #parse, &error_);                                                                         \
        store_put(store, kind, key, &facts_->facts);                                                                   \
        json_out_free(out_);                                                                                           \
    } while (0)

/* "own": inodes of the engine's own sockets, in order. */
static void load_listeners(struct store *store, const char *file, const struct json *listeners)
{
    const struct json *list = json_get(listeners, "own");
    struct listener_facts *facts = NULL;
    struct error error = ERROR_INIT;
    unsigned long own[16];
    size_t count = 0;

    if (!listeners)
        return;
    for (; count < json_count(list) && count < countof(own); count++)
        own[count] = (unsigned long)json_int(json_at(list, count), 0);
    if (listeners_parse(json_text(json_get(listeners, "tcp"), ""), json_string(json_get(listeners, "tcp6")), own, count,
                        &facts, &error) < 0)
        load_error(file, "listeners", &error);
    store_put(store, INPUT_LISTENERS, NULL, &facts->facts);
}

/* What the worker says: the document, and behind it the names of the packages, one a line. */
static void load_layers(struct store *store, const char *file, const char *subject, const struct json *layers)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped_str text = STR_INIT;
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;

    if (!layers)
        return;
    json_out_value(out, NULL, layers);
    str_printf(&text, "%s\n%s", json_out_text(out, NULL), json_text(json_get(layers, "packages"), ""));
    if (layers_parse(text.data, text.length, &facts, &error) < 0)
        load_error(file, "layers", &error);
    store_put(store, INPUT_LAYERS, subject, &facts->facts);
}

static void load_scan(struct store *store, const char *file, const char *subject, const struct json *report)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct scan_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str reduced = STR_INIT;
    const char *text;
    size_t length;

    if (!report)
        return;
    json_out_value(out, NULL, report);
    text = json_out_text(out, &length);
    if (scanner_reduce(text, length, &reduced, &error) < 0 ||
        scanner_parse(str_text(&reduced), reduced.length, &facts, &error) < 0)
        load_error(file, "scan", &error);
    store_put(store, INPUT_SCAN, subject, &facts->facts);
}

static void load_errors(struct store *store, const struct rule *rule, const char *subject, const struct json *errors)
{
    for (size_t i = 0; i < json_count(errors); i++) {
        const char *name;
        const struct json *why = json_member(errors, i, &name, NULL);
        bool found = false;

        for (int k = 0; k < INPUT_KIND_COUNT; k++) {
            const char *key = k == INPUT_FILES ? rule_file_source(rule) : k > INPUT_FILES ? subject : NULL;

            if (str_equal(input_types[k].name, name)) {
                store_put_error(store, (enum input_kind)k, key, json_string(why));
                found = true;
            }
        }
        ck_assert_msg(found, "errors: no input %s", name);
    }
}

static struct store *load_store(const char *file, const struct rule *rule, const char *subject,
                                const struct json *documents)
{
    struct store *store = store_new();

    if (json_get(documents, "version"))
        LOAD(version, INPUT_VERSION, version_facts, json_get(documents, "version"), NULL);
    if (json_get(documents, "info"))
        LOAD(info, INPUT_INFO, info_facts, json_get(documents, "info"), NULL);
    if (json_get(documents, "networks"))
        LOAD(network_list, INPUT_NETWORKS, network_list_facts, json_get(documents, "networks"), NULL);
    if (json_get(documents, "services"))
        LOAD(service_list, INPUT_SERVICES, service_list_facts, json_get(documents, "services"), NULL);
    if (json_get(documents, "secrets"))
        LOAD(secret_list, INPUT_SECRETS, secret_list_facts, json_get(documents, "secrets"), NULL);
    if (json_get(documents, "history"))
        LOAD(history, INPUT_HISTORY, history_facts, json_get(documents, "history"), subject);
    if (json_get(documents, "images"))
        LOAD(image_list, INPUT_IMAGES, image_list_facts, json_get(documents, "images"), NULL);
    if (json_get(documents, "image"))
        LOAD(image, INPUT_IMAGE, image_facts, json_get(documents, "image"),
             json_string(json_get(json_get(documents, "image"), "Id")));
    if (json_get(documents, "mounts"))
        LOAD_TEXT(mounts_parse, INPUT_MOUNTS, mounts_facts, json_get(documents, "mounts"), NULL);
    if (json_get(documents, "group"))
        LOAD_TEXT(groups_parse, INPUT_GROUP, group_facts, json_get(documents, "group"), NULL);
    load_layers(store, file, subject, json_get(documents, "layers"));
    load_scan(store, file, subject, json_get(documents, "scan"));
    load_listeners(store, file, json_get(documents, "listeners"));
    load_audit(store, json_get(documents, "audit"));
    load_environment(store, json_get(documents, "environment"));
    load_certificates(store, json_get(documents, "certificates"));
    load_unlock_key(store, json_get(documents, "unlock_key"));
    load_containers(store, file, documents);
    load_exec(store, file, documents);
    load_files(store, json_get(documents, "files"));
    load_processes(store, subject, json_get(documents, "processes"));
    load_daemon(store, file, json_get(documents, "daemon"));
    load_lsm(store, json_get(documents, "lsm"));
    load_errors(store, rule, subject, json_get(documents, "errors"));
    return store;
}

static bool has_evidence(const struct check_result *result, const struct json *wanted)
{
    for (size_t i = 0; i < json_count(wanted); i++)
        if (!strstr(str_text(&result->evidence), json_string(json_at(wanted, i))))
            return false;
    return true;
}

/* False, and a line that says what came, when the case fails: the others are run all the same. */
static bool run_case(const char *file, const char *slug, const char *wanted, size_t wanted_length)
{
    scoped_str text = STR_INIT;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_doc) struct json_doc *facts = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    scoped(cleanup_store) struct store *store = NULL;
    struct error error = ERROR_INIT;
    struct check_result result, brief;
    struct check_input in = {.now = now, .explain = true};
    const struct json *root, *documents;
    const char *facts_text;
    bool right;
    struct rule_override override = {.rule = slug, .file = file};

    if (file_read(file, 1 << 20, &text, &error) < 0 || json_parse(str_text(&text), text.length, NULL, &doc, &error) < 0)
        load_error(file, "case", &error);
    root = json_root(doc);
    documents = json_get(root, "documents");
    override.value = json_get(root, "rule");
    if (rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", &override, override.value ? 1 : 0, &rules, &error) <
        0) {
        if (strncmp("error", wanted, wanted_length) == 0 && strstr(error.text, "params.")) /* refused, not judged by */
            return true;
        load_error(file, "rules", &error);
    }
    in.rule = rule_set_find(rules, slug);
    ck_assert_msg(in.rule != NULL, "%s: no rule %s", file, slug);
    in.key = json_string(json_get(root, "subject"));
    in.since = json_int(json_get(root, "since_seconds_ago"), 0);
    in.since = in.since ? now - in.since * USEC_PER_SEC : 0;
    store = load_store(file, in.rule, in.key, documents);
    in.store = store;
    if (in.rule->check->subject == SUBJECT_FILE) {
        in.fileset = store_files(store, json_text(json_path(documents, "files", "source", NULL), "sockets:"), NULL);
        ck_assert_msg(in.fileset && in.fileset->count, "%s: no files", file);
        in.file = &in.fileset->items[0];
        in.key = in.file->path;
    }
    check_result_init(&result);
    check_result_init(&brief);
    check_run(&in, &result);
    right = strncmp(verdict_name(result.verdict), wanted, wanted_length) == 0 &&
            strlen(verdict_name(result.verdict)) == wanted_length && result.evidence.length > 0 &&
            has_evidence(&result, json_path(root, "expect", "evidence", NULL));
    if (!right)
        fprintf(stderr, "%s: %s (%s)\n", file, verdict_name(result.verdict), str_text(&result.evidence));
    facts_text = check_result_facts(&result);
    ck_assert_msg(json_parse(facts_text, strlen(facts_text), NULL, &facts, &error) == 0, "%s: facts: %s", file,
                  error.text);
    in.explain = false; /* the verdict is the same when nobody asks for words */
    check_run(&in, &brief);
    ck_assert_int_eq(brief.verdict, result.verdict);
    check_result_deinit(&result);
    check_result_deinit(&brief);
    return right;
}

static bool run_folder(const char *slug, unsigned verdicts[VERDICT_COUNT], size_t *failed)
{
    scoped(cleanup_free) char *folder = mem_printf("%s/cases/%s", TESTS_DIR, slug);
    DIR *directory = opendir(folder);

    if (!directory)
        return false;
    for (struct dirent *entry; (entry = readdir(directory));) {
        scoped(cleanup_free) char *file = mem_printf("%s/%s", folder, entry->d_name);
        scoped(cleanup_free) char *word = mem_strndup(entry->d_name, strcspn(entry->d_name, "-."));
        enum verdict verdict;

        if (entry->d_name[0] == '.')
            continue;
        ck_assert_msg(verdict_parse(word, &verdict), "%s: its name must begin with a verdict", file);
        verdicts[verdict]++;
        *failed += !run_case(file, slug, word, strlen(word));
    }
    closedir(directory);
    return true;
}

/* Rules that only a person can judge pass by attestation, which is the engine's doing. */
static bool never_passes(const struct rule *rule)
{
    return strcmp(rule->check->name, "manual") == 0 || strcmp(rule->slug, "host-hardened") == 0 ||
           strcmp(rule->slug, "swarm-traffic-separated") == 0 || strcmp(rule->slug, "swarm-unlock-key-rotation") == 0;
}

START_TEST(every_case)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;
    size_t cases = 0, failed = 0;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];
        unsigned verdicts[VERDICT_COUNT] = {0};
        bool found = run_folder(rule->slug, verdicts, &failed);

        for (size_t v = 0; v < VERDICT_COUNT; v++)
            cases += verdicts[v];
        ck_assert_msg(found && (verdicts[VERDICT_PASS] || never_passes(rule)), "%s has no case that passes",
                      rule->slug);
        ck_assert_msg(verdicts[VERDICT_FAIL] || verdicts[VERDICT_MANUAL], "%s has no case that fails", rule->slug);
    }
    printf("%zu cases\n", cases);
    ck_assert_uint_eq(failed, 0);
    ck_assert_uint_gt(cases, 100);
}
END_TEST

START_TEST(every_text)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];

        ck_assert_msg(rule->id_count > 0, "%s has no id", rule->slug);
        for (size_t l = 0; l < LANGUAGE_COUNT; l++)
            ck_assert_msg(*rule->title[l] && *rule->why[l] && *rule->remedy[l] && *rule->impact[l], "%s lacks a text",
                          rule->slug);
        ck_assert_msg(strcmp(rule->title[LANGUAGE_EN], rule->title[LANGUAGE_ZH]) != 0, "%s: title", rule->slug);
    }
}
END_TEST

START_TEST(every_benchmark)
{
    static const struct {
        const char *name;
        unsigned rules;
    } benchmarks[] = {{"dosec-1.0", 104}, {"cis-1.1.0", 105}, {"cis-1.6.0", 117}, {"cis-1.8.0", 118}};

    for (size_t b = 0; b < countof(benchmarks); b++) {
        scoped(cleanup_rule_set) struct rule_set *rules = NULL;
        struct error error = ERROR_INIT;
        unsigned enabled = 0;

        ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, benchmarks[b].name, NULL, 0, &rules, &error) == 0,
                      "%s", error.text);
        for (size_t i = 0; i < rules->count; i++) {
            enabled += rules->rules[i].enabled;
            ck_assert(rules->rules[i].enabled == (rules->rules[i].id != NULL));
        }
        ck_assert_uint_eq(enabled, benchmarks[b].rules);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cases");
    TCase *tests = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, every_case);
    tcase_add_test(tests, every_text);
    tcase_add_test(tests, every_benchmark);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
