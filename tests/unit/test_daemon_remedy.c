/* Commands that edit daemon.json, run by a shell as they are printed: they change the member that they are about, at
 * the top of the file, and nothing else. */
#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/checks/table.h"
#include "agent/rules/rule_set.h"
#include "probes/daemon/daemon_config.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/host_folder.h"

static const char plain_info[] = "{\"DockerRootDir\": \"/d\", \"LiveRestoreEnabled\": false, \"Debug\": false}";
static const char debug_info[] = "{\"DockerRootDir\": \"/d\", \"LiveRestoreEnabled\": false, \"Debug\": true}";

static const char registry_info[] =
    "{\"DockerRootDir\": \"/d\", \"LiveRestoreEnabled\": false, \"RegistryConfig\": {\"InsecureRegistryCIDRs\": "
    "[\"10.0.0.0/8\"], \"IndexConfigs\": {}, \"Mirrors\": [\"http://m/\"]}}";

static const char *info_for(const char *slug)
{
    return strcmp(slug, "log-level") == 0             ? debug_info
           : strcmp(slug, "insecure-registries") == 0 ? registry_info
                                                      : plain_info;
}

/* Facts of a dockerd with that file, which is at PATH. */
static struct store *store_of(const char *text, const char *path, const char *info_text)
{
    static const char version_text[] = "{\"Version\": \"20.10.24\"}";
    static const char *const arguments[] = {"dockerd"};
    struct store *store = store_new();
    struct daemon_facts *daemon = NULL;
    struct version_facts *version = NULL;
    struct info_facts *info = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(daemon_config_parse(arguments, 1, text, strlen(text), &daemon, &error), 0);
    daemon->pid = 1;
    daemon->config_path = arena_strdup(daemon->facts.arena, path);
    ck_assert_int_eq(parse_version(version_text, strlen(version_text), &version, &error), 0);
    ck_assert_int_eq(parse_info(info_text, strlen(info_text), &info, &error), 0);
    store_put(store, INPUT_DAEMON, NULL, &daemon->facts);
    store_put(store, INPUT_VERSION, NULL, &version->facts);
    store_put(store, INPUT_INFO, NULL, &info->facts);
    return store;
}

static void print_remedy(const char *slug, const char *text, const char *path, struct str *ret)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct store *store = store_of(text, path, info_for(slug));
    struct check_input in = {.store = store, .explain = true, .now = 1};
    struct check_result result;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    in.rule = rule_set_find(rules, slug);
    check_result_init(&result);
    check_run(&in, &result);
    ck_assert_msg(result.verdict == VERDICT_FAIL, "%s of %s: %s", slug, text,
                  check_result_evidence(&result, LANGUAGE_EN));
    if (result.remedy.length)
        str_append(ret, check_result_remedy(&result, in.rule, LANGUAGE_EN));
    check_result_deinit(&result);
    store_free(store);
}

static void write_host_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs(text, file) < 0, 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* COMMAND with a systemctl that does nothing. */
static int run_remedy(const char *command)
{
    scoped(cleanup_free) char *path = mem_printf("%s/bin/systemctl", host_folder);
    scoped(cleanup_free) char *script = mem_printf("%s/remedy", host_folder);
    scoped(cleanup_free) char *line = mem_printf("PATH=%s/bin:$PATH sh '%s' >/dev/null 2>&1", host_folder, script);

    free(host_place("/bin/systemctl"));
    write_host_file(path, "#!/bin/sh\n");
    ck_assert_int_eq(chmod(path, 0755), 0);
    write_host_file(script, command);
    return system(line);
}

