/* Allocation that cannot fail, and arenas: chunks freed together. */
#include "common/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

_Noreturn void mem_end(void)
{
    static const char text[] = "<0>docker-bench-agent: out of memory\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(MEMORY_STATUS);
    _exit(MEMORY_STATUS); /* what would be done at exit() might ask for more */
}

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        mem_end();
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);
    if (!p)
        mem_end();
    return p;
}

void *mem_realloc_array(void *p, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        mem_end();
    return mem_realloc(p, total);
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t length)
{
    char *copy = mem_realloc(NULL, length + 1);

    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *mem_vprintf(const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        mem_end();
    return text;
}

char *mem_printf(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = mem_vprintf(format, arguments);
    va_end(arguments);
    return text;
}

void *mem_library_alloc(size_t size)
{
    return mem_realloc(NULL, size);
}

void *mem_library_calloc(size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        mem_end();
    return mem_alloc(total);
}

void *mem_library_realloc(void *p, size_t size)
{
    return mem_realloc(p, size);
}

char *mem_library_strdup(const char *s)
{
    return mem_strdup(s);
}

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

/* The arena's header is part of its first chunk. */
struct arena {
    struct chunk *chunks; /* the newest first */
};

static struct chunk *chunk_new(size_t size)
{
    struct chunk *chunk = mem_realloc(NULL, sizeof *chunk + size);

    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;
    return chunk;
}

struct arena *arena_new(size_t first)
{
    struct chunk *chunk = chunk_new(first < sizeof(struct arena) ? sizeof(struct arena) : first);
    struct arena *arena = (struct arena *)(void *)chunk->data;

    chunk->used = sizeof *arena;
    arena->chunks = chunk;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
}

static void *arena_take(struct arena *arena, size_t size, size_t alignment)
{
    struct chunk *chunk = arena->chunks;
    size_t at = (chunk->used + alignment - 1) & ~(alignment - 1);

    if (at > chunk->size || chunk->size - at < size) {
        size_t want = chunk->size < 64 * 1024 ? chunk->size + chunk->size / 2 : chunk->size;
        struct chunk *fresh = chunk_new(size > want ? size : want);

        fresh->next = chunk;
        arena->chunks = fresh;
        chunk = fresh;
        at = 0;
    }
    chunk->used = at + size;
    return chunk->data + at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_take(arena, size, alignof(max_align_t)), 0, size);
}

char *arena_strndup(struct arena *arena, const char *s, size_t length)
{
    char *copy = arena_take(arena, length + 1, 1);

    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
    return s ? arena_strndup(arena, s, strlen(s)) : NULL;
}

size_t arena_size(const struct arena *arena)
{
    size_t size = 0;

    for (const struct chunk *chunk = arena ? arena->chunks : NULL; chunk; chunk = chunk->next)
        size += sizeof *chunk + chunk->size;
    return size;
}
