/* Findings that come and go with whether their container runs, in bounded memory. */
#include "agent/ctl/watch_lulls.h"

#include <string.h>

#include "common/str.h"

enum { UIDS_MAX = 4096 };

static const char *const stops[] = {"docker:container/die", "docker:container/stop", "docker:container/kill", NULL};
static const char *const starts[] = {"docker:container/start", "docker:container/restart", NULL};

static bool is_one_of(const char *const *causes, const char *cause)
{
    while (*causes && !str_equal(*causes, cause))
        causes++;
    return *causes != NULL;
}

static void remember(struct watch_lulls *lulls, const char *uid)
{
    if (lulls->uids && map_count(lulls->uids) >= UIDS_MAX)
        watch_lulls_deinit(lulls); /* some will be shown as they come back */
    if (!lulls->uids)
        lulls->uids = map_new(NULL);
    map_set(lulls->uids, uid, lulls);
}

bool watch_lulls_take(struct watch_lulls *lulls, const struct json *root)
{
    const char *uid = json_string(json_get(root, "uid")), *cause = json_string(json_get(root, "cause"));
    const char *status = json_string(json_get(root, "status")), *previous = json_string(json_get(root, "previous"));

    if (!uid)
        return false;
    if (str_equal(status, "not_applicable") && is_one_of(stops, cause)) {
        remember(lulls, uid);
        return true;
    }
    if (!lulls->uids || !map_get(lulls->uids, uid))
        return false;
    map_remove(lulls->uids, uid);
    return str_equal(previous, "not_applicable") && is_one_of(starts, cause);
}

void watch_lulls_deinit(struct watch_lulls *lulls)
{
    map_free(lulls->uids);
    *lulls = (struct watch_lulls){0};
}
