/* Section 2, what the engine itself reports in /info, /version and its networks. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"
#include "probes/daemon/seccomp_profile.h"

/* As daemon_need_info(), and the engine reports its security options. */
static const struct info_facts *need_security_options(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info || info->has_security_options)
        return info;
    check_error(in, out, M_("info"), M_("the engine does not report its security options"));
    return NULL;
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
        check_error(in, out, M_("networks"), why);
        return;
    }
    network = default_bridge(networks);
    if (!network) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "there is no default bridge");
        return;
    }
    check_fact_string(in, out, "enable_icc", network->icc);
    if (str_equal(network->icc, "false")) {
        check_say(in, out, VERDICT_PASS, "network %s: enable_icc is false (reported by the engine)", network->name);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "network %s: enable_icc is %s (reported by the engine)", network->name,
              !network->icc   ? M_("not set, so containers can reach each other")
              : *network->icc ? network->icc
                              : M_("empty, so containers can reach each other"));
    daemon_remedy_set(in, out, &(struct daemon_setting){"icc", "icc", "false"}, 1, DAEMON_RESTART);
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
    return ntohl(v4.s_addr) >> 24 == 127 && strtoul(bits, NULL, 10) >= 8;
}

/* From 29.10 on a list that is given, even an empty one, takes loopback out unless it is in the list itself. */
static void say_loopback(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    if (info->insecure_cidrs.count)
        check_say(
            in, out, VERDICT_PASS,
            "every registry outside this host is accessed securely (reported by the engine); on loopback ones need "
            "not be");
    else
        check_say(in, out, VERDICT_PASS,
                  "every registry is accessed securely, those on this host too (reported by the engine)");
}

static bool is_not_https(const char *mirror)
{
    return strncasecmp(mirror, "https://", strlen("https://")) != 0;
}

static void judge_mirrors(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    for (size_t i = 0; i < info->mirrors.count; i++)
        if (is_not_https(info->mirrors.items[i]))
            check_say(in, out, VERDICT_FAIL, "registry mirror %s is used without TLS (reported by the engine)",
                      info->mirrors.items[i]);
}

static bool takes_loopback_out(const struct info_facts *info)
{
    return info->server_version && check_is_version(info->server_version) &&
           check_version_compare(info->server_version, "29.10") >= 0;
}

static bool is_not_loopback(const char *registry)
{
    return !is_loopback(registry);
}

/* A reload ignores a list that is gone from the file, while it takes an empty one. */
static void remedy_registries(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    static const struct daemon_list lists[] = {{"insecure-registries", "insecure-registry", is_not_loopback},
                                               {"registry-mirrors", "registry-mirror", is_not_https}};

    if (takes_loopback_out(info))
        daemon_remedy_lists(
            in, out, lists, countof(lists), DAEMON_RELOAD,
            M_("remove the insecure entries of \"insecure-registries\" and the http:// entries of \"registry-mirrors\" "
               "(leave a list: a reload ignores a missing key; a list without 127.0.0.0/8 and ::1/128, even an empty "
               "one, also refuses plain HTTP to registries on this host)"),
            M_("registries removed here can be used again with a certificate that this host trusts; a list without "
               "127.0.0.0/8 and ::1/128, even an empty one, also refuses plain HTTP to registries on this host"));
    else
        daemon_remedy_lists(in, out, lists, countof(lists), DAEMON_RELOAD,
                            M_("remove the insecure entries of \"insecure-registries\" and the http:// entries of "
                               "\"registry-mirrors\" (leave an empty list: a reload ignores a missing key)"),
                            M_("registries removed here can be used again with a certificate that this host trusts"));
}

