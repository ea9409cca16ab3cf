/* Namespaces of the host that a container shares, directly or through another container. */
#include <string.h>

#include "agent/checks/checks.h"

enum { CHAIN_MAX = 16 };

static const struct namespace_kind {
    const char *name, *word, *without;
    size_t mode; /* offset of the mode in container_facts */
} kinds[] = {
    {"network", "network", "without --network host", offsetof(struct container_facts, network_mode)},
    {"pid", "process", "without --pid host", offsetof(struct container_facts, pid_mode)},
    {"ipc", "IPC", "without --ipc host", offsetof(struct container_facts, ipc_mode)},
    {"uts", "UTS", "without --uts host", offsetof(struct container_facts, uts_mode)},
    {"user", "user", "without --userns host", offsetof(struct container_facts, userns_mode)},
};

static const char *mode_of(const struct container_facts *c, const struct namespace_kind *kind)
{
    return *(const char *const *)((const char *)c + kind->mode);
}

static const struct container_facts *find_container(const struct store *store, const char *name)
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

void check_container_namespace(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "namespace")->string, *why, *mode;
    const struct container_facts *c = check_container(in, out), *first = c;
    const struct namespace_kind *kind = NULL;
    const struct info_facts *info;

    if (!c)
        return;
    for (size_t i = 0; i < countof(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            kind = &kinds[i];
    if (!kind) {
        check_error(in, out, "params.namespace", "must be network, pid, ipc, uts or user");
        return;
    }
    check_fact_string(in, out, "mode", mode_of(c, kind));
    for (size_t depth = 0; str_starts(mode = mode_of(c, kind), "container:"); depth++) {
        const struct container_facts *next = find_container(in->store, mode + strlen("container:"));

        if (!next || depth == CHAIN_MAX) {
            check_say(in, out, VERDICT_ERROR, "shares the %s namespace of container %s, which is not known", kind->word,
                      mode + strlen("container:"));
            return;
        }
        c = next;
    }
    if (strcmp(mode, "host") != 0) {
        check_say(in, out, VERDICT_PASS, "does not share the host's %s namespace", kind->word);
        return;
    }
    if (strcmp(kind->name, "user") == 0) {
        info = store_info(in->store, &why);
        if (!info || !info->has_security_options) {
            check_error(in, out, "info", info ? "the engine does not tell its security options" : why);
            return;
        }
        if (!info->userns) {
            check_say(in, out, VERDICT_PASS, "the engine does not remap users, so there is nothing to opt out of");
            return;
        }
    }
    if (c == first)
        check_say(in, out, VERDICT_FAIL, "shares the host's %s namespace", kind->word);
    else
        check_say(in, out, VERDICT_FAIL, "shares the host's %s namespace through container %s", kind->word, c->name);
    check_remedy_recreate(in, out, kind->without);
}
