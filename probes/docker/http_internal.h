/* What http.c and http_pull.c share: the client's side of the connection to the broker. */
#ifndef PROBES_DOCKER_HTTP_INTERNAL_H
#define PROBES_DOCKER_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "probes/docker/broker_request.h"
#include "probes/docker/http.h"
#include "probes/docker/http_loop.h"

#define HTTP_BASE_URL "http://localhost"

struct http_client {
    const char *broker; /* its socket */
    char token[BROKER_TOKEN_LENGTH + 1];
    struct curl_slist *headers;
};
/* BROKER must outlive it. 0, or a negative errno with ERROR. */
int http_client_init(struct http_client *client, const char *broker, struct error *error);
void http_client_deinit(struct http_client *client);

/* Sets what every request needs: GET only, through the broker, no proxy, no redirect. */
void http_set_up(CURL *easy, const struct http_client *client, const char *url);

/* An answer of the broker itself: the engine does not know the token that it repeats. The body is one line of text. */
struct http_own_answer {
    bool is;
    int number; /* errno, 0: it is what was asked for */
};
/* Of one header line; true: it was the broker's. */
bool http_read_own(const struct http_client *client, const char *line, size_t length, struct http_own_answer *own);

#endif
