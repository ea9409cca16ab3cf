/* The file that remembers a swarm's unlock key: a salt, a hash over it and the key, and the time when that key was
 * first seen. It is rewritten when the key is another one. */
#include "probes/host/unlock_key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "common/file.h"
#include "common/json_in.h"
#include "common/json_out.h"
#include "common/memory.h"

enum { SALT_BYTES = 16, HASH_BYTES = 32, FILE_LIMIT = 4096 };

static void to_hex(const unsigned char *bytes, size_t count, char *ret)
{
    for (size_t i = 0; i < count; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* SHA-256 of the salt's hex digits and the key, as hex digits. */
static int salted_hash(const char *salt, const char *key, char ret[2 * HASH_BYTES + 1], struct error *error)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char hash[HASH_BYTES];
    bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
                EVP_DigestUpdate(context, salt, strlen(salt)) && EVP_DigestUpdate(context, key, strlen(key)) &&
                EVP_DigestFinal_ex(context, hash, NULL);

    EVP_MD_CTX_free(context);
    if (!done)
        return error_set(error, EIO, "the unlock key cannot be hashed");
    to_hex(hash, sizeof hash, ret);
    return 0;
}

static int write_record(const char *path, const char *key, usec_t now, struct error *error)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    unsigned char bytes[SALT_BYTES];
    char salt[2 * SALT_BYTES + 1], hash[2 * HASH_BYTES + 1];
    const char *text;
    size_t length;
    int r;

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_system(error, errno, "cannot get random bytes for the unlock key's salt");
    to_hex(bytes, sizeof bytes, salt);
    r = salted_hash(salt, key, hash, error);
    if (r < 0)
        return r;
    json_out_object(out, NULL);
    json_out_string(out, "salt", salt);
    json_out_string(out, "hash", hash);
    json_out_int(out, "first_seen", now);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    return file_replace(path, text, length, 0600, error);
}

int unlock_key_first_seen(const char *state_dir, const char *key, bool keep, usec_t now, usec_t *ret_first_seen,
                          struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/unlock-key.json", state_dir);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    char hash[2 * HASH_BYTES + 1];
    const char *salt, *known;
    usec_t seen;
    int r = file_read(path, FILE_LIMIT, &text, error);

    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && json_parse(str_text(&text), text.length, NULL, &doc, NULL) == 0) {
        salt = json_string(json_get(json_root(doc), "salt"));
        known = json_string(json_get(json_root(doc), "hash"));
        seen = json_int(json_get(json_root(doc), "first_seen"), 0);
        if (salt && known && seen > 0 && seen <= now) {
            r = salted_hash(salt, key, hash, error);
            if (r < 0)
                return r;
            if (strcmp(hash, known) == 0) {
                *ret_first_seen = seen;
                return 0;
            }
        }
    }
    r = keep ? write_record(path, key, now, error) : 0;
    if (r == 0)
        *ret_first_seen = keep ? now : 0;
    return r;
}
