/* Answers that are made at once from memory. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/api/server_internal.h"
#include "agent/api/server_query.h"
#include "agent/api/view.h"
#include "agent/config/config_show.h"
#include "common/file.h"

void server_stop_reading(struct evhttp_request *request)
{
    bufferevent_disable(server_request_stream(request), EV_READ);
}

void server_reply(struct evhttp_request *request, int status, const char *type, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    bool is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;

    evhttp_add_header(headers, "Content-Type", type);
    if (is_head) {
        char length[32];

        snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
        evhttp_add_header(headers, "Content-Length", length);
    }
    evhttp_send_reply(request, status, NULL, is_head ? NULL : body);
    server_stop_reading(request);
}

static void free_text(const void *data, size_t length, void *user)
{
    (void)data;
    (void)length;
    free(user);
}

void server_reply_text(struct evhttp_request *request, int status, const char *type, struct str *text)
{
    struct evbuffer *body = evbuffer_new();
    size_t length = text->length;
    char *data = mem_realloc(str_steal(text), length + 1); /* it may wait for long: no more than there is of it */

    evbuffer_add_reference(body, data, length, free_text, data);
    server_reply(request, status, type, body);
    evbuffer_free(body);
}

static void reply_json(struct evhttp_request *request, int status, struct json_out *out)
{
    scoped_str text = STR_INIT;

    json_out_steal(out, &text);
    str_append_char(&text, '\n');
    server_reply_text(request, status, "application/json", &text);
}

void server_reply_error(struct evhttp_request *request, int status, const char *code, const char *message)
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

void server_reply_bad_request(struct evhttp_request *request, const struct error *error)
{
    server_reply_error(request, HTTP_BADREQUEST, "bad_request", error->text);
}

bool server_has_room(struct clients *clients, struct evhttp_request *request, size_t bytes)
{
    if (!bytes || clients_make_room(clients, server_request_stream(request), bytes, false))
        return true;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", "1");
    server_reply_error(request, HTTP_SERVUNAVAIL, "busy",
                       "too many answers wait to be read by those who asked for them");
    return false;
}

struct bufferevent *server_request_stream(struct evhttp_request *request)
{
    return evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
}

evutil_socket_t server_request_fd(struct evhttp_request *request)
{
    return bufferevent_getfd(server_request_stream(request));
}

static uid_t peer_uid(struct evhttp_request *request)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(server_request_fd(request), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return (uid_t)-1;
    return peer.uid;
}

/* The user who logged in where the peer was started, whoever it has become since (sudo); (uint32_t)-1: nobody did. */
static uint32_t peer_login_uid(struct evhttp_request *request)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    scoped_str text = STR_INIT;
    char path[64];
    unsigned long uid;
    char *end;

    if (getsockopt(server_request_fd(request), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.pid <= 0)
        return UINT32_MAX;
    snprintf(path, sizeof path, "/proc/%d/loginuid", (int)peer.pid);
    if (file_read(path, 64, &text, NULL) < 0)
        return UINT32_MAX;
    uid = strtoul(str_text(&text), &end, 10);
    return end == text.data || uid > UINT32_MAX ? UINT32_MAX : (uint32_t)uid;
}

static bool refuse_unless_root(struct call *call)
{
    if (peer_uid(call->request) == 0)
        return false;
    server_reply_error(call->request, 403, "forbidden", "only root may do this");
    return true;
}

static void reply_view(struct call *call, void (*view)(const struct agent_view *view, struct json_out *out))
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    view(&call->view, out);
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

void server_get_status(struct call *call)
{
    reply_view(call, view_status);
}

static void write_config(const struct agent_view *view, struct json_out *out)
{
    config_write(view->config, out);
}

void server_get_config(struct call *call)
{
    reply_view(call, write_config);
}

void server_get_rules(struct call *call)
{
    reply_view(call, view_rules);
}

