/* A session of RELP over the descriptor of a transport. */
#include "agent/sinks/relp_transport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/sinks/relp.h"
#include "agent/sinks/tls.h"
#include "common/memory.h"

/* A record of TLS is never larger: none of it stays within OpenSSL, where no event would report it. */
enum { READ_BYTES = 16 * 1024, READS_MAX = 4 };

struct relp_connection {
    struct relp relp;
    int fd; /* the transport's, as TLS is; NULL: plain */
    struct tls *tls;
    struct str out; /* frames; up to OUT_SENT they are sent */
    size_t out_sent;
    bool framed; /* the packet that is being written is in OUT */
    bool broken;
};

static ssize_t read_some(struct relp_connection *connection, void *buffer, size_t length, struct error *error)
{
    ssize_t n;

    if (connection->tls)
        return tls_read(connection->tls, buffer, length, error);
    n = recv(connection->fd, buffer, length, MSG_DONTWAIT);
    if (n == 0)
        return error_set(error, ESHUTDOWN, "the receiver has closed the connection");
    return n < 0 ? -errno : n;
}

static ssize_t write_some(struct relp_connection *connection, const void *data, size_t length, struct error *error)
{
    ssize_t n;

    if (connection->tls)
        return tls_write_only(connection->tls, data, length, error);
    n = send(connection->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? -errno : n;
}

/* Takes what the receiver has answered, or as much as is taken at a time: the descriptor stays readable then. */
static int read_answers(struct relp_connection *connection, struct error *error)
{
    char buffer[READ_BYTES];

    for (unsigned i = 0; i < READS_MAX && !connection->broken; i++) {
        ssize_t n = read_some(connection, buffer, sizeof buffer, error);
        int r = n > 0 ? relp_receive(&connection->relp, buffer, (size_t)n, clock_monotonic(), error) : (int)n;

        if (r == -EAGAIN || r == -EINTR)
            return 0;
        connection->broken = r < 0;
        if (r < 0)
            return r;
    }
    return connection->broken ? error_set(error, ECONNRESET, "%s", error_reason(ECONNRESET)) : 0;
}

static int write_frames(struct relp_connection *connection, struct error *error)
{
    while (connection->out_sent < connection->out.length) {
        ssize_t n = write_some(connection, connection->out.data + connection->out_sent,
                               connection->out.length - connection->out_sent, error);

        if (n == -EINTR)
            continue;
        if (n < 0) {
            connection->broken = n != -EAGAIN;
            return (int)n;
        }
        connection->out_sent += (size_t)n;
    }
    str_clear(&connection->out);
    connection->out_sent = 0;
    relp_sent(&connection->relp);
    return 0;
}

static struct relp_connection *connection_of(struct transport *transport)
{
    struct relp_connection *connection = transport->relp;

    if (connection)
        return connection;
    connection = transport->relp = mem_alloc(sizeof *connection);
    connection->fd = transport->fd;
    connection->tls = transport->tls;
    relp_frame_open(&connection->relp, clock_monotonic(), &connection->out);
    return connection;
}

ssize_t transport_write_relp(struct transport *transport, const struct packet *packet, struct error *error)
{
    struct relp_connection *connection = connection_of(transport);
    int r = read_answers(connection, error);

    if (r == 0)
        r = write_frames(connection, error);
    if (r == 0 && !connection->framed) {
        if (!relp_has_room(&connection->relp))
            return -EBUSY;
        relp_frame_syslog(&connection->relp, &packet->bytes, clock_monotonic(), &connection->out);
        connection->framed = true;
        r = write_frames(connection, error);
    }
    if (r < 0)
        return r;
    connection->framed = false;
    transport->written = connection->relp.sent;
    return (ssize_t)packet->bytes.length;
}

int transport_arrived_relp(struct transport *transport, uint64_t *ret, struct error *error)
{
    struct relp_connection *connection = transport->relp;
    int r;

    *ret = 0;
    if (!connection) /* it is being opened */
        return 0;
    r = read_answers(connection, error);
    if (r == 0)
        r = relp_check(&connection->relp, clock_monotonic(), error);
    *ret = connection->relp.acknowledged;
    return r;
}

void relp_connection_end(struct relp_connection *connection)
{
    if (!connection)
        return;
    if (!connection->broken && !connection->out.length && connection->relp.open) {
        relp_frame_close(&connection->relp, clock_monotonic(), &connection->out);
        write_frames(connection, NULL);
    }
    relp_deinit(&connection->relp);
    str_deinit(&connection->out);
    free(connection);
}
