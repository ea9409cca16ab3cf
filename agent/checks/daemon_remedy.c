/* Remedies of section 2. The file is edited by a command only where that keeps all else that it holds: a new file, one
 * without members, a key added after the outermost brace, a scalar value replaced at the very place where the file had
 * it when it was read. The command ends before dockerd is restarted if the edit did not take or dockerd refuses the
 * file. What else has to be done is said after it, as a comment: a restart stops this host's containers unless live
 * restore is on. */
#include <string.h>

#include "agent/checks/daemon.h"
#include "common/secrets/secrets.h"
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

bool daemon_can_validate(const struct check_input *in)
{
    const struct info_facts *info = store_info(in->store, NULL);
    const char *version = info ? info->server_version : NULL;

    return version && check_is_version(version) && check_version_compare(version, "23.0") >= 0;
}

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

/* From 23.0 on dockerd may refuse to reload a file that has the proxy on, as by default, without naming its program. */
static bool is_reload_refused(const struct check_input *in)
{
    const struct daemon_facts *daemon = known_daemon(in);
    struct file_state file = daemon ? file_now(daemon) : (struct file_state){0};
    const struct daemon_option *proxy = find_in_file(&file, "userland-proxy");

    return proxy && strcmp(proxy->value, "true") == 0 && !find_in_file(&file, "userland-proxy-path") &&
           daemon_can_validate(in);
}

void daemon_effect_command(const struct check_input *in, enum daemon_effect effect, struct str *out)
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
        str_append(ret, M_("DOCKER_OPTS in /etc/conf.d/docker"));
    else
        message_add(ret, "ExecStart= in systemctl%s edit --full docker", is_rootless(in) ? " --user" : "");
}

/* What the restart does to this host, and who has to run the command. */
static void append_warning(const struct check_input *in, enum daemon_effect effect, struct str *out)
{
    const struct info_facts *info = store_info(in->store, NULL);

    if (effect == DAEMON_RELOAD)
        str_append(out, "  # " M_("no container is stopped"));
    else if (!info || info->live_restore == TRI_ABSENT)
        str_append(out, "  # " M_("stops the running containers unless live restore is on"));
    else if (info->live_restore == TRI_TRUE)
        str_append(out, "  # " M_("live restore is on: running containers stay"));
    else
        str_append(out, "  # " M_("stops all running containers, as live restore is off here: only those with a "
                                  "restart policy come back"));
    if (is_rootless(in))
        str_append(out, "; " M_("as the user that dockerd runs as"));
}

/* The command that has dockerd read the file, and what it does to this host. */
static void append_effect_and_warning(const struct check_input *in, enum daemon_effect effect, struct str *out)
{
    bool refused = effect == DAEMON_RELOAD && is_reload_refused(in);

    daemon_effect_command(in, refused ? DAEMON_RESTART : effect, out);
    append_warning(in, refused ? DAEMON_RESTART : effect, out);
    if (refused)
        str_append(out, "; " M_("a reload is refused while the file has \"userland-proxy\": true and no "
                                "\"userland-proxy-path\""));
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
    str_append(&command, "# ");
    message_add(&command, "in %s %s; then: ", str_text(&path), what);
    if (daemon_can_validate(in))
        str_printf(&command, "dockerd --validate --config-file %s && ", str_text(&path));
    append_effect_and_warning(in, effect, &command);
    check_remedy(in, out, "%s", str_text(&command));
}

static void describe(const struct daemon_setting *settings, size_t count, struct str *out)
{
    for (size_t i = 0; i < count; i++)
        str_printf(out, "%s\"%s\": %s", i ? M_(" and ") : "", settings[i].key, settings[i].value);
}

/* root's file is the one that packages leave alone, wherever the present value is from. */
void daemon_remedy_podman(const struct check_input *in, struct check_result *out, const char *what)
{
    const struct daemon_facts *daemon = known_daemon(in);
    const char *own = daemon && daemon->rootless ? daemon->config_path : NULL;
    scoped_str path = STR_INIT;

    if (!in->explain)
        return;
    text_shell_quote(&path, own ? own : "/etc/containers/containers.conf");
    check_remedy_note(in, out, "in %s, section [containers], %s; then: %s", str_text(&path), what,
                      daemon && daemon->openrc ? "rc-service podman restart"
                      : own                    ? "systemctl --user restart podman.socket podman.service"
                                               : "systemctl restart podman.socket podman.service");
}

