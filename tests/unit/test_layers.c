/* Reading image layers from their folders: setuid programs, whiteouts, package databases of every kind, hostile trees,
 * and what is kept by digest. As root, as the walk itself. */
#include <check.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "common/vec.h"
#include "probes/images/layers.h"
#include "tests/unit/host_folder.h"

static const char base_digest[] = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char upper_digest[] = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/* The image of the layers /base and, if it is there, /upper. */
static struct layer_facts *read_image(bool cached)
{
    scoped(cleanup_free) char *cache = mem_printf("%s/cache", host_folder);
    scoped(cleanup_free) char *upper = mem_printf("%s/upper", host_folder);
    bool two = access(upper, F_OK) == 0;
    const char *digests[] = {base_digest, upper_digest}, *folders[] = {"/upper", "/base"};
    struct string_list layers = {.items = digests, .count = two ? 2 : 1};
    struct string_list directories = {.items = folders + !two, .count = two ? 2 : 1};
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    mkdir(cache, 0700);
    ck_assert_msg(layers_run(&output,
                             &(struct layers_request){.root = root,
                                                      .image_id = "x",
                                                      .layers = &layers,
                                                      .directories = &directories,
                                                      .cache = cached ? cache : NULL,
                                                      .cpu_seconds = LAYERS_CPU_SECONDS},
                             &error) == 0,
                  "%s", error.text);
    ck_assert_msg(layers_parse(str_text(&output), output.length, &facts, &error) == 0, "%s", error.text);
    return facts;
}

static void whiteout(const char *path)
{
    scoped(cleanup_free) char *full = host_place(path);

    ck_assert_int_eq(mknod(full, S_IFCHR, makedev(0, 0)), 0);
}

static void expect_setuid(const char *const *paths)
{
    for (int round = 0; round < 3; round++) { /* without a cache, filling it, from it */
        struct layer_facts *facts = read_image(round > 0);
        size_t count = 0;

        for (; paths[count]; count++) {
            ck_assert_msg(count < facts->setuid_count, "%s is missing", paths[count]);
            ck_assert_str_eq(facts->setuid[count].path, paths[count]);
        }
        ck_assert_uint_eq(facts->setuid_count, count);
        arena_free(facts->facts.arena);
    }
}

