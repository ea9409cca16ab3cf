/* What is common to sinks: the queue, what passes into it, and when it is written.
 *
 * A sink is closed, being opened, open, or waiting for its back-off. A record leaves the queue when the kernel has
 * taken all of it; one of which only a part was taken when the transport failed is sent again from its beginning. */
#include "agent/sinks/sink.h"

#include <errno.h>
#include <string.h>

#include "agent/sinks/kinds.h"
#include "common/log.h"
#include "common/memory.h"

enum { BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 5000 };

struct sink {
    const struct sink_functions *functions;
    struct sink_config config;
    char *address; /* the configuration's */
    struct format_settings settings;
    struct transport transport;
    bool opening;
    struct event *writable, *retry;
    unsigned backoff_ms;
    struct record_queue queue;
    uint64_t sent;
    char *last_error;
};

static void close_transport(struct sink *sink)
{
    if (sink->writable)
        event_free(take(sink->writable));
    transport_close(&sink->transport);
    sink->opening = false;
    queue_rewind(&sink->queue);
}

static void fail(struct sink *sink, const char *why)
{
    struct timeval wait = {.tv_sec = sink->backoff_ms / 1000, .tv_usec = (suseconds_t)(sink->backoff_ms % 1000) * 1000};

    free(sink->last_error);
    sink->last_error = mem_printf("%s: %s", sink->address, why);
    close_transport(sink);
    sink->backoff_ms = 2 * sink->backoff_ms < BACKOFF_LAST_MS ? 2 * sink->backoff_ms : BACKOFF_LAST_MS;
    evtimer_add(sink->retry, &wait);
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
        fail(sink, error.text);
    return r == 0;
}

static void flush(struct sink *sink);

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    flush(user);
}

static void wait_until_writable(struct sink *sink)
{
    if (!sink->writable)
        sink->writable = event_new(sink->transport.base, sink->transport.fd, EV_WRITE, on_writable, sink);
    event_add(sink->writable, NULL);
}

static void record_sent(struct sink *sink)
{
    queue_pop(&sink->queue);
    sink->sent++;
    sink->backoff_ms = BACKOFF_FIRST_MS;
    free(take(sink->last_error));
}

static void flush(struct sink *sink)
{
    struct record *record;

    if (sink->opening || evtimer_pending(sink->retry, NULL))
        return;
    while ((record = queue_first(&sink->queue)) && ensure_open(sink)) {
        ssize_t n = sink->functions->write(&sink->transport, record);

        if (n == -EINTR)
            continue;
        if (n == -EAGAIN) {
            wait_until_writable(sink);
            return;
        }
        if (n < 0) {
            fail(sink, strerror((int)-n));
            return;
        }
        record->sent += (size_t)n;
        if (record->sent == record->bytes.length)
            record_sent(sink);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    flush(user);
}

static void on_opened(int number, const char *why, void *user)
{
    struct sink *sink = user;

    sink->opening = false;
    if (number)
        fail(sink, why);
    else
        flush(sink);
}

static bool passes(const struct sink *sink, const struct transition *transition)
{
    unsigned bits = 1u << transition->status_value | 1u << transition->previous_value;

    if (transition->is_agent)
        return true;
    return transition->severity >= sink->config.min_severity && (bits & sink->config.statuses);
}

void sink_send(struct sink *sink, const struct transition *transition)
{
    struct str bytes = STR_INIT;

    if (!passes(sink, transition))
        return;
    sink->functions->format(&bytes, transition, &sink->settings);
    queue_push(&sink->queue, transition->severity, &bytes);
    flush(sink);
}

void sink_reopen(struct sink *sink)
{
    if (sink->functions->reopens)
        close_transport(sink);
    flush(sink);
}

bool sink_is_for(const struct sink *sink, const struct sink_config *config)
{
    return sink->config.kind == config->kind && str_equal(sink->address, config->address);
}

void sink_configure(struct sink *sink, const struct sink_config *config)
{
    sink->config = *config;
    sink->config.address = sink->address;
    sink->settings.format = config->format;
    sink->settings.facility = config->facility;
}

struct sink *sink_new(struct event_base *base, struct workers *workers, const struct sink_config *config)
{
    const char *scheme = sink_kinds[config->kind].scheme;
    struct sink *sink = mem_alloc(sizeof *sink);

    sink->functions = &sink_functions[config->kind];
    sink->address = mem_strdup(config->address);
    sink->settings.pid = getpid();
    gethostname(sink->settings.hostname, sizeof sink->settings.hostname - 1);
    sink_configure(sink, config);
    sink->transport = (struct transport){
        .base = base,
        .workers = workers,
        .address = sink->address + (scheme ? strlen(scheme) : 0),
        .fd = -1,
        .opened = on_opened,
        .user = sink,
    };
    sink->backoff_ms = BACKOFF_FIRST_MS;
    queue_init(&sink->queue);
    sink->retry = evtimer_new(base, on_retry, sink);
    return sink;
}

void sink_free(struct sink *sink)
{
    if (!sink)
        return;
    flush(sink);
    if (sink->queue.count)
        log_warning("sink %s: %zu records were not sent", sink->address, sink->queue.count);
    close_transport(sink);
    event_free(sink->retry);
    queue_deinit(&sink->queue);
    free(sink->last_error);
    free(sink->address);
    free(sink);
}

void sink_status(const struct sink *sink, struct sink_status *ret)
{
    *ret = (struct sink_status){
        .type = sink_kinds[sink->config.kind].type,
        .address = sink->address,
        .sent = sink->sent,
        .pending = sink->queue.count,
        .dropped = sink->queue.dropped,
        .last_error = sink->last_error,
    };
}
