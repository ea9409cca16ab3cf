/* Most keys of the configuration, and file, environment and command line put together. Strict: anything unknown is
 * rejected with file, line and key. */
#include "agent/checks/table.h"
#include "agent/config/config_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/util.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/account.h"
#include "common/file.h"
#include "common/str.h"
#include "common/vec.h"
#include "probes/docker/http.h"

enum { FILE_LIMIT = 1024 * 1024 };
static const char default_rules_dir[] = "/etc/docker-bench-agent/rules.d"; /* may be missing; another one may not */

void config_free(struct config *config)
{
    if (!config)
        return;
    json_doc_free(config->document);
    arena_free(config->arena);
    free(config);
}

/* A program that runs from the build tree uses the source tree's rules. */
static const char *default_data_dir(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        return DATA_DIR;
    path[n] = '\0';
    return str_starts(path, BUILD_DIR "/") ? SOURCE_DATA_DIR : DATA_DIR;
}

static struct config *config_new(void)
{
    struct config *config = mem_alloc(sizeof *config);

    config->arena = arena_new(1024);
    config->profile = "default";
    config->benchmark = "dosec-1.0";
    config->socket_path = "/run/docker-bench-agent/agent.sock";
    config->socket_mode = 0660;
    config->state_dir = "/var/lib/docker-bench-agent";
    config->data_dir = default_data_dir();
    config->rules_dir = default_rules_dir;
    config->host_root = "/";
    config->sinks = arena_alloc(config->arena, sizeof *config->sinks);
    config->sinks[0] = sink_config_default(SINK_JOURNALD);
    config->sink_count = 1;
    config->sweep_seconds = 3600;
    config->scanner_seconds = 600;
    config->process_seconds = 60;
    config->history_days = 90;
    config->history_bytes = UINT64_C(256) * 1024 * 1024;
    config->heartbeat_seconds = 60;
    return config;
}

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
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r == 0)
        r = config_json_keys(tls, reader->file, tls_keys, reader->error);
    if (r == 0)
        r = config_read_string(reader, object, "host", &config->docker_host);
    if (r == 0)
        r = read_path(reader, tls, "ca", &config->tls_ca);
    if (r == 0)
        r = read_path(reader, tls, "cert", &config->tls_cert);
    if (r == 0)
        r = read_path(reader, tls, "key", &config->tls_key);
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
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r == 0)
        r = read_path(reader, object, "path", &config->socket_path);
    if (r == 0)
        r = config_read_string(reader, object, "group", &config->socket_group);
    if (r == 0 && mode) {
        const char *text = json_string(mode);

        if (!text || !*text || strlen(text) > 4 || strspn(text, "01234567") != strlen(text) ||
            strtoul(text, NULL, 8) > 0777)
            return config_refuse(reader, mode, "mode: must be octal digits in quotes, such as \"0660\"");
        config->socket_mode = (unsigned)strtoul(text, NULL, 8);
    }
    return r;
}

/* 60, "60s", "5m", "1h", "1d" */
static int read_seconds(struct config_reader *reader, const struct json *object, const char *key, unsigned min,
                        unsigned *ret)
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
        return config_refuse(reader, value, "%s: must be a duration of at least %u s, such as 60, \"5m\", \"1h\"", key,
                             min);
    *ret = (unsigned)seconds;
    return 0;
}

static int read_overrides(struct config_reader *reader, const struct json *rules)
{
    struct config *config = reader->config;

    if (json_type(rules) != JSON_OBJECT)
        return config_refuse(reader, rules,
                             "rules: must be an object that maps an id or slug to {enabled, severity, params}");
    config->override_count = json_count(rules);
    config->overrides = arena_alloc(config->arena, (config->override_count + 1) * sizeof *config->overrides);
    for (size_t i = 0; i < config->override_count; i++) {
        const char *rule;
        const struct json *value = json_member(rules, i, &rule, NULL);

        if (json_type(value) != JSON_OBJECT)
            return config_refuse(reader, value, "rules.%s: must be an object", rule);
        config->overrides[i] = (struct rule_override){arena_strdup(config->arena, rule), value, config->path};
    }
    return 0;
}

/* 0: none is sent. */
static int read_heartbeat(struct config_reader *reader, const struct json *root)
{
    const struct json *value = json_get(root, "heartbeat");

    if (json_type(value) == JSON_NUMBER && json_double(value, -1) == 0) {
        reader->config->heartbeat_seconds = 0;
        return 0;
    }
    if (read_seconds(reader, root, "heartbeat", 10, &reader->config->heartbeat_seconds) == 0)
        return 0;
    return config_refuse(reader, value,
                         "heartbeat: must be a duration of at least 10 s, such as 60, \"5m\", \"1h\", or 0 "
                         "for none");
}