static void expect_packages(const char *managers, const char *error, const char *const *names)
{
    for (int round = 0; round < 3; round++) {
        struct layer_facts *facts = read_image(round > 0);
        size_t count = 0;

        for (; names[count]; count++) {
            ck_assert_msg(count < facts->packages.count, "%s is missing", names[count]);
            ck_assert_str_eq(facts->packages.items[count], names[count]);
        }
        ck_assert_uint_eq(facts->packages.count, count);
        if (managers)
            ck_assert_str_eq(facts->package_manager, managers);
        else
            ck_assert_ptr_null(facts->package_manager);
        if (error)
            ck_assert_msg(facts->packages_error && strstr(facts->packages_error, error), "%s", facts->packages_error);
        else
            ck_assert_ptr_null(facts->packages_error);
        arena_free(facts->facts.arena);
    }
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      ((const char *const[]){NULL})

START_TEST(test_setuid)
{
    put_mode("/base/bin/su", 04755);
    put_mode("/base/bin/wall", 02755);
    put_mode("/base/bin/sticky", 01755);
    put_mode("/base/bin/not-a-program", 04644);
    put_mode("/base/bin/ls", 0755);
    put_mode("/base/opt/dir/x", 0644);
    {
        scoped(cleanup_free) char *folder = host_place("/base/opt/dir");
        scoped(cleanup_free) char *one = host_place("/base/bin/su"), *two = host_place("/base/opt/hard");

        ck_assert_int_eq(chmod(folder, 02775), 0); /* a directory's bit does not count */
        ck_assert_int_eq(link(one, two), 0);
    }
    link_to("su", "/base/bin/link");
    expect_setuid(LIST("/bin/su", "/bin/wall", "/opt/hard"));
}
END_TEST

/* Programs whose capabilities are as good as root's; those of a plain file, and lesser ones, do not count. */
START_TEST(test_capabilities)
{
    static const struct {
        const char *path;
        mode_t mode;
        struct vfs_ns_cap_data value; /* the first is that of linux/capability.h's second revision */
        size_t size;
        uint64_t capabilities;
    } files[] = {
        {"/base/bin/admin",
         0755,
         {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = {{.permitted = 1 << CAP_SYS_ADMIN}}},
         XATTR_CAPS_SZ_2,
         UINT64_C(1) << CAP_SYS_ADMIN},
        {"/base/bin/bpf",
         0755,
         {.magic_etc = VFS_CAP_REVISION_3, .data = {{0}, {.permitted = 1 << (CAP_BPF - 32)}}, .rootid = 1000},
         XATTR_CAPS_SZ_3,
         UINT64_C(1) << CAP_BPF},
        {"/base/bin/ping",
         0755,
         {.magic_etc = VFS_CAP_REVISION_2, .data = {{.permitted = 1 << CAP_NET_RAW}}},
         XATTR_CAPS_SZ_2,
         0},
        {"/base/bin/plain-file",
         0644,
         {.magic_etc = VFS_CAP_REVISION_2, .data = {{.permitted = 1 << CAP_SETUID}}},
         XATTR_CAPS_SZ_2,
         0},
        {"/base/bin/setuid-too",
         04755,
         {.magic_etc = VFS_CAP_REVISION_2, .data = {{.permitted = 1 << CAP_SETUID}}},
         XATTR_CAPS_SZ_2,
         UINT64_C(1) << CAP_SETUID},
    };

    for (size_t i = 0; i < countof(files); i++) {
        scoped(cleanup_free) char *place = host_place(files[i].path);

        put_mode(files[i].path, files[i].mode);
        ck_assert_int_eq(setxattr(place, "security.capability", &files[i].value, files[i].size, 0), 0);
        ck_assert_int_eq(chmod(place, files[i].mode), 0);
    }
    for (int round = 0; round < 3; round++) {
        struct layer_facts *facts = read_image(round > 0);
        size_t at = 0;

        for (size_t i = 0; i < countof(files); i++) {
            if (!files[i].capabilities)
                continue;
            ck_assert_uint_lt(at, facts->setuid_count);
            ck_assert_str_eq(facts->setuid[at].path, files[i].path + strlen("/base"));
            ck_assert_uint_eq(facts->setuid[at].capabilities, files[i].capabilities);
            ck_assert(facts->setuid[at++].setuid == ((files[i].mode & S_ISUID) != 0));
        }
        ck_assert_uint_eq(facts->setuid_count, at);
        arena_free(facts->facts.arena);
    }
}
END_TEST

/* As FROM scratch with nothing but ENV makes it. */
START_TEST(test_image_without_layers)
{
    static const char *folders[] = {"/base"};
    static const struct string_list none, some = {.items = folders, .count = 1};
    struct layers_request request = {
        .root = root, .image_id = "x", .layers = &none, .directories = &none, .cpu_seconds = LAYERS_CPU_SECONDS};
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    ck_assert_msg(layers_run(&output, &request, &error) == 0, "%s", error.text);
    ck_assert_int_eq(layers_parse(str_text(&output), output.length, &facts, &error), 0);
    ck_assert_uint_eq(facts->setuid_count + facts->packages.count + facts->files, 0);
    ck_assert_ptr_null(facts->accounts);
    arena_free(facts->facts.arena);
    request.directories = &some;
    str_clear(&output);
    ck_assert_int_lt(layers_run(&output, &request, &error), 0);
    ck_assert_str_eq(error.text, "the engine names no layers");
}
END_TEST

START_TEST(test_upper_layer_hides)
{
    put_mode("/base/bin/removed", 04755);
    put_mode("/base/bin/replaced", 04755);
    put_mode("/base/bin/kept", 04755);
    put_mode("/base/bin/kept-too", 04755);
    put_mode("/base/gone/deep/er/su", 04755);
    put_mode("/base/opaque/deep/su", 04755);
    put_mode("/base/file-now/su", 04755);
    put_mode("/base/folder-now", 04755);
    put_mode("/base/opaque-not/su", 04755);
    whiteout("/upper/bin/removed");
    put_mode("/upper/bin/replaced", 0755);
    whiteout("/upper/gone");
    put_mode("/upper/opaque/new", 04755);
    put_mode("/upper/file-now", 0644);
    put_mode("/upper/folder-now/x", 0644);
    put_mode("/upper/opaque-not/x", 0644);
    put_mode("/upper/bin/k", 0644);
    {
        scoped(cleanup_free) char *folder = host_place("/upper/opaque");

        ck_assert_int_eq(setxattr(folder, "trusted.overlay.opaque", "y", 1, 0), 0);
    }
    expect_setuid(LIST("/bin/kept", "/bin/kept-too", "/opaque-not/su", "/opaque/new"));
}
END_TEST

START_TEST(test_hostile_names)
{
    put_mode("/base/bin/new\nline", 04755);
    put_mode("/base/bin/\xff\xfe%41", 04755);
    put_mode("/base/bin/\xff\xfd", 04755);
    whiteout("/upper/bin/\xff\xfd"); /* the same text once it is made valid UTF-8: the bytes differ */
    expect_setuid(LIST("/bin/new\nline", "/bin/\xef\xbf\xbd\xef\xbf\xbd%41"));
}
END_TEST

START_TEST(test_hostile_tree)
{
    scoped_str deep = STR_INIT;
    scoped(cleanup_free) char *fifo = host_place("/base/var/lib/dpkg/status"), *socket = host_place("/base/node");

    link_to("loop", "/base/loop");
    link_to("../../../../../..", "/base/up");
    link_to(".", "/base/self");
    ck_assert_int_eq(mkfifo(fifo, 04777), 0); /* would block whoever opens it */
    ck_assert_int_eq(mknod(socket, S_IFBLK | 04777, makedev(7, 0)), 0);
    str_append(&deep, "/base");
    for (int i = 0; i < 300; i++)
        str_append(&deep, "/d");
    str_append(&deep, "/su");
    put_mode(deep.data, 04755);
    expect_setuid(LIST(deep.data + strlen("/base")));
    expect_packages(NULL, NULL, NONE);
}
END_TEST

START_TEST(test_many_found)
{
    struct layer_facts *facts;

    for (int i = 0; i < 5000; i++) {
        scoped(cleanup_free) char *path = mem_printf("/base/bin/su%d", i);

        put_mode(path, 04755);
    }
    facts = read_image(false);
    ck_assert_uint_eq(facts->setuid_count, 4096);
    ck_assert_uint_eq(facts->dropped, 5000 - 4096);
    arena_free(facts->facts.arena);
}
END_TEST

static const char status[] = "Package: libc6\nStatus: install ok installed\n\n"
                             "Package: removed\nStatus: deinstall ok config-files\n\n"
                             "Package: hold\nStatus: hold ok installed\n\n"
                             "Package: half\nStatus: install ok half-installed\n\n"
                             "Package: unpacked\nStatus: install ok unpacked\n\n"
                             "Package: triggers\nStatus: install ok triggers-awaited\n\nPackage: bash\n"
                             "Status: install ok installed\nDescription: x\n Package: not\n";

START_TEST(test_dpkg)
{
    put("/base/var/lib/dpkg/status", status, strlen(status));
    expect_packages("dpkg", NULL, LIST("bash", "hold", "libc6", "triggers", "unpacked"));
}
END_TEST

START_TEST(test_dpkg_parts_add)
{
    static const char part[] = "Package: tzdata\nVersion: 1\n", other[] = "Package: base-files\n";

    put("/base/var/lib/dpkg/status.d/tzdata", part, strlen(part));
    put("/base/var/lib/dpkg/status.d/tzdata.md5sums", "Package: wrong\n", 15);
    put("/upper/var/lib/dpkg/status.d/base", other, strlen(other));
    expect_packages("dpkg", NULL, LIST("base-files", "tzdata"));
}
END_TEST

START_TEST(test_hostile_package_names)
{
    static const char text[] = "Package: a\xff\"b\nStatus: install ok installed\n\n"
                               "Package: {\"x\":1}\nStatus: install ok installed\n\n";

    put("/base/var/lib/dpkg/status", text, strlen(text));
    expect_packages("dpkg", NULL, LIST("a\xef\xbf\xbd\"b", "{\"x\":1}"));
}
END_TEST

START_TEST(test_uppermost_counts)
{
    static const char new[] = "Package: new\nStatus: install ok installed\n";

    put("/base/var/lib/dpkg/status", status, strlen(status));
    put("/upper/var/lib/dpkg/status", new, strlen(new));
    expect_packages("dpkg", NULL, LIST("new"));
}
END_TEST

START_TEST(test_two_managers)
{
    static const char apk[] = "C:Q1\nP:musl\nV:1\n\nP:busybox\n";

    put("/base/var/lib/dpkg/status", status, strlen(status));
    put("/upper/lib/apk/db/installed", apk, strlen(apk));
    expect_packages("dpkg, apk", NULL, LIST("bash", "busybox", "hold", "libc6", "musl", "triggers", "unpacked"));
}
END_TEST

START_TEST(test_pacman)
{
    static const char one[] = "%NAME%\nglibc\n\n%VERSION%\n1\n", two[] = "%NAME%\nbash\n";

    put("/base/var/lib/pacman/local/glibc-1-1/desc", one, strlen(one));
    put("/base/var/lib/pacman/local/glibc-1-1/files", "%FILES%\n", 8);
    put("/upper/var/lib/pacman/local/bash-1-1/desc", two, strlen(two));
    expect_packages("pacman", NULL, LIST("bash", "glibc"));
}
END_TEST

/* ---- rpm ---- */

static void put32(struct str *out, uint32_t value, bool big)
{
    unsigned char bytes[4];

    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(value >> (big ? 24 - 8 * i : 8 * i));
    str_append_n(out, bytes, 4);
}

static void make_header(struct str *out, const char *name, size_t padding)
{
    scoped_str store = STR_INIT;

    str_append_n(&store, "C", 2);
    str_append_n(&store, name, strlen(name) + 1);
    while (store.length < padding)
        str_append_char(&store, 'x');
    put32(out, 2, true);
    put32(out, (uint32_t)store.length, true);
    put32(out, 100, true), put32(out, 8, true), put32(out, 0, true), put32(out, 1, true);
    put32(out, 1000, true), put32(out, 6, true), put32(out, 2, true), put32(out, 1, true);
    str_append_n(out, store.data, store.length);
}

static void pad_to(struct str *out, size_t size)
{
    while (out->length < size)
        str_append_char(out, '\0');
}

START_TEST(test_rpm_sqlite)
{
    scoped(cleanup_free) char *path = host_place("/base/var/lib/rpm/rpmdb.sqlite");
    scoped_str blob = STR_INIT;
    sqlite3 *db;
    sqlite3_stmt *statement;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE Packages (hnum INTEGER, blob BLOB)", 0, 0, 0),
        SQLITE_OK); /* as rpm makes it */
    make_header(&blob, "glibc", 0);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "INSERT INTO Packages VALUES (1, ?)", -1, &statement, 0), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, blob.data, (int)blob.length, SQLITE_STATIC);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    expect_packages("rpm", NULL, LIST("glibc"));
    put("/upper/var/lib/rpm/rpmdb.sqlite-wal", "pages", 5);
    expect_packages("rpm", "not yet in the database", NONE);
}
END_TEST

