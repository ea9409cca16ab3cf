/* GET /images/json, /images/{id}/json and /images/{id}/history made facts. */
#include <errno.h>
#include <string.h>

#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "probes/docker/docker_parse_internal.h"

/* RepoTags and RepoDigests hold "<none>:<none>" and "<none>@<none>" for what has none. */
static void read_references(struct builder *b, const struct json *references, const char *name, struct string_list *ret)
{
    size_t count = json_count(build_typed(b, references, JSON_ARRAY));

    if (!build_room(b, count, name, ret))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *s = json_string_n(build_item(b, references, i, JSON_STRING), &length);

        if (s && !strstr(s, "<none>"))
            build_push(b, ret, s, length);
    }
}

static int parse_image_list_value(const struct json *value, struct image_list_facts **ret, struct error *error)
{
    struct builder b;
    struct image_list_facts *list;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "images: not an array");
    if (count > DOCUMENT_LIST_MAX)
        return error_set(error, EFBIG, "images: more than %d", (int)DOCUMENT_LIST_MAX);
    list = build_begin(&b, sizeof *list, sizeof *list + count * (sizeof *list->items + 256) + 64);
    b.document = value;
    list->items = count ? arena_alloc(b.arena, count * sizeof *list->items) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(value, i);
        struct image_list_item *image = &list->items[list->count++];

        image->id = build_text(&b, json_get(item, "Id"));
        if (str_empty(image->id)) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "images: Id of entry %zu is missing", i);
        }
        build_expect(&b, item, "RepoTags", JSON_ARRAY, true, "[].RepoTags");
        build_expect(&b, item, "RepoDigests", JSON_ARRAY, true, "[].RepoDigests");
        read_references(&b, json_get(item, "RepoTags"), "RepoTags", &image->tags);
        read_references(&b, json_get(item, "RepoDigests"), "RepoDigests", &image->digests);
        image->created = build_int(&b, build_required(&b, item, "Created", JSON_NUMBER, "Created"));
        image->size = build_int(&b, build_required(&b, item, "Size", JSON_NUMBER, "Size"));
    }
    r = build_end(&b, &list->facts, "images", error);
    if (r == 0)
        *ret = list;
    return r;
}

static void read_labels(struct builder *b, const struct json *labels, struct string_list *ret)
{
    size_t count = json_count(build_typed(b, labels, JSON_OBJECT));

    if (!build_room(b, count, "Config.Labels", ret))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *key;
        const struct json *label = json_member(labels, i, &key, NULL);
        scoped_str line = STR_INIT;

        str_append(&line, key);
        str_append_char(&line, '=');
        str_append(&line, json_text(build_present(b, label, JSON_STRING), ""));
        build_push(b, ret, line.data, line.length);
    }
}

/* overlay2 names the layers' directories: UpperDir, then LowerDir with colons between, the uppermost first. */
static void read_directories(struct builder *b, const struct json *driver, struct image_facts *image)
{
    const char *upper = json_string(json_path(driver, "Data", "UpperDir", NULL));
    const char *lower = json_text(json_path(driver, "Data", "LowerDir", NULL), "");
    size_t count = upper != NULL;

    image->graph_driver = build_text(b, json_get(driver, "Name"));
    for (const char *at = lower; *at; at += strcspn(at, ":"), at += *at == ':')
        count++;
    if (!build_room(b, count, "GraphDriver.Data", &image->layer_directories))
        return;
    if (upper)
        build_push(b, &image->layer_directories, upper, strlen(upper));
    for (const char *at = lower; *at; at += strcspn(at, ":"), at += *at == ':')
        build_push(b, &image->layer_directories, at, strcspn(at, ":"));
}

const char *build_platform(struct builder *b, const struct json *os, const struct json *architecture,
                           const struct json *variant)
{
    scoped_str line = STR_INIT;

    if (str_empty(json_string(os)))
        return NULL;
    str_printf(&line, "%.64s/%.64s", json_string(os), json_text(architecture, ""));
    if (!str_empty(json_string(variant)))
        str_printf(&line, "/%.64s", json_string(variant));
    return build_string(b, line.data, line.length);
}

