/* The connection to an engine that misbehaves: its event stream cut, split, garbled, hanging; what is told of it. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker_beside.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/message.h"
#include "fake_engine.h"
#include "probes/docker/docker_internal.h"

enum { WAIT_MS = 240000, HOUR_MS = 3600 * 1000, RING_OF_DOCKERD = 256 };

static struct event_base *base;
static struct fake *fake;
static struct broker_beside broker;
static struct docker *docker;
static struct docker_address address;
static char folder[] = "/tmp/test-stream-XXXXXX";
static char *socket_path;

static struct {
    unsigned connected, disconnected, gaps, resumed, events, replayed, fetched, failed;
    enum docker_gap gap;
    char last_id[80], last_action[64];
    int number;
    char why[512];
} told;

static void on_connected(enum docker_gap gap, void *user)
{
    (void)user;
    told.connected++;
    told.gap = gap;
}

static void keep_why(const char *why)
{
    scoped_str english = STR_INIT;

    snprintf(told.why, sizeof told.why, "%s", message_english(why, &english));
}

static void on_disconnected(const char *why, void *user)
{
    (void)user;
    told.disconnected++;
    keep_why(why);
}

static void on_event(const struct docker_event *event, bool replayed, void *user)
{
    (void)user;
    told.events++;
    told.replayed += replayed;
    snprintf(told.last_id, sizeof told.last_id, "%s", event->id);
    snprintf(told.last_action, sizeof told.last_action, "%.*s", (int)event->action_length, event->action);
}

static void on_gap(enum docker_gap gap, void *user)
{
    (void)user;
    told.gaps++;
    told.gap = gap;
}

static void on_resumed(void *user)
{
    (void)user;
    told.resumed++;
}

static void on_way_changed(const char *why, void *user)
{
    (void)user;
    if (docker)
        docker_way_changed(docker, why);
}

static const char *on_silent(void *user)
{
    (void)user;
    return broker_silent(broker.broker);
}

static bool is_connected(void *user)
{
    (void)user;
    return docker_is_connected(docker);
}

static bool is_lost(void *user)
{
    (void)user;
    return !docker_is_connected(docker);
}

static bool has_events(void *user)
{
    return told.events >= *(unsigned *)user;
}

static bool was_lost(void *user)
{
    return told.disconnected >= *(unsigned *)user;
}

static bool has_gap(void *user)
{
    (void)user;
    return told.gaps > 0;
}

static bool was_fetched(void *user)
{
    (void)user;
    return told.fetched + told.failed > 0;
}

static bool has_failed(void *user)
{
    return told.failed >= *(unsigned *)user;
}

/* The engine was asked for something that begins with USER. */
static bool was_asked(void *user)
{
    return fake_requests(fake, user) > 0;
}

static bool was_told(void *user)
{
    return strstr(told.why, user) != NULL;
}

/* Why there is no connection. */
static bool is_why(void *user)
{
    return !docker_is_connected(docker) && strstr(docker_why_not(docker), user);
}

/* A stream that was opened again is read as before. */
static bool is_at_rest(void)
{
    return docker->state == DOCKER_CONNECTED && docker->resume == RESUME_NONE;
}

static bool is_last(void *user)
{
    return strcmp(told.last_id, *(const char **)user) == 0;
}

static void wait_connected(void)
{
    docker_retry(docker);
    ck_assert(fake_run(base, WAIT_MS, is_connected, NULL));
}

static void wait_events(unsigned count)
{
    fake_run(base, WAIT_MS, has_events, &count);
    ck_assert_uint_eq(told.events, count);
}

/* Until WHY is said of a connection that is not made. */
static void wait_why(bool (*condition)(void *user), const char *why)
{
    ck_assert_msg(fake_run(base, WAIT_MS, condition, (void *)(uintptr_t)why), "not \"%s\" but \"%s\"", why, told.why);
    ck_assert(!docker_is_connected(docker));
}

static void settle(unsigned ms)
{
    fake_run(base, ms, NULL, NULL);
}

static void set_up(void)
{
    struct docker_callbacks callbacks = {.connected = on_connected,
                                         .disconnected = on_disconnected,
                                         .event = on_event,
                                         .resumed = on_resumed,
                                         .gap = on_gap,
                                         .silent = on_silent};
    scoped(cleanup_free) char *host = NULL;
    struct error error = ERROR_INIT;

    signal(SIGPIPE, SIG_IGN);
    memset(&told, 0, sizeof told);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    socket_path = mem_printf("%s/engine.sock", folder);
    host = mem_printf("unix://%s", socket_path);
    base = event_base_new();
    fake = fake_new(base, socket_path, 3);
    ck_assert_int_eq(docker_address_parse(host, NULL, false, NULL, NULL, NULL, &address, &error), 0);
    docker = NULL;
    broker_beside_begin(&broker, base, &address, on_way_changed);
    docker = docker_new(base, &address, &callbacks, &error);
    ck_assert_msg(docker != NULL, "%s", error.text);
    docker_start(docker);
}

static void tear_down(void)
{
    docker_free(docker);
    broker_beside_end(&broker);
    docker_address_deinit(&address);
    fake_free(fake);
    event_base_free(base);
    free(socket_path);
    rmdir(folder);
}

static void lay(const char *path, const char *reply, size_t length)
{
    fake_fault(fake, &(struct fake_fault){.path = path, .reply = reply, .length = length});
}

#define LAY(path, reply) lay(path, reply, sizeof(reply) - 1)

static bool has_stream(void *user)
{
    (void)user;
    return fake_streams(fake) == 1;
}

/* It is gone for a moment. */
static void lose_engine(void)
{
    fake_stop(fake);
    ck_assert(fake_run(base, WAIT_MS, is_lost, NULL));
    fake_start(fake);
}

static bool has_stream_or_was_lost(void *user)
{
    return has_stream(NULL) || was_lost(user);
}

/* Streams that are not opened again without a word: their end is a lost connection. The one that is made after it is
 * left alone. */
static void lose_stream(void)
{
    unsigned before = told.disconnected + 1;
    usec_t end = clock_monotonic() + WAIT_MS * (usec_t)1000;

    while (told.disconnected < before) {
        ck_assert_msg(clock_monotonic() < end, "the connection is not lost");
        fake_run(base, WAIT_MS, has_stream_or_was_lost, &before);
        if (told.disconnected >= before)
            break;
        fake_close_streams(fake);
        fake_run(base, 20, was_lost, &before);
    }
}

