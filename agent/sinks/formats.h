/* Records as receivers read them: journald's native protocol, text, RFC 5424, JSON, CEF, LEEF, ECS, OCSF. Pure.
 *
 * Everything in them may come from an attacker (names, commands): what people read is escaped to one line, what
 * machines read is escaped as their format requires, and nothing in it can begin a new record or another field. Bounds:
 * 1 KiB a field of syslog, 4 KiB a field of the journal (longer ones become null in journalctl -o json), 7.5 KiB a
 * record of syslog (rsyslog cuts at 8 KiB), over UDP 512 bytes and 2 KiB. What is longer is cut between characters, and
 * marked with the SHA-256 of the whole; where a record would be too long, whole fields are left out and named. JSON,
 * ECS and OCSF in a file are whole; CEF and LEEF have their fields' limit there, too. */
#ifndef AGENT_SINKS_FORMATS_H
#define AGENT_SINKS_FORMATS_H

#include <sys/types.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/record.h"
#include "common/str.h"

enum clock_sync { CLOCK_SYNC_UNKNOWN, CLOCK_SYNC_NO, CLOCK_SYNC_YES };

/* What a record contains about its sender, and its format. */
struct format_settings {
    enum sink_format format; /* of syslog */
    enum sink_header header; /* as struct sink_config's, like what follows */
    bool cee, lines;
    uint32_t enterprise_number;
    int facility;
    enum clock_sync clock_sync; /* of the host with a time source */
    pid_t pid;
    char hostname[256]; /* "": unknown */
};

/* Appends one record. */
typedef void record_format(struct str *out, const struct record *record, const struct format_settings *settings);

/* Fields of journald's native protocol. */
record_format format_journal;
/* A message of syslog: the header and the format of SETTINGS. */
record_format format_syslog;
/* The same, with the limits of UDP. */
record_format format_syslog_udp;
/* The same in a stream: with its length in front, the octet counting of RFC 6587, or with a newline after it. */
record_format format_syslog_stream;
/* The same in a file, where it may be of any length: one line. */
record_format format_line;

#endif