/* ---- By a command ---- */

/* Is the option's value already the setting's, quotes aside? */
static bool is_set(const struct daemon_option *option, const struct daemon_setting *setting)
{
    size_t length = strlen(setting->value);
    bool quoted = setting->value[0] == '"';

    return option && strlen(option->value) + 2 * quoted == length &&
           strncmp(option->value, setting->value + quoted, length - 2 * quoted) == 0;
}

static void append_pair(struct str *out, const struct daemon_setting *setting)
{
    str_printf(out, "\"%s\": %s", setting->key, setting->value);
}

/* The member of that key that counts; NULL: the file has none. */
static const struct config_place *find_place(const struct daemon_facts *daemon, const char *key)
{
    for (size_t i = daemon->place_count; i-- > 0;)
        if (strcmp(daemon->places[i].key, key) == 0)
            return &daemon->places[i];
    return NULL;
}

/* TEXT with a backslash before each of SPECIAL, as a part of sed's command. */
static void append_escaped(struct str *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            str_append_char(out, '\\');
        str_append_char(out, *text);
    }
}

static const char special_in_pattern[] = "\\/.*[]^$", special_in_replacement[] = "\\/&";

/* As append_escaped(), for a pattern; a list may go on in further lines, and be indented by tabs. */
static void append_pattern(struct str *out, const char *text)
{
    char one[2] = "";

    for (; *text; text++) {
        *one = *text;
        if (*text == '\n')
            str_append(out, "\\n");
        else if (*text == '\t')
            str_append(out, "[[:blank:]]");
        else
            append_escaped(out, one, special_in_pattern);
    }
}

/* Can what is at PLACE be printed in a command? */
static bool is_printable(const struct config_place *place)
{
    scoped(cleanup_free) char *text = mem_printf("%s%s", place->before, place->value);
    scoped_str shown = STR_INIT;

    for (const char *c = text; *c; c++)
        if ((*c < ' ' || *c > '~') && !(place->value[0] == '[' && (*c == '\n' || *c == '\t')))
            return false;
    secret_redact(&shown, text, strlen(text), true);
    return strcmp(str_text(&shown), text) == 0;
}

static void append_replacement(struct str *out, const struct config_place *place, const struct daemon_setting *setting)
{
    scoped_str command = STR_INIT;

    str_printf(&command, place->more_lines ? "%u{" : "%u", place->line);
    for (unsigned i = 0; i < place->more_lines; i++)
        str_append(&command, "N;");
    str_append(&command, "s/");
    append_pattern(&command, place->before);
    append_pattern(&command, place->value);
    str_append_char(&command, '/');
    append_escaped(&command, place->before, special_in_replacement);
    append_escaped(&command, setting->value, special_in_replacement);
    str_append_char(&command, '/');
    if (place->nth > 1)
        str_printf(&command, "%u", place->nth);
    if (place->more_lines)
        str_append(&command, ";}");
    str_append(out, " -e ");
    text_shell_quote(out, command.data);
}

/* The sed options that make SETTINGS of what the file holds. */
static void append_script(struct str *out, const struct daemon_facts *daemon, const struct file_state *file,
                          const struct daemon_setting *settings, size_t count)
{
    scoped_str added = STR_INIT;

    for (size_t i = 0; i < count; i++) {
        const struct config_place *place = find_place(daemon, settings[i].key);

        if (is_set(find_in_file(file, settings[i].flag), &settings[i]))
            continue;
        if (place) {
            append_replacement(out, place, &settings[i]);
            continue;
        }
        append_pair(&added, &settings[i]);
        str_append(&added, ", ");
    }
    if (!added.length)
        return;
    str_printf(out, " -e '%us/{/{", daemon->config_brace_line);
    append_escaped(out, added.data, special_in_replacement);
    str_append(out, "/'");
}

