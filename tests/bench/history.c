/* What the store costs the whole agent, beside a fake engine: bench-history [FOLDER].
 *
 * Without FOLDER: 5,000 transitions happen, at once and one after the other: the CPU time that the store's process
 * takes for them, the agent's own, and for how long its loop stands still at the worst (the longest answer of
 * /healthz). With FOLDER, where bench-store has been: how long a day's window takes through the socket and by agentctl.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { CONTAINERS = 500, ROUNDS = 4, ASKED = 9, READY_S = 60 };

static struct beside beside;

static void die(const char *what)
{
    fprintf(stderr, "bench-history: %s\n", what);
    exit(2);
}

/* ---- The agent's processes ---- */

static double cpu_ms(pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/schedstat", (int)pid);
    scoped_str text = STR_INIT;

    return file_read(path, 256, &text, NULL) < 0 ? 0 : strtod(text.data, NULL) / 1e6;
}

static bool has_database(pid_t pid)
{
    scoped(cleanup_free) char *folder = mem_printf("/proc/%d/fd", (int)pid);
    DIR *dir = opendir(folder);
    bool found = false;

    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, entry->d_name);
        char target[4096];
        ssize_t n = readlink(path, target, sizeof target - 1);

        target[n > 0 ? n : 0] = '\0';
        found = found || strstr(target, "/agent.db");
    }
    if (dir)
        closedir(dir);
    return found;
}

static pid_t store_process(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/task/%d/children", (int)beside.agent, (int)beside.agent);
    scoped_str text = STR_INIT;
    char *rest;

    if (file_read(path, 4096, &text, NULL) < 0)
        return 0;
    rest = text.data;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word && has_database((pid_t)atoi(word)))
            return (pid_t)atoi(word);
    return 0;
}

/* ---- One request, blocking: in a process of its own, as the engine is in this one ---- */

/* The milliseconds that it took; RET_BYTES of answer. */
static double ask(const char *path, size_t *ret_bytes)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    usec_t begin = clock_monotonic();
    char buffer[65536];
    ssize_t n;

    memcpy(address.sun_path, beside.agent_socket, strlen(beside.agent_socket));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, request, strlen(request)) != (ssize_t)strlen(request))
        die("the agent does not answer");
    *ret_bytes = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        *ret_bytes += (size_t)n;
    return (double)(clock_monotonic() - begin) / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool has_ended(void *user)
{
    return waitpid(*(pid_t *)user, NULL, WNOHANG) != 0;
}

static void wait_for(pid_t pid)
{
    while (!fake_run(beside.base, 1000, has_ended, &pid))
        ;
}

static volatile sig_atomic_t stopped;

static void on_term(int number)
{
    (void)number;
    stopped = 1;
}

/* Asks for /healthz over and over until SIGTERM, and prints the longest answer. */
static pid_t start_prober(void)
{
    pid_t pid = fork();
    double longest = 0;
    size_t bytes, count = 0;

    if (pid)
        return pid;
    signal(SIGTERM, on_term);
    for (; !stopped; count++) {
        double ms = ask("/healthz", &bytes);

        longest = ms > longest ? ms : longest;
        usleep(1000);
    }
    printf("  longest answer of %zu: %.1f ms\n", count, longest);
    fflush(stdout);
    _exit(0);
}

static void measure_request(const char *what, const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        double ms[ASKED];
        size_t bytes = 0;

        for (size_t i = 0; i < ASKED; i++)
            ms[i] = ask(path, &bytes);
        qsort(ms, ASKED, sizeof *ms, compare);
        printf("%-40s median %.1f ms, at most %.1f ms, %zu KiB\n", what, ms[ASKED / 2], ms[ASKED - 1], bytes / 1024);
        fflush(stdout);
        _exit(0);
    }
    wait_for(pid);
}

/* agentctl history, of the day before the last 24 hours (in which are the transitions of this agent's start). */
static void measure_command(const char *what, const char *option, const char *value)
{
    const char *argv[] = {BUILD_DIR "/agentctl",
                          "--socket",
                          beside.agent_socket,
                          "history",
                          "--since",
                          "2d",
                          "--until",
                          "1d",
                          option,
                          value,
                          NULL};
    double ms[ASKED];
    size_t bytes = 0;

    for (size_t i = 0; i < ASKED; i++) {
        scoped_str out = STR_INIT, err = STR_INIT;
        usec_t begin = clock_monotonic();

        if (beside_run(&beside, argv, false, &out, &err) != 0)
            die(str_text(&err));
        ms[i] = (double)(clock_monotonic() - begin) / 1e3;
        bytes = out.length;
    }
    qsort(ms, ASKED, sizeof *ms, compare);
    printf("%-40s median %.1f ms, at most %.1f ms, %zu KiB\n", what, ms[ASKED / 2], ms[ASKED - 1], bytes / 1024);
}

/* ---- 5,000 transitions ---- */

