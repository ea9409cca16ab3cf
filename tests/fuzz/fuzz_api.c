/* Any bytes as what a client of the query API sends, to the server as the agent runs it: requests one after the other,
 * heads and bodies. The first byte is how many bytes come at a time. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/api/server.h"
#include "agent/checks/table.h"
#include "common/log.h"
#include "probes/docker/docker_parse.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_http.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    return 1 + mutate_http(data + 1, size - 1, max_size - 1, seed / 16);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 6, PAGE_MS = 20 };

/* The parts of an agent that answers are made from; one for all inputs. */
struct part {
    struct folder folder;
    char socket[96];
    struct event_base *base;
    struct workers *workers;
    struct config *config;
    struct rule_set *rules;
    struct evaluator *evaluator;
    struct event_store *events;
    struct docker_address address;
    struct docker *docker;
    struct server *server;
};

static struct part part;

static const char exec_id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  container_id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* ---- The agent ---- */

static void fetch(enum input_kind kind, const char *key, void *user)
{
    static const char
        list[] = "[{\"Id\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"Names\":"
                 "[\"/web\"],\"State\":\"running\"}]",
        exec[] = "{\"ID\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"Running\":true,"
                 "\"ContainerID\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
                 "\"ProcessConfig\":{\"entrypoint\":\"sh\",\"arguments\":[\"-c\",\"x\"],\"privileged\":true,"
                 "\"user\":\"root\",\"tty\":false},\"Pid\":7}";
    struct container_list_facts *containers = NULL;
    struct exec_facts *facts = NULL;

    (void)user;
    if (kind == INPUT_CONTAINERS && parse_container_list(list, strlen(list), &containers, NULL) == 0)
        evaluator_fetched(part.evaluator, kind, key, &containers->facts);
    else if (kind == INPUT_EXEC && parse_exec(exec, strlen(exec), &facts, NULL) == 0)
        evaluator_fetched(part.evaluator, kind, key, &facts->facts);
    else
        evaluator_fetch_failed(part.evaluator, kind, key, ENODATA, "not here");
}

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    event_store_append(part.events, transition);
}

static void on_stored(struct transition *transition, void *user)
{
    (void)user;
    if (part.server)
        server_transition(part.server, transition);
}

static void view(void *user, struct agent_view *ret)
{
    static const struct watcher_counters watcher;
    static const struct record_origin origin = {.host = "host",
                                                .machine = "0123456789abcdef0123456789abcdef",
                                                .engine = "engine",
                                                .version = "1",
                                                .benchmark = "b",
                                                .stream = "stream",
                                                .schema = RECORD_SCHEMA};

    (void)user;
    *ret = (struct agent_view){.evaluator = part.evaluator,
                               .writable_engine = part.evaluator,
                               .docker = part.docker,
                               .address = &part.address,
                               .watcher = &watcher,
                               .events = part.events,
                               .origin = &origin,
                               .config = part.config,
                               .scanned = true,
                               .started = USEC_PER_SEC,
                               .scan_started = USEC_PER_SEC};
}

static void scan(void *user, const char *cause)
{
    (void)user;
    (void)cause;
}

static size_t resend(void *user, const char *sink)
{
    (void)user;
    return strcmp(sink, "file") == 0;
}

static void settle(void)
{
    for (unsigned idle = 0; idle < 8; idle = event_store_waiting(part.events) ? 0 : idle + 1)
        event_base_loop(part.base, EVLOOP_NONBLOCK);
}

static void stop(void)
{
    folder_remove(&part.folder);
}

