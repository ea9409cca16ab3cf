/* From an event of the engine to the agent's transition, against a plain client that sees the same event and makes one
 * inspect. Both are counted from the event's own time; rounds alternate, and while the plain client has its turn the
 * agent is stopped, so that each has the machine for itself.
 * usage: bench-react ENGINE-SOCKET AGENT-SOCKET AGENT-PID CONTAINER IMAGE ROUNDS ACTION…
 * (CONTAINER runs; ACTION: update, exec, start, rm) */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/str.h"

enum { ROUNDS_MAX = 2000, WAIT_MS = 300000, REST_MS = 20 };

/* A response that never ends: lines as they come. */
struct stream {
    CURL *easy;
    struct str line;
    void (*on_line)(const char *line, size_t length);
};

struct request {
    CURL *easy;
    struct str body;
    long status;
    bool done;
};

/* What is waited for and what was seen of it. One event is under way at a time. */
static struct {
    const char *action, *id, *rule;
    char exec[65];
    int64_t event_ns; /* its own time */
    int64_t transition_ns;
} seen;

static CURLM *multi;
static struct stream events, transitions;
static struct request acting, inspecting;

static void die(const char *format, const char *what)
{
    fputs("bench-react: ", stderr);
    fprintf(stderr, "%s %s\n", format, what);
    exit(2);
}

static int64_t now_ns(void)
{
    return clock_now(&clock_system) * 1000;
}

static void on_event(const char *line, size_t length)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root;
    const char *action, *id;

    if (!seen.action || seen.event_ns || json_parse(line, length, NULL, &doc, NULL) < 0)
        return;
    root = json_root(doc);
    action = json_text(json_get(root, "Action"), "");
    id = json_text(json_path(root, "Actor", "ID", NULL), "");
    if (!str_starts(action, seen.action) || !str_equal(id, seen.id))
        return;
    snprintf(seen.exec, sizeof seen.exec, "%s", json_text(json_path(root, "Actor", "Attributes", "execID", NULL), ""));
    seen.event_ns = json_int(json_get(root, "timeNano"), 0);
}

static void on_transition(const char *line, size_t length)
{
    char slug[64];

    if (!seen.action || seen.transition_ns || length < 2)
        return;
    snprintf(slug, sizeof slug, "\"slug\":\"%s\"", seen.rule);
    if (strstr(line, slug) && strstr(line, seen.exec[0] ? seen.exec : seen.id))
        seen.transition_ns = now_ns();
}

static size_t on_stream(char *data, size_t size, size_t count, void *user)
{
    struct stream *stream = user;
    size_t length = size * count, begin = 0;

    for (size_t i = 0; i < length; i++)
        if (data[i] == '\n') {
            str_append_n(&stream->line, data + begin, i - begin);
            stream->on_line(stream->line.data, stream->line.length);
            str_clear(&stream->line);
            begin = i + 1;
        }
    str_append_n(&stream->line, data + begin, length - begin);
    return length;
}