static bool is_ready(void *user)
{
    (void)user;
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static uint64_t last_seq(void)
{
    return (uint64_t)json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), 0);
}

/* The number of the last transition, once nothing has followed it for a quarter of a second. */
static uint64_t last_of_all(void)
{
    uint64_t last = last_seq(), before;

    do {
        before = last;
        fake_run(beside.base, 250, NULL, NULL);
        last = last_seq();
    } while (last != before);
    return last;
}

static void change(size_t container, bool privileged)
{
    fake_set_privileged(beside.fake, container, privileged);
    fake_event(beside.fake, "container", "update", fake_container_id(container), NULL);
}

/* PAUSE_MS: between two events; 0: each round's come at once. */
static void measure_churn(unsigned pause_ms)
{
    pid_t store = store_process(), prober;
    uint64_t before = last_of_all(), count;
    double store_ms, agent_ms;

    prober = start_prober();
    fake_run(beside.base, 200, NULL, NULL);
    store_ms = cpu_ms(store);
    agent_ms = cpu_ms(beside.agent);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CONTAINERS; i++) {
            change(i, round % 2 == 0);
            if (pause_ms)
                fake_run(beside.base, pause_ms, NULL, NULL);
        }
        last_of_all();
    }
    count = last_of_all() - before;
    store_ms = cpu_ms(store) - store_ms;
    agent_ms = cpu_ms(beside.agent) - agent_ms;
    printf("%" PRIu64 " transitions, %s: the store's process %.1f ms CPU for 5,000 of them, the agent %.1f\n", count,
           pause_ms ? "one event after the other" : "500 events at once", store_ms * 5000 / (double)count,
           agent_ms * 5000 / (double)count);
    fflush(stdout);
    kill(prober, SIGTERM);
    wait_for(prober);
}

/* At the end of a burst, so that there is something left to be stored. */
static void measure_stop(void)
{
    usec_t begin;

    for (size_t i = 0; i < CONTAINERS; i++)
        change(i, true);
    fake_run(beside.base, 150, NULL, NULL);
    begin = clock_monotonic();
    kill(beside.agent, SIGTERM);
    wait_for(beside.agent);
    beside.agent = 0;
    printf("stopped amid a burst: %.0f ms\n", (double)(clock_monotonic() - begin) / 1e3);
}

/* ---- A year ---- */

static void measure_year(void)
{
    static const char *const filters[] = {"",
                                          "&rule=container-pids-limit",
                                          "&subject=rare",
                                          "&subject=r?re",
                                          "&severity=critical",
                                          "&rule=5.4&status=fail"};
    usec_t now = clock_now(&clock_system), day = INT64_C(86400) * USEC_PER_SEC;
    char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

    for (size_t i = 0; i < countof(filters); i++) {
        scoped(cleanup_free) char *last =
            mem_printf("/v1/events?since_time=%s&until_time=%s%s", clock_format(now - 2 * day, since),
                       clock_format(now - day, until), filters[i]);
        scoped(cleanup_free) char *middle =
            mem_printf("/v1/events?since_time=%s&until_time=%s%s", clock_format(now - 180 * day, since),
                       clock_format(now - 179 * day, until), filters[i]);
        scoped(cleanup_free) char *what_last = mem_printf("yesterday %s", filters[i]);
        scoped(cleanup_free) char *what_middle = mem_printf("a day in the middle %s", filters[i]);

        measure_request(what_last, last);
        measure_request(what_middle, middle);
    }
    measure_request("all of the year, a rare rule", "/v1/events?since=0&rule=container-pids-limit");
    measure_command("agentctl history, of yesterday", NULL, NULL);
    measure_command("  --rule", "--rule", "container-pids-limit");
    measure_command("  --subject", "--subject", "rare");
    measure_command("  --severity", "--severity", "critical");
}

static const char *year_folder;

/* A test of check's, as beside.h asserts with it. */
START_TEST(measure)
{
    beside_begin(&beside, CONTAINERS);
    if (year_folder) {
        scoped(cleanup_free) char *command =
            mem_printf("mkdir %s/state && ln %s/agent.db* %s/state/", beside.folder, year_folder, beside.folder);

        if (system(command) != 0)
            die("FOLDER has no agent.db on the file system of /tmp");
    }
    beside_start_agent(&beside, "{\"sinks\": [], \"history\": {\"days\": 3650, \"size\": \"64GiB\"}}");
    if (!fake_run(beside.base, READY_S * 1000, is_ready, NULL))
        die("the agent does not get ready");
    if (year_folder) {
        measure_year();
    } else {
        measure_churn(0);
        measure_churn(4);
        measure_stop();
    }
    beside_end(&beside);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("bench");
    TCase *tcase = tcase_create("history");
    SRunner *runner = srunner_create(suite);
    int failed;

    year_folder = argc > 1 ? argv[1] : NULL;
    tcase_add_test(tcase, measure);
    suite_add_tcase(suite, tcase);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
