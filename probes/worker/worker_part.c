/* The worker reads all that its part writes, then has the kernel report how it ended. */
#include "probes/worker/worker_part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "probes/worker/worker_internal.h"

enum { CHUNK = 64 * 1024 };

void part_allow_cpu(unsigned seconds)
{
    struct rusage used = {0};
    struct rlimit limit = {.rlim_max = RLIM_INFINITY};

    getrusage(RUSAGE_SELF, &used);
    limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds + 1;
    setrlimit(RLIMIT_CPU, &limit);
}

static void run_child(int fd, const struct part_options *options, pid_t parent) __attribute__((noreturn));

/* Its standard output is its output, so that it is known wherever it cuts itself off. */
static void replace_standard(int output)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC); /* "out of memory" there is no emergency of the agent's */

    dup2(output, STDOUT_FILENO);
    dup2(null, STDIN_FILENO);
#ifndef __SANITIZE_ADDRESS__ /* which reports there */
    dup2(null, STDERR_FILENO);
#endif
}

static void run_child(int fd, const struct part_options *options, pid_t parent)
{
    const struct rlimit memory __attribute__((unused)) = {.rlim_cur = options->memory, .rlim_max = options->memory};
    int kept[PART_KEPT_MAX + 1] = {options->root ? host_root_fd(options->root) : -1}, begun;
    size_t count = 1;

    for (size_t i = 0; i < options->kept_count; i++)
        kept[count++] = options->kept[i];
    replace_standard(fd);
    begun = child_begin(&(struct child_start){.parent = parent,
                                              .same_group = true,
                                              .kept = kept,
                                              .kept_count = count,
                                              .capabilities = options->capabilities});
    part_allow_cpu(options->cpu_seconds);
#ifndef __SANITIZE_ADDRESS__ /* which maps far more than it uses */
    setrlimit(RLIMIT_DATA, &memory);
#endif
    child_run(STDOUT_FILENO, begun, options->run, options->argument);
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

int part_start(const struct part_options *options, struct part *ret, struct error *error)
{
    pid_t parent = getpid(), pid;
    int fds[2], number;

    if (options->kept_count > PART_KEPT_MAX)
        return error_set(error, EINVAL, "more than %d descriptors", (int)PART_KEPT_MAX);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe");
    pid = fork();
    if (pid == 0)
        run_child(fds[1], options, parent);
    number = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return error_system(error, number, "fork");
    }
    *ret = (struct part){.options = options, .pid = pid, .fd = fds[0]};
    return 0;
}

int part_finish(struct part *part, struct str *output, struct error *error)
{
    const struct part_options *options = part->options;
    scoped_str text = STR_INIT;
    const char *result;
    int status = 0, number;
    size_t length;
    pid_t r;

    read_all(part->fd, options->limit, &text, part->pid);
    close(part->fd);
    do
        r = waitpid(part->pid, &status, 0);
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

bool part_answers(const struct part *part, int within_ms)
{
    struct pollfd output = {.fd = part->fd, .events = POLLIN};

    return poll(&output, 1, within_ms) > 0;
}

void part_kill(const struct part *part)
{
    kill(part->pid, SIGKILL);
}

int part_run(const struct part_options *options, struct str *output, struct error *error)
{
    int r = -EOWNERDEAD;

    for (int try = 0; try < PART_TRIES && r == -EOWNERDEAD; try++) {
        struct part part = {.options = options, .fd = -1};

        r = part_start(options, &part, error);
        if (r == 0)
            r = part_finish(&part, output, error);
    }
    return r;
}
