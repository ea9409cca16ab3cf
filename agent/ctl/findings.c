/* agentctl findings, check: pages through /v1/findings. */
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "agent/ctl/groups.h"
#include "common/baseline.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

static void add_parameter(struct str *path, const char *key, const char *value)
{
    if (value)
        client_parameter(path, key, value);
}

/* The pages of an answer as one document, which begins and ends as a page does. */
struct joined {
    bool begun;
    size_t count;
};

static void print_json_page(struct joined *joined, const struct json *root, const struct str *text, bool more)
{
    const struct json *findings = json_get(root, "findings");
    const char *next = json_string(json_get(root, "next"));

    if (!joined->begun && !more) {
        ctl_print_json(str_text(text), text->length);
        return;
    }
    if (!joined->begun)
        fputs("{\"findings\":[", stdout);
    joined->begun = true;
    for (size_t i = 0; i < json_count(findings); i++) {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
        const char *finding;
        size_t length;

        json_out_value(out, NULL, json_at(findings, i));
        finding = json_out_text(out, &length);
        if (joined->count++)
            putchar(',');
        ctl_print_json(finding, length);
    }
    if (!more) {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

        json_out_string(out, NULL, next);
        printf("],\"last_seq\":%lld,\"next\":", (long long)json_int(json_get(root, "last_seq"), 0));
        ctl_print_json(json_out_text(out, NULL), strlen(json_out_text(out, NULL)));
        puts("}");
    }
}

/* See ctl_each_finding(); PRINTS: the pages are printed as one document, too. */
static int each_finding(struct ctl *ctl, const struct str *base, const char *limit, bool prints,
                        bool (*each)(struct ctl *ctl, const struct json *finding, void *user), void *user)
{
    scoped(ctl_pages_deinit) struct ctl_pages pages = {0};
    scoped(cleanup_free) char *left = mem_strdup(limit);
    size_t wanted = limit ? strtoul(limit, NULL, 10) : 0, seen = 0;
    struct joined joined = {0};
    bool more;
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
        findings = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(findings); i++)
            if (!each(ctl, json_at(findings, i), user))
                return EXIT_REFUSED;
        seen += json_count(findings);
        r = ctl_pages_turn(ctl, &pages, json_root(doc), json_count(findings));
        free(left); /* an answer may hold fewer than asked for: its bytes are limited */
        left = limit && seen < wanted ? mem_printf("%zu", wanted - seen) : NULL;
        more = r == 0 && pages.after && (!limit || left);
        if (prints)
            print_json_page(&joined, json_root(doc), &text, more);
    } while (more);
    return r;
}

int ctl_each_finding(struct ctl *ctl, const struct str *base, const char *limit,
                     bool (*each)(struct ctl *ctl, const struct json *finding, void *user), void *user)
{
    return each_finding(ctl, base, limit, false, each, user);
}

/* Where findings go: rows for programs and with --flat, else groups. */
struct found {
    struct table *rows;
    struct groups *groups;
    size_t count;
};

static void found_deinit(struct found *found)
{
    table_free(found->rows);
    groups_free(found->groups);
}

/* "agentctl findings --all --rule ", for the rest of a group. */
static char *more_of(const struct ctl *ctl, bool by_subject)
{
    const struct {
        const char *name, *value;
    } given[] = {{"status", ctl->status}, {"severity", ctl->severity}, {"subject", ctl->subject}, {"kind", ctl->kind}};
    scoped_str command = STR_INIT;

    str_printf(&command, "agentctl findings%s", ctl->all ? " --all" : "");
    for (size_t i = 0; i < countof(given); i++)
        if (given[i].value) {
            str_printf(&command, " --%s ", given[i].name);
            text_shell_quote(&command, given[i].value);
        }
    str_append(&command, by_subject ? " --by subject --subject " : " --rule ");
    return str_steal(&command);
}

static struct found found_new(const struct ctl *ctl)
{
    enum { SHOWN = 5 };
    bool by_subject = str_equal(ctl->by, "subject");
    scoped(cleanup_free) char *more = more_of(ctl, by_subject);

