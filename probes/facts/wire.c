/* Numbers are eight bytes in this host's order: both sides are one program. A text is its length and its bytes; NULL is
 * the length -1. */
#include "probes/facts/wire.h"

#include <errno.h>
#include <string.h>

void wire_put_number(struct str *out, int64_t number)
{
    str_append_n(out, &number, sizeof number);
}

void wire_put_text(struct str *out, const char *text)
{
    size_t length = text ? strlen(text) : 0;

    wire_put_number(out, text ? (int64_t)length : -1);
    str_append_n(out, text ? text : "", length);
}

void wire_put_list(struct str *out, const struct string_list *list)
{
    wire_put_number(out, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        wire_put_text(out, list->items[i]);
}

int64_t wire_number(struct wire_reader *reader)
{
    int64_t number = 0;

    if (reader->broken || reader->left < sizeof number) {
        reader->broken = true;
        return 0;
    }
    memcpy(&number, reader->at, sizeof number);
    reader->at += sizeof number;
    reader->left -= sizeof number;
    return number;
}

int wire_failure(struct wire_reader *reader)
{
    enum { ERRNO_MAX = 4095 }; /* as the kernel has it */
    int64_t number = wire_number(reader);

    if (number <= 0 && number >= -ERRNO_MAX)
        return (int)number;
    reader->broken = true;
    return 0;
}

const char *wire_text(struct wire_reader *reader)
{
    int64_t length = wire_number(reader);
    const char *text;

    if (reader->broken || length == -1)
        return NULL;
    if (length < 0 || (uint64_t)length > reader->left) {
        reader->broken = true;
        return NULL;
    }
    text = arena_strndup(reader->arena, reader->at, (size_t)length);
    reader->at += length;
    reader->left -= (size_t)length;
    return text;
}

size_t wire_count(struct wire_reader *reader, size_t limit)
{
    int64_t count = wire_number(reader);

    if (count < 0 || (uint64_t)count > limit || (uint64_t)count > reader->left)
        reader->broken = true;
    return reader->broken ? 0 : (size_t)count;
}

void wire_list(struct wire_reader *reader, size_t limit, struct string_list *ret)
{
    size_t count = wire_count(reader, limit);

    *ret = (struct string_list){.items = arena_alloc(reader->arena, (count + 1) * sizeof *ret->items)};
    while (ret->count < count && !reader->broken)
        if (!(ret->items[ret->count++] = wire_text(reader)))
            reader->broken = true;
    if (reader->broken)
        ret->count = 0;
}

int wire_end(const struct wire_reader *reader, struct error *error)
{
    return reader->broken ? error_set(error, EPROTO, "the worker's answer is malformed") : 0;
}
