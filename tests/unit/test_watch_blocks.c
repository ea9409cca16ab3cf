/* What agentctl watch makes of transitions: one block for each cause and subject, in lines of the terminal's width, in
 * both languages, of bounded size, without a byte of a name that a terminal would act on. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/watch_lulls.h"
#include "agent/ctl/watch_print.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/hostile_bytes.h"

struct shown {
    struct ctl ctl;
    struct watch_blocks blocks;
    struct str out;
    size_t blocks_shown;
};

static void set_up(struct shown *shown, unsigned width)
{
    setenv("TZ", "UTC", 1);
    setlocale(LC_CTYPE, "C.UTF-8");
    *shown = (struct shown){.ctl.terminal.width = width};
}

static void tear_down(struct shown *shown)
{
    watch_blocks_deinit(&shown->blocks);
    str_deinit(&shown->out);
}

static bool add(struct shown *shown, const char *text)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(json_parse(text, strlen(text), NULL, &doc, &error) == 0, "%s: %s", error.text, text);
    return watch_blocks_add(&shown->blocks, json_root(doc));
}

/* PREVIOUS, STATUS: with quotes, or null. */
static bool change(struct shown *shown, const char *cause, const char *kind, const char *name, const char *rule,
                   const char *severity, const char *previous, const char *status, const char *evidence)
{
    scoped_str line = STR_INIT;

    str_printf(&line,
               "{\"seq\":1,\"cause\":\"%s\",\"subject\":{\"kind\":\"%s\",\"id\":\"id-%s\",\"name\":\"%s\"},\"rule\":"
               "\"%s\",\"severity\":\"%s\",\"previous\":%s,\"status\":%s,\"waived\":null,\"evidence\":\"%s\",\"at\":"
               "\"2026-11-30T14:09:14.000000Z\"}",
               cause, kind, name, name, rule, severity, previous, status, evidence);
    return add(shown, line.data);
}

static void show(const struct watch_block *block, void *user)
{
    struct shown *shown = user;

    shown->blocks_shown++;
    watch_print_block(&shown->ctl, block, &shown->out);
}

static const char *end(struct shown *shown)
{
    watch_blocks_end(&shown->blocks, show, shown);
    return str_text(&shown->out);
}

static void create_web(struct shown *shown)
{
    static const char cause[] = "docker:container/create";

    change(shown, cause, "container", "web", "5.10", "medium", "null", "\"fail\"", "memory is not limited");
    change(shown, cause, "container", "web", "5.4", "critical", "null", "\"fail\"", "runs with --privileged");
    change(shown, cause, "container", "web", "5.3", "high", "null", "\"pass\"", "no capability is added");
    change(shown, cause, "container", "web", "5.15", "high", "null", "\"fail\"", "shares the host's process namespace");
    change(shown, cause, "container", "web", "5.11", "medium", "null", "\"fail\"", "CPU is not limited");
    change(shown, cause, "container", "web", "5.28", "medium", "null", "\"fail\"",
           "the number of processes is not limited");
}

START_TEST(a_container_that_is_created_is_one_block)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    create_web(&shown);
    ck_assert_str_eq(end(&shown), "14:09:14  container web created   5 fail (1 critical, 1 high)\n"
                                  "          5.4   critical runs with --privileged\n"
                                  "          5.15  high     shares the host's process namespace\n"
                                  "          5.10  medium   memory is not limited\n"
                                  "          … 2 more: agentctl findings --subject web\n");
    ck_assert_uint_eq(shown.blocks_shown, 1);
}
END_TEST

START_TEST(the_same_in_chinese_and_ascii)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    shown.ctl.zh = shown.ctl.terminal.ascii = true;
    create_web(&shown);
    ck_assert_msg(strstr(end(&shown), "14:09:14  容器 web 已创建   5 项不通过（1 项严重，1 项高）\n"
                                      "          5.4   严重     runs with --privileged\n") != NULL,
                  "%s", shown.out.data);
    ck_assert_ptr_nonnull(strstr(shown.out.data, "          ... 其余 2 项：agentctl findings --subject web\n"));
}
END_TEST

START_TEST(one_finding_stands_beside_its_subject)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    change(&shown, "docker:container/exec_create", "exec", "web", "5.22", "critical", "null", "\"fail\"",
           "docker exec --privileged in container web: id");
    change(&shown, "inotify:/etc/docker/daemon.json", "file", "/etc/docker/daemon.json", "3.18", "high", "\"pass\"",
           "\"fail\"", "mode 0666");
    change(&shown, "timer", "daemon", "daemon", "1.3", "high", "\"fail\"", "\"pass\"", "up to date");
    ck_assert_str_eq(end(&shown), "14:09:14  docker exec --privileged in container web: id   5.22 critical\n"
                                  "14:09:14  file /etc/docker/daemon.json changed   3.18 high\n"
                                  "          mode 0666\n"
                                  "14:09:14  daemon as time passed   1.3 high pass\n"
                                  "          up to date\n");
}
END_TEST

