/* What a part can still do once it parses: next to nothing. The filter works on every kernel that has seccomp; Landlock
 * is for the walk before it, which has to open files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/memory.h"
#include "probes/worker/system_calls.h"
#include "probes/worker/worker_internal.h"
#include "probes/worker/worker_part.h"

/* ---- Landlock ---- */

/* linux/landlock.h, which older headers lack; the numbers are those of all machines. */
enum {
    LANDLOCK_CREATE = 444,
    LANDLOCK_ADD = 445,
    LANDLOCK_RESTRICT = 446,
    BENEATH_PATH = 1,
    READ_FILE = 1 << 2,
    READ_FOLDER = 1 << 3,
    ALL_OF_FIRST_VERSION = (1 << 13) - 1
};

struct beneath_path {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

void part_look_beneath(const int *folders, size_t count)
{
    const uint64_t handled = ALL_OF_FIRST_VERSION;
    scoped(cleanup_close) int rules = (int)syscall(LANDLOCK_CREATE, &handled, sizeof handled, 0U);

    if (rules < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct beneath_path path = {.allowed = READ_FILE | READ_FOLDER, .folder = folders[i]};

        if (syscall(LANDLOCK_ADD, rules, BENEATH_PATH, &path, 0U) < 0)
            return;
    }
    syscall(LANDLOCK_RESTRICT, rules, 0U);
}

/* ---- The filter ---- */

/* Measured with strace, and what the same functions of the C library call on other machines and in later versions. */
static const int parsing_calls[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(close),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo), /* qsort(3) */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction), /* abort(3) */
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* curl, with a connection that is open. */
static const int receiving_calls[] = {
    SCMP_SYS(poll),   SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(recvfrom), SCMP_SYS(recv),
    SCMP_SYS(sendto), SCMP_SYS(send),  SCMP_SYS(getsockopt),   SCMP_SYS(shutdown),
};

#ifdef __SANITIZE_ADDRESS__
static const int sanitizer_calls[] = {SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(mincore)};
#endif

/* Its own limit of processor time, and signals to itself. */
static int allow_itself(scmp_filter_ctx filter)
{
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0, 0),
                             SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU, 0));

    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setrlimit), 1, SCMP_A0(SCMP_CMP_EQ, RLIMIT_CPU, 0));
    if (r == 0 || r == -EDOM)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return r;
}

static int load_filter(enum part_calls calls)
{
    scoped(cleanup_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = filter ? system_calls_add(filter, SCMP_ACT_ALLOW, parsing_calls, countof(parsing_calls)) : -ENOMEM;

    if (r == 0 && calls == PART_RECEIVES)
        r = system_calls_add(filter, SCMP_ACT_ALLOW, receiving_calls, countof(receiving_calls));
#ifdef __SANITIZE_ADDRESS__
    if (r == 0)
        r = system_calls_add(filter, SCMP_ACT_ALLOW, sanitizer_calls, countof(sanitizer_calls));
#endif
    if (r == 0)
        r = system_calls_allow_data(filter);
    if (r == 0)
        r = allow_itself(filter);
    return r == 0 ? system_calls_load(filter) : r;
}

int part_cut(enum part_calls calls, const int *kept, size_t count, struct error *error)
{
    int r = capability_keep(0);

    if (r < 0)
        return error_system(error, -r, "giving up capabilities");
    if (calls == PART_PARSES)
        child_close_others(kept, count);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_system(error, errno, "no_new_privs");
    r = load_filter(calls);
    return r < 0 ? error_system(error, -r, "a parser's system call filter") : 0;
}
