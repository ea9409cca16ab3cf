/* One loop over the connection and the children; nothing here waits for anything else. */
#include "probes/worker/helper_task.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/file.h"
#include "probes/worker/helper_frames.h"
#include "probes/worker/worker_internal.h"

struct server {
    const struct helper_role *role;
    pid_t self;
    int fd, children_fd;
    size_t at_once;
    struct {
        pid_t pid; /* 0: free */
        uint32_t id;
    } children[HELPER_AT_ONCE_MAX];
};

/* A packet with a NUL after its message, and its descriptors. */
struct request {
    union {
        struct helper_frame frame;
        char bytes[sizeof(struct helper_frame) + HELPER_INLINE_MAX + 1];
    };
    int fds[HELPER_DESCRIPTORS_MAX]; /* the pipe; a long message, else -1 */
};

/* ---- A request ---- */

/* A long message, as it was when it was read: whoever sent it may alter it. False: it is no such thing. */
static bool read_long(int fd, struct str *ret)
{
    struct stat st;
    size_t size;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > HELPER_MESSAGE_MAX)
        return false;
    size = (size_t)st.st_size;
    while (ret->length < size) {
        char bytes[65536];
        size_t left = size - ret->length;
        ssize_t n = pread(fd, bytes, left < sizeof bytes ? left : sizeof bytes, (off_t)ret->length);

        if (n <= 0)
            return false;
        str_append_n(ret, bytes, (size_t)n);
    }
    return true;
}

/* What the task has started ends with it. */
static void end_group(int number)
{
    (void)number;
    kill(0, SIGKILL);
}

static void do_task(const struct server *server, const struct request *request) __attribute__((noreturn));

static void do_task(const struct server *server, const struct request *request)
{
    const struct helper_task *task = &server->role->tasks[request->frame.task];
    struct helper_work work = {
        .argument = task->argument, .message = request->bytes + sizeof request->frame, .length = request->frame.length};
    const int kept[] = {request->fds[0], request->fds[1], task->root ? host_root_fd(task->root) : -1,
                        task->outside ? host_root_fd(task->outside) : -1, task->descriptor ? *task->descriptor : -1};
    struct str text = STR_INIT;
    unsigned timeout_ms = request->frame.timeout_ms;
    int begun = child_begin(&(struct child_start){.parent = server->self,
                                                  .serves = task->serve,
                                                  .kept = kept,
                                                  .kept_count = countof(kept),
                                                  .capabilities = task->capabilities});

    if (task->serve) {
        signal(SIGPIPE, SIG_IGN);
        if (begun == 0)
            task->serve(request->fds[0], task->argument);
        _exit(0);
    }
    if (!timeout_ms || timeout_ms > task->timeout_ms)
        timeout_ms = task->timeout_ms;
    signal(SIGALRM, end_group);
    alarm(timeout_ms / 1000 + 1);
    child_end_with_reader(request->fds[0]);
    if (task->background)
        child_stand_back();
    if (request->fds[1] >= 0) {
        if (!read_long(request->fds[1], &text))
            _exit(1);
        close(request->fds[1]);
        work.message = str_text(&text);
        work.length = text.length;
    }
    child_run(request->fds[0], begun, task->run, &work);
}

static int say(const struct server *server, enum helper_frame_kind kind, uint32_t id)
{
    const struct helper_frame frame = {.kind = kind, .id = id};
    ssize_t n;

    do
        n = send(server->fd, &frame, sizeof frame, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof frame ? 0 : n < 0 ? -errno : -EIO;
}

static int take_request(struct server *server, const struct request *request, struct error *error)
{
    size_t place = 0;
    pid_t pid;

    while (place < server->at_once && server->children[place].pid)
        place++;
    if (place == server->at_once)
        return error_set(error, EPROTO, "more than %zu requests at once", server->at_once);
    pid = fork();
    if (pid == 0)
        do_task(server, request);
    if (pid > 0) {
        server->children[place].pid = pid;
        server->children[place].id = request->frame.id;
    }
    /* Without a process the agent reads the end of the pipe. */
    return say(server, HELPER_TAKEN, request->frame.id) < 0 ||
                   (pid < 0 && say(server, HELPER_DONE, request->frame.id) < 0)
               ? -EPIPE
               : 0;
}

/* The descriptors of a packet, of which those beyond two are closed by the kernel; how many there are. */
static size_t descriptors_of(struct msghdr *message, int ret[HELPER_DESCRIPTORS_MAX])
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    size_t count;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(ret, CMSG_DATA(header), count * sizeof(int));
    return count;
}

