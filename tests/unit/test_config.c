/* The configuration: what is understood, and how what is not is refused. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "agent/words/words.h"
#include "common/file.h"
#include "common/memory.h"

#define SYSLOG(address) "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"" address "\"}]}"

static const struct refusal {
    const char *text, *said;
} refusals[] = {
    {"{\n \"sinkz\": []}", "f.json:2: unknown key \"sinkz\"; did you mean \"sinks\"?"},
    {"{\"docker\": {\"hosts\": \"x\"}}", "did you mean \"host\"?"},
    {"[]", "must be an object"},
    {"{\"socket\": {\"mode\": 660}}", "octal digits in quotes"},
    {"{\"socket\": {\"mode\": \"0999\"}}", "octal"},
    {"{\"socket\": {\"path\": \"relative\"}}", "absolute"},
    {"{\"language\": \"fr\"}", "must be one of \"en\", \"zh\""},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h:0\"}]}", "must end in a port from 1 to 65535"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://\"}]}", "must be host:port"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h\", \"tls\": true}]}", "tls: must be an object"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h\", \"tls\": {\"cacert\": \"/a\"}}]}",
     "unknown key \"cacert\""},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h\",\n\"tls\": {\"ca\": \"/nonexistent/ca.pem\"}}]}",
     "f.json:2: tls.ca: /nonexistent/ca.pem: No such file or directory"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h\", \"tls\": {\"cert\": \"/dev/null\"}}]}",
     "\"cert\" and \"key\" go together"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"tls\": {\"name\": \"h\"}}]}",
     "tls: is for an address that begins with tls:// or relps://"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"relp://h:1\", \"tls\": {\"name\": \"h\"}}]}",
     "tls: is for an address that begins with tls:// or relps://"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"relps://h\", \"framing\": \"lines\"}]}",
     "framing: is for an address that begins with tcp:// or tls://"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"relps://h\", \"tls\": {\"cert\": \"/dev/null\"}}]}",
     "\"cert\" and \"key\" go together"},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tls://h\"}, {\"type\": \"syslog\", \"address\": "
     "\"tls://h:6514\"}]}",
     "has the same type and address"},
    {"{\"sinks\": [{\"type\": \"journald\", \"facility\": \"local0\"}]}", "facility: is part of a header"},
    {"{\"sinks\": [{\"type\": \"email\"}]}", "must be one of \"journald\", \"syslog\", \"file\""},
    {"{\"sinks\": [{\"type\": \"syslog\", \"address\": \"h:1\"}]}",
     "must be an absolute path, udp://host:port, tcp://host:port, tls://host[:port], relp://host[:port] or "
     "relps://host[:port]"},
    {"{\"sinks\": [{\"type\": \"file\", \"address\": \"udp://h:1\"}]}",
     "address: \"udp://h:1\": must be an absolute path"},
    {"{\"sinks\": [{\"type\": \"journald\", \"format\": \"text\"}]}", "format: must be one of \"journal\""},
    {"{\"sinks\": [{\"type\": \"syslog\", \"format\": \"journal\"}]}",
     "format: must be one of \"text\", \"rfc5424\", \"json\""},
    {"{\"sinks\": [{\"type\": \"file\"}]}", "requires the path"},
    {SYSLOG("udp://h"), "address: \"udp://h\": the port is missing; must be host:port"},
    {SYSLOG("tcp://:1"), "must be host:port"},
    {SYSLOG("tcp://::1:514"), "must be host:port"},
    {SYSLOG("tcp://[h]:514"), "must be host:port"},
    {SYSLOG("tcp://u@h:514"), "must be host:port"},
    {SYSLOG("udp://h:0"), "must end in a port"},
    {SYSLOG("udp://h:65536"), "must end in a port"},
    {SYSLOG("udp://h:514/"), "must end in a port"},
    {"{\n\"rules_dir\": \"/nonexistent\"}", "f.json:2: rules_dir: /nonexistent is not a directory"},
    {"{\"state_dir\": \"/a\\u0000b\"}", "contains a NUL"},
    {"{\"sinks\": [{\"type\": \"journald\", \"statuses\": [\"bad\"]}]}", "statuses"},
    {"{\"sinks\": [{\"type\": \"journald\", \"min_severity\": \"urgent\"}]}", "min_severity"},
    {"{\"sinks\": [{\"type\": \"journald\", \"start_at\": \"now\"}]}", "start_at: must be"},
    {"{\"sinks\": [{\"type\": \"file\", \"address\": \"/a\"},\n{\"type\": \"journald\"},\n"
     "{\"type\": \"file\", \"address\": \"/a\", \"min_severity\": \"high\"}]}",
     "f.json:3: sinks: the sink of line 1 has the same type and address"},
    {"{\"waivers\": [{\"rule\": \"5.1\", \"by\": \"x\"}]}", "reason: missing"},
    {"{\"waivers\": [{\"rule\": \"5.1\", \"by\": \"x\", \"reason\": \"y\", \"expires\": \"soon\"}]}", "expires"},
    {"{\"waivers\": [{\"rule\": \"5.1\", \"by\": \"x\", \"reason\": \"y\",\n\"subject\": \"shop-web\"}]}",
     "f.json:2: subject"},
    {"{\"waivers\": [{\"rule\": \"5.1\", \"by\": \"x\", \"reason\": \"y\", \"subject\": \"name:\"}]}", "subject"},
    {"{\"waivers\": [{\"rule\": \"5.1\", \"by\": \"x\", \"reason\": \"\"}]}", "reason: must be a non-empty string"},
    {"{\"attestations\": [{\"rule\": \"1.2\", \"by\": \"x\", \"status\": \"pass\", \"subject\": \"nam:x\"}]}",
     "subject: must be"},
    {"{\"attestations\": [{\"rule\": \"1.2\", \"by\": \"x\", \"status\": \"maybe\"}]}", "must be one of"},
    {"{\"waivers\": [{\"rule\": [], \"by\": \"x\", \"reason\": \"y\"}]}", "rule: the list is empty"},
    {"{\"waivers\": [{\"rule\": [\"5.4\", 5], \"by\": \"x\", \"reason\": \"y\"}]}", "rule: must be an id, a slug"},
    {"{\"waivers\": [{\"rule\": {}, \"by\": \"x\", \"reason\": \"y\"}]}", "rule: must be an id, a slug"},
    {"{\"profile\": 1}", "profile: must be a name"},
    {"{\"profile\": [\"level1\", \"\"]}", "profile: must be a name"},
    {"{\"intervals\": {\"top\": 1}}", "at least 10 s"},
    {"{\"heartbeat\": 9}", "at least 10 s"},
    {"{\"heartbeat\": false}", "must be a duration"},
    {"{\"heartbeat\": \"5s\"}", "or 0 for none"},
    {"{\"sinks\": [{\"type\": \"file\", \"address\": \"/a\",\n\"facility\": \"local0\"}]}",
     "f.json:2: facility: is part of a header"},
    {"{\"sinks\": [{\"type\": \"file\", \"address\": \"/a\", \"enterprise_number\": 5}]}",
     "is for the format \"rfc5424\""},
    {"{\"intervals\": {\"sweep\": \"5 minutes\"}}", "must be a duration"},
    {"{\"history\": {\"days\": 0}}", "f.json:1: history.days: must be a whole number of days"},
    {"{\"history\": {\"days\": 1.5}}", "history.days"},
    {"{\"history\":\n{\"size\": \"256MB\"}}", "f.json:2: history.size: must be a number of bytes"},
    {"{\"history\": {\"size\": 1000}}", "from 1048576 to 1 TiB"},
    {"{\"history\": {\"size\": \"9999999999999GiB\"}}", "size"},
    {"{\"history\": {\"dayz\": 3}}", "days"},
    {"{\"history\": 90}", "f.json:1: history: must be an object"},
    {"{\"metrics\": true}", "f.json:1: metrics: must be an object"},
    {"{\"scanner\": {}}", "scanner.command"},
    {"{\"scanner\": {\"command\": \"trivy\"}}", "a list of words"},
    {"{\"scanner\": {\"command\": [\"trivy\", \"\"]}}", "a list of words"},
    {"{\"scanner\": {\"command\": [\"trivy\"], \"threshold\": \"huge\"}}", "scanner.threshold"},
    {"{\"rules\": {\"5.4\": true}}", "rules.5.4: must be an object"},
    {"{\"metrics\": {\"listen\": 9323}}", "listen: must be a non-empty string"},
    {"{\"metrics\": {\"port\": 9323}}", "unknown key \"port\""},
    {"{\"metrics\": {\"listen\": \"127.0.0.1\"}}", "metrics.listen: \"127.0.0.1\": the port is missing"},
    {"{\"metrics\": {\"listen\": \"127.0.0.1:0\"}}", "metrics.listen: \"127.0.0.1:0\": must end in a port"},
    {"{\"metrics\": {\"listen\": \"0.0.0.0:9323\"}}", ": must be a loopback address"},
    {"{\"metrics\": {\"listen\": \"[::]:9323\"}}", ": must be a loopback address"},
    {"{\"metrics\": {\"listen\": \"[::ffff:10.0.0.1]:9323\"}}", ": must be a loopback address"},
    {"{\"metrics\": {\"listen\": \"192.168.1.2:9323\"}}", ": must be a loopback address"},
    {"{\"metrics\": {\"listen\": \"localhost:9323\"}}", ": must be a loopback address"},
    {"{\"language\": \"en\", \"language\": \"zh\"}", "duplicate key \"language\""},
    {"{\"language\": ", "f.json"},
};

/* MESSAGE has Chinese as a whole: a part that has none keeps such words. */
static void check_chinese(const char *message)
{
    static const char *const english[] = {" must ", " the ", " is ", " are ", " has ", " of ", "unknown", "missing"};
    scoped_str shown = STR_INIT;
    bool any = false;

    words_render(&shown, message, LANGUAGE_ZH, 0);
    for (size_t i = 0; i < shown.length; i++)
        any = any || ((unsigned char)shown.data[i] >= 0xe4 && (unsigned char)shown.data[i] <= 0xe9);
    ck_assert_msg(any, "no Chinese: %s", shown.data);
    for (size_t i = 0; i < countof(english); i++)
        ck_assert_msg(!strstr(shown.data, english[i]), "English in it: %s", shown.data);
}

