/* What is different between two times: findings that have changed, and the scores. For diff.c alone. */
#ifndef AGENT_CTL_DIFF_STATE_H
#define AGENT_CTL_DIFF_STATE_H

#include "agent/ctl/ctl.h"
#include "common/json_out.h"
#include "common/map.h"

/* In order of badness: a rule's own status is the worst of its findings'. */
enum { GONE, NOT_APPLICABLE, PASS, MANUAL, FAIL, ERROR, STATUS_COUNT };

/* Of a finding at one time. */
struct state {
    int status; /* GONE: it did not exist */
    bool waived;
};

struct change {
    char *line; /* the last transition before UNTIL; NULL: there was none */
    char *slug, *rule, *subject;
    int severity;
    struct state then, until, now;
};

struct diff {
    struct ctl *ctl;
    struct json_out *json; /* NULL: rows are printed */
    struct table *table;   /* of what is printed now */
    usec_t until;          /* 0: now */
    struct map *changes;   /* "slug kind:id" → struct change */
    struct map *counted;   /* slug → struct rule_change */
    bool failed;
    bool began_later; /* the history: what was before its beginning is unknown */
};

struct score {
    unsigned passed, counted; /* rules */
};

void diff_init(struct diff *diff, struct ctl *ctl);
void diff_deinit(struct diff *diff);
/* For ctl_stream_events(): USER is the diff. */
bool diff_take_line(const char *line, size_t length, void *user);
bool diff_is_open(struct state state);
char *diff_key_of(const struct json *finding); /* as in CHANGES; the caller frees */
/* Asks for the counts of now. 0, or the exit status. */
int diff_read_scores(struct diff *diff, struct score *ret_then, struct score *ret_until);

#endif
