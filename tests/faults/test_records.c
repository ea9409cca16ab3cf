/* What a receiver has of the agent by its records alone: it keeps findings by their uid, recognizes what it has missed
 * by their numbers, and compares its digest with that of each heartbeat. Through a real sink, over restarts, another
 * engine, a lost store. */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/evaluator/evaluator.h"
#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/vec.h"

enum { CONTAINERS = 12, HANG_SECONDS = 240 };

static struct beside beside;
static char *records_path;
static char config[1024];
static const char *expected_host; /* NULL: this machine's */

/* Lets fake engine and agent go on until CONDITION holds. */
#define run_until(condition)                                                                                           \
    do {                                                                                                               \
        usec_t run_until_end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;                                        \
                                                                                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_monotonic() < run_until_end, "never: %s", #condition);                                 \
            fake_run(beside.base, 20, NULL, NULL);                                                                     \
        }                                                                                                              \
    } while (0)

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
    records_path = mem_printf("%s/records", beside.folder);
    snprintf(config, sizeof config,
             "{\"heartbeat\": 10, \"sinks\": [{\"type\": \"file\", \"address\": \"%s\"}], \"waivers\": [{\"rule\": "
             "\"5.4\", \"subject\": \"name:c3\", \"reason\": \"ticket 42\", \"by\": \"ops\"}]}",
             records_path);
}

