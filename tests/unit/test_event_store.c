/* The store on disk: numbers, findings that a restart needs, cursors of sinks, bounds, damage, full disks. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/store/store_db.h"
#include "common/map.h"
#include "common/memory.h"

enum { DAY = 86400 };
#define START (INT64_C(1700000000) * USEC_PER_SEC)

static char folder[] = "/tmp/event-store-XXXXXX";
static char *path;
static struct clock test_clock;
static const struct store_filter everything = {.min_severity = SEVERITY_LOW, .statuses = ~0u};

static void set_up(void)
{
    strcpy(folder, "/tmp/event-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    path = mem_printf("%s/agent.db", folder);
    test_clock = clock_fixed(START);
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    ck_assert_int_eq(system(command), 0);
    free(path);
}

static struct store_db *open_store(const struct store_limits *limits)
{
    static const struct store_limits none;
    struct store_db *db = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(store_db_open(path, limits ? limits : &none, &test_clock, &db, &error) == 0, "%s", error.text);
    return db;
}

/* One failure of container NAME; a critical one where SEQ is a multiple of ten. */
static void append(struct store_db *db, uint64_t seq, enum verdict status)
{
    scoped(cleanup_free) char *json = mem_printf("{\"seq\":%llu,\"filler\":\"%0200d\"}", (unsigned long long)seq, 0);
    scoped(cleanup_free) char *name = mem_printf("web-%llu", (unsigned long long)seq % 7);
    const struct store_row row = {.seq = seq,
                                  .at = START + (usec_t)seq * USEC_PER_SEC,
                                  .since = START,
                                  .type = ROW_FINDING,
                                  .severity = seq % 10 ? SEVERITY_LOW : SEVERITY_CRITICAL,
                                  .status = status,
                                  .previous = VERDICT_PASS,
                                  .waived = seq % 10 == 0,
                                  .slug = "container-privileged",
                                  .section = "5",
                                  .kind = "container",
                                  .id = name,
                                  .name = name,
                                  .json = json};

    store_db_append(db, &row, 1);
}

static void append_many(struct store_db *db, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        append(db, seq, VERDICT_FAIL);
}

/* What the store's process does while nobody asks for anything. */
static void tidy(struct store_db *db)
{
    while (!store_db_is_tidy(db))
        store_db_tidy(db);
}

/* What a sink received: the numbers must follow each other. */
struct received {
    uint64_t first, last, last_seq, count, lost, lost_records, own;
    bool broken;
};

static void receive(const struct store_item *item, void *user)
{
    struct received *received = user;

    if (item->kind == ITEM_LOST) {
        received->lost += item->lost;
        received->lost_records++;
    } else if (item->kind != ITEM_TRANSITION) {
        received->own++;
    } else {
        received->broken = received->broken || item->seq <= received->last_seq;
        received->last_seq = item->seq;
    }
    if (received->count && item->number != received->last + 1 + item->lost)
        received->broken = true;
    if (!received->count)
        received->first = item->number;
    received->last = item->number;
    received->count++;
}

static void read_all(struct cursor *cursor, struct received *received)
{
    while (cursor_read(cursor, 10000, receive, received))
        ;
}

START_TEST(test_numbers_survive)
{
    struct store_db *db = open_store(NULL);
    scoped(cleanup_free) char *stream = mem_strdup(store_db_stream(db));

    append_many(db, 1, 300);
    append_many(db, 300, 310); /* 300 again: passed over */
    ck_assert_uint_eq(store_db_last_seq(db), 310);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_uint_eq(store_db_last_seq(db), 310);
    ck_assert_uint_eq(store_db_oldest_seq(db), 1);
    ck_assert_str_eq(store_db_stream(db), stream);
    ck_assert_ptr_null(store_db_trouble(db));
    store_db_close(db);
}
END_TEST

/* What was only in the memory of a process that has ended leaves a gap: another stream has it, for good. */
START_TEST(test_gap)
{
    struct store_db *db = open_store(NULL);
    scoped(cleanup_free) char *stream = mem_strdup(store_db_stream(db)), *other = NULL;

    append_many(db, 1, 10);
    append_many(db, 15, 20);
    other = mem_strdup(store_db_stream(db));
    ck_assert_str_ne(other, stream);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_str_eq(store_db_stream(db), other);
    ck_assert_uint_eq(store_db_last_seq(db), 20);
    store_db_close(db);
}
END_TEST

START_TEST(test_killed)
{
    pid_t pid = fork();
    struct store_db *db;
    int status;

    if (pid == 0) {
        db = open_store(NULL);
        append_many(db, 1, 50);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, &status, 0);
    ck_assert(WIFSIGNALED(status));
    db = open_store(NULL);
    ck_assert_uint_eq(store_db_last_seq(db), 50);
    store_db_close(db);
}
END_TEST

