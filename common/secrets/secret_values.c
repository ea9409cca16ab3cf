/* Values that are no secrets: references to where one is kept, placeholders, paths and addresses, times. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { WORD_MAX = 64, VARIABLES_MAX = 256 };

/* ---- References ---- */

/* The length of the run of letters, digits and '_' at AT. */
static size_t identifier(struct secret_scan *scan, const char *value, size_t length, size_t at)
{
    size_t end = at;

    while (end < length && (isalnum((unsigned char)value[end]) || value[end] == '_'))
        end++;
    secret_take(scan, 2 * (end - at));
    return end - at;
}

/* $NAME, $1, and several of them with signs or \n between: nothing of it is known. What is longer than such a text ever
 * is counts as a value, so that no text is walked through again and again. */
static bool is_variables(struct secret_scan *scan, const char *value, size_t length)
{
    if (length > VARIABLES_MAX)
        return false;
    secret_take(scan, 2 * length);
    for (size_t i = 0; i < length;) {
        size_t size = value[i] == '$' ? identifier(scan, value, length, i + 1) : 0;

        if (size)
            i += 1 + size;
        else if (i + 1 < length && value[i] == '\\' && strchr("nrt", value[i + 1]))
            i += 2;
        else if (value[i] && strchr("@*#?:/.,_-+=\"'\\", value[i]))
            i++;
        else if (value[i] == '$' && i + 1 < length && strchr("$@*#?!", value[i + 1]))
            i += 2;
        else
            return false;
    }
    return true;
}

/* MARK NAME MARK, as in @NAME@, %NAME%, __NAME__, %%NAME%%. */
static bool is_between(struct secret_scan *scan, const char *value, size_t length, const char *mark)
{
    size_t size = strlen(mark);

    return length > 2 * size && memcmp(value, mark, size) == 0 && memcmp(value + length - size, mark, size) == 0 &&
           identifier(scan, value, length - size, size) == length - 2 * size;
}

/* $TOKEN@host: a variable's name in capitals, and whatever comes after it. */
static bool is_capital_variable(const char *value, size_t length)
{
    size_t end = 1;

    while (end < length &&
           (isupper((unsigned char)value[end]) || isdigit((unsigned char)value[end]) || value[end] == '_'))
        end++;
    return end > 3 && (end == length || !isalnum((unsigned char)value[end]));
}

/* Of the text from START to END. */
static bool is_reference(struct secret_scan *scan, size_t start, size_t end)
{
    static const char *const services[] = {"vault:",
                                           "arn:aws:",
                                           "ssm:",
                                           "awssm:",
                                           "sm://",
                                           "op://",
                                           "gcp-sm:",
                                           "gcp:secretmanager",
                                           "aws:secretsmanager",
                                           "aws:ssm",
                                           "awssecret",
                                           "gsm:",
                                           "akv:",
                                           "keyvault:",
                                           "infisical:",
                                           "doppler:",
                                           "berglas://",
                                           "secretref:",
                                           "var.",
                                           "local.",
                                           "module.",
                                           "data.",
                                           "random_password.",
                                           "fd:",
                                           "k8s:",
                                           "kubernetes:",
                                           "ref+",
                                           "env:",
                                           "secret:",
                                           "file:",
                                           "projects/",
                                           "azurekeyvault:",
                                           "!vault",
                                           "ENC[",
                                           "ENC(",
                                           "@Microsoft.KeyVault",
                                           "DOCKER-SECRET",
                                           "process.env",
                                           "os.environ",
                                           "os.getenv",
                                           "getenv(",
                                           "ENV[",
                                           "System.getenv",
                                           "Deno.env",
                                           "passwordPrompt(",
                                           "pk_live_",
                                           "pk_test_",
                                           "pass:env:",
                                           "pass:file:",
                                           "hash:/",
                                           "lmdb:/",
                                           "texthash:/",
                                           "btree:/"};
    const char *value = scan->text + start;
    size_t length = end - start;
    char last = length ? value[length - 1] : '\0';

    if (!length)
        return false;
    if (secret_next_mark(scan, MARK_REFERENCE, start) + 1 < end || *value == '`')
        return true;
    for (size_t i = 0; i < countof(services); i++)
        if (length >= strlen(services[i]) && memcmp(value, services[i], strlen(services[i])) == 0)
            return true;
    if ((length > 2 && memcmp(value + length - 2, "}}", 2) == 0) || last == '(') /* of a template, a call */
        return true;
    switch (*value) {
    case '-':
        return secret_is_word(scan, start, "-----BEGIN") || secret_is_word(scan, start, "---- BEGIN");
    case ')':
        return true; /* of what is around it */
    case '$':
        if (is_capital_variable(value, length) ||
            (length > 1 && value[1] == '$' &&
             is_capital_variable(value + 1, length - 1))) /* $$NAME, as Compose has it */
            return true;
        return is_variables(scan, value, length) ||
               (length > 5 && memcmp(value, "$env:", 5) == 0 && identifier(scan, value, length, 5) == length - 5);
    case '%': /* of a batch file, printf, Python */
        return is_between(scan, value, length, "%") || is_between(scan, value, length, "%%") || length == 1 ||
               (length >= 2 && strchr("({", value[1])) ||
               (value[1] && strchr("sdq", value[1]) && (length == 2 || value[2] == '\\' || value[2] == ':'));
    case '<':
        return last == '>' || length == 1;
    case '{': /* a template's, or where JSON goes on */
        return length == 1 || value[1] == '{' || last == '}' || value[1] == '"' || secret_is_blank(value[1]);
    case '#':
        return length > 1 && value[1] == '{';
    case '[':
        return length == 1 || (length < WORD_MAX && memchr(value, ']', length)) || last == ']';
    case '\\': /* \$NAME, \n */
        return length > 1 && (value[1] == '$' || (length == 2 && strchr("nrt", value[1])));
    case '(': /* a call's */
        return true;
    case '*': /* **None** */
        return length > 4 && value[1] == '*' && memcmp(value + length - 2, "**", 2) == 0;
    case '@':
        return is_between(scan, value, length, "@") ||
               (length > 4 && last == '@' &&
                secret_is_made_of(value, length, "@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-")) ||
               (length > 1 && (value[1] == '@' || value[1] == '/')) || (length > 2 && memcmp(value, "@./", 3) == 0);
    case '_':
        return is_between(scan, value, length, "__");
    default:
        return false;
    }
}

