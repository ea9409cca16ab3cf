/* The query API over the Unix socket, on libevent's evhttp.
 *
 * A request is answered from memory, at once or in its turn (server_turns.h); only followers of /v1/events live longer,
 * and whoever reads a report (server_report.c). Limits: 1 MiB of body, 16 KiB of headers, 30 s for a request to arrive
 * or for the next one, as many followers as server_followers.c, as many connections as server_clients.h and as many
 * bytes in all of them as server_room.h say. */
#include "agent/api/server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/api/server_internal.h"
#include "agent/api/server_query.h"
#include "agent/api/server_report.h"
#include "agent/api/server_socket.h"
#include "common/baseline.h"

enum { BODY_LIMIT = BASELINE_SENT_MAX, HEADER_LIMIT = 16 * 1024 };

enum { READS = EVHTTP_REQ_GET | EVHTTP_REQ_HEAD };

static const struct route {
    unsigned methods; /* EVHTTP_REQ_…, a bit each */
    const char *path; /* ending in '/': a name follows */
    void (*answer)(struct call *call);
    const char *const *parameters;
    size_t bytes; /* that there must be room for; 0: it is short, and always answered */
} routes[] = {
    {READS, "/v1/status", server_get_status, query_no_parameters, STATUS_BYTES},
    {READS, "/v1/config", server_get_config, query_no_parameters, RULES_BYTES},
    {READS, "/v1/rules", server_get_rules, query_no_parameters, RULES_BYTES},
    {READS, "/v1/rules/", server_get_rule, query_no_parameters, VIEW_PAGE_BYTES},
    {READS, "/v1/subjects", server_get_subjects, query_no_parameters, RULES_BYTES},
    {READS, "/v1/findings", server_get_findings, query_finding_parameters, VIEW_PAGE_BYTES},
    {READS, "/v1/events", server_get_events, query_event_parameters, STORE_PAGE_BYTES},
    {READS | EVHTTP_REQ_POST, "/v1/report", server_get_report, query_report_parameters, REPORT_BYTES},
    {READS, "/healthz", server_get_health, query_no_parameters, 0},
    {READS, "/metrics", server_get_metrics, query_no_parameters, METRICS_BYTES},
    {EVHTTP_REQ_POST, "/v1/scan", server_post_scan, query_no_parameters, 0},
    {EVHTTP_REQ_POST, "/v1/resend", server_post_resend, query_no_parameters, 0},
    {EVHTTP_REQ_POST, "/v1/ack", server_post_ack, query_no_parameters, 0},
};

static const struct route *find_route(const char *path, const char **ret_name)
{
    for (size_t i = 0; i < countof(routes); i++) {
        size_t length = strlen(routes[i].path);

        if (strcmp(routes[i].path, path) == 0 && routes[i].path[length - 1] != '/')
            return &routes[i];
        if (routes[i].path[length - 1] == '/' && strncmp(routes[i].path, path, length) == 0 && path[length] &&
            !strchr(path + length, '/')) {
            *ret_name = path + length;
            return &routes[i];
        }
    }
    return NULL;
}

static void refuse_method(struct call *call, const struct route *route)
{
    bool posts = route->methods & EVHTTP_REQ_POST, reads = route->methods & EVHTTP_REQ_GET;

    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Allow",
                      !posts  ? "GET, HEAD"
                      : reads ? "GET, HEAD, POST"
                              : "POST");
    server_reply_error(call->request, HTTP_BADMETHOD, "method_not_allowed",
                       !posts  ? "only GET is allowed here"
                       : reads ? "only GET and POST are allowed here"
                               : "only POST is allowed here");
}

static void answer(struct call *call, const char *path)
{
    const struct route *route = find_route(path, &call->name);
    struct error error = ERROR_INIT;

    if (!route) {
        server_reply_error(call->request, HTTP_NOTFOUND, "not_found", "no such resource");
        return;
    }
    if (!(route->methods & evhttp_request_get_command(call->request))) {
        refuse_method(call, route);
        return;
    }
    if (query_check(call->query, route->parameters, &call->view.language, &error) < 0) {
        server_reply_bad_request(call->request, &error);
        return;
    }
    if (server_has_room(call->server->clients, call->request, route->bytes))
        route->answer(call);
}

