/* Connections counted by descriptor and socket cookie: a timer looks at those that are open for ones that are over, or
 * that took too long to finish a request. Nothing here runs while nobody is connected.
 *
 * A connection that cannot be accepted stays in the kernel's queue, and the listener stays readable: without a pause
 * the loop would do nothing else. A descriptor is kept in reserve, so that those who wait get an answer at least. */
#include "agent/api/server_clients.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/vec.h"

enum { SWEEP_MS = 5000, PAUSED_MS = 200, RETRY_S = 1, FREE_AGAIN = 8, REFUSED_AT_ONCE = 64 };

/* What the kernel takes of an answer before it is read is the agent's memory too (it keeps twice as much with its own
 * bookkeeping: socket(7)). */
enum { SEND_BUFFER = 32 * 1024 };

struct client {
    evutil_socket_t fd;
    uint64_t cookie;
    uid_t uid;
    usec_t since; /* monotonic: accepted, or its last request came */
    bool follows;
    const struct evbuffer *input; /* to find it by: its stream owns it, and may be gone before this entry is */
    struct account *account;      /* what it holds */
    bool idle;                    /* nothing of a next request has come */
};

struct clients {
    LIST_ENTRY(clients) link;
    struct evconnlistener *listener;
    struct room *room;
    struct event *arrived, *sweep;
    usec_t patience;
    bool paused;           /* as many are connected as may be */
    int reserve;           /* -1: not even that */
    bool starved;          /* no descriptors are left */
    struct event *retry;   /* while it is so */
    bool starved_reported; /* and the log says so */
    struct log_limit reports;
    VEC(struct bufferevent *) fresh; /* accepted; their descriptors are not known yet */
    VEC(struct client) list;
};

/* By listener: what a listener hands to its callbacks is evhttp's, for errors too. */
static LIST_HEAD(, clients) everywhere = LIST_HEAD_INITIALIZER(everywhere);

static void schedule_sweep(struct clients *clients)
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

static void set_accepting(struct clients *clients)
{
    if (clients->paused || clients->starved)
        evconnlistener_disable(clients->listener);
    else
        evconnlistener_enable(clients->listener);
}

static bool may_report(struct clients *clients)
{
    unsigned held_back;

    return log_allowed(&clients->reports, clock_monotonic(), &held_back);
}

/* Forgets those that are over. */
static void drop_closed(struct clients *clients)
{
    size_t kept = 0;

    for (size_t i = 0; i < clients->list.count; i++)
        if (!account_is_over(clients->list.items[i].account))
            clients->list.items[kept++] = clients->list.items[i];
        else
            account_free(clients->list.items[i].account);
    clients->list.count = kept;
    if (clients->paused && kept < CLIENTS_MAX) {
        clients->paused = false;
        set_accepting(clients);
    } else if (!clients->paused && kept >= CLIENTS_MAX) {
        if (may_report(clients))
            log_warning("query API: %zu connections are open; no more are accepted until one ends", kept);
        clients->paused = true;
        set_accepting(clients);
    }
}

/* ---- Out of descriptors ---- */

