/* Sets of files: what each source finds under a host root, and what it says of links, odd modes and odd owners. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "probes/docker/docker_parse.h"
#include "probes/fileset/fileset.h"
#include "probes/host/acl.h"
#include "probes/host/proc.h"
#include "tests/unit/host_folder.h"

static struct daemon_facts *daemon_of(const char *option, const char *value, const char *config)
{
    const char *arguments[] = {"dockerd", option, value};
    struct daemon_facts *facts = NULL;

    ck_assert_int_eq(daemon_config_parse(arguments,
                                         value    ? 3
                                         : option ? 2
                                                  : 1,
                                         config, config ? strlen(config) : 0, &facts, NULL),
                     0);
    return facts;
}

static struct fileset_facts *read_set(const char *source, const struct daemon_facts *daemon, const char *socket_path)
{
    struct fileset_facts *set = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(fileset_read(root, source, &(struct fileset_context){.daemon = daemon, .engine_socket = socket_path},
                               &set, &error) == 0,
                  "%s: %s", source, error.text);
    return set;
}

/* The set's paths with a space between; "path>target" where they differ. */
static const char *paths_of(const struct fileset_facts *set)
{
    static char text[4096];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < set->count && used < sizeof text; i++) {
        const struct file_facts *file = &set->items[i];
        bool same = str_equal(file->path, file->target);

        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s", i ? " " : "", file->path, same ? "" : ">",
                                 same ? "" : file->target);
    }
    return text;
}

static void expect(const char *source, const struct daemon_facts *daemon, const char *socket_path, const char *wanted)
{
    struct fileset_facts *set = read_set(source, daemon, socket_path);

    ck_assert_msg(strcmp(paths_of(set), wanted) == 0, "%s: \"%s\", not \"%s\"", source, paths_of(set), wanted);
    facts_free(&set->facts);
}

static void expect_for(const char *source, const char *option, const char *value, const char *wanted)
{
    struct daemon_facts *daemon = daemon_of(option, value, NULL);

    expect(source, daemon, NULL, wanted);
    facts_free(&daemon->facts);
}

START_TEST(test_paths)
{
    put_mode("/etc/b", 0644);
    put_mode("/etc/real", 0600);
    link_to("real", "/etc/link");
    link_to("/etc/real", "/etc/other");
    link_to("gone", "/etc/dangling");
    expect("path:/etc/b", NULL, NULL, "/etc/b");
    expect("path:/etc/missing", NULL, NULL, "");
    expect("path:/etc/b/below", NULL, NULL, "");
    expect("path:/etc/dangling", NULL, NULL, "");
    expect("path:/etc/link,/etc/b", NULL, NULL, "/etc/b /etc/link>/etc/real");
    expect("path:/etc/real,/etc/other,/etc/link", NULL, NULL, "/etc/link>/etc/real");
}
END_TEST

START_TEST(test_unreadable_is_an_error_item)
{
    struct fileset_facts *set;

    link_to("loop", "/etc/loop");
    set = read_set("path:/etc/loop", NULL, NULL);
    ck_assert_uint_eq(set->count, 1);
    ck_assert_str_eq(set->items[0].error, strerror(ELOOP));
    facts_free(&set->facts);
}
END_TEST

START_TEST(test_modes_and_owners)
{
    struct fileset_facts *set;
    scoped(cleanup_free) char *full = host_place("/f");

    put_text("/etc/passwd", "root:x:0:0::/:/bin/sh\nother:x:0:0::/:\n:x:5:5\nbad:x:12a:1\n");
    put_text("/etc/group", "docker:x:999:\nroot:x:0:");
    put_mode("/f", 0640);
    if (geteuid() == 0)
        ck_assert_int_eq(chown(full, 54321, 999), 0);
    ck_assert_int_eq(chmod(full, 06751), 0);
    set = read_set("path:/f", NULL, NULL);
    ck_assert_uint_eq(set->count, 1);
    ck_assert_uint_eq(set->items[0].mode, S_IFREG | 06751);
    if (geteuid() == 0) {
        ck_assert_uint_eq(set->items[0].uid, 54321);
        ck_assert_ptr_null(set->items[0].user);
        ck_assert_str_eq(set->items[0].group, "docker");
    }
    facts_free(&set->facts);
}
END_TEST

START_TEST(test_names)
{
    struct names *names = NULL;
    gid_t gid;

    put_text("/etc/passwd", "root:x:0:0::/:/bin/sh\nother:x:0:0::/:\nmax:x:4294967295:0::/:\n\nnonsense\n");
    put_text("/etc/group", "docker:x:999:a,b\nwheel:x:-1:\n");
    ck_assert_int_eq(names_read(root, &names, NULL), 0);
    ck_assert_str_eq(names_user(names, 0), "root");
    ck_assert_ptr_null(names_user(names, 1));
    ck_assert_ptr_null(names_user(names, UINT32_MAX));
    ck_assert_str_eq(names_group(names, 999), "docker");
    ck_assert(names_group_id(names, "docker", &gid));
    ck_assert_uint_eq(gid, 999);
    ck_assert(!names_group_id(names, "wheel", &gid));
    names_free(names);
}
END_TEST

