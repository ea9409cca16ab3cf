/* See the header. */
#include "beside.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

/* Against hanging: what is waited for takes as long as the machine lets it. */
enum { HEAR_MS = 180000, RUN_MS = 600000 };

void beside_begin(struct beside *beside, size_t containers)
{
    signal(SIGPIPE, SIG_IGN);
    *beside = (struct beside){.folder = "/tmp/test-beside-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(beside->folder));
    ck_assert_int_eq(chmod(beside->folder, 0711), 0); /* --once becomes a user who has to reach a host's root in it */
    beside->engine_socket = mem_printf("%s/engine.sock", beside->folder);
    beside->agent_socket = mem_printf("%s/agent.sock", beside->folder);
    beside->base = event_base_new();
    beside->fake = fake_new(beside->base, beside->engine_socket, containers);
}

void beside_start_agent(struct beside *beside, const char *text)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside->folder);
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside->folder);
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside->engine_socket);

    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    beside->agent =
        beside->host ? (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS, NULL, NULL, NULL, 0) : fork();
    ck_assert_int_ge(beside->agent, 0);
    if (beside->agent == 0) {
        if (beside->host && system(beside->host) != 0)
            _exit(126);
        for (unsigned number = 0; beside->without >> number; number++)
            if (beside->without >> number & 1)
                prctl(PR_CAPBSET_DROP, number);
        if (beside->log)
            dup2(beside->log, STDERR_FILENO);
        execl(BUILD_DIR "/docker-bench-agent", "docker-bench-agent", "-c", config, "--socket", beside->agent_socket,
              "--state-dir", state, "--docker-host", host, beside->user ? "--user" : NULL, beside->user, NULL);
        _exit(127);
    }
}

/* The process has to end: its status. The engine goes on meanwhile. */
static int await_end(const struct beside *beside, pid_t pid, const char *what)
{
    usec_t end = clock_monotonic() + RUN_MS * (usec_t)1000;
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
        ck_assert_msg(clock_monotonic() < end, "%s does not end", what);
        fake_run(beside->base, 2, NULL, NULL);
    }
    ck_assert_int_eq(ended, pid);
    return status;
}

void beside_on_host(const struct beside *beside, const char *command)
{
    scoped(cleanup_close) int agent = (int)syscall(SYS_pidfd_open, beside->agent, 0);
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(setns(agent, CLONE_NEWNS | CLONE_NEWPID) < 0 || system(command) != 0 ? 1 : 0);
    status = await_end(beside, pid, command);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %d", command, status);
}

void beside_stop_agent(struct beside *beside)
{
    int status;

    if (!beside->agent)
        return;
    ck_assert_int_eq(kill(beside->agent, SIGTERM), 0);
    status = await_end(beside, beside->agent, "the agent");
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the agent ended with %d", status);
    beside->agent = 0;
}

void beside_end(struct beside *beside)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", beside->folder);

    json_doc_free(take(beside->answer));
    beside_stop_agent(beside);
    fake_free(beside->fake);
    event_base_free(beside->base);
    free(beside->engine_socket);
    free(beside->agent_socket);
    ck_assert_int_eq(system(command), 0);
}

int beside_dial(const struct beside *beside)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    usec_t end = clock_monotonic() + HEAR_MS * 1000;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, beside->agent_socket, strlen(beside->agent_socket));
    while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) { /* not there yet, or its queue is full */
        ck_assert_msg(errno == EAGAIN || errno == ENOENT || errno == ECONNREFUSED, "connect: %s", strerror(errno));
        ck_assert_msg(clock_monotonic() < end, "nobody listens");
        fake_run(beside->base, 10, NULL, NULL);
    }
    return fd;
}

void http_answer_deinit(struct http_answer *answer)
{
    str_deinit(&answer->head);
    str_deinit(&answer->body);
}

void beside_say(const struct beside *beside, int fd, const void *data, size_t length)
{
    const char *at = data;
    usec_t end = clock_monotonic() + HEAR_MS * 1000;

    while (length) {
        ssize_t n = send(fd, at, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            ck_assert_msg(clock_monotonic() < end, "nobody reads");
            fake_run(beside->base, 2, NULL, NULL);
            continue;
        }
        if (n < 0)
            return; /* it hung up: what it had to say can still be heard */
        at += n;
        length -= (size_t)n;
    }
}

