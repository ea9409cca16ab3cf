/* Values in the files of systemd units (systemd.syntax(7)). The one reader of them: whatever a unit says is asked here.
 */
#ifndef PROBES_HOST_UNIT_FILE_H
#define PROBES_HOST_UNIT_FILE_H

#include "common/error.h"
#include "common/file.h"
#include "common/vec.h"
#include "probes/facts/facts.h"

struct path_list {
    char **items; /* owned */
    size_t count, size;
};
void path_list_deinit(struct path_list *list);

/* Appends the unit's file and its drop-ins; nothing if there is no such unit. 0, or a negative errno with ERROR. UNITS:
 * see unit_lookup(). */
int unit_files(const struct host_root *root, const struct units_facts *units, const char *unit, struct path_list *ret,
               struct error *error);
/* Calls BACK with each path where UNIT's files may appear (systemd.unit(5)); TREE: a directory of them. */
void unit_places(const char *unit, void (*back)(const char *path, bool tree, void *user), void *user);

/* Calls BACK with each assignment below [SECTION] in TEXT, in order: lines that end in a backslash are joined, comments
 * (also between joined lines) are left out, blanks round key and value are cut. What systemd ignores is not reported.
 * TEXT is changed. */
typedef void unit_assignment(const char *key, const char *value, void *user);
void unit_file_parse(char *text, const char *section, unit_assignment *back, void *user);
/* Appends VALUE with the specifiers of UNIT replaced as systemd does for the system's own units: %t is /run. Those that
 * need more than the unit's name stay as they are. */
void unit_expand(const char *unit, const char *value, struct str *ret);

/* The assignments below [SECTION] of UNIT's file and its drop-ins, in systemd's order. 0, or a negative errno with
 * ERROR; a file that has vanished counts as empty. RET_EXISTS (may be NULL): there is such a unit. */
int unit_read(const struct host_root *root, const struct units_facts *units, const char *unit, const char *section,
              unit_assignment *back, void *user, bool *ret_exists, struct error *error);
/* The value of KEY that counts, the last one that was assigned and not reset, specifiers replaced; NULL: not set. The
 * caller frees RET. 0, or a negative errno with ERROR. */
int unit_value(const struct host_root *root, const struct units_facts *units, const char *unit, const char *section,
               const char *key, char **ret, struct error *error);

#endif