START_TEST(refused)
{
    const struct refusal *refusal = &refusals[_i];
    struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_lt(config_parse(refusal->text, strlen(refusal->text), "f.json", &config, &error), 0);
    ck_assert_ptr_null(config);
    ck_assert_msg(strstr(error.text, refusal->said) != NULL, "%s: said \"%s\"", refusal->text, error.text);
    ck_assert_int_eq(strncmp(error.text, "f.json", 6), 0);
    check_chinese(error.message);
}
END_TEST

/* A link as systemd makes it, on a host where journald has /dev/log. */
START_TEST(journald_twice)
{
    char folder[] = "/tmp/test-config-XXXXXX";
    scoped(cleanup_free) char *link = NULL, *plain = NULL, *text = NULL, *expected = NULL, *other = NULL;
    scoped(cleanup_config) struct config *config = NULL;
    struct config *none = NULL;
    struct error error = ERROR_INIT;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    link = mem_printf("%s/log", folder);
    plain = mem_printf("%s/plain", folder);
    ck_assert_int_eq(symlink("/run/systemd/journal/dev-log", link), 0);
    text = mem_printf("{\"sinks\": [\n{\"type\": \"%s\"%s%s%s},\n{\"type\": \"%s\"%s%s%s}]}",
                      _i ? "syslog" : "journald", _i ? ", \"address\": \"" : "", _i ? link : "", _i ? "\"" : "",
                      _i ? "journald" : "syslog", _i ? "" : ", \"address\": \"", _i ? "" : link, _i ? "" : "\"");
    ck_assert_int_lt(config_parse(text, strlen(text), "f.json", &none, &error), 0);
    expected = mem_printf("f.json:3: sinks: %s belongs to journald on this host, to which the sink of line 2 sends "
                          "already",
                          link);
    ck_assert_str_eq(error.text, expected);
    other = mem_printf("{\"sinks\": [{\"type\": \"journald\"}, {\"type\": \"syslog\", \"address\": \"%s\"}]}", plain);
    ck_assert_msg(config_parse(other, strlen(other), "f.json", &config, &error) == 0, "%s", error.text);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static const char *an_environment(const char *name)
{
    return strcmp(name, "DOCKER_HOST") == 0         ? "tcp://e:1"
           : strcmp(name, "DOCKER_TLS_VERIFY") == 0 ? "1"
           : strcmp(name, "HOME") == 0              ? "/home/x"
                                                    : NULL;
}

/* agent.json shows every key with its default: reading it changes nothing. */
START_TEST(the_example_is_the_default)
{
    scoped(cleanup_config) struct config *example = NULL, *plain = NULL;
    struct config_arguments arguments = {.config_path = SOURCE_DATA_DIR "/agent.json"}, none = {0};
    struct error error = ERROR_INIT;

    ck_assert_msg(config_load(&arguments, no_environment, &example, &error) == 0, "%s", error.text);
    ck_assert_int_eq(config_load(&none, no_environment, &plain, &error), 0);
    ck_assert_str_eq(example->socket_path, plain->socket_path);
    ck_assert_uint_eq(example->socket_mode, plain->socket_mode);
    ck_assert_str_eq(example->state_dir, plain->state_dir);
    ck_assert_str_eq(example->rules_dir, plain->rules_dir);
    ck_assert_str_eq(example->benchmark, plain->benchmark);
    ck_assert_uint_eq(example->sink_count, plain->sink_count);
    ck_assert_int_eq(example->sinks[0].kind, plain->sinks[0].kind);
    ck_assert_int_eq(example->sinks[0].format, plain->sinks[0].format);
    ck_assert_str_eq(example->sinks[0].address, plain->sinks[0].address);
    ck_assert_uint_eq(example->sinks[0].statuses, plain->sinks[0].statuses);
    ck_assert_int_eq(example->sinks[0].facility, plain->sinks[0].facility);
    ck_assert_uint_eq(example->sweep_seconds, plain->sweep_seconds);
    ck_assert_uint_eq(example->process_seconds, plain->process_seconds);
    ck_assert_ptr_null(example->metrics_listen);
    ck_assert_uint_eq(example->history_days, plain->history_days);
    ck_assert_uint_eq(example->history_bytes, plain->history_bytes);
    ck_assert_uint_eq(plain->history_bytes, 268435456);
}
END_TEST

START_TEST(command_line_beats_environment)
{
    scoped(cleanup_config) struct config *config = NULL, *environment = NULL;
    struct config_arguments none = {0}, arguments = {.docker_host = "unix:///a", .state_dir = "/s"};
    struct error error = ERROR_INIT;

    ck_assert_int_eq(config_load(&none, an_environment, &environment, &error), 0);
    ck_assert_str_eq(environment->docker_host, "tcp://e:1");
    ck_assert_str_eq(environment->tls_ca, "/home/x/.docker/ca.pem");
    ck_assert_int_eq((int)environment->docker_tls, DOCKER_TLS_VERIFIED);
    ck_assert_int_eq(config_load(&arguments, an_environment, &config, &error), 0);
    ck_assert_str_eq(config->docker_host, "unix:///a");
    ck_assert_str_eq(config->state_dir, "/s");
}
END_TEST

START_TEST(a_named_file_must_exist)
{
    struct config *config = NULL;
    struct config_arguments arguments = {.config_path = "/nonexistent/agent.json"};
    struct error error = ERROR_INIT;

    ck_assert_int_lt(config_load(&arguments, no_environment, &config, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent/agent.json"));
}
END_TEST

START_TEST(metrics_at_loopback_addresses)
{
    static const struct {
        const char *listen;
        int family;
    } rows[] = {{"127.0.0.1:9323", AF_INET}, {"127.1.2.3:65535", AF_INET}, {"[::1]:9323", AF_INET6}};
    scoped(cleanup_free) char *text = mem_printf("{\"metrics\": {\"listen\": \"%s\"}}", rows[_i].listen);
    scoped(cleanup_config) struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), "f.json", &config, &error) == 0, "%s", error.text);
    ck_assert_str_eq(config->metrics_listen, rows[_i].listen);
    ck_assert_int_eq(config->metrics_address.ss_family, rows[_i].family);
}
END_TEST

