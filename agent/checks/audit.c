/* Audit rules of section 1: is a file or folder watched by the kernel, as it is loaded now?
 *
 * Rules are read in the kernel's order: one that says "never" hides what comes behind it. Several watches together may
 * cover the permissions. What only lies on disk is told, but does not count unless the kernel cannot be asked. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/audit.h"

enum outcome { COVERED, MISSED, PARTLY, HIDDEN };

struct coverage {
    enum outcome outcome;
    const struct audit_rule *by; /* the rule that covers or hides */
    unsigned perms;              /* covered */
};

static unsigned parse_perms(const char *text)
{
    unsigned perms = 0;

    for (; *text; text++)
        perms |= *text == 'x'   ? AUDIT_PERM_X
                 : *text == 'w' ? AUDIT_PERM_W
                 : *text == 'r' ? AUDIT_PERM_R
                 : *text == 'a' ? AUDIT_PERM_A
                                : 0;
    return perms;
}

static bool covers(const struct audit_rule *rule, const char *path)
{
    return rule->path && path &&
           (strcmp(rule->path, path) == 0 || (rule->directory && check_path_within(path, rule->path)));
}

static struct coverage look(const struct audit_rule *rules, size_t count, const struct file_facts *file,
                            unsigned wanted)
{
    struct coverage found = {.outcome = MISSED};

    for (size_t i = 0; i < count; i++) {
        const struct audit_rule *rule = &rules[i];
        bool matches = covers(rule, file->target) || covers(rule, file->path);

        if (rule->conditional)
            continue;
        if (rule->never && (matches || !rule->path)) {
            found.outcome = HIDDEN;
            found.by = rule;
            return found;
        }
        if (rule->list != AUDIT_LIST_EXIT || rule->never || !matches)
            continue;
        found.perms |= rule->perms;
        found.by = rule;
        found.outcome = (found.perms & wanted) == wanted ? COVERED : PARTLY;
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

static void remedy_watch(const struct check_input *in, struct check_result *out, const struct file_facts *file)
{
    scoped_str path = STR_INIT;

    if (!in->explain)
        return;
    text_shell_quote(&path, file->target ? file->target : file->path);
    check_remedy(in, out,
                 "auditctl -w %s -p %s -k docker && echo '-w %s -p %s -k docker' >> /etc/audit/rules.d/docker.rules",
                 path.data, check_param(in, "permissions")->string, file->target ? file->target : file->path,
                 check_param(in, "permissions")->string);
}

static void say_coverage(const struct check_input *in, struct check_result *out, const struct file_facts *file,
                         const struct coverage *found, const char *where, const struct coverage *on_disk)
{
    char perms[5];

    switch (found->outcome) {
    case COVERED:
        check_say(in, out, VERDICT_PASS, "%s is watched%s, by %s", file->path, where, found->by->path);
        return;
    case HIDDEN:
        check_say(in, out, VERDICT_FAIL, "%s: a rule that says never%s%s hides every watch behind it%s", file->path,
                  found->by->path ? ", of " : "", found->by->path ? found->by->path : "", where);
        break;
    case PARTLY:
        check_say(in, out, VERDICT_FAIL, "%s is watched%s by %s for %s only, %s is wanted", file->path, where,
                  found->by->path, spell_perms(found->perms, perms), check_param(in, "permissions")->string);
        break;
    case MISSED:
        check_say(in, out, VERDICT_FAIL, "%s is not watched%s%s", file->path, where,
                  on_disk && on_disk->outcome == COVERED
                      ? "; a rule for it lies on disk and is not loaded (augenrules --load)"
                      : "");
        break;
    }
    remedy_watch(in, out, file);
}

static void judge(const struct check_input *in, struct check_result *out, const struct file_facts *file)
{
    unsigned wanted = parse_perms(check_param(in, "permissions")->string);
    const char *why;
    const struct audit_facts *audit = store_audit(in->store, &why);
    struct coverage kernel, disk;

    if (file->error) {
        check_error(in, out, file->path, file->error);
        return;
    }
    if (!audit) {
        check_error(in, out, "audit", why);
        return;
    }
    disk = look(audit->disk, audit->disk_count, file, wanted);
    if (audit->kernel_error) {
        scoped_str where = STR_INIT;

        if (audit->disk_error) {
            check_say(in, out, VERDICT_ERROR, "audit: %s; %s", audit->kernel_error, audit->disk_error);
            return;
        }
        str_printf(&where, " (says /etc/audit; the kernel's own rules could not be read: %s)", audit->kernel_error);
        say_coverage(in, out, file, &disk, where.data, NULL);
        return;
    }
    if (!audit->enabled) {
        check_say(in, out, VERDICT_FAIL, "%s is not watched: auditing is switched off", file->path);
        check_remedy(in, out, "auditctl -e 1");
        return;
    }
    kernel = look(audit->kernel, audit->kernel_count, file, wanted);
    say_coverage(in, out, file, &kernel, "", &disk);
}

void check_audit_watch(const struct check_input *in, struct check_result *out)
{
    judge(in, out, in->file);
}

/* One verdict on all files of the source. */
void check_audit_programs(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct fileset_facts *files = store_files(in->store, rule_file_source(in->rule), &why);

    if (!files) {
        check_error(in, out, "programs", why);
        return;
    }
    for (size_t i = 0; i < files->count; i++)
        judge(in, out, &files->items[i]);
    if (!files->count)
        check_error(in, out, "programs", "none of them was found");
}
