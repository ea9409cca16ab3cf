/* dockerd's flags and the keys of daemon.json, as one list of (name, value). Only daemon_*.c include this. */
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

/* Does one of the arguments name dockerd? */
bool options_name_dockerd(const char *const *arguments, size_t count);
void options_from_arguments(struct option_set *set, const char *const *arguments, size_t count);
/* Adds the file's options that the command line has not set: it takes precedence, as dockerd refuses to start with
 * both. 0 or a negative errno with ERROR. */
int options_from_config(struct option_set *set, const char *text, size_t length, struct error *error);
const struct daemon_option *options_find(const struct daemon_option *options, size_t count, const char *name);
/* Adds NAME, in place of an earlier one unless it is a list. */
void options_add(struct option_set *set, const char *name, const char *value, enum option_place place);
/* The flag for a key of daemon.json that has a different name; NULL: the key is no such one. */
const char *options_key_flag(const char *key);
/* Is NAME a flag, but for its case? */
bool options_is_in_capitals(const char *name);
/* Sets the digest of FACTS by all that they hold. */
void daemon_options_digest(struct daemon_facts *facts);
/* A boolean as Go's strconv.ParseBool reads it. */
enum tristate options_read_bool(const char *text);

#endif