START_TEST(addresses_of_sinks)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    static const char text[] = SYSLOG("tcp://[::1]:514");
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), "f.json", &config, &error) == 0, "%s", error.text);
    ck_assert_str_eq(config->sinks[0].address, "tcp://[::1]:514");
    ck_assert_int_eq(sink_split_address("[::1]:514", &host, &port, &error), 0);
    ck_assert_str_eq(host, "::1");
    ck_assert_str_eq(port, "514");
}
END_TEST

/* Type and address are the kind, which has defaults of its own. */
START_TEST(kinds_of_sinks)
{
    static const struct {
        const char *members, *address;
        enum sink_kind kind;
        enum sink_format format;
    } rows[] = {
        {"\"type\": \"journald\"", "/run/systemd/journal/socket", SINK_JOURNALD, FORMAT_JOURNAL},
        {"\"type\": \"journald\", \"address\": \"/j\"", "/j", SINK_JOURNALD, FORMAT_JOURNAL},
        {"\"type\": \"syslog\"", "/dev/log", SINK_SYSLOG_LOCAL, FORMAT_TEXT},
        {"\"type\": \"syslog\", \"format\": \"json\"", "/dev/log", SINK_SYSLOG_LOCAL, FORMAT_JSON},
        {"\"type\": \"syslog\", \"address\": \"udp://h:1\"", "udp://h:1", SINK_SYSLOG_UDP, FORMAT_RFC5424},
        {"\"address\": \"tcp://h:1\", \"format\": \"text\", \"type\": \"syslog\"", "tcp://h:1", SINK_SYSLOG_TCP,
         FORMAT_TEXT},
        {"\"type\": \"syslog\", \"address\": \"tls://h\"", "tls://h:6514", SINK_SYSLOG_TLS, FORMAT_RFC5424},
        {"\"type\": \"syslog\", \"address\": \"relp://h\"", "relp://h:2514", SINK_SYSLOG_RELP, FORMAT_RFC5424},
        {"\"type\": \"syslog\", \"address\": \"relp://[::1]:1\"", "relp://[::1]:1", SINK_SYSLOG_RELP, FORMAT_RFC5424},
        {"\"type\": \"syslog\", \"address\": \"relps://h\"", "relps://h:2514", SINK_SYSLOG_RELPS, FORMAT_RFC5424},
        {"\"type\": \"file\", \"address\": \"/f\"", "/f", SINK_FILE, FORMAT_JSON},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        scoped(cleanup_free) char *text = mem_printf("{\"sinks\": [{%s}]}", rows[i].members);
        scoped(cleanup_config) struct config *config = NULL;
        struct error error = ERROR_INIT;

        ck_assert_msg(config_parse(text, strlen(text), "f.json", &config, &error) == 0, "%s", error.text);
        ck_assert_int_eq(config->sinks[0].kind, rows[i].kind);
        ck_assert_int_eq(config->sinks[0].format, rows[i].format);
        ck_assert_str_eq(config->sinks[0].address, rows[i].address);
        ck_assert_int_eq(config->sinks[0].facility, 3);
        ck_assert_uint_eq(config->sinks[0].statuses, 1u << VERDICT_FAIL | 1u << VERDICT_ERROR);
    }
}
END_TEST

