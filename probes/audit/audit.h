/* The kernel's audit: the rules that are loaded, those on disk, and notification of changes.
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

/* In a worker that keeps AUDIT_CAPABILITIES: lists the loaded rules. The argument is not used. */
worker_run audit_run;
#define AUDIT_CAPABILITIES CAPABILITY(CAP_AUDIT_CONTROL)

/* Writes one of the kernel's rules as an object of audit_run's output. 0, or -EPROTO: malformed rule. Public for its
 * tests. */
struct audit_rule_data;
struct json_out;
int audit_write_rule(struct json_out *out, const struct audit_rule_data *rule, struct error *error);

/* Merges the kernel's and the on-disk rules. OUTPUT: of audit_run; NULL if it failed with KERNEL_ERRNO, described by
 * KERNEL_ERROR. The caller frees RET. 0 or a negative errno. */
int audit_parse(const struct host_root *root, const char *output, size_t length, int kernel_errno,
                const char *kernel_error, struct audit_facts **ret, struct error *error);

/* The same in a worker, which reads directories and resolves the rules' paths; its argument is a struct
 * audit_request. */
struct audit_request {
    const struct host_root *root;
    const char *output; /* of audit_run; NULL: it failed with KERNEL_ERRNO, described by KERNEL_ERROR */
    size_t length;
    int kernel_errno;
    const char *kernel_error;
};
worker_run audit_merge_run;
/* OUTPUT: of audit_merge_run. The caller frees RET. 0, or -EPROTO with ERROR. */
int audit_merge_take(const char *output, size_t length, struct audit_facts **ret, struct error *error);

/* ---- System calls: bits of struct audit_rule's calls ---- */

/* Those that PERMS consist of for programs of that width; 0: the host does not run such programs. */
uint64_t audit_calls_of(unsigned perms, enum audit_width width);
/* The permissions that SOME of the calls belong to. */
unsigned audit_calls_perms(uint64_t some);
/* NULL: there is no such bit. */
const char *audit_call_name(unsigned bit);
/* "rwxa" as AUDIT_PERM_ bits (audit(7)); other letters are ignored. */
unsigned audit_parse_perms(const char *text);

/* ---- Files ---- */

/* What the host has by the NAME that a rule gives: the path of a file, a user, or a group. */
enum audit_kind { AUDIT_KIND_PATH, AUDIT_KIND_USER, AUDIT_KIND_GROUP };
enum audit_place {
    AUDIT_PLACE_MISSING, /* nothing; of a path: its directory is not there either */
    AUDIT_PLACE_ABSENT,
    AUDIT_PLACE_FILE, /* or the user or group */
    AUDIT_PLACE_DIRECTORY
};
typedef enum audit_place audit_look(enum audit_kind kind, const char *name, void *user);

/* The rules in one file of auditctl lines, appended to RULES according to auditctl(8): lines that auditctl or the
 * kernel refuses end it. LOOK tells what is at the paths. Texts are allocated in ARENA. */
struct audit_rule_list {
    struct audit_rule *items;
    size_t count, size;
    bool disabled; /* -e 0 */
    bool ignores;  /* -i or -c: a line that is refused does not keep the next ones from being loaded */
    bool ended;    /* what follows is never loaded: -e 2, or a line that is refused */
    struct audit_place_on_disk refused, off; /* the line that is refused, and that with -e 0; no text: none */
};
void audit_parse_lines(struct arena *arena, const char *text, audit_look *look, void *user,
                       struct audit_rule_list *rules);

/* ---- Notifications ---- */

/* A netlink socket that receives the kernel's audit records. It requires CAP_AUDIT_READ and the initial network
 * namespace, reading from it nothing. The caller closes RET_FD. 0, or a negative errno with ERROR. */
int audit_open_news(int *ret_fd, struct error *error);
#define AUDIT_NEWS_CAPABILITIES CAPABILITY(CAP_AUDIT_READ)

/* Calls CHANGED when the kernel reports on FD, such a socket, that rules or the state of auditing changed
 * (AUDIT_CONFIG_CHANGE records, filtered in the kernel). Takes FD over. The caller frees. NULL with ERROR if that is
 * not possible. */
struct audit_watch;
struct audit_watch *audit_watch_new(struct event_base *base, int fd, void (*changed)(void *user), void *user,
                                    struct error *error);
/* OFF: auditing is known to be off. The kernel does not report that it is switched on (kernel/audit.c,
 * audit_do_config_change); the first record of a program or a system call does, as there are none while it is off. */
void audit_watch_await(struct audit_watch *watch, bool off);
void audit_watch_free(struct audit_watch *watch);

#endif
