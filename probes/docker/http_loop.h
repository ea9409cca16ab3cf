/* curl's multi interface driven by a libevent loop: what http.c and http_engine.c share. */
#ifndef PROBES_DOCKER_HTTP_LOOP_H
#define PROBES_DOCKER_HTTP_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>

#include <stdbool.h>

#include "common/error.h"

/* Before anything else of curl in this process. TLS: it will be spoken here. Undone by curl_global_cleanup(). 0, or
 * -ENOMEM. */
int http_global_init(bool tls, struct error *error);

struct http_loop {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    unsigned in_curl;           /* not 0: a call of curl is under way */
    void (*driven)(void *user); /* after curl was driven, outside of it: it may free the loop */
    void *user;
};

/* 0, or -ENOMEM with ERROR; then http_loop_deinit() is due all the same. */
int http_loop_init(struct http_loop *loop, struct event_base *base, void (*driven)(void *user), void *user,
                   struct error *error);
void http_loop_deinit(struct http_loop *loop); /* not from inside curl; its handles were removed before */
CURLMcode http_loop_add(struct http_loop *loop, CURL *easy);
void http_loop_remove(struct http_loop *loop, CURL *easy);

/* The errno that RESULT is like, of a transfer whose system call failed with SYSTEM_ERROR (0: none is known): 0,
 * ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ECONNRESET, ENOMEM, EIO … */
int http_errno(CURLcode result, long system_error);

#endif
