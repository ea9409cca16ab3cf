/* agentctl diff: what is different between two times. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/diff_state.h"
#include "common/memory.h"
#include "common/vec.h"
#include "common/when.h"

/* "-": nothing was counted then. */
static void append_score(const struct ctl *ctl, struct score score, struct str *out)
{
    if (score.counted)
        str_printf(out, "%.*f", terminal_is_screen(&ctl->terminal) ? 0 : 1, 100.0 * score.passed / score.counted);
    else
        str_append_char(out, '-');
}

/* WORD names the group, for programs in each row. */
static void print_finding(const struct diff *diff, const char *word, const struct json *finding)
{
    if (diff->json)
        json_out_value(diff->json, NULL, finding);
    else
        ctl_finding_row(diff->ctl, diff->table, word, finding);
}

/* The worst first, then by rule and subject. */
static int compare(const void *a, const void *b)
{
    const struct change *left = *(const struct change *const *)a, *right = *(const struct change *const *)b;
    int order = right->severity - left->severity;

    if (!order)
        order = strverscmp(left->rule, right->rule);
    return order ? order : strcmp(left->subject, right->subject);
}

/* WORD NULL: they are only counted. */
static size_t print_group(const struct diff *diff, const char *word, bool open_then, bool open_until)
{
    VEC(const struct change *) group = {0};
    size_t at = 0, count;
    const char *key;
    void *value;

    while (map_next(diff->changes, &at, &key, &value)) {
        const struct change *change = value;

        if (change->line && diff_is_open(change->then) == open_then && diff_is_open(change->until) == open_until)
            vec_push(&group, change);
    }
    count = group.count;
    if (count)
        qsort(group.items, count, sizeof group.items[0], compare);
    for (size_t i = 0; word && i < count; i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        if (json_parse(group.items[i]->line, strlen(group.items[i]->line), NULL, &doc, NULL) == 0)
            print_finding(diff, word, json_root(doc));
    }
    vec_free(&group);
    return count;
}

/* What is printed until the next heading are COUNT findings of a kind; for programs all is one table. */
static void begin_group(struct diff *diff, const char *en, const char *zh, size_t count)
{
    const struct ctl *ctl = diff->ctl;
    scoped_str out = STR_INIT, text = STR_INIT;

    if (!terminal_is_screen(&ctl->terminal))
        return;
    table_print(diff->table);
    table_free(diff->table);
    diff->table = ctl_finding_table(ctl, NULL);
    str_printf(&text, "%s%s%zu", tr(ctl, en, zh), tr(ctl, ": ", "："), count);
    terminal_heading(&ctl->terminal, &out, text.data);
    fputs(out.data, stdout);
}

/* Findings that are open now and have not changed since; the others are in the map. */
static int count_unchanged(struct diff *diff, bool print, size_t *ret)
{
    scoped(ctl_pages_deinit) struct ctl_pages pages = {0};
    size_t count = 0;
    int r;

    do {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped_str path = STR_INIT, text = STR_INIT;
        const struct json *findings;

        str_append(&path, "/v1/findings?status=fail,error&waived=false");
        if (pages.after)
            client_parameter(&path, "after", pages.after);
        r = ctl_get(diff->ctl, path.data, NULL, &doc, &text);
        if (r)
            return r;
        findings = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(findings); i++) {
            const struct json *finding = json_at(findings, i);
            scoped(cleanup_free) char *key = diff_key_of(finding);
            const struct change *change = map_get(diff->changes, key);

            if (change && (change->line || !diff_is_open(change->then)))
                continue;
            count++;
            if (print)
                print_finding(diff, "open", finding);
        }
        r = ctl_pages_turn(diff->ctl, &pages, json_root(doc), json_count(findings));
    } while (pages.after);
    *ret += count;
    return r;
}

