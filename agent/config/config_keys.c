/* Most keys of the configuration. Strict: anything unknown is refused with file, line and key, and reading goes on, so
 * that all faults are told at once. */
#include "agent/config/config_internal.h"

#include <arpa/inet.h>
#include <event2/util.h>
#include <string.h>

#include "common/str.h"

static int read_path(struct config_reader *reader, const struct json *object, const char *key, const char **ret)
{
    int r = config_read_string(reader, object, key, ret);

    if (r == 0 && json_get(object, key) && (*ret)[0] != '/')
        return config_refuse(reader, json_get(object, key), "%s: must be an absolute path", key);
    return r;
}

static int read_docker(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"host", "tls", NULL}, *const tls_keys[] = {"ca", "cert", "key", NULL};
    const struct json *tls = json_get(object, "tls");
    struct config *config = reader->config;
    int r = config_read_keys(reader, object, "docker", keys);

    r = config_worse(r, config_read_keys(reader, tls, "docker.tls", tls_keys));
    r = config_worse(r, config_read_string(reader, object, "host", &config->docker_host));
    r = config_worse(r, read_path(reader, tls, "ca", &config->tls_ca));
    r = config_worse(r, read_path(reader, tls, "cert", &config->tls_cert));
    r = config_worse(r, read_path(reader, tls, "key", &config->tls_key));
    if (r == 0 && tls)
        config->docker_tls = DOCKER_TLS_VERIFIED;
    if (r == 0 && config->docker_host)
        config->docker_host_from = "docker.host";
    return r;
}

static int read_socket(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"path", "mode", "group", NULL};
    const struct json *mode = json_get(object, "mode");
    struct config *config = reader->config;
    int r = config_read_keys(reader, object, "socket", keys);

    r = config_worse(r, read_path(reader, object, "path", &config->socket_path));
    r = config_worse(r, config_read_string(reader, object, "group", &config->socket_group));
    if (mode) {
        const char *text = json_string(mode);

        if (!text || !*text || strlen(text) > 4 || strspn(text, "01234567") != strlen(text) ||
            strtoul(text, NULL, 8) > 0777)
            return config_refuse(reader, mode, "mode: must be octal digits in quotes, such as \"0660\"");
        config->socket_mode = (unsigned)strtoul(text, NULL, 8);
    }
    return r;
}

/* 60, "60s", "5m", "1h", "1d" */
static int read_seconds_or(struct config_reader *reader, const struct json *object, const char *key, unsigned min,
                           const char *other, unsigned *ret)
{
    static const struct {
        char unit;
        unsigned seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    enum { SECONDS_MAX = 366 * 86400 };
    const struct json *value = json_get(object, key);
    const char *text = json_string(value);
    double seconds = json_type(value) == JSON_NUMBER ? json_double(value, -1) : -1;

    if (!value)
        return 0;
    if (text && *text >= '0' && *text <= '9' && strlen(text) < 10) {
        char *end;
        unsigned long number = strtoul(text, &end, 10);

        for (size_t i = 0; i < countof(units); i++)
            if (*end == units[i].unit && !end[1])
                seconds = (double)number * units[i].seconds;
    }
    if (seconds < min || seconds > SECONDS_MAX)
        return config_refuse(reader, value, "%s: must be a duration of at least %u s, such as 60, \"5m\", \"1h\"%s",
                             key, min, other);
    *ret = (unsigned)seconds;
    return 0;
}

static int read_seconds(struct config_reader *reader, const struct json *object, const char *key, unsigned min,
                        unsigned *ret)
{
    return read_seconds_or(reader, object, key, min, "", ret);
}

/* Of each file by itself: what a later one says of a rule is applied to what an earlier one has made of it. */
static int read_overrides(struct config_reader *reader, const struct json *root, const char *file)
{
    struct config *config = reader->config;
    const struct json *rules = json_get(root, "rules");
    int r = 0;

    if (rules && json_type(rules) != JSON_OBJECT)
        return config_refuse(reader, rules,
                             "rules: must be an object that maps an id or slug to {enabled, severity, params}");
    for (size_t i = 0; i < json_count(rules); i++) {
        const char *rule;
        const struct json *value = json_member(rules, i, &rule, NULL);

        if (json_type(value) != JSON_OBJECT)
            r = config_refuse(reader, value, "rules.%s: must be an object", rule);
        config->overrides[config->override_count++] =
            (struct rule_override){arena_strdup(config->arena, rule), value, file};
    }
    return r;
}

static int read_all_overrides(struct config_reader *reader)
{
    struct config *config = reader->config;
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; i < config->file_count; i++)
        count += json_count(json_get(json_part(config->document, i), "rules"));
    config->overrides = arena_alloc(config->arena, (count + 1) * sizeof *config->overrides);
    for (size_t i = 0; i < config->file_count; i++)
        r = config_worse(r, read_overrides(reader, json_part(config->document, i), config->files[i]));
    return r;
}