START_TEST(test_second_agent)
{
    static const struct store_limits none;
    struct error error = ERROR_INIT;
    struct store_db *db, *other = NULL;
    int fds[2];
    char c;
    pid_t pid;

    ck_assert_int_eq(pipe(fds), 0);
    pid = fork(); /* it has the store before this process opens it: SQLite's locks are those of a process */
    if (pid == 0) {
        db = open_store(NULL);
        append_many(db, 1, 2);
        if (write(fds[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    ck_assert_int_eq(read(fds[0], &c, 1), 1);
    ck_assert_int_eq(store_db_open(path, &none, &test_clock, &other, &error), -EBUSY);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    db = open_store(NULL);
    ck_assert_uint_eq(store_db_last_seq(db), 2);
    store_db_close(db);
}
END_TEST

static void count_finding(const struct store_finding *finding, void *user)
{
    unsigned *counts = user;

    counts[finding->status]++;
}

START_TEST(test_findings)
{
    struct store_db *db = open_store(NULL);
    unsigned counts[VERDICT_COUNT] = {0};
    const struct store_row exec = {.seq = 100,
                                   .type = ROW_FINDING,
                                   .status = VERDICT_NONE,
                                   .previous = VERDICT_FAIL,
                                   .slug = "container-exec-privileged",
                                   .kind = "exec",
                                   .id = "e1",
                                   .name = "web",
                                   .json = "{}"};

    append_many(db, 1, 70);        /* seven containers */
    append(db, 71, VERDICT_NONE);  /* one is gone */
    append(db, 72, VERDICT_ERROR); /* one cannot be read */
    store_db_append(db, &exec, 1);
    store_db_close(db);
    db = open_store(NULL);
    store_db_each_finding(db, count_finding, counts);
    ck_assert_uint_eq(counts[VERDICT_FAIL], 5);
    ck_assert_uint_eq(counts[VERDICT_ERROR], 1);
    ck_assert_uint_eq(counts[VERDICT_NONE], 1); /* the exec that is closed */
    store_db_close(db);
}
END_TEST

START_TEST(test_cursor)
{
    struct store_db *db = open_store(NULL);
    struct received got = {0}, again = {0};
    struct cursor *cursor;
    bool is_new;

    append_many(db, 1, 5);
    cursor = cursor_open(db, "journald", &everything, store_db_last_seq(db), &is_new);
    ck_assert(is_new);
    append_many(db, 6, 105);
    ck_assert_uint_eq(cursor_pending(cursor), 100);
    read_all(cursor, &got);
    ck_assert_uint_eq(got.count, 100);
    ck_assert_uint_eq(got.first, 1);
    ck_assert_uint_eq(got.last_seq, 105);
    cursor_confirm(cursor, 60);
    cursor_insert(cursor, ITEM_HEARTBEAT, "{}");
    append_many(db, 106, 110);
    store_db_sync(db);
    store_db_close(db);

    db = open_store(NULL);
    cursor = cursor_open(db, "journald", &everything, store_db_last_seq(db), &is_new);
    ck_assert(!is_new);
    ck_assert_uint_eq(cursor_pending(cursor), 46);
    read_all(cursor, &again);
    ck_assert_uint_eq(again.first, 61);
    ck_assert_uint_eq(again.last, 106);
    ck_assert_uint_eq(again.own, 1);
    ck_assert(!again.broken && !got.broken);
    cursor_confirm(cursor, 106);
    ck_assert_uint_eq(cursor_pending(cursor), 0);
    store_db_close(db);
}
END_TEST

struct numbers {
    uint64_t of_own[8];
    size_t count;
    uint64_t seq_number[200];
};

static void note_numbers(const struct store_item *item, void *user)
{
    struct numbers *numbers = user;

    if (item->kind == ITEM_TRANSITION)
        numbers->seq_number[item->seq] = item->number;
    else
        numbers->of_own[numbers->count++] = item->number;
}

/* What was sent and not confirmed has the same numbers when it is sent again, whatever happened in between. */
START_TEST(test_numbers_are_kept)
{
    struct store_db *db = open_store(NULL);
    struct numbers first = {0}, second = {0};
    struct cursor *cursor;
    bool is_new;

    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 1, 20);
    while (cursor_read(cursor, 1, note_numbers, &first) && first.seq_number[10] == 0)
        ;
    cursor_insert(cursor, ITEM_SNAPSHOT, "{}");                   /* newer than all that is stored */
    cursor_insert(cursor, ITEM_HEARTBEAT, "{}");                  /* next */
    ck_assert(!cursor_read(cursor, 10000, note_numbers, &first)); /* what is not on disk has no number yet */
    store_db_flush(db);
    append_many(db, 21, 40);
    while (cursor_read(cursor, 10000, note_numbers, &first))
        ;
    cursor_rewind(cursor);
    while (cursor_read(cursor, 10000, note_numbers, &second))
        ;
    ck_assert_mem_eq(&first, &second, sizeof first);
    ck_assert_uint_eq(first.of_own[0], 11);
    ck_assert_uint_eq(first.of_own[1], 22);
    ck_assert_uint_eq(first.seq_number[11], 12);
    ck_assert_uint_eq(first.seq_number[20], 21);
    ck_assert_uint_eq(first.seq_number[21], 23);
    store_db_close(db);
    memset(&second, 0, sizeof second);
    db = open_store(NULL);
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    while (cursor_read(cursor, 10000, note_numbers, &second))
        ;
    ck_assert_mem_eq(&first, &second, sizeof first);
    store_db_close(db);
}
END_TEST

/* A receiver that is added later gets all that is kept, and then what is open now. */
START_TEST(test_begins_at_the_oldest)
{
    struct store_db *db = open_store(NULL);
    struct received got = {0}, none = {0};
    struct cursor *cursor, *at_end;
    bool is_new;

    append_many(db, 1, 100);
    cursor = cursor_open(db, "new", &everything, store_db_oldest_seq(db) - 1, &is_new);
    ck_assert(is_new);
    at_end = cursor_open(db, "end", &everything, store_db_last_seq(db), &is_new);
    ck_assert(is_new);
    ck_assert_uint_eq(cursor_pending(cursor), 100);
    cursor_insert(cursor, ITEM_SNAPSHOT, "{}");
    store_db_flush(db);
    read_all(cursor, &got);
    ck_assert_uint_eq(got.count, 101);
    ck_assert_uint_eq(got.first, 1);
    ck_assert_uint_eq(got.last_seq, 100);
    ck_assert(!got.broken);
    read_all(at_end, &none);
    ck_assert_uint_eq(none.count, 0);
    store_db_close(db);
    db = open_store(NULL); /* nothing was confirmed */
    cursor = cursor_open(db, "new", &everything, store_db_last_seq(db), &is_new);
    ck_assert(!is_new);
    ck_assert_uint_eq(cursor_pending(cursor), 101);
    store_db_close(db);
}
END_TEST

START_TEST(test_filter)
{
    static const struct store_filter critical = {.min_severity = SEVERITY_CRITICAL, .statuses = 1u << VERDICT_FAIL};
    struct store_db *db = open_store(NULL);
    struct received got = {0};
    struct cursor *cursor;
    bool is_new;

    cursor = cursor_open(db, "s", &critical, store_db_last_seq(db), &is_new);
    append_many(db, 1, 100);
    ck_assert_uint_eq(cursor_pending(cursor), 10);
    read_all(cursor, &got);
    ck_assert_uint_eq(got.count, 10);
    ck_assert_uint_eq(got.last, 10);
    ck_assert(!got.broken);
    store_db_close(db);
    /* another filter applies from the first record on that was not read */
    db = open_store(NULL);
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 101, 105);
    got = (struct received){0};
    read_all(cursor, &got);
    ck_assert_uint_eq(got.count, 15);
    ck_assert_uint_eq(got.first, 1);
    ck_assert(!got.broken);
    store_db_close(db);
}
END_TEST

START_TEST(test_bound_is_kept_and_said)
{
    const struct store_limits limits = {.bytes = 400 * 1024};
    struct store_db *db = open_store(&limits);
    struct received got = {0}, stuck = {0}, all = {0};
    struct cursor *behind, *hanging, *fast;
    struct stat st;
    bool is_new;

    behind = cursor_open(db, "behind", &everything, store_db_last_seq(db), &is_new);
    hanging = cursor_open(db, "hanging", &everything, store_db_last_seq(db), &is_new);
    fast = cursor_open(db, "fast", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 1, 20);
    cursor_read(hanging, 2000, receive, &stuck); /* in flight for ever */
    for (uint64_t seq = 21; seq <= 6000; seq++) {
        append(db, seq, VERDICT_FAIL);
        if (seq % 100 == 0) {
            read_all(fast, &all);
            cursor_confirm(fast, all.last);
        }
    }
    ck_assert_uint_gt(store_db_oldest_seq(db), 4000);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, 600 * 1024);
    ck_assert_uint_eq(all.count, 6000);
    ck_assert_uint_eq(cursor_lost(fast), 0);

    read_all(behind, &got);
    ck_assert(!got.broken);
    ck_assert_uint_eq(got.lost_records, 1);
    ck_assert_uint_eq(got.lost + got.count - 1, 6000);
    ck_assert_uint_eq(got.last, 6001);
    ck_assert_uint_eq(cursor_lost(behind), got.lost);

    /* what was in flight has not gone with the rest */
    got = (struct received){0};
    cursor_rewind(hanging);
    read_all(hanging, &got);
    ck_assert(!got.broken);
    ck_assert_uint_eq(got.first, 1);
    ck_assert_uint_eq(got.lost + got.count - 1, 6000);
    store_db_close(db);
    db = open_store(&limits);
    hanging = cursor_open(db, "hanging", &everything, store_db_last_seq(db), &is_new);
    stuck = (struct received){0};
    read_all(hanging, &stuck);
    ck_assert_mem_eq(&got, &stuck, sizeof got);
    store_db_close(db);
}
END_TEST

START_TEST(test_age)
{
    const struct store_limits limits = {.age = 1000 * USEC_PER_SEC};
    struct store_db *db = open_store(&limits);

    test_clock.fixed = START + 3000 * USEC_PER_SEC;
    append_many(db, 1, 3072);
    ck_assert_uint_ge(store_db_oldest_seq(db), 1990);
    ck_assert_uint_le(store_db_oldest_seq(db), 2001);
    store_db_close(db);
}
END_TEST

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void open_after_boot(struct store_db **ret, const char *boot_id)
{
    static const struct store_limits none;

    ck_assert_int_eq(store_db_open_after_boot(path, boot_id, &none, &test_clock, ret, NULL), 0);
}

/* Killed, and the machine was started since: what had no time to reach the disk may be missing. */
START_TEST(test_power_cut)
{
    scoped(cleanup_free) char *boot_id = mem_printf("%s/boot_id", folder), *stream = NULL, *other = NULL;
    struct store_db *db;
    int status;

    for (int boot = 0; boot < 3; boot++) {
        pid_t pid;

        write_file(boot_id, boot == 2 ? "second\n" : "first\n");
        pid = fork();
        if (pid == 0) {
            open_after_boot(&db, boot_id);
            append_many(db, store_db_last_seq(db) + 1, store_db_last_seq(db) + 10);
            _exit(strlen(store_db_stream(db)) == STREAM_LENGTH ? 0 : 1);
        }
        waitpid(pid, &status, 0);
        ck_assert_int_eq(status, 0);
        open_after_boot(&db, boot_id); /* the same start: the process was killed, no more */
        other = mem_strdup(store_db_stream(db));
        if (boot == 1)
            ck_assert_str_eq(other, stream);
        ck_assert_uint_eq(store_db_last_seq(db), (uint64_t)(boot + 1) * 10);
        free(stream);
        stream = take(other);
        store_db_close(db);
    }
    /* stopped in order before: the stream goes on */
    write_file(boot_id, "third\n");
    open_after_boot(&db, boot_id);
    ck_assert_str_eq(store_db_stream(db), stream);
    store_db_close(db);
    /* not stopped in order: another one begins */
    if (fork() == 0) {
        open_after_boot(&db, boot_id);
        append_many(db, 31, 40);
        _exit(0);
    }
    wait(&status);
    write_file(boot_id, "fourth\n");
    open_after_boot(&db, boot_id);
    ck_assert_str_ne(store_db_stream(db), stream);
    ck_assert_uint_eq(store_db_last_seq(db), 40);
    store_db_close(db);
}
END_TEST

START_TEST(test_other_limits)
{
    const struct store_limits old = {.age = 1000 * USEC_PER_SEC}, small = {.bytes = 100 * 1024},
                              smaller = {.bytes = 60 * 1024};
    struct store_db *db = open_store(NULL);

    append_many(db, 1, 3000);
    ck_assert_uint_eq(store_db_oldest_seq(db), 1);
    test_clock.fixed = START + 3001 * USEC_PER_SEC;
    store_db_set_limits(db, &old);
    tidy(db);
    ck_assert_uint_eq(store_db_oldest_seq(db), 2001);
    store_db_set_limits(db, &small);
    tidy(db);
    ck_assert_uint_gt(store_db_oldest_seq(db), 2500);
    ck_assert_uint_le(store_db_oldest_seq(db), 3000);
    store_db_close(db);
    /* also a bound that was lowered meanwhile */
    db = open_store(&smaller);
    tidy(db);
    ck_assert_uint_gt(store_db_oldest_seq(db), 2900);
    store_db_close(db);

    /* few transitions a start, and all of them old: the bound applies all the same */
    db = open_store(&old);
    test_clock.fixed = START + 9000 * USEC_PER_SEC;
    append_many(db, 3001, 3002);
    store_db_sync(db);
    tidy(db);
    ck_assert_uint_eq(store_db_oldest_seq(db), 3002);
    store_db_close(db);
}
END_TEST

/* A bound that is lowered gives the disk its room back, in steps. */
START_TEST(test_file_shrinks)
{
    const struct store_limits small = {.bytes = 1024 * 1024};
    struct store_db *db = open_store(NULL);
    unsigned steps = 0;
    struct stat st;

    append_many(db, 1, 20000);
    store_db_sync(db);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_gt(st.st_size, 6 * 1024 * 1024);
    store_db_set_limits(db, &small);
    for (; !store_db_is_tidy(db); steps++)
        store_db_tidy(db);
    ck_assert_uint_gt(steps, 16);
    store_db_sync(db);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_le(st.st_size, 1024 * 1024);
    ck_assert_uint_gt(store_db_oldest_seq(db), 10000);
    ck_assert_uint_lt(store_db_oldest_seq(db), 18500);
    append_many(db, 20001, 30000); /* and stays */
    store_db_sync(db);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_le(st.st_size, 1100 * 1024);
    ck_assert_uint_eq(store_db_last_seq(db), 30000);
    store_db_close(db);
}
END_TEST

static void count_closed(const struct store_finding *finding, void *user)
{
    struct {
        unsigned count;
        uint64_t first, last;
    } *closed = user;

    if (!closed->count++)
        closed->first = finding->seq;
    closed->last = finding->seq;
}

/* Of closed execs as many are kept as the evaluator remembers, the newest ones. */
START_TEST(test_closed_execs)
{
    enum { EXECS = 80 * 1024, BATCH = 1024 };
    struct {
        unsigned count;
        uint64_t first, last;
    } closed = {0};
    static struct store_row rows[BATCH];
    static char ids[BATCH][16];
    struct store_db *db = open_store(NULL);

    for (uint64_t seq = 1; seq <= EXECS; seq++) {
        size_t i = (seq - 1) % BATCH;

        snprintf(ids[i], sizeof ids[i], "%llx", (unsigned long long)(seq * 2654435761u % 4294967291u));
        rows[i] = (struct store_row){.seq = seq,
                                     .type = ROW_FINDING,
                                     .status = VERDICT_NONE,
                                     .previous = VERDICT_FAIL,
                                     .slug = "container-exec-privileged",
                                     .kind = "exec",
                                     .id = ids[i],
                                     .name = "web",
                                     .json = "{}"};
        if (i == BATCH - 1)
            store_db_append(db, rows, BATCH);
    }
    store_db_close(db);
    db = open_store(NULL);
    store_db_each_finding(db, count_closed, &closed);
    ck_assert_uint_ge(closed.count, 65536);
    ck_assert_uint_le(closed.count, 65536 + 8192 + BATCH);
    ck_assert_uint_eq(closed.first, EXECS);
    ck_assert_uint_eq(closed.last, EXECS - closed.count + 1);
    store_db_close(db);
}
END_TEST

static bool has_file(const char *ending)
{
    scoped(cleanup_free) char *command = mem_printf("ls %s/agent.db%s >/dev/null 2>&1", folder, ending);

    return system(command) == 0;
}

/* Writes LENGTH bytes that no page begins with, at the beginning of those pages of the file. */
static void spoil_pages(off_t from, off_t to)
{
    static const char bytes[] = "\377\377\377\377\377\377\377\377\377\377\377\377";
    int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    for (off_t page = from; page < to; page++)
        ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes - 1, page * 4096), sizeof bytes - 1);
    close(fd);
}

