/* "Swarm" of GET /info, /networks, /services, /secrets and /swarm/unlockkey made facts. The values of services'
 * environment are looked at for secrets and not kept. */
#include <errno.h>
#include <string.h>

#include "common/secrets/secrets.h"
#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "probes/docker/docker_parse_internal.h"
#include "probes/host/certificate.h"

static bool has_member(const struct json *object, const char *name)
{
    const char *key;

    for (size_t i = 0; json_member(object, i, &key, NULL); i++)
        if (str_equal(key, name))
            return true;
    return false;
}

/* The port by which the other managers reach this one: "10.0.0.1:2377", "[fd00::1]:2377". */
static unsigned port_of_node(const struct json *managers, const char *node)
{
    for (size_t i = 0; node && *node && i < json_count(managers); i++) {
        const struct json *manager = json_at(managers, i);
        const char *address = json_text(json_get(manager, "Addr"), ""), *colon = strrchr(address, ':');
        char *end = NULL;
        unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;

        if (str_equal(json_string(json_get(manager, "NodeID")), node))
            return end && !*end && port <= UINT16_MAX ? (unsigned)port : 0;
    }
    return 0;
}

/* When the cluster was changed last: by its leader's hand each half day too, so it is no news but in a rotation. */
static usec_t time_of_update(const struct info_facts *info, const struct json *cluster)
{
    const char *text = info->root_rotation ? json_string(json_get(cluster, "UpdatedAt")) : NULL;
    usec_t at;

    return text && clock_parse(text, &at) == 0 && at > 0 ? at : 0;
}

static void parse_cluster(struct builder *b, const struct json *cluster, struct info_facts *info)
{
    const struct json *spec = json_get(cluster, "Spec"), *expiry = json_path(spec, "CAConfig", "NodeCertExpiry", NULL);
    const char *roots = json_string(json_path(cluster, "TLSInfo", "TrustRoot", NULL));
    struct certificate_periods periods;

    info->has_cluster = !str_empty(json_string(json_get(cluster, "ID")));
    if (info->has_cluster)
        build_expect(b, cluster, "RootRotationInProgress", JSON_BOOL, false, "Swarm.Cluster.RootRotationInProgress");
    info->root_rotation = build_bool(b, json_get(cluster, "RootRotationInProgress"));
    info->cluster_updated = time_of_update(info, cluster);
    info->autolock = build_tristate(b, json_path(spec, "EncryptionConfig", "AutoLockManagers", NULL));
    info->has_node_cert_expiry = json_type(expiry) == JSON_NUMBER;
    info->node_cert_expiry = build_int(b, expiry);
    if (roots && certificate_periods(roots, strlen(roots), &periods, NULL) == 0) {
        info->root_ca_begins = periods.newest_begins;
        info->root_ca_ends = periods.newest_ends;
    }
    build_number(b, info->has_cluster);
    build_number(b, info->cluster_updated);
    build_number(b, info->has_node_cert_expiry);
    build_number(b, info->root_ca_begins);
    build_number(b, info->root_ca_ends);
}

/* /swarm would give the cluster's own facts too, but with the tokens by which nodes join. */
void parse_swarm(struct builder *b, const struct json *swarm, struct info_facts *info)
{
    const struct json *control = json_get(swarm, "ControlAvailable");

    info->swarm_state = build_text(b, build_typed(b, json_get(swarm, "LocalNodeState"), JSON_STRING));
    info->swarm_unreadable = swarm && !info->swarm_state;
    info->swarm_node_id = build_text(b, json_get(swarm, "NodeID"));
    info->has_swarm_control = json_type(control) == JSON_BOOL;
    info->swarm_control = build_bool(b, control);
    info->swarm_error = build_text(b, json_get(swarm, "Error"));
    info->swarm_address = build_text(b, json_get(swarm, "NodeAddr"));
    info->swarm_managers = build_int(b, json_get(swarm, "Managers"));
    info->swarm_nodes = build_int(b, json_get(swarm, "Nodes"));
    info->swarm_port = port_of_node(json_get(swarm, "RemoteManagers"), info->swarm_node_id);
    build_number(b, info->swarm_unreadable);
    build_number(b, info->has_swarm_control);
    build_number(b, info->swarm_port);
    parse_cluster(b, json_get(swarm, "Cluster"), info);
}

