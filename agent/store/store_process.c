/* Requests are taken one after the other. Reads wait until there is something to be read: then what a transaction has
 * stored goes out in the same turn. */
#include "agent/store/store_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/store/store_message.h"
#include "common/memory.h"
#include "common/vec.h"

enum { CHUNK = 256 * 1024, SYNC_MS = 1000, ROWS_MAX = 1024 * 1024, CURSORS_MAX = 1024 };

/* A cursor as the agent names it. */
struct reader {
    uint64_t id;
    struct cursor *cursor;
    size_t wanted; /* bytes; 0: it does not wait */
    uint64_t pending_told, lost_told;
};

struct server {
    int fd;
    struct store_db *db;
    uint64_t size; /* as it was at the last sync */
    struct str in, out;
    VEC(struct reader) readers;
    uint64_t taken, taken_told; /* inserts and notes */
};

static bool write_all(struct server *server)
{
    size_t at = 0;

    while (at < server->out.length) {
        ssize_t n = write(server->fd, server->out.data + at, server->out.length - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    str_clear(&server->out);
    return true;
}

static void put_state(struct server *server)
{
    size_t frame = store_frame_begin(&server->out, STORE_STATE);

    wire_put_number(&server->out, (int64_t)store_db_last_seq(server->db));
    wire_put_number(&server->out, (int64_t)store_db_oldest_seq(server->db));
    wire_put_number(&server->out, store_db_oldest_time(server->db));
    wire_put_number(&server->out, (int64_t)server->size);
    wire_put_text(&server->out, store_db_stream(server->db));
    wire_put_text(&server->out, store_db_trouble(server->db));
    store_frame_end(&server->out, frame);
}

static void put_finding(const struct store_finding *finding, void *user)
{
    struct server *server = user;
    size_t frame = store_frame_begin(&server->out, STORE_FINDING);

    store_put_finding(&server->out, finding);
    store_frame_end(&server->out, frame);
    if (server->out.length > CHUNK)
        write_all(server);
}

static void put_cursor(struct server *server, struct reader *reader, bool is_new)
{
    size_t frame = store_frame_begin(&server->out, STORE_CURSOR);

    reader->pending_told = cursor_pending(reader->cursor);
    reader->lost_told = cursor_lost(reader->cursor);
    wire_put_number(&server->out, (int64_t)reader->id);
    wire_put_number(&server->out, is_new);
    wire_put_number(&server->out, (int64_t)reader->pending_told);
    wire_put_number(&server->out, (int64_t)reader->lost_told);
    wire_put_number(&server->out, (int64_t)cursor_number(reader->cursor));
    store_frame_end(&server->out, frame);
}

static void do_append(struct server *server, struct wire_reader *in)
{
    size_t count = wire_count(in, ROWS_MAX);
    struct store_row *rows = arena_alloc(in->arena, (count + 1) * sizeof *rows);

    for (size_t i = 0; i < count; i++)
        store_get_row(in, &rows[i]);
    if (in->broken)
        return;
    store_db_append(server->db, rows, count);
    put_state(server);
}

static struct reader *find(struct server *server, uint64_t id)
{
    for (size_t i = 0; i < server->readers.count; i++)
        if (server->readers.items[i].id == id)
            return &server->readers.items[i];
    return NULL;
}

/* A reader that the agent names as before goes on; one with another number begins where its cursor was confirmed. */
static void do_cursors(struct server *server, struct wire_reader *in)
{
    size_t count = wire_count(in, CURSORS_MAX);
    const char **names = arena_alloc(in->arena, (count + 1) * sizeof *names);
    struct reader *readers = arena_alloc(in->arena, (count + 1) * sizeof *readers);

    for (size_t i = 0; i < count; i++) {
        struct reader reader = {.id = (uint64_t)wire_number(in)}, *before = find(server, reader.id);
        struct store_filter filter;
        bool at_end, is_new = false;

        names[i] = wire_text(in);
        filter.min_severity = (enum severity)wire_number(in);
        filter.statuses = (unsigned)wire_number(in);
        at_end = wire_number(in);
        if (in->broken || !names[i])
            return;
        if (before) {
            reader = *before;
            cursor_set_filter(reader.cursor, &filter);
        } else {
            reader.cursor =
                cursor_open(server->db, names[i], &filter,
                            at_end ? store_db_last_seq(server->db) : store_db_oldest_seq(server->db) - 1, &is_new);
        }
        put_cursor(server, &reader, is_new);
        readers[i] = reader;
    }
    server->readers.count = 0;
    for (size_t i = 0; i < count; i++)
        vec_push(&server->readers, readers[i]);
    cursor_keep_only(server->db, names, count);
}

static void do_insert(struct reader *reader, struct wire_reader *in)
{
    int64_t kind = wire_number(in);
    bool again = wire_number(in) != 0;
    const char *json = wire_text(in);

    if (!reader || !json || kind <= ITEM_TRANSITION || kind >= ITEM_KIND_COUNT || kind == ITEM_LOST)
        return;
    if (!again || !cursor_has_unread(reader->cursor, (enum store_item_kind)kind, json))
        cursor_insert(reader->cursor, (enum store_item_kind)kind, json);
}

static void do_note(struct server *server, struct wire_reader *in)
{
    const char *name = wire_text(in), *text = wire_text(in);

    if (in->broken || !name)
        return;
    store_db_flush(server->db); /* what was inserted before is on disk first */
    store_db_note(server->db, name, text);
}

/* Before anything is sent that a reader reads. */
static void put_taken(struct server *server)
{
    size_t frame;

    if (server->taken == server->taken_told)
        return;
    server->taken_told = server->taken;
    frame = store_frame_begin(&server->out, STORE_TAKEN);
    wire_put_number(&server->out, (int64_t)server->taken);
    store_frame_end(&server->out, frame);
}

static void put_note(const char *name, const char *text, void *user)
{
    struct server *server = user;
    size_t frame = store_frame_begin(&server->out, STORE_NOTE);

    wire_put_text(&server->out, name);
    wire_put_text(&server->out, text);
    store_frame_end(&server->out, frame);
}

static void do_query(struct server *server, struct wire_reader *in)
{
    int64_t number = wire_number(in);
    struct error error = ERROR_INIT;
    scoped_str lines = STR_INIT;
    struct store_query query;
    uint64_t up_to = 0;
    bool more = false;
    size_t frame;
    int r;

    store_get_query(in, &query);
    if (in->broken)
        return;
    r = store_db_query(server->db, &query, &lines, &up_to, &more, &error);
    frame = store_frame_begin(&server->out, STORE_LINES);
    wire_put_number(&server->out, number);
    wire_put_number(&server->out, (int64_t)up_to);
    wire_put_number(&server->out, more);
    wire_put_text(&server->out, r < 0 ? error.message : NULL);
    wire_put_text(&server->out, str_text(&lines));
    store_frame_end(&server->out, frame);
}

static void do_limits(struct server *server, struct wire_reader *in)
{
    struct store_limits limits = {.bytes = (uint64_t)wire_number(in), .age = wire_number(in)};

    if (in->broken)
        return;
    store_db_set_limits(server->db, &limits);
    put_state(server);
}

static void do_request(struct server *server, enum store_message type, struct wire_reader *in)
{
    struct reader *reader = NULL;

    if (type == STORE_READ || type == STORE_CONFIRM || type == STORE_INSERT)
        reader = find(server, (uint64_t)wire_number(in));
    server->taken += type == STORE_INSERT || type == STORE_NOTE;
    if (type == STORE_APPEND)
        do_append(server, in);
    else if (type == STORE_CURSORS)
        do_cursors(server, in);
    else if (type == STORE_QUERY)
        do_query(server, in);
    else if (type == STORE_LIMITS)
        do_limits(server, in);
    else if (type == STORE_NOTE)
        do_note(server, in);
    else if (type == STORE_INSERT)
        do_insert(reader, in);
    else if (type == STORE_READ && reader)
        reader->wanted = (size_t)wire_number(in);
    else if (type == STORE_CONFIRM && reader)
        cursor_confirm(reader->cursor, (uint64_t)wire_number(in));
}

struct items {
    struct str *out;
    size_t count;
};

static void put_item(const struct store_item *item, void *user)
{
    struct items *items = user;

    items->count++;
    store_put_item(items->out, item);
}

/* What waiting readers wait for. */
static void answer_readers(struct server *server)
{
    for (size_t i = 0; i < server->readers.count; i++) {
        struct reader *reader = &server->readers.items[i];
        scoped_str text = STR_INIT;
        struct items items = {.out = &text};
        size_t frame;

        while (reader->wanted && cursor_read(reader->cursor, reader->wanted, put_item, &items) && !items.count)
            ;
        if (items.count) {
            reader->wanted = 0;
            frame = store_frame_begin(&server->out, STORE_ITEMS);
            wire_put_number(&server->out, (int64_t)reader->id);
            wire_put_number(&server->out, (int64_t)items.count);
            str_append_n(&server->out, text.data, text.length);
            store_frame_end(&server->out, frame);
        }
        if (cursor_pending(reader->cursor) != reader->pending_told || cursor_lost(reader->cursor) != reader->lost_told)
            put_cursor(server, reader, false);
    }
}

/* False: the other side is gone, or says what cannot be understood. */
static bool do_frames(struct server *server)
{
    size_t at = 0;

    for (;;) {
        scoped(cleanup_arena) struct arena *arena = arena_new(16 * 1024);
        struct wire_reader in = {.arena = arena};
        enum store_message type;
        size_t taken;
        int r = store_frame_next(str_text(&server->in) + at, server->in.length - at, &type, &in, &taken);

        if (r < 0)
            return false;
        if (r == 0)
            break;
        do_request(server, type, &in);
        if (in.broken || store_db_is_damaged(server->db))
            return false;
        at += taken;
    }
    if (at) {
        memmove(server->in.data, server->in.data + at, server->in.length - at);
        server->in.length -= at;
    }
    store_db_flush(server->db);
    if (store_db_is_damaged(server->db))
        return false;
    put_taken(server);
    answer_readers(server);
    return !store_db_is_damaged(server->db) && write_all(server);
}

static bool say_state(struct server *server)
{
    put_state(server);
    return !store_db_is_damaged(server->db) && write_all(server);
}

static void serve(struct server *server)
{
    struct pollfd pollfd = {.fd = server->fd, .events = POLLIN};
    scoped(cleanup_free) char *buffer = mem_alloc(CHUNK);
    usec_t due = 0; /* monotonic; 0: there is nothing to sync */

    for (;;) {
        usec_t now = clock_monotonic();
        bool tidy;
        ssize_t n;

        if (!due && store_db_is_behind(server->db))
            due = now + SYNC_MS * INT64_C(1000);
        if (due && now >= due) {
            due = 0;
            store_db_sync(server->db);
            server->size = store_db_size(server->db);
            if (!say_state(server))
                return;
            continue;
        }
        tidy = store_db_is_tidy(server->db);
        if (poll(&pollfd, 1, !tidy ? 0 : due ? (int)((due - now) / 1000) + 1 : -1) == 0) {
            store_db_tidy(server->db); /* while nobody asks for anything */
            if (!tidy && !say_state(server))
                return;
            continue;
        }
        n = read(server->fd, buffer, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        str_append_n(&server->in, buffer, (size_t)n);
        if (!do_frames(server))
            return;
    }
}

static void say_failure(struct server *server, const struct error *error)
{
    size_t frame = store_frame_begin(&server->out, STORE_FAILED);

    wire_put_number(&server->out, error->number);
    wire_put_text(&server->out, error->message);
    store_frame_end(&server->out, frame);
    write_all(server);
}

void store_process_run(int fd, const struct store_process *process)
{
    struct server server = {.fd = fd};
    struct error error = ERROR_INIT;

    umask(077);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is a disk that takes no more */
    if (store_db_open(process->path, &process->limits, process->clock, &server.db, &error) < 0) {
        say_failure(&server, &error);
    } else {
        store_db_each_finding(server.db, put_finding, &server);
        store_db_each_note(server.db, put_note, &server);
        server.size = store_db_size(server.db);
        put_state(&server);
        if (write_all(&server))
            serve(&server);
        store_db_close(server.db);
    }
    vec_free(&server.readers);
    str_deinit(&server.in);
    str_deinit(&server.out);
}
