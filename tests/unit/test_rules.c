/* Rules as data: the benchmarks' numbers, users' own rules and how a wrong one is refused, conditions on documents. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/checks/table.h"
#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "common/clock.h"
#include "probes/daemon/daemon_config.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/host_folder.h"

static struct rule_set *load(const char *user_dir, const char *benchmark, struct error *error)
{
    struct rule_set *rules = NULL;

    rule_set_load(checks, SOURCE_DATA_DIR, user_dir, benchmark, NULL, 0, &rules, error);
    return rules;
}

/* ---- Benchmarks ---- */

static const struct {
    const char *name;
    size_t count;
} benchmarks[] = {{"dosec-1.0", 104}, {"cis-1.1.0", 105}, {"cis-1.6.0", 117}, {"cis-1.8.0", 118}};

static struct rule_set *load_profiles(const char *first, const char *second, struct error *error)
{
    const char *words[] = {first, second};
    const struct string_list profiles = {words, second ? 2 : 1};
    static const char text[] = "{\"enabled\": true}";
    struct json_doc *on = NULL;
    struct rule_override override = {.rule = "content-trust", .file = "f.json"};
    struct rule_source source = {.checks = checks,
                                 .data_dir = SOURCE_DATA_DIR,
                                 .active = "cis-1.8.0",
                                 .profiles = &profiles,
                                 .overrides = &override,
                                 .override_count = 1};
    struct rule_set *rules = NULL;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &on, NULL), 0);
    override.value = json_root(on);
    if (rule_set_load_from(&source, &rules, error) < 0)
        ck_assert_ptr_null(rules);
    json_doc_free(on);
    return rules;
}

START_TEST(profiles)
{
    struct error error = ERROR_INIT;
    struct rule_set *rules = load_profiles("extra", NULL, &error);

    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert(rule_set_find(rules, "container-secrets")->enabled);
    ck_assert(rule_set_find(rules, "bridge-accept-fwmark")->enabled);
    rule_set_free(rules);
    ck_assert_ptr_null(load_profiles("extras", NULL, &error));
    ck_assert_str_eq(error.text, "profile: unknown profile \"extras\"; must be \"default\", \"level1\", \"level2\", "
                                 "\"extra\"");
}
END_TEST

/* A level leaves out the rules above it, but for what the configuration switches on by name. */
START_TEST(levels)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_rule_set) struct rule_set *one = load_profiles("level1", "extra", &error),
                                             *two = load_profiles("level2", NULL, &error);
    size_t above = 0;

    ck_assert(one && two);
    ck_assert_uint_eq(two->outside, 0);
    for (size_t i = 0; i < one->count; i++) {
        const struct rule *rule = &one->rules[i];

        if (rule->level == 2 && strcmp(rule->slug, "content-trust") != 0) {
            ck_assert_msg(!rule->enabled, "%s", rule->slug);
            above += rule->id != NULL;
        }
        if (rule->level == 1 && rule->id)
            ck_assert_msg(rule->enabled, "%s", rule->slug);
        if (rule->id)
            ck_assert_msg(rule_set_find(two, rule->slug)->enabled, "%s", rule->slug);
    }
    ck_assert_uint_gt(above, 0);
    ck_assert_uint_eq(one->outside, above);
    ck_assert(rule_set_find(one, "content-trust")->enabled);
}
END_TEST

START_TEST(benchmark_counts)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_rule_set) struct rule_set *rules = load(NULL, benchmarks[_i].name, &error);
    size_t enabled = 0;

    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert_uint_eq(rules->active->entry_count, benchmarks[_i].count);
    ck_assert_uint_eq(rules->active->section_count, 7);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];

        enabled += rule->enabled;
        ck_assert_msg(rule->id_count > 0 || rule->profile, "%s has no id anywhere", rule->slug);
        ck_assert(rule->enabled == (rule->id != NULL));
        for (size_t k = 0; rule->id && k < i; k++)
            ck_assert_str_ne(rules->rules[k].id, rule->id);
    }
    ck_assert_uint_eq(enabled, benchmarks[_i].count);
}
END_TEST

