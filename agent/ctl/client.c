/* One exchange with the agent over its Unix socket, by curl: either the whole answer, bounded, or a stream cut into
 * lines. */
#include "agent/ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/memory.h"

enum {
    BODY_LIMIT = 64 * 1024 * 1024,
    PIECES_LIMIT = 1024 * 1024 * 1024,
    HEADER_LIMIT = 64 * 1024,
    TIMEOUT_MS = 60000,
    TRIES = 5,
    WAIT_MAX_S = 5
};

struct exchange {
    CURL *easy;
    struct str text;
    size_t scanned; /* of text: no newline before it */
    bool (*line)(const char *line, size_t length, void *user);
    bool (*piece)(const char *data, size_t length, void *user);
    size_t pieces; /* bytes that were given to it */
    void *user;
    bool follows, ended;
    long ms; /* for all of it; 0: as long as usual */
    size_t header_length;
    unsigned retry_after; /* seconds; 0: the answer does not ask for it */
};

static bool give_lines(struct exchange *exchange)
{
    char *newline;

    while ((newline = memchr(str_text(&exchange->text) + exchange->scanned, '\n',
                             exchange->text.length - exchange->scanned))) {
        size_t length = (size_t)(newline - exchange->text.data);

        *newline = '\0';
        if (!exchange->line(exchange->text.data, length, exchange->user))
            return false;
        memmove(exchange->text.data, newline + 1, exchange->text.length - length);
        exchange->text.length -= length + 1;
        exchange->scanned = 0;
    }
    exchange->scanned = exchange->text.length;
    return true;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    struct exchange *exchange = user;
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->piece && status == 200) {
        exchange->pieces += size * count;
        return exchange->pieces <= PIECES_LIMIT && exchange->piece(data, size * count, exchange->user) ? size * count
                                                                                                       : 0;
    }
    if (size * count > BODY_LIMIT - exchange->text.length)
        return 0;
    str_append_n(&exchange->text, data, size * count);
    if (exchange->line && status == 200 && !give_lines(exchange)) {
        exchange->ended = true;
        return 0;
    }
    return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    static const char name[] = "retry-after:";
    struct exchange *exchange = user;

    exchange->header_length += size * count;
    if (exchange->header_length > HEADER_LIMIT)
        return 0;
    if (size * count > sizeof name && strncasecmp(data, name, sizeof name - 1) == 0)
        exchange->retry_after = (unsigned)data[sizeof name] - '0' <= WAIT_MAX_S ? (unsigned)data[sizeof name] - '0' : 0;
    return size * count;
}

static int perform_once(const char *socket, const char *path, const char *body, struct exchange *exchange,
                        long *ret_status, struct error *error)
{
    scoped(cleanup_free) char *url = mem_printf("http://localhost%s", path);
    long system_error = 0;
    CURLcode code;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_library_alloc, free, mem_library_realloc, mem_library_strdup,
                             mem_library_calloc) == CURLE_OK)
        exchange->easy = curl_easy_init();
    if (!exchange->easy)
        return error_set(error, ENOMEM, "curl cannot be initialised");
    curl_easy_setopt(exchange->easy, CURLOPT_URL, url);
    curl_easy_setopt(exchange->easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(exchange->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(exchange->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(exchange->easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(exchange->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(exchange->easy, CURLOPT_HEADERDATA, exchange);
    if (!exchange->line && !exchange->piece) {
        curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, exchange->ms ? exchange->ms : (long)TIMEOUT_MS);
    } else if (!exchange->follows) {
        curl_easy_setopt(exchange->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(exchange->easy, CURLOPT_LOW_SPEED_TIME, (long)TIMEOUT_MS / 1000);
    }
    if (body)
        curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, body);
    code = curl_easy_perform(exchange->easy);
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &system_error);
    curl_easy_cleanup(exchange->easy);
    if (code == CURLE_OK || exchange->ended)
        return 0;
    if (code == CURLE_COULDNT_CONNECT && system_error)
        return error_set(error, (int)system_error, "the agent cannot be reached at %s: %s", socket,
                         error_reason((int)system_error));
    return error_set(error, EIO, "the agent cannot be reached at %s: %s", socket, curl_easy_strerror(code));
}

static int perform(const char *socket, const char *path, const char *body, struct exchange *exchange, long *ret_status,
                   struct error *error)
{
    int r = perform_once(socket, path, body, exchange, ret_status, error);

    for (unsigned tries = 1; r == 0 && *ret_status == 503 && exchange->retry_after && tries < TRIES; tries++) {
        sleep(exchange->retry_after);
        str_clear(&exchange->text);
        exchange->scanned = exchange->header_length = exchange->retry_after = 0;
        r = perform_once(socket, path, body, exchange, ret_status, error);
    }
    return r;
}

int client_call(const char *socket, const char *path, const char *body, long *ret_status, struct str *ret_text,
                struct error *error)
{
    struct exchange exchange = {0};
    int r = perform(socket, path, body, &exchange, ret_status, error);

    *ret_text = exchange.text;
    return r;
}

int client_try(const char *socket, const char *path, long ms, long *ret_status, struct str *ret_text,
               struct error *error)
{
    struct exchange exchange = {.ms = ms};
    int r = perform_once(socket, path, NULL, &exchange, ret_status, error);

    *ret_text = exchange.text;
    return r;
}

int client_stream(const char *socket, const char *path, bool follows,
                  bool (*line)(const char *line, size_t length, void *user), void *user, long *ret_status,
                  struct str *ret_text, struct error *error)
{
    struct exchange exchange = {.line = line, .user = user, .follows = follows};
    int r = perform(socket, path, NULL, &exchange, ret_status, error);

    *ret_text = exchange.text;
    return r;
}

int client_pieces(const char *socket, const char *path, const char *body,
                  bool (*piece)(const char *data, size_t length, void *user), void *user, long *ret_status,
                  struct str *ret_text, struct error *error)
{
    struct exchange exchange = {.piece = piece, .user = user};
    int r = perform(socket, path, body, &exchange, ret_status, error);

    *ret_text = exchange.text;
    return r;
}

void client_parameter(struct str *path, const char *key, const char *value)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~";

    str_printf(path, "%c%s=", strchr(str_text(path), '?') ? '&' : '?', key);
    for (; *value; value++) {
        if (strchr(plain, *value))
            str_append_char(path, *value);
        else
            str_printf(path, "%%%02X", (unsigned char)*value);
    }
}
