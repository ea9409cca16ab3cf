/* Any bytes as the engine's export of an image: a tar of layers that are tars, and a manifest. The first byte chooses
 * how many layers the image has. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
    int fd, r;

    if (!size)
        return 0;
    fd = memfd_create("export", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1)
        __builtin_trap();
    for (size_t i = 0; i < LAYERS_MOST; i++)
        layer_summary_init(&summaries[i], key);
    r = layer_read_stream(fd, &request, summaries, known, &error);
    close(fd);
    if (r < 0 && !*error.text)
        __builtin_trap();
    for (size_t i = 0; i < LAYERS_MOST; i++) {
        if (r == 0)
            check_summary(&summaries[i], key);
        layer_summary_deinit(&summaries[i]);
    }
    return 0;
}