START_TEST(test_rpm_ndb)
{
    scoped_str file = STR_INIT, blob = STR_INIT;

    make_header(&blob, "aaa_base", 0);
    str_append(&file, "RpmP");
    put32(&file, 0, false), put32(&file, 1, false), put32(&file, 1, false), put32(&file, 2, false);
    pad_to(&file, 32);
    str_append(&file, "Slot");
    put32(&file, 1, false), put32(&file, 256, false), put32(&file, 8, false);
    while (file.length < 4096) {
        str_append(&file, "Slot");
        pad_to(&file, (file.length + 15) / 16 * 16);
    }
    str_append(&file, "BlbS");
    put32(&file, 1, false), put32(&file, 1, false), put32(&file, (uint32_t)blob.length, false);
    str_append_n(&file, blob.data, blob.length);
    put("/base/usr/lib/sysimage/rpm/Packages.db", file.data, file.length);
    link_to("../../usr/lib/sysimage/rpm", "/base/var/lib/rpm");
    expect_packages("rpm", NULL, LIST("aaa_base"));
    file.data[4096 + 12] = '\x7f'; /* longer than the file */
    file.data[4096 + 15] = '\x7f';
    put("/upper/usr/lib/sysimage/rpm/Packages.db", file.data, file.length);
    expect_packages("rpm", "malformed blob", NONE);
}
END_TEST

