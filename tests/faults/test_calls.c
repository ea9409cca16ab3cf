/* Calls that people get wrong, of both programs: what each says, where, and how it ends. One agent answers all of
 * them. What waits for an engine that does not answer does so meanwhile. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/options/agent_options.h"
#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"

enum { CONTAINERS = 5, LIMIT_S = 240, NOBODY = 65534 };
enum { DONE = 0, FOUND = 1, USAGE = 2, UNREACHABLE = 3, REFUSED = 4 };

static struct beside beside;
static char *own_rules;

/* ---- --once beside an engine that does not answer ---- */

enum lack {
    LACK_SOCKET, /* there is none */
    LACK_ANSWER, /* it accepts and says nothing */
    LACK_END,    /* it answers, and is gone in the midst of the scan */
    LACK_COUNT
};

static struct waiting {
    struct fake *fake;
    char *socket, *out, *err;
    pid_t pid;
} waiting[LACK_COUNT];

static int create(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void start_once(struct waiting *one)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    scoped(cleanup_free) char *host = mem_printf("unix://%s", one->socket);
    int out = create(one->out), err = create(one->err);

    one->pid = fork();
    ck_assert_int_ge(one->pid, 0);
    if (one->pid == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execl(BUILD_DIR "/docker-bench-agent", "docker-bench-agent", "-c", config, "--docker-host", host, "--once",
              NULL);
        _exit(127);
    }
    close(out);
    close(err);
}

static void start_waiting(struct waiting *one, enum lack lack)
{
    one->socket = mem_printf("%s/engine-%d.sock", beside.folder, (int)lack);
    one->out = mem_printf("%s/once-%d.out", beside.folder, (int)lack);
    one->err = mem_printf("%s/once-%d.err", beside.folder, (int)lack);
    if (lack != LACK_SOCKET)
        one->fake = fake_new(beside.base, one->socket, CONTAINERS);
    if (lack == LACK_ANSWER)
        fake_fault(one->fake, &(struct fake_fault){.path = "/", .hangs = true});
    if (lack == LACK_END)
        fake_fault(one->fake, &(struct fake_fault){.path = "/containers/", .hangs = true});
    start_once(one);
}

static struct str text_of(const char *path)
{
    struct str text = STR_INIT;

    ck_assert_int_eq(file_read(path, 1 << 20, &text, NULL), 0);
    str_append(&text, "");
    return text;
}

static bool has_ended(void *user)
{
    struct waiting *one = user;
    int status;

    if (one->pid == 0)
        return true;
    if (waitpid(one->pid, &status, WNOHANG) != one->pid)
        return false;
    one->pid = 0;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == AGENT_EXIT_UNREACHABLE, "--once ended with %x", status);
    return true;
}

/* On a machine that is very busy it may have given up before it came so far. */
static bool is_in_the_midst_of_a_scan(void *user)
{
    struct waiting *one = user;

    if (fake_requests(one->fake, "/containers/") > 0)
        return true;
    if (has_ended(one))
        start_once(one);
    return false;
}

START_TEST(once_says_what_it_waits_for)
{
    for (size_t i = 0; i < LACK_COUNT; i++) {
        scoped(cleanup_free) char *line = mem_printf("waiting up to 15 s for unix://%s: ", waiting[i].socket);
        scoped(cleanup_free) char *last = mem_printf("docker-bench-agent: unix://%s: ", waiting[i].socket);
        scoped_str out = STR_INIT, err = STR_INIT;

        ck_assert_msg(fake_run(beside.base, LIMIT_S * 1000, has_ended, &waiting[i]), "--once %zu goes on", i);
        out = text_of(waiting[i].out);
        err = text_of(waiting[i].err);
        ck_assert_str_eq(out.data, "");
        ck_assert_msg(strstr(err.data, line) != NULL, "%zu: no \"%s\" in %.2000s", i, line, err.data);
        ck_assert_msg(strstr(err.data, last) != NULL, "%zu: no \"%s\" in %.2000s", i, last, err.data);
    }
}
END_TEST

