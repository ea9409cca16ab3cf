/* Execs between the event that announces one and the record with its details.
 *
 * The event carries the exec's id, but a label of the container named execID overwrites it: there the container's own
 * list of live execs has the id, and an exec may be over before that list is read. So every event is kept until it is
 * matched with a record. An exec whose record is never read leaves a finding with status error: silence would be taken
 * for a pass.
 *
 * Records and events of a container that hides ids are matched by what was run. A record may be read before its event
 * comes (the list was asked for another exec): it is remembered for a moment.
 *
 * A health check is an exec like any other and is judged by its record like any other. Only when the record was missed
 * (a label execID, a container removed or an engine restarted at that moment) is one presumed: it ran exactly the
 * container's health check, and at least nine tenths of the check's interval after the one before it or after the
 * container's start, as health checks do. A person who runs the same command between two health checks breaks that
 * rhythm and is reported.
 *
 * podman lists its health checks among a container's execs, but makes no event for them. Every other exec has its
 * event, before or after it is listed, and is reported by that. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

#include "common/secrets/secrets.h"
#include "common/text.h"
#include "probes/docker/docker_parse.h"

enum { MADE_MAX = 4096, EARLY_MAX = 256, COMMAND_MAX = 1024, NSEC_PER_USEC = 1000, ID_DIGITS = 48 };

/* An exec that an event announced and whose record has not been read. */
struct made {
    char *container, *name, *exec_id, *command, *cause;
    uint64_t text; /* of what is run, see docker_exec_text(); 0: unknown, podman's events do not have it */
    int64_t time_nano;
    bool before_start; /* before the agent started: reported only if its record is still there */
    bool listed;       /* the container's execs were read after it was made */
    bool in_rhythm;    /* it runs the health check when that is due */
};

/* A record that came before its event. */
struct early {
    char *container;
    uint64_t text;
    usec_t at; /* monotonic */
};

struct execs {
    VEC(struct made *) made; /* their ids are not known: in order of their events */
    struct map *requested;   /* exec id → struct made: their records are asked for by the event's id */
    struct map *candidates;  /* exec id → container: found in the list of one that hides ids */
    struct map *last_checks; /* container → usec_t: event time of its last exec that ran the health check */
    VEC(struct early) early;
    usec_t began;
};

static void made_free(void *p)
{
    struct made *made = p;

    if (!made)
        return;
    free(made->container);
    free(made->name);
    free(made->exec_id);
    free(made->command);
    free(made->cause);
    free(made);
}

struct execs *execs_new(usec_t now)
{
    struct execs *execs = mem_alloc(sizeof *execs);

    execs->began = now;
    execs->requested = map_new(made_free);
    execs->candidates = map_new(free);
    execs->last_checks = map_new(free);
    return execs;
}

void execs_free(struct execs *execs)
{
    if (!execs)
        return;
    for (size_t i = 0; i < execs->made.count; i++)
        made_free(execs->made.items[i]);
    for (size_t i = 0; i < execs->early.count; i++)
        free(execs->early.items[i].container);
    vec_free(&execs->made);
    vec_free(&execs->early);
    map_free(execs->requested);
    map_free(execs->candidates);
    map_free(execs->last_checks);
    free(execs);
}

/* ---- Health checks ---- */

static bool runs_health_check(const struct made *made, const struct container_facts *container)
{
    return container && container->health_text && container->health_text == made->text;
}

/* Has the time passed that lies between two health checks? Notes this one. */
static void note_rhythm(struct execs *execs, struct made *made, const struct container_facts *container)
{
    usec_t *last, *now, before, at = made->time_nano / NSEC_PER_USEC; /* in which any number of the engine's has room */

    if (!runs_health_check(made, container))
        return;
    last = map_get(execs->last_checks, container->id);
    /* Of a container that ran before the agent did, the last health check is not known. */
    before = container->started >= execs->began ? container->started : 0;
    if (last && *last > before)
        before = *last;
    made->in_rhythm = before && at - before >= container->health_interval / 10 * 9;
    now = mem_alloc(sizeof *now);
    *now = at;
    map_set(execs->last_checks, container->id, now);
}

static bool is_podman(const struct evaluator *evaluator)
{
    const struct version_facts *version = store_version(evaluator->store, NULL);

    return version && version->is_podman;
}

/* ---- What was never read ---- */

static char *explain_loss(const struct made *made, const char *why)
{
    scoped_str line = STR_INIT;

    str_printf(&line,
               "started in container %s, but its record could not be read (%s), so it is unknown whether it was "
               "privileged or ran as another user%s",
               made->name ? made->name : made->container, why, *made->command ? ": " : "");
    secret_redact(&line, made->command, strlen(made->command), true);
    if (line.length > COMMAND_MAX)
        line.data[line.length = COMMAND_MAX] = '\0';
    return str_steal(&line);
}