/* Also the events that come with the stream's first bytes. */
START_TEST(events_come_however_they_are_split)
{
    static const size_t splits[] = {1, 2, 3, 7, 64, 100, 255, 4096};
    unsigned lost;

    fake_event(fake, "container", "create", fake_container_id(0), "\"name\":\"a\"");
    wait_connected();
    lost = told.disconnected;
    ck_assert_int_eq(told.gap, DOCKER_GAP_FIRST);
    wait_events(1);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        unsigned before = told.events;

        fake_set_split(fake, splits[i]);
        for (unsigned k = 0; k < 20; k++)
            fake_event(fake, "container", "start", fake_container_id(k), "\"q\":\"\\\"}{\\u0000\\ud83d\\ude00]\"");
        wait_events(before + 20);
        ck_assert_str_eq(told.last_id, fake_container_id(19));
        ck_assert_str_eq(told.last_action, "start");
    }
    ck_assert_uint_eq(told.disconnected, lost);
}
END_TEST

/* Every place in a chunked stream where a read can end: each byte is written on its own. */
START_TEST(every_byte_arrives_alone)
{
    const usec_t patience = 4 * USEC_PER_SEC;
    unsigned lost;
    usec_t began;

    wait_connected();
    lost = told.disconnected + 1;
    fake_fault(fake, &(struct fake_fault){.path = "/events", .drip = 1});
    lose_stream();
    began = clock_monotonic();
    wait_connected();
    if (clock_monotonic() - began > patience) /* it was too slow, and was asked once more */
        lost = told.disconnected;
    for (unsigned i = 0; i < 3; i++)
        fake_event(fake, "container", "start", fake_container_id(i), "\"name\":\"a\"");
    wait_events(3);
    ck_assert_uint_eq(told.disconnected, lost);
}
END_TEST

/* The stream ends at every byte of what it has to say; after each cut the connection stands again, nothing is told
 * twice and nothing is missing. */
START_TEST(stream_cut_at_every_byte)
{
#define LINE                                                                                                           \
    "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"x\",\"Attributes\":{\"name\":\"}\\\"{\"}},"      \
    "\"timeNano\":%u}\n"
    unsigned total = 0;

    wait_connected();
    for (size_t cut = 0; cut < 110; cut++) {
        char text[256];
        int length = snprintf(text, sizeof text, LINE, 1000 + (unsigned)cut);

        /* cut off: some of the event, which is in the ring all the same, as the engine has it */
        fake_stream_raw(fake, text, cut < (size_t)length ? cut : (size_t)length);
        settle(4);
        lose_stream();
        fake_emit(fake, text, (size_t)length);
        total++;
        wait_connected();
        wait_events(total);
        /* the first time nothing told is in the ring yet */
        ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    }
    ck_assert_uint_eq(fake_streams(fake), 1);
}
END_TEST

/* A chunk's frame broken off at every byte. */
START_TEST(frame_cut_at_every_byte)
{
    static const char frame[] =
        "3e\r\n{\"Type\":\"container\",\"Action\":\"x\",\"Actor\":{\"ID\":\"x\"},\"timeNano\":1}\n\r\n";

    wait_connected();
    fake_event(fake, "container", "start", "a", NULL);
    wait_events(1);
    for (size_t cut = 1; cut < sizeof frame - 2; cut++) {
        fake_stream_unframed(fake, frame, cut);
        settle(2);
        lose_stream();
        wait_connected();
        ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    }
    ck_assert_uint_le(told.events, 2);
}
END_TEST

START_TEST(garbage_in_the_stream_is_survived)
{
    static const struct {
        const char *data;
        size_t length;
    } junk[] = {
#define JUNK(s) {s, sizeof(s) - 1}
        JUNK("}\n"),
        JUNK("]"),
        JUNK("nonsense\n"),
        JUNK("\0\0\0\0\n"),
        JUNK("\xff\xfe\xfd\n"),
        JUNK("{\"Type\":tru}\n"),
        JUNK("{\"Type\":\"container\" \"Action\":1}\n"),
        JUNK("{'Type':1}\n"),
        JUNK("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"),
        JUNK("{\"a\":\"\xff\xfe\"}\n"),
        JUNK("{\"a\":1e999}\n"),
        JUNK("null\n"),
        JUNK("12\n"),
        JUNK("\"text\"\n"),
        JUNK("[]\n"),
        JUNK("{}\n"),
        JUNK("{\"Type\":1,\"Action\":2,\"Actor\":3}\n"),
        JUNK("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":[]}\n"),
        JUNK("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":{},\"Attributes\":7},\"timeNano\":\"x\"}"
             "\n"),
        JUNK("\x1e{\"Type\":\"container\",\"Action\":\"\",\"Actor\":{\"ID\":\"\\u0000\"}}\n"),
        JUNK("{\"Type\":\"container\",\"Action\":\"start\",\"timeNano\":99999999999999999999999999}\n"),
        JUNK("\n\n\r\n \t\n"),
#undef JUNK
    };

    wait_connected();
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        const char *wanted;

        fake_stream_raw(fake, junk[i].data, junk[i].length);
        settle(10);
        wait_connected();
        /* and goes on */
        fake_event(fake, "container", "start", fake_container_id(i), NULL);
        wanted = fake_container_id(i);
        ck_assert_msg(fake_run(base, WAIT_MS, is_last, &wanted), "nothing comes after junk %zu", i);
    }
}
END_TEST

static void on_fetched(struct facts *facts, int number, const char *why, void *user)
{
    (void)user;
    told.fetched += facts != NULL;
    told.failed += facts == NULL;
    told.number = number;
    keep_why(why ? why : "");
    ck_assert(facts || (number && why && *why && !strchr(why, '\n')));
    if (facts)
        facts_free(facts);
}

typedef void fetch_function(struct docker *docker, docker_fetched *done, void *user);

static void fetch_one(struct docker *d, docker_fetched *done, void *user)
{
    docker_fetch_container(d, fake_container_id(0), done, user);
}

static void fetch_image(struct docker *d, docker_fetched *done, void *user)
{
    docker_fetch_image(d, "sha256:abc", done, user);
}

static void fetch_history(struct docker *d, docker_fetched *done, void *user)
{
    docker_fetch_history(d, "sha256:abc", done, user);
}

static void fetch_exec(struct docker *d, docker_fetched *done, void *user)
{
    docker_fetch_exec(d, fake_exec_id(0), done, user);
}

static const struct {
    const char *path;
    fetch_function *fetch;
} documents[] = {
    {"/version", docker_fetch_version},
    {"/info", docker_fetch_info},
    {"/containers/json", docker_fetch_container_list},
    {"/containers/c", fetch_one},
    {"/images/json", docker_fetch_image_list},
    {"/images/sha256", fetch_image},
    {"/images/sha256", fetch_history},
    {"/networks", docker_fetch_network_list},
    {"/services", docker_fetch_service_list},
    {"/secrets", docker_fetch_secret_list},
    {"/exec/", fetch_exec},
};

/* Ends exactly once, whatever the answer was, and the next request is answered. */
static bool fetch(fetch_function *function)
{
    told.fetched = told.failed = 0;
    function(docker, on_fetched, NULL);
    ck_assert(fake_run(base, WAIT_MS, was_fetched, NULL));
    ck_assert_uint_eq(told.fetched + told.failed, 1);
    return told.fetched;
}

