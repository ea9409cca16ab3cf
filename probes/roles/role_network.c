/* The only process that makes sockets of the internet. What it reads of the network are answers of the name service;
 * each task has a process of its own, which ends with its answer. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "probes/roles/roles_internal.h"
#include "probes/roles/sockets_internal.h"

/* SYN is sent again after 1, 2 and 4 s: an address without an answer takes 15 s, not two minutes (tcp(7)). What the
 * kernel has taken of a stream is lost with the connection: it takes this much, not up to 4 MiB. */
enum { SYN_RETRIES = 3, SEND_BUFFER = 64 * 1024, BACKLOG = 64, ADDRESS_SECONDS = 10 };

/* ---- The task's stream ---- */

/* SOCKET -1: there is none, for the reason in ERROR. */
static void send_answer(int fd, int socket, const struct error *error)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof socket)}};
    struct socket_answer answer = {.number = 0};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (socket >= 0) {
        memcpy(CMSG_DATA(&control.header), &socket, sizeof socket);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    } else {
        answer.number = error->number;
        memcpy(answer.text, error->text, strnlen(error->text, sizeof answer.text - 1));
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

/* What is answered where the name service does not; a signal's handler has no other way to it. */
static struct {
    int fd;
    struct error error;
} late;

static void on_late(int number)
{
    (void)number;
    send_answer(late.fd, -1, &late.error);
    _exit(0);
}

static int look_up(int fd, const struct receiver_place *receiver, struct addrinfo **ret, struct error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int code, number;

    late.fd = fd;
    error_set(&late.error, EHOSTUNREACH, "cannot resolve \"%s\": no answer within %d s", receiver->host,
              (int)SOCKET_RESOLVE_SECONDS);
    signal(SIGALRM, on_late);
    alarm(SOCKET_RESOLVE_SECONDS);
    code = getaddrinfo(receiver->host, receiver->port, &hints, ret);
    number = errno;
    alarm(0);
    return code ? error_set(error, EHOSTUNREACH, "cannot resolve \"%s\": %s", receiver->host,
                            code == EAI_SYSTEM ? strerror(number) : gai_strerror(code))
                : 0;
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
static int connect_to(const struct addrinfo *address, int type, int stream)
{
    int fd = socket(address->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
    const int retries = SYN_RETRIES, buffer = SEND_BUFFER;

    if (fd < 0)
        return -errno;
    if (type == SOCK_STREAM) {
        setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        r = errno == EINPROGRESS ? await(fd, stream) : -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* The first address that answers; the preferred one is tried first. */
static int connect_to_any(const struct addrinfo *list, int type, int stream, struct error *error)
{
    int fd = -EHOSTUNREACH;
    size_t tried = 0;

    for (const struct addrinfo *at = list; at && fd < 0 && tried < SOCKET_ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
            continue;
        tried++;
        fd = connect_to(at, type, stream);
    }
    return fd < 0 ? error_set(error, -fd, "%s", strerror(-fd)) : fd;
}

static int open_receiver(const struct role_context *context, const char *address, int stream, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct addrinfo *list = NULL;
    struct receiver_place receiver;
    int r = context->find_receiver(address, context->user, arena, &receiver, error);

    if (r == 0)
        r = look_up(stream, &receiver, &list, error);
    if (r < 0)
        return r;
    r = connect_to_any(list, receiver.type, stream, error);
    freeaddrinfo(list);
    return r;
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
    return error_set(error, number, "%s", strerror(number));
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