    if (ctl->flat || !terminal_is_screen(&ctl->terminal))
        return (struct found){.rows = ctl_finding_table(ctl, NULL)};
    return (struct found){
        .groups =
            groups_new(ctl, by_subject, more,
                       ctl->rule || (by_subject && ctl->subject) || ctl->terminal.output == OUTPUT_WIDE ? 0 : SHOWN)};
}

static bool add_found(struct ctl *ctl, const struct json *finding, void *user)
{
    struct found *found = user;

    found->count++;
    if (ctl->json)
        return true;
    if (found->rows) {
        ctl_finding_row(ctl, found->rows, NULL, finding);
        return true;
    }
    if (groups_add(found->groups, finding))
        return true;
    ctl_complain("%s", tr(ctl, "there are too many findings for a screen; choose some, for example with --rule",
                          "结果太多，无法在屏幕上显示；请筛选，例如使用 --rule"));
    return false;
}

static void print_found(const struct ctl *ctl, struct found *found)
{
    if (ctl->json)
        return;
    if (found->rows)
        table_print(found->rows);
    else
        groups_print(found->groups);
}

/* Nothing was found: does a subject of that name exist at all? Returns the exit status. */
static int explain_subject(const struct ctl *ctl)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str path = STR_INIT, text = STR_INIT, part = STR_INIT, quoted = STR_INIT;
    int r;

    str_append(&path, "/v1/findings?limit=1");
    add_parameter(&path, "subject", ctl->subject);
    r = ctl_get(ctl, path.data, NULL, &doc, &text);
    if (r || json_count(json_get(json_root(doc), "findings")))
        return r;
    if (strpbrk(ctl->subject, "*?")) {
        ctl_complain(tr(ctl, "no subject has a name like \"%s\"", "没有名称匹配 \"%s\" 的对象"), ctl->subject);
        return 0;
    }
    str_printf(&part, "*%s*", ctl->subject);
    text_shell_quote(&quoted, part.data);
    ctl_complain(tr(ctl, "no subject has the name or id \"%s\"; for part of a name: --subject %s",
                    "没有名称或 id 为 \"%s\" 的对象；若只是名称的一部分：--subject %s"),
                 ctl->subject, quoted.data);
    return 0;
}

int ctl_findings(struct ctl *ctl)
{
    scoped(found_deinit) struct found found = {0};
    scoped_str path = STR_INIT;
    int r;

    if (ctl->word_count && ctl->rule)
        return ctl_usage(
            ctl, "%s",
            tr(ctl, "findings takes one rule: as a word or as --rule", "findings 只接受一条规则：作为参数或 --rule"));
    if (ctl->word_count)
        ctl->rule = ctl->words[0];
    found = found_new(ctl);
    str_append(&path, "/v1/findings");
    add_parameter(&path, "rule", ctl->rule);
    add_parameter(&path, "section", ctl->section);
    add_parameter(&path, "status", ctl->status ? ctl->status : ctl->all ? NULL : "fail,error");
    add_parameter(&path, "severity", ctl->severity);
    add_parameter(&path, "level", ctl->level);
    add_parameter(&path, "subject", ctl->subject);
    add_parameter(&path, "kind", ctl->kind);
    add_parameter(&path, "waived", ctl->waived);
    r = each_finding(ctl, &path, ctl->limit, ctl->json, add_found, &found);
    if (r)
        return r;
    print_found(ctl, &found);
    if (!found.count && terminal_is_screen(&ctl->terminal))
        puts(tr(ctl, "no matching findings", "没有符合条件的结果"));
    return found.count || !ctl->subject || ctl->json ? 0 : explain_subject(ctl);
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
    struct found found;
    struct json_out *json; /* with --json what counts: an array is open in it; else NULL */
    size_t failures, errors;
    struct baseline *baseline; /* NULL: everything counts */
};

/* Is it to count, as far as the baseline goes? */
static bool is_new(const struct tally *tally, const struct json *finding)
{
    return !tally->baseline || baseline_is_new(tally->baseline, json_text(json_get(finding, "uid"), ""),
                                               json_string(json_get(finding, "status")));
}

