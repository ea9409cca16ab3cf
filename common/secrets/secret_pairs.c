/* Secrets recognized by the name before them: NAME=value, -Dname=value, --name value, "name": "value", Name: value,
 * name = value, <name>value</name>, ENV NAME value, and what configuration files and SQL have instead. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

const char *const secret_named_kind = "value of a secret-named variable";

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static size_t skip_blanks(struct secret_scan *scan, size_t at)
{
    size_t from = at;

    while (at < scan->length && (scan->text[at] == ' ' || scan->text[at] == '\t'))
        at++;
    secret_take(scan, at - from);
    return at;
}

static bool match_value(struct secret_scan *scan, size_t name, size_t name_end, size_t start, size_t stop,
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

/* A host that is called auth or token, with its port. */
static bool is_port(const struct secret_scan *scan, size_t name, size_t colon, size_t value)
{
    const char *text = scan->text;
    size_t end = value;

    if (colon + 1 != value || text[colon] != ':')
        return false;
    while (end < scan->length && isdigit((unsigned char)text[end]))
        end++;
    return end > value && end - value <= 5 &&
           ((name >= 2 && text[name - 1] == '/') || (end < scan->length && text[end] == '/'));
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

/* The value after the scheme of an Authorization header. */
static void skip_scheme(struct secret_scan *scan, size_t *start, size_t *stop)
{
    static const char *const schemes[] = {"Bearer ", "Basic ", "token "};
    bool skipped = true;

    while (skipped) {
        skipped = false;
        for (size_t i = 0; i < countof(schemes) && !skipped; i++)
            if (secret_is_word_nocase(scan, *start, schemes[i]) && *stop + 1 >= *start + strlen(schemes[i])) {
                *start += strlen(schemes[i]);
                if (*stop <= *start)
                    *stop = secret_value_end(scan, start);
                skipped = true;
            }
    }
}

static bool is_upper_case(struct secret_scan *scan, const char *text, size_t length)
{
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
};

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
    *ret = (struct separator){.quoted = quoted, .spaced = skip_blanks(scan, at) > at};
    if (flag && !quoted && at < length && secret_is_blank(text[at])) {
        while (at < length && secret_is_blank(text[at]))
            at++;
        secret_take(scan, at - end);
        ret->end = at;
        ret->spaced = false;
        return at < length && text[at] != '-' && text[at] != '=';
    }
    at = skip_blanks(scan, at);
    next = skip_blanks(scan, at + (at < length && text[at] == ','));
    if (flag && quoted && next + 1 < length && (text[next] == '"' || text[next] == '\'')) { /* "--name" "value" */
        ret->spaced = false;
        ret->end = next;
        return text[next + 1] != '-';
    }
    if (secret_is_word(scan, at, "=>") || secret_is_word(scan, at, ":=")) {
        ret->end = skip_blanks(scan, at + 2);
        return true;
    }
    if (at < length && text[at] == '=' && !secret_is_word(scan, at, "==")) {
        ret->equals = true;
        ret->end = ret->spaced || quoted ? skip_blanks(scan, at + 1) : at + 1;
        return true;
    }
    ret->end = skip_blanks(scan, at + 1);
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
    return secret_is_named(scan, text + at, end - at, start, stop) && match_value(scan, at, end, start, stop, ret);
}

/* <password>value</password> */
static bool match_element(struct secret_scan *scan, size_t at, size_t end, struct secret_match *ret)
{
    size_t start = end + 1, stop = start;

    while (stop < scan->length && stop - start < 512 && scan->text[stop] != '<')
        stop++;
    secret_take(scan, stop - start);
    return secret_is_word(scan, stop, "</") && secret_is_named(scan, scan->text + at, end - at, start, stop) &&
           match_value(scan, at, end, start, stop, ret);
}

/* AT is the first character of the name. */
static bool match_named(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { SINGLE_DASH_MIN = 5, NAME_STEPS = 24 }; /* -token value; -auth may be anything */
    const char *text = scan->text;
    size_t length = scan->length, end = at, name = at, start, stop;
    struct separator separator;
    size_t dashes = secret_is_word(scan, at, "--") ? 2 : text[at] == '-' && secret_is_word_start(text, at) ? 1 : 0;
    bool flag = dashes && at + dashes < length && isalpha((unsigned char)text[at + dashes]);

    if (at && is_name_char(text[at - 1]) && !(text[at - 1] == '-' && (at == 1 || !is_name_char(text[at - 2]))))
        return false;
    if (!flag && !isalpha((unsigned char)text[at]) && text[at] != '_')
        return false;
    while (end < length && is_name_char(text[end]))
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
        (at && text[at - 1] == ':' && text[end] == ':') || /* a part of arn:aws:secretsmanager:…:secret:… */
        is_port(scan, at, end, start))
        return false;
    if (start < length && strchr("/#|,!", text[start]) && start + 1 + (end - name) <= length &&
        memcmp(text + start + 1, text + name, end - name) == 0)
        return false; /* the name alone, in a sed expression: s/password=/password=…/ */
    stop = secret_value_end(scan, &start);
    if (separator.quoted && separator.end == start) /* a number or a word of JSON */
        for (size_t i = start; i < stop; i++)
            if (!secret_take(scan, 2) || strchr(",}]", text[i]))
                stop = i;
    if (separator.spaced && separator.end == start)
        for (size_t i = start; i < stop; i++)
            if (!secret_take(scan, 1) || text[i] == '(' || text[i] == '[')
                return false; /* a program's text, that computes it */
    skip_scheme(scan, &start, &stop);
    if (stop <= start || !secret_is_named(scan, text + name, end - name, start, stop) ||
        (separator.equals && !flag && is_package(scan, name, end, start, stop)))
        return false;
    if (flag && is_upper_case(scan, text + start, stop - start) && secret_is_name(scan, text + start, stop - start))
        return false; /* usage: --password PASSWORD */
    if (flag && end - name == strlen("secret") && memchr(text + start, '=', stop - start))
        return false; /* docker build --secret id=…,src=… */
    return match_value(scan, name, end, start, stop, ret);
}