/* AFTER: NULL: there is no command, but words. */
static const struct edit {
    const char *slug, *before, *after;
} edits[] = {
    {"userland-proxy", "{}", "{\"userland-proxy\": false}\n"},
    {"userland-proxy", " \n", "{\"userland-proxy\": false}\n"},
    {"userland-proxy", "{\"userland-proxy\": true}", "{\"userland-proxy\": false}"},
    {"userland-proxy", "{\"icc\": true}\n", "{\"userland-proxy\": false, \"icc\": true}\n"},
    {"userland-proxy", "\n\n {\n\t\"labels\": [\"{\"]\n}\n",
     "\n\n {\"userland-proxy\": false, \n\t\"labels\": [\"{\"]\n}\n"},
    /* only members whose values set nothing */
    {"userland-proxy", "{\"dns\": [], \"features\": {}}", "{\"userland-proxy\": false, \"dns\": [], \"features\": {}}"},
    {"userland-proxy", "{\"userland-proxy\": null}", "{\"userland-proxy\": false}"},
    /* the same words deeper in the file, and in texts */
    {"userland-proxy", "{\"features\": {\"userland-proxy\": true, \"a\": false}, \"userland-proxy\": true}",
     "{\"features\": {\"userland-proxy\": true, \"a\": false}, \"userland-proxy\": false}"},
    {"userland-proxy", "{\"userland-proxy\": true, \"features\": {\"userland-proxy\": true}}",
     "{\"userland-proxy\": false, \"features\": {\"userland-proxy\": true}}"},
    {"userland-proxy", "{\"log-opts\": {\"userland-proxy\": \"true\"}}",
     "{\"userland-proxy\": false, \"log-opts\": {\"userland-proxy\": \"true\"}}"},
    {"userland-proxy", "{\"labels\": [\"\\\"userland-proxy\\\": true\", \"}\", \"\\\\\"],\n\"userland-proxy\":\ttrue }",
     "{\"labels\": [\"\\\"userland-proxy\\\": true\", \"}\", \"\\\\\"],\n\"userland-proxy\":\tfalse }"},
    /* the value on a line of its own, after the same word */
    {"userland-proxy", "{\"userland-proxy\"\r\n:\r\n  true, \"icc\": true,\r\n \"ip6tables\": true}",
     "{\"userland-proxy\"\r\n:\r\n  false, \"icc\": true,\r\n \"ip6tables\": true}"},
    {"userland-proxy", "{\"icc\": true, \"userland-proxy\":\n true}", "{\"icc\": true, \"userland-proxy\":\n false}"},
    /* of a key that is there twice the last one counts */
    {"userland-proxy", "{\"userland-proxy\": false,\n\"userland-proxy\": true}",
     "{\"userland-proxy\": false,\n\"userland-proxy\": false}"},
    {"userland-proxy", "{\"userland-proxy\": true, \"userland-proxy\": true}",
     "{\"userland-proxy\": true, \"userland-proxy\": false}"},
    {"userland-proxy", "\xef\xbb\xbf{\"icc\": true}", "\xef\xbb\xbf{\"userland-proxy\": false, \"icc\": true}"},
    /* two members by one command, beside what sed takes for its own */
    {"log-level", "{\"debug\": true, \"log-level\": \"warn\", \"features\": {\"debug\": true}}",
     "{\"debug\": false, \"log-level\": \"info\", \"features\": {\"debug\": true}}"},
    {"log-level", "{\"log-level\": \"warn\", \"data-root\": \"/d/&\"}",
     "{\"debug\": false, \"log-level\": \"info\", \"data-root\": \"/d/&\"}"},
    {"daemon-cgroup-parent", "{\"labels\": [\"/a.b*[1]&^$\"], \"cgroup-parent\": \"/a.b*[1]&^$\"}",
     "{\"labels\": [\"/a.b*[1]&^$\"], \"cgroup-parent\": \"\"}"},
    {"daemon-cgroup-parent", "{\"cgroup-parent\": \"a\\\\b\\\"c\"}", "{\"cgroup-parent\": \"\"}"},
    {"daemon-cgroup-parent", "{\"cgroup-parent\": \"/it's $(x)\"}", "{\"cgroup-parent\": \"\"}"},
    /* members of lists: what is unwanted goes, the list stays */
    {"insecure-registries", "{\"insecure-registries\": [\"10.0.0.0/8\"]}", "{\"insecure-registries\": []}"},
    {"insecure-registries",
     "{\"registry-mirrors\": [\"http://m\"], \"insecure-registries\": [\"r:5000\",\"10.0.0.0/8\"]}",
     "{\"registry-mirrors\": [], \"insecure-registries\": []}"},
    {"insecure-registries",
     "{\"insecure-registries\":[\"127.0.0.0/8\",\"localhost:5000\", \"::1/128\"],\n\"icc\": false}",
     "{\"insecure-registries\":[\"127.0.0.0/8\", \"::1/128\"],\n\"icc\": false}"},
    {"insecure-registries",
     "{\n\t\"registry-mirrors\": [\n\t\t\"https://a.b/\",\n\t\t\"http://m\"\n\t],\n\t\"dns\": [\"10.0.0.1\"]\n}\n",
     "{\n\t\"registry-mirrors\": [\"https://a.b/\"],\n\t\"dns\": [\"10.0.0.1\"]\n}\n"},
    {"insecure-registries",
     "{\n  \"insecure-registries\" : [\n    \"r:5000\"\n  ], \"icc\": true, \"registry-mirrors\": [\n\"HTTP://m\" ]}",
     "{\n  \"insecure-registries\" : [], \"icc\": true, \"registry-mirrors\": []}"},
    {"insecure-registries", "{\"labels\": [\"10.0.0.0/8\"], \"insecure-registries\": [\"10.0.0.0/8\"]}",
     "{\"labels\": [\"10.0.0.0/8\"], \"insecure-registries\": []}"},
    {"insecure-registries", "{\"icc\": true}", "{\"icc\": true}"}, /* it was taken out already */
    {"insecure-registries", "{\"registry-mirrors\": [\"http://user:Zx81Qw77pq@m\"]}", NULL},
    {"base-device-size", "{\"storage-opts\": [\"dm.fs=xfs\", \"dm.basesize=20G\"]}",
     "{\"storage-opts\": [\"dm.fs=xfs\"]}"},
    /* what cannot be written as a command */
    {"daemon-cgroup-parent", "{\"cgroup-parent\": \"/\xc3\xa9\"}", NULL},
    {"daemon-cgroup-parent", "{\"cgroup-parent\": \"/token=ghp_0123456789abcdefghijABCDEFGHIJ012345\"}", NULL},
    {"userland-proxy", "{\"userland\\u002dproxy\": true}", NULL},
};

