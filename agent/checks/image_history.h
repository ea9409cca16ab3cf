/* An image's history read as the instructions that made it. */
#ifndef AGENT_CHECKS_IMAGE_HISTORY_H
#define AGENT_CHECKS_IMAGE_HISTORY_H

#include "agent/model/check.h"
#include "common/budget.h"
#include "common/shell/shell.h"
#include "probes/facts/facts.h"

enum instruction {
    INSTRUCTION_OTHER,
    INSTRUCTION_RUN,
    INSTRUCTION_COPY,
    INSTRUCTION_ADD,
    INSTRUCTION_ENV,
    INSTRUCTION_ARG,
    INSTRUCTION_WORKDIR,
    INSTRUCTION_META
};

/* One step. BODY and ARGUMENTS point into the step's text and are not terminated at their end. */
struct step {
    enum instruction instruction;
    const char *body; /* what comes after the instruction, for RUN without the shell and the instruction's flags */
    size_t length;
    const char *arguments; /* of the build, as a RUN step records them; NULL: none */
    size_t arguments_length;
    enum shell_dialect dialect; /* what BODY is written for */
    bool is_trigger;            /* ONBUILD: for the images that are built on this one */
};

/* The classic builder's forms ("/bin/sh -c #(nop) ADD …", "|1 A=b /bin/sh -c …", "/bin/sh -c …"), BuildKit's ("RUN … #
 * buildkit") and what buildah and kaniko write, which keep the flags of RUN and its exec form. */
struct step history_step_read(const struct history_step *step);

/* A history that is judged, step by step in the order in which they ran. A step that is too complex is an error of this
 * image alone, and so is a history whose steps together are. */
struct history_reading {
    const struct check_input *in;
    struct check_result *out;
    const struct history_facts *facts;
    struct step *steps; /* as many as FACTS has */
    size_t count;
    struct map *variables; /* strings by their names: what ENV, ARG and the build's arguments gave them up to now */
    struct budget budget;  /* of all steps */
    struct budget own;     /* of the step that was parsed last */
    struct budget shown;   /* bytes of steps that evidence is made of */
    size_t unread;         /* the first step that could not be judged, and why; NULL: all of them could */
    const char *why;
    bool runs_do_not_matter; /* the rule is not about what RUN steps run: one that is not shown hides nothing from it */
};

/* Does HISTORY show how all of IMAGE was made? False: RET_WHY is what it does not show (a script that was given to RUN
 * on the spot, layers that no step accounts for, what was done by hand in a container, no step at all), so that a rule
 * on it must not pass. RUNS: what RUN steps run counts. IMAGE may be NULL: its layers are not counted then. */
bool history_explains(const struct history_facts *history, const struct image_facts *image, bool runs,
                      struct str *ret_why);

/* For the rules on how an image was built, which read INPUT_IMAGE and INPUT_HISTORY. False: there is no history, which
 * has been reported. To be followed by history_end() in either case. */
bool history_begin(struct history_reading *reading, const struct check_input *in, struct check_result *out);
void history_end(struct history_reading *reading);
/* Remembers the variables that step NUMBER (from 0) sets. */
void history_learn(struct history_reading *reading, size_t number);
/* Parses the RUN step NUMBER with VARIABLES (NULL: none), without functions that nothing calls. False: it takes too
 * many steps, and its commands are not looked at. Else the caller looks at them, with steps of the line's budget for
 * what is not linear. The caller ends with history_judged() and shell_line_deinit() in either case. */
bool history_parse(struct history_reading *reading, size_t number, const struct map *variables,
                   struct shell_line *line);
/* The commands were looked at. False: the step is too complex; the reading remembers why. */
bool history_judged(struct history_reading *reading, size_t number, const struct shell_line *line);
/* Step NUMBER fails, or is for a person to judge: WHAT, and the command or words in it that are the reason, all secrets
 * in them redacted. TEXT may be NULL. Nothing else of a step is shown: a neighbour may hold a password. */
void history_say(struct history_reading *reading, enum verdict verdict, size_t number, const char *what,
                 const char *text, size_t length);
/* The verdict once all steps were looked at and none fails: error where one could not be judged, manual where the
 * history does not show all steps, else pass, with GOOD, unless a step was reported as manual. False: a step fails, and
 * that is the verdict. */
bool history_say_end(struct history_reading *reading, const char *good);

#endif
