/* Where the engine is, as the docker client reads DOCKER_HOST and its TLS companions.
 *
 * Pure text work: nothing is opened or resolved here. An address is refused when it could mean something else to curl
 * than to the reader: user names, odd characters, schemes of other systems. What the client does and this does not:
 * relative socket paths (a daemon has no directory of its own) and ssh:// (it would have to start ssh). */
#include "probes/docker/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "common/memory.h"
#include "common/text.h"

enum { HOST_LENGTH_MAX = 1024, SHOWN_MAX = 160 };

static const char default_path[] = "/var/run/docker.sock";

void docker_address_deinit(struct docker_address *address)
{
    free(address->unix_path);
    free(address->base_url);
    free(address->host_text);
    free(address->ca);
    free(address->cert);
    free(address->key);
    free(address->broker);
    *address = (struct docker_address){0};
}

void docker_address_copy(struct docker_address *to, const struct docker_address *from)
{
    *to = (struct docker_address){
        .unix_path = mem_strdup(from->unix_path),
        .base_url = mem_strdup(from->base_url),
        .host_text = mem_strdup(from->host_text),
        .ca = mem_strdup(from->ca),
        .cert = mem_strdup(from->cert),
        .key = mem_strdup(from->key),
        .tls_verify = from->tls_verify,
        .broker = mem_strdup(from->broker),
    };
}

static int refuse(const struct docker_address *address, struct error *error, const char *why)
{
    return error_set(error, EINVAL, "the engine's address \"%.*s\" %s", (int)SHOWN_MAX, address->host_text, why);
}

static int parse_unix(const char *path, struct docker_address *address, struct error *error)
{
    if (str_empty(path))
        path = default_path;
    if (path[0] != '/')
        return refuse(address, error, "must have an absolute path: unix:///run/docker.sock");
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return refuse(address, error, "has a path too long for a socket");
    address->unix_path = mem_strdup(path);
    address->base_url = mem_strdup("http://localhost");
    return 0;
}

/* What is inside the brackets of "[fe80::1%25eth0]": an address, and a zone. 0: there is no address. */
static size_t length_inside_brackets(const char *s)
{
    size_t digits = strspn(s, "0123456789abcdefABCDEF:."), zone = 0;
    scoped(cleanup_free) char *text = mem_strndup(s, digits);
    struct in6_addr ignored;

    if (inet_pton(AF_INET6, text, &ignored) != 1)
        return 0;
    if (str_starts(s + digits, "%25")) {
        zone = strspn(s + digits + 3, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
        return zone && zone < IF_NAMESIZE ? digits + 3 + zone : 0;
    }
    return digits;
}

static size_t host_length(const char *s)
{
    if (*s == '[') {
        size_t inside = length_inside_brackets(s + 1);

        return inside && s[1 + inside] == ']' ? inside + 2 : 0;
    }
    return strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
}

/* An IPv6 address without brackets, and so without a port. */
static bool is_bare_ipv6(const char *s)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET6, s, &ignored) == 1;
}

