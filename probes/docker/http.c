/* HTTP GET on the loop, from the broker.
 *
 * A request is queued (by http_get(), which only notes it), running (it has a curl handle) and finished (its answer
 * waits to be delivered); one that needs a new connection while it is not known whether one may be made is gated until
 * that is known, and then queued again; a cancelled one waits for curl to be left, since curl's callbacks may not touch
 * curl's own lists. Everything moves in `wake`, an event that is activated instead of acting at once, and after curl
 * was driven: so no completion is delivered from inside http_get() or curl.
 *
 * Limits: SLOTS ordinary requests at a time, first come first served; urgent requests run beside them. The body, the
 * headers and the text of a failure are capped here, since a chunked reply announces no length. What is read in one
 * turn of the loop is bounded: the requests that have more are paused until the next one. */
#include "probes/docker/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "common/text.h"
#include "probes/docker/http_internal.h"

#define unused __attribute__((unused))

enum { SLOTS = 6, IDLE_HANDLES = 8, HEADER_LIMIT = 256 * 1024, FAILURE_LIMIT = 64 * 1024, OWN_TEXT_MAX = 400 };

enum request_state { QUEUED, RUNNING, GATED, FINISHED, CANCELLED };

struct http_request {
    TAILQ_ENTRY(http_request) link; /* in its state's list */
    struct http *http;
    struct http_options options;
    char *url;
    CURL *easy; /* while running, and while cancelled inside curl */
    struct str body;
    long status;
    size_t header_bytes;
    time_t date;
    CURLcode result;
    long system_error;
    enum request_state state;
    bool too_large, ended_by_reader;
    bool cut;           /* the text of a failure is longer than what is kept of it */
    bool paused, waits; /* curl reads no more for now: until the next turn, or until http_go_on() */
    size_t received;
    bool gate_asked, gate_closed; /* no connection was made for it: it is not known whether one may be; it may not */
    struct http_own_answer own;   /* the broker's own, where it is that */
    char api_version[16], libpod_version[16];
    char text[CURL_ERROR_SIZE];
};

TAILQ_HEAD(request_list, http_request);

struct http {
    struct docker_address address;
    struct http_client client;
    struct http_loop loop;
    struct event *wake, *next_turn;
    size_t turn; /* bytes that were given to readers in this one */
    struct request_list lists[CANCELLED + 1];
    CURL *idle[IDLE_HANDLES];
    size_t idle_count;
    unsigned slots_used;
    struct http_counters counters;
    enum http_gate (*gate)(void *user); /* NULL: always open */
    void *gate_user;
};

static bool takes_slot(const struct http_request *request)
{
    return !request->options.urgent;
}

static void move_to(struct http_request *request, enum request_state state)
{
    TAILQ_REMOVE(&request->http->lists[request->state], request, link);
    request->state = state;
    TAILQ_INSERT_TAIL(&request->http->lists[state], request, link);
}

/* Streams and urgent requests stand before the others in the queue, so that the first which must wait ends the look. */
static void enqueue(struct http_request *request)
{
    struct request_list *queue = &request->http->lists[QUEUED];

    request->state = QUEUED;
    if (takes_slot(request))
        TAILQ_INSERT_TAIL(queue, request, link);
    else
        TAILQ_INSERT_HEAD(queue, request, link);
}

static void wake(struct http *http)
{
    event_active(http->wake, EV_TIMEOUT, 0);
}

/* Takes the request out of curl; the handle is kept for the next one. */
static void detach(struct http_request *request)
{
    struct http *http = request->http;

    if (!request->easy)
        return;
    http_loop_remove(&http->loop, request->easy);
    if (http->idle_count < IDLE_HANDLES) {
        curl_easy_reset(request->easy);
        http->idle[http->idle_count++] = request->easy;
    } else {
        curl_easy_cleanup(request->easy);
    }
    request->easy = NULL;
    if (takes_slot(request))
        http->slots_used--;
}

static void request_free(struct http_request *request)
{
    struct http *http = request->http;

    detach(request);
    TAILQ_REMOVE(&http->lists[request->state], request, link);
    if (request->state != CANCELLED)
        http->counters.in_flight--;
    str_deinit(&request->body);
    free(request->url);
    free(request);
}

