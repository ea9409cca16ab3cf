/* Each case once more for each input that its check reads, with that input failed, and with it not read yet. */
#include <string.h>

#include "agent/checks/table.h"
#include "case_inputs.h"
#include "common/vec.h"

static const char *const failure = "cut off by the test";

/* All that is there of KIND is made an error, or removed. False: there was nothing. */
static bool take_away(struct store *store, enum input_kind kind, bool failed)
{
    VEC(char *) keys = {0};
    size_t at = 0;
    const char *key;
    const struct facts *facts;
    bool any;

    while (store_next(store, kind, &at, &key, &facts))
        vec_push(&keys, mem_strdup(key));
    any = keys.count > 0;
    for (size_t i = 0; i < keys.count; i++) {
        if (failed)
            store_put_error(store, kind, keys.items[i], failure);
        else
            store_remove(store, kind, keys.items[i]);
        free(keys.items[i]);
    }
    vec_free(&keys);
    return any;
}

static bool is_same(const struct judgement *a, const struct judgement *b)
{
    return a->verdict == b->verdict && str_equal(str_text(&a->evidence), str_text(&b->evidence)) &&
           str_equal(str_text(&a->remedy), str_text(&b->remedy)) && str_equal(str_text(&a->facts), str_text(&b->facts));
}

/* Inputs that a row of the table names for all containers, or for parameters that no shipped rule gives. */
static const struct {
    const char *check;
    enum input_kind kind;
} unread[] = {
    {"container-ulimits", INPUT_VERSION},
    {"manual", INPUT_LSM},
};

static unsigned known_unread(const struct check *check)
{
    unsigned inputs = 0;

    for (size_t i = 0; i < countof(unread); i++)
        if (strcmp(unread[i].check, check->name) == 0)
            inputs |= INPUT_BIT(unread[i].kind);
    return inputs;
}

static void compare(struct input_trials *trials, const struct verdict_case *c, enum input_kind kind, const char *why,
                    const struct judgement *with, const struct judgement *without)
{
    bool silent = without->verdict == VERDICT_ERROR && with->verdict != VERDICT_ERROR &&
                  !strstr(str_text(&without->evidence), why);
    bool milder = with->verdict >= VERDICT_MANUAL && without->verdict < with->verdict;

    if (!silent && !milder)
        return;
    fprintf(stderr, "%s [%s]: %s, but %s when %s: %s: %s\n", c->file, c->variant, verdict_name(with->verdict),
            verdict_name(without->verdict), input_types[kind].name, why, str_text(&without->evidence));
    trials->failed++;
}

static void try_one(struct input_trials *trials, const struct verdict_case *c, struct open_case *open,
                    const struct judgement *with, enum input_kind kind, bool failed)
{
    struct judgement without;
    struct error error = ERROR_INIT;

    if (case_refill(c, open, &error) < 0 || !take_away(open->store, kind, failed))
        return;
    case_judge(open, &without);
    trials->trials++;
    if (!is_same(with, &without))
        trials->read[open->rule->check - checks] |= INPUT_BIT(kind);
    compare(trials, c, kind, failed ? failure : "not read yet", with, &without);
    judgement_deinit(&without);
}

static bool is_shipped(const struct rule_set *rules, const struct check *check)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].check == check)
            return true;
    return false;
}

/* These leave it to a person whatever they read. */
static bool is_always_manual(const struct check *check)
{
    return strcmp(check->name, "manual") == 0 || strcmp(check->name, "host-hardened") == 0;
}

/* With nothing to read but the files that it judges a rule is an error. */
static void try_without_any(struct input_trials *trials, const struct verdict_case *c, struct open_case *open)
{
    bool of_files = open->rule->check->subject == SUBJECT_FILE;
    struct judgement without;
    struct error error = ERROR_INIT;

    if (is_always_manual(open->rule->check) || open->rule->check->reads == INPUT_BIT(INPUT_FILES) ||
        case_refill(c, open, &error) < 0)
        return;
    for (int kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if (kind != INPUT_FILES || !of_files)
            take_away(open->store, (enum input_kind)kind, false);
    case_judge(open, &without);
    if (without.verdict != VERDICT_ERROR || !strstr(str_text(&without.evidence), "not read yet")) {
        fprintf(stderr, "%s [%s]: %s without any input: %s\n", c->file, c->variant, verdict_name(without.verdict),
                str_text(&without.evidence));
        trials->failed++;
    }
    judgement_deinit(&without);
}

/* The evaluator lets it wait until every container that is listed has been read, or could not be. */
static bool is_of_all_containers(const struct check *check)
{
    return check->subject != SUBJECT_CONTAINER && check->subject != SUBJECT_EXEC;
}

static void try_case(struct input_trials *trials, const struct verdict_case *c, struct open_case *open)
{
    struct judgement with;

    case_judge(open, &with);
    for (int kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if (open->rule->check->reads & INPUT_BIT(kind)) {
            try_one(trials, c, open, &with, (enum input_kind)kind, true);
            if (kind != INPUT_CONTAINER || !is_of_all_containers(open->rule->check))
                try_one(trials, c, open, &with, (enum input_kind)kind, false);
        }
    /* With a finding's age even an error may have passed. */
    if (!open->since && (with.verdict == VERDICT_PASS || with.verdict == VERDICT_FAIL))
        try_without_any(trials, c, open);
    judgement_deinit(&with);
}

void try_without_inputs(const struct verdict_case *c, void *user)
{
    struct input_trials *trials = user;
    struct open_case open = {0};
    struct error error = ERROR_INIT;

    if (c->shape == 0 && case_open(c, trials->rules, &open, &error) == 0 && open.rule)
        try_case(trials, c, &open);
    case_close(&open);
}

void report_inputs(struct input_trials *trials)
{
    for (const struct check *check = checks; check->name; check++) {
        unsigned missing = check->reads & ~trials->read[check - checks] & ~known_unread(check);

        for (int kind = 0; kind < INPUT_KIND_COUNT && is_shipped(case_rules_shipped(trials->rules), check); kind++)
            if (missing & INPUT_BIT(kind)) {
                fprintf(stderr, "%s: no case shows that it reads %s\n", check->name, input_types[kind].name);
                trials->failed++;
            }
    }
}
