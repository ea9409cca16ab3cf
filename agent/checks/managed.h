/* What made a container, and will make it anew: what is changed on the container alone is undone by it. Labels say so,
 * as anybody may set them: nothing of them is run, and what an image brings along names no file. */
#ifndef AGENT_CHECKS_MANAGED_H
#define AGENT_CHECKS_MANAGED_H

#include "agent/model/check.h"

enum manager {
    MANAGER_NONE,       /* docker run, docker create, or what leaves no label */
    MANAGER_SWARM,      /* a service of this node's swarm, whose task it is */
    MANAGER_KUBERNETES, /* the next three: another program that follows a description of its own */
    MANAGER_ECS,
    MANAGER_NOMAD,
    MANAGER_COMPOSE, /* docker compose, docker-compose, podman-compose */
    MANAGER_UNIT     /* podman: a unit of systemd's */
};

/* Texts are borrowed from the facts, and are as they came. */
struct managed {
    enum manager by;
    const char *service; /* SWARM, COMPOSE; KUBERNETES, ECS: the container's name there, or "" */
    const char *stack;   /* SWARM: NULL: it was not made from a stack file */
    const char *project; /* COMPOSE; KUBERNETES: the namespace; ECS, NOMAD: what describes it */
    const char *pod;     /* KUBERNETES */
    const char *unit;    /* UNIT */
    /* COMPOSE: what it was started with; NULL: unknown. Files are separated by commas. */
    const char *files, *folder, *environment_files;
    bool is_one_off;       /* COMPOSE: by "run": "up" does not make it anew */
    bool is_first_version; /* COMPOSE: by docker-compose 1 */
};

/* What made the container that IN judges. */
struct managed check_managed(const struct check_input *in);

/* Of COMPOSE: appends the files of the project ("/srv/shop/compose.yaml, /srv/shop/prod.yaml"), of which RET_COUNT; 0:
 * they are not known. They are absolute where that is possible. */
void managed_compose_files(const struct managed *managed, struct str *out, size_t *ret_count);
/* Of COMPOSE: appends the command that makes the service's containers anew, quoted for a shell. PROGRAM: "docker
 * compose" or what stands in for it. */
void managed_compose_command(const struct managed *managed, const char *program, struct str *out);

#endif