/* ---- The agent that answers ---- */

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void write_own_rule(void)
{
    static const char rule[] =
        "{\"slug\": \"container-named-user\", \"check\": \"container-document\", \"severity\": \"high\",\n"
        "\"params\": {\"pointer\": \"/Config/User\", \"matches\": \"^[a-z]\"}, \"title\": \"A user with a name\"}";
    scoped(cleanup_free) char *path = mem_printf("%s/own.json", own_rules);

    ck_assert_int_eq(mkdir(own_rules, 0755), 0);
    ck_assert_int_eq(file_replace(path, rule, strlen(rule), 0644, NULL), 0);
}

static void set_up(void)
{
    usec_t end = clock_monotonic() + LIMIT_S * USEC_PER_SEC;
    static const char *const names[] = {"example-web", "example-api", "monitoring-1", "monitoring-2", "other"};
    scoped(cleanup_free) char *config = NULL;

    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    unsetenv("COLUMNS");
    beside_begin(&beside, CONTAINERS);
    own_rules = mem_printf("%s/rules.d", beside.folder);
    write_own_rule();
    for (size_t i = 0; i < countof(names); i++)
        fake_set_name(beside.fake, i, names[i]);
    fake_set_privileged(beside.fake, 0, true);
    config = mem_printf("{\"sinks\": [], \"rules_dir\": \"%s\"}", own_rules);
    beside_start_agent(&beside, config);
    for (int lack = 0; lack < LACK_COUNT; lack++)
        start_waiting(&waiting[lack], (enum lack)lack);
    while (!is_ready()) {
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 20, NULL, NULL);
    }
    ck_assert(fake_run(beside.base, LIMIT_S * 1000, is_in_the_midst_of_a_scan, &waiting[LACK_END]));
    fake_stop(waiting[LACK_END].fake);
}

static void tear_down(void)
{
    for (size_t i = 0; i < LACK_COUNT; i++) {
        if (waiting[i].pid > 0) {
            kill(waiting[i].pid, SIGKILL);
            waitpid(waiting[i].pid, NULL, 0);
        }
        if (waiting[i].fake)
            fake_free(waiting[i].fake);
        free(waiting[i].socket);
        free(waiting[i].out);
        free(waiting[i].err);
    }
    free(own_rules);
    beside_end(&beside);
}

/* ---- Calls ---- */

enum { WORDS_MAX = 20 };

/* Runs PROGRAM with WORDS, '|' between them, for which %S is the agent's socket and %D its folder. */
static int call(const char *program, const char *words, unsigned columns, struct str *ret_out, struct str *ret_err)
{
    scoped(cleanup_free) char *copy = NULL;
    const char *argv[WORDS_MAX] = {program};
    scoped_str filled = STR_INIT;
    size_t count = 1;
    char *rest;
    int status;

    for (const char *at = words; *at; at++)
        if (at[0] == '%' && (at[1] == 'S' || at[1] == 'D'))
            str_append(&filled, *++at == 'S' ? beside.agent_socket : beside.folder);
        else
            str_append_char(&filled, *at);
    copy = mem_strdup(str_text(&filled));
    rest = copy;
    for (char *word; *words && (word = strsep(&rest, "|"));) {
        ck_assert_uint_lt(count + 1, WORDS_MAX);
        argv[count++] = word;
    }
    beside.columns = columns;
    status = beside_run(&beside, argv, columns > 0, ret_out, ret_err);
    str_append(ret_out, "");
    str_append(ret_err, "");
    return status;
}

struct row {
    const char *words;
    int status;
    const char *out, *err; /* what is in them; NULL: nothing is */
};

static void expect(const char *program, const struct row *row, const char *what, const char *wanted,
                   const struct str *said)
{
    if (wanted)
        ck_assert_msg(strstr(said->data, wanted) != NULL, "%s %s: %s has no \"%s\": %.2000s", program, row->words, what,
                      wanted, said->data);
    else
        ck_assert_msg(said->length == 0, "%s %s: %s has %.2000s", program, row->words, what, said->data);
}

