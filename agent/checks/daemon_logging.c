/* 2.12: do the logs of containers leave this host? */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"

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

static bool ends_in(const char *s, const char *end)
{
    size_t length = strlen(s), end_length = strlen(end);

    return length >= end_length && strcasecmp(s + length - end_length, end) == 0;
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
    return ends_in(host, ".localhost") || (own_name && strcasecmp(own_name, host) == 0) || is_own_address(host);
}

/* udp://host:port, tcp://[::1]:601, tcp+tls://… leave this host unless they lead back to it; unix:// does not. */
static bool is_remote_syslog(const char *address, const char *own_name)
{
    const char *at = address ? strstr(address, "://") : NULL, *user;
    scoped(cleanup_free) char *authority = NULL, *host = NULL;

    if (!at || strncasecmp(address, "unix", strlen("unix")) == 0)
        return false;
    at += strlen("://");
    authority = mem_strndup(at, strcspn(at, "/?#"));
    user = strrchr(authority, '@');
    at = user ? user + 1 : authority;
    host = *at == '[' ? mem_strndup(at + 1, strcspn(at + 1, "]")) : mem_strndup(at, strcspn(at, ":"));
    return !is_this_host(host, own_name);
}

static void judge_syslog(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    const struct daemon_facts *daemon = check_need_option(in, out, "log-opt");
    enum option_place place;
    const char *address;
    bool remote;

    if (!daemon)
        return;
    address = log_option(daemon, "syslog-address", &place);
    remote = is_remote_syslog(address, info->name);
    check_say(in, out, remote ? VERDICT_PASS : VERDICT_MANUAL, "the log driver is syslog, sending to %s (%s)%s",
              str_empty(address) ? "the local socket" : address, daemon_place_name(daemon, place),
              remote ? "" : ": does that forward to another host?");
}

void check_central_logging(const struct check_input *in, struct check_result *out)
{
    static const char *const local[] = {"json-file", "local", "none"};
    const struct info_facts *info = daemon_need_info(in, out);
    const char *driver = info ? info->logging_driver : NULL;

    if (!info || (str_empty(driver) && daemon_is_podman(in, out)))
        return;
    if (str_empty(driver)) {
        check_error(in, out, "info", "the engine does not report its log driver");
        return;
    }
    check_fact_string(in, out, "driver", driver);
    if (strcmp(driver, "syslog") == 0) {
        judge_syslog(in, out, info);
        return;
    }
    for (size_t i = 0; i < countof(local); i++)
        if (strcmp(driver, local[i]) == 0) {
            check_say(in, out, VERDICT_FAIL,
                      "the log driver is %s (reported by the engine): logs do not leave the host", driver);
            daemon_remedy_option(in, out, "\"log-driver\"");
            return;
        }
    if (strcmp(driver, "journald") == 0) {
        bool forwarded = check_param(in, "journald_forwarded")->number;

        check_say(in, out, forwarded ? VERDICT_PASS : VERDICT_FAIL, "the log driver is journald, %s",
                  forwarded ? "which is forwarded according to params.journald_forwarded"
                            : "and params.journald_forwarded does not declare that it is forwarded");
    } else if (check_allowed(in, "drivers", driver)) {
        check_say(in, out, VERDICT_PASS, "the log driver is %s (reported by the engine)", driver);
    } else {
        check_say(in, out, VERDICT_MANUAL, "the log driver is %s: does it send logs to another host?", driver);
    }
}
