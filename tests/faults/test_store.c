/* The agent and its store: killed at any moment, on a disk that is full or fails, beside a store that is damaged or of
 * somebody else; and what agentctl history and diff say of what was stored. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/vec.h"

enum { CONTAINERS = 4, READY_S = 240 };

static struct beside beside;
static char config[1024];

static void start(void)
{
    beside_start_agent(&beside, config);
}

static void stop(void)
{
    ck_assert_int_eq(kill(beside.agent, SIGTERM), 0);
    ck_assert_int_eq(waitpid(beside.agent, NULL, 0), beside.agent);
    beside.agent = 0;
}

static void wait_ready(void)
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    while (!json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false)) {
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static bool is_scanned(void *user)
{
    (void)user;
    return json_int(json_path(beside_ask(&beside, "/v1/status"), "scan", "duration_ms", NULL), -1) >= 0;
}

static void set_up(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "XYZ-05:30", 1); /* half past five hours east */
    tzset();
    beside_begin(&beside, CONTAINERS);
    fake_set_name(beside.fake, 0, "web");
    snprintf(config, sizeof config, "{\"sinks\": []}");
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* agentctl WORDS…, with NULL at the end; what it printed, which the caller frees. */
static struct str run(int wanted, const char *const *words)
{
    const char *argv[32] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    struct str out = STR_INIT;
    scoped_str err = STR_INIT;
    size_t count = 3;
    int status;

    for (; *words; words++)
        argv[count++] = *words;
    status = beside_run(&beside, argv, false, &out, &err);
    ck_assert_msg(status == wanted, "agentctl %s ended with %d: %s", argv[3], status, str_text(&err));
    str_append(&out, "");
    return out;
}
#define RUN(wanted, ...) run(wanted, (const char *const[]){__VA_ARGS__, NULL})

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static bool is_privileged_failing(void)
{
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail&subject=web"), "findings")) == 1;
}

static void set_privileged(bool privileged)
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    fake_set_privileged(beside.fake, 0, privileged);
    fake_event(beside.fake, "container", "update", fake_container_id(0), NULL);
    while (is_privileged_failing() != privileged) {
        ck_assert_msg(clock_monotonic() < end, "the verdict does not come");
        fake_run(beside.base, 10, NULL, NULL);
    }
}

/* ---- history and diff ---- */

static void now_as_local(char *buffer, size_t size)
{
    time_t now;
    struct tm local;

    fake_run(beside.base, 1100, NULL, NULL); /* whole seconds are compared with what happened before and after */
    now = time(NULL);
    localtime_r(&now, &local);
    strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &local);
}

START_TEST(history_names_what_changed)
{
    scoped_str out = STR_INIT;
    char before[32], after[32];

    start();
    wait_ready();
    now_as_local(before, sizeof before);
    set_privileged(true);
    now_as_local(after, sizeof after);
    set_privileged(false);

    out = RUN(0, "--no-header", "history", "--since", before, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 2);
    ck_assert_ptr_nonnull(strstr(out.data, "\t5.4\tpass\tfail\tcontainer\tweb\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "\t5.4\tfail\tpass\tcontainer\tweb\t"));
    ck_assert_int_ge(strncmp(out.data, before, 19), 0); /* local time */
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--since", before, "--until", after, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 1);
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--since", after, "--rule", "container-privileged", "--subject", "w?b",
              "--severity", "critical,high", "--status", "pass", "--kind", "container", "--section", "5");
    ck_assert_uint_eq(lines_of(out.data), 1);
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--since", "yesterday", "--kind", "host", "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 0);
    str_deinit(&out);
    out = RUN(0, "--json", "history", "--since", before, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 3); /* with the first line of the API */
    ck_assert_int_eq(strncmp(out.data, "{\"hello\":", 9), 0);
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--until", before, "--rule", "5.4", "--kind",
              "container"); /* from the beginning */
    ck_assert_uint_eq(lines_of(out.data), CONTAINERS);
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--since", before, "--limit", "1", "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 1);
    ck_assert_ptr_nonnull(strstr(out.data, "\tpass\tfail\t"));
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--waived", "true");
    ck_assert_uint_eq(lines_of(out.data), 0);
    str_deinit(&out);
    out = RUN(2, "history", "--since", after, "--until", before);
}
END_TEST

