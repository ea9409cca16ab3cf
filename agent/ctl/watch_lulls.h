/* What agentctl watch does not show by itself: findings that a stopped container has not, and has again when it runs.
 */
#ifndef AGENT_CTL_WATCH_LULLS_H
#define AGENT_CTL_WATCH_LULLS_H

#include "common/json_in.h"
#include "common/map.h"

struct watch_lulls {
    struct map *uids; /* of findings that ended as their container stopped */
};

/* Did the transition ROOT come of a container's stop alone, or does it undo that as the container starts? A container
 * that is restarted has the same faults as before. Begin with zeros. */
bool watch_lulls_take(struct watch_lulls *lulls, const struct json *root);
void watch_lulls_deinit(struct watch_lulls *lulls);

#endif
