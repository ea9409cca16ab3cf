/* Section 2, dockerd's options: its arguments first, then daemon.json, then the engine's default, unless the engine
 * itself reports the value; the evidence names the source. Also functions shared by the files of this section. */
#include <string.h>
#include <strings.h>

#include "agent/checks/daemon.h"
#include "common/text.h"

const char *daemon_place_name(const struct daemon_facts *daemon, enum option_place place)
{
    static const char *const names[] = {[OPTION_DEFAULT] = "engine default",
                                        [OPTION_DAEMON_JSON] = "daemon.json",
                                        [OPTION_CMDLINE] = "dockerd's arguments",
                                        [OPTION_ENGINE] = "reported by the engine"};

    return place == OPTION_DAEMON_JSON && daemon->config_path ? daemon->config_path : names[place];
}

bool daemon_is_podman(const struct check_input *in, struct check_result *out)
{
    const struct version_facts *version = store_version(in->store, NULL);

    if (!version || !version->is_podman)
        return false;
    check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has no daemon with such an option");
    return true;
}

const struct info_facts *daemon_need_info(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);

    if (!info)
        check_error(in, out, "info", why);
    return info;
}

const struct daemon_facts *check_need_option(const struct check_input *in, struct check_result *out, const char *name)
{
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);
    enum option_place place;
    const char *value;

    if (!daemon) {
        check_error(in, out, "daemon", why);
        return NULL;
    }
    value = daemon_option(daemon, name, &place);
    if (daemon->pid <= 0 && daemon->why_no_pid && place != OPTION_CMDLINE) {
        check_error(in, out, "dockerd's arguments", daemon->why_no_pid);
        return NULL;
    }
    if (daemon->config_error && place != OPTION_CMDLINE) {
        check_error(in, out, daemon->config_path ? daemon->config_path : "daemon.json", daemon->config_error);
        return NULL;
    }
    if (!str_empty(value) && daemon_option_is_boolean(name) && !daemon_option_parses(value)) {
        scoped_str what = STR_INIT;

        str_printf(&what, "%s (%s)", name, daemon_place_name(daemon, place));
        check_error(in, out, what.data, "the value is neither true nor false");
        return NULL;
    }
    return daemon;
}

void daemon_remedy_option(const struct check_input *in, struct check_result *out, const char *setting)
{
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const struct version_facts *version = store_version(in->store, NULL);
    scoped_str path = STR_INIT;

    if (!in->explain || (version && version->is_podman)) /* which has no daemon.json */
        return;
    text_shell_quote(&path, daemon && daemon->config_path ? daemon->config_path : "/etc/docker/daemon.json");
    check_remedy(in, out, "# set %s in %s, remove it from dockerd's arguments, then: systemctl restart docker", setting,
                 path.data);
}

void check_log_level(const struct check_input *in, struct check_result *out)
{
    const char *wanted = check_param(in, "level")->string, *value;
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon;
    enum option_place place, debug_place = OPTION_ENGINE;
    bool debug = info && info->debug == TRI_TRUE;
    scoped_str setting = STR_INIT;

    if (daemon_is_podman(in, out))
        return;
    if (debug) {
        check_say(in, out, VERDICT_FAIL, "debugging is on (reported by the engine)");
        daemon_remedy_option(in, out, "\"debug\": false");
        return;
    }
    daemon = check_need_option(in, out, "log-level");
    if (!daemon)
        return;
    if (!info || info->debug == TRI_ABSENT) {
        if (!check_need_option(in, out, "debug"))
            return;
        debug = daemon_option_bool(daemon, "debug", false, &debug_place);
    }
    value = daemon_option(daemon, "log-level", &place);
    if (str_empty(value))
        place = OPTION_DEFAULT;
    if (debug)
        check_say(in, out, VERDICT_FAIL, "debugging is on (%s)", daemon_place_name(daemon, debug_place));
    if (str_empty(value))
        value = "info";
    if (strcasecmp(value, wanted) == 0) /* as the engine compares it */
        check_say(in, out, VERDICT_PASS, "the log level is %s (%s)", value, daemon_place_name(daemon, place));
    else
        check_say(in, out, VERDICT_FAIL, "the log level is %s (%s)", value, daemon_place_name(daemon, place));
    if (out->verdict == VERDICT_FAIL) {
        str_printf(&setting, "\"log-level\": \"%s\" and \"debug\": false", wanted);
        daemon_remedy_option(in, out, setting.data);
    }
}

