/* One row for each document that a case may hold: which input it is and how its facts are made. */
#include "case_documents.h"

#include <errno.h>
#include <string.h>

#include "case.h"
#include "common/json_out.h"
#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "probes/host/groups.h"
#include "probes/images/layers_internal.h"
#include "probes/images/scanner.h"
#include "probes/watch/mounts.h"

/* A document of the engine, which the parsers take as text. The caller frees. */
static char *text_of(const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_value(out, NULL, value);
    return mem_strdup(json_out_text(out, NULL));
}

/* A value of any other type than that of VALUE: null is an empty list. */
static void put_mistyped(struct json_out *out, const char *key, const struct json *value)
{
    if (json_type(value) == JSON_OBJECT) {
        json_out_string(out, key, "of another type");
    } else {
        json_out_object(out, key);
        json_out_end_object(out);
    }
}

const char *const member_change_words[MEMBER_CHANGE_COUNT] = {
    [MEMBER_REMOVED] = "missing", [MEMBER_NULL] = "null",      [MEMBER_FALSE] = "false",    [MEMBER_TRUE] = "true",
    [MEMBER_ZERO] = "a number",   [MEMBER_STRING] = "\"\"",    [MEMBER_ARRAY] = "[]",       [MEMBER_OBJECT] = "{}",
    [MEMBER_HUGE] = "10 * 2^63",  [MEMBER_TWO_TO_63] = "2^63", [MEMBER_TWO_TO_64] = "2^64", [MEMBER_INFINITE] = "1e400",
    [MEMBER_FRACTION] = "0.5",    [MEMBER_NEGATIVE] = "-1",
};

static const struct {
    enum json_type type;
    const char *text;
} replacements[MEMBER_CHANGE_COUNT] = {
    [MEMBER_FALSE] = {JSON_BOOL, "false"},
    [MEMBER_TRUE] = {JSON_BOOL, "true"},
    [MEMBER_ZERO] = {JSON_NUMBER, "0"},
    [MEMBER_STRING] = {JSON_STRING, "\"\""},
    [MEMBER_ARRAY] = {JSON_ARRAY, "[]"},
    [MEMBER_OBJECT] = {JSON_OBJECT, "{}"},
    [MEMBER_HUGE] = {JSON_NUMBER, "92233720368547758080"},
    [MEMBER_TWO_TO_63] = {JSON_NUMBER, "9223372036854775808"},
    [MEMBER_TWO_TO_64] = {JSON_NUMBER, "18446744073709551616"},
    [MEMBER_INFINITE] = {JSON_NUMBER, "1e400"},
    [MEMBER_FRACTION] = {JSON_NUMBER, "0.5"},
    [MEMBER_NEGATIVE] = {JSON_NUMBER, "-1"},
};

static void put_change(struct json_out *out, const char *key, const struct json *value, enum member_change how)
{
    if (how == MEMBER_NULL)
        json_out_null(out, key);
    else if (how != MEMBER_REMOVED && (json_type(value) == replacements[how].type) == (how >= MEMBER_HUGE))
        json_out_raw(out, key, replacements[how].text);
    else if (how != MEMBER_REMOVED || !key)
        json_out_value(out, key, value);
}

static void put_changed(struct json_out *out, const char *key, const struct json *value, const char *path,
                        struct case_change *change, unsigned *at);

/* A member, or an item, at PATH. */
static void put_member(struct json_out *out, const char *key, const struct json *value, const char *path,
                       struct case_change *change, unsigned *at)
{
    if ((*at)++ == change->index) {
        str_append(&change->path, path);
        put_change(out, key, value, change->how);
    } else {
        put_changed(out, key, value, path, change, at);
    }
}

/* Writes VALUE, which is at PATH, with CHANGE; AT counts the members before it. */
static void put_changed(struct json_out *out, const char *key, const struct json *value, const char *path,
                        struct case_change *change, unsigned *at)
{
    scoped(cleanup_free) char *below = NULL;

