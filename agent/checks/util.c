/* What several check families share. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/task.h"
#include "common/text.h"

const struct container_facts *check_container(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct container_facts *container = store_container(in->store, in->key, &why);

    if (!container)
        check_error(in, out, "container", why);
    return container;
}

bool check_is_podman(const struct check_input *in)
{
    const struct version_facts *version = store_version(in->store, NULL);
    const struct daemon_facts *daemon = version ? NULL : store_daemon(in->store, NULL);

    return version ? version->is_podman : daemon && daemon->podman;
}

const char *check_engine_command(const struct check_input *in)
{
    return check_is_podman(in) ? "podman" : "docker";
}

/* Is the engine a podman below VERSION? One whose version is not a number is taken for a newer one. */
static bool is_podman_below(const struct check_input *in, const char *below)
{
    const struct version_facts *version = store_version(in->store, NULL);

    return version && version->is_podman && check_is_version(version->version) &&
           check_version_compare(version->version, below) < 0;
}

/* Of one without a name the id, as far as docker prints it. */
static void quote_name(const struct check_input *in, const char *ending, struct str *out)
{
    enum { SHORT_ID = 12 };
    const struct container_facts *container = store_container(in->store, in->key, NULL);
    scoped_str name = STR_INIT;

    if (container && *container->name)
        str_append(&name, container->name);
    else
        str_append_n(&name, in->key, strlen(in->key) < SHORT_ID ? strlen(in->key) : SHORT_ID);
    str_append(&name, ending);
    text_shell_quote(out, name.data);
}

/* The value of one of the container's labels; NULL: it has none, or one that is too long to be whole. */
static const char *label_value(const struct container_facts *container, const char *name)
{
    enum { WHOLE_MAX = 255 };

    for (size_t i = 0; container && i < container->labels.count; i++) {
        const char *label = container->labels.items[i];

        if (str_starts(label, name) && label[strlen(name)] == '=')
            return strlen(label + strlen(name) + 1) > WHOLE_MAX ? NULL : label + strlen(name) + 1;
    }
    return NULL;
}

/* A container of a compose project is made anew by it: "in /srv/compose.yaml, service web" and the command that does
 * so. False: it is of none. */
static bool print_compose(const struct check_input *in, struct str *ret_place, struct str *ret_command)
{
    const struct container_facts *container = store_container(in->store, in->key, NULL);
    const char *project = label_value(container, "com.docker.compose.project");
    const char *service = label_value(container, "com.docker.compose.service");
    const char *files = label_value(container, "com.docker.compose.project.config_files");

    if (str_empty(project) || str_empty(service))
        return false;
    str_append(ret_place, "in ");
    str_append(ret_place, str_empty(files) ? "the compose file" : files);
    str_append(ret_place, ", service ");
    str_append(ret_place, service);
    str_append(ret_command, is_podman_below(in, "4.7") ? "podman-compose" : check_engine_command(in));
    str_append(ret_command, is_podman_below(in, "4.7") ? "" : " compose");
    for (const char *file = files; file && *file; file += strcspn(file, ","), file += *file == ',') {
        scoped(cleanup_free) char *one = mem_strndup(file, strcspn(file, ","));

        str_append(ret_command, " -f ");
        text_shell_quote(ret_command, one);
    }
    str_append(ret_command, " -p ");
    text_shell_quote(ret_command, project);
    str_append(ret_command, " up -d ");
    text_shell_quote(ret_command, service);
    return true;
}

/* The unit that makes a container of podman's anew at each start; it may remove the old one when that is stopped. NULL:
 * none does. */
static const char *podman_unit(const struct check_input *in)
{
    const char *unit = label_value(store_container(in->store, in->key, NULL), "PODMAN_SYSTEMD_UNIT");

    return check_is_podman(in) && !str_empty(unit) ? unit : NULL;
}

/* One line for a shell, which takes it as a comment: text of labels must not end it. */
static void remedy_comment(const struct check_input *in, struct check_result *out, const struct str *text)
{
    scoped_str shown = STR_INIT;

    text_escape(&shown, text->data, text->length, SIZE_MAX);
    check_remedy(in, out, "# %s", str_text(&shown));
}

/* The service whose task the container is: what is changed on the task alone its service undoes. False: none that this
 * node has. */
static bool quote_service(const struct check_input *in, struct str *out)
{
    static const char label[] = "com.docker.swarm.service.name=";
    const struct container_facts *container = store_container(in->store, in->key, NULL);

    if (!container || check_is_podman(in) || check_task(in, container).state != TASK_REAL)
        return false;
    for (size_t i = 0; i < container->labels.count; i++)
        if (str_starts(container->labels.items[i], label)) {
            text_shell_quote(out, container->labels.items[i] + strlen(label));
            return true;
        }
    return false;
}

static bool is_removed_when_stopped(const struct check_input *in)
{
    const struct container_facts *container = store_container(in->store, in->key, NULL);

    return container && container->auto_remove;
}

