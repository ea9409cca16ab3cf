/* What a command of a build step does to the packages of the image: 4.7. */
#ifndef AGENT_CHECKS_IMAGE_UPDATE_H
#define AGENT_CHECKS_IMAGE_UPDATE_H

#include "common/shell/shell.h"

enum package_effect {
    PACKAGES_UNCHANGED, /* as far as is known */
    PACKAGES_UPDATED,   /* their index, or those that are installed */
    PACKAGES_INSTALLED, /* by whatever installs */
};

enum package_effect package_effect(const struct shell_command *command);
/* May COMMAND, one of LINE's that leaves the packages unchanged as far as is known, install some? It is a program that
 * is not known, or runs a script that is not in the history. */
bool package_effect_is_unknown(const struct shell_line *line, const struct shell_command *command);
/* Is PROGRAM one whose words say what it does to packages? */
bool package_is_manager(const char *program);
/* A RUN instruction that installs with the manager of that name, with its index up to date. */
const char *package_install_step(const char *manager);

#endif
