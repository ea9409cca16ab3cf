/* Processes and security modules, from a made-up /proc and /sys, and from the real /proc. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "probes/host/proc.h"
#include "tests/unit/host_folder.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* A process with the given line(s) of /proc/PID/cgroup; its argv[0] is /bin/NAME. */
static void process(int pid, int parent, const char *name, const char *cgroup)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
    put_text(path, cgroup);
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    snprintf(text, sizeof text, "%s\n", name);
    put_text(path, text);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    snprintf(text, sizeof text, "%d (%s) ) S %d 1 1 0", pid, name, parent);
    put_text(path, text);
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    snprintf(text, sizeof text, "/bin/%s", name);
    put(path, text, strlen(text) + 1);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    snprintf(text, sizeof text, "/usr/bin/%s (deleted)", name);
    link_to(text, path);
}

static void namespace(int pid, const char *target)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    link_to(target, path);
}

/* The pids found, each with a space behind. */
static const char *found(pid_t pid, const char *id)
{
    static char text[256];
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;
    size_t used = 0;

    ck_assert_msg(proc_container_processes(root, pid, id, &facts, &error) == 0, "%s", error.text);
    text[0] = '\0';
    for (size_t i = 0; i < facts->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d ", (int)facts->items[i].pid);
    facts_free(&facts->facts);
    return text;
}

START_TEST(test_cgroup_v2)
{
    process(1, 0, "systemd", "0::/init.scope\n");
    process(10, 1, "app", "0::/system.slice/docker-" ID ".scope\n");
    process(12, 1, "exec", "0::/system.slice/docker-" ID ".scope\n");
    process(13, 1, "deep", "0::/system.slice/docker-" ID ".scope/a/b\n");
    process(14, 1, "other", "0::/system.slice/docker-" OTHER ".scope\n");
    process(15, 10, "longer", "0::/system.slice/docker-" ID ".scope2\n");
    process(9, 1, "sshd", "0::/system.slice/ssh.service\n");
    ck_assert_str_eq(found(10, ID), "10 12 13 ");
    ck_assert_str_eq(found(13, ID), "10 12 13 "); /* an init system inside moved itself further down */
}
END_TEST

START_TEST(test_cgroup_v1)
{
    process(10, 1, "app", "5:memory:/\n4:cpu,pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n");
    process(11, 1, "moved", "5:memory:/\n4:cpu,pids:/docker/" ID "/x\n1:name=systemd:/elsewhere\n0::/\n");
    process(12, 1, "host", "5:memory:/\n4:cpu,pids:/user\n1:name=systemd:/docker/" ID "\n0::/\n");
    process(13, 1, "odd", "nonsense\n:\n4:\n");
    ck_assert_str_eq(found(10, ID), "10 11 ");
}
END_TEST

/* Where the cgroup file system is to be seen, it alone says who is a member: nobody else's file is read. */
START_TEST(test_cgroup_file_system)
{
    process(10, 1, "app", "4:cpu,pids:/docker/" ID "\n");
    process(11, 1, "exec", "4:cpu,pids:/docker/" ID "\n");
    process(12, 1, "unread", "4:cpu,pids:/docker/" ID "\n");
    put_text("/sys/fs/cgroup/cpu,pids/docker/" ID "/cgroup.procs", "11\n10\n");
    put_text("/sys/fs/cgroup/cpu,pids/docker/" ID "/a/b/cgroup.procs", "10\n13\n");
    put_text("/sys/fs/cgroup/cpu,pids/docker/" ID "/a/cgroup.procs", "");
    process(13, 1, "deep", "4:cpu,pids:/docker/" ID "/a/b\n");
    ck_assert_str_eq(found(10, ID), "10 11 13 ");
}
END_TEST

START_TEST(test_cgroup_file_system_v2)
{
    process(10, 1, "app", "0::/system.slice/docker-" ID ".scope\n");
    process(11, 1, "exec", "0::/system.slice/docker-" ID ".scope\n");
    process(12, 1, "unread", "0::/system.slice/docker-" ID ".scope\n");
    put_text("/sys/fs/cgroup/system.slice/docker-" ID ".scope/cgroup.procs", "10\n11\n");
    ck_assert_str_eq(found(10, ID), "10 11 ");
    put_text("/sys/fs/cgroup/unified/system.slice/docker-" ID ".scope/cgroup.procs", "10\n12\n");
    ck_assert_str_eq(found(10, ID), "10 11 ");
}
END_TEST

/* A group that does not hold the container's process is another view's, and one with a part that cannot be listed
 * (a threaded group) is not the whole: every process is asked instead. */
START_TEST(test_cgroup_file_system_that_is_not_believed)
{
    process(10, 1, "app", "0::/system.slice/docker-" ID ".scope\n");
    process(12, 1, "exec", "0::/system.slice/docker-" ID ".scope\n");
    put_text("/sys/fs/cgroup/system.slice/docker-" ID ".scope/cgroup.procs", "12\n");
    ck_assert_str_eq(found(10, ID), "10 12 ");
    put_text("/sys/fs/cgroup/system.slice/docker-" ID ".scope/cgroup.procs", "10\nnonsense\n");
    ck_assert_str_eq(found(10, ID), "10 12 ");
    put_text("/sys/fs/cgroup/system.slice/docker-" ID ".scope/cgroup.procs", "10\n");
    put_text("/sys/fs/cgroup/system.slice/docker-" ID ".scope/part/other", "");
    ck_assert_str_eq(found(10, ID), "10 12 ");
}
END_TEST

START_TEST(test_unnamed_group_that_is_its_own)
{
    process(10, 1, "app", "0::/custom/group\n");
    process(11, 10, "child", "0::/custom/group\n");
    process(12, 1, "host", "0::/custom\n");
    ck_assert_str_eq(found(10, ID), "10 11 ");
}
END_TEST

START_TEST(test_shared_group_falls_back_to_descent)
{
    process(10, 1, "app", "0::/custom/group\n");
    process(11, 10, "child", "0::/custom/group\n");
    process(20, 11, "grandchild", "0::/custom/group\n");
    process(12, 1, "sshd", "0::/custom/group\n");
    ck_assert_str_eq(found(10, ID), "10 11 20 ");
}
END_TEST

START_TEST(test_root_group_falls_back_to_namespace)
{
    process(1, 0, "init", "0::/\n");
    process(10, 1, "app", "0::/\n");
    process(11, 1, "exec", "0::/\n");
    process(12, 10, "host", "0::/\n");
    namespace(1, "pid:[1]");
    namespace(10, "pid:[77]");
    namespace(11, "pid:[77]");
    namespace(12, "pid:[1]");
    ck_assert_str_eq(found(10, ID), "10 11 ");
}
END_TEST

START_TEST(test_parents_in_a_ring_end)
{
    process(10, 11, "a", "0::/\n");
    process(11, 10, "b", "0::/\n");
    process(12, 13, "c", "0::/\n");
    process(13, 12, "d", "0::/\n");
    ck_assert_str_eq(found(10, NULL), "10 11 ");
}
END_TEST

START_TEST(test_gone)
{
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;

    put_text("/proc/1/comm", "init\n");
    ck_assert_int_eq(proc_container_processes(root, 99, ID, &facts, &error), -ESRCH);
    ck_assert_int_eq(proc_container_processes(root, 0, ID, &facts, &error), -ESRCH);
    ck_assert_int_lt(proc_state(root, 99), 0);
    ck_assert_int_lt(proc_state(root, 0), 0);
}
END_TEST

START_TEST(test_names_told)
{
    struct process_facts *facts = NULL, *again = NULL;

    process(10, 1, "app", "0::/docker/" ID "\n");
    process(11, 1, "sshd", "0::/docker/" ID "\n");
    process(12, 1, "kthread", "0::/docker/" ID "\n");
    put_text("/proc/11/cmdline", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
    put_text("/proc/12/cmdline", "");
    ck_assert_int_eq(proc_container_processes(root, 10, ID, &facts, NULL), 0);
    ck_assert_uint_eq(facts->count, 3);
    ck_assert_str_eq(facts->items[0].comm, "app");
    ck_assert_str_eq(facts->items[0].argv0, "app");
    ck_assert_str_eq(facts->items[0].exe, "app");
    ck_assert_str_eq(facts->items[1].argv0, "sshd");
    ck_assert_ptr_null(facts->items[2].argv0);
    ck_assert_int_eq(proc_state(root, 10), 'S');

    ck_assert_int_eq(proc_container_processes(root, 10, ID, &again, NULL), 0);
    ck_assert_uint_eq(facts->facts.digest, again->facts.digest);
    facts_free(&again->facts);
    put_text("/proc/12/comm", "renamed\n");
    ck_assert_int_eq(proc_container_processes(root, 10, ID, &again, NULL), 0);
    ck_assert_uint_ne(facts->facts.digest, again->facts.digest);
    facts_free(&again->facts);
    facts_free(&facts->facts);
}
END_TEST

/* The first argument of a program that is many tells which one runs; arguments of any length are taken. */
START_TEST(test_multi_call)
{
    static const char multi[] = "/usr/sbin/dropbearmulti\0/x/dropbear\0-F", alone[] = "busybox";
    struct process_facts *facts = NULL;
    char longest[8192];

    process(10, 1, "app", "0::/docker/" ID "\n");
    put("/proc/10/cmdline", multi, sizeof multi);
    process(11, 1, "app", "0::/docker/" ID "\n");
    put("/proc/11/cmdline", alone, sizeof alone);
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 4096 - 2 - strlen("/busybox"), "/busybox", strlen("/busybox"));
    process(12, 1, "app", "0::/docker/" ID "\n");
    put("/proc/12/cmdline", longest, sizeof longest);
    ck_assert_int_eq(proc_container_processes(root, 10, ID, &facts, NULL), 0);
    ck_assert_uint_eq(facts->count, 3);
    ck_assert_str_eq(facts->items[0].argv0, "dropbear");
    ck_assert_str_eq(facts->items[1].argv0, "busybox");
    ck_assert_str_eq(facts->items[2].argv0, "busybox");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_cmdline_and_environment)
{
    static const char cmdline[] = "a\0\0b c", environment[] = "HOMER=no\0HOME=/root\0EMPTY=";
    struct arena *arena = arena_new(64);
    struct string_list list;
    scoped(cleanup_free) char *home = NULL, *empty = NULL, *absent = NULL;

    put("/proc/7/cmdline", cmdline, sizeof cmdline);
    put("/proc/7/environ", environment, sizeof environment);
    put_text("/proc/8/cmdline", "");
    ck_assert_int_eq(proc_read_cmdline(root, 7, arena, &list, NULL), 0);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.items[1], "");
    ck_assert_str_eq(list.items[2], "b c");
    ck_assert_int_eq(proc_read_cmdline(root, 8, arena, &list, NULL), 0);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_int_lt(proc_read_cmdline(root, 9, arena, &list, NULL), 0);
    home = proc_read_environment(root, 7, "HOME");
    empty = proc_read_environment(root, 7, "EMPTY");
    absent = proc_read_environment(root, 7, "HOM");
    ck_assert_str_eq(home, "/root");
    ck_assert_str_eq(empty, "");
    ck_assert_ptr_null(absent);
    arena_free(arena);
}
END_TEST

