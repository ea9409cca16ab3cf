/* The connection to a role: made, watched over, given up and made again; and the requests on it. */
#include "probes/worker/helper.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "probes/worker/helper_frames.h"
#include "probes/worker/worker_internal.h"

enum {
    WAIT_MIN_MS = 250,
    WAIT_MAX_MS = 60 * 1000,
    AWAY_MS = 1000,        /* requests wait for less than that, and fail from there on */
    STEADY_MS = 60 * 1000, /* after that long the wait begins anew */
    PATIENCE_MS = 20 * 1000,
    WAITING_MAX = 1024
};

struct pending;

struct helper {
    struct workers *workers;
    struct helper_options options;
    int fd; /* -1: no connection */
    struct event *readable, *writable;
    struct event *again;    /* when it is made again */
    struct event *patience; /* runs while something has to come */
    bool greeted;
    bool away; /* requests fail */
    struct error why;
    usec_t made; /* monotonic: the connection */
    unsigned wait_ms, restarts;
    uint32_t last_id;
    struct slot {
        uint32_t id; /* 0: free */
        bool taken;
        bool over; /* its answer has ended, or nobody awaits it any more: it is about to be done with */
    } slots[HELPER_AT_ONCE_MAX];
    struct pending *first, **end; /* requests that wait */
    unsigned waiting;
};

struct pending {
    struct helper *helper;
    struct pending *next, **link; /* LINK NULL: it does not wait */
    bool alone; /* for helper_connect(): nobody waits for its answer, and it is freed when it is sent */
    int pipe;   /* the helper's end, while it waits */
    int body;   /* a message that is too long for a packet; -1: it is in the packet */
    struct helper_frame frame;
    char message[]; /* FRAME.length bytes */
};

static void transmit(struct helper *helper);

/* ---- The queue ---- */

static void pending_unlink(struct pending *pending)
{
    if (!pending->link)
        return;
    *pending->link = pending->next;
    if (pending->next)
        pending->next->link = pending->link;
    else
        pending->helper->end = pending->link;
    pending->link = NULL;
    pending->helper->waiting--;
    close(pending->pipe); /* if it was not sent, the agent reads the end of it */
    pending->pipe = -1;
}

/* It does not wait any more: it was sent, or will not be. */
static void pending_leave(struct pending *pending)
{
    pending_unlink(pending);
    if (pending->alone)
        free(pending);
}

static void pending_append(struct pending *pending, int pipe)
{
    struct helper *helper = pending->helper;

    pending->pipe = pipe;
    pending->next = NULL;
    pending->link = helper->end;
    *helper->end = pending;
    helper->end = &pending->next;
    helper->waiting++;
}

/* ---- Patience ---- */

static void add_timer(struct event *timer, unsigned ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    evtimer_add(timer, &wait);
}

/* ID 0: a free one. NULL: there is none. */
static struct slot *find_slot(struct helper *helper, uint32_t id)
{
    for (size_t i = 0; i < helper->options.at_once; i++)
        if (helper->slots[i].id == id)
            return &helper->slots[i];
    return NULL;
}

bool helper_is_silent(const struct helper *helper)
{
    bool awaited = helper->fd >= 0 && !helper->greeted;

    for (size_t i = 0; i < helper->options.at_once; i++)
        awaited |= helper->slots[i].id && !helper->slots[i].taken;
    return awaited;
}

/* Requests wait for others that are over, whose processes do not end. */
static bool is_clogged(struct helper *helper)
{
    bool over = false;

    for (size_t i = 0; i < helper->options.at_once; i++)
        over |= helper->slots[i].over;
    return over && helper->first && !find_slot(helper, 0);
}

static void set_patience(struct helper *helper)
{
    event_del(helper->patience);
    if (helper_is_silent(helper) || is_clogged(helper))
        add_timer(helper->patience, helper->options.patience_ms);
}

/* Something has to come from now on, too. */
static void begin_patience(struct helper *helper)
{
    if (!evtimer_pending(helper->patience, NULL))
        set_patience(helper);
}

/* The answer to what was sent of it has ended, or is not awaited any more. */
static void pending_over(struct pending *pending)
{
    struct slot *slot = pending->frame.id ? find_slot(pending->helper, pending->frame.id) : NULL;

    pending_unlink(pending);
    pending->frame.id = 0;
    if (!slot)
        return;
    slot->over = true;
    begin_patience(pending->helper);
}

