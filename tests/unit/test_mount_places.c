/* Where on the host is what a container's mounts show: from tables as kernels write them, and with real links, sockets
 * and directories. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/str.h"
#include "host_folder.h"
#include "probes/host/mount_places.h"
#include "probes/watch/mounts.h"

/* A host with /etc bound to /srv/cfg, /run (a tmpfs) to /srv/r and its socket to /srv/d/s, a disk at /mnt/disk, a
 * volume on which /etc is bound; /old lies under another file system. */
static const char host_table[] = "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                 "22 27 0:21 / /proc rw - proc proc rw\n"
                                 "30 27 0:23 / /run rw - tmpfs tmpfs rw\n"
                                 "31 27 254:0 /etc /srv/cfg rw - ext4 /dev/vda rw\n"
                                 "32 27 0:23 / /srv/r rw - tmpfs tmpfs rw\n"
                                 "33 27 0:23 /docker.sock /srv/d/s rw - tmpfs tmpfs rw\n"
                                 "34 27 254:16 / /mnt/disk rw - ext4 /dev/vdb rw\n"
                                 "35 27 254:0 /etc /var/lib/docker/volumes/b/_data rw - ext4 /dev/vda rw\n"
                                 "36 27 0:40 / /old rw - tmpfs tmpfs rw\n"
                                 "37 27 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay "
                                 "rw,lowerdir=l/A:l/B,upperdir=/var/lib/docker/overlay2/x/diff\n"
                                 "38 27 0:51 / /srv/over rw - overlay overlay "
                                 "rw,lowerdir=/etc:/a\\134:b,upperdir=/srv/up,workdir=/srv/w\n"
                                 "39 27 0:52 / /srv/plus rw - overlay overlay ro,lowerdir+=/usr,lowerdir+=/opt\n";

static const struct {
    const char *own; /* NULL: it does not run */
    const char *source, *destination, *places;
    bool is_volume;
} queries[] = {
    /* the link at /srv/link led to /etc when the container started */
    {"254:0 /etc /x", "/srv/link", "/x", "/etc /srv/cfg /var/lib/docker/volumes/b/_data", false},
    /* and this one leads there only now */
    {"254:0 /srv/data /x", "/etc", "/x", "/srv/data", false},
    {"254:0 /etc/cron.d /x", "/srv/cfg/cron.d", "/x",
     "/etc/cron.d /srv/cfg/cron.d /var/lib/docker/volumes/b/_data/cron.d", false},
    {"0:23 /docker.sock /s", "/srv/d/s", "/s", "/run/docker.sock /srv/r/docker.sock /srv/d/s", false},
    {"0:23 /docker.sock//deleted /s", "/srv/d/s", "/s", "/run/docker.sock /srv/r/docker.sock /srv/d/s", false},
    {"254:16 / /x", "/mnt/disk", "/x", "/mnt/disk", false},
    /* what is under another file system is not what the name shows */
    {"254:0 /old /x", "/old", "/x", "", false},
    /* other mounts inside the bind */
    {"254:0 /srv /x rw - x y rw\n2 9 254:0 /etc /x/cfg", "/srv", "/x",
     "/srv /etc@/cfg /var/lib/docker/volumes/b/_data@/cfg", false},
    {"254:0 / /x rw - x y rw\n2 9 0:23 / /x/run", "/", "/x", "/", false},
    /* one that is another mount of the container's is judged by itself */
    {"254:0 /srv /x rw - x y rw\n2 9 254:0 /etc /x/other", "/srv", "/x", "/srv", false},
    /* a link in the image: /var/run is /run */
    {"254:0 /etc /run/conf", "/etc", "/var/run/conf", "/etc /srv/cfg /var/lib/docker/volumes/b/_data", false},
    /* volumes */
    {"254:0 /var/lib/docker/volumes/a/_data /x", "/var/lib/docker/volumes/a/_data", "/x", "", true},
    {"254:0 /etc /x", "/var/lib/docker/volumes/b/_data", "/x", "/etc /srv/cfg", true},
    {NULL, "/var/lib/docker/volumes/a/_data", "/x", "", true},
    {NULL, "/var/lib/docker/volumes/b/_data", "/x", "/etc /srv/cfg", true},
    /* what does not run, through the host's own binds */
    {NULL, "/srv/cfg", "/x", "/srv/cfg /etc /var/lib/docker/volumes/b/_data", false},
    {NULL, "/srv/cfg/cron.d", "/x", "/srv/cfg/cron.d /etc/cron.d /var/lib/docker/volumes/b/_data/cron.d", false},
    {NULL, "/srv/r", "/x", "/srv/r /run", false},
    {NULL, "/srv/d", "/x", "/srv/d /run/docker.sock@/s /srv/r/docker.sock@/s", false},
    {NULL, "/home/a", "/x", "/home/a", false},
    /* overlays of the host: what their layers have there, the upper one first */
    {NULL, "/srv/over", "/x", "/srv/over /srv/up/1 /etc/2 /a:b/3", false},
    {NULL, "/srv/over/ssl", "/x", "/srv/over/ssl /srv/up/ssl/1 /etc/ssl/2 /a:b/ssl/3", false},
    {NULL, "/srv/plus", "/x", "/srv/plus /usr/2 /opt/3", false},
    {"0:51 /ssl /x rw - overlay overlay rw,lowerdir=/etc", "/srv/gone", "/x", "/srv/over/ssl /etc/ssl/2", false},
    {NULL, "/var/lib/docker/overlay2/x/merged", "/x",
     "/var/lib/docker/overlay2/x/merged /var/lib/docker/overlay2/x/diff/1", false},
    {NULL, "/var/lib/docker", "/x", "/var/lib/docker /etc@/volumes/b/_data /srv/cfg@/volumes/b/_data", false},
    {NULL, "/", "/x", "/", false},
};

