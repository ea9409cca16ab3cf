/* A row for each finding: as programs get them, and with --flat. */
#include <string.h>

#include "agent/ctl/ctl.h"

const char *ctl_word(const struct ctl *ctl, const char *word)
{
    const char *shown;

    if (!word)
        word = N_("gone");
    if (!terminal_is_screen(&ctl->terminal))
        return word;
    shown = words_find(ctl->zh ? LANGUAGE_ZH : LANGUAGE_EN, word);
    return ctl->zh && shown ? shown : strcmp(word, "not_applicable") == 0 ? "n/a" : word;
}

bool ctl_is_waived(const struct json *finding)
{
    return json_type(json_get(finding, "waived")) == JSON_OBJECT;
}

void ctl_append_subject(const struct ctl *ctl, struct str *out, const struct json *subject)
{
    const char *kind = json_text(json_get(subject, "kind"), "-"), *name = json_string(json_get(subject, "name"));

    if (str_empty(name))
        name = json_text(json_get(subject, "id"), "-");
    str_append(out, ctl_word(ctl, kind));
    if (!str_equal(kind, name))
        str_printf(out, " %s", name);
}

enum { LEAD, RULE, SEVERITY, STATUS, KIND, NAME, SUBJECT, EVIDENCE, SLUG, TITLE, WAIVED, SINCE, COLUMN_COUNT };

struct table *ctl_finding_table(const struct ctl *ctl, const char *lead)
{
    const struct table_column columns[] = {
        [LEAD] = {lead, "", TABLE_WORD, lead ? TABLE_RAW : TABLE_NOWHERE},
        [RULE] = {"rule", tr(ctl, "RULE", "规则"), TABLE_NAME, TABLE_EVERYWHERE},
        [SLUG] = {"slug", tr(ctl, "SLUG", "短名"), TABLE_NAME, TABLE_DETAIL},
        [SEVERITY] = {"severity", tr(ctl, "SEVERITY", "级别"), TABLE_WORD, TABLE_EVERYWHERE},
        [STATUS] = {"status", tr(ctl, "STATUS", "结论"), TABLE_WORD, TABLE_EVERYWHERE},
        [KIND] = {"kind", "", TABLE_WORD, TABLE_RAW},
        [NAME] = {"subject", "", TABLE_NAME, TABLE_RAW},
        [SUBJECT] = {"", tr(ctl, "SUBJECT", "对象"), TABLE_NAME, TABLE_SCREEN},
        [TITLE] = {"title", tr(ctl, "TITLE", "标题"), TABLE_TEXT, TABLE_DETAIL},
        [EVIDENCE] = {"evidence", tr(ctl, "EVIDENCE", "依据"), TABLE_TEXT, TABLE_EVERYWHERE},
        [WAIVED] = {"waived", "", TABLE_TEXT, TABLE_RAW},
        [SINCE] = {"since", tr(ctl, "SINCE", "始于"), TABLE_WORD, TABLE_DETAIL},
    };

    return table_new(&ctl->terminal, columns, countof(columns));
}

void ctl_finding_row(const struct ctl *ctl, struct table *table, const char *lead, const struct json *finding)
{
    const char *severity = json_string(json_get(finding, "severity")),
               *status = json_string(json_get(finding, "status"));
    const struct json *subject = json_get(finding, "subject");
    bool waived = ctl_is_waived(finding), fails = str_equal(status, "fail") && !waived;
    const char *shown = terminal_is_screen(&ctl->terminal) && waived ? N_("waived") : status;
    scoped_str name = STR_INIT;

    ctl_append_subject(ctl, &name, subject);
    table_row(table, (const struct table_cell[COLUMN_COUNT]){
                         [LEAD] = {lead, MARK_NONE},
                         [RULE] = {json_string(json_get(finding, "rule")), MARK_NONE},
                         [SLUG] = {json_string(json_get(finding, "slug")), MARK_NONE},
                         [SEVERITY] = {ctl_word(ctl, severity), fails ? mark_of_severity(severity) : MARK_NONE},
                         [STATUS] = {ctl_word(ctl, shown), waived ? MARK_NONE : mark_of_status(status)},
                         [KIND] = {json_string(json_get(subject, "kind")), MARK_NONE},
                         [NAME] = {json_string(json_get(subject, "name")), MARK_NONE},
                         [SUBJECT] = {name.data, MARK_NONE},
                         [TITLE] = {json_string(json_get(finding, "title")), MARK_NONE},
                         [EVIDENCE] = {json_string(json_get(finding, "evidence")), MARK_NONE},
                         [WAIVED] = {json_string(json_path(finding, "waived", "reason", NULL)), MARK_NONE},
                         [SINCE] = {json_string(json_get(finding, "since")), MARK_NONE},
                     });
}

void ctl_lead_row(struct table *table, const char *lead, const char *text)
{
    table_row(table,
              (const struct table_cell[COLUMN_COUNT]){[LEAD] = {lead, MARK_NONE}, [EVIDENCE] = {text, MARK_NONE}});
}
