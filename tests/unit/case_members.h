/* What every check owes the members of the engine's documents: without one, with null in its place, with another type
 * or a number out of range no finding becomes harmless; where a member that the check's row names is missing it is an
 * error. Tried on every case, with each member of each document in turn. */
#ifndef TESTS_UNIT_CASE_MEMBERS_H
#define TESTS_UNIT_CASE_MEMBERS_H

#include "case.h"

enum { RULES_MAX = 256, CASES_OF_EACH = 6 };

struct member_trials {
    struct case_rules *rules;
    unsigned tried[RULES_MAX][VERDICT_COUNT]; /* cases of each rule and verdict: only the first ones are tried */
    size_t trials, failed;                    /* what goes wrong is printed and counted */
};

/* USER: struct member_trials. */
case_function try_without_members;

#endif
