/* The worker reads all that its part writes, then has the kernel report how it ended. */
#include "probes/worker/worker_part.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/memory.h"
#include "probes/worker/worker_internal.h"

enum { CHUNK = 64 * 1024, TRIES = 2 };

void part_allow_cpu(unsigned seconds)
{
    struct rusage used = {0};
    struct rlimit limit = {.rlim_max = RLIM_INFINITY};

    getrusage(RUSAGE_SELF, &used);
    limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds + 1;
    setrlimit(RLIMIT_CPU, &limit);
}

static void run_child(int fd, const struct part_options *options, pid_t parent) __attribute__((noreturn));

static void run_child(int fd, const struct part_options *options, pid_t parent)
{
    const struct rlimit memory __attribute__((unused)) = {.rlim_cur = options->memory, .rlim_max = options->memory};
    const int kept[] = {fd, options->root ? host_root_fd(options->root) : -1};
    int begun = child_begin(&(struct child_start){.parent = parent,
                                                  .same_group = true,
                                                  .kept = kept,
                                                  .kept_count = countof(kept),
                                                  .capabilities = options->capabilities});

    part_allow_cpu(options->cpu_seconds);
#ifndef __SANITIZE_ADDRESS__ /* which maps far more than it uses, and reports to standard error */
    setrlimit(RLIMIT_DATA, &memory);
    {
        int null = open("/dev/null", O_WRONLY); /* "out of memory" there is no emergency of the agent's */

        dup2(null, STDERR_FILENO);
        close(null);
    }
#endif
    child_run(fd, begun, options->run, options->argument);
}

static void read_all(int fd, size_t limit, struct str *output, pid_t pid)
{
    scoped(cleanup_free) char *chunk = mem_alloc(CHUNK);

    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        str_append_n(output, chunk, (size_t)n);
        if (output->length > limit + CHILD_MARKS) {
            kill(pid, SIGKILL);
            return;
        }
    }
}

static int describe_end(int status, const struct part_options *options, struct error *error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == MEMORY_STATUS)
        return error_set(error, ENOTRECOVERABLE, "its process ran out of memory");
    if (!WIFSIGNALED(status))
        return error_set(error, ENOTRECOVERABLE, "it ended early");
    switch (WTERMSIG(status)) {
    case SIGXCPU:
        return error_set(error, ETIME, "it takes more than %u s of processor time", options->cpu_seconds);
    case SIGKILL:
        return error_set(error, EOWNERDEAD, "its process was killed");
    case SIGABRT:
        return error_set(error, ENOTRECOVERABLE, "its process gave up");
    default:
        return error_set(error, ENOTRECOVERABLE, "its process ended with signal %d", WTERMSIG(status));
    }
}

static int run_once(const struct part_options *options, struct str *output, struct error *error)
{
    scoped_str text = STR_INIT;
    pid_t parent = getpid(), pid, r;
    const char *result;
    size_t length;
    int fds[2], status = 0, number;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe");
    pid = fork();
    if (pid == 0)
        run_child(fds[1], options, parent);
    close(fds[1]);
    if (pid < 0) {
        number = errno;
        close(fds[0]);
        return error_system(error, number, "fork");
    }
    read_all(fds[0], options->limit, &text, pid);
    close(fds[0]);
    do
        r = waitpid(pid, &status, 0);
    while (r < 0 && errno == EINTR);
    if (text.length > options->limit + CHILD_MARKS)
        return error_set(error, EFBIG, "it gives more than %zu bytes", options->limit);
    number = child_result(&text, &result, &length);
    if (number == -EPROTO)
        return describe_end(status, options, error);
    if (number)
        return error_set(error, number, "%s", result);
    str_append_n(output, result, length);
    return 0;
}

int part_run(const struct part_options *options, struct str *output, struct error *error)
{
    int r = -EOWNERDEAD;

    for (int try = 0; try < TRIES && r == -EOWNERDEAD; try++)
        r = run_once(options, output, error);
    return r;
}
