/* What agentctl watch prints. A block begins with what happened to which subject and how much that changed; the worst
 * findings follow, and how to see the others. */
#include "agent/ctl/watch_print.h"

#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "common/text.h"

enum { SHOWN = 3, ALL_SHOWN = 4 }; /* findings of a block; up to so many all of them */
enum { INDENT = 10, RULE = 6, SEVERITY = 9, GAP = 3 };

/* What an event did to its subject: of the engine, and others. */
struct deed {
    const char *cause, *en, *zh;
};

static const struct deed engine_deeds[] = {
    {"container/create", "created", "已创建"},      {"container/start", "started", "已启动"},
    {"container/restart", "restarted", "已重启"},   {"container/die", "stopped", "已停止"},
    {"container/stop", "stopped", "已停止"},        {"container/kill", "stopped", "已停止"},
    {"container/destroy", "removed", "已删除"},     {"container/update", "updated", "已更新"},
    {"container/rename", "renamed", "已重命名"},    {"container/pause", "paused", "已暂停"},
    {"container/unpause", "resumed", "已恢复运行"}, {"image/pull", "pulled", "已拉取"},
    {"image/import", "imported", "已导入"},         {"image/load", "loaded", "已加载"},
    {"image/tag", "tagged", "已添加标签"},          {"image/untag", "untagged", "已移除标签"},
    {"image/delete", "removed", "已删除"},          {"network/create", "created", "已创建"},
    {"network/destroy", "removed", "已删除"},
};

static const struct deed other_deeds[] = {
    {"start", "at the agent's start", "（代理启动）"},
    {"scan", "by a scan", "（扫描）"},
    {"timer", "as time passed", "（时间推移）"},
    {"mounts", "after mounts changed", "（挂载变化）"},
    {"audit", "after audit rules changed", "（审计规则变化）"},
    {"reload", "after the configuration was read again", "（重新读取配置）"},
    {"ack", "after an acknowledgement", "（确认）"},
    {"engine:unreachable", "as the engine cannot be reached", "（无法连接引擎）"},
};

static const struct deed *find_deed(const struct deed *deeds, size_t count, const char *cause)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(deeds[i].cause, cause))
            return &deeds[i];
    return NULL;
}

/* " created"; of what happened to something else " (docker: image/delete)". */
static void append_deed(const struct ctl *ctl, const struct watch_block *block, struct str *out)
{
    const char *event = str_starts(block->cause, "docker:") ? block->cause + strlen("docker:") : NULL;
    const char *path = str_starts(block->cause, "inotify:") ? block->cause + strlen("inotify:") : NULL;
    size_t kind = strlen(block->kind);
    const struct deed *deed = NULL;

    if (event && strncmp(event, block->kind, kind) == 0 && event[kind] == '/')
        deed = find_deed(engine_deeds, countof(engine_deeds), event);
    else if (!event)
        deed = find_deed(other_deeds, countof(other_deeds), block->cause);
    if (deed)
        str_printf(out, "%s%s", ctl->zh && str_starts(deed->zh, "（") ? "" : " ", tr(ctl, deed->en, deed->zh));
    else if (path && str_equal(path, block->name))
        str_append(out, tr(ctl, " changed", " 已改变"));
    else if (path)
        str_printf(out, tr(ctl, " after %s changed", "（%s 已改变）"), path);
    else if (event)
        str_printf(out, tr(ctl, " after docker event %s", "（docker 事件 %s）"), event);
    else
        str_printf(out, tr(ctl, " (%s)", "（%s）"), block->cause);
}

static void append_part(const struct ctl *ctl, struct str *out, size_t count, const char *what)
{
    if (count)
        str_printf(out, "%s%zu %s", out->length ? tr(ctl, ", ", "，") : "", count, what);
}

/* "12 fail (1 critical, 3 high), 2 fixed" */
static void append_counts(const struct ctl *ctl, const struct watch_block *block, struct str *out)
{
    scoped_str worst = STR_INIT;

    append_part(ctl, &worst, block->fails[3], tr(ctl, "critical", "项严重"));
    append_part(ctl, &worst, block->fails[2], tr(ctl, "high", "项高"));
    append_part(ctl, out, block->counts[WATCH_FAILS], tr(ctl, "fail", "项不通过"));
    if (worst.length)
        str_printf(out, tr(ctl, " (%s)", "（%s）"), worst.data);
    append_part(ctl, out, block->counts[WATCH_ERROR], tr(ctl, "error", "项错误"));
    append_part(ctl, out, block->counts[WATCH_WAIVED], tr(ctl, "waived", "项已豁免"));
    append_part(ctl, out, block->counts[WATCH_FIXED], tr(ctl, "fixed", "项已修复"));
    append_part(ctl, out, block->counts[WATCH_CLOSED], tr(ctl, "closed", "项已关闭"));
    if (ctl->all)
        append_part(ctl, out, block->counts[WATCH_OTHER], tr(ctl, "other", "项其他"));
}

