/* agentctl waive: failures that are known and accepted, in conf.d/waivers.json. Nothing is written that the agent would
 * refuse. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/run_program.h"
#include "agent/ctl/table.h"
#include "agent/ctl/waive_trial.h"
#include "agent/ctl/waivers_file.h"
#include "common/account.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"

#define CONFIG_FOLDER "/etc/docker-bench-agent"

static const char *config_of(const struct ctl *ctl)
{
    return ctl->config ? ctl->config : CONFIG_FOLDER "/agent.json";
}

static int fail(const struct ctl *ctl, const struct error *error)
{
    ctl_complain_of(ctl, error);
    return EXIT_REFUSED;
}

/* ---- What was typed ---- */

/* "5.4, 5.5" without its blanks. The caller frees. */
static char *rules_of(const char *typed)
{
    scoped_str rules = STR_INIT;

    for (; *typed; typed++)
        if (*typed != ' ')
            str_append_char(&rules, *typed);
    return str_steal(&rules);
}

/* A day counts until its end, UTC. */
static bool is_future(const char *until)
{
    scoped(cleanup_free) char *full =
        strlen(until) == strlen("2026-12-31") ? mem_printf("%sT23:59:59Z", until) : mem_strdup(until);
    usec_t at = 0;

    return clock_parse(full, &at) == 0 && at > clock_now(&clock_system);
}

static bool until_is_valid(const struct ctl *ctl)
{
    if (!ctl->until || !(str_equal(ctl->until, "never") || is_future(ctl->until))) {
        options_usage(ctl->program, ctl->zh, "%s",
                      tr(ctl, "waive requires --until with a day to come (2027-01-31), an RFC 3339 time, or never",
                         "waive 需要 --until：将来的日期（2027-01-31）、RFC 3339 时间或 never"));
        return false;
    }
    if (!str_empty(ctl->reason))
        return true;
    options_usage(ctl->program, ctl->zh, "%s",
                  tr(ctl, "waive requires --reason, in quotes", "waive 需要 --reason，请加引号"));
    return false;
}

/* Who typed it: the user behind sudo, else this one. */
static void who(const struct ctl *ctl, struct str *ret)
{
    const char *sudo = getenv("SUDO_USER");
    struct account account = {.name = ""};

    if (ctl->by)
        str_append(ret, ctl->by);
    else if (!str_empty(sudo))
        str_append(ret, sudo);
    else if (account_find_uid(getuid(), &account))
        str_append(ret, account.name);
    else
        str_printf(ret, "uid %u", (unsigned)getuid());
}

/* ---- Writing ---- */

/* The unit of the agent that has CONFIG; the caller frees. NULL: another one. */
static char *unit_of(const char *config)
{
    static const char instances[] = CONFIG_FOLDER "/instances/";
    const char *name;
    size_t length;

    if (strcmp(config, CONFIG_FOLDER "/agent.json") == 0)
        return mem_strdup("docker-bench-agent.service");
    if (!str_starts(config, instances))
        return NULL;
    name = config + strlen(instances);
    length = strcspn(name, "/");
    return length && strcmp(name + length, "/agent.json") == 0
               ? mem_printf("docker-bench-agent@%.*s.service", (int)length, name)
               : NULL;
}

/* The agent is asked to read it, where systemd runs it. */
static int reload(const struct ctl *ctl)
{
    scoped(cleanup_free) char *unit = unit_of(config_of(ctl));
    const char *const active[] = {"systemctl", "--quiet", "is-active", unit, NULL};
    const char *const reload[] = {"systemctl", "reload", unit, NULL};
    scoped_str said = STR_INIT, why = STR_INIT;
    struct error error = ERROR_INIT;
    int r;

    if (!unit || access("/run/systemd/system", F_OK) < 0 || run_program(active, &said, &error) != 0) {
        puts(tr(ctl, "It counts when the agent has read it: kill -HUP its process, or start it.",
                "代理读取后生效：向其进程发送 kill -HUP，或启动它。"));
        return 0;
    }
    str_clear(&said);
    r = run_program(reload, &said, &error);
    if (r == 0)
        return 0;
    if (r < 0)
        words_render(&why, error.message, ctl->zh ? LANGUAGE_ZH : LANGUAGE_EN, 0);
    ctl_complain(tr(ctl, "written, but systemctl reload %s has failed: %s", "已写入，但 systemctl reload %s 失败：%s"),
                 unit, r < 0 ? str_text(&why) : str_text(&said));
    return EXIT_REFUSED;
}

