/* Section 2 but the API's TLS and logging: how dockerd is set up. The engine's own word counts first, then dockerd's
 * arguments, then daemon.json, then the engine's default; the evidence says which of them spoke. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"
#include "common/text.h"

const char *daemon_place_name(const struct daemon_facts *daemon, enum option_place place)
{
    static const char *const names[] = {[OPTION_DEFAULT] = "the engine's default",
                                        [OPTION_DAEMON_JSON] = "daemon.json",
                                        [OPTION_CMDLINE] = "dockerd's arguments",
                                        [OPTION_ENGINE] = "the engine"};

    return place == OPTION_DAEMON_JSON && daemon->config_path ? daemon->config_path : names[place];
}

bool daemon_is_podman(const struct check_input *in, struct check_result *out)
{
    const struct version_facts *version = store_version(in->store, NULL);

    if (!version || !version->is_podman)
        return false;
    check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has no daemon with such an option");
    return true;
}

const struct info_facts *daemon_need_info(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);

    if (!info)
        check_error(in, out, "info", why);
    return info;
}

const struct daemon_facts *check_need_option(const struct check_input *in, struct check_result *out, const char *name)
{
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);
    enum option_place place;
    const char *value;

    if (!daemon) {
        check_error(in, out, "daemon", why);
        return NULL;
    }
    value = daemon_option(daemon, name, &place);
    if (daemon->pid <= 0 && daemon->why_no_pid && place != OPTION_CMDLINE) {
        check_error(in, out, "dockerd's arguments", daemon->why_no_pid);
        return NULL;
    }
    if (daemon->config_error && place != OPTION_CMDLINE) {
        check_error(in, out, daemon->config_path ? daemon->config_path : "daemon.json", daemon->config_error);
        return NULL;
    }
    if (!str_empty(value) && daemon_option_is_boolean(name) && !daemon_option_parses(value)) {
        scoped_str what = STR_INIT;

        str_printf(&what, "%s, by %s", name, daemon_place_name(daemon, place));
        check_error(in, out, what.data, "its value is neither true nor false");
        return NULL;
    }
    return daemon;
}

void daemon_remedy_option(const struct check_input *in, struct check_result *out, const char *setting)
{
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const struct version_facts *version = store_version(in->store, NULL);
    scoped_str path = STR_INIT;

    if (!in->explain || (version && version->is_podman)) /* which has no daemon.json */
        return;
    text_shell_quote(&path, daemon && daemon->config_path ? daemon->config_path : "/etc/docker/daemon.json");
    check_remedy(in, out, "# set %s in %s, remove it from dockerd's arguments, then: systemctl restart docker", setting,
                 path.data);
}

/* The engine's own is called "bridge"; podman's has another name. Whoever makes a network may give it the option that
 * marks the default one. */
static const struct network_item *default_bridge(const struct network_list_facts *networks)
{
    const struct network_item *found = NULL;

    for (size_t i = 0; i < networks->count; i++)
        if (networks->items[i].default_bridge && (!found || strcmp(networks->items[i].name, "bridge") == 0))
            found = &networks->items[i];
    return found;
}

void check_bridge_icc(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct network_list_facts *networks = store_networks(in->store, &why);
    const struct network_item *network;

    if (!networks) {
        check_error(in, out, "networks", why);
        return;
    }
    network = default_bridge(networks);
    if (!network) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "there is no default bridge");
        return;
    }
    check_fact_string(in, out, "enable_icc", network->icc);
    if (str_equal(network->icc, "false")) {
        check_say(in, out, VERDICT_PASS, "network %s: enable_icc is false, says the engine", network->name);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "network %s: enable_icc is %s, says the engine", network->name,
              network->icc ? network->icc : "not set, so containers reach each other");
    daemon_remedy_option(in, out, "\"icc\": false");
}

