/* Names that indicate a secret (DB_PASSWORD, api-key, authToken), and values that are not secrets: references,
 * placeholders, paths. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { NAME_MAX_LENGTH = 128, WORD_MAX = 64, VARIABLES_MAX = 256 };

/* ---- Names ---- */

static bool ends_with(const char *s, const char *end)
{
    size_t length = strlen(s), size = strlen(end);

    return length >= size && strcmp(s + length - size, end) == 0;
}

static bool ends_with_one_of(const char *name, const char *const *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

/* Is WORD in NAME, with no letter before or after it? */
static bool has_word(const char *name, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(name, word); at; at = strstr(at + 1, word))
        if ((at == name || at[-1] == '_') && (!at[size] || at[size] == '_' || isdigit((unsigned char)at[size])))
            return true;
    return false;
}

/* Is PART in NAME, and nowhere followed by what makes another word of it? */
static bool has_part(const char *name, const char *part)
{
    static const char *const others[][2] = {{"TOKEN", "IZ"},           {"TOKEN", "IS"},         {"SECRET", "AR"},
                                            {"PASSWORD", "LESS"},      {"PASSWORD", "AUTH"},    {"PASSWORD", "_AUTH"},
                                            {"CREDENTIAL", "_HELPER"}, {"CREDENTIAL", "HELPER"}};

    for (const char *at = strstr(name, part); at; at = strstr(at + 1, part)) {
        bool other = false;

        for (size_t i = 0; i < countof(others); i++)
            other |=
                strcmp(part, others[i][0]) == 0 && strncmp(at + strlen(part), others[i][1], strlen(others[i][1])) == 0;
        if (!other)
            return true;
    }
    return false;
}

/* Does a word of NAME end in END, as DBPASS and ROOTPW do? COMPASS does not. */
static bool has_word_ending(const char *name, const char *end)
{
    static const char *const others[] = {"COMPASS",   "BYPASS",   "TRESPASS", "ENCOMPASS", "SURPASS",  "OVERPASS",
                                         "UNDERPASS", "HIGHPASS", "LOWPASS",  "BANDPASS",  "MULTIPASS"};
    size_t size = strlen(end);

    for (const char *at = strstr(name, end); at; at = strstr(at + 1, end)) {
        const char *word = at;
        bool other = false;

        if (at[size] && at[size] != '_' && !isdigit((unsigned char)at[size]))
            continue;
        while (word > name && word[-1] != '_')
            word--;
        for (size_t i = 0; i < countof(others); i++)
            other |=
                strlen(others[i]) == (size_t)(at + size - word) && strncmp(word, others[i], strlen(others[i])) == 0;
        if (!other)
            return true;
    }
    return false;
}

/* Upper case, with '_' between the words: authToken, auth-token and auth.token are AUTH_TOKEN. */
static bool normalize(const char *raw, size_t length, char name[static 2 * NAME_MAX_LENGTH + 1])
{
    size_t n = 0;

    if (!length || length > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (i && isupper((unsigned char)raw[i]) && islower((unsigned char)raw[i - 1]))
            name[n++] = '_';
        name[n++] = raw[i] && strchr("-./ :", raw[i]) ? '_' : (char)toupper((unsigned char)raw[i]);
    }
    name[n] = '\0';
    return strlen(name) == n;
}

/* Does the name end in a word that makes it an attribute of a secret rather than a secret: SECRET_NAME, TOKEN_TTL?
 * Rails' SECRET_KEY_BASE is a secret. */
