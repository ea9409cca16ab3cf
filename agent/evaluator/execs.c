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

enum {
    MADE_MAX = 4096,
    REQUESTED_MAX = 16384,
    EARLY_MAX = 256,
    COMMAND_MAX = 1024,
    NSEC_PER_USEC = 1000,
    ID_DIGITS = 48
};

/* An exec that an event announced and whose record has not been read. */
struct made {
    char *container, *name, *exec_id, *command, *cause;
    uint64_t text; /* of what is run, see docker_exec_text(); 0: unknown, podman's events do not have it */
    int64_t time_nano;
    bool before_start; /* before the agent started: reported only if its record is still there */
    bool listed;       /* the container's execs were read after it was made */
    bool noted;        /* it counts among the container's last checks, or is none */
    bool in_rhythm;    /* it runs the health check when that is due */
    usec_t previous;   /* when the check before it was, 0: not known */
    TAILQ_ENTRY(made) of_container, of_all;
};
TAILQ_HEAD(made_list, made);

/* Execs of a container whose ids are not known. */
struct waiting {
    struct made_list made; /* in order of their events */
    size_t candidates;     /* ids of its list whose records are asked for */
};

/* A record that came before its event. */
struct early {
    char *container;
    uint64_t text;
    usec_t at; /* monotonic */
};

struct execs {
    struct map *waiting;   /* container → struct waiting */
    struct made_list made; /* all of them, in order of their events */
    size_t made_count;
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
    execs->waiting = map_new(free);
    TAILQ_INIT(&execs->made);
    execs->requested = map_new(made_free);
    execs->candidates = map_new(free);
    execs->last_checks = map_new(free);
    return execs;
}

void execs_free(struct execs *execs)
{
    struct made *made;

    if (!execs)
        return;
    while ((made = TAILQ_FIRST(&execs->made))) {
        TAILQ_REMOVE(&execs->made, made, of_all);
        made_free(made);
    }
    map_free(execs->waiting);
    for (size_t i = 0; i < execs->early.count; i++)
        free(execs->early.items[i].container);
    vec_free(&execs->early);
    map_free(execs->requested);
    map_free(execs->candidates);
    map_free(execs->last_checks);
    free(execs);
}

/* ---- Those whose ids are not known ---- */

static struct waiting *waiting_ensure(struct execs *execs, const char *container)
{
    struct waiting *waiting = map_get(execs->waiting, container);

    if (waiting)
        return waiting;
    waiting = mem_alloc(sizeof *waiting);
    TAILQ_INIT(&waiting->made);
    map_set(execs->waiting, container, waiting);
    return waiting;
}

static void forget_idle(struct execs *execs, const char *container)
{
    const struct waiting *waiting = map_get(execs->waiting, container);

    if (waiting && TAILQ_EMPTY(&waiting->made) && !waiting->candidates)
        map_remove(execs->waiting, container);
}

static void put_made(struct execs *execs, struct made *made)
{
    TAILQ_INSERT_TAIL(&waiting_ensure(execs, made->container)->made, made, of_container);
    TAILQ_INSERT_TAIL(&execs->made, made, of_all);
    execs->made_count++;
}

/* The caller has it now. */
static void take_made(struct execs *execs, struct made *made)
{
    struct waiting *waiting = map_get(execs->waiting, made->container);

    TAILQ_REMOVE(&waiting->made, made, of_container);
    TAILQ_REMOVE(&execs->made, made, of_all);
    execs->made_count--;
    forget_idle(execs, made->container);
}

static void put_candidate(struct execs *execs, const char *id, const char *container)
{
    if (map_get(execs->candidates, id))
        return;
    map_set(execs->candidates, id, mem_strdup(container));
    waiting_ensure(execs, container)->candidates++;
}

/* Its container; NULL: it is none. The caller frees. */
static char *take_candidate(struct execs *execs, const char *id)
{
    char *container = map_steal(execs->candidates, id);

    if (container) {
        waiting_ensure(execs, container)->candidates--;
        forget_idle(execs, container);
    }
    return container;
}

/* ---- Health checks ---- */

static bool runs_health_check(const struct made *made, const struct container_facts *container)
{
    return container && container->health_text && container->health_text == made->text;
}

static usec_t time_of(const struct made *made)
{
    return made->time_nano / NSEC_PER_USEC; /* in which any number of the engine's has room */
}

