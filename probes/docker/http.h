/* HTTP/1.1 GET over libcurl multi on a libevent loop.
 *
 * One `struct http` is one engine address with its keep-alive connections, each of which leads to the broker
 * (broker.h), the process that alone connects to the engine. Every request has its own byte limit and time limits (0:
 * none, for the event stream). Completions are delivered from the loop, never from inside http_get() or a curl
 * callback. */
#ifndef PROBES_DOCKER_HTTP_H
#define PROBES_DOCKER_HTTP_H

#include <event2/event.h>
#include <time.h>

#include <stdint.h>

#include "common/error.h"
#include "common/str.h"

struct http;
struct http_request;

/* Where the engine is, as the docker client reads it. */
struct docker_address {
    char *unix_path;       /* NULL with TCP */
    char *base_url;        /* "http://localhost", "https://host:port" or "http://host:port/path" */
    char *host_text;       /* as given, for people, escaped: "unix:///run/docker.sock" */
    char *ca, *cert, *key; /* TLS files or NULL */
    bool tls_verify;
    char *broker; /* the broker's socket; NULL until there is one */
};
/* BY_FILES: where any certificate file is given, unverified as the docker client has it. */
enum docker_tls { DOCKER_TLS_BY_FILES, DOCKER_TLS_VERIFIED, DOCKER_TLS_UNVERIFIED };
/* HOST as DOCKER_HOST has it, blanks around it ignored: unix:///path or /path, tcp://host:port or host:port (both parts
 * may be left out: localhost, 2375 or with TLS 2376), http(s)://host:port, each of these with a path after it; NULL or
 * blank: unix:///var/run/docker.sock. ssh://, npipe:// and fd:// are refused. CERT_PATH: directory with ca.pem,
 * cert.pem, key.pem (DOCKER_CERT_PATH) or NULL; CA, CERT, KEY override single files. https:// always verifies; without
 * it TLS is spoken unless BY_FILES and there are none. */
int docker_address_parse(const char *host, const char *cert_path, enum docker_tls tls, const char *ca, const char *cert,
                         const char *key, struct docker_address *ret, struct error *error);
void docker_address_deinit(struct docker_address *address);
void docker_address_copy(struct docker_address *to, const struct docker_address *from); /* to be deinitialised */
/* A socket, or an address that can only be this host's: localhost, 127.0.0.0/8, ::1. */
bool docker_address_is_here(const struct docker_address *address);

/* NULL with ERROR: EINVAL without a broker, ENOMEM. */
struct http *http_new(struct event_base *base, const struct docker_address *address, struct error *error);
/* Asked before each connection to an engine on a Unix socket is made. CLOSED refuses it, as if nobody listened; ASK: it
 * is not known just now, and the request waits, without a slot, until http_gate_known(). */
enum http_gate { HTTP_GATE_OPEN, HTTP_GATE_CLOSED, HTTP_GATE_ASK };
void http_set_gate(struct http *http, enum http_gate (*gate)(void *user), void *user);
void http_gate_known(struct http *http); /* requests that wait for it ask again in the loop's next turn */
void http_free(struct http *http);       /* cancels what is under way without calling back; not from a callback */

struct http_response {
    long status;            /* HTTP status, 0 when there was none */
    int error_number;       /* 0, or errno-like: ETIMEDOUT, ECONNREFUSED, EFBIG, EIO … */
    const char *error_text; /* why, one line, NULL without error */
    const char *body;       /* whole body (stream requests: NULL), not terminated beyond LENGTH but a NUL follows */
    size_t length;
    const char *api_version; /* Api-Version header or NULL */
    bool podman;             /* there was a Libpod-Api-Version header */
    time_t date;             /* Date header: the peer's own clock, whole seconds; -1 when there was none */
};
typedef void http_done(struct http_request *request, const struct http_response *response, void *user);
/* Data of a reply with status 200 as it arrives (of another status the first 64 KiB go to DONE), in pieces of at most
 * 16 KiB and to all requests together no more than HTTP_TURN bytes in one turn of the loop. HTTP_DATA_WAIT: it is given
 * again after http_go_on(); any other value than 0 ends the request with ECANCELED. It runs inside curl: http_get() and
 * http_cancel() are fine there, http_free() is not. */
typedef int http_data(const char *data, size_t length, void *user);
enum { HTTP_DATA_WAIT = 1, HTTP_TURN = 64 * 1024 };

struct http_options {
    const char *path;    /* "/v1.41/info"; already percent-encoded */
    size_t limit;        /* bytes of body at most, refused at once where its length is said; 0 with DATA: any */
    unsigned timeout_ms; /* whole request; 0 none */
    unsigned connect_timeout_ms;
    unsigned slow_s;     /* ends it after so many seconds with less than 1 KiB in each on average; 0: never */
    bool own_connection; /* to the broker, that leads to no other one; the gate is not asked */
    bool urgent;         /* does not wait for ordinary requests, of which only a few run at a time */
    http_data *data;     /* streaming when not NULL */
    void (*headers)(long status,
                    void *user); /* stream: called once when the status line and headers are in; may be NULL */
    http_done *done;
    void *user;
};
/* Starts a request; never NULL: what fails at once is delivered through DONE from the loop. After DONE the request is
 * freed. */
struct http_request *http_get(struct http *http, const struct http_options *options);
void http_go_on(struct http_request *request);  /* after HTTP_DATA_WAIT, from the loop's next turn on */
void http_cancel(struct http_request *request); /* frees it; DONE is not called */

/* Percent-encodes one path segment (an image reference, an id). The caller frees. */
char *http_encode(const char *segment);

struct http_counters {
    uint64_t requests, bytes, failures;
    size_t turn_most; /* the most bytes that were given to http_data functions in one turn of the loop */
    unsigned in_flight;
};
const struct http_counters *http_counters(const struct http *http);

#endif
