/* Loading rules: shipped ones, users' own, overrides, and their place in the active benchmark. Everything is validated;
 * an error names file, line and key, and the nearest name where one was probably meant. */
#include "agent/rules/rule_set.h"

#include <errno.h>
#include <string.h>

#include "agent/rules/rule_set_internal.h"
#include "common/number.h"
#include "common/str.h"
#include "common/text.h"
#include "common/vec.h"

enum { FILE_LIMIT = 1024 * 1024, FILES_MAX = 10000, SLUG_MAX = 64 };

struct loader {
    const struct check *checks;
    struct rule_set *set;
    VEC(struct rule) rules;
    VEC(struct benchmark) benchmarks;
    struct faults *faults; /* NULL: the first one ends reading */
    bool own;              /* what is read now are users' own rules */
};

/* Where all faults are wanted, each is kept, and what follows is read too. Returns what ends reading. */
static int go_on(struct faults *faults, struct error *error, int r)
{
    if (r >= 0 || !faults)
        return r;
    faults_add(faults, error);
    return 0;
}

/* Calls BACK with each *.json file of DIR in the order of names. A missing directory has none. With FAULTS it goes on
 * after a file that is not valid, else that one's error is the result. */
static int each_json_file(const char *dir,
                          int (*back)(const char *file, const struct json *root, void *user, struct error *),
                          void *user, struct faults *faults, struct error *error)
{
    static const struct json_limits limits = {.bytes = FILE_LIMIT, .depth = 16, .values = 20000, .comments = true};
    char **files = NULL;
    size_t count = 0;
    int r = config_json_list(dir, FILES_MAX, &files, &count, error);

    for (size_t i = 0; i < count; i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        if (r == 0)
            r = config_json_read(files[i], &limits, &doc, error);
        if (r == 0)
            r = back(files[i], json_root(doc), user, error);
        r = go_on(faults, error, r);
        free(files[i]);
    }
    free(files);
    return r;
}

/* A letter comes first: what begins with a digit is an id. */
static bool is_slug(const char *slug)
{
    return slug && *slug >= 'a' && *slug <= 'z' && strlen(slug) <= SLUG_MAX &&
           strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(slug);
}

static const struct json *member_or_self(const struct json *object, const char *key)
{
    const struct json *member = json_get(object, key);

    return member ? member : object;
}

static int validate(const struct rule *rule, const struct json *owner, const char *file, struct error *error)
{
    const char *key = "";
    struct error why = ERROR_INIT;

    if (!rule->check->validate || rule->check->validate(rule, &key, &why) == 0)
        return 0;
    owner = member_or_self(member_or_self(owner, "params"), key);
    return *key ? config_json_refuse(error, file, owner, "params.%s: %s", key, why.message)
                : config_json_refuse(error, file, owner, "params: %s", why.message);
}

static int read_check(struct loader *loader, const struct json *root, const char *file, struct rule *rule,
                      struct error *error)
{
    const char *name = json_string(json_get(root, "check"));
    const char *names[128];
    size_t count = 0;
    struct param_value *params;

    rule->check = name ? check_find(loader->checks, name) : NULL;
    if (!rule->check) {
        scoped_str hint = STR_INIT;

        for (const struct check *check = loader->checks; check->name && count < countof(names); check++)
            names[count++] = check->name;
        if (!name)
            return config_json_refuse(error, file, member_or_self(root, "check"), "check: must be the name of a check");
        message_add_nearest(&hint, text_nearest(names, count, name));
        return config_json_refuse(error, file, json_get(root, "check"), "check: unknown check \"%s\"%s", name,
                                  str_text(&hint));
    }
    for (count = 0; rule->check->params && rule->check->params[count].name;)
        count++;
    params = arena_alloc(loader->set->arena, (count + 1) * sizeof *params);
    rule->params = rule->defaults = params;
    if (rule_params_read(loader->set->arena, rule->check, root, file, true, params, error) < 0)
        return -EINVAL;
    return validate(rule, root, file, error);
}

