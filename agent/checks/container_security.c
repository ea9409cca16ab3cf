/* What confines a container's processes: AppArmor, SELinux, capabilities, privilege, seccomp, no-new-privileges. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "agent/checks/distribution.h"
#include "agent/checks/remedy.h"
#include "common/text.h"
#include "probes/daemon/daemon_config.h"
#include "probes/daemon/seccomp_profile.h"

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
        check_error(in, out, M_("info"), why);
        return (struct lsm_state){0};
    }
    /* Without the kernel's own word the engine's silence is no answer, nor is it known what the distribution ships. */
    if (!lsm && !(info->has_security_options && (info->apparmor || info->selinux))) {
        check_error(in, out, M_("host security modules"), why_no_lsm);
        return (struct lsm_state){0};
    }
    return (struct lsm_state){.known = true,
                              .apparmor = info->apparmor || (lsm && lsm->apparmor),
                              .selinux = info->selinux || (lsm && lsm->selinux)};
}

/* The engine finds the profile when the container is started for the first time. */
static bool was_never_started(const struct container_facts *c)
{
    return !c->started && strcmp(c->status, "created") == 0;
}

/* "apparmor=…" and the old "apparmor:…" among its options; the engine's own without. The last one counts. */
static const char *asked_profile(const struct container_facts *c)
{
    static const char word[] = "apparmor";
    const char *profile = "";

    for (size_t i = 0; i < c->security_opt.count; i++) {
        const char *option = c->security_opt.items[i];

        if (str_starts(option, word) && (option[strlen(word)] == '=' || option[strlen(word)] == ':'))
            profile = option + sizeof word;
    }
    return *profile ? profile : "docker-default";
}

/* podman's own is loaded by itself as containers-default-VERSION, and only where containers.conf names no other. */
static void remedy_own_profile(const struct check_input *in, struct check_result *out)
{
    static const struct remedy_change of_podman = {
        .how = M_(
            "without any --security-opt apparmor=PROFILE, and apparmor_profile not \"unconfined\" in containers.conf"),
        .key = "security_opt",
        .compose = M_("remove apparmor=PROFILE from security_opt"),
    };
    static const struct remedy_change of_docker = {
        .how = M_("with --security-opt apparmor=docker-default"),
        .key = "security_opt",
        .compose = M_("put apparmor=docker-default into security_opt in place of any other apparmor=PROFILE"),
    };

    check_remedy_recreate(in, out, check_is_podman(in) ? &of_podman : &of_docker);
}

static bool asks_unconfined(const struct container_facts *c)
{
    return was_never_started(c) && strcmp(asked_profile(c), "unconfined") == 0;
}

/* Which of the two this distribution ships: where neither is active, that one's rule fails and the other one does not
 * apply. */
static bool ships_selinux(const struct check_input *in)
{
    enum package_manager packages = check_package_manager(in);

    return packages == PACKAGES_DNF || packages == PACKAGES_YUM || packages == PACKAGES_TDNF;
}

