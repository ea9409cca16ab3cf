/* Receivers that are away, do not read, are killed or come late, and disks that are full, while the agent is killed
 * too: all that a sink should have arrives, in order, each number means one record, and none is missing.
 *
 * OUTAGE_TRANSITIONS, in the environment, is how many transitions happen meanwhile; with it everything is run, which
 * takes some minutes. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/vec.h"
#include "sinks_beside.h"

enum { CONTAINERS = 20, NUMBERS_MAX = 1000 * 1000 };

enum transport { TCP, TLS, RELP, RELPS, TRANSPORT_COUNT };
static const char *const schemes[TRANSPORT_COUNT] = {"tcp", "tls", "relp", "relps"};

static char *output, *certificate, *key, *config;
static unsigned port;
static pid_t rsyslogd;
static bool privileged;

static bool is_long(void)
{
    return getenv("OUTAGE_TRANSITIONS") != NULL;
}

static size_t transitions(void)
{
    return is_long() ? (size_t)atoi(getenv("OUTAGE_TRANSITIONS")) : 300;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    beside_begin(&beside, CONTAINERS);
    output = mem_printf("%s/received", beside.folder);
    certificate = mem_printf("%s/server.pem", beside.folder);
    key = mem_printf("%s/server.key", beside.folder);
    port = free_port();
    privileged = false;
}

static void tear_down(void)
{
    end_process(&rsyslogd, SIGKILL);
    json_doc_free(take(answer));
    beside_end(&beside);
    free(output);
    free(certificate);
    free(key);
    free(take(config));
}

static void make_certificate(void)
{
    scoped(cleanup_free) char *command =
        mem_printf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=receiver"
                   " -addext subjectAltName=IP:127.0.0.1,DNS:siem.example -keyout %s -out %s 2>/dev/null",
                   key, certificate);

    ck_assert_int_eq(system(command), 0);
}

/* A record is in its file before it is acknowledged, as far as rsyslogd does that: rulesets have no queue. */
static void start_rsyslogd(enum transport transport)
{
    scoped(cleanup_free) char *tls =
        transport == TLS
            ? mem_printf("streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\"")
        : transport == RELPS ? mem_printf("tls=\"on\" tls.caCert=\"%s\" tls.myCert=\"%s\" tls.myPrivKey=\"%s\"",
                                          certificate, certificate, key)
                             : mem_strdup("");
    scoped(cleanup_free) char *text = mem_printf(
        "global(defaultNetstreamDriverCAFile=\"%s\" defaultNetstreamDriverCertFile=\"%s\""
        " defaultNetstreamDriverKeyFile=\"%s\")\n"
        "module(load=\"%s\" %s)\n"
        "input(type=\"%s\" address=\"127.0.0.1\" port=\"%u\" ruleset=\"agent\" %s)\n"
        "template(name=\"message\" type=\"string\" string=\"%%msg%%\\n\")\n"
        "ruleset(name=\"agent\" queue.type=\"Direct\") { action(type=\"omfile\" file=\"%s\" template=\"message\") }\n",
        certificate, certificate, key, transport >= RELP ? "imrelp" : "imtcp",
        transport == RELPS ? "tls.tlslib=\"openssl\""
        : transport == TLS ? tls
                           : "",
        transport >= RELP ? "imrelp" : "imtcp", port, transport == RELPS ? tls : "", output);

    rsyslogd = run_rsyslogd(text, port);
}

/* With a sink for every status: no transition is left out. */
static void configure(enum transport transport, const char *host)
{
    scoped(cleanup_free) char *tls = transport == TLS || transport == RELPS
                                         ? mem_printf(", \"tls\": {\"ca\": \"%s\"}", certificate)
                                         : mem_strdup("");

    config = mem_printf(
        "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"%s://%s:%u\", \"format\": \"json\", \"statuses\":"
        " [\"pass\", \"fail\", \"manual\", \"not_applicable\", \"error\"]%s}]}",
        schemes[transport], host, port, tls);
}

static void start_agent(void)
{
    beside_start_agent(&beside, config);
}

static void kill_agent(void)
{
    ck_assert_int_eq(kill(beside.agent, SIGKILL), 0);
    ck_assert_int_eq(waitpid(beside.agent, NULL, 0), beside.agent);
}