START_TEST(diff_names_opened_and_closed)
{
    scoped_str out = STR_INIT;
    char before[32], between[32];
    double then, until;
    const char *score;

    fake_set_privileged(beside.fake, 1, true);
    start();
    wait_ready();
    beside_await_images(&beside, 1);
    now_as_local(before, sizeof before);
    set_privileged(true);
    now_as_local(between, sizeof between);

    out = RUN(0, "diff", before);
    ck_assert_ptr_nonnull(strstr(out.data, "opened\t5.4\tcritical\tfail\tcontainer\tweb\t"));
    ck_assert_ptr_null(strstr(out.data, "\nclosed\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "open\t5.4\tcritical\tfail\tcontainer\t"));
    str_deinit(&out);

    set_privileged(false);
    out = RUN(0, "diff", between);
    ck_assert_ptr_nonnull(strstr(out.data, "closed\t5.4\tcritical\tpass\tcontainer\tweb\t"));
    ck_assert_ptr_null(strstr(out.data, "\nopened\t"));
    str_deinit(&out);
    out = RUN(0, "diff", before);
    ck_assert_ptr_null(strstr(out.data, "\nopened\t"));
    ck_assert_ptr_null(strstr(out.data, "\nclosed\t"));
    str_deinit(&out);
    out = RUN(0, "diff", before, between);
    ck_assert_ptr_nonnull(strstr(out.data, "opened\t5.4\t"));
    str_deinit(&out);

    /* Before the beginning of the history nothing is known, the score neither; the worst comes first. */
    out = RUN(0, "diff", "yesterday");
    ck_assert_ptr_nonnull(strstr(out.data, "opened\t5.4\tcritical\t"));
    ck_assert(strstr(out.data, "opened\t5.4\tcritical\t") < strstr(out.data, "\thigh\t"));
    ck_assert(strstr(out.data, "\thigh\t") < strstr(out.data, "\tlow\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "\nscore\t\t\t\t\t\t- "));
    str_deinit(&out);

    /* The last failure of the rule goes: it passes, and the score rises by it. */
    now_as_local(between, sizeof between);
    fake_set_privileged(beside.fake, 1, false);
    fake_event(beside.fake, "container", "update", fake_container_id(1), NULL);
    while (json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")))
        fake_run(beside.base, 10, NULL, NULL);
    out = RUN(0, "diff", between);
    score = strstr(out.data, "score\t");
    ck_assert_ptr_nonnull(score);
    ck_assert_int_eq(sscanf(score, "score\t\t\t\t\t\t%lf %lf", &then, &until), 2);
    ck_assert_double_gt(until, then);
    ck_assert_double_eq_tol(until, json_double(json_get(beside_ask(&beside, "/v1/status"), "score"), -1), 0.06);
}
END_TEST

/* How many findings of rule 5.4 and a subject NAME; RET_PREVIOUS: its status before, of the last one. */
static size_t count_of(const struct json *findings, const char *name, const char **ret_previous)
{
    size_t count = 0;

    *ret_previous = "";
    for (size_t i = 0; i < json_count(findings); i++) {
        const struct json *finding = json_at(findings, i);

        if (strcmp(json_text(json_get(finding, "rule"), ""), "5.4") != 0 ||
            strcmp(json_text(json_path(finding, "subject", "name", NULL), ""), name) != 0)
            continue;
        count++;
        *ret_previous = json_text(json_get(finding, "previous"), "");
    }
    return count;
}

/* The same as text, with the findings as the API has them. */
START_TEST(diff_as_json)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL, *earlier = NULL;
    scoped_str out = STR_INIT;
    const struct json *root;
    char before[32], between[32];
    const char *previous;
    usec_t since = 0;

    fake_set_name(beside.fake, 1, "old");
    fake_set_name(beside.fake, 2, "db");
    fake_set_privileged(beside.fake, 1, true);
    start();
    wait_ready();
    beside_await_images(&beside, 1);
    set_privileged(true);
    now_as_local(before, sizeof before);
    set_privileged(false);
    fake_set_privileged(beside.fake, 2, true);
    fake_event(beside.fake, "container", "update", fake_container_id(2), NULL);
    while (json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")) != 2)
        fake_run(beside.base, 10, NULL, NULL);
    now_as_local(between, sizeof between);

    out = RUN(0, "--json", "diff", before);
    ck_assert_uint_eq(lines_of(out.data), 1);
    ck_assert_int_eq(json_parse(out.data, out.length, NULL, &doc, NULL), 0);
    root = json_root(doc);
    ck_assert_int_eq(clock_parse(json_text(json_get(root, "since"), ""), &since), 0);
    ck_assert_int_eq(json_type(json_get(root, "until")), JSON_NULL);
    ck_assert_uint_eq(count_of(json_get(root, "opened"), "db", &previous), 1);
    ck_assert_str_eq(previous, "pass");
    ck_assert_uint_eq(count_of(json_get(root, "closed"), "web", &previous), 1);
    ck_assert_str_eq(previous, "fail");
    ck_assert_uint_eq(count_of(json_get(root, "open"), "old", &previous), 1);
    ck_assert_uint_eq(count_of(json_get(root, "open"), "db", &previous), 0);
    ck_assert_double_eq_tol(json_double(json_path(root, "score", "until", NULL), -1),
                            json_double(json_get(beside_ask(&beside, "/v1/status"), "score"), -2), 0.06);
    ck_assert_int_eq(json_type(json_path(root, "score", "since", NULL)), JSON_NUMBER);
    str_deinit(&out);

    out = RUN(0, "--json", "diff", "yesterday", between);
    ck_assert_int_eq(json_parse(out.data, out.length, NULL, &earlier, NULL), 0);
    ck_assert_int_eq(json_type(json_path(json_root(earlier), "score", "since", NULL)), JSON_NULL);
    ck_assert_ptr_nonnull(json_string(json_get(json_root(earlier), "until")));
}
END_TEST

START_TEST(times_that_are_not)
{
    scoped_str out = RUN(2, "history", "--since", "yesterdy");
    scoped_str other = RUN(2, "diff", "2026-02-30");
    scoped_str word = RUN(2, "history", "--severity", "hgih");
    scoped_str missing = RUN(2, "diff"), turned = RUN(2, "diff", "now", "1h");
    const struct str *printed[] = {&out, &other, &word, &missing, &turned};

    (void)config;
    for (size_t i = 0; i < countof(printed); i++) /* what is wrong is reported on standard error */
        ck_assert_str_eq(printed[i]->data, "");
}
END_TEST

/* ---- What people did ---- */

static bool has_exec(void *user)
{
    (void)user;
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.22&status=fail"), "findings")) == 1;
}

static void await(bool (*done)(void *user), const char *what)
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    while (!done(NULL)) {
        ck_assert_msg(clock_monotonic() < end, "%s does not come", what);
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static size_t count_entries(const char *slug)
{
    scoped_str out = RUN(0, "--no-header", "history", "--kind", "agent", "--rule", slug);

    return lines_of(out.data);
}

static size_t waivers, reloads; /* as many entries as that */

static bool has_waivers(void *user)
{
    (void)user;
    return count_entries("agent-waiver") == waivers;
}

static bool is_reloaded(void *user)
{
    (void)user;
    return count_entries("agent-reload") == reloads;
}

static bool has_begun(const char *text)
{
    scoped_str out = RUN(0, "history", "--rule", "agent-waiver");

    return strstr(out.data, text);
}

START_TEST(what_people_did_is_entered)
{
    enum { PRIVILEGED_EXEC = 1000000 }; /* of container 0 */
    scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", fake_exec_id(PRIVILEGED_EXEC));
    scoped(cleanup_free) char *id = mem_strdup(fake_exec_id(PRIVILEGED_EXEC));
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);
    /* a rule of the user's own, whatever its name, judges execs too */
    scoped(cleanup_free) char *own_rule = mem_printf(
        "mkdir %s/rules.d && sed '0,/exec-privileged/s//ours/' %s/rules/exec-privileged.json >%s/rules.d/ours.json",
        beside.folder, SOURCE_DATA_DIR, beside.folder);
    scoped_str out = STR_INIT, login = STR_INIT;
    char soon[CLOCK_TEXT_SIZE], text[1024];

    ck_assert_int_eq(system(own_rule), 0);
    snprintf(config, sizeof config,
             "{\"sinks\": [], \"rules_dir\": \"%s/rules.d\", \"waivers\": [{\"rule\": \"5.4\", \"by\": \"ann\", "
             "\"reason\": \"old\"}]}",
             beside.folder);
    start();
    wait_ready();
    fake_event(beside.fake, "container", "exec_create: /bin/sh", fake_container_id(0), attributes);
    await(has_exec, "the exec's finding");
    out = RUN(0, "ack", id, "seen-by-me");
    str_deinit(&out);
    out = RUN(0, "scan");
    str_deinit(&out);

    out = RUN(0, "--json", "history", "--rule", "agent-ack", "--subject", id);
    ck_assert_ptr_nonnull(strstr(out.data, "\"why\":\"seen-by-me\""));
    ck_assert_int_eq(file_read("/proc/self/loginuid", 64, &login, NULL), 0);
    snprintf(text, sizeof text, strcmp(login.data, "4294967295") == 0 ? "\"login_uid\":null" : "\"login_uid\":%s",
             login.data);
    ck_assert_ptr_nonnull(strstr(out.data, text));
    snprintf(text, sizeof text, "\"by\":{\"uid\":%u,", (unsigned)getuid());
    ck_assert_ptr_nonnull(strstr(out.data, text));
    str_deinit(&out);
    out = RUN(0, "explain", "5.22");
    ck_assert_ptr_nonnull(strstr(out.data, "seen-by-me"));
    str_deinit(&out);
    out = RUN(0, "explain", "ours");
    ck_assert_ptr_nonnull(strstr(out.data, "seen-by-me"));
    str_deinit(&out);
    out = RUN(0, "explain", "5.4");
    ck_assert_ptr_null(strstr(out.data, "seen-by-me"));
    str_deinit(&out);
    out = RUN(0, "--no-header", "history", "--rule", "agent-scan");
    snprintf(text, sizeof text, "\t\tdone\tagent\tagent\tuid %u requested a full scan", (unsigned)getuid());
    ck_assert_ptr_nonnull(strstr(out.data, text));
    str_deinit(&out);
    ck_assert_uint_eq(count_entries("agent-scan"), 1);
    ck_assert_uint_eq(count_entries("agent-waiver"), 0);

    /* the old waiver ends with the reload, another one begins, unless that is too late for it, and expires */
    reloads = 0;
    for (unsigned seconds = 4; !has_begun("by bob begins"); seconds *= 6) {
        ck_assert_uint_lt(seconds, READY_S);
        clock_format(clock_now(&clock_system) + seconds * USEC_PER_SEC, soon);
        snprintf(text, sizeof text,
                 "{\"sinks\": [], \"waivers\": [{\"rule\": \"5.4\", \"by\": \"bob\", \"reason\": \"brief\", "
                 "\"subject\": \"name:web\", \"expires\": \"%s\"}]}",
                 soon);
        ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, NULL), 0);
        ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
        reloads++;
        await(is_reloaded, "the entry of the reload");
    }
    out = RUN(0, "--json", "history", "--rule", "agent-reload");
    ck_assert_ptr_nonnull(strstr(out.data, "\"configuration\":\""));
    ck_assert_ptr_null(strstr(out.data, "\"configuration\":\"\""));
    str_deinit(&out);
    waivers = 3;
    await(has_waivers, "the end of the waiver");
    out = RUN(0, "--no-header", "history", "--rule", "agent-waiver");
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 for * by ann ends: it was removed"));
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 for name:web by bob begins (brief)"));
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 for name:web by bob ends: it has expired"));
    str_deinit(&out);

    /* what changes while the agent is not running is entered when it starts again */
    stop();
    snprintf(config, sizeof config,
             "{\"sinks\": [], \"waivers\": [{\"rule\": \"5.4\", \"by\": \"eve\", \"reason\": \"long\"}]}");
    start();
    wait_ready();
    waivers = 4;
    await(has_waivers, "the entry of the new waiver");
    stop();
    snprintf(config, sizeof config, "{\"sinks\": []}");
    start();
    wait_ready();
    waivers = 5;
    await(has_waivers, "the entry of its end");
    out = RUN(0, "--no-header", "history", "--rule", "agent-waiver");
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 for * by eve begins (long)"));
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 for * by eve ends: it was removed (long)"));
}
END_TEST

static size_t refusals; /* as many entries as that */

static bool is_refused(void *user)
{
    (void)user;
    return count_entries("agent-config") == refusals;
}

/* What was degraded when the agent ended does not stay so in the history. */
START_TEST(states_end_with_the_agent)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);
    scoped_str out = STR_INIT;

    start();
    wait_ready();
    ck_assert_int_eq(file_replace(path, "{", 1, 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    refusals = 1;
    await(is_refused, "the refusal of the configuration");
    for (unsigned i = 0; i < 2; i++) {
        stop();
        start();
        wait_ready();
    }
    refusals = 2;
    await(is_refused, "the end of the refusal");
    out = RUN(0, "--no-header", "history", "--rule", "agent-config");
    ck_assert_ptr_nonnull(strstr(out.data, "\tdegraded\tready\tagent\tagent\tthe agent was restarted\t"));
}
END_TEST

/* ---- Killed ---- */

/* The lines that were seen, by stream and number: a number stands for one transition. */
static struct map *lines;

struct line_check {
    struct str stream;
    uint64_t last, oldest;
    size_t count;
};

static void check_line(const char *line, size_t length, struct line_check *check)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_free) char *key = NULL;
    const char *before;
    uint64_t seq;

    ck_assert_int_eq(json_parse(line, length, NULL, &doc, NULL), 0);
    if (json_get(json_root(doc), "hello")) {
        str_append(&check->stream, json_text(json_path(json_root(doc), "hello", "stream", NULL), ""));
        ck_assert_uint_eq(check->stream.length, 36);
        return;
    }
    if (json_get(json_root(doc), "lost"))
        return;
    ck_assert_msg(json_get(json_root(doc), "seq") != NULL, "%.*s", (int)length, line);
    seq = (uint64_t)json_int(json_get(json_root(doc), "seq"), 0);
    ck_assert_msg(!check->last || seq == check->last + 1, "%" PRIu64 " follows %" PRIu64, seq, check->last);
    check->last = seq;
    check->count++;
    key = mem_printf("%s %" PRIu64, check->stream.data, seq);
    before = map_get(lines, key);
    ck_assert_msg(!before || strlen(before) == length, "%s was\n%s\nand is\n%.*s", key, before, (int)length, line);
    ck_assert(!before || strncmp(before, line, length) == 0);
    if (!before)
        map_set(lines, key, mem_strndup(line, length));
}

/* All that is stored follows each other, and is what was seen before. The last number. */
static uint64_t check_history(void)
{
    scoped_str out = RUN(0, "--json", "history", "--since", "3d");
    struct line_check check = {.stream = STR_INIT};
    uint64_t last;

    for (const char *at = out.data; *at;) {
        size_t length = strcspn(at, "\n");

        check_line(at, length, &check);
        at += length + 1;
    }
    str_deinit(&check.stream);
    last = check.last;
    return last;
}

static pid_t children_of(pid_t pid, pid_t *ret, size_t room, size_t *ret_count)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
    scoped_str text = STR_INIT;
    char *rest;

    *ret_count = 0;
    if (file_read(path, 4096, &text, NULL) < 0)
        return 0;
    rest = text.data;
    for (char *word; rest && (word = strsep(&rest, " "));)
        if (*word && *ret_count < room)
            ret[(*ret_count)++] = (pid_t)atoi(word);
    return *ret_count ? ret[0] : 0;
}

