/* Section 2, dockerd's options: its arguments first, then daemon.json, then the engine's default, unless the engine
 * itself reports the value; the evidence names the source. Also functions shared by the files of this section. */
#include "agent/checks/daemon.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"

/* ---- Sources ---- */

static const struct daemon_option *find_next(const struct daemon_facts *daemon, const char *name)
{
    for (size_t i = 0; i < daemon->next_count; i++)
        if (strcmp(daemon->next[i].name, name) == 0)
            return &daemon->next[i];
    return NULL;
}

static const char *file_of(const struct daemon_facts *daemon, const char *name)
{
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, name) == 0 && daemon->options[i].file)
            return daemon->options[i].file;
    return daemon->config_path ? daemon->config_path : "daemon.json";
}

static const char *engine_name(const struct daemon_facts *daemon)
{
    return daemon->podman ? "podman" : "dockerd";
}

/* What the file, changed after it was read, says now. */
static void append_next(const struct daemon_facts *daemon, const char *name, struct str *ret)
{
    const struct daemon_option *next = find_next(daemon, name);
    const char *value = daemon_option(daemon, name, NULL);

    if (daemon->config_age != CONFIG_REMEMBERED || (next && next->place != OPTION_DAEMON_JSON) ||
        str_equal(value, next ? next->value : NULL))
        return;
    message_add(ret, ", as %s read it; now the file %s%s for the next start", engine_name(daemon),
                next ? M_("has ") : M_("does not set it"),
                next ? (*next->value ? next->value : M_("an empty value")) : "");
}

void daemon_source(const struct daemon_facts *daemon, const char *name, enum option_place place, struct str *ret)
{
    switch (place) {
    case OPTION_CMDLINE:
        str_append(ret, M_("dockerd's arguments"));
        break;
    case OPTION_ENGINE:
        str_append(ret, M_("reported by the engine"));
        break;
    case OPTION_DAEMON_JSON:
        str_append(ret, file_of(daemon, name));
        append_next(daemon, name, ret);
        break;
    case OPTION_DEFAULT:
        str_append(ret, M_("engine default"));
        append_next(daemon, name, ret);
        break;
    }
}

/* ---- What is known ---- */

bool daemon_know_engine(const struct check_input *in, struct check_result *out, bool *ret_podman)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const struct daemon_facts *daemon = version ? NULL : store_daemon(in->store, NULL);

    if (!version && !(daemon && (daemon->pid > 0 || daemon->podman))) { /* its process shows it as well */
        check_error(in, out, M_("version"), why);
        return false;
    }
    *ret_podman = version ? version->is_podman : daemon->podman;
    return true;
}

bool daemon_is_podman(const struct check_input *in, struct check_result *out)
{
    bool podman = false;

    if (!daemon_know_engine(in, out, &podman))
        return true;
    if (podman)
        check_say(in, out, VERDICT_NOT_APPLICABLE, "podman has no daemon with such an option");
    return podman;
}

const struct info_facts *daemon_need_info(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);

    if (!info)
        check_error(in, out, M_("info"), why);
    return info;
}

/* To the second, as stat and ps print it. */
static const char *short_time(usec_t at, char *buffer)
{
    clock_format(at, buffer);
    memcpy(buffer + strlen("2026-01-01T00:00:00"), "Z", 2);
    return buffer;
}

void daemon_say_changed(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                        const char *name)
{
    const char *path = file_of(daemon, name), *value = daemon_option(daemon, name, NULL);
    char changed[CLOCK_TEXT_SIZE], started[CLOCK_TEXT_SIZE], modified[CLOCK_TEXT_SIZE];
    scoped_str quoted = STR_INIT;

    if (!in->explain) {
        check_say(in, out, VERDICT_MANUAL, "changed");
        return;
    }
    text_shell_quote(&quoted, path);
    short_time(daemon->config_changed, changed);
    short_time(daemon->started, started);
    if (!daemon->config_exists) {
        check_say(in, out, VERDICT_MANUAL,
                  "%s may have been removed at %s, after %s (process %d) started at %s: what it set for %s then is not "
                  "known; both times: stat -c %%y \"$(dirname %s)\"; ps -o lstart= -p %d",
                  path, changed, engine_name(daemon), (int)daemon->pid, started, name, str_text(&quoted),
                  (int)daemon->pid);
        return;
    }
    short_time(daemon->config_modified, modified);
    check_say(
        in, out, VERDICT_MANUAL,
        "%s was changed at %s (its contents at %s), after %s (process %d) started at %s: %s is %s in it now, which "
        "the next start will take, and what runs is not known; both times: stat -c '%%z %%y' %s; ps -o lstart= -p "
        "%d",
        path, changed, modified, engine_name(daemon), (int)daemon->pid, started, name,
        !value   ? M_("not set")
        : *value ? value
                 : M_("empty"),
        str_text(&quoted), (int)daemon->pid);
}