/* 0: none is sent. */
static int read_heartbeat(struct config_reader *reader, const struct json *root)
{
    const struct json *value = json_get(root, "heartbeat");

    if (json_type(value) == JSON_NUMBER && json_double(value, -1) == 0) {
        reader->config->heartbeat_seconds = 0;
        return 0;
    }
    return read_seconds_or(reader, root, "heartbeat", 10, M_(", or 0 for none"), &reader->config->heartbeat_seconds);
}

static int read_intervals(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"sweep", "top", NULL};
    int r = config_read_keys(reader, object, "intervals", keys);

    r = config_worse(r, read_seconds(reader, object, "sweep", 60, &reader->config->sweep_seconds));
    return config_worse(r, read_seconds(reader, object, "top", 10, &reader->config->process_seconds));
}

/* 268435456, "262144KiB", "256MiB", "1GiB" */
static int read_bytes(struct config_reader *reader, const struct json *object, const char *key, uint64_t min,
                      uint64_t *ret)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    static const uint64_t max = UINT64_C(1) << 40;
    const struct json *value = json_get(object, key);
    const char *text = json_string(value);
    int64_t number = json_type(value) == JSON_NUMBER ? json_int(value, -1) : -1;
    uint64_t bytes = number > 0 ? (uint64_t)number : 0;

    if (!value)
        return 0;
    if (text && *text >= '0' && *text <= '9' && strspn(text, "0123456789") <= 13) {
        char *end;
        uint64_t count = strtoull(text, &end, 10);

        for (size_t i = 0; i < countof(units); i++)
            if (strcmp(end, units[i].unit) == 0 && count <= max >> units[i].shift)
                bytes = count << units[i].shift;
    }
    if (bytes < min || bytes > max)
        return config_refuse(reader, value,
                             "history.%s: must be a number of bytes from %llu to 1 TiB, such as \"256MiB\"", key,
                             (unsigned long long)min);
    *ret = bytes;
    return 0;
}

static int read_history(struct config_reader *reader, const struct json *object)
{
    enum { DAYS_MAX = 3660, BYTES_MIN = 1024 * 1024 };
    static const char *const keys[] = {"days", "size", NULL};
    const struct json *days = json_get(object, "days");
    double count = json_type(days) == JSON_NUMBER ? json_double(days, 0) : 0;
    int r = config_read_keys(reader, object, "history", keys);

    if (days && !(count >= 1 && count <= DAYS_MAX && count == (double)(unsigned)count))
        r = config_refuse(reader, days, "history.days: must be a whole number of days from 1 to %d", (int)DAYS_MAX);
    else if (days)
        reader->config->history_days = (unsigned)count;
    return config_worse(r, read_bytes(reader, object, "size", BYTES_MIN, &reader->config->history_bytes));
}

/* "scanner": {"command": ["trivy", "image", …, "{image}"], "timeout": "10m", "threshold": "high"} */
static int read_scanner(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"command", "timeout", "threshold", NULL};
    static const char *const severities[] = {"low", "medium", "high", "critical", NULL};
    const struct json *command = json_get(object, "command");
    struct string_list *list = &reader->config->scanner_command;
    unsigned threshold = 0;
    int r = config_read_keys(reader, object, "scanner", keys);

    if (json_type(object) != JSON_OBJECT)
        return r;
    if (json_type(command) != JSON_ARRAY || !json_count(command))
        return config_refuse(reader, command ? command : object,
                             "scanner.command: must be a list of words, the program first");
    list->items = arena_alloc(reader->config->arena, json_count(command) * sizeof *list->items);
    for (size_t i = 0; i < json_count(command); i++) {
        if (str_empty(json_string(json_at(command, i))))
            return config_refuse(reader, json_at(command, i),
                                 "scanner.command: must be a list of words, the program first");
        list->items[list->count++] = arena_strdup(reader->config->arena, json_string(json_at(command, i)));
    }
    r = config_worse(r, read_seconds(reader, object, "timeout", 10, &reader->config->scanner_seconds));
    if (json_get(object, "threshold")) {
        r = config_worse(
            r, config_read_word(reader, json_get(object, "threshold"), "scanner.threshold", severities, &threshold));
        reader->config->scanner_threshold = severities[threshold];
    }
    return r;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    return address->ss_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
                                         : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Metrics name rules and sinks to whoever may connect: not to other hosts. */
