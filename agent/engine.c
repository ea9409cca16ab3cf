/* The incremental engine: stale inputs, one fetch in flight each, compare, evaluate, transitions.
 *
 * An input is idle, stale (waits to be fetched) or in flight; `again` says that it went stale while in flight. Pairs
 * are evaluated when an input that they read completes, and only once every other input that they read has a value:
 * until then they wait, and the completion of what they wait for evaluates them. So a verdict is never made of a
 * mixture of old and expected facts, and nothing polls. */
#include "agent/engine_internal.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"

enum { RING_BYTES = 1024 * 1024, RING_COUNT = 8192, DOUBTS_MAX = 3 };

static const struct config config_none;

static const char *key_or_empty(const char *key)
{
    return key ? key : "";
}

static void input_free(void *p)
{
    struct input *input = p;

    free(input->key);
    free(input->cause);
    free(input);
}

static struct input *input_find(const struct engine *engine, enum input_kind kind, const char *key)
{
    return map_get(engine->inputs[kind], key_or_empty(key));
}

static struct input *input_ensure(struct engine *engine, enum input_kind kind, const char *key)
{
    struct input *input = input_find(engine, kind, key);

    if (!input) {
        input = mem_alloc(sizeof *input);
        input->kind = kind;
        input->key = mem_strdup(key_or_empty(key));
        map_set(engine->inputs[kind], input->key, input);
    }
    return input;
}

/* What takes long and hurries nobody is counted apart: the engine is settled without it. */
static bool is_background(enum input_kind kind)
{
    return kind == INPUT_LAYERS || kind == INPUT_SCAN;
}

static void count_pending(struct engine *engine, enum input_kind kind, int by)
{
    engine->pending[kind] += (unsigned)by;
    *(is_background(kind) ? &engine->pending_background : &engine->pending_total) += (unsigned)by;
}

static void index_rules(struct engine *engine)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        engine->rules_of[kind].count = 0;
    for (size_t i = 0; i < engine->rules->count; i++) {
        const struct rule *rule = &engine->rules->rules[i];

        if (rule->enabled)
            vec_push(&engine->rules_of[rule->check->subject], rule);
    }
}

static void ensure_single_subjects(struct engine *engine)
{
    static const enum subject_kind single[] = {SUBJECT_HOST, SUBJECT_DAEMON, SUBJECT_SWARM};

    for (size_t i = 0; i < countof(single); i++)
        if (engine->rules_of[single[i]].count)
            subject_ensure(engine, single[i], subject_kind_name(single[i]), NULL);
}

/* Is anything that PAIR reads on its way? */
static bool input_is_awaited(const struct engine *engine, enum input_kind kind, const char *key)
{
    const struct input *input = input_find(engine, kind, key);

    if (!input || input->recent || (!input->stale && !input->in_flight))
        return false;
    if (input_is_of_engine(kind) && engine->reachable_known && !engine->reachable &&
        !store_get(engine->store, kind, key, NULL))
        return false; /* it will not come soon: let the check say so */
    return true;
}

/* Is the container whose namespaces this one shares on its way? */
static bool joined_is_awaited(const struct engine *engine, const char *id)
{
    const struct container_facts *container = store_container(engine->store, id, NULL);
    const char *modes[] = {container ? container->network_mode : NULL, container ? container->pid_mode : NULL,
                           container ? container->ipc_mode : NULL};

    for (size_t i = 0; i < countof(modes); i++)
        if (str_starts(modes[i], "container:") &&
            input_is_awaited(engine, INPUT_CONTAINER, modes[i] + strlen("container:")))
            return true;
    return false;
}

static bool pair_must_wait(const struct engine *engine, const struct subject *subject, const struct pair *pair)
{
    const struct check *check = pair->rule->check;

    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        const char *key = NULL;

        if (!(check->reads & INPUT_BIT(kind)))
            continue;
        switch ((enum input_kind)kind) {
        case INPUT_CONTAINER:
        case INPUT_PROCESSES:
            if (subject->kind != SUBJECT_CONTAINER) {
                if (engine->pending[kind] && kind == INPUT_CONTAINER && subject->kind != SUBJECT_EXEC)
                    return true;
                continue;
            }
            key = subject->id;
            if (kind == INPUT_CONTAINER && joined_is_awaited(engine, subject->id))
                return true;
            break;
        case INPUT_EXEC:
            key = subject->id;
            break;
        case INPUT_IMAGE:
        case INPUT_HISTORY:
        case INPUT_LAYERS:
        case INPUT_SCAN: {
            const struct container_facts *container;

            if (subject->kind != SUBJECT_CONTAINER) {
                key = subject->id;
                break;
            }
            container = store_container(engine->store, subject->id, NULL);
            if (!container || !container->image_id)
                continue;
            key = container->image_id;
            break;
        }
        case INPUT_FILES:
            key = rule_file_source(pair->rule);
            break;
        default:
            break;
        }
        if (input_is_awaited(engine, (enum input_kind)kind, key))
            return true;
    }
    return false;
}

static void fill_check_input(const struct engine *engine, const struct subject *subject, const struct pair *pair,
                             struct check_input *in)
{
    *in = (struct check_input){.rule = pair->rule,
                               .store = engine->store,
                               .now = clock_now(engine->clock),
                               .since = pair->since,
                               .key = subject->id};
    if (subject->kind != SUBJECT_FILE)
        return;
    in->fileset = store_files(engine->store, rule_file_source(pair->rule), NULL);
    for (size_t i = 0; in->fileset && i < in->fileset->count; i++)
        if (str_equal(in->fileset->items[i].path, subject->id))
            in->file = &in->fileset->items[i];
}

static void run(const struct engine *engine, const struct subject *subject, const struct pair *pair, bool explain,
                struct check_result *result)
{
    struct check_input in;

