/* Any bytes as the docker client's configuration and, after a NUL, as the context that it names. */
#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

#include "probes/docker/docker_context.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    const uint8_t *end = memchr(data, '\0', size);
    size_t first = end ? (size_t)(end - data) + 1 : 0;

    return first + mutate_json(data + first, size - first, max_size - first, seed);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* Where the client keeps what it knows of a context of that NAME. */
static char *place_of(const char *what, const char *name, const char *file)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    scoped_str hex = STR_INIT;
    unsigned length;

    require(EVP_Digest(name, strlen(name), hash, &length, EVP_sha256(), NULL));
    for (unsigned i = 0; i < length; i++)
        str_printf(&hex, "%02x", hash[i]);
    return mem_printf("contexts/%s/%s/%s", what, str_text(&hex), file);
}

static void require_below(const char *file, const struct folder *folder)
{
    require(!file || (str_starts(file, folder->path) && !strstr(file, "/../")));
}

static void read_context(const struct folder *folder, const char *name)
{
    scoped(docker_context_deinit) struct docker_context context = {0};
    struct docker_address address;
    struct error error = ERROR_INIT;

    if (docker_context_read(folder->path, name, &context, &error) < 0) {
        require(*error.text);
        for (const char *at = error.text; *at; at++)
            require(!iscntrl((unsigned char)*at));
        return;
    }
    require(context.host && *context.host);
    require_below(context.ca, folder);
    require_below(context.cert, folder);
    require_below(context.key, folder);
    if (docker_address_parse(context.host, NULL, context.tls, context.ca, context.cert, context.key, &address, NULL) ==
        0)
        docker_address_deinit(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
    size_t first = end ? (size_t)(end - data) : size;
    scoped(cleanup_free) char *name = NULL;
    struct error error = ERROR_INIT;
    struct folder folder;

    folder_make(&folder);
    folder_put(&folder, "config.json", data, first);
    if (docker_context_current(folder.path, &name, &error) < 0)
        require(*error.text && !name);
    if (name) {
        scoped(cleanup_free) char *meta = place_of("meta", name, "meta.json"),
                                  *ca = place_of("tls", name, "docker/ca.pem");

        if (end)
            folder_put(&folder, meta, end + 1, size - first - 1);
        folder_put(&folder, ca, "x", 1);
        read_context(&folder, name);
    }
    folder_remove(&folder);
    return 0;
}
