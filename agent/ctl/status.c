/* agentctl status: one screen with the engine, the agent, its sinks, the score, the counts of each section, what ends
 * soon, and the worst findings; for programs rows of part, name and value. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/fit.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/when.h"

enum { WORST_SHOWN = 6, LABEL = 11 };

struct status {
    const struct ctl *ctl;
    const struct json *root;
    struct table *rows; /* for programs; NULL on a screen */
};

/* Appends "LABEL      TEXT", wrapped below itself; LABEL NULL: TEXT goes on below the one before. */
static void append_line(const struct status *status, const char *label, const char *text)
{
    const struct terminal *terminal = &status->ctl->terminal;
    scoped_str line = STR_INIT, out = STR_INIT;

    terminal_cell(terminal, &line, label ? label : "", LABEL, true);
    if (!label) {
        terminal_wrap(terminal, &out, text, LABEL, 0);
    } else {
        str_append(&line, text);
        terminal_wrap(terminal, &out, line.data, 0, LABEL);
    }
    fputs(out.data, stdout);
}

static void add_row(const struct status *status, const char *part, const char *name, const char *value)
{
    table_row(status->rows, (const struct table_cell[]){{part, MARK_NONE}, {name, MARK_NONE}, {value, MARK_NONE}});
}

static void add_number(const struct status *status, const char *part, const char *name, const struct json *object)
{
    scoped(cleanup_free) char *value = mem_printf("%lld", (long long)json_int(json_get(object, name), 0));

    add_row(status, part, name, value);
}

static void add_text(const struct status *status, const char *part, const char *name, const struct json *object)
{
    if (json_string(json_get(object, name)))
        add_row(status, part, name, json_string(json_get(object, name)));
}

/* "2026-11-24 09:30:00 (4 min)" */
static void append_since(const struct ctl *ctl, struct str *out, const char *text)
{
    static const struct {
        int64_t seconds;
        const char *word;
    } units[] = {{86400, N_("days")}, {3600, N_("h")}, {60, N_("min")}, {1, N_("s")}};
    char local[CLOCK_TEXT_SIZE];
    usec_t at = 0;
    int64_t ago;

    if (!text || clock_parse(text, &at) < 0) {
        str_append_char(out, '-');
        return;
    }
    ago = (clock_now(&clock_system) - at) / USEC_PER_SEC;
    str_append(out, when_format(at, local));
    for (size_t i = 0; i < countof(units); i++)
        if (ago >= (i ? 1 : 2) * units[i].seconds) {
            str_printf(out, tr(ctl, " (%lld %s)", "（%lld %s）"), (long long)(ago / units[i].seconds),
                       ctl_words(ctl, units[i].word));
            break;
        }
}

/* ---- Engine and agent ---- */

static void print_engine(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *engine = json_get(status->root, "engine"), *agent = json_get(status->root, "agent");
    const struct json *reasons = json_get(agent, "reasons");
    const char *state = json_text(json_get(agent, "state"), "-");
    scoped_str text = STR_INIT, label = STR_INIT;

    str_printf(&text, "%s  ", json_text(json_get(engine, "host"), "-"));
    if (json_bool(json_get(engine, "connected"), false))
        str_printf(&text, "%s%s", tr(ctl, "connected, version ", "已连接，版本 "),
                   json_text(json_get(engine, "version"), "-"));
    else
        str_printf(&text, "%s%s", tr(ctl, "NOT CONNECTED: ", "未连接："), json_text(json_get(engine, "why"), "-"));
    append_line(status, tr(ctl, "engine", "引擎"), text.data);
    terminal_cell(&ctl->terminal, &label, tr(ctl, "agent", "代理"), LABEL, true);
    terminal_mark(&ctl->terminal, &label, ctl_word(ctl, state), mark_of_status(state));
    str_clear(&text);
    append_since(ctl, &text, json_string(json_get(agent, "started")));
    printf("%s%s%s\n", label.data, tr(ctl, ", runs since ", "，启动于 "), text.data);
    for (size_t i = 0; i < json_count(reasons); i++)
        append_line(status, NULL, json_text(json_at(reasons, i), "-"));
}

