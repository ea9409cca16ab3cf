/* What agentctl watch shows as one: the transitions that one cause brought to one subject. */
#ifndef AGENT_CTL_WATCH_BLOCKS_H
#define AGENT_CTL_WATCH_BLOCKS_H

#include "common/clock.h"
#include "common/json_in.h"
#include "common/map.h"
#include "common/vec.h"

/* What a transition means to whoever watches. */
enum watch_change {
    WATCH_FAILS,
    WATCH_ERROR,  /* it could not be evaluated */
    WATCH_WAIVED, /* it fails, and a waiver covers it */
    WATCH_FIXED,  /* it failed or was an error, and is none now */
    WATCH_CLOSED, /* the same, and its subject is gone */
    WATCH_OTHER,  /* neither was nor is any of these */
    WATCH_CHANGE_COUNT
};

enum { WATCH_SEVERITIES = 4 }; /* low to critical */

struct watch_item {
    enum watch_change change;
    bool was_bad; /* before the first of the transitions that it stands for */
    bool is_gone; /* its subject is */
    int severity; /* 0 low to 3 critical; -1: none */
    char *rule, *status, *evidence;
};

struct watch_block {
    char *cause, *kind, *id, *name; /* CAUSE as the API has it */
    usec_t at;                      /* of its first transition */
    VEC(struct watch_item) items;   /* one for each rule, in order of arrival until watch_blocks_end() */
    size_t counts[WATCH_CHANGE_COUNT], fails[WATCH_SEVERITIES], gone; /* then */
};

struct watch_blocks {
    VEC(struct watch_block *) list;
    struct map *by_key;
    size_t held; /* transitions */
};

/* Adds the transition ROOT to its block, which it may begin. False: so many are held that they must be shown now. */
bool watch_blocks_add(struct watch_blocks *blocks, const struct json *root);
/* Calls SHOW for each block, the worst item first, and empties BLOCKS. */
void watch_blocks_end(struct watch_blocks *blocks, void (*show)(const struct watch_block *block, void *user),
                      void *user);
void watch_blocks_deinit(struct watch_blocks *blocks);

#endif
