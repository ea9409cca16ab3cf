/* The store from the loop: transitions become visible once they are stored, whatever happens to its process. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/store/event_store.h"
#include "common/file.h"
#include "common/memory.h"

static char folder[32];
static char *path;
static struct event_base *base;
static struct workers *workers;
static struct event_store *store;

struct seen {
    uint64_t stored, first_number, number, items, wanted_items;
    struct event_cursor *cursor;
    char texts[64 * 1024]; /* of what was inserted */
    char *lines;
    uint64_t up_to;
    bool confirm, answered;
};
static struct seen seen;

static void on_stored(struct transition *transition, void *user)
{
    (void)user;
    ck_assert_uint_eq(transition->seq, seen.stored + 1);
    seen.stored = transition->seq;
}

static void open_store(void)
{
    const struct event_store_options options = {.base = base, .workers = workers, .path = path, .stored = on_stored};
    struct error error = ERROR_INIT;

    ck_assert_msg(event_store_new(&options, &store, &error) == 0, "%s", error.text);
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    strcpy(folder, "/tmp/store-process-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    path = mem_printf("%s/agent.db", folder);
    base = event_base_new();
    workers = workers_new(base);
    seen = (struct seen){0};
    open_store();
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    event_store_free(store);
    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
    free(path);
    free(seen.lines);
}

static void append(uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        struct transition *t = mem_alloc(sizeof *t);

        t->references = 1;
        t->seq = seq;
        t->at = (usec_t)seq * USEC_PER_SEC;
        t->slug = mem_strdup("container-privileged");
        t->subject_kind = mem_strdup("container");
        t->subject_id = mem_strdup("c");
        t->subject_name = mem_strdup("web");
        t->status_value = VERDICT_FAIL;
        t->severity = SEVERITY_HIGH;
        t->json = mem_printf("{\"seq\":%llu}", (unsigned long long)seq);
        t->json_length = strlen(t->json);
        event_store_append(store, t);
        transition_unref(t);
    }
}

static void wait_for_stored(uint64_t seq)
{
    while (seen.stored < seq)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_uint_eq(seen.stored, seq);
}

static void on_items(const struct store_item *items, size_t count, void *user)
{
    (void)user;
    for (size_t i = 0; i < count; i++) {
        if (!seen.items)
            seen.first_number = items[i].number;
        if (items[i].number <= seen.number) /* again, after the process had ended */
            continue;
        ck_assert_uint_eq(items[i].number, seen.number + 1);
        seen.number = items[i].number;
        seen.items++;
        if (items[i].kind != ITEM_TRANSITION && strlen(seen.texts) + strlen(items[i].json) < sizeof seen.texts)
            strcat(seen.texts, items[i].json);
    }
    if (seen.confirm)
        event_cursor_confirm(seen.cursor, seen.number);
    event_cursor_read(seen.cursor, 1000);
}

static void read_items(uint64_t number)
{
    while (seen.number < number)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_uint_eq(seen.number, number);
}

static void open_cursor(bool confirm)
{
    const struct event_cursor_options options = {
        .name = "s", .filter = {.min_severity = SEVERITY_LOW, .statuses = ~0u}, .items = on_items};

    seen.confirm = confirm;
    event_store_cursors(store, &options, 1, &seen.cursor);
    event_cursor_read(seen.cursor, 1000);
}

START_TEST(test_stored_in_order)
{
    append(1, 500);
    ck_assert_uint_eq(seen.stored, 0); /* not before it is on disk */
    ck_assert_uint_eq(event_store_waiting(store), 500);
    wait_for_stored(500);
    ck_assert_uint_eq(event_store_last_seq(store), 500);
    ck_assert_uint_eq(event_store_waiting(store), 0);
}
END_TEST

START_TEST(test_freed_at_once)
{
    scoped(cleanup_free) char *stream = mem_strdup(event_store_stream(store));

    append(1, 3000);
    event_store_free(store);
    open_store();
    ck_assert_uint_eq(event_store_last_seq(store), 3000);
    ck_assert_str_eq(event_store_stream(store), stream);
}
END_TEST

/* SIGNAL to the children of this process. */
static void signal_process(int number)
{
    scoped(cleanup_free) char *command = mem_printf("kill -%d $(pgrep -P %d) 2>/dev/null; true", number, (int)getpid());
    FILE *file = popen(command, "r"); /* popen's own shell may be among them */

    ck_assert_ptr_nonnull(file);
    pclose(file);
}

