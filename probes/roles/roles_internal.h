/* Shared by the roles' files; nobody else includes this. */
#ifndef PROBES_ROLES_ROLES_INTERNAL_H
#define PROBES_ROLES_ROLES_INTERNAL_H

#include "probes/roles/roles.h"

enum {
    ROLE_TASK_MS = 30000,
    NETWORK_AT_ONCE = 64 /* no receiver waits for as many others that do not answer */
};

/* A request's message as it is read: its context, and a reader whose texts are in ARENA. */
struct role_request {
    const struct role_context *context;
    struct arena *arena;
    struct wire_reader reader;
};
/* ARGUMENT: of the task. */
struct role_request role_request(const void *argument, struct arena *arena);
/* 0, or -EPROTO with ERROR: the message is not as it must be, or goes on. */
int role_request_end(const struct role_request *request, struct error *error);

/* Each fills in its tasks and returns their count. */
size_t processes_tasks(const struct role_context *context, struct helper_task *ret);
size_t files_tasks(const struct role_context *context, struct helper_task *ret);
size_t network_tasks(const struct role_context *context, struct helper_task *ret);
size_t layers_tasks(const struct role_context *context, struct helper_task *ret);
size_t scanner_tasks(const struct role_context *context, struct helper_task *ret);

/* role_files_sets.c, role_files_places.c, role_files_volumes.c */
worker_run files_read_sets;
worker_run files_find_places;
worker_run files_read_volumes;
/* watching_serve.c */
void files_serve_watches(int fd, const void *argument);

#endif
