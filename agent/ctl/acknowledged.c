/* Findings of execs that somebody has acknowledged, as the history has them. */
#include <stdlib.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/memory.h"
#include "common/when.h"

enum { ACKNOWLEDGEMENTS_SHOWN = 50 };

/* Of a rule: the newest ones. */
struct acknowledgements {
    const char *slug;
    size_t count;                        /* of all */
    char *texts[ACKNOWLEDGEMENTS_SHOWN]; /* the one of number N is at N modulo their number */
};

static bool note_acknowledgement(const char *line, size_t length, void *user)
{
    struct acknowledgements *all = user;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *rules;
    char local[CLOCK_TEXT_SIZE];
    usec_t at = 0;

    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return true;
    rules = json_path(json_root(doc), "entry", "rules", NULL);
    for (size_t i = 0; i < json_count(rules); i++) {
        char **text = &all->texts[all->count % ACKNOWLEDGEMENTS_SHOWN];

        if (!str_equal(json_string(json_at(rules, i)), all->slug))
            continue;
        clock_parse(json_text(json_get(json_root(doc), "at"), ""), &at);
        free(*text);
        *text = mem_printf("%s %s", when_format(at, local), json_text(json_get(json_root(doc), "evidence"), ""));
        all->count++;
    }
    return true;
}

/* Findings that somebody has acknowledged, of the last 90 days. */
int ctl_print_acknowledged(const struct ctl *ctl, const char *slug, struct str *out)
{
    struct acknowledgements all = {.slug = slug};
    char since[CLOCK_TEXT_SIZE];
    scoped_str path = STR_INIT;
    size_t first;
    int r;

    str_append(&path, "/v1/events?rule=agent-ack");
    client_parameter(&path, "since_time",
                     clock_format(clock_now(&clock_system) - INT64_C(90) * 86400 * USEC_PER_SEC, since));
    r = ctl_stream_events(ctl, path.data, note_acknowledgement, &all);
    if (all.count) {
        str_append_char(out, '\n');
        terminal_heading(&ctl->terminal, out, tr(ctl, "Acknowledged", "已确认"));
    }
    first = all.count > ACKNOWLEDGEMENTS_SHOWN ? all.count - ACKNOWLEDGEMENTS_SHOWN : 0;
    for (size_t i = first; i < all.count; i++) {
        terminal_wrap(&ctl->terminal, out, all.texts[i % ACKNOWLEDGEMENTS_SHOWN], 2, 2);
        free(all.texts[i % ACKNOWLEDGEMENTS_SHOWN]);
    }
    if (first)
        str_printf(out, "%s agentctl history --rule agent-ack\n", tr(ctl, "More:", "更多结果："));
    return r;
}
