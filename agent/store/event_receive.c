/* What the store's process answers: what is on disk, what sinks have to send, lines of history. */
#include <string.h>

#include "agent/store/event_store_internal.h"
#include "common/log.h"

static void pop_stored(struct event_store *store)
{
    while (store->done < store->waiting.count && store->waiting.items[store->done]->seq <= store->last_seq) {
        struct transition *transition = store->waiting.items[store->done++];

        if (store->options.stored && !store->is_closing)
            store->options.stored(transition, store->options.user);
        transition_unref(transition);
    }
    if (!store->done)
        return;
    store->has_stored = true;
    store->waiting.count -= store->done;
    store->sent -= store->done < store->sent ? store->done : store->sent;
    memmove(store->waiting.items, store->waiting.items + store->done,
            store->waiting.count * sizeof store->waiting.items[0]);
    store->done = 0;
}

void events_take_state(struct event_store *store, struct wire_reader *in)
{
    uint64_t last = (uint64_t)wire_number(in), oldest = (uint64_t)wire_number(in);
    usec_t oldest_time = wire_number(in);
    uint64_t size = (uint64_t)wire_number(in);
    const char *stream = wire_text(in), *trouble = wire_text(in);
    bool changed;

    if (in->broken || !stream || strlen(stream) != STREAM_LENGTH)
        return;
    changed = strcmp(stream, store->stream) != 0 || !str_equal(trouble, store->trouble);
    memcpy(store->stream, stream, sizeof store->stream);
    free(store->trouble);
    store->trouble = mem_strdup(trouble);
    store->last_seq = last;
    store->oldest_seq = oldest;
    store->oldest_time = oldest_time;
    store->size = size;
    if (changed && store->options.state && store->flush && !store->is_closing)
        store->options.state(store->options.user);
    pop_stored(store);
}

static struct event_cursor *find_cursor(struct event_store *store, uint64_t id)
{
    for (size_t i = 0; i < store->cursors.count; i++)
        if (store->cursors.items[i]->id == id)
            return store->cursors.items[i];
    return NULL;
}

static void take_cursor(struct event_store *store, struct wire_reader *in)
{
    struct event_cursor *cursor = find_cursor(store, (uint64_t)wire_number(in));
    bool is_new = wire_number(in) != 0;

    if (!cursor)
        return;
    cursor->is_new = cursor->is_new || is_new;
    cursor->pending = (uint64_t)wire_number(in);
    cursor->lost = (uint64_t)wire_number(in);
    cursor->confirmed = (uint64_t)wire_number(in);
}

static void take_items(struct event_store *store, struct wire_reader *in)
{
    struct event_cursor *cursor = find_cursor(store, (uint64_t)wire_number(in));
    size_t count = wire_count(in, SIZE_MAX);
    struct store_item *items = arena_alloc(in->arena, (count + 1) * sizeof *items);

    for (size_t i = 0; i < count; i++)
        store_get_item(in, &items[i]);
    if (in->broken || !cursor)
        return;
    cursor->wanted = 0;
    cursor->options.items(items, count, cursor->options.user);
}

static void answer_request(struct event_request *request, const struct store_page *page)
{
    request->done(page, request->user);
    free(request);
}

static void take_lines(struct event_store *store, struct wire_reader *in)
{
    int64_t number = wire_number(in);
    struct store_page page = {.up_to = (uint64_t)wire_number(in), .more = wire_number(in) != 0};

    page.why = wire_text(in);
    page.lines = wire_text(in);
    if (page.why)
        page.lines = NULL;
    page.length = page.lines ? strlen(page.lines) : 0;
    for (size_t i = 0; i < store->requests.count && !in->broken; i++) {
        struct event_request *request = store->requests.items[i];

        if (request->number != number)
            continue;
        vec_remove(&store->requests, i);
        answer_request(request, &page);
        return;
    }
}

static void take_failure(struct wire_reader *in)
{
    const char *why;

    wire_number(in);
    why = wire_text(in);
    log_error("store: %s", why ? why : "it cannot be opened");
}

void events_take_message(struct event_store *store, enum store_message type, struct wire_reader *in)
{
    if (type == STORE_STATE)
        events_take_state(store, in);
    else if (store->is_closing)
        return;
    else if (type == STORE_CURSOR)
        take_cursor(store, in);
    else if (type == STORE_ITEMS)
        take_items(store, in);
    else if (type == STORE_TAKEN)
        events_take_taken(store, in);
    else if (type == STORE_LINES)
        take_lines(store, in);
    else if (type == STORE_FAILED)
        take_failure(in);
}

void events_fail_requests(struct event_store *store, const char *why)
{
    const struct store_page page = {.why = why};

    while (store->requests.count)
        answer_request(store->requests.items[--store->requests.count], &page);
}
