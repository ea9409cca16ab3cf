/* What the agent and the store's process say to each other: frames of a length, a type and numbers and texts in a fixed
 * order (probes/facts/wire.h). Both sides are one program; what the process sends has been on a disk that others may
 * have written, so it is checked. */
#ifndef AGENT_STORE_STORE_MESSAGE_H
#define AGENT_STORE_STORE_MESSAGE_H

#include "agent/store/store_db.h"
#include "probes/facts/wire.h"

enum store_message {
    /* to the process */
    STORE_APPEND,  /* rows */
    STORE_CURSORS, /* those that there are: id, name and filter of each */
    STORE_READ,    /* id, bytes: answered with STORE_ITEMS as soon as there is something */
    STORE_CONFIRM, /* id, number */
    STORE_INSERT,  /* id, kind, whether a process before may have taken it, JSON */
    STORE_QUERY,   /* number of the request, query */
    STORE_LIMITS,  /* bytes, age */
    STORE_NOTE,    /* name, text; NULL: it is forgotten. From it at the beginning: each that there is */
    /* from it */
    STORE_FINDING, /* at the beginning: what a restart needs */
    STORE_STATE,   /* last and oldest seq, time of the oldest, size, stream, trouble; also once after all findings */
    STORE_CURSOR,  /* id, new, pending, lost, number: of each in STORE_CURSORS, and whenever they change */
    STORE_ITEMS,   /* id, items */
    STORE_TAKEN,   /* how many inserts and notes of this connection are on disk, as far as it takes anything */
    STORE_LINES,   /* number of the request, up to, more, error, lines */
    STORE_FAILED,  /* errno, text: the store could not be opened; the process ends */
    STORE_MESSAGE_COUNT
};

enum { STORE_FRAME_MAX = 64 * 1024 * 1024 };

/* Begins a frame at the end of OUT; store_frame_end() with its result completes it. */
size_t store_frame_begin(struct str *out, enum store_message type);
void store_frame_end(struct str *out, size_t begin);

/* The first frame of DATA: 1 with its payload and the bytes that it takes, 0: it is not complete, -EPROTO. */
int store_frame_next(const char *data, size_t length, enum store_message *ret_type, struct wire_reader *ret_payload,
                     size_t *ret_taken);

void store_put_row(struct str *out, const struct store_row *row);
void store_get_row(struct wire_reader *reader, struct store_row *ret);
void store_put_finding(struct str *out, const struct store_finding *finding);
void store_get_finding(struct wire_reader *reader, struct store_finding *ret);
void store_put_item(struct str *out, const struct store_item *item);
void store_get_item(struct wire_reader *reader, struct store_item *ret);
void store_put_query(struct str *out, const struct store_query *query);
void store_get_query(struct wire_reader *reader, struct store_query *ret);

#endif
