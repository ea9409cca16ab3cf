/* rpm's databases: SQLite (since 4.16), ndb (SUSE) and Berkeley DB (before). In each of them a package is a header, of
 * which only the name is read. Every offset comes from the image and is checked against the database's size. Headers do
 * not overlap in a valid database, so their total size is limited to the database's: reading is linear in its size. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "probes/images/layers_internal.h"

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The name in a header: big-endian counts, index entries (tag, type, offset, count), then the data. */
static int add_header(struct layer_packages *packages, const unsigned char *blob, size_t size, struct error *error)
{
    enum { TAG_NAME = 1000, ENTRY_SIZE = 16, ENTRIES_MAX = 65536 };
    size_t entries = size >= 8 ? be32(blob) : 0, bytes = size >= 8 ? be32(blob + 4) : 0;
    const unsigned char *store;

    if (!entries || entries > ENTRIES_MAX || size < 8 + entries * ENTRY_SIZE + bytes)
        return error_set(error, EBADMSG, "a malformed header");
    store = blob + 8 + entries * ENTRY_SIZE;
    for (size_t i = 0; i < entries; i++) {
        const unsigned char *entry = blob + 8 + i * ENTRY_SIZE;
        size_t offset = be32(entry + 8);

        if (be32(entry) == TAG_NAME && offset < bytes)
            return layer_add_package(packages, (const char *)store + offset,
                                     strnlen((const char *)store + offset, bytes - offset), error);
    }
    return error_set(error, EBADMSG, "a header without a name");
}

/* Subtracts a header of SIZE bytes from what is LEFT of its database. */
static int claim_bytes(size_t *left, size_t size, struct error *error)
{
    if (size > *left)
        return error_set(error, EBADMSG, "headers overlap");
    *left -= size;
    return 0;
}

/* ---- SQLite ---- */

/* The schema comes from the image: views, generated columns and virtual tables are code that runs when they are
 * queried. None of it may run. Only the stored columns of one real table are read, and limits apply to all that SQLite
 * parses. */
enum {
    VALUE_MAX = 16 << 20,
    HEAP_MAX = 64 << 20,
    STATEMENT_MAX = 8192, /* rpm's own statements have fewer than 200 bytes */
    INSTRUCTIONS_MAX = 1000 * 1000,
    INSTRUCTIONS_STEP = 1000
};

static int count_instructions(void *user)
{
    return --*(int *)user < 0;
}

