/* What a sink is: its configuration, its life and its state. The way of records through it is in sink_flow.c. */
#include <string.h>

#include "agent/sinks/sink_internal.h"
#include "agent/sinks/tls.h"
#include "common/memory.h"

void sink_watch(struct sink *sink, void (*waits)(void *user), void *user)
{
    sink->waits = waits;
    sink->user = user;
}

void sink_describe_cursor(struct sink *sink, struct event_cursor_options *ret)
{
    *ret = (struct event_cursor_options){
        .name = sink->name,
        .filter = {.min_severity = sink->config.min_severity, .statuses = sink->config.statuses},
        .at_end = sink->config.start_at_end,
        .items = sink_take_items,
        .user = sink,
    };
}

void sink_attach(struct sink *sink, struct event_cursor *cursor)
{
    sink->cursor = cursor;
    sink_read_on(sink);
}

struct event_cursor *sink_cursor(const struct sink *sink)
{
    return sink->cursor;
}

void sink_reopen(struct sink *sink)
{
    if (sink->functions->reopens)
        sink_close(sink);
    sink_flush(sink);
}

bool sink_is_for(const struct sink *sink, const struct sink_config *config)
{
    return sink->config.kind == config->kind && str_equal(sink->address, config->address);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || str_equal(a, b);
}

/* TO belongs to the sink. True: it has changed. */
static bool copy_text(const char **to, const char *from)
{
    if (is_same_text(*to, from))
        return false;
    free((char *)*to);
    *to = mem_strdup(from);
    return true;
}

/* A connection that was made with other settings ends. */
static void set_tls(struct sink *sink, const struct sink_tls *from)
{
    bool changed = copy_text(&sink->tls.ca, from->ca);

    changed |= copy_text(&sink->tls.cert, from->cert);
    changed |= copy_text(&sink->tls.key, from->key);
    changed |= copy_text(&sink->tls.name, from->name);
    if (changed)
        tls_context_free(take(sink->transport.tls_context));
    if (changed && (sink->transport.fd >= 0 || sink->opening)) {
        sink_close(sink);
        evtimer_add(sink->retry, &(struct timeval){0});
    }
}

void sink_configure(struct sink *sink, const struct sink_config *config)
{
    sink->config = *config;
    sink->config.address = sink->address;
    set_tls(sink, &config->tls);
    sink->settings.format = config->format;
    sink->settings.header = config->header;
    sink->settings.cee = config->cee;
    sink->settings.lines = config->lines;
    sink->settings.enterprise_number = config->enterprise_number;
    sink->settings.facility = config->facility;
}

struct sink *sink_new(struct event_base *base, struct helper *const *network, const struct sink_config *config,
                      const struct record_origin *origin)
{
    const char *scheme = sink_kinds[config->kind].scheme;
    struct sink *sink = mem_alloc(sizeof *sink);

    sink->functions = &sink_functions[config->kind];
    sink->origin = origin;
    sink->address = mem_strdup(config->address);
    sink->name = mem_printf("%s %s", sink_kinds[config->kind].type, config->address);
    sink->settings.pid = getpid();
    gethostname(sink->settings.hostname, sizeof sink->settings.hostname - 1);
    sink->transport = (struct transport){
        .base = base,
        .network = network,
        .url = sink->address,
        .address = sink->address + (scheme ? strlen(scheme) : 0),
        .fd = -1,
        .tls_settings = &sink->tls,
    };
    sink_flow_init(sink);
    sink_configure(sink, config);
    return sink;
}

void sink_free(struct sink *sink)
{
    if (!sink)
        return;
    sink_flush(sink);
    sink_close(sink);
    sink_flow_deinit(sink);
    set_tls(sink, &(struct sink_tls){0});
    tls_context_free(sink->transport.tls_context);
    free(sink->name);
    free(sink->address);
    free(sink);
}

void sink_status(const struct sink *sink, struct sink_status *ret)
{
    uint64_t waiting = sink_pending(sink);
    uint64_t lost = sink->cursor ? event_cursor_lost(sink->cursor) : 0;

    *ret = (struct sink_status){
        .type = sink_kinds[sink->config.kind].type,
        .address = sink->address,
        .sent = sink->sent,
        .pending = waiting,
        .dropped = lost,
        .unreported = waiting && lost > sink->reported ? lost - sink->reported : 0,
        .last_error = sink->last_error,
        .stuck_since = TAILQ_EMPTY(&sink->packets.list) ? 0 : sink->progress,
    };
}

bool sink_is_stuck(const struct sink_status *status, usec_t now)
{
    return status->stuck_since && now - status->stuck_since >= SINK_STUCK_SECONDS * USEC_PER_SEC;
}

const char *sink_state(const struct sink_status *status, usec_t now)
{
    return sink_is_stuck(status, now) ? N_("stuck") : status->last_error ? N_("retrying") : N_("ok");
}
