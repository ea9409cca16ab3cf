/* What is kept of a transition in the language of whoever reads it: as events of the API, and as records of a sink. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/checks/table.h"
#include "agent/evaluator/transition.h"
#include "agent/rules/rule_set.h"
#include "agent/sinks/formats.h"
#include "agent/sinks/record.h"
#include "common/json_out.h"
#include "common/memory.h"

static struct rule_set *rules;

static void load_rules(void)
{
    struct error error = ERROR_INIT;

    ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error) == 0, "%s",
                  error.text);
}

static void free_rules(void)
{
    rule_set_free(rules);
}

/* A kept transition of SLUG; the caller frees it. */
static char *keep(const char *slug, const char *title, const char *evidence, const char *remedy)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_string(out, "uid", "u");
    json_out_string(out, "rule", slug);
    json_out_string(out, "slug", slug);
    json_out_string(out, "title", title);
    json_out_string(out, "status", "fail");
    json_out_object(out, "subject");
    json_out_string(out, "kind", "container");
    json_out_string(out, "id", "c1");
    json_out_string(out, "name", "network"); /* a name is no word of ours */
    json_out_end_object(out);
    json_out_string(out, "evidence", evidence);
    json_out_string(out, "remedy", remedy);
    json_out_int(out, "seq", 7);
    json_out_end_object(out);
    return mem_strdup(json_out_text(out, NULL));
}

/* The member KEY of KEPT in LANGUAGE. */
static void expect(const char *kept, enum language language, const char *key, const char *expected)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;

    transition_render(&out, kept, strlen(kept), language, rules);
    ck_assert_int_eq(json_parse(str_text(&out), out.length, NULL, &doc, NULL), 0);
    ck_assert_str_eq(json_string(json_get(json_root(doc), key)), expected);
    ck_assert_str_eq(json_string(json_path(json_root(doc), "subject", "name", NULL)), "network");
    ck_assert_str_eq(json_string(json_path(json_root(doc), "subject", "kind", NULL)), "container");
    ck_assert_str_eq(json_string(json_get(json_root(doc), "status")), "fail");
    ck_assert_int_eq(json_int(json_get(json_root(doc), "seq"), 0), 7);
}

START_TEST(texts_of_a_rule)
{
    const struct rule *rule = rule_set_find(rules, "container-privileged");
    scoped_str evidence = STR_INIT;
    scoped(cleanup_free) char *kept = NULL;

    ck_assert_ptr_nonnull(rule);
    message_add(&evidence, "the %s is gone", M_("container"));
    kept = keep(rule->slug, rule->title[LANGUAGE_EN], evidence.data, rule->remedy[LANGUAGE_EN]);
    expect(kept, LANGUAGE_EN, "evidence", "the container is gone");
    expect(kept, LANGUAGE_EN, "title", rule->title[LANGUAGE_EN]);
    expect(kept, LANGUAGE_EN, "remedy", rule->remedy[LANGUAGE_EN]);
    expect(kept, LANGUAGE_ZH, "evidence", "该容器已不存在");
    expect(kept, LANGUAGE_ZH, "title", rule->title[LANGUAGE_ZH]);
    expect(kept, LANGUAGE_ZH, "remedy", rule->remedy[LANGUAGE_ZH]);
    ck_assert_str_ne(rule->remedy[LANGUAGE_EN], rule->remedy[LANGUAGE_ZH]);
}
END_TEST

/* A remedy for this very subject is not the rule's; a command in it stays as it is typed, a note in it is rendered. */
START_TEST(a_remedy_of_its_own)
{
    scoped_str remedy = STR_INIT;
    scoped(cleanup_free) char *kept = NULL;

    str_append(&remedy, "docker service update --cap-drop ALL network  # ");
    message_add(&remedy, "also change the stack file of %s, or the next \"stack deploy\" undoes this", "container");
    kept = keep("container-privileged", "t", "e", remedy.data);
    expect(kept, LANGUAGE_EN, "remedy",
           "docker service update --cap-drop ALL network  # also change the stack file of container, or the next "
           "\"stack deploy\" undoes this");
    expect(kept, LANGUAGE_EN, "evidence", "e");
    expect(
        kept, LANGUAGE_ZH, "remedy",
        "docker service update --cap-drop ALL network  # 还要修改 container 的 stack 文件，否则下一次 \"stack deploy\" "
        "会撤销此更改");
}
END_TEST

