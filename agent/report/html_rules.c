/* Rules and their findings. A rule's findings are worst first, so that those of one class stand side by side. */
#include <string.h>

#include "agent/report/controls.h"
#include "agent/report/formats.h"
#include "agent/report/html.h"

struct range {
    size_t first, count;
};

unsigned html_count(const struct report_rule *rule, enum html_class class)
{
    switch (class) {
    case HTML_FAILED:
        return rule->counts[VERDICT_FAIL] - rule->waived;
    case HTML_ERRORS:
        return rule->counts[VERDICT_ERROR];
    case HTML_MANUAL:
        return rule->counts[VERDICT_MANUAL];
    case HTML_WAIVED:
        return rule->waived;
    case HTML_ATTESTED:
        return rule->attested;
    }
    return 0;
}

static struct range range_of(const struct report_rule *rule, enum html_class class)
{
    struct range range = {.count = html_count(rule, class)};

    for (unsigned i = 0; i < (unsigned)class; i++)
        range.first += html_count(rule, (enum html_class)i);
    return range;
}

static void write_meta(const struct report *report, const struct report_rule *rule, struct str *out)
{
    scoped_str controls = STR_INIT;

    controls_append(&controls, rule->rule);
    str_append(out, "<p class=\"meta\">");
    escape_markup(out, rule->rule->slug);
    str_printf(out, " · %s %d · %s", words(report->language, "level"), rule->rule->level,
               words(report->language, rule->rule->scored ? "scored" : "not scored"));
    if (controls.length) {
        str_append(out, " · ");
        escape_markup(out, controls.data);
    }
    str_append(out, "</p>\n");
}

static void write_text(const struct report *report, const char *title, const char *text, struct str *out)
{
    if (str_empty(text))
        return;
    str_printf(out, "<h4>%s</h4>\n<p>", words(report->language, title));
    escape_markup(out, text);
    str_append(out, "</p>\n");
}

static void write_waiver(const struct report *report, const struct waiver *waiver, struct str *out)
{
    scoped_str by = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    str_append(out, "<p class=\"waiver\">");
    escape_markup(out, waiver->reason);
    str_append(out, " <span class=\"muted\">— ");
    escape_markup(&by, waiver->by);
    if (waiver->expires)
        str_printf(out, words(report->language, "waived by %s until %s"), str_text(&by),
                   report_time(waiver->expires, at));
    else
        str_printf(out, words(report->language, "waived by %s, without an end"), str_text(&by));
    str_append(out, "</span></p>\n");
}

/* What the attestation says is in the evidence. */
static void write_attestation(const struct report *report, const struct attestation *attestation, struct str *out)
{
    scoped_str by = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    str_append(out, "<p class=\"waiver muted\">");
    escape_markup(&by, attestation->by);
    if (attestation->expires)
        str_printf(out, words(report->language, "attested by %s until %s"), str_text(&by),
                   report_time(attestation->expires, at));
    else
        str_printf(out, words(report->language, "attested by %s, without an end"), str_text(&by));
    str_append(out, "</p>\n");
}

static void write_finding(const struct report *report, const struct report_rule *rule,
                          const struct report_finding *finding, struct str *out)
{
    char at[CLOCK_TEXT_SIZE];

    str_append(out, "<li>");
    if (finding->since)
        str_printf(out, "<span class=\"since\">%s %s</span>", words(report->language, "since"),
                   report_time(finding->since, at));
    str_append(out, "<span class=\"who\"><span class=\"kind\">");
    escape_markup(out, report_kind_word(report, finding->kind));
    str_append(out, "</span>");
    escape_markup(out, finding->name);
    str_append(out, "</span><br>");
    escape_markup(out, finding->evidence);
    if (finding->remedy && !str_equal(finding->remedy, rule->remedy)) {
        str_append(out, "<pre>");
        escape_markup_lines(out, finding->remedy);
        str_append(out, "</pre>");
    }
    str_append(out, "\n");
    if (finding->waiver)
        write_waiver(report, finding->waiver, out);
    if (finding->attestation)
        write_attestation(report, finding->attestation, out);
    str_append(out, "</li>\n");
}