/* dockerd's own check of FILE, where it has one. */
static void append_validation(const struct check_input *in, const char *file, struct str *out)
{
    if (daemon_can_validate(in))
        str_printf(out, "dockerd --validate --config-file %s && ", file);
}

static void append_whole(const struct daemon_setting *settings, size_t count, struct str *out)
{
    str_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        str_append(out, i ? ", " : "");
        append_pair(out, &settings[i]);
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

/* The file is only touched when the edit has changed its copy, and dockerd takes that. */
static void append_edit(const struct check_input *in, const struct daemon_facts *daemon, const char *path,
                        const struct daemon_setting *settings, size_t count, struct str *out)
{
    struct file_state file = file_now(daemon);

    str_printf(out, "b=$(mktemp %s.XXXXXX) && ", path);
    if (daemon->config_is_blank) {
        str_append(out, "printf '%s\\n' '");
        append_whole(settings, count, out);
        str_append(out, "' >\"$b\" && ");
    } else {
        str_append(out, "sed");
        append_script(out, daemon, &file, settings, count);
        str_printf(out, " %s >\"$b\" && ! cmp -s %s \"$b\" && ", path, path);
    }
    append_validation(in, "\"$b\"", out);
    str_printf(out, "cat \"$b\" >%s && rm \"$b\" && ", path);
}

/* Is what the file has for SETTING where sed can replace it, or is there nothing yet? */
static bool can_edit_place(const struct daemon_facts *daemon, const struct daemon_setting *setting)
{
    struct file_state file = file_now(daemon);
    const struct daemon_option *option = find_in_file(&file, setting->flag);
    const struct config_place *place = find_place(daemon, setting->key);

    if (!daemon->config_exists || daemon->config_is_blank || is_set(option, setting))
        return true;
    if (!place)
        return daemon->config_brace_line && !option;
    return place->line && (place->value[0] == '[') == (setting->value[0] == '[') && is_printable(place);
}

/* Is each setting's value one that a command can write? Not where an argument has it, or the file cannot be read. */
static bool can_edit(const struct daemon_facts *daemon, const struct daemon_setting *settings, size_t count)
{
    if (!daemon || daemon->config_error || !daemon->config_path || daemon->config_path[0] != '/')
        return false;
    for (size_t i = 0; i < count; i++) {
        enum option_place place;

        daemon_option(daemon, settings[i].flag, &place);
        if (place == OPTION_CMDLINE || !can_edit_place(daemon, &settings[i]))
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
    scoped_str list = STR_INIT, what = STR_INIT, flags = STR_INIT, place_of = STR_INIT;

    for (size_t i = 0; daemon && i < count; i++) {
        enum option_place place;

        daemon_option(daemon, settings[i].flag, &place);
        if (place == OPTION_CMDLINE)
            str_printf(&flags, "%s--%s", flags.length ? ", " : "", settings[i].flag);
    }
    describe(settings, count, &list);
    daemon_arguments_place(in, &place_of);
    if (flags.length)
        message_add(&what, "set %s and remove %s from dockerd's arguments (%s)", list.data, flags.data, place_of.data);
    else
        message_add(&what, "set %s", list.data);
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
    append_effect_and_warning(in, effect, &command);
    check_remedy(in, out, "%s", str_text(&command));
    daemon_fix(in, out, settings, count, is_reload_refused(in) ? DAEMON_RESTART : effect);
}

/* ---- Members of lists ---- */

/* Can MEMBER be written between quotes as it is? */
static bool is_plain(const char *member)
{
    for (const char *c = member; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    return true;
}

/* What is left of LIST in the file as JSON, and whether anything goes; false: it cannot be written. */
static bool print_rest(const struct file_state *file, const struct daemon_list *list, struct str *ret,
                       bool *ret_changed)
{
    *ret_changed = false;
    str_append_char(ret, '[');
    for (size_t i = 0; i < file->count; i++) {
        const struct daemon_option *option = &file->options[i];

        if (option->place != OPTION_DAEMON_JSON || strcmp(option->name, list->flag) != 0)
            continue;
        if (list->is_unwanted(option->value)) {
            *ret_changed = true;
            continue;
        }
        if (!is_plain(option->value))
            return false;
        str_printf(ret, "%s\"%s\"", ret->length > 1 ? ", " : "", option->value);
    }
    str_append_char(ret, ']');
    return true;
}

static bool has_unwanted_argument(const struct daemon_facts *daemon, const struct daemon_list *list)
{
    for (size_t i = 0; i < daemon->option_count; i++)
        if (daemon->options[i].place == OPTION_CMDLINE && strcmp(daemon->options[i].name, list->flag) == 0 &&
            list->is_unwanted(daemon->options[i].value))
            return true;
    return false;
}

enum { LISTS_MAX = 2 };

/* The settings that make the lists what they must be; false: no command can. */
static bool rewrite_lists(const struct daemon_facts *daemon, const struct daemon_list *lists, size_t count,
                          struct str rests[LISTS_MAX], struct daemon_setting settings[LISTS_MAX], size_t *ret_count)
{
    struct file_state file = file_now(daemon);

    *ret_count = 0;
    for (size_t i = 0; i < count && i < LISTS_MAX; i++) {
        bool changed;

        if (has_unwanted_argument(daemon, &lists[i]) || !print_rest(&file, &lists[i], &rests[i], &changed))
            return false;
        if (changed)
            settings[(*ret_count)++] = (struct daemon_setting){lists[i].key, lists[i].flag, rests[i].data};
    }
    return can_edit(daemon, settings, *ret_count);
}

/* Does the file, as it is now, name every one of the lists? A reload ignores those that it does not. */
static bool names_lists(const struct daemon_facts *daemon, const struct daemon_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!find_place(daemon, lists[i].key))
            return false;
    return true;
}

/* WORDS, and the flags among dockerd's arguments that have unwanted members. */
static void say_lists(const struct check_input *in, struct check_result *out, const struct daemon_list *lists,
                      size_t count, enum daemon_effect effect, const char *words)
{
    const struct daemon_facts *daemon = known_daemon(in);
    scoped_str what = STR_INIT, flags = STR_INIT, place = STR_INIT;

    for (size_t i = 0; daemon && i < count; i++)
        if (has_unwanted_argument(daemon, &lists[i]))
            str_printf(&flags, "%s--%s", flags.length ? ", " : "", lists[i].flag);
    daemon_arguments_place(in, &place);
    if (flags.length)
        message_add(&what, "%s, and %s from dockerd's arguments (%s)", words, flags.data, place.data);
    else
        str_append(&what, words);
    daemon_remedy_words(in, out, str_text(&what), flags.length ? DAEMON_RESTART : effect);
}

void daemon_remedy_lists(const struct check_input *in, struct check_result *out, const struct daemon_list *lists,
                         size_t count, enum daemon_effect effect, const char *words, const char *note)
{
    const struct daemon_facts *daemon = known_daemon(in);
    struct str rests[LISTS_MAX] = {STR_INIT, STR_INIT};
    struct daemon_setting settings[LISTS_MAX];
    scoped_str path = STR_INIT, command = STR_INIT;
    size_t changes = 0;

    if (!in->explain || check_is_podman(in))
        return;
    if (!daemon || !rewrite_lists(daemon, lists, count, rests, settings, &changes) || !daemon->config_exists) {
        say_lists(in, out, lists, count, effect, words);
    } else {
        text_shell_quote(&path, daemon->config_path);
        if (changes)
            append_edit(in, daemon, str_text(&path), settings, changes, &command);
        else
            append_validation(in, str_text(&path), &command);
        append_effect_and_warning(in, changes || names_lists(daemon, lists, count) ? effect : DAEMON_RESTART, &command);
        str_printf(&command, "; %s", note);
        check_remedy(in, out, "%s", str_text(&command));
        daemon_fix(in, out, settings, changes,
                   is_reload_refused(in) || !(changes || names_lists(daemon, lists, count)) ? DAEMON_RESTART : effect);
    }
    for (size_t i = 0; i < LISTS_MAX; i++)
        str_deinit(&rests[i]);
}
