/* Secrets recognized by the name before them: NAME=value, -Dname=value, --name value, "name": "value", Name: value,
 * name = value, <name>value</name>, ENV NAME value, and what configuration files and SQL have instead. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

const char *const secret_named_kind = "value of a secret-named variable";

/* Also what is no ASCII, for names in Chinese; the signs between them (U+3000 to U+303F, U+FF00 to U+FF3F) are not. */
static bool is_name_char(const struct secret_scan *scan, size_t at)
{
    const unsigned char *text = (const unsigned char *)scan->text;

    if (text[at] < 0x80)
        return isalnum(text[at]) || text[at] == '_' || text[at] == '-' || text[at] == '.';
    for (size_t i = 0; i < 3 && i <= at; i++) {
        const unsigned char *c = text + at - i;

        if (*c >= 0xc0)
            return !(scan->length - (at - i) >= 3 &&
                     ((c[0] == 0xe3 && c[1] == 0x80) || (c[0] == 0xef && c[1] == 0xbc)));
    }
    return true;
}

/* The length of the sign at AT if it stands for C in a text of wide characters, as "：" does for ':'; 0: it does not.
 */
static size_t wide_sign(const struct secret_scan *scan, size_t at)
{
    return secret_is_word(scan, at, "\xef\xbc\x9a") || secret_is_word(scan, at, "\xef\xbc\x9d") ? 3 : 0;
}

size_t secret_skip_blanks(struct secret_scan *scan, size_t at)
{
    size_t from = at;

    while (at < scan->length && (scan->text[at] == ' ' || scan->text[at] == '\t'))
        at++;
    secret_take(scan, at - from);
    return at;
}

bool secret_match_value(struct secret_scan *scan, size_t name, size_t name_end, size_t start, size_t stop,
                        struct secret_match *ret)
{
    if (stop <= start || !secret_is_real(scan, start, stop))
        return false;
    *ret = (struct secret_match){.kind = secret_named_kind,
                                 .name = scan->text + name,
                                 .name_length = name_end - name,
                                 .value = scan->text + start,
                                 .value_length = stop - start};
    return true;
}

/* What a colon with no blank after it separates is a name and its value less often than a host and its port, an image
 * and its tag, a path and its mode: auth:8080, token:latest, secrets:ro. */
static bool is_address_part(struct secret_scan *scan, size_t name, size_t colon, size_t start, size_t stop)
{
    const char *text = scan->text;
    size_t digits = start;
    bool lower = true;

    if (colon + 1 != start || text[colon] != ':')
        return false;
    if (name && text[name - 1] == '/')
        return name < 2 || !secret_is_blank(text[name - 2]); /* /password:value, as Windows' programs have it */
    while (digits < stop && isdigit((unsigned char)text[digits]))
        digits++;
    if (digits > start && digits - start <= 5 && digits - start >= 2 && (digits == stop || text[digits] == '/'))
        return !secret_is_word_nocase(scan, name, "pass");
    for (size_t i = name; i < colon; i++)
        lower &= !isupper((unsigned char)text[i]) && (unsigned char)text[i] < 0x80;
    return lower && !secret_is_word(scan, name, "pass") && !secret_is_word(scan, name, "pwd") &&
           !secret_is_key(scan, text + start, stop - start) && !secret_is_random(scan, text + start, stop - start) &&
           !secret_is_uuid(text + start, stop - start);
}

/* "Secrets: manage your passwords", "set your password: see there": a sentence. */
static bool is_sentence(const struct secret_scan *scan, size_t name, size_t start, size_t stop)
{
    const char *text = scan->text;

    for (size_t i = start; i < stop; i++)
        if (!isalpha((unsigned char)text[i]))
            return false;
    return (stop + 1 < scan->length && text[stop] == ' ' && isalpha((unsigned char)text[stop + 1])) ||
           (name >= 2 && text[name - 1] == ' ' && islower((unsigned char)text[name - 2]));
}

