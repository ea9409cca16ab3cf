/* Finding secrets in text: see the header. One scanner serves both the rules that report and the output that redacts,
 * so that what is reported is also what is hidden. */
#include "common/secrets.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

enum { NAME_MAX_LENGTH = 128, PLACEHOLDER_MAX = 64, COMMAND_MAX = 4096 };

static const char named_kind[] = "value of a secret-named variable", command_kind[] = "password given to a command";

/* ---- What lies ahead ---- */

enum mark {
    MARK_AT,
    MARK_REFERENCE,
    MARK_URL_END,
    MARK_WORD_END,
    MARK_COMMAND_END,
    MARK_ESCAPE_END,
    MARK_TAKERS, /* one for each of them */
};

/* What takes a password from what is piped into it. */
static const char *const takers[] = {"--password-stdin", "--stdin",     "sudo -S", "--passphrase-fd", "kinit",
                                     "cryptsetup",       "--with-token"};
_Static_assert(MARK_TAKERS + sizeof takers / sizeof *takers <= SECRET_MARKS, "too many marks");

static bool find(const char *text, size_t length, size_t from, const char *needle, size_t *ret)
{
    const char *at = from < length ? memmem(text + from, length - from, needle, strlen(needle)) : NULL;

    if (at)
        *ret = (size_t)(at - text);
    return at != NULL;
}

/* NUL ends whatever a blank ends. */
static bool ends_at(char c, int mark)
{
    switch (mark) {
    case MARK_AT:
        return c == '@';
    case MARK_URL_END:
        return isspace((unsigned char)c) || strchr("\"'<>|;", c);
    case MARK_WORD_END:
        return isspace((unsigned char)c) || strchr(";|&\"'`)<>", c);
    case MARK_COMMAND_END:
        return strchr(";&\n", c);
    default: /* MARK_ESCAPE_END */
        return c == '\\' || c == '"';
    }
}

/* The first place of MARK at or behind FROM; the text's length when there is none. */
static size_t next_mark(struct secret_scan *scan, int mark, size_t from)
{
    size_t at = from;

    if (scan->marks[mark].at <= scan->length && from >= scan->marks[mark].from && from <= scan->marks[mark].at)
        return scan->marks[mark].at;
    if (from >= scan->length)
        return scan->length;
    if (mark == MARK_REFERENCE || mark >= MARK_TAKERS) {
        if (!find(scan->text, scan->length, from, mark == MARK_REFERENCE ? "${" : takers[mark - MARK_TAKERS], &at))
            at = scan->length;
    } else {
        while (at < scan->length && !ends_at(scan->text[at], mark))
            at++;
    }
    scan->marks[mark].from = from;
    scan->marks[mark].at = at;
    return at;
}

/* ---- Key formats ---- */

enum charset { ALNUM, ALNUM_DASH, BASE64, UPPER_ALNUM, URL_PATH, CRYPT };

