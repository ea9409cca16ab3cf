/* The docker client's environment and contexts, as the client itself reads them. */
#include <string.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/log.h"
#include "common/str.h"
#include "probes/docker/docker_context.h"

typedef const char *environment_function(const char *name);

/* Where the client keeps its configuration; NULL: nothing says so. The caller frees. */
static char *client_folder(environment_function *environment)
{
    const char *folder = environment("DOCKER_CONFIG"), *home = environment("HOME");

    if (!str_empty(folder))
        return mem_strdup(folder);
    return str_empty(home) ? NULL : mem_printf("%s/.docker", home);
}

static const char *keep(struct config *config, const char *text)
{
    return text ? arena_strdup(config->arena, text) : NULL;
}

static const char *default_file(struct config *config, const char *folder, const char *name, bool may_be_absent)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);

    return may_be_absent && access(path, F_OK) < 0 ? NULL : keep(config, path);
}

static void apply_tls(struct config *config, environment_function *environment, const char *folder)
{
    const char *certificates = environment("DOCKER_CERT_PATH");
    bool verifies = !str_empty(environment("DOCKER_TLS_VERIFY"));

    if (verifies)
        config->docker_tls = DOCKER_TLS_VERIFIED;
    else if (!str_empty(environment("DOCKER_TLS")) && config->docker_tls == DOCKER_TLS_BY_FILES)
        config->docker_tls = DOCKER_TLS_UNVERIFIED;
    if (!str_empty(certificates)) {
        config->docker_cert_path = keep(config, certificates);
    } else if (config->docker_tls != DOCKER_TLS_BY_FILES && folder && !config->tls_ca && !config->tls_cert &&
               !config->tls_key) { /* only what is there is used, but nothing is verified without a ca.pem */
        config->tls_ca = default_file(config, folder, "ca.pem", config->docker_tls == DOCKER_TLS_UNVERIFIED);
        config->tls_cert = default_file(config, folder, "cert.pem", true);
        config->tls_key = default_file(config, folder, "key.pem", true);
    }
    if (str_empty(config->docker_host) && (verifies || config->docker_tls == DOCKER_TLS_UNVERIFIED)) {
        config->docker_host = "tcp://";
        config->docker_host_from = verifies ? "DOCKER_TLS_VERIFY" : "DOCKER_TLS";
    }
}

static int apply_context(struct config *config, const char *folder, const char *name, const char *named_by,
                         struct error *error)
{
    scoped(docker_context_deinit) struct docker_context context = {0};
    scoped_str from = STR_INIT;
    int r = docker_context_read(folder, name, &context, error);

    if (r < 0)
        return error_prefix(error, "%s", named_by);
    str_printf(&from, "%s: docker context \"%s\"", named_by, name);
    config->docker_context = keep(config, name);
    config->docker_host_from = keep(config, str_text(&from));
    config->docker_host = keep(config, context.host);
    config->docker_cert_path = NULL;
    config->tls_ca = keep(config, context.ca);
    config->tls_cert = keep(config, context.cert);
    config->tls_key = keep(config, context.key);
    config->docker_tls = context.tls;
    return 0;
}

/* The client goes on without a configuration that it cannot read. */
static char *current_context(const char *folder)
{
    struct error error = ERROR_INIT;
    char *name = NULL;

    if (docker_context_current(folder, &name, &error) < 0)
        log_warning("the docker client's current context is unknown: %s", error.text);
    return name;
}

int config_apply_environment(struct config *config, environment_function *environment, bool host_given,
                             struct error *error)
{
    const char *host = environment("DOCKER_HOST"), *context = environment("DOCKER_CONTEXT");
    scoped(cleanup_free) char *folder = client_folder(environment), *current = NULL;

    if (!host_given && !str_empty(host)) {
        config->docker_host = keep(config, host);
        config->docker_host_from = "DOCKER_HOST";
    } else if (!host_given && str_equal(context, "default")) {
        /* which is no context of any folder's */
    } else if (!host_given && !str_empty(context)) {
        if (!folder)
            return error_set(error, EINVAL, "DOCKER_CONTEXT: neither DOCKER_CONFIG nor HOME says where contexts are");
        return apply_context(config, folder, context, "DOCKER_CONTEXT", error);
    } else if (!host_given && !config->docker_host && folder && (current = current_context(folder))) {
        scoped_str named_by = STR_INIT;

        str_printf(&named_by, "%s/config.json", folder);
        return apply_context(config, folder, current, str_text(&named_by), error);
    }
    apply_tls(config, environment, folder);
    return 0;
}