/* A page of pairs with one long value, on a chain of two pages, and one short. */
static void make_bdb(struct str *file, bool big)
{
    enum { PAGE = 512 };
    scoped_str blob = STR_INIT, inline_blob = STR_INIT;

    make_header(&blob, "filesystem", 600);
    make_header(&inline_blob, "gpg-pubkey", 0);
    pad_to(file, 12);
    put32(file, 0x061561, big), put32(file, 9, big), put32(file, PAGE, big);
    pad_to(file, PAGE);
#define put16(value)                                                                                                   \
    str_append_n(                                                                                                      \
        file, big ? ((char[]){(char)((value) >> 8), (char)(value)}) : ((char[]){(char)(value), (char)((value) >> 8)}), \
        2)
    pad_to(file, PAGE + 20);
    put16(6);
    put16(0);
    str_append_n(file, "\0\x0d", 2);
    {
        size_t offsets[] = {507, 502, 497, 485, 480, 480 - inline_blob.length - 1};

        for (size_t i = 0; i < countof(offsets); i++)
            put16(offsets[i]);
        pad_to(file, PAGE + offsets[5]);
    }
    str_append_n(file, "\1", 1);
    str_append_n(file, inline_blob.data, inline_blob.length);
    str_append_n(file, "\1k2k2", 5);
    str_append_n(file, "\3\0\0\0", 4);
    put32(file, 2, big), put32(file, (uint32_t)blob.length, big);
    str_append_n(file, "\1k1k1\1cccc\1kkkk", 15);
    ck_assert_uint_eq(file->length, 2 * PAGE);
    for (size_t at = 0, page = 2; at < blob.length; page++) {
        size_t part = blob.length - at < PAGE - 26 ? blob.length - at : PAGE - 26;

        pad_to(file, page * PAGE + 16);
        put32(file, at + part < blob.length ? (uint32_t)page + 1 : 0, big);
        put16(1);
        put16(part);
        str_append_n(file, "\0\7", 2);
        str_append_n(file, blob.data + at, part);
        at += part;
        pad_to(file, (page + 1) * PAGE);
    }
}

