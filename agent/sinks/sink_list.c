/* The sinks of one configuration. */
#include "agent/sinks/sink_list.h"

#include "common/memory.h"

/* Removes the sink for CONFIG from LIST and returns it. NULL: none. */
static struct sink *take_for(struct sink_list *list, const struct sink_config *config)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] && sink_is_for(list->items[i], config))
            return take(list->items[i]);
    return NULL;
}

static void attach(struct sink_list *list, struct event_store *store)
{
    struct event_cursor_options *options = mem_alloc((list->count + 1) * sizeof *options);
    struct event_cursor **cursors = mem_alloc((list->count + 1) * sizeof(struct event_cursor *));

    for (size_t i = 0; i < list->count; i++)
        sink_describe_cursor(list->items[i], &options[i]);
    event_store_cursors(store, options, list->count, cursors);
    for (size_t i = 0; i < list->count; i++)
        sink_attach(list->items[i], cursors[i]);
    free(options);
    free(cursors);
}

/* How long it takes to see that a sink delivers again. */
enum { STUCK_CHECK_SECONDS = 2 };

static void add_trouble(const struct sink_status *status, usec_t now, struct str *why)
{
    str_printf(why, "%s%s", why->length ? "; " : "", status->last_error ? status->last_error : status->address);
    if (sink_is_stuck(status, now))
        message_add(why, ", nothing delivered for over %d s", SINK_STUCK_SECONDS);
    if (status->unreported)
        message_add(why, ", %llu records are lost", (unsigned long long)status->unreported);
    message_add(why, ", %llu waiting", (unsigned long long)status->pending);
}

/* Appends what is wrong at NOW. Returns when it has to be looked at again; 0: when something begins to wait. */
static usec_t find_trouble(const struct sink_list *list, usec_t now, struct str *why)
{
    usec_t next = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct sink_status status;
        usec_t due;

        sink_status(list->items[i], &status);
        if (!status.stuck_since)
            continue;
        due = status.stuck_since + SINK_STUCK_SECONDS * USEC_PER_SEC;
        if (sink_is_stuck(&status, now) || status.unreported) {
            add_trouble(&status, now, why);
            due = now + STUCK_CHECK_SECONDS * USEC_PER_SEC;
        }
        next = !next || due < next ? due : next;
    }
    return next;
}

void sink_list_check(struct sink_list *list, usec_t now)
{
    scoped_str why = STR_INIT;
    usec_t next = find_trouble(list, now, &why);
    struct timeval wait = {.tv_sec = (next - now) / USEC_PER_SEC, .tv_usec = (next - now) % USEC_PER_SEC};

    if (next)
        evtimer_add(list->check, &wait);
    if (str_equal(list->why, why.length ? why.data : NULL))
        return;
    free(list->why);
    list->why = why.length ? mem_strdup(why.data) : NULL;
    if (list->trouble)
        list->trouble(list->why, list->user);
}

static void on_check(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    sink_list_check(user, clock_monotonic());
}

static void on_waits(void *user)
{
    struct sink_list *list = user;

    if (!evtimer_pending(list->check, NULL))
        sink_list_check(list, clock_monotonic());
}

static void free_sinks(struct sink_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sink_free(list->items[i]);
    free(list->items);
}

void sink_list_configure(struct sink_list *list, struct event_base *base, struct helper *const *network,
                         struct event_store *store, const struct record_origin *origin,
                         const struct sink_config *configs, size_t count)
{
    struct sink **items = mem_alloc((count + 1) * sizeof(struct sink *));

    if (!list->check)
        list->check = evtimer_new(base, on_check, list);
    for (size_t i = 0; i < count; i++) {
        items[i] = take_for(list, &configs[i]);
        if (items[i])
            sink_configure(items[i], &configs[i]);
        else
            items[i] = sink_new(base, network, &configs[i], origin);
        sink_watch(items[i], on_waits, list);
    }
    free_sinks(list);
    list->items = items;
    list->count = count;
    attach(list, store);
    sink_list_check(list, clock_monotonic());
}

void sink_list_reopen(struct sink_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sink_reopen(list->items[i]);
}

void sink_list_deinit(struct sink_list *list)
{
    free_sinks(list);
    if (list->check)
        event_free(list->check);
    free(list->why);
    *list = (struct sink_list){.trouble = list->trouble, .user = list->user};
}
