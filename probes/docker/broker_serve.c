/* The broker's loop: who connects, one request after the other, bytes back.
 *
 * A relay is idle (it waits for a head), connecting, sending, or waiting for the answer; once the first byte of that
 * has come, the next head is looked at. What the engine sent is in one block, and nothing more is taken from the engine
 * before the client has it. A relay ends with either of its connections, and with anything but a valid request. */
#include "probes/docker/broker_serve.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "probes/docker/broker_request.h"
#include "probes/docker/http_engine.h"
#include "probes/docker/http_loop.h"

enum {
    RELAYS_MAX = 32, /* the agent's client has ten, and each image that is read one */
    BLOCK = 64 * 1024,
    BLOCKS_A_TURN = 8,
    CONNECT_MS = 4000,
    SHOWN_MAX = 120,
    STATUS_REFUSED = 403,
    STATUS_FAILED = 599
};

struct relay {
    TAILQ_ENTRY(relay) link;
    struct server *server;
    int fd;
    struct http_engine *engine; /* NULL: not yet */
    struct event *client_read, *client_write, *engine_read, *engine_write;
    enum { IDLE, CONNECTING, SENDING, WAITING } state;
    bool ending;   /* what is in the block is the last, and the client's connection ends after it */
    bool answered; /* the engine has sent something on this connection */
    char token[BROKER_TOKEN_LENGTH + 1];
    char head[BROKER_HEAD_MAX], request[BROKER_HEAD_MAX + 1024], block[BLOCK];
    size_t head_length, request_length, request_sent, block_length, block_sent;
};

struct server {
    struct event_base *base;
    const struct broker_service *service;
    const struct docker_address *address;
    char *prefix, *authority; /* of the engine's base URL: "/path" or "", "host:port" */
    struct evconnlistener *listener;
    struct event *alive, *tick;
    TAILQ_HEAD(, relay) relays;
    size_t count;
    struct log_limit limit;
};

static void relay_free(struct relay *relay)
{
    struct server *server = relay->server;
    struct event *events[] = {relay->client_read, relay->client_write, relay->engine_read, relay->engine_write};

    for (size_t i = 0; i < countof(events); i++)
        if (events[i])
            event_free(events[i]);
    http_engine_free(relay->engine);
    close(relay->fd);
    TAILQ_REMOVE(&server->relays, relay, link);
    if (server->count-- == RELAYS_MAX)
        evconnlistener_enable(server->listener);
    free(relay);
}

/* ---- To the client ---- */

/* 0: the client has all of the block; -EAGAIN: it is waited for; another negative errno: its connection has ended. */
static int flush(struct relay *relay)
{
    while (relay->block_sent < relay->block_length) {
        ssize_t n = send(relay->fd, relay->block + relay->block_sent, relay->block_length - relay->block_sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        relay->block_sent += (size_t)n;
    }
    relay->block_length = relay->block_sent = 0;
    return 0;
}

/* Ends the relay when the client has TEXT. NUMBER: an errno, 0: TEXT is what was asked for. */
static void answer(struct relay *relay, int status, int number, const char *text)
{
    size_t length = strlen(text);

    if (relay->block_length) { /* in the middle of an answer of the engine */
        relay_free(relay);
        return;
    }
    if (length > BLOCK / 2)
        length = BLOCK / 2;
    relay->ending = true;
    relay->block_sent = 0;
    relay->block_length =
        (size_t)snprintf(relay->block, sizeof relay->block,
                         "HTTP/1.1 %d %s\r\nBroker: %s %d\r\nContent-Type: text/plain\r\n"
                         "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
                         status, status == 200 ? "OK" : "The broker", relay->token, number, length, (int)length, text);
    event_del(relay->client_read);
    if (relay->engine_read)
        event_del(relay->engine_read);
    if (relay->engine_write)
        event_del(relay->engine_write);
    if (flush(relay) == -EAGAIN)
        event_add(relay->client_write, NULL);
    else
        relay_free(relay);
}

static void refuse(struct relay *relay, const char *why)
{
    scoped_str text = STR_INIT, line = STR_INIT;
    const char *end = memchr(relay->head, '\r', relay->head_length);
    unsigned held_back;

    str_printf(&text, "the request is refused: %s", why);
    text_escape(&line, relay->head, end ? (size_t)(end - relay->head) : relay->head_length, SHOWN_MAX);
    if (log_allowed(&relay->server->limit, clock_monotonic(), &held_back))
        log_warning("engine broker: a request is refused: %s: \"%s\"", why, str_text(&line));
    answer(relay, STATUS_REFUSED, EACCES, text.data);
}

/* The engine's connection has failed. Where nothing of it has come yet, and there is something to say, that is said;
 * else the client sees it as it would by itself. */
static void engine_failed(struct relay *relay, int number, const char *why)
{
    if (!relay->answered && !relay->block_length && why[0])
        answer(relay, STATUS_FAILED, number, why);
    else
        relay_free(relay);
}

/* ---- From the engine to the client ---- */

static bool take_request(struct relay *relay);

/* False: the relay was freed, or is ending. */
static bool note_answer(struct relay *relay)
{
    relay->answered = true;
    if (relay->state != WAITING)
        return true;
    relay->state = IDLE;
    event_add(relay->client_read, NULL);
    return take_request(relay);
}

static void pump(struct relay *relay)
{
    for (unsigned i = 0; i < BLOCKS_A_TURN; i++) {
        ssize_t n = http_engine_receive(relay->engine, relay->block, sizeof relay->block);
        int r;

        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            if (n < 0)
                engine_failed(relay, (int)-n, http_engine_why(relay->engine));
            else
                relay_free(relay);
            return;
        }
        relay->block_length = (size_t)n;
        r = flush(relay);
        if (r == -EAGAIN) {
            event_del(relay->engine_read);
            event_add(relay->client_write, NULL);
        }
        if (r < 0 && r != -EAGAIN) {
            relay_free(relay);
            return;
        }
        if (!note_answer(relay) || r < 0)
            return;
    }
    event_active(relay->engine_read, EV_READ, 0); /* there may be more, which the descriptor does not show */
}

