/* Section 7: swarm mode. Only a manager sees the cluster's settings; on a worker most rules are not applicable. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

#define DAY (24 * 3600 * USEC_PER_SEC)

enum { USUAL_PORT = 2377 };

/* "90 days", "90 days and 1 second": the two largest units, so that what is over a limit does not look like it. */
static void print_duration(usec_t duration, int nanoseconds, struct str *out)
{
    static const struct {
        const char *one, *many;
        usec_t length;
    } units[] = {{M_("day"), M_("days"), DAY},
                 {M_("hour"), M_("hours"), 3600 * USEC_PER_SEC},
                 {M_("minute"), M_("minutes"), 60 * USEC_PER_SEC},
                 {M_("second"), M_("seconds"), USEC_PER_SEC},
                 {M_("microsecond"), M_("microseconds"), 1}};
    int printed = 0;

    for (size_t i = 0; i < countof(units) && printed < 2; i++) {
        long long count = (long long)(duration / units[i].length);

        duration %= units[i].length;
        if (!count)
            continue;
        message_add(out, "%s%lld %s", printed ? M_(" and ") : "", count, count == 1 ? units[i].one : units[i].many);
        printed++;
    }
    if (nanoseconds && printed < 2)
        message_add(out, "%s%d ns", printed ? M_(" and ") : "", nanoseconds);
    else if (!printed)
        str_append(out, M_("0 days"));
}

static const struct info_facts *need_info(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);

    if (!info)
        check_error(in, out, M_("info"), why);
    else if (info->swarm_unreadable)
        check_error(in, out, M_("swarm"),
                    M_("the engine does not report the state of this node (Swarm.LocalNodeState)"));
    return info && !info->swarm_unreadable ? info : NULL;
}

static bool is_active(const struct info_facts *info)
{
    return !str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0;
}

const struct info_facts *check_need_manager(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

    if (!info)
        return NULL;
    if (!is_active(info)) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "swarm mode is not active");
        return NULL;
    }
    if (strcmp(info->swarm_state, "active") != 0) {
        check_error(in, out, M_("swarm"), str_empty(info->swarm_error) ? info->swarm_state : info->swarm_error);
        return NULL;
    }
    if (!info->has_swarm_control) {
        check_error(in, out, M_("swarm"), M_("the engine does not report whether this node is a manager"));
        return NULL;
    }
    if (!info->swarm_control) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "this node is a worker: only managers can see this");
        return NULL;
    }
    return info;
}

/* As check_need_manager(), and the cluster's settings are known: a swarm without a leader does not report them. */
static const struct info_facts *need_cluster(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = check_need_manager(in, out);

    if (!info || info->has_cluster)
        return info;
    check_error(in, out, M_("swarm"),
                str_empty(info->swarm_error) ? M_("the engine does not report the cluster's settings")
                                             : info->swarm_error);
    return NULL;
}

/* With its last manager a swarm is lost, with all services, secrets, configs and networks: only an empty one is left.
 */
static void remedy_needless(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    if (!info->swarm_control) {
        check_remedy(in, out, "docker swarm leave");
        return;
    }
    if (info->swarm_nodes > 1) {
        check_remedy_note(in, out, "first the other nodes: docker swarm leave on each, docker node rm NODE here");
        return;
    }
    check_remedy(in, out, "kept=$(docker service ls -q && docker secret ls -q && docker config ls -q)");
    check_remedy(in, out, "[ -z \"$kept\" ]");
    check_remedy(in, out, "docker swarm leave --force");
}

void check_swarm_needed(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

    if (!info)
        return;
    if (!is_active(info)) {
        check_say(in, out, VERDICT_PASS, "swarm mode is not active");
        return;
    }
    if (check_param(in, "swarm_expected")->number) {
        check_say(in, out, VERDICT_PASS, "swarm mode is %s, as params.swarm_expected states", info->swarm_state);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "swarm mode is %s, but params.swarm_expected is not set", info->swarm_state);
    remedy_needless(in, out, info);
    out->fix.need = FIX_DECISION;
}

/* Those that cannot be reached first, the leader last and never this node: the list is sorted by Unreachable, Reachable
 * and Leader. A leader that is demoted hands over first. */
