/* 2.6: TLS on the API, for each TCP address that dockerd is configured with, or listens on regardless. */
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"
#include "common/vec.h"

enum { API_PORT = 2375, API_TLS_PORT = 2376 };

typedef VEC(const char *) address_vec;

/* tcp://…, or an address without a scheme, which is TCP as well. */
static bool is_tcp(const char *host)
{
    return strncasecmp(host, "tcp://", strlen("tcp://")) == 0 || (*host && !strstr(host, "://") && host[0] != '/');
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

/* A TLS file, also one that is not named. */
static void append_file(const struct daemon_facts *daemon, const char *option, struct str *ret)
{
    static const struct {
        const char *option, *file;
    } files[] = {{"tlscacert", "ca.pem"}, {"tlscert", "cert.pem"}, {"tlskey", "key.pem"}};
    const char *path = daemon_option(daemon, option, NULL);

    str_printf(ret, "%s%s ", ret->length ? ", " : "", option);
    if (!str_empty(path)) {
        str_append(ret, path);
        return;
    }
    for (size_t i = 0; i < countof(files); i++)
        if (strcmp(files[i].option, option) == 0)
            message_add(ret, "%s/%s by default", daemon->tls_folder ? daemon->tls_folder : "~/.docker", files[i].file);
}

static void judge_address(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                          const char *address)
{
    static const char *const files[] = {"tlscacert", "tlscert", "tlskey"};
    scoped_str from = STR_INIT, source = STR_INIT;
    enum option_place place;

    if (!daemon_option_bool(daemon, "tlsverify", false, &place)) {
        check_say(in, out, VERDICT_FAIL, "%s is open to anyone: %s", address,
                  uses_tls(daemon) ? M_("TLS encrypts, but only tlsverify requires a client certificate")
                                   : M_("no TLS"));
        return;
    }
    for (size_t i = 0; i < countof(files); i++)
        append_file(daemon, files[i], &from);
    daemon_source(daemon, "tlsverify", place, &source);
    check_say(in, out, VERDICT_PASS, "%s requires client certificates (tlsverify: %s; %s)", address, str_text(&source),
              str_text(&from));
}

/* The port of an address that dockerd or systemd is configured with; Docker's own if it names none. */
static unsigned port_of(const struct daemon_facts *daemon, const char *address)
{
    const char *scheme = strstr(address, "://"), *host = scheme ? scheme + strlen("://") : address;
    const char *bracket = strrchr(host, ']'), *colon = strrchr(bracket ? bracket : host, ':');
    unsigned port = (unsigned)strtoul(colon                                        ? colon + 1
                                      : strspn(host, "0123456789") == strlen(host) ? host
                                                                                   : "",
                                      NULL, 10);

    return port ? port : uses_tls(daemon) ? API_TLS_PORT : API_PORT;
}

/* The TCP addresses from dockerd's options and from systemd; an empty host does not count. RET_HOST: there is a host
 * option that is not empty. */
static void find_configured(const struct daemon_facts *daemon, address_vec *ret, bool *ret_host)
{
    *ret_host = false;
    for (size_t i = 0; i < daemon->option_count; i++) {
        const char *host = daemon->options[i].value;

        if (strcmp(daemon->options[i].name, "host") != 0)
            continue;
        *ret_host |= *host != '\0';
        if (is_tcp(host))
            vec_push(ret, host);
    }
    for (size_t i = 0; i < daemon->activated.count; i++)
        if (is_tcp_stream(daemon->activated.items[i]))
            vec_push(ret, daemon->activated.items[i]);
}

/* With TLS an empty host means this one; older engines treat each of them so, newer ones only if there is no other. */
static bool has_default_address(const struct daemon_facts *daemon, bool has_host)
{
    bool empty = !has_host;

    for (size_t i = 0; i < daemon->option_count; i++)
        empty |= strcmp(daemon->options[i].name, "host") == 0 && !*daemon->options[i].value;
    return empty && uses_tls(daemon);
}

/* ---- What it listens on ---- */

static bool is_published(const struct store *store, unsigned port)
{
    const struct facts *facts;
    const char *id;
    size_t at = 0;

    while (store_next(store, INPUT_CONTAINER, &at, &id, &facts)) {
        const struct container_facts *container = (const struct container_facts *)facts;

        for (size_t i = 0; container->running && i < container->port_count; i++)
            if (container->ports[i].host_port > 0 && (unsigned)container->ports[i].host_port == port)
                return true;
    }
    return false;
}

/* Its metrics and diagnostics are no API, nor is a container's port that it holds so that nobody else takes it. */
static bool is_known(const struct check_input *in, const struct daemon_facts *daemon, const address_vec *configured,
                     unsigned port)
{
    const char *metrics = daemon_option(daemon, "metrics-addr", NULL);
    const char *diagnostics = daemon_option(daemon, "network-diagnostic-port", NULL);

    for (size_t i = 0; i < configured->count; i++)
        if (port_of(daemon, configured->items[i]) == port)
            return true;
    return (!str_empty(metrics) && port_of(daemon, metrics) == port) ||
           (!str_empty(diagnostics) && strtoul(diagnostics, NULL, 10) == port) || is_published(in->store, port);
}

/* A swarm has its own ports, and without its proxy dockerd holds those of all containers: then only the API's usual
 * ports can be attributed to it. */
static bool holds_others(const struct check_input *in, const struct daemon_facts *daemon)
{
    const struct info_facts *info = store_info(in->store, NULL);

    return !info || (!str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0) ||
           !daemon_option_bool(daemon, "userland-proxy", true, NULL);
}

static void judge_listeners(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                            const struct listener_facts *listeners, const address_vec *configured)
{
    bool only_usual = holds_others(in, daemon);

    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener_item *listener = &listeners->items[i];
        bool usual = listener->port == API_PORT || listener->port == API_TLS_PORT;
        scoped_str address = STR_INIT;

        if (!listener->of_engine || (only_usual && !usual) || is_known(in, daemon, configured, listener->port))
            continue;
        if (!check_need_option(in, out, "tlsverify"))
            return;
        message_add(&address, "%s:%u, where dockerd listens,", listener->address, listener->port);
        judge_address(in, out, daemon, address.data);
    }
}

