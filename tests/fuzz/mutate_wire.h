/* A libFuzzer mutator of what goes between the agent and its processes (probes/facts/wire.h): numbers of eight bytes,
 * and texts after their length. One of them changes, comes or goes, and lengths are right again. */
#ifndef TESTS_FUZZ_MUTATE_WIRE_H
#define TESTS_FUZZ_MUTATE_WIRE_H

#include <string.h>

#include "probes/facts/wire.h"
#include "tests/fuzz/mutate_random.h"

enum { WIRE_ITEMS_MAX = 512, WIRE_TEXT_MAX = 4096 };

struct wire_items {
    struct wire_item {
        int64_t number;
        const uint8_t *text; /* NUMBER bytes; NULL: it is a number */
    } items[WIRE_ITEMS_MAX];
    size_t count;
    const uint8_t *rest; /* fewer than eight bytes, or more than there is room for */
    size_t rest_length;
};

/* A number that is as long as the printable bytes after it is a text's. */
static inline bool wire_is_text(const uint8_t *text, int64_t length, size_t left)
{
    if (length < 1 || (uint64_t)length > left || length > WIRE_TEXT_MAX)
        return false;
    for (int64_t i = 0; i < length; i++)
        if (text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
            return false;
    return true;
}

static inline void wire_split(struct wire_items *items, const uint8_t *data, size_t size)
{
    while (size >= sizeof(int64_t) && items->count < WIRE_ITEMS_MAX - 1) {
        struct wire_item *item = &items->items[items->count++];

        *item = (struct wire_item){0};
        memcpy(&item->number, data, sizeof item->number);
        data += sizeof item->number;
        size -= sizeof item->number;
        if (wire_is_text(data, item->number, size)) {
            item->text = data;
            data += item->number;
            size -= (size_t)item->number;
        }
    }
    items->rest = data;
    items->rest_length = size;
}

static inline void wire_join(const struct wire_items *items, struct str *out)
{
    for (size_t i = 0; i < items->count; i++) {
        wire_put_number(out, items->items[i].number);
        if (items->items[i].text)
            str_append_n(out, items->items[i].text, (size_t)items->items[i].number);
    }
    str_append_n(out, items->rest, items->rest_length);
}

/* BUFFER holds the text that is made, if one is. */
static inline void wire_change(struct wire_item *item, uint8_t *buffer, struct mutate_random *random)
{
    static const int64_t numbers[] = {0, 1, 2, 3, 7, -1, -2, -13, 4095, -4096, INT64_MAX, INT64_MIN, 65536, 1 << 24};
    static const char *const texts[] = {"/", "/etc/hosts", "content:/etc/hosts", "tree:/etc",        "../x",
                                        "a", "/v/_data",   "0123abcd",           "/overlay2/a/diff", "docker.service"};
    size_t length = item->text ? (size_t)item->number : 0;

    if (mutate_below(random, 3) == 0) {
        *item = (struct wire_item){.number = MUTATE_PICK(random, numbers)};
    } else if (mutate_below(random, 3) == 0) {
        const char *text = MUTATE_PICK(random, texts);

        *item = (struct wire_item){.number = (int64_t)strlen(text), .text = (const uint8_t *)text};
    } else if (item->text) {
        memcpy(buffer, item->text, length);
        length = LLVMFuzzerMutate(buffer, length, WIRE_TEXT_MAX);
        *item = (struct wire_item){.number = (int64_t)length, .text = buffer};
    } else {
        item->number = (int64_t)((uint64_t)item->number + mutate_below(random, 5) - 2);
    }
}

static inline size_t mutate_wire(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(seed);
    struct wire_items items = {.count = 0};
    uint8_t buffer[WIRE_TEXT_MAX];
    scoped_str out = STR_INIT;
    size_t at;

    wire_split(&items, data, size);
    at = items.count ? mutate_below(&random, items.count) : 0;
    switch (items.count ? mutate_below(&random, 6) : 0) {
    case 0: /* one more, maybe another one */
        memmove(&items.items[at + 1], &items.items[at], (items.count++ - at) * sizeof *items.items);
        wire_change(&items.items[at], buffer, &random);
        break;
    case 1:
        memmove(&items.items[at], &items.items[at + 1], (--items.count - at) * sizeof *items.items);
        break;
    default:
        wire_change(&items.items[at], buffer, &random);
    }
    wire_join(&items, &out);
    if (out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, str_text(&out), out.length);
    return out.length;
}

/* The same in one of several messages, each after its own length (probes/roles/watching_internal.h). */
static inline size_t mutate_wire_messages(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(~seed);
    size_t at = 0, skip = mutate_below(&random, 6), left;
    uint8_t buffer[2 * WIRE_TEXT_MAX];
    uint64_t length = 0;
    scoped_str out = STR_INIT;

    for (;; skip--) {
        if (size - at >= sizeof length)
            memcpy(&length, data + at, sizeof length);
        if (size - at < sizeof length || length > size - at - sizeof length || length > WIRE_TEXT_MAX)
            return LLVMFuzzerMutate(data, size, max_size);
        left = size - at - sizeof length - (size_t)length;
        if (!skip || !left)
            break;
        at += sizeof length + (size_t)length;
    }
    str_append_n(&out, data, at);
    memcpy(buffer, data + at + sizeof length, (size_t)length);
    if (mutate_below(&random, 8) == 0) { /* twice */
        str_append_n(&out, &length, sizeof length);
        str_append_n(&out, buffer, (size_t)length);
    }
    length = mutate_wire(buffer, (size_t)length, sizeof buffer, seed);
    str_append_n(&out, &length, sizeof length);
    str_append_n(&out, buffer, (size_t)length);
    str_append_n(&out, data + size - left, left);
    if (out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}

#endif
