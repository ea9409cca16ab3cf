/* A reader of TOML 1.0 that walks the text once and keeps nothing but the key under way. Values are reported, not
 * checked: a number or a date is whatever word stands there. */
#include "probes/daemon/toml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"

enum { DEPTH_MAX = 32 };

struct reader {
    const char *at, *end;
    unsigned line;
    toml_value *back;
    void *user;
    struct error *error;
};

static int refuse(struct reader *r, const char *what)
{
    return error_set(r->error, EBADMSG, "line %u: %s", r->line, what);
}

static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Blanks, comments and ends of lines. */
static void skip_lines(struct reader *r)
{
    for (;;) {
        skip_blanks(r);
        if (peek(r) == '#')
            while (r->at < r->end && *r->at != '\n')
                r->at++;
        if (r->at >= r->end || *r->at != '\n')
            return;
        r->at++;
        r->line++;
    }
}

/* ---- Strings ---- */

static void append_code(struct str *out, uint32_t code)
{
    if (code < 0x80) {
        str_append_char(out, (char)code);
    } else if (code < 0x800) {
        str_append_char(out, (char)(0xc0 | code >> 6));
        str_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        str_append_char(out, (char)(0xe0 | code >> 12));
        str_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        str_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        str_append_char(out, (char)(0xf0 | (code >> 18 & 7)));
        str_append_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
        str_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        str_append_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* After the backslash. */
static int read_escape(struct reader *r, struct str *out, bool many_lines)
{
    static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
    char c = peek(r);
    const char *letter = c ? strchr(letters, c) : NULL;
    size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    char hex[9];

    if (letter) {
        str_append_char(out, meanings[letter - letters]);
        r->at++;
        return 0;
    }
    if (digits && (size_t)(r->end - r->at) > digits) {
        memcpy(hex, r->at + 1, digits);
        hex[digits] = '\0';
        if (strspn(hex, "0123456789abcdefABCDEF") != digits)
            return refuse(r, "invalid escape in a string");
        append_code(out, (uint32_t)strtoul(hex, NULL, 16));
        r->at += 1 + digits;
        return 0;
    }
    skip_blanks(r);
    if (!many_lines || peek(r) != '\n')
        return refuse(r, "invalid escape in a string");
    while (r->at < r->end && strchr(" \t\r\n", *r->at)) /* up to the next word */
        r->line += *r->at++ == '\n';
    return 0;
}

/* Of "", '', """ and ''': opened at the reader's place. */
static int read_string(struct reader *r, struct str *out)
{
    char quote = *r->at;
    bool many_lines = r->end - r->at >= 3 && r->at[1] == quote && r->at[2] == quote;
    size_t marks = many_lines ? 3 : 1, seen = 0;

    r->at += marks;
    if (many_lines && peek(r) == '\r')
        r->at++;
    if (many_lines && peek(r) == '\n') {
        r->at++;
        r->line++;
    }
    while (r->at < r->end) {
        char c = *r->at++;

        seen = c == quote ? seen + 1 : 0;
        if (seen == marks) {
            for (; many_lines && peek(r) == quote && seen < 5; seen++, r->at++) /* up to two of them are text */
                str_append_char(out, quote);
            out->length -= out->length >= marks - 1 ? marks - 1 : 0;
            if (out->data)
                out->data[out->length] = '\0';
            return 0;
        }
        if (c == '\n' && !many_lines)
            return refuse(r, "a string does not end");
        r->line += c == '\n';
        if (c == '\\' && quote == '"') {
            int result = read_escape(r, out, many_lines);

            if (result < 0)
                return result;
            continue;
        }
        str_append_char(out, c);
    }
    return refuse(r, "a string does not end");
}

/* ---- Keys ---- */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Appends a dotted key to KEY. */
static int read_key(struct reader *r, struct str *key)
{
    for (;;) {
        scoped_str part = STR_INIT;
        int result;

        skip_blanks(r);
        if (peek(r) == '"' || peek(r) == '\'') {
            result = read_string(r, &part);
            if (result < 0)
                return result;
        } else {
            while (r->at < r->end && is_bare(*r->at))
                str_append_char(&part, *r->at++);
            if (!part.length)
                return refuse(r, "a key is expected");
        }
        str_printf(key, "%s%s", key->length ? "." : "", str_text(&part));
        skip_blanks(r);
        if (peek(r) != '.')
            return 0;
        r->at++;
    }
}

/* ---- Values ---- */

static int read_value(struct reader *r, const char *key, unsigned depth);

static int read_array(struct reader *r, const char *key, unsigned depth)
{
    r->at++;
    r->back(key, TOML_ARRAY, "", r->user);
    for (;;) {
        int result;

        skip_lines(r);
        if (peek(r) == ']') {
            r->at++;
            return 0;
        }
        result = read_value(r, key, depth + 1);
        if (result < 0)
            return result;
        skip_lines(r);
        if (peek(r) == ',')
            r->at++;
        else if (peek(r) != ']')
            return refuse(r, "an array does not end");
    }
}

static int read_assignment(struct reader *r, const char *table, unsigned depth)
{
    scoped_str key = STR_INIT;
    int result;

    str_append(&key, table);
    result = read_key(r, &key);
    if (result < 0)
        return result;
    if (peek(r) != '=')
        return refuse(r, "\"=\" is expected after a key");
    r->at++;
    return read_value(r, str_text(&key), depth);
}

static int read_inline_table(struct reader *r, const char *key, unsigned depth)
{
    r->at++;
    for (;;) {
        int result;

        skip_lines(r);
        if (peek(r) == '}') {
            r->at++;
            return 0;
        }
        result = read_assignment(r, key, depth + 1);
        if (result < 0)
            return result;
        skip_lines(r);
        if (peek(r) == ',')
            r->at++;
        else if (peek(r) != '}')
            return refuse(r, "an inline table does not end");
    }
}

static int read_value(struct reader *r, const char *key, unsigned depth)
{
    scoped_str value = STR_INIT;
    bool text;

    if (depth > DEPTH_MAX)
        return refuse(r, "values are nested too deeply");
    skip_blanks(r);
    if (peek(r) == '[')
        return read_array(r, key, depth);
    if (peek(r) == '{')
        return read_inline_table(r, key, depth);
    text = peek(r) == '"' || peek(r) == '\'';
    if (text) {
        int result = read_string(r, &value);

        if (result < 0)
            return result;
    } else {
        while (r->at < r->end && !strchr(",]}#\r\n \t", *r->at))
            str_append_char(&value, *r->at++);
        if (!value.length)
            return refuse(r, "a value is expected");
    }
    r->back(key, text ? TOML_TEXT : TOML_WORD, str_text(&value), r->user);
    return 0;
}

/* "[name]" and "[[name]]". */
static int read_table(struct reader *r, struct str *table)
{
    bool list = r->end - r->at > 1 && r->at[1] == '[';
    int result;

    str_clear(table);
    r->at += list ? 2 : 1;
    result = read_key(r, table);
    if (result < 0)
        return result;
    for (int i = 0; i < 1 + list; i++)
        if (peek(r) != ']')
            return refuse(r, "a table's name does not end");
        else
            r->at++;
    return 0;
}

int toml_parse(const char *text, size_t length, toml_value *back, void *user, struct error *error)
{
    struct reader r = {.at = text, .end = text + length, .line = 1, .back = back, .user = user, .error = error};
    scoped_str table = STR_INIT;

    for (;;) {
        int result;

        skip_lines(&r);
        if (r.at >= r.end)
            return 0;
        result = *r.at == '[' ? read_table(&r, &table) : read_assignment(&r, str_text(&table), 0);
        if (result < 0)
            return result;
        skip_blanks(&r);
        if (r.at < r.end && *r.at != '\n' && *r.at != '#')
            return refuse(&r, "the end of the line is expected");
    }
}
