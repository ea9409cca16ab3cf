/* HTTP GET on the loop: curl's multi-socket interface driven by libevent.
 *
 * A request is queued (by http_get(), which only notes it), running (it has a curl handle) and finished (its answer
 * waits to be delivered); one that needs a new connection while it is not known whether one may be made is gated until
 * that is known, and then queued again; a cancelled one waits for curl to be left, since curl's callbacks may not touch
 * curl's own lists. Everything moves in `wake`, an event that is activated instead of acting at once, and after curl
 * was driven: so no completion is delivered from inside http_get() or curl.
 *
 * Limits: SLOTS ordinary requests at a time, first come first served; streams and urgent requests run beside them. The
 * body, the headers and the text of a failed stream are capped here, since a chunked reply announces no length. */
#include "probes/docker/http.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/memory.h"
#include "probes/docker/http_internal.h"

#define unused __attribute__((unused))

enum { SLOTS = 6, IDLE_HANDLES = 8, HEADER_LIMIT = 256 * 1024, STREAM_ERROR_LIMIT = 64 * 1024 };

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
    bool gate_asked; /* no connection was made for it yet: it is not known whether one may be */
    char api_version[16], libpod_version[16];
    char text[CURL_ERROR_SIZE];
};

TAILQ_HEAD(request_list, http_request);

struct http {
    struct event_base *base;
    struct docker_address address;
    CURLM *multi;
    struct event *timer, *wake;
    struct request_list lists[CANCELLED + 1];
    CURL *idle[IDLE_HANDLES];
    size_t idle_count;
    unsigned slots_used, in_curl;
    struct http_counters counters;
    enum http_gate (*gate)(void *user); /* NULL: always open */
    void *gate_user;
};

static bool takes_slot(const struct http_request *request)
{
    return !request->options.data && !request->options.urgent;
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
    http->in_curl++;
    curl_multi_remove_handle(http->multi, request->easy);
    http->in_curl--;
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
    } else if (header_value(line, length, "Date:", date, sizeof date)) {
        request->date = curl_getdate(date, NULL);
    } else if (length <= 2 && (line[0] == '\r' || line[0] == '\n')) {
        /* A trailer ends with an empty line too, but by then the status was delivered. */
        if (request->status >= 200 && request->options.headers) {
            void (*headers)(long, void *) = request->options.headers;

            request->options.headers = NULL;
            headers(request->status, request->options.user);
        }
    } else {
        header_value(line, length, "Api-Version:", request->api_version, sizeof request->api_version);
        header_value(line, length, "Libpod-Api-Version:", request->libpod_version, sizeof request->libpod_version);
    }
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_request *request = user;
    size_t length = size * count;
    bool streams = request->options.data && request->status == 200;
    size_t limit = request->options.data ? STREAM_ERROR_LIMIT : request->options.limit;

    if (request->state == CANCELLED)
        return 0;
    request->http->counters.bytes += length;
    if (streams) {
        if (request->options.data(data, length, request->options.user) == 0)
            return request->state == CANCELLED ? 0 : length;
        request->ended_by_reader = true;
        return 0;
    }
    if (length > limit - request->body.length) {
        request->too_large = true;
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

void http_set_up(CURL *easy, const struct docker_address *address, const char *url)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "docker-bench-agent");
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

static void set_options(struct http_request *request)
{
    CURL *easy = request->easy;

    http_set_up(easy, &request->http->address, request->url);
    if (request->http->gate && request->http->address.unix_path) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->options.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->options.timeout_ms);
}

