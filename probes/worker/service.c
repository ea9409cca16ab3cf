/* The beginning and the end of a service. */
#include "probes/worker/service.h"

#include <signal.h>
#include <sys/socket.h>

#include "probes/worker/worker_internal.h"

static void run(const struct service_options *options, int fd, pid_t parent) __attribute__((noreturn));

static void run(const struct service_options *options, int fd, pid_t parent)
{
    int kept[1 + SERVICE_KEPT_MAX] = {fd};
    struct child_start start = {.parent = parent, .serves = true, .kept = kept, .capabilities = options->capabilities};

    for (size_t i = 0; i < options->kept_count && i < SERVICE_KEPT_MAX; i++)
        kept[1 + i] = options->kept[i];
    start.kept_count = 1 + options->kept_count;
    if (options->kept_count > SERVICE_KEPT_MAX || child_begin(&start) < 0)
        _exit(1);
    signal(SIGPIPE, SIG_IGN);
    options->run(fd, options->argument);
    _exit(0);
}

int service_start(const struct service_options *options, pid_t *ret_pid, int *ret_fd, struct error *error)
{
    pid_t parent = getpid(), pid;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return error_system(error, errno, "service process: socket pair");
    pid = fork();
    if (pid == 0)
        run(options, fds[1], parent);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return error_system(error, errno, "service process: fork");
    }
    *ret_pid = pid;
    *ret_fd = fds[0];
    return 0;
}

void service_end(struct workers *workers, pid_t pid)
{
    workers_kill(workers, pid, true);
}
