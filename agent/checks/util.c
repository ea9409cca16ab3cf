/* What several check families share. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

const struct container_facts *check_container(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct container_facts *container = store_container(in->store, in->key, &why);

    if (!container)
        check_error(in, out, M_("container"), why);
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
