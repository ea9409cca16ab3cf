/* Audit rules of section 1: is a file or directory watched by the rules loaded in the kernel?
 *
 * Rules are read in the kernel's order, call by call: the first one that matches decides, so a "never" rule hides what
 * follows it. Several watches together may cover what is required. Rules that exist only on disk are reported, but do
 * not count unless the kernel cannot be asked. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/distribution.h"
#include "common/text.h"
#include "common/vec.h"
#include "probes/audit/audit.h"

enum { NAMED_MAX = 3, CALLS_NAMED_MAX = 6 };

struct rule_pointers {
    const struct audit_rule **items;
    size_t count, size;
};

struct coverage {
    enum outcome { COVERED, MISSED, PARTLY, HIDDEN } outcome;
    const struct audit_rule *by;    /* a rule that covers it, at least in part */
    struct rule_pointers hiding;    /* the rules that hide a part of it, or would hide a watch that comes last */
    const struct audit_rule *below; /* excludes something in the directory */
    const struct audit_rule *other; /* reaches it, but under conditions, or for none of what is required */
    uint64_t missing[2];            /* the calls that no rule records, by width, hidden ones left out */
    bool by_link;                   /* a rule names the link, which does not reach the file */
    bool by_name;                   /* HIDING are watches by other names of the file */
    bool by_path;                   /* a rule names the directory as if it were a file, or the other way round */
};

static void coverage_deinit(struct coverage *coverage)
{
    vec_free(&coverage->hiding);
}

/* ---- What covers a file ---- */

static bool is_directory(const struct file_facts *file)
{
    return S_ISDIR(file->mode);
}

static bool same_or_within(const char *path, const char *folder)
{
    return path && folder && check_path_within(path, folder);
}

static bool is_parent(const char *folder, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;

    return folder && slash && strlen(folder) == length && strncmp(folder, path, length) == 0;
}

/* How a rule's path and the file's are to be compared: once the links in both are followed, where that is known. */
static bool compare_paths(const struct audit_rule *rule, const struct file_facts *file,
                          bool (*matches)(const struct audit_rule *rule, const char *rule_path, const char *path))
{
    if (rule->target)
        return matches(rule, rule->target, file->target ? file->target : file->path);
    return rule->path && (matches(rule, rule->path, file->target) || matches(rule, rule->path, file->path));
}

static bool is_same_path(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    (void)rule;
    return str_equal(rule_path, path);
}

static bool reaches(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    return rule->directory ? same_or_within(path, rule_path) : str_equal(rule_path, path);
}

/* A rule for a path alone matches what is done to the names in it as well, if that is a directory. */
static bool touches(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    return reaches(rule, rule_path, path) || (!rule->directory && is_parent(rule_path, path));
}

static bool lies_within(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    (void)rule;
    return path && strcmp(path, rule_path) != 0 && check_path_within(rule_path, path);
}

/* A rule of the exit list that records. A rule with path= on a directory sees nothing of what is in it, and one with
 * dir= on a file loses the file when it is replaced. */
static bool covers(const struct audit_rule *rule, const struct file_facts *file, struct coverage *found)
{
    if (rule->directory != is_directory(file) && compare_paths(rule, file, is_same_path)) {
        found->by_path |= !rule->never;
        return false;
    }
    if (compare_paths(rule, file, reaches))
        return true;
    found->by_link |= rule->path && reaches(rule, rule->path, file->path);
    return false;
}

static bool hides(const struct audit_rule *rule, const struct file_facts *file)
{
    return !rule->path || compare_paths(rule, file, touches);
}

/* Bits of a call set, by width. */
struct calls {
    uint64_t of[2];
};

static struct calls both(const struct calls *a, const struct calls *b)
{
    return (struct calls){{a->of[0] & b->of[0], a->of[1] & b->of[1]}};
}

static struct calls without(const struct calls *a, const struct calls *b)
{
    return (struct calls){{a->of[0] & ~b->of[0], a->of[1] & ~b->of[1]}};
}

