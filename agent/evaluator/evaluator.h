/* The incremental engine.
 *
 * Everything is a stale input. evaluator_stale() marks one; the fetcher brings its facts (one fetch in flight per
 * input; an input that goes stale while in flight is fetched once more after); facts that differ mark the (rule,
 * subject) pairs that read them; pairs are evaluated when none of their inputs is waited for; verdicts that differ
 * become transitions. A full scan is evaluator_stale_all(). There is no second path. */
#ifndef AGENT_EVALUATOR_EVALUATOR_H
#define AGENT_EVALUATOR_EVALUATOR_H

#include <event2/event.h>

#include "agent/config/config.h"
#include "agent/evaluator/transition.h"
#include "agent/model/check.h"
#include "probes/worker/worker.h"

struct evaluator;

/* A subject and the state of the rules that judge it. */
struct pair {
    const struct rule *rule;
    usec_t since, checked; /* when this status began; when it was last evaluated */
    usec_t recheck;        /* 0: never by time alone */
    /* There are dozens for each container: these share a word. */
    uint64_t seq : 48; /* of its last transition */
    enum verdict verdict : 8;
    bool waived : 1, attested : 1;
    bool waiting : 1; /* some input is on its way: evaluate when it comes */
};
struct subject {
    enum subject_kind kind;
    char *id, *name; /* host, daemon, swarm: id is the kind's name */
    struct pair *pairs;
    size_t pair_count;
};

struct evaluator_callbacks {
    /* Brings input (KIND, KEY); must end in evaluator_fetched() or evaluator_fetch_failed(), at once or later. */
    void (*fetch)(enum input_kind kind, const char *key, void *user);
    /* A transition. Called from the loop; take a reference to keep it. */
    void (*transition)(struct transition *transition, void *user);
    /* No input is stale or in flight any more. */
    void (*settled)(void *user);
    void *user;
};

/* RULES is handed over. WORKERS of BASE, NULL: what should run in one is done at once. Those, CONFIG (NULL: none) and
 * CLOCK must live as long as the evaluator. */
struct evaluator *evaluator_new(struct event_base *base, struct workers *workers, struct rule_set *rules,
                                const struct config *config, const struct clock *clock,
                                const struct evaluator_callbacks *callbacks);
void evaluator_free(struct evaluator *evaluator);

/* CAUSE: what led to it ("docker:container/start"); the first cause since the last evaluation is what a transition
 * tells. */
void evaluator_stale(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause);
/* An exec was made, says an event of the engine. */
struct exec_event {
    const char *container, *container_name;
    const char *exec_id; /* what the event says, which a label of the container may overwrite; may be NULL */
    const char *command; /* as the event has it; may be NULL */
    int64_t time_nano;
    bool before_start; /* it was made before the agent began to look */
};
void evaluator_exec_made(struct evaluator *evaluator, const struct exec_event *event, const char *cause);
/* Marks all without fetching them: what reads them waits until a full scan comes. */
void evaluator_expect_all(struct evaluator *evaluator, const char *cause);
void evaluator_gone(struct evaluator *evaluator, enum input_kind kind, const char *key,
                    const char *cause);                                   /* the thing does not exist any more */
void evaluator_stale_all(struct evaluator *evaluator, const char *cause); /* every input there is, a full scan */
void evaluator_fetched(struct evaluator *evaluator, enum input_kind kind, const char *key, struct facts *facts);
void evaluator_fetch_failed(struct evaluator *evaluator, enum input_kind kind, const char *key, int number,
                            const char *why);
/* It is to be fetched, or under way. */
bool evaluator_is_pending(const struct evaluator *evaluator, enum input_kind kind, const char *key);
bool evaluator_is_settled(const struct evaluator *evaluator);
/* Images are still being walked or scanned: settled does not wait for that. */
bool evaluator_has_background_work(const struct evaluator *evaluator);
/* The engine cannot be reached: fetches of its inputs wait until it is back (nothing is fetched, nothing becomes pass).
 */
void evaluator_set_engine_reachable(struct evaluator *evaluator, bool reachable);

/* A transition of the agent's own state. SLUG "agent-engine", "agent-events" …; READY or degraded. */
void evaluator_agent_state(struct evaluator *evaluator, const char *slug, bool ready, const char *evidence,
                           const char *cause);
bool evaluator_next_agent_state(const struct evaluator *evaluator, size_t *at, const char **ret_slug,
                                const char **ret_evidence); /* those that are degraded */

/* The wall clock was set: what depends on time is judged anew. */
void evaluator_clock_changed(struct evaluator *evaluator);

/* New rules or configuration: every pair is evaluated again, pairs of rules that are gone are closed. */
void evaluator_set_rules(struct evaluator *evaluator, struct rule_set *rules, const struct config *config);

const struct store *evaluator_store(const struct evaluator *evaluator);
const struct rule_set *evaluator_rules(const struct evaluator *evaluator);
uint64_t evaluator_last_seq(const struct evaluator *evaluator);
uint64_t evaluator_oldest_seq(
    const struct evaluator *evaluator); /* of the transitions kept in memory; last_seq + 1 when there are none */
/* The first kept transition with seq > SEQ, or NULL. Not a new reference. */
struct transition *evaluator_transition_after(const struct evaluator *evaluator, uint64_t seq);

/* Subjects in no particular order but stable while nothing changes. NULL at the end. */
const struct subject *evaluator_next_subject(const struct evaluator *evaluator, size_t *at);
const struct subject *evaluator_find_subject(const struct evaluator *evaluator, enum subject_kind kind, const char *id);
struct pair *subject_pair(const struct subject *subject, const struct rule *rule); /* NULL: RULE does not judge it */
/* Explains a pair now (evidence, facts, remedy) by running its check again. */
void evaluator_explain(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                       struct check_result *result);
/* The waiver that holds for a pair just now, or NULL. */
const struct waiver *evaluator_waiver(const struct evaluator *evaluator, const struct subject *subject,
                                      const struct pair *pair);
/* How many failed findings a waiver covers, whether it has expired or not. */
size_t evaluator_waiver_matches(const struct evaluator *evaluator, const struct waiver *waiver);
/* How many findings an attestation covers that are a person's to judge. */
size_t evaluator_attestation_matches(const struct evaluator *evaluator, const struct attestation *attestation);
/* A rule's own verdict: the worst of its subjects; no subject: not_applicable. COUNTS (may be NULL) by verdict. */
enum verdict evaluator_rule_verdict(const struct evaluator *evaluator, const struct rule *rule,
                                    unsigned counts[VERDICT_COUNT]);
/* Acknowledges an exec finding; -ENOENT when there is no such exec. */
int evaluator_acknowledge(struct evaluator *evaluator, const char *exec_id, const char *by, const char *why);

struct evaluator_counters {
    uint64_t stale[INPUT_KIND_COUNT], fetches[INPUT_KIND_COUNT], failures[INPUT_KIND_COUNT], changed[INPUT_KIND_COUNT];
    uint64_t evaluations, transitions, transitions_by_verdict[VERDICT_COUNT];
};
const struct evaluator_counters *evaluator_counters(const struct evaluator *evaluator);

/* State that survives a restart: seq, and every pair's verdict with since and seq, in STATE_DIR/findings.log, which is
 * locked. To be called once, before anything is stale. An error when the file cannot be read or written, or another
 * agent has it (-EBUSY). */
int evaluator_load_state(struct evaluator *evaluator, const char *state_dir, struct error *error);
/* Writes the file anew if that is due (it is too long, or could not be written before), in a worker. What goes wrong is
 * logged and tried again later. */
void evaluator_save_state(struct evaluator *evaluator);

#endif
