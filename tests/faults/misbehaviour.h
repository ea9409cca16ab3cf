/* How nonsense_helper.c behaves in the place of a helper: the first character of its file, which a test writes. */
#ifndef TESTS_FAULTS_MISBEHAVIOUR_H
#define TESTS_FAULTS_MISBEHAVIOUR_H

enum misbehaviour {
    HELPER_TALKS_NONSENSE = '?', /* to whatever it is asked */
    HELPER_NEVER_BEGINS = '-',   /* ends at once */
    HELPER_IS_HELD = '='         /* stops as it starts, and serves when it is continued */
};

#endif
