/* The members of a sink that are about its format. */
#include <check.h>
#include <string.h>

#include "agent/config/config.h"
#include "common/memory.h"

static const struct {
    const char *sink;
    enum sink_format format;
    enum sink_header header;
    bool cee, lines;
    unsigned enterprise_number;
} valid[] = {
    {"\"type\": \"syslog\"", FORMAT_TEXT, HEADER_LOCAL, false, false, 0},
    {"\"type\": \"syslog\", \"format\": \"json\"", FORMAT_JSON, HEADER_LOCAL, true, false, 0},
    {"\"type\": \"syslog\", \"address\": \"udp://h:1\", \"format\": \"text\"", FORMAT_TEXT, HEADER_RFC3164, false,
     false, 0},
    {"\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"enterprise_number\": 4294967295", FORMAT_RFC5424,
     HEADER_RFC3164, false, false, 4294967295},
    {"\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"format\": \"json\", \"header\": \"none\"", FORMAT_JSON,
     HEADER_NONE, false, true, 0},
    {"\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"format\": \"json\", \"header\": \"none\", \"cee\": true, "
     "\"framing\": "
     "\"octets\"",
     FORMAT_JSON, HEADER_NONE, true, false, 0},
    {"\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"format\": \"cef\", \"header\": \"rfc5424\", \"framing\": "
     "\"lines\"",
     FORMAT_CEF, HEADER_RFC5424, false, true, 0},
    {"\"type\": \"syslog\", \"address\": \"udp://h:1\", \"format\": \"leef\"", FORMAT_LEEF, HEADER_RFC3164, false,
     false, 0},
    {"\"type\": \"syslog\", \"address\": \"udp://h:1\", \"format\": \"ecs\", \"cee\": true", FORMAT_ECS, HEADER_RFC3164,
     true, false, 0},
    {"\"type\": \"file\", \"address\": \"/f\", \"format\": \"ocsf\"", FORMAT_OCSF, HEADER_NONE, false, true, 0},
    {"\"type\": \"file\", \"address\": \"/f\"", FORMAT_JSON, HEADER_NONE, false, true, 0},
};

START_TEST(formats)
{
    scoped(cleanup_free) char *text = mem_printf("{\"sinks\": [{%s}]}", valid[_i].sink);
    scoped(cleanup_config) struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), "f.json", &config, &error) == 0, "%s", error.text);
    ck_assert_int_eq((int)config->sinks[0].format, (int)valid[_i].format);
    ck_assert_int_eq((int)config->sinks[0].header, (int)valid[_i].header);
    ck_assert_int_eq(config->sinks[0].cee, valid[_i].cee);
    ck_assert_int_eq(config->sinks[0].lines, valid[_i].lines);
    ck_assert_uint_eq(config->sinks[0].enterprise_number, valid[_i].enterprise_number);
}
END_TEST

static const struct {
    const char *sink, *error;
} invalid[] = {
    {"\"type\": \"syslog\", \"format\": \"xml\"",
     "format: must be one of \"text\", \"rfc5424\", \"json\", \"cef\", \"leef\", \"ecs\", "
     "\"ocsf\""},
    {"\"type\": \"file\", \"address\": \"/f\", \"format\": \"text\"",
     "format: must be one of \"json\", \"cef\", \"leef\", \"ecs\", "
     "\"ocsf\""},
    {"\"type\": \"syslog\", \"header\": \"none at all\"", "header: must be one of \"rfc3164\", \"rfc5424\", \"none\""},
    {"\"type\": \"syslog\", \"format\": \"rfc5424\", \"header\": \"rfc3164\"",
     "header: the format \"rfc5424\" has its own"},
    {"\"type\": \"syslog\", \"cee\": true", "cee: is for the formats"},
    {"\"type\": \"syslog\", \"format\": \"json\", \"cee\": 1", "cee: must be true or false"},
    {"\"type\": \"syslog\", \"address\": \"udp://h:1\", \"framing\": \"lines\"",
     "framing: is for an address that begins with"},
    {"\"type\": \"syslog\", \"address\": \"tcp://h:1\", \"framing\": \"nul\"",
     "framing: must be one of \"octets\", \"lines\""},
    {"\"type\": \"syslog\", \"format\": \"rfc5424\", \"enterprise_number\": 32473",
     "enterprise_number: 32473 is for examples"},
    {"\"type\": \"syslog\", \"format\": \"rfc5424\", \"enterprise_number\": 4294967296",
     "enterprise_number: must be a whole number"},
    {"\"type\": \"syslog\", \"format\": \"rfc5424\", \"enterprise_number\": 1.5",
     "enterprise_number: must be a whole number"},
    {"\"type\": \"syslog\", \"format\": \"rfc5424\", \"enterprise_number\": \"1\"",
     "enterprise_number: must be a whole number"},
};

START_TEST(refused)
{
    scoped(cleanup_free) char *text = mem_printf("{\"sinks\": [{%s}]}", invalid[_i].sink);
    struct config *config = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_lt(config_parse(text, strlen(text), "f.json", &config, &error), 0);
    ck_assert_msg(strstr(error.text, invalid[_i].error), "%s", error.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats of sinks");
    TCase *tests = tcase_create("formats");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, formats, 0, countof(valid));
    tcase_add_loop_test(tests, refused, 0, countof(invalid));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
