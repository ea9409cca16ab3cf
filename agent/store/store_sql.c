/* The database's schema and statements. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/store_internal.h"
#include "common/log.h"
#include "common/memory.h"

/* "dba" and a version of the file's format, which other programs can recognize (file(1)). */
enum { APPLICATION_ID = 0x64626131, SCHEMA_VERSION = 1, CACHE_KIB = 512, BUSY_MS = 500 };

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE transitions(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type INTEGER NOT NULL,"
    " severity INTEGER NOT NULL, status INTEGER NOT NULL, previous INTEGER NOT NULL, slug TEXT NOT NULL, section TEXT,"
    " kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, waived INTEGER NOT NULL, json TEXT NOT NULL);"
    "CREATE INDEX transitions_at ON transitions(at);"
    "CREATE TABLE findings(slug TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,"
    " status INTEGER NOT NULL, since INTEGER NOT NULL, seq INTEGER NOT NULL, waived INTEGER NOT NULL, extra TEXT,"
    " PRIMARY KEY(kind, id, slug)) WITHOUT ROWID;"
    "CREATE TABLE closed_execs(id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE cursors(name TEXT PRIMARY KEY, seq INTEGER NOT NULL, number INTEGER NOT NULL, lost INTEGER NOT NULL,"
    " sent INTEGER NOT NULL, min_severity INTEGER NOT NULL, statuses INTEGER NOT NULL, changed_at INTEGER NOT NULL,"
    " min_severity_before INTEGER NOT NULL, statuses_before INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, cursor TEXT NOT NULL, after INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " count INTEGER NOT NULL, json TEXT NOT NULL);";

static const char *const texts[STATEMENT_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SET_META] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
    [SQL_INSERT_ROW] = "INSERT INTO transitions VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [SQL_SET_FINDING] = "INSERT OR REPLACE INTO findings VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_DELETE_FINDING] = "DELETE FROM findings WHERE slug = ?1 AND kind = ?2 AND id = ?3",
    [SQL_CLOSE_EXEC] = "INSERT OR REPLACE INTO closed_execs VALUES(?1, ?2)",
    [SQL_TRIM_EXECS] = "DELETE FROM closed_execs WHERE seq <="
                       " (SELECT seq FROM closed_execs ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
    [SQL_COUNT_EXECS] = "SELECT count(*) FROM closed_execs",
    [SQL_READ_ROWS] = "SELECT seq, at, type, severity, status, previous, slug, section, kind, id, name, waived, json"
                      " FROM transitions WHERE seq > ?1 ORDER BY seq",
    [SQL_FIND_ROWS] = "SELECT seq, kind, id, name, json FROM transitions WHERE seq > ?1 AND seq <= ?2"
                      " AND +at >= ?3 AND +at < ?4 AND (?5 = 0 OR ?5 & (1 << severity))"
                      " AND (?6 = 0 OR ?6 & ((1 << status) | (1 << previous))) AND (?7 IS NULL OR slug = ?7)"
                      " AND (?8 IS NULL OR section = ?8) AND (?9 IS NULL OR kind = ?9)"
                      " AND (?10 = 0 OR ?10 & (1 << waived)) ORDER BY seq",
    [SQL_COUNT_PASSING] = "SELECT count(*) FROM transitions WHERE seq > ?1 AND seq <= ?2"
                          " AND (type <> ?3 OR (severity >= ?4 AND ?5 & ((1 << status) | (1 << previous))))",
    [SQL_AT] = "SELECT at FROM transitions WHERE seq = ?1",
    [SQL_OLDEST] = "SELECT min(seq) FROM transitions",
    [SQL_NEWEST] = "SELECT max(seq) FROM transitions",
    [SQL_FIRST_YOUNG] = "SELECT seq FROM transitions WHERE +at >= ?1 AND seq <= ?2 ORDER BY seq LIMIT 1",
    [SQL_PAGES] = "SELECT page_count, freelist_count, page_size"
                  " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    [SQL_SPAN] = "SELECT min(seq), max(seq) FROM transitions INDEXED BY transitions_at WHERE at >= ?1 AND at < ?2",
    [SQL_DELETE_ROWS] = "DELETE FROM transitions WHERE seq <= ?1",
    [SQL_SET_CURSOR] = "INSERT OR REPLACE INTO cursors VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_DELETE_CURSOR] = "DELETE FROM cursors WHERE name = ?1",
    [SQL_SET_ITEM] = "INSERT OR REPLACE INTO outbox VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_DELETE_ITEM] = "DELETE FROM outbox WHERE id = ?1",
    [SQL_DELETE_ITEMS_OF] = "DELETE FROM outbox WHERE cursor = ?1",
};

