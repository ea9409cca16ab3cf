/* Values that stand for a secret: published examples, requests to put one here, variables' names. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { WORD_MAX = 64, LONG_MAX = 256 };

/* How many of the first characters of VALUE are one of CHARACTERS. */
static size_t run_of(struct secret_scan *scan, const char *value, size_t length, const char *characters)
{
    size_t run = 0;

    while (run < length && value[run] && strchr(characters, value[run]))
        run++;
    secret_take(scan, 1 + 2 * run);
    return run;
}

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
    static const char *const stems[] = {"xxxx",        "***",          "...",         "example",     "your",
                                        "placeholder", "changethis",   "change_this", "change-this", "changeme",
                                        "change_me",   "change-me",    "replace",     "redacted",    "dummy",
                                        "insert",      "\xe2\x80\xa6", "\xe2\x80\xa2"};
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
                                            "ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
                                            "SomeRandomString",
                                            "ThisTokenIsNotSoSecretChangeIt",
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

/* mysecretpasswordhere, passwordhere: with nothing between the words. */
static bool is_joined_request(const char *word, size_t length)
{
    static const char here[] = "here";
    static const char *const asked[] = {"password", "secret", "token", "key", "passwd", "pass"};

    if (length <= strlen(here) || strcmp(word + length - strlen(here), here) != 0)
        return false;
    for (size_t i = 0; i < countof(asked); i++)
        if (strstr(word, asked[i]))
            return true;
    return false;
}

/* your-token-here, CHANGE_ME, notSet: words that ask for a value, and words of what is asked for. */
static bool is_request(const char *value, size_t length)
{
    static const char *const asking[] = {"your",          "yours",
                                         "change",        "changeme",
                                         "changethis",    "changeit",
                                         "replace",       "replaceme",
                                         "insert",        "enter",
                                         "put",           "paste",
                                         "fill",          "override",
                                         "overrideme",    "provide",
                                         "provided",      "generate",
                                         "generated",     "example",
                                         "sample",        "placeholder",
                                         "dummy",         "fake",
                                         "mock",          "todo",
                                         "fixme",         "tbd",
                                         "redacted",      "removed",
                                         "hidden",        "none",
                                         "null",          "nil",
                                         "undefined",     "unset",
                                         "empty",         "missing",
                                         "unused",        "disabled",
                                         "unknown",       "here",
                                         "goes",          "get",
                                         "xxx",           "xxxx",
                                         "not",           "runtime",
                                         "optional",      "required",
                                         "notset",        "notused",
                                         "secretkeyref",  "see",
                                         "foobar",        "foo",
                                         "ignored",       "setme",
                                         "overridden",    "overwrite",
                                         "overwritten",   "replaced",
                                         "supplied",      "injected",
                                         "specified",     "define",
                                         "defined",       "configure",
                                         "substitute",    "some",
                                         "something",     "somerandomstring",
                                         "build",         "edit",
                                         "editme",        "modify",
                                         "modifyme",      "customize",
                                         "cambiame",      "cambiar",
                                         "cambiala",      "cambia",
                                         "cambieme",      "aendern",
                                         "aendermich",    "changez",
                                         "changezmoi",    "remplacez",
                                         "mudar",         "mude",
                                         "altere",        "alterar",
                                         "trocar",        "troque",
                                         "zmien",         "wijzig",
                                         "wijzigmij",     "invalid",
                                         "bogus",         "nothing",
                                         "blank",         "omitted",
                                         "alphanumeric",  "examplepass",
                                         "supply",        "choose",
                                         "tobemodified",  "modified",
                                         "pick",          "examplepassword",
                                         "examplesecret", "na"};
    static const char *const neutral[] = {
        "me",         "my",          "this",       "it",     "the",        "a",        "an",
        "with",       "in",          "at",         "from",   "to",         "for",      "please",
        "value",      "key",         "api",        "token",  "secret",     "password", "pass",
        "passwd",     "pwd",         "access",     "auth",   "client",     "id",       "real",
        "used",       "set",         "be",         "is",     "build",      "app",      "user",
        "name",       "string",      "random",     "strong", "secure",     "long",     "later",
        "test",       "own",         "new",        "above",  "so",         "just",     "collectstatic",
        "precompile", "assets",      "static",     "type",   "add",        "by",       "on",
        "of",         "and",         "or",         "real",   "time",       "dev",      "only",
        "login",      "account",     "private",    "master", "service",    "admin",    "db",
        "database",   "jwt",         "docs",       "actual", "during",     "ci",       "local",
        "env",        "environment", "variable",   "via",    "using",      "before",   "deploy",
        "deployment", "deploying",   "production", "prod",   "start",      "startup",  "first",
        "use",        "must",        "should",     "can",    "will",       "if",       "needed",
        "here",       "minimum",     "least",      "chars",  "characters", "very",     "super",
        "safe",       "unique",      "ones",       "one",    "email",      "host",     "phrase",
        "example",    "text"};
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
        while (asks && n && isdigit((unsigned char)word[n - 1])) /* ChangeMe123 */
            word[--n] = '\0';
        if (!n)
            continue;
        if (is_one_of(word, asking, countof(asking)) ||
            (strncmp(word, "your", 4) == 0 && secret_is_made_of(word, n, "abcdefghijklmnopqrstuvwxyz")) ||
            is_joined_request(word, n))
            asks++;
        else if (!is_one_of(word, neutral, countof(neutral)))
            return false;
    }
    return asks > 0;
}

/* API_KEY, MY_DB_PASSWORD: the name of a variable, in the place of what it holds. */
static bool is_variable_name(struct secret_scan *scan, const char *value, size_t length)
{
    enum { WORD_MIN = 5 }; /* TOKEN */
    bool joint = false;

    for (size_t i = 0; i < length; i++) {
        if (!isupper((unsigned char)value[i]) && value[i] != '_')
            return false;
        joint |= value[i] == '_';
    }
    return (joint || length >= 5) && secret_is_plain_name(scan, value, length);
}

bool secret_is_placeholder(struct secret_scan *scan, const char *value, size_t length)
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
                                        "base64:",
                                        "set-me",
                                        "set_me",
                                        "stdin",
                                        "jwt",
                                        "bearer",
                                        "opaque",
                                        "username:password",
                                        "user:password",
                                        "user:pass",
                                        "login:password",
                                        "ssl",
                                        "sasl_ssl",
                                        "sasl_plaintext",
                                        "plaintext"};
    static const char *const parts[] = {"***", "\xe2\x80\xa6", "\xe2\x80\xa2", "\xef\xbc\x8a"};
    enum { WORD_STEPS = 96, LETTER_STEPS = 8, ZEROS = 12 };
    char lower[WORD_MAX];

    for (size_t i = 0; i < countof(fillings); i++)
        if (run_of(scan, value, length, fillings[i]) == length && (*fillings[i] != '0' || length >= ZEROS))
            return true;
    if ((unsigned char)*value >= 0xe3 && (unsigned char)*value <= 0xe9) /* Chinese or Japanese: a sentence */
        return true;
    if (length <= 2 && secret_is_made_of(value, length, "0123456789")) /* an amount */
        return true;
    if (length == 1 && strchr("\\/([{}]),;:=+", *value))
        return true;
    if (length >= sizeof lower)
        return length < LONG_MAX && secret_is_filler(scan, value, length);
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
