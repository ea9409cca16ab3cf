/* GET /v1/report, and POST with a baseline, whose findings are left out: a process forked for it sees the agent's
 * findings as they were then, and writes the report of them into a pipe; what comes out goes to the client, no more of
 * it at a time than the client reads. So neither the loop's time nor the agent's memory grows with the report.
 *
 * One is written at a time: another client is told to come again. If it does, and whoever is being sent one has not
 * read a byte meanwhile, it gets its turn. A report that does not come to its end is cut off without the end that
 * HTTP's chunks have, so that nobody takes it for whole. */
#include "agent/api/server_report.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/api/server_internal.h"
#include "agent/api/server_query.h"
#include "agent/report/report.h"
#include "common/clock.h"
#include "common/memory.h"
#include "probes/worker/worker.h"

enum { PIECE = 64 * 1024, AHEAD = 256 * 1024, TIMEOUT_MS = 10 * 60 * 1000 };

struct report_reply {
    struct server *server;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    const char *type;
    struct worker *worker;  /* NULL: it has ended */
    struct event *readable; /* the report's pipe */
    int fd;
    bool begun;          /* the answer */
    bool read;           /* all of the pipe */
    size_t unread;       /* bytes that the client had not read when another one asked for a report */
    usec_t unread_since; /* CLOCK_MONOTONIC: when there were as many for the first time */
};

/* What the process is to do; it has all of it at the fork. */
struct order {
    struct report_source source;
    enum report_format format;
    const char *baseline; /* as it was sent; NULL: none was */
    size_t baseline_length;
    int fd;
};

static int read_baseline(const struct order *order, struct baseline **ret, struct error *error)
{
    if (!order->baseline)
        return 0;
    return baseline_parse(order->baseline, order->baseline_length, "the baseline", ret, error) < 0 ? -EINVAL : 0;
}

static int write_report(struct str *output, const void *argument, struct error *error)
{
    const struct order *order = argument;
    struct report_source source = order->source;
    scoped(cleanup_baseline) struct baseline *baseline = NULL;
    scoped(cleanup_report) struct report *report = NULL;
    struct report_out out = {.fd = order->fd};
    int r = read_baseline(order, &baseline, error);

    (void)output;
    source.baseline = baseline;
    if (r == 0)
        r = report_new(&source, &report, error);
    return r < 0 ? r : report_write(report, order->format, &out, error);
}

static void reply_free(struct report_reply *reply)
{
    reply->server->report = NULL;
    worker_cancel(reply->worker);
    event_free(reply->readable);
    close(reply->fd);
    free(reply);
}

static void begin(struct report_reply *reply)
{
    if (reply->begun)
        return;
    reply->begun = true;
    evhttp_add_header(evhttp_request_get_output_headers(reply->request), "Content-Type", reply->type);
    evhttp_send_reply_start(reply->request, HTTP_OK, NULL);
}

/* Both ends have been reached: the process's and the pipe's. */
static void end_if_over(struct report_reply *reply)
{
    struct evhttp_request *request = reply->request;

    if (reply->worker || !reply->read)
        return;
    begin(reply);
    evhttp_connection_set_closecb(reply->connection, NULL, NULL);
    reply_free(reply);
    evhttp_send_reply_end(request);
    server_stop_reading(request);
}

