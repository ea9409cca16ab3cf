/* Texts that an image may hold, made to take work that grows with the square of their length, or stack. Work is counted
 * in steps: twice the text takes no more than twice the steps, and what one image may take is bounded. */
#include <check.h>
#include <string.h>

#include "agent/checks/image_history.h"
#include "agent/checks/image_verified.h"
#include "agent/checks/table.h"
#include "common/json_out.h"
#include "common/secrets/secrets.h"
#include "probes/docker/docker_parse.h"

enum { LENGTH = 1 << 16, STEPS_PER_CHARACTER_MAX = 1024, TIMEOUT = 240 };

static const char id[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* What a text is made of: a beginning, a part that is repeated, an ending. */
struct pattern {
    const char *beginning, *part, *ending;
};

static char *repeat(const struct pattern *pattern, size_t length)
{
    struct str text = STR_INIT;

    str_append(&text, pattern->beginning);
    while (text.length + strlen(pattern->part) + strlen(pattern->ending) < length)
        str_append(&text, pattern->part);
    str_append(&text, pattern->ending);
    return str_steal(&text);
}

static void expect_in_proportion(size_t once, size_t twice, const struct pattern *pattern)
{
    ck_assert_msg(twice <= 2 * once + once / 8, "%s%s…: %zu steps, %zu for twice the text", pattern->beginning,
                  pattern->part, once, twice);
    ck_assert_msg(twice <= (size_t)STEPS_PER_CHARACTER_MAX * 2 * LENGTH, "%s%s…: %zu steps", pattern->beginning,
                  pattern->part, twice);
}

/* ---- Secrets ---- */

static const struct pattern secret_texts[] = {
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
    {"", "find -exec ", ""},
    {"", "$(( ((", ""},
    {"", "\\", ""},
    {"", "{}", ""},
    {"", "a|", ""},
    {"", "cat <<A\nb\nA\n", ""},
    {"", "=", ""},
    {"", "-", ""},
    {"", "A=a;", ""},
    {"", "ENV password ", ""},
    {"", "a_", ""},
    {"pw=", "*", "a"},
    {"pw=/", "a", "="},
    {"auth:", "Basic ", ""},
    {"", "A", ""},
    {"", "MIIEvQIBADANBgkq", "="},
    {"", "-----BEGIN PRIVATE KEY-----", "-----END"},
    {"", "-----BEGIN PRIVATE KEY-----a ", ""},
    {"", "sk-xxxx-", "a1"},
    {"", "1234567890:A ", ""},
    {"", "Maaaaaaaaaaaaaaaaaaaaaaaaa.", ""},
    {"", "a:5432:a:", "a"},
    {"", "thin:a/", "@"},
    {"", "a://abcdefghijklmnopqrstuv@", ""},
    {"a://b:", "A", "@"},
    {"", "\xe5\xaf\x86", "\xe7\xa0\x81=a1"},
    {"", "\xe5\xaf\x86\xe7\xa0\x81=", ""},
    {"", "\\nauth: ", ""},
    {"", "crypt('", "'"},
    {"", "define('a','", "'"},
    {"", "password, value", ":a1"},
    {"pw=", "your-", "a1"},
    {"", "AUTH=aB", "="},
    {"sqlplus ", "a/", "@b"},
    {"", "echo a >token ", ""},
    {"", "echo a|tee ", "token"},
    {"", "mc set a b c ", ""},
    {"", "\\npassword ", "a1"},
    {"", "echo 'a a:' >token ", ""},
    {"", "net user /a ", ""},
    {"chpasswd newusers passwd smbpasswd su sudo kinit cat <<A\n", "a:b ", ""},
    {"", "chpasswd newusers passwd su sudo kinit echo printf yes cat mysql curl docker aws npm git openssl zip ", ""},
};

static size_t steps_of_search(const char *text)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, text, strlen(text));
    while (secret_next(&scan, &match))
        ck_assert(match.value >= text && match.value + match.value_length <= text + scan.length);
    return scan.budget.taken;
}

