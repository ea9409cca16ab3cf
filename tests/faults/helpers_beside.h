/* The helpers of an agent beside a test: found among the processes, and replaced by what misbehaves. */
#ifndef TESTS_FAULTS_HELPERS_BESIDE_H
#define TESTS_FAULTS_HELPERS_BESIDE_H

#include "beside.h"
#include "misbehaviour.h"

/* The process that is ROLE's, not one of its tasks; 0: there is none. */
pid_t helpers_find(const struct beside *beside, const char *role);
/* A task of ROLE is under way. */
bool helpers_has_task(const struct beside *beside, const char *role);
/* By a signal, and has not been continued. */
bool helpers_is_stopped(pid_t pid);
/* What the status says of ROLE; -1: nothing. */
int64_t helpers_restarts(struct beside *beside, const char *role);
/* Its last error there; "" for none. Good until the next answer. */
const char *helpers_last_error(struct beside *beside, const char *role);

struct misbehaving {
    struct beside *beside;
    char *file, *host;
};
/* An agent started from now on has helpers that look whether they are to misbehave as they start. */
void misbehaving_begin(struct misbehaving *misbehaving, struct beside *beside);
/* That one of ROLE does, from its next start on; all others do not. NULL: none does. */
void misbehaving_set(struct misbehaving *misbehaving, enum misbehaviour how, const char *role);
/* After the agent's end. */
void misbehaving_end(struct misbehaving *misbehaving);

#endif