void check_insecure_registries(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);
    bool podman = false, known = daemon_know_engine(in, out, &podman);

    if (known && podman) {
        if (info)
            check_say(in, out, VERDICT_MANUAL,
                      "podman's API does not report registry settings: is \"insecure = true\" set in "
                      "/etc/containers/registries.conf or registries.conf.d?");
        return;
    }
    if (info && !info->has_registry_config)
        check_error(in, out, M_("info"), M_("the engine does not report its registry settings"));
    if (!info || !known || !info->has_registry_config)
        return;
    for (size_t i = 0; i < info->insecure_cidrs.count; i++)
        if (!is_loopback(info->insecure_cidrs.items[i]))
            check_say(in, out, VERDICT_FAIL, "insecure registry network %s (reported by the engine)",
                      info->insecure_cidrs.items[i]);
    for (size_t i = 0; i < info->insecure_indexes.count; i++)
        check_say(in, out, VERDICT_FAIL, "insecure registry %s (reported by the engine)",
                  info->insecure_indexes.items[i]);
    judge_mirrors(in, out, info);
    if (out->verdict == VERDICT_NONE)
        say_loopback(in, out, info);
    else
        remedy_registries(in, out, info);
}

/* The engine's storage driver is not among "forbidden". */
void check_storage_driver(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);
    const struct string_list *forbidden = &check_param(in, "forbidden")->list;

    if (!info)
        return;
    if (str_empty(info->driver)) {
        check_error(in, out, M_("info"), M_("the engine does not report its storage driver"));
        return;
    }
    for (size_t i = 0; i < forbidden->count; i++)
        if (strcmp(forbidden->items[i], info->driver) == 0) {
            check_say(in, out, VERDICT_FAIL, "the storage driver is %s (reported by the engine)", info->driver);
            daemon_remedy_words(in, out,
                                M_("set \"storage-driver\": \"overlay2\" (images and containers of the present driver "
                                   "are no longer seen: save what you need first)"),
                                DAEMON_RESTART);
            return;
        }
    check_say(in, out, VERDICT_PASS, "the storage driver is %s (reported by the engine)", info->driver);
}

/* "features" name the containerd image store, which excludes userns-remap: in dockerd's configuration, or with what it
 * runs. */
static bool sets_containerd_store(const struct check_input *in)
{
    static const char name[] = "containerd-snapshotter=";
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);

    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "feature") == 0 && str_starts(daemon->options[i].value, name))
            return true;
    return false;
}

/* No command: the engine has no images, containers and volumes after it until it is changed back. */
static void remedy_userns(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    scoped_str what = STR_INIT;

    if (info->live_restore == TRI_TRUE)
        str_append(&what,
                   M_("first stop all containers, which live restore would keep running where nobody sees them; "));
    if (sets_containerd_store(in))
        str_append(&what,
                   M_("remove \"containerd-snapshotter\" from \"features\", as dockerd does not start with both, "
                      "and "));
    str_append(&what,
               M_("set \"userns-remap\": \"default\" (present images, containers and volumes are no longer seen: "
                  "they stay in the old directories)"));
    daemon_remedy_words(in, out, str_text(&what), DAEMON_RESTART);
}

void check_userns_remap(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);

    if (!info)
        return;
    if (info->userns || info->rootless) {
        check_say(in, out, VERDICT_PASS, "%s",
                  info->rootless ? M_("the engine runs rootless (reported by the engine)")
                                 : M_("user namespaces are in use (reported by the engine)"));
        return;
    }
    check_say(in, out, VERDICT_FAIL,
              "root in a container is root on the host: user namespaces are not in use (reported by the engine)");
    remedy_userns(in, out, info);
}

void check_rootless(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);

    if (info)
        check_say(in, out, info->rootless ? VERDICT_PASS : VERDICT_FAIL,
                  "the engine runs as %s (reported by the engine)",
                  info->rootless ? M_("an unprivileged user") : M_("root"));
}

/* CVE-2026-34040; the list of releases (rule engine-version) knows of no older branch with the fix. */
static bool can_bypass_plugins(const struct info_facts *info)
{
    return info->server_version && check_is_version(info->server_version) &&
           check_version_compare(info->server_version, "29.3.1") < 0;
}

static bool is_configured(const struct daemon_facts *daemon, const char *plugin)
{
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "authorization-plugin") == 0 &&
            strcmp(daemon->options[i].value, plugin) == 0)
            return true;
    return false;
}