static const struct anchor {
    const char *slug, *ids[countof(benchmarks)]; /* "": none */
} anchors[] = {
    {"data-root-partition", {"1.1", "1.1", "1.1.1", "1.1.1"}},
    {"host-hardened", {"1.2", "1.2", "1.2.1", "1.2.1"}},
    {"docker-group-members", {"1.4", "1.4", "1.1.2", "1.1.2"}},
    {"audit-docker-socket", {"1.9", "1.9", "1.1.9", ""}},
    {"audit-docker-sock", {"", "", "", "1.1.9"}},
    {"audit-containerd", {"1.12", "1.12", "", ""}},
    {"audit-containerd-program", {"", "", "1.1.14", "1.1.14"}},
    {"audit-runc", {"1.13", "1.13", "1.1.18", "1.1.18"}},
    {"rootless-mode", {"", "", "2.1", "2.1"}},
    {"bridge-icc", {"2.1", "2.1", "2.2", "2.2"}},
    {"api-tls", {"2.6", "2.6", "2.7", "2.8"}},
    {"devicemapper-driver", {"", "", "", "2.7"}},
    {"legacy-registry", {"2.13", "2.13", "", ""}},
    {"daemon-no-new-privileges", {"2.18", "2.18", "2.14", "2.15"}},
    {"live-restore", {"2.14", "2.14", "2.15", "2.16"}},
    {"experimental-features", {"2.17", "2.17", "2.18", "2.19"}},
    {"containerd-socket-mode", {"", "", "3.24", "3.24"}},
    {"image-signed", {"", "", "4.12", "4.12"}},
    {"container-privileged", {"5.4", "5.4", "5.5", "5.5"}},
    {"container-engine-socket", {"5.31", "5.31", "5.32", "5.32"}},
    {"image-sprawl", {"6.1", "6.1", "6.1", "6.1"}},
    {"swarm-needed", {"7.1", "7.1", "5.1", "5.1"}},
    {"swarm-managers", {"7.2", "7.2", "7.1", "7.1"}},
    {"swarm-traffic-separated", {"", "7.10", "7.9", "7.9"}},
};

START_TEST(benchmark_anchors)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_rule_set) struct rule_set *rules = load(NULL, "dosec-1.0", &error);
    const struct anchor *anchor = &anchors[_i];
    const struct rule *rule;

    ck_assert_msg(rules != NULL, "%s", error.text);
    rule = rule_set_find(rules, anchor->slug);
    ck_assert_msg(rule != NULL, "%s", anchor->slug);
    for (size_t b = 0; b < countof(benchmarks); b++) {
        const char *found = "";

        for (size_t i = 0; i < rule->id_count; i++)
            if (strcmp(rule->ids[i].benchmark, benchmarks[b].name) == 0)
                found = rule->ids[i].id;
        ck_assert_msg(strcmp(found, anchor->ids[b]) == 0, "%s in %s is %s", anchor->slug, benchmarks[b].name, found);
    }
}
END_TEST

/* ---- Users' own rules ---- */

#define RULE(check, params)                                                                                            \
    "{\"slug\": \"mine\", \"check\": \"" check "\",\n\"params\": " params                                              \
    ",\n\"severity\": \"low\", \"title\": \"Mine\"}"
#define VERSIONS(minimum, releases, date)                                                                              \
    RULE("engine-version", "{\"minimum\": \"" minimum "\", \"releases\": [" releases "], \"list_date\": \"" date "\""  \
                           "}")
#define MANUAL(member)   "{\"slug\": \"mine\", \"check\": \"manual\", \"severity\": \"low\",\n" member "}"
#define DOCUMENT(params) RULE("container-document", "{\"pointer\": \"/Config/User\", " params "}")

