/* A GET pulled: curl is driven until it has given some bytes, and paused by not being driven. */
#include "probes/docker/http_pull.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "probes/docker/http_internal.h"

struct http_pull {
    struct http_client client;
    struct http_own_answer own;
    CURL *easy;
    CURLM *multi;
    struct str body;
    char *url;
    bool ended, given; /* given: what BODY holds was handed out */
    CURLcode result;
    unsigned stall_ms;
};

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_pull *pull = user;

    str_append_n(&pull->body, data, size * count);
    return size * count;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct http_pull *pull = user;

    http_read_own(&pull->client, line, size * count, &pull->own);
    return size * count;
}

void http_pull_close(struct http_pull *pull)
{
    if (!pull)
        return;
    if (pull->easy)
        curl_multi_remove_handle(pull->multi, pull->easy);
    curl_easy_cleanup(pull->easy);
    curl_multi_cleanup(pull->multi);
    http_client_deinit(&pull->client);
    str_deinit(&pull->body);
    free(pull->url);
    free(pull);
}

/* Until there are bytes or the end. */
static int drive(struct http_pull *pull, struct error *error)
{
    while (!pull->ended && !pull->body.length) {
        int running = 0, left;
        CURLMsg *message;

        if (curl_multi_perform(pull->multi, &running) != CURLM_OK)
            return error_set(error, EIO, "curl failed");
        while ((message = curl_multi_info_read(pull->multi, &left)))
            if (message->msg == CURLMSG_DONE) {
                pull->ended = true;
                pull->result = message->data.result;
            }
        if (!pull->ended && !pull->body.length)
            curl_multi_poll(pull->multi, NULL, 0, 1000, NULL);
    }
    if (pull->ended && pull->result != CURLE_OK)
        return error_set(error, pull->result == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO, "the engine's answer: %s",
                         curl_easy_strerror(pull->result));
    return 0;
}

int http_pull_open(const struct docker_address *address, const char *path, unsigned stall_ms, struct http_pull **ret,
                   struct error *error)
{
    struct http_pull *pull = mem_alloc(sizeof *pull);
    long status = 0;
    int r = address->broker ? http_client_init(&pull->client, address->broker, error)
                            : error_set(error, EINVAL, "no process holds the engine's connection");

    if (r < 0) {
        http_pull_close(pull);
        return r;
    }
    pull->url = mem_printf("%s%s", HTTP_BASE_URL, path);
    pull->easy = curl_easy_init();
    pull->multi = curl_multi_init();
    if (!pull->easy || !pull->multi) {
        http_pull_close(pull);
        return error_set(error, ENOMEM, "curl cannot be set up");
    }
    http_set_up(pull->easy, &pull->client, pull->url);
    curl_easy_setopt(pull->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(pull->easy, CURLOPT_HEADERDATA, pull);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEDATA, pull);
    curl_easy_setopt(pull->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(pull->easy, CURLOPT_LOW_SPEED_TIME, (long)(stall_ms / 1000));
    curl_multi_add_handle(pull->multi, pull->easy);
    r = drive(pull, error);
    curl_easy_getinfo(pull->easy, CURLINFO_RESPONSE_CODE, &status);
    if (r == 0 && pull->own.is)
        r = error_set(error, pull->own.number, "%s",
                      pull->body.length ? str_text(&pull->body) : error_reason(pull->own.number));
    else if (r == 0 && status != 200)
        r = error_set(error, status == 404 ? ENOENT : EPROTO, "the engine answered %ld", status);
    if (r < 0) {
        http_pull_close(pull);
        return r;
    }
    *ret = pull;
    return 0;
}

ssize_t http_pull_read(struct http_pull *pull, const void **ret_data, struct error *error)
{
    static const size_t none = 0;
    int r;

    if (pull->given)
        str_clear(&pull->body);
    r = drive(pull, error);
    if (r < 0)
        return r;
    pull->given = true;
    *ret_data = pull->body.length ? (const void *)pull->body.data : &none;
    return (ssize_t)pull->body.length;
}
