/* The query API over the Unix socket, on libevent's evhttp.
 *
 * A request is answered at once from memory; only followers of /v1/events live longer. A follower is a place in the
 * sequence, not a queue: it is sent what lies after its place while its output buffer has room, and goes on when the
 * buffer is drained; what the ring has dropped meanwhile is told as {"lost":K}. So a slow reader costs one buffer.
 * Limits: 64 KiB of body, 16 KiB of headers, 30 s for a request to arrive or for the next one, FOLLOWERS followers, and
 * as many connections as server_clients.h says. */
#include "agent/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "agent/server_clients.h"
#include "agent/server_query.h"
#include "agent/view.h"
#include "common/log.h"

enum { BODY_LIMIT = 64 * 1024, HEADER_LIMIT = 16 * 1024, TIMEOUT_S = 30, FOLLOWERS = 64, OUTPUT_LIMIT = 256 * 1024 };

struct follower {
    TAILQ_ENTRY(follower) link;
    struct server *server;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    struct event *closed;
    uint64_t seq; /* of the last transition sent */
};

struct server {
    struct event_base *base;
    struct agent *agent;
    struct evhttp *http;
    struct clients *clients;
    char *path;
    bool own_socket;
    TAILQ_HEAD(follower_list, follower) followers;
    size_t follower_count;
};

struct call {
    struct server *server;
    struct evhttp_request *request;
    const struct evkeyvalq *query;
    struct agent_view view;
    const char *name; /* what stands behind the route: the rule */
};

static void reply(struct evhttp_request *request, int status, const char *type, const char *text, size_t length)
{
    struct evbuffer *body = evbuffer_new();

    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evbuffer_add(body, text, length);
    evbuffer_add(body, "\n", 1);
    evhttp_send_reply(request, status, NULL, body);
    evbuffer_free(body);
}

static void reply_json(struct evhttp_request *request, int status, struct json_out *out)
{
    size_t length;
    const char *text = json_out_text(out, &length);

    reply(request, status, "application/json", text, length);
}

static void reply_error(struct evhttp_request *request, int status, const char *code, const char *message)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_object(out, "error");
    json_out_string(out, "code", code);
    json_out_string(out, "message", message);
    json_out_end_object(out);
    json_out_end_object(out);
    reply_json(request, status, out);
}

static void bad_request(struct evhttp_request *request, const struct error *error)
{
    reply_error(request, HTTP_BADREQUEST, "bad_request", error->text);
}

static evutil_socket_t request_fd(struct evhttp_request *request)
{
    return bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));
}

static uid_t peer_uid(struct evhttp_request *request)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(request_fd(request), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return (uid_t)-1;
    return peer.uid;
}

static bool refuse_unless_root(struct call *call)
{
    if (peer_uid(call->request) == 0)
        return false;
    reply_error(call->request, 403, "forbidden", "only root may do this");
    return true;
}