static void add_engine(const struct status *status)
{
    const struct json *engine = json_get(status->root, "engine"), *agent = json_get(status->root, "agent");
    const struct json *reasons = json_get(agent, "reasons");

    add_text(status, "engine", "host", engine);
    add_row(status, "engine", "connected", json_bool(json_get(engine, "connected"), false) ? "true" : "false");
    add_text(status, "engine", "version", engine);
    add_text(status, "engine", "why", engine);
    add_text(status, "agent", "version", agent);
    add_text(status, "agent", "state", agent);
    add_text(status, "agent", "started", agent);
    for (size_t i = 0; i < json_count(reasons); i++)
        add_row(status, "agent", "reason", json_string(json_at(reasons, i)));
}

/* ---- Sinks ---- */

/* "syslog stuck, 312 waiting, 0 lost: tcp://siem.example:514", and the last error below it. */
static void print_sink(const struct status *status, const struct json *sink)
{
    const struct ctl *ctl = status->ctl;
    const char *comma = tr(ctl, ", ", "，"), *state = json_text(json_get(sink, "state"), "-");
    const char *type = json_text(json_get(sink, "type"), "-"), *address = json_string(json_get(sink, "address"));
    scoped_str text = STR_INIT;

    str_printf(&text, "%s %s%s%lld %s%s%lld %s", type, ctl_word(ctl, state), comma,
               (long long)json_int(json_get(sink, "pending"), 0), tr(ctl, "waiting", "条待发送"), comma,
               (long long)json_int(json_get(sink, "dropped"), 0), tr(ctl, "lost", "条丢失"));
    if (address && strcmp(address, type) != 0)
        str_printf(&text, "  %s", address);
    append_line(status, tr(ctl, "sink", "输出目标"), text.data);
    if (json_string(json_get(sink, "last_error")))
        append_line(status, NULL,
                    text_without_context(json_string(json_get(sink, "last_error")), address ? address : type));
}

static void show_sinks(const struct status *status)
{
    const struct json *sinks = json_get(status->root, "sinks");

    for (size_t i = 0; i < json_count(sinks); i++) {
        const struct json *sink = json_at(sinks, i);
        const char *address = json_text(json_get(sink, "address"), json_text(json_get(sink, "type"), "-"));
        scoped(cleanup_free) char *part = mem_printf("sink %s", address);

        if (!status->rows) {
            print_sink(status, sink);
            continue;
        }
        add_text(status, part, "type", sink);
        add_text(status, part, "state", sink);
        add_number(status, part, "sent", sink);
        add_number(status, part, "pending", sink);
        add_number(status, part, "dropped", sink);
        add_text(status, part, "last_error", sink);
    }
}

/* Findings of execs that ended since there were too many. */
static void show_execs(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *execs = json_get(status->root, "execs");
    int64_t dropped = json_int(json_get(execs, "dropped"), 0);
    scoped(cleanup_free) char *text = NULL;

    if (dropped <= 0)
        return;
    if (status->rows) {
        add_number(status, "execs", "dropped", execs);
        return;
    }
    text =
        mem_printf("%lld%s%lld%s", (long long)json_int(json_get(execs, "findings"), 0), tr(ctl, " findings, ", " 项，"),
                   (long long)dropped, tr(ctl, " older ones were dropped", " 项较旧的已丢弃"));
    append_line(status, tr(ctl, "execs", "exec 会话"), text);
}

/* ---- The score, and how it comes about ---- */

/* "dosec-1.0, profile level1: 40 rules outside of it" */
static void print_benchmark(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *profiles = json_get(status->root, "profile");
    int64_t outside = json_int(json_get(status->root, "rules_outside_profile"), 0);
    scoped_str text = STR_INIT;

    str_append(&text, json_text(json_path(status->root, "benchmark", "name", NULL), "-"));
    for (size_t i = 0; i < json_count(profiles); i++)
        str_printf(&text, "%s%s", i ? tr(ctl, ", ", "、") : tr(ctl, ", profile ", "，配置集 "),
                   json_text(json_at(profiles, i), "-"));
    if (outside > 0)
        str_printf(&text, tr(ctl, " (rules outside of it: %lld)", "（不在其中的规则：%lld 条）"), (long long)outside);
    append_line(status, tr(ctl, "benchmark", "基准"), text.data);
}

