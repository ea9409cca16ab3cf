/* Each case once more for each member of the engine's documents that it has, with that member changed. */
#include "case_members.h"

#include <string.h>

#include "case_documents.h"
#include "common/text.h"

/* What an engine leaves out where there is nothing, and members of maps whose keys are free: without it there is
 * nothing; and lists and maps of nothing, which may be null, as Go writes them. Paths are globs, of which the first
 * that fits counts. */
static const struct {
    const char *document, *path;
    bool may_be_absent, may_be_null;
} optional[] = {
    {"containers", "Mounts", false, true},
    {"containers", "HostConfig.Binds", false, true},
    {"containers", "HostConfig.CapAdd", false, true},
    {"containers", "HostConfig.CapDrop", false, true},
    {"containers", "HostConfig.SecurityOpt", false, true},
    {"containers", "HostConfig.Devices", false, true},
    {"containers", "HostConfig.DeviceRequests", false, true},
    {"containers", "HostConfig.DeviceCgroupRules", false, true},
    {"containers", "HostConfig.Mounts", true, true},
    {"containers", "HostConfig.Mounts[].*", true, false},
    {"containers", "HostConfig.PidsLimit", false, true},
    {"containers", "HostConfig.PortBindings", false, true},
    {"containers", "HostConfig.PortBindings.*/???", true, true},
    {"containers", "HostConfig.PortBindings.*/sctp", true, true},
    {"containers", "HostConfig.PortBindings.*.HostIp", true, false},
    {"containers", "HostConfig.Ulimits", false, true},
    {"containers", "NetworkSettings.Ports", false, true},
    {"containers", "NetworkSettings.Ports.*/???", true, true},
    {"containers", "NetworkSettings.Ports.*/sctp", true, true},
    {"containers", "NetworkSettings.Ports.*.HostIp", true, false},
    {"containers", "NetworkSettings.Networks", false, true},
    {"containers", "NetworkSettings.Networks.*", true, true},
    {"containers", "Config.Cmd", true, true},
    {"containers", "Config.Entrypoint", true, true},
    {"containers", "Config.Env", true, true},
    {"containers", "Config.ExposedPorts*", true, true},
    {"containers", "Config.Healthcheck*", true, true},
    {"containers", "Config.Labels", true, true},
    {"containers", "Config.Labels.*", true, false},
    {"containers", "Created", true, false},
    {"containers", "ExecIDs", true, true},
    {"containers", "Name", true, false},
    {"containers", "State.Health", true, true},
    {"containers", "State.Health.*", true, false},
    {"containers", "State.*At", true, false},
    {"containers", "State.Status", true, false},
    {"containers", "State.Restarting", true, false},
    {"exec", "ProcessConfig.user", true, false},
    {"image", "Config.Cmd", true, true},
    {"image", "Config.Entrypoint", true, true},
    {"image", "Config.Env", true, true},
    {"image", "Config.ExposedPorts*", true, true},
    {"image", "Config.Healthcheck*", true, true},
    {"image", "Config.Labels", true, true},
    {"image", "Config.Labels.*", true, false},
    {"image", "Descriptor*", true, false},
    {"image", "Identity*", true, false},
    {"image", "Manifests*", true, false},
    {"image", "Repo*", false, true},
    {"image", "RootFS.Layers", true, true},
    {"images", "[].Repo*", false, true},
    {"info", "DriverStatus", false, true},
    {"info", "Plugins.Authorization", false, true},
    {"info", "RegistryConfig.IndexConfigs.*.Secure", false, false},
    {"info", "RegistryConfig.IndexConfigs.*.Mirrors", false, true},
    {"info", "RegistryConfig.IndexConfigs.*", true, false}, /* any registry's name */
    {"info", "RegistryConfig.*", false, true},
    {"info", "SecurityOptions", false, true},
    {"info", "Swarm.Cluster*", true, false}, /* of a manager with a leader */
    {"info", "Warnings", true, true},
    {"networks", "[].Options", false, true},
    {"networks", "[].Options.*", true, false},
    {"services", "[].Endpoint", true, false},
    {"services", "[].Endpoint.Ports", true, true},
    {"services", "[].Endpoint.Ports[].*", true, false},
    {"services", "[].Spec.EndpointSpec", true, false},
    {"services", "[].Spec.EndpointSpec.Ports", true, true},
    {"services", "[].Spec.EndpointSpec.Ports[].*", true, false},
    {"services", "[].Spec.Labels", true, true},
    {"services", "[].Spec.Labels.*", true, false},
    {"services", "[].Spec.TaskTemplate.ContainerSpec.Labels.*", true, false},
    {"services", "[].Spec.TaskTemplate.ContainerSpec.Healthcheck", true, false},
    {"services", "[].Spec.TaskTemplate.ContainerSpec.*", true, true},
    {"services", "[].Spec.Name", true, false},
    {"tasks", "[].ServiceID", true, false},
    {"tasks", "[].Status.ContainerStatus*", true, false},
    {"version", "Components", true, false}, /* which tells podman */
    {"version", "Experimental", true, false},
};

/* Numbers below zero that an engine sends: dates before 1970, of builds that leave the date out. */
static bool may_be_negative(const char *document, const char *path)
{
    return strcmp(document, "images") == 0 && strcmp(path, "[].Created") == 0;
}

