/* History: transitions by time, rule, subject, status and severity. */
#include <errno.h>
#include <string.h>

#include "agent/model/subject_filter.h"
#include "agent/store/store_internal.h"
#include "common/text.h"

enum { ROWS_A_QUERY = 20000 };

/* As SQL_FIND_ROWS does on disk, and the subject. */
static bool matches(const struct store_query *query, const struct store_row *row)
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
    if (query->section && !str_equal(query->section, row->section))
        return false;
    if (query->kind && strcmp(query->kind, row->kind) != 0)
        return false;
    return !query->subject || subject_filter_matches(query->subject, row->kind, row->id, row->name);
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

static void add(struct found *found, const char *json)
{
    text_escape_json(found->out, json, strlen(json)); /* an older version may have stored it otherwise */
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

/* Those on disk after *SEQ, up to END. *SEQ: up to there all were looked at. A result code of SQLite. */
static int query_disk(struct store_db *db, struct found *found, uint64_t end, uint64_t *seq)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_FIND_ROWS);
    const struct store_query *query = found->query;
    int r = SQLITE_ROW;

    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_int64(statement, 1, (int64_t)*seq);
    sqlite3_bind_int64(statement, 2, (int64_t)end);
    sqlite3_bind_int64(statement, 3, query->since);
    sqlite3_bind_int64(statement, 4, query->until ? query->until : INT64_MAX);
    sqlite3_bind_int64(statement, 5, query->severities);
    sqlite3_bind_int64(statement, 6, query->statuses);
    sql_bind_text(statement, 7, query->slug);
    sql_bind_text(statement, 8, query->section);
    sql_bind_text(statement, 9, query->kind);
    sqlite3_bind_int64(statement, 10, query->waived);
    while (!is_enough(found) && (r = sqlite3_step(statement)) == SQLITE_ROW) {
        *seq = (uint64_t)sqlite3_column_int64(statement, FOUND_SEQ);
        if (!query->subject || subject_filter_matches(query->subject, sql_text(statement, FOUND_KIND),
                                                      sql_text(statement, FOUND_ID), sql_text(statement, FOUND_NAME)))
            add(found, sql_text(statement, FOUND_JSON));
    }
    sqlite3_reset(statement);
    sql_note_damage(db, r);
    if (r == SQLITE_DONE)
        *seq = end;
    return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static void query_overflow(struct store_db *db, struct found *found, uint64_t *seq)
{
    const struct store_row *row;

    for (; !is_enough(found) && (row = overflow_after(db, *seq)); *seq = row->seq)
        if (matches(found->query, row))
            add(found, row->json);
}

int store_db_query(struct store_db *db, const struct store_query *query, struct str *out, uint64_t *ret_up_to,
                   bool *ret_more, struct error *error)
{
    struct found found = {.query = query,
                          .out = out,
                          .bytes = query->limit ? query->limit : STORE_PAGE_BYTES,
                          .count = query->count ? query->count : SIZE_MAX};
    uint64_t seq = query->after;
    struct span span = {0};
    int r = seq < db->disk_seq ? find_span(db, query, &span) : SQLITE_OK;

    if (seq + 1 < span.first)
        seq = span.first - 1;
    if (r == SQLITE_OK && seq < span.last)
        r = query_disk(db, &found, span.last - seq > ROWS_A_QUERY ? seq + ROWS_A_QUERY : span.last, &seq);
    if (r != SQLITE_OK)
        return error_set(error, EIO, "store: %s", db->handle ? sqlite3_errmsg(db->handle) : M_("no database"));
    if (seq >= span.last) {
        if (seq < db->disk_seq)
            seq = db->disk_seq;
        query_overflow(db, &found, &seq);
    }
    *ret_up_to = seq;
    *ret_more = seq < db->last_seq;
    return 0;
}
