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

static bool row_passes(const struct cursor *cursor, const struct store_row *row)
{
    return passes(cursor, row->seq, row->type, row->severity, row->status, row->previous);
}

static bool statement_passes(const struct cursor *cursor, sqlite3_stmt *statement)
{
    return passes(cursor, (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ),
                  (enum store_row_type)sqlite3_column_int(statement, COLUMN_TYPE),
                  (enum severity)sqlite3_column_int(statement, COLUMN_SEVERITY),
                  (enum verdict)sqlite3_column_int(statement, COLUMN_STATUS),
                  (enum verdict)sqlite3_column_int(statement, COLUMN_PREVIOUS));
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

static void outbox_put(struct cursor *cursor, struct outbox_item item)
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

static int write_item(const struct cursor *cursor, const struct outbox_item *item)
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

static struct outbox_item outbox_item(struct cursor *cursor, enum store_item_kind kind, uint64_t after,
                                      const char *json)
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
    item = outbox_item(cursor, kind, in_snapshot ? cursor->db->last_seq : cursor->read.seq, json);
    item.unsaved = true;
    outbox_put(cursor, item);
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
    const struct store_item item = {.kind = ITEM_TRANSITION, .number = ++cursor->read.number, .seq = seq, .json = json};

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
        if (row_passes(cursor, row))
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

/* ---- What is stored, and what goes ---- */

void cursors_appended(struct store_db *db, const struct store_row *row)
{
    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        if (row_passes(cursor, row))
            cursor->pending++;
        else if (cursor->read.seq + 1 == row->seq && !outbox_next(cursor))
            cursor->read.seq = row->seq; /* nothing to be read */
    }
}

/* Calls EACH for the transitions of the store that are after FROM and not after TO. */
static void each_row(struct store_db *db, uint64_t from, uint64_t to,
                     void (*each)(struct cursor *cursor, const struct store_row *row), struct cursor *cursor)
{
    sqlite3_stmt *statement = from < db->disk_seq ? sql_statement(db, SQL_READ_ROWS) : NULL;
    const struct store_row *next;

    if (statement) {
        sqlite3_bind_int64(statement, 1, (int64_t)from);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            struct store_row row = {.seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ),
                                    .type = (enum store_row_type)sqlite3_column_int(statement, COLUMN_TYPE),
                                    .severity = (enum severity)sqlite3_column_int(statement, COLUMN_SEVERITY),
                                    .status = (enum verdict)sqlite3_column_int(statement, COLUMN_STATUS),
                                    .previous = (enum verdict)sqlite3_column_int(statement, COLUMN_PREVIOUS),
                                    .json = sql_text(statement, COLUMN_JSON)};

            if (row.seq > to)
                break;
            each(cursor, &row);
        }
        sqlite3_reset(statement);
    }
    for (uint64_t seq = from; (next = overflow_after(db, seq)) && next->seq <= to; seq = next->seq)
        each(cursor, next);
}

static void count_pending(struct cursor *cursor, const struct store_row *row)
{
    cursor->pending += row_passes(cursor, row);
}

/* A transition that was read and not confirmed moves to the outbox; what was not read is counted. */
static void row_goes(struct cursor *cursor, const struct store_row *row)
{
    if (row->seq > cursor->read.seq) {
        cursor->going += row_passes(cursor, row);
        return;
    }
    for (size_t i = 0; i < cursor->in_flight.count; i++)
        if (!cursor->in_flight.items[i].item && cursor->in_flight.items[i].seq == row->seq) {
            struct outbox_item item = outbox_item(cursor, ITEM_TRANSITION, row->seq, row->json);

            item.in_flight = true;
            item.unsaved = cursor->db->trouble != NULL;
            vec_push(&cursor->moving, item);
            if (!item.unsaved && cursor->trim_result == SQLITE_OK)
                cursor->trim_result = write_item(cursor, &item);
            return;
        }
}

/* The record that says what went unread before, if the sink has not read that either and nothing is between it and
 * transition SEQ. */
static struct outbox_item *unread_loss(const struct cursor *cursor, uint64_t seq)
{
    struct outbox_item *last = NULL;

    for (size_t i = cursor->outbox.count; i-- > 0 && !last;)
        if (cursor->outbox.items[i].after <= seq)
            last = &cursor->outbox.items[i];
    return last && last->kind == ITEM_LOST && !last->in_flight ? last : NULL;
}

static void write_loss(struct cursor *cursor, uint64_t seq)
{
    const struct outbox_item *before = unread_loss(cursor, seq);

    cursor->going_item = (struct outbox_item){.kind = ITEM_LOST,
                                              .id = before ? before->id : ++cursor->db->last_item,
                                              .after = seq,
                                              .count = cursor->going + (before ? before->count : 0),
                                              .unsaved = cursor->db->trouble != NULL,
                                              .json = mem_strdup("")};
    if (!cursor->going_item.unsaved && cursor->trim_result == SQLITE_OK)
        cursor->trim_result = write_item(cursor, &cursor->going_item);
}

