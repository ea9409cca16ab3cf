/* Errors with context. The text is one line: control characters are escaped where it is made. */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/message.h"
#include "common/text.h"

const char *error_reason(int number)
{
    static const struct {
        int number;
        const char *text;
    } reasons[] = {
        {EPERM, M_("Operation not permitted")},
        {ENOENT, M_("No such file or directory")},
        {ESRCH, M_("No such process")},
        {EINTR, M_("Interrupted system call")},
        {EIO, M_("Input/output error")},
        {ENXIO, M_("No such device or address")},
        {E2BIG, M_("Argument list too long")},
        {EBADF, M_("Bad file descriptor")},
        {EAGAIN, M_("Resource temporarily unavailable")},
        {ENOMEM, M_("Cannot allocate memory")},
        {EACCES, M_("Permission denied")},
        {EBUSY, M_("Device or resource busy")},
        {EEXIST, M_("File exists")},
        {ENODEV, M_("No such device")},
        {ENOTDIR, M_("Not a directory")},
        {EISDIR, M_("Is a directory")},
        {EINVAL, M_("Invalid argument")},
        {ENFILE, M_("Too many open files in system")},
        {EMFILE, M_("Too many open files")},
        {EFBIG, M_("File too large")},
        {ENOSPC, M_("No space left on device")},
        {EROFS, M_("Read-only file system")},
        {EPIPE, M_("Broken pipe")},
        {ERANGE, M_("Numerical result out of range")},
        {ENAMETOOLONG, M_("File name too long")},
        {ELOOP, M_("Too many levels of symbolic links")},
        {EPROTO, M_("Protocol error")},
        {EBADMSG, M_("Bad message")},
        {EOVERFLOW, M_("Value too large for defined data type")},
        {ENOTSOCK, M_("Socket operation on non-socket")},
        {EMSGSIZE, M_("Message too long")},
        {EPROTONOSUPPORT, M_("Protocol not supported")},
        {EOPNOTSUPP, M_("Operation not supported")},
        {EAFNOSUPPORT, M_("Address family not supported by protocol")},
        {EADDRINUSE, M_("Address already in use")},
        {EADDRNOTAVAIL, M_("Cannot assign requested address")},
        {ENETDOWN, M_("Network is down")},
        {ENETUNREACH, M_("Network is unreachable")},
        {ECONNABORTED, M_("Software caused connection abort")},
        {ECONNRESET, M_("Connection reset by peer")},
        {ENOBUFS, M_("No buffer space available")},
        {ENOTCONN, M_("Transport endpoint is not connected")},
        {ETIMEDOUT, M_("Connection timed out")},
        {ECONNREFUSED, M_("Connection refused")},
        {EHOSTDOWN, M_("Host is down")},
        {EHOSTUNREACH, M_("No route to host")},
        {ESTALE, M_("Stale file handle")},
        {EDQUOT, M_("Disk quota exceeded")},
        {ECANCELED, M_("Operation canceled")},
        {ENOSYS, M_("Function not implemented")},
        {ENODATA, M_("No data available")},
    };

    for (size_t i = 0; i < countof(reasons); i++)
        if (reasons[i].number == number)
            return reasons[i].text;
    return strerror(number);
}

/* MESSAGE is kept if it fits; else what can be told of it in English, which is cut. */
static void store(struct error *error, int number, const struct str *message)
{
    scoped_str english = STR_INIT, safe = STR_INIT;

    message_render(&english, str_text(message), LANGUAGE_EN, NULL, ERROR_MESSAGE_SIZE);
    text_escape(&safe, str_text(&english), english.length, ERROR_TEXT_SIZE - 4);
    error->number = number;
    memcpy(error->text, str_text(&safe), safe.length + 1);
    if (message->length < ERROR_MESSAGE_SIZE)
        memcpy(error->message, str_text(message), message->length + 1);
    else
        memcpy(error->message, error->text, safe.length + 1);
}

int(error_set)(struct error *error, int number, const char *format, ...)
{
    scoped_str message = STR_INIT;
    va_list arguments;

    if (!error)
        return -number;
    va_start(arguments, format);
    message_vadd_escaped(&message, format, arguments);
    va_end(arguments);
    store(error, number, &message);
    return -number;
}

int(error_system)(struct error *error, int number, const char *format, ...)
{
    scoped_str what = STR_INIT, message = STR_INIT;
    va_list arguments;

    if (!error)
        return -number;
    va_start(arguments, format);
    message_vadd_escaped(&what, format, arguments);
    va_end(arguments);
    message_add(&message, "%s: %s", what.data, error_reason(number));
    store(error, number, &message);
    return -number;
}

int(error_prefix)(struct error *error, const char *format, ...)
{
    scoped_str what = STR_INIT, message = STR_INIT;
    va_list arguments;

    if (!error)
        return -EIO;
    va_start(arguments, format);
    message_vadd_escaped(&what, format, arguments);
    va_end(arguments);
    message_add(&message, "%s: %s", what.data, error->message);
    store(error, error->number, &message);
    return -error->number;
}