static void tear_down(void)
{
    beside_end(&beside);
    free(take(records_path));
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

/* Ready, and nothing is read any more. */
static void wait_ready(void)
{
    run_until(is_ready());
    beside_await_images(&beside, 1);
}

static void start(void)
{
    beside_start_agent(&beside, config);
    wait_ready();
}

static void end_agent(void)
{
    int status = 0;

    ck_assert_int_eq(kill(beside.agent, SIGTERM), 0);
    ck_assert_int_eq(waitpid(beside.agent, &status, 0), beside.agent);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    beside.agent = 0;
}

/* ---- The receiver ---- */

struct heard {
    char *slug, *kind, *id, *status;
};

struct receiver {
    struct map *open; /* uid → struct heard: fail or error */
    char stream[64];
    uint64_t number; /* of the last record */
    size_t records, findings, heartbeats, compared, snapshots, ends, initial,
        away;                   /* AWAY: it says that about its engine */
    uint64_t snapshot, so_far;  /* the one that comes, and its records until now */
    struct map *in_snapshot;    /* uids */
    struct json_doc *heartbeat; /* the last one */
    VEC(char *) engines;        /* one after the other */
};

static void heard_free(void *p)
{
    struct heard *heard = p;

    free(heard->slug);
    free(heard->kind);
    free(heard->id);
    free(heard->status);
    free(heard);
}

static void receiver_deinit(struct receiver *receiver)
{
    map_free(receiver->open);
    map_free(receiver->in_snapshot);
    json_doc_free(receiver->heartbeat);
    for (size_t i = 0; i < receiver->engines.count; i++)
        free(receiver->engines.items[i]);
    vec_free(&receiver->engines);
}

static const char *text_of(const struct json *root, const char *key)
{
    const char *text = json_string(json_get(root, key));

    ck_assert_msg(text != NULL, "no %s", key);
    return text;
}

/* How many engines it was, without the address that stands for the one that has not answered yet. */
static size_t known_engines(const struct receiver *receiver)
{
    size_t count = 0;

    for (size_t i = 0; i < receiver->engines.count; i++)
        count += !str_starts(receiver->engines.items[i], "unix://");
    return count;
}

/* What every record has, whatever its kind. */
static void look_at_origin(struct receiver *receiver, const struct json *root)
{
    char own[HOST_NAME_MAX + 1];
    const char *engine = text_of(root, "engine");
    uint64_t number = (uint64_t)json_int(json_get(root, "number"), 0);

    gethostname(own, sizeof own);
    ck_assert_str_eq(text_of(root, "host"), expected_host ? expected_host : own);
    ck_assert_uint_eq(strspn(text_of(root, "machine"), "0123456789abcdef"), strlen(text_of(root, "machine")));
    ck_assert_str_eq(text_of(root, "version"), PROGRAM_VERSION);
    ck_assert_str_eq(text_of(root, "benchmark"), "dosec-1.0");
    ck_assert_int_eq(json_type(json_get(root, "schema")), JSON_NUMBER);
    ck_assert_int_eq(json_type(json_get(root, "seq")), JSON_NUMBER);
    ck_assert(json_type(json_get(root, "initial")) == JSON_BOOL);
    ck_assert_uint_eq(strlen(text_of(root, "stream")), 36);
    if (strcmp(receiver->stream, text_of(root, "stream")) != 0) {
        snprintf(receiver->stream, sizeof receiver->stream, "%s", text_of(root, "stream"));
        receiver->number = 0;
    }
    ck_assert_uint_eq(number, receiver->number + 1);
    receiver->number = number;
    if (!receiver->engines.count || strcmp(receiver->engines.items[receiver->engines.count - 1], engine) != 0)
        vec_push(&receiver->engines, mem_strdup(engine));
}

static void take_finding(struct receiver *receiver, const struct json *root)
{
    const struct json *subject = json_get(root, "subject");
    const char *uid = text_of(root, "finding"), *status = json_string(json_get(root, "status"));
    struct heard *heard;

    ck_assert_uint_eq(strlen(uid), 36);
    ck_assert(*text_of(root, "title"));
    ck_assert(!status || *text_of(root, "evidence"));
    text_of(root, "severity");
    ck_assert_str_eq(text_of(json_get(root, "ids"), "dosec-1.0"), text_of(root, "rule"));
    if (status && strcmp(status, "fail") == 0)
        ck_assert(*text_of(root, "remedy"));
    if (!status || (strcmp(status, "fail") != 0 && strcmp(status, "error") != 0)) {
        map_remove(receiver->open, uid);
        return;
    }
    heard = mem_alloc(sizeof *heard);
    heard->slug = mem_strdup(text_of(root, "slug"));
    heard->kind = mem_strdup(text_of(subject, "kind"));
    heard->id = mem_strdup(text_of(subject, "id"));
    heard->status = mem_strdup(status);
    map_set(receiver->open, uid, heard);
}

/* What it does not have is gone; nothing is newer, where nothing happens. */
static void take_end(struct receiver *receiver, const struct json *root)
{
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *uid;
    void *value;

    receiver->ends++;
    ck_assert_uint_eq((uint64_t)json_int(json_get(root, "snapshot"), 0), receiver->snapshot);
    ck_assert_uint_eq((uint64_t)json_int(json_get(root, "count"), -1), receiver->so_far);
    while (map_next(receiver->open, &at, &uid, &value))
        if (!map_get(receiver->in_snapshot, uid))
            vec_push(&gone, mem_strdup(uid));
    for (size_t i = 0; i < gone.count; i++) {
        map_remove(receiver->open, gone.items[i]);
        free(gone.items[i]);
    }
    vec_free(&gone);
}

/* Its digest is that of what was received until then, unless something waits. */
static void take_heartbeat(struct receiver *receiver, const struct json *root, struct json_doc *doc)
{
    uint64_t digest = 0;
    char text[32];
    size_t at = 0;
    const char *uid;
    void *value;

    receiver->heartbeats++;
    while (map_next(receiver->open, &at, &uid, &value)) {
        const struct heard *heard = value;

        digest += finding_digest(heard->slug, heard->kind, heard->id, heard->status);
    }
    snprintf(text, sizeof text, "%014llx", (unsigned long long)(digest & FINDING_DIGEST_MASK));
    if (!json_int(json_path(root, "sink", "pending", NULL), -1)) {
        ck_assert_int_eq(json_int(json_get(root, "count"), -1), (int64_t)map_count(receiver->open));
        ck_assert_str_eq(text_of(root, "digest"), text);
        receiver->compared++;
    }
    json_doc_free(receiver->heartbeat);
    receiver->heartbeat = doc;
}

static void take_record(struct receiver *receiver, const char *line, size_t length)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    const char *kind;

    ck_assert_msg(json_parse(line, length, NULL, &doc, NULL) == 0, "%.*s", (int)length, line);
    root = json_root(doc);
    kind = text_of(root, "kind");
    receiver->records++;
    look_at_origin(receiver, root);
    if (strcmp(kind, "finding") == 0) {
        receiver->findings++;
        receiver->initial += json_bool(json_get(root, "initial"), false);
        text_of(root, "cause");
        take_finding(receiver, root);
    } else if (strcmp(kind, "snapshot") == 0) {
        uint64_t id = (uint64_t)json_int(json_get(root, "snapshot"), 0);

        if (id != receiver->snapshot || !receiver->so_far) {
            receiver->snapshot = id;
            receiver->so_far = 0;
            map_free(receiver->in_snapshot);
            receiver->in_snapshot = map_new(NULL);
        }
        receiver->so_far++;
        receiver->snapshots++;
        map_set(receiver->in_snapshot, text_of(root, "finding"), receiver);
        take_finding(receiver, root);
    } else if (strcmp(kind, "snapshot_end") == 0) {
        take_end(receiver, root);
    } else if (strcmp(kind, "heartbeat") == 0) {
        take_heartbeat(receiver, root, doc);
        return;
    } else {
        ck_assert_str_eq(kind, "agent");
        receiver->away += str_equal(json_string(json_get(root, "slug")), "agent-engine");
    }
    json_doc_free(doc);
}

