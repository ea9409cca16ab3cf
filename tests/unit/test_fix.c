/* agentctl fix: the scripts that are made of findings, and the daemon.json that the one for sh makes, run by sh. */
#include <check.h>
#include <string.h>

#include "agent/ctl/fix.h"
#include "agent/model/fix.h"
#include "common/memory.h"
#include "tests/unit/host_folder.h"

/* A plan of the findings in TEXT. */
static struct fix_plan plan_of(const char *text)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct fix_plan plan = {.id = mem_strdup("fix-1"), .host = mem_strdup("host")};
    struct error error = ERROR_INIT;

    ck_assert_msg(json_parse(text, strlen(text), NULL, &doc, &error) == 0, "%s", error.text);
    for (size_t i = 0; i < json_count(json_root(doc)); i++)
        fix_plan_add(&plan, json_at(json_root(doc), i));
    fix_plan_finish(&plan);
    return plan;
}

static void print(struct fix_plan *plan, void (*printer)(const struct ctl *, const struct fix_plan *, struct str *),
                  struct str *out)
{
    const struct ctl ctl = {.zh = false};

    printer(&ctl, plan, out);
    fix_plan_deinit(plan);
}

#define FINDING(rule, fix)                                                                                             \
    "{\"rule\":\"" rule                                                                                                \
    "\",\"title\":\"T\",\"subject\":{\"kind\":\"file\",\"name\":\"n\"},\"remedy\":\"# w\",\"fix\":" fix "}"
#define COMMAND(text, unattended)                                                                                      \
    "{\"kind\":\"command\",\"effect\":\"nothing\",\"unattended\":" unattended ",\"command\":\"" text "\",\"files\":[]" \
    "}"

static int run_script(const struct str *script)
{
    scoped(cleanup_free) char *path = host_place("/script");
    scoped(cleanup_free) char *line =
        mem_printf("FIX_STATE='%s/kept' sh '%s' >'%s/out' 2>&1", host_folder, path, host_folder);

    put_text("/script", str_text(script));
    return system(line);
}

START_TEST(commands_run_once_and_in_order)
{
    scoped(cleanup_free) char *text =
        mem_printf("[" FINDING("5.1", COMMAND("echo second >>%s/log", "true")) "," FINDING(
                       "3.1", COMMAND("echo first >>%s/log", "true")) "," FINDING("3.2", COMMAND("echo never >>%s/log",
                                                                                                 "false")) "]",
                   host_folder, host_folder, host_folder);
    struct fix_plan plan;
    scoped_str script = STR_INIT;
    scoped(cleanup_free) char *check = mem_printf("[ \"$(cat '%s/log')\" = 'first\nsecond' ]", host_folder);

    plan = plan_of(text);
    print(&plan, fix_print_sh, &script);
    ck_assert_int_eq(run_script(&script), 0);
    ck_assert_int_eq(run_script(&script), 0);
    ck_assert_int_eq(system(check), 0);
}
END_TEST

START_TEST(a_failure_ends_it_and_it_goes_on_from_there)
{
    scoped(cleanup_free) char *text =
        mem_printf("[" FINDING("3.1", COMMAND("echo first >>%s/log", "true")) "," FINDING(
                       "3.2", COMMAND("true && [ -e %s/mended ] && true",
                                      "true")) "," FINDING("3.3", COMMAND("echo third >>%s/log", "true")) "]",
                   host_folder, host_folder, host_folder);
    scoped(cleanup_free) char *log = mem_printf("[ \"$(cat '%s/log')\" = first ]", host_folder);
    scoped(cleanup_free) char *whole = mem_printf("[ \"$(cat '%s/log')\" = 'first\nthird' ]", host_folder);
    struct fix_plan plan = plan_of(text);
    scoped_str script = STR_INIT;

    print(&plan, fix_print_sh, &script);
    ck_assert_int_ne(run_script(&script), 0);
    ck_assert_int_eq(system(log), 0);
    put_text("/mended", "");
    ck_assert_int_eq(run_script(&script), 0);
    ck_assert_int_eq(system(whole), 0);
}
END_TEST

START_TEST(names_add_no_line)
{
    static const char *const texts[] = {
        "[{\"rule\":\"5.4\\nreboot\",\"title\":\"a\\n- name: "
        "x\",\"subject\":{\"name\":\"b\\u2028\\u001b[31m\\nreboot\"},"
        "\"remedy\":\"# c\\nreboot\",\"fix\":null}]",
        "[" FINDING("3.1", COMMAND("chown root '/x\\nreboot'", "true")) "]",
        "[" FINDING("3.1", COMMAND("chown root $'/x\\\\x0areboot'", "true")) "]",
    };

    for (size_t i = 0; i < countof(texts); i++) {
        scoped_str sh = STR_INIT, ansible = STR_INIT;
        struct fix_plan plan = plan_of(texts[i]);

        print(&plan, fix_print_sh, &sh);
        plan = plan_of(texts[i]);
        print(&plan, fix_print_ansible, &ansible);
        ck_assert_msg(!strstr(sh.data, "\nreboot") && !strstr(sh.data, "{ chown"), "%s", sh.data);
        ck_assert_msg(!strstr(ansible.data, "\nreboot") && !strstr(ansible.data, "\n- name: x"), "%s", ansible.data);
        ck_assert_ptr_null(strstr(ansible.data, "shell"));
    }
}
END_TEST