/* libpam-passwd=1.2-3, keyrings.auth==5: a package's version. */
static bool is_package(struct secret_scan *scan, size_t name, size_t name_end, size_t start, size_t stop)
{
    const char *text = scan->text;
    bool dot = false;

    if (name && text[name - 1] != ' ' && text[name - 1] != '\t')
        return false;
    for (size_t i = name; i < name_end; i++)
        if (isupper((unsigned char)text[i]) || text[i] == '_')
            return false;
    if (start < stop && text[start] == '~')
        start++;
    if (start >= stop || !isdigit((unsigned char)text[start]))
        return false;
    for (size_t i = start; i < stop; i++) {
        if (!secret_take(scan, 2) ||
            (!isdigit((unsigned char)text[i]) && !islower((unsigned char)text[i]) && !strchr(".:+~-*", text[i])))
            return false;
        dot |= text[i] == '.' || text[i] == '*';
    }
    return dot;
}

/* Moves to the value after the scheme of an Authorization header; false: there is none. */
static bool skip_scheme(struct secret_scan *scan, size_t *start, size_t *stop)
{
    static const char *const schemes[] = {"Bearer ",    "Basic ",    "token ", "ApiKey ", "Api-Key ",
                                          "Api-Token ", "GenieKey ", "SSWS ",  "Bot ",    "Splunk ",
                                          "OAuth ",     "Key ",      "key=",   "Digest "};
    bool skipped = true, any = false;

    while (skipped) {
        skipped = false;
        for (size_t i = 0; i < countof(schemes) && !skipped; i++)
            if (secret_is_word_nocase(scan, *start, schemes[i]) && *stop + 1 >= *start + strlen(schemes[i]) &&
                !secret_is_word(scan, *start + strlen(schemes[i]), "-")) { /* --token TOKEN --other */
                *start += strlen(schemes[i]);
                if (*stop <= *start)
                    *stop = secret_value_end(scan, start);
                skipped = any = true;
            }
    }
    return any;
}

static bool is_upper_case(struct secret_scan *scan, const char *text, size_t length)
{
    while (length > 1 && strchr(".,;:)", text[length - 1])) /* the sentence's end */
        length--;
    for (size_t i = 0; i < length; i++)
        if (!secret_take(scan, 1) || (!isupper((unsigned char)text[i]) && !strchr("_]", text[i])))
            return false;
    return true;
}

/* The text between a name that ends at END and its value. */
struct separator {
    size_t end;  /* where the value begins */
    bool quoted; /* "name" */
    bool spaced; /* name = value */
    bool equals;
    bool after_blank; /* name: value */
};

/* NAME, and then value=…, "value": … or value: …, on the next line too: <add key="NAME" value="…">, - name: NAME. */
static bool read_value_member(struct secret_scan *scan, size_t at, size_t *ret)
{
    static const char word[] = "value";
    const char *text = scan->text;
    size_t from = at;

    while (at < scan->length && at - from < 24 &&
           (secret_is_blank(text[at]) || text[at] == ',' || text[at] == '"' || text[at] == '\'' ||
            (text[at] == '\\' && at + 1 < scan->length && strchr("n\"", text[at + 1]))))
        at += 1 + (text[at] == '\\');
    secret_take(scan, at - from);
    if (at == from || !secret_is_word_nocase(scan, at, word))
        return false;
    at += strlen(word);
    while (at < scan->length && (text[at] == '"' || text[at] == '\\' || text[at] == '\''))
        at++;
    at = secret_skip_blanks(scan, at);
    if (at >= scan->length || (text[at] != ':' && text[at] != '='))
        return false;
    *ret = secret_skip_blanks(scan, at + 1);
    return true;
}