void check_log_level(const struct check_input *in, struct check_result *out)
{
    const char *wanted = check_param(in, "level")->string, *value;
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon;
    enum option_place place, debug_place = OPTION_ENGINE;
    bool debug = info && info->debug == TRI_TRUE;
    scoped_str setting = STR_INIT;

    if (daemon_is_podman(in, out))
        return;
    if (debug) {
        check_say(in, out, VERDICT_FAIL, "debugging is on, says the engine");
        daemon_remedy_option(in, out, "\"debug\": false");
        return;
    }
    daemon = check_need_option(in, out, "log-level");
    if (!daemon)
        return;
    if (!info || info->debug == TRI_ABSENT) {
        if (!check_need_option(in, out, "debug"))
            return;
        debug = daemon_option_bool(daemon, "debug", false, &debug_place);
    }
    value = daemon_option(daemon, "log-level", &place);
    if (str_empty(value))
        place = OPTION_DEFAULT;
    if (debug)
        check_say(in, out, VERDICT_FAIL, "debugging is on, by %s", daemon_place_name(daemon, debug_place));
    if (str_empty(value))
        value = "info";
    if (strcasecmp(value, wanted) == 0) /* as the engine compares it */
        check_say(in, out, VERDICT_PASS, "the log level is %s, by %s", value, daemon_place_name(daemon, place));
    else
        check_say(in, out, VERDICT_FAIL, "the log level is %s, by %s", value, daemon_place_name(daemon, place));
    if (out->verdict == VERDICT_FAIL) {
        str_printf(&setting, "\"log-level\": \"%s\" and \"debug\": false", wanted);
        daemon_remedy_option(in, out, setting.data);
    }
}

/* An option that is a boolean: "option", what is "wanted" and the engine's "default" are the rule's parameters. */
void check_daemon_bool(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string;
    bool wanted = check_param(in, "wanted")->number, fallback = check_param(in, "default")->number, value;
    const struct daemon_facts *daemon;
    scoped_str setting = STR_INIT;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, name);
    if (!daemon)
        return;
    value = daemon_option_bool(daemon, name, fallback, &place);
    check_fact_bool(in, out, "value", value);
    check_say(in, out, value == wanted ? VERDICT_PASS : VERDICT_FAIL, "%s is %s, by %s", name, value ? "true" : "false",
              daemon_place_name(daemon, place));
    str_printf(&setting, "\"%s\": %s", name, wanted ? "true" : "false");
    if (value != wanted)
        daemon_remedy_option(in, out, setting.data);
}

/* A network, as the engine prints it, that is wholly this host's: in 127.0.0.0/8, or ::1. */
static bool is_loopback(const char *cidr)
{
    scoped(cleanup_free) char *address = mem_strndup(cidr, strcspn(cidr, "/"));
    const char *bits = cidr + strcspn(cidr, "/");
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) != 1)
        return strcmp(cidr, "::1/128") == 0;
    if (*bits++ != '/' || !*bits || strlen(bits) > 2 || bits[strspn(bits, "0123456789")])
        return false;
    return ntohl(v4.s_addr) >> 24 == 127 && atoi(bits) >= 8;
}

void check_insecure_registries(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);
    const struct version_facts *version = store_version(in->store, NULL);

    if (!info)
        return;
    if (version && version->is_podman) {
        check_say(in, out, VERDICT_MANUAL,
                  "podman's API does not tell how it treats registries: is \"insecure = true\" in "
                  "/etc/containers/registries.conf or registries.conf.d?");
        return;
    }
    if (!info->has_registry_config) {
        check_error(in, out, "info", "the engine does not say how it treats registries");
        return;
    }
    for (size_t i = 0; i < info->insecure_cidrs.count; i++)
        if (!is_loopback(info->insecure_cidrs.items[i]))
            check_say(in, out, VERDICT_FAIL, "insecure network %s, says the engine", info->insecure_cidrs.items[i]);
    for (size_t i = 0; i < info->insecure_indexes.count; i++)
        check_say(in, out, VERDICT_FAIL, "insecure registry %s, says the engine", info->insecure_indexes.items[i]);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  "every registry but those on this host is spoken to securely, says the engine");
    else
        daemon_remedy_option(in, out, "\"insecure-registries\": []");
}

/* The driver that the engine uses is none of "forbidden". */
void check_storage_driver(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);
    const struct string_list *forbidden = &check_param(in, "forbidden")->list;

    if (!info)
        return;
    if (str_empty(info->driver)) {
        check_error(in, out, "info", "the engine does not name its storage driver");
        return;
    }
    for (size_t i = 0; i < forbidden->count; i++)
        if (strcmp(forbidden->items[i], info->driver) == 0) {
            check_say(in, out, VERDICT_FAIL, "the storage driver is %s, says the engine", info->driver);
            daemon_remedy_option(in, out, "\"storage-driver\": \"overlay2\"");
            return;
        }
    check_say(in, out, VERDICT_PASS, "the storage driver is %s, says the engine", info->driver);
}

