/* Opaque folders as those see them who may not read overlay's attributes: from what the engine kept of a layer's tar.
 * As root, without CAP_SYS_ADMIN. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"
#include "tests/parser_probe.h"
#include "tests/unit/host_folder.h"

#define BASE  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UPPER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* printf 'sha256:aaa… sha256:bbb…' | sha256sum */
#define CHAIN  "/docker/image/overlay2/layerdb/sha256/ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
#define SPLIT  CHAIN "/tar-split.json.gz" /* which may as well not be compressed */
#define PODMAN "/docker/overlay2-layers/u1.tar-split.gz"

static int read_image_within(unsigned cpu_seconds, const char *cache, struct layer_facts **ret, struct error *error)
{
    const char *digests[] = {"sha256:" BASE, "sha256:" UPPER};
    const char *folders[] = {"/docker/overlay2/u1/diff", "/docker/overlay2/b1/diff"};
    struct string_list layers = {.items = digests, .count = 2}, directories = {.items = folders, .count = 2};
    struct layers_request request = {.root = root,
                                     .image_id = "x",
                                     .layers = &layers,
                                     .directories = &directories,
                                     .cache = cache,
                                     .cpu_seconds = cpu_seconds};
    scoped_str output = STR_INIT;
    int r = part_run(&(struct part_options){.run = layers_run,
                                            .argument = &request,
                                            .limit = 16 << 20,
                                            .cpu_seconds = LAYERS_CPU_SECONDS,
                                            .memory = 256 << 20,
                                            .capabilities = LAYERS_CAPABILITIES & ~CAPABILITY(CAP_SYS_ADMIN),
                                            .root = root},
                     &output, error);

    return r < 0 ? r : layers_parse(str_text(&output), output.length, ret, error);
}

static int read_image(struct layer_facts **ret, struct error *error)
{
    return read_image_within(LAYERS_CPU_SECONDS, NULL, ret, error);
}

static void expect(size_t count, const char *const *paths)
{
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(read_image(&facts, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(facts->setuid_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(facts->setuid[i].path, paths[i]);
    arena_free(facts->facts.arena);
}
#define EXPECT(...)                                                                                                    \
    expect(sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *), (const char *const[]){__VA_ARGS__})

static void expect_error(const char *text)
{
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_lt(read_image(&facts, &error), 0);
    ck_assert_msg(strstr(error.text, text) != NULL, "%s", error.text);
}

/* /opaque is, /\xffd is, /open is not; what the attributes say cannot be seen. */
static void make_layers(void)
{
    scoped(cleanup_free) char *folder = NULL;

    put_mode("/docker/overlay2/b1/diff/opaque/su", 04755);
    put_mode("/docker/overlay2/b1/diff/open/su", 04755);
    put_mode("/docker/overlay2/b1/diff/\xff"
             "d/su",
             04755);
    put_mode("/docker/overlay2/u1/diff/opaque/new", 04755);
    put_mode("/docker/overlay2/u1/diff/open/x", 0644);
    put_mode("/docker/overlay2/u1/diff/\xff"
             "d/x",
             0644);
    folder = host_place("/docker/overlay2/u1/diff/open");
    ck_assert_int_eq(setxattr(folder, "trusted.overlay.opaque", "y", 1, 0), 0);
    put_text(CHAIN "/cache-id", "u1");
}

static const char lines[] = "{\"type\":2,\"payload\":\"ZC8ud2guLndoLi5vcHE=\"}\n"
                            "{\"type\":1,\"name\":\"opaque/\",\"payload\":null,\"position\":1}\n"
                            "{\"type\":1,\"name\":\"./opaque/.wh..wh..opq\",\"payload\":null,\"position\":2}\n"
                            "{\"type\":1,\"name\":\"open/x.wh..wh..opq\",\"payload\":null,\"position\":3}\n"
                            "{\"type\":1,\"name_raw\":\"/2QvLndoLi53aC4ub3Bx\",\"payload\":null,\"position\":4}\n"
                            "{\"type\":1,\"name\":\"../open/.wh..wh..opq\",\"payload\":null,\"position\":5}\n";

/* ---- Within the parsers ---- */

enum { PROBED_FILE, PROBED_SPLIT, PROBED_TEXT, PROBED_WALK, PROBED };

void __real_layer_read_file(struct layer_summary *summary, const char *path, char *data, size_t length);
void __wrap_layer_read_file(struct layer_summary *summary, const char *path, char *data, size_t length);
int __real_layer_parse_split(int fd, struct layer_summary *ret, struct error *error);
int __wrap_layer_parse_split(int fd, struct layer_summary *ret, struct error *error);
int __real_layer_text_parse(const char *text, size_t length, struct layer_summary *ret);
int __wrap_layer_text_parse(const char *text, size_t length, struct layer_summary *ret);

int __real_layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
                     uint64_t capabilities, struct error *error);
int __wrap_layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
                     uint64_t capabilities, struct error *error);

