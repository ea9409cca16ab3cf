/* Certificates and their keys, made for a test in the folder of its fixture. */
#ifndef TESTS_UNIT_CERTIFICATES_H
#define TESTS_UNIT_CERTIFICATES_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "sink_fixture.h"

enum { HOUR = 3600 };

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char *key_path, *certificate_path;
};

static inline void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Signed by ISSUER; NULL: by itself, and it may sign others. ALTERNATIVE: as openssl's subjectAltName. */
static inline struct identity make_identity(const char *name, const struct identity *issuer, const char *alternative,
                                            long begin, long end)
{
    static long serial;
    struct identity identity = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *certificate = identity.certificate, *signer = issuer ? issuer->certificate : certificate;
    X509_NAME *subject = X509_get_subject_name(certificate);
    FILE *file;

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), begin);
    X509_gmtime_adj(X509_getm_notAfter(certificate), end);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    X509_set_pubkey(certificate, identity.key);
    if (!issuer)
        add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
    if (alternative)
        add_extension(certificate, signer, NID_subject_alt_name, alternative);
    ck_assert_int_gt(X509_sign(certificate, issuer ? issuer->key : identity.key, EVP_sha256()), 0);
    identity.key_path = mem_printf("%s/%s.key", folder, name);
    identity.certificate_path = mem_printf("%s/%s.pem", folder, name);
    file = fopen(identity.key_path, "we");
    ck_assert_int_eq(PEM_write_PrivateKey(file, identity.key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    file = fopen(identity.certificate_path, "we");
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    fclose(file);
    return identity;
}

static inline void identity_deinit(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    free(identity->key_path);
    free(identity->certificate_path);
}

#endif
