/* Any bytes as what a hostile agent answers, head and body, to each command of agentctl that reads an answer; and as a
 * time of the command line. The first byte chooses: a command (a to j), the same with an answer whose head is in the
 * input (A to J), with --json (0 to 9), a time (t). */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/when.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    return 1 + mutate_json(data + 1, size - 1, max_size - 1, seed / 16);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct agent {
    struct folder folder;
    char path[128];
    int fd;
    pthread_t thread;
    const char *body;
    size_t length;
    bool whole; /* the body is all of the answer, head included */
};

/* Everything that came is answered in the same way: a page after a page, an event after an event. */
static void *serve(void *user)
{
    const struct agent *agent = user;

    for (int fd; (fd = accept4(agent->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        char request[8192];
        scoped_str head = STR_INIT;

        if (recv(fd, request, sizeof request, 0) <= 0)
            continue;
        if (!agent->whole)
            str_printf(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", agent->length);
        if (send(fd, str_text(&head), head.length, MSG_NOSIGNAL) < 0 ||
            send(fd, agent->body, agent->length, MSG_NOSIGNAL) < 0)
            continue;
        shutdown(fd, SHUT_WR);
    }
    return NULL;
}

static void start(struct agent *agent)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    folder_make(&agent->folder);
    snprintf(agent->path, sizeof agent->path, "%s/s", agent->folder.path);
    memcpy(address.sun_path, agent->path, strlen(agent->path));
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(agent->fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(agent->fd, 8) < 0 ||
        pthread_create(&agent->thread, NULL, serve, agent) != 0)
        __builtin_trap();
}

static void stop(struct agent *agent)
{
    shutdown(agent->fd, SHUT_RDWR);
    pthread_join(agent->thread, NULL);
    close(agent->fd);
    folder_remove(&agent->folder);
}

static void command(const char *body, size_t length, unsigned which)
{
    static ctl_command *const commands[] = {ctl_status, ctl_findings, ctl_rules,   ctl_explain, ctl_history,
                                            ctl_diff,   ctl_check,    ctl_metrics, ctl_scan,    ctl_version};
    struct agent agent = {.body = body, .length = length, .whole = which >= 'A' && which <= 'J'};
    char rule[] = "5.4", hour[] = "1h";
    char *words[] = {rule, NULL};
    struct ctl ctl = {.json = which < 'A', .zh = which & 1, .words = words};
    size_t index = (which < 'A' ? which : (which | 0x20) - 'a') % countof(commands);

    start(&agent);
    ctl.socket = agent.path;
    ctl.terminal = (struct terminal){.cut = true, .width = 80, .colour = true};
    ctl.word_count = commands[index] == ctl_explain || commands[index] == ctl_diff;
    if (commands[index] == ctl_diff)
        words[0] = hour;
    commands[index](&ctl);
    stop(&agent);
}

static void time_of(const char *text)
{
    char buffer[CLOCK_TEXT_SIZE];
    usec_t at;

    if (when_parse(text, INT64_C(1795514400) * USEC_PER_SEC, &at) == 0)
        when_format(at, buffer);
}

/* What agentctl prints goes nowhere; a sanitizer's report does not. */
static void be_quiet(void)
{
    static bool is;
    int null = is ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
    is = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);

    if (!size)
        return 0;
    be_quiet();
    if (text[0] == 't')
        time_of(text + 1);
    else
        command(text + 1, size - 1, (unsigned char)text[0]);
    return 0;
}