/* FINISH: what is left to do once it is installed. */
static void remedy_module(const struct check_input *in, struct check_result *out, const struct package_names *package,
                          const char *finish)
{
    scoped_str command = STR_INIT;

    if (check_install_command(in, package, &command)) {
        check_remedy(in, out, "%s", command.data);
        check_remedy_note(in, out, "%s", finish);
    }
    out->fix.need = FIX_WORDS;
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
    } else if (!lsm.apparmor && ships_selinux(in)) {
        check_say(in, out, VERDICT_NOT_APPLICABLE,
                  "neither AppArmor nor SELinux is active; this distribution ships SELinux (5.2)");
    } else if (!lsm.apparmor) {
        check_say(in, out, VERDICT_FAIL, "neither AppArmor nor SELinux is active on the host");
        remedy_module(in, out,
                      &(struct package_names){
                          .apt = "apparmor", .zypper = "apparmor-parser", .apk = "apparmor", .pacman = "apparmor"},
                      M_("then add apparmor=1 security=apparmor to the kernel's command line, and reboot"));
    } else if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs unconfined by AppArmor");
        check_remedy_recreate(in, out, &remedy_not_privileged);
    } else if (!*c->apparmor_profile && asks_unconfined(c)) {
        check_say(in, out, VERDICT_FAIL, "AppArmor profile will be unconfined");
        check_remedy_recreate(in, out,
                              &(struct remedy_change){.how = M_("without --security-opt apparmor=unconfined"),
                                                      .key = "security_opt",
                                                      .compose = M_("remove apparmor=unconfined from security_opt")});
    } else if (!*c->apparmor_profile && was_never_started(c)) {
        check_say(in, out, VERDICT_PASS, "not started yet: it will get the AppArmor profile %s",
                  check_is_podman(in) && strcmp(asked_profile(c), "docker-default") == 0 ? M_("that is podman's own")
                                                                                         : asked_profile(c));
    } else if (!*c->apparmor_profile) {
        check_say(in, out, VERDICT_FAIL, "no AppArmor profile");
        remedy_own_profile(in, out);
    } else if (strcmp(c->apparmor_profile, "unconfined") == 0) {
        check_say(in, out, VERDICT_FAIL, "AppArmor profile is unconfined");
        remedy_own_profile(in, out);
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

static const struct remedy_change not_typed = {.how = M_("without --security-opt label=type:TYPE"),
                                               .key = "security_opt",
                                               .compose = M_("remove label=type:TYPE from security_opt")};

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
            check_remedy_recreate(in, out, &not_typed);
            return false;
        }
        if (strcmp(value, "disable") == 0) {
            check_say(in, out, VERDICT_FAIL, "SELinux labels are switched off (label=disable)");
            check_remedy_recreate(in, out,
                                  &(struct remedy_change){.how = M_("without --security-opt label=disable"),
                                                          .key = "security_opt",
                                                          .compose = M_("remove label=disable from security_opt")});
            return false;
        }
        str_clear(label);
        str_append(label, value);
        option = *end ? end + 1 : end;
    }
    return true;
}