    fill_check_input(engine, subject, pair, &in);
    in.explain = explain;
    if (subject->kind == SUBJECT_FILE && !in.file) {
        const char *why = NULL;

        check_error(&in, result, "file",
                    store_files(engine->store, rule_file_source(pair->rule), &why) ? "it is not in the set any more"
                                                                                   : why);
        return;
    }
    check_run(&in, result);
    exceptions_attest(engine, subject, &in, result);
    if (explain)
        exceptions_say_expired(engine, subject, &in, result);
}

void engine_explain(const struct engine *engine, const struct subject *subject, const struct pair *pair,
                    struct check_result *result)
{
    run(engine, subject, pair, true, result);
}

static void ring_push(struct transition_ring *ring, struct transition *transition)
{
    while (ring->count && (ring->bytes + transition->json_length > RING_BYTES || ring->count == RING_COUNT)) {
        struct transition *oldest = ring->items[ring->first];

        ring->bytes -= oldest->json_length;
        ring->first = (ring->first + 1) % ring->size;
        ring->count--;
        transition_unref(oldest);
    }
    if (ring->count == ring->size) {
        size_t size = ring->size ? 2 * ring->size : 256;
        struct transition **items = mem_realloc_array(NULL, size, sizeof *items);

        for (size_t i = 0; i < ring->count; i++)
            items[i] = ring->items[(ring->first + i) % ring->size];
        free(ring->items);
        ring->items = items;
        ring->first = 0;
        ring->size = size;
    }
    ring->items[(ring->first + ring->count++) % ring->size] = transition_ref(transition);
    ring->bytes += transition->json_length;
}

static void publish(struct engine *engine, struct transition *transition)
{
    engine->counters.transitions++;
    ring_push(&engine->ring, transition);
    if (engine->callbacks.transition)
        engine->callbacks.transition(transition, engine->callbacks.user);
    transition_unref(transition);
    transition_slim(transition); /* the ring keeps it */
}

void engine_emit(struct engine *engine, const struct subject *subject, struct pair *pair, enum verdict previous,
                 const char *cause, bool gone)
{
    struct transition *transition;

    pair->seq = ++engine->last_seq;
    engine->counters.transitions_by_verdict[gone ? VERDICT_NONE : pair->verdict]++;
    transition = transition_from_pair(engine, engine->config->language, subject, pair, previous, pair->seq,
                                      clock_now(engine->clock), cause ? cause : "start", gone);
    state_append(engine, subject, pair, gone);
    publish(engine, transition);
}

static void arm_recheck(struct engine *engine, usec_t at)
{
    struct timeval wait;
    usec_t left;

    if (!at || (engine->next_recheck && engine->next_recheck <= at))
        return;
    engine->next_recheck = at;
    left = at - clock_now(engine->clock);
    if (left < 1000)
        left = 1000;
    if (left > 3600 * USEC_PER_SEC) /* wall clocks jump: never sleep long on one */
        left = 3600 * USEC_PER_SEC;
    wait = (struct timeval){.tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};
    evtimer_add(engine->recheck_timer, &wait);
}

static bool is_quiet(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_NOT_APPLICABLE || verdict == VERDICT_NONE;
}

void engine_evaluate(struct engine *engine, struct subject *subject, struct pair *pair)
{
    enum verdict previous = pair->verdict;

    if (pair_must_wait(engine, subject, pair)) {
        pair->waiting = true;
        return;
    }
    pair->waiting = false;
    engine->counters.evaluations++;
    check_result_clear(&engine->scratch);
    run(engine, subject, pair, false, &engine->scratch);
    pair->verdict = engine->scratch.verdict;
    pair->recheck = engine->scratch.recheck;
    pair->checked = clock_now(engine->clock);
    pair->attested = engine->scratch.attested;
    arm_recheck(engine, pair->recheck);
    if (pair->verdict == previous) {
        exceptions_refresh(engine, subject, pair);
        return;
    }
    pair->since = pair->checked;
    /* An exec that is in order leaves no trace: health checks arrive as execs by the thousand. */
    if (subject->kind == SUBJECT_EXEC && is_quiet(pair->verdict) && is_quiet(previous))
        return;
    pair->waived = engine_waiver(engine, subject, pair) != NULL;
    engine_emit(engine, subject, pair, previous, engine->cause, false);
}

/* CHANGED false: only those that wait are evaluated, the others were looked at just now and found as they were. */
static void visit(struct engine *engine, struct subject *subject, const struct rule *rule, bool changed)
{
    struct pair *pair = subject_pair(subject, rule);

    if (!pair)
        return;
    if (changed || pair->waiting || pair->verdict == VERDICT_NONE)
        engine_evaluate(engine, subject, pair);
    else
        pair->checked = clock_now(engine->clock);
}

static void joiners_free(void *p)
{
    struct joiners *joiners = p;

    for (size_t i = 0; i < joiners->ids.count; i++)
        free(joiners->ids.items[i]);
    vec_free(&joiners->ids);
    free(joiners);
}

/* Under which key those who join TARGET stand: its id, or "" where it is named otherwise (a name, the beginning of an
 * id). A name may be one that was given a moment ago, or lost: who joins by name is looked at whenever any container
 * changes. */
static const char *joined_key(const char *target)
{
    enum { ID_LENGTH = 64 };

    return strlen(target) == ID_LENGTH && strspn(target, "0123456789abcdef") == ID_LENGTH ? target : "";
}

static void note_joiner(struct engine *engine, const char *target, const char *id)
{
    struct joiners *joiners = map_get(engine->joiners, joined_key(target));

    if (!joiners) {
        joiners = mem_alloc(sizeof *joiners);
        map_set(engine->joiners, joined_key(target), joiners);
    }
    vec_push(&joiners->ids, mem_strdup(id));
}

