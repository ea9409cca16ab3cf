/* A broker beside a test, in the place of the role `engine`: the same service for the same supervision, in a process
 * forked from the test, for an address that the test has. */
#ifndef TESTS_FAULTS_BROKER_BESIDE_H
#define TESTS_FAULTS_BROKER_BESIDE_H

#include <sys/types.h>

#include "probes/docker/broker.h"

struct broker_beside {
    struct broker *broker;
    struct docker_address *address; /* of the engine; gets the broker's socket */
    pid_t pid;                      /* of the process; 0: none was started yet */
    unsigned nonsense;              /* so many processes answer something else */
    unsigned mute;                  /* so many processes end as they begin */
};

/* CHANGED may be NULL. Runs the loop until the process is there. */
void broker_beside_begin(struct broker_beside *beside, struct event_base *base, struct docker_address *address,
                         void (*changed)(const char *why, void *user));
void broker_beside_end(struct broker_beside *beside);
/* In the process of a role: to whoever connects to LISTENER, whatever they ask. */
void broker_beside_nonsense(int listener) __attribute__((noreturn));

#endif