/* An option that is a boolean: "option", what is "wanted" and the engine's "default" are the rule's parameters. */
void check_daemon_bool(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string;
    bool wanted = check_param(in, "wanted")->number, fallback = check_param(in, "default")->number, value;
    const struct daemon_facts *daemon;
    scoped_str setting = STR_INIT;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, name);
    if (!daemon)
        return;
    value = daemon_option_bool(daemon, name, fallback, &place);
    check_fact_bool(in, out, "value", value);
    check_say(in, out, value == wanted ? VERDICT_PASS : VERDICT_FAIL, "%s is %s (%s)", name, value ? "true" : "false",
              daemon_place_name(daemon, place));
    str_printf(&setting, "\"%s\": %s", name, wanted ? "true" : "false");
    if (value != wanted)
        daemon_remedy_option(in, out, setting.data);
}

void check_default_ulimits(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    size_t count = 0;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "default-ulimit");
    if (!daemon)
        return;
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "default-ulimit") == 0 && daemon->options[i].value[0]) {
            check_say(in, out, VERDICT_PASS, "%s (%s)", daemon->options[i].value,
                      daemon_place_name(daemon, daemon->options[i].place));
            count++;
        }
    if (count)
        return;
    check_say(in, out, VERDICT_FAIL, "no default ulimits are set, neither in dockerd's arguments nor in daemon.json");
    daemon_remedy_option(in, out, "\"default-ulimits\"");
}

void check_daemon_cgroup_parent(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    const char *value;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, "cgroup-parent");
    if (!daemon)
        return;
    value = daemon_option(daemon, "cgroup-parent", &place);
    if (str_empty(value)) {
        check_say(in, out, VERDICT_PASS, "no cgroup parent is set: the engine default applies");
        return;
    }
    if (check_allowed(in, "allowed", value)) {
        check_say(in, out, VERDICT_PASS, "cgroup parent %s (%s) is allowed", value, daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the default cgroup parent is %s (%s)", value, daemon_place_name(daemon, place));
    daemon_remedy_option(in, out, "no \"cgroup-parent\"");
}

/* The size of devicemapper's base device as the engine reports it; NULL: not reported. */
static const char *base_device_size(const struct info_facts *info)
{
    static const char key[] = "Base Device Size: ";

    for (size_t i = 0; info && i < info->driver_status.count; i++)
        if (str_starts(info->driver_status.items[i], key))
            return info->driver_status.items[i] + strlen(key);
    return NULL;
}

/* The devicemapper takes the key in any case, with blanks round it. */
static bool sets_base_size(const struct daemon_option *option)
{
    static const char key[] = "dm.basesize", blanks[] = " \t\r\n";
    const char *at = option->value + strspn(option->value, blanks);

    if (strcmp(option->name, "storage-opt") != 0 || strncasecmp(at, key, strlen(key)) != 0)
        return false;
    at += strlen(key);
    return at[strspn(at, blanks)] == '=';
}

void check_base_device_size(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    const char *size = base_device_size(info);

    if (daemon_is_podman(in, out))
        return;
    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (sets_base_size(&daemon->options[i])) {
            check_say(in, out, VERDICT_FAIL, "%s (%s)", daemon->options[i].value,
                      daemon_place_name(daemon, daemon->options[i].place));
            daemon_remedy_option(in, out, "no \"dm.basesize\" in \"storage-opts\"");
        }
    if (out->verdict == VERDICT_FAIL)
        return;
    if (size && strcmp(size, "10.74GB") != 0 && strcmp(size, "10.74 GB") != 0) { /* 10 GiB; once grown it stays so */
        check_say(in, out, VERDICT_FAIL, "the base device size is %s (reported by the engine); the default is 10.74GB",
                  size);
        return;
    }
    if (info && !str_empty(info->driver) && strcmp(info->driver, "devicemapper") != 0) {
        check_say(in, out, VERDICT_PASS,
                  "dm.basesize is not set, and the storage driver is %s, which has no base device", info->driver);
        return;
    }
    if (check_need_option(in, out, "storage-opt"))
        check_say(in, out, VERDICT_PASS, "dm.basesize is not set%s%s", size ? "; the base device size is " : "",
                  size ? size : "");
}

void check_daemon_no_new_privileges(const struct check_input *in, struct check_result *out)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    if (info && info->no_new_privileges) {
        check_say(in, out, VERDICT_PASS, "containers get no new privileges (reported by the engine)");
        return;
    }
    daemon = check_need_option(in, out, "no-new-privileges");
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, "no-new-privileges", false, &place)) {
        check_say(in, out, VERDICT_PASS, "no-new-privileges is true (%s)", daemon_place_name(daemon, place));
        return;
    }
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is false (%s)", daemon_place_name(daemon, place));
    daemon_remedy_option(in, out, "\"no-new-privileges\": true");
}
