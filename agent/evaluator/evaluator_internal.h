/* What the files of the evaluator share; no other room includes it.
 *
 * An input goes stale (inputs.c) and is fetched; what came of it (fetched.c) may lead to other inputs (follow.c) and
 * concerns the pairs that read it (affected.c); those are evaluated (evaluate.c), and a verdict that differs is a
 * transition (emit.c). When nothing is on its way the evaluator has settled (settle.c); time alone has its timer
 * (recheck.c).
 *
 * A file calls only those above it in this list, which is the order of the declarations below:
 *   identity tally restored open subjects exceptions pending inputs joins
 *                                                               what is known
 *   transition finding explain transition_build                 one finding, and how its change is described
 *   emit evaluate slices                                        from a changed verdict to a transition
 *   unlisted exec_groups exec_found execs affected room gone exec_notes exec_bounds complete missing
 *                                                               what an input's coming or going means
 *   recheck restore agent_state another_engine retry settle     time, what was known before, the end of the work
 *   evaluator follow fetched query                        the public entry points
 */
#ifndef AGENT_EVALUATOR_EVALUATOR_INTERNAL_H
#define AGENT_EVALUATOR_EVALUATOR_INTERNAL_H

#include <sys/queue.h>

#include "agent/evaluator/evaluator.h"
#include "agent/model/check.h"
#include "common/log.h"
#include "common/vec.h"

/* One input: what is known of its freshness. Its facts are in the store. */
struct input {
    enum input_kind kind;
    char *key; /* "" for inputs that exist once */
    /* Stale: its value may have changed. Queued: its turn to be fetched comes by itself; what is stale and not queued
     * waits for a full scan (the engine was lost). */
    bool stale, queued, in_flight, again;
    TAILQ_ENTRY(input) turn;
    uint64_t fetch_number; /* of its last fetch, in the order in which they begin; 0: there was none */
    unsigned
        missing_process_count; /* fetches in a row that found no process; the container is read before that counts */
    bool recent; /* its value is of a fetch since it went stale the last time, and may be used though it is fetched once
                    more */
    /* The last answer was a failure, and it is asked for again (retry.c). */
    bool unread;
    unsigned failures; /* in a row */
    usec_t retry_at;   /* monotonic; 0: it is not in the list of those to be retried */
    TAILQ_ENTRY(input) retry;
    size_t room_awaited; /* its facts take that, and there was no room for them (room.c); 0: that is not why */
    bool missing;    /* a list names it, but the engine answered that it does not exist: the list is asked for again */
    char *cause;     /* of its going stale */
    usec_t event_at; /* of the engine's event that was the cause; 0: none was */
};

/* What was known of a pair before this start. */
struct restored {
    enum verdict verdict;
    bool waived;
    uint64_t seq;
    usec_t since;
    char *name;
};

/* How many pairs of a rule have which verdict. */
struct tally {
    unsigned counts[VERDICT_COUNT];
};

/* Something that is degraded in the agent itself. */
struct agent_state {
    char *slug, *evidence;
    bool reported; /* by a transition */
};

struct execs; /* see execs.c */

/* Equal execs of a container (exec_groups.c). */
enum { EXEC_RECENT_MAX = 256 };
struct exec_group {
    char *id;        /* the first one's: its subject */
    char *key;       /* what they have in common */
    uint64_t serial; /* not 0; another one for each */
    uint64_t count;
    usec_t first, last; /* when the first and the last one were seen */
    char *last_id;
    bool acknowledged; /* there is no finding */
    bool noted, dirty; /* a restart knows of it; it is to be noted (anew) */
    TAILQ_ENTRY(exec_group) order;
    /* Digests of the ids of the last ones, new over old: what a restart knows of them. */
    size_t recent_count, recent_next;
    uint64_t recent[EXEC_RECENT_MAX];
};
TAILQ_HEAD(exec_group_list, exec_group);
enum { EXEC_CLOSED = UINT32_MAX }; /* a serial number for what is closed */
#define EXEC_OWN_KEY "id:"         /* begins the key of an exec of which nothing is known that it could share */