int cursors_trim(struct store_db *db, uint64_t seq)
{
    int r = SQLITE_OK;

    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        if (cursor->confirmed.seq >= seq)
            continue;
        cursor->trim_result = SQLITE_OK;
        each_row(db, cursor->confirmed.seq, seq, row_goes, cursor);
        if (cursor->going)
            write_loss(cursor, seq);
        cursor->dirty = true;
        if (r == SQLITE_OK)
            r = cursor->trim_result;
    }
    return r;
}

static void move_to_outbox(struct cursor *cursor, struct outbox_item item)
{
    for (size_t i = 0; i < cursor->in_flight.count; i++)
        if (!cursor->in_flight.items[i].item && cursor->in_flight.items[i].seq == item.after)
            cursor->in_flight.items[i].item = item.id;
    outbox_put(cursor, item);
}

static void apply_loss(struct cursor *cursor)
{
    struct outbox_item *before = unread_loss(cursor, cursor->going_item.after);

    cursor->pending -= cursor->going;
    cursor->lost += cursor->going;
    if (before) {
        before->count = cursor->going_item.count;
        before->after = cursor->going_item.after;
        cursor->unsaved += cursor->going_item.unsaved && !before->unsaved;
        before->unsaved = before->unsaved || cursor->going_item.unsaved;
    } else {
        outbox_put(cursor, cursor->going_item);
        cursor->going_item.json = NULL;
        cursor->pending++;
    }
}

void cursors_trimmed(struct store_db *db, bool done)
{
    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        for (size_t j = 0; j < cursor->moving.count; j++)
            if (done)
                move_to_outbox(cursor, cursor->moving.items[j]);
            else
                free(cursor->moving.items[j].json);
        cursor->moving.count = 0;
        if (done && cursor->going)
            apply_loss(cursor);
        free(take(cursor->going_item.json));
        cursor->going = 0;
    }
}

/* ---- On disk ---- */

static int save(struct cursor *cursor)
{
    sqlite3_stmt *statement = sql_statement(cursor->db, SQL_SET_CURSOR);
    int r;

    if (!statement)
        return SQLITE_ERROR;
    sql_bind_text(statement, 1, cursor->name);
    sqlite3_bind_int64(statement, 2, (int64_t)cursor->confirmed.seq);
    sqlite3_bind_int64(statement, 3, (int64_t)cursor->confirmed.number);
    sqlite3_bind_int64(statement, 4, (int64_t)(cursor->lost + cursor->going));
    sqlite3_bind_int64(statement, 5, (int64_t)cursor->read.seq);
    sqlite3_bind_int(statement, 6, (int)cursor->filter.min_severity);
    sqlite3_bind_int(statement, 7, (int)cursor->filter.statuses);
    sqlite3_bind_int64(statement, 8, (int64_t)cursor->changed_at);
    sqlite3_bind_int(statement, 9, (int)cursor->filter_before.min_severity);
    sqlite3_bind_int(statement, 10, (int)cursor->filter_before.statuses);
    r = sql_finish(statement);
    for (size_t i = 0; i < cursor->dropped.count && r == SQLITE_OK; i++) {
        statement = sql_statement(cursor->db, SQL_DELETE_ITEM);
        if (statement)
            sqlite3_bind_int64(statement, 1, (int64_t)cursor->dropped.items[i]);
        r = sql_finish(statement);
    }
    for (size_t i = cursor->outbox.count, left = cursor->unsaved; left && i-- > 0 && r == SQLITE_OK;)
        if (cursor->outbox.items[i].unsaved) {
            r = write_item(cursor, &cursor->outbox.items[i]);
            left--;
        }
    return r;
}

int cursors_save(struct store_db *db)
{
    int r = SQLITE_OK;

    for (size_t i = 0; i < db->cursors.count && r == SQLITE_OK; i++)
        if (db->cursors.items[i]->dirty)
            r = save(db->cursors.items[i]);
    return r;
}

void cursors_saved(struct store_db *db)
{
    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        cursor->dirty = false;
        cursor->dropped.count = 0;
        for (size_t j = cursor->outbox.count; cursor->unsaved && j-- > 0;) {
            cursor->unsaved -= cursor->outbox.items[j].unsaved;
            cursor->outbox.items[j].unsaved = false;
        }
    }
}

static struct cursor *find(const struct store_db *db, const char *name)
{
    for (size_t i = 0; i < db->cursors.count; i++)
        if (strcmp(db->cursors.items[i]->name, name) == 0)
            return db->cursors.items[i];
    return NULL;
}

