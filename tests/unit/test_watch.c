/* "Look again" watches on real files and real mounts of the real kernel. */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Runs the loop until it has nothing to do; the calls since the last time. In parts: each has a turn of the loop,
 * however late it comes. */
static unsigned told(void)
{
    enum { PARTS = 5 };
    unsigned before = calls;

    for (int i = 0; i < PARTS; i++) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 10000});
        event_base_dispatch(base);
    }
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

/* What is half written is not looked at, unless it stays so. */
START_TEST(a_file_written_in_pieces)
{
    scoped(cleanup_free) char *path = mem_printf("%s/file", folder);
    unsigned before = calls;
    FILE *file;

    shell("echo 1 >file");
    watch("file", false);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 10; i++) {
        fprintf(file, "%d\n", i);
        fflush(file);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    fclose(file);
    ck_assert_uint_eq(told(), 1);
    file = fopen(path, "a");
    ck_assert_ptr_nonnull(file);
    before = calls;
    fprintf(file, "kept open\n");
    fflush(file);
    while (calls == before)
        told(); /* the test's own time limit ends it */
    ck_assert_uint_eq(calls, before + 1);
    fclose(file);
    ck_assert_uint_eq(told(), 1);
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
    /* What stays open is looked at once more, a moment later; then nothing more comes: the test's time limit ends this.
     */
    for (unsigned quiet = 0; quiet < 8;)
        quiet = told() ? 0 : quiet + 1;
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
    while (told() || !watcher_counters(watcher)->overflows)
        ; /* the test's own time limit ends it */
    ck_assert_uint_ge(calls, 2);
    shell("chmod 600 file");
    ck_assert_uint_eq(told(), 1);
}
END_TEST

static bool is_full; /* the kernel's limit */
static unsigned refused_calls;

/* Before the C library's. */
int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    refused_calls += is_full;
    errno = ENOSPC;
    return is_full ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static unsigned count_lines(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

/* What the log says while CALL runs. */
static void read_log(void (*call)(void), struct str *ret)
{
    scoped(cleanup_free) char *path = mem_printf("%s-log", folder);
    int standard_error = dup(STDERR_FILENO), log = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    dup2(log, STDERR_FILENO);
    call();
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(log);
    ck_assert_int_eq(file_read(path, 1 << 20, ret, NULL), 0);
    unlink(path);
}

static void meet_the_limit(void)
{
    is_full = true;
    for (unsigned i = 0; i < 3; i++)
        watcher_retry(watcher);
    watch("file", false);
    watch("other", false);
    for (unsigned i = 0; i < 3; i++)
        watcher_retry(watcher);
    ck_assert_uint_eq(watcher_counters(watcher)->refused, 2);
    ck_assert_uint_eq(watcher_counters(watcher)->kernel_watches, 0);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1); /* no timer beside the queue */
    refused_calls = 0;
    shell("echo 1 >>file");
    ck_assert_uint_eq(told(), 0);
    ck_assert_uint_eq(refused_calls, 0);
}

static void leave_the_limit(void)
{
    is_full = false;
    watcher_retry(watcher);
    ck_assert_uint_eq(told(), 0);
    ck_assert_uint_eq(watcher_counters(watcher)->refused, 0);
    shell("echo 2 >>file");
    ck_assert_uint_eq(told(), 1);
}

/* Refused once is said once; nothing runs until the next sweep tries again. */
START_TEST(what_is_refused_waits_for_the_sweep)
{
    scoped_str log = STR_INIT;

    shell("echo 1 >file");
    read_log(meet_the_limit, &log);
    ck_assert_uint_eq(count_lines(log.data, "is not watched in full: the limit fs.inotify.max_user_watches"), 2);
    ck_assert_uint_eq(count_lines(log.data, "\n"), 2);
    read_log(leave_the_limit, &log);
    ck_assert_uint_eq(count_lines(log.data, "is watched again"), 2);
    ck_assert_uint_eq(count_lines(log.data, "\n"), 2);
}
END_TEST

