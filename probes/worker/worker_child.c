/* The child's side of workers, parts of them and helpers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/vec.h"
#include "probes/worker/worker_internal.h"

enum {
    DONE_BYTE = '+',
    FAILED_BYTE = '-',
    END_BYTE = '.',
    FIRST = STDERR_FILENO + 1,
    DESCRIPTORS_MAX = 1 << 20,
    BACKGROUND_NICENESS = 10
};

static bool is_kept(const int *kept, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++)
        if (kept[i] == fd)
            return true;
    return false;
}

/* The lowest of the descriptors kept that is not below FROM; -1: none. */
static int next_kept(const int *kept, size_t count, int from)
{
    int next = -1;

    for (size_t i = 0; i < count; i++)
        if (kept[i] >= from && (next < 0 || kept[i] < next))
            next = kept[i];
    return next;
}

static int close_ranges(const int *kept, size_t count)
{
    int from = FIRST;

    for (int next; (next = next_kept(kept, count, from)) >= 0; from = next + 1)
        if (next > from && syscall(SYS_close_range, (unsigned)from, (unsigned)next - 1, 0U) < 0)
            return -errno;
    return syscall(SYS_close_range, (unsigned)from, ~0U, 0U) < 0 ? -errno : 0;
}

static int close_listed(const int *kept, size_t count)
{
    DIR *dir = opendir("/proc/self/fd");
    int r;

    if (!dir)
        return -errno;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        int fd = entry->d_name[0] == '.' ? -1 : (int)strtol(entry->d_name, NULL, 10);

        if (fd >= FIRST && fd != dirfd(dir) && !is_kept(kept, count, fd))
            close(fd);
        errno = 0;
    }
    r = -errno;
    closedir(dir);
    return r;
}

static void close_each(const int *kept, size_t count)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    int end;

    getrlimit(RLIMIT_NOFILE, &limit);
    end = limit.rlim_cur < DESCRIPTORS_MAX ? (int)limit.rlim_cur : DESCRIPTORS_MAX;
    for (int fd = FIRST; fd < end; fd++)
        if (!is_kept(kept, count, fd))
            close(fd);
}

/* close_range(2) is refused by kernels before 5.9 and by some seccomp filters, and there may be no /proc. */
void child_close_others(const int *kept, size_t count)
{
    if (close_ranges(kept, count) < 0 && close_listed(kept, count) < 0)
        close_each(kept, count);
    for (size_t i = 0; i < count; i++)
        if (kept[i] >= 0)
            fcntl(kept[i], F_SETFD, FD_CLOEXEC);
}

int child_begin(const struct child_start *start)
{
    static const struct rlimit none = {0};
    sigset_t empty;
    int r;

    if (!start->same_group)
        setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->parent)
        _exit(1);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    if (start->serves) { /* systemd sends SIGTERM to all processes of a unit at once */
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGINT, SIG_IGN);
    }
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    setrlimit(RLIMIT_CORE, &none); /* its memory may hold what others may not read */
    child_close_others(start->kept, start->kept_count);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    r = capability_bound(start->capabilities);
    if (r < 0 && r != -EPERM) /* without CAP_SETPCAP the set stays, which gives nothing under no_new_privs */
        return r;
    return capability_keep(start->capabilities);
}

void child_stand_back(void)
{
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    char text[8];

    if (getpriority(PRIO_PROCESS, 0) < BACKGROUND_NICENESS)
        setpriority(PRIO_PROCESS, 0, BACKGROUND_NICENESS);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof text) > 0 && text[0] == '-' && write(fd, "0", 1) < 0)
        errno = 0; /* then the OOM killer chooses by size */
    close(fd);
}

/* ---- A child whose answer nobody awaits any more ---- */

static int awaited = -1; /* the descriptor, for the signal handler of a process that has only this one task */

static void end_if_unread(int number)
{
    struct pollfd poll_fd = {.fd = awaited};
    int saved = errno;

    (void)number;
    if (poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLERR | POLLNVAL))
        kill(0, SIGKILL);
    errno = saved;
}

void child_end_with_reader(int fd)
{
    struct sigaction action = {.sa_handler = end_if_unread, .sa_flags = SA_RESTART};

    awaited = fd;
    sigemptyset(&action.sa_mask);
    sigaction(SIGIO, &action, NULL);
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC); /* pipe_release() in fs/pipe.c signals the last close, too */
    end_if_unread(0);
}

static void write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        data += n;
        length -= (size_t)n;
    }
}

void child_run(int fd, int begun, worker_run *run, const void *argument)
{
    scoped_str output = STR_INIT;
    struct error error = ERROR_INIT;
    int r;

    str_append_char(&output, DONE_BYTE);
    r = begun < 0 ? error_system(&error, -begun, "helper process: giving up capabilities")
                  : run(&output, argument, &error);
    if (r < 0) {
        str_clear(&output);
        str_append_char(&output, FAILED_BYTE);
        str_append_char(&output, (char)(-r > 0 && -r < 256 && -r != WORKER_DIED ? -r : EIO));
        str_append(&output, error.message[0] ? error.message : error_reason(-r));
    }
    str_append_char(&output, END_BYTE);
    write_all(fd, output.data, output.length);
    _exit(0);
}

int child_result(struct str *output, const char **ret_text, size_t *ret_length)
{
    if (output->length < CHILD_MARKS || output->data[output->length - 1] != END_BYTE)
        return -EPROTO;
    output->data[--output->length] = '\0';
    if (output->data[0] == DONE_BYTE) {
        *ret_text = output->data + 1;
        *ret_length = output->length - 1;
        return 0;
    }
    if (output->length < 2)
        return -EPROTO;
    *ret_text = output->data + 2;
    *ret_length = output->length - 2;
    return output->data[1] ? (unsigned char)output->data[1] : EIO;
}
