/* Does a configuration file say what runs, or what the next start will do? */
#ifndef PROBES_DAEMON_DAEMON_AGE_H
#define PROBES_DAEMON_DAEMON_AGE_H

#include "common/file.h"
#include "probes/facts/facts.h"

/* The clock tick, the time that a program takes from its start to reading its configuration. */
enum { DAEMON_AGE_SLACK_USEC = 250000 };

/* The later of CHANGED and the ctime of PATH, or of PATH itself if that is a link; MODIFIED (may be NULL) likewise by
 * mtime. Missing paths count for nothing. */
void daemon_age_of_file(const struct host_root *root, const char *path, usec_t *modified, usec_t *changed);
/* When PATH, which is not there, was probably removed: the folder changed then, and no entry of it explains that. 0:
 * not since SINCE. */
usec_t daemon_age_removed(const struct host_root *root, const char *path, usec_t since);
/* Sets FACTS' config_age by its times. */
void daemon_age_judge(struct daemon_facts *facts);

#endif