START_TEST(a_playbook_takes_nothing_for_a_template)
{
    scoped_str out = STR_INIT;
    struct fix_plan plan =
        plan_of("[{\"rule\":\"3.1\",\"title\":\"{{ x }}\",\"subject\":{\"kind\":\"file\",\"name\":\"n\"},"
                "\"remedy\":\"r\",\"fix\":" COMMAND("echo '{{ y }}' \\\"z\\\" \\\\\\\\", "true") "}]");

    print(&plan, fix_print_ansible, &out);
    ck_assert_ptr_nonnull(strstr(out.data, "- name: \"3.1 __ x __\"\n"));
    ck_assert_msg(strstr(out.data, "cmd: !unsafe \"{ echo '{{ y }}' \\\"z\\\" \\\\\\\\; } && "), "%s", out.data);
}
END_TEST

/* daemon.json before, members of two findings, after */
static const struct merge {
    const char *before, *first, *second, *after;
} merges[] = {
    {NULL, "{\"key\":\"icc\",\"value\":\"false\",\"at\":0,\"cut\":0}",
     "{\"key\":\"debug\",\"value\":\"false\",\"at\":0,\"cut\":0}", "{\"debug\": false, \"icc\": false}\n"},
    {" \n", "{\"key\":\"icc\",\"value\":\"false\",\"at\":0,\"cut\":0}", "", "{\"icc\": false}\n"},
    {"{\"icc\": true, \"x\": \"%s'\\\\\"}\n", "{\"key\":\"icc\",\"value\":\"false\",\"at\":8,\"cut\":4}",
     "{\"key\":\"debug\",\"value\":\"false\",\"at\":1,\"cut\":0}",
     "{\"debug\": false, \"icc\": false, \"x\": \"%s'\\\\\"}\n"},
    {"{\"a\": [1,\n2], \"b\": {}}", "{\"key\":\"b\",\"value\":\"{\\\"c\\\": 1}\",\"at\":19,\"cut\":2}",
     "{\"key\":\"a\",\"value\":\"[]\",\"at\":6,\"cut\":6}", "{\"a\": [], \"b\": {\"c\": 1}}"},
};

static void sum_of(const char *path, struct str *ret)
{
    scoped(cleanup_free) char *line = mem_printf("sha256sum <'%s' | cut -d ' ' -f 1", path);
    char text[80] = "";
    FILE *pipe = popen(line, "r");

    ck_assert_ptr_nonnull(pipe);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, pipe));
    ck_assert_int_eq(pclose(pipe), 0);
    str_append_n(ret, text, strcspn(text, "\n"));
}

static void add_merging(struct str *out, const char *path, const struct merge *merge, const char *members,
                        const char *sum)
{
    if (!*members)
        return;
    str_printf(
        out,
        "%s{\"rule\":\"2.1\",\"title\":\"T\",\"subject\":{\"kind\":\"daemon\",\"name\":\"d\"},\"fix\":{\"kind\":"
        "\"daemon.json\",\"effect\":\"restart\",\"unattended\":true,\"command\":null,\"details\":{\"path\":\"%s\","
        "\"sha256\":%s,\"empty\":%s,\"apply\":\"echo restart >>%s/log\",\"note\":\"n\",\"members\":[%s]}}}",
        out->length > 1 ? "," : "", path, sum, merge->before && *merge->before == ' ' ? "true" : "false", host_folder,
        members);
}

START_TEST(daemon_json_is_merged_once)
{
    const struct merge *merge = &merges[_i];
    scoped(cleanup_free) char *path = host_place("/etc/docker/daemon.json");
    scoped(cleanup_free) char *restarts = mem_printf("[ \"$(cat '%s/log')\" = restart ]", host_folder);
    scoped_str text = STR_INIT, sum = STR_INIT, script = STR_INIT, now = STR_INIT;
    struct error error = ERROR_INIT;
    struct fix_plan plan;

    if (merge->before) {
        str_append_char(&sum, '"');
        put_text("/etc/docker/daemon.json", merge->before);
        sum_of(path, &sum);
        str_append_char(&sum, '"');
    } else {
        str_append(&sum, "null");
    }
    str_append_char(&text, '[');
    add_merging(&text, path, merge, merge->first, sum.data);
    add_merging(&text, path, merge, merge->second, sum.data);
    str_append_char(&text, ']');
    plan = plan_of(text.data);
    ck_assert_uint_eq(plan.words.count, 0);
    print(&plan, fix_print_sh, &script);
    ck_assert_msg(run_script(&script) == 0, "%s", script.data);
    ck_assert_int_eq(run_script(&script), 0);
    ck_assert_int_eq(file_read(path, 4096, &now, &error), 0);
    ck_assert_str_eq(now.data, merge->after);
    ck_assert_int_eq(system(restarts), 0);
}
END_TEST

