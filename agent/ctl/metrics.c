/* agentctl metrics: the agent's metrics to standard output, or to a file that node_exporter's textfile collector reads.
 * That file is replaced as a whole, so that none is ever read in part. */
#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/out_file.h"

/* The collector does not look at what it is while it is written: that name does not end in .prom. */
static int replace_file(const struct ctl *ctl, const char *path, const struct str *text)
{
    struct out_file output;
    struct error error = ERROR_INIT;
    int r = out_file_open(&output, path, 0644, &error);

    if (r == 0) {
        (void)out_file_write(&output, str_text(text), text->length);
        r = out_file_close(&output, &error);
    }
    if (r < 0)
        ctl_complain_of(ctl, &error);
    return r < 0 ? EXIT_UNWRITTEN : 0;
}

int ctl_metrics(struct ctl *ctl)
{
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;

    if (client_call(ctl->socket, "/metrics", NULL, &status, &text, &error) < 0)
        return ctl_unreachable(ctl, &error);
    if (status != 200)
        return ctl_refused(ctl, status, &text);
    if (!ctl->textfile) {
        ctl_print_json(str_text(&text), text.length);
        return 0;
    }
    return replace_file(ctl, ctl->textfile, &text);
}
