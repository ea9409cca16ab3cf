/* An image read from the engine's export stream, as it is and as nobody should make it: layers in every form, hostile
 * names, parts that are missing or cut. What cannot be read is an error, never an image without setuid programs. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker_beside.h"
#include "common/memory.h"
#include "common/message.h"
#include "fake_engine.h"
#include "probes/docker/http_pull.h"
#include "probes/images/layers.h"
#include "tests/parser_probe.h"

enum { LAYERS_MAX = 200, WAIT_MS = 480000, OUTPUT_LIMIT = 16 << 20 };

static char folder[32];
static struct event_base *base;
static struct workers *workers;
static struct fake *fake;
static struct broker_beside broker;
static struct docker_address address;

static void set_up(void)
{
    scoped(cleanup_free) char *socket = NULL, *host = NULL;
    struct error error = ERROR_INIT;

    signal(SIGPIPE, SIG_IGN);
    strcpy(folder, "/tmp/test-export-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    socket = mem_printf("%s/engine.sock", folder);
    host = mem_printf("unix://%s", socket);
    base = event_base_new();
    workers = workers_new(base);
    fake = fake_new(base, socket, 1);
    ck_assert_int_eq(docker_address_parse(host, NULL, false, NULL, NULL, NULL, &address, &error), 0);
    broker_beside_begin(&broker, base, &address, NULL);
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    broker_beside_end(&broker);
    docker_address_deinit(&address);
    fake_free(fake);
    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

/* ---- Making archives ---- */

static la_ssize_t on_write(struct archive *archive, void *user, const void *data, size_t length)
{
    (void)archive;
    str_append_n(user, data, length);
    return (la_ssize_t)length;
}

static struct archive *begin_tar(struct str *out, bool compressed)
{
    struct archive *tar = archive_write_new();

    archive_write_set_format_pax_restricted(tar);
    if (compressed)
        archive_write_add_filter_gzip(tar);
    archive_write_set_bytes_per_block(tar, 0);
    ck_assert_int_eq(archive_write_open(tar, out, NULL, on_write, NULL), ARCHIVE_OK);
    return tar;
}

static void end_tar(struct archive *tar)
{
    ck_assert_int_eq(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
}

static void add(struct archive *tar, const char *path, mode_t mode, const void *data, size_t length)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, (la_int64_t)length);
    if (S_ISLNK(mode))
        archive_entry_set_symlink(entry, data), archive_entry_set_size(entry, 0);
    ck_assert_int_ge(archive_write_header(tar, entry), ARCHIVE_WARN);
    if (length && S_ISREG(mode))
        ck_assert_int_eq(archive_write_data(tar, data, length), (la_ssize_t)length);
    archive_entry_free(entry);
}

static void add_program(struct archive *tar, const char *path)
{
    add(tar, path, S_IFREG | 04755, "x", 1);
}

static void add_hard_link(struct archive *tar, const char *path, const char *target)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, S_IFREG | 04755);
    archive_entry_set_hardlink(entry, target);
    ck_assert_int_ge(archive_write_header(tar, entry), ARCHIVE_WARN);
    archive_entry_free(entry);
}

/* The export of an image of layers, each a tar, as `docker save` of before 25 makes it. */
static void make_export(struct str *out, const struct str *layers, size_t count)
{
    struct archive *tar = begin_tar(out, false);
    scoped_str manifest = STR_INIT;

    str_append(&manifest, "[{\"Config\":\"c.json\",\"Layers\":[");
    for (size_t i = 0; i < count; i++) {
        scoped(cleanup_free) char *name = mem_printf("%03zu/layer.tar", i);

        add(tar, name, S_IFREG | 0644, layers[i].data, layers[i].length);
        str_printf(&manifest, "%s\"%s\"", i ? "," : "", name);
    }
    str_append(&manifest, "]}]");
    add(tar, "manifest.json", S_IFREG | 0644, manifest.data, manifest.length);
    end_tar(tar);
}

