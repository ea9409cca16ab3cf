/* The way of records through a sink: reading from the store, writing, confirming.
 *
 * A sink is closed, being opened, open, or waiting for its back-off. Records under way (packets.h) stay until they are
 * confirmed: at once where what is written has arrived, and by what the peer has acknowledged for a stream. There is no
 * event for an acknowledgement, so a stream is asked while something is unacknowledged: after 20 ms, then ever more
 * slowly, up to once a second; a receiver that answers (RELP) is read when it does. When a connection is reset, its
 * receiver may not have read what its kernel had acknowledged: the last of that is sent again too, unless it was the
 * program that acknowledged it. The store keeps it as long (packets_release()), as the agent may be killed meanwhile:
 * until enough has been acknowledged after it, the receiver closes the connection in order, or everything is
 * acknowledged and some time has passed. */
#include <errno.h>
#include <string.h>

#include "agent/sinks/clock_sync.h"
#include "agent/sinks/sink_internal.h"
#include "common/log.h"
#include "common/memory.h"

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 5000,
    ACK_FIRST_MS = 20,
    ACK_LAST_MS = 1000,
    READ_BYTES = 128 * 1024, /* at a time, of what the store has */
    UNDER_WAY = 256 * 1024,  /* bytes, before more is read */
    KEEP = 256 * 1024,       /* bytes of a stream, acknowledged: more than a new connection takes that nobody reads */
    UNREAD_MAX = 8 * 1024 * 1024,
    RELEASE_SECONDS = 10
};

static void release(struct sink *sink)
{
    if (sink->released == sink->packets.released)
        return;
    sink->released = sink->packets.released;
    event_cursor_confirm(sink->cursor, sink->released);
}

/* RELEASE_SECONDS after something was confirmed. While something is not, the receiver may not be reading. */
static void on_release(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval wait = {.tv_sec = RELEASE_SECONDS};
    struct sink *sink = user;

    (void)fd;
    (void)what;
    if (TAILQ_EMPTY(&sink->packets.list))
        packets_release(&sink->packets, sink->releasable);
    release(sink);
    sink->releasable = sink->confirmed;
    if (packets_unreleased(&sink->packets))
        evtimer_add(sink->release, &wait);
}

static void release_in_time(struct sink *sink)
{
    if (!evtimer_pending(sink->release, NULL) && packets_unreleased(&sink->packets))
        on_release(-1, 0, sink);
}

/* UNREAD: its receiver may not have read what its kernel has acknowledged. */
static void close_transport(struct sink *sink, bool unread)
{
    if (sink->writable)
        event_free(take(sink->writable));
    if (sink->answered)
        event_free(take(sink->answered));
    transport_close(&sink->transport);
    evtimer_del(sink->acknowledged);
    sink->opening = sink->blocked = false;
    packets_rewind(&sink->packets, unread);
    release(sink);
}

void sink_close(struct sink *sink)
{
    close_transport(sink, !TAILQ_EMPTY(&sink->packets.list));
}

static void add_ms(struct event *timer, unsigned ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    evtimer_add(timer, &wait);
}

/* 0, or why nothing more will arrive: a negative errno, with ERROR if that says more. */
static int confirm_arrived(struct sink *sink, struct error *error)
{
    uint64_t arrived = UINT64_MAX, number;
    size_t count;
    int r = sink->functions->arrived ? sink->functions->arrived(&sink->transport, &arrived, error) : 0;

    sink->packets.unread_max =
        sink->transport.unread_max < UNREAD_MAX ? (size_t)sink->transport.unread_max : UNREAD_MAX;
    number = packets_confirm(&sink->packets, arrived, &count);
    if (!number)
        return r;
    sink->sent += count;
    if (number > sink->confirmed)
        sink->confirmed = number;
    sink->progress = clock_monotonic();
    sink->backoff_ms = BACKOFF_FIRST_MS;
    sink->ack_ms = ACK_FIRST_MS;
    free(take(sink->last_error));
    release(sink);
    release_in_time(sink);
    return r;
}

/* NUMBER: an errno; ESHUTDOWN says that the receiver has closed the connection in order, and so has read all of it. */
static void fail(struct sink *sink, int number, const char *why)
{
    if (sink->transport.fd >= 0)
        confirm_arrived(sink, NULL); /* it is not sent again */
    free(sink->last_error);
    sink->last_error = mem_printf("%s: %s", sink->address, why);
    close_transport(sink, number != ESHUTDOWN);
    add_ms(sink->retry, sink->backoff_ms);
    sink->backoff_ms = 2 * sink->backoff_ms < BACKOFF_LAST_MS ? 2 * sink->backoff_ms : BACKOFF_LAST_MS;
}

/* False: it is not open, or not yet. */
static bool ensure_open(struct sink *sink)
{
    struct error error = ERROR_INIT;
    int r;

    if (sink->transport.fd >= 0)
        return true;
    r = sink->functions->open(&sink->transport, &error);
    sink->opening = r == -EINPROGRESS;
    if (r < 0 && !sink->opening)
        fail(sink, -r, error.text);
    return r == 0;
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    sink_flush(user);
}

static void wait_until_writable(struct sink *sink)
{
    if (!sink->writable)
        sink->writable = event_new(sink->transport.base, sink->transport.fd, EV_WRITE, on_writable, sink);
    event_add(sink->writable, NULL);
}

