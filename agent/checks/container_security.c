/* What confines a container's processes: AppArmor, SELinux, capabilities, privilege, seccomp, no-new-privileges. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "probes/daemon/daemon_config.h"

struct lsm_state {
    bool known, apparmor, selinux;
};

/* Active if the engine or the kernel reports it: an engine that cannot use an active one is not an excuse. */
static struct lsm_state lsm_state(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const char *why_no_lsm;
    const struct lsm_facts *lsm = store_lsm(in->store, &why_no_lsm);

    if (!info) {
        check_error(in, out, "info", why);
        return (struct lsm_state){0};
    }
    if (!info->has_security_options && !lsm) {
        check_error(in, out, "host security modules", why_no_lsm);
        return (struct lsm_state){0};
    }
    return (struct lsm_state){.known = true,
                              .apparmor = info->apparmor || (lsm && lsm->apparmor),
                              .selinux = info->selinux || (lsm && lsm->selinux)};
}

void check_container_apparmor(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    struct lsm_state lsm;

    if (!c)
        return;
    lsm = lsm_state(in, out);
    if (!lsm.known)
        return;
    check_fact_string(in, out, "profile", c->apparmor_profile);
    if (!lsm.apparmor && lsm.selinux) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "AppArmor is not active, SELinux is");
    } else if (!lsm.apparmor) {
        check_say(in, out, VERDICT_FAIL, "neither AppArmor nor SELinux is active on the host");
        check_remedy(in, out, "apt-get install apparmor  # then boot with lsm=apparmor and restart docker");
    } else if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs unconfined by AppArmor");
        check_remedy_recreate(in, out, "without --privileged");
    } else if (!*c->apparmor_profile) {
        check_say(in, out, VERDICT_FAIL, "no AppArmor profile");
        check_remedy_recreate(in, out, "with --security-opt apparmor=docker-default");
    } else if (strcmp(c->apparmor_profile, "unconfined") == 0) {
        check_say(in, out, VERDICT_FAIL, "AppArmor profile is unconfined");
        check_remedy_recreate(in, out, "with --security-opt apparmor=docker-default");
    } else {
        check_say(in, out, VERDICT_PASS, "AppArmor profile %s", c->apparmor_profile);
    }
}

/* The length of "label=" or the old "label:" at the beginning of TEXT, or 0. */
static size_t label_prefix(const char *text)
{
    return str_starts(text, "label=") || str_starts(text, "label:") ? strlen("label=") : 0;
}

/* The end of a label option's value: podman makes one option of all, "label=level:s0:c1,c2,label=disable". */
static const char *label_end(const char *value)
{
    while (*value && !(*value == ',' && label_prefix(value + 1)))
        value++;
    return value;
}

/* "system_u:system_r:spc_t:s0" or "type:spc_t": types whose processes SELinux lets do everything. */
static bool is_unconfined(const char *label)
{
    static const char *const types[] = {"spc_t", "unconfined_t"};

    for (size_t i = 0; i < countof(types); i++)
        for (const char *at = label; (at = strstr(at, types[i])); at++)
            if (at > label && at[-1] == ':' && (!at[strlen(types[i])] || at[strlen(types[i])] == ':'))
                return true;
    return false;
}

/* False if one of OPTION's labels disables SELinux, which has been reported. LABEL becomes the last one. */
static bool judge_labels(const struct check_input *in, struct check_result *out, const char *option, struct str *label)
{
    while (label_prefix(option)) {
        const char *begin = option + label_prefix(option), *end = label_end(begin);
        scoped(cleanup_free) char *value = mem_strndup(begin, (size_t)(end - begin));

        if (is_unconfined(value)) {
            check_say(in, out, VERDICT_FAIL, "label option %s does not confine the container", value);
            check_remedy_recreate(in, out, "without --security-opt label=type:...");
            return false;
        }
        if (strcmp(value, "disable") == 0) {
            check_say(in, out, VERDICT_FAIL, "SELinux labels are switched off (label=disable)");
            check_remedy_recreate(in, out, "without --security-opt label=disable");
            return false;
        }
        str_clear(label);
        str_append(label, value);
        option = *end ? end + 1 : end;
    }
    return true;
}

void check_container_selinux(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    struct lsm_state lsm;
    scoped_str label = STR_INIT;

    if (!c)
        return;
    lsm = lsm_state(in, out);
    if (!lsm.known)
        return;
    check_fact_string(in, out, "process_label", c->process_label);
    if (!lsm.selinux && lsm.apparmor) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "SELinux is not active, AppArmor is");
        return;
    }
    if (!lsm.selinux) {
        check_say(in, out, VERDICT_FAIL, "neither SELinux nor AppArmor is active on the host");
        check_remedy(in, out,
                     "dnf install selinux-policy-targeted container-selinux  # then boot with selinux=1 and "
                     "start dockerd with --selinux-enabled");
        return;
    }
    if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs unconfined by SELinux");
        check_remedy_recreate(in, out, "without --privileged");
        return;
    }
    if (is_unconfined(c->process_label)) {
        check_say(in, out, VERDICT_FAIL, "process label %s does not confine the container", c->process_label);
        check_remedy_recreate(in, out, "without --security-opt label=type:...");
        return;
    }
    for (size_t i = 0; i < c->security_opt.count; i++)
        if (!judge_labels(in, out, c->security_opt.items[i], &label))
            return;
    if (*c->process_label) {
        check_say(in, out, VERDICT_PASS, "process label %s", c->process_label);
    } else if (label.length) {
        check_say(in, out, VERDICT_PASS, "label option %s", label.data);
    } else {
        check_say(in, out, VERDICT_FAIL, "no SELinux label");
        check_remedy_recreate(in, out, "on a dockerd started with --selinux-enabled");
    }
}

