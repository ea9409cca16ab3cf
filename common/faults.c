/* A bounded list of faults and warnings. */
#include "common/faults.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/str.h"
#include "common/text.h"

void faults_add(struct faults *faults, const struct error *error)
{
    if (!faults)
        return;
    if (faults->errors.count < FAULTS_MAX)
        vec_push(&faults->errors, mem_strdup(error->message));
    else
        faults->errors_left_out++;
}

void faults_warn(struct faults *faults, const char *file, unsigned line, const char *format, ...)
{
    scoped_str text = STR_INIT, whole = STR_INIT;
    va_list arguments;

    if (!faults)
        return;
    if (faults->warnings.count == FAULTS_MAX) {
        faults->warnings_left_out++;
        return;
    }
    va_start(arguments, format);
    message_vadd_escaped(&text, format, arguments);
    va_end(arguments);
    message_add(&whole, "%s:%u: %s", file, line, text.data);
    vec_push(&faults->warnings, str_steal(&whole));
}

size_t faults_errors(const struct faults *faults)
{
    return faults->errors.count + faults->errors_left_out;
}

int faults_first(const struct faults *faults, struct error *error)
{
    size_t others = faults_errors(faults) - 1;

    if (!faults->errors.count)
        return error_set(error, EINVAL, "not valid");
    if (!others)
        return error_set(error, EINVAL, "%s", faults->errors.items[0]);
    return error_set(error, EINVAL, "%s (and %zu more: docker-bench-agent --check-config lists them)",
                     faults->errors.items[0], others);
}

void faults_free(struct faults *faults)
{
    for (size_t i = 0; i < faults->errors.count; i++)
        free(faults->errors.items[i]);
    for (size_t i = 0; i < faults->warnings.count; i++)
        free(faults->warnings.items[i]);
    vec_free(&faults->errors);
    vec_free(&faults->warnings);
    faults->errors_left_out = faults->warnings_left_out = 0;
}
