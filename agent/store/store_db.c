/* Opening and closing the database: whose it is, whether it is whole, and what a power cut may have taken. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/store/store_internal.h"
#include "common/log.h"
#include "common/memory.h"

void stream_begin(struct store_db *db)
{
    unsigned char b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) /* 16 bytes are never given in part, see getrandom(2) */
        abort();
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 9562: version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(db->stream, sizeof db->stream, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    db->stream_unsaved = true;
}

/* Of the machine's start, as the kernel names it; "": unknown. */
static void read_boot(const char *path, char *ret, size_t size)
{
    scoped(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* TABLE: NULL: all of them. */
static bool is_whole(struct store_db *db, const char *table)
{
    scoped(cleanup_free) char *sql =
        table ? mem_printf("PRAGMA quick_check(%s)", table) : mem_strdup("PRAGMA quick_check(1)");
    sqlite3_stmt *statement;
    bool whole = false;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(statement) == SQLITE_ROW)
        whole = strcmp(sql_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return whole;
}

/* What a restart needs: all but the history, which may be large. */
static bool can_be_read(struct store_db *db)
{
    static const char *const tables[] = {"meta", "findings", "closed_execs", "cursors", "outbox"};

    for (size_t i = 0; i < countof(tables); i++)
        if (!is_whole(db, tables[i]))
            return false;
    return true;
}

static void set_aside(struct store_db *db)
{
    while (db->cursors.count)
        cursor_free(db->cursors.items[--db->cursors.count]);
    sql_set_aside(db, M_("was damaged or of another program"));
}

/* The machine was started since, and the agent had not been stopped in order: the last second may be missing. */
static bool may_have_lost(struct store_db *db, const char *boot)
{
    scoped(cleanup_free) char *last_boot = sql_get_meta(db, "boot"), *clean = sql_get_meta(db, "clean");

    return last_boot && *last_boot && *boot && strcmp(last_boot, boot) != 0 && !(clean && strcmp(clean, "1") == 0);
}

int store_db_write_start(struct store_db *db)
{
    int r = sql_set_meta(db, "boot", db->boot);

    if (r == SQLITE_OK)
        r = sql_set_meta(db, "clean", "0");
    if (r == SQLITE_OK && db->stream_unsaved && !db->trouble)
        r = sql_set_meta(db, "stream", db->stream);
    if (r != SQLITE_OK)
        return r;
    db->start_unwritten = false;
    if (!db->trouble)
        db->stream_unsaved = false;
    /* A power cut must not bring back that all was in order. */
    sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL);
    return SQLITE_OK;
}

static int load(struct store_db *db, const char *boot_id)
{
    scoped(cleanup_free) char *stream = sql_get_meta(db, "stream");
    int64_t oldest = 0, newest = 0, closed = 0;
    bool lost;
    int r;

    read_boot(boot_id, db->boot, sizeof db->boot);
    lost = may_have_lost(db, db->boot);
    if (lost ? !is_whole(db, NULL) : !can_be_read(db))
        return SQLITE_CORRUPT;
    r = sql_number(db, SQL_NEWEST, 0, &newest);
    if (r == SQLITE_OK)
        r = sql_number(db, SQL_OLDEST, 0, &oldest);
    if (r == SQLITE_OK)
        r = sql_number(db, SQL_COUNT_EXECS, 0, &closed);
    if (r == SQLITE_OK)
        r = cursors_load(db);
    if (r != SQLITE_OK)
        return r;
    db->closed_execs = (uint64_t)closed;
    db->untidy = true;
    db->disk_seq = db->last_seq = (uint64_t)newest;
    db->oldest = oldest ? (uint64_t)oldest : db->disk_seq + 1;
    if (!stream || strlen(stream) != STREAM_LENGTH || lost)
        stream_begin(db);
    else
        memcpy(db->stream, stream, sizeof db->stream);
    db->start_unwritten = true;
    r = store_db_write_start(db);
    return r == SQLITE_FULL || r == SQLITE_IOERR ? append_begin_without_room(db) : r;
}

static int open_whole(struct store_db *db, const char *boot_id, struct error *error)
{
    if (sql_take_damage_mark(db)) /* a look at the whole file may not find it */
        set_aside(db);
    for (int tries = 0; tries < 2; tries++) {
        int r = sql_open(db, db->path, error), code;

        if (r == -EBADMSG) {
            set_aside(db);
            continue;
        }
        if (r < 0)
            return r;
        code = load(db, boot_id);
        if (code == SQLITE_OK) {
            if (!db->trouble)
                append_prepare(db);
            return 0;
        }
        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
            set_aside(db);
        else
            return error_set(error, EIO, "%s: %s", db->path, sqlite3_errmsg(db->handle));
    }
    return error_set(error, EIO, "%s: cannot be made anew", db->path);
}

int store_db_open_after_boot(const char *path, const char *boot_id, const struct store_limits *limits,
                             const struct clock *clock, struct store_db **ret, struct error *error)
{
    struct store_db *db = mem_alloc(sizeof *db);
    struct error why = ERROR_INIT;
    int r;

    db->path = mem_strdup(path);
    db->file = db->log = -1;
    db->limits = *limits;
    db->clock = clock;
    r = open_whole(db, boot_id, &why);
    if (r == -EBUSY) {
        store_db_close(db);
        return error_set(error, EBUSY, "%s", why.message);
    }
    if (r < 0) {
        sql_close(db);
        stream_begin(db);
        db->oldest = db->last_seq + 1;
        db->trouble = mem_strdup(why.message);
        log_error("store: %s; transitions are kept in memory", db->trouble);
    }
    *ret = db;
    return 0;
}

int store_db_open(const char *path, const struct store_limits *limits, const struct clock *clock, struct store_db **ret,
                  struct error *error)
{
    return store_db_open_after_boot(path, "/proc/sys/kernel/random/boot_id", limits, clock, ret, error);
}

void store_db_close(struct store_db *db)
{
    if (!db)
        return;
    if (db->trouble) {
        db->retry = 0;
        append_retry(db);
    }
    if (db->handle && !db->trouble) {
        for (size_t i = 0; i < db->cursors.count; i++)
            db->cursors.items[i]->dirty = true;
        if (sql_run(db, SQL_BEGIN) == SQLITE_OK && cursors_save(db) == SQLITE_OK &&
            sql_set_meta(db, "clean", "1") == SQLITE_OK)
            sql_run(db, SQL_COMMIT);
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sql_close(db);
    while (db->cursors.count)
        cursor_free(db->cursors.items[--db->cursors.count]);
    vec_free(&db->cursors);
    overflow_clear(db);
    free(db->why);
    free(db->trouble);
    free(db->notice);
    free(db->path);
    free(db);
}

const char *store_db_stream(const struct store_db *db)
{
    return db->stream;
}

uint64_t store_db_last_seq(const struct store_db *db)
{
    return db->last_seq;
}

uint64_t store_db_oldest_seq(const struct store_db *db)
{
    return db->oldest <= db->disk_seq ? db->oldest
           : db->overflow.count       ? db->overflow.items[0].row.seq
                                      : db->last_seq + 1;
}

usec_t store_db_oldest_time(struct store_db *db)
{
    uint64_t oldest = store_db_oldest_seq(db);

    if (oldest > db->last_seq)
        return 0;
    if (oldest > db->disk_seq)
        return db->overflow.items[0].row.at;
    if (db->oldest_at.seq != oldest)
        db->oldest_at = (struct place_in_time){oldest, query_time_of(db, oldest)};
    return db->oldest_at.at;
}

static uint64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t store_db_size(const struct store_db *db)
{
    scoped(cleanup_free) char *log = mem_printf("%s-wal", db->path);

    return db->handle ? file_size(db->path) + file_size(log) : 0;
}

const char *store_db_trouble(const struct store_db *db)
{
    return db->trouble ? db->trouble : db->notice;
}

void store_db_each_finding(struct store_db *db, void (*each)(const struct store_finding *finding, void *user),
                           void *user)
{
    static const char sql[] =
        "SELECT slug, kind, id, name, status, since, seq, waived, extra FROM findings"
        " UNION ALL SELECT * FROM (SELECT '', 'exec', id, '', 0, 0, seq, 0, NULL FROM closed_execs"
        " ORDER BY seq DESC)"; /* the evaluator keeps the first of them */
    sqlite3_stmt *statement;

    if (!db->handle || sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const struct store_finding finding = {.slug = sql_text(statement, 0),
                                              .kind = sql_text(statement, 1),
                                              .id = sql_text(statement, 2),
                                              .name = sql_text(statement, 3),
                                              .status = sql_verdict(statement, 4),
                                              .since = sqlite3_column_int64(statement, 5),
                                              .seq = (uint64_t)sqlite3_column_int64(statement, 6),
                                              .waived = sqlite3_column_int(statement, 7),
                                              .extra = (const char *)sqlite3_column_text(statement, 8)};

        each(&finding, user);
    }
    sqlite3_finalize(statement);
}