void check_remedy_recreate(const struct check_input *in, struct check_result *out, const char *how, const char *service)
{
    scoped_str name = STR_INIT, old = STR_INIT, file = STR_INIT, place = STR_INIT, command = STR_INIT, text = STR_INIT;
    const char *engine = check_engine_command(in);

    if (!in->explain)
        return;
    if (quote_service(in, &name)) {
        if (!service)
            check_remedy(in, out, "# services have no option for it: run it %s", how);
        else if (*service == '#')
            check_remedy(in, out, "%s", service);
        else
            check_remedy(in, out, "docker service update %s %s", service, name.data);
        return;
    }
    if (print_compose(in, &place, &command)) {
        str_printf(&text, "%s: have it created %s; then %s", place.data, how, command.data);
        remedy_comment(in, out, &text);
        return;
    }
    if (podman_unit(in)) {
        text_shell_quote(&name, podman_unit(in));
        str_printf(&text,
                   "systemctl cat %s shows what makes it: have it created %s there (in its .container file, or in "
                   "ExecStart=); then systemctl daemon-reload && systemctl restart %s (with --user for a user's unit)",
                   name.data, how, name.data);
        remedy_comment(in, out, &text);
        return;
    }
    quote_name(in, "", &name);
    if (is_removed_when_stopped(in)) {
        quote_name(in, ".json", &file);
        str_printf(
            &text,
            "it runs with --rm, so that stopping it removes it with its anonymous volumes (copy what is in them with "
            "%s cp first): keep its options: %s inspect %s > %s; keep its files: %s commit %s; make the new one: %s "
            "stop %s && %s run -d --name %s OPTIONS IMAGE (those of the file, but %s)",
            engine, engine, name.data, file.data, engine, name.data, engine, name.data, engine, name.data, how);
        remedy_comment(in, out, &text);
        return;
    }
    quote_name(in, "-old", &old);
    quote_name(in, ".json", &file);
    str_printf(
        &text,
        "keep its options: %s inspect %s > %s; make the new one: %s stop %s && %s rename %s %s && %s run -d --name "
        "%s OPTIONS IMAGE (those of the file, but %s); when it works: %s rm %s",
        engine, name.data, file.data, engine, name.data, engine, name.data, old.data, engine, name.data, how, engine,
        old.data);
    remedy_comment(in, out, &text);
}

void check_remedy_container(const struct check_input *in, struct check_result *out, const char *command,
                            const char *service_options)
{
    static const char update[] = "update ";
    const char *unit = podman_unit(in);
    scoped_str name = STR_INIT, place = STR_INIT, up = STR_INIT;

    if (!in->explain)
        return;
    if (service_options && quote_service(in, &name)) {
        check_remedy(in, out, "docker service update %s %s", service_options, name.data);
        return;
    }
    if (str_starts(command, update) && is_podman_below(in, "5.4")) { /* it forgets the change, or the other limits */
        scoped_str how = STR_INIT;

        str_printf(&how, "with %s", command + strlen(update));
        check_remedy_recreate(in, out, how.data, NULL);
        return;
    }
    quote_name(in, "", &name);
    check_remedy(in, out, "%s %s %s", check_engine_command(in), command, name.data);
    if (str_starts(command, update) && unit) {
        str_append(&out->remedy, "  # and in its unit, ");
        text_escape(&out->remedy, unit, strlen(unit), SIZE_MAX);
        str_append(&out->remedy, ", or its next start undoes it");
    } else if (str_starts(command, update) && print_compose(in, &place, &up)) {
        str_append(&out->remedy, "  # and ");
        text_escape(&out->remedy, place.data, place.length, SIZE_MAX);
        str_append(&out->remedy, ", or its next \"up\" undoes it");
    }
}

const struct param_value *check_param(const struct check_input *in, const char *name)
{
    const struct param_spec *spec = in->rule->check->params;
    size_t i = 0;

    while (strcmp(spec[i].name, name) != 0)
        i++;
    return &in->rule->params[i];
}

bool check_allowed(const struct check_input *in, const char *param, const char *s)
{
    const struct string_list *allowed = &check_param(in, param)->list;

    for (size_t i = 0; i < allowed->count; i++)
        if (text_glob(allowed->items[i], s))
            return true;
    return false;
}

bool check_parse_bool(const char *s, bool *ret)
{
    static const char *const words[2][6] = {{"0", "f", "F", "false", "False", "FALSE"},
                                            {"1", "t", "T", "true", "True", "TRUE"}};

    for (size_t value = 0; value < countof(words); value++)
        for (size_t i = 0; i < countof(words[value]); i++)
            if (strcmp(words[value][i], s) == 0) {
                *ret = value;
                return true;
            }
    return false;
}

void check_path_clean(const char *path, struct str *ret)
{
    str_clear(ret);
    while (*path) {
        size_t length = strcspn(path, "/");

        if (length == 2 && path[0] == '.' && path[1] == '.') {
            char *slash = ret->length ? strrchr(ret->data, '/') : NULL;

            if (slash)
                *(ret->data + (ret->length = (size_t)(slash - ret->data))) = '\0';
        } else if (length && !(length == 1 && *path == '.')) {
            str_append_char(ret, '/');
            str_append_n(ret, path, length);
        }
        path += length;
        path += strspn(path, "/");
    }
    if (!ret->length)
        str_append_char(ret, '/');
}

bool check_path_within(const char *path, const char *root)
{
    size_t length = strlen(root);

    while (length > 1 && root[length - 1] == '/')
        length--;
    if (length == 1)
        return *path == '/';
    return strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length]);
}
