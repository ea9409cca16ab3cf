/* The end of a fetch: facts, or why there are none, or that the thing itself is gone. The facts go into the store, the
 * inputs that they lead to are followed (follow.c), and the pairs that read the input are visited
 * (affected.c). */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>

enum { MISSING_PROCESS_MAX = 3 };

/* The record of an exec is read once; nothing is asked about it any more. */
static void end_exec(struct evaluator *evaluator, struct input *input)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    input->again = false;
    input_complete(evaluator, input, false);
    input = input_find(evaluator, INPUT_EXEC, key);
    if (!input)
        return;
    retry_forget(evaluator, input);
    map_remove(evaluator->inputs[INPUT_EXEC], key);
}

/* An exec's facts are kept longer than its container: what is needed of the container goes with them. */
static void complete_exec(struct evaluator *evaluator, struct exec_facts *exec)
{
    const struct container_facts *container =
        exec->container_id ? store_container(evaluator->store, exec->container_id, NULL) : NULL;

    if (!container)
        return;
    exec->container_name = arena_strdup(exec->facts.arena, container->name);
    exec->container_user = arena_strdup(exec->facts.arena, container->user ? container->user : "");
}

static void exec_fetched(struct evaluator *evaluator, struct input *input, struct exec_facts *exec)
{
    scoped(cleanup_free) char *cause = mem_strdup(input->cause), *key = mem_strdup(input->key), *group = NULL;

    complete_exec(evaluator, exec);
    retry_answered(evaluator, input);
    evaluator->counters.changed[INPUT_EXEC]++;
    end_exec(evaluator, input);
    execs_read(evaluator, key, exec);
    group = mem_strdup(exec_found(evaluator, key, exec, cause));
    if (group)
        exec_drop_quiet(evaluator, group);
    settle_schedule(evaluator);
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

static void fetched(struct evaluator *evaluator, struct input *input, enum input_kind kind, const char *key,
                    struct facts *facts)
{
    scoped(cleanup_free) char *cause = NULL;
    const struct container_facts *before = NULL;
    struct container_facts old = {0};
    scoped(string_copies_free) struct string_list live = {0};
    bool changed, had = false;

    cause = mem_strdup(input->cause);
    if (kind == INPUT_CONTAINER) {
        before = store_container(evaluator->store, key, NULL);
        had = before != NULL;
        old.pid = had ? before->pid : 0;
        if (had)
            string_copies(&before->exec_ids, &live);
        joins_forget(evaluator, before);
    }
    input->missing_process_count = 0;
    input->missing = false;
    retry_answered(evaluator, input);
    changed = store_put(evaluator->store, kind, key, facts);
    another_engine_learn(evaluator, kind, false);
    if (kind == INPUT_CONTAINER) {
        const struct container_facts *container =
            (const struct container_facts *)store_get(evaluator->store, kind, key, NULL);

        if (container->incomplete)
            retry_failed(evaluator, input, EAGAIN);
        joins_note(evaluator, container);
        excluded_follow(evaluator, subject_ensure(evaluator, SUBJECT_CONTAINER, key, container->name), cause);
        follow_container(evaluator, container, had ? &old : NULL, evaluator->pending[INPUT_CONTAINERS] > 0, cause);
        follow_execs(evaluator, container, &live, cause);
        if (!input->again)
            execs_listed(evaluator, container);
    } else if (kind == INPUT_CONTAINERS) {
        follow_containers(evaluator, store_containers(evaluator->store, NULL), cause);
    } else if (kind == INPUT_IMAGES && changed) {
        follow_images(evaluator, store_images(evaluator->store, NULL), cause);
    } else if (kind == INPUT_NETWORKS && changed) {
        follow_networks(evaluator, store_networks(evaluator->store, NULL), cause);
    }
    if (kind == INPUT_IMAGE) { /* they could not be read without it */
        struct subject *image = subject_find(evaluator, SUBJECT_IMAGE, key);

        if (image)
            excluded_follow(evaluator, image, cause);
        retry_now(evaluator, INPUT_LAYERS, key);
        retry_now(evaluator, INPUT_SCAN, key);
    }
    unlisted_close(evaluator, kind, cause);
    input_complete(evaluator, input, changed);
    missing_resolve(evaluator, kind, NULL, cause);
    room_offer(evaluator); /* it may take less than before */
}

static void fetch_failed(struct evaluator *evaluator, struct input *input, enum input_kind kind, const char *key,
                         int number, const char *why);

/* There is no room for FACTS. */
static void not_kept(struct evaluator *evaluator, struct input *input, struct facts *facts, const char *why)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key);
    enum input_kind kind = input->kind;
    size_t size = arena_size(facts->arena);

    facts_free(facts);
    fetch_failed(evaluator, input, kind, key, EFBIG, why);
    input = input_find(evaluator, kind, key);
    if (input && input->unread)
        room_await(evaluator, input, size);
}