/* "CAP_SYS_ADMIN", "sys_admin" and "SYS_ADMIN" are one. */
static bool same_capability(const char *a, const char *b)
{
    if (strncasecmp(a, "CAP_", 4) == 0)
        a += 4;
    if (strncasecmp(b, "CAP_", 4) == 0)
        b += 4;
    return strcasecmp(a, b) == 0;
}

static bool capability_allowed(const struct check_input *in, const char *capability)
{
    const struct string_list *allowed = &check_param(in, "allowed")->list;

    for (size_t i = 0; i < allowed->count; i++)
        if (same_capability(allowed->items[i], capability))
            return true;
    return false;
}

void check_container_capabilities(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    check_fact_list(in, out, "added", &c->cap_add);
    check_fact_list(in, out, "dropped", &c->cap_drop);
    if (c->privileged)
        check_say(in, out, VERDICT_FAIL, "privileged: has every capability");
    for (size_t i = 0; i < c->cap_add.count; i++)
        if (!capability_allowed(in, c->cap_add.items[i]))
            check_say(in, out, VERDICT_FAIL, "capability added: %s", c->cap_add.items[i]);
    if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out,
                              c->privileged
                                  ? "without --privileged, with --cap-drop ALL and only the capabilities it needs"
                                  : "with --cap-drop ALL and only the capabilities it needs");
    else if (c->cap_add.count)
        check_say(in, out, VERDICT_PASS, "%zu added, all allowed", c->cap_add.count);
    else
        check_say(in, out, VERDICT_PASS, "no capability is added");
    for (size_t i = 0; in->explain && i < c->cap_drop.count; i++)
        check_say(in, out, out->verdict, "dropped: %s", c->cap_drop.items[i]);
}

void check_container_privileged(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    if (!c->privileged) {
        check_say(in, out, VERDICT_PASS, "not privileged");
        return;
    }
    check_say(in, out, VERDICT_FAIL, "runs with --privileged");
    check_remedy_recreate(in, out, "without --privileged, adding only the capabilities and devices it needs");
}

void check_container_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct version_facts *version = store_version(in->store, NULL);

    if (!c)
        return;
    if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs without seccomp");
        check_remedy_recreate(in, out, "without --privileged");
        return;
    }
    switch (c->seccomp) {
    case SECCOMP_UNCONFINED:
        check_say(in, out, VERDICT_FAIL, "seccomp=unconfined");
        break;
    case SECCOMP_ALLOWS_ALL:
        check_say(in, out, VERDICT_FAIL, "its seccomp profile allows every system call");
        break;
    case SECCOMP_UNREADABLE:
        check_error(in, out, "seccomp profile",
                    version && version->is_podman ? "podman reports its path, not its content (see podman inspect)"
                                                  : "not readable JSON");
        return;
    default:
        break;
    }
    if (out->verdict == VERDICT_FAIL) {
        check_remedy_recreate(
            in, out,
            c->seccomp == SECCOMP_UNCONFINED
                ? "without --security-opt seccomp=unconfined"
                : "without --security-opt seccomp=<profile>, or with a profile that restricts system calls");
        return;
    }
    if (!info || !info->has_security_options) {
        check_error(in, out, "info", info ? "the engine does not report its security options" : why);
        return;
    }
    check_fact_string(in, out, "engine_profile", info->seccomp_profile);
    if (!info->seccomp)
        check_say(in, out, VERDICT_FAIL, "seccomp is off in the engine");
    else if (c->seccomp == SECCOMP_UNSAID && str_equal(info->seccomp_profile, "unconfined"))
        check_say(in, out, VERDICT_FAIL, "the engine's default profile is unconfined");
    else if (c->seccomp == SECCOMP_CUSTOM)
        check_say(in, out, VERDICT_PASS, "uses its own seccomp profile");
    else
        check_say(in, out, VERDICT_PASS, "uses the engine's default seccomp profile (%s)",
                  c->seccomp == SECCOMP_BUILTIN ? "builtin" : info->seccomp_profile);
}

void check_container_no_new_privileges(const struct check_input *in, struct check_result *out)
{
    static const char option[] = "no-new-privileges";
    const struct container_facts *c = check_container(in, out);
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const struct version_facts *version = store_version(in->store, NULL);
    bool said = false, value = true;

    if (!c)
        return;
    for (size_t i = 0; i < c->security_opt.count; i++) {
        const char *at = c->security_opt.items[i];

        if (!str_starts(at, option))
            continue;
        at += strlen(option);
        if (!*at)
            said = value = true;
        else if ((*at == '=' || *at == ':') && check_parse_bool(at + 1, &value))
            said = true;
    }
    if (said && value) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is set on the container");
        return;
    }
    if (said) {
        check_say(in, out, VERDICT_FAIL, "no-new-privileges is set to false on the container");
        check_remedy_recreate(in, out, "with --security-opt no-new-privileges");
        return;
    }
    if ((info && info->no_new_privileges) || (daemon && daemon_option_bool(daemon, option, false, NULL))) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is the daemon's default");
        return;
    }
    if (!info) {
        check_error(in, out, "info", why);
        return;
    }
    /* The engine's silence is not an answer, as older ones never report it: dockerd's options must be known. podman has
     * none. */
    if (!(version && version->is_podman) && !check_need_option(in, out, option))
        return;
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is set neither on the container nor as the daemon's default");
    check_remedy_recreate(in, out, "with --security-opt no-new-privileges");
}
