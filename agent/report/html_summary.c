/* The head of the page: what the report is of, the score, the counts. */
#include "agent/report/html.h"

void html_word(struct str *out, const struct report *report, const char *word)
{
    str_append(out, words(report->language, word));
}

static void add_entry(struct str *out, const struct report *report, const char *word, const struct str *value)
{
    if (!value->length)
        return;
    str_append(out, "<dt>");
    html_word(out, report, word);
    str_printf(out, "</dt><dd>%s</dd>\n", str_text(value));
}

static void add_text(struct str *out, const struct report *report, const char *word, const char *text)
{
    scoped_str value = STR_INIT;

    if (str_empty(text))
        return;
    escape_markup(&value, text);
    add_entry(out, report, word, &value);
}

static void add_engine(struct str *out, const struct report *report)
{
    scoped_str value = STR_INIT;

    if (report->engine_version) {
        escape_markup(&value, report->engine_version);
        str_append(&value, " <span class=\"muted\">");
        escape_markup(&value, report->engine_address);
        str_append(&value, "</span>");
    } else {
        escape_markup(&value, report->engine_address);
    }
    if (report->engine_why) {
        str_append(&value, " <span class=\"t-expired\">");
        html_word(&value, report, N_("not connected"));
        str_append(&value, ": ");
        escape_markup(&value, report->engine_why);
        str_append(&value, "</span>");
    }
    add_entry(out, report, N_("Engine"), &value);
}

static void add_scan(struct str *out, const struct report *report)
{
    scoped_str value = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    if (report->scan_ms < 0) {
        html_word(&value, report, N_("none is complete yet"));
    } else {
        str_printf(&value, "%s <span class=\"muted\">", report_time(report->scan_started, at));
        report_scan_words(report, &value);
        str_append(&value, "</span>");
    }
    add_entry(out, report, N_("Last full scan"), &value);
}

static void add_selection(struct str *out, const struct report *report)
{
    scoped_str value = STR_INIT;

    escape_markup(&value, report->selection     ? report->selection
                          : report->is_new_only ? ""
                                                : words(report->language, "all rules and findings"));
    if (report->is_new_only)
        str_printf(&value, "%s%s", value.length ? "; " : "",
                   words(report->language, "only what is new since the baseline"));
    add_entry(out, report, N_("Selection"), &value);
}

static void write_score(const struct report *report, struct str *out)
{
    const struct score *score = &report->score;

    str_append(out, "<div class=\"score\">");
    if (!score->counted) {
        str_append(out, "<p>");
        html_word(out, report, N_("no scored rule passes or fails"));
        str_append(out, "</p></div>\n");
        return;
    }
    str_printf(out, "<svg viewBox=\"0 0 36 36\" role=\"img\" aria-label=\"%s %.0f/100\">",
               words(report->language, "Score"), score->value);
    str_append(out, "<circle class=\"ring\" cx=\"18\" cy=\"18\" r=\"15.915\"/>");
    if (score->value > 0)
        str_printf(out,
                   "<circle class=\"arc\" cx=\"18\" cy=\"18\" r=\"15.915\" stroke-dasharray=\"%.1f 100\" "
                   "transform=\"rotate(-90 18 18)\"/>",
                   score->value);
    str_printf(out,
               "<text class=\"number\" x=\"18\" y=\"20.4\">%.0f</text><text class=\"of\" x=\"18\" y=\"25.4\">/ 100"
               "</text></svg>\n<p>",
               score->value);
    report_score_words(report, out);
    str_append(out, "</p>\n<p class=\"muted\">");
    report_unwaived_words(report, out);
    str_append(out, "</p></div>\n");
}

void html_write_head(const struct report *report, struct str *out)
{
    scoped_str value = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    str_append(out, "<header>\n<h1>");
    html_word(out, report, N_("Docker security report"));
    str_append(out, "</h1>\n<p class=\"muted\">");
    escape_markup(out, str_empty(report->host) ? report->engine_address : report->host);
    str_printf(out, " · %s</p>\n</header>\n<section class=\"card top\">\n<dl>\n", report_time(report->now, at));
    add_text(out, report, N_("Host"), report->host);
    add_engine(out, report);
    escape_markup(&value, report->benchmark_title);
    str_append(&value, " <span class=\"muted\">");
    escape_markup(&value, report->benchmark);
    str_append(&value, "</span>");
    add_entry(out, report, N_("Benchmark"), &value);
    add_scan(out, report);
    add_selection(out, report);
    add_text(out, report, N_("Machine ID"), report->machine);
    str_clear(&value);
    str_printf(&value, "docker-bench-agent %s", report->version);
    add_entry(out, report, N_("Agent"), &value);
    str_append(out, "</dl>\n");
    write_score(report, out);
    str_append(out, "</section>\n");
}

/* ---- Counts ---- */

static const enum verdict shown[] = {VERDICT_FAIL, VERDICT_ERROR, VERDICT_MANUAL, VERDICT_PASS, VERDICT_NOT_APPLICABLE};

