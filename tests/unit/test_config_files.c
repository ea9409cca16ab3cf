/* The configuration of several files: how those of conf.d are merged over agent.json, that all faults of all files are
 * told, and what is warned of. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config_show.h"
#include "agent/words/words.h"

static struct config *merged(const struct config_text *texts, size_t count)
{
    struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse_files(texts, count, &config, &error) == 0, "%s", error.text);
    return config;
}

#define TEXT(path, text)                                                                                               \
    {                                                                                                                  \
        path, text, sizeof text - 1                                                                                    \
    }

/* Objects by key at any depth, lists of the four kinds one after the other, anything else by the last file. */
START_TEST(merging)
{
    static const struct config_text texts[] = {
        TEXT("agent.json", "{\"language\": \"zh\", \"intervals\": {\"sweep\": \"2h\", \"top\": \"20s\"},\n"
                           "\"sinks\": [{\"type\": \"journald\", \"statuses\": [\"fail\", \"error\"]}],\n"
                           "\"scanner\": {\"command\": [\"trivy\", \"{image}\", \"--json\"]},\n"
                           "\"rules\": {\"5.4\": {\"severity\": \"low\"}},\n"
                           "\"waivers\": [{\"rule\": \"5.1\", \"reason\": \"a\", \"by\": \"x\"}]}"),
        TEXT("conf.d/10-a.json", "{\"intervals\": {\"top\": \"30s\"}, \"language\": \"en\",\n"
                                 "\"scanner\": {\"timeout\": \"1m\"},\n"
                                 "\"rules\": {\"container-privileged\": {\"enabled\": false}},\n"
                                 "\"sinks\": [{\"type\": \"file\", \"address\": \"/a\"}]}"),
        TEXT("conf.d/20-b.json",
             "{\"scanner\": {\"command\": [\"grype\", \"{image}\"]},\n"
             "\"attestations\": [{\"rule\": \"1.2\", \"status\": \"pass\", \"by\": \"x\"}],\n"
             "\"waivers\": [\n{\"rule\": [\"5.2\", \"section:4\"], \"reason\": \"b\", \"by\": \"y\"}]}"),
    };
    scoped(cleanup_config) struct config *config = merged(texts, countof(texts));
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;
    const struct rule *privileged;

    ck_assert_uint_eq(config->file_count, 3);
    ck_assert_int_eq(config->language, LANGUAGE_EN);
    ck_assert_uint_eq(config->sweep_seconds, 7200);
    ck_assert_uint_eq(config->process_seconds, 30);
    ck_assert_uint_eq(config->scanner_seconds, 60);
    ck_assert_uint_eq(config->scanner_command.count, 2);
    ck_assert_str_eq(config->scanner_command.items[0], "grype");
    ck_assert_uint_eq(config->sink_count, 2);
    ck_assert_str_eq(config->sinks[1].address, "/a");
    ck_assert_str_eq(config->sinks[1].file, "conf.d/10-a.json");
    ck_assert_uint_eq(config->sinks[1].line, 4);
    ck_assert_uint_eq(config->waiver_count, 2);
    ck_assert_str_eq(config->waivers[0].file, "agent.json");
    ck_assert_str_eq(config->waivers[1].rule, "5.2, section:4");
    ck_assert_str_eq(config->waivers[1].file, "conf.d/20-b.json");
    ck_assert_uint_eq(config->waivers[1].line, 4);
    ck_assert_uint_eq(config->attestation_count, 1);
    config->data_dir = SOURCE_DATA_DIR;
    config->rules_dir = "/nonexistent";
    ck_assert_msg(config_load_rules(config, &rules, &error) == 0, "%s", error.text);
    privileged = rule_set_find(rules, "5.4");
    ck_assert_int_eq(privileged->severity, SEVERITY_LOW);
    ck_assert(!privileged->enabled);
}
END_TEST