void sink_read_on(struct sink *sink)
{
    if (!sink->cursor || sink->asked || sink->packets.bytes >= UNDER_WAY)
        return;
    sink->asked = true;
    event_cursor_read(sink->cursor, READ_BYTES);
}

static void confirm(struct sink *sink)
{
    struct error error = ERROR_INIT;
    int r = confirm_arrived(sink, &error);
    bool awaits = sink->blocked || packets_are_unconfirmed(&sink->packets);

    if (r < 0 && awaits) {
        fail(sink, -r, error.number ? error.text : strerror(-r));
    } else if (r < 0 && sink->functions->answers) { /* nobody misses it, until there is a record again */
        close_transport(sink, false);
    } else if (awaits) {
        add_ms(sink->acknowledged, sink->ack_ms);
        sink->ack_ms = 2 * sink->ack_ms < ACK_LAST_MS ? 2 * sink->ack_ms : ACK_LAST_MS;
    }
    sink_read_on(sink);
}

static void on_acknowledged(evutil_socket_t fd, short what, void *user)
{
    struct sink *sink = user;

    (void)fd;
    (void)what;
    confirm(sink);
    if (sink->blocked)
        sink_flush(sink);
}

static void on_answered(evutil_socket_t fd, short what, void *user)
{
    struct sink *sink = user;

    (void)fd;
    (void)what;
    confirm(sink);
    sink_flush(sink);
}

static void await_answers(struct sink *sink)
{
    if (!sink->functions->answers || sink->answered)
        return;
    sink->answered = event_new(sink->transport.base, sink->transport.fd, EV_READ | EV_PERSIST, on_answered, sink);
    event_add(sink->answered, NULL);
}

/* Writes what is under way. False: it failed. */
static bool write_packets(struct sink *sink)
{
    sink->blocked = false;
    while (sink->packets.next && ensure_open(sink)) {
        struct packet *packet = sink->packets.next;
        struct error error = ERROR_INIT;
        ssize_t n = sink->functions->write(&sink->transport, packet, &error);

        if (n == -EINTR)
            continue;
        await_answers(sink);
        if (n == -EBUSY) {
            sink->blocked = true;
            return true;
        }
        if (n == -EAGAIN) {
            sink->blocked = sink->functions->answers;
            wait_until_writable(sink);
            return true;
        }
        if (n < 0) {
            fail(sink, (int)-n, error.number ? error.text : strerror((int)-n));
            return false;
        }
        packet->sent += (size_t)n;
        if (packet->sent == packet->bytes.length)
            packets_sent(&sink->packets, sink->transport.written);
    }
    return true;
}

void sink_flush(struct sink *sink)
{
    if (sink->opening || evtimer_pending(sink->retry, NULL))
        return;
    if (write_packets(sink) && (sink->blocked || packets_are_unconfirmed(&sink->packets)))
        confirm(sink);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    sink_flush(user);
}

static void on_opened(int number, const char *why, void *user)
{
    struct sink *sink = user;

    sink->opening = false;
    if (number)
        fail(sink, number, why);
    else
        sink_flush(sink);
}

uint64_t sink_pending(const struct sink *sink)
{
    uint64_t stored = sink->cursor ? event_cursor_pending(sink->cursor) : 0, kept = packets_unreleased(&sink->packets);

    return stored > kept ? stored - kept : 0;
}

static void add_item(struct sink *sink, const struct store_item *item)
{
    struct str bytes = STR_INIT;
    struct record record;

    if (item->number <= sink->packets.last) /* it is under way: the store's process was started anew */
        return;
    if (record_read(item, sink->origin, clock_now(&clock_system), &record) < 0) {
        log_error("sink %s: record %llu of the store cannot be read and is skipped", sink->address,
                  (unsigned long long)item->number);
        return;
    }
    sink->settings.clock_sync = clock_sync_state();
    sink->functions->format(&bytes, &record, &sink->settings);
    record_deinit(&record);
    packets_add(&sink->packets, item->number, &bytes);
}

void sink_take_items(const struct store_item *items, size_t count, void *user)
{
    struct sink *sink = user;

    bool began = TAILQ_EMPTY(&sink->packets.list);

    if (!sink->packets.last || !sink_pending(sink))
        sink->reported = event_cursor_lost(sink->cursor);
    sink->asked = false;
    if (began)
        sink->progress = clock_monotonic();
    for (size_t i = 0; i < count; i++)
        add_item(sink, &items[i]);
    if (count && items[0].number <= sink->released) /* which it had not written down */
        event_cursor_confirm(sink->cursor, sink->released);
    sink_flush(sink);
    sink_read_on(sink);
    if (began && sink->waits && !TAILQ_EMPTY(&sink->packets.list))
        sink->waits(sink->user);
}

void sink_flow_init(struct sink *sink)
{
    struct event_base *base = sink->transport.base;

    sink->transport.opened = on_opened;
    sink->transport.user = sink;
    sink->backoff_ms = BACKOFF_FIRST_MS;
    sink->ack_ms = ACK_FIRST_MS;
    packets_init(&sink->packets);
    sink->packets.keep = sink->functions->arrived && !sink->functions->answers ? KEEP : 0;
    sink->retry = evtimer_new(base, on_retry, sink);
    sink->release = evtimer_new(base, on_release, sink);
    sink->acknowledged = evtimer_new(base, on_acknowledged, sink);
}

void sink_flow_deinit(struct sink *sink)
{
    event_free(sink->release);
    event_free(sink->retry);
    event_free(sink->acknowledged);
    packets_deinit(&sink->packets);
    free(sink->last_error);
}