static void pending_free(void *user)
{
    struct pending *pending = user;

    pending_over(pending);
    if (pending->body >= 0)
        close(pending->body);
    free(pending);
}

/* ---- The connection ---- */

static void hang_up(struct helper *helper)
{
    if (helper->readable)
        event_free(helper->readable);
    if (helper->writable)
        event_free(helper->writable);
    helper->readable = helper->writable = NULL;
    if (helper->fd >= 0)
        close(helper->fd);
    helper->fd = -1;
    event_del(helper->patience);
    memset(helper->slots, 0, sizeof helper->slots);
}

/* The connection is given up, or was not made, for the reason in WHY, and is made again after a wait. Requests that
 * wait fail if it is a long one. */
static void give_up(struct helper *helper)
{
    bool told = helper->away;

    hang_up(helper);
    if (helper->greeted && clock_monotonic() - helper->made > STEADY_MS * INT64_C(1000))
        helper->wait_ms = 0;
    add_timer(helper->again, helper->wait_ms);
    helper->away = helper->wait_ms >= AWAY_MS;
    log_warning("the helper %s: %s%s", helper->options.role, helper->why.text,
                helper->away ? "" : "; another one is started");
    helper->wait_ms = helper->wait_ms ? 2 * helper->wait_ms : WAIT_MIN_MS;
    if (helper->wait_ms > WAIT_MAX_MS)
        helper->wait_ms = WAIT_MAX_MS;
    while (helper->away && helper->first)
        pending_leave(helper->first);
    if (helper->away && !told && helper->options.changed)
        helper->options.changed(helper->options.role, helper->why.message, helper->options.user);
}

static void on_patience(evutil_socket_t fd, short what, void *user)
{
    struct helper *helper = user;

    (void)fd;
    (void)what;
    if (!helper_is_silent(helper) && !is_clogged(helper))
        return;
    error_set(&helper->why, ETIMEDOUT, "it has answered nothing for %u s", helper->options.patience_ms / 1000);
    if (!helper->greeted && helper->wait_ms && helper->wait_ms < AWAY_MS) /* requests have waited for long enough */
        helper->wait_ms = AWAY_MS;
    give_up(helper);
}

static void greet(struct helper *helper)
{
    helper->greeted = true;
    if (!helper->away)
        return;
    helper->away = false;
    log_info("the helper %s is running again", helper->options.role);
    if (helper->options.changed)
        helper->options.changed(helper->options.role, NULL, helper->options.user);
}

