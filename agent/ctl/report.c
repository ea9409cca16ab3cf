/* agentctl report: a report of the agent's, to standard output or to a file that is replaced as a whole. With a
 * baseline the agent is sent what of it counts, and leaves that out. */
#include <string.h>
#include <unistd.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/baseline.h"
#include "common/out_file.h"
#include "common/text.h"

struct receiving {
    struct out_file output;
    bool to_terminal; /* which must not get everything */
};

static bool on_piece(const char *data, size_t length, void *user)
{
    struct receiving *receiving = user;
    scoped_str safe = STR_INIT;

    if (!receiving->to_terminal)
        return out_file_write(&receiving->output, data, length);
    for (const char *end = data + length, *at = data; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t part = newline ? (size_t)(newline - at) : (size_t)(end - at);

        text_escape(&safe, at, part, 0);
        if (newline)
            str_append_char(&safe, '\n');
        at += part + (newline != NULL);
    }
    return out_file_write(&receiving->output, str_text(&safe), safe.length);
}

static void add(struct str *path, const char *key, const char *value)
{
    if (value)
        client_parameter(path, key, value);
}

static void make_path(const struct ctl *ctl, struct str *path)
{
    str_append(path, "/v1/report");
    client_parameter(path, "format", ctl->format);
    add(path, "rule", ctl->rule);
    add(path, "section", ctl->section);
    add(path, "status", ctl->status);
    add(path, "severity", ctl->severity);
    add(path, "level", ctl->level);
    add(path, "subject", ctl->subject);
    add(path, "kind", ctl->kind);
    add(path, "waived", ctl->waived);
    client_parameter(path, "lang", ctl->zh ? "zh" : "en");
}

/* What is sent for --new-only, if it is given. 0, or the exit status. */
static int make_body(const struct ctl *ctl, struct str *ret)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;
    scoped(cleanup_json_out) struct json_out *out = NULL;
    int r = ctl->new_only ? ctl_read_baseline(ctl, ctl->new_only, &baseline) : 0;

    if (r || !baseline)
        return r;
    out = json_out_new(false);
    baseline_write_short(baseline, out);
    json_out_steal(out, ret);
    if (ret->length <= BASELINE_SENT_MAX)
        return 0;
    ctl_complain(tr(ctl, "%s: too many open findings for a report of what is new: %zu KiB of them, %d KiB can be sent",
                    "%s：未解决的检查结果过多，无法只报告新增的：共 %zu KiB，最多可发送 %d KiB"),
                 ctl->new_only, ret->length / 1024, BASELINE_SENT_MAX / 1024);
    return EXIT_REFUSED;
}

/* What was received so far is not put in the file's place. */
static int give_up(const struct ctl *ctl, struct receiving *receiving, int r, long status, const struct str *refusal,
                   struct error *error)
{
    bool unwritten = receiving->output.error.number != 0;

    if (unwritten)
        *error = receiving->output.error;
    out_file_abandon(&receiving->output);
    if (!unwritten && r == 0)
        return ctl_refused(ctl, status, refusal);
    if (!unwritten)
        return ctl_unreachable(ctl, error);
    ctl_complain_of(ctl, error);
    return EXIT_UNWRITTEN;
}

int ctl_report(struct ctl *ctl)
{
    scoped_str path = STR_INIT, body = STR_INIT, refusal = STR_INIT;
    struct receiving receiving = {.to_terminal = str_empty(ctl->file) || str_equal(ctl->file, "-")};
    struct error error = ERROR_INIT;
    long status = 0;
    int r = make_body(ctl, &body);

    if (r)
        return r;
    if (!ctl->format)
        ctl->format = "html";
    receiving.to_terminal = receiving.to_terminal && isatty(STDOUT_FILENO);
    r = out_file_open(&receiving.output, ctl->file, 0600, &error); /* it tells how the host can be attacked */
    if (r == 0) {
        make_path(ctl, &path);
        r = client_pieces(ctl->socket, path.data, body.data, on_piece, &receiving, &status, &refusal, &error);
        if (r < 0 || status != 200)
            return give_up(ctl, &receiving, r, status, &refusal, &error);
        r = out_file_close(&receiving.output, &error);
    }
    if (r < 0)
        ctl_complain_of(ctl, &error);
    return r < 0 ? EXIT_UNWRITTEN : 0;
}