static int restrict_database(sqlite3 *db, int *steps)
{
    static const int options[][2] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                     {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                     {SQLITE_DBCONFIG_ENABLE_FKEY, 0}, {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
                                     {SQLITE_DBCONFIG_DQS_DML, 0}};
    static const int limits[][2] = {{SQLITE_LIMIT_LENGTH, VALUE_MAX},
                                    {SQLITE_LIMIT_SQL_LENGTH, STATEMENT_MAX},
                                    {SQLITE_LIMIT_COLUMN, 64},
                                    {SQLITE_LIMIT_EXPR_DEPTH, 16},
                                    {SQLITE_LIMIT_COMPOUND_SELECT, 1},
                                    {SQLITE_LIMIT_VDBE_OP, 4096},
                                    {SQLITE_LIMIT_FUNCTION_ARG, 8},
                                    {SQLITE_LIMIT_ATTACHED, 0},
                                    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
                                    {SQLITE_LIMIT_VARIABLE_NUMBER, 1},
                                    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                                    {SQLITE_LIMIT_WORKER_THREADS, 0}};

    for (size_t i = 0; i < countof(options); i++)
        if (sqlite3_db_config(db, options[i][0], options[i][1], NULL) != SQLITE_OK)
            return -EBADMSG;
    for (size_t i = 0; i < countof(limits); i++)
        sqlite3_limit(db, limits[i][0], limits[i][1]);
    sqlite3_hard_heap_limit64(HEAP_MAX);
    *steps = INSTRUCTIONS_MAX / INSTRUCTIONS_STEP;
    sqlite3_progress_handler(db, INSTRUCTIONS_STEP, count_instructions, steps);
    return sqlite3_drop_modules(db, NULL) == SQLITE_OK ? 0 : -EBADMSG; /* without modules there are no virtual tables */
}

static int describe_failure(sqlite3 *db, int code, const int *steps, struct error *error)
{
    if (code == SQLITE_INTERRUPT && *steps < 0)
        return error_set(error, ETIME, "reading it takes more steps than a package database needs");
    return error_set(error, EBADMSG, "%s", sqlite3_errmsg(db));
}

/* Steps to STATEMENT's next row: 1, or 0 at the end. */
static int next_row(sqlite3 *db, sqlite3_stmt *statement, const int *steps, struct error *error)
{
    int code = sqlite3_step(statement);

    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : describe_failure(db, code, steps, error);
}

static int prepare(sqlite3 *db, const char *text, const int *steps, sqlite3_stmt **ret, struct error *error)
{
    int code = sqlite3_prepare_v2(db, text, -1, ret, NULL);

    return code == SQLITE_OK ? 0 : describe_failure(db, code, steps, error);
}

/* The catalogue must hold exactly one object of the name, a table. */
static int check_kind(sqlite3 *db, const int *steps, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    unsigned tables = 0, others = 0;
    int r = prepare(db, "SELECT type, rootpage FROM main.sqlite_master WHERE name = 'Packages' COLLATE NOCASE", steps,
                    &statement, error);

    while (r == 0 && (r = next_row(db, statement, steps, error)) == 1) {
        const char *type = (const char *)sqlite3_column_text(statement, 0);

        *(type && strcmp(type, "table") == 0 && sqlite3_column_int64(statement, 1) > 1 ? &tables : &others) += 1;
        r = 0;
    }
    sqlite3_finalize(statement);
    if (r == 0 && (tables != 1 || others))
        r = error_set(error, EBADMSG, "Packages is not a table");
    return r;
}

/* Generated columns are refused: their values are computed on each read. */
static int check_columns(sqlite3 *db, const int *steps, struct error *error)
{
    enum { NAME = 1, HIDDEN = 6 };
    sqlite3_stmt *statement = NULL;
    int r = prepare(db, "PRAGMA main.table_xinfo(Packages)", steps, &statement, error);
    bool found = false;

    while (r == 0 && (r = next_row(db, statement, steps, error)) == 1) {
        found |= sqlite3_stricmp((const char *)sqlite3_column_text(statement, NAME), "blob") == 0;
        r = sqlite3_column_int(statement, HIDDEN) == 0 ? 0
                                                       : error_set(error, EBADMSG, "Packages has a computed column");
    }
    sqlite3_finalize(statement);
    return r == 0 && !found ? error_set(error, EBADMSG, "Packages has no column blob") : r;
}

static int read_rows(struct layer_packages *packages, sqlite3 *db, size_t length, const int *steps, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int r = prepare(db, "SELECT blob FROM main.Packages NOT INDEXED", steps, &statement, error);

    while (r == 0 && (r = next_row(db, statement, steps, error)) == 1) {
        const void *blob = sqlite3_column_blob(statement, 0);
        size_t size = (size_t)sqlite3_column_bytes(statement, 0);

        r = claim_bytes(&length, size, error);
        if (r == 0)
            r = add_header(packages, blob, size, error);
    }
    sqlite3_finalize(statement);
    return r;
}

int layer_rpm_sqlite(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    enum { WRITE_VERSION = 18, READ_VERSION = 19, ROLLBACK = 1 };
    sqlite3 *db = NULL;
    int steps = 0, r;

    /* rpm uses write-ahead logging, and SQLite refuses to read such a database from memory unless these bytes say
     * otherwise. */
    if (length >= FILE_WRITABLE)
        data[WRITE_VERSION] = data[READ_VERSION] = ROLLBACK;
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        restrict_database(db, &steps) < 0 ||
        sqlite3_deserialize(db, "main", (unsigned char *)data, (sqlite3_int64)length, (sqlite3_int64)length,
                            SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
        r = error_set(error, EBADMSG, "%s", db ? sqlite3_errmsg(db) : M_("SQLite cannot be set up"));
    } else {
        r = check_kind(db, &steps, error);
        if (r == 0)
            r = check_columns(db, &steps, error);
        if (r == 0)
            r = read_rows(packages, db, length, &steps, error);
    }
    sqlite3_close(db);
    return r;
}

/* ---- ndb: pages of slots, each of which points to a blob; little-endian ---- */

static uint32_t le32(const char *data, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)data + at;

    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

int layer_rpm_ndb(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    enum {
        HEADER_MAGIC = 'R' | 'p' << 8 | 'm' << 16 | 'P' << 24,
        SLOT_MAGIC = 'S' | 'l' << 8 | 'o' << 16 | 't' << 24,
        BLOB_MAGIC = 'B' | 'l' << 8 | 'b' << 16 | 'S' << 24,
        PAGE = 4096,
        BLOCK = 16,
        HEADER = 32,
        SLOT = 16
    };
    size_t pages = length >= HEADER ? le32(data, 12) : 0, left = length;
    int r = 0;

    if (length < HEADER || le32(data, 0) != HEADER_MAGIC || le32(data, 4) != 0 || !pages || pages > length / PAGE)
        return error_set(error, EBADMSG, "not a known ndb database");
    for (size_t at = HEADER; r == 0 && at + SLOT <= pages * PAGE; at += SLOT) {
        size_t index = le32(data, at + 4), blob = (size_t)le32(data, at + 8) * BLOCK;

        if (le32(data, at) != SLOT_MAGIC)
            return error_set(error, EBADMSG, "a malformed slot");
        if (!index || !blob)
            continue;
        if (blob + BLOCK > length || le32(data, blob) != BLOB_MAGIC || le32(data, blob + 4) != index ||
            le32(data, blob + 12) > length - blob - BLOCK)
            return error_set(error, EBADMSG, "a malformed blob");
        r = claim_bytes(&left, le32(data, blob + 12), error);
        if (r == 0)
            r = add_header(packages, (const unsigned char *)data + blob + BLOCK, le32(data, blob + 12), error);
    }
    return r;
}

/* ---- Berkeley DB, a hash table: pairs on pages, long values on chains of overflow pages; either byte order ---- */

enum {
    BDB_HASH_MAGIC = 0x061561,
    PAGE_HEADER = 26,
    PAGE_HASH_UNSORTED = 2,
    PAGE_OVERFLOW = 7,
    PAGE_HASH = 13,
    ITEM_ON_PAGE = 1,
    ITEM_OFF_PAGE = 3
};

struct bdb {
    const char *data;
    size_t page_size, pages;
    size_t left; /* bytes that no header has used yet */
    bool swapped;
};

static uint32_t bdb32(const struct bdb *bdb, size_t at)
{
    return bdb->swapped ? be32((const unsigned char *)bdb->data + at) : le32(bdb->data, at);
}

static uint32_t bdb16(const struct bdb *bdb, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)bdb->data + at;

    return bdb->swapped ? (uint32_t)bytes[0] << 8 | bytes[1] : (uint32_t)bytes[1] << 8 | bytes[0];
}

