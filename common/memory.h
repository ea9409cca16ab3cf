/* Memory: allocation that cannot fail, and arenas. What a mem_ function returns the caller frees with free().
 *
 * Every size that comes from outside is bounded before it gets here, so running out of memory is the machine's end, not
 * a client's doing: the mem_ functions print a line and end the process, with MEMORY_STATUS. An arena is a set of
 * chunks freed together; facts that live and die as one object (a parsed document) sit in one. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

#include "common/cleanup.h"

enum { MEMORY_STATUS = 70 }; /* EX_SOFTWARE of sysexits.h */

_Noreturn void mem_end(void); /* what they end the process with; async-signal-safe (signal-safety(7)) */

void *mem_alloc(size_t size) never_null; /* zeroed */
void *mem_realloc(void *p, size_t size) never_null;
void *mem_realloc_array(void *p, size_t count, size_t size) never_null; /* checks the product */
char *mem_strdup(const char *s);                                        /* NULL gives NULL */
char *mem_strndup(const char *s, size_t length) never_null;
char *mem_printf(const char *format, ...) printf_like(1, 2) never_null;
char *mem_vprintf(const char *format, va_list arguments) printf_like(1, 0) never_null;

/* The same for libraries that take allocators, and would go on without what they asked for: as malloc(), calloc(),
 * realloc() and strdup(). */
void *mem_library_alloc(size_t size);
void *mem_library_calloc(size_t count, size_t size);
void *mem_library_realloc(void *p, size_t size);
char *mem_library_strdup(const char *s);

struct arena;

/* FIRST: bytes of the first chunk; later chunks grow as needed. */
struct arena *arena_new(size_t first) never_null;
void arena_free(struct arena *arena);                           /* with all that was allocated in it */
void *arena_alloc(struct arena *arena, size_t size) never_null; /* zeroed, aligned for any type */
char *arena_strndup(struct arena *arena, const char *s, size_t length) never_null; /* terminated */
char *arena_strdup(struct arena *arena, const char *s);                            /* NULL gives NULL */
size_t arena_size(const struct arena *arena); /* bytes that its chunks take; NULL: 0 */

DEFINE_CLEANUP(struct arena *, cleanup_arena, arena_free)

#endif
