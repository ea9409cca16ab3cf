/* Where a report's text goes: pieces of it to a descriptor, so that none is held whole. */
#ifndef AGENT_REPORT_OUT_H
#define AGENT_REPORT_OUT_H

#include <stdint.h>

#include "common/error.h"
#include "common/str.h"

struct report_out {
    struct str text; /* not written yet: writers append to it */
    int fd;          /* blocking; -1: all of it stays in TEXT */
    uint64_t limit;  /* bytes of all; 0: none */
    uint64_t written;
    struct error error; /* the first one; what is written after it is dropped */
};

/* Writes out what has piled up, if that is much. False: there was an error, and the writer may end. */
bool report_out_go_on(struct report_out *out);
/* Writes out what is left and frees it, unless FD is -1. 0 or a negative errno with ERROR; -EFBIG: beyond the limit. */
int report_out_end(struct report_out *out, struct error *error);

#endif
