/* Secrets in text: found by their shape, never shown.
 *
 * Three things give a secret away: a known key format (a GitHub token, an AWS key, a private key's header, a password
 * in a URL), a name that says so with a real value behind it (DB_PASSWORD=…, --token …, "api_key": "…"), and in
 * commands the flags of programs that take a password (mysql -p…). Placeholders, references to variables, empty values,
 * booleans, paths and names that point to a file (…_FILE) are no secrets. Pure; text may be hostile and of any length.
 */
#ifndef COMMON_SECRETS_H
#define COMMON_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct secret_match {
    const char *kind; /* "GitHub token", "value of a secret-named variable" */
    const char *name; /* the variable, flag or key that names it: points into the text; NULL for key formats */
    size_t name_length;
    const char *value; /* points into the text: never print it */
    size_t value_length;
};

/* The next secret in TEXT at or after *AT, which is moved behind it. */
bool secret_next(const char *text, size_t length, size_t *at, struct secret_match *ret);
/* Is VALUE of a variable NAME a secret? For environments and labels, where both are known. */
bool secret_is_value(const char *name, const char *value, const char **ret_kind);
/* Appends TEXT with every secret replaced by "[redacted]". STRICT (commands of execs): words that merely look random
 * are replaced as well. */
void secret_redact(struct str *out, const char *text, size_t length, bool strict);

#endif
