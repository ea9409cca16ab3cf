/* A request as the helper reads it. */
#include <errno.h>

#include "probes/roles/roles_internal.h"

struct role_request role_request(const void *argument, struct arena *arena)
{
    const struct helper_work *work = argument;

    return (struct role_request){.context = work->argument,
                                 .arena = arena,
                                 .reader = {.at = work->message, .left = work->length, .arena = arena}};
}

int role_request_end(const struct role_request *request, struct error *error)
{
    return request->reader.broken || request->reader.left ? error_set(error, EPROTO, "the request is malformed") : 0;
}