    if (json_type(value) == JSON_ARRAY) {
        below = mem_printf("%s[]", path);
        json_out_array(out, key);
        for (size_t i = 0; i < json_count(value); i++)
            put_member(out, NULL, json_at(value, i), below, change, at);
        json_out_end_array(out);
    } else if (json_type(value) != JSON_OBJECT) {
        json_out_value(out, key, value);
    } else {
        json_out_object(out, key);
        for (size_t i = 0; i < json_count(value); i++) {
            const char *name;
            const struct json *member = json_member(value, i, &name, NULL);
            scoped(cleanup_free) char *place = mem_printf("%s%s%s", path, *path ? "." : "", name);

            put_member(out, name, member, place, change, at);
        }
        json_out_end_object(out);
    }
}

/* TEXT, which is freed, with the change of the context. */
static char *changed(const struct case_context *context, char *text)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    unsigned at = 0;

    if (!context->change || json_parse(text, strlen(text), NULL, &doc, NULL) < 0)
        return text;
    out = json_out_new(false);
    put_changed(out, NULL, json_root(doc), "", context->change, &at);
    free(text);
    return mem_strdup(json_out_text(out, NULL));
}

#define MAKE_PARSED(name)                                                                                              \
    static int make_##name(const struct case_context *context, const struct json *value, struct facts **ret,           \
                           struct error *error)                                                                        \
    {                                                                                                                  \
        scoped(cleanup_free) char *text = changed(context, text_of(value));                                            \
        struct name##_facts *facts = NULL;                                                                             \
        int r = parse_##name(text, strlen(text), &facts, error);                                                       \
                                                                                                                       \
        (void)context;                                                                                                 \
        if (r == 0)                                                                                                    \
            *ret = &facts->facts;                                                                                      \
        return r;                                                                                                      \
    }
MAKE_PARSED(version)
MAKE_PARSED(secret_list)

/* A string is the text itself; anything else is JSON that the probe reads as text. */
static void append_text(struct str *text, const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    if (json_string(value)) {
        str_append(text, json_string(value));
    } else {
        json_out_value(out, NULL, value);
        str_append(text, json_out_text(out, NULL));
    }
}

#define MAKE_TEXT(name, parse)                                                                                         \
    static int make_##name(const struct case_context *context, const struct json *value, struct facts **ret,           \
                           struct error *error)                                                                        \
    {                                                                                                                  \
        struct name##_facts *facts = NULL;                                                                             \
        scoped_str text = STR_INIT;                                                                                    \
        int r;                                                                                                         \
                                                                                                                       \
        (void)context;                                                                                                 \
        append_text(&text, value);                                                                                     \
        r = parse(str_text(&text), text.length, &facts, error);                                                        \
        if (r == 0)                                                                                                    \
            *ret = &facts->facts;                                                                                      \
        return r;                                                                                                      \
    }
MAKE_TEXT(group, groups_parse)

/* The text of mountinfo; or an object: "mountinfo", and "configured": where something is mounted at every start. */
static int make_mounts(const struct case_context *context, const struct json *value, struct facts **ret,
                       struct error *error)
{
    const struct json *text = json_get(value, "mountinfo"), *configured = json_get(value, "configured");
    const char *lines = json_text(text ? text : value, "");
    struct mounts_facts *facts = NULL;
    int r = mounts_parse(lines, strlen(lines), &facts, error);

    (void)context;
    if (r < 0)
        return r;
    facts->has_configured = configured != NULL;
    facts->configured.items =
        arena_alloc(facts->facts.arena, (json_count(configured) + 1) * sizeof *facts->configured.items);
    for (size_t i = 0; i < json_count(configured); i++)
        facts->configured.items[facts->configured.count++] =
            arena_strdup(facts->facts.arena, json_string(json_at(configured, i)));
    *ret = &facts->facts;
    return 0;
}