static const struct refusal {
    const char *text, *said;
} refusals[] = {
    {"", "own.json"},
    {"{\"slug\": ", "own.json"},
    {"[]", "own.json:1: must be an object"},
    {RULE("file-mod", "{}"), "own.json:1: check: unknown check \"file-mod\"; did you mean \"file-mode\"?"},
    {RULE("file-mode", "{\"source\": \"path:/x\"}"), "own.json:2: params.mode: missing"},
    {RULE("file-mode", "{\"source\": \"path:/x\", \"mode\": 600}"), "own.json:2: params.mode: must be a string"},
    {RULE("file-mode", "{\"source\": \"path:/x\", \"mode\": \"999\"}"), "own.json:2: params.mode: must be an octal"},
    {RULE("file-mode", "{\"source\": \"/x\", \"mode\": \"600\"}"), "own.json:2: params.source"},
    {RULE("file-mode", "{\"source\": \"path:/x\", \"mode\": \"600\", \"mod\": 1}"), "did you mean \"mode\"?"},
    {RULE("file-mode", "[]"), "own.json:2: params: must be an object"},
    {RULE("file-owner", "{\"source\": \"path:/x\", \"owner\": \"\"}"), "params.owner"},
    {RULE("file-content", "{\"source\": \"path:/x\", \"matches\": \"x\"}"), "must begin with content:"},
    {RULE("container-needed-ports", "{\"allowed\": [\"http\"]}"), "own.json:2: params.allowed: \"http\" is not a port"},
    {RULE("container-needed-ports", "{\"allowed\": [\"80/tpc\"]}"), "own.json:2: params.allowed"},
    {RULE("container-privileged-ports", "{\"allowed\": [\"53/udp\", \"90-80\"]}"), "\"90-80\" is not a port"},
    {RULE("container-privileged-ports", "{\"allowed\": [\"70000\"]}"), "\"70000\" is not a port"},
    {RULE("container-privileged-ports", "{\"allowed\": [\"80?\"]}"), "\"80?\" is not a port"},
    {RULE("audit-watch", "{\"source\": \"path:/x\", \"permissions\": \"wz\"}"), "own.json:2: params.permissions"},
    {RULE("audit-watch", "{\"source\": \"path:/x\", \"permissions\": \"\"}"), "own.json:2: params.permissions"},
    {RULE("daemon-option", "{\"option\": \"hosts\", \"absent\": true}"),
     "params.option: unknown dockerd option \"hosts\"; "
     "did you mean \"host\"?"},
    {RULE("daemon-option", "{\"option\": \"live-restor\", \"equals\": \"true\"}"), "did you mean \"live-restore\"?"},
    {RULE("container-document", "{\"pointer\": \"Config\", \"absent\": true}"), "own.json:2: params.pointer"},
    {RULE("container-document", "{\"pointer\": \"/a~b\", \"absent\": true}"), "own.json:2: params.pointer"},
    {DOCUMENT("\"each\": true"), "one of equals, in"},
    {DOCUMENT("\"in\": 3"), "own.json:2: params.in: must be a non-empty list"},
    {DOCUMENT("\"in\": []"), "own.json:2: params.in: must be a non-empty list"},
    {DOCUMENT("\"min\": \"3\""), "own.json:2: params.min: must be a number"},
    {DOCUMENT("\"matches\": \"(\""), "own.json:2: params.matches: must be a POSIX"},
    {DOCUMENT("\"matches\": \"a)(b\""), "own.json:2: params.matches: must be a POSIX"},
    {DOCUMENT("\"matches\": \"^\\\\d+$\""), "own.json:2: params.matches: contains \\d"},
    {DOCUMENT("\"matches\": \"[\\\\d]\""), "params.matches: contains \\d"},
    {DOCUMENT("\"matches\": \"a\\u0000b\""), "own.json:2: \"a\" contains a NUL"},
    {DOCUMENT("\"min\": 3, \"max\": 1"), "own.json:2: params.max: must not be less than min"},
    {RULE("daemon-option", "{\"option\": \"bogus-thing\", \"absent\": true}"),
     "params.option: unknown dockerd option \"bogus-thing\""},
    {RULE("daemon-option", "{\"option\": \"H\", \"absent\": true}"), "unknown dockerd option \"H\""},
    {RULE("file-mode", "{\"source\": \"option:tlskeys\", \"mode\": \"600\"}"), "did you mean \"tlskey\"?"},
    {DOCUMENT("\"matches\": 3"), "own.json:2: params.matches: must be a POSIX"},
    {DOCUMENT("\"matches\": \"(a*)\\\\1\""), "must not contain a back-reference"},
    {DOCUMENT("\"matches\": \"((a{1,200}){1,200}){1,200}\""), "must not repeat"},
    {DOCUMENT("\"absent\": true, \"equals\": 1"), "own.json:2: params.absent: cannot be combined with another"},
    {DOCUMENT("\"equals\": 1, \"each\": true, \"any\": true"), "own.json:2: params.any: cannot be combined with each"},
    {DOCUMENT("\"equals\": 1, \"each\": \"yes\""), "own.json:2: params.each: must be true or false"},
    {RULE("container-namespace", "{\"namespace\": \"bogus\"}"), "own.json:2: params.namespace: must be one of"},
    {RULE("log-level", "{\"level\": \"loud\"}"), "own.json:2: params.level: must be one of"},
    {RULE("image-scanned", "{\"threshold\": \"severe\"}"), "own.json:2: params.threshold: must be one of"},
    {VERSIONS("v28.0.0", "\"29 29.9.0\"", "2026-10-08"), "own.json:2: params.minimum: \"v28.0.0\" must be a version"},
    {VERSIONS("28.x", "\"29 29.9.0\"", "2026-10-08"), "params.minimum"},
    {VERSIONS(" 28.0", "\"29 29.9.0\"", "2026-10-08"), "params.minimum"},
    {RULE("engine-version", "{\"fixes\": [\"29.9.0\"]}"), "own.json:2: params.fixes: \"29.9.0\" must be releases"},
    {VERSIONS("28", "\"29 latest\"", "2026-10-08"), "params.releases: \"29 latest\""},
    {VERSIONS("28", "\"29\"", "2026-10-08"), "params.releases"},
    {VERSIONS("28", "\"29 29.9.0 2026-13-01\"", "2026-10-08"), "params.releases"},
    {VERSIONS("28", "\"29 29.9.0 2026-12-01 x\"", "2026-10-08"), "params.releases"},
    {VERSIONS("28", "\"29 29.9.0\"", "October"), "params.list_date"},
    {"{\"slug\": \"Mine!\", \"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\"}", "own.json:1: slug"},
    {"{\"slug\": \"mine\", \"slug\": \"me\", \"check\": \"manual\"}", "own.json:1: duplicate key \"slug\""},
    {"{\"slug\": \"container-privileged\", \"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\"}",
     "own.json:1: slug: \"container-privileged\" is already used by"},
    {"{\"slug\": \"mine\", \"check\": \"manual\",\n\"severity\": \"huge\", \"title\": \"x\"}", "own.json:2: severity"},
    {"{\"slug\": \"mine\", \"check\": \"manual\", \"title\": \"x\"}", "own.json:1: severity"},
    {"{\"slug\": \"mine\", \"check\": \"manual\", \"severity\": \"low\"}", "own.json:1: title"},
    {"{\"slug\": \"mine\", \"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\",\n\"level\": 3}",
     "own.json:2: level"},
    {"{\"slug\": \"mine\", \"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\", \"id\": \"9.1\"}",
     "own.json:1: unknown key \"id\" (known: slug, check,"},
    {MANUAL("\"title\": \"x\", \"level\": 1.5"), "own.json:2: level: must be 1 or 2"},
    {MANUAL("\"title\": \"x\", \"references\": \"https://example.org\""),
     "own.json:2: references: must be a list of strings"},
    {MANUAL("\"title\": \"x\", \"references\": [1]"), "own.json:2: references: must be a list of strings"},
    {MANUAL("\"title\": \" \""), "own.json:2: title: must be a non-empty string"},
    {MANUAL("\"title\": 5"), "own.json:2: title: must be a string or {"},
    {MANUAL("\"title\": {\"en\": \"x\", \"zh\": 5}"), "own.json:2: title: must be a string or {"},
    {MANUAL("\"title\": {\"en\": \"x\", \"zh\": \"\"}"), "own.json:2: title: must be a non-empty string"},
    {MANUAL("\"title\": {\"zh\": \"x\"}"), "own.json:2: title: must be a string or {"},
    {MANUAL("\"ti\\u0000tle\": \"x\""), "own.json:2: \"ti\" contains a NUL"},
    {"{\"slug\": \"54\", \"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\"}", "own.json:1: slug: must be"},
    {"{\"check\": \"manual\", \"severity\": \"low\", \"title\": \"x\"}", "own.json:1: slug: must be"},
    {"{\"slug\": \"mine\", \"severity\": \"low\", \"title\": \"x\"}", "own.json:1: check: must be the name"},
    {"{\"slug\": \"mine\", \"check\": \"file-mode\", \"severity\": \"low\", \"title\": \"x\"}",
     "own.json:1: params.source: missing"},
};