static bool write_findings(const struct report *report, const struct report_rule *rule, struct range range,
                           struct report_out *out)
{
    struct report_finding finding;

    str_append(&out->text, "<ul class=\"findings\">\n");
    for (size_t i = 0; i < range.count; i++) {
        report->finding(report, rule, range.first + i, &finding);
        write_finding(report, rule, &finding, &out->text);
        if (!report_out_go_on(out))
            return false;
    }
    str_append(&out->text, "</ul>\n");
    return true;
}

static void write_summary(const struct report *report, const struct report_rule *rule, size_t count, struct str *out)
{
    str_append(out, "<summary><span class=\"id\">");
    escape_markup(out, rule->rule->id ? rule->rule->id : "·");
    str_printf(out, "</span><span class=\"tag %s\">%s</span><span class=\"title\">",
               severity_name(rule->rule->severity), report_severity_word(report, rule->rule->severity));
    escape_markup(out, report_title(report, rule->rule));
    str_append(out, "</span>");
    if (count)
        str_printf(out, "<span class=\"count\">%zu</span>", count);
    str_append(out, "</summary>\n");
}

/* An error that no finding tells is the rule's own. */
static bool is_in_class(const struct report_rule *rule, enum html_class class, struct range *ret)
{
    *ret = range_of(rule, class);
    return ret->count || (class == HTML_ERRORS && rule->why);
}

static bool write_rule(const struct report *report, const struct report_rule *rule, enum html_class class,
                       struct range range, struct report_out *out)
{
    struct str *text = &out->text;
    bool go_on = true;

    str_printf(text, "<details%s>", class == HTML_WAIVED || class == HTML_ATTESTED ? "" : " open");
    write_summary(report, rule, range.count, text);
    str_append(text, "<div class=\"body\">\n");
    write_meta(report, rule, text);
    if (class == HTML_ERRORS && rule->why) {
        str_append(text, "<p>");
        escape_markup(text, rule->why);
        str_append(text, "</p>\n");
    }
    if (class == HTML_FAILED || class == HTML_MANUAL) {
        write_text(report, N_("Why it matters"), rule->rule->why[report->language], text);
        write_text(report, N_("What to do"), rule->remedy, text);
        write_text(report, N_("Impact of the change"), rule->rule->impact[report->language], text);
    }
    if (range.count)
        go_on = write_findings(report, rule, range, out);
    str_append(text, "</div></details>\n");
    return go_on && report_out_go_on(out);
}

bool html_write_rules(const struct report *report, enum html_class class, struct report_out *out)
{
    bool go_on = true;

    for (unsigned s = SEVERITY_COUNT; s-- > 0;)
        for (size_t i = 0; go_on && i < report->rule_count; i++) {
            const struct report_rule *rule = &report->rules[i];
            struct range range;

            if (rule->rule->severity == (enum severity)s && is_in_class(rule, class, &range))
                go_on = write_rule(report, rule, class, range, out);
        }
    return go_on;
}

void html_write_quiet_rules(const struct report *report, enum verdict status, const char *title, struct str *out)
{
    size_t count = 0;

    for (size_t i = 0; i < report->rule_count; i++)
        count += report->rules[i].status == status;
    if (!count)
        return;
    str_printf(out,
               "<details>\n<summary><span class=\"title\">%s</span><span class=\"count\">%zu %s</span></summary>\n"
               "<div class=\"quiet box\"><table>\n",
               words(report->language, title), count, words(report->language, "rules"));
    for (size_t i = 0; i < report->rule_count; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (rule->status != status)
            continue;
        str_append(out, "<tr><td>");
        escape_markup(out, rule->rule->id ? rule->rule->id : "·");
        str_append(out, "</td><td>");
        escape_markup(out, report_title(report, rule->rule));
        str_printf(out, "</td><td class=\"n muted\">%u</td></tr>\n", rule->counts[status]);
    }
    str_append(out, "</table></div></details>\n");
}
