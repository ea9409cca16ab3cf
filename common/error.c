/* Errors with context. The text is one line: control characters are escaped where it is made. */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/str.h"
#include "common/text.h"

static void store_escaped(struct error *error, int number, const struct str *text)
{
    scoped_str safe = STR_INIT;

    text_escape(&safe, str_text(text), text->length, ERROR_TEXT_SIZE - 4);
    error->number = number;
    memcpy(error->text, str_text(&safe), safe.length + 1);
}

int(error_set)(struct error *error, int number, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    if (!error)
        return -number;
    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    store_escaped(error, number, &text);
    return -number;
}

int(error_system)(struct error *error, int number, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    if (!error)
        return -number;
    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    str_printf(&text, ": %s", strerror(number));
    store_escaped(error, number, &text);
    return -number;
}

int(error_prefix)(struct error *error, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    if (!error)
        return -EIO;
    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    str_printf(&text, ": %s", error->text);
    store_escaped(error, error->number, &text);
    return -error->number;
}