const struct daemon_facts *check_need_option(const struct check_input *in, struct check_result *out, const char *name)
{
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);
    enum option_place place;
    const char *value;

    if (!daemon) {
        check_error(in, out, M_("daemon"), why);
        return NULL;
    }
    value = daemon_option(daemon, name, &place);
    if (daemon->pid <= 0 && daemon->why_no_pid && place != OPTION_CMDLINE) {
        check_error(in, out, M_("dockerd's arguments"), daemon->why_no_pid);
        return NULL;
    }
    if (daemon->config_error && place != OPTION_CMDLINE) {
        check_error(in, out, daemon->config_path ? daemon->config_path : "daemon.json", daemon->config_error);
        return NULL;
    }
    if (daemon->config_age == CONFIG_NEWER && place != OPTION_CMDLINE) {
        daemon_say_changed(in, out, daemon, name);
        return NULL;
    }
    if (!str_empty(value) && daemon_option_is_boolean(name) && !daemon_option_parses(value)) {
        scoped_str what = STR_INIT, source = STR_INIT;

        daemon_source(daemon, name, place, &source);
        str_printf(&what, "%s (%s)", name, str_text(&source));
        check_error(in, out, what.data, M_("the value is neither true nor false"));
        return NULL;
    }
    return daemon;
}

const struct daemon_facts *daemon_need_podman(const struct check_input *in, struct check_result *out, const char *key)
{
    const char *why;
    const struct daemon_facts *daemon = store_daemon(in->store, &why);

    if (!daemon) {
        check_error(in, out, M_("daemon"), why);
        return NULL;
    }
    if (!daemon->podman) {
        check_say(
            in, out, VERDICT_MANUAL,
            "podman's service was not found on this host, so its containers.conf is not known; what does it set for "
            "%s?",
            key);
        return NULL;
    }
    if (daemon->config_error) {
        check_error(in, out, daemon->config_path, daemon->config_error);
        return NULL;
    }
    if (daemon->config_age == CONFIG_NEWER) {
        daemon_say_changed(in, out, daemon, key);
        return NULL;
    }
    return daemon;
}

/* ---- The rules ---- */

/* The configured level, which also counts while debugging is on; false: it is the wanted one, or not known. */
static bool is_level_wrong(const struct daemon_facts *daemon, const char *wanted)
{
    const char *value = daemon ? daemon_option(daemon, "log-level", NULL) : NULL;
    bool known = daemon && !daemon->config_error && daemon->config_age != CONFIG_NEWER;

    return known && !str_empty(value) && strcasecmp(value, wanted) != 0;
}

static void say_level(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                      const char *wanted)
{
    scoped_str source = STR_INIT;
    enum option_place place;
    const char *value = daemon_option(daemon, "log-level", &place);

    if (str_empty(value)) {
        value = "info";
        place = OPTION_DEFAULT;
    }
    daemon_source(daemon, "log-level", place, &source);
    check_say(in, out, strcasecmp(value, wanted) == 0 ? VERDICT_PASS : VERDICT_FAIL, /* as the engine compares */
              "the log level is %s (%s)", value, str_text(&source));
}

/* Debugging as the engine reports it, else as it is configured. It can be switched while dockerd runs, so that the
 * configuration shows at most that it is on. */
static bool say_debug(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;

    if (info && info->debug == TRI_TRUE)
        check_say(in, out, VERDICT_FAIL, "debugging is on (reported by the engine)");
    if (info && info->debug != TRI_ABSENT)
        return info->debug == TRI_TRUE;
    daemon = check_need_option(in, out, "debug");
    if (daemon && daemon_option_bool(daemon, "debug", false, &place)) {
        daemon_source(daemon, "debug", place, &source);
        check_say(in, out, VERDICT_FAIL, "debugging is on (%s)", str_text(&source));
        return true;
    }
    if (!info && out->verdict != VERDICT_FAIL)
        check_error(in, out, M_("info"), why);
    return false;
}