/* ENV NAME value, as Dockerfiles have it (Dockerfile reference, "ENV"). */
static bool match_instruction(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t name, end, start, stop;

    if (!secret_is_word_nocase(scan, at, "ENV "))
        return false;
    name = end = skip_blanks(scan, at + strlen("ENV "));
    while (end < scan->length && is_name_char(text[end]))
        end++;
    start = skip_blanks(scan, end);
    if (start == end || end == name || !secret_is_name(scan, text + name, end - name))
        return false;
    stop = secret_value_end(scan, &start);
    for (size_t i = start; i < stop; i++)
        if (!secret_take(scan, 1) || text[i] == '=')
            return false; /* env NAME NAME=value: a command */
    return secret_is_named(scan, text + name, end - name, start, stop) &&
           match_value(scan, name, end, start, stop, ret);
}

/* Lines of configuration files: "requirepass value" (redis.conf), "rootpw value" (slapd.conf, kickstart). */
static bool match_directive(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char *const names[] = {"requirepass", "masterauth", "rootpw", "bindpw", "rpcpassword"};

    for (size_t i = 0; i < countof(names); i++) {
        size_t end = at + strlen(names[i]), start, stop;

        if (!secret_is_word_nocase(scan, at, names[i]))
            continue;
        start = skip_blanks(scan, end);
        if (start == end)
            return false;
        stop = secret_value_end(scan, &start);
        return start < scan->length && scan->text[start] != '-' && match_value(scan, at, end, start, stop, ret);
    }
    return false;
}

/* mysql-server/root_password password value: what debconf-set-selections reads (debconf-set-selections(1)). */
static bool match_selection(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char type[] = " password ", again[] = "_again";
    const char *text = scan->text;
    size_t end = at, start, stop;

    if (!secret_is_word(scan, at, "password") || !at ||
        (text[at - 1] != '_' && text[at - 1] != '-' && text[at - 1] != '/'))
        return false;
    end += strlen("password") + (secret_is_word(scan, at + strlen("password"), again) ? strlen(again) : 0);
    if (!secret_is_word(scan, end, type))
        return false;
    start = skip_blanks(scan, end + strlen(type));
    stop = secret_value_end(scan, &start);
    return match_value(scan, at, end, start, stop, ret);
}

/* SQL: IDENTIFIED BY 'value', IDENTIFIED WITH plugin BY 'value', PASSWORD 'value', PASSWORD('value'). */
static bool match_sql(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { BETWEEN = 80 };
    const char *text = scan->text;
    size_t end, start, stop;
    bool quote = false;

    if (secret_is_word_nocase(scan, at, "identified ")) {
        end = at + strlen("identified");
        for (start = end; start < scan->length && start - end < BETWEEN && !secret_is_word_nocase(scan, start, " by ");)
            start++;
        secret_take(scan, 2 * (start - end));
        if (!secret_is_word_nocase(scan, start, " by "))
            return false;
        start = skip_blanks(scan, start + strlen(" by "));
        if (secret_is_word_nocase(scan, start, "password "))
            start = skip_blanks(scan, start + strlen("password "));
    } else if (secret_is_word_nocase(scan, at, "password ") || secret_is_word_nocase(scan, at, "password(")) {
        end = at + strlen("password");
        start = skip_blanks(scan, end + (text[end] == '('));
    } else {
        return false;
    }
    for (; start < scan->length && strchr("\"'\\", text[start]) && text[start]; start++)
        quote |= text[start] != '\\';
    if (!quote)
        return false;
    for (stop = start; stop < scan->length && stop - start < 512 && !strchr("\"'\\\n", text[stop]);)
        stop++;
    secret_take(scan, 4 * (stop - start));
    return match_value(scan, at, end, start, stop, ret);
}

bool secret_match_pair(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    if (!isalpha((unsigned char)scan->text[at]) && scan->text[at] != '_' && scan->text[at] != '-')
        return false; /* all of them begin so */
    if (match_named(scan, at, ret) || match_selection(scan, at, ret))
        return true;
    return secret_is_word_start(scan->text, at) &&
           (match_instruction(scan, at, ret) || match_directive(scan, at, ret) || match_sql(scan, at, ret));
}
