/* Messages of syslog: a header, and a body in one of the formats, each a row here. */
#include "agent/sinks/formats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "agent/sinks/formats_internal.h"

enum { MSGID_MAX = 32, HOST_MAX = 255, LINE_MAX_BYTES = 64 << 20 };

/* That of the records, which is the host's where the agent is in a container; whatever it holds, it stays one word. */
static void append_host(struct str *out, const struct record *record, const struct format_settings *settings)
{
    const char *host = str_empty(record->origin->host) ? settings->hostname : record->origin->host;
    size_t begin = out->length;

    for (; *host && out->length - begin < HOST_MAX; host++)
        str_append_char(out, *host > ' ' && *host <= '~' ? *host : '_');
    if (out->length == begin)
        str_append_char(out, '-');
}

/* RFC 3164; without a host, as syslog(3) writes to /dev/log. */
static void traditional_header(struct str *out, const struct record *t, const struct format_settings *settings)
{
    time_t seconds = (time_t)(t->at / USEC_PER_SEC);
    struct tm tm;
    char stamp[32];

    localtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S ", &tm);
    str_printf(out, "<%d>%s", settings->facility * 8 + record_priority(t), stamp);
    if (settings->header == HEADER_RFC3164) {
        append_host(out, t, settings);
        str_append_char(out, ' ');
    }
    str_printf(out, PROGRAM_NAME "[%d]: ", (int)settings->pid);
}

/* Up to the structured data that every message has: its number, and how good its time is. */
static void rfc5424_header(struct str *out, const struct record *t, const struct format_settings *settings)
{
    char stamp[CLOCK_TEXT_SIZE];

    str_printf(out, "<%d>1 %s ", settings->facility * 8 + record_priority(t), clock_format(t->at, stamp));
    append_host(out, t, settings);
    str_printf(out, " " PROGRAM_NAME " %d %.*s ", (int)settings->pid, (int)MSGID_MAX,
               *t->slug ? t->slug : record_kind_name(t->kind));
    /* sequenceId begins with 1 again after 2147483647 (RFC 5424, 7.3.1). */
    str_printf(out, "[meta sequenceId=\"%" PRIu64 "\"][timeQuality tzKnown=\"1\"",
               (t->number + INT32_MAX - 1) % INT32_MAX + 1);
    if (settings->clock_sync != CLOCK_SYNC_UNKNOWN)
        str_printf(out, " isSynced=\"%d\"", settings->clock_sync == CLOCK_SYNC_YES);
    str_append_char(out, ']');
}

static record_body *const bodies[FORMAT_COUNT] = {
    [FORMAT_TEXT] = text_body, [FORMAT_RFC5424] = rfc5424_body, [FORMAT_JSON] = json_body, [FORMAT_CEF] = cef_body,
    [FORMAT_LEEF] = leef_body, [FORMAT_ECS] = ecs_body,         [FORMAT_OCSF] = ocsf_body,
};

static void append_header(struct str *out, const struct record *t, const struct format_settings *settings)
{
    if (settings->format == FORMAT_RFC5424) {
        rfc5424_header(out, t, settings);
        return;
    }
    switch (settings->header) {
    case HEADER_LOCAL:
    case HEADER_RFC3164:
        traditional_header(out, t, settings);
        break;
    case HEADER_RFC5424:
        rfc5424_header(out, t, settings);
        str_append_char(out, ' ');
        break;
    case HEADER_NONE:
    case HEADER_COUNT:
        break;
    }
}

static void append_message(struct str *out, const struct record *t, const struct format_settings *settings,
                           size_t length_max)
{
    size_t begin = out->length;

    append_header(out, t, settings);
    bodies[settings->format](out, t, settings, length_max - (out->length - begin));
}

void format_syslog(struct str *out, const struct record *t, const struct format_settings *settings)
{
    append_message(out, t, settings, RECORD_MAX);
}

void format_syslog_udp(struct str *out, const struct record *t, const struct format_settings *settings)
{
    append_message(out, t, settings, DATAGRAM_MAX);
}

void format_syslog_stream(struct str *out, const struct record *t, const struct format_settings *settings)
{
    scoped_str message = STR_INIT;

    format_syslog(&message, t, settings);
    if (!settings->lines)
        str_printf(out, "%zu ", message.length);
    str_append_n(out, message.data, message.length);
    if (settings->lines)
        str_append_char(out, '\n');
}

void format_line(struct str *out, const struct record *t, const struct format_settings *settings)
{
    append_message(out, t, settings, LINE_MAX_BYTES);
    str_append_char(out, '\n');
}
