/* A loop, a folder and transitions: a fixture for tests of sinks. */
#ifndef TESTS_UNIT_SINK_FIXTURE_H
#define TESTS_UNIT_SINK_FIXTURE_H

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/sinks/sink.h"
#include "common/clock.h"
#include "common/memory.h"

enum { HANG_SECONDS = 120 };

static struct event_base *base;
static struct workers *workers;
static char folder[32];

static inline void sink_fixture_set_up(void)
{
    strcpy(folder, "/tmp/test-sinks-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    workers = workers_new(base);
}

static inline void sink_fixture_tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

/* What is ready now, and what becomes ready within MS. */
static inline void run_loop(unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
}

/* Runs the loop until CONDITION holds. */
#define run_until(condition)                                                                                           \
    do {                                                                                                               \
        usec_t run_until_end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;                                        \
                                                                                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_monotonic() < run_until_end, "never: %s", #condition);                                 \
            run_loop(2);                                                                                               \
        }                                                                                                              \
    } while (0)

static inline struct transition *make(const char *name, const char *evidence, enum severity severity)
{
    struct transition *t = mem_alloc(sizeof *t);

    t->references = 1;
    t->seq = 42;
    t->at = INT64_C(1795514400) * USEC_PER_SEC;
    t->rule = mem_strdup("5.4");
    t->slug = mem_strdup("container-privileged");
    t->title = mem_strdup("Containers are not privileged");
    t->section = mem_strdup("5");
    t->subject_kind = mem_strdup("container");
    t->subject_id = mem_strdup("0123456789ab");
    t->subject_name = mem_strdup(name);
    t->evidence = mem_strdup(evidence);
    t->cause = mem_strdup("docker:container/start");
    t->remedy = mem_strdup("docker rm -f x");
    t->status = mem_strdup("fail");
    t->previous = mem_strdup("pass");
    t->severity = severity;
    t->status_value = VERDICT_FAIL;
    t->previous_value = VERDICT_PASS;
    t->json = mem_strdup("{\"seq\":42}");
    t->json_length = strlen(t->json);
    return t;
}

/* Sends one of SEVERITY whose evidence is LENGTH letters and, but in JSON, the SEQ, so that a record ends with what it
 * begins with. */
static inline void send_one(struct sink *sink, uint64_t seq, size_t length, enum severity severity)
{
    scoped(cleanup_free) char *letters = mem_alloc(length + 1), *evidence = NULL;
    struct transition *t;

    memset(letters, 'e', length);
    evidence = mem_printf("%s %llu", letters, (unsigned long long)seq);
    t = make("n", evidence, severity);
    t->seq = seq;
    free(t->json);
    t->json = mem_printf("{\"seq\":%llu,\"evidence\":\"%s\"}", (unsigned long long)seq, letters);
    t->json_length = strlen(t->json);
    sink_send(sink, t);
    transition_unref(t);
}

static inline struct sink *open_sink(enum sink_kind kind, const char *address)
{
    struct sink_config config = sink_config_default(kind);

    config.address = address;
    return sink_new(base, workers, &config);
}

static inline struct sink_status status_of(const struct sink *sink)
{
    struct sink_status status;

    sink_status(sink, &status);
    return status;
}

/* A socket bound to ADDRESS and, of a stream, listening. PORT 0: any, which it becomes. */
static inline int network_receiver(int type, const char *address, unsigned *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), buffer = 4096, on = 1;
    socklen_t length = sizeof name;

    ck_assert_int_eq(inet_pton(AF_INET, address, &name.sin_addr), 1);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    ck_assert_msg(bind(fd, (struct sockaddr *)&name, sizeof name) == 0, "%s:%u: %m", address, *port);
    if (type == SOCK_STREAM)
        ck_assert_int_eq(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *)&name, &length);
    *port = ntohs(name.sin_port);
    return fd;
}

static inline int local_receiver(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* How many datagrams wait on FD, which are taken. */
static inline size_t drain(int fd)
{
    char buffer[65536];
    size_t count = 0;

    while (recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        count++;
    return count;
}

#endif