/* Each names its file; the faults of the others are told too. */
START_TEST(duplicate_sinks_of_two_files)
{
    static const struct config_text texts[] = {
        TEXT("agent.json", "{\n\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://h:1\"}]}"),
        TEXT("conf.d/siem.json", "{\n\n\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://h:1\"}]}"),
    };
    struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_lt(config_parse_files(texts, countof(texts), &config, &error), 0);
    ck_assert_str_eq(error.text, "conf.d/siem.json:3: sinks: the sink of agent.json:2 has the same type and address");
}
END_TEST

/* ---- What is shown ---- */

static const struct config_text shown[] = {
    TEXT("agent.json", "{\"intervals\": {\"sweep\": \"2h\",\n\"top\": 20}, \"sinks\": [],\n\"rules\": {},\n"
                       "\"scanner\": {\"command\": [\"trivy\", \"--token\", \"s3cr3t-Zq81\", \"{image}\"]}}"),
    TEXT("conf.d/a.json", "{\"intervals\": {\"top\": 30},\n\"waivers\": [{\"rule\": [\"5.4\", \"5.5\"],\n"
                          "\"reason\": \"a\\u001bb\", \"by\": \"x\"}]}"),
};

START_TEST(shown_as_text)
{
    scoped(cleanup_config) struct config *config = merged(shown, countof(shown)), *again = NULL;
    scoped_str text = STR_INIT;

    config_show(config, &text);
    ck_assert_str_eq(str_text(&text),
                     "{\n"
                     "    \"intervals\": {\n"
                     "        \"sweep\": \"2h\", // agent.json:1\n"
                     "        \"top\": 30 // conf.d/a.json:1\n"
                     "    },\n"
                     "    \"sinks\": [], // agent.json:2\n"
                     "    \"rules\": {}, // agent.json:3\n"
                     "    \"scanner\": {\n"
                     "        \"command\": [\"trivy\",\"--token\",\"[redacted]\",\"{image}\"] // agent.json:4\n"
                     "    },\n"
                     "    \"waivers\": [\n"
                     "        {\n"
                     "            \"rule\": [\"5.4\",\"5.5\"], // conf.d/a.json:2\n"
                     "            \"reason\": \"a\\u001Bb\", // conf.d/a.json:3\n"
                     "            \"by\": \"x\" // conf.d/a.json:3\n"
                     "        }\n"
                     "    ]\n"
                     "}\n");
    again = merged(&(struct config_text){"again", str_text(&text), text.length}, 1); /* it is a configuration */
    ck_assert_uint_eq(again->process_seconds, 30);
    ck_assert_uint_eq(again->waiver_count, 1);
}
END_TEST

START_TEST(shown_as_values)
{
    scoped(cleanup_config) struct config *config = merged(shown, countof(shown));
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;

    config->docker_host = "tcp://engine:2376";
    config->docker_host_from = "DOCKER_HOST";
    json_out_object(out, NULL);
    config_write(config, out);
    json_out_end_object(out);
    text = json_out_text(out, NULL);
    ck_assert_ptr_nonnull(strstr(text, "\"files\":[\"agent.json\",\"conf.d/a.json\"]"));
    ck_assert_ptr_nonnull(strstr(text, "{\"key\":\"intervals.top\",\"value\":30,\"from\":\"conf.d/a.json:1\"}"));
    ck_assert_ptr_nonnull(strstr(text, "{\"key\":\"waivers[0].by\",\"value\":\"x\",\"from\":\"conf.d/a.json:3\"}"));
    ck_assert_ptr_nonnull(
        strstr(text, "{\"key\":\"docker.host\",\"value\":\"tcp://engine:2376\",\"from\":\"DOCKER_HOST\"}"));
    ck_assert_ptr_null(strstr(text, "s3cr3t"));
}
END_TEST

/* ---- Folders ---- */

static char folder[] = "/tmp/test-config-files-XXXXXX";

static void make_folder(void)
{
    scoped(cleanup_free) char *conf = NULL;

    memcpy(strrchr(folder, '-'), "-XXXXXX", sizeof "-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    conf = mem_printf("%s/conf.d", folder);
    ck_assert_int_eq(mkdir(conf, 0755), 0);
}

static void put(const char *name, const char *text)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);
    scoped(cleanup_fclose) FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static int check_folder(struct faults *faults, struct config **ret)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", folder);
    const struct config_arguments arguments = {.config_path = path, .data_dir = SOURCE_DATA_DIR};
    struct rule_set *rules = NULL;
    int r = config_check(&arguments, no_environment, ret, &rules, faults);

    rule_set_free(rules);
    return r;
}