static void forget_joiner(struct engine *engine, const char *target, const char *id)
{
    struct joiners *joiners = map_get(engine->joiners, joined_key(target));

    for (size_t i = 0; joiners && i < joiners->ids.count; i++)
        if (str_equal(joiners->ids.items[i], id)) {
            free(joiners->ids.items[i]);
            vec_remove(&joiners->ids, i);
            break;
        }
    if (joiners && !joiners->ids.count)
        map_remove(engine->joiners, joined_key(target));
}

/* Whose namespaces a container shares, before and after its facts are replaced: NOTE is one of the two above. */
static void follow_joins(struct engine *engine, const struct container_facts *container,
                         void (*note)(struct engine *engine, const char *target, const char *id))
{
    const char *modes[] = {container ? container->network_mode : NULL, container ? container->pid_mode : NULL,
                           container ? container->ipc_mode : NULL};

    for (size_t i = 0; i < countof(modes); i++)
        if (str_starts(modes[i], "container:") && !(i && str_equal(modes[i], modes[i - 1])))
            note(engine, modes[i] + strlen("container:"), container->id);
}

/* Those that share the namespaces of container ID, and those that share theirs. */
static void visit_joiners(struct engine *engine, const char *id, const struct rule *rule, bool changed, unsigned depth)
{
    enum { DEPTH_MAX = 8 };
    const char *keys[] = {id, depth ? NULL : ""};

    for (size_t k = 0; k < countof(keys) && depth < DEPTH_MAX; k++) {
        const struct joiners *joiners = keys[k] ? map_get(engine->joiners, keys[k]) : NULL;

        for (size_t i = 0; joiners && i < joiners->ids.count; i++) {
            struct subject *subject = subject_find(engine, SUBJECT_CONTAINER, joiners->ids.items[i]);

            if (str_equal(joiners->ids.items[i], id))
                continue;
            if (subject)
                visit(engine, subject, rule, changed);
            visit_joiners(engine, joiners->ids.items[i], rule, changed, depth + 1);
        }
    }
}

static void visit_all(struct engine *engine, enum subject_kind kind, const struct rule *rule, bool changed,
                      enum input_kind input, const char *input_key)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(engine->subjects[kind], &at, &key, &value)) {
        if (input == INPUT_IMAGE && kind == SUBJECT_CONTAINER) {
            const struct container_facts *container = store_container(engine->store, key, NULL);

            if (!container || !str_equal(container->image_id, input_key))
                continue;
        }
        visit(engine, value, rule, changed);
    }
}

static void visit_affected(struct engine *engine, const struct input *input, bool changed)
{
    enum input_kind kind = input->kind;

    for (size_t i = 0; i < engine->rules->count; i++) {
        const struct rule *rule = &engine->rules->rules[i];
        enum subject_kind subject_kind = rule->check->subject;
        struct subject *subject;

        if (!rule->enabled || !(rule->check->reads & INPUT_BIT(kind)))
            continue;
        if (kind == INPUT_FILES && (subject_kind == SUBJECT_FILE || !str_equal(rule_file_source(rule), input->key)))
            continue; /* update_files() does those of files */
        if ((subject_kind == SUBJECT_CONTAINER && (kind == INPUT_CONTAINER || kind == INPUT_PROCESSES)) ||
            (subject_kind == SUBJECT_EXEC && kind == INPUT_EXEC) ||
            (subject_kind == SUBJECT_IMAGE && input_is_of_image(kind))) {
            subject = subject_find(engine, subject_kind, input->key);
            if (subject)
                visit(engine, subject, rule, changed);
            if (kind == INPUT_CONTAINER && map_count(engine->joiners))
                visit_joiners(engine, input->key, rule, changed, 0);
        } else if (subject_kind == SUBJECT_EXEC && kind == INPUT_CONTAINER) {
            continue; /* an exec keeps what was true when it was made */
        } else if (subject_kind == SUBJECT_CONTAINER && kind == INPUT_IMAGE &&
                   !store_image_users(engine->store, input->key)) {
            continue;
        } else {
            visit_all(engine, subject_kind, rule, changed, kind, input->key);
        }
    }
}

/* A set of files was read: pairs come and go with the files. */
static void update_files(struct engine *engine, const char *source, bool changed)
{
    const struct fileset_facts *set = store_files(engine->store, source, NULL);

    /* A set that cannot be read has one subject, named by its source, to say so. */
    for (size_t r = 0; r < engine->rules_of[SUBJECT_FILE].count; r++) {
        const struct rule *rule = engine->rules_of[SUBJECT_FILE].items[r];
        VEC(struct subject *) gone = {0};
        size_t at = 0;
        const char *path;
        void *value;

        if (!str_equal(rule_file_source(rule), source))
            continue;
        for (size_t i = 0; set && i < set->count; i++) {
            struct subject *subject = subject_ensure(engine, SUBJECT_FILE, set->items[i].path, NULL);

            if (!subject_pair(subject, rule))
                subject_add_pair(engine, subject, rule);
            visit(engine, subject, rule, changed);
        }
        if (!set) {
            struct subject *subject = subject_ensure(engine, SUBJECT_FILE, source, NULL);

            if (!subject_pair(subject, rule))
                subject_add_pair(engine, subject, rule);
            visit(engine, subject, rule, changed);
        }
        while (changed && map_next(engine->subjects[SUBJECT_FILE], &at, &path, &value)) {
            bool found = !set && str_equal(path, source);

            for (size_t i = 0; set && i < set->count && !found; i++)
                found = str_equal(set->items[i].path, path);
            if (!found && subject_pair(value, rule))
                vec_push(&gone, value);
        }
        for (size_t i = 0; i < gone.count; i++) {
            subject_drop_pair(engine, gone.items[i], subject_pair(gone.items[i], rule), engine->cause);
            if (!gone.items[i]->pair_count)
                subject_close(engine, gone.items[i], engine->cause);
        }
        vec_free(&gone);
    }
}