START_TEST(test_tree)
{
    put_mode("/etc/docker/certs.d/a/ca.crt", 0444);
    put_mode("/etc/docker/certs.d/a/b/c/.hidden", 0444);
    put_mode("/outside/file", 0644);
    link_to("/outside", "/etc/docker/certs.d/out");
    link_to("/outside/file", "/etc/docker/certs.d/file");
    link_to("a/ca.crt", "/etc/docker/certs.d/inside");
    link_to("..", "/etc/docker/certs.d/up");
    link_to("/outside/nothing", "/etc/docker/certs.d/dangling");
    link_to("/outside/loop", "/outside/loop");
    link_to("/etc/docker/certs.d", "/outside/back");
    expect("tree:/etc/docker/certs.d", NULL, NULL,
           "/etc/docker/certs.d/a/b/c/.hidden /etc/docker/certs.d/a/ca.crt "
           "/etc/docker/certs.d/file>/outside/file /etc/docker/certs.d/out/loop");
    expect("tree:/etc/docker/certs.d/", NULL, NULL,
           "/etc/docker/certs.d/a/b/c/.hidden /etc/docker/certs.d/a/ca.crt "
           "/etc/docker/certs.d/file>/outside/file /etc/docker/certs.d/out/loop");
    expect("tree:/nowhere", NULL, NULL, "");
    link_to("/outside", "/linked");
    expect("tree:/linked", NULL, NULL,
           "/linked/back/a/b/c/.hidden>/etc/docker/certs.d/a/b/c/.hidden "
           "/linked/back/a/ca.crt>/etc/docker/certs.d/a/ca.crt /linked/back/file>/outside/file /linked/loop");
}
END_TEST

START_TEST(test_tree_is_bounded)
{
    struct fileset_facts *set;

    put_text("/t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/deep", "x");
    set = read_set("tree:/t", NULL, NULL);
    ck_assert_uint_eq(set->count, 1);
    ck_assert(!set->truncated);
    facts_free(&set->facts);
    put_text("/t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/deeper", "x");
    set = read_set("tree:/t", NULL, NULL);
    ck_assert(set->truncated);
    facts_free(&set->facts);

    for (int i = 0; i <= 4096; i++) {
        char path[32];

        snprintf(path, sizeof path, "/many/%d", i);
        put_text(path, "");
    }
    set = read_set("tree:/many", NULL, NULL);
    ck_assert_uint_eq(set->count, 4096 + 1);
    ck_assert_str_eq(set->items[0].path, "/many"); /* what was not looked at is no pass */
    ck_assert_ptr_nonnull(set->items[0].error);
    ck_assert(set->truncated);
    facts_free(&set->facts);
}
END_TEST

/* What docker.socket would give its sockets, as its drop-ins say last; without settings as systemd does. */
START_TEST(test_activation)
{
    scoped(cleanup_facts) struct facts *facts = &daemon_of("--host", "fd://", NULL)->facts;
    struct fileset_facts *set;

    put_text("/lib/systemd/system/docker.socket", "[Socket]\nListenStream=/run/docker.sock\nSocketMode=0660\n"
                                                  "SocketUser=root\nSocketGroup=docker\n");
    set = read_set("sockets:", (struct daemon_facts *)facts, NULL);
    ck_assert_str_eq(set->socket_unit, "docker.socket");
    ck_assert_str_eq(set->activated.items[0], "/run/docker.sock");
    ck_assert_str_eq(set->socket_mode, "0660");
    ck_assert_str_eq(set->socket_group, "docker");
    facts_free(&set->facts);
    put_text("/etc/systemd/system/docker.socket.d/open.conf", "[Socket]\nSocketMode=0666\nSocketGroup=\n");
    set = read_set("sockets:", (struct daemon_facts *)facts, NULL);
    ck_assert_str_eq(set->socket_mode, "0666");
    ck_assert_str_eq(set->socket_group, "root");
    facts_free(&set->facts);
}
END_TEST

/* With the folders, at their targets too; what is no folder is an error. */
START_TEST(test_folders)
{
    put_text("/c/a/ca.crt", "x");
    put_text("/outside/b/ca.crt", "x");
    link_to("/outside", "/c/out");
    expect("folders:/c", NULL, NULL,
           "/c /c/a /c/a/ca.crt /c/out>/outside /c/out/b>/outside/b /c/out/b/ca.crt>/outside/b/ca.crt");
    expect("tree:/c", NULL, NULL, "/c/a/ca.crt /c/out/b/ca.crt>/outside/b/ca.crt");
    expect("folders:/nowhere", NULL, NULL, "");
    put_text("/file", "x");
    expect("folders:/file", NULL, NULL, "/file");
    expect("folders:/file/below", NULL, NULL, "");
}
END_TEST

/* ---- Access control lists ---- */

struct acl_bytes {
    uint32_t version;
    struct {
        uint16_t tag, permissions;
        uint32_t id;
    } entries[8];
};

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };

static const struct acl_bytes lets_alice_in = {2,
                                               {{USER_OBJ, 6, (uint32_t)-1},
                                                {USER, 6, 1000},
                                                {GROUP_OBJ, 4, (uint32_t)-1},
                                                {GROUP, 7, 4},
                                                {MASK, 6, (uint32_t)-1},
                                                {OTHER, 0, (uint32_t)-1}}};
enum { LIST_SIZE = 4 + 6 * 8 };

/* "present group; user 1000:6, group 4:7" as they are after the mask. */
static const char *list_of(const struct acl_facts *acl)
{
    static char text[256];
    size_t used = (size_t)snprintf(text, sizeof text, "%d %o;", acl->present, acl->group);

    for (size_t i = 0; i < acl->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s %u(%s):%o",
                                 acl->entries[i].is_group ? "group" : "user", (unsigned)acl->entries[i].id,
                                 acl->entries[i].name ? acl->entries[i].name : "?", acl->entries[i].permissions);
    return text;
}

START_TEST(test_default_acl_of_a_directory)
{
    scoped(cleanup_free) char *folder = host_place("/c/a");
    struct fileset_facts *set;
    uint64_t digest;

    put_text("/c/a/file", "x");
    put_text("/etc/passwd", "alice:x:1000:1000::/:/bin/sh\n");
    put_text("/etc/group", "adm:x:4:\n");
    set = read_set("path:/c/a", NULL, NULL);
    ck_assert_str_eq(list_of(&set->items[0].defaults), "0 0;");
    digest = set->facts.digest;
    facts_free(&set->facts);
    if (setxattr(folder, "system.posix_acl_default", &lets_alice_in, LIST_SIZE, 0) < 0 && errno == EOPNOTSUPP)
        return; /* a file system without them */
    set = read_set("path:/c/a,/c/a/file", NULL, NULL);
    ck_assert_str_eq(list_of(&set->items[0].acl), "0 0;");
    ck_assert_str_eq(list_of(&set->items[0].defaults), "1 4; user 1000(alice):6 group 4(adm):6");
    ck_assert_str_eq(list_of(&set->items[1].defaults), "0 0;");
    ck_assert_uint_ne(set->facts.digest, digest);
    facts_free(&set->facts);
}
END_TEST

START_TEST(test_acl_is_read_from_the_file)
{
    scoped(cleanup_free) char *file = host_place("/c/a/file");
    struct fileset_facts *set;
    uint64_t digest;

    put_text("/c/a/file", "x");
    put_text("/etc/passwd", "alice:x:1000:1000::/:/bin/sh\n");
    put_text("/etc/group", "adm:x:4:\n");
    put_mode("/c/a/file", 0640);
    set = read_set("path:/c/a/file", NULL, NULL);
    ck_assert_str_eq(list_of(&set->items[0].acl), "0 0;");
    digest = set->facts.digest;
    facts_free(&set->facts);
    if (setxattr(file, "system.posix_acl_access", &lets_alice_in, LIST_SIZE, 0) < 0 && errno == EOPNOTSUPP)
        return; /* a file system without them */
    set = read_set("path:/c/a/file", NULL, NULL);
    ck_assert_str_eq(list_of(&set->items[0].acl), "1 4; user 1000(alice):6 group 4(adm):6");
    ck_assert_uint_eq(set->items[0].mode & 07777, 0660); /* the mask */
    ck_assert_uint_ne(set->facts.digest, digest);
    facts_free(&set->facts);
    set = read_set("tree:/c", NULL, NULL);
    ck_assert_str_eq(list_of(&set->items[0].acl), "1 4; user 1000(alice):6 group 4(adm):6");
    facts_free(&set->facts);
}
END_TEST

START_TEST(test_acl_of_any_bytes)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    struct acl_bytes bytes = lets_alice_in;
    struct acl_facts acl = {0};

    for (size_t length = 0; length <= LIST_SIZE; length++) {
        scoped(cleanup_free) char *copy = mem_alloc(length + 1); /* ASan sees a read far beyond it */

        memcpy(copy, &bytes, length);
        ck_assert_int_eq(acl_parse(copy, length, arena, &acl), length >= 4 && (length - 4) % 8 == 0 ? 0 : -EBADMSG);
    }
    bytes.version = 3;
    ck_assert_int_eq(acl_parse(&bytes, LIST_SIZE, arena, &acl), -EBADMSG);
    bytes.version = 2;
    bytes.entries[1].tag = 3;
    ck_assert_int_eq(acl_parse(&bytes, LIST_SIZE, arena, &acl), -EBADMSG);
    bytes.entries[1].tag = USER;
    bytes.entries[1].permissions = 8;
    ck_assert_int_eq(acl_parse(&bytes, LIST_SIZE, arena, &acl), -EBADMSG);
    bytes.entries[1].permissions = 7;
    bytes.entries[4].permissions = 0;
    ck_assert_int_eq(acl_parse(&bytes, LIST_SIZE, arena, &acl), 0);
    ck_assert_str_eq(list_of(&acl), "1 4; user 1000(?):0 group 4(?):0");
}
END_TEST