struct exec_groups {
    struct map *by_id, *by_key;
    struct exec_group_list open, acknowledged; /* the last one of each the longest ago first */
    struct map *known[2];                      /* digests of ids that were counted → serial; the newer ones first */
    uint64_t serial;
    VEC(char *) dirty; /* ids of groups that changed */
    struct map *noted; /* id → what was noted before this start */
    struct event *timer;
    void (*upkeep)(struct evaluator *evaluator); /* when it is due */
    bool sweep;                                  /* some may be in order now */
    uint64_t dropped;
    usec_t dropped_at;
    struct log_limit log;
};

/* Containers that share the namespaces of one. */
struct joiners {
    VEC(char *) ids;
};

struct evaluator {
    struct event_base *base;
    struct workers *workers; /* NULL: what could run in one is done at once */
    struct rule_set *rules;
    const struct config *config;
    const struct clock *clock;
    struct evaluator_callbacks callbacks;
    struct store *store;
    struct rule_exceptions *exceptions; /* by rule; NULL: there are none */
    size_t exception_count;

    struct map *inputs[INPUT_KIND_COUNT]; /* key → struct input */
    unsigned pending[INPUT_KIND_COUNT];   /* inputs of that kind that are stale or in flight */
    unsigned pending_total, pending_background;
    bool reachable, reachable_known;
    struct input_queue {
        TAILQ_HEAD(, input) list;
        size_t count;
    } queues[2]; /* inputs to be fetched in the loop's next turn: the host's, the engine's */
    uint64_t fetch_count;
    struct event *fetch_timer;
    TAILQ_HEAD(retried_inputs, input) retries; /* inputs that are to be fetched again at their retry_at */
    unsigned retries_a_round;
    struct event *retry_timer;
    usec_t next_retry;               /* monotonic: when it is due */
    size_t unread[INPUT_KIND_COUNT]; /* inputs of that kind whose last answer was a failure */
    size_t without_room;             /* inputs whose facts had no room */
    bool has_settled;                /* at least once */

    struct tally *tallies; /* by rule_set.rules; NULL while rules are exchanged */
    TAILQ_HEAD(postponed_subjects, subject) postponed;
    struct event *slice_timer;
    struct timeval turn; /* of the loop, in which BUDGET is what may still be done */
    int budget;
    bool held; /* see evaluator_hold() */

    struct map *subjects[SUBJECT_KIND_COUNT];              /* id → struct subject */
    VEC(const struct rule *) rules_of[SUBJECT_KIND_COUNT]; /* enabled rules by the kind they judge */
    struct map *joiners; /* container (as named in a mode) → struct joiners, those that share its namespaces */

    const char *cause; /* of the input whose pairs are evaluated just now; NULL: none */
    usec_t event_at;   /* of the engine's event that led to what happens just now; 0: none did */
    struct check_result scratch;
    struct event *settle_event, *recheck_timer;
    usec_t next_recheck;

    char *machine, *engine, *address; /* see struct evaluator_identity; NULL: "" */
    bool engine_awaited;              /* there are no transitions until it is known */
    char *next_engine; /* findings end under ENGINE, and are reported again under this one; NULL: they do not */
    struct event *withdrawn_event;
    char *left_out; /* the container that is not judged; NULL: all are */
    bool initial;
    struct open_findings open[VERDICT_COUNT][SEVERITY_COUNT];
    unsigned open_generation;

    uint64_t last_seq;
    VEC(struct agent_state) agent_states;

    struct map *restored; /* "slug kind:id" → struct restored, until the subject is seen again */
    bool restored_closed;
    struct execs *execs;
    struct exec_groups *exec_groups;

    struct listed { /* ids of a list, made where something that it may name is missing */
        struct map *ids;
        uint64_t digest; /* of the list */
    } listed[2];         /* containers, images */

    struct evaluator_counters counters;
};

/* identity.c */
void identity_deinit(struct evaluator *evaluator);
/* What the engine has said of itself is its id: the same until what it says of itself changes. */
const char *identity_said(const struct evaluator *evaluator);
void identity_set(struct evaluator *evaluator, const char *engine); /* transitions are of it from now on */

