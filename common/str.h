/* A growing byte string that is always terminated by NUL (but may hold NULs; LENGTH counts). */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct str {
    char *data; /* NULL while empty */
    size_t length, size;
};

#define STR_INIT ((struct str){0})

void str_deinit(struct str *s); /* frees; the object is reusable */
void str_clear(struct str *s);  /* keeps the memory */
void str_append(struct str *s, const char *text);
void str_append_n(struct str *s, const void *data, size_t length);
void str_append_char(struct str *s, char c);
void str_printf(struct str *s, const char *format, ...) printf_like(2, 3); /* appends */
void str_vprintf(struct str *s, const char *format, va_list arguments) printf_like(2, 0);
const char *str_text(const struct str *s) never_null;
char *str_steal(struct str *s) never_null; /* the caller frees */

/* Plain helpers on C strings. */
static inline bool str_empty(const char *s) /* NULL or "" */
{
    return !s || !*s;
}

bool str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

#define scoped_str scoped(str_deinit) struct str

#endif