static void add(struct calls *to, const struct calls *calls)
{
    to->of[0] |= calls->of[0];
    to->of[1] |= calls->of[1];
}

static bool any(const struct calls *calls)
{
    return calls->of[0] || calls->of[1];
}

static bool both_any(const struct calls *a, const struct calls *b)
{
    struct calls common = both(a, b);

    return any(&common);
}

static struct calls calls_of_rule(const struct audit_rule *rule)
{
    return (struct calls){{rule->calls[AUDIT_NATIVE], rule->calls[AUDIT_COMPAT]}};
}

static struct calls calls_of_perms(unsigned perms)
{
    return (struct calls){{audit_calls_of(perms, AUDIT_NATIVE), audit_calls_of(perms, AUDIT_COMPAT)}};
}

static bool is_held(const struct rule_pointers *rules, const struct audit_rule *rule)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i] == rule)
            return true;
    return false;
}

/* What excludes records, or tasks from auditing, does so at any position. */
static void find_blindfolds(const struct audit_rule *rules, size_t count, const struct calls *wanted,
                            struct calls *hidden, struct coverage *found)
{
    for (size_t i = 0; i < count; i++) {
        struct calls of_rule = calls_of_rule(&rules[i]), concerned = both(&of_rule, wanted);

        if (rules[i].list == AUDIT_LIST_EXIT || !rules[i].never || !any(&concerned))
            continue;
        vec_push(&found->hiding, &rules[i]);
        add(hidden, &concerned);
    }
}

static bool is_path_or_parent(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    return is_same_path(rule, rule_path, path) || is_parent(rule_path, path);
}

/* The kernel keeps rules for a path by the file that is there and looks at the directory before the file in it. Each
 * time that the file is replaced it turns the order of the file's rules round. So a rule for the file or its directory
 * hides what a watch of the file's path would record, wherever it is. */
static void find_hiding_paths(const struct audit_rule *rules, size_t count, const struct file_facts *file,
                              const struct calls *wanted, struct calls *hidden, struct coverage *found)
{
    for (size_t i = 0; i < count && !is_directory(file); i++) {
        struct calls of_rule = calls_of_rule(&rules[i]), concerned = both(&of_rule, wanted);

        if (rules[i].list != AUDIT_LIST_EXIT || !rules[i].never || rules[i].directory || !any(&concerned) ||
            !rules[i].path || !compare_paths(&rules[i], file, is_path_or_parent))
            continue;
        vec_push(&found->hiding, &rules[i]);
        add(hidden, &concerned);
    }
}

/* A watch of the file by its path. */
static bool is_watch_of(const struct audit_rule *rule, const struct file_facts *file)
{
    return rule->list == AUDIT_LIST_EXIT && !rule->never && !rule->directory && rule->path && !is_directory(file) &&
           compare_paths(rule, file, is_same_path);
}