/* What every engine sends of a container: cases leave out what their check does not judge by. */
static const char container_rest[] =
    "{\"AppArmorProfile\": \"\", \"ProcessLabel\": \"\", \"Mounts\": null,"
    " \"State\": {\"Running\": false, \"Paused\": false, \"Pid\": 0}, \"Config\": {\"User\": \"\"},"
    " \"NetworkSettings\": {\"Networks\": null},"
    " \"HostConfig\": {\"Binds\": null, \"CapAdd\": null, \"CapDrop\": null, \"CgroupParent\": \"\", \"CpuQuota\": 0,"
    " \"CpuShares\": 0, \"CpusetCpus\": \"\", \"DeviceCgroupRules\": null, \"DeviceRequests\": null,"
    " \"Devices\": [], \"IpcMode\": \"private\", \"Memory\": 0, \"NanoCpus\": 0, \"NetworkMode\": \"default\","
    " \"PidMode\": \"\", \"PidsLimit\": null, \"PortBindings\": {}, \"Privileged\": false,"
    " \"PublishAllPorts\": false, \"ReadonlyRootfs\": false,"
    " \"RestartPolicy\": {\"Name\": \"no\", \"MaximumRetryCount\": 0}, \"SecurityOpt\": null, \"UTSMode\": \"\","
    " \"Ulimits\": null, \"UsernsMode\": \"\"}}";
static const char mount_rest[] = "{\"Source\": \"\", \"Destination\": \"\", \"RW\": true, \"Propagation\": \"\"}";

static bool names(const struct json *list, const char *path)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (str_equal(json_string(json_at(list, i)), path))
            return true;
    return false;
}

/* What completes the documents of a case. */
struct rest {
    const struct json *mount, *lacking, *mistyped;
};

/* Writes VALUE, which is at PATH, with the members of DEFAULTS that it does not have. */
static void put_with_rest(struct json_out *out, const char *key, const struct json *value, const struct json *defaults,
                          const struct rest *rest, const char *path)
{
    if (names(rest->mistyped, path)) {
        put_mistyped(out, key, value);
    } else if (json_type(value) == JSON_ARRAY && str_equal(path, "Mounts")) {
        json_out_array(out, key);
        for (size_t i = 0; i < json_count(value); i++)
            put_with_rest(out, NULL, json_at(value, i), rest->mount, rest, "Mounts[]");
        json_out_end_array(out);
    } else if (json_type(value) != JSON_OBJECT) {
        json_out_value(out, key, value);
    } else {
        json_out_object(out, key);
        for (size_t from = 0; from < 2; from++) {
            const struct json *object = from ? defaults : value;

            for (size_t i = 0; json_type(object) == JSON_OBJECT && i < json_count(object); i++) {
                const char *name;
                const struct json *member = json_member(object, i, &name, NULL);
                scoped(cleanup_free) char *below = *path ? mem_printf("%s.%s", path, name) : mem_strdup(name);

                if (!names(rest->lacking, below) && !(from && json_get(value, name)))
                    put_with_rest(out, name, member, json_get(defaults, name), rest, below);
            }
        }
        json_out_end_object(out);
    }
}

/* VALUE, a document or a list of them, as an engine sends it: with the members of REST, without those that the case's
 * "lacking" names, those in "mistyped" of another type. The caller frees. */
static char *complete(const struct case_context *context, const struct json *value, const char *rest_text)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped(cleanup_json_doc) struct json_doc *document = NULL, *mount = NULL;
    struct rest rest = {.lacking = json_get(context->documents, "lacking"),
                        .mistyped = json_get(context->documents, "mistyped")};

    if (json_parse(rest_text, strlen(rest_text), NULL, &document, NULL) < 0 ||
        json_parse(mount_rest, strlen(mount_rest), NULL, &mount, NULL) < 0)
        return NULL;
    rest.mount = json_root(mount);
    if (json_type(value) == JSON_ARRAY) {
        json_out_array(out, NULL);
        for (size_t i = 0; i < json_count(value); i++)
            put_with_rest(out, NULL, json_at(value, i), json_root(document), &rest, "");
        json_out_end_array(out);
    } else {
        put_with_rest(out, NULL, value, json_root(document), &rest, "");
    }
    return mem_strdup(json_out_text(out, NULL));
}

#define MAKE_COMPLETED(name, rest)                                                                                     \
    static int make_##name(const struct case_context *context, const struct json *value, struct facts **ret,           \
                           struct error *error)                                                                        \
    {                                                                                                                  \
        scoped(cleanup_free) char *text = changed(context, complete(context, value, rest));                            \
        struct name##_facts *facts = NULL;                                                                             \
        int r = parse_##name(text, strlen(text), &facts, error);                                                       \
                                                                                                                       \
        if (r == 0)                                                                                                    \
            *ret = &facts->facts;                                                                                      \
        return r;                                                                                                      \
    }
