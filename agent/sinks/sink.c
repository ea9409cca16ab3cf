/* Sinks: a queue and a transport each.
 *
 * A sink is closed (no descriptor), connecting (TCP), open, or waiting for its back-off. Nothing blocks: descriptors
 * are non-blocking, host names are resolved by evdns, and what cannot be written now is written when the descriptor is
 * writable or after the back-off (50 ms to 5 s). A record leaves the queue when the kernel has taken it. */
#include "agent/sinks/sink.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/sinks/queue.h"
#include "common/log.h"
#include "common/memory.h"

enum { BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 5000 };

static const char journal_socket[] = "/run/systemd/journal/socket";

enum transport { TRANSPORT_UNIX, TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_FILE };

/* What a resolution under way holds on to: the sink may be freed before its answer comes. */
struct resolution {
    struct sink *sink; /* NULL: gone */
};

struct sink {
    struct event_base *base;
    struct sink_config config;
    enum transport transport;
    char *address, *host, *port; /* host and port: UDP and TCP */
    int fd;
    bool connecting;
    struct evdns_base *dns;
    struct resolution *resolving;
    struct event *writable, *retry;
    unsigned backoff_ms;
    struct record_queue queue;
    size_t written; /* of the first record: TCP may take a part */
    uint64_t sent;
    char *last_error;
    char hostname[256];
};

static void flush(struct sink *sink);

static void close_transport(struct sink *sink)
{
    if (sink->writable)
        event_free(take(sink->writable));
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
    sink->connecting = false;
    sink->written = 0;
}

static void back_off(struct sink *sink, int number)
{
    struct timeval wait = {.tv_sec = sink->backoff_ms / 1000, .tv_usec = (suseconds_t)(sink->backoff_ms % 1000) * 1000};
    scoped(cleanup_free) char *text = mem_printf("%s: %s", sink->address, strerror(number));

    if (!str_equal(text, sink->last_error)) {
        free(sink->last_error);
        sink->last_error = take(text);
    }
    sink->backoff_ms = 2 * sink->backoff_ms < BACKOFF_LAST_MS ? 2 * sink->backoff_ms : BACKOFF_LAST_MS;
    evtimer_add(sink->retry, &wait);
}

static void fail(struct sink *sink, int number)
{
    close_transport(sink);
    back_off(sink, number);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    flush(user);
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    struct sink *sink = user;
    int number = 0;
    socklen_t length = sizeof number;

    (void)what;
    if (sink->connecting) {
        sink->connecting = false;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 || number) {
            fail(sink, number ? number : errno);
            return;
        }
    }
    flush(sink);
}

static void wait_until_writable(struct sink *sink)
{
    if (!sink->writable)
        sink->writable = event_new(sink->base, sink->fd, EV_WRITE, on_writable, sink);
    event_add(sink->writable, NULL);
}

static int open_unix(struct sink *sink)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(sink->address) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, sink->address, strlen(sink->address));
    sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->fd < 0 || connect(sink->fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return 0;
}

static int connect_to(struct sink *sink, const struct evutil_addrinfo *info)
{
    int type = sink->transport == TRANSPORT_TCP ? SOCK_STREAM : SOCK_DGRAM;

    sink->fd = socket(info->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->fd < 0)
        return -errno;
    if (connect(sink->fd, info->ai_addr, info->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    sink->connecting = true;
    wait_until_writable(sink);
    return -EINPROGRESS;
}

static void on_resolved(int result, struct evutil_addrinfo *info, void *user)
{
    struct resolution *resolution = user;
    struct sink *sink = resolution->sink;
    int r;

    free(resolution);
    if (!sink) {
        if (info)
            evutil_freeaddrinfo(info);
        return;
    }
    sink->resolving = NULL;
    r = result || !info ? -EHOSTUNREACH : connect_to(sink, info);
    if (info)
        evutil_freeaddrinfo(info);
    if (r == 0)
        flush(sink);
    else if (r != -EINPROGRESS)
        fail(sink, -r);
}

static int open_network(struct sink *sink)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = sink->transport == TRANSPORT_TCP ? SOCK_STREAM : SOCK_DGRAM};
    struct addrinfo *numeric = NULL;
    int r;

    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (getaddrinfo(sink->host, sink->port, &hints, &numeric) == 0) {
        r = connect_to(sink, numeric);
        freeaddrinfo(numeric);
        return r;
    }
    hints.ai_flags = 0;
    if (!sink->dns)
        sink->dns = evdns_base_new(sink->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!sink->dns)
        return -EHOSTUNREACH;
    sink->resolving = mem_alloc(sizeof *sink->resolving);
    sink->resolving->sink = sink;
    evdns_getaddrinfo(sink->dns, sink->host, sink->port, &hints, on_resolved, sink->resolving);
    return -EINPROGRESS;
}

