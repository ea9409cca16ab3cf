/* The evaluator: from facts that change to findings that change.
 *
 * Everything is a stale input. evaluator_stale() marks one; the fetcher brings its facts (one fetch in flight per
 * input; an input that goes stale while in flight is fetched once more after); facts that differ mark the (rule,
 * subject) pairs that read them; pairs are evaluated when none of their inputs is waited for; verdicts that differ
 * become transitions. A full scan is evaluator_stale_all(). There is no second path. */
#ifndef AGENT_EVALUATOR_EVALUATOR_H
#define AGENT_EVALUATOR_EVALUATOR_H

#include <event2/event.h>
#include <sys/queue.h>

#include "agent/config/config.h"
#include "agent/evaluator/transition.h"
#include "agent/model/check.h"
#include "common/str.h"
#include "probes/worker/worker.h"

struct evaluator;

/* A rule and a subject that it judges. */
struct pair {
    const struct rule *rule;
    usec_t since, checked; /* when this status began; when it was last evaluated */
    usec_t recheck;        /* 0: never by time alone */
    /* There are dozens of pairs per container: these members share 64 bits. */
    uint64_t seq : 48; /* of its last transition */
    enum verdict verdict : 4;
    enum verdict reported : 4; /* what that transition said; VERDICT_NONE: none was made, or it ended the finding */
    bool waived : 1, attested : 1;
    bool waiting : 1;   /* some input is on its way: evaluate when it comes */
    bool postponed : 1; /* to be evaluated in a later turn of the loop */
};

/* What is judged: a container, the host … */
struct subject {
    enum subject_kind kind;
    char *id, *name; /* host, daemon, swarm: id is the kind's name */
    struct pair *pairs;
    size_t pair_count;
    const struct exclusion *excluded; /* of the configuration; NULL: it is judged */
    char *postponed_for;              /* the cause; NULL: none of its pairs is postponed */
    usec_t postponed_event_at;        /* see struct transition */
    TAILQ_ENTRY(subject) later;
};

struct evaluator_callbacks {
    /* Fetches input (KIND, KEY); must end in evaluator_fetched() or evaluator_fetch_failed(), at once or later. */
    void (*fetch)(enum input_kind kind, const char *key, void *user);
    /* A transition. Called from the loop; take a reference to keep it. */
    void (*transition)(struct transition *transition, void *user);
    /* No input is stale or in flight any more. */
    void (*settled)(void *user);
    /* To be kept for evaluator_restore_note() at the next start: TEXT under NAME; NULL: not any more (may be NULL). */
    void (*note)(const char *name, const char *text, void *user);
    /* Which engine the transitions from now on are of has become known, or has changed (may be NULL). */
    void (*engine)(const char *engine, void *user);
    void *user;
};

/* RULES is handed over. WORKERS of BASE, NULL: what should run in one is done at once. Those, CONFIG (NULL: none) and
 * CLOCK must live as long as the evaluator. */
struct evaluator *evaluator_new(struct event_base *base, struct workers *workers, struct rule_set *rules,
                                const struct config *config, const struct clock *clock,
                                const struct evaluator_callbacks *callbacks);
void evaluator_free(struct evaluator *evaluator);

/* ---- Whose findings these are ---- */

struct evaluator_identity {
    const char *machine; /* "": the host has no machine id */
    const char *engine;  /* that findings were of before this start; NULL: there were none */
    const char *address; /* of the engine: its id where it has none, or cannot be asked */
    bool is_current;     /* ENGINE is what had this address: nothing has to wait until it says so again */
};
/* Before anything is stale. Without it machine and engine are "". Unless the engine is known, transitions wait until it
 * has said what its id is, or cannot be asked. When it turns out to be another one than findings were reported of, they
 * all end with a transition, under the old identity, and are reported anew. */
void evaluator_set_identity(struct evaluator *evaluator, const struct evaluator_identity *identity);
const char *evaluator_engine(const struct evaluator *evaluator);

/* The uid of a finding: a UUID of version 5 (RFC 9562: SHA-1) of machine, engine, SLUG, KIND and ID of the subject,
 * with an octet 0x1f between them, in the namespace 888fb8f8-0b23-4ff9-a4f6-b297cabd6e0b. */
enum { UID_SIZE = 37 }; /* with the NUL */
void evaluator_uid(const struct evaluator *evaluator, const char *slug, const char *kind, const char *id,
                   char ret[UID_SIZE]);

/* The container with that id is not judged: it is the agent's own. Before anything is stale. Lists that count
 * containers count it all the same, and others that share its namespaces are judged by what it has. */
void evaluator_leave_out(struct evaluator *evaluator, const char *container);
/* It, where the engine has such a container: its id and name. */
bool evaluator_left_out(const struct evaluator *evaluator, const char **ret_id, const char **ret_name);

/* The next subject that the configuration excludes, or NULL; *AT begins with 0. */
const struct subject *evaluator_next_excluded(const struct evaluator *evaluator, size_t *at);

/* Whether what is found from now on because of the start (cause "start") is what the first full scan of a new store
 * found. */
