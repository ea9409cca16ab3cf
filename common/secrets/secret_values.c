/* Values that are no secrets: references to where one is kept, placeholders, paths and addresses, choices, amounts. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { WORD_MAX = 64, VARIABLES_MAX = 256 };

/* ---- Shapes ---- */

bool secret_is_amount(const char *value, size_t length)
{
    return length > 0 && length < 12 &&
           (secret_is_made_of(value, length, "0123456789._") ||
            (strchr("kKmM", value[length - 1]) && secret_is_made_of(value, length - 1, "0123456789._")));
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

/* RFC 9562. */
bool secret_is_uuid(const char *value, size_t length)
{
    return length == 36 && secret_is_made_of(value, length, "0123456789abcdefABCDEF-") && value[8] == '-' &&
           value[13] == '-' && value[18] == '-' && value[23] == '-';
}

/* Letters and digits that nobody gives a thing for a name: of both cases with digits among them, or hexadecimal. */
bool secret_is_random(struct secret_scan *scan, const char *value, size_t length)
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

/* Base64 or the like, long enough for a key, with a part that is random. */
bool secret_is_key(struct secret_scan *scan, const char *value, size_t length)
{
    enum { MIN = 16, MAX = 512, PART_MIN = 12 };
    size_t from = 0;

    if (length < MIN || length > MAX)
        return false;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && isalnum((unsigned char)value[i]))
            continue;
        if (i - from >= PART_MIN && secret_is_random(scan, value + from, i - from))
            return true;
        if (i < length && (!value[i] || !strchr("+/=_-", value[i])))
            return false;
        from = i + 1;
    }
    return false;
}

/* host:port, host:port/path, :port. */
static bool is_host_port(const char *value, size_t length)
{
    size_t at = 0, port;

    while (at < length && (islower((unsigned char)value[at]) || isdigit((unsigned char)value[at]) ||
                           (value[at] && strchr(".-_", value[at]))))
        at++;
    if (at >= length || value[at] != ':')
        return false;
    port = ++at;
    while (at < length && isdigit((unsigned char)value[at]))
        at++;
    return at - port >= 2 && at - port <= 5 && (at == length || value[at] == '/' || value[at] == ',');
}

bool secret_is_address(struct secret_scan *scan, const char *value, size_t length)
{
    enum { ADDRESS_MAX = 256 };

    secret_take(scan, 2 * (length < ADDRESS_MAX ? length : ADDRESS_MAX));
    return length < ADDRESS_MAX && is_host_port(value, length);
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

/* ---- Choices ---- */

/* What AUTH and the like are given: the name of a method, and no password: those have digits or signs. */
bool secret_is_choice(struct secret_scan *scan, const char *value, size_t length)
{
    static const char *const methods[] = {
        "oauth", "saml", "sha",   "scram", "md5",   "x509",  "auth",  "web",  "krb",   "v1",     "v2",   "v3",  "v4",
        "k8s",   "ntlm", "pbkdf", "rs256", "hs256", "es256", "http",  "ldap", "basic", "bearer", "oidc", "jwt", "2fa",
        "u2f",   "fido", "tls",   "user",  "role",  "level", "plain", "cram", "aws",   "eap",    "gss"};
    enum { MIN = 4, MAX = 256, STEPS = 256, CAPITALS = 3 };
    size_t digits = 0, capitals = 0, colon = length;
    char lower[WORD_MAX];

    if (length > MAX)
        return false;
    secret_take(scan, STEPS);
    for (size_t i = 0; i < length; i++) {
        digits += isdigit((unsigned char)value[i]) != 0;
        capitals += i && isupper((unsigned char)value[i]) && islower((unsigned char)value[i - 1]);
        if (value[i] == ':' && colon == length)
            colon = i;
    }
    if (secret_is_key(scan, value, length) || secret_is_random(scan, value, length) || secret_is_uuid(value, length) ||
        secret_is_encoded_pair(value, length))
        return false;
    if (colon && colon + 1 < length) /* user:password */
        return memchr(value, ' ', length) || value[colon + 1] == '/' || value[colon + 1] == ':';
    if (length < MIN)
        return true;
    if (!digits) /* base64 changes between capitals and small letters more often than a name does */
        return value[length - 1] != '=' && (capitals < CAPITALS || capitals * 5 < length || memchr(value, ',', length));
    if (length >= sizeof lower)
        return true;
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)value[i]);
    lower[length] = '\0';
    for (size_t i = 0; i < countof(methods); i++)
        if (strstr(lower, methods[i]))
            return true;
    return strchr("0123456789.:/,", *value) || memchr(value, '.', length) || memchr(value, '/', length) ||
           memchr(value, ' ', length);
}

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
                                           "pass:file:"};
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
        if (is_capital_variable(value, length))
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
    case '(':
        return length == 1 || last == ')';
    case '*': /* **None** */
        return length > 4 && value[1] == '*' && memcmp(value + length - 2, "**", 2) == 0;
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