static bool read_separator(struct secret_scan *scan, size_t end, bool flag, struct separator *ret)
{
    enum { SEPARATOR_STEPS = 16 };
    const char *text = scan->text;
    size_t length = scan->length, at = end, next;
    bool quoted = false;

    if (at < length && (text[at] == '"' || text[at] == '\'')) {
        at++;
        quoted = true;
    } else if (at + 1 < length && text[at] == '\\' && (text[at + 1] == '"' || text[at + 1] == '\'')) {
        at += 2;
        quoted = true;
    }
    secret_take(scan, SEPARATOR_STEPS);
    if (quoted && at < length && text[at] == ']') /* environ["NAME"] = … */
        at++;
    *ret = (struct separator){.quoted = quoted, .spaced = secret_skip_blanks(scan, at) > at};
    if (read_value_member(scan, at, &ret->end))
        return true;
    if (secret_is_word(scan, at, "</name>")) { /* <name>NAME</name> <value>… */
        at = secret_skip_blanks(scan, at + strlen("</name>"));
        while (at < length && (text[at] == '\n' || text[at] == ' '))
            at++;
        ret->end = at + strlen("<value>");
        return secret_is_word(scan, at, "<value>");
    }
    if (flag && !quoted && at < length && secret_is_blank(text[at])) {
        while (at < length && secret_is_blank(text[at]))
            at++;
        secret_take(scan, at - end);
        ret->end = at;
        ret->spaced = false;
        return at < length && text[at] != '-' && text[at] != '=';
    }
    at = secret_skip_blanks(scan, at);
    next = secret_skip_blanks(scan, at + (at < length && text[at] == ','));
    if (flag && quoted && next + 1 < length && (text[next] == '"' || text[next] == '\'')) { /* "--name" "value" */
        ret->spaced = false;
        ret->end = next;
        return text[next + 1] != '-';
    }
    if (secret_is_word(scan, at, "=>") || secret_is_word(scan, at, ":=")) {
        ret->end = secret_skip_blanks(scan, at + 2);
        return true;
    }
    if (at < length && text[at] == '=' && !secret_is_word(scan, at, "==")) {
        ret->equals = true;
        ret->end = ret->spaced || quoted ? secret_skip_blanks(scan, at + 1) : at + 1;
        return true;
    }
    if (at < length && wide_sign(scan, at)) {
        ret->end = secret_skip_blanks(scan, at + wide_sign(scan, at));
        return true;
    }
    ret->end = secret_skip_blanks(scan, at + 1);
    ret->after_blank = ret->end > at + 1;
    return at < length && text[at] == ':' && !secret_is_word(scan, at, "://") && !secret_is_word(scan, at, "::");
}

/* ${NAME:-value}: the value that is used without one. The text after ${NAME:? is a message. */
static bool match_default(struct secret_scan *scan, size_t at, size_t end, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t start, stop;

    while (end > at && (text[end - 1] == '-' || text[end - 1] == '.'))
        end--;
    for (size_t i = at; i < end; i++)
        if (text[i] == '-' || text[i] == '.')
            end = i;
    start = end < scan->length && text[end] == ':' ? end + 1 : end;
    if (start >= scan->length || (text[start] != '-' && text[start] != '='))
        return false;
    start++;
    for (stop = start; stop < scan->length && stop - start < 512 && text[stop] != '}';)
        stop++;
    secret_take(scan, stop - start);
    return secret_is_named(scan, text + at, end - at, start, stop) &&
           secret_match_value(scan, at, end, start, stop, ret);
}

/* <password>value</password> */
static bool match_element(struct secret_scan *scan, size_t at, size_t end, struct secret_match *ret)
{
    size_t start = end + 1, stop = start;

    while (stop < scan->length && stop - start < 512 && scan->text[stop] != '<')
        stop++;
    secret_take(scan, stop - start);
    return secret_is_word(scan, stop, "</") && secret_is_named(scan, scan->text + at, end - at, start, stop) &&
           secret_match_value(scan, at, end, start, stop, ret);
}

/* docker run -e DB_PASSWORD=secret …: how an image is used, with the word for what belongs there. */
static bool is_usage(struct secret_scan *scan, size_t name, size_t start, size_t stop)
{
    static const char *const options[] = {"-e ", "--env "};
    static const char *const words[] = {"pass",         "password",   "secret", "passwd", "pwd", "mysecretpassword",
                                        "my-secret-pw", "mypassword", "token",  "key"};
    bool given = false;

    for (size_t i = 0; i < countof(options); i++)
        given |= name >= strlen(options[i]) && secret_is_word(scan, name - strlen(options[i]), options[i]);
    for (size_t i = 0; given && i < countof(words); i++)
        if (strlen(words[i]) == stop - start && memcmp(scan->text + start, words[i], stop - start) == 0)
            return true;
    return false;
}