static bool add_counted(struct ctl *ctl, const struct json *finding, struct tally *tally)
{
    if (!tally->json)
        return add_found(ctl, finding, &tally->found);
    json_out_value(tally->json, NULL, finding);
    return true;
}

static bool count_failure(struct ctl *ctl, const struct json *finding, void *user)
{
    struct tally *tally = user;

    if (!is_new(tally, finding))
        return true;
    if (str_equal(json_string(json_get(finding, "status")), "error")) {
        tally->errors++;
        return !(tally->json && ctl->fail_on_error) || add_counted(ctl, finding, tally);
    }
    if (severity_rank(json_string(json_get(finding, "severity"))) < severity_rank(ctl->fail_on))
        return true;
    tally->failures++;
    return add_counted(ctl, finding, tally);
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
        fit_escape(&safe, json_string(json_at(reasons, i)));
    }
    if (safe.length)
        ctl_complain("%s", safe.data);
    return scanned ? 0 : EXIT_REFUSED;
}

static int count_failures(struct ctl *ctl, struct tally *tally)
{
    scoped_str path = STR_INIT;
    int r;

    str_append(&path, "/v1/findings?status=fail,error&waived=false");
    add_parameter(&path, "rule", ctl->rule);
    add_parameter(&path, "section", ctl->section);
    add_parameter(&path, "severity", ctl->severity);
    add_parameter(&path, "level", ctl->level);
    tally->found = found_new(ctl);
    r = ctl_each_finding(ctl, &path, NULL, count_failure, tally);
    if (r == 0)
        print_found(ctl, &tally->found);
    found_deinit(&tally->found);
    return r;
}

static bool has_failed(const struct ctl *ctl, const struct tally *tally)
{
    return tally->failures || (ctl->fail_on_error && tally->errors);
}

/* What counts and the verdict as one document; what does not count is in that of agentctl findings. */
static int count_as_json(struct ctl *ctl, struct tally *tally)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;
    size_t length;
    int r;

    json_out_object(out, NULL);
    json_out_array(out, "findings");
    tally->json = out;
    r = count_failures(ctl, tally);
    tally->json = NULL;
    if (r)
        return r;
    json_out_end_array(out);
    json_out_string(out, "fail_on", ctl->fail_on);
    json_out_int(out, "failures", (int64_t)tally->failures);
    json_out_int(out, "errors", (int64_t)tally->errors);
    json_out_bool(out, "failed", has_failed(ctl, tally));
    json_out_end_object(out);
    text = json_out_text(out, &length);
    ctl_print_json(text, length);
    putchar('\n');
    return 0;
}

/* A report beside the verdict. */
static int write_report(struct ctl *ctl)
{
    if (!ctl->format)
        return 0;
    if (!ctl->file || str_equal(ctl->file, "-"))
        return ctl_usage(ctl, "%s", tr(ctl, "--format requires --output FILE", "--format 需要 --output FILE"));
    return ctl_report(ctl);
}

int ctl_check(struct ctl *ctl)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;
    struct tally tally = {0};
    int r = ctl->new_only ? ctl_read_baseline(ctl, ctl->new_only, &baseline) : 0;

    if (!ctl->fail_on)
        ctl->fail_on = "high";
    if (r == 0)
        r = refuse_unscanned(ctl);
    if (r == 0)
        r = write_report(ctl);
    if (r)
        return r;
    tally.baseline = baseline;
    r = ctl->json ? count_as_json(ctl, &tally) : count_failures(ctl, &tally);
    if (r == 0 && !ctl->json) /* rows alone for programs: the verdict is beside them */
        fprintf(terminal_is_screen(&ctl->terminal) ? stdout : stderr,
                tr(ctl, "unwaived failures at %s or above: %zu\n", "未豁免的不通过项（级别不低于%s）：%zu\n"),
                ctl_word(ctl, ctl->fail_on), tally.failures);
    if (r == 0 && tally.errors)
        ctl_complain("%zu %s", tally.errors,
                     tr(ctl, "findings could not be evaluated: agentctl findings --status error",
                        "项无法评估：agentctl findings --status error"));
    return r ? r : has_failed(ctl, &tally) ? EXIT_FOUND : 0;
}
