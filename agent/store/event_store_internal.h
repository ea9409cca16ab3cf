/* Shared by the files of the loop's side of the store; nobody else includes it. A file calls only those before it here:
 * event_send.c event_receive.c event_cursors.c event_store.c */
#ifndef AGENT_STORE_EVENT_STORE_INTERNAL_H
#define AGENT_STORE_EVENT_STORE_INTERNAL_H

#include <event2/bufferevent.h>

#include "agent/store/event_store.h"
#include "agent/store/store_message.h"
#include "agent/store/store_process.h"
#include "common/vec.h"

struct event_cursor {
    struct event_store *store;
    uint64_t id;
    char *name;
    struct event_cursor_options options;
    size_t wanted; /* bytes that were asked for; 0: nothing */
    bool is_new;
    uint64_t pending, lost, confirmed;
};

struct event_request {
    struct event_store *store;
    int64_t number;
    event_store_answer *done;
    void *user;
};

/* What is inserted for a sink, or noted, until the process has it on disk. */
struct request {
    struct event_cursor *cursor; /* NULL: a note, or the sink is gone */
    enum store_item_kind kind;
    char *name;     /* of a note */
    char *text;     /* JSON; a note's, which may be NULL */
    uint64_t after; /* seq of the last transition that was appended before */
    bool again;     /* another process may have taken it */
};

struct event_store {
    struct event_store_options options;
    char *path;
    struct store_process process;
    pid_t pid;
    struct bufferevent *socket; /* NULL: there is no process */
    struct event *flush, *restart;
    unsigned wait_ms, restarts;
    bool has_stored;                  /* the process, anything */
    bool is_closing;                  /* nobody hears of anything any more */
    VEC(struct transition *) waiting; /* appended, not stored */
    size_t sent;                      /* of WAITING */
    usec_t sent_at;                   /* monotonic */
    bool flush_is_due;                /* FLUSH will be called */
    size_t done;                      /* of WAITING, while they are handed out */
    VEC(struct request) inserted;     /* and noted */
    uint64_t taken;                   /* how many of those the process has told of */
    char stream[STREAM_LENGTH + 1];
    uint64_t last_seq, oldest_seq;
    usec_t oldest_time;
    uint64_t size;
    char *trouble;
    VEC(struct event_cursor *) cursors;
    VEC(struct event_request *) requests;
    uint64_t last_id;
    int64_t last_request;
};

/* event_send.c */
void events_send_frame(struct event_store *store, struct str *frame);
void events_send_waiting(struct event_store *store); /* transitions that it has not got yet */
void events_on_flush(evutil_socket_t fd, short what, void *user);
void events_send_requests(struct event_store *store); /* what was inserted and noted, to another process */
void events_send_cursors(struct event_store *store);
void events_remove_request(struct event_store *store, size_t i);
void events_take_taken(struct event_store *store, struct wire_reader *in); /* which of those it has written down */

/* event_receive.c */
void events_take_state(struct event_store *store, struct wire_reader *in);
void events_take_message(struct event_store *store, enum store_message type, struct wire_reader *in);
void events_fail_requests(struct event_store *store, const char *why);

/* event_cursors.c */
void events_free_cursors(struct event_store *store);

#endif
