/* Names fitted to columns of a terminal. */
#include "agent/ctl/fit.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "common/memory.h"
#include "common/text.h"

enum { COMMENT_MIN = 20 };

void fit_escape(struct str *out, const char *text)
{
    scoped_str safe = STR_INIT;

    if (!text)
        text = "-";
    text_escape(&safe, text, strlen(text), 0);
    for (const char *at = str_text(&safe); *at;) {
        uint32_t c;
        size_t n = text_decode(at, &c);

        if (wcwidth((wchar_t)c) < 0)
            str_printf(out, "\\u{%04x}", c);
        else
            str_append_n(out, at, n);
        at += n;
    }
    if (!out->data)
        str_append(out, "");
}

/* The longest ending of TEXT that needs at most COLUMNS of its TOTAL; it begins with no mark on what is before it. */
static const char *ending(const char *text, size_t total, size_t columns)
{
    while (*text) {
        uint32_t c;
        size_t n = text_decode(text, &c), width = text_width(c);

        if (total <= columns && width)
            break;
        total -= width;
        text += n;
    }
    return text;
}

void fit_middle(struct str *out, const char *text, size_t columns, bool ascii)
{
    size_t total = text_columns(text), mark = ascii ? 3 : 1, tail, head;
    const char *last = strrchr(text, '/');

    if (total <= columns) {
        str_append(out, text);
        return;
    }
    if (columns <= mark) {
        str_append_n(out, "...", columns < mark ? columns : 0);
        str_append(out, columns < mark ? "" : ascii ? "..." : "…");
        return;
    }
    tail = (columns - mark + 1) / 2;
    if (last && text_columns(last) > tail && text_columns(last) + mark <= columns)
        tail = text_columns(last);
    head = text_fitting(text, columns - mark - tail);
    str_append_n(out, text, head);
    str_append(out, ascii ? "..." : "…");
    str_append(out, ending(text, total, tail));
}

/* What a quote at AT of COMMAND begins or ends, within STATE (0: none, $: "$'"). */
static char quote_after(const char *command, size_t at, char state)
{
    char c = command[at];

    if (state)
        return c == (state == '$' ? '\'' : state) ? '\0' : state;
    if (c == '\'' && at && command[at - 1] == '$')
        return '$';
    return c == '\'' || c == '"' ? c : '\0';
}

/* Where the line may be continued at last within COLUMNS, or first after them: at a blank outside of quotes. A comment
 * ends with its line and has none. 0: nowhere. RET_OPEN: a quote goes on in the next line. */
static size_t find_continuation(const char *command, size_t columns, bool *ret_open)
{
    size_t place = 0, used = 0, n;
    bool settled = false, blank = true; /* BLANK: so far there are no others */
    char state = '\0';

    *ret_open = false;
    for (size_t at = 0; command[at]; at += n) {
        uint32_t code;

        n = text_decode(command + at, &code);
        settled = settled || (used > columns && place);
        if (command[at] == '\\' && state != '\'' && command[at + 1])
            n++;
        else
            state = quote_after(command, at, state);
        if (!state && command[at] == '#' && (blank || command[at - 1] == ' '))
            return place;
        if (!state && command[at] == ' ' && !blank && command[at + 1] && !settled)
            place = at;
        blank = blank && command[at] == ' ';
        used += text_width(code);
    }
    *ret_open = state;
    return place;
}

/* COMMENT is without its sign; its lines are comments. */
static void append_comment(struct str *out, const char *comment, unsigned indent, size_t columns)
{
    size_t room = columns > indent + COMMENT_MIN ? columns - indent - 2 : COMMENT_MIN;

    do {
        size_t length = text_line(comment, room);

        str_printf(out, "%*s# %.*s\n", (int)indent, "", (int)length, comment);
        comment += length;
        comment += strspn(comment, " ");
    } while (*comment);
}

static void append_command(struct str *out, const char *command, unsigned indent, size_t columns)
{
    enum { CONTINUATION = 2, DEEPEST = 3 };
    unsigned depth = 0;

    for (;;) {
        size_t used = indent + (depth + 1) * CONTINUATION, room = columns > used ? columns - used : CONTINUATION;
        size_t place = 0;
        bool open;

        if (text_columns(command) > room + CONTINUATION)
            place = find_continuation(command, room, &open);
        str_printf(out, "%*s%.*s%s\n", (int)(indent + depth * CONTINUATION), "", (int)(place ? place : strlen(command)),
                   command, place ? " \\" : "");
        if (!place)
            return;
        command += place + strspn(command + place, " ");
        depth += depth < DEEPEST;
    }
}

/* Lines that must be as they are: of a here-document, within a quote. */
static bool is_verbatim(const char *commands)
{
    bool open = strstr(commands, "<<") != NULL;

    for (const char *at = commands; *at && !open; at += *at == '\n') {
        scoped(cleanup_free) char *line = mem_strndup(at, strcspn(at, "\n"));

        find_continuation(line, SIZE_MAX, &open);
        at += strlen(line);
    }
    return open;
}

void fit_commands(struct str *out, const char *commands, unsigned indent, size_t columns)
{
    size_t fitted = is_verbatim(commands) ? SIZE_MAX : columns;

    for (const char *at = commands; *at; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        scoped(cleanup_free) char *line = mem_strndup(at, length);
        scoped_str safe = STR_INIT;

        fit_escape(&safe, line);
        if (str_starts(safe.data, "# "))
            append_comment(out, safe.data + 2, indent, fitted);
        else
            append_command(out, str_text(&safe), indent, fitted);
        at += length;
    }
}