static uint64_t last_seq(void)
{
    return (uint64_t)json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), 0);
}

static bool is_scanned(void)
{
    return json_int(json_path(beside_ask(&beside, "/v1/status"), "scan", "duration_ms", NULL), -1) >= 0;
}

/* At least COUNT transitions, all of them stored. */
static void change(size_t count)
{
    uint64_t end = last_seq() + count;

    while (last_seq() < end) {
        privileged = !privileged;
        toggle_privileged(CONTAINERS, privileged);
        run_until(count_failed() == (privileged ? CONTAINERS : 0));
    }
    beside_await_stored(&beside);
}

static bool has_reason(const char *text)
{
    const struct json *reasons = json_path(beside_ask(&beside, "/v1/status"), "agent", "reasons", NULL);
    bool found = false;

    for (size_t i = 0; i < json_count(reasons); i++)
        found = found || strstr(json_text(json_at(reasons, i), ""), text);
    return found;
}

/* ---- What was received ---- */

struct received {
    VEC(char *) records; /* by number - 1; NULL: reported as lost */
    uint64_t first_seq, last_seq, lost, repeated, streams;
    size_t lines, cut;
    int64_t snapshot; /* id */
    size_t snapshot_count, whole_snapshots;
    char stream[64];
};

static void received_deinit(struct received *received)
{
    for (size_t i = 0; i < received->records.count; i++)
        free(received->records.items[i]);
    vec_free(&received->records);
}

static void take_loss(struct received *received, const struct json *record, uint64_t number)
{
    uint64_t first = (uint64_t)json_int(json_get(record, "first"), 0);

    ck_assert_uint_eq(first, received->records.count + 1);
    while (received->records.count + 1 < number) {
        vec_push(&received->records, NULL);
        received->lost++;
    }
}

static void take_snapshot(struct received *received, const struct json *record, bool is_end)
{
    int64_t id = json_int(json_get(record, "snapshot"), 0);

    if (id != received->snapshot)
        received->snapshot_count = 0;
    received->snapshot = id;
    if (is_end)
        ck_assert_int_eq(json_int(json_get(record, "count"), -1), (int64_t)received->snapshot_count);
    received->whole_snapshots += is_end;
    received->snapshot_count += !is_end;
}

/* Numbers before NUMBER are those of the stream before. */
static void begin_stream(struct received *received, const char *stream, uint64_t number)
{
    received->streams++;
    received->last_seq = 0;
    snprintf(received->stream, sizeof received->stream, "%s", stream);
    while (received->records.count >= number)
        free(received->records.items[--received->records.count]);
}

static void take_record(struct received *received, const struct json *record, const char *text, size_t length)
{
    uint64_t number = (uint64_t)json_int(json_get(record, "number"), 0);
    uint64_t seq = (uint64_t)json_int(json_get(record, "seq"), 0);
    const char *kind = json_text(json_get(record, "kind"), ""), *stream = json_text(json_get(record, "stream"), "");

    ck_assert_msg(number > 0 && number < NUMBERS_MAX, "%.*s", (int)length, text);
    if (strcmp(stream, received->stream) != 0)
        begin_stream(received, stream, number);
    if (number <= received->records.count) {
        const char *before = received->records.items[number - 1];

        received->repeated++;
        ck_assert_msg(before && strlen(before) == length && memcmp(before, text, length) == 0, "%s\nis not\n%.*s",
                      before, (int)length, text);
        return;
    }
    if (strcmp(kind, "lost") == 0)
        take_loss(received, record, number);
    ck_assert_msg(number == received->records.count + 1, "after %zu: %.*s", received->records.count, (int)length, text);
    vec_push(&received->records, mem_strndup(text, length));
    if (strncmp(kind, "snapshot", strlen("snapshot")) == 0)
        take_snapshot(received, record, strcmp(kind, "snapshot_end") == 0);
    if (strcmp(kind, "finding") != 0 && strcmp(kind, "agent") != 0)
        return;
    if (!received->first_seq)
        received->first_seq = seq;
    ck_assert_msg(seq == received->last_seq + 1 || !received->last_seq || received->lost || received->streams > 1,
                  "seq %llu after %llu", (unsigned long long)seq, (unsigned long long)received->last_seq);
    ck_assert_uint_gt(seq, received->last_seq);
    received->last_seq = seq;
}

