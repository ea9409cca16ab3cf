/* What the two sides of watching send each other: the length of a message as a number of eight bytes, and its fields
 * (probes/facts/wire.h), of which the first one is its kind. */
#ifndef PROBES_ROLES_WATCHING_INTERNAL_H
#define PROBES_ROLES_WATCHING_INTERNAL_H

#include <event2/buffer.h>

#include "probes/facts/wire.h"

enum watching_message {
    /* To the process. */
    WATCHING_ADD = 1, /* number, scope, path */
    WATCHING_DROP,    /* number */
    WATCHING_RETRY,
    WATCHING_MOUNTS, /* everything, points */
    WATCHING_BEGIN,  /* container id, data root, find */
    WATCHING_END,    /* container id */
    WATCHING_FENCE,  /* number, which comes back */
    /* From it. */
    WATCHING_CHANGED,  /* number */
    WATCHING_RECORD,   /* container id */
    WATCHING_UNSEEN,   /* container id: its record cannot be watched */
    WATCHING_COUNTERS, /* those of struct watcher_counters */
};
enum { WATCHING_MESSAGE_MAX = 8 << 20, WATCHING_POINTS_MAX = 65536 };

void watching_put(struct evbuffer *out, const struct str *message);
/* The next message's fields, for READER, which points into TEXT. 0: there is none yet; 1: there is; -EPROTO: no such
 * message. */
int watching_take(struct evbuffer *in, struct arena *arena, struct str *text, struct wire_reader *reader);

#endif
