/* Starting up touches code that never runs again: relocations and constructors of fifty libraries, readers of rules and
 * configuration. Its pages stay resident as long as nobody says that they may go. A mapping is let go only where the
 * kernel says that no page of it is this process's own copy (relocated, or written by a debugger): what is dropped is
 * what the file holds. */
#include "common/trim.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"

struct mapping {
    uintptr_t begin, end;
    size_t resident, own; /* KiB */
    bool wanted;          /* private, of a file, not writable */
};

static bool read_head(const char *line, struct mapping *ret)
{
    char flags[5];
    unsigned long inode;

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &ret->begin, &ret->end, flags, &inode) != 4)
        return false;
    ret->wanted = inode && flags[0] == 'r' && flags[1] == '-' && flags[3] == 'p';
    ret->resident = ret->own = 0;
    return true;
}

static size_t drop(const struct mapping *mapping)
{
    if (!mapping->wanted || mapping->own || !mapping->resident)
        return 0;
    if (madvise((void *)mapping->begin, mapping->end - mapping->begin, MADV_DONTNEED) < 0)
        return 0;
    return mapping->resident * 1024;
}

size_t memory_trim(void)
{
    scoped(cleanup_fclose) FILE *maps = NULL;
    struct mapping mapping = {0};
    char line[4096];
    size_t dropped = 0, kib;

    malloc_trim(0);
    maps = fopen("/proc/self/smaps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        struct mapping next;

        if (sscanf(line, "Rss: %zu kB", &kib) == 1) {
            mapping.resident = kib;
        } else if (sscanf(line, "Anonymous: %zu kB", &kib) == 1) {
            mapping.own = kib;
        } else if (read_head(line, &next)) {
            dropped += drop(&mapping);
            mapping = next;
        }
    }
    return dropped + drop(&mapping);
}
