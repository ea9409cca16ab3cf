/* The members of a sink that are about its format: "format", "header", "cee", "framing", "enterprise_number". */
#include "agent/config/config_internal.h"
#include "common/str.h"

enum {
    PEN_OF_EXAMPLES = 32473, /* RFC 5612: for documentation only */
};

const char *const sink_formats[FORMAT_COUNT] = {
    [FORMAT_JOURNAL] = "journal", [FORMAT_TEXT] = "text", [FORMAT_RFC5424] = "rfc5424", [FORMAT_JSON] = "json",
    [FORMAT_CEF] = "cef",         [FORMAT_LEEF] = "leef", [FORMAT_ECS] = "ecs",         [FORMAT_OCSF] = "ocsf",
};

const char *const sink_headers[HEADER_COUNT + 1] = {
    [HEADER_RFC3164] = "rfc3164",
    [HEADER_RFC5424] = "rfc5424",
    [HEADER_NONE] = "none",
};

static int read_format(struct config_reader *reader, const struct json *value, struct sink_config *sink)
{
    const char *words[FORMAT_COUNT + 1] = {0};
    enum sink_format formats[FORMAT_COUNT];
    unsigned index = 0;
    size_t count = 0;
    int r;

    if (!value)
        return 0;
    for (enum sink_format format = 0; format < FORMAT_COUNT; format++)
        if (sink_kinds[sink->kind].formats & 1u << format) {
            formats[count] = format;
            words[count++] = sink_formats[format];
        }
    r = config_read_word(reader, value, "format", words, &index);
    if (r == 0)
        sink->format = formats[index];
    return r;
}

static bool is_json(enum sink_format format)
{
    return format == FORMAT_JSON || format == FORMAT_ECS || format == FORMAT_OCSF;
}

static int read_header(struct config_reader *reader, const struct json *value, struct sink_config *sink)
{
    unsigned index = 0;
    int r;

    if (!value)
        return 0;
    if (sink->format == FORMAT_JOURNAL || sink->format == FORMAT_RFC5424)
        return config_refuse(reader, value, "header: the format \"%s\" has its own", sink_formats[sink->format]);
    r = config_read_word(reader, value, "header", sink_headers + 1, &index);
    if (r == 0)
        sink->header = index + 1;
    return r;
}

/* "@cee: " is for syslog's JSON; bare where nothing comes before it. */
static int read_cee(struct config_reader *reader, const struct json *value, struct sink_config *sink)
{
    sink->cee = sink->format == FORMAT_JSON && sink->header != HEADER_NONE;
    if (!value)
        return 0;
    if (json_type(value) != JSON_BOOL)
        return config_refuse(reader, value, "cee: must be true or false");
    if (!is_json(sink->format))
        return config_refuse(reader, value, "cee: is for the formats \"json\", \"ecs\" and \"ocsf\"");
    sink->cee = json_bool(value, false);
    return 0;
}

static int read_framing(struct config_reader *reader, const struct json *value, struct sink_config *sink)
{
    static const char *const words[] = {"octets", "lines", NULL};
    const char *scheme = sink_kinds[sink->kind].scheme;
    unsigned index = 0;
    int r;

    sink->lines = sink->header == HEADER_NONE && sink->format != FORMAT_RFC5424;
    if (!value)
        return 0;
    if (!str_equal(scheme, "tcp://") && !str_equal(scheme, "tls://"))
        return config_refuse(reader, value, "framing: is for an address that begins with tcp:// or tls://");
    r = config_read_word(reader, value, "framing", words, &index);
    if (r == 0)
        sink->lines = index == 1;
    return r;
}

static int check_facility(struct config_reader *reader, const struct json *value, const struct sink_config *sink)
{
    if (value && (sink->format == FORMAT_JOURNAL || (sink->header == HEADER_NONE && sink->format != FORMAT_RFC5424)))
        return config_refuse(reader, value, "facility: is part of a header, which this sink does not have");
    return 0;
}

static int read_enterprise_number(struct config_reader *reader, const struct json *value, struct sink_config *sink)
{
    int64_t number = json_int(value, -1);

    if (!value)
        return 0;
    if (sink->format != FORMAT_RFC5424)
        return config_refuse(reader, value, "enterprise_number: is for the format \"rfc5424\"");
    if (json_type(value) != JSON_NUMBER || number < 0 || number > UINT32_MAX || json_double(value, 0) != (double)number)
        return config_refuse(reader, value, "enterprise_number: must be a whole number from 0 to 4294967295");
    if (number == PEN_OF_EXAMPLES)
        return config_refuse(reader, value,
                             "enterprise_number: 32473 is for examples in documents only (RFC 5612); use the one that "
                             "IANA assigned to your organisation");
    sink->enterprise_number = (uint32_t)number;
    return 0;
}

int config_read_format(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    int r = read_format(reader, json_get(object, "format"), sink);

    if (r < 0)
        return r;
    r = read_header(reader, json_get(object, "header"), sink);
    r = config_worse(r, check_facility(reader, json_get(object, "facility"), sink));
    r = config_worse(r, read_cee(reader, json_get(object, "cee"), sink));
    r = config_worse(r, read_framing(reader, json_get(object, "framing"), sink));
    return config_worse(r, read_enterprise_number(reader, json_get(object, "enterprise_number"), sink));
}
