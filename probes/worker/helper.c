/* See the header. A request is one byte with a descriptor, to which the worker writes what it says (unix(7),
 * SCM_RIGHTS). */
#include "probes/worker/helper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/memory.h"
#include "probes/worker/worker_internal.h"

enum { MESSAGE_MAX = 512 };

struct helper {
    pid_t pid;
    int fd;
};

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int helper_ask(struct helper *helper, int fd, const char *message, struct error *error)
{
    union control control = {
        .header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)}};
    char mark = '?';
    struct iovec parts[] = {{.iov_base = &mark, .iov_len = 1},
                            {.iov_base = (char *)(uintptr_t)message, .iov_len = message ? strlen(message) : 0}};
    struct msghdr request = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};

    if (parts[1].iov_len > MESSAGE_MAX)
        return error_set(error, EMSGSIZE, "more than %d bytes for its helper process", (int)MESSAGE_MAX);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    if (sendmsg(helper->fd, &request, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        return 0;
    return errno == EPIPE || errno == ECONNRESET ? error_set(error, EPIPE, "its helper process has ended")
                                                 : error_system(error, errno, "cannot send to its helper process");
}

/* The descriptor of the next request, its message in TEXT (of MESSAGE_MAX + 2 bytes); -1 when the agent is gone. */
static int next_request(int fd, char *text)
{
    for (;;) {
        union control control = {.header = {0}};
        struct iovec part = {.iov_base = text, .iov_len = MESSAGE_MAX + 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        int given;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof given))
            continue;
        memcpy(&given, CMSG_DATA(header), sizeof given);
        text[n] = '\0';
        return given;
    }
}

static void serve(int fd, const struct worker_options *options, pid_t parent) __attribute__((noreturn));

static void serve(int fd, const struct worker_options *options, pid_t parent)
{
    int request;
    char text[MESSAGE_MAX + 2];

    worker_begin_child(fd, options, parent);
    signal(SIGCHLD, SIG_IGN); /* its children leave no zombies */
    if (capability_keep(options->capabilities) < 0)
        _exit(1);
    while ((request = next_request(fd, text)) >= 0) {
        struct helper_work work = {.argument = options->argument, .message = text + 1};
        struct worker_options own = *options;
        pid_t self = getpid();

        own.argument = &work;
        if (fork() == 0) {
            alarm(options->timeout_ms / 1000 + 1);
            worker_child(request, &own, self);
        }
        close(request); /* without a child its end is what the agent reads */
    }
    _exit(0);
}

struct helper *helper_new(const struct worker_options *options, struct error *error)
{
    struct helper *helper;
    pid_t parent = getpid(), pid;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        error_system(error, errno, "helper process: socket pair");
        return NULL;
    }
    pid = fork();
    if (pid == 0)
        serve(fds[1], options, parent);
    close(fds[1]);
    if (pid < 0) {
        error_system(error, errno, "helper process: fork");
        close(fds[0]);
        return NULL;
    }
    helper = mem_alloc(sizeof *helper);
    *helper = (struct helper){.pid = pid, .fd = fds[0]};
    return helper;
}

void helper_free(struct helper *helper)
{
    if (!helper)
        return;
    close(helper->fd);
    kill(helper->pid, SIGKILL);
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(helper);
}