static void cut_file(off_t divisor)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / divisor), 0);
}

/* The page, from 0, where TABLE begins. */
static off_t page_of(const char *table)
{
    scoped(cleanup_free) char *sql = mem_printf("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
    sqlite3 *handle;
    sqlite3_stmt *statement;
    off_t page;

    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    page = sqlite3_column_int64(statement, 0) - 1;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return page;
}

static void run_sql(const char *sql)
{
    sqlite3 *handle;

    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

/* A file that is damaged or not ours is set aside, and said; what comes after is stored. */
START_TEST(test_damage)
{
    static const char *const tables[] = {"findings", "closed_execs", "cursors", "outbox", "meta"};
    struct store_db *db = open_store(NULL);
    scoped(cleanup_free) char *stream = mem_strdup(store_db_stream(db));
    uint64_t last;

    append_many(db, 1, 400);
    store_db_close(db);
    if (_i == 0)
        write_file(path, "this is not a database, and it is long enough to have a header of a hundred bytes, so that "
                         "SQLite looks at it");
    else if (_i == 1)
        spoil_pages(1, 10);
    else if (_i == 2)
        cut_file(2);
    else if (_i == 3)
        cut_file(20);
    else if (_i == 4)
        spoil_pages(0, 1);
    else if (_i == 5)
        run_sql("PRAGMA user_version = 99"); /* of another version */
    else
        spoil_pages(page_of(tables[_i - 6]), page_of(tables[_i - 6]) + 1);
    db = open_store(NULL);
    ck_assert_ptr_nonnull(store_db_trouble(db));
    ck_assert_ptr_nonnull(strstr(store_db_trouble(db), "set aside"));
    ck_assert(has_file(".broken-*"));
    ck_assert_str_ne(store_db_stream(db), stream);
    ck_assert_uint_eq(store_db_last_seq(db), 0);
    append_many(db, 401, 500);
    ck_assert(!store_db_is_damaged(db));
    last = store_db_last_seq(db);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_ptr_null(store_db_trouble(db));
    ck_assert_uint_eq(store_db_last_seq(db), last);
    store_db_close(db);
}
END_TEST

static void count_item(const struct store_item *item, void *user)
{
    (void)item;
    ++*(unsigned *)user;
}

/* Damage amid the history is met by who reads there: a sink does not stop at it without a word. */
START_TEST(test_damage_in_history)
{
    struct store_db *db = open_store(NULL);
    uint64_t up_to;
    unsigned count = 0;
    scoped_str out = STR_INIT;
    struct cursor *cursor;
    struct stat st;
    bool is_new, more;

    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 1, 2000);
    store_db_close(db);
    ck_assert_int_eq(stat(path, &st), 0);
    spoil_pages(st.st_size / 4096 / 2, st.st_size / 4096 / 2 + 20);
    db = open_store(NULL);
    ck_assert_ptr_null(store_db_trouble(db)); /* nothing that a start needs */
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    if (_i == 0)
        while (cursor_read(cursor, 100000, count_item, &count))
            ;
    else
        store_db_query(db, &(struct store_query){.limit = 1 << 30}, &out, &up_to, &more, NULL);
    ck_assert(store_db_is_damaged(db));
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_ptr_nonnull(strstr(store_db_trouble(db), "set aside"));
    ck_assert(has_file(".broken-*"));
    store_db_close(db);
}
END_TEST

/* Somebody removes or replaces the file while it is in use: what is stored is written again. */
START_TEST(test_file_replaced)
{
    struct received got = {0};
    struct store_db *db = open_store(NULL);
    scoped(cleanup_free) char *stream = mem_strdup(store_db_stream(db)), *other = mem_printf("%s.other", path);
    scoped(cleanup_free) char *log = mem_printf("%s-wal", path);
    struct cursor *cursor;
    bool is_new;

    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 1, 100);
    cursor_read(cursor, 10000, receive, &got);
    cursor_confirm(cursor, got.last);
    store_db_sync(db);
    if (_i == 0) {
        ck_assert_int_eq(unlink(path), 0);
    } else if (_i == 2) {
        ck_assert_int_eq(unlink(log), 0);
    } else {
        write_file(other, "somebody else's");
        ck_assert_int_eq(rename(other, path), 0);
    }
    append_many(db, 101, 200);
    store_db_sync(db);
    ck_assert_ptr_nonnull(store_db_trouble(db));
    ck_assert_ptr_nonnull(strstr(store_db_trouble(db), "written anew"));
    ck_assert(has_file(".broken-*") == (_i == 1));
    ck_assert_int_eq(access(log, F_OK), 0);
    append_many(db, 201, 300);
    read_all(cursor, &got);
    cursor_confirm(cursor, got.last - 50);
    ck_assert(!got.broken);
    ck_assert_uint_eq(got.count, 300);
    store_db_close(db);

    db = open_store(NULL);
    ck_assert_ptr_null(store_db_trouble(db));
    ck_assert_str_eq(store_db_stream(db), stream);
    ck_assert_uint_eq(store_db_last_seq(db), 300);
    ck_assert_uint_eq(store_db_oldest_seq(db), 1);
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    ck_assert(!is_new);
    ck_assert_uint_eq(cursor_pending(cursor), 50);
    got = (struct received){0};
    read_all(cursor, &got);
    ck_assert_uint_eq(got.first, 251);
    ck_assert_uint_eq(got.last, 300);
    store_db_close(db);
}
END_TEST

