/* agentctl rules, explain. */
#include <stdlib.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/memory.h"
#include "common/when.h"

static void print_rule(const struct ctl *ctl, struct str *out, const struct json *rule)
{
    const struct json *counts = json_get(rule, "counts");

    terminal_cell(out, json_string(json_get(rule, "rule")), 5, true);
    str_append_char(out, ' ');
    terminal_status(&ctl->terminal, out, json_text(json_get(rule, "status"), "off"), 14);
    str_append_char(out, ' ');
    terminal_status(&ctl->terminal, out, json_string(json_get(rule, "severity")), 8);
    str_printf(out, " %5lld ", (long long)json_int(json_get(counts, "fail"), 0));
    terminal_cell(out, json_string(json_get(rule, "title")), ctl->terminal.width > 60 ? ctl->terminal.width - 37 : 30,
                  false);
    str_append_char(out, '\n');
}

int ctl_rules(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;
    const struct json *rules;
    int r;

    if (ctl->json && ctl->section)
        return ctl_usage(
            ctl, "%s",
            tr(ctl, "--json prints the whole answer, without --section", "--json 输出全部内容，不能与 --section 同用"));
    r = ctl_ask(ctl, "/v1/rules", NULL, &doc);
    if (r || !doc)
        return r;
    str_printf(&out, "%-5s %-14s %-8s %5s %s\n", "rule", "status", "severity", "fails", "title");
    rules = json_get(json_root(doc), "rules");
    for (size_t i = 0; i < json_count(rules); i++)
        if (!ctl->section || str_equal(ctl->section, json_string(json_get(json_at(rules, i), "section"))))
            print_rule(ctl, &out, json_at(rules, i));
    fputs(str_text(&out), stdout);
    return 0;
}

static void print_text(const struct ctl *ctl, struct str *out, const char *heading, const struct json *text)
{
    if (str_empty(json_string(text)))
        return;
    str_append_char(out, '\n');
    terminal_heading(&ctl->terminal, out, heading);
    terminal_wrap(&ctl->terminal, out, json_string(text), 2);
}

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
static int print_acknowledgements(const struct ctl *ctl, const char *slug, struct str *out)
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
        terminal_wrap(&ctl->terminal, out, all.texts[i % ACKNOWLEDGEMENTS_SHOWN], 2);
        free(all.texts[i % ACKNOWLEDGEMENTS_SHOWN]);
    }
    if (first)
        str_printf(out, "%s agentctl history --rule agent-ack\n", tr(ctl, "More:", "更多结果："));
    return r;
}

int ctl_explain(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT, path = STR_INIT, encoded = STR_INIT;
    const struct json *root, *list;
    int r;

    client_parameter(&encoded, "r", ctl->words[0]);
    str_printf(&path, "/v1/rules/%s", encoded.data + 3);
    r = ctl_ask(ctl, path.data, NULL, &doc);
    if (r || !doc)
        return r;
    root = json_root(doc);
    print_rule(ctl, &out, root);
    print_text(ctl, &out, tr(ctl, "No verdict, because", "没有结论，因为"), json_get(root, "reason"));
    print_text(ctl, &out, tr(ctl, "Why", "为什么"), json_get(root, "why"));
    print_text(ctl, &out, tr(ctl, "What to do", "如何修复"), json_get(root, "remedy"));
    print_text(ctl, &out, tr(ctl, "Impact", "影响"), json_get(root, "impact"));
    list = json_get(root, "references");
    for (size_t i = 0; i < json_count(list); i++)
        if (i)
            terminal_wrap(&ctl->terminal, &out, json_string(json_at(list, i)), 2);
        else
            print_text(ctl, &out, tr(ctl, "References", "参考"), json_at(list, i));
    list = json_get(root, "findings");
    if (json_count(list)) {
        str_append_char(&out, '\n');
        terminal_heading(&ctl->terminal, &out, tr(ctl, "Findings", "结果"));
    }
    for (size_t i = 0; i < json_count(list); i++) {
        const char *remedy = json_string(json_get(json_at(list, i), "remedy"));

        ctl_print_finding(ctl, &out, 0, json_at(list, i));
        if (str_equal(json_string(json_get(json_at(list, i), "status")), "fail") && remedy)
            terminal_wrap(&ctl->terminal, &out, remedy, 6);
    }
    if (str_equal(json_string(json_get(root, "subject")), "exec"))
        r = print_acknowledgements(ctl, json_text(json_get(root, "slug"), ""), &out);
    if (json_string(json_get(root, "next")))
        str_printf(&out, "%s agentctl findings --all --rule %s\n", tr(ctl, "More:", "更多结果："), ctl->words[0]);
    fputs(str_text(&out), stdout);
    return r;
}