START_TEST(test_process_killed)
{
    open_cursor(true);
    append(1, 200);
    wait_for_stored(200);
    read_items(200);
    for (uint64_t i = 0; i < 5; i++) {
        append(201 + i * 100, 250 + i * 100);
        event_base_loop(base, EVLOOP_NONBLOCK);
        signal_process(SIGKILL);
        append(251 + i * 100, 300 + i * 100);
        wait_for_stored(300 + i * 100);
        read_items(300 + i * 100);
    }
    ck_assert_uint_eq(seen.items, 700);
}
END_TEST

/* systemd sends SIGTERM to every process of a unit at once: what is appended meanwhile is stored all the same. */
START_TEST(test_stopped_with_its_unit)
{
    scoped(cleanup_free) char *stream = mem_strdup(event_store_stream(store));

    append(1, 100);
    wait_for_stored(100);
    signal_process(SIGTERM);
    append(101, 200);
    event_store_free(store);
    open_store();
    ck_assert_uint_eq(event_store_last_seq(store), 200);
    ck_assert_str_eq(event_store_stream(store), stream);
}
END_TEST

/* The process has just ended when the agent does: another one stores what is left. */
START_TEST(test_stopped_without_its_process)
{
    append(1, 100);
    wait_for_stored(100);
    append(101, 150);
    signal_process(SIGKILL);
    if (_i) /* and that is known */
        while (!event_store_restarts(store))
            event_base_loop(base, EVLOOP_ONCE);
    append(151, 200);
    event_store_free(store);
    open_store();
    ck_assert_uint_eq(event_store_last_seq(store), 200);
    seen.stored = 200;
}
END_TEST

/* The store's process, while there is no other child. */
static pid_t only_child(void)
{
    scoped(cleanup_free) char *children = mem_printf("/proc/self/task/%d/children", (int)getpid());
    scoped_str text = STR_INIT;

    ck_assert_int_eq(file_read(children, 64, &text, NULL), 0);
    return (pid_t)atoi(text.data);
}

/* However slow the disk: what was appended is waited for, as long as that has hope. */
START_TEST(test_stopped_while_the_disk_is_slow)
{
    pid_t child = only_child(), pid;
    int status;

    append(1, 100);
    wait_for_stored(100);
    append(101, 200);
    ck_assert_int_eq(kill(child, SIGSTOP), 0);
    pid = fork();
    if (pid == 0) {
        sleep(3);
        _exit(kill(child, SIGCONT) < 0 ? 1 : 0);
    }
    event_store_free(store);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    open_store();
    ck_assert_uint_eq(event_store_last_seq(store), 200);
    ck_assert_uint_eq(seen.stored, 100); /* nobody heard of it any more */
    seen.stored = 200;
}
END_TEST

START_TEST(test_rewind_and_insert)
{
    open_cursor(false);
    append(1, 50);
    read_items(50);
    event_cursor_insert(seen.cursor, ITEM_HEARTBEAT, "{}");
    read_items(51);
    event_cursor_confirm(seen.cursor, 20);
    event_cursor_rewind(seen.cursor);
    seen.number = 20;
    seen.items = 0;
    event_cursor_read(seen.cursor, 1000);
    read_items(51);
    ck_assert_uint_eq(seen.first_number, 21);
    ck_assert(event_cursor_is_new(seen.cursor));
    ck_assert_uint_eq(event_cursor_confirmed(seen.cursor), 20);
    ck_assert_uint_eq(event_cursor_pending(seen.cursor), 31);
}
END_TEST

static char *noted;

static void on_note(const char *name, const char *text, void *user)
{
    (void)user;
    ck_assert_str_eq(name, "n");
    free(noted);
    noted = mem_strdup(text);
}

/* What is inserted and noted when the process has just ended, whether or not that is known yet, is there once and in
 * order. A heartbeat that nobody has read is replaced by the next one. */
