/* The configuration: agent.json, conf.d, the command line and the environment put together (in rising order of
 * precedence: default, agent.json, the files of conf.d beside it in the order of their names, environment for the
 * engine's address, command line). Of several files objects are merged key by key, "sinks", "waivers", "attestations"
 * and "exclude" follow one another, and of any other value the last one counts. Unknown keys are errors that name file,
 * line and the nearest known key. */
#ifndef AGENT_CONFIG_CONFIG_H
#define AGENT_CONFIG_CONFIG_H

#include <sys/socket.h>

#include "agent/config/sink_config.h"
#include "agent/rules/rule_set.h"
#include "common/str.h"
#include "probes/docker/http.h"

#define CONFIG_DEFAULT_PATH "/etc/docker-bench-agent/agent.json"

/* Which rules it is for: "*", "section:5", slugs and ids. */
struct waiver {
    struct string_list rules;
    const char *rule; /* the same for people: "5.4, 5.5" */
    const char *reason, *by, *file;
    const char
        *subject;   /* NULL or "*": all; a kind ("container"), "name:GLOB", "label:GLOB", "image:GLOB", "KIND:GLOB" */
    usec_t expires; /* 0: never */
    unsigned line;
};

struct attestation {
    const char *rule, *by, *evidence, *file;
    const char *subject; /* as a waiver's */
    enum verdict status; /* pass or fail */
    usec_t expires;
    unsigned line;
};

/* What is not judged: containers and images, with the execs in them. */
struct exclusion {
    const char *scope; /* "name:GLOB", "label:GLOB", "image:GLOB" */
    const char *file;
    unsigned line;
};

struct config {
    struct arena *arena;
    struct json_doc *document; /* all files merged, owns what the overrides point to; NULL: there are none */
    const char *path;          /* of agent.json, NULL: there is none */
    const char **files;        /* it and those of conf.d, in the order of the document's parts (json_source()) */
    size_t file_count;
    const char *docker_host, *docker_cert_path, *tls_ca, *tls_cert, *tls_key; /* NULL: not given */
    enum docker_tls docker_tls;
    const char *docker_host_from; /* what named docker_host, for people ("DOCKER_HOST"); NULL: nothing did */
    const char *docker_context;   /* the name of the docker context that it comes from, else NULL */
    const char *benchmark;        /* "dosec-1.0" */
    struct string_list profiles;  /* see struct rule_source; none: all rules of the benchmark */
    const struct json *benchmark_value, *profile_value; /* where a file names them, NULL: none does */
    enum language language;
    const char *socket_path, *socket_group;  /* group NULL: docker-bench-agent when it exists */
    unsigned socket_mode;                    /* 0660 */
    const char *metrics_listen;              /* "127.0.0.1:9323"; NULL: no metrics over TCP */
    struct sockaddr_storage metrics_address; /* the same, a loopback address */
    socklen_t metrics_address_length;
    const char *state_dir, *data_dir, *rules_dir, *host_root;
    struct sink_config *sinks;
    size_t sink_count;
    struct rule_override *overrides;
    size_t override_count;
    struct waiver *waivers;
    size_t waiver_count;
    struct attestation *attestations;
    size_t attestation_count;
    struct exclusion *exclusions;
    size_t exclusion_count;
    /* intervals.sweep: how often everything is read again that inotify cannot see (default 3600, minimum 60) */
    unsigned sweep_seconds;
    struct string_list scanner_command; /* scanner.command, empty: none */
    unsigned scanner_seconds;           /* scanner.timeout */
    const char *scanner_threshold;      /* scanner.threshold, NULL: the rule's own */
    /* intervals.top: how often containers' processes are read again (default 60, minimum 10) */
    unsigned process_seconds;
    /* Transitions are kept that long (default 90), and as many as fit into that much (default 256 MiB, minimum 1 MiB)
     */
    unsigned history_days;
    uint64_t history_bytes;
    unsigned heartbeat_seconds; /* heartbeat: between two of them (default 60, minimum 10), 0: none */
};

/* What the command line gave; NULL: not given. */
struct config_arguments {
    const char *config_path, *docker_host, *socket_path, *state_dir, *host_root, *data_dir;
};

/* Loads files, ENVIRONMENT (a function like getenv(3)) and ARGUMENTS. A missing default file means defaults; a missing
 * file named on the command line is an error. The caller frees RET. 0, or a negative errno with ERROR: the first fault,
 * and how many there are besides it. */
int config_load(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                struct config **ret, struct error *error);
/* The files alone, and nothing that they name is looked for: for a helper that cannot see all of it. As config_load().
 */
int config_load_words(const struct config_arguments *arguments, struct config **ret, struct error *error);
/* The files' part alone, from texts: for tests and the fuzzer. PATH is used in errors. The caller frees RET. 0 or
 * -EINVAL. */
struct config_text {
    const char *path, *text;
    size_t length;
};
int config_parse_files(const struct config_text *texts, size_t count, struct config **ret, struct error *error);
int config_parse(const char *text, size_t length, const char *path, struct config **ret, struct error *error);
/* Loads the rules and applies the configuration's overrides. The caller frees RET. 0,
 * -ESRCH for an unknown benchmark, or -EINVAL, also if a waiver or an attestation names an unknown rule. */
int config_load_rules(const struct config *config, struct rule_set **ret, struct error *error);
/* All that is wrong with configuration and rules, and what is valid but cannot be meant, into FAULTS. RET and RET_RULES
 * as of config_load() and config_load_rules(), NULL where there are errors; the caller frees them. 0, or -EINVAL where
 * there are errors. */
int config_check(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                 struct config **ret, struct rule_set **ret_rules, struct faults *faults);
/* Appends where the configuration has the role network connect and listen, and nothing else of it, as a configuration
 * of its own (JSON): for a process that may not read the files. */
void config_addresses(const struct config *config, struct str *ret);
/* The file that VALUE of the merged document is from; "configuration" where there is none. Owned by CONFIG. */
const char *config_file_of(const struct config *config, const struct json *value);
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, cleanup_config, config_free)

#endif
