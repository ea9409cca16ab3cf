/* Each case once more with podman as the engine, of which no remedy may run docker, dockerd's service or its files. */
#include <regex.h>
#include <string.h>

#include "agent/checks/table.h"
#include "case_podman.h"
#include "probes/docker/docker_parse.h"

/* Commands of docker wherever they are in a line, also in a comment; what is of dockerd alone. */
static const char of_docker[] =
    "(^|[^a-z./_-])docker (build|commit|compose|container|create|exec|history|image|images|info|inspect|network|node|"
    "ps|pull|push|rename|rm|rmi|run|secret|service|start|stats|stop|swarm|system|update|volume) ?|"
    "(systemctl|service|rc-service)[^&;#]* docker|stop docker|/etc/docker|/etc/default/docker|dockerd|daemon\\.json|"
    "docker\\.(service|socket)|docker-default|DOCKER_CONTENT_TRUST|userns-remap|docker-ce|docker\\.io";

/* Podman has no swarm; whose file it is and which are watched does not depend on the engine. */
static bool is_of_podman(const struct check *check)
{
    return check->subject != SUBJECT_SWARM && check->subject != SUBJECT_NETWORK && check->subject != SUBJECT_FILE &&
           !(check->reads & INPUT_BIT(INPUT_AUDIT)) && strcmp(check->name, "manual") != 0 &&
           strcmp(check->name, "host-hardened") != 0;
}

/* The versions of which some command differs. */
static const char *const versions[] = {"4.3.1", "5.3.2", "5.4.2"};

static int make_podman(struct store *store, const char *version, struct error *error)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"Version\": \"%s\", \"Components\": [{\"Name\": \"Podman Engine\"}]}", version);
    struct version_facts *facts = NULL;
    int r = parse_version(text, strlen(text), &facts, error);

    if (r == 0)
        store_put(store, INPUT_VERSION, "", &facts->facts);
    return r;
}

static void check_remedy_of(struct podman_trials *trials, const struct verdict_case *c, const struct judgement *of,
                            const regex_t *pattern, const char *version)
{
    regmatch_t at;

    trials->trials++;
    if ((of->verdict != VERDICT_FAIL && of->verdict != VERDICT_MANUAL) ||
        regexec(pattern, str_text(&of->remedy), 1, &at, 0) != 0)
        return;
    fprintf(stderr, "%s [%s]: %s on podman %s, and the remedy is docker's (\"%.*s\"): %s\n", c->file, c->variant,
            verdict_name(of->verdict), version, (int)(at.rm_eo - at.rm_so), str_text(&of->remedy) + at.rm_so,
            str_text(&of->remedy));
    trials->failed++;
}

static void judge_on_podman(struct podman_trials *trials, const struct verdict_case *c, struct open_case *open,
                            const regex_t *pattern)
{
    for (size_t i = 0; i < countof(versions); i++) {
        struct judgement judgement;
        struct error error = ERROR_INIT;

        if (make_podman(open->store, versions[i], &error) < 0) {
            fprintf(stderr, "%s: %s\n", c->file, error.text);
            trials->failed++;
            return;
        }
        case_judge(open, &judgement);
        check_remedy_of(trials, c, &judgement, pattern, versions[i]);
        judgement_deinit(&judgement);
    }
}

void try_on_podman(const struct verdict_case *c, void *user)
{
    struct podman_trials *trials = user;
    struct open_case open = {0};
    struct error error = ERROR_INIT;
    regex_t pattern;

    if (c->shape == 0 && case_open(c, trials->rules, &open, &error) == 0 && open.rule &&
        is_of_podman(open.rule->check) && regcomp(&pattern, of_docker, REG_EXTENDED) == 0) {
        judge_on_podman(trials, c, &open, &pattern);
        regfree(&pattern);
    }
    case_close(&open);
}