static void on_engine_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    pump(user);
}

static void on_client_writable(evutil_socket_t fd, short what, void *user)
{
    struct relay *relay = user;
    int r = flush(relay);

    (void)fd;
    (void)what;
    if (r == -EAGAIN)
        return;
    if (r < 0 || relay->ending) {
        relay_free(relay);
        return;
    }
    event_del(relay->client_write);
    event_add(relay->engine_read, NULL);
    pump(relay);
}

/* ---- From the client to the engine ---- */

static void on_engine_writable(evutil_socket_t fd, short what, void *user)
{
    struct relay *relay = user;

    (void)fd;
    (void)what;
    while (relay->request_sent < relay->request_length) {
        ssize_t n = http_engine_send(relay->engine, relay->request + relay->request_sent,
                                     relay->request_length - relay->request_sent);

        if (n == -EAGAIN)
            return;
        if (n < 0) {
            engine_failed(relay, (int)-n, http_engine_why(relay->engine));
            return;
        }
        relay->request_sent += (size_t)n;
    }
    relay->state = WAITING;
    event_del(relay->engine_write);
}

static void on_connected(int number, const char *why, void *user)
{
    struct relay *relay = user;
    struct event_base *base = relay->server->base;
    int fd;

    if (number) {
        engine_failed(relay, number, why);
        return;
    }
    fd = http_engine_fd(relay->engine);
    relay->engine_read = event_new(base, fd, EV_READ | EV_PERSIST, on_engine_readable, relay);
    relay->engine_write = event_new(base, fd, EV_WRITE | EV_PERSIST, on_engine_writable, relay);
    relay->state = SENDING;
    event_add(relay->engine_read, NULL);
    event_add(relay->engine_write, NULL);
}

/* False: the relay was freed. */
static bool forward(struct relay *relay, const char *path, size_t length)
{
    const struct server *server = relay->server;
    struct error error = ERROR_INIT;

    relay->request_sent = 0;
    relay->request_length =
        (size_t)snprintf(relay->request, sizeof relay->request,
                         "GET %s%.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: docker-bench-agent\r\nAccept: */*\r\n\r\n",
                         server->prefix, (int)length, path, server->authority);
    if (relay->request_length >= sizeof relay->request) {
        refuse(relay, "it is too long");
        return false;
    }
    if (relay->engine) {
        relay->state = SENDING;
        event_add(relay->engine_write, NULL);
        return true;
    }
    relay->state = CONNECTING;
    relay->engine = http_engine_connect(server->base, server->address, CONNECT_MS, on_connected, relay, &error);
    if (relay->engine)
        return true;
    engine_failed(relay, error.number, error.message);
    return false;
}

static void answer_peer(struct relay *relay)
{
    int pid = http_engine_peer_pid(relay->server->address);
    char text[16];

    snprintf(text, sizeof text, "%d", pid > 0 ? pid : 0);
    if (pid < 0)
        answer(relay, STATUS_FAILED, -pid, strerror(-pid));
    else
        answer(relay, 200, 0, text);
}

