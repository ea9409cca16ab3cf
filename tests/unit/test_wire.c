/* What workers send of files, units, paths and audit rules: it arrives as it was, and nothing that is cut or altered is
 * taken for facts. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "probes/audit/audit.h"
#include "probes/facts/wire.h"
#include "probes/fileset/fileset.h"
#include "probes/host/mount_places.h"
#include "probes/host/units.h"
#include "tests/unit/host_folder.h"

/* An access control list, where the file system has them: user 1000 may read and write. */
static void set_list(const char *path)
{
    static const unsigned char list[] = {2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  6,
                                         0, 232, 3,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                                         6, 0,   255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255};
    scoped(cleanup_free) char *full = host_place(path);

    setxattr(full, "system.posix_acl_access", list, sizeof list, 0);
}

static void make_host(void)
{
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    put_text("/etc/group", "root:x:0:\n");

    put_text("/etc/docker/daemon.json", "{}");
    put_text("/etc/docker/certs.d/a/ca.crt", "x");
    set_list("/etc/docker/certs.d/a/ca.crt");
    put_text("/elsewhere/b.crt", "x");
    link_to("/elsewhere", "/etc/docker/certs.d/linked");
    put_text("/etc/systemd/system/docker.service", "[Unit]\n");
    put_text("/etc/systemd/system/docker.service.d/10-a.conf", "[Unit]\n");
    put_text("/etc/audit/rules.d/a.rules", "-w /etc/docker -p wa -k docker\n-a never,exit -F path=/etc/x\n");
}

/* ---- Texts and numbers ---- */

START_TEST(numbers_texts_and_lists)
{
    scoped_str out = STR_INIT;
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    const char *items[] = {"a", "", "\xff\xfe"};
    const struct string_list list = {.items = items, .count = 3};
    struct wire_reader reader = {.arena = arena};
    struct string_list got;

    wire_put_number(&out, INT64_MIN);
    wire_put_text(&out, NULL);
    wire_put_text(&out, "");
    wire_put_list(&out, &list);
    reader.at = out.data;
    reader.left = out.length;
    ck_assert_int_eq(wire_number(&reader), INT64_MIN);
    ck_assert_ptr_null(wire_text(&reader));
    ck_assert_str_eq(wire_text(&reader), "");
    wire_list(&reader, 3, &got);
    ck_assert_uint_eq(got.count, 3);
    ck_assert_str_eq(got.items[2], "\xff\xfe");
    ck_assert_int_eq(wire_end(&reader, NULL), 0);
    ck_assert_int_eq(wire_number(&reader), 0); /* beyond the end */
    ck_assert_int_eq(wire_end(&reader, NULL), -EPROTO);
}
END_TEST

START_TEST(lengths_and_counts_that_lie)
{
    static const int64_t lies[] = {INT64_MAX, INT64_MIN, -2, 1000};
    scoped(cleanup_arena) struct arena *arena = arena_new(256);

    for (size_t i = 0; i < countof(lies); i++) {
        scoped_str out = STR_INIT;
        struct wire_reader texts = {.arena = arena}, counts = {.arena = arena};
        struct string_list list;

        wire_put_number(&out, lies[i]);
        str_append(&out, "0123456789");
        texts.at = counts.at = out.data;
        texts.left = counts.left = out.length;
        ck_assert_ptr_null(wire_text(&texts));
        ck_assert_int_eq(wire_end(&texts, NULL), -EPROTO);
        wire_list(&counts, 100, &list);
        ck_assert_uint_eq(list.count, 0);
        ck_assert_int_eq(wire_end(&counts, NULL), -EPROTO);
    }
}
END_TEST

/* ---- Files ---- */

static const char *sources[] = {"tree:/etc/docker/certs.d", "option:tlscert", "path:/etc/docker/daemon.json,/missing"};
static const struct string_list source_list = {.items = sources, .count = 3};

START_TEST(files)
{
    const struct fileset_context context = {0};
    const struct fileset_request request = {.root = root, .context = &context, .sources = &source_list};
    scoped_str out = STR_INIT;
    struct wire_reader reader;

    make_host();
    ck_assert_int_eq(fileset_run(&out, &request, NULL), 0);
    reader = (struct wire_reader){.at = out.data, .left = out.length};
    for (size_t i = 0; i < source_list.count; i++) {
        struct fileset_facts *read = NULL, *sent = NULL;
        struct error read_error = ERROR_INIT, sent_error = ERROR_INIT;
        int r = fileset_read(root, sources[i], &context, &read, &read_error);

        ck_assert_int_eq(fileset_take(&reader, &sent, &sent_error), r);
        ck_assert_str_eq(sent_error.text, read_error.text);
        if (r < 0)
            continue;
        ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
        if (i == 0)
            ck_assert_uint_eq(sent->items[0].acl.count, read->items[0].acl.count);
        ck_assert_uint_eq(sent->count, read->count);
        ck_assert_uint_eq(sent->link_count, read->link_count);
        facts_free(&read->facts);
        facts_free(&sent->facts);
    }
    ck_assert_uint_eq(reader.left, 0);
}
END_TEST

START_TEST(files_cut_anywhere)
{
    const struct fileset_context context = {0};
    const struct fileset_request request = {.root = root, .context = &context, .sources = &source_list};
    scoped_str out = STR_INIT;

    make_host();
    ck_assert_int_eq(fileset_run(&out, &request, NULL), 0);
    for (size_t length = 0; length < out.length; length++) {
        scoped(cleanup_free) char *copy = mem_strndup(out.data, length); /* ASan sees a read beyond it */
        struct wire_reader reader = {.at = copy, .left = length};
        int r = 0;

        for (size_t i = 0; i < source_list.count && r != -EPROTO; i++) {
            struct fileset_facts *set = NULL;

            r = fileset_take(&reader, &set, NULL);
            facts_free(set ? &set->facts : NULL);
        }
        ck_assert_int_eq(r, -EPROTO);
    }
}
END_TEST

