/* The grammar of dockerd's command line (that of Go's pflag) and of daemon.json.
 *
 * dockerd takes no positional arguments, so the word behind a flag that is not boolean is its value; for a flag unknown
 * here (a newer engine's) it is when it does not begin with a dash. A flag given twice counts once, the last time,
 * unless it is a list. What dockerd would refuse at its start is not refused here: it is kept as it stands, for a
 * daemon that runs has been through that check, and the file may have been changed since.
 *
 * Keys of daemon.json become the name of the flag that means the same, so that a rule asks by one name. */
#include "probes/daemon_options.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/json_out.h"
#include "common/text.h"
#include "probes/daemon_config.h"

/* ---- Flags ---- */

static const char *const boolean_flags[] = {"allow-direct-routing",
                                            "cri-containerd",
                                            "debug",
                                            "disable-legacy-registry",
                                            "experimental",
                                            "help",
                                            "icc",
                                            "init",
                                            "ip-forward",
                                            "ip-forward-no-drop",
                                            "ip-masq",
                                            "ip6tables",
                                            "iptables",
                                            "ipv6",
                                            "live-restore",
                                            "no-new-privileges",
                                            "raw-logs",
                                            "rootless",
                                            "selinux-enabled",
                                            "tls",
                                            "tlsverify",
                                            "userland-proxy",
                                            "validate",
                                            "version"};

static const char *const list_flags[] = {"add-runtime",
                                         "allow-nondistributable-artifacts",
                                         "authorization-plugin",
                                         "cdi-spec-dir",
                                         "cluster-store-opt",
                                         "default-address-pool",
                                         "default-network-opt",
                                         "default-ulimit",
                                         "dns",
                                         "dns-opt",
                                         "dns-search",
                                         "exec-opt",
                                         "feature",
                                         "host",
                                         "insecure-registry",
                                         "label",
                                         "log-opt",
                                         "node-generic-resource",
                                         "registry-mirror",
                                         "storage-opt"};

static const char *const value_flags[] = {"api-cors-header",
                                          "bip",
                                          "bip6",
                                          "bridge",
                                          "bridge-accept-fwmark",
                                          "cgroup-parent",
                                          "config-file",
                                          "containerd",
                                          "containerd-namespace",
                                          "containerd-plugins-namespace",
                                          "cpu-rt-period",
                                          "cpu-rt-runtime",
                                          "data-root",
                                          "default-cgroupns-mode",
                                          "default-gateway",
                                          "default-gateway-v6",
                                          "default-ipc-mode",
                                          "default-runtime",
                                          "default-shm-size",
                                          "exec-root",
                                          "firewall-backend",
                                          "fixed-cidr",
                                          "fixed-cidr-v6",
                                          "group",
                                          "host-gateway-ip",
                                          "http-proxy",
                                          "https-proxy",
                                          "init-path",
                                          "ip",
                                          "log-driver",
                                          "log-format",
                                          "log-level",
                                          "max-concurrent-downloads",
                                          "max-concurrent-uploads",
                                          "max-download-attempts",
                                          "metrics-addr",
                                          "mtu",
                                          "network-control-plane-mtu",
                                          "no-proxy",
                                          "oom-score-adjust",
                                          "pidfile",
                                          "seccomp-profile",
                                          "shutdown-timeout",
                                          "storage-driver",
                                          "swarm-default-advertise-addr",
                                          "tlscacert",
                                          "tlscert",
                                          "tlskey",
                                          "userland-proxy-path",
                                          "userns-remap"};

static const struct short_flag {
    char letter;
    const char *name;
} short_flags[] = {
    {'b', "bridge"},  {'D', "debug"},     {'G', "group"},          {'H', "host"},    {'l', "log-level"},
    {'p', "pidfile"}, {'g', "data-root"}, {'s', "storage-driver"}, {'v', "version"}, {'h', "help"},
};

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_boolean(const char *name)
{
    return is_among(boolean_flags, countof(boolean_flags), name);
}

static bool is_list(const char *name)
{
    return is_among(list_flags, countof(list_flags), name);
}