/* PREFIX, then from MIN to MAX characters of SET; the whole is not part of a longer word. */
static const struct format {
    const char *prefix, *kind;
    enum charset set;
    size_t min, max;
} formats[] = {
    {"AKIA", "AWS access key id", UPPER_ALNUM, 16, 16},
    {"ASIA", "AWS access key id", UPPER_ALNUM, 16, 16},
    {"ghp_", "GitHub token", ALNUM, 36, 255},
    {"gho_", "GitHub token", ALNUM, 36, 255},
    {"ghu_", "GitHub token", ALNUM, 36, 255},
    {"ghs_", "GitHub token", ALNUM, 36, 255},
    {"ghr_", "GitHub token", ALNUM, 36, 255},
    {"github_pat_", "GitHub token", ALNUM_DASH, 40, 255},
    {"glpat-", "GitLab token", ALNUM_DASH, 20, 255},
    {"glptt-", "GitLab token", ALNUM_DASH, 20, 255},
    {"xoxb-", "Slack token", ALNUM_DASH, 20, 255},
    {"xoxp-", "Slack token", ALNUM_DASH, 20, 255},
    {"xoxa-", "Slack token", ALNUM_DASH, 20, 255},
    {"xoxs-", "Slack token", ALNUM_DASH, 20, 255},
    {"AIza", "Google API key", ALNUM_DASH, 35, 40},
    {"sk_test_", "Stripe key", ALNUM, 16, 255},
    {"rk_test_", "Stripe key", ALNUM, 16, 255},
    {"whsec_", "Stripe key", ALNUM, 16, 255},
    {"hooks.slack.com/services/", "Slack webhook", URL_PATH, 20, 255},
    {"discord.com/api/webhooks/", "Discord webhook", URL_PATH, 20, 255},
    {"?sig=", "signed URL", URL_PATH, 20, 255},
    {"&sig=", "signed URL", URL_PATH, 20, 255},
    {"X-Amz-Signature=", "signed URL", ALNUM, 64, 64},
    {"$1$", "password hash", CRYPT, 20, 512},
    {"$5$", "password hash", CRYPT, 20, 512},
    {"$6$", "password hash", CRYPT, 20, 512},
    {"$y$", "password hash", CRYPT, 20, 512},
    {"$2a$", "password hash", CRYPT, 40, 512},
    {"$2b$", "password hash", CRYPT, 40, 512},
    {"$2y$", "password hash", CRYPT, 40, 512},
    {"$apr1$", "password hash", CRYPT, 20, 512},
    {"$argon2", "password hash", CRYPT, 30, 512},
    {"AGE-SECRET-KEY-1", "age key", UPPER_ALNUM, 40, 80},
    {"xapp-", "Slack token", ALNUM_DASH, 20, 255},
    {"xoxe.", "Slack token", ALNUM_DASH, 20, 255},
    {"gldt-", "GitLab token", ALNUM_DASH, 20, 255},
    {"glrt-", "GitLab token", ALNUM_DASH, 20, 255},
    {"hf_", "Hugging Face token", ALNUM, 30, 255},
    {"shpat_", "Shopify token", ALNUM, 32, 32},
    {"ya29.", "Google OAuth token", ALNUM_DASH, 20, 2048},
    {"sk_live_", "Stripe key", ALNUM, 16, 255},
    {"rk_live_", "Stripe key", ALNUM, 16, 255},
    {"sk-ant-", "Anthropic key", ALNUM_DASH, 20, 255},
    {"sk-proj-", "OpenAI key", ALNUM_DASH, 20, 255},
    {"npm_", "npm token", ALNUM, 36, 36},
    {"pypi-AgEI", "PyPI token", ALNUM_DASH, 40, 1024},
    {"dckr_pat_", "Docker Hub token", ALNUM_DASH, 20, 255},
    {"SG.", "SendGrid key", ALNUM_DASH, 22, 255},
    {"hvs.", "Vault token", ALNUM_DASH, 24, 1024},
    {"SWMTKN-1-", "swarm join token", ALNUM_DASH, 40, 255},
    {"SWMKEY-1-", "swarm unlock key", BASE64, 30, 255},
    {"eyJhbGciOi", "JSON web token", BASE64, 20, 8192},
    {"dop_v1_", "DigitalOcean token", ALNUM, 64, 64},
};

static bool in_set(char c, enum charset set)
{
    switch (set) {
    case ALNUM:
        return isalnum((unsigned char)c);
    case ALNUM_DASH:
        return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
    case BASE64:
        return isalnum((unsigned char)c) || (c && strchr("+/=-_.", c));
    case UPPER_ALNUM:
        return isupper((unsigned char)c) || isdigit((unsigned char)c);
    case URL_PATH:
        return isalnum((unsigned char)c) || (c && strchr("-_./%", c));
    case CRYPT:
        return isalnum((unsigned char)c) || (c && strchr("./$=,+-_", c));
    }
    return false;
}

