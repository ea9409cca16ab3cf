/* A file is written under another name in the same folder and renamed. */
#include "common/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "common/str.h"

static int refuse(struct out_file *output, int number, struct error *error)
{
    return error_system(error, number, "cannot write %s", output->path ? output->path : M_("standard output"));
}

/* A device or a FIFO is not replaced by a file of its name. */
static bool is_special(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int out_file_open(struct out_file *output, const char *path, mode_t mode, struct error *error)
{
    int r = 0;

    *output = (struct out_file){.fd = STDOUT_FILENO};
    if (!path || str_equal(path, "-"))
        return 0;
    output->path = mem_strdup(path);
    if (is_special(path)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        output->beside = mem_printf("%s.XXXXXX", path);
        output->fd = mkostemp(output->beside, O_CLOEXEC);
    }
    if (output->fd < 0)
        r = errno;
    else if (output->beside && fchmod(output->fd, mode) < 0)
        r = errno;
    if (!r)
        return 0;
    r = refuse(output, r, error);
    out_file_abandon(output);
    return r;
}

bool out_file_write(struct out_file *output, const char *data, size_t length)
{
    while (length && !output->error.number) {
        ssize_t n = write(output->fd, data, length);

        if (n < 0 && errno != EINTR)
            refuse(output, errno, &output->error);
        if (n > 0) {
            data += n;
            length -= (size_t)n;
        }
    }
    return !output->error.number;
}

static void forget(struct out_file *output)
{
    free(take(output->path));
    free(take(output->beside));
    output->fd = -1;
}

int out_file_close(struct out_file *output, struct error *error)
{
    int r = 0;

    if (output->error.number) {
        r = error_set(error, output->error.number, "%s", output->error.text);
        out_file_abandon(output);
        return r;
    }
    if (output->path && close(output->fd) < 0)
        r = refuse(output, errno, error);
    if (r == 0 && output->beside && rename(output->beside, output->path) < 0)
        r = refuse(output, errno, error);
    if (r < 0 && output->beside)
        unlink(output->beside);
    forget(output);
    return r;
}

void out_file_abandon(struct out_file *output)
{
    if (output->path && output->fd >= 0)
        close(output->fd);
    if (output->beside && output->fd >= 0)
        unlink(output->beside);
    forget(output);
}
