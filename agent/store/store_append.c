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
    STEPS_A_LOOK = 8,
    ROWS_TRIMMED = 1024, /* in one transaction: what it changes is kept in memory, and others wait for it */
    PAGES_FREED = 256,   /* as well */
    FREE_PAGES = 4096,   /* that stay in the file for what comes */
    ROOM_AGAIN = 16 * 1024 * 1024,
    RESERVE_BYTES = 1024 * 1024,
    EXECS_KEPT = 65536, /* as many as the evaluator keeps */
    EXECS_SLACK = 8192, /* finding the oldest goes through all of them */
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
    db->closed_execs++;
    return sql_finish(statement);
}

static int trim_execs(struct store_db *db)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_TRIM_EXECS);

    if (statement)
        sqlite3_bind_int64(statement, 1, EXECS_KEPT);
    db->closed_execs = EXECS_KEPT; /* after a failure more than that, once */
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
    if (r == SQLITE_OK && db->closed_execs > EXECS_KEPT + EXECS_SLACK)
        r = trim_execs(db);
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

struct pages {
    uint64_t size, used, free;
};

static struct pages count_pages(struct store_db *db)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_PAGES);
    struct pages pages = {0};

    if (!statement)
        return pages;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        pages.size = (uint64_t)sqlite3_column_int64(statement, 2);
        pages.free = (uint64_t)sqlite3_column_int64(statement, 1);
        pages.used = (uint64_t)sqlite3_column_int64(statement, 0) - pages.free;
    }
    sqlite3_reset(statement);
    return pages;
}

/* The last of the transitions that are too old, among the next ones to go; 0: none is. */
static uint64_t last_old(struct store_db *db)
{
    sqlite3_stmt *statement = db->limits.age ? sql_statement(db, SQL_FIRST_YOUNG) : NULL;
    uint64_t last = db->oldest + ROWS_TRIMMED - 1, old = 0;
    int r;

    if (!statement || db->oldest > db->disk_seq)
        return 0;
    sqlite3_bind_int64(statement, 1, clock_now(db->clock) - db->limits.age);
    sqlite3_bind_int64(statement, 2, (int64_t)last);
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        old = (uint64_t)sqlite3_column_int64(statement, 0) - 1;
    else if (r == SQLITE_DONE)
        old = last < db->disk_seq ? last : db->disk_seq;
    sqlite3_reset(statement);
    return old >= db->oldest ? old : 0;
}

/* Gives what is free at the end of the file back to the disk. */
static bool shrink(struct store_db *db, uint64_t bytes)
{
    struct pages pages = count_pages(db);
    uint64_t kept = pages.used / 2 > FREE_PAGES ? pages.used / 2 : FREE_PAGES, before = pages.used + pages.free;
    scoped(cleanup_free) char *sql = mem_printf("PRAGMA incremental_vacuum(%d)", (int)PAGES_FREED);

    if (!pages.free || (pages.free <= kept && (!bytes || before * pages.size <= bytes)))
        return false;
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    db->unsynced = true;
    pages = count_pages(db);
    return pages.used + pages.free < before;
}

/* One transaction. False: all bounds are kept. */
static bool keep_bounds(struct store_db *db)
{
    uint64_t bytes = db->limits.bytes, step = (db->disk_seq - db->oldest) / 16, old;
    struct pages pages = count_pages(db);

    if (db->tight && (!bytes || db->tight < bytes))
        bytes = db->tight;
    if (bytes && db->oldest < db->disk_seq && pages.used * pages.size > bytes)
        return trim(db, db->oldest + (step < ROWS_TRIMMED ? step : ROWS_TRIMMED)) == SQLITE_OK;
    old = last_old(db);
    if (old && db->oldest < db->disk_seq)
        return trim(db, old) == SQLITE_OK;
    return shrink(db, db->limits.bytes); /* not what a full disk has left to be used again */
}

bool store_db_is_tidy(const struct store_db *db)
{
    return !db->untidy || !db->handle || db->trouble;
}

void store_db_tidy(struct store_db *db)
{
    if (!store_db_is_tidy(db))
        db->untidy = keep_bounds(db);
}

static void look_at_bounds(struct store_db *db)
{
    db->appended = 0;
    db->look = clock_monotonic() + LOOK_AT_BOUNDS_S * USEC_PER_SEC;
    db->untidy = true;
}

void store_db_set_limits(struct store_db *db, const struct store_limits *limits)
{
    db->limits = *limits;
    look_at_bounds(db);
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
    struct pages pages;

    unlink(path);
    checkpoint(db);
    for (int i = 0; i < 16; i++) { /* a large transaction would need room of its own */
        trim(db, db->oldest + (db->disk_seq - db->oldest) / 64);
        checkpoint(db);
    }
    pages = count_pages(db);
    db->tight = pages.used * pages.size;
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
    look_at_bounds(db);
    for (int i = 0; i < STEPS_A_LOOK; i++) /* at least as fast as what comes, however little time there is */
        store_db_tidy(db);
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
        look_at_bounds(db);
    if (db->unsynced)
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->unsynced = false;
}