START_TEST(a_tree_of_a_thousand_directories)
{
    shell("mkdir -p t && cd t && seq 1 1000 | xargs mkdir");
    watch("t", true);
    ck_assert_uint_eq(watcher_counters(watcher)->refused, 0);
    shell("echo 1 >t/1000/ca.crt");
    ck_assert_uint_eq(told(), 1);
    shell("mkdir t/1000/new");
    ck_assert_uint_ge(told(), 1);
    shell("echo 1 >t/1000/new/ca.crt");
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

/* ---- Mounts: in a namespace of the test's own, as root. Where calls are counted at an unmount, the mount is a bind:
 * inotify reports the end of a file system too. ---- */

static struct mounts_watch *mounts;
static char last_path[256], points[512]; /* each after a space */
static unsigned changes_seen;

static void on_path(const char *path, void *user)
{
    (void)user;
    snprintf(last_path, sizeof last_path, "%s", path + strlen(folder));
    calls++;
}

static struct watch *watch_place(const char *name, enum watch_scope scope)
{
    scoped(cleanup_free) char *path = mem_printf("%s%s", folder, name);

    return watch_add(watcher, path, scope, on_path, NULL);
}

static void on_mounts(const struct mount_changes *changes, void *user)
{
    (void)user;
    ck_assert(!changes->everything);
    changes_seen++;
    for (size_t i = 0; i < changes->count; i++) {
        bool inside = strncmp(changes->points[i], folder, strlen(folder)) == 0;

        strcat(strcat(points, " "), changes->points[i] + (inside ? strlen(folder) : 0));
    }
    watcher_mounts_changed(watcher, changes);
}

/* The mount points that are reported as changed by the shell's command; `calls` counts from 0. */
static const char *changed_by(const char *command)
{
    *points = '\0';
    calls = 0;
    shell("%s", command);
    told();
    return points;
}

static void set_up_mounts(void)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_free) char *proc = NULL, *process = NULL;

    set_up();
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    proc = mem_printf("%s/proc", folder);
    process = mem_printf("%s/proc/1", folder);
    ck_assert_int_eq(mkdir(proc, 0700), 0);
    ck_assert_int_eq(symlink("/proc/self", process), 0);
    mounts = mounts_watch_new(base, proc, on_mounts, NULL, &error);
    ck_assert_msg(mounts != NULL, "%s", error.text);
    changes_seen = 0;
}

static void tear_down_mounts(void)
{
    mounts_watch_free(mounts);
    tear_down();
}

START_TEST(a_mount_that_no_path_leads_through_calls_nobody)
{
    shell("mkdir -p data/overlay2/x/merged data/containers etc/docker/certs.d etcetera new && touch "
          "etc/docker/daemon.json");
    for (int i = 0; i < 26; i++)
        watch_place("/etc/docker/daemon.json", WATCH_PATH);
    watch_place("/etc/docker/certs.d", WATCH_TREE);
    watch_place("/data", WATCH_PATH);
    watch_place("/data/containers", WATCH_TREE);
    ck_assert_str_eq(changed_by("mount -t tmpfs one data/overlay2/x/merged"), " /data/overlay2/x/merged");
    ck_assert_uint_eq(calls, 0);
    ck_assert_str_eq(changed_by("mount -t tmpfs two etcetera"), " /etcetera");
    ck_assert_uint_eq(calls, 0);
    ck_assert_str_eq(changed_by("umount data/overlay2/x/merged etcetera"), " /data/overlay2/x/merged /etcetera");
    ck_assert_uint_eq(calls, 0);
    ck_assert_str_eq(changed_by("mount --bind new etc/docker"), " /etc/docker");
    ck_assert_uint_eq(calls, 27); /* each once, and neither of the others */
    ck_assert_str_eq(changed_by("umount etc/docker"), " /etc/docker");
    ck_assert_uint_eq(calls, 27);
}
END_TEST

