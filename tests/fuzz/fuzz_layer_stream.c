/* Any bytes as the engine's export of an image: a tar of layers that are tars, and a manifest. The first byte chooses
 * how many layers the image has and how many bytes come at a time. */
#include <string.h>

#include "probes/docker/http_pull.h"
#include "tests/fuzz/summary.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_tar.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    return 1 + mutate_tar(data + 1, size - 1, max_size - 1, seed / 16);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LAYERS_MOST = 3 };

/* ---- The engine's answer, in the place of probes/docker/http_pull.c ---- */

struct http_pull {
    const uint8_t *data;
    size_t left, step;
};

static struct http_pull pull;

int http_pull_open(const struct docker_address *address, const char *path, unsigned stall_ms, struct http_pull **ret,
                   struct error *error)
{
    (void)address;
    (void)path;
    (void)stall_ms;
    (void)error;
    *ret = &pull;
    return 0;
}

ssize_t http_pull_read(struct http_pull *from, const void **ret_data, struct error *error)
{
    size_t step = from->step < from->left ? from->step : from->left;

    (void)error;
    *ret_data = from->data;
    from->data += step;
    from->left -= step;
    return (ssize_t)step;
}

void http_pull_close(struct http_pull *from)
{
    (void)from;
}

/* ---- */

static void opened(void)
{
}

static void check_summary(const struct layer_summary *summary, const uint64_t *key)
{
    struct layer_summary again;
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < summary->entries.count; i++)
        if (summary->entries.items[i].path[0] != '/' || strstr(summary->entries.items[i].path, "/../"))
            __builtin_trap();
    layer_text_write(summary, &text);
    layer_summary_init(&again, key);
    if (layer_text_parse(text.data, text.length, &again) < 0)
        __builtin_trap();
    summary_expect_same(summary, &again);
    layer_summary_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    static const bool known[LAYERS_MOST];
    static const char *digests[] = {"sha256:aa", "sha256:bb", "sha256:aa"};
    size_t count = size ? data[0] % (LAYERS_MOST + 1) : 0;
    const struct string_list layers = {.items = digests, .count = count};
    const struct layers_request request = {
        .api_minor = 41, .image_id = "sha256:1", .layers = &layers, .cpu_seconds = 1000000};
    struct layer_summary summaries[LAYERS_MOST];
    struct error error = ERROR_INIT;
    int r;

    if (!size)
        return 0;
    pull = (struct http_pull){.data = data + 1, .left = size - 1, .step = data[0] > 127 ? data[0] : 65536};
    for (size_t i = 0; i < LAYERS_MOST; i++)
        layer_summary_init(&summaries[i], key);
    r = layer_read_stream(&request, summaries, known, opened, &error);
    if (r < 0 && !*error.text)
        __builtin_trap();
    for (size_t i = 0; i < LAYERS_MOST; i++) {
        if (r == 0)
            check_summary(&summaries[i], key);
        layer_summary_deinit(&summaries[i]);
    }
    return 0;
}