static int read_grade(const struct json *root, const char *file, struct rule *rule, struct error *error)
{
    const struct json *level = json_get(root, "level"), *scored = json_get(root, "scored");

    if (!severity_parse(json_string(json_get(root, "severity")), &rule->severity))
        return config_json_refuse(error, file, member_or_self(root, "severity"),
                                  "severity: must be \"critical\", \"high\", \"medium\" or \"low\"");
    rule->level = (int)json_int(level, 1);
    if (level && json_double(level, 0) != 1 && json_double(level, 0) != 2)
        return config_json_refuse(error, file, level, "level: must be 1 or 2");
    if (scored && json_type(scored) != JSON_BOOL)
        return config_json_refuse(error, file, scored, "scored: must be true or false");
    rule->scored = json_bool(scored, true);
    return 0;
}

/* LIST, which errors call NAME, into RET. */
static int read_strings(struct arena *arena, const struct json *list, const char *file, const char *name,
                        struct string_list *ret, struct error *error)
{
    if (list && json_type(list) != JSON_ARRAY)
        return config_json_refuse(error, file, list, "%s: must be a list of strings", name);
    ret->count = json_count(list);
    ret->items = arena_alloc(arena, (ret->count + 1) * sizeof *ret->items);
    for (size_t i = 0; i < ret->count; i++) {
        const char *text = json_string(json_at(list, i));

        if (!text)
            return config_json_refuse(error, file, list, "%s: must be a list of strings", name);
        ret->items[i] = arena_strdup(arena, text);
    }
    return 0;
}

/* "5.4": one of the 18 controls, and a safeguard of it. */
static bool is_safeguard(const char *text)
{
    uint64_t control = 0, safeguard = 0;

    text = number_read(text, 10, 18, &control);
    text = text && *text == '.' ? number_read(text + 1, 10, 14, &safeguard) : NULL;
    return text && !*text && control && safeguard;
}

/* "AC-6" or "AC-6(9)": a family of two letters, a control of it, and an enhancement of that. */
static bool is_nist_control(const char *text)
{
    uint64_t number = 0;

    for (size_t i = 0; i < 2; i++)
        if (text[i] < 'A' || text[i] > 'Z')
            return false;
    text = text[2] == '-' ? number_read(text + 3, 10, 99, &number) : NULL;
    if (text && *text == '(') {
        text = number_read(text + 1, 10, 99, &number);
        text = text && *text == ')' ? text + 1 : NULL;
    }
    return text && !*text && number;
}

static int read_controls(struct arena *arena, const struct json *root, const char *file, struct rule *rule,
                         struct error *error)
{
    static const char *const keys[] = {"cis_v8", "nist_800_53", NULL};
    const struct json *controls = json_get(root, "controls");
    int r = controls ? config_json_keys(controls, file, keys, error) : 0;

    if (r == 0)
        r = read_strings(arena, json_get(controls, keys[0]), file, "controls.cis_v8", &rule->cis_controls, error);
    if (r == 0)
        r = read_strings(arena, json_get(controls, keys[1]), file, "controls.nist_800_53", &rule->nist_controls, error);
    for (size_t i = 0; r == 0 && i < rule->cis_controls.count; i++)
        if (!is_safeguard(rule->cis_controls.items[i]))
            r = config_json_refuse(error, file, json_get(controls, keys[0]),
                                   "controls.cis_v8: \"%s\" is not a safeguard such as 4.1",
                                   rule->cis_controls.items[i]);
    for (size_t i = 0; r == 0 && i < rule->nist_controls.count; i++)
        if (!is_nist_control(rule->nist_controls.items[i]))
            r = config_json_refuse(error, file, json_get(controls, keys[1]),
                                   "controls.nist_800_53: \"%s\" is not a control such as AC-6 or AC-6(9)",
                                   rule->nist_controls.items[i]);
    return r;
}