static bool is_opened(const char *path, int flags)
{
    scoped(cleanup_close) int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd >= 0 || errno != EACCES;
}

/* The walk, which has its rights, opens nothing but what it walks, if the kernel has Landlock. */
int __wrap_layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
                     uint64_t capabilities, struct error *error)
{
    enum { LANDLOCK_CREATE = 444, ASK_VERSION = 1 };

    if (probed) {
        probed->calls[PROBED_WALK]++;
        if (syscall(LANDLOCK_CREATE, NULL, 0, ASK_VERSION) > 0 &&
            (is_opened("/etc/passwd", O_RDONLY) || is_opened("/", O_RDONLY) ||
             is_opened("/tmp/of-a-walk", O_WRONLY | O_CREAT)))
            strcpy(probed->why, "the walk opens other files");
    }
    return __real_layer_add(summary, path, length, mode, uid, capabilities, error);
}

void __wrap_layer_read_file(struct layer_summary *summary, const char *path, char *data, size_t length)
{
    parser_probe(PROBED_FILE, 1);
    __real_layer_read_file(summary, path, data, length);
}

int __wrap_layer_parse_split(int fd, struct layer_summary *ret, struct error *error)
{
    parser_probe(PROBED_SPLIT, 1);
    return __real_layer_parse_split(fd, ret, error);
}

int __wrap_layer_text_parse(const char *text, size_t length, struct layer_summary *ret)
{
    parser_probe(PROBED_TEXT, 2); /* a file for each of the image's layers */
    return __real_layer_text_parse(text, length, ret);
}

/* As it is read, and as it is put together from the cache. */
START_TEST(test_a_parser_has_nothing)
{
    scoped(cleanup_free) char *cache = host_place("/cache/key");
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;

    *strrchr(cache, '/') = '\0';
    make_layers();
    put_text(SPLIT, lines);
    put_text("/docker/overlay2/b1/diff/var/lib/dpkg/status", "Package: libc6\nStatus: install ok installed\n\n");
    put_text("/docker/overlay2/b1/diff/etc/passwd", "root:x:0:0::/:/bin/sh\n");
    parser_probe_begin();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_msg(read_image_within(LAYERS_CPU_SECONDS, cache, &facts, &error) == 0, "%s", error.text);
        ck_assert_uint_eq(facts->setuid_count, 2);
        ck_assert_uint_eq(facts->packages.count, 1);
        ck_assert_str_eq(facts->accounts, "0root\n");
        arena_free(facts->facts.arena);
    }
    ck_assert_uint_eq(probed->calls[PROBED_TEXT], 4);
    parser_probe_end(PROBED);
}
END_TEST

START_TEST(test_docker)
{
    make_layers();
    put_text(SPLIT, lines);
    EXPECT("/opaque/new", "/open/su");
}
END_TEST

START_TEST(test_podman)
{
    make_layers();
    put_text(PODMAN, lines);
    EXPECT("/opaque/new", "/open/su");
}
END_TEST