static void forget_input(struct engine *engine, enum input_kind kind, const char *key)
{
    struct input *input = input_find(engine, kind, key);

    if (input && (input->stale || input->in_flight)) {
        count_pending(engine, kind, -1);
    }
    map_remove(engine->inputs[kind], key_or_empty(key));
    store_remove(engine->store, kind, key);
}

static void schedule_settle(struct engine *engine)
{
    if (!engine->pending_total)
        event_active(engine->settle_event, EV_TIMEOUT, 0);
}

void engine_close_exec(struct engine *engine, const char *id)
{
    enum { CLOSED_MAX = 65536 };

    if (map_count(engine->closed_execs) < CLOSED_MAX)
        map_set(engine->closed_execs, id, engine);
}

/* Was any verdict on it told? Health checks' execs come and go without a word. */
static bool was_told(const struct subject *subject)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].seq)
            return true;
    return false;
}

void engine_gone(struct engine *engine, enum input_kind kind, const char *key, const char *cause)
{
    static const struct {
        enum input_kind input;
        enum subject_kind subject;
    } kinds[] = {{INPUT_CONTAINER, SUBJECT_CONTAINER}, {INPUT_IMAGE, SUBJECT_IMAGE}, {INPUT_EXEC, SUBJECT_EXEC}};
    struct input removed = {.kind = kind, .key = (char *)(uintptr_t)key_or_empty(key)};
    const char *outer = engine->cause;
    scoped(cleanup_free) char *key_copy = mem_strdup(key_or_empty(key));

    removed.key = key_copy;
    engine->cause = cause;
    if (kind == INPUT_CONTAINER) {
        follow_joins(engine, store_container(engine->store, key_copy, NULL), forget_joiner);
        execs_container_lost(engine, key_copy, true, "the container is already gone");
        forget_input(engine, INPUT_PROCESSES, key_copy);
    } else if (kind == INPUT_IMAGE) {
        forget_input(engine, INPUT_HISTORY, key_copy);
        forget_input(engine, INPUT_LAYERS, key_copy);
        forget_input(engine, INPUT_SCAN, key_copy);
    }
    forget_input(engine, kind, key_copy);
    for (size_t i = 0; i < countof(kinds); i++) {
        struct subject *subject = kinds[i].input == kind ? subject_find(engine, kinds[i].subject, key_copy) : NULL;

        if (subject && kind == INPUT_EXEC && was_told(subject))
            engine_close_exec(engine, key_copy);
        if (subject)
            subject_close(engine, subject, cause);
    }
    visit_affected(engine, &removed, true);
    engine->cause = outer;
    schedule_settle(engine);
}

static void start_fetch(struct engine *engine, struct input *input)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    if (input_is_of_engine(input->kind) && !engine->reachable)
        return; /* stays stale until the engine is back */
    input->stale = false;
    input->in_flight = true;
    engine->counters.fetches[input->kind]++;
    engine->callbacks.fetch(input->kind, key[0] ? key : NULL, engine->callbacks.user);
}

/* False: it is in flight, and will be fetched once more. */
static bool mark_stale(struct engine *engine, struct input *input, const char *cause)
{
    engine->counters.stale[input->kind]++;
    if (input->in_flight) {
        input->again = true;
        return false;
    }
    if (!input->stale) {
        input->stale = true;
        input->recent = false;
        count_pending(engine, input->kind, 1);
        free(input->cause);
        input->cause = mem_strdup(cause);
    }
    return true;
}

void engine_expect(struct engine *engine, enum input_kind kind, const char *key, const char *cause)
{
    mark_stale(engine, input_ensure(engine, kind, key), cause);
}

/* Is there one of it for each key? */
static bool has_keys(enum input_kind kind)
{
    return kind == INPUT_CONTAINER || kind == INPUT_PROCESSES || kind == INPUT_EXEC || kind == INPUT_FILES ||
           input_is_of_image(kind);
}

void engine_stale(struct engine *engine, enum input_kind kind, const char *key, const char *cause)
{
    struct input *input;

    if (has_keys(kind) && str_empty(key))
        return; /* an engine that says so is not to be believed */
    if (kind == INPUT_EXEC && map_get(engine->closed_execs, key))
        return;
    input = input_ensure(engine, kind, key);
    if (mark_stale(engine, input, cause))
        start_fetch(engine, input);
}

/* What never changes is not read twice: an exec's record (which the engine forgets: ours is the better one), what an
 * image was made by and of. A scanner's report is of its day until the image goes. */
static bool is_final(const struct engine *engine, const struct input *input)
{
    return (input->kind == INPUT_EXEC || input->kind == INPUT_HISTORY || is_background(input->kind)) &&
           store_get(engine->store, input->kind, input->key, NULL);
}

void engine_expect_all(struct engine *engine, const char *cause)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(engine->inputs[kind], &at, &key, &value))
            if (!is_final(engine, value))
                mark_stale(engine, value, cause);
    }
}

void engine_stale_all(struct engine *engine, const char *cause)
{
    VEC(struct input *) all = {0};

    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(engine->inputs[kind], &at, &key, &value)) {
            struct input *input = value;

            if (!is_final(engine, input) && mark_stale(engine, input, cause))
                vec_push(&all, input);
        }
    }
    /* All are marked before the first is fetched: what completes at once must know what it has to wait for. A fetch
     * that completes at once may forget others (a container that is gone), so each is looked up again by its name. */
    {
        VEC(struct input) names = {0};

        for (size_t i = 0; i < all.count; i++)
            vec_push(&names, (struct input){.kind = all.items[i]->kind, .key = mem_strdup(all.items[i]->key)});
        for (size_t i = 0; i < names.count; i++) {
            struct input *input = input_find(engine, names.items[i].kind, names.items[i].key);

            if (input && input->stale)
                start_fetch(engine, input);
            free(names.items[i].key);
        }
        vec_free(&names);
    }
    vec_free(&all);
    schedule_settle(engine);
}

