/* Namespaces of the host that a container shares, directly or through another container. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/remedy.h"
#include "common/text.h"

enum { CHAIN_MAX = 16 };

static const struct namespace_kind {
    const char *name, *word, *option, *member;
    const char *key; /* of a compose file */
    size_t mode;     /* offset of the mode in container_facts */
} kinds[] = {
    {"network", M_("network"), "--network", "HostConfig.NetworkMode", "network_mode",
     offsetof(struct container_facts, network_mode)},
    {"pid", M_("process"), "--pid", "HostConfig.PidMode", "pid", offsetof(struct container_facts, pid_mode)},
    {"ipc", "IPC", "--ipc", "HostConfig.IpcMode", "ipc", offsetof(struct container_facts, ipc_mode)},
    {"uts", "UTS", "--uts", "HostConfig.UTSMode", "uts", offsetof(struct container_facts, uts_mode)},
    {"user", M_("user"), "--userns", "HostConfig.UsernsMode", "userns_mode",
     offsetof(struct container_facts, userns_mode)},
};

static const char *mode_of(const struct container_facts *c, const struct namespace_kind *kind)
{
    return *(const char *const *)((const char *)c + kind->mode);
}

const struct container_facts *check_find_container(const struct store *store, const char *name)
{
    const struct container_facts *c = store_container(store, name, NULL);
    size_t at = 0;
    const char *key;
    const struct facts *facts;

    if (c)
        return c;
    while (store_next(store, INPUT_CONTAINER, &at, &key, &facts)) {
        c = (const struct container_facts *)facts;
        if (strcmp(c->name, name) == 0 || (strlen(name) >= 12 && str_starts(key, name)))
            return c;
    }
    return NULL;
}

/* Is "shareable" the container's own namespace? False if not or unknown, which has been reported. */
static bool shareable_is_own(const struct check_input *in, struct check_result *out, const struct container_facts *c)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);

    if (c->host_ipc == TRI_FALSE)
        return true;
    if (!version)
        check_error(in, out, M_("version"), why);
    else if (version->is_podman && check_version_compare(version->version, "4.4") < 0)
        check_say(in, out, VERDICT_ERROR,
                  "podman %s reports \"shareable\" for the host's IPC namespace too; only a running container shows "
                  "which it is",
                  version->version);
    return out->verdict == VERDICT_NONE;
}

/* Without what FIRST, the container itself, was given: the host's namespace or that of another container. */
static void remedy_without(const struct check_input *in, struct check_result *out, const struct namespace_kind *kind,
                           const struct container_facts *first)
{
    const char *mode = mode_of(first, kind);
    bool joins = str_starts(mode, "container:");
    scoped_str word = STR_INIT, how = STR_INIT, compose = STR_INIT;

    if (!in->explain)
        return;
    text_shell_quote(&word, joins ? mode : "host");
    message_add(&how, "without %s %s", kind->option, word.data);
    if (joins)
        message_add(&compose, "remove %s, or have the container that it names use its own namespace", kind->key);
    else
        message_add(&compose, "remove %s: host", kind->key);
    check_remedy_recreate(in, out,
                          &(struct remedy_change){.how = how.data,
                                                  .key = kind->key,
                                                  .compose = compose.data,
                                                  .service = strcmp(kind->name, "network") == 0
                                                                 ? "--network-rm host --network-add NETWORK"
                                                                 : NULL,
                                                  .need = FIX_WORDS});
}

void check_container_namespace(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "namespace")->string, *mode;
    const struct container_facts *c = check_container(in, out), *first = c;
    const struct namespace_kind *kind = NULL;
    const char *note = "";
    const struct info_facts *info;

    if (!c)
        return;
    for (size_t i = 0; i < countof(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            kind = &kinds[i];
    if (!kind) {
        check_error(in, out, "params.namespace", M_("must be network, pid, ipc, uts or user"));
        return;
    }
    if (!check_has_member(in, out, c, kind->member))
        return;
    check_fact_string(in, out, "mode", mode_of(c, kind));
    for (size_t depth = 0; str_starts(mode = mode_of(c, kind), "container:"); depth++) {
        const struct container_facts *next = check_find_container(in->store, mode + strlen("container:"));

        if (!next || depth == CHAIN_MAX) {
            check_say(in, out, VERDICT_ERROR, "shares the %s namespace of unknown container %s", kind->word,
                      mode + strlen("container:"));
            return;
        }
        c = next;
        if (!check_has_member(in, out, c, kind->member))
            return;
    }
    if (strcmp(kind->name, "ipc") == 0 && strcmp(mode, "shareable") == 0) {
        if (c->host_ipc == TRI_TRUE)
            mode = "host";
        else if (!shareable_is_own(in, out, c))
            return;
    }
    if (str_starts(mode, "ns:")) { /* podman's */
        check_say(in, out, VERDICT_ERROR, "joins the %s namespace at %s, whose owner is unknown", kind->word,
                  mode + strlen("ns:"));
        return;
    }
    if (strcmp(mode, "host") != 0) {
        check_say(in, out, VERDICT_PASS, "does not share the host's %s namespace", kind->word);
        return;
    }
    info = strcmp(kind->name, "user") == 0 ? store_info(in->store, NULL) : NULL;
    if (info && info->has_security_options && !info->userns && !info->rootless)
        note = "; the engine does not remap users now, but would not for this container either";
    if (c == first)
        check_say(in, out, VERDICT_FAIL, "shares the host's %s namespace%s", kind->word, note);
    else
        check_say(in, out, VERDICT_FAIL, "shares the host's %s namespace through container %s", kind->word, c->name);
    remedy_without(in, out, kind, first);
}