#define HEAD(status) "HTTP/1.1 " status "\r\nApi-Version: 1.41\r\n"

static const struct {
    const char *text;
    size_t length;
} bad_replies[] = {
#define REPLY(s)                                                                                                       \
    {                                                                                                                  \
        s, sizeof(s) - 1                                                                                               \
    }
    REPLY(""),
    REPLY("\0"),
    REPLY("nonsense\r\n\r\n"),
    REPLY("HTTP/1.1\r\n\r\n"),
    REPLY("HTTP/9.9 200 OK\r\n\r\n{}"),
    REPLY("HTTP/1.1 abc OK\r\n\r\n{}"),
    REPLY("HTTP/1.1 99999999999999999999 OK\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "\r\n"),
    REPLY(HEAD("200 OK") "Content-Length: 0\r\n\r\n"),
    REPLY(HEAD("200 OK") "Content-Length: 100\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "Content-Length: -1\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "Content-Length: 99999999999999999999999\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "Content-Length: 1\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "Content-Length: 7\r\nContent-Length: 9\r\n\r\n{\"a\":1}"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n5\r\n{}"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage"),
    REPLY(HEAD("200 OK") "Transfer-Encoding: sideways\r\n\r\n{}"),
    REPLY(HEAD("200 OK") "Content-Encoding: gzip\r\n\r\n{}"),
    REPLY(HEAD("100 Continue") "\r\n"),
    REPLY(HEAD("101 Switching Protocols") "Upgrade: tcp\r\nConnection: Upgrade\r\n\r\n{}"),
    REPLY(HEAD("204 No Content") "\r\n"),
    REPLY(HEAD("301 Moved") "Location: http://localhost/_ping\r\nContent-Length: 0\r\n\r\n"),
    REPLY(HEAD("307 Moved") "Location: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    REPLY(HEAD("400 Bad") "Content-Length: 2\r\n\r\n{}"),
    REPLY(HEAD("401 No") "WWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
    REPLY(HEAD("404 Not") "\r\n<html>\n\x1b[31m</html>"),
    REPLY(HEAD("500 Broken") "\r\n{\"message\":\"a\\nb\\u001b[31m\\u0000c\"}"),
    REPLY(HEAD("500 Broken") "\r\n{\"message\":{\"a\":[]}}"),
    REPLY(HEAD("200 OK") "\r\n{"),
    REPLY(HEAD("200 OK") "\r\n{}{}"),
    REPLY(HEAD("200 OK") "\r\nnull"),
    REPLY(HEAD("200 OK") "\r\n\"text\""),
    REPLY(HEAD("200 OK") "\r\n12"),
    REPLY(HEAD("200 OK") "\r\n[1,\"a\",null,{},[]]"),
    REPLY(HEAD("200 OK") "\r\n\xff\xfe\xfd"),
    REPLY(HEAD("200 OK") "\r\n\0\0\0"),
    REPLY("HTTP/1.1 200 OK\r\n: empty name\r\nApi-Version\r\nBad\0Header: x\r\n\r\n[0]"),
    REPLY("HTTP/1.1 200 OK\nApi-Version: 1.41\n\n[0]"),
#undef REPLY
};

/* Go writes a list without items as null. */
static bool is_empty_history(size_t document, size_t reply)
{
    return documents[document].fetch == fetch_history && strstr(bad_replies[reply].text, "\r\nnull");
}

START_TEST(bad_replies_are_errors)
{
    wait_connected();
    for (size_t d = 0; d < sizeof documents / sizeof documents[0]; d++)
        for (size_t i = 0; i < sizeof bad_replies / sizeof bad_replies[0]; i++) {
            if (documents[d].fetch == fetch_history && str_ends(bad_replies[i].text, "\r\n\r\nnull"))
                continue; /* a nil list of Go's: an image without history */
            lay(documents[d].path, bad_replies[i].text, bad_replies[i].length);
            ck_assert_msg(!fetch(documents[d].fetch) || is_empty_history(d, i), "%s: bad reply %zu was taken",
                          documents[d].path, i);
            fake_faults_clear(fake);
        }
    wait_connected();
    ck_assert(fetch(docker_fetch_info));
    ck_assert(fetch(fetch_one));
}
END_TEST

/* The same over the two requests that make the connection: never connected, always another attempt. */
START_TEST(bad_replies_to_ping_and_events)
{
    static const char *const paths[] = {"/_ping", "/events"};

    for (size_t p = 0; p < 2; p++)
        for (size_t i = 1; i < sizeof bad_replies / sizeof bad_replies[0]; i++) {
            if (docker_is_connected(docker))
                lose_engine();
            lay(paths[p], bad_replies[i].text, bad_replies[i].length);
            docker_retry(docker);
            settle(30);
            fake_faults_clear(fake);
            wait_connected();
        }
    fake_event(fake, "container", "start", "a", NULL);
    wait_events(1);
}
END_TEST

/* A member of every type at every place of each document. */
START_TEST(wrong_types_in_every_field)
{
    static const char *const values[] = {
        "null", "true", "-1", "1e400", "\"x\"", "[]", "{}", "[[{}]]", "{\"a\":{\"b\":[]}}", "\"\\u0000\\ud800\""};
    static const char *const fields[] = {
        "Id",         "Name",         "State",         "Image",       "HostConfig",      "Mounts",
        "Config",     "ExecIDs",      "GraphDriver",   "NetworkMode", "NetworkSettings", "AppArmorProfile",
        "RepoTags",   "Swarm",        "Runtimes",      "Plugins",     "RegistryConfig",  "SecurityOptions",
        "Warnings",   "DriverStatus", "ProcessConfig", "ID",          "ContainerID",     "RootFS",
        "Created",    "Size",         "CreatedBy",     "Options",     "Driver",          "Spec",
        "Components", "Version",      "ApiVersion",    "Labels"};
    static const char *const inner[] = {"Running",       "Pid",          "Binds",        "CapAdd",     "PortBindings",
                                        "Devices",       "Ulimits",      "Memory",       "Privileged", "SecurityOpt",
                                        "Data",          "Env",          "Labels",       "User",       "Ports",
                                        "Networks",      "Healthcheck",  "Cluster",      "arguments",  "privileged",
                                        "Authorization", "IndexConfigs", "TaskTemplate", "Layers"};

    wait_connected();
    for (size_t d = 0; d < sizeof documents / sizeof documents[0]; d++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            for (int nested = 0; nested < 4; nested++) {
                scoped_str reply = STR_INIT, object = STR_INIT;

                str_append(&object, "{\"Id\":\"");
                str_append(&object, fake_container_id(0));
                str_append(&object, "\",\"ID\":\"x\"");
                for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
                    str_printf(&object, ",\"%s\":", fields[f]);
                    if (!(nested & 1)) {
                        str_append(&object, values[v]);
                        continue;
                    }
                    for (size_t n = 0; n < sizeof inner / sizeof inner[0]; n++)
                        str_printf(&object, "%s\"%s\":%s", n ? "," : "{", inner[n], values[v]);
                    str_append_char(&object, '}');
                }
                str_append_char(&object, '}');
                str_append(&reply, HEAD("200 OK") "\r\n");
                str_printf(&reply, nested & 2 ? "[%s]" : "%s", object.data);
                lay(documents[d].path, reply.data, reply.length);
                fetch(documents[d].fetch); /* either way, but once and without harm */
                fake_faults_clear(fake);
            }
        }
    wait_connected();
    ck_assert(fetch(docker_fetch_info));
}
END_TEST

/* Every document of the model cut off at many places: an error each time, and the connection stands. */
START_TEST(replies_cut_at_every_byte)
{
    wait_connected();
    for (size_t cut = 0; cut < 400; cut++) {
        fake_fault(fake, &(struct fake_fault){.path = "/containers/c", .cuts = true, .cut = cut});
        ck_assert_msg(!fetch(fetch_one), "cut after %zu bytes was taken as whole", cut);
        fake_faults_clear(fake);
    }
    wait_connected();
    ck_assert(fetch(fetch_one));
}
END_TEST

START_TEST(headers_without_end)
{
    scoped_str reply = STR_INIT;

    wait_connected();
    str_append(&reply, HEAD("200 OK"));
    while (reply.length < 2 * 1024 * 1024)
        str_append(&reply,
                   "X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    lay("/info", reply.data, reply.length);
    ck_assert(!fetch(docker_fetch_info));
    ck_assert_int_eq(told.number, EFBIG);
    str_clear(&reply);
    str_append(&reply, HEAD("200 OK") "X: ");
    for (size_t i = 0; i < 1024 * 1024; i++)
        str_append_char(&reply, 'x');
    lay("/info", reply.data, reply.length);
    ck_assert(!fetch(docker_fetch_info));
    fake_faults_clear(fake);
    ck_assert(fetch(docker_fetch_info));
}
END_TEST

START_TEST(hundred_megabytes)
{
    scoped_str reply = STR_INIT;

    wait_connected();
    str_append(&reply, HEAD("200 OK") "\r\n\"");
    for (size_t i = 0; i < 100; i++) {
        scoped(cleanup_free) char *part = mem_alloc(1024 * 1024 + 1);

        memset(part, 'x', 1024 * 1024);
        str_append_n(&reply, part, 1024 * 1024);
    }
    lay("/info", reply.data, reply.length);
    ck_assert(!fetch(docker_fetch_info));
    ck_assert_int_eq(told.number, EFBIG);
    fake_faults_clear(fake);
    ck_assert(docker_is_connected(docker));
    ck_assert(fetch(docker_fetch_info));
}
END_TEST

/* Millions of values, whether a rule reads them or not: the loop's turns stay small, and what is too much is refused.
 */
START_TEST(documents_come_in_pieces)
{
    static const struct {
        const char *before, *each, *after;
        bool is_read; /* by rules */
    } cases[] = {{"[", "{}", "]", true},
                 {"[{\"Id\":\"x\",\"Created\":1,\"Size\":1,\"RepoDigests\":[],\"RepoTags\":[", "\"a\"", "]}]", true},
                 {"[{\"Id\":\"x\",\"Created\":1,\"Size\":1,\"RepoDigests\":[],\"RepoTags\":[],\"Other\":[", "[0]",
                  "]}]", false}};
    enum { VALUES = 3000000 };
    scoped_str reply = STR_INIT;
    struct docker_counters counters;

    wait_connected();
    str_printf(&reply, HEAD("200 OK") "\r\n%s", cases[_i].before);
    for (size_t i = 0; i < VALUES; i++)
        str_printf(&reply, "%s%s", i ? "," : "", cases[_i].each);
    str_append(&reply, cases[_i].after);
    lay("/images/json", reply.data, reply.length);
    ck_assert(fetch(docker_fetch_image_list) == !cases[_i].is_read);
    if (cases[_i].is_read) {
        ck_assert_int_eq(told.number, EFBIG);
        ck_assert_ptr_nonnull(strstr(told.why, "image_list: what rules read of it takes more than 24576 KiB"));
    }
    docker_counters(docker, &counters);
    ck_assert_uint_gt(counters.turn_most, 0);
    ck_assert_uint_le(counters.turn_most, HTTP_TURN);
    if (!cases[_i].is_read)
        ck_assert_uint_ge(counters.bytes, reply.length - 1024);
}
END_TEST

/* One is refused by the length that it says, before its first byte. */
START_TEST(a_document_that_says_it_is_too_large)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n[";

    wait_connected();
    LAY("/images/json", reply);
    ck_assert(!fetch(docker_fetch_image_list));
    ck_assert_int_eq(told.number, EFBIG);
    ck_assert_str_eq(told.why, "the engine's answer is larger than 268435456 bytes");
}
END_TEST

static void send_big_event(size_t labels, size_t size, const char *action)
{
    scoped_str line = STR_INIT;
    scoped(cleanup_free) char *value = mem_alloc(size + 1);

    memset(value, 'v', size);
    str_printf(&line, "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"big\",\"Attributes\":{", action);
    for (size_t i = 0; i < labels; i++)
        str_printf(&line, "%s\"label%zu\":\"%s\"", i ? "," : "", i, value);
    str_append(&line, "}},\"timeNano\":7}\n");
    fake_emit(fake, line.data, line.length);
}

START_TEST(huge_events_are_taken)
{
    unsigned lost;

    wait_connected();
    lost = told.disconnected;
    send_big_event(1, 16 * 1024 * 1024, "start");
    wait_events(1);
    send_big_event(3, 1024 * 1024, "die");
    wait_events(2);
    send_big_event(250000, 20, "start");
    wait_events(3);
    ck_assert_str_eq(told.last_id, "big");
    ck_assert_uint_eq(told.disconnected, lost);
}
END_TEST

/* An event beyond the limits is somebody's image with labels without end: it is passed over, said, and what it may have
 * told is made good by looking at everything. The stream goes on, also when the event is still in the ring. */
START_TEST(events_beyond_the_limits_do_not_blind)
{
    unsigned lost;

    wait_connected();
    lost = told.disconnected;
    send_big_event(1, 33 * 1024 * 1024, "start");
    fake_event(fake, "container", "start", "after", NULL);
    wait_events(1);
    ck_assert_str_eq(told.last_id, "after");
    ck_assert(fake_run(base, WAIT_MS, has_gap, NULL));
    ck_assert_uint_eq(told.disconnected, lost);
    ck_assert_int_eq(told.gap, DOCKER_GAP_DROPPED);
    lose_stream();
    wait_connected();
    lost = told.disconnected;
    fake_event(fake, "container", "start", "again", NULL);
    wait_events(2);
    settle(300);
    ck_assert_uint_eq(told.disconnected, lost);
}
END_TEST

START_TEST(api_versions)
{
    static const struct {
        const char *header, *wanted;
    } cases[] = {
        {"", "1.24"},
        {"Api-Version: \r\n", "1.24"},
        {"Api-Version: abc\r\n", "1.24"},
        {"Api-Version: 9999.1\r\n", "1.24"},
        {"Api-Version: 1.9999999999999999\r\n", "1.24"},
        {"Api-Version: 1.99\r\n", "1.57"},
        {"Api-Version: 1.53\r\n", "1.53"},
        {"Api-Version: 1.41\r\nApi-Version: 1.40\r\n", "1.40"},
        {"api-version:1.43\r\n", "1.43"},
        {"Api-Version: 1.12\r\n", NULL},
        {"Api-Version: 1.-4\r\n", "1.24"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scoped_str reply = STR_INIT;

        str_printf(&reply, "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nOK", cases[i].header);
        fake_faults_clear(fake);
        lay("/_ping", reply.data, reply.length);
        if (docker_is_connected(docker))
            lose_engine();
        docker_retry(docker);
        if (cases[i].wanted) {
            ck_assert_msg(fake_run(base, WAIT_MS, is_connected, NULL), "case %zu: %s", i, docker_why_not(docker));
            ck_assert_str_eq(docker_api_version(docker), cases[i].wanted);
        } else {
            wait_why(was_told, "1.24 or newer");
        }
    }
}
END_TEST

/* The engine was exchanged for one that speaks another range: 400 with its own version. */
START_TEST(refused_version_is_said)
{
    LAY("/events", "HTTP/1.1 400 Bad Request\r\nApi-Version: 1.44\r\nContent-Length: 54\r\n\r\n"
                   "{\"message\":\"client version 1.41 is too old. Minimum 1\"}");
    docker_retry(docker);
    wait_why(was_told, "too old");
    fake_faults_clear(fake);
    wait_connected();
}
END_TEST

/* A version that the engine names itself is used: without the header in its ping, or when its oldest is newer than our
 * newest. One refused as well is an error. */
START_TEST(a_version_that_the_engine_names_is_used)
{
    static const struct {
        const char *header, *refusal, *used;
    } cases[] = {
        {"",
         "client version 1.24 is too old. Minimum supported API version is 1.44, please upgrade your client to a "
         "newer version",
         "1.44"},
        {"Api-Version: 1.99\r\n",
         "client version 1.57 is too old. Minimum supported API version is 1.60, please "
         "upgrade your client to a newer version",
         "1.60"},
        {"Api-Version: 1.53\r\n", "client version 1.53 is too new. Maximum supported API version is 1.47", "1.47"},
        {"Api-Version: 1.53\r\n", "client version 1.53 is too old. Minimum supported API version is 1.53", NULL},
        {"Api-Version: 1.53\r\n", "client version 1.53 is too new. Maximum supported API version is 1.12", NULL},
        {"Api-Version: 1.53\r\n", "client version 1.53 is too new. Maximum supported API version is 1.99999999999",
         NULL},
        {"Api-Version: 1.53\r\n", "client version 1.53 is too new. Maximum supported API version is 1.", NULL},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        scoped_str ping = STR_INIT, refusal = STR_INIT;

        str_printf(&ping, "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nOK", cases[i].header);
        str_printf(&refusal, "HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n{\"message\":\"%s\"}",
                   strlen(cases[i].refusal) + 14, cases[i].refusal);
        fake_faults_clear(fake);
        lay("/_ping", ping.data, ping.length);
        fake_fault(fake, &(struct fake_fault){.path = "/events",
                                              .reply = refusal.data,
                                              .length = refusal.length,
                                              .times = cases[i].used ? 1 : 0});
        if (docker_is_connected(docker))
            lose_engine();
        docker_retry(docker);
        if (cases[i].used) {
            ck_assert_msg(fake_run(base, WAIT_MS, is_connected, NULL), "case %zu: %s", i, docker_why_not(docker));
            ck_assert_str_eq(docker_api_version(docker), cases[i].used);
        } else {
            unsigned before = told.disconnected, after = before + 1;

            ck_assert(fake_run(base, WAIT_MS, was_lost, &after)); /* each is refused in other words */
            fake_run(base, 300, NULL, NULL);
            ck_assert(!docker_is_connected(docker));
            ck_assert_uint_le(told.disconnected, before + 1);
            ck_assert_ptr_nonnull(strstr(docker_why_not(docker), cases[i].refusal));
        }
    }
}
END_TEST

START_TEST(engine_that_hangs)
{
    fake_fault(fake, &(struct fake_fault){.path = "/_ping", .hangs = true});
    docker_retry(docker);
    wait_why(was_told, "does not answer");
    fake_faults_clear(fake);
    fake_fault(fake, &(struct fake_fault){.path = "/events", .hangs = true});
    fake_close_all(fake);
    told.disconnected = 0;
    docker_retry(docker);
    ck_assert(fake_run(base, WAIT_MS, was_asked, (void *)(uintptr_t) "/events"));
    settle(6000);
    ck_assert(!docker_is_connected(docker));
    fake_faults_clear(fake);
    wait_connected();
    fake_fault(fake, &(struct fake_fault){.path = "/", .hangs = true});
    ck_assert_msg(fake_run(base, WAIT_MS, is_lost, NULL), "a hung engine counts as connected");
    fake_faults_clear(fake);
    wait_connected();
}
END_TEST

/* Its process is stopped: no request has to fail before that is seen. */
START_TEST(a_frozen_engine_is_noticed_by_its_process)
{
    struct docker_counters before, after;
    int status;
    pid_t pid;

    wait_connected();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        for (;;)
            pause();
    }
    docker_set_engine_pid(docker, pid);
    docker_counters(docker, &before);
    settle(4000);
    docker_counters(docker, &after);
    ck_assert_uint_eq(after.pings, before.pings);
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    fake_fault(fake, &(struct fake_fault){.path = "/", .hangs = true});
    ck_assert(fake_run(base, WAIT_MS, is_lost, NULL));
    ck_assert_ptr_nonnull(strstr(told.why, "does not answer"));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_faults_clear(fake);
    wait_connected();
}
END_TEST

START_TEST(slow_drip)
{
    wait_connected();
    fake_fault(fake, &(struct fake_fault){.path = "/info", .drip = 10});
    ck_assert(fetch(docker_fetch_info));
    ck_assert(docker_is_connected(docker));
}
END_TEST

static void fill_ring(size_t count)
{
    for (size_t i = 0; i < count; i++)
        fake_event(fake, "network", "connect", "n", NULL);
}

START_TEST(gaps_are_told)
{
    unsigned before;

    fill_ring(20);
    wait_connected();
    wait_events(20);
    ck_assert_int_eq(told.gap, DOCKER_GAP_FIRST);
    /* overlap: nothing lost, and nothing told twice */
    lose_stream();
    fill_ring(100);
    wait_connected();
    wait_events(120);
    ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    /* exactly one old event is left in the ring */
    lose_stream();
    fill_ring(255);
    wait_connected();
    wait_events(375);
    ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    /* none is */
    lose_stream();
    fill_ring(256);
    wait_connected();
    wait_events(631);
    ck_assert_int_eq(told.gap, DOCKER_GAP_RING);
    /* restarted: a young ring without what was told */
    lose_stream();
    fake_forget_events(fake);
    fill_ring(3);
    wait_connected();
    wait_events(634);
    ck_assert_int_eq(told.gap, DOCKER_GAP_RESTART);
    /* restarted and silent since */
    lose_stream();
    fake_forget_events(fake);
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_RESTART);
    before = told.events;
    settle(100);
    ck_assert_uint_eq(told.events, before);
}
END_TEST

/* Out of order in time, with equal times, and one that says it is from the past: each is told once. */
START_TEST(order_and_duplicates)
{
    static const char *const lines[] = {
        "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"a\"},\"timeNano\":5000}\n",
        "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"b\"},\"timeNano\":4000}\n",
        "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"c\"},\"timeNano\":4000}\n",
        ("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"c\",\"Attributes\":{\"a\":\"b\"}},"
         "\"timeNano\":4000}\n"),
        "{\"Type\":\"node\",\"Action\":\"update\",\"Actor\":{\"ID\":\"d\"},\"timeNano\":1}\n",
    };

    wait_connected();
    for (size_t i = 0; i < 5; i++)
        fake_emit(fake, lines[i], strlen(lines[i]));
    wait_events(5);
    /* the first live event repeats the last of the ring */
    lose_stream();
    wait_connected();
    fake_stream_raw(fake, lines[4], strlen(lines[4]));
    fake_event(fake, "container", "start", "new", NULL);
    wait_events(6);
    settle(50);
    ck_assert_uint_eq(told.events, 6);
    ck_assert_str_eq(told.last_id, "new");
}
END_TEST

static void emit_at(const char *id, int64_t nano)
{
    scoped(cleanup_free) char *line =
        mem_printf("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"%s\"},\"timeNano\":%lld}\n", id,
                   (long long)nano);

    fake_emit(fake, line, strlen(line));
}

/* Neither a clock that was set back nor one that was set forward makes a live event a replayed one, nor the other way
 * round; and each counts once. */
START_TEST(what_is_live_is_known_without_a_clock)
{
    static const int64_t times[] = {0, 1, 1000000000, INT64_MAX, INT64_MIN, -1, 4102444800000000000};
    unsigned events = 0, replayed = 0;

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        emit_at("before", times[i]);
    events = replayed = sizeof times / sizeof times[0];
    wait_connected();
    for (unsigned round = 0; round < 3; round++) {
        wait_events(events);
        ck_assert_uint_eq(told.replayed, replayed);
        for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
            scoped(cleanup_free) char *id = mem_printf("live%u", round);

            emit_at(id, times[i]);
        }
        events += sizeof times / sizeof times[0];
        wait_events(events);
        ck_assert_uint_eq(told.replayed, replayed);
        lose_stream();
        emit_at("meanwhile", 1000 + round);
        events++;
        replayed++;
        wait_connected();
        ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    }
    settle(100);
    ck_assert_uint_eq(told.events, events);
}
END_TEST

static bool stream_is_back(void *user)
{
    return is_at_rest() && fake_streams(fake) == 1 && fake_requests(fake, "/events") >= *(size_t *)user;
}

static const size_t requests_of_a_stream = 2; /* the ring, and the stream */

static void cut_stream(void)
{
    size_t requests = requests_of_a_stream;

    fake_reset_requests(fake);
    fake_close_streams(fake);
    ck_assert(fake_run(base, WAIT_MS, stream_is_back, &requests));
    settle(50);
}

/* As a proxy cuts idle streams. What happened meanwhile is live, and nothing else is said or asked. */
START_TEST(a_cut_stream_goes_on)
{
    size_t requests = requests_of_a_stream;
    unsigned lost;

    fake_event(fake, "container", "create", fake_container_id(0), NULL);
    wait_connected();
    lost = told.disconnected;
    wait_events(1);
    cut_stream();
    fake_event(fake, "container", "start", fake_container_id(1), NULL);
    wait_events(2);
    fake_reset_requests(fake);
    fake_close_streams(fake);
    fake_event(fake, "container", "start", fake_container_id(2), NULL); /* while it is away */
    wait_events(3);
    ck_assert(fake_run(base, WAIT_MS, stream_is_back, &requests));
    settle(50);
    ck_assert_uint_eq(told.replayed, 1); /* before there was a connection */
    cut_stream();
    ck_assert(docker_is_connected(docker));
    ck_assert_uint_eq(told.connected, 1);
    ck_assert_uint_eq(told.disconnected, lost);
    ck_assert_uint_eq(told.gaps + told.resumed, 0);
    ck_assert_uint_eq(told.events, 3);
}
END_TEST

/* Without any event it cannot be known whether the engine is the same: everything is looked at, without a word. */
START_TEST(a_cut_stream_that_never_had_an_event)
{
    unsigned lost;

    wait_connected();
    lost = told.disconnected;
    cut_stream();
    ck_assert_uint_eq(told.resumed, 1);
    ck_assert_uint_eq(told.connected, 1);
    ck_assert_uint_eq(told.disconnected, lost);
    ck_assert_uint_eq(told.gaps, 0);
}
END_TEST

/* What was missed, or another engine, is a lost connection; so are streams that never last. */
START_TEST(what_was_missed_while_a_stream_was_cut_is_told)
{
    unsigned lost;

    fake_event(fake, "container", "create", fake_container_id(0), NULL);
    wait_connected();
    wait_events(1);
    lost = told.disconnected + 1;
    fake_close_streams(fake);
    for (unsigned i = 0; i < 300; i++)
        fake_event(fake, "container", "start", fake_container_id(i), NULL);
    ck_assert(fake_run(base, WAIT_MS, was_lost, &lost));
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_RING);
    lost = told.disconnected + 1;
    fake_close_streams(fake);
    fake_forget_events(fake);
    ck_assert(fake_run(base, WAIT_MS, was_lost, &lost));
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_RESTART);
    ck_assert_uint_eq(told.resumed, 0);
}
END_TEST

