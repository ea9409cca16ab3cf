/* Scope-exit clean-up.
 *
 * `scoped(x)` on a variable calls `x_cleanup(&variable)` when the scope ends. Build into a scoped local and hand it
 * over on the last line with `take(local)`. Every destructor takes NULL and half-built objects. */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define scoped(function) __attribute__((cleanup(function)))

/* Defines `static inline void NAME(TYPE *p)` that calls FREE on a pointer that is not NULL. */
#define DEFINE_CLEANUP(type, name, free_function)                                                                      \
    static inline void name(type *p) /* NOLINT(bugprone-macro-parentheses): a type cannot have any */                  \
    {                                                                                                                  \
        if (*p)                                                                                                        \
            free_function(*p);                                                                                         \
    }

/* Hands a pointer over: yields its value and sets the variable to NULL. */
#define take(pointer)                                                                                                  \
    __extension__({                                                                                                    \
        __typeof__(pointer) taken_ = (pointer);                                                                        \
        (pointer) = NULL;                                                                                              \
        taken_;                                                                                                        \
    })

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        (void)fclose(*f); /* what is written is flushed, and looked at, before */
}

#define countof(array)           (sizeof(array) / sizeof((array)[0]))
#define printf_like(text, first) __attribute__((format(printf, text, first)))
/* What the code around guarantees and neither compiler nor analyser can see; where it does not hold the process ends.
 */
#define invariant(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

#define never_null __attribute__((returns_nonnull))

#endif
