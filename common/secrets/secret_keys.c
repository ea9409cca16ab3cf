/* Private keys: PEM blocks however they are broken into lines, the same in base64, bare keys in base64, JSON web keys,
 * PuTTY's files. A header without a key is none. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

static const char private_key[] = "private key";

/* Is it how keys in base64 begin, and does it go on as one, not with dots? */
static bool begins_key(const struct secret_scan *scan, size_t at)
{
    static const char *const beginnings[] = {"MII", "MHc", "MHQ", "MC4", "b3Bl", "lQ"};
    size_t end = at;

    while (end < scan->length && end - at < 64 && secret_is_base64_char(scan->text[end]))
        end++;
    if (secret_is_word(scan, end, "...") || secret_is_word(scan, end, "\xe2\x80\xa6"))
        return false;
    for (size_t i = 0; i < countof(beginnings); i++)
        if (secret_is_word(scan, at, beginnings[i]))
            return true;
    return false;
}

/* Is there a line of a key from AT on, before the block's end mark? "YOUR KEY HERE" is none, nor is a path. */
static bool has_body(struct secret_scan *scan, size_t at)
{
    enum { LOOK_MAX = 512, LINE_MIN = 12, BEGINNING = 4, STEPS = 2 };
    const char *text = scan->text;
    size_t run = 0, changes = 0, end = scan->length - at < LOOK_MAX ? scan->length : at + LOOK_MAX, i;

    for (i = at; i < end && !secret_is_word(scan, i, "-END ") && !secret_is_word(scan, i, "- END "); i++) {
        run = secret_is_base64_char(text[i]) ? run + 1 : 0;
        changes = run > 1
                      ? changes + ((isupper((unsigned char)text[i]) != 0) != (isupper((unsigned char)text[i - 1]) != 0))
                      : 0;
        if ((run >= LINE_MIN && changes > 1) || (run == BEGINNING && begins_key(scan, i + 1 - run))) {
            secret_take(scan, STEPS * (i - at));
            return !secret_is_filler(scan, text + i + 1 - run, run);
        }
    }
    secret_take(scan, STEPS * (i - at));
    return false;
}

/* -----BEGIN … PRIVATE KEY----- up to its end mark, or to the end of the text. */
static bool match_pem(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char end_mark[] = "END";
    enum { DASH_STEPS = 8, LINE_STEPS = 32, LINE_MAX = 72, PRIVATE_STEPS = 1024 };
    const char *text = scan->text, *found;
    size_t line = scan->length - at < LINE_MAX ? scan->length - at : LINE_MAX, end = scan->length, body;

    if (text[at] != '-' || (at && text[at - 1] == '-') || !secret_take(scan, DASH_STEPS) ||
        (!secret_is_word(scan, at, "-----BEGIN ") && !secret_is_word(scan, at, "---- BEGIN ")) ||
        !secret_take(scan, LINE_STEPS))
        return false;
    found = memmem(text + at, line, "PRIVATE KEY", strlen("PRIVATE KEY"));
    if (!found)
        return false;
    for (body = (size_t)(found - text) + strlen("PRIVATE KEY"); body < scan->length && strchr(" BLOCK-", text[body]);)
        body++;
    if (!has_body(scan, body))
        return false;
    for (const char *from = text + body;
         (found = memmem(from, (size_t)(text + scan->length - from), end_mark, strlen(end_mark))); from = found + 1)
        if (found[-1] == '-' || (found[-1] == ' ' && found[-2] == '-'))
            break;
    if (found)
        found = memmem(found, (size_t)(text + scan->length - found), "----", strlen("----"));
    if (found) {
        end = (size_t)(found - text);
        while (end < scan->length && text[end] == '-')
            end++;
    }
    secret_take(scan, (end - at) / 4);
    *ret = (struct secret_match){.kind = private_key, .value = text + at, .value_length = end - at};
    return true;
}

