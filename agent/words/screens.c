/* agentctl's screens. */
#include "agent/words/words_internal.h"

/* clang-format off */
static const struct words_entry entries[] = {
};
/* clang-format on */

WORDS_TABLE(words_screens, entries);
