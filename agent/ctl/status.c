/* agentctl status: one screen with the engine, the score, the counts of each section and the worst findings. */
#include "agent/ctl/ctl.h"
#include "common/text.h"

enum { WORST_SHOWN = 6 };

static void print_engine(const struct ctl *ctl, struct str *out, const struct json *root)
{
    const struct json *engine = json_get(root, "engine"), *agent = json_get(root, "agent");
    const struct json *reasons = json_get(agent, "reasons");

    str_append(out, tr(ctl, "engine  ", "引擎    "));
    terminal_cell(out, json_text(json_get(engine, "host"), "-"), 40, false);
    if (json_bool(json_get(engine, "connected"), false)) {
        str_append(out, tr(ctl, "  connected, version ", "  已连接，版本 "));
        terminal_cell(out, json_string(json_get(engine, "version")), 20, false);
    } else {
        str_append(out, tr(ctl, "  NOT CONNECTED: ", "  未连接："));
        terminal_cell(out, json_string(json_get(engine, "why")), 60, false);
    }
    str_append(out, tr(ctl, "\nagent   ", "\n代理    "));
    terminal_status(&ctl->terminal, out, json_text(json_get(agent, "state"), "-"), 0);
    str_printf(out, "  %s ", tr(ctl, "since", "启动于"));
    terminal_cell(out, json_string(json_get(agent, "started")), 0, false);
    str_append_char(out, '\n');
    for (size_t i = 0; i < json_count(reasons) && i < 3; i++) {
        str_append(out, "        ");
        terminal_cell(out, json_string(json_at(reasons, i)), ctl->terminal.width - 8, false);
        str_append_char(out, '\n');
    }
}

/* "syslog stuck, 312 waiting, 0 lost  tcp://siem.example:514", and the last error below it. */
static void print_sinks(const struct ctl *ctl, struct str *out, const struct json *sinks)
{
    const char *comma = tr(ctl, ", ", "，");

    for (size_t i = 0; i < json_count(sinks); i++) {
        const struct json *sink = json_at(sinks, i);
        const char *error = json_string(json_get(sink, "last_error"));
        size_t begin = out->length, columns;

        str_append(out, tr(ctl, "sink    ", "输出    "));
        terminal_cell(out, json_string(json_get(sink, "type")), 12, false);
        str_append_char(out, ' ');
        terminal_cell(out, json_text(json_get(sink, "state"), "-"), 12, false);
        str_printf(out, "%s%lld %s%s%lld %s  ", comma, (long long)json_int(json_get(sink, "pending"), 0),
                   tr(ctl, "waiting", "待发送"), comma, (long long)json_int(json_get(sink, "dropped"), 0),
                   tr(ctl, "lost", "丢失"));
        columns = text_columns(out->data + begin);
        terminal_cell(out, json_string(json_get(sink, "address")),
                      ctl->terminal.width > columns ? ctl->terminal.width - columns : 1, false);
        str_append_char(out, '\n');
        if (error) {
            str_append(out, "        ");
            terminal_cell(out, error, ctl->terminal.width - 8, false);
            str_append_char(out, '\n');
        }
    }
}

/* Findings of execs that ended since there were too many. */
static void print_execs(const struct ctl *ctl, struct str *out, const struct json *execs)
{
    int64_t dropped = json_int(json_get(execs, "dropped"), 0);

    if (dropped <= 0)
        return;
    str_printf(out, "%s%lld%s%lld%s\n", tr(ctl, "execs   ", "exec    "),
               (long long)json_int(json_get(execs, "findings"), 0), tr(ctl, " findings, ", " 项，"), (long long)dropped,
               tr(ctl, " older ones were dropped", " 项较旧的已丢弃"));
}

static void print_counts(struct str *out, const struct json *counts)
{
    static const char *const keys[] = {"pass", "fail", "manual", "not_applicable", "error"};

    for (size_t i = 0; i < countof(keys); i++)
        str_printf(out, " %6lld", (long long)json_int(json_get(counts, keys[i]), 0));
    str_append_char(out, '\n');
}

static void print_sections(const struct ctl *ctl, struct str *out, const struct json *summary)
{
    const struct json *sections = json_get(summary, "sections");

    terminal_cell(out, tr(ctl, "rules by section", "各章规则"), 42, true);
    str_printf(out, " %6s %6s %6s %6s %6s\n", "pass", "fail", "manual", "n/a", "error");
    for (size_t i = 0; i < json_count(sections); i++) {
        scoped_str title = STR_INIT;

        str_printf(&title, "%s  %s", json_text(json_get(json_at(sections, i), "id"), "-"),
                   json_text(json_get(json_at(sections, i), "title"), ""));
        terminal_cell(out, title.data, 42, true);
        print_counts(out, json_at(sections, i));
    }
}