/* All that is in the file until now, from its beginning. */
static struct receiver receive(void)
{
    struct receiver receiver = {.open = map_new(heard_free), .in_snapshot = map_new(NULL)};
    scoped_str text = STR_INIT;

    if (file_read(records_path, 64 * 1024 * 1024, &text, NULL) < 0)
        return receiver;
    for (const char *line = str_text(&text), *end; (end = strchr(line, '\n')); line = end + 1)
        take_record(&receiver, line, (size_t)(end - line));
    return receiver;
}

/* Those whose digest could be compared. */
static size_t heartbeats(void)
{
    scoped(receiver_deinit) struct receiver receiver = receive();

    return receiver.compared;
}

static size_t ends(void)
{
    scoped(receiver_deinit) struct receiver receiver = receive();

    return receiver.ends;
}

static size_t received_findings(void)
{
    scoped(receiver_deinit) struct receiver receiver = receive();

    return receiver.findings;
}

static size_t records(void)
{
    scoped(receiver_deinit) struct receiver receiver = receive();

    return receiver.records;
}

static bool is_sent(void)
{
    const struct json *sink = json_at(json_get(beside_ask(&beside, "/v1/status"), "sinks"), 0);

    return json_int(json_get(sink, "pending"), -1) == 0;
}

/* NULL: what the receiver has open is what the agent has, by uid. RET_COUNT: how many. */
static char *find_difference(size_t *ret_count)
{
    scoped(receiver_deinit) struct receiver receiver = {0};
    const struct json *findings;

    if (!is_sent())
        return mem_strdup("not all is sent");
    receiver = receive();
    findings = json_get(beside_ask(&beside, "/v1/findings?status=fail,error&limit=10000"), "findings");
    *ret_count = json_count(findings);
    for (size_t i = 0; i < *ret_count; i++)
        if (!map_get(receiver.open, text_of(json_at(findings, i), "uid")))
            return mem_printf("%s of %s", text_of(json_at(findings, i), "slug"),
                              text_of(json_get(json_at(findings, i), "subject"), "name"));
    if (map_count(receiver.open) != *ret_count)
        return mem_printf("%zu are open, received were %zu", *ret_count, map_count(receiver.open));
    return NULL;
}

/* The receiver comes to have what the agent has; how many are open. */
static size_t assert_same_as_agent(void)
{
    usec_t end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;
    size_t count = 0;

    for (;;) {
        scoped(cleanup_free) char *difference = find_difference(&count);

        if (!difference)
            return count;
        ck_assert_msg(clock_monotonic() < end, "%s", difference);
        fake_run(beside.base, 100, NULL, NULL);
    }
}

static int agentctl(const char *const *words, struct str *ret_out, struct str *ret_err)
{
    const char *argv[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};

    for (size_t i = 0; words[i]; i++)
        argv[3 + i] = words[i];
    return beside_run(&beside, argv, false, ret_out, ret_err);
}
#define CTL(out, err, ...) agentctl((const char *const[]){__VA_ARGS__, NULL}, out, err)