static bool is_about_secret(const char *name)
{
    static const char *const harmless[] = {
        "_FILE",      "_FILES",      "_PATH",      "_DIR",        "_NAME",        "_LENGTH",     "_TTL",
        "_EXPIRY",    "_EXPIRATION", "_EXPIRE",    "_EXPIRES",    "_EXPIRES_IN",  "_EXPIRE_IN",  "_TIMEOUT",
        "_POLICY",    "_TYPE",       "_ENABLED",   "_ALGORITHM",  "_ALG",         "_HEADER",     "_ISSUER",
        "_ENDPOINT",  "_PROVIDER",   "_METHOD",    "_MODE",       "_COUNT",       "_LIMIT",      "_LIFETIME",
        "_AGE",       "_PREFIX",     "_VERSION",   "_HOST",       "_PORT",        "_SERVICE",    "_STORE",
        "_MIN",       "_MAX",        "_REQUIRED",  "_ROTATION",   "_HINT",        "_PROMPT",     "_ID_FILE",
        "_ENV",       "_VAR",        "_REF",       "_RETRIES",    "_AUDIENCE",    "_REALM",      "_DISABLED",
        "_URL",       "_URI",        "_USER",      "_USERNAME",   "_SHA256",      "_SHA512",     "_SHA1",
        "_SHA384",    "_MD5",        "_CHECKSUM",  "_DIGEST",     "_FINGERPRINT", "_REGEX",      "_PATTERN",
        "_FORMAT",    "_SCHEME",     "_SCOPE",     "_SCOPES",     "_SIZE",        "_DOMAIN",     "_GRANT_TYPE",
        "_FIELD",     "_COLUMN",     "_BACKEND",   "_STRENGTH",   "_HASHER",      "_SECONDS",    "_MINUTES",
        "_HOURS",     "_DAYS",       "_HELPER",    "_ENCRYPTION", "_INTERVAL",    "_ROUNDS",     "_REGION",
        "_VALIDATOR", "_VALIDATORS", "_PROTECTED", "_SOCK",       "_SERVER",      "_PER_SECOND", "_PER_MINUTE",
        "_BUCKET",    "_ATTEMPTS",   "_DURATION",  "_VALIDITY",   "_CACHE",       "_CLASS",      "_DRIVER",
        "_PLUGIN",    "_MODULE",     "_COST",      "_THROUGH",    "_DATABASE",    "_BASE",       "_SOURCE",
        "_NAMES",     "_STDIN",      "_FD",        "_RE"};

    return ends_with_one_of(name, harmless, countof(harmless)) && !ends_with(name, "KEY_BASE");
}