/* Exceptions that do not count any more, or never did: somebody should tidy the list up. */
static void print_exceptions(const struct ctl *ctl, struct str *out, const struct json *root)
{
    static const char *const lists[] = {"waivers", "attestations"};

    for (size_t l = 0; l < countof(lists); l++) {
        const struct json *list = json_get(root, lists[l]);

        for (size_t i = 0; i < json_count(list); i++) {
            const struct json *item = json_at(list, i);
            bool expired = json_bool(json_get(item, "expired"), false);

            if (!expired && json_int(json_get(item, "matches"), 0))
                continue;
            str_append(out, l ? tr(ctl, "attestation ", "证明 ") : tr(ctl, "waiver ", "豁免 "));
            terminal_cell(out, json_string(json_get(item, "rule")), 40, false);
            str_append_char(out, ' ');
            terminal_cell(out, json_string(json_get(item, "subject")), 40, false);
            str_append(out, expired ? tr(ctl, " has expired and no longer applies", " 已过期，不再生效")
                            : l     ? tr(ctl, " matches no manual finding", " 未匹配任何需人工判断的项")
                                    : tr(ctl, " matches no failed finding", " 未匹配任何失败项"));
            str_printf(out, " (%s %lld)\n", tr(ctl, "line", "行"), (long long)json_int(json_get(item, "line"), 0));
        }
    }
}

/* What is not judged, and why. */
static void print_excluded(const struct ctl *ctl, struct str *out, const struct json *list)
{
    enum { SHORT_ID = 12, NAME = 40 };

    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);

        str_append(out, tr(ctl, "excluded: ", "不检查："));
        terminal_cell(out, json_text(json_get(item, "kind"), "-"), NAME, false);
        str_append_char(out, ' ');
        terminal_cell(out, json_text(json_get(item, "name"), "-"), NAME, false);
        str_append(out, " (");
        terminal_cell(out, json_text(json_get(item, "id"), "-"), SHORT_ID, false);
        str_append(out, tr(ctl, "), the agent runs in it\n", "），代理在其中运行\n"));
    }
}

int ctl_status(struct ctl *ctl)
{
    const char *comma = tr(ctl, ", ", "，");
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;
    const struct json *root, *summary, *worst, *score;
    int r = ctl_ask(ctl, "/v1/status", NULL, &doc);

    if (r || !doc)
        return r;
    root = json_root(doc);
    summary = json_get(root, "summary");
    worst = json_get(root, "worst");
    score = json_get(root, "score");
    print_engine(ctl, &out, root);
    print_sinks(ctl, &out, json_get(root, "sinks"));
    print_execs(ctl, &out, json_get(root, "execs"));
    str_append(&out, tr(ctl, "score   ", "得分    "));
    if (json_type(score) == JSON_NUMBER)
        str_printf(&out, "%.0f/100", json_double(score, 0));
    else
        str_append(&out, "-");
    str_printf(&out, "  %s %lld%s%s %lld%s%s ", tr(ctl, "scored rules", "计分规则"),
               (long long)json_int(json_get(root, "scored_rules"), 0), comma, tr(ctl, "waived", "豁免"),
               (long long)json_int(json_get(summary, "waived"), 0), comma, tr(ctl, "benchmark", "基准"));
    terminal_cell(&out, json_string(json_path(root, "benchmark", "name", NULL)), 24, false);
    str_append(&out, "\n\n");
    print_sections(ctl, &out, summary);
    str_append_char(&out, '\n');
    print_exceptions(ctl, &out, root);
    print_excluded(ctl, &out, json_get(root, "excluded"));
    if (json_count(worst)) {
        terminal_heading(&ctl->terminal, &out, tr(ctl, "worst findings", "最严重的问题"));
        for (size_t i = 0; i < json_count(worst) && i < WORST_SHOWN; i++)
            ctl_print_finding(ctl, &out, 0, json_at(worst, i));
        str_append(&out, tr(ctl, "all: agentctl findings    one rule: agentctl explain RULE    live: agentctl watch\n",
                            "全部：agentctl findings    单条：agentctl explain 规则    实时：agentctl watch\n"));
    } else {
        str_append(&out, tr(ctl, "nothing fails\n", "没有失败项\n"));
    }
    fputs(str_text(&out), stdout);
    return 0;
}
