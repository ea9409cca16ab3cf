/* One transaction of transitions: what history has of them, and what a restart needs of their findings. */
#include <string.h>

#include "agent/store/store_internal.h"

enum {
    EXECS_KEPT = 65536, /* as many as the evaluator keeps */
    EXECS_SLACK = 8192  /* finding the oldest goes through all of them */
};

static int insert_row(struct store_db *db, const struct store_row *row)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_INSERT_ROW);

    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_int64(statement, 1 + COLUMN_SEQ, (int64_t)row->seq);
    sqlite3_bind_int64(statement, 1 + COLUMN_AT, row->at);
    sqlite3_bind_int(statement, 1 + COLUMN_TYPE, (int)row->type);
    sqlite3_bind_int(statement, 1 + COLUMN_SEVERITY, (int)row->severity);
    sqlite3_bind_int(statement, 1 + COLUMN_STATUS, (int)row->status);
    sqlite3_bind_int(statement, 1 + COLUMN_PREVIOUS, (int)row->previous);
    sql_bind_text(statement, 1 + COLUMN_SLUG, row->slug);
    sql_bind_text(statement, 1 + COLUMN_SECTION, row->section);
    sql_bind_text(statement, 1 + COLUMN_KIND, row->kind);
    sql_bind_text(statement, 1 + COLUMN_ID, row->id);
    sql_bind_text(statement, 1 + COLUMN_NAME, row->name);
    sql_bind_text(statement, 1 + COLUMN_JSON, row->json);
    sqlite3_bind_int(statement, 1 + COLUMN_WAIVED, row->waived);
    return sql_finish(statement);
}

static int set_finding(struct store_db *db, const struct store_row *row)
{
    bool gone = row->status == VERDICT_NONE;
    sqlite3_stmt *statement = sql_statement(db, gone ? SQL_DELETE_FINDING : SQL_SET_FINDING);
    int r;

    if (!statement)
        return SQLITE_ERROR;
    sql_bind_text(statement, 1, row->slug);
    sql_bind_text(statement, 2, row->kind);
    sql_bind_text(statement, 3, row->id);
    if (!gone) {
        sql_bind_text(statement, 4, row->name);
        sqlite3_bind_int(statement, 5, (int)row->status);
        sqlite3_bind_int64(statement, 6, row->since);
        sqlite3_bind_int64(statement, 7, (int64_t)row->seq);
        sqlite3_bind_int(statement, 8, row->waived);
        sql_bind_text(statement, 9, row->extra);
    }
    r = sql_finish(statement);
    if (r != SQLITE_OK || !gone || strcmp(row->kind, "exec") != 0)
        return r;
    statement = sql_statement(db, SQL_CLOSE_EXEC);
    if (statement) {
        sql_bind_text(statement, 1, row->id);
        sqlite3_bind_int64(statement, 2, (int64_t)row->seq);
    }
    db->closed_execs++;
    return sql_finish(statement);
}

static int trim_execs(struct store_db *db)
{
    sqlite3_stmt *statement = sql_statement(db, SQL_TRIM_EXECS);

    if (statement)
        sqlite3_bind_int64(statement, 1, EXECS_KEPT);
    db->closed_execs = EXECS_KEPT; /* after a failure more than that, once */
    return sql_finish(statement);
}

/* COUNT rows are stored. What the disk did not take before belongs to another stream, which is on disk with the last of
 * it: until then a kill leaves the stream before, in which nothing of it was seen. */
static bool stream_is_due(const struct store_db *db, size_t count)
{
    return db->stream_unsaved && db->overflow.count <= count;
}

int store_rows(struct store_db *db, const struct store_row *rows, size_t count)
{
    int r = sql_run(db, SQL_BEGIN);

    for (size_t i = 0; i < count && r == SQLITE_OK; i++) {
        r = insert_row(db, &rows[i]);
        if (r == SQLITE_OK && rows[i].type == ROW_FINDING)
            r = set_finding(db, &rows[i]);
    }
    if (r == SQLITE_OK && db->closed_execs > EXECS_KEPT + EXECS_SLACK)
        r = trim_execs(db);
    if (r == SQLITE_OK && stream_is_due(db, count))
        r = sql_set_meta(db, "stream", db->stream);
    if (r == SQLITE_OK)
        r = cursors_save(db);
    if (r == SQLITE_OK)
        r = sql_run(db, SQL_COMMIT);
    if (r != SQLITE_OK) {
        sql_roll_back(db);
        return r;
    }
    if (stream_is_due(db, count))
        db->stream_unsaved = false;
    db->unsynced = true;
    cursors_saved(db);
    if (count) {
        db->disk_seq = rows[count - 1].seq;
        if (db->oldest > db->disk_seq || !db->oldest)
            db->oldest = rows[0].seq;
    }
    return SQLITE_OK;
}
