/* What of a finding's remedy a program may put to use: the commands and changes of files apart from the words about
 * them, what they restart, and whether somebody has to decide first. agentctl fix writes scripts from it; the agent
 * runs none of it. */
#ifndef AGENT_MODEL_FIX_H
#define AGENT_MODEL_FIX_H

#include "common/json_out.h"
#include "common/str.h"

enum fix_kind {
    FIX_NONE,        /* what the remedy says in words is all that there is */
    FIX_COMMAND,     /* commands of a shell */
    FIX_DAEMON_JSON, /* members of dockerd's configuration file */
    FIX_SERVICE,     /* options of a swarm's service */
    FIX_COMPOSE,     /* a key of a service in a compose file */
    FIX_CONTAINER,   /* a container is to be made anew by hand */
    FIX_MANAGER      /* what another program describes: a pod, a unit */
};

/* What the commands do beside what they are for. */
enum fix_effect {
    FIX_QUIET,    /* nothing stops */
    FIX_RELOADS,  /* dockerd reads its configuration */
    FIX_RESTARTS, /* dockerd is started anew; containers stop unless live restore is on */
    FIX_RECREATES /* the container, or the service's tasks, are stopped and made anew */
};

/* What stands between the commands and running them. */
enum fix_need {
    FIX_NOTHING,
    FIX_DECISION, /* they may break what runs, remove something, or leave a secret to be kept: somebody decides first */
    FIX_WORDS     /* words of them are to be filled in: there is no command */
};

struct fix {
    enum fix_kind kind;
    enum fix_effect effect;
    enum fix_need need;
    struct str command;       /* for sh; without comments. Empty: there is none */
    struct json_out *details; /* an object is open in it; NULL: the kind has none */
    struct json_out *files;   /* a list is open in it: what the commands change; NULL: no file */
    bool is_too_long;         /* it is left out */
};

void fix_clear(struct fix *fix);
void fix_deinit(struct fix *fix);

/* Adds a command to be run if those before it succeeded, without the comment that it may end with. One that is nothing
 * but a comment adds nothing, and commands beside it need a person. */
void fix_add_command(struct fix *fix, const char *command);
/* A file that the commands change, of which a copy is kept before. */
void fix_add_file(struct fix *fix, const char *path);
/* The object of what belongs to the kind, open; owned by FIX. */
struct json_out *fix_details(struct fix *fix);

/* Writes FIX as member "fix" of the object that is open in OUT; null for FIX_NONE. To be called once. */
void fix_write(struct fix *fix, struct json_out *out);

const char *fix_kind_name(enum fix_kind kind);
const char *fix_effect_name(enum fix_effect effect);

#endif
