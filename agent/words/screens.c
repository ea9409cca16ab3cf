/* agentctl's screens. */
#include "agent/words/words_internal.h"

/* clang-format off */
static const struct words_entry entries[] = {
    {"Try 'agentctl --help'.", "请运行 'agentctl --help' 查看用法。"},
};
/* clang-format on */

WORDS_TABLE(words_screens, entries);
