/* The score: how many of a hundred scored rules pass. */
#ifndef AGENT_EVALUATOR_SCORE_H
#define AGENT_EVALUATOR_SCORE_H

#include "agent/evaluator/evaluator.h"

/* Of the rules that are enabled and scored, and that pass or fail. */
struct score {
    double value;                   /* 0–100; 0 when no rule counts */
    double without_waivers;         /* the same as if there were no waivers */
    unsigned passed, counted;       /* a rule whose every failure is waived counts as passed */
    unsigned passed_unwaived;       /* those that pass without a waiver's help */
    unsigned counts[VERDICT_COUNT]; /* of all enabled rules, by their own verdict */
    unsigned waived;                /* findings */
};

void evaluator_score(const struct evaluator *evaluator, struct score *ret);

#endif
