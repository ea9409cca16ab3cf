/* Each case once more for each member of the engine's documents that it has, with that member changed. */
#include "case_members.h"

#include <string.h>

#include "case_documents.h"
#include "common/text.h"

/* What an engine leaves out where there is nothing, and members of maps whose keys are free: without it there is
 * nothing. It may then be null too, as a list or map of nothing may that is always sent. Paths are globs. */
static const struct {
    const char *document, *path;
    bool may_be_absent;
} optional[] = {
    {"containers", "Mounts", false},
    {"containers", "HostConfig.Binds", false},
    {"containers", "HostConfig.CapAdd", false},
    {"containers", "HostConfig.CapDrop", false},
    {"containers", "HostConfig.SecurityOpt", false},
    {"containers", "HostConfig.Device*", false},
    {"containers", "HostConfig.Mounts*", true},
    {"containers", "HostConfig.PidsLimit", false},
    {"containers", "HostConfig.PortBindings", false},
    {"containers", "HostConfig.PortBindings.*/???", true},
    {"containers", "HostConfig.PortBindings.*/sctp", true},
    {"containers", "HostConfig.PortBindings.*.HostIp", true},
    {"containers", "HostConfig.Ulimits", false},
    {"containers", "NetworkSettings.Ports", false},
    {"containers", "NetworkSettings.Ports.*/???", true},
    {"containers", "NetworkSettings.Ports.*/sctp", true},
    {"containers", "NetworkSettings.Ports.*.HostIp", true},
    {"containers", "NetworkSettings.Networks", false},
    {"containers", "NetworkSettings.Networks.*", true},
    {"containers", "Config.Cmd", true},
    {"containers", "Config.Entrypoint", true},
    {"containers", "Config.Env", true},
    {"containers", "Config.ExposedPorts*", true},
    {"containers", "Config.Healthcheck*", true},
    {"containers", "Config.Labels*", true},
    {"containers", "Created", true},
    {"containers", "ExecIDs", true},
    {"containers", "Name", true},
    {"containers", "State.Health*", true},
    {"containers", "State.*At", true},
    {"containers", "State.Status", true},
    {"containers", "State.Restarting", true},
    {"exec", "ProcessConfig.user", true},
    {"history", "[].*", false},
    {"image", "Config.Cmd", true},
    {"image", "Config.Entrypoint", true},
    {"image", "Config.Env", true},
    {"image", "Config.ExposedPorts*", true},
    {"image", "Config.Healthcheck*", true},
    {"image", "Config.Labels*", true},
    {"image", "Descriptor*", true},
    {"image", "Identity*", true},
    {"image", "Manifests*", true},
    {"image", "Repo*", false},
    {"image", "RootFS.Layers", true},
    {"images", "[].Repo*", false},
    {"info", "DriverStatus", false},
    {"info", "Plugins.Authorization", false},
    {"info", "RegistryConfig.*", false},
    {"info", "RegistryConfig.IndexConfigs.*", true}, /* any registry's name */
    {"info", "SecurityOptions", false},
    {"info", "Swarm.Cluster*", true}, /* of a manager with a leader */
    {"info", "Warnings", true},
    {"networks", "[].Options", false},
    {"networks", "[].Options.*", true},
    {"services", "[].Endpoint*", true},
    {"services", "[].Spec.EndpointSpec*", true},
    {"services", "[].Spec.Labels*", true},
    {"services", "[].Spec.TaskTemplate.ContainerSpec.*", true},
    {"services", "[].Spec.Name", true},
    {"tasks", "[].ServiceID", true},
    {"tasks", "[].Status.ContainerStatus*", true},
    {"version", "Components*", true}, /* which tells podman */
    {"version", "Experimental", true},
};

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
    for (size_t i = 0; i < countof(optional); i++)
        if (strcmp(optional[i].document, document) == 0 && text_glob(optional[i].path, path) &&
            (change == MEMBER_NULL || (change == MEMBER_REMOVED && optional[i].may_be_absent)))
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
    static const char *const words[] = {"missing", "null", "of another type", "out of range"};

    fprintf(stderr, "%s [%s]: %s, but %s with %s %s %s: %s\n", trial->c->file, trial->c->variant,
            verdict_name(trial->with->verdict), verdict_name(without->verdict), trial->document,
            str_text(&change->path), words[change->how], str_text(&without->evidence));
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

static void try_document(struct trial *trial)
{
    for (enum member_change how = MEMBER_REMOVED; how <= MEMBER_HUGE; how++) {
        bool more = true;

        for (unsigned index = 0; more; index++) {
            struct case_change change = {.how = how, .index = index};

            more = try_member(trial, &change);
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