/* What dockerd listens on although it is no longer configured: its configuration was changed since it started. That is
 * impossible if the hosts are among its arguments, as it refuses to start with both. */
static void judge_listening(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                            const address_vec *configured)
{
    const char *why;
    const struct listener_facts *listeners = store_listeners(in->store, &why);
    enum option_place place;

    daemon_option(daemon, "host", &place);
    if (listeners)
        judge_listeners(in, out, daemon, listeners, configured);
    if (out->verdict == VERDICT_FAIL || (listeners && (!listeners->own_error || place == OPTION_CMDLINE)))
        return;
    check_error(in, out, M_("dockerd's listening sockets"), listeners ? listeners->own_error : why);
}

/* Without a host, tls alone decides whether there is a TCP address. */
static bool tls_is_known(const struct check_input *in, struct check_result *out, bool has_tcp, bool has_host)
{
    const struct daemon_facts *daemon = has_tcp || !has_host ? check_need_option(in, out, "tlsverify") : NULL;

    if (!daemon)
        return !has_tcp && has_host;
    return has_host || !str_empty(daemon_option(daemon, "tlsverify", NULL)) || check_need_option(in, out, "tls");
}

/* Are all hosts given in the arguments, and none of them TCP? Then TLS is for nothing. */
static bool has_only_paths(const struct daemon_facts *daemon)
{
    bool any = false;

    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "host") == 0) {
            if (daemon->options[i].place != OPTION_CMDLINE || is_tcp(daemon->options[i].value) ||
                !*daemon->options[i].value)
                return false;
            any = true;
        }
    for (size_t i = 0; i < daemon->activated.count; i++)
        if (is_tcp_stream(daemon->activated.items[i]))
            return false;
    return any;
}

/* ---- What the engine warns of ---- */

/* Addresses that the engine itself reports as open, which is the last word on them; those that were named already are
 * not named twice. */
static void judge_warnings(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                           const struct info_facts *info, const address_vec *judged)
{
    for (size_t i = 0; info && i < info->open_addresses.count; i++) {
        const char *address = info->open_addresses.items[i];
        bool encrypted = str_starts(address, "https://"), known = false;

        for (size_t k = 0; !known && daemon && k < judged->count; k++)
            known = port_of(daemon, judged->items[k]) == port_of(daemon, address);
        if (!known)
            check_say(in, out, VERDICT_FAIL, "%s is open to anyone: %s (reported by the engine)",
                      strstr(address, "://") + strlen("://"),
                      encrypted ? M_("TLS encrypts, but only tlsverify requires a client certificate") : M_("no TLS"));
    }
}

