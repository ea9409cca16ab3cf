/* GET /metrics, on the query socket and, where the configuration says so, alone on a TCP address of the loopback
 * interface: with the same limits as there, and nothing else is answered. */
#include "agent/api/server_metrics.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/api/server_internal.h"
#include "common/log.h"
#include "probes/roles/sockets.h"

enum { WAIT_FIRST_S = 1, WAIT_MAX_S = 60 };

struct metrics_listener {
    struct server *server;
    char *address;
    struct helper *const *network;
    struct socket_request *request; /* NULL: none is under way */
    struct event *again;
    unsigned wait_s;
    struct evhttp *http; /* NULL: it does not listen yet */
    struct clients *clients;
};

static void reply_metrics(struct evhttp_request *request, const struct agent_view *view)
{
    scoped_str text = STR_INIT;

    view_metrics(view, &text);
    server_reply_text(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &text);
}

void server_get_metrics(struct call *call)
{
    reply_metrics(call->request, &call->view);
}

static void on_answered(struct evhttp_request *request, void *user)
{
    struct metrics_listener *listener = user;

    clients_answered(listener->clients, server_request_stream(request));
}

static void answer_request(struct evhttp_request *request, void *user)
{
    struct metrics_listener *listener = user;
    struct agent_view view;

    if (!server_has_room(listener->clients, request, METRICS_BYTES))
        return;
    server_view(listener->server, &view);
    reply_metrics(request, &view);
}

static void on_request(struct evhttp_request *request, void *user)
{
    struct metrics_listener *listener = user;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    enum evhttp_cmd_type method = evhttp_request_get_command(request);

    evhttp_request_set_on_complete_cb(request, on_answered, listener);
    turns_forget(listener->server->turns, request, NULL);
    clients_served(listener->clients, server_request_stream(request), false);
    if (!path || strcmp(path, "/metrics") != 0) {
        server_reply_error(request, HTTP_NOTFOUND, "not_found", "only /metrics is answered here");
    } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
        server_reply_error(request, HTTP_BADMETHOD, "method_not_allowed", "only GET is allowed here");
    } else {
        turns_take(listener->server->turns, request, answer_request, listener);
    }
}

/* ---- The socket, which the helper of role network makes ---- */

static void ask_for_socket(struct metrics_listener *listener);

static void on_again(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    ask_for_socket(user);
}

static void try_again(struct metrics_listener *listener, const char *why)
{
    const struct timeval wait = {.tv_sec = listener->wait_s};

    log_warning("metrics.listen: cannot listen on %s: %s; tried again in %u s", listener->address, why,
                listener->wait_s);
    evtimer_add(listener->again, &wait);
    listener->wait_s = listener->wait_s < WAIT_MAX_S / 2 ? 2 * listener->wait_s : WAIT_MAX_S;
}

static void on_socket(int fd, int number, const char *why, void *user)
{
    struct metrics_listener *listener = user;
    struct server *server = listener->server;
    struct evhttp_bound_socket *bound = NULL;

    (void)number;
    listener->request = NULL;
    if (fd < 0) {
        try_again(listener, why);
        return;
    }
    listener->http = server_http_new(server->base);
    evhttp_set_gencb(listener->http, on_request, listener);
    bound = evhttp_accept_socket_with_handle(listener->http, fd);
    if (!bound) {
        close(fd);
        evhttp_free(take(listener->http));
        try_again(listener, "connections cannot be accepted");
        return;
    }
    listener->clients = clients_new(server->base, listener->http, bound, server->room, SERVER_PATIENCE_S);
    log_info("metrics are answered at http://%s/metrics", listener->address);
}

static void ask_for_socket(struct metrics_listener *listener)
{
    struct error error = ERROR_INIT;

    listener->request = socket_ask(&(struct socket_options){.base = listener->server->base,
                                                            .helper = *listener->network,
                                                            .task = NETWORK_LISTEN,
                                                            .address = listener->address,
                                                            .type = SOCK_STREAM,
                                                            .done = on_socket,
                                                            .user = listener},
                                   &error);
    if (!listener->request)
        try_again(listener, error.text);
}

struct metrics_listener *metrics_listener_new(struct server *server, const char *address, struct helper *const *network)
{
    struct metrics_listener *listener = mem_alloc(sizeof *listener);

    listener->server = server;
    listener->address = mem_strdup(address);
    listener->network = network;
    listener->wait_s = WAIT_FIRST_S;
    listener->again = evtimer_new(server->base, on_again, listener);
    ask_for_socket(listener);
    return listener;
}

void metrics_listener_free(struct metrics_listener *listener)
{
    if (!listener)
        return;
    socket_cancel(listener->request);
    event_free(listener->again);
    turns_forget(listener->server->turns, NULL, listener);
    if (listener->http)
        evhttp_free(listener->http);
    clients_free(listener->clients);
    free(listener->address);
    free(listener);
}
