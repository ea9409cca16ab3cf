/* Transitions brought to the disk: one transaction for each batch, within the bounds on size and age, and what is done
 * when the disk takes no more.
 *
 * On a full disk SQLite's log may have to grow though the database has free pages: it is begun anew first (a
 * checkpoint); then a file that only keeps room goes, and the oldest quarter of the transitions. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent/store/store_internal.h"
#include "common/log.h"
#include "common/memory.h"

enum {
    RETRY_S = 5,
    LOOK_AT_BOUNDS = 256, /* after that many rows */
    LOOK_WHEN_TIGHT = 32,
    LOOK_AT_BOUNDS_S = 3600, /* or after that long */
    ROWS_TRIMMED = 1024,     /* in one transaction: what it changes is kept in memory */
    ROOM_AGAIN = 16 * 1024 * 1024,
    RESERVE_BYTES = 1024 * 1024,
    EXECS_KEPT = 1000 * 1000,
    ROWS_A_TRANSACTION = 1024,
    PAGE_BYTES = 4096,
    LOG_PAGES = 2048, /* when the log goes into the database */
    LOG_PAGES_MIN = 8
};

/* ---- Rows ---- */

static int insert_row(struct store_db *db, const struct store_row *row)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_INSERT_ROW);

    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_int64(statement, 1 + COLUMN_SEQ, (int64_t)row->seq);
    sqlite3_bind_int64(statement, 1 + COLUMN_AT, row->at);
    sqlite3_bind_int(statement, 1 + COLUMN_TYPE, (int)row->type);
    sqlite3_bind_int(statement, 1 + COLUMN_SEVERITY, (int)row->severity);
    sqlite3_bind_int(statement, 1 + COLUMN_STATUS, (int)row->status);
    sqlite3_bind_int(statement, 1 + COLUMN_PREVIOUS, (int)row->previous);
    sql_bind_text(statement, 1 + COLUMN_SLUG, row->slug);
    sql_bind_text(statement, 1 + COLUMN_SECTION, row->section);
    sql_bind_text(statement, 1 + COLUMN_KIND, row->kind);
    sql_bind_text(statement, 1 + COLUMN_ID, row->id);
    sql_bind_text(statement, 1 + COLUMN_NAME, row->name);
    sql_bind_text(statement, 1 + COLUMN_JSON, row->json);
    sqlite3_bind_int(statement, 1 + COLUMN_WAIVED, row->waived);
    return sql_finish(statement);
}

static int set_finding(struct store_db *db, const struct store_row *row)
{
    bool gone = row->status == VERDICT_NONE;
    sqlite3_stmt *statement = sql_statement(db, gone ? SQL_DELETE_FINDING : SQL_SET_FINDING);
    int r;

    if (!statement)
        return SQLITE_ERROR;
    sql_bind_text(statement, 1, row->slug);
    sql_bind_text(statement, 2, row->kind);
    sql_bind_text(statement, 3, row->id);
    if (!gone) {
        sql_bind_text(statement, 4, row->name);
        sqlite3_bind_int(statement, 5, (int)row->status);
        sqlite3_bind_int64(statement, 6, row->since);
        sqlite3_bind_int64(statement, 7, (int64_t)row->seq);
        sqlite3_bind_int(statement, 8, row->waived);
        sql_bind_text(statement, 9, row->extra);
    }
    r = sql_finish(statement);
    if (r != SQLITE_OK || !gone || strcmp(row->kind, "exec") != 0)
        return r;
    statement = sql_statement(db, SQL_CLOSE_EXEC);
    if (statement) {
        sql_bind_text(statement, 1, row->id);
        sqlite3_bind_int64(statement, 2, (int64_t)row->seq);
    }
    return sql_finish(statement);
}

/* COUNT rows are stored. What the disk did not take before belongs to another stream, which is on disk with the last of
 * it: until then a kill leaves the stream before, in which nothing of it was seen. */
static bool stream_is_due(const struct store_db *db, size_t count)
{
    return db->stream_unsaved && db->overflow.count <= count;
}