START_TEST(test_units)
{
    put_text("/lib/systemd/system/docker.service", "[Service]\n");
    put_text("/lib/systemd/system/docker.service.d/20.conf", "vendor");
    put_text("/etc/systemd/system/docker.service.d/20.conf", "local");
    put_text("/run/systemd/system/docker.service.d/10.conf", "run");
    put_text("/etc/systemd/system/docker.service.d/ignored.txt", "x");
    put_text("/etc/systemd/system/service.d/30.conf", "all services");
    link_to("/dev/null", "/etc/systemd/system/docker.service.d/40.conf");
    put_text("/dev/null", "");
    put_text("/lib/systemd/system/docker.service.d/40.conf", "hidden");
    expect("unit:docker.service", NULL, NULL,
           "/etc/systemd/system/docker.service.d/20.conf /etc/systemd/system/service.d/30.conf "
           "/lib/systemd/system/docker.service /run/systemd/system/docker.service.d/10.conf");
    expect("unit:absent.service", NULL, NULL, "");
    put_text("/srv/my.service", "[Service]\n");
    link_to("/srv/my.service", "/etc/systemd/system/docker.service");
    expect("unit:docker.service", NULL, NULL,
           "/etc/systemd/system/docker.service>/srv/my.service /etc/systemd/system/docker.service.d/20.conf "
           "/etc/systemd/system/service.d/30.conf /run/systemd/system/docker.service.d/10.conf");
    link_to("/dev/null", "/etc/systemd/system/masked.service");
    put_text("/lib/systemd/system/masked.service", "[Service]\n");
    expect("unit:masked.service", NULL, NULL, "");
}
END_TEST

START_TEST(test_options)
{
    struct daemon_facts *daemon;
    struct fileset_facts *set = NULL;

    put_mode("/pki/ca.pem", 0444);
    put_mode("/root/.docker/ca.pem", 0444);
    expect_for("option:tlscacert", NULL, NULL, "");
    expect_for("option:tlscacert", "--tlscacert", "/pki/ca.pem", "/pki/ca.pem");
    expect_for("option:tlscacert", "--tlscacert", "pki/ca.pem", "/pki/ca.pem");
    expect_for("option:tlscacert", "--tls", NULL, "/root/.docker/ca.pem");
    expect_for("option:tlscacert", "--tlsverify", NULL, "/root/.docker/ca.pem");
    expect_for("option:tlscacert", "--tlsverify=false", NULL,
               "/root/.docker/ca.pem"); /* it turns TLS on all the same */
    expect_for("option:tlscacert", "--tls=false", NULL, "");
    expect_for("option:tlskey", "--tlsverify", NULL, ""); /* not there */
    expect_for("option:group", "--tlsverify", NULL, "");  /* no TLS file */

    daemon = daemon_of("--tlsverify", NULL, "{\"tlscacert\": \"/pki/ca.pem\"}");
    expect("option:tlscacert", daemon, NULL, "/pki/ca.pem");
    facts_free(&daemon->facts);

    daemon = daemon_of("--tlsverify", NULL, "{");
    ck_assert_int_lt(fileset_read(root, "option:tlscacert", &(struct fileset_context){.daemon = daemon}, &set, NULL),
                     0);
    facts_free(&daemon->facts);
    daemon = daemon_of("--tlscacert", "/pki/ca.pem", "{");
    expect("option:tlscacert", daemon, NULL, "/pki/ca.pem");
    facts_free(&daemon->facts);
    ck_assert_int_lt(fileset_read(root, "option:tlscacert", &(struct fileset_context){0}, &set, NULL), 0);
}
END_TEST