/* Of FILE; a line that a killed receiver has cut is counted. */
static void read_received(struct received *received, const char *file)
{
    scoped_str text = STR_INIT;

    if (file_read(file, 512 * 1024 * 1024, &text, NULL) < 0)
        return;
    for (const char *at = str_text(&text), *end; (end = strchr(at, '\n')); at = end + 1) {
        const char *begin = strstr(at, "@cee: ");
        struct json_doc *doc = NULL;

        begin = begin && begin < end ? begin + strlen("@cee: ") : at;
        received->lines++;
        if (json_parse(begin, (size_t)(end - begin), NULL, &doc, NULL) < 0) {
            received->cut++;
            continue;
        }
        take_record(received, json_root(doc), begin, (size_t)(end - begin));
        json_doc_free(doc);
    }
}

static bool has_last(void)
{
    scoped(received_deinit) struct received received = {0};

    read_received(&received, output);
    return received.last_seq == last_seq();
}

/* Everything has arrived, in order. */
static void check_all(const char *what)
{
    scoped(received_deinit) struct received received = {0};

    run_until(is_settled(0));
    run_until(has_last());
    read_received(&received, output);
    fprintf(stderr, "%s: %zu records, %zu lines, %llu repeated, last seq %llu\n", what, received.records.count,
            received.lines, (unsigned long long)received.repeated, (unsigned long long)received.last_seq);
    ck_assert_uint_eq(received.first_seq, 1);
    ck_assert_uint_eq(received.lost, 0);
    ck_assert_uint_eq(received.streams, 1);
    ck_assert_int_eq(counter(0, "dropped"), 0);
}

/* ---- Receivers ---- */

/* rsyslogd is stopped, and the agent killed twice meanwhile. */
START_TEST(receiver_is_stopped)
{
    size_t count = transitions();

    if (_i != RELPS && !is_long())
        return;
    make_certificate();
    configure((enum transport)_i, "127.0.0.1");
    start_rsyslogd((enum transport)_i);
    start_agent();
    run_until(is_ready());
    run_until(is_settled(0));
    end_process(&rsyslogd, SIGTERM);
    for (int i = 0; i < 3; i++) {
        change(count / 3);
        if (i == 2)
            break;
        kill_agent();
        start_agent();
        run_until(is_scanned()); /* it gets not ready once a sink has been stuck for a minute */
    }
    run_until(counter(0, "pending") >= (int64_t)count);
    start_rsyslogd((enum transport)_i);
    check_all(schemes[_i]);
}
END_TEST

/* Its kernel accepts connections and acknowledges what it has room for; it reads nothing, and then resets all of them.
 * The agent is killed twice meanwhile. */
START_TEST(receiver_reads_nothing)
{
    size_t count = transitions();

    if (_i != TCP && !is_long())
        return;
    make_certificate();
    configure((enum transport)_i, "127.0.0.1");
    start_rsyslogd((enum transport)_i);
    start_agent();
    run_until(is_ready());
    run_until(is_settled(0));
    ck_assert_int_eq(kill(rsyslogd, SIGSTOP), 0);
    for (int i = 0; i < 3; i++) {
        change(count / 3);
        fake_run(beside.base, 500, NULL, NULL);
        if (i == 2)
            break;
        kill_agent();
        start_agent();
        run_until(is_scanned()); /* it gets not ready once a sink has been stuck for a minute */
    }
    end_process(&rsyslogd, SIGKILL);
    start_rsyslogd((enum transport)_i);
    check_all(schemes[_i]);
}
END_TEST

/* It is killed again and again, with what it has not read or not acknowledged; the agent is not. */
START_TEST(receiver_is_killed)
{
    size_t count = transitions();

    if ((_i == TCP || _i == RELP) && !is_long())
        return;
    make_certificate();
    configure((enum transport)_i, "127.0.0.1");
    start_rsyslogd((enum transport)_i);
    start_agent();
    run_until(is_ready());
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(kill(rsyslogd, SIGSTOP), 0);
        change(count / 10);
        end_process(&rsyslogd, SIGKILL);
        change(count / 10);
        start_rsyslogd((enum transport)_i);
        run_until(counter(0, "sent") > 0);
    }
    check_all(schemes[_i]);
}
END_TEST

