/* Remedies of section 2. The file is edited by a command only where that keeps all else that it holds: a new file, one
 * without options, a key added after the first brace, a scalar value replaced on its line. The command ends before
 * dockerd is restarted if the edit did not take or dockerd refuses the file. What else has to be done is said after it,
 * as a comment: a restart stops this host's containers unless live restore is on. */
#include <string.h>

#include "agent/checks/daemon.h"
#include "common/text.h"

static const char default_path[] = "/etc/docker/daemon.json";

static const struct daemon_facts *known_daemon(const struct check_input *in)
{
    return store_daemon(in->store, NULL);
}

static bool is_rootless(const struct check_input *in)
{
    const struct daemon_facts *daemon = known_daemon(in);

    return daemon && daemon->rootless;
}

/* dockerd --validate came with 23.0. */
static bool can_validate(const struct check_input *in)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const char *version = info ? info->server_version : NULL;

    return version && check_is_version(version) && check_version_compare(version, "23.0") >= 0;
}

/* How dockerd is started anew, or made to read its file, by what starts the services of this host. */
static void append_effect(const struct check_input *in, enum daemon_effect effect, struct str *out)
{
    const struct daemon_facts *daemon = known_daemon(in);

    if (!daemon || !daemon->openrc)
        str_printf(out, "systemctl %s%s docker", is_rootless(in) ? "--user " : "",
                   effect == DAEMON_RELOAD ? "reload" : "restart");
    else if (effect == DAEMON_RELOAD)
        str_append(out, "kill -HUP \"$(cat /run/docker.pid)\"");
    else
        str_append(out, "rc-service docker restart");
}

void daemon_arguments_place(const struct check_input *in, struct str *ret)
{
    const struct daemon_facts *daemon = known_daemon(in);

    if (daemon && daemon->openrc)
        str_append(ret, "DOCKER_OPTS in /etc/conf.d/docker");
    else
        str_printf(ret, "ExecStart= in systemctl%s edit --full docker", is_rootless(in) ? " --user" : "");
}

/* What the restart does to this host, and who has to run the command. */
static void append_warning(const struct check_input *in, enum daemon_effect effect, struct str *out)
{
    const struct info_facts *info = store_info(in->store, NULL);

    if (effect == DAEMON_RELOAD)
        str_append(out, "  # no container is stopped");
    else if (!info || info->live_restore == TRI_ABSENT)
        str_append(out, "  # stops the running containers unless live restore is on");
    else if (info->live_restore == TRI_TRUE)
        str_append(out, "  # live restore is on: running containers stay");
    else
        str_append(out, "  # stops all running containers, as live restore is off here: only those with a restart "
                        "policy come back");
    if (is_rootless(in))
        str_append(out, "; as the user that dockerd runs as");
}

/* ---- In words ---- */

void daemon_remedy_words(const struct check_input *in, struct check_result *out, const char *what,
                         enum daemon_effect effect)
{
    const struct daemon_facts *daemon = known_daemon(in);
    scoped_str path = STR_INIT, command = STR_INIT;

    if (!in->explain || check_is_podman(in))
        return;
    text_shell_quote(&path, daemon && daemon->config_path ? daemon->config_path : default_path);
    str_printf(&command, "# in %s %s; then: ", str_text(&path), what);
    if (can_validate(in))
        str_printf(&command, "dockerd --validate --config-file %s && ", str_text(&path));
    append_effect(in, effect, &command);
    append_warning(in, effect, &command);
    check_remedy(in, out, "%s", str_text(&command));
}

static void describe(const struct daemon_setting *settings, size_t count, struct str *out)
{
    for (size_t i = 0; i < count; i++)
        str_printf(out, "%s\"%s\": %s", i ? " and " : "", settings[i].key, settings[i].value);
}

