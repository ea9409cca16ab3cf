/* What the loop says to the store's process: transitions in batches, what sinks have confirmed, what is inserted. */
#include <string.h>

#include "agent/store/event_store_internal.h"

enum {
    APPEND_BYTES = 1024 * 1024,
    GATHER_MS = 20,
    REQUESTS_MAX = 4096,
};

void events_send_frame(struct event_store *store, struct str *frame)
{
    if (store->socket)
        bufferevent_write(store->socket, frame->data, frame->length);
}

static struct store_row row_of(const struct transition *t)
{
    return (struct store_row){.seq = t->seq,
                              .at = t->at,
                              .since = t->since,
                              .type = t->is_entry   ? ROW_ENTRY
                                      : t->is_agent ? ROW_AGENT
                                                    : ROW_FINDING,
                              .severity = t->severity,
                              .status = t->status_value,
                              .previous = t->previous_value,
                              .waived = t->waived,
                              .slug = t->slug,
                              .section = t->section,
                              .kind = t->subject_kind,
                              .id = t->subject_id,
                              .name = t->subject_name,
                              .extra = t->extra,
                              .json = t->json};
}

static bool is_due(const struct event_store *store, uint64_t seq)
{
    return store->sent < store->waiting.count && store->waiting.items[store->sent]->seq <= seq;
}

/* Those up to SEQ, in frames of about APPEND_BYTES; each is one transaction. */
static void send_waiting_up_to(struct event_store *store, uint64_t seq)
{
    store->sent_at = clock_monotonic();
    while (store->socket && is_due(store, seq)) {
        scoped_str rows = STR_INIT, out = STR_INIT;
        int64_t count = 0;
        size_t frame;

        for (; is_due(store, seq) && rows.length < APPEND_BYTES; store->sent++, count++) {
            const struct store_row row = row_of(store->waiting.items[store->sent]);

            store_put_row(&rows, &row);
        }
        frame = store_frame_begin(&out, STORE_APPEND);
        wire_put_number(&out, count);
        str_append_n(&out, rows.data, rows.length);
        store_frame_end(&out, frame);
        events_send_frame(store, &out);
    }
}

void events_send_waiting(struct event_store *store)
{
    send_waiting_up_to(store, UINT64_MAX);
}

void events_on_flush(evutil_socket_t fd, short what, void *user)
{
    struct event_store *store = user;

    (void)fd;
    (void)what;
    store->flush_is_due = false;
    events_send_waiting(store);
}

/* A transaction costs as much as some ten transitions: after a while without any the next one is stored at the end of
 * this turn of the loop, and what follows soon after is stored together. */
static void schedule_flush(struct event_store *store)
{
    usec_t wait = store->sent_at + GATHER_MS * INT64_C(1000) - clock_monotonic();

    store->flush_is_due = true;
    if (!store->sent_at || wait <= 0)
        event_active(store->flush, EV_TIMEOUT, 1);
    else
        evtimer_add(store->flush, &(struct timeval){.tv_usec = wait});
}

void event_store_append(struct event_store *store, struct transition *transition)
{
    vec_push(&store->waiting, transition_ref(transition));
    if (!store->flush_is_due)
        schedule_flush(store);
}

/* ---- What is inserted and noted ---- */

static void request_deinit(struct request *request)
{
    free(request->name);
    free(request->text);
}

static void send_request(struct event_store *store, const struct request *request)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, request->name ? STORE_NOTE : STORE_INSERT);

    if (request->name) {
        wire_put_text(&out, request->name);
    } else {
        wire_put_number(&out, request->cursor ? (int64_t)request->cursor->id : 0);
        wire_put_number(&out, request->kind);
        wire_put_number(&out, request->again);
    }
    wire_put_text(&out, request->text);
    store_frame_end(&out, frame);
    events_send_frame(store, &out);
}

void events_remove_request(struct event_store *store, size_t i)
{
    request_deinit(&store->inserted.items[i]);
    vec_remove(&store->inserted, i);
}

