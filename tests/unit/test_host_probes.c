/* Probes that read a host's own files: groups, listening sockets, mounts, environment, containerd. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "probes/daemon/containerd.h"
#include "probes/daemon/daemon_config.h"
#include "probes/environment/environment.h"
#include "probes/host/addresses.h"
#include "probes/host/groups.h"
#include "probes/host/listeners.h"
#include "probes/host/own_container.h"
#include "probes/host/socket_unit.h"
#include "probes/watch/mounts.h"
#include "tests/unit/host_folder.h"

/* ---- Groups ---- */

/* "name gid: entry=member,member … | primary; …" of what GROUP is in the folder's files. */
static const char *found_group(const char *group, bool by_id)
{
    static char text[1024];
    struct groups_request request = {.root = root, .group = group, .by_id = by_id};
    struct group_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT, shown = STR_INIT;

    if (groups_run(&output, &request, &error) < 0) {
        snprintf(text, sizeof text, "error: %s", error.text);
        return text;
    }
    ck_assert_msg(groups_parse(output.data, output.length, &facts, &error) == 0, "%s", error.text);
    for (size_t i = 0; i < facts->count; i++) {
        const struct group_item *item = &facts->items[i];

        str_printf(&shown, "%s%s %u%s:", i ? "; " : "", item->name, (unsigned)item->gid, item->exists ? "" : " (none)");
        for (size_t k = 0; k < item->line_count; k++) {
            const struct group_line *line = &item->lines[k];

            str_printf(&shown, " %s/%u=", line->name, (unsigned)line->gid);
            for (size_t m = 0; m < line->members.count; m++)
                str_printf(&shown, "%s%s", m ? "," : "", line->members.items[m]);
        }
        str_append(&shown, " |");
        for (size_t k = 0; k < item->primary.count; k++)
            str_printf(&shown, " %s", item->primary.items[k]);
    }
    snprintf(text, sizeof text, "%s", facts->count ? str_text(&shown) : "none");
    facts_free(&facts->facts);
    return text;
}

START_TEST(test_groups)
{
    put_text("/etc/group", "root:x:0:\n# docker:x:999:eve\ndocker:x:999:alice,bob\nbroken\n:x:999:nobody\n"
                           "users:x:100:carol\nmoby:x:999:dave\n12:x:77:erin\nodd:x:12:frank\nempty:x:50:");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nci:x:1001:999:CI:/:/bin/sh\n"
                            "toor:x:0:999::/:/bin/sh\nshort:x:5\nmallory:x:1002:9990::/:/bin/sh");
    ck_assert_str_eq(found_group("docker", false), "docker 999: docker/999=alice,bob moby/999=dave | ci");
    ck_assert_str_eq(found_group("999", true), "docker 999: docker/999=alice,bob moby/999=dave | ci");
    ck_assert_str_eq(found_group("999", false), "docker 999: docker/999=alice,bob moby/999=dave | ci");
    ck_assert_str_eq(found_group("dock", false), "none");
    ck_assert_str_eq(found_group("12", false), "12 77: 12/77=erin |");
    ck_assert_str_eq(found_group("12", true), "odd 12: odd/12=frank |");
    ck_assert_str_eq(found_group("9990", true), "9990 9990 (none): | mallory");
    ck_assert_str_eq(found_group("4242", true), "4242 4242 (none): |");
    ck_assert_str_eq(found_group("empty", false), "empty 50: empty/50= |");
    ck_assert_str_eq(found_group("50,100", true), "empty 50: empty/50= |; users 100: users/100=carol |");
    ck_assert_str_eq(found_group("50,x", true), "empty 50: empty/50= |");
}
END_TEST

START_TEST(test_groups_with_blanks)
{
    put_text("/etc/group", "  docker:x:999: alice,\tbob,,carol,\n");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\n\tci:x:1001:999:CI:/:/bin/sh\n");
    ck_assert_str_eq(found_group("docker", false), "docker 999: docker/999=alice,bob,carol | ci");
}
END_TEST

