/* History: transitions by time, rule, subject, status and severity. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "agent/store/store_internal.h"

enum { ROWS_A_QUERY = 20000, BYTES = 256 * 1024, SHORT_ID = 12 };

static bool matches_subject(const char *wanted, const char *id, const char *name)
{
    size_t length = strlen(wanted);

    if (strcmp(wanted, id) == 0 || (length >= SHORT_ID && strncmp(wanted, id, length) == 0))
        return true;
    return fnmatch(wanted, name, 0) == 0;
}

/* Of both a row on disk and one in memory. */
struct seen {
    enum severity severity;
    enum verdict status, previous;
    const char *slug, *section, *kind, *id, *name, *json;
    usec_t at;
};

static bool matches(const struct store_query *query, const struct seen *row)
{
    if (query->since && row->at < query->since)
        return false;
    if (query->until && row->at >= query->until)
        return false;
    if (query->severities && !(query->severities & 1u << row->severity))
        return false;
    if (query->statuses && !(query->statuses & (1u << row->status | 1u << row->previous)))
        return false;
    if (query->slug && strcmp(query->slug, row->slug) != 0)
        return false;
    if (query->section && strcmp(query->section, row->section) != 0)
        return false;
    if (query->kind && strcmp(query->kind, row->kind) != 0)
        return false;
    return !query->subject || matches_subject(query->subject, row->id, row->name);
}

static void add(struct str *out, const struct store_query *query, const struct seen *row)
{
    if (!matches(query, row))
        return;
    str_append(out, row->json);
    str_append_char(out, '\n');
}

/* Where to begin: the clock may have been set back, so times are looked at again for each row. */
static uint64_t first_after(struct store_db *db, const struct store_query *query)
{
    int64_t seq = 0;

    if (!query->since || sql_number(db, SQL_SEQ_AT, query->since, &seq) != SQLITE_OK)
        return query->after;
    if (!seq)
        return db->disk_seq > query->after ? db->disk_seq : query->after;
    return (uint64_t)seq - 1 > query->after ? (uint64_t)seq - 1 : query->after;
}

int store_db_query(struct store_db *db, const struct store_query *query, struct str *out, uint64_t *ret_up_to,
                   bool *ret_more, struct error *error)
{
    size_t limit = query->limit ? query->limit : BYTES, rows = 0;
    uint64_t seq = first_after(db, query);
    sqlite3_stmt *statement = seq < db->disk_seq ? sql_statement(db, SQL_READ_ROWS) : NULL;
    const struct store_row *row;
    int r = SQLITE_DONE;

    if (seq < db->disk_seq && !statement)
        return error_set(error, EIO, "store: %s", db->handle ? sqlite3_errmsg(db->handle) : "no database");
    if (statement) {
        sqlite3_bind_int64(statement, 1, (int64_t)seq);
        while (out->length < limit && rows++ < ROWS_A_QUERY && (r = sqlite3_step(statement)) == SQLITE_ROW) {
            seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ);
            add(out, query,
                &(struct seen){.severity = (enum severity)sqlite3_column_int(statement, COLUMN_SEVERITY),
                               .status = (enum verdict)sqlite3_column_int(statement, COLUMN_STATUS),
                               .previous = (enum verdict)sqlite3_column_int(statement, COLUMN_PREVIOUS),
                               .slug = sql_text(statement, COLUMN_SLUG),
                               .section = sql_text(statement, COLUMN_SECTION),
                               .kind = sql_text(statement, COLUMN_KIND),
                               .id = sql_text(statement, COLUMN_ID),
                               .name = sql_text(statement, COLUMN_NAME),
                               .json = sql_text(statement, COLUMN_JSON),
                               .at = sqlite3_column_int64(statement, COLUMN_AT)});
        }
        sqlite3_reset(statement);
        if (r != SQLITE_ROW && r != SQLITE_DONE)
            return error_set(error, EIO, "store: %s", sqlite3_errmsg(db->handle));
    }
    if (r == SQLITE_DONE) {
        if (seq < db->disk_seq)
            seq = db->disk_seq;
        for (; out->length < limit && (row = overflow_after(db, seq)); seq = row->seq)
            add(out, query,
                &(struct seen){.severity = row->severity,
                               .status = row->status,
                               .previous = row->previous,
                               .slug = row->slug,
                               .section = row->section ? row->section : "",
                               .kind = row->kind,
                               .id = row->id,
                               .name = row->name,
                               .json = row->json,
                               .at = row->at});
    }
    *ret_up_to = seq;
    *ret_more = seq < db->last_seq;
    return 0;
}