/* NAME: of the watches of the file, only those by this path count; NULL: all do. */
static void find_coverage_by(const struct audit_rule *rules, size_t count, const struct file_facts *file,
                             unsigned perms, const char *name, struct coverage *ret)
{
    struct calls wanted = calls_of_perms(perms), covered = {{0, 0}}, hidden = {{0, 0}}, lost = {{0, 0}}, seen, missing;
    struct calls by_path = {{0, 0}}; /* hidden from rules for the path of the file */
    size_t hiding;                   /* rules that come before the last watch that they hide */

    *ret = (struct coverage){.outcome = MISSED};
    find_blindfolds(rules, count, &wanted, &hidden, ret);
    find_hiding_paths(rules, count, file, &wanted, &by_path, ret);
    hiding = ret->hiding.count;
    for (size_t i = 0; i < count; i++) {
        const struct audit_rule *rule = &rules[i];
        struct calls of_rule = calls_of_rule(rule), concerned = both(&of_rule, &wanted), hidden_here;

        if (rule->list != AUDIT_LIST_EXIT || (rule->never && !any(&concerned)))
            continue;
        concerned = without(&concerned, &covered);
        if (rule->never) {
            if (rule->path && compare_paths(rule, file, lies_within))
                ret->below = rule;
            if (!hides(rule, file) || !any(&concerned))
                continue;
            if (!is_held(&ret->hiding, rule))
                vec_push(&ret->hiding, rule);
            add(&hidden, &concerned);
            continue;
        }
        if (!rule->path || !covers(rule, file, ret) ||
            (name && is_watch_of(rule, file) && !str_equal(rule->path, name)))
            continue;
        if (rule->conditional || !both_any(&of_rule, &wanted)) {
            ret->other = rule;
            continue;
        }
        hidden_here = hidden;
        if (!rule->directory)
            add(&hidden_here, &by_path);
        seen = without(&concerned, &hidden_here);
        add(&covered, &seen);
        concerned = both(&concerned, &hidden_here);
        add(&lost, &concerned);
        ret->by = any(&seen) || !ret->by ? rule : ret->by;
        hiding = any(&concerned) ? ret->hiding.count : hiding;
    }
    missing = without(&wanted, &covered);
    if (!any(&missing)) {
        ret->outcome = COVERED;
        return;
    }
    missing = without(&missing, &lost);
    ret->missing[AUDIT_NATIVE] = missing.of[AUDIT_NATIVE];
    ret->missing[AUDIT_COMPAT] = missing.of[AUDIT_COMPAT];
    if (any(&missing)) {
        ret->outcome = ret->by ? PARTLY : MISSED;
        return;
    }
    ret->outcome = HIDDEN;
    ret->hiding.count = hiding;
}

/* The watches by other names than NAME. ONLY_WEAK: those alone that would not cover the file by their own name. */
static void add_other_names(const struct audit_rule *rules, size_t count, const struct file_facts *file, unsigned perms,
                            const char *name, bool only_weak, struct coverage *ret)
{
    for (size_t i = 0; i < count; i++) {
        scoped(coverage_deinit) struct coverage own = {0};

        if (!is_watch_of(&rules[i], file) || str_equal(rules[i].path, name))
            continue;
        find_coverage_by(rules, count, file, perms, rules[i].path, &own);
        if ((!only_weak || own.outcome != COVERED) && !is_held(&ret->hiding, &rules[i]))
            vec_push(&ret->hiding, &rules[i]);
    }
}

/* Of watches that name one file differently (/bin/dockerd, /usr/bin/dockerd), the kernel takes only one along when the
 * file is replaced, and it is not known which: what is required must be covered by each name alone. */
static void find_coverage(const struct audit_rule *rules, size_t count, const struct file_facts *file, unsigned perms,
                          struct coverage *ret)
{
    const char *first = NULL, *whole = NULL;
    bool any_weak = false;

    find_coverage_by(rules, count, file, perms, NULL, ret);
    for (size_t i = 0; ret->outcome == COVERED && i < count; i++) {
        scoped(coverage_deinit) struct coverage own = {0};

        if (!is_watch_of(&rules[i], file) || str_equal(rules[i].path, first))
            continue;
        first = first ? first : rules[i].path;
        find_coverage_by(rules, count, file, perms, rules[i].path, &own);
        any_weak |= own.outcome != COVERED;
        whole = own.outcome == COVERED && !whole ? rules[i].path : whole;
    }
    if (!any_weak)
        return;
    coverage_deinit(ret);
    first = whole ? whole : file->target ? file->target : file->path;
    find_coverage_by(rules, count, file, perms, first, ret);
    add_other_names(rules, count, file, perms, first, whole != NULL, ret);
    ret->by_name = true;
    if (ret->outcome == COVERED)
        ret->outcome = HIDDEN;
}

/* ---- What is reported ---- */

static const char *spell_perms(unsigned perms, char buffer[5])
{
    char *to = buffer;

    if (perms & AUDIT_PERM_R)
        *to++ = 'r';
    if (perms & AUDIT_PERM_W)
        *to++ = 'w';
    if (perms & AUDIT_PERM_X)
        *to++ = 'x';
    if (perms & AUDIT_PERM_A)
        *to++ = 'a';
    *to = '\0';
    return buffer;
}

