/* An image's history read as the instructions that made it, and RUN steps as the commands in them. */
#ifndef AGENT_CHECKS_IMAGE_HISTORY_H
#define AGENT_CHECKS_IMAGE_HISTORY_H

#include "common/str.h"
#include "common/vec.h"
#include "probes/facts.h"

enum instruction { INSTRUCTION_OTHER, INSTRUCTION_RUN, INSTRUCTION_COPY, INSTRUCTION_ADD, INSTRUCTION_META };

/* One step. BODY points into the step's text and is not terminated at its end. */
struct step {
    enum instruction instruction;
    const char *body;
    size_t length;
};

/* The classic builder's forms ("/bin/sh -c #(nop) ADD …", "|1 A=b /bin/sh -c …", "/bin/sh -c …"), BuildKit's ("RUN … #
 * buildkit") and what buildah and kaniko write. */
struct step history_step_read(const struct history_step *step);

/* A simple command of a shell line, its words in order; prefixes (sudo, env, VAR=value) are dropped. */
struct shell_command {
    char **words;
    size_t count;
    bool piped; /* its input comes from the command before it */
};
struct shell_line {
    struct shell_command *items;
    size_t count, size;
};
/* Splits TEXT at ; | & newlines and brackets; quotes group words, and what "sh -c" is given is split in its turn. */
void shell_split(const char *text, size_t length, struct shell_line *ret);
void shell_line_deinit(struct shell_line *line);

#endif
