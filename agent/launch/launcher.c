/* What systemd does elsewhere: a process for a role, with its user, its capability and its socket. */
#include "agent/launch/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "common/capability.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/str.h"

#define HELPER_USER "docker-bench-helper"
enum {
    OUT_OF_THE_WAY = 16, /* descriptors from there on are where no program finds its sockets */
    COPY_SIZE = 32
};

struct launcher {
    const struct launcher_options *options;
    int fd, program;               /* the socket to the agent; the helper's program */
    struct account helpers;        /* the user of those that have one of their own */
    pid_t self, roles[ROLE_COUNT]; /* 0: does not run */
};

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(LAUNCHER_SOCKETS_MAX * sizeof(int))];
};

int launcher_ask(int fd, enum role role, const int *sockets, size_t count)
{
    size_t size = count * sizeof *sockets;
    union control control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size)}};
    unsigned char byte = (unsigned char)role;
    struct iovec part = {.iov_base = &byte, .iov_len = sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};

    memcpy(CMSG_DATA(&control.header), sockets, size);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- In a role's process, before its program ---- */

/* NULL: as the launcher, which is root. */
static const struct account *account_of(const struct launcher *launcher, enum role role)
{
    switch (role_user(role)) {
    case ROLE_USER_OWN:
        return &launcher->helpers;
    case ROLE_USER_AGENT:
        return launcher->options->user->becomes ? &launcher->options->user->account : NULL;
    case ROLE_USER_ROOT:
        break;
    }
    return NULL;
}

static int set_user(const struct launcher *launcher, enum role role)
{
    const struct account *account = account_of(launcher, role);

    if (!account || !capability_has(CAP_SETUID) || !capability_has(CAP_SETGID))
        return 0; /* a container that may not: it stays root, without root's capabilities */
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (setgroups(0, NULL) < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
        setresuid(account->uid, account->uid, account->uid) < 0)
        return -errno;
    return 0;
}

/* From SD_LISTEN_FDS_START on, where the program finds them; what is there already goes. SOCKETS are out of the way. */
static int put_sockets(const int *sockets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dup2(sockets[i], SD_LISTEN_FDS_START + (int)i) < 0)
            return -errno;
    return 0;
}

static void add_word(char **words, size_t *count, const char *option, const char *value)
{
    if (!value)
        return;
    words[(*count)++] = (char *)(uintptr_t)option;
    words[(*count)++] = (char *)(uintptr_t)value;
}

/* The part of the configuration, as it is now, for a role that has no right to read what root alone may: a descriptor,
 * which the program keeps; -1: it cannot be read. */
static int copy_addresses(const struct config_arguments *arguments)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped_str text = STR_INIT;
    int to;

    if (config_load_words(arguments, &config, NULL) < 0)
        return -1;
    config_addresses(config, &text);
    to = memfd_create("agent.json", 0);
    if (to >= 0 && write(to, str_text(&text), text.length) != (ssize_t)text.length) {
        close(to);
        return -1;
    }
    return to;
}

/* One that cannot be read is the program's to tell of. */
static const char *config_for(enum role role, const struct config_arguments *arguments, char ret_copy[COPY_SIZE])
{
    int copy = role == ROLE_NETWORK ? copy_addresses(arguments) : -1;

    if (copy < 0)
        return arguments->config_path;
    snprintf(ret_copy, COPY_SIZE, "/proc/self/fd/%d", copy);
    return ret_copy;
}

static void become(const struct launcher *launcher, enum role role, const int *sockets, size_t socket_count)
    __attribute__((noreturn));

