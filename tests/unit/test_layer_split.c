/* Opaque folders as those see them who may not read overlay's attributes: from what the engine kept of a layer's tar.
 * As root, with CAP_SYS_ADMIN put aside. */
#include <check.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "probes/images/layers.h"
#include "tests/unit/host_folder.h"

#define BASE  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UPPER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* printf 'sha256:aaa… sha256:bbb…' | sha256sum */
#define CHAIN  "/docker/image/overlay2/layerdb/sha256/ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
#define SPLIT  CHAIN "/tar-split.json.gz" /* which may as well not be compressed */
#define PODMAN "/docker/overlay2-layers/u1.tar-split.gz"

static void set_sys_admin(bool on)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
    data[0].effective = on ? data[0].effective | 1U << CAP_SYS_ADMIN : data[0].effective & ~(1U << CAP_SYS_ADMIN);
    ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

static int read_image(struct layer_facts **ret, struct error *error)
{
    const char *digests[] = {"sha256:" BASE, "sha256:" UPPER};
    const char *folders[] = {"/docker/overlay2/u1/diff", "/docker/overlay2/b1/diff"};
    struct string_list layers = {.items = digests, .count = 2}, directories = {.items = folders, .count = 2};
    struct layers_request request = {
        .root = root, .image_id = "x", .layers = &layers, .directories = &directories, .cache = NULL};
    scoped_str output = STR_INIT;
    int r;

    set_sys_admin(false);
    r = layers_run(&output, &request, error);
    set_sys_admin(true);
    return r < 0 ? r : layers_parse(str_text(&output), output.length, ret, error);
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
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
