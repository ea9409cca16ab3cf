/* /v1/events: transitions from the store, and those who follow what comes.
 *
 * An answer is a place in the sequence, not a queue: it is sent a page of what follows its place while its output
 * buffer has room, and goes on when the buffer is drained; what the store has dropped meanwhile is reported as
 * {"lost":K}. So a slow reader costs one buffer, and all of them what server_room.h says. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "agent/api/server_internal.h"
#include "agent/api/server_query.h"
#include "common/memory.h"

enum { FOLLOWERS = 64, OUTPUT_LIMIT = 256 * 1024, HALF_CLOSED_S = 5 };

struct follower {
    TAILQ_ENTRY(follower) link;
    struct server *server;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    struct event *closed, *half_closed, *retry;
    struct store_query query;   /* its strings are owned; AFTER: the place; COUNT: how many more are wanted, 0: all */
    struct event_request *page; /* that is asked for; NULL: none */
    uint64_t end;               /* what does not follow ends there */
    enum language language;
    bool follows, marks;
    bool has_place;  /* it asked by number, or has had an answer */
    bool has_mark;   /* it has been told that the evaluator has settled, */
    uint64_t marked; /* after this transition */
};

static struct event_store *events_of(const struct server *server)
{
    struct agent_view view;

    server->backend.view(server->backend.user, &view);
    return view.events;
}

static void follower_free(struct follower *follower)
{
    TAILQ_REMOVE(&follower->server->followers, follower, link);
    follower->server->follower_count -= follower->follows;
    event_request_cancel(follower->page);
    event_free(follower->closed);
    event_free(follower->half_closed);
    event_free(follower->retry);
    free((char *)follower->query.slug);
    free((char *)follower->query.section);
    free((char *)follower->query.subject);
    free((char *)follower->query.kind);
    free(follower);
}

static void pump(struct follower *follower);

static void on_drained(struct evhttp_connection *connection, void *user)
{
    (void)connection;
    pump(user);
}

static void send_text(struct follower *follower, const char *text, size_t length)
{
    struct evbuffer *body = evbuffer_new();

    evbuffer_add(body, text, length);
    evhttp_send_reply_chunk_with_cb(follower->request, body, on_drained, follower);
    server_stop_reading(follower->request);
    evbuffer_free(body);
}

/* The answer is complete. */
static void end(struct follower *follower)
{
    struct evhttp_request *request = follower->request;

    evhttp_connection_set_closecb(follower->connection, NULL, NULL);
    follower_free(follower);
    evhttp_send_reply_end(request);
    server_stop_reading(request);
}

/* False: as many as were asked for have been sent. */
static bool take_from_limit(struct follower *follower, const struct store_page *page)
{
    size_t count = 0;

    if (!follower->query.count)
        return true;
    for (const char *at = page->lines; (at = strchr(at, '\n')); at++)
        count++;
    follower->query.count -= count;
    return follower->query.count;
}

/* What follows its place has gone: that is said. */
static void skip_lost(struct follower *follower)
{
    uint64_t oldest = event_store_oldest_seq(events_of(follower->server));

    if (follower->query.after + 1 >= oldest)
        return;
    if (!follower->query.since || follower->has_place) { /* else the hello says since when there is history */
        scoped(cleanup_free) char *line = mem_printf("{\"lost\":%" PRIu64 "}\n", oldest - follower->query.after - 1);

        send_text(follower, line, strlen(line));
    }
    follower->query.after = oldest - 1;
}

/* Transitions as they are kept, one a line, in the language that was asked for. */
static void send_lines(struct follower *follower, const char *lines)
{
    struct agent_view view;
    scoped_str text = STR_INIT;

    follower->server->backend.view(follower->server->backend.user, &view);
    for (const char *at = lines, *end; (end = strchr(at, '\n')); at = end + 1) {
        transition_render(&text, at, (size_t)(end - at), follower->language, evaluator_rules(view.evaluator));
        str_append_char(&text, '\n');
    }
    send_text(follower, text.data, text.length);
}

static void on_page(const struct store_page *page, void *user)
{
    struct follower *follower = user;

    follower->page = NULL;
    clients_arrived(follower->server->clients, server_request_stream(follower->request));
    if (!page->lines) {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
        scoped_str line = STR_INIT;

        json_out_object(out, NULL);
        json_out_string(out, "error", page->why);
        json_out_end_object(out);
        str_append(&line, json_out_text(out, NULL));
        str_append_char(&line, '\n');
        send_text(follower, line.data, line.length);
        end(follower);
        return;
    }
    skip_lost(follower); /* between the question and the answer */
    if (page->up_to > follower->query.after)
        follower->query.after = page->up_to;
    follower->has_place = true;
    if (page->length)
        send_lines(follower, page->lines);
    if (take_from_limit(follower, page))
        pump(follower);
    else
        end(follower);
}

/* Until there is room for a page, it waits: what other connections have not read goes, or is read. */
static void ask_for_page(struct follower *follower)
{
    static const struct timeval later = {.tv_sec = ROOM_SLOW_S};
    struct server *server = follower->server;

    if (clients_make_room(server->clients, server_request_stream(follower->request), STORE_PAGE_BYTES, true))
        follower->page = event_store_query(events_of(server), &follower->query, on_page, follower);
    else
        evtimer_add(follower->retry, &later);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    pump(user);
}

