/* Batches: a burst shares a worker, one item that hangs or breaks its worker spoils no other, and is then left alone.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/fetch/batch.h"
#include "common/vec.h"

static struct event_base *base;
static struct workers *workers;
static struct batch *batch;
static VEC(char *) answers; /* "KEY: ok", or "KEY: NUMBER why" */
static size_t started, expected;

/* The first workers, of which nobody takes what they are asked. */
static size_t silent_workers;

/* In the worker: one answer for each key. "hang" never comes to its end, "die" ends the worker at once. */
static int run(struct str *output, const void *argument, struct error *error)
{
    const struct string_list *keys = argument;

    (void)error;
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->items[i], "hang") == 0 || started <= silent_workers)
            for (;;)
                pause();
        if (strcmp(keys->items[i], "die") == 0)
            raise(SIGKILL);
        wire_put_text(output, keys->items[i]);
    }
    return 0;
}

/* One of those that hang for ever is among them. */
static bool do_hang(const struct string_list *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->items[i], "hang") == 0)
            return true;
    return started <= silent_workers;
}

static struct worker *start(void *owner, const struct string_list *keys, void *const *items, worker_done *done,
                            void *user, struct error *error)
{
    ck_assert_ptr_eq(owner, &batch);
    for (size_t i = 0; i < keys->count; i++)
        ck_assert_ptr_nonnull(items[i]);
    started++;
    return worker_start(workers,
                        &(struct worker_options){.run = run,
                                                 .argument = keys,
                                                 .limit = 65536,
                                                 .timeout_ms = do_hang(keys) ? 1500 : 240000,
                                                 .done = done,
                                                 .user = user},
                        error);
}

static void answer(void *owner, const char *key, void *item, struct wire_reader *reader, int number, const char *why)
{
    struct arena *arena = arena_new(64);

    ck_assert_ptr_eq(owner, &batch);
    if (reader) {
        reader->arena = arena;
        ck_assert_str_eq(wire_text(reader), key);
    }
    ck_assert_ptr_nonnull(item);
    vec_push(&answers, reader ? mem_printf("%s: ok", key) : mem_printf("%s: %d %s", key, number, why));
    arena_free(arena);
    if (answers.count == expected)
        event_base_loopbreak(base);
}

static bool is_silent(void *owner)
{
    ck_assert_ptr_eq(owner, &batch);
    return started <= silent_workers;
}

static const struct batch_type type = {.what = "file system", .start = start, .is_silent = is_silent, .answer = answer};

static void setup(void)
{
    base = event_base_new();
    workers = workers_new(base);
    batch = batch_new(base, &type, &batch);
    started = silent_workers = 0;
}

static void teardown(void)
{
    batch_free(batch);
    workers_free(workers);
    event_base_free(base);
    for (size_t i = 0; i < answers.count; i++)
        free(answers.items[i]);
    vec_free(&answers);
}

static void wait_for(size_t count)
{
    expected = count;
    while (answers.count < count)
        event_base_dispatch(base);
}

static bool has_answer(const char *text)
{
    for (size_t i = 0; i < answers.count; i++)
        if (str_starts(answers.items[i], text))
            return true;
    return false;
}

START_TEST(a_burst_shares_a_worker)
{
    int item;

    for (int i = 0; i < 100; i++) {
        scoped(cleanup_free) char *key = mem_printf("key %d", i);

        batch_add(batch, key, &item);
    }
    wait_for(100);
    ck_assert_uint_eq(started, 1);
    ck_assert(has_answer("key 99: ok"));
}
END_TEST

START_TEST(one_that_hangs_spoils_no_other)
{
    int item;

    batch_add(batch, "a", &item);
    batch_add(batch, "hang", &item);
    batch_add(batch, "b", &item);
    wait_for(3);
    ck_assert(has_answer("a: ok"));
    ck_assert(has_answer("b: ok"));
    ck_assert(has_answer("hang: 110 ")); /* ETIMEDOUT */
    ck_assert_uint_eq(started, 4);
    /* It is not tried again soon, and nobody waits for it. */
    batch_add(batch, "hang", &item);
    batch_add(batch, "c", &item);
    wait_for(5);
    ck_assert_uint_eq(started, 5);
    ck_assert(has_answer("c: ok"));
    ck_assert_ptr_nonnull(strstr(answers.items[3], "its file system did not answer"));
}
END_TEST

/* It was stopped, and another one has taken its place: all is looked at, and nothing is blamed. */
START_TEST(who_is_stopped_puts_blame_on_no_item)
{
    int item;

    silent_workers = 2;
    batch_add(batch, "a", &item);
    batch_add(batch, "b", &item);
    wait_for(2);
    ck_assert(has_answer("a: ok"));
    ck_assert(has_answer("b: ok"));
    ck_assert_uint_eq(started, 3);
    batch_add(batch, "a", &item);
    wait_for(3);
    ck_assert_str_eq(answers.items[2], "a: ok");
}
END_TEST

START_TEST(one_that_kills_its_worker_spoils_no_other)
{
    int item;

    batch_add(batch, "a", &item);
    batch_add(batch, "die", &item);
    wait_for(2);
    ck_assert(has_answer("a: ok"));
    ck_assert(has_answer("die: "));
    batch_add(batch, "die", &item); /* that is no reason not to try again */
    wait_for(3);
    ck_assert_uint_eq(started, 4);
}
END_TEST

START_TEST(freed_while_it_works)
{
    int item;

    batch_add(batch, "hang", &item);
    event_base_loop(base, EVLOOP_ONCE);
    batch_add(batch, "a", &item);
    ck_assert_uint_eq(started, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 600);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_burst_shares_a_worker);
    tcase_add_test(all, one_that_hangs_spoils_no_other);
    tcase_add_test(all, who_is_stopped_puts_blame_on_no_item);
    tcase_add_test(all, one_that_kills_its_worker_spoils_no_other);
    tcase_add_test(all, freed_while_it_works);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
