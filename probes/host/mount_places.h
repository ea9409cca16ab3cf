/* Where what a container's mounts show is on the host.
 *
 * A bind is made once, by the path of that moment: a link that was moved since, a directory that is itself a bind of
 * another one, and a second name of a socket hide what is inside. Of a running container the kernel's table shows it
 * (device and root in its mountinfo), of another one the path leads there, and then the host's own table to the other
 * names of the same place. Found out in a worker: a directory on the way may be on a file system that does not answer
 * (a hard NFS mount whose server is gone), and whoever reads it waits for ever. */
#ifndef PROBES_HOST_MOUNT_PLACES_H
#define PROBES_HOST_MOUNT_PLACES_H

#include "common/file.h"
#include "probes/facts/wire.h"
#include "probes/worker/worker.h"

/* One mount of a container. */
struct place_query {
    pid_t pid; /* of the container; 0: it does not run */
    const char *source, *destination;
    bool is_volume;             /* SOURCE is the engine's own storage: only what is mounted on it counts */
    struct string_list devices; /* what a volume mounts there, see struct mount_facts */
    bool block_device;
    const struct container_facts *container; /* its other mounts are not part of this one */
};

struct places_request {
    const struct host_root *root;      /* the host as its first process sees it */
    const char *proc;                  /* where the host's /proc is */
    const struct string_list *sockets; /* the engines' sockets, as the host names them; "*" is any name */
    const struct place_query *queries;
    size_t count;
};
/* Its argument is a struct places_request. The paths of containers that do not run are opened (O_PATH) too, so that a
 * directory without search permission is noticed. */
worker_run mount_places_run;

struct place_list {
    struct mount_place *items;
    size_t count;
};
/* The next query's answer, in the order of the request, in READER's arena. RET_ERROR: why it could not be examined;
 * NULL: it could, or there is nothing. -EPROTO with ERROR: READER is broken. */
int mount_places_take(struct wire_reader *reader, struct place_list *ret, const char **ret_error, struct error *error);

/* The first part of it, without any file: HOST and OWN (NULL: the container does not run, or its table cannot be read)
 * are the tables, RESOLVED is where the query's source leads. Places are in ARENA, their kind and socket unknown; those
 * of an overlay's layers are as its options name them, there or not.
 * False: OWN does not have the mount, and nothing was found. */
bool mount_places_find(const struct mounts_facts *host, const struct mounts_facts *own, const struct place_query *query,
                       const char *resolved, struct arena *arena, struct place_list *ret);

#endif