static bool is_known(const char *name)
{
    return is_boolean(name) || is_list(name) || is_among(value_flags, countof(value_flags), name);
}

enum tristate options_read_bool(const char *text)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    if (text && is_among(yes, countof(yes), text))
        return TRI_TRUE;
    return text && is_among(no, countof(no), text) ? TRI_FALSE : TRI_ABSENT;
}

const struct daemon_option *options_find(const struct daemon_option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static void add(struct option_set *set, const char *name, const char *value, enum option_place place)
{
    enum tristate truth = is_boolean(name) ? options_read_bool(value) : TRI_ABSENT;
    const char *kept = truth == TRI_ABSENT ? value : truth == TRI_TRUE ? "true" : "false";
    struct daemon_option option = {arena_strdup(set->arena, name), arena_strdup(set->arena, kept), place};

    for (size_t i = 0; i < set->list.count && !is_list(name); i++) {
        if (strcmp(set->list.items[i].name, name) == 0) {
            set->list.items[i] = option;
            return;
        }
    }
    vec_push(&set->list, option);
}

/* ---- The command line ---- */

static bool names_dockerd(const char *argument)
{
    const char *slash = strrchr(argument, '/'), *name = slash ? slash + 1 : argument;

    return strcmp(name, "dockerd") == 0 || str_starts(name, "dockerd-");
}

bool options_name_dockerd(const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names_dockerd(arguments[i]))
            return true;
    return false;
}

size_t options_first_flag(const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names_dockerd(arguments[i]))
            return i + 1;
    return count ? 1 : 0;
}

/* What is left to read of the command line. */
struct words {
    const char *const *items;
    size_t count, at;
};

static const char *next_word(struct words *words)
{
    return words->at < words->count ? words->items[words->at++] : "";
}

/* TEXT is what stands behind the two dashes. */
static void read_long(struct option_set *set, const char *text, struct words *words)
{
    const char *equals = strchr(text, '=');
    scoped(cleanup_free) char *name = mem_strndup(text, equals ? (size_t)(equals - text) : strlen(text));
    bool last = words->at >= words->count;

    if (strcmp(name, "graph") == 0) {
        free(name);
        name = mem_strdup("data-root");
    }
    if (!*name)
        return;
    if (equals)
        add(set, name, equals + 1, OPTION_CMDLINE);
    else if (is_boolean(name) || (!is_known(name) && (last || words->items[words->at][0] == '-')))
        add(set, name, "true", OPTION_CMDLINE);
    else
        add(set, name, next_word(words), OPTION_CMDLINE);
}

static const char *short_name(char letter)
{
    for (size_t i = 0; i < countof(short_flags); i++)
        if (short_flags[i].letter == letter)
            return short_flags[i].name;
    return NULL;
}

/* TEXT is what stands behind the dash: letters together ("-DH"), the value at once, behind '=' or in the next word. */
static void read_short(struct option_set *set, const char *text, struct words *words)
{
    for (; *text; text++) {
        const char *name = short_name(*text);

        if (!name)
            return;
        if (text[1] == '=') {
            add(set, name, text + 2, OPTION_CMDLINE);
            return;
        }
        if (!is_boolean(name)) {
            add(set, name, text[1] ? text + 1 : next_word(words), OPTION_CMDLINE);
            return;
        }
        add(set, name, "true", OPTION_CMDLINE);
    }
}

void options_from_arguments(struct option_set *set, const char *const *arguments, size_t count)
{
    struct words words = {arguments, count, options_first_flag(arguments, count)};

    while (words.at < words.count) {
        const char *word = next_word(&words);

        if (strcmp(word, "--") == 0)
            return;
        if (str_starts(word, "--"))
            read_long(set, word + 2, &words);
        else if (word[0] == '-')
            read_short(set, word + 1, &words);
    }
}

/* ---- daemon.json ---- */