static bool match_format(const char *text, size_t length, size_t at, struct secret_match *ret)
{
    bool in_word = at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_');

    if (in_word && isalnum((unsigned char)text[at]))
        return false;
    for (size_t i = 0; i < countof(formats); i++) {
        const struct format *format = &formats[i];
        size_t prefix = strlen(format->prefix), end = at + prefix, run;

        if (length - at < prefix || memcmp(text + at, format->prefix, prefix) != 0)
            continue;
        while (end < length && in_set(text[end], format->set))
            end++;
        run = end - at - prefix;
        if (run < format->min || (run > format->max && format->min == format->max))
            continue;
        *ret = (struct secret_match){.kind = format->kind, .value = text + at, .value_length = end - at};
        return true;
    }
    return false;
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Three parts with dots between; the first two are JSON objects, so they begin with eyJ. Where one that begins in a
 * part comes to nothing, so does what begins later in it. */
static bool match_json_web_token(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t end = at, length = scan->length;

    if (at < scan->no_token_before || (at && isalnum((unsigned char)text[at - 1])))
        return false;
    for (int part = 0; part < 3; part++) {
        size_t start = end;

        if (part < 2 && (length - end < 3 || memcmp(text + end, "eyJ", 3) != 0))
            return false;
        while (end < length && is_token_char(text[end]))
            end++;
        if (part == 0)
            scan->no_token_before = end;
        if (end - start < 8 || (part < 2 && (end >= length || text[end++] != '.')))
            return false;
    }
    *ret = (struct secret_match){.kind = "JSON web token", .value = text + at, .value_length = end - at};
    return true;
}

/* -----BEGIN … PRIVATE KEY----- up to its end mark, or to the end of the text. */
static bool match_private_key(const char *text, size_t length, size_t at, struct secret_match *ret)
{
    static const char begin[] = "-----BEGIN ";
    size_t line = length - at < 64 ? length - at : 64, end;

    if (length - at < sizeof begin - 1 || memcmp(text + at, begin, sizeof begin - 1) != 0 ||
        !memmem(text + at, line, "PRIVATE KEY", strlen("PRIVATE KEY")))
        return false;
    if (find(text, length, at + sizeof begin, "-----END", &end) && find(text, length, end + 8, "-----", &end))
        end += 5;
    else
        end = length;
    *ret = (struct secret_match){.kind = "private key", .value = text + at, .value_length = end - at};
    return true;
}

/* Of the text from START to END. */
static bool is_reference(struct secret_scan *scan, size_t start, size_t end)
{
    const char *value = scan->text + start;

    return end > start && (value[0] == '$' || value[0] == '%' || value[0] == '<' || value[0] == '{' ||
                           (value[0] == '@' && end - start > 1 && value[1] == '@') ||
                           next_mark(scan, MARK_REFERENCE, start) + 2 <= end);
}

static bool is_only(const char *value, size_t length, const char *characters)
{
    for (size_t i = 0; i < length; i++)
        if (!value[i] || !strchr(characters, value[i]))
            return false;
    return true;
}

static bool is_placeholder(const char *value, size_t length)
{
    static const char *const words[] = {
        "changeme",   "change_me",  "change-me", "changeit",   "placeholder", "example",     "replaceme",
        "replace_me", "replace-me", "none",      "null",       "nil",         "undefined",   "todo",
        "tbd",        "dummy",      "redacted",  "[redacted]", "unset",       "not-set",     "notset",
        "default",    "true",       "false",     "yes",        "no",          "on",          "off",
        "0",          "1",          "-",         "secretref",  "fixme",       "insert_here", "enabled",
        "disabled",   "auto",       "required",  "optional",   "prompt",      "ask"};
    static const char *const starts[] = {"your-",        "your_",        "my-secret-here", "insert-",
                                         "insert_",      "example-",     "example_",       "placeholder-",
                                         "replace-with", "replace_with", "enter-",         "enter_"};
    char lower[PLACEHOLDER_MAX];

    if (!length)
        return true;
    if (is_only(value, length, "*") || is_only(value, length, "xX") || is_only(value, length, "."))
        return true;
    if (length >= sizeof lower)
        return false;
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)value[i]);
    lower[length] = '\0';
    for (size_t i = 0; i < countof(words); i++)
        if (strcmp(lower, words[i]) == 0)
            return true;
    for (size_t i = 0; i < countof(starts); i++)
        if (strncmp(lower, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* A path names a place, not a secret; base64 may begin with a slash too, but rarely has more of them than words. */
static bool is_path(const char *value, size_t length)
{
    size_t start = value[0] == '/'                             ? 0
                   : length > 1 && memcmp(value, "./", 2) == 0 ? 1
                   : length > 1 && memcmp(value, "~/", 2) == 0 ? 1
                                                               : SIZE_MAX;

    if (start == SIZE_MAX)
        return length > 7 && (memcmp(value, "file://", 7) == 0);
    for (size_t i = start; i < length; i++)
        if (!isalnum((unsigned char)value[i]) && !strchr("/._-@", value[i]))
            return false;
    return true;
}

/* Is the text from START to END a value, and not what stands for a secret or tells where it is? */
static bool is_real(struct secret_scan *scan, size_t start, size_t end)
{
    const char *text = scan->text;

    if (end - start >= 2 && (text[start] == '"' || text[start] == '\'') && text[end - 1] == text[start]) {
        start++;
        end--;
    }
    return end > start && !isspace((unsigned char)text[start]) && !is_reference(scan, start, end) &&
           !is_placeholder(text + start, end - start) && !is_path(text + start, end - start);
}

/* scheme://user:password@host. A password may hold slashes, and signs like the one behind it. */
static bool match_url(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { TRIES = 8 };
    const char *text = scan->text;
    size_t length = scan->length, user = at + 3, stop, colon, slash, sign;

    if (length - at < 3 || memcmp(text + at, "://", 3) != 0 || !at || !isalnum((unsigned char)text[at - 1]))
        return false;
    stop = next_mark(scan, MARK_URL_END, user);
    for (colon = user; colon < stop && text[colon] != ':' && text[colon] != '/';)
        colon++;
    if (colon >= stop || text[colon] == '/')
        return false;
    for (slash = colon + 1; slash < stop && isdigit((unsigned char)text[slash]);)
        slash++;
    if (slash < stop && text[slash] == '/')
        return false; /* that was a port, and the host is over */
    sign = colon + 1;
    for (int tries = 0; tries < TRIES && (sign = next_mark(scan, MARK_AT, sign)) < stop; tries++, sign++)
        if (is_real(scan, colon + 1, sign)) {
            *ret = (struct secret_match){
                .kind = "password in a URL", .value = text + colon + 1, .value_length = sign - colon - 1};
            return true;
        }
    return false;
}

/* ---- Names that say so ---- */

static bool ends_with(const char *s, const char *end)
{
    size_t length = strlen(s), size = strlen(end);

    return length >= size && strcmp(s + length - size, end) == 0;
}

/* Is WORD in NAME, with no letter before or behind it? */
static bool has_word(const char *name, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(name, word); at; at = strstr(at + 1, word))
        if ((at == name || at[-1] == '_') && (!at[size] || at[size] == '_' || isdigit((unsigned char)at[size])))
            return true;
    return false;
}

static bool is_secret_name(const char *raw, size_t length)
{
    static const char *const within[] = {"PASSWORD",   "PASSWD",      "PASSPHRASE",  "SECRET",      "TOKEN",
                                         "API_KEY",    "APIKEY",      "ACCESS_KEY",  "ACCESSKEY",   "PRIVATE_KEY",
                                         "PRIVATEKEY", "CREDENTIAL",  "AUTH_KEY",    "SIGNING_KEY", "ENCRYPTION_KEY",
                                         "MASTER_KEY", "LICENSE_KEY", "ACCOUNT_KEY", "STORAGE_KEY", "CONNECTION_STRING",
                                         "SHARED_KEY", "HMAC_KEY",    "APP_KEY",     "ACCOUNTKEY",  "ENCRYPTIONKEY",
                                         "SIGNINGKEY", "DEPLOY_KEY",  "CLIENT_KEY",  "SERVICE_KEY"};
    static const char *const words[] = {"PASS", "PWD", "PW", "AUTH", "AUTHORIZATION", "PASSCODE", "PSK", "BEARER"};
    static const char *const harmless[] = {
        "_FILE",        "_FILES",      "_PATH",     "_DIR",    "_NAME",     "_LENGTH",    "_TTL",      "_EXPIRY",
        "_EXPIRATION",  "_TIMEOUT",    "_POLICY",   "_TYPE",   "_ENABLED",  "_ALGORITHM", "_ALG",      "_HEADER",
        "_ISSUER",      "_ENDPOINT",   "_PROVIDER", "_METHOD", "_MODE",     "_COUNT",     "_LIMIT",    "_LIFETIME",
        "_AGE",         "_PREFIX",     "_VERSION",  "_HOST",   "_PORT",     "_SERVICE",   "_STORE",    "_MIN",
        "_MAX",         "_REQUIRED",   "_ROTATION", "_HINT",   "_PROMPT",   "_ID_FILE",   "_ENV",      "_VAR",
        "_REF",         "_RETRIES",    "_AUDIENCE", "_REALM",  "_DISABLED", "_URL",       "_URI",      "_USER",
        "_USERNAME",    "_SHA256",     "_SHA512",   "_SHA1",   "_SHA384",   "_MD5",       "_CHECKSUM", "_DIGEST",
        "_FINGERPRINT", "_REGEX",      "_PATTERN",  "_FORMAT", "_SCHEME",   "_SCOPE",     "_SCOPES",   "_SIZE",
        "_DOMAIN",      "_GRANT_TYPE", "_FIELD",    "_COLUMN", "_BACKEND",  "_STRENGTH",  "_HASHER"};
    char name[NAME_MAX_LENGTH + 1];

    if (!length || length > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++)
        name[i] = raw[i] == '-' || raw[i] == '.' || raw[i] == '/' ? '_' : (char)toupper((unsigned char)raw[i]);
    name[length] = '\0';
    if (strcmp(name, "PWD") == 0 || strcmp(name, "OLDPWD") == 0 || strstr(name, "PUBLIC"))
        return false;
    for (size_t i = 0; i < countof(harmless); i++)
        if (ends_with(name, harmless[i]))
            return false;
    for (size_t i = 0; i < countof(within); i++)
        if (strstr(name, within[i]))
            return true;
    for (size_t i = 0; i < countof(words); i++)
        if (has_word(name, words[i]))
            return true;
    return false;
}

bool secret_is_value(const char *name, const char *value, const char **ret_kind)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, value, strlen(value));
    if (secret_next(&scan, &match)) {
        if (ret_kind)
            *ret_kind = match.kind;
        return true;
    }
    if (!is_secret_name(name, strlen(name)) || !is_real(&scan, 0, scan.length))
        return false;
    if (ret_kind)
        *ret_kind = named_kind;
    return true;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* The value at START: quoted, or up to white space or what ends a word in a shell. */