static void push_option(struct builder *b, const char *option, const char *key, const char *value,
                        struct string_list *ret)
{
    scoped(cleanup_free) char *text =
        value ? mem_printf("%s=%s=%s", option, key, value) : mem_printf("%s=%s", option, key);

    build_push(b, ret, text, strlen(text));
}

static void push_members(struct builder *b, const char *option, const struct json *object, const char *but,
                         struct string_list *ret)
{
    const struct json *value;
    const char *key = NULL;

    for (size_t i = 0; (value = json_member(object, i, &key, NULL)); i++)
        if (!str_equal(key, but) && strcmp(key, "encrypted") != 0)
            push_option(b, option, key, json_text(value, ""), ret);
}

static void push_addresses(struct builder *b, const struct json *config, struct string_list *ret)
{
    static const struct {
        const char *key, *option;
    } addresses[] = {{"Subnet", "--subnet"}, {"IPRange", "--ip-range"}, {"Gateway", "--gateway"}};

    for (size_t i = 0; i < json_count(config); i++)
        for (size_t k = 0; k < countof(addresses); k++) {
            const char *address = json_string(json_get(json_at(config, i), addresses[k].key));

            if (!str_empty(address))
                push_option(b, addresses[k].option, address, NULL, ret);
        }
}

static void parse_overlay(struct builder *b, const struct json *item, struct network_item *network)
{
    static const char *const switches[][2] = {
        {"Attachable", "--attachable"}, {"Internal", "--internal"}, {"EnableIPv6", "--ipv6"}};
    const struct json *config = json_path(item, "IPAM", "Config", NULL), *options = json_get(item, "Options"),
                      *labels = json_get(item, "Labels");

    if (!build_room(b, 3 * json_count(config) + json_count(options) + json_count(labels) + countof(switches),
                    "options of a network", &network->recreate))
        return;
    for (size_t i = 0; i < countof(switches); i++)
        if (json_bool(json_get(item, switches[i][0]), false))
            build_push(b, &network->recreate, switches[i][1], strlen(switches[i][1]));
    push_addresses(b, config, &network->recreate);
    push_members(b, "--opt", options, "com.docker.network.driver.overlay.vxlanid_list", &network->recreate);
    push_members(b, "--label", labels, NULL, &network->recreate);
}

static int parse_network_list_value(const struct json *value, struct network_list_facts **ret, struct error *error)
{
    struct builder b;
    struct network_list_facts *list;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "networks: not an array");
    if (count > DOCUMENT_LIST_MAX)
        return error_set(error, EFBIG, "networks: more than %d", (int)DOCUMENT_LIST_MAX);
    list = build_begin(&b, sizeof *list, 1024);
    b.document = value;
    list->items = count ? arena_alloc(b.arena, count * sizeof *list->items) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(value, i), *options = json_get(item, "Options");
        struct network_item *network = &list->items[list->count++];

        build_expect(&b, item, "Name", JSON_STRING, false, "[].Name");
        build_expect(&b, item, "Driver", JSON_STRING, false, "[].Driver");
        build_expect(&b, item, "Options", JSON_OBJECT, true, "[].Options");
        build_expect(&b, item, "Ingress", JSON_BOOL, false, "[].Ingress");
        network->id = build_text(&b, json_get(item, "Id"));
        if (!network->id || !*network->id) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "networks: Id of entry %zu is missing", i);
        }
        network->name = build_text_or(&b, json_get(item, "Name"));
        network->driver = build_text_or(&b, json_get(item, "Driver"));
        network->scope = build_text_or(&b, json_get(item, "Scope"));
        network->icc = build_text(&b, json_get(options, "com.docker.network.bridge.enable_icc"));
        network->host_binding = build_text(&b, json_get(options, "com.docker.network.bridge.host_binding_ipv4"));
        build_present(&b, json_get(options, "com.docker.network.bridge.default_bridge"), JSON_STRING);
        network->default_bridge =
            str_equal(network->driver, "bridge") &&
            (str_equal(network->name, "bridge") ||
             str_equal(json_string(json_get(options, "com.docker.network.bridge.default_bridge")), "true"));
        network->encrypted = has_member(options, "encrypted");
        network->ingress = build_bool(&b, json_get(item, "Ingress"));
        build_number(&b, network->default_bridge);
        build_number(&b, network->encrypted);
        if (strcmp(network->driver, "overlay") == 0)
            parse_overlay(&b, item, network);
    }
    r = build_end(&b, &list->facts, "networks", error);
    if (r == 0)
        *ret = list;
    return r;
}

