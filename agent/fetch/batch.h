/* Things of one kind that are looked at together, in one worker: paths of the host, sources of files.
 *
 * What is added in one turn of the loop, and while a worker runs, goes into the next worker: a burst costs few
 * processes. When a worker fails or takes too long, each of its items is looked at once more in a worker of its own, so
 * that one which hangs (a hard NFS mount whose server is gone) spoils no other; it is remembered, and is not tried
 * again for five minutes, then ten and so on, as a process that waits for such a file system cannot be killed. */
#ifndef AGENT_FETCH_BATCH_H
#define AGENT_FETCH_BATCH_H

#include "probes/facts/wire.h"
#include "probes/worker/worker.h"

struct batch_type {
    const char *what; /* "file system", for errors */
    /* Starts a worker that writes what it finds of each of KEYS (ITEMS are those of the same places), in that order,
     * and reports to DONE. NULL with ERROR. */
    struct worker *(*start)(void *owner, const struct string_list *keys, void *const *items, worker_done *done,
                            void *user, struct error *error);
    /* Does who is asked take nothing just now? Then none of the items is why it takes too long, and all are asked for
     * anew. NULL: it always does. */
    bool (*is_silent)(void *owner);
    /* One item's turn. READER stands
     * at what was found of it; NULL: it could not be looked at, by NUMBER (an errno) and WHY. */
    void (*answer)(void *owner, const char *key, void *item, struct wire_reader *reader, int number, const char *why);
};

struct batch;

/* OWNER is handed to TYPE's functions. */
struct batch *batch_new(struct event_base *base, const struct batch_type *type, void *owner);
/* Kills what runs; nothing is taken any more. NULL is fine. */
void batch_free(struct batch *batch);
/* KEY is copied. ITEM comes back to answer() in a later turn of the loop. */
void batch_add(struct batch *batch, const char *key, void *item);

#endif
