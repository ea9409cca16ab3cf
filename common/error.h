/* An error with its context, on the caller's stack.
 *
 * A function that can fail returns 0 or a negative errno and fills the `struct error` it was given (NULL is allowed).
 * On its way up an error gains context with error_prefix(). A function either logs or returns its error, never both. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include "common/cleanup.h"
#include "common/message.h"

enum { ERROR_TEXT_SIZE = 512, ERROR_MESSAGE_SIZE = 1536 };

struct error {
    int number;                       /* errno value, positive; 0: no error */
    char text[ERROR_TEXT_SIZE];       /* one line, cut to fit, control characters escaped; English, for logs */
    char message[ERROR_MESSAGE_SIZE]; /* the same as messages (common/message.h), for whatever shows it in any language
                                       */
};

#define ERROR_INIT ((struct error){0})

/* Formats are messages': English literals, whose Chinese agent/words has.
 *
 * Fills ERROR (may be NULL) and returns -NUMBER, so that `return error_set(...)` reads well. */
int error_set(struct error *error, int number, const char *format, ...) printf_like(3, 4);

/* As error_set(), with ": " and strerror(NUMBER) appended to the text. */
int error_system(struct error *error, int number, const char *format, ...) printf_like(3, 4);

/* Prepends "text: " to the text of ERROR. Returns -error->number (or -EIO with ERROR NULL). */
int error_prefix(struct error *error, const char *format, ...) printf_like(2, 3);

/* strerror() as an argument of a message: its text is a message itself where it is a usual one. Static. */
const char *error_reason(int number);

#ifdef ANALYZE /* what they return, for an analyser that sees one source at a time */
#define error_set(error, number, ...)    ((error_set)(error, number, __VA_ARGS__), -(number))
#define error_system(error, number, ...) ((error_system)(error, number, __VA_ARGS__), -(number))
#define error_prefix(...)                ((error_prefix)(__VA_ARGS__), -1)
#endif

#endif