static bool is_reloaded(void)
{
    scoped_str out = STR_INIT, err = STR_INIT;

    return CTL(&out, &err, "history", "--rule", "agent-reload") == 0 && out.length;
}

static void set_privileged(size_t index, bool privileged)
{
    scoped(cleanup_free) char *path =
        mem_printf("/v1/findings?rule=5.4&kind=container&status=fail&subject=%s", fake_container_id(index));

    fake_set_privileged(beside.fake, index, privileged);
    fake_event(beside.fake, "container", "update", fake_container_id(index), NULL);
    run_until(json_count(json_get(beside_ask(&beside, path), "findings")) == (size_t)privileged);
}

/* ---- Heartbeats ---- */

static int64_t count_of(const struct json *findings, const char *status)
{
    static const char *const severities[] = {"low", "medium", "high", "critical"};
    int64_t sum = 0;

    for (size_t i = 0; i < countof(severities); i++)
        sum += json_int(json_path(findings, status, severities[i], NULL), -1000);
    return sum;
}

START_TEST(heartbeats_say_what_was_received)
{
    scoped(receiver_deinit) struct receiver receiver = {0};
    const struct json *root, *status;
    size_t before;

    fake_set_privileged(beside.fake, 3, true); /* waived */
    start();
    run_until(heartbeats() >= 1);
    set_privileged(1, true);
    set_privileged(2, true);
    set_privileged(1, false);
    fake_set_containers(beside.fake, CONTAINERS - 1);
    fake_event(beside.fake, "container", "destroy", fake_container_id(CONTAINERS - 1), NULL);
    run_until(json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4"), "findings")) == CONTAINERS - 1);
    assert_same_as_agent();
    before = heartbeats();
    run_until(heartbeats() > before);
    receiver = receive();
    ck_assert_uint_eq(receiver.ends, 1); /* of the new sink */
    ck_assert_uint_gt(receiver.initial, 50);
    root = json_root(receiver.heartbeat);
    ck_assert_int_eq(json_int(json_get(root, "seq"), -1),
                     json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), -2));
    ck_assert_str_eq(text_of(root, "state"), "ready");
    ck_assert_uint_eq(json_count(json_get(root, "reasons")), 0);
    ck_assert_uint_eq(strspn(text_of(root, "configuration"), "0123456789abcdef"), 64);
    ck_assert_int_eq(json_int(json_path(root, "sink", "lost", NULL), -1), 0);
    ck_assert_int_gt(json_int(json_path(root, "sink", "sent", NULL), -1), 50);
    ck_assert_int_ge(json_int(json_path(root, "sink", "pending", NULL), -1), 0);
    ck_assert_uint_eq(strlen(text_of(json_get(root, "digests"), "fail")), 14);
    ck_assert_uint_eq(strlen(text_of(json_get(root, "digests"), "error")), 14);
    status = beside_ask(&beside, "/v1/findings?status=fail&limit=10000");
    ck_assert_int_eq(count_of(json_get(root, "findings"), "fail"), (int64_t)json_count(json_get(status, "findings")));
    status = beside_ask(&beside, "/v1/findings?status=pass&limit=10000");
    ck_assert_int_eq(count_of(json_get(root, "findings"), "pass"), (int64_t)json_count(json_get(status, "findings")));
    assert_same_as_agent();
}
END_TEST

/* After a restart nothing is sent that has not changed, and all of it is as before: stream, uids, digest. */
START_TEST(nothing_changes_by_a_restart)
{
    scoped(receiver_deinit) struct receiver before = {0}, after = {0};
    size_t beats, open;

    fake_set_privileged(beside.fake, 1, true);
    start();
    run_until(ends() == 1);
    open = assert_same_as_agent();
    end_agent();
    before = receive();
    start();
    beats = heartbeats();
    run_until(heartbeats() > beats);
    ck_assert_uint_eq(assert_same_as_agent(), open);
    after = receive();
    ck_assert_str_eq(after.stream, before.stream);
    /* an engine that does not answer within the first seconds is away, as on a very busy machine */
    ck_assert(after.findings == before.findings || after.away > before.away);
    ck_assert_uint_eq(after.ends, before.ends);
}
END_TEST

