/* An opening under way, from the request for a socket to a descriptor that is connected; its state goes when it has
 * ended. */
#include "agent/sinks/network.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/tls.h"
#include "agent/sinks/transport.h"
#include "common/memory.h"
#include "probes/roles/sockets.h"

enum { HANDSHAKE_SECONDS = 20 };

struct opening {
    struct transport *transport;
    struct socket_request *request; /* NULL: it has been answered */
    struct event *waits;            /* the handshake waits for the descriptor */
    bool encrypted;
};

void opening_cancel(struct opening *opening)
{
    if (!opening)
        return;
    socket_cancel(opening->request);
    if (opening->waits)
        event_free(opening->waits);
    free(opening);
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
    if (opening->waits)
        event_free(opening->waits);
    opening->waits = event_new(transport->base, transport->fd, events, on_handshake, opening);
    event_add(opening->waits, &patience);
}

/* The descriptor is connected. */
static void begin_handshake(struct opening *opening)
{
    struct transport *transport = opening->transport;
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    struct error error = ERROR_INIT;
    int r = sink_split_address(transport->address, &host, &port, &error);

    if (r == 0)
        r = tls_context_update(&transport->tls_context, transport->tls_settings, &error);
    if (r == 0)
        r = tls_new(transport->tls_context, transport->tls_settings->name ? transport->tls_settings->name : host,
                    transport->fd, &transport->tls, &error);
    if (r < 0)
        report(opening, -r, error.text);
    else
        shake_hands(opening);
}

static void on_socket(int fd, int number, const char *why, void *user)
{
    struct opening *opening = user;

    opening->request = NULL;
    opening->transport->fd = fd;
    if (fd >= 0 && opening->encrypted)
        begin_handshake(opening);
    else
        report(opening, number, why);
}

static int begin(struct transport *transport, int type, bool encrypted, struct error *error)
{
    struct opening *opening = mem_alloc(sizeof *opening);

    transport->opening = opening;
    opening->transport = transport;
    opening->encrypted = encrypted;
    opening->request = socket_ask(&(struct socket_options){.base = transport->base,
                                                           .helper = *transport->network,
                                                           .task = NETWORK_CONNECT,
                                                           .address = transport->url,
                                                           .type = type,
                                                           .done = on_socket,
                                                           .user = opening},
                                  error);
    return opening->request ? -EINPROGRESS : -EHOSTUNREACH;
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
    n = send(transport->fd, packet->bytes.data + packet->sent, packet->bytes.length - packet->sent,
             MSG_NOSIGNAL | MSG_DONTWAIT);
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