static void check_row(const char *program, const struct row *row)
{
    scoped_str out = STR_INIT, err = STR_INIT;
    int status = call(program, row->words, 0, &out, &err);

    ck_assert_msg(status == row->status, "%s %s ended with %d: %.2000s%.2000s", program, row->words, status, out.data,
                  err.data);
    expect(program, row, "output", row->out, &out);
    expect(program, row, "standard error", row->err, &err);
    ck_assert_msg(err.data[0] != '<', "%s %s: a prefix for the journal: %s", program, row->words, err.data);
}

static const struct row of_agentctl[] = {
    {"--socket|%S|findings|--severity|hgih", USAGE, NULL,
     "agentctl: unknown severity \"hgih\"; use low, medium, high, critical; did you mean \"high\"?"},
    {"--socket|%S|findings|--status|failed", USAGE, NULL, "did you mean \"fail\"?"},
    {"--socket|%S|findings|--kind|containers", USAGE, NULL, "did you mean \"container\"?"},
    {"--socket|%S|findings|--severity|Critical", DONE, "\n5.4\tcritical\tfail\tcontainer\texample-web\t", ""},
    {"--socket|%S|findings|--severity|high, critical", DONE, "\n5.4\tcritical\tfail\tcontainer\texample-web\t", ""},
    {"--socket|%S|findings|--rule|container-priv", USAGE, NULL,
     "unknown rule \"container-priv\"; did you mean \"container-privileged\"?"},
    {"--socket|%S|explain|container-priv", USAGE, NULL,
     "did you mean \"container-privileged\"?\nagentctl: all rules: agentctl rules\n"},
    {"--socket|%S|explain|nothing-of-the-kind", USAGE, NULL,
     "unknown rule \"nothing-of-the-kind\"\nagentctl: all rules: agentctl rules\n"},
    {"help", DONE, "Usage: agentctl", NULL},
    {"help|explain", DONE, "Usage: agentctl explain", NULL},
    {"--help", DONE, "Usage: agentctl", NULL},
    {"--version", DONE, "agentctl 0.", NULL},
    {"-V", DONE, "agentctl 0.", NULL},
    {"--socket|%S|findings|5.4", DONE, "\n5.4\tcritical\tfail\tcontainer\texample-web\t", ""},
    {"--socket|%S|findings|5.4|--rule|5.5", USAGE, NULL, "findings takes one rule: as a word or as --rule"},
    {"--socket|%S|findings|--subject|example-*|--rule|5.4", DONE, "\texample-web\t", ""},
    {"--socket|%S|findings|--subject|example", DONE, "",
     "no subject has the name or id \"example\"; for part of a name: --subject '*example*'"},
    {"--socket|%S|findings|--subject|it's", DONE, "", "--subject '*it'\\''s*'"},
    {"--socket|%S|findings|--subject|nothing-*", DONE, "", "no subject has a name like \"nothing-*\"\n"},
    {"--socket|%S|rules|--section|99", USAGE, NULL, "unknown section \"99\"; expected 1, 2, 3, 4, 5, 6, 7, own"},
    {"--socket|%S|findings|--section|99", USAGE, NULL, "unknown section \"99\"; expected 1, 2, 3, 4, 5, 6, 7, own"},
    {"--socket|%S|check|--section|99", USAGE, NULL, "unknown section \"99\"; expected "},
    {"--socket|%S|report|--section|99", USAGE, NULL, "unknown section \"99\"; expected "},
    {"--socket|%S|watch|--since|99999999", USAGE, NULL, "--since 99999999 is ahead of the last transition, "},
    {"--socket|%S|watch|--since|yesteryear", USAGE, NULL, "--since takes a time such as yesterday, "},
    {"--socket|%S|report|--format|pdf", USAGE, NULL, "unknown format \"pdf\"; use html, "},
    {"--socket|%S|fix", USAGE, NULL, "fix changes nothing by itself: --print writes a script"},
    {"--socket|%S|ack|nobody|reason", REFUSED, NULL, "no such exec finding"},
    {"--socket||status", USAGE, NULL, "--socket must not be empty"},
    {"--socket|%D/none.sock|status", UNREACHABLE, NULL,
     ": No such file or directory\nagentctl: is it running? systemctl status docker-bench-agent\n"},
    {"--socket|%D/agent.json|status", UNREACHABLE, NULL, "agentctl: is it running? systemctl status "},
    {"--socket|%S|--json|explain|5.4", DONE, "\"title\":\"Do not run privileged containers\"", NULL},
    {"--socket|%S|--json|--lang|zh|explain|5.4", DONE, "\"title\":\"不使用特权容器\"", NULL},
    {"--socket|%S|--color|always|findings|-o|table", DONE, "\033[1;31mcritical\033[0m", ""},
};

