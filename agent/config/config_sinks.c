/* "sinks" of the configuration, and the words for the kinds of sinks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/memory.h"
#include "common/str.h"

enum {
    FILE_FORMATS = 1u << FORMAT_JSON | 1u << FORMAT_CEF | 1u << FORMAT_LEEF | 1u << FORMAT_ECS | 1u << FORMAT_OCSF,
    SYSLOG_FORMATS = FILE_FORMATS | 1u << FORMAT_TEXT | 1u << FORMAT_RFC5424,
};

const struct sink_kind_words sink_kinds[SINK_KIND_COUNT] = {
    [SINK_JOURNALD] = {"journald", NULL, "/run/systemd/journal/socket", FORMAT_JOURNAL, 1u << FORMAT_JOURNAL, NULL},
    [SINK_SYSLOG_LOCAL] = {"syslog", NULL, "/dev/log", FORMAT_TEXT, SYSLOG_FORMATS, NULL},
    [SINK_SYSLOG_UDP] = {"syslog", "udp://", NULL, FORMAT_RFC5424, SYSLOG_FORMATS, NULL},
    [SINK_SYSLOG_TCP] = {"syslog", "tcp://", NULL, FORMAT_RFC5424, SYSLOG_FORMATS, NULL},
    [SINK_SYSLOG_TLS] = {"syslog", "tls://", NULL, FORMAT_RFC5424, SYSLOG_FORMATS, "6514"},
    [SINK_SYSLOG_RELP] = {"syslog", "relp://", NULL, FORMAT_RFC5424, SYSLOG_FORMATS, "2514"},
    [SINK_SYSLOG_RELPS] = {"syslog", "relps://", NULL, FORMAT_RFC5424, SYSLOG_FORMATS, "2514"},
    [SINK_FILE] = {"file", NULL, NULL, FORMAT_JSON, FILE_FORMATS, NULL},
};

struct sink_config sink_config_default(enum sink_kind kind)
{
    return (struct sink_config){
        .kind = kind,
        .format = sink_kinds[kind].format,
        .address = sink_kinds[kind].address,
        .header = sink_kinds[kind].scheme ? HEADER_RFC3164
                  : kind == SINK_FILE     ? HEADER_NONE
                                          : HEADER_LOCAL,
        .cee = kind != SINK_FILE && sink_kinds[kind].format != FORMAT_JOURNAL,
        .facility = LOG_DAEMON >> 3,
        .statuses = 1u << VERDICT_FAIL | 1u << VERDICT_ERROR,
    };
}

static int read_statuses(struct config_reader *reader, const struct json *list, unsigned *ret)
{
    if (!list)
        return 0;
    if (json_type(list) != JSON_ARRAY || !json_count(list))
        return config_refuse(reader, list, "statuses: must be a non-empty list of statuses");
    *ret = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        enum verdict verdict;

        if (!verdict_parse(json_string(json_at(list, i)), &verdict))
            return config_refuse(reader, json_at(list, i),
                                 "statuses: must be of \"pass\", \"fail\", \"manual\", \"not_applicable\", \"error\"");
        *ret |= 1u << verdict;
    }
    return 0;
}

static int read_facility(struct config_reader *reader, const struct json *value, int *ret)
{
    static const char *const names[] = {"kern",   "user",   "mail",   "daemon",   "auth",   "syslog", "lpr",
                                        "news",   "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",
                                        "alert",  "clock",  "local0", "local1",   "local2", "local3", "local4",
                                        "local5", "local6", "local7", NULL};
    unsigned index = 0;
    int r = value ? config_read_word(reader, value, "facility", names, &index) : 0;

    if (r == 0 && value)
        *ret = (int)index;
    return r;
}

int sink_split_address(const char *address, char **ret_host, char **ret_port, struct error *error)
{
    const char *colon = strrchr(address, ':'), *digits = colon ? colon + 1 : "";
    bool bracketed = *address == '[' && colon && colon[-1] == ']';
    scoped(cleanup_free) char *host =
        colon ? mem_strndup(address + bracketed, (size_t)(colon - address) - 2 * bracketed) : NULL;
    struct in6_addr v6;

    if (*address && !colon)
        return error_set(error, EINVAL, "the port is missing; must be host:port or [IPv6 address]:port");
    if (!host || !*host || (bracketed ? inet_pton(AF_INET6, host, &v6) != 1 : strpbrk(host, ":[]/@ ") != NULL))
        return error_set(error, EINVAL, "must be host:port or [IPv6 address]:port");
    if (!*digits || strlen(digits) > 5 || strspn(digits, "0123456789") != strlen(digits) ||
        !strtoul(digits, NULL, 10) || strtoul(digits, NULL, 10) > UINT16_MAX)
        return error_set(error, EINVAL, "must end in a port from 1 to 65535");
    *ret_host = take(host);
    *ret_port = mem_strdup(digits);
    return 0;
}

/* The kind of TYPE whose addresses begin as ADDRESS does; without an address the one that has a default, or requires a
 * path. SINK_KIND_COUNT: none. */
