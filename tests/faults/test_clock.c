/* The agent under a wall clock that is set: its process is forked from this program, whose clock_gettime() and
 * timerfd_create() stand before the C library's. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/launch/launch.h"
#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { WAIT_MS = 240000, HOUR_S = 3600 };

static _Atomic int64_t *offset_s; /* of the agent's wall clock, shared with it */
static int jump[2];               /* a byte written: the clock was set */
static bool is_agent;
static struct beside beside;

int clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = (int)syscall(SYS_clock_gettime, id, ret);

    if (is_agent && id == CLOCK_REALTIME)
        ret->tv_sec += *offset_s;
    return r;
}

int timerfd_create(int id, int flags)
{
    return is_agent && id == CLOCK_REALTIME ? jump[0] : (int)syscall(SYS_timerfd_create, id, flags);
}

/* timerfd_create(2), TFD_TIMER_CANCEL_ON_SET */
ssize_t read(int fd, void *data, size_t length)
{
    ssize_t n = syscall(SYS_read, fd, data, length);

    if (!is_agent || fd != jump[0] || n <= 0)
        return n;
    errno = ECANCELED;
    return -1;
}

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
    is_agent = true;
    if (r == 0)
        r = agent_run(agent, &error);
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    agent_free(agent);
    return r < 0;
}

static void set_up(void)
{
    static const char text[] = "{\"sinks\": []}";
    scoped(cleanup_free) char *config = NULL, *state = NULL;

    /* cppcheck-suppress invalidFunctionArg ; an anonymous mapping has no file, which is -1 */
    offset_s = mmap(NULL, sizeof *offset_s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne((void *)offset_s, MAP_FAILED);
    ck_assert_int_eq(pipe2(jump, O_NONBLOCK), 0);
    beside_begin(&beside, 5);
    config = mem_printf("%s/agent.json", beside.folder);
    state = mem_printf("%s/state", beside.folder);
    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    beside.agent = fork();
    ck_assert_int_ge(beside.agent, 0);
    if (beside.agent == 0)
        _exit(be_agent(config, state));
}

static void tear_down(void)
{
    beside_end(&beside);
}

static bool is_ready(void)
{
    scoped(cleanup_json_doc) struct json_doc *answer = beside_get(&beside, "/healthz", NULL);

    return answer && json_bool(json_get(json_root(answer), "ready"), false);
}

static bool is_privileged(size_t index)
{
    scoped(cleanup_free) char *path =
        mem_printf("/v1/findings?rule=5.4&status=fail&subject=%s", fake_container_id(index));
    scoped(cleanup_json_doc) struct json_doc *answer = beside_get(&beside, path, NULL);

    return answer && json_count(json_get(json_root(answer), "findings")) > 0;
}

#define WAIT_FOR(condition)                                                                                            \
    for (usec_t end_ = clock_monotonic() + WAIT_MS * (usec_t)1000; !(condition);                                       \
         fake_run(beside.base, 20, NULL, NULL))                                                                        \
    ck_assert_msg(clock_monotonic() < end_, "never: " #condition)

static void start(size_t index, int64_t nano)
{
    scoped(cleanup_free) char *line =
        mem_printf("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"%s\"},\"timeNano\":%lld}\n",
                   fake_container_id(index), (long long)nano);

    fake_set_privileged(beside.fake, index, true);
    fake_emit(beside.fake, line, strlen(line));
}

/* NTP at boot, a real-time clock in local time: starts after it count, whatever their time says. */
START_TEST(starts_are_seen_after_the_clock_was_set_back)
{
    WAIT_FOR(is_ready());
    *offset_s = -HOUR_S;
    for (size_t i = 0; i < 3; i++)
        start(i, (clock_now(&clock_system) - HOUR_S * USEC_PER_SEC) * 1000 + (int64_t)i);
    for (size_t i = 0; i < 3; i++)
        WAIT_FOR(is_privileged(i));
}
END_TEST

START_TEST(everything_is_looked_at_when_the_clock_is_set)
{
    WAIT_FOR(is_ready());
    fake_set_privileged(beside.fake, 4, true); /* and nothing says so */
    fake_run(beside.base, 200, NULL, NULL);
    ck_assert(!is_privileged(4));
    *offset_s = HOUR_S;
    ck_assert_int_eq(write(jump[1], "", 1), 1);
    WAIT_FOR(is_privileged(4));
    WAIT_FOR(is_ready());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, starts_are_seen_after_the_clock_was_set_back);
    tcase_add_test(tests, everything_is_looked_at_when_the_clock_is_set);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