static void open_reserve(struct clients *clients)
{
    if (clients->reserve < 0)
        clients->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Answers those who wait, on the descriptor in reserve. */
static void refuse_waiting(struct clients *clients)
{
    static const char body[] =
        "{\"error\":{\"code\":\"unavailable\",\"message\":\"the agent is out of descriptors\"}}\n";
    scoped(cleanup_free) char *answer =
        mem_printf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                   "Retry-After: %d\r\nConnection: close\r\n\r\n%s",
                   strlen(body), (int)RETRY_S, body);

    for (unsigned i = 0; i < REFUSED_AT_ONCE && clients->reserve >= 0; i++) {
        int fd;

        close(clients->reserve);
        fd = accept4(evconnlistener_get_fd(clients->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
            close(fd);
        }
        clients->reserve = -1;
        open_reserve(clients);
        if (fd < 0)
            break;
    }
}

static bool some_are_free(const struct clients *clients)
{
    int fds[FREE_AGAIN];
    size_t count = 0;

    while (clients->reserve >= 0 && count < countof(fds) &&
           (fds[count] = fcntl(clients->reserve, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    return count == countof(fds);
}

static void pause_for_descriptors(struct clients *clients)
{
    static const struct timeval wait = {.tv_sec = RETRY_S};

    refuse_waiting(clients);
    evtimer_add(clients->retry, &wait);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct clients *clients = user;

    (void)fd;
    (void)what;
    open_reserve(clients);
    if (!some_are_free(clients)) {
        pause_for_descriptors(clients);
        return;
    }
    clients->starved = false;
    if (clients->starved_reported)
        log_info("query API: connections are accepted again");
    set_accepting(clients);
}

static void on_accept_error(struct evconnlistener *listener, void *user)
{
    int number = EVUTIL_SOCKET_ERROR();
    struct clients *clients;

    (void)user;
    LIST_FOREACH(clients, &everywhere, link)
    if (clients->listener == listener)
        break;
    if (!clients)
        return;
    clients->starved = true;
    set_accepting(clients);
    clients->starved_reported = may_report(clients);
    if (clients->starved_reported)
        log_warning("query API: no connection can be accepted (%s); clients are refused until one can",
                    strerror(number));
    pause_for_descriptors(clients);
}

/* ---- */

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct clients *clients = user;
    usec_t now = clock_monotonic();

    (void)fd;
    (void)what;
    drop_closed(clients);
    for (size_t i = 0; i < clients->list.count; i++) {
        const struct client *client = &clients->list.items[i];

        if (!client->follows && now - client->since >= clients->patience)
            shutdown(client->fd, SHUT_RDWR); /* evhttp sees its end and frees it */
    }
    schedule_sweep(clients);
}

/* ---- Empty lines between requests ---- */

/* Not the first: an entry of a stream that is gone may have had the same address. */
static struct client *find_by_input(struct clients *clients, const struct evbuffer *input)
{
    for (size_t i = clients->list.count; i-- > 0;)
        if (clients->list.items[i].input == input)
            return &clients->list.items[i];
    return NULL;
}

/* Takes what belongs to no request from the front of INPUT; whether nothing else has come. */
static bool drop_empty_lines(struct evbuffer *input)
{
    struct evbuffer_iovec part;

    while (evbuffer_peek(input, -1, NULL, &part, 1) > 0) {
        const char *text = part.iov_base;
        size_t length = 0;

        while (length < part.iov_len && (text[length] == '\r' || text[length] == '\n'))
            length++;
        if (!length)
            return false;
        evbuffer_drain(input, length);
    }
    return true;
}

/* evhttp takes an empty line for a request without a method. Some clients send one after a body, and a server is to
 * ignore it (RFC 9112, 2.2). */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *user)
{
    struct client *client = info->n_added ? find_by_input(user, input) : NULL;

    if (client && client->idle)
        client->idle = drop_empty_lines(input);
}

void clients_answered(struct clients *clients, struct bufferevent *stream)
{
    struct evbuffer *input = bufferevent_get_input(stream);
    struct client *client = find_by_input(clients, input);

    if (client) {
        client->idle = drop_empty_lines(input);
        account_answered(client->account);
    }
}

/* ---- */

static size_t count_user(const struct clients *clients, uid_t uid)
{
    size_t count = 0;

    for (size_t i = 0; i < clients->list.count; i++)
        count += clients->list.items[i].uid == uid;
    return count;
}

static void admit(struct clients *clients, struct bufferevent *stream)
{
    evutil_socket_t fd = bufferevent_getfd(stream);
    struct evbuffer *input = bufferevent_get_input(stream);
    struct client client = {.fd = fd, .since = clock_monotonic(), .input = input, .idle = true};
    int send_buffer = SEND_BUFFER;
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (!room_read_cookie(fd, &client.cookie))
        return;
    for (size_t i = 0; i < clients->list.count; i++)
        if (clients->list.items[i].cookie == client.cookie)
            return;
    client.uid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? (uid_t)-1 : peer.uid;
    if (client.uid != 0 && count_user(clients, client.uid) >= CLIENTS_OF_A_USER_MAX)
        shutdown(fd, SHUT_RDWR);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    client.idle = drop_empty_lines(input);
    client.account = account_new(clients->room, stream, client.cookie, client.uid);
    evbuffer_add_cb(input, on_input, clients);
    vec_push(&clients->list, client);
}

static void on_arrived(evutil_socket_t fd, short what, void *user)
{
    struct clients *clients = user;

    (void)fd;
    (void)what;
    drop_closed(clients);
    for (size_t i = 0; i < clients->fresh.count; i++) {
        admit(clients, clients->fresh.items[i]);
        bufferevent_decref(clients->fresh.items[i]);
    }
    clients->fresh.count = 0;
    drop_closed(clients);
    schedule_sweep(clients);
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

void clients_served(struct clients *clients, struct bufferevent *stream, bool follows)
{
    struct client *client;

    if (clients->fresh.count)
        on_arrived(-1, 0, clients);
    client = find_by_input(clients, bufferevent_get_input(stream));
    if (client) {
        client->since = clock_monotonic();
        client->follows = follows;
    }
}

/* For room, first those are forgotten that are over. */
static void forget_for(size_t bytes, const struct room *room)
{
    struct clients *clients;

    if (room_counts(room)->answers + bytes <= ROOM_ANSWERS)
        return;
    LIST_FOREACH(clients, &everywhere, link)
    if (clients->room == room)
        drop_closed(clients);
}

bool clients_make_room(struct clients *clients, struct bufferevent *stream, size_t bytes, bool keep)
{
    struct client *client;

    forget_for(bytes, clients->room);
    client = find_by_input(clients, bufferevent_get_input(stream));
    return client && account_make_room(client->account, bytes, keep);
}

void clients_arrived(struct clients *clients, struct bufferevent *stream)
{
    struct client *client = find_by_input(clients, bufferevent_get_input(stream));

    if (client)
        account_arrived(client->account);
}

void clients_look(struct clients *clients)
{
    event_active(clients->arrived, EV_TIMEOUT, 0);
}

struct clients *clients_new(struct event_base *base, struct evhttp *http, struct evhttp_bound_socket *socket,
                            struct room *room, unsigned seconds)
{
    struct clients *clients = mem_alloc(sizeof *clients);

    clients->listener = evhttp_bound_socket_get_listener(socket);
    clients->room = room;
    clients->patience = seconds * USEC_PER_SEC;
    clients->arrived = event_new(base, -1, 0, on_arrived, clients);
    clients->sweep = evtimer_new(base, on_sweep, clients);
    clients->retry = evtimer_new(base, on_retry, clients);
    clients->reserve = -1;
    open_reserve(clients);
    LIST_INSERT_HEAD(&everywhere, clients, link);
    evconnlistener_set_error_cb(clients->listener, on_accept_error);
    evhttp_set_bevcb(http, on_accept, clients);
    return clients;
}

void clients_free(struct clients *clients)
{
    if (!clients)
        return;
    LIST_REMOVE(clients, link);
    for (size_t i = 0; i < clients->fresh.count; i++)
        bufferevent_decref(clients->fresh.items[i]);
    for (size_t i = 0; i < clients->list.count; i++)
        account_free(clients->list.items[i].account);
    vec_free(&clients->fresh);
    vec_free(&clients->list);
    event_free(clients->arrived);
    event_free(clients->sweep);
    event_free(clients->retry);
    if (clients->reserve >= 0)
        close(clients->reserve);
    free(clients);
}
