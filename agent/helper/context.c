/* The configuration and the rules are root's files, and the same that the agent reads. */
#include "agent/helper/context.h"

#include <string.h>

#include "common/log.h"

static const char *from_environment(const char *name)
{
    return getenv(name);
}

static int load(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                struct error *error)
{
    scoped(cleanup_config) struct config *config = NULL;
    int r = config_load(arguments, from_environment, &config, error);

    if (r == 0)
        r = config_load_rules(config, ret_rules, error);
    if (r == 0)
        *ret = take(config);
    return r;
}

static bool reads_source(const struct rule_set *rules, const char *source)
{
    for (size_t i = 0; rules && i < rules->count; i++)
        if (rules->rules[i].enabled && (rules->rules[i].check->reads & INPUT_BIT(INPUT_FILES)) &&
            str_equal(rule_file_source(&rules->rules[i]), source))
            return true;
    return false;
}

/* The agent may have loaded another configuration since the helper's start: a source that is not known is looked for
 * in what the files say now. */
static bool knows_source(const char *source, void *user)
{
    const struct helper_context *context = user;
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;

    if (reads_source(context->rules, source))
        return true;
    return load(context->arguments, &config, &rules, NULL) == 0 && reads_source(rules, source);
}

static void copy_list(struct arena *arena, const struct string_list *from, struct string_list *ret)
{
    ret->items = arena_alloc(arena, (from->count + 1) * sizeof *ret->items);
    for (ret->count = 0; ret->count < from->count; ret->count++)
        ret->items[ret->count] = arena_strdup(arena, from->items[ret->count]);
}

/* What the file says now; where that cannot be loaded, what it said. */
static void scanner_command(void *user, struct arena *arena, struct string_list *ret)
{
    const struct helper_context *context = user;
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;

    if (load(context->arguments, &config, &rules, NULL) == 0)
        copy_list(arena, &config->scanner_command, ret);
    else if (context->config)
        copy_list(arena, &context->config->scanner_command, ret);
}

/* ---- Where role network may connect and listen ---- */

static const char *receiver_of(const struct config *config, const char *address, enum sink_kind *ret_kind)
{
    for (size_t i = 0; config && i < config->sink_count; i++)
        if (sink_kinds[config->sinks[i].kind].scheme && str_equal(config->sinks[i].address, address)) {
            *ret_kind = config->sinks[i].kind;
            return config->sinks[i].address;
        }
    return NULL;
}

/* There is no other way to one: when the agent takes over a configuration with other addresses, it starts this role
 * anew. */
static int refuse_address(const struct helper_context *context, const char *address, struct error *error)
{
    return context->config ? error_set(error, EACCES, "%s is not in the configuration of the helper network", address)
                           : error_set(error, EACCES, "the helper network: %s", context->why.message);
}

static int find_receiver(const char *address, void *user, struct arena *arena, struct receiver_place *ret,
                         struct error *error)
{
    const struct helper_context *context = user;
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    enum sink_kind kind = SINK_KIND_COUNT;
    const char *found = receiver_of(context->config, address, &kind);
    int r;

    if (!found)
        return refuse_address(context, address, error);
    r = sink_split_address(found + strlen(sink_kinds[kind].scheme), &host, &port, error);
    if (r == 0)
        *ret = (struct receiver_place){.host = arena_strdup(arena, host),
                                       .port = arena_strdup(arena, port),
                                       .type = kind == SINK_SYSLOG_UDP ? SOCK_DGRAM : SOCK_STREAM};
    return r;
}

static int find_listener(const char *address, void *user, struct listener_place *ret, struct error *error)
{
    const struct helper_context *context = user;
    const struct config *config = context->config;

    if (!config || !str_equal(config->metrics_listen, address))
        return refuse_address(context, address, error);
    *ret = (struct listener_place){.address = config->metrics_address, .length = config->metrics_address_length};
    return 0;
}

void helper_context_load_network(const struct config_arguments *arguments, struct helper_context *ret)
{
    ret->arguments = arguments;
    if (config_load_words(arguments, &ret->config, &ret->why) < 0)
        log_warning("helper: %s", ret->why.text);
    ret->role = (struct role_context){.find_receiver = find_receiver, .find_listener = find_listener, .user = ret};
}

/* ---- The whole ---- */

static int use_config(struct helper_context *context, bool once, struct error *error)
{
    const struct config *config = context->config;

    if (!once)
        context->layers_cache = mem_printf("%s/layers", config->state_dir);
    return docker_address_parse(config->docker_host, config->docker_cert_path, config->docker_tls, config->tls_ca,
                                config->tls_cert, config->tls_key, &context->address, error);
}

int helper_context_load(const struct config_arguments *arguments, bool once, struct helper_context *ret,
                        struct error *error)
{
    struct error why = ERROR_INIT;
    const char *root = arguments->host_root ? arguments->host_root : "/";
    int r = load(arguments, &ret->config, &ret->rules, &why);

    ret->arguments = arguments;
    if (r == 0) {
        root = ret->config->host_root;
        r = use_config(ret, once, &why);
    }
    if (r < 0)
        log_warning("helper: %s", why.text);
    r = host_root_open(root, &ret->root, error);
    if (r < 0)
        return r;
    if (strcmp(root, "/") == 0)
        host_root_open("/proc/1/root", &ret->outside, NULL); /* takes CAP_SYS_PTRACE; it may be its own root */
    ret->proc = host_outside_path(ret->root, "/proc");
    ret->role = (struct role_context){.root = ret->root,
                                      .outside = ret->outside ? ret->outside : ret->root,
                                      .proc = ret->proc,
                                      .knows_source = knows_source,
                                      .scanner_command = scanner_command,
                                      .user = ret,
                                      .address = &ret->address,
                                      .layers_cache = ret->layers_cache};
    return 0;
}

void helper_context_free(struct helper_context *context)
{
    config_free(context->config);
    rule_set_free(context->rules);
    docker_address_deinit(&context->address);
    host_root_close(context->outside);
    host_root_close(context->root);
    free(context->layers_cache);
    free(context->proc);
}
