/* The agent's state as JSON documents: the bodies of the query API, and what --once prints. Pure reading. */
#ifndef AGENT_VIEW_H
#define AGENT_VIEW_H

#include "agent/agent.h"

/* Findings of one answer end with the one that makes them longer than this: "next" says where to go on. */
enum { VIEW_PAGE_BYTES = 1024 * 1024 };

struct finding_filter {
    const char *rule; /* id or slug */
    const char *section;
    unsigned statuses;   /* bits 1 << VERDICT_…; 0: all */
    unsigned severities; /* bits; 0: all */
    const char *subject; /* id, id prefix (12 hex or more) or name */
    int kind;            /* subject kind, -1: all */
    int waived;          /* -1: all */
    size_t limit;        /* 0: 1,000 */
    size_t bytes;        /* of all that is written; 0: any number */
    const char *after;   /* the "next" of the answer before */
};

void view_status(const struct agent_view *view, struct json_out *out);
void view_rules(const struct agent_view *view, struct json_out *out);
int view_rule(const struct agent_view *view, const char *rule, struct json_out *out, struct error *error); /* -ENOENT */
int view_findings(const struct agent_view *view, const struct finding_filter *filter, struct json_out *out,
                  struct error *error);
/* The members of one finding, into an open object. RESULT: what the check said when explained. GONE: its subject went
 * away, the status is null. */
void view_finding(const struct engine *engine, enum language language, const struct subject *subject,
                  const struct pair *pair, struct check_result *result, bool gone, struct json_out *out);
/* ready, and if not why: appends reasons to an open array. */
bool view_health(const struct agent_view *view, struct json_out *out);

struct score {
    double value; /* 0–100 over scored rules */
    unsigned passed, counted;
    unsigned counts[VERDICT_COUNT]; /* of rules, by their own verdict */
    unsigned waived;
};
void view_score(const struct engine *engine, struct score *ret);
/* --once: text for people, or json. FORMAT is checked by the caller. */
void view_once_text(const struct agent_view *view, struct str *out);

#endif
