/* Whoever answers is not trusted to keep to lines: titles and remedies are escaped, and a command that holds a control
 * character, or a word that not every sh reads, is shown and not run. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/fix.h"
#include "common/memory.h"
#include "common/text.h"

static char *escaped(const char *text)
{
    scoped_str out = STR_INIT;

    text_escape(&out, text, strlen(text), 0);
    return mem_strdup(str_text(&out));
}

/* Of letters, digits and a few signs: Ansible reads names as templates. */
static char *plain_label(const char *text)
{
    static const char signs[] = " .,-_()/";
    char *label = mem_strdup(text);

    for (char *c = label; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr(signs, *c)))
            *c = '_';
    return label;
}

/* Can sh be given COMMAND as one line? $'…' is not read by every sh. */
static bool is_runnable(const char *command)
{
    for (const char *c = command; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return *command && !strstr(command, "$'") && text_is_utf8(command, strlen(command));
}

static struct fix_step new_step(const struct json *finding)
{
    const char *rule = json_text(json_get(finding, "rule"), "?"), *title = json_text(json_get(finding, "title"), "");
    const char *name = json_text(json_path(finding, "subject", "name", NULL), "");
    scoped(cleanup_free) char *label = mem_printf("%s %s", rule, title);
    scoped(cleanup_free) char *whole = mem_printf("%s: %s", label, name);

    return (struct fix_step){.title = escaped(whole),
                             .label = plain_label(label),
                             .remedy = escaped(json_text(json_get(finding, "remedy"), ""))};
}

static void step_deinit(struct fix_step *step)
{
    free(step->title);
    free(step->label);
    free(step->command);
    free(step->remedy);
    for (size_t i = 0; i < step->files.count; i++)
        free(step->files.items[i]);
    vec_free(&step->files);
}

static void add_files(struct fix_step *step, const struct json *files)
{
    for (size_t i = 0; i < json_count(files); i++) {
        const char *path = json_string(json_at(files, i));

        if (path && *path == '/' && is_runnable(path))
            vec_push(&step->files, mem_strdup(path));
    }
}

static unsigned order_of(const struct json *finding, const char *effect)
{
    static const char *const of_engine[] = {"container", "image", "network", "swarm", "exec"};
    const char *kind = json_string(json_path(finding, "subject", "kind", NULL));

    if (str_equal(effect, "restart"))
        return 2;
    for (size_t i = 0; i < countof(of_engine); i++)
        if (str_equal(kind, of_engine[i]))
            return 1;
    return 0;
}

static void add_words(struct fix_plan *plan, const struct json *finding)
{
    vec_push(&plan->words, new_step(finding));
}

static void add_command(struct fix_plan *plan, const struct json *finding, const struct json *fix)
{
    const char *effect = json_string(json_get(fix, "effect"));
    struct fix_step step = new_step(finding);

    step.command = mem_strdup(json_string(json_get(fix, "command")));
    step.recreates = str_equal(effect, "recreate");
    step.restarts = str_equal(effect, "restart");
    step.unattended = json_bool(json_get(fix, "unattended"), false);
    step.order = order_of(finding, effect);
    add_files(&step, json_get(fix, "files"));
    vec_push(&plan->steps, step);
}

/* ---- daemon.json ---- */

static const struct fix_member *find_member(const struct fix_file *file, const char *key)
{
    for (size_t i = 0; i < file->members.count; i++)
        if (strcmp(file->members.items[i].key, key) == 0)
            return &file->members.items[i];
    return NULL;
}

/* Do the members of DETAILS go together with those that FILE has? One that is there already has to be the same. */
static bool goes_together(const struct fix_file *file, const struct json *details)
{
    const struct json *members = json_get(details, "members");
    const char *path = json_string(json_get(details, "path"));

    if (!path || *path != '/' || !is_runnable(path))
        return false;
    if (file->path &&
        (strcmp(file->path, path) != 0 || !str_equal(file->sha256, json_string(json_get(details, "sha256")))))
        return false;
    for (size_t i = 0; i < json_count(members); i++) {
        const struct json *member = json_at(members, i);
        const char *key = json_string(json_get(member, "key")), *value = json_string(json_get(member, "value"));
        const struct fix_member *same = key ? find_member(file, key) : NULL;

        if (!key || !value || !is_runnable(key) || strpbrk(key, "\"\\") || !is_runnable(value) ||
            (same && strcmp(same->value, value) != 0))
            return false;
    }
    return true;
}

static void replace(char **text, const char *by)
{
    free(*text);
    *text = mem_strdup(by);
}

static bool is_hex(const char *text)
{
    return strspn(text, "0123456789abcdef") == strlen(text);
}

static void add_members(struct fix_file *file, const struct json *members)
{
    for (size_t i = 0; i < json_count(members); i++) {
        const struct json *member = json_at(members, i);
        const char *key = json_text(json_get(member, "key"), "");
        int64_t at = json_int(json_get(member, "at"), 0), cut = json_int(json_get(member, "cut"), 0);

        if (find_member(file, key))
            continue;
        vec_push(&file->members, ((struct fix_member){.key = mem_strdup(key),
                                                      .value = mem_strdup(json_text(json_get(member, "value"), "")),
                                                      .at = at > 0 ? (uint64_t)at : 0,
                                                      .cut = cut > 0 ? (uint64_t)cut : 0}));
    }
}

static bool add_to_file(struct fix_plan *plan, const struct json *finding, const struct json *fix)
{
    const struct json *details = json_get(fix, "details");
    const char *apply = json_text(json_get(details, "apply"), ""), *sum = json_string(json_get(details, "sha256"));
    struct fix_file *file = &plan->file;
    struct fix_step step;

    if (!goes_together(file, details) || !is_runnable(apply) || (sum && !is_hex(sum)))
        return false;
    if (!file->path) {
        file->path = mem_strdup(json_string(json_get(details, "path")));
        file->sha256 = mem_strdup(sum);
        file->empty = json_bool(json_get(details, "empty"), false);
        file->validate = json_bool(json_get(details, "validate"), false);
    }
    if (str_equal(json_string(json_get(fix, "effect")), "restart")) {
        file->restarts = true;
        replace(&file->restart, apply);
        free(file->note);
        file->note = escaped(json_text(json_get(details, "note"), ""));
    } else {
        replace(&file->reload, apply);
    }
    add_members(file, json_get(details, "members"));
    step = new_step(finding);
    vec_push(&file->titles, take(step.title));
    step_deinit(&step);
    return true;
}

void fix_plan_add(struct fix_plan *plan, const struct json *finding)
{
    const struct json *fix = json_get(finding, "fix");
    const char *kind = json_string(json_get(fix, "kind")), *command = json_string(json_get(fix, "command"));

    if (str_equal(kind, "daemon.json") && add_to_file(plan, finding, fix))
        return;
    if (command && is_runnable(command))
        add_command(plan, finding, fix);
    else
        add_words(plan, finding);
}

/* ---- The whole ---- */

static int compare_steps(const void *a, const void *b)
{
    const struct fix_step *left = a, *right = b;

    return left->order != right->order ? (left->order < right->order ? -1 : 1) : strcmp(left->title, right->title);
}

static int compare_members(const void *a, const void *b)
{
    const struct fix_member *left = a, *right = b;

    return left->at != right->at ? (left->at < right->at ? -1 : 1) : strcmp(left->key, right->key);
}

void fix_plan_finish(struct fix_plan *plan)
{
    struct fix_file *file = &plan->file;
    uint64_t end = 0;

    if (plan->steps.count)
        qsort(plan->steps.items, plan->steps.count, sizeof *plan->steps.items, compare_steps);
    if (file->members.count)
        qsort(file->members.items, file->members.count, sizeof *file->members.items, compare_members);
    for (size_t i = 0; i < file->members.count; i++) { /* values never overlap, unless the answer is nonsense */
        struct fix_member *member = &file->members.items[i];

        if (member->at < end)
            member->at = end;
        if (member->cut > INT32_MAX || member->at > INT32_MAX)
            member->at = member->cut = 0;
        end = member->at + member->cut;
    }
}

/* A reload that switches live restore on comes before the restart, which then leaves containers as they are. */
static bool keeps_containers(const struct fix_file *file)
{
    const struct fix_member *live_restore = find_member(file, "live-restore");

    return file->reload && live_restore && strcmp(live_restore->value, "true") == 0;
}

void fix_print_restart(const struct ctl *ctl, const struct fix_file *file, const char *indent, struct str *out)
{
    if (!file->restarts)
        str_printf(out, "%s# %s\n", indent,
                   tr(ctl, "dockerd reads its file again: no container is stopped.",
                      "dockerd 重新读取配置文件：不会停止任何容器。"));
    else if (keeps_containers(file))
        str_printf(out, "%s# %s\n", indent,
                   tr(ctl, "Switches live restore on, then restarts dockerd: running containers stay.",
                      "先启用实时恢复，再重启 dockerd：正在运行的容器保持运行。"));
    else
        str_printf(out, tr(ctl, "%s# Restarts dockerd: %s.\n", "%s# 会重启 dockerd：%s。\n"), indent, file->note);
}

bool fix_step_is_run(const struct fix_plan *plan, const struct fix_step *step)
{
    return step->unattended || plan->all;
}

void fix_plan_deinit(struct fix_plan *plan)
{
    struct fix_file *file = &plan->file;

    for (size_t i = 0; i < plan->steps.count; i++)
        step_deinit(&plan->steps.items[i]);
    for (size_t i = 0; i < plan->words.count; i++)
        step_deinit(&plan->words.items[i]);
    for (size_t i = 0; i < file->members.count; i++) {
        free(file->members.items[i].key);
        free(file->members.items[i].value);
    }
    for (size_t i = 0; i < file->titles.count; i++)
        free(file->titles.items[i]);
    vec_free(&plan->steps);
    vec_free(&plan->words);
    vec_free(&file->members);
    vec_free(&file->titles);
    free(file->path);
    free(file->sha256);
    free(file->reload);
    free(file->restart);
    free(file->note);
    free(plan->id);
    free(plan->host);
}
