/* What the files of the store's process share; nobody else includes it. A file calls only those before it here:
 * store_sql.c store_overflow.c store_cursor.c store_cursor_trim.c store_cursor_disk.c store_rows.c store_bounds.c
 * store_append.c store_query.c store_db.c */
#ifndef AGENT_STORE_STORE_INTERNAL_H
#define AGENT_STORE_STORE_INTERNAL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "agent/store/store_db.h"
#include "common/vec.h"

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SET_META,
    SQL_INSERT_ROW,
    SQL_SET_FINDING,
    SQL_DELETE_FINDING,
    SQL_CLOSE_EXEC,
    SQL_TRIM_EXECS,
    SQL_COUNT_EXECS,
    SQL_READ_ROWS,
    SQL_FIND_ROWS,
    SQL_COUNT_PASSING,
    SQL_OLDEST,
    SQL_NEWEST,
    SQL_FIRST_YOUNG,
    SQL_PAGES,
    SQL_SPAN,
    SQL_AT,
    SQL_DELETE_ROWS,
    SQL_SET_CURSOR,
    SQL_DELETE_CURSOR,
    SQL_SET_ITEM,
    SQL_DELETE_ITEM,
    SQL_DELETE_ITEMS_OF,
    STATEMENT_COUNT
};

/* The columns of SQL_READ_ROWS. */
enum row_column {
    COLUMN_SEQ,
    COLUMN_AT,
    COLUMN_TYPE,
    COLUMN_SEVERITY,
    COLUMN_STATUS,
    COLUMN_PREVIOUS,
    COLUMN_SLUG,
    COLUMN_SECTION,
    COLUMN_KIND,
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_WAIVED,
    COLUMN_JSON
};

/* Of SQL_FIND_ROWS. */
enum found_column { FOUND_SEQ, FOUND_KIND, FOUND_ID, FOUND_NAME, FOUND_JSON };

/* A row that the disk did not take. Its strings are owned. */
struct overflow {
    struct store_row row;
    size_t bytes;
};

/* A record of a cursor's own, or a transition that was read, is not confirmed, and has gone from the database. */
struct outbox_item {
    enum store_item_kind kind;
    uint64_t id;    /* grows */
    uint64_t after; /* it comes after that transition; of a transition its own seq */
    uint64_t count; /* ITEM_LOST: how many records it stands for, which have the numbers before its own */
    char *json;
    bool in_flight;
    bool unsaved; /* not on disk yet */
};

/* What was read and not confirmed. */
struct in_flight {
    uint64_t number, seq;
    uint64_t item; /* of the outbox; 0: a transition */
};

/* The transitions that a query by time can find: among those from FIRST to LAST. */
struct span {
    usec_t since, until;
    uint64_t disk_seq; /* as it was then */
    uint64_t first, last;
};

struct place {
    uint64_t seq, number;
};

struct place_in_time {
    uint64_t seq;
    usec_t at;
};

struct cursor {
    struct store_db *db;
    char *name;
    struct store_filter filter;
    /* Up to that transition another filter applies. */
    uint64_t changed_at;
    struct store_filter filter_before;
    struct place confirmed, read;
    VEC(struct outbox_item) outbox; /* in the order in which they are read */
    size_t unsaved;                 /* of them */
    VEC(struct in_flight) in_flight;
    VEC(uint64_t) dropped; /* items of the outbox that are on disk still */
    uint64_t pending, lost;
    bool is_counted; /* PENDING is what it should be */
    bool dirty;      /* the disk does not have what is here */
    /* While transitions go, until the transaction is over: what moves to the outbox, and how many go unread. */
    VEC(struct outbox_item) moving;
    uint64_t going;
    struct outbox_item going_item; /* that says so */
    int trim_result;               /* a result code of SQLite */
};

struct store_db {
    char *path;
    sqlite3 *handle;  /* NULL: the store is in memory alone */
    int file, log;    /* what SQLite has open, as O_PATH, whose end releases no locks; -1: unknown */
    bool is_replaced; /* that file has lost its name */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct store_limits limits;
    const struct clock *clock;
    char stream[STREAM_LENGTH + 1];
    uint64_t last_seq;              /* also of those in OVERFLOW */
    uint64_t disk_seq;              /* of those on disk */
    uint64_t oldest;                /* of those on disk; DISK_SEQ + 1: there are none */
    struct place_in_time oldest_at; /* as it was last looked up */
    uint64_t last_item;             /* id in outboxes */
    char *why;                      /* what SQLite said of the last transaction that failed */
    char *trouble;                  /* why the disk takes nothing now */
    char *notice;                   /* what happened to the file when it was opened */
    VEC(struct overflow) overflow;
    size_t overflow_bytes;
    uint64_t tight; /* the bound on bytes that a full disk taught; 0: none */
    usec_t retry;   /* monotonic: the disk is not tried before */
    bool unsynced;
    uint64_t closed_execs; /* on disk, or more than there are */
    bool damaged;
    bool stream_unsaved; /* the disk has another stream */
    char boot[64];       /* of the machine's start */
    bool start_unwritten;
    bool untidy;      /* a bound may not be kept */
    size_t appended;  /* rows since the bounds were last looked at */
    usec_t look;      /* monotonic: when they are looked at again in any case */
    struct span span; /* of the last query */
    VEC(struct cursor *) cursors;
};