/* Who is a member according to /etc/gshadow alone gets the group by newgrp(1). */
START_TEST(test_groups_of_gshadow)
{
    put_text("/etc/group", "docker:x:999:alice\nadm:x:4:\n");
    put_text("/etc/gshadow", "docker:!:carol:alice,eve\nadm:*::bob\nmoby:!::dave\nbroken\n");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    ck_assert_str_eq(found_group("docker", false), "docker 999: docker/999=alice,eve |");
    ck_assert_str_eq(found_group("4", true), "adm 4: adm/4=bob |");
}
END_TEST

/* initgroups(3) goes through every line: id(1) shows all of them. */
START_TEST(test_groups_doubled)
{
    put_text("/etc/group", "docker:x:105:alice\nadm:x:4:\ndocker:x:105:bob\nbuild:x:105:ci\ndocker:x:106:carol\n");
    put_text("/etc/passwd", "dev:x:1000:105::/:/bin/sh\nother:x:1001:106::/:/bin/sh\n");
    ck_assert_str_eq(found_group("105", true),
                     "docker 105: docker/105=alice docker/105=bob build/105=ci docker/106=carol | dev");
    ck_assert_str_eq(found_group("docker", false),
                     "docker 105: docker/105=alice docker/105=bob build/105=ci docker/106=carol | dev");
}
END_TEST

START_TEST(test_groups_of_root)
{
    put_text("/etc/group", "root:x:0:eve\n");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsync:x:5:0:sync:/sbin:/bin/sync\nhalt:x:7:0::/:/sbin/halt\n"
                            "operator:x:11:0::/:/sbin/nologin\nmallory:x:1000:0::/home/m:/bin/bash\n");
    ck_assert_str_eq(found_group("0", true), "root 0: root/0=eve | mallory");
}
END_TEST

START_TEST(test_groups_unreadable)
{
    ck_assert(str_starts(found_group("docker", false), "error: /etc/group"));
    put_text("/etc/group", "docker:x:999:alice\n");
    ck_assert(str_starts(found_group("docker", false), "error: /etc/passwd"));
    put_text("/etc/passwd", "");
    ck_assert_str_eq(found_group("docker", false), "docker 999: docker/999=alice |");
}
END_TEST

/* ---- Mounts of every start ---- */

START_TEST(test_mounts_configured)
{
    static const char table[] = "20 1 8:1 / / rw - btrfs /dev/sda1 rw,subvol=/@\n";
    struct mounts_facts *facts = NULL;
    uint64_t digest;
    scoped_str shown = STR_INIT;

    ck_assert_int_eq(mounts_parse(table, strlen(table), &facts, NULL), 0);
    ck_assert_str_eq(facts->items[0].file_system_options, "rw,subvol=/@");
    digest = facts->facts.digest;
    put_text("/etc/fstab", "# /dev/sdz /commented ext4\n/dev/sda1 / ext4 defaults 0 1\nUUID=1\t/var/lib/docker ext4\n"
                           "/dev/sdb none swap sw\n/dev/sdc /with\\040space xfs\nshort\n");
    put_text("/etc/systemd/system/srv-a\\x2db.mount", "[Mount]\n");
    put_text("/etc/systemd/system/-.mount", "[Mount]\n");
    put_text("/etc/systemd/system/other.service", "[Service]\n");
    mounts_read_configured(root, facts);
    for (size_t i = 0; i < facts->configured.count; i++)
        str_printf(&shown, "%s,", facts->configured.items[i]);
    ck_assert_str_eq(shown.data, "/,/var/lib/docker,/with space,/,/srv/a-b,");
    ck_assert(facts->has_configured);
    ck_assert_uint_ne(facts->facts.digest, digest);
    facts_free(&facts->facts);
}
END_TEST

/* ---- Listening sockets ---- */

#define TCP_HEAD  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define TCP6_HEAD "  sl  local_address                         remote_address                        st\n"

