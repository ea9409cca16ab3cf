/* The formats of records. Each of syslog is a row: a header and a body. */
#include "agent/sinks/formats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "agent/sinks/message_ids.h"
#include "common/json_out.h"
#include "common/text.h"

/* BODY_MAX leaves 128 bytes of 7.5 KiB to the header. */
enum { FIELD_MAX = 1024, JOURNAL_FIELD_MAX = 4000, BODY_MAX = 7680 - 128, MSGID_MAX = 32 };

/* RFC 5424 severities. */
static int priority(const struct record *t)
{
    static const int of_severity[SEVERITY_COUNT] = {
        [SEVERITY_LOW] = 5, [SEVERITY_MEDIUM] = 4, [SEVERITY_HIGH] = 3, [SEVERITY_CRITICAL] = 2};

    if (t->is_agent)
        return str_equal(t->status, "ready") ? 6 : 4;
    switch (t->status_value) {
    case VERDICT_FAIL:
        return t->waived ? 5 : of_severity[t->severity];
    case VERDICT_ERROR:
        return 4;
    case VERDICT_MANUAL:
        return 5;
    case VERDICT_NONE:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_PASS:
    case VERDICT_COUNT:
        break;
    }
    return 6;
}

static const char *status_of(const struct record *t)
{
    return t->status ? t->status : "gone";
}

static const char *previous_of(const struct record *t)
{
    return t->previous ? t->previous : "none";
}

/* "5.4 fail container web: runs with --privileged", for people. */
static void summary(struct str *out, const struct record *t)
{
    scoped_str line = STR_INIT;

    str_printf(&line, "%s %s %s %s: %s", t->rule, status_of(t), t->subject_kind, t->subject_name, t->evidence);
    text_escape(out, str_text(&line), line.length, FIELD_MAX);
}

static bool is_plain(const char *s)
{
    return *s && strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:/@+-") == strlen(s);
}

/* key=value, quoted where it holds anything but plain characters; '"' and '\' escaped inside. */
static void pair(struct str *out, const char *key, const char *value)
{
    scoped_str safe = STR_INIT;

    text_escape(&safe, value ? value : "", value ? strlen(value) : 0, FIELD_MAX);
    str_printf(out, " %s=", key);
    if (is_plain(str_text(&safe))) {
        str_append(out, safe.data);
        return;
    }
    str_append_char(out, '"');
    for (const char *at = str_text(&safe); *at; at++) {
        if (*at == '"' || *at == '\\')
            str_append_char(out, '\\');
        str_append_char(out, *at);
    }
    str_append_char(out, '"');
}

static void traditional_header(struct str *out, const struct record *t, const struct format_settings *settings)
{
    time_t seconds = (time_t)(t->at / USEC_PER_SEC);
    struct tm tm;
    char stamp[32];

    localtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &tm);
    str_printf(out, "<%d>%s docker-bench-agent[%d]: ", settings->facility * 8 + priority(t), stamp, (int)settings->pid);
}

static void text_body(struct str *out, const struct record *t)
{
    size_t begin = out->length;

    str_printf(out, "seq=%" PRIu64, t->seq);
    pair(out, "rule", t->rule);
    pair(out, "slug", t->slug);
    pair(out, "status", status_of(t));
    pair(out, "previous", previous_of(t));
    pair(out, "severity", severity_name(t->severity));
    pair(out, "waived", t->waived ? "true" : "false");
    pair(out, "kind", t->subject_kind);
    pair(out, "id", t->subject_id);
    pair(out, "name", t->subject_name);
    pair(out, "evidence", t->evidence);
    pair(out, "cause", t->cause);
    if (out->length - begin > BODY_MAX) {
        out->length = begin + BODY_MAX;
        out->data[out->length] = '\0';
    }
}

static void parameter(struct str *out, const char *name, const char *value)
{
    scoped_str safe = STR_INIT;

    text_escape(&safe, value ? value : "", value ? strlen(value) : 0, FIELD_MAX / 2);
    str_printf(out, " %s=\"", name);
    for (const char *at = str_text(&safe); *at; at++) {
        if (*at == '"' || *at == '\\' || *at == ']')
            str_append_char(out, '\\');
        str_append_char(out, *at);
    }
    str_append_char(out, '"');
}

static void rfc5424_header(struct str *out, const struct record *t, const struct format_settings *settings)
{
    char stamp[CLOCK_TEXT_SIZE];

    str_printf(out, "<%d>1 %s %s docker-bench-agent %d %.*s ", settings->facility * 8 + priority(t),
               clock_format(t->at, stamp), settings->hostname[0] ? settings->hostname : "-", (int)settings->pid,
               (int)MSGID_MAX, t->slug);
}

