/* What the files of the fetcher share; no other room includes it. A file calls only those above it here:
 *   fetch_deliver                        handing facts to the evaluator
 *   fetch_helpers                        requests to the helper processes
 *   batch                                things looked at together in one worker
 *   fetch_recheck                          what is read again a moment later
 *   fetch_watches                        reading after watching
 *   fetch_records                        what the engine writes of containers that do not run
 *   fetch_image                          an image's own files
 *   fetch_request fetch_container        requests to the engine, and what the host adds to a container
 *   fetch_processes fetch_engine         what runs, what the engine says
 *   fetch_files fetch_units fetch_mounts fetch_host      the host
 *   fetch                                the table of probes, the fetcher's life
 */
#ifndef AGENT_FETCH_FETCH_INTERNAL_H
#define AGENT_FETCH_FETCH_INTERNAL_H

#include "agent/fetch/batch.h"
#include "agent/fetch/fetch.h"
#include "agent/launch/launch.h"
#include "common/vec.h"
#include "probes/audit/audit.h"
#include "probes/roles/roles.h"
#include "probes/roles/watching.h"
#include "probes/watch/mounts.h"
#include "probes/worker/worker.h"

struct image_jobs;
struct daemon_memory;

struct watch_list {
    struct watched **items;
    size_t count, size;
};

/* A source of files that some rule reads, and its watches. */
struct source {
    struct fetcher *fetcher;
    char *name;
    struct watch_list watches, links; /* of its paths; of links in its trees */
    bool watched;
    uint64_t watched_for, links_for; /* what the watches were made for, as digests */
};

/* A request under way: which input its answer is for. */
struct request {
    struct fetcher *fetcher;
    enum input_kind kind;
    char *key;
    usec_t began;                 /* monotonic: a look at processes */
    struct event *retry_timer;    /* not NULL: it failed once and is asked for a second time after a moment */
    struct container_facts *held; /* a container's, until its volumes are known; else NULL */
    size_t mount;                 /* of HELD, the one whose volume is looked at */
    struct volume {
        size_t mount; /* of HELD */
        bool known;   /* what it mounts was found beside its data */
    } * volumes;
    size_t volume_count;
    struct lookup { /* of each mount of HELD whose place is awaited */
        struct request *request;
        size_t mount;
    } * lookups;
    size_t lookup_count;   /* those not answered yet */
    struct worker *worker; /* that looks at something else of HELD */
    struct request *next, **link;
};

/* What is read again a moment later: processes of a container in which something started, a swarm's networks. */
struct recheck {
    enum input_kind kind;
    char *id;
    /* When, monotonic; 0: not. */
    usec_t soon, later, rare;
    usec_t not_before; /* it was looked at just now */
};

/* What is read once the watches on it are armed. */
struct deferred {
    struct fetcher *fetcher;
    void (*read)(struct fetcher *fetcher, enum input_kind kind, const char *key);
    enum input_kind kind;
    char *key;
};

struct fetcher {
    struct event_base *base;
    const struct config *config;
    struct docker *docker;
    struct evaluator *evaluator;
    struct host_root *root;
    struct watching *watching;
    VEC(struct deferred *) deferred; /* reads that wait until their watches are armed */
    struct mounts_watch *mounts;
    VEC(struct source *) sources;
    struct watched *daemon_json, *pid_file, *socket, *certificates, *raft_log;
    VEC(struct watched *) host_watches; /* of files that are not in a source: audit rules, groups, profiles */
    char *watched_config, *watched_certificates;
    char *groups_asked; /* of the name service, the last time */
    struct daemon_memory *daemon_memory;
    struct audit_watch *audit_watch;
    struct handed *audit_news; /* its socket is asked for */
    bool audit_deaf_told;
    struct workers *workers;
    struct worker *audit_worker, *group_worker, *daemon_worker, *environment_worker, *listeners_worker,
        *certificates_worker;
    struct helper *helpers[ROLE_COUNT];
    struct launch *launch;  /* where they come from */
    struct event *launcher; /* its end */
    void (*scan)(void *user, const char *cause);
    void *scan_user;
    char *layers_cache; /* a folder; NULL: nothing is kept */
    struct image_jobs *image_jobs;
    struct batch *file_batch, *path_batch, *process_batch;
    struct worker *units_worker;
    usec_t units_read; /* monotonic; 0: not yet */
    bool keeps_state;
    bool lost; /* the launcher */
    struct request *requests;
    unsigned quick_retries; /* requests that are asked again in a moment */
    struct event *recheck_timer;
    unsigned leaving;     /* how often networks were looked at that a swarm left behind */
    struct map *rechecks; /* "kind id" → struct recheck */
    usec_t recheck_at;    /* monotonic: when the timer is due; 0: it is not armed */
};

/* fetch_deliver.c */
/* Hands what a probe read, or why it could not, to the evaluator. */
void fetch_deliver(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                   const struct error *error);
const char *fetch_engine_socket(const struct fetcher *fetcher);
/* The engine runs on another host: says so for the input, which is of this one. */
bool fetch_refuse_remote(struct fetcher *fetcher, enum input_kind kind, const char *key);

