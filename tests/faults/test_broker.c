/* The broker between hostile clients and a hostile engine: what reaches the engine, what comes back, and what the agent
 * reports when the broker is killed or stopped. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/options/agent_options.h"
#include "beside.h"
#include "broker_beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/message.h"
#include "helpers_beside.h"

enum { WAIT_MS = 240000 };
#define TOKEN "00112233445566778899aabbccddeeff"

static struct event_base *base;
static struct broker_beside broker;
static struct docker_address address;
static char folder[32];
static int engine; /* listens; -1: nobody does */
static unsigned away, back;
static char why_away[256];

static void on_changed(const char *why, void *user)
{
    (void)user;
    away += why != NULL;
    back += why == NULL;
    if (why)
        snprintf(why_away, sizeof why_away, "%s", why);
}

static int new_socket(const char *path, bool listens)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(name.sun_path, path, strlen(path));
    if (listens) {
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
        ck_assert_int_eq(listen(fd, 64), 0);
    } else {
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    }
    return fd;
}

static void set_up_at(const char *prefix)
{
    scoped(cleanup_free) char *host = NULL;
    struct error error = ERROR_INIT;

    signal(SIGPIPE, SIG_IGN);
    away = back = 0;
    broker = (struct broker_beside){0};
    strcpy(folder, "/tmp/test-broker-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    host = mem_printf("unix://%s/engine.sock", folder);
    base = event_base_new();
    ck_assert_int_eq(docker_address_parse(host, NULL, DOCKER_TLS_BY_FILES, NULL, NULL, NULL, &address, &error), 0);
    free(address.base_url);
    address.base_url = mem_strdup(prefix);
    engine = new_socket(address.unix_path, true);
    broker_beside_begin(&broker, base, &address, on_changed);
}

static void set_up(void)
{
    set_up_at("http://localhost");
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    broker_beside_end(&broker);
    if (engine >= 0)
        close(engine);
    docker_address_deinit(&address);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

/* Runs the loop a moment; false when it has taken too long. */
static bool wait_a_moment(usec_t begun)
{
    fake_run(base, 2, NULL, NULL);
    return clock_monotonic() - begun < WAIT_MS * INT64_C(1000);
}

static int connect_client(void)
{
    return new_socket(broker_socket(broker.broker), false);
}

/* A request may be refused before all of it was sent. */
static void say(int fd, const char *text, size_t length)
{
    usec_t begun = clock_monotonic();

    while (length) {
        ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0) {
            text += n;
            length -= (size_t)n;
        }
        ck_assert(wait_a_moment(begun));
    }
}

/* At least LENGTH bytes, or all until the end (SIZE_MAX). */
static void hear(int fd, struct str *out, size_t length)
{
    usec_t begun = clock_monotonic();
    static char buffer[65536];

    while (out->length < length) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);

        if (n > 0) {
            str_append_n(out, buffer, (size_t)n);
        } else if (n == 0 || errno != EAGAIN) {
            ck_assert_msg(length == SIZE_MAX, "ended after %zu bytes", out->length);
            return;
        } else {
            ck_assert_msg(wait_a_moment(begun), "only %zu bytes came", out->length);
        }
    }
}

