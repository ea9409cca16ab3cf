/* Any bytes as a file of the layer cache: as it is, and with the check that makes it pass. What is read is written and
 * read again, the same. */
#include <string.h>

#include "probes/images/layers_internal.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char name[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                  digest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void expect_same(const struct layer_summary *a, const struct layer_summary *b)
{
    if (a->entries.count != b->entries.count || a->count != b->count || a->dropped != b->dropped ||
        a->opaque.count != b->opaque.count || a->files.count != b->files.count || a->folders.count != b->folders.count)
        __builtin_trap();
    for (size_t i = 0; i < MANAGER_COUNT; i++)
        if (a->packages[i].names.count != b->packages[i].names.count)
            __builtin_trap();
}

static void read_file(const struct folder *folder, const uint64_t *key, const char *data, size_t length)
{
    struct layer_summary summary, again;

    folder_put(folder, name, data, length);
    layer_summary_init(&summary, key);
    layer_summary_init(&again, key);
    if (layer_cache_load(folder->path, digest, &summary) == 0) {
        scoped_str text = STR_INIT;

        layer_text_write(&summary, &text);
        layer_cache_save(folder->path, digest, &text);
        if (layer_cache_load(folder->path, digest, &again) < 0)
            __builtin_trap();
        expect_same(&summary, &again);
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