static void open_stream(struct stream *stream, const char *socket, const char *url,
                        void (*on_line)(const char *, size_t))
{
    stream->easy = curl_easy_init();
    stream->on_line = on_line;
    curl_easy_setopt(stream->easy, CURLOPT_URL, url);
    curl_easy_setopt(stream->easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
    curl_multi_add_handle(multi, stream->easy);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    str_append_n(user, data, size * count);
    return size * count;
}

static void open_request(struct request *request, const char *socket)
{
    request->easy = curl_easy_init();
    curl_easy_setopt(request->easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(request->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(request->easy, CURLOPT_WRITEDATA, &request->body);
    curl_easy_setopt(request->easy, CURLOPT_PRIVATE, request);
}

static void send_request(struct request *request, const char *method, const char *url, const char *body)
{
    static struct curl_slist *json;

    if (!json)
        json = curl_slist_append(NULL, "Content-Type: application/json");
    str_clear(&request->body);
    request->done = false;
    curl_easy_setopt(request->easy, CURLOPT_URL, url);
    curl_easy_setopt(request->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, json);
    if (strcmp(method, "POST") == 0)
        curl_easy_setopt(request->easy, CURLOPT_COPYPOSTFIELDS, body ? body : "");
    curl_easy_setopt(request->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_multi_add_handle(multi, request->easy);
}

static void collect(void)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        struct request *request = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        if (!request)
            die("a stream ended:", curl_easy_strerror(message->data.result));
        if (message->data.result != CURLE_OK)
            die("request:", curl_easy_strerror(message->data.result));
        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->status);
        request->done = true;
        curl_multi_remove_handle(multi, request->easy);
    }
}

static void pump(int ms)
{
    int running;

    curl_multi_poll(multi, NULL, 0, ms, NULL);
    curl_multi_perform(multi, &running);
    collect();
}

static void rest(void)
{
    for (usec_t end = clock_monotonic() + REST_MS * 1000; clock_monotonic() < end;)
        pump(5);
}

static void wait_for(const bool *done, const int64_t *time, const char *what)
{
    usec_t end = clock_monotonic() + WAIT_MS * (usec_t)1000;

    while (done ? !*done : time && !*time) {
        pump(1000);
        if (clock_monotonic() > end)
            die("it does not come:", what);
    }
}

/* Done when the answer is there. */
static void call(const char *method, const char *url, const char *body)
{
    send_request(&acting, method, url, body);
    wait_for(&acting.done, NULL, url);
    if (acting.status >= 400)
        die(url, str_text(&acting.body));
}

/* An action: what is called, for the container at hand, so that one event and a transition of one rule follow. */
struct action {
    const char *name, *event, *rule;
    void (*prepare)(const char *image, char id[65]); /* makes a container for it; NULL: the one that runs */
    const char *method, *path, *bodies[2];           /* taken in turns */
    void (*restore)(const char *id);
    bool inspects_exec;
};

static void create(const char *image, char id[65])
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    char body[512];

    snprintf(body, sizeof body,
             "{\"Image\":\"%s\",\"Cmd\":[\"sleep\",\"1000000\"],\"HostConfig\":{\"NetworkMode\":\"none\"}}", image);
    seen.action = NULL;
    call("POST", "http://d/containers/create", body);
    if (json_parse(acting.body.data, acting.body.length, NULL, &doc, NULL) < 0)
        die("create:", "not JSON");
    snprintf(id, 65, "%s", json_text(json_get(json_root(doc), "Id"), ""));
    for (int i = 0; i < 10; i++)
        rest();
}

static void remove_it(const char *id)
{
    char url[256];

    snprintf(url, sizeof url, "http://d/containers/%s?force=1", id);
    seen.action = NULL;
    call("DELETE", url, NULL);
    for (int i = 0; i < 10; i++)
        rest();
}

static const struct action actions[] = {
    {.name = "update",
     .event = "update",
     .rule = "container-pids-limit",
     .method = "POST",
     .path = "/update",
     .bodies = {"{\"PidsLimit\":100}", "{\"PidsLimit\":-1}"}},
    {.name = "exec",
     .event = "exec_create",
     .rule = "exec-privileged",
     .method = "POST",
     .path = "/exec",
     .inspects_exec = true},
    {.name = "start",
     .event = "start",
     .rule = "container-health",
     .prepare = create,
     .method = "POST",
     .path = "/start",
     .bodies = {NULL, NULL},
     .restore = remove_it},
    {.name = "rm",
     .event = "destroy",
     .rule = "container-privileged",
     .prepare = create,
     .method = "DELETE",
     .path = "?force=1"},
};

/* An exec like none before it: equal ones of a container are one finding. The caller frees. */
static char *exec_body(void)
{
    static unsigned number;

    return mem_printf("{\"Privileged\":true,\"Cmd\":[\"true\",\"%u\"]}", number++);
}