MAKE_COMPLETED(container_list, "{\"State\": \"created\"}")
MAKE_COMPLETED(image_list, "{\"Created\": 0, \"Size\": 0, \"RepoTags\": null, \"RepoDigests\": null}")
MAKE_COMPLETED(image,
               "{\"Os\": \"linux\", \"Architecture\": \"amd64\", \"Size\": 0, \"Config\": {}, \"RootFS\": {\"Type\": "
               "\"layers\"}, \"RepoDigests\": null}")
MAKE_COMPLETED(history, "{\"Comment\": \"\", \"Size\": 0}")
MAKE_COMPLETED(network_list, "{\"Name\": \"n\", \"Driver\": \"bridge\", \"Options\": null, \"Ingress\": false}")
MAKE_COMPLETED(service_list, "{\"ID\": \"service\", \"Spec\": {\"TaskTemplate\": {\"ContainerSpec\": {}}}}")
MAKE_COMPLETED(task_list, "{\"Status\": {}}")
MAKE_COMPLETED(info, "{\"DriverStatus\": null, \"Name\": \"host\", \"RegistryConfig\": {\"Mirrors\": null}, \"Swarm\": "
                     "{\"LocalNodeState\": \"inactive\", \"Cluster\": {\"RootRotationInProgress\": false}}}")

/* A path, or a list of them and of {"path", "below", "kind", "socket", "layer"}. */
static void make_places(struct arena *arena, const struct json *value, struct mount_facts *mount)
{
    static const char *const kinds[] = {"unknown", "directory", "socket", "file"};
    size_t count = json_type(value) == JSON_ARRAY ? json_count(value) : 1;

    mount->places = arena_alloc(arena, count * sizeof *mount->places);
    for (; mount->place_count < count; mount->place_count++) {
        const struct json *item = json_type(value) == JSON_ARRAY ? json_at(value, mount->place_count) : value;
        struct mount_place *place = &mount->places[mount->place_count];

        place->path = arena_strdup(arena, json_text(item, json_text(json_get(item, "path"), "")));
        place->below = arena_strdup(arena, json_text(json_get(item, "below"), ""));
        place->socket = arena_strdup(arena, json_string(json_get(item, "socket")));
        place->layer = (unsigned)json_int(json_get(item, "layer"), 0);
        for (size_t k = 0; k < countof(kinds); k++)
            if (str_equal(json_string(json_get(item, "kind")), kinds[k]))
                place->kind = (enum place_kind)k;
    }
}

/* "resolved": the places of the host that mounts show, by their sources; "unresolved": why that could not be found out.
 */
static int make_container(const struct case_context *context, const struct json *value, struct facts **ret,
                          struct error *error)
{
    const struct json *resolved = json_get(context->documents, "resolved");
    const struct json *unresolved = json_get(context->documents, "unresolved");
    struct container_facts *container = NULL;
    scoped(cleanup_free) char *text = changed(context, complete(context, value, container_rest));
    int r = parse_container(text, strlen(text), &container, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < container->mount_count; i++) {
        struct mount_facts *mount = &container->mounts[i];
        const struct json *places = json_get(resolved, mount->devices.count ? mount->devices.items[0] : mount->source);

        if (places)
            make_places(container->facts.arena, places, mount);
        mount->unknown = arena_strdup(container->facts.arena, json_string(json_get(unresolved, mount->source)));
    }
    *ret = &container->facts;
    return 0;
}

/* "exec_seen": what the agent itself knows of the exec. */
static int make_exec(const struct case_context *context, const struct json *value, struct facts **ret,
                     struct error *error)
{
    const struct json *seen = json_get(context->documents, "exec_seen");
    struct exec_facts *exec = NULL;
    scoped(cleanup_free) char *text = changed(
        context, complete(context, value, "{\"ContainerID\": \"\", \"ProcessConfig\": {\"privileged\": false}}"));
    int r = parse_exec(text, strlen(text), &exec, error);