static void print_score(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *score = json_get(status->root, "score"), *summary = json_get(status->root, "summary");
    int64_t scored = json_int(json_get(status->root, "scored_rules"), 0);
    int64_t errors = json_int(json_path(summary, "rules", "error", NULL), 0);
    int64_t waived = json_int(json_get(summary, "waived"), 0);
    double value = json_double(score, 0);
    scoped_str text = STR_INIT;

    if (json_type(score) != JSON_NUMBER)
        str_append(&text, tr(ctl, "none yet: no scored rule passes or fails", "暂无：还没有计分规则得出结论"));
    else
        str_printf(&text,
                   tr(ctl, "%.0f/100: %lld of %lld scored rules pass, each of the same weight",
                      "%.0f/100：%lld / %lld 条计分规则通过，权重相同"),
                   value, (long long)(value * (double)scored / 100 + 0.5), (long long)scored);
    append_line(status, tr(ctl, "score", "得分"), text.data);
    append_line(status, NULL,
                tr(ctl,
                   "A rule fails by one failure that is not waived; rules that are n/a, manual or error do not count.",
                   "一条规则只要有一项未豁免的不通过即为不通过；不适用、需人工检查、错误的规则不计入。"));
    str_clear(&text);
    if (errors)
        str_printf(&text,
                   tr(ctl, "Rules that could not be evaluated: %lld (agentctl findings --status error).",
                      "无法评估的规则：%lld（agentctl findings --status error）。"),
                   (long long)errors);
    if (errors)
        append_line(status, NULL, text.data);
    str_clear(&text);
    if (waived)
        str_printf(&text,
                   tr(ctl,
                      "Waived failures: %lld (agentctl findings --waived true); without waivers the score is %.0f.",
                      "已豁免的不通过项：%lld（agentctl findings --waived true）；不计豁免时得分为 %.0f。"),
                   (long long)waived, json_double(json_get(status->root, "score_without_waivers"), value));
    if (waived)
        append_line(status, NULL, text.data);
    print_benchmark(status);
}

static void add_score(const struct status *status)
{
    const struct json *score = json_get(status->root, "score");
    scoped(cleanup_free) char *value = mem_printf("%.1f", json_double(score, 0));

    add_row(status, "score", "score", json_type(score) == JSON_NUMBER ? value : NULL);
    if (json_type(json_get(status->root, "score_without_waivers")) == JSON_NUMBER) {
        scoped(cleanup_free) char *other =
            mem_printf("%.1f", json_double(json_get(status->root, "score_without_waivers"), 0));

        add_row(status, "score", "without_waivers", other);
    }
    add_number(status, "score", "scored_rules", status->root);
    add_number(status, "score", "waived", json_get(status->root, "summary"));
    add_text(status, "benchmark", "name", json_get(status->root, "benchmark"));
}

static const char *const verdicts[] = {"pass", "fail", "manual", "not_applicable", "error"};

static void print_sections(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *sections = json_path(status->root, "summary", "sections", NULL);
    struct table_column columns[1 + countof(verdicts)] = {
        {"section", tr(ctl, "RULES BY SECTION", "各章规则"), TABLE_TEXT, TABLE_EVERYWHERE},
    };
    static const char *const headings[] = {"PASS", "FAIL", "MANUAL", "N/A", "ERROR"};
    scoped(cleanup_table) struct table *table = NULL;

    for (size_t k = 0; k < countof(verdicts); k++)
        columns[1 + k] = (struct table_column){verdicts[k], tr(ctl, headings[k], ctl_word(ctl, verdicts[k])),
                                               TABLE_NUMBER, TABLE_EVERYWHERE};
    table = table_new(&ctl->terminal, columns, countof(columns));
    for (size_t i = 0; i < json_count(sections); i++) {
        const struct json *section = json_at(sections, i);
        scoped(cleanup_free) char *name =
            mem_printf("%s  %s", json_text(json_get(section, "id"), "-"), json_text(json_get(section, "title"), "-"));
        struct table_cell cells[1 + countof(verdicts)] = {{name, MARK_NONE}};
        char counts[countof(verdicts)][24];

        for (size_t k = 0; k < countof(verdicts); k++) {
            int64_t count = json_int(json_get(section, verdicts[k]), 0);

            snprintf(counts[k], sizeof counts[k], "%lld", (long long)count);
            cells[1 + k] = (struct table_cell){counts[k], count > 0 ? mark_of_status(verdicts[k]) : MARK_NONE};
        }
        table_row(table, cells);
    }
    table_print(table);
    putchar('\n');
}