/* The value on the chain of overflow pages that begins with PAGE. */
static int read_chain(const struct bdb *bdb, size_t page, size_t size, struct str *ret, struct error *error)
{
    str_clear(ret);
    for (size_t steps = 0; ret->length < size; steps++) {
        size_t at = page * bdb->page_size, part;

        if (!page || page >= bdb->pages || steps > bdb->pages || bdb->data[at + 25] != PAGE_OVERFLOW)
            return error_set(error, EBADMSG, "a malformed chain of pages");
        part = bdb16(bdb, at + 22);
        if (part > bdb->page_size - PAGE_HEADER || !part)
            return error_set(error, EBADMSG, "a malformed page");
        str_append_n(ret, bdb->data + at + PAGE_HEADER, part < size - ret->length ? part : size - ret->length);
        page = bdb32(bdb, at + 16);
    }
    return 0;
}

/* Item I of a page reaches from its offset to that of the item before it. */
static bool item_of(const struct bdb *bdb, size_t page, size_t i, size_t *ret_at, size_t *ret_size)
{
    size_t at = page * bdb->page_size, offset = bdb16(bdb, at + PAGE_HEADER + 2 * i);
    size_t end = i ? bdb16(bdb, at + PAGE_HEADER + 2 * (i - 1)) : bdb->page_size;

    if (offset < PAGE_HEADER || offset >= end || end > bdb->page_size)
        return false;
    *ret_at = at + offset;
    *ret_size = end - offset;
    return true;
}