START_TEST(test_inserted_without_a_process)
{
    const struct event_store_options options = {.base = base, .workers = workers, .path = path, .note = on_note};
    struct error error = ERROR_INIT;
    unsigned restarts;

    open_cursor(true);
    append(1, 10);
    read_items(10);
    for (unsigned i = 0; i < 20; i++) {
        scoped(cleanup_free) char *text = mem_printf("%u", i);

        restarts = event_store_restarts(store);
        append(11 + i, 11 + i); /* a process that has stored something is replaced soon */
        wait_for_stored(11 + i);
        event_cursor_insert(seen.cursor, ITEM_SNAPSHOT, "{\"before\":1}");
        event_base_loop(base, EVLOOP_NONBLOCK);
        signal_process(SIGKILL);
        event_cursor_insert(seen.cursor, ITEM_SNAPSHOT, "{\"dying\":1}");
        while (event_store_restarts(store) == restarts)
            event_base_loop(base, EVLOOP_ONCE);
        event_cursor_insert(seen.cursor, ITEM_HEARTBEAT, "{\"old\":1}");
        event_cursor_insert(seen.cursor, ITEM_HEARTBEAT, "{\"new\":1}");
        event_store_note(store, "n", "old");
        event_cursor_insert(seen.cursor, ITEM_SNAPSHOT_END, "{\"end\":1}");
        event_store_note(store, "n", text);
        read_items(10 + (i + 1) * 5);
        ck_assert_str_eq(seen.texts, "{\"before\":1}{\"dying\":1}{\"new\":1}{\"end\":1}");
        seen.texts[0] = '\0';
    }
    event_store_free(store);
    ck_assert_msg(event_store_new(&options, &store, &error) == 0, "%s", error.text);
    ck_assert_str_eq(noted, "19");
    free(noted);
}
END_TEST

/* Far more than is kept: the newest remain, and every note. */
START_TEST(test_too_much_without_a_process)
{
    const struct event_store_options options = {.base = base, .workers = workers, .path = path, .note = on_note};
    struct error error = ERROR_INIT;

    open_cursor(true);
    signal_process(SIGKILL);
    while (!event_store_restarts(store))
        event_base_loop(base, EVLOOP_ONCE);
    event_store_note(store, "n", "kept");
    for (unsigned i = 0; i < 5000; i++) {
        scoped(cleanup_free) char *json = mem_printf("{\"%u\":1}", i);

        event_cursor_insert(seen.cursor, ITEM_SNAPSHOT, json);
    }
    while (!strstr(seen.texts, "\"4999\""))
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_gt(seen.items, 4000);
    ck_assert_uint_lt(seen.items, 4200);
    event_store_free(store);
    ck_assert_msg(event_store_new(&options, &store, &error) == 0, "%s", error.text);
    ck_assert_str_eq(noted, "kept");
    free(noted);
}
END_TEST

static void on_page(const struct store_page *page, void *user)
{
    (void)user;
    ck_assert_msg(page->lines != NULL, "%s", page->why);
    free(seen.lines);
    seen.lines = mem_strndup(page->lines, page->length);
    seen.up_to = page->up_to;
    ck_assert(!page->more);
    seen.answered = true;
}

START_TEST(test_query)
{
    const struct store_query query = {.after = 7, .slug = "container-privileged", .subject = "w*"};

    append(1, 10);
    wait_for_stored(10);
    event_store_query(store, &query, on_page, NULL);
    while (!seen.answered)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_str_eq(seen.lines, "{\"seq\":8}\n{\"seq\":9}\n{\"seq\":10}\n");
    ck_assert_uint_eq(seen.up_to, 10);
    event_request_cancel(event_store_query(store, &query, on_page, NULL));
}
END_TEST

START_TEST(test_second_agent)
{
    const struct event_store_options options = {.base = base, .workers = workers, .path = path};
    struct event_store *other = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(event_store_new(&options, &other, &error), -EBUSY);
    ck_assert_ptr_nonnull(strstr(error.text, "another running agent"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_process");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 300);
    tcase_add_test(all, test_stored_in_order);
    tcase_add_test(all, test_freed_at_once);
    tcase_add_test(all, test_process_killed);
    tcase_add_test(all, test_stopped_with_its_unit);
    tcase_add_loop_test(all, test_stopped_without_its_process, 0, 2);
    tcase_add_test(all, test_stopped_while_the_disk_is_slow);
    tcase_add_test(all, test_rewind_and_insert);
    tcase_add_test(all, test_inserted_without_a_process);
    tcase_add_test(all, test_too_much_without_a_process);
    tcase_add_test(all, test_query);
    tcase_add_test(all, test_second_agent);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