/* CUT: the connection is closed after that many bytes of the answer, which come DRIP at a time; 0: not, all at once. */
static void serve_part(const struct str *body, size_t cut, unsigned drip)
{
    scoped_str reply = STR_INIT;

    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: %zu\r\n\r\n",
               body->length);
    str_append_n(&reply, body->data, body->length);
    fake_faults_clear(fake);
    fake_fault(fake, &(struct fake_fault){.path = "/images/",
                                          .reply = reply.data,
                                          .length = reply.length,
                                          .cuts = cut > 0,
                                          .cut = cut,
                                          .drip = drip});
}

static void serve(const struct str *body)
{
    serve_part(body, 0, 0);
}

/* ---- Reading them ---- */

struct outcome {
    bool done;
    int number;
    char why[256];
    struct layer_facts *facts;
};

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct outcome *outcome = user;
    struct error error = ERROR_INIT;

    outcome->done = true;
    outcome->number = number;
    if (number)
        snprintf(outcome->why, sizeof outcome->why, "%s", why);
    else
        ck_assert_msg(layers_parse(output, length, &outcome->facts, &error) == 0, "%s", error.text);
}

static bool is_done(void *user)
{
    return ((struct outcome *)user)->done;
}

static struct worker *start_reading(size_t count, unsigned cpu_seconds, struct outcome *ret)
{
    static const struct string_list none;
    char *digests[LAYERS_MAX];
    struct string_list layers = {.items = (const char **)(uintptr_t)digests, .count = count};
    struct layers_request request = {.address = &address,
                                     .api_minor = 41,
                                     .image_id = "sha256:0123",
                                     .layers = &layers,
                                     .directories = &none,
                                     .cpu_seconds = cpu_seconds};
    struct error error = ERROR_INIT;
    struct worker *worker;

    *ret = (struct outcome){0};
    ck_assert_uint_le(count, LAYERS_MAX);
    for (size_t i = 0; i < count; i++)
        digests[i] = mem_printf("sha256:%064zx", i + 1);
    worker = worker_start(workers,
                          &(struct worker_options){.run = layers_run,
                                                   .argument = &request,
                                                   .limit = OUTPUT_LIMIT,
                                                   .timeout_ms = WAIT_MS,
                                                   .capabilities = LAYERS_CAPABILITIES,
                                                   .done = on_done,
                                                   .user = ret},
                          &error);
    ck_assert_msg(worker != NULL, "%s", error.text);
    for (size_t i = 0; i < count; i++)
        free(digests[i]);
    return worker;
}

static void read_image_within(size_t count, unsigned cpu_seconds, struct outcome *ret)
{
    start_reading(count, cpu_seconds, ret);
    ck_assert(fake_run(base, WAIT_MS, is_done, ret));
}

static void read_image(size_t count, struct outcome *ret)
{
    read_image_within(count, LAYERS_CPU_SECONDS, ret);
}

static void expect(size_t layers, size_t count, const char *const *paths)
{
    struct outcome outcome;

    read_image(layers, &outcome);
    ck_assert_msg(outcome.number == 0, "%s", outcome.why);
    for (size_t i = 0; i < count && i < outcome.facts->setuid_count; i++)
        ck_assert_str_eq(outcome.facts->setuid[i].path, paths[i]);
    ck_assert_uint_eq(outcome.facts->setuid_count, count);
    facts_free(&outcome.facts->facts);
}
#define EXPECT(layers, ...)                                                                                            \
    expect(layers, sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *), (const char *const[]){__VA_ARGS__})

static void expect_error(size_t layers, const char *text)
{
    struct outcome outcome;
    scoped_str english = STR_INIT;
    const char *why;

    read_image(layers, &outcome);
    ck_assert_msg(outcome.number != 0, "no error: %s", text);
    why = message_english(outcome.why, &english);
    ck_assert_msg(why && strstr(why, text), "%s", why ? why : "no reason");
}

static void make_two_layers(struct str *layers, bool compressed)
{
    struct archive *tar = begin_tar(&layers[0], compressed);

    add_program(tar, "bin/kept");
    add_program(tar, "./bin//removed");
    add_program(tar, "opaque/deep/su");
    add_program(tar, "gone/su");
    end_tar(tar);
    tar = begin_tar(&layers[1], compressed);
    add(tar, "bin/.wh.removed", S_IFREG | 0644, "", 0);
    add(tar, "opaque/.wh..wh..opq", S_IFREG | 0644, "", 0);
    add(tar, ".wh.gone", S_IFREG | 0644, "", 0);
    add_program(tar, "opaque/new");
    end_tar(tar);
}

