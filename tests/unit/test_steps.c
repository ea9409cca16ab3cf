/* How often the rules on an image's build steps are right: precision and recall over labelled stages, which are
 * modelled on what published images do. tests/steps/README.md describes the files; floor.json holds what must be
 * reached.
 *
 *   test_steps --judge FILE…   prints the verdict of each stage for each of its labels, one JSON object a line. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "agent/checks/table.h"
#include "case.h"
#include "case_documents.h"
#include "case_history.h"
#include "common/file.h"
#include "common/json_out.h"
#include "common/vec.h"

enum { FILE_MAX_BYTES = 64 << 20 };
#define UNSHAPED SIZE_MAX /* the history is a document */

/* A rule, over all stages with a label for it. */
struct score {
    char *slug;
    unsigned labels;
    unsigned fails, found, wrong; /* labelled as failing; of these failing; failing, though labelled otherwise */
    unsigned agreed;              /* judged as labelled, whatever that is */
};

struct scores {
    struct score *items;
    size_t count, size;
};

/* One label of a stage, and what came of it. */
struct judged {
    const char *file, *slug;
    size_t number; /* of the stage in the file, from 0 */
    enum verdict label, verdict;
    const char *evidence;
};

typedef void judged_function(const struct judged *judged, void *user);

static int judge_as(const struct rule *rule, const struct json *stage, size_t shape, enum verdict *ret_verdict,
                    struct str *ret_evidence, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *history = NULL;
    struct case_context context = {.rule = rule,
                                   .subject = "sha256:1111111111111111111111111111111111111111111111111111111111111111",
                                   .documents = json_get(stage, "documents")};
    struct open_case open = {.rule = rule, .subject = context.subject};
    struct judgement judgement;
    int r = shape == UNSHAPED ? 0 : history_write(json_get(stage, "steps"), shape, &history, error);

    if (r < 0)
        return r;
    context.history = history ? json_root(history) : NULL;
    r = case_documents_load(&context, &open.store, error);
    if (r < 0)
        return r;
    case_judge(&open, &judgement);
    *ret_verdict = judgement.verdict;
    str_clear(ret_evidence);
    str_append(ret_evidence, str_text(&judgement.evidence));
    judgement_deinit(&judgement);
    case_close(&open);
    return 0;
}

/* All shapes of history must agree. */
static int judge_label(const struct rule *rule, const struct json *stage, struct judged *judged, struct str *evidence,
                       struct error *error)
{
    size_t first = json_get(stage, "steps") ? 0 : UNSHAPED;
    size_t end = json_get(stage, "steps") ? history_shape_count : 1;

    for (size_t shape = first, count = 0; count < end; shape++, count++) {
        enum verdict verdict;
        int r = judge_as(rule, stage, shape, &verdict, evidence, error);

        if (r < 0)
            return r;
        if (count && verdict != judged->verdict)
            return error_set(error, EINVAL, "%s, but %s as %s writes it: %s", verdict_name(judged->verdict),
                             verdict_name(verdict), history_shape_name(shape), str_text(evidence));
        judged->verdict = verdict;
    }
    judged->evidence = str_text(evidence);
    return 0;
}

static int judge_stage(const struct rule_set *rules, struct judged *judged, const struct json *stage,
                       judged_function *back, void *user, struct error *error)
{
    for (size_t i = 0; i < json_count(stage); i++) {
        const struct json *value = json_member(stage, i, &judged->slug, NULL);
        const struct rule *rule = rule_set_find(rules, judged->slug);
        scoped_str evidence = STR_INIT;
        int r;

        if (strcmp(judged->slug, "steps") == 0 || strcmp(judged->slug, "documents") == 0)
            continue;
        if (!rule || !verdict_parse(json_text(value, ""), &judged->label))
            return error_set(error, EINVAL, "\"%s\" is not a rule with a verdict", judged->slug);
        r = judge_label(rule, stage, judged, &evidence, error);
        if (r < 0)
            return error_prefix(error, "%s", judged->slug);
        back(judged, user);
    }
    return 0;
}

static int read_json(const char *path, struct json_doc **ret, struct error *error)
{
    static const struct json_limits limits = {.bytes = FILE_MAX_BYTES, .depth = 32, .values = 1 << 22};
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_MAX_BYTES, &text, error);

    return r < 0 ? r : json_parse(str_text(&text), text.length, &limits, ret, error);
}

static int judge_file(const struct rule_set *rules, const char *path, judged_function *back, void *user,
                      struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int r = read_json(path, &doc, error);

    for (size_t i = 0; r == 0 && i < json_count(json_root(doc)); i++) {
        struct judged judged = {.file = path, .number = i};

        r = judge_stage(rules, &judged, json_at(json_root(doc), i), back, user, error);
        if (r < 0)
            error_prefix(error, "stage %zu", i);
    }
    return r < 0 ? error_prefix(error, "%s", path) : 0;
}

