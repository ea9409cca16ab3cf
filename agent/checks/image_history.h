/* An image's history read as the instructions that made it. */
#ifndef AGENT_CHECKS_IMAGE_HISTORY_H
#define AGENT_CHECKS_IMAGE_HISTORY_H

#include "agent/model/check.h"
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
    const char *body; /* what stands behind the instruction, for RUN without the shell and the instruction's flags */
    size_t length;
    const char *arguments; /* of the build, as a RUN step records them; NULL: none */
    size_t arguments_length;
    enum shell_dialect dialect; /* what BODY is written for */
    bool is_trigger;            /* ONBUILD: for the images that are built on this one */
};

/* The classic builder's forms ("/bin/sh -c #(nop) ADD …", "|1 A=b /bin/sh -c …", "/bin/sh -c …"), BuildKit's ("RUN … #
 * buildkit") and what buildah and kaniko write, which keep the flags of RUN and its exec form. */
struct step history_step_read(const struct history_step *step);

/* Remembers in VARIABLES, strings by their names, what the step gives to variables: ENV, ARG, and the arguments of the
 * build that a RUN step records. */
void history_learn(struct map *variables, const struct step *step);

/* For the rules on how an image was built: its history, or NULL with the verdict said. */
const struct history_facts *history_need(const struct check_input *in, struct check_result *out);
/* Step NUMBER (from 0) fails: WHAT, and the command or words in it that do, all secrets in them redacted. TEXT may be
 * NULL. Nothing else of a step is shown: a neighbour may hold a password. */
void history_say(const struct check_input *in, struct check_result *out, size_t number, const char *what,
                 const char *text, size_t length);
/* Step NUMBER is not judged: error, and why. */
void history_say_unread(const struct check_input *in, struct check_result *out, size_t number, const char *why);

#endif
