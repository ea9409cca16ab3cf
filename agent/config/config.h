/* The configuration: agent.json, the command line and the environment put together (in rising order of precedence:
 * default, file, environment for the engine's address, command line). Unknown keys are errors that name file, line and
 * the nearest known key. */
#ifndef AGENT_CONFIG_CONFIG_H
#define AGENT_CONFIG_CONFIG_H

#include <sys/socket.h>

#include "agent/config/sink_config.h"
#include "agent/rules/rule_set.h"
#include "probes/docker/http.h"

#define CONFIG_DEFAULT_PATH "/etc/docker-bench-agent/agent.json"

struct waiver {
    const char *rule, *reason, *by;
    const char
        *subject;   /* NULL or "*": all; a kind ("container"), "name:GLOB", "label:GLOB", "image:GLOB", "KIND:GLOB" */
    usec_t expires; /* 0: never */
    unsigned line;
};

struct attestation {
    const char *rule, *by, *evidence;
    const char *subject; /* as a waiver's */
    enum verdict status; /* pass or fail */
    usec_t expires;
    unsigned line;
};

struct config {
    struct arena *arena;
    struct json_doc *document; /* owns what the overrides point to; may be NULL */
    const char *path;          /* of the file, NULL: none was read */
    const char *docker_host, *docker_cert_path, *tls_ca, *tls_cert, *tls_key; /* NULL: not given */
    enum docker_tls docker_tls;
    const char *docker_host_from; /* what named docker_host, for people ("DOCKER_HOST"); NULL: nothing did */
    const char *docker_context;   /* the name of the docker context that it comes from, else NULL */
    const char *benchmark;        /* "dosec-1.0" */
    const char *profile;          /* of rules beyond the benchmarks: "extra"; "default": none */
    unsigned benchmark_line;      /* where the file names it, 0: it does not */
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

/* Loads file, ENVIRONMENT (a function like getenv(3)) and ARGUMENTS. A missing default file means defaults; a missing
 * file named on the command line is an error. The caller frees RET. 0, or a negative errno with ERROR. */
int config_load(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                struct config **ret, struct error *error);
/* The file alone, and nothing that it names is looked for: for a helper that cannot see all of it. As config_load(). */
int config_load_words(const struct config_arguments *arguments, struct config **ret, struct error *error);
/* The file's part alone, from text: for tests and the fuzzer. PATH is used in errors. The caller frees RET. 0 or
 * -EINVAL. */
int config_parse(const char *text, size_t length, const char *path, struct config **ret, struct error *error);
/* Loads the rules and applies the configuration's overrides. The caller frees RET. 0,
 * -ESRCH for an unknown benchmark, or -EINVAL, also if a waiver or an attestation names an unknown rule. */
int config_load_rules(const struct config *config, struct rule_set **ret, struct error *error);
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, cleanup_config, config_free)

#endif
