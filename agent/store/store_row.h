/* What is stored of a transition, and what a restart needs of a finding. */
#ifndef AGENT_STORE_STORE_ROW_H
#define AGENT_STORE_STORE_ROW_H

#include "agent/model/verdict.h"
#include "common/clock.h"

enum store_row_type {
    ROW_FINDING,
    ROW_AGENT, /* the agent's own state */
    ROW_ENTRY, /* what somebody did: an acknowledgement, a reload … */
    ROW_TYPE_COUNT
};

struct store_row {
    uint64_t seq;
    usec_t at, since;
    enum store_row_type type;
    enum severity severity;
    enum verdict status, previous;                 /* VERDICT_NONE: gone, new; of the agent's own state none */
    bool waived;                                   /* as it is at the end of the transition */
    const char *slug, *section, *kind, *id, *name; /* SECTION may be NULL; KIND, ID and NAME are the subject's */
    const char *extra;                             /* of an exec: what a restart needs, JSON; NULL: nothing */
    const char *json;                              /* the transition */
};

struct store_finding {
    const char *slug, *kind, *id, *name, *extra;
    enum verdict status; /* VERDICT_NONE: an exec that is closed */
    bool waived;
    uint64_t seq;
    usec_t since;
};

#endif
