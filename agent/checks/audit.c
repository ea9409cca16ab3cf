/* Audit rules of section 1: is a file or directory watched by the rules loaded in the kernel?
 *
 * Rules are read in the kernel's order: a "never" rule hides what follows it. Several watches together may cover the
 * permissions. Rules that exist only on disk are reported, but do not count unless the kernel cannot be asked. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/audit/audit.h"

enum outcome { COVERED, MISSED, PARTLY, HIDDEN };

struct coverage {
    enum outcome outcome;
    const struct audit_rule *by; /* the rule that covers or hides */
    unsigned perms;              /* covered */
    bool by_link;                /* a rule names the link, which does not reach the file */
};

static bool reaches(const struct audit_rule *rule, const char *rule_path, const char *path)
{
    return rule_path && path &&
           (strcmp(rule_path, path) == 0 || (rule->directory && check_path_within(path, rule_path)));
}

static bool covers(const struct audit_rule *rule, const struct file_facts *file)
{
    if (rule->target)
        return reaches(rule, rule->target, file->target ? file->target : file->path);
    return reaches(rule, rule->path, file->target) || reaches(rule, rule->path, file->path);
}

/* What excludes records, or tasks from auditing, does so at any position. */
static const struct audit_rule *find_blindfold(const struct audit_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].list == AUDIT_LIST_OTHER && rules[i].never && !rules[i].conditional)
            return &rules[i];
    return NULL;
}

static struct coverage find_coverage(const struct audit_rule *rules, size_t count, const struct file_facts *file,
                                     unsigned wanted)
{
    struct coverage found = {.outcome = MISSED};
    const struct audit_rule *hidden_by = find_blindfold(rules, count);
    unsigned hidden = hidden_by ? wanted : 0;

    for (size_t i = 0; i < count; i++) {
        const struct audit_rule *rule = &rules[i];
        bool matches = covers(rule, file);
        unsigned seen;

        found.by_link |= !matches && reaches(rule, rule->path, file->path);
        if (rule->conditional || rule->list != AUDIT_LIST_EXIT || (!matches && (rule->path || !rule->never)))
            continue;
        if (rule->never) {
            hidden_by = rule->perms & ~hidden & ~found.perms & wanted ? rule : hidden_by;
            hidden |= rule->perms;
            continue;
        }
        seen = rule->perms & ~hidden;
        if (rule->perms & ~found.perms & hidden & wanted) { /* it would have, but for the rule before it */
            found.outcome = HIDDEN;
            found.by = hidden_by;
        }
        if (!seen)
            continue;
        found.perms |= seen;
        if (found.outcome != HIDDEN || (found.perms & wanted) == wanted) {
            found.outcome = (found.perms & wanted) == wanted ? COVERED : PARTLY;
            found.by = rule;
        }
        if (found.outcome == COVERED)
            return found;
    }
    return found;
}

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

/* PATH as a word of a file of rules, where a backslash keeps a blank in it. */
static void write_rule_word(struct str *out, const char *path)
{
    for (; *path; path++) {
        str_append(out, *path == ' ' || *path == '\\' ? "\\" : "");
        str_append_char(out, *path);
    }
}

static void remedy_watch(const struct check_input *in, struct check_result *out, const struct file_facts *file)
{
    const char *path = file->target ? file->target : file->path, *perms = check_param(in, "permissions")->string;
    scoped_str word = STR_INIT, line = STR_INIT, quoted = STR_INIT;

    if (!in->explain)
        return;
    text_shell_quote(&word, path);
    str_append(&line, "-w ");
    write_rule_word(&line, path);
    str_printf(&line, " -p %s -k docker", perms);
    text_shell_quote(&quoted, line.data);
    check_remedy(in, out, "auditctl -w %s -p %s -k docker && echo %s >> /etc/audit/rules.d/docker.rules", word.data,
                 perms, quoted.data);
}

static const char *describe(const struct audit_rule *rule)
{
    return rule->path ? rule->path : rule->list == AUDIT_LIST_EXIT ? "every system call" : "every record or task";
}

