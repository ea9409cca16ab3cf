/* agentctl config: the configuration in force, and which file each value is from. */
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/table.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

static void add_value(struct table *table, const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text = json_string(json_get(value, "value"));

    if (!text) {
        json_out_value(out, NULL, json_get(value, "value"));
        text = json_out_text(out, NULL);
    }
    table_row(table, (struct table_cell[]){{json_string(json_get(value, "key")), MARK_NONE},
                                           {text, MARK_NONE},
                                           {json_string(json_get(value, "from")), MARK_NONE}});
}

/* Line by line: whoever answers may be anybody. */
static void print_text(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        scoped_str safe = STR_INIT;

        text_escape(&safe, text, length, 0);
        puts(str_text(&safe));
        text += length + (text[length] == '\n');
    }
}

int ctl_config(struct ctl *ctl)
{
    const struct table_column columns[] = {
        {"key", tr(ctl, "KEY", "键"), TABLE_NAME, TABLE_EVERYWHERE},
        {"value", tr(ctl, "VALUE", "值"), TABLE_TEXT, TABLE_EVERYWHERE},
        {"from", tr(ctl, "FROM", "来源"), TABLE_NAME, TABLE_EVERYWHERE},
    };
    scoped(cleanup_table) struct table *table = NULL;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *values;
    int r = ctl_ask(ctl, "/v1/config", NULL, &doc);

    if (r || !doc)
        return r;
    if (ctl->show) {
        print_text(json_text(json_get(json_root(doc), "text"), ""));
        return 0;
    }
    values = json_get(json_root(doc), "values");
    table = table_new(&ctl->terminal, columns, countof(columns));
    for (size_t i = 0; i < json_count(values); i++)
        add_value(table, json_at(values, i));
    table_print(table);
    if (terminal_is_screen(&ctl->terminal))
        puts(tr(ctl, "\nAll else has its default: agent.json(5). agentctl config --show prints this as one file.",
                "\n其余均为默认值：agent.json(5)。agentctl config --show 将其显示为一个文件。"));
    return 0;
}