/* The agent's own titles are in the tables as a whole, as are evidence and titles of before they were messages. */
START_TEST(texts_of_the_agent_itself)
{
    scoped_str evidence = STR_INIT;
    scoped(cleanup_free) char *kept = NULL, *old = NULL;

    message_add(&evidence, "%s acknowledged exec %.12s in %s: %s", "uid 0", "0123456789abcdef", "network", "my own");
    kept = keep("agent-ack", "An exec was acknowledged", evidence.data, NULL);
    expect(kept, LANGUAGE_EN, "title", "An exec was acknowledged");
    expect(kept, LANGUAGE_EN, "evidence", "uid 0 acknowledged exec 0123456789ab in network: my own");
    expect(kept, LANGUAGE_ZH, "title", "确认了一个 exec 会话");
    expect(kept, LANGUAGE_ZH, "evidence", "uid 0 确认了 network 中的 exec 会话 0123456789ab：my own");
    old = keep("agent-engine", "State of the agent itself", "connected to the engine", NULL);
    expect(old, LANGUAGE_ZH, "evidence", "已连接到引擎");
    expect(old, LANGUAGE_EN, "evidence", "connected to the engine");
}
END_TEST

/* A rule that is not there any more keeps the title that it had. */
START_TEST(of_a_rule_that_is_gone)
{
    scoped(cleanup_free) char *kept = keep("no-such-rule", "Of before", "e", "r");

    expect(kept, LANGUAGE_ZH, "title", "Of before");
    expect(kept, LANGUAGE_ZH, "remedy", "r");
}
END_TEST

/* What is no object, or no JSON, passes as it came. */
START_TEST(what_is_no_transition)
{
    static const char *const texts[] = {"", "{", "[1]", "null", "{\"evidence\":\"\\u0001"};

    for (size_t i = 0; i < countof(texts); i++) {
        scoped_str out = STR_INIT;

        transition_render(&out, texts[i], strlen(texts[i]), LANGUAGE_ZH, rules);
        ck_assert_str_eq(str_text(&out), texts[i]);
    }
}
END_TEST

/* A sink of a host whose language is Chinese: the texts are, the words that programs compare are not. */
START_TEST(a_record_of_a_sink)
{
    const struct record_origin origin = {.host = "h",
                                         .machine = "m",
                                         .engine = "e",
                                         .version = "v",
                                         .benchmark = "b",
                                         .stream = "s",
                                         .schema = RECORD_SCHEMA,
                                         .language = LANGUAGE_ZH,
                                         .rules = rules};
    const struct rule *rule = rule_set_find(rules, "container-privileged");
    const struct format_settings settings = {.format = FORMAT_JSON, .header = HEADER_NONE};
    scoped_str evidence = STR_INIT, line = STR_INIT;
    scoped(cleanup_free) char *kept = NULL;
    struct store_item item = {.number = 1, .seq = 7, .kind = ITEM_TRANSITION};
    struct record record;

    ck_assert_ptr_nonnull(rule);
    message_add(&evidence, "the %s is gone", M_("container"));
    item.json = kept = keep(rule->slug, rule->title[LANGUAGE_EN], evidence.data, rule->remedy[LANGUAGE_EN]);
    ck_assert_int_eq(record_read(&item, &origin, 0, &record), 0);
    ck_assert_str_eq(record.evidence, "该容器已不存在");
    ck_assert_str_eq(record.title, rule->title[LANGUAGE_ZH]);
    ck_assert_str_eq(record.remedy, rule->remedy[LANGUAGE_ZH]);
    ck_assert_str_eq(record.subject_kind, "container");
    ck_assert_str_eq(record.status, "fail");
    format_line(&line, &record, &settings);
    ck_assert_ptr_nonnull(memmem(line.data, line.length, "该容器已不存在", strlen("该容器已不存在")));
    ck_assert_ptr_nonnull(memmem(line.data, line.length, "\"status\":\"fail\"", strlen("\"status\":\"fail\"")));
    ck_assert_ptr_null(memmem(line.data, line.length, "is gone", strlen("is gone")));
    record_deinit(&record);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transition_render");
    TCase *tests = tcase_create("transition_render");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, load_rules, free_rules);
    tcase_add_test(tests, texts_of_a_rule);
    tcase_add_test(tests, a_remedy_of_its_own);
    tcase_add_test(tests, texts_of_the_agent_itself);
    tcase_add_test(tests, of_a_rule_that_is_gone);
    tcase_add_test(tests, what_is_no_transition);
    tcase_add_test(tests, a_record_of_a_sink);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
