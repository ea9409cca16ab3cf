/* Diagnostics to standard error, one line a call. */
#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "common/str.h"
#include "common/text.h"

enum { LINE_LIMIT = 4096 };

static _Atomic int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

bool log_allowed(struct log_limit *limit, usec_t now, unsigned *ret_held_back)
{
    if (!limit->minute || now - limit->minute >= 60 * USEC_PER_SEC)
        *limit = (struct log_limit){.minute = now, .held_back = limit->held_back};
    if (limit->lines >= LOG_LINES_A_MINUTE) {
        limit->held_back++;
        return false;
    }
    limit->lines++;
    *ret_held_back = limit->held_back;
    limit->held_back = 0;
    return true;
}

void log_message(enum log_level level, const char *format, ...)
{
    scoped_str text = STR_INIT, line = STR_INIT;
    va_list arguments;

    if ((int)level > atomic_load(&threshold))
        return;
    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    /* The prefix is for journald (sd-daemon(3)); a person at a terminal does not need it. */
    if (!isatty(STDERR_FILENO))
        str_printf(&line, "<%d>", (int)level);
    str_append(&line, "docker-bench-agent: ");
    text_escape(&line, str_text(&text), text.length, LINE_LIMIT);
    str_append_char(&line, '\n');
    if (write(STDERR_FILENO, line.data, line.length) < 0)
        return; /* nowhere left to report it */
}
