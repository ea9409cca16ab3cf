/* evhttp leaves a request to whoever has not answered it yet, without its connection when that ends first; it is freed
 * here then. */
#include "agent/api/server_turns.h"

#include <event2/bufferevent.h>
#include <sys/queue.h>

#include "agent/api/server_internal.h"
#include "common/memory.h"

struct waiting {
    TAILQ_ENTRY(waiting) link;
    struct evhttp_request *request;
    void (*answer)(struct evhttp_request *request, void *user);
    void *user;
};

/* A short request takes three turns, to be accepted, read and answered: it meets one long answer at most. */
enum { TURNS_BETWEEN = 3 };

struct turns {
    struct event *next;
    unsigned left; /* turns until there may be another answer */
    TAILQ_HEAD(waiting_list, waiting) waiting;
};

static void wait_a_turn(struct turns *turns)
{
    static const struct timeval now = {0, 0};

    evtimer_add(turns->next, &now); /* timers are looked at once in a turn, after the descriptors */
}

static void take_turn(struct turns *turns)
{
    turns->left = TURNS_BETWEEN;
    wait_a_turn(turns);
}

static void waiting_free(struct turns *turns, struct waiting *waiting)
{
    TAILQ_REMOVE(&turns->waiting, waiting, link);
    free(waiting);
}

static void on_turn(evutil_socket_t fd, short what, void *user)
{
    struct turns *turns = user;
    struct waiting *first, waiting;

    (void)fd;
    (void)what;
    if (--turns->left > 0) {
        wait_a_turn(turns);
        return;
    }
    while ((first = TAILQ_FIRST(&turns->waiting))) {
        waiting = *first;
        waiting_free(turns, first);
        if (evhttp_request_get_connection(waiting.request)) {
            take_turn(turns);
            waiting.answer(waiting.request, waiting.user);
            return;
        }
        evhttp_request_free(waiting.request);
    }
}

struct turns *turns_new(struct event_base *base)
{
    struct turns *turns = mem_alloc(sizeof *turns);

    turns->next = evtimer_new(base, on_turn, turns);
    TAILQ_INIT(&turns->waiting);
    return turns;
}

void turns_free(struct turns *turns)
{
    if (!turns)
        return;
    while (TAILQ_FIRST(&turns->waiting))
        turns_forget(turns, NULL, TAILQ_FIRST(&turns->waiting)->user);
    event_free(turns->next);
    free(turns);
}

void turns_take(struct turns *turns, struct evhttp_request *request,
                void (*answer)(struct evhttp_request *request, void *user), void *user)
{
    struct waiting *waiting;

    if (turns->left == 0 && TAILQ_EMPTY(&turns->waiting)) {
        take_turn(turns);
        answer(request, user);
        return;
    }
    waiting = mem_alloc(sizeof *waiting);
    *waiting = (struct waiting){.request = request, .answer = answer, .user = user};
    TAILQ_INSERT_TAIL(&turns->waiting, waiting, link);
    server_stop_reading(request);
}

void turns_forget(struct turns *turns, const struct evhttp_request *request, const void *user)
{
    struct waiting *waiting = TAILQ_FIRST(&turns->waiting), *next;

    for (; waiting; waiting = next) {
        next = TAILQ_NEXT(waiting, link);
        if (request ? waiting->request != request : waiting->user != user)
            continue;
        if (!request && !evhttp_request_get_connection(waiting->request))
            evhttp_request_free(waiting->request);
        waiting_free(turns, waiting);
    }
}