static void add_sections(const struct status *status)
{
    const struct json *sections = json_path(status->root, "summary", "sections", NULL);

    for (size_t i = 0; i < json_count(sections); i++) {
        const struct json *section = json_at(sections, i);
        scoped(cleanup_free) char *part = mem_printf("section %s", json_text(json_get(section, "id"), "-"));

        for (size_t k = 0; k < countof(verdicts); k++)
            add_number(status, part, verdicts[k], section);
    }
}

/* ---- Exceptions that count no more, never did, or will soon not: somebody should look after the list ---- */

/* What is to be said of an exception; NULL: nothing. TEXT has room for it. */
static const char *remark_of(const struct ctl *ctl, const struct json *item, bool is_waiver, struct str *text)
{
    enum { SOON_DAYS = 30 };
    const char *expires = json_string(json_get(item, "expires"));
    usec_t end = 0, now = clock_now(&clock_system);

    if (json_bool(json_get(item, "expired"), false))
        return tr(ctl, "has expired and no longer applies", "已过期，不再生效");
    if (json_int(json_get(item, "matches"), 0) <= 0)
        return is_waiver ? tr(ctl, "matches no failed finding", "未匹配任何不通过项")
                         : tr(ctl, "matches no manual finding", "未匹配任何需人工检查的项");
    if (!expires || clock_parse(expires, &end) < 0 || end - now > (usec_t)SOON_DAYS * 86400 * USEC_PER_SEC)
        return NULL;
    str_printf(text, tr(ctl, "ends on %.10s, in %lld days", "将于 %.10s 到期，还有 %lld 天"), expires,
               (long long)((end - now) / (86400 * USEC_PER_SEC)));
    return text->data;
}

static void show_exceptions(const struct status *status)
{
    static const char *const lists[] = {"waivers", "attestations"};
    const struct ctl *ctl = status->ctl;

    for (size_t l = 0; l < countof(lists); l++) {
        const struct json *list = json_get(status->root, lists[l]);

        for (size_t i = 0; i < json_count(list); i++) {
            const struct json *item = json_at(list, i);
            const char *by = json_string(json_get(item, "by")), *file = json_string(json_get(item, "file"));
            scoped_str soon = STR_INIT, text = STR_INIT;
            const char *remark = remark_of(ctl, item, !l, &soon);

            if (!remark)
                continue;
            str_printf(&text, "%s %s", json_text(json_get(item, "rule"), "-"),
                       json_text(json_get(item, "subject"), "-"));
            if (status->rows) {
                add_row(status, l ? "attestation" : "waiver", text.data, remark);
                continue;
            }
            str_printf(&text, " %s%s%s%s", remark, tr(ctl, " (", "（"), by ? by : "", by ? tr(ctl, ", ", "，") : "");
            str_printf(&text, tr(ctl, "%s%sline %lld)", "%s%s第 %lld 行）"), file ? file : "",
                       file ? tr(ctl, ", ", "，") : "", (long long)json_int(json_get(item, "line"), 0));
            append_line(status, l ? tr(ctl, "attested", "人工确认") : tr(ctl, "waiver", "豁免"), text.data);
        }
    }
}