static bool is_request(const struct server *server, const struct helper_frame *frame, size_t length, size_t descriptors)
{
    if (length < sizeof *frame || frame->length != length - sizeof *frame || frame->task >= server->role->count)
        return false;
    return frame->kind == HELPER_REQUEST ? descriptors == 1
                                         : frame->kind == HELPER_LONG_REQUEST && descriptors == 2 && !frame->length;
}

/* 1: there may be more; 0: the connection has ended. */
static int receive(struct server *server, struct error *error)
{
    struct request request = {.fds = {-1, -1}};
    union helper_control control = {.header = {0}};
    struct iovec part = {.iov_base = request.bytes, .iov_len = sizeof request.bytes - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(server->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    size_t count;
    int r;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return 0;
    if (n < 0)
        return error_system(error, errno, "cannot read from the agent");
    count = descriptors_of(&message, request.fds);
    request.bytes[n] = '\0';
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || !is_request(server, &request.frame, (size_t)n, count)) {
        r = error_set(error, EPROTO, "a packet that is no request");
    } else {
        r = take_request(server, &request, error);
        r = r == 0 ? 1 : r == -EPIPE ? 0 : r;
    }
    for (size_t i = 0; i < count; i++)
        close(request.fds[i]);
    return r;
}

/* ---- Children ---- */

static int reap(struct server *server)
{
    struct signalfd_siginfo info;
    int r = 0;

    while (read(server->children_fd, &info, sizeof info) > 0)
        ;
    for (size_t i = 0; i < server->at_once; i++)
        if (server->children[i].pid && waitpid(server->children[i].pid, NULL, WNOHANG) != 0) {
            server->children[i].pid = 0;
            if (say(server, HELPER_DONE, server->children[i].id) < 0)
                r = -EPIPE;
        }
    return r;
}

/* ---- The connection ---- */

/* Waits for FD or a child; calls the role's tick meanwhile. */
static void wait_for(const struct server *server, int fd, bool *ret_ready, bool *ret_child)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = server->children_fd, .events = POLLIN}};

    if (server->role->tick)
        server->role->tick();
    if (poll(fds, countof(fds), server->role->tick ? (int)server->role->tick_ms : -1) < 0)
        fds[0].revents = fds[1].revents = 0;
    *ret_ready = fds[0].revents != 0;
    *ret_child = fds[1].revents != 0;
}

static bool may_ask(int fd, uid_t peer)
{
    struct ucred credentials = {.uid = (uid_t)-1};
    socklen_t length = sizeof credentials;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 &&
           (credentials.uid == 0 || credentials.uid == peer || credentials.uid == getuid());
}

static bool listens(int fd)
{
    socklen_t length = sizeof(int);
    int value = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

static int await_connection(const struct server *server, int fd, uid_t peer, struct error *error)
{
    for (;;) {
        bool ready, child;
        int connection;

        wait_for(server, fd, &ready, &child);
        if (!ready)
            continue;
        connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection >= 0 && may_ask(connection, peer))
            return connection;
        if (connection >= 0)
            close(connection);
        else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            return error_system(error, errno, "cannot accept a connection");
    }
}

int helper_serve(int fd, uid_t peer, const struct helper_role *role, struct error *error)
{
    struct server server = {
        .role = role, .self = getpid(), .fd = fd, .at_once = role->at_once ? role->at_once : HELPER_AT_ONCE};
    sigset_t set;
    int r = 1;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    server.children_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (server.children_fd < 0)
        return error_system(error, errno, "signalfd");
    if (listens(fd))
        server.fd = await_connection(&server, fd, peer, error);
    else if (!may_ask(fd, peer))
        server.fd = error_set(error, EACCES, "the connection is not the agent's");
    if (server.fd < 0) {
        close(server.children_fd);
        return server.fd;
    }
    if (say(&server, HELPER_HELLO, HELPER_VERSION) < 0)
        r = 0;
    while (r > 0) {
        bool ready, child;

        wait_for(&server, server.fd, &ready, &child);
        if (child && reap(&server) < 0)
            break;
        if (ready)
            r = receive(&server, error);
    }
    close(server.children_fd);
    if (server.fd != fd)
        close(server.fd);
    return r < 0 ? r : 0;
}