START_TEST(what_ends_with_its_subject_is_counted)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    change(&shown, "docker:container/destroy", "container", "web", "5.4", "critical", "\"fail\"", "null", "gone");
    change(&shown, "docker:container/destroy", "container", "web", "5.5", "high", "\"error\"", "null", "gone");
    change(&shown, "docker:container/destroy", "container", "web", "5.6", "high", "\"pass\"", "null", "gone");
    change(&shown, "docker:container/destroy", "exec", "web", "5.22", "high", "\"fail\"", "null", "gone");
    ck_assert_str_eq(end(&shown), "14:09:14  container web removed: 2 findings closed\n"
                                  "14:09:14  exec web after docker event container/destroy: 1 finding closed\n");
}
END_TEST

START_TEST(what_neither_fails_nor_recovers_is_shown_with_all)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    change(&shown, "start", "container", "web", "5.6", "high", "null", "\"pass\"", "no SSH server");
    ck_assert_str_eq(end(&shown), "");
    shown.ctl.all = true;
    change(&shown, "start", "container", "web", "5.6", "high", "null", "\"pass\"", "no SSH server");
    change(&shown, "start", "container", "web", "5.7", "low", "null", "\"manual\"", "see for yourself");
    ck_assert_str_eq(end(&shown), "14:09:14  container web at the agent's start   2 other\n"
                                  "          5.6   high     pass: no SSH server\n"
                                  "          5.7   low      manual: see for yourself\n");
}
END_TEST

/* error, then fail: what is left when all has come. */
START_TEST(only_the_end_of_a_rules_transitions_counts)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    change(&shown, "scan", "container", "web", "5.6", "high", "null", "\"error\"", "cannot be read");
    change(&shown, "scan", "container", "web", "5.6", "high", "\"error\"", "\"fail\"", "sshd runs");
    change(&shown, "scan", "container", "web", "5.7", "high", "\"pass\"", "\"error\"", "cannot be read");
    change(&shown, "scan", "container", "web", "5.7", "high", "\"error\"", "\"pass\"", "fine again");
    ck_assert_str_eq(end(&shown), "14:09:14  container web by a scan   5.6 high\n          sshd runs\n");
}
END_TEST

START_TEST(a_waived_failure_is_none)
{
    scoped(tear_down) struct shown shown;

    set_up(&shown, 80);
    add(&shown, "{\"seq\":1,\"cause\":\"start\",\"subject\":{\"kind\":\"host\",\"id\":\"host\",\"name\":\"host\"},"
                "\"rule\":\"1.1\",\"severity\":\"high\",\"previous\":null,\"status\":\"fail\",\"waived\":{\"reason\":"
                "\"x\"},\"evidence\":\"e\",\"at\":\"2026-11-30T14:09:14Z\"}");
    ck_assert_ptr_nonnull(strstr(end(&shown), "host at the agent's start   1.1 high waived\n"));
}
END_TEST

static void lines_fit(const char *text, size_t width)
{
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        scoped(cleanup_free) char *line = mem_strndup(at, length);

        ck_assert_msg(text_columns(line) <= width, "%zu columns of %zu: %.300s", text_columns(line), width, line);
        at += length + (at[length] == '\n');
    }
}

START_TEST(hostile_names_keep_to_the_width)
{
    static const unsigned widths[] = {40, 80, 120, 200};
    scoped_str hostile = STR_INIT, json = STR_INIT;

    append_hostile(&hostile, 0, 1);
    for (const char *at = hostile.data; *at; at++)
        if ((unsigned char)*at < 0x20)
            str_printf(&json, "\\u%04x", (unsigned char)*at);
        else
            str_append_char(&json, *at);
    for (size_t i = 0; i < countof(widths) * 2; i++) {
        scoped(tear_down) struct shown shown;

        set_up(&shown, widths[i / 2]);
        shown.ctl.zh = i & 1;
        shown.ctl.all = true;
        for (unsigned rule = 0; rule < 6; rule++) {
            scoped(cleanup_free) char *id = mem_printf("%u%s", rule, json.data);

            change(&shown, json.data, json.data, json.data, id, "high", "null", "\"fail\"", json.data);
            change(&shown, "docker:x", json.data, json.data, id, json.data, "null", "\"error\"", json.data);
        }
        change(&shown, "docker:container/exec_create", "exec", json.data, "5.22", "low", "null", "\"fail\"", json.data);
        ck_assert_uint_gt(strlen(end(&shown)), 100);
        expect_harmless("watch", shown.out.data, shown.out.length, true);
        lines_fit(shown.out.data, widths[i / 2]);
    }
}
END_TEST

