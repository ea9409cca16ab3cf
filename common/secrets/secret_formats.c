/* Secrets recognized by their own shape: known key formats, JSON web tokens, private keys, passwords in URLs and in
 * data source names. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

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

void secret_formats_index(struct secret_scan *scan)
{
    for (size_t i = countof(formats); i-- > 0;)
        initials_add(&scan->formats, i, *formats[i].prefix);
}

static bool match_known(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { FORMAT_STEPS = 4 };
    const char *text = scan->text;
    size_t length = scan->length;
    bool in_word = at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_');

    if (in_word && isalnum((unsigned char)text[at]))
        return false;
    for (size_t i = initials_first(&scan->formats, text[at]); i; i = initials_next(&scan->formats, i)) {
        const struct format *format = &formats[i - 1];
        size_t prefix, end, run;

        secret_take(scan, FORMAT_STEPS);
        if (text[at] != *format->prefix)
            continue;
        prefix = strlen(format->prefix);
        end = at + prefix;
        if (length - at < prefix || memcmp(text + at, format->prefix, prefix) != 0)
            continue;
        while (end < length && in_set(text[end], format->set))
            end++;
        run = end - at - prefix;
        secret_take(scan, 2 * run);
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

    if (text[at] != 'e' || at < scan->no_token_before || (at && isalnum((unsigned char)text[at - 1])))
        return false;
    for (int part = 0; part < 3; part++) {
        size_t start = end;

        if (part < 2 && (length - end < 3 || memcmp(text + end, "eyJ", 3) != 0))
            return false;
        while (end < length && is_token_char(text[end]))
            end++;
        secret_take(scan, 2 * (end - start));
        if (part == 0)
            scan->no_token_before = end;
        if (end - start < 8 || (part < 2 && (end >= length || text[end++] != '.')))
            return false;
    }
    *ret = (struct secret_match){.kind = "JSON web token", .value = text + at, .value_length = end - at};
    return true;
}

/* -----BEGIN … PRIVATE KEY----- up to its end mark, or to the end of the text. */
static bool match_private_key(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char begin[] = "-----BEGIN ", end_mark[] = "-----END", dashes[] = "-----";
    enum { DASH_STEPS = 8, LINE_STEPS = 32 };
    const char *text = scan->text, *found;
    size_t line = scan->length - at < 64 ? scan->length - at : 64, end = scan->length;

    if (text[at] != '-' || !secret_take(scan, DASH_STEPS) || !secret_is_word(scan, at, begin) ||
        !secret_take(scan, LINE_STEPS) || !memmem(text + at, line, "PRIVATE KEY", strlen("PRIVATE KEY")))
        return false;
    found = memmem(text + at, scan->length - at, end_mark, strlen(end_mark));
    if (found) {
        found += strlen(end_mark);
        found = memmem(found, (size_t)(text + scan->length - found), dashes, strlen(dashes));
    }
    if (found)
        end = (size_t)(found - text) + strlen(dashes);
    secret_take(scan, (end - at) / 4);
    *ret = (struct secret_match){.kind = "private key", .value = text + at, .value_length = end - at};
    return true;
}

/* scheme://user:password@host. A password may contain slashes, and characters like the one that ends it. */
static bool match_url(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { TRIES = 8 };
    const char *text = scan->text;
    size_t length = scan->length, user = at + 3, stop, colon, slash, sign;

    if (text[at] != ':' || length - at < 3 || memcmp(text + at, "://", 3) != 0 || !at ||
        !isalnum((unsigned char)text[at - 1]))
        return false;
    stop = secret_next_mark(scan, MARK_URL_END, user);
    for (colon = user; colon < stop && text[colon] != ':' && text[colon] != '/';)
        colon++;
    secret_take(scan, 16 + colon - user);
    if (colon >= stop || text[colon] == '/')
        return false;
    for (slash = colon + 1; slash < stop && isdigit((unsigned char)text[slash]);)
        slash++;
    secret_take(scan, slash - colon);
    if (slash < stop && text[slash] == '/')
        return false; /* that was a port, and the host is over */
    sign = colon + 1;
    for (int tries = 0; tries < TRIES && (sign = secret_next_mark(scan, MARK_AT, sign)) < stop; tries++, sign++)
        if (secret_is_real(scan, colon + 1, sign)) {
            *ret = (struct secret_match){
                .kind = "password in a URL", .value = text + colon + 1, .value_length = sign - colon - 1};
            return true;
        }
    return false;
}

/* user:password@tcp(host:port)/name, a data source name (go-sql-driver/mysql, README, "DSN"). */
static bool match_source_name(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { TRIES = 8, TRY_STEPS = 16 };
    static const char *const protocols[] = {"tcp(", "tcp6(", "unix(", "udp(", "("};
    const char *text = scan->text;
    size_t colon = at, sign;

    if (!isalnum((unsigned char)text[at]) && !strchr("_.-", text[at]))
        return false;
    if (!secret_is_word_start(text, at) && !(at && text[at - 1] == '='))
        return false;
    while (colon < scan->length && colon - at < 64 &&
           (isalnum((unsigned char)text[colon]) || strchr("_.-", text[colon])) && text[colon])
        colon++;
    secret_take(scan, 2 * (colon - at));
    if (colon == at || colon >= scan->length || text[colon] != ':')
        return false;
    sign = secret_next_mark(scan, MARK_AT, colon + 1);
    for (int tries = 0; tries < TRIES && sign < secret_next_mark(scan, MARK_URL_END, colon);
         tries++, sign = secret_next_mark(scan, MARK_AT, sign + 1)) {
        secret_take(scan, TRY_STEPS);
        for (size_t i = 0; i < countof(protocols); i++)
            if (secret_is_word(scan, sign + 1, protocols[i]) && secret_is_real(scan, colon + 1, sign)) {
                *ret = (struct secret_match){.kind = "password in a data source name",
                                             .value = text + colon + 1,
                                             .value_length = sign - colon - 1};
                return true;
            }
    }
    return false;
}

bool secret_match_format(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    return match_private_key(scan, at, ret) || match_known(scan, at, ret) || match_json_web_token(scan, at, ret) ||
           match_url(scan, at, ret) || match_source_name(scan, at, ret);
}