/* Do the bytes begin a private key in DER: a sequence whose first member is the version, 0 or 1 (RFC 8017, RFC 5915,
 * RFC 5958), or 3 (RFC 7292, a store of keys)? A certificate's is a sequence. */
static bool is_der(const unsigned char *bytes, size_t length)
{
    size_t at = 2;

    if (length < 24 || bytes[0] != 0x30)
        return false;
    if (bytes[1] & 0x80)
        at += bytes[1] & 0x7f;
    return at <= 5 && bytes[at] == 0x02 && bytes[at + 1] == 0x01 &&
           (bytes[at + 2] == 0 || bytes[at + 2] == 1 || bytes[at + 2] == 3) &&
           (bytes[at + 3] == 0x02 || bytes[at + 3] == 0x04 || bytes[at + 3] == 0x30);
}

/* A run of base64 that holds a private key, or a file that has one. */
static bool match_base64(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { MIN = 40, DECODED_MAX = 4096 };
    static const char openssh[] = "openssh-key-v1";
    static const char *const inside[] = {"PRIVATE KEY-----\n", "PRIVATE KEY-----\\n", "PRIVATE KEY-----\r",
                                         "PRIVATE KEY BLOCK-----", "client-key-data:"};
    static const char *const files[] = {"\"auth\":",   "\"private_key\":",   "aws_secret_access_key",
                                        "_authToken=", "\"refresh_token\":", "\"client_secret\":"};
    const char *text = scan->text, *kind = private_key;
    unsigned char bytes[DECODED_MAX];
    size_t end = at, length;

    if (!secret_is_base64_char(text[at]) || at < scan->no_base64_before)
        return false;
    while (end < scan->length && secret_is_base64_char(text[end]))
        end++;
    secret_take(scan, 2 * (end - at));
    scan->no_base64_before = end;
    if (end - at < MIN)
        return false;
    secret_take(scan, 4 * (end - at < DECODED_MAX ? end - at : DECODED_MAX));
    length = secret_decode(text + at, end - at, bytes, sizeof bytes);
    if (is_der(bytes, length) || (length >= sizeof openssh && memcmp(bytes, openssh, sizeof openssh) == 0))
        goto found;
    for (size_t i = 0; i < countof(inside); i++)
        if (memmem(bytes, length, inside[i], strlen(inside[i])))
            goto found;
    for (size_t i = 0; i < countof(files); i++)
        if (memmem(bytes, length, files[i], strlen(files[i]))) {
            kind = "file with a secret, in base64";
            goto found;
        }
    return false;
found:
    while (end < scan->length && text[end] == '=')
        end++;
    *ret = (struct secret_match){.kind = kind, .value = text + at, .value_length = end - at};
    return true;
}

/* "d":"…" of a JSON web key (RFC 7518, 6.2.2 and 6.3.2), and what PuTTY's files have. */
static bool match_member(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { MIN = 40, MAX = 1024 };
    static const char *const before[] = {"\"d\":\"", "\"d\": \"", "\\\"d\\\":\\\"", "Private-Lines: "};
    const char *text = scan->text;

    if (!strchr("\"\\P", text[at]) || !text[at])
        return false;
    for (size_t i = 0; i < countof(before); i++) {
        size_t start = at + strlen(before[i]), end = start;

        if (!secret_is_word(scan, at, before[i]))
            continue;
        if (*before[i] == 'P')
            end = scan->length;
        while (end < scan->length && end - start < MAX &&
               (secret_is_base64_char(text[end]) || strchr("-_=", text[end])) && text[end])
            end++;
        secret_take(scan, end - start);
        if (end - start < MIN)
            return false;
        *ret = (struct secret_match){.kind = private_key, .value = text + start, .value_length = end - start};
        return true;
    }
    return false;
}

bool secret_match_key(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    return match_pem(scan, at, ret) || match_base64(scan, at, ret) || match_member(scan, at, ret);
}
