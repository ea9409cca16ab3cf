/* The opaque directories of a layer, for processes that may not read trusted.overlay.* attributes (which takes
 * CAP_SYS_ADMIN). Docker and podman keep each layer's tar without the files' contents (tar-split: gzipped lines of
 * JSON), where an opaque directory is marked by an entry with a name of its own. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "common/json_in.h"
#include "probes/images/layers_internal.h"

/* A line longer than LINE_LENGTH_MAX is a piece of the tar's headers: no path is that long. */
enum { BLOCK = 65536, LINE_LENGTH_MAX = 65536, DIGEST_LENGTH = 71, CACHE_ID_MAX = 256 };

static bool is_digest(const char *text)
{
    return strlen(text) == DIGEST_LENGTH && str_starts(text, "sha256:") &&
           strspn(text + strlen("sha256:"), "0123456789abcdef") == DIGEST_LENGTH - strlen("sha256:");
}

/* The name under which Docker keeps a layer on top of those below it (OCI image-spec, config.md, "Layer ChainID"). */
static int chain_id(const struct string_list *layers, size_t layer, char ret[DIGEST_LENGTH + 1])
{
    for (size_t i = 0; i <= layer; i++)
        if (!is_digest(layers->items[i]))
            return -EINVAL;
    memcpy(ret, layers->items[0], DIGEST_LENGTH + 1);
    for (size_t i = 1; i <= layer; i++) {
        scoped(cleanup_free) char *text = mem_printf("%s %s", ret, layers->items[i]);
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned length;

        if (!EVP_Digest(text, strlen(text), hash, &length, EVP_sha256(), NULL))
            return -EIO;
        for (unsigned k = 0; k < length; k++)
            snprintf(ret + strlen("sha256:") + 2 * (size_t)k, 3, "%02x", hash[k]);
    }
    return 0;
}

/* Splits ROOT/DRIVER/ID/diff in place; TEXT becomes ROOT. */
static bool split_directory(char *text, char **ret_driver, char **ret_id)
{
    char *end = strrchr(text, '/');

    if (!end || strcmp(end, "/diff") != 0)
        return false;
    *end = '\0';
    *ret_id = strrchr(text, '/');
    if (!*ret_id)
        return false;
    *(*ret_id)++ = '\0';
    *ret_driver = strrchr(text, '/');
    if (!*ret_driver)
        return false;
    *(*ret_driver)++ = '\0';
    return true;
}

static int open_docker(const struct layers_request *request, size_t layer, const char *root, const char *driver,
                       const char *id, struct error *error)
{
    scoped(cleanup_free) char *folder = NULL, *cache_id = NULL, *split = NULL;
    scoped(cleanup_close) int fd = -1;
    char chain[DIGEST_LENGTH + 1], found[CACHE_ID_MAX];
    ssize_t n;

    if (chain_id(request->layers, layer, chain) < 0)
        return error_set(error, EINVAL, "digests that are not SHA-256");
    folder = mem_printf("%s/image/%s/layerdb/sha256/%s", root, driver, chain + strlen("sha256:"));
    cache_id = mem_printf("%s/cache-id", folder);
    split = mem_printf("%s/tar-split.json.gz", folder);
    fd = host_open(request->root, cache_id, O_RDONLY, error);
    if (fd < 0)
        return fd;
    n = read(fd, found, sizeof found);
    if (n < 0 || (size_t)n != strlen(id) || memcmp(found, id, (size_t)n) != 0)
        return error_set(error, EBADMSG, "%s belongs to another layer", folder);
    return host_open(request->root, split, O_RDONLY, error);
}

int layer_open_split(const struct layers_request *request, size_t layer, struct error *error)
{
    size_t above = request->layers->count - 1 - layer;
    scoped(cleanup_free) char *text = mem_strdup(request->directories->items[above]), *podman = NULL;
    char *driver, *id;
    int fd;

    if (!split_directory(text, &driver, &id))
        return error_set(error, EINVAL, "%s is not a layer's directory", request->directories->items[above]);
    fd = open_docker(request, layer, text, driver, id, error);
    if (fd != -ENOENT)
        return fd;
    podman = mem_printf("%s/%s-layers/%s.tar-split.gz", text, driver, id);
    return host_open(request->root, podman, O_RDONLY, error);
}

