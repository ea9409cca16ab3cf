/* A libFuzzer mutator that keeps an SQLite database one: a statement changes it, with a blob that may be a package's
 * header for rpm; or a few bytes of one page do, in its header, among its cell pointers or in a record. Bytes alone
 * rarely get beyond the first page's header. */
#ifndef TESTS_FUZZ_MUTATE_SQLITE_H
#define TESTS_FUZZ_MUTATE_SQLITE_H

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"
#include "tests/fuzz/mutate_random.h"

/* A header as rpm keeps one (rpm's lib/header.c): how many entries and bytes, entries of tag, type, offset and count,
 * and the bytes. */
static inline void sqlite_make_header(struct str *out, struct mutate_random *random)
{
    static const uint32_t tags[] = {1000, 1001, 1002, 62, 63, 0, UINT32_MAX, 1000};
    static const char store[] = "bash\0005.2\0\xff\xfe";
    uint32_t entries = (uint32_t)mutate_below(random, 6), bytes = (uint32_t)mutate_below(random, sizeof store + 2);
    uint32_t numbers[2 + 6 * 4] = {entries, bytes};

    for (uint32_t i = 0; i < entries; i++) {
        uint32_t *entry = numbers + 2 + (size_t)i * 4;

        entry[0] = MUTATE_PICK(random, tags);
        entry[1] = (uint32_t)mutate_below(random, 10);
        entry[2] = (uint32_t)mutate_below(random, sizeof store + 4);
        entry[3] = 1;
    }
    if (mutate_below(random, 16) == 0)
        numbers[mutate_below(random, 2)] = UINT32_MAX;
    for (size_t i = 0; i < 2 + (size_t)entries * 4; i++) {
        const char word[] = {(char)(numbers[i] >> 24), (char)(numbers[i] >> 16), (char)(numbers[i] >> 8),
                             (char)numbers[i]};

        str_append_n(out, word, sizeof word);
    }
    str_append_n(out, store, sizeof store);
}

static inline void sqlite_change(sqlite3 *db, const char *statement, struct mutate_random *random)
{
    static const sqlite3_int64 numbers[] = {0, 1, -1, 2, 3, 7, 255, INT64_MAX, INT64_MIN, 1795514400000000};
    sqlite3_stmt *prepared = NULL;
    scoped_str header = STR_INIT;

    sqlite_make_header(&header, random);
    if (sqlite3_prepare_v2(db, statement, -1, &prepared, NULL) == SQLITE_OK) {
        sqlite3_bind_blob(prepared, 1, header.data, (int)header.length, SQLITE_TRANSIENT);
        sqlite3_bind_int64(prepared, 2, MUTATE_PICK(random, numbers));
        for (int rows = 0; rows < 64 && sqlite3_step(prepared) == SQLITE_ROW; rows++)
            ;
    }
    sqlite3_finalize(prepared);
}

/* Bytes of one page: 12 in the header of the first, its own header and cell pointers, or anywhere. */
static inline void sqlite_corrupt(uint8_t *data, size_t size, struct mutate_random *random)
{
    size_t page_size = size > 18 ? (size_t)data[16] << 8 | data[17] : 0, page, at;

    if (page_size < 512 || page_size > size) {
        LLVMFuzzerMutate(data, size, size);
        return;
    }
    page = mutate_below(random, size / page_size);
    at = page * page_size + (page ? 0 : 100);
    if (mutate_below(random, 3) == 0)
        at = page * page_size + mutate_below(random, page_size - 8);
    else
        at += mutate_below(random, 40);
    LLVMFuzzerMutate(data + at, 1 + mutate_below(random, 4), 4);
}

/* STATEMENTS, COUNT of them, may use ?1, a blob, and ?2, a number. */
static inline size_t mutate_sqlite(uint8_t *data, size_t size, size_t max_size, unsigned seed,
                                   const char *const *statements, size_t count)
{
    struct mutate_random random = mutate_random_of(seed);
    unsigned char *copy;
    sqlite3 *db = NULL;
    sqlite3_int64 length = 0;

    if (size < 512 || mutate_below(&random, 3) == 0) {
        sqlite_corrupt(data, size, &random);
        return size;
    }
    copy = sqlite3_malloc64(size);
    memcpy(copy, data, size);
    copy[18] = copy[19] = 1; /* a database in memory has no write-ahead log */
    if (sqlite3_open(":memory:", &db) == SQLITE_OK &&
        sqlite3_deserialize(db, "main", copy, (sqlite3_int64)size, (sqlite3_int64)size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
        sqlite_change(db, statements[mutate_below(&random, count)], &random);
        copy = sqlite3_serialize(db, "main", &length, 0);
        if (copy && length && (size_t)length <= max_size) {
            memcpy(data, copy, (size_t)length);
            size = (size_t)length;
        }
        sqlite3_free(copy);
    }
    sqlite3_close(db);
    return size;
}

#endif