START_TEST(test_option_relative_to_dockerd)
{
    static const char cmdline[] = "dockerd\0--tls\0--tlskey=key.pem", environment[] = "DOCKER_CERT_PATH=/pki";
    struct daemon_facts *daemon = NULL;

    put("/proc/9/cmdline", cmdline, sizeof cmdline);
    put("/proc/9/environ", environment, sizeof environment);
    link_to("/srv", "/proc/9/cwd");
    put_mode("/srv/key.pem", 0400);
    put_mode("/pki/cert.pem", 0444);
    ck_assert_int_eq(daemon_config_read(root, NULL, 9, NULL, &daemon, NULL), 0);
    expect("option:tlskey", daemon, NULL, "/srv/key.pem");
    expect("option:tlscert", daemon, NULL, "/pki/cert.pem");
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_defaults_of_rootless)
{
    static const char cmdline[] = "dockerd\0--rootless\0--tls", environment[] = "HOME=/home/u\0XDG_RUNTIME_DIR=/run/u";
    struct daemon_facts *daemon = NULL;
    struct fileset_facts *set;

    put("/proc/9/cmdline", cmdline, sizeof cmdline);
    put("/proc/9/environ", environment, sizeof environment);
    put_text("/proc/9/status", "Name:\tdockerd\nUid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\n");
    put_text("/etc/passwd", "alice:x:1000:100::/home/u:/bin/sh\n");
    put_text("/etc/group", "users:x:100:\n");
    put_mode("/home/u/.docker/key.pem", 0400);
    put_mode("/root/.docker/key.pem", 0400);
    put_mode("/run/u/docker.sock", 0660);
    put_mode("/var/run/docker.sock", 0660);
    ck_assert_int_eq(daemon_config_read(root, NULL, 9, NULL, &daemon, NULL), 0);
    ck_assert(daemon->rootless);
    expect("option:tlskey", daemon, NULL, "/home/u/.docker/key.pem");
    expect("sockets:", daemon, NULL, "/run/u/docker.sock");
    set = read_set("sockets:", daemon, NULL);
    ck_assert(set->rootless);
    ck_assert_uint_eq(set->engine_uid, 1000);
    ck_assert_uint_eq(set->engine_gid, 100);
    ck_assert_str_eq(set->engine_user, "alice");
    ck_assert_str_eq(set->engine_group, "users");
    facts_free(&set->facts);
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_sockets)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);

    put_mode("/run/docker.sock", 0660);
    put_mode("/run/my.sock", 0660);
    put_mode("/run/engine.sock", 0660);
    link_to("/run", "/var/run");
    link_to("/run", "/var/run2");
    /* no process was found: only the socket that is talked to */
    expect("sockets:", daemon, "/var/run/engine.sock", "/var/run/engine.sock>/run/engine.sock");
    expect("sockets:", daemon, NULL, "/var/run/docker.sock>/run/docker.sock");
    daemon->pid = 5;
    expect("sockets:", daemon, "/run/docker.sock", "/run/docker.sock");
    expect("sockets:", daemon, "/run/engine.sock", "/run/engine.sock /var/run/docker.sock>/run/docker.sock");
    facts_free(&daemon->facts);

    expect_for("sockets:", "-H", "unix:///run/my.sock", "/run/my.sock");
    expect_for("sockets:", "-H", "unix://", "/var/run/docker.sock>/run/docker.sock");
    expect_for("sockets:", "-H", "tcp://0.0.0.0:2375", "");
    expect_for("sockets:", "-H", "0.0.0.0:2375", "");
    expect_for("sockets:", "-H", "unix:///run/gone.sock", "");
    expect_for("sockets:", "-H", "fd://", "/run/docker.sock");

    put_text("/lib/systemd/system/docker.socket",
             "[Unit]\nListenStream=/run/engine.sock\n[Socket]\nListenStream=/run/engine.sock\nListenStreamX=/x\n");
    expect_for("sockets:", "-H", "fd://", "/run/engine.sock");
    put_text("/etc/systemd/system/docker.socket.d/a.conf",
             "[Socket]\nListenStream=\nListenStream = %t/my.sock \nListenStream=2375\n");
    expect_for("sockets:", "--host=fd://", NULL, "/run/my.sock");
}
END_TEST

START_TEST(test_containerd_sockets)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, "{\"containerd\": \"/run/c/c.sock\"}");
    struct info_facts info = {.containerd_address = "/run/engine.sock"};
    const struct fileset_context context = {.daemon = daemon, .info = &info};
    struct fileset_facts *set = NULL;

    put_mode("/run/c/c.sock", 0660);
    put_mode("/run/engine.sock", 0660);
    put_mode("/run/containerd/containerd.sock", 0660);
    put_mode("/run/docker/containerd/containerd.sock", 0660);
    put_mode("/run/d2/containerd/containerd.sock", 0660);
    expect("containerd-sockets:", daemon, NULL,
           "/run/c/c.sock /run/containerd/containerd.sock /run/docker/containerd/containerd.sock");
    ck_assert_int_eq(fileset_read(root, "containerd-sockets:", &context, &set, NULL), 0);
    ck_assert_uint_eq(set->count, 3);
    ck_assert_str_eq(set->items[2].path, "/run/engine.sock");
    facts_free(&set->facts);
    daemon->rootless = true; /* its user's own */
    expect("containerd-sockets:", daemon, NULL, "/run/containerd/containerd.sock");
    facts_free(&daemon->facts);
    expect_for("containerd-sockets:", "--exec-root", "/run/d2",
               "/run/containerd/containerd.sock /run/d2/containerd/containerd.sock");
    daemon = daemon_of(NULL, NULL, "{");
    info.containerd_address = NULL;
    ck_assert_int_eq(fileset_read(root, "containerd-sockets:", &(struct fileset_context){.daemon = daemon}, &set, NULL),
                     -EBADMSG);
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_real_socket)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct fileset_facts *set;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", host_folder);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(address.sun_path, 0660), 0);
    set = read_set("sockets:", daemon, "/s");
    ck_assert_uint_eq(set->count, 1);
    ck_assert_uint_eq(set->items[0].mode, S_IFSOCK | 0660);
    facts_free(&set->facts);
    facts_free(&daemon->facts);
}
END_TEST

