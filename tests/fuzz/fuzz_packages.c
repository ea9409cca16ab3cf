/* The first byte chooses the package database that the rest is; or, with 'L', a path and a link's target, a NUL
 * between; or, with 'W', what the worker that walks an image hands over. */
#include <string.h>

#include "probes/images/layers_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    char letter;
    const char *path;
} databases[] = {
    {'d', "var/lib/dpkg/status"},      {'D', "var/lib/dpkg/status.d/base"},
    {'a', "lib/apk/db/installed"},     {'p', "var/lib/pacman/local/bash-5/desc"},
    {'s', "var/lib/rpm/rpmdb.sqlite"}, {'w', "var/lib/rpm/rpmdb.sqlite-wal"},
    {'b', "var/lib/rpm/Packages"},     {'n', "usr/lib/sysimage/rpm/Packages.db"},
};

static void read_database(struct layer_summary *summary, const char *path, const char *data, size_t length)
{
    scoped(cleanup_free) char *copy = mem_strndup(data, length); /* it may be changed */

    layer_read_file(summary, path, copy, length);
    for (size_t i = 0; i < MANAGER_COUNT; i++) {
        const struct layer_packages *packages = &summary->packages[i];

        if (packages->names.count > LAYER_PACKAGES_MAX ||
            (packages->names.count && !packages->whole && !packages->partial))
            __builtin_trap();
    }
}

static void read_link(struct layer_summary *summary, const char *data, size_t length)
{
    scoped(cleanup_free) char *path = mem_strndup(data, length);
    size_t path_length = strlen(path);

    layer_is_file_place(path);
    layer_check_link(summary, path, path_length < length ? path + path_length + 1 : "");
}

static void read_result(const char *data, size_t length)
{
    struct layer_facts *facts = NULL;

    if (layers_parse(data, length, &facts, NULL) == 0)
        facts_free(&facts->facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    struct layer_summary summary;

    layer_summary_init(&summary, key);
    for (size_t i = 0; size && i < countof(databases); i++)
        if (databases[i].letter == (char)data[0])
            read_database(&summary, databases[i].path, (const char *)data + 1, size - 1);
    if (size && data[0] == 'L')
        read_link(&summary, (const char *)data + 1, size - 1);
    if (size && data[0] == 'W')
        read_result((const char *)data + 1, size - 1);
    layer_summary_finish(&summary);
    layer_summary_deinit(&summary);
    return 0;
}
