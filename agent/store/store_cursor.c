/* What each sink has still to send: a merge of the transitions that its filter lets through and of records of its own.
 *
 * A record's number is not stored: it follows from the number of the last one confirmed and the order of what comes
 * after, and that order never changes once a record was read. Hence what a sink sends again after a crash has the
 * number that it had. What would disturb the order is written down first: records of its own (outbox), transitions that
 * are read and go from the database before they are confirmed (they move to the outbox), transitions that go unread
 * (one record "lost" that stands for their numbers), and another filter (which applies from the first record on that
 * was not read). */
#include <string.h>

#include "agent/store/store_internal.h"
#include "common/memory.h"
#include "common/text.h"

enum { ROWS_A_READ = 20000 };

static bool filter_passes(const struct store_filter *filter, enum store_row_type type, enum severity severity,
                          enum verdict status, enum verdict previous)
{
    if (type != ROW_FINDING)
        return true;
    return severity >= filter->min_severity && (filter->statuses & (1u << status | 1u << previous));
}

static bool passes(const struct cursor *cursor, uint64_t seq, enum store_row_type type, enum severity severity,
                   enum verdict status, enum verdict previous)
{
    const struct store_filter *filter = seq <= cursor->changed_at ? &cursor->filter_before : &cursor->filter;

    return filter_passes(filter, type, severity, status, previous);
}

bool cursor_passes_row(const struct cursor *cursor, const struct store_row *row)
{
    return passes(cursor, row->seq, row->type, row->severity, row->status, row->previous);
}

static bool statement_passes(const struct cursor *cursor, sqlite3_stmt *statement)
{
    return passes(cursor, (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ),
                  (enum store_row_type)sqlite3_column_int(statement, COLUMN_TYPE),
                  (enum severity)sqlite3_column_int(statement, COLUMN_SEVERITY), sql_verdict(statement, COLUMN_STATUS),
                  sql_verdict(statement, COLUMN_PREVIOUS));
}

void cursor_free(struct cursor *cursor)
{
    for (size_t i = 0; i < cursor->outbox.count; i++)
        free(cursor->outbox.items[i].json);
    vec_free(&cursor->outbox);
    vec_free(&cursor->in_flight);
    vec_free(&cursor->dropped);
    vec_free(&cursor->moving);
    free(cursor->name);
    free(cursor);
}

/* ---- The outbox ---- */

static bool comes_before(const struct outbox_item *a, const struct outbox_item *b)
{
    if (a->after != b->after)
        return a->after < b->after;
    if ((a->kind == ITEM_TRANSITION) != (b->kind == ITEM_TRANSITION))
        return a->kind == ITEM_TRANSITION;
    return a->id < b->id;
}

void cursor_put_item(struct cursor *cursor, struct outbox_item item)
{
    size_t at = cursor->outbox.count;

    vec_push(&cursor->outbox, item);
    cursor->unsaved += item.unsaved;
    for (; at && comes_before(&item, &cursor->outbox.items[at - 1]); at--)
        cursor->outbox.items[at] = cursor->outbox.items[at - 1];
    cursor->outbox.items[at] = item;
}

static void outbox_remove(struct cursor *cursor, size_t at)
{
    vec_push(&cursor->dropped, cursor->outbox.items[at].id);
    cursor->unsaved -= cursor->outbox.items[at].unsaved;
    free(cursor->outbox.items[at].json);
    vec_remove(&cursor->outbox, at);
    cursor->dirty = true;
}

static struct outbox_item *outbox_next(const struct cursor *cursor)
{
    for (size_t i = 0; i < cursor->outbox.count; i++)
        if (!cursor->outbox.items[i].in_flight)
            return &cursor->outbox.items[i];
    return NULL;
}

static size_t outbox_find(const struct cursor *cursor, uint64_t id)
{
    size_t i = 0;

    while (i < cursor->outbox.count && cursor->outbox.items[i].id != id)
        i++;
    return i;
}

int cursor_write_item(const struct cursor *cursor, const struct outbox_item *item)
{
    sqlite3_stmt *statement = sql_statement(cursor->db, SQL_SET_ITEM);

    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_int64(statement, 1, (int64_t)item->id);
    sql_bind_text(statement, 2, cursor->name);
    sqlite3_bind_int64(statement, 3, (int64_t)item->after);
    sqlite3_bind_int(statement, 4, (int)item->kind);
    sqlite3_bind_int64(statement, 5, (int64_t)item->count);
    sql_bind_text(statement, 6, item->json);
    return sql_finish(statement);
}

struct outbox_item cursor_make_item(struct cursor *cursor, enum store_item_kind kind, uint64_t after, const char *json)
{
    return (struct outbox_item){.kind = kind, .id = ++cursor->db->last_item, .after = after, .json = mem_strdup(json)};
}

void cursor_insert(struct cursor *cursor, enum store_item_kind kind, const char *json)
{
    bool in_snapshot = kind == ITEM_SNAPSHOT || kind == ITEM_SNAPSHOT_END;
    struct outbox_item item;

    for (size_t i = cursor->outbox.count; kind == ITEM_HEARTBEAT && i-- > 0;)
        if (cursor->outbox.items[i].kind == ITEM_HEARTBEAT && !cursor->outbox.items[i].in_flight) {
            outbox_remove(cursor, i);
            cursor->pending--;
        }
    item = cursor_make_item(cursor, kind, in_snapshot ? cursor->db->last_seq : cursor->read.seq, json);
    item.unsaved = true;
    cursor_put_item(cursor, item);
    cursor->pending++;
    cursor->dirty = true;
}