/* The folder goes too: that is said, and mended once there is a folder again. */
START_TEST(test_folder_removed)
{
    scoped(cleanup_free) char *command = mem_printf("rm -r %s", folder);
    struct store_db *db = open_store(NULL);

    append_many(db, 1, 100);
    store_db_sync(db);
    ck_assert_int_eq(system(command), 0);
    append_many(db, 101, 200);
    store_db_sync(db);
    ck_assert_ptr_nonnull(strstr(store_db_trouble(db), "cannot be written anew"));
    ck_assert(store_db_is_behind(db)); /* it is tried again */
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    store_db_sync(db);
    ck_assert_ptr_nonnull(strstr(store_db_trouble(db), "has been written anew"));
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_uint_eq(store_db_last_seq(db), 200);
    ck_assert_uint_eq(store_db_oldest_seq(db), 1);
    store_db_close(db);
}
END_TEST

static void check_integrity(void)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;

    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

static void check_query(struct store_db *db, const struct store_query *query, unsigned lines);

/* Appends and tidies until it is killed; each number goes to FD once it is stored. */
static void append_for_ever(int fd)
{
    const struct store_limits small = {.bytes = 300 * 1024}, large = {.bytes = 2 * 1024 * 1024};
    struct store_db *db = open_store(&small);
    uint64_t seq = store_db_last_seq(db);

    for (;;) {
        store_db_set_limits(db, seq % 1000 < 500 ? &large : &small);
        append(db, ++seq, VERDICT_FAIL);
        if (write(fd, &seq, sizeof seq) != sizeof seq)
            _exit(1);
        store_db_tidy(db);
        if (seq % 50 == 0)
            store_db_sync(db);
    }
}