static int read_rule(const char *file, const struct json *root, void *user, struct error *error)
{
    static const char *const keys[] = {"slug",   "check",      "params",   "severity", "level",
                                       "scored", "title",      "why",      "remedy",   "remedy_podman",
                                       "impact", "references", "controls", "profile",  NULL};
    struct loader *loader = user;
    struct arena *arena = loader->set->arena;
    struct rule rule = {.own = loader->own, .file = arena_strdup(arena, file)};
    const struct {
        const char *key;
        const char **texts;
    } texts[] = {{"title", rule.title},
                 {"why", rule.why},
                 {"remedy", rule.remedy},
                 {"remedy_podman", rule.remedy_podman},
                 {"impact", rule.impact}};
    int r = json_type(root) == JSON_OBJECT ? config_json_keys(root, file, keys, error)
                                           : config_json_refuse(error, file, root, "must be an object");

    rule.slug = arena_strdup(arena, json_string(json_get(root, "slug")));
    if (r == 0 && !is_slug(rule.slug))
        r = config_json_refuse(error, file, member_or_self(root, "slug"),
                               "slug: must be lower-case letters, digits and dashes, starting with a letter");
    for (size_t i = 0; r == 0 && i < loader->rules.count; i++)
        if (strcmp(loader->rules.items[i].slug, rule.slug) == 0)
            r = config_json_refuse(error, file, json_get(root, "slug"), "slug: \"%s\" is already used by %s", rule.slug,
                                   loader->rules.items[i].file);
    for (size_t i = 0; r == 0 && i < countof(texts); i++)
        r = config_json_texts(arena, root, texts[i].key, file, i == 0, texts[i].texts, error);
    if (r == 0)
        r = read_grade(root, file, &rule, error);
    if (r == 0)
        r = read_strings(arena, json_get(root, "references"), file, "references", &rule.references, error);
    if (r == 0)
        r = read_controls(arena, root, file, &rule, error);
    rule.profile = arena_strdup(arena, json_string(json_get(root, "profile")));
    if (r == 0 && json_get(root, "profile") && !rule.profile)
        r = config_json_refuse(error, file, json_get(root, "profile"), "profile: must be a string");
    if (r == 0)
        r = read_check(loader, root, file, &rule, error);
    if (r == 0)
        vec_push(&loader->rules, rule);
    return r;
}

static int read_benchmark(const char *file, const struct json *root, void *user, struct error *error)
{
    struct loader *loader = user;
    struct benchmark benchmark = {0};
    int r = benchmark_read(loader->set->arena, root, file, &benchmark, error);

    if (r == 0)
        vec_push(&loader->benchmarks, benchmark);
    return r;
}

static void number_rule(struct rule_set *set, struct rule *rule)
{
    rule->ids = arena_alloc(set->arena, (set->benchmark_count + 1) * sizeof *rule->ids);
    for (size_t i = 0; i < set->benchmark_count; i++) {
        const char *id = benchmark_id(&set->benchmarks[i], rule->slug);

        if (!id)
            continue;
        rule->ids[rule->id_count++] = (struct rule_id){set->benchmarks[i].name, id};
        if (&set->benchmarks[i] == set->active) {
            rule->id = id;
            rule->section = benchmark_section_of(set->arena, id);
        }
    }
}

/* The active benchmark's rules in its order, then the others by slug (the order they were read in). */
static int put_in_order(struct loader *loader, struct error *error)
{
    struct rule_set *set = loader->set;
    size_t next = 0;

    set->count = loader->rules.count;
    set->rules = arena_alloc(set->arena, (set->count + 1) * sizeof *set->rules);
    for (size_t e = 0; e < set->active->entry_count; e++) {
        size_t i = 0;

        while (i < loader->rules.count && strcmp(loader->rules.items[i].slug, set->active->entries[e].slug) != 0)
            i++;
        if (i == loader->rules.count)
            return error_set(error, EINVAL, "benchmark %s: %s names unknown rule \"%s\"", set->active->name,
                             set->active->entries[e].id, set->active->entries[e].slug);
        set->rules[next++] = loader->rules.items[i];
    }
    for (size_t i = 0; i < loader->rules.count; i++)
        if (!benchmark_id(set->active, loader->rules.items[i].slug))
            set->rules[next++] = loader->rules.items[i];
    for (size_t i = 0; i < set->count; i++) {
        struct rule *rule = &set->rules[i];

        rule->index = (unsigned)i;
        rule->enabled = rule->own || benchmark_id(set->active, rule->slug);
        number_rule(set, rule);
        map_set(set->by_name, rule->slug, rule);
        if (rule->id)
            map_set(set->by_name, rule->id, rule);
    }
    return 0;
}