static void add_capable(struct archive *tar, const char *path, const void *attribute, size_t length)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, S_IFREG | 0755);
    archive_entry_set_size(entry, 0);
    archive_entry_xattr_add_entry(entry, "security.capability", attribute, length);
    ck_assert_int_ge(archive_write_header(tar, entry), ARCHIVE_WARN);
    archive_entry_free(entry);
}

/* A program's capabilities, as engines write them (SCHILY.xattr); what is no such attribute gives none. */
START_TEST(capabilities_of_programs)
{
    static const unsigned char admin[20] = {1, 0, 0, 2, 0, 0, 0x20}, raw[20] = {1, 0, 0, 2, 0, 0x20},
                               odd[3] = {1, 0, 0}, unknown[20] = {1, 0, 0, 9, 0xff, 0xff, 0xff};
    scoped_str layer = STR_INIT, image = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);

    add_capable(tar, "bin/admin", admin, sizeof admin);
    add_capable(tar, "bin/ping", raw, sizeof raw);
    add_capable(tar, "bin/odd", odd, sizeof odd);
    add_capable(tar, "bin/unknown", unknown, sizeof unknown);
    end_tar(tar);
    make_export(&image, &layer, 1);
    serve(&image);
    EXPECT(1, "/bin/admin");
}
END_TEST

/* A path that a layer has twice is what its last entry says, as it is when the layer is unpacked. */
START_TEST(a_path_twice)
{
    static const unsigned char admin[20] = {1, 0, 0, 2, 0, 0, 0x20};
    scoped_str layer = STR_INIT, image = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);

    add_program(tar, "bin/no-more");
    add_program(tar, "bin/now-a-folder");
    add_program(tar, "bin/twice");
    add(tar, "bin/now-setuid", S_IFREG | 0755, "x", 1);
    add_capable(tar, "bin/without", admin, sizeof admin);
    add(tar, "./bin//no-more", S_IFREG | 0755, "x", 1);
    add(tar, "bin/now-a-folder", S_IFDIR | 0755, NULL, 0);
    add_program(tar, "bin/twice");
    add_program(tar, "bin/now-setuid");
    add(tar, "bin/without", S_IFREG | 0755, "x", 1);
    end_tar(tar);
    make_export(&image, &layer, 1);
    serve(&image);
    EXPECT(1, "/bin/now-setuid", "/bin/twice");
}
END_TEST

/* Of /etc/passwd the uppermost counts, and of one that a layer has twice the last; a hard link has no content of its
 * own in a tar. */
START_TEST(accounts_of_layers)
{
    static const struct {
        const char *path, *content, *hard_link, *accounts, *error;
    } uppers[] = {{"bin/x", "", NULL, "0root\n1app\n", NULL},
                  {"./etc//passwd", "toor:x:0:0:::\n", NULL, "0toor\n", NULL},
                  {"etc/passwd", "", NULL, "", NULL},
                  {"etc/.wh.passwd", "", NULL, NULL, NULL},
                  {".wh.etc", "", NULL, NULL, NULL},
                  {"etc/.wh..wh..opq", "", NULL, NULL, NULL},
                  {"etc/passwd", NULL, "usr/x", NULL, "a hard link"}};
    struct str layers[2] = {STR_INIT, STR_INIT};
    scoped_str image = STR_INIT;
    struct outcome outcome;
    struct archive *tar = begin_tar(&layers[0], false);
    static const char first[] = "app:x:0:0:::\n", last[] = "root:x:0:0:::\napp:x:1000:0:::\n";

    add(tar, "etc/passwd", S_IFREG | 0644, first, strlen(first));
    add(tar, "etc/passwd", S_IFREG | 0644, last, strlen(last));
    end_tar(tar);
    tar = begin_tar(&layers[1], false);
    if (uppers[_i].content)
        add(tar, uppers[_i].path, S_IFREG | 0644, uppers[_i].content, strlen(uppers[_i].content));
    else
        add_hard_link(tar, uppers[_i].path, uppers[_i].hard_link);
    end_tar(tar);
    make_export(&image, layers, 2);
    serve(&image);
    read_image(2, &outcome);
    ck_assert_msg(outcome.number == 0, "%s", outcome.why);
    ck_assert_msg(str_equal(outcome.facts->accounts, uppers[_i].accounts), "%s",
                  outcome.facts->accounts ? outcome.facts->accounts : "(none)");
    ck_assert(!uppers[_i].error == !outcome.facts->accounts_error);
    ck_assert(!uppers[_i].error || strstr(outcome.facts->accounts_error, uppers[_i].error));
    facts_free(&outcome.facts->facts);
    str_deinit(&layers[0]);
    str_deinit(&layers[1]);
}
END_TEST