START_TEST(a_wrong_rule_is_refused)
{
    struct error error = ERROR_INIT;
    struct rule_set *rules;

    put_text("/own.json", refusals[_i].text);
    rules = load(host_folder, "dosec-1.0", &error);
    ck_assert_ptr_null(rules);
    ck_assert_msg(strstr(error.text, refusals[_i].said) && strstr(error.text, "own.json"), "%s: said \"%s\"",
                  refusals[_i].text, error.text);
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
    scoped(cleanup_free) char *path = host_place("/own.json"), *huge = mem_alloc(2 << 20);
    struct error error = ERROR_INIT;

    memset(huge, ' ', (2 << 20) - 1);
    put_text("/own.json", huge);
    ck_assert_ptr_null(load(host_folder, "dosec-1.0", &error));
    ck_assert_msg(strstr(error.text, "own.json") != NULL, "%s", error.text);
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    ck_assert_ptr_null(load(host_folder, "dosec-1.0", &error));
    ck_assert_msg(strstr(error.text, "own.json: not a regular file") != NULL, "%s", error.text);
    unlink(path);
    ck_assert_int_eq(symlink("/nonexistent", path), 0);
    ck_assert_ptr_null(load(host_folder, "dosec-1.0", &error));
    ck_assert_msg(strstr(error.text, "own.json") != NULL, "%s", error.text);
}
END_TEST

START_TEST(two_own_rules_may_not_share_a_slug)
{
    struct error error = ERROR_INIT;

    put_text("/a.json", DOCUMENT("\"equals\": 1"));
    put_text("/b.json", DOCUMENT("\"equals\": 2"));
    ck_assert_ptr_null(load(host_folder, "dosec-1.0", &error));
    ck_assert_msg(strstr(error.text, "b.json:1: slug: \"mine\" is already used by") && strstr(error.text, "a.json"),
                  "%s", error.text);
}
END_TEST

START_TEST(an_own_rule_has_a_section)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;

    put_text("/own.json", DOCUMENT("\"equals\": 1"));
    rules = load(host_folder, "cis-1.8.0", &error);
    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert(rule_set_find(rules, "mine")->enabled);
    ck_assert_str_eq(rule_set_find(rules, "mine")->section, "own");
    ck_assert_uint_eq(rules->active->section_count, 8);
    ck_assert_str_eq(rules->active->sections[7].id, "own");
}
END_TEST

/* ---- Lists ---- */

static const struct refusal list_refusals[] = {
    {"{\"rule\": \"no-such-rule\", \"params\": {}}", "list.json:1: rule: must be the name of a rule"},
    {"{\"params\": {}}", "list.json:1: rule: must be the name of a rule"},
    {"{\"rule\": \"engine-version\",\n\"params\": {\"releases\": [\"29\"]}}", "list.json:2: params.releases: \"29\""},
    {"{\"rule\": \"engine-version\",\n\"severity\": \"low\"}", "list.json:2: unknown key \"severity\""},
    {"[]", "list.json:1: must be an object"},
};

