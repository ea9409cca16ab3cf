/* A growing byte string. */
#include "common/str.h"

#include <string.h>

#include "common/memory.h"

static void reserve(struct str *s, size_t more)
{
    size_t need = s->length + more + 1;

    if (need <= s->size)
        return;
    s->size = s->size ? s->size : 32;
    while (s->size < need)
        s->size *= 2;
    s->data = mem_realloc(s->data, s->size);
}

void str_deinit(struct str *s)
{
    free(s->data);
    *s = STR_INIT;
}

void str_clear(struct str *s)
{
    s->length = 0;
    if (s->data)
        s->data[0] = '\0';
}

void str_append_n(struct str *s, const void *data, size_t length)
{
    reserve(s, length);
    if (length)
        memcpy(s->data + s->length, data, length);
    s->length += length;
    s->data[s->length] = '\0';
}

void str_append(struct str *s, const char *text)
{
    str_append_n(s, text, strlen(text));
}

void str_append_char(struct str *s, char c)
{
    str_append_n(s, &c, 1);
}

void str_vprintf(struct str *s, const char *format, va_list arguments)
{
    va_list again;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length <= 0)
        return;
    reserve(s, (size_t)length);
    vsnprintf(s->data + s->length, (size_t)length + 1, format, arguments);
    s->length += (size_t)length;
}

void str_printf(struct str *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(s, format, arguments);
    va_end(arguments);
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

char *str_steal(struct str *s)
{
    char *text = s->data ? s->data : mem_strdup("");

    *s = STR_INIT;
    return text;
}

bool str_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *s, const char *prefix)
{
    return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t length = s ? strlen(s) : 0, tail = strlen(suffix);

    return s && length >= tail && memcmp(s + length - tail, suffix, tail) == 0;
}
