/* A container's own processes, from /proc. Its process may be gone before the engine has said that it ended, or a newer
 * one not known yet: before that is reported it is looked at once more. */
#include <errno.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/host/proc.h"

/* False, and nothing delivered: the process is gone just now, and this was not the LAST try. */
static bool read_processes(struct fetcher *fetcher, const char *id, bool last)
{
    const struct container_facts *container = store_container(evaluator_store(fetcher->evaluator), id, NULL);
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = container && container->pid
                ? proc_container_processes(fetcher->root, (pid_t)container->pid, id, &facts, &error)
                : error_set(&error, ESRCH, "not running");

    if (!last && (r == -ESRCH || (r == 0 && !facts->count))) {
        if (r == 0)
            facts_free(&facts->facts);
        return false;
    }
    if (r == -ESRCH)
        fetch_recheck_later(fetcher, INPUT_PROCESSES, id);
    fetch_deliver(fetcher, INPUT_PROCESSES, id, r, r < 0 ? NULL : &facts->facts, &error);
    return true;
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct request *request = user;

    (void)fd;
    (void)what;
    fetch_request_unlink(request);
    read_processes(request->fetcher, request->key, true);
    fetch_request_free(request);
}

void fetch_processes(struct fetcher *fetcher, const char *id)
{
    static const struct timeval moment = {.tv_usec = 250000};
    struct request *request;

    if (fetch_refuse_remote(fetcher, INPUT_PROCESSES, id) || read_processes(fetcher, id, false))
        return;
    request = fetch_request_new(fetcher, INPUT_PROCESSES, id);
    request->retry_timer = evtimer_new(fetcher->base, on_retry, request);
    evtimer_add(request->retry_timer, &moment);
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
