/* A temporary folder with files in it, for targets whose input is read from one. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"

struct folder {
    char path[64];
};

static inline void folder_make(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "%s/docker-bench-fuzz.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder->path))
        __builtin_trap();
}

/* NAME may lie in folders of the folder's, which are made. */
static inline void folder_put(const struct folder *folder, const char *name, const void *data, size_t length)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder->path, name);
    FILE *file;

    for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    file = fopen(path, "w");
    if (!file || fwrite(data, 1, length, file) != length || fclose(file) != 0)
        __builtin_trap();
}

/* A data folder as small as can be: benchmark "b" with rules on execs and containers. */
static inline void folder_put_rules(const struct folder *folder)
{
    static const char exec[] = "{\"slug\": \"exec-user\", \"check\": \"exec-user\", \"severity\": \"low\", "
                               "\"title\": \"A rule\"}",
                      container[] = "{\"slug\": \"container-privileged\", \"check\": \"container-privileged\", "
                                    "\"severity\": \"low\", \"title\": \"A rule\"}",
                      benchmark[] = "{\"name\": \"b\", \"title\": \"B\", \"sections\": [{\"id\": \"1\", \"title\": "
                                    "\"S\"}], \"rules\": {\"1.1\": \"exec-user\", \"1.2\": \"container-privileged\"}}";

    folder_put(folder, "rules/exec.json", exec, strlen(exec));
    folder_put(folder, "rules/container.json", container, strlen(container));
    folder_put(folder, "benchmarks/b.json", benchmark, strlen(benchmark));
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void folder_remove(struct folder *folder)
{
    if (nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        __builtin_trap();
}

#endif
