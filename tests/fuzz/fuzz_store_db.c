/* Any bytes as the store's database on disk: opened as its process does, read, written to and closed. What is damaged
 * is set aside, and a store is there in any case. */
#include <string.h>

#include "agent/store/store_db.h"
#include "common/log.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_sqlite.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    static const char *const statements[] = {
        "UPDATE findings SET status = ?2",
        "UPDATE findings SET seq = ?2, since = ?2",
        "UPDATE findings SET extra = ?1, name = ?1",
        "UPDATE findings SET kind = 'exec', extra = '{\"c\":1}'",
        "UPDATE transitions SET seq = ?2 WHERE seq = (SELECT max(seq) FROM transitions)",
        "UPDATE transitions SET at = ?2, type = ?2",
        "UPDATE transitions SET severity = ?2, status = ?2, previous = ?2",
        "UPDATE transitions SET json = ?1, slug = ?1",
        "DELETE FROM transitions WHERE seq % 2 = 0",
        "UPDATE transitions SET seq = seq + 100",
        "UPDATE cursors SET seq = ?2",
        "UPDATE cursors SET number = ?2, lost = ?2, sent = ?2",
        "UPDATE cursors SET min_severity = ?2, statuses = ?2, changed_at = ?2",
        "UPDATE outbox SET kind = ?2, count = ?2",
        "UPDATE outbox SET after = ?2, json = ?1",
        "INSERT INTO outbox(cursor, after, kind, count, json) VALUES('s', ?2, 1, 1, '{}')",
        "UPDATE meta SET value = ?2",
        "UPDATE meta SET value = ?1 WHERE key = 'stream'",
        "DELETE FROM meta",
        "INSERT INTO closed_execs VALUES(?1, ?2)",
        "DROP TABLE outbox",
        "DROP INDEX transitions_at",
        "ALTER TABLE findings DROP COLUMN extra",
        "CREATE TRIGGER t AFTER INSERT ON transitions BEGIN DELETE FROM findings; END",
        "CREATE VIEW v AS SELECT 1",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7",
        "UPDATE sqlite_schema SET rootpage = ?2 WHERE name = 'findings'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE transitions(seq)' WHERE name = 'transitions'",
        "VACUUM",
    };

    return mutate_sqlite(data, size, max_size, seed, statements, sizeof statements / sizeof *statements);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static void on_finding(const struct store_finding *finding, void *user)
{
    (void)user;
    require(finding->slug && finding->kind && finding->id && finding->name);
    require((unsigned)finding->status < VERDICT_COUNT);
}

static void on_note(const char *name, const char *text, void *user)
{
    (void)user;
    require(name && text);
}

static void on_item(const struct store_item *item, void *user)
{
    uint64_t *last = user;

    require(item->json && item->number > *last && (unsigned)item->kind < ITEM_KIND_COUNT);
    *last = item->number;
}

static void read_cursor(struct store_db *db)
{
    const struct store_filter all = {.statuses = UINT32_MAX};
    uint64_t last;
    bool is_new;
    struct cursor *cursor = cursor_open(db, "s", &all, 0, &is_new);

    last = cursor_number(cursor);
    cursor_insert(cursor, ITEM_HEARTBEAT, "{}");
    store_db_flush(db);
    for (int pages = 0; pages < 8 && cursor_read(cursor, 4096, on_item, &last); pages++)
        ;
    cursor_confirm(cursor, last);
    cursor_rewind(cursor);
    cursor_pending(cursor);
    cursor_lost(cursor);
}

static void read_history(struct store_db *db)
{
    const struct store_query query = {.subject = "web"};
    uint64_t up_to;
    scoped_str out = STR_INIT;
    struct error error = ERROR_INIT;
    bool more;

    if (store_db_query(db, &(struct store_query){0}, &out, &up_to, &more, &error) < 0)
        require(*error.text);
    store_db_query(db, &query, &out, &up_to, &more, NULL);
}

static void append(struct store_db *db)
{
    const struct store_row row = {.seq = store_db_last_seq(db) + 1,
                                  .at = 1,
                                  .since = 1,
                                  .status = VERDICT_FAIL,
                                  .slug = "a",
                                  .kind = "container",
                                  .id = "c",
                                  .name = "n",
                                  .json = "{}"};

    store_db_append(db, &row, 1);
    require(store_db_is_damaged(db) || store_db_last_seq(db) == row.seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct store_limits limits = {.bytes = 1 << 20, .age = 90 * 86400 * USEC_PER_SEC};
    const struct clock clock = clock_fixed(INT64_C(1795514400) * USEC_PER_SEC);
    scoped(cleanup_free) char *path = NULL, *boot = NULL;
    struct store_db *db = NULL;
    struct folder folder;

    log_set_level((enum log_level)0); /* nothing, or a damaged file would be a line for each input */
    folder_make(&folder);
    folder_put(&folder, "store", data, size);
    folder_put(&folder, "boot_id", "0b0ee4c4-0000-4000-8000-000000000000\n", 37);
    path = mem_printf("%s/store", folder.path);
    boot = mem_printf("%s/boot_id", folder.path);
    require(store_db_open_after_boot(path, boot, &limits, &clock, &db, NULL) == 0);
    require(strlen(store_db_stream(db)) == STREAM_LENGTH);
    store_db_each_finding(db, on_finding, NULL);
    store_db_each_note(db, on_note, NULL);
    if (store_db_last_seq(db) < INT64_MAX - 1)
        append(db);
    read_history(db);
    read_cursor(db);
    store_db_note(db, "n", "t");
    store_db_tidy(db);
    store_db_sync(db);
    store_db_oldest_time(db);
    store_db_close(db);
    folder_remove(&folder);
    return 0;
}