void engine_set_reachable(struct engine *engine, bool reachable)
{
    bool was_known = engine->reachable_known;

    engine->reachable = reachable;
    engine->reachable_known = true;
    if (reachable || was_known)
        return;
    /* The first word is that there is no engine: what waits for it is evaluated, and says so. */
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (input_is_of_engine(kind) && map_next(engine->inputs[kind], &at, &key, &value)) {
            store_put_error(engine->store, kind, key[0] ? key : NULL, "the engine cannot be reached");
            engine->cause = "engine:unreachable";
            visit_affected(engine, value, true);
        }
    }
    engine->cause = NULL;
}

static void complete(struct engine *engine, struct input *input, bool changed)
{
    const char *outer = engine->cause;
    bool again = input->again;
    scoped(cleanup_free) char *cause = again ? mem_strdup(input->cause) : take(input->cause);
    enum input_kind kind = input->kind;
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    if (changed)
        engine->counters.changed[kind]++;
    input->in_flight = false;
    input->again = false;
    if (again) {
        input->stale = true;
        input->recent = true;
    } else {
        input->recent = false;
        count_pending(engine, kind, -1);
    }
    engine->cause = cause;
    if (kind == INPUT_FILES)
        update_files(engine, key, changed);
    visit_affected(engine, input, changed);
    engine->cause = outer;
    if (again) {
        input = input_find(engine, kind, key);
        if (input && input->stale)
            start_fetch(engine, input);
    }
    schedule_settle(engine);
}

static bool lists(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], s) == 0)
            return true;
    return false;
}

/* Execs that live now and did not when the container was last read. */
static void follow_execs(struct engine *engine, const struct container_facts *container,
                         const struct string_list *before, const char *cause)
{
    for (size_t i = 0; i < container->exec_ids.count; i++) {
        const char *id = container->exec_ids.items[i];

        if (lists(before, id) || map_get(engine->closed_execs, id) || store_get(engine->store, INPUT_EXEC, id, NULL))
            continue;
        execs_candidate(engine, container, id);
        engine_stale(engine, INPUT_EXEC, id, cause);
    }
}

/* What a container's facts say of other inputs. */
static void follow_container(struct engine *engine, const struct container_facts *container,
                             const struct container_facts *before, bool resync, const char *cause)
{
    const struct input *processes;

    if (container->image_id && !input_find(engine, INPUT_IMAGE, container->image_id))
        engine_stale(engine, INPUT_IMAGE, container->image_id, cause);
    if (!container->running || !container->pid) {
        forget_input(engine, INPUT_PROCESSES, container->id);
    } else if (!before || before->pid != container->pid || resync ||
               !(processes = input_find(engine, INPUT_PROCESSES, container->id)) || processes->stale) {
        engine_stale(engine, INPUT_PROCESSES, container->id, cause);
    }
}

/* The list says which containers there are. */
static void follow_list(struct engine *engine, const struct container_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, (void *)(uintptr_t)1);
    while (map_next(engine->inputs[INPUT_CONTAINER], &at, &key, &value))
        if (!map_get(listed, key) && !((struct input *)value)->in_flight)
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        engine_gone(engine, INPUT_CONTAINER, gone.items[i], cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
    for (size_t i = 0; i < list->count; i++)
        if (!input_find(engine, INPUT_CONTAINER, list->items[i].id))
            engine_stale(engine, INPUT_CONTAINER, list->items[i].id, cause);
    map_free(listed);
}

static bool is_read(const struct engine *engine, enum input_kind kind)
{
    for (size_t i = 0; i < engine->rules->count; i++)
        if (engine->rules->rules[i].enabled && engine->rules->rules[i].check->reads & INPUT_BIT(kind))
            return true;
    return false;
}

static bool same_strings(const struct string_list *a, const struct string_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

/* An image does not change, but its names do. */
static void follow_image(struct engine *engine, const struct image_list_item *item, const char *cause)
{
    static const enum input_kind others[] = {INPUT_HISTORY, INPUT_LAYERS, INPUT_SCAN};
    const struct image_facts *image = store_image(engine->store, item->id, NULL);
    const char *name = item->tags.count ? item->tags.items[0] : item->digests.count ? item->digests.items[0] : item->id;
    struct subject *subject =
        engine->rules_of[SUBJECT_IMAGE].count ? subject_ensure(engine, SUBJECT_IMAGE, item->id, name) : NULL;

    if (!input_find(engine, INPUT_IMAGE, item->id) ||
        (image && !(same_strings(&image->tags, &item->tags) && same_strings(&image->digests, &item->digests))))
        engine_stale(engine, INPUT_IMAGE, item->id, cause);
    for (size_t i = 0; i < countof(others); i++)
        if (is_read(engine, others[i]) && !input_find(engine, others[i], item->id))
            engine_stale(engine, others[i], item->id, cause);
    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].verdict == VERDICT_NONE && !subject->pairs[i].waiting)
            engine_evaluate(engine, subject, &subject->pairs[i]);
}

/* Closes the subjects of KIND that a list does not hold any more. */
static void close_unlisted(struct engine *engine, enum subject_kind kind, const struct map *listed, const char *cause)
{
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(engine->subjects[kind], &at, &key, &value))
        if (!map_get(listed, key))
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        struct subject *subject = subject_find(engine, kind, gone.items[i]);

        if (kind == SUBJECT_IMAGE && !store_image_users(engine->store, gone.items[i]))
            engine_gone(engine, INPUT_IMAGE, gone.items[i], cause);
        else if (subject)
            subject_close(engine, subject, cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
}

