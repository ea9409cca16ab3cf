/* 2.12: do the logs of containers leave this host? */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"
#include "common/secrets/secrets.h"

/* The last one counts, as in dockerd. */
static const char *log_option(const struct daemon_facts *daemon, const char *name, enum option_place *ret_place)
{
    size_t length = strlen(name);
    const char *found = NULL;

    *ret_place = OPTION_DEFAULT;
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "log-opt") == 0 && strncmp(daemon->options[i].value, name, length) == 0 &&
            daemon->options[i].value[length] == '=') {
            *ret_place = daemon->options[i].place;
            found = daemon->options[i].value + length + 1;
        }
    return found;
}

/* Every spelling of an address that means the host itself: 127.1, 0, ::1, 0:0::1, ::ffff:127.0.0.1. */
static bool is_own_address(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_aton(host, &v4))
        return v4.s_addr == INADDR_ANY || (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) ||
           (IN6_IS_ADDR_V4MAPPED(&v6) &&
            (v6.s6_addr[12] == 127 || !(v6.s6_addr[12] | v6.s6_addr[13] | v6.s6_addr[14] | v6.s6_addr[15])));
}

/* Is HOST an address of one of this host's interfaces? */
static bool is_interface(const struct daemon_facts *daemon, const char *host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    int family = strchr(host, ':') ? AF_INET6 : AF_INET;

    if (inet_pton(family, host, &address) != 1)
        return false;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address))
        inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof text);
    else
        inet_ntop(family, &address, text, sizeof text);
    for (size_t i = 0; i < daemon->own_addresses.count; i++)
        if (strcmp(daemon->own_addresses.items[i], text) == 0)
            return true;
    return false;
}

static bool ends_in(const char *s, const char *end)
{
    size_t length = strlen(s), end_length = strlen(end);

    return length >= end_length && strcasecmp(s + length - end_length, end) == 0;
}

/* The host's name, or that with a domain. */
static bool is_own_name(const char *host, const char *own)
{
    size_t length = own ? strlen(own) : 0;

    return length && strncasecmp(own, host, length) == 0 && (!host[length] || host[length] == '.');
}