/* The store's process: the child that has the database open. */
static pid_t store_process(void)
{
    pid_t children[32];
    size_t count;

    children_of(beside.agent, children, countof(children), &count);
    for (size_t i = 0; i < count; i++) {
        scoped(cleanup_free) char *command =
            mem_printf("ls -l /proc/%d/fd 2>/dev/null | grep -q agent.db", (int)children[i]);

        if (system(command) == 0)
            return children[i];
    }
    return 0;
}

/* The agent, or ALL of its processes at once. */
static void kill_agent(bool all)
{
    pid_t children[32];
    size_t count = 0;

    if (all)
        children_of(beside.agent, children, countof(children), &count);
    ck_assert_int_gt(beside.agent, 0);
    ck_assert_int_eq(kill(beside.agent, SIGKILL), 0);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    ck_assert_int_eq(waitpid(beside.agent, NULL, 0), beside.agent);
    beside.agent = 0;
}

/* What it may write. */
static void limit_store(rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;
    pid_t store;

    while (!(store = store_process())) {
        ck_assert_msg(clock_monotonic() < end, "the store's process does not come");
        fake_run(beside.base, 20, NULL, NULL);
    }
    ck_assert_int_eq(prlimit(store, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void churn(unsigned ms)
{
    usec_t end = clock_monotonic() + ms * 1000;

    while (clock_monotonic() < end) {
        size_t which = 1 + (size_t)rand() % (CONTAINERS - 1);

        fake_set_privileged(beside.fake, which, rand() % 2);
        fake_event(beside.fake, "container", "update", fake_container_id(which), NULL);
        fake_run(beside.base, 4, NULL, NULL);
    }
}

/* Since when each finding of container "web", of which nothing changes, has its status. */
static char *since_of_web(void)
{
    const struct json *findings = json_get(beside_ask(&beside, "/v1/findings?subject=web"), "findings");
    scoped_str out = STR_INIT;

    ck_assert_uint_gt(json_count(findings), 20);
    for (size_t i = 0; i < json_count(findings); i++) {
        const struct json *finding = json_at(findings, i);

        str_printf(&out, "%s %s %s\n", json_text(json_get(finding, "slug"), ""),
                   json_text(json_get(finding, "status"), ""), json_text(json_get(finding, "since"), ""));
    }
    return mem_strdup(out.data);
}

/* A finding whose last transition is the same one has been so since the same time, whatever was killed meanwhile. */
static void check_since(struct map *known)
{
    scoped(cleanup_free) char *after = NULL;

    do {
        scoped(cleanup_free) char *path = after ? mem_printf("/v1/findings?limit=500&after=%s", after) : NULL;
        const struct json *page = beside_ask(&beside, path ? path : "/v1/findings?limit=500");
        const struct json *findings = json_get(page, "findings");

        for (size_t i = 0; i < json_count(findings); i++) {
            const struct json *finding = json_at(findings, i);
            scoped(cleanup_free) char *key = mem_printf("%s %" PRId64, json_text(json_get(finding, "uid"), ""),
                                                        json_int(json_get(finding, "seq"), -1));
            scoped(cleanup_free) char *now = mem_printf("%s %s", json_text(json_get(finding, "status"), ""),
                                                        json_text(json_get(finding, "since"), ""));
            const char *before = map_get(known, key);

            ck_assert_msg(!before || strcmp(before, now) == 0, "%s %s: was %s, is %s",
                          json_text(json_get(finding, "slug"), ""), key, before, now);
            if (!before)
                map_set(known, key, mem_strdup(now));
        }
        free(after);
        after = mem_strdup(json_string(json_get(page, "next")));
        for (size_t at = 0; after && after[at]; at++)
            if (after[at] == ' ')
                after[at] = '+';
    } while (after);
}

static unsigned rounds(unsigned usual)
{
    const char *text = getenv("STORE_ROUNDS"); /* for a longer run by hand */

    return text ? (unsigned)atoi(text) : usual;
}

/* What the sink wrote: in a stream its numbers follow each other, and what came twice is the same. */
static uint64_t check_file(const char *path)
{
    scoped(cleanup_map) struct map *records = map_new(free);
    scoped_str text = STR_INIT, stream = STR_INIT;
    uint64_t last = 0;

    str_append(&stream, "");
    ck_assert_int_eq(file_read(path, 1 << 30, &text, NULL), 0);
    for (const char *at = text.data, *end; (end = strchr(at, '\n')); at = end + 1) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped(cleanup_free) char *key = NULL;
        const char *before;
        uint64_t number;

        ck_assert_msg(json_parse(at, (size_t)(end - at), NULL, &doc, NULL) == 0, "%.*s", (int)(end - at), at);
        number = (uint64_t)json_int(json_get(json_root(doc), "number"), 0);
        if (strcmp(stream.data, json_text(json_get(json_root(doc), "stream"), "")) != 0) {
            str_clear(&stream);
            str_append(&stream, json_text(json_get(json_root(doc), "stream"), ""));
            last = last ? number : 0;
        }
        ck_assert_msg(number && number <= last + 1, "%" PRIu64 " follows %" PRIu64, number, last);
        key = mem_printf("%s %" PRIu64, stream.data, number);
        before = map_get(records, key);
        if (before)
            ck_assert_msg(strncmp(before, at, (size_t)(end - at)) == 0, "%" PRIu64 " was\n%s\nand is\n%.*s", number,
                          before, (int)(end - at), at);
        else
            map_set(records, key, mem_strndup(at, (size_t)(end - at)));
        last = number > last ? number : last;
    }
    return last;
}

START_TEST(killed_at_any_moment)
{
    scoped(cleanup_free) char *since = NULL, *file = mem_printf("%s/records", beside.folder);
    scoped(cleanup_map) struct map *known = map_new(free);
    unsigned count = rounds(20);
    uint64_t last = 0, now;

    lines = map_new(free);
    srand(4711);
    snprintf(config, sizeof config,
             "{\"sinks\": [{\"type\": \"file\", \"address\": \"%s\", \"min_severity\": \"low\", "
             "\"statuses\": [\"pass\", \"fail\", \"manual\", \"error\", \"not_applicable\"]}]}",
             file);
    fake_set_privileged(beside.fake, 0, true);
    start();
    wait_ready();
    beside_await_images(&beside, 1);
    since = since_of_web();
    check_since(known);
    for (unsigned i = 0; i < count; i++) {
        churn(i % 3 ? 20 + (unsigned)rand() % 300 : (unsigned)rand() % 60); /* in the first scan, too */
        kill_agent(i % 2);
        start();
        if (i % 4 && i + 1 < count)
            continue;
        wait_ready();
        beside_await_images(&beside, 1);
        scoped(cleanup_free) char *since_now = since_of_web();

        ck_assert_str_eq(since_now, since);
        check_since(known);
        now = check_history();
        ck_assert_uint_ge(now, last);
        last = now;
    }
    ck_assert_uint_gt(last, 20);
    ck_assert_uint_gt(check_file(file), 20);
    aftermath_check(&beside);
    printf("figure: %u kills, %" PRIu64 " numbers, none given twice or skipped, and no finding's since changed\n",
           count, last);
    map_free(lines);
}
END_TEST

/* A question that is asked while there is no process is answered with an error. */
static bool store_answers(void *user)
{
    scoped_str out = RUN(0, "--json", "history", "--rule", "5.4", "--status", "fail");

    (void)user;
    return !strstr(out.data, "{\"error\":");
}

START_TEST(store_process_killed)
{
    unsigned count = rounds(20);
    uint64_t last;

    lines = map_new(free);
    srand(4712);
    start();
    wait_ready();
    for (unsigned i = 0; i < count; i++) {
        pid_t store;

        churn(20 + (unsigned)rand() % 40);
        while (!(store = store_process()))
            churn(20);
        kill(store, SIGKILL);
        churn(30);
    }
    set_privileged(true); /* what was waiting is stored, and this after it */
    await(store_answers, "the store's next process");
    last = check_history();
    ck_assert_uint_gt(last, 20);
    map_free(lines);
}
END_TEST

/* ---- Disks ---- */

static bool has_store_trouble(void *user)
{
    const struct json *reasons = json_path(beside_ask(&beside, "/v1/status"), "agent", "reasons", NULL);
    bool found = false;

    (void)user;
    for (size_t i = 0; i < json_count(reasons); i++)
        found = found || strstr(json_text(json_at(reasons, i), ""), "agent.db");
    return found;
}

static bool has_no_store_trouble(void *user)
{
    return !has_store_trouble(user);
}

/* Every write fails: numbers go on in another stream, and after a kill none of them means two things. */
START_TEST(disk_that_fails)
{
    lines = map_new(free);
    srand(4713 + _i);
    start();
    wait_ready();
    check_history();
    limit_store(0);
    churn(400);
    await(has_store_trouble, "the trouble");
    check_history();
    if (_i) { /* it recovers, and all is stored in the end */
        limit_store(RLIM_INFINITY);
        await(has_no_store_trouble, "the end of the trouble");
        churn(100);
        check_history();
    }
    kill_agent(true);
    start();
    wait_ready();
    churn(200);
    set_privileged(true);
    check_history();
    map_free(lines);
}
END_TEST

#ifdef PRELOAD_FAULTS

static void start_with_faults(const char *writes)
{
    setenv("FAULT_WRITES", writes, 1);
    setenv("LD_PRELOAD", PRELOAD_FAULTS, 1);
    start();
    unsetenv("LD_PRELOAD");
}

struct place {
    char stream[64];
    int64_t last_seq;
};

static struct place read_place(void)
{
    const struct json *status = beside_ask(&beside, "/v1/status");
    struct place place = {.last_seq = json_int(json_get(status, "last_seq"), -1)};

    snprintf(place.stream, sizeof place.stream, "%s", json_text(json_get(status, "stream"), ""));
    ck_assert_uint_eq(strlen(place.stream), 36);
    return place;
}

static const char *stream_before;

static bool has_another_stream(void *user)
{
    (void)user;
    return strcmp(read_place().stream, stream_before) != 0;
}

/* EIO for every write, and a kill: last_seq may fall in another stream only, and no number of a stream is given twice.
 * With the disk as bad when the agent starts again, and with a good one. */
START_TEST(disk_that_answers_eio)
{
    scoped(cleanup_free) char *flag = mem_printf("%s/eio", beside.folder),
                              *file = mem_printf("%s/records", beside.folder);
    struct place before, during, after;

    lines = map_new(free);
    srand(4720 + _i);
    snprintf(config, sizeof config,
             "{\"sinks\": [{\"type\": \"file\", \"address\": \"%s\", \"min_severity\": \"low\", "
             "\"statuses\": [\"pass\", \"fail\"]}]}",
             file);
    start_with_faults(flag);
    wait_ready();
    for (unsigned round = 0; round < 3; round++) {
        churn(200);
        check_history();
        before = read_place();
        ck_assert_int_eq(file_replace(flag, "", 0, 0600, NULL), 0);
        churn(400);
        await(has_store_trouble, "the trouble");
        churn(200);
        check_history();
        stream_before = before.stream;
        await(has_another_stream, "another stream");
        during = read_place();
        ck_assert_int_ge(during.last_seq, before.last_seq);
        kill_agent(true);
        if (_i)
            ck_assert_int_eq(unlink(flag), 0);
        start_with_faults(flag);
        await(is_scanned, "the first scan");
        churn(100);
        check_history();
        after = read_place();
        ck_assert_str_ne(after.stream, during.stream);
        ck_assert(strcmp(after.stream, before.stream) != 0 || after.last_seq >= before.last_seq);
        unlink(flag);
        await(has_no_store_trouble, "the end of the trouble");
        set_privileged(round % 2 == 0);
        check_history();
    }
    check_file(file);
    aftermath_check(&beside);
    map_free(lines);
}
END_TEST

#endif

START_TEST(disk_that_is_full)
{
    static const char *const sizes[] = {"size=64k", "size=1m"};
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside.folder);

    lines = map_new(free);
    srand(4715 + _i);
    ck_assert_int_eq(mkdir(state, 0700), 0);
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("none", state, "tmpfs", 0, sizes[_i]), 0);
    start();
    await(is_scanned, "the first scan");
    for (unsigned i = 0; i < 6; i++) {
        churn(400);
        check_history();
        kill_agent(i % 2);
        start();
        await(is_scanned, "the first scan");
        check_history();
    }
    set_privileged(true);
    kill_agent(false);
    ck_assert_int_eq(umount2(state, MNT_DETACH), 0);
    map_free(lines);
}
END_TEST