void check_log_level(const struct check_input *in, struct check_result *out)
{
    const char *wanted = check_param(in, "level")->string;
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    bool debug, level = is_level_wrong(daemon, wanted);
    scoped_str quoted = STR_INIT;
    struct daemon_setting settings[2];
    size_t count = 0;

    if (daemon_is_podman(in, out))
        return;
    if (level || !info || info->debug != TRI_TRUE) {
        daemon = check_need_option(in, out, "log-level");
        if (daemon)
            say_level(in, out, daemon, wanted);
    }
    debug = say_debug(in, out);
    if (out->verdict != VERDICT_FAIL)
        return;
    str_printf(&quoted, "\"%s\"", wanted);
    if (level)
        settings[count++] = (struct daemon_setting){"log-level", "log-level", str_text(&quoted)};
    if (debug)
        settings[count++] = (struct daemon_setting){"debug", "debug", "false"};
    daemon_remedy_set(in, out, settings, count, level ? DAEMON_RESTART : DAEMON_RELOAD);
}

/* An option that is a boolean: "option", what is "wanted" and the engine's "default" are the rule's parameters. */
void check_daemon_bool(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string;
    bool wanted = check_param(in, "wanted")->number, fallback = check_param(in, "default")->number, value;
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, name);
    if (!daemon)
        return;
    value = daemon_option_bool(daemon, name, fallback, &place);
    check_fact_bool(in, out, "value", value);
    daemon_source(daemon, name, place, &source);
    check_say(in, out, value == wanted ? VERDICT_PASS : VERDICT_FAIL, "%s is %s (%s)", name, value ? "true" : "false",
              str_text(&source));
    if (value != wanted)
        daemon_remedy_set(in, out, &(struct daemon_setting){name, name, wanted ? "true" : "false"}, 1, DAEMON_RESTART);
}

void check_daemon_unset(const struct check_input *in, struct check_result *out)
{
    static const char enable[] = "\"enable\"";
    const char *name = check_param(in, "option")->string, *value;
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;

    if (daemon_is_podman(in, out))
        return;
    daemon = check_need_option(in, out, name);
    if (!daemon)
        return;
    value = daemon_option(daemon, name, &place);
    /* An object that has a switch of its own is set where that is on. */
    if (str_empty(value) || strcmp(value, "{}") == 0 || (strstr(value, enable) && !strstr(value, "\"enable\":true"))) {
        check_say(in, out, VERDICT_PASS, "%s is not set", name);
        return;
    }
    daemon_source(daemon, name, place, &source);
    check_say(in, out, VERDICT_FAIL, "%s is set to %s (%s)", name, value, str_text(&source));
}

/* Each value of a list NAME that is not empty; false: there is none. */
static bool say_values(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon,
                       const char *name)
{
    bool any = false;

    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, name) == 0 && daemon->options[i].value[0]) {
            scoped_str source = STR_INIT;

            daemon_source(daemon, name, daemon->options[i].place, &source);
            check_say(in, out, VERDICT_PASS, "%s (%s)", daemon->options[i].value, str_text(&source));
            any = true;
        }
    return any;
}

static void judge_podman_ulimits(const struct check_input *in, struct check_result *out)
{
    static const char key[] = "containers.default_ulimits";
    const struct daemon_facts *daemon = daemon_need_podman(in, out, key);

    if (!daemon || say_values(in, out, daemon, key))
        return;
    check_say(in, out, VERDICT_FAIL, "no default_ulimits are set in containers.conf");
    daemon_remedy_podman(in, out,
                         M_("set default_ulimits to the limits of your containers, such as default_ulimits = "
                            "[\"nofile=1024:4096\"]"));
}

void check_default_ulimits(const struct check_input *in, struct check_result *out)
{
    const struct daemon_facts *daemon;
    bool podman;

    if (!daemon_know_engine(in, out, &podman))
        return;
    if (podman) {
        judge_podman_ulimits(in, out);
        return;
    }
    daemon = check_need_option(in, out, "default-ulimit");
    if (!daemon || say_values(in, out, daemon, "default-ulimit"))
        return;
    if (daemon->config_age == CONFIG_REMEMBERED && find_next(daemon, "default-ulimit"))
        check_say(in, out, VERDICT_FAIL,
                  "no default ulimits were set when dockerd started; %s sets them for the next "
                  "start",
                  daemon->config_path);
    else
        check_say(in, out, VERDICT_FAIL,
                  "no default ulimits are set, neither in dockerd's arguments nor in daemon.json");
    daemon_remedy_words(in, out,
                        M_("set \"default-ulimits\" to the limits of your containers, such as {\"nofile\": {\"Name\": "
                           "\"nofile\", \"Soft\": 1024, \"Hard\": 4096}}"),
                        DAEMON_RESTART);
}

