/* What the broker lets through to the engine: one request line of a fixed form, with a path of a list. Pure: bytes in,
 * a decision out. Nothing that a client sends is forwarded but a path that was found to be of the list. */
#ifndef PROBES_DOCKER_BROKER_REQUEST_H
#define PROBES_DOCKER_BROKER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { BROKER_HEAD_MAX = 8192, BROKER_TOKEN_LENGTH = 32, BROKER_ALIVE_MAX = 8192 /* an answer to BROKER_ALIVE */ };

enum broker_verdict {
    BROKER_INCOMPLETE, /* more bytes are needed */
    BROKER_REFUSED,
    BROKER_FORWARDED,
    BROKER_ALIVE, /* "/broker/alive": answered by the broker itself, 200, with the engine's address (host_text) */
    BROKER_PEER   /* "/broker/peer": the pid of the engine's socket, "0" over TCP */
};

struct broker_request {
    enum broker_verdict verdict;
    const char *path; /* within the bytes parsed; of BROKER_FORWARDED */
    size_t path_length;
    char token[BROKER_TOKEN_LENGTH + 1]; /* of the header Broker-Token, which the broker's own answers repeat; "" */
    size_t length;                       /* of the head */
    const char *why;                     /* of BROKER_REFUSED, one line */
};

/* DATA: what has come since the end of the request before. The form: "GET PATH HTTP/1.1" and no header but Host,
 * User-Agent, Accept and Broker-Token, each at most once, every line ended by CR LF, at most BROKER_HEAD_MAX bytes. */
void broker_request_parse(const char *data, size_t length, struct broker_request *ret);

/* The list: "/v1.{minor}/containers/{id}/json". */
const char *const *broker_paths(size_t *ret_count);
bool broker_path_is_listed(const char *path, size_t length);

#endif