/* Gives RULE parameters of its own, which the configuration may change; those shipped stay what its defaults are. */
static struct param_value *copy_params(struct rule_set *set, struct rule *rule)
{
    struct param_value *copy;
    size_t count;

    for (count = 0; rule->check->params && rule->check->params[count].name;)
        count++;
    copy = arena_alloc(set->arena, (count + 1) * sizeof *copy);
    memcpy(copy, rule->params, count * sizeof *copy);
    rule->params = copy;
    return copy;
}

static int apply_override(struct rule_set *set, const struct rule_override *override, struct error *error)
{
    static const char *const keys[] = {"enabled", "severity", "params", NULL};
    struct rule *rule = rule_set_find(set, override->rule);
    const struct json *enabled = json_get(override->value, "enabled"),
                      *severity = json_get(override->value, "severity");
    int r;

    if (!rule) {
        scoped_str hint = STR_INIT;

        message_add_nearest(&hint, rule_set_nearest(set, override->rule));
        return config_json_refuse(error, override->file, override->value, "rules: unknown rule \"%s\"%s",
                                  override->rule, str_text(&hint));
    }
    r = config_json_keys(override->value, override->file, keys, error);
    if (r < 0)
        return r;
    if (enabled && json_type(enabled) != JSON_BOOL)
        return config_json_refuse(error, override->file, enabled, "enabled: must be true or false");
    rule->enabled = json_bool(enabled, rule->enabled);
    if (severity && !severity_parse(json_string(severity), &rule->severity))
        return config_json_refuse(error, override->file, severity,
                                  "severity: must be \"critical\", \"high\", \"medium\" or \"low\"");
    r = rule_params_read(set->arena, rule->check, override->value, override->file, false, copy_params(set, rule),
                         error);
    return r < 0 ? r : validate(rule, override->value, override->file, error);
}

/* Parameters that age faster than the rest: a file of their own can be replaced alone. */
static int read_list(const char *file, const struct json *root, void *user, struct error *error)
{
    static const char *const keys[] = {"rule", "params", NULL};
    struct rule_set *set = user;
    const char *name = json_string(json_get(root, "rule"));
    struct rule *rule = rule_set_find(set, name);
    int r = json_type(root) == JSON_OBJECT ? config_json_keys(root, file, keys, error)
                                           : config_json_refuse(error, file, root, "must be an object");

    if (r < 0)
        return r;
    if (!rule)
        return config_json_refuse(error, file, member_or_self(root, "rule"), "rule: must be the name of a rule");
    r = rule_params_read(set->arena, rule->check, root, file, false, (struct param_value *)rule->params, error);
    return r < 0 ? r : validate(rule, root, file, error);
}

static const char section_of_others[] = "own";

/* Rules that are judged without an id in the active benchmark: users' own, and shipped ones that were enabled. */
static void make_section_of_others(struct rule_set *set)
{
    struct benchmark *active = (struct benchmark *)(uintptr_t)set->active;
    struct benchmark_section *sections;
    bool any = false;

    for (size_t i = 0; i < set->count; i++)
        if (set->rules[i].enabled && !set->rules[i].section) {
            set->rules[i].section = section_of_others;
            any = true;
        }
    if (!any)
        return;
    sections = arena_alloc(set->arena, (active->section_count + 1) * sizeof *sections);
    memcpy(sections, active->sections, active->section_count * sizeof *sections);
    sections[active->section_count++] =
        (struct benchmark_section){.id = section_of_others, .title = {"Own rules", "自定义规则"}};
    active->sections = sections;
}