/* open.c, after restored.c */
/* A finding has come to NOW, or is gone (VERDICT_NONE). */
void open_change(struct evaluator *evaluator, const struct rule *rule, const char *kind, const char *id,
                 enum verdict before, enum verdict now);
void open_recount(struct evaluator *evaluator); /* for the rules there are now */

/* restored.c */
char *restored_key(const char *slug, const char *kind, const char *id); /* the caller frees */
void restored_free(void *restored);
struct restored_parts {
    const char *slug, *kind, *id;
    struct rule removed; /* for a rule that does not exist any more */
};
/* Takes KEY apart, which is changed. The rule, RET's own where there is no such rule any more; NULL: KEY is malformed.
 */
const struct rule *restored_parts(const struct evaluator *evaluator, char *key, struct restored_parts *ret);
/* For a SLUG that has no rule, until its finding is closed: every sink lets it pass. */
struct rule restored_removed_rule(const char *slug);
/* Gives a new PAIR the verdict that was read back for it, if there is one, and forgets that. */
void restored_adopt(struct evaluator *evaluator, const struct subject *subject, struct pair *pair);

/* tally.c */
void tally_count_all(struct evaluator *evaluator); /* anew, for the rules there are now */
void tally_pair(struct evaluator *evaluator, const struct pair *pair, int by);

/* subjects.c */
void subjects_init(struct evaluator *evaluator);
void subjects_deinit(struct evaluator *evaluator);
struct subject *subject_find(struct evaluator *evaluator, enum subject_kind kind, const char *id);
struct subject *subject_next(const struct evaluator *evaluator, size_t *at); /* see evaluator_next_subject() */
/* Creates it with a pair for every rule of its kind; a file's pairs are added one by one. */
struct subject *subject_ensure(struct evaluator *evaluator, enum subject_kind kind, const char *id, const char *name);
enum subject_kind subject_kind_listed(enum input_kind list); /* SUBJECT_KIND_COUNT: it is no list */
/* Is it the one that there is while a list cannot be read? */
bool subject_is_unlisted(const struct subject *subject, enum input_kind *ret_list);
struct pair *subject_add_pair(struct evaluator *evaluator, struct subject *subject, const struct rule *rule);
/* It has no pairs, and never any: the agent's own container. */
bool subject_is_left_out(const struct evaluator *evaluator, enum subject_kind kind, const char *id);

/* exceptions.c */
void exceptions_index(struct evaluator *evaluator); /* anew, of its rules and configuration */
void exceptions_free(struct evaluator *evaluator);
/* Turns a verdict of manual into the one that a person attested, until the attestation expires. */
void exceptions_attest(const struct evaluator *evaluator, const struct subject *subject, const struct check_input *in,
                       struct check_result *result);
/* Adds to the evidence of a failure that the waiver it had has expired. */
void exceptions_say_expired(const struct evaluator *evaluator, const struct subject *subject,
                            const struct check_input *in, struct check_result *result);
/* SCOPE: the subject of a waiver, NULL for all. */
bool exceptions_cover(const struct evaluator *evaluator, const char *scope, const struct subject *subject);
bool exceptions_waive(const struct evaluator *evaluator, const struct rule *rule); /* some pair of it, perhaps */
usec_t exceptions_next_expiry(const struct evaluator *evaluator);                  /* of waivers; 0: none */

/* ---- excluded.c: what the configuration excludes ---- */
/* Sets what excludes SUBJECT, and nothing else: of its pairs the caller takes care. */
void excluded_note(const struct evaluator *evaluator, struct subject *subject);
/* The same when its facts have come or changed: its pairs end, or are there again without a verdict. */
void excluded_follow(struct evaluator *evaluator, struct subject *subject, const char *cause);

/* pending.c */
/* BY more are stale or in flight. What is fetched in the background is counted apart: the evaluator is settled without
 * it. */
