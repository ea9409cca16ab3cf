/* Formats of names and values: text, structured data of RFC 5424, CEF, LEEF. Each is a row in the table of fields
 * (fields.h) with a way to write a pair. */
#include <inttypes.h>
#include <string.h>

#include "agent/sinks/formats_internal.h"

struct pairs {
    const char *const *name; /* of a field, in the first row of the table: the others are a row's size apart */
    void (*write)(struct str *out, const struct field *field, const char *key, const char *value);
    const struct escaping *escaping;
    bool all;                                                   /* in a fixed order, those without a value too */
    void (*time)(const struct record *record, struct str *out); /* NULL: as the field is */
};

static const char *name_of(const struct pairs *pairs, size_t i)
{
    return *(const char *const *)((const char *)pairs->name + i * sizeof record_fields[0]);
}

/* The value of FIELD as the format writes it, at most LIMIT bytes. False: it was cut. */
static bool format_value(const struct pairs *pairs, const struct field *field, const struct record *record,
                         size_t limit, struct str *out)
{
    scoped_str raw = STR_INIT;

    if (field->type == FIELD_TIME && pairs->time)
        pairs->time(record, &raw);
    else
        field_value(field, record, &raw);
    return append_escaped(out, str_text(&raw), limit, pairs->escaping);
}

static bool has_field(const struct pairs *pairs, const struct record *record, size_t i)
{
    return name_of(pairs, i) && record_fields[i].kinds & 1u << record->kind;
}

/* The bytes that the pairs of all fields of RECORD need without a value. */
static size_t empty_length(const struct pairs *pairs, const struct record *record)
{
    scoped_str pair = STR_INIT;

    for (size_t i = 0; i < record_field_count; i++)
        if (has_field(pairs, record, i))
            pairs->write(&pair, &record_fields[i], name_of(pairs, i), "");
    return pair.length;
}

/* The most that can be cut of RECORD. */
static void name_all(const struct pairs *pairs, const struct record *record, struct str *names)
{
    for (size_t i = 0; i < record_field_count; i++)
        if (has_field(pairs, record, i))
            cut_add(names, record_fields[i].name);
}

/* Appends the pairs up to the length END of OUT: those that do not fit are left out, whole. CUT gets the names of what
 * is not whole. EMPTY: empty_length(), where empty pairs are written, too. */
static void append_fields(struct str *out, const struct record *record, const struct pairs *pairs, size_t limit,
                          size_t end, size_t empty, struct str *cut)
{
    scoped_str value = STR_INIT, pair = STR_INIT;

    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];
        const char *name = name_of(pairs, i);
        bool whole;

        if (!has_field(pairs, record, i))
            continue;
        str_clear(&value);
        str_clear(&pair);
        whole = format_value(pairs, field, record, limit, &value);
        if (!value.length && !pairs->all)
            continue;
        if (pairs->all) {
            pairs->write(&pair, field, name, "");
            empty -= pair.length;
            str_clear(&pair);
        }
        pairs->write(&pair, field, name, str_text(&value));
        if (out->length + pair.length + empty > end) {
            whole = false;
            str_clear(&pair);
            if (pairs->all)
                pairs->write(&pair, field, name, "");
        }
        str_append(out, str_text(&pair));
        if (!whole)
            cut_add(cut, field->name);
    }
}

static void append_marks(struct str *out, const struct pairs *pairs, const char *cut, const char *hash)
{
    static const struct field of_cut = {.name = FIELD_NAME_CUT}, of_hash = {.name = FIELD_NAME_SHA256};

    pairs->write(out, &of_cut, FIELD_NAME_CUT, cut);
    pairs->write(out, &of_hash, FIELD_NAME_SHA256, hash);
}

/* Appends the pairs of RECORD, at most ROOM bytes. What was cut or left out is named, which needs room only then. */
static void append_pairs(struct str *out, const struct record *record, const struct pairs *pairs, size_t room)
{
    size_t begin = out->length, limit = field_max(room), empty = 0;
    scoped_str cut = STR_INIT, names = STR_INIT, marks = STR_INIT;
    char hash[SHA256_TEXT_SIZE];

    if (pairs->all) {
        empty = empty_length(pairs, record);
        append_marks(&marks, pairs, "", "");
    }
    append_fields(out, record, pairs, limit, begin + room - marks.length, empty, &cut);
    if (!cut.length) {
        str_append(out, str_text(&marks));
        return;
    }
    out->length = begin;
    str_clear(&cut);
    str_clear(&marks);
    name_all(pairs, record, &names);
    sha256_text(record->json, record->json_length, hash);
    append_marks(&marks, pairs, str_text(&names), hash);
    append_fields(out, record, pairs, limit, begin + (room > marks.length ? room - marks.length : 0), empty, &cut);
    append_marks(out, pairs, str_text(&cut), hash);
}

/* text: always quoted. A quote inside is \x22, so that a value ends at the next quote, whatever it holds. */