static void say_coverage(const struct check_input *in, struct check_result *out, const struct file_facts *file,
                         const struct coverage *found, const char *where, const struct coverage *on_disk)
{
    bool only_on_disk = on_disk && on_disk->outcome == COVERED;
    const char *disk = only_on_disk ? "; a rule for it exists on disk but is not loaded (augenrules --load)" : "";
    char perms[5];

    switch (found->outcome) {
    case COVERED:
        check_say(in, out, VERDICT_PASS, "%s is watched%s by the %srule for %s", file->path, where,
                  *where ? "" : "loaded ", found->by->path);
        return;
    case HIDDEN:
        check_say(in, out, VERDICT_FAIL, "%s is not watched%s: a never or exclude rule for %s hides it%s", file->path,
                  where, describe(found->by), disk);
        break;
    case PARTLY:
        check_say(in, out, VERDICT_FAIL, "%s is watched%s by the rule for %s, but for %s only; %s is required%s",
                  file->path, where, found->by->path, spell_perms(found->perms, perms),
                  check_param(in, "permissions")->string, disk);
        break;
    case MISSED:
        check_say(in, out, VERDICT_FAIL, "%s is not watched%s%s%s", file->path, where,
                  found->by_link ? ": a watch on a symbolic link does not cover its target" : "", disk);
        break;
    }
    remedy_watch(in, out, file);
}

/* The kernel may not be asked: what the files would have it watch is the best that is known. */
static void judge_by_files(const struct check_input *in, struct check_result *out, const struct file_facts *file,
                           const struct audit_facts *audit, const struct coverage *disk)
{
    scoped_str where = STR_INIT;

    if (audit->disk_error) {
        check_say(in, out, VERDICT_ERROR, "audit: %s; %s", audit->kernel_error, audit->disk_error);
        return;
    }
    str_printf(&where, " (according to /etc/audit; the kernel's own rules could not be read: %s)", audit->kernel_error);
    if (!audit->disk_disabled) {
        say_coverage(in, out, file, disk, where.data, NULL);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "%s is not watched: the rules switch auditing off%s", file->path, where.data);
    check_remedy(in, out, "# remove the line \"-e 0\" from /etc/audit/rules.d, then: augenrules --load");
}

/* NULL: nothing is known about the rules, which has been reported. */
static const struct audit_facts *need_audit(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct audit_facts *audit = store_audit(in->store, &why);

    if (audit && audit->kernel_state != AUDIT_KERNEL_UNKNOWN)
        return audit;
    check_error(in, out, "audit", audit ? audit->kernel_error : why);
    return NULL;
}

static void judge_file(const struct check_input *in, struct check_result *out, const struct audit_facts *audit,
                       const struct file_facts *file)
{
    unsigned wanted = audit_parse_perms(check_param(in, "permissions")->string);
    struct coverage kernel, disk;

    if (file->error) {
        check_error(in, out, file->path, file->error);
        return;
    }
    disk = find_coverage(audit->disk, audit->disk_count, file, wanted);
    switch (audit->kernel_state) {
    case AUDIT_KERNEL_READ:
    case AUDIT_KERNEL_UNKNOWN:
        break;
    case AUDIT_KERNEL_DENIED:
        judge_by_files(in, out, file, audit, &disk);
        return;
    case AUDIT_KERNEL_ABSENT:
        check_say(in, out, VERDICT_FAIL, "%s is not watched: the kernel has no auditing support (%s)", file->path,
                  audit->kernel_error);
        return;
    }
    if (!audit->enabled) {
        check_say(in, out, VERDICT_FAIL, "%s is not watched: auditing is switched off", file->path);
        if (!out->remedy.length)
            check_remedy(in, out, "auditctl -e 1");
        return;
    }
    kernel = find_coverage(audit->kernel, audit->kernel_count, file, wanted);
    say_coverage(in, out, file, &kernel, "", &disk);
    if (kernel.outcome != COVERED && audit->locked)
        check_say(in, out, VERDICT_FAIL, "the rules are locked until the next boot (-e 2)");
}

void check_audit_watch(const struct check_input *in, struct check_result *out)
{
    const struct audit_facts *audit = need_audit(in, out);

    if (audit)
        judge_file(in, out, audit, in->file);
}

/* One verdict on all files of the source. */
void check_audit_programs(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct fileset_facts *files = store_files(in->store, rule_file_source(in->rule), &why);
    const struct audit_facts *audit = need_audit(in, out);

    if (!audit)
        return;
    if (!files) {
        check_error(in, out, "programs", why);
        return;
    }
    for (size_t i = 0; i < files->count; i++)
        judge_file(in, out, audit, &files->items[i]);
    if (!files->count)
        check_error(in, out, "programs", "none was found");
}