/* Members without which a rule is judged by the next place that it reads, as where an engine does not report it. */
static const struct {
    const char *check, *path;
} elsewhere[] = {
    {"container-selinux", "SecurityOptions"},         {"container-apparmor", "SecurityOptions"},
    {"container-seccomp", "SecurityOptions"},         {"daemon-no-new-privileges", "SecurityOptions"},
    {"daemon-no-new-privileges", "ServerVersion"},    {"container-no-new-privileges", "SecurityOptions"},
    {"container-no-new-privileges", "ServerVersion"},
};

static bool is_optional(const struct check *check, const char *document, const char *path, enum member_change change)
{
    size_t row = 0;

    while (row < countof(optional) &&
           (strcmp(optional[row].document, document) != 0 || !text_glob(optional[row].path, path)))
        row++;
    if (row < countof(optional) && ((change == MEMBER_NULL && optional[row].may_be_null) ||
                                    (change == MEMBER_REMOVED && optional[row].may_be_absent)))
        return true;
    if (change == MEMBER_NEGATIVE && may_be_negative(document, path))
        return true;
    for (size_t i = 0; i < countof(elsewhere); i++)
        if (strcmp(elsewhere[i].check, check->name) == 0 && strcmp(elsewhere[i].path, path) == 0)
            return true;
    return false;
}

static bool lists_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; at && (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* Does the check's row name it? */
static bool is_named(const struct check *check, enum input_kind kind, const char *path)
{
    if (kind == INPUT_CONTAINER)
        return lists_word(check->members, path);
    for (const struct required_answer *answer = check->answers; answer && answer->members; answer++)
        if (answer->kind == kind && lists_word(answer->members, path))
            return true;
    return false;
}

static bool is_harmless(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_NOT_APPLICABLE;
}

struct trial {
    struct member_trials *trials;
    const struct verdict_case *c;
    const struct open_case *open;
    const struct judgement *with;
    const char *document;
    size_t item;
};

static void report(const struct trial *trial, const struct case_change *change, const struct judgement *without)
{
    fprintf(stderr, "%s [%s]: %s, but %s with %s %s %s: %s\n", trial->c->file, trial->c->variant,
            verdict_name(trial->with->verdict), verdict_name(without->verdict), trial->document,
            str_text(&change->path), member_change_words[change->how], str_text(&without->evidence));
    trial->trials->failed++;
}

static void compare(const struct trial *trial, const struct case_change *change, const struct facts *facts,
                    const struct judgement *without)
{
    const struct check *check = trial->open->rule->check;
    enum verdict with = trial->with->verdict;
    bool harmless = with >= VERDICT_MANUAL && with != VERDICT_ERROR && is_harmless(without->verdict) &&
                    !is_optional(check, trial->document, str_text(&change->path), change->how);
    bool of_subject = change->kind != INPUT_CONTAINER || str_equal(change->key, trial->open->subject);
    bool silent = of_subject && with != VERDICT_NOT_APPLICABLE && change->how == MEMBER_REMOVED && facts &&
                  facts->unread_count && is_named(check, change->kind, str_text(&change->path)) &&
                  without->verdict != VERDICT_ERROR && !(without->verdict == VERDICT_FAIL && check->fails_on_presence);

    if (harmless || silent)
        report(trial, change, without);
}

/* False: there is no such member. */
static bool try_member(const struct trial *trial, struct case_change *change)
{
    struct store *store = trial->open->store;
    struct error error = ERROR_INIT;
    struct judgement without;
    bool changed;
    int r = case_documents_change(trial->c, trial->open, trial->document, trial->item, change, &changed, &error);

    if (r < 0)
        return false;
    if (!changed)
        return true;
    case_judge(trial->open, &without);
    trial->trials->trials++;
    compare(trial, change, store_get(store, change->kind, change->key, NULL), &without);
    judgement_deinit(&without);
    return true;
}

/* Of what is harmless already, only what its check owes a missing member is looked at. */
static void try_document(struct trial *trial)
{
    enum member_change end = is_harmless(trial->with->verdict) ? MEMBER_NULL : MEMBER_CHANGE_COUNT;
    uint64_t original = 0;

    for (enum member_change how = MEMBER_REMOVED; how < end; how++) {
        bool more = true;

        for (unsigned index = 0; more; index++) {
            struct case_change change = {.how = how, .index = index, .original = original};

            more = try_member(trial, &change);
            original = change.original;
            str_deinit(&change.path);
        }
    }
}

void try_without_members(const struct verdict_case *c, void *user)
{
    struct member_trials *trials = user;
    struct open_case open = {0};
    struct error error = ERROR_INIT;
    struct judgement with;

    if (c->shape == 0 && !c->history && case_open(c, trials->rules, &open, &error) == 0 && open.rule) {
        struct trial trial = {.trials = trials, .c = c, .open = &open, .with = &with};

        case_judge(&open, &with);
        if (trials->tried[open.rule->index][with.verdict]++ >= CASES_OF_EACH)
            with.verdict = VERDICT_ERROR; /* others show the same */
        for (size_t i = 0; with.verdict != VERDICT_ERROR && (trial.document = case_documents_of_engine(i)); i++)
            for (trial.item = 0; trial.item < case_documents_count(c, trial.document); trial.item++)
                try_document(&trial);
        judgement_deinit(&with);
    }
    case_close(&open);
}
