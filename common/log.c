/* Diagnostics to standard error, one line a call, without ever waiting for whoever reads it.
 *
 * A journald that hangs, or a pipe that nobody reads, must not stop the agent: what cannot be written at once is
 * counted, and the next line that can be written is preceded by how many were lost. */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/message.h"
#include "common/text.h"

/* With its prefix a line is no longer than PIPE_BUF: a pipe that polls writable takes it whole (pipe(7)). */
enum { LINE_LIMIT = 3968 };

static _Atomic int threshold = LOG_LEVEL_INFO;
static _Atomic unsigned lost_lines;

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

static bool write_at_once(const struct str *line)
{
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n = send(STDERR_FILENO, line->data, line->length, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK)
        n = poll(&standard_error, 1, 0) == 1 && (standard_error.revents & POLLOUT)
                ? write(STDERR_FILENO, line->data, line->length)
                : -1;
    return n >= 0;
}

/* "DEVICE:INODE" of the journal's stream, where systemd has connected one (systemd.exec(5)): others take a prefix for
 * text. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[48];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(own, stream) == 0;
}

static void append_start(struct str *line, enum log_level level)
{
    /* The prefix is for journald (sd-daemon(3)). */
    if (is_journal())
        str_printf(line, "<%d>", (int)level);
    str_append(line, "docker-bench-agent: ");
}

static bool report_lost_lines(unsigned count)
{
    scoped_str line = STR_INIT;

    append_start(&line, LOG_LEVEL_WARNING);
    str_printf(&line, "%u lines of this log were lost: standard error did not take them\n", count);
    return write_at_once(&line);
}

void log_message(enum log_level level, const char *format, ...)
{
    scoped_str text = STR_INIT, english = STR_INIT, line = STR_INIT;
    const char *shown;
    unsigned lost = atomic_load(&lost_lines);
    va_list arguments;

    if ((int)level > atomic_load(&threshold))
        return;
    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    append_start(&line, level);
    shown = message_english(str_text(&text), &english);
    text_escape(&line, shown, shown == text.data ? text.length : english.length, LINE_LIMIT);
    str_append_char(&line, '\n');
    if (lost && report_lost_lines(lost))
        atomic_fetch_sub(&lost_lines, lost);
    if (!write_at_once(&line))
        atomic_fetch_add(&lost_lines, 1);
}
