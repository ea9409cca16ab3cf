/* What targets require of a layer's summary. */
#ifndef TESTS_FUZZ_SUMMARY_H
#define TESTS_FUZZ_SUMMARY_H

#include "probes/images/layers_internal.h"

static inline void summary_expect_same(const struct layer_summary *a, const struct layer_summary *b)
{
    if (a->entries.count != b->entries.count || a->count != b->count || a->dropped != b->dropped ||
        a->opaque.count != b->opaque.count || a->files.count != b->files.count || a->folders.count != b->folders.count)
        __builtin_trap();
    for (size_t i = 0; i < MANAGER_COUNT; i++)
        if (a->packages[i].names.count != b->packages[i].names.count)
            __builtin_trap();
}

#endif
