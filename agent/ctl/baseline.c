/* agentctl baseline: keeps what is open in a file, and shows what is different since. */
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "common/baseline.h"
#include "common/memory.h"
#include "common/out_file.h"

#define OPEN_FINDINGS "/v1/findings?status=fail,error"

/* "container:web", as people name it. */
static char *subject_of(const struct json *finding)
{
    const struct json *subject = json_get(finding, "subject");

    return mem_printf("%s:%s", json_text(json_get(subject, "kind"), "-"), json_text(json_get(subject, "name"), "-"));
}

/* ---- save ---- */

struct saving {
    struct json_out *out;
    size_t count;
};

static bool save_one(struct ctl *ctl, const struct json *finding, void *user)
{
    struct saving *saving = user;
    scoped(cleanup_free) char *subject = subject_of(finding);

    (void)ctl;
    baseline_add(saving->out, &(struct baseline_finding){.uid = json_string(json_get(finding, "uid")),
                                                         .status = json_string(json_get(finding, "status")),
                                                         .rule = json_string(json_get(finding, "slug")),
                                                         .subject = subject,
                                                         .severity = json_string(json_get(finding, "severity"))});
    saving->count++;
    return true;
}

static int write_file(const struct ctl *ctl, const char *path, struct json_out *out)
{
    struct out_file file;
    struct error error = ERROR_INIT;
    size_t length;
    const char *text = json_out_text(out, &length);
    int r = out_file_open(&file, path, 0600, &error); /* it tells how the host can be attacked */

    if (r == 0) {
        (void)(out_file_write(&file, text, length) && out_file_write(&file, "\n", 1));
        r = out_file_close(&file, &error);
    }
    if (r < 0)
        ctl_complain_of(ctl, &error);
    return r < 0 ? EXIT_UNWRITTEN : 0;
}

static int save(struct ctl *ctl, const char *path)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped_str text = STR_INIT, query = STR_INIT;
    struct saving saving = {.out = out};
    const struct json *root;
    int r = ctl_get(ctl, "/v1/status", NULL, &doc, &text);

    if (r)
        return r;
    root = json_root(doc);
    baseline_begin(out, clock_now(&clock_system), json_string(json_get(root, "host")),
                   json_string(json_get(root, "machine")), json_string(json_path(root, "benchmark", "name", NULL)));
    str_append(&query, OPEN_FINDINGS);
    r = ctl_each_finding(ctl, &query, NULL, save_one, &saving);
    baseline_end(out);
    if (r == 0)
        r = write_file(ctl, path, out);
    if (r == 0 && !str_equal(path, "-"))
        printf(tr(ctl, "%zu open findings kept\n", "已记录 %zu 个未解决的检查结果\n"), saving.count);
    return r;
}

/* ---- diff ---- */

struct comparing {
    const struct baseline *baseline;
    struct map *open; /* uids that are open now */
    size_t added, known;
};

static void print_change(const struct ctl *ctl, char sign, const char *rule, const char *status, const char *subject)
{
    scoped_str line = STR_INIT;

    str_printf(&line, "%c ", sign);
    fit_escape(&line, rule);
    str_printf(&line, " %s ", ctl_word(ctl, status));
    fit_escape(&line, subject);
    puts(str_text(&line));
}

static bool compare_one(struct ctl *ctl, const struct json *finding, void *user)
{
    struct comparing *comparing = user;
    const char *uid = json_text(json_get(finding, "uid"), ""), *status = json_string(json_get(finding, "status"));
    scoped(cleanup_free) char *subject = subject_of(finding);

    map_set(comparing->open, uid, comparing);
    if (!baseline_is_new(comparing->baseline, uid, status)) {
        comparing->known++;
        return true;
    }
    comparing->added++;
    print_change(ctl, '+', json_string(json_get(finding, "slug")), status, subject);
    return true;
}

static size_t print_gone(const struct ctl *ctl, const struct comparing *comparing)
{
    size_t count = 0;

    for (size_t i = 0; i < baseline_count(comparing->baseline); i++) {
        struct baseline_finding finding = baseline_at(comparing->baseline, i);

        if (!baseline_status(comparing->baseline, finding.uid) || map_get(comparing->open, finding.uid))
            continue;
        count++;
        print_change(ctl, '-', finding.rule ? finding.rule : finding.uid, finding.status,
                     finding.subject ? finding.subject : "-");
    }
    return count;
}

static int diff(struct ctl *ctl, const char *path)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;
    scoped(cleanup_map) struct map *open = map_new(NULL);
    struct comparing comparing = {.open = open};
    scoped_str query = STR_INIT;
    size_t gone;
    int r = ctl_read_baseline(ctl, path, &baseline);

    if (r)
        return r;
    comparing.baseline = baseline;
    str_append(&query, OPEN_FINDINGS);
    r = ctl_each_finding(ctl, &query, NULL, compare_one, &comparing);
    if (r)
        return r;
    gone = print_gone(ctl, &comparing);
    printf(tr(ctl, "%zu new, %zu gone, %zu as in the baseline\n", "新增 %zu 个，消失 %zu 个，与基线相同 %zu 个\n"),
           comparing.added, gone, comparing.known);
    return 0;
}

int ctl_baseline(struct ctl *ctl)
{
    ctl->json = false; /* it is text, or a file of its own */
    return str_equal(ctl->words[0], "save") ? save(ctl, ctl->words[1]) : diff(ctl, ctl->words[1]);
}
