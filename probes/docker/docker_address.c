/* Where the engine is, as the docker client reads DOCKER_HOST and its TLS companions.
 *
 * Pure text work: nothing is opened or resolved here. An address is refused when it could mean something else to curl
 * than to the reader: user names, paths, odd characters. Unix paths are bounded by what a socket address can hold. */
#include "probes/docker/http.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "common/memory.h"

static const char default_path[] = "/var/run/docker.sock";

void docker_address_deinit(struct docker_address *address)
{
    free(address->unix_path);
    free(address->base_url);
    free(address->host_text);
    free(address->ca);
    free(address->cert);
    free(address->key);
    *address = (struct docker_address){0};
}

static bool is_printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static int parse_unix(const char *path, struct docker_address *address, struct error *error)
{
    if (str_empty(path))
        path = default_path;
    if (path[0] != '/')
        return error_set(error, EINVAL, "the path of a unix:// address must be absolute: \"%s\"", path);
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return error_set(error, EINVAL, "the path of the unix:// address is too long for a socket");
    if (!is_printable(path))
        return error_set(error, EINVAL, "the path of the unix:// address contains control characters");
    address->unix_path = mem_strdup(path);
    address->base_url = mem_strdup("http://localhost");
    return 0;
}

static size_t host_length(const char *s)
{
    if (*s == '[') {
        size_t inside = strspn(s + 1, "0123456789abcdefABCDEF:.");

        return inside && s[1 + inside] == ']' ? inside + 2 : 0;
    }
    return strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
}

/* REST: "host", "host:port", with one '/' at the end allowed. DEFAULT_PORT 0: the scheme's own. */
static int parse_network(const char *rest, const char *scheme, unsigned default_port, struct docker_address *address,
                         struct error *error)
{
    size_t length = host_length(rest);
    const char *end = rest + length;
    unsigned port = default_port;

    if (!length || length > 255)
        return error_set(error, EINVAL, "no valid host name in the engine's address \"%.300s\"", address->host_text);
    if (*end == ':') {
        size_t digits = strspn(end + 1, "0123456789");

        port = digits && digits <= 5 ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
        if (!port || port > UINT16_MAX)
            return error_set(error, EINVAL, "no valid port in the engine's address \"%.300s\"", address->host_text);
        end += 1 + digits;
    }
    if (*end && strcmp(end, "/") != 0)
        return error_set(error, EINVAL, "the engine's address \"%.300s\" must be host and port only",
                         address->host_text);
    address->base_url = port ? mem_printf("%s://%.*s:%u", scheme, (int)length, rest, port)
                             : mem_printf("%s://%.*s", scheme, (int)length, rest);
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

int docker_address_parse(const char *host, const char *cert_path, bool tls_verify, const char *ca, const char *cert,
                         const char *key, struct docker_address *ret, struct error *error)
{
    struct docker_address address = {0};
    bool tls;
    int r;

    if (str_empty(host))
        host = "unix:///var/run/docker.sock";
    address.host_text = mem_strdup(host);
    address.ca = tls_file(ca, cert_path, "ca.pem");
    address.cert = tls_file(cert, cert_path, "cert.pem");
    address.key = tls_file(key, cert_path, "key.pem");
    address.tls_verify = tls_verify;
    tls = tls_verify || address.ca || address.cert || address.key;
    if (str_starts(host, "unix://")) {
        r = parse_unix(host + strlen("unix://"), &address, error);
    } else if (str_starts(host, "tcp://")) {
        r = parse_network(host + strlen("tcp://"), tls ? "https" : "http", tls ? 2376 : 2375, &address, error);
    } else if (str_starts(host, "http://")) {
        r = parse_network(host + strlen("http://"), "http", 0, &address, error);
    } else if (str_starts(host, "https://")) {
        address.tls_verify = true;
        r = parse_network(host + strlen("https://"), "https", 0, &address, error);
    } else if (str_starts(host, "fd://")) {
        r = error_set(error, EINVAL, "fd:// is how dockerd is given its socket; name the socket itself: unix://%s",
                      default_path);
    } else {
        r = error_set(error, EINVAL,
                      "the engine's address \"%.300s\" must begin with unix://, tcp://, http:// or "
                      "https://",
                      host);
    }
    if (r < 0) {
        docker_address_deinit(&address);
        return r;
    }
    *ret = address;
    return 0;
}
