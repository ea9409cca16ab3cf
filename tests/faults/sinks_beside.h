/* The agent's sinks and rsyslogd as their receiver, beside a fake engine: a fixture for tests of sinks. */
#ifndef TESTS_FAULTS_SINKS_BESIDE_H
#define TESTS_FAULTS_SINKS_BESIDE_H

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { HANG_SECONDS = 240 };

static struct beside beside;
static struct json_doc *answer;

/* Lets fake engine and agent go on until CONDITION holds. */
#define run_until(condition)                                                                                           \
    do {                                                                                                               \
        usec_t run_until_end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;                                        \
                                                                                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_monotonic() < run_until_end, "never: %s", #condition);                                 \
            fake_run(beside.base, 20, NULL, NULL);                                                                     \
        }                                                                                                              \
    } while (0)

/* What the status says of the sinks; good until the next call. */
static inline const struct json *sinks(void)
{
    json_doc_free(answer);
    answer = beside_get(&beside, "/v1/status", NULL);
    return answer ? json_get(json_root(answer), "sinks") : NULL;
}

static inline int64_t counter(size_t sink, const char *key)
{
    return json_int(json_get(json_at(sinks(), sink), key), -1);
}

static inline bool is_ready(void)
{
    long status = 0;

    json_doc_free(beside_get(&beside, "/healthz", &status));
    return status == 200;
}

/* The agent has nothing more to send. */
static inline bool is_settled(size_t sink)
{
    int64_t sent = counter(sink, "sent");

    fake_run(beside.base, 300, NULL, NULL);
    return sent >= 0 && counter(sink, "sent") == sent && counter(sink, "pending") == 0;
}

static inline void toggle_privileged(size_t count, bool privileged)
{
    for (size_t i = 0; i < count; i++) {
        fake_set_privileged(beside.fake, i, privileged);
        fake_event(beside.fake, "container", "update", fake_container_id(i), NULL);
    }
}

static inline size_t count_failed(void)
{
    struct json_doc *doc = beside_get(&beside, "/v1/findings?rule=5.4&status=fail", NULL);
    size_t count = doc ? json_count(json_get(json_root(doc), "findings")) : SIZE_MAX;

    json_doc_free(doc);
    return count;
}

static inline void reload(const char *config)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);

    ck_assert_int_eq(file_replace(path, config, strlen(config), 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
}

/* How often the file has PART. */
static inline size_t count_parts(const char *path, const char *part)
{
    scoped_str text = STR_INIT;
    size_t count = 0;

    if (file_read(path, 64 * 1024 * 1024, &text, NULL) == 0)
        for (const char *at = str_text(&text); (at = strstr(at, part)); at++)
            count++;
    return count;
}

static inline size_t count_lines(const char *path)
{
    return count_parts(path, "\n");
}

static inline unsigned free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    scoped(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof name;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    getsockname(fd, (struct sockaddr *)&name, &length);
    return ntohs(name.sin_port);
}

/* rsyslogd with what CONFIG says, which makes it listen on PORT. */
static inline pid_t run_rsyslogd(const char *text, unsigned port)
{
    scoped(cleanup_free) char *config = mem_printf("%s/rsyslog.conf", beside.folder);
    scoped(cleanup_free) char *pid_file = mem_printf("%s/rsyslog.pid", beside.folder);
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    scoped(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    unlink(pid_file);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", config, "-i", pid_file, NULL);
        _exit(127);
    }
    run_until(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return pid;
}

static inline void end_process(pid_t *pid, int signal)
{
    if (!*pid)
        return;
    ck_assert_int_eq(kill(*pid, signal), 0);
    run_until(waitpid(*pid, NULL, WNOHANG) == *pid);
    *pid = 0;
}

#endif