/* The file was changed since: of what dockerd listens on by itself only the sockets are known. */
static void judge_changed(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon)
{
    const char *why;
    const struct listener_facts *listeners = store_listeners(in->store, &why);
    const address_vec none = {0};
    bool only_usual = holds_others(in, daemon), any = false;

    judge_warnings(in, out, daemon, store_info(in->store, NULL), &none);
    if (out->verdict == VERDICT_FAIL)
        return;
    if (!listeners || listeners->own_error) {
        check_error(in, out, M_("dockerd's listening sockets"), listeners ? listeners->own_error : why);
        return;
    }
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener_item *listener = &listeners->items[i];
        bool usual = listener->port == API_PORT || listener->port == API_TLS_PORT;

        any |= listener->of_engine && (usual || !only_usual) && !is_published(in->store, listener->port);
    }
    if (any)
        daemon_say_changed(in, out, daemon, "tlsverify");
    else
        check_say(in, out, VERDICT_NOT_APPLICABLE, "dockerd listens on no TCP address");
}

/* ---- podman ---- */

static void judge_podman(const struct check_input *in, struct check_result *out)
{
    static const char verifies[] = " --tls-client-ca";
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);

    if (!daemon) {
        check_error(in, out, M_("daemon"), why);
        return;
    }
    for (size_t i = 0; i < daemon->podman_services.count; i++) {
        const char *address = daemon->podman_services.items[i];
        bool verified = str_ends(address, verifies);

        check_say(in, out, verified ? VERDICT_PASS : VERDICT_FAIL,
                  verified ? "podman system service %s requires client certificates"
                           : "podman serves its API on %s, open to anyone who can reach it",
                  address);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_NOT_APPLICABLE, "podman serves its API on no TCP address of this host");
    else if (out->verdict == VERDICT_FAIL)
        check_remedy_note(in, out,
                          "serve the API on a Unix socket (podman system service, podman.socket), and reach it from "
                          "other hosts with ssh://");
}

/* ---- The rule ---- */

static void remedy(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon)
{
    enum option_place place;
    bool activated = false;
    scoped_str what = STR_INIT, where = STR_INIT;

    daemon_option(daemon, "host", &place);
    for (size_t i = 0; i < daemon->activated.count; i++)
        activated |= is_tcp_stream(daemon->activated.items[i]);
    if (activated) {
        str_append(&where, M_("docker.socket (ListenStream= in systemctl edit --full docker.socket)"));
    } else if (place == OPTION_CMDLINE) {
        scoped_str arguments = STR_INIT;

        daemon_arguments_place(in, &arguments);
        message_add(&where, "dockerd's arguments (%s)", arguments.data);
    } else {
        str_append(&where, "\"hosts\"");
    }
    message_add(&what,
                "set \"tlsverify\": true, \"tlscacert\", \"tlscert\" and \"tlskey\" (paths of your own CA's files), or "
                "remove the TCP address from %s",
                where.data);
    daemon_remedy_words(in, out, str_text(&what), DAEMON_RESTART);
}

static void judge_dockerd(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                          address_vec *configured)
{
    enum option_place host_place, tls_place;
    bool has_host;

    daemon_option(daemon, "host", &host_place);
    daemon_option(daemon, "tlsverify", &tls_place);
    if (daemon->config_age == CONFIG_NEWER && !(host_place == OPTION_CMDLINE && tls_place == OPTION_CMDLINE) &&
        !has_only_paths(daemon)) {
        judge_changed(in, out, daemon);
        return;
    }
    if (!check_need_option(in, out, "host"))
        return;
    find_configured(daemon, configured, &has_host);
    if (!tls_is_known(in, out, configured->count > 0, has_host))
        return;
    if (has_default_address(daemon, has_host))
        vec_push(configured, "tcp://localhost:2376");
    for (size_t i = 0; i < configured->count; i++)
        judge_address(in, out, daemon, configured->items[i]);
    judge_listening(in, out, daemon, configured);
    judge_warnings(in, out, daemon, store_info(in->store, NULL), configured);
}

void check_api_tls(const struct check_input *in, struct check_result *out)
{
    const char *why, *why_info;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);
    const struct info_facts *info = store_info(in->store, &why_info);
    address_vec configured = {0};
    bool podman;

    if (!daemon_know_engine(in, out, &podman))
        return;
    if (podman) {
        judge_podman(in, out);
        return;
    }
    if (daemon)
        judge_dockerd(in, out, daemon, &configured);
    else
        check_error(in, out, M_("daemon"), why);
    if (!info && out->verdict != VERDICT_FAIL)
        check_error(in, out, M_("info"), why_info);
    if (daemon && daemon->activated_error && out->verdict != VERDICT_FAIL)
        check_error(in, out, "docker.socket", daemon->activated_error);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_NOT_APPLICABLE, "the API has no TCP address");
    else if (out->verdict == VERDICT_FAIL && daemon)
        remedy(in, out, daemon);
    vec_free(&configured);
}
