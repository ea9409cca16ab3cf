/* What the screen can show, and text fitted to it: everything printed is escaped first, so that no name from outside
 * reaches the terminal as a control sequence. */
#include "agent/ctl/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/ctl/fit.h"
#include "common/memory.h"
#include "common/number.h"
#include "common/text.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 10000 };

/* The terminal's own width; where it does not say, what COLUMNS says. */
static unsigned width_of_stdout(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size = {0};
    uint64_t width = 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        width = size.ws_col;
    else if (!number_read(columns, 10, WIDTH_MAX, &width))
        width = WIDTH_DEFAULT;
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
}

bool terminal_set_locale(void)
{
    if (setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return true;
    setlocale(LC_CTYPE, "C.UTF-8");
    return false;
}

static enum output output_of(const char *name)
{
    static const char *const names[] = {"table", "wide", "tsv", "csv", "json"};

    for (size_t i = 0; name && i < countof(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum output)i;
    return isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_TSV;
}

struct terminal terminal_of_stdout(const char *output, const char *colour)
{
    bool is_dumb = str_equal(getenv("TERM"), "dumb"), coloured = str_equal(colour, "always");
    struct terminal terminal = {.output = output_of(output), .headings = true, .width = width_of_stdout()};

    terminal.ascii = !terminal_set_locale() || is_dumb;
    if (!colour || strcmp(colour, "auto") == 0)
        coloured = isatty(STDOUT_FILENO) && !is_dumb && str_empty(getenv("NO_COLOR"));
    terminal.colour = coloured && terminal_is_screen(&terminal);
    return terminal;
}

static enum mark find_mark(const char *word, size_t count, const char *const *words, const enum mark *marks)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(words[i], word))
            return marks[i];
    return MARK_NONE;
}

enum mark mark_of_severity(const char *severity)
{
    static const char *const words[] = {"critical", "high", "medium"};
    static const enum mark marks[] = {MARK_CRITICAL, MARK_HIGH, MARK_MEDIUM};

    return find_mark(severity, countof(words), words, marks);
}

enum mark mark_of_status(const char *status)
{
    static const char *const words[] = {"fail", "error", "manual", "degraded", "stuck", "retrying"};
    static const enum mark marks[] = {MARK_HIGH, MARK_ERROR, MARK_MANUAL, MARK_ERROR, MARK_ERROR, MARK_MEDIUM};

    return find_mark(status, countof(words), words, marks);
}

const char *terminal_colour(const struct terminal *terminal, enum mark mark)
{
    static const char *const codes[] = {
        [MARK_HEADING] = "\033[1m", [MARK_CRITICAL] = "\033[1;31m", [MARK_HIGH] = "\033[31m",
        [MARK_MEDIUM] = "\033[33m", [MARK_ERROR] = "\033[35m",      [MARK_MANUAL] = "\033[36m"};

    return terminal->colour ? codes[mark] : NULL;
}

void terminal_cell(const struct terminal *terminal, struct str *out, const char *text, unsigned columns, bool pad)
{
    scoped_str safe = STR_INIT, cut = STR_INIT;

    fit_escape(&safe, text);
    fit_middle(&cut, str_text(&safe), columns ? columns : SIZE_MAX, terminal->ascii);
    str_append(out, str_text(&cut));
    for (size_t used = text_columns(str_text(&cut)); pad && used < columns; used++)
        str_append_char(out, ' ');
}

void terminal_mark(const struct terminal *terminal, struct str *out, const char *text, enum mark mark)
{
    const char *code = terminal_colour(terminal, mark);

    if (code)
        str_append(out, code);
    fit_escape(out, text);
    if (code)
        str_append(out, "\033[0m");
}

void terminal_heading(const struct terminal *terminal, struct str *out, const char *text)
{
    terminal_mark(terminal, out, text, MARK_HEADING);
    str_append_char(out, '\n');
}

void terminal_wrap(const struct terminal *terminal, struct str *out, const char *text, unsigned indent,
                   unsigned hanging)
{
    enum { ROOM_MIN = 20 };
    scoped_str safe = STR_INIT;
    const char *at;

    fit_escape(&safe, text);
    at = str_text(&safe);
    do {
        size_t room = terminal->width > indent + ROOM_MIN ? terminal->width - indent : ROOM_MIN;
        size_t taken = terminal->output == OUTPUT_TABLE ? text_line(at, room) : strlen(at);

        str_printf(out, "%*s%.*s\n", taken ? (int)indent : 0, "", (int)taken, at);
        at += taken;
        at += strspn(at, " ");
        indent += hanging;
        hanging = 0;
    } while (*at);
}
