/* What a receiver of records does over TLS, as a script (records.h) after a first byte that chooses the version: it
 * goes on with the handshake, sends records or any bytes between them, changes one, renews keys, says goodbye, or ends.
 * Meanwhile the sink shakes hands, writes, reads and looks. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/sinks/tls.h"
#include "tests/fuzz/folder.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOUR = 3600, STEPS_MAX = 64 };

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* ---- The receiver's certificate, and who accepts it; one for all inputs ---- */

static SSL_CTX *receivers;
static struct tls_context *senders;

static void sign(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509V3_CTX context;
    X509_EXTENSION *name;

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * HOUR);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"receiver", -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    name = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "DNS:receiver");
    X509_add_ext(certificate, name, -1);
    X509_EXTENSION_free(name);
    require(X509_sign(certificate, key, EVP_sha256()) > 0);
}

static void start(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    struct folder folder;
    scoped(cleanup_free) char *ca = NULL;
    struct sink_tls settings = {0};
    BIO *file;
    char *text;
    long length;

    signal(SIGPIPE, SIG_IGN);
    sign(certificate, key);
    receivers = SSL_CTX_new(TLS_server_method());
    require(SSL_CTX_use_certificate(receivers, certificate) == 1 && SSL_CTX_use_PrivateKey(receivers, key) == 1);
    file = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(file, certificate);
    length = BIO_get_mem_data(file, &text);
    folder_make(&folder);
    folder_put(&folder, "ca.pem", text, (size_t)length);
    ca = mem_printf("%s/ca.pem", folder.path);
    settings.ca = ca;
    require(tls_context_update(&senders, &settings, NULL) == 0);
    BIO_free(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    folder_remove(&folder);
}

/* ---- A connection ---- */

struct connection {
    struct tls *sink;
    SSL *receiver;
    BIO *in, *out; /* of the receiver */
    int fds[2];    /* of the sink; of the receiver */
    bool open, failed;
};

/* What the receiver has to send, with byte AT of it another one; SIZE_MAX: as it is. */
static void flush(struct connection *connection, size_t at)
{
    char buffer[16384];
    int n;

    while ((n = BIO_read(connection->out, buffer, sizeof buffer)) > 0) {
        if (at < (size_t)n)
            buffer[at] ^= 0x55;
        send(connection->fds[1], buffer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static void receive(struct connection *connection)
{
    char buffer[16384];
    ssize_t n;

    while ((n = recv(connection->fds[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        BIO_write(connection->in, buffer, (int)n);
    while (SSL_read(connection->receiver, buffer, sizeof buffer) > 0)
        ;
}

static void note(struct connection *connection, ssize_t r, const struct error *error)
{
    require(r >= 0 || r == -EAGAIN || *error->text);
    connection->failed |= r < 0 && r != -EAGAIN;
}

static void write_record(struct connection *connection, const struct a_record *record)
{
    struct error error = ERROR_INIT;
    short events = 0;
    ssize_t r;

    if (connection->failed)
        return;
    if (!connection->open) {
        r = tls_handshake(connection->sink, &events, &error);
        require(r != -EAGAIN || events);
        connection->open = r == 0;
    } else if (record->letter & 0x80) {
        r = tls_write_only(connection->sink, "record\n", 7, &error);
    } else {
        r = tls_write(connection->sink, "record\n", 7, &error);
    }
    note(connection, r, &error);
}

static void read_answer(struct connection *connection)
{
    struct error error = ERROR_INIT;
    char buffer[512];

    if (connection->open && !connection->failed)
        note(connection, tls_read(connection->sink, buffer, sizeof buffer, &error), &error);
}

static void look(struct connection *connection)
{
    struct error error = ERROR_INIT;
    bool accepted;

    if (connection->open && !connection->failed)
        note(connection, tls_check(connection->sink, &accepted, &error), &error);
    tls_written(connection->sink);
}

static void change(struct connection *connection, unsigned how)
{
    switch (how % 4) {
    case 0:
        SSL_key_update(connection->receiver, SSL_KEY_UPDATE_REQUESTED);
        break;
    case 1:
        SSL_new_session_ticket(connection->receiver);
        break;
    case 2:
        SSL_renegotiate(connection->receiver);
        break;
    default:
        SSL_shutdown(connection->receiver);
    }
    SSL_do_handshake(connection->receiver);
}

static void do_step(struct connection *connection, const struct a_record *record)
{
    switch (record->letter % 8) {
    case 0:
        receive(connection);
        flush(connection, SIZE_MAX);
        break;
    case 1:
        write_record(connection, record);
        break;
    case 2:
        SSL_write(connection->receiver, record->bytes, (int)record->length);
        flush(connection, SIZE_MAX);
        break;
    case 3:
        send(connection->fds[1], record->bytes, record->length, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case 4:
        receive(connection);
        flush(connection, record_byte(record, 0) | record_byte(record, 1) << 8);
        break;
    case 5:
        read_answer(connection);
        look(connection);
        break;
    case 6:
        change(connection, record_byte(record, 0));
        flush(connection, SIZE_MAX);
        break;
    default:
        shutdown(connection->fds[1], SHUT_WR);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connection connection = {.open = false};
    struct records script = {data + 1, size - 1};
    struct a_record record;

    if (!size)
        return 0;
    if (!receivers)
        start();
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, connection.fds) == 0);
    require(tls_new(senders, "receiver", connection.fds[0], &connection.sink, NULL) == 0);
    connection.receiver = SSL_new(receivers);
    connection.in = BIO_new(BIO_s_mem());
    connection.out = BIO_new(BIO_s_mem());
    SSL_set_bio(connection.receiver, connection.in, connection.out);
    SSL_set_accept_state(connection.receiver);
    if (data[0] & 1)
        SSL_set_max_proto_version(connection.receiver, TLS1_2_VERSION);
    if (data[0] & 2)
        SSL_set_verify(connection.receiver, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    for (size_t steps = 0; steps < STEPS_MAX && records_next(&script, &record); steps++)
        do_step(&connection, &record);
    tls_free(connection.sink);
    SSL_free(connection.receiver);
    close(connection.fds[0]);
    close(connection.fds[1]);
    return 0;
}
