/* What a finding says to do about a container, by what made it. One call for each rule: the sentences are here. */
#ifndef AGENT_CHECKS_REMEDY_H
#define AGENT_CHECKS_REMEDY_H

#include "agent/model/check.h"

/* The same change in the words of each. All borrowed for the call. */
struct remedy_change {
    const char *how;     /* how a new container is to be created: "without --privileged" */
    const char *key;     /* the key that it is in a compose file: "privileged" */
    const char *compose; /* what is done about it there: "remove privileged: true" */
    const char *service; /* for a swarm's service: the options of "docker service update", or a comment ("# …"); NULL:
                            services have no such option */
    enum fix_need need;  /* of the command on the container, and at least FIX_DECISION of that on its service */
};

/* It is the same for all that a privileged container is without. */
extern const struct remedy_change remedy_not_privileged;

/* A remedy that requires a new container. Nothing of it is run by itself: it is a comment that names what is to be
 * changed where (the compose file and its service, the service, the unit, the pod), or keeps the options of a container
 * that nothing else describes first, and removes the old one last. With podman's commands if that is the engine. */
void check_remedy_recreate(const struct check_input *in, struct check_result *out, const struct remedy_change *change);
/* A remedy that is one COMMAND of the engine ("update --cpus 1") and the container's name, quoted for a shell, which
 * takes effect on the running container; followed, as a comment, by what undoes it unless that is changed too. Where
 * the engine forgets such changes, and where something else makes the container, it is a remedy as above. */
void check_remedy_update(const struct check_input *in, struct check_result *out, const char *command,
                         const struct remedy_change *change);

/* One COMMAND of the engine that shows what is wrong with the container, and mends nothing. */
void check_remedy_look(const struct check_input *in, struct check_result *out, const char *command);

/* Appends ITEM to a list in a remedy, SEPARATOR between, quoted for a shell. False, and RET unchanged: the list has as
 * many as a person reads (count them in COUNT, which begins at 0): the caller ends it with "…". */
bool check_remedy_list(struct str *ret, size_t *count, const char *separator, const char *item);

#endif
