/* Running a program and reading what it says. */
#include "agent/ctl/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"

enum { SAID_MAX = 64 * 1024 };

static int spawn(const char *const *arguments, int output, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);

    if (r)
        return -r;
    r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!r)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (!r)
        r = posix_spawnp(ret, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

static void read_all(int fd, struct str *ret)
{
    char buffer[4096];

    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        if (ret->length < SAID_MAX) /* what is more is read, so that the program can end */
            str_append_n(ret, buffer, (size_t)n);
    }
}

int run_program(const char *const *arguments, struct str *ret_said, struct error *error)
{
    int ends[2], status = 0, r;
    pid_t pid = -1;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe");
    r = spawn(arguments, ends[1], &pid);
    close(ends[1]);
    if (r == 0)
        read_all(ends[0], ret_said);
    close(ends[0]);
    if (r < 0)
        return error_system(error, -r, "%s", arguments[0]);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_system(error, errno, "%s", arguments[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

char *run_program_beside(const char *name)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash;

    if (n <= 0)
        return mem_strdup(name);
    path[n] = '\0';
    slash = strrchr(path, '/');
    return slash ? mem_printf("%.*s/%s", (int)(slash - path), path, name) : mem_strdup(name);
}
