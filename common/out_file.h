/* What a program writes for somebody: to standard output, or to a file that is replaced as a whole, so that nobody ever
 * finds half of it. */
#ifndef COMMON_OUT_FILE_H
#define COMMON_OUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct out_file {
    int fd;
    char *path;         /* for messages, and the file that it becomes; NULL: standard output */
    char *beside;       /* the file as it is written; NULL: it is written in place, as it is no regular file */
    struct error error; /* the first one */
};

/* PATH NULL or "-": standard output. A regular file, or one that does not exist yet, is written beside its place with
 * MODE; a device or a FIFO in place. The caller ends it with out_file_close() or out_file_abandon(). 0 or a negative errno.
 */
int out_file_open(struct out_file *output, const char *path, mode_t mode, struct error *error);
/* False: it could not be written, and output->error says why. */
bool out_file_write(struct out_file *output, const char *data, size_t length);
/* Puts the file in its place, unless there was an error: then it is as out_file_abandon(). 0 or a negative errno. */
int out_file_close(struct out_file *output, struct error *error);
/* Leaves what was there before. */
void out_file_abandon(struct out_file *output);

#endif
