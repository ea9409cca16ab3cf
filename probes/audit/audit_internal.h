/* What the files of this room share. Only audit*.c include this. */
#ifndef PROBES_AUDIT_AUDIT_INTERNAL_H
#define PROBES_AUDIT_AUDIT_INTERNAL_H

#include "probes/audit/audit.h"

struct audit_rule_data;

/* ---- audit_calls.c ---- */

/* The machine (MACH_*) that programs of a WIDTH run on: the kernel's own, or the 32-bit one that it runs as well. -1:
 * none. */
int audit_machine(enum audit_width width);
/* Which calls of programs of that width the MASK of a rule holds, reduced to those that PERMS consist of where the rule
 * has permissions. HIDES: it is a "never" rule, which hides a call as soon as it matches one way of calling it. */
uint64_t audit_calls_matched(const uint32_t *mask, enum audit_width width, unsigned perms, bool hides);

/* ---- audit_rule.c ---- */

/* A rule as the kernel keeps it. Texts are allocated in ARENA; target, file and line are left empty. 0, or -EPROTO:
 * malformed rule. */
int audit_read_rule(struct arena *arena, const struct audit_rule_data *data, struct audit_rule *ret,
                    struct error *error);
/* "uid=euid" of -C as the number of AUDIT_FIELD_COMPARE; 0: no such pair. */
uint32_t audit_comparison(const char *left, const char *right);

/* ---- audit_facts.c ---- */

/* Sets FACTS' digest. */
void audit_digest(struct audit_facts *facts);

/* ---- audit_line.c ---- */

/* What a line of a file of rules does. */
struct audit_line {
    enum audit_line_action {
        AUDIT_LINE_NOTHING,
        AUDIT_LINE_ADD,
        AUDIT_LINE_ADD_FIRST,
        AUDIT_LINE_REMOVE,
        AUDIT_LINE_REMOVE_ALL /* those with KEY, if there is one */
    } action;
    struct audit_rule_data *data; /* ADD*, REMOVE */
    const char *key;              /* in the words */
    bool switched, on, lock;      /* -e */
    bool continues;               /* -i or -c: lines that are refused do not end the loading */
};
/* The WORDS as auditctl reads them, which are changed. RET is to be released by audit_line_deinit in either case.
 * False: auditctl or the kernel refuses the line. */
bool audit_line_read(struct audit_line *ret, char **words, size_t count, audit_look *look, void *user);
void audit_line_deinit(struct audit_line *line);
/* One line is appended to RULES or changes them. */
void audit_add_line(struct arena *arena, const struct audit_place_on_disk *line, audit_look *look, void *user,
                    struct audit_rule_list *rules);

/* ---- audit_disk.c ---- */

/* Sets the disk members of FACTS, disk_error if they cannot be read; texts are allocated in its arena. */
void audit_read_disk(const struct host_root *root, struct audit_facts *facts);
/* Sets the targets of the RULES' paths, allocated in ARENA. */
void audit_find_targets(const struct host_root *root, struct arena *arena, struct audit_rule *rules, size_t count);

#endif