static bool is_function_word(const char *text, size_t length)
{
    static const char *const words[] = {"to",   "is",       "or",        "and", "for",     "in",   "if",
                                        "on",   "from",     "flag",      "the", "must",    "a",    "option",
                                        "with", "argument", "parameter", "are", "was",     "when", "as",
                                        "of",   "by",       "will",      "can", "instead", "which"};

    for (size_t i = 0; i < countof(words); i++)
        if (strlen(words[i]) == length && memcmp(text, words[i], length) == 0)
            return true;
    return false;
}

/* # password = secret: what is commented out, in the words of a manual. */
static bool is_comment(const struct secret_scan *scan, size_t at)
{
    while (at && (scan->text[at - 1] == ' ' || scan->text[at - 1] == ';'))
        at--;
    return at && scan->text[at - 1] == '#' && (at == 1 || strchr("\"'\n ", scan->text[at - 2]));
}

static bool is_letters(const struct secret_scan *scan, size_t at)
{
    while (at < scan->length && islower((unsigned char)scan->text[at]))
        at++;
    return at == scan->length || secret_is_blank(scan->text[at]) || strchr("\"'\\", scan->text[at]);
}

/* "Password: "; read …: what ends a text, and begins no value. */
static bool is_closing_quote(const struct secret_scan *scan, size_t at)
{
    return at + 1 < scan->length && (scan->text[at] == '"' || scan->text[at] == '\'') &&
           strchr(";)&|,", scan->text[at + 1]) && scan->text[at + 1];
}

/* $(echo value), `echo value`, <(echo value), "echo value" of a …_COMMAND: moves to the value. */
static bool move_into_substitution(struct secret_scan *scan, size_t *start)
{
    static const char *const beginnings[] = {"$(", "`", "<(", "\"$(", "\"`", "\"", "'"};
    static const char *const writers[] = {"echo ",        "echo -n ",   "printf ",
                                          "printf '%s' ", "printf %s ", "printf '%s\\n' "};
    size_t found = 0;

    for (size_t i = 0; i < countof(beginnings); i++) {
        size_t at = *start + strlen(beginnings[i]);

        if (!secret_is_word(scan, *start, beginnings[i]))
            continue;
        for (size_t k = 0; k < countof(writers); k++)
            if (secret_is_word(scan, at, writers[k]))
                found = at + strlen(writers[k]); /* the longest one is last */
        if (found)
            break;
    }
    if (!found)
        return false;
    *start = found;
    return true;
}

/* password = MD5('value'): moves to the text of which a digest is taken. */
static void skip_digest(struct secret_scan *scan, size_t *start)
{
    static const char *const digests[] = {"md5(",   "sha1(",   "sha2(",    "sha(",      "sha256(",       "sha512(",
                                          "crypt(", "bcrypt(", "encrypt(", "password(", "old_password(", "to_base64("};

    for (size_t i = 0; i < countof(digests); i++) {
        size_t at = *start + strlen(digests[i]);

        if (secret_is_word_nocase(scan, *start, digests[i]) && at < scan->length &&
            (scan->text[at] == '\'' || scan->text[at] == '"')) {
            *start = at;
            return;
        }
    }
}