static enum sink_kind kind_of(const char *type, const char *address)
{
    enum sink_kind kind = 0;

    for (; kind < SINK_KIND_COUNT; kind++) {
        const struct sink_kind_words *words = &sink_kinds[kind];

        if (str_equal(words->type, type) &&
            (words->scheme ? address && str_starts(address, words->scheme) : !address || address[0] == '/'))
            break;
    }
    return kind;
}

/* How the addresses of TYPE look: "an absolute path, udp://host:port or tcp://host:port". */
static void list_addresses(const char *type, struct str *ret)
{
    scoped_str last = STR_INIT;

    for (enum sink_kind kind = 0; kind < SINK_KIND_COUNT; kind++) {
        const struct sink_kind_words *words = &sink_kinds[kind];

        if (!str_equal(words->type, type))
            continue;
        if (last.length)
            str_printf(ret, "%s%s", ret->length ? ", " : "", last.data);
        str_clear(&last);
        if (words->scheme)
            str_printf(&last, "%s%s", words->scheme, words->port ? "host[:port]" : "host:port");
        else
            str_append(&last, M_("an absolute path"));
    }
    if (ret->length)
        str_append(ret, M_(" or "));
    str_append(ret, str_text(&last));
}

/* ADDRESS: scheme://host, without a colon after the host. */
static bool lacks_port(const char *address)
{
    const char *scheme = strstr(address, "://"), *host = scheme ? scheme + 3 : address,
               *end = *host == '[' ? strchr(host, ']') : host;

    return end && *end && !strchr(end, ':');
}

static const char *with_port(struct config_reader *reader, const char *address, const char *port)
{
    scoped(cleanup_free) char *text = mem_printf("%s:%s", address, port);

    return arena_strdup(reader->config->arena, text);
}

static int check_file(struct config_reader *reader, const struct json *tls, const char *key, const char *path)
{
    if (path && !reader->words_only && access(path, F_OK) < 0)
        return config_refuse(reader, json_get(tls, key), "tls.%s: %s: %s", key, path, error_reason(errno));
    return 0;
}

static int read_tls(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    static const char *const keys[] = {"ca", "cert", "key", "name", NULL};
    const struct json *tls = json_get(object, "tls");
    const char **values[] = {&sink->tls.ca, &sink->tls.cert, &sink->tls.key, &sink->tls.name};
    int r = 0;

    if (!tls)
        return 0;
    if (sink->kind != SINK_SYSLOG_TLS && sink->kind != SINK_SYSLOG_RELPS)
        return config_refuse(reader, tls, "tls: is for an address that begins with tls:// or relps://");
    r = config_read_keys(reader, tls, "tls", keys);
    for (size_t i = 0; i < countof(values); i++) {
        int read = config_read_string(reader, tls, keys[i], values[i]);

        if (read == 0 && values[i] != &sink->tls.name)
            read = check_file(reader, tls, keys[i], *values[i]);
        r = config_worse(r, read);
    }
    if (r == 0 && !sink->tls.cert != !sink->tls.key)
        r = config_refuse(reader, tls, "tls: \"cert\" and \"key\" go together");
    return r;
}

static int read_type(struct config_reader *reader, const struct json *object, const char **ret)
{
    const char *types[SINK_KIND_COUNT + 1] = {0};
    const struct json *type = json_get(object, "type");
    unsigned index = 0;
    size_t count = 0;
    int r;

    for (enum sink_kind kind = 0; kind < SINK_KIND_COUNT; kind++)
        if (!count || !str_equal(types[count - 1], sink_kinds[kind].type))
            types[count++] = sink_kinds[kind].type;
    r = config_read_word(reader, type ? type : object, "type", types, &index);
    if (r == 0)
        *ret = types[index];
    return r;
}

/* "type" and "address" together are the kind, whose defaults come with it. */
static int read_kind(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    const struct json *value = json_get(object, "address");
    const char *type = NULL, *address = NULL;
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    struct error why = ERROR_INIT;
    scoped_str list = STR_INIT;
    enum sink_kind kind;
    int r = read_type(reader, object, &type);

    if (r == 0)
        r = config_read_string(reader, object, "address", &address);
    if (r < 0)
        return r;
    kind = kind_of(type, address);
    if (kind == SINK_KIND_COUNT) {
        list_addresses(type, &list);
        return config_refuse(reader, value, "address: \"%s\": must be %s", address ? address : "", list.data);
    }
    if (sink_kinds[kind].port && address && lacks_port(address))
        address = with_port(reader, address, sink_kinds[kind].port);
    if (sink_kinds[kind].scheme &&
        sink_split_address(address + strlen(sink_kinds[kind].scheme), &host, &port, &why) < 0)
        return config_refuse(reader, value, "address: \"%s\": %s", address, why.message);
    *sink = sink_config_default(kind);
    if (address)
        sink->address = address;
    return sink->address ? 0 : config_refuse(reader, object, "address: a %s sink requires the path of its file", type);
}

