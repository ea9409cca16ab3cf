/* The store of transitions, from the loop: what is appended becomes visible once it is on disk.
 *
 * A process of its own has the database (store_process.h); nothing here blocks but opening and closing. Should that
 * process end, another one takes its place, and gets again what it had not confirmed: transitions, and what was
 * inserted or noted. */
#ifndef AGENT_STORE_EVENT_STORE_H
#define AGENT_STORE_EVENT_STORE_H

#include <event2/event.h>

#include "agent/evaluator/transition.h"
#include "agent/store/store_db.h"
#include "probes/worker/worker.h"

struct event_store;

struct event_store_options {
    struct event_base *base;
    struct workers *workers; /* of BASE */
    const char *path;        /* of the database; its directory exists */
    struct store_limits limits;
    /* From event_store_new(), for each finding that was open and each exec that was closed. */
    void (*finding)(const struct store_finding *finding, void *user);
    /* From event_store_new(): what event_store_note() has been given. NULL is fine. */
    void (*note)(const char *name, const char *text, void *user);
    /* From the loop, in order: TRANSITION is stored. */
    void (*stored)(struct transition *transition, void *user);
    /* From the loop: stream or trouble have changed. */
    void (*state)(void *user);
    void *user;
};

/* 0, -EBUSY: another agent has the store; another negative errno: no process could be made. */
int event_store_new(const struct event_store_options *options, struct event_store **ret, struct error *error);
/* What was appended is on disk when it returns, if that takes no longer than ten seconds; beyond that it takes no
 * longer than one. STORED is not called. NULL is fine. */
void event_store_free(struct event_store *store);

/* Others apply from now on. */
void event_store_set_limits(struct event_store *store, const struct store_limits *limits);

/* Takes a reference. Transitions of one turn of the loop are stored together; those of a burst with what comes within
 * twenty milliseconds. */
void event_store_append(struct event_store *store, struct transition *transition);

/* Remembers TEXT under NAME for the next start; NULL: forgets it. Later than what was appended or inserted before, and
 * earlier than what is after. Nothing comes of it while the disk takes nothing. */
void event_store_note(struct event_store *store, const char *name, const char *text);

uint64_t event_store_last_seq(const struct event_store *store);   /* of those that are stored */
uint64_t event_store_oldest_seq(const struct event_store *store); /* last_seq + 1: there are none */
usec_t event_store_oldest_time(const struct event_store *store);  /* of the same one; 0: there are none */
uint64_t event_store_size(const struct event_store *store);       /* bytes on disk, as of its last second */
const char *event_store_stream(const struct event_store *store);
const char *event_store_trouble(const struct event_store *store); /* NULL: all is well */
unsigned event_store_restarts(const struct event_store *store);   /* of its process */
size_t event_store_waiting(const struct event_store *store);      /* appended and not stored yet */

/* ---- What sinks have to send ---- */

struct event_cursor; /* until event_store_cursors() leaves it out, or event_store_free() */

struct event_cursor_options {
    const char *name; /* the same for the same receiver, whatever else changes */
    struct store_filter filter;
    bool at_end; /* where one that was not there begins: after what is stored, else before it */
    /* From the loop, after event_cursor_read(): what is to be sent next. After the store's process has ended what was
     * read and not confirmed comes once more, with its numbers. */
    void (*items)(const struct store_item *items, size_t count, void *user);
    void *user;
};
/* Makes those cursors the ones that there are; one of the same name goes on where it was, another one begins
 * where its options say. RET: COUNT of them. */
void event_store_cursors(struct event_store *store, const struct event_cursor_options *options, size_t count,
                         struct event_cursor **ret);
/* Asks for about BYTES (at least one record). */
void event_cursor_read(struct event_cursor *cursor, size_t bytes);
void event_cursor_confirm(struct event_cursor *cursor, uint64_t number);
/* What was read and not confirmed is read again; what was asked for is not answered any more. */
void event_cursor_rewind(struct event_cursor *cursor);
/* A record of the sink's own, JSON. While the store's process is away it is kept for the next one, the newest few
 * thousand; of heartbeats the newest. */
void event_cursor_insert(struct event_cursor *cursor, enum store_item_kind kind, const char *json);
bool event_cursor_is_new(const struct event_cursor *cursor);        /* it had not been there */
uint64_t event_cursor_pending(const struct event_cursor *cursor);   /* records not confirmed */
uint64_t event_cursor_lost(const struct event_cursor *cursor);      /* since ever */
uint64_t event_cursor_confirmed(const struct event_cursor *cursor); /* number of the last one */

/* ---- History ---- */

struct event_request;

struct store_page {
    const char *lines; /* of JSON; NULL: the query failed */
    size_t length;
    const char *why; /* it failed */
    uint64_t up_to;  /* the last transition that was looked at: the AFTER of what follows */
    bool more;       /* there is more already */
};
/* From the loop. */
typedef void event_store_answer(const struct store_page *page, void *user);
struct event_request *event_store_query(struct event_store *store, const struct store_query *query,
                                        event_store_answer *done, void *user);
/* DONE will not be called. NULL is fine. */
void event_request_cancel(struct event_request *request);

#endif