/* How a key's value turns into option values where that is not plain. */
enum shape {
    SHAPE_PLAIN,    /* a value, or a list of them */
    SHAPE_PAIRS,    /* object → "key=value" each */
    SHAPE_ULIMITS,  /* object of objects → "name=soft:hard" each */
    SHAPE_RUNTIMES, /* object of objects → "name=path" each */
    SHAPE_POOLS,    /* list of objects → "base=…,size=…" each */
    SHAPE_SECTION   /* object whose members are options of their own */
};

static const struct key {
    const char *key, *flag;
    enum shape shape;
} keys[] = {
    {"authorization-plugins", "authorization-plugin", SHAPE_PLAIN},
    {"cdi-spec-dirs", "cdi-spec-dir", SHAPE_PLAIN},
    {"cluster-store-opts", "cluster-store-opt", SHAPE_PAIRS},
    {"default-address-pools", "default-address-pool", SHAPE_POOLS},
    {"default-ulimits", "default-ulimit", SHAPE_ULIMITS},
    {"dns-opts", "dns-opt", SHAPE_PLAIN},
    {"exec-opts", "exec-opt", SHAPE_PLAIN},
    {"features", "feature", SHAPE_PAIRS},
    {"graph", "data-root", SHAPE_PLAIN},
    {"hosts", "host", SHAPE_PLAIN},
    {"insecure-registries", "insecure-registry", SHAPE_PLAIN},
    {"labels", "label", SHAPE_PLAIN},
    {"log-opts", "log-opt", SHAPE_PAIRS},
    {"node-generic-resources", "node-generic-resource", SHAPE_PLAIN},
    {"proxies", NULL, SHAPE_SECTION},
    {"registry-mirrors", "registry-mirror", SHAPE_PLAIN},
    {"runtimes", "add-runtime", SHAPE_RUNTIMES},
    {"storage-opts", "storage-opt", SHAPE_PLAIN},
};

/* A value as text: strings and numbers as written, the rest as compact JSON. NULL for null, which sets nothing. */
static char *value_text(const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;
    size_t length;

    switch (json_type(value)) {
    case JSON_NULL:
        return NULL;
    case JSON_BOOL:
        return mem_strdup(json_bool(value, false) ? "true" : "false");
    case JSON_NUMBER:
        return mem_strdup(json_number_text(value));
    case JSON_STRING:
        return mem_strdup(json_string(value));
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    out = json_out_new(false);
    json_out_value(out, NULL, value);
    return mem_strdup(json_out_text(out, &length));
}

/* A member by its name in any case, as Go's decoder finds it. */
static const struct json *get_any_case(const struct json *object, const char *name)
{
    const struct json *value;
    const char *key;

    for (size_t i = 0; (value = json_member(object, i, &key, NULL)); i++)
        if (strcasecmp(key, name) == 0)
            return value;
    return NULL;
}

static void add_value(struct option_set *set, const char *name, const struct json *value)
{
    scoped(cleanup_free) char *text = value_text(value);

    if (text)
        add(set, name, text, OPTION_DAEMON_JSON);
}

static void add_pair(struct option_set *set, const char *name, const char *key, const struct json *value)
{
    scoped(cleanup_free) char *text = value_text(value), *pair = mem_printf("%s=%s", key, text ? text : "");

    add(set, name, pair, OPTION_DAEMON_JSON);
}

static void add_ulimit(struct option_set *set, const char *key, const struct json *value)
{
    const struct json *name = get_any_case(value, "Name");
    scoped(cleanup_free) char *soft = value_text(get_any_case(value, "Soft"));
    scoped(cleanup_free) char *hard = value_text(get_any_case(value, "Hard"));
    scoped(cleanup_free) char *text =
        mem_printf("%s=%s:%s", json_text(name, key), soft ? soft : "0", hard ? hard : "0");

    add(set, "default-ulimit", text, OPTION_DAEMON_JSON);
}

static void add_pool(struct option_set *set, const struct json *value)
{
    scoped(cleanup_free) char *base = value_text(get_any_case(value, "base"));
    scoped(cleanup_free) char *size = value_text(get_any_case(value, "size"));
    scoped(cleanup_free) char *text = mem_printf("base=%s,size=%s", base ? base : "", size ? size : "");

    add(set, "default-address-pool", text, OPTION_DAEMON_JSON);
}

static void add_plain(struct option_set *set, const char *name, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        add_value(set, name, value);
        return;
    }
    for (size_t i = 0; i < json_count(value); i++)
        add_value(set, name, json_at(value, i));
}

