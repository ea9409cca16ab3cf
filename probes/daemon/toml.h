/* TOML, as far as a configuration needs it: every scalar with its dotted key. */
#ifndef PROBES_DAEMON_TOML_H
#define PROBES_DAEMON_TOML_H

#include <stddef.h>

#include "common/error.h"

enum toml_kind {
    TOML_TEXT,  /* a string */
    TOML_WORD,  /* a number, boolean or date, as written */
    TOML_ARRAY, /* an array begins: VALUE is "", its elements follow one by one under the same key */
};
/* KEY: "containers.log_driver"; the elements of an array all have its key, members of an inline table one more part. */
typedef void toml_value(const char *key, enum toml_kind kind, const char *value, void *user);

/* Calls BACK with each value of TEXT in order. 0, or -EBADMSG with ERROR that names the line; what came before it has
 * been reported. */
int toml_parse(const char *text, size_t length, toml_value *back, void *user, struct error *error);

#endif