static void remedy_managers(const struct check_input *in, struct check_result *out, int64_t managers, int64_t most)
{
    int64_t wanted = managers > most ? most : managers - 1;

    if (wanted % 2 == 0 && wanted > 1)
        wanted--;
    check_remedy(in, out,
                 "docker node ls --filter role=manager --format '{{.ManagerStatus}} {{.Self}} {{.ID}}' | grep ' "
                 "false ' | sort -r | head -n %lld | cut -d ' ' -f 3 | xargs docker node demote",
                 (long long)(managers - wanted));
    out->fix.need = FIX_DECISION;
}

void check_swarm_managers(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = check_need_manager(in, out);
    int64_t most = check_param(in, "max")->number, managers;

    if (!info)
        return;
    managers = info->swarm_managers;
    check_fact_int(in, out, "managers", managers);
    check_fact_int(in, out, "nodes", info->swarm_nodes);
    if (managers < 1)
        check_error(in, out, M_("swarm"),
                    str_empty(info->swarm_error) ? M_("the engine does not report the number of managers")
                                                 : info->swarm_error);
    else if (managers == 1 || (managers % 2 && managers <= most))
        check_say(in, out, VERDICT_PASS, "%lld of %lld nodes are managers", (long long)managers,
                  (long long)info->swarm_nodes);
    else
        check_say(in, out, VERDICT_FAIL, "%lld of %lld nodes are managers: %s", (long long)managers,
                  (long long)info->swarm_nodes,
                  managers > most ? M_("more than params.max") : M_("an even number adds no fault tolerance"));
    if (out->verdict == VERDICT_FAIL)
        remedy_managers(in, out, managers, most);
}

/* IPv4 as IPv6 sees it included. */
static bool is_any_address(const char *address)
{
    static const char *const any[] = {"0.0.0.0", "::", "::ffff:0.0.0.0"};

    for (size_t i = 0; i < countof(any); i++)
        if (strcmp(address, any[i]) == 0)
            return true;
    return false;
}

/* A node that is started anew with a locked key waits for it and is lost to whoever does not give it. The key is
 * written anew some time after the swarm was updated. */
static void remedy_unlock(const struct check_input *in, struct check_result *out, const struct info_facts *info)
{
    const char *root = str_empty(info->data_root) ? "DATA_ROOT" : info->data_root;
    scoped(cleanup_free) char *path = mem_printf("%s/swarm/certificates/swarm-node.key", root);
    scoped_str key = STR_INIT;

    text_shell_quote(&key, path);
    check_remedy(in, out, "docker swarm update --autolock=false");
    check_remedy(in, out,
                 "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do grep -q ENCRYPTED %s || break; sleep 5; done && sleep 2",
                 key.data);
}

/* A single manager keeps services, secrets and networks; of several the others would be lost. Nothing is begun unless
 * the address is one of this host's own. */
static void remedy_bound(const struct check_input *in, struct check_result *out, const struct info_facts *info,
                         unsigned port)
{
    bool has_address = !str_empty(info->swarm_address);
    scoped_str address = STR_INIT, endpoint = STR_INIT;

    text_shell_quote(&address, has_address ? info->swarm_address : "ADDRESS");
    str_printf(&endpoint, strchr(address.data, ':') ? "[%s]:%u" : "%s:%u", address.data, port);
    if (info->swarm_managers != 1) {
        check_remedy_note(
            in, out,
            "on another manager: docker node demote %s; then here: docker swarm leave && docker swarm join "
            "--listen-addr %s --token TOKEN MANAGER:2377; then there: docker node promote NODE",
            str_empty(info->swarm_node_id) ? "NODE" : info->swarm_node_id, endpoint.data);
        return;
    }
    if (has_address)
        check_remedy(in, out, "ip -o address | grep -qwF %s", address.data);
    if (info->autolock == TRI_TRUE)
        remedy_unlock(in, out, info);
    check_remedy(in, out, "docker swarm init --force-new-cluster --listen-addr %s --advertise-addr %s", endpoint.data,
                 address.data);
    if (info->autolock == TRI_TRUE)
        check_remedy(in, out, "docker swarm update --autolock=true");
    out->fix.need = has_address ? FIX_DECISION : FIX_WORDS;
}