void check_default_ulimits(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    size_t count = 0;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "default-ulimit");
    if (!daemon)
        return;
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "default-ulimit") == 0 && daemon->options[i].value[0]) {
            check_say(in, out, VERDICT_PASS, "%s, by %s", daemon->options[i].value,
                      daemon_place_name(daemon, daemon->options[i].place));
            count++;
        }
    if (count)
        return;
    check_say(in, out, VERDICT_FAIL, "no default ulimits are set, neither by dockerd's arguments nor by daemon.json");
    daemon_remedy_option(in, out, "\"default-ulimits\"");
}

void check_userns_remap(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_security_options) {
        check_error(in, out, "info", "the engine does not tell its security options");
        return;
    }
    if (info->userns || info->rootless) {
        check_say(in, out, VERDICT_PASS, "%s",
                  info->rootless ? "the engine runs rootless, it says" : "user namespaces are used, says the engine");
        return;
    }
    check_say(in, out, VERDICT_FAIL,
              "root in a container is root on the host: user namespaces are not used, says the engine");
    daemon_remedy_option(in, out, "\"userns-remap\": \"default\"");
}

void check_rootless(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_security_options)
        check_error(in, out, "info", "the engine does not tell its security options");
    else
        check_say(in, out, info->rootless ? VERDICT_PASS : VERDICT_FAIL, "the engine runs as %s, it says",
                  info->rootless ? "an ordinary user" : "root");
}

void check_daemon_cgroup_parent(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    const char *value;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "cgroup-parent");
    if (!daemon)
        return;
    value = daemon_option(daemon, "cgroup-parent", &place);
    if (str_empty(value)) {
        check_say(in, out, VERDICT_PASS, "no cgroup parent is set: the engine's default is used");
        return;
    }
    if (check_allowed(in, "allowed", value)) {
        check_say(in, out, VERDICT_PASS, "%s, by %s, is allowed", value, daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the default cgroup parent is %s, by %s", value, daemon_place_name(daemon, place));
    daemon_remedy_option(in, out, "no \"cgroup-parent\"");
}

/* What devicemapper tells of its base device; NULL: nothing. */
static const char *base_device_size(const struct info_facts *info)
{
    static const char key[] = "Base Device Size: ";

    for (size_t i = 0; info && i < info->driver_status.count; i++)
        if (str_starts(info->driver_status.items[i], key))
            return info->driver_status.items[i] + strlen(key);
    return NULL;
}

/* The devicemapper takes the key in any case, with blanks round it. */
static bool sets_base_size(const struct daemon_option *option)
{
    static const char key[] = "dm.basesize", blanks[] = " \t\r\n";
    const char *at = option->value + strspn(option->value, blanks);

    if (strcmp(option->name, "storage-opt") != 0 || strncasecmp(at, key, strlen(key)) != 0)
        return false;
    at += strlen(key);
    return at[strspn(at, blanks)] == '=';
}

void check_base_device_size(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const char *size = base_device_size(info);

    if (daemon_is_podman(in, out))
        return;
    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (sets_base_size(&daemon->options[i])) {
            check_say(in, out, VERDICT_FAIL, "%s, by %s", daemon->options[i].value,
                      daemon_place_name(daemon, daemon->options[i].place));
            daemon_remedy_option(in, out, "no \"dm.basesize\" in \"storage-opts\"");
        }
    if (out->verdict == VERDICT_FAIL)
        return;
    if (size && strcmp(size, "10.74GB") != 0 && strcmp(size, "10.74 GB") != 0) { /* 10 GiB; once grown it stays so */
        check_say(in, out, VERDICT_FAIL, "the base device has %s, says the engine: 10.74GB is the default", size);
        return;
    }
    if (info && !str_empty(info->driver) && strcmp(info->driver, "devicemapper") != 0) {
        check_say(in, out, VERDICT_PASS,
                  "dm.basesize is not set, and the storage driver is %s, which has no base device", info->driver);
        return;
    }
    if (check_need_option(in, out, "storage-opt"))
        check_say(in, out, VERDICT_PASS, "dm.basesize is not set%s%s", size ? ", and the base device has " : "",
                  size ? size : "");
}

void check_client_authorization(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_plugins) {
        check_error(in, out, "info", "the engine does not tell its plugins");
        return;
    }
    check_fact_list(in, out, "plugins", &info->authorization_plugins);
    for (size_t i = 0; i < info->authorization_plugins.count; i++)
        if (*info->authorization_plugins.items[i])
            check_say(in, out, VERDICT_PASS, "plugin %s decides on commands, says the engine",
                      info->authorization_plugins.items[i]);
    if (out->verdict == VERDICT_PASS)
        return;
    check_say(in, out, VERDICT_FAIL,
              "no authorization plugin is used, says the engine: whoever reaches the API may do everything");
    daemon_remedy_option(in, out, "\"authorization-plugins\"");
}

