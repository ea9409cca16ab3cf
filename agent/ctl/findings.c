/* agentctl findings, check: pages through /v1/findings. */
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/memory.h"

static void add_parameter(struct str *path, const char *key, const char *value)
{
    if (value)
        client_parameter(path, key, value);
}

/* Calls EACH for every finding of every page, LIMIT of them at most (NULL: all). With --json prints the pages, too. */
static int each_finding(struct ctl *ctl, const struct str *base, const char *limit,
                        void (*each)(struct ctl *ctl, const struct json *finding, void *user), void *user)
{
    scoped(ctl_pages_deinit) struct ctl_pages pages = {0};
    scoped(cleanup_free) char *left = mem_strdup(limit);
    size_t wanted = limit ? strtoul(limit, NULL, 10) : 0, seen = 0;
    int r;

    do {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped_str text = STR_INIT, path = STR_INIT;
        const struct json *findings;

        str_append(&path, str_text(base));
        add_parameter(&path, "limit", left);
        add_parameter(&path, "after", pages.after);
        r = ctl_get(ctl, path.data, NULL, &doc, &text);
        if (r)
            return r;
        if (ctl->json)
            ctl_print_json(str_text(&text), text.length);
        findings = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(findings); i++)
            each(ctl, json_at(findings, i), user);
        seen += json_count(findings);
        r = ctl_pages_turn(&pages, json_root(doc), json_count(findings));
        free(left); /* an answer may hold fewer than asked for: its bytes are limited */
        left = limit && seen < wanted ? mem_printf("%zu", wanted - seen) : NULL;
    } while (pages.after && (!limit || left));
    return r;
}

static void print_one(struct ctl *ctl, const struct json *finding, void *user)
{
    size_t *count = user;
    scoped_str out = STR_INIT;

    ++*count;
    if (ctl->json)
        return;
    ctl_print_finding(ctl, &out, 0, finding);
    fputs(str_text(&out), stdout);
}

int ctl_findings(struct ctl *ctl)
{
    scoped_str path = STR_INIT;
    size_t count = 0;
    int r;

    if (ctl->word_count && ctl->rule)
        return ctl_usage(
            ctl, "%s",
            tr(ctl, "findings takes one rule: as a word or as --rule", "findings 只接受一条规则：作为参数或 --rule"));
    str_append(&path, "/v1/findings");
    add_parameter(&path, "rule", ctl->word_count ? ctl->words[0] : ctl->rule);
    add_parameter(&path, "section", ctl->section);
    add_parameter(&path, "status", ctl->status ? ctl->status : ctl->all ? NULL : "fail,error");
    add_parameter(&path, "severity", ctl->severity);
    add_parameter(&path, "subject", ctl->subject);
    add_parameter(&path, "kind", ctl->kind);
    add_parameter(&path, "waived", ctl->waived);
    r = each_finding(ctl, &path, ctl->limit, print_one, &count);
    if (r == 0 && !count && !ctl->json)
        puts(tr(ctl, "no matching findings", "没有符合条件的结果"));
    return r;
}

static int severity_rank(const char *severity)
{
    static const char *const names[] = {"low", "medium", "high", "critical"};

    for (int i = 0; i < (int)countof(names); i++)
        if (str_equal(names[i], severity))
            return i;
    return -1;
}

struct tally {
    size_t failures, errors;
};

static void count_failure(struct ctl *ctl, const struct json *finding, void *user)
{
    struct tally *tally = user;

    if (str_equal(json_string(json_get(finding, "status")), "error"))
        tally->errors++;
    else if (severity_rank(json_string(json_get(finding, "severity"))) >= severity_rank(ctl->fail_on))
        print_one(ctl, finding, &tally->failures);
}

/* Before the first scan nothing fails because nothing was evaluated: that is not an answer. */
static int refuse_unscanned(struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT, safe = STR_INIT;
    const struct json *reasons;
    bool scanned;
    int r = ctl_get(ctl, "/v1/status", NULL, &doc, &text);

    if (r)
        return r;
    scanned = json_type(json_path(json_root(doc), "scan", "duration_ms", NULL)) == JSON_NUMBER;
    reasons = json_path(json_root(doc), "agent", "reasons", NULL);
    for (size_t i = 0; i < json_count(reasons); i++) {
        str_append(&safe, i ? "; " : "");
        terminal_cell(&safe, json_string(json_at(reasons, i)), 0, false);
    }
    if (safe.length)
        ctl_complain("%s", safe.data);
    return scanned ? 0 : EXIT_REFUSED;
}

int ctl_check(struct ctl *ctl)
{
    scoped_str path = STR_INIT;
    struct tally tally = {0};
    int r;

    if (!ctl->fail_on)
        ctl->fail_on = "high";
    r = refuse_unscanned(ctl);
    if (r)
        return r;
    str_append(&path, "/v1/findings?status=fail,error&waived=false");
    r = each_finding(ctl, &path, NULL, count_failure, &tally);
    if (r == 0 && !ctl->json)
        printf("%zu %s %s\n", tally.failures, tr(ctl, "unwaived failures at or above", "项未豁免的失败，级别不低于"),
               ctl->fail_on);
    if (r == 0 && tally.errors)
        ctl_complain("%zu %s", tally.errors,
                     tr(ctl, "findings could not be evaluated: agentctl findings --status error",
                        "项无法评估：agentctl findings --status error"));
    return r ? r : tally.failures ? EXIT_FOUND : 0;
}