    if (r < 0)
        return r;
    exec->container_name = arena_strdup(exec->facts.arena, json_string(json_get(seen, "container_name")));
    exec->container_user = arena_strdup(exec->facts.arena, json_string(json_get(seen, "container_user")));
    exec->seen = CASE_NOW - json_int(json_get(seen, "seconds_ago"), 0) * USEC_PER_SEC;
    *ret = &exec->facts;
    return 0;
}

/* What the worker writes: the document, after it the names of the packages, one a line. "passwd": the image's own file.
 */
static int make_layers(const struct case_context *context, const struct json *layers, struct facts **ret,
                       struct error *error)
{
    struct layer_facts *facts = NULL;
    const char *passwd = json_string(json_get(layers, "passwd"));
    struct layer_accounts accounts = {0};
    scoped_str text = STR_INIT;
    int r;

    (void)context;
    append_text(&text, layers);
    str_printf(&text, "\n%s", json_text(json_get(layers, "packages"), ""));
    r = layers_parse(text.data, text.length, &facts, error);
    if (r == 0 && passwd) {
        layer_read_accounts(&accounts, passwd, strlen(passwd));
        facts->accounts = arena_strdup(facts->facts.arena, accounts.text);
        facts->accounts_error = arena_strdup(facts->facts.arena, accounts.error);
        layer_accounts_deinit(&accounts);
    }
    if (r == 0)
        *ret = &facts->facts;
    return r;
}

static int make_scan(const struct case_context *context, const struct json *report, struct facts **ret,
                     struct error *error)
{
    struct scan_facts *facts = NULL;
    scoped_str text = STR_INIT, reduced = STR_INIT;
    int r;

    (void)context;
    append_text(&text, report);
    r = scanner_reduce(str_text(&text), text.length, &reduced, error);
    if (r == 0)
        r = scanner_parse(str_text(&reduced), reduced.length, &facts, error);
    if (r == 0)
        *ret = &facts->facts;
    return r;
}

static const struct document {
    const char *name;
    enum input_kind kind;
    case_make_function *make;
    bool each; /* the value is a list of such documents */
} known[] = {
    {"version", INPUT_VERSION, make_version, false},
    {"info", INPUT_INFO, make_info, false},
    {"daemon", INPUT_DAEMON, case_make_daemon, false},
    {"lsm", INPUT_LSM, case_make_lsm, false},
    {"mounts", INPUT_MOUNTS, make_mounts, false},
    {"group", INPUT_GROUP, make_group, false},
    {"audit", INPUT_AUDIT, case_make_audit, false},
    {"environment", INPUT_ENVIRONMENT, case_make_environment, false},
    {"listeners", INPUT_LISTENERS, case_make_listeners, false},
    {"certificates", INPUT_CERTIFICATES, case_make_certificates, false},
    {"container_list", INPUT_CONTAINERS, make_container_list, false},
    {"images", INPUT_IMAGES, make_image_list, false},
    {"networks", INPUT_NETWORKS, make_network_list, false},
    {"services", INPUT_SERVICES, make_service_list, false},
    {"tasks", INPUT_TASKS, make_task_list, false},
    {"secrets", INPUT_SECRETS, make_secret_list, false},
    {"unlock_key", INPUT_UNLOCK_KEY, case_make_unlock_key, false},
    {"files", INPUT_FILES, case_make_files, false},
    {"containers", INPUT_CONTAINER, make_container, true},
    {"processes", INPUT_PROCESSES, case_make_processes, false},
    {"image", INPUT_IMAGE, make_image, false},
    {"history", INPUT_HISTORY, make_history, false},
    {"layers", INPUT_LAYERS, make_layers, false},
    {"scan", INPUT_SCAN, make_scan, false},
    {"exec", INPUT_EXEC, make_exec, false},
};

/* The image that the subject is, or that it is a container of. */
static const char *image_of(const struct case_context *context)
{
    const struct json *container = json_at(json_get(context->documents, "containers"), 0);

    return context->rule->check->subject == SUBJECT_CONTAINER ? json_text(json_get(container, "Image"), "")
                                                              : context->subject;
}