static bool has(char *const *lines, size_t count, const char *part)
{
    for (size_t i = 0; i < count; i++) {
        scoped_str english = STR_INIT;

        if (strstr(message_english(lines[i], &english), part))
            return true;
    }
    return false;
}

/* Only NAME.json that is not hidden; in the order of names, whatever that of the directory is. */
START_TEST(names_and_order)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped(faults_free) struct faults faults = {0};

    make_folder();
    put("agent.json", "{}");
    put("conf.d/90-last.json", "{\"benchmark\": \"cis-1.8.0\"}");
    put("conf.d/10-first.json", "{\"benchmark\": \"cis-1.6.0\"}");
    put("conf.d/20-x.json~", "not read");
    put("conf.d/.20-x.json", "not read");
    put("conf.d/#20-x.json#", "not read");
    put("conf.d/20-x.json.dpkg-old", "not read");
    put("conf.d/README", "not read");
    ck_assert_int_eq(check_folder(&faults, &config), 0);
    ck_assert_str_eq(config->benchmark, "cis-1.8.0");
    ck_assert_uint_eq(config->file_count, 3);
    ck_assert_ptr_nonnull(strstr(config->files[1], "conf.d/10-first.json"));
}
END_TEST

START_TEST(all_faults_of_all_files)
{
    static const char *const expected[] = {
        "agent.json:2: unknown key \"langauge\"; did you mean \"language\"?",
        "agent.json:3: mode: must be octal digits",
        "agent.json:3: socket.pth",
        "agent.json:4: min_severity: must be",
        "agent.json:4: statuses: must be of",
        "conf.d/a.json:1: reason: missing",
        "conf.d/a.json:1: by: missing",
        "conf.d/a.json:1: waivers: unknown rule \"5.99\"",
        "conf.d/a.json:2: rules: unknown rule \"nonsense\"",
        "conf.d/b.json: line 1",
        "conf.d/c.json:1: duplicate key \"heartbeat\"",
        "conf.d/d.json:1: must be an object",
        "conf.d/e.json: not a regular file",
        "conf.d/f.json: No such file or directory",
        "conf.d/g.json: more than 1048576 bytes",
        "conf.d/h.json: not a regular file",
    };
    scoped(cleanup_free) char *fifo = NULL, *link = NULL, *big = NULL, *inner = NULL;
    struct config *config = NULL;
    scoped(faults_free) struct faults faults = {0};

    make_folder();
    put("agent.json", "{\n\"langauge\": \"zh\",\n\"socket\": {\"mode\": 7, \"pth\": \"/x\"},\n"
                      "\"sinks\": [{\"type\": \"journald\", \"min_severity\": \"x\", \"statuses\": [\"y\"]}]}");
    put("conf.d/a.json", "{\"waivers\": [{\"rule\": \"5.99\"}],\n\"rules\": {\"nonsense\": {}}}");
    put("conf.d/b.json", "{\"benchmark\": ");
    put("conf.d/c.json", "{\"heartbeat\": 60, \"heartbeat\": 61}");
    put("conf.d/d.json", "[]");
    fifo = mem_printf("%s/conf.d/e.json", folder);
    ck_assert_int_eq(mkfifo(fifo, 0644), 0);
    link = mem_printf("%s/conf.d/f.json", folder);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    big = mem_alloc(1024 * 1024 + 2);
    memset(big, ' ', 1024 * 1024 + 1);
    put("conf.d/g.json", big);
    inner = mem_printf("%s/conf.d/h.json", folder);
    ck_assert_int_eq(mkdir(inner, 0755), 0);
    ck_assert_int_lt(check_folder(&faults, &config), 0);
    ck_assert_ptr_null(config);
    for (size_t i = 0; i < countof(expected); i++)
        if (strcmp(expected[i], "agent.json:3: socket.pth") == 0)
            ck_assert(has(faults.errors.items, faults.errors.count, "agent.json:3: unknown key \"pth\""));
        else
            ck_assert_msg(has(faults.errors.items, faults.errors.count, expected[i]), "nothing said \"%s\"",
                          expected[i]);
    ck_assert_uint_eq(faults.errors.count, countof(expected));
}
END_TEST

