/* agentctl history: transitions of some span of time, as they are received. */
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/when.h"

/* TEXT, which the command line's check has taken (NULL: not given), as PARAMETER. */
static void add_time(struct str *path, const char *text, usec_t now, const char *parameter, usec_t *ret)
{
    char formatted[CLOCK_TEXT_SIZE];

    if (text && when_parse(text, now, ret) == 0)
        client_parameter(path, parameter, clock_format(*ret, formatted));
}

int ctl_refuse_span(const struct ctl *ctl, const char *since, const char *until)
{
    return ctl_usage(ctl,
                     tr(ctl, "the end of the span of time, \"%.64s\", must be later than its beginning, \"%.64s\"",
                        "时间范围的终点 \"%.64s\" 必须晚于起点 \"%.64s\""),
                     until, since);
}

void ctl_add_filters(const struct ctl *ctl, struct str *path)
{
    const struct {
        const char *name, *value;
    } parameters[] = {{"rule", ctl->rule},     {"section", ctl->section}, {"severity", ctl->severity},
                      {"status", ctl->status}, {"subject", ctl->subject}, {"kind", ctl->kind},
                      {"waived", ctl->waived}, {"limit", ctl->limit},     {"lang", ctl_language(ctl)}};

    for (size_t i = 0; i < countof(parameters); i++)
        if (parameters[i].value)
            client_parameter(path, parameters[i].name, parameters[i].value);
}

int ctl_events_path(const struct ctl *ctl, const char *since, const char *until, struct str *path)
{
    usec_t now = clock_now(&clock_system), from = 0, to = 0;

    str_append(path, "/v1/events");
    add_time(path, since, now, "since_time", &from);
    add_time(path, until, now, "until_time", &to);
    ctl_add_filters(ctl, path);
    return since && until && to <= from ? ctl_refuse_span(ctl, since, until) : 0;
}

enum {
    TIME,
    RULE,
    PREVIOUS,
    STATUS,
    KIND,
    NAME,
    SUBJECT,
    EVIDENCE,
    SEVERITY,
    SLUG,
    TITLE,
    CAUSE,
    WAIVED,
    COLUMN_COUNT,
};

static struct table *transition_table(const struct ctl *ctl)
{
    const struct table_column columns[] = {
        [TIME] = {"time", tr(ctl, "TIME", "时间"), TABLE_WORD, TABLE_EVERYWHERE},
        [RULE] = {"rule", tr(ctl, "RULE", "规则"), TABLE_NAME, TABLE_EVERYWHERE},
        [SLUG] = {"slug", tr(ctl, "SLUG", "短名"), TABLE_NAME, TABLE_DETAIL},
        [SEVERITY] = {"severity", tr(ctl, "SEVERITY", "级别"), TABLE_WORD, TABLE_DETAIL},
        [PREVIOUS] = {"previous", tr(ctl, "FROM", "原结论"), TABLE_WORD, TABLE_EVERYWHERE},
        [STATUS] = {"status", tr(ctl, "TO", "新结论"), TABLE_WORD, TABLE_EVERYWHERE},
        [KIND] = {"kind", "", TABLE_WORD, TABLE_RAW},
        [NAME] = {"subject", "", TABLE_NAME, TABLE_RAW},
        [SUBJECT] = {"", tr(ctl, "SUBJECT", "对象"), TABLE_NAME, TABLE_SCREEN},
        [TITLE] = {"title", tr(ctl, "TITLE", "标题"), TABLE_TEXT, TABLE_DETAIL},
        [EVIDENCE] = {"evidence", tr(ctl, "EVIDENCE", "依据"), TABLE_TEXT, TABLE_EVERYWHERE},
        [CAUSE] = {"cause", tr(ctl, "CAUSE", "起因"), TABLE_NAME, TABLE_DETAIL},
        [WAIVED] = {"waived", "", TABLE_TEXT, TABLE_RAW},
    };

    return table_new(&ctl->terminal, columns, countof(columns));
}

static void add_transition(const struct ctl *ctl, struct table *table, const struct json *root)
{
    const char *severity = json_string(json_get(root, "severity")), *status = json_string(json_get(root, "status"));
    const char *new = json_type(json_get(root, "entry")) == JSON_OBJECT ? NULL : N_("new");
    const char *previous = json_text(json_get(root, "previous"), new);
    const struct json *subject = json_get(root, "subject");
    bool waived = ctl_is_waived(root), fails = str_equal(status, "fail") && !waived;
    const char *shown = terminal_is_screen(&ctl->terminal) && waived ? N_("waived") : status;
    char local[CLOCK_TEXT_SIZE];
    scoped_str name = STR_INIT;
    usec_t at = 0;

    clock_parse(json_text(json_get(root, "at"), ""), &at);
    ctl_append_subject(ctl, &name, subject);
    table_row(table, (const struct table_cell[COLUMN_COUNT]){
                         [TIME] = {when_format(at, local), MARK_NONE},
                         [RULE] = {json_string(json_get(root, "rule")), MARK_NONE},
                         [SLUG] = {json_string(json_get(root, "slug")), MARK_NONE},
                         [SEVERITY] = {severity ? ctl_word(ctl, severity) : NULL,
                                       fails ? mark_of_severity(severity) : MARK_NONE},
                         [PREVIOUS] = {previous ? ctl_word(ctl, previous) : NULL, MARK_NONE},
                         [STATUS] = {ctl_word(ctl, shown), fails ? mark_of_severity(severity) : mark_of_status(shown)},
                         [KIND] = {json_string(json_get(subject, "kind")), MARK_NONE},
                         [NAME] = {json_string(json_get(subject, "name")), MARK_NONE},
                         [SUBJECT] = {name.data, MARK_NONE},
                         [TITLE] = {json_string(json_get(root, "title")), MARK_NONE},
                         [EVIDENCE] = {json_string(json_get(root, "evidence")), MARK_NONE},
                         [CAUSE] = {json_string(json_get(root, "cause")), MARK_NONE},
                         [WAIVED] = {json_string(json_path(root, "waived", "reason", NULL)), MARK_NONE},
                     });
}