/* ---- Units, paths, audit rules ---- */

START_TEST(units)
{
    static const char *names[] = {"docker.service", "absent.socket", "not a unit"};
    static const struct string_list list = {.items = names, .count = 3};
    const struct units_request request = {.root = root, .names = &list};
    scoped_str out = STR_INIT;
    struct units_facts *facts = NULL;
    scoped(unit_paths_deinit) struct unit_paths known = {0}, found = {0};

    make_host();
    ck_assert_int_eq(units_run(&out, &request, NULL), 0);
    for (size_t length = 0; length < out.length; length++)
        ck_assert_int_eq(units_parse(out.data, length, &facts, NULL), -EPROTO);
    ck_assert_int_eq(units_parse(out.data, out.length, &facts, NULL), 0);
    ck_assert_uint_eq(facts->count, 3);
    ck_assert_str_eq(units_find(facts, "docker.service")->fragment, "/etc/systemd/system/docker.service");
    ck_assert_ptr_null(units_find(facts, "absent.socket")->fragment);
    ck_assert_ptr_null(units_find(facts, "other.service"));
    ck_assert_ptr_null(units_find(NULL, "docker.service"));
    ck_assert_int_eq(unit_lookup(root, facts, "docker.service", &known, NULL), 0);
    ck_assert_int_eq(unit_lookup(root, NULL, "docker.service", &found, NULL), 0);
    ck_assert_str_eq(known.fragment, found.fragment);
    ck_assert_uint_eq(known.drop_in_count, 1);
    ck_assert_str_eq(known.drop_ins[0], found.drop_ins[0]);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(paths)
{
    static const struct place_query queries[] = {
        {.source = "/etc/docker/certs.d/linked/b.crt", .destination = "/a"},
        {.source = "/missing/below", .destination = "/b"},
        {.source = "/etc/docker/daemon.json/below", .destination = "/c"},
    };
    const struct places_request request = {.root = root, .proc = "/missing", .queries = queries, .count = 3};
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    scoped_str out = STR_INIT;
    struct wire_reader reader;
    struct place_list places;
    const char *error;

    make_host();
    ck_assert_int_eq(mount_places_run(&out, &request, NULL), 0);
    reader = (struct wire_reader){.at = out.data, .left = out.length, .arena = arena};
    ck_assert_int_eq(mount_places_take(&reader, &places, &error, NULL), 0);
    ck_assert_uint_eq(places.count, 1);
    ck_assert_str_eq(places.items[0].path, "/elsewhere/b.crt");
    ck_assert_ptr_null(error);
    ck_assert_int_eq(mount_places_take(&reader, &places, &error, NULL), 0);
    ck_assert_str_eq(places.items[0].path, "/missing/below");
    ck_assert_ptr_null(error); /* what is not there hides nothing */
    ck_assert_int_eq(mount_places_take(&reader, &places, &error, NULL), 0);
    ck_assert_int_eq(mount_places_take(&reader, &places, &error, NULL), -EPROTO);
}
END_TEST

START_TEST(audit_rules)
{
    static const char kernel[] = "{\"enabled\":1,\"rules\":[]}";
    const struct audit_request request = {
        .root = root, .output = kernel, .length = strlen(kernel), .kernel_errno = 0, .kernel_error = NULL};
    scoped_str out = STR_INIT;
    struct audit_facts *read = NULL, *sent = NULL;

    make_host();
    ck_assert_int_eq(audit_merge_run(&out, &request, NULL), 0);
    for (size_t length = 0; length < out.length; length++)
        ck_assert_int_eq(audit_merge_take(out.data, length, &sent, NULL), -EPROTO);
    ck_assert_int_eq(audit_merge_take(out.data, out.length, &sent, NULL), 0);
    ck_assert_int_eq(audit_parse(root, kernel, strlen(kernel), 0, NULL, &read, NULL), 0);
    ck_assert_uint_eq(sent->facts.digest, read->facts.digest);
    ck_assert_uint_eq(sent->disk_count, 2);
    ck_assert_str_eq(sent->disk[0].path, "/etc/docker");
    ck_assert(sent->disk[0].calls[AUDIT_NATIVE] == read->disk[0].calls[AUDIT_NATIVE]);
    ck_assert(sent->disk[0].calls[AUDIT_COMPAT] == read->disk[0].calls[AUDIT_COMPAT]);
    ck_assert_uint_eq(audit_calls_perms(sent->disk[0].calls[AUDIT_NATIVE]), AUDIT_PERM_W | AUDIT_PERM_A);
    ck_assert_str_eq(sent->disk[0].text, "-w /etc/docker -p wa -k docker");
    ck_assert_str_eq(sent->disk[0].source.file, "/etc/audit/rules.d/a.rules");
    ck_assert(sent->disk[1].never);
    facts_free(&read->facts);
    facts_free(&sent->facts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, host_folder_setup, host_folder_teardown);
    tcase_add_test(all, numbers_texts_and_lists);
    tcase_add_test(all, lengths_and_counts_that_lie);
    tcase_add_test(all, files);
    tcase_add_test(all, files_cut_anywhere);
    tcase_add_test(all, units);
    tcase_add_test(all, paths);
    tcase_add_test(all, audit_rules);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