static int read_start(struct config_reader *reader, const struct json *value, bool *ret_at_end)
{
    const char *text = json_string(value);

    if (value && !str_equal(text, "beginning") && !str_equal(text, "end"))
        return config_refuse(reader, value, "start_at: must be \"beginning\" or \"end\"");
    *ret_at_end = str_equal(text, "end");
    return 0;
}

static int read_sink(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    static const char *const keys[] = {
        "type",     "format",       "header",   "cee",      "framing", "address", "tls", "enterprise_number",
        "facility", "min_severity", "statuses", "start_at", NULL};
    const struct json *severity = json_get(object, "min_severity");
    int r;

    if (json_type(object) != JSON_OBJECT)
        return config_refuse(reader, object, "sinks: must be a list of objects");
    r = config_read_keys(reader, object, "sinks", keys);
    if (read_kind(reader, object, sink) < 0)
        return -EINVAL;
    sink->file = config_file_of(reader->config, object);
    sink->line = json_line(object);
    r = config_worse(r, read_tls(reader, object, sink));
    r = config_worse(r, config_read_format(reader, object, sink));
    if (severity && !severity_parse(json_string(severity), &sink->min_severity))
        r = config_refuse(reader, severity, "min_severity: must be \"critical\", \"high\", \"medium\" or \"low\"");
    r = config_worse(r, read_statuses(reader, json_get(object, "statuses"), &sink->statuses));
    r = config_worse(r, read_start(reader, json_get(object, "start_at"), &sink->start_at_end));
    return config_worse(r, read_facility(reader, json_get(object, "facility"), &sink->facility));
}

/* Where a datagram to PATH goes to journald: systemd makes /dev/log a symbolic link. */
static bool is_journald(const char *path)
{
    static const char socket[] = "/run/systemd/journal/dev-log";
    scoped(cleanup_free) char *target = realpath(path, NULL);
    char link[sizeof socket] = "";

    return str_equal(target, socket) ||
           (readlink(path, link, sizeof link) == (ssize_t)strlen(socket) && memcmp(link, socket, strlen(socket)) == 0);
}

/* "of line 3", and in which file, unless that is the one which is spoken of. */
static void say_where(const struct sink_config *sink, const struct sink_config *other, struct str *ret)
{
    if (str_equal(sink->file, other->file))
        message_add(ret, "of line %u", sink->line);
    else
        message_add(ret, "of %s:%u", sink->file, sink->line);
}

/* The store knows a sink by its type and address; and what journald gets twice is in the journal twice. */
static int check_pair(struct config_reader *reader, const struct json *value, const struct sink_config *first,
                      const struct sink_config *second)
{
    const struct sink_config *log = first->kind == SINK_SYSLOG_LOCAL ? first : second;
    const struct sink_config *journal = first->kind == SINK_JOURNALD ? first : second;
    scoped_str where = STR_INIT;

    if (!first->address || !second->address) /* not valid: it has been said */
        return 0;
    say_where(first, second, &where);
    if (str_equal(sink_kinds[first->kind].type, sink_kinds[second->kind].type) &&
        str_equal(first->address, second->address))
        return config_refuse(reader, value, "sinks: the sink %s has the same type and address", str_text(&where));
    if (log->kind == SINK_SYSLOG_LOCAL && journal->kind == SINK_JOURNALD && is_journald(log->address))
        return config_refuse(reader, value,
                             "sinks: %s belongs to journald on this host, to which the sink %s sends already",
                             log->address, str_text(&where));
    return 0;
}

enum { SINKS_MAX = 100 };

int config_read_sinks(struct config_reader *reader, const struct json *list)
{
    struct config *config = reader->config;
    int r = list ? config_read_list(reader, list, "sinks", sizeof *config->sinks, (void **)&config->sinks,
                                    &config->sink_count)
                 : 0;

    if (r < 0)
        return r;
    if (json_count(list) > SINKS_MAX)
        return config_refuse(reader, list, "sinks: more than %d", (int)SINKS_MAX);
    for (size_t i = 0; list && i < config->sink_count; i++)
        r = config_worse(r, read_sink(reader, json_at(list, i), &config->sinks[i]));
    for (size_t second = 1; second < config->sink_count; second++)
        for (size_t first = 0; first < second; first++)
            check_pair(reader, json_at(list, second), &config->sinks[first], &config->sinks[second]);
    return r;
}