static void push_exposed(struct builder *b, struct service_list_facts *list, const char *service, const char *place,
                         const struct secret_match *match)
{
    scoped_str line = STR_INIT;

    str_printf(&line, "%.256s: %.256s (%s)", service, place, match->kind);
    build_push(b, &list->exposed, line.data, line.length);
}

static void scan_environment(struct builder *b, const struct json *env, const char *service,
                             struct service_list_facts *list)
{
    for (size_t i = 0; i < json_count(env) && list->exposed.count < LIST_MAX; i++) {
        const char *entry = json_text(json_at(env, i), ""), *equals = strchr(entry, '=');
        scoped(cleanup_free) char *variable = mem_strndup(entry, strcspn(entry, "="));
        struct secret_match match;

        if (equals && secret_is_value(variable, equals + 1, &match))
            push_exposed(b, list, service, variable, &match);
    }
}

static void scan_labels(struct builder *b, const struct json *labels, const char *service,
                        struct service_list_facts *list)
{
    const struct json *value;
    const char *key = NULL;

    for (size_t i = 0; (value = json_member(labels, i, &key, NULL)) && list->exposed.count < LIST_MAX; i++) {
        scoped(cleanup_free) char *place = mem_printf("label %s", key);
        struct secret_match match;

        if (secret_is_value(key, json_text(value, ""), &match))
            push_exposed(b, list, service, place, &match);
    }
}

/* The words of a command as one line, so that a flag and its value are seen together. */
static void scan_words(struct builder *b, const struct json *words, const char *service, const char *place,
                       struct service_list_facts *list)
{
    scoped_str line = STR_INIT;
    struct secret_scan scan;
    struct secret_match match;

    for (size_t i = 0; i < json_count(words); i++)
        str_printf(&line, "%s%s", i ? " " : "", json_text(json_at(words, i), ""));
    secret_scan_init(&scan, str_text(&line), line.length);
    if (list->exposed.count < LIST_MAX && secret_next(&scan, &match))
        push_exposed(b, list, service, place, &match);
}

static void require_texts(struct builder *b, const struct json *list)
{
    build_typed(b, list, JSON_ARRAY);
    for (size_t i = 0; json_type(list) == JSON_ARRAY && i < json_count(list); i++)
        build_item(b, list, i, JSON_STRING);
}

static void require_labels(struct builder *b, const struct json *labels)
{
    build_typed(b, labels, JSON_OBJECT);
    for (size_t i = 0; json_type(labels) == JSON_OBJECT && i < json_count(labels); i++)
        build_present(b, json_member(labels, i, NULL, NULL), JSON_STRING);
}

/* What is looked through for secrets may be left out, but is not to be of another type. A task of a plugin or of an
 * attachment to a network has no container. */