/* The next request, if its head is complete. False: the relay was freed or will be. */
static bool take_request(struct relay *relay)
{
    struct broker_request request;

    if (relay->state != IDLE || relay->ending || !relay->head_length)
        return true;
    broker_request_parse(relay->head, relay->head_length, &request);
    if (request.verdict == BROKER_INCOMPLETE)
        return true;
    memcpy(relay->token, request.token, sizeof relay->token);
    switch (request.verdict) {
    case BROKER_FORWARDED:
        if (!forward(relay, request.path, request.path_length))
            return false;
        relay->head_length -= request.length;
        memmove(relay->head, relay->head + request.length, relay->head_length);
        return true;
    case BROKER_ALIVE:
        answer(relay, 200, 0, relay->server->address->host_text);
        return false;
    case BROKER_PEER:
        answer_peer(relay);
        return false;
    default:
        refuse(relay, request.why);
        return false;
    }
}

static void on_client_readable(evutil_socket_t fd, short what, void *user)
{
    struct relay *relay = user;

    (void)what;
    while (relay->head_length < sizeof relay->head) {
        ssize_t n = recv(fd, relay->head + relay->head_length, sizeof relay->head - relay->head_length, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
            relay_free(relay);
            return;
        }
        if (n < 0)
            break;
        relay->head_length += (size_t)n;
    }
    if (relay->head_length == sizeof relay->head && relay->state != IDLE)
        event_del(relay->client_read); /* until the answer comes */
    take_request(relay);
}

/* ---- Who connects ---- */

static bool may_ask(const struct server *server, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == server->service->agent || peer.uid == getuid());
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                      void *user)
{
    struct server *server = user;
    struct relay *relay;

    (void)peer;
    (void)length;
    if (!may_ask(server, fd)) {
        close(fd);
        return;
    }
    relay = mem_alloc(sizeof *relay);
    relay->server = server;
    relay->fd = fd;
    TAILQ_INSERT_TAIL(&server->relays, relay, link);
    if (++server->count == RELAYS_MAX)
        evconnlistener_disable(listener);
    relay->client_read = event_new(server->base, fd, EV_READ | EV_PERSIST, on_client_readable, relay);
    relay->client_write = event_new(server->base, fd, EV_WRITE | EV_PERSIST, on_client_writable, relay);
    event_add(relay->client_read, NULL);
}

static void on_alive_ended(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(user);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    const struct server *server = user;

    (void)fd;
    (void)what;
    server->service->tick();
}

/* What precedes every path, and the host with its port, without the zone that an address may have. */
static void split_url(struct server *server, const char *url)
{
    const char *host = strstr(url, "://"), *path, *zone;

    host = host ? host + strlen("://") : url;
    path = host + strcspn(host, "/");
    zone = memchr(host, '%', (size_t)(path - host));
    server->prefix = mem_strdup(path);
    server->authority = zone ? mem_printf("%.*s%.*s", (int)(zone - host), host,
                                          (int)(path - zone) - (int)strcspn(zone, "]"), zone + strcspn(zone, "]"))
                             : mem_printf("%.*s", (int)(path - host), host);
}

static void add_events(struct server *server)
{
    const struct broker_service *service = server->service;
    const struct timeval tick = {.tv_sec = service->tick_ms / 1000,
                                 .tv_usec = (suseconds_t)(service->tick_ms % 1000) * 1000};

    if (service->alive >= 0) {
        server->alive = event_new(server->base, service->alive, EV_READ, on_alive_ended, server->base);
        event_add(server->alive, NULL);
    }
    if (service->tick) {
        server->tick = event_new(server->base, -1, EV_PERSIST, on_tick, server);
        event_add(server->tick, &tick);
        event_active(server->tick, EV_TIMEOUT, 0);
    }
}

int broker_serve(const struct broker_service *service, struct error *error)
{
    struct server server = {.service = service, .address = service->address};
    struct relay *relay;
    int r = http_global_init(!service->address->unix_path, error);

    if (r < 0)
        return r;
    TAILQ_INIT(&server.relays);
    split_url(&server, service->address->base_url);
    server.base = event_base_new();
    evutil_make_socket_nonblocking(service->fd);
    server.listener = evconnlistener_new(server.base, on_accept, &server, LEV_OPT_CLOSE_ON_EXEC, 0, service->fd);
    add_events(&server);
    if (event_base_dispatch(server.base) < 0)
        r = error_set(error, EIO, "the broker's loop failed");
    while ((relay = TAILQ_FIRST(&server.relays)))
        relay_free(relay);
    evconnlistener_free(server.listener);
    if (server.alive)
        event_free(server.alive);
    if (server.tick)
        event_free(server.tick);
    event_base_free(server.base);
    free(server.prefix);
    free(server.authority);
    curl_global_cleanup();
    return r;
}