/* ---- The suite ---- */

static struct score *score_of(struct scores *scores, const char *slug)
{
    for (size_t i = 0; i < scores->count; i++)
        if (strcmp(scores->items[i].slug, slug) == 0)
            return &scores->items[i];
    vec_push(scores, (struct score){.slug = mem_strdup(slug)});
    return &scores->items[scores->count - 1];
}

static void count(const struct judged *judged, void *user)
{
    struct score *score = score_of(user, judged->slug);
    bool labelled = judged->label == VERDICT_FAIL, fails = judged->verdict == VERDICT_FAIL;

    score->labels++;
    score->fails += labelled;
    score->found += labelled && fails;
    score->wrong += !labelled && fails;
    score->agreed += judged->label == judged->verdict;
    if (judged->label != judged->verdict)
        printf("%s, stage %zu: %s is %s, labelled %s: %s\n", judged->file, judged->number, judged->slug,
               verdict_name(judged->verdict), verdict_name(judged->label), judged->evidence);
}

static double share(unsigned part, unsigned whole)
{
    return whole ? (double)part / whole : 1;
}

/* NAME of the floor may only rise: what is reached is written there. */
static bool is_reached(const char *slug, const char *name, double reached, const struct json *floor)
{
    const double rounding = 0.001;
    double least = json_double(json_get(floor, name), -1);

    printf("  %-9s %.3f (floor %.3f)\n", name, reached, least);
    if (reached >= least && reached < least + rounding)
        return true;
    printf("%s: its %s is %.4f: %s\n", slug, name, reached,
           reached < least ? "below the floor" : "raise the floor to it in tests/steps/floor.json");
    return false;
}

START_TEST(every_stage)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    scoped(cleanup_json_doc) struct json_doc *floor = NULL;
    struct host_root *root;
    struct scores scores = {0};
    struct error error = ERROR_INIT;
    char **files;
    bool reached = true;

    ck_assert_ptr_nonnull(rules);
    ck_assert_msg(read_json(TESTS_DIR "/steps/floor.json", &floor, &error) == 0, "%s", error.text);
    ck_assert_msg(host_root_open(TESTS_DIR "/steps", &root, &error) == 0, "%s", error.text);
    ck_assert_int_eq(host_list(root, "/", ".json", 256, &files), 0);
    for (char **file = files; *file; file++) {
        scoped(cleanup_free) char *path = mem_printf("%s/steps%s", TESTS_DIR, *file);

        if (!str_ends(path, "/floor.json"))
            ck_assert_msg(judge_file(case_rules_shipped(rules), path, count, &scores, &error) == 0, "%s", error.text);
        free(*file);
    }
    free(files);
    host_root_close(root);
    ck_assert_uint_eq(scores.count, json_count(json_root(floor)));
    for (size_t i = 0; i < scores.count; i++) {
        const struct score *score = &scores.items[i];
        const struct json *least = json_get(json_root(floor), score->slug);

        printf("%s: %u stages, %u labelled fail\n", score->slug, score->labels, score->fails);
        reached &= is_reached(score->slug, "precision", share(score->found, score->found + score->wrong), least);
        reached &= is_reached(score->slug, "recall", share(score->found, score->fails), least);
        reached &= is_reached(score->slug, "agreement", share(score->agreed, score->labels), least);
        if (score->labels != json_int(json_get(least, "labels"), -1)) {
            printf("%s: write its %u labels into tests/steps/floor.json; they only grow\n", score->slug, score->labels);
            reached = false;
        }
        free(score->slug);
    }
    vec_free(&scores);
    fflush(stdout);
    ck_assert(reached);
}
END_TEST

static void print_judged(const struct judged *judged, void *user)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    (void)user;
    json_out_object(out, NULL);
    json_out_string(out, "file", judged->file);
    json_out_int(out, "stage", (int64_t)judged->number);
    json_out_string(out, "rule", judged->slug);
    json_out_string(out, "label", verdict_name(judged->label));
    json_out_string(out, "verdict", verdict_name(judged->verdict));
    json_out_string(out, "evidence", judged->evidence);
    json_out_end_object(out);
    puts(json_out_text(out, NULL));
}

static int print_files(char **paths)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    struct error error = ERROR_INIT;

    for (; rules && *paths; paths++)
        if (judge_file(case_rules_shipped(rules), *paths, print_judged, NULL, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
    return rules ? 0 : 1;
}

int main(int argc, char **argv)
{
    Suite *suite;
    TCase *tests;
    SRunner *runner;
    int failed;

    if (argc > 1 && strcmp(argv[1], "--judge") == 0)
        return print_files(argv + 2);
    suite = suite_create("steps");
    tests = tcase_create("steps");
    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, every_stage);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
