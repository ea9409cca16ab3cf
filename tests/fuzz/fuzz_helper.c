/* What goes between the agent and a helper, as a script (records.h) whose first byte chooses a side: what a hostile
 * helper says to the agent that asks it, frames and answers (a); the same where it watches files (w), hands a
 * descriptor over (d) or a socket (s); or what a hostile agent sends to the helper (h). No descriptor is left open. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/memory.h"
#include "probes/roles/sockets.h"
#include "probes/roles/sockets_internal.h"
#include "probes/roles/watching.h"
#include "probes/worker/handed.h"
#include "probes/worker/helper.h"
#include "probes/worker/helper_frames.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 64, REQUESTS_MAX = 16, OUTPUT_MAX = 4096, DESCRIPTORS_SEEN = 128 };

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static int run(struct str *output, const void *argument, struct error *error)
{
    const struct helper_work *work = argument;

    if (work->message[work->length] != '\0')
        abort();
    if (work->length && work->message[0] == '!')
        return error_set(error, EINVAL, "%s", work->message);
    str_append_n(output, work->message, work->length);
    return 0;
}

static void serve(int fd, const void *argument)
{
    char byte;

    (void)argument;
    while (read(fd, &byte, 1) > 0)
        ;
}

static const struct helper_task tasks[] = {{.run = run, .timeout_ms = 2000}, {.serve = serve, .timeout_ms = 2000}};

static enum helper_frame_kind kind_of(unsigned byte)
{
    static const enum helper_frame_kind kinds[] = {HELPER_HELLO, HELPER_REQUEST, HELPER_LONG_REQUEST, HELPER_TAKEN,
                                                   HELPER_DONE};

    return byte < 0xf0 ? kinds[byte % countof(kinds)] : (enum helper_frame_kind)byte;
}

/* ---- A hostile helper ---- */

struct talk {
    struct event_base *base;
    struct workers *workers;
    struct helper *helper;
    int peer, pipe;   /* the other ends; -1: none */
    uint32_t last_id; /* of the request that was read last */
    unsigned waiting; /* requests that have had no answer */
    struct worker *asked[REQUESTS_MAX];
    size_t count;
};

static int make_connection(const char *role, void *user, int *ret_fd, struct error *error)
{
    struct talk *talk = user;
    int fds[2];

    (void)role;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return error_system(error, errno, "socket pair");
    if (talk->peer >= 0)
        close(talk->peer);
    talk->peer = fds[0];
    *ret_fd = fds[1];
    return 0;
}

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct worker **place = user;

    require(number ? why && *why : output && output[length] == '\0' && length <= OUTPUT_MAX);
    *place = NULL;
}

static void ask(struct talk *talk, const struct a_record *record)
{
    const struct helper_request request = {.message = (const char *)record->bytes,
                                           .length = record->length,
                                           .limit = OUTPUT_MAX,
                                           .timeout_ms = 1000,
                                           .done = on_done,
                                           .user = &talk->asked[talk->count]};
    struct error error = ERROR_INIT;

    if (talk->count == REQUESTS_MAX)
        return;
    talk->asked[talk->count] = helper_ask(talk->helper, &request, &error);
    require(talk->asked[talk->count++] || *error.text);
}

