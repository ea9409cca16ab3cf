/* conf.d/waivers.json beside agent.json: the file of waivers that `agentctl waive` writes. */
#ifndef AGENT_CTL_WAIVERS_FILE_H
#define AGENT_CTL_WAIVERS_FILE_H

#include "common/error.h"
#include "common/str.h"

/* The members of one waiver; EXPIRES NULL: never. */
struct waiver_entry {
    const char *rule, *subject, *reason, *by, *expires; /* RULE: several with commas between them */
};

struct waivers_file;

/* Takes hold of FOLDER/waivers.json, which may be missing, until waivers_file_close(): whoever else does so waits.
 * FOLDER is made where it is missing. 0; -EINVAL when the file is not as it was written here (it has comments, other
 * keys) and changing it would lose that; or another negative errno; with ERROR. */
int waivers_file_open(const char *folder, struct waivers_file **ret, struct error *error);
void waivers_file_close(struct waivers_file *file); /* NULL is allowed */
const char *waivers_file_path(const struct waivers_file *file);
/* What the file would be with ENTRY, in the place of one of the same rule and subject if there is such a one; false:
 * there was none. */
bool waivers_file_with(const struct waivers_file *file, const struct waiver_entry *entry, struct str *ret_text);
/* What it would be without those of RULE and SUBJECT. How many these are. */
size_t waivers_file_without(const struct waivers_file *file, const char *rule, const char *subject,
                            struct str *ret_text);
/* Replaces the file by TEXT. 0, or a negative errno with ERROR. */
int waivers_file_write(struct waivers_file *file, const struct str *text, struct error *error);

DEFINE_CLEANUP(struct waivers_file *, cleanup_waivers_file, waivers_file_close)

#endif
