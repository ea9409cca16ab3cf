/* The plan as a playbook. What comes from outside is in double quotes of YAML and marked !unsafe, so that Ansible does
 * not take it for a template; names of tasks hold none of it. */
#include "agent/ctl/fix.h"
#include "common/text.h"

/* A double-quoted scalar of YAML: JSON's strings are such, but for DEL. */
static void quote(struct str *out, const char *text)
{
    str_append(out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            str_printf(out, "\\%c", *c);
        else if (*c < ' ' || *c == 0x7f)
            str_printf(out, "\\x%02x", *c);
        else
            str_append_char(out, (char)*c);
    str_append(out, "\"");
}

static void print_scalar(struct str *out, const char *key, const char *text)
{
    str_printf(out, "%s: !unsafe ", key);
    quote(out, text);
    str_append(out, "\n");
}

static void print_effect(const struct ctl *ctl, const struct fix_step *step, struct str *out)
{
    str_printf(out, "    # %s\n    # %s\n", step->title,
               step->restarts ? tr(ctl, "Restarts the engine.", "会重启引擎。")
               : step->recreates ? tr(ctl, "Stops what it is about, and makes it anew.", "会停止并重新创建该对象。")
                                 : tr(ctl, "Restarts and recreates nothing.", "不重启也不重新创建任何东西。"));
    if (!step->unattended)
        str_printf(out, "    # %s\n",
                   tr(ctl, "Decide first: it may limit, stop or remove something that is in use.",
                      "请先决定：它可能限制、停止或删除正在使用的东西。"));
}

/* A copy of each file, which is made once. */
static void print_keeping(const struct fix_step *step, struct str *out)
{
    for (size_t i = 0; i < step->files.count; i++) {
        scoped_str word = STR_INIT, command = STR_INIT;

        text_shell_quote(&word, step->files.items[i]);
        str_printf(&command,
                   "f=%s; [ ! -f \"$f\" ] || [ -e \"$STATE/files$f\" ] || { mkdir -p \"$STATE/files${f%%/*}\" && cp -p "
                   "\"$f\" \"$STATE/files$f\"; }",
                   word.data);
        str_append(out, "    - name: Keep a copy of a file\n      ansible.builtin.shell:\n");
        print_scalar(out, "        cmd", command.data);
        str_append(out, "      changed_when: false\n");
    }
}

static void print_step(const struct ctl *ctl, const struct fix_plan *plan, const struct fix_step *step,
                       unsigned *number, struct str *out)
{
    scoped_str command = STR_INIT;

    str_append(out, "\n");
    print_effect(ctl, step, out);
    if (!fix_step_is_run(plan, step)) {
        str_printf(out, "    #     %s\n", step->command);
        return;
    }
    print_keeping(step, out);
    str_printf(&command, "{ %s; } && : >\"$STATE/done/%u\"", step->command, ++*number);
    str_append(out, "    - name: ");
    quote(out, step->label);
    str_append(out, "\n      ansible.builtin.shell:\n");
    print_scalar(out, "        cmd", command.data);
    str_printf(out, "        creates: \"{{ state }}/done/%u\"\n", *number);
}

static void print_merge(const struct fix_file *file, struct str *out)
{
    str_append(out, "    - name: Look for daemon.json\n      ansible.builtin.stat:\n");
    print_scalar(out, "        path", file->path);
    str_append(out, "      register: daemon_json_is\n"
                    "    - name: Read daemon.json\n      ansible.builtin.slurp:\n");
    print_scalar(out, "        src", file->path);
    str_append(out, "      register: daemon_json\n      when: daemon_json_is.stat.exists\n"
                    "    - name: Make its folder\n      ansible.builtin.file:\n        state: directory\n");
    str_append(out,
               "        path: \"{{ daemon_json_path | dirname }}\"\n      when: not daemon_json_is.stat.exists\n"
               "    - name: Merge daemon.json\n      ansible.builtin.copy:\n"
               "        dest: \"{{ daemon_json_path }}\"\n"
               "        content: \"{{ daemon_json_now | combine(daemon_json_new | from_json) | to_nice_json }}\\n\"\n"
               "        backup: true\n");
    if (file->validate)
        str_append(out, "        validate: dockerd --validate --config-file %s\n");
    str_append(out, "      when: daemon_json_now | combine(daemon_json_new | from_json) != daemon_json_now\n"
                    "      vars:\n"
                    "        daemon_json_now: \"{{ (daemon_json.content | default('') | b64decode | trim) "
                    "| default('{}', true) | from_json }}\"\n");
}

static void print_apply(const char *name, const char *command, unsigned number, struct str *out)
{
    scoped_str line = STR_INIT;

    str_printf(&line, "{ %s; } && : >\"$STATE/done/%u\"", command, number);
    str_printf(out, "    - name: %s\n      ansible.builtin.shell:\n", name);
    print_scalar(out, "        cmd", line.data);
    str_printf(out, "        creates: \"{{ state }}/done/%u\"\n", number);
}

static void print_file(const struct ctl *ctl, const struct fix_plan *plan, unsigned *number, struct str *out)
{
    const struct fix_file *file = &plan->file;

    if (!file->path)
        return;
    str_append(out, "\n");
    for (size_t i = 0; i < file->titles.count; i++)
        str_printf(out, "    # %s\n", file->titles.items[i]);
    if (file->members.count)
        print_merge(file, out);
    fix_print_restart(ctl, file, "    ", out);
    if (file->reload)
        print_apply("Have dockerd read its file", file->reload, ++*number, out);
    if (file->restarts)
        print_apply("Restart dockerd", file->restart, ++*number, out);
}

static void print_head(const struct ctl *ctl, const struct fix_plan *plan, struct str *out)
{
    scoped_str whole = STR_INIT;

    str_append(out, "---\n");
    str_printf(out,
               tr(ctl, "# What commands can do about the findings on %s. Read it before you run it.\n",
                  "# 针对 %s 上检查结果、可由命令完成的修复。运行前请先阅读。\n"),
               plan->host);
    str_printf(out, "# %s\n",
               tr(ctl, "Nothing of it has been run. Copies of the files that it changes are kept.",
                  "以下内容均未执行。它会保留所改文件的副本。"));
    str_append(out, "- name: What commands can do about findings of docker-bench-agent\n"
                    "  hosts: all\n"
                    "  gather_facts: false\n"
                    "  vars:\n");
    str_printf(out, "    state: \"{{ fix_state | default('/var/backups/docker-bench-agent') }}/%s\"\n", plan->id);
    if (plan->file.path) {
        fix_print_whole(&plan->file, &whole);
        print_scalar(out, "    daemon_json_path", plan->file.path);
        print_scalar(out, "    daemon_json_new", whole.data);
    }
    str_append(out, "  environment:\n    STATE: \"{{ state }}\"\n"
                    "  tasks:\n"
                    "    - name: Make the folder of copies\n"
                    "      ansible.builtin.file:\n"
                    "        path: \"{{ item }}\"\n"
                    "        state: directory\n"
                    "        mode: \"0700\"\n"
                    "      loop: [\"{{ state }}\", \"{{ state }}/done\"]\n");
}

void fix_print_ansible(const struct ctl *ctl, const struct fix_plan *plan, struct str *out)
{
    unsigned number = 0;
    bool merged = false;

    print_head(ctl, plan, out);
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