/* A child of ours in the real /proc, where the kernel and not a test's author decides what the files hold. */
START_TEST(test_real_child)
{
    scoped(cleanup_host_root) struct host_root *real = NULL;
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;
    bool seen = false;
    pid_t child;

    ck_assert_int_eq(host_root_open("/", &real, &error), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        for (;;)
            pause();
    }
    ck_assert_msg(proc_container_processes(real, child, ID, &facts, &error) == 0, "%s", error.text);
    for (size_t i = 0; i < facts->count; i++)
        seen |= facts->items[i].pid == child && facts->items[i].exe && facts->items[i].argv0;
    ck_assert(seen);
    for (size_t i = 0; i < facts->count; i++)
        ck_assert_int_ne(facts->items[i].pid, 1);
    ck_assert_int_gt(proc_state(real, child), 0);
    facts_free(&facts->facts);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert_int_eq(proc_container_processes(real, child, ID, &facts, &error), -ESRCH);
}
END_TEST

static const struct {
    const char *enabled, *list, *enforce;
    bool apparmor, selinux, enforcing;
} modules[] = {
    {NULL, NULL, NULL, false, false, false},
    {"Y\n", NULL, NULL, true, false, false},
    {"Y\n", "capability,landlock,apparmor", NULL, true, false, false},
    {"Y\n", "capability,apparmor2,bpf", NULL, false, false, false},
    {"N\n", "capability,apparmor", NULL, false, false, false},
    {"Y\n", "", NULL, true, false, false},
    {NULL, "capability,selinux", "1", false, true, true},
    {NULL, NULL, "0\n", false, true, false},
};