void input_count_pending(struct evaluator *evaluator, enum input_kind kind, int by);
/* Nothing is fetched and nothing is still to be evaluated or reported. */
bool is_at_rest(const struct evaluator *evaluator);
/* So much was done in this turn of the loop; an evaluation is 1. */
void slice_charge(struct evaluator *evaluator, int cost);
bool slice_is_over(struct evaluator *evaluator);
/* INPUT is not to be retried by itself; its last failure still counts as such. */
void retry_drop(struct evaluator *evaluator, struct input *input);
/* Its last failure does not count any more: it was answered, or is gone. */
void retry_forget(struct evaluator *evaluator, struct input *input);
void settle_schedule(struct evaluator *evaluator);        /* for the loop's next turn, if nothing is pending */
void recheck_arm(struct evaluator *evaluator, usec_t at); /* AT (0: never) something is due */

/* inputs.c */
void inputs_init(struct evaluator *evaluator);
void inputs_deinit(struct evaluator *evaluator);
struct input *input_find(const struct evaluator *evaluator, enum input_kind kind, const char *key);
/* Is it on its way, and has no value yet that may be used meanwhile? */
bool input_is_awaited(const struct evaluator *evaluator, enum input_kind kind, const char *key);
void input_enqueue(struct evaluator *evaluator, struct input *input); /* a stale one; no effect if it is queued */
void inputs_wake(struct evaluator *evaluator); /* an input has come: others may have waited for it */
/* Inputs that are built on this one, whose value has changed: stale. */
void inputs_outdate(struct evaluator *evaluator, enum input_kind kind, const char *cause);
void input_forget(struct evaluator *evaluator, enum input_kind kind, const char *key); /* and its facts */

/* joins.c */
void joins_init(struct evaluator *evaluator);
/* Whose namespaces CONTAINER (may be NULL) shares: to be forgotten before its facts are replaced, noted after. */
void joins_note(struct evaluator *evaluator, const struct container_facts *container);
void joins_forget(struct evaluator *evaluator, const struct container_facts *container);
/* Is the container whose namespaces container ID shares on its way? */
bool joins_are_awaited(const struct evaluator *evaluator, const char *id);

/* explain.c */
/* The file of SET (may be NULL) at PATH, or NULL. */
const struct file_facts *fileset_find(const struct fileset_facts *set, const char *path);
/* The check of PAIR with what people vouched for; EXPLAIN: with evidence, facts and remedy. */
void pair_run_check(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                    bool explain, struct check_result *result);

/* emit.c */
void publish_transition(struct evaluator *evaluator, struct transition *transition); /* takes the reference */
/* A transition, where the last one of PAIR says something else than holds now, and it has not to wait. */
void report_pair(struct evaluator *evaluator, const struct subject *subject, struct pair *pair);
/* PAIR's status was PREVIOUS; GONE: the finding ends. */
void emit_transition(struct evaluator *evaluator, const struct subject *subject, struct pair *pair,
                     enum verdict previous, const char *cause, bool gone);
/* Ends one pair, with a transition to null if a finding was reported. */
void subject_drop_pair(struct evaluator *evaluator, struct subject *subject, struct pair *pair, const char *cause);
/* Transitions to null for every pair of which a finding was reported; frees it. */
void subject_close(struct evaluator *evaluator, struct subject *subject, const char *cause);

/* evaluate.c */
/* Runs the pair's check, or notes that it has to wait for an input. */
void evaluate_pair(struct evaluator *evaluator, struct subject *subject, struct pair *pair);

/* slices.c */
void slices_init(struct evaluator *evaluator);
void slices_deinit(struct evaluator *evaluator);
/* The same, or in a later turn of the loop when enough was done in this one. An exec's are evaluated at once: whether
 * they stay depends on it. */
void evaluate_in_turn(struct evaluator *evaluator, struct subject *subject, struct pair *pair);

/* unlisted.c */
/* List KIND (nothing happens for another input) cannot be read: its rules have one subject, named by the list, whose
 * findings say why. */
void unlisted_open(struct evaluator *evaluator, enum input_kind kind);
void unlisted_close(struct evaluator *evaluator, enum input_kind kind, const char *cause); /* it was read */