bool cursor_has_unread(const struct cursor *cursor, enum store_item_kind kind, const char *json)
{
    for (size_t i = 0; i < cursor->outbox.count; i++) {
        const struct outbox_item *item = &cursor->outbox.items[i];

        if (item->kind == kind && !item->in_flight && strcmp(item->json, json) == 0)
            return true;
    }
    return false;
}

/* ---- Reading and confirming ---- */

struct reader {
    size_t bytes, limit;
    void (*each)(const struct store_item *item, void *user);
    void *user;
};

static void read_transition(struct cursor *cursor, uint64_t seq, const char *json, struct reader *reader)
{
    scoped_str safe = STR_INIT; /* an older version may have stored it otherwise */
    struct store_item item = {.kind = ITEM_TRANSITION, .number = ++cursor->read.number, .seq = seq};

    text_escape_json(&safe, json, strlen(json));
    item.json = str_text(&safe);
    vec_push(&cursor->in_flight, (struct in_flight){.number = item.number, .seq = seq});
    reader->bytes += strlen(json);
    reader->each(&item, reader->user);
}

static void read_item(struct cursor *cursor, struct outbox_item *from, struct reader *reader)
{
    const struct store_item item = {.kind = from->kind,
                                    .number = cursor->read.number += from->count + 1,
                                    .seq = from->after,
                                    .lost = from->count,
                                    .json = from->json};

    from->in_flight = true;
    vec_push(&cursor->in_flight, (struct in_flight){.number = item.number, .seq = from->after, .item = from->id});
    reader->bytes += strlen(from->json);
    reader->each(&item, reader->user);
}

/* The items of the outbox that come before transition SEQ; 0: all. */
static void read_items(struct cursor *cursor, uint64_t seq, struct reader *reader)
{
    struct outbox_item *item;

    while (reader->bytes < reader->limit && (item = outbox_next(cursor)) && (!seq || item->after < seq))
        read_item(cursor, item, reader);
}

bool cursor_read(struct cursor *cursor, size_t limit, void (*each)(const struct store_item *item, void *user),
                 void *user)
{
    struct reader reader = {.limit = limit, .each = each, .user = user};
    struct store_db *db = cursor->db;
    sqlite3_stmt *statement = cursor->read.seq < db->disk_seq ? sql_statement(db, SQL_READ_ROWS) : NULL;
    const struct store_row *row;
    size_t rows = 0;

    if (!db->trouble && cursor->unsaved) /* what is read has its number for good */
        return false;
    if (statement) {
        int r = SQLITE_ROW;

        sqlite3_bind_int64(statement, 1, (int64_t)cursor->read.seq);
        while (reader.bytes < limit && rows++ < ROWS_A_READ && (r = sqlite3_step(statement)) == SQLITE_ROW) {
            uint64_t seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ);

            read_items(cursor, seq, &reader);
            if (reader.bytes >= limit)
                break;
            cursor->read.seq = seq;
            if (statement_passes(cursor, statement))
                read_transition(cursor, seq, sql_text(statement, COLUMN_JSON), &reader);
        }
        sqlite3_reset(statement);
        sql_note_damage(db, r);
        if (reader.bytes >= limit || rows > ROWS_A_READ)
            return true;
    }
    while (reader.bytes < limit && (row = overflow_after(db, cursor->read.seq))) {
        read_items(cursor, row->seq, &reader);
        if (reader.bytes >= limit)
            return true;
        cursor->read.seq = row->seq;
        if (cursor_passes_row(cursor, row))
            read_transition(cursor, row->seq, row->json, &reader);
    }
    read_items(cursor, 0, &reader);
    return reader.bytes >= limit;
}

void cursor_confirm(struct cursor *cursor, uint64_t number)
{
    size_t count = 0;

    while (count < cursor->in_flight.count && cursor->in_flight.items[count].number <= number) {
        const struct in_flight *done = &cursor->in_flight.items[count++];

        cursor->confirmed.number = done->number;
        if (done->seq > cursor->confirmed.seq)
            cursor->confirmed.seq = done->seq;
        if (done->item && outbox_find(cursor, done->item) < cursor->outbox.count)
            outbox_remove(cursor, outbox_find(cursor, done->item));
        cursor->pending--;
    }
    if (!count)
        return;
    cursor->in_flight.count -= count;
    memmove(cursor->in_flight.items, cursor->in_flight.items + count,
            cursor->in_flight.count * sizeof cursor->in_flight.items[0]);
    cursor->dirty = true;
}

void cursor_rewind(struct cursor *cursor)
{
    cursor->read = cursor->confirmed;
    cursor->in_flight.count = 0;
    for (size_t i = 0; i < cursor->outbox.count; i++)
        cursor->outbox.items[i].in_flight = false;
}

uint64_t cursor_pending(const struct cursor *cursor)
{
    return cursor->pending;
}

uint64_t cursor_lost(const struct cursor *cursor)
{
    return cursor->lost;
}

uint64_t cursor_number(const struct cursor *cursor)
{
    return cursor->confirmed.number;
}

void cursors_appended(struct store_db *db, const struct store_row *row)
{
    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        if (cursor_passes_row(cursor, row))
            cursor->pending++;
        else if (cursor->read.seq + 1 == row->seq && !outbox_next(cursor))
            cursor->read.seq = row->seq; /* nothing to be read */
    }
}
