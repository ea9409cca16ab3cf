/* curl asks for its descriptors and its timer to be watched; libevent does it. */
#include "probes/docker/http_loop.h"

#include <errno.h>
#include <openssl/crypto.h>

#include "common/memory.h"

#define unused __attribute__((unused))

/* libcurl starts OpenSSL whether TLS is spoken or not. Without it, its configuration, its error texts and its tables of
 * names are megabytes that nobody would look at. */
static void spare_tls(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                            OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                        NULL);
}

int http_global_init(bool tls, struct error *error)
{
    if (!tls)
        spare_tls();
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_library_alloc, free, mem_library_realloc, mem_library_strdup,
                             mem_library_calloc) != CURLE_OK)
        return error_set(error, ENOMEM, "curl cannot be initialised");
    return 0;
}

/* The last that is done with the loop: DRIVEN may free it. */
static void drive(struct http_loop *loop, curl_socket_t fd, int flags)
{
    int running;

    loop->in_curl++;
    curl_multi_socket_action(loop->multi, fd, flags, &running);
    loop->in_curl--;
    loop->driven(loop->user);
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
    struct http_loop *loop = user;
    struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (ms < 0)
        evtimer_del(loop->timer);
    else
        evtimer_add(loop->timer, &delay);
    return 0;
}

static int on_curl_socket(CURL *easy unused, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct http_loop *loop = user;
    struct event *event = socket_user;
    short flags = EV_PERSIST;

    if (what == CURL_POLL_REMOVE) {
        if (event)
            event_free(event);
        return curl_multi_assign(loop->multi, fd, NULL) == CURLM_OK ? 0 : -1;
    }
    if (what & CURL_POLL_IN)
        flags |= EV_READ;
    if (what & CURL_POLL_OUT)
        flags |= EV_WRITE;
    if (event) {
        event_del(event);
        event_assign(event, loop->base, fd, flags, on_socket, loop);
    } else {
        event = event_new(loop->base, fd, flags, on_socket, loop);
        if (!event)
            return -1;
        curl_multi_assign(loop->multi, fd, event);
    }
    return event_add(event, NULL);
}

int http_loop_init(struct http_loop *loop, struct event_base *base, void (*driven)(void *user), void *user,
                   struct error *error)
{
    *loop = (struct http_loop){.base = base, .driven = driven, .user = user};
    loop->timer = evtimer_new(base, on_timer, loop);
    loop->multi = curl_multi_init();
    if (!loop->multi || !loop->timer)
        return error_set(error, ENOMEM, "the HTTP client cannot be created");
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    return 0;
}

void http_loop_deinit(struct http_loop *loop)
{
    curl_multi_cleanup(loop->multi);
    if (loop->timer)
        event_free(loop->timer);
    *loop = (struct http_loop){0};
}

CURLMcode http_loop_add(struct http_loop *loop, CURL *easy)
{
    CURLMcode code;

    loop->in_curl++;
    code = curl_multi_add_handle(loop->multi, easy);
    loop->in_curl--;
    return code;
}

void http_loop_remove(struct http_loop *loop, CURL *easy)
{
    loop->in_curl++;
    curl_multi_remove_handle(loop->multi, easy);
    loop->in_curl--;
}

int http_errno(CURLcode result, long system_error)
{
    switch (result) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
        return system_error ? (int)system_error : ECONNREFUSED;
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
        return EIO;
    }
}