/* The shipped rules with a list of this test's own. */
static struct rule_set *load_with_list(const char *text, struct error *error)
{
    struct rule_set *rules = NULL;

    link_to(SOURCE_DATA_DIR "/rules", "/rules");
    link_to(SOURCE_DATA_DIR "/benchmarks", "/benchmarks");
    put_text("/lists/list.json", text);
    rule_set_load(checks, host_folder, NULL, "dosec-1.0", NULL, 0, &rules, error);
    return rules;
}

START_TEST(a_wrong_list_is_refused)
{
    struct error error = ERROR_INIT;

    ck_assert_ptr_null(load_with_list(list_refusals[_i].text, &error));
    ck_assert_msg(strstr(error.text, list_refusals[_i].said) != NULL, "%s", error.text);
}
END_TEST

START_TEST(a_list_can_be_replaced_alone)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_rule_set) struct rule_set *rules =
        load_with_list("{\"rule\": \"engine-version\", \"params\": {\"list_date\": \"2027-01-01\"}}", &error);
    const struct rule *rule = rules ? rule_set_find(rules, "engine-version") : NULL;
    bool found = false;

    ck_assert_msg(rule != NULL, "%s", error.text);
    for (size_t i = 0; rule && rule->check->params[i].name; i++)
        if (strcmp(rule->check->params[i].name, "list_date") == 0) {
            ck_assert_str_eq(rule->params[i].string, "2027-01-01");
            found = true;
        }
    ck_assert(found);
}
END_TEST

/* ---- Conditions ---- */

static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/* As the engine's answer is kept for a rule that reads POINTER. */
static void keep_own(struct facts *facts, enum docker_document kind, const char *pointer, const char *document)
{
    struct json_shape *shape;
    struct json_filter *filter;
    struct error error = ERROR_INIT;
    const char *text;
    size_t length;

    scoped(cleanup_free) char *lines = mem_printf("\n%s\n", pointer);

    facts->pointers = arena_strdup(facts->arena, lines);
    shape = document_own_shape(kind, facts->pointers);
    filter = document_own_filter(kind, shape);
    ck_assert_msg(json_filter_feed(filter, document, strlen(document), &error) == 0, "%s", error.text);
    ck_assert_msg(json_filter_end(filter, &text, &length, &error) == 0, "%s", error.text);
    facts->document = arena_strndup(facts->arena, text, length);
    json_filter_free(filter);
    json_shape_free(shape);
}

static enum verdict judge(const char *pointer, const char *conditions, const char *value, char **ret_evidence)
{
    scoped(cleanup_free) char *rule = mem_printf(
        "{\"slug\": \"mine\", \"check\": \"container-document\", \"severity\": \"low\", \"title\": \"x\", \"params\": "
        "{\"pointer\": \"%s\", %s}}",
        pointer, conditions);
    scoped(cleanup_free) char *document =
        mem_printf("{\"Id\": \"%s\", \"Name\": \"/c\", \"Image\": \"sha256:%s\", \"State\": {},"
                   "\"HostConfig\": {}, \"NetworkSettings\": {}, \"Config\": {\"X\": %s}}",
                   id, id, value);
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct store *store = store_new();
    struct container_facts *facts = NULL;
    struct check_result result;
    struct error error = ERROR_INIT;
    enum verdict verdict;

    put_text("/own.json", rule);
    rules = load(host_folder, "dosec-1.0", &error);
    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert_msg(parse_container(document, strlen(document), &facts, &error) == 0, "%s", error.text);
    keep_own(&facts->facts, DOCUMENT_CONTAINER, pointer, document);
    store_put(store, INPUT_CONTAINER, id, &facts->facts);
    check_result_init(&result);
    check_run(&(struct check_input){.rule = rule_set_find(rules, "mine"), .store = store, .key = id, .explain = true},
              &result);
    verdict = result.verdict;
    if (ret_evidence)
        *ret_evidence = mem_strdup(check_result_evidence(&result, LANGUAGE_EN));
    check_result_deinit(&result);
    store_free(store);
    return verdict;
}

