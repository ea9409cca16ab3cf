/* The bounds on size and age: the oldest transitions go, a part at a time, and the file becomes smaller. */
#include "agent/store/store_internal.h"
#include "common/memory.h"

enum {
    LOOK_AT_BOUNDS_S = 3600, /* at least so often */
    ROWS_TRIMMED = 1024,     /* in one transaction: what it changes is kept in memory, and others wait for it */
    PAGES_FREED = 256,       /* as well */
    FREE_PAGES = 4096        /* that stay in the file for what comes */
};

int bounds_trim(struct store_db *db, uint64_t seq)
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

struct pages bounds_pages(struct store_db *db)
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
    struct pages pages = bounds_pages(db);
    uint64_t kept = pages.used / 2 > FREE_PAGES ? pages.used / 2 : FREE_PAGES, before = pages.used + pages.free;
    scoped(cleanup_free) char *sql = mem_printf("PRAGMA incremental_vacuum(%d)", (int)PAGES_FREED);

    if (!pages.free || (pages.free <= kept && (!bytes || before * pages.size <= bytes)))
        return false;
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    db->unsynced = true;
    pages = bounds_pages(db);
    return pages.used + pages.free < before;
}

/* One transaction. False: all bounds are kept. */
static bool keep_bounds(struct store_db *db)
{
    uint64_t bytes = db->limits.bytes, step = (db->disk_seq - db->oldest) / 16, old;
    struct pages pages = bounds_pages(db);

    if (db->tight && (!bytes || db->tight < bytes))
        bytes = db->tight;
    if (bytes && db->oldest < db->disk_seq && pages.used * pages.size > bytes)
        return bounds_trim(db, db->oldest + (step < ROWS_TRIMMED ? step : ROWS_TRIMMED)) == SQLITE_OK;
    old = last_old(db);
    if (old && db->oldest < db->disk_seq)
        return bounds_trim(db, old) == SQLITE_OK;
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

void bounds_look(struct store_db *db)
{
    db->appended = 0;
    db->look = clock_monotonic() + LOOK_AT_BOUNDS_S * USEC_PER_SEC;
    db->untidy = true;
}

void store_db_set_limits(struct store_db *db, const struct store_limits *limits)
{
    db->limits = *limits;
    bounds_look(db);
}
