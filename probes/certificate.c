/* Reading the validity of PEM certificates with OpenSSL's libcrypto. */
#include "probes/certificate.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

enum { CERTIFICATES_MAX = 64 };

static bool read_time(const ASN1_TIME *at, usec_t *ret)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(at, &tm))
        return false;
    *ret = (usec_t)timegm(&tm) * USEC_PER_SEC;
    return true;
}

int certificate_period(const char *pem, size_t length, usec_t *ret_begins, usec_t *ret_ends, struct error *error)
{
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    usec_t begins = 0, ends = 0;
    bool found = false;

    for (size_t i = 0; bio && i < CERTIFICATES_MAX; i++) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        usec_t from, to;

        if (!certificate)
            break;
        if (read_time(X509_get0_notBefore(certificate), &from) && read_time(X509_get0_notAfter(certificate), &to) &&
            (!found || from > begins)) {
            found = true;
            begins = from;
            ends = to;
        }
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (!found)
        return error_set(error, EINVAL, "no certificate that can be read");
    *ret_begins = begins;
    *ret_ends = ends;
    return 0;
}