START_TEST(test_listeners)
{
    struct listener_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(listeners_parse(TCP_HEAD "   0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0\n"
                                              "   1: 00000000:0947 00000000:0000 0A 0:0 0:0 0 0 0\n"
                                              "   2: 00000000:0948 01000000:1234 01 0:0 0:0 0 0 0\n"
                                              "   3: 0000:0948 01000000:1234 0A 0:0\n"
                                              "garbage\n   4: ZZZZZZZZ:0001 00000000:0000 0A\n",
                                     TCP6_HEAD "   0: 00000000000000000000000000000000:0949 "
                                               "00000000000000000000000000000000:0000 0A 0:0\n"
                                               "   1: 00000000000000000000000001000000:094A "
                                               "00000000000000000000000000000000:0000 0A 0:0",
                                     NULL, 0, &facts, &error),
                     0);
    ck_assert_int_eq(facts->count, 4);
    ck_assert_str_eq(facts->items[0].address, "127.0.0.1");
    ck_assert_int_eq(facts->items[0].port, 80);
    ck_assert_str_eq(facts->items[1].address, "0.0.0.0");
    ck_assert_int_eq(facts->items[1].port, 2375);
    ck_assert_str_eq(facts->items[2].address, "::");
    ck_assert_str_eq(facts->items[3].address, "::1");
    facts_free(&facts->facts);
    ck_assert_int_eq(listeners_parse("", NULL, NULL, 0, &facts, &error), 0);
    ck_assert_int_eq(facts->count, 0);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_listeners_of_the_engine)
{
    struct listener_facts *facts = NULL;
    struct error error = ERROR_INIT;

    put_text("/proc/90/net/tcp", TCP_HEAD
             "   0: 00000000:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0\n"
             "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 778 1 0\n");
    link_to("socket:[777]", "/proc/90/fd/3");
    link_to("/dev/null", "/proc/90/fd/0");
    ck_assert_msg(listeners_read(root, 90, &facts, &error) == 0, "%s", error.text);
    ck_assert_int_eq(facts->count, 2);
    ck_assert(!facts->items[0].of_engine);
    ck_assert_int_eq(facts->items[1].port, 2375);
    ck_assert(facts->items[1].of_engine);
    ck_assert_ptr_null(facts->own_error);
    facts_free(&facts->facts);

    put_text("/proc/91/net/tcp", TCP_HEAD);
    ck_assert_int_eq(listeners_read(root, 91, &facts, &error), 0);
    ck_assert_ptr_nonnull(strstr(facts->own_error, "/proc/91/fd"));
    facts_free(&facts->facts);
}
END_TEST

/* ---- Mounts ---- */