/* ---- Names ---- */

/* agentctl status names the receiver and why nothing arrives, and metrics have both. */
static void check_screens(void)
{
    const char *const status[] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "status", NULL};
    const char *const metrics[] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "metrics", NULL};
    scoped_str out = STR_INIT, err = STR_INIT;

    beside_run(&beside, status, false, &out, &err);
    ck_assert_msg(strstr(str_text(&out), "cannot resolve \"siem.example\""), "%s", str_text(&out));
    ck_assert_msg(strstr(str_text(&out), "\tstate\tstuck\n"), "%s", str_text(&out));
    str_clear(&out);
    beside_run(&beside, metrics, false, &out, &err);
    ck_assert_msg(strstr(str_text(&out), "_ready 0\n"), "%s", str_text(&out));
    ck_assert_msg(strstr(str_text(&out), "siem.example:"), "%s", str_text(&out));
}

/* The receiver's name is not known before all has happened; _i: and the agent is reported as degraded after a minute.
 */
START_TEST(name_that_comes_late)
{
    size_t count = transitions();
    scoped(cleanup_free) char *hosts = mem_printf("%s/hosts", beside.folder);
    scoped(cleanup_free) char *command =
        mem_printf("echo 127.0.0.1 localhost >%s; echo hosts: files >%s.nss; mount --make-rprivate / && mount --bind "
                   "%s /etc/hosts &&"
                   " mount --bind %s.nss /etc/nsswitch.conf && mount -t proc proc /proc",
                   hosts, hosts, hosts, hosts);
    scoped(cleanup_free) char *known = mem_printf("echo 127.0.0.1 siem.example >>%s", hosts);

    if (_i && !is_long())
        return;
    make_certificate();
    configure(_i ? TLS : TCP, "siem.example");
    start_rsyslogd(_i ? TLS : TCP);
    beside.host = command;
    start_agent();
    run_until(is_scanned());
    for (int i = 0; i < 2; i++) {
        change(count / 2);
        kill_agent();
        start_agent();
        run_until(is_scanned());
    }
    run_until(counter(0, "pending") >= (int64_t)count);
    if (_i) {
        run_until(!is_ready());
        ck_assert_msg(has_reason("siem.example"), "%s", "the reason");
        ck_assert_str_eq(json_text(json_get(json_at(sinks(), 0), "state"), ""), "stuck");
        check_screens();
    }
    ck_assert_int_eq(system(known), 0);
    check_all("a name that comes late");
    run_until(is_ready());
}
END_TEST

/* ---- A sink that is added ---- */

/* It is sent all that is open, as a whole even though the agent is killed within, and what comes from then on. */
START_TEST(sink_that_is_added)
{
    size_t count = transitions();
    scoped(received_deinit) struct received received = {0};

    config = mem_strdup("{\"sinks\": []}");
    start_agent();
    run_until(is_ready());
    change(count / 2);
    free(take(config));
    configure(TCP, "127.0.0.1");
    reload(config);
    run_until(json_count(sinks()) == 1);
    kill_agent();
    start_agent();
    run_until(is_scanned());
    change(count / 2);
    start_rsyslogd(TCP);
    run_until(is_settled(0));
    run_until(has_last());
    read_received(&received, output);
    ck_assert_uint_eq(received.lost, 0);
    ck_assert_uint_eq(received.whole_snapshots, 1);
    ck_assert_uint_gt(received.snapshot_count, 100);
}
END_TEST

/* ---- Disks ---- */

static void mount_small(const char *folder, const char *size)
{
    scoped(cleanup_free) char *options = mem_printf("size=%s", size);

    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("none", folder, "tmpfs", 0, options), 0);
}

/* What has no room on the disk is in memory, and arrives unless the agent is killed (_i 0 and 1): then another stream
 * begins, as a number might mean two records, with a snapshot. */