void server_get_subjects(struct call *call)
{
    reply_view(call, view_subjects);
}

void server_get_rule(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct error error = ERROR_INIT;

    json_out_object(out, NULL);
    if (view_rule(&call->view, call->name, out, &error) < 0) {
        server_reply_error(call->request, HTTP_NOTFOUND, "unknown_rule", error.text);
        return;
    }
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

void server_get_findings(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct finding_filter filter;
    struct error error = ERROR_INIT;
    int r = query_findings(call->query, &filter, &error);

    json_out_object(out, NULL);
    if (r == 0)
        r = view_findings(&call->view, &filter, out, &error);
    if (r < 0) {
        server_reply_bad_request(call->request, &error);
        return;
    }
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

void server_get_health(struct call *call)
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

void server_post_scan(struct call *call)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped_str by = STR_INIT, evidence = STR_INIT;
    struct entry entry = {
        .slug = "agent-scan", .title = N_("A full scan was requested"), .cause = "scan", .has_peer = true};

    if (refuse_unless_root(call))
        return;
    entry.uid = peer_uid(call->request);
    entry.login_uid = peer_login_uid(call->request);
    entry_append_peer(&by, entry.uid, entry.login_uid);
    message_add(&evidence, "%s requested a full scan", by.data);
    entry.evidence = evidence.data;
    evaluator_entry(call->view.writable_engine, &entry);
    call->server->backend.scan(call->server->backend.user, "scan");
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_bool(out, "started", true);
    json_out_int(out, "last_seq", (int64_t)evaluator_last_seq(call->view.evaluator));
    json_out_end_object(out);
    reply_json(call->request, 202, out);
}

void server_post_ack(struct call *call)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
    size_t length = evbuffer_get_length(input);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped(cleanup_free) char *id = NULL;
    const char *exec, *reason;
    struct error error = ERROR_INIT;

    if (refuse_unless_root(call))
        return;
    if (json_parse((const char *)evbuffer_pullup(input, -1), length, NULL, &doc, &error) < 0) {
        server_reply_bad_request(call->request, &error);
        return;
    }
    exec = json_string(json_get(json_root(doc), "exec"));
    reason = json_string(json_get(json_root(doc), "reason"));
    if (str_empty(exec) || str_empty(reason)) {
        error_set(&error, EINVAL, "\"exec\" and \"reason\" are required");
        server_reply_bad_request(call->request, &error);
        return;
    }
    id = mem_strdup(evaluator_find_exec(call->view.evaluator, exec));
    if (!id || evaluator_acknowledge(call->view.writable_engine, id, peer_uid(call->request),
                                     peer_login_uid(call->request), reason) < 0) {
        server_reply_error(call->request, HTTP_NOTFOUND, "not_found", "no such exec finding, or more than one");
        return;
    }
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_string(out, "acknowledged", id);
    json_out_end_object(out);
    reply_json(call->request, HTTP_OK, out);
}

void server_post_resend(struct call *call)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
    size_t length = evbuffer_get_length(input), count;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = NULL;
    struct error error = ERROR_INIT;
    const char *sink;

    if (refuse_unless_root(call))
        return;
    if (json_parse((const char *)evbuffer_pullup(input, -1), length, NULL, &doc, &error) < 0) {
        server_reply_bad_request(call->request, &error);
        return;
    }
    sink = json_string(json_get(json_root(doc), "sink"));
    if (str_empty(sink)) {
        error_set(&error, EINVAL, "\"sink\" is required: the address or the type of a sink");
        server_reply_bad_request(call->request, &error);
        return;
    }
    count = call->server->backend.resend(call->server->backend.user, sink);
    if (!count) {
        server_reply_error(call->request, HTTP_NOTFOUND, "not_found", "no sink has this address or type");
        return;
    }
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_int(out, "sinks", (int64_t)count);
    json_out_end_object(out);
    reply_json(call->request, 202, out);
}
