/* Passwords that were seen ahead of the walk, until it gets there. */
#include <string.h>

#include "common/secrets/secrets_internal.h"

void secret_note(struct secret_scan *scan, size_t from, size_t to)
{
    size_t at;

    if (from < scan->at)
        from = scan->at;
    if (to <= from || !secret_is_real(scan, from, to))
        return;
    if (scan->pending_count == SECRET_PENDING) {
        if (scan->pending[SECRET_PENDING - 1].to < to)
            scan->pending[SECRET_PENDING - 1].to = to;
        return;
    }
    for (at = scan->pending_count; at && scan->pending[at - 1].from > from; at--)
        scan->pending[at] = scan->pending[at - 1];
    scan->pending[at].from = from;
    scan->pending[at].to = to;
    scan->pending_count++;
}

bool secret_take_note(struct secret_scan *scan, size_t at, size_t *ret_from, size_t *ret_to)
{
    while (scan->pending_count && scan->pending[0].from <= at) {
        *ret_from = scan->pending[0].from < at ? at : scan->pending[0].from;
        *ret_to = scan->pending[0].to;
        scan->pending_count--;
        memmove(scan->pending, scan->pending + 1, scan->pending_count * sizeof *scan->pending);
        if (*ret_to > *ret_from)
            return true;
    }
    return false;
}
