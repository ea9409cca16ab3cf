/* Reading the validity of PEM certificates with OpenSSL's libcrypto. */
#include "probes/host/certificate.h"

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
    return usec_from_seconds(timegm(&tm), ret) == 0;
}

int certificate_periods(const char *pem, size_t length, struct certificate_periods *ret, struct error *error)
{
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    struct certificate_periods found = {0};
    bool first_reads = false;

    for (size_t i = 0; bio && i < CERTIFICATES_MAX; i++) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        usec_t begins, ends;
        bool reads;

        if (!certificate)
            break;
        reads =
            read_time(X509_get0_notBefore(certificate), &begins) && read_time(X509_get0_notAfter(certificate), &ends);
        X509_free(certificate);
        found.count++;
        if (!reads)
            continue;
        if (i == 0) {
            first_reads = true;
            found.first_begins = begins;
            found.first_ends = ends;
        } else if (!found.next_begins || begins > found.next_begins) {
            found.next_begins = begins;
        }
        if (!found.newest_begins || begins > found.newest_begins) {
            found.newest_begins = begins;
            found.newest_ends = ends;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    if (!first_reads)
        return error_set(error, EINVAL, "no readable certificate");
    *ret = found;
    return 0;
}