void evaluator_fetched(struct evaluator *evaluator, enum input_kind kind, const char *key, struct facts *facts)
{
    struct input *input = input_find(evaluator, kind, key);
    usec_t outer = evaluator->event_at;
    scoped(cleanup_free) char *why = NULL;

    if (!input || !input->in_flight) { /* forgotten meanwhile: its subject is gone */
        facts_free(facts);
        return;
    }
    evaluator->event_at = input->event_at;
    if (kind == INPUT_EXEC)
        exec_fetched(evaluator, input, (struct exec_facts *)facts);
    else if (!room_make(evaluator, input, facts, &why))
        not_kept(evaluator, input, facts, why);
    else
        fetched(evaluator, input, kind, key, facts);
    evaluator->event_at = outer;
}

/* The record of an exec does not exist any more: what its event said remains. */
static void exec_gone(struct evaluator *evaluator, struct input *input, const char *why)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key), *cause = mem_strdup(input->cause);

    end_exec(evaluator, input);
    if (!execs_gone(evaluator, key)) {
        store_put_error(evaluator->store, INPUT_EXEC, key, why);
        exec_unread(evaluator, key, NULL, cause);
    } else if (exec_is_by_itself(evaluator, key)) { /* it was not worth a finding */
        evaluator_gone(evaluator, INPUT_EXEC, key, "timer");
    }
    settle_schedule(evaluator);
}

/* It is asked for again, and an error until then. */
static void exec_unanswered(struct evaluator *evaluator, struct input *input, int number, const char *why)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key), *cause = mem_strdup(input->cause);
    scoped(cleanup_free) char *name = NULL, *loss = NULL;

    execs_unread(evaluator, key, why, &name, &loss);
    retry_failed(evaluator, input, number);
    store_put_error(evaluator->store, INPUT_EXEC, key, loss ? loss : why);
    input_complete(evaluator, input, true);
    exec_unread(evaluator, key, name, cause);
}

static void fetch_failed(struct evaluator *evaluator, struct input *input, enum input_kind kind, const char *key,
                         int number, const char *why)
{
    evaluator->counters.failures[kind]++;
    if (number == ENOTCONN) { /* the connection went: the value stays what it was, and stale */
        input->in_flight = false;
        input->again = false;
        input->stale = true;
        return;
    }
    if (number == ENOENT && (kind == INPUT_CONTAINER || (input_types[kind].key == INPUT_KEY_IMAGE))) {
        if (missing_await_list(evaluator, input))
            return;
        scoped(cleanup_free) char *cause = mem_strdup(input->cause), *id = mem_strdup(key);

        evaluator_gone(evaluator, kind == INPUT_CONTAINER ? INPUT_CONTAINER : INPUT_IMAGE, id, cause);
        return;
    }
    if (number == ESRCH && kind == INPUT_PROCESSES && input->missing_process_count < MISSING_PROCESS_MAX) {
        scoped(cleanup_free) char *cause = mem_strdup(input->cause), *id = mem_strdup(key);
        const struct container_facts *container = store_container(evaluator->store, id, NULL);

        /* It stays stale: the container's end is on its way, or the fetcher looks again in a moment. */
        input->in_flight = input->again = false;
        input->stale = true;
        if (!input->missing_process_count++ && !(container && container->auto_remove))
            evaluator_stale(evaluator, INPUT_CONTAINER, id, cause);
        return;
    }
    if (kind == INPUT_EXEC) {
        if (number == ENOENT)
            exec_gone(evaluator, input, why);
        else
            exec_unanswered(evaluator, input, number, why);
        return;
    }
    another_engine_learn(evaluator, kind, true);
    input_fail(evaluator, input, number, why);
    missing_resolve(evaluator, kind, why, NULL);
}

void evaluator_fetch_failed(struct evaluator *evaluator, enum input_kind kind, const char *key, int number,
                            const char *why)
{
    struct input *input = input_find(evaluator, kind, key);
    usec_t outer = evaluator->event_at;

    if (!input || !input->in_flight)
        return;
    evaluator->event_at = input->event_at;
    fetch_failed(evaluator, input, kind, key, number, why);
    evaluator->event_at = outer;
}

void evaluator_set_engine_reachable(struct evaluator *evaluator, bool reachable)
{
    bool was_known = evaluator->reachable_known;

    evaluator->reachable = reachable;
    if (!reachable)
        another_engine_give_up(evaluator);
    inputs_wake(evaluator); /* whether the engine answers is known: nothing waits for that any more */
    evaluator->reachable_known = true;
    if (reachable || was_known)
        return;
    /* The agent started without an engine: what waits for its answers is evaluated to an error. */
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (input_types[kind].from_engine && map_next(evaluator->inputs[kind], &at, &key, &value)) {
            store_put_error(evaluator->store, kind, key[0] ? key : NULL, "the engine cannot be reached");
            unlisted_open(evaluator, (enum input_kind)kind);
            evaluator->cause = "engine:unreachable";
            visit_affected(evaluator, value, true);
        }
    }
    evaluator->cause = NULL;
}
