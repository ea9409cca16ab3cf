/* Controls as a line of text. */
#include "agent/report/controls.h"

static void append_list(struct str *out, const char *name, const struct string_list *list)
{
    if (!list->count)
        return;
    str_printf(out, "%s%s ", out->length ? "; " : "", name);
    for (size_t i = 0; i < list->count; i++)
        str_printf(out, "%s%s", i ? ", " : "", list->items[i]);
}

void controls_append(struct str *out, const struct rule *rule)
{
    scoped_str text = STR_INIT;

    append_list(&text, "CIS Controls v8", &rule->cis_controls);
    append_list(&text, "NIST SP 800-53", &rule->nist_controls);
    str_append(out, str_text(&text));
}
