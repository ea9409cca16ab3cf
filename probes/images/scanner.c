/* Running a scanner and reading its report. The report is as hostile as the image: it is parsed in a part of the worker
 * that has nothing but its text, bounded, and only counts and the worst findings leave it. */
#include "probes/images/scanner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json_out.h"
#include "common/number.h"
#include "common/text.h"
#include "common/vec.h"
#include "probes/facts/parse_util.h"
#include "probes/worker/worker_part.h"

enum { REPORT_MAX = 64 * 1024 * 1024, WORST_MAX = 20, ERRORS_MAX = 64 * 1024, ERROR_SHOWN_MAX = 200, SEVERITIES = 5 };

static const char *const severities[SEVERITIES] = {"unknown", "low", "medium", "high", "critical"};

struct finding {
    unsigned severity;
    char *text;
};
struct report {
    bool any; /* vulnerabilities, or what else a status may be for: secrets, an end of life */
    unsigned counts[SEVERITIES];
    VEC(struct finding) worst;
};

static unsigned severity_of(const char *name)
{
    for (unsigned i = 1; i < SEVERITIES; i++)
        if (name && strcasecmp(name, severities[i]) == 0)
            return i;
    return name && strcasecmp(name, "negligible") == 0 ? 1 : 0;
}

static int by_severity(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;

    return x->severity != y->severity ? (x->severity > y->severity ? -1 : 1) : strcmp(x->text, y->text);
}

static void add_vulnerability(struct report *report, const char *severity, const char *id, const char *package,
                              const char *version, const char *fixed)
{
    unsigned level = severity_of(severity);

    report->any = true;
    report->counts[level]++;
    if (report->worst.count >= 4096 && level < 3)
        return;
    vec_push(&report->worst,
             (struct finding){.severity = level,
                              .text = mem_printf("%s %.64s %.64s %.64s%s%.64s%s", severities[level], id, package,
                                                 version, *fixed ? " (fixed in " : "", fixed, *fixed ? ")" : "")});
}

/* Absent, null or of TYPE: what is neither cannot be taken for nothing. */
static bool is_type(const struct json *value, enum json_type type)
{
    return !value || json_type(value) == JSON_NULL || json_type(value) == type;
}

static int read_trivy(const struct json *root, struct report *report, struct error *error)
{
    static const char *const others[] = {"Secrets", "Misconfigurations", "Licenses"};
    const struct json *results = json_get(root, "Results");

    if (!is_type(results, JSON_ARRAY))
        return error_set(error, EBADMSG, "the scanner's report: Results is no list");
    report->any = json_bool(json_path(root, "Metadata", "OS", "EOSL", NULL), false);
    for (size_t i = 0; i < json_count(results); i++) {
        const struct json *list = json_get(json_at(results, i), "Vulnerabilities");

        if (json_type(json_at(results, i)) != JSON_OBJECT || !is_type(list, JSON_ARRAY))
            return error_set(error, EBADMSG, "the scanner's report: Vulnerabilities is no list");
        for (size_t k = 0; k < countof(others); k++)
            report->any |= json_count(json_get(json_at(results, i), others[k])) > 0;
        for (size_t k = 0; k < json_count(list); k++) {
            const struct json *item = json_at(list, k);

            add_vulnerability(
                report, json_string(json_get(item, "Severity")), json_text(json_get(item, "VulnerabilityID"), "?"),
                json_text(json_get(item, "PkgName"), "?"), json_text(json_get(item, "InstalledVersion"), ""),
                json_text(json_get(item, "FixedVersion"), ""));
        }
    }
    return 0;
}

static void read_grype(const struct json *matches, struct report *report)
{
    for (size_t i = 0; i < json_count(matches); i++) {
        const struct json *vulnerability = json_get(json_at(matches, i), "vulnerability");
        const struct json *artifact = json_get(json_at(matches, i), "artifact");

        add_vulnerability(report, json_string(json_get(vulnerability, "severity")),
                          json_text(json_get(vulnerability, "id"), "?"), json_text(json_get(artifact, "name"), "?"),
                          json_text(json_get(artifact, "version"), ""),
                          json_text(json_at(json_path(vulnerability, "fix", "versions", NULL), 0), ""));
    }
}

static void write_report(struct str *output, struct report *report)
{
    struct json_out *out = json_out_new(false);

    if (report->worst.count)
        qsort(report->worst.items, report->worst.count, sizeof *report->worst.items, by_severity);
    json_out_object(out, NULL);
    json_out_array(out, "counts");
    for (size_t i = 0; i < SEVERITIES; i++)
        json_out_int(out, NULL, report->counts[i]);
    json_out_end_array(out);
    json_out_array(out, "worst");
    for (size_t i = 0; i < report->worst.count && i < WORST_MAX; i++)
        json_out_string(out, NULL, report->worst.items[i].text);
    json_out_end_array(out);
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    json_out_free(out);
}