START_TEST(test_rpm_bdb)
{
    scoped_str file = STR_INIT;

    make_bdb(&file, _i);
    put("/base/var/lib/rpm/Packages", file.data, file.length);
    expect_packages("rpm", NULL, LIST("filesystem", "gpg-pubkey"));
    file.data[2 * 512 + 16] = file.data[2 * 512 + 19] = 2; /* a chain that ends nowhere */
    put("/upper/var/lib/rpm/Packages", file.data, file.length);
    expect_packages("rpm", "malformed", NONE);
}
END_TEST

START_TEST(test_rpm_damaged)
{
    scoped_str file = STR_INIT;
    static const char *const names[] = {"rpmdb.sqlite", "Packages", "Packages.db"};

    put_mode("/base/bin/su", 04755);
    make_bdb(&file, false);
    for (size_t i = 0; i < countof(names); i++)
        for (size_t cut = 1; cut < file.length; cut += 97) {
            scoped(cleanup_free) char *path = mem_printf("/base/var/lib/rpm/%s", names[i]);
            struct layer_facts *facts;

            put(path, file.data, cut);
            facts = read_image(false);
            ck_assert_ptr_nonnull(facts->packages_error); /* never "no packages" */
            ck_assert_uint_eq(facts->setuid_count, 1);    /* and what else there is, is found */
            arena_free(facts->facts.arena);
        }
}
END_TEST

/* ---- rpm databases that are programs ---- */

#define ENDLESS "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n, x'00' FROM r WHERE n < 0"
#define LONG_JOIN                                                                                                      \
    "SELECT a.n, x'00' FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l WHERE "                         \
    "a.n + b.n + c.n + d.n + e.n + f.n + g.n + h.n + i.n + j.n + k.n + l.n < 0"
#define TABLE  "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);"
#define ROW    "INSERT INTO Packages VALUES (1, @HEADER@);"
#define SCHEMA "PRAGMA writable_schema = ON;"

static const struct {
    const char *sql, *error; /* NULL: it is read */
} programs[] = {
    {TABLE ROW, NULL},
    {"CREATE VIEW Packages(hnum, blob) AS " ENDLESS, "/var/lib/rpm/rpmdb.sqlite: "},
    {"CREATE TABLE t(n); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9);"
     "CREATE VIEW packages(hnum, blob) AS " LONG_JOIN,
     "Packages is not a table"},
    /* the catalogue comes from the image as well */
    {"CREATE TABLE t(n); CREATE VIEW Packages(hnum, blob) AS " LONG_JOIN ";" SCHEMA
     "UPDATE sqlite_master SET type = 'table', rootpage = 2 WHERE name = 'Packages'",
     "/var/lib/rpm/rpmdb.sqlite: "},
    {TABLE ROW "CREATE TABLE t(n); CREATE VIEW Name(key, hnum) AS " LONG_JOIN ";"
               "CREATE TRIGGER t BEFORE INSERT ON Packages BEGIN DELETE FROM Packages; END",
     NULL},
    {"CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, raw BLOB, blob BLOB AS (CASE WHEN like('%0%0%0%0%0%0%0%0%0%1', "
     "hex(zeroblob(4000000))) THEN 0 ELSE raw END)); INSERT INTO Packages(raw) VALUES (@HEADER@)",
     "computed column"},
    {"CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, raw BLOB, blob BLOB AS (raw) STORED);"
     "INSERT INTO Packages(raw) VALUES (@HEADER@)",
     "computed column"},
    {"CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)", "Packages is not a table"},
    {"CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob);" SCHEMA
     "UPDATE sqlite_master SET rootpage = 2 WHERE name = 'Packages'",
     "no such module"},
    {"CREATE TABLE x(a); CREATE VIRTUAL TABLE Packages USING dbstat(main);" SCHEMA
     "UPDATE sqlite_master SET rootpage = 2 WHERE name = 'Packages'",
     "no such module"},
    {"CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blub BLOB)", "no column blob"},
    {"CREATE TABLE Package(hnum INTEGER PRIMARY KEY, blob BLOB)", "Packages is not a table"},
    {TABLE ROW "CREATE TABLE wide(" /* a statement longer than any of rpm's */
               "a DEFAULT (1/*" /* of 9,000 bytes */ "@LONG@*/))",
     "/var/lib/rpm/rpmdb.sqlite: "},
    /* an index that holds the column is not read in the table's place */
    {TABLE ROW "CREATE INDEX i ON Packages(blob)", NULL},
};

