/* Section 2: how dockerd is set up. The engine's own word counts first, then dockerd's arguments, then daemon.json,
 * then the engine's default; the evidence says which of them spoke. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/daemon_config.h"

/* The place that spoke; the configuration file by its own path. */
static const char *place_name(const struct daemon_facts *daemon, enum option_place place)
{
    static const char *const names[] = {[OPTION_DEFAULT] = "the engine's default",
                                        [OPTION_DAEMON_JSON] = "daemon.json",
                                        [OPTION_CMDLINE] = "dockerd's arguments",
                                        [OPTION_ENGINE] = "the engine"};

    return place == OPTION_DAEMON_JSON && daemon->config_path ? daemon->config_path : names[place];
}

/* podman has no daemon that could be set up. */
static bool is_podman(const struct check_input *in, struct check_result *out)
{
    const struct version_facts *version = store_version(in->store, NULL);

    if (!version || !version->is_podman)
        return false;
    check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has no daemon with such an option");
    return true;
}

static const struct info_facts *need_info(const struct check_input *in, struct check_result *out)
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

    if (!daemon) {
        check_error(in, out, "daemon", why);
        return NULL;
    }
    daemon_option(daemon, name, &place);
    if (daemon->pid <= 0 && daemon->why_no_pid && place != OPTION_CMDLINE) {
        check_error(in, out, "dockerd's arguments", daemon->why_no_pid);
        return NULL;
    }
    if (daemon->config_error && place != OPTION_CMDLINE) {
        check_error(in, out, daemon->config_path ? daemon->config_path : "daemon.json", daemon->config_error);
        return NULL;
    }
    return daemon;
}

static void remedy_option(const struct check_input *in, struct check_result *out, const char *setting)
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

void check_bridge_icc(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct network_list_facts *networks = store_networks(in->store, &why);

    if (!networks) {
        check_error(in, out, "networks", why);
        return;
    }
    for (size_t i = 0; i < networks->count; i++) {
        const struct network_item *network = &networks->items[i];

        if (!network->default_bridge)
            continue;
        check_fact_string(in, out, "enable_icc", network->icc);
        if (str_equal(network->icc, "false")) {
            check_say(in, out, VERDICT_PASS, "network %s: enable_icc is false, says the engine", network->name);
        } else {
            check_say(in, out, VERDICT_FAIL, "network %s: enable_icc is %s, says the engine", network->name,
                      network->icc ? network->icc : "not set, so containers reach each other");
            remedy_option(in, out, "\"icc\": false");
        }
        return;
    }
    check_say(in, out, VERDICT_NOT_APPLICABLE, "there is no default bridge");
}

void check_log_level(const struct check_input *in, struct check_result *out)
{
    const char *wanted = check_param(in, "level")->string, *value;
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon;
    enum option_place place, debug_place = OPTION_ENGINE;
    bool debug = info && info->debug == TRI_TRUE;

    if (is_podman(in, out))
        return;
    if (debug) {
        check_say(in, out, VERDICT_FAIL, "debugging is on, says the engine");
        remedy_option(in, out, "\"debug\": false");
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
        check_say(in, out, VERDICT_FAIL, "debugging is on, by %s", place_name(daemon, debug_place));
    if (str_empty(value))
        value = "info";
    if (strcasecmp(value, wanted) == 0) /* as the engine compares it */
        check_say(in, out, VERDICT_PASS, "the log level is %s, by %s", value, place_name(daemon, place));
    else
        check_say(in, out, VERDICT_FAIL, "the log level is %s, by %s", value, place_name(daemon, place));
    if (out->verdict == VERDICT_FAIL)
        remedy_option(in, out, "\"log-level\": \"info\" and \"debug\": false");
}

/* An option that is a boolean: "option", what is "wanted" and the engine's "default" are the rule's parameters. */
void check_daemon_bool(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string;
    bool wanted = check_param(in, "wanted")->number, fallback = check_param(in, "default")->number, value;
    const struct daemon_facts *daemon;
    scoped_str setting = STR_INIT;
    enum option_place place;

    if (is_podman(in, out))
        return;
    daemon = check_need_option(in, out, name);
    if (!daemon)
        return;
    value = daemon_option_bool(daemon, name, fallback, &place);
    check_fact_bool(in, out, "value", value);
    check_say(in, out, value == wanted ? VERDICT_PASS : VERDICT_FAIL, "%s is %s, by %s", name, value ? "true" : "false",
              place_name(daemon, place));
    str_printf(&setting, "\"%s\": %s", name, wanted ? "true" : "false");
    if (value != wanted)
        remedy_option(in, out, setting.data);
}

/* A network, as the engine prints it, that is wholly this host's: in 127.0.0.0/8, or ::1. */
static bool is_loopback(const char *cidr)
{
    const char *slash = strchr(cidr, '/');

    return strcmp(cidr, "::1/128") == 0 || (slash && str_starts(cidr, "127.") && atoi(slash + 1) >= 8);
}

void check_insecure_registries(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);
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
        remedy_option(in, out, "\"insecure-registries\": []");
}