/* A value would end at an encoded NUL, and the text after it would be ignored. */
static int parse_query(const char *query, struct evkeyvalq *ret)
{
    return query && strstr(query, "%00") ? -1 : evhttp_parse_query_str(query ? query : "", ret);
}

static void on_answered(struct evhttp_request *request, void *user)
{
    struct server *server = user;

    clients_answered(server->clients, server_request_stream(request));
}

void server_view(const struct server *server, struct agent_view *ret)
{
    server->backend.view(server->backend.user, ret);
    ret->api = room_counts(server->room);
}

static void answer_request(struct evhttp_request *request, void *user)
{
    struct call call = {.server = user, .request = request};
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    scoped(cleanup_free) char *path = NULL;
    struct evkeyvalq parameters;
    size_t length = 0;

    path = uri && evhttp_uri_get_path(uri) ? evhttp_uridecode(evhttp_uri_get_path(uri), 0, &length) : NULL;
    if (!path || strlen(path) != length || parse_query(query, &parameters) < 0) {
        server_reply_error(request, HTTP_BADREQUEST, "bad_request", "invalid request URI");
        return;
    }
    call.query = &parameters;
    server_view(call.server, &call.view);
    answer(&call, path);
    evhttp_clear_headers(&parameters);
}

static void on_request(struct evhttp_request *request, void *user)
{
    struct server *server = user;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *name;
    const struct route *route = path ? find_route(path, &name) : NULL;

    evhttp_request_set_on_complete_cb(request, on_answered, user);
    turns_forget(server->turns, request, NULL); /* evhttp calls again for one that it has given up */
    clients_served(server->clients, server_request_stream(request), false);
    if (route && route->bytes)
        turns_take(server->turns, request, answer_request, user);
    else
        answer_request(request, user);
}

struct evhttp *server_http_new(struct event_base *base)
{
    enum { ALL_METHODS = 0xffff };
    struct evhttp *http = evhttp_new(base);

    evhttp_set_max_body_size(http, BODY_LIMIT);
    evhttp_set_max_headers_size(http, HEADER_LIMIT);
    evhttp_set_timeout(http, SERVER_PATIENCE_S);
    evhttp_set_allowed_methods(http, ALL_METHODS);
    return http;
}

int server_new(struct event_base *base, const struct server_backend *backend, const struct config *config,
               struct server **ret, struct error *error)
{
    struct server *server = mem_alloc(sizeof *server);
    static const struct agent_user same = {.becomes = false};
    struct evhttp_bound_socket *bound;
    int r = 0;

    server->base = base;
    server->backend = *backend;
    TAILQ_INIT(&server->followers);
    if (backend->socket)
        server->socket.fd = backend->socket->fd;
    else
        r = server_socket_open(config, &same, &server->socket, error);
    if (r < 0) {
        free(server);
        return r;
    }
    server->room = room_new();
    server->turns = turns_new(base);
    server->http = server_http_new(base);
    evhttp_set_gencb(server->http, on_request, server);
    bound = evhttp_accept_socket_with_handle(server->http, server->socket.fd); /* which owns it from now on */
    if (bound && backend->socket)
        backend->socket->fd = -1;
    if (bound)
        server->socket.fd = -1;
    if (!bound) {
        server_free(server);
        return error_set(error, EIO, "socket: cannot accept connections");
    }
    server->clients = clients_new(base, server->http, bound, server->room, SERVER_PATIENCE_S);
    if (config->metrics_listen)
        server->metrics = metrics_listener_new(server, config->metrics_listen, backend->network);
    *ret = server;
    return 0;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    server_end_followers(server);
    server_end_report(server);
    metrics_listener_free(server->metrics);
    turns_free(server->turns);
    evhttp_free(server->http);
    clients_free(server->clients);
    room_free(server->room);
    if (!server->backend.socket)
        server_socket_close(&server->socket);
    free(server);
}