START_TEST(an_engine_that_is_gone_is_lost_at_once)
{
    unsigned lost;

    fake_event(fake, "container", "create", fake_container_id(0), NULL);
    wait_connected();
    lost = told.disconnected + 1;
    fake_stop(fake);
    ck_assert(fake_run(base, WAIT_MS, was_lost, &lost));
    ck_assert_uint_eq(told.resumed, 0);
    fake_start(fake);
    wait_connected();
    fake_fault(fake, &(struct fake_fault){.path = "/events", .status = "503 Service Unavailable"});
    lost = told.disconnected + 1;
    fake_close_streams(fake);
    ck_assert(fake_run(base, WAIT_MS, was_lost, &lost));
    ck_assert_ptr_nonnull(strstr(told.why, "503"));
    fake_faults_clear(fake);
    wait_connected();
}
END_TEST

/* Between the reading of the ring and the opening of the stream: the stream's own replay has it, and it is live. */
START_TEST(an_event_between_ring_and_stream)
{
    static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    LAY("/events?since=0&until", empty);
    emit_at("between", 5);
    wait_connected();
    wait_events(1);
    ck_assert_uint_eq(told.replayed, 0);
    ck_assert_int_eq(told.gap, DOCKER_GAP_FIRST);
}
END_TEST

/* What was found out about the time without a connection is not forgotten when the attempt fails after all. */
START_TEST(a_gap_outlives_an_attempt)
{
    wait_connected();
    emit_at("a", 1);
    wait_events(1);
    lose_stream();
    fake_forget_events(fake);
    emit_at("b", 2);
    fake_fault(fake, &(struct fake_fault){.path = "/events", .status = "500 Internal Server Error", .times = 1});
    fake_fault(fake, &(struct fake_fault){.path = "/events?since=0&until"});
    docker_retry(docker);
    wait_events(2);
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_RESTART);
    ck_assert_uint_eq(told.replayed, 1);
    ck_assert_uint_eq(told.events, 2);
}
END_TEST