/* False: nothing of the kind was to come. */
static bool take_frame(struct helper *helper, const struct helper_frame *frame)
{
    if (frame->task || frame->length)
        return false;
    if (frame->kind == HELPER_HELLO && !helper->greeted && frame->id == HELPER_VERSION) {
        greet(helper);
        return true;
    }
    for (size_t i = 0; i < helper->options.at_once; i++) {
        struct slot *slot = &helper->slots[i];

        if (!helper->greeted || !frame->id || slot->id != frame->id)
            continue;
        if (frame->kind == HELPER_TAKEN && !slot->taken) {
            slot->taken = true;
            return true;
        }
        if (frame->kind == HELPER_DONE && slot->taken) {
            *slot = (struct slot){0};
            return true;
        }
    }
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct helper *helper = user;
    struct helper_frame frames[2]; /* room to see that one is too long */
    ssize_t n = recv(fd, frames, sizeof frames, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
        error_set(&helper->why, EPIPE, helper->greeted ? "it has ended" : "it has ended before it could begin");
        give_up(helper);
    } else if (n < 0) {
        error_system(&helper->why, errno, "cannot read from it");
        give_up(helper);
    } else if (n != (ssize_t)sizeof *frames || !take_frame(helper, frames)) {
        error_set(&helper->why, EPROTO, "it said what it was not asked for");
        give_up(helper);
    } else {
        set_patience(helper);
        transmit(helper);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    transmit(user);
}

static void connect_again(struct helper *helper)
{
    struct event_base *base = workers_base(helper->workers);

    helper->greeted = false;
    helper->made = clock_monotonic();
    if (helper->options.connect(helper->options.role, helper->options.user, &helper->fd, &helper->why) < 0) {
        helper->fd = -1;
        give_up(helper);
        return;
    }
    fcntl(helper->fd, F_SETFL, O_NONBLOCK);
    helper->readable = event_new(base, helper->fd, EV_READ | EV_PERSIST, on_readable, helper);
    helper->writable = event_new(base, helper->fd, EV_WRITE, on_writable, helper);
    event_add(helper->readable, NULL);
    set_patience(helper);
    transmit(helper);
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct helper *helper = user;

    (void)fd;
    (void)what;
    helper->restarts++;
    connect_again(helper);
}

struct helper *helper_new(struct workers *workers, const struct helper_options *options)
{
    struct helper *helper = mem_alloc(sizeof *helper);

    helper->workers = workers;
    helper->options = *options;
    if (!helper->options.patience_ms)
        helper->options.patience_ms = PATIENCE_MS;
    if (!helper->options.at_once)
        helper->options.at_once = HELPER_AT_ONCE;
    helper->fd = -1;
    helper->end = &helper->first;
    helper->again = evtimer_new(workers_base(workers), on_again, helper);
    helper->patience = evtimer_new(workers_base(workers), on_patience, helper);
    if (options->connect) {
        connect_again(helper);
    } else {
        helper->away = true;
        error_set(&helper->why, EPERM, "only root can start it");
    }
    return helper;
}

void helper_free(struct helper *helper)
{
    if (!helper)
        return;
    hang_up(helper);
    while (helper->first)
        pending_leave(helper->first);
    event_free(helper->again);
    event_free(helper->patience);
    free(helper);
}

unsigned helper_restarts(const struct helper *helper)
{
    return helper->restarts;
}

const char *helper_why_not(const struct helper *helper)
{
    return helper->away ? helper->why.message : NULL;
}

const char *helper_last_error(const struct helper *helper)
{
    return helper->why.number ? helper->why.message : NULL;
}

const char *helper_role(const struct helper *helper)
{
    return helper->options.role;
}

/* ---- Requests ---- */

static int refuse(const struct helper *helper, struct error *error)
{
    return error_set(error, helper->options.connect ? WORKER_DIED : EPERM, "needs %s: the helper %s is not running: %s",
                     helper->options.right, helper->options.role, helper->why.message);
}

static int send_pending(const struct helper *helper, const struct pending *pending)
{
    union helper_control control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    const int fds[HELPER_DESCRIPTORS_MAX] = {pending->pipe, pending->body};
    size_t size = (pending->body >= 0 ? 2 : 1) * sizeof *fds;
    struct iovec parts[] = {
        {.iov_base = (void *)(uintptr_t)&pending->frame, .iov_len = sizeof pending->frame},
        {.iov_base = (void *)(uintptr_t)pending->message, .iov_len = pending->frame.length},
    };
    struct msghdr message = {
        .msg_iov = parts, .msg_iovlen = countof(parts), .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};

    control.header.cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(&control.header), fds, size);
    return sendmsg(helper->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Why a request that was made twice has no answer: the end of the connection may not have been seen yet. */
static void explain(const void *user, struct error *error)
{
    const struct pending *pending = user;
    const struct helper *helper = pending->helper;

    if (helper->away || !helper->greeted)
        refuse(helper, error);
    else
        error_set(error, WORKER_DIED, "the helper %s: its process for this ended early", helper->options.role);
}

/* Sends what waits, as far as the helper takes it; before its hello it may end without having seen any of it. */
static void transmit(struct helper *helper)
{
    struct slot *slot;

    while (helper->first && helper->fd >= 0 && helper->greeted && (slot = find_slot(helper, 0))) {
        struct pending *pending = helper->first;
        int r;

        if (++helper->last_id == 0)
            helper->last_id = 1;
        pending->frame.id = helper->last_id;
        r = send_pending(helper, pending);
        if (r == -EAGAIN || r == -EINTR || r == -ENOBUFS || r == -ETOOMANYREFS) {
            event_add(helper->writable, NULL);
            return;
        }
        if (r < 0) {
            error_system(&helper->why, -r, "cannot be written to");
            give_up(helper);
            return;
        }
        *slot = (struct slot){.id = pending->frame.id};
        pending_leave(pending);
        set_patience(helper);
    }
}

/* Takes END over, the helper's end of where the answer goes. */
static int enqueue(struct pending *pending, int end, struct error *error)
{
    struct helper *helper = pending->helper;

    if (helper->waiting >= WAITING_MAX) {
        close(end);
        return error_set(error, EAGAIN, "the helper %s: more than %d requests wait", helper->options.role,
                         (int)WAITING_MAX);
    }
    pending_append(pending, end);
    transmit(helper);
    begin_patience(helper);
    return 0;
}

/* The descriptor from which the answer is read. */
static int begin(void *user, struct error *error)
{
    struct pending *pending = user;
    struct helper *helper = pending->helper;
    int fds[2], r;

    pending_over(pending);
    if (helper->away)
        return refuse(helper, error);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "the helper %s: pipe", helper->options.role);
    r = enqueue(pending, fds[1], error);
    if (r < 0)
        close(fds[0]);
    return r < 0 ? r : fds[0];
}

/* A file in memory with the message, for the caller to close; or a negative errno. */
static int make_body(const char *message, size_t length)
{
    int fd = memfd_create("request", MFD_CLOEXEC), r = fd < 0 ? -errno : 0;

    for (size_t at = 0; r == 0 && at < length;) {
        ssize_t n = write(fd, message + at, length - at);

        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            r = n == 0 ? -EIO : -errno;
    }
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

static struct pending *pending_new(struct helper *helper, const struct helper_request *request, struct error *error)
{
    size_t length = request->message ? request->length : 0, inside = length > HELPER_INLINE_MAX ? 0 : length;
    int body = length > inside ? make_body(request->message, length) : -1;
    struct pending *pending;

    if (length > inside && body < 0) {
        error_system(error, -body, "the helper %s: a request of %zu bytes", helper->options.role, length);
        return NULL;
    }
    pending = mem_alloc(sizeof *pending + inside);
    pending->helper = helper;
    pending->pipe = -1;
    pending->body = body;
    pending->frame = (struct helper_frame){.kind = body >= 0 ? HELPER_LONG_REQUEST : HELPER_REQUEST,
                                           .task = request->task,
                                           .timeout_ms = request->timeout_ms,
                                           .length = (uint32_t)inside};
    if (inside)
        memcpy(pending->message, request->message, inside);
    return pending;
}

struct worker *helper_ask(struct helper *helper, const struct helper_request *request, struct error *error)
{
    unsigned timeout_ms = request->timeout_ms;
    struct pending *pending;
    int fd;

    if (request->message && request->length > HELPER_MESSAGE_MAX) {
        error_set(error, EMSGSIZE, "more than %d bytes for the helper %s", (int)HELPER_MESSAGE_MAX,
                  helper->options.role);
        return NULL;
    }
    if (!timeout_ms)
        timeout_ms = helper->options.tasks[request->task].timeout_ms;
    pending = pending_new(helper, request, error);
    fd = pending ? begin(pending, error) : -1;
    if (fd < 0) {
        if (pending)
            pending_free(pending);
        return NULL;
    }
    return worker_listen(helper->workers, &(struct worker_source){.fd = fd,
                                                                  .limit = request->limit,
                                                                  .timeout_ms = timeout_ms,
                                                                  .done = request->done,
                                                                  .user = request->user,
                                                                  .retry = begin,
                                                                  .explain = explain,
                                                                  .retry_user = pending,
                                                                  .retry_free = pending_free});
}

int helper_connect(struct helper *helper, unsigned task, int *ret_fd, struct error *error)
{
    struct pending *pending;
    int fds[2], r;

    if (helper->away)
        return refuse(helper, error);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return error_system(error, errno, "the helper %s: socket pair", helper->options.role);
    pending = mem_alloc(sizeof *pending);
    pending->helper = helper;
    pending->alone = true;
    pending->body = -1;
    pending->frame = (struct helper_frame){.kind = HELPER_REQUEST, .task = task};
    r = enqueue(pending, fds[1], error);
    if (r < 0) {
        close(fds[0]);
        free(pending);
        return r;
    }
    *ret_fd = fds[0];
    return 0;
}