/* What is not judged: the agent's own container by its name, all that an exclusion leaves out by its number. */
static void show_excluded(const struct status *status)
{
    enum { SHORT_ID = 12 };
    const struct ctl *ctl = status->ctl;
    const struct json *list = json_get(status->root, "excluded"), *exclusions = json_get(status->root, "exclude");

    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);
        const char *id = json_text(json_get(item, "id"), "-");
        scoped_str text = STR_INIT;

        if (!str_equal(json_string(json_get(item, "reason")), "the agent runs in it"))
            continue;
        ctl_append_subject(ctl, &text, item);
        if (status->rows) {
            add_row(status, "excluded", text.data, id);
            continue;
        }
        str_printf(&text, tr(ctl, " (%.*s): the agent runs in it", "（%.*s）：代理在其中运行"), SHORT_ID, id);
        append_line(status, tr(ctl, "excluded", "不检查"), text.data);
    }
    for (size_t i = 0; i < json_count(exclusions); i++) {
        const struct json *item = json_at(exclusions, i);
        const char *scope = json_text(json_get(item, "subject"), "-");
        int64_t matches = json_int(json_get(item, "matches"), 0);
        scoped(cleanup_free) char *text =
            mem_printf(matches == 1 ? tr(ctl, "%lld subject by %s", "%lld 个对象，依据 %s")
                                    : tr(ctl, "%lld subjects by %s", "%lld 个对象，依据 %s"),
                       (long long)matches, scope);

        if (status->rows) {
            scoped(cleanup_free) char *count = mem_printf("%lld", (long long)matches);

            add_row(status, "excluded", scope, count);
        } else {
            append_line(status, tr(ctl, "excluded", "不检查"), text);
        }
    }
}

/* What to type next: a line for each. */
static void print_hints(const struct status *status, const char *rule)
{
    const struct ctl *ctl = status->ctl;
    scoped_str safe = STR_INIT;

    fit_escape(&safe, rule);
    printf("%s agentctl explain %s\n", tr(ctl, "why, and how to fix it:", "原因和修复方法："), str_text(&safe));
    printf("%s agentctl findings    %s agentctl watch\n", tr(ctl, "all:", "全部："), tr(ctl, "live:", "实时："));
}

static void print_worst(const struct status *status)
{
    const struct ctl *ctl = status->ctl;
    const struct json *worst = json_get(status->root, "worst");
    scoped(cleanup_table) struct table *table = ctl_finding_table(ctl, NULL);
    scoped_str out = STR_INIT;

    if (!json_count(worst)) {
        puts(tr(ctl, "nothing fails", "没有不通过项"));
        return;
    }
    terminal_heading(&ctl->terminal, &out, tr(ctl, "worst findings", "最严重的问题"));
    fputs(out.data, stdout);
    for (size_t i = 0; i < json_count(worst) && i < WORST_SHOWN; i++)
        ctl_finding_row(ctl, table, NULL, json_at(worst, i));
    table_print(table);
    print_hints(status, json_text(json_get(json_at(worst, 0), "rule"), "RULE"));
}

int ctl_status(struct ctl *ctl)
{
    static const struct table_column columns[] = {
        {"part", "", TABLE_NAME, TABLE_RAW}, {"name", "", TABLE_NAME, TABLE_RAW}, {"value", "", TABLE_TEXT, TABLE_RAW}};
    scoped(cleanup_table) struct table *rows = table_new(&ctl->terminal, columns, countof(columns));
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct status status = {.ctl = ctl, .rows = terminal_is_screen(&ctl->terminal) ? NULL : rows};
    int r = ctl_ask(ctl, "/v1/status", NULL, &doc);

    if (r || !doc)
        return r;
    status.root = json_root(doc);
    if (status.rows)
        add_engine(&status);
    else
        print_engine(&status);
    show_sinks(&status);
    show_execs(&status);
    if (status.rows)
        add_score(&status);
    else
        print_score(&status);
    show_exceptions(&status);
    show_excluded(&status);
    if (status.rows) {
        add_sections(&status);
        table_print(rows);
        return 0;
    }
    putchar('\n');
    print_sections(&status);
    print_worst(&status);
    return 0;
}