START_TEST(test_mounts)
{
    static const char good[] = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                               "31 20 8:17 / /srv/docker\\040data rw master:2 propagate_from:3 - xfs /dev/sdb1 rw\n"
                               "32 20 0:40 / /a\\134b rw - tmpfs  rw";
    static const char *const bad[] = {"20 1 8:1 / /\n", "20 1 x / / rw - ext4 a rw\n",
                                      "20 1 8:1 / / rw shared:1 ext4\n", "garbage\n"};
    struct mounts_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(mounts_parse(good, strlen(good), &facts, &error), 0);
    ck_assert_int_eq(facts->count, 3);
    ck_assert_str_eq(facts->items[1].mount_point, "/srv/docker data");
    ck_assert_str_eq(facts->items[1].type, "xfs");
    ck_assert_int_eq(facts->items[1].major, 8);
    ck_assert_int_eq(facts->items[1].minor, 17);
    ck_assert_str_eq(facts->items[2].mount_point, "/a\\b");
    facts_free(&facts->facts);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(mounts_parse(bad[i], strlen(bad[i]), &facts, &error) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* ---- Environment ---- */

START_TEST(test_environment)
{
    struct environment_facts *facts = NULL;

    put_text("/etc/environment", "PATH=/bin\nDOCKER_CONTENT_TRUST=\"0\"\n");
    put_text("/etc/profile", "# export DOCKER_CONTENT_TRUST=1\nif true; then :; fi\n");
    put_text("/etc/profile.d/b.sh", "export DOCKER_CONTENT_TRUST=1\n");
    put_text("/etc/profile.d/a.sh", "export MY_DOCKER_CONTENT_TRUST=1 DOCKER_CONTENT_TRUST_SERVER=https://x\n");
    put_text("/etc/profile.d/c.csh", "setenv DOCKER_CONTENT_TRUST 0\n");
    facts = environment_read(root, "DOCKER_CONTENT_TRUST", NULL, NULL);
    ck_assert_ptr_null(facts->open_place);
    ck_assert_ptr_null(facts->error);
    ck_assert_str_eq(facts->place, "/etc/profile.d/b.sh");
    ck_assert_uint_eq(facts->line, 1);
    ck_assert_str_eq(facts->value, "1");
    ck_assert(facts->exported);
    facts_free(&facts->facts);
}
END_TEST

/* systemd's default comes before it, what is set at log-in after it; what could not be seen may be anything. */
START_TEST(test_environment_of_dockerd)
{
    struct environment_facts *facts;

    put_text("/etc/systemd/system.conf", "[Manager]\nDefaultEnvironment=DOCKER_CONTENT_TRUST=0\n");
    facts = environment_read(root, "DOCKER_CONTENT_TRUST", "1", NULL);
    ck_assert_str_eq(facts->value, "1");
    ck_assert_str_eq(facts->place, "dockerd's environment");
    facts_free(&facts->facts);
    facts = environment_read(root, "DOCKER_CONTENT_TRUST", NULL, "needs CAP_SYS_PTRACE");
    ck_assert_str_eq(facts->value, "0");
    ck_assert_str_eq(facts->open_place, "dockerd's environment");
    ck_assert_str_eq(facts->error, "dockerd's environment: needs CAP_SYS_PTRACE");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_environment_unreadable)
{
    struct environment_facts *facts = NULL;

    put_text("/etc/profile", "export DOCKER_CONTENT_TRUST=1\n");
    link_to("/etc/profile.d", "/etc/profile.d"); /* a link that leads nowhere but to itself */
    facts = environment_read(root, "DOCKER_CONTENT_TRUST", NULL, NULL);
    ck_assert_ptr_nonnull(facts->error);
    ck_assert_ptr_nonnull(strstr(facts->error, "/etc/profile.d"));
    ck_assert_str_eq(facts->open_place, "/etc/profile.d"); /* what is there may undo it */
    facts_free(&facts->facts);
}
END_TEST

/* The client's package; one that was put there by hand comes first in the PATH and is of none. */
START_TEST(test_docker_client)
{
    static const struct {
        const char *path, *text, *client, *version;
    } databases[] = {
        {"/var/lib/dpkg/status",
         "Package: docker.io\nStatus: install ok installed\nVersion: 28.5.2+dfsg4-1\n\nPackage: "
         "docker-ce-cli\nStatus: install ok installed\nDescription: x\n Version: 1\nVersion: "
         "5:29.1.3-1~debian.12~bookworm\n",
         "docker-ce-cli", "29.1.3-1~debian.12~bookworm"},
        {"/var/lib/dpkg/status",
         "Package: docker-ce-cli\nStatus: deinstall ok config-files\nVersion: 5:29.1.3-1\n\nPackage: "
         "docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1\n",
         "docker.io", "20.10.24+dfsg1-1"},
        {"/var/lib/dpkg/status", "Package: not-docker-cli\nStatus: install ok installed\nVersion: 9\n", NULL, NULL},
        {"/var/lib/dpkg/status", "Package: docker-cli", NULL, NULL},
        {"/lib/apk/db/installed", "C:Q1x\nP:docker-cli\nV:29.0.1-r0\nA:x86_64\n\nP:docker\nV:1\n", "docker-cli",
         "29.0.1-r0"},
    };

    size_t i = (size_t)_i / 2;
    bool by_hand = _i % 2;
    struct environment_facts *facts = NULL;

    put_text(databases[i].path, databases[i].text);
    if (by_hand)
        put_text("/usr/local/bin/docker", "");
    facts = environment_read(root, "DOCKER_CONTENT_TRUST", NULL, NULL);
    if (by_hand || !databases[i].client) {
        ck_assert_ptr_null(facts->client);
    } else {
        ck_assert_str_eq(facts->client, databases[i].client);
        ck_assert_str_eq(facts->client_version, databases[i].version);
    }
    facts_free(&facts->facts);
}
END_TEST

/* ---- containerd and a rootless dockerd ---- */

static const struct {
    const char *toml, *wanted;
} configurations[] = {
    {"version = 2\nroot = \"/data/containerd\"\n", "/data/containerd"},
    {"root='/data/c'", "/data/c"},
    {"  root\t=\t\"/a b\" # comment", "/a b"},
    {"#root = \"/no\"\n", NULL},
    {"rootless = \"/no\"\nroots = \"/no\"\n", NULL},
    {"[plugins]\nroot = \"/no\"\n", NULL},
    {"root = relative\n", NULL},
    {"root = \"\"\n", NULL},
    {"", NULL},
};

START_TEST(test_containerd_configuration)
{
    scoped(cleanup_free) char *found = containerd_root_in_config(configurations[_i].toml);

    if (configurations[_i].wanted)
        ck_assert_str_eq(found, configurations[_i].wanted);
    else
        ck_assert_ptr_null(found);
}
END_TEST

static void check_containerd(const char *cmdline, size_t length, const char *wanted)
{
    scoped(cleanup_free) char *found = NULL;

    put("/proc/70/cmdline", cmdline, length);
    found = containerd_root(root, 70);
    ck_assert_str_eq(found, wanted);
}

#define CMDLINE(text) (text), sizeof(text)

START_TEST(test_containerd_arguments)
{
    check_containerd(CMDLINE("/usr/bin/containerd"), "/var/lib/containerd");
    put_text("/etc/containerd/config.toml", "root = \"/from-config\"\n");
    put_text("/opt/c.toml", "root = \"/from-other\"\n");
    check_containerd(CMDLINE("/usr/bin/containerd"), "/from-config");
    check_containerd(CMDLINE("containerd\0--root\0/given"), "/given");
    check_containerd(CMDLINE("containerd\0--root=/given"), "/given");
    check_containerd(CMDLINE("containerd\0-c\0/opt/c.toml"), "/from-other");
    check_containerd(CMDLINE("containerd\0--config=/opt/c.toml"), "/from-other");
    check_containerd(CMDLINE("containerd\0--root"), "/from-config");
    ck_assert_ptr_null(containerd_root(root, 71));
    ck_assert_ptr_null(containerd_root(root, 0));
}
END_TEST

static void check_config_path(const char *cmdline, size_t length, const char *variables, size_t variables_length,
                              const char *wanted)
{
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;

    put("/proc/80/cmdline", cmdline, length);
    put("/proc/80/environ", variables, variables_length);
    ck_assert_msg(daemon_config_read(root, NULL, 80, NULL, &facts, &error) == 0, "%s", error.text);
    ck_assert_str_eq(facts->config_path, wanted);
    facts_free(&facts->facts);
}

START_TEST(test_rootless)
{
    check_config_path(CMDLINE("dockerd"), CMDLINE("HOME=/home/u"), "/etc/docker/daemon.json");
    check_config_path(CMDLINE("dockerd"), CMDLINE("HOME=/home/u\0ROOTLESSKIT_STATE_DIR=/run/user/1/rk"),
                      "/home/u/.config/docker/daemon.json");
    check_config_path(CMDLINE("dockerd\0--rootless"), CMDLINE("XDG_CONFIG_HOME=/cfg\0HOME=/home/u"),
                      "/cfg/docker/daemon.json");
    check_config_path(CMDLINE("dockerd\0--rootless=false"), CMDLINE("HOME=/home/u\0ROOTLESSKIT_STATE_DIR=/rk"),
                      "/etc/docker/daemon.json");
    check_config_path(CMDLINE("dockerd\0--config-file=/opt/d.json"), CMDLINE("ROOTLESSKIT_STATE_DIR=/rk"),
                      "/opt/d.json");
}
END_TEST

/* ---- Unit files ---- */

static void note_assignment(const char *key, const char *value, void *user)
{
    str_printf(user, "%s=%s|", key, value);
}

static const struct {
    const char *text, *wanted; /* of [Socket] */
} unit_texts[] = {
    {"[Socket]\nListenStream=/a\n", "ListenStream=/a|"},
    {"[Unit]\nListenStream=/a\n[Socket]\n b = c \r\n[Install]\nd=e", "b=c|"},
    {"[Socket]\nListenStream=\\\n  2375\n", "ListenStream=2375|"},
    {"[Socket]\nA=one \\\n# no\n; nor this\n two\nB=1", "A=one  two|B=1|"},
    {"[Socket]\nA=x\\\\\nB=1\n", "A=x\\\\|B=1|"},
    {"[Socket]\nA=x\\", "A=x|"},
    {"[Socket]\nA=x # kept\n#B=2\n  ; C=3\n", "A=x # kept|"},
    {"[Socket]\nA=\nnothing\n=x\nB==y\n", "A=|B==y|"},
    {"[Socket]\nA=\"q q\"\n", "A=\"q q\"|"},
    {"[Socke]\nA=1\n[Socket]x\nA=2\n[socket]\nA=3\n", ""},
    {"\xef\xbb\xbf[Socket]\nA=1\n[X]\n[Socket]\nB=2", "A=1|B=2|"},
    {"", ""},
};

START_TEST(test_unit_files)
{
    scoped(cleanup_free) char *text = mem_strdup(unit_texts[_i].text);
    scoped_str found = STR_INIT;

    unit_file_parse(text, "Socket", note_assignment, &found);
    ck_assert_str_eq(str_text(&found), unit_texts[_i].wanted);
}
END_TEST

/* What docker.socket listens on, with '|' between. */
static const char *found_streams(void)
{
    static char text[1024];
    scoped(path_list_deinit) struct path_list list = {0};
    size_t used = 0;

    text[0] = '\0';
    ck_assert_int_eq(socket_unit_streams(root, NULL, socket_unit_docker, "/default", &list, NULL), 0);
    for (size_t i = 0; i < list.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "|" : "", list.items[i]);
    return text;
}

START_TEST(test_socket_units)
{
    scoped(cleanup_free) char *mode = NULL;

    ck_assert_str_eq(found_streams(), "/default");
    put_text("/lib/systemd/system/docker.socket",
             "[Socket]\nListenStream=%t/docker.sock\nListenStream=\\\n 0.0.0.0:2375\nSocketMode=0660\n");
    ck_assert_str_eq(found_streams(), "/run/docker.sock|0.0.0.0:2375");
    put_text("/etc/systemd/system/docker.socket.d/20.conf",
             "[Socket]\nListenStream=2376\nListenStream=localhost:1\nListenStream=\"/q\"\nListenStream=70000\n"
             "ListenStream=[::1]:2377\nListenStream=@abstract\nListenStream=%p.sock\nListenStream=/run/%p-%%.sock\n"
             "SocketMode=0666\n");
    ck_assert_str_eq(found_streams(), "/run/docker.sock|0.0.0.0:2375|2376|[::1]:2377|@abstract|/run/docker-%.sock");
    ck_assert_int_eq(unit_value(root, NULL, "docker.socket", "Socket", "SocketMode", &mode, NULL), 0);
    ck_assert_str_eq(mode, "0666");
    free(mode);
    mode = NULL;
    put_text("/etc/systemd/system/docker.socket.d/30.conf",
             "[Socket]\nListenDatagram=\nListenStream=/c\nSocketMode=\n");
    ck_assert_str_eq(found_streams(), "/c"); /* an empty value of any kind resets all kinds */
    ck_assert_int_eq(unit_value(root, NULL, "docker.socket", "Socket", "SocketMode", &mode, NULL), 0);
    ck_assert_ptr_null(mode);
}
END_TEST

START_TEST(test_addresses)
{
    struct arena *arena = arena_new(1024);
    struct string_list list;

    addresses_parse("Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 192.0.2.0\n"
                    "        /24 link UNICAST\n           |-- 192.0.2.7\n              /32 host LOCAL\n"
                    "Local:\n           |-- 192.0.2.7\n              /32 host LOCAL\n           |-- 192.0.2.255\n"
                    "              /32 link BROADCAST\n",
                    "20010db8000000000000000000000007 02 40 00 80 eth0\nshort\n", arena, &list);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.items[0], "192.0.2.7");
    ck_assert_str_eq(list.items[1], "2001:db8::7");
    addresses_parse("", "", arena, &list);
    ck_assert_uint_eq(list.count, 0);
    addresses_read(root, 0, arena, &list);
    ck_assert_uint_eq(list.count, 0);
    arena_free(arena);
}
END_TEST

#define OWN   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct {
    const char *mountinfo, *id; /* NULL: in no container */
} own_containers[] = {
    {"", NULL},
    /* docker, with an overlay whose path has an id too */
    {"512 400 0:45 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/" OTHER "/diff\n"
     "530 512 8:1 /var/lib/docker/containers/" OWN "/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw\n"
     "531 512 8:1 /var/lib/docker/containers/" OWN "/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n",
     OWN},
    /* podman, its files in a tmpfs; the last id is the container's */
    {"99 98 0:50 /containers/" OTHER "/overlay-containers/" OWN "/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw", OWN},
    /* the host: mounts of its containers, and a file that somebody mounted over another one */
    {"25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
     "70 25 0:44 / /var/lib/docker/containers/" OTHER "/mounts/shm rw - tmpfs shm rw\n"
     "71 25 8:1 /var/lib/docker/containers/" OTHER "/hosts /srv/etc/hosts rw - ext4 /dev/sda1 rw\n"
     "72 25 8:1 /etc/hosts.own /etc/hosts rw - ext4 /dev/sda1 rw\n",
     NULL},
    /* no ids: too short, too long, upper case */
    {"72 25 8:1 /a/0123456789ab/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
     "73 25 8:1 /a/" OWN "0/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
     "74 25 8:1 /a/ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/hosts /etc/hosts rw - ext4 x rw",
     NULL},
    /* malformed lines */
    {"\n\n72\n72 25 8:1\n72 25 8:1 /x\n72 25 8:1 /containers/" OWN "/hosts\n/etc/hosts rw\n", NULL},
};