/* It has all there is, and nothing is on its way: once for each place. */
static void mark(struct follower *follower)
{
    scoped(cleanup_free) char *line = NULL;
    struct agent_view view;

    if (!follower->marks || (follower->has_mark && follower->marked == follower->query.after))
        return;
    follower->server->backend.view(follower->server->backend.user, &view);
    if (!evaluator_is_settled(view.evaluator) || event_store_waiting(view.events))
        return;
    follower->has_mark = true;
    follower->marked = follower->query.after;
    line = mem_printf("{\"settled\":%" PRIu64 "}\n", follower->marked);
    send_text(follower, line, strlen(line));
}

static void pump(struct follower *follower)
{
    struct bufferevent *stream = evhttp_connection_get_bufferevent(follower->connection);
    struct event_store *events = events_of(follower->server);

    if (follower->page || evtimer_pending(follower->retry, NULL) ||
        evbuffer_get_length(bufferevent_get_output(stream)) >= OUTPUT_LIMIT)
        return;
    skip_lost(follower);
    if (!follower->follows && follower->query.after >= follower->end)
        end(follower);
    else if (follower->query.after < event_store_last_seq(events))
        ask_for_page(follower);
    else
        mark(follower);
}

/* When the client was first to end it, evhttp has let go of the request: it is the answerer's to free. */
static void on_connection_closed(struct evhttp_connection *connection, void *user)
{
    struct follower *follower = user;

    (void)connection;
    if (!evhttp_request_get_connection(follower->request))
        evhttp_request_free(follower->request);
    clients_look(follower->server->clients);
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

static struct follower *follower_new(struct call *call, const struct event_filter *filter)
{
    struct follower *follower = mem_alloc(sizeof *follower);
    evutil_socket_t fd = server_request_fd(call->request);

    follower->server = call->server;
    follower->request = call->request;
    follower->connection = evhttp_request_get_connection(call->request);
    follower->follows = filter->follow;
    follower->marks = filter->marks;
    follower->language = call->view.language;
    follower->end = event_store_last_seq(call->view.events);
    follower->query = filter->query;
    follower->query.slug = mem_strdup(filter->query.slug);
    follower->query.section = mem_strdup(filter->query.section);
    follower->query.subject = mem_strdup(filter->query.subject);
    follower->query.kind = mem_strdup(filter->query.kind);
    follower->has_place = filter->query.after;
    if (filter->follow && !filter->has_since)
        follower->query.after = follower->end;
    clients_served(call->server->clients, server_request_stream(call->request), true);
    follower->closed = event_new(call->server->base, fd, EV_CLOSED, on_hang_up, follower);
    event_add(follower->closed, NULL);
    follower->half_closed = evtimer_new(call->server->base, on_hang_up, follower);
    follower->retry = evtimer_new(call->server->base, on_retry, follower);
    TAILQ_INSERT_TAIL(&call->server->followers, follower, link);
    call->server->follower_count += follower->follows;
    return follower;
}

static void write_hello(struct str *out, const struct event_store *events)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);

    json_out_object(json, NULL);
    json_out_object(json, "hello");
    json_out_int(json, "last_seq", (int64_t)event_store_last_seq(events));
    json_out_int(json, "oldest_seq", (int64_t)event_store_oldest_seq(events));
    json_out_time(json, "oldest_time", event_store_oldest_time(events));
    json_out_string(json, "stream", event_store_stream(events));
    json_out_end_object(json);
    json_out_end_object(json);
    str_printf(out, "%s\n", json_out_text(json, NULL));
}

static void begin(struct call *call, const struct event_filter *filter)
{
    struct follower *follower = follower_new(call, filter);
    scoped_str hello = STR_INIT;

    write_hello(&hello, call->view.events);
    evhttp_connection_set_closecb(follower->connection, on_connection_closed, follower);
    evhttp_connection_set_timeout(follower->connection, 365 * 24 * 3600);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", "application/x-ndjson");
    evhttp_send_reply_start(call->request, HTTP_OK, NULL);
    send_text(follower, hello.data, hello.length);
    pump(follower);
}

static void reply_to_head(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    evhttp_add_header(headers, "Content-Type", "application/x-ndjson");
    evhttp_add_header(headers, "Transfer-Encoding", "chunked");
    evhttp_send_reply_start(request, HTTP_OK, NULL);
    evhttp_send_reply_end(request);
}

void server_get_events(struct call *call)
{
    bool is_head = evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD;
    struct error error = ERROR_INIT;
    struct event_filter filter;

    if (query_events(call->query, evaluator_rules(call->view.evaluator), &filter, &error) < 0) {
        server_reply_bad_request(call->request, &error);
    } else if (is_head) {
        reply_to_head(call->request);
    } else if (filter.follow && call->server->follower_count >= FOLLOWERS) {
        server_reply_error(call->request, HTTP_SERVUNAVAIL, "busy", "too many followers");
    } else {
        begin(call, &filter);
    }
}

static void pump_all(struct server *server)
{
    struct follower *follower, *next;

    for (follower = TAILQ_FIRST(&server->followers); follower; follower = next) {
        next = TAILQ_NEXT(follower, link);
        pump(follower);
    }
}

void server_transition(struct server *server, struct transition *transition)
{
    (void)transition;
    pump_all(server);
}

void server_settled(struct server *server)
{
    pump_all(server);
}

void server_end_followers(struct server *server)
{
    while (!TAILQ_EMPTY(&server->followers))
        evhttp_connection_free(TAILQ_FIRST(&server->followers)->connection);
}