static int refuse_benchmark(const struct rule_set *set, const char *name, const char *folder, struct error *error)
{
    scoped_str names = STR_INIT;

    for (size_t i = 0; i < set->benchmark_count; i++)
        str_printf(&names, "%s\"%s\"", i ? ", " : "", set->benchmarks[i].name);
    return error_set(error, ESRCH, "benchmark: unknown benchmark \"%s\" (in %s: %s)", name, folder,
                     set->benchmark_count ? names.data : M_("none"));
}

static int load_files(struct loader *loader, const char *data_dir, const char *user_dir, const char *active,
                      struct error *error)
{
    scoped(cleanup_free) char *rules = mem_printf("%s/rules", data_dir);
    scoped(cleanup_free) char *benchmarks = mem_printf("%s/benchmarks", data_dir);
    struct rule_set *set = loader->set;
    int r = each_json_file(rules, read_rule, loader, loader->faults, error);

    if (r == 0 && !loader->rules.count)
        r = error_set(error, EINVAL, "no rules in %s (see --data-dir)", rules);
    loader->own = true;
    if (r == 0 && user_dir)
        r = each_json_file(user_dir, read_rule, loader, loader->faults, error);
    if (r == 0)
        r = each_json_file(benchmarks, read_benchmark, loader, loader->faults, error);
    if (r < 0)
        return r;
    set->benchmark_count = loader->benchmarks.count;
    set->benchmarks = arena_alloc(set->arena, (set->benchmark_count + 1) * sizeof *set->benchmarks);
    for (size_t i = 0; i < set->benchmark_count; i++) {
        set->benchmarks[i] = loader->benchmarks.items[i];
        if (strcmp(set->benchmarks[i].name, active) == 0)
            set->active = &set->benchmarks[i];
    }
    return set->active ? put_in_order(loader, error) : refuse_benchmark(set, active, benchmarks, error);
}

int rule_set_load(const struct check *checks, const char *data_dir, const char *user_dir, const char *active,
                  const struct rule_override *overrides, size_t override_count, struct rule_set **ret,
                  struct error *error)
{
    const struct rule_source source = {.checks = checks,
                                       .data_dir = data_dir,
                                       .user_dir = user_dir,
                                       .active = active,
                                       .overrides = overrides,
                                       .override_count = override_count};

    return rule_set_load_from(&source, ret, error);
}

/* A profile that rules name: -EINVAL where there is none. */
static int enable_profile(struct rule_set *set, const char *profile, const char *place, struct error *error)
{
    scoped_str names = STR_INIT;
    bool any = false;

    for (size_t i = 0; i < set->count; i++) {
        const char *of_rule = set->rules[i].profile;

        if (str_equal(of_rule, profile))
            any = set->rules[i].enabled = true;
        else if (of_rule && !strstr(str_text(&names), of_rule))
            str_printf(&names, ", \"%s\"", of_rule);
    }
    return any ? 0
               : error_set(error, EINVAL,
                           "%s%sprofile: unknown profile \"%s\"; must be \"default\", \"level1\", \"level2\"%s",
                           place ? place : "", place ? ": " : "", profile, str_text(&names));
}

static void leave_out_above(struct rule_set *set, int level)
{
    set->level = level;
    for (size_t i = 0; i < set->count; i++)
        if (set->rules[i].level > level)
            set->rules[i].enabled = false;
}

/* The configuration may have switched some of them on again. */
static void count_outside(struct rule_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->outside += set->rules[i].level > set->level && !set->rules[i].enabled &&
                        (set->rules[i].own || benchmark_id(set->active, set->rules[i].slug));
}

