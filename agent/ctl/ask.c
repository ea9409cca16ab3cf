/* Querying the agent and reporting what went wrong. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/text.h"

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    return options_usage(ctl->program, ctl->zh, "%s", str_text(&text));
}

void ctl_complain(const char *format, ...)
{
    scoped_str text = STR_INIT, safe = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    text_escape(&safe, str_text(&text), text.length, 0);
    fprintf(stderr, "agentctl: %s\n", str_text(&safe));
}

void ctl_complain_of(const struct ctl *ctl, const struct error *error)
{
    scoped_str text = STR_INIT;

    words_render(&text, error->message, ctl->zh ? LANGUAGE_ZH : LANGUAGE_EN, 0);
    ctl_complain("%s", str_text(&text));
}

const char *ctl_language(const struct ctl *ctl)
{
    return ctl->lang ? ctl->lang : ctl->zh && !ctl->json ? "zh" : "en";
}

int ctl_unreachable(const struct ctl *ctl, const struct error *error)
{
    ctl_complain_of(ctl, error);
    if (error->number == EACCES)
        ctl_complain("%s", tr(ctl,
                              "root and members of the group docker-bench-agent may ask: usermod -aG "
                              "docker-bench-agent USER, then log in again",
                              "只有 root 和 docker-bench-agent 组的成员可以查询：usermod -aG docker-bench-agent "
                              "用户，然后重新登录"));
    else if (error->number == ENOENT || error->number == ECONNREFUSED)
        ctl_complain("%s", tr(ctl, "is it running? systemctl status docker-bench-agent",
                              "它在运行吗？systemctl status docker-bench-agent"));
    return EXIT_UNREACHABLE;
}

int ctl_refused(const struct ctl *ctl, long status, const struct str *text)
{
    enum { BAD_REQUEST = 400 };
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const char *message = NULL, *code = NULL;

    if (json_parse(str_text(text), text->length, NULL, &doc, NULL) == 0) {
        message = json_string(json_path(json_root(doc), "error", "message", NULL));
        code = json_string(json_path(json_root(doc), "error", "code", NULL));
    }
    if (message && (status == BAD_REQUEST || str_equal(code, "unknown_rule"))) {
        ctl_complain("%s", message);
        if (str_equal(code, "unknown_rule"))
            ctl_complain("%s", tr(ctl, "all rules: agentctl rules", "全部规则：agentctl rules"));
        return EXIT_USAGE;
    }
    ctl_complain(tr(ctl, "the agent answered %ld: %s", "代理返回 %ld：%s"), status,
                 message ? message : tr(ctl, "no reason given", "未说明原因"));
    return EXIT_REFUSED;
}

int ctl_get(const struct ctl *ctl, const char *path, const char *body, struct json_doc **ret_doc, struct str *ret_text)
{
    scoped_str full = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;

    str_append(&full, path);
    client_parameter(&full, "lang", ctl_language(ctl));
    if (client_call(ctl->socket, full.data, body, &status, ret_text, &error) < 0)
        return ctl_unreachable(ctl, &error);
    if (status >= 400 && !(status == 503 && str_starts(path, "/healthz")))
        return ctl_refused(ctl, status, ret_text);
    if (json_parse(str_text(ret_text), ret_text->length, NULL, ret_doc, &error) < 0) {
        error_prefix(&error, "the agent's answer cannot be read");
        ctl_complain_of(ctl, &error);
        return EXIT_REFUSED;
    }
    return 0;
}

void ctl_print_json(const char *text, size_t length)
{
    scoped_str safe = STR_INIT;

    text_escape_json(&safe, text, length);
    fwrite(str_text(&safe), 1, safe.length, stdout);
}

int ctl_ask(const struct ctl *ctl, const char *path, const char *body, struct json_doc **ret_doc)
{
    scoped_str text = STR_INIT;
    int r = ctl_get(ctl, path, body, ret_doc, &text);

    if (r == 0 && ctl->json) {
        ctl_print_json(str_text(&text), text.length);
        json_doc_free(take(*ret_doc));
    }
    return r;
}