static void require_types(struct builder *b, const struct json *spec, const struct json *container)
{
    const struct json *task = build_required(b, spec, "TaskTemplate", JSON_OBJECT, "[].Spec.TaskTemplate");

    if (!json_get(task, "PluginSpec") && !json_get(task, "NetworkAttachmentSpec"))
        build_required(b, task, "ContainerSpec", JSON_OBJECT, "[].Spec.TaskTemplate.ContainerSpec");
    require_texts(b, json_get(container, "Env"));
    require_texts(b, json_get(container, "Command"));
    require_texts(b, json_get(container, "Args"));
    require_texts(b, json_get(build_present(b, json_get(container, "Healthcheck"), JSON_OBJECT), "Test"));
    require_labels(b, json_get(spec, "Labels"));
    require_labels(b, json_get(container, "Labels"));
    build_typed(b, json_get(container, "Secrets"), JSON_ARRAY);
}

static void scan_service(struct builder *b, const struct json *service, struct service_list_facts *list)
{
    const struct json *spec = json_get(service, "Spec"),
                      *container = json_path(spec, "TaskTemplate", "ContainerSpec", NULL);
    const char *name = json_text(json_get(spec, "Name"), "?");

    require_types(b, spec, container);
    scan_environment(b, json_get(container, "Env"), name, list);
    scan_words(b, json_get(container, "Command"), name, "command", list);
    scan_words(b, json_get(container, "Args"), name, "arguments", list);
    scan_words(b, json_path(container, "Healthcheck", "Test", NULL), name, "health check", list);
    scan_labels(b, json_get(spec, "Labels"), name, list);
    scan_labels(b, json_get(container, "Labels"), name, list);
}

/* What the routing mesh publishes, as it is, or as it was asked for where the swarm has not yet chosen. */
static void parse_ingress_ports(struct builder *b, const struct json *service, struct service_item *item)
{
    const struct json *ports = json_path(service, "Endpoint", "Ports", NULL);
    size_t count;

    build_present(b, json_get(service, "Endpoint"), JSON_OBJECT);
    build_typed(b, ports, JSON_ARRAY);
    if (!json_count(ports))
        ports = json_path(service, "Spec", "EndpointSpec", "Ports", NULL);
    build_present(b, json_path(service, "Spec", "EndpointSpec", NULL), JSON_OBJECT);
    build_typed(b, ports, JSON_ARRAY);
    count = json_count(ports) < LIST_MAX ? json_count(ports) : LIST_MAX;
    item->ports = count ? arena_alloc(b->arena, count * sizeof *item->ports) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *port = build_item(b, ports, i, JSON_OBJECT);
        int64_t published = build_int(b, json_get(port, "PublishedPort"));
        scoped_str name = STR_INIT;

        build_present(b, json_get(port, "PublishMode"), JSON_STRING);
        build_present(b, json_get(port, "Protocol"), JSON_STRING);
        build_present(b, json_get(port, "TargetPort"), JSON_NUMBER);
        if (published < 0 || published > UINT16_MAX)
            build_refuse(b, json_get(port, "PublishedPort"), "is not a port");
        if (!str_equal(json_text(json_get(port, "PublishMode"), "ingress"), "ingress") || published < 0 ||
            published > UINT16_MAX)
            continue;
        str_printf(&name, "%lld/%.16s", (long long)json_int(json_get(port, "TargetPort"), 0),
                   json_text(json_get(port, "Protocol"), "tcp"));
        item->ports[item->port_count++] = (struct port_binding){
            .container_port = build_string(b, name.data, name.length),
            .host_ip = "",
            .host_port = (int)published,
            .host_port_last = (int)published,
        };
        build_number(b, published);
    }
}