static const struct {
    const char *option, *value, *group;
    gid_t gid;
    bool exists;
} groups[] = {
    {NULL, NULL, "docker", 999, true},
    {"--group", "wheel", "wheel", 10, true},
    {"-G", "10", "10", 10, true},
    {"--group=", NULL, "root", 0, true},
    {"--group", "none", "none", -1U, false},
    {"-G", "4294967295", "4294967295", -1U, false},
};

START_TEST(test_expected_group)
{
    struct daemon_facts *daemon = daemon_of(groups[_i].option, groups[_i].value, NULL);
    struct fileset_facts *set;

    put_text("/etc/group", "docker:x:999:\nwheel:x:10:\n");
    set = read_set("sockets:", daemon, NULL);
    ck_assert_str_eq(set->expected_group, groups[_i].group);
    ck_assert_uint_eq(set->expected_gid, groups[_i].gid);
    ck_assert(set->expected_group_exists == groups[_i].exists);
    facts_free(&set->facts);
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_podman_behind_the_socket)
{
    struct daemon_facts *daemon = NULL;
    struct fileset_facts *set;

    put_text("/etc/group", "docker:x:999:\nroot:x:0:\n");
    put_text("/proc/55/comm", "podman\n");
    put_text("/proc/56/comm", "proxy\n");
    link_to("/usr/bin/podman", "/proc/55/exe");
    ck_assert_int_eq(daemon_config_read(root, NULL, 0, NULL, &daemon, NULL), 0);
    daemon_config_engine(root, NULL, 56, false, daemon);
    ck_assert(!daemon->podman && !daemon->exe);
    daemon_config_engine(root, NULL, 55, false, daemon);
    ck_assert(daemon->podman);
    ck_assert_str_eq(daemon->exe, "/usr/bin/podman");
    set = read_set("sockets:", daemon, NULL);
    ck_assert_str_eq(set->expected_group, "root");
    ck_assert_uint_eq(set->expected_gid, 0);
    facts_free(&set->facts);
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_config_file)
{
    struct daemon_facts *daemon = NULL;

    put_text("/etc/docker/daemon.json", "{");
    ck_assert_int_eq(daemon_config_read(root, NULL, 0, NULL, &daemon, NULL), 0);
    expect("daemon.json:", daemon, NULL, "/etc/docker/daemon.json");
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_programs)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);
    const struct fileset_context context = {.daemon = daemon};
    struct fileset_facts *set = NULL;
    struct error error = ERROR_INIT;

    put_mode("/usr/bin/docker", 0755);
    expect("program:docker,containerd", daemon, NULL, "/usr/bin/docker");
    ck_assert_int_eq(fileset_read(root, "program:dockerd,docker", &context, &set, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "dockerd"));
    daemon->exe = "/opt/dockerd";
    ck_assert_int_eq(fileset_read(root, "program:dockerd,docker", &context, &set, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "/opt/dockerd"));
    put_text("/opt/dockerd", "");
    expect("program:dockerd,docker", daemon, NULL, "/opt/dockerd /usr/bin/docker");
    facts_free(&daemon->facts);
}
END_TEST

/* Each client that somebody on this host may run; one file by several names is one. */
START_TEST(test_every_program)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);

    put_mode("/usr/bin/docker", 0755);
    put_mode("/usr/local/bin/docker", 0755);
    put_mode("/opt/client/docker", 0755);
    put_mode("/opt/tools/docker", 0755);
    put_mode("/opt/notes/docker", 0644);
    put_mode("/srv/docker", 0755);
    link_to("/usr/bin", "/bin");
    link_to("/usr/bin/docker", "/usr/sbin/docker");
    put_text("/etc/environment", "LANG=C\nPATH=\"/usr/bin:/opt/client:/opt/notes\"\n");
    put_text("/etc/login.defs", "# ENV_PATH PATH=/srv\nENV_SUPATH\tPATH=/usr/sbin:/opt/tools\n");
    expect("program:every docker", daemon, NULL,
           "/opt/client/docker /opt/tools/docker /usr/local/bin/docker /usr/sbin/docker>/usr/bin/docker");
    facts_free(&daemon->facts);
}
END_TEST

static const struct {
    const char *info, *wanted;
} shims[] = {
    {"{}", "/usr/bin/containerd-shim-runc-v2"},
    {"{\"Runtimes\": {\"runc\": {\"path\": \"runc\"}}}", "/usr/bin/containerd-shim-runc-v2"},
    {"{\"Runtimes\": {\"io.containerd.runc.v2\": {\"path\": \"runc\"}, \"runc\": {\"path\": \"/opt/crun\"}, "
     "\"io.containerd.runtime.v1.linux\": {\"path\": \"runc\"}}}",
     "/usr/bin/containerd-shim /usr/bin/containerd-shim-runc-v2"},
    {"{\"Runtimes\": {\"k\": {\"runtimeType\": \"io.containerd.kata.v2\"}}}", "/usr/bin/containerd-shim-kata-v2"},
    {"{\"Runtimes\": {\"k\": {\"runtimeType\": \"/opt/containerd-shim-k-v1\"}}}", "/opt/containerd-shim-k-v1"},
};