static bool header_value(const char *line, size_t length, const char *name, char *value, size_t size)
{
    size_t prefix = strlen(name);

    if (length <= prefix || strncasecmp(line, name, prefix) != 0)
        return false;
    line += prefix;
    length -= prefix;
    while (length && (*line == ' ' || *line == '\t'))
        line++, length--;
    while (length && (line[length - 1] == '\r' || line[length - 1] == '\n' || line[length - 1] == ' '))
        length--;
    if (length >= size || memchr(line, '\0', length))
        return false;
    memcpy(value, line, length);
    value[length] = '\0';
    return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct http_request *request = user;
    size_t length = size * count;
    char date[64];

    request->header_bytes += length;
    if (request->state == CANCELLED || request->header_bytes > HEADER_LIMIT) {
        request->too_large = request->header_bytes > HEADER_LIMIT;
        return 0;
    }
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0) {
        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->status);
        request->api_version[0] = request->libpod_version[0] = '\0';
        request->date = -1;
        request->own = (struct http_own_answer){0};
    } else if (header_value(line, length, "Date:", date, sizeof date)) {
        request->date = curl_getdate(date, NULL);
    } else if (length <= 2 && (line[0] == '\r' || line[0] == '\n')) {
        /* A trailer ends with an empty line too, but by then the status was delivered. */
        if (request->status >= 200 && request->options.headers) {
            void (*headers)(long, void *) = request->options.headers;

            request->options.headers = NULL;
            headers(request->status, request->options.user);
        }
    } else if (!http_read_own(&request->http->client, line, length, &request->own)) {
        header_value(line, length, "Api-Version:", request->api_version, sizeof request->api_version);
        header_value(line, length, "Libpod-Api-Version:", request->libpod_version, sizeof request->libpod_version);
    }
    return length;
}

static void await_next_turn(struct http *http)
{
    static const struct timeval next_turn;

    if (!evtimer_pending(http->next_turn, NULL))
        evtimer_add(http->next_turn, &next_turn);
}

/* A piece of the body for the reader. What is paused curl gives once more. */
static size_t give(struct http_request *request, const char *data, size_t length)
{
    struct http *http = request->http;
    size_t limit = request->options.limit;
    int r;

    if (limit && length > limit - request->received) {
        request->too_large = true;
        return 0;
    }
    await_next_turn(http);
    if (http->turn && http->turn + length > HTTP_TURN) {
        request->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    r = request->options.data(data, length, request->options.user);
    if (request->state == CANCELLED)
        return 0;
    if (r == HTTP_DATA_WAIT) {
        request->paused = request->waits = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (r) {
        request->ended_by_reader = true;
        return 0;
    }
    http->turn += length;
    http->counters.bytes += length;
    if (http->counters.turn_most < http->turn)
        http->counters.turn_most = http->turn;
    request->received += length;
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_request *request = user;
    size_t length = size * count;
    size_t limit = request->options.data ? FAILURE_LIMIT : request->options.limit;

    if (request->state == CANCELLED)
        return 0;
    if (request->options.data && request->status == 200 && !request->own.is)
        return give(request, data, length);
    request->http->counters.bytes += length;
    if (length > limit - request->body.length) {
        request->cut = request->options.data;
        request->too_large = !request->cut;
        return 0;
    }
    str_append_n(&request->body, data, length);
    return length;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_request *request = user;
    enum http_gate gate = request->http->gate(request->http->gate_user);

    (void)purpose;
    request->gate_asked = gate == HTTP_GATE_ASK;
    request->gate_closed = gate == HTTP_GATE_CLOSED;
    return gate == HTTP_GATE_OPEN ? socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol)
                                  : CURL_SOCKET_BAD;
}

void http_set_gate(struct http *http, enum http_gate (*gate)(void *user), void *user)
{
    http->gate = gate;
    http->gate_user = user;
}

void http_gate_known(struct http *http)
{
    struct http_request *request;

    while ((request = TAILQ_FIRST(&http->lists[GATED]))) {
        TAILQ_REMOVE(&http->lists[GATED], request, link);
        enqueue(request);
    }
    wake(http);
}

static void set_options(struct http_request *request)
{
    CURL *easy = request->easy;

    http_set_up(easy, &request->http->client, request->url);
    if (request->options.own_connection) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    } else if (request->http->gate && request->http->address.unix_path) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->options.limit);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->options.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->options.timeout_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, request->options.slow_s ? 1024L : 0L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)request->options.slow_s);
}

