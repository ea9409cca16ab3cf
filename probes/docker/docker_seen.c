/* Which events were reported already: a ring of digests. It is searched only where duplicates can come (a replay, the
 * first live event after it), so a scan is cheap enough. */
#include "probes/docker/docker_internal.h"

bool seen_has(const struct seen *seen, uint64_t digest)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->digests[i] == digest)
            return true;
    return false;
}

void seen_add(struct seen *seen, uint64_t digest)
{
    seen->digests[seen->next] = digest;
    seen->next = (seen->next + 1) % SEEN_COUNT;
    if (seen->count < SEEN_COUNT)
        seen->count++;
}

uint64_t seen_newest(const struct seen *seen)
{
    return seen->count ? seen->digests[(seen->next + SEEN_COUNT - 1) % SEEN_COUNT] : 0;
}