static void append_sql(struct str *out, const char *sql, const struct str *header)
{
    for (const char *at = sql; *at; at++)
        if (str_starts(at, "@HEADER@")) {
            str_append(out, "x'");
            for (size_t i = 0; i < header->length; i++)
                str_printf(out, "%02x", (unsigned char)header->data[i]);
            str_append_char(out, '\'');
            at += strlen("@HEADER@") - 1;
        } else if (str_starts(at, "@LONG@")) {
            for (size_t i = 0; i < 9000; i++)
                str_append_char(out, 'x');
            at += strlen("@LONG@") - 1;
        } else {
            str_append_char(out, *at);
        }
}

static void make_database(const char *path, const char *sql)
{
    scoped(cleanup_free) char *full = host_place(path);
    scoped_str header = STR_INIT, text = STR_INIT;
    char *error = NULL;
    sqlite3 *db;

    make_header(&header, "glibc", 0);
    append_sql(&text, sql, &header);
    ck_assert_int_eq(sqlite3_open(full, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, text.data, 0, 0, &error) == SQLITE_OK, "%s: %s", sql, error);
    sqlite3_close(db);
}

/* What else there is in the layer is found, and the database never taken for an empty one. */
START_TEST(test_rpm_programs)
{
    struct layer_facts *facts;

    put_mode("/base/bin/su", 04755);
    make_database("/base/var/lib/rpm/rpmdb.sqlite", programs[_i].sql);
    facts = read_image(false);
    ck_assert_uint_eq(facts->setuid_count, 1);
    if (programs[_i].error) {
        ck_assert_ptr_nonnull(facts->packages_error);
        ck_assert_msg(strstr(facts->packages_error, programs[_i].error) != NULL, "%s", facts->packages_error);
        ck_assert_uint_eq(facts->packages.count, 0);
    } else {
        ck_assert_msg(!facts->packages_error, "%s", facts->packages_error);
        ck_assert_uint_eq(facts->packages.count, 1);
        ck_assert_str_eq(facts->packages.items[0], "glibc");
    }
    arena_free(facts->facts.arena);
}
END_TEST

/* A page of a table's tree whose COUNT children are all the same page. */
static void make_inner_page(char *page, size_t header, unsigned child, unsigned last, unsigned count)
{
    enum { PAGE = 4096, CELL = 5 };
    size_t content = PAGE - (size_t)CELL * count;
    const char head[] = {5, 0, 0, (char)(count >> 8), (char)count, (char)(content >> 8), (char)content, 0,
                         0, 0, 0, (char)last};

    memset(page + header, 0, PAGE - header);
    memcpy(page + header, head, sizeof head);
    for (unsigned i = 0; i < count; i++) {
        size_t at = content + (size_t)CELL * i;

        page[header + sizeof head + 2 * i] = (char)(at >> 8);
        page[header + sizeof head + 2 * i + 1] = (char)at;
        page[at + 3] = (char)child;
        page[at + 4] = 1;
    }
}

/* A page that has nothing of the leaf PAGE but its cell of that number. */
static void make_leaf(char *to, const char *page, size_t cell)
{
    memcpy(to, page, 4096);
    memcpy(to, page + 100, 8);
    to[3] = 0, to[4] = 1;
    memcpy(to + 8, page + 108 + 2 * cell, 2);
}

/* A catalogue of 400 to the power of 5 entries in ten pages: it is read before anything else can be asked. */
START_TEST(test_rpm_schema_without_end)
{
    enum { PAGE = 4096, PAGES = 10 };
    char file[PAGE * PAGES] = {0};
    struct layer_facts *facts;
    int fd;

    put_mode("/base/bin/su", 04755);
    make_database("/base/var/lib/rpm/rpmdb.sqlite", "CREATE TABLE t(a UNIQUE)");
    {
        scoped(cleanup_free) char *path = host_place("/base/var/lib/rpm/rpmdb.sqlite");

        fd = open(path, O_RDWR);
        ck_assert_int_eq(read(fd, file, sizeof file), 3 * PAGE);
        make_leaf(file + 3 * PAGE, file, 0); /* page 4: the table */
        make_leaf(file + 4 * PAGE, file, 1); /* page 5: its index, which may come again and again */
        for (unsigned page = 6; page <= PAGES; page++)
            make_inner_page(file + (page - 1) * PAGE, 0, page < PAGES ? page + 1 : 5, page < PAGES ? page + 1 : 5, 400);
        make_inner_page(file, 100, 4, 6, 1);
        file[31] = PAGES;
        ck_assert_int_eq(pwrite(fd, file, sizeof file, 0), sizeof file);
        close(fd);
    }
    facts = read_image(false);
    ck_assert_uint_eq(facts->setuid_count, 1);
    ck_assert_msg(facts->packages_error && strstr(facts->packages_error, "more steps"), "%s", facts->packages_error);
    arena_free(facts->facts.arena);
}
END_TEST

