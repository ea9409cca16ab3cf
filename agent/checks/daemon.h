/* Shared by the files of section 2. Only daemon*.c include this. */
#ifndef AGENT_CHECKS_DAEMON_H
#define AGENT_CHECKS_DAEMON_H

#include "agent/checks/checks.h"
#include "probes/daemon/daemon_config.h"

/* ---- daemon.c ---- */

/* Appends the source of option NAME's value, for the evidence, with what the next start will take where that differs.
 */
void daemon_source(const struct daemon_facts *daemon, const char *name, enum option_place place, struct str *ret);
/* Is the engine podman, which has no daemon to configure? Then not_applicable has been reported. If it is not known
 * what the engine is, error has been reported, and true is returned as well. */
bool daemon_is_podman(const struct check_input *in, struct check_result *out);
/* What the engine is; false: unknown, and error has been reported. */
bool daemon_know_engine(const struct check_input *in, struct check_result *out, bool *ret_podman);
/* The engine's /info; NULL: unknown, and error has been reported. */
const struct info_facts *daemon_need_info(const struct check_input *in, struct check_result *out);
/* The configuration of podman if KEY of containers.conf ("containers.log_driver") can be known, else NULL, and error or
 * manual has been reported. */
const struct daemon_facts *daemon_need_podman(const struct check_input *in, struct check_result *out, const char *key);
/* Reports manual: the file was changed after the engine started, and it is not known what NAME was then. */
void daemon_say_changed(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                        const char *name);

/* ---- daemon_remedy.c ----
 * Of dockerd: where the engine is podman they add nothing, and the rule's own text is the remedy. */

/* A key of daemon.json, the flag that means the same, and the value as JSON. */
struct daemon_setting {
    const char *key, *flag, *value;
};
/* What it takes to have a change read. */
enum daemon_effect { DAEMON_RESTART, DAEMON_RELOAD };
/* The remedy that gives the COUNT settings these values: a command that keeps what else the file holds, where that is
 * possible, else what is to be done in words. */
void daemon_remedy_set(const struct check_input *in, struct check_result *out, const struct daemon_setting *settings,
                       size_t count, enum daemon_effect effect);
/* Appends how dockerd is started anew, or made to read its file, by what starts the services of this host. */
void daemon_effect_command(const struct check_input *in, enum daemon_effect effect, struct str *out);
/* Can this dockerd check a file? --validate came with 23.0. */
bool daemon_can_validate(const struct check_input *in);
/* daemon_fix.c: the fix that gives the COUNT settings their values in the file that the engine has, each in the place
 * where the file had it when it was read. */
void daemon_fix(const struct check_input *in, struct check_result *out, const struct daemon_setting *settings,
                size_t count, enum daemon_effect effect);
/* A list of daemon.json, the flag that means the same, and which of its members have to go. */
struct daemon_list {
    const char *key, *flag;
    bool (*is_unwanted)(const char *member);
};
/* The remedy that takes the unwanted members out of the COUNT lists: a command where their file alone has them and can
 * be edited, followed by NOTE as a comment, else WORDS. A list that loses its last member stays as an empty one, as a
 * reload ignores a key that is gone. */
void daemon_remedy_lists(const struct check_input *in, struct check_result *out, const struct daemon_list *lists,
                         size_t count, enum daemon_effect effect, const char *words, const char *note);
/* Appends where dockerd's arguments are set on this host. */
void daemon_arguments_place(const struct check_input *in, struct str *ret);
/* A remedy in words: WHAT is to be done in the engine's configuration file, and how it takes effect. */
void daemon_remedy_words(const struct check_input *in, struct check_result *out, const char *what,
                         enum daemon_effect effect);

/* A remedy in words: WHAT is to be done in section [containers] of podman's containers.conf, and how it takes effect.
 */
void daemon_remedy_podman(const struct check_input *in, struct check_result *out, const char *what);

#endif