/* OWN_NAME: the host's, as the engine reports it; may be NULL. */
static bool is_this_host(char *host, const char *own_name)
{
    static const char *const names[] = {"", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"};
    size_t length = strlen(host);

    host[strcspn(host, "%")] = '\0'; /* an address's zone */
    if (length && host[length - 1] == '.')
        host[length - 1] = '\0';
    for (size_t i = 0; i < countof(names); i++)
        if (strcasecmp(names[i], host) == 0)
            return true;
    return ends_in(host, ".localhost") || is_own_name(host, own_name) || is_own_address(host);
}

/* The host of an address: udp://host:port, tcp://[::1]:601, tcp+tls://…; without a scheme host:port. NULL: it is a Unix
 * socket. The caller frees. */
static char *host_of(const char *address)
{
    const char *at = strstr(address, "://"), *user;
    scoped(cleanup_free) char *authority = NULL;

    if (strncasecmp(address, "unix", strlen("unix")) == 0 || *address == '/')
        return NULL;
    at = at ? at + strlen("://") : address;
    authority = mem_strndup(at, strcspn(at, "/?#"));
    user = strrchr(authority, '@');
    at = user ? user + 1 : authority;
    return *at == '[' ? mem_strndup(at + 1, strcspn(at + 1, "]")) : mem_strndup(at, strcspn(at, ":"));
}

/* Does ADDRESS leave this host? NULL or empty is the driver's own default, on this host. */
static bool is_remote(const char *address, const struct info_facts *info, const struct daemon_facts *daemon)
{
    scoped(cleanup_free) char *host = str_empty(address) ? NULL : host_of(address);

    return host && !is_this_host(host, info->name) && !is_interface(daemon, host);
}

/* Drivers whose receiver is given by an option, and what they use without it; NULL: one on another host, or one that is
 * given for each container. */
static const struct receiver {
    const char *driver, *option, *otherwise;
    bool needs_scheme; /* without one it is not taken for a host */
} receivers[] = {
    {"syslog", "syslog-address", M_("the local socket"), true},
    {"gelf", "gelf-address", M_("no address"), true},
    {"fluentd", "fluentd-address", "localhost:24224", false},
    {"splunk", "splunk-url", NULL, true},
    {"awslogs", "awslogs-endpoint", NULL, true},
};

static const struct receiver *find_receiver(const char *driver)
{
    for (size_t i = 0; i < countof(receivers); i++)
        if (strcmp(receivers[i].driver, driver) == 0)
            return &receivers[i];
    if (strstr(driver, "loki")) {
        static const struct receiver loki = {"loki", "loki-url", NULL, true};

        return &loki;
    }
    return NULL;
}

static void judge_receiver(const struct check_input *in, struct check_result *out, const struct info_facts *info,
                           const struct receiver *receiver)
{
    const struct daemon_facts *daemon = check_need_option(in, out, "log-opt");
    scoped_str source = STR_INIT, shown = STR_INIT;
    enum option_place place;
    const char *address;
    bool remote;

    if (!daemon)
        return;
    address = log_option(daemon, receiver->option, &place);
    if (str_empty(address) && !receiver->otherwise) {
        check_say(in, out, VERDICT_PASS, "the log driver is %s (reported by the engine)", info->logging_driver);
        return;
    }
    daemon_source(daemon, "log-opt", place, &source);
    remote = is_remote(address, info, daemon) && (!receiver->needs_scheme || strstr(address, "://"));
    if (!str_empty(address))
        secret_redact(&shown, address, strlen(address), false);
    else
        str_append(&shown, receiver->otherwise ? receiver->otherwise : M_("no address"));
    check_say(in, out, remote ? VERDICT_PASS : VERDICT_MANUAL, "the log driver is %s, sending to %s (%s)%s",
              info->logging_driver, str_text(&shown), str_text(&source),
              remote ? "" : M_(": does that forward to another host?"));
}

static void judge_journald(const struct check_input *in, struct check_result *out, const char *source)
{
    bool forwarded = check_param(in, "journald_forwarded")->number;

    check_say(in, out, forwarded ? VERDICT_PASS : VERDICT_FAIL, "the log driver is journald%s, %s", source,
              forwarded ? M_("which is forwarded according to params.journald_forwarded")
                        : M_("and params.journald_forwarded does not declare that it is forwarded"));
}

/* podman has journald, k8s-file (json-file is another name of it), none and passthrough. */
static void judge_podman(const struct check_input *in, struct check_result *out)
{
    static const char key[] = "containers.log_driver";
    const struct daemon_facts *daemon = daemon_need_podman(in, out, key);
    scoped_str source = STR_INIT;
    enum option_place place;
    const char *driver;

    if (!daemon)
        return;
    driver = daemon_option(daemon, key, &place);
    if (str_empty(driver)) {
        check_say(in, out, VERDICT_MANUAL,
                  "containers.conf sets no log_driver, and podman's default depends on how it was built: podman info "
                  "--format '{{.Host.LogDriver}}' shows it; does journald forward to another host?");
        return;
    }
    daemon_source(daemon, key, place, &source);
    if (strcmp(driver, "journald") == 0) {
        scoped_str where = STR_INIT;

        str_printf(&where, " (%s)", str_text(&source));
        judge_journald(in, out, str_text(&where));
    } else {
        check_say(in, out, VERDICT_FAIL, "the log driver is %s (%s): logs do not leave the host", driver,
                  str_text(&source));
    }
    if (out->verdict == VERDICT_FAIL)
        daemon_remedy_podman(in, out,
                             M_("set log_driver = \"journald\" (existing containers keep theirs until they are "
                                "recreated), forward the journal, and declare that in params.journald_forwarded"));
}

static void remedy_driver(const struct check_input *in, struct check_result *out)
{
    daemon_remedy_words(in, out,
                        M_("set \"log-driver\" and its \"log-opts\" to a receiver on another host (existing containers "
                           "keep theirs until they are recreated)"),
                        DAEMON_RESTART);
}

static void judge_driver(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    static const char *const local[] = {"json-file", "local", "none"};
    const char *driver = info->logging_driver;
    const struct receiver *receiver = find_receiver(driver);

    if (receiver) {
        judge_receiver(in, out, info, receiver);
        return;
    }
    for (size_t i = 0; i < countof(local); i++)
        if (strcmp(driver, local[i]) == 0) {
            check_say(in, out, VERDICT_FAIL,
                      "the log driver is %s (reported by the engine): logs do not leave the host", driver);
            remedy_driver(in, out);
            return;
        }
    if (strcmp(driver, "journald") == 0)
        judge_journald(in, out, "");
    else if (check_allowed(in, "drivers", driver))
        check_say(in, out, VERDICT_PASS, "the log driver is %s (reported by the engine)", driver);
    else
        check_say(in, out, VERDICT_MANUAL, "the log driver is %s: does it send logs to another host?", driver);
    if (out->verdict == VERDICT_FAIL)
        remedy_driver(in, out);
}

void check_central_logging(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info;
    bool podman;

    if (!daemon_know_engine(in, out, &podman))
        return;
    if (podman) {
        judge_podman(in, out);
        return;
    }
    info = daemon_need_info(in, out);
    if (!info)
        return;
    if (str_empty(info->logging_driver)) {
        check_error(in, out, M_("info"), M_("the engine does not report its log driver"));
        return;
    }
    check_fact_string(in, out, "driver", info->logging_driver);
    judge_driver(in, out, info);
}