START_TEST(test_shims)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"DockerRootDir\": \"/d\"%s%s", shims[_i].info[1] == '}' ? "" : ", ", shims[_i].info + 1);
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);
    struct fileset_context context = {.daemon = daemon};
    struct fileset_facts *set = NULL;
    struct info_facts *info = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_info(text, strlen(text), &info, &error) == 0, "%s", error.text);
    put_mode("/usr/bin/containerd-shim", 0755);
    put_mode("/usr/bin/containerd-shim-runc-v1", 0755);
    put_mode("/usr/bin/containerd-shim-runc-v2", 0755);
    put_mode("/usr/bin/containerd-shim-kata-v2", 0755);
    put_mode("/opt/containerd-shim-k-v1", 0755);
    context.info = info;
    ck_assert_int_eq(fileset_read(root, "program:@shims", &context, &set, &error), 0);
    ck_assert_str_eq(paths_of(set), shims[_i].wanted);
    facts_free(&set->facts);
    facts_free(&info->facts);
    facts_free(&daemon->facts);
}
END_TEST

START_TEST(test_embedded_containerd)
{
    static const char config[] = "{\"features\": {\"embedded-containerd\": %s}}";
    const char *const values[] = {"true", "false"};

    put_mode("/usr/bin/containerd", 0755);
    put_mode("/usr/bin/containerd-shim-runc-v2", 0755);
    put_mode("/usr/bin/runc", 0755);
    for (size_t i = 0; i < countof(values); i++) {
        scoped(cleanup_free) char *text = mem_printf(config, values[i]);
        const char *arguments[] = {"dockerd"};
        struct daemon_facts *daemon = NULL;

        ck_assert_int_eq(daemon_config_parse(arguments, 1, text, strlen(text), &daemon, NULL), 0);
        expect("program:containerd,@shims,docker-containerd", daemon, NULL,
               i ? "/usr/bin/containerd /usr/bin/containerd-shim-runc-v2" : "");
        expect("program:@runtime", daemon, NULL, "/usr/bin/runc");
        facts_free(&daemon->facts);
    }
}
END_TEST

static const struct {
    const char *info, *wanted;
} runtimes[] = {
    {"{}", "/usr/bin/runc"},
    {"{\"DefaultRuntime\": \"runc\", \"Runtimes\": {\"runc\": {\"path\": \"runc\"}}}", "/usr/bin/runc"},
    {"{\"DefaultRuntime\": \"r\", \"Runtimes\": {\"runc\": {\"path\": \"runc\"}, \"r\": {\"path\": \"/opt/crun\"}}}",
     "/opt/crun"},
    {"{\"DefaultRuntime\": \"io.containerd.runc.v2\", \"Runtimes\": {\"io.containerd.runc.v2\": {\"path\": \"runc\"}}}",
     "/usr/bin/runc"},
    {"{\"DefaultRuntime\": \"k\", \"Runtimes\": {\"k\": {\"runtimeType\": \"io.containerd.kata.v2\"}}}",
     "/usr/bin/containerd-shim-kata-v2"},
    {"{\"DefaultRuntime\": \"io.containerd.kata.v2\", \"Runtimes\": {}}", "/usr/bin/containerd-shim-kata-v2"},
    {"{\"DefaultRuntime\": \"k\", \"Runtimes\": {\"k\": {\"runtimeType\": \"/opt/crun\"}}}", "/opt/crun"},
    {"{\"DefaultRuntime\": \"gone\", \"Runtimes\": null}", ""},
};

START_TEST(test_default_runtime)
{
    struct daemon_facts *daemon = daemon_of(NULL, NULL, NULL);
    scoped(cleanup_free) char *text = mem_printf("{\"DockerRootDir\": \"/d\", %s", runtimes[_i].info + 1);
    struct fileset_context context = {.daemon = daemon};
    struct fileset_facts *set = NULL;
    struct info_facts *info = NULL;
    struct error error = ERROR_INIT;

    if (strcmp(runtimes[_i].info, "{}") != 0)
        ck_assert_msg(parse_info(text, strlen(text), &info, &error) == 0, "%s", error.text);
    put_mode("/usr/bin/runc", 0755);
    put_mode("/usr/bin/containerd-shim-kata-v2", 0755);
    put_mode("/opt/crun", 0755);
    context.info = info;
    ck_assert_int_eq(fileset_read(root, "program:@runtime", &context, &set, &error), 0);
    ck_assert_str_eq(paths_of(set), runtimes[_i].wanted);
    facts_free(&set->facts);
    facts_free(&daemon->facts);
    if (info)
        facts_free(&info->facts);
}
END_TEST