static const struct condition {
    const char *conditions, *value;
    enum verdict verdict;
} conditions[] = {
    {"\"equals\": \"a\"", "\"a\"", VERDICT_PASS},
    {"\"equals\": 1", "1.0", VERDICT_PASS},
    {"\"equals\": 1", "\"1\"", VERDICT_FAIL},
    {"\"equals\": false", "null", VERDICT_FAIL},
    {"\"equals\": [1, {\"a\": 2}]", "[1, {\"a\": 2}]", VERDICT_PASS},
    {"\"in\": [null, 0]", "null", VERDICT_PASS},
    {"\"in\": [1, 2]", "3", VERDICT_FAIL},
    {"\"matches\": \"^(a|b)$\"", "\"b\"", VERDICT_PASS},
    {"\"matches\": \"^(a|b)$\"", "\"xb\"", VERDICT_FAIL},
    {"\"matches\": \"b|^x\"", "\"xa\"", VERDICT_PASS},
    {"\"matches\": \"b$\"", "\"ab\\nc\"", VERDICT_FAIL},
    {"\"matches\": \"^c\"", "\"ab\\nc\"", VERDICT_FAIL},
    {"\"matches\": \"^a.*c$\"", "\"ab\\nc\"", VERDICT_PASS},
    {"\"matches\": \"b\\nc\"", "\"ab\\nc\"", VERDICT_PASS},
    {"\"matches\": \"^ok$\"", "\"ok\\u0000evil\"", VERDICT_ERROR},
    {"\"equals\": \"ok\"", "\"ok\\u0000evil\"", VERDICT_FAIL},
    {"\"equals\": {\"a\": 1, \"b\": [2]}", "{\"b\": [2.0], \"a\": 1}", VERDICT_PASS},
    {"\"equals\": {\"a\": 1, \"b\": 2}", "{\"b\": 2, \"c\": 1}", VERDICT_FAIL},
    {"\"equals\": [1, 2]", "[2, 1]", VERDICT_FAIL},
    {"\"equals\": 9007199254740993", "9007199254740992", VERDICT_FAIL},
    {"\"equals\": true", "\"true\"", VERDICT_FAIL},
    {"\"matches\": \"^1\"", "12", VERDICT_PASS},
    {"\"matches\": \".\"", "null", VERDICT_FAIL},
    {"\"min\": 1", "0", VERDICT_FAIL},
    {"\"min\": 1, \"max\": 3", "3", VERDICT_PASS},
    {"\"max\": 3", "\"2\"", VERDICT_FAIL},
    {"\"max\": 3", "null", VERDICT_FAIL},
    {"\"absent\": true", "null", VERDICT_PASS},
    {"\"absent\": true", "0", VERDICT_FAIL},
    {"\"each\": true, \"matches\": \"^a\"", "[\"a\", \"ab\"]", VERDICT_PASS},
    {"\"each\": true, \"matches\": \"^a\"", "[\"a\", \"b\"]", VERDICT_FAIL},
    {"\"each\": true, \"matches\": \"^a\"", "{\"k\": \"b\"}", VERDICT_FAIL},
    {"\"each\": true, \"matches\": \"^a\"", "null", VERDICT_PASS},
    {"\"each\": true, \"matches\": \"^a\"", "\"b\"", VERDICT_ERROR},
    {"\"any\": true, \"equals\": 2", "[1, 2]", VERDICT_PASS},
    {"\"any\": true, \"equals\": 2", "[1, 3]", VERDICT_FAIL},
    {"\"any\": true, \"equals\": 2", "null", VERDICT_FAIL},
    {"\"any\": true, \"equals\": 2", "2", VERDICT_ERROR},
};

START_TEST(conditions_on_a_value)
{
    const struct condition *c = &conditions[_i];
    scoped(cleanup_free) char *evidence = NULL;
    enum verdict verdict = judge("/Config/X", c->conditions, c->value, &evidence);

    ck_assert_msg(verdict == c->verdict, "{%s} on %s is %s: %s", c->conditions, c->value, verdict_name(verdict),
                  evidence);
}
END_TEST

/* A pointer to where there is no place for a value is most likely misspelt. */
static const struct misspelt {
    const char *pointer, *conditions;
    enum verdict verdict;
} misspelt[] = {
    {"/Confg/X", "\"absent\": true", VERDICT_ERROR},   {"/Confg/X", "\"each\": true, \"equals\": 1", VERDICT_ERROR},
    {"/Confg/X", "\"in\": [null, 0]", VERDICT_ERROR},  {"/Confg/X", "\"any\": true, \"equals\": 1", VERDICT_FAIL},
    {"/Confg/X", "\"min\": 1", VERDICT_FAIL},          {"/Config/Y", "\"absent\": true", VERDICT_PASS},
    {"/Config/X/Y", "\"absent\": true", VERDICT_PASS}, /* X is null */
};

START_TEST(a_misspelt_pointer_does_not_pass)
{
    const struct misspelt *m = &misspelt[_i];
    scoped(cleanup_free) char *evidence = NULL;
    enum verdict verdict = judge(m->pointer, m->conditions, "null", &evidence);

    ck_assert_msg(verdict == m->verdict, "%s {%s} is %s: %s", m->pointer, m->conditions, verdict_name(verdict),
                  evidence);
}
END_TEST

/* ---- A daemon option, which is a text whatever it means ---- */

