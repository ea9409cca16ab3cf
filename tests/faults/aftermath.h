/* What has to be so after any fault: the findings are those of a fresh scan. And, where figures are asked for
 * (FAULTS_FIGURES in the environment, as tests/faults/run sets it), for how long the agent's loop stood still meanwhile
 * and the most memory that it took, as lines "figure: …" on standard output. FAULTS_STALL_MS=50 makes the former a
 * condition. */
#ifndef TESTS_FAULTS_AFTERMATH_H
#define TESTS_FAULTS_AFTERMATH_H

#include <sys/types.h>

#include "beside.h"
#include "common/map.h"

/* Verdicts by "RULE KIND ID" of all that the agent has found, and of a scan by another one; those on execs, which
 * nobody but the agent remembers, are left out. The caller frees. */
struct map *aftermath_findings(struct beside *beside);
struct map *aftermath_fresh_scan(struct beside *beside);
/* The fresh scan that is equal to what the agent has found, or comes to be within minutes (an event may be under way).
 * There is something in it. */
struct map *aftermath_equal_scan(struct beside *beside);
/* The same: how many findings there are. */
size_t aftermath_check(struct beside *beside);

/* A process that asks for /healthz all the time, from now on. It counts what it waited for without what either process
 * waited for a processor, so that a busy machine makes no stalls. */
struct pace {
    pid_t pid; /* 0: no figures are asked for */
    int results;
    const char *what;
};
void pace_begin(struct pace *pace, const struct beside *beside, const char *what); /* once the agent answers */
void pace_end(struct pace *pace, const struct beside *beside);

#endif