/* REQUEST takes the place of BEFORE, which nobody has read. */
static bool replaces(const struct request *request, const struct request *before)
{
    if (request->name)
        return before->name && strcmp(request->name, before->name) == 0;
    return request->kind == ITEM_HEARTBEAT && before->kind == ITEM_HEARTBEAT && !before->name &&
           before->cursor == request->cursor;
}

/* While there is no process: what has been replaced goes, and beyond the bound what is oldest. */
static void bound_requests(struct event_store *store, const struct request *request)
{
    for (size_t i = store->inserted.count; i-- > 0;)
        if (replaces(request, &store->inserted.items[i]))
            events_remove_request(store, i);
    for (size_t i = 0; store->inserted.count >= REQUESTS_MAX && i < store->inserted.count; i++)
        if (!store->inserted.items[i].name)
            events_remove_request(store, i--);
}

static void add_request(struct event_store *store, struct request request)
{
    request.after = store->waiting.count ? store->waiting.items[store->waiting.count - 1]->seq : store->last_seq;
    if (store->socket)
        send_request(store, &request);
    else
        bound_requests(store, &request);
    vec_push(&store->inserted, request);
}

/* To another process, each after the transitions that were appended before it. */
void events_send_requests(struct event_store *store)
{
    store->taken = 0;
    for (size_t i = 0; i < store->inserted.count; i++) {
        send_waiting_up_to(store, store->inserted.items[i].after);
        store->inserted.items[i].again = true;
        send_request(store, &store->inserted.items[i]);
    }
}

/* What the process has now is on disk. */
void events_take_taken(struct event_store *store, struct wire_reader *in)
{
    uint64_t taken = (uint64_t)wire_number(in);

    while (!in->broken && store->taken < taken && store->inserted.count) {
        store->taken++;
        events_remove_request(store, 0);
    }
}

void event_store_note(struct event_store *store, const char *name, const char *text)
{
    events_send_waiting(store);
    add_request(store, (struct request){.name = mem_strdup(name), .text = mem_strdup(text)});
}

void events_send_cursors(struct event_store *store)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_CURSORS);

    wire_put_number(&out, (int64_t)store->cursors.count);
    for (size_t i = 0; i < store->cursors.count; i++) {
        const struct event_cursor *cursor = store->cursors.items[i];

        wire_put_number(&out, (int64_t)cursor->id);
        wire_put_text(&out, cursor->name);
        wire_put_number(&out, cursor->options.filter.min_severity);
        wire_put_number(&out, cursor->options.filter.statuses);
        wire_put_number(&out, cursor->options.at_end);
    }
    store_frame_end(&out, frame);
    events_send_frame(store, &out);
}

void event_store_set_limits(struct event_store *store, const struct store_limits *limits)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_LIMITS);

    store->process.limits = *limits; /* of the next process, too */
    wire_put_number(&out, (int64_t)limits->bytes);
    wire_put_number(&out, limits->age);
    store_frame_end(&out, frame);
    events_send_frame(store, &out);
}

static void send_to_cursor(struct event_cursor *cursor, enum store_message type, uint64_t number)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, type);

    wire_put_number(&out, (int64_t)cursor->id);
    wire_put_number(&out, (int64_t)number);
    store_frame_end(&out, frame);
    events_send_frame(cursor->store, &out);
}

void event_cursor_read(struct event_cursor *cursor, size_t bytes)
{
    cursor->wanted = bytes;
    send_to_cursor(cursor, STORE_READ, bytes);
}

void event_cursor_confirm(struct event_cursor *cursor, uint64_t number)
{
    send_to_cursor(cursor, STORE_CONFIRM, number);
}

void event_cursor_rewind(struct event_cursor *cursor)
{
    struct event_store *store = cursor->store;

    /* What is on its way has the old id. */
    cursor->wanted = 0;
    cursor->id = ++store->last_id;
    events_send_cursors(store);
}

void event_cursor_insert(struct event_cursor *cursor, enum store_item_kind kind, const char *json)
{
    events_send_waiting(cursor->store);
    add_request(cursor->store, (struct request){.cursor = cursor, .kind = kind, .text = mem_strdup(json)});
}
