/* Local volumes that mount something of the host, from the file that the engine keeps beside their data. */
#include <check.h>
#include <string.h>

#include "common/str.h"
#include "probes/docker/volume.h"

static const struct {
    const char *text, *devices; /* DEVICES: with blanks between */
    bool block_device, read_only, refused;
} volumes[] = {
    {"{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"/etc\",\"Quota\":{\"Size\":0}}", "/etc",
     .refused = false},
    {"{\"MountType\":\"\",\"MountOpts\":\"ro,rbind\",\"MountDevice\":\"/etc\"}", "/etc", .read_only = true},
    {"{\"MountType\":\"ext4\",\"MountOpts\":\"bind\",\"MountDevice\":\"/etc\"}", "/etc", .refused = false},
    {"{\"MountType\":\"none\",\"MountOpts\":\"unbind,binds\",\"MountDevice\":\"/etc\"}", "", .refused = false},
    {"{\"MountType\":\"nfs\",\"MountOpts\":\"addr=10.0.0.1,rw\",\"MountDevice\":\":/etc\"}", "", .refused = false},
    {"{\"MountType\":\"nfs\",\"MountOpts\":\"addr=10.0.0.1,rw\",\"MountDevice\":\"/etc\"}", "", .refused = false},
    {"{\"MountType\":\"cifs\",\"MountOpts\":\"username=u\",\"MountDevice\":\"//server/etc\"}", "", .refused = false},
    {"{\"MountType\":\"tmpfs\",\"MountOpts\":\"size=1m\",\"MountDevice\":\"tmpfs\"}", "", .refused = false},
    {"{\"MountType\":\"ext4\",\"MountOpts\":\"\",\"MountDevice\":\"/dev/vda\"}", "/dev/vda", .block_device = true},
    {"{\"MountType\":\"xfs\",\"MountOpts\":\"ro,noatime\",\"MountDevice\":\"/dev/disk/by-label/x\"}",
     "/dev/disk/by-label/x", .block_device = true, .read_only = true},
    {"{\"MountType\":\"overlay\",\"MountOpts\":\"lowerdir=/etc:/srv/a\\\\:b,upperdir=/srv/u,workdir=/srv/w\","
     "\"MountDevice\":\"overlay\"}",
     "/etc /srv/a:b /srv/u /srv/w", .refused = false},
    {"{\"MountType\":\"overlay\",\"MountOpts\":\"ro,lowerdir+=/root,lowerdir+=/usr\",\"MountDevice\":\"x\"}",
     "/root /usr", .read_only = true},
    {"{\"MountType\":\"proc\",\"MountDevice\":\"proc\"}", "/proc", .refused = false},
    {"{\"MountType\":\"sysfs\",\"MountDevice\":\"none\"}", "/sys", .refused = false},
    {"{\"MountType\":\"devtmpfs\",\"MountDevice\":\"none\"}", "/dev", .refused = false},
    {"{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"etc\"}", "", .refused = false},
    {"{\"MountOpts\":\"bind\"}", "", .refused = false},
    {"{\"Quota\":{\"Size\":1}}", "", .refused = false},
    {"{\"MountOpts\":null,\"MountDevice\":null}", "", .refused = false},
    {"{\"MountOpts\":7,\"MountDevice\":[]}", "", .refused = true},
    {"{\"MountType\":[\"ext4\"],\"MountDevice\":\"/dev/vda\"}", "", .refused = true},
    {"{\"MountOpts\":\"bind\",\"MountDevice\":[\"/etc\"]}", "", .refused = true},
    {"{\"MountOpts\":\"bind\",\"MountDe", "", .refused = true},
    {"null", "", .refused = true},
    {"", "", .refused = true},
};

START_TEST(options)
{
    struct arena *arena = arena_new(256);
    struct volume_source source = {0};
    scoped_str devices = STR_INIT;
    struct error error = ERROR_INIT;
    int r = volume_parse_options(volumes[_i].text, strlen(volumes[_i].text), arena, &source, &error);

    for (size_t i = 0; i < source.devices.count; i++)
        str_printf(&devices, "%s%s", i ? " " : "", source.devices.items[i]);
    ck_assert_msg((r < 0) == volumes[_i].refused, "%s: %s", volumes[_i].text, error.text);
    ck_assert_msg(str_equal(str_text(&devices), volumes[_i].devices), "%s: %s", volumes[_i].text, str_text(&devices));
    ck_assert_int_eq(source.block_device, volumes[_i].block_device);
    ck_assert_int_eq(source.read_only, volumes[_i].read_only);
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
