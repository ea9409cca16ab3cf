/* See the header. */
#include "aftermath.h"

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { WAIT_S = 240, UNREACHABLE = 3 /* --once has not been answered in time */ };

/* ---- Findings ---- */

static void add_verdicts(struct map *map, const struct json *findings)
{
    for (size_t i = 0; i < json_count(findings); i++) {
        const struct json *finding = json_at(findings, i);
        const char *kind = json_text(json_path(finding, "subject", "kind", NULL), "");
        scoped(cleanup_free) char *key = mem_printf("%s %s %s", json_text(json_get(finding, "slug"), ""), kind,
                                                    json_text(json_path(finding, "subject", "id", NULL), ""));

        if (strcmp(kind, "exec") != 0)
            map_set(map, key, mem_strdup(json_text(json_get(finding, "status"), "")));
    }
}

struct map *aftermath_findings(struct beside *beside)
{
    struct map *map = map_new(free);
    scoped(cleanup_free) char *next = NULL;

    do {
        scoped(cleanup_free) char *path =
            mem_printf("/v1/findings?limit=1000%s%s", next ? "&after=" : "", next ? next : "");
        const struct json *page = beside_ask(beside, path);

        add_verdicts(map, json_get(page, "findings"));
        free(next);
        next = mem_strdup(json_string(json_get(page, "next")));
    } while (next);
    return map;
}

struct map *aftermath_fresh_scan(struct beside *beside)
{
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside->engine_socket);
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside->folder);
    const char *arguments[] = {
        BUILD_DIR "/docker-bench-agent", "-c", config, "--docker-host", host, "--once", "--format", "json", NULL};
    scoped_str out = STR_INIT, err = STR_INIT;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    usec_t end = clock_monotonic() + WAIT_S * USEC_PER_SEC;
    struct map *map = map_new(free);

    while (beside_run(beside, arguments, false, &out, &err) == UNREACHABLE && clock_monotonic() < end) {
        str_clear(&out);
        str_clear(&err);
    }
    ck_assert_msg(json_parse(str_text(&out), out.length, NULL, &doc, NULL) == 0, "%s", str_text(&err));
    add_verdicts(map, json_get(json_root(doc), "findings"));
    return map;
}

static unsigned differing(const struct map *a, const struct map *b, const char *report)
{
    unsigned count = 0;
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(a, &at, &key, &value)) {
        const char *other = map_get(b, key);

        if (other && strcmp(other, value) == 0)
            continue;
        if (report && count < 10)
            printf("%s: %s %s, else %s\n", report, key, (const char *)value, other ? other : "nothing");
        count++;
    }
    return count;
}

struct map *aftermath_equal_scan(struct beside *beside)
{
    usec_t end = clock_monotonic() + WAIT_S * USEC_PER_SEC;

    for (;;) {
        bool last = clock_monotonic() >= end;
        struct map *fresh = aftermath_fresh_scan(beside);
        scoped(cleanup_map) struct map *ours = aftermath_findings(beside);
        unsigned different = differing(fresh, ours, last ? "a fresh scan" : NULL);

        different += differing(ours, fresh, last ? "the agent" : NULL);
        if (!different) {
            ck_assert_uint_gt(map_count(fresh), 50);
            return fresh;
        }
        ck_assert_msg(!last, "%u findings are not those of a fresh scan", different);
        map_free(fresh);
        fake_run(beside->base, 1000, NULL, NULL);
    }
}

size_t aftermath_check(struct beside *beside)
{
    scoped(cleanup_map) struct map *fresh = aftermath_equal_scan(beside);

    return map_count(fresh);
}

/* ---- Stalls ---- */

/* How long the process has waited for a processor, in ns: proc_pid_schedstat. */
static int64_t waited(int fd)
{
    char text[128];
    int64_t ran, delay = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return sscanf(text, "%" SCNd64 " %" SCNd64, &ran, &delay) == 2 ? delay : 0;
}

static bool ask(const struct sockaddr_un *address)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    char answer[8192];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_answered = false;

    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
        while (recv(fd, answer, sizeof answer, 0) > 0)
            is_answered = true;
    close(fd);
    return is_answered;
}

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static void probe(const struct beside *beside, int results)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/schedstat", (int)beside->agent);
    int agent = open(path, O_RDONLY | O_CLOEXEC), own = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
    int64_t longest = 0, count = 0;

    memcpy(address.sun_path, beside->agent_socket, strlen(beside->agent_socket));
    while (!is_over) {
        int64_t before = waited(agent) + waited(own), took;
        usec_t began = clock_monotonic();

        if (ask(&address)) {
            took = (clock_monotonic() - began) * 1000 - (waited(agent) + waited(own) - before);
            longest = took > longest ? took : longest;
            count++;
        }
        usleep(1000);
    }
    dprintf(results, "%" PRId64 " %" PRId64 "\n", longest / 1000, count);
}

void pace_begin(struct pace *pace, const struct beside *beside, const char *what)
{
    enum { RESULTS_FD = 3 };
    int ends[2];

    *pace = (struct pace){.what = what};
    if (!getenv("FAULTS_FIGURES"))
        return;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pace->pid = fork();
    ck_assert_int_ge(pace->pid, 0);
    if (pace->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The fake engine's connections are to end when it closes them. */
        dup2(ends[1], RESULTS_FD);
        closefrom(RESULTS_FD + 1);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
        probe(beside, RESULTS_FD);
        _exit(0);
    }
    close(ends[1]);
    pace->results = ends[0];
}

static size_t peak_kib(pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;
    const char *at = file_read(path, 1 << 16, &text, NULL) == 0 ? strstr(text.data, "VmHWM:") : NULL;

    return at ? strtoul(at + strlen("VmHWM:"), NULL, 10) : 0;
}

void pace_end(struct pace *pace, const struct beside *beside)
{
    const char *limit = getenv("FAULTS_STALL_MS");
    int64_t longest = 0, count = 0;
    char text[64] = "";
    int status;

    if (!pace->pid)
        return;
    kill(pace->pid, SIGTERM);
    waitpid(pace->pid, &status, 0);
    ck_assert_int_gt(read(pace->results, text, sizeof text - 1), 0);
    close(pace->results);
    ck_assert_int_eq(sscanf(text, "%" SCNd64 " %" SCNd64, &longest, &count), 2);
    printf("figure: %s: the loop stood still for at most %" PRId64 ".%" PRId64 " ms (%" PRId64
           " answers), the agent took at most %zu KiB\n",
           pace->what, longest / 1000, longest / 100 % 10, count, peak_kib(beside->agent));
    fflush(stdout);
    if (limit)
        ck_assert_int_le(longest / 1000, atoi(limit));
}
