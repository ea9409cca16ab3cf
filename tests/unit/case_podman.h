/* What every check owes a host whose engine is podman: no remedy is docker's. Tried on every case that fails or is
 * manual, with podman as the engine. */
#ifndef TESTS_UNIT_CASE_PODMAN_H
#define TESTS_UNIT_CASE_PODMAN_H

#include "case.h"

struct podman_trials {
    struct case_rules *rules;
    size_t trials, failed; /* what goes wrong is printed and counted */
};

/* USER: struct podman_trials. */
case_function try_on_podman;

#endif
