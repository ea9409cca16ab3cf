/* What several check families share. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

const struct container_facts *check_container(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct container_facts *container = store_container(in->store, in->key, &why);

    if (!container)
        check_error(in, out, "container", why);
    return container;
}

static const char *engine_command(const struct check_input *in)
{
    const struct version_facts *version = store_version(in->store, NULL);

    return version && version->is_podman ? "podman" : "docker";
}

static void quote_name(const struct check_input *in, struct str *out)
{
    const struct container_facts *container = store_container(in->store, in->key, NULL);

    text_shell_quote(out, container && *container->name ? container->name : in->key);
}

/* The service whose task the container is: what is changed on the task alone its service undoes. False: none. */
static bool quote_service(const struct check_input *in, struct str *out)
{
    static const char label[] = "com.docker.swarm.service.name=";
    const struct container_facts *container = store_container(in->store, in->key, NULL);

    for (size_t i = 0; container && container->is_swarm_task && i < container->labels.count; i++)
        if (str_starts(container->labels.items[i], label)) {
            text_shell_quote(out, container->labels.items[i] + strlen(label));
            return true;
        }
    return false;
}

void check_remedy_recreate(const struct check_input *in, struct check_result *out, const char *how)
{
    scoped_str name = STR_INIT;

    if (!in->explain)
        return;
    if (quote_service(in, &name)) {
        check_remedy(in, out, "docker service update <options> %s  # so that its tasks are created %s", name.data, how);
        return;
    }
    quote_name(in, &name);
    check_remedy(in, out, "%s rm -f %s  # then create it again %s", engine_command(in), name.data, how);
}

void check_remedy_container(const struct check_input *in, struct check_result *out, const char *command,
                            const char *service_options)
{
    scoped_str name = STR_INIT;

    if (!in->explain)
        return;
    if (service_options && quote_service(in, &name)) {
        check_remedy(in, out, "docker service update %s %s", service_options, name.data);
        return;
    }
    quote_name(in, &name);
    check_remedy(in, out, "%s %s %s", engine_command(in), command, name.data);
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