/* Labels make no ring too large: of their texts only the beginnings are compared. */
START_TEST(a_ring_of_large_events_is_compared)
{
    wait_connected();
    emit_at("a", 1);
    wait_events(1);
    lose_stream();
    for (unsigned i = 0; i < 3; i++)
        send_big_event(1 + i, 2 * 1024 * 1024, "start");
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_NONE);
    wait_events(4);
    settle(200);
    ck_assert_uint_eq(told.events, 4);
}
END_TEST

/* The text of what is run is compared whole. */
START_TEST(a_ring_too_large_to_be_compared)
{
    enum { COMMAND = 3 * 1024 * 1024 };
    scoped(cleanup_free) char *action = mem_alloc(COMMAND + 1);

    wait_connected();
    emit_at("a", 1);
    wait_events(1);
    lose_stream();
    memset(action, 'x', COMMAND);
    for (unsigned i = 0; i < 4; i++)
        send_big_event(1 + i, 1, action);
    wait_connected();
    ck_assert_int_eq(told.gap, DOCKER_GAP_RING);
    wait_events(5);
}
END_TEST

/* podman holds back what is older than the moment from which its stream was asked for. */
START_TEST(the_clock_is_set_under_podman)
{
    static const char pong[] = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n"
                               "Content-Length: 2\r\n\r\nOK";

    size_t one = 1;
    unsigned lost;

    docker_set_compare_interval(docker, HOUR_MS); /* which asks for events as well */
    LAY("/_ping", pong);
    emit_at("before", 1);
    wait_connected();
    lost = told.disconnected;
    wait_events(1);
    ck_assert(docker_is_podman(docker));
    emit_at("future", INT64_MAX);
    wait_events(2);
    ck_assert_uint_eq(fake_streams(fake), 1);
    fake_reset_requests(fake);
    docker_clock_changed(docker);
    ck_assert(fake_run(base, WAIT_MS, stream_is_back, &one));
    settle(100);
    ck_assert_uint_eq(fake_requests(fake, "/events"), 1);
    ck_assert_uint_eq(fake_requests(fake, "/events?since=9223372036"), 0); /* not only what the future brings */
    ck_assert_uint_eq(fake_streams(fake), 1);
    emit_at("after", 2);
    wait_events(3);
    settle(50);
    ck_assert_uint_eq(told.events, 3);
    ck_assert_uint_eq(told.replayed, 1);
    ck_assert_uint_eq(told.connected, 1);
    ck_assert_uint_eq(told.disconnected, lost);
}
END_TEST