/* ---- Placeholders ---- */

/* Is WORD, in small letters, in VALUE: in small letters, in capitals, or with a capital at its start? */
static bool has_stem(const char *value, size_t length, const char *word)
{
    size_t size = strlen(word);

    for (size_t at = 0; at + size <= length; at++) {
        bool lower = true, upper = true, title = true;

        if (tolower((unsigned char)value[at]) != *word)
            continue;
        for (size_t i = 0; i < size && (lower || upper || title); i++) {
            char capital = (char)toupper((unsigned char)word[i]);

            lower = lower && value[at + i] == word[i];
            upper = upper && value[at + i] == capital;
            title = title && value[at + i] == (i ? word[i] : capital);
        }
        if (lower || upper || title)
            return true;
    }
    return false;
}

/* Are the letters and digits of VALUE of so few kinds as nobody draws them? */
static bool is_uniform(const char *value, size_t length)
{
    enum { MIN = 8 };
    char kinds[2] = {0};
    size_t count = 0, seen = 0;

    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)value[i]))
            continue;
        count++;
        if (value[i] == kinds[0] || value[i] == kinds[1])
            continue;
        if (seen == countof(kinds))
            return false;
        kinds[seen++] = value[i];
    }
    return count >= MIN;
}

bool secret_is_filler(struct secret_scan *scan, const char *value, size_t length)
{
    static const char *const stems[] = {"xxxx",        "***",      "...",       "example",      "your",
                                        "placeholder", "changeme", "change_me", "change-me",    "replace",
                                        "redacted",    "dummy",    "insert",    "\xe2\x80\xa6", "\xe2\x80\xa2"};
    static const char *const published[] = {"je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
                                            "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l",
                                            "4eC39HqLyjWDarjtT1zdp7dc",
                                            "BQokikJOvBiI2HlWgH4olfQ2",
                                            "tR3PYbcVNZZ796tH88S4VQ2u",
                                            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",
                                            "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM",
                                            "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe",
                                            "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                                            "QWxhZGRpbjpPcGVuU2VzYW1l",
                                            "dXNlcjpwYXNzd29yZA==",
                                            "czZCaGRSa3F0MzpnWDFmQmF0M2JW",
                                            "16C7e42F292c6912E7710c838347Ae178B4a",
                                            "mF_9.B5f-4.1JqM",
                                            "2YotnFZFEjr1zCsicMWpAA"};
    enum { LOOK_MAX = 160, CHARACTER_STEPS = 20 };
    size_t look = length < LOOK_MAX ? length : LOOK_MAX;

    secret_take(scan, CHARACTER_STEPS * look);
    for (size_t i = 0; i < countof(stems); i++)
        if (has_stem(value, look, stems[i]))
            return true;
    for (size_t i = 0; i < countof(published); i++)
        if (memmem(value, look, published[i], strlen(published[i])))
            return true;
    return is_uniform(value + length / 2, length - length / 2);
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (*word == *words[i] && strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* your-token-here, CHANGE_ME, notSet: words that ask for a value, and words of what is asked for. */
static bool is_request(const char *value, size_t length)
{
    static const char *const asking[] = {
        "your",     "yours",    "change",    "changeme", "changethis",   "changeit",    "replace",    "replaceme",
        "insert",   "enter",    "put",       "paste",    "fill",         "override",    "overrideme", "provide",
        "provided", "generate", "generated", "example",  "sample",       "placeholder", "dummy",      "fake",
        "mock",     "todo",     "fixme",     "tbd",      "redacted",     "removed",     "hidden",     "none",
        "null",     "nil",      "undefined", "unset",    "empty",        "missing",     "unused",     "disabled",
        "unknown",  "here",     "goes",      "get",      "xxx",          "xxxx",        "not",        "runtime",
        "optional", "required", "notset",    "notused",  "secretkeyref", "see",         "foobar",     "foo",
        "ignored",  "setme"};
    static const char *const neutral[] = {
        "me",         "my",      "this",    "it",     "the",     "a",        "an",
        "with",       "in",      "at",      "from",   "to",      "for",      "please",
        "value",      "key",     "api",     "token",  "secret",  "password", "pass",
        "passwd",     "pwd",     "access",  "auth",   "client",  "id",       "real",
        "used",       "set",     "be",      "is",     "build",   "app",      "user",
        "name",       "string",  "random",  "strong", "secure",  "long",     "later",
        "test",       "own",     "new",     "above",  "so",      "just",     "collectstatic",
        "precompile", "assets",  "static",  "type",   "add",     "by",       "on",
        "of",         "and",     "or",      "real",   "time",    "dev",      "only",
        "login",      "account", "private", "master", "service", "admin",    "db",
        "database",   "jwt",     "docs",    "actual", "some"};
    enum { WORDS_MAX = 12 };
    size_t words = 0, asks = 0;

    for (size_t at = 0; at < length;) {
        char word[24];
        size_t n = 0;

        if (!isalnum((unsigned char)value[at])) {
            if ((unsigned char)value[at] >= 0x80 || !strchr("_- .:!<>[]()\"'/", value[at]) || !value[at])
                return false;
            at++;
            continue;
        }
        while (at < length && isalnum((unsigned char)value[at]) && n + 1 < sizeof word &&
               !(n && isupper((unsigned char)value[at]) && islower((unsigned char)value[at - 1])))
            word[n++] = (char)tolower((unsigned char)value[at++]);
        word[n] = '\0';
        if (++words > WORDS_MAX)
            return false;
        if (is_one_of(word, asking, countof(asking)) ||
            (strncmp(word, "your", 4) == 0 && secret_is_made_of(word, n, "abcdefghijklmnopqrstuvwxyz")))
            asks++;
        else if (!is_one_of(word, neutral, countof(neutral)))
            return false;
    }
    return asks > 0;
}

/* API_KEY, MY_DB_PASSWORD: the name of a variable, in the place of what it holds. */
static bool is_variable_name(struct secret_scan *scan, const char *value, size_t length)
{
    bool joint = false;

    for (size_t i = 0; i < length; i++) {
        if (!isupper((unsigned char)value[i]) && value[i] != '_')
            return false;
        joint |= value[i] == '_';
    }
    return joint && secret_is_plain_name(scan, value, length);
}

static bool is_placeholder(struct secret_scan *scan, const char *value, size_t length)
{
    static const char *const fillings[] = {"*", "xX", ".", "!*", "-", "_", "?", "#", "xX-", "0-"};
    static const char *const words[] = {"changeme",
                                        "change_me",
                                        "default",
                                        "true",
                                        "false",
                                        "yes",
                                        "no",
                                        "on",
                                        "off",
                                        "0",
                                        "1",
                                        "-",
                                        "secretref",
                                        "secretkeyref",
                                        "enabled",
                                        "auto",
                                        "prompt",
                                        "ask",
                                        "y",
                                        "n",
                                        "store",
                                        "env",
                                        "file",
                                        "all",
                                        "n/a",
                                        "na",
                                        "[redacted]",
                                        "int",
                                        "str",
                                        "string",
                                        "bool",
                                        "str,",
                                        "none,",
                                        "build",
                                        "username:password",
                                        "user:password",
                                        "user:pass",
                                        "login:password"};
    static const char *const parts[] = {"***", "\xe2\x80\xa6", "\xe2\x80\xa2", "\xef\xbc\x8a"};
    enum { WORD_STEPS = 96, LETTER_STEPS = 8, ZEROS = 12 };
    char lower[WORD_MAX];

    for (size_t i = 0; i < countof(fillings); i++)
        if (run_of(scan, value, length, fillings[i]) == length && (*fillings[i] != '0' || length >= ZEROS))
            return true;
    if ((unsigned char)*value >= 0xe3 && (unsigned char)*value <= 0xe9) /* Chinese or Japanese: a sentence */
        return true;
    if (length == 1 && strchr("\\/([{}]),;:=+", *value))
        return true;
    if (length >= sizeof lower)
        return length < VARIABLES_MAX && secret_is_filler(scan, value, length);
    secret_take(scan, WORD_STEPS + LETTER_STEPS * length);
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)value[i]);
    lower[length] = '\0';
    for (size_t i = 0; i < countof(parts); i++)
        if (strstr(lower, parts[i]))
            return true;
    return is_one_of(lower, words, countof(words)) || is_request(value, length) ||
           (strstr(lower, "...") && length < 24) || strstr(lower, "your-") || strstr(lower, "your_") ||
           strstr(lower, "xxx") || is_variable_name(scan, value, length) ||
           (length >= 16 && secret_is_filler(scan, value, length));
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

/* What no secret looks like: an address, a class, a time. */
static bool is_plain_shape(const char *value, size_t length)
{
    return is_url(value, length) || (length < WORD_MAX && (is_class_name(value, length) || is_duration(value, length)));
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
           !is_path(scan, text + start, end - start) && !is_public_key(text + start, end - start) &&
           !is_plain_shape(text + start, end - start);
}
