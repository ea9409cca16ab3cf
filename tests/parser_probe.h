/* Looks around from within a parser: in the very process that parses, in the midst of its work. A test links a function
 * that the parser calls with -Wl,--wrap, and its __wrap_… calls parser_probe() before the real one. What was found
 * comes back in memory that the processes share. */
#ifndef TESTS_PARSER_PROBE_H
#define TESTS_PARSER_PROBE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/memory.h"

enum { PROBE_PLACES = 4, PROBE_DESCRIPTORS = 1024, PROBE_HANDED_MAX = 2 };

static struct parser_probe {
    pid_t test;
    unsigned calls[PROBE_PLACES]; /* of parser_probe(), by the place that it was called from */
    char why[128];                /* the first thing that was possible and must not be */
} * probed;

static inline void parser_probe_begin(void)
{
    scoped(cleanup_close) int fd = open("/dev/zero", O_RDWR | O_CLOEXEC); /* mem(4): shared memory */

    probed = mmap(NULL, sizeof *probed, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(probed, MAP_FAILED);
    probed->test = getpid();
}

static inline void probe_refused(const char *what, long result)
{
    if ((result != -1 || errno != EPERM) && !probed->why[0])
        snprintf(probed->why, sizeof probed->why, "%s: %s", what, result == -1 ? strerror(errno) : "it was possible");
}
#define PROBE_REFUSED(what, ...) probe_refused(what, syscall(__VA_ARGS__))

/* Each would do nothing, or fail in another way, where it is not refused. */
static inline void probe_calls(void)
{
    static const struct {
        unsigned long long flags, mode, resolve;
    } how = {.flags = O_RDONLY};
    int one = 1;

    PROBE_REFUSED("openat", SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
    PROBE_REFUSED("openat to write", SYS_openat, AT_FDCWD, "/tmp/of-a-parser", O_WRONLY | O_CREAT, 0600);
    PROBE_REFUSED("openat of a folder", SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
    PROBE_REFUSED("openat2", SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how);
    PROBE_REFUSED("open_by_handle_at", SYS_open_by_handle_at, -1, NULL, 0);
    PROBE_REFUSED("faccessat", SYS_faccessat, AT_FDCWD, "/etc/passwd", F_OK);
    PROBE_REFUSED("readlinkat", SYS_readlinkat, AT_FDCWD, "/proc/self/exe", NULL, 0);
    PROBE_REFUSED("unlinkat", SYS_unlinkat, AT_FDCWD, "/tmp/of-a-parser", 0);
    PROBE_REFUSED("memfd_create", SYS_memfd_create, "x", 0);
    PROBE_REFUSED("socket of AF_UNIX", SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    PROBE_REFUSED("socket of AF_INET", SYS_socket, AF_INET, SOCK_STREAM, 0);
    PROBE_REFUSED("socket of AF_NETLINK", SYS_socket, AF_NETLINK, SOCK_RAW, 0);
    PROBE_REFUSED("connect", SYS_connect, -1, NULL, 0);
    PROBE_REFUSED("sendmsg", SYS_sendmsg, -1, NULL, 0);
    PROBE_REFUSED("execve", SYS_execve, "/no-such-program", NULL, NULL);
    PROBE_REFUSED("execveat", SYS_execveat, AT_FDCWD, "/no-such-program", NULL, NULL, 0);
    PROBE_REFUSED("clone", SYS_clone, CLONE_SIGHAND, NULL, NULL, NULL, NULL); /* invalid without CLONE_VM */
    PROBE_REFUSED("clone3", SYS_clone3, NULL, 0);
    PROBE_REFUSED("ptrace", SYS_ptrace, PTRACE_ATTACH, -1, NULL, NULL);
    PROBE_REFUSED("process_vm_readv", SYS_process_vm_readv, -1, NULL, 0, NULL, 0, 0);
    PROBE_REFUSED("kill", SYS_kill, probed->test, 0);
    PROBE_REFUSED("tgkill", SYS_tgkill, probed->test, probed->test, 0);
    PROBE_REFUSED("prlimit64", SYS_prlimit64, probed->test, RLIMIT_CPU, NULL, NULL);
    PROBE_REFUSED("prlimit64 of memory", SYS_prlimit64, 0, RLIMIT_DATA, NULL, NULL);
    PROBE_REFUSED("prctl", SYS_prctl, 0, 0, 0, 0, 0);
    PROBE_REFUSED("ioctl", SYS_ioctl, -1, 0, NULL);
    PROBE_REFUSED("io_uring_setup", SYS_io_uring_setup, 0, NULL);
    PROBE_REFUSED("mmap to execute", SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PROBE_REFUSED("mprotect to execute", SYS_mprotect, NULL, 0, PROT_EXEC);
    PROBE_REFUSED("setsockopt", SYS_setsockopt, -1, SOL_SOCKET, SO_DEBUG, &one, sizeof one);
}

/* HANDED: how many descriptors it may have beyond the standard ones; -1: any number. */
static inline void parser_probe(unsigned place, int handed)
{
    int open = 0;

    if (!probed || syscall(SYS_getpid) == probed->test)
        return;
    probed->calls[place]++;
    probe_calls();
    for (int fd = STDERR_FILENO + 1; fd < PROBE_DESCRIPTORS; fd++)
        open += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF || close(fd) == 0; /* the last: of O_PATH */
    if (handed >= 0 && open > handed && !probed->why[0])
        snprintf(probed->why, sizeof probed->why, "%d descriptors, %d were handed to it", open, handed);
}

/* PLACES of them were reached, and nothing was possible there. */
static inline void parser_probe_end(unsigned places)
{
    ck_assert_msg(!probed->why[0], "a parser: %s", probed->why);
    for (unsigned i = 0; i < places; i++)
        ck_assert_msg(probed->calls[i] > 0, "place %u was not reached", i);
    munmap(probed, sizeof *probed);
    probed = NULL;
}

#endif
