/* Connections counted by descriptor and socket cookie: a timer looks at those that are open for ones that are over, or
 * that took too long to finish a request. Nothing here runs while nobody is connected. */
#include "agent/api/server_clients.h"

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/vec.h"

enum { SWEEP_MS = 5000, PAUSED_MS = 200 };

struct client {
    evutil_socket_t fd;
    uint64_t cookie;
    uid_t uid;
    usec_t since; /* monotonic: accepted, or its last request came */
    bool follows;
};

struct clients {
    struct evconnlistener *listener;
    struct event *arrived, *sweep;
    usec_t patience;
    bool paused;
    VEC(struct bufferevent *) fresh; /* accepted; their descriptors are not known yet */
    VEC(struct client) list;
};

static bool read_cookie(evutil_socket_t fd, uint64_t *ret)
{
    socklen_t length = sizeof *ret;

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret, &length) == 0;
}

static bool is_over(const struct client *client)
{
    uint64_t cookie;

    return !read_cookie(client->fd, &cookie) || cookie != client->cookie;
}

static void arm(struct clients *clients)
{
    usec_t often = clients->patience / 4, most = (clients->paused ? PAUSED_MS : SWEEP_MS) * (USEC_PER_SEC / 1000);
    struct timeval wait;
    bool wanted = clients->paused;

    for (size_t i = 0; i < clients->list.count; i++)
        wanted |= !clients->list.items[i].follows;
    often = often < most ? often : most;
    wait = (struct timeval){.tv_sec = often / USEC_PER_SEC, .tv_usec = often % USEC_PER_SEC};
    if (wanted)
        evtimer_add(clients->sweep, &wait);
}

/* Forgets those that are over. */
static void forget(struct clients *clients)
{
    size_t kept = 0;

    for (size_t i = 0; i < clients->list.count; i++)
        if (!is_over(&clients->list.items[i]))
            clients->list.items[kept++] = clients->list.items[i];
    clients->list.count = kept;
    if (clients->paused && kept < CLIENTS_MAX) {
        clients->paused = false;
        evconnlistener_enable(clients->listener);
    } else if (!clients->paused && kept >= CLIENTS_MAX) {
        log_warning("query API: %zu connections are open; no more are accepted until one ends", kept);
        clients->paused = true;
        evconnlistener_disable(clients->listener);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct clients *clients = user;
    usec_t now = clock_monotonic();

    (void)fd;
    (void)what;
    forget(clients);
    for (size_t i = 0; i < clients->list.count; i++) {
        const struct client *client = &clients->list.items[i];

        if (!client->follows && now - client->since >= clients->patience)
            shutdown(client->fd, SHUT_RDWR); /* evhttp sees its end and frees it */
    }
    arm(clients);
}

static size_t count_user(const struct clients *clients, uid_t uid)
{
    size_t count = 0;

    for (size_t i = 0; i < clients->list.count; i++)
        count += clients->list.items[i].uid == uid;
    return count;
}

static void admit(struct clients *clients, evutil_socket_t fd)
{
    struct client client = {.fd = fd, .since = clock_monotonic()};
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (!read_cookie(fd, &client.cookie))
        return;
    for (size_t i = 0; i < clients->list.count; i++)
        if (clients->list.items[i].cookie == client.cookie)
            return;
    client.uid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? (uid_t)-1 : peer.uid;
    if (client.uid != 0 && count_user(clients, client.uid) >= CLIENTS_OF_A_USER_MAX)
        shutdown(fd, SHUT_RDWR);
    vec_push(&clients->list, client);
}

static void on_arrived(evutil_socket_t fd, short what, void *user)
{
    struct clients *clients = user;

    (void)fd;
    (void)what;
    forget(clients);
    for (size_t i = 0; i < clients->fresh.count; i++) {
        admit(clients, bufferevent_getfd(clients->fresh.items[i]));
        bufferevent_decref(clients->fresh.items[i]);
    }
    clients->fresh.count = 0;
    forget(clients);
    arm(clients);
}

/* evhttp asks for a bufferevent when it has accepted, and gives it the descriptor just after. */
static struct bufferevent *on_accept(struct event_base *base, void *user)
{
    struct clients *clients = user;
    struct bufferevent *bufferevent = bufferevent_socket_new(base, -1, 0);

    if (!bufferevent)
        return NULL;
    bufferevent_incref(bufferevent);
    vec_push(&clients->fresh, bufferevent);
    event_active(clients->arrived, EV_TIMEOUT, 0);
    return bufferevent;
}

void clients_served(struct clients *clients, evutil_socket_t fd, bool follows)
{
    uint64_t cookie;

    if (clients->fresh.count)
        on_arrived(-1, 0, clients);
    if (!read_cookie(fd, &cookie))
        return;
    for (size_t i = 0; i < clients->list.count; i++)
        if (clients->list.items[i].cookie == cookie) {
            clients->list.items[i].since = clock_monotonic();
            clients->list.items[i].follows = follows;
        }
}

struct clients *clients_new(struct event_base *base, struct evhttp *http, struct evhttp_bound_socket *socket,
                            unsigned seconds)
{
    struct clients *clients = mem_alloc(sizeof *clients);

    clients->listener = evhttp_bound_socket_get_listener(socket);
    clients->patience = seconds * USEC_PER_SEC;
    clients->arrived = event_new(base, -1, 0, on_arrived, clients);
    clients->sweep = evtimer_new(base, on_sweep, clients);
    evhttp_set_bevcb(http, on_accept, clients);
    return clients;
}

void clients_free(struct clients *clients)
{
    if (!clients)
        return;
    for (size_t i = 0; i < clients->fresh.count; i++)
        bufferevent_decref(clients->fresh.items[i]);
    vec_free(&clients->fresh);
    vec_free(&clients->list);
    event_free(clients->arrived);
    event_free(clients->sweep);
    free(clients);
}
