/* What is read again a moment later: what was started has become what it runs, what began has come to its end. */
#include "agent/fetch/fetch_internal.h"
#include "probes/daemon/daemon_memory.h"

static void arm_recheck_timer(struct fetcher *fetcher)
{
    usec_t now = clock_monotonic(), next = 0;
    struct timeval wait;

    for (size_t i = 0; i < fetcher->rechecks.count; i++)
        if (!next || fetcher->rechecks.items[i].at < next)
            next = fetcher->rechecks.items[i].at;
    if (!next)
        return;
    next = next > now ? next - now : 1;
    wait = (struct timeval){.tv_sec = next / USEC_PER_SEC, .tv_usec = next % USEC_PER_SEC};
    evtimer_add(fetcher->recheck_timer, &wait);
}

static void mark_again(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    const struct container_facts *container;

    if (input_types[kind].key == INPUT_KEY_NONE) {
        evaluator_stale(fetcher->evaluator, kind, NULL, cause);
        return;
    }
    container = store_container(evaluator_store(fetcher->evaluator), id, NULL);
    if (container && (container->running || kind != INPUT_PROCESSES))
        evaluator_stale(fetcher->evaluator, kind, id, cause);
}

static void on_recheck_time(evutil_socket_t fd, short what, void *user)
{
    struct fetcher *fetcher = user;
    usec_t now = clock_monotonic();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < fetcher->rechecks.count;) {
        struct recheck due = fetcher->rechecks.items[i];

        if (due.at > now) {
            i++;
            continue;
        }
        vec_remove(&fetcher->rechecks, i);
        mark_again(fetcher, due.kind, due.id, "timer");
        free(due.id);
    }
    arm_recheck_timer(fetcher);
}

void fetch_init_rechecks(struct fetcher *fetcher)
{
    fetcher->recheck_timer = evtimer_new(fetcher->base, on_recheck_time, fetcher);
}

void fetch_free_rechecks(struct fetcher *fetcher)
{
    for (size_t i = 0; i < fetcher->rechecks.count; i++)
        free(fetcher->rechecks.items[i].id);
    vec_free(&fetcher->rechecks);
    event_free(fetcher->recheck_timer);
}

static void add_rechecks(struct fetcher *fetcher, enum input_kind kind, const char *id, const usec_t *delays,
                         size_t count)
{
    enum { RECHECKS_MAX = 4096 };
    size_t pending = 0;

    /* Health checks start something all the time: so many at once are enough. */
    for (size_t i = 0; i < fetcher->rechecks.count; i++)
        pending += fetcher->rechecks.items[i].kind == kind && str_equal(fetcher->rechecks.items[i].id, id);
    for (size_t i = pending; i < count && fetcher->rechecks.count < RECHECKS_MAX; i++)
        vec_push(&fetcher->rechecks,
                 (struct recheck){.kind = kind, .id = mem_strdup(id), .at = clock_monotonic() + delays[i]});
    arm_recheck_timer(fetcher);
}

void fetch_recheck_later(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    static const usec_t delays[] = {USEC_PER_SEC / 5, 2 * USEC_PER_SEC};

    add_rechecks(fetcher, kind, id, delays, countof(delays));
}

bool fetcher_container_is_leaving(const struct fetcher *fetcher, const char *container_id)
{
    for (size_t i = 0; i < fetcher->rechecks.count; i++)
        if (fetcher->rechecks.items[i].kind == INPUT_CONTAINER &&
            str_equal(fetcher->rechecks.items[i].id, container_id))
            return true;
    return false;
}

/* Now, and twice again a moment later: what began may not have come to its end. */
static void recheck_repeatedly(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    mark_again(fetcher, kind, id, cause);
    fetch_recheck_later(fetcher, kind, id);
}

void fetcher_container_started(struct fetcher *fetcher, const char *container_id)
{
    static const usec_t delays[] = {USEC_PER_SEC};

    add_rechecks(fetcher, INPUT_PROCESSES, container_id, delays, countof(delays));
}

void fetcher_exec_started(struct fetcher *fetcher, const char *container_id)
{
    fetch_recheck_later(fetcher, INPUT_PROCESSES, container_id);
}

void fetcher_container_leaves(struct fetcher *fetcher, const char *container_id)
{
    fetch_recheck_later(fetcher, INPUT_CONTAINER, container_id);
}

void fetcher_swarm_changed(struct fetcher *fetcher, const char *cause)
{
    static const enum input_kind kinds[] = {INPUT_NETWORKS,  INPUT_SERVICES,     INPUT_TASKS,     INPUT_SECRETS,
                                            INPUT_LISTENERS, INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};

    for (size_t i = 0; i < countof(kinds); i++)
        recheck_repeatedly(fetcher, kinds[i], "", cause);
}

void fetcher_engine_reloaded(struct fetcher *fetcher, usec_t at, const char *cause)
{
    daemon_memory_reloaded(fetcher->daemon_memory, at);
    recheck_repeatedly(fetcher, INPUT_INFO, "", cause);
    mark_again(fetcher, INPUT_DAEMON, "", cause);
}
