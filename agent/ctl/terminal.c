/* How wide the terminal is, whether it takes colours, and text fitted to both: everything printed is escaped first, so
 * that no name from outside reaches the terminal as a control sequence. */
#include "agent/ctl/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40 };

static bool wants_colour(const char *color)
{
    if (str_equal(color, "always") || str_equal(color, "never"))
        return str_equal(color, "always");
    return isatty(STDOUT_FILENO) && str_empty(getenv("NO_COLOR")) && !str_equal(getenv("TERM"), "dumb");
}

struct terminal terminal_of_stdout(const char *color)
{
    struct terminal terminal = {.width = WIDTH_DEFAULT, .colour = wants_colour(color)};
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return terminal;
    terminal.cut = true;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
        terminal.width = size.ws_col;
    return terminal;
}

void terminal_cell(struct str *out, const char *text, unsigned columns, bool pad)
{
    scoped_str safe = STR_INIT;
    size_t used;

    text_escape(&safe, text ? text : "-", text ? strlen(text) : 1, 0);
    used = text_columns(str_text(&safe));
    if (columns && used > columns) {
        safe.length = text_fitting(safe.data, columns - 1);
        safe.data[safe.length] = '\0';
        str_append(&safe, "…");
        used = text_columns(safe.data);
    }
    str_append(out, str_text(&safe));
    for (; pad && used < columns; used++)
        str_append_char(out, ' ');
}

static const char *colour_of(const char *status)
{
    static const struct {
        const char *word, *code;
    } colours[] = {{"fail", "31"},   {"critical", "1;31"}, {"high", "31"},  {"error", "35"},   {"manual", "33"},
                   {"medium", "33"}, {"pass", "32"},       {"ready", "32"}, {"degraded", "35"}};

    for (size_t i = 0; i < countof(colours); i++)
        if (str_equal(colours[i].word, status))
            return colours[i].code;
    return NULL;
}

void terminal_status(const struct terminal *terminal, struct str *out, const char *status, unsigned columns)
{
    const char *code = terminal->colour ? colour_of(status) : NULL;

    if (code)
        str_printf(out, "\033[%sm", code);
    terminal_cell(out, status, columns, true);
    if (code)
        str_append(out, "\033[0m");
}

void terminal_heading(const struct terminal *terminal, struct str *out, const char *text)
{
    if (terminal->colour)
        str_append(out, "\033[1m");
    terminal_cell(out, text, 0, false);
    str_append(out, terminal->colour ? "\033[0m\n" : "\n");
}

void terminal_wrap(const struct terminal *terminal, struct str *out, const char *text, unsigned indent)
{
    scoped_str safe = STR_INIT;
    size_t room = terminal->width > indent + 20 ? terminal->width - indent : 20;
    const char *at;

    text_escape(&safe, text ? text : "-", text ? strlen(text) : 1, 0);
    for (at = str_text(&safe); *at;) {
        size_t length = text_fitting(at, room);

        if (!length)
            break;
        if (at[length]) {
            size_t space = length;

            while (space && at[space] != ' ')
                space--;
            if (space)
                length = space;
        }
        str_printf(out, "%*s%.*s\n", (int)indent, "", (int)length, at);
        at += length;
        at += strspn(at, " ");
    }
}
