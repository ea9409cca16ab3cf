/* A libFuzzer mutator that keeps a document of JSON one: a value, anywhere in it, becomes another one, or a member goes
 * or comes twice. Bytes alone get no further than yajl. */
#ifndef TESTS_FUZZ_MUTATE_JSON_H
#define TESTS_FUZZ_MUTATE_JSON_H

#include <string.h>

#include "common/json_out.h"
#include "common/memory.h"
#include "tests/fuzz/mutate_random.h"

struct mutation {
    size_t target, at; /* which value, counted from the root, and how many have been written */
    unsigned how;
};

static inline void mutate_other_value(const struct mutation *mutation, struct json_out *out, const char *key,
                                      const struct json *value)
{
    static const char *const raw[] = {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "-1",
                                      "1e400",
                                      "18446744073709551616",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "\"\"",
                                      "{}",
                                      "[]",
                                      "[null]",
                                      "[[]]",
                                      "{\"\":null}",
                                      "[\"\"]",
                                      "\"\\u0000\"",
                                      "\"a\\u0000b\"",
                                      "\"/\"",
                                      "\"container:x\"",
                                      "\"\\u001b[31m\\n\"",
                                      "{\"80/tcp\":null}",
                                      "{\"80/tcp\":[{}]}",
                                      "\"..\"",
                                      "0.5"};
    size_t length;
    const char *text = json_string_n(value, &length);
    unsigned which = mutation->how % (unsigned)(countof(raw) + 8);

    if (which < countof(raw)) {
        json_out_raw(out, key, raw[which]);
    } else if (text) {
        scoped_str longer = STR_INIT;
        uint8_t buffer[4096];
        size_t kept = length < sizeof buffer / 2 ? length : sizeof buffer / 2;

        memcpy(buffer, text, kept);
        kept = LLVMFuzzerMutate(buffer, kept, sizeof buffer);
        str_append_n(&longer, buffer, kept);
        json_out_string_n(out, key, str_text(&longer), longer.length);
    } else if (json_type(value) == JSON_NUMBER) {
        json_out_int(out, key, json_int(value, 0) ^ (int64_t)1 << (mutation->how / 64 % 63));
    } else {
        json_out_value(out, key, value);
    }
}

static inline void mutate_value(struct mutation *mutation, struct json_out *out, const char *key,
                                const struct json *value, unsigned depth)
{
    bool object = json_type(value) == JSON_OBJECT;

    if (mutation->at++ == mutation->target || depth > 60) {
        mutate_other_value(mutation, out, key, value);
        return;
    }
    if (!object && json_type(value) != JSON_ARRAY) {
        json_out_value(out, key, value);
        return;
    }
    if (object)
        json_out_object(out, key);
    else
        json_out_array(out, key);
    for (size_t i = 0; i < json_count(value); i++) {
        const char *name = NULL;
        const struct json *item = object ? json_member(value, i, &name, NULL) : json_at(value, i);
        bool chosen = mutation->at == mutation->target;

        if (chosen && mutation->how % 5 == 0) { /* gone */
            mutation->at++;
            continue;
        }
        if (chosen && mutation->how % 5 == 1) /* twice */
            json_out_value(out, name, item);
        mutate_value(mutation, out, name, item, depth + 1);
    }
    if (object)
        json_out_end_object(out);
    else
        json_out_end_array(out);
}

static inline size_t mutate_count(const struct json *value)
{
    size_t count = 1;

    for (size_t i = 0; i < json_count(value); i++)
        count += mutate_count(json_type(value) == JSON_OBJECT ? json_member(value, i, NULL, NULL) : json_at(value, i));
    return count;
}

/* DATA of SIZE is one document; what follows it is lost. */
static inline size_t mutate_json(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const struct json_limits limits = {.depth = 64, .values = 20000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = NULL;
    struct mutation mutation = {0};
    const char *text;
    size_t length;

    if (seed % 8 == 0 || json_parse((const char *)data, size, &limits, &doc, NULL) < 0)
        return LLVMFuzzerMutate(data, size, max_size);
    mutation.target = seed / 8 % mutate_count(json_root(doc));
    mutation.how = seed >> 7 ^ seed;
    out = json_out_new(false);
    mutate_value(&mutation, out, NULL, json_root(doc), 0);
    text = json_out_text(out, &length);
    if (!length || length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, text, length);
    return length;
}

/* The mutator of a target whose input is PREFIX bytes and a document. */
#define MUTATE_JSON_AFTER(prefix)                                                                                      \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)                     \
    {                                                                                                                  \
        if (size <= (prefix) || seed % 16 == 0)                                                                        \
            return LLVMFuzzerMutate(data, size, max_size);                                                             \
        return (prefix) + mutate_json(data + (prefix), size - (prefix), max_size - (prefix), seed / 16);               \
    }

#endif
