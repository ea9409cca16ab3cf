/* Passwords in addresses: scheme://user:password@host, data source names (user:password@tcp(host)), Oracle's
 * user/password@host, lines of a .pgpass. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

static const char url_kind[] = "password in a URL";

static bool is_one_of(const char *text, size_t length, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == length && strncasecmp(text, words[i], length) == 0)
            return true;
    return false;
}

/* Is HOST, up to what ends it, one that stands for any? */
static bool is_any_host(const char *host, size_t length)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "host",   "hostname",   "server", "servername",
                                        "dbhost",    "db_host",   "domain", "domain.com", "ip",     "address",
                                        "[::1]",     "host:port", "some",   "somehost",   "myhost", "my-host",
                                        "endpoint",  "example",   "url",    "yourhost",   "fqdn",   "cluster"};
    static const char *const domains[] = {"example.com", "example.org", "example.net", ".example", "domain.tld"};
    size_t end = 0;

    while (end < length && !strchr(":/?#\"' ,);", host[end]) && host[end])
        end++;
    for (size_t i = 0; i < countof(domains); i++)
        if (end >= strlen(domains[i]) &&
            strncasecmp(host + end - strlen(domains[i]), domains[i], strlen(domains[i])) == 0)
            return true;
    return !end || memmem(host, end, ".example.", strlen(".example.")) || *host == '<' || *host == '$' ||
           *host == '{' || is_one_of(host, end, hosts, countof(hosts));
}

/* user:password@localhost: the words for what is there, before a host that stands for any. */
static bool is_documented(const char *user, size_t user_length, const char *password, size_t password_length,
                          const char *host, size_t host_length)
{
    static const char *const users[] = {"user", "username", "usr", "u", "me", "login", "name", "dbuser", "db_user"};
    static const char *const passwords[] = {"password", "pass",       "passwd",      "pwd",    "pw",        "p",
                                            "secret",   "dbpassword", "db_password", "dbpass", "mypassword"};
    bool words = is_one_of(user, user_length, users, countof(users)) &&
                 is_one_of(password, password_length, passwords, countof(passwords));
    static const char *const anybody[] = {"anonymous", "ftp", "xxx"};
    static const char *const methods[] = {"x-oauth-basic", "x-access-token", "oauth2"};
    bool upper = password_length > 2;

    if (is_one_of(user, user_length, anybody, countof(anybody)) ||
        is_one_of(password, password_length, methods, countof(methods)))
        return true;

    for (size_t i = 0; i < password_length && upper; i++)
        upper = isupper((unsigned char)password[i]) || password[i] == '_';
    return (words && is_any_host(host, host_length)) ||
           (upper && is_one_of(password, password_length, passwords, countof(passwords)));
}

bool secret_is_documented_pair(const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);

    return colon && is_documented(text, (size_t)(colon - text), colon + 1, length - 1 - (size_t)(colon - text), "", 0);
}

/* https://TOKEN@host, https://TOKEN:x-oauth-basic@host: what is before the colon is the secret. A Sentry client's key
 * is public, and what it comes with is a number alone. */
static bool is_token_user(struct secret_scan *scan, size_t user, size_t colon, size_t sign, size_t stop)
{
    enum { MIN = 20, KEY = 32 };
    static const char *const passwords[] = {"", "x-oauth-basic", "x", "x-access-token"};
    const char *text = scan->text;
    size_t end = stop;

    if (colon - user < MIN || !secret_is_random(scan, text + user, colon - user))
        return false;
    if (colon < sign && !is_one_of(text + colon + 1, sign - colon - 1, passwords, countof(passwords)))
        return false;
    while (end > sign && isdigit((unsigned char)text[end - 1]))
        end--;
    secret_take(scan, stop - end);
    return !(colon - user == KEY && end < stop && text[end - 1] == '/');
}

/* A password may contain slashes, and characters like the one that ends it. */
static bool match_url(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { TRIES = 8, USER_MAX = 256 };
    const char *text = scan->text;
    size_t length = scan->length, user = at + 3, stop, colon, slash, sign;

    if (text[at] != ':' || length - at < 3 || memcmp(text + at, "://", 3) != 0 || !at ||
        !isalnum((unsigned char)text[at - 1]))
        return false;
    stop = secret_next_mark(scan, MARK_URL_END, user);
    for (colon = user; colon < stop && !strchr(":/@", text[colon]);)
        colon++;
    secret_take(scan, 16 + colon - user);
    if (colon >= stop || text[colon] == '/')
        return false;
    sign = text[colon] == '@' ? colon : secret_next_mark(scan, MARK_AT, colon);
    if (sign < stop && sign - user < USER_MAX && is_token_user(scan, user, colon, sign, stop)) {
        *ret = (struct secret_match){.kind = "token in a URL", .value = text + user, .value_length = colon - user};
        return true;
    }
    if (text[colon] == '@')
        return false;
    for (slash = colon + 1; slash < stop && isdigit((unsigned char)text[slash]);)
        slash++;
    secret_take(scan, slash - colon);
    if (slash < stop && (text[slash] == '/' || (text[slash] == '@' && memchr(text + user, '.', colon - user))))
        return false; /* that was a port, and the host is over */
    sign = colon + 1;
    for (int tries = 0; tries < TRIES && (sign = secret_next_mark(scan, MARK_AT, sign)) < stop; tries++, sign++) {
        if (is_documented(text + user, colon - user, text + colon + 1, sign - colon - 1, text + sign + 1,
                          stop - sign - 1))
            return false;
        if (secret_is_real(scan, colon + 1, sign)) {
            *ret = (struct secret_match){.kind = url_kind, .value = text + colon + 1, .value_length = sign - colon - 1};
            return true;
        }
    }
    return false;
}