static int pragma_number(sqlite3 *handle, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement;
    int r = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return r == SQLITE_ROW ? SQLITE_OK : r;
}

static int set_up(sqlite3 *handle)
{
    scoped(cleanup_free) char *pragmas =
        mem_printf("PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY;"
                   "PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF; PRAGMA cache_spill=OFF;",
                   (int)CACHE_KIB);
    int64_t application = 0, version = 0, tables = 0;
    int r;

    sqlite3_busy_timeout(handle, BUSY_MS);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    r = sqlite3_exec(handle, pragmas, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = pragma_number(handle, "SELECT count(*) FROM sqlite_schema", &tables);
    if (r == SQLITE_OK)
        r = pragma_number(handle, "PRAGMA application_id", &application);
    if (r == SQLITE_OK)
        r = pragma_number(handle, "PRAGMA user_version", &version);
    if (r != SQLITE_OK)
        return r;
    if (tables && (application != APPLICATION_ID || version != SCHEMA_VERSION))
        return SQLITE_NOTADB;
    if (!tables) /* it is written, which a full disk would refuse */
        r = sqlite3_exec(handle, "PRAGMA auto_vacuum=INCREMENTAL;", NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;", NULL, NULL, NULL);
    if (r == SQLITE_OK && !tables) {
        scoped(cleanup_free) char *sql =
            mem_printf("BEGIN IMMEDIATE; PRAGMA application_id=%d; PRAGMA user_version=%d; %s COMMIT;",
                       (int)APPLICATION_ID, (int)SCHEMA_VERSION, schema);

        r = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    }
    if (r == SQLITE_OK) /* takes the lock, so that a second agent learns at once */
        r = sqlite3_exec(handle, "BEGIN IMMEDIATE; COMMIT;", NULL, NULL, NULL);
    return r;
}

static char *log_path(const struct store_db *db)
{
    return mem_printf("%s-wal", db->path);
}

/* PATH is not what is open as FD. That keeps its inode: some file systems number one anew that nobody has open. */
static bool is_other(const char *path, int fd)
{
    struct stat there, opened;

    if (fd < 0 || fstat(fd, &opened) < 0)
        return false;
    if (stat(path, &there) < 0)
        return errno == ENOENT;
    return there.st_ino != opened.st_ino || there.st_dev != opened.st_dev;
}

static void note_files(struct store_db *db)
{
    scoped(cleanup_free) char *log = log_path(db);

    db->file = open(db->path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    db->log = open(log, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    db->is_replaced = false;
}

static void forget_files(struct store_db *db)
{
    if (db->file >= 0)
        close(db->file);
    if (db->log >= 0)
        close(db->log);
    db->file = db->log = -1;
}

int sql_open(struct store_db *db, const char *path, struct error *error)
{
    int r =
        sqlite3_open_v2(path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);

    if (!db->handle)
        return error_set(error, ENOMEM, "%s: out of memory", path);
    sqlite3_extended_result_codes(db->handle, 0);
    if (r == SQLITE_OK)
        r = set_up(db->handle);
    if (r == SQLITE_OK) {
        note_files(db);
        return 0;
    }
    if (r == SQLITE_BUSY || r == SQLITE_LOCKED)
        return error_set(error, EBUSY, "%s belongs to another running agent", path);
    if (r == SQLITE_NOTADB || r == SQLITE_CORRUPT)
        return error_set(error, EBADMSG, "%s is damaged, or not a store of this version", path);
    return error_set(error, EIO, "%s: %s", path, sqlite3_errmsg(db->handle));
}

/* ---- Which file it is ---- */

static char *damage_mark(const struct store_db *db)
{
    return mem_printf("%s.damaged", db->path);
}

void sql_note_damage(struct store_db *db, int r)
{
    scoped(cleanup_free) char *mark = damage_mark(db);
    scoped(cleanup_close) int fd = -1;

    if (r != SQLITE_CORRUPT && r != SQLITE_NOTADB)
        return;
    fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    db->damaged = fd >= 0; /* else the next process would open it as it is */
}

bool sql_take_damage_mark(const struct store_db *db)
{
    scoped(cleanup_free) char *mark = damage_mark(db);

    return unlink(mark) == 0;
}

bool sql_is_replaced(struct store_db *db)
{
    scoped(cleanup_free) char *log = log_path(db);

    db->is_replaced = is_other(db->path, db->file) || is_other(log, db->log);
    return db->is_replaced;
}

void sql_close(struct store_db *db)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(take(db->statements[i]));
    sqlite3_close(take(db->handle));
    forget_files(db);
}

const char *sql_reason(const char *text)
{
    static const struct {
        const char *of_sqlite, *message;
    } reasons[] = {
        {"database or disk is full", M_("database or disk is full")},
        {"disk I/O error", M_("disk I/O error")},
        {"attempt to write a readonly database", M_("attempt to write a readonly database")},
        {"database disk image is malformed", M_("database disk image is malformed")},
        {"unable to open database file", M_("unable to open database file")},
        {"database is locked", M_("database is locked")},
        {"file is not a database", M_("file is not a database")},
        {"out of memory", M_("out of memory")},
        {"there is no database", M_("there is no database")},
    };

    for (size_t i = 0; i < countof(reasons); i++)
        if (strcmp(reasons[i].of_sqlite, text) == 0)
            return reasons[i].message;
    return text;
}

void sql_set_aside(struct store_db *db, const char *why)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char time[CLOCK_TEXT_SIZE];

    clock_format(clock_now(db->clock), time);
    sql_close(db);
    free(db->notice);
    db->notice =
        message_new("%s %s: it is set aside as %s.broken-%s, and a new store has begun", db->path, why, db->path, time);
    log_error("store: %s", db->notice);
    for (size_t i = 0; i < countof(endings); i++) {
        scoped(cleanup_free) char *old = mem_printf("%s%s", db->path, endings[i]);
        scoped(cleanup_free) char *new = mem_printf("%s.broken-%s%s", db->path, time, endings[i]);

        if (rename(old, new) < 0 && errno != ENOENT)
            log_error("store: cannot set %s aside: %s", old, strerror(errno));
    }
}

static bool sync_file(const char *path)
{
    scoped(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && fsync(fd) == 0;
}

static bool copy_to(struct store_db *db, const char *path)
{
    sqlite3_stmt *statement = NULL;
    int r = sqlite3_prepare_v2(db->handle, "VACUUM INTO ?1", -1, &statement, NULL);

    unlink(path); /* SQLite writes to none that is there */
    if (r == SQLITE_OK)
        r = sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    if (r == SQLITE_OK)
        r = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return r == SQLITE_DONE && sync_file(path);
}

/* A log belongs to the file that it was written for: another one must not be opened with it. */
static int take_its_place(struct store_db *db, const char *copy, const char *aside)
{
    scoped(cleanup_free) char *log = log_path(db);

    sql_close(db);
    unlink(log);
    if (aside && rename(db->path, aside) < 0)
        return -errno;
    return rename(copy, db->path) < 0 ? -errno : 0;
}

bool sql_write_anew(struct store_db *db)
{
    scoped(cleanup_free) char *copy = mem_printf("%s.new", db->path), *aside = NULL;
    struct error error = ERROR_INIT;
    char time[CLOCK_TEXT_SIZE];
    int r;

    clock_format(clock_now(db->clock), time);
    if (is_other(db->path, db->file) && access(db->path, F_OK) == 0)
        aside = mem_printf("%s.broken-%s", db->path, time);
    free(take(db->notice));
    if (!copy_to(db, copy)) {
        db->notice = message_new("%s was removed or replaced while it was in use, and cannot be written anew: %s",
                                 db->path, sql_reason(sqlite3_errmsg(db->handle)));
        unlink(copy);
        return false;
    }
    r = take_its_place(db, copy, aside);
    if (r < 0) {
        db->trouble = message_new("%s cannot be written anew: its copy %s stays: %s", db->path, copy, error_reason(-r));
        return false;
    }
    if (sql_open(db, db->path, &error) < 0) {
        sql_close(db);
        db->trouble = mem_strdup(error.message);
        return false;
    }
    db->notice =
        aside ? message_new("%s was replaced while it was in use: that file is set aside as %s, and what was "
                            "stored has been written anew",
                            db->path, aside)
              : message_new("%s, or its log, was removed while it was in use, and has been written anew", db->path);
    log_error("store: %s", db->notice);
    return true;
}

sqlite3_stmt *sql_statement(struct store_db *db, enum statement which)
{
    if (!db->handle)
        return NULL;
    if (!db->statements[which] && sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                                     &db->statements[which], NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(db->statements[which]);
    sqlite3_clear_bindings(db->statements[which]);
    return db->statements[which];
}

int sql_finish(sqlite3_stmt *statement)
{
    int r;

    if (!statement)
        return SQLITE_ERROR;
    do
        r = sqlite3_step(statement);
    while (r == SQLITE_ROW);
    sqlite3_reset(statement);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

int sql_run(struct store_db *db, enum statement which)
{
    return sql_finish(sql_statement(db, which));
}

void sql_roll_back(struct store_db *db)
{
    free(db->why);
    db->why = mem_strdup(db->handle ? sqlite3_errmsg(db->handle) : "there is no database");
    if (db->handle && !sqlite3_get_autocommit(db->handle))
        sql_run(db, SQL_ROLLBACK);
}

void sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, at);
}

int sql_number(struct store_db *db, enum statement which, int64_t parameter, int64_t *ret)
{
    sqlite3_stmt *statement = sql_statement(db, which);
    int r;

    *ret = 0;
    if (!statement)
        return SQLITE_ERROR;
    if (sqlite3_bind_parameter_count(statement))
        sqlite3_bind_int64(statement, 1, parameter);
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

const char *sql_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text ? text : "";
}

enum verdict sql_verdict(sqlite3_stmt *statement, int column)
{
    int number = sqlite3_column_int(statement, column);

    return number > 0 && number < VERDICT_COUNT ? (enum verdict)number : VERDICT_NONE;
}

int sql_set_meta(struct store_db *db, const char *key, const char *value)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_SET_META);

    if (statement) {
        sql_bind_text(statement, 1, key);
        sql_bind_text(statement, 2, value);
    }
    return sql_finish(statement);
}

char *sql_get_meta(struct store_db *db, const char *key)
{
    sqlite3_stmt *statement;
    char *value = NULL;

    if (sqlite3_prepare_v2(db->handle, "SELECT value FROM meta WHERE key = ?1", -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sql_bind_text(statement, 1, key);
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = mem_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return value;
}

/* Notes are members of meta whose keys begin with this. */
static const char note_prefix[] = "note ";

void store_db_note(struct store_db *db, const char *name, const char *text)
{
    scoped(cleanup_free) char *key = mem_printf("%s%s", note_prefix, name);

    if (db->trouble)
        return;
    if (sql_set_meta(db, key, text) == SQLITE_OK)
        db->unsynced = true;
}

void store_db_each_note(struct store_db *db, void (*each)(const char *name, const char *text, void *user), void *user)
{
    static const char sql[] = "SELECT key, value FROM meta WHERE key >= 'note ' AND key < 'note!' AND value NOT NULL";
    sqlite3_stmt *statement;

    if (!db->handle || sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(statement) == SQLITE_ROW)
        each(sql_text(statement, 0) + strlen(note_prefix), sql_text(statement, 1), user);
    sqlite3_finalize(statement);
}