/* The start of a pattern in the place of a value: sed 's/password=.* /…/'. */
static bool is_pattern(const char *value, size_t length)
{
    static const char *const starts[] = {".*",  ".+",  ".\\{", "[^",  "\\(",   "(.*",
                                         "(.+", "\\S", "\\w",  "[[:", "[A-Za", "[a-zA"};

    for (size_t i = 0; i < countof(starts); i++)
        if (length >= strlen(starts[i]) && memcmp(value, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* ---- Paths ---- */

/* setPassword.sh: a name, and the ending of a kind of file. */
static bool is_file_name(const char *value, size_t length)
{
    static const char *const endings[] = {".sh",  ".py",   ".js",         ".sql", ".txt", ".json", ".yml", ".yaml",
                                          ".xml", ".conf", ".properties", ".pem", ".key", ".crt",  ".p12", ".jks"};

    for (size_t i = 0; i < length; i++)
        if (!isalpha((unsigned char)value[i]) && !(value[i] && strchr("._-", value[i])) && i + 3 < length)
            return false; /* passwords have digits, which only the ending may have: .p12 */
    for (size_t i = 0; i < countof(endings); i++) {
        size_t size = strlen(endings[i]);

        if (length > size && memcmp(value + length - size, endings[i], size) == 0)
            return true;
    }
    return false;
}

/* secrets/db.txt: a slash between plain names, and an ending. */
static bool is_relative_path(const char *value, size_t length)
{
    size_t slashes = 0, dot = 0;

    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)value[i]) && !strchr("/._-", value[i]))
            return false;
        if (value[i] == '/') {
            slashes++;
            dot = 0;
        } else if (value[i] == '.') {
            dot = i;
        }
    }
    return slashes && dot && length - dot <= 6 && length - dot >= 2 && islower((unsigned char)value[0]) &&
           islower((unsigned char)value[dot + 1]);
}