/* Lines of SAID: all where it REFUSED, else what is about this file. */
static void print_said(const struct ctl *ctl, const struct str *said, bool refused, const char *path)
{
    scoped(cleanup_free) char *copy = mem_strdup(str_text(said));
    char *rest = copy, *line;

    while ((line = strsep(&rest, "\n")))
        if (*line && (refused || (str_starts(line, ctl_words(ctl, "warning: ")) && strstr(line, path))))
            ctl_complain("%s", line);
}

static int write_checked(const struct ctl *ctl, struct waivers_file *file, const struct str *text)
{
    scoped_str said = STR_INIT;
    struct error error = ERROR_INIT;
    int r = waive_trial(config_of(ctl), text, ctl->zh, &said, &error);

    if (r < 0)
        return fail(ctl, &error);
    print_said(ctl, &said, r != 0, waivers_file_path(file));
    if (r != 0) {
        ctl_complain(tr(ctl, "%s was not changed", "%s 未更改"), waivers_file_path(file));
        return EXIT_USAGE;
    }
    return waivers_file_write(file, text, &error) < 0 ? fail(ctl, &error) : 0;
}

static void say(const char *what, const char *rule, const char *subject, const char *path)
{
    scoped_str text = STR_INIT, safe = STR_INIT;

    str_printf(&text, "%s %s %s: %s", what, rule, subject, path);
    text_escape(&safe, str_text(&text), text.length, 0);
    puts(str_text(&safe));
}

static int add(const struct ctl *ctl, struct waivers_file *file, const char *rule, const char *subject)
{
    scoped_str text = STR_INIT, by = STR_INIT;
    struct waiver_entry entry = {.rule = rule, .subject = subject, .reason = ctl->reason};
    bool replaced;
    int r;

    who(ctl, &by);
    entry.by = str_text(&by);
    entry.expires = str_equal(ctl->until, "never") ? NULL : ctl->until;
    replaced = waivers_file_with(file, &entry, &text);
    r = write_checked(ctl, file, &text);
    if (r == 0)
        say(replaced ? tr(ctl, "waiver changed:", "豁免已更改：") : tr(ctl, "waived:", "已豁免："), rule, subject,
            waivers_file_path(file));
    return r;
}

static int take_away(const struct ctl *ctl, struct waivers_file *file, const char *rule, const char *subject)
{
    scoped_str text = STR_INIT;
    int r;

    if (!waivers_file_without(file, rule, subject, &text)) {
        ctl_complain(tr(ctl, "%s has no waiver of %s for %s; agentctl waive --list shows all of them and their files",
                        "%s 中没有 %s 对 %s 的豁免；agentctl waive --list 显示全部豁免及其文件"),
                     waivers_file_path(file), rule, subject);
        return EXIT_USAGE;
    }
    r = write_checked(ctl, file, &text);
    if (r == 0)
        say(tr(ctl, "no longer waived:", "不再豁免："), rule, subject, waivers_file_path(file));
    return r;
}

