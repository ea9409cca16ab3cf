/* Whatever comes from labels and names is in quotes where a shell would run it, and escaped where it is a comment. */
#include "agent/checks/remedy.h"

#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/managed.h"
#include "common/text.h"

enum { SHORT_ID = 12, LISTED_MAX = 32, ITEM_MAX = 256 };

bool check_remedy_list(struct str *ret, size_t *count, const char *separator, const char *item)
{
    if (*count == LISTED_MAX || strlen(item) > ITEM_MAX)
        return false;
    ++*count;
    str_append(ret, ret->length ? separator : "");
    text_shell_quote(ret, item);
    return true;
}

const struct remedy_change remedy_not_privileged = {
    .how = M_("without --privileged"), .key = "privileged", .compose = M_("remove privileged: true")};

/* Is the engine a podman below VERSION? One whose version is not a number is taken for a newer one. */
static bool is_podman_below(const struct check_input *in, const char *below)
{
    const struct version_facts *version = store_version(in->store, NULL);

    return version && version->is_podman && check_is_version(version->version) &&
           check_version_compare(version->version, below) < 0;
}

/* Of one without a name the id, as far as docker prints it. */
static void print_name(const struct check_input *in, struct str *out)
{
    const struct container_facts *container = store_container(in->store, in->key, NULL);

    if (container && *container->name)
        str_append(out, container->name);
    else
        str_append_n(out, in->key, strnlen(in->key, SHORT_ID));
}

static void quote_name(const struct check_input *in, const char *ending, struct str *out)
{
    scoped_str name = STR_INIT;

    print_name(in, &name);
    str_append(&name, ending);
    text_shell_quote(out, name.data);
}

/* A file in the home of whoever follows the remedy, which no name leads out of. */
static void quote_file(const struct check_input *in, struct str *out)
{
    scoped_str name = STR_INIT;

    print_name(in, &name);
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == '/' || (!i && name.data[i] == '.'))
            name.data[i] = '_';
    str_append(&name, ".json");
    str_append(out, "~/");
    text_shell_quote(out, name.data);
}

/* Keeps a container's options, secrets among them, where there is no such file yet. */
static void print_keeping(const struct check_input *in, struct str *out)
{
    scoped_str name = STR_INIT, file = STR_INIT;

    quote_name(in, "", &name);
    quote_file(in, &file);
    str_printf(out, "(umask 077; set -C; %s inspect %s > %s)", check_engine_command(in), name.data, file.data);
}

/* For programs, in English. */
static void write_change(struct json_out *details, const char *change)
{
    scoped_str english = STR_INIT;

    json_out_string(details, "change", message_english(change, &english));
}

/* What a remedy in words is for programs. */
static struct json_out *set_kind(struct check_result *out, enum fix_kind kind, enum fix_effect effect)
{
    fix_clear(&out->fix);
    out->fix.kind = kind;
    out->fix.effect = effect;
    out->fix.need = FIX_WORDS;
    return fix_details(&out->fix);
}

/* ---- What something else made ---- */

/* What stands for "docker compose" on this host. */
static const char *compose_program(const struct check_input *in, const struct managed *managed)
{
    if (check_is_podman(in))
        return is_podman_below(in, "4.7") ? "podman-compose" : "podman compose";
    return managed->is_first_version ? "docker-compose" : "docker compose";
}

static void remedy_compose(const struct check_input *in, struct check_result *out, const struct managed *managed,
                           const struct remedy_change *change)
{
    scoped_str files = STR_INIT, command = STR_INIT;
    struct json_out *details;
    size_t count;

    managed_compose_files(managed, &files, &count);
    managed_compose_command(managed, compose_program(in, managed), &command);
    if (count == 1)
        check_remedy_note(in, out, "in %s, service %s: %s; then: %s", files.data, managed->service, change->compose,
                          command.data);
    else if (count)
        check_remedy_note(in, out, "in whichever of %s sets it, service %s: %s; then: %s", files.data, managed->service,
                          change->compose, command.data);
    else
        check_remedy_note(in, out, "in the compose file of project %s, service %s: %s; then: %s", managed->project,
                          managed->service, change->compose, command.data);
    details = set_kind(out, FIX_COMPOSE, FIX_RECREATES);
    json_out_string(details, "project", managed->project);
    json_out_string(details, "service", managed->service);
    json_out_string(details, "files", count ? files.data : NULL);
    json_out_string(details, "key", change->key);
    write_change(details, change->compose);
    json_out_string(details, "apply", command.data);
}

static void remedy_service(const struct check_input *in, struct check_result *out, const struct managed *managed,
                           const struct remedy_change *change)
{
    scoped_str name = STR_INIT;

    text_shell_quote(&name, managed->service);
    if (!change->service) {
        check_remedy_note(in, out, "services have no option for this: run it %s", change->how);
        return;
    }
    if (*change->service == '#') {
        check_remedy(in, out, "%s", change->service);
        return;
    }
    check_remedy(in, out, "docker service update %s %s", change->service, name.data);
    out->fix.kind = FIX_SERVICE;
    out->fix.effect = FIX_RECREATES;
    out->fix.need = change->need == FIX_WORDS ? FIX_WORDS : FIX_DECISION;
    json_out_string(fix_details(&out->fix), "service", managed->service);
    json_out_string(fix_details(&out->fix), "stack", managed->stack);
    if (managed->stack)
        check_remedy_note(in, out, "also change the stack file of %s, or the next \"stack deploy\" undoes this",
                          managed->stack);
}

