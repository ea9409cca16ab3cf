/* What agentctl fix writes: a plan made of findings, and the plan as a script. Texts of the plan are as the agent sent
 * them; who writes a script quotes and escapes them. */
#ifndef AGENT_CTL_FIX_H
#define AGENT_CTL_FIX_H

#include <stddef.h>
#include <stdint.h>

#include "agent/ctl/ctl.h"
#include "common/vec.h"

/* Commands of one finding. */
struct fix_step {
    char *title;   /* "3.17 Title: /etc/docker/daemon.json", one line, escaped */
    char *label;   /* "3.17 Title", of letters that no program takes for its own */
    char *command; /* for sh, without control characters */
    char *remedy;  /* in words, escaped */
    VEC(char *) files;
    bool recreates;  /* it stops and makes anew what it is about */
    bool restarts;   /* it has the engine started anew */
    bool unattended; /* else somebody decides first */
    unsigned order;  /* before the engine's configuration (0), after it (1), at the end (2) */
};

/* One member of daemon.json: VALUE takes the place of CUT bytes at AT. */
struct fix_member {
    char *key, *value;
    uint64_t at, cut;
};

/* The one merge of daemon.json. */
struct fix_file {
    char *path;   /* NULL: there is nothing to merge */
    char *sha256; /* NULL: there is no file yet */
    bool empty, validate, restarts;
    char *reload, *restart; /* commands; NULL: none */
    char *note;             /* what the restart does to containers */
    VEC(struct fix_member) members;
    VEC(char *) titles;
};

struct fix_plan {
    VEC(struct fix_step) steps; /* in their order */
    struct fix_file file;
    VEC(struct fix_step) words; /* no command mends these: title and remedy are set */
    char *id;                   /* of this plan, for names of files */
    char *host;                 /* escaped */
    bool all;                   /* what needs a decision is done, too */
};

/* Adds a FINDING to PLAN. */
void fix_plan_add(struct fix_plan *plan, const struct json *finding);
/* Sorts it. To be called once, after the last one. */
void fix_plan_finish(struct fix_plan *plan);
void fix_plan_deinit(struct fix_plan *plan);
/* Is STEP run, or shown as a comment only? */
bool fix_step_is_run(const struct fix_plan *plan, const struct fix_step *step);

void fix_print_sh(const struct ctl *ctl, const struct fix_plan *plan, struct str *out);
void fix_print_ansible(const struct ctl *ctl, const struct fix_plan *plan, struct str *out);
/* Appends what needs a person, as comments. */
void fix_print_words(const struct ctl *ctl, const struct fix_plan *plan, struct str *out);
/* Appends what reading daemon.json again does, as a comment after INDENT. */
void fix_print_restart(const struct ctl *ctl, const struct fix_file *file, const char *indent, struct str *out);
/* Appends daemon.json as it is where there is none, or an empty one. */
void fix_print_whole(const struct fix_file *file, struct str *out);

#endif