static const struct option_case {
    const char *option, *conditions, *argument;
    enum verdict verdict;
} option_cases[] = {
    {"live-restore", "\"equals\": true", "--live-restore", VERDICT_PASS},
    {"live-restore", "\"equals\": \"true\"", "--live-restore=1", VERDICT_PASS},
    {"live-restore", "\"equals\": true", "--live-restore=false", VERDICT_FAIL},
    {"icc", "\"in\": [false]", "--icc=f", VERDICT_PASS},
    {"max-concurrent-downloads", "\"min\": 3", "--max-concurrent-downloads=3", VERDICT_PASS},
    {"max-concurrent-downloads", "\"min\": 4", "--max-concurrent-downloads=3", VERDICT_FAIL},
    {"max-concurrent-downloads", "\"equals\": 3", "--max-concurrent-downloads=3", VERDICT_PASS},
    {"mtu", "\"max\": 1500", "--mtu=1k", VERDICT_FAIL},
    {"mtu", "\"max\": 1500", "--debug", VERDICT_FAIL},
    {"dns", "\"equals\": \"10.0.0.2\"", "--dns=10.0.0.2", VERDICT_PASS},
    {"dns", "\"equals\": [\"10.0.0.2\"]", "--dns=10.0.0.2", VERDICT_PASS},
    {"dns", "\"each\": true, \"matches\": \"^10[.]\"", "--dns=10.0.0.2", VERDICT_PASS},
    {"dns", "\"absent\": true", "--dns=10.0.0.2", VERDICT_FAIL},
    {"dns", "\"absent\": true", "--debug", VERDICT_PASS},
};

START_TEST(an_option_means_what_it_says)
{
    const struct option_case *c = &option_cases[_i];
    const char *arguments[] = {"dockerd", c->argument};
    scoped(cleanup_free) char *rule =
        mem_printf(RULE("daemon-option", "{\"option\": \"%s\", %s}"), c->option, c->conditions);
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    scoped(cleanup_store) struct store *store = store_new();
    struct daemon_facts *facts = NULL;
    struct check_result result;
    struct error error = ERROR_INIT;

    put_text("/own.json", rule);
    rules = load(host_folder, "dosec-1.0", &error);
    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert_int_eq(daemon_config_parse(arguments, countof(arguments), NULL, 0, &facts, &error), 0);
    store_put(store, INPUT_DAEMON, NULL, &facts->facts);
    check_result_init(&result);
    check_run(&(struct check_input){.rule = rule_set_find(rules, "mine"), .store = store, .explain = true}, &result);
    ck_assert_msg(result.verdict == c->verdict, "%s {%s} with %s is %s: %s", c->option, c->conditions, c->argument,
                  verdict_name(result.verdict), check_result_evidence(&result, LANGUAGE_EN));
    check_result_deinit(&result);
}
END_TEST

/* ---- The swarm's services ---- */

#define MANAGER "{\"LocalNodeState\": \"active\", \"ControlAvailable\": true}"
#define SERVICE(replicas)                                                                                              \
    "{\"ID\": \"s\", \"Spec\": {\"TaskTemplate\": {\"ContainerSpec\": {}}, \"Mode\": {\"Replicated\": "                \
    "{\"Replicas\": " replicas "}}}}"

static const struct service_case {
    const char *swarm, *services;
    enum verdict verdict;
} service_cases[] = {
    {MANAGER, "[]", VERDICT_NOT_APPLICABLE},
    {MANAGER, "[" SERVICE("3") "," SERVICE("2") "]", VERDICT_PASS},
    {MANAGER, "[" SERVICE("3") "," SERVICE("1") "]", VERDICT_FAIL},
    {MANAGER, "[{\"ID\": \"s\", \"Spec\": {\"TaskTemplate\": {\"ContainerSpec\": {}}, \"Mode\": {\"Global\": {}}}}]",
     VERDICT_FAIL},
    {MANAGER, NULL, VERDICT_ERROR},
    {"{\"LocalNodeState\": \"active\", \"ControlAvailable\": false}", NULL, VERDICT_NOT_APPLICABLE},
    {"{\"LocalNodeState\": \"inactive\", \"ControlAvailable\": false}", NULL, VERDICT_NOT_APPLICABLE},
    {"{\"LocalNodeState\": \"locked\", \"ControlAvailable\": false}", NULL, VERDICT_ERROR},
    {"{\"LocalNodeState\": \"active\"}", NULL, VERDICT_ERROR},
};

START_TEST(services_of_a_manager)
{
    const struct service_case *c = &service_cases[_i];
    scoped(cleanup_free) char *engine = mem_printf("{\"DockerRootDir\": \"/d\", \"Swarm\": %s}", c->swarm);
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    scoped(cleanup_store) struct store *store = store_new();
    struct service_list_facts *services = NULL;
    struct info_facts *info = NULL;
    struct check_result result;
    struct error error = ERROR_INIT;

    put_text("/own.json", RULE("service-document", "{\"pointer\": \"/Spec/Mode/Replicated/Replicas\", \"min\": 2}"));
    rules = load(host_folder, "dosec-1.0", &error);
    ck_assert_msg(rules != NULL, "%s", error.text);
    ck_assert_msg(parse_info(engine, strlen(engine), &info, &error) == 0, "%s", error.text);
    store_put(store, INPUT_INFO, NULL, &info->facts);
    if (c->services) {
        ck_assert_int_eq(parse_service_list(c->services, strlen(c->services), &services, &error), 0);
        keep_own(&services->facts, DOCUMENT_SERVICE_LIST, "/Spec/Mode/Replicated/Replicas", c->services);
        store_put(store, INPUT_SERVICES, NULL, &services->facts);
    }
    check_result_init(&result);
    check_run(&(struct check_input){.rule = rule_set_find(rules, "mine"), .store = store, .explain = true}, &result);
    ck_assert_msg(result.verdict == c->verdict, "%s of %s is %s: %s", c->services, c->swarm,
                  verdict_name(result.verdict), check_result_evidence(&result, LANGUAGE_EN));
    check_result_deinit(&result);
}
END_TEST

