/* Local volumes that bind a folder of the host, from the file that the engine keeps beside their data. */
#include <check.h>
#include <string.h>

#include "common/str.h"
#include "probes/docker/volume.h"

static const struct {
    const char *text, *folder;
    bool read_only, refused;
} volumes[] = {
    {"{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"/etc\",\"Quota\":{\"Size\":0}}", "/etc", false,
     false},
    {"{\"MountType\":\"\",\"MountOpts\":\"ro,rbind\",\"MountDevice\":\"/etc\"}", "/etc", true, false},
    {"{\"MountType\":\"none\",\"MountOpts\":\"unbind,binds\",\"MountDevice\":\"/etc\"}", NULL, false, false},
    {"{\"MountType\":\"nfs\",\"MountOpts\":\"addr=10.0.0.1,rw\",\"MountDevice\":\":/etc\"}", NULL, false, false},
    {"{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"etc\"}", NULL, false, false},
    {"{\"MountOpts\":\"bind\"}", NULL, false, false},
    {"{\"Quota\":{\"Size\":1}}", NULL, false, false},
    {"{\"MountOpts\":null,\"MountDevice\":null}", NULL, false, false},
    {"{\"MountOpts\":7,\"MountDevice\":[]}", NULL, false, true},
    {"{\"MountOpts\":\"bind\",\"MountDevice\":[\"/etc\"]}", NULL, false, true},
    {"{\"MountOpts\":\"bind\",\"MountDe", NULL, false, true},
    {"null", NULL, false, true},
    {"", NULL, false, true},
};

START_TEST(options)
{
    struct arena *arena = arena_new(256);
    bool read_only = false;
    const char *folder = NULL;
    struct error error = ERROR_INIT;
    int r = volume_parse_options(volumes[_i].text, strlen(volumes[_i].text), arena, &folder, &read_only, &error);

    ck_assert_msg((r < 0) == volumes[_i].refused, "%s: %s", volumes[_i].text, error.text);
    ck_assert_msg(str_equal(folder, volumes[_i].folder), "%s: %s", volumes[_i].text, folder ? folder : "nothing");
    ck_assert_int_eq(read_only, volumes[_i].read_only);
    arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("volume");
    TCase *tests = tcase_create("volume");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, options, 0, (int)countof(volumes));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
