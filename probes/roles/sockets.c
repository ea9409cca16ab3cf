/* The agent's side: a request, and what may come for it. */
#include "probes/roles/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "probes/roles/sockets_internal.h"

enum { DESCRIPTORS_MAX = 2 }; /* room to see that there is more than one */

struct socket_request {
    int fd; /* the stream to the helper */
    struct event *answered;
    enum network_task task;
    int type;
    socket_done *done;
    void *user;
};

void socket_cancel(struct socket_request *request)
{
    if (!request)
        return;
    if (request->answered)
        event_free(request->answered);
    close(request->fd);
    free(request);
}

static void end(struct socket_request *request, int fd, const struct error *error)
{
    socket_done *done = request->done;
    void *user = request->user;

    socket_cancel(request);
    done(fd, fd < 0 ? error->number : 0, fd < 0 ? error->message : NULL, user);
}

/* -1: FD is no socket. */
static int option_of(int fd, int name)
{
    socklen_t length = sizeof(int);
    int value = -1;

    return getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0 ? -1 : value;
}

static bool is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
}

static bool is_as_asked(const struct socket_request *request, int fd)
{
    int domain = option_of(fd, SO_DOMAIN), listens = option_of(fd, SO_ACCEPTCONN);

    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_TYPE) == request->type &&
           option_of(fd, SO_PROTOCOL) == (request->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP) &&
           (request->task == NETWORK_LISTEN ? listens == 1 : !listens && is_connected(fd));
}

/* The socket; -1 with ERROR. */
static int take_socket(const struct socket_request *request, const struct socket_answer *answer, const int *fds,
                       size_t count, struct error *error)
{
    int number;

    if (!count && answer->number > 0 && *answer->text && memchr(answer->text, '\0', sizeof answer->text))
        return error_set(error, answer->number, "%s", answer->text), -1;
    number = count == 1 && !answer->number ? option_of(fds[0], SO_ERROR) : 0;
    if (number > 0) /* the peer has closed it meanwhile */
        return error_set(error, number, "%s", error_reason(number)), -1;
    if (answer->number || count != 1 || !is_as_asked(request, fds[0]) || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
        return error_set(error, EPROTO, "the helper network has answered what it was not asked for"), -1;
    return fds[0];
}

/* The descriptors that came; how many there are. Those beyond the room were closed by the kernel. */
static size_t descriptors_of(struct msghdr *message, int ret[DESCRIPTORS_MAX])
{
    size_t count = 0;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        size_t length = header->cmsg_len - CMSG_LEN(0);

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(ret, CMSG_DATA(header), length);
        count = length / sizeof(int);
    }
    return count;
}

static void on_answer(evutil_socket_t stream, short what, void *user)
{
    struct socket_request *request = user;
    struct socket_answer answer = {.number = 0};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control = {.header = {0}};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct error error = ERROR_INIT;
    int fds[DESCRIPTORS_MAX] = {-1, -1}, fd = -1;
    size_t count;
    ssize_t n;

    if (what & EV_TIMEOUT) {
        error_set(&error, ETIMEDOUT, "the helper network does not answer");
        end(request, -1, &error);
        return;
    }
    n = recvmsg(stream, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    count = n > 0 ? descriptors_of(&message, fds) : 0;
    if (n <= 0)
        error_set(&error, EPIPE, "the helper network has ended before it answered");
    else if (n != (ssize_t)sizeof answer || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        error_set(&error, EPROTO, "the helper network has answered what it was not asked for");
    else
        fd = take_socket(request, &answer, fds, count, &error);
    for (size_t i = 0; i < count; i++)
        if (fds[i] != fd)
            close(fds[i]);
    end(request, fd, &error);
}

static int send_address(int fd, const char *address)
{
    size_t length = strlen(address) + 1;

    if (length > SOCKET_ADDRESS_SIZE)
        return -ENAMETOOLONG;
    return send(fd, address, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length ? 0 : -EPIPE;
}

struct socket_request *socket_ask(const struct socket_options *options, struct error *error)
{
    static const struct timeval patience = {.tv_sec = SOCKET_TASK_SECONDS};
    struct socket_request *request;
    int fd, r;

    if (!options->helper) {
        error_set(error, EPIPE, "needs %s: the helper %s is not running", role_rights(ROLE_NETWORK),
                  role_name(ROLE_NETWORK));
        return NULL;
    }
    if (helper_connect(options->helper, options->task, &fd, error) < 0)
        return NULL;
    r = send_address(fd, options->address);
    if (r < 0) {
        error_system(error, -r, "the helper %s", role_name(ROLE_NETWORK));
        close(fd);
        return NULL;
    }
    request = mem_alloc(sizeof *request);
    request->fd = fd;
    request->task = options->task;
    request->type = options->type;
    request->done = options->done;
    request->user = options->user;
    request->answered = event_new(options->base, fd, EV_READ | EV_PERSIST, on_answer, request);
    event_add(request->answered, &patience);
    return request;
}