static void get_status(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    view_status(&call->view, out);
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

static void get_rules(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    view_rules(&call->view, out);
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

static void get_rule(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct error error = ERROR_INIT;

    json_out_object(out, NULL);
    if (view_rule(&call->view, call->name, out, &error) < 0) {
        reply_error(call->request, HTTP_NOTFOUND, "not_found", error.text);
        return;
    }
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

static void get_findings(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct finding_filter filter;
    struct error error = ERROR_INIT;
    int r = query_findings(call->query, &filter, &error);

    json_out_object(out, NULL);
    if (r == 0)
        r = view_findings(&call->view, &filter, out, &error);
    if (r < 0) {
        bad_request(call->request, &error);
        return;
    }
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

static void get_health(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    bool ready;

    json_out_object(out, NULL);
    json_out_array(out, "reasons");
    ready = view_health(&call->view, out);
    json_out_end_array(out);
    json_out_bool(out, "ready", ready);
    json_out_end_object(out);
    reply_json(call->request, ready ? HTTP_OK : HTTP_SERVUNAVAIL, out);
}

static void post_scan(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;

    if (refuse_unless_root(call))
        return;
    agent_scan(call->server->agent, "scan");
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_bool(out, "started", true);
    json_out_int(out, "last_seq", (int64_t)engine_last_seq(call->view.engine));
    json_out_end_object(out);
    reply_json(call->request, 202, out);
}

/* The exec whose id is WANTED or begins with it (12 digits or more). */
static const char *find_exec(const struct engine *engine, const char *wanted)
{
    const struct subject *subject;
    const char *found = NULL;
    size_t at = 0;

    while ((subject = engine_next_subject(engine, &at)))
        if (subject->kind == SUBJECT_EXEC &&
            (strcmp(subject->id, wanted) == 0 || (strlen(wanted) >= 12 && str_starts(subject->id, wanted)))) {
            if (found)
                return NULL;
            found = subject->id;
        }
    return found;
}

static void post_ack(struct call *call)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
    size_t length = evbuffer_get_length(input);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped(cleanup_free) char *by = NULL, *id = NULL;
    const char *exec, *reason;
    struct error error = ERROR_INIT;

    if (refuse_unless_root(call))
        return;
    if (json_parse((const char *)evbuffer_pullup(input, -1), length, NULL, &doc, &error) < 0) {
        bad_request(call->request, &error);
        return;
    }
    exec = json_string(json_get(json_root(doc), "exec"));
    reason = json_string(json_get(json_root(doc), "reason"));
    if (str_empty(exec) || str_empty(reason)) {
        error_set(&error, EINVAL, "\"exec\" and \"reason\" are wanted");
        bad_request(call->request, &error);
        return;
    }
    id = mem_strdup(find_exec(call->view.engine, exec));
    by = mem_printf("uid %u", (unsigned)peer_uid(call->request));
    if (!id || engine_acknowledge(call->view.writable_engine, id, by, reason) < 0) {
        reply_error(call->request, HTTP_NOTFOUND, "not_found", "there is no such exec finding, or more than one");
        return;
    }
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_string(out, "acknowledged", id);
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

static void add_hello(const struct engine *engine, struct evbuffer *body)
{
    evbuffer_add_printf(body, "{\"hello\":{\"last_seq\":%" PRIu64 ",\"oldest_seq\":%" PRIu64 "}}\n",
                        engine_last_seq(engine), engine_oldest_seq(engine));
}

/* Adds what comes after SEQ, as long as BODY is shorter than LIMIT (0: all of it). */
static uint64_t add_transitions(const struct engine *engine, uint64_t seq, struct evbuffer *body, size_t limit)
{
    uint64_t oldest = engine_oldest_seq(engine);
    const struct transition *transition;

    if (seq + 1 < oldest) {
        evbuffer_add_printf(body, "{\"lost\":%" PRIu64 "}\n", oldest - seq - 1);
        seq = oldest - 1;
    }
    while ((!limit || evbuffer_get_length(body) < limit) && (transition = engine_transition_after(engine, seq))) {
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
    agent_view(follower->server->agent, &view);
    body = evbuffer_new();
    follower->seq = add_transitions(view.engine, follower->seq, body, OUTPUT_LIMIT - waiting);
    if (evbuffer_get_length(body))
        evhttp_send_reply_chunk_with_cb(follower->request, body, on_drained, follower);
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

/* evhttp reads nothing while it answers, and so does not see the reader go. */
static void on_hang_up(evutil_socket_t fd, short what, void *user)
{
    struct follower *follower = user;

    (void)fd;
    (void)what;
    evhttp_connection_free(follower->connection);
}

static void follow(struct call *call, uint64_t since)
{
    struct server *server = call->server;
    struct follower *follower;
    struct evbuffer *hello;
    evutil_socket_t fd;

    if (server->follower_count >= FOLLOWERS) {
        reply_error(call->request, HTTP_SERVUNAVAIL, "busy", "too many followers");
        return;
    }
    follower = mem_alloc(sizeof *follower);
    follower->server = server;
    follower->request = call->request;
    follower->connection = evhttp_request_get_connection(call->request);
    follower->seq = since;
    fd = bufferevent_getfd(evhttp_connection_get_bufferevent(follower->connection));
    clients_served(server->clients, fd, true);
    follower->closed = event_new(server->base, fd, EV_CLOSED, on_hang_up, follower);
    event_add(follower->closed, NULL);
    TAILQ_INSERT_TAIL(&server->followers, follower, link);
    server->follower_count++;
    evhttp_connection_set_closecb(follower->connection, on_connection_closed, follower);
    evhttp_connection_set_timeout(follower->connection, 365 * 24 * 3600);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", "application/x-ndjson");
    evhttp_send_reply_start(call->request, HTTP_OK, NULL);
    hello = evbuffer_new();
    add_hello(call->view.engine, hello);
    evhttp_send_reply_chunk(call->request, hello);
    evbuffer_free(hello);
    pump(follower);
}

static void get_events(struct call *call)
{
    struct error error = ERROR_INIT;
    uint64_t since = 0;
    bool wants_to_follow = false;
    struct evbuffer *body;

    if (query_events(call->query, engine_last_seq(call->view.engine), &since, &wants_to_follow, &error) < 0) {
        bad_request(call->request, &error);
        return;
    }
    if (wants_to_follow) {
        follow(call, since);
        return;
    }
    body = evbuffer_new();
    add_hello(call->view.engine, body);
    add_transitions(call->view.engine, since, body, 0);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", "application/x-ndjson");
    evhttp_send_reply(call->request, HTTP_OK, NULL, body);
    evbuffer_free(body);
}

static const struct route {
    enum evhttp_cmd_type method;
    const char *path; /* ending in '/': a name follows */
    void (*answer)(struct call *call);
    const char *const *parameters;
} routes[] = {
    {EVHTTP_REQ_GET, "/v1/status", get_status, query_no_parameters},
    {EVHTTP_REQ_GET, "/v1/rules", get_rules, query_no_parameters},
    {EVHTTP_REQ_GET, "/v1/rules/", get_rule, query_no_parameters},
    {EVHTTP_REQ_GET, "/v1/findings", get_findings, query_finding_parameters},
    {EVHTTP_REQ_GET, "/v1/events", get_events, query_event_parameters},
    {EVHTTP_REQ_GET, "/healthz", get_health, query_no_parameters},
    {EVHTTP_REQ_POST, "/v1/scan", post_scan, query_no_parameters},
    {EVHTTP_REQ_POST, "/v1/ack", post_ack, query_no_parameters},
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

static void answer(struct call *call, const char *path)
{
    const struct route *route = find_route(path, &call->name);
    enum evhttp_cmd_type method = evhttp_request_get_command(call->request);
    struct error error = ERROR_INIT;

    if (!route) {
        reply_error(call->request, HTTP_NOTFOUND, "not_found", "there is no such resource");
        return;
    }
    if (method != route->method) {
        evhttp_add_header(evhttp_request_get_output_headers(call->request), "Allow",
                          route->method == EVHTTP_REQ_GET ? "GET" : "POST");
        reply_error(call->request, HTTP_BADMETHOD, "method_not_allowed",
                    route->method == EVHTTP_REQ_GET ? "only GET is allowed here" : "only POST is allowed here");
        return;
    }
    if (query_check(call->query, route->parameters, &call->view.language, &error) < 0) {
        bad_request(call->request, &error);
        return;
    }
    route->answer(call);
}

/* A value would end at an encoded NUL, and what is behind it would count for nothing. */
static int parse_query(const char *query, struct evkeyvalq *ret)
{
    return query && strstr(query, "%00") ? -1 : evhttp_parse_query_str(query ? query : "", ret);
}

static void on_request(struct evhttp_request *request, void *user)
{
    struct call call = {.server = user, .request = request};
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    scoped(cleanup_free) char *path = NULL;
    struct evkeyvalq parameters;
    size_t length = 0;

    path = uri && evhttp_uri_get_path(uri) ? evhttp_uridecode(evhttp_uri_get_path(uri), 0, &length) : NULL;
    if (!path || strlen(path) != length || parse_query(query, &parameters) < 0) {
        reply_error(request, HTTP_BADREQUEST, "bad_request", "the request's address cannot be read");
        return;
    }
    call.query = &parameters;
    clients_served(call.server->clients, request_fd(request), false);
    agent_view(call.server->agent, &call.view);
    answer(&call, path);
    evhttp_clear_headers(&parameters);
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

static int make_folder(const char *path, struct error *error)
{
    scoped(cleanup_free) char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));

    if (!*folder || mkdir(folder, 0755) == 0 || errno == EEXIST)
        return 0;
    return error_system(error, errno, "socket: cannot create %s", folder);
}

/* A dead agent's socket refuses; a live one's answers. */
static int clear_stale(const struct sockaddr_un *address, struct error *error)
{
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;

    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : error_system(error, errno, "socket: %s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(error, EEXIST, "socket: %s exists and is no socket", address->sun_path);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN))
        return error_set(error, EADDRINUSE, "socket: another agent answers at %s", address->sun_path);
    return unlink(address->sun_path) == 0 ? 0
                                          : error_system(error, errno, "socket: cannot remove %s", address->sun_path);
}

static int set_group(const char *path, const char *group, struct error *error)
{
    const struct group *entry = getgrnam(group ? group : "docker-bench-agent");

    if (!entry && group)
        return error_set(error, ENOENT, "socket.group: there is no group \"%s\"", group);
    if (entry && chown(path, (uid_t)-1, entry->gr_gid) < 0)
        return error_system(error, errno, "socket: cannot give %s to group %s", path, entry->gr_name);
    return 0;
}

static int open_socket(const struct config *config, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = config->socket_path;
    scoped(cleanup_close) int fd = -1;
    mode_t mask;
    int r, bound;

    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path)
        return error_set(error, EINVAL, "socket.path: must be absolute and shorter than %zu: %s",
                         sizeof address.sun_path, path);
    memcpy(address.sun_path, path, strlen(path));
    r = make_folder(path, error);
    if (r == 0)
        r = clear_stale(&address, error);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    r = errno;
    umask(mask);
    if (bound < 0)
        return error_system(error, r, "socket: cannot bind %s", path);
    r = set_group(path, config->socket_group, error);
    if (r < 0)
        return r;
    if (chmod(path, config->socket_mode) < 0 || listen(fd, 64) < 0)
        return error_system(error, errno, "socket: %s", path);
    r = fd;
    fd = -1;
    return r;
}

int server_new(struct event_base *base, struct agent *agent, const struct config *config, struct server **ret,
               struct error *error)
{
    enum { ALL_METHODS = 0xffff };
    struct server *server = mem_alloc(sizeof *server);
    struct evhttp_bound_socket *bound;
    int fd;

    server->base = base;
    server->agent = agent;
    TAILQ_INIT(&server->followers);
    if (sd_listen_fds(0) == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) > 0) {
        fd = SD_LISTEN_FDS_START;
        evutil_make_socket_nonblocking(fd);
    } else {
        fd = open_socket(config, error);
        server->own_socket = fd >= 0;
    }
    if (fd < 0) {
        free(server);
        return fd;
    }
    server->path = mem_strdup(config->socket_path);
    server->http = evhttp_new(base);
    evhttp_set_max_body_size(server->http, BODY_LIMIT);
    evhttp_set_max_headers_size(server->http, HEADER_LIMIT);
    evhttp_set_timeout(server->http, TIMEOUT_S);
    evhttp_set_allowed_methods(server->http, ALL_METHODS);
    evhttp_set_gencb(server->http, on_request, server);
    bound = evhttp_accept_socket_with_handle(server->http, fd);
    if (!bound) {
        server_free(server);
        return error_set(error, EIO, "socket: cannot accept connections");
    }
    server->clients = clients_new(base, server->http, bound, TIMEOUT_S);
    *ret = server;
    return 0;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    while (!TAILQ_EMPTY(&server->followers))
        evhttp_connection_free(TAILQ_FIRST(&server->followers)->connection);
    evhttp_free(server->http);
    clients_free(server->clients);
    if (server->own_socket)
        unlink(server->path);
    free(server->path);
    free(server);
}
