/* Querying the agent: HTTP over its Unix socket. The only file of agentctl that knows curl. */
#ifndef AGENT_CTL_CLIENT_H
#define AGENT_CTL_CLIENT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/json_in.h"
#include "common/str.h"

/* One exchange. BODY NULL: GET, else POST. Returns 0 with the HTTP status and the text, or a negative errno when the
 * agent cannot be reached. The caller frees RET_TEXT. A busy agent (503 with Retry-After) is asked again, a few times.
 * Whoever answers is not trusted: bodies and lines over 64 MiB and headers over 64 KiB are rejected, and so are answers
 * that take more than a minute. */
int client_call(const char *socket, const char *path, const char *body, long *ret_status, struct str *ret_text,
                struct error *error);
/* The same once and for MS milliseconds at most. */
int client_try(const char *socket, const char *path, long ms, long *ret_status, struct str *ret_text,
               struct error *error);
/* As client_call(); each line is passed to LINE as it arrives, until the stream ends or LINE returns false. RET_TEXT
 * gets what was not passed to LINE: the body of an answer other than 200. FOLLOWS: it may pause for as long as it
 * likes, else for a minute. */
int client_stream(const char *socket, const char *path, bool follows,
                  bool (*line)(const char *line, size_t length, void *user), void *user, long *ret_status,
                  struct str *ret_text, struct error *error);
/* As above; BODY NULL: GET, else POST. The body of an answer 200 is passed to PIECE as it arrives, whatever it is, 1
 * GiB of it at most, until PIECE returns false, which is an error. It may pause for a minute. */
int client_pieces(const char *socket, const char *path, const char *body,
                  bool (*piece)(const char *data, size_t length, void *user), void *user, long *ret_status,
                  struct str *ret_text, struct error *error);
/* Appends "&key=value" ("?" for the first), percent-encoded. */
void client_parameter(struct str *path, const char *key, const char *value);

#endif