START_TEST(layers_lie_on_each_other)
{
    scoped_str body = STR_INIT;
    struct str layers[2] = {STR_INIT, STR_INIT};

    make_two_layers(layers, _i);
    make_export(&body, layers, 2);
    serve(&body);
    EXPECT(2, "/bin/kept", "/opaque/new");
    str_deinit(&layers[0]);
    str_deinit(&layers[1]);
}
END_TEST

/* As many as an image may have: each adds a program and takes that of the layer before away. */
START_TEST(a_hundred_and_twenty_seven_layers)
{
    enum { COUNT = 127 };
    struct str layers[COUNT] = {STR_INIT};
    scoped_str body = STR_INIT;

    for (size_t i = 0; i < COUNT; i++) {
        scoped(cleanup_free) char *name = mem_printf("bin/su%03zu", i), *mark = mem_printf("bin/.wh.su%03zu", i - 1);
        struct archive *tar = begin_tar(&layers[i], i % 2);

        add_program(tar, name);
        if (i)
            add(tar, mark, S_IFREG | 0644, "", 0);
        end_tar(tar);
    }
    make_export(&body, layers, COUNT);
    serve(&body);
    EXPECT(COUNT, "/bin/su126");
    for (size_t i = 0; i < COUNT; i++)
        str_deinit(&layers[i]);
}
END_TEST

START_TEST(hostile_names)
{
    struct str layer = STR_INIT;
    scoped_str body = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);

    add_program(tar, "../../../../etc/outside"); /* the engine refuses it, so it is nowhere */
    add_program(tar, "/absolute/su");
    add_program(tar, "bin/new\nline");
    add_program(tar, "bin/\x1b[31m");
    add_program(tar, "bin/\xff\xfe");
    add_hard_link(tar, "bin/hard", "absolute/su");
    add(tar, "bin/link", S_IFLNK | 0777, "../absolute/su", 14);
    add(tar, "bin/folder", S_IFDIR | 04755, NULL, 0);
    add(tar, "bin/device", S_IFCHR | 04755, NULL, 0);
    add(tar, "bin/pipe", S_IFIFO | 04755, NULL, 0);
    end_tar(tar);
    make_export(&body, &layer, 1);
    serve(&body);
    EXPECT(1, "/absolute/su", "/bin/\x1b[31m", "/bin/hard", "/bin/new\nline", "/bin/\xef\xbf\xbd\xef\xbf\xbd");
    str_deinit(&layer);
}
END_TEST

/* Wherever the connection is cut, it is an error: in the tar's end mark too, which a reader of tars may well forgo. */
START_TEST(cut_anywhere)
{
    scoped_str body = STR_INIT;
    struct str layers[2] = {STR_INIT, STR_INIT};

    make_two_layers(layers, false);
    make_export(&body, layers, 2);
    for (size_t cut = 200; cut < body.length; cut += body.length / 23) {
        serve_part(&body, cut, 0);
        expect_error(2, "");
    }
    for (size_t cut = body.length - 1024; cut < body.length; cut += 200) {
        serve_part(&body, cut, 100);
        expect_error(2, "");
    }
    str_deinit(&layers[0]);
    str_deinit(&layers[1]);
}
END_TEST

