/* The kernel's audit: the rules that are loaded, those that lie on disk, and news of changes.
 *
 * libaudit blocks and CAP_AUDIT_CONTROL may switch auditing off: listing happens in a worker that keeps this one
 * capability, started by a helper so that the agent does not need it. A listing that does not reach its end mark is an
 * error, never "no rules". */
#ifndef PROBES_AUDIT_AUDIT_H
#define PROBES_AUDIT_AUDIT_H

#include <event2/event.h>

#include "common/capability.h"
#include "common/file.h"
#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

enum { AUDIT_PERM_X = 1, AUDIT_PERM_W = 2, AUDIT_PERM_R = 4, AUDIT_PERM_A = 8 };

/* In a worker that keeps AUDIT_CAPABILITIES: lists what is loaded. The argument is not used. */
worker_run audit_run;
#define AUDIT_CAPABILITIES CAPABILITY(CAP_AUDIT_CONTROL)

/* One rule of the kernel's as an object of audit_run's output. -EPROTO: it is not as rules are. Public for its tests.
 */
struct audit_rule_data;
struct json_out;
int audit_write_rule(struct json_out *out, const struct audit_rule_data *rule, struct error *error);

/* Puts both together. OUTPUT: of audit_run; NULL when it failed with KERNEL_ERRNO because of KERNEL_ERROR. */
int audit_parse(const struct host_root *root, const char *output, size_t length, int kernel_errno,
                const char *kernel_error, struct audit_facts **ret, struct error *error);

/* The same in a worker, which reads directories and resolves the rules' paths; its argument is a struct
 * audit_request. */
struct audit_request {
    const struct host_root *root;
    const char *output; /* of audit_run; NULL: it failed with KERNEL_ERRNO because of KERNEL_ERROR */
    size_t length;
    int kernel_errno;
    const char *kernel_error;
};
worker_run audit_merge_run;
/* OUTPUT: of audit_merge_run. 0, or -EPROTO with ERROR. */
int audit_merge_take(const char *output, size_t length, struct audit_facts **ret, struct error *error);

/* "rwxa" as AUDIT_PERM_ bits (audit(7)); other letters count for nothing. */
unsigned audit_parse_perms(const char *text);
/* The rules in one file of auditctl lines, appended to RULES as audit.rules(7) says: -w, -a, -A, -W, -d, -D (-k), -e,
 * their values in the same word or the next; IS_DIRECTORY tells whether -w names a folder. Public for its tests. */
struct audit_rule_list {
    struct audit_rule *items;
    size_t count, size;
    bool disabled; /* -e 0 */
    bool ignores;  /* -i or -c: lines that auditctl refuses do not keep it from loading the next ones */
    bool ended;    /* what stands behind is never loaded: -e 2, or a line that auditctl refuses */
};
void audit_parse_lines(struct arena *arena, const char *text, bool (*is_directory)(const char *path, void *user),
                       void *user, struct audit_rule_list *rules);

/* Calls back when the kernel says that rules or the state of auditing changed (AUDIT_CONFIG_CHANGE records, filtered in
 * the kernel). NULL with ERROR where that is not to be had (CAP_AUDIT_READ, the initial network namespace). */
struct audit_watch;
struct audit_watch *audit_watch_new(struct event_base *base, void (*changed)(void *user), void *user,
                                    struct error *error);
/* OFF: auditing is known to be off. That it is switched on is not told (kernel/audit.c, audit_do_config_change): the
 * first record of a program or a system call does then, of which there are none while it is off. */
void audit_watch_await(struct audit_watch *watch, bool off);
void audit_watch_free(struct audit_watch *watch);

#endif