/* What the engine uses if nothing is set: a cgroup below its own root, or systemd's slice. Which of them depends on the
 * driver, which INFO names. */
static bool is_own_default(const struct info_facts *info, const char *parent)
{
    const char *driver = info ? info->cgroup_driver : NULL;

    if (info && str_equal(driver, "systemd"))
        return strcmp(parent, info->rootless ? "user.slice" : "system.slice") == 0;
    if (str_equal(driver, "cgroupfs"))
        return strcmp(parent, "/docker") == 0 || strcmp(parent, "docker") == 0;
    return false;
}

static bool may_be_default(const char *parent)
{
    static const char *const parents[] = {"/docker", "docker", "system.slice", "user.slice"};

    for (size_t i = 0; i < countof(parents); i++)
        if (strcmp(parents[i], parent) == 0)
            return true;
    return false;
}

void check_daemon_cgroup_parent(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;
    const char *value;
    bool podman;

    if (!daemon_know_engine(in, out, &podman))
        return;
    if (podman) {
        check_say(in, out, VERDICT_PASS,
                  "podman has no default cgroup parent that could be set: containers go below machine.slice, or their "
                  "user's slice");
        return;
    }
    daemon = check_need_option(in, out, "cgroup-parent");
    if (!daemon)
        return;
    value = daemon_option(daemon, "cgroup-parent", &place);
    daemon_source(daemon, "cgroup-parent", place, &source);
    if (str_empty(value)) {
        check_say(in, out, VERDICT_PASS, "no cgroup parent is set: the engine default applies%s%s%s",
                  place == OPTION_DEFAULT && daemon->config_age != CONFIG_REMEMBERED ? "" : " (",
                  place == OPTION_DEFAULT && daemon->config_age != CONFIG_REMEMBERED ? "" : str_text(&source),
                  place == OPTION_DEFAULT && daemon->config_age != CONFIG_REMEMBERED ? "" : ")");
        return;
    }
    if (check_allowed(in, "allowed", value)) {
        check_say(in, out, VERDICT_PASS, "cgroup parent %s (%s) is allowed", value, str_text(&source));
        return;
    }
    if (is_own_default(info, value)) {
        check_say(in, out, VERDICT_PASS, "cgroup parent %s (%s) is the default of the cgroup driver %s", value,
                  str_text(&source), info->cgroup_driver);
        return;
    }
    if (!info && may_be_default(value)) {
        check_error(in, out, M_("info"), why);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the default cgroup parent is %s (%s)", value, str_text(&source));
    daemon_remedy_set(in, out, &(struct daemon_setting){"cgroup-parent", "cgroup-parent", "\"\""}, 1, DAEMON_RESTART);
}

/* ---- The base device ---- */

/* The size of devicemapper's base device as the engine reports it; NULL: not reported. */
static const char *base_device_size(const struct info_facts *info)
{
    static const char key[] = "Base Device Size: ";

    for (size_t i = 0; i < info->driver_status.count; i++)
        if (str_starts(info->driver_status.items[i], key))
            return info->driver_status.items[i] + strlen(key);
    return NULL;
}

/* The devicemapper takes the key in any case, with blanks round it. */
static bool names_base_size(const char *storage_option)
{
    static const char key[] = "dm.basesize", blanks[] = " \t\r\n";
    const char *at = storage_option + strspn(storage_option, blanks);

    if (strncasecmp(at, key, strlen(key)) != 0)
        return false;
    at += strlen(key);
    return at[strspn(at, blanks)] == '=';
}

static bool sets_base_size(const struct daemon_option *option)
{
    return strcmp(option->name, "storage-opt") == 0 && names_base_size(option->value);
}

/* Of a file that was changed since, nothing counts. */
static bool say_base_size(const struct check_input *in, struct check_result *out, const struct daemon_facts *daemon)
{
    bool any = false;

    for (size_t i = 0; i < daemon->option_count; i++)
        if (sets_base_size(&daemon->options[i]) &&
            (daemon->config_age != CONFIG_NEWER || daemon->options[i].place == OPTION_CMDLINE)) {
            scoped_str source = STR_INIT;

            daemon_source(daemon, "storage-opt", daemon->options[i].place, &source);
            check_say(in, out, VERDICT_FAIL, "%s (%s)", daemon->options[i].value, str_text(&source));
            any = true;
        }
    return any;
}

/* Beside it, what may keep option NAME from being known. */
static void say_info_missing(const struct check_input *in, struct check_result *out, const char *name, const char *why)
{
    check_error(in, out, M_("info"), why);
    check_need_option(in, out, name);
}

void check_base_device_size(const struct check_input *in, struct check_result *out)
{
    const char *why_info, *why_daemon, *size;
    const struct info_facts *info = store_info(in->store, &why_info);
    const struct daemon_facts *daemon = store_daemon(in->store, &why_daemon);

    if (daemon_is_podman(in, out))
        return;
    size = info ? base_device_size(info) : NULL;
    if (daemon && say_base_size(in, out, daemon))
        daemon_remedy_lists(in, out, &(struct daemon_list){"storage-opts", "storage-opt", names_base_size}, 1,
                            DAEMON_RESTART, M_("remove \"dm.basesize\" from \"storage-opts\""),
                            M_("a device that has grown keeps its size"));
    else if (size && strcmp(size, "10.74GB") != 0 && strcmp(size, "10.74 GB") != 0) /* 10 GiB; once grown it stays */
        check_say(in, out, VERDICT_FAIL, "the base device size is %s (reported by the engine); the default is 10.74GB",
                  size);
    else if (!daemon)
        check_error(in, out, M_("daemon"), why_daemon);
    else if (!info)
        say_info_missing(in, out, "storage-opt", why_info);
    else if (!str_empty(info->driver) && strcmp(info->driver, "devicemapper") != 0)
        check_say(in, out, VERDICT_PASS,
                  "dm.basesize is not set, and the storage driver is %s, which has no base device", info->driver);
    else if (check_need_option(in, out, "storage-opt"))
        check_say(in, out, VERDICT_PASS, "dm.basesize is not set%s%s", size ? M_("; the base device size is ") : "",
                  size ? size : "");
}

/* ---- No new privileges ---- */

/* Engines from 23.0 on report it among their security options. */
static bool reports_no_new_privileges(const struct info_facts *info)
{
    return info->has_security_options && info->server_version && check_is_version(info->server_version) &&
           check_version_compare(info->server_version, "23.0") >= 0;
}

void check_daemon_no_new_privileges(const struct check_input *in, struct check_result *out)
{
    static const char name[] = "no-new-privileges";
    const struct daemon_setting setting = {name, name, "true"};
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct daemon_facts *daemon;
    scoped_str source = STR_INIT;
    enum option_place place;
    bool podman;

    if (!daemon_know_engine(in, out, &podman))
        return;
    if (podman) {
        check_say(in, out, VERDICT_MANUAL,
                  "containers.conf has no such default: is --security-opt=no-new-privileges given to every container?");
        return;
    }
    if (info && info->no_new_privileges) {
        check_say(in, out, VERDICT_PASS, "containers get no new privileges (reported by the engine)");
        return;
    }
    if (info && reports_no_new_privileges(info)) {
        check_say(in, out, VERDICT_FAIL, "containers may get new privileges (reported by the engine)");
        daemon_remedy_set(in, out, &setting, 1, DAEMON_RESTART);
        return;
    }
    daemon = check_need_option(in, out, name);
    if (daemon && !info && daemon_option_bool(daemon, name, false, NULL))
        daemon = NULL; /* it may have been changed since */
    if (!daemon && !info)
        check_error(in, out, M_("info"), why);
    if (!daemon)
        return;
    if (daemon_option_bool(daemon, name, false, &place)) {
        daemon_source(daemon, name, place, &source);
        check_say(in, out, VERDICT_PASS, "no-new-privileges is true (%s)", str_text(&source));
        return;
    }
    daemon_source(daemon, name, place, &source);
    check_say(in, out, VERDICT_FAIL, "no-new-privileges is false (%s)", str_text(&source));
    daemon_remedy_set(in, out, &setting, 1, DAEMON_RESTART);
}