/* A layer that ends early within an export that does not. */
START_TEST(cut_layers)
{
    struct str layers[2] = {STR_INIT, STR_INIT};

    for (int compressed = 0; compressed < 2; compressed++) {
        make_two_layers(layers, compressed);
        for (size_t cut = 1; cut < layers[0].length - (compressed ? 1 : 2 * 512); cut += layers[0].length / 11) {
            struct str parts[2] = {{.data = layers[0].data, .length = cut}, layers[1]};
            scoped_str body = STR_INIT;

            make_export(&body, parts, 2);
            serve(&body);
            expect_error(2, "");
        }
        str_clear(&layers[0]);
        str_clear(&layers[1]);
    }
    str_deinit(&layers[0]);
    str_deinit(&layers[1]);
}
END_TEST

START_TEST(exports_that_are_none)
{
    static const struct {
        const char *manifest, *why;
    } cases[] = {
        {NULL, "no readable manifest"},
        {"", "no readable manifest"},
        {"[{\"Layers\":", "no readable manifest"},
        {"{}", "0 layers"},
        {"[]", "0 layers"},
        {"[{\"Layers\":[]}]", "0 layers"},
        {"[{\"Layers\":[\"nowhere/layer.tar\"]}]", "lacks layer 1"},
        {"[{\"Layers\":[\"a/layer.tar\",\"a/layer.tar\"]}]", "2 layers, the image 1"},
        {"[{\"Layers\":[7]}]", "lacks layer 1"},
        {"[{\"Layers\":[\"a/layer.tar\"]},{\"Layers\":[\"b/layer.tar\"]}]", "which one was requested"},
    };
    struct str layer = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);

    add_program(tar, "bin/su");
    end_tar(tar);
    for (size_t i = 0; i < countof(cases); i++) {
        scoped_str body = STR_INIT;

        tar = begin_tar(&body, false);
        add(tar, "a/layer.tar", S_IFREG | 0644, layer.data, layer.length);
        add(tar, "b/layer.tar", S_IFREG | 0644, layer.data, layer.length);
        if (cases[i].manifest)
            add(tar, "manifest.json", S_IFREG | 0644, cases[i].manifest, strlen(cases[i].manifest));
        end_tar(tar);
        serve(&body);
        expect_error(1, cases[i].why);
    }
    str_deinit(&layer);
}
END_TEST

START_TEST(a_manifest_without_end)
{
    enum { LENGTH = 5 << 20 };
    scoped(cleanup_free) char *blanks = mem_alloc(LENGTH);
    scoped_str body = STR_INIT;
    struct archive *tar = begin_tar(&body, false);

    memset(blanks, ' ', LENGTH);
    add(tar, "manifest.json", S_IFREG | 0644, blanks, LENGTH);
    end_tar(tar);
    serve(&body);
    expect_error(1, "manifest cannot be read");
}
END_TEST

