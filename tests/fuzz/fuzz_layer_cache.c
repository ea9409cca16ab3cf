/* Any bytes as a file of the layer cache: as it is, and with the check that makes it pass. What is read is written and
 * read again, the same. */
#include <string.h>

#include "tests/fuzz/folder.h"
#include "tests/fuzz/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char name[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                  digest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int load(const struct folder *folder, struct layer_summary *ret)
{
    scoped(cleanup_close) int fd = layer_cache_open(folder->path, digest);

    return fd < 0 ? fd : layer_cache_load(fd, ret);
}

static void read_file(const struct folder *folder, const uint64_t *key, const char *data, size_t length)
{
    struct layer_summary summary, again;

    folder_put(folder, name, data, length);
    layer_summary_init(&summary, key);
    layer_summary_init(&again, key);
    if (load(folder, &summary) == 0) {
        scoped_str text = STR_INIT;

        layer_text_write(&summary, &text);
        layer_cache_save(folder->path, digest, &text);
        if (load(folder, &again) < 0)
            __builtin_trap();
        summary_expect_same(&summary, &again);
        layer_hides(&summary, "/usr/bin/passwd");
    }
    layer_summary_deinit(&summary);
    layer_summary_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    struct folder folder;
    scoped_str text = STR_INIT;

    folder_make(&folder);
    read_file(&folder, key, (const char *)data, size);
    layer_text_begin(&text);
    str_append_n(&text, data, size);
    layer_text_end(&text, 0, key);
    read_file(&folder, key, text.data, text.length);
    folder_remove(&folder);
    return 0;
}
