/* An image's history read as the instructions that made it, and RUN steps as the commands in them. */
#ifndef AGENT_CHECKS_IMAGE_HISTORY_H
#define AGENT_CHECKS_IMAGE_HISTORY_H

#include "agent/check.h"
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
/* Splits TEXT at ; | & newlines and brackets; quotes group words, redirections are words of their own, and what "sh -c"
 * or a here-document gives to a shell is split in its turn. Any other here-document is one more word of its command. */
void shell_split(const char *text, size_t length, struct shell_line *ret);
void shell_line_deinit(struct shell_line *line);

/* The last part of a path. */
const char *shell_base_name(const char *path);
bool shell_is_one_of(const char *word, const char *const *words); /* WORDS end with NULL */

/* For the rules on how an image was built: its history, or NULL with the verdict said; and saying that a step fails,
 * all secrets in it redacted. */
const struct history_facts *history_need(const struct check_input *in, struct check_result *out);
void history_say_step(const struct check_input *in, struct check_result *out, size_t number, const struct step *step,
                      const char *what);

#endif
