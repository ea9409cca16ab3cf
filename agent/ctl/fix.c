/* agentctl fix: asks for what fails and is not waived, and writes a script of what commands can do about it. It runs
 * nothing. */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/ctl/client.h"
#include "agent/ctl/fix.h"
#include "common/memory.h"
#include "common/text.h"

static int add_findings(struct ctl *ctl, struct fix_plan *plan)
{
    const char *const filters[][2] = {{"rule", ctl->rule},
                                      {"section", ctl->section},
                                      {"severity", ctl->severity},
                                      {"subject", ctl->subject},
                                      {"kind", ctl->kind}};
    scoped(ctl_pages_deinit) struct ctl_pages pages = {0};
    int r;

    do {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped_str path = STR_INIT, text = STR_INIT;
        const struct json *findings;

        str_append(&path, "/v1/findings?status=fail&waived=false");
        for (size_t i = 0; i < countof(filters); i++)
            if (filters[i][1])
                client_parameter(&path, filters[i][0], filters[i][1]);
        if (pages.after)
            client_parameter(&path, "after", pages.after);
        r = ctl_get(ctl, path.data, NULL, &doc, &text);
        if (r)
            return r;
        findings = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(findings); i++)
            fix_plan_add(plan, json_at(findings, i));
        r = ctl_pages_turn(ctl, &pages, json_root(doc), json_count(findings));
    } while (r == 0 && pages.after);
    return r;
}

static int name_plan(const struct ctl *ctl, struct fix_plan *plan)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT, host = STR_INIT;
    const char *name;
    char stamp[32];
    uint32_t chance = 0; /* two plans of one second are not one */
    time_t now = time(NULL);
    struct tm parts;
    int r = ctl_get(ctl, "/v1/status", NULL, &doc, &text);

    if (r)
        return r;
    name = json_text(json_get(json_root(doc), "host"), "this host");
    text_escape(&host, name, strlen(name), 0);
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance || !gmtime_r(&now, &parts) ||
        !strftime(stamp, sizeof stamp, "fix-%Y%m%dT%H%M%SZ", &parts))
        return EXIT_REFUSED;
    plan->id = mem_printf("%s-%08" PRIx32, stamp, chance);
    plan->host = mem_strdup(str_text(&host));
    return 0;
}

int ctl_fix(struct ctl *ctl)
{
    struct fix_plan plan = {.all = ctl->all};
    scoped_str out = STR_INIT;
    int r;

    if (!ctl->print)
        return ctl_usage(ctl, "%s",
                         tr(ctl, "fix changes nothing by itself: --print writes a script to be read and run",
                            "fix 本身不做任何更改：--print 会写出供阅读和运行的脚本"));
    r = name_plan(ctl, &plan);
    if (r == 0)
        r = add_findings(ctl, &plan);
    if (r == 0) {
        fix_plan_finish(&plan);
        (str_equal(ctl->format, "ansible") ? fix_print_ansible : fix_print_sh)(ctl, &plan, &out);
        fputs(str_text(&out), stdout);
    }
    fix_plan_deinit(&plan);
    return r;
}