/* The engine's clock may say anything. */
START_TEST(dates_that_cannot_be)
{
    static const char *const dates[] = {"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
                                        "Sat, 01 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 999999999999 23:59:59 GMT",
                                        "now"};

    emit_at("before", 1);
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        scoped(cleanup_free) char *reply =
            mem_printf("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nDate: %s\r\nContent-Length: 2\r\n\r\nOK", dates[i]);

        fake_faults_clear(fake);
        lay("/_ping", reply, strlen(reply));
        if (docker_is_connected(docker))
            lose_engine();
        wait_connected();
        ck_assert_uint_eq(told.replayed, 1);
    }
}
END_TEST

/* Of dockerd's stream it can change nothing. */
START_TEST(the_clock_is_set_under_dockerd)
{
    wait_connected();
    fake_reset_requests(fake);
    docker_clock_changed(docker);
    settle(50);
    ck_assert_uint_eq(fake_requests(fake, "/"), 0);
}
END_TEST

START_TEST(fetches_end_when_the_connection_does)
{
    unsigned failed = 20;

    wait_connected();
    fake_fault(fake, &(struct fake_fault){.path = "/info", .hangs = true});
    told.fetched = told.failed = 0;
    for (unsigned i = 0; i < 20; i++)
        docker_fetch_info(docker, on_fetched, NULL);
    settle(20);
    fake_stop(fake);
    ck_assert(fake_run(base, WAIT_MS, is_lost, NULL));
    fake_run(base, WAIT_MS, has_failed, &failed);
    settle(50);
    ck_assert_uint_eq(told.failed, 20);
    ck_assert_int_eq(told.number, ENOTCONN);
    /* and while there is none, at once */
    docker_fetch_info(docker, on_fetched, NULL);
    failed++;
    fake_run(base, WAIT_MS, has_failed, &failed);
    ck_assert_uint_eq(told.failed, 21);
    fake_start(fake);
    fake_faults_clear(fake);
    wait_connected();
}
END_TEST

