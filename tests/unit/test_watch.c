/* "Look again" watches on real files of the real kernel. */
#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "probes/watch/watch.h"

static struct event_base *base;
static struct host_root *root;
static struct watcher *watcher;
static char folder[] = "/tmp/test-watch-XXXXXX";
static unsigned calls;

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    va_list arguments;
    scoped(cleanup_free) char *command = NULL, *full = NULL;

    va_start(arguments, format);
    command = mem_vprintf(format, arguments);
    va_end(arguments);
    full = mem_printf("cd %s && %s", folder, command);
    ck_assert_int_eq(system(full), 0);
}

static void on_change(const char *path, void *user)
{
    (void)path;
    (void)user;
    calls++;
}

/* Runs the loop until it has nothing to do; the calls since the last time. */
static unsigned told(void)
{
    struct timeval wait = {.tv_usec = 50000};
    unsigned before = calls;

    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
    return calls - before;
}

static struct watch *watch(const char *name, bool tree)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);

    return watch_add(watcher, path, tree ? WATCH_TREE : WATCH_PATH, on_change, NULL);
}

static void set_up(void)
{
    struct error error = ERROR_INIT;

    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    ck_assert_int_eq(host_root_open("/", &root, &error), 0);
    watcher = watcher_new(base, root, &error);
    ck_assert_ptr_nonnull(watcher);
    calls = 0;
}

static void tear_down(void)
{
    watcher_free(watcher);
    host_root_close(root);
    event_base_free(base);
    shell("rm -rf %s", folder);
}

START_TEST(mode_content_and_replacement)
{
    shell("echo a >file");
    watch("file", false);
    ck_assert_uint_eq(told(), 0);
    shell("chmod 600 file");
    ck_assert_uint_eq(told(), 1);
    shell("echo b >>file");
    ck_assert_uint_eq(told(), 1);
    shell("echo c >new && mv new file");
    ck_assert_uint_eq(told(), 1);
    shell("chmod 644 file"); /* the new file is watched */
    ck_assert_uint_eq(told(), 1);
    shell("rm file");
    ck_assert_uint_eq(told(), 1);
    shell("echo d >file");
    ck_assert_uint_ge(told(), 1);
}
END_TEST

START_TEST(writes_to_a_file_that_is_kept_open)
{
    scoped(cleanup_free) char *tree = mem_printf("%s/log", folder), *path = mem_printf("%s/log/a/wal", folder);
    scoped(cleanup_fclose) FILE *file = NULL;

    shell("mkdir -p log/a");
    watch("log/a", true);
    watch_add(watcher, tree, WATCH_TREE_WRITES, on_change, NULL);
    watch("log/a", true); /* of the same folder, for whom writes do not count: it must not take them from the other */
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_ge(told(), 1);
    for (int i = 0; i < 3; i++) {
        fputs("x", file);
        fflush(file);
        ck_assert_uint_ge(told(), 1);
    }
    ck_assert_uint_eq(told(), 0);
}
END_TEST

START_TEST(missing_parents_come_and_go)
{
    watch("a/b/c/file", false);
    shell("mkdir a");
    ck_assert_uint_ge(told(), 1);
    shell("mkdir -p a/b/c");
    ck_assert_uint_ge(told(), 1);
    shell("echo x >a/b/c/file");
    ck_assert_uint_ge(told(), 1);
    shell("mv a old"); /* a grandparent goes: inotify says nothing below it */
    ck_assert_uint_ge(told(), 1);
    shell("mkdir -p a/b/c && echo y >a/b/c/file");
    ck_assert_uint_ge(told(), 1);
    shell("chmod 600 a/b/c/file");
    ck_assert_uint_eq(told(), 1);
    shell("chmod 600 old/b/c/file"); /* another place now */
    ck_assert_uint_eq(told(), 0);
}
END_TEST

START_TEST(symlinks_on_the_way)
{
    shell("mkdir one two && echo 1 >one/f && echo 2 >two/f && ln -s one current");
    watch("current/f", false);
    shell("chmod 600 one/f");
    ck_assert_uint_eq(told(), 1);
    shell("ln -sfn two current"); /* retargeted: silent for who watches the target */
    ck_assert_uint_ge(told(), 1);
    shell("chmod 600 two/f");
    ck_assert_uint_eq(told(), 1);
    shell("chmod 644 one/f");
    ck_assert_uint_eq(told(), 0);
}
END_TEST

START_TEST(hard_link_elsewhere)
{
    shell("mkdir other && echo 1 >file && ln file other/name");
    watch("file", false);
    shell("echo 2 >>other/name");
    ck_assert_uint_eq(told(), 1);
}
END_TEST

START_TEST(neighbours_do_not_matter)
{
    shell("echo 1 >file");
    watch("file", false);
    shell("echo 2 >other; rm other; mkdir more; chmod 700 more");
    ck_assert_uint_eq(told(), 0);
}
END_TEST

START_TEST(tree)
{
    shell("mkdir -p certs/r1");
    watch("certs", true);
    shell("echo 1 >certs/r1/ca.crt");
    ck_assert_uint_ge(told(), 1);
    shell("mkdir -p certs/r2/deep");
    ck_assert_uint_ge(told(), 1);
    shell("echo 2 >certs/r2/deep/ca.crt");
    ck_assert_uint_ge(told(), 1);
    shell("chmod 600 certs/r2/deep/ca.crt");
    ck_assert_uint_ge(told(), 1);
}
END_TEST

START_TEST(overflow_tells_everybody)
{
    scoped(cleanup_free) char *path = NULL;

    shell("echo 1 >file && echo 1 >noisy");
    watch("file", false);
    watch("noisy", false);
    path = mem_printf("%s/noisy", folder);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(chmod(path, i % 2 ? 0600 : 0644), 0);
    for (int i = 0; i < 20000 && !watcher_counters(watcher)->overflows; i++) {
        scoped(cleanup_free) char *name = mem_printf("%s/n%d", folder, i % 2);

        close(
            open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* other names, so that the kernel does not merge them */
        unlink(name);
    }
    ck_assert_uint_ge(told(), 2);
    ck_assert_uint_ge(watcher_counters(watcher)->overflows, 1);
    shell("chmod 600 file");
    ck_assert_uint_eq(told(), 1);
}
END_TEST

static struct watch *victim;

static void free_victim(const char *path, void *user)
{
    (void)path;
    (void)user;
    calls++;
    watch_free(victim);
    victim = NULL;
}

START_TEST(freed_in_a_callback)
{
    scoped(cleanup_free) char *path = mem_printf("%s/file", folder);

    shell("echo 1 >file");
    watch_add(watcher, path, WATCH_PATH, free_victim, NULL);
    victim = watch("file", false);
    shell("chmod 600 file");
    told();
    ck_assert_ptr_null(victim);
    ck_assert_uint_eq(watcher_counters(watcher)->paths, 1);
    shell("chmod 644 file");
    ck_assert_uint_eq(told(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, mode_content_and_replacement);
    tcase_add_test(tests, writes_to_a_file_that_is_kept_open);
    tcase_add_test(tests, missing_parents_come_and_go);
    tcase_add_test(tests, symlinks_on_the_way);
    tcase_add_test(tests, hard_link_elsewhere);
    tcase_add_test(tests, neighbours_do_not_matter);
    tcase_add_test(tests, tree);
    tcase_add_test(tests, overflow_tells_everybody);
    tcase_add_test(tests, freed_in_a_callback);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