/* One transaction; a result code of SQLite. Nothing of it counts unless it is SQLITE_OK. */
static int store_rows(struct store_db *db, const struct store_row *rows, size_t count)
{
    int r = sql_run(db, SQL_BEGIN);

    for (size_t i = 0; i < count && r == SQLITE_OK; i++) {
        r = insert_row(db, &rows[i]);
        if (r == SQLITE_OK && rows[i].type == ROW_FINDING)
            r = set_finding(db, &rows[i]);
    }
    if (r == SQLITE_OK && stream_is_due(db, count))
        r = sql_set_meta(db, "stream", db->stream);
    if (r == SQLITE_OK)
        r = cursors_save(db);
    if (r == SQLITE_OK)
        r = sql_run(db, SQL_COMMIT);
    if (r != SQLITE_OK) {
        sql_roll_back(db);
        return r;
    }
    if (stream_is_due(db, count))
        db->stream_unsaved = false;
    db->unsynced = true;
    cursors_saved(db);
    if (count) {
        db->disk_seq = rows[count - 1].seq;
        if (db->oldest > db->disk_seq || !db->oldest)
            db->oldest = rows[0].seq;
    }
    return SQLITE_OK;
}

/* ---- Bounds ---- */

/* The transitions up to SEQ go; the newest stays. */
static int trim(struct store_db *db, uint64_t seq)
{
    sqlite3_stmt *statement;
    int64_t oldest;
    int r;

    if (db->oldest >= db->disk_seq)
        return SQLITE_OK;
    if (seq >= db->disk_seq)
        seq = db->disk_seq - 1;
    if (seq < db->oldest)
        return SQLITE_OK;
    r = sql_run(db, SQL_BEGIN);
    if (r != SQLITE_OK)
        return r;
    r = cursors_trim(db, seq);
    if (r == SQLITE_OK) {
        statement = sql_statement(db, SQL_DELETE_ROWS);
        if (statement)
            sqlite3_bind_int64(statement, 1, (int64_t)seq);
        r = sql_finish(statement);
    }
    if (r == SQLITE_OK && seq > EXECS_KEPT) {
        statement = sql_statement(db, SQL_TRIM_EXECS);
        if (statement)
            sqlite3_bind_int64(statement, 1, (int64_t)(seq - EXECS_KEPT));
        r = sql_finish(statement);
    }
    if (r == SQLITE_OK)
        r = cursors_save(db);
    if (r == SQLITE_OK)
        r = sql_run(db, SQL_COMMIT);
    if (r != SQLITE_OK)
        sql_roll_back(db);
    cursors_trimmed(db, r == SQLITE_OK);
    if (r != SQLITE_OK)
        return r;
    cursors_saved(db);
    db->unsynced = true;
    if (sql_number(db, SQL_OLDEST, 0, &oldest) == SQLITE_OK)
        db->oldest = (uint64_t)oldest;
    return SQLITE_OK;
}

static uint64_t bytes_used(struct store_db *db)
{
    static const char sql[] = "SELECT (page_count - freelist_count) * page_size"
                              " FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    sqlite3_stmt *statement;
    uint64_t bytes = 0;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_step(statement) == SQLITE_ROW)
        bytes = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return bytes;
}

/* As trim(), in steps. */
static int trim_in_steps(struct store_db *db, uint64_t seq)
{
    int r = SQLITE_OK;

    while (r == SQLITE_OK && db->oldest <= seq && db->oldest < db->disk_seq)
        r = trim(db, db->oldest + ROWS_TRIMMED < seq ? db->oldest + ROWS_TRIMMED : seq);
    return r;
}

