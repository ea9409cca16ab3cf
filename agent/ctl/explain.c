/* agentctl explain: all about a rule, and what to do about what fails. */
#include <stdint.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

enum { INDENT = 2, DEEPER = 4, HANGING = 2 };

static void begin_part(const struct ctl *ctl, struct str *out, const char *heading)
{
    str_append_char(out, '\n');
    terminal_heading(&ctl->terminal, out, heading);
}

static void append_text(const struct ctl *ctl, struct str *out, const char *heading, const struct json *text)
{
    if (str_empty(json_string(text)))
        return;
    begin_part(ctl, out, heading);
    terminal_wrap(&ctl->terminal, out, json_string(text), INDENT, 0);
}

static void append_list(const struct ctl *ctl, struct str *out, const char *heading, const struct json *list)
{
    for (size_t i = 0; i < json_count(list); i++) {
        if (!i)
            begin_part(ctl, out, heading);
        terminal_wrap(&ctl->terminal, out, json_string(json_at(list, i)), INDENT, HANGING);
    }
}

/* ---- What it is ---- */

/* "slug      container-privileged" */
static void append_member(const struct ctl *ctl, struct str *out, const char *name, const char *value)
{
    enum { NAME = 10 };
    scoped_str line = STR_INIT;

    if (str_empty(value))
        return;
    str_append(&line, name);
    for (size_t used = text_columns(name); used < NAME; used++)
        str_append_char(&line, ' ');
    str_append(&line, value);
    terminal_wrap(&ctl->terminal, out, line.data, 0, NAME);
}

/* "dosec-1.0 5.4, cis-1.8.0 5.5" */
static void append_ids(const struct ctl *ctl, struct str *out, const struct json *ids)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < json_count(ids) && json_type(ids) == JSON_OBJECT; i++) {
        const char *benchmark;
        const struct json *id = json_member(ids, i, &benchmark, NULL);

        str_printf(&text, "%s%s %s", i ? tr(ctl, ", ", "，") : "", benchmark, json_text(id, "-"));
    }
    append_member(ctl, out, tr(ctl, "ids", "编号"), text.data);
}

/* "CIS Controls v8 5.4; NIST SP 800-53 AC-6, CM-7" */
static void append_controls(const struct ctl *ctl, struct str *out, const struct json *controls)
{
    static const struct {
        const char *key, *name;
    } catalogues[] = {{"cis_v8", "CIS Controls v8"}, {"nist_800_53", "NIST SP 800-53"}};
    scoped_str text = STR_INIT;

    for (size_t c = 0; c < countof(catalogues); c++) {
        const struct json *list = json_get(controls, catalogues[c].key);

        if (json_count(list))
            str_printf(&text, "%s%s", text.length ? tr(ctl, "; ", "；") : "", catalogues[c].name);
        for (size_t i = 0; i < json_count(list); i++)
            str_printf(&text, "%s%s", i ? tr(ctl, ", ", "、") : " ", json_text(json_at(list, i), "-"));
    }
    append_member(ctl, out, tr(ctl, "controls", "控制项"), text.data);
}