START_TEST(answers_that_are_no_export)
{
    static const char garbage[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nthis is not a tar!!!";

    fake_fault(fake, &(struct fake_fault){.path = "/images/", .status = "404 Not Found"});
    expect_error(1, "");
    fake_faults_clear(fake);
    fake_fault(fake, &(struct fake_fault){.path = "/images/", .status = "500 Internal Server Error"});
    expect_error(1, "500");
    fake_faults_clear(fake);
    fake_fault(fake, &(struct fake_fault){.path = "/images/", .reply = garbage, .length = sizeof garbage - 1});
    expect_error(1, "export");
    fake_faults_clear(fake);
    fake_stop(fake);
    expect_error(1, "");
}
END_TEST

/* ---- Layers that are made to take all the time and memory there is ---- */

/* COUNT times what DATA is as gzip: members of one file (RFC 1952, 2.2). */
static void append_gzip(struct str *out, const void *data, size_t length, size_t count)
{
    struct archive *gzip = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    scoped_str member = STR_INIT;

    archive_write_set_format_raw(gzip);
    archive_write_add_filter_gzip(gzip);
    archive_write_set_bytes_per_block(gzip, 0);
    archive_entry_set_filetype(entry, AE_IFREG);
    ck_assert_int_eq(archive_write_open(gzip, &member, NULL, on_write, NULL), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_header(gzip, entry), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(gzip, data, length), (la_ssize_t)length);
    ck_assert_int_eq(archive_write_close(gzip), ARCHIVE_OK);
    archive_write_free(gzip);
    archive_entry_free(entry);
    for (size_t i = 0; i < count; i++)
        str_append_n(out, member.data, member.length);
}

/* A file of gigabytes of zeros in a few megabytes; and after it the next image is read as ever. */
START_TEST(a_bomb_that_is_unpacked_for_ever)
{
    enum { PART = 32 << 20, PARTS = 400 };
    scoped(cleanup_free) char *zeros = mem_alloc(PART);
    char head[512] = "zeros"; /* as ustar has it */
    struct str layer = STR_INIT;
    struct archive *tar;
    scoped_str body = STR_INIT, other = STR_INIT;
    struct outcome outcome;
    unsigned sum = 8 * ' ';

    memcpy(head + 100, "0000644", 8), memcpy(head + 108, "0000000", 8), memcpy(head + 116, "0000000", 8);
    memcpy(head + 124, "77777777777", 12), memcpy(head + 136, "00000000000", 12);
    memcpy(head + 156, "0", 1), memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof head; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    append_gzip(&layer, head, sizeof head, 1);
    append_gzip(&layer, zeros, PART, PARTS);
    make_export(&body, &layer, 1);
    serve(&body);
    read_image_within(1, 1, &outcome);
    ck_assert_int_eq(outcome.number, ETIME);
    ck_assert_msg(strstr(outcome.why, "processor time") != NULL, "%s", outcome.why);
    str_clear(&layer);
    tar = begin_tar(&layer, false);
    add_program(tar, "bin/su");
    end_tar(tar);
    make_export(&other, &layer, 1);
    serve(&other);
    EXPECT(1, "/bin/su");
    str_deinit(&layer);
}
END_TEST

START_TEST(more_whiteouts_than_there_can_be_files)
{
    enum { ENTRIES = 1 << 15, COUNT = (2 << 20) / ENTRIES + 1 };
    struct str layer = STR_INIT, entries = STR_INIT;
    struct archive *tar = begin_tar(&entries, false);
    scoped_str body = STR_INIT;

    for (int i = 0; i < ENTRIES; i++)
        add(tar, "bin/.wh.x", S_IFREG | 0644, "", 0);
    archive_write_free(tar);
    append_gzip(&layer, entries.data, (size_t)ENTRIES * 512, COUNT);
    make_export(&body, &layer, 1);
    serve(&body);
    expect_error(1, "more than 2097152 files");
    str_deinit(&layer);
    str_deinit(&entries);
}
END_TEST

START_TEST(a_path_that_no_file_system_takes)
{
    struct str layer = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);
    scoped_str body = STR_INIT, path = STR_INIT;

    while (path.length < 100000)
        str_append(&path, "d/");
    str_append(&path, "su");
    add_program(tar, path.data);
    end_tar(tar);
    make_export(&body, &layer, 1);
    serve(&body);
    expect_error(1, "a path of 100002 bytes");
    str_deinit(&layer);
}
END_TEST

/* The first child of PARENT but the broker; 0: none. */
static pid_t child_of(pid_t parent)
{
    DIR *dir = opendir("/proc");
    pid_t child = 0;

    for (struct dirent *entry; (entry = readdir(dir)) && !child;) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", entry->d_name);
        scoped_str text = STR_INIT;
        int above = 0;

        if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')') &&
            sscanf(strrchr(text.data, ')') + 1, " %*c %d", &above) == 1 && above == parent &&
            (pid_t)atoi(entry->d_name) != broker.pid)
            child = (pid_t)atoi(entry->d_name);
    }
    closedir(dir);
    return child;
}

static uint64_t capabilities_of(pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;
    const char *at = file_read(path, 65536, &text, NULL) == 0 ? strstr(text.data, "CapPrm:") : NULL;

    return at ? strtoull(at + strlen("CapPrm:"), NULL, 16) : UINT64_MAX;
}

