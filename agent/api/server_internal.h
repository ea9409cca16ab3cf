/* Shared by the server's own files: server.c (its life, and which answer a request gets), server_answers.c (what is
 * answered at once), server_metrics.c (/metrics, over TCP too), server_report.c (/v1/report),
 * server_followers.c (/v1/events, and who follows it).
 * Nobody else includes this. */
#ifndef AGENT_API_SERVER_INTERNAL_H
#define AGENT_API_SERVER_INTERNAL_H

#include <event2/event.h>
#include <event2/http.h>
#include <sys/queue.h>

#include "agent/api/server.h"
#include "agent/api/server_clients.h"
#include "agent/api/server_metrics.h"
#include "agent/api/server_turns.h"

struct follower;
struct report_reply;

enum { SERVER_PATIENCE_S = 30 }; /* for a request to arrive, or the next one */

struct server {
    struct event_base *base;
    struct server_backend backend;
    struct evhttp *http;
    struct room *room;   /* of all listeners */
    struct turns *turns; /* likewise */
    struct clients *clients;
    struct metrics_listener *metrics;              /* NULL: none over TCP */
    struct server_socket socket;                   /* that it has opened itself */
    TAILQ_HEAD(follower_list, follower) followers; /* of /v1/events */
    size_t follower_count;
    struct report_reply *report; /* that is being sent; NULL: none */
};

/* A request that is being answered. */
struct call {
    struct server *server;
    struct evhttp_request *request;
    const struct evkeyvalq *query;
    struct agent_view view;
    const char *name; /* the rest of the path after the route: the rule */
};

/* The largest answers but for findings, about. */
enum {
    STATUS_BYTES = 64 * 1024,
    RULES_BYTES = 256 * 1024,
    METRICS_BYTES = 64 * 1024,
    REPORT_BYTES = 384 * 1024 /* of it that wait at once */
};

/* server.c */
struct evhttp *server_http_new(struct event_base *base); /* with the limits that every listener has */

void server_view(const struct server *server, struct agent_view *ret);

/* server_metrics.c */
void server_get_metrics(struct call *call);

/* server_answers.c */
struct bufferevent *server_request_stream(struct evhttp_request *request);
evutil_socket_t server_request_fd(struct evhttp_request *request);
/* Answers with BODY, which stays the caller's: to HEAD with the same header and without it. */
void server_reply(struct evhttp_request *request, int status, const char *type, struct evbuffer *body);
/* With TEXT, which it takes. */
void server_reply_text(struct evhttp_request *request, int status, const char *type, struct str *text);
/* A client that has shut down its sending side is still there to read: its end of file is not looked at before what has
 * been written to it is gone. After each write; what comes in meanwhile stays in the socket. */
void server_stop_reading(struct evhttp_request *request);
void server_reply_error(struct evhttp_request *request, int status, const char *code, const char *message);
/* Is there room for an answer of about BYTES? If not, it is refused (503), to be asked for again. */
bool server_has_room(struct clients *clients, struct evhttp_request *request, size_t bytes);
void server_reply_bad_request(struct evhttp_request *request, const struct error *error);
/* Each answers its route. */
void server_get_status(struct call *call);
void server_get_config(struct call *call);
void server_get_rules(struct call *call);
void server_get_rule(struct call *call);
void server_get_subjects(struct call *call);
void server_get_findings(struct call *call);
void server_get_health(struct call *call);
void server_post_scan(struct call *call);
void server_post_ack(struct call *call);
void server_post_resend(struct call *call);

/* server_report.c */
void server_get_report(struct call *call);

/* server_followers.c */
void server_get_events(struct call *call);
void server_end_followers(struct server *server); /* hangs up on all of them */

#endif
