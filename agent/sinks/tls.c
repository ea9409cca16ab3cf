/* OpenSSL over the descriptor of a transport. */
#include "agent/sinks/tls.h"

#include <errno.h>
#include <event2/event.h>
#include <glob.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/str.h"

enum { ACCEPTED_SECONDS = 3, FILE_COUNT = 3, READS_MAX = 16 };

struct tls_context {
    SSL_CTX *context;
    struct stat files[FILE_COUNT]; /* CA, certificate, key, as they were read */
};

struct tls {
    SSL *ssl;
    char *name;
    usec_t complete; /* monotonic: when the handshake was; 0: it is not */
    bool accepted, failed;
};

/* What OpenSSL says of the last failure. */
static const char *reason(unsigned long code)
{
    enum { ALERTS = SSL_AD_REASON_OFFSET };
    int number = ERR_GET_REASON(code);
    const char *text;

    if (!code)
        return "unknown error";
    if (ERR_SYSTEM_ERROR(code))
        return error_reason(number);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && number > ALERTS)
        return SSL_alert_desc_string_long(number - ALERTS);
    text = ERR_reason_error_string(code);
    return text ? text : "unknown error";
}

static int refuse_file(struct error *error, const char *key, const char *path)
{
    return error_set(error, EINVAL, "tls.%s: %s: %s", key, path, reason(ERR_peek_error()));
}

/* From a directory with links by hash, which Debian has, OpenSSL reads what it needs when it needs it. */
static bool trust_system(SSL_CTX *context)
{
    scoped(cleanup_free) char *pattern = mem_printf("%s/*.0", X509_get_default_cert_dir());
    glob_t found;
    bool by_hash = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;

    if (by_hash)
        globfree(&found);
    return (by_hash ? SSL_CTX_set_default_verify_dir(context) : SSL_CTX_set_default_verify_paths(context)) == 1;
}

static int read_files(SSL_CTX *context, const struct sink_tls *settings, struct error *error)
{
    ERR_clear_error();
    if (settings->ca && SSL_CTX_load_verify_file(context, settings->ca) != 1)
        return refuse_file(error, "ca", settings->ca);
    if (!settings->ca && !trust_system(context))
        return refuse_file(error, "ca", "the system's");
    if (settings->cert && SSL_CTX_use_certificate_chain_file(context, settings->cert) != 1)
        return refuse_file(error, "cert", settings->cert);
    if (settings->key && SSL_CTX_use_PrivateKey_file(context, settings->key, SSL_FILETYPE_PEM) != 1)
        return refuse_file(error, "key", settings->key);
    if (settings->key && SSL_CTX_check_private_key(context) != 1)
        return error_set(error, EINVAL, "tls.key: %s is not the key of %s", settings->key, settings->cert);
    return 0;
}

/* The server has sent a ticket, which it does after the handshake alone. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_get_app_data(ssl);

    (void)session;
    tls->accepted = true;
    return 0;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
    return context;
}

/* An address is looked for among the certificate's addresses, a name among its names, and it is sent along (SNI). */
static bool set_name(SSL *ssl, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* Which files those are now. */
static void stat_files(const struct sink_tls *settings, struct stat ret[FILE_COUNT])
{
    const char *paths[FILE_COUNT] = {settings->ca ? settings->ca : X509_get_default_cert_file(), settings->cert,
                                     settings->key};

    for (size_t i = 0; i < FILE_COUNT; i++)
        if (!paths[i] || stat(paths[i], &ret[i]) < 0)
            ret[i] = (struct stat){0};
}

static bool are_same(const struct stat *a, const struct stat *b)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        if (a[i].st_dev != b[i].st_dev || a[i].st_ino != b[i].st_ino || a[i].st_size != b[i].st_size ||
            a[i].st_ctim.tv_sec != b[i].st_ctim.tv_sec || a[i].st_ctim.tv_nsec != b[i].st_ctim.tv_nsec)
            return false;
    return true;
}

int tls_context_update(struct tls_context **context, const struct sink_tls *settings, struct error *error)
{
    struct tls_context *new;
    struct stat files[FILE_COUNT];
    int r;

    stat_files(settings, files);
    if (*context && are_same((*context)->files, files))
        return 0;
    tls_context_free(take(*context));
    new = mem_alloc(sizeof *new);
    memcpy(new->files, files, sizeof files);
    new->context = make_context();
    r = new->context ? read_files(new->context, settings, error) : error_set(error, ENOMEM, "TLS is not available");
    if (r < 0)
        tls_context_free(take(new));
    *context = new;
    return r;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->context);
    free(context);
}