void check_swarm_bound_interface(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = check_need_manager(in, out);
    int64_t port = check_param(in, "port")->number;
    const struct listener_facts *listeners;
    const char *why;

    if (!info)
        return;
    listeners = store_listeners(in->store, &why);
    if (!listeners) {
        check_error(in, out, M_("listeners"), why);
        return;
    }
    if (!port)
        port = info->swarm_port ? info->swarm_port : USUAL_PORT;
    check_fact_int(in, out, "port", port);
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener_item *item = &listeners->items[i];

        if (item->port == port && (item->of_engine || !listeners->engine_seen))
            check_say(in, out, is_any_address(item->address) ? VERDICT_FAIL : VERDICT_PASS,
                      "the swarm port %lld is bound to %s", (long long)port, item->address);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_ERROR, "listeners: %s on the swarm port %lld (params.port)",
                  listeners->engine_seen ? M_("dockerd does not listen") : M_("nothing listens"), (long long)port);
    if (out->verdict != VERDICT_FAIL)
        return;
    remedy_bound(in, out, info, (unsigned)port);
}

static const struct network_item *find_network(const struct check_input *in, const char **ret_why)
{
    const struct network_list_facts *networks = store_networks(in->store, ret_why);

    for (size_t i = 0; networks && i < networks->count; i++)
        if (strcmp(networks->items[i].id, in->key) == 0)
            return &networks->items[i];
    return NULL;
}

/* A network is gone when every node has given it up, a moment after its removal; the one of the same name that is
 * created before would have no place on those that have not. Where services use it, the removal is refused. */
static void remedy_overlay(const struct check_input *in, struct check_result *out, const struct network_item *network)
{
    scoped_str name = STR_INIT, options = STR_INIT;

    text_shell_quote(&name, network->name);
    for (size_t i = 0; i < network->recreate.count; i++) {
        str_append(&options, " ");
        text_shell_quote(&options, network->recreate.items[i]);
    }
    check_remedy(in, out, "%sdocker network rm %s", network->ingress ? "echo y | " : "", name.data);
    check_remedy(in, out,
                 "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do docker network inspect %s >/dev/null 2>&1 || break; sleep 5; "
                 "done",
                 name.data);
    check_remedy(in, out, "docker network create --driver overlay --opt encrypted%s%s %s",
                 network->ingress ? " --ingress" : "", str_text(&options), name.data);
    out->fix.need = FIX_DECISION;
}

void check_overlay_encryption(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);
    const char *why = "not in the engine's list";
    const struct network_item *network = find_network(in, &why);

    if (!info)
        return;
    if (!network) {
        check_error(in, out, M_("network"), why);
        return;
    }
    if (!*network->driver) {
        check_error(in, out, M_("network"), M_("the engine does not report its driver yet"));
        return;
    }
    if (strcmp(network->driver, "overlay") != 0) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "%s is a %s network, which does not leave this host", network->name,
                  network->driver);
        return;
    }
    if (!is_active(info)) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "swarm mode is not active");
        return;
    }
    if (network->encrypted) {
        check_say(in, out, VERDICT_PASS, "overlay network %s is encrypted", network->name);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "overlay network %s%s is not encrypted", network->name,
              network->ingress ? M_(" (ingress, which can be replaced only while no service publishes ports)") : "");
    if (in->explain && info->swarm_control)
        remedy_overlay(in, out, network);
}

/* No service could expose one. */
static void judge_unused_secrets(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct secret_list_facts *secrets = store_secrets(in->store, &why);

    if (!secrets) {
        check_error(in, out, M_("secrets"), why);
        return;
    }
    check_fact_int(in, out, "secrets", (int64_t)secrets->count);
    if (secrets->count)
        check_say(in, out, VERDICT_PASS, "the swarm stores %zu secrets, and no service has a secret in its environment",
                  secrets->count);
    else
        check_say(in, out, VERDICT_MANUAL, "there are no secrets and no services to check");
}