static size_t value_end(struct secret_scan *scan, size_t *start)
{
    const char *text = scan->text;
    size_t at = *start, length = scan->length;
    char quote = at < length && (text[at] == '"' || text[at] == '\'') ? text[at] : '\0';

    if (at + 1 < length && text[at] == '\\' && (text[at + 1] == '"' || text[at + 1] == '\'')) { /* JSON in a shell */
        *start = at + 2;
        return next_mark(scan, MARK_ESCAPE_END, at + 2);
    }
    if (quote) {
        *start = ++at;
        while (at < length && text[at] != quote)
            at += text[at] == '\\' && at + 1 < length ? 2 : 1;
        return at > length ? length : at;
    }
    return next_mark(scan, MARK_WORD_END, at);
}

static bool is_word_start(const char *text, size_t at)
{
    return !at || isspace((unsigned char)text[at - 1]) || strchr(";|&(`\"'", text[at - 1]);
}

/* A host that is called auth or token, with its port. */
static bool is_port(const char *text, size_t length, size_t name, size_t colon, size_t value)
{
    size_t end = value;

    if (colon + 1 != value || text[colon] != ':')
        return false;
    while (end < length && isdigit((unsigned char)text[end]))
        end++;
    return end > value && end - value <= 5 &&
           ((name >= 2 && text[name - 1] == '/') || (end < length && text[end] == '/'));
}

