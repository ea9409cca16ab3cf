/* agentctl watch, scan, ack, version: what follows or changes the running agent. */
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "common/json_out.h"

static bool print_line(const char *line, size_t length, void *user)
{
    enum { DATE = 11, SECONDS = 19, WIDE = 120 }; /* "2026-11-25T10:44:02" */
    const struct ctl *ctl = user;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT, text = STR_INIT, name = STR_INIT;
    const struct json *root;
    const char *at;
    unsigned skip;

    if (ctl->json) {
        ctl_print_json(line, length);
        putchar('\n');
        return fflush(stdout) == 0;
    }
    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return true;
    root = json_root(doc);
    if (json_get(root, "hello"))
        return true;
    if (json_get(root, "lost")) {
        printf("%s %lld\n", tr(ctl, "transitions lost:", "丢失的变化："),
               (long long)json_int(json_get(root, "lost"), 0));
        return fflush(stdout) == 0;
    }
    at = json_text(json_get(root, "at"), "");
    skip = terminal_is_screen(&ctl->terminal) && ctl->terminal.width < WIDE && strlen(at) > DATE ? DATE : 0;
    ctl_append_subject(&name, json_get(root, "subject"));
    str_printf(&text, "%.*s  %s %s %s  %s  %s  %s  %s", (int)(SECONDS - skip), at + skip,
               ctl_word(ctl, json_text(json_get(root, "previous"), "new")), ctl->terminal.ascii ? "->" : "→",
               ctl_word(ctl, json_string(json_get(root, "status"))), json_text(json_get(root, "rule"), "-"),
               ctl_word(ctl, json_text(json_get(root, "severity"), "-")), name.data,
               json_text(json_get(root, "evidence"), "-"));
    terminal_wrap(&ctl->terminal, &out, text.data, 0, SECONDS + 2 - skip);
    fputs(str_text(&out), stdout);
    return fflush(stdout) == 0;
}

int ctl_watch(struct ctl *ctl)
{
    scoped_str path = STR_INIT, text = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;

    str_append(&path, "/v1/events?follow=true");
    if (ctl->since)
        client_parameter(&path, "since", ctl->since);
    client_parameter(&path, "lang", ctl_language(ctl));
    if (client_stream(ctl->socket, path.data, true, print_line, ctl, &status, &text, &error) < 0 && status != 200) {
        return ctl_unreachable(ctl, &error);
    }
    if (status != 200)
        return ctl_refused(ctl, status, &text);
    ctl_complain("%s", tr(ctl, "the agent ended the stream", "代理结束了数据流"));
    return EXIT_UNREACHABLE;
}

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