static void keep_bounds(struct store_db *db)
{
    uint64_t bytes = db->limits.bytes;
    int64_t young = 0;

    db->appended = 0;
    db->look = clock_monotonic() + LOOK_AT_BOUNDS_S * USEC_PER_SEC;
    if (db->tight && (!bytes || db->tight < bytes))
        bytes = db->tight;
    while (bytes && db->oldest < db->disk_seq && bytes_used(db) > bytes)
        if (trim_in_steps(db, db->oldest + (db->disk_seq - db->oldest) / 16) != SQLITE_OK)
            return;
    if (!db->limits.age)
        return;
    if (sql_number(db, SQL_FIRST_YOUNG, clock_now(db->clock) - db->limits.age, &young) == SQLITE_OK)
        trim_in_steps(db, young ? (uint64_t)young - 1 : db->disk_seq);
}

void store_db_set_limits(struct store_db *db, const struct store_limits *limits)
{
    db->limits = *limits;
    if (db->handle && !db->trouble)
        keep_bounds(db);
}

/* ---- A disk that takes no more ---- */

static char *reserve_path(const struct store_db *db)
{
    return mem_printf("%s.reserve", db->path);
}

/* Room for the work of making room: a quarter of what is free. */
static void make_reserve(const struct store_db *db, uint64_t free_bytes)
{
    uint64_t wanted = free_bytes / 4 < RESERVE_BYTES ? free_bytes / 4 : RESERVE_BYTES;
    scoped(cleanup_free) char *path = reserve_path(db);
    scoped(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size)
        return;
    if (wanted < PAGE_BYTES || posix_fallocate(fd, 0, (off_t)wanted) != 0)
        unlink(path);
}

void append_prepare(struct store_db *db)
{
    struct statvfs disk;
    uint64_t free_bytes, pages;

    if (statvfs(db->path, &disk) < 0)
        return;
    free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    pages = free_bytes / 8 / PAGE_BYTES;
    sqlite3_wal_autocheckpoint(db->handle, pages > LOG_PAGES       ? LOG_PAGES
                                           : pages > LOG_PAGES_MIN ? (int)pages
                                                                   : LOG_PAGES_MIN);
    make_reserve(db, free_bytes);
    if (free_bytes > ROOM_AGAIN)
        db->tight = 0;
}