static void remedy_orchestrator(const struct check_input *in, struct check_result *out, const struct managed *managed,
                                const struct remedy_change *change)
{
    if (managed->by == MANAGER_KUBERNETES)
        check_remedy_note(
            in, out,
            "created by Kubernetes: in the manifest of pod %s in namespace %s, container %s, have it created %s; "
            "then: kubectl apply -f MANIFEST",
            managed->pod, managed->project, managed->service, change->how);
    else if (managed->by == MANAGER_ECS)
        check_remedy_note(
            in, out,
            "created by Amazon ECS: in task definition %s, container %s, have it created %s; then update the "
            "service that runs it",
            managed->project, managed->service, change->how);
    else
        check_remedy_note(
            in, out, "created by Nomad: in the job of allocation %s, have it created %s; then: nomad job run JOB_FILE",
            managed->project, change->how);
    write_change(set_kind(out, FIX_MANAGER, FIX_RECREATES), change->how);
}

/* It may remove the old container when that is stopped. */
static void remedy_unit(const struct check_input *in, struct check_result *out, const struct managed *managed,
                        const struct remedy_change *change)
{
    scoped_str unit = STR_INIT;

    text_shell_quote(&unit, managed->unit);
    check_remedy_note(
        in, out,
        "systemctl cat %s shows what creates it: have it created %s there (in its .container file, or in "
        "ExecStart=); then systemctl daemon-reload && systemctl restart %s (with --user for a user's unit)",
        unit.data, change->how, unit.data);
    write_change(set_kind(out, FIX_MANAGER, FIX_RECREATES), change->how);
}

/* ---- What nothing else describes ---- */

static void remedy_plain(const struct check_input *in, struct check_result *out, const char *how)
{
    scoped_str name = STR_INIT, old = STR_INIT, keeping = STR_INIT;
    const struct container_facts *container = store_container(in->store, in->key, NULL);
    const char *engine = check_engine_command(in);

    quote_name(in, "", &name);
    print_keeping(in, &keeping);
    if (container && container->auto_remove) {
        check_remedy_note(
            in, out,
            "it runs with --rm, so stopping it removes it with its anonymous volumes (copy their contents with "
            "%s cp first); save its options: %s; save its files: %s commit %s; create the new one: %s stop %s && %s "
            "run "
            "-d --name %s OPTIONS IMAGE (those of the file, but %s)",
            engine, keeping.data, engine, name.data, engine, name.data, engine, name.data, how);
    } else {
        quote_name(in, "-old", &old);
        check_remedy_note(
            in, out,
            "save its options: %s; create the new one: %s stop %s && %s rename %s %s && %s run -d --name %s OPTIONS "
            "IMAGE (those of the file, but %s); when it works: %s rm %s",
            keeping.data, engine, name.data, engine, name.data, old.data, engine, name.data, how, engine, old.data);
    }
    write_change(set_kind(out, FIX_CONTAINER, FIX_RECREATES), how);
}

void check_remedy_recreate(const struct check_input *in, struct check_result *out, const struct remedy_change *change)
{
    struct managed managed;

    if (!in->explain)
        return;
    managed = check_managed(in);
    switch (managed.by) {
    case MANAGER_SWARM:
        remedy_service(in, out, &managed, change);
        break;
    case MANAGER_KUBERNETES:
    case MANAGER_ECS:
    case MANAGER_NOMAD:
        remedy_orchestrator(in, out, &managed, change);
        break;
    case MANAGER_COMPOSE:
        remedy_compose(in, out, &managed, change);
        break;
    case MANAGER_UNIT:
        remedy_unit(in, out, &managed, change);
        break;
    case MANAGER_NONE:
        remedy_plain(in, out, change->how);
        break;
    }
}

/* ---- On the container as it runs ---- */

void check_remedy_look(const struct check_input *in, struct check_result *out, const char *command)
{
    scoped_str name = STR_INIT;

    if (!in->explain)
        return;
    quote_name(in, "", &name);
    check_remedy(in, out, "%s %s %s", check_engine_command(in), command, name.data);
    fix_clear(&out->fix);
}

/* What undoes it, as a comment after the command. */
static void note_undoing(const struct check_input *in, struct check_result *out, const struct managed *managed,
                         const struct remedy_change *change)
{
    scoped_str files = STR_INIT;
    size_t count;

    if (managed->by == MANAGER_UNIT) {
        check_remedy_note(in, out, "also change its unit, %s, or its next start undoes this", managed->unit);
    } else if (managed->by == MANAGER_COMPOSE) {
        managed_compose_files(managed, &files, &count);
        if (count)
            check_remedy_note(in, out, "also in %s, service %s: %s, or the next \"up\" undoes this", files.data,
                              managed->service, change->compose);
        else
            check_remedy_note(in, out,
                              "also in the compose file of project %s, service %s: %s, or the next \"up\" undoes this",
                              managed->project, managed->service, change->compose);
    }
}

void check_remedy_update(const struct check_input *in, struct check_result *out, const char *command,
                         const struct remedy_change *change)
{
    struct managed managed;
    scoped_str name = STR_INIT;

    if (!in->explain)
        return;
    managed = check_managed(in);
    if ((managed.by == MANAGER_SWARM && change->service) || managed.by == MANAGER_KUBERNETES ||
        managed.by == MANAGER_ECS || managed.by == MANAGER_NOMAD ||
        (str_starts(command, "update ") && is_podman_below(in, "5.4"))) { /* it forgets the change, or other limits */
        check_remedy_recreate(in, out, change);
        return;
    }
    quote_name(in, "", &name);
    check_remedy(in, out, "%s %s %s", check_engine_command(in), command, name.data);
    out->fix.need = change->need;
    note_undoing(in, out, &managed, change);
}
