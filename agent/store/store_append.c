/* Transitions brought to the disk in batches, and what is done when the disk takes no more.
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
    STEPS_A_LOOK = 8,
    ROOM_AGAIN = 16 * 1024 * 1024,
    RESERVE_BYTES = 1024 * 1024,
    ROWS_A_TRANSACTION = 1024,
    PAGE_BYTES = 4096,
    LOG_PAGES = 2048, /* when the log goes into the database */
    LOG_PAGES_MIN = 8
};

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
        bounds_trim(db, db->oldest + (db->disk_seq - db->oldest) / 64);
        checkpoint(db);
    }
    pages = bounds_pages(db);
    db->tight = pages.used * pages.size;
}

bool store_db_is_damaged(const struct store_db *db)
{
    return db->damaged;
}

static int store_rows_somehow(struct store_db *db, const struct store_row *rows, size_t count)
{
    int r = store_rows(db, rows, count);

    sql_note_damage(db, r);
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
    db->trouble = message_new("cannot write %s: %s", db->path, sql_reason(why));
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

int append_begin_without_room(struct store_db *db)
{
    scoped(cleanup_free) char *path = reserve_path(db);

    unlink(path);
    checkpoint(db);
    if (store_db_write_start(db) != SQLITE_OK)
        note_trouble(db, sqlite3_errmsg(db->handle));
    return SQLITE_OK;
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
    sql_set_aside(db, r == 0 ? M_("could not be opened at first") : M_("is damaged"));
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
    if (store_overflow(db) != SQLITE_OK || (db->start_unwritten && store_db_write_start(db) != SQLITE_OK)) {
        note_trouble(db, db->why);
        return;
    }
    free(take(db->trouble));
    append_prepare(db);
    log_info("store: %s can be written again", db->path);
}

/* ---- Appending ---- */

/* The older half of what is in memory goes when that is full, with what cursors had to send of it. */
static void keep_in_memory(struct store_db *db, const struct store_row *row)
{
    if (!overflow_has_room(db, row)) {
        size_t count = db->overflow.count / 2 + 1;

        cursors_trim(db, db->overflow.items[count - 1].row.seq);
        cursors_trimmed(db, true);
        overflow_drop(db, count);
    }
    overflow_push(db, row);
}

static void append_batch(struct store_db *db, const struct store_row *rows, size_t count)
{
    append_retry(db);
    if (!db->trouble && store_rows_somehow(db, rows, count) != SQLITE_OK)
        append_failed(db);
    for (size_t i = 0; i < count; i++) {
        if (db->trouble)
            keep_in_memory(db, &rows[i]);
        db->last_seq = rows[i].seq;
        cursors_appended(db, &rows[i]);
    }
    db->appended += count;
    if (db->trouble || db->appended < (db->tight ? LOOK_WHEN_TIGHT : LOOK_AT_BOUNDS))
        return;
    bounds_look(db);
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
    return db->trouble || db->unsynced || db->is_replaced || has_dirty_cursors(db);
}

void store_db_sync(struct store_db *db)
{
    append_retry(db);
    if (!db->handle || db->trouble)
        return;
    if (sql_is_replaced(db) && !sql_write_anew(db))
        return;
    if (has_dirty_cursors(db) && store_rows(db, NULL, 0) != SQLITE_OK) {
        append_failed(db);
        return;
    }
    if (clock_monotonic() >= db->look)
        bounds_look(db);
    if (db->unsynced)
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->unsynced = false;
}
