/* The journal catalog: an explanation in each language for each kind of record, of fields that such a record has, as
 * the real journalctl reads it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sinks/fields.h"
#include "agent/sinks/message_ids.h"
#include "common/file.h"
#include "common/memory.h"

static const struct {
    const char *id;
    enum record_kind kind;
} messages[] = {
    {MESSAGE_ID_FINDING, RECORD_FINDING},           {MESSAGE_ID_AGENT, RECORD_AGENT},
    {MESSAGE_ID_HEARTBEAT, RECORD_HEARTBEAT},       {MESSAGE_ID_SNAPSHOT, RECORD_SNAPSHOT},
    {MESSAGE_ID_SNAPSHOT_END, RECORD_SNAPSHOT_END}, {MESSAGE_ID_LOST, RECORD_LOST},
};
static const char *const files[] = {"docker-bench-agent.catalog", "docker-bench-agent.zh_CN.catalog"};

static char *catalog_path(const char *name)
{
    return mem_printf("%s/../systemd/%s", TESTS_DIR, name);
}

/* What is between the line "-- ID" and the next of that form. The caller frees. */
static char *entry_of(const char *text, const char *id)
{
    scoped(cleanup_free) char *head = mem_printf("-- %s\n", id);
    const char *begin = strstr(text, head), *end;

    ck_assert_msg(begin != NULL, "no entry %s", id);
    begin += strlen(head);
    end = strstr(begin, "\n-- ");
    return mem_strndup(begin, end ? (size_t)(end - begin) : strlen(begin));
}

static bool has_field(enum record_kind kind, const char *name)
{
    for (size_t i = 0; i < record_field_count; i++)
        if (record_fields[i].journal && strcmp(record_fields[i].journal, name) == 0)
            return record_fields[i].kinds & 1u << kind;
    return false;
}

START_TEST(every_kind_is_explained_by_fields_that_it_has)
{
    for (size_t f = 0; f < countof(files); f++) {
        scoped(cleanup_free) char *path = catalog_path(files[f]);
        scoped_str text = STR_INIT;
        struct error error = ERROR_INIT;

        ck_assert_msg(file_read(path, 1024 * 1024, &text, &error) == 0, "%s", error.text);
        for (size_t i = 0; i < countof(messages); i++) {
            scoped(cleanup_free) char *entry = entry_of(text.data, messages[i].id);

            for (const char *at = strchr(entry, '@'); at; at = strchr(at, '@')) {
                const char *end = strchr(at + 1, '@');
                scoped(cleanup_free) char *name = NULL;

                ck_assert_ptr_nonnull(end);
                name = mem_strndup(at + 1, (size_t)(end - at - 1));
                ck_assert_msg(has_field(messages[i].kind, name), "%s: %s has no field %s", files[f],
                              record_kind_name(messages[i].kind), name);
                at = end + 1;
            }
        }
    }
}
END_TEST

/* The output of COMMAND, which must succeed. The caller frees. */
static char *output_of(const char *command)
{
    FILE *pipe = popen(command, "r");
    struct str out = STR_INIT;
    char buffer[4096];
    size_t n;

    ck_assert_ptr_nonnull(pipe);
    while ((n = fread(buffer, 1, sizeof buffer, pipe)))
        str_append_n(&out, buffer, n);
    ck_assert_msg(pclose(pipe) == 0, "%s", command);
    return out.data ? out.data : mem_strdup("");
}

/* Each file by itself, since journalctl picks the language by the locale, and not every machine has the Chinese one. */
START_TEST(the_real_journalctl_reads_it)
{
    if (system("journalctl --version >/dev/null 2>&1") != 0)
        return;
    for (size_t f = 0; f < countof(files); f++) {
        char root[] = "/tmp/test-catalog-XXXXXX";
        scoped(cleanup_free) char *path = catalog_path(files[f]), *make = NULL, *dump = NULL, *removal = NULL;

        ck_assert_ptr_nonnull(mkdtemp(root));
        make = mem_printf("mkdir -p %s/usr/lib/systemd/catalog %s/var/lib/systemd/catalog && "
                          "cp %s %s/usr/lib/systemd/catalog/docker-bench-agent.catalog && "
                          "journalctl --root=%s --update-catalog 2>&1",
                          root, root, path, root, root);
        dump = output_of(make);
        ck_assert_str_eq(dump, ""); /* no complaint of a line */
        for (size_t i = 0; i < countof(messages); i++) {
            scoped(cleanup_free) char *command =
                mem_printf("journalctl --root=%s --dump-catalog %s 2>&1", root, messages[i].id);
            scoped(cleanup_free) char *text = output_of(command);

            ck_assert_msg(strstr(text, "\nSubject: ") && strstr(text, "Defined-By: docker-bench-agent"), "%s", text);
        }
        removal = mem_printf("rm -r %s", root);
        ck_assert_int_eq(system(removal), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tcase = tcase_create("catalog");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tcase, every_kind_is_explained_by_fields_that_it_has);
    tcase_add_test(tcase, the_real_journalctl_reads_it);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
