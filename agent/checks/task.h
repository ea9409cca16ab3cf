/* Is a container a swarm's task? A label says so of any container whose image or owner likes to: only a manager that
 * has such a task on this node knows. */
#ifndef AGENT_CHECKS_TASK_H
#define AGENT_CHECKS_TASK_H

#include "agent/model/check.h"

enum task_state {
    TASK_NONE,       /* it is none, whatever a label says */
    TASK_REAL,       /* this node's swarm has it */
    TASK_UNVERIFIED, /* the label says so, and this node is a worker, which cannot see the swarm's tasks */
    TASK_UNKNOWN     /* the label says so, and what would tell could not be read */
};

struct task {
    enum task_state state;
    const char *service_id; /* of a real one */
    const char *why;        /* UNKNOWN: what could not be read, and why */
};

/* Reads info and tasks, where CONTAINER has the label. */
struct task check_task(const struct check_input *in, const struct container_facts *container);
/* For UNVERIFIED and UNKNOWN: reports manual or error, in place of a failure that only matters if the container is no
 * task. */
void check_say_unverified(const struct check_input *in, struct check_result *out, const struct task *task);

#endif
