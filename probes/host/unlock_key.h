/* Since when a swarm's unlock key is the same: the engine does not tell when it was rotated last.
 *
 * What is kept of the key is a SHA-256 over a random salt and the key, with the time when it was first seen: nobody can
 * unlock a swarm with that, and the key has 256 random bits, so nobody can guess it either. */
#ifndef PROBES_HOST_UNLOCK_KEY_H
#define PROBES_HOST_UNLOCK_KEY_H

#include <stdbool.h>

#include "common/clock.h"
#include "common/error.h"

/* Looks KEY up in STATE_DIR/unlock-key.json. RET_FIRST_SEEN: when it was first seen. When the file knows another key or
 * none it is written anew, and that is NOW, if KEEP; else 0, for nobody knows. A negative errno where the file can be
 * neither read nor written. */
int unlock_key_first_seen(const char *state_dir, const char *key, bool keep, usec_t now, usec_t *ret_first_seen,
                          struct error *error);

#endif