static void follow_images(struct engine *engine, const struct image_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(engine, SUBJECT_IMAGE, listed, cause);
    for (size_t i = 0; i < list->count; i++)
        follow_image(engine, &list->items[i], cause);
    map_free(listed);
}

static void follow_networks(struct engine *engine, const struct network_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(engine, SUBJECT_NETWORK, listed, cause);
    for (size_t i = 0; i < list->count && engine->rules_of[SUBJECT_NETWORK].count; i++)
        subject_ensure(engine, SUBJECT_NETWORK, list->items[i].id, list->items[i].name);
    map_free(listed);
}

/* Closes execs whose every verdict is in order (expired, acknowledged, or never out of order). */
static void drop_quiet_exec(struct engine *engine, const char *id)
{
    struct subject *subject = subject_find(engine, SUBJECT_EXEC, id);

    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!is_quiet(subject->pairs[i].verdict) || subject->pairs[i].waiting)
            return;
    for (size_t i = 0; i < subject->pair_count; i++)
        subject->pairs[i].verdict = VERDICT_NONE;
    engine_gone(engine, INPUT_EXEC, id, "timer");
}

/* An exec's facts are kept longer than its container: what is needed of the container goes with them. */
static void complete_exec(struct engine *engine, struct exec_facts *exec)
{
    const struct container_facts *container =
        exec->container_id ? store_container(engine->store, exec->container_id, NULL) : NULL;

    exec->seen = clock_now(engine->clock);
    if (!container)
        return;
    exec->container_name = arena_strdup(exec->facts.arena, container->name);
    exec->container_user = arena_strdup(exec->facts.arena, container->user ? container->user : "");
}

static void string_copies(const struct string_list *from, struct string_list *ret)
{
    ret->items = from->count ? mem_realloc_array(NULL, from->count, sizeof *ret->items) : NULL;
    while (ret->count < from->count) {
        ret->items[ret->count] = mem_strdup(from->items[ret->count]);
        ret->count++;
    }
}

static void string_copies_free(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((char *)(uintptr_t)list->items[i]);
    free(list->items);
}

void engine_fetched(struct engine *engine, enum input_kind kind, const char *key, struct facts *facts)
{
    struct input *input = input_find(engine, kind, key);
    scoped(cleanup_free) char *cause = NULL;
    const struct container_facts *before = NULL;
    struct container_facts old = {0};
    scoped(string_copies_free) struct string_list live = {0};
    bool changed, had = false;

    if (!input || !input->in_flight) { /* forgotten meanwhile: its subject is gone */
        facts_free(facts);
        return;
    }
    cause = mem_strdup(input->cause);
    if (kind == INPUT_CONTAINER) {
        before = store_container(engine->store, key, NULL);
        had = before != NULL;
        old.pid = had ? before->pid : 0;
        if (had)
            string_copies(&before->exec_ids, &live);
        follow_joins(engine, before, forget_joiner);
    }
    if (kind == INPUT_EXEC)
        complete_exec(engine, (struct exec_facts *)facts);
    input->doubted = 0;
    changed = store_put(engine->store, kind, key, facts);
    if (kind == INPUT_CONTAINER) {
        const struct container_facts *container =
            (const struct container_facts *)store_get(engine->store, kind, key, NULL);

        follow_joins(engine, container, note_joiner);
        subject_ensure(engine, SUBJECT_CONTAINER, key, container->name);
        follow_container(engine, container, had ? &old : NULL, engine->pending[INPUT_CONTAINERS] > 0, cause);
        follow_execs(engine, container, &live, cause);
        if (!input->again)
            execs_listed(engine, container);
    } else if (kind == INPUT_EXEC) {
        subject_ensure(engine, SUBJECT_EXEC, key,
                       ((const struct exec_facts *)store_get(engine->store, kind, key, NULL))->container_name);
    } else if (kind == INPUT_CONTAINERS) {
        follow_list(engine, store_containers(engine->store, NULL), cause);
    } else if (kind == INPUT_IMAGES && changed) {
        follow_images(engine, store_images(engine->store, NULL), cause);
    } else if (kind == INPUT_NETWORKS && changed) {
        follow_networks(engine, store_networks(engine->store, NULL), cause);
    }
    complete(engine, input, changed);
    if (kind == INPUT_EXEC) {
        execs_read(engine, store_exec(engine->store, key, NULL));
        drop_quiet_exec(engine, key);
    }
}

/* An exec's record is gone for good: it is not asked for again, and what the event told stays. */
static void fail_exec(struct engine *engine, struct input *input, bool gone, const char *why)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key), *name = NULL, *told = NULL;
    bool changed;

    if (!execs_failed(engine, key, gone, why, &name, &told)) {
        forget_input(engine, INPUT_EXEC, key);
        schedule_settle(engine);
        return;
    }
    changed = store_put_error(engine->store, INPUT_EXEC, key, told ? told : why);
    subject_ensure(engine, SUBJECT_EXEC, key, name);
    if (gone)
        input->again = false;
    complete(engine, input, changed);
    drop_quiet_exec(engine, key);
    if (gone)
        map_remove(engine->inputs[INPUT_EXEC], key);
}