void check_swarm_secrets(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = check_need_manager(in, out);
    const struct service_list_facts *services;
    const char *why;

    if (!info)
        return;
    services = store_services(in->store, &why);
    if (!services) {
        check_error(in, out, M_("services"), why);
        return;
    }
    check_fact_int(in, out, "services", (int64_t)services->count);
    check_fact_int(in, out, "with_secrets", (int64_t)services->with_secrets);
    for (size_t i = 0; i < services->exposed.count; i++)
        check_say(in, out, VERDICT_FAIL, "%s", services->exposed.items[i]);
    if (services->exposed.count)
        check_remedy_note(in, out,
                          "docker secret create NAME FILE && docker service update --secret-add NAME --env-rm VARIABLE "
                          "SERVICE (--label-rm, --container-label-rm, --args for what is in labels and arguments)");
    else if (!services->count)
        judge_unused_secrets(in, out);
    else
        check_say(in, out, VERDICT_PASS,
                  "no secrets in the environment, arguments and labels of %zu services; %zu of them use swarm secrets",
                  services->count, services->with_secrets);
}

/* As need_cluster(), and it is known whether managers are locked. */
static const struct info_facts *need_autolock(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_cluster(in, out);

    if (!info || info->autolock != TRI_ABSENT)
        return info;
    check_error(in, out, M_("swarm"), M_("the engine does not report whether managers are locked (AutoLockManagers)"));
    return NULL;
}

void check_swarm_autolock(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_autolock(in, out);

    if (!info)
        return;
    if (info->autolock == TRI_TRUE) {
        check_say(in, out, VERDICT_PASS, "managers are locked after a restart");
        return;
    }
    check_say(in, out, VERDICT_FAIL,
              "managers are not locked: the keys to the swarm's store are unprotected on their disks");
    check_remedy(in, out, "docker swarm update --autolock=true");
    out->fix.need = FIX_DECISION; /* somebody has to keep the key */
}

/* The engine does not report when the key was made, and it is up to people whether the agent may read the key itself.
 */
static void judge_unlock_key(const struct check_input *in, struct check_result *out)
{
    usec_t limit = check_param(in, "max_days")->number * DAY;
    const char *why;
    const struct unlock_key_facts *key = store_unlock_key(in->store, &why);
    scoped_str age = STR_INIT;

    if (!key) {
        check_error(in, out, M_("unlock key"), why);
        return;
    }
    if (!key->first_seen) {
        check_say(in, out, VERDICT_MANUAL,
                  "auto-lock is on; the age of its key is unknown: there is no record of it yet, the agent keeps one "
                  "while it runs");
        return;
    }
    check_fact_int(in, out, "days", (in->now - key->first_seen) / DAY);
    if (key->first_seen + limit < in->now) {
        print_duration(in->now - key->first_seen, 0, &age);
        check_say(in, out, VERDICT_FAIL, "the unlock key has not changed for %s, at most %lld days allowed",
                  str_text(&age), (long long)check_param(in, "max_days")->number);
        return;
    }
    print_duration(in->now - key->first_seen, 0, &age);
    check_say(in, out, VERDICT_PASS, "the unlock key was first seen %s ago", str_text(&age));
    out->recheck = key->first_seen + limit + 1;
}

void check_swarm_unlock_key_rotation(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_autolock(in, out);

    if (!info)
        return;
    if (info->autolock == TRI_FALSE) {
        check_say(in, out, VERDICT_MANUAL, "auto-lock is off: there is no key to rotate");
        check_remedy(in, out, "docker swarm update --autolock=true");
        out->fix.need = FIX_DECISION;
        return;
    }
    if (check_param(in, "track")->number)
        judge_unlock_key(in, out);
    else
        check_say(in, out, VERDICT_MANUAL,
                  "auto-lock is on; the engine does not report when its key was last rotated, and params.track, which "
                  "records a salted hash of the key for this, is not set");
    check_remedy(in, out, "docker swarm unlock-key --rotate");
    out->fix.need = FIX_DECISION;
}