/* "; the rule -a never,exit … hides a part of it" */
static void spell_hiding(struct str *out, const struct coverage *found, const struct file_facts *file, unsigned perms)
{
    struct calls wanted = calls_of_perms(perms);
    bool part = true;

    for (size_t i = 0; i < found->hiding.count; i++) {
        const struct audit_rule *rule = found->hiding.items[i];
        struct calls of_rule = calls_of_rule(rule), left = without(&wanted, &of_rule);

        part &= rule->conditional || any(&left) || (rule->path && !compare_paths(rule, file, reaches));
        if (i < NAMED_MAX)
            message_add(out, "%s \"%s\"",
                        i                         ? ","
                        : found->hiding.count > 1 ? M_("the rules")
                                                  : M_("the rule"),
                        rule->text);
    }
    if (found->hiding.count > NAMED_MAX)
        message_add(out, " and %zu more", found->hiding.count - NAMED_MAX);
    if (part)
        str_append(out, found->hiding.count > 1 ? M_(" hide a part of it") : M_(" hides a part of it"));
    else
        str_append(out, found->hiding.count > 1 ? M_(" hide it") : M_(" hides it"));
    if (found->by_name)
        str_append(out, M_(", as the kernel follows one name of a file only when it is replaced"));
}

/* Which permissions are complete: no call of them is missing. */
static unsigned complete_perms(const struct coverage *found, unsigned wanted)
{
    return wanted & ~audit_calls_perms(found->missing[AUDIT_NATIVE] | found->missing[AUDIT_COMPAT]);
}

/* Do the permissions that are not complete lack every call? */
static bool lacks_whole_perms(const struct coverage *found, unsigned wanted)
{
    unsigned rest = wanted & ~complete_perms(found, wanted);
    struct calls all = calls_of_perms(rest), of_others = calls_of_perms(wanted & ~rest),
                 missing = {{found->missing[0], found->missing[1]}};

    all = without(&all, &of_others);
    all = without(&all, &missing);
    return !any(&all);
}

/* ", but for w only; wa is required" */
static void spell_missing(struct str *out, const struct coverage *found, unsigned wanted, const char *permissions)
{
    unsigned complete = complete_perms(found, wanted);
    uint64_t compat = calls_of_perms(wanted).of[AUDIT_COMPAT], some = found->missing[0] | found->missing[1];
    size_t named = 0, more = 0;
    char perms[5];

    if (complete && lacks_whole_perms(found, wanted)) {
        message_add(out, ", but for %s only; %s is required", spell_perms(complete, perms), permissions);
        return;
    }
    if (!found->missing[AUDIT_NATIVE] && found->missing[AUDIT_COMPAT] == compat) {
        str_append(out, M_(", but not what 32-bit programs do (arch=b32)"));
        return;
    }
    if (!found->missing[AUDIT_COMPAT] && found->missing[AUDIT_NATIVE] == calls_of_perms(wanted).of[AUDIT_NATIVE]) {
        str_append(out, M_(", but not what 64-bit programs do (arch=b64)"));
        return;
    }
    str_append(out, M_(", but not the system calls"));
    for (unsigned i = 0; i < 64; i++) {
        if (!(some & UINT64_C(1) << i))
            continue;
        if (named < CALLS_NAMED_MAX)
            str_printf(out, "%s %s", named++ ? "," : "", audit_call_name(i));
        else
            more++;
    }
    if (more)
        message_add(out, " and %zu more", more);
    message_add(out, "; %s requires all of them", permissions);
}

static void spell_missed(struct str *out, const struct coverage *found, const struct file_facts *file,
                         const char *permissions)
{
    if (found->by_path && is_directory(file))
        str_append(out,
                   M_(": a rule for the path of a directory (path=, or -w before the directory existed) sees nothing "
                      "of what is in it"));
    else if (found->by_path)
        str_append(out, M_(": a rule with dir= on a file loses it when it is replaced"));
    else if (found->by_link)
        str_append(out, M_(": a watch on a symbolic link does not cover its target"));
    else if (found->other)
        message_add(out, ": the rule \"%s\" records a part only; %s is required, without conditions",
                    found->other->text, permissions);
}

