/* A loop, a folder, a store in it and transitions: a fixture for tests of sinks. */
#ifndef TESTS_UNIT_SINK_FIXTURE_H
#define TESTS_UNIT_SINK_FIXTURE_H

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/sinks/sink_list.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "tests/unit/network_role.h"

enum { HANG_SECONDS = 240 };

static struct event_base *base;
static struct workers *workers;
static char folder[32];
static struct event_store *event_store;
static struct sink_list sink_list;
static uint64_t last_seq;
static const struct record_origin sink_origin = {
    .host = "host", .machine = "machine", .engine = "engine", .benchmark = "dosec-1.0", .stream = "stream"};

static inline void open_bounded_store(uint64_t bytes)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.db", folder);
    const struct event_store_options options = {
        .base = base, .workers = workers, .path = path, .limits = {.bytes = bytes}};
    struct error error = ERROR_INIT;

    ck_assert_msg(event_store_new(&options, &event_store, &error) == 0, "%s", error.text);
    last_seq = event_store_last_seq(event_store);
}

static inline void open_store(void)
{
    open_bounded_store(0);
}

static inline void sink_fixture_set_up(void)
{
    strcpy(folder, "/tmp/test-sinks-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    workers = workers_new(base);
    open_store();
}

static inline void sink_fixture_tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    sink_list_deinit(&sink_list);
    event_store_free(take(event_store));
    network_role_end();
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

/* The finding of a container NAME, as transition_build.c makes them. */
static inline char *finding_json(const char *name, const char *evidence, enum severity severity, uint64_t seq)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_string(out, "rule", "5.4");
    json_out_string(out, "slug", "container-privileged");
    json_out_string(out, "title", "Containers are not privileged");
    json_out_string(out, "section", "5");
    json_out_string(out, "severity", severity_name(severity));
    json_out_bool(out, "scored", true);
    json_out_string(out, "status", "fail");
    json_out_object(out, "subject");
    json_out_string(out, "kind", "container");
    json_out_string(out, "id", "0123456789ab");
    json_out_string(out, "name", name);
    json_out_end_object(out);
    json_out_string(out, "evidence", evidence);
    json_out_string(out, "remedy", "docker rm -f x");
    json_out_int(out, "seq", (int64_t)seq);
    json_out_null(out, "waived");
    json_out_string(out, "previous", "pass");
    json_out_string(out, "cause", "docker:container/start");
    json_out_time(out, "at", INT64_C(1795514400) * USEC_PER_SEC);
    json_out_end_object(out);
    return mem_strdup(json_out_text(out, NULL));
}

static inline struct transition *make_transition(const char *name, const char *evidence, enum severity severity,
                                                 uint64_t seq)
{
    struct transition *t = mem_alloc(sizeof *t);

    t->references = 1;
    t->seq = seq;
    t->at = t->since = INT64_C(1795514400) * USEC_PER_SEC;
    t->slug = mem_strdup("container-privileged");
    t->section = mem_strdup("5");
    t->subject_kind = mem_strdup("container");
    t->subject_id = mem_strdup("0123456789ab");
    t->subject_name = mem_strdup(name);
    t->severity = severity;
    t->status_value = VERDICT_FAIL;
    t->previous_value = VERDICT_PASS;
    t->json = finding_json(name, evidence, severity, seq);
    t->json_length = strlen(t->json);
    return t;
}

/* Appends COUNT to the store, and waits until they are stored. The evidence of each is LENGTH letters and its seq, so
 * that a record ends with what it begins with. */
static inline void append(size_t count, size_t length, enum severity severity)
{
    scoped(cleanup_free) char *letters = mem_alloc(length + 1);

    memset(letters, 'e', length);
    for (size_t i = 0; i < count; i++) {
        scoped(cleanup_free) char *evidence = mem_printf("%s %llu", letters, (unsigned long long)++last_seq);
        struct transition *t = make_transition("n", evidence, severity, last_seq);

        event_store_append(event_store, t);
        transition_unref(t);
    }
    run_until(event_store_waiting(event_store) == 0);
}

/* The sinks that the store has are those of CONFIGS. */
static inline void configure_sinks(const struct sink_config *configs, size_t count)
{
    network_role_begin(workers);
    sink_list_configure(&sink_list, base, &network, event_store, &sink_origin, configs, count);
}

/* The only sink; the fixture frees it. */
static inline struct sink *open_sink(enum sink_kind kind, const char *address)
{
    struct sink_config config = sink_config_default(kind);

    config.address = address;
    configure_sinks(&config, 1);
    return sink_list.items[0];
}

/* As when the agent ends. */
static inline void close_store(void)
{
    sink_list_deinit(&sink_list);
    event_store_free(take(event_store));
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