static int open_transport(struct sink *sink)
{
    switch (sink->transport) {
    case TRANSPORT_UNIX:
        return open_unix(sink);
    case TRANSPORT_UDP:
    case TRANSPORT_TCP:
        return open_network(sink);
    case TRANSPORT_FILE:
        sink->fd = open(sink->address, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
        break;
    }
    return sink->fd < 0 ? -errno : 0;
}

/* A datagram larger than the socket takes goes as a sealed memory file: journald reads those. */
static ssize_t send_memfd(int fd, const char *data, size_t length)
{
    scoped(cleanup_close) int memory = memfd_create("docker-bench-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};

    if (memory < 0 || write(memory, data, length) != (ssize_t)length ||
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -1;
    control.header =
        (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.header), &memory, sizeof memory);
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : (ssize_t)length;
}

static ssize_t write_record(struct sink *sink, const struct str *bytes)
{
    ssize_t n;

    if (sink->transport == TRANSPORT_FILE)
        return write(sink->fd, bytes->data + sink->written, bytes->length - sink->written);
    n = send(sink->fd, bytes->data + sink->written, bytes->length - sink->written, MSG_NOSIGNAL);
    if (n < 0 && errno == EMSGSIZE && sink->config.type == SINK_JOURNALD)
        n = send_memfd(sink->fd, bytes->data, bytes->length);
    return n;
}

static void flush(struct sink *sink)
{
    int r;

    if (sink->connecting || sink->resolving || !queue_first(&sink->queue) || evtimer_pending(sink->retry, NULL))
        return;
    if (sink->fd < 0) {
        r = open_transport(sink);
        if (r == -EINPROGRESS)
            return;
        if (r < 0) {
            fail(sink, -r);
            return;
        }
    }
    for (struct record *record; (record = queue_first(&sink->queue));) {
        ssize_t n = write_record(sink, &record->bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            wait_until_writable(sink);
            return;
        }
        if (n < 0) {
            fail(sink, errno);
            return;
        }
        sink->written += (size_t)n;
        if (sink->written < record->bytes.length)
            continue;
        sink->written = 0;
        sink->sent++;
        sink->backoff_ms = BACKOFF_FIRST_MS;
        free(take(sink->last_error));
        queue_pop(&sink->queue);
    }
}

static void format(const struct sink *sink, const struct transition *transition, struct str *out)
{
    if (sink->config.type == SINK_FILE) {
        str_append_n(out, transition->json, transition->json_length);
        str_append_char(out, '\n');
    } else if (sink->config.type == SINK_JOURNALD) {
        format_journald(out, transition);
    } else if (sink->config.format == FORMAT_RFC5424) {
        format_rfc5424(out, transition, sink->config.facility, getpid(), sink->hostname);
    } else if (sink->config.format == FORMAT_JSON) {
        format_syslog_json(out, transition, sink->config.facility, getpid());
    } else {
        format_text(out, transition, sink->config.facility, getpid());
    }
    if (sink->transport == TRANSPORT_TCP) { /* RFC 6587, octet counting */
        scoped_str framed = STR_INIT;

        str_printf(&framed, "%zu ", out->length);
        str_append_n(&framed, out->data, out->length);
        str_deinit(out);
        *out = framed;
        framed = STR_INIT;
    }
}

static bool wants(const struct sink *sink, const struct transition *transition)
{
    unsigned bits = 1u << transition->status_value | 1u << transition->previous_value;

    if (transition->is_agent)
        return true;
    return transition->severity >= sink->config.min_severity && (bits & sink->config.statuses);
}

void sink_send(struct sink *sink, struct transition *transition)
{
    struct str bytes = STR_INIT;

    if (!wants(sink, transition))
        return;
    format(sink, transition, &bytes);
    queue_push(&sink->queue, transition->severity, &bytes);
    flush(sink);
}

int sink_new(struct event_base *base, const struct sink_config *config, struct sink **ret, struct error *error)
{
    struct sink *sink = mem_alloc(sizeof *sink);
    const char *address = config->address ? config->address : journal_socket;
    int r = 0;

    sink->base = base;
    sink->config = *config;
    sink->address = mem_strdup(address);
    sink->config.address = sink->address;
    sink->fd = -1;
    sink->backoff_ms = BACKOFF_FIRST_MS;
    queue_init(&sink->queue);
    sink->retry = evtimer_new(base, on_retry, sink);
    gethostname(sink->hostname, sizeof sink->hostname - 1);
    if (config->type == SINK_FILE) {
        sink->transport = TRANSPORT_FILE;
    } else if (str_starts(address, "udp://") || str_starts(address, "tcp://")) {
        sink->transport = str_starts(address, "udp://") ? TRANSPORT_UDP : TRANSPORT_TCP;
        r = config_split_address(address + strlen("udp://"), &sink->host, &sink->port, error);
        if (r < 0)
            error_prefix(error, "sinks: \"%s\"", address);
    }
    if (r < 0) {
        sink_free(sink);
        return r;
    }
    *ret = sink;
    return 0;
}

void sink_free(struct sink *sink)
{
    if (!sink)
        return;
    flush(sink);
    if (sink->queue.count)
        log_warning("sink %s: %zu records were not sent", sink->address, sink->queue.count);
    if (sink->resolving)
        sink->resolving->sink = NULL;
    if (sink->dns)
        evdns_base_free(sink->dns, 1);
    close_transport(sink);
    event_free(sink->retry);
    queue_deinit(&sink->queue);
    free(sink->last_error);
    free(sink->address);
    free(sink->host);
    free(sink->port);
    free(sink);
}

void sink_status(const struct sink *sink, struct sink_status *ret)
{
    static const char *const types[] = {"journald", "syslog", "file"};

    *ret = (struct sink_status){
        .type = types[sink->config.type],
        .address = sink->address,
        .sent = sink->sent,
        .pending = sink->queue.count,
        .dropped = sink->queue.dropped,
        .last_error = sink->last_error,
    };
}