void engine_fetch_failed(struct engine *engine, enum input_kind kind, const char *key, int number, const char *why)
{
    struct input *input = input_find(engine, kind, key);
    bool changed;

    if (!input || !input->in_flight)
        return;
    engine->counters.failures[kind]++;
    if (number == ENOTCONN) { /* the connection went: the value stays what it was, and stale */
        input->in_flight = false;
        input->again = false;
        input->stale = true;
        return;
    }
    if (number == ENOENT && (kind == INPUT_CONTAINER || input_is_of_image(kind))) {
        scoped(cleanup_free) char *cause = mem_strdup(input->cause), *id = mem_strdup(key);

        engine_gone(engine, kind == INPUT_CONTAINER ? INPUT_CONTAINER : INPUT_IMAGE, id, cause);
        return;
    }
    if (number == ESRCH && kind == INPUT_PROCESSES && input->doubted < DOUBTS_MAX) {
        scoped(cleanup_free) char *cause = mem_strdup(input->cause), *id = mem_strdup(key);

        /* It stays stale: the container's end is on its way, or the fetcher looks again in a moment. */
        input->in_flight = input->again = false;
        input->stale = true;
        if (!input->doubted++)
            engine_stale(engine, INPUT_CONTAINER, id, cause);
        return;
    }
    if (kind == INPUT_EXEC) {
        fail_exec(engine, input, number == ENOENT, why);
        return;
    }
    if (kind == INPUT_CONTAINER)
        follow_joins(engine, store_container(engine->store, key, NULL), forget_joiner);
    changed = store_put_error(engine->store, kind, key, why);
    if (kind == INPUT_CONTAINER) {
        subject_ensure(engine, SUBJECT_CONTAINER, key, NULL);
        execs_container_lost(engine, key, false, why);
    }
    complete(engine, input, changed);
}

bool engine_is_settled(const struct engine *engine)
{
    return engine->pending_total == 0;
}

bool engine_has_background_work(const struct engine *engine)
{
    return engine->pending_background > 0;
}

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;

    (void)fd;
    (void)what;
    if (engine->pending_total)
        return;
    if (engine->reachable && !engine->restored_closed) {
        engine->restored_closed = true;
        state_close_leftovers(engine);
    }
    state_tell_trouble(engine);
    if (engine->callbacks.settled)
        engine->callbacks.settled(engine->callbacks.user);
}

/* Evaluates what time alone may have changed: ALL, or only what is due. */
static void recheck(struct engine *engine, bool all, const char *cause)
{
    usec_t now = clock_now(engine->clock);
    VEC(char *) execs = {0};

    engine->next_recheck = 0;
    engine->cause = cause;
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(engine->subjects[kind], &at, &key, &value)) {
            struct subject *subject = value;

            for (size_t i = 0; i < subject->pair_count; i++) {
                struct pair *pair = &subject->pairs[i];

                if ((all && !pair->waiting) || (pair->recheck && pair->recheck <= now)) {
                    engine_evaluate(engine, subject, pair);
                    if (kind == SUBJECT_EXEC)
                        vec_push(&execs, mem_strdup(key));
                } else {
                    exceptions_refresh(engine, subject, pair);
                    arm_recheck(engine, pair->recheck);
                }
            }
        }
    }
    arm_recheck(engine, exceptions_next_expiry(engine));
    for (size_t i = 0; i < execs.count; i++) {
        drop_quiet_exec(engine, execs.items[i]);
        free(execs.items[i]);
    }
    vec_free(&execs);
    engine->cause = NULL;
}

static void on_recheck(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    recheck(user, false, "timer");
}

void engine_clock_changed(struct engine *engine)
{
    recheck(engine, true, "clock");
}

int engine_acknowledge(struct engine *engine, const char *exec_id, const char *by, const char *why)
{
    scoped_str cause = STR_INIT;

    if (!subject_find(engine, SUBJECT_EXEC, exec_id))
        return -ENOENT;
    str_printf(&cause, "ack: %s: %s", by, why);
    engine_gone(engine, INPUT_EXEC, exec_id, cause.data);
    return 0;
}

void engine_agent_state(struct engine *engine, const char *slug, bool ready, const char *evidence, const char *cause)
{
    size_t i = 0;

    while (i < engine->agent_states.count && !str_equal(engine->agent_states.items[i].slug, slug))
        i++;
    if (ready && i == engine->agent_states.count)
        return;
    if (ready) {
        free(engine->agent_states.items[i].slug);
        free(engine->agent_states.items[i].evidence);
        vec_remove(&engine->agent_states, i);
    } else if (i < engine->agent_states.count) {
        free(engine->agent_states.items[i].evidence);
        engine->agent_states.items[i].evidence = mem_strdup(evidence);
        return;
    } else {
        vec_push(&engine->agent_states,
                 (struct agent_state){.slug = mem_strdup(slug), .evidence = mem_strdup(evidence)});
    }
    engine->last_seq++;
    state_append_seq(engine);
    publish(engine, transition_for_agent(slug, ready, !ready, evidence, cause, engine->last_seq,
                                         clock_now(engine->clock), "agent"));
}

bool engine_next_agent_state(const struct engine *engine, size_t *at, const char **ret_slug, const char **ret_evidence)
{
    if (*at >= engine->agent_states.count)
        return false;
    *ret_slug = engine->agent_states.items[*at].slug;
    *ret_evidence = engine->agent_states.items[*at].evidence;
    (*at)++;
    return true;
}

static const struct rule *same_rule(const struct engine *engine, const struct rule *old)
{
    const struct rule *rule = rule_set_find(engine->rules, old->slug);

    return rule && rule->enabled && rule->check->subject == old->check->subject ? rule : NULL;
}

void engine_set_rules(struct engine *engine, struct rule_set *rules, const struct config *config)
{
    struct rule_set *old = engine->rules;

    engine->rules = rules;
    engine->config = config;
    index_rules(engine);
    exceptions_index(engine);
    engine->cause = "reload";
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(engine->subjects[kind], &at, &key, &value)) {
            struct subject *subject = value;

            for (size_t i = subject->pair_count; i-- > 0;) {
                const struct rule *rule = same_rule(engine, subject->pairs[i].rule);

                if (rule)
                    subject->pairs[i].rule = rule;
                else
                    subject_drop_pair(engine, subject, &subject->pairs[i], "reload");
            }
            for (size_t i = 0; kind != SUBJECT_FILE && i < engine->rules_of[kind].count; i++)
                if (!subject_pair(subject, engine->rules_of[kind].items[i]))
                    subject_add_pair(engine, subject, engine->rules_of[kind].items[i]);
            for (size_t i = 0; i < subject->pair_count; i++)
                engine_evaluate(engine, subject, &subject->pairs[i]);
        }
    }
    ensure_single_subjects(engine);
    arm_recheck(engine, exceptions_next_expiry(engine));
    engine->cause = NULL;
    rule_set_free(old);
}

