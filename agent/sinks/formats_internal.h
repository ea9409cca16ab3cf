/* What the files of formats share. */
#ifndef AGENT_SINKS_FORMATS_INTERNAL_H
#define AGENT_SINKS_FORMATS_INTERNAL_H

#include "agent/sinks/fields.h"
#include "agent/sinks/formats.h"

#define PROGRAM_NAME "docker-bench-agent"

enum {
    FIELD_MAX = 1024,         /* bytes of a value as a format writes it */
    JOURNAL_FIELD_MAX = 4000, /* longer ones become null in journalctl -o json */
    RECORD_MAX = 7680,        /* of a record of syslog: rsyslog cuts at 8 KiB */
    /* Over UDP: what a receiver should take (RFC 5424, 6.1; RFC 5426, 3.2). */
    DATAGRAM_MAX = 2048,
    DATAGRAM_FIELD_MAX = 512,
    DATAGRAM_SUMMARY_MAX = 256,
};

/* How long a value, and the line for people, may be in a record that has ROOM bytes left. */
static inline size_t field_max(size_t room)
{
    return room > DATAGRAM_MAX ? FIELD_MAX : DATAGRAM_FIELD_MAX;
}

static inline size_t summary_max(size_t room)
{
    return room > DATAGRAM_MAX ? FIELD_MAX : DATAGRAM_SUMMARY_MAX;
}

/* A body: at most ROOM bytes of it. */
typedef void record_body(struct str *out, const struct record *record, const struct format_settings *settings,
                         size_t room);
record_body text_body, rfc5424_body, cef_body, leef_body, json_body, ecs_body, ocsf_body;

/* The bodies in JSON begin with this: "@cee: ", if SETTINGS say so. What is left of ROOM then. */
size_t append_cee(struct str *out, const struct format_settings *settings, size_t room);

/* What a value that is cut ends with, CUT_MARK_SIZE bytes: "… sha256:" and the hash of the whole, RAW. */
enum { CUT_MARK_SIZE = sizeof "… sha256:" + SHA256_TEXT_SIZE - 2 };
void append_cut_mark(struct str *out, const char *raw);

/* How a format writes characters that mean something to it. */
struct escaping {
    const char *(*of)(char c); /* NULL: as it is */
    bool control;              /* what control characters became is escaped once more */
};
/* Appends RAW for people, in one line. What needs more than LIMIT bytes is cut at a character and followed by the mark,
 * LIMIT bytes together. False: it was cut. */
bool append_escaped(struct str *out, const char *raw, size_t limit, const struct escaping *escaping);

/* The names of fields that are cut or left out, for the member "cut": each once. */
void cut_add(struct str *cut, const char *name);

#endif
