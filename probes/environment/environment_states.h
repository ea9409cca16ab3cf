/* What one variable may be: a set of possible states, as a condition that is not known leaves two where there was one.
 * Only environment*.c include this. */
#ifndef PROBES_ENVIRONMENT_ENVIRONMENT_STATES_H
#define PROBES_ENVIRONMENT_ENVIRONMENT_STATES_H

#include "common/memory.h"
#include "probes/facts/facts.h"

enum { ENVIRONMENT_STATES_MAX = 8 };

/* COUNT 0: this point is not reached. */
struct environment_states {
    struct environment_item items[ENVIRONMENT_STATES_MAX];
    size_t count;
};

/* Adds those of OTHER; when there are more than fit, one of them becomes "not known". */
void environment_states_join(struct environment_states *states, const struct environment_states *other);

/* These act on every state. Strings must live as long as the states. A value that is NULL unsets. */
void environment_states_assign(struct environment_states *states, const char *place, unsigned line, const char *value,
                               bool computed);
void environment_states_export(struct environment_states *states, const char *place, unsigned line, bool exported);
void environment_states_all_export(struct environment_states *states, bool on);

/* What the shell program TEXT does to the variable NAME; PLACE names it, and like what is kept of TEXT lies in ARENA.
 */
void environment_read_shell(struct environment_states *states, struct arena *arena, const char *place, const char *text,
                            const char *name);

#endif
