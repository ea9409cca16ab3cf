/* Labels of compose: docs.docker.com/compose, pkg/api/labels.go in docker/compose; of docker-compose 1:
 * compose/const.py. Of Kubernetes: the kubelet's labels of dockershim and cri-dockerd; of ECS: the task metadata that
 * its agent sets as labels; of Nomad: its docker driver; of podman: podman-run(1), PODMAN_SYSTEMD_UNIT. */
#include "agent/checks/managed.h"

#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/task.h"
#include "common/text.h"

enum { WHOLE_MAX = 255 }; /* a longer value may have been cut */

static const char *value_in(const struct string_list *labels, const char *name)
{
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->items[i];

        if (str_starts(label, name) && label[strlen(name)] == '=')
            return label + strlen(name) + 1;
    }
    return NULL;
}

/* NULL: the container has no such label, an empty one, or one that is not whole. */
static const char *label_value(const struct container_facts *container, const char *name)
{
    const char *value = value_in(&container->labels, name);

    return str_empty(value) || strlen(value) > WHOLE_MAX ? NULL : value;
}

/* The same of labels that lead to files or units: an image's own label of that name is not what made the container. */
static const char *own_label(const struct check_input *in, const struct container_facts *container, const char *name)
{
    const struct image_facts *image = store_image(in->store, container->image_id, NULL);
    const char *value = label_value(container, name);

    return value && image && str_equal(value_in(&image->labels, name), value) ? NULL : value;
}

/* As compose names services, and projects: what else a label says was not written by compose. */
static bool is_compose_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return name && *name != '-' && !name[strspn(name, letters)];
}

static bool find_compose(const struct check_input *in, const struct container_facts *container, struct managed *ret)
{
    const char *project = label_value(container, "com.docker.compose.project");
    const char *service = label_value(container, "com.docker.compose.service");
    const char *version = label_value(container, "com.docker.compose.version");

    if (!is_compose_name(project) || !is_compose_name(service))
        return false;
    *ret = (struct managed){
        .by = MANAGER_COMPOSE,
        .project = project,
        .service = service,
        .files = own_label(in, container, "com.docker.compose.project.config_files"),
        .folder = own_label(in, container, "com.docker.compose.project.working_dir"),
        .environment_files = own_label(in, container, "com.docker.compose.project.environment_file"),
        .is_one_off = str_equal(label_value(container, "com.docker.compose.oneoff"), "True"),
        .is_first_version = version && str_starts(version, "1."),
    };
    if (str_equal(ret->files, "-")) /* standard input */
        ret->files = NULL;
    if (ret->folder && *ret->folder != '/')
        ret->folder = NULL;
    return true;
}

/* The service whose task the container is, as far as this node knows it. */
static bool find_swarm(const struct check_input *in, const struct container_facts *container, struct managed *ret)
{
    const char *service = value_in(&container->labels, "com.docker.swarm.service.name");

    if (!service || check_is_podman(in) || check_task(in, container).state != TASK_REAL)
        return false;
    *ret = (struct managed){
        .by = MANAGER_SWARM, .service = service, .stack = label_value(container, "com.docker.stack.namespace")};
    return true;
}

static bool find_orchestrator(const struct container_facts *container, struct managed *ret)
{
    const char *pod = label_value(container, "io.kubernetes.pod.name");
    const char *family = label_value(container, "com.amazonaws.ecs.task-definition-family");
    const char *allocation = label_value(container, "com.hashicorp.nomad.alloc_id");
    const char *name;

    if (pod) {
        name = label_value(container, "io.kubernetes.container.name");
        *ret = (struct managed){.by = MANAGER_KUBERNETES,
                                .pod = pod,
                                .project = label_value(container, "io.kubernetes.pod.namespace"),
                                .service = name ? name : ""};
        if (!ret->project)
            ret->project = "default";
    } else if (family) {
        name = label_value(container, "com.amazonaws.ecs.container-name");
        *ret = (struct managed){.by = MANAGER_ECS, .project = family, .service = name ? name : ""};
    } else if (allocation) {
        *ret = (struct managed){.by = MANAGER_NOMAD, .project = allocation, .service = ""};
    }
    return ret->by != MANAGER_NONE;
}