/* Reads a request as a helper does. */
static void take_request(struct talk *talk)
{
    struct helper_frame frame = {0};
    char message[HELPER_INLINE_MAX];
    union helper_control control = {.header = {0}};
    struct iovec parts[] = {{.iov_base = &frame, .iov_len = sizeof frame},
                            {.iov_base = message, .iov_len = sizeof message}};
    struct msghdr packet = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    int fds[HELPER_DESCRIPTORS_MAX];
    const struct cmsghdr *header;

    if (talk->peer < 0 || recvmsg(talk->peer, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0)
        return;
    header = CMSG_FIRSTHDR(&packet);
    require(header && header->cmsg_len >= CMSG_LEN(sizeof(int)) && frame.length <= HELPER_INLINE_MAX);
    memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    if (header->cmsg_len > CMSG_LEN(sizeof(int)))
        close(fds[1]);
    if (talk->pipe >= 0)
        close(talk->pipe);
    talk->pipe = fds[0];
    talk->last_id = frame.id;
}

static void say(const struct talk *talk, const struct a_record *record)
{
    const struct helper_frame frame = {
        .kind = kind_of(record_byte(record, 0)),
        .id = record_byte(record, 1) == 0 ? talk->last_id : record_byte(record, 1),
        .task = record_byte(record, 2),
        .length = record_byte(record, 3),
    };

    send(talk->peer, &frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A message of watching: its length, its kind, and what the record has. */
static void send_watching(const struct talk *talk, const struct a_record *record)
{
    const int64_t numbers[] = {(int64_t)record->length + 7, record_byte(record, 0)};

    if (talk->pipe < 0 || !record->length)
        return;
    if (write(talk->pipe, numbers, sizeof numbers) < 0 || write(talk->pipe, record->bytes + 1, record->length - 1) < 0)
        return;
}

static int make_descriptor(unsigned kind)
{
    return kind % 2 ? socket(AF_INET, kind % 4 == 1 ? SOCK_STREAM : SOCK_DGRAM, 0) : memfd_create("x", MFD_CLOEXEC);
}

/* Up to three descriptors, with what the record has or what a role says with a socket. */
static void send_descriptors(const struct talk *talk, const struct a_record *record)
{
    struct socket_answer answer = {.number = (int32_t)record_byte(record, 2)};
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    int fds[3] = {-1, -1, -1};
    size_t count = record_byte(record, 0) % 4;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof fds)];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (record_byte(record, 0) & 0x80)
        part.iov_len = record->length % sizeof answer;
    if (record->length > 3)
        memcpy(answer.text, record->bytes + 3, record->length - 3);
    for (size_t i = 0; i < count; i++)
        fds[i] = make_descriptor(record_byte(record, 1));
    if (count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
        control.header.cmsg_len = CMSG_LEN(count * sizeof *fds);
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof *fds);
    }
    if (talk->pipe >= 0)
        sendmsg(talk->pipe, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void do_step(struct talk *talk, const struct a_record *record)
{
    static const struct helper_frame hello = {.kind = HELPER_HELLO, .id = HELPER_VERSION};

    switch (record->letter % 10) {
    case 0:
        ask(talk, record);
        break;
    case 1:
        take_request(talk);
        break;
    case 2:
        say(talk, record);
        break;
    case 3:
        if (talk->pipe >= 0 && write(talk->pipe, record->bytes, record->length) < 0)
            close(talk->pipe), talk->pipe = -1;
        break;
    case 4:
        if (talk->pipe >= 0)
            close(talk->pipe);
        talk->pipe = -1;
        break;
    case 5:
        send(talk->peer, record->bytes, record->length, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case 6:
        send(talk->peer, &hello, sizeof hello, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case 7:
        send_watching(talk, record);
        break;
    case 8:
        send_descriptors(talk, record);
        break;
    default:
        shutdown(talk->peer, SHUT_RDWR);
    }
}

static void on_watched(const char *path, void *user)
{
    (void)user;
    require(strcmp(path, "/etc/hosts") == 0);
}

static void on_watched_record(const char *id, void *user)
{
    (void)user;
    require(strcmp(id, "0123abcd") == 0);
}

static void on_armed(void *user)
{
    (void)user;
}

static void on_handed(int fd, const struct error *why, void *user)
{
    struct handed **place = user;

    require(fd >= 0 ? !why : why && *why->text);
    if (fd >= 0)
        close(fd);
    *place = NULL;
}

static void on_socket(int fd, int number, const char *why, void *user)
{
    struct socket_request **place = user;

    require(fd >= 0 || (number > 0 && why && *why));
    if (fd >= 0)
        close(fd);
    *place = NULL;
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void talk_to_agent(struct records script, char what)
{
    struct talk talk = {.peer = -1, .pipe = -1};
    struct helper_options options = {.role = "audit",
                                     .right = "CAP_AUDIT_CONTROL",
                                     .connect = make_connection,
                                     .user = &talk,
                                     .tasks = {{.timeout_ms = 1000}},
                                     .count = 1};
    struct watching_options watching_options = {.task = 0, .record = on_watched_record};
    struct watching *watching = NULL;
    struct watched *watched = NULL;
    struct handed *handed = NULL;
    struct socket_request *socket_request = NULL;
    struct socket_options socket_options = {.task = NETWORK_CONNECT,
                                            .address = "tcp://127.0.0.1:1",
                                            .type = SOCK_STREAM,
                                            .done = on_socket,
                                            .user = &socket_request};
    struct a_record record;
    unsigned open_before = count_descriptors();

    talk.base = event_base_new();
    talk.workers = workers_new(talk.base);
    talk.helper = helper_new(talk.workers, &options);
    if (what == 'd')
        handed = handed_ask(talk.base, talk.helper, 0, on_handed, &handed, NULL);
    if (what == 's') {
        socket_options.base = talk.base;
        socket_options.helper = talk.helper;
        socket_request = socket_ask(&socket_options, NULL);
    }
    if (what == 'w') {
        watching_options.base = talk.base;
        watching_options.helper = talk.helper;
        watching = watching_new(&watching_options);
        watched = watching_add(watching, "/etc/hosts", WATCH_PATH, on_watched, NULL);
        watching_begin_record(watching, "0123abcd", "/var/lib/docker", true);
        watching_after(watching, on_armed, NULL);
    }
    for (size_t steps = 0; steps < STEPS_MAX && records_next(&script, &record); steps++) {
        do_step(&talk, &record);
        event_base_loop(talk.base, EVLOOP_NONBLOCK);
    }
    for (size_t i = 0; i < talk.count; i++)
        worker_cancel(talk.asked[i]);
    handed_cancel(handed);
    socket_cancel(socket_request);
    watched_free(watched);
    watching_free(watching);
    helper_free(talk.helper);
    workers_free(talk.workers);
    event_base_free(talk.base);
    if (talk.peer >= 0)
        close(talk.peer);
    if (talk.pipe >= 0)
        close(talk.pipe);
    require(count_descriptors() == open_before);
}

/* ---- A hostile agent ---- */

static int make_body(const struct a_record *record)
{
    int fd = memfd_create("request", MFD_CLOEXEC);

    require(fd >= 0 && write(fd, record->bytes, record->length) == (ssize_t)record->length);
    return fd;
}

static void send_packet(int fd, const struct a_record *record)
{
    struct helper_frame frame = {.kind = kind_of(record->letter % 16 == 15 ? 0xff : 1 + record->letter % 2),
                                 .id = record->letter,
                                 .task = record->letter / 16 % 3,
                                 .timeout_ms = 500};
    bool inside = frame.kind == HELPER_REQUEST;
    struct iovec parts[] = {
        {.iov_base = &frame, .iov_len = record->letter == 0x7f ? record->length % 20 : sizeof frame},
        {.iov_base = (void *)(uintptr_t)record->bytes, .iov_len = inside ? record->length : 0}};
    size_t descriptors = record->letter % 16 == 14 ? record->length % 3 : inside ? 1 : 2;
    union helper_control control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int pipes[2], fds[HELPER_DESCRIPTORS_MAX];

    frame.length = inside ? (uint32_t)record->length + (record->letter % 16 == 13) : 0;
    require(pipe2(pipes, O_CLOEXEC) == 0);
    fds[0] = pipes[1];
    fds[1] = make_body(record);
    if (descriptors) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof *fds);
        control.header.cmsg_len = CMSG_LEN(descriptors * sizeof *fds);
        memcpy(CMSG_DATA(&control.header), fds, descriptors * sizeof *fds);
    }
    sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(pipes[0]);
    close(pipes[1]);
    close(fds[1]);
}

/* All packets are there before the helper serves, and it ends with the last of them. */
static void talk_to_helper(struct records script)
{
    const struct helper_role role = {.name = "fuzz", .tasks = tasks, .count = countof(tasks)};
    struct error error = ERROR_INIT;
    struct a_record record;
    sigset_t before;
    int fds[2], r;

    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    for (size_t steps = 0; steps < STEPS_MAX && records_next(&script, &record); steps++)
        send_packet(fds[0], &record);
    shutdown(fds[0], SHUT_WR);
    sigprocmask(SIG_SETMASK, NULL, &before);
    r = helper_serve(fds[1], getuid(), &role, &error);
    require(r == 0 || (r == -EPROTO && *error.text));
    close(fds[0]);
    close(fds[1]);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    if (!size)
        return 0;
    if (data[0] == 'h')
        talk_to_helper((struct records){data + 1, size - 1});
    else
        talk_to_agent((struct records){data + 1, size - 1}, (char)data[0]);
    return 0;
}
