/* What the files of the fetcher share: fetch.c (which probe brings which input), fetch_engine.c (what comes from the
 * engine), fetch_container.c (what the host knows of a container), fetch_records.c (what the engine writes of
 * containers that do not run), fetch_files.c (file sources and their watches), fetch_host.c (what else lies on the
 * host), fetch_image.c (an image's own files), fetch_mounts.c (mounts), fetch_again.c (what is read again a moment
 * later). Nobody else includes this. */
#ifndef AGENT_FETCH_FETCH_INTERNAL_H
#define AGENT_FETCH_FETCH_INTERNAL_H

#include "agent/fetch/fetch.h"
#include "common/vec.h"
#include "probes/audit/audit.h"
#include "probes/fileset/fileset.h"
#include "probes/watch/mounts.h"
#include "probes/watch/record_watch.h"
#include "probes/worker/worker.h"

struct image_jobs;

/* A file source that some rule reads, and its watches. */
struct source {
    struct fetcher *fetcher;
    char *name;
    VEC(struct watch *) watches;
};

/* A request under way: which input its answer is for. */
struct request {
    struct fetcher *fetcher;
    enum input_kind kind;
    char *key;
    struct event *again;          /* not NULL: it failed once and is asked for a second time after a moment */
    struct container_facts *held; /* a container's, until its volumes are known; else NULL */
    size_t mount;                 /* of HELD, the one that is looked at */
    struct request *next, **link;
};

/* What is read again a moment later: processes of a container in which something started, a swarm's networks. */
struct second_look {
    enum input_kind kind;
    char *id;
    usec_t at; /* monotonic */
};

/* A fetch that needs what /info says, or waits for its turn. */
struct deferred {
    enum input_kind kind;
    char *key;
};

struct fetcher {
    struct event_base *base;
    const struct config *config;
    struct docker *docker;
    struct evaluator *evaluator;
    struct host_root *root;
    struct host_root
        *outside; /* the host as process 1 sees it, where this unit sees a /tmp of its own; NULL: ROOT is it */
    struct watcher *watcher;
    struct mounts_watch *mounts;
    struct record_watch *records;
    VEC(struct source *) sources;
    struct watch *daemon_json, *pid_file, *socket, *certificates, *raft_log;
    VEC(struct watch *) host_watches; /* of files that are not in a source: audit rules, groups, profiles */
    char *watched_config, *watched_certificates;
    struct audit_watch *audit_watch;
    struct workers *workers;
    struct worker *audit_worker, *group_worker;
    struct helper *audit_helper, *group_helper;
    struct image_jobs *image_jobs;
    VEC(struct deferred) deferred; /* wait for /info */
    VEC(struct deferred) later;    /* of the host, one each turn of the loop while the engine answers */
    struct event *later_timer;
    bool info_on_its_way, keeps_state;
    struct request *requests;
    struct event *look_timer;
    unsigned leaving; /* how often networks were looked at that a swarm left behind */
    VEC(struct second_look) looks;
};

/* fetch.c */
/* Hands what a probe read, or why it could not, to the engine. */
void fetch_deliver(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                   const struct error *error);
const char *fetch_engine_socket(const struct fetcher *fetcher);
/* The engine runs on another host: says so for the input, which is of this one. */
bool fetch_refuse_remote(struct fetcher *fetcher, enum input_kind kind, const char *key);

/* fetch_engine.c */
void fetch_from_engine(struct fetcher *fetcher, enum input_kind kind, const char *key);
/* True: it is fetched when /info, which is on its way, has come. */
bool fetch_defer(struct fetcher *fetcher, enum input_kind kind, const char *key);
struct request *fetch_request_new(struct fetcher *fetcher, enum input_kind kind, const char *key);
void fetch_request_unlink(struct request *request); /* it is under way no more */
void fetch_request_free(struct request *request);   /* after that */
/* Hands on what came for REQUEST (FACTS, or NULL and why) and frees it. */
void fetch_finish(struct request *request, struct facts *facts, int number, const char *why);
void fetch_free_requests(struct fetcher *fetcher);

/* fetch_again.c */
void fetch_init_looks(struct fetcher *fetcher);
void fetch_free_looks(struct fetcher *fetcher);
/* Reads it twice again, a moment from now and a little later. */
void fetch_look_later(struct fetcher *fetcher, enum input_kind kind, const char *id);
/* The container's process is gone and its end not told yet, or a newer one not known: told a moment later. */
void fetch_processes_again(struct fetcher *fetcher, const char *id);

/* fetch_container.c */
/* Adds to CONTAINER, which is taken over, what its document does not tell, then finishes REQUEST with it. */
void fetch_complete_container(struct request *request, struct container_facts *container);

/* fetch_records.c */
void fetch_start_records(struct fetcher *fetcher);
/* A container is asked for, its facts came, the folder of the records may be another one. */
void fetch_begin_record(struct fetcher *fetcher, const char *id);
void fetch_end_record(struct fetcher *fetcher, const struct container_facts *container);
void fetch_find_records(struct fetcher *fetcher);

/* fetch_files.c */
void fetch_files(struct fetcher *fetcher, const char *name);
void fetch_collect_sources(struct fetcher *fetcher);
void fetch_watch_source(struct source *source);
/* Sources that NEEDS says of: watched and read anew. */
void fetch_refresh_sources(struct fetcher *fetcher, bool (*needs)(const char *source), const char *cause);
void fetch_free_sources(struct fetcher *fetcher);

/* fetch_mounts.c */
void fetch_watch_mounts(struct fetcher *fetcher);
void fetch_mounts(struct fetcher *fetcher);

/* fetch_host.c */
void fetch_daemon(struct fetcher *fetcher);
void fetch_lsm(struct fetcher *fetcher);
void fetch_group(struct fetcher *fetcher);
void fetch_audit(struct fetcher *fetcher);
void fetch_environment(struct fetcher *fetcher);
void fetch_listeners(struct fetcher *fetcher);
/* What may switch auditing off is kept by a process that does nothing but list its rules. */
int fetch_make_helpers(struct fetcher *fetcher, struct error *error);
void fetch_certificates(struct fetcher *fetcher);
void fetch_watch_swarm(struct fetcher *fetcher);
/* False, and nothing told: the process is gone just now, and this was not the LAST try. */
bool fetch_processes(struct fetcher *fetcher, const char *id, bool last);
void fetch_watch_host(struct fetcher *fetcher);
void fetch_free_host(struct fetcher *fetcher);

/* fetch_image.c */
void fetch_layers(struct fetcher *fetcher, const char *id);
void fetch_scan(struct fetcher *fetcher, const char *id);
/* The image's own document came, or will not: jobs that waited for it go on. */
void fetch_image_came(struct fetcher *fetcher, const char *id, bool failed, const char *why);
void fetch_free_images(struct fetcher *fetcher);

#endif
