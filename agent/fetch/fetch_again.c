/* What is read again a moment later: what was started has become what it runs, what began has come to its end. */
#include "agent/fetch/fetch_internal.h"

static void arm_looks(struct fetcher *fetcher)
{
    usec_t now = clock_monotonic(), next = 0;
    struct timeval wait;

    for (size_t i = 0; i < fetcher->looks.count; i++)
        if (!next || fetcher->looks.items[i].at < next)
            next = fetcher->looks.items[i].at;
    if (!next)
        return;
    next = next > now ? next - now : 1;
    wait = (struct timeval){.tv_sec = next / USEC_PER_SEC, .tv_usec = next % USEC_PER_SEC};
    evtimer_add(fetcher->look_timer, &wait);
}

static void look(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
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

static void on_second_look(evutil_socket_t fd, short what, void *user)
{
    struct fetcher *fetcher = user;
    usec_t now = clock_monotonic();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < fetcher->looks.count;) {
        struct second_look due = fetcher->looks.items[i];

        if (due.at > now) {
            i++;
            continue;
        }
        vec_remove(&fetcher->looks, i);
        look(fetcher, due.kind, due.id, "timer");
        free(due.id);
    }
    arm_looks(fetcher);
}

void fetch_init_looks(struct fetcher *fetcher)
{
    fetcher->look_timer = evtimer_new(fetcher->base, on_second_look, fetcher);
}

void fetch_free_looks(struct fetcher *fetcher)
{
    for (size_t i = 0; i < fetcher->looks.count; i++)
        free(fetcher->looks.items[i].id);
    vec_free(&fetcher->looks);
    event_free(fetcher->look_timer);
}

static void add_looks(struct fetcher *fetcher, enum input_kind kind, const char *id, const usec_t *delays, size_t count)
{
    enum { LOOKS_MAX = 4096 };
    size_t pending = 0;

    /* Health checks start something all the time: so many looks at once are enough. */
    for (size_t i = 0; i < fetcher->looks.count; i++)
        pending += fetcher->looks.items[i].kind == kind && str_equal(fetcher->looks.items[i].id, id);
    for (size_t i = pending; i < count && fetcher->looks.count < LOOKS_MAX; i++)
        vec_push(&fetcher->looks,
                 (struct second_look){.kind = kind, .id = mem_strdup(id), .at = clock_monotonic() + delays[i]});
    arm_looks(fetcher);
}

void fetch_look_later(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    static const usec_t delays[] = {USEC_PER_SEC / 5, 2 * USEC_PER_SEC};

    add_looks(fetcher, kind, id, delays, countof(delays));
}

bool fetcher_container_is_leaving(const struct fetcher *fetcher, const char *container_id)
{
    for (size_t i = 0; i < fetcher->looks.count; i++)
        if (fetcher->looks.items[i].kind == INPUT_CONTAINER && str_equal(fetcher->looks.items[i].id, container_id))
            return true;
    return false;
}

/* Now, and twice again a moment later: what began may not have come to its end. */
static void look_repeatedly(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    look(fetcher, kind, id, cause);
    fetch_look_later(fetcher, kind, id);
}

void fetcher_container_started(struct fetcher *fetcher, const char *container_id)
{
    static const usec_t delays[] = {USEC_PER_SEC};

    add_looks(fetcher, INPUT_PROCESSES, container_id, delays, countof(delays));
}

void fetcher_exec_started(struct fetcher *fetcher, const char *container_id)
{
    fetch_look_later(fetcher, INPUT_PROCESSES, container_id);
}

void fetcher_container_leaves(struct fetcher *fetcher, const char *container_id)
{
    fetch_look_later(fetcher, INPUT_CONTAINER, container_id);
}

void fetcher_swarm_changed(struct fetcher *fetcher, const char *cause)
{
    static const enum input_kind kinds[] = {INPUT_NETWORKS,  INPUT_SERVICES,     INPUT_SECRETS,
                                            INPUT_LISTENERS, INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};

    for (size_t i = 0; i < countof(kinds); i++)
        look_repeatedly(fetcher, kinds[i], "", cause);
}

void fetcher_engine_reloaded(struct fetcher *fetcher, const char *cause)
{
    look_repeatedly(fetcher, INPUT_INFO, "", cause);
    look(fetcher, INPUT_DAEMON, "", cause);
}
