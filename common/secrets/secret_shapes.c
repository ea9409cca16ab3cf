/* What a value looks like: random as keys are, the name of a method, an address, an amount. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { WORD_MAX = 64 };

/* ---- Shapes ---- */

bool secret_is_amount(const char *value, size_t length)
{
    return length > 0 && length < 12 &&
           (secret_is_made_of(value, length, "0123456789._") ||
            (strchr("kKmM", value[length - 1]) && secret_is_made_of(value, length - 1, "0123456789._")));
}

/* RFC 9562. */
bool secret_is_uuid(const char *value, size_t length)
{
    return length == 36 && secret_is_made_of(value, length, "0123456789abcdefABCDEF-") && value[8] == '-' &&
           value[13] == '-' && value[18] == '-' && value[23] == '-';
}

/* Of which kind a letter or digit is; words change between the kinds less often than what is drawn at random. */
static int kind_of(char c)
{
    return isdigit((unsigned char)c) ? 0 : isupper((unsigned char)c) ? 1 : 2;
}

/* Letters and digits that nobody gives a thing for a name: of both cases with digits among them, or hexadecimal. */
bool secret_is_random(struct secret_scan *scan, const char *value, size_t length)
{
    enum { MIN = 12, HEX_MIN = 24, GROUPS_MIN = 2, LONG = 28, LOWER_GROUPS_MIN = 5, CHARACTER_STEPS = 2, MIXED = 16 };
    size_t lower = 0, upper = 0, groups = 0, changes = 0;

    for (size_t i = 0; i < length; i++) {
        bool digit = isdigit((unsigned char)value[i]);

        if (!secret_take(scan, CHARACTER_STEPS) || !isalnum((unsigned char)value[i]))
            return false;
        lower += islower((unsigned char)value[i]) != 0;
        upper += isupper((unsigned char)value[i]) != 0;
        groups += digit && !(i && isdigit((unsigned char)value[i - 1]));
        changes += i && kind_of(value[i]) != kind_of(value[i - 1]);
    }
    if (length >= MIXED && lower && upper && 2 * changes >= length)
        return true;
    return (groups >= GROUPS_MIN || (groups && length >= LONG)) &&
           ((length >= LONG && lower && groups >= LOWER_GROUPS_MIN) || (length >= MIN && lower && upper) ||
            (length >= HEX_MIN && lower && secret_is_made_of(value, length, "0123456789abcdef")));
}

/* Base64 with the signs that fill its last group, of both cases and with a digit. */
static bool is_padded(const char *value, size_t length)
{
    enum { MIN = 24, GROUP = 4 };
    size_t end = length, kinds[3] = {0};

    if (length < MIN || length % GROUP || value[length - 1] != '=')
        return false;
    end -= value[length - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < end; i++) {
        if (!secret_is_base64_char(value[i]))
            return false;
        if (isalnum((unsigned char)value[i]))
            kinds[kind_of(value[i])]++;
    }
    return kinds[0] && kinds[1] > 2 && kinds[2] > 2;
}

/* Base64 or the like, long enough for a key, with a part that is random. */
bool secret_is_key(struct secret_scan *scan, const char *value, size_t length)
{
    enum { MIN = 16, MAX = 512, PART_MIN = 12 };
    size_t from = 0;

    if (length < MIN || length > MAX)
        return false;
    if (is_padded(value, length))
        return true;
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

    static const char *const schemes[] = {"bearer ", "basic ", "token "};

    if (length > MAX)
        return false;
    secret_take(scan, STEPS);
    for (size_t i = 0; i < countof(schemes); i++)
        if (length >= strlen(schemes[i]) + MIN && strncasecmp(value, schemes[i], strlen(schemes[i])) == 0)
            return false;
    for (size_t i = 0; i < length; i++) {
        digits += isdigit((unsigned char)value[i]) != 0;
        capitals += i && isupper((unsigned char)value[i]) && islower((unsigned char)value[i - 1]);
        if (value[i] == ':' && colon == length)
            colon = i;
    }
    if (secret_is_key(scan, value, length) || secret_is_random(scan, value, length) || secret_is_uuid(value, length) ||
        secret_is_encoded_pair(value, length))
        return false;
    if (length > 6 && strncasecmp(value + length - 5, "creds", 5) == 0 && strchr("._-", value[length - 6]))
        return true;                 /* a file's name: kafka1_keystore_creds */
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