/* The engine gives none to any container: that is mended first, whoever makes this one. */
static void remedy_engine_labels(const struct check_input *in, struct check_result *out)
{
    static const struct remedy_change of_podman = {
        .how = M_("with label not set to false in containers.conf"),
        .key = "security_opt",
        .compose = M_("leave it as it is, and take label = false out of containers.conf"),
    };
    static const struct remedy_change of_docker = {
        .how = M_("on a dockerd started with --selinux-enabled"),
        .key = "security_opt",
        .compose = M_("leave it as it is, and start dockerd with --selinux-enabled"),
    };

    check_remedy_recreate(in, out, check_is_podman(in) ? &of_podman : &of_docker);
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
    if (!lsm.selinux && !ships_selinux(in)) {
        check_say(in, out, VERDICT_NOT_APPLICABLE,
                  "neither SELinux nor AppArmor is active; this distribution ships AppArmor (5.1)");
        return;
    }
    if (!lsm.selinux) {
        check_say(in, out, VERDICT_FAIL, "neither SELinux nor AppArmor is active on the host");
        remedy_module(in, out, &(struct package_names){.rpm = "container-selinux"},
                      check_is_podman(in) ? M_("then boot with selinux=1")
                                          : M_("then boot with selinux=1 and start dockerd with --selinux-enabled"));
        return;
    }
    if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs unconfined by SELinux");
        check_remedy_recreate(in, out, &remedy_not_privileged);
        return;
    }
    if (is_unconfined(c->process_label)) {
        check_say(in, out, VERDICT_FAIL, "process label %s does not confine the container", c->process_label);
        check_remedy_recreate(in, out, &not_typed);
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
        remedy_engine_labels(in, out);
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

/* The capabilities that have to go, by name and as the options of "docker service update". */
struct unwanted {
    struct str names, options;
    size_t count;
    bool more; /* than a remedy lists */
};

static void list_unwanted(const struct check_input *in, struct unwanted *unwanted, const char *capability)
{
    if (!in->explain || unwanted->more)
        return;
    unwanted->more = !check_remedy_list(&unwanted->names, &unwanted->count, ", ", capability);
    if (unwanted->more)
        return;
    str_append(&unwanted->options, unwanted->options.length ? " --cap-drop " : "--cap-drop ");
    text_shell_quote(&unwanted->options, capability);
}

/* A service is to be without just these. */
static void remedy_capabilities(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                                const struct unwanted *unwanted)
{
    scoped_str compose = STR_INIT;

    if (!in->explain)
        return;
    if (c->privileged)
        message_add(&compose, "remove privileged: true, set cap_drop: [ALL], and put into cap_add only what it needs");
    else if (unwanted->more)
        message_add(&compose, "set cap_drop: [ALL], and leave in cap_add only what it needs");
    else
        message_add(&compose, "remove %s from cap_add, set cap_drop: [ALL], and put into cap_add only what it needs",
                    str_text(&unwanted->names));
    check_remedy_recreate(
        in, out,
        &(struct remedy_change){
            .how = c->privileged ? M_("without --privileged, with --cap-drop ALL and only the capabilities it needs")
                                 : M_("with --cap-drop ALL and only the capabilities it needs"),
            .key = c->privileged ? "privileged" : "cap_add",
            .compose = compose.data,
            .service = unwanted->options.length && !unwanted->more ? unwanted->options.data : NULL});
}

void check_container_capabilities(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    struct unwanted unwanted = {.names = STR_INIT, .options = STR_INIT};

    if (!c)
        return;
    check_fact_list(in, out, "added", &c->cap_add);
    check_fact_list(in, out, "dropped", &c->cap_drop);
    if (c->privileged)
        check_say(in, out, VERDICT_FAIL, "privileged: has every capability");
    for (size_t i = 0; i < c->cap_add.count; i++)
        if (!capability_allowed(in, c->cap_add.items[i])) {
            check_say(in, out, VERDICT_FAIL, "capability added: %s", c->cap_add.items[i]);
            list_unwanted(in, &unwanted, c->cap_add.items[i]);
        }
    if (out->verdict == VERDICT_FAIL)
        remedy_capabilities(in, out, c, &unwanted);
    else if (c->cap_add.count)
        check_say(in, out, VERDICT_PASS, "%zu added, all allowed", c->cap_add.count);
    else
        check_say(in, out, VERDICT_PASS, "no capability is added");
    for (size_t i = 0; in->explain && i < c->cap_drop.count; i++)
        check_say(in, out, out->verdict, "dropped: %s", c->cap_drop.items[i]);
    str_deinit(&unwanted.names);
    str_deinit(&unwanted.options);
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
    check_remedy_recreate(
        in, out,
        &(struct remedy_change){.how = M_("without --privileged, adding only the capabilities and devices it needs"),
                                .key = "privileged",
                                .compose =
                                    M_("remove privileged: true, and list what it needs under cap_add and devices")});
}

static const char alg_is_open[] = "; it leaves AF_ALG sockets open (CVE-2026-31431)";

/* What PROFILE comes to for the container C, as the engine makes its filter. False: that depends on what the engine
 * runs on, which is not known, and error has been reported. */
static bool resolve_seccomp(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                            const struct seccomp_profile *profile, enum seccomp_choice *ret, bool *ret_opens_alg)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);

    if (!version && seccomp_profile_asks_host(profile)) {
        check_error(in, out, M_("version"), why);
        return false;
    }
    *ret = seccomp_profile_resolve(profile,
                                   &(struct seccomp_target){.cap_add = &c->cap_add,
                                                            .cap_drop = &c->cap_drop,
                                                            .podman = version && version->is_podman,
                                                            .arch = version ? version->arch : NULL,
                                                            .kernel = version ? version->kernel : NULL},
                                   ret_opens_alg);
    return true;
}

/* The profile that dockerd gives to containers that ask for none, from its file. */
static void judge_default_file(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                               const char *path)
{
    enum seccomp_choice seccomp;
    bool opens_alg;
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);

    if (!daemon)
        check_error(in, out, M_("daemon"), why);
    else if (!str_equal(daemon->seccomp_path, path))
        check_error(in, out, path, M_("the engine's default profile is a file that its configuration does not name"));
    else if (daemon->seccomp.choice == SECCOMP_UNREADABLE)
        check_error(in, out, path, daemon->seccomp_error);
    else if (!resolve_seccomp(in, out, c, &daemon->seccomp, &seccomp, &opens_alg))
        return;
    else if (seccomp == SECCOMP_ALLOWS_ALL)
        check_say(in, out, VERDICT_FAIL, "the engine's default profile %s allows every system call", path);
    else
        check_say(in, out, VERDICT_PASS, "uses the engine's default seccomp profile %s%s", path,
                  opens_alg ? alg_is_open : "");
}