/* What is on disk: where it explains what is not loaded, or loads less than what is. */
static void spell_disk(struct str *out, const struct audit_facts *audit, const struct coverage *kernel,
                       const struct coverage *disk)
{
    bool lasts = audit->disk_error || (disk->outcome == COVERED && !audit->disk_disabled);

    if (kernel->outcome == COVERED)
        str_append(out, lasts ? "" : M_("; not so after the next boot, as no file in /etc/audit loads such a rule"));
    else if (disk->outcome == COVERED)
        str_append(out, M_("; a rule for it exists on disk but is not loaded (augenrules --load)"));
    else if (audit->refused.text)
        message_add(out, "; on disk, auditctl refuses \"%s\"%s%s and loads nothing after it", audit->refused.text,
                    audit->refused.file ? M_(" in ") : "", audit->refused.file ? audit->refused.file : "");
}

/* DISK: what the files say beside it. */
static void say_coverage(const struct check_input *in, struct check_result *out, const struct file_facts *file,
                         const struct coverage *found, const char *where, const char *disk)
{
    const char *permissions = check_param(in, "permissions")->string;
    unsigned wanted = audit_parse_perms(permissions);
    scoped_str hiding = STR_INIT, missing = STR_INIT;

    if (found->hiding.count)
        spell_hiding(&hiding, found, file, wanted);
    switch (found->outcome) {
    case COVERED:
        invariant(found->by);
        check_say(in, out, VERDICT_PASS, "%s is watched%s by the %srule for %s%s%s%s%s", file->path, where,
                  *where ? "" : M_("loaded "), found->by->path, found->below ? M_(", without what \"") : "",
                  found->below ? found->below->text : "", found->below ? M_("\" excludes") : "", *where ? "" : disk);
        return;
    case HIDDEN:
        check_say(in, out, VERDICT_FAIL, "%s is not watched%s: %s%s", file->path, where, str_text(&hiding), disk);
        return;
    case PARTLY:
        spell_missing(&missing, found, wanted, permissions);
        check_say(in, out, VERDICT_FAIL, "%s is watched%s by the rule for %s%s%s%s%s", file->path, where,
                  found->by->path, str_text(&missing), hiding.length ? "; " : "", str_text(&hiding), disk);
        return;
    case MISSED:
        spell_missed(&missing, found, file, permissions);
        check_say(in, out, VERDICT_FAIL, "%s is not watched%s%s%s%s%s", file->path, where, str_text(&missing),
                  hiding.length ? "; " : "", str_text(&hiding), disk);
        return;
    }
}

/* ---- What mends it ---- */

/* The commands for all files of a finding: files are written before rules are loaded. */
struct repair {
    bool needed;
    struct str lines;              /* of files */
    struct str watches;            /* of the kernel */
    struct rule_pointers unhidden; /* rules that are removed, from files or the kernel */
};

static void repair_deinit(struct repair *repair)
{
    str_deinit(&repair->lines);
    str_deinit(&repair->watches);
    vec_free(&repair->unhidden);
}

static void append_command(struct str *to, const char *command)
{
    if (to->length && !str_ends(to->data, "; "))
        str_append(to, " && ");
    str_append(to, command);
}

/* PATH as a word of a file of rules, where a backslash keeps a blank in it. */
static void write_rule_word(struct str *out, const char *path)
{
    for (; *path; path++) {
        str_append(out, *path == ' ' || *path == '\\' ? "\\" : "");
        str_append_char(out, *path);
    }
}

/* TEXT as a basic regular expression between slashes; what a shell or sed might take otherwise is any character. */
static void write_pattern(struct str *out, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f || *text == '\'') {
            str_append_char(out, '.');
            continue;
        }
        str_append(out, strchr(".*[]^$/\\", *text) ? "\\" : "");
        str_append_char(out, *text);
    }
}