/* When the check before MADE was. The container may not be known yet. */
static void note_check(struct execs *execs, struct made *made, const struct container_facts *container)
{
    usec_t *now;

    if (made->noted || !container)
        return;
    made->noted = true;
    if (!runs_health_check(made, container))
        return;
    now = map_get(execs->last_checks, container->id);
    made->previous = now ? *now : 0;
    now = mem_alloc(sizeof *now);
    *now = time_of(made);
    map_set(execs->last_checks, container->id, now);
}

/* Has the time passed that lies between two health checks? What is known of the container may be of before its start,
 * or of a later one: what was in rhythm once stays so. */
static void note_rhythm(struct execs *execs, struct made *made, const struct container_facts *container)
{
    usec_t before, at = time_of(made);

    note_check(execs, made, container);
    if (!runs_health_check(made, container))
        return;
    /* Of a container that ran before the agent did, the last health check is not known. */
    before = container->started >= execs->began ? container->started : 0;
    before = made->previous > before ? made->previous : before;
    if (before && at - before >= container->health_interval / 10 * 9)
        made->in_rhythm = true;
}

/* Those of before the container was read, in the order of their events. */
static void note_waiting(struct execs *execs, const struct container_facts *container)
{
    const struct waiting *waiting = container ? map_get(execs->waiting, container->id) : NULL;
    struct made *made;

    if (waiting)
        TAILQ_FOREACH(made, &waiting->made, of_container)
    note_check(execs, made, container);
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

/* Reports an exec that left no record. ID: NULL where it is unknown; then it is one of its own, the same after a
 * restart. */
static void report_lost(struct evaluator *evaluator, const struct made *made, const char *id, const char *why)
{
    scoped(cleanup_free) char *own =
        mem_printf("%.*s%016llx", (int)ID_DIGITS, made->container, (unsigned long long)made->time_nano);
    scoped(cleanup_free) char *text = NULL;
    usec_t outer_event = evaluator->event_at;

    if (made->before_start || made->in_rhythm)
        return;
    text = explain_loss(made, why);
    evaluator->event_at = made->time_nano / NSEC_PER_USEC;
    exec_lost(evaluator,
              &(struct exec_loss){.id = id ? id : own,
                                  .container = made->container,
                                  .name = made->name,
                                  .command = made->command,
                                  .why = text},
              made->cause);
    evaluator->event_at = outer_event;
}

static void lose_made(struct evaluator *evaluator, struct made *made, const char *why)
{
    take_made(evaluator->execs, made);
    report_lost(evaluator, made, NULL, why);
    made_free(made);
}

/* ---- Matching ---- */

/* Either may be 0: anything. */
static bool is_same_text(uint64_t a, uint64_t b)
{
    return !a || !b || a == b;
}

/* The first of CONTAINER that ran TEXT (0: anything); NULL: there is none. */
static struct made *find_made(struct evaluator *evaluator, const char *container, uint64_t text)
{
    const struct waiting *waiting = map_get(evaluator->execs->waiting, container);
    struct made *made = waiting ? TAILQ_FIRST(&waiting->made) : NULL;

    while (made && !is_same_text(made->text, text)) {
        evaluator->counters.exec_steps++;
        made = TAILQ_NEXT(made, of_container);
    }
    return made;
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

/* All records of the container's list are read: what was made before the list and has none will get none. */
static void lose_unanswered(struct evaluator *evaluator, const char *container)
{
    const struct waiting *waiting = map_get(evaluator->execs->waiting, container);
    struct made *made, *next;

    if (!waiting || waiting->candidates)
        return;
    for (made = TAILQ_FIRST(&waiting->made); made; made = next) {
        evaluator->counters.exec_steps++;
        next = TAILQ_NEXT(made, of_container);
        if (made->listed)
            lose_made(evaluator, made,
                      made->text ? "it ended before its id was found, which a container label named execID hides"
                                 : "it ended before its id was found, which podman's events do not include");
    }
}

/* ---- What happens ---- */

static void request_record(struct evaluator *evaluator, struct made *made)
{
    scoped(cleanup_free) char *id = mem_strdup(made->exec_id), *cause = mem_strdup(made->cause);

    if (exec_is_known(evaluator, id) || exec_group_find(evaluator, id)) { /* reported already */
        made_free(made);
        return;
    }
    if (map_count(evaluator->execs->requested) >= REQUESTED_MAX) {
        report_lost(evaluator, made, id, "too many others were started at once");
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
    note_waiting(execs, container);
    note_rhythm(execs, made, container);
    if (container && !container->execid_label && made->exec_id) {
        request_record(evaluator, made);
        return;
    }
    if (container && is_answered_early(execs, made)) {
        made_free(made);
        return;
    }
    put_made(execs, made);
    if (execs->made_count > MADE_MAX)
        lose_made(evaluator, TAILQ_FIRST(&execs->made), "too many others were started at once");
    evaluator_stale(evaluator, INPUT_CONTAINER, event->container, cause);
}

void execs_candidate(struct evaluator *evaluator, const struct container_facts *container, const char *id)
{
    if (container->execid_label || is_podman(evaluator))
        put_candidate(evaluator->execs, id, container->id);
}

void execs_listed(struct evaluator *evaluator, const struct container_facts *container)
{
    scoped(cleanup_free) char *id = mem_strdup(container->id);
    struct execs *execs = evaluator->execs;
    const struct waiting *waiting;
    struct made *made, *next;

    waiting = map_get(execs->waiting, id);
    for (made = waiting ? TAILQ_FIRST(&waiting->made) : NULL; made; made = next) {
        evaluator->counters.exec_steps++;
        next = TAILQ_NEXT(made, of_container);
        if (made->listed)
            continue;
        if (!container->execid_label && made->exec_id) {
            take_made(execs, made);
            /* Of the past, health checks are not worth a question: the engine forgets them within minutes. */
            if (made->before_start && runs_health_check(made, container))
                made_free(made);
            else
                request_record(evaluator, made);
            continue;
        }
        made->listed = true;
        note_rhythm(execs, made, container);
        if (!is_answered_early(execs, made))
            continue;
        take_made(execs, made);
        made_free(made);
    }
    lose_unanswered(evaluator, id);
}

void execs_read(struct evaluator *evaluator, const char *id, const struct exec_facts *exec)
{
    scoped(cleanup_free) char *container = take_candidate(evaluator->execs, id);
    struct execs *execs = evaluator->execs;
    const struct container_facts *of;
    struct made *found;
    bool has_no_event;

    map_remove(execs->requested, id);
    if (!container)
        return;
    found = find_made(evaluator, container, exec->text);
    of = store_container(evaluator->store, container, NULL);
    has_no_event = is_podman(evaluator) && of && of->health_text && of->health_text == exec->text;
    if (found) {
        take_made(execs, found);
        made_free(found);
    } else if (!has_no_event && execs->early.count < EARLY_MAX) {
        vec_push(&execs->early,
                 (struct early){.container = mem_strdup(container), .text = exec->text, .at = clock_monotonic()});
    }
    lose_unanswered(evaluator, container);
}

bool execs_unread(struct evaluator *evaluator, const char *id, const char *why, char **ret_name, char **ret_why)
{
    const struct made *made = map_get(evaluator->execs->requested, id);

    if (!made)
        return false;
    *ret_name = mem_strdup(made->name);
    *ret_why = explain_loss(made, why);
    return true;
}

bool execs_gone(struct evaluator *evaluator, const char *id)
{
    scoped(cleanup_free) char *container = take_candidate(evaluator->execs, id);
    struct execs *execs = evaluator->execs;
    struct made *made = map_steal(execs->requested, id);
    bool is_reported = made != NULL;

    if (!made && container) {
        made = find_made(evaluator, container, 0);
        if (made)
            take_made(execs, made);
        is_reported = made || is_podman(evaluator); /* there its event may be still to come */
    }
    if (made)
        report_lost(evaluator, made, id,
                    store_container(evaluator->store, made->container, NULL) ? "the engine no longer has it"
                                                                             : "the container is already gone");
    made_free(made);
    if (container)
        lose_unanswered(evaluator, container);
    return is_reported;
}

void execs_forget(struct evaluator *evaluator, const char *id)
{
    map_remove(evaluator->execs->requested, id);
    free(take_candidate(evaluator->execs, id));
}

void execs_container_lost(struct evaluator *evaluator, const char *container, bool gone, const char *why)
{
    struct made *made;

    while ((made = find_made(evaluator, container, 0)))
        lose_made(evaluator, made, why);
    if (gone)
        map_remove(evaluator->execs->last_checks, container);
}
