/* The plan for a POSIX shell. Each step is marked as done when it is, so that the script can be run again after what
 * stopped it was mended; a step that fails ends it. */
#include <inttypes.h>

#include "agent/ctl/fix.h"
#include "common/text.h"

static const char beginning[] =
    "set -eu\n"
    "umask 022\n"
    "state=${FIX_STATE:-/var/backups/docker-bench-agent}/%s # copies of what is changed, and which steps are done\n"
    "mkdir -p \"$state/done\"\n"
    "chmod 700 \"$state\"\n"
    "\n"
    "begin() { # NUMBER TITLE: is the step to be done?\n"
    "    [ ! -e \"$state/done/$1\" ] || return 1\n"
    "    printf '%%s\\n' \"$2\"\n"
    "}\n"
    "keep() { # FILE…: copies, with owner and mode\n"
    "    for f in \"$@\"; do\n"
    "        [ -f \"$f\" ] && [ ! -e \"$state/files$f\" ] || continue\n"
    "        mkdir -p \"$state/files${f%%/*}\"\n"
    "        cp -p \"$f\" \"$state/files$f\"\n"
    "    done\n"
    "}\n"
    "finish() { : >\"$state/done/$1\"; }\n"
    "failed() {\n"
    "    printf 'step %%s failed; what was changed is kept in %%s\\n' \"$1\" \"$state/files\" >&2\n"
    "    exit 1\n"
    "}\n";

static void comment(struct str *out, const char *text)
{
    str_printf(out, "# %s\n", text);
}

/* What STEP stops, above it. */
static void print_effect(const struct ctl *ctl, const struct fix_step *step, struct str *out)
{
    if (step->restarts)
        comment(out, tr(ctl, "Restarts the engine.", "会重启引擎。"));
    else if (step->recreates)
        comment(out, tr(ctl, "Stops what it is about, and makes it anew.", "会停止并重新创建该对象。"));
    else
        comment(out, tr(ctl, "Restarts and recreates nothing.", "不重启也不重新创建任何东西。"));
    if (!step->unattended)
        comment(out, tr(ctl, "Decide first: it may limit, stop or remove something that is in use.",
                        "请先决定：它可能限制、停止或删除正在使用的东西。"));
}

static void print_begin(unsigned number, const char *title, struct str *out)
{
    scoped_str word = STR_INIT;

    text_shell_quote(&word, title);
    str_printf(out, "if begin %u %s; then\n", number, word.data);
}

static void print_step(const struct ctl *ctl, const struct fix_plan *plan, const struct fix_step *step,
                       unsigned *number, struct str *out)
{
    str_append(out, "\n");
    comment(out, step->title);
    print_effect(ctl, step, out);
    if (!fix_step_is_run(plan, step)) {
        str_printf(out, "#     %s\n", step->command);
        return;
    }
    print_begin(++*number, step->title, out);
    for (size_t i = 0; i < step->files.count; i++) {
        str_append(out, i ? " " : "    keep ");
        text_shell_quote(out, step->files.items[i]);
    }
    str_append(out, step->files.count ? "\n" : "");
    str_printf(out, "    { %s; } || failed %u\n    finish %u\nfi\n", step->command, *number, *number);
}

/* ---- daemon.json ---- */

void fix_print_whole(const struct fix_file *file, struct str *out)
{
    str_append_char(out, '{');
    for (size_t i = 0; i < file->members.count; i++)
        str_printf(out, "%s\"%s\": %s", i ? ", " : "", file->members.items[i].key, file->members.items[i].value);
    str_append_char(out, '}');
}

/* A shell's function that prints the file of its argument as it has to be: what lies between the values, and the new
 * values. */
static void print_merged(const struct fix_file *file, struct str *out)
{
    uint64_t at = 0;
    scoped_str whole = STR_INIT;

    str_append(out, "merged() { # FILE\n");
    if (!file->sha256 || file->empty) {
        fix_print_whole(file, &whole);
        str_append(out, "    printf '%s\\n' ");
        text_shell_quote(out, whole.data);
        str_append(out, "\n}\n");
        return;
    }
    for (size_t i = 0; i < file->members.count; i++) {
        const struct fix_member *member = &file->members.items[i];
        scoped_str text = STR_INIT;

        if (member->cut)
            str_append(&text, member->value);
        else
            str_printf(&text, "\"%s\": %s, ", member->key, member->value);
        if (member->at > at)
            str_printf(out, "    tail -c +%" PRIu64 " \"$1\" | head -c %" PRIu64 "\n", at + 1, member->at - at);
        str_append(out, "    printf '%s' ");
        text_shell_quote(out, text.data);
        str_append(out, "\n");
        at = member->at + member->cut;
    }
    str_printf(out, "    tail -c +%" PRIu64 " \"$1\"\n}\n", at + 1);
}