/* The line becomes a comment, if it still is that line. */
static void comment_out(struct str *commands, const struct audit_place_on_disk *place)
{
    scoped_str command = STR_INIT, script = STR_INIT;

    if (!place->file || !place->text)
        return;
    str_printf(&script, "%us/^", place->line);
    write_pattern(&script, place->text);
    str_append(&script, "$/#&/");
    str_append(&command, "sed -i ");
    text_shell_quote(&command, script.data);
    str_append_char(&command, ' ');
    text_shell_quote(&command, place->file);
    append_command(commands, command.data);
}

/* The line is added to the files, unless one of them has it. */
static void add_line(struct str *commands, const struct audit_facts *audit, const char *line)
{
    const char *file = audit->disk_file ? audit->disk_file : "/etc/audit/rules.d/docker.rules";
    bool is_folder = strstr(file, "/rules.d/") != NULL;
    scoped_str command = STR_INIT, quoted = STR_INIT;

    text_shell_quote(&quoted, line);
    if (!audit->disk_file)
        append_command(commands, "mkdir -p /etc/audit/rules.d");
    str_printf(&command, "{ grep -qsxFe %s %s || %s %s >> %s; }", quoted.data,
               is_folder ? "/etc/audit/rules.d/*.rules" : file, strchr(line, '\\') ? "printf '%s\\n'" : "echo",
               quoted.data, file);
    append_command(commands, command.data);
}

/* "auditctl -d …" of a rule that auditctl would print as "-a …", "auditctl -W …" of "-w …". */
static void remove_from_kernel(struct str *commands, const struct audit_rule *rule)
{
    scoped(cleanup_free) char *text = mem_strdup(rule->text);

    str_append(commands, "auditctl");
    for (char *at = text; *at;) {
        scoped_str word = STR_INIT;

        for (; *at && *at != ' '; at++) {
            at += *at == '\\' && at[1];
            str_append_char(&word, *at);
        }
        at += *at == ' ';
        str_append_char(commands, ' ');
        text_shell_quote(commands, at - text != 3                       ? str_text(&word)
                                   : strcmp(str_text(&word), "-a") == 0 ? "-d"
                                   : strcmp(str_text(&word), "-w") == 0 ? "-W"
                                                                        : str_text(&word));
    }
    str_append(commands, "; ");
}

/* A rule of a file that is read after ours hides nothing of it, unless its place does not matter. */
static bool comes_before(const struct audit_facts *audit, const struct audit_rule *rule)
{
    bool is_of_path = rule->path && !rule->directory;

    return rule->list != AUDIT_LIST_EXIT || is_of_path || !rule->source.file || !audit->disk_file ||
           strverscmp(rule->source.file, audit->disk_file) <= 0;
}

static void plan_disk(struct repair *repair, const struct audit_facts *audit, const struct coverage *disk,
                      const char *line)
{
    bool adds = disk->outcome == MISSED || disk->outcome == PARTLY;

    for (size_t i = 0; disk->outcome != COVERED && i < disk->hiding.count; i++) {
        const struct audit_rule *rule = disk->hiding.items[i];

        if (is_held(&repair->unhidden, rule) || (adds && !comes_before(audit, rule)))
            continue;
        vec_push(&repair->unhidden, rule);
        comment_out(&repair->lines, &rule->source);
    }
    if (adds)
        add_line(&repair->lines, audit, line);
}

static void plan_kernel(struct repair *repair, const struct coverage *kernel, const char *path, const char *permissions)
{
    scoped_str watch = STR_INIT;

    for (size_t i = 0; kernel->outcome != COVERED && i < kernel->hiding.count; i++)
        if (!is_held(&repair->unhidden, kernel->hiding.items[i]))
            vec_push(&repair->unhidden, kernel->hiding.items[i]);
    if (kernel->outcome != MISSED && kernel->outcome != PARTLY)
        return;
    str_append(&watch, "auditctl -w ");
    text_shell_quote(&watch, path);
    str_printf(&watch, " -p %s -k docker", permissions);
    append_command(&repair->watches, watch.data);
}

