/* The files of the configuration: agent.json, and those of conf.d beside it, which are merged over it. */
#include "agent/config/config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/str.h"

enum { FILE_LIMIT = 1024 * 1024, FILES_MAX = 256 };

static const struct json_limits limits = {.bytes = FILE_LIMIT, .depth = 16, .values = 100000, .comments = true};

/* Files that were parsed, in order. */
struct parts {
    VEC(struct json_doc *) docs;
    VEC(char *) files;
};

static void parts_deinit(struct parts *parts)
{
    for (size_t i = 0; i < parts->docs.count; i++)
        json_doc_free(parts->docs.items[i]);
    for (size_t i = 0; i < parts->files.count; i++)
        free(parts->files.items[i]);
    vec_free(&parts->docs);
    vec_free(&parts->files);
}

/* DOC is handed over. A part that is no object would take the place of those before it. */
static void add_part(struct parts *parts, const char *file, struct json_doc *doc, struct faults *faults)
{
    struct error error = ERROR_INIT;

    if (json_type(json_root(doc)) != JSON_OBJECT) {
        config_json_refuse(&error, file, json_root(doc), "must be an object");
        faults_add(faults, &error);
        json_doc_free(doc);
        return;
    }
    vec_push(&parts->docs, doc);
    vec_push(&parts->files, mem_strdup(file));
}

static void parse_text(struct parts *parts, const struct config_text *text, struct faults *faults)
{
    struct error error = ERROR_INIT;
    struct json_doc *doc = NULL;
    int r = json_parse(text->text, text->length, &limits, &doc, &error);

    if (r < 0) {
        error_prefix(&error, "%s", text->path);
        faults_add(faults, &error);
        return;
    }
    if (config_json_document(json_root(doc), text->path, &error) < 0) {
        faults_add(faults, &error);
        json_doc_free(doc);
        return;
    }
    add_part(parts, text->path, doc, faults);
}

/* What PARTS say, all of it; they are given up. */
static struct config *understand(struct parts *parts, bool words_only, struct faults *faults)
{
    static const char *const appended[] = {"sinks", "waivers", "attestations", "exclude", NULL};
    struct config *config = config_new();
    struct config_reader reader = {.config = config, .words_only = words_only, .faults = faults};

    config->files = arena_alloc(config->arena, (parts->files.count + 1) * sizeof *config->files);
    for (size_t i = 0; i < parts->files.count; i++)
        config->files[config->file_count++] = arena_strdup(config->arena, parts->files.items[i]);
    if (parts->docs.count) {
        config->document = json_merge(parts->docs.items, parts->docs.count, appended);
        parts->docs.count = 0; /* they are the document's */
        config_read_root(&reader, json_root(config->document));
    }
    parts_deinit(parts);
    return config;
}

int config_parse_files(const struct config_text *texts, size_t count, struct config **ret, struct error *error)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped(faults_free) struct faults faults = {0};
    struct parts parts = {0};

    for (size_t i = 0; i < count; i++)
        parse_text(&parts, &texts[i], &faults);
    config = understand(&parts, false, &faults);
    config->path = count ? arena_strdup(config->arena, texts[0].path) : NULL;
    if (faults_errors(&faults))
        return faults_first(&faults, error);
    *ret = take(config);
    return 0;
}

int config_parse(const char *text, size_t length, const char *path, struct config **ret, struct error *error)
{
    return config_parse_files(&(struct config_text){path, text, length}, 1, ret, error);
}

/* False: there is no such file, and none is required. */
static bool read_main(struct parts *parts, const struct config_arguments *arguments, const char *path,
                      struct faults *faults)
{
    struct error error = ERROR_INIT;
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_LIMIT, &text, &error);

    if (r == -ENOENT && !arguments->config_path)
        return false;
    if (r == 0) {
        parse_text(parts, &(struct config_text){path, str_text(&text), text.length}, faults);
        return true;
    }
    error_system(&error, -r, "cannot read the configuration %s", path);
    config_explain(r, &error);
    faults_add(faults, &error);
    return true;
}

/* "/etc/docker-bench-agent/conf.d" of "/etc/docker-bench-agent/agent.json". The caller frees. */
static char *folder_beside(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? mem_printf("%.*s/conf.d", (int)(slash - path), path) : mem_strdup("conf.d");
}

/* FILES are freed. */
static void read_listed(struct parts *parts, char **files, size_t count, struct faults *faults)
{
    for (size_t i = 0; i < count; i++) {
        scoped(cleanup_free) char *file = files[i];
        struct error error = ERROR_INIT;
        struct json_doc *doc = NULL;
        int r = config_json_read(file, &limits, &doc, &error);

        if (r == 0) {
            add_part(parts, file, doc, faults);
        } else {
            config_explain(r, &error);
            faults_add(faults, &error);
        }
    }
    free(files);
}

static void read_folder(struct parts *parts, const char *folder, struct faults *faults)
{
    struct error error = ERROR_INIT;
    char **files = NULL;
    size_t count = 0;
    int r = config_json_list(folder, FILES_MAX, &files, &count, &error);

    if (r < 0) {
        config_explain(r, &error);
        faults_add(faults, &error);
    }
    read_listed(parts, files, count, faults);
}

struct config *config_read_files(const struct config_arguments *arguments, bool words_only, struct faults *faults)
{
    const char *path = arguments->config_path ? arguments->config_path : CONFIG_DEFAULT_PATH;
    scoped(cleanup_free) char *folder = folder_beside(path);
    struct parts parts = {0};
    struct config *config;
    bool is_there = read_main(&parts, arguments, path, faults);

    read_folder(&parts, folder, faults);
    config = understand(&parts, words_only, faults);
    config->path = is_there ? arena_strdup(config->arena, path) : NULL;
    return config;
}
