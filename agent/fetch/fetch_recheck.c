/* What is read again a moment later: what was started has become what it runs, what began has come to its end.
 *
 * However much is started in a container, its processes are looked at once a second at most, and less often where that
 * takes long; the last look comes after the last start. What a health check starts is the same each time: that it ran
 * is a reason to look twice a minute. */
#include "agent/fetch/fetch_internal.h"
#include "probes/daemon/daemon_memory.h"

enum {
    SOON_USEC = 200 * 1000,
    LATER_USEC = 2 * 1000 * 1000,
    STARTED_USEC = 1000 * 1000,
    HEALTH_USEC = 30 * 1000 * 1000,
    LOOK_USEC = 1000 * 1000,          /* between two looks at a container's processes */
    LOOK_SHARE = 20,                  /* and so many times as long as one takes … */
    LOOK_MAX_USEC = 10 * 1000 * 1000, /* … up to that */
    TURN_USEC = 20 * 1000,            /* what is due within that is read together */
    RECHECKS_MAX = 65536
};

static void recheck_free(void *p)
{
    struct recheck *recheck = p;

    free(recheck->id);
    free(recheck);
}

static char *recheck_key(enum input_kind kind, const char *id)
{
    return mem_printf("%d %s", (int)kind, id);
}

static struct recheck *find(const struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    scoped(cleanup_free) char *key = recheck_key(kind, id);

    return map_get(fetcher->rechecks, key);
}

/* NULL: there are too many. */
static struct recheck *ensure(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    scoped(cleanup_free) char *key = recheck_key(kind, id);
    struct recheck *recheck = map_get(fetcher->rechecks, key);

    if (recheck || map_count(fetcher->rechecks) >= RECHECKS_MAX)
        return recheck;
    recheck = mem_alloc(sizeof *recheck);
    recheck->kind = kind;
    recheck->id = mem_strdup(id);
    map_set(fetcher->rechecks, key, recheck);
    return recheck;
}

/* Of times of which 0 is none. */
static usec_t earlier(usec_t a, usec_t b)
{
    return !a || (b && b < a) ? b : a;
}

static usec_t due_at(const struct recheck *recheck)
{
    usec_t at = earlier(earlier(recheck->soon, recheck->later), recheck->rare);

    return at && at < recheck->not_before ? recheck->not_before : at;
}

static void arm_recheck_timer(struct fetcher *fetcher, usec_t at)
{
    usec_t now = clock_monotonic(), left = at > now ? at - now : 1;
    const struct timeval wait = {.tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};

    if (!at || (fetcher->recheck_at && fetcher->recheck_at <= at))
        return;
    fetcher->recheck_at = at;
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

static void pass(usec_t *at, usec_t now)
{
    if (*at <= now)
        *at = 0;
}

static void on_recheck_time(evutil_socket_t fd, short what, void *user)
{
    struct fetcher *fetcher = user;
    usec_t now = clock_monotonic() + TURN_USEC, next = 0;
    VEC(char *) idle = {0};
    const char *key;
    size_t at = 0;
    void *value;

    (void)fd;
    (void)what;
    fetcher->recheck_at = 0;
    while (map_next(fetcher->rechecks, &at, &key, &value)) {
        struct recheck *recheck = value;
        usec_t due = due_at(recheck);

        if (due && due <= now) {
            pass(&recheck->soon, now);
            pass(&recheck->later, now);
            pass(&recheck->rare, now);
            mark_again(fetcher, recheck->kind, recheck->id, "timer");
            due = due_at(recheck);
        }
        if (due)
            next = earlier(next, due);
        else if (recheck->not_before <= now)
            vec_push(&idle, mem_strdup(key));
    }
    for (size_t i = 0; i < idle.count; i++) {
        map_remove(fetcher->rechecks, idle.items[i]);
        free(idle.items[i]);
    }
    vec_free(&idle);
    arm_recheck_timer(fetcher, next);
}

void fetch_init_rechecks(struct fetcher *fetcher)
{
    fetcher->recheck_timer = evtimer_new(fetcher->base, on_recheck_time, fetcher);
    fetcher->rechecks = map_new(recheck_free);
}

void fetch_free_rechecks(struct fetcher *fetcher)
{
    map_free(fetcher->rechecks);
    event_free(fetcher->recheck_timer);
}

void fetch_look_begins(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    struct recheck *recheck = ensure(fetcher, kind, id);

    if (recheck)
        recheck->not_before = clock_monotonic() + LOOK_MAX_USEC; /* until it has come */
}

void fetch_looked(struct fetcher *fetcher, enum input_kind kind, const char *id, usec_t began)
{
    struct recheck *recheck = ensure(fetcher, kind, id);
    usec_t now = clock_monotonic(), pause = (now - began) * LOOK_SHARE;

    if (!recheck)
        return;
    pause = pause < LOOK_USEC ? LOOK_USEC : pause < LOOK_MAX_USEC ? pause : LOOK_MAX_USEC;
    recheck->not_before = now + pause;
    arm_recheck_timer(fetcher, recheck->not_before + TURN_USEC); /* it is forgotten then */
}

static void recheck_at(struct fetcher *fetcher, enum input_kind kind, const char *id, usec_t soon, usec_t later)
{
    struct recheck *recheck = ensure(fetcher, kind, id);

    if (!recheck)
        return;
    if (!recheck->soon) /* what is due is not put off */
        recheck->soon = soon;
    if (later)
        recheck->later = later;
    arm_recheck_timer(fetcher, due_at(recheck));
}

void fetch_recheck_later(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    usec_t now = clock_monotonic();

    recheck_at(fetcher, kind, id, now + SOON_USEC, now + LATER_USEC);
}

bool fetcher_container_is_leaving(const struct fetcher *fetcher, const char *container_id)
{
    const struct recheck *recheck = find(fetcher, INPUT_CONTAINER, container_id);

    return recheck && due_at(recheck);
}

/* Now, and twice again a moment later: what began may not have come to its end. */
static void recheck_repeatedly(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    mark_again(fetcher, kind, id, cause);
    fetch_recheck_later(fetcher, kind, id);
}

void fetcher_container_started(struct fetcher *fetcher, const char *container_id)
{
    usec_t at = clock_monotonic() + STARTED_USEC;

    recheck_at(fetcher, INPUT_PROCESSES, container_id, at, at);
}

void fetcher_exec_started(struct fetcher *fetcher, const char *container_id)
{
    fetch_recheck_later(fetcher, INPUT_PROCESSES, container_id);
}

void fetcher_health_check_ran(struct fetcher *fetcher, const char *container_id)
{
    struct recheck *recheck = ensure(fetcher, INPUT_PROCESSES, container_id);

    if (!recheck || recheck->rare)
        return;
    recheck->rare = clock_monotonic() + HEALTH_USEC;
    arm_recheck_timer(fetcher, due_at(recheck));
}

void fetcher_health_changed(struct fetcher *fetcher, const char *container_id, const char *cause)
{
    const struct recheck *recheck = find(fetcher, INPUT_CONTAINER, container_id);
    usec_t now = clock_monotonic();

    if (recheck && recheck->not_before > now) {
        recheck_at(fetcher, INPUT_CONTAINER, container_id, recheck->not_before, 0);
        return;
    }
    evaluator_stale(fetcher->evaluator, INPUT_CONTAINER, container_id, cause);
    fetch_looked(fetcher, INPUT_CONTAINER, container_id, now);
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