/* PATH: "" or what precedes every path of the API where a proxy serves more than one engine. */
static bool is_plain_path(const char *path)
{
    return !*path ||
           (*path == '/' && !strstr(path, "/.") &&
            path[strspn(path, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_~/")] == '\0');
}

/* REST: "host", ":port", "host:port", "[ipv6]:port", "", each with a path or not. DEFAULT_PORT 0: the scheme's own. */
static int parse_network(const char *rest, const char *scheme, unsigned default_port, struct docker_address *address,
                         struct error *error)
{
    size_t length = host_length(rest), path_length;
    const char *host = rest, *end = rest + length;
    unsigned port = default_port;
    scoped_str url = STR_INIT;

    if (is_bare_ipv6(rest)) {
        length = strlen(rest);
        end = rest + length;
    } else if (!length && (!*rest || *rest == ':')) {
        host = "localhost";
        length = strlen(host);
    }
    if (!length || length > 255)
        return refuse(address, error, "has no valid host name");
    if (*end == ':' && end[1]) {
        size_t digits = strspn(end + 1, "0123456789");

        port = digits && digits <= 5 ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
        if (!port || port > UINT16_MAX)
            return refuse(address, error, "has no valid port");
        end += 1 + digits;
    } else if (*end == ':') {
        end++;
    }
    if (!is_plain_path(end))
        return refuse(address, error, "must be host and port, or host, port and a plain path");
    str_printf(&url, is_bare_ipv6(rest) ? "%s://[%.*s]" : "%s://%.*s", scheme, (int)length, host);
    if (port)
        str_printf(&url, ":%u", port);
    for (path_length = strlen(end); path_length && end[path_length - 1] == '/';)
        path_length--;
    str_append_n(&url, end, path_length);
    address->base_url = str_steal(&url);
    return 0;
}

bool docker_address_is_here(const struct docker_address *address)
{
    const char *host = address->base_url ? strstr(address->base_url, "://") : NULL;
    size_t length;

    if (address->unix_path || !host)
        return true;
    host += strlen("://");
    length = host_length(host);
    if (str_starts(host, "127.")) /* in numbers: a name may begin so too */
        return strspn(host, "0123456789.") == length;
    return (length == strlen("localhost") && strncasecmp(host, "localhost", length) == 0) ||
           (length == strlen("[::1]") && strncmp(host, "[::1]", length) == 0);
}

static char *tls_file(const char *single, const char *folder, const char *name)
{
    if (!str_empty(single))
        return mem_strdup(single);
    return str_empty(folder) ? NULL : mem_printf("%s/%s", folder, name);
}

/* Of a scheme that is the docker client's, but nothing that can be connected to from here. */
static const char *why_not_scheme(const char *host)
{
    static const struct {
        const char *scheme, *why;
    } schemes[] = {
        {"ssh://",
         "cannot be used: the agent starts no ssh. Run the agent on that host, where it sees the host's files; "
         "or, for its containers and images alone, forward the socket (ssh -nNT -L "
         "/run/engine.sock:/var/run/docker.sock USER@HOST) and name unix:///run/engine.sock"},
        {"npipe://", "cannot be used: named pipes are of Windows. A socket is unix:///var/run/docker.sock"},
        {"fd://", "cannot be used: fd:// is how dockerd is given its socket. Name the socket itself: "
                  "unix:///var/run/docker.sock"},
    };

    for (size_t i = 0; i < countof(schemes); i++)
        if (str_starts(host, schemes[i].scheme))
            return schemes[i].why;
    return NULL;
}

static int parse_host(const char *host, bool tls, struct docker_address *address, struct error *error)
{
    const char *rest = strstr(host, "://"), *why = why_not_scheme(host);

    if (why)
        return refuse(address, error, why);
    if (!rest && (str_starts(host, "unix:") || str_starts(host, "http:") || str_starts(host, "https:")))
        return refuse(address, error, "lacks two slashes after its scheme: unix:///run/docker.sock, tcp://host:port");
    if (*host == '/' || str_starts(host, "./") || str_starts(host, "../"))
        return parse_unix(host, address, error);
    if (!rest)
        return parse_network(host, tls ? "https" : "http", tls ? 2376 : 2375, address, error);
    rest += strlen("://");
    if (str_starts(host, "unix://"))
        return parse_unix(rest, address, error);
    if (str_starts(host, "tcp://"))
        return parse_network(rest, tls ? "https" : "http", tls ? 2376 : 2375, address, error);
    if (str_starts(host, "http://"))
        return parse_network(rest, "http", 0, address, error);
    if (str_starts(host, "https://"))
        return parse_network(rest, "https", 0, address, error);
    return refuse(address, error, "must begin with unix://, tcp://, http:// or https://, or be host:port");
}

static char *without_blanks(const char *host)
{
    static const char blanks[] = " \t\r\n\v\f";
    size_t length;

    host += strspn(host, blanks);
    for (length = strlen(host); length && strchr(blanks, host[length - 1]);)
        length--;
    return mem_printf("%.*s", (int)length, host);
}

static bool is_printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

int docker_address_parse(const char *host, const char *cert_path, enum docker_tls tls, const char *ca, const char *cert,
                         const char *key, struct docker_address *ret, struct error *error)
{
    struct docker_address address = {0};
    scoped(cleanup_free) char *plain = NULL;
    scoped_str shown = STR_INIT;
    bool encrypted;
    int r;

    if (!str_empty(host) && strlen(host) > HOST_LENGTH_MAX)
        return error_set(error, EINVAL, "the engine's address is longer than %d characters", (int)HOST_LENGTH_MAX);
    plain = without_blanks(str_empty(host) ? "" : host);
    if (!*plain) {
        free(plain);
        plain = mem_printf("unix://%s", default_path);
    }
    text_escape(&shown, plain, strlen(plain), 0);
    address.host_text = str_steal(&shown);
    address.ca = tls_file(ca, cert_path, "ca.pem");
    address.cert = tls_file(cert, cert_path, "cert.pem");
    address.key = tls_file(key, cert_path, "key.pem");
    address.tls_verify = tls == DOCKER_TLS_VERIFIED || str_starts(plain, "https://");
    encrypted = tls != DOCKER_TLS_BY_FILES || address.ca || address.cert || address.key;
    r = is_printable(plain) ? parse_host(plain, encrypted, &address, error)
                            : refuse(&address, error, "contains control characters");
    if (r < 0) {
        docker_address_deinit(&address);
        return r;
    }
    *ret = address;
    return 0;
}