/* No subjects are known because nobody could tell which there are. */
static bool list_is_unknown(const struct engine *engine, enum subject_kind kind)
{
    switch (kind) {
    case SUBJECT_CONTAINER:
    case SUBJECT_EXEC:
        return !store_containers(engine->store, NULL);
    case SUBJECT_IMAGE:
        return !store_images(engine->store, NULL);
    case SUBJECT_NETWORK:
        return !store_networks(engine->store, NULL);
    case SUBJECT_HOST:
    case SUBJECT_DAEMON:
    case SUBJECT_SWARM:
    case SUBJECT_FILE:
    case SUBJECT_KIND_COUNT:
        break;
    }
    return false;
}

enum verdict engine_rule_verdict(const struct engine *engine, const struct rule *rule, unsigned counts[VERDICT_COUNT])
{
    enum verdict worst = VERDICT_NONE;
    size_t at = 0;
    const char *key;
    void *value;

    if (counts)
        memset(counts, 0, VERDICT_COUNT * sizeof *counts);
    while (map_next(engine->subjects[rule->check->subject], &at, &key, &value)) {
        const struct pair *pair = subject_pair(value, rule);

        if (!pair || pair->verdict == VERDICT_NONE)
            continue;
        if (counts)
            counts[pair->verdict]++;
        if (pair->verdict > worst)
            worst = pair->verdict;
    }
    if (worst != VERDICT_NONE)
        return worst;
    return list_is_unknown(engine, rule->check->subject) ? VERDICT_ERROR : VERDICT_NOT_APPLICABLE;
}

const struct subject *engine_next_subject(const struct engine *engine, size_t *at)
{
    /* The kind in the high bits, the place in its map in the low ones. */
    enum { KIND_SHIFT = 48 };
    const char *key;
    void *value;

    for (size_t kind = *at >> KIND_SHIFT; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t place = *at & ((UINT64_C(1) << KIND_SHIFT) - 1);

        if (map_next(engine->subjects[kind], &place, &key, &value)) {
            *at = ((size_t)kind << KIND_SHIFT) | place;
            return value;
        }
        *at = (size_t)(kind + 1) << KIND_SHIFT;
    }
    return NULL;
}

const struct subject *engine_find_subject(const struct engine *engine, enum subject_kind kind, const char *id)
{
    return map_get(engine->subjects[kind], id);
}

const struct store *engine_store(const struct engine *engine)
{
    return engine->store;
}

const struct rule_set *engine_rules(const struct engine *engine)
{
    return engine->rules;
}

uint64_t engine_last_seq(const struct engine *engine)
{
    return engine->last_seq;
}

uint64_t engine_oldest_seq(const struct engine *engine)
{
    return engine->ring.count ? engine->ring.items[engine->ring.first]->seq : engine->last_seq + 1;
}

struct transition *engine_transition_after(const struct engine *engine, uint64_t seq)
{
    const struct transition_ring *ring = &engine->ring;
    uint64_t oldest = engine_oldest_seq(engine);
    size_t skip = seq >= oldest ? (size_t)(seq - oldest + 1) : 0; /* seq grows by one per entry */

    return skip < ring->count ? ring->items[(ring->first + skip) % ring->size] : NULL;
}

const struct engine_counters *engine_counters(const struct engine *engine)
{
    return &engine->counters;
}

struct engine *engine_new(struct event_base *base, struct rule_set *rules, const struct config *config,
                          const struct clock *clock, const struct engine_callbacks *callbacks)
{
    struct engine *engine = mem_alloc(sizeof *engine);

    engine->base = base;
    engine->rules = rules;
    engine->config = config ? config : &config_none;
    engine->clock = clock;
    engine->callbacks = *callbacks;
    engine->store = store_new();
    engine->closed_execs = map_new(NULL);
    engine->execs = execs_new(clock_now(clock));
    engine->joiners = map_new(joiners_free);
    engine->state_fd = -1;
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        engine->inputs[kind] = map_new(input_free);
    check_result_init(&engine->scratch);
    engine->settle_event = event_new(base, -1, 0, on_settled, engine);
    engine->recheck_timer = evtimer_new(base, on_recheck, engine);
    subjects_init(engine);
    index_rules(engine);
    exceptions_index(engine);
    ensure_single_subjects(engine);
    arm_recheck(engine, exceptions_next_expiry(engine));
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    state_deinit(engine);
    exceptions_free(engine);
    for (size_t i = 0; i < engine->ring.count; i++)
        transition_unref(engine->ring.items[(engine->ring.first + i) % engine->ring.size]);
    free(engine->ring.items);
    for (size_t i = 0; i < engine->agent_states.count; i++) {
        free(engine->agent_states.items[i].slug);
        free(engine->agent_states.items[i].evidence);
    }
    vec_free(&engine->agent_states);
    subjects_deinit(engine);
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        map_free(engine->inputs[kind]);
    check_result_deinit(&engine->scratch);
    event_free(engine->settle_event);
    event_free(engine->recheck_timer);
    store_free(engine->store);
    map_free(engine->closed_execs);
    execs_free(engine->execs);
    map_free(engine->joiners);
    rule_set_free(engine->rules);
    free(engine);
}
