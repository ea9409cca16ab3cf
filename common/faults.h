/* What is wrong with files that people write, all of it: whoever mends the first fault wants to know of the others. */
#ifndef COMMON_FAULTS_H
#define COMMON_FAULTS_H

#include "common/error.h"
#include "common/memory.h"
#include "common/vec.h"

enum { FAULTS_MAX = 500 }; /* of each kind that are kept; more are counted */

/* Begin with zeros. */
struct faults {
    VEC(char *) errors; /* as messages (common/message.h) */
    VEC(char *) warnings;
    size_t errors_left_out, warnings_left_out;
};

/* FAULTS may be NULL: nothing is kept. */
void faults_add(struct faults *faults, const struct error *error);
/* "FILE:LINE: text"; FORMAT is a message's. */
void faults_warn(struct faults *faults, const char *file, unsigned line, const char *format, ...) printf_like(4, 5);
size_t faults_errors(const struct faults *faults); /* how many there are, with those that are not kept */
/* Fills ERROR with the first one, and how many there are besides it; there has to be one. -EINVAL. */
int faults_first(const struct faults *faults, struct error *error);
void faults_free(struct faults *faults); /* FAULTS is reusable */

#endif