/* Levels count last: what is switched on beyond the benchmarks has one too. */
static int apply_profiles(struct rule_set *set, const struct rule_source *source, struct error *error)
{
    static const char *const levels[] = {"level1", "level2", "default"};
    int level = (int)countof(levels), r = 0;

    for (size_t i = 0; source->profiles && i < source->profiles->count; i++) {
        const char *profile = source->profiles->items[i];
        size_t known = 0;

        while (known < countof(levels) && !str_equal(levels[known], profile))
            known++;
        if (known < countof(levels))
            level = (int)known + 1;
        else if (r == 0)
            r = go_on(source->faults, error, enable_profile(set, profile, source->profiles_place, error));
    }
    leave_out_above(set, level);
    return r;
}

static int apply_overrides(struct rule_set *set, const struct rule_source *source, struct error *error)
{
    const struct rule_override *overrides = source->overrides;
    int r = 0;

    for (size_t i = 0; r == 0 && i < source->override_count; i++) {
        r = apply_override(set, &overrides[i], error);
        for (size_t k = 0; r == 0 && k < i; k++)
            if (str_equal(overrides[k].file, overrides[i].file) &&
                rule_set_find(set, overrides[k].rule) == rule_set_find(set, overrides[i].rule))
                r = config_json_refuse(error, overrides[i].file, overrides[i].value,
                                       "rules: \"%s\" and \"%s\" are the same rule", overrides[k].rule,
                                       overrides[i].rule);
        r = go_on(source->faults, error, r);
    }
    return r;
}

int rule_set_load_from(const struct rule_source *source, struct rule_set **ret, struct error *error)
{
    scoped(cleanup_rule_set) struct rule_set *set = mem_alloc(sizeof *set);
    scoped(cleanup_free) char *lists = mem_printf("%s/lists", source->data_dir);
    struct loader loader = {.checks = source->checks, .set = set, .faults = source->faults};
    int r;

    set->arena = arena_new(64 * 1024);
    set->by_name = map_new(NULL);
    r = load_files(&loader, source->data_dir, source->user_dir, source->active, error);
    if (r == 0)
        r = each_json_file(lists, read_list, set, source->faults, error);
    if (r == 0)
        r = apply_profiles(set, source, error);
    if (r == 0)
        r = apply_overrides(set, source, error);
    if (r == 0) {
        make_section_of_others(set);
        count_outside(set);
    }
    vec_free(&loader.rules);
    vec_free(&loader.benchmarks);
    if (r == 0)
        *ret = take(set);
    return r;
}

static const char section_prefix[] = "section:";

bool rule_set_knows(const struct rule_set *set, const char *word)
{
    if (!str_starts(word, section_prefix))
        return str_equal(word, "*") || rule_set_find(set, word);
    if (str_equal(word + strlen(section_prefix), section_of_others)) /* it is there only as long as it has rules */
        return true;
    for (size_t i = 0; i < set->active->section_count; i++)
        if (str_equal(set->active->sections[i].id, word + strlen(section_prefix)))
            return true;
    return false;
}

bool rule_set_covers(const struct rule_set *set, const char *word, const struct rule *rule)
{
    if (str_starts(word, section_prefix))
        return str_equal(rule->section, word + strlen(section_prefix));
    return str_equal(word, "*") || rule_set_find(set, word) == rule;
}

void rule_set_free(struct rule_set *set)
{
    if (!set)
        return;
    map_free(set->by_name);
    arena_free(set->arena);
    free(set);
}

struct rule *rule_set_find(const struct rule_set *set, const char *slug_or_id)
{
    return slug_or_id ? map_get(set->by_name, slug_or_id) : NULL;
}

const char *rule_set_nearest(const struct rule_set *set, const char *name)
{
    VEC(const char *) names = {0};
    const char *nearest;

    for (size_t i = 0; i < set->count; i++) {
        vec_push(&names, set->rules[i].slug);
        if (set->rules[i].id)
            vec_push(&names, set->rules[i].id);
    }
    nearest = text_nearest(names.items, names.count, name);
    vec_free(&names);
    return nearest;
}