static bool is_lull(struct watch_lulls *lulls, const char *uid, const char *cause, const char *previous,
                    const char *status)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"uid\":\"%s\",\"cause\":\"docker:container/%s\",\"previous\":\"%s\","
                   "\"status\":\"%s\"}",
                   uid, cause, previous, status);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &doc, NULL), 0);
    return watch_lulls_take(lulls, json_root(doc));
}

/* What fails after a start and did not before the stop is shown, and so is what came to pass meanwhile. */
START_TEST(a_restart_changes_nothing)
{
    scoped(watch_lulls_deinit) struct watch_lulls lulls = {0};

    ck_assert(!is_lull(&lulls, "a", "start", "not_applicable", "fail"));
    ck_assert(is_lull(&lulls, "a", "die", "fail", "not_applicable"));
    ck_assert(is_lull(&lulls, "a", "start", "not_applicable", "fail"));
    ck_assert(!is_lull(&lulls, "a", "start", "not_applicable", "fail"));
    ck_assert(is_lull(&lulls, "a", "stop", "error", "not_applicable"));
    ck_assert(is_lull(&lulls, "b", "kill", "fail", "not_applicable"));
    ck_assert(!is_lull(&lulls, "c", "start", "not_applicable", "fail"));
    ck_assert(!is_lull(&lulls, "b", "start", "pass", "fail"));
    ck_assert(!is_lull(&lulls, "a", "update", "not_applicable", "fail"));
    ck_assert(!is_lull(&lulls, "a", "start", "not_applicable", "fail"));
    ck_assert(!is_lull(&lulls, "a", "die", "fail", "pass"));
    ck_assert(!is_lull(&lulls, "a", "update", "fail", "not_applicable"));
    for (unsigned i = 0; i < 10000; i++) {
        char uid[16];

        snprintf(uid, sizeof uid, "%u", i);
        ck_assert(is_lull(&lulls, uid, "die", "fail", "not_applicable"));
    }
    ck_assert_uint_le(map_count(lulls.uids), 4096);
    ck_assert(is_lull(&lulls, "9999", "restart", "not_applicable", "fail"));
}
END_TEST

START_TEST(a_line_for_a_pipe)
{
    static const char text[] =
        "{\"at\":\"2026-11-30T14:09:14Z\",\"cause\":\"start\",\"rule\":\"5.4\",\"severity\":"
        "\"high\",\"previous\":null,\"status\":null,\"subject\":{\"kind\":\"container\",\"name\":"
        "\"a\\tb\\n\"},\"evidence\":null}";
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &doc, NULL), 0);
    watch_print_line(json_root(doc), &out);
    ck_assert_str_eq(out.data, "2026-11-30T14:09:14Z\tstart\t5.4\thigh\t-\tgone\tcontainer\ta\\x09b\\x0a\t-\n");
}
END_TEST

START_TEST(what_is_held_is_bounded)
{
    scoped(tear_down) struct shown shown;
    size_t count = 0;
    bool more = true;

    set_up(&shown, 80);
    while (more && count < 100000) {
        scoped(cleanup_free) char *rule = mem_printf("%zu", count++);

        more = change(&shown, "start", "container", "web", rule, "low", "null", "\"fail\"", "x");
    }
    ck_assert_uint_lt(count, 10000);
    ck_assert_uint_le(shown.blocks.list.items[0]->items.count, 256);
    ck_assert_ptr_nonnull(strstr(end(&shown), "256 fail"));
    ck_assert_uint_eq(shown.blocks.held, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch_blocks");
    TCase *tests = tcase_create("watch_blocks");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, a_container_that_is_created_is_one_block);
    tcase_add_test(tests, the_same_in_chinese_and_ascii);
    tcase_add_test(tests, one_finding_stands_beside_its_subject);
    tcase_add_test(tests, what_ends_with_its_subject_is_counted);
    tcase_add_test(tests, what_neither_fails_nor_recovers_is_shown_with_all);
    tcase_add_test(tests, only_the_end_of_a_rules_transitions_counts);
    tcase_add_test(tests, a_waived_failure_is_none);
    tcase_add_test(tests, hostile_names_keep_to_the_width);
    tcase_add_test(tests, a_restart_changes_nothing);
    tcase_add_test(tests, a_line_for_a_pipe);
    tcase_add_test(tests, what_is_held_is_bounded);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