struct managed check_managed(const struct check_input *in)
{
    const struct container_facts *container = store_container(in->store, in->key, NULL);
    struct managed managed = {.by = MANAGER_NONE};
    const char *unit;

    if (!container || find_swarm(in, container, &managed) || find_orchestrator(container, &managed) ||
        find_compose(in, container, &managed))
        return managed;
    unit = check_is_podman(in) ? own_label(in, container, "PODMAN_SYSTEMD_UNIT") : NULL;
    if (unit)
        managed = (struct managed){.by = MANAGER_UNIT, .unit = unit};
    return managed;
}

/* Calls EACH for every path in LIST, which are separated by commas; those that are relative are so to FOLDER. False:
 * one of them cannot be found from anywhere. */
static bool each_path(const char *list, const char *folder, void (*each)(struct str *out, const char *path, size_t at),
                      struct str *out, size_t *ret_count)
{
    *ret_count = 0;
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',') {
        scoped_str path = STR_INIT;

        if (*at != '/' && !folder)
            return false;
        if (*at != '/')
            str_printf(&path, "%s/", folder);
        str_append_n(&path, at, strcspn(at, ","));
        if (each)
            each(out, path.data, *ret_count);
        ++*ret_count;
    }
    return true;
}

static void add_name(struct str *out, const char *path, size_t at)
{
    str_append(out, at ? ", " : "");
    str_append(out, path);
}

static void add_file(struct str *out, const char *path, size_t at)
{
    (void)at;
    str_append(out, " -f ");
    text_shell_quote(out, path);
}

static void add_environment(struct str *out, const char *path, size_t at)
{
    (void)at;
    str_append(out, " --env-file ");
    text_shell_quote(out, path);
}

void managed_compose_files(const struct managed *managed, struct str *out, size_t *ret_count)
{
    if (!each_path(managed->files, managed->folder, NULL, NULL, ret_count)) {
        *ret_count = 0;
        return;
    }
    each_path(managed->files, managed->folder, add_name, out, ret_count);
}

/* Is FOLDER the one that compose would take by itself, that of the first file? */
static bool is_folder_of(const char *files, const char *folder)
{
    size_t first = strcspn(files, ","), length = strlen(folder);

    if (*files != '/')
        return !memchr(files, '/', first);
    while (first && files[first - 1] != '/')
        first--;
    return first == length + 1 && strncmp(files, folder, length) == 0;
}

void managed_compose_command(const struct managed *managed, const char *program, struct str *out)
{
    size_t count;
    bool known = each_path(managed->files, managed->folder, NULL, NULL, &count) && count;
    /* docker-compose 1 does not see that "pid" has changed, and what it is forced to do it does to other services too
     */
    const char *up = managed->is_one_off         ? "run --rm"
                     : managed->is_first_version ? "up -d --no-deps --force-recreate"
                                                 : "up -d";

    if (!known && managed->folder) { /* it finds its files from there */
        str_append(out, "cd ");
        text_shell_quote(out, managed->folder);
        str_append(out, " && ");
    }
    str_append(out, program);
    if (known)
        each_path(managed->files, managed->folder, add_file, out, &count);
    if (known && managed->folder && !is_folder_of(managed->files, managed->folder)) {
        str_append(out, " --project-directory ");
        text_shell_quote(out, managed->folder);
    }
    if (each_path(managed->environment_files, managed->folder, NULL, NULL, &count))
        each_path(managed->environment_files, managed->folder, add_environment, out, &count);
    str_printf(out, " -p %s %s %s", managed->project, up, managed->service);
}
