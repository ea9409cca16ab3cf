/* Texts that an image may hold, made to take time that grows with the square of their length, or stack: each is a
 * quarter of a megabyte, and takes a moment only. */
#include <check.h>
#include <string.h>
#include <time.h>

#include "agent/checks/image_history.h"
#include "agent/checks/image_verified.h"
#include "common/clock.h"
#include "common/secrets/secrets.h"

enum { LENGTH = 1 << 18, SECONDS = 2 };

/* BEGINNING, then PART as often as it fits, then ENDING. */
static char *repeat(const char *beginning, const char *part, const char *ending)
{
    struct str text = STR_INIT;

    str_append(&text, beginning);
    while (text.length + strlen(part) + strlen(ending) < LENGTH)
        str_append(&text, part);
    str_append(&text, ending);
    return str_steal(&text);
}

/* Of this process alone: the machine may be busy. */
static usec_t cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

static void expect_within(usec_t begun, const char *what)
{
    usec_t taken = cpu_time() - begun;

    ck_assert_msg(taken < SECONDS * USEC_PER_SEC, "%.60s: %lld ms", what, (long long)(taken / 1000));
}

START_TEST(test_secrets_in_linear_time)
{
    static const char *const texts[][3] = {
        {"", "a://b:$", ""},
        {"", "a://b:x/", "${@"},
        {"a://b:/", "@/", ""},
        {"a://b:1111", "/", "@"},
        {"", "eyJ-", ""},
        {"", "eyJhbGci-", ".eyJhbGci-x"},
        {"", "pw=$", ""},
        {"", "pw=$", "x"},
        {"", "pw=$a/", "x"},
        {"", "pw=/", "x"},
        {"", "pw=_", "_"},
        {"", "pw=token ", ""},
        {"", "pw=\\\"", ""},
        {"", "pw='$", ""},
        {"mysql", " -p", ""},
        {"", "curl -u ", ""},
        {"", "echo a|", ""},
        {"", "echo a|", "sudo -S"},
        {"", "echo $|", ""},
        {"", "-----BEGIN ", ""},
        {"", "token: Bearer ", ""},
        {"", "--token ", ""},
        {"", "pw", ""},
        {"", "echo 'a:b'\"", ""},
        {"", "?sig=", ""},
        {"", "$1$", ""},
        {"a://b:", "1", "x/////@"},
        {"a://b:/a", "/a", "@@@@@@"},
        {"", "a a", ""},
        {"", "AKIAAAAAAAAAAAA", ""},
        {"pw=a", "\\'", ""},
        {"", "Tr0ub4dor ", ""},
        {"", "echo a;", "|passwd"},
        {"(", "echo a;", ")|passwd"},
        {"", "echo a|", "passwd"},
        {"", "mysql -pa'", ""},
        {"", "curl -u \"a ", ""},
        {"", "chpasswd <<A\n", ""},
        {"", "cat <<A\n", "|passwd"},
        {"", "machine login ", "password a"},
        {"", "a:b", "@tcp("},
        {"a:", "a@", ""},
        {"", "${pw", ":-a"},
        {"", "<pw>", "a"},
        {"", "identified ", "by 'a'"},
        {"echo ", "a:b ", "|chpasswd"},
        {"sh -c 'echo ", "a\\n", "'|passwd"},
        {"", "echo $(", ""},
        {"echo ", "${", "|passwd"},
        {"", "A_CONNECTION_STRING=", ""},
        {"", "A_TOKEN_NAME=aB1c2", ""},
    };

    for (size_t i = 0; i < countof(texts); i++) {
        scoped(cleanup_free) char *text = repeat(texts[i][0], texts[i][1], texts[i][2]);
        scoped_str shown = STR_INIT;
        usec_t begun = cpu_time();

        secret_redact(&shown, text, strlen(text), true);
        secret_is_value("PASSWORD", text, NULL);
        expect_within(begun, text);
        ck_assert(shown.length > 0);
    }
}
END_TEST

/* All that the rule on verified packages looks for. */
static void look_at(const struct shell_line *line)
{
    const struct shell_command *end;
    char *file = NULL;

    verified_unseen(line, &end);
    verified_runs_file(line);
    verified_off(line);
    verified_checks(line);
    verified_plain(line, &file);
    free(file);
}

START_TEST(test_steps_in_linear_time)
{
    static const char *const texts[][3] = {
        {"", "env ", "sh -c true"},
        {"|1 A=b ", "env ", "sh -c true"},
        {"|99999999 ", "a ", ""},
        {"|1 ", "sh -o -", ""},
        {"", "cat <<A\n", ""},
        {"", "eval \"$(", ""},
        {"", "sh -c \"`", ""},
        {"sh -c '", "$(", "'"},
        {"", "(", ""},
        {"", "sudo -u ", ""},
        {"", "a<<b c\n", ""},
        {"", "\\\"", ""},
        {"", "\"`a`$(", ""},
        {"", "{ ", ""},
        {"", "if a; then ", ""},
        {"", "a|", ""},
        {"", "eval eval ", ""},
        {"", "cat <<A|sh\n", ""},
        {"", "$(a <(", ""},
        {"echo '", "sh -c \"", "'|sh"},
        {"", "case a in a) ", ""},
        {"", "A=$A$A;", ""},
        {"A=aaaaaaaaaaaaaaaa;", "$A ", ""},
        {"", "A+=a; a$A;", ""},
        {"", "${a-", ""},
        {"", "$a", ""},
        {"A=$(curl a);", "A=$(echo $A);", "sh -c $A"},
        {"", "A=$(curl a)$A;", "sh -c $A"},
        {"", "{ A=https://a;", "curl $A"},
        {"", "curl -o a b;sh a.sh;", ""},
        {"", "xargs ", "sh -c {}"},
        {"", "http://localhost ", "http://a"},
        {"curl ", "http://a ", "#sha256="},
        {"curl ", "http://a", ""},
        {"", "echo registry=", "http://a"},
        {"", "curl a|", "sh"},
        {"", "curl a|b;", "sh"},
        {"", "tar x < <(", "curl http://a"},
    };

    for (size_t i = 0; i < countof(texts); i++) {
        scoped(cleanup_free) char *text = repeat(texts[i][0], texts[i][1], texts[i][2]);
        const struct history_step history_step = {.created_by = text, .comment = ""};
        scoped(shell_line_deinit) struct shell_line line = {0};
        usec_t begun = cpu_time();
        struct step step = history_step_read(&history_step);

        shell_parse(step.body, step.length, step.dialect, NULL, &line);
        expect_within(begun, text);
        begun = cpu_time();
        look_at(&line);
        expect_within(begun, text);
        ck_assert(step.instruction == INSTRUCTION_RUN);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile text");
    TCase *tests = tcase_create("hostile text");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, test_secrets_in_linear_time);
    tcase_add_test(tests, test_steps_in_linear_time);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
