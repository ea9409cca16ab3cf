/* Finding the case files and expanding each into its cases. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "case.h"
#include "case_history.h"
#include "case_template.h"
#include "common/file.h"
#include "common/vec.h"

enum { EXPECTED_MIN = 3 };

struct visit {
    const struct rule_set *rules;
    const char *only;
    case_function *back;
    void *user;
    bool finished; /* expectations must be there */
    size_t malformed;
};

static int read_json(const char *file, struct json_doc **ret, struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/cases/%s", TESTS_DIR, file);
    scoped_str text = STR_INIT;
    int r = file_read(path, 1 << 20, &text, error);

    return r < 0 ? r : json_parse(str_text(&text), text.length, NULL, ret, error);
}

static int is_known(const struct json *object, const char *const *names, size_t count, struct error *error)
{
    for (size_t i = 0; i < json_count(object); i++) {
        const char *name;
        size_t k = 0;

        json_member(object, i, &name, NULL);
        while (k < count && strcmp(names[k], name) != 0)
            k++;
        if (k == count)
            return error_set(error, EINVAL, "unknown key \"%s\"", name);
    }
    return 0;
}

/* TEXTS: a string, or a list of strings; each long enough to say something. */
static bool says_something(const struct json *texts)
{
    bool any = json_string(texts) ? strlen(json_string(texts)) >= EXPECTED_MIN : json_count(texts) > 0;

    for (size_t i = 0; i < json_count(texts); i++)
        any = any && strlen(json_text(json_at(texts, i), "")) >= EXPECTED_MIN;
    return any;
}

/* What is refused, fails, is left to a person or could not be judged must be so for the reason that the case is about.
 */
static int validate_reason(const struct json *expect, const char *outcome, struct error *error)
{
    enum verdict verdict = VERDICT_NONE;

    if (strcmp(outcome, "refused") == 0)
        return says_something(json_get(expect, "error")) ? 0 : error_set(error, EINVAL, "it lacks expect.error");
    verdict_parse(outcome, &verdict);
    if (verdict >= VERDICT_MANUAL && !says_something(json_get(expect, "evidence")))
        return error_set(error, EINVAL, "it lacks expect.evidence");
    return 0;
}

static int validate(const struct visit *visit, const struct json *root, const char *outcome, struct error *error)
{
    static const char *const keys[] = {"rules",     "each", "rule",  "subject", "since_seconds_ago",
                                       "documents", "run",  "expect"};
    static const char *const expected[] = {"evidence", "remedy", "rule_remedy", "hidden", "paths", "error"};
    const struct json *expect = json_get(root, "expect");
    int r = is_known(root, keys, countof(keys), error);

    if (r == 0)
        r = is_known(expect, expected, countof(expected), error);
    return r == 0 && visit->finished ? validate_reason(expect, outcome, error) : r;
}

static void append_variables(struct str *variant, const struct json *variables)
{
    for (size_t i = 0; i < json_count(variables); i++) {
        const char *name;
        const struct json *value = json_member(variables, i, &name, NULL);

        str_printf(variant, "%s%s=%s", variant->length ? ", " : "", name,
                   json_text(value, json_number_text(value) ? json_number_text(value) : "…"));
    }
}

static int visit_shapes(struct visit *visit, struct verdict_case *c, const char *variant, struct error *error)
{
    const struct json *run = json_get(c->root, "run");
    int r = 0;

    c->variant = variant;
    c->shape = 0;
    if (!run)
        visit->back(c, visit->user);
    for (size_t shape = 0; run && r == 0 && shape < history_shape_count; shape++) {
        scoped(cleanup_json_doc) struct json_doc *history = NULL;
        scoped(cleanup_free) char *name =
            mem_printf("%s%s%s", variant, *variant ? ", " : "", history_shape_name(shape));

        r = history_write(run, shape, &history, error);
        c->variant = name;
        c->shape = shape;
        c->history = json_root(history);
        if (r == 0)
            visit->back(c, visit->user);
    }
    return r;
}

/* FAMILY: the variables of the rule that a shared case is judged for, or NULL. */
static int visit_variables(struct visit *visit, struct verdict_case *c, const struct json *root,
                           const struct json *family, struct error *error)
{
    const struct json *each = json_get(root, "each");
    int r = 0;

    for (size_t i = 0; r == 0 && i < (each ? json_count(each) : 1); i++) {
        const struct json *const scopes[TEMPLATE_SCOPES] = {json_at(each, i), family};
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped_str variant = STR_INIT;

        if (c->shared)
            str_append(&variant, c->slug);
        append_variables(&variant, scopes[0]);
        r = template_expand(root, scopes, &doc, error);
        c->root = json_root(doc);
        if (r == 0)
            r = visit_shapes(visit, c, str_text(&variant), error);
    }
    return r;
}

