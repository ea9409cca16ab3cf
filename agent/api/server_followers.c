/* /v1/events and its followers.
 *
 * A follower is a place in the sequence, not a queue: it is sent what follows its place while its output buffer has
 * room, and continues when the buffer is drained; what the ring has dropped meanwhile is reported as {"lost":K}. So a
 * slow reader costs one buffer. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <poll.h>

#include "agent/api/server_internal.h"
#include "agent/api/server_query.h"

enum { FOLLOWERS = 64, OUTPUT_LIMIT = 256 * 1024, HALF_CLOSED_S = 5 };

struct follower {
    TAILQ_ENTRY(follower) link;
    struct server *server;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    struct event *closed, *half_closed;
    uint64_t seq; /* of the last transition sent */
};

static void add_hello(const struct evaluator *evaluator, struct evbuffer *body)
{
    evbuffer_add_printf(body, "{\"hello\":{\"last_seq\":%" PRIu64 ",\"oldest_seq\":%" PRIu64 "}}\n",
                        evaluator_last_seq(evaluator), evaluator_oldest_seq(evaluator));
}

/* Adds what comes after SEQ, as long as BODY is shorter than LIMIT (0: all of it). */
static uint64_t add_transitions(const struct evaluator *evaluator, uint64_t seq, struct evbuffer *body, size_t limit)
{
    uint64_t oldest = evaluator_oldest_seq(evaluator);
    const struct transition *transition;

    if (seq + 1 < oldest) {
        evbuffer_add_printf(body, "{\"lost\":%" PRIu64 "}\n", oldest - seq - 1);
        seq = oldest - 1;
    }
    while ((!limit || evbuffer_get_length(body) < limit) && (transition = evaluator_transition_after(evaluator, seq))) {
        evbuffer_add(body, transition->json, transition->json_length);
        evbuffer_add(body, "\n", 1);
        seq = transition->seq;
    }
    return seq;
}

static void follower_free(struct follower *follower)
{
    TAILQ_REMOVE(&follower->server->followers, follower, link);
    follower->server->follower_count--;
    event_free(follower->closed);
    event_free(follower->half_closed);
    free(follower);
}

static void pump(struct follower *follower);

static void on_drained(struct evhttp_connection *connection, void *user)
{
    (void)connection;
    pump(user);
}

static void pump(struct follower *follower)
{
    struct bufferevent *stream = evhttp_connection_get_bufferevent(follower->connection);
    struct agent_view view;
    struct evbuffer *body;
    size_t waiting = evbuffer_get_length(bufferevent_get_output(stream));

    if (waiting >= OUTPUT_LIMIT)
        return;
    follower->server->backend.view(follower->server->backend.user, &view);
    body = evbuffer_new();
    follower->seq = add_transitions(view.evaluator, follower->seq, body, OUTPUT_LIMIT - waiting);
    if (evbuffer_get_length(body))
        evhttp_send_reply_chunk_with_cb(follower->request, body, on_drained, follower);
    server_stop_reading(follower->request);
    evbuffer_free(body);
}

/* When the client was first to end it, evhttp has let go of the request: it is the answerer's to free. */
static void on_connection_closed(struct evhttp_connection *connection, void *user)
{
    struct follower *follower = user;

    (void)connection;
    if (!evhttp_request_get_connection(follower->request))
        evhttp_request_free(follower->request);
    follower_free(follower);
}

/* Nothing is read while it is answered, so evhttp does not see the reader go. One that has shut down its sending side
 * goes on reading, and of its end there is no event then: it is looked for now and again. */
static void on_hang_up(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval often = {.tv_sec = HALF_CLOSED_S};
    struct follower *follower = user;
    struct pollfd peer = {.fd = server_request_fd(follower->request)};

    (void)fd;
    (void)what;
    if (poll(&peer, 1, 0) > 0 && peer.revents & (POLLHUP | POLLERR))
        evhttp_connection_free(follower->connection);
    else
        evtimer_add(follower->half_closed, &often);
}

static void follow(struct call *call, uint64_t since)
{
    struct server *server = call->server;
    struct follower *follower;
    struct evbuffer *hello;
    evutil_socket_t fd;

    if (server->follower_count >= FOLLOWERS) {
        server_reply_error(call->request, HTTP_SERVUNAVAIL, "busy", "too many followers");
        return;
    }
    follower = mem_alloc(sizeof *follower);
    follower->server = server;
    follower->request = call->request;
    follower->connection = evhttp_request_get_connection(call->request);
    follower->seq = since;
    fd = server_request_fd(call->request);
    clients_served(server->clients, fd, true);
    follower->closed = event_new(server->base, fd, EV_CLOSED, on_hang_up, follower);
    event_add(follower->closed, NULL);
    follower->half_closed = evtimer_new(server->base, on_hang_up, follower);
    TAILQ_INSERT_TAIL(&server->followers, follower, link);
    server->follower_count++;
    evhttp_connection_set_closecb(follower->connection, on_connection_closed, follower);
    evhttp_connection_set_timeout(follower->connection, 365 * 24 * 3600);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", "application/x-ndjson");
    evhttp_send_reply_start(call->request, HTTP_OK, NULL);
    hello = evbuffer_new();
    add_hello(call->view.evaluator, hello);
    evhttp_send_reply_chunk(call->request, hello);
    evbuffer_free(hello);
    pump(follower);
}

void server_get_events(struct call *call)
{
    struct error error = ERROR_INIT;
    uint64_t since = 0;
    bool wants_to_follow = false;
    struct evbuffer *body;

    if (query_events(call->query, evaluator_last_seq(call->view.evaluator), &since, &wants_to_follow, &error) < 0) {
        server_reply_bad_request(call->request, &error);
        return;
    }
    if (wants_to_follow && evhttp_request_get_command(call->request) != EVHTTP_REQ_HEAD) {
        follow(call, since);
        return;
    }
    body = evbuffer_new();
    add_hello(call->view.evaluator, body);
    add_transitions(call->view.evaluator, since, body, 0);
    server_reply(call->request, HTTP_OK, "application/x-ndjson", body);
    evbuffer_free(body);
}

void server_transition(struct server *server, struct transition *transition)
{
    struct follower *follower, *next;

    (void)transition;
    for (follower = TAILQ_FIRST(&server->followers); follower; follower = next) {
        next = TAILQ_NEXT(follower, link);
        pump(follower);
    }
}

void server_end_followers(struct server *server)
{
    while (!TAILQ_EMPTY(&server->followers))
        evhttp_connection_free(TAILQ_FIRST(&server->followers)->connection);
}