int tls_new(const struct tls_context *context, const char *name, int fd, struct tls **ret, struct error *error)
{
    struct tls *tls = mem_alloc(sizeof *tls);

    ERR_clear_error();
    tls->name = mem_strdup(name);
    tls->ssl = SSL_new(context->context);
    if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1 || !set_name(tls->ssl, tls->name)) {
        int r = error_set(error, EINVAL, "tls: %s", reason(ERR_peek_error()));

        tls_free(tls);
        return r;
    }
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_connect_state(tls->ssl);
    *ret = tls;
    return 0;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    if (tls->complete && !tls->failed)
        SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    ERR_clear_error();
    free(tls->name);
    free(tls);
}

static int fail(struct tls *tls, const char *what, int kind, int number, struct error *error)
{
    unsigned long code = ERR_peek_error();

    tls->failed = true;
    if (kind == SSL_ERROR_SYSCALL && !code)
        return error_set(error, number ? number : ECONNRESET, "%s: %s", what,
                         number ? error_reason(number) : M_("the receiver has closed the connection"));
    if (kind == SSL_ERROR_ZERO_RETURN)
        return error_set(error, ESHUTDOWN, "%s: the receiver has closed the connection", what);
    /* as when it was killed: it may not have read everything */
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return error_set(error, ECONNRESET, "%s: the receiver has broken off the connection", what);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET)
        return error_set(error, EPROTO, "%s: the peer has refused it: %s", what, reason(code));
    return error_set(error, EPROTO, "%s: %s", what, reason(code));
}

int tls_handshake(struct tls *tls, short *ret_events, struct error *error)
{
    int r, kind, number;
    long verified;

    ERR_clear_error();
    errno = 0;
    r = SSL_do_handshake(tls->ssl);
    number = errno;
    if (r == 1) {
        tls->complete = clock_monotonic();
        /* Before 1.3 the server's last message comes after it has seen the client's certificate. */
        tls->accepted = SSL_version(tls->ssl) < TLS1_3_VERSION;
        return 0;
    }
    kind = SSL_get_error(tls->ssl, r);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        *ret_events = kind == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE;
        return -EAGAIN;
    }
    verified = SSL_get_verify_result(tls->ssl);
    if (verified != X509_V_OK) {
        tls->failed = true;
        return error_set(error, EACCES, "the certificate is not valid for \"%s\": %s", tls->name,
                         X509_verify_cert_error_string(verified));
    }
    return fail(tls, "TLS handshake", kind, number, error);
}

/* What OpenSSL returned: -EAGAIN, or why the connection is of no use any more. */
static int take_failure(struct tls *tls, const char *what, int result, int number, struct error *error)
{
    int kind = SSL_get_error(tls->ssl, result);

    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? -EAGAIN : fail(tls, what, kind, number, error);
}

ssize_t tls_read(struct tls *tls, void *buffer, size_t length, struct error *error)
{
    int r;

    ERR_clear_error();
    errno = 0;
    r = SSL_read(tls->ssl, buffer, length > INT32_MAX ? INT32_MAX : (int)length);
    return r > 0 ? r : take_failure(tls, "TLS", r, errno, error);
}

/* Tickets and alerts: nothing else is expected of a receiver of syslog, and one that never stops sending is not read
 * for longer than that. */
static int read_on(struct tls *tls, struct error *error)
{
    char buffer[4096];
    ssize_t n = 1;

    for (unsigned i = 0; i < READS_MAX && n > 0; i++)
        n = tls_read(tls, buffer, sizeof buffer, error);
    return n > 0 || n == -EAGAIN ? 0 : (int)n;
}

ssize_t tls_write_only(struct tls *tls, const void *data, size_t length, struct error *error)
{
    int r;

    ERR_clear_error();
    errno = 0;
    r = SSL_write(tls->ssl, data, length > INT32_MAX ? INT32_MAX : (int)length);
    return r > 0 ? r : take_failure(tls, "TLS", r, errno, error);
}

ssize_t tls_write(struct tls *tls, const void *data, size_t length, struct error *error)
{
    int r = read_on(tls, error);

    return r < 0 ? r : tls_write_only(tls, data, length, error);
}

uint64_t tls_written(const struct tls *tls)
{
    return BIO_number_written(SSL_get_wbio(tls->ssl));
}

int tls_check(struct tls *tls, bool *ret_accepted, struct error *error)
{
    int r = tls->failed ? -ECONNRESET : read_on(tls, error);

    if (r == 0 && clock_monotonic() - tls->complete >= ACCEPTED_SECONDS * USEC_PER_SEC)
        tls->accepted = true;
    *ret_accepted = tls->accepted;
    return r;
}
