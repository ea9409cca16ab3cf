/* What no inotify event announces is found by the sweep: a file that is changed through a mapping, by a descriptor that
 * stays open. The agent is forked from this program, so that its sweep comes every second and not, as the least that a
 * configuration may say, every minute. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aftermath.h"
#include "agent/agent_internal.h"
#include "common/file.h"
#include "common/memory.h"

enum { WAIT_MS = 240000 };

static const char before[] = "DOCKER_CONTENT_TRUST=1\n";
static struct beside beside;

static int be_agent(const char *config, const char *state)
{
    scoped(cleanup_free) char *host = mem_printf("unix://%s", beside.engine_socket);
    struct config_arguments arguments = {
        .config_path = config, .docker_host = host, .socket_path = beside.agent_socket, .state_dir = state};
    struct agent *agent = NULL;
    struct error error = ERROR_INIT;
    struct launch launch = {.fd = -1};
    int r = launch_begin(&arguments, false, &launch, &error);

    if (r == 0)
        r = agent_new(&arguments, false, &launch, &agent, &error);
    if (r == 0) {
        agent->config->sweep_seconds = 1;
        if (agent->sweep_timer)
            agent_set_intervals(agent, agent->config);
        r = agent_run(agent, &error);
    }
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    agent_free(agent);
    return r < 0;
}

/* Status and evidence of 4.5; the caller frees. */
static char *content_trust(void)
{
    const struct json *finding = json_at(json_get(beside_ask(&beside, "/v1/findings?rule=4.5"), "findings"), 0);

    return mem_printf("%s %s", json_text(json_get(finding, "status"), ""),
                      json_text(json_get(finding, "evidence"), ""));
}

static bool is_ready(void *user)
{
    (void)user;
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static bool is_other(void *user)
{
    scoped(cleanup_free) char *now = content_trust();

    return strcmp(now, user) != 0;
}

START_TEST(what_is_changed_through_a_mapping_is_found_by_the_sweep)
{
    scoped(cleanup_free) char *text = NULL;
    scoped(cleanup_free) char *config = NULL, *state = NULL, *root = NULL, *folder = NULL, *path = NULL, *then = NULL;
    char *mapped;
    int fd;

    beside_begin(&beside, 2);
    config = mem_printf("%s/agent.json", beside.folder);
    state = mem_printf("%s/state", beside.folder);
    root = mem_printf("%s/host", beside.folder);
    folder = mem_printf("%s/etc", root);
    path = mem_printf("%s/environment", folder);
    text = mem_printf("{\"sinks\": [], \"host_root\": \"%s\"}", root);
    ck_assert_int_eq(chmod(beside.folder, 0711), 0); /* another agent, of another user, looks at that host too */
    ck_assert_int_eq(mkdir(root, 0755), 0);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    ck_assert_int_eq(file_replace(path, before, strlen(before), 0644, NULL), 0);
    fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    mapped = mmap(NULL, sizeof before - 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    beside.agent = fork();
    ck_assert_int_ge(beside.agent, 0);
    if (beside.agent == 0)
        _exit(be_agent(config, state));
    ck_assert(fake_run(beside.base, WAIT_MS, is_ready, NULL));
    then = content_trust();
    ck_assert_msg(strstr(then, " ") != then, "4.5 has no finding");
    *strchr(mapped, '1') = '0'; /* and no event says so */
    ck_assert_msg(fake_run(beside.base, WAIT_MS, is_other, then), "still %s", then);
    aftermath_check(&beside);
    munmap(mapped, sizeof before - 1);
    close(fd);
    beside_end(&beside);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tests = tcase_create("sweep");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, what_is_changed_through_a_mapping_is_found_by_the_sweep);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
