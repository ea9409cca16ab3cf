/* The fields of a record, and their name in every format: the one table that all formats are written from, and the
 * documentation (config/siem/fields.md) and the rulebase of liblognorm with them. A new field is a row. */
#ifndef AGENT_SINKS_FIELDS_H
#define AGENT_SINKS_FIELDS_H

#include "agent/sinks/record.h"
#include "common/str.h"

enum field_type {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_BOOL,
    FIELD_TIME, /* RFC 3339; a format may have a form of its own */
    FIELD_LIST  /* words with a blank between them */
};

enum {
    KIND_FINDINGS = 1u << RECORD_FINDING | 1u << RECORD_SNAPSHOT | 1u << RECORD_AGENT,
    KIND_ALL = KIND_FINDINGS | 1u << RECORD_HEARTBEAT | 1u << RECORD_SNAPSHOT_END | 1u << RECORD_LOST
};

struct field {
    const char *name; /* in "text" and "rfc5424" */
    const char *json; /* the path of the member in "json" */
    enum field_type type;
    unsigned kinds; /* of records that have it, bits 1 << RECORD_… */
    /* NULL: the format does not have it, or has it in its header. */
    const char *journal, *cef, *leef;
    const char *cef_label;  /* of a custom field of CEF (cs1 … cn1 …) */
    const char *ecs, *ocsf; /* paths; "[]" after a part: a list with this one member */
    /* Appends nothing when the record does not have it. NULL: the member of the document at the path JSON. */
    void (*value)(const struct record *record, struct str *out);
    const char *what; /* for the documentation */
};

/* In order of importance: where room is short the last ones go first. */
extern const struct field record_fields[];
extern const size_t record_field_count;

/* Appends the value of FIELD; nothing: RECORD does not have it. */
void field_value(const struct field *field, const struct record *record, struct str *out);
/* The member of the record's document at a dotted path; NULL: there is none. */
const struct json *record_member(const struct record *record, const char *path);

/* Names in records that were cut: the names of the fields that are cut or left out, and the SHA-256 of the record as
 * /v1/events has it. */
#define FIELD_NAME_CUT    "cut"
#define FIELD_NAME_SHA256 "sha256"

enum { SHA256_TEXT_SIZE = 65 };
/* In hexadecimal digits, into RET. */
void sha256_text(const char *data, size_t length, char ret[static SHA256_TEXT_SIZE]);

/* "5.4 fail container web: runs with --privileged", for people, at most LIMIT bytes. */
void record_summary(const struct record *record, size_t limit, struct str *out);
/* The severity of RFC 5424. A snapshot repeats what was sent before, so that it is never above informational. */
int record_priority(const struct record *record);
/* "fail" … "gone". */
const char *record_status(const struct record *record);

/* A whole number from 1 (least) to 10, of the severity of a finding and what it came to. */
int record_urgency(const struct record *record);

#endif