/* ---- What the engine itself tells ---- */

void check_legacy_registry(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const struct daemon_facts *daemon;
    enum option_place place;

    if (!version) {
        check_error(in, out, "version", why);
        return;
    }
    if (version->is_podman) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "podman never spoke the v1 protocol");
        return;
    }
    if (!check_is_version(version->version)) {
        check_error(in, out, "version", "the engine's version is no number");
        return;
    }
    if (check_version_compare(version->version, "17.12") >= 0) {
        check_say(in, out, VERDICT_PASS, "engine %s cannot speak to v1 registries", version->version);
        return;
    }
    daemon = check_need_option(in, out, "disable-legacy-registry");
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, "disable-legacy-registry", false, &place)) {
        check_say(in, out, VERDICT_PASS, "disable-legacy-registry is set, by %s", daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "engine %s may speak to v1 registries", version->version);
    daemon_remedy_option(in, out, "\"disable-legacy-registry\": true");
}

void check_live_restore(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info || daemon_is_podman(in, out))
        return;
    if (!str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "the engine is in a swarm, which excludes live restore");
        return;
    }
    if (info->live_restore == TRI_ABSENT) {
        check_error(in, out, "info", "the engine does not tell");
        return;
    }
    check_say(in, out, info->live_restore == TRI_TRUE ? VERDICT_PASS : VERDICT_FAIL,
              "live restore is %s, says the engine", info->live_restore == TRI_TRUE ? "on" : "off");
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_option(in, out, "\"live-restore\": true");
}

void check_daemon_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_security_options) {
        check_error(in, out, "info", "the engine does not tell its security options");
        return;
    }
    if (!info->seccomp) {
        check_say(in, out, VERDICT_FAIL, "seccomp is not used, says the engine");
        return;
    }
    check_say(in, out, str_equal(info->seccomp_profile, "unconfined") ? VERDICT_FAIL : VERDICT_PASS,
              "the seccomp profile is %s, says the engine", info->seccomp_profile ? info->seccomp_profile : "default");
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_option(in, out, "no \"seccomp-profile\": \"unconfined\"");
}

void check_experimental(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const struct info_facts *info = store_info(in->store, version ? &why : NULL);

    if (!version || !info) {
        check_error(in, out, version ? "info" : "version", why);
        return;
    }
    if (daemon_is_podman(in, out))
        return; /* it always says that they are on */
    if (version->experimental == TRI_TRUE || info->experimental == TRI_TRUE) {
        check_say(in, out, VERDICT_FAIL, "experimental features are on, says the engine");
        daemon_remedy_option(in, out, "\"experimental\": false");
    } else if (version->experimental == TRI_ABSENT && info->experimental == TRI_ABSENT) {
        check_error(in, out, "version", "the engine does not tell whether experimental features are on");
    } else {
        check_say(in, out, VERDICT_PASS, "experimental features are off, says the engine");
    }
}

void check_daemon_no_new_privileges(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    if (info && info->no_new_privileges) {
        check_say(in, out, VERDICT_PASS, "containers get no new privileges, says the engine");
        return;
    }
    daemon = check_need_option(in, out, "no-new-privileges");
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, "no-new-privileges", false, &place)) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is true, by %s", daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is false, by %s", daemon_place_name(daemon, place));
    daemon_remedy_option(in, out, "\"no-new-privileges\": true");
}