static void plan_file(const struct check_input *in, struct repair *repair, const struct audit_facts *audit,
                      const struct file_facts *file, const struct coverage *kernel, const struct coverage *disk)
{
    const char *path = file->target ? file->target : file->path, *permissions = check_param(in, "permissions")->string;
    scoped_str line = STR_INIT;

    if (!in->explain)
        return;
    repair->needed |= (kernel ? kernel : disk)->outcome != COVERED || (kernel ? !audit->enabled : audit->disk_disabled);
    str_append(&line, "-w ");
    write_rule_word(&line, path);
    str_printf(&line, " -p %s -k docker", permissions);
    if (kernel && kernel->outcome == COVERED && audit->enabled)
        return;
    plan_disk(repair, audit, disk, line.data);
    if (kernel)
        plan_kernel(repair, kernel, path, permissions);
}

/* The hidden rules of the kernel are among UNHIDDEN with those of the files. */
static bool is_of_kernel(const struct audit_facts *audit, const struct audit_rule *rule)
{
    return rule >= audit->kernel && rule < audit->kernel + audit->kernel_count;
}

static void add_kernel_commands(struct str *commands, const struct repair *repair, const struct audit_facts *audit,
                                bool *ret_task)
{
    scoped_str removals = STR_INIT;

    for (size_t i = 0; i < repair->unhidden.count; i++) {
        if (!is_of_kernel(audit, repair->unhidden.items[i]))
            continue;
        remove_from_kernel(&removals, repair->unhidden.items[i]);
        *ret_task |= repair->unhidden.items[i]->task;
    }
    if (removals.length)
        append_command(commands, removals.data);
    if (repair->watches.length)
        append_command(commands, repair->watches.data);
    if (!audit->enabled)
        append_command(commands, "auditctl -e 1");
}

static void print_repair(const struct check_input *in, struct check_result *out, const struct repair *repair,
                         const struct audit_facts *audit)
{
    static const struct package_names package = {
        .apt = "auditd", .rpm = "audit", .zypper = "audit", .apk = "audit", .pacman = "audit"};
    bool is_read = audit->kernel_state == AUDIT_KERNEL_READ, task = false;
    scoped_str commands = STR_INIT;

    if (!repair->needed)
        return;
    if (audit->tool_missing)
        check_install_command(in, &package, &commands);
    if (audit->refused.text && repair->lines.length)
        comment_out(&commands, &audit->refused);
    if (audit->disk_disabled && !(is_read && audit->enabled))
        comment_out(&commands, &audit->off);
    if (repair->lines.length)
        append_command(&commands, repair->lines.data);
    if (!is_read)
        append_command(&commands, audit->disk_file && !strstr(audit->disk_file, "/rules.d/")
                                      ? "auditctl -R /etc/audit/audit.rules"
                                      : "augenrules --load");
    else if (!audit->locked)
        add_kernel_commands(&commands, repair, audit, &task);
    if (commands.data && str_ends(commands.data, "; "))
        commands.data[commands.length -= strlen("; ")] = '\0';
    if (commands.length)
        check_remedy(in, out, "%s", str_text(&commands));
    else if (!(is_read && audit->locked))
        return;
    if (is_read && audit->locked && commands.length)
        check_remedy_note(in, out, "then reboot: the loaded rules are locked (-e 2)");
    else if (is_read && audit->locked)
        check_remedy_note(in, out, "reboot: the loaded rules are locked (-e 2)");
    else if (task)
        check_remedy_note(in, out, "what is running already stays unaudited until it is restarted");
    fix_add_file(&out->fix, audit->disk_file ? audit->disk_file : "/etc/audit/rules.d/docker.rules");
    fix_add_file(&out->fix, "/etc/audit/audit.rules");
}

/* ---- Judging ---- */

