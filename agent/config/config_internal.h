/* What the files that read the configuration share: config.c (putting files, environment and command line together),
 * config_check.c (what cannot be meant), config_files.c (agent.json and conf.d), config_keys.c (most keys),
 * config_sinks.c, config_formats.c, config_exceptions.c, and config_new.c and config_read.c below them. Nobody else includes this. */
#ifndef AGENT_CONFIG_CONFIG_INTERNAL_H
#define AGENT_CONFIG_CONFIG_INTERNAL_H

#include "agent/config/config.h"
#include "agent/rules/config_json.h"

struct config_reader {
    struct config *config;
    bool words_only; /* what the files name is not looked for */
    struct faults *faults;
};

/* Keeps "FILE:LINE: text" of VALUE (NULL: of no line) among the faults. -EINVAL. */
int config_refuse(struct config_reader *reader, const struct json *value, const char *format, ...) printf_like(3, 4);
/* Of two results the first that is an error: what comes after a fault is read all the same. */
static inline int config_worse(int first, int second)
{
    return first < 0 ? first : second;
}

/* OBJECT may be NULL, else has to be an object whose members are all among KEYS, which end with NULL; NAME of it for
 * people, NULL: the whole. */
int config_read_keys(struct config_reader *reader, const struct json *object, const char *name,
                     const char *const *keys);
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

/* All keys of the merged document ROOT. */
int config_read_root(struct config_reader *reader, const struct json *root);

extern const char config_default_rules_dir[]; /* may be missing; another one may not */
struct config *config_new(void);              /* of defaults */
bool config_is_folder(const char *path);
/* agent.json as ARGUMENTS name it, and conf.d beside it, without the environment and what else ARGUMENTS say. Always a
 * configuration, which the caller frees: of what could be understood, when FAULTS has errors. */
struct config *config_read_files(const struct config_arguments *arguments, bool words_only, struct faults *faults);
/* Says in ERROR who has to be able to read a file; of what is not -EACCES only R is returned. */
int config_explain(int r, struct error *error);
/* What is valid, but cannot have been meant. */
void config_warn(const struct config *config, const struct rule_set *rules, usec_t now, struct faults *faults);

/* Where the engine is, as the docker client reads its environment: DOCKER_HOST, DOCKER_TLS, DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH, else the context that DOCKER_CONTEXT or, unless the file has docker.host, the client's own
 * configuration names. HOST_GIVEN: the command line names the engine, and only the TLS variables count. 0, or a
 * negative errno with ERROR. */
int config_apply_environment(struct config *config, const char *(*environment)(const char *name), bool host_given,
                             struct error *error);

#endif