/* Keys are numbers; the value of number 0 is the highest one, every other value a header. */
static int read_pairs(struct layer_packages *packages, struct bdb *bdb, size_t page, struct error *error)
{
    enum { COUNTER_SIZE = 8 };
    size_t entries = bdb16(bdb, page * bdb->page_size + 20), at, size;
    scoped_str value = STR_INIT;
    int r = 0;

    if (PAGE_HEADER + 2 * entries > bdb->page_size)
        return error_set(error, EBADMSG, "a malformed page");
    for (size_t i = 1; r == 0 && i < entries; i += 2) {
        if (!item_of(bdb, page, i, &at, &size))
            return error_set(error, EBADMSG, "a malformed pair");
        if (bdb->data[at] == ITEM_ON_PAGE && size > COUNTER_SIZE) {
            r = claim_bytes(&bdb->left, size, error);
            if (r == 0)
                r = add_header(packages, (const unsigned char *)bdb->data + at + 1, size - 1, error);
        } else if (bdb->data[at] == ITEM_OFF_PAGE && size >= 12) {
            size = bdb32(bdb, at + 8);
            if (size > VALUE_MAX)
                return error_set(error, EFBIG, "a header is too long");
            r = claim_bytes(&bdb->left, size, error);
            if (r == 0)
                r = read_chain(bdb, bdb32(bdb, at + 4), size, &value, error);
            if (r == 0)
                r = add_header(packages, (const unsigned char *)str_text(&value), value.length, error);
        } else if (bdb->data[at] != ITEM_ON_PAGE) {
            return error_set(error, EBADMSG, "a pair of unknown kind");
        }
    }
    return r;
}

int layer_rpm_bdb(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    struct bdb bdb = {.data = data, .left = length};
    int r = 0;

    if (length < 512 || (le32(data, 12) != BDB_HASH_MAGIC && be32((const unsigned char *)data + 12) != BDB_HASH_MAGIC))
        return error_set(error, EBADMSG, "not a Berkeley DB hash table");
    bdb.swapped = le32(data, 12) != BDB_HASH_MAGIC;
    bdb.page_size = bdb32(&bdb, 20);
    if (bdb.page_size < 512 || bdb.page_size > 65536 || bdb.page_size & (bdb.page_size - 1) || length % bdb.page_size ||
        data[24])
        return error_set(error, EBADMSG, data[24] ? "encrypted" : "malformed pages");
    bdb.pages = length / bdb.page_size;
    for (size_t page = 1; r == 0 && page < bdb.pages; page++) {
        char type = data[page * bdb.page_size + 25];

        if (type == PAGE_HASH || type == PAGE_HASH_UNSORTED)
            r = read_pairs(packages, &bdb, page, error);
    }
    return r;
}
