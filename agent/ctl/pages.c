/* From page to page of an answer, which must come to an end whoever answers. */
#include "agent/ctl/ctl.h"
#include "common/memory.h"

enum { PAGES_MAX = 10000 };

static int refuse(const char *why)
{
    ctl_complain("the agent's pages do not come to an end: %s", why);
    return EXIT_REFUSED;
}

int ctl_pages_turn(struct ctl_pages *pages, const struct json *root, size_t count)
{
    const char *next = json_string(json_get(root, "next"));

    free(take(pages->after));
    if (!next)
        return 0;
    if (!pages->seen)
        pages->seen = map_new(NULL);
    if (!count)
        return refuse("one of them is empty");
    if (map_get(pages->seen, next))
        return refuse("one of them comes again");
    if (map_count(pages->seen) >= PAGES_MAX)
        return refuse("there are too many");
    map_set(pages->seen, next, pages);
    pages->after = mem_strdup(next);
    return 0;
}

void ctl_pages_deinit(struct ctl_pages *pages)
{
    free(pages->after);
    map_free(pages->seen);
}
