/* See the header. */
#include "broker_beside.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "fake_engine.h"
#include "probes/docker/broker_serve.h"

enum { DESCRIPTORS_MAX = 1024, WAIT_MS = 240000 };

void broker_beside_nonsense(int listener)
{
    static const char text[] = "\x16\x03\x01 220 mail.example ESMTP\r\n\r\n{\"Containers\": 0}";

    const struct timeval moment = {.tv_usec = 100 * 1000};

    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char request[256];

        if (fd < 0) {
            usleep(1000);
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        if (recv(fd, request, sizeof request, 0) > 0)
            send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
        /* it stays open: an end would be an answer, too */
    }
}

static void be_broker(const struct broker_beside *beside, int listener, int alive) __attribute__((noreturn));

static void be_broker(const struct broker_beside *beside, int listener, int alive)
{
    const struct broker_service service = {
        .fd = listener, .alive = alive, .agent = getuid(), .address = beside->address};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = 3; fd < DESCRIPTORS_MAX; fd++)
        if (fd != listener && fd != alive)
            close(fd);
    signal(SIGPIPE, SIG_IGN);
    if (beside->mute)
        _exit(1);
    if (beside->nonsense)
        broker_beside_nonsense(listener);
    _exit(broker_serve(&service, NULL) < 0 ? 1 : 0);
}

static void end_process(struct broker_beside *beside)
{
    if (!beside->pid)
        return;
    kill(beside->pid, SIGKILL);
    waitpid(beside->pid, NULL, 0);
    beside->pid = 0;
}

static int on_start(int listener, void *user, int *ret_alive, struct error *error)
{
    struct broker_beside *beside = user;
    int fds[2];

    (void)error;
    end_process(beside);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    beside->pid = fork();
    ck_assert_int_ge(beside->pid, 0);
    if (beside->pid == 0)
        be_broker(beside, listener, fds[1]);
    if (beside->mute)
        beside->mute--;
    else if (beside->nonsense)
        beside->nonsense--;
    close(fds[1]);
    *ret_alive = fds[0];
    return 0;
}

static bool has_begun(void *user)
{
    const struct broker_beside *beside = user;

    return beside->pid > 0;
}

void broker_beside_begin(struct broker_beside *beside, struct event_base *base, struct docker_address *address,
                         void (*changed)(const char *why, void *user))
{
    struct error error = ERROR_INIT;

    beside->address = address;
    beside->broker = broker_new(
        &(struct broker_options){
            .base = base, .engine = address->host_text, .start = on_start, .changed = changed, .user = beside},
        &error);
    ck_assert_msg(beside->broker != NULL, "%s", error.text);
    free(address->broker); /* of an address that was copied */
    address->broker = mem_strdup(broker_socket(beside->broker));
    ck_assert(fake_run(base, WAIT_MS, has_begun, beside));
}

void broker_beside_end(struct broker_beside *beside)
{
    broker_free(beside->broker);
    beside->broker = NULL;
    end_process(beside);
}