static void remedy_seccomp(const struct check_input *in, struct check_result *out, bool unconfined)
{
    static const struct remedy_change without_any = {
        .how = M_("without --security-opt seccomp=unconfined"),
        .key = "security_opt",
        .compose = M_("remove seccomp=unconfined from security_opt"),
    };
    static const struct remedy_change without_open = {
        .how = M_("without --security-opt seccomp=PROFILE, or with a profile that restricts system calls"),
        .key = "security_opt",
        .compose = M_("remove seccomp=PROFILE from security_opt, or name a profile that restricts system calls"),
    };

    check_remedy_recreate(in, out, unconfined ? &without_any : &without_open);
}

void check_container_seccomp(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct version_facts *version = store_version(in->store, NULL);
    enum seccomp_choice seccomp;
    bool opens_alg;

    if (!c)
        return;
    if (c->privileged) {
        check_say(in, out, VERDICT_FAIL, "privileged: runs without seccomp");
        check_remedy_recreate(in, out, &remedy_not_privileged);
        return;
    }
    if (!resolve_seccomp(in, out, c, &c->seccomp, &seccomp, &opens_alg))
        return;
    switch (seccomp) {
    case SECCOMP_UNCONFINED:
        check_say(in, out, VERDICT_FAIL, "seccomp=unconfined");
        break;
    case SECCOMP_ALLOWS_ALL:
        check_say(in, out, VERDICT_FAIL, "its seccomp profile allows every system call");
        break;
    case SECCOMP_UNREADABLE:
        check_error(in, out, M_("seccomp profile"),
                    version && version->is_podman ? M_("podman reports its path, not its content (see podman inspect)")
                                                  : M_("not readable JSON"));
        return;
    default:
        break;
    }
    if (out->verdict == VERDICT_FAIL) {
        remedy_seccomp(in, out, seccomp == SECCOMP_UNCONFINED);
        return;
    }
    if (!info || !info->has_security_options) {
        check_error(in, out, M_("info"), info ? M_("the engine does not report its security options") : why);
        return;
    }
    check_fact_string(in, out, "engine_profile", info->seccomp_profile);
    if (!info->seccomp)
        check_say(in, out, VERDICT_FAIL, "seccomp is off in the engine");
    else if (seccomp == SECCOMP_UNSAID && str_equal(info->seccomp_profile, "unconfined"))
        check_say(in, out, VERDICT_FAIL, "the engine's default profile is unconfined");
    else if (seccomp == SECCOMP_CUSTOM)
        check_say(in, out, VERDICT_PASS, "uses its own seccomp profile%s", opens_alg ? alg_is_open : "");
    else if (seccomp == SECCOMP_UNSAID && info->seccomp_profile && *info->seccomp_profile == '/')
        judge_default_file(in, out, c, info->seccomp_profile);
    else
        check_say(
            in, out, VERDICT_PASS, "uses the engine's default seccomp profile (%s)%s",
            seccomp == SECCOMP_BUILTIN ? "builtin" : info->seccomp_profile,
            version && !version->is_podman && check_is_version(version->version) &&
                    check_version_compare(version->version, "29.4.2") < 0
                ? M_("; that of this version leaves AF_ALG sockets open (CVE-2026-31431), from 29.4.2 on it does not")
                : "");
}

/* docker service update has no --security-opt. */
static const struct remedy_change no_new_privileges = {
    .how = M_("with --security-opt no-new-privileges"),
    .key = "security_opt",
    .compose = M_("add no-new-privileges:true to security_opt"),
    .service =
        "# " M_("services have no option for this: set \"no-new-privileges\": true in daemon.json and restart docker"),
};

void check_container_no_new_privileges(const struct check_input *in, struct check_result *out)
{
    static const char option[] = "no-new-privileges";
    const struct container_facts *c = check_container(in, out);
    const char *why, *why_no_version;
    const struct info_facts *info = store_info(in->store, &why);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const struct version_facts *version = store_version(in->store, &why_no_version);
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
        check_remedy_recreate(in, out, &no_new_privileges);
        return;
    }
    if ((info && info->no_new_privileges) || (daemon && daemon_option_bool(daemon, option, false, NULL))) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is the daemon's default");
        return;
    }
    if (!info) {
        check_error(in, out, M_("info"), why);
        return;
    }
    /* The engine's silence is not an answer, as older ones never report it: dockerd's options must be known. podman has
     * none. */
    if (!version) {
        check_error(in, out, M_("version"), why_no_version);
        return;
    }
    if (!version->is_podman && !check_need_option(in, out, option))
        return;
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is set neither on the container nor as the daemon's default");
    check_remedy_recreate(in, out, &no_new_privileges);
}
