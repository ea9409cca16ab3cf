/* Requests to the engine that are under way, and what else is done when the last of an answer has come. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"

struct request *fetch_request_new(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    struct request *request = mem_alloc(sizeof *request);

    request->fetcher = fetcher;
    request->kind = kind;
    request->key = mem_strdup(key);
    request->next = fetcher->requests;
    request->link = &fetcher->requests;
    if (request->next)
        request->next->link = &request->next;
    fetcher->requests = request;
    return request;
}

void fetch_request_unlink(struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
}

void fetch_request_free(struct request *request)
{
    if (request->retry_timer)
        event_free(request->retry_timer);
    worker_cancel(request->worker);
    facts_free(request->held ? &request->held->facts : NULL);
    free(request->lookups);
    free(request->volumes);
    free(request->key);
    free(request);
}

void fetch_free_requests(struct fetcher *fetcher)
{
    while (fetcher->requests) {
        struct request *request = fetcher->requests;

        fetch_request_unlink(request);
        fetch_request_free(request);
    }
}

/* A node that left a swarm loses the networks of it some seconds later, of which newer engines tell nothing. */
static void await_leaving(struct fetcher *fetcher)
{
    enum { RECHECKS = 60 };
    const struct network_list_facts *networks = store_networks(evaluator_store(fetcher->evaluator), NULL);
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    bool left = false;

    for (size_t i = 0; networks && i < networks->count; i++)
        left = left || str_equal(networks->items[i].scope, "swarm");
    if (!left || !info || !str_equal(info->swarm_state, "inactive"))
        fetcher->leaving = 0;
    else if (fetcher->leaving++ < RECHECKS)
        fetch_recheck_later(fetcher, INPUT_NETWORKS, "");
}

void fetch_finish(struct request *request, struct facts *facts, int number, const char *why)
{
    fetch_request_unlink(request);
    if (facts && request->kind == INPUT_CONTAINER)
        fetch_end_record(request->fetcher, (const struct container_facts *)facts);
    if (facts)
        evaluator_fetched(request->fetcher->evaluator, request->kind, request->key, facts);
    else
        evaluator_fetch_failed(request->fetcher->evaluator, request->kind, request->key, number, why);
    if (request->kind == INPUT_NETWORKS)
        await_leaving(request->fetcher);
    if (request->kind == INPUT_IMAGE && number != ENOTCONN)
        fetch_image_came(request->fetcher, request->key, !facts, why);
    fetch_request_free(request);
}