/* AT is the first character of the name. */
static bool match_named(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { SINGLE_DASH_MIN = 4, NAME_STEPS = 24 }; /* -auth value; -key may be anything */
    const char *text = scan->text;
    size_t length = scan->length, end = at, name = at, start, stop;
    struct separator separator;
    bool scheme, written;
    size_t dashes = secret_is_word(scan, at, "--") ? 2 : text[at] == '-' && secret_is_word_start(text, at) ? 1 : 0;
    bool flag = dashes && at + dashes < length &&
                (isalpha((unsigned char)text[at + dashes]) || (unsigned char)text[at + dashes] >= 0x80);
    bool escaped = at >= 2 && text[at - 2] == '\\' && strchr("nrt", text[at - 1]); /* a line's start, written \n */

    if (at && !escaped && is_name_char(scan, at - 1) &&
        !(strchr("-.", text[at - 1]) && (at == 1 || !is_name_char(scan, at - 2)))) /* .password="…", jq's */
        return false;
    if (!flag && !isalpha((unsigned char)text[at]) && text[at] != '_' && (unsigned char)text[at] < 0x80)
        return false;
    while (end < length && is_name_char(scan, end))
        end++;
    secret_take(scan, NAME_STEPS + 4 * (end - at));
    name += flag ? dashes : 0;
    if (at >= 2 && text[at - 1] == '{' && text[at - 2] == '$')
        return match_default(scan, at, end, ret);
    if (at && text[at - 1] == '<' && end < length && text[end] == '>')
        return match_element(scan, at, end, ret);
    if (!read_separator(scan, end, dashes == 2 || (flag && end - name >= SINGLE_DASH_MIN), &separator) ||
        !secret_is_name(scan, text + name, end - name))
        return false;
    start = separator.end;
    if ((separator.spaced && at && text[at - 1] == '$') || /* a comparison */
        (at && text[at - 1] == ':' && text[end] == ':'))   /* a part of arn:aws:secretsmanager:…:secret:… */
        return false;
    if (start < length && strchr("/#|,!", text[start]) && start + 1 + (end - name) <= length &&
        memcmp(text + start + 1, text + name, end - name) == 0)
        return false; /* the name alone, in a sed expression: s/password=/password=…/ */
    if (is_closing_quote(scan, start) && !separator.quoted && !separator.equals)
        return false;
    written = move_into_substitution(scan, &start) && end - name > strlen("command") &&
              secret_is_word_nocase(scan, end - strlen("command"), "command");
    if (is_comment(scan, name) && separator.spaced && is_letters(scan, start))
        return false;
    if (!flag)
        skip_digest(scan, &start);
    stop = secret_value_end(scan, &start);
    if (separator.quoted && separator.end == start) /* a number or a word of JSON */
        for (size_t i = start; i < stop; i++)
            if (!secret_take(scan, 2) || strchr(",}]", text[i]))
                stop = i;
    if (separator.spaced && separator.end == start)
        for (size_t i = start; i < stop; i++)
            if (!secret_take(scan, 1) || text[i] == '(' || text[i] == '[')
                return false; /* a program's text, that computes it */
    if (!separator.quoted && separator.end == start && is_address_part(scan, name, end, start, stop))
        return false;
    scheme = secret_names_value(scan, text + name, end - name) && skip_scheme(scan, &start, &stop);
    if (separator.after_blank && !scheme && !separator.quoted && separator.end == start &&
        is_sentence(scan, name, start, stop))
        return false;
    if (stop <= start || !(scheme || written || secret_is_named(scan, text + name, end - name, start, stop)) ||
        (separator.equals && !flag && is_package(scan, name, end, start, stop)))
        return false;
    if (flag && is_upper_case(scan, text + start, stop - start) && secret_is_name(scan, text + start, stop - start))
        return false; /* usage: --password PASSWORD */
    if (is_usage(scan, name, start, stop) ||
        (at >= strlen("alias ") && secret_is_word(scan, at - strlen("alias "), "alias ")))
        return false;
    if (dashes == 2 && is_function_word(text + start, stop - start))
        return false; /* a sentence that speaks of the option */
    if (flag && end - name == strlen("secret") && secret_is_word(scan, name, "secret") &&
        (memchr(text + start, '=', stop - start) ||
         secret_is_made_of(text + start, stop - start, "abcdefghijklmnopqrstuvwxyz-_") ||
         secret_is_plain_name(scan, text + start, stop - start)))
        return false; /* docker build --secret id=…,src=…; gcloud … --secret=name; pulumi … --secret name value */
    return secret_match_value(scan, name, end, start, stop, ret);
}

