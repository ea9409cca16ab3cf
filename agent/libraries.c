/* Allocators of libevent and OpenSSL. */
#include "agent/libraries.h"

#include <event2/event.h>
#include <openssl/crypto.h>

#include "common/memory.h"

static void *crypto_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size ? mem_library_alloc(size) : NULL;
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size)
        return mem_library_realloc(p, size);
    free(p);
    return NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

void libraries_prepare(void)
{
    event_set_mem_functions(mem_library_alloc, mem_library_realloc, free);
    CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free);
}
