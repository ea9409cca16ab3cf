/* Rules of the white paper that this version lists and does not evaluate yet. They say so; they never pass. */
#include "agent/checks/checks.h"

void check_not_evaluated(const struct check_input *in, struct check_result *out)
{
    check_say(in, out, VERDICT_ERROR, "not evaluated by this version");
}
