/* The system call filters of the helpers that deal with images: what they do works under them, what they never do is
 * refused, in the programs that they execute too. As root, so that nothing else refuses it. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/helper/filter.h"
#include "probes/images/layers.h"
#include "probes/images/scanner.h"
#include "tests/unit/host_folder.h"

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

/* Run in a process of its own, under the filter of ROLE; 0: all is well. */
static void expect_under_filter(enum role role, int (*what)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct error error = ERROR_INIT;

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (filter_load(role, &error) < 0)
            _exit(failed(error.text));
        _exit(what());
    }
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

#define REFUSED(what, ...)                                                                                             \
    do {                                                                                                               \
        if (syscall(__VA_ARGS__) != -1 || errno != EPERM)                                                              \
            return failed(what);                                                                                       \
    } while (0)

/* ---- Layers ---- */

static int read_layers(void)
{
    static const char *digests[] = {"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *folders[] = {"/overlay2/a/diff"};
    scoped(cleanup_free) char *cache = host_place("/cache");
    const struct string_list layers = {.items = digests, .count = 1}, directories = {.items = folders, .count = 1};

    for (int i = 0; i < 2; i++) { /* read, and from the cache, where it has left it */
        const struct layers_request request = {.root = root,
                                               .image_id = "x",
                                               .layers = &layers,
                                               .directories = &directories,
                                               .cache = cache,
                                               .cpu_seconds = LAYERS_CPU_SECONDS};
        struct error error = ERROR_INIT;
        struct layer_facts *facts = NULL;
        scoped_str output = STR_INIT;

        if (layers_run(&output, &request, &error) < 0 ||
            layers_parse(str_text(&output), output.length, &facts, &error) < 0)
            return failed(error.text);
        if (facts->setuid_count != 1 || facts->packages.count != 1)
            return failed("its findings");
        facts_free(&facts->facts);
    }
    return 0;
}

static int try_what_layers_may_not(void)
{
    REFUSED("socket", SYS_socket, AF_INET, SOCK_STREAM, 0);
    REFUSED("execve", SYS_execve, "/no-such-program", NULL, NULL);
    REFUSED("ptrace", SYS_ptrace, PTRACE_ATTACH, -1, NULL, NULL);
    REFUSED("open_by_handle_at", SYS_open_by_handle_at, -1, NULL, 0);
    REFUSED("namespaces", SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    REFUSED("unshare", SYS_unshare, CLONE_NEWNS);
    REFUSED("mount", SYS_mount, NULL, NULL, NULL, 0, NULL);
    REFUSED("bpf", SYS_bpf, 0, NULL, 0);
    REFUSED("setuid", SYS_setuid, 1);
    REFUSED("mknodat", SYS_mknodat, -1, "", 0, 0);
    REFUSED("process_vm_readv", SYS_process_vm_readv, -1, NULL, 0, NULL, 0, 0);
    return 0;
}

START_TEST(layers_are_read_under_their_filter)
{
    scoped(cleanup_free) char *cached =
        host_place("/cache/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

    put_mode("/overlay2/a/diff/bin/su", 04755);
    put_text("/overlay2/a/diff/var/lib/dpkg/status", "Package: libc6\nStatus: install ok installed\n\n");
    expect_under_filter(ROLE_LAYERS, read_layers);
    ck_assert_int_eq(access(cached, F_OK), 0);
}
END_TEST

START_TEST(layers_may_do_nothing_else)
{
    expect_under_filter(ROLE_LAYERS, try_what_layers_may_not);
}
END_TEST

/* ---- The scanner ---- */

/* Its program works, and has the filter too. */
static int run_scanner(void)
{
    const char *words[] = {"sh", "-c",
                           "grep -q '^Seccomp:.*2$' /proc/self/status && printf %s "
                           "'{\"matches\":[{\"vulnerability\":{\"severity\":\"High\",\"id\":\"CVE-1\"}}]}'"};
    const struct string_list command = {.items = words, .count = 3};
    const struct scanner_request request = {.command = &command, .image = "x"};
    struct error error = ERROR_INIT;
    struct scan_facts *facts = NULL;
    scoped_str output = STR_INIT;

    if (scanner_run(&output, &request, &error) < 0 ||
        scanner_parse(str_text(&output), output.length, &facts, &error) < 0)
        return failed(error.text);
    return facts->counts[3] == 1 ? 0 : failed("its findings");
}

static int try_what_scanners_may_not(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* they download lists */
    pid_t child = fork();

    if (fd < 0)
        return failed("socket");
    if (child <= 0 || waitpid(child, NULL, 0) != child)
        return child ? failed("fork") : 0;
    REFUSED("open_by_handle_at", SYS_open_by_handle_at, -1, NULL, 0);
    REFUSED("namespaces", SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    REFUSED("namespaces", SYS_clone, CLONE_NEWNS | CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, NULL);
    REFUSED("unshare", SYS_unshare, CLONE_NEWUSER);
    REFUSED("setns", SYS_setns, -1, 0);
    REFUSED("mount", SYS_mount, NULL, NULL, NULL, 0, NULL);
    REFUSED("fsopen", SYS_fsopen, NULL, 0);
    REFUSED("chroot", SYS_chroot, NULL);
    REFUSED("ptrace", SYS_ptrace, PTRACE_ATTACH, -1, NULL, NULL);
    REFUSED("process_vm_writev", SYS_process_vm_writev, -1, NULL, 0, NULL, 0, 0);
    REFUSED("finit_module", SYS_finit_module, -1, NULL, 0);
    REFUSED("kexec_load", SYS_kexec_load, 0, 0, NULL, -1);
    REFUSED("bpf", SYS_bpf, 0, NULL, 0);
    REFUSED("perf_event_open", SYS_perf_event_open, NULL, 0, 0, 0, 0);
    REFUSED("io_uring_setup", SYS_io_uring_setup, 0, NULL);
    REFUSED("keyctl", SYS_keyctl, 0, 0, 0, 0, 0);
    REFUSED("reboot", SYS_reboot, 0, 0, 0, NULL);
    REFUSED("swapon", SYS_swapon, NULL, 0);
    REFUSED("clock_settime", SYS_clock_settime, 0, NULL);
    return 0;
}

START_TEST(a_scanner_runs_under_its_filter)
{
    expect_under_filter(ROLE_SCANNER, run_scanner);
}
END_TEST

START_TEST(scanners_may_not_do_what_none_needs)
{
    expect_under_filter(ROLE_SCANNER, try_what_scanners_may_not);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("helper_filter");
    TCase *tests = tcase_create("helper_filter");
    SRunner *runner;
    int failures;

    tcase_add_checked_fixture(tests, host_folder_setup, host_folder_teardown);
    tcase_add_test(tests, layers_are_read_under_their_filter);
    tcase_add_test(tests, layers_may_do_nothing_else);
    tcase_add_test(tests, a_scanner_runs_under_its_filter);
    tcase_add_test(tests, scanners_may_not_do_what_none_needs);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? 1 : 0;
}