START_TEST(wrong_calls_of_agentctl)
{
    check_row(BUILD_DIR "/agentctl", &of_agentctl[_i]);
}
END_TEST

/* Whatever is said is wrong with the configuration, each way of starting ends in the same way. */
static const struct row of_the_agent[] = {
    {"--check-config|-c|%D/none.json", AGENT_EXIT_CONFIG, NULL, "cannot read the configuration "},
    {"--once|-c|%D/none.json", AGENT_EXIT_CONFIG, NULL, "docker-bench-agent: cannot read the configuration "},
    {"-c|%D/none.json", AGENT_EXIT_CONFIG, NULL, "docker-bench-agent: cannot read the configuration "},
    {"--once|-c|%D/wrong.json", AGENT_EXIT_CONFIG, NULL,
     "wrong.json:2: unknown key \"waiver\"; did you mean \"waivers\"?"},
    {"-c|%D/wrong.json", AGENT_EXIT_CONFIG, NULL, "(and 1 more: docker-bench-agent --check-config lists them)"},
    {"--once|--format|xml", USAGE, NULL, "unknown format \"xml\"; use text, json, "},
    {"--format|json", USAGE, NULL, "--format requires --once"},
    {"--socket|", USAGE, NULL, "--socket must not be empty"},
    {"--onec", USAGE, NULL, "unknown option --onec; did you mean --once?"},
    {"extra", USAGE, NULL, "unexpected argument \"extra\""},
    {"--once|--rule|container-priv|-c|%D/agent.json|--docker-host|unix://%D/engine.sock", USAGE, NULL,
     "docker-bench-agent: unknown rule \"container-priv\"; did you mean \"container-privileged\"?"},
    {"--version", DONE, "docker-bench-agent 0.", NULL},
    {"-V", DONE, "docker-bench-agent 0.", NULL},
};

START_TEST(wrong_calls_of_the_agent)
{
    static const char wrong[] = "{\"sinks\": [],\n\"waiver\": [],\n\"exclude\": [\"web\"]}";
    scoped(cleanup_free) char *path = mem_printf("%s/wrong.json", beside.folder);

    ck_assert_int_eq(file_replace(path, wrong, strlen(wrong), 0644, NULL), 0);
    check_row(BUILD_DIR "/docker-bench-agent", &of_the_agent[_i]);
}
END_TEST

/* All of it at once: what is an error, and what can do nothing. */
START_TEST(a_configuration_of_which_nothing_can_come)
{
    static const char config[] =
        "{\"sinks\": [],\n"
        "\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\", \"expires\": \"2020-01-01\"},\n"
        "{\"rule\": \"5.4\", \"subject\": \"label:app\", \"reason\": \"r\", \"by\": \"b\"},\n"
        "{\"rule\": \"5.4\", \"subject\": \"name:[a\", \"reason\": \"r\", \"by\": \"b\"}],\n"
        "\"attestations\": [{\"rule\": \"5.4\", \"status\": \"pass\", \"by\": \"b\", \"evidence\": \"e\"}],\n"
        "\"socket\": {\"group\": \"no-such-group\"},\n"
        "\"scanner\": {\"command\": [\"scanner\"]}}\n";
    static const char *const said[] = {
        ":2: the waiver of 5.4 for * has expired (2020-01-01T23:59:59.999999Z) and no longer applies",
        ":3: the waiver of 5.4 for label:app matches nothing: ",
        ":4: the waiver of 5.4 for name:[a matches nothing: ",
        ":5: the attestation of 5.4 has no effect: the rule is never manual",
        ":6: socket.group: no-such-group: there is no such group on this host",
        ":7: scanner.command: no word has {image}",
    };
    scoped(cleanup_free) char *path = mem_printf("%s/vain.json", beside.folder);
    scoped_str out = STR_INIT, err = STR_INIT;

    ck_assert_int_eq(file_replace(path, config, strlen(config), 0644, NULL), 0);
    call(BUILD_DIR "/docker-bench-agent", "--check-config|-c|%D/vain.json", 0, &out, &err);
    for (size_t i = 0; i < countof(said); i++)
        ck_assert_msg(strstr(err.data, said[i]) != NULL, "no \"%s\" in %.2000s", said[i], err.data);
}
END_TEST

