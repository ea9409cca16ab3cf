/* Cursors and their outboxes on disk. */
#include <string.h>

#include "agent/store/store_internal.h"
#include "common/memory.h"

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
            r = cursor_write_item(cursor, &cursor->outbox.items[i]);
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

/* A number below 0 was never written. */
static uint64_t number_at(sqlite3_stmt *statement, int column)
{
    int64_t number = sqlite3_column_int64(statement, column);

    return number > 0 ? (uint64_t)number : 0;
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
        cursor->confirmed.seq = number_at(statement, 1);
        cursor->confirmed.number = number_at(statement, 2);
        cursor->lost = number_at(statement, 3);
        cursor->read = cursor->confirmed;
        cursor->filter = filter_at(statement, 5);
        cursor->changed_at = number_at(statement, 7);
        cursor->filter_before = filter_at(statement, 8);
        /* until cursor_open() says what applies now */
        cursor->read.seq = number_at(statement, 4);
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
        struct outbox_item item = {.id = number_at(statement, 0),
                                   .after = number_at(statement, 2),
                                   .kind = (enum store_item_kind)kind,
                                   .count = number_at(statement, 4)};

        if (item.id > db->last_item)
            db->last_item = item.id;
        if (!cursor || kind < 0 || kind >= ITEM_KIND_COUNT)
            continue;
        item.json = mem_strdup(sql_text(statement, 5));
        cursor_put_item(cursor, item);
    }
    sqlite3_finalize(statement);
    return SQLITE_OK;
}

static bool same_filter(const struct store_filter *a, const struct store_filter *b)
{
    return a->min_severity == b->min_severity && a->statuses == b->statuses;
}

/* Of the transitions on disk after FROM, up to TO, those that FILTER lets through. */
static uint64_t count_on_disk(struct store_db *db, uint64_t from, uint64_t to, const struct store_filter *filter)
{
    sqlite3_stmt *statement = from < to ? sql_statement(db, SQL_COUNT_PASSING) : NULL;
    uint64_t count = 0;

    if (!statement)
        return 0;
    sqlite3_bind_int64(statement, 1, (int64_t)from);
    sqlite3_bind_int64(statement, 2, (int64_t)to);
    sqlite3_bind_int(statement, 3, ROW_FINDING);
    sqlite3_bind_int(statement, 4, (int)filter->min_severity);
    sqlite3_bind_int64(statement, 5, filter->statuses);
    if (sqlite3_step(statement) == SQLITE_ROW)
        count = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return count;
}

/* Once for each cursor: it goes through all that the sink has not confirmed. */
static void count_pending(struct cursor *cursor)
{
    struct store_db *db = cursor->db;
    uint64_t from = cursor->confirmed.seq, changed_at = cursor->changed_at > from ? cursor->changed_at : from;
    const struct store_row *row;

    cursor->pending = cursor->outbox.count + count_on_disk(db, from, changed_at, &cursor->filter_before) +
                      count_on_disk(db, changed_at, db->disk_seq, &cursor->filter);
    for (uint64_t seq = from; (row = overflow_after(db, seq)); seq = row->seq)
        cursor->pending += cursor_passes_row(cursor, row);
    cursor->is_counted = true;
}

void cursor_set_filter(struct cursor *cursor, const struct store_filter *filter)
{
    if (same_filter(&cursor->filter, filter))
        return;
    cursor->filter_before = cursor->filter;
    cursor->changed_at = cursor->read.seq;
    cursor->filter = *filter;
    cursor->dirty = true;
    count_pending(cursor);
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
    if (!cursor->is_counted)
        count_pending(cursor);
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