static struct mounts_facts *table(const char *text)
{
    struct mounts_facts *facts;

    ck_assert_int_eq(mounts_parse(text, strlen(text), &facts, NULL), 0);
    return facts;
}

START_TEST(tables)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct mount_facts mounts[] = {{.destination = queries[_i].destination}, {.destination = "/x/other"}};
    const struct container_facts container = {.mounts = mounts, .mount_count = countof(mounts)};
    const struct place_query query = {.source = queries[_i].source,
                                      .destination = queries[_i].destination,
                                      .is_volume = queries[_i].is_volume,
                                      .container = &container};
    struct mounts_facts *host = table(host_table), *own = NULL;
    struct place_list places = {0};
    scoped_str found = STR_INIT, text = STR_INIT;

    if (queries[_i].own) {
        str_printf(&text, "1 0 0:99 / / rw - overlay overlay rw\n9 1 %s rw - x y rw\n", queries[_i].own);
        own = table(text.data);
    }
    mount_places_find(host, own, &query, queries[_i].source, arena, &places);
    for (size_t i = 0; i < places.count; i++)
        str_printf(&found, places.items[i].layer ? "%s%s%s%s/%u" : "%s%s%s%s", i ? " " : "", places.items[i].path,
                   *places.items[i].below ? "@" : "", places.items[i].below, places.items[i].layer);
    ck_assert_str_eq(str_text(&found), queries[_i].places);
    facts_free(&host->facts);
    facts_free(own ? &own->facts : NULL);
}
END_TEST

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

/* The places of PATH, with the socket that each has. */
static char *look_at(const char *path)
{
    static const char *const kinds[] = {"", " directory", " socket", " file"};
    static const char *names[] = {"/run/docker.sock"};
    static const struct string_list sockets = {.items = names, .count = 1};
    const struct place_query query = {.source = path, .destination = "/x"};
    const struct places_request request = {
        .root = root, .proc = "/missing", .sockets = &sockets, .queries = &query, .count = 1};
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    scoped_str out = STR_INIT;
    struct str text = STR_INIT;
    struct place_list places;
    const char *why;

    ck_assert_int_eq(mount_places_run(&out, &request, NULL), 0);
    ck_assert_int_eq(mount_places_take(&(struct wire_reader){.at = out.data, .left = out.length, .arena = arena},
                                       &places, &why, NULL),
                     0);
    for (size_t i = 0; i < places.count; i++)
        str_printf(&text, "%s%s%s%s", places.items[i].path, kinds[places.items[i].kind],
                   places.items[i].socket ? " = " : "", places.items[i].socket ? places.items[i].socket : "");
    return text.data;
}

static void ck_look(const char *path, const char *expected)
{
    scoped(cleanup_free) char *found = look_at(path);

    ck_assert_str_eq(found, expected);
}

START_TEST(names_of_a_socket)
{
    char here[512];

    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(host_folder), 0);
    ck_assert_int_eq(system("mkdir -p run/app/deep srv run/plain && echo > srv/docker.sock && mkdir srv/d.sock"), 0);
    make_socket("run/docker.sock");
    make_socket("run/other.sock");
    ck_look("/run/docker.sock", "/run/docker.sock socket = /run/docker.sock");
    ck_look("/run/other.sock", "/run/other.sock socket");
    ck_look("/srv/docker.sock", "/srv/docker.sock file");
    ck_look("/srv/d.sock", "/srv/d.sock directory");
    ck_look("/run/app", "/run/app"); /* the socket has no second name: nothing is looked through */
    ck_assert_int_eq(link("run/docker.sock", "run/app/deep/x"), 0);
    ck_look("/run/app/deep/x", "/run/app/deep/x socket = /run/docker.sock");
    ck_look("/run/app", "/run/app directory = /run/docker.sock");
    ck_look("/run/plain", "/run/plain directory");
    ck_assert_int_eq(symlink("/run/docker.sock", "srv/link"), 0);
    ck_look("/srv/link", "/run/docker.sock socket = /run/docker.sock");
    ck_assert_int_eq(chdir(here), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mount places");
    TCase *tests = tcase_create("mount places");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, host_folder_setup, host_folder_teardown);
    tcase_add_loop_test(tests, tables, 0, (int)countof(queries));
    tcase_add_test(tests, names_of_a_socket);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
