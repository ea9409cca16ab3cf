/* Docker contexts read from the client's configuration folder. */
#include "probes/docker/docker_context.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/text.h"

enum { FILE_LIMIT = 1024 * 1024, NAME_MAX_LENGTH = 255, HEX_LENGTH = 64 };

void docker_context_deinit(struct docker_context *context)
{
    free(context->host);
    free(context->ca);
    free(context->cert);
    free(context->key);
    *context = (struct docker_context){0};
}

static int read_object(const char *path, struct json_doc **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_LIMIT, &text, NULL);

    if (r < 0)
        return error_set(error, -r, "%s: %s", path, error_reason(-r));
    if (json_parse(str_text(&text), text.length, NULL, &doc, error) < 0)
        return error_prefix(error, "%s", path);
    if (json_type(json_root(doc)) != JSON_OBJECT)
        return error_set(error, EINVAL, "%s: not a JSON object", path);
    *ret = take(doc);
    return 0;
}

int docker_context_current(const char *folder, char **ret_name, struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/config.json", folder);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const char *name;
    int r = read_object(path, &doc, error);

    *ret_name = NULL;
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    name = json_string(json_get(json_root(doc), "currentContext"));
    if (!str_empty(name) && strcmp(name, "default") != 0)
        *ret_name = mem_strdup(name);
    return 0;
}

/* As the client allows it, so that no name can be a path. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);

    return length > 1 && length <= NAME_MAX_LENGTH && strchr("_.+-", *name) == NULL &&
           strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-") == length;
}

static int hex_of(const char *name, char ret[HEX_LENGTH + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length;

    if (!EVP_Digest(name, strlen(name), hash, &length, EVP_sha256(), NULL))
        return -EIO;
    for (unsigned i = 0; i < length; i++)
        snprintf(ret + 2 * (size_t)i, 3, "%02x", hash[i]);
    return 0;
}

static char *existing_file(const char *folder, const char *hex, const char *name)
{
    scoped(cleanup_free) char *path = mem_printf("%s/contexts/tls/%s/docker/%s", folder, hex, name);

    return access(path, F_OK) == 0 ? take(path) : NULL;
}

int docker_context_read(const char *folder, const char *name, struct docker_context *ret, struct error *error)
{
    scoped(docker_context_deinit) struct docker_context context = {0};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_free) char *path = NULL;
    scoped_str shown = STR_INIT;
    const struct json *endpoint;
    char hex[HEX_LENGTH + 1];
    int r;

    text_escape(&shown, name, strlen(name), NAME_MAX_LENGTH);
    if (!is_name(name) || hex_of(name, hex) < 0)
        return error_set(error, EINVAL, "\"%s\" is not a name of a docker context", str_text(&shown));
    path = mem_printf("%s/contexts/meta/%s/meta.json", folder, hex);
    r = read_object(path, &doc, error);
    if (r < 0)
        return error_prefix(error, "docker context \"%s\"", str_text(&shown));
    endpoint = json_path(json_root(doc), "Endpoints", "docker", NULL);
    if (str_empty(json_string(json_get(endpoint, "Host"))))
        return error_set(error, EINVAL, "docker context \"%s\": %s: no Endpoints.docker.Host", str_text(&shown), path);
    context.host = mem_strdup(json_string(json_get(endpoint, "Host")));
    context.ca = existing_file(folder, hex, "ca.pem");
    context.cert = existing_file(folder, hex, "cert.pem");
    context.key = existing_file(folder, hex, "key.pem");
    if (json_bool(json_get(endpoint, "SkipTLSVerify"), false))
        context.tls = DOCKER_TLS_UNVERIFIED;
    else if (context.ca || context.cert || context.key)
        context.tls = DOCKER_TLS_VERIFIED;
    *ret = context;
    context = (struct docker_context){0};
    return 0;
}
