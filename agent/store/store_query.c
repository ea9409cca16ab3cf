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
    bool waived;
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
    if (query->waived && !(query->waived & 1u << row->waived))
        return false;
    if (query->slug && strcmp(query->slug, row->slug) != 0)
        return false;
    if (query->section && strcmp(query->section, row->section) != 0)
        return false;
    if (query->kind && strcmp(query->kind, row->kind) != 0)
        return false;
    return !query->subject || matches_subject(query->subject, row->id, row->name);
}

/* What a query has found so far. */
struct found {
    const struct store_query *query;
    struct str *out;
    size_t bytes, count; /* before no more is looked for */
};

static bool is_enough(const struct found *found)
{
    return found->out->length >= found->bytes || !found->count;
}

static void add(struct found *found, const struct seen *row)
{
    if (!matches(found->query, row))
        return;
    str_append(found->out, row->json);
    str_append_char(found->out, '\n');
    found->count--;
}

usec_t query_time_of(struct store_db *db, uint64_t seq)
{
    int64_t at = 0;

    return sql_number(db, SQL_AT, (int64_t)seq, &at) == SQLITE_OK ? at : 0;
}

/* Which transitions on disk are to be looked at. The clock may have been set back, so the times of each are compared as
 * well. The pages of one query ask for the same. */
static int find_span(struct store_db *db, const struct store_query *query, struct span *ret)
{
    usec_t until = query->until ? query->until : INT64_MAX;
    sqlite3_stmt *statement;
    int r;

    *ret = (struct span){.since = query->since, .until = until, .disk_seq = db->disk_seq, .last = db->disk_seq};
    if (!query->since && !query->until)
        return SQLITE_OK;
    if (!query->until && query_time_of(db, query->after + 1) >= query->since)
        return SQLITE_OK;
    if (db->span.since == ret->since && db->span.until == until && db->span.disk_seq == db->disk_seq) {
        *ret = db->span;
        return SQLITE_OK;
    }
    statement = sql_statement(db, SQL_SPAN);
    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_int64(statement, 1, query->since);
    sqlite3_bind_int64(statement, 2, until);
    r = sqlite3_step(statement);
    if (r == SQLITE_ROW) {
        ret->first = (uint64_t)sqlite3_column_int64(statement, 0);
        ret->last = (uint64_t)sqlite3_column_int64(statement, 1);
        db->span = *ret;
    }
    sqlite3_reset(statement);
    return r == SQLITE_ROW ? SQLITE_OK : r;
}

int store_db_query(struct store_db *db, const struct store_query *query, struct str *out, uint64_t *ret_up_to,
                   bool *ret_more, struct error *error)
{
    struct found found = {.query = query,
                          .out = out,
                          .bytes = query->limit ? query->limit : BYTES,
                          .count = query->count ? query->count : SIZE_MAX};
    size_t rows = 0;
    uint64_t seq = query->after;
    sqlite3_stmt *statement = NULL;
    const struct store_row *row;
    struct span span = {0};
    int r = seq < db->disk_seq ? find_span(db, query, &span) : SQLITE_OK;

    if (seq + 1 < span.first)
        seq = span.first - 1;
    if (r == SQLITE_OK && seq < span.last)
        statement = sql_statement(db, SQL_READ_ROWS);
    if (r != SQLITE_OK || (seq < span.last && !statement))
        return error_set(error, EIO, "store: %s", db->handle ? sqlite3_errmsg(db->handle) : "no database");
    r = SQLITE_DONE;
    if (statement) {
        sqlite3_bind_int64(statement, 1, (int64_t)seq);
        while (!is_enough(&found) && rows++ < ROWS_A_QUERY && seq < span.last &&
               (r = sqlite3_step(statement)) == SQLITE_ROW) {
            seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ);
            add(&found, &(struct seen){.severity = (enum severity)sqlite3_column_int(statement, COLUMN_SEVERITY),
                                       .status = (enum verdict)sqlite3_column_int(statement, COLUMN_STATUS),
                                       .previous = (enum verdict)sqlite3_column_int(statement, COLUMN_PREVIOUS),
                                       .slug = sql_text(statement, COLUMN_SLUG),
                                       .section = sql_text(statement, COLUMN_SECTION),
                                       .kind = sql_text(statement, COLUMN_KIND),
                                       .id = sql_text(statement, COLUMN_ID),
                                       .name = sql_text(statement, COLUMN_NAME),
                                       .json = sql_text(statement, COLUMN_JSON),
                                       .waived = sqlite3_column_int(statement, COLUMN_WAIVED),
                                       .at = sqlite3_column_int64(statement, COLUMN_AT)});
        }
        sqlite3_reset(statement);
        if (r != SQLITE_ROW && r != SQLITE_DONE)
            return error_set(error, EIO, "store: %s", sqlite3_errmsg(db->handle));
    }
    if (r == SQLITE_DONE || seq >= span.last) {
        if (seq < db->disk_seq)
            seq = db->disk_seq;
        for (; !is_enough(&found) && (row = overflow_after(db, seq)); seq = row->seq)
            add(&found, &(struct seen){.severity = row->severity,
                                       .status = row->status,
                                       .previous = row->previous,
                                       .slug = row->slug,
                                       .section = row->section ? row->section : "",
                                       .kind = row->kind,
                                       .id = row->id,
                                       .name = row->name,
                                       .json = row->json,
                                       .waived = row->waived,
                                       .at = row->at});
    }
    *ret_up_to = seq;
    *ret_more = seq < db->last_seq;
    return 0;
}