START_TEST(test_source_grammar)
{
    static const char *const good[] = {"path:/a",       "path:/a,/b", "tree:/etc",    "unit:docker.service",
                                       "option:tlskey", "sockets:",   "daemon.json:", "unit:x.socket"};
    static const char *const bad[] = {"",       "path:",  "path:a",        "path:/a,b", "path:/a,",  "tree:x",
                                      "unit:a", "unit:.", "unit:../a.b",   "option:",   "option:A",  "sockets:/x",
                                      "/etc",   "path",   "daemon.json:x", "other:/a",  "unit:a/b.c"};
    struct error error = ERROR_INIT;

    for (size_t i = 0; i < countof(good); i++)
        ck_assert_msg(fileset_source_valid(good[i], &error), "%s: %s", good[i], error.text);
    for (size_t i = 0; i < countof(bad); i++)
        ck_assert_msg(!fileset_source_valid(bad[i], &error), "%s", bad[i]);
    ck_assert(fileset_needs_daemon("sockets:"));
    ck_assert(fileset_needs_daemon("option:tlskey"));
    ck_assert(!fileset_needs_daemon("path:/a"));
    ck_assert(!fileset_needs_daemon("unit:a.service"));
}
END_TEST

START_TEST(test_digest_follows_mode)
{
    struct fileset_facts *first, *same, *changed;

    put_mode("/f", 0644);
    first = read_set("path:/f", NULL, NULL);
    same = read_set("path:/f", NULL, NULL);
    put_mode("/f", 04644);
    changed = read_set("path:/f", NULL, NULL);
    ck_assert_uint_eq(first->facts.digest, same->facts.digest);
    ck_assert_uint_ne(first->facts.digest, changed->facts.digest);
    facts_free(&first->facts);
    facts_free(&same->facts);
    facts_free(&changed->facts);
}
END_TEST

static void collect_watch(const char *path, bool tree, void *user)
{
    str_printf(user, "%s%s ", path, tree ? "/**" : "");
}

START_TEST(test_watch_paths)
{
    scoped_str seen = STR_INIT;
    struct daemon_facts *daemon = daemon_of("-H", "fd://", NULL);
    struct fileset_facts *set;

    put_text("/outside/folder/file", "");
    link_to("/outside/folder", "/etc/docker/certs.d/registry");
    link_to("/outside/folder/file", "/etc/docker/certs.d/other/ca.crt");
    set = read_set("tree:/etc/docker/certs.d", NULL, NULL);
    for (size_t i = 0; i < set->link_count; i++)
        collect_watch(set->links[i].path, set->links[i].directory, &seen);
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/etc/docker/certs.d/registry/** "));
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/etc/docker/certs.d/other/ca.crt "));
    facts_free(&set->facts);
    str_clear(&seen);
    fileset_watch_paths(root, "tree:/nowhere", &(struct fileset_context){0}, collect_watch, &seen);
    ck_assert_str_eq(str_text(&seen), "/nowhere/** /etc/passwd /etc/group ");
    str_clear(&seen);
    fileset_watch_paths(root, "unit:docker.service", &(struct fileset_context){0}, collect_watch, &seen);
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/etc/systemd/system/docker.service "));
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/etc/systemd/system/docker.service.d/** "));
    str_clear(&seen);
    fileset_watch_paths(root, "sockets:", &(struct fileset_context){.daemon = daemon, .engine_socket = "/run/x.sock"},
                        collect_watch, &seen);
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/run/x.sock /run/docker.sock "));
    ck_assert_ptr_nonnull(strstr(str_text(&seen), "/docker.socket "));
    facts_free(&daemon->facts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fileset");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, host_folder_setup, host_folder_teardown);
    tcase_add_test(all, test_folders);
    tcase_add_test(all, test_activation);
    tcase_add_test(all, test_acl_is_read_from_the_file);
    tcase_add_test(all, test_default_acl_of_a_directory);
    tcase_add_test(all, test_acl_of_any_bytes);
    tcase_add_test(all, test_paths);
    tcase_add_test(all, test_unreadable_is_an_error_item);
    tcase_add_test(all, test_modes_and_owners);
    tcase_add_test(all, test_names);
    tcase_add_test(all, test_tree);
    tcase_add_test(all, test_tree_is_bounded);
    tcase_add_test(all, test_units);
    tcase_add_test(all, test_options);
    tcase_add_test(all, test_defaults_of_rootless);
    tcase_add_test(all, test_option_relative_to_dockerd);
    tcase_add_test(all, test_sockets);
    tcase_add_test(all, test_containerd_sockets);
    tcase_add_test(all, test_real_socket);
    tcase_add_loop_test(all, test_expected_group, 0, countof(groups));
    tcase_add_test(all, test_podman_behind_the_socket);
    tcase_add_test(all, test_config_file);
    tcase_add_test(all, test_programs);
    tcase_add_test(all, test_every_program);
    tcase_add_loop_test(all, test_shims, 0, (int)countof(shims));
    tcase_add_test(all, test_embedded_containerd);
    tcase_add_loop_test(all, test_default_runtime, 0, (int)countof(runtimes));
    tcase_add_test(all, test_source_grammar);
    tcase_add_test(all, test_digest_follows_mode);
    tcase_add_test(all, test_watch_paths);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