START_TEST(edit_is_exact)
{
    const struct edit *edit = &edits[_i];
    scoped(cleanup_free) char *path = host_place("/it's here/daemon.json"); /* a shell would take it apart */
    scoped(cleanup_free) char *left = NULL;
    scoped_str command = STR_INIT, after = STR_INIT;

    write_host_file(path, edit->before);
    print_remedy(edit->slug, edit->before, path, &command);
    if (!edit->after) {
        ck_assert_msg(command.data[0] == '#', "%s", command.data);
        ck_assert_ptr_null(strstr(command.data, "ghp_"));
        return;
    }
    ck_assert_msg(run_remedy(command.data) == 0, "%s", command.data);
    ck_assert_int_eq(file_read(path, 4096, &after, NULL), 0);
    ck_assert_msg(strcmp(str_text(&after), edit->after) == 0, "%s\n%s", command.data, str_text(&after));
    left = mem_printf("test \"$(ls '%s/it'\\''s here')\" = daemon.json", host_folder);
    ck_assert_int_eq(system(left), 0);
}
END_TEST

/* The file has become another one since it was read. */
START_TEST(edit_of_another_file)
{
    static const char now[] = "{\"features\": {\n\"userland-proxy\": true},\n\"userland-proxy\": true}";
    scoped(cleanup_free) char *path = host_place("/daemon.json");
    scoped_str command = STR_INIT, after = STR_INIT;

    write_host_file(path, now);
    print_remedy("userland-proxy", "{\"userland-proxy\": true}", path, &command);
    ck_assert_int_ne(run_remedy(command.data), 0);
    ck_assert_int_eq(file_read(path, 4096, &after, NULL), 0);
    ck_assert_str_eq(str_text(&after), now);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon_remedy");
    TCase *tests = tcase_create("daemon_remedy");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, host_folder_setup, host_folder_teardown);
    tcase_add_loop_test(tests, edit_is_exact, 0, countof(edits));
    tcase_add_test(tests, edit_of_another_file);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