static uint64_t compared(void)
{
    struct docker_counters counters;

    docker_counters(docker, &counters);
    return counters.compared;
}

static bool has_compared(void *user)
{
    return compared() >= *(uint64_t *)user;
}

static void wait_compared(uint64_t more)
{
    uint64_t until = compared() + more;

    ck_assert(fake_run(base, WAIT_MS, has_compared, &until));
}

static void drop_event(const char *id)
{
    fake_set_dropping(fake, true);
    fake_event(fake, "container", "exec_create: sh", id, NULL);
    fake_set_dropping(fake, false);
}

/* One event, in a stream that is quiet before and after: what the engine keeps of its events has it, and is compared
 * every 20 s, so that even the second attempt of a comparison that fails is in time. The interval alone is set
 * shorter here. */
START_TEST(promise_any_possible_hole_in_the_event_stream_is_itself_reported_within_60_s)
{
    ck_assert_int_le(DOCKER_COMPARE_MS, 20000);
    docker_set_compare_interval(docker, 100);
    wait_connected();
    fake_event(fake, "container", "start", fake_container_id(1), NULL);
    wait_events(1);
    wait_compared(3);
    ck_assert_uint_eq(told.gaps, 0);
    drop_event(fake_container_id(1));
    ck_assert(fake_run(base, WAIT_MS, has_gap, NULL));
    ck_assert_int_eq(told.gap, DOCKER_GAP_DROPPED);
    ck_assert(docker_is_connected(docker));
    /* It is reported after all, and is no gap again. */
    wait_events(2);
    ck_assert_str_eq(told.last_action, "exec_create");
    wait_compared(30);
    ck_assert_uint_eq(told.gaps, 1);
    ck_assert_uint_eq(told.events, 2);
}
END_TEST

