/* When an X.509 certificate is valid. The only file that knows OpenSSL. */
#ifndef PROBES_CERTIFICATE_H
#define PROBES_CERTIFICATE_H

#include "common/clock.h"
#include "common/error.h"

/* The validity (RFC 5280, 4.1.2.5) of the certificate in PEM; of several the one that began last. -EINVAL: there is
 * none that can be read. */
int certificate_period(const char *pem, size_t length, usec_t *ret_begins, usec_t *ret_ends, struct error *error);

#endif
