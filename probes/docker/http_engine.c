/* curl connects and speaks TLS (CURLOPT_CONNECT_ONLY); what goes through is not its business. Each connection has a
 * multi handle of its own: curl would look after the idle ones of a shared one, and close them. */
#include "probes/docker/http_engine.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/memory.h"
#include "probes/docker/http_loop.h"

struct http_engine {
    struct http_loop loop;
    CURL *easy;
    const struct docker_address *address;
    void (*connected)(int number, const char *why, void *user); /* NULL: it was called */
    void *user;
    char text[CURL_ERROR_SIZE];
    struct str why; /* as a message, where it is not TEXT */
};

static void set_options(CURL *easy, const struct docker_address *address, unsigned connect_ms)
{
    curl_easy_setopt(easy, CURLOPT_URL, address->base_url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    if (address->unix_path) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, address->unix_path);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, address->tls_verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, address->tls_verify ? 2L : 0L);
    if (address->ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO, address->ca);
    if (address->cert)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, address->cert);
    if (address->key)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, address->key);
}

static void on_driven(void *user)
{
    struct http_engine *engine = user;
    void (*connected)(int, const char *, void *) = engine->connected;
    const CURLMsg *message;
    CURLcode result;
    long system_error = 0;
    int number, left;

    do
        message = curl_multi_info_read(engine->loop.multi, &left);
    while (message && message->msg != CURLMSG_DONE);
    if (!message || !connected)
        return;
    engine->connected = NULL;
    result = message->data.result;
    curl_easy_getinfo(engine->easy, CURLINFO_OS_ERRNO, &system_error);
    if (result == CURLE_OK && http_engine_fd(engine) < 0)
        result = CURLE_COULDNT_CONNECT;
    number = http_errno(result, system_error);
    str_clear(&engine->why);
    if (result == CURLE_COULDNT_CONNECT)
        message_add(&engine->why, "%s: %s", engine->address->host_text, error_reason(number));
    else if (number && !engine->text[0])
        snprintf(engine->text, sizeof engine->text, "%s", curl_easy_strerror(result));
    connected(number, engine->why.length ? engine->why.data : engine->text, engine->user);
}

struct http_engine *http_engine_connect(struct event_base *base, const struct docker_address *address,
                                        unsigned connect_ms, void (*connected)(int number, const char *why, void *user),
                                        void *user, struct error *error)
{
    struct http_engine *engine = mem_alloc(sizeof *engine);
    int r = http_loop_init(&engine->loop, base, on_driven, engine, error);

    engine->address = address;
    engine->connected = connected;
    engine->user = user;
    if (r == 0 && !(engine->easy = curl_easy_init()))
        r = error_set(error, ENOMEM, "curl cannot be set up");
    if (r == 0) {
        set_options(engine->easy, address, connect_ms);
        curl_easy_setopt(engine->easy, CURLOPT_ERRORBUFFER, engine->text);
        if (http_loop_add(&engine->loop, engine->easy) != CURLM_OK)
            r = error_set(error, ENOMEM, "curl cannot begin to connect");
    }
    if (r < 0) {
        http_engine_free(engine);
        return NULL;
    }
    return engine;
}

void http_engine_free(struct http_engine *engine)
{
    if (!engine)
        return;
    if (engine->easy) {
        http_loop_remove(&engine->loop, engine->easy);
        curl_easy_cleanup(engine->easy);
    }
    http_loop_deinit(&engine->loop);
    str_deinit(&engine->why);
    free(engine);
}

int http_engine_fd(const struct http_engine *engine)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(engine->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return -1;
    return fd;
}

static ssize_t result_of(CURLcode code, size_t count)
{
    if (code == CURLE_OK)
        return (ssize_t)count;
    return code == CURLE_AGAIN ? -EAGAIN : -http_errno(code, 0);
}

ssize_t http_engine_send(struct http_engine *engine, const void *data, size_t length)
{
    size_t count = 0;
    CURLcode code = curl_easy_send(engine->easy, data, length, &count);

    return result_of(code, count);
}

ssize_t http_engine_receive(struct http_engine *engine, void *data, size_t size)
{
    size_t count = 0;
    CURLcode code = curl_easy_recv(engine->easy, data, size, &count);

    return result_of(code, count);
}

const char *http_engine_why(const struct http_engine *engine)
{
    return engine->text;
}

int http_engine_peer_pid(const struct docker_address *engine)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t length = sizeof peer;
    scoped(cleanup_close) int fd = -1;

    if (!engine->unix_path)
        return 0;
    if (strlen(engine->unix_path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, engine->unix_path, strlen(engine->unix_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return -errno;
    return peer.pid;
}
