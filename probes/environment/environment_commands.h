/* The simple commands of a shell program, as far as they act on one variable. Only environment*.c include this. */
#ifndef PROBES_ENVIRONMENT_ENVIRONMENT_COMMANDS_H
#define PROBES_ENVIRONMENT_ENVIRONMENT_COMMANDS_H

#include "common/vec.h"
#include "probes/environment/environment_states.h"

enum { ENVIRONMENT_FUNCTIONS_MAX = 256 };

enum truth { TRUTH_MAYBE, TRUTH_NO, TRUTH_YES };

struct environment_word {
    char *text;         /* without quotes */
    size_t name_length; /* of NAME in an assignment, else 0 */
    bool quoted, computed;
};

struct environment_script {
    struct arena *arena;
    const char *place, *name;                    /* the program's, the variable's */
    struct environment_states *states, returned; /* now; where the program was left */
    VEC(char *) touching;                        /* functions that do something to the variable; they are owned */
    size_t touched;                              /* how often something was done to it */
    size_t isolations;                           /* subshells and functions around: leaving those is not leaving it */
};

/* Runs assignments, or a command with assignments before it, from LINE; gives what its result is known to be. */
enum truth environment_run(struct environment_script *script, const struct environment_word *words, size_t count,
                           unsigned line);
/* What the variable is from LINE on cannot be told. */
void environment_make_unknown(struct environment_script *script, unsigned line);
enum truth environment_invert(enum truth truth);

#endif