/* In the middle of many others, before the ring turns over. */
START_TEST(one_dropped_event_of_a_burst_is_found)
{
    wait_connected();
    for (unsigned i = 0; i < 150; i++)
        fake_event(fake, "container", "start", fake_container_id(i), NULL);
    drop_event(fake_container_id(7));
    for (unsigned i = 0; i < 60; i++)
        fake_event(fake, "container", "start", fake_container_id(i), NULL);
    wait_events(210);
    ck_assert(fake_run(base, WAIT_MS, has_gap, NULL));
    ck_assert_int_eq(told.gap, DOCKER_GAP_DROPPED);
    ck_assert_uint_eq(told.events, 210);
    wait_events(211);
}
END_TEST

static void emit_late(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int64_t nano = clock_now(&clock_system) * 1000 - 2000000000 + i;
        scoped(cleanup_free) char *line =
            mem_printf("{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"n\"},\"timeNano\":%lld}\n",
                       (long long)nano);

        fake_emit(fake, line, strlen(line));
    }
}

/* So many at once, and late, that the ring does not show all of them: nobody knows whether they came. */
START_TEST(a_ring_that_turned_over_is_a_possible_hole)
{
    docker_set_compare_interval(docker, 100);
    wait_connected();
    fake_event(fake, "container", "start", fake_container_id(1), NULL);
    wait_compared(2);
    emit_late(600);
    wait_events(601);
    ck_assert(fake_run(base, WAIT_MS, has_gap, NULL));
    ck_assert_int_eq(told.gap, DOCKER_GAP_DROPPED);
}
END_TEST

/* The stream lives, but what the engine keeps of its events is not to be had. */
START_TEST(what_cannot_be_compared_is_a_possible_hole)
{
    docker_set_compare_interval(docker, 100);
    wait_connected();
    fake_fault(fake, &(struct fake_fault){.path = "/events?since=0&until", .status = "500 Internal Server Error"});
    ck_assert(fake_run(base, WAIT_MS, has_gap, NULL));
    ck_assert_int_eq(told.gap, DOCKER_GAP_DROPPED);
    ck_assert(docker_is_connected(docker));
}
END_TEST

/* Without holes there is no gap, and no more than one request an interval. */
START_TEST(a_quiet_stream_is_compared_and_left_in_peace)
{
    docker_set_compare_interval(docker, 50);
    wait_connected();
    fill_ring(RING_OF_DOCKERD - 1);
    wait_compared(20);
    ck_assert_uint_eq(told.gaps, 0);
    fake_reset_requests(fake);
    docker_set_compare_interval(docker, 60000);
    wait_compared(1);
    fake_run(base, 1000, NULL, NULL);
    ck_assert_uint_le(fake_requests(fake, "/events"), 2);
}
END_TEST

START_TEST(socket_that_is_no_engine)
{
    docker_retry(docker);
    wait_connected();
    fake_stop(fake);
    wait_why(is_why, "No such file");
    /* a file of that name */
    fclose(fopen(socket_path, "w"));
    docker_retry(docker);
    wait_why(is_why, "not a socket");
    unlink(socket_path);
    fake_start(fake);
    wait_connected();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream"), *cuts = tcase_create("cuts"), *large = tcase_create("large");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(cuts, set_up, tear_down);
    tcase_set_timeout(cuts, 600);
    tcase_add_checked_fixture(large, set_up, tear_down);
    tcase_set_timeout(large, 600);
    tcase_add_test(tests, events_come_however_they_are_split);
    tcase_add_test(tests, every_byte_arrives_alone);
    tcase_add_test(tests, stream_cut_at_every_byte);
    tcase_add_test(tests, frame_cut_at_every_byte);
    tcase_add_test(tests, garbage_in_the_stream_is_survived);
    tcase_add_test(tests, bad_replies_are_errors);
    tcase_add_test(tests, bad_replies_to_ping_and_events);
    tcase_add_test(tests, wrong_types_in_every_field);
    tcase_add_test(tests, replies_cut_at_every_byte);
    tcase_add_test(tests, headers_without_end);
    tcase_add_test(tests, hundred_megabytes);
    tcase_add_loop_test(tests, documents_come_in_pieces, 0, 3);
    tcase_add_test(tests, a_document_that_says_it_is_too_large);
    tcase_add_test(tests, huge_events_are_taken);
    tcase_add_test(large, events_beyond_the_limits_do_not_blind);
    tcase_add_test(tests, api_versions);
    tcase_add_test(tests, refused_version_is_said);
    tcase_add_test(tests, a_version_that_the_engine_names_is_used);
    tcase_add_test(tests, engine_that_hangs);
    tcase_add_test(tests, a_frozen_engine_is_noticed_by_its_process);
    tcase_add_test(tests, slow_drip);
    tcase_add_test(tests, gaps_are_told);
    tcase_add_test(tests, order_and_duplicates);
    tcase_add_test(tests, what_is_live_is_known_without_a_clock);
    tcase_add_test(cuts, a_cut_stream_goes_on);
    tcase_add_test(cuts, a_cut_stream_that_never_had_an_event);
    tcase_add_test(cuts, what_was_missed_while_a_stream_was_cut_is_told);
    tcase_add_test(cuts, an_engine_that_is_gone_is_lost_at_once);
    tcase_add_test(tests, an_event_between_ring_and_stream);
    tcase_add_test(tests, a_gap_outlives_an_attempt);
    tcase_add_test(large, a_ring_of_large_events_is_compared);
    tcase_add_test(large, a_ring_too_large_to_be_compared);
    tcase_add_test(tests, the_clock_is_set_under_podman);
    tcase_add_test(tests, the_clock_is_set_under_dockerd);
    tcase_add_test(tests, dates_that_cannot_be);
    tcase_add_test(tests, fetches_end_when_the_connection_does);
    tcase_add_test(tests, promise_any_possible_hole_in_the_event_stream_is_itself_reported_within_60_s);
    tcase_add_test(tests, one_dropped_event_of_a_burst_is_found);
    tcase_add_test(tests, a_ring_that_turned_over_is_a_possible_hole);
    tcase_add_test(tests, what_cannot_be_compared_is_a_possible_hole);
    tcase_add_test(tests, a_quiet_stream_is_compared_and_left_in_peace);
    tcase_add_test(tests, socket_that_is_no_engine);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, cuts);
    suite_add_tcase(suite, large);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