/* Set aside, and said. */
START_TEST(foreign_store)
{
    static const char *const commands[] = {"echo this is somebody else\\'s file, and longer than nothing > agent.db",
                                           "sqlite3 agent.db 'CREATE TABLE other(x); PRAGMA application_id=1'",
                                           "printf SQLite > agent.db"};
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside.folder);
    scoped(cleanup_free) char *command = mem_printf("cd %s/state && %s", beside.folder, commands[_i]);
    scoped(cleanup_free) char *aside = mem_printf("ls %s/state | grep -q agent.db.broken", beside.folder);

    if (_i == 1 && system("command -v sqlite3 >/dev/null") != 0)
        return;
    ck_assert_int_eq(mkdir(state, 0700), 0);
    ck_assert_int_eq(system(command), 0);
    start();
    await(has_store_trouble, "the reason");
    ck_assert_int_eq(system(aside), 0);
    set_privileged(true);
    lines = map_new(free);
    ck_assert_uint_gt(check_history(), 0);
    map_free(lines);
}
END_TEST

static bool is_removed_file_said(void *user)
{
    const struct json *reasons = json_path(beside_ask(&beside, "/v1/status"), "agent", "reasons", NULL);
    bool found = false;

    (void)user;
    for (size_t i = 0; i < json_count(reasons); i++)
        found = found || strstr(json_text(json_at(reasons, i), ""), "written anew");
    return found;
}