/* A reload takes a plugin out of use, and the engine reports it until it is restarted. */
static void judge_plugin(const struct check_input *in, struct check_result *out, const char *plugin)
{
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);

    if (!daemon)
        check_say(
            in, out, VERDICT_MANUAL,
            "authorization plugin %s is reported by the engine; whether dockerd is still configured with it is not "
            "known: %s",
            plugin, why);
    else if (!daemon->config_error && !is_configured(daemon, plugin))
        check_say(in, out, VERDICT_MANUAL,
                  "authorization plugin %s is reported by the engine, but dockerd is no longer configured with it: was "
                  "that reloaded? It is then out of use",
                  plugin);
    else
        check_say(in, out, VERDICT_PASS, "authorization plugin %s is active (reported by the engine)", plugin);
}

void check_client_authorization(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_plugins) {
        check_error(in, out, M_("info"), M_("the engine does not report its plugins"));
        return;
    }
    check_fact_list(in, out, "plugins", &info->authorization_plugins);
    for (size_t i = 0; i < info->authorization_plugins.count; i++)
        if (*info->authorization_plugins.items[i])
            judge_plugin(in, out, info->authorization_plugins.items[i]);
    if (out->verdict == VERDICT_PASS && can_bypass_plugins(info))
        check_say(in, out, VERDICT_PASS,
                  "engine %s lets a request with a large body past it (CVE-2026-34040, mended in "
                  "29.3.1)",
                  info->server_version);
    if (out->verdict != VERDICT_NONE)
        return;
    check_say(
        in, out, VERDICT_FAIL,
        "no authorization plugin is active (reported by the engine): anyone who can reach the API can do anything");
    daemon_remedy_words(
        in, out, M_("set \"authorization-plugins\": [\"PLUGIN\"] once that plugin is installed and has a policy"),
        DAEMON_RESTART);
}

void check_legacy_registry(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;
    bool disabled;

    if (!version) {
        check_error(in, out, M_("version"), why);
        return;
    }
    if (version->is_podman) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has never supported the v1 protocol");
        return;
    }
    if (!check_is_version(version->version)) {
        check_error(in, out, M_("version"), M_("the engine's version is not a version number"));
        return;
    }
    if (check_version_compare(version->version, "17.12") >= 0) {
        check_say(in, out, VERDICT_PASS, "engine %s does not support v1 registries", version->version);
        return;
    }
    daemon = check_need_option(in, out, "disable-legacy-registry");
    if (!daemon)
        return;
    disabled = check_version_compare(version->version, "17.06") >= 0; /* by default */
    if (daemon_option_bool(daemon, "disable-legacy-registry", disabled, &place)) {
        daemon_source(daemon, "disable-legacy-registry", place, &source);
        check_say(in, out, VERDICT_PASS, "disable-legacy-registry is true (%s)", str_text(&source));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "engine %s can still use v1 registries", version->version);
    daemon_remedy_set(in, out, &(struct daemon_setting){"disable-legacy-registry", "disable-legacy-registry", "true"},
                      1, DAEMON_RESTART);
}

void check_live_restore(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info || daemon_is_podman(in, out))
        return;
    if (!str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "the engine is in a swarm, which does not support live restore");
        return;
    }
    if (info->live_restore == TRI_ABSENT) {
        check_error(in, out, M_("info"), M_("the engine does not report live restore"));
        return;
    }
    check_say(in, out, info->live_restore == TRI_TRUE ? VERDICT_PASS : VERDICT_FAIL,
              "live restore is %s (reported by the engine)", info->live_restore == TRI_TRUE ? M_("on") : M_("off"));
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_set(in, out, &(struct daemon_setting){"live-restore", "live-restore", "true"}, 1, DAEMON_RELOAD);
}

static const struct daemon_setting no_profile = {"seccomp-profile", "seccomp-profile", "\"\""};

static void judge_contents(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                           const char *profile)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    struct seccomp_target target = {.podman = version ? version->is_podman : daemon->podman};

    if (!version && seccomp_profile_asks_host(&daemon->seccomp)) {
        check_error(in, out, M_("version"), why);
        return;
    }
    if (version) {
        target.arch = version->arch;
        target.kernel = version->kernel;
    }
    if (daemon->seccomp.choice == SECCOMP_UNREADABLE)
        check_error(in, out, profile, daemon->seccomp_error);
    else if (seccomp_profile_resolve(&daemon->seccomp, &target, NULL) == SECCOMP_ALLOWS_ALL)
        check_say(in, out, VERDICT_FAIL, "the seccomp profile %s allows every system call", profile);
    else
        check_say(in, out, VERDICT_PASS, "the seccomp profile is %s, which denies system calls", profile);
}