/* "Manifests", which an engine with containerd's store has been asked for: what kinds of things lie under the name.
 * Those that are not here cannot be run or judged; attestations are no platform. */
static void read_manifests(struct builder *b, const struct json *value, struct image_facts *image)
{
    const struct json *manifests = build_typed(b, json_get(value, "Manifests"), JSON_ARRAY);
    const char *type = json_string(json_path(value, "Descriptor", "artifactType", NULL));
    size_t count = json_count(manifests), images = 0, others = 0;

    if (!build_room(b, count, "Manifests", &image->platforms))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct json *manifest = build_item(b, manifests, i, JSON_OBJECT);
        const struct json *platform = json_path(manifest, "ImageData", "Platform", NULL);
        const char *kind = json_text(json_get(manifest, "Kind"), "");
        const char *name;

        others += strcmp(kind, "unknown") == 0;
        if (strcmp(kind, "image") != 0)
            continue;
        images++;
        name = json_bool(json_get(manifest, "Available"), false)
                   ? build_platform(b, json_get(platform, "os"), json_get(platform, "architecture"),
                                    json_get(platform, "variant"))
                   : NULL;
        if (name)
            image->platforms.items[image->platforms.count++] = name;
    }
    if (image->platforms.count < 2)
        image->platforms.count = 0;
    if (!images && others && !type)
        type = json_text(json_path(json_at(manifests, 0), "Descriptor", "artifactType", NULL), "of an unknown type");
    if (!images && type)
        image->artifact = build_string(b, type, strlen(type));
    build_number(b, (int64_t)(images + image->platforms.count));
}

/* "Identity", of API 1.53 on: how the image came here, and whose signatures on it the engine has verified. */
static void read_identity(struct builder *b, const struct json *identity, struct image_facts *image)
{
    const struct json *pulls = json_get(identity, "Pull"), *signatures = json_get(identity, "Signature");

    image->has_identity = json_type(identity) == JSON_OBJECT;
    build_number(b, image->has_identity);
    if (!image->has_identity || !build_room(b, json_count(pulls), "Identity.Pull", &image->pulled_from) ||
        !build_room(b, json_count(signatures), "Identity.Signature", &image->signers))
        return;
    for (size_t i = 0; i < json_count(pulls); i++) {
        const char *repository = json_string(json_get(build_item(b, pulls, i, JSON_OBJECT), "Repository"));

        if (!str_empty(repository))
            build_push(b, &image->pulled_from, repository, strlen(repository));
    }
    for (size_t i = 0; i < json_count(signatures); i++) {
        const struct json *signature = build_item(b, signatures, i, JSON_OBJECT);
        const char *name = json_string(json_get(signature, "Name"));

        if (str_empty(name))
            name = json_string(json_path(signature, "Signer", "SubjectAlternativeName", NULL));
        if (str_empty(json_string(json_get(signature, "Error"))) && !str_empty(name))
            build_push(b, &image->signers, name, strlen(name));
    }
    image->built_here = json_count(json_get(identity, "Build")) > 0;
    build_number(b, image->built_here);
}

/* What every image has. The containerd store answers with nothing where the configuration cannot be read. */
static void require_members(struct builder *b, const struct json *value)
{
    const struct json *root = build_required(b, value, "RootFS", JSON_OBJECT, "RootFS");

    build_required(b, root, "Type", JSON_STRING, "RootFS.Type, as if its configuration could not be read,");
    build_required(b, value, "Os", JSON_STRING, "Os");
    build_required(b, value, "Architecture", JSON_STRING, "Architecture");
    build_required(b, value, "Config", JSON_OBJECT, "Config");
    build_required(b, value, "Size", JSON_NUMBER, "Size");
}