static bool decode_base64(const char *text, struct str *ret)
{
    size_t length = strlen(text);
    int n;

    str_clear(ret);
    if (!length || length % 4)
        return false;
    for (size_t i = 0; i < length / 4 * 3; i++)
        str_append_char(ret, '\0');
    n = EVP_DecodeBlock((unsigned char *)ret->data, (const unsigned char *)text, (int)length);
    if (n < 0)
        return false;
    ret->length = (size_t)n - (text[length - 1] == '=') - (text[length - 2] == '=');
    ret->data[ret->length] = '\0';
    return true;
}

/* {"type":1,"name":"usr/","payload":null,"position":1}, and name_raw in base64 for what is not UTF-8. */
static int read_line(const struct str *line, struct layer_summary *summary, struct error *error)
{
    static const char type[] = "{\"type\":", entry[] = "{\"type\":1,";
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str raw = STR_INIT, path = STR_INIT;
    const char *name, *name_raw;
    size_t length;
    int r;

    if (!str_starts(line->data, type))
        return error_set(error, EBADMSG, "a line is not in the tar-split format");
    if (!str_starts(line->data, entry) || (!strstr(line->data, LAYER_OPAQUE) && !strstr(line->data, "\"name_raw\"")))
        return 0;
    r = json_parse(line->data, line->length, NULL, &doc, error);
    if (r < 0)
        return r;
    name = json_text(json_get(json_root(doc), "name"), "");
    name_raw = json_string(json_get(json_root(doc), "name_raw"));
    if (name_raw && !decode_base64(name_raw, &raw))
        return error_set(error, EBADMSG, "name_raw is not base64");
    if (layer_normalise(name_raw ? str_text(&raw) : name, &path) && layer_is_opaque_mark(path.data, &length))
        return layer_add_opaque(summary, path.data, length, error);
    return 0;
}

struct line {
    struct str text;
    bool too_long;
};

static int read_block(struct line *line, const char *data, size_t length, struct layer_summary *summary,
                      struct error *error)
{
    while (length) {
        const char *end = memchr(data, '\n', length);
        size_t n = end ? (size_t)(end - data) : length;
        int r = 0;

        line->too_long |= line->text.length + n > LINE_LENGTH_MAX;
        if (!line->too_long)
            str_append_n(&line->text, data, n);
        data += n + (end ? 1 : 0);
        length -= n + (end ? 1 : 0);
        if (!end)
            continue;
        if (!line->too_long)
            r = read_line(&line->text, summary, error);
        str_clear(&line->text);
        line->too_long = false;
        if (r < 0)
            return r;
    }
    return 0;
}

struct split {
    int fd;
    char block[BLOCK];
};

/* libarchive's own reader of descriptors calls fstat(2), which a part that parses may not. */
static la_ssize_t read_split(struct archive *archive, void *user, const void **ret_data)
{
    struct split *split = user;
    ssize_t n;

    do
        n = read(split->fd, split->block, sizeof split->block);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    *ret_data = split->block;
    return n;
}

int layer_parse_split(int fd, struct layer_summary *ret, struct error *error)
{
    scoped(cleanup_free) struct split *split = mem_alloc(sizeof *split);
    scoped(cleanup_free) char *block = mem_alloc(BLOCK);
    struct archive *archive = archive_read_new();
    struct line line = {.text = STR_INIT};
    struct archive_entry *entry;
    la_ssize_t n = -1;
    int r = 0;

    archive_read_support_filter_gzip(archive);
    archive_read_support_format_raw(archive);
    str_append(&line.text, "");
    split->fd = fd;
    if (archive_read_open(archive, split, NULL, read_split, NULL) == ARCHIVE_OK &&
        archive_read_next_header(archive, &entry) == ARCHIVE_OK)
        while (r == 0 && (n = archive_read_data(archive, block, BLOCK)) > 0)
            r = read_block(&line, block, (size_t)n, ret, error);
    if (r == 0 && (n < 0 || line.text.length || line.too_long))
        r = error_set(error, EBADMSG, "tar-split: %s",
                      n < 0 ? archive_error_string(archive) : M_("its last line is truncated"));
    archive_read_free(archive);
    str_deinit(&line.text);
    return r;
}
