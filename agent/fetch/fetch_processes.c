/* A container's own processes, from /proc. Its process may be gone before the engine has said that it ended, or a newer
 * one not known yet: before that is reported it is looked at once more. Those that are to be read at one time are read
 * in one worker. */
#include <errno.h>

#include "agent/fetch/fetch_internal.h"

static struct worker *start_reading(void *owner, const struct string_list *ids, void *const *items, worker_done *done,
                                    void *user, struct error *error)
{
    struct fetcher *fetcher = owner;
    const struct store *store = evaluator_store(fetcher->evaluator);
    scoped(cleanup_free) struct processes_query *queries = mem_realloc_array(NULL, ids->count, sizeof *queries);
    scoped_str message = STR_INIT;

    (void)items;
    for (size_t i = 0; i < ids->count; i++) {
        const struct container_facts *container = store_container(store, ids->items[i], NULL);

        queries[i] = (struct processes_query){.pid = container ? (pid_t)container->pid : 0, .id = ids->items[i]};
    }
    roles_ask_processes(&message, queries, ids->count);
    return fetch_ask(fetcher, ROLE_PROCESSES, PROCESSES_CONTAINERS, &message, done, user, error);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct request *request = user;

    (void)fd;
    (void)what;
    request->began = clock_monotonic();
    batch_add(request->fetcher->process_batch, request->key, request);
}

static void take_processes(void *owner, const char *id, void *item, struct wire_reader *reader, int number,
                           const char *why)
{
    static const struct timeval moment = {.tv_usec = 250000};
    struct fetcher *fetcher = owner;
    struct request *request = item;
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = reader ? roles_take_processes(reader, &facts, &error) : error_set(&error, number, "%s", why);

    fetch_looked(fetcher, INPUT_PROCESSES, id, request->began);
    if (!request->retry_timer && (r == -ESRCH || (r == 0 && facts && !facts->count))) {
        facts_free(facts ? &facts->facts : NULL);
        request->retry_timer = evtimer_new(fetcher->base, on_retry, request);
        evtimer_add(request->retry_timer, &moment);
        return;
    }
    if (r == -ESRCH)
        fetch_recheck_later(fetcher, INPUT_PROCESSES, id);
    fetch_request_unlink(request);
    fetch_deliver(fetcher, INPUT_PROCESSES, id, r, r < 0 ? NULL : &facts->facts, &error);
    fetch_request_free(request);
}

static bool is_silent(void *owner)
{
    return fetch_is_silent(owner, ROLE_PROCESSES);
}

static const struct batch_type reading = {
    .what = "process", .start = start_reading, .is_silent = is_silent, .answer = take_processes};

void fetch_processes(struct fetcher *fetcher, const char *id)
{
    struct request *request;

    if (fetch_refuse_remote(fetcher, INPUT_PROCESSES, id))
        return;
    if (!fetcher->process_batch)
        fetcher->process_batch = batch_new(fetcher->base, &reading, fetcher);
    request = fetch_request_new(fetcher, INPUT_PROCESSES, id);
    request->began = clock_monotonic();
    fetch_look_begins(fetcher, INPUT_PROCESSES, id);
    batch_add(fetcher->process_batch, id, request);
}

void fetch_free_processes(struct fetcher *fetcher)
{
    batch_free(fetcher->process_batch);
}

void fetcher_sweep_processes(struct fetcher *fetcher, const char *cause)
{
    VEC(char *) running = {0};
    size_t at = 0;
    const char *id;
    const struct facts *facts;

    while (store_next(evaluator_store(fetcher->evaluator), INPUT_CONTAINER, &at, &id, &facts))
        if (((const struct container_facts *)facts)->running)
            vec_push(&running, mem_strdup(id));
    for (size_t i = 0; i < running.count; i++) {
        evaluator_stale(fetcher->evaluator, INPUT_PROCESSES, running.items[i], cause);
        free(running.items[i]);
    }
    vec_free(&running);
}
