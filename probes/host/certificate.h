/* When an X.509 certificate is valid. The only file that knows OpenSSL. */
#ifndef PROBES_HOST_CERTIFICATE_H
#define PROBES_HOST_CERTIFICATE_H

#include "common/clock.h"
#include "common/error.h"

/* The validity (RFC 5280, 4.1.2.5) of the certificates in one PEM text. */
struct certificate_periods {
    size_t count;
    usec_t first_begins, first_ends;   /* a node's own precedes those that vouch for it */
    usec_t next_begins;                /* the latest begin among those after the first; 0: none */
    usec_t newest_begins, newest_ends; /* of the one that began last */
};

/* 0, or -EINVAL: no certificate, or the first one cannot be read. */
int certificate_periods(const char *pem, size_t length, struct certificate_periods *ret, struct error *error);

#endif
