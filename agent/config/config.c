/* The configuration as a whole: files, environment and command line put together, and its rules. */
#include "agent/checks/table.h"
#include "agent/config/config_internal.h"

#include <errno.h>
#include <string.h>

#include "common/str.h"
#include "probes/docker/http.h"

int config_load_words(const struct config_arguments *arguments, struct config **ret, struct error *error)
{
    scoped(faults_free) struct faults faults = {0};
    scoped(cleanup_config) struct config *config = config_read_files(arguments, true, &faults);

    if (faults_errors(&faults))
        return faults_first(&faults, error);
    *ret = take(config);
    return 0;
}

static void apply_argument(struct config *config, const char *argument, const char **setting)
{
    if (argument)
        *setting = arena_strdup(config->arena, argument);
}

/* Checks what would otherwise fail only when it is used, before anything is started or, at a reload, given up. */
static int check_places(const struct config *config, struct error *error)
{
    struct docker_address address = {0};
    int r = docker_address_parse(config->docker_host, config->docker_cert_path, config->docker_tls, config->tls_ca,
                                 config->tls_cert, config->tls_key, &address, error);

    if (r < 0)
        return config->docker_host_from ? error_prefix(error, "%s", config->docker_host_from) : r;
    docker_address_deinit(&address);
    if (!str_empty(config->host_root) && !config_is_folder(config->host_root))
        return error_set(error, EINVAL, "host_root: %s is not a directory", config->host_root);
    return 0;
}

/* Always a configuration, which the caller frees. */
static struct config *load(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                           struct faults *faults)
{
    struct config *config = config_read_files(arguments, false, faults);
    struct error error = ERROR_INIT;

    if (arguments->docker_host) {
        config->docker_host = arena_strdup(config->arena, arguments->docker_host);
        config->docker_host_from = "--docker-host";
    }
    if (config_apply_environment(config, environment, arguments->docker_host != NULL, &error) < 0)
        faults_add(faults, &error);
    apply_argument(config, arguments->socket_path, &config->socket_path);
    apply_argument(config, arguments->state_dir, &config->state_dir);
    apply_argument(config, arguments->host_root, &config->host_root);
    apply_argument(config, arguments->data_dir, &config->data_dir);
    if (check_places(config, &error) < 0)
        faults_add(faults, &error);
    return config;
}

int config_load(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                struct config **ret, struct error *error)
{
    scoped(faults_free) struct faults faults = {0};
    scoped(cleanup_config) struct config *config = load(arguments, environment, &faults);

    if (faults_errors(&faults))
        return faults_first(&faults, error);
    *ret = take(config);
    return 0;
}

/* An unknown name has its place and the nearest that is known. */
static int refuse_rule(const struct rule_set *rules, const char *file, unsigned line, const char *list,
                       const char *name, struct error *error)
{
    scoped_str hint = STR_INIT;

    message_add_nearest(&hint, rule_set_nearest(rules, name));
    return error_set(error, EINVAL, "%s:%u: %s: unknown rule \"%s\"%s", file, line, list, name, str_text(&hint));
}

/* The first fault ends it where FAULTS is NULL. */
static int check_exceptions(const struct config *config, const struct rule_set *rules, struct faults *faults,
                            struct error *error)
{
    int r = 0;

    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];

        for (size_t k = 0; k < waiver->rules.count && (r == 0 || faults); k++)
            if (!rule_set_knows(rules, waiver->rules.items[k])) {
                r = refuse_rule(rules, waiver->file, waiver->line, "waivers", waiver->rules.items[k], error);
                faults_add(faults, error);
            }
    }
    for (size_t i = 0; i < config->attestation_count && (r == 0 || faults); i++) {
        const struct attestation *attestation = &config->attestations[i];

        if (attestation->rule && !rule_set_find(rules, attestation->rule)) {
            r = refuse_rule(rules, attestation->file, attestation->line, "attestations", attestation->rule, error);
            faults_add(faults, error);
        }
    }
    return r;
}

/* FAULTS as struct rule_source has it. */
static int load_rules(const struct config *config, struct faults *faults, struct rule_set **ret, struct error *error)
{
    scoped(cleanup_free) char *place =
        mem_printf("%s:%u", config_file_of(config, config->profile_value), json_line(config->profile_value));
    const struct rule_source source = {.checks = checks,
                                       .data_dir = config->data_dir,
                                       .user_dir = config->rules_dir,
                                       .active = config->benchmark,
                                       .profiles = &config->profiles,
                                       .profiles_place = config->profile_value ? place : NULL,
                                       .overrides = config->overrides,
                                       .override_count = config->override_count,
                                       .faults = faults};
    int r = rule_set_load_from(&source, ret, error);

    if (r == -ESRCH && config->benchmark_value)
        error_prefix(error, "%s:%u", config_file_of(config, config->benchmark_value),
                     json_line(config->benchmark_value));
    return config_explain(r, error);
}

int config_load_rules(const struct config *config, struct rule_set **ret, struct error *error)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error why = ERROR_INIT;
    int r = load_rules(config, NULL, &rules, &why);

    if (r == 0)
        r = check_exceptions(config, rules, NULL, &why);
    if (r == 0)
        *ret = take(rules);
    else
        error_set(error, -r, "%s", why.message);
    return r;
}

int config_check(const struct config_arguments *arguments, const char *(*environment)(const char *name),
                 struct config **ret, struct rule_set **ret_rules, struct faults *faults)
{
    scoped(cleanup_config) struct config *config = load(arguments, environment, faults);
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    if (load_rules(config, faults, &rules, &error) < 0)
        faults_add(faults, &error);
    if (rules) {
        check_exceptions(config, rules, faults, &error);
        config_warn(config, rules, clock_now(&clock_system), faults);
    }
    if (faults_errors(faults) || !rules)
        return -EINVAL;
    *ret = take(config);
    *ret_rules = take(rules);
    return 0;
}