START_TEST(a_file_that_has_changed_is_left_alone)
{
    scoped(cleanup_free) char *path = host_place("/daemon.json");
    scoped_str text = STR_INIT, script = STR_INIT, now = STR_INIT;
    struct error error = ERROR_INIT;
    struct fix_plan plan;

    put_text("/daemon.json", "{\"mine\": 1}");
    str_append_char(&text, '[');
    add_merging(&text, path, &merges[2], merges[2].first, "\"abcd\"");
    str_append_char(&text, ']');
    plan = plan_of(text.data);
    print(&plan, fix_print_sh, &script);
    ck_assert_int_ne(run_script(&script), 0);
    ck_assert_int_eq(file_read(path, 4096, &now, &error), 0);
    ck_assert_str_eq(now.data, "{\"mine\": 1}");
    ck_assert_ptr_nonnull(strstr(script.data, "abcd"));
}
END_TEST

START_TEST(findings_that_contradict_are_not_merged)
{
    scoped_str text = STR_INIT;
    struct fix_plan plan;

    str_append_char(&text, '[');
    add_merging(&text, "/d", &merges[2], "{\"key\":\"icc\",\"value\":\"false\",\"at\":8,\"cut\":4}", "\"ab\"");
    add_merging(&text, "/d", &merges[2], "{\"key\":\"icc\",\"value\":\"true\",\"at\":8,\"cut\":4}", "\"ab\"");
    add_merging(&text, "/e", &merges[2], "{\"key\":\"b\",\"value\":\"true\",\"at\":8,\"cut\":4}", "\"ab\"");
    str_append_char(&text, ']');
    plan = plan_of(text.data);
    ck_assert_uint_eq(plan.words.count, 2);
    ck_assert_uint_eq(plan.file.members.count, 1);
    fix_plan_deinit(&plan);
}
END_TEST

static void written(struct fix *fix, struct str *ret)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    fix_write(fix, out);
    json_out_end_object(out);
    str_append(ret, json_out_text(out, NULL));
    fix_deinit(fix);
}

START_TEST(comments_are_left_out_of_commands)
{
    static const char *const commands[][2] = {
        {"chown a b  # note", "chown a b"},
        {"echo '# a' # b", "echo '# a'"},
        {"echo \"# \\\" # \" # c", "echo \"# \\\" # \""},
        {"echo a#b $# \\#", "echo a#b $# \\#"},
    };

    for (size_t i = 0; i < countof(commands); i++) {
        struct fix fix = {0};

        fix_add_command(&fix, commands[i][0]);
        ck_assert_str_eq(str_text(&fix.command), commands[i][1]);
        ck_assert_int_eq(fix.kind, FIX_COMMAND);
        fix_deinit(&fix);
    }
}
END_TEST

START_TEST(what_is_written_is_whole_or_not_there)
{
    struct fix fix = {0};
    scoped_str text = STR_INIT, command = STR_INIT;

    fix_add_command(&fix, "# words alone");
    written(&fix, &text);
    ck_assert_str_eq(text.data, "{\"fix\":null}");
    fix = (struct fix){0};
    fix_add_command(&fix, "a");
    fix_add_command(&fix, "# and words");
    fix_add_file(&fix, "/f");
    str_clear(&text);
    written(&fix, &text);
    ck_assert_str_eq(text.data,
                     "{\"fix\":{\"kind\":\"command\",\"effect\":\"nothing\",\"unattended\":false,\"command\":null,"
                     "\"files\":[\"/f\"],\"details\":{}}}");
    for (size_t i = 0; i < 17000; i++)
        str_append_char(&command, 'x');
    fix = (struct fix){0};
    fix_add_command(&fix, "a");
    fix_add_command(&fix, command.data);
    str_clear(&text);
    written(&fix, &text);
    ck_assert_str_eq(text.data, "{\"fix\":null}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fix");
    TCase *tests = tcase_create("fix");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, host_folder_setup, host_folder_teardown);
    tcase_add_test(tests, commands_run_once_and_in_order);
    tcase_add_test(tests, a_failure_ends_it_and_it_goes_on_from_there);
    tcase_add_test(tests, names_add_no_line);
    tcase_add_test(tests, a_playbook_takes_nothing_for_a_template);
    tcase_add_loop_test(tests, daemon_json_is_merged_once, 0, countof(merges));
    tcase_add_test(tests, a_file_that_has_changed_is_left_alone);
    tcase_add_test(tests, findings_that_contradict_are_not_merged);
    tcase_add_test(tests, comments_are_left_out_of_commands);
    tcase_add_test(tests, what_is_written_is_whole_or_not_there);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
