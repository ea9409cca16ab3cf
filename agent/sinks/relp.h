/* The client's side of a session of RELP (librelp's doc/relp.md): frames that go out, answers that come back. Pure: it
 * has no descriptor and asks no clock.
 *
 * Frames are counted from 1, which is the session's opening. The server acknowledges each by its transaction number, in
 * any order; what counts as acknowledged is all up to the first that is not. */
#ifndef AGENT_SINKS_RELP_H
#define AGENT_SINKS_RELP_H

#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/str.h"

enum {
    RELP_WINDOW = 128, /* frames without an answer, as librelp's */
    RELP_PATIENCE_SECONDS = 90,
    RELP_ANSWER_MAX = 4096, /* bytes of data */
};

struct relp {
    uint64_t framed, sent, acknowledged;
    uint64_t answered[RELP_WINDOW / 64]; /* by count modulo RELP_WINDOW; of those above ACKNOWLEDGED */
    bool open, failed;
    usec_t progress; /* monotonic: the last answer, or when the first frame without one was made */
    struct str in;   /* the beginning of an answer */
};

void relp_deinit(struct relp *relp);

/* Appends the frame to OUT that opens the session: the first one. NOW is monotonic, as below. */
void relp_frame_open(struct relp *relp, usec_t now, struct str *out);
/* May be called when relp_has_room(): the session is open, and its window too. */
bool relp_has_room(const struct relp *relp);
void relp_frame_syslog(struct relp *relp, const struct str *message, usec_t now, struct str *out);
/* The last frame; nothing else is sent after it. */
void relp_frame_close(struct relp *relp, usec_t now, struct str *out);
/* What was framed is sent, as a whole. */
void relp_sent(struct relp *relp);

/* Takes LENGTH bytes of the server's. 0; a negative errno with ERROR: the session is of no use any more. -ESHUTDOWN:
 * the server ends it. */
int relp_receive(struct relp *relp, const void *data, size_t length, usec_t now, struct error *error);
/* 0; -ETIMEDOUT with ERROR: an answer has been awaited for RELP_PATIENCE_SECONDS. */
int relp_check(const struct relp *relp, usec_t now, struct error *error);

#endif