static int read_intervals(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"sweep", "top", NULL};
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r == 0)
        r = read_seconds(reader, object, "sweep", 60, &reader->config->sweep_seconds);
    return r < 0 ? r : read_seconds(reader, object, "top", 10, &reader->config->process_seconds);
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
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r < 0)
        return r;
    if (days && !(count >= 1 && count <= DAYS_MAX && count == (double)(unsigned)count))
        return config_refuse(reader, days, "history.days: must be a whole number of days from 1 to %d", (int)DAYS_MAX);
    if (days)
        reader->config->history_days = (unsigned)count;
    return read_bytes(reader, object, "size", BYTES_MIN, &reader->config->history_bytes);
}

/* "scanner": {"command": ["trivy", "image", …, "{image}"], "timeout": "10m", "threshold": "high"} */
static int read_scanner(struct config_reader *reader, const struct json *object)
{
    static const char *const keys[] = {"command", "timeout", "threshold", NULL};
    static const char *const severities[] = {"low", "medium", "high", "critical", NULL};
    const struct json *command = json_get(object, "command");
    struct string_list *list = &reader->config->scanner_command;
    unsigned threshold = 0;
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r < 0 || !object)
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
    r = read_seconds(reader, object, "timeout", 10, &reader->config->scanner_seconds);
    if (r == 0 && json_get(object, "threshold")) {
        r = config_read_word(reader, json_get(object, "threshold"), "scanner.threshold", severities, &threshold);
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
    int r = config_json_keys(object, reader->file, keys, reader->error);

    if (r == 0)
        r = config_read_string(reader, object, "listen", &config->metrics_listen);
    if (r < 0 || !listen)
        return r;
    if (sink_split_address(config->metrics_listen, &host, &port, &why) < 0)
        return config_refuse(reader, listen, "metrics.listen: \"%s\": %s", config->metrics_listen, why.text);
    if (evutil_parse_sockaddr_port(config->metrics_listen, (struct sockaddr *)&config->metrics_address, &length) < 0 ||
        !is_loopback(&config->metrics_address))
        return config_refuse(reader, listen,
                             "metrics.listen: \"%s\": must be a loopback address, such as 127.0.0.1:9323 or [::1]:9323",
                             config->metrics_listen);
    config->metrics_address_length = (socklen_t)length;
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int check_objects(struct config_reader *reader, const struct json *root)
{
    static const char *const keys[] = {"docker", "socket", "rules", "intervals", "scanner", "metrics", "history"};

    for (size_t i = 0; i < countof(keys); i++) {
        const struct json *value = json_get(root, keys[i]);

        if (value && json_type(value) != JSON_OBJECT)
            return config_refuse(reader, value, "%s: must be an object", keys[i]);
    }
    return 0;
}

static int read_root(struct config_reader *reader, const struct json *root)
{
    static const char *const keys[] = {"docker",    "profile",  "benchmark",    "language",  "socket",
                                       "state_dir", "data_dir", "rules_dir",    "host_root", "sinks",
                                       "rules",     "waivers",  "attestations", "intervals", "scanner",
                                       "metrics",   "history",  "heartbeat",    NULL};
    static const char *const languages[] = {"en", "zh", NULL};
    struct config *config = reader->config;
    unsigned language = 0;
    int r;

    if (json_type(root) != JSON_OBJECT)
        return config_refuse(reader, root, "must be an object");
    r = config_json_keys(root, reader->file, keys, reader->error);
    if (r == 0)
        r = config_json_document(root, reader->file, reader->error);
    if (r == 0)
        r = check_objects(reader, root);
    if (r == 0)
        r = read_docker(reader, json_get(root, "docker"));
    if (r == 0)
        r = config_read_string(reader, root, "benchmark", &config->benchmark);
    if (r == 0)
        r = config_read_string(reader, root, "profile", &config->profile);
    config->benchmark_line = json_line(json_get(root, "benchmark"));
    if (r == 0 && json_get(root, "language"))
        r = config_read_word(reader, json_get(root, "language"), "language", languages, &language);
    config->language = (enum language)language;
    if (r == 0)
        r = read_socket(reader, json_get(root, "socket"));
    if (r == 0)
        r = read_path(reader, root, "state_dir", &config->state_dir);
    if (r == 0)
        r = read_path(reader, root, "data_dir", &config->data_dir);
    if (r == 0)
        r = read_path(reader, root, "rules_dir", &config->rules_dir);
    if (r == 0 && !reader->words_only && !str_equal(config->rules_dir, default_rules_dir) &&
        !is_folder(config->rules_dir))
        r = config_refuse(reader, json_get(root, "rules_dir"), "rules_dir: %s is not a directory", config->rules_dir);
    if (r == 0)
        r = read_path(reader, root, "host_root", &config->host_root);
    if (r == 0 && json_get(root, "sinks"))
        r = config_read_sinks(reader, json_get(root, "sinks"));
    if (r == 0 && json_get(root, "rules"))
        r = read_overrides(reader, json_get(root, "rules"));
    if (r == 0)
        r = config_read_exceptions(reader, root);
    if (r == 0)
        r = read_scanner(reader, json_get(root, "scanner"));
    if (r == 0)
        r = read_metrics(reader, json_get(root, "metrics"));
    if (r == 0)
        r = read_history(reader, json_get(root, "history"));
    if (r == 0)
        r = read_heartbeat(reader, root);
    return r < 0 ? r : read_intervals(reader, json_get(root, "intervals"));
}

static int parse(const char *text, size_t length, const char *path, bool words_only, struct config **ret,
                 struct error *error)
{
    static const struct json_limits limits = {.bytes = FILE_LIMIT, .depth = 16, .values = 100000, .comments = true};
    scoped(cleanup_config) struct config *config = config_new();
    struct config_reader reader = {.config = config, .file = path, .words_only = words_only, .error = error};
    int r = json_parse(text, length, &limits, &config->document, error);

    if (r < 0)
        return error_prefix(error, "%s", path);
    config->path = arena_strdup(config->arena, path);
    r = read_root(&reader, json_root(config->document));
    if (r < 0)
        return r;
    *ret = take(config);
    return 0;
}

int config_parse(const char *text, size_t length, const char *path, struct config **ret, struct error *error)
{
    return parse(text, length, path, false, ret, error);
}

/* The files are root's, and the agent may be another user. */
static int explain(int r, struct error *error)
{
    struct account account = {.name = ""};

    if (r != -EACCES)
        return r;
    account_find_uid(geteuid(), &account);
    error_prefix(error, "the user %s has to be able to read this", account.name);
    return -EINVAL;
}

/* NULL with ERROR: it is not valid, or cannot be read. */
static struct config *read_file(const struct config_arguments *arguments, bool words_only, struct error *error)
{
    const char *path = arguments->config_path ? arguments->config_path : CONFIG_DEFAULT_PATH;
    struct config *config = NULL;
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_LIMIT, &text, error);

    if (r == -ENOENT && !arguments->config_path)
        return config_new();
    if (r == 0)
        r = parse(str_text(&text), text.length, path, words_only, &config, error);
    else
        r = error_set(error, -r, "cannot read the configuration %s: %s", path, strerror(-r));
    explain(r, error);
    return config;
}