/* Hundreds of slots that point to one header. */
START_TEST(test_rpm_headers_over_each_other)
{
    enum { SLOTS = 255 };
    scoped_str file = STR_INIT, blob = STR_INIT;
    struct layer_facts *facts;

    make_header(&blob, "again", 1 << 16);
    str_append(&file, "RpmP");
    put32(&file, 0, false), put32(&file, 1, false), put32(&file, 1, false), put32(&file, 2, false);
    pad_to(&file, 32);
    for (int i = 0; i < SLOTS - 1; i++) {
        str_append(&file, "Slot");
        put32(&file, 1, false), put32(&file, 256, false), put32(&file, 8, false);
    }
    pad_to(&file, 4096);
    str_append(&file, "BlbS");
    put32(&file, 1, false), put32(&file, 1, false), put32(&file, (uint32_t)blob.length, false);
    str_append_n(&file, blob.data, blob.length);
    put("/base/usr/lib/sysimage/rpm/Packages.db", file.data, file.length);
    facts = read_image(false);
    ck_assert_msg(facts->packages_error && strstr(facts->packages_error, "overlap"), "%s", facts->packages_error);
    arena_free(facts->facts.arena);
}
END_TEST

START_TEST(test_bdb_values_on_one_chain)
{
    scoped_str file = STR_INIT;
    struct layer_facts *facts;
    char pairs[512];

    make_bdb(&file, false);
    memcpy(pairs, file.data + sizeof pairs, sizeof pairs);
    for (int i = 0; i < 40; i++) /* further pages of pairs, with the same chain */
        str_append_n(&file, pairs, sizeof pairs);
    put("/base/var/lib/rpm/Packages", file.data, file.length);
    facts = read_image(false);
    ck_assert_msg(facts->packages_error && strstr(facts->packages_error, "overlap"), "%s", facts->packages_error);
    arena_free(facts->facts.arena);
}
END_TEST

/* ---- Links ---- */

START_TEST(test_links_are_not_followed)
{
    static const char planted[] = "Package: planted\nStatus: install ok installed\n";

    put("/outside/status", planted, strlen(planted));
    link_to("/outside", "/base/var/lib/dpkg");
    expect_packages("dpkg", "/var/lib/dpkg: a symbolic link to /outside, which is not followed", NONE);
}
END_TEST

START_TEST(test_link_of_a_file)
{
    link_to("/etc/passwd", "/base/lib/apk/db/installed");
    link_to("/usr/lib/sysimage/rpm", "/base/var/lib/rpm");
    expect_packages("apk", "/lib/apk/db/installed", NONE);
}
END_TEST

/* NULL: there is no /etc/passwd, or it cannot be read and ERROR is part of why. */
static void expect_accounts(const char *accounts, const char *error)
{
    for (int round = 0; round < 3; round++) {
        struct layer_facts *facts = read_image(round > 0);

        ck_assert_msg(str_equal(facts->accounts, accounts), "%s", facts->accounts ? facts->accounts : "(none)");
        if (error) {
            scoped_str why = STR_INIT;

            ck_assert_ptr_nonnull(facts->accounts_error);
            ck_assert_msg(strstr(message_english(facts->accounts_error, &why), error), "%s", str_text(&why));
        } else
            ck_assert_msg(!facts->accounts_error, "%s", facts->accounts_error);
        arena_free(facts->facts.arena);
    }
}

static void forget_cached(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s/cache", host_folder);

    ck_assert_int_eq(system(command), 0);
}

START_TEST(test_no_accounts)
{
    put_text("/base/etc/group", "root:x:0:\n");
    put_text("/base/usr/etc/passwd", "toor:x:0:0:::\n");
    put_text("/base/etc/passwd-", "toor:x:0:0:::\n");
    expect_accounts(NULL, NULL);
    forget_cached();
    put_text("/base/etc/passwd", "");
    expect_accounts("", NULL);
}
END_TEST

START_TEST(test_uppermost_accounts_count)
{
    put_text("/base/etc/passwd", "root:x:0:0:::\ntoor:x:0:0:::\n");
    put_text("/upper/bin/x", "");
    expect_accounts("0root\n0toor\n", NULL);
    forget_cached();
    put_text("/upper/etc/passwd", "root:x:0:0:::\napp:x:1000:0:::\ntoor:x:5:0:::\napp:x:0:0:::\n"
                                  "wide:x:4294967296:0:::\n"); /* its lower 32 bits count */
    expect_accounts("0root\n1app\n1toor\n0app\n0wide\n", NULL);
}
END_TEST