/* codecov -t TOKEN, and whatever takes one by a letter: what is random and follows it. */
static bool match_letter(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { MIN = 20, NUMBER_MIN = 32 };
    const char *text = scan->text;
    size_t start, stop, length;
    bool number, mixed = false;

    if (text[at] != '-' || scan->length - at < MIN || !strchr("tkpPsaw", text[at + 1]) || !text[at + 1] ||
        !secret_is_blank(text[at + 2]) || !secret_is_word_start(text, at))
        return false;
    start = secret_skip_blanks(scan, at + 2);
    stop = secret_value_end(scan, &start);
    length = stop > start ? stop - start : 0;
    if (length < MIN)
        return false;
    for (size_t i = start; i < stop && secret_take(scan, 1) && !mixed; i++)
        mixed = isupper((unsigned char)text[i]);
    number = secret_is_uuid(text + start, length) ||
             (length >= NUMBER_MIN && secret_is_made_of(text + start, length, "0123456789abcdef"));
    if (!(number && strchr("tk", text[at + 1])) && !(mixed && secret_is_random(scan, text + start, length)))
        return false;
    *ret = (struct secret_match){.kind = "token given to a command", .value = text + start, .value_length = length};
    return true;
}

/* The start of the word that ends before AT, blanks between skipped; AT: there is none. *RET_END: its end. */
static size_t word_before(struct secret_scan *scan, size_t at, size_t *ret_end)
{
    enum { WORD_LENGTH_MAX = 128 };
    const char *text = scan->text;
    size_t end = at, from;

    while (end && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    for (from = end;
         from && end - from < WORD_LENGTH_MAX && !secret_is_blank(text[from - 1]) && !strchr(";|&", text[from - 1]);)
        from--;
    secret_take(scan, at - from);
    *ret_end = end;
    return from;
}

/* Letters with a digit or a sign among them, as passwords have and the names of files and ports do not. */
static bool is_mixed(struct secret_scan *scan, size_t start, size_t stop)
{
    enum { MIN = 5 };
    bool letter = false, other = false;

    if (stop < start + MIN)
        return false;
    for (size_t i = start; i < stop; i++) {
        char c = scan->text[i];

        if (!secret_take(scan, 1) || secret_is_blank(c) || !c || strchr("/:=,", c) || (c == '.' && i + 4 >= stop))
            return false;
        letter |= isalpha((unsigned char)c) != 0;
        other |= isdigit((unsigned char)c) || strchr("!@#$%^&*+?~", c);
    }
    return letter && other;
}

static bool match_argument(struct secret_scan *scan, size_t start, size_t stop, struct secret_match *ret)
{
    if (stop <= start || !secret_is_real(scan, start, stop))
        return false;
    *ret = (struct secret_match){
        .kind = "password given to a command", .value = scan->text + start, .value_length = stop - start};
    return true;
}

/* tool -u USER -p PASSWORD, of whatever program: not one that becomes another user and runs a command, nor one whose -p
 * is a port, a path or a prompt. */
static bool match_login(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { WORDS_MAX = 12 };
    static const char *const flags[] = {"-u", "--user", "--username", "--login", "-l", "-user", "-username"};
    static const char *const others[] = {"sudo",   "su",    "doas",       "runuser", "gosu",  "mysql",   "mysqldump",
                                         "docker", "mkdir", "ssh",        "scp",     "rsync", "install", "mount",
                                         "cp",     "patch", "mysqladmin", "mariadb", "pip",   "uv",      "podman"};
    const char *text = scan->text;
    size_t start, stop, from = at, end, next_from = 0;
    bool user = false;

    if (text[at] != '-' || scan->length - at < 4 || !strchr("pPw", text[at + 1]) || !secret_is_blank(text[at + 2]) ||
        !secret_is_word_start(text, at))
        return false;
    start = secret_skip_blanks(scan, at + 3);
    stop = secret_value_end(scan, &start);
    if (!is_mixed(scan, start, stop))
        return false;
    for (int words = 0; words < WORDS_MAX; words++) {
        size_t word = word_before(scan, from, &end);

        if (word == end)
            break;
        for (size_t i = 0; i < countof(others); i++)
            if (strlen(others[i]) == end - word && memcmp(text + word, others[i], end - word) == 0)
                return false;
        for (size_t i = 0; i < countof(flags) && words; i++)
            user |= strlen(flags[i]) == end - word && memcmp(text + word, flags[i], end - word) == 0 &&
                    (isalpha((unsigned char)text[next_from]) || strchr("$\"'{", text[next_from]));
        next_from = from = word;
        if (word && strchr(";|&\n", text[word - 1]))
            break;
    }
    return user && match_argument(scan, start, stop, ret);
}

/* tool --user NAME:PASSWORD, of whatever program; a user and a group have no digits and signs. */
static bool match_user_pair(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char *const flags[] = {"--user",  "--auth",       "--credential", "--credentials",
                                        "--creds", "--basic-auth", "--userpass",   "--login"};
    const char *text = scan->text, *colon;
    size_t start = 0, stop;

    if (!secret_is_word(scan, at, "--") || !secret_is_word_start(text, at))
        return false;
    for (size_t i = 0; i < countof(flags) && !start; i++) {
        size_t end = at + strlen(flags[i]);

        if (secret_is_word(scan, at, flags[i]) && end < scan->length && (text[end] == '=' || text[end] == ' '))
            start = end + 1;
    }
    if (!start)
        return false;
    stop = secret_value_end(scan, &start);
    colon = stop > start ? memchr(text + start, ':', stop - start) : NULL;
    if (!colon || colon == text + start)
        return false;
    start = (size_t)(colon + 1 - text);
    return is_mixed(scan, start, stop) && match_argument(scan, start, stop, ret);
}

/* tool … //db/password -v VALUE: what is set is named by the word before the option that gives its value. */
static bool match_valued(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char *const flags[] = {"-v ", "--value ", "--value=", "-value ", "-Value ", "--data-value "};
    const char *text = scan->text;
    size_t start = 0, stop, name, end;

    if (text[at] != '-' || !secret_is_word_start(text, at))
        return false;
    for (size_t i = 0; i < countof(flags); i++)
        if (secret_is_word(scan, at, flags[i]))
            start = at + strlen(flags[i]);
    if (!start)
        return false;
    name = word_before(scan, at, &end);
    while (end > name && strchr("\"']) ", text[end - 1]))
        end--;
    for (size_t i = end; i > name; i--)
        if (strchr("/@.:[='\"", text[i - 1])) {
            name = i;
            break;
        }
    start = secret_skip_blanks(scan, start);
    stop = secret_value_end(scan, &start);
    if (stop <= start || memchr(text + start, ':', stop - start) ||
        (text[at + 1] == 'v' && text[at + 2] == ' ' && text[name - (name > 0)] != '/' &&
         !secret_is_key(scan, text + start, stop - start) &&
         !(stop - start >= 32 && secret_is_made_of(text + start, stop - start, "0123456789abcdef"))))
        return false; /* docker's -v is a volume */
    return end > name && stop > start && !strchr("/-", text[start]) &&
           secret_is_plain_name(scan, text + name, end - name) &&
           !secret_is_address(scan, text + start, stop - start) &&
           secret_match_value(scan, name, end, start, stop, ret);
}

/* ENV NAME value, as Dockerfiles have it (Dockerfile reference, "ENV"). */
static bool match_instruction(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t name, end, start, stop;

    if (!secret_is_word_nocase(scan, at, "ENV "))
        return false;
    name = end = secret_skip_blanks(scan, at + strlen("ENV "));
    while (end < scan->length && is_name_char(scan, end))
        end++;
    start = secret_skip_blanks(scan, end);
    if (start == end || end == name || !secret_is_name(scan, text + name, end - name))
        return false;
    stop = secret_value_end(scan, &start);
    for (size_t i = start; i < stop; i++)
        if (!secret_take(scan, 1) || text[i] == '=')
            return false; /* env NAME NAME=value: a command */
    return secret_is_named(scan, text + name, end - name, start, stop) &&
           secret_match_value(scan, name, end, start, stop, ret);
}

bool secret_match_pair(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    if (scan->text[at] == '>')
        return secret_match_access_list(scan, at, ret);
    if (!isalpha((unsigned char)scan->text[at]) && scan->text[at] != '_' && scan->text[at] != '-' &&
        (unsigned char)scan->text[at] < 0x80)
        return false; /* all of them begin so */
    return match_named(scan, at, ret) || match_letter(scan, at, ret) || match_login(scan, at, ret) ||
           match_user_pair(scan, at, ret) || match_valued(scan, at, ret) || secret_match_line(scan, at, ret) ||
           (secret_is_word_start(scan->text, at) && match_instruction(scan, at, ret));
}
