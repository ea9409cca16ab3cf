/* The only helper that makes sockets of the internet. Each task has a process of its own, which ends with its answer,
 * and what reads answers of the network, the name service, another one, which has nothing to hand over. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "probes/roles/roles_internal.h"
#include "probes/roles/sockets_internal.h"

/* SYN is sent again after 1, 2 and 4 s: an address without an answer takes 15 s, not two minutes (tcp(7)). What the
 * kernel has taken of a stream is lost with the connection: it takes this much, not up to 4 MiB. */
enum { SYN_RETRIES = 3, SEND_BUFFER = 64 * 1024, BACKLOG = 64, ADDRESS_SECONDS = 10 };

/* ---- The task's stream ---- */

static struct socket_answer refusal(const struct error *error)
{
    struct socket_answer answer = {.number = error->number};

    memcpy(answer.text, error->message, strnlen(error->message, sizeof answer.text - 1));
    return answer;
}

/* SOCKET negative: there is none, for the reason in ERROR. */
static void send_answer(int fd, int socket, const struct error *error)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof socket)}};
    struct socket_answer answer = socket < 0 ? refusal(error) : (struct socket_answer){.number = 0};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (socket >= 0) {
        memcpy(CMSG_DATA(&control.header), &socket, sizeof socket);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* -EPROTO: what came is no address. */
static int read_address(int fd, char ret[SOCKET_ADDRESS_SIZE])
{
    size_t length = 0;

    alarm(ADDRESS_SECONDS);
    do {
        ssize_t n = recv(fd, ret + length, SOCKET_ADDRESS_SIZE - length, 0);

        if (n <= 0)
            return -EPROTO;
        length += (size_t)n;
    } while (length < SOCKET_ADDRESS_SIZE && ret[length - 1] != '\0');
    alarm(0);
    return memchr(ret, '\0', length) == ret + length - 1 ? 0 : -EPROTO;
}

/* ---- Names ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What the resolver says. It has read answers of the network: what it says is checked. */
struct resolved {
    int code;     /* of getaddrinfo(3) */
    int number;   /* errno, of EAI_SYSTEM */
    size_t count; /* of ADDRESSES, the preferred one first */
    union address addresses[SOCKET_ADDRESSES_MAX];
};

static socklen_t length_of(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static bool is_internet(int family)
{
    return family == AF_INET || family == AF_INET6;
}

/* A process of its own: modules of the name service block signals, and may take minutes. */
static void resolve(const struct receiver_place *receiver, int out) __attribute__((noreturn));

static void resolve(const struct receiver_place *receiver, int out)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct resolved resolved = {.count = 0};
    struct addrinfo *list = NULL;

    resolved.code = getaddrinfo(receiver->host, receiver->port, &hints, &list);
    resolved.number = errno;
    for (const struct addrinfo *at = list; at && resolved.count < SOCKET_ADDRESSES_MAX; at = at->ai_next)
        if (is_internet(at->ai_family) && at->ai_addrlen <= sizeof *resolved.addresses)
            memcpy(&resolved.addresses[resolved.count++], at->ai_addr, at->ai_addrlen);
    (void)!write(out, &resolved, sizeof resolved); /* less than PIPE_BUF */
    _exit(0);
}

static bool is_list(const struct resolved *resolved)
{
    for (size_t i = 0; i < resolved->count; i++)
        if (i == SOCKET_ADDRESSES_MAX || !is_internet(resolved->addresses[i].any.sa_family))
            return false;
    return resolved->count > 0;
}

/* What the resolver writes to FD. Ends with STREAM: nobody awaits the socket any more. */
static int take_resolved(int fd, int stream, struct resolved *ret, struct error *error)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stream, .events = POLLRDHUP}};
    int r = poll(fds, countof(fds), SOCKET_RESOLVE_SECONDS * 1000);

    if (fds[1].revents)
        _exit(0);
    if (r == 0)
        return error_set(error, EHOSTUNREACH, "no answer within %d s", (int)SOCKET_RESOLVE_SECONDS);
    if (r < 0 || read(fd, ret, sizeof *ret) != (ssize_t)sizeof *ret)
        return error_set(error, EHOSTUNREACH, "the resolver has ended early");
    if (ret->code)
        return error_set(error, EHOSTUNREACH, "%s",
                         ret->code == EAI_SYSTEM ? error_reason(ret->number) : gai_strerror(ret->code));
    return is_list(ret) ? 0 : error_set(error, EHOSTUNREACH, "%s", gai_strerror(EAI_NONAME));
}