static const char *class_of(enum verdict verdict)
{
    return verdict == VERDICT_NOT_APPLICABLE ? "na" : verdict_name(verdict);
}

static void add_number(struct str *out, enum verdict verdict, unsigned number)
{
    str_printf(out, "<td class=\"n %s%s\">%u</td>", class_of(verdict), number ? "" : " zero", number);
}

static void add_number_head(const struct report *report, enum verdict verdict, struct str *out)
{
    str_printf(out, "<th class=\"n %s\">%s</th>", class_of(verdict), report_status_word(report, verdict));
}

/* By severity: failures that count, the waived ones beside them. */
static void write_severities(const struct report *report, struct str *out)
{
    unsigned total[VERDICT_COUNT] = {0}, waived = 0;

    str_append(out, "<div class=\"card box\">\n<table class=\"counts\">\n<tr><th>");
    html_word(out, report, N_("Severity"));
    str_append(out, "</th>");
    for (size_t i = 0; i < countof(shown); i++) {
        add_number_head(report, shown[i], out);
        if (shown[i] == VERDICT_FAIL)
            str_printf(out, "<th class=\"n\">%s</th>", words(report->language, "waived"));
    }
    str_append(out, "</tr>\n");
    for (unsigned s = SEVERITY_COUNT; s-- > 0;) {
        str_printf(out, "<tr><td><span class=\"tag %s\">%s</span></td>", severity_name((enum severity)s),
                   report_severity_word(report, (enum severity)s));
        for (size_t i = 0; i < countof(shown); i++) {
            unsigned of_waived = shown[i] == VERDICT_FAIL ? report->waived[s] : 0;

            add_number(out, shown[i], report->findings[shown[i]][s] - of_waived);
            if (shown[i] == VERDICT_FAIL)
                add_number(out, VERDICT_FAIL, of_waived);
            total[shown[i]] += report->findings[shown[i]][s] - of_waived;
            waived += of_waived;
        }
        str_append(out, "</tr>\n");
    }
    str_printf(out, "<tr class=\"total\"><td>%s</td>", words(report->language, "Total"));
    for (size_t i = 0; i < countof(shown); i++) {
        add_number(out, shown[i], total[shown[i]]);
        if (shown[i] == VERDICT_FAIL)
            add_number(out, VERDICT_FAIL, waived);
    }
    str_append(out, "</tr>\n</table>\n</div>\n");
}

static void write_bar(const unsigned counts[VERDICT_COUNT], struct str *out)
{
    static const enum verdict order[] = {VERDICT_PASS, VERDICT_FAIL, VERDICT_ERROR, VERDICT_MANUAL,
                                         VERDICT_NOT_APPLICABLE};
    unsigned total = 0, before = 0;

    for (size_t i = 0; i < countof(order); i++)
        total += counts[order[i]];
    str_append(out, "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (size_t i = 0; total && i < countof(order); i++) {
        if (counts[order[i]])
            str_printf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"8\"/>", class_of(order[i]),
                       100.0 * before / total, 100.0 * counts[order[i]] / total);
        before += counts[order[i]];
    }
    str_append(out, "</svg>");
}

static void write_sections(const struct report *report, struct str *out)
{
    str_append(out, "<div class=\"card box\">\n<table class=\"counts sections\">\n<tr><th>");
    html_word(out, report, N_("Sections"));
    str_append(out, "</th><th class=\"wide\"></th>");
    for (size_t i = 0; i < countof(shown); i++)
        add_number_head(report, shown[i], out);
    str_append(out, "</tr>\n");
    for (size_t s = 0; s < report->section_count; s++) {
        str_append(out, "<tr><td>");
        escape_markup(out, report->sections[s].id);
        str_append(out, "&ensp;");
        escape_markup(out, report->sections[s].title);
        str_append(out, "</td><td class=\"wide\">");
        write_bar(report->sections[s].counts, out);
        str_append(out, "</td>");
        for (size_t i = 0; i < countof(shown); i++)
            add_number(out, shown[i], report->sections[s].counts[shown[i]]);
        str_append(out, "</tr>\n");
    }
    str_append(out, "</table>\n</div>\n<p class=\"key\">");
    for (size_t i = 0; i < countof(shown); i++)
        str_printf(out, "<span><svg viewBox=\"0 0 1 1\"><rect class=\"%s\" width=\"1\" height=\"1\"/></svg>%s</span>\n",
                   class_of(shown[i]), report_status_word(report, shown[i]));
    str_append(out, "</p>\n");
}

static void add_heading(const struct report *report, const char *title, const char *unit, struct str *out)
{
    str_printf(out, "<h2>%s <small>%s</small></h2>\n", words(report->language, title), words(report->language, unit));
}

void html_write_summary(const struct report *report, struct str *out)
{
    add_heading(report, N_("Summary"), N_("findings"), out);
    write_severities(report, out);
    add_heading(report, N_("Sections"), N_("rules"), out);
    write_sections(report, out);
}
