/* The grammar of dockerd's command line (that of Go's pflag).
 *
 * dockerd takes no positional arguments, so the word after a flag that is not boolean is its value; for a flag unknown
 * here (a newer engine's) it is if it does not begin with a dash. A flag given twice counts once, the last time, unless
 * it is a list. What dockerd would reject at its start is not rejected here: it is kept as it is, for a running daemon
 * has passed that check, and the file may have been changed since. */
#include "probes/daemon/daemon_options.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "probes/daemon/daemon_config.h"

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
                                          "default-stop-timeout",
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
                                          "network-diagnostic-port",
                                          "no-proxy",
                                          "nri-opts",
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

static bool is_among_in_any_case(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

bool options_is_in_capitals(const char *name)
{
    return !is_known(name) && (is_among_in_any_case(boolean_flags, countof(boolean_flags), name) ||
                               is_among_in_any_case(list_flags, countof(list_flags), name) ||
                               is_among_in_any_case(value_flags, countof(value_flags), name));
}

enum tristate options_read_bool(const char *text)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    if (text && is_among(yes, countof(yes), text))
        return TRI_TRUE;
    return text && is_among(no, countof(no), text) ? TRI_FALSE : TRI_ABSENT;
}

bool daemon_option_is_boolean(const char *name)
{
    return is_boolean(name);
}

bool daemon_option_parses(const char *value)
{
    return options_read_bool(value) != TRI_ABSENT;
}

const struct daemon_option *options_find(const struct daemon_option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* The value as dockerd means it: booleans in one spelling, no blanks round an address. */
static const char *keep_value(struct arena *arena, const char *name, const char *value)
{
    static const char blanks[] = " \t\r\n\v\f";
    enum tristate truth = is_boolean(name) ? options_read_bool(value) : TRI_ABSENT;
    size_t length;

    if (truth != TRI_ABSENT)
        return truth == TRI_TRUE ? "true" : "false";
    if (strcmp(name, "host") != 0)
        return arena_strdup(arena, value);
    value += strspn(value, blanks);
    for (length = strlen(value); length && strchr(blanks, value[length - 1]);)
        length--;
    return arena_strndup(arena, value, length);
}

void options_add(struct option_set *set, const char *name, const char *value, enum option_place place)
{
    struct daemon_option option = {arena_strdup(set->arena, name), keep_value(set->arena, name, value), place, NULL};

    for (size_t i = 0; i < set->list.count && !is_list(name); i++) {
        if (strcmp(set->list.items[i].name, name) == 0) {
            set->list.items[i] = option;
            return;
        }
    }
    vec_push(&set->list, option);
}

/* ---- The command line ---- */

/* The value of one of dockerd's own flags names no program. */
static bool names_dockerd(const char *const *arguments, size_t at)
{
    const char *slash = strrchr(arguments[at], '/'), *name = slash ? slash + 1 : arguments[at];
    const char *before = at && str_starts(arguments[at - 1], "--") ? arguments[at - 1] + 2 : "";

    return (strcmp(name, "dockerd") == 0 || str_starts(name, "dockerd-")) && (is_boolean(before) || !is_known(before));
}

bool options_name_dockerd(const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names_dockerd(arguments, i))
            return true;
    return false;
}

/* The index of the first flag in ARGUMENTS: after dockerd's own name, which a wrapper may precede. */
static size_t first_flag(const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names_dockerd(arguments, i))
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

/* TEXT is what follows the two dashes. */
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
        options_add(set, name, equals + 1, OPTION_CMDLINE);
    else if (is_boolean(name) || (!is_known(name) && (last || words->items[words->at][0] == '-')))
        options_add(set, name, "true", OPTION_CMDLINE);
    else
        options_add(set, name, next_word(words), OPTION_CMDLINE);
}

static const char *short_name(char letter)
{
    for (size_t i = 0; i < countof(short_flags); i++)
        if (short_flags[i].letter == letter)
            return short_flags[i].name;
    return NULL;
}

/* TEXT is what follows the dash: letters together ("-DH"), the value directly, after '=' or in the next word. */
static void read_short(struct option_set *set, const char *text, struct words *words)
{
    for (; *text; text++) {
        const char *name = short_name(*text);

        if (!name)
            return;
        if (text[1] == '=') {
            options_add(set, name, text + 2, OPTION_CMDLINE);
            return;
        }
        if (!is_boolean(name)) {
            options_add(set, name, text[1] ? text + 1 : next_word(words), OPTION_CMDLINE);
            return;
        }
        options_add(set, name, "true", OPTION_CMDLINE);
    }
}

void options_from_arguments(struct option_set *set, const char *const *arguments, size_t count)
{
    struct words words = {arguments, count, first_flag(arguments, count)};

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

/* ---- Names ---- */

bool daemon_option_known(const char *name)
{
    return is_known(name);
}

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

    if (options_key_flag(name))
        return options_key_flag(name);
    for (size_t l = 0; l < countof(lists); l++)
        for (size_t i = 0; i < lists[l].count; i++) {
            size_t distance = text_distance(lists[l].names[i], name);

            if (!distance)
                return NULL;
            if (distance < least && distance < strlen(name)) {
                least = distance;
                nearest = lists[l].names[i];
            }
        }
    return nearest;
}