void evaluator_set_initial(struct evaluator *evaluator, bool initial);
bool evaluator_is_initial(const struct evaluator *evaluator);

/* Findings that are open with one status (fail, error, manual) and severity, as the transitions so far have said. */
struct open_findings {
    uint64_t count;
    uint64_t digest; /* the sum of finding_digest() of each, modulo 2^56 */
};
struct open_findings evaluator_open(const struct evaluator *evaluator, enum verdict status, enum severity severity);
/* Changes when those have changed without transitions: rules have another severity. */
unsigned evaluator_open_generation(const struct evaluator *evaluator);
#define FINDING_DIGEST_MASK ((UINT64_C(1) << 56) - 1)
enum { FINDING_DIGEST_DIGITS = 14 }; /* in hexadecimal */
/* The first 56 bits of the SHA-256 of SLUG, KIND, ID and STATUS, with an octet 0x1f between them. */
uint64_t finding_digest(const char *slug, const char *kind, const char *id, const char *status);
/* Findings by status and severity of their rule. */
void evaluator_count(const struct evaluator *evaluator, unsigned ret[VERDICT_COUNT][SEVERITY_COUNT]);
/* Everything was evaluated since the start, and what was known before it was found again or closed. */
bool evaluator_is_complete(const struct evaluator *evaluator);

/* What is known of input (KIND, KEY) may have changed: it is fetched in the loop's next turn. KEY: NULL for inputs that
 * exist once. CAUSE: what led to it ("docker:container/start"), copied; a transition names the first cause since the
 * input was last fetched. */
void evaluator_stale(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause);
/* What is reported by the functions here from now on follows from an event of the engine at AT; 0: from none. */
void evaluator_set_event_time(struct evaluator *evaluator, usec_t at);
/* The engine's event that an exec was created. */
struct exec_event {
    const char *container, *container_name;
    const char *exec_id; /* as in the event, where a label of the container may overwrite it; may be NULL */
    const char *command; /* as in the event; may be NULL */
    int64_t time_nano;   /* of the event, since 1970 */
    bool before_start;   /* replayed: the exec was created before the agent started */
};
void evaluator_exec_made(struct evaluator *evaluator, const struct exec_event *event, const char *cause);
/* Marks all inputs stale without fetching them: the pairs that read them wait for evaluator_stale_all(). */
void evaluator_expect_all(struct evaluator *evaluator, const char *cause);
/* The container, image or exec KEY does not exist any more: its findings are closed. */
void evaluator_gone(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause);
/* A full scan: every input is fetched again. */
void evaluator_stale_all(struct evaluator *evaluator, const char *cause);
/* What the engine could not answer is asked for again now, and not only after its pause; not all of it at once. */
void evaluator_retry_failed(struct evaluator *evaluator);
/* The two ends of a fetch; without one under way they do nothing. FACTS is handed over. NUMBER: an errno; ENOTCONN: the
 * connection was lost, the input stays stale; ENOENT, ESRCH: the thing or its process does not exist; ENODATA, EREMOTE:
 * there is nothing to be asked, or not from here; EACCES: the engine refuses. After any other failure, and more slowly
 * after a refusal, what the engine answers is asked for again. WHY becomes the evidence of an error. */
void evaluator_fetched(struct evaluator *evaluator, enum input_kind kind, const char *key, struct facts *facts);
void evaluator_fetch_failed(struct evaluator *evaluator, enum input_kind kind, const char *key, int number,
                            const char *why);
/* Is it stale or in flight? */
bool evaluator_is_pending(const struct evaluator *evaluator, enum input_kind kind, const char *key);
/* Is no input stale or in flight? Those in the background (images that are walked or scanned) do not count. */
/* An answer of the fetcher's is expected: the thing has not gone meanwhile. */
bool evaluator_is_fetching(const struct evaluator *evaluator, enum input_kind kind, const char *key);
bool evaluator_is_settled(const struct evaluator *evaluator);
bool evaluator_has_background_work(const struct evaluator *evaluator);
/* Is there something to evaluate in later turns of the loop that nothing holds up? */
bool evaluator_has_postponed(const struct evaluator *evaluator);
/* While the engine cannot be reached, its inputs are not fetched and findings keep their status; those that never had a
 * value become errors. */
void evaluator_set_engine_reachable(struct evaluator *evaluator, bool reachable);

/* Whoever takes the transitions has enough of them for now: what is not urgent is evaluated when HELD ends. */
void evaluator_hold(struct evaluator *evaluator, bool held);

/* A transition of the agent's own state. SLUG "agent-engine", "agent-events" …; READY or degraded. */
void evaluator_agent_state(struct evaluator *evaluator, const char *slug, bool ready, const char *evidence,
                           const char *cause);
/* The same for what was degraded before this start, and is not known to be so any more. */
void evaluator_agent_state_ended(struct evaluator *evaluator, const char *slug, const char *evidence);
/* A transition for what somebody did. */
void evaluator_entry(struct evaluator *evaluator, const struct entry *entry);
/* What is degraded. AT: 0 at first. False at the end. */
bool evaluator_next_agent_state(const struct evaluator *evaluator, size_t *at, const char **ret_slug,
                                const char **ret_evidence);

