/* The escapes of each language, after text_escape() has shown what would not be seen. */
#include "agent/report/escape.h"

#include <string.h>

#include "common/text.h"

/* TEXT as people may see it, cut. LINES: newlines stay. */
static void show(struct str *out, const char *text, bool lines)
{
    size_t left = ESCAPE_TEXT_MAX;

    while (text && *text) {
        size_t length = lines ? strcspn(text, "\n") : strlen(text);
        size_t before = out->length;

        text_escape(out, text, length, left);
        left -= out->length - before < left ? out->length - before : left;
        text += length;
        if (!*text || left <= 1)
            return;
        str_append_char(out, '\n');
        left--;
        text++;
    }
}

/* Unicode's non-characters are no characters of XML, 2.2: text_escape() leaves them. */
static size_t noncharacter(const char *at)
{
    return (unsigned char)at[0] == 0xef && (unsigned char)at[1] == 0xbf &&
                   ((unsigned char)at[2] == 0xbe || (unsigned char)at[2] == 0xbf)
               ? 3
               : 0;
}

static void append_markup(struct str *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "&<>\"'\xef"), skipped;

        str_append_n(out, text, length);
        text += length;
        if (!*text)
            return;
        skipped = noncharacter(text);
        if (skipped) {
            str_append(out, "\xef\xbf\xbd");
            text += skipped;
            continue;
        }
        switch (*text) {
        case '&':
            str_append(out, "&amp;");
            break;
        case '<':
            str_append(out, "&lt;");
            break;
        case '>':
            str_append(out, "&gt;");
            break;
        case '"':
            str_append(out, "&quot;");
            break;
        case '\'':
            str_append(out, "&#39;");
            break;
        default:
            str_append_char(out, *text);
        }
        text++;
    }
}

void escape_markup(struct str *out, const char *text)
{
    scoped_str shown = STR_INIT;

    show(&shown, text, false);
    append_markup(out, str_text(&shown));
}

void escape_markup_lines(struct str *out, const char *text)
{
    scoped_str shown = STR_INIT;

    show(&shown, text, true);
    append_markup(out, str_text(&shown));
}

/* The signs with which spreadsheets begin a formula, and their full-width forms, which some take for the same. */
static bool begins_formula(const char *text)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

    text += strspn(text, " \"'");
    for (size_t i = 0; i < countof(wide); i++)
        if (str_starts(text, wide[i]))
            return true;
    return *text && strchr("=+-@", *text);
}

void escape_csv(struct str *out, const char *text)
{
    scoped_str shown = STR_INIT;

    show(&shown, text, true);
    str_append_char(out, '"');
    if (begins_formula(str_text(&shown)))
        str_append_char(out, '\'');
    for (const char *at = str_text(&shown); *at; at++) {
        if (*at == '"')
            str_append_char(out, '"');
        str_append_char(out, *at);
    }
    str_append_char(out, '"');
}

/* As characters of HTML they are text whatever stands beside them; a point would end the "www" that becomes a link. */
void escape_markdown(struct str *out, const char *text)
{
    static const char marks[] = "&<>|\\`*_[]#~!@$^{}:";
    scoped_str shown = STR_INIT;
    char before = '\0';

    show(&shown, text, false);
    for (const char *at = str_text(&shown); *at; before = *at++) {
        if (strchr(marks, *at) || (*at == '.' && (before == 'w' || before == 'W')))
            str_printf(out, "&#%d;", *at);
        else
            str_append_char(out, *at);
    }
}

void escape_sarif(struct str *out, const char *text)
{
    scoped_str shown = STR_INIT;

    show(&shown, text, true);
    for (const char *at = str_text(&shown); *at; at++) {
        str_append_char(out, *at);
        if (*at == '{' || *at == '}')
            str_append_char(out, *at);
        else if (*at == ']' && at[1] == '(')
            str_append_char(out, ' ');
    }
}

void escape_plain(struct str *out, const char *text)
{
    show(out, text, true);
}