/* Whoever may not ask is told who may. */
START_TEST(without_the_right_to_ask)
{
    struct stat st;
    pid_t pid;
    int status, said;
    scoped(cleanup_free) char *path = mem_printf("%s/denied", beside.folder);
    scoped_str text = STR_INIT;

    if (geteuid() != 0)
        return;
    ck_assert_int_eq(stat(beside.agent_socket, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07, 0);
    said = create(path);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(said, STDERR_FILENO);
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
            _exit(127);
        execl(BUILD_DIR "/agentctl", "agentctl", "--socket", beside.agent_socket, "status", NULL);
        _exit(127);
    }
    close(said);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    text = text_of(path);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == UNREACHABLE, "%x: %s", status, text.data);
    ck_assert_ptr_nonnull(strstr(text.data, ": Permission denied\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "members of the group docker-bench-agent may ask: usermod -aG "));
}
END_TEST

/* What stands in the environment of a script changes nothing of what it reads. */
START_TEST(json_is_english_whatever_the_locale)
{
    scoped_str out = STR_INIT, err = STR_INIT, zh = STR_INIT;

    setenv("LC_ALL", "zh_CN.UTF-8", 1);
    call(BUILD_DIR "/agentctl", "--socket|%S|--json|explain|5.4", 0, &out, &err);
    call(BUILD_DIR "/agentctl", "--socket|%S|explain|5.4|-o|table", 0, &zh, &err);
    setenv("LC_ALL", "C.UTF-8", 1);
    ck_assert_ptr_nonnull(strstr(out.data, "\"title\":\"Do not run privileged containers\""));
    ck_assert_msg(strstr(zh.data, "\n  容器 example-web：") != NULL, "%.2000s", zh.data);
}
END_TEST

START_TEST(check_as_json_is_one_document_with_the_verdict)
{
    scoped_str out = STR_INIT, err = STR_INIT;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root, *findings;

    ck_assert_int_eq(call(BUILD_DIR "/agentctl", "--socket|%S|--json|check|--fail-on|critical", 0, &out, &err), FOUND);
    ck_assert_int_eq(json_parse(out.data, out.length, NULL, &doc, NULL), 0);
    root = json_root(doc);
    findings = json_get(root, "findings");
    ck_assert_uint_eq(json_count(findings), 1);
    ck_assert_int_eq(json_int(json_get(root, "failures"), -1), 1);
    ck_assert(json_bool(json_get(root, "failed"), false));
    ck_assert_str_eq(json_text(json_get(root, "fail_on"), ""), "critical");
    ck_assert_str_eq(json_text(json_get(json_at(findings, 0), "severity"), ""), "critical");
    str_clear(&out);
    json_doc_free(take(doc));
    ck_assert_int_eq(call(BUILD_DIR "/agentctl", "--socket|%S|--json|check|--rule|5.5|--fail-on-error", 0, &out, &err),
                     DONE);
    ck_assert_int_eq(json_parse(out.data, out.length, NULL, &doc, NULL), 0);
    ck_assert(!json_bool(json_get(json_root(doc), "failed"), true));
}
END_TEST

START_TEST(a_time_is_taken_where_watching_begins)
{
    scoped_str out = STR_INIT, err = STR_INIT;

    const char *argv[] = {
        "/bin/sh",           "-c", "\"$0\" --socket \"$1\" watch --since yesterday | head -n 1", BUILD_DIR "/agentctl",
        beside.agent_socket, NULL};

    ck_assert_int_eq(beside_run(&beside, argv, false, &out, &err), 0);
    ck_assert_msg(strchr(str_text(&out), '\t') != NULL, "%.2000s%.2000s", str_text(&out), str_text(&err));
}
END_TEST

/* NO_COLOR is on only where it is not empty (no-color.org). */
START_TEST(colours_where_they_are_wanted)
{
    static const struct {
        const char *name, *value;
        bool coloured;
    } rows[] = {{"NO_COLOR", "1", false}, {"NO_COLOR", "", true}, {"TERM", "dumb", false}, {"TERM", "xterm", true}};

    for (size_t i = 0; i < countof(rows); i++) {
        scoped_str out = STR_INIT, err = STR_INIT;

        setenv(rows[i].name, rows[i].value, 1);
        ck_assert_int_eq(call(BUILD_DIR "/agentctl", "--socket|%S|findings|5.4", 80, &out, &err), DONE);
        unsetenv("NO_COLOR");
        setenv("TERM", "xterm-256color", 1);
        ck_assert_msg((strchr(out.data, '\033') != NULL) == rows[i].coloured, "%s=%s: %.2000s", rows[i].name,
                      rows[i].value, out.data);
    }
}
END_TEST

/* An own rule's slug is its only name: no screen cuts it. */
START_TEST(the_name_of_an_own_rule_is_whole)
{
    static const char *const screens[] = {"rules|--section|own", "findings|--flat|--section|own",
                                          "findings|--section|own", "explain|container-named-user",
                                          "history|--rule|container-named-user"};

    for (size_t i = 0; i < countof(screens); i++) {
        scoped(cleanup_free) char *words = mem_printf("--socket|%%S|%s", screens[i]);
        scoped_str out = STR_INIT, err = STR_INIT;

        ck_assert_int_eq(call(BUILD_DIR "/agentctl", words, 80, &out, &err), DONE);
        ck_assert_msg(strstr(out.data, "container-named-user") != NULL, "%s: %.2000s", screens[i], out.data);
    }
}
END_TEST

/* From what is wrong to why and what to do: each screen names the next. */
START_TEST(each_screen_names_the_next)
{
    static const struct {
        const char *words, *said;
    } rows[] = {
        {"status",
         "\nwhy, and how to fix it: agentctl explain 5.4\r\nall: agentctl findings    live: agentctl watch\r\n"},
        {"findings", "\nwhy, and how to fix it: agentctl explain RULE\r\n"},
        {"explain|5.4", "\nWhat fails, and how to fix it\r\n  container example-web: runs with --privileged\r\n    "},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        scoped(cleanup_free) char *words = mem_printf("--socket|%%S|--color|never|%s", rows[i].words);
        scoped_str out = STR_INIT, err = STR_INIT;

        ck_assert_int_eq(call(BUILD_DIR "/agentctl", words, 80, &out, &err), DONE);
        ck_assert_msg(strstr(out.data, rows[i].said) != NULL, "%s: %.2000s", rows[i].words, out.data);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls");
    TCase *tests = tcase_create("calls");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, wrong_calls_of_agentctl, 0, countof(of_agentctl));
    tcase_add_loop_test(tests, wrong_calls_of_the_agent, 0, countof(of_the_agent));
    tcase_add_test(tests, a_configuration_of_which_nothing_can_come);
    tcase_add_test(tests, without_the_right_to_ask);
    tcase_add_test(tests, json_is_english_whatever_the_locale);
    tcase_add_test(tests, check_as_json_is_one_document_with_the_verdict);
    tcase_add_test(tests, a_time_is_taken_where_watching_begins);
    tcase_add_test(tests, colours_where_they_are_wanted);
    tcase_add_test(tests, the_name_of_an_own_rule_is_whole);
    tcase_add_test(tests, each_screen_names_the_next);
    tcase_add_test(tests, once_says_what_it_waits_for); /* the last: it has gone on since the beginning */
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one agent and one engine serve them all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
