/* The store on disk, as its process sees it: transitions, the state of findings, and the cursors of sinks in one SQLite
 * database. Everything here may block.
 *
 * WAL with synchronous=NORMAL: a killed agent loses nothing that was committed. A power cut may take the transactions
 * since the last checkpoint, which comes within a second after the last one (store_db_sync()); when the machine has
 * been started since and the agent had not been stopped in order, a new stream begins, so that no number means two
 * things.
 *
 * A disk that takes no more: the oldest transitions go, and what they occupied is used again. When not even that helps,
 * new transitions are kept in memory (bounded) under a stream of their own until the disk takes them again. */
#ifndef AGENT_STORE_STORE_DB_H
#define AGENT_STORE_STORE_DB_H

#include "agent/model/verdict.h"
#include "agent/store/store_row.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/str.h"

enum { STREAM_LENGTH = 36 }; /* of a UUID in text */

struct store_limits {
    uint64_t bytes; /* of the database; 0: no limit */
    usec_t age;     /* of a transition; 0: no limit */
};

struct store_db;

/* Opens or makes PATH. A file that is damaged or of another program is set aside as PATH.broken-TIME, and a new one
 * begun. CLOCK must live as long as the store. 0, -EBUSY when another agent has it; any other failure leaves a store in
 * memory and is its trouble. */
int store_db_open(const char *path, const struct store_limits *limits, const struct clock *clock, struct store_db **ret,
                  struct error *error);
/* The same; BOOT_ID is the file that names the start of the machine. */
int store_db_open_after_boot(const char *path, const char *boot_id, const struct store_limits *limits,
                             const struct clock *clock, struct store_db **ret, struct error *error);
/* The database turned out to be damaged: the process has to end; the next one sets the file aside. */
bool store_db_is_damaged(const struct store_db *db);
/* In order: what a later power cut could take is on disk. NULL is fine. */
void store_db_close(struct store_db *db);

/* Others apply from now on. */
void store_db_set_limits(struct store_db *db, const struct store_limits *limits);
/* One step, of a few milliseconds, towards the limits: the oldest transitions go, and the file shrinks. */
void store_db_tidy(struct store_db *db);
bool store_db_is_tidy(const struct store_db *db); /* there is nothing left of that */

const char *store_db_stream(const struct store_db *db);
uint64_t store_db_last_seq(const struct store_db *db);
uint64_t store_db_oldest_seq(const struct store_db *db); /* of the transitions kept; last_seq + 1: there are none */
usec_t store_db_oldest_time(struct store_db *db);        /* of the same one; 0: there are none */
uint64_t store_db_size(const struct store_db *db);       /* bytes on disk, with the log */
/* Why new transitions are not on disk, or what happened to the file; NULL: all is well. */
const char *store_db_trouble(const struct store_db *db);

/* One transaction. Rows whose seq is not above the last are passed over: they were stored before. */
void store_db_append(struct store_db *db, const struct store_row *rows, size_t count);
/* Stores what cursor_insert() was given since, in one transaction. */
void store_db_flush(struct store_db *db);
/* Brings to the disk what a power cut could take, and tries a disk again that took nothing. */
void store_db_sync(struct store_db *db);
/* There is something left to sync, or the disk takes nothing. */
bool store_db_is_behind(const struct store_db *db);

/* Calls EACH for every finding that is open, and for every closed exec (status VERDICT_NONE). Strings are valid during
 * the call. */
void store_db_each_finding(struct store_db *db, void (*each)(const struct store_finding *finding, void *user),
                           void *user);

/* Something to be remembered with the store: TEXT under NAME (NULL: it is forgotten). Lost where the disk takes
 * nothing. */
void store_db_note(struct store_db *db, const char *name, const char *text);
/* Strings are valid during the call. */
void store_db_each_note(struct store_db *db, void (*each)(const char *name, const char *text, void *user), void *user);

/* What a sink lets through. */
struct store_filter {
    enum severity min_severity;
    unsigned statuses; /* bits 1 << VERDICT_…, of the status or the previous one */
};

enum store_item_kind { ITEM_TRANSITION, ITEM_HEARTBEAT, ITEM_SNAPSHOT, ITEM_SNAPSHOT_END, ITEM_LOST, ITEM_KIND_COUNT };

/* Something that a sink has to send. */
struct store_item {
    enum store_item_kind kind;
    uint64_t number;  /* of the sink's records */
    uint64_t seq;     /* of a transition; of the others: of the one before it */
    uint64_t lost;    /* ITEM_LOST: how many records it stands for; they have the numbers before its own */
    const char *json; /* ITEM_LOST: "" */
};

struct cursor;

/* The cursor NAME, made (RET_NEW) where it reads what is after AFTER if there was none. Until store_db_close(). */
struct cursor *cursor_open(struct store_db *db, const char *name, const struct store_filter *filter, uint64_t after,
                           bool *ret_new);
/* Another filter applies from the next record on that is read. */
void cursor_set_filter(struct cursor *cursor, const struct store_filter *filter);
/* All other cursors than NAMES go. */
void cursor_keep_only(struct store_db *db, const char *const *names, size_t count);
/* Calls EACH for what is to be sent next, at most about LIMIT bytes of it. False: there is no more. */
bool cursor_read(struct cursor *cursor, size_t limit, void (*each)(const struct store_item *item, void *user),
                 void *user);
/* Everything up to NUMBER has arrived. */
void cursor_confirm(struct cursor *cursor, uint64_t number);
/* What has been read and not confirmed is read again. */
void cursor_rewind(struct cursor *cursor);
/* Puts a record of its own where the cursor reads now; one of a snapshot, which is newer than what is stored, after the
 * newest transition. It is not read before store_db_flush(). A heartbeat takes the place of one that was not read yet.
 */
void cursor_insert(struct cursor *cursor, enum store_item_kind kind, const char *json);
/* Such a record has been inserted and not read yet. */
bool cursor_has_unread(const struct cursor *cursor, enum store_item_kind kind, const char *json);
uint64_t cursor_pending(const struct cursor *cursor); /* records that are not confirmed */
uint64_t cursor_lost(const struct cursor *cursor);    /* records that went before they were sent, since ever */
uint64_t cursor_number(const struct cursor *cursor);  /* of the last one confirmed */

enum { STORE_PAGE_BYTES = 256 * 1024 }; /* of an answer to a query, about */

struct store_query {
    uint64_t after;                    /* seq */
    usec_t since, until;               /* 0: no bound; UNTIL itself is not included */
    const char *slug, *section, *kind; /* NULL: any */
    const char *subject;               /* as subject_filter_matches() takes it; NULL: any */
    unsigned statuses, severities;     /* bits; 0: any. A status that is come to or left */
    unsigned waived;                   /* bits 1 << true, 1 << false, as it is afterwards; 0: either */
    size_t count;                      /* of transitions; 0: any number */
    size_t limit;                      /* bytes of output; 0: 256 KiB */
};
/* Appends matching transitions as lines of JSON, in order. RET_UP_TO: the last one that was looked at, which is AFTER
 * of what follows. RET_MORE: there is more already. */
int store_db_query(struct store_db *db, const struct store_query *query, struct str *out, uint64_t *ret_up_to,
                   bool *ret_more, struct error *error);

#endif