/* store_sql.c: SQLite's statements. Functions that return an int return a result code of SQLite. */
/* A negative errno: -EBUSY: another agent's; -EBADMSG: damaged, or not ours. */
int sql_open(struct store_db *db, const char *path, struct error *error);
void sql_close(struct store_db *db);
/* Closes and renames it, and notes that. WHY: "was damaged". */
void sql_set_aside(struct store_db *db, const char *why);
/* TEXT of sqlite3_errmsg() as an argument of a message: a message itself where it is a usual one. */
const char *sql_reason(const char *text);
/* R says that the database is damaged: the next process sets it aside. */
void sql_note_damage(struct store_db *db, int r);
bool sql_take_damage_mark(const struct store_db *db); /* an earlier process has noted damage */
/* The file that is open, or its log, is not the one of that name any more: somebody has removed or replaced it. */
bool sql_is_replaced(struct store_db *db);
/* Then: what is stored is written to a new file of that name; the one that is there now is set aside. False: it cannot
 * be, which is noted, and what is stored stays where nobody else can reach it. */
bool sql_write_anew(struct store_db *db);
sqlite3_stmt *sql_statement(struct store_db *db, enum statement which); /* reset; NULL: SQLite refuses it */
int sql_run(struct store_db *db, enum statement which);                 /* one without parameters */
void sql_roll_back(struct store_db *db);                                /* what is open; notes why in db->why */
int sql_finish(sqlite3_stmt *statement); /* steps to the end and resets; NULL: an error */
int sql_number(struct store_db *db, enum statement which, int64_t parameter, int64_t *ret); /* 0 where there is none */
int sql_set_meta(struct store_db *db, const char *key, const char *value);
char *sql_get_meta(struct store_db *db, const char *key); /* NULL: there is none; the caller frees */
void sql_bind_text(sqlite3_stmt *statement, int at, const char *text);
const char *sql_text(sqlite3_stmt *statement, int column);     /* NULL becomes "" */
enum verdict sql_verdict(sqlite3_stmt *statement, int column); /* VERDICT_NONE: also for a number of no verdict */

/* store_cursor.c */
void cursor_free(struct cursor *cursor);
bool cursor_passes_row(const struct cursor *cursor, const struct store_row *row);
struct outbox_item cursor_make_item(struct cursor *cursor, enum store_item_kind kind, uint64_t after, const char *json);
void cursor_put_item(struct cursor *cursor, struct outbox_item item);               /* into its outbox, in order */
int cursor_write_item(const struct cursor *cursor, const struct outbox_item *item); /* within a transaction */

/* store_cursor_trim.c */
/* Calls EACH for the transitions of the store that are after FROM and not after TO. */
void cursor_each_row(struct store_db *db, uint64_t from, uint64_t to,
                     void (*each)(struct cursor *cursor, const struct store_row *row), struct cursor *cursor);
int cursors_load(struct store_db *db);
/* ROW, the newest, is stored. */
void cursors_appended(struct store_db *db, const struct store_row *row);
int cursors_save(struct store_db *db); /* within a transaction */
void cursors_saved(struct store_db *db);
/* The transitions up to SEQ go, in the transaction that is open: what cursors have still to send of them is lost, and
 * said. Nothing of it counts before cursors_trimmed(). */
int cursors_trim(struct store_db *db, uint64_t seq);
void cursors_trimmed(struct store_db *db, bool done); /* DONE: the transaction was completed */

/* store_overflow.c */
bool overflow_has_room(const struct store_db *db, const struct store_row *row);
void overflow_push(struct store_db *db, const struct store_row *row);
void overflow_drop(struct store_db *db, size_t count); /* the oldest */
void overflow_clear(struct store_db *db);
const struct store_row *overflow_after(const struct store_db *db, uint64_t seq); /* NULL: there is none */

/* store_rows.c */
/* One transaction, with what cursors have to save. Nothing of it counts unless the result is SQLITE_OK. */
int store_rows(struct store_db *db, const struct store_row *rows, size_t count);

/* store_bounds.c */
struct pages {
    uint64_t size, used, free; /* bytes of one; how many */
};
struct pages bounds_pages(struct store_db *db);
int bounds_trim(struct store_db *db, uint64_t seq); /* the transitions up to SEQ go; the newest stays */
void bounds_look(struct store_db *db);              /* store_db_tidy() has something to look at */

/* store_append.c */
void append_prepare(struct store_db *db); /* for the room that the disk has */
/* The disk has no room even to write down that the store is open: what it has can be read, and what comes is kept in
 * memory. SQLITE_OK. */
int append_begin_without_room(struct store_db *db);
/* That the store is open, since which start of the machine; a result code of SQLite. */
int store_db_write_start(struct store_db *db);
void append_retry(struct store_db *db); /* what the disk did not take is offered to it again, if its time has come */

/* store_query.c */
usec_t query_time_of(struct store_db *db, uint64_t seq); /* of a transition on disk; 0: it is not there */

/* store_db.c */
void stream_begin(struct store_db *db); /* another one; not on disk yet */

#endif