START_TEST(test_long_line)
{
    scoped_str text = STR_INIT;

    make_layers();
    str_append(&text, "{\"type\":2,\"payload\":\"");
    for (int i = 0; i < 300000; i++)
        str_append(&text, "A");
    str_append(&text, "\"}\n");
    str_append(&text, lines);
    put_text(SPLIT, text.data);
    EXPECT("/opaque/new", "/open/su");
}
END_TEST

START_TEST(test_damaged)
{
    static const char *const texts[] = {
        "",
        "{\"type\":1,\"name\":\"opaque/.wh..wh..opq\",\"payload\":null,\"position\":2}", /* without its end */
        "what is this\n",
        "{\"type\":1,\"name\":\"opaque/.wh..wh..opq\",\"payload\n",
        "{\"type\":1,\"name_raw\":\"/2QvLndoLi53aC4ub3B\",\"payload\":null,\"position\":4}\n",
        "{\"type\":1,\"name_raw\":\"/2Q*LndoLi53aC4ub3Bx\",\"payload\":null,\"position\":4}\n",
        "\x1f\x8b\x08\x00garbage that begins like gzip",
    };

    make_layers();
    put_text(SPLIT, texts[_i]);
    expect_error("");
}
END_TEST

START_TEST(test_of_another_layer)
{
    make_layers();
    put_text(SPLIT, lines);
    put_text(CHAIN "/cache-id", "u2");
    expect_error("belongs to another layer");
    put_text(CHAIN "/cache-id", "u");
    expect_error("belongs to another layer");
}
END_TEST

/* ---- A layer that is worked on for ever ---- */

static la_ssize_t on_write(struct archive *archive, void *user, const void *data, size_t length)
{
    (void)archive;
    str_append_n(user, data, length);
    return (la_ssize_t)length;
}

/* Twenty megabytes of gzip that become twenty gigabytes, without the end of a line. */
static void put_bomb(const char *path)
{
    enum { PART = 1 << 20, PARTS = 64, MEMBERS = 320 };
    scoped(cleanup_free) char *zeros = mem_alloc(PART);
    scoped_str member = STR_INIT, file = STR_INIT;
    struct archive *gzip = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    archive_write_set_format_raw(gzip);
    archive_write_add_filter_gzip(gzip);
    archive_write_set_bytes_per_block(gzip, 0);
    archive_entry_set_filetype(entry, AE_IFREG);
    ck_assert_int_eq(archive_write_open(gzip, &member, NULL, on_write, NULL), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_header(gzip, entry), ARCHIVE_OK);
    for (int i = 0; i < PARTS; i++)
        ck_assert_int_eq(archive_write_data(gzip, zeros, PART), PART);
    ck_assert_int_eq(archive_write_close(gzip), ARCHIVE_OK);
    archive_write_free(gzip);
    archive_entry_free(entry);
    for (int i = 0; i < MEMBERS; i++)
        str_append_n(&file, member.data, member.length);
    put(path, file.data, file.length);
}

START_TEST(test_bomb)
{
    scoped(cleanup_free) char *cache = mem_printf("%s/cache", host_folder);
    scoped(cleanup_free) char *mark = host_place("/cache/" UPPER ".unreadable");
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 2 * 24 * 3600}, {.tv_sec = time(NULL) - 2 * 24 * 3600}};
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;

    make_layers();
    put_bomb(SPLIT);
    for (int i = 0; i < 3; i++) { /* it is found out once, whatever images share it, even if it could be read now */
        error = ERROR_INIT;
        ck_assert_int_lt(read_image_within(1, cache, &facts, &error), 0);
        ck_assert_str_eq(error.text, "layer sha256:" UPPER ": it takes more than 1 s of processor time");
        put_text(SPLIT, lines);
    }
    ck_assert_int_eq(utimensat(AT_FDCWD, mark, old, 0), 0); /* and tried again a day later */
    ck_assert_msg(read_image_within(LAYERS_CPU_SECONDS, cache, &facts, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(facts->setuid_count, 2);
    arena_free(facts->facts.arena);
    ck_assert_int_lt(access(mark, F_OK), 0);
}
END_TEST

/* ---- What it may do while it reads what the image's maker chose ---- */

struct outcome {
    bool done;
    int number;
};

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    (void)output;
    (void)length;
    (void)why;
    *(struct outcome *)user = (struct outcome){.done = true, .number = number};
}