/* Into the database with the log, which is then cut. */
static void checkpoint(struct store_db *db)
{
    sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void make_room(struct store_db *db)
{
    scoped(cleanup_free) char *path = reserve_path(db);

    unlink(path);
    checkpoint(db);
    for (int i = 0; i < 16; i++) { /* a large transaction would need room of its own */
        trim(db, db->oldest + (db->disk_seq - db->oldest) / 64);
        checkpoint(db);
    }
    db->tight = bytes_used(db);
}

char *store_db_damage_mark(const struct store_db *db)
{
    return mem_printf("%s.damaged", db->path);
}

static void mark_damaged(struct store_db *db)
{
    scoped(cleanup_free) char *mark = store_db_damage_mark(db);
    scoped(cleanup_close) int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    db->damaged = fd >= 0; /* else the next process would open it as it is */
}

bool store_db_is_damaged(const struct store_db *db)
{
    return db->damaged;
}

static int store_rows_somehow(struct store_db *db, const struct store_row *rows, size_t count)
{
    int r = store_rows(db, rows, count);

    if (r == SQLITE_CORRUPT || r == SQLITE_NOTADB)
        mark_damaged(db);
    if (r != SQLITE_FULL && r != SQLITE_IOERR)
        return r;
    sqlite3_wal_autocheckpoint(db->handle, LOG_PAGES_MIN);
    checkpoint(db);
    r = store_rows(db, rows, count);
    for (int i = 0; i < 3 && r == SQLITE_FULL; i++) {
        make_room(db);
        r = store_rows(db, rows, count);
    }
    return r;
}

static void note_trouble(struct store_db *db, const char *why)
{
    db->retry = clock_monotonic() + RETRY_S * USEC_PER_SEC;
    if (db->trouble)
        return;
    db->trouble = mem_printf("cannot write %s: %s", db->path, why);
    log_error("store: %s; new transitions are kept in memory", db->trouble);
    stream_begin(db);
}

/* The transaction that is open could not be completed: it is rolled back, and noted as trouble. */
static void append_failed(struct store_db *db)
{
    if (!db->handle || !sqlite3_get_autocommit(db->handle))
        sql_roll_back(db);
    note_trouble(db, db->why);
}

static int store_overflow(struct store_db *db)
{
    int r;

    do {
        struct store_row rows[64];
        size_t count = 0;

        for (; count < countof(rows) && count < db->overflow.count; count++)
            rows[count] = db->overflow.items[count].row;
        r = store_rows_somehow(db, rows, count);
        if (r == SQLITE_OK)
            overflow_drop(db, count);
    } while (r == SQLITE_OK && db->overflow.count);
    return r;
}

/* What could not be opened at first can be now. What it has must not be mixed with what was numbered from 1 since. */
static bool open_late(struct store_db *db)
{
    int64_t newest = 0;
    int r = sql_open(db, db->path, NULL);

    if (r == 0 && sql_number(db, SQL_NEWEST, 0, &newest) == SQLITE_OK && !newest)
        return true;
    if (r != 0 && r != -EBADMSG)
        return false;
    sql_set_aside(db, r == 0 ? "could not be opened at first" : "is damaged");
    return sql_open(db, db->path, NULL) == 0;
}

void append_retry(struct store_db *db)
{
    if (!db->trouble || clock_monotonic() < db->retry)
        return;
    if (!db->handle && !open_late(db)) {
        sql_close(db);
        db->retry = clock_monotonic() + RETRY_S * USEC_PER_SEC;
        return;
    }
    if (store_overflow(db) != SQLITE_OK) {
        note_trouble(db, db->why);
        return;
    }
    free(take(db->trouble));
    append_prepare(db);
    log_info("store: %s can be written again", db->path);
}

/* ---- Appending ---- */

static void append_batch(struct store_db *db, const struct store_row *rows, size_t count)
{
    append_retry(db);
    if (!db->trouble && store_rows_somehow(db, rows, count) != SQLITE_OK)
        append_failed(db);
    for (size_t i = 0; i < count; i++) {
        if (db->trouble)
            overflow_push(db, &rows[i]);
        db->last_seq = rows[i].seq;
        cursors_appended(db, &rows[i]);
    }
    db->appended += count;
    if (db->trouble || db->appended < (db->tight ? LOOK_WHEN_TIGHT : LOOK_AT_BOUNDS))
        return;
    keep_bounds(db);
    append_prepare(db);
}

void store_db_append(struct store_db *db, const struct store_row *rows, size_t count)
{
    while (count && rows->seq <= db->last_seq) {
        rows++;
        count--;
    }
    if (count && db->last_seq && rows->seq != db->last_seq + 1)
        stream_begin(db); /* what is between was in the memory of a process that has ended */
    for (size_t part; count; rows += part, count -= part) {
        part = count < ROWS_A_TRANSACTION ? count : ROWS_A_TRANSACTION;
        append_batch(db, rows, part);
    }
}

static bool has_dirty_cursors(const struct store_db *db)
{
    for (size_t i = 0; i < db->cursors.count; i++)
        if (db->cursors.items[i]->dirty)
            return true;
    return false;
}

void store_db_flush(struct store_db *db)
{
    bool unsaved = false;

    for (size_t i = 0; i < db->cursors.count; i++)
        unsaved = unsaved || db->cursors.items[i]->unsaved;
    if (unsaved && !db->trouble && store_rows_somehow(db, NULL, 0) != SQLITE_OK)
        append_failed(db);
}

bool store_db_is_behind(const struct store_db *db)
{
    return db->trouble || db->unsynced || has_dirty_cursors(db);
}

void store_db_sync(struct store_db *db)
{
    append_retry(db);
    if (!db->handle || db->trouble)
        return;
    if (has_dirty_cursors(db) && store_rows(db, NULL, 0) != SQLITE_OK) {
        append_failed(db);
        return;
    }
    if (clock_monotonic() >= db->look)
        keep_bounds(db);
    if (db->unsynced)
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->unsynced = false;
}
