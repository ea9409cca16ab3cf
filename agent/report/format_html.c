/* A report for people: one page that loads nothing and runs nothing, which its own security policy makes sure of
 * whatever a name in it holds. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "agent/report/formats.h"
#include "agent/report/html.h"

/* "sha256-…" of the style sheet, as Content Security Policy level 2 has it. */
static void append_style_hash(struct str *out)
{
    enum { BASE64 = 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1 };
    unsigned char hash[SHA256_DIGEST_LENGTH], text[BASE64];

    SHA256((const unsigned char *)html_style, strlen(html_style), hash);
    EVP_EncodeBlock(text, hash, sizeof hash);
    str_printf(out, "sha256-%s", (const char *)text);
}

static void write_beginning(const struct report *report, struct str *out)
{
    str_printf(out,
               "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '",
               report->language == LANGUAGE_ZH ? "zh-CN" : "en");
    append_style_hash(out);
    str_append(out, "'; base-uri 'none'; form-action 'none'\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"referrer\" content=\"no-referrer\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html_word(out, report, N_("Docker security report"));
    str_append(out, " · ");
    escape_markup(out, str_empty(report->host) ? report->engine_address : report->host);
    str_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n", html_style);
}

/* How many findings a class has, and rules that could not be judged at all. */
static unsigned count_of(const struct report *report, enum html_class class)
{
    unsigned count = 0;

    for (size_t i = 0; i < report->rule_count; i++)
        count += html_count(&report->rules[i], class) + (class == HTML_ERRORS && report->rules[i].why != NULL);
    return count;
}

/* NOTE: NULL is none. */
static bool write_class(const struct report *report, enum html_class class, const char *title, const char *note,
                        struct report_out *out)
{
    unsigned count = count_of(report, class);

    if (!count && class != HTML_FAILED)
        return true;
    str_printf(&out->text, "<section>\n<h2>%s <small>%u</small></h2>\n", words(report->language, title), count);
    if (!count)
        str_printf(&out->text, "<p class=\"muted\">%s</p>\n", words(report->language, "No rule fails."));
    else if (note != NULL)
        str_printf(&out->text, "<p class=\"muted\">%s</p>\n", words(report->language, note));
    if (!html_write_rules(report, class, out))
        return false;
    str_append(&out->text, "</section>\n");
    return true;
}

static void write_exception(const struct report *report, const struct report_exception *exception, struct str *out)
{
    char at[CLOCK_TEXT_SIZE];

    str_append(out, "<tr><td>");
    escape_markup(out, exception->rule);
    str_append(out, "</td><td>");
    escape_markup(out, exception->subject);
    str_append(out, "</td><td>");
    if (exception->status != VERDICT_NONE)
        str_printf(out, "<b>%s</b> ", report_status_word(report, exception->status));
    escape_markup(out, exception->reason);
    str_append(out, "</td><td>");
    escape_markup(out, exception->by);
    str_printf(out, "</td><td>%s",
               exception->expires ? report_time(exception->expires, at) : words(report->language, "no end"));
    if (exception->expired)
        str_printf(out, " <span class=\"tag t-expired\">%s</span>", words(report->language, "expired"));
    str_printf(out, "</td><td class=\"n\">%zu</td></tr>\n", exception->matches);
}

static void write_exceptions(const struct report *report, bool attestations, struct str *out)
{
    static const char *const heads[] = {N_("Rule"), N_("Subject"), N_("Reason"), N_("By"), N_("Until")};
    size_t count = 0;

    str_printf(out, "<h3>%s</h3>\n", words(report->language, attestations ? "Attestations" : "Waivers"));
    for (size_t i = 0; i < report->exception_count; i++)
        count += (report->exceptions[i].status != VERDICT_NONE) == attestations;
    if (!count) {
        str_printf(out, "<p class=\"muted\">%s</p>\n", words(report->language, "None."));
        return;
    }
    str_append(out, "<div class=\"card box\"><table class=\"exceptions\">\n<tr>");
    for (size_t i = 0; i < countof(heads); i++)
        str_printf(out, "<th>%s</th>", words(report->language, heads[i]));
    str_printf(out, "<th class=\"n\">%s</th></tr>\n", words(report->language, "Covers"));
    for (size_t i = 0; i < report->exception_count; i++)
        if ((report->exceptions[i].status != VERDICT_NONE) == attestations)
            write_exception(report, &report->exceptions[i], out);
    str_append(out, "</table></div>\n");
}

static void write_excluded(const struct report *report, struct str *out)
{
    if (!report->excluded_count)
        return;
    str_printf(out, "<h2>%s</h2>\n<div class=\"card box\"><table>\n", words(report->language, "Excluded"));
    for (size_t i = 0; i < report->excluded_count; i++) {
        str_append(out, "<tr><td>");
        escape_markup(out, report_kind_word(report, report->excluded[i].kind));
        str_append(out, "</td><td>");
        escape_markup(out, report->excluded[i].name);
        str_append(out, "</td><td>");
        escape_markup(out, report->excluded[i].reason);
        str_append(out, "</td></tr>\n");
    }
    str_append(out, "</table></div>\n");
}

static void write_end(const struct report *report, struct str *out)
{
    str_printf(out, "<h2>%s</h2>\n", words(report->language, "Waivers and attestations"));
    write_exceptions(report, false, out);
    write_exceptions(report, true, out);
    write_excluded(report, out);
    str_printf(out, "<h2>%s</h2>\n", words(report->language, "Passed"));
    html_write_quiet_rules(report, VERDICT_PASS, N_("Passed"), out);
    html_write_quiet_rules(report, VERDICT_NOT_APPLICABLE, N_("Not applicable"), out);
    str_printf(out, "<footer>\n<h3>%s</h3>\n<p>%s</p>\n</footer>\n</main>\n</body>\n</html>\n",
               words(report->language, "About this report"), report_score_how(report));
}

void report_write_html(const struct report *report, struct report_out *out)
{
    write_beginning(report, &out->text);
    html_write_head(report, &out->text);
    html_write_summary(report, &out->text);
    if (write_class(report, HTML_FAILED, N_("Failed"), NULL, out) &&
        write_class(report, HTML_ERRORS, N_("Could not be evaluated"),
                    N_("These are neither passed nor failed: what they depend on could not be read."), out) &&
        write_class(report, HTML_MANUAL, N_("For a person to judge"),
                    N_("The facts are here; the decision is yours. Record it as an attestation."), out) &&
        write_class(report, HTML_WAIVED, N_("Waived"), N_("These fail. Somebody accepted it for a time."), out) &&
        write_class(report, HTML_ATTESTED, N_("Attested"), N_("These pass because somebody vouches for it."), out))
        write_end(report, &out->text);
}