static const char *key_of(const struct case_context *context, enum input_kind kind, const struct json *value)
{
    switch (kind) {
    case INPUT_FILES:
        return json_text(json_get(value, "source"), rule_file_source(context->rule));
    case INPUT_CONTAINER:
    case INPUT_IMAGE:
        return json_text(json_get(value, "Id"), context->subject);
    case INPUT_EXEC:
        return json_text(json_get(value, "ID"), context->subject);
    case INPUT_PROCESSES:
    case INPUT_HISTORY:
    case INPUT_SCAN:
        return context->subject;
    case INPUT_LAYERS:
        return image_of(context);
    default:
        return NULL;
    }
}

static int load_one(const struct case_context *context, struct store *store, const struct document *document,
                    const struct json *value, struct error *error)
{
    const char *key = key_of(context, document->kind, value);
    struct facts *facts = NULL;
    int r = document->make(context, value, &facts, error);

    if (r == 0)
        store_put(store, document->kind, key, facts);
    else if (context->refusable)
        store_put_error(store, document->kind, key, error->text);
    return context->refusable ? 0 : r;
}

/* "errors": inputs that could not be read, and why. */
static int load_errors(const struct case_context *context, struct store *store, const struct json *errors,
                       struct error *error)
{
    for (size_t i = 0; i < json_count(errors); i++) {
        const char *name;
        const struct json *why = json_member(errors, i, &name, NULL);
        int kind = 0;

        while (kind < INPUT_KIND_COUNT && !str_equal(input_types[kind].name, name))
            kind++;
        if (kind == INPUT_KIND_COUNT)
            return error_set(error, EINVAL, "errors: unknown input \"%s\"", name);
        if (!(context->rule->check->reads & INPUT_BIT(kind)))
            return error_set(error, EINVAL, "errors: the check does not read \"%s\"", name);
        store_put_error(store, (enum input_kind)kind,
                        kind == INPUT_LAYERS ? image_of(context)
                        : kind > INPUT_FILES ? context->subject
                                             : key_of(context, (enum input_kind)kind, NULL),
                        json_string(why));
    }
    return 0;
}

static int load_document(const struct case_context *context, struct store *store, const char *name,
                         const struct json *value, struct error *error)
{
    static const char *const beside[] = {"resolved", "unresolved", "lacking", "mistyped", "exec_seen", "errors"};
    const struct document *document = NULL;
    int r = 0;

    for (size_t i = 0; i < countof(beside); i++)
        if (str_equal(beside[i], name))
            return 0;
    for (size_t i = 0; i < countof(known); i++)
        if (str_equal(known[i].name, name))
            document = &known[i];
    if (!document)
        return error_set(error, EINVAL, "unknown document");
    /* Remedies for containers say which service's task one is. */
    if (!(context->rule->check->reads & INPUT_BIT(document->kind)) &&
        !(context->rule->check->subject == SUBJECT_CONTAINER &&
          INPUT_BIT(document->kind) & (INPUT_BIT(INPUT_INFO) | INPUT_BIT(INPUT_TASKS))))
        return error_set(error, EINVAL, "the check %s does not read it", context->rule->check->name);
    if (!document->each)
        return load_one(context, store, document, value, error);
    for (size_t i = 0; r == 0 && i < json_count(value); i++)
        r = load_one(context, store, document, json_at(value, i), error);
    return r;
}

static bool has_document(const struct case_context *context, const char *name)
{
    return json_get(context->documents, name) || json_path(context->documents, "errors", name, NULL);
}

/* Of an image and its history a case may hold one alone: a history is of an image that has no layer beyond its steps,
 * an image has the history of a base layer. */