START_TEST(state_on_a_small_disk)
{
    size_t count = transitions();
    scoped(cleanup_free) char *state = mem_printf("%s/state", beside.folder);
    scoped(received_deinit) struct received received = {0};

    if (_i == 1 && !is_long())
        return;
    mount_small(state, _i == 1 ? "1m" : "64k");
    configure(TCP, "127.0.0.1");
    start_rsyslogd(TCP);
    start_agent();
    run_until(is_scanned());
    run_until(is_settled(0));
    end_process(&rsyslogd, SIGTERM);
    for (int i = 0; i < 3; i++) {
        change(count / 3);
        if (i == 2 || _i == 2)
            continue;
        kill_agent();
        start_agent();
        run_until(is_scanned());
    }
    start_rsyslogd(TCP);
    run_until(is_settled(0));
    run_until(has_last());
    read_received(&received, output);
    fprintf(stderr, "state: %zu records, %llu lost, %llu streams, %zu snapshots\n", received.records.count,
            (unsigned long long)received.lost, (unsigned long long)received.streams, received.whole_snapshots);
    if (_i == 2) {
        ck_assert_uint_eq(received.lost, 0);
        ck_assert_uint_eq(received.first_seq, 1);
        ck_assert_uint_eq(received.streams, 1);
    } else {
        ck_assert_uint_gt(received.streams, 1);
        ck_assert_uint_gt(received.whole_snapshots, 0);
    }
    umount2(state, MNT_DETACH);
}
END_TEST

static bool has_file(const char *path)
{
    return access(path, F_OK) == 0;
}

/* What has been written to FOLDER/log goes to OUTPUT, once nothing more will be: the agent has begun another file, or
 * has nothing to write. */
static void take_away(const char *folder)
{
    scoped(cleanup_free) char *log = mem_printf("%s/log", folder), *full = mem_printf("%s/full", folder);
    scoped(cleanup_free) char *command = mem_printf("cat %s >>%s && rm %s", full, output, full);

    if (!has_file(log))
        return;
    ck_assert_int_eq(rename(log, full), 0);
    run_until(has_file(log) || counter(0, "pending") == 0);
    ck_assert_int_eq(system(command), 0);
}

/* The file is taken away whenever its disk is full: all lines are whole, and none is missing. */
START_TEST(file_on_a_small_disk)
{
    size_t count = transitions();
    scoped(cleanup_free) char *folder = mem_printf("%s/logs", beside.folder);
    scoped(received_deinit) struct received received = {0};
    uint64_t end_seq;
    usec_t end;

    mount_small(folder, "64k");
    config = mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s/log\", \"statuses\":"
                        " [\"pass\", \"fail\", \"manual\", \"not_applicable\", \"error\"]}]}",
                        folder);
    start_agent();
    run_until(is_scanned());
    change(count);
    kill_agent();
    start_agent();
    run_until(is_scanned());
    end_seq = last_seq();
    end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;
    while (counter(0, "pending") > 0 || counter(0, "sent") < 0) {
        ck_assert_msg(clock_monotonic() < end, "%lld wait", (long long)counter(0, "pending"));
        fake_run(beside.base, 60, NULL, NULL);
        if (json_string(json_get(json_at(sinks(), 0), "last_error")))
            take_away(folder);
    }
    take_away(folder);
    read_received(&received, output);
    ck_assert_uint_eq(received.first_seq, 1);
    ck_assert_uint_ge(received.last_seq, end_seq);
    ck_assert_uint_eq(received.lost, 0);
    ck_assert_uint_eq(received.cut, 0);
    umount2(folder, MNT_DETACH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outages");
    TCase *stopped = tcase_create("stopped"), *silent = tcase_create("silent"), *killed = tcase_create("killed");
    TCase *names = tcase_create("names"), *later = tcase_create("later"), *disks = tcase_create("disks");
    TCase *const cases[] = {stopped, silent, killed, names, later, disks};
    SRunner *runner;
    int failed;

    for (size_t i = 0; i < countof(cases); i++) {
        tcase_add_checked_fixture(cases[i], set_up, tear_down);
        tcase_set_timeout(cases[i], 1000);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_loop_test(stopped, receiver_is_stopped, 0, TRANSPORT_COUNT);
    tcase_add_loop_test(silent, receiver_reads_nothing, 0, TRANSPORT_COUNT);
    tcase_add_loop_test(killed, receiver_is_killed, 0, TRANSPORT_COUNT);
    tcase_add_loop_test(names, name_that_comes_late, 0, 2);
    tcase_add_test(later, sink_that_is_added);
    tcase_add_loop_test(disks, state_on_a_small_disk, 0, 3);
    tcase_add_test(disks, file_on_a_small_disk);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
