/* Secrets in text: found by their shape, never shown.
 *
 * Three things give a secret away: a known key format (a GitHub token, an AWS key, a private key's header, a password
 * in a URL), a name that indicates one, followed by a real value (DB_PASSWORD=…, --token …, "api_key": "…"), and in
 * commands the flags of programs that take a password (mysql -p…). Placeholders, references to variables, empty values,
 * booleans, paths and names that point to a file (…_FILE) are not secrets. Pure; text may be hostile and of any length.
 */
#ifndef COMMON_SECRETS_SECRETS_H
#define COMMON_SECRETS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/budget.h"
#include "common/initials.h"
#include "common/shell/shell_spans.h"
#include "common/str.h"

struct secret_match {
    const char *kind; /* "GitHub token", "value of a secret-named variable" */
    const char *name; /* the variable, flag or key that names it: points into the text; NULL for key formats */
    size_t name_length;
    const char *value; /* points into the text: never print it */
    size_t value_length;
};

/* A walk through a text, in steps that grow with its length alone, whatever the text is: what comes next (an end, a
 * mark) is looked for once and remembered, and the arguments of a program are read once for each program. BUDGET counts
 * the steps and limits them if the caller sets its MAX after secret_scan_init(); once they are used up nothing more is
 * found. The other members are the walk's own. */
enum { SECRET_MARKS = 4, SECRET_PROGRAMS = 320, SECRET_PENDING = 32 };
struct secret_scan {
    struct budget budget;
    const char *text;
    size_t length, at; /* AT: after the secret that was reported last */
    struct {
        size_t from, at; /* none from FROM up to AT; AT above the length: not looked for yet */
    } marks[SECRET_MARKS];
    size_t no_token_before;          /* no JSON web token begins before this */
    size_t no_format_before;         /* no key format: a placeholder in the form of one */
    size_t no_base64_before;         /* no private key in base64 */
    size_t looked_up_to;             /* programs were looked for up to here */
    size_t read_to[SECRET_PROGRAMS]; /* the text before this was read as the arguments of the program */
    struct {
        size_t from, to;
    } pending[SECRET_PENDING]; /* passwords given to programs, in the text's order, not reported yet */
    size_t pending_count;
    /* Commands that a pipe may lead to, from as many places: where they end, and do they read a password? */
    struct secret_stage {
        size_t at, end;
        bool known, takes, pairs;
    } stages[64];
    struct shell_spans spans;
    struct initials formats, programs;
};
void secret_scan_init(struct secret_scan *scan, const char *text, size_t length);
/* The next secret. False: there are no more. */
bool secret_next(struct secret_scan *scan, struct secret_match *ret);
/* Is VALUE of a variable NAME a secret, or does it hold one? For environments and labels, where both are known. RET
 * (may be NULL) points into NAME and VALUE. */
bool secret_is_value(const char *name, const char *value, struct secret_match *ret);
/* The same, with steps of BUDGET: false as well when they are used up, which the caller sees in it. */
bool secret_is_value_within(const char *name, const char *value, struct budget *budget, struct secret_match *ret);
/* Appends TEXT with every secret replaced by "[redacted]". HIGH_ENTROPY_TOO (commands of execs): words that merely look
 * random are replaced as well. */
void secret_redact(struct str *out, const char *text, size_t length, bool high_entropy_too);
/* The same of a text that may hold messages (common/message.h): of each of their parts apart, so that they stay whole.
 */
void secret_redact_messages(struct str *out, const char *text);

#endif