static int load_other_half(const struct case_context *context, struct store *store, struct error *error)
{
    static const char plain[] =
        "{\"Id\": \"%s\", \"Created\": \"2026-01-01T00:00:00Z\", \"Size\": 1, \"Architecture\": \"amd64\", \"Os\": "
        "\"linux\", \"Config\": {}, \"RootFS\": {\"Type\": \"layers\"}}";
    static const char base[] =
        "[{\"CreatedBy\": \"/bin/sh -c #(nop) ADD file:1 in / \", \"Size\": 1, \"Comment\": \"\"}]";
    bool history = context->history || has_document(context, "history"), image = has_document(context, "image");
    unsigned both = INPUT_BIT(INPUT_IMAGE) | INPUT_BIT(INPUT_HISTORY);
    struct json_doc *doc = NULL;
    int r;

    if ((context->rule->check->reads & both) != both || history == image)
        return 0;
    if (history) {
        scoped(cleanup_free) char *text = mem_printf(plain, context->subject);

        r = json_parse(text, strlen(text), NULL, &doc, error);
    } else {
        r = json_parse(base, strlen(base), NULL, &doc, error);
    }
    if (r == 0)
        r = load_document(context, store, history ? "image" : "history", json_root(doc), error);
    json_doc_free(doc);
    return r;
}

/* A case of the environment alone is of an engine whose client reads the variable that it is about. */
static int load_older_engine(const struct case_context *context, struct store *store, struct error *error)
{
    static const char older[] = "{\"Version\": \"28.5.2\", \"ApiVersion\": \"1.51\"}";
    struct json_doc *doc = NULL;
    int r;

    if (!(context->rule->check->reads & INPUT_BIT(INPUT_ENVIRONMENT)) || has_document(context, "version"))
        return 0;
    r = json_parse(older, strlen(older), NULL, &doc, error);
    if (r == 0)
        r = load_document(context, store, "version", json_root(doc), error);
    json_doc_free(doc);
    return r;
}

int case_documents_load(const struct case_context *context, struct store **ret_store, struct error *error)
{
    scoped(cleanup_store) struct store *store = store_new();
    int r;

    for (size_t i = 0; i < json_count(context->documents); i++) {
        const char *name;
        const struct json *value = json_member(context->documents, i, &name, NULL);

        r = load_document(context, store, name, value, error);
        if (r < 0)
            return error_prefix(error, "documents.%s", name);
    }
    r = context->history ? load_document(context, store, "history", context->history, error) : 0;
    if (r == 0)
        r = load_other_half(context, store, error);
    if (r == 0)
        r = load_older_engine(context, store, error);
    if (r == 0)
        r = load_errors(context, store, json_get(context->documents, "errors"), error);
    if (r < 0)
        return error_prefix(error, "documents");
    *ret_store = take(store);
    return 0;
}

/* Documents that the parsers of the engine's answers read. */
static const char *const of_engine[] = {"version", "info",    "container_list", "images", "networks", "services",
                                        "tasks",   "secrets", "containers",     "image",  "history",  "exec"};

const char *case_documents_of_engine(size_t number)
{
    return number < countof(of_engine) ? of_engine[number] : NULL;
}

static const struct document *find_document(const char *name)
{
    size_t i = 0;

    while (strcmp(known[i].name, name) != 0)
        i++;
    return &known[i];
}

size_t case_documents_count(const struct verdict_case *c, const char *name)
{
    const struct json *value = json_path(c->root, "documents", name, NULL);

    return !value ? 0 : find_document(name)->each ? json_count(value) : 1;
}

int case_documents_change(const struct verdict_case *c, const struct open_case *open, const char *name, size_t item,
                          struct case_change *change, bool *ret_changed, struct error *error)
{
    struct case_context context = {
        .rule = open->rule, .subject = open->subject, .documents = json_get(c->root, "documents")};
    const struct document *document = find_document(name);
    const struct json *value = json_get(context.documents, name);
    struct facts *facts = NULL;
    int r;

    value = document->each ? json_at(value, item) : value;
    change->kind = document->kind;
    change->key = key_of(&context, document->kind, value);
    if (!change->original) {
        r = document->make(&context, value, &facts, error);
        if (r < 0)
            return r;
        change->original = facts->digest;
        facts_free(take(facts));
    }
    context.change = change;
    r = document->make(&context, value, &facts, error);
    *ret_changed = change->path.length && (r < 0 || facts->digest != change->original);
    if (r < 0)
        store_put_error(open->store, document->kind, change->key, error->text);
    else if (*ret_changed || !change->path.length)
        store_put(open->store, document->kind, change->key, facts);
    else
        facts_free(facts);
    return change->path.length ? 0 : error_set(error, ENOENT, "no such member");
}
