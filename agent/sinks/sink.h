/* Sinks: where transitions go. Each has a bounded queue (4,096 records or 1 MiB, the oldest lowest-severity dropped
 * first and counted) and never blocks the loop: non-blocking sockets, retried when writable or after a back-off. */
#ifndef AGENT_SINKS_SINK_H
#define AGENT_SINKS_SINK_H

#include <event2/event.h>

#include "agent/config/config.h"
#include "agent/evaluator/transition.h"
#include "common/str.h"

struct sink;

int sink_new(struct event_base *base, const struct sink_config *config, struct sink **ret, struct error *error);
void sink_free(struct sink *sink); /* sends what can be sent without waiting */
void sink_send(struct sink *sink,
               struct transition *transition); /* takes a reference of its own; filters by the sink's config */

struct sink_status {
    const char *type, *address;
    uint64_t sent, pending, dropped;
    const char *last_error; /* NULL: none */
};
void sink_status(const struct sink *sink, struct sink_status *ret);

/* Formats, pure: append one record. Text: key=value pairs for the traditional format; RFC 5424 whole line. */
void format_text(struct str *out, const struct transition *transition, int facility,
                 pid_t pid); /* with <PRI>, local time stamp and tag, as for /dev/log */
void format_rfc5424(struct str *out, const struct transition *transition, int facility, pid_t pid,
                    const char *hostname);
void format_journald(struct str *out, const struct transition *transition); /* native protocol */
void format_syslog_json(struct str *out, const struct transition *transition, int facility,
                        pid_t pid); /* "<PRI>… tag: @cee:{…}" cut so that it stays valid */

#endif