/* RET_ANY: the report has something for which a scanner may end with a status of its own. */
static int reduce(const char *report_text, size_t length, struct str *output, bool *ret_any, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root, *matches;
    struct report report = {.counts = {0}};
    int r = json_parse(report_text, length, NULL, &doc, error);

    if (r < 0)
        return error_prefix(error, "the scanner's report");
    root = json_root(doc);
    matches = json_get(root, "matches");
    if (json_type(matches) == JSON_ARRAY)
        read_grype(matches, &report);
    else if (json_type(json_get(root, "Results")) == JSON_ARRAY || json_get(root, "SchemaVersion"))
        r = read_trivy(root, &report, error); /* an image without packages has no Results */
    else
        return error_set(error, EBADMSG, "the scanner's report is neither Trivy's nor Grype's JSON");
    if (r == 0) {
        write_report(output, &report);
        *ret_any = report.any;
    }
    for (size_t i = 0; i < report.worst.count; i++)
        free(report.worst.items[i].text);
    vec_free(&report.worst);
    return r;
}

int scanner_reduce(const char *report_text, size_t length, struct str *output, struct error *error)
{
    bool any;

    return reduce(report_text, length, output, &any, error);
}

/* ---- The report, in a part ---- */

enum { PART_SECONDS = 120, PART_MEMORY = 448 << 20, PART_OUTPUT_MAX = 1 << 20, ANYTHING = '+', NOTHING = '-' };

static int reduce_run(struct str *output, const void *argument, struct error *error)
{
    const struct str *report_text = argument;
    scoped_str reduced = STR_INIT;
    bool any = false;
    int r = part_cut(PART_PARSES, NULL, 0, error);

    if (r == 0)
        r = reduce(str_text(report_text), report_text->length, &reduced, &any, error);
    str_append_char(output, any ? ANYTHING : NOTHING);
    str_append_n(output, str_text(&reduced), reduced.length);
    return r;
}

static int reduce_apart(const struct str *report_text, struct str *output, bool *ret_any, struct error *error)
{
    scoped_str text = STR_INIT;
    int r = part_run(&(struct part_options){.run = reduce_run,
                                            .argument = report_text,
                                            .limit = PART_OUTPUT_MAX,
                                            .cpu_seconds = PART_SECONDS,
                                            .memory = PART_MEMORY},
                     &text, error);

    if (r < 0)
        return r == -ENOTRECOVERABLE || r == -ETIME ? error_prefix(error, "the scanner's report") : r;
    *ret_any = str_text(&text)[0] == ANYTHING;
    str_append_n(output, str_text(&text) + 1, text.length - 1);
    return 0;
}

/* ---- Running it ---- */

static void run_command(const struct scanner_request *request, int output, int errors) __attribute__((noreturn));

static void run_command(const struct scanner_request *request, int output, int errors)
{
    char **arguments = mem_alloc((request->command->count + 1) * sizeof *arguments);
    int null = open("/dev/null", O_RDWR);

    for (size_t i = 0; i < request->command->count; i++) {
        const char *word = request->command->items[i], *at = strstr(word, "{image}");

        arguments[i] = at ? mem_printf("%.*s%s%s", (int)(at - word), word, request->image, at + strlen("{image}"))
                          : mem_strdup(word);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    execvp(arguments[0], arguments);
    _exit(127);
}

/* Appends what FD has now to TEXT. -1: its end was reached. */
static int read_some(int *fd, struct str *text)
{
    char buffer[65536];
    ssize_t n = read(*fd, buffer, sizeof buffer);

    if (n > 0) {
        str_append_n(text, buffer, (size_t)n);
        return 0;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    close(*fd);
    return *fd = -1;
}

/* Only the end of the error output is shown. */
static void keep_end(struct str *text)
{
    if (text->length <= ERRORS_MAX)
        return;
    memmove(text->data, text->data + text->length - ERROR_SHOWN_MAX, ERROR_SHOWN_MAX + 1);
    text->length = ERROR_SHOWN_MAX;
}

/* Reads both outputs until the scanner PID has ended, even if other processes still hold them; CHILD is a signalfd(2)
 * of SIGCHLD. -EFBIG when the report is too long. */
static int read_until_exit(pid_t pid, int child, int out, int err, struct str *report, struct str *errors,
                           int *ret_status)
{
    struct pollfd fds[] = {
        {.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}, {.fd = child, .events = POLLIN}};
    struct signalfd_siginfo signal;
    bool ended = false;

    while (fds[0].fd >= 0 || fds[1].fd >= 0 || !ended) {
        int ready = poll(fds, countof(fds), ended ? 0 : -1);

        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready <= 0 && ended)
            break;
        if (fds[0].fd >= 0 && fds[0].revents)
            read_some(&fds[0].fd, report);
        if (fds[1].fd >= 0 && fds[1].revents && read_some(&fds[1].fd, errors) == 0)
            keep_end(errors);
        if (report->length > REPORT_MAX)
            return -EFBIG;
        if (fds[2].revents && read(child, &signal, sizeof signal) < 0 && errno != EAGAIN)
            return -errno;
        if (!ended && waitpid(pid, ret_status, WNOHANG) == pid) {
            ended = true;
            fds[2].fd = -1;
        }
    }
    return 0;
}

static int describe_failure(int status, const struct scanner_request *request, const struct str *errors,
                            struct error *error)
{
    scoped_str shown = STR_INIT;
    size_t from = errors->length > ERROR_SHOWN_MAX ? errors->length - ERROR_SHOWN_MAX : 0;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !errors->length)
        return error_set(error, ENOENT, "%s cannot be run", request->command->items[0]);
    for (;; from += 10) { /* the end, within what an error holds */
        str_clear(&shown);
        text_escape(&shown, str_text(errors) + from, errors->length - from, 0);
        if (shown.length <= ERROR_SHOWN_MAX)
            break;
    }
    return error_set(error, EIO, "%s ended with %s %d: %s", request->command->items[0],
                     WIFEXITED(status) ? M_("status") : M_("signal"),
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), str_text(&shown));
}

