/* The cursors of sinks, and questions to the history. */
#include <string.h>

#include "agent/store/event_store_internal.h"

static void cursor_free(struct event_cursor *cursor)
{
    struct event_store *store = cursor->store;

    for (size_t i = 0; i < store->inserted.count; i++)
        if (store->inserted.items[i].cursor == cursor)
            store->inserted.items[i].cursor = NULL;
    free(cursor->name);
    free(cursor);
}

void events_free_cursors(struct event_store *store)
{
    while (store->cursors.count)
        cursor_free(store->cursors.items[--store->cursors.count]);
}

static struct event_cursor *take_named(struct event_store *store, const char *name)
{
    for (size_t i = 0; i < store->cursors.count; i++) {
        struct event_cursor *cursor = store->cursors.items[i];

        if (strcmp(cursor->name, name) == 0) {
            vec_remove(&store->cursors, i);
            return cursor;
        }
    }
    return NULL;
}

void event_store_cursors(struct event_store *store, const struct event_cursor_options *options, size_t count,
                         struct event_cursor **ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = take_named(store, options[i].name);
        if (!ret[i]) {
            ret[i] = mem_alloc(sizeof *ret[i]);
            ret[i]->store = store;
            ret[i]->name = mem_strdup(options[i].name);
            ret[i]->id = ++store->last_id;
        }
        ret[i]->options = options[i];
        ret[i]->options.name = ret[i]->name;
    }
    events_free_cursors(store);
    for (size_t i = 0; i < count; i++)
        vec_push(&store->cursors, ret[i]);
    events_send_cursors(store);
}

bool event_cursor_is_new(const struct event_cursor *cursor)
{
    return cursor->is_new;
}

uint64_t event_cursor_pending(const struct event_cursor *cursor)
{
    return cursor->pending;
}

uint64_t event_cursor_lost(const struct event_cursor *cursor)
{
    return cursor->lost;
}

uint64_t event_cursor_confirmed(const struct event_cursor *cursor)
{
    return cursor->confirmed;
}

struct event_request *event_store_query(struct event_store *store, const struct store_query *query,
                                        event_store_answer *done, void *user)
{
    struct event_request *request = mem_alloc(sizeof *request);
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_QUERY);

    request->store = store;
    request->number = ++store->last_request;
    request->done = done;
    request->user = user;
    vec_push(&store->requests, request);
    wire_put_number(&out, request->number);
    store_put_query(&out, query);
    store_frame_end(&out, frame);
    events_send_frame(store, &out);
    return request;
}

void event_request_cancel(struct event_request *request)
{
    if (!request)
        return;
    for (size_t i = 0; i < request->store->requests.count; i++)
        if (request->store->requests.items[i] == request)
            vec_remove(&request->store->requests, i);
    free(request);
}
