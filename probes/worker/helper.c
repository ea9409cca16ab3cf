/* What is sent to a helper is one packet with a descriptor (unix(7), SCM_RIGHTS): the pipe for a task's output, or the
 * socket of the second helper that is to be made. A message that is too long for a packet is in a file in memory
 * (memfd_create(2)), whose descriptor comes with the pipe; only the task's own process reads it. */
#include "probes/worker/helper.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/vec.h"
#include "probes/worker/worker_internal.h"

enum {
    INLINE_MAX = 512, /* bytes of a message in a packet */
    DESCRIPTORS_MAX = 2,
    TASKS_MAX = 16,
    WAIT_MIN_MS = 1000,
    WAIT_MAX_MS = 60 * 1000,
    STEADY_MS = 60 * 1000 /* after that long the wait begins anew */
};

struct packet {
    enum { PACKET_TASK = 't', PACKET_LONG = 'l', PACKET_SECOND = 's' } kind;
    unsigned task;
    unsigned timeout_ms;      /* 0: the task's own */
    char message[INLINE_MAX]; /* PACKET_TASK */
};
#define PACKET_HEAD offsetof(struct packet, message)

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

/* ---- In a helper ---- */

struct service {
    const struct helper_task *tasks;
    size_t count;
    pid_t agent;
    int fd;
};

static void serve(const struct service *service) __attribute__((noreturn));

/* What came: a packet, a NUL after its message, and its descriptors. */
struct received {
    union {
        struct packet packet;
        char bytes[sizeof(struct packet) + 1];
    };
    size_t length;            /* of the message in the packet */
    int fds[DESCRIPTORS_MAX]; /* the second one: of a long message, else -1 */
};

static bool is_known(const struct service *service, const struct packet *packet)
{
    return packet->kind == PACKET_SECOND ||
           ((packet->kind == PACKET_TASK || packet->kind == PACKET_LONG) && packet->task < service->count);
}

/* Waits for the next packet. The process exits at the end of the socket and at anything that is not a packet. */
static void next_packet(const struct service *service, struct received *ret)
{
    union control control = {.header = {0}};
    struct iovec part = {.iov_base = ret->bytes, .iov_len = sizeof ret->packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const struct cmsghdr *header;
    size_t descriptors;
    ssize_t n;

    do
        n = recvmsg(service->fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        _exit(0);
    header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (n < (ssize_t)PACKET_HEAD || !header || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
        header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || !is_known(service, &ret->packet))
        _exit(1);
    descriptors = ret->packet.kind == PACKET_LONG ? 2 : 1;
    if (header->cmsg_len != CMSG_LEN(descriptors * sizeof(int)))
        _exit(1);
    ret->fds[1] = -1;
    memcpy(ret->fds, CMSG_DATA(header), descriptors * sizeof(int));
    ret->length = (size_t)n - PACKET_HEAD;
    ret->bytes[n] = '\0';
}

/* Made as a child of the agent, not of this process. FD is its socket, through which the agent gets its pid. */
static void make_second(const struct service *service, int fd)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0) {
        struct service second = *service;

        second.fd = fd;
        serve(&second);
    }
    if (pid > 0 && send(fd, &pid, sizeof pid, MSG_NOSIGNAL) < 0)
        kill(pid, SIGKILL);
}

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

static void do_task(const struct helper_task *task, const struct received *received, pid_t parent)
{
    struct helper_work work = {
        .argument = task->argument, .message = received->packet.message, .length = received->length};
    const int kept[] = {received->fds[0], received->fds[1], task->root ? host_root_fd(task->root) : -1,
                        task->outside ? host_root_fd(task->outside) : -1};
    struct str text = STR_INIT;
    unsigned timeout_ms = received->packet.timeout_ms;
    int begun = child_begin(&(struct child_start){.parent = parent,
                                                  .serves = task->serve,
                                                  .kept = kept,
                                                  .kept_count = countof(kept),
                                                  .capabilities = task->capabilities});

    if (task->serve) {
        signal(SIGPIPE, SIG_IGN);
        if (begun == 0)
            task->serve(received->fds[0], task->argument);
        _exit(0);
    }
    if (!timeout_ms || timeout_ms > task->timeout_ms)
        timeout_ms = task->timeout_ms;
    signal(SIGALRM, end_group);
    alarm(timeout_ms / 1000 + 1);
    child_end_with_reader(received->fds[0]);
    if (task->background)
        child_stand_back();
    if (received->packet.kind == PACKET_LONG) {
        if (!read_long(received->fds[1], &text))
            _exit(1);
        close(received->fds[1]);
        work.message = str_text(&text);
        work.length = text.length;
    }
    child_run(received->fds[0], begun, task->run, &work);
}