static const char *const secrets[] = {
    "[\"PATH=/bin\", \"DB_PASSWORD=hunter2horse\"]",
    "[\"DB_PASSWORD=a \\\" hunter2horse\"]",
    "{\"api_key\": \"hunter2horse\"}",
    "{\"deep\": [{\"token\": \"hunter2horse\"}]}",
    "\"postgres://me:hunter2horse@db/x\"",
};

START_TEST(no_secret_in_the_evidence)
{
    scoped(cleanup_free) char *evidence = NULL;

    judge("/Config/X", "\"equals\": 1", secrets[_i], &evidence);
    ck_assert_msg(strstr(evidence, "hunter2horse") == NULL, "%s", evidence);
    ck_assert_msg(strstr(evidence, "[redacted]") != NULL, "%s", evidence);
}
END_TEST

START_TEST(an_environment_keeps_its_names)
{
    scoped(cleanup_free) char *evidence = NULL;

    judge("/Config/X/Env", "\"equals\": 1", "{\"Env\": [\"DB_PASSWORD=hunter2horse\", \"A=b\"]}", &evidence);
    ck_assert_msg(strstr(evidence, "[\"DB_PASSWORD=[redacted]\",\"A=b\"]") != NULL, "%s", evidence);
}
END_TEST

START_TEST(a_value_is_named_by_its_pointer)
{
    scoped(cleanup_free) char *evidence = NULL;

    judge("/Config/X/DB_PASSWORD", "\"equals\": 1", "{\"DB_PASSWORD\": \"hunter2horse\"}", &evidence);
    ck_assert_msg(strstr(evidence, "hunter2horse") == NULL, "%s", evidence);
}
END_TEST

/* Patterns that take others hours: bounded texts, no back-references, one pass. */
static const char *const costly[] = {"(a*)*b", "(a|a)*b", "a*a*a*a*a*a*b", "(a|aa)+$b", "((a?){20}){10}b", "(x+x+)+y"};

START_TEST(patterns_are_bounded)
{
    scoped(cleanup_free) char *text = mem_alloc(4100), *json = NULL, *long_json = NULL;
    scoped(cleanup_free) char *condition = mem_printf("\"matches\": \"%s\"", costly[_i]);
    usec_t begun;

    memset(text, costly[_i][1] == 'x' ? 'x' : 'a', 4097);
    long_json = mem_printf("\"%s\"", text);
    text[4096] = '\0';
    json = mem_printf("\"%s\"", text);
    begun = clock_monotonic();
    ck_assert_int_eq(judge("/Config/X", condition, json, NULL), VERDICT_FAIL);
    ck_assert_msg(clock_monotonic() - begun < 200 * USEC_PER_SEC, "%s took too long", costly[_i]);
    ck_assert_int_eq(judge("/Config/X", condition, long_json, NULL), VERDICT_ERROR);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tests = tcase_create("rules");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, host_folder_setup, host_folder_teardown);
    tcase_add_test(tests, profiles);
    tcase_add_test(tests, levels);
    tcase_add_loop_test(tests, benchmark_counts, 0, (int)countof(benchmarks));
    tcase_add_loop_test(tests, benchmark_anchors, 0, (int)countof(anchors));
    tcase_add_loop_test(tests, a_wrong_rule_is_refused, 0, (int)countof(refusals));
    tcase_add_test(tests, files_that_are_none_are_refused);
    tcase_add_test(tests, two_own_rules_may_not_share_a_slug);
    tcase_add_test(tests, an_own_rule_has_a_section);
    tcase_add_loop_test(tests, a_wrong_list_is_refused, 0, (int)countof(list_refusals));
    tcase_add_test(tests, a_list_can_be_replaced_alone);
    tcase_add_loop_test(tests, services_of_a_manager, 0, (int)countof(service_cases));
    tcase_add_loop_test(tests, conditions_on_a_value, 0, (int)countof(conditions));
    tcase_add_loop_test(tests, a_misspelt_pointer_does_not_pass, 0, (int)countof(misspelt));
    tcase_add_loop_test(tests, an_option_means_what_it_says, 0, (int)countof(option_cases));
    tcase_add_loop_test(tests, no_secret_in_the_evidence, 0, (int)countof(secrets));
    tcase_add_test(tests, an_environment_keeps_its_names);
    tcase_add_test(tests, a_value_is_named_by_its_pointer);
    tcase_add_loop_test(tests, patterns_are_bounded, 0, (int)countof(costly));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