static int change(struct ctl *ctl)
{
    scoped(cleanup_free) char *folder = waive_folder(config_of(ctl)), *rule = rules_of(ctl->words[0]);
    scoped(cleanup_waivers_file) struct waivers_file *file = NULL;
    struct error error = ERROR_INIT;
    int r;

    if (waivers_file_open(folder, &file, &error) < 0)
        return fail(ctl, &error);
    r = ctl->remove ? take_away(ctl, file, rule, ctl->words[1]) : add(ctl, file, rule, ctl->words[1]);
    return r ? r : reload(ctl);
}

/* ---- Listing ---- */

static void add_waiver(const struct ctl *ctl, struct table *table, const struct json *waiver)
{
    enum { DAY = 10 }; /* of an RFC 3339 time */
    bool expired = json_bool(json_get(waiver, "expired"), false);
    const char *expires = json_string(json_get(waiver, "expires"));
    scoped_str until = STR_INIT, covers = STR_INIT, place = STR_INIT;

    if (expires)
        str_append_n(&until, expires, strnlen(expires, DAY));
    else
        str_append(&until, tr(ctl, "never", "永久"));
    if (expired)
        str_append(&until, tr(ctl, " (expired)", "（已过期）"));
    str_printf(&covers, "%lld", (long long)json_int(json_get(waiver, "matches"), 0));
    str_printf(&place, "%s:%lld", json_text(json_get(waiver, "file"), "-"),
               (long long)json_int(json_get(waiver, "line"), 0));
    table_row(table, (struct table_cell[]){{json_string(json_get(waiver, "rule")), MARK_NONE},
                                           {json_string(json_get(waiver, "subject")), MARK_NONE},
                                           {str_text(&until), MARK_NONE},
                                           {str_text(&covers), MARK_NONE},
                                           {json_string(json_get(waiver, "by")), MARK_NONE},
                                           {json_string(json_get(waiver, "reason")), MARK_NONE},
                                           {str_text(&place), MARK_NONE}});
}

static int list(const struct ctl *ctl)
{
    const struct table_column columns[] = {
        {"rule", tr(ctl, "RULE", "规则"), TABLE_NAME, TABLE_EVERYWHERE},
        {"subject", tr(ctl, "SUBJECT", "检查对象"), TABLE_NAME, TABLE_EVERYWHERE},
        {"until", tr(ctl, "UNTIL", "截止"), TABLE_WORD, TABLE_EVERYWHERE},
        {"covers", tr(ctl, "COVERS", "覆盖"), TABLE_NUMBER, TABLE_EVERYWHERE},
        {"by", tr(ctl, "BY", "批准人"), TABLE_NAME, TABLE_EVERYWHERE},
        {"reason", tr(ctl, "REASON", "原因"), TABLE_TEXT, TABLE_EVERYWHERE},
        {"file", tr(ctl, "FILE", "文件"), TABLE_NAME, TABLE_DETAIL},
    };
    scoped(cleanup_table) struct table *table = NULL;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *waivers;
    int r = ctl_ask(ctl, "/v1/status", NULL, &doc);

    if (r || !doc)
        return r;
    waivers = json_get(json_root(doc), "waivers");
    table = table_new(&ctl->terminal, columns, countof(columns));
    for (size_t i = 0; i < json_count(waivers); i++)
        add_waiver(ctl, table, json_at(waivers, i));
    table_print(table);
    if (!json_count(waivers) && terminal_is_screen(&ctl->terminal))
        puts(tr(ctl, "no waivers", "没有豁免"));
    return 0;
}

int ctl_waive(struct ctl *ctl)
{
    if (ctl->list)
        return ctl->word_count ? options_usage(ctl->program, ctl->zh, "%s",
                                               tr(ctl, "waive --list takes no argument", "waive --list 不带参数"))
                               : list(ctl);
    if (ctl->word_count != 2)
        return options_usage(
            ctl->program, ctl->zh, "%s",
            tr(ctl, "waive requires a rule and a subject, or --list", "waive 需要规则和对象，或 --list"));
    if (!ctl->remove && !until_is_valid(ctl))
        return EXIT_USAGE;
    return change(ctl);
}
