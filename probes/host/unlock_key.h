/* Since when a swarm's unlock key has been the same: the engine does not report when it was last rotated.
 *
 * Only a SHA-256 over a random salt and the key is stored, with the time when the key was first seen: nobody can unlock
 * a swarm with that, and the key has 256 random bits, so it cannot be guessed either. */
#ifndef PROBES_HOST_UNLOCK_KEY_H
#define PROBES_HOST_UNLOCK_KEY_H

#include <stdbool.h>

#include "common/clock.h"
#include "common/error.h"

/* Looks KEY up in STATE_DIR/unlock-key.json. RET_FIRST_SEEN: when it was first seen. If the file has another key or
 * none: with KEEP it is rewritten and that is NOW, else 0 (unknown). 0, or a negative errno if the file can be neither
 * read nor written. */
int unlock_key_first_seen(const char *state_dir, const char *key, bool keep, usec_t now, usec_t *ret_first_seen,
                          struct error *error);

#endif
