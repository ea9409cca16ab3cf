/* TLS over a connected socket, as a client (RFC 5425): who the peer is, its certificate proves; who the agent is, its
 * own may. Nothing here blocks. */
#ifndef AGENT_SINKS_TLS_H
#define AGENT_SINKS_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/config/sink_config.h"
#include "common/error.h"

struct tls;
struct tls_context;

/* Reads the files of SETTINGS into CONTEXT (NULL at first), if they are not those that were read into it before: a
 * bundle of CAs takes tens of milliseconds. 0, or a negative errno with ERROR, and CONTEXT is NULL then. */
int tls_context_update(struct tls_context **context, const struct sink_tls *settings, struct error *error);
void tls_context_free(struct tls_context *context); /* NULL is fine */

/* Of FD, which stays the caller's and outlives it. The certificate must be for NAME. 0, or a negative errno with ERROR.
 */
int tls_new(const struct tls_context *context, const char *name, int fd, struct tls **ret, struct error *error);
/* Says goodbye where that is possible. NULL is fine. */
void tls_free(struct tls *tls);

/* 0: it is complete; -EAGAIN: RET_EVENTS (EV_READ, EV_WRITE) is what it waits for; another negative errno with ERROR.
 */
int tls_handshake(struct tls *tls, short *ret_events, struct error *error);
/* How many bytes of DATA were taken; -EAGAIN: none now, and the next call must begin with the same; another negative
 * errno with ERROR. What the peer has sent is read and ignored. */
ssize_t tls_write(struct tls *tls, const void *data, size_t length, struct error *error);
/* The same to a peer whose answers are read with tls_read(). */
ssize_t tls_write_only(struct tls *tls, const void *data, size_t length, struct error *error);
/* How many bytes the peer has sent, at least 1; -EAGAIN: none now; another negative errno with ERROR. */
ssize_t tls_read(struct tls *tls, void *buffer, size_t length, struct error *error);
/* Bytes that the socket has got, with all that TLS adds. */
uint64_t tls_written(const struct tls *tls);
/* 0, or why the connection is of no use any more: a negative errno with ERROR. RET_ACCEPTED: with TLS 1.3 the client
 * has done its part before the server has looked at its certificate, and what is sent meanwhile may never be read;
 * false until the server has answered, or has let some seconds pass. */
int tls_check(struct tls *tls, bool *ret_accepted, struct error *error);

#endif