static void request_start(struct http_request *request)
{
    struct http *http = request->http;

    request->easy = http->idle_count ? http->idle[--http->idle_count] : curl_easy_init();
    if (!request->easy) {
        request->result = CURLE_OUT_OF_MEMORY;
        move_to(request, FINISHED);
        return;
    }
    if (takes_slot(request))
        http->slots_used++;
    move_to(request, RUNNING);
    set_options(request);
    if (http_loop_add(&http->loop, request->easy) != CURLM_OK) {
        request->result = CURLE_FAILED_INIT;
        detach(request);
        move_to(request, FINISHED);
    }
}

static void start_queued(struct http *http)
{
    struct http_request *request;

    while ((request = TAILQ_FIRST(&http->lists[QUEUED])) && (!takes_slot(request) || http->slots_used < SLOTS))
        request_start(request);
}

static void collect_results(struct http *http)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->loop.multi, &left))) {
        struct http_request *request = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        if (request->state != RUNNING)
            continue;
        request->result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_OS_ERRNO, &request->system_error);
        detach(request);
        move_to(request, request->result == CURLE_COULDNT_CONNECT && request->gate_asked ? GATED : FINISHED);
        request->gate_asked = false;
    }
}

static int error_number(const struct http_request *request)
{
    bool ended = request->result == CURLE_WRITE_ERROR || request->result == CURLE_ABORTED_BY_CALLBACK;

    if (request->own.is)
        return request->own.number;
    if (request->result == CURLE_FILESIZE_EXCEEDED || (ended && request->too_large))
        return EFBIG;
    if (ended && request->cut)
        return 0;
    if (ended && request->ended_by_reader)
        return ECANCELED;
    if (request->result == CURLE_COULDNT_CONNECT) /* to the broker, or it may not be */
        return ECONNREFUSED;
    return http_errno(request->result, request->system_error);
}

/* Why there is no answer of the engine. */
static void describe_error(const struct http_request *request, int number, struct str *out)
{
    if (request->own.is && request->body.length)
        message_escape(out, str_text(&request->body), OWN_TEXT_MAX);
    else if (request->own.is)
        str_append(out, error_reason(number));
    else if (number == EFBIG)
        message_add(out, "the engine's answer is larger than %zu bytes", request->options.limit);
    else if (request->result == CURLE_COULDNT_CONNECT && request->gate_closed)
        message_add(out, "%s: %s", request->http->address.host_text, error_reason(number));
    else if (request->result == CURLE_COULDNT_CONNECT)
        message_add(out, "the helper engine does not listen: %s",
                    error_reason(request->system_error ? (int)request->system_error : ECONNREFUSED));
    else
        str_append(out, request->text[0] ? request->text : curl_easy_strerror(request->result));
}

static void complete(struct http_request *request)
{
    struct http *http = request->http;
    scoped_str text = STR_INIT;
    struct http_response response = {
        .status = request->status,
        .error_number = error_number(request),
        .api_version = request->api_version[0] ? request->api_version : NULL,
        .podman = request->libpod_version[0],
        .date = request->date,
    };

    if (!request->options.data || request->status != 200) {
        response.body = str_text(&request->body);
        response.length = request->body.length;
    }
    if (response.error_number) {
        describe_error(request, response.error_number, &text);
        response.error_text = str_text(&text);
        http->counters.failures++;
    }
    request->options.done(request, &response, request->options.user);
}

/* The one place where requests change hands; never inside curl. */
static void advance(void *user)
{
    struct http *http = user;
    struct http_request *request;

    collect_results(http);
    while ((request = TAILQ_FIRST(&http->lists[CANCELLED])))
        request_free(request);
    start_queued(http);
    while ((request = TAILQ_FIRST(&http->lists[FINISHED]))) {
        complete(request);
        request_free(request);
    }
}

