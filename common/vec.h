/* Growing arrays: `VEC(type) v = {0}; vec_push(&v, item); for (size_t i = 0; i < v.count; i++) v.items[i]`. */
#ifndef COMMON_VEC_H
#define COMMON_VEC_H

#include "common/memory.h"

#define VEC(type)                                                                                                      \
    struct {                                                                                                           \
        type *items;                                                                                                   \
        size_t count, size;                                                                                            \
    }

#define vec_push(v, ...)                                                                                               \
    do {                                                                                                               \
        if ((v)->count == (v)->size) {                                                                                 \
            (v)->size = (v)->size ? 2 * (v)->size : 4;                                                                 \
            (v)->items = mem_realloc_array((v)->items, (v)->size, sizeof *(v)->items);                                 \
        }                                                                                                              \
        (v)->items[(v)->count++] = (__VA_ARGS__);                                                                      \
    } while (0)

/* Removes item I; order is kept. */
#define vec_remove(v, i)                                                                                               \
    do {                                                                                                               \
        for (size_t vec_i_ = (i); vec_i_ + 1 < (v)->count; vec_i_++)                                                   \
            (v)->items[vec_i_] = (v)->items[vec_i_ + 1];                                                               \
        (v)->count--;                                                                                                  \
    } while (0)

#define vec_free(v)                                                                                                    \
    do {                                                                                                               \
        free((v)->items);                                                                                              \
        (v)->items = NULL;                                                                                             \
        (v)->count = (v)->size = 0;                                                                                    \
    } while (0)

#endif
