/* agentctl rules: every rule with its verdict. */
#include "agent/ctl/ctl.h"
#include "common/memory.h"

enum { RULE, STATUS, SEVERITY, FAILED, TITLE, SLUG, SECTION, LEVEL, SCORED, COLUMN_COUNT };

static struct table *rule_table(const struct ctl *ctl)
{
    const struct table_column columns[] = {
        [RULE] = {"rule", tr(ctl, "RULE", "规则"), TABLE_NAME, TABLE_EVERYWHERE},
        [SLUG] = {"slug", tr(ctl, "SLUG", "短名"), TABLE_NAME, TABLE_DETAIL},
        [STATUS] = {"status", tr(ctl, "STATUS", "结论"), TABLE_WORD, TABLE_EVERYWHERE},
        [SEVERITY] = {"severity", tr(ctl, "SEVERITY", "级别"), TABLE_WORD, TABLE_EVERYWHERE},
        [SECTION] = {"section", tr(ctl, "SECTION", "章"), TABLE_WORD, TABLE_RAW},
        [LEVEL] = {"level", tr(ctl, "LEVEL", "等级"), TABLE_NUMBER, TABLE_DETAIL},
        [SCORED] = {"scored", tr(ctl, "SCORED", "计分"), TABLE_WORD, TABLE_DETAIL},
        [FAILED] = {"failed", tr(ctl, "FAILS", "不通过"), TABLE_NUMBER, TABLE_EVERYWHERE},
        [TITLE] = {"title", tr(ctl, "TITLE", "标题"), TABLE_TEXT, TABLE_EVERYWHERE},
    };

    return table_new(&ctl->terminal, columns, countof(columns));
}

static void add_rule(const struct ctl *ctl, struct table *table, const struct json *rule)
{
    const char *severity = json_text(json_get(rule, "severity"), "-"),
               *status = json_text(json_get(rule, "status"), "off");
    bool fails = str_equal(status, "fail");
    scoped(cleanup_free) char *failed =
        mem_printf("%lld", (long long)json_int(json_path(rule, "counts", "fail", NULL), 0));
    scoped(cleanup_free) char *level = mem_printf("%lld", (long long)json_int(json_get(rule, "level"), 0));
    bool scored = json_bool(json_get(rule, "scored"), false), screen = terminal_is_screen(&ctl->terminal);

    table_row(table,
              (const struct table_cell[COLUMN_COUNT]){
                  [RULE] = {json_string(json_get(rule, "rule")), MARK_NONE},
                  [SLUG] = {json_string(json_get(rule, "slug")), MARK_NONE},
                  [STATUS] = {ctl_word(ctl, status), fails ? mark_of_severity(severity) : mark_of_status(status)},
                  [SEVERITY] = {ctl_word(ctl, severity), fails ? mark_of_severity(severity) : MARK_NONE},
                  [SECTION] = {json_string(json_get(rule, "section")), MARK_NONE},
                  [LEVEL] = {level, MARK_NONE},
                  [SCORED] = {!screen  ? scored ? "true" : "false"
                              : scored ? tr(ctl, "yes", "是")
                                       : tr(ctl, "no", "否"),
                              MARK_NONE},
                  [FAILED] = {failed, MARK_NONE},
                  [TITLE] = {json_string(json_get(rule, "title")), MARK_NONE},
              });
}

/* Says which sections there are. Returns the exit status. */
static int refuse_section(const struct ctl *ctl, const struct json *rules)
{
    const char *last = NULL;
    scoped_str known = STR_INIT;

    for (size_t i = 0; i < json_count(rules); i++) { /* they are in the order of the sections */
        const char *section = json_string(json_get(json_at(rules, i), "section"));

        if (section && !str_equal(section, last))
            str_printf(&known, "%s%s", last ? tr(ctl, ", ", "、") : "", section);
        last = section ? section : last;
    }
    return ctl_usage(ctl, tr(ctl, "unknown section \"%.64s\"; expected %s", "未知的章 \"%.64s\"；应为 %s"),
                     ctl->section, str_text(&known));
}

int ctl_rules(struct ctl *ctl)
{
    size_t shown = 0;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_table) struct table *table = rule_table(ctl);
    const struct json *rules;
    int r;

    if (ctl->json && ctl->section)
        return ctl_usage(
            ctl, "%s",
            tr(ctl, "--json prints the whole answer, without --section", "--json 输出全部内容，不能与 --section 同用"));
    r = ctl_ask(ctl, "/v1/rules", NULL, &doc);
    if (r || !doc)
        return r;
    rules = json_get(json_root(doc), "rules");
    for (size_t i = 0; i < json_count(rules); i++)
        if (!ctl->section || str_equal(ctl->section, json_string(json_get(json_at(rules, i), "section")))) {
            shown++;
            add_rule(ctl, table, json_at(rules, i));
        }
    if (ctl->section && !shown)
        return refuse_section(ctl, rules);
    table_print(table);
    return 0;
}