/* Somebody removes, or replaces, the store that is in use: nothing of it is lost. */
START_TEST(store_removed_while_it_is_used)
{
    static const char *const commands[] = {"rm agent.db", "echo other >other && mv other agent.db"};
    scoped(cleanup_free) char *command = mem_printf("cd %s/state && %s", beside.folder, commands[_i]);
    uint64_t last;

    lines = map_new(free);
    start();
    wait_ready();
    set_privileged(true);
    ck_assert_int_eq(system(command), 0);
    set_privileged(false);
    await(is_removed_file_said, "the reason");
    set_privileged(true);
    last = check_history();
    kill_agent(true);
    start();
    wait_ready();
    ck_assert_uint_ge(check_history(), last); /* in the same stream: all that was seen is there as it was */
    ck_assert_uint_gt(last, 20);
    map_free(lines);
}
END_TEST

/* A folder that nothing can be written to when the agent starts: it does its work, says so, and stores what happened
 * once it can. */
START_TEST(read_only_folder)
{
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside.folder);
    uint64_t last;

    lines = map_new(free);
    ck_assert_int_eq(mkdir(state, 0700), 0);
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("none", state, "tmpfs", MS_RDONLY, "size=8m"), 0);
    start();
    await(is_scanned, "the first scan");
    await(has_store_trouble, "the reason");
    set_privileged(true);
    check_history();
    ck_assert_int_eq(mount("none", state, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    await(has_no_store_trouble, "the end of the trouble");
    set_privileged(false);
    last = check_history();
    kill_agent(true);
    start();
    wait_ready();
    ck_assert_uint_ge(check_history(), last);
    kill_agent(false);
    ck_assert_int_eq(umount2(state, MNT_DETACH), 0);
    map_free(lines);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 900);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *history = add_case(suite, "history"), *entries = add_case(suite, "entries");
    TCase *killed = add_case(suite, "killed"), *process = add_case(suite, "process");
    TCase *failing = add_case(suite, "failing"), *full = add_case(suite, "full"), *foreign = add_case(suite, "foreign");
    SRunner *runner;
    int failed;

    tcase_add_test(history, history_names_what_changed);
    tcase_add_test(history, diff_names_opened_and_closed);
    tcase_add_test(history, diff_as_json);
    tcase_add_test(history, times_that_are_not);
    tcase_add_test(entries, what_people_did_is_entered);
    tcase_add_test(entries, states_end_with_the_agent);
    tcase_add_test(killed, killed_at_any_moment);
    tcase_add_test(process, store_process_killed);
    tcase_add_loop_test(failing, disk_that_fails, 0, 2);
#ifdef PRELOAD_FAULTS /* not under sanitizers, which allocate themselves */
    tcase_add_loop_test(failing, disk_that_answers_eio, 0, 2);
#endif
    tcase_add_loop_test(full, disk_that_is_full, 0, 2);
    tcase_add_loop_test(foreign, foreign_store, 0, 3);
    tcase_add_loop_test(foreign, store_removed_while_it_is_used, 0, 2);
    tcase_add_test(full, read_only_folder);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
