/* An input as a script: records, each a letter, a length and that many bytes. Any bytes are one, so libFuzzer's own
 * mutations keep the form. */
#ifndef TESTS_FUZZ_RECORDS_H
#define TESTS_FUZZ_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records {
    const uint8_t *data;
    size_t left;
};

struct a_record {
    unsigned char letter;
    const uint8_t *bytes;
    size_t length;
};

/* False: there is no more. The last one may be shorter than it says. */
static inline bool records_next(struct records *records, struct a_record *ret)
{
    if (records->left < 2)
        return false;
    ret->letter = records->data[0];
    ret->length = records->data[1];
    records->data += 2;
    records->left -= 2;
    if (ret->length > records->left)
        ret->length = records->left;
    ret->bytes = records->data;
    records->data += ret->length;
    records->left -= ret->length;
    return true;
}

/* Byte I, 0 beyond the end. */
static inline unsigned record_byte(const struct a_record *record, size_t i)
{
    return i < record->length ? record->bytes[i] : 0;
}

#endif