START_TEST(test_secrets_take_steps_in_proportion)
{
    const struct pattern *pattern = &secret_texts[_i];
    scoped(cleanup_free) char *text = repeat(pattern, LENGTH), *longer = repeat(pattern, 2 * LENGTH);
    scoped_str shown = STR_INIT;

    expect_in_proportion(steps_of_search(text), steps_of_search(longer), pattern);
    secret_redact(&shown, longer, strlen(longer), true);
    ck_assert(shown.length > 0);
}
END_TEST

START_TEST(test_a_search_ends_with_its_steps)
{
    static const char text[] = "a_password=abcdefgh another_password=ijklmnop";
    struct budget budget = {.max = 200};
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, text, strlen(text));
    scan.budget.max = 600;
    ck_assert(secret_next(&scan, &match));
    ck_assert(!secret_next(&scan, &match));
    ck_assert(budget_is_over(&scan.budget));
    ck_assert(secret_is_value("A", text, NULL));
    ck_assert(!secret_is_value_within("A", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb password=abcdefgh", &budget, NULL));
    ck_assert(budget_is_over(&budget));
}
END_TEST

/* ---- Commands ---- */

static const struct pattern commands[] = {
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
    {"", "find -exec ", ""},
    {"find ", "-exec a ; ", ""},
    {"", "xargs find -exec ", ""},
    {"", "$(find -exec ", ""},
    {"", "$((", ""},
    {"", "$(( ((", ""},
    {"", "\\", ""},
    {"", "{}", ""},
    {"", "$(a)", ""},
    {"", "`a` ", ""},
    {"", "<<<a ", ""},
    {"", "curl http://a|", "sh"},
    {"curl http://a ", "|a ", ""},
    {"apk ", "a ", ""},
    {"zypper ", "-G ", ""},
    {"{ ", "a;", "} <a <a <a <a"},
    {"{ a; } ", "<a ", ""},
    {"", "a ", ""},
    {"", "sudo ", ""},
    {"", "a()", ""},
    {"", "function a ", ""},
    {"echo ", "a ", "|sh"},
    {"", "$(echo a|sh)", ""},
    {"", "A=http://a;", ""},
    {"", "curl -O https://a/b;", ""},
    {"", "curl -o a https://a/b;tar x a;", ""},
    {"curl ", "https://a -o b ", ""},
    {"curl https://a/b.deb;", "dpkg -i *;", ""},
    {"curl -O https://a/b;", "echo b|sha256sum -c;", ""},
    {"curl -O https://a/b;", "(sha256sum -c -;", ""},
    {"", "git clone https://a;make;", ""},
    {"", "f(){ g;};", "f"},
    {"php -r '://", "copy(", "'"},
    {"wget -i - <<E\n", "https://a/b\n", ""},
    {"echo ", "https://a/b ", "|xargs curl -O"},
    {"{ ", "A=http://a$A;", ""},
};

/* All that the rule on verified packages looks for. */
static void look_at(const struct shell_line *line)
{
    scoped(downloads_deinit) struct downloads downloads = downloads_new();
    const struct shell_command *end;

    for (size_t i = 0; i < line->count; i++)
        downloads_read(&downloads, 0, line->items[i], line->budget);
    for (size_t i = 0; i < line->count; i++)
        downloads_run(&downloads, 0, line->items[i], line->budget);
    for (size_t i = 0; i < line->count; i++)
        downloads_check(&downloads, 0, line->items[i], line->budget);
    verified_run(line, &end);
    verified_off(line, &downloads);
    verified_http(line);
    verified_direct(line);
}

/* With as many steps as a step of a history of that length has. */
static size_t steps_of_commands(const char *text)
{
    const struct history_step history_step = {.created_by = text, .comment = ""};
    struct step step = history_step_read(&history_step);
    const struct shell_options options = {.dialect = step.dialect};
    struct budget budget = {.max = 64 * step.length + 16384};
    scoped(shell_line_deinit) struct shell_line line = {0};

    ck_assert(step.instruction == INSTRUCTION_RUN);
    shell_parse(step.body, step.length, &options, &budget, &line);
    if (!budget_is_over(&budget))
        look_at(&line);
    return budget.taken;
}

START_TEST(test_commands_take_steps_in_proportion)
{
    const struct pattern *pattern = &commands[_i];
    scoped(cleanup_free) char *text = repeat(pattern, LENGTH / 2), *longer = repeat(pattern, LENGTH);

    expect_in_proportion(steps_of_commands(text), steps_of_commands(longer), pattern);
}
END_TEST

START_TEST(test_reading_ends_with_its_steps)
{
    static const char text[] = "a b c; d e f; g h i";
    const struct shell_options options = {0};
    struct budget budget = {.max = 400};
    scoped(shell_line_deinit) struct shell_line line = {0};

    shell_parse(text, strlen(text), &options, &budget, &line);
    ck_assert(budget_is_over(&budget));
    ck_assert_str_eq(line.why, "its commands take too much work");
    ck_assert_uint_lt(line.count, 3);
}
END_TEST

/* ---- Images ---- */

static void put_image(struct store *store, const char *const *steps, size_t count)
{
    struct json_out *history = json_out_new(false), *image = json_out_new(false);
    struct history_facts *history_facts = NULL;
    struct image_facts *image_facts = NULL;
    const char *text;
    size_t length;

    json_out_array(history, NULL);
    for (size_t i = count; i-- > 0;) { /* the newest first */
        json_out_object(history, NULL);
        json_out_string(history, "CreatedBy", steps[i]);
        json_out_string(history, "Comment", "");
        json_out_int(history, "Size", 0);
        json_out_end_object(history);
    }
    json_out_end_array(history);
    json_out_object(image, NULL);
    json_out_string(image, "Id", id);
    json_out_object(image, "Config");
    json_out_end_object(image);
    json_out_string(image, "Os", "linux");
    json_out_string(image, "Architecture", "amd64");
    json_out_int(image, "Size", 0);
    json_out_object(image, "RootFS");
    json_out_string(image, "Type", "layers");
    json_out_end_object(image);
    json_out_end_object(image);
    text = json_out_text(history, &length);
    ck_assert_int_eq(parse_history(text, length, &history_facts, NULL), 0);
    text = json_out_text(image, &length);
    ck_assert_int_eq(parse_image(text, length, &image_facts, NULL), 0);
    store_put(store, INPUT_HISTORY, id, &history_facts->facts);
    store_put(store, INPUT_IMAGE, id, &image_facts->facts);
    json_out_free(history);
    json_out_free(image);
}

/* The verdict of the check NAME on an image whose history is STEPS; its evidence holds EVIDENCE. */
static enum verdict judge(const char *name, const char *const *steps, size_t count, const char *evidence)
{
    scoped(cleanup_store) struct store *store = store_new();
    const struct rule rule = {.slug = name, .check = check_find(checks, name)};
    struct check_input in = {.rule = &rule, .store = store, .key = id, .explain = true};
    struct check_result result;
    enum verdict verdict;

    put_image(store, steps, count);
    check_result_init(&result);
    check_run(&in, &result);
    verdict = result.verdict;
    ck_assert_msg(strstr(check_result_evidence(&result, LANGUAGE_EN), evidence), "%s: %s", name,
                  check_result_evidence(&result, LANGUAGE_EN));
    check_result_deinit(&result);
    return verdict;
}

/* Steps of 60 kB that are quick to write: what is too much is an error of that image, and no fault is lost. */
START_TEST(test_an_image_that_is_too_complex_is_an_error)
{
    static const struct pattern finds = {"RUN ", "find -exec ", ""};
    static const char *const names[] = {"image-update-instruction", "image-verified-packages"};
    enum { SIZE = 60000 };
    scoped(cleanup_free) char *step = repeat(&finds, SIZE);
    const char *const steps[] = {"RUN apt-get install -y a", step, step, step, step, step, step};
    const char *const with_fault[] = {"RUN apt-get update; apt-get --force-yes upgrade", step};

    for (size_t i = 0; i < countof(names); i++) {
        ck_assert_int_eq(judge(names[i], steps, countof(steps), "RUN step 2 is too complex to judge: "), VERDICT_ERROR);
        ck_assert_int_eq(judge(names[i], with_fault, countof(with_fault), "step 1: "), VERDICT_FAIL);
    }
    ck_assert_int_eq(judge("image-add-instruction", steps, countof(steps), "no ADD"), VERDICT_PASS);
}
END_TEST

START_TEST(test_a_history_that_is_too_long_is_an_error)
{
    static const struct pattern ordinary = {"RUN ", "curl -fsSL https://a.example/b -o c && apt-get install -y c d; ",
                                            ""};
    static const char *const names[] = {"image-secrets", "image-update-instruction", "image-add-instruction",
                                        "image-verified-packages"};
    enum { SIZE = 60000, COUNT = 64 };
    scoped(cleanup_free) char *step = repeat(&ordinary, SIZE);
    const char *steps[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        steps[i] = step;
    for (size_t i = 0; i < countof(names); i++) {
        ck_assert_int_eq(judge(names[i], steps, COUNT, i ? "its history is too long to judge" : "too much work"),
                         VERDICT_ERROR);
        ck_assert_int_eq(judge(names[i], steps, 1, "no"), VERDICT_PASS);
    }
    steps[0] = "RUN echo root:Tr0ub4dor1 | chpasswd";
    ck_assert_int_eq(judge("image-secrets", steps, COUNT, "step 1: "), VERDICT_FAIL);
}
END_TEST

/* Whatever the text, the steps of all RUN steps of an image stay below a bound. */
START_TEST(test_an_image_takes_no_more_than_its_steps)
{
    enum { SIZE = 30000, COUNT = 20 };
    scoped(cleanup_free) char *step = repeat(&commands[_i], SIZE);
    scoped(cleanup_store) struct store *store = store_new();
    struct check_input in = {.store = store, .key = id};
    scoped(history_end) struct history_reading reading = {0};
    struct check_result result;
    const char *steps[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        steps[i] = step;
    put_image(store, steps, COUNT);
    check_result_init(&result);
    ck_assert(history_begin(&reading, &in, &result) || result.verdict == VERDICT_ERROR);
    for (size_t i = 0; i < reading.count; i++) {
        scoped(shell_line_deinit) struct shell_line line = {0};

        history_learn(&reading, i);
        if (history_parse(&reading, i, reading.variables, &line))
            look_at(&line);
        history_judged(&reading, i, &line);
        ck_assert_uint_le(line.count, reading.budget.max / 64);
    }
    /* What ends one step is the last that it takes, and each level of a nested one takes its own. */
    ck_assert_uint_lt(reading.budget.taken, 4 * reading.budget.max);
    check_result_deinit(&result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile text");
    TCase *tests = tcase_create("hostile text");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, TIMEOUT); /* only against a test that hangs */
    tcase_add_loop_test(tests, test_secrets_take_steps_in_proportion, 0, countof(secret_texts));
    tcase_add_test(tests, test_a_search_ends_with_its_steps);
    tcase_add_loop_test(tests, test_commands_take_steps_in_proportion, 0, countof(commands));
    tcase_add_test(tests, test_reading_ends_with_its_steps);
    tcase_add_test(tests, test_an_image_that_is_too_complex_is_an_error);
    tcase_add_test(tests, test_a_history_that_is_too_long_is_an_error);
    tcase_add_loop_test(tests, test_an_image_takes_no_more_than_its_steps, 0, countof(commands));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
