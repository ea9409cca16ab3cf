/* "sinks" of the configuration. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "agent/config/config_internal.h"
#include "common/memory.h"
#include "common/str.h"

static int read_statuses(struct config_reader *reader, const struct json *list, unsigned *ret)
{
    if (!list)
        return 0;
    if (json_type(list) != JSON_ARRAY || !json_count(list))
        return config_refuse(reader, list, "statuses: must be a list of verdicts");
    *ret = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        enum verdict verdict;

        if (!verdict_parse(json_string(json_at(list, i)), &verdict))
            return config_refuse(
                reader, json_at(list, i),
                "statuses: must be among \"pass\", \"fail\", \"manual\", \"not_applicable\", \"error\"");
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

int config_split_address(const char *address, char **ret_host, char **ret_port, struct error *error)
{
    const char *colon = strrchr(address, ':'), *digits = colon ? colon + 1 : "";
    bool bracketed = *address == '[' && colon && colon[-1] == ']';
    scoped(cleanup_free) char *host =
        colon ? mem_strndup(address + bracketed, (size_t)(colon - address) - 2 * bracketed) : NULL;
    struct in6_addr v6;

    if (!host || !*host || (bracketed ? inet_pton(AF_INET6, host, &v6) != 1 : strpbrk(host, ":[]/@ ") != NULL))
        return error_set(error, EINVAL, "must be host:port or [IPv6 address]:port");
    if (!*digits || strlen(digits) > 5 || strspn(digits, "0123456789") != strlen(digits) || !atoi(digits) ||
        atoi(digits) > UINT16_MAX)
        return error_set(error, EINVAL, "must end in a port from 1 to 65535");
    *ret_host = take(host);
    *ret_port = mem_strdup(digits);
    return 0;
}

static int read_address(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    const struct json *value = json_get(object, "address");
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    struct error why = ERROR_INIT;
    int r = config_read_string(reader, object, "address", &sink->address);

    if (r < 0)
        return r;
    if (sink->type == SINK_SYSLOG && !sink->address)
        sink->address = "/dev/log";
    if (sink->type == SINK_FILE && !sink->address)
        return config_refuse(reader, object, "address: a file sink needs the path of its file");
    if (!sink->address || sink->address[0] == '/')
        return 0;
    if (str_starts(sink->address, "tls://"))
        return config_refuse(reader, value, "address: tls:// is not in this version; use tcp:// to a local relay");
    if (sink->type == SINK_SYSLOG && (str_starts(sink->address, "udp://") || str_starts(sink->address, "tcp://")))
        return config_split_address(sink->address + strlen("udp://"), &host, &port, &why) < 0
                   ? config_refuse(reader, value, "address: \"%s\": %s", sink->address, why.text)
                   : 0;
    return config_refuse(reader, value,
                         sink->type == SINK_SYSLOG
                             ? "address: must be an absolute path, udp://host:port or tcp://host:port"
                             : "address: must be an absolute path");
}

static int read_sink(struct config_reader *reader, const struct json *object, struct sink_config *sink)
{
    static const char *const keys[] = {"type", "format", "address", "facility", "min_severity", "statuses", NULL};
    static const char *const types[] = {"journald", "syslog", "file", NULL};
    static const char *const formats[] = {"text", "rfc5424", "json", NULL};
    const struct json *format = json_get(object, "format"), *severity = json_get(object, "min_severity");
    unsigned index = 0;
    int r = json_type(object) == JSON_OBJECT ? config_json_keys(object, reader->file, keys, reader->error)
                                             : config_refuse(reader, object, "sinks: must be a list of objects");

    if (r == 0)
        r = config_read_word(reader, json_get(object, "type") ? json_get(object, "type") : object, "type", types,
                             &index);
    *sink = (struct sink_config){.type = (enum sink_type)index,
                                 .facility = LOG_DAEMON >> 3,
                                 .statuses = 1u << VERDICT_FAIL | 1u << VERDICT_ERROR,
                                 .line = json_line(object)};
    if (r == 0)
        r = read_address(reader, object, sink);
    if (r == 0 && sink->type == SINK_SYSLOG && sink->address[0] != '/')
        sink->format = FORMAT_RFC5424;
    if (r == 0 && format) {
        if (sink->type != SINK_SYSLOG)
            return config_refuse(reader, format, "format: only a syslog sink has one");
        r = config_read_word(reader, format, "format", formats, &index);
        sink->format = (enum sink_format)index;
    }
    if (r == 0 && severity && !severity_parse(json_string(severity), &sink->min_severity))
        r = config_refuse(reader, severity, "min_severity: must be \"critical\", \"high\", \"medium\" or \"low\"");
    if (r == 0)
        r = read_statuses(reader, json_get(object, "statuses"), &sink->statuses);
    return r < 0 ? r : read_facility(reader, json_get(object, "facility"), &sink->facility);
}

int config_read_sinks(struct config_reader *reader, const struct json *list)
{
    struct config *config = reader->config;
    int r =
        config_read_list(reader, list, "sinks", sizeof *config->sinks, (void **)&config->sinks, &config->sink_count);

    for (size_t i = 0; r == 0 && i < config->sink_count; i++)
        r = read_sink(reader, json_at(list, i), &config->sinks[i]);
    return r;
}
