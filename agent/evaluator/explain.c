/* Running the check of a pair: for its verdict alone, or to explain it. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

static int compare_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct file_facts *)file)->path);
}

const struct file_facts *fileset_find(const struct fileset_facts *set, const char *path)
{
    return set && set->count ? bsearch(path, set->items, set->count, sizeof *set->items, compare_path) : NULL;
}

static void fill_check_input(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                             struct check_input *in)
{
    *in = (struct check_input){.rule = pair->rule,
                               .store = evaluator->store,
                               .now = clock_now(evaluator->clock),
                               .since = pair->since,
                               .key = subject->id};
    if (subject->kind != SUBJECT_FILE)
        return;
    in->fileset = store_files(evaluator->store, rule_file_source(pair->rule), NULL);
    in->file = fileset_find(in->fileset, subject->id);
}

void pair_run_check(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                    bool explain, struct check_result *result)
{
    struct check_input in;
    enum input_kind list;

    fill_check_input(evaluator, subject, pair, &in);
    in.explain = explain;
    if (subject->kind == SUBJECT_FILE && !in.file) {
        const char *why = NULL;

        check_error(&in, result, M_("file"),
                    store_files(evaluator->store, rule_file_source(pair->rule), &why) ? M_("no longer in the set")
                                                                                      : why);
        return;
    }
    if (subject_is_unlisted(subject, &list)) {
        scoped_str what = STR_INIT;
        const char *why;

        store_get(evaluator->store, list, NULL, &why);
        message_add(&what, "the list of %s", input_types[list].name);
        check_error(&in, result, what.data, why);
        return;
    }
    check_run(&in, result);
    exceptions_attest(evaluator, subject, &in, result);
    if (explain)
        exceptions_say_expired(evaluator, subject, &in, result);
}

void evaluator_explain(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                       struct check_result *result)
{
    bool podman;

    pair_run_check(evaluator, subject, pair, true, result);
    if (result->verdict == pair->verdict)
        return;
    /* Facts have come since that the pair is still to be judged by, or those it was judged by are to be read anew after
     * a start: what they say does not belong to its status. */
    podman = result->podman;
    check_result_clear(result);
    result->verdict = pair->verdict;
    result->podman = podman;
    check_evidence_add(&result->said, "it is being evaluated again");
}