static void start(void)
{
    const struct evaluator_callbacks callbacks = {.fetch = fetch, .transition = on_transition};
    const struct server_backend backend = {.view = view, .scan = scan, .resend = resend, .workers = part.workers};
    struct event_store_options store = {.stored = on_stored, .limits = {.bytes = 1 << 20}};
    static const struct docker_callbacks nothing;
    scoped(cleanup_free) char *database = NULL;

    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    folder_make(&part.folder);
    folder_put_rules(&part.folder);
    atexit(stop);
    part.base = event_base_new();
    part.workers = workers_new(part.base);
    require(config_parse("{}", 2, "fuzz", &part.config, NULL) == 0);
    require(rule_set_load(checks, part.folder.path, NULL, "b", NULL, 0, &part.rules, NULL) == 0);
    snprintf(part.socket, sizeof part.socket, "%s/api.sock", part.folder.path);
    part.config->socket_path = part.socket;
    database = mem_printf("%s/store", part.folder.path);
    store.base = part.base;
    store.workers = part.workers;
    store.path = database;
    require(event_store_new(&store, &part.events, NULL) == 0);
    part.evaluator = evaluator_new(part.base, part.workers, part.rules, part.config, &clock_system, &callbacks);
    evaluator_set_engine_reachable(part.evaluator, true);
    require(docker_address_parse("unix:///nowhere", NULL, DOCKER_TLS_BY_FILES, NULL, NULL, NULL, &part.address, NULL) ==
            0);
    part.address.broker = mem_strdup("/nowhere");
    part.docker = docker_new(part.base, &part.address, &nothing, NULL);
    require(part.docker != NULL);
    evaluator_stale_all(part.evaluator, "start");
    evaluator_exec_made(part.evaluator,
                        &(struct exec_event){.container = container_id,
                                             .container_name = "web",
                                             .exec_id = exec_id,
                                             .command = "sh -c x",
                                             .time_nano = INT64_C(1795514400000000000)},
                        "docker:exec_create");
    settle();
    require(server_new(part.base, &backend, part.config, &part.server, NULL) == 0);
}

/* ---- A client ---- */

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, part.config->socket_path, strlen(part.config->socket_path));
    require(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* What came, until nothing does any more. False: the connection has ended. */
static bool receive(int fd, struct str *ret)
{
    char buffer[65536];
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
        str_append_n(ret, buffer, (size_t)n);
    return n < 0 && errno == EAGAIN;
}

static bool has_page_to_come(const uint8_t *data, size_t size)
{
    return memmem(data, size, "/v1/events", 10) || memmem(data, size, "/v1/%65vents", 12);
}

static void exchange(const uint8_t *data, size_t size, size_t piece, struct str *answer)
{
    int fd = dial();
    bool open = true;

    for (size_t at = 0, turns = 0; open && turns < TURNS; turns++) {
        size_t left = size - at < piece ? size - at : piece;
        ssize_t n = left ? send(fd, data + at, left, MSG_NOSIGNAL) : 0;

        if (n > 0) {
            at += (size_t)n;
            turns = 0;
        }
        event_base_loop(part.base, EVLOOP_NONBLOCK);
        open = receive(fd, answer);
    }
    if (open && has_page_to_come(data, size)) { /* the store's process has it */
        struct pollfd readable = {.fd = fd, .events = POLLIN};

        for (int waited = 0; waited < PAGE_MS && poll(&readable, 1, 1) == 0; waited++)
            event_base_loop(part.base, EVLOOP_NONBLOCK);
        receive(fd, answer);
    }
    close(fd);
    for (unsigned turns = 0; turns < TURNS; turns++)
        event_base_loop(part.base, EVLOOP_NONBLOCK);
}

/* Heads and bodies are text without any control character, and the first of them has a status. */
static void check(const struct str *answer)
{
    const char *text = str_text(answer), *space = strchr(text, ' ');

    for (size_t i = 0; i < answer->length; i++) {
        unsigned char c = (unsigned char)text[i];

        require((c >= 0x20 && c != 0x7f) || c == '\r' || c == '\n' || c == '\t');
    }
    if (answer->length)
        require(str_starts(text, "HTTP/") && space && space[1] >= '1' && space[1] <= '5');
    require(!strstr(text, "Internal Server Error"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped_str answer = STR_INIT;

    if (!size)
        return 0;
    if (!part.base)
        start();
    exchange(data + 1, size - 1, data[0] ? (size_t)data[0] * 16 : SIZE_MAX, &answer);
    check(&answer);
    settle();
    return 0;
}