/* The first child of PARENT; 0: none. */
static pid_t child_of(pid_t parent)
{
    DIR *dir = opendir("/proc");
    pid_t child = 0;

    for (struct dirent *entry; (entry = readdir(dir)) && !child;) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", entry->d_name);
        scoped_str text = STR_INIT;
        int above = 0;

        if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')') &&
            sscanf(strrchr(text.data, ')') + 1, " %*c %d", &above) == 1 && above == parent)
            child = (pid_t)atoi(entry->d_name);
    }
    closedir(dir);
    return child;
}

/* A set of PID's, "CapPrm"; all of them when it has just ended. */
static uint64_t capabilities_of(pid_t pid, const char *set)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;
    const char *at = file_read(path, 65536, &text, NULL) == 0 ? strstr(text.data, set) : NULL;

    return at ? strtoull(at + strlen(set) + 1, NULL, 16) : UINT64_MAX;
}

START_TEST(test_capabilities)
{
    const char *digests[] = {"sha256:" BASE, "sha256:" UPPER};
    const char *folders[] = {"/docker/overlay2/u1/diff", "/docker/overlay2/b1/diff"};
    struct string_list layers = {.items = digests, .count = 2}, directories = {.items = folders, .count = 2};
    struct layers_request request = {
        .root = root, .image_id = "x", .layers = &layers, .directories = &directories, .cpu_seconds = 1};
    struct event_base *base = event_base_new();
    struct workers *workers = workers_new(base);
    uint64_t allowed = LAYERS_CAPABILITIES & ~CAPABILITY(CAP_SYS_ADMIN), least = UINT64_MAX, bounding = 0;
    struct outcome outcome = {0};
    struct error error = ERROR_INIT;

    make_layers();
    put_bomb(SPLIT); /* so that it can be watched at its work */
    ck_assert_ptr_nonnull(worker_start(workers,
                                       &(struct worker_options){.run = layers_run,
                                                                .argument = &request,
                                                                .limit = 16 << 20,
                                                                .capabilities = allowed,
                                                                .root = root,
                                                                .done = on_done,
                                                                .user = &outcome},
                                       &error));
    while (!outcome.done) {
        pid_t worker = child_of(getpid()), part = worker ? child_of(worker) : 0;
        uint64_t sets[] = {part ? capabilities_of(part, "CapPrm:") : UINT64_MAX,
                           part ? capabilities_of(part, "CapEff:") : UINT64_MAX};

        for (size_t i = 0; i < 2; i++)
            least = sets[i] < least ? sets[i] : least;
        if (worker && capabilities_of(worker, "CapPrm:") == allowed)
            bounding |= capabilities_of(worker, "CapBnd:");
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
        usleep(5000);
    }
    ck_assert_int_eq(outcome.number, ETIME);
    ck_assert_uint_eq(least, 0);
    ck_assert_uint_eq(bounding, allowed);
    for (int i = 0; i < 100; i++) { /* it is reaped */
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    workers_free(workers);
    event_base_free(base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_split");
    TCase *tcase = tcase_create("layer_split");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, host_folder_setup, host_folder_teardown);
    tcase_add_test(tcase, test_docker);
    tcase_add_test(tcase, test_podman);
    tcase_add_test(tcase, test_long_line);
    tcase_add_loop_test(tcase, test_damaged, 0, 7);
    tcase_add_test(tcase, test_of_another_layer);
    tcase_add_test(tcase, test_bomb);
    tcase_add_test(tcase, test_capabilities);
    tcase_add_test(tcase, test_a_parser_has_nothing);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