/* One event; its latency in ms. The plain client's inspect when PLAIN, else the agent's transition. */
static double measure(const struct action *action, const char *id, const char *body, bool plain, pid_t agent)
{
    scoped(cleanup_free) char *exec = action->inspects_exec ? exec_body() : NULL;
    char url[256], inspect[256];
    int64_t end;

    memset(&seen, 0, sizeof seen);
    seen.action = action->event;
    seen.rule = action->rule;
    seen.id = id;
    snprintf(url, sizeof url, "http://d/containers/%s%s", id, action->path);
    if (plain)
        kill(agent, SIGSTOP);
    send_request(&acting, action->method, url, exec ? exec : body);
    wait_for(NULL, &seen.event_ns, "the event");
    if (plain) {
        if (action->inspects_exec)
            snprintf(inspect, sizeof inspect, "http://d/exec/%s/json", seen.exec);
        else
            snprintf(inspect, sizeof inspect, "http://d/containers/%s/json", id);
        send_request(&inspecting, "GET", inspect, NULL);
        wait_for(&inspecting.done, NULL, inspect);
        end = now_ns();
        kill(agent, SIGCONT);
    }
    wait_for(NULL, &seen.transition_ns, "the transition");
    if (!plain)
        end = seen.transition_ns;
    wait_for(&acting.done, NULL, url);
    if (acting.status >= 400)
        die(url, str_text(&acting.body));
    return (double)(end - seen.event_ns) / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void run(const struct action *action, const char *container, const char *image, size_t rounds, pid_t agent)
{
    static double times[2][ROUNDS_MAX];
    double median[2], late[2];

    for (size_t i = 0; i < 2 * rounds; i++) {
        char id[65];
        bool plain = i % 2;

        snprintf(id, sizeof id, "%s", container);
        if (action->prepare)
            action->prepare(image, id);
        rest();
        times[plain][i / 2] = measure(action, id, action->bodies[i % 2], plain, agent);
        rest();
        if (action->restore)
            action->restore(id);
    }
    for (size_t i = 0; i < 2; i++) {
        qsort(times[i], rounds, sizeof times[i][0], compare);
        median[i] = times[i][rounds / 2];
        late[i] = times[i][rounds * 99 / 100];
    }
    printf(
        "%-7s agent: median %6.2f ms, 99%% %6.2f   plain client: median %6.2f ms, 99%% %6.2f   ratio %.2f, 99%% %.2f "
        "  (%zu rounds)\n",
        action->name, median[0], late[0], median[1], late[1], median[0] / median[1], late[0] / late[1], rounds);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t rounds;
    pid_t agent;

    if (argc < 8) {
        fputs("usage: bench-react ENGINE-SOCKET AGENT-SOCKET AGENT-PID CONTAINER IMAGE ROUNDS ACTION...\n", stderr);
        return 2;
    }
    rounds = strtoul(argv[6], NULL, 10);
    agent = (pid_t)strtol(argv[3], NULL, 10);
    if (!rounds || rounds > ROUNDS_MAX || agent <= 0)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    open_stream(&events, argv[1], "http://d/events", on_event);
    open_stream(&transitions, argv[2], "http://a/v1/events?since=0&follow=true", on_transition);
    open_request(&acting, argv[1]);
    open_request(&inspecting, argv[1]);
    call("GET", "http://d/_ping", NULL);
    rest();
    for (int i = 7; i < argc; i++) {
        size_t a = 0;

        while (a < countof(actions) && strcmp(actions[a].name, argv[i]) != 0)
            a++;
        if (a == countof(actions))
            die("no such action:", argv[i]);
        run(&actions[a], argv[4], argv[5], rounds, agent);
    }
    curl_multi_remove_handle(multi, events.easy);
    curl_multi_remove_handle(multi, transitions.easy);
    curl_easy_cleanup(events.easy);
    curl_easy_cleanup(transitions.easy);
    curl_easy_cleanup(acting.easy);
    curl_easy_cleanup(inspecting.easy);
    curl_multi_cleanup(multi);
    str_deinit(&events.line);
    str_deinit(&transitions.line);
    str_deinit(&acting.body);
    str_deinit(&inspecting.body);
    return 0;
}