START_TEST(a_mount_over_a_watched_folder_calls_its_watches)
{
    shell("mkdir -p etc/docker other && echo 1 >etc/docker/a && echo 1 >etc/docker/b && mkdir -p new/docker");
    watch_place("/etc/docker/a", WATCH_PATH);
    watch_place("/other", WATCH_PATH);
    ck_assert_str_eq(changed_by("mount --bind new etc"), " /etc");
    ck_assert_uint_eq(calls, 1);
    ck_assert_str_eq(last_path, "/etc/docker/a");
    changed_by("echo 2 >etc/docker/a"); /* the watch is on what is seen there now */
    ck_assert_uint_ge(calls, 1);
    ck_assert_str_eq(changed_by("mount --bind etc/docker/a etc/docker/a"), " /etc/docker/a");
    ck_assert_uint_eq(calls, 1);
    ck_assert_str_eq(changed_by("umount -l etc"), " /etc /etc/docker/a");
    ck_assert_uint_eq(calls, 1);
    changed_by("chmod 600 etc/docker/a");
    ck_assert_uint_eq(calls, 1);
    changed_by("chmod 600 new/docker/a");
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(mounts_on_the_way_through_symlinks)
{
    shell("mkdir -p run/docker var srv new && ln -s ../run var/run && ln -s ../srv run/link && echo 1 >srv/file");
    watch_place("/var/run/docker/socket", WATCH_PATH);
    watch_place("/var/run/link/file", WATCH_PATH);
    watch_place("/var/../srv/file", WATCH_PATH);
    changed_by("mount --bind new run/docker");
    ck_assert_uint_eq(calls, 1);
    ck_assert_str_eq(last_path, "/var/run/docker/socket");
    changed_by("mount --bind new srv");
    ck_assert_uint_eq(calls, 2);
    changed_by("mount --bind new var"); /* holds the symlink, and is on the way to its parent */
    ck_assert_uint_eq(calls, 3);
    changed_by("umount var");
    ck_assert_uint_eq(calls, 3);
    changed_by("umount run/docker srv");
    ck_assert_uint_eq(calls, 3);
}
END_TEST

START_TEST(a_mount_inside_a_tree)
{
    shell("mkdir -p certs/registry certs2 && echo 1 >ca.crt && touch certs/registry/ca.crt");
    watch_place("/certs", WATCH_TREE);
    watch_place("/certs", WATCH_PATH);
    changed_by("mount -t tmpfs one certs2");
    ck_assert_uint_eq(calls, 0);
    changed_by("mount -t tmpfs two certs/registry");
    ck_assert_uint_eq(calls, 1);
    changed_by("echo 2 >certs/registry/ca.crt"); /* the tree goes on inside the mount */
    ck_assert_uint_ge(calls, 1);
    changed_by("umount certs2 certs/registry");
    ck_assert_uint_ge(calls, 1);
}
END_TEST

START_TEST(what_changed_is_the_difference)
{
    shell("mkdir a b 'c d'");
    ck_assert_str_eq(changed_by("mount -t tmpfs one a"), " /a");
    ck_assert_str_eq(changed_by("mount -t tmpfs two a"), " /a"); /* over the first */
    ck_assert_str_eq(changed_by("mount --move a b"), " /a /b");
    ck_assert_str_eq(changed_by("mount -t tmpfs three 'c d'"), " /c d");
    ck_assert_str_eq(changed_by("umount b && mount -t proc proc b"), " /b"); /* the id is given again */
    changes_seen = 0;
    ck_assert_str_eq(changed_by("mount -o remount,ro b"), "");
    ck_assert_uint_eq(changes_seen, 0);
    ck_assert_str_eq(changed_by("mount -t tmpfs four 'c d' && umount 'c d'"), "");
    ck_assert_str_eq(changed_by("umount a b 'c d'"), " /a /b /c d");
}
END_TEST

static void watch_large_tree(void)
{
    unsigned before;
    int events = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);

    watch("large", true);
    ck_assert_uint_eq(watcher_counters(watcher)->refused, 1);
    before = watcher_counters(watcher)->kernel_watches;
    ck_assert_uint_ge(before, 1024);
    ck_assert_uint_le(before, 8192 + 64);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), events); /* no timer */
    shell("echo 1 >large/ca.crt");
    ck_assert_uint_eq(told(), 1);
    ck_assert_uint_eq(watcher_counters(watcher)->kernel_watches, before);
    shell("rm -r large/[1-8]* large/9[0-4]*");
    before = calls;
    while (told() || watcher_counters(watcher)->refused)
        ; /* the test's own time limit ends it */
    ck_assert_uint_gt(calls, before);
}

