/* Events of the engines as one: what podman says otherwise means what Docker says. */
#include <check.h>
#include <string.h>

#include "probes/docker/docker_parse.h"

#define ID "9a5d5011722375d4be6547f79e59ae8ea6376b88f0b1a740421f0f443a299909"

/* What an event is taken for: TYPE/ACTION of ID, in container CONTAINER. */
static void is_taken_for(const char *text, const char *type, const char *action, const char *container)
{
    struct json_doc *doc = NULL;
    struct docker_event event;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &doc, NULL), 0);
    ck_assert_int_eq(parse_event_value(json_root(doc), &event, NULL), 0);
    ck_assert_str_eq(event.type, type);
    ck_assert_uint_eq(event.action_length, strlen(action));
    ck_assert_int_eq(strncmp(event.action, action, event.action_length), 0);
    if (container)
        ck_assert_str_eq(event.container, container);
    else
        ck_assert_ptr_null(event.container);
    ck_assert_int_eq(event.started, strstr(text, "\"exec\"") != NULL);
    json_doc_free(doc);
}

#define EVENT(type, action, attributes)                                                                                \
    "{\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" ID "\",\"Attributes\":{" attributes        \
    "}},\"timeNano\":1}"

START_TEST(containers_of_podman)
{
    is_taken_for(EVENT("container", "died", ""), "container", "die", NULL);
    is_taken_for(EVENT("container", "remove", ""), "container", "destroy", NULL);
    is_taken_for(EVENT("container", "exec", ""), "container", "exec_create", NULL);
    is_taken_for(EVENT("container", "exec_died", ""), "container", "exec_die", NULL);
    is_taken_for(EVENT("container", "start", ""), "container", "start", NULL);
    is_taken_for(EVENT("volume", "remove", ""), "volume", "remove", NULL);
}
END_TEST

/* podman names the container as the actor, Docker beside the network. */
START_TEST(networks)
{
    is_taken_for(EVENT("network", "connect", "\"name\":\"web\""), "network", "connect", ID);
    is_taken_for(EVENT("network", "disconnect", ""), "network", "disconnect", ID);
    is_taken_for(EVENT("network", "connect", "\"container\":\"abc\""), "network", "connect", "abc");
    is_taken_for(EVENT("network", "create", ""), "network", "create", NULL);
}
END_TEST

START_TEST(arguments_are_no_part_of_an_action)
{
    is_taken_for(EVENT("container", "exec_create: sh -c died", ""), "container", "exec_create", NULL);
    is_taken_for(EVENT("container", "health_status: healthy", ""), "container", "health_status", NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker events");
    TCase *tests = tcase_create("events");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, containers_of_podman);
    tcase_add_test(tests, networks);
    tcase_add_test(tests, arguments_are_no_part_of_an_action);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