/* ---- Which engine ---- */

/* The first start, and the engine comes later: what was found on the host by then ends under the old identity. */
START_TEST(an_engine_that_comes_late)
{
    scoped(receiver_deinit) struct receiver receiver = {0};

    fake_stop(beside.fake);
    beside_start_agent(&beside, config);
    run_until(json_count(json_get(beside_ask(&beside, "/v1/findings?kind=host"), "findings")) > 0);
    run_until(records() > 0); /* it gave up waiting */
    fake_start(beside.fake);
    wait_ready();
    run_until(ends() >= 1);
    assert_same_as_agent();
    receiver = receive();
    ck_assert_uint_eq(receiver.engines.count, 2);
    ck_assert(strncmp(receiver.engines.items[0], "unix://", 7) == 0);
    ck_assert_str_eq(receiver.engines.items[1], "ONE");
}
END_TEST

/* Away at a restart, for however long: it is the same one, and nothing of it is reported anew. */
START_TEST(an_engine_that_is_away_at_a_restart)
{
    scoped(receiver_deinit) struct receiver before = {0}, after = {0};
    size_t count;

    start();
    run_until(ends() == 1);
    end_agent();
    before = receive();
    fake_stop(beside.fake);
    count = records();
    beside_start_agent(&beside, config);
    run_until(records() > count); /* of the host, while it is away */
    fake_start(beside.fake);
    wait_ready();
    assert_same_as_agent();
    after = receive();
    ck_assert_uint_eq(known_engines(&after), 1);
    ck_assert_uint_eq(map_count(after.open), map_count(before.open));
}
END_TEST

/* Its data were removed: another id, other containers, the same host. */
START_TEST(an_engine_with_another_id)
{
    scoped(receiver_deinit) struct receiver receiver = {0};
    size_t count;

    start();
    run_until(ends() == 1);
    fake_stop(beside.fake);
    fake_set_engine_id(beside.fake, "TWO");
    fake_set_generation(beside.fake, 7);
    fake_set_containers(beside.fake, 4);
    fake_forget_events(beside.fake);
    fake_start(beside.fake);
    run_until(ends() == 2);
    wait_ready();
    count = assert_same_as_agent();
    end_agent();
    fake_set_engine_id(beside.fake, "THREE"); /* while the agent is away */
    start();
    run_until(ends() == 3);
    ck_assert_uint_eq(assert_same_as_agent(), count);
    receiver = receive();
    ck_assert_uint_eq(known_engines(&receiver), 3);
    fake_set_generation(beside.fake, 0);
}
END_TEST