/* NAME=value, -Dname=value, --name value, --name=value, "name": "value", Name: value; AT is the first character of the
 * name. */
static bool match_named(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t length = scan->length, end = at, start, stop;
    bool flag, json;

    if (at && is_name_char(text[at - 1]) && !(text[at - 1] == '-' && (at == 1 || !is_name_char(text[at - 2]))))
        return false;
    flag = at + 2 < length && text[at] == '-' && text[at + 1] == '-';
    if (!flag && !isalpha((unsigned char)text[at]) && text[at] != '_')
        return false;
    while (end < length && is_name_char(text[end]))
        end++;
    start = end;
    json = start < length && (text[start] == '"' || text[start] == '\'' ||
                              (text[start] == '\\' && start + 1 < length && text[start + 1] == '"'));
    if (json)
        start += text[start] == '\\' ? 2 : 1;
    if (start < length && text[start] == '=') {
        start++;
    } else if (start < length && text[start] == ':' && !(start + 2 < length && text[start + 1] == '/')) {
        start++;
        while (start < length && (text[start] == ' ' || text[start] == '\t'))
            start++;
    } else if (flag && start < length && isspace((unsigned char)text[start])) {
        while (start < length && isspace((unsigned char)text[start]))
            start++;
        if (start < length && text[start] == '-')
            return false;
    } else {
        return false;
    }
    if (!is_secret_name(text + at + (flag ? 2 : 0), end - at - (flag ? 2 : 0)))
        return false;
    stop = value_end(scan, &start);
    if (is_port(text, length, at, end, start))
        return false;
    for (;;) { /* Authorization: Bearer … */
        static const char *const schemes[] = {"Bearer", "Basic", "token", "Token"};
        bool skipped = false;

        for (size_t i = 0; i < countof(schemes) && !skipped; i++)
            if (stop - start >= strlen(schemes[i]) && memcmp(text + start, schemes[i], strlen(schemes[i])) == 0 &&
                start + strlen(schemes[i]) < length && text[start + strlen(schemes[i])] == ' ') {
                start += strlen(schemes[i]) + 1;
                stop = stop > start ? stop : value_end(scan, &start);
                skipped = true;
            }
        if (!skipped)
            break;
    }
    if (stop <= start || !is_real(scan, start, stop))
        return false;
    *ret = (struct secret_match){.kind = named_kind,
                                 .name = text + at + (flag ? 2 : 0),
                                 .name_length = end - at - (flag ? 2 : 0),
                                 .value = text + start,
                                 .value_length = stop - start};
    return true;
}