/* A path names a place, not a secret; base64 may begin with a slash too, but rarely has more of them than words. */
static bool is_path(struct secret_scan *scan, const char *value, size_t length)
{
    enum { CHARACTER_STEPS = 2 };
    static const char *const beginnings[] = {"./", "../", "~/", "file:/"};
    size_t start = *value == '/' ? 1 : 0, first;

    if ((length > 3 && isalpha((unsigned char)value[0]) && value[1] == ':' && strchr("\\/", value[2])) ||
        (length > 3 && memcmp(value, "\\\\", 2) == 0))
        return true;
    for (size_t i = 0; !start && i < countof(beginnings); i++)
        if (length > strlen(beginnings[i]) && memcmp(value, beginnings[i], strlen(beginnings[i])) == 0)
            start = strlen(beginnings[i]);
    if (!start)
        return length < WORD_MAX && (is_relative_path(value, length) || is_file_name(value, length));
    for (first = start; first < length && isalnum((unsigned char)value[first]);)
        first++;
    if (secret_is_random(scan, value + start, first - start)) /* base64 that begins with a slash */
        return false;
    for (size_t i = start; i < length; i++)
        if (!secret_take(scan, CHARACTER_STEPS) || (!isalnum((unsigned char)value[i]) && !strchr("/._-@", value[i])))
            return false;
    return true;
}

/* As OpenSSH writes it: sshd(8), "AUTHORIZED_KEYS FILE FORMAT". */
static bool is_public_key(const char *value, size_t length)
{
    static const char *const types[] = {"ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp"};

    for (size_t i = 0; i < countof(types); i++)
        if (length >= strlen(types[i]) && memcmp(value, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

/* 15m, 3600s, 30 days, PT15M (ISO 8601). */
static bool is_duration(const char *value, size_t length)
{
    static const char *const units[] = {"ms",   "s",     "m",       "h",    "d",       "w",   "y",
                                        "min",  "mins",  "minutes", "sec",  "seconds", "hrs", "hours",
                                        "days", "weeks", "us",      "hour", "day"};
    size_t at = 0;

    if (length >= 3 && length < 16 && *value == 'P' && isdigit((unsigned char)value[1 + (value[1] == 'T')]))
        return secret_is_made_of(value, length, "PTYMWDHS0123456789.");
    while (at < length && isdigit((unsigned char)value[at]))
        at++;
    if (!at || at == length)
        return false;
    while (at < length && value[at] == ' ')
        at++;
    for (size_t i = 0; i < countof(units); i++)
        if (strlen(units[i]) == length - at && memcmp(value + at, units[i], length - at) == 0)
            return true;
    return false;
}

/* A URL; the passwords in one are found on their own. */
static bool is_url(const char *value, size_t length)
{
    enum { SCHEME_MAX = 24 };
    size_t at = 0;

    while (at < length && at < SCHEME_MAX &&
           (isalnum((unsigned char)value[at]) || value[at] == '+' || value[at] == '-'))
        at++;
    return at >= 2 && length - at > 3 && memcmp(value + at, "://", 3) == 0;
}

/* django.contrib.auth.Backend, com.example.security.TokenAuth: three names or more with dots between, the last one in
 * capitals as those of classes are. */
static bool is_class_name(const char *value, size_t length)
{
    size_t parts = 1, last = 0;

    for (size_t i = 0; i < length; i++) {
        if (value[i] == '.') {
            parts++;
            last = i + 1;
        } else if (!isalpha((unsigned char)value[i]) && !(last && isdigit((unsigned char)value[i])) &&
                   value[i] != '_') {
            return false;
        }
    }
    return parts >= 3 && last < length && isupper((unsigned char)value[last]) && islower((unsigned char)*value);
}

/* 0x and forty digits: an account of Ethereum, which is public. */
static bool is_account(const char *value, size_t length)
{
    return length == 42 && memcmp(value, "0x", 2) == 0 &&
           secret_is_made_of(value + 2, length - 2, "0123456789abcdefABCDEF");
}

/* What no secret looks like: an address, a class, a time. */
static bool is_plain_shape(const char *value, size_t length)
{
    return is_url(value, length) || is_account(value, length) ||
           (length < WORD_MAX && (is_class_name(value, length) || is_duration(value, length)));
}

bool secret_is_real(struct secret_scan *scan, size_t start, size_t end)
{
    enum { VALUE_STEPS = 96 };
    const char *text = scan->text;

    secret_take(scan, VALUE_STEPS);
    if (end > start + 1 && (text[start] == '"' || text[start] == '\'') && text[end - 1] == text[start]) {
        start++;
        end--;
    }
    return end > start && !secret_is_blank(text[start]) && !is_reference(scan, start, end) &&
           !is_pattern(text + start, end - start) && !secret_is_placeholder(scan, text + start, end - start) &&
           !is_path(scan, text + start, end - start) && !is_public_key(text + start, end - start) &&
           !is_plain_shape(text + start, end - start);
}
