/* GET /metrics, on the query socket and, where the configuration says so, alone on a TCP address of the loopback
 * interface: with the same limits as there, and nothing else is answered. */
#include "agent/api/server_metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/api/server_internal.h"
#include "common/log.h"

struct metrics_listener {
    struct server *server;
    struct evhttp *http;
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

static void on_request(struct evhttp_request *request, void *user)
{
    struct metrics_listener *listener = user;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct agent_view view;

    evhttp_request_set_on_complete_cb(request, on_answered, listener);
    clients_served(listener->clients, server_request_stream(request), false);
    if (!path || strcmp(path, "/metrics") != 0) {
        server_reply_error(request, HTTP_NOTFOUND, "not_found", "only /metrics is answered here");
    } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
        server_reply_error(request, HTTP_BADMETHOD, "method_not_allowed", "only GET is allowed here");
    } else if (server_has_room(listener->clients, request, METRICS_BYTES)) {
        server_view(listener->server, &view);
        reply_metrics(request, &view);
    }
}

static int open_listener(const struct config *config, struct error *error)
{
    const struct sockaddr *address = (const struct sockaddr *)&config->metrics_address;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, number;

    /* Accepted sockets inherit TCP_NODELAY: without it the end of an answer waits for the peer's delayed
     * acknowledgement. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        bind(fd, address, config->metrics_address_length) == 0 && listen(fd, 64) == 0)
        return fd;
    number = errno;
    if (fd >= 0)
        close(fd);
    return error_system(error, number, "metrics.listen: cannot listen on %s", config->metrics_listen);
}

int metrics_listener_new(struct server *server, const struct config *config, struct metrics_listener **ret,
                         struct error *error)
{
    struct metrics_listener *listener;
    struct evhttp_bound_socket *bound;
    int fd = open_listener(config, error);

    if (fd < 0)
        return fd;
    listener = mem_alloc(sizeof *listener);
    listener->server = server;
    listener->http = server_http_new(server->base);
    evhttp_set_gencb(listener->http, on_request, listener);
    bound = evhttp_accept_socket_with_handle(listener->http, fd);
    if (!bound) {
        close(fd);
        metrics_listener_free(listener);
        return error_set(error, EIO, "metrics.listen: cannot accept connections");
    }
    listener->clients = clients_new(server->base, listener->http, bound, server->room, SERVER_PATIENCE_S);
    log_info("metrics are answered at http://%s/metrics", config->metrics_listen);
    *ret = listener;
    return 0;
}

void metrics_listener_free(struct metrics_listener *listener)
{
    if (!listener)
        return;
    evhttp_free(listener->http);
    clients_free(listener->clients);
    free(listener);
}
