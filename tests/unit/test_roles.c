/* The roles of helpers: what they are asked and answer arrives as it was, what is cut or altered is refused by either
 * side, no source is read that no rule names, and what takes a right that is missing is an error with its name. */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "probes/audit/audit.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/docker/http.h"
#include "probes/docker/volume.h"
#include "probes/environment/environment.h"
#include "probes/host/listeners.h"
#include "probes/host/node_certificates.h"
#include "probes/host/proc.h"
#include "probes/host/units.h"
#include "probes/roles/roles.h"
#include "tests/unit/host_folder.h"

static struct role_context context;

static bool knows_source(const char *source, void *user)
{
    (void)user;
    return str_equal(source, "content:/etc/hosts") || str_equal(source, "option:tlscert") ||
           str_equal(source, "program:dockerd");
}

static void make_host(void)
{
    static const char cmdline[] = "/usr/sbin/dockerd\0--tls\0-D", environ[] =
                                                                      "PATH=/opt/bin\0DOCKER_CONTENT_TRUST=1\0HOME=/h\0"
                                                                      "SECRET=never";

    host_folder_setup();
    context = (struct role_context){.root = root, .outside = root, .proc = "/proc", .knows_source = knows_source};
    put("/proc/9/cmdline", cmdline, sizeof cmdline);
    put("/proc/9/environ", environ, sizeof environ);
    put_text("/proc/9/comm", "dockerd\n");
    put_text("/proc/9/stat", "9 (dockerd) S 1 9 9 0 -1 4 1 0 0 0 1 1 0 0 20 0 9 0 4711 1 1\n");
    put_text("/proc/9/cgroup", "0::/system.slice/docker-aaaaaaaaaaaaaaaa.scope\n");
    put_text("/proc/9/status", "Name:\tdockerd\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    put_text("/proc/9/net/tcp", "heading\n   0: 0100007F:0016 00000000:0000 0A 0:0 0:0 0 0 0 77\n");
    link_to("/usr/sbin/dockerd", "/proc/9/exe");
    link_to("/srv", "/proc/9/cwd");
    link_to("ipc:[1]", "/proc/9/ns/ipc");
    link_to("ipc:[2]", "/proc/10/ns/ipc");
    link_to("socket:[77]", "/proc/9/fd/3");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    put_text("/etc/group", "root:x:0:\n");
    put_text("/etc/hosts", "127.0.0.1 localhost\n");
    put_text("/etc/shadow", "root:secret:::::::\n");
    put_text("/etc/docker/daemon.json",
             "{\"seccomp-profile\": \"/p.json\", \"mtu\": 1400,\n\"log-opts\": {\"max-size\": \"1m\"}}\n");
    put_text("/p.json", "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], \"action\": "
                        "\"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_CHOWN\"], \"minKernel\": \"4.8\"}}]}");
    put_text("/h/.docker/cert.pem", "x");
    put_text("/usr/sbin/dockerd", "x");
    put_text("/etc/profile", "export DOCKER_CONTENT_TRUST=0\n");
    put_text("/etc/audit/rules.d/a.rules", "-w /etc/docker -p wa -k docker\n");
    put_text("/etc/systemd/system/docker.service", "[Service]\n");
    put_text("/d/swarm/certificates/swarm-root-ca.crt", "no certificate");
}

/* As a helper would run it. */
static int run(enum role role, unsigned task, const struct str *message, struct str *ret, struct error *error)
{
    struct helper_task tasks[ROLE_TASKS_MAX];
    size_t count = role_tasks(role, &context, tasks);
    const struct helper_work work = {.argument = tasks[task].argument,
                                     .message = message ? str_text(message) : "",
                                     .length = message ? message->length : 0};

    ck_assert_uint_lt(task, count);
    return tasks[task].run(ret, &work, error);
}

/* ---- Round trips ---- */

static struct daemon_facts *read_daemon(struct str *ret_output)
{
    scoped_str message = STR_INIT;
    struct error error = ERROR_INIT;
    struct wire_reader reader;
    struct daemon_facts *sent;

    roles_ask_daemon(&message, 9, false, NULL);
    ck_assert_msg(run(ROLE_PROCESSES, PROCESSES_DAEMON, &message, ret_output, &error) == 0, "%s", error.text);
    reader = (struct wire_reader){.at = ret_output->data, .left = ret_output->length};
    sent = daemon_take(&reader, &error);
    ck_assert_msg(sent != NULL, "%s", error.text);
    ck_assert_uint_eq(reader.left, 0);
    return sent;
}

START_TEST(the_daemon)
{
    scoped_str output = STR_INIT, again = STR_INIT;
    struct daemon_facts *read = NULL, *sent = read_daemon(&output);

    ck_assert_int_eq(daemon_config_read(root, NULL, 9, NULL, &read, NULL), 0);
    ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
    ck_assert_int_eq(sent->pid, 9);
    ck_assert_str_eq(sent->exe, "/usr/sbin/dockerd");
    ck_assert_str_eq(sent->working_folder, "/srv");
    ck_assert_str_eq(sent->search_path, "/opt/bin");
    ck_assert_str_eq(sent->content_trust, "1");
    ck_assert_str_eq(sent->tls_folder, "/h/.docker");
    ck_assert_ptr_null(sent->process_error);
    ck_assert_uint_eq(sent->start_ticks, 4711);
    ck_assert_str_eq(daemon_option(sent, "mtu", NULL), "1400");
    ck_assert_uint_eq(sent->place_count, read->place_count);
    ck_assert_str_eq(sent->places[1].value, "1400");
    ck_assert_int_eq(sent->seccomp.choice, SECCOMP_CUSTOM);
    ck_assert_uint_eq(sent->seccomp.rule_count, read->seccomp.rule_count);
    daemon_put(&again, read);
    ck_assert_uint_eq(again.length, output.length);
    ck_assert_int_eq(memcmp(again.data, output.data, output.length), 0);
    ck_assert_ptr_null(memmem(output.data, output.length, "never", strlen("never")));
    facts_free(&read->facts);
    facts_free(&sent->facts);
}
END_TEST

START_TEST(listeners_and_namespaces)
{
    scoped_str message = STR_INIT, output = STR_INIT;
    struct wire_reader reader;
    struct listener_facts *sent, *read = NULL;
    const pid_t others[] = {9, 10, 11};
    const int same[] = {TRI_TRUE, TRI_FALSE, TRI_ABSENT};

    roles_ask_listeners(&message, 9);
    ck_assert_int_eq(run(ROLE_PROCESSES, PROCESSES_LISTENERS, &message, &output, NULL), 0);
    reader = (struct wire_reader){.at = output.data, .left = output.length};
    sent = listeners_take(&reader, NULL);
    ck_assert_ptr_nonnull(sent);
    ck_assert_int_eq(listeners_read(root, 9, &read, NULL), 0);
    ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
    ck_assert_uint_eq(sent->count, 1);
    ck_assert_str_eq(sent->items[0].address, "127.0.0.1");
    ck_assert(sent->items[0].of_engine);
    facts_free(&sent->facts);
    facts_free(&read->facts);
    for (size_t i = 0; i < countof(others); i++) {
        str_clear(&message);
        str_clear(&output);
        roles_ask_ipc(&message, 9, others[i]);
        ck_assert_int_eq(run(ROLE_PROCESSES, PROCESSES_IPC, &message, &output, NULL), 0);
        reader = (struct wire_reader){.at = output.data, .left = output.length};
        ck_assert_int_eq(wire_number(&reader), same[i]);
    }
}
END_TEST

START_TEST(processes_of_containers)
{
    static const struct processes_query queries[] = {{.pid = 9, .id = "aaaaaaaaaaaaaaaa"},
                                                     {.pid = 99, .id = "bbbbbbbbbbbbbbbb"},
                                                     {.pid = 9, .id = "aaaaaaaaaaaaaaaa"}};
    scoped_str message = STR_INIT, output = STR_INIT;
    struct error error = ERROR_INIT;
    struct wire_reader reader;

    roles_ask_processes(&message, queries, countof(queries));
    ck_assert_int_eq(run(ROLE_PROCESSES, PROCESSES_CONTAINERS, &message, &output, NULL), 0);
    reader = (struct wire_reader){.at = output.data, .left = output.length};
    for (size_t i = 0; i < countof(queries); i++) {
        struct process_facts *sent = NULL, *read = NULL;

        if (i == 1) {
            ck_assert_int_eq(roles_take_processes(&reader, &sent, &error), -ESRCH);
            ck_assert_str_eq(error.text, "process 99 has ended");
            continue;
        }
        ck_assert_int_eq(roles_take_processes(&reader, &sent, NULL), 0);
        ck_assert_int_eq(proc_container_processes(root, 9, "aaaaaaaaaaaaaaaa", &read, NULL), 0);
        ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
        ck_assert_uint_eq(sent->count, 1);
        ck_assert_str_eq(sent->items[0].exe, "dockerd");
        facts_free(&sent->facts);
        facts_free(&read->facts);
    }
    ck_assert_uint_eq(reader.left, 0);
}
END_TEST

START_TEST(the_environment)
{
    scoped_str message = STR_INIT, output = STR_INIT;
    struct wire_reader reader;
    struct environment_facts *sent, *read = environment_read(root, "DOCKER_CONTENT_TRUST", "1", "why");

    roles_ask_environment(&message, "1", "why");
    ck_assert_int_eq(run(ROLE_FILES, FILES_ENVIRONMENT, &message, &output, NULL), 0);
    reader = (struct wire_reader){.at = output.data, .left = output.length};
    sent = environment_take(&reader, NULL);
    ck_assert_ptr_nonnull(sent);
    ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
    ck_assert_str_eq(sent->place, "/etc/profile");
    ck_assert_str_eq(sent->value, "0");
    ck_assert_str_eq(sent->error, "dockerd's environment: why");
    facts_free(&sent->facts);
    facts_free(&read->facts);
}
END_TEST

START_TEST(certificates_and_audit_rules)
{
    scoped_str message = STR_INIT, output = STR_INIT;
    struct error error = ERROR_INIT;
    struct wire_reader reader;
    struct certificate_facts *sent;
    struct audit_facts *audit = NULL;
    scoped_str english = STR_INIT;

    roles_ask_certificates(&message, "/d");
    ck_assert_int_eq(run(ROLE_FILES, FILES_CERTIFICATES, &message, &output, NULL), 0);
    reader = (struct wire_reader){.at = output.data, .left = output.length};
    sent = node_certificates_take(&reader, NULL);
    ck_assert_ptr_nonnull(strstr(message_english(sent->node_error, &english), "swarm-node.crt: No such file"));
    ck_assert_ptr_nonnull(sent->root_error);
    facts_free(&sent->facts);

    str_clear(&message);
    str_clear(&output);
    roles_ask_audit(&message, NULL, EPERM, "needs CAP_AUDIT_CONTROL");
    ck_assert_int_eq(run(ROLE_FILES, FILES_AUDIT, &message, &output, NULL), 0);
    ck_assert_msg(audit_merge_take(output.data, output.length, &audit, &error) == 0, "%s", error.text);
    ck_assert_int_eq(audit->kernel_state, AUDIT_KERNEL_DENIED);
    ck_assert_str_eq(audit->kernel_error, "needs CAP_AUDIT_CONTROL");
    ck_assert_uint_eq(audit->disk_count, 1);
    facts_free(&audit->facts);
}
END_TEST

START_TEST(volumes_and_units)
{
    static const char *sources[] = {"/v/bind/_data",   "/v/plain/_data", "/v/gone/_data",
                                    "/v/broken/_data", "/etc/shadow",    "/v/../etc/_data"};
    static const char *names[] = {"docker.service", "absent.service"};
    static const bool known[] = {true, true, false, false, false, false};
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    scoped_str message = STR_INIT, output = STR_INIT;
    struct units_facts *units = NULL;
    struct wire_reader reader;

    put_text("/v/bind/opts.json", "{\"MountType\":\"none\",\"MountOpts\":\"bind,ro\",\"MountDevice\":\"/etc\"}");
    put_text("/v/plain/_data/x", "");
    put_text("/v/broken/opts.json", "{\"MountType\": secret");
    put_text("/etc/opts.json", "{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"/etc\"}");
    roles_ask_volumes(&message, &(struct string_list){.items = sources, .count = countof(sources)});
    ck_assert_int_eq(run(ROLE_FILES, FILES_VOLUMES, &message, &output, NULL), 0);
    ck_assert_ptr_null(memmem(output.data, output.length, "secret", strlen("secret")));
    reader = (struct wire_reader){.at = output.data, .left = output.length, .arena = arena};
    for (size_t i = 0; i < countof(sources); i++) {
        struct volume_source source;

        ck_assert_msg(roles_take_volume(&reader, &source) == known[i], "%s", sources[i]);
        ck_assert_uint_eq(source.devices.count, i == 0);
        if (i == 0)
            ck_assert(str_equal(source.devices.items[0], "/etc") && source.read_only && !source.block_device);
    }
    ck_assert_uint_eq(reader.left, 0);

    str_clear(&message);
    str_clear(&output);
    roles_ask_units(&message, &(struct string_list){.items = names, .count = countof(names)});
    ck_assert_int_eq(run(ROLE_FILES, FILES_UNITS, &message, &output, NULL), 0);
    ck_assert_int_eq(units_parse(output.data, output.length, &units, NULL), 0);
    ck_assert_str_eq(units_find(units, "docker.service")->fragment, "/etc/systemd/system/docker.service");
    ck_assert_ptr_null(units_find(units, "absent.service")->fragment);
    facts_free(&units->facts);
}
END_TEST

/* ---- Sources ---- */

START_TEST(only_sources_of_rules_are_read)
{
    static const char *sources[] = {"content:/etc/shadow", "content:/etc/hosts", "path:/etc/shadow",
                                    "tree:/etc",           "option:tlscert",     "program:dockerd"};
    static const struct string_list list = {.items = sources, .count = 6};
    scoped_str message = STR_INIT, output = STR_INIT, daemon_output = STR_INIT;
    struct daemon_facts *daemon = read_daemon(&daemon_output);
    const struct fileset_context against = {.daemon = daemon};
    struct wire_reader reader;

    roles_ask_sets(&message, &against, &list);
    ck_assert_int_eq(run(ROLE_FILES, FILES_SETS, &message, &output, NULL), 0);
    ck_assert_ptr_null(memmem(output.data, output.length, "secret", strlen("secret")));
    reader = (struct wire_reader){.at = output.data, .left = output.length};
    for (size_t i = 0; i < list.count; i++) {
        struct fileset_facts *set = NULL;
        int r = fileset_take(&reader, &set, NULL);

        ck_assert_int_eq(r, knows_source(sources[i], NULL) ? 0 : -EACCES);
        if (i == 1)
            ck_assert_str_eq(set->items[0].content, "127.0.0.1 localhost\n");
        if (i == 4)
            ck_assert_str_eq(set->items[0].path, "/h/.docker/cert.pem");
        if (i == 5)
            ck_assert_str_eq(set->items[0].path, "/usr/sbin/dockerd");
        facts_free(set ? &set->facts : NULL);
    }
    ck_assert_uint_eq(reader.left, 0);
    facts_free(&daemon->facts);
}
END_TEST

/* A layer is walked only where a storage driver of overlays keeps it, whatever the agent names. */
START_TEST(only_folders_of_layers_are_walked)
{
    static const char *const others[] = {"/etc", "/etc/diff", "/var/lib/overlay/../../etc/diff", "overlay2/a/diff",
                                         "/var/lib/docker/overlay2/a"};
    static const char *digests[] = {"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const struct docker_address nowhere;
    const char *folder = "/var/lib/docker/overlay2/a/diff";
    const struct string_list layers = {.items = digests, .count = 1}, directories = {.items = &folder, .count = 1};
    const struct layers_query query = {
        .api_minor = 41, .image_id = "sha256:1", .layers = &layers, .directories = &directories};

    context.address = &nowhere;
    put_mode("/etc/diff/su", 04755);
    put_mode("/var/lib/docker/overlay2/a/diff/su", 04755);
    for (size_t i = 0; i <= countof(others); i++) {
        scoped_str message = STR_INIT, output = STR_INIT;
        struct error error = ERROR_INIT;

        if (i)
            folder = others[i - 1];
        roles_ask_layers(&message, &query);
        if (!i) {
            ck_assert_msg(run(ROLE_LAYERS, LAYERS_READ, &message, &output, &error) == 0, "%s", error.text);
            ck_assert_ptr_nonnull(strstr(output.data, "\"/su\""));
        } else {
            ck_assert_int_eq(run(ROLE_LAYERS, LAYERS_READ, &message, &output, &error), -EINVAL);
            ck_assert_msg(strstr(error.text, "is not the folder of a layer") != NULL, "%s", error.text);
        }
    }
}
END_TEST

/* ---- Requests that are none ---- */

static void ask(enum role role, unsigned task, struct str *out)
{
    static const char *item = "content:/etc/hosts";
    static const struct string_list list = {.items = &item, .count = 1};
    static const struct place_query place = {.pid = 9, .source = "/etc", .destination = "/x"};
    static const struct processes_query query = {.pid = 9, .id = "aaaaaaaaaaaaaaaa"};
    struct daemon_facts *daemon = NULL;
    struct unit_facts unit = {.name = "docker.service", .fragment = "/etc/systemd/system/docker.service"};
    const struct units_facts units = {.items = &unit, .count = 1};
    const struct info_facts info = {.data_root = "/d", .runtimes = {.items = &item, .count = 1}};
    struct fileset_context against = {.units = &units, .info = &info};

    if (role == ROLE_PROCESSES && task == PROCESSES_DAEMON)
        roles_ask_daemon(out, 9, false, &units);
    else if (role == ROLE_PROCESSES && task == PROCESSES_LISTENERS)
        roles_ask_listeners(out, 9);
    else if (role == ROLE_PROCESSES && task == PROCESSES_CONTAINERS)
        roles_ask_processes(out, &query, 1);
    else if (role == ROLE_PROCESSES)
        roles_ask_ipc(out, 9, 10);
    else if (task == FILES_ENVIRONMENT)
        roles_ask_environment(out, "1", "why");
    else if (task == FILES_CERTIFICATES)
        roles_ask_certificates(out, "/d");
    else if (task == FILES_AUDIT)
        roles_ask_audit(out, "{\"enabled\":1,\"rules\":[]}", 0, NULL);
    else if (task == FILES_PLACES)
        roles_ask_places(out, &list, &place, 1);
    else if (task == FILES_VOLUMES)
        roles_ask_volumes(out, &list);
    else if (task == FILES_UNITS)
        roles_ask_units(out, &list);
    if (role != ROLE_FILES || task != FILES_SETS)
        return;
    ck_assert_int_eq(daemon_config_read(root, NULL, 9, NULL, &daemon, NULL), 0);
    against.daemon = daemon;
    roles_ask_sets(out, &against, &list);
    facts_free(&daemon->facts);
}

static const struct {
    enum role role;
    unsigned task;
} asked[] = {
    {ROLE_PROCESSES, PROCESSES_DAEMON},
    {ROLE_PROCESSES, PROCESSES_LISTENERS},
    {ROLE_PROCESSES, PROCESSES_CONTAINERS},
    {ROLE_PROCESSES, PROCESSES_IPC},
    {ROLE_FILES, FILES_ENVIRONMENT},
    {ROLE_FILES, FILES_CERTIFICATES},
    {ROLE_FILES, FILES_AUDIT},
    {ROLE_FILES, FILES_SETS},
    {ROLE_FILES, FILES_PLACES},
    {ROLE_FILES, FILES_VOLUMES},
    {ROLE_FILES, FILES_UNITS},
};

START_TEST(malformed_requests)
{
    scoped_str whole = STR_INIT, output = STR_INIT;
    struct error error = ERROR_INIT;

    ask(asked[_i].role, asked[_i].task, &whole);
    ck_assert_int_eq(run(asked[_i].role, asked[_i].task, &whole, &output, &error), 0);
    for (size_t length = 0; length < whole.length; length++) {
        scoped_str cut = STR_INIT;

        str_append_n(&cut, whole.data, length);
        str_clear(&output);
        ck_assert_int_eq(run(asked[_i].role, asked[_i].task, &cut, &output, &error), -EPROTO);
        ck_assert_uint_eq(output.length, 0);
    }
    str_append_char(&whole, 'x');
    ck_assert_int_eq(run(asked[_i].role, asked[_i].task, &whole, &output, &error), -EPROTO);
}
END_TEST

START_TEST(answers_cut_anywhere)
{
    scoped_str output = STR_INIT;
    struct daemon_facts *daemon = read_daemon(&output);

    facts_free(&daemon->facts);
    for (size_t length = 0; length < output.length; length++) {
        scoped(cleanup_free) char *copy = mem_strndup(output.data, length); /* ASan sees a read beyond it */
        struct wire_reader reader = {.at = copy, .left = length};

        ck_assert_ptr_null(daemon_take(&reader, NULL));
    }
}
END_TEST

/* ---- Without a right ---- */

/* Of a process that belongs to another user, nothing that takes a right is seen, and that is said. */
static void look_without_rights(pid_t other, int fd)
{
    char text[2048] = "";
    struct host_root *real = NULL;
    struct daemon_facts *daemon = NULL;
    struct listener_facts *listeners = NULL;
    struct fileset_facts *set = NULL;
    struct error error = ERROR_INIT;

    if (host_root_open("/", &real, NULL) < 0 || setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
        setresuid(65534, 65534, 65534) < 0)
        _exit(1);
    if (daemon_config_read(real, NULL, other, NULL, &daemon, NULL) < 0 || listeners_read(real, other, &listeners, NULL))
        _exit(2);
    fileset_read(real, "program:dockerd", &(struct fileset_context){.daemon = daemon}, &set, &error);
    snprintf(text, sizeof text, "%s|%s|%s|%s", daemon->process_error, daemon->exe ? "exe" : "none",
             listeners->own_error, error.text);
    if (write(fd, text, sizeof text) < 0)
        _exit(3);
    _exit(0);
}

START_TEST(what_takes_a_right_is_an_error_with_its_name)
{
    char text[2049] = "";
    int fds[2], status;
    pid_t other = fork(), child;
    scoped(cleanup_free) char *expected = NULL;

    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    if (child == 0)
        look_without_rights(other, fds[1]);
    close(fds[1]);
    ck_assert_int_gt(read(fds[0], text, sizeof text - 1), 0);
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    expected = mem_printf("needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH|none|/proc/%d/fd: needs CAP_SYS_PTRACE and "
                          "CAP_DAC_READ_SEARCH|dockerd's process cannot be seen: needs CAP_SYS_PTRACE and "
                          "CAP_DAC_READ_SEARCH",
                          (int)other);
    ck_assert_str_eq(text, expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roles");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, make_host, host_folder_teardown);
    tcase_add_test(all, the_daemon);
    tcase_add_test(all, listeners_and_namespaces);
    tcase_add_test(all, processes_of_containers);
    tcase_add_test(all, the_environment);
    tcase_add_test(all, certificates_and_audit_rules);
    tcase_add_test(all, volumes_and_units);
    tcase_add_test(all, only_sources_of_rules_are_read);
    tcase_add_test(all, only_folders_of_layers_are_walked);
    tcase_add_loop_test(all, malformed_requests, 0, (int)countof(asked));
    tcase_add_test(all, answers_cut_anywhere);
    tcase_add_test(all, what_takes_a_right_is_an_error_with_its_name);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