static int look_up(const struct receiver_place *receiver, int stream, struct resolved *ret, struct error *error)
{
    pid_t self = getpid(), pid;
    int fds[2], r;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "cannot resolve \"%s\"", receiver->host);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(stream);
        close(fds[0]);
        if (getppid() == self)
            resolve(receiver, fds[1]);
        _exit(1);
    }
    close(fds[1]);
    r = pid < 0 ? error_system(error, errno, "fork") : take_resolved(fds[0], stream, ret, error);
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return r < 0 ? error_prefix(error, "cannot resolve \"%s\"", receiver->host) : 0;
}

/* ---- Connecting ---- */

/* 0, or a negative errno. Ends with STREAM: nobody awaits the socket any more. */
static int await(int fd, int stream)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = stream, .events = POLLRDHUP}};
    int number = 0, r;
    socklen_t length = sizeof number;

    do
        r = poll(fds, countof(fds), SOCKET_CONNECT_SECONDS * 1000);
    while (r < 0 && errno == EINTR);
    if (fds[1].revents)
        _exit(0);
    if (r <= 0)
        return r < 0 ? -errno : -ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 ? -errno : -number;
}

/* The socket, or a negative errno. */
static int connect_to(const union address *address, int type, int stream)
{
    int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
    const int retries = SYN_RETRIES, buffer = SEND_BUFFER;

    if (fd < 0)
        return -errno;
    if (type == SOCK_STREAM) {
        setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (connect(fd, &address->any, length_of(address)) < 0)
        r = errno == EINPROGRESS ? await(fd, stream) : -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* That of the first address that answers. */
static int open_receiver(const struct role_context *context, const char *address, int stream, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct receiver_place receiver;
    struct resolved resolved = {.count = 0};
    int fd = -EHOSTUNREACH, r = context->find_receiver(address, context->user, arena, &receiver, error);

    if (r == 0)
        r = look_up(&receiver, stream, &resolved, error);
    if (r < 0)
        return r;
    for (size_t i = 0; fd < 0 && i < resolved.count; i++)
        fd = connect_to(&resolved.addresses[i], receiver.type, stream);
    return fd < 0 ? error_set(error, -fd, "%s", error_reason(-fd)) : fd;
}

static void serve_connect(int fd, const void *argument)
{
    char address[SOCKET_ADDRESS_SIZE];
    struct error error = ERROR_INIT;

    if (read_address(fd, address) == 0)
        send_answer(fd, open_receiver(argument, address, fd, &error), &error);
}

/* ---- Listening ---- */

static int open_listener(const struct role_context *context, const char *text, struct error *error)
{
    struct listener_place listener;
    int fd, on = 1, number, r = context->find_listener(text, context->user, &listener, error);

    if (r < 0)
        return r;
    fd = socket(listener.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Accepted sockets inherit TCP_NODELAY: without it the end of an answer waits for the peer's delayed
     * acknowledgement. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&listener.address, listener.length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    number = errno;
    if (fd >= 0)
        close(fd);
    return error_set(error, number, "%s", error_reason(number));
}

static void serve_listen(int fd, const void *argument)
{
    char address[SOCKET_ADDRESS_SIZE];
    struct error error = ERROR_INIT;

    if (read_address(fd, address) == 0)
        send_answer(fd, open_listener(argument, address, &error), &error);
}

size_t network_tasks(const struct role_context *context, struct helper_task *ret)
{
    ret[NETWORK_CONNECT] =
        (struct helper_task){.serve = serve_connect, .argument = context, .timeout_ms = ROLE_TASK_MS};
    ret[NETWORK_LISTEN] = (struct helper_task){.serve = serve_listen, .argument = context, .timeout_ms = ROLE_TASK_MS};
    return NETWORK_LISTEN + 1;
}