/* More directories than are watched in one tree; fewer are when the kernel's limit is low. */
START_TEST(a_tree_that_is_too_large)
{
    scoped_str log = STR_INIT;

    shell("mkdir large && mount -t tmpfs memory large && cd large && seq 1 9000 | xargs mkdir");
    told(); /* of the mount */
    read_log(watch_large_tree, &log);
    shell("umount large");
    ck_assert_uint_eq(count_lines(log.data, "/large is not watched in full: it has too many directories"), 1);
    ck_assert_uint_eq(count_lines(log.data, "\n"), 2); /* and "is watched again" */
}
END_TEST

START_TEST(which_paths_changes_reach)
{
    static const char *const list[] = {"/a/b", "/a/b-c", "/a/b/c", "/srv"};
    static const struct mount_changes some = {.points = list, .count = 4}, none = {0}, all = {.everything = true};
    static const char *const slash[] = {"/"};
    static const struct mount_changes whole = {.points = slash, .count = 1};
    static const uint64_t numbers[] = {1ULL << 32, 8ULL << 32 | 1, 259ULL << 32 | 7};
    static const struct mount_changes devices = {.devices = numbers, .device_count = 3};

    ck_assert(mount_changes_reach(&some, "/a/b") && mount_changes_reach(&some, "/a/b/x/y"));
    ck_assert(mount_changes_reach(&some, "/srv/") && !mount_changes_reach(&some, "/srv2"));
    ck_assert(!mount_changes_reach(&some, "/a") && !mount_changes_reach(&some, "/") &&
              !mount_changes_reach(&some, "/a/bc"));
    ck_assert(mount_changes_reach(&whole, "/x") && mount_changes_reach(&whole, "/"));
    ck_assert(mount_changes_reach(&all, "/x") && !mount_changes_reach(&none, "/x"));
    ck_assert(mount_changes_lie_below(&some, "/a") && mount_changes_lie_below(&some, "/a/b/"));
    ck_assert(mount_changes_lie_below(&some, "/") && !mount_changes_lie_below(&some, "/srv"));
    ck_assert(!mount_changes_lie_below(&whole, "/") && !mount_changes_lie_below(&none, "/"));
    ck_assert(mount_changes_lie_below(&all, "/x") && !mount_changes_lie_below(&some, "/a/b/c"));
    ck_assert(mount_changes_of_device(&devices, 8, 1) && mount_changes_of_device(&devices, 259, 7));
    ck_assert(!mount_changes_of_device(&devices, 1, 8) && !mount_changes_of_device(&none, 8, 1));
    ck_assert(mount_changes_of_device(&all, 8, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch"), *with_mounts = tcase_create("mounts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, mode_content_and_replacement);
    tcase_add_test(tests, a_file_written_in_pieces);
    tcase_add_test(tests, writes_to_a_file_that_is_kept_open);
    tcase_add_test(tests, missing_parents_come_and_go);
    tcase_add_test(tests, symlinks_on_the_way);
    tcase_add_test(tests, hard_link_elsewhere);
    tcase_add_test(tests, neighbours_do_not_matter);
    tcase_add_test(tests, tree);
    tcase_add_test(tests, overflow_tells_everybody);
    tcase_add_test(tests, freed_in_a_callback);
    tcase_add_test(tests, what_is_refused_waits_for_the_sweep);
    tcase_add_test(tests, a_tree_of_a_thousand_directories);
    tcase_add_test(tests, which_paths_changes_reach);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(with_mounts, set_up_mounts, tear_down_mounts);
    tcase_set_timeout(with_mounts, 240);
    tcase_add_test(with_mounts, a_mount_that_no_path_leads_through_calls_nobody);
    tcase_add_test(with_mounts, a_mount_over_a_watched_folder_calls_its_watches);
    tcase_add_test(with_mounts, mounts_on_the_way_through_symlinks);
    tcase_add_test(with_mounts, a_mount_inside_a_tree);
    tcase_add_test(with_mounts, what_changed_is_the_difference);
    tcase_add_test(with_mounts, a_tree_that_is_too_large);
    suite_add_tcase(suite, with_mounts);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