/* Is a part of what the names of secrets are made of in NAME? Most names have none, and are no further looked at. */
static bool may_be_secret(const char *name)
{
    static const char *const parts[] = {"PASS",   "SECRET", "TOKEN", "KEY", "CRED",   "STRING",
                                        "COOKIE", "PW",     "AUTH",  "PSK", "BEARER", "PAT"};

    for (size_t i = 0; i < countof(parts); i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

bool secret_is_name(struct secret_scan *scan, const char *raw, size_t length)
{
    enum { LOOK_STEPS = 64, COMPARE_STEPS = 256 };
    static const char *const parts[] = {
        "PASSWORD",      "PASSWD",        "PASSPHRASE",        "SECRET",         "TOKEN",      "API_KEY",
        "APIKEY",        "ACCESS_KEY",    "ACCESSKEY",         "PRIVATE_KEY",    "PRIVATEKEY", "CREDENTIAL",
        "AUTH_KEY",      "AUTHKEY",       "SIGNING_KEY",       "ENCRYPTION_KEY", "MASTER_KEY", "LICENSE_KEY",
        "ACCOUNT_KEY",   "STORAGE_KEY",   "CONNECTION_STRING", "SHARED_KEY",     "HMAC_KEY",   "APP_KEY",
        "ACCOUNTKEY",    "ENCRYPTIONKEY", "SIGNINGKEY",        "DEPLOY_KEY",     "CLIENT_KEY", "SERVICE_KEY",
        "ERLANG_COOKIE", "FERNET_KEY",    "LOGGED_IN_KEY",     "NONCE_KEY"};
    static const char *const words[] = {
        "PASS",       "PWD",           "PW",         "AUTH",         "AUTHORIZATION", "PASSCODE",   "PSK",
        "BEARER",     "CREDS",         "CRED",       "AES_KEY",      "ENC_KEY",       "SSH_KEY",    "RSA_KEY",
        "JWT_KEY",    "CRYPT_KEY",     "CRYPTO_KEY", "SECURITY_KEY", "SESSION_KEY",   "COOKIE_KEY", "WEBHOOK_KEY",
        "SIGN_KEY",   "GITHUB_PAT",    "GH_PAT",     "GITLAB_PAT",   "AZURE_PAT",     "ADO_PAT",    "DEVOPS_PAT",
        "DOCKER_PAT", "DOCKERHUB_PAT", "AZP_PAT"};
    static const char *const word_ends[] = {"PASS", "PWD", "ROOTPW", "USERPW", "ADMINPW", "DBPW", "BINDPW"};
    char name[2 * NAME_MAX_LENGTH + 1];

    secret_take(scan, LOOK_STEPS);
    if (!normalize(raw, length, name) || !may_be_secret(name))
        return false;
    secret_take(scan, COMPARE_STEPS);
    if (strcmp(name, "PWD") == 0 || strcmp(name, "OLDPWD") == 0 || strcmp(name, "NOPASSWD") == 0 ||
        strstr(name, "PUBLIC"))
        return false;
    for (size_t i = 0; i < countof(parts); i++)
        if (has_part(name, parts[i]))
            return true;
    for (size_t i = 0; i < countof(words); i++)
        if (has_word(name, words[i]))
            return true;
    for (size_t i = 0; i < countof(word_ends); i++)
        if (has_word_ending(name, word_ends[i]))
            return true;
    return false;
}

/* ---- Values ---- */

static bool is_amount(const char *value, size_t length)
{
    return length > 0 && length < 12 &&
           (secret_is_made_of(value, length, "0123456789._") ||
            (strchr("kKmM", value[length - 1]) && secret_is_made_of(value, length - 1, "0123456789._")));
}

/* RFC 9562. */
static bool is_uuid(const char *value, size_t length)
{
    return length == 36 && secret_is_made_of(value, length, "0123456789abcdefABCDEF-") && value[8] == '-' &&
           value[13] == '-' && value[18] == '-' && value[23] == '-';
}

/* Letters and digits that nobody gives a thing for a name: of both cases with digits among them, or hexadecimal. */
static bool is_random(struct secret_scan *scan, const char *value, size_t length)
{
    enum { MIN = 12, HEX_MIN = 24, GROUPS_MIN = 2, CHARACTER_STEPS = 2 };
    size_t lower = 0, upper = 0, groups = 0;

    for (size_t i = 0; i < length; i++) {
        bool digit = isdigit((unsigned char)value[i]);

        if (!secret_take(scan, CHARACTER_STEPS) || !isalnum((unsigned char)value[i]))
            return false;
        lower += islower((unsigned char)value[i]) != 0;
        upper += isupper((unsigned char)value[i]) != 0;
        groups += digit && !(i && isdigit((unsigned char)value[i - 1]));
    }
    return groups >= GROUPS_MIN &&
           ((length >= MIN && lower && upper) ||
            (length >= HEX_MIN && lower && secret_is_made_of(value, length, "0123456789abcdef")));
}

/* The forty upper case digits by which OpenPGP names a key, which is public: SWIFT_SIGNING_KEY. */
static bool is_key_fingerprint(const char *name, const char *value, size_t length)
{
    return ends_with(name, "SIGNING_KEY") && length == 40 && secret_is_made_of(value, length, "0123456789ABCDEF");
}

bool secret_is_named(struct secret_scan *scan, const char *raw, size_t name_length, size_t start, size_t end)
{
    static const char *const random[] = {"_FILE",   "_FILES",       "_PATH",   "_DIR",  "_VERSION",
                                         "_SHA256", "_SHA512",      "_SHA384", "_SHA1", "_CHECKSUM",
                                         "_DIGEST", "_FINGERPRINT", "_MD5"};
    const char *value = scan->text + start;
    size_t length = end - start;
    char name[2 * NAME_MAX_LENGTH + 1];

    if (!secret_is_name(scan, raw, name_length) || !normalize(raw, name_length, name))
        return false;
    if (is_about_secret(name))
        return !ends_with_one_of(name, random, countof(random)) && is_random(scan, value, length);
    if (strstr(name, "CONNECTION_STRING")) /* secrets in one are recognized on their own, except user/password@host */
        return secret_next_mark(scan, MARK_AT, start) < end || is_random(scan, value, length);
    if (is_key_fingerprint(name, value, length) || (has_word(name, "TOKENS") && is_amount(value, length)))
        return false;
    if (ends_with(name, "_ID") && !ends_with(name, "KEY_ID")) /* it names a secret; Vault's role has one that is one */
        return ends_with(name, "SECRET_ID") && is_uuid(value, length);
    return true;
}

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

/* Of the text from START to END. */
static bool is_reference(struct secret_scan *scan, size_t start, size_t end)
{
    static const char *const services[] = {"vault:",         "arn:aws:", "ssm:", "awssm:", "sm://",
                                           "op://",          "gcp-sm:",  "ref+", "env:",   "secret:",
                                           "azurekeyvault:", "!vault",   "ENC["};
    const char *value = scan->text + start;
    size_t length = end - start;
    char last = length ? value[length - 1] : '\0';

    if (!length)
        return false;
    if (secret_next_mark(scan, MARK_REFERENCE, start) + 1 < end || *value == '`')
        return true;
    for (size_t i = 0; i < countof(services); i++)
        if (length > strlen(services[i]) && memcmp(value, services[i], strlen(services[i])) == 0)
            return true;
    switch (*value) {
    case '$':
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
        return length == 1 || last == ']';
    case '@':
        return is_between(scan, value, length, "@") || (length > 1 && (value[1] == '@' || value[1] == '/')) ||
               (length > 2 && memcmp(value, "@./", 3) == 0);
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

/* How many of the first characters of VALUE are one of CHARACTERS. */
static size_t run_of(struct secret_scan *scan, const char *value, size_t length, const char *characters)
{
    size_t run = 0;

    while (run < length && value[run] && strchr(characters, value[run]))
        run++;
    secret_take(scan, 1 + 2 * run);
    return run;
}

static bool is_placeholder(struct secret_scan *scan, const char *value, size_t length)
{
    static const char *const fillings[] = {"*", "xX", ".", "!*", "-", "_", "?", "#"};
    static const char *const words[] = {
        "changeme",   "change_me",   "change-me",   "changeit",    "placeholder", "example",  "replaceme", "replace_me",
        "replace-me", "none",        "null",        "nil",         "undefined",   "todo",     "tbd",       "dummy",
        "redacted",   "[redacted]",  "unset",       "not-set",     "notset",      "default",  "true",      "false",
        "yes",        "no",          "on",          "off",         "0",           "1",        "-",         "secretref",
        "fixme",      "insert_here", "enabled",     "disabled",    "auto",        "required", "optional",  "prompt",
        "ask",        "changethis",  "change-this", "change_this", "y",           "n",        "not_set",   "empty",
        "store",      "env",         "file",        "all",         "unused"};
    static const char *const starts[] = {"your-",    "your_",    "my-secret-here", "insert-",      "insert_",
                                         "example-", "example_", "placeholder-",   "replace-with", "replace_with",
                                         "enter-",   "enter_",   "change-me-",     "change_me_",   "changeme-",
                                         "dummy-",   "dummy_"};
    enum { WORD_STEPS = 128 };
    char lower[WORD_MAX];

    for (size_t i = 0; i < countof(fillings); i++)
        if (run_of(scan, value, length, fillings[i]) == length)
            return true;
    if (length == 1 && strchr("\\/([{}]),;:=+", *value))
        return true;
    if (length >= sizeof lower)
        return false;
    secret_take(scan, WORD_STEPS);
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)value[i]);
    lower[length] = '\0';
    for (size_t i = 0; i < countof(words); i++)
        if (*lower == *words[i] && strcmp(lower, words[i]) == 0)
            return true;
    for (size_t i = 0; i < countof(starts); i++)
        if (strncmp(lower, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

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
    size_t start = *value == '/' ? 1 : 0;

    if ((length > 3 && isalpha((unsigned char)value[0]) && value[1] == ':' && strchr("\\/", value[2])) ||
        (length > 3 && memcmp(value, "\\\\", 2) == 0))
        return true;
    for (size_t i = 0; !start && i < countof(beginnings); i++)
        if (length > strlen(beginnings[i]) && memcmp(value, beginnings[i], strlen(beginnings[i])) == 0)
            start = strlen(beginnings[i]);
    if (!start)
        return length < WORD_MAX && (is_relative_path(value, length) || is_file_name(value, length));
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
           !is_pattern(text + start, end - start) && !is_placeholder(scan, text + start, end - start) &&
           !is_path(scan, text + start, end - start) && !is_public_key(text + start, end - start);
}