/* Reports an exec whose id is unknown. Its finding has an id of its own, the same after a restart. */
static void report_lost(struct evaluator *evaluator, const struct made *made, const char *why)
{
    scoped(cleanup_free) char *id =
        mem_printf("%.*s%016llx", (int)ID_DIGITS, made->container, (unsigned long long)made->time_nano);
    scoped(cleanup_free) char *text = NULL;
    const char *outer = evaluator->cause;
    usec_t outer_event = evaluator->event_at;
    struct subject *subject;

    if (made->before_start || made->in_rhythm || map_get(evaluator->closed_execs, id) ||
        subject_find(evaluator, SUBJECT_EXEC, id))
        return;
    text = explain_loss(made, why);
    store_put_error(evaluator->store, INPUT_EXEC, id, text);
    evaluator->cause = made->cause;
    evaluator->event_at = made->time_nano / NSEC_PER_USEC;
    subject = subject_ensure(evaluator, SUBJECT_EXEC, id, made->name);
    for (size_t i = 0; i < subject->pair_count; i++)
        evaluate_pair(evaluator, subject, &subject->pairs[i]);
    evaluator->cause = outer;
    evaluator->event_at = outer_event;
}

static void lose_made(struct evaluator *evaluator, size_t index, const char *why)
{
    struct made *made = evaluator->execs->made.items[index];

    vec_remove(&evaluator->execs->made, index);
    report_lost(evaluator, made, why);
    made_free(made);
}

/* ---- Matching ---- */

/* Either may be 0: anything. */
static bool is_same_text(uint64_t a, uint64_t b)
{
    return !a || !b || a == b;
}

/* The first of CONTAINER that ran TEXT (0: anything); the number of all when there is none. */
static size_t find_made(const struct execs *execs, const char *container, uint64_t text)
{
    size_t i = 0;

    while (i < execs->made.count &&
           !(str_equal(execs->made.items[i]->container, container) && is_same_text(execs->made.items[i]->text, text)))
        i++;
    return i;
}

static bool is_answered_early(struct execs *execs, const struct made *made)
{
    enum { EARLY_USEC = 5 * 1000 * 1000 };
    usec_t now = clock_monotonic();

    for (size_t i = execs->early.count; i-- > 0;) {
        struct early *early = &execs->early.items[i];
        bool answers = str_equal(early->container, made->container) && is_same_text(early->text, made->text);

        if (!answers && now - early->at <= EARLY_USEC)
            continue;
        answers = answers && now - early->at <= EARLY_USEC;
        free(early->container);
        vec_remove(&execs->early, i);
        if (answers)
            return true;
    }
    return false;
}

static bool has_candidates(const struct execs *execs, const char *container)
{
    size_t at = 0;
    const char *id;
    void *of;

    while (map_next(execs->candidates, &at, &id, &of))
        if (str_equal(of, container))
            return true;
    return false;
}

/* All records of the container's list are read: what was made before the list and has none will get none. */
static void lose_unanswered(struct evaluator *evaluator, const char *container)
{
    struct execs *execs = evaluator->execs;

    if (has_candidates(execs, container))
        return;
    for (size_t i = 0; i < execs->made.count;) {
        if (str_equal(execs->made.items[i]->container, container) && execs->made.items[i]->listed)
            lose_made(evaluator, i,
                      execs->made.items[i]->text
                          ? "it ended before its id was found, which a container label named execID hides"
                          : "it ended before its id was found, which podman's events do not include");
        else
            i++;
    }
}

/* ---- What happens ---- */

static void request_record(struct evaluator *evaluator, struct made *made)
{
    scoped(cleanup_free) char *id = mem_strdup(made->exec_id), *cause = mem_strdup(made->cause);

    if (subject_find(evaluator, SUBJECT_EXEC, id) || map_get(evaluator->closed_execs, id)) { /* reported already */
        made_free(made);
        return;
    }
    map_set(evaluator->execs->requested, id, made);
    evaluator_stale(evaluator, INPUT_EXEC, id, cause);
}

void evaluator_exec_made(struct evaluator *evaluator, const struct exec_event *event, const char *cause)
{
    const struct container_facts *container = store_container(evaluator->store, event->container, NULL);
    const char *command = event->command ? event->command : "";
    struct execs *execs = evaluator->execs;
    struct made *made;

    if (subject_is_left_out(evaluator, SUBJECT_CONTAINER, event->container))
        return;
    made = mem_alloc(sizeof *made);
    *made = (struct made){
        .container = mem_strdup(event->container),
        .name = mem_strdup(container ? container->name : event->container_name),
        .exec_id = event->exec_id && docker_id_valid(event->exec_id) ? mem_strdup(event->exec_id) : NULL,
        .command = mem_strndup(command, strnlen(command, 64 * COMMAND_MAX)),
        .cause = mem_strdup(cause),
        .text = event->command || event->exec_id ? docker_exec_text(command, strlen(command)) : 0,
        .time_nano = event->time_nano,
        .before_start = event->before_start,
    };
    note_rhythm(execs, made, container);
    if (container && !container->execid_label && made->exec_id) {
        request_record(evaluator, made);
        return;
    }
    if (container && is_answered_early(execs, made)) {
        made_free(made);
        return;
    }
    vec_push(&execs->made, made);
    if (execs->made.count > MADE_MAX)
        lose_made(evaluator, 0, "too many others were started at once");
    evaluator_stale(evaluator, INPUT_CONTAINER, event->container, cause);
}