/* What the role network is told: the addresses of all files, as they are in the whole, and nothing else. */
START_TEST(addresses_alone)
{
    static const char *const expected[] = {"udp://b:514", "tls://siem.example:6514", "relp://[::1]:2514"};
    scoped(cleanup_config) struct config *config = NULL, *copy = NULL;
    scoped(cleanup_free) char *path = NULL;
    scoped_str text = STR_INIT;
    struct config_arguments arguments = {0};
    struct error error = ERROR_INIT;

    make_folder();
    put("agent.json", "{\"metrics\": {\"listen\": \"127.0.0.1:1\"}, \"sinks\": [{\"type\": \"journald\"}, "
                      "{\"type\": \"syslog\", \"address\": \"udp://b:514\", \"format\": \"cef\"}]}");
    put("conf.d/10-a.json", "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://siem.example\", \"tls\": "
                            "{\"ca\": \"/not/here.pem\"}}, {\"type\": \"file\", \"address\": \"/f\"}]}");
    put("conf.d/20-b.json", "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"relp://[::1]\"}], "
                            "\"metrics\": {\"listen\": \"127.0.0.1:9323\"}}");
    path = mem_printf("%s/agent.json", folder);
    arguments.config_path = path;
    ck_assert_msg(config_load_words(&arguments, &config, &error) == 0, "%s", error.text);
    config_addresses(config, &text);
    ck_assert_ptr_null(strstr(str_text(&text), "here.pem"));
    ck_assert_ptr_null(strstr(str_text(&text), "cef"));
    ck_assert_msg(config_parse(str_text(&text), text.length, "copy", &copy, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(copy->sink_count, countof(expected));
    for (size_t i = 0; i < countof(expected); i++)
        ck_assert_str_eq(copy->sinks[i].address, expected[i]);
    ck_assert_str_eq(copy->metrics_listen, "127.0.0.1:9323");
}
END_TEST

/* Without any there are none: not the default sink, either. */
START_TEST(no_addresses)
{
    scoped(cleanup_config) struct config *config = NULL, *copy = NULL;
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(config_parse("{}", 2, "agent.json", &config, &error), 0);
    config_addresses(config, &text);
    ck_assert_msg(config_parse(str_text(&text), text.length, "copy", &copy, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(copy->sink_count, 0);
    ck_assert(str_empty(copy->metrics_listen));
}
END_TEST

START_TEST(too_many_files)
{
    struct config *config = NULL;
    scoped(faults_free) struct faults faults = {0};

    make_folder();
    put("agent.json", "{}");
    for (int i = 0; i < 257; i++) {
        scoped(cleanup_free) char *name = mem_printf("conf.d/%d.json", i);

        put(name, "{}");
    }
    ck_assert_int_lt(check_folder(&faults, &config), 0);
    ck_assert_msg(has(faults.errors.items, faults.errors.count, "conf.d: more than 256 files"), "%s",
                  faults.errors.items[0]);
}
END_TEST

/* ---- What cannot be meant ---- */

#define WAIVER(rule, subject)                                                                                          \
    "{\"waivers\": [{\"rule\": " rule ", \"subject\": \"" subject "\", \"reason\": \"r\", \"by\": \"b\"}]}"

static const struct warning {
    const char *text, *said; /* SAID NULL: nothing */
} warnings[] = {
    {WAIVER("\"5.4\"", "label:app"),
     "agent.json:1: the waiver of 5.4 for label:app matches nothing: a label is KEY=VALUE"},
    {WAIVER("\"5.4\"", "label:app=*"), NULL},
    {WAIVER("\"5.4\"", "label:app*"), NULL},
    {WAIVER("\"5.4\"", "name:[a"), "matches nothing: \"[\" is literal"},
    {WAIVER("\"5.4\"", "image"), "matches nothing: the rule is about other subjects"},
    {WAIVER("\"5.4\"", "file:/etc/*"), "matches nothing: the rule is about other subjects"},
    {WAIVER("[\"5.4\", \"4.6\"]", "image"), NULL},
    {WAIVER("\"2.1\"", "label:a=b"), "matches nothing: the rule is about other subjects"},
    {WAIVER("\"section:5\"", "container"), NULL},
    {WAIVER("\"*\"", "label:ci=true"), NULL},
    {WAIVER("\"*\"", "*"), "this waiver covers every finding"},
    {WAIVER("\"container-secrets\"", "*"), "has no effect: no such rule is evaluated"},
    {"{\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\", \"expires\": \"2020-01-01\"}]}",
     "the waiver of 5.4 for * has expired (2020-01-01T23:59:59.999999Z)"},
    {"{\"attestations\": [{\"rule\": \"5.4\", \"status\": \"pass\", \"by\": \"b\"}]}",
     "the attestation of 5.4 has no effect: the rule is never manual"},
    {"{\"attestations\": [{\"rule\": \"5.8\", \"status\": \"pass\", \"by\": \"b\"}]}", NULL},
    {"{\"attestations\": [{\"rule\": \"5.8\", \"subject\": \"daemon\", \"status\": \"pass\", \"by\": \"b\"}]}",
     "the attestation of 5.8 for daemon matches nothing"},
    {"{\"attestations\": [{\"rule\": \"5.8\", \"status\": \"pass\", \"by\": \"b\", \"expires\": \"2020-01-01\"}]}",
     "the attestation of 5.8 for * has expired"},
    {"{\"attestations\": [{\"rule\": \"container-secrets\", \"status\": \"pass\", \"by\": \"b\"}]}",
     "the attestation of container-secrets has no effect: the rule is not evaluated"},
    {"{\"socket\": {\n\"group\": \"no-such-group-here\"}}",
     "agent.json:2: socket.group: no-such-group-here: there is no such group"},
    {"{\"socket\": {\"group\": \"root\"}}", NULL},
    {"{\"scanner\": {\"command\": [\"trivy\", \"--json\"]}}",
     "agent.json:1: scanner.command: no word contains {image}"},
    {"{\"scanner\": {\"command\": [\"trivy\", \"image={image}\"]}}", NULL},
    {"{\"docker\": {\"host\": \"tcp://h\", \"tls\": {\"ca\": \"/nonexistent/ca\"}}}",
     "agent.json:1: docker.tls: /nonexistent/ca: there is no such file"},
};

START_TEST(warned_of)
{
    const struct warning *warning = &warnings[_i];
    scoped(cleanup_config) struct config *config = NULL;
    scoped(faults_free) struct faults faults = {0};

    make_folder();
    put("agent.json", warning->text);
    ck_assert_msg(check_folder(&faults, &config) == 0, "%s", faults.errors.count ? faults.errors.items[0] : "no error");
    ck_assert_msg(warning->said ? has(faults.warnings.items, faults.warnings.count, warning->said)
                                : !faults.warnings.count,
                  "%s: said \"%s\"", warning->text, faults.warnings.count ? faults.warnings.items[0] : "nothing");
    ck_assert_uint_le(faults.warnings.count, 1);
    if (faults.warnings.count) {
        scoped_str chinese = STR_INIT;

        words_render(&chinese, faults.warnings.items[0], LANGUAGE_ZH, 0);
        ck_assert_msg(!strstr(chinese.data, " the ") && !strstr(chinese.data, " no ") && !strstr(chinese.data, " is "),
                      "%s", chinese.data);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_files");
    TCase *tests = tcase_create("config_files");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, merging);
    tcase_add_test(tests, duplicate_sinks_of_two_files);
    tcase_add_test(tests, shown_as_text);
    tcase_add_test(tests, shown_as_values);
    tcase_add_test(tests, names_and_order);
    tcase_add_test(tests, all_faults_of_all_files);
    tcase_add_test(tests, addresses_alone);
    tcase_add_test(tests, no_addresses);
    tcase_add_test(tests, too_many_files);
    tcase_add_loop_test(tests, warned_of, 0, (int)countof(warnings));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