/* ---- Commands ---- */

/* FLAG of PROGRAM takes a password: joined to the flag, or as the next word. */
static const struct command_flag {
    const char *program, *flag;
    bool joined_only;
} command_flags[] = {
    {"mysql", "-p", true},
    {"mysqldump", "-p", true},
    {"mysqladmin", "-p", true},
    {"mariadb", "-p", true},
    {"mariadb-dump", "-p", true},
    {"sshpass", "-p", false},
    {"redis-cli", "-a", false},
    {"curl", "-u", false},
    {"curl", "--user", false},
    {"wget", "--http-passwd", false},
    {"docker", "-p", false},
    {"ldapsearch", "-w", false},
    {"ldapadd", "-w", false},
    {"ldapmodify", "-w", false},
    {"smbclient", "-U", false},
    {"mongo", "-p", false},
    {"mongosh", "-p", false},
    {"rabbitmqctl", "change_password", false},
    {"sqlcmd", "-P", false},
    {"htpasswd", "-b", false},
    {"kinit", "--password", false},
    {"openssl", "-passout", false},
    {"openssl", "-passin", false},
    {"openssl", "-k", false},
    {"gpg", "--passphrase", false},
    {"vault", "login", false},
    {"az", "-p", false},
    {"useradd", "-p", false},
    {"usermod", "-p", false},
    {"cryptsetup", "--key", false},
    {"unzip", "-P", false},
    {"zip", "-P", false},
    {"7z", "-p", true},
    {"snmpget", "-A", false},
    {"podman", "-p", false},
    {"helm", "-p", false},
    {"mongodump", "-p", false},
    {"mosquitto_passwd", "-b", false},
};