/* The wall clock was set: every pair is evaluated again. */
void evaluator_clock_changed(struct evaluator *evaluator);

/* New rules or configuration: every pair is evaluated again, pairs of rules that do not exist any more are closed.
 * RULES is handed over, the old rules are freed; CONFIG must live as long as the evaluator or until the next call. */
void evaluator_set_rules(struct evaluator *evaluator, struct rule_set *rules, const struct config *config);

const struct store *evaluator_store(const struct evaluator *evaluator);
const struct rule_set *evaluator_rules(const struct evaluator *evaluator);
uint64_t evaluator_last_seq(const struct evaluator *evaluator);
/* Subjects in no particular order but stable while nothing changes. NULL at the end. */
const struct subject *evaluator_next_subject(const struct evaluator *evaluator, size_t *at);
const struct subject *evaluator_find_subject(const struct evaluator *evaluator, enum subject_kind kind, const char *id);
struct pair *subject_pair(const struct subject *subject, const struct rule *rule); /* NULL: RULE does not judge it */
/* Explains a pair now (evidence, facts, remedy) by running its check again. RESULT is clear and gets the verdict that
 * the pair has; where the facts there are now come to another one, it says only that the pair is being evaluated again.
 */
void evaluator_explain(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                       struct check_result *result);
/* The waiver that covers a failed pair and has not expired, or NULL. */
const struct waiver *evaluator_waiver(const struct evaluator *evaluator, const struct subject *subject,
                                      const struct pair *pair);
/* The attestation that a pair's status is from, or NULL. */
const struct attestation *evaluator_attestation(const struct evaluator *evaluator, const struct subject *subject,
                                                const struct pair *pair);
/* How many failed findings a waiver covers, whether it has expired or not. */
size_t evaluator_waiver_matches(const struct evaluator *evaluator, const struct waiver *waiver);
/* How many findings an attestation covers that would be manual without it. */
size_t evaluator_attestation_matches(const struct evaluator *evaluator, const struct attestation *attestation);
/* A rule's own verdict: the worst of its subjects; no subject: not_applicable; error while it was not judged yet, or it
 * is unknown which subjects there are. COUNTS (may be NULL) by verdict. */
enum verdict evaluator_rule_verdict(const struct evaluator *evaluator, const struct rule *rule,
                                    unsigned counts[VERDICT_COUNT]);
/* Why the rule's own verdict is an error though no finding of it is; false: it is not so. */
bool evaluator_rule_why(const struct evaluator *evaluator, const struct rule *rule, struct str *ret_why);
/* How many of the rule's failed findings a waiver covers just now. */
unsigned evaluator_rule_waived(const struct evaluator *evaluator, const struct rule *rule);
/* The subject of the exec finding that WANTED names: its id or the first 12 digits or more of it, or the id of one of
 * its execs. NULL: there is none, or more than one. */
const char *evaluator_find_exec(const struct evaluator *evaluator, const char *wanted);
/* Acknowledges an exec finding, by UID in a session of LOGIN_UID ((uint32_t)-1: none); -ENOENT when there is no such
 * exec. */
int evaluator_acknowledge(struct evaluator *evaluator, const char *exec_id, uint32_t uid, uint32_t login_uid,
                          const char *why);

/* Execs of one container with the same command, user and privileged flag are one finding. */
struct exec_counts {
    size_t open, acknowledged; /* an acknowledged one is kept to be opened again */
    uint64_t dropped;          /* findings that ended since there were too many, since the start */
    usec_t dropped_at;         /* the last one; 0: none */
};
enum { EXEC_GROUPS_MAX = 1000 }; /* open and acknowledged ones */
struct exec_counts evaluator_exec_counts(const struct evaluator *evaluator);

struct evaluator_counters {
    uint64_t stale[INPUT_KIND_COUNT], fetches[INPUT_KIND_COUNT], failures[INPUT_KIND_COUNT], changed[INPUT_KIND_COUNT];
    uint64_t evaluations, transitions, transitions_by_verdict[VERDICT_COUNT];
    uint64_t exec_steps; /* execs that were looked at to match one with its record */
    uint64_t indexed;    /* entries of lists that were gone through to see what the engine still lists */
};
const struct evaluator_counters *evaluator_counters(const struct evaluator *evaluator);

/* What was known before this start, of one finding that was open; VERDICT_NONE: of an exec whose finding was closed.
 * EXTRA: the transition's. */
struct restored_finding {
    const char *slug, *kind, *id, *name, *extra;
    enum verdict status;
    bool waived;
    uint64_t seq;
    usec_t since;
};
/* What was given to the callback note(), before evaluator_restored(). False: it was not. */
bool evaluator_restore_note(struct evaluator *evaluator, const char *name, const char *text);
/* At the end: what would be noted within the next second. */
void evaluator_write_notes(struct evaluator *evaluator);
/* To be called for each finding, then evaluator_restored() once, before anything is stale. */
void evaluator_restore(struct evaluator *evaluator, const struct restored_finding *finding);
void evaluator_restored(struct evaluator *evaluator, uint64_t last_seq);

#endif