/* exec_groups.c */
void exec_groups_init(struct evaluator *evaluator, void (*upkeep)(struct evaluator *evaluator));
void exec_groups_deinit(struct evaluator *evaluator);
uint64_t exec_digest(const char *text);                                /* the first 64 bits of its SHA-256 */
bool exec_is_known(const struct evaluator *evaluator, const char *id); /* it was counted */
void exec_know(struct evaluator *evaluator, uint64_t digest, uint64_t serial);
struct exec_group *exec_group_find(const struct evaluator *evaluator, const char *id);
struct exec_group *exec_group_by_key(const struct evaluator *evaluator, const char *key);
struct exec_group *exec_group_new(struct evaluator *evaluator, const char *id, const char *key);
void exec_group_rekey(struct evaluator *evaluator, struct exec_group *group, const char *key);
void exec_group_changed(struct evaluator *evaluator, struct exec_group *group); /* it is to be noted, in a second */
/* One more, that was seen AT. */
void exec_group_count(struct evaluator *evaluator, struct exec_group *group, const char *exec_id, usec_t at);
void exec_group_remember(struct evaluator *evaluator, struct exec_group *group, uint64_t digest);
void exec_group_acknowledge(struct evaluator *evaluator, const char *id);
void exec_group_forget(struct evaluator *evaluator, const char *id);
/* Its subject was closed; REPORTED: a transition had been made of it. An acknowledged one is kept. */
void exec_group_close(struct evaluator *evaluator, const char *id, bool reported);
/* Was any verdict on it reported? Those on execs that are in order are not. */
bool exec_was_reported(const struct subject *subject);
void exec_groups_sweep_later(struct evaluator *evaluator);                 /* some may be in order now */
void exec_groups_sort(struct evaluator *evaluator);                        /* by their last exec */
bool exec_is_by_itself(const struct evaluator *evaluator, const char *id); /* a group of EXEC_OWN_KEY */

/* exec_found.c */
char *exec_key(const struct exec_facts *exec); /* what equal execs have in common; the caller frees */
/* The record of the exec ID was read; EXEC is handed over. The id of its group, whose pairs were evaluated, until that
 * is forgotten; NULL: it was counted before. */
const char *exec_found(struct evaluator *evaluator, const char *id, struct exec_facts *exec, const char *cause);
struct exec_loss {
    const char *id, *container, *name, *command, *why; /* COMMAND as in the event; NAME may be NULL */
};
/* There is no record of it, and will be none. */
const char *exec_lost(struct evaluator *evaluator, const struct exec_loss *loss, const char *cause);
/* Its record cannot be read, and nothing is known that it could share; the store has why. */
void exec_unread(struct evaluator *evaluator, const char *id, const char *name, const char *cause);

/* execs.c */
struct execs *execs_new(usec_t now);
void execs_free(struct execs *execs);
/* ID was found in the container's list of live execs, and its record is asked for. */
void execs_candidate(struct evaluator *evaluator, const struct container_facts *container, const char *id);
/* The container was read, after every event that is known of it, and its list was gone through. */
void execs_listed(struct evaluator *evaluator, const struct container_facts *container);
void execs_read(struct evaluator *evaluator, const char *id, const struct exec_facts *exec);
/* The record cannot be read just now, because of WHY. True: an event had announced the exec; RET_NAME is its
 * container's name and RET_WHY the evidence; the caller frees. */
bool execs_unread(struct evaluator *evaluator, const char *id, const char *why, char **ret_name, char **ret_why);
/* The record does not exist any more. True: that was reported, or is not worth a finding. */
bool execs_gone(struct evaluator *evaluator, const char *id);
/* The container is gone, or cannot be read: so are its execs whose ids are not known. */
void execs_forget(struct evaluator *evaluator, const char *id); /* its record is not waited for any more */
void execs_container_lost(struct evaluator *evaluator, const char *container, bool gone, const char *why);

/* affected.c */
/* INPUT came, failed or went. CHANGED false: only pairs that wait are evaluated, the others were looked at just now and
 * found as they were. */
void visit_affected(struct evaluator *evaluator, const struct input *input, bool changed);

/* gone.c */
/* Closes exec ID if its every verdict is in order (expired, acknowledged, or never out of order). */
void exec_drop_quiet(struct evaluator *evaluator, const char *id);