static int parse_service_list_value(const struct json *value, struct service_list_facts **ret, struct error *error)
{
    struct builder b;
    struct service_list_facts *list;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "services: not an array");
    list = build_begin(&b, sizeof *list, 1024);
    b.document = value;
    list->exposed.items = arena_alloc(b.arena, LIST_MAX * sizeof *list->exposed.items);
    list->items = count ? arena_alloc(b.arena, count * sizeof *list->items) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *service = json_at(value, i);
        struct service_item *item = &list->items[i];

        if (json_type(json_get(service, "Spec")) != JSON_OBJECT) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "services: Spec of entry %zu is missing", i);
        }
        list->count++;
        item->id = build_text_or(&b, build_required(&b, service, "ID", JSON_STRING, "[].ID"));
        item->name = build_text_or(&b, json_path(service, "Spec", "Name", NULL));
        parse_ingress_ports(&b, service, item);
        list->with_secrets +=
            json_count(json_path(service, "Spec", "TaskTemplate", "ContainerSpec", "Secrets", NULL)) > 0;
        scan_service(&b, service, list);
    }
    build_number(&b, (int64_t)list->count);
    build_number(&b, (int64_t)list->with_secrets);
    r = build_end(&b, &list->facts, "services", error);
    if (r == 0)
        *ret = list;
    return r;
}

static int parse_task_list_value(const struct json *value, struct task_list_facts **ret, struct error *error)
{
    struct task_list_facts *list;
    struct builder b;
    size_t count = json_count(value);
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "tasks: not an array");
    if (count > DOCUMENT_LIST_MAX)
        return error_set(error, EFBIG, "tasks: more than %d", (int)DOCUMENT_LIST_MAX);
    list = build_begin(&b, sizeof *list, 1024);
    b.document = value;
    list->items = count ? arena_alloc(b.arena, count * sizeof *list->items) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *task = json_at(value, i);

        if (str_empty(json_string(json_get(task, "ID")))) {
            arena_free(b.arena);
            return error_set(error, EINVAL, "tasks: ID of entry %zu is missing", i);
        }
        build_required(&b, task, "Status", JSON_OBJECT, "[].Status");
        build_present(&b, json_path(task, "Status", "ContainerStatus", NULL), JSON_OBJECT);
        list->items[list->count++] = (struct task_item){
            .id = build_text_or(&b, json_get(task, "ID")),
            .service_id = build_text_or(&b, json_get(task, "ServiceID")),
            .container_id = build_text_or(&b, json_path(task, "Status", "ContainerStatus", "ContainerID", NULL)),
        };
    }
    r = build_end(&b, &list->facts, "tasks", error);
    if (r == 0)
        *ret = list;
    return r;
}

static int parse_secret_list_value(const struct json *value, struct secret_list_facts **ret, struct error *error)
{
    struct secret_list_facts *list;
    struct builder b;
    int r;

    if (json_type(value) != JSON_ARRAY)
        return error_set(error, EINVAL, "secrets: not an array");
    for (size_t i = 0; i < json_count(value); i++)
        if (str_empty(json_string(json_get(json_at(value, i), "ID"))))
            return error_set(error, EINVAL, "secrets: ID of entry %zu is missing", i);
    list = build_begin(&b, sizeof *list, 512);
    b.document = value;
    list->count = json_count(value);
    build_number(&b, (int64_t)list->count);
    r = build_end(&b, &list->facts, "secrets", error);
    if (r == 0)
        *ret = list;
    return r;
}

static int parse_unlock_key_value(const struct json *value, struct unlock_key_facts **ret, struct error *error)
{
    const char *key = json_string(json_get(value, "UnlockKey"));
    struct unlock_key_facts *facts;
    struct arena *arena;

    if (!key || strlen(key) > TEXT_MAX)
        return error_set(error, EINVAL, "swarm/unlockkey: UnlockKey is missing or invalid");
    arena = arena_new(512);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->key = arena_strdup(arena, key);
    *ret = facts;
    return 0;
}

PARSE_TEXT(unlock_key, unlock_key_facts, DOCUMENT_UNLOCK_KEY)
PARSE_TEXT(network_list, network_list_facts, DOCUMENT_NETWORK_LIST)
PARSE_TEXT(service_list, service_list_facts, DOCUMENT_SERVICE_LIST)
PARSE_TEXT(task_list, task_list_facts, DOCUMENT_TASK_LIST)
PARSE_TEXT(secret_list, secret_list_facts, DOCUMENT_SECRET_LIST)