static void rfc5424_body(struct str *out, const struct record *t)
{
    char number[32];

    snprintf(number, sizeof number, "%" PRIu64, t->seq);
    /* 32473 is the enterprise number reserved for documentation (RFC 5612): the project has not registered its own. */
    str_append(out, "[docker-bench-agent@32473");
    parameter(out, "seq", number);
    parameter(out, "rule", t->rule);
    parameter(out, "status", status_of(t));
    parameter(out, "previous", previous_of(t));
    parameter(out, "severity", severity_name(t->severity));
    parameter(out, "waived", t->waived ? "true" : "false");
    parameter(out, "kind", t->subject_kind);
    parameter(out, "id", t->subject_id);
    parameter(out, "name", t->subject_name);
    parameter(out, "cause", t->cause);
    str_append(out, "] ");
    summary(out, t);
}

/* A value with a newline takes the binary form; ours are repaired UTF-8 and may hold any. */
static void field(struct str *out, const char *name, const char *value)
{
    scoped_str safe = STR_INIT;

    if (!value)
        return;
    text_repair_utf8(&safe, value, strnlen(value, JOURNAL_FIELD_MAX));
    if (!memchr(str_text(&safe), '\n', safe.length)) {
        str_printf(out, "%s=%s\n", name, str_text(&safe));
        return;
    }
    str_printf(out, "%s\n", name);
    for (size_t i = 0; i < 8; i++)
        str_append_char(out, (char)(safe.length >> (8 * i)));
    str_append_n(out, safe.data, safe.length);
    str_append_char(out, '\n');
}

void format_journal(struct str *out, const struct record *t, const struct format_settings *settings)
{
    scoped_str message = STR_INIT;

    (void)settings; /* journald knows who writes */
    summary(&message, t);
    field(out, "MESSAGE", str_text(&message));
    field(out, "MESSAGE_ID", t->is_agent ? MESSAGE_ID_AGENT : MESSAGE_ID_FINDING);
    str_printf(out, "PRIORITY=%d\n", priority(t));
    field(out, "SYSLOG_IDENTIFIER", "docker-bench-agent");
    str_printf(out, "DBA_SEQ=%" PRIu64 "\n", t->seq);
    field(out, "DBA_RULE", t->rule);
    field(out, "DBA_SLUG", t->slug);
    field(out, "DBA_TITLE", t->title);
    field(out, "DBA_SECTION", t->section);
    field(out, "DBA_STATUS", status_of(t));
    field(out, "DBA_PREVIOUS", previous_of(t));
    field(out, "DBA_SEVERITY", severity_name(t->severity));
    field(out, "DBA_WAIVED", t->waived ? "true" : "false");
    field(out, "DBA_SUBJECT_KIND", t->subject_kind);
    field(out, "DBA_SUBJECT_ID", t->subject_id);
    field(out, "DBA_SUBJECT_NAME", t->subject_name);
    field(out, "DBA_EVIDENCE", t->evidence);
    field(out, "DBA_REMEDY", t->remedy);
    field(out, "DBA_CAUSE", t->cause);
}

/* The transition's own JSON where it fits, else one without its long members: truncated JSON is not JSON. */
static void cee_body(struct str *out, const struct record *t)
{
    scoped(cleanup_json_out) struct json_out *json = NULL;

    str_append(out, "@cee: ");
    if (t->json_length < BODY_MAX) {
        str_append_n(out, t->json, t->json_length);
        return;
    }
    json = json_out_new(false);
    json_out_object(json, NULL);
    json_out_string(json, "rule", t->rule);
    json_out_string(json, "slug", t->slug);
    json_out_string(json, "status", t->status);
    json_out_string(json, "previous", t->previous);
    json_out_string(json, "severity", severity_name(t->severity));
    json_out_object(json, "subject");
    json_out_string(json, "kind", t->subject_kind);
    json_out_string_n(json, "id", t->subject_id, strnlen(t->subject_id, FIELD_MAX / 2));
    json_out_string_n(json, "name", t->subject_name, strnlen(t->subject_name, FIELD_MAX / 2));
    json_out_end_object(json);
    json_out_string_n(json, "evidence", t->evidence, strnlen(t->evidence, FIELD_MAX / 2));
    json_out_int(json, "seq", (int64_t)t->seq);
    json_out_bool(json, "cut", true);
    json_out_end_object(json);
    str_append(out, json_out_text(json, NULL));
}

static const struct {
    record_format *header;
    void (*body)(struct str *out, const struct record *record);
} syslog_formats[FORMAT_COUNT] = {
    [FORMAT_TEXT] = {traditional_header, text_body},
    [FORMAT_RFC5424] = {rfc5424_header, rfc5424_body},
    [FORMAT_JSON] = {traditional_header, cee_body},
};

void format_syslog(struct str *out, const struct record *t, const struct format_settings *settings)
{
    syslog_formats[settings->format].header(out, t, settings);
    syslog_formats[settings->format].body(out, t);
}

void format_syslog_counted(struct str *out, const struct record *t, const struct format_settings *settings)
{
    scoped_str message = STR_INIT;

    format_syslog(&message, t, settings);
    str_printf(out, "%zu ", message.length);
    str_append_n(out, message.data, message.length);
}

void format_json_line(struct str *out, const struct record *t, const struct format_settings *settings)
{
    (void)settings;
    str_append_n(out, t->json, t->json_length);
    str_append_char(out, '\n');
}
