/* An opening under way, from a name to a descriptor that is connected; its state goes when it has ended. */
#include "agent/sinks/network.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/resolve.h"
#include "agent/sinks/tls.h"
#include "agent/sinks/transport.h"
#include "common/memory.h"

/* SYN is sent again after 1, 2 and 4 s: an address without an answer takes 15 s, not two minutes (tcp(7)). What the
 * kernel has taken of a stream is lost with the connection: it takes this much, not up to 4 MiB. */
enum { SYN_RETRIES = 3, SEND_BUFFER = 64 * 1024, HANDSHAKE_SECONDS = 20 };

struct opening {
    struct transport *transport;
    int type; /* SOCK_DGRAM, SOCK_STREAM */
    struct resolution *resolution;
    struct address_list addresses;
    size_t tried;            /* of the addresses */
    struct event *connected; /* the descriptor is being connected, or the handshake waits for it */
    bool encrypted;
    char *host;
};

void opening_cancel(struct opening *opening)
{
    if (!opening)
        return;
    resolve_cancel(opening->resolution);
    if (opening->connected)
        event_free(opening->connected);
    free(opening->host);
    free(opening);
}

static void on_connected(evutil_socket_t fd, short what, void *user);

/* 0, -EINPROGRESS, another negative errno. */
static int connect_to(struct opening *opening, const union address *address)
{
    struct transport *transport = opening->transport;
    int retries = SYN_RETRIES, buffer = SEND_BUFFER;

    transport->fd = socket(address->any.sa_family, opening->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (transport->fd < 0)
        return -errno;
    if (opening->type == SOCK_STREAM) {
        setsockopt(transport->fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
        setsockopt(transport->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (connect(transport->fd, &address->any, address_length(address)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    opening->connected = event_new(transport->base, transport->fd, EV_WRITE, on_connected, opening);
    event_add(opening->connected, NULL);
    return -EINPROGRESS;
}

static void report(struct opening *opening, int number, const char *why)
{
    struct transport *transport = opening->transport;

    opening_cancel(take(transport->opening));
    transport->opened(number, why, transport->user);
}

static void shake_hands(struct opening *opening);

static void on_handshake(evutil_socket_t fd, short what, void *user)
{
    struct opening *opening = user;

    (void)fd;
    if (what & EV_TIMEOUT)
        report(opening, ETIMEDOUT, "TLS handshake: the peer does not answer");
    else
        shake_hands(opening);
}

static void shake_hands(struct opening *opening)
{
    static const struct timeval patience = {.tv_sec = HANDSHAKE_SECONDS};
    struct transport *transport = opening->transport;
    struct error error = ERROR_INIT;
    short events = 0;
    int r = tls_handshake(transport->tls, &events, &error);

    if (r != -EAGAIN) {
        report(opening, -r, error.text);
        return;
    }
    if (opening->connected)
        event_free(opening->connected);
    opening->connected = event_new(transport->base, transport->fd, events, on_handshake, opening);
    event_add(opening->connected, &patience);
}

/* The descriptor is connected. */
static void begin_handshake(struct opening *opening)
{
    struct transport *transport = opening->transport;
    struct error error = ERROR_INIT;
    const char *name = transport->tls_settings->name;
    int r = tls_context_update(&transport->tls_context, transport->tls_settings, &error);

    if (r == 0)
        r = tls_new(transport->tls_context, name ? name : opening->host, transport->fd, &transport->tls, &error);
    if (r < 0)
        report(opening, -r, error.text);
    else
        shake_hands(opening);
}

static void close_descriptor(struct opening *opening)
{
    if (opening->connected)
        event_free(take(opening->connected));
    if (opening->transport->fd >= 0)
        close(opening->transport->fd);
    opening->transport->fd = -1;
}

/* NUMBER: why the address before was of no use. As connect_to(). */
static int connect_to_next(struct opening *opening, int number)
{
    int r = -number;

    while (r < 0 && r != -EINPROGRESS && opening->tried < opening->addresses.count) {
        close_descriptor(opening);
        r = connect_to(opening, &opening->addresses.items[opening->tried++]);
    }
    return r;
}

/* R: of connect_to_next(). */
static void report_connection(struct opening *opening, int r)
{
    if (r == 0 && opening->encrypted)
        begin_handshake(opening);
    else if (r != -EINPROGRESS)
        report(opening, -r, strerror(-r));
}

static void on_connected(evutil_socket_t fd, short what, void *user)
{
    struct opening *opening = user;
    int number = 0, r = 0;
    socklen_t length = sizeof number;

    (void)what;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0)
        number = errno;
    if (number)
        r = connect_to_next(opening, number);
    report_connection(opening, r);
}

static void on_resolved(const struct address_list *list, const char *why, void *user)
{
    struct opening *opening = user;
    int r;

    opening->resolution = NULL;
    if (!list) {
        report(opening, EHOSTUNREACH, why);
        return;
    }
    opening->addresses = *list;
    r = connect_to_next(opening, EHOSTUNREACH);
    report_connection(opening, r);
}

static void on_begun(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    begin_handshake(user);
}

static int begin(struct transport *transport, int type, bool encrypted, struct error *error)
{
    struct opening *opening = mem_alloc(sizeof *opening);
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    int r;

    transport->opening = opening;
    opening->transport = transport;
    opening->type = type;
    opening->encrypted = encrypted;
    r = sink_split_address(transport->address, &host, &port, error);
    if (r < 0)
        return r;
    opening->host = mem_strdup(host);
    if (!resolve_numeric(host, port, &opening->addresses)) {
        opening->resolution = resolve_start(transport->workers, host, port, on_resolved, opening, error);
        return opening->resolution ? -EINPROGRESS : -EHOSTUNREACH;
    }
    r = connect_to_next(opening, EHOSTUNREACH);
    if (r == 0 && encrypted) { /* connected at once, but OPENED is called from the loop */
        opening->connected = evtimer_new(transport->base, on_begun, opening);
        event_active(opening->connected, EV_TIMEOUT, 1);
        return -EINPROGRESS;
    }
    if (r == 0)
        opening_cancel(take(transport->opening));
    return r < 0 && r != -EINPROGRESS ? error_set(error, -r, "%s", strerror(-r)) : r;
}

int transport_open_udp(struct transport *transport, struct error *error)
{
    return begin(transport, SOCK_DGRAM, false, error);
}

int transport_open_tcp(struct transport *transport, struct error *error)
{
    return begin(transport, SOCK_STREAM, false, error);
}

int transport_open_tls(struct transport *transport, struct error *error)
{
    return begin(transport, SOCK_STREAM, true, error);
}

/* 0, or the reason why nothing can be sent any more. The kernel would still accept what a receiver that has closed the
 * connection never gets. What receivers send is ignored. */
static int check_peer(int fd, struct error *error)
{
    char buffer[4096];
    ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

    if (n == 0)
        return error_set(error, ESHUTDOWN, "the receiver has closed the connection");
    return n > 0 || errno == EAGAIN ? 0 : -errno;
}

ssize_t transport_write_stream(struct transport *transport, const struct packet *packet, struct error *error)
{
    int r = check_peer(transport->fd, error);
    ssize_t n;

    if (r < 0)
        return r;
    n = send(transport->fd, packet->bytes.data + packet->sent, packet->bytes.length - packet->sent, MSG_NOSIGNAL);
    if (n < 0)
        return -errno;
    transport->written += (uint64_t)n;
    return n;
}

ssize_t transport_write_tls(struct transport *transport, const struct packet *packet, struct error *error)
{
    ssize_t n =
        tls_write(transport->tls, packet->bytes.data + packet->sent, packet->bytes.length - packet->sent, error);

    transport->written = tls_written(transport->tls);
    return n;
}

static uint64_t acknowledged(const struct transport *transport)
{
    int left = 0;

    if (transport->fd < 0 || ioctl(transport->fd, SIOCOUTQ, &left) < 0 || left < 0)
        return 0;
    return (uint64_t)left < transport->written ? transport->written - (uint64_t)left : 0;
}

/* A receiver that stops reading leaves unread what its window lets through, and a window grows while its buffer is
 * filled, up to about twice of what it was when that was empty. */
static void look_at_window(struct transport *transport)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    if (transport->fd < 0 || getsockopt(transport->fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        return;
    if (2 * (uint64_t)info.tcpi_snd_wnd > transport->unread_max)
        transport->unread_max = 2 * (uint64_t)info.tcpi_snd_wnd;
}

int transport_arrived_stream(struct transport *transport, uint64_t *ret, struct error *error)
{
    int r = check_peer(transport->fd, error);

    look_at_window(transport);
    *ret = acknowledged(transport);
    return r;
}

int transport_arrived_tls(struct transport *transport, uint64_t *ret, struct error *error)
{
    bool accepted = false;
    int r = transport->tls ? tls_check(transport->tls, &accepted, error) : 0;

    look_at_window(transport);
    *ret = accepted ? acknowledged(transport) : 0;
    return r;
}