static void add_member(struct option_set *set, const struct key *key, const char *member, const struct json *value)
{
    switch (key->shape) {
    case SHAPE_PAIRS:
        add_pair(set, key->flag, member, value);
        break;
    case SHAPE_ULIMITS:
        add_ulimit(set, member, value);
        break;
    case SHAPE_RUNTIMES:
        add_pair(set, key->flag, member, get_any_case(value, "path"));
        break;
    case SHAPE_SECTION:
        add_plain(set, member, value);
        break;
    case SHAPE_PLAIN:
    case SHAPE_POOLS:
        break;
    }
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (strcmp(keys[i].key, name) == 0)
            return &keys[i];
    return NULL;
}

static void add_key(struct option_set *set, const char *name, const struct json *value)
{
    const struct key *key = find_key(name);
    const struct json *member;
    const char *member_name;

    if (key && key->shape == SHAPE_POOLS && json_type(value) == JSON_ARRAY) {
        for (size_t i = 0; i < json_count(value); i++)
            add_pool(set, json_at(value, i));
    } else if (key && key->shape != SHAPE_PLAIN && json_type(value) == JSON_OBJECT) {
        for (size_t i = 0; (member = json_member(value, i, &member_name, NULL)); i++)
            add_member(set, key, member_name, member);
    } else {
        add_plain(set, key && key->flag ? key->flag : name, value);
    }
}

/* Runtimes are the one option that dockerd takes from both places at once. */
static bool may_add(const struct option_set *flags, const char *name)
{
    return strcmp(name, "add-runtime") == 0 || !options_find(flags->list.items, flags->list.count, name);
}

int options_from_config(struct option_set *set, const char *text, size_t length, struct error *error)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const struct json_limits limits = {.bytes = DAEMON_CONFIG_FILE_MAX, .depth = 32, .values = 16384};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct option_set found = {.arena = set->arena};
    const struct json *root, *value;
    const char *key;
    size_t blank = 0, flags = set->list.count;
    int r;

    if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (blank < length && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank == length)
        return 0; /* newer engines take an empty file for no options */
    r = json_parse(text, length, &limits, &doc, error);
    if (r < 0)
        return r;
    root = json_root(doc);
    if (json_type(root) != JSON_OBJECT && json_type(root) != JSON_NULL)
        return error_set(error, EINVAL, "not a JSON object");
    for (size_t i = 0; (value = json_member(root, i, &key, NULL)); i++)
        add_key(&found, key, value);
    for (size_t i = 0; i < found.list.count; i++) {
        struct option_set given = {.list = {.items = set->list.items, .count = flags}};

        if (may_add(&given, found.list.items[i].name))
            vec_push(&set->list, found.list.items[i]);
    }
    vec_free(&found.list);
    return 0;
}

/* ---- Names ---- */

const char *daemon_option_meant(const char *name)
{
    enum { NEAR = 2 };
    const struct {
        const char *const *names;
        size_t count;
    } lists[] = {{boolean_flags, countof(boolean_flags)},
                 {list_flags, countof(list_flags)},
                 {value_flags, countof(value_flags)}};
    const char *nearest = NULL;
    size_t least = NEAR + 1;

    for (size_t i = 0; i < countof(keys); i++)
        if (keys[i].flag && strcmp(keys[i].key, name) == 0)
            return keys[i].flag;
    for (size_t l = 0; l < countof(lists); l++)
        for (size_t i = 0; i < lists[l].count; i++) {
            size_t distance = text_distance(lists[l].names[i], name);

            if (!distance)
                return NULL;
            if (distance < least) {
                least = distance;
                nearest = lists[l].names[i];
            }
        }
    return nearest;
}