static int visit_rules(struct visit *visit, struct verdict_case *c, const struct json *root, const struct json *rules,
                       struct error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < json_count(rules); i++) {
        const struct json *variables = NULL;

        if (json_type(rules) == JSON_ARRAY)
            c->slug = json_text(json_at(rules, i), "");
        else
            variables = json_member(rules, i, &c->slug, NULL);

        if (!rule_set_find(visit->rules, c->slug))
            return error_set(error, EINVAL, "unknown rule \"%s\"", c->slug);
        r = visit_variables(visit, c, root, variables, error);
    }
    return r;
}

static bool repeats(const struct json *value)
{
    bool found = json_get(value, "repeat") != NULL;

    for (size_t i = 0; !found && i < json_count(value); i++)
        found = repeats(json_type(value) == JSON_ARRAY ? json_at(value, i) : json_member(value, i, NULL, NULL));
    return found;
}

/* RULES: those of a family; NULL: the case is SLUG's alone. */
static int visit_file(struct visit *visit, const char *file, const char *slug, const struct json *rules,
                      struct error *error)
{
    const char *name = strrchr(file, '/') + 1;
    scoped(cleanup_free) char *outcome = mem_strndup(name, strcspn(name, "-."));
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct verdict_case c = {.file = file, .outcome = outcome, .slug = slug};
    enum verdict verdict;
    const struct json *root, *own;
    int r;

    if (!verdict_parse(outcome, &verdict) && strcmp(outcome, "refused") != 0)
        return error_set(error, EINVAL, "its name begins with no outcome");
    r = read_json(file, &doc, error);
    if (r < 0)
        return r;
    root = json_root(doc);
    own = json_get(root, "rules");
    r = validate(visit, root, outcome, error);
    if (r < 0)
        return r;
    c.shared = own || rules;
    if (c.shared)
        return visit_rules(visit, &c, root, own ? own : rules, error);
    if (json_get(root, "each") || repeats(root))
        return visit_variables(visit, &c, root, NULL, error);
    c.root = root;
    return visit_shapes(visit, &c, "", error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef void name_function(struct visit *visit, const char *folder, const char *name, const void *argument);

/* The names in tests/cases/FOLDER, in order. */
static void visit_names(struct visit *visit, const char *folder, name_function *back, const void *argument)
{
    scoped(cleanup_free) char *path = mem_printf("%s/cases/%s", TESTS_DIR, folder);
    VEC(char *) names = {0};
    DIR *directory = opendir(path);

    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            vec_push(&names, mem_strdup(entry->d_name));
    if (directory)
        closedir(directory);
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, by_name);
    for (size_t i = 0; i < names.count; i++) {
        back(visit, folder, names.items[i], argument);
        free(names.items[i]);
    }
    vec_free(&names);
}

static bool is_selected(const struct visit *visit, const char *file)
{
    return str_starts(file, visit->only) || str_starts(visit->only, file);
}

struct of_whom {
    const char *slug;
    const struct json *rules;
};

static void visit_case(struct visit *visit, const char *folder, const char *name, const void *argument)
{
    scoped(cleanup_free) char *file = mem_printf("%s/%s", folder, name);
    const struct of_whom *of = argument;
    struct error error = ERROR_INIT;

    if (strcmp(name, "rules.json") == 0 || !is_selected(visit, file))
        return;
    if (visit_file(visit, file, of->slug, of->rules, &error) < 0) {
        fprintf(stderr, "%s: %s\n", file, error.text);
        visit->malformed++;
    }
}

static void visit_family(struct visit *visit, const char *folder, const char *name, const void *argument)
{
    scoped(cleanup_free) char *family = mem_printf("%s/%s", folder, name);
    scoped(cleanup_free) char *file = mem_printf("%s/rules.json", family);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct of_whom of = {0};

    (void)argument;
    if (read_json(file, &doc, NULL) == 0) /* without it each case names its rules itself */
        of.rules = json_root(doc);
    visit_names(visit, family, visit_case, &of);
}

static void visit_folder(struct visit *visit, const char *folder, const char *name, const void *argument)
{
    const struct of_whom of = {.slug = name};

    (void)folder;
    (void)argument;
    if (strcmp(name, "shared") == 0 || strcmp(name, "README.md") == 0 || !is_selected(visit, name))
        return;
    if (rule_set_find(visit->rules, name)) {
        visit_names(visit, name, visit_case, &of);
    } else {
        fprintf(stderr, "%s: unknown rule\n", name);
        visit->malformed++;
    }
}

size_t cases_visit(const struct rule_set *rules, const char *only, bool finished, case_function *back, void *user)
{
    struct visit visit = {.rules = rules, .only = only, .finished = finished, .back = back, .user = user};

    visit_names(&visit, "", visit_folder, NULL);
    visit_names(&visit, "shared", visit_family, NULL);
    return visit.malformed;
}