static void print_scores(const struct diff *diff, struct score then, struct score until)
{
    const struct ctl *ctl = diff->ctl;
    bool screen = terminal_is_screen(&ctl->terminal);
    scoped_str text = STR_INIT;

    if (diff->began_later)
        then.counted = 0;
    append_score(ctl, then, &text);
    str_append(&text, !screen ? " " : ctl->terminal.ascii ? " -> " : " → ");
    append_score(ctl, until, &text);
    if (!screen)
        ctl_lead_row(diff->table, "score", text.data);
    table_print(diff->table);
    if (screen)
        printf("%s %s\n", tr(ctl, "score", "得分"), text.data);
}

static void write_score(const struct diff *diff, const char *key, struct score score, bool unknown)
{
    if (unknown || !score.counted)
        json_out_null(diff->json, key);
    else
        json_out_double(diff->json, key, 100.0 * score.passed / score.counted);
}

/* Findings are as /v1/findings has them; those that have changed as the last of their transitions. */
static int write_diff(struct diff *diff, usec_t since)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct score then = {0}, until = {0};
    size_t open = 0;
    int r = diff_read_scores(diff, &then, &until);

    if (r)
        return r;
    diff->json = out;
    json_out_object(out, NULL);
    json_out_time(out, "since", since);
    json_out_time(out, "until", diff->until);
    json_out_array(out, "opened");
    print_group(diff, "opened", false, true);
    json_out_end_array(out);
    json_out_array(out, "closed");
    print_group(diff, "closed", true, false);
    json_out_end_array(out);
    json_out_array(out, "open");
    print_group(diff, "open", true, true);
    r = count_unchanged(diff, true, &open);
    json_out_end_array(out);
    json_out_object(out, "score");
    write_score(diff, "since", then, diff->began_later);
    write_score(diff, "until", until, false);
    json_out_end_object(out);
    json_out_end_object(out);
    diff->json = NULL;
    if (r == 0)
        puts(json_out_text(out, NULL));
    return r;
}

static int print_diff(struct diff *diff)
{
    const struct ctl *ctl = diff->ctl;
    struct score then = {0}, until = {0};
    size_t open = 0;
    bool screen = terminal_is_screen(&ctl->terminal);
    int r = diff_read_scores(diff, &then, &until);

    if (r)
        return r;
    begin_group(diff, "opened", "新出现", print_group(diff, NULL, false, true));
    print_group(diff, "opened", false, true);
    begin_group(diff, "closed", "已解决", print_group(diff, NULL, true, false));
    print_group(diff, "closed", true, false);
    open = print_group(diff, NULL, true, true);
    r = screen ? count_unchanged(diff, false, &open) : 0;
    if (r)
        return r;
    begin_group(diff, "still open", "仍未解决", open);
    if (ctl->all || !screen) {
        print_group(diff, "open", true, true);
        r = count_unchanged(diff, true, &open);
    }
    if (r == 0)
        print_scores(diff, then, until);
    return r;
}

int ctl_diff(struct ctl *ctl)
{
    struct diff diff;
    const char *until = ctl->word_count > 1 ? ctl->words[1] : NULL;
    scoped_str path = STR_INIT;
    usec_t since = 0, end = 0;
    int r;

    r = ctl_events_path(ctl, ctl->words[0], NULL, &path);
    if (r)
        return r;
    if (until)
        when_parse(until, clock_now(&clock_system), &end);
    if (when_parse(ctl->words[0], clock_now(&clock_system), &since) == 0 && until && end <= since)
        return ctl_refuse_span(ctl, ctl->words[0], until);
    diff_init(&diff, ctl);
    diff.until = end;
    diff.table = ctl_finding_table(ctl, "change");
    r = ctl_stream_events(ctl, path.data, diff_take_line, &diff);
    if (r == 0 && diff.failed)
        r = EXIT_REFUSED;
    if (r == 0)
        r = ctl->json ? write_diff(&diff, since) : print_diff(&diff);
    diff_deinit(&diff);
    return r;
}