void execs_candidate(struct evaluator *evaluator, const struct container_facts *container, const char *id)
{
    if (container->execid_label || is_podman(evaluator))
        map_set(evaluator->execs->candidates, id, mem_strdup(container->id));
}

void execs_listed(struct evaluator *evaluator, const struct container_facts *container)
{
    scoped(cleanup_free) char *id = mem_strdup(container->id);
    struct execs *execs = evaluator->execs;

    for (size_t i = 0; i < execs->made.count;) {
        struct made *made = execs->made.items[i];

        if (!str_equal(made->container, id) || made->listed) {
            i++;
            continue;
        }
        if (!container->execid_label && made->exec_id) {
            vec_remove(&execs->made, i);
            /* Of the past, health checks are not worth a question: the engine forgets them within minutes. */
            if (made->before_start && runs_health_check(made, container))
                made_free(made);
            else
                request_record(evaluator, made);
            continue;
        }
        made->listed = true;
        if (!map_get(execs->last_checks, id))
            note_rhythm(execs, made, container);
        if (!is_answered_early(execs, made)) {
            i++;
            continue;
        }
        vec_remove(&execs->made, i);
        made_free(made);
    }
    lose_unanswered(evaluator, id);
}

void execs_read(struct evaluator *evaluator, const struct exec_facts *exec)
{
    scoped(cleanup_free) char *container = map_steal(evaluator->execs->candidates, exec->id);
    struct execs *execs = evaluator->execs;
    const struct container_facts *of;
    size_t found;
    bool has_no_event;

    map_remove(execs->requested, exec->id);
    if (!container)
        return;
    found = find_made(execs, container, exec->text);
    of = store_container(evaluator->store, container, NULL);
    has_no_event = is_podman(evaluator) && of && of->health_text && of->health_text == exec->text;
    if (found < execs->made.count) {
        made_free(execs->made.items[found]);
        vec_remove(&execs->made, found);
    } else if (!has_no_event && execs->early.count < EARLY_MAX) {
        vec_push(&execs->early,
                 (struct early){.container = mem_strdup(container), .text = exec->text, .at = clock_monotonic()});
    }
    lose_unanswered(evaluator, container);
}

bool execs_failed(struct evaluator *evaluator, const char *id, bool gone, const char *why, char **ret_name,
                  char **ret_why)
{
    scoped(cleanup_free) char *container = gone ? map_steal(evaluator->execs->candidates, id) : NULL;
    struct execs *execs = evaluator->execs;
    struct made *made = gone ? map_steal(execs->requested, id) : NULL;
    bool is_finding;

    if (!gone) { /* it is asked for again */
        made = map_get(execs->requested, id);
        *ret_name = mem_strdup(made ? made->name : NULL);
        *ret_why = made ? explain_loss(made, why) : NULL;
        return true;
    }

    if (!made && container) {
        size_t found = find_made(execs, container, 0);

        if (found < execs->made.count) {
            made = execs->made.items[found];
            vec_remove(&execs->made, found);
        }
    }
    is_finding = made ? !made->before_start && !made->in_rhythm : !(container && is_podman(evaluator));
    if (made && is_finding) {
        why = store_container(evaluator->store, made->container, NULL) ? "the engine no longer has it"
                                                                       : "the container is already gone";
        *ret_name = mem_strdup(made->name);
        *ret_why = explain_loss(made, why);
    }
    made_free(made);
    if (container)
        lose_unanswered(evaluator, container);
    return is_finding;
}

void execs_forget(struct evaluator *evaluator, const char *id)
{
    map_remove(evaluator->execs->requested, id);
    free(map_steal(evaluator->execs->candidates, id));
}

void execs_container_lost(struct evaluator *evaluator, const char *container, bool gone, const char *why)
{
    struct execs *execs = evaluator->execs;

    for (size_t i = 0; (i = find_made(execs, container, 0)) < execs->made.count;)
        lose_made(evaluator, i, why);
    if (gone)
        map_remove(execs->last_checks, container);
}

/* ---- What is over ---- */

void exec_close(struct evaluator *evaluator, const char *id)
{
    enum { CLOSED_MAX = 65536 };

    if (map_count(evaluator->closed_execs) < CLOSED_MAX)
        map_set(evaluator->closed_execs, id, evaluator);
}

bool exec_was_reported(const struct subject *subject)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].seq)
            return true;
    return false;
}
