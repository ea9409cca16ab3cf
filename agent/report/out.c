/* The pieces of a report on their way to a descriptor. */
#include "agent/report/out.h"

#include <errno.h>
#include <inttypes.h>

enum { PIECE = 64 * 1024 };

static int write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static void write_piece(struct report_out *out)
{
    int r;

    if (out->fd < 0)
        return;
    if (!out->error.number) {
        r = write_all(out->fd, str_text(&out->text), out->text.length);
        if (r < 0)
            error_system(&out->error, -r, "cannot write the report");
        out->written += out->text.length;
    }
    str_clear(&out->text);
}

bool report_out_go_on(struct report_out *out)
{
    if (!out->error.number && out->limit && out->written + out->text.length > out->limit) {
        error_set(&out->error, EFBIG,
                  "the report would be larger than %" PRIu64
                  " MiB; choose less of it by rule, section, severity, level or status",
                  out->limit / 1024 / 1024);
        str_clear(&out->text);
    }
    if (out->text.length >= PIECE)
        write_piece(out);
    return !out->error.number;
}

int report_out_end(struct report_out *out, struct error *error)
{
    if (report_out_go_on(out))
        write_piece(out);
    if (out->fd >= 0)
        str_deinit(&out->text);
    return out->error.number ? error_set(error, out->error.number, "%s", out->error.text) : 0;
}
