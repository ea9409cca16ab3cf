/* A bound on the work that a hostile text may cause, counted in steps: no clock, so that the same text costs the same
 * everywhere and a test can compare two counts. A step is a few machine instructions: a character, or a part of a word
 * that is compared. Whoever works takes steps first, in proportion to what it is about to do, and stops when they are
 * used up. */
#ifndef COMMON_BUDGET_H
#define COMMON_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    size_t taken, max;
};

/* Takes STEPS more. False: they are used up, now or before. */
static inline bool budget_take(struct budget *budget, size_t steps)
{
    budget->taken = budget->taken + steps < budget->taken ? SIZE_MAX : budget->taken + steps;
    return budget->taken <= budget->max;
}

static inline bool budget_is_over(const struct budget *budget)
{
    return budget->taken > budget->max;
}

#endif
