/* agentctl scan, ack, resend, version: what changes the running agent. */
#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "common/json_out.h"

int ctl_scan(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int r = ctl_ask(ctl, "/v1/scan", "", &doc);

    if (r == 0 && doc)
        puts(tr(ctl, "a full scan was started", "已开始全面扫描"));
    return r;
}

int ctl_ack(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *body = NULL;
    int r;

    body = json_out_new(false);
    json_out_object(body, NULL);
    json_out_string(body, "exec", ctl->words[0]);
    json_out_string(body, "reason", ctl->words[1]);
    json_out_end_object(body);
    r = ctl_ask(ctl, "/v1/ack", json_out_text(body, NULL), &doc);
    if (r == 0 && doc)
        puts(tr(ctl, "acknowledged", "已确认"));
    return r;
}

int ctl_resend(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *body = NULL;
    int r;

    body = json_out_new(false);
    json_out_object(body, NULL);
    json_out_string(body, "sink", ctl->words[0]);
    json_out_end_object(body);
    r = ctl_ask(ctl, "/v1/resend", json_out_text(body, NULL), &doc);
    if (r == 0 && doc)
        puts(tr(ctl, "all that is open is sent again", "正在重新发送所有未解决的发现"));
    return r;
}

int ctl_version(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;
    int r;

    if (!ctl->json) {
        puts("agentctl " PROGRAM_VERSION);
        fflush(stdout);
    }
    r = ctl_ask(ctl, "/v1/status", NULL, &doc);
    if (r || !doc)
        return r;
    str_append(&out, "docker-bench-agent ");
    fit_escape(&out, json_string(json_path(json_root(doc), "agent", "version", NULL)));
    puts(str_text(&out));
    return 0;
}