static int accept_engine(void)
{
    usec_t begun = clock_monotonic();
    int fd;

    while ((fd = accept4(engine, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
        ck_assert_msg(wait_a_moment(begun), "the broker does not connect");
    return fd;
}

static bool nobody_connects(void)
{
    int fd;

    fake_run(base, 20, NULL, NULL);
    fd = accept4(engine, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

#define ASK(line)  line "\r\nHost: evil.example\r\nUser-Agent: x\r\nBroker-Token: " TOKEN "\r\n\r\n"
#define SENT(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: docker-bench-agent\r\nAccept: */*\r\n\r\n"

/* Not a byte of the client's reaches the engine but the path. */
START_TEST(the_request_is_written_anew)
{
    scoped_str got = STR_INIT;
    int client = connect_client(), peer;

    say(client, ASK("GET /v1.41/info HTTP/1.1"), strlen(ASK("GET /v1.41/info HTTP/1.1")));
    peer = accept_engine();
    hear(peer, &got, strlen(SENT("/v1.41/info")));
    ck_assert_str_eq(got.data, SENT("/v1.41/info"));
    close(peer);
    close(client);
}
END_TEST

static void set_up_proxy(void)
{
    set_up_at("http://[fe80::1%25eth0]:2375/engines/3");
}

START_TEST(a_proxy_has_its_path)
{
    static const char sent[] = "GET /engines/3/_ping HTTP/1.1\r\nHost: [fe80::1]:2375\r\n";
    scoped_str got = STR_INIT;
    int client = connect_client(), peer;

    say(client, ASK("GET /_ping HTTP/1.1"), strlen(ASK("GET /_ping HTTP/1.1")));
    peer = accept_engine();
    hear(peer, &got, strlen(sent));
    ck_assert_msg(str_starts(got.data, sent), "%s", got.data);
    close(peer);
    close(client);
}
END_TEST

/* Each is answered by 403 and the end, and the engine is not even connected to. */
START_TEST(promise_only_gets_reach_the_engine)
{
    static const char *const hostile[] = {
        ASK("POST /v1.41/containers/create HTTP/1.1"),
        ASK("HEAD /_ping HTTP/1.1"),
        ASK("CONNECT localhost:1 HTTP/1.1"),
        ASK("GET http://localhost/v1.41/info HTTP/1.1"),
        ASK("GET /v1.41/containers/x/attach/ws HTTP/1.1"),
        ASK("GET /v1.41/containers/../info HTTP/1.1"),
        ASK("GET /v1.41/volumes/%2e%2e HTTP/1.1"),
        ASK("GET //_ping HTTP/1.1"),
        ASK("GET /_ping HTTP/1.0"),
        ASK("GET /_ping HTTP/1.1\r\nContent-Length: 30"),
        ASK("GET /_ping HTTP/1.1\r\nTransfer-Encoding: chunked"),
        ASK("GET /_ping HTTP/1.1\r\nUpgrade: tcp\r\nConnection: Upgrade"),
        ASK("GET /v1.41/info HTTP/1.1\nX: y"),
        ASK("GET /v1.41/containers/json?all=1&filters=x HTTP/1.1"),
        "\r\n\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01",
    };

    for (size_t i = 0; i < countof(hostile); i++) {
        scoped_str got = STR_INIT;
        int client = connect_client();

        say(client, hostile[i], strlen(hostile[i]));
        hear(client, &got, SIZE_MAX);
        ck_assert_msg(str_starts(str_text(&got), "HTTP/1.1 403 "), "%s: %s", hostile[i], str_text(&got));
        ck_assert_msg(nobody_connects(), "%s", hostile[i]);
        close(client);
    }
    ck_assert_uint_eq(away, 0);
}
END_TEST

/* What follows a request that is let through is looked at like any other: nothing of it is taken for a body. */
START_TEST(a_second_request_in_the_first)
{
    static const char text[] = ASK("GET /_ping HTTP/1.1") ASK("POST /v1.41/containers/create HTTP/1.1");
    scoped_str got = STR_INIT, answer = STR_INIT;
    int client = connect_client(), peer;

    say(client, text, sizeof text - 1);
    peer = accept_engine();
    hear(peer, &got, strlen(SENT("/_ping")));
    fake_run(base, 50, NULL, NULL);
    say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
    hear(client, &answer, SIZE_MAX);
    hear(peer, &got, SIZE_MAX);
    ck_assert_str_eq(got.data, SENT("/_ping"));
    close(peer);
    close(client);
}
END_TEST

/* A head byte by byte; one that never ends; one that is cut. */
START_TEST(heads_in_pieces)
{
    static const char text[] = ASK("GET /_ping HTTP/1.1");
    scoped_str got = STR_INIT, answer = STR_INIT, endless = STR_INIT;
    int client = connect_client(), peer;

    for (size_t i = 0; i < sizeof text - 1; i++)
        say(client, text + i, 1);
    peer = accept_engine();
    hear(peer, &got, strlen(SENT("/_ping")));
    ck_assert_str_eq(got.data, SENT("/_ping"));
    close(peer);
    close(client);

    str_append(&endless, "GET /_ping HTTP/1.1\r\nUser-Agent: ");
    while (endless.length < 20000)
        str_append_char(&endless, 'a');
    client = connect_client();
    say(client, endless.data, endless.length);
    hear(client, &answer, SIZE_MAX);
    ck_assert(nobody_connects());
    close(client);

    client = connect_client();
    say(client, text, sizeof text - 3);
    close(client);
    ck_assert(nobody_connects());
}
END_TEST

/* Whatever it is: the broker does not read it. */
START_TEST(what_the_engine_says_comes_back_as_it_is)
{
    scoped_str garbage = STR_INIT, got = STR_INIT;
    int client = connect_client(), peer;

    srandom(14);
    for (int i = 0; i < 300000; i++)
        str_append_char(&garbage, (char)random());
    say(client, ASK("GET /v1.41/info HTTP/1.1"), strlen(ASK("GET /v1.41/info HTTP/1.1")));
    peer = accept_engine();
    ck_assert_int_eq(fcntl(peer, F_SETFL, 0), 0);
    for (size_t at = 0; at < garbage.length;) {
        ssize_t n = send(peer, garbage.data + at, garbage.length - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        at += n > 0 ? (size_t)n : 0;
        hear(client, &got, at > 100000 ? at - 100000 : 0);
    }
    close(peer);
    hear(client, &got, SIZE_MAX);
    ck_assert_uint_eq(got.length, garbage.length);
    ck_assert_int_eq(memcmp(got.data, garbage.data, garbage.length), 0);
    close(client);
}
END_TEST

static size_t send_until_full(int fd, size_t sent)
{
    static char block[65536];
    unsigned full = 0;

    while (full < 50) {
        ssize_t n;

        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (char)((sent + i) % 251);
        n = send(fd, block, sizeof block, MSG_NOSIGNAL);
        full = n < 0 ? full + 1 : 0;
        sent += n > 0 ? (size_t)n : 0;
        if (n < 0)
            fake_run(base, 2, NULL, NULL);
        ck_assert_msg(sent < 64 << 20, "the broker takes what nobody reads");
    }
    return sent;
}

/* The engine waits for a client that does not read, nobody else does, and nothing is lost. */
START_TEST(a_slow_reader)
{
    int client = connect_client(), other, peer;
    scoped_str got = STR_INIT, answer = STR_INIT;
    size_t sent;

    say(client, ASK("GET /v1.41/images/x/get HTTP/1.1"), strlen(ASK("GET /v1.41/images/x/get HTTP/1.1")));
    peer = accept_engine();
    sent = send_until_full(peer, 0);
    ck_assert_uint_lt(sent, 4 << 20);
    other = connect_client();
    say(other, ASK("GET /broker/alive HTTP/1.1"), strlen(ASK("GET /broker/alive HTTP/1.1")));
    hear(other, &answer, SIZE_MAX);
    ck_assert_msg(strstr(answer.data, "\r\nBroker: " TOKEN " 0\r\n") != NULL, "%s", answer.data);
    close(other);
    hear(client, &got, sent);
    sent = send_until_full(peer, sent);
    close(peer);
    hear(client, &got, SIZE_MAX);
    ck_assert_uint_eq(got.length, sent);
    for (size_t i = 0; i < got.length; i++)
        ck_assert_int_eq(got.data[i], (char)(i % 251));
    close(client);
}
END_TEST

START_TEST(a_client_that_leaves)
{
    int client = connect_client(), peer;
    scoped_str got = STR_INIT;

    say(client, ASK("GET /v1.41/events?since=0 HTTP/1.1"), strlen(ASK("GET /v1.41/events?since=0 HTTP/1.1")));
    peer = accept_engine();
    hear(peer, &got, 10);
    close(client);
    hear(peer, &got, SIZE_MAX); /* ends */
    close(peer);
}
END_TEST

START_TEST(more_clients_than_are_served)
{
    enum { CLIENTS = 60 };
    int clients[CLIENTS];

    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_client();
    fake_run(base, 100, NULL, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        scoped_str got = STR_INIT;

        say(clients[i], ASK("GET /broker/alive HTTP/1.1"), strlen(ASK("GET /broker/alive HTTP/1.1")));
        hear(clients[i], &got, SIZE_MAX);
        ck_assert_msg(str_starts(got.data, "HTTP/1.1 200 "), "%s", got.data);
        close(clients[i]);
    }
}
END_TEST

START_TEST(an_engine_that_is_away)
{
    scoped_str got = STR_INIT, peer = STR_INIT, english = STR_INIT;
    scoped(cleanup_free) char *number = NULL;
    int client;

    client = connect_client();
    say(client, ASK("GET /broker/peer HTTP/1.1"), strlen(ASK("GET /broker/peer HTTP/1.1")));
    hear(client, &peer, SIZE_MAX);
    close(client);
    number = mem_printf("\r\n\r\n%d", (int)getpid());
    ck_assert_msg(str_ends(peer.data, number), "%s", peer.data);

    close(engine);
    engine = -1;
    client = connect_client();
    say(client, ASK("GET /_ping HTTP/1.1"), strlen(ASK("GET /_ping HTTP/1.1")));
    hear(client, &got, SIZE_MAX);
    ck_assert_msg(str_starts(got.data, "HTTP/1.1 599 "), "%s", got.data);
    ck_assert_ptr_nonnull(strstr(got.data, "\r\nBroker: " TOKEN " 111\r\n"));
    ck_assert_ptr_nonnull(strstr(message_english(got.data, &english), "engine.sock: Connection refused"));
    close(client);
}
END_TEST

static bool is_back(void *user)
{
    (void)user;
    return back > 0;
}

/* Requests that wait meanwhile are served by its successor. */
START_TEST(the_broker_is_killed)
{
    pid_t pid = broker.pid;
    scoped_str got = STR_INIT;
    int client;

    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    client = connect_client();
    ck_assert(fake_run(base, WAIT_MS, is_back, NULL));
    ck_assert_uint_eq(away, 1);
    ck_assert_uint_eq(broker_restarts(broker.broker), 1);
    ck_assert_int_ne(broker.pid, pid);
    ck_assert_ptr_nonnull(strstr(why_away, "has ended"));
    say(client, ASK("GET /broker/alive HTTP/1.1"), strlen(ASK("GET /broker/alive HTTP/1.1")));
    hear(client, &got, SIZE_MAX);
    ck_assert_msg(str_starts(got.data, "HTTP/1.1 200 "), "%s", got.data);
    close(client);
}
END_TEST

/* While it keeps ending, the waits grow: it is not started as fast as it can be killed. */
START_TEST(the_broker_keeps_ending)
{
    usec_t begun = clock_monotonic(), took = 0;
    unsigned most = 1;

    while (took < 4 * USEC_PER_SEC || broker_restarts(broker.broker) < 2) {
        ck_assert_msg(took < WAIT_MS * INT64_C(1000), "%u restarts", broker_restarts(broker.broker));
        kill(broker.pid, SIGKILL);
        fake_run(base, 20, NULL, NULL);
        took = clock_monotonic() - begun;
    }
    for (usec_t waits = USEC_PER_SEC; waits <= took + USEC_PER_SEC; waits *= 2)
        most++; /* at once, after 1 s, after 2 s more, after 4 s more */
    ck_assert_uint_le(broker_restarts(broker.broker), most);
}
END_TEST

START_TEST(the_broker_is_stopped)
{
    pid_t pid = broker.pid;

    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    broker_silent(broker.broker);
    ck_assert(fake_run(base, WAIT_MS, is_back, NULL));
    ck_assert_int_ne(broker.pid, pid);
    ck_assert_ptr_nonnull(strstr(why_away, "does not answer"));
}
END_TEST

/* Each is given up with its reason; the one after them serves. */
START_TEST(brokers_that_answer_nonsense_or_end_at_once)
{
    scoped_str got = STR_INIT;
    int client;

    broker.nonsense = 1;
    broker.mute = 2; /* before that */
    ck_assert_int_eq(kill(broker.pid, SIGKILL), 0);
    ck_assert(fake_run(base, WAIT_MS, is_back, NULL));
    ck_assert_uint_eq(away, 4);
    ck_assert_uint_eq(broker_restarts(broker.broker), 4);
    ck_assert_msg(strstr(why_away, "answers nonsense") != NULL, "%s", why_away);
    ck_assert_ptr_null(broker_why_not(broker.broker));
    client = connect_client();
    say(client, ASK("GET /broker/alive HTTP/1.1"), strlen(ASK("GET /broker/alive HTTP/1.1")));
    hear(client, &got, SIZE_MAX);
    ck_assert_msg(str_ends(got.data, address.host_text), "%s", got.data);
    close(client);
}
END_TEST

static bool is_away(void *user)
{
    (void)user;
    return away > 0;
}

/* A socket that somebody else serves, or nobody yet: it is missed by its name, and found when it is there. One of
 * another engine is not taken for this one's. */
START_TEST(a_socket_of_somebody_else)
{
    scoped(cleanup_free) char *path = mem_printf("%s/engine-role.sock", folder);
    struct broker_options options = {.base = base, .engine = "unix:///another", .path = path, .changed = on_changed};
    struct error error = ERROR_INIT;
    struct broker *other = broker_new(&options, &error);
    scoped_str english = STR_INIT;

    ck_assert_msg(other != NULL, "%s", error.text);
    ck_assert_str_eq(broker_socket(other), path);
    ck_assert(fake_run(base, WAIT_MS, is_away, NULL));
    ck_assert_ptr_nonnull(strstr(why_away, "the helper engine"));
    ck_assert_ptr_nonnull(strstr(message_english(why_away, &english), "engine-role.sock: No such file or directory"));
    ck_assert_ptr_nonnull(broker_why_not(other));
    ck_assert_int_eq(symlink(broker_socket(broker.broker), path), 0);
    away = 0;
    ck_assert(fake_run(base, WAIT_MS, is_away, NULL));
    ck_assert_ptr_nonnull(strstr(why_away, address.host_text));
    ck_assert_ptr_nonnull(strstr(broker_why_not(other), "another address"));
    ck_assert_uint_eq(back, 0);
    broker_free(other);

    options.engine = address.host_text;
    away = 0;
    ck_assert_int_eq(unlink(path), 0);
    other = broker_new(&options, &error);
    ck_assert(fake_run(base, WAIT_MS, is_away, NULL));
    ck_assert_int_eq(symlink(broker_socket(broker.broker), path), 0);
    ck_assert(fake_run(base, WAIT_MS, is_back, NULL));
    ck_assert_ptr_null(broker_why_not(other));
    back = 0;
    ck_assert_int_eq(kill(broker.pid, SIGKILL), 0); /* its own supervisor starts another one */
    ck_assert(fake_run(base, WAIT_MS, is_back, NULL));
    ck_assert_ptr_nonnull(strstr(why_away, "has ended"));
    broker_free(other);
}
END_TEST

/* Whoever is neither root nor the agent's user is not served, even where it can connect. */
START_TEST(another_user_is_not_served)
{
    enum { NOBODY = 65534 };
    scoped(cleanup_free) char *parent =
        mem_strndup(broker_socket(broker.broker),
                    (size_t)(strrchr(broker_socket(broker.broker), '/') - broker_socket(broker.broker)));
    pid_t pid;
    int status = 0;

    if (getuid() != 0)
        return;
    ck_assert_int_eq(chmod(parent, 0755), 0);
    ck_assert_int_eq(chmod(broker_socket(broker.broker), 0666), 0);
    pid = fork();
    if (pid == 0) {
        const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int fd = setuid(NOBODY) == 0 ? socket(AF_UNIX, SOCK_STREAM, 0) : -1;
        char answer[64];

        memcpy(name.sun_path, broker_socket(broker.broker), strlen(broker_socket(broker.broker)));
        if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) < 0)
            _exit(2);
        send(fd, ASK("GET /_ping HTTP/1.1"), strlen(ASK("GET /_ping HTTP/1.1")), MSG_NOSIGNAL);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        _exit(recv(fd, answer, sizeof answer, 0) != 0 && errno != ECONNRESET ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
    ck_assert(nobody_connects());
}
END_TEST

/* What an agent that was killed has left is removed by the next one, and nothing else is. */
START_TEST(what_a_killed_agent_left)
{
    scoped(cleanup_free) char *run = mem_printf("%s/run", folder);
    scoped(cleanup_free) char *left = mem_printf("%s/docker-bench-agent-abcdef", run);
    scoped(cleanup_free) char *young = mem_printf("%s/docker-bench-agent-ghijkl", run);
    scoped(cleanup_free) char *live = mem_printf("%s/docker-bench-agent-mnopqr", run);
    const char *const folders[] = {left, young, live};
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct broker_beside other = {0};
    struct docker_address same = {0};
    int listener = -1;

    ck_assert_int_eq(mkdir(run, 0700), 0);
    for (size_t i = 0; i < countof(folders); i++) {
        scoped(cleanup_free) char *path = mem_printf("%s/engine.sock", folders[i]);
        int fd;

        ck_assert_int_eq(mkdir(folders[i], 0700), 0);
        fd = new_socket(path, true);
        if (folders[i] == live)
            listener = fd;
        else
            close(fd);
        if (folders[i] != young)
            ck_assert_int_eq(utimensat(AT_FDCWD, folders[i], old, 0), 0);
    }
    setenv("RUNTIME_DIRECTORY", run, 1);
    docker_address_copy(&same, &address);
    broker_beside_begin(&other, base, &same, NULL);
    ck_assert(str_starts(broker_socket(other.broker), run));
    ck_assert_int_lt(access(left, F_OK), 0);
    ck_assert_int_eq(access(young, F_OK), 0);
    ck_assert_int_eq(access(live, F_OK), 0);
    broker_beside_end(&other);
    docker_address_deinit(&same);
    close(listener);
}
END_TEST

/* ---- The agent ---- */

static struct beside beside;

static void set_up_agent(void)
{
    beside_begin(&beside, 10);
    beside_start_agent(&beside, "{\"sinks\": []}");
}

static void tear_down_agent(void)
{
    beside_end(&beside);
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void wait_ready(bool ready)
{
    usec_t begun = clock_monotonic();

    while (is_ready() != ready) {
        ck_assert_msg(clock_monotonic() - begun < WAIT_MS * INT64_C(1000), "the agent does not get %s",
                      ready ? "ready" : "degraded");
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static pid_t parent_of(pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/stat", (int)pid);
    scoped_str text = STR_INIT;
    int above = 0;

    if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')'))
        sscanf(strrchr(text.data, ')') + 1, " %*c %d", &above);
    return above;
}

/* The role's process, which the launcher has started, whose parent is the agent; 0: there is none. */
static pid_t find_broker(void)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc");

    for (struct dirent *entry; (entry = readdir(dir)) && !found;) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/comm", entry->d_name);
        scoped_str text = STR_INIT;
        pid_t pid = (pid_t)atoi(entry->d_name);

        if (pid > 0 && file_read(path, 64, &text, NULL) == 0 && str_equal(text.data, "engine-broker\n") &&
            parent_of(parent_of(pid)) == beside.agent)
            found = pid;
    }
    closedir(dir);
    return found;
}

static pid_t agents_broker(void)
{
    usec_t begun = clock_monotonic();
    pid_t found;

    while (!(found = find_broker())) {
        ck_assert(clock_monotonic() - begun < WAIT_MS * INT64_C(1000));
        fake_run(beside.base, 20, NULL, NULL);
    }
    return found;
}

/* The agent's own transitions, one a line. */
static void history(struct str *out)
{
    static const char request[] = "GET /v1/events?since=0&kind=agent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = beside_dial(&beside);

    beside_say(&beside, fd, request, sizeof request - 1);
    ck_assert(beside_hear(&beside, fd, out, SIZE_MAX, WAIT_MS));
    close(fd);
}

static void expect_history(const char *why)
{
    usec_t begun = clock_monotonic();

    for (;;) { /* what is entered is stored soon */
        scoped_str text = STR_INIT;
        const char *at;

        history(&text);
        at = strstr(str_text(&text), why);
        if (at && strstr(at, "connected to the engine"))
            return;
        ck_assert_msg(clock_monotonic() - begun < WAIT_MS * INT64_C(1000), "%s", str_text(&text));
        fake_run(beside.base, 50, NULL, NULL);
    }
}

static bool is_found(void)
{
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")) == 1;
}

/* Something happens while the way to the engine is cut: it is found, and the cut is in the history, with its reason. */
static void expect_nothing_lost(const char *why)
{
    usec_t begun = clock_monotonic();

    while (!is_found() || !is_ready()) {
        ck_assert_msg(clock_monotonic() - begun < WAIT_MS * INT64_C(1000), "what happened meanwhile is not found");
        fake_run(beside.base, 20, NULL, NULL);
    }
    expect_history(why);
}

/* The role as /v1/status has it. */
static const struct json *status_of_role(void)
{
    const struct json *helpers = json_get(beside_ask(&beside, "/v1/status"), "helpers");

    for (size_t i = 0; i < json_count(helpers); i++)
        if (str_equal(json_text(json_get(json_at(helpers, i), "role"), ""), "engine"))
            return json_at(helpers, i);
    return NULL;
}

START_TEST(killed_under_the_agent)
{
    int64_t before;

    wait_ready(true);
    before = json_int(json_get(status_of_role(), "restarts"), -1);
    ck_assert_int_eq(kill(agents_broker(), SIGKILL), 0);
    fake_set_privileged(beside.fake, 3, true);
    fake_event(beside.fake, "container", "start", fake_container_id(3), NULL);
    expect_nothing_lost("the helper engine has ended; it is started again");
    ck_assert(json_bool(json_get(status_of_role(), "running"), false));
    ck_assert_int_gt(json_int(json_get(status_of_role(), "restarts"), -1), before);
    ck_assert_str_eq(json_text(json_get(status_of_role(), "last_error"), ""),
                     "the helper engine has ended; it is started again");
}
END_TEST

START_TEST(stopped_under_the_agent)
{
    wait_ready(true);
    ck_assert_int_eq(kill(agents_broker(), SIGSTOP), 0);
    fake_set_privileged(beside.fake, 3, true);
    fake_event(beside.fake, "container", "start", fake_container_id(3), NULL);
    expect_nothing_lost("does not answer");
}
END_TEST

static void wait_stopped(pid_t pid)
{
    usec_t begun = clock_monotonic();

    while (!helpers_is_stopped(pid)) {
        ck_assert(clock_monotonic() - begun < WAIT_MS * INT64_C(1000));
        fake_run(beside.base, 5, NULL, NULL);
    }
}

/* The agent itself has no connection but to the broker: with that stopped and killed again and again, none reaches the
 * engine that the broker has not made. */
START_TEST(nothing_passes_by_the_broker)
{
    pid_t pid;

    wait_ready(true);
    pid = agents_broker();
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    wait_stopped(pid);
    fake_run(beside.base, 200, NULL, NULL); /* what it has sent comes */
    fake_close_all(beside.fake);
    fake_reset_requests(beside.fake);
    fake_run(beside.base, 3000, NULL, NULL);
    ck_assert_uint_eq(fake_requests(beside.fake, "/"), 0);
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    wait_ready(true);
}
END_TEST

/* Of root, whose sockets engines have, and without any right; nothing can make more of it. */
START_TEST(the_role_has_no_rights)
{
    scoped(cleanup_free) char *path = NULL;
    scoped_str text = STR_INIT;

    wait_ready(true);
    path = mem_printf("/proc/%d/status", (int)agents_broker());
    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    ck_assert_ptr_nonnull(strstr(text.data, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"));
}
END_TEST

/* Nobody serves its socket: what the engine knows is an error that says so. */
START_TEST(a_role_that_is_missing)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside.engine_socket);
    const char *arguments[] = {BUILD_DIR "/docker-bench-agent",
                               "-c",
                               config,
                               "--docker-host",
                               host,
                               "--helpers",
                               beside.folder,
                               "--once",
                               NULL};
    scoped_str out = STR_INIT, err = STR_INIT;
    scoped(cleanup_free) char *own = mem_printf("%s/role.sock", beside.folder);

    ck_assert_int_eq(chmod(beside.folder, 0711), 0);        /* root's agent becomes another user */
    ck_assert_int_eq(rename(beside.engine_socket, own), 0); /* it has the name of the role's */
    ck_assert_int_eq(file_replace(config, "{\"sinks\": []}", 13, 0600, NULL), 0);
    free(host);
    host = mem_printf("unix://%s", own);
    arguments[4] = host;
    ck_assert_int_eq(beside_run(&beside, arguments, false, &out, &err), AGENT_EXIT_UNREACHABLE);
    ck_assert_str_eq(str_text(&out), "");
    ck_assert_msg(strstr(str_text(&err), "the helper engine") != NULL, "%.1000s", str_text(&err));
    ck_assert_msg(strstr(str_text(&err), "/engine.sock: No such file or directory") != NULL, "%.1000s", str_text(&err));
    ck_assert_uint_eq(fake_requests(beside.fake, "/"), 0);
}
END_TEST

/* What systemd does: the agent finds the socket in a folder, and a program of the role's on it. */
static pid_t start_role(int listener, bool nonsense)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside.engine_socket);
    pid_t pid = fork();
    char self[16];

    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    if (nonsense)
        broker_beside_nonsense(listener);
    snprintf(self, sizeof self, "%d", (int)getpid());
    setenv("LISTEN_PID", self, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (dup2(listener, 3) == 3)
        execl(BUILD_DIR "/docker-bench-helper", "docker-bench-helper", "engine", "-c", config, "--docker-host", host,
              NULL);
    _exit(127);
}

static void end_role(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void start_agent_with(const char *helpers)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside.folder);
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside.engine_socket);

    ck_assert_int_eq(file_replace(config, "{\"sinks\": []}", 13, 0600, NULL), 0);
    beside.agent = fork();
    ck_assert_int_ge(beside.agent, 0);
    if (beside.agent == 0) {
        execl(BUILD_DIR "/docker-bench-agent", "docker-bench-agent", "-c", config, "--socket", beside.agent_socket,
              "--state-dir", state, "--docker-host", host, "--helpers", helpers, NULL);
        _exit(127);
    }
}

static void wait_connected(bool connected)
{
    usec_t begun = clock_monotonic();

    while (json_bool(json_get(json_get(beside_ask(&beside, "/v1/status"), "engine"), "connected"), !connected) !=
           connected) {
        ck_assert(clock_monotonic() - begun < WAIT_MS * INT64_C(1000));
        fake_run(beside.base, 20, NULL, NULL);
    }
}

START_TEST(a_role_that_answers_nonsense)
{
    scoped(cleanup_free) char *helpers = mem_printf("%s/helpers", beside.folder);
    scoped(cleanup_free) char *path = mem_printf("%s/engine.sock", helpers);
    usec_t begun = clock_monotonic();
    scoped_str text = STR_INIT;
    int listener;
    pid_t role;

    ck_assert_int_eq(mkdir(helpers, 0700), 0);
    listener = new_socket(path, true);
    role = start_role(listener, true);
    start_agent_with(helpers);
    while (!strstr(str_text(&text), "the helper engine answers nonsense")) {
        ck_assert(clock_monotonic() - begun < WAIT_MS * INT64_C(1000));
        fake_run(beside.base, 50, NULL, NULL);
        str_clear(&text);
        history(&text);
    }
    ck_assert(!json_bool(json_get(status_of_role(), "running"), true));
    end_role(role);
    role = start_role(listener, false);
    wait_connected(true);
    ck_assert(json_bool(json_get(status_of_role(), "running"), false));
    ck_assert_int_eq(kill(role, SIGSTOP), 0);
    wait_connected(false);
    end_role(role); /* as systemd does when its watchdog is not fed */
    role = start_role(listener, false);
    wait_connected(true);
    end_role(role);
    close(listener);
}
END_TEST

static void set_up_beside(void)
{
    beside_begin(&beside, 1);
}

static TCase *new_case(Suite *suite, const char *name, void (*begin)(void), void (*end)(void))
{
    TCase *tests = tcase_create(name);

    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 600);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("broker");
    TCase *tests = new_case(suite, "broker", set_up, tear_down);
    SRunner *runner;
    int failed;

    tcase_add_test(tests, the_request_is_written_anew);
    tcase_add_test(tests, promise_only_gets_reach_the_engine);
    tcase_add_test(tests, a_second_request_in_the_first);
    tcase_add_test(tests, heads_in_pieces);
    tcase_add_test(tests, what_the_engine_says_comes_back_as_it_is);
    tcase_add_test(tests, a_slow_reader);
    tcase_add_test(tests, a_client_that_leaves);
    tcase_add_test(tests, more_clients_than_are_served);
    tcase_add_test(tests, an_engine_that_is_away);
    tcase_add_test(tests, the_broker_is_killed);
    tcase_add_test(tests, the_broker_keeps_ending);
    tcase_add_test(tests, the_broker_is_stopped);
    tcase_add_test(tests, brokers_that_answer_nonsense_or_end_at_once);
    tcase_add_test(tests, a_socket_of_somebody_else);
    tcase_add_test(tests, another_user_is_not_served);
    tcase_add_test(tests, what_a_killed_agent_left);
    tests = new_case(suite, "proxy", set_up_proxy, tear_down);
    tcase_add_test(tests, a_proxy_has_its_path);
    tests = new_case(suite, "agent", set_up_agent, tear_down_agent);
    tcase_add_test(tests, killed_under_the_agent);
    tcase_add_test(tests, stopped_under_the_agent);
    tcase_add_test(tests, nothing_passes_by_the_broker);
    tcase_add_test(tests, the_role_has_no_rights);
    tests = new_case(suite, "missing", set_up_beside, tear_down_agent);
    tcase_add_test(tests, a_role_that_is_missing);
    tcase_add_test(tests, a_role_that_answers_nonsense);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