/* podman makes up an id for each answer. */
START_TEST(podman_is_the_same_at_each_answer)
{
    static const char version[] =
        "{\"Version\":\"5.4.2\",\"ApiVersion\":\"1.41\",\"Components\":[{\"Name\":\"Podman Engine\"}]}";
    scoped(receiver_deinit) struct receiver receiver = {0};
    scoped_str fault = STR_INIT;
    size_t before;

    str_printf(&fault,
               "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               strlen(version), version);
    fake_fault(beside.fake, &(struct fake_fault){.path = "/version", .reply = fault.data, .length = fault.length});
    start();
    run_until(ends() == 1);
    before = assert_same_as_agent();
    fake_set_engine_id(beside.fake, "ANOTHER");
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    run_until(is_reloaded() && is_ready());
    end_agent();
    fake_set_engine_id(beside.fake, "A-THIRD");
    start();
    ck_assert_uint_eq(assert_same_as_agent(), before);
    receiver = receive();
    ck_assert_uint_eq(receiver.engines.count, 1);
    ck_assert(strncmp(receiver.engines.items[0], "unix://", 7) == 0);
}
END_TEST

/* ---- Which host ---- */

/* The host is seen at another place, as from a container, and its name is what nobody should have written. */
START_TEST(a_host_with_a_hostile_name)
{
    scoped(cleanup_free) char *make =
        mem_printf("mkdir -p %s/root/etc %s/root/proc && echo 0123456789abcdef0123456789abcdef >%s/root/etc/machine-id "
                   "&& printf 'a\" b=\\033[31m\\303\\266|]\\000x\\nsecond\\n' >%s/root/etc/hostname",
                   beside.folder, beside.folder, beside.folder, beside.folder);

    expected_host = "a\"_b=_[31m__|]_x";
    ck_assert_int_eq(system(make), 0);
    snprintf(config, sizeof config,
             "{\"host_root\": \"%s/root\", \"sinks\": [{\"type\": \"file\", \"address\": \"%s\"}]}", beside.folder,
             records_path);
    beside_start_agent(&beside, config);
    run_until(beside_ask(&beside, "/v1/status"));
    run_until(ends() == 1);
    run_until(received_findings() > 50);
    ck_assert_str_eq(text_of(beside_ask(&beside, "/v1/status"), "host"), expected_host);
    ck_assert_str_eq(text_of(beside_ask(&beside, "/v1/status"), "machine"), "54e5d4f8a4e5400fabd3374ccf4b1d6c");
    expected_host = NULL;
}
END_TEST

/* ---- Snapshots ---- */

START_TEST(agentctl_resends)
{
    scoped_str out = STR_INIT, err = STR_INIT;

    start();
    run_until(ends() == 1);
    ck_assert_int_eq(CTL(&out, &err, "resend", records_path), 0);
    ck_assert_str_eq(str_text(&out), "all that is open is sent again\n");
    run_until(ends() == 2);
    str_clear(&out);
    ck_assert_int_eq(CTL(&out, &err, "--json", "resend", "file"), 0);
    ck_assert_str_eq(str_text(&out), "{\"sinks\":1}\n");
    run_until(ends() == 3);
    ck_assert_str_eq(str_text(&err), "");
    ck_assert_int_eq(CTL(&out, &err, "resend", "/no/such/sink"), 4);
    ck_assert_ptr_nonnull(strstr(str_text(&err), "no sink has this address or type"));
    ck_assert_int_eq(CTL(&out, &err, "resend"), 2);
    ck_assert_int_eq(CTL(&out, &err, "resend", "file", "journald"), 2);
    ck_assert_uint_eq(ends(), 3);
    assert_same_as_agent();
}
END_TEST

/* A sink that comes with a reload knows nothing; nor does one whose stream is another one. */
START_TEST(new_sinks_and_new_streams_get_one)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);
    scoped(cleanup_free) char *command = mem_printf("rm %s/state/agent.db*", beside.folder);
    scoped(cleanup_free) char *with = mem_strdup(config);
    scoped(receiver_deinit) struct receiver receiver = {0};
    char stream[64];

    snprintf(config, sizeof config, "{\"heartbeat\": 10, \"sinks\": []}");
    start();
    ck_assert_int_eq(file_replace(path, with, strlen(with), 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    run_until(ends() == 1);
    receiver = receive();
    ck_assert_uint_gt(receiver.snapshots, 50);
    assert_same_as_agent();
    snprintf(stream, sizeof stream, "%s", receiver.stream);
    receiver_deinit(&receiver);
    end_agent();
    ck_assert_int_eq(system(command), 0);
    snprintf(config, sizeof config, "%s", with);
    start();
    run_until(ends() == 2);
    assert_same_as_agent();
    receiver = receive();
    ck_assert_str_ne(receiver.stream, stream);
    ck_assert_uint_gt(receiver.initial, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tests = tcase_create("records");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, HANG_SECONDS * 3);
    tcase_add_test(tests, heartbeats_say_what_was_received);
    tcase_add_test(tests, nothing_changes_by_a_restart);
    tcase_add_test(tests, an_engine_that_comes_late);
    tcase_add_test(tests, an_engine_that_is_away_at_a_restart);
    tcase_add_test(tests, an_engine_with_another_id);
    tcase_add_test(tests, podman_is_the_same_at_each_answer);
    tcase_add_test(tests, a_host_with_a_hostile_name);
    tcase_add_test(tests, agentctl_resends);
    tcase_add_test(tests, new_sinks_and_new_streams_get_one);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