static void append_verdict(const struct ctl *ctl, struct str *out, const struct json *rule)
{
    static const char *const keys[] = {"fail", "error", "manual", "pass", "not_applicable"};
    const char *status = json_text(json_get(rule, "status"), N_("off")),
               *severity = json_text(json_get(rule, "severity"), "-");
    const char *comma = tr(ctl, ", ", "，");
    bool fails = str_equal(status, "fail");
    int64_t waived = json_int(json_get(rule, "waived"), 0);
    scoped_str rest = STR_INIT, line = STR_INIT;

    terminal_mark(&ctl->terminal, &line, ctl_word(ctl, status),
                  fails ? mark_of_severity(severity) : mark_of_status(status));
    str_append(&line, comma);
    terminal_mark(&ctl->terminal, &line, ctl_word(ctl, severity), fails ? mark_of_severity(severity) : MARK_NONE);
    str_printf(
        &rest, "%s%s %lld%s%s", comma, tr(ctl, "level", "等级"), (long long)json_int(json_get(rule, "level"), 0), comma,
        json_bool(json_get(rule, "scored"), false) ? tr(ctl, "scored", "计分") : tr(ctl, "not scored", "不计分"));
    str_printf(out, "%s%s\n", line.data, rest.data);
    str_clear(&rest);
    for (size_t i = 0; i < countof(keys); i++) {
        int64_t count = json_int(json_path(rule, "counts", keys[i], NULL), 0);

        if (count > 0)
            str_printf(&rest, "%s%lld %s", rest.length ? comma : "", (long long)count, ctl_word(ctl, keys[i]));
        if (count > 0 && i == 0 && waived > 0)
            str_printf(&rest, "%s%lld %s%s", tr(ctl, " (", "（"), (long long)waived, ctl_word(ctl, N_("waived")),
                       tr(ctl, ")", "）"));
    }
    append_member(ctl, out, tr(ctl, "findings", "结果"), rest.data);
}

static void append_head(const struct ctl *ctl, struct str *out, const struct json *rule)
{
    scoped_str title = STR_INIT, wrapped = STR_INIT;

    str_printf(&title, "%s  %s", json_text(json_get(rule, "rule"), "-"), json_text(json_get(rule, "title"), "-"));
    terminal_wrap(&ctl->terminal, &wrapped, title.data, 0, 0);
    for (const char *at = wrapped.data; *at; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        scoped(cleanup_free) char *line = mem_strndup(at, length);

        terminal_heading(&ctl->terminal, out, line);
        at += length;
    }
    append_verdict(ctl, out, rule);
    append_member(ctl, out, tr(ctl, "slug", "短名"), json_string(json_get(rule, "slug")));
    append_ids(ctl, out, json_get(rule, "ids"));
    append_controls(ctl, out, json_get(rule, "controls"));
    append_member(ctl, out, tr(ctl, "check", "检查"), json_string(json_get(rule, "check")));
    append_member(ctl, out, tr(ctl, "file", "文件"), json_string(json_get(rule, "file")));
}

/* ---- Parameters ---- */

/* As JSON, with blanks between the items of a list, where it may wrap. The caller frees; NULL: there is none. */
static char *value_text(const struct json *value)
{
    bool list = json_type(value) == JSON_ARRAY;
    struct str text = STR_INIT;

    if (json_type(value) == JSON_NULL)
        return NULL;
    for (size_t i = 0; i < (list ? json_count(value) : 1); i++) {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

        json_out_value(out, NULL, list ? json_at(value, i) : value);
        str_printf(&text, "%s%s", !i ? list ? "[" : "" : ", ", json_out_text(out, NULL));
    }
    str_append(&text, !list ? "" : json_count(value) ? "]" : "[]");
    return str_steal(&text);
}

/* "integer, 1 to 65535" */
static char *type_text(const struct ctl *ctl, const struct json *param)
{
    const char *shown = ctl_words(ctl, json_text(json_get(param, "type"), "-"));

    if (!json_get(param, "min"))
        return mem_strdup(shown);
    return mem_printf(tr(ctl, "%s, %lld to %lld", "%s，%lld 至 %lld"), shown,
                      (long long)json_int(json_get(param, "min"), 0), (long long)json_int(json_get(param, "max"), 0));
}