/* The driver that the engine uses is none of "forbidden". */
void check_storage_driver(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);
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
            remedy_option(in, out, "\"storage-driver\": \"overlay2\"");
            return;
        }
    check_say(in, out, VERDICT_PASS, "the storage driver is %s, says the engine", info->driver);
}

void check_default_ulimits(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    size_t count = 0;

    if (is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "default-ulimit");
    if (!daemon)
        return;
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "default-ulimit") == 0 && daemon->options[i].value[0]) {
            check_say(in, out, VERDICT_PASS, "%s, by %s", daemon->options[i].value,
                      place_name(daemon, daemon->options[i].place));
            count++;
        }
    if (count)
        return;
    check_say(in, out, VERDICT_FAIL, "no default ulimits are set, neither by dockerd's arguments nor by daemon.json");
    remedy_option(in, out, "\"default-ulimits\"");
}

void check_userns_remap(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

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
    remedy_option(in, out, "\"userns-remap\": \"default\"");
}

void check_rootless(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

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

    if (is_podman(in, out))
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
        check_say(in, out, VERDICT_PASS, "%s, by %s, is allowed", value, place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the default cgroup parent is %s, by %s", value, place_name(daemon, place));
    remedy_option(in, out, "no \"cgroup-parent\"");
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

void check_base_device_size(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const char *size = base_device_size(info);

    if (is_podman(in, out))
        return;
    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "storage-opt") == 0 &&
            strncasecmp(daemon->options[i].value, "dm.basesize=", strlen("dm.basesize=")) == 0) {
            check_say(in, out, VERDICT_FAIL, "%s, by %s", daemon->options[i].value,
                      place_name(daemon, daemon->options[i].place));
            remedy_option(in, out, "no \"dm.basesize\" in \"storage-opts\"");
        }
    if (out->verdict == VERDICT_FAIL)
        return;
    if (size && !str_starts(size, "10.74")) { /* 10 GiB; once grown it stays so */
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
    const struct info_facts *info = need_info(in, out);

    if (!info)
        return;
    if (!info->has_plugins) {
        check_error(in, out, "info", "the engine does not tell its plugins");
        return;
    }
    check_fact_list(in, out, "plugins", &info->authorization_plugins);
    for (size_t i = 0; i < info->authorization_plugins.count; i++)
        check_say(in, out, VERDICT_PASS, "plugin %s decides on commands, says the engine",
                  info->authorization_plugins.items[i]);
    if (info->authorization_plugins.count)
        return;
    check_say(in, out, VERDICT_FAIL,
              "no authorization plugin is used, says the engine: whoever reaches the API may do everything");
    remedy_option(in, out, "\"authorization-plugins\"");
}

/* ---- Logging ---- */

static const char *log_option(const struct daemon_facts *daemon, const char *name, enum option_place *ret_place)
{
    size_t length = strlen(name);

    *ret_place = OPTION_DEFAULT;
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "log-opt") == 0 && strncmp(daemon->options[i].value, name, length) == 0 &&
            daemon->options[i].value[length] == '=') {
            *ret_place = daemon->options[i].place;
            return daemon->options[i].value + length + 1;
        }
    return NULL;
}

static bool is_this_host(const char *host, size_t length)
{
    static const char *const names[] = {"localhost", "::1", "0.0.0.0", "::", ""};

    for (size_t i = 0; i < countof(names); i++)
        if (strlen(names[i]) == length && strncasecmp(names[i], host, length) == 0)
            return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == length;
}