START_TEST(test_removed_accounts)
{
    scoped(cleanup_free) char *folder = host_place("/upper/etc");

    put_text("/base/etc/passwd", "toor:x:0:0:::\n");
    put_text("/upper/x", "");
    if (_i == 0) {
        whiteout("/upper/etc");
    } else {
        put_text("/upper/etc/group", "");
        if (_i == 1)
            whiteout("/upper/etc/passwd");
        else
            ck_assert_int_eq(setxattr(folder, "trusted.overlay.opaque", "y", 1, 0), 0);
    }
    expect_accounts(NULL, NULL);
}
END_TEST

START_TEST(test_accounts_that_cannot_be_read)
{
    enum { LONG = 300 * 1024, SHORT = 200 * 1024 };
    static const char planted[] = "toor:x:0:0:::\n";
    scoped(cleanup_free) char *large = mem_alloc(LONG);

    put_text("/base/etc/passwd", planted);
    put_text("/upper/outside", planted);
    switch (_i) {
    case 0:
        link_to("/outside", "/upper/etc/passwd");
        expect_accounts(NULL, "/etc/passwd: a symbolic link to /outside, which is not followed");
        break;
    case 1:
        link_to("/usr/etc", "/upper/etc");
        expect_accounts(NULL, "/etc: a symbolic link to /usr/etc, which is not followed");
        break;
    case 2:
        put_text("/upper/etc/passwd/x", "");
        expect_accounts(NULL, "/etc/passwd: not a regular file");
        break;
    case 3:
        memset(large, '\n', LONG);
        put("/upper/etc/passwd", large, LONG);
        expect_accounts(NULL, "/etc/passwd: too large");
        break;
    case 4:
        for (size_t i = 0; i < SHORT; i += 2)
            large[i] = 'a', large[i + 1] = '\n';
        put("/upper/etc/passwd", large, SHORT);
        expect_accounts(NULL, "/etc/passwd: too many accounts");
        break;
    case 5:
        put("/upper/etc/passwd", "to\0or:x:0:0:::\n", 15);
        expect_accounts(NULL, "/etc/passwd: a name with a NUL byte");
        break;
    default: /* what is no text is replaced, as in the engine's answers */
        put_text("/upper/etc/passwd", "\xff\x01r:x:0:0:::\n");
        expect_accounts("0\xef\xbf\xbd\x01r\n", NULL);
    }
}
END_TEST

START_TEST(test_cache_that_does_not_add_up)
{
    scoped(cleanup_free) char *path =
        host_place("/cache/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    int fd;

    put_mode("/base/bin/su", 04755);
    expect_setuid(LIST("/bin/su"));
    fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)pwrite(fd, "\0\0\0\0", 4, 40), 4); /* as after a power failure */
    close(fd);
    expect_setuid(LIST("/bin/su"));
    ck_assert_int_eq(truncate(path, 30), 0);
    expect_setuid(LIST("/bin/su"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *folder = tcase_create("folder"), *packages = tcase_create("packages");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(folder, host_folder_setup, host_folder_teardown);
    tcase_add_checked_fixture(packages, host_folder_setup, host_folder_teardown);
    tcase_set_timeout(folder, 60);
    tcase_set_timeout(packages, 60);
    tcase_add_test(folder, test_setuid);
    tcase_add_test(folder, test_capabilities);
    tcase_add_test(folder, test_image_without_layers);
    tcase_add_test(folder, test_upper_layer_hides);
    tcase_add_test(folder, test_hostile_names);
    tcase_add_test(folder, test_hostile_tree);
    tcase_add_test(folder, test_many_found);
    tcase_add_test(folder, test_cache_that_does_not_add_up);
    tcase_add_test(folder, test_no_accounts);
    tcase_add_test(folder, test_uppermost_accounts_count);
    tcase_add_loop_test(folder, test_removed_accounts, 0, 3);
    tcase_add_loop_test(folder, test_accounts_that_cannot_be_read, 0, 7);
    tcase_add_test(packages, test_dpkg);
    tcase_add_test(packages, test_dpkg_parts_add);
    tcase_add_test(packages, test_hostile_package_names);
    tcase_add_test(packages, test_uppermost_counts);
    tcase_add_test(packages, test_two_managers);
    tcase_add_test(packages, test_pacman);
    tcase_add_test(packages, test_rpm_sqlite);
    tcase_add_test(packages, test_rpm_ndb);
    tcase_add_loop_test(packages, test_rpm_bdb, 0, 2);
    tcase_add_test(packages, test_rpm_damaged);
    tcase_add_loop_test(packages, test_rpm_programs, 0, (int)countof(programs));
    tcase_add_test(packages, test_rpm_schema_without_end);
    tcase_add_test(packages, test_rpm_headers_over_each_other);
    tcase_add_test(packages, test_bdb_values_on_one_chain);
    tcase_add_test(packages, test_links_are_not_followed);
    tcase_add_test(packages, test_link_of_a_file);
    suite_add_tcase(suite, folder);
    suite_add_tcase(suite, packages);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