static void append_subject(const struct ctl *ctl, const struct watch_block *block, struct str *out)
{
    str_append(out, ctl_word(ctl, block->kind));
    if (strcmp(block->kind, block->name) != 0)
        str_printf(out, " %s", block->name);
}

/* An exec's evidence says which command ran where; "the exec is gone" does not. */
static const char *exec_evidence(const struct watch_block *block)
{
    const struct watch_item *worst = block->items.items;

    return strcmp(block->kind, "exec") == 0 && worst && worst->change <= WATCH_WAIVED ? worst->evidence : NULL;
}

/* CLOSED: so many findings ended with their subject; 0: not all of the block is that. */
static void append_head(const struct ctl *ctl, const struct watch_block *block, size_t closed, struct str *out)
{
    const char *evidence = exec_evidence(block);

    if (evidence) {
        str_append(out, evidence);
        return;
    }
    append_subject(ctl, block, out);
    append_deed(ctl, block, out);
    if (closed)
        str_printf(out,
                   closed == 1 ? tr(ctl, ": %zu finding closed", "：%zu 项检查结果已关闭")
                               : tr(ctl, ": %zu findings closed", "：%zu 项检查结果已关闭"),
                   closed);
}

static const char *status_word(const struct ctl *ctl, const struct watch_item *item)
{
    switch (item->change) {
    case WATCH_FAILS:
        return NULL;
    case WATCH_WAIVED:
        return tr(ctl, "waived", "已豁免");
    case WATCH_CLOSED:
        return tr(ctl, "closed", "已关闭");
    case WATCH_ERROR:
    case WATCH_FIXED:
    case WATCH_OTHER:
    case WATCH_CHANGE_COUNT:
        break;
    }
    return ctl_word(ctl, item->status);
}

/* A rule or status, escaped; whoever has sent it, a line keeps to its width. */
static void append_short(struct str *out, const char *text)
{
    enum { COLUMNS = 16 };
    scoped_str safe = STR_INIT;

    text_escape(&safe, text, strlen(text), 0);
    str_append_n(out, str_text(&safe), text_fitting(str_text(&safe), COLUMNS));
}

static void append_padded(struct str *out, const char *text, unsigned columns)
{
    size_t used = text_columns(text);

    str_append(out, text);
    do
        str_append_char(out, ' ');
    while (++used < columns);
}

/* TEXT in the colour of SEVERITY; NULL: of none. */
static void append_coloured(const struct ctl *ctl, const char *text, const char *severity, struct str *out)
{
    const char *code = severity ? terminal_colour(&ctl->terminal, mark_of_severity(severity)) : NULL;

    str_printf(out, "%s%s%s", code ? code : "", text, code ? "\033[0m" : "");
}

static const char *severity_name(int severity)
{
    static const char *const names[WATCH_SEVERITIES] = {"low", "medium", "high", "critical"};

    return severity >= 0 && severity < WATCH_SEVERITIES ? names[severity] : "-";
}

/* What its colour is by: that of what somebody has to act on. */
static const char *acting_severity(const struct watch_item *item)
{
    return item->change == WATCH_FAILS || item->change == WATCH_ERROR ? severity_name(item->severity) : NULL;
}

/* STATUS: a word before it, or NULL. */
static void append_evidence(const struct ctl *ctl, const struct watch_item *item, const char *status, size_t used,
                            size_t indent, struct str *out)
{
    scoped_str safe = STR_INIT;

    if (status) {
        append_short(&safe, status);
        str_append(&safe, tr(ctl, ": ", "："));
    }
    text_escape(&safe, item->evidence, strlen(item->evidence), 0);
    text_wrap(out, str_text(&safe), used, indent, ctl->terminal.width);
}

/* "5.22  critical  evidence", the last wrapped below itself. */
static void append_item(const struct ctl *ctl, const struct watch_item *item, struct str *out)
{
    scoped_str rule = STR_INIT, line = STR_INIT;

    append_short(&rule, item->rule);
    append_padded(&line, str_text(&rule), RULE);
    append_padded(&line, ctl_word(ctl, severity_name(item->severity)), SEVERITY);
    str_printf(out, "%*s", INDENT, "");
    append_coloured(ctl, line.data, acting_severity(item), out);
    append_evidence(ctl, item, status_word(ctl, item), INDENT + text_columns(line.data), INDENT + RULE + SEVERITY, out);
}