/* Long lists are shown once, by the value that holds. */
static void append_params(const struct ctl *ctl, struct str *out, const char *slug, const struct json *params)
{
    for (size_t i = 0; i < json_count(params); i++) {
        const struct json *param = json_at(params, i);
        scoped(cleanup_free) char *type = type_text(ctl, param);
        scoped(cleanup_free) char *value = value_text(json_get(param, "value"));
        scoped(cleanup_free) char *fallback = value_text(json_get(param, "default"));
        bool changed = !str_equal(value, fallback);
        scoped_str line = STR_INIT;

        if (!i)
            begin_part(ctl, out, tr(ctl, "Parameters", "参数"));
        str_printf(&line, tr(ctl, "%s (%s): %s, %s", "%s（%s）：%s，%s"), json_text(json_get(param, "name"), "-"), type,
                   value ? value : "-", changed ? tr(ctl, "changed", "已修改") : tr(ctl, "the default", "默认值"));
        terminal_wrap(&ctl->terminal, out, line.data, INDENT, HANGING);
        if (!changed)
            continue;
        str_clear(&line);
        str_printf(&line, tr(ctl, "default: %s", "默认值：%s"), fallback ? fallback : "-");
        terminal_wrap(&ctl->terminal, out, line.data, INDENT + HANGING, HANGING);
    }
    if (json_count(params)) {
        scoped_str line = STR_INIT;

        str_printf(&line, tr(ctl, "to change one, in agent.json: %s", "在 agent.json 中修改：%s"), "\"rules\": {\"");
        str_printf(&line, "%s\": {\"params\": {\"%s\": VALUE}}}", slug,
                   json_text(json_get(json_at(params, 0), "name"), "-"));
        terminal_wrap(&ctl->terminal, out, line.data, INDENT, HANGING);
    }
}

/* ---- Findings ---- */

static bool wants_action(const struct json *finding)
{
    const char *status = json_string(json_get(finding, "status"));

    return !ctl_is_waived(finding) &&
           (str_equal(status, "fail") || str_equal(status, "error") || str_equal(status, "manual"));
}

/* COMMON: the rule's own remedy, which stands above. */
static void append_finding(const struct ctl *ctl, struct str *out, const struct json *finding, const char *common)
{
    const struct json *subject = json_get(finding, "subject");
    const char *remedy = json_string(json_get(finding, "remedy")), *status = json_string(json_get(finding, "status"));
    const char *name = json_text(json_get(subject, "name"), ""),
               *evidence = json_text(json_get(finding, "evidence"), "-");
    scoped_str line = STR_INIT;

    if (!str_equal(status, "fail"))
        str_printf(&line, "%s  ", ctl_word(ctl, status));
    if (!str_equal(name, json_string(json_get(subject, "kind"))) && !str_starts(evidence, name)) {
        ctl_append_subject(ctl, &line, subject);
        str_append(&line, tr(ctl, ": ", "："));
    }
    str_append(&line, evidence);
    terminal_wrap(&ctl->terminal, out, line.data, INDENT, HANGING);
    if (wants_action(finding) && !str_empty(remedy) && !str_equal(remedy, common))
        fit_commands(out, remedy, DEEPER, ctl->terminal.output == OUTPUT_TABLE ? ctl->terminal.width : SIZE_MAX);
}

static void append_findings(const struct ctl *ctl, struct str *out, const struct json *rule, const char *name)
{
    const struct json *list = json_get(rule, "findings");
    const char *common = json_string(json_get(rule, "remedy"));
    int64_t wanted = 0, shown = 0, rest = 0;

    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *finding = json_at(list, i);

        if (!wants_action(finding)) {
            rest += !ctl_is_waived(finding);
            continue;
        }
        if (!shown++)
            begin_part(ctl, out, tr(ctl, "What fails, and how to fix it", "未通过项及修复方法"));
        append_finding(ctl, out, finding, common);
    }
    if (json_string(json_get(rule, "next"))) {
        static const char *const keys[] = {"fail", "error", "manual"};

        for (size_t i = 0; i < countof(keys); i++)
            wanted += json_int(json_path(rule, "counts", keys[i], NULL), 0);
        if (wanted > shown)
            str_printf(out, "%s agentctl findings --all --rule %s\n", tr(ctl, "More:", "更多结果："), name);
    }
    for (size_t i = 0, others = 0; ctl->all && i < json_count(list); i++)
        if (!wants_action(json_at(list, i)) && !ctl_is_waived(json_at(list, i))) {
            if (!others++)
                begin_part(ctl, out, tr(ctl, "All others", "其余结果"));
            append_finding(ctl, out, json_at(list, i), common);
        }
    if (rest && !ctl->all)
        str_printf(out,
                   tr(ctl, "\nothers, which need nothing: %lld (agentctl explain --all %s)\n",
                      "\n其余 %lld 项无需处理：agentctl explain --all %s\n"),
                   (long long)rest, name);
}

