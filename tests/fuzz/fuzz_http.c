/* Any bytes as what the engine, or the broker before it, answers to a GET, head and body: to a request that wants the
 * whole (g), to a stream (s), and to what pulls (p), by the first byte. @TOKEN@ is the one that the broker was sent. */
#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "common/message.h"
#include "probes/docker/docker_internal.h"
#include "probes/docker/http_pull.h"
#include "tests/fuzz/answering.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_random.h"

/* A line is put in, taken out, or any byte changes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    static const char *const lines[] = {"HTTP/1.1 200 OK",
                                        "HTTP/1.0 200 OK",
                                        "HTTP/1.1 404 Not Found",
                                        "HTTP/1.1 500 x",
                                        "HTTP/1.1 100 Continue\r\n",
                                        "HTTP/1.1 301 x\r\nLocation: http://localhost/x",
                                        "HTTP/1.1 204 x",
                                        "HTTP/2 200",
                                        "Content-Length: 2",
                                        "Content-Length: 99999999999",
                                        "Content-Length: -1",
                                        "Transfer-Encoding: chunked",
                                        "Content-Encoding: gzip",
                                        "Api-Version: 1.45",
                                        "Api-Version: \x1b[31m",
                                        "Libpod-Api-Version: 4.3.1",
                                        "Date: Mon, 30 Nov 2026 10:00:00 GMT",
                                        "Broker: @TOKEN@ 111",
                                        "Broker: @TOKEN@ 99999999",
                                        "Connection: close",
                                        "Trailer: X",
                                        "",
                                        "2\r\n{}",
                                        "ffffffffffffffff",
                                        "0\r\n",
                                        "{\"message\":\"no such container\"}"};
    struct mutate_random random = mutate_random_of(seed);
    const char *text = (const char *)data;
    size_t at = size ? 1 : 0, end;
    scoped_str out = STR_INIT;

    if (size < 2 || mutate_below(&random, 3) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (size_t skip = mutate_below(&random, 8); skip; skip--) {
        const char *next = memchr(text + at, '\n', size - at);

        at = next ? (size_t)(next - text) + 1 : at;
    }
    end = mutate_below(&random, 2) || !memchr(text + at, '\n', size - at)
              ? at
              : (size_t)((const char *)memchr(text + at, '\n', size - at) - text) + 1;
    str_append_n(&out, text, at);
    if (mutate_below(&random, 4))
        str_printf(&out, "%s\r\n", MUTATE_PICK(&random, lines));
    str_append_n(&out, text + end, size - end);
    if (out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096, TIMEOUT_MS = 2000, CHUNKS_MAX = 4096 };

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

struct answer {
    const char *text;
    size_t length;
};

/* The broker, in its thread. */
static void serve(int fd, void *user)
{
    static const char mark[] = "@TOKEN@", header[] = "Broker-Token: ";
    const struct answer *answer = user;
    char request[8192];
    ssize_t n = recv(fd, request, sizeof request - 1, 0);
    scoped_str out = STR_INIT;
    const char *token, *at = answer->text, *found;

    if (n <= 0)
        return;
    request[n] = '\0';
    token = strstr(request, header);
    while (token && (found = memmem(at, answer->length - (size_t)(at - answer->text), mark, strlen(mark)))) {
        str_append_n(&out, at, (size_t)(found - at));
        str_append_n(&out, token + strlen(header), strcspn(token + strlen(header), "\r"));
        at = found + strlen(mark);
    }
    str_append_n(&out, at, answer->length - (size_t)(at - answer->text));
    send(fd, str_text(&out), out.length, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
}

/* ---- Requests ---- */

struct got {
    size_t bytes;
    unsigned times;
    bool done, stream;
    struct http_request *waits;
};

static void require_printable(const char *why)
{
    scoped_str english = STR_INIT;

    for (const char *text = message_english(why, &english); *text; text++)
        require(!iscntrl((unsigned char)*text));
}

static void on_done(struct http_request *request, const struct http_response *response, void *user)
{
    struct got *got = user;

    (void)request;
    require(!got->done);
    got->done = true;
    got->waits = NULL;
    require(!response->error_number == !response->error_text && (!response->error_text || *response->error_text));
    require_printable(response->error_text ? response->error_text : "");
    if (!response->error_number) {
        scoped_str refusal = STR_INIT;

        docker_describe_refusal(response, &refusal);
        require_printable(str_text(&refusal));
    }
    require(!response->body || (response->length <= 65536 && response->body[response->length] == '\0'));
    require(got->stream || response->error_number || response->length <= LIMIT || response->status != 200);
}

static int on_data(const char *data, size_t length, void *user)
{
    struct got *got = user;

    (void)data;
    require(length <= 16 * 1024);
    if (++got->times % 3 == 0)
        return HTTP_DATA_WAIT;
    got->bytes += length;
    return got->times > CHUNKS_MAX ? -1 : 0;
}

static void get(const struct docker_address *address, bool stream)
{
    struct event_base *base = event_base_new();
    struct http *http = http_new(base, address, NULL);
    struct got got = {.stream = stream};
    struct http_options options = {.path = "/v1.41/info",
                                   .limit = stream ? 0 : LIMIT,
                                   .timeout_ms = TIMEOUT_MS,
                                   .connect_timeout_ms = TIMEOUT_MS,
                                   .own_connection = stream,
                                   .data = stream ? on_data : NULL,
                                   .done = on_done,
                                   .user = &got};

    require(http != NULL);
    got.waits = http_get(http, &options);
    while (!got.done) {
        event_base_loop(base, EVLOOP_ONCE);
        if (got.waits && stream)
            http_go_on(got.waits);
    }
    http_free(http);
    event_base_free(base);
}

static void draw(const struct docker_address *address)
{
    struct http_pull *pull = NULL;
    struct error error = ERROR_INIT;
    const void *data;
    ssize_t n;

    if (http_pull_open(address, "/v1.41/images/x/get", TIMEOUT_MS, &pull, &error) < 0) {
        require(*error.text);
        return;
    }
    while ((n = http_pull_read(pull, &data, &error)) > 0)
        require(data != NULL);
    require(n == 0 || *error.text);
    http_pull_close(pull);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answer = {.text = (const char *)data + 1, .length = size - 1};
    struct answering broker = {.serve = serve, .user = &answer};
    struct docker_address address;
    struct folder folder;

    if (!size)
        return 0;
    signal(SIGPIPE, SIG_IGN);
    folder_make(&folder);
    answering_start(&broker, &folder, "s");
    require(docker_address_parse("unix:///nowhere", NULL, DOCKER_TLS_BY_FILES, NULL, NULL, NULL, &address, NULL) == 0);
    address.broker = mem_strdup(broker.path);
    if (data[0] == 'p')
        draw(&address);
    else
        get(&address, data[0] == 's');
    docker_address_deinit(&address);
    answering_stop(&broker);
    folder_remove(&folder);
    return 0;
}