/* fetch_helpers.c */
void fetch_make_helpers(struct fetcher *fetcher);
/* All capabilities: what takes one is asked of helpers from now on. */
void fetch_give_up_rights(void);
void fetch_free_helpers(struct fetcher *fetcher); /* not before what they were asked for came or was cancelled */
bool fetch_is_silent(const struct fetcher *fetcher, enum role role); /* the helper takes nothing just now */
/* Requests TASK of ROLE. NULL with ERROR, also where no helper of that role runs. */
struct worker *fetch_ask(struct fetcher *fetcher, enum role role, unsigned task, const struct str *message,
                         worker_done *done, void *user, struct error *error);
struct worker *fetch_ask_within(struct fetcher *fetcher, enum role role, unsigned task, const struct str *message,
                                unsigned timeout_ms, worker_done *done, void *user, struct error *error);

/* fetch_watches.c */
void fetch_init_watches(struct fetcher *fetcher, watching_record *record); /* whose USER is the fetcher */
void fetch_free_watches(struct fetcher *fetcher);
/* Calls READ, now or as soon as all watches that were asked for are armed: nothing is read that may change unseen. */
void fetch_when_watched(struct fetcher *fetcher, void (*read)(struct fetcher *, enum input_kind, const char *),
                        enum input_kind kind, const char *key);

/* fetch_recheck.c */
void fetch_init_rechecks(struct fetcher *fetcher);
void fetch_free_rechecks(struct fetcher *fetcher);
/* It is looked at; what was asked for (BEGAN, monotonic) has come. The next look for fetch_recheck_later() is not
 * before that, nor before a second has passed. */
void fetch_look_begins(struct fetcher *fetcher, enum input_kind kind, const char *id);
void fetch_looked(struct fetcher *fetcher, enum input_kind kind, const char *id, usec_t began);
/* Reads it twice again, a moment from now and a little later. */
void fetch_recheck_later(struct fetcher *fetcher, enum input_kind kind, const char *id);

/* fetch_records.c */
void fetch_on_record(const char *id, void *user); /* it was written; USER is the fetcher */
/* A container is asked for, its facts came, the directory of the records may be another one. */
void fetch_begin_record(struct fetcher *fetcher, const char *id);
void fetch_end_record(struct fetcher *fetcher, const struct container_facts *container);
void fetch_find_records(struct fetcher *fetcher);

/* fetch_image.c */
void fetch_layers(struct fetcher *fetcher, const char *id);
void fetch_scan(struct fetcher *fetcher, const char *id);
/* The image's own document came, or will not: jobs that waited for it go on. */
void fetch_image_came(struct fetcher *fetcher, const char *id, bool failed, const char *why);
void fetch_free_images(struct fetcher *fetcher);

/* fetch_request.c */
struct request *fetch_request_new(struct fetcher *fetcher, enum input_kind kind, const char *key);
void fetch_request_unlink(struct request *request); /* it is under way no more */
void fetch_request_free(struct request *request);   /* after that */
/* Hands on what came for REQUEST (FACTS, or NULL and why) and frees it. */
void fetch_finish(struct request *request, struct facts *facts, int number, const char *why);
void fetch_free_requests(struct fetcher *fetcher);

/* fetch_container.c */
/* Adds to CONTAINER, which is taken over, what its document does not say, then finishes REQUEST with it. */
void fetch_complete_container(struct request *request, struct container_facts *container);

/* fetch_processes.c */
void fetch_processes(struct fetcher *fetcher, const char *id);
void fetch_free_processes(struct fetcher *fetcher);

/* fetch_engine.c */
/* What is the engine's answer to one request. */
void fetch_document(struct fetcher *fetcher, enum input_kind kind, const char *key);
void fetch_services(struct fetcher *fetcher, const char *key);
void fetch_tasks(struct fetcher *fetcher, const char *key);
void fetch_secrets(struct fetcher *fetcher, const char *key);
void fetch_unlock_key(struct fetcher *fetcher, const char *key);

/* fetch_files.c */
#define FETCH_SOCKETS "sockets:" /* the source of the engine's sockets, whose groups are asked of the name service */
void fetch_collect_sources(struct fetcher *fetcher); /* those that the rules name now, beside those known */
void fetch_files(struct fetcher *fetcher, const char *name);
void fetch_free_sources(struct fetcher *fetcher);

/* fetch_units.c */
void fetch_units(struct fetcher *fetcher, const char *key);
void fetch_free_units(struct fetcher *fetcher);

/* fetch_mounts.c */
void fetch_watch_mounts(struct fetcher *fetcher);
void fetch_mounts(struct fetcher *fetcher, const char *key);

/* fetch_host.c */
void fetch_watch_host(struct fetcher *fetcher);
void fetch_daemon(struct fetcher *fetcher, const char *key);
void fetch_lsm(struct fetcher *fetcher, const char *key);
void fetch_group(struct fetcher *fetcher, const char *key);
/* The sockets were read and are about to be delivered: their groups are looked up if they are others than before. */
void fetch_groups_of_sockets(struct fetcher *fetcher, const struct fileset_facts *sockets);
void fetch_audit(struct fetcher *fetcher, const char *key);
void fetch_environment(struct fetcher *fetcher, const char *key);
void fetch_listeners(struct fetcher *fetcher, const char *key);
void fetch_certificates(struct fetcher *fetcher, const char *key);
void fetch_free_host(struct fetcher *fetcher);

#endif
