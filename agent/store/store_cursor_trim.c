/* What cursors lose, and what they keep, of transitions that go from the store before they were sent. */
#include "agent/store/store_internal.h"
#include "common/memory.h"

void cursor_each_row(struct store_db *db, uint64_t from, uint64_t to,
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
                                    .status = sql_verdict(statement, COLUMN_STATUS),
                                    .previous = sql_verdict(statement, COLUMN_PREVIOUS),
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

/* A transition that was read and not confirmed moves to the outbox; what was not read is counted. */
static void row_goes(struct cursor *cursor, const struct store_row *row)
{
    if (row->seq > cursor->read.seq) {
        cursor->going += cursor_passes_row(cursor, row);
        return;
    }
    for (size_t i = 0; i < cursor->in_flight.count; i++)
        if (!cursor->in_flight.items[i].item && cursor->in_flight.items[i].seq == row->seq) {
            struct outbox_item item = cursor_make_item(cursor, ITEM_TRANSITION, row->seq, row->json);

            item.in_flight = true;
            item.unsaved = cursor->db->trouble != NULL;
            vec_push(&cursor->moving, item);
            if (!item.unsaved && cursor->trim_result == SQLITE_OK)
                cursor->trim_result = cursor_write_item(cursor, &item);
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
        cursor->trim_result = cursor_write_item(cursor, &cursor->going_item);
}

int cursors_trim(struct store_db *db, uint64_t seq)
{
    int r = SQLITE_OK;

    for (size_t i = 0; i < db->cursors.count; i++) {
        struct cursor *cursor = db->cursors.items[i];

        if (cursor->confirmed.seq >= seq)
            continue;
        cursor->trim_result = SQLITE_OK;
        cursor_each_row(db, cursor->confirmed.seq, seq, row_goes, cursor);
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
    cursor_put_item(cursor, item);
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
        cursor_put_item(cursor, cursor->going_item);
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