bool ctl_print_beginning(const struct ctl *ctl, const struct json *line, const char *since)
{
    char local[CLOCK_TEXT_SIZE];
    usec_t from, oldest;

    if (when_parse(since, clock_now(&clock_system), &from) < 0 ||
        clock_parse(json_text(json_path(line, "hello", "oldest_time", NULL), ""), &oldest) < 0 || oldest <= from)
        return false;
    ctl_complain("%s %s", tr(ctl, "the history begins at", "历史记录始于"), when_format(oldest, local));
    return true;
}

bool ctl_print_failure(const struct ctl *ctl, const struct json *line)
{
    const char *why = json_string(json_get(line, "error"));

    if (!why)
        return false;
    ctl_complain(tr(ctl, "the history cannot be read: %s", "无法读取历史记录：%s"), why);
    return true;
}

struct printed {
    const struct ctl *ctl;
    struct table *table;
    const char *since; /* as typed; NULL: it was not */
    size_t count;
    bool failed;
};

static bool print_line(const char *line, size_t length, void *user)
{
    struct printed *printed = user;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root;

    if (printed->ctl->json) {
        ctl_print_json(line, length);
        putchar('\n');
        return !ferror(stdout);
    }
    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return true;
    root = json_root(doc);
    if (json_get(root, "hello")) {
        if (printed->since)
            ctl_print_beginning(printed->ctl, root, printed->since);
        return true;
    }
    if (json_get(root, "lost")) {
        ctl_complain("%lld %s", (long long)json_int(json_get(root, "lost"), 0),
                     tr(printed->ctl, "older transitions are not kept any more", "条较早的变化已不再保留"));
        return true;
    }
    if (ctl_print_failure(printed->ctl, root)) {
        printed->failed = true;
        return true;
    }
    printed->count++;
    add_transition(printed->ctl, printed->table, root);
    return !ferror(stdout);
}

struct lines {
    bool (*line)(const char *line, size_t length, void *user);
    void *user;
    uint64_t count, max; /* MAX: as the first line says */
    bool endless;
};

/* The first line says what there is: no more lines of that are taken, and some of what comes while it is sent. */
static uint64_t announced(const char *line, size_t length)
{
    enum { BESIDE = 65536, LINES_MAX = 100000000 };
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int64_t first, last;

    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return BESIDE;
    first = json_int(json_path(json_root(doc), "hello", "oldest_seq", NULL), 0);
    last = json_int(json_path(json_root(doc), "hello", "last_seq", NULL), 0);
    return first <= 0 || last < first  ? BESIDE
           : last - first >= LINES_MAX ? LINES_MAX
                                       : (uint64_t)(last - first) + BESIDE;
}

static bool take_line(const char *line, size_t length, void *user)
{
    struct lines *lines = user;

    if (!lines->count)
        lines->max = announced(line, length);
    if (++lines->count > lines->max) {
        lines->endless = true;
        return false;
    }
    return lines->line(line, length, lines->user);
}

int ctl_stream_events(const struct ctl *ctl, const char *path,
                      bool (*line)(const char *line, size_t length, void *user), void *user)
{
    struct lines lines = {.line = line, .user = user};
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;

    if (client_stream(ctl->socket, path, false, take_line, &lines, &status, &text, &error) < 0)
        return ctl_unreachable(ctl, &error);
    if (lines.endless) {
        ctl_complain("%s",
                     tr(ctl, "the agent's answer is longer than its first line says", "代理的回答比其首行所述更长"));
        return EXIT_REFUSED;
    }
    return status == 200 ? 0 : ctl_refused(ctl, status, &text);
}

int ctl_history(struct ctl *ctl)
{
    struct printed printed = {.ctl = ctl, .since = ctl->since};
    scoped_str path = STR_INIT;
    scoped(cleanup_table) struct table *table = transition_table(ctl);
    int r = ctl_events_path(ctl, ctl->since || ctl->until ? ctl->since : "1d", ctl->until, &path);

    printed.table = table;
    if (r == 0)
        r = ctl_stream_events(ctl, path.data, print_line, &printed);
    if (!ctl->json && r == 0)
        table_print(table);
    if (r == 0 && printed.failed)
        return EXIT_REFUSED;
    if (r == 0 && !printed.count && !ctl->json)
        fputs(tr(ctl, "no matching transitions\n", "没有符合条件的变化\n"), stderr);
    return r;
}
