/* Section 2, what the engine itself reports in /info, /version and its networks. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/checks/daemon.h"

/* As daemon_need_info(), and the engine reports its security options. */
static const struct info_facts *need_security_options(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info || info->has_security_options)
        return info;
    check_error(in, out, "info", "the engine does not report its security options");
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
        check_say(in, out, VERDICT_PASS, "network %s: enable_icc is false (reported by the engine)", network->name);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "network %s: enable_icc is %s (reported by the engine)", network->name,
              network->icc ? network->icc : "not set, so containers can reach each other");
    daemon_remedy_option(in, out, "\"icc\": false");
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
                  "podman's API does not report registry settings: is \"insecure = true\" set in "
                  "/etc/containers/registries.conf or registries.conf.d?");
        return;
    }
    if (!info->has_registry_config) {
        check_error(in, out, "info", "the engine does not report its registry settings");
        return;
    }
    for (size_t i = 0; i < info->insecure_cidrs.count; i++)
        if (!is_loopback(info->insecure_cidrs.items[i]))
            check_say(in, out, VERDICT_FAIL, "insecure registry network %s (reported by the engine)",
                      info->insecure_cidrs.items[i]);
    for (size_t i = 0; i < info->insecure_indexes.count; i++)
        check_say(in, out, VERDICT_FAIL, "insecure registry %s (reported by the engine)",
                  info->insecure_indexes.items[i]);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  "every registry outside this host is accessed securely (reported by the engine)");
    else
        daemon_remedy_option(in, out, "\"insecure-registries\": []");
}

/* The engine's storage driver is not among "forbidden". */
void check_storage_driver(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);
    const struct string_list *forbidden = &check_param(in, "forbidden")->list;

    if (!info)
        return;
    if (str_empty(info->driver)) {
        check_error(in, out, "info", "the engine does not report its storage driver");
        return;
    }
    for (size_t i = 0; i < forbidden->count; i++)
        if (strcmp(forbidden->items[i], info->driver) == 0) {
            check_say(in, out, VERDICT_FAIL, "the storage driver is %s (reported by the engine)", info->driver);
            daemon_remedy_option(in, out, "\"storage-driver\": \"overlay2\"");
            return;
        }
    check_say(in, out, VERDICT_PASS, "the storage driver is %s (reported by the engine)", info->driver);
}

void check_userns_remap(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);

    if (!info)
        return;
    if (info->userns || info->rootless) {
        check_say(in, out, VERDICT_PASS, "%s",
                  info->rootless ? "the engine runs rootless (reported by the engine)"
                                 : "user namespaces are in use (reported by the engine)");
        return;
    }
    check_say(in, out, VERDICT_FAIL,
              "root in a container is root on the host: user namespaces are not in use (reported by the engine)");
    daemon_remedy_option(in, out, "\"userns-remap\": \"default\"");
}

void check_rootless(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);

    if (info)
        check_say(in, out, info->rootless ? VERDICT_PASS : VERDICT_FAIL,
                  "the engine runs as %s (reported by the engine)", info->rootless ? "an unprivileged user" : "root");
}

void check_client_authorization(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = daemon_need_info(in, out);

    if (!info)
        return;
    if (!info->has_plugins) {
        check_error(in, out, "info", "the engine does not report its plugins");
        return;
    }
    check_fact_list(in, out, "plugins", &info->authorization_plugins);
    for (size_t i = 0; i < info->authorization_plugins.count; i++)
        if (*info->authorization_plugins.items[i])
            check_say(in, out, VERDICT_PASS, "authorization plugin %s is active (reported by the engine)",
                      info->authorization_plugins.items[i]);
    if (out->verdict == VERDICT_PASS)
        return;
    check_say(
        in, out, VERDICT_FAIL,
        "no authorization plugin is active (reported by the engine): anyone who can reach the API can do anything");
    daemon_remedy_option(in, out, "\"authorization-plugins\"");
}

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
        check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has never supported the v1 protocol");
        return;
    }
    if (!check_is_version(version->version)) {
        check_error(in, out, "version", "the engine's version is not a version number");
        return;
    }
    if (check_version_compare(version->version, "17.12") >= 0) {
        check_say(in, out, VERDICT_PASS, "engine %s does not support v1 registries", version->version);
        return;
    }
    daemon = check_need_option(in, out, "disable-legacy-registry");
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, "disable-legacy-registry", false, &place)) {
        check_say(in, out, VERDICT_PASS, "disable-legacy-registry is set (%s)", daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "engine %s can still use v1 registries", version->version);
    daemon_remedy_option(in, out, "\"disable-legacy-registry\": true");
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
        check_error(in, out, "info", "the engine does not report live restore");
        return;
    }
    check_say(in, out, info->live_restore == TRI_TRUE ? VERDICT_PASS : VERDICT_FAIL,
              "live restore is %s (reported by the engine)", info->live_restore == TRI_TRUE ? "on" : "off");
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_option(in, out, "\"live-restore\": true");
}

void check_daemon_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_security_options(in, out);

    if (!info)
        return;
    if (!info->seccomp) {
        check_say(in, out, VERDICT_FAIL, "seccomp is not in use (reported by the engine)");
        return;
    }
    check_say(in, out, str_equal(info->seccomp_profile, "unconfined") ? VERDICT_FAIL : VERDICT_PASS,
              "the seccomp profile is %s (reported by the engine)",
              info->seccomp_profile ? info->seccomp_profile : "default");
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
        return; /* it always reports them as on */
    if (version->experimental == TRI_TRUE || info->experimental == TRI_TRUE) {
        check_say(in, out, VERDICT_FAIL, "experimental features are on (reported by the engine)");
        daemon_remedy_option(in, out, "\"experimental\": false");
    } else if (version->experimental == TRI_ABSENT && info->experimental == TRI_ABSENT) {
        check_error(in, out, "version", "the engine does not report whether experimental features are on");
    } else {
        check_say(in, out, VERDICT_PASS, "experimental features are off (reported by the engine)");
    }
}