/* While transitions go and the file shrinks, too: the last is the last that was stored, and none is missing. */
START_TEST(test_killed_while_tidying)
{
    scoped(cleanup_free) char *stream = NULL;
    uint64_t last = 0;

    srand(4720);
    for (int i = 0; i < 20; i++) {
        struct store_db *db;
        uint64_t seq = last;
        int fds[2];
        pid_t pid;

        ck_assert_int_eq(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
            close(fds[0]);
            append_for_ever(fds[1]);
        }
        close(fds[1]);
        if (i % 2 && read(fds[0], &seq, sizeof seq) == sizeof seq) /* however long that takes */
            last = seq;
        usleep(20000 + (useconds_t)rand() % 80000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(fds[0], &seq, sizeof seq) == sizeof seq)
            last = seq;
        close(fds[0]);
        db = open_store(NULL);
        ck_assert_msg(!store_db_trouble(db), "%s", store_db_trouble(db));
        ck_assert(store_db_last_seq(db) == last || store_db_last_seq(db) == last + 1);
        last = store_db_last_seq(db);
        ck_assert(!stream || strcmp(store_db_stream(db), stream) == 0);
        free(stream);
        stream = mem_strdup(store_db_stream(db));
        check_query(db, &(struct store_query){0}, (unsigned)(last - store_db_oldest_seq(db) + 1));
        store_db_close(db);
        check_integrity();
    }
    ck_assert_uint_gt(last, 0);
}
END_TEST

