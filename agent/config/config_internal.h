/* What the files that read the configuration share: config.c (most keys, and putting file, environment and command line
 * together), config_sinks.c, config_exceptions.c, and config_read.c below them. Nobody else includes this. */
#ifndef AGENT_CONFIG_CONFIG_INTERNAL_H
#define AGENT_CONFIG_CONFIG_INTERNAL_H

#include "agent/config/config.h"
#include "agent/rules/config_json.h"

struct config_reader {
    struct config *config;
    const char *file; /* for error messages */
    bool words_only;  /* what the file names is not looked for */
    struct error *error;
};

#define config_refuse(reader, value, ...) config_json_refuse((reader)->error, (reader)->file, value, __VA_ARGS__)

/* A text that is not empty, copied into the configuration; RET stays as it is where OBJECT has no KEY. */
int config_read_string(struct config_reader *reader, const struct json *object, const char *key, const char **ret);
/* The index of a word among WORDS, which end with NULL. */
int config_read_word(struct config_reader *reader, const struct json *value, const char *key, const char *const *words,
                     unsigned *ret);
/* Room for the members of LIST, SIZE bytes each. */
int config_read_list(struct config_reader *reader, const struct json *list, const char *key, size_t size, void **ret,
                     size_t *ret_count);

/* The members of a sink that are about its format, for SINK, which has the defaults of its kind. */
int config_read_format(struct config_reader *reader, const struct json *object, struct sink_config *sink);
int config_read_sinks(struct config_reader *reader, const struct json *list);
int config_read_exceptions(struct config_reader *reader, const struct json *root);

/* Where the engine is, as the docker client reads its environment: DOCKER_HOST, DOCKER_TLS, DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH, else the context that DOCKER_CONTEXT or, unless the file has docker.host, the client's own
 * configuration names. HOST_GIVEN: the command line names the engine, and only the TLS variables count. 0, or a
 * negative errno with ERROR. */
int config_apply_environment(struct config *config, const char *(*environment)(const char *name), bool host_given,
                             struct error *error);

#endif