bool beside_hear(const struct beside *beside, int fd, struct str *ret, size_t length, unsigned ms)
{
    usec_t end = clock_monotonic() + ms * (usec_t)1000;
    char buffer[16384];

    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);

        if (n > 0)
            str_append_n(ret, buffer, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return true;
        else
            fake_run(beside->base, 1, NULL, NULL);
        if ((length && ret->length >= length) || clock_monotonic() >= end)
            return false;
    }
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");

    return at ? strtoul(at + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* The length of a chunked body with its frame, of what has come so far; 0: its end has not come. */
static size_t chunked_length(const char *body)
{
    const char *at = body;

    for (;;) {
        char *end;
        size_t length = strtoul(at, &end, 16);

        if (end == at || strncmp(end, "\r\n", 2) != 0 || strlen(end + 2) < length + 2)
            return 0;
        at = end + 2 + length + 2;
        if (!length)
            return (size_t)(at - body);
    }
}

static void append_chunks(struct str *out, const char *body)
{
    char *at;
    size_t length;

    while ((length = strtoul(body, &at, 16))) {
        str_append_n(out, at + 2, length);
        body = at + 2 + length + 2;
    }
}

/* The whole answer's length, of which BODY is a part; 0: it is not known yet. */
static size_t answer_length(const char *head, const char *body)
{
    const char *chunked = strcasestr(head, "\r\nTransfer-Encoding: chunked");
    size_t length;

    if (!chunked || chunked > body)
        return (size_t)(body - head) + 4 + content_length(head);
    length = chunked_length(body + 4);
    return length ? (size_t)(body - head) + 4 + length : 0;
}

bool beside_answer(const struct beside *beside, int fd, struct str *pending, struct http_answer *ret)
{
    usec_t end = clock_monotonic() + HEAR_MS * (usec_t)1000;
    bool ended = false;

    http_answer_deinit(ret);
    *ret = (struct http_answer){0};
    for (;;) {
        char *body = strstr(str_text(pending), "\r\n\r\n");
        size_t wanted = body ? answer_length(pending->data, body) : 0;

        if (wanted && pending->length >= wanted) {
            size_t head = (size_t)(body - pending->data) + 4;

            str_append_n(&ret->head, pending->data, head);
            if (strcasestr(ret->head.data, "\r\nTransfer-Encoding: chunked"))
                append_chunks(&ret->body, body + 4);
            else
                str_append_n(&ret->body, body + 4, wanted - head);
            memmove(pending->data, pending->data + wanted, pending->length - wanted + 1);
            pending->length -= wanted;
            return sscanf(ret->head.data, "HTTP/1.%*1[01] %ld ", &ret->status) == 1;
        }
        if (ended || clock_monotonic() >= end)
            return false;
        ended = beside_hear(beside, fd, pending, pending->length + 1, 1000);
    }
}

struct json_doc *beside_get(const struct beside *beside, const char *path, long *ret_status)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    scoped(cleanup_close) int fd = beside_dial(beside);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;
    struct json_doc *doc = NULL;

    beside_say(beside, fd, request, strlen(request));
    beside_answer(beside, fd, &pending, &answer);
    if (ret_status)
        *ret_status = answer.status;
    return json_parse(str_text(&answer.body), answer.body.length, NULL, &doc, NULL) == 0 ? doc : NULL;
}

const struct json *beside_ask(struct beside *beside, const char *path)
{
    json_doc_free(take(beside->answer));
    beside->answer = beside_get(beside, path, NULL);
    return beside->answer ? json_root(beside->answer) : NULL;
}

void beside_await_images(const struct beside *beside, size_t count)
{
    usec_t end = clock_monotonic() + RUN_MS * (usec_t)1000;
    size_t found = 0;

    for (;;) {
        scoped(cleanup_json_doc) struct json_doc *doc = beside_get(beside, "/v1/findings?rule=image-packages", NULL);

        found = doc ? json_count(json_get(json_root(doc), "findings")) : 0;
        if (found >= count)
            return;
        ck_assert_msg(clock_monotonic() < end, "%zu of %zu images have been read", found, count);
        fake_run(beside->base, 50, NULL, NULL);
    }
}

static bool is_stored(const struct beside *beside)
{
    scoped(cleanup_json_doc) struct json_doc *status = beside_get(beside, "/v1/status", NULL), *history = NULL;
    int64_t last = status ? json_int(json_get(json_root(status), "last_seq"), -1) : -1;
    scoped(cleanup_free) char *path = mem_printf("/v1/events?since=%lld", (long long)last);

    history = last < 0 ? NULL : beside_get(beside, path, NULL); /* one line, of what is stored, unless there is more */
    return history && json_int(json_path(json_root(history), "hello", "last_seq", NULL), -1) >= last;
}

void beside_await_stored(const struct beside *beside)
{
    usec_t end = clock_monotonic() + RUN_MS * (usec_t)1000;

    while (!is_stored(beside)) {
        ck_assert_msg(clock_monotonic() < end, "what happened is not stored");
        fake_run(beside->base, 20, NULL, NULL);
    }
}

static bool read_some(int fd, struct str *ret)
{
    char buffer[4096];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        str_append_n(ret, buffer, (size_t)n);
    return n < 0 && errno == EAGAIN;
}

int beside_run(const struct beside *beside, const char *const *arguments, bool terminal, struct str *ret_out,
               struct str *ret_err)
{
    struct winsize size = {.ws_row = 40, .ws_col = (unsigned short)(beside->columns ? beside->columns : 100)};
    usec_t end = clock_monotonic() + RUN_MS * (usec_t)1000;
    int out[2], err[2], status;
    bool more = true;
    pid_t pid;

    ck_assert_int_eq(terminal ? openpty(&out[0], &out[1], NULL, NULL, &size) : pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        signal(SIGPIPE, SIG_DFL);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    while (more) {
        bool open = read_some(out[0], ret_out);

        more = read_some(err[0], ret_err) || open;
        ck_assert_msg(clock_monotonic() < end, "%s does not end", arguments[0]);
        if (more)
            fake_run(beside->base, 2, NULL, NULL);
    }
    status = await_end(beside, pid, arguments[0]);
    close(out[0]);
    close(err[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