int config_load_words(const struct config_arguments *arguments, struct config **ret, struct error *error)
{
    struct config *config = read_file(arguments, true, error);

    if (!config)
        return -EINVAL;
    *ret = config;
    return 0;
}

static void apply_argument(struct config *config, const char *argument, const char **setting)
{
    if (argument)
        *setting = arena_strdup(config->arena, argument);
}

/* Checks what would otherwise fail only when it is used, before anything is started or, at a reload, given up. */
static int check_places(const struct config *config, struct error *error)
{
    struct docker_address address = {0};
    int r = docker_address_parse(config->docker_host, config->docker_cert_path, config->docker_tls, config->tls_ca,
                                 config->tls_cert, config->tls_key, &address, error);

    if (r < 0)
        return config->docker_host_from ? error_prefix(error, "%s", config->docker_host_from) : r;
    docker_address_deinit(&address);
    if (!str_empty(config->host_root) && !is_folder(config->host_root))
        return error_set(error, EINVAL, "host_root: %s is not a directory", config->host_root);
    return 0;
}

int config_load(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                struct config **ret, struct error *error)
{
    scoped(cleanup_config) struct config *config = read_file(arguments, false, error);
    int r;

    if (!config)
        return -EINVAL;
    if (arguments->docker_host) {
        config->docker_host = arena_strdup(config->arena, arguments->docker_host);
        config->docker_host_from = "--docker-host";
    }
    r = config_apply_environment(config, environment, arguments->docker_host != NULL, error);
    if (r < 0)
        return r;
    apply_argument(config, arguments->socket_path, &config->socket_path);
    apply_argument(config, arguments->state_dir, &config->state_dir);
    apply_argument(config, arguments->host_root, &config->host_root);
    apply_argument(config, arguments->data_dir, &config->data_dir);
    r = check_places(config, error);
    if (r == 0)
        *ret = take(config);
    return r;
}

static int check_rule(const struct config *config, const struct rule_set *rules, const char *list, const char *name,
                      unsigned line, struct error *error)
{
    const char *nearest;

    if (rule_set_find(rules, name))
        return 0;
    nearest = rule_set_nearest(rules, name);
    return error_set(error, EINVAL, "%s:%u: %s: unknown rule \"%s\"%s%s%s",
                     config->path ? config->path : "configuration", line, list, name,
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

int config_load_rules(const struct config *config, struct rule_set **ret, struct error *error)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    const char *profile = str_equal(config->profile, "default") ? NULL : config->profile;
    int r = rule_set_load_profile(checks, config->data_dir, config->rules_dir, config->benchmark, profile,
                                  config->overrides, config->override_count, &rules, error);

    if (r == -ESRCH && config->benchmark_line)
        error_prefix(error, "%s:%u", config->path, config->benchmark_line);
    for (size_t i = 0; r == 0 && i < config->waiver_count; i++)
        r = check_rule(config, rules, "waivers", config->waivers[i].rule, config->waivers[i].line, error);
    for (size_t i = 0; r == 0 && i < config->attestation_count; i++)
        r = check_rule(config, rules, "attestations", config->attestations[i].rule, config->attestations[i].line,
                       error);
    if (r == 0)
        *ret = take(rules);
    return explain(r, error);
}
