/* Fields of journald's native protocol. */
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "agent/sinks/message_ids.h"
#include "common/text.h"

static const char *const message_ids[] = {
    [RECORD_FINDING] = MESSAGE_ID_FINDING,           [RECORD_AGENT] = MESSAGE_ID_AGENT,
    [RECORD_HEARTBEAT] = MESSAGE_ID_HEARTBEAT,       [RECORD_SNAPSHOT] = MESSAGE_ID_SNAPSHOT,
    [RECORD_SNAPSHOT_END] = MESSAGE_ID_SNAPSHOT_END, [RECORD_LOST] = MESSAGE_ID_LOST,
};

/* The length of the beginning of S, up to LIMIT, that ends with a whole character. */
static size_t whole_characters(const char *s, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    while (limit && (s[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

/* Escaped, though the protocol takes any bytes: journalctl shows most of them as they are. False: it was cut. */
static bool append_field(struct str *out, const char *name, const char *value)
{
    scoped_str safe = STR_INIT, shown = STR_INIT;

    if (!*value)
        return true;
    text_escape(&safe, value, strlen(value), 0);
    if (safe.length <= JOURNAL_FIELD_MAX) {
        str_printf(out, "%s=%s\n", name, safe.data);
        return true;
    }
    str_append_n(&shown, safe.data, whole_characters(safe.data, safe.length, JOURNAL_FIELD_MAX - CUT_MARK_SIZE));
    append_cut_mark(&shown, value);
    str_printf(out, "%s=%s\n", name, shown.data);
    return false;
}

void format_journal(struct str *out, const struct record *t, const struct format_settings *settings)
{
    scoped_str message = STR_INIT, cut = STR_INIT;
    char hash[SHA256_TEXT_SIZE];

    (void)settings; /* journald knows who writes */
    record_summary(t, FIELD_MAX, &message);
    append_field(out, "MESSAGE", str_text(&message));
    append_field(out, "MESSAGE_ID", message_ids[t->kind]);
    str_printf(out, "PRIORITY=%d\n", record_priority(t));
    append_field(out, "SYSLOG_IDENTIFIER", PROGRAM_NAME);
    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];
        scoped_str value = STR_INIT;

        if (!field->journal || !(field->kinds & 1u << t->kind))
            continue;
        field_value(field, t, &value);
        if (!append_field(out, field->journal, str_text(&value)))
            cut_add(&cut, field->name);
    }
    if (cut.length) {
        sha256_text(t->json, t->json_length, hash);
        append_field(out, "DBA_CUT", str_text(&cut));
        append_field(out, "DBA_SHA256", hash);
    }
}
