/* The system calls of helpers, by role: measured with strace, and what the same functions of the C library call on
 * other machines and in later versions. Nobody but filter.c includes this. */
#ifndef AGENT_HELPER_FILTER_CALLS_H
#define AGENT_HELPER_FILTER_CALLS_H

#include <seccomp.h>

/* A process of the program itself, and its children: memory, signals, its sockets, time, giving up rights. */
static const int common_calls[] = {
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(mmap2),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mprotect),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(getrandom),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(signalfd4),
    SCMP_SYS(alarm),
    SCMP_SYS(setitimer),
    SCMP_SYS(tgkill),
    SCMP_SYS(kill),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getuid32),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid32),
    SCMP_SYS(getegid32),
    SCMP_SYS(setpgid),
    SCMP_SYS(prctl),
    SCMP_SYS(capget),
    SCMP_SYS(capset),
    SCMP_SYS(getrlimit),
    SCMP_SYS(ugetrlimit),
    SCMP_SYS(setrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(accept4),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(recv),
    SCMP_SYS(send),
    SCMP_SYS(connect),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(shutdown),
    SCMP_SYS(uname),
    SCMP_SYS(getcwd),
};

/* Looking at files. */
static const int looking_calls[] = {
    SCMP_SYS(access),      SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),
    SCMP_SYS(stat64),      SCMP_SYS(lstat),     SCMP_SYS(lstat64),    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),   SCMP_SYS(statx),     SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),  SCMP_SYS(pipe2),     SCMP_SYS(sysinfo),    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
};

/* An event loop. */
static const int loop_calls[] = {
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),  SCMP_SYS(sendmmsg),  SCMP_SYS(recvmmsg),   SCMP_SYS(membarrier),
};

/* libaudit. */
static const int audit_calls[] = {SCMP_SYS(bind), SCMP_SYS(select), SCMP_SYS(_newselect), SCMP_SYS(pselect6)};

/* Looking at files, watching them, and the modules of the name service. */
static const int files_calls[] = {
    SCMP_SYS(statfs),
    SCMP_SYS(statfs64),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fstatfs64),
    SCMP_SYS(getdents),
    SCMP_SYS(getxattr),
    SCMP_SYS(lgetxattr),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(listxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(flistxattr),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(socketpair),
    SCMP_SYS(fchdir),
    SCMP_SYS(chdir),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    SCMP_SYS(flock),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
};

/* The loop, curl with its thread for names, TLS with its files, and the modules of the name service. */
static const int engine_calls[] = {
    SCMP_SYS(eventfd2),   SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64),
    SCMP_SYS(socketpair), SCMP_SYS(bind),           SCMP_SYS(mlock),           SCMP_SYS(munlock),
};

/* Listening, and the modules of the name service: their libraries and files, DNS, and the sockets of those that ask a
 * process (resolved, nscd, sssd, avahi). netlink(7), by which getaddrinfo(3) would see this machine's addresses, is not
 * among it: without it the order of a name's addresses is by what routes there are alone. */
static const int network_calls[] = {
    SCMP_SYS(bind),     SCMP_SYS(listen), SCMP_SYS(fstatfs),    SCMP_SYS(fstatfs64),
    SCMP_SYS(getdents), SCMP_SYS(select), SCMP_SYS(_newselect), SCMP_SYS(pselect6),
};

#ifdef __SANITIZE_ADDRESS__
/* What the sanitizers' own runtime calls, to report and to know its memory. */
static const int sanitizer_calls[] = {SCMP_SYS(readlink),   SCMP_SYS(sched_yield), SCMP_SYS(stat),
                                      SCMP_SYS(newfstatat), SCMP_SYS(open),        SCMP_SYS(access),
                                      SCMP_SYS(ioctl),      SCMP_SYS(pipe2),       SCMP_SYS(sched_getaffinity),
                                      SCMP_SYS(getdents64), SCMP_SYS(mincore)};
#endif

#endif