static bool is_word(const char *text, size_t length, size_t at, const char *word)
{
    size_t size = strlen(word);

    return length - at >= size && memcmp(text + at, word, size) == 0;
}

_Static_assert(sizeof command_flags / sizeof *command_flags <= SECRET_PROGRAMS, "too many flags");

/* Notes where programs stand as words before AT, and where the command there begins. */
static void see_programs(struct secret_scan *scan, size_t at)
{
    for (size_t i = scan->seen_up_to; i < at; i++) {
        char c = scan->text[i];

        if (strchr(";|&\n", c)) {
            scan->command = i + 1;
            continue;
        }
        if (i && !isspace((unsigned char)scan->text[i - 1]) && !strchr("/;|&(`\"'", scan->text[i - 1]))
            continue;
        for (size_t k = 0; k < countof(command_flags); k++) {
            const char *program = command_flags[k].program;
            size_t size = strlen(program);

            if (c == *program && is_word(scan->text, scan->length, i, program) && i + size < scan->length &&
                isspace((unsigned char)scan->text[i + size]))
                scan->programs[k] = i + 1;
        }
    }
    if (scan->seen_up_to < at)
        scan->seen_up_to = at;
}

/* Does the program of FLAG stand as a word before AT in the same command? */
static bool runs_program(const struct secret_scan *scan, size_t at, size_t flag)
{
    size_t seen = scan->programs[flag];

    return seen > scan->command && at - (seen - 1) < COMMAND_MAX;
}

static bool match_command(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t length = scan->length;

    if (!is_word_start(text, at))
        return false;
    see_programs(scan, at);
    for (size_t i = 0; i < countof(command_flags); i++) {
        const struct command_flag *flag = &command_flags[i];
        size_t start, stop;

        if (!is_word(text, length, at, flag->flag) || !runs_program(scan, at, i))
            continue;
        start = at + strlen(flag->flag);
        if (start < length && isspace((unsigned char)text[start])) {
            if (flag->joined_only)
                continue;
            while (start < length && isspace((unsigned char)text[start]))
                start++;
        } else if (start < length && text[start] == '=') {
            start++;
        }
        stop = value_end(scan, &start);
        if (stop <= start || text[start] == '-' || !is_real(scan, start, stop))
            continue;
        if ((strcmp(flag->program, "curl") == 0 || strcmp(flag->program, "smbclient") == 0) &&
            !memchr(text + start, strcmp(flag->program, "curl") == 0 ? ':' : '%', stop - start))
            continue;
        *ret = (struct secret_match){.kind = command_kind, .value = text + start, .value_length = stop - start};
        return true;
    }
    return false;
}

/* echo "user:password" | chpasswd */
static bool match_chpasswd(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t length = scan->length, colon, stop, start = at, pipe;

    if (!is_word(text, length, at, "echo ") || !is_word_start(text, at))
        return false;
    start += strlen("echo ");
    while (start < length && (isspace((unsigned char)text[start]) || is_word(text, length, start, "-n ")))
        start += is_word(text, length, start, "-n ") ? 3 : 1;
    stop = value_end(scan, &start);
    for (pipe = stop; pipe < length && strchr("\"' |", text[pipe]);)
        pipe++;
    if (!is_word(text, length, pipe < length ? pipe : length, "chpasswd"))
        return false;
    for (colon = start; colon < stop && text[colon] != ':';)
        colon++;
    if (colon + 1 >= stop || !is_real(scan, colon + 1, stop))
        return false;
    *ret = (struct secret_match){.kind = command_kind, .value = text + colon + 1, .value_length = stop - colon - 1};
    return true;
}