static void on_drained(struct evhttp_connection *connection, void *user)
{
    struct report_reply *reply = user;

    (void)connection;
    if (!reply->read)
        event_add(reply->readable, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct report_reply *reply = user;
    struct bufferevent *stream = server_request_stream(reply->request);
    struct evbuffer *piece = evbuffer_new();
    int n = evbuffer_read(piece, fd, PIECE);

    (void)what;
    if (n > 0) {
        begin(reply);
        evhttp_send_reply_chunk_with_cb(reply->request, piece, on_drained, reply);
        server_stop_reading(reply->request);
        if (evbuffer_get_length(bufferevent_get_output(stream)) >= AHEAD)
            event_del(reply->readable);
    } else if (n == 0) {
        reply->read = true;
        event_del(reply->readable);
        end_if_over(reply);
    }
    evbuffer_free(piece);
}

static void on_written(const char *output, size_t length, int number, const char *why, void *user)
{
    struct report_reply *reply = user;
    struct evhttp_request *request = reply->request;
    scoped_str english = STR_INIT;

    (void)output;
    (void)length;
    reply->worker = NULL;
    if (!number) {
        end_if_over(reply);
        return;
    }
    if (reply->begun) {
        evhttp_connection_free(reply->connection); /* which calls on_connection_closed() */
        return;
    }
    evhttp_connection_set_closecb(reply->connection, NULL, NULL);
    reply_free(reply);
    server_reply_error(request, number == EINVAL ? HTTP_BADREQUEST : HTTP_INTERNAL,
                       number == EINVAL ? "bad_request" : "failed", message_english(why, &english));
}

static void on_connection_closed(struct evhttp_connection *connection, void *user)
{
    struct report_reply *reply = user;

    (void)connection;
    if (!evhttp_request_get_connection(reply->request))
        evhttp_request_free(reply->request);
    clients_look(reply->server->clients);
    reply_free(reply);
}

static int start(struct call *call, struct order *order, struct report_reply *reply, struct error *error)
{
    struct server *server = call->server;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "cannot make a pipe");
    order->fd = fds[1];
    reply->worker = worker_start(server->backend.workers,
                                 &(struct worker_options){.run = write_report,
                                                          .argument = order,
                                                          .limit = ERROR_MESSAGE_SIZE,
                                                          .timeout_ms = TIMEOUT_MS,
                                                          .background = true,
                                                          .kept = fds[1],
                                                          .done = on_written,
                                                          .user = reply},
                                 error);
    close(fds[1]);
    if (!reply->worker) {
        close(fds[0]);
        return -EAGAIN;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    reply->fd = fds[0];
    reply->readable = event_new(server->base, fds[0], EV_READ | EV_PERSIST, on_readable, reply);
    event_add(reply->readable, NULL);
    return 0;
}

static void answer(struct call *call, struct order *order)
{
    struct report_reply *reply = mem_alloc(sizeof *reply);
    struct error error = ERROR_INIT;

    reply->server = call->server;
    reply->request = call->request;
    reply->connection = evhttp_request_get_connection(call->request);
    reply->type = report_format_type(order->format);
    if (start(call, order, reply, &error) < 0) {
        free(reply);
        server_reply_error(call->request, HTTP_SERVUNAVAIL, "failed", error.text);
        return;
    }
    call->server->report = reply;
    clients_served(call->server->clients, server_request_stream(call->request), true);
    evhttp_connection_set_closecb(reply->connection, on_connection_closed, reply);
    server_stop_reading(call->request);
}

static void reply_to_head(struct evhttp_request *request, const char *type)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Transfer-Encoding", "chunked");
    evhttp_send_reply_start(request, HTTP_OK, NULL);
    evhttp_send_reply_end(request);
}

/* Has its client, which has more to read, read nothing for some seconds in which others asked for a report? */
static bool stands_still(struct report_reply *reply)
{
    int in_socket = 0;
    size_t unread = evbuffer_get_length(bufferevent_get_output(server_request_stream(reply->request)));
    usec_t now = clock_monotonic();

    (void)ioctl(server_request_fd(reply->request), SIOCOUTQ, &in_socket);
    unread += in_socket > 0 ? (size_t)in_socket : 0;
    if (event_pending(reply->readable, EV_READ, NULL) || unread != reply->unread || !reply->unread_since) {
        reply->unread = unread;
        reply->unread_since = now;
    }
    return now - reply->unread_since >= ROOM_SLOW_S * USEC_PER_SEC;
}

/* Is another one being written? If it stands still it is given up. */
static bool is_busy(struct server *server)
{
    if (server->report && stands_still(server->report))
        evhttp_connection_free(server->report->connection); /* which calls on_connection_closed() */
    return server->report != NULL;
}

static void add_baseline(struct evhttp_request *request, struct order *order)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);

    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST)
        return;
    order->baseline_length = evbuffer_get_length(input);
    order->baseline = order->baseline_length ? (const char *)evbuffer_pullup(input, -1) : "";
}

void server_get_report(struct call *call)
{
    struct order order = {0};
    struct finding_filter filter;
    struct error error = ERROR_INIT;

    if (query_report(call->query, &order.format, &filter, &error) < 0 ||
        finding_filter_check(evaluator_rules(call->view.evaluator), &filter, &error) < 0) {
        server_reply_bad_request(call->request, &error);
    } else if (evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD) {
        reply_to_head(call->request, report_format_type(order.format));
    } else if (is_busy(call->server)) {
        evhttp_add_header(evhttp_request_get_output_headers(call->request), "Retry-After", "1");
        server_reply_error(call->request, HTTP_SERVUNAVAIL, "busy", "another report is being written");
    } else {
        view_report_source(&call->view, &order.source);
        order.source.filter = &filter;
        add_baseline(call->request, &order);
        answer(call, &order);
    }
}

void server_end_report(struct server *server)
{
    if (server->report)
        evhttp_connection_free(server->report->connection);
}
