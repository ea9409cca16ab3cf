/* The configuration as the agent saw it when the engine's process read it: kept over restarts of the agent, so that a
 * file that is changed later is not taken for what runs. */
#ifndef PROBES_DAEMON_DAEMON_MEMORY_H
#define PROBES_DAEMON_DAEMON_MEMORY_H

#include "common/error.h"
#include "probes/facts/facts.h"

struct daemon_memory;

/* Reads STATE_DIR/daemon.json; nothing is remembered where that cannot be read. KEEP: what is learned is written there.
 * The caller frees. */
struct daemon_memory *daemon_memory_new(const char *state_dir, bool keep);
void daemon_memory_free(struct daemon_memory *memory);

/* The engine reported at AT that it has read its configuration again. */
void daemon_memory_reloaded(struct daemon_memory *memory, usec_t at);
/* FACTS were just read. If their file is the one that the process has read it is remembered; if it was changed since,
 * and this process is remembered, FACTS' options become those that it has read, and the file's become "next". At a
 * reload only the options that dockerd can reload are taken over. 0, or a negative errno with ERROR if it could not be
 * written; FACTS are right all the same. */
int daemon_memory_apply(struct daemon_memory *memory, struct daemon_facts *facts, struct error *error);

#endif