START_TEST(test_security_modules)
{
    struct lsm_facts *facts = NULL;
    struct error error = ERROR_INIT;

    if (modules[_i].enabled)
        put_text("/sys/module/apparmor/parameters/enabled", modules[_i].enabled);
    if (modules[_i].list)
        put_text("/sys/kernel/security/lsm", modules[_i].list);
    if (modules[_i].enforce)
        put_text("/sys/fs/selinux/enforce", modules[_i].enforce);
    ck_assert_msg(proc_read_lsm(root, &facts, &error) == 0, "%s", error.text);
    ck_assert(facts->apparmor == modules[_i].apparmor);
    ck_assert(facts->selinux == modules[_i].selinux);
    ck_assert(facts->selinux_enforcing == modules[_i].enforcing);
    ck_assert_str_eq(error.text, "");
    facts_free(&facts->facts);
}
END_TEST

static const struct {
    const char *path, *text, *id, *version, *like;
} releases[] = {
    {"/etc/os-release", "NAME=\"Rocky Linux\"\nVERSION_ID=\"9.4\"\nID='rocky'\nID_LIKE=\"rhel centos fedora\"", "rocky",
     "9.4", "rhel centos fedora"},
    {"/usr/lib/os-release", "ID=alpine\nVERSION_ID=3.20.1 \n", "alpine", "3.20.1", NULL},
    {"/etc/os-release", "VARIANT_ID=x\n#ID=y\n\n ID=z\nID_LIKE=\n", NULL, NULL, ""},
    {"/etc/issue", "ID=nothing", NULL, NULL, NULL},
};