/* Between the beginning of the engine's answer and its end. */
START_TEST(the_export_is_read_without_capabilities)
{
    struct str layer = STR_INIT;
    struct archive *tar = begin_tar(&layer, false);
    scoped_str body = STR_INIT;
    uint64_t least = UINT64_MAX;
    struct outcome outcome;

    for (int i = 0; i < 1000; i++)
        add(tar, "file", S_IFREG | 0644, "x", 1);
    add_program(tar, "bin/su");
    end_tar(tar);
    make_export(&body, &layer, 1);
    serve_part(&body, 0, 1000);
    start_reading(1, LAYERS_CPU_SECONDS, &outcome);
    while (!outcome.done) {
        pid_t worker = child_of(getpid()), part = worker ? child_of(worker) : 0;
        uint64_t set = part ? capabilities_of(part) : UINT64_MAX;

        least = set < least ? set : least;
        fake_run(base, 5, is_done, &outcome);
    }
    ck_assert_int_eq(outcome.number, 0);
    ck_assert_uint_eq(outcome.facts->setuid_count, 1);
    ck_assert_uint_eq(least, 0);
    facts_free(&outcome.facts->facts);
    str_deinit(&layer);
}
END_TEST

/* ---- Within the processes ---- */

enum { PROBED_TAR, PROBED_FETCH, PROBED };

int __real_archive_read_open(struct archive *archive, void *user, archive_open_callback *on_open,
                             archive_read_callback *on_read, archive_close_callback *on_close);
int __wrap_archive_read_open(struct archive *archive, void *user, archive_open_callback *on_open,
                             archive_read_callback *on_read, archive_close_callback *on_close);
ssize_t __real_http_pull_read(struct http_pull *pull, const void **ret_data, struct error *error);
ssize_t __wrap_http_pull_read(struct http_pull *pull, const void **ret_data, struct error *error);

int __wrap_archive_read_open(struct archive *archive, void *user, archive_open_callback *on_open,
                             archive_read_callback *on_read, archive_close_callback *on_close)
{
    parser_probe(PROBED_TAR, 1); /* the pipe */
    return __real_archive_read_open(archive, user, on_open, on_read, on_close);
}

ssize_t __wrap_http_pull_read(struct http_pull *pull, const void **ret_data, struct error *error)
{
    parser_probe(PROBED_FETCH, -1); /* curl's */
    return __real_http_pull_read(pull, ret_data, error);
}

/* Who parses the export has no connection, and who has it can do nothing else. */
START_TEST(the_parser_has_nothing)
{
    struct str layers[2] = {STR_INIT, STR_INIT};
    scoped_str body = STR_INIT;

    parser_probe_begin();
    make_two_layers(layers, true);
    make_export(&body, layers, 2);
    serve(&body);
    EXPECT(2, "/bin/kept", "/opaque/new");
    ck_assert_uint_eq(probed->calls[PROBED_TAR], 3); /* the export and its layers */
    parser_probe_end(PROBED);
    str_deinit(&layers[0]);
    str_deinit(&layers[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *tests = tcase_create("export");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_loop_test(tests, layers_lie_on_each_other, 0, 2);
    tcase_add_test(tests, capabilities_of_programs);
    tcase_add_test(tests, a_path_twice);
    tcase_add_test(tests, a_hundred_and_twenty_seven_layers);
    tcase_add_loop_test(tests, accounts_of_layers, 0, 7);
    tcase_add_test(tests, hostile_names);
    tcase_add_test(tests, cut_anywhere);
    tcase_add_test(tests, cut_layers);
    tcase_add_test(tests, exports_that_are_none);
    tcase_add_test(tests, a_manifest_without_end);
    tcase_add_test(tests, answers_that_are_no_export);
    tcase_add_test(tests, a_bomb_that_is_unpacked_for_ever);
    tcase_add_test(tests, more_whiteouts_than_there_can_be_files);
    tcase_add_test(tests, a_path_that_no_file_system_takes);
    tcase_add_test(tests, the_export_is_read_without_capabilities);
    tcase_add_test(tests, the_parser_has_nothing);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