static const char *text_escape_of(char c)
{
    return c == '"' ? "\\x22" : c == '\\' ? "\\\\" : NULL;
}

static void write_text(struct str *out, const struct field *field, const char *key, const char *value)
{
    (void)field;
    str_printf(out, " %s=\"%s\"", key, value);
}

void text_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    static const struct escaping escaping = {text_escape_of, false};
    static const struct pairs pairs = {&record_fields[0].name, write_text, &escaping, true, NULL};
    scoped_str body = STR_INIT;

    (void)settings;
    append_pairs(&body, record, &pairs, room + 1); /* without the blank before the first */
    str_append(out, body.data + 1);
}

/* RFC 5424 */

static const char *rfc5424_escape_of(char c)
{
    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == ']' ? "\\]" : NULL;
}

static void write_parameter(struct str *out, const struct field *field, const char *key, const char *value)
{
    (void)field;
    str_printf(out, " %s=\"%s\"", key, value);
}

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if (*s & 0x80)
            return false;
    return true;
}

void rfc5424_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    static const struct escaping escaping = {rfc5424_escape_of, true};
    static const struct pairs pairs = {&record_fields[0].name, write_parameter, &escaping, false, NULL};
    scoped_str line = STR_INIT, message = STR_INIT;
    size_t begin = out->length;

    record_summary(record, summary_max(room), &line);
    str_printf(&message, "] %s%s", is_ascii(str_text(&line)) ? "" : "\xef\xbb\xbf", str_text(&line));
    str_printf(out, "[" PROGRAM_NAME "@%" PRIu32, settings->enterprise_number);
    append_pairs(out, record, &pairs, room - message.length - (out->length - begin));
    str_append(out, str_text(&message));
}

/* CEF and LEEF: a header of seven parts that '|' separates. */

static const char *header_escape_of(char c)
{
    return c == '|' ? "\\|" : c == '\\' ? "\\\\" : NULL;
}

/* LEEF defines no way to escape. */
static const char *leef_header_escape_of(char c)
{
    return c == '|' ? "\\x7c" : NULL;
}

static void append_part(struct str *out, const char *value, const struct escaping *escaping)
{
    append_escaped(out, value, FIELD_MAX / 4, escaping);
    str_append_char(out, '|');
}

static const char *event_of(const struct record *record)
{
    return *record->slug ? record->slug : record_kind_name(record->kind);
}

static const char *version_of(const struct record *record)
{
    return record->origin->version ? record->origin->version : PROGRAM_VERSION;
}

static const char *cef_escape_of(char c)
{
    return c == '=' ? "\\=" : c == '\\' ? "\\\\" : NULL;
}

static void write_extension(struct str *out, const struct field *field, const char *key, const char *value)
{
    str_printf(out, " %s=%s", key, value);
    if (field->cef_label)
        str_printf(out, " %sLabel=%s", key, field->cef_label);
}

/* Milliseconds since 1970. */
static void cef_time(const struct record *record, struct str *out)
{
    str_printf(out, "%" PRId64, record->at / 1000);
}

/* The extension begins with a blank: liblognorm's parser of CEF takes the first byte for a separator. */
void cef_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    static const struct escaping header = {header_escape_of, true}, escaping = {cef_escape_of, true};
    static const struct pairs pairs = {&record_fields[0].cef, write_extension, &escaping, false, cef_time};
    size_t begin = out->length;

    (void)settings;
    str_append(out, "CEF:0|" PROGRAM_NAME "|" PROGRAM_NAME "|");
    append_part(out, version_of(record), &header);
    append_part(out, event_of(record), &header);
    append_part(out, *record->title ? record->title : event_of(record), &header);
    str_printf(out, "%d|", record_urgency(record));
    append_pairs(out, record, &pairs, room - (out->length - begin));
}

/* Parsers differ in what '=' and '|' mean in a value. */
static const char *leef_escape_of(char c)
{
    return c == '^' ? "\\x5e" : c == '|' ? "\\x7c" : c == '=' ? "\\x3d" : NULL;
}

static void write_attribute(struct str *out, const struct field *field, const char *key, const char *value)
{
    (void)field;
    str_printf(out, "^%s=%s", key, value);
}

/* As devTimeFormat below says. */
static void leef_time(const struct record *record, struct str *out)
{
    char stamp[CLOCK_TEXT_SIZE];

    clock_format(record->at, stamp);
    str_printf(out, "%.23s+0000", stamp);
}

void leef_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    static const struct escaping header = {leef_header_escape_of, false}, escaping = {leef_escape_of, false};
    static const struct pairs pairs = {&record_fields[0].leef, write_attribute, &escaping, false, leef_time};
    size_t begin = out->length;

    (void)settings;
    str_append(out, "LEEF:2.0|" PROGRAM_NAME "|" PROGRAM_NAME "|");
    append_part(out, version_of(record), &header);
    append_part(out, event_of(record), &header);
    str_printf(out, "^|sev=%d^devTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ", record_urgency(record));
    append_pairs(out, record, &pairs, room - (out->length - begin));
}