/* What curl has kept for it is given again. Where that is not taken curl reports an error here, and nothing later. */
static void go_on(struct http_request *request)
{
    struct http_loop *loop = &request->http->loop;
    CURLcode code;

    request->paused = false;
    move_to(request, RUNNING);
    loop->in_curl++;
    code = curl_easy_pause(request->easy, CURLPAUSE_CONT);
    loop->in_curl--;
    if (code == CURLE_OK || request->state != RUNNING)
        return;
    request->result = code;
    detach(request);
    move_to(request, FINISHED);
}

/* Those that were paused go on, each after the one that was paused before it. */
static void on_next_turn(evutil_socket_t fd unused, short what unused, void *user)
{
    struct http *http = user;
    struct http_request *request;

    http->turn = 0;
    do {
        TAILQ_FOREACH(request, &http->lists[RUNNING], link)
        if (request->paused && !request->waits)
            break;
        if (!request)
            break;
        go_on(request);
    } while (!request->paused || request->waits);
    advance(http);
}

static void on_wake(evutil_socket_t fd unused, short what unused, void *user)
{
    advance(user);
}

struct http *http_new(struct event_base *base, const struct docker_address *address, struct error *error)
{
    struct http *http;

    if (!address->broker) {
        error_set(error, EINVAL, "no process holds the engine's connection");
        return NULL;
    }
    if (http_global_init(!address->unix_path, error) < 0)
        return NULL;
    http = mem_alloc(sizeof *http);
    for (size_t i = 0; i < countof(http->lists); i++)
        TAILQ_INIT(&http->lists[i]);
    docker_address_copy(&http->address, address);
    http->wake = event_new(base, -1, 0, on_wake, http);
    http->next_turn = evtimer_new(base, on_next_turn, http);
    if (http_loop_init(&http->loop, base, advance, http, error) < 0 ||
        http_client_init(&http->client, http->address.broker, error) < 0) {
        http_free(http);
        return NULL;
    }
    curl_multi_setopt(http->loop.multi, CURLMOPT_MAXCONNECTS, (long)SLOTS + 2);
    curl_multi_setopt(http->loop.multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return http;
}

void http_free(struct http *http)
{
    struct http_request *request;

    if (!http)
        return;
    for (size_t i = 0; i < countof(http->lists); i++)
        while ((request = TAILQ_FIRST(&http->lists[i])))
            request_free(request);
    while (http->idle_count)
        curl_easy_cleanup(http->idle[--http->idle_count]);
    http_loop_deinit(&http->loop);
    http_client_deinit(&http->client);
    event_free(http->wake);
    event_free(http->next_turn);
    docker_address_deinit(&http->address);
    free(http);
    curl_global_cleanup();
}

struct http_request *http_get(struct http *http, const struct http_options *options)
{
    struct http_request *request = mem_alloc(sizeof *request);

    request->http = http;
    request->options = *options;
    request->options.path = NULL;
    request->url = mem_printf("%s%s", HTTP_BASE_URL, options->path);
    request->date = -1;
    enqueue(request);
    http->counters.requests++;
    http->counters.in_flight++;
    wake(http);
    return request;
}

void http_go_on(struct http_request *request)
{
    request->waits = false;
    await_next_turn(request->http);
}

void http_cancel(struct http_request *request)
{
    struct http *http = request->http;

    if (request->state == RUNNING && http->loop.in_curl) {
        move_to(request, CANCELLED);
        http->counters.in_flight--;
        wake(http);
        return;
    }
    if (request->state == RUNNING)
        wake(http); /* its slot is free for the next one */
    request_free(request);
}

char *http_encode(const char *segment)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:";
    struct str out = STR_INIT;

    for (; *segment; segment++) {
        if (strchr(plain, *segment))
            str_append_char(&out, *segment);
        else
            str_printf(&out, "%%%02X", (unsigned char)*segment);
    }
    return str_steal(&out);
}

const struct http_counters *http_counters(const struct http *http)
{
    return &http->counters;
}