/* The kernel may not be asked: what the files would have it watch is the best that is known. */
static void judge_by_files(const struct check_input *in, struct check_result *out, const struct file_facts *file,
                           const struct audit_facts *audit, const struct coverage *disk)
{
    scoped_str where = STR_INIT, refused = STR_INIT;

    if (audit->disk_error) {
        check_say(in, out, VERDICT_ERROR, "audit: %s; %s", audit->kernel_error, audit->disk_error);
        return;
    }
    message_add(&where, " (according to /etc/audit; the kernel's own rules could not be read: %s)",
                audit->kernel_error);
    if (audit->disk_disabled) {
        check_say(in, out, VERDICT_FAIL, "%s is not watched: the rules switch auditing off%s", file->path, where.data);
        return;
    }
    if (audit->refused.text)
        message_add(&refused, "; auditctl refuses \"%s\"%s%s and loads nothing after it", audit->refused.text,
                    audit->refused.file ? M_(" in ") : "", audit->refused.file ? audit->refused.file : "");
    say_coverage(in, out, file, disk, where.data, str_text(&refused));
}

/* NULL: nothing is known about the rules, which has been reported. */
static const struct audit_facts *need_audit(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct audit_facts *audit = store_audit(in->store, &why);

    if (audit && audit->kernel_state != AUDIT_KERNEL_UNKNOWN)
        return audit;
    check_error(in, out, M_("audit"), audit ? audit->kernel_error : why);
    return NULL;
}

static void judge_file(const struct check_input *in, struct check_result *out, const struct audit_facts *audit,
                       const struct file_facts *file, struct repair *repair)
{
    unsigned wanted = audit_parse_perms(check_param(in, "permissions")->string);
    scoped(coverage_deinit) struct coverage kernel = {0}, disk = {0};
    scoped_str on_disk = STR_INIT;

    if (file->error) {
        check_error(in, out, file->path, file->error);
        return;
    }
    find_coverage(audit->disk, audit->disk_count, file, wanted, &disk);
    switch (audit->kernel_state) {
    case AUDIT_KERNEL_READ:
    case AUDIT_KERNEL_UNKNOWN:
        break;
    case AUDIT_KERNEL_DENIED:
        judge_by_files(in, out, file, audit, &disk);
        plan_file(in, repair, audit, file, NULL, &disk);
        return;
    case AUDIT_KERNEL_ABSENT:
        check_say(in, out, VERDICT_FAIL, "%s is not watched: the kernel has no auditing support (%s)", file->path,
                  audit->kernel_error);
        return;
    }
    find_coverage(audit->kernel, audit->kernel_count, file, wanted, &kernel);
    plan_file(in, repair, audit, file, &kernel, &disk);
    if (!audit->enabled) {
        check_say(in, out, VERDICT_FAIL, "%s is not watched: auditing is switched off%s", file->path,
                  kernel.outcome == COVERED ? "" : M_(", and the loaded rules do not cover it"));
        return;
    }
    spell_disk(&on_disk, audit, &kernel, &disk);
    say_coverage(in, out, file, &kernel, "", str_text(&on_disk));
    if (kernel.outcome != COVERED && audit->locked)
        check_say(in, out, VERDICT_FAIL, "the rules are locked until the next boot (-e 2)");
}

void check_audit_watch(const struct check_input *in, struct check_result *out)
{
    const struct audit_facts *audit = need_audit(in, out);
    scoped(repair_deinit) struct repair repair = {.lines = STR_INIT, .watches = STR_INIT};

    if (!audit)
        return;
    judge_file(in, out, audit, in->file, &repair);
    print_repair(in, out, &repair, audit);
}

/* One verdict on all files of the source. */
void check_audit_programs(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct fileset_facts *files = store_files(in->store, rule_file_source(in->rule), &why);
    const struct audit_facts *audit = need_audit(in, out);
    scoped(repair_deinit) struct repair repair = {.lines = STR_INIT, .watches = STR_INIT};

    if (!audit)
        return;
    if (!files) {
        check_error(in, out, M_("programs"), why);
        return;
    }
    for (size_t i = 0; i < files->count; i++)
        judge_file(in, out, audit, &files->items[i], &repair);
    if (!files->count)
        check_error(in, out, M_("programs"), M_("none was found"));
    print_repair(in, out, &repair, audit);
}