/* exec_notes.c */
bool exec_notes_write(struct evaluator *evaluator, size_t most); /* true: nothing is left */
void exec_notes_apply(struct evaluator *evaluator);              /* those of before this start */

/* exec_bounds.c */
void exec_upkeep(struct evaluator *evaluator);

/* complete.c */
/* INPUT, which was in flight, is no more: what it leads to is visited. CHANGED: its value differs. */
void input_complete(struct evaluator *evaluator, struct input *input, bool changed);
void input_fail(struct evaluator *evaluator, struct input *input, int number,
                const char *why); /* it could not be read */

/* room.c */
/* Makes room for FACTS, which have come for INPUT, at the expense of those that take more. False: they are the largest
 * themselves; RET_WHY, which the caller frees, is the error of INPUT. */
bool room_make(struct evaluator *evaluator, const struct input *input, const struct facts *facts, char **ret_why);
/* INPUT has failed because of that: it is asked for again when there is room for SIZE bytes. */
void room_await(struct evaluator *evaluator, struct input *input, size_t size);
void room_offer(struct evaluator *evaluator); /* facts may have gone: what would fit now is asked for again */

/* missing.c */
void missing_deinit(struct evaluator *evaluator);
/* The subject of INPUT, which is in flight, does not exist for the engine. False: no list names it. Else the list is
 * asked for again, and INPUT waits for that. */
bool missing_await_list(struct evaluator *evaluator, struct input *input);
/* List KIND came, or failed (WHY; else NULL): what it still names and the engine does not have is an error; what it
 * does not name is gone. */
void missing_resolve(struct evaluator *evaluator, enum input_kind kind, const char *why, const char *cause);

/* recheck.c */
void recheck_init(struct evaluator *evaluator);

/* restore.c */
/* Closes at most MAX findings that did not come back. True: there are none left. */
bool restored_close(struct evaluator *evaluator, size_t max);

/* agent_state.c */
void agent_states_deinit(struct evaluator *evaluator);
void agent_states_report(struct evaluator *evaluator);   /* those that no transition has reported */
void agent_states_withdraw(struct evaluator *evaluator); /* those that one has: with another one */

/* another_engine.c */
void another_engine_init(struct evaluator *evaluator);
/* INPUT_INFO or INPUT_VERSION has come, or cannot be had (FAILED). */
void another_engine_learn(struct evaluator *evaluator, enum input_kind kind, bool failed);
void another_engine_give_up(struct evaluator *evaluator); /* it cannot be asked: nothing waits for it any more */

/* retry.c */
void retry_init(struct evaluator *evaluator);
void retry_deinit(struct evaluator *evaluator);
/* Is an input of KIND that failed with errno NUMBER to be asked for again? */
bool retry_is_due_to(enum input_kind kind, int number);
void retry_failed(struct evaluator *evaluator, struct input *input, int number); /* it will be, after a pause */
void retry_answered(struct evaluator *evaluator, struct input *input);
void retry_now(struct evaluator *evaluator, enum input_kind kind, const char *key); /* if it waits to be retried */
void retry_report(struct evaluator *evaluator); /* what cannot be read, as a state of the agent itself */

/* settle.c */
void settle_init(struct evaluator *evaluator);

/* follow.c */
/* Which inputs a container's facts lead to. BEFORE: the facts until now, NULL if there were none; RESYNC: its processes
 * are read in any case. */
void follow_container(struct evaluator *evaluator, const struct container_facts *container,
                      const struct container_facts *before, bool resync, const char *cause);
/* Execs that live now and did not when the container was last read. */
void follow_execs(struct evaluator *evaluator, const struct container_facts *container,
                  const struct string_list *before, const char *cause);
/* What is in a list and not known is fetched; what is known and not in the list any more is closed. */
void follow_containers(struct evaluator *evaluator, const struct container_list_facts *list, const char *cause);
void follow_images(struct evaluator *evaluator, const struct image_list_facts *list, const char *cause);
void follow_networks(struct evaluator *evaluator, const struct network_list_facts *list, const char *cause);

#endif