START_TEST(test_own_container)
{
    char id[OWN_CONTAINER_SIZE] = "";
    bool found = own_container_parse(own_containers[_i].mountinfo, id);

    ck_assert_int_eq(found, own_containers[_i].id != NULL);
    if (found)
        ck_assert_str_eq(id, own_containers[_i].id);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host probes");
    TCase *host = tcase_create("host");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(host, host_folder_setup, host_folder_teardown);
    tcase_add_test(host, test_groups);
    tcase_add_test(host, test_groups_unreadable);
    tcase_add_test(host, test_groups_doubled);
    tcase_add_test(host, test_groups_with_blanks);
    tcase_add_test(host, test_groups_of_gshadow);
    tcase_add_test(host, test_mounts_configured);
    tcase_add_test(host, test_groups_of_root);
    tcase_add_test(host, test_listeners);
    tcase_add_test(host, test_listeners_of_the_engine);
    tcase_add_test(host, test_mounts);
    tcase_add_test(host, test_environment);
    tcase_add_test(host, test_environment_unreadable);
    tcase_add_test(host, test_environment_of_dockerd);
    tcase_add_loop_test(host, test_docker_client, 0, 10);
    tcase_add_loop_test(host, test_containerd_configuration, 0, sizeof configurations / sizeof *configurations);
    tcase_add_test(host, test_containerd_arguments);
    tcase_add_loop_test(host, test_unit_files, 0, countof(unit_texts));
    tcase_add_test(host, test_socket_units);
    tcase_add_test(host, test_addresses);
    tcase_add_test(host, test_rootless);
    tcase_add_loop_test(host, test_own_container, 0, countof(own_containers));
    suite_add_tcase(suite, host);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
