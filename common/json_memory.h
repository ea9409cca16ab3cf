/* What the library of JSON allocates with, for the two files that know it: it does not look at what it gets. */
#ifndef COMMON_JSON_MEMORY_H
#define COMMON_JSON_MEMORY_H

#include "common/memory.h"

static inline void *json_memory_alloc(void *user, size_t size)
{
    (void)user;
    return mem_library_alloc(size);
}

static inline void *json_memory_realloc(void *user, void *p, size_t size)
{
    (void)user;
    return mem_library_realloc(p, size);
}

static inline void json_memory_free(void *user, void *p)
{
    (void)user;
    free(p);
}

#define JSON_MEMORY                                                                                                    \
    {                                                                                                                  \
        json_memory_alloc, json_memory_realloc, json_memory_free, NULL                                                 \
    }

#endif
