/* Feeding a facts object's digest field by field, for the probes that read files (those that read engine documents have
 * parse_util.h). */
#ifndef PROBES_FACTS_DIGEST_H
#define PROBES_FACTS_DIGEST_H

#include <string.h>

#include "common/map.h"

static inline void digest_number(struct hash *hash, int64_t number)
{
    hash_bytes(hash, &number, sizeof number);
}

/* NULL and "" differ. */
static inline void digest_text(struct hash *hash, const char *text)
{
    if (text)
        hash_bytes(hash, text, strlen(text));
    else
        digest_number(hash, -1);
}

#endif