/* "5.22 critical", for the only one. */
static void append_only(const struct ctl *ctl, const struct watch_item *item, struct str *out)
{
    const char *status = status_word(ctl, item);

    append_short(out, item->rule);
    str_printf(out, " %s%s", ctl_word(ctl, severity_name(item->severity)), status ? " " : "");
    append_short(out, status ? status : "");
}

/* TEXT beside the last line, which began at START of OUT, or below it. */
static void append_beside(const struct ctl *ctl, const char *text, const char *severity, size_t start, struct str *out)
{
    size_t used;

    while (out->length && out->data[out->length - 1] == '\n')
        out->data[--out->length] = '\0';
    for (size_t i = start; i < out->length; i++)
        if (out->data[i] == '\n')
            start = i + 1;
    used = text_columns(out->data + start);
    if (used + GAP + text_columns(text) <= ctl->terminal.width)
        str_printf(out, "%*s", GAP, "");
    else
        str_printf(out, "\n%*s", INDENT, "");
    append_coloured(ctl, text, severity, out);
    str_append_char(out, '\n');
}

static void append_time(usec_t at, struct str *out)
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm local;
    char text[16] = "--:--:--";

    if (localtime_r(&seconds, &local))
        strftime(text, sizeof text, "%H:%M:%S", &local);
    str_printf(out, "%s  ", text);
}

/* How to see those that are not shown. */
static void append_hint(const struct ctl *ctl, const struct watch_block *block, size_t left, struct str *out)
{
    scoped_str name = STR_INIT, line = STR_INIT, safe = STR_INIT;

    text_shell_quote(&name, block->name);
    str_printf(&line,
               tr(ctl, "%s %zu more: agentctl findings --subject %s", "%s 其余 %zu 项：agentctl findings --subject %s"),
               ctl->terminal.ascii ? "..." : "…", left, str_text(&name));
    text_escape(&safe, line.data, line.length, 0);
    str_printf(out, "%*s", INDENT, "");
    text_wrap(out, str_text(&safe), INDENT, INDENT, ctl->terminal.width);
}

/* How many of COUNT findings ended with their subject, if all did; else 0. */
static size_t closed_with_subject(const struct ctl *ctl, const struct watch_block *block, size_t count)
{
    return ctl->all ? (block->gone == count ? count : 0) : block->counts[WATCH_CLOSED] == count ? count : 0;
}

/* What happened to whom, and how much that changed. */
static void append_first_line(const struct ctl *ctl, const struct watch_block *block, size_t count, struct str *out)
{
    const struct watch_item *worst = &block->items.items[0];
    size_t closed = closed_with_subject(ctl, block, count);
    scoped_str head = STR_INIT, beside = STR_INIT, safe = STR_INIT;
    size_t start = out->length;

    append_time(block->at, out);
    append_head(ctl, block, closed, &head);
    text_escape(&safe, str_text(&head), head.length, 0);
    text_wrap(out, str_text(&safe), INDENT, INDENT, ctl->terminal.width);
    if (closed)
        return;
    if (count == 1)
        append_only(ctl, worst, &beside);
    else
        append_counts(ctl, block, &beside);
    append_beside(ctl, str_text(&beside), acting_severity(worst), start, out);
}

void watch_print_block(const struct ctl *ctl, const struct watch_block *block, struct str *out)
{
    size_t count = ctl->all ? block->items.count : block->items.count - block->counts[WATCH_OTHER];
    size_t shown = count <= ALL_SHOWN ? count : SHOWN;

    if (!count)
        return;
    append_first_line(ctl, block, count, out);
    if (closed_with_subject(ctl, block, count) || (count == 1 && exec_evidence(block)))
        return;
    if (count == 1) {
        append_evidence(ctl, &block->items.items[0], NULL, 0, INDENT, out);
        return;
    }
    for (size_t i = 0; i < shown; i++)
        append_item(ctl, &block->items.items[i], out);
    if (shown < count)
        append_hint(ctl, block, count - shown, out);
}

void watch_print_line(const struct json *root, struct str *out)
{
    const struct json *subject = json_get(root, "subject");
    const char *const cells[] = {
        json_string(json_get(root, "at")),          json_string(json_get(root, "cause")),
        json_string(json_get(root, "rule")),        json_string(json_get(root, "severity")),
        json_text(json_get(root, "previous"), "-"), json_text(json_get(root, "status"), "gone"),
        json_string(json_get(subject, "kind")),     json_string(json_get(subject, "name")),
        json_string(json_get(root, "evidence"))};

    for (size_t i = 0; i < countof(cells); i++) {
        if (i)
            str_append_char(out, '\t');
        if (cells[i])
            text_escape(out, cells[i], strlen(cells[i]), 0);
        else
            str_append_char(out, '-');
    }
    str_append_char(out, '\n');
}