void check_node_certificate_rotation(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_cluster(in, out);
    int64_t days = check_param(in, "max_days")->number;
    const struct certificate_facts *certificates;
    const char *why;
    scoped_str validity = STR_INIT;

    if (!info)
        return;
    certificates = store_certificates(in->store, &why);
    if (!certificates) {
        check_error(in, out, M_("certificates"), why);
        return;
    }
    if (!info->has_node_cert_expiry) {
        check_error(in, out, M_("swarm"),
                    M_("the engine does not report how long node certificates are valid (NodeCertExpiry)"));
        return;
    }
    check_fact_int(in, out, "expiry_days", info->node_cert_expiry / 1000 / DAY);
    print_duration(info->node_cert_expiry / 1000, (int)(info->node_cert_expiry % 1000), &validity);
    if (info->node_cert_expiry <= 0 || info->node_cert_expiry / 1000 > days * DAY ||
        (info->node_cert_expiry / 1000 == days * DAY && info->node_cert_expiry % 1000)) {
        check_say(in, out, VERDICT_FAIL, "node certificates are valid for %s, at most %lld days allowed",
                  str_text(&validity), (long long)days);
        check_remedy(in, out, "docker swarm update --cert-expiry %lldh", (long long)days * 24);
    } else {
        check_say(in, out, VERDICT_PASS, "node certificates are valid for %s", str_text(&validity));
    }
    if (!certificates->node_ends) {
        check_error(in, out, M_("this node's certificate"), certificates->node_error);
    } else if (certificates->node_ends <= in->now) {
        check_say(in, out, VERDICT_FAIL, "this node's own certificate has expired");
    } else {
        out->recheck = certificates->node_ends + 1;
    }
}

/* A moment by which the rotation under way had begun; 0: none is known. The cluster is changed at its begin, and later
 * for other reasons too. What this node got in its course vouches for a root newer than the present one. */
static usec_t rotation_begun(const struct info_facts *info, const struct certificate_facts *certificates,
                             usec_t root_begins)
{
    usec_t begun = info->cluster_updated;

    if (certificates && certificates->issuer_begins > root_begins && (!begun || certificates->node_begins < begun))
        begun = certificates->node_begins;
    return begun;
}

/* ROOT_BEGINS: of the root that is being replaced, which is older than the rotation. */
static void judge_rotation(const struct check_input *in, struct check_result *out, usec_t begun, usec_t root_begins)
{
    char text[CLOCK_TEXT_SIZE];
    usec_t due;

    if (!begun && root_begins + DAY >= in->now)
        begun = root_begins;
    if (!begun) {
        check_error(in, out, M_("its rotation is in progress"), M_("the engine does not report since when"));
        return;
    }
    due = begun + DAY + 1;
    if (due <= in->now)
        check_say(in, out, VERDICT_FAIL, "its rotation, in progress since %.10s or earlier, has not finished",
                  clock_format(begun, text));
    else if (!out->recheck || due < out->recheck)
        out->recheck = due;
}

void check_root_ca_rotation(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_cluster(in, out);
    const char *why = NULL;
    const struct certificate_facts *certificates = store_certificates(in->store, &why);
    usec_t begins, limit = check_param(in, "max_days")->number * DAY;
    char text[CLOCK_TEXT_SIZE];

    if (!info)
        return;
    begins = info->root_ca_begins ? info->root_ca_begins : certificates ? certificates->root_begins : 0;
    if (!begins) {
        check_error(in, out, M_("root CA"),
                    !certificates              ? why
                    : certificates->root_error ? certificates->root_error
                                               : M_("its certificate cannot be read"));
        return;
    }
    check_fact_string(in, out, "begins", clock_format(begins, text));
    check_fact_bool(in, out, "rotation", info->root_rotation);
    if (begins + limit < in->now)
        check_say(in, out, VERDICT_FAIL, "the root CA dates from %.10s, more than %lld days ago", text,
                  (long long)(limit / DAY));
    else
        check_say(in, out, VERDICT_PASS, "the root CA dates from %.10s", text);
    if (out->verdict == VERDICT_PASS)
        out->recheck = begins + limit + 1;
    if (info->root_rotation)
        judge_rotation(in, out, rotation_begun(info, certificates, begins), begins);
    if (out->verdict != VERDICT_FAIL)
        return;
    if (info->root_rotation) { /* another one would wait for the same nodes */
        check_remedy(in, out, "docker node ls");
        check_remedy_note(in, out,
                          "a node that is down blocks the rotation: bring it back, or docker node rm --force NODE");
    } else {
        check_remedy(in, out, "docker swarm ca --rotate");
    }
    out->fix.need = info->root_rotation ? FIX_WORDS : FIX_DECISION;
}

/* The engine does not report which address a node's data traffic uses. */
void check_swarm_traffic_separated(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = need_info(in, out);

    if (!info)
        return;
    if (!is_active(info)) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "swarm mode is not active");
        return;
    }
    check_say(in, out, VERDICT_MANUAL,
              "check by hand whether data traffic uses another address than management traffic");
}