/* The end of the run of the characters that users and hosts have, from AT. */
static size_t plain_end(struct secret_scan *scan, size_t at)
{
    enum { PLAIN_MAX = 64 };
    size_t end = at;

    while (end < scan->length && end - at < PLAIN_MAX && scan->text[end] &&
           (isalnum((unsigned char)scan->text[end]) || strchr("_.-*", scan->text[end])))
        end++;
    secret_take(scan, 2 * (end - at));
    return end;
}

/* user:password@tcp(host:port)/name, a data source name (go-sql-driver/mysql, README, "DSN"). */
static bool match_source_name(struct secret_scan *scan, size_t at, size_t colon, struct secret_match *ret)
{
    enum { TRIES = 8, TRY_STEPS = 16 };
    static const char *const protocols[] = {"tcp(", "tcp6(", "unix(", "udp(", "("};
    const char *text = scan->text;
    size_t sign;

    if (colon == at)
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

/* host:port:database:user:password (PostgreSQL, "The Password File"); in a text that does not name the file, only with
 * a port that is its server's. */
static bool match_pgpass(struct secret_scan *scan, size_t at, size_t colon, struct secret_match *ret)
{
    enum { FIELDS = 4, PORT = 1 };
    const char *text = scan->text;
    size_t from = at, end = colon;

    if (colon == at)
        return false;
    for (int field = 0; field < FIELDS; field++) {
        if (end == from || end >= scan->length || text[end] != ':')
            return false;
        if (field > PORT && secret_is_made_of(text + from, end - from, "0123456789"))
            return false; /* a line of /etc/shadow */
        if (field == PORT && !(end - from == 1 && text[from] == '*') &&
            !(end - from == 4 && (memcmp(text + from, "543", 3) == 0 || memcmp(text + from, "643", 3) == 0)))
            return false;
        from = end + 1;
        if (field < FIELDS - 1)
            end = plain_end(scan, from);
    }
    end = secret_value_end(scan, &from);
    while (end > from && text[end - 1] == '\\')
        end--;
    for (size_t i = from; i + 1 < end; i++)
        if (!secret_take(scan, 1) || (text[i] == '\\' && text[i + 1] == 'n'))
            end = i;
    if (!secret_is_real(scan, from, end))
        return false;
    *ret = (struct secret_match){.kind = "password in a .pgpass", .value = text + from, .value_length = end - from};
    return true;
}

/* name:hash:uid:gid:, a line of /etc/passwd with a hash of crypt(3)'s first kind: thirteen characters. */
static bool match_passwd_line(struct secret_scan *scan, size_t colon, struct secret_match *ret)
{
    enum { HASH = 13, NUMBERS = 2 };
    const char *text = scan->text;
    size_t start = colon + 1, end = start;

    while (end < scan->length && end - start <= HASH && text[end] &&
           (isalnum((unsigned char)text[end]) || strchr("./", text[end])))
        end++;
    secret_take(scan, end - start);
    if (end - start != HASH)
        return false;
    for (size_t at = end, i = 0; i < NUMBERS; i++) {
        size_t digits = ++at;

        if (digits > scan->length || text[digits - 1] != ':')
            return false;
        while (at < scan->length && isdigit((unsigned char)text[at]))
            at++;
        secret_take(scan, at - digits);
        if (at == digits || at >= scan->length || text[at] != ':')
            return false;
    }
    *ret = (struct secret_match){.kind = "password hash", .value = text + start, .value_length = HASH};
    return true;
}

/* thin:user/password@host, as Oracle's drivers have it; pserver:user:password@host, as CVS has it. */
static bool match_oracle(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char *const drivers[] = {"thin:", "oci:", "oci8:", "pserver:"};
    const char *text = scan->text;

    for (size_t i = 0; i < countof(drivers); i++) {
        size_t slash, sign;

        if (!secret_is_word(scan, at, drivers[i]))
            continue;
        slash = plain_end(scan, at + strlen(drivers[i]));
        if (slash >= scan->length || text[slash] != (*drivers[i] == 'p' ? ':' : '/') ||
            slash == at + strlen(drivers[i]))
            return false;
        sign = secret_next_mark(scan, MARK_AT, slash + 1);
        if (sign >= secret_next_mark(scan, MARK_URL_END, slash) || !secret_is_real(scan, slash + 1, sign))
            return false;
        *ret = (struct secret_match){.kind = url_kind, .value = text + slash + 1, .value_length = sign - slash - 1};
        return true;
    }
    return false;
}

bool secret_match_url(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t colon;

    if (match_url(scan, at, ret) || match_oracle(scan, at, ret))
        return true;
    if ((!isalnum((unsigned char)text[at]) && !strchr("_.-*", text[at])) ||
        (!secret_is_word_start(text, at) && !(at && text[at - 1] == '=') &&
         !(at >= 2 && text[at - 1] == 'n' && text[at - 2] == '\\')))
        return false;
    colon = plain_end(scan, at);
    if (colon >= scan->length || text[colon] != ':')
        return false;
    return match_passwd_line(scan, colon, ret) || match_source_name(scan, at, colon, ret) ||
           match_pgpass(scan, at, colon, ret);
}