/* The engine's own profile: the file as it is now, unless that was changed after dockerd read it. */
static void judge_profile(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                          const char *profile)
{
    if (!str_equal(daemon->seccomp_path, profile))
        check_error(in, out, "seccomp-profile", M_("the engine reports a file that its configuration does not name"));
    else if (daemon->started && daemon->seccomp_changed > daemon->started + USEC_PER_SEC)
        check_say(
            in, out, VERDICT_MANUAL,
            "the seccomp profile %s was changed after dockerd (process %d) had read it; both times: stat -c %%z %s; "
            "ps -o lstart= -p %d",
            profile, (int)daemon->pid, profile, (int)daemon->pid);
    else
        judge_contents(in, out, daemon, profile);
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_set(in, out, &no_profile, 1, DAEMON_RESTART);
}

/* podman reads its profile for each container, and older ones report none. */
static void judge_podman_profile(const struct check_input *in, struct check_result *out,
                                 const struct daemon_facts *daemon)
{
    if (strcmp(daemon->seccomp_path, "unconfined") == 0)
        check_say(in, out, VERDICT_FAIL, "the seccomp profile is unconfined in containers.conf");
    else
        judge_contents(in, out, daemon, daemon->seccomp_path);
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_podman(in, out, M_("remove seccomp_profile, or name one that denies system calls"));
}

static bool names_file(const char *profile)
{
    static const char *const words[] = {"default", "builtin", "unconfined"};

    for (size_t i = 0; i < countof(words); i++)
        if (strcmp(words[i], profile) == 0)
            return false;
    return true;
}

void check_daemon_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);
    const struct daemon_facts *daemon;
    const char *profile, *why;
    bool podman;

    if (!info)
        return;
    if (!info->seccomp) {
        check_say(in, out, VERDICT_FAIL, "seccomp is not in use (reported by the engine)");
        return;
    }
    if (!daemon_know_engine(in, out, &podman))
        return;
    profile = info->seccomp_profile ? info->seccomp_profile : "default";
    daemon = store_daemon(in->store, &why);
    if (podman && daemon && daemon->seccomp_path) {
        judge_podman_profile(in, out, daemon);
    } else if (podman && !daemon) {
        check_error(in, out, M_("daemon"), why);
    } else if (!names_file(profile)) {
        check_say(in, out, strcmp(profile, "unconfined") == 0 ? VERDICT_FAIL : VERDICT_PASS,
                  "the seccomp profile is %s (reported by the engine)", profile);
        if (out->verdict == VERDICT_FAIL)
            daemon_remedy_set(in, out, &no_profile, 1, DAEMON_RESTART);
    } else if (daemon) {
        judge_profile(in, out, daemon, profile);
    } else {
        check_error(in, out, M_("daemon"), why);
    }
}

void check_experimental(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const struct info_facts *info = store_info(in->store, version ? &why : NULL);

    if (!version || !info) {
        check_error(in, out, version ? M_("info") : M_("version"), why);
        return;
    }
    if (daemon_is_podman(in, out))
        return; /* it always reports them as on */
    if (version->experimental == TRI_TRUE || info->experimental == TRI_TRUE) {
        check_say(in, out, VERDICT_FAIL, "experimental features are on (reported by the engine)");
        daemon_remedy_set(in, out, &(struct daemon_setting){"experimental", "experimental", "false"}, 1,
                          DAEMON_RESTART);
    } else if (version->experimental == TRI_ABSENT && info->experimental == TRI_ABSENT) {
        check_error(in, out, M_("version"), M_("the engine does not report whether experimental features are on"));
    } else {
        check_say(in, out, VERDICT_PASS, "experimental features are off (reported by the engine)");
    }
}