static void print_check_of_file(const struct fix_file *file, struct str *out)
{
    if (file->sha256)
        str_printf(
            out,
            "    [ \"$(sha256sum <\"$file\" | cut -d ' ' -f 1)\" = %s ] || {\n"
            "        printf '%%s has changed since this was printed: run agentctl fix --print again\\n' \"$file\" >&2\n"
            "        exit 1\n"
            "    }\n"
            "    keep \"$file\"\n",
            file->sha256);
    else
        str_append(
            out,
            "    [ ! -e \"$file\" ] || {\n"
            "        printf '%s has appeared since this was printed: run agentctl fix --print again\\n' \"$file\" >&2\n"
            "        exit 1\n"
            "    }\n"
            "    mkdir -p \"${file%/*}\"\n");
}

static void print_merge(const struct fix_file *file, unsigned number, struct str *out)
{
    str_append(out, "file=");
    text_shell_quote(out, file->path);
    str_append(out, "\n");
    print_merged(file, out);
    print_begin(number, file->path, out);
    print_check_of_file(file, out);
    str_append(out, "    new=$(mktemp \"$file.XXXXXX\")\n    merged \"$file\" >\"$new\"\n");
    if (file->validate)
        str_printf(out, "    dockerd --validate --config-file \"$new\" || { rm \"$new\"; failed %u; }\n", number);
    str_printf(out, "    cat \"$new\" >\"$file\" # its owner and mode stay\n    rm \"$new\"\n    finish %u\nfi\n",
               number);
}

static void print_file(const struct ctl *ctl, const struct fix_plan *plan, unsigned *number, struct str *out)
{
    const struct fix_file *file = &plan->file;
    const char *const commands[] = {file->reload, file->restarts ? file->restart : NULL};

    if (!file->path)
        return;
    str_append(out, "\n");
    for (size_t i = 0; i < file->titles.count; i++)
        comment(out, file->titles.items[i]);
    if (file->members.count)
        print_merge(file, ++*number, out);
    str_append(out, "\n");
    fix_print_restart(ctl, file, "", out);
    for (size_t i = 0; i < countof(commands); i++)
        if (commands[i]) {
            print_begin(++*number, commands[i], out);
            str_printf(out, "    { %s; } || failed %u\n    finish %u\nfi\n", commands[i], *number, *number);
        }
}

void fix_print_words(const struct ctl *ctl, const struct fix_plan *plan, struct str *out)
{
    if (!plan->words.count)
        return;
    str_append(out, "\n");
    comment(out, tr(ctl, "---- What no command can do ----", "---- 命令无法完成的 ----"));
    for (size_t i = 0; i < plan->words.count; i++)
        str_printf(out, "#\n# %s\n#     %s\n", plan->words.items[i].title, plan->words.items[i].remedy);
}

void fix_print_sh(const struct ctl *ctl, const struct fix_plan *plan, struct str *out)
{
    unsigned number = 0;
    bool merged = false;

    str_append(out, "#!/bin/sh\n");
    str_printf(out,
               tr(ctl, "# What commands can do about the findings on %s. Read it, and run it there as root.\n",
                  "# 针对 %s 上检查结果、可由命令完成的修复。请先阅读，再在该主机上以 root 运行。\n"),
               plan->host);
    comment(out, tr(ctl, "Nothing of it has been run. Copies of the files that it changes are kept.",
                    "以下内容均未执行。它会保留所改文件的副本。"));
    str_printf(out, beginning, plan->id);
    for (size_t i = 0; i < plan->steps.count; i++) {
        if (plan->steps.items[i].order && !merged) {
            print_file(ctl, plan, &number, out);
            merged = true;
        }
        print_step(ctl, plan, &plan->steps.items[i], &number, out);
    }
    if (!merged)
        print_file(ctl, plan, &number, out);
    fix_print_words(ctl, plan, out);
}
