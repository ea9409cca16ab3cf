/* dockerd's flags and the keys of daemon.json, as one list of (name, value). Only daemon_config.c and daemon_options*.c
 * include this. */
#ifndef PROBES_DAEMON_DAEMON_OPTIONS_H
#define PROBES_DAEMON_DAEMON_OPTIONS_H

#include "common/error.h"
#include "common/vec.h"
#include "probes/facts/facts.h"

enum { DAEMON_CONFIG_FILE_MAX = 4 << 20 };

struct option_set {
    struct arena *arena; /* holds names and values */
    VEC(struct daemon_option) list;
};

/* Index of the first flag in ARGUMENTS: behind dockerd's own name, which a wrapper may precede. */
size_t options_first_flag(const char *const *arguments, size_t count);
/* True when one of the arguments names dockerd. */
bool options_name_dockerd(const char *const *arguments, size_t count);
void options_from_arguments(struct option_set *set, const char *const *arguments, size_t count);
/* Adds what the command line has not set already: there it wins, as dockerd refuses to start with both. */
int options_from_config(struct option_set *set, const char *text, size_t length, struct error *error);
const struct daemon_option *options_find(const struct daemon_option *options, size_t count, const char *name);
/* Adds NAME, in place of an earlier one unless it is a list. */
void options_add(struct option_set *set, const char *name, const char *value, enum option_place place);
/* The flag that a key of daemon.json with a name of its own stands for; NULL: it has none. */
const char *options_key_flag(const char *key);
/* A boolean as Go's strconv.ParseBool reads it. */
enum tristate options_read_bool(const char *text);

#endif