static void serve(const struct service *service)
{
    struct child_start start = {.parent = service->agent, .serves = true};
    int kept[1 + 2 * TASKS_MAX] = {service->fd};
    pid_t self = getpid();

    start.kept = kept;
    start.kept_count = 1 + 2 * service->count;
    for (size_t i = 0; i < service->count; i++) {
        kept[1 + 2 * i] = service->tasks[i].root ? host_root_fd(service->tasks[i].root) : -1;
        kept[2 + 2 * i] = service->tasks[i].outside ? host_root_fd(service->tasks[i].outside) : -1;
        start.capabilities |= service->tasks[i].capabilities;
    }
    if (child_begin(&start) < 0)
        _exit(1);
    signal(SIGCHLD, SIG_IGN); /* its children leave no zombies */
    for (;;) {
        struct received received;

        next_packet(service, &received);
        if (received.packet.kind == PACKET_SECOND)
            make_second(service, received.fds[0]);
        else if (fork() == 0)
            do_task(&service->tasks[received.packet.task], &received, self);
        close(received.fds[0]); /* if no process was made, the agent reads the end of it */
        if (received.fds[1] >= 0)
            close(received.fds[1]);
    }
}

/* ---- In the agent ---- */

struct process {
    struct helper *helper;
    pid_t pid; /* 0: not known yet */
    int fd;
    struct event *event;
};

struct helper {
    struct workers *workers;
    VEC(unsigned) timeouts;         /* of the tasks */
    struct process *first, *second; /* the one that is asked, and its successor; NULL: none */
    struct event *timer;
    usec_t made;      /* monotonic: when SECOND was asked for */
    unsigned wait_ms; /* before the next one is */
    unsigned restarts;
    void (*lost)(void *user);
    void *user;
};

static void process_free(struct process *process)
{
    if (!process)
        return;
    event_free(process->event);
    close(process->fd);
    if (process->pid) /* its group may still contain the second, if just made */
        workers_kill(process->helper->workers, process->pid, false);
    free(process);
}

static void schedule_second(struct helper *helper)
{
    struct timeval wait;

    if (evtimer_pending(helper->timer, NULL))
        return;
    if (helper->made && clock_monotonic() - helper->made > STEADY_MS * INT64_C(1000))
        helper->wait_ms = 0;
    wait = (struct timeval){.tv_sec = helper->wait_ms / 1000, .tv_usec = helper->wait_ms % 1000 * 1000};
    evtimer_add(helper->timer, &wait);
    helper->wait_ms = helper->wait_ms ? 2 * helper->wait_ms : WAIT_MIN_MS;
    if (helper->wait_ms > WAIT_MAX_MS)
        helper->wait_ms = WAIT_MAX_MS;
}

static void process_ended(struct process *process)
{
    struct helper *helper = process->helper;

    if (process == helper->first) {
        helper->first = helper->second;
        helper->second = NULL;
    } else {
        helper->second = NULL;
    }
    process_free(process);
    log_warning("a helper process has ended%s",
                helper->first ? "; the other one makes its successor" : ", the last one");
    if (helper->first)
        schedule_second(helper);
    else if (helper->lost)
        helper->lost(helper->user);
}

static void on_socket(evutil_socket_t fd, short what, void *user)
{
    struct process *process = user;
    pid_t pid = 0;
    ssize_t n = recv(fd, &pid, sizeof pid, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof pid && pid > 0 && !process->pid)
        process->pid = pid;
    else
        process_ended(process);
}

static struct process *process_new(struct helper *helper, int fd)
{
    struct process *process = mem_alloc(sizeof *process);

    process->helper = helper;
    process->fd = fd;
    process->event = event_new(workers_base(helper->workers), fd, EV_READ | EV_PERSIST, on_socket, process);
    event_add(process->event, NULL);
    return process;
}

/* LENGTH: of PACKET. */
static int send_packet(const struct process *process, const struct packet *packet, size_t length, const int *fds,
                       size_t fd_count)
{
    union control control = {
        .header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof *fds)}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)packet, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(fd_count * sizeof *fds)};

    memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof *fds);
    return sendmsg(process->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    const struct packet packet = {.kind = PACKET_SECOND};
    struct helper *helper = user;
    int fds[2];

    (void)fd;
    (void)what;
    if (!helper->first || helper->second)
        return;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        schedule_second(helper);
        return;
    }
    if (send_packet(helper->first, &packet, PACKET_HEAD, &fds[1], 1) == 0) {
        helper->restarts += helper->made != 0;
        helper->made = clock_monotonic();
        helper->second = process_new(helper, fds[0]);
    } else {
        close(fds[0]);
        schedule_second(helper);
    }
    close(fds[1]);
}