static int parse_image_value(const struct json *value, struct image_facts **ret, struct error *error)
{
    struct builder b;
    struct image_facts *image;
    const struct json *config, *test;
    int r;

    if (json_type(value) != JSON_OBJECT || !json_string(json_get(value, "Id")))
        return error_set(error, EINVAL, "image: not an object with Id");
    image = build_begin(&b, sizeof *image, 768);
    b.document = value;
    config = build_typed(&b, json_get(value, "Config"), JSON_OBJECT);
    test = json_get(build_typed(&b, json_get(config, "Healthcheck"), JSON_OBJECT), "Test");
    image->id = build_text(&b, json_get(value, "Id"));
    image->user = build_text_or(&b, json_get(config, "User"));
    build_expect(&b, value, "RepoDigests", JSON_ARRAY, true, "RepoDigests");
    read_references(&b, json_get(value, "RepoTags"), "RepoTags", &image->tags);
    read_references(&b, json_get(value, "RepoDigests"), "RepoDigests", &image->digests);
    build_keys(&b, json_get(config, "ExposedPorts"), "Config.ExposedPorts", &image->exposed_ports);
    image->has_healthcheck = json_count(test) > 0;
    build_list(&b, test, "Config.Healthcheck.Test", &image->healthcheck);
    build_list(&b, json_get(config, "Entrypoint"), "Config.Entrypoint", &image->entrypoint);
    build_list(&b, json_get(config, "Cmd"), "Config.Cmd", &image->command);
    build_list(&b, json_get(config, "Env"), "Config.Env", &image->env);
    read_labels(&b, json_get(config, "Labels"), &image->labels);
    build_list(&b, json_path(value, "RootFS", "Layers", NULL), "RootFS.Layers", &image->layers);
    read_directories(&b, json_get(value, "GraphDriver"), image);
    image->created = build_text(&b, json_get(value, "Created"));
    image->size = build_int(&b, json_get(value, "Size"));
    image->platform =
        build_platform(&b, json_get(value, "Os"), json_get(value, "Architecture"), json_get(value, "Variant"));
    read_manifests(&b, value, image);
    read_identity(&b, build_typed(&b, json_get(value, "Identity"), JSON_OBJECT), image);
    if (!image->artifact)
        require_members(&b, value);
    r = build_end(&b, &image->facts, "image", error);
    if (r == 0)
        *ret = image;
    return r;
}

/* The engine gives the newest step first. */
static int parse_history_value(const struct json *value, struct history_facts **ret, struct error *error)
{
    struct builder b;
    struct history_facts *history;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY && json_type(value) != JSON_NULL)
        return error_set(error, EINVAL, "history: not an array");
    if (count > LIST_MAX)
        return error_set(error, EFBIG, "history: more than %d steps", (int)LIST_MAX);
    history = build_begin(&b, sizeof *history, 2048);
    b.document = value;
    history->items = count ? arena_alloc(b.arena, count * sizeof *history->items) : NULL;
    for (size_t i = count; i-- > 0;) {
        const struct json *item = json_at(value, i);

        if (!json_string(json_get(item, "CreatedBy"))) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "history: CreatedBy of entry %zu is missing", i);
        }
        history->items[history->count++] = (struct history_step){
            .created_by = build_whole_text(&b, json_get(item, "CreatedBy"), "CreatedBy"),
            .comment = build_text_or(&b, build_required(&b, item, "Comment", JSON_STRING, "[].Comment")),
            .size = build_natural(&b, build_required(&b, item, "Size", JSON_NUMBER, "[].Size")),
        };
    }
    r = build_end(&b, &history->facts, "history", error);
    if (r == 0)
        *ret = history;
    return r;
}

PARSE_TEXT(image_list, image_list_facts, DOCUMENT_IMAGE_LIST)
PARSE_TEXT(image, image_facts, DOCUMENT_IMAGE)
PARSE_TEXT(history, history_facts, DOCUMENT_HISTORY)
