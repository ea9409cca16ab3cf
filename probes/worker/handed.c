/* One message: a byte with the descriptor, or the errno as a number of four bytes and the text of an error. */
#include "probes/worker/handed.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "probes/worker/helper.h"

enum { PATIENCE_S = 20 };

enum { DESCRIPTORS_MAX = CMSG_SPACE(sizeof(int)) / sizeof(int) }; /* the room for one may do for a second */

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

struct refusal {
    int32_t number;
    char text[ERROR_MESSAGE_SIZE];
};

void handed_send(int socket, int fd, const struct error *error)
{
    union control control = {
        .header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)}};
    struct refusal refusal = {.number = 0};
    struct iovec part = {.iov_base = &refusal, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    } else {
        refusal.number = error->number;
        snprintf(refusal.text, sizeof refusal.text, "%s", error->message);
        part.iov_len = sizeof refusal;
    }
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

struct handed {
    int socket;
    struct event *event;
    handed_done *done;
    void *user;
};

void handed_cancel(struct handed *handed)
{
    if (!handed)
        return;
    event_free(handed->event);
    close(handed->socket);
    free(handed);
}

/* The descriptor; else a negative errno with ERROR. */
static int receive(int socket, struct error *error)
{
    union control control = {.header = {0}};
    struct refusal refusal = {.number = 0};
    struct iovec part = {.iov_base = &refusal, .iov_len = sizeof refusal};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int fds[DESCRIPTORS_MAX];
    size_t count = 0;

    if (n < 0)
        return error_system(error, errno, "cannot read from the helper");
    if (n == 0)
        return error_set(error, WORKER_DIED, "the helper ended before it answered");
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds, CMSG_DATA(header), count * sizeof *fds);
    }
    if (count == 1)
        return fds[0];
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    if (count || n != sizeof refusal || refusal.number <= 0 || !*refusal.text)
        return error_set(error, EPROTO, "the helper sent neither a descriptor nor a reason");
    refusal.text[sizeof refusal.text - 1] = '\0';
    return error_set(error, refusal.number, "%s", refusal.text);
}

static void on_answer(evutil_socket_t socket, short what, void *user)
{
    struct handed *handed = user;
    handed_done *done = handed->done;
    void *done_user = handed->user;
    struct error error = ERROR_INIT;
    int fd = what & EV_TIMEOUT ? error_set(&error, ETIMEDOUT, "the helper has not answered for %d s", (int)PATIENCE_S)
                               : receive(socket, &error);

    if (fd == -EAGAIN)
        return;
    handed_cancel(handed);
    done(fd < 0 ? -1 : fd, fd < 0 ? &error : NULL, done_user);
}

struct handed *handed_ask(struct event_base *base, struct helper *helper, unsigned task, handed_done *done, void *user,
                          struct error *error)
{
    static const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct handed *handed;
    int socket;

    if (helper_connect(helper, task, &socket, error) < 0)
        return NULL;
    handed = mem_alloc(sizeof *handed);
    handed->socket = socket;
    handed->done = done;
    handed->user = user;
    handed->event = event_new(base, socket, EV_READ | EV_PERSIST, on_answer, handed);
    event_add(handed->event, &patience);
    return handed;
}
