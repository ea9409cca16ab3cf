/* A temporary folder that stands for a host's root: a fixture for tests of what reads host files. */
#ifndef TESTS_UNIT_HOST_FOLDER_H
#define TESTS_UNIT_HOST_FOLDER_H

#include <check.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"

static char host_folder[64];
static struct host_root *root;

static inline void host_folder_setup(void)
{
    struct error error = ERROR_INIT;

    snprintf(host_folder, sizeof host_folder, "/tmp/docker-bench-test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(host_folder));
    ck_assert_int_eq(host_root_open(host_folder, &root, &error), 0);
}

static inline void host_folder_teardown(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf '%s'", host_folder);

    host_root_close(root);
    ck_assert_int_eq(system(command), 0);
}

/* The folder's own path of PATH, with the folders above it made. The caller frees. */
static inline char *host_place(const char *path)
{
    char *full = mem_printf("%s%s", host_folder, path);

    for (char *slash = strchr(full + strlen(host_folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    return full;
}

static inline void put(const char *path, const char *data, size_t length)
{
    scoped(cleanup_free) char *full = host_place(path);
    scoped(cleanup_fclose) FILE *f = fopen(full, "w");

    ck_assert_msg(f != NULL, "%s", full);
    fwrite(data, 1, length, f);
}

static inline void put_text(const char *path, const char *text)
{
    put(path, text, strlen(text));
}

static inline void put_mode(const char *path, mode_t mode)
{
    scoped(cleanup_free) char *full = host_place(path);

    put_text(path, "x");
    ck_assert_int_eq(chmod(full, mode), 0);
}

static inline void link_to(const char *target, const char *path)
{
    scoped(cleanup_free) char *full = host_place(path);

    ck_assert_int_eq(symlink(target, full), 0);
}

#endif