START_TEST(facility_of_a_header)
{
    static const char text[] =
        "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"udp://h:1\", \"facility\": \"local3\"}]}";
    scoped(cleanup_config) struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), "f.json", &config, &error) == 0, "%s", error.text);
    ck_assert_int_eq(config->sinks[0].facility, 19);
}
END_TEST

/* What is only known with the rules at hand. */
static const struct refusal rule_refusals[] = {
    {"{\n\"benchmark\": \"cis-2\"}", "f.json:2: benchmark: unknown benchmark \"cis-2\""},
    {"{\"rules\":\n{\"5.44\": {}}}", "f.json:2: rules: unknown rule \"5.44\"; did you mean \"5.4\"?"},
    {"{\"rules\": {\"foo\": {}}}", "f.json:1: rules: unknown rule \"foo\""},
    {"{\"rules\": {\"5.4\": {},\n\"container-privileged\": {}}}",
     "f.json:2: rules: \"5.4\" and \"container-privileged\" are the same rule"},
    {"{\"rules\": {\"5.4\": {\"severty\": 1}}}", "f.json:1: unknown key \"severty\"; did you mean \"severity\"?"},
    {"{\"waivers\":\n[{\"rule\": \"9.9\", \"by\": \"x\", \"reason\": \"y\"}]}",
     "f.json:2: waivers: unknown rule \"9.9\""},
    {"{\"waivers\":\n[{\"rule\": [\"5.4\", \"5.99\"], \"by\": \"x\", \"reason\": \"y\"}]}",
     "f.json:2: waivers: unknown rule \"5.99\""},
    {"{\"waivers\":\n[{\"rule\": \"section:99\", \"by\": \"x\", \"reason\": \"y\"}]}",
     "f.json:2: waivers: unknown rule \"section:99\""},
    {"{\n\n\"profile\": \"level3\"}", "f.json:3: profile: unknown profile \"level3\"; must be \"default\", \"level1\""},
};

START_TEST(refused_with_the_rules)
{
    const struct refusal *refusal = &rule_refusals[_i];
    scoped(cleanup_config) struct config *config = NULL;
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(config_parse(refusal->text, strlen(refusal->text), "f.json", &config, &error), 0);
    ck_assert_int_lt(config_load_rules(config, &rules, &error), 0);
    ck_assert_msg(strncmp(error.text, refusal->said, strlen(refusal->said)) == 0, "%s: said \"%s\"", refusal->text,
                  error.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, refused, 0, (int)countof(refusals));
    tcase_add_loop_test(tests, refused_with_the_rules, 0, (int)countof(rule_refusals));
    tcase_add_loop_test(tests, journald_twice, 0, 2);
    tcase_add_loop_test(tests, metrics_at_loopback_addresses, 0, 3);
    tcase_add_test(tests, addresses_of_sinks);
    tcase_add_test(tests, facility_of_a_header);
    tcase_add_test(tests, kinds_of_sinks);
    tcase_add_test(tests, the_example_is_the_default);
    tcase_add_test(tests, command_line_beats_environment);
    tcase_add_test(tests, a_named_file_must_exist);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