static void mount_small(const char *size)
{
    scoped(cleanup_free) char *options = mem_printf("size=%s", size);

    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("none", folder, "tmpfs", 0, options), 0);
}

/* Until the disk has no room for what a receiver has been sent and has not confirmed; then the agent is killed. */
static void append_until_full(void)
{
    struct store_db *db = open_store(NULL);
    struct received got = {0};
    bool is_new;
    struct cursor *cursor = cursor_open(db, "s", &everything, 0, &is_new);

    for (uint64_t seq = 1; seq < 100000 && !store_db_trouble(db); seq++) {
        append(db, seq, VERDICT_FAIL);
        read_all(cursor, &got);
    }
    _exit(store_db_trouble(db) ? 0 : 1);
}

/* The disk is full when a killed agent starts again: what is stored can be read and sent, what comes is in memory, and
 * everything is stored when there is room. */
START_TEST(test_full_at_the_start)
{
    scoped(cleanup_free) char *stream = NULL;
    struct received got = {0};
    struct cursor *cursor;
    struct store_db *db;
    uint64_t last, count;
    bool is_new;
    int status;
    pid_t pid;

    mount_small("1m");
    pid = fork();
    if (pid == 0)
        append_until_full();
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    db = open_store(NULL);
    last = store_db_last_seq(db);
    ck_assert_uint_gt(last, 100);
    cursor = cursor_open(db, "s", &everything, 0, &is_new);
    ck_assert(!is_new);
    count = cursor_pending(cursor);
    ck_assert_uint_gt(count, 100);
    append_many(db, last + 1, last + 100);
    stream = mem_strdup(store_db_stream(db));
    read_all(cursor, &got);
    ck_assert_uint_eq(got.count, count + 100);
    ck_assert_uint_eq(got.last_seq, last + 100);
    ck_assert_int_eq(mount("none", folder, "tmpfs", MS_REMOUNT, "size=32m"), 0);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_ptr_null(store_db_trouble(db));
    ck_assert_uint_eq(store_db_last_seq(db), last + 100);
    ck_assert_str_eq(store_db_stream(db), stream);
    store_db_close(db);
    umount2(folder, MNT_DETACH);
}
END_TEST

START_TEST(test_full_disk)
{
    static const char *const sizes[] = {"64k", "1m"};
    struct received got = {0};
    struct store_db *db;
    struct cursor *cursor;
    scoped(cleanup_free) char *stream = NULL;
    bool is_new;

    mount_small(sizes[_i]);
    db = open_store(NULL);
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    for (uint64_t seq = 1; seq <= 12000; seq++) {
        append(db, seq, VERDICT_FAIL);
        if (seq % 500 == 0) {
            read_all(cursor, &got);
            cursor_confirm(cursor, got.last);
        }
    }
    ck_assert(!got.broken);
    ck_assert_uint_eq(got.lost + got.count - got.lost_records, 12000);
    ck_assert_uint_eq(got.lost, 0);
    if (_i == 1) { /* what is left of the disk is used again and again */
        ck_assert_msg(!store_db_trouble(db), "%s", store_db_trouble(db));
        store_db_close(db);
        db = open_store(NULL);
        ck_assert_uint_eq(store_db_last_seq(db), 12000);
    } else { /* a stream of its own, as its numbers may be given again after a crash */
        ck_assert_ptr_nonnull(store_db_trouble(db));
        stream = mem_strdup(store_db_stream(db));
        ck_assert_int_eq(mount("none", folder, "tmpfs", MS_REMOUNT, "size=32m"), 0);
        append_many(db, 12001, 12001);
    }
    store_db_close(db);
    umount2(folder, MNT_DETACH);
}
END_TEST

