/* A verdict that changed: what goes into the store, and from there to sinks and clients of the API. Reference counted,
 * and not changed once it is built. */
#ifndef AGENT_EVALUATOR_TRANSITION_H
#define AGENT_EVALUATOR_TRANSITION_H

#include "agent/model/rule.h"
#include "common/str.h"

struct transition {
    unsigned references;
    uint64_t seq;
    usec_t at, since; /* SINCE: when the finding came to its status */
    usec_t event_at;  /* of the engine's event that led to it; 0: none did */
    /* All strings are owned. RULE is the id in the active benchmark, or the slug where it has none; for the agent's own
     * state (engine lost, events lost …) slug is "agent-…", subject_kind "agent" and status/previous are
     * "ready"/"degraded". */
    char *rule, *slug, *title, *section, *subject_kind, *subject_id, *subject_name, *evidence, *cause, *remedy;
    char *status, *previous; /* names; NULL: gone, new */
    char *extra;             /* what a restart needs besides, as JSON; NULL: nothing */
    enum severity severity;
    enum verdict status_value, previous_value; /* VERDICT_NONE for the agent's own */
    bool is_agent, scored, waived;
    bool initial;  /* found by the first full scan of a new store */
    bool is_entry; /* of the agent's own: what somebody did, see struct entry; status is "done", previous null */
    char *json;    /* the whole transition as one compact JSON object, no newline; its texts are kept as messages */
    size_t json_length;
};

/* What somebody did: an acknowledgement, a scan, a reload, an exception that begins or ends. */
struct entry {
    const char *slug; /* "agent-…" */
    const char *title, *evidence, *cause;
    const char *subject_id, *subject_name; /* NULL: the agent */
    bool has_peer;                         /* it was asked for over the socket: */
    uint32_t uid, login_uid;               /* (uint32_t)-1: unknown, or not of a login */
    const char *why;                       /* NULL: no reason was given */
    const char *configuration;             /* its hash; NULL: that does not matter */
    const char *const *rules;              /* slugs that it concerns; may be NULL */
    size_t rule_count;
};

/* The message "uid 0, login uid 1000": who asked over the socket. */
void entry_append_peer(struct str *out, uint32_t uid, uint32_t login_uid);

struct evaluator;
struct rule_set;
struct subject;
struct pair;

/* Appends JSON, the text of a transition or of a snapshot's finding as it is kept, in LANGUAGE: messages are rendered;
 * title and remedy are RULES' where the rule is still there. What is no such text is appended as it is. */
void transition_render(struct str *out, const char *json, size_t length, enum language language,
                       const struct rule_set *rules);

/* Of a verdict of PAIR that changed. Explains it (by running its check again) unless GONE: then status is null. CAUSE
 * is copied. */
struct transition *transition_from_pair(const struct evaluator *evaluator, const struct subject *subject,
                                        const struct pair *pair, enum verdict previous, uint64_t seq, usec_t at,
                                        const char *cause, bool gone);
/* Of the agent's own state; HOST is the id of the subject. */
struct transition *transition_for_agent(const struct evaluator *evaluator, const char *slug, bool ready,
                                        bool previous_ready, const char *evidence, const char *cause, uint64_t seq,
                                        usec_t at, const char *host);
struct transition *transition_for_entry(const struct evaluator *evaluator, const struct entry *entry, uint64_t seq,
                                        usec_t at);
struct transition *transition_ref(struct transition *transition);
void transition_unref(struct transition *transition);

#endif