START_TEST(test_distributions)
{
    struct lsm_facts *facts = NULL;
    struct error error = ERROR_INIT;

    put_text(releases[_i].path, releases[_i].text);
    ck_assert_msg(proc_read_lsm(root, &facts, &error) == 0, "%s", error.text);
    ck_assert_pstr_eq(facts->os_id, releases[_i].id);
    ck_assert_pstr_eq(facts->os_version, releases[_i].version);
    ck_assert_pstr_eq(facts->os_like, releases[_i].like);
    facts_free(&facts->facts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proc");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(all, host_folder_setup, host_folder_teardown);
    tcase_add_test(all, test_cgroup_v2);
    tcase_add_test(all, test_cgroup_v1);
    tcase_add_test(all, test_cgroup_file_system);
    tcase_add_test(all, test_cgroup_file_system_v2);
    tcase_add_test(all, test_cgroup_file_system_that_is_not_believed);
    tcase_add_test(all, test_multi_call);
    tcase_add_test(all, test_unnamed_group_that_is_its_own);
    tcase_add_test(all, test_shared_group_falls_back_to_descent);
    tcase_add_test(all, test_root_group_falls_back_to_namespace);
    tcase_add_test(all, test_parents_in_a_ring_end);
    tcase_add_test(all, test_gone);
    tcase_add_test(all, test_names_told);
    tcase_add_test(all, test_cmdline_and_environment);
    tcase_add_test(all, test_real_child);
    tcase_add_loop_test(all, test_security_modules, 0, countof(modules));
    tcase_add_loop_test(all, test_distributions, 0, countof(releases));
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