static int read_metrics(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"listen", NULL};
    const struct json *listen = json_get(object, "listen");
    struct config *config = reader->config;
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    struct error why = ERROR_INIT;
    int length = sizeof config->metrics_address;
    int r = config_read_keys(reader, object, "metrics", keys);

    if (r == 0)
        r = config_read_string(reader, object, "listen", &config->metrics_listen);
    if (r < 0 || !listen)
        return r;
    if (sink_split_address(config->metrics_listen, &host, &port, &why) < 0)
        return config_refuse(reader, listen, "metrics.listen: \"%s\": %s", config->metrics_listen, why.message);
    if (evutil_parse_sockaddr_port(config->metrics_listen, (struct sockaddr *)&config->metrics_address, &length) < 0 ||
        !is_loopback(&config->metrics_address))
        return config_refuse(reader, listen,
                             "metrics.listen: \"%s\": must be a loopback address, such as 127.0.0.1:9323 or [::1]:9323",
                             config->metrics_listen);
    config->metrics_address_length = (socklen_t)length;
    return 0;
}

static int read_language(struct config_reader *reader, const struct json *value)
{
    static const char *const languages[] = {"en", "zh", NULL};
    unsigned language = 0;
    int r = value ? config_read_word(reader, value, "language", languages, &language) : 0;

    reader->config->language = (enum language)language;
    return r;
}

static int read_rules_dir(struct config_reader *reader, const struct json *root)
{
    struct config *config = reader->config;
    int r = read_path(reader, root, "rules_dir", &config->rules_dir);

    if (r == 0 && !reader->words_only && !str_equal(config->rules_dir, config_default_rules_dir) &&
        !config_is_folder(config->rules_dir))
        r = config_refuse(reader, json_get(root, "rules_dir"), "rules_dir: %s is not a directory", config->rules_dir);
    return r;
}

/* "level1", or several: ["level1", "extra"]. */
static int read_profiles(struct config_reader *reader, const struct json *value)
{
    struct config *config = reader->config;
    bool several = json_type(value) == JSON_ARRAY;
    size_t count = several ? json_count(value) : value ? 1 : 0;

    config->profile_value = value;
    config->profiles.items = arena_alloc(config->arena, (count + 1) * sizeof *config->profiles.items);
    for (size_t i = 0; i < count; i++) {
        const struct json *word = several ? json_at(value, i) : value;

        if (str_empty(json_string(word)))
            return config_refuse(reader, word, "profile: must be a name such as \"level1\", or a list of these");
        config->profiles.items[config->profiles.count++] = arena_strdup(config->arena, json_string(word));
    }
    return 0;
}

int config_read_root(struct config_reader *reader, const struct json *root)
{
    static const char *const keys[] = {"docker",    "profile",  "benchmark",    "language",  "socket",
                                       "state_dir", "data_dir", "rules_dir",    "host_root", "sinks",
                                       "rules",     "waivers",  "attestations", "intervals", "scanner",
                                       "metrics",   "history",  "heartbeat",    "exclude",   NULL};
    struct config *config = reader->config;
    int r = config_read_keys(reader, root, NULL, keys);

    config->benchmark_value = json_get(root, "benchmark");
    r = config_worse(r, read_docker(reader, json_get(root, "docker")));
    r = config_worse(r, config_read_string(reader, root, "benchmark", &config->benchmark));
    r = config_worse(r, read_profiles(reader, json_get(root, "profile")));
    r = config_worse(r, read_language(reader, json_get(root, "language")));
    r = config_worse(r, read_socket(reader, json_get(root, "socket")));
    r = config_worse(r, read_path(reader, root, "state_dir", &config->state_dir));
    r = config_worse(r, read_path(reader, root, "data_dir", &config->data_dir));
    r = config_worse(r, read_rules_dir(reader, root));
    r = config_worse(r, read_path(reader, root, "host_root", &config->host_root));
    r = config_worse(r, config_read_sinks(reader, json_get(root, "sinks")));
    r = config_worse(r, read_all_overrides(reader));
    r = config_worse(r, config_read_exceptions(reader, root));
    r = config_worse(r, read_scanner(reader, json_get(root, "scanner")));
    r = config_worse(r, read_metrics(reader, json_get(root, "metrics")));
    r = config_worse(r, read_history(reader, json_get(root, "history")));
    r = config_worse(r, read_heartbeat(reader, root));
    return config_worse(r, read_intervals(reader, json_get(root, "intervals")));
}