/* udp://host:port, tcp://[::1]:601, tcp+tls://… leave this host unless they lead back to it; unix:// does not. */
static bool is_remote_syslog(const char *address)
{
    const char *host = address ? strstr(address, "://") : NULL;

    if (!host || str_starts(address, "unix"))
        return false;
    host += strlen("://");
    return *host == '[' ? !is_this_host(host + 1, strcspn(host + 1, "]")) : !is_this_host(host, strcspn(host, ":/"));
}

static void judge_syslog(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon = check_need_option(in, out, "log-opt");
    enum option_place place;
    const char *address;

    if (!daemon)
        return;
    address = log_option(daemon, "syslog-address", &place);
    check_say(in, out, is_remote_syslog(address) ? VERDICT_PASS : VERDICT_MANUAL,
              "the log driver is syslog, to %s, by %s%s", address ? address : "the local socket",
              place_name(daemon, place), is_remote_syslog(address) ? "" : ": does that one forward?");
}

void check_central_logging(const struct check_input *in, struct check_result *out)
{
    static const char *const local[] = {"json-file", "local", "none"};
    const struct info_facts *info = need_info(in, out);
    const char *driver = info ? info->logging_driver : NULL;

    if (!info || (str_empty(driver) && is_podman(in, out)))
        return;
    if (str_empty(driver)) {
        check_error(in, out, "info", "the engine does not name its log driver");
        return;
    }
    check_fact_string(in, out, "driver", driver);
    if (strcmp(driver, "syslog") == 0) {
        judge_syslog(in, out);
        return;
    }
    for (size_t i = 0; i < countof(local); i++)
        if (strcmp(driver, local[i]) == 0) {
            check_say(in, out, VERDICT_FAIL, "the log driver is %s, says the engine: logs do not leave the host",
                      driver);
            remedy_option(in, out, "\"log-driver\"");
            return;
        }
    if (strcmp(driver, "journald") == 0) {
        bool forwarded = check_param(in, "journald_forwarded")->number;

        check_say(in, out, forwarded ? VERDICT_PASS : VERDICT_FAIL, "the log driver is journald, %s",
                  forwarded ? "which is forwarded, says the configuration"
                            : "and the configuration does not say that it is forwarded (params.journald_forwarded)");
    } else if (check_allowed(in, "drivers", driver)) {
        check_say(in, out, VERDICT_PASS, "the log driver is %s, says the engine", driver);
    } else {
        check_say(in, out, VERDICT_MANUAL, "the log driver is %s: do logs leave the host by it?", driver);
    }
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
        check_say(in, out, VERDICT_PASS, "disable-legacy-registry is set, by %s", place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "engine %s may speak to v1 registries", version->version);
    remedy_option(in, out, "\"disable-legacy-registry\": true");
}

void check_live_restore(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

    if (!info || is_podman(in, out))
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
        remedy_option(in, out, "\"live-restore\": true");
}

void check_daemon_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

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
        remedy_option(in, out, "no \"seccomp-profile\": \"unconfined\"");
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
    if (is_podman(in, out))
        return; /* it always says that they are on */
    if (version->experimental == TRI_TRUE || info->experimental == TRI_TRUE) {
        check_say(in, out, VERDICT_FAIL, "experimental features are on, says the engine");
        remedy_option(in, out, "\"experimental\": false");
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

    if (is_podman(in, out))
        return;
    if (info && info->no_new_privileges) {
        check_say(in, out, VERDICT_PASS, "containers get no new privileges, says the engine");
        return;
    }
    daemon = check_need_option(in, out, "no-new-privileges");
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, "no-new-privileges", false, &place)) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is true, by %s", place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is false, by %s", place_name(daemon, place));
    remedy_option(in, out, "\"no-new-privileges\": true");
}

/* ---- TLS ---- */

/* tcp://…, or an address without a scheme, which is TCP as well. */
static bool is_tcp(const char *host)
{
    return str_starts(host, "tcp://") || (*host && !strstr(host, "://") && host[0] != '/');
}

/* systemd's ListenStream: a port, or an address with one. */
static bool is_tcp_stream(const char *stream)
{
    return stream[0] != '/' && stream[0] != '@' && !str_starts(stream, "vsock:");
}

/* tlsverify turns TLS on whatever its value. */
static bool uses_tls(const struct daemon_facts *daemon)
{
    return daemon_option_bool(daemon, "tls", false, NULL) || !str_empty(daemon_option(daemon, "tlsverify", NULL));
}