static void append_waived(const struct ctl *ctl, struct str *out, const struct json *list)
{
    size_t shown = 0;

    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *finding = json_at(list, i), *waived = json_get(finding, "waived");
        const char *by = json_string(json_get(waived, "by")), *expires = json_string(json_get(waived, "expires"));
        scoped_str line = STR_INIT;

        if (!ctl_is_waived(finding))
            continue;
        if (!shown++)
            begin_part(ctl, out, tr(ctl, "Waived", "已豁免"));
        ctl_append_subject(ctl, &line, json_get(finding, "subject"));
        str_printf(&line, "%s%s%s", tr(ctl, ": ", "："), json_text(json_get(waived, "reason"), "-"),
                   tr(ctl, " (by ", "（"));
        str_printf(&line, "%s%s%.10s%s", by ? by : tr(ctl, "nobody named", "未注明负责人"),
                   expires ? tr(ctl, ", until ", "，至 ") : "", expires ? expires : tr(ctl, ", no end", "，长期"),
                   tr(ctl, ")", "）"));
        terminal_wrap(&ctl->terminal, out, line.data, INDENT, HANGING);
    }
}

static int print_page(struct ctl *ctl, const struct json *rule)
{
    scoped_str out = STR_INIT;
    int r = 0;

    append_head(ctl, &out, rule);
    append_text(ctl, &out, tr(ctl, "No verdict, because", "没有结论，因为"), json_get(rule, "reason"));
    append_text(ctl, &out, tr(ctl, "Why", "为什么"), json_get(rule, "why"));
    append_text(ctl, &out, tr(ctl, "What to do", "如何修复"), json_get(rule, "remedy"));
    append_text(ctl, &out, tr(ctl, "Impact", "影响"), json_get(rule, "impact"));
    append_list(ctl, &out, tr(ctl, "References", "参考"), json_get(rule, "references"));
    append_params(ctl, &out, json_text(json_get(rule, "slug"), "-"), json_get(rule, "params"));
    append_findings(ctl, &out, rule, ctl->words[0]);
    append_waived(ctl, &out, json_get(rule, "findings"));
    if (str_equal(json_string(json_get(rule, "subject")), "exec"))
        r = ctl_print_acknowledged(ctl, json_text(json_get(rule, "slug"), ""), &out);
    fputs(str_text(&out), stdout);
    return r;
}

/* For programs: the findings alone. */
static void print_rows(const struct ctl *ctl, const struct json *rule)
{
    scoped(cleanup_table) struct table *table = ctl_finding_table(ctl, NULL);
    const struct json *list = json_get(rule, "findings");

    for (size_t i = 0; i < json_count(list); i++)
        if (ctl->all || wants_action(json_at(list, i)) || ctl_is_waived(json_at(list, i)))
            ctl_finding_row(ctl, table, NULL, json_at(list, i));
    table_print(table);
}

int ctl_explain(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str path = STR_INIT, encoded = STR_INIT;
    int r;

    client_parameter(&encoded, "r", ctl->words[0]);
    str_printf(&path, "/v1/rules/%s", encoded.data + 3);
    r = ctl_ask(ctl, path.data, NULL, &doc);
    if (r || !doc)
        return r;
    if (!ctl->output && !terminal_is_screen(&ctl->terminal))
        ctl->terminal.output = OUTPUT_WIDE; /* a page is no table: in a pipe it has its lines uncut */
    if (terminal_is_screen(&ctl->terminal))
        return print_page(ctl, json_root(doc));
    print_rows(ctl, json_root(doc));
    return 0;
}