/* echo PASSWORD | … --password-stdin */
static bool match_piped(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t length = scan->length, stop, start = at, end, command_end;

    if (!is_word_start(text, at) || (!is_word(text, length, at, "echo ") && !is_word(text, length, at, "printf ")))
        return false;
    start += is_word(text, length, at, "echo ") ? strlen("echo ") : strlen("printf ");
    while (start < length && (isspace((unsigned char)text[start]) || is_word(text, length, start, "-n ")))
        start += is_word(text, length, start, "-n ") ? 3 : 1;
    stop = value_end(scan, &start);
    for (end = stop; end < length && strchr("\"' ", text[end]);)
        end++;
    if (end >= length || text[end] != '|' || stop <= start || !is_real(scan, start, stop))
        return false;
    command_end = next_mark(scan, MARK_COMMAND_END, end);
    for (size_t i = 0; i < countof(takers); i++)
        if (next_mark(scan, MARK_TAKERS + (int)i, end) + strlen(takers[i]) <= command_end) {
            *ret = (struct secret_match){.kind = command_kind, .value = text + start, .value_length = stop - start};
            return true;
        }
    return false;
}

void secret_scan_init(struct secret_scan *scan, const char *text, size_t length)
{
    *scan = (struct secret_scan){.text = text, .length = length};
    for (size_t i = 0; i < SECRET_MARKS; i++)
        scan->marks[i].at = SIZE_MAX;
}

bool secret_next(struct secret_scan *scan, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t length = scan->length;

    for (size_t i = scan->at; i < length; i++) {
        if (match_private_key(text, length, i, ret) || match_format(text, length, i, ret) ||
            match_json_web_token(scan, i, ret) || match_url(scan, i, ret) || match_named(scan, i, ret) ||
            match_command(scan, i, ret) || match_chpasswd(scan, i, ret) || match_piped(scan, i, ret)) {
            scan->at = (size_t)(ret->value - text) + ret->value_length;
            return true;
        }
    }
    scan->at = length;
    return false;
}

/* ---- Redaction ---- */

/* Twenty or more letters and digits, or eight of both cases with a digit, and nothing that makes it a path or a name.
 */
static bool looks_random(const char *word, size_t length)
{
    size_t digits = 0, lower = 0, upper = 0;

    for (size_t i = 0; i < length; i++) {
        digits += isdigit((unsigned char)word[i]) != 0;
        lower += islower((unsigned char)word[i]) != 0;
        upper += isupper((unsigned char)word[i]) != 0;
        if (!isalnum((unsigned char)word[i]) && !strchr("+/=-_!@#$%^&*", word[i]))
            return false;
    }
    return word[0] != '/' && word[0] != '-' &&
           ((length >= 20 && digits >= 2 && lower + upper >= 2) || (length >= 8 && digits && lower && upper));
}

/* The name of an assignment, or the digest of a file: no secret, however random. */
static bool is_harmless(const char *text, size_t length, size_t start, size_t end)
{
    static const char *const before[] = {"file:", "dir:", "multi:", "sha256:"};

    if (end < length && text[end] == '=' && is_only(text + start, end - start, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))
        return true;
    if (!is_only(text + start, end - start, "0123456789abcdef"))
        return false;
    for (size_t i = 0; i < countof(before); i++)
        if (start >= strlen(before[i]) && memcmp(text + start - strlen(before[i]), before[i], strlen(before[i])) == 0)
            return true;
    return false;
}

static void append_words(struct str *out, const char *text, size_t length, bool strict)
{
    for (size_t i = 0; i < length;) {
        size_t end = i;

        while (end < length && !isspace((unsigned char)text[end]) && !strchr("\"'=:,;", text[end]))
            end++;
        if (strict && looks_random(text + i, end - i) && !is_harmless(text, length, i, end))
            str_append(out, "[redacted]");
        else
            str_append_n(out, text + i, end - i);
        if (end < length)
            str_append_char(out, text[end]);
        i = end + 1;
    }
}

void secret_redact(struct str *out, const char *text, size_t length, bool strict)
{
    struct secret_scan scan;
    struct secret_match match;
    size_t from = 0;

    secret_scan_init(&scan, text, length);
    while (secret_next(&scan, &match)) {
        append_words(out, text + from, (size_t)(match.value - text) - from, strict);
        str_append(out, "[redacted]");
        from = scan.at;
    }
    append_words(out, text + from, length - from, strict);
}
