/* Transitions as records: journald's native protocol, traditional syslog text, RFC 5424, JSON. Pure.
 *
 * Everything in them may come from an attacker (names, commands): what people read is escaped to one line, what
 * machines read is escaped as their format requires. Bounds: 1 KiB a field of syslog, 4 KiB a field of the journal
 * (longer ones become null in journalctl -o json), 7.5 KiB a record of syslog (rsyslog cuts at 8 KiB). */
#ifndef AGENT_SINKS_FORMATS_H
#define AGENT_SINKS_FORMATS_H

#include <sys/types.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/record.h"
#include "common/str.h"

/* What a record contains about its sender, and its format. */
struct format_settings {
    enum sink_format format; /* of syslog */
    int facility;            /* as struct sink_config's */
    pid_t pid;
    char hostname[256]; /* "": unknown */
};

/* Appends one record. */
typedef void record_format(struct str *out, const struct record *record, const struct format_settings *settings);

/* Fields of journald's native protocol. */
record_format format_journal;
/* A message of syslog in the format of SETTINGS: key=value text or "@cee: {…}" with the traditional header, as for
 * /dev/log, or RFC 5424. */
record_format format_syslog;
/* The same with its length in front: the octet counting of RFC 6587. */
record_format format_syslog_counted;
/* The transition's JSON object and a newline. */
record_format format_json_line;

#endif