struct helper *helper_new(struct workers *workers, const struct helper_task *tasks, size_t count,
                          void (*lost)(void *user), void *user, struct error *error)
{
    struct service service = {.tasks = tasks, .count = count, .agent = getpid()};
    struct helper *helper;
    int fds[2];
    pid_t pid;

    if (count > TASKS_MAX) {
        error_set(error, E2BIG, "helper process: more than %d tasks", (int)TASKS_MAX);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        error_system(error, errno, "helper process: socket pair");
        return NULL;
    }
    pid = fork();
    if (pid == 0) {
        service.fd = fds[1];
        serve(&service);
    }
    close(fds[1]);
    if (pid < 0) {
        error_system(error, errno, "helper process: fork");
        close(fds[0]);
        return NULL;
    }
    helper = mem_alloc(sizeof *helper);
    helper->workers = workers;
    helper->lost = lost;
    helper->user = user;
    helper->timer = evtimer_new(workers_base(workers), on_timer, helper);
    helper->first = process_new(helper, fds[0]);
    helper->first->pid = pid;
    for (size_t i = 0; i < count; i++)
        vec_push(&helper->timeouts, tasks[i].timeout_ms);
    on_timer(-1, 0, helper);
    return helper;
}

void helper_free(struct helper *helper)
{
    if (!helper)
        return;
    process_free(helper->first);
    process_free(helper->second);
    event_free(helper->timer);
    vec_free(&helper->timeouts);
    free(helper);
}

unsigned helper_restarts(const struct helper *helper)
{
    return helper->restarts;
}

/* ---- Requests ---- */

struct pending {
    struct helper *helper;
    bool tried;
    unsigned task, timeout_ms;
    size_t length;
    char message[]; /* LENGTH bytes */
};

/* A file in memory with the message, for the caller to close; or a negative errno. */
static int make_long(const struct pending *pending)
{
    int fd = memfd_create("request", MFD_CLOEXEC), r = fd < 0 ? -errno : 0;

    for (size_t at = 0; r == 0 && at < pending->length;) {
        ssize_t n = write(fd, pending->message + at, pending->length - at);

        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            r = n == 0 ? -EIO : -errno;
    }
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

/* The descriptor from which the output is read. A helper may have ended unnoticed so far, or end with the request in
 * its queue: the second try begins with the other one. */
static int send_request(void *user)
{
    struct pending *pending = user;
    const struct process *first = pending->helper->first, *second = pending->helper->second;
    const struct process *processes[] = {pending->tried ? second : first, pending->tried ? first : second};
    bool is_long = pending->length > INLINE_MAX;
    struct packet packet = {
        .kind = is_long ? PACKET_LONG : PACKET_TASK, .task = pending->task, .timeout_ms = pending->timeout_ms};
    scoped(cleanup_close) int body = is_long ? make_long(pending) : -1;
    int ends[2], fds[DESCRIPTORS_MAX], r = -EPIPE;

    if (is_long && body < 0)
        return body;
    pending->tried = true;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fds[0] = ends[1];
    fds[1] = body;
    if (!is_long)
        memcpy(packet.message, pending->message, pending->length);
    for (size_t i = 0; i < countof(processes) && r < 0; i++)
        if (processes[i])
            r = send_packet(processes[i], &packet, PACKET_HEAD + (is_long ? 0 : pending->length), fds, is_long ? 2 : 1);
    close(ends[1]);
    if (r < 0)
        close(ends[0]);
    return r < 0 ? r : ends[0];
}

int helper_connect(struct helper *helper, unsigned task, int *ret_fd, struct error *error)
{
    const struct packet packet = {.kind = PACKET_TASK, .task = task};
    const struct process *processes[] = {helper->first, helper->second};
    int fds[2], r = -EPIPE;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return error_system(error, errno, "helper process: socket pair");
    for (size_t i = 0; i < countof(processes) && r < 0; i++)
        if (processes[i])
            r = send_packet(processes[i], &packet, PACKET_HEAD, &fds[1], 1);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return error_system(error, -r, "cannot send to the helper process");
    }
    *ret_fd = fds[0];
    return 0;
}

struct worker *helper_ask(struct helper *helper, const struct helper_request *request, struct error *error)
{
    size_t length = request->message ? request->length : 0;
    struct pending *pending;
    int fd;

    if (length > HELPER_MESSAGE_MAX) {
        error_set(error, EMSGSIZE, "more than %d bytes for its helper process", (int)HELPER_MESSAGE_MAX);
        return NULL;
    }
    pending = mem_alloc(sizeof *pending + length);
    pending->helper = helper;
    pending->task = request->task;
    pending->timeout_ms = request->timeout_ms;
    pending->length = length;
    if (length)
        memcpy(pending->message, request->message, length);
    fd = send_request(pending);
    if (fd < 0) {
        if (fd == -EPIPE || fd == -ECONNRESET)
            error_set(error, EPIPE, "both helper processes have ended");
        else
            error_system(error, -fd, "cannot send to the helper process");
        free(pending);
        return NULL;
    }
    return worker_listen(helper->workers, &(struct worker_source){
                                              .fd = fd,
                                              .limit = request->limit,
                                              .timeout_ms = request->timeout_ms ? request->timeout_ms
                                                                                : helper->timeouts.items[request->task],
                                              .done = request->done,
                                              .user = request->user,
                                              .retry = send_request,
                                              .retry_user = pending});
}