/* root's file is the one that packages leave alone, wherever the present value is from. */
void daemon_remedy_podman(const struct check_input *in, struct check_result *out, const char *what)
{
    const struct daemon_facts *daemon = known_daemon(in);
    bool rootless = daemon && daemon->rootless && daemon->config_path;
    scoped_str path = STR_INIT;

    if (!in->explain)
        return;
    text_shell_quote(&path, rootless ? daemon->config_path : "/etc/containers/containers.conf");
    check_remedy(in, out, "# in %s, section [containers], %s; then: %s", str_text(&path), what,
                 daemon && daemon->openrc ? "rc-service podman restart"
                 : rootless               ? "systemctl --user restart podman.socket podman.service"
                                          : "systemctl restart podman.socket podman.service");
}

/* ---- By a command ---- */

/* The file as it is now, which is not what dockerd runs with if it was changed since. */
struct file_state {
    const struct daemon_option *options;
    size_t count;
};

static struct file_state file_now(const struct daemon_facts *daemon)
{
    return daemon->config_age == CONFIG_REMEMBERED
               ? (struct file_state){.options = daemon->next, .count = daemon->next_count}
               : (struct file_state){.options = daemon->options, .count = daemon->option_count};
}

static const struct daemon_option *find_in_file(const struct file_state *file, const char *flag)
{
    for (size_t i = 0; i < file->count; i++)
        if (file->options[i].place == OPTION_DAEMON_JSON && (!flag || strcmp(file->options[i].name, flag) == 0))
            return &file->options[i];
    return NULL;
}

/* Is the option's value already the setting's, quotes aside? */
static bool is_set(const struct daemon_option *option, const struct daemon_setting *setting)
{
    size_t length = strlen(setting->value);
    bool quoted = setting->value[0] == '"';

    return option && strlen(option->value) + 2 * quoted == length &&
           strncmp(option->value, setting->value + quoted, length - 2 * quoted) == 0;
}

/* "{"icc": false}" with quotes for awk escaped or not. */
static void append_pair(struct str *out, const struct daemon_setting *setting, bool escaped)
{
    scoped_str pair = STR_INIT;

    str_printf(&pair, "\"%s\": %s", setting->key, setting->value);
    for (size_t i = 0; i < pair.length; i++) {
        if (escaped && pair.data[i] == '"')
            str_append_char(out, '\\');
        str_append_char(out, pair.data[i]);
    }
}

/* The awk program that makes SETTINGS of what the file holds. */
static void append_program(struct str *out, const struct file_state *file, const struct daemon_setting *settings,
                           size_t count)
{
    scoped_str added = STR_INIT;

    for (size_t i = 0; i < count; i++) {
        const struct daemon_option *option = find_in_file(file, settings[i].flag);

        if (is_set(option, &settings[i]))
            continue;
        if (!option) {
            append_pair(&added, &settings[i], true);
            str_append(&added, ", ");
            continue;
        }
        str_printf(out, "{gsub(/\"%s\"[ \\t]*:[ \\t]*[^,}]*/, \"", settings[i].key);
        append_pair(out, &settings[i], true);
        str_append(out, "\")} ");
    }
    if (added.length)
        str_printf(out, "!d && sub(/[{]/, \"{%s\") {d = 1} ", str_text(&added));
    str_append(out, "1");
}

/* dockerd's own check of FILE, where it has one. */
static void append_validation(const struct check_input *in, const char *file, struct str *out)
{
    if (can_validate(in))
        str_printf(out, "dockerd --validate --config-file %s && ", file);
}

static void append_whole(const struct daemon_setting *settings, size_t count, struct str *out)
{
    str_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        str_append(out, i ? ", " : "");
        append_pair(out, &settings[i], false);
    }
    str_append_char(out, '}');
}

/* A file where there is none; one that has come there since is not overwritten. */
static void append_new_file(const struct check_input *in, const struct daemon_facts *daemon, const char *path,
                            const struct daemon_setting *settings, size_t count, struct str *out)
{
    scoped(cleanup_free) char *folder =
        mem_strndup(daemon->config_path, (size_t)(strrchr(daemon->config_path, '/') - daemon->config_path));
    scoped_str quoted = STR_INIT;

    text_shell_quote(&quoted, *folder ? folder : "/");
    str_printf(out, "mkdir -p %s && (set -C; printf '%%s\\n' '", str_text(&quoted));
    append_whole(settings, count, out);
    str_printf(out, "' >%s) && ", path);
    append_validation(in, path, out);
}

