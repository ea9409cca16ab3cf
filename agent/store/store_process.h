/* The process that owns the database. */
#ifndef AGENT_STORE_STORE_PROCESS_H
#define AGENT_STORE_STORE_PROCESS_H

#include "agent/store/store_db.h"

struct store_process {
    const char *path;
    struct store_limits limits;
    const struct clock *clock;
};

/* In the process: serves requests from FD until the other side closes it, then closes the database in order. */
void store_process_run(int fd, const struct store_process *process);

#endif