static void become(const struct launcher *launcher, enum role role, const int *sockets, size_t socket_count)
{
    uint64_t capabilities = role_capabilities(role);
    const struct config_arguments *arguments = launcher->options->arguments;
    char self[16], number_of_sockets[24], *words[16], copy[COPY_SIZE];
    const char *config;
    size_t count = 0;
    sigset_t none;
    int r = capability_bound(capabilities);

    if ((r < 0 && r != -EPERM) || put_sockets(sockets, socket_count) < 0)
        _exit(EXIT_FAILURE);
    config = config_for(role, arguments, copy);
    if (set_user(launcher, role) < 0 || capability_hand_on(capabilities) < 0)
        _exit(EXIT_FAILURE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launcher->self)
        _exit(EXIT_FAILURE);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(self, sizeof self, "%d", (int)getpid());
    setenv("LISTEN_PID", self, 1);
    snprintf(number_of_sockets, sizeof number_of_sockets, "%zu", socket_count);
    setenv("LISTEN_FDS", number_of_sockets, 1);
    unsetenv("NOTIFY_SOCKET"); /* systemd's is the agent's */
    words[count++] = (char *)(uintptr_t) "docker-bench-helper";
    words[count++] = (char *)(uintptr_t)role_name(role);
    add_word(words, &count, "--config", config);
    add_word(words, &count, "--host-root", arguments->host_root);
    add_word(words, &count, "--data-dir", arguments->data_dir);
    add_word(words, &count, "--state-dir", arguments->state_dir);
    add_word(words, &count, "--docker-host", arguments->docker_host);
    if (launcher->options->once)
        words[count++] = (char *)(uintptr_t) "--once";
    words[count] = NULL;
    fexecve(launcher->program, words, environ);
    log_error("the helper %s cannot be started: %s", role_name(role), strerror(errno));
    _exit(EXIT_FAILURE);
}

/* ---- The launcher ---- */

static void start(struct launcher *launcher, enum role role, const int *sockets, size_t count)
{
    pid_t pid;

    if (launcher->roles[role])
        kill(launcher->roles[role], SIGKILL); /* reaped with the others */
    pid = fork();
    if (pid == 0)
        become(launcher, role, sockets, count);
    launcher->roles[role] = pid > 0 ? pid : 0;
}

/* What came with MESSAGE, out of the way; their count, 0: none, or not all. */
static size_t take_sockets(struct msghdr *message, int ret[LAUNCHER_SOCKETS_MAX])
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    int sockets[LAUNCHER_SOCKETS_MAX];
    size_t count = 0, moved = 0;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    count = (header->cmsg_len - CMSG_LEN(0)) / sizeof *sockets;
    memcpy(sockets, CMSG_DATA(header), count * sizeof *sockets);
    for (size_t i = 0; i < count; i++) {
        ret[moved] = fcntl(sockets[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        moved += ret[moved] >= 0;
        close(sockets[i]);
    }
    if (moved == count && !(message->msg_flags & MSG_CTRUNC))
        return count;
    while (moved)
        close(ret[--moved]);
    return 0;
}

/* False: the agent has ended, or says what it never does. */
static bool take_request(struct launcher *launcher)
{
    union control control = {.header = {0}};
    unsigned char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(launcher->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int sockets[LAUNCHER_SOCKETS_MAX];
    size_t count = n > 0 ? take_sockets(&message, sockets) : 0;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (!count || byte >= ROLE_COUNT)
        return false;
    start(launcher, (enum role)byte, sockets, count);
    while (count)
        close(sockets[--count]);
    return true;
}

static void reap(struct launcher *launcher, int fd)
{
    struct signalfd_siginfo info;
    pid_t pid;

    while (read(fd, &info, sizeof info) > 0)
        ;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            if (launcher->roles[role] == pid)
                launcher->roles[role] = 0;
}

/* Beside a program that runs from the build tree; else where the same installation put it, which may have been unpacked
 * elsewhere. */
static int open_program(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    scoped(cleanup_free) char *program = NULL;
    scoped(cleanup_close) int fd = -1;

    path[n > 0 ? n : 0] = '\0';
    if (str_starts(path, BUILD_DIR "/"))
        program = mem_strdup(BUILD_DIR "/docker-bench-helper");
    else
        program = mem_printf("%.*s%s/docker-bench-helper",
                             (int)(strrchr(path, '/') ? strrchr(path, '/') - path + 1 : 0), path, LIBEXEC_FROM_BIN);
    fd = open(program, O_PATH | O_CLOEXEC);
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
}

void launcher_run(int fd, const void *argument)
{
    struct launcher launcher = {.options = argument, .fd = fd, .self = getpid()};
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.events = POLLIN}};
    sigset_t set;

    prctl(PR_SET_NAME, "dba-launcher");
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!account_find(HELPER_USER, &launcher.helpers))
        launcher.helpers = (struct account){.uid = ACCOUNT_NOBODY, .gid = ACCOUNT_NOBODY};
    launcher.program = open_program();
    if (launcher.program < 0)
        log_error("the helpers cannot be started: docker-bench-helper: %s", strerror(errno));
    while (fds[1].fd >= 0) {
        if (poll(fds, countof(fds), -1) < 0)
            continue;
        if (fds[1].revents)
            reap(&launcher, fds[1].fd);
        if (fds[0].revents && !take_request(&launcher))
            break;
    }
}