/* Nothing can be written: what happens is kept in memory, and stored once it can be. */
START_TEST(test_read_only_folder)
{
    scoped(cleanup_free) char *stream = NULL;
    struct received got = {0};
    struct store_db *db;
    struct cursor *cursor;
    bool is_new;

    mount_small("8m");
    if (_i) { /* there is one already */
        db = open_store(NULL);
        append_many(db, 1, 50);
        stream = mem_strdup(store_db_stream(db));
        store_db_close(db);
    }
    ck_assert_int_eq(mount("none", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8m"), 0);
    db = open_store(NULL);
    ck_assert_ptr_nonnull(store_db_trouble(db));
    cursor = cursor_open(db, "s", &everything, store_db_last_seq(db), &is_new);
    append_many(db, 1, 100);
    check_query(db, &(struct store_query){0}, 100);
    read_all(cursor, &got);
    ck_assert(!got.broken);
    ck_assert_uint_eq(got.count, 100);
    ck_assert_int_eq(mount("none", folder, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_uint_eq(store_db_last_seq(db), 100);
    ck_assert(!stream || strcmp(store_db_stream(db), stream) != 0);
    ck_assert(has_file(".broken-*") == _i); /* its numbers were given again meanwhile */
    check_query(db, &(struct store_query){0}, 100);
    store_db_close(db);
    umount2(folder, MNT_DETACH);
}
END_TEST

static void append_at(struct store_db *db, uint64_t seq, usec_t at)
{
    const struct store_row row = {.seq = seq,
                                  .at = at,
                                  .since = at,
                                  .type = ROW_FINDING,
                                  .status = VERDICT_FAIL,
                                  .previous = VERDICT_PASS,
                                  .slug = "container-privileged",
                                  .kind = "container",
                                  .id = "c",
                                  .name = "c",
                                  .json = "{}"};

    store_db_append(db, &row, 1);
}

/* The clock is set back by an hour, and later put right: windows have what bears their times, and nothing goes that is
 * not old. */
START_TEST(test_clock_set_back)
{
    static const struct store_limits day = {.age = DAY * USEC_PER_SEC};
    struct store_query window = {.since = START + 3000 * USEC_PER_SEC, .until = START + 3100 * USEC_PER_SEC};
    struct store_db *db = open_store(&day);

    for (uint64_t seq = 1; seq <= 4000; seq++)
        append_at(db, seq, START + (usec_t)seq * USEC_PER_SEC);
    for (uint64_t seq = 4001; seq <= 8000; seq++) /* an hour back */
        append_at(db, seq, START + (usec_t)(seq - 3600) * USEC_PER_SEC);
    test_clock.fixed = START + 4400 * USEC_PER_SEC;
    check_query(db, &window, 200);
    window.limit = 10; /* a page of each */
    check_query(db, &window, 200);
    window.until = 0;
    check_query(db, &window, 1001 + 1401);
    window.after = 6000;
    check_query(db, &window, 1401);
    store_db_set_limits(db, &day);
    tidy(db);
    ck_assert_uint_eq(store_db_oldest_seq(db), 1);
    /* a day after the first hundred of those that the clock gave first: none of the others goes before them */
    test_clock.fixed = START + (DAY + 101) * USEC_PER_SEC;
    store_db_set_limits(db, &day);
    tidy(db);
    ck_assert_uint_eq(store_db_oldest_seq(db), 101);
    store_db_close(db);
}
END_TEST

static void check_query(struct store_db *db, const struct store_query *query, unsigned lines)
{
    struct store_query page = *query;
    struct error error = ERROR_INIT;
    scoped_str out = STR_INIT;
    unsigned count = 0;
    bool more;

    do {
        str_clear(&out);
        ck_assert_msg(store_db_query(db, &page, &out, &page.after, &more, &error) == 0, "%s", error.text);
        for (size_t i = 0; i < out.length; i++)
            count += out.data[i] == '\n';
    } while (more);
    ck_assert_uint_eq(count, lines);
}

START_TEST(test_query)
{
    struct store_db *db = open_store(NULL);

    append_many(db, 1, 1000);
    check_query(db, &(struct store_query){0}, 1000);
    check_query(db, &(struct store_query){.limit = 1000}, 1000);
    check_query(db, &(struct store_query){.after = 990}, 10);
    check_query(db, &(struct store_query){.since = START + 501 * USEC_PER_SEC}, 500);
    check_query(db, &(struct store_query){.since = START + 501 * USEC_PER_SEC, .until = START + 511 * USEC_PER_SEC},
                10);
    check_query(db, &(struct store_query){.since = START + DAY * USEC_PER_SEC}, 0);
    check_query(db, &(struct store_query){.severities = 1u << SEVERITY_CRITICAL}, 100);
    check_query(db, &(struct store_query){.statuses = 1u << VERDICT_ERROR}, 0);
    check_query(db, &(struct store_query){.statuses = 1u << VERDICT_PASS}, 1000);
    check_query(db, &(struct store_query){.statuses = 1u << VERDICT_FAIL | 1u << VERDICT_ERROR}, 1000);
    check_query(db, &(struct store_query){.statuses = 1u << VERDICT_MANUAL | 1u << VERDICT_NOT_APPLICABLE}, 0);
    check_query(db, &(struct store_query){.severities = 1u << SEVERITY_LOW}, 900);
    check_query(db, &(struct store_query){.severities = 1u << SEVERITY_MEDIUM | 1u << SEVERITY_HIGH}, 0);
    check_query(db, &(struct store_query){.subject = "web-3"}, 143);
    check_query(db, &(struct store_query){.subject = "web-*"}, 1000);
    check_query(db, &(struct store_query){.subject = "container:web-3"}, 143);
    check_query(db, &(struct store_query){.subject = "image:web-3"}, 0);
    check_query(db, &(struct store_query){.slug = "container-privileged", .section = "5", .kind = "container"}, 1000);
    check_query(db, &(struct store_query){.slug = "other"}, 0);
    check_query(db, &(struct store_query){.section = "4"}, 0);
    check_query(db, &(struct store_query){.waived = 1u << true}, 100);
    check_query(db, &(struct store_query){.waived = 1u << false}, 900);
    check_query(db, &(struct store_query){.waived = 1u << true, .severities = 1u << SEVERITY_LOW}, 0);
    store_db_close(db);
}
END_TEST

/* As many as are asked for, and a place to go on at. */
START_TEST(test_query_of_some)
{
    struct store_query query = {.severities = 1u << SEVERITY_CRITICAL, .count = 7};
    struct store_db *db = open_store(NULL);
    scoped_str out = STR_INIT;
    bool more = false;

    append_many(db, 1, 100);
    ck_assert_int_eq(store_db_query(db, &query, &out, &query.after, &more, NULL), 0);
    ck_assert_uint_eq(query.after, 70);
    ck_assert(more);
    ck_assert_int_eq(strncmp(out.data, "{\"seq\":10,", 10), 0);
    check_query(db, &(struct store_query){.severities = 1u << SEVERITY_CRITICAL, .after = 70}, 3);
    store_db_close(db);
}
END_TEST

/* Since when there is history, whatever has gone meanwhile. */
START_TEST(test_oldest_time)
{
    static const struct store_limits small = {.age = 10 * USEC_PER_SEC};
    struct store_db *db = open_store(NULL);

    ck_assert_int_eq(store_db_oldest_time(db), 0);
    append_many(db, 1, 100);
    ck_assert_int_eq(store_db_oldest_time(db), START + USEC_PER_SEC);
    test_clock = clock_fixed(START + 100 * USEC_PER_SEC);
    store_db_set_limits(db, &small);
    tidy(db);
    ck_assert_uint_eq(store_db_oldest_seq(db), 90);
    ck_assert_int_eq(store_db_oldest_time(db), START + 90 * USEC_PER_SEC);
    store_db_close(db);
    db = open_store(NULL);
    ck_assert_int_eq(store_db_oldest_time(db), START + 90 * USEC_PER_SEC);
    store_db_close(db);
}
END_TEST

/* A span of time is found by its index: what comes after it is not gone through. */
START_TEST(test_window)
{
    struct store_query query = {.since = START + 100 * USEC_PER_SEC, .until = START + 110 * USEC_PER_SEC};
    struct store_db *db = open_store(NULL);
    scoped_str out = STR_INIT;
    struct error error = ERROR_INIT;
    uint64_t up_to = 0;
    bool more = true;

    append_many(db, 1, 21000); /* more than are gone through for one answer */
    ck_assert_int_eq(store_db_query(db, &query, &out, &up_to, &more, &error), 0);
    ck_assert(!more);
    ck_assert_uint_eq(up_to, 21000);
    check_query(db, &query, 10);
    query.limit = 300; /* a page of each */
    check_query(db, &query, 10);
    append_many(db, 21001, 21010);
    check_query(db, &query, 10);
    query.until = 0;
    check_query(db, &query, 21010 - 99);
    store_db_close(db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event_store");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, test_numbers_survive);
    tcase_add_test(all, test_gap);
    tcase_add_test(all, test_killed);
    tcase_add_test(all, test_second_agent);
    tcase_add_test(all, test_findings);
    tcase_add_test(all, test_cursor);
    tcase_add_test(all, test_numbers_are_kept);
    tcase_add_test(all, test_begins_at_the_oldest);
    tcase_add_test(all, test_filter);
    tcase_add_test(all, test_bound_is_kept_and_said);
    tcase_add_test(all, test_age);
    tcase_add_test(all, test_power_cut);
    tcase_add_test(all, test_other_limits);
    tcase_add_test(all, test_file_shrinks);
    tcase_add_test(all, test_closed_execs);
    tcase_add_test(all, test_killed_while_tidying);
    tcase_add_loop_test(all, test_damage, 0, 11);
    tcase_add_loop_test(all, test_damage_in_history, 0, 2);
    tcase_add_loop_test(all, test_file_replaced, 0, 3);
    tcase_add_test(all, test_folder_removed);
    tcase_add_loop_test(all, test_read_only_folder, 0, 2);
    tcase_add_test(all, test_clock_set_back);
    tcase_add_test(all, test_full_at_the_start);
    tcase_add_loop_test(all, test_full_disk, 0, 2);
    tcase_add_test(all, test_query);
    tcase_add_test(all, test_query_of_some);
    tcase_add_test(all, test_oldest_time);
    tcase_add_test(all, test_window);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