static struct store_filter filter_at(sqlite3_stmt *statement, int column)
{
    return (struct store_filter){.min_severity = (enum severity)sqlite3_column_int(statement, column),
                                 .statuses = (unsigned)sqlite3_column_int(statement, column + 1)};
}

static int load_cursors(struct store_db *db)
{
    static const char sql[] = "SELECT name, seq, number, lost, sent, min_severity, statuses, changed_at,"
                              " min_severity_before, statuses_before FROM cursors";
    sqlite3_stmt *statement;
    int r = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

    while (r == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        struct cursor *cursor = mem_alloc(sizeof *cursor);

        cursor->db = db;
        cursor->name = mem_strdup(sql_text(statement, 0));
        cursor->confirmed.seq = (uint64_t)sqlite3_column_int64(statement, 1);
        cursor->confirmed.number = (uint64_t)sqlite3_column_int64(statement, 2);
        cursor->lost = (uint64_t)sqlite3_column_int64(statement, 3);
        cursor->read = cursor->confirmed;
        cursor->filter = filter_at(statement, 5);
        cursor->changed_at = (uint64_t)sqlite3_column_int64(statement, 7);
        cursor->filter_before = filter_at(statement, 8);
        /* until cursor_open() says what applies now */
        cursor->read.seq = (uint64_t)sqlite3_column_int64(statement, 4);
        vec_push(&db->cursors, cursor);
    }
    sqlite3_finalize(statement);
    return r;
}

int cursors_load(struct store_db *db)
{
    sqlite3_stmt *statement;
    int r = load_cursors(db);

    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(db->handle, "SELECT id, cursor, after, kind, count, json FROM outbox ORDER BY id", -1,
                               &statement, NULL);
    if (r != SQLITE_OK)
        return r;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        struct cursor *cursor = find(db, sql_text(statement, 1));
        int kind = sqlite3_column_int(statement, 3);
        struct outbox_item item = {.id = (uint64_t)sqlite3_column_int64(statement, 0),
                                   .after = (uint64_t)sqlite3_column_int64(statement, 2),
                                   .kind = (enum store_item_kind)kind,
                                   .count = (uint64_t)sqlite3_column_int64(statement, 4)};

        if (item.id > db->last_item)
            db->last_item = item.id;
        if (!cursor || kind < 0 || kind >= ITEM_KIND_COUNT)
            continue;
        item.json = mem_strdup(sql_text(statement, 5));
        outbox_put(cursor, item);
    }
    sqlite3_finalize(statement);
    return SQLITE_OK;
}

static bool same_filter(const struct store_filter *a, const struct store_filter *b)
{
    return a->min_severity == b->min_severity && a->statuses == b->statuses;
}

static void count_all_pending(struct cursor *cursor)
{
    cursor->pending = cursor->outbox.count;
    each_row(cursor->db, cursor->confirmed.seq, cursor->db->last_seq, count_pending, cursor);
}

void cursor_set_filter(struct cursor *cursor, const struct store_filter *filter)
{
    if (same_filter(&cursor->filter, filter))
        return;
    cursor->filter_before = cursor->filter;
    cursor->changed_at = cursor->read.seq;
    cursor->filter = *filter;
    cursor->dirty = true;
    count_all_pending(cursor);
}

struct cursor *cursor_open(struct store_db *db, const char *name, const struct store_filter *filter, uint64_t after,
                           bool *ret_new)
{
    struct cursor *cursor = find(db, name);

    *ret_new = !cursor;
    if (!cursor) {
        cursor = mem_alloc(sizeof *cursor);
        cursor->db = db;
        cursor->name = mem_strdup(name);
        cursor->confirmed.seq = after;
        cursor->read = cursor->confirmed;
        cursor->filter = *filter;
        cursor->dirty = true;
        vec_push(&db->cursors, cursor);
    }
    cursor_set_filter(cursor, filter);
    cursor_rewind(cursor);
    count_all_pending(cursor);
    return cursor;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void delete_by_name(struct store_db *db, enum statement which, const char *name)
{
    sqlite3_stmt *statement = sql_statement(db, which);

    if (!statement)
        return;
    sql_bind_text(statement, 1, name);
    sql_finish(statement);
}

void cursor_keep_only(struct store_db *db, const char *const *names, size_t count)
{
    for (size_t i = db->cursors.count; i-- > 0;) {
        struct cursor *cursor = db->cursors.items[i];

        if (is_among(cursor->name, names, count))
            continue;
        delete_by_name(db, SQL_DELETE_CURSOR, cursor->name);
        delete_by_name(db, SQL_DELETE_ITEMS_OF, cursor->name);
        cursor_free(cursor);
        vec_remove(&db->cursors, i);
    }
}