/* The number after OPTION in TEXT, "--exit-code 1" or "--exit-code=1"; -1: there is none. */
static int option_number(const char *text, const char *option)
{
    const char *at = strstr(text, option);
    uint64_t number;

    if (!at)
        return -1;
    at += strlen(option);
    at += strspn(at, " =\"'");
    return number_read(at, 10, INT_MAX, &number) ? (int)number : -1;
}

/* Does the scanner end with STATUS where it finds something, by its own options: Trivy's --exit-code and
 * --exit-on-eol, Grype's --fail-on (2; 1 before its release 0.80)? */
static bool means_findings(const struct scanner_request *request, int status)
{
    enum { GRYPE_STATUS = 2, GRYPE_OLD_STATUS = 1 };
    scoped_str command = STR_INIT;
    int number;

    if (!WIFEXITED(status))
        return false;
    number = WEXITSTATUS(status);
    for (size_t i = 0; i < request->command->count; i++)
        str_printf(&command, "%s ", request->command->items[i]);
    return option_number(str_text(&command), "--exit-code") == number ||
           option_number(str_text(&command), "--exit-on-eol") == number ||
           ((number == GRYPE_STATUS || number == GRYPE_OLD_STATUS) && strstr(str_text(&command), "--fail-on"));
}

int scanner_run(struct str *output, const void *argument, struct error *error)
{
    const struct scanner_request *request = argument;
    scoped_str report = STR_INIT, errors = STR_INIT;
    int out[2], err[2], child, status = 0, r;
    bool any = false;
    sigset_t set;
    pid_t pid;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    child = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (child < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe");
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        run_command(request, out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    if (pid < 0)
        return error_system(error, errno, "fork");
    r = capability_keep(0); /* the report is as hostile as the image */
    if (r < 0)
        return error_system(error, -r, "giving up capabilities");
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    r = read_until_exit(pid, child, out[0], err[0], &report, &errors, &status);
    if (r < 0)
        return r == -EFBIG ? error_set(error, EFBIG, "the scanner's report is too long")
                           : error_system(error, -r, "the scanner's report");
    if (!report.length || (status && !means_findings(request, status))) /* what it printed may be a part */
        return describe_failure(status, request, &errors, error);
    r = reduce_apart(&report, output, &any, error);
    if (status && (r < 0 || !any)) { /* Trivy's own failures end with 1 as well */
        str_clear(output);
        return describe_failure(status, request, &errors, error);
    }
    return r;
}

int scanner_parse(const char *output, size_t length, struct scan_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct scan_facts *facts;
    struct builder b;
    int r = json_parse(output, length, NULL, &doc, error);

    if (r < 0)
        return error_prefix(error, "scan");
    facts = build_begin(&b, sizeof *facts, 1024);
    for (size_t i = 0; i < SEVERITIES; i++)
        facts->counts[i] = (unsigned)build_int(&b, json_at(json_get(json_root(doc), "counts"), i));
    build_list(&b, json_get(json_root(doc), "worst"), "worst", &facts->worst);
    r = build_end(&b, &facts->facts, "scan", error);
    if (r == 0)
        *ret = facts;
    return r;
}