/* The file is only touched when its edited copy holds what it must, and dockerd takes it. */
static void append_edit(const struct check_input *in, const struct daemon_facts *daemon, const char *path,
                        const struct daemon_setting *settings, size_t count, struct str *out)
{
    struct file_state file = file_now(daemon);

    str_printf(out, "b=$(mktemp %s.XXXXXX) && ", path);
    if (find_in_file(&file, NULL)) {
        str_append(out, "awk '");
        append_program(out, &file, settings, count);
        str_printf(out, "' %s >\"$b\" && ", path);
    } else {
        str_append(out, "printf '%s\\n' '");
        append_whole(settings, count, out);
        str_append(out, "' >\"$b\" && ");
    }
    for (size_t i = 0; i < count; i++) {
        if (is_set(find_in_file(&file, settings[i].flag), &settings[i]))
            continue;
        str_append(out, "grep -qF '");
        append_pair(out, &settings[i], false);
        str_append(out, "' \"$b\" && ");
    }
    append_validation(in, "\"$b\"", out);
    str_printf(out, "cat \"$b\" >%s && rm \"$b\" && ", path);
}

/* Is each setting's value one that a command can write? Not where an argument has it, or the file cannot be read. */
static bool can_edit(const struct daemon_facts *daemon, const struct daemon_setting *settings, size_t count)
{
    if (!daemon || daemon->config_error || !daemon->config_path || daemon->config_path[0] != '/')
        return false;
    for (size_t i = 0; i < count; i++) {
        enum option_place place;

        daemon_option(daemon, settings[i].flag, &place);
        if (place == OPTION_CMDLINE)
            return false;
    }
    return true;
}

static bool are_all_set(const struct daemon_facts *daemon, const struct daemon_setting *settings, size_t count)
{
    struct file_state file = file_now(daemon);

    for (size_t i = 0; i < count; i++)
        if (!is_set(find_in_file(&file, settings[i].flag), &settings[i]))
            return false;
    return true;
}

static void say_arguments(const struct check_input *in, struct check_result *out, const struct daemon_setting *settings,
                          size_t count, enum daemon_effect effect)
{
    const struct daemon_facts *daemon = known_daemon(in);
    scoped_str what = STR_INIT, flags = STR_INIT;

    for (size_t i = 0; daemon && i < count; i++) {
        enum option_place place;

        daemon_option(daemon, settings[i].flag, &place);
        if (place == OPTION_CMDLINE)
            str_printf(&flags, "%s--%s", flags.length ? ", " : "", settings[i].flag);
    }
    str_append(&what, "set ");
    describe(settings, count, &what);
    if (flags.length) {
        str_printf(&what, " and take %s out of dockerd's arguments (", str_text(&flags));
        daemon_arguments_place(in, &what);
        str_append_char(&what, ')');
    }
    daemon_remedy_words(in, out, str_text(&what), flags.length ? DAEMON_RESTART : effect);
}

void daemon_remedy_set(const struct check_input *in, struct check_result *out, const struct daemon_setting *settings,
                       size_t count, enum daemon_effect effect)
{
    const struct daemon_facts *daemon = known_daemon(in);
    scoped_str path = STR_INIT, command = STR_INIT;

    if (!in->explain || check_is_podman(in))
        return;
    if (!can_edit(daemon, settings, count)) {
        say_arguments(in, out, settings, count, effect);
        return;
    }
    text_shell_quote(&path, daemon->config_path);
    if (are_all_set(daemon, settings, count))
        append_validation(in, str_text(&path), &command);
    else if (daemon->config_exists)
        append_edit(in, daemon, str_text(&path), settings, count, &command);
    else
        append_new_file(in, daemon, str_text(&path), settings, count, &command);
    append_effect(in, effect, &command);
    append_warning(in, effect, &command);
    check_remedy(in, out, "%s", str_text(&command));
}
