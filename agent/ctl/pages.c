/* From page to page of an answer, which must come to an end whoever answers. */
#include "agent/ctl/ctl.h"
#include "common/memory.h"

enum { PAGES_MAX = 10000 };

static int refuse(const struct ctl *ctl, const char *why)
{
    ctl_complain(tr(ctl, "the agent's pages do not come to an end: %s", "代理的分页没有尽头：%s"), why);
    return EXIT_REFUSED;
}

int ctl_pages_turn(const struct ctl *ctl, struct ctl_pages *pages, const struct json *root, size_t count)
{
    const char *next = json_string(json_get(root, "next"));

    free(take(pages->after));
    if (!next)
        return 0;
    if (!pages->seen)
        pages->seen = map_new(NULL);
    if (!count)
        return refuse(ctl, tr(ctl, "one of them is empty", "其中一页为空"));
    if (map_get(pages->seen, next))
        return refuse(ctl, tr(ctl, "one of them is repeated", "其中一页重复出现"));
    if (map_count(pages->seen) >= PAGES_MAX)
        return refuse(ctl, tr(ctl, "there are too many", "页数过多"));
    map_set(pages->seen, next, pages);
    pages->after = mem_strdup(next);
    return 0;
}

void ctl_pages_deinit(struct ctl_pages *pages)
{
    free(pages->after);
    map_free(pages->seen);
}