static void request_start(struct http_request *request)
{
    struct http *http = request->http;
    CURLMcode code;

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
    http->in_curl++;
    code = curl_multi_add_handle(http->multi, request->easy);
    http->in_curl--;
    if (code != CURLM_OK) {
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

    while ((message = curl_multi_info_read(http->multi, &left))) {
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
    switch (request->result) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
        return request->system_error ? (int)request->system_error : ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return EHOSTUNREACH;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return ECONNRESET;
    case CURLE_OUT_OF_MEMORY:
        return ENOMEM;
    default:
        if (request->too_large)
            return EFBIG;
        return request->ended_by_reader ? ECANCELED : EIO;
    }
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
    if (response.error_number == EFBIG)
        str_append(&text, "the reply is larger than allowed");
    else if (request->result == CURLE_COULDNT_CONNECT)
        str_printf(&text, "%s: %s", http->address.host_text, strerror(response.error_number));
    else if (response.error_number)
        str_printf(&text, "%s", request->text[0] ? request->text : curl_easy_strerror(request->result));
    if (response.error_number) {
        response.error_text = text.data;
        http->counters.failures++;
    }
    request->options.done(request, &response, request->options.user);
}

/* The one place where requests change hands; never inside curl. */
static void advance(struct http *http)
{
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

static void on_wake(evutil_socket_t fd unused, short what unused, void *user)
{
    advance(user);
}

static void drive(struct http *http, curl_socket_t fd, int flags)
{
    int running;

    http->in_curl++;
    curl_multi_socket_action(http->multi, fd, flags, &running);
    http->in_curl--;
    advance(http);
}

static void on_timer(evutil_socket_t fd unused, short what unused, void *user)
{
    drive(user, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(evutil_socket_t fd, short what, void *user)
{
    drive(user, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static int on_curl_timer(CURLM *multi unused, long ms, void *user)
{
    struct http *http = user;
    struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (ms < 0)
        evtimer_del(http->timer);
    else
        evtimer_add(http->timer, &delay);
    return 0;
}

static int on_curl_socket(CURL *easy unused, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct http *http = user;
    struct event *event = socket_user;
    short flags = EV_PERSIST;

    if (what == CURL_POLL_REMOVE) {
        if (event)
            event_free(event);
        return curl_multi_assign(http->multi, fd, NULL) == CURLM_OK ? 0 : -1;
    }
    if (what & CURL_POLL_IN)
        flags |= EV_READ;
    if (what & CURL_POLL_OUT)
        flags |= EV_WRITE;
    if (event) {
        event_del(event);
        event_assign(event, http->base, fd, flags, on_socket, http);
    } else {
        event = event_new(http->base, fd, flags, on_socket, http);
        if (!event)
            return -1;
        curl_multi_assign(http->multi, fd, event);
    }
    return event_add(event, NULL);
}

static void copy_address(struct docker_address *to, const struct docker_address *from)
{
    *to = (struct docker_address){
        .unix_path = mem_strdup(from->unix_path),
        .base_url = mem_strdup(from->base_url),
        .host_text = mem_strdup(from->host_text),
        .ca = mem_strdup(from->ca),
        .cert = mem_strdup(from->cert),
        .key = mem_strdup(from->key),
        .tls_verify = from->tls_verify,
    };
}

/* libcurl starts OpenSSL whether TLS is spoken or not. Without it, its configuration, its error texts and its tables of
 * names are megabytes that nobody would look at. */
static void spare_tls(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                            OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                        NULL);
}

struct http *http_new(struct event_base *base, const struct docker_address *address, struct error *error)
{
    struct http *http;

    if (address->unix_path)
        spare_tls();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(error, ENOMEM, "curl cannot be initialised");
        return NULL;
    }
    http = mem_alloc(sizeof *http);
    http->base = base;
    for (size_t i = 0; i < countof(http->lists); i++)
        TAILQ_INIT(&http->lists[i]);
    copy_address(&http->address, address);
    http->timer = evtimer_new(base, on_timer, http);
    http->wake = event_new(base, -1, 0, on_wake, http);
    http->multi = curl_multi_init();
    if (!http->multi || !http->timer || !http->wake) {
        error_set(error, ENOMEM, "the HTTP client cannot be created");
        http_free(http);
        return NULL;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)SLOTS + 2);
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
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
    curl_multi_cleanup(http->multi);
    if (http->timer)
        event_free(http->timer);
    if (http->wake)
        event_free(http->wake);
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
    request->url = mem_printf("%s%s", http->address.base_url, options->path);
    request->date = -1;
    enqueue(request);
    http->counters.requests++;
    http->counters.in_flight++;
    wake(http);
    return request;
}

void http_cancel(struct http_request *request)
{
    struct http *http = request->http;

    if (request->state == RUNNING && http->in_curl) {
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

int http_unix_peer_pid(const char *unix_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t length = sizeof peer;
    scoped(cleanup_close) int fd = -1;

    if (strlen(unix_path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, unix_path, strlen(unix_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return -errno;
    return peer.pid;
}

const struct http_counters *http_counters(const struct http *http)
{
    return &http->counters;
}