static void judge_address(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                          const char *address)
{
    static const char *const files[] = {"tlscacert", "tlscert", "tlskey"};
    bool tls = daemon_option_bool(daemon, "tls", false, NULL);
    scoped_str from = STR_INIT;
    enum option_place place;

    if (!daemon_option_bool(daemon, "tlsverify", false, &place)) {
        check_say(in, out, VERDICT_FAIL, "%s is open to everybody: %s", address,
                  tls ? "tls encrypts, but only tlsverify asks for a client's certificate" : "without TLS");
        return;
    }
    for (size_t i = 0; i < countof(files); i++) {
        enum option_place file_place;
        const char *path = daemon_option(daemon, files[i], &file_place);

        str_printf(&from, "%s%s %s", from.length ? ", " : "", files[i],
                   str_empty(path) ? "at the engine's default path" : path);
    }
    check_say(in, out, VERDICT_PASS, "%s wants client certificates (tlsverify by %s; %s)", address,
              place_name(daemon, place), str_text(&from));
}

/* The port of an address that dockerd or systemd was told; Docker's own where it names none. */
static unsigned port_of(const struct daemon_facts *daemon, const char *address)
{
    const char *host = str_starts(address, "tcp://") ? address + strlen("tcp://") : address;
    const char *bracket = strrchr(host, ']'), *colon = strrchr(bracket ? bracket : host, ':');
    unsigned port = (unsigned)strtoul(colon                                        ? colon + 1
                                      : strspn(host, "0123456789") == strlen(host) ? host
                                                                                   : "",
                                      NULL, 10);

    return port ? port : uses_tls(daemon) ? 2376 : 2375;
}

struct api_addresses {
    const char *items[64];
    size_t count;
    bool has_host; /* one is given, of whatever kind */
};

static void add_address(struct api_addresses *addresses, const char *address)
{
    if (addresses->count < countof(addresses->items))
        addresses->items[addresses->count++] = address;
}

static struct api_addresses told_addresses(const struct daemon_facts *daemon)
{
    struct api_addresses addresses = {.count = 0};

    for (size_t i = 0; i < daemon->option_count; i++) {
        const char *host = daemon->options[i].value;

        if (strcmp(daemon->options[i].name, "host") != 0 || !*host)
            continue;
        addresses.has_host = true;
        if (is_tcp(host))
            add_address(&addresses, host);
    }
    for (size_t i = 0; i < daemon->activated.count; i++)
        if (is_tcp_stream(daemon->activated.items[i]))
            add_address(&addresses, daemon->activated.items[i]);
    return addresses;
}

/* What dockerd listens on though nothing tells it to now: its configuration was changed since it began. Its metrics and
 * the swarm's ports are no API. */
static void judge_listening(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                            const struct api_addresses *told)
{
    const struct listener_facts *listeners = store_listeners(in->store, NULL);
    const struct info_facts *info = store_info(in->store, NULL);
    const char *metrics = daemon_option(daemon, "metrics-addr", NULL);

    if (!listeners || !info || (!str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0))
        return;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener_item *listener = &listeners->items[i];
        bool known = !listener->of_engine || (!str_empty(metrics) && port_of(daemon, metrics) == listener->port);
        scoped_str address = STR_INIT;

        for (size_t k = 0; k < told->count; k++)
            known |= port_of(daemon, told->items[k]) == listener->port;
        if (known)
            continue;
        str_printf(&address, "%s:%u, where dockerd listens,", listener->address, listener->port);
        judge_address(in, out, daemon, address.data);
    }
}

void check_api_tls(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    struct api_addresses told;

    if (is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "host");
    if (!daemon)
        return;
    told = told_addresses(daemon);
    if ((told.count || !told.has_host) && !check_need_option(in, out, "tlsverify"))
        return;
    if (!told.has_host && uses_tls(daemon))
        add_address(&told, "tcp://localhost:2376");
    for (size_t i = 0; i < told.count; i++)
        judge_address(in, out, daemon, told.items[i]);
    judge_listening(in, out, daemon, &told);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_NOT_APPLICABLE, "the API has no TCP address");
    else if (out->verdict == VERDICT_FAIL)
        remedy_option(in, out, "\"tlsverify\": true with \"tlscacert\", \"tlscert\" and \"tlskey\"");
}
