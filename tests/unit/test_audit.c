/* Audit rules: as the kernel lists them, as files write them, and both put together. */
#include <check.h>
#include <errno.h>
#include <libaudit.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/json_out.h"
#include "probes/audit/audit.h"
#include "tests/unit/host_folder.h"

/* ---- The kernel's ---- */

/* A rule as auditctl would make it: FIELDS end with NULL; CALLS with commas between, NULL: all. */
static struct audit_rule_data *make(uint32_t list, uint32_t action, const char *calls, const char *const *fields)
{
    struct audit_rule_data *rule = audit_rule_create_data();
    char copy[256], *rest = copy;

    snprintf(copy, sizeof copy, "%s", calls ? calls : "all");
    for (size_t i = 0; fields[i]; i++) {
        char field[256];

        snprintf(field, sizeof field, "%s", fields[i]);
        ck_assert_msg(audit_rule_fieldpair_data(&rule, field, (int)list) == 0, "%s", fields[i]);
    }
    for (char *call; list == AUDIT_FILTER_EXIT && (call = strsep(&rest, ","));)
        ck_assert_int_eq(audit_rule_syscallbyname_data(rule, call), 0);
    rule->flags = list;
    rule->action = action;
    return rule;
}

static const char *written(uint32_t list, uint32_t action, const char *calls, const char *const *fields)
{
    static char text[1024];
    struct json_out *out = json_out_new(false);
    struct audit_rule_data *rule = make(list, action, calls, fields);
    struct error error = ERROR_INIT;

    ck_assert_msg(audit_write_rule(out, rule, &error) == 0, "%s", error.text);
    snprintf(text, sizeof text, "%s", json_out_text(out, NULL));
    json_out_free(out);
    audit_rule_free_data(rule);
    return text;
}

#define FIELDS(...)                                                                                                    \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

static const struct kernel_case {
    uint32_t list, action;
    const char *calls;
    const char *fields[8];
    const char *wanted; /* parts of the object, '|' between */
} kernel_cases[] = {
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"dir=/etc/docker", "perm=wa"},
     "\"exit\":true|\"directory\":true|"
     "\"path\":\"/etc/docker\"|\"perms\":10|"
     "\"conditional\":false|\"never\":false"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/etc/docker", "perm=rwxa", "key=docker"},
     "\"directory\":false|"
     "\"perms\":15|"
     "\"conditional\":false"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, {"arch=b64", "path=/x"}, "\"perms\":15|\"conditional\":false"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, {"arch=b32", "path=/x"}, "\"conditional\":true"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, {"path=/x", "auid>=1000"}, "\"conditional\":true"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, {"path=/x", "success=1"}, "\"conditional\":true"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, {"path=/x", "exe=/bin/y"}, "\"conditional\":true"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, "execve", {"path=/x"}, "\"perms\":1|\"conditional\":false"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, "openat", {"arch=b64", "dir=/x", "perm=wa"}, "\"perms\":0"},
    {AUDIT_FILTER_EXIT, AUDIT_ALWAYS, "openat,unlinkat", {"arch=b64", "dir=/x", "perm=wa"}, "\"perms\":2"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, NULL, {"dir=/x"}, "\"never\":true|\"perms\":15"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "adjtimex", {"arch=b64"}, "\"never\":true|\"perms\":0|\"path\":null"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "unlinkat", {"arch=b64"}, "\"never\":true|\"perms\":2"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "execveat", {"arch=b64"}, "\"never\":true|\"perms\":1"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "fchownat", {"arch=b64"}, "\"never\":true|\"perms\":8"},
    {AUDIT_FILTER_TASK, AUDIT_NEVER, NULL, {NULL}, "\"exit\":false|\"never\":true|\"conditional\":false"},
    {AUDIT_FILTER_TASK, AUDIT_NEVER, NULL, {"uid=5"}, "\"never\":true|\"conditional\":true"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype=SYSCALL"}, "\"never\":true|\"conditional\":false"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_NEVER, NULL, {"msgtype=PATH"}, "\"never\":true"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype=CWD"}, "\"never\":false"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype=USER_LOGIN"}, "\"never\":false"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype>=1300", "msgtype<=1399"}, "\"never\":true"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype>1302"}, "\"never\":false"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype!=EOE"}, "\"never\":true"},
};

START_TEST(test_kernel)
{
    const struct kernel_case *wanted = &kernel_cases[_i];
    const char *text = written(wanted->list, wanted->action, wanted->calls, wanted->fields);
    char parts[256], *rest = parts;

    snprintf(parts, sizeof parts, "%s", wanted->wanted);
    for (char *part; (part = strsep(&rest, "|"));)
        ck_assert_msg(strstr(text, part), "%s in %s", part, text);
}
END_TEST

START_TEST(test_kernel_longer_than_it_says)
{
    struct json_out *out = json_out_new(false);
    struct audit_rule_data *rule = make(AUDIT_FILTER_EXIT, AUDIT_ALWAYS, NULL, FIELDS("path=/etc/docker", "key=k"));
    struct error error = ERROR_INIT;

    rule->values[1] = 4000;
    ck_assert_int_eq(audit_write_rule(out, rule, &error), -EPROTO);
    rule->values[1] = UINT32_MAX;
    ck_assert_int_eq(audit_write_rule(out, rule, &error), -EPROTO);
    rule->field_count = AUDIT_MAX_FIELDS + 1;
    ck_assert_int_eq(audit_write_rule(out, rule, &error), -EPROTO);
    json_out_free(out);
    audit_rule_free_data(rule);
}
END_TEST

/* ---- Files ---- */

static bool is_folder(const char *path, void *user)
{
    (void)user;
    return strcmp(path, "/etc/docker") == 0 || strcmp(path, "/") == 0;
}

/* "list path perms flags", '|' between the rules: e exit o other; n never d directory c conditional. */
static const char *parsed(const char *text, bool *ret_disabled)
{
    static char out[1024];
    struct arena *arena = arena_new(1024);
    struct audit_rule_list rules = {0};
    size_t used = 0;

    audit_parse_lines(arena, text, is_folder, NULL, &rules);
    out[0] = '\0';
    for (size_t i = 0; i < rules.count; i++) {
        const struct audit_rule *rule = &rules.items[i];

        used += (size_t)snprintf(out + used, sizeof out - used, "%s%c %s %u %s%s%s", used ? "|" : "",
                                 rule->list == AUDIT_LIST_EXIT ? 'e' : 'o', rule->path ? rule->path : "-", rule->perms,
                                 rule->never ? "n" : "", rule->directory ? "d" : "", rule->conditional ? "c" : "");
    }
    if (ret_disabled)
        *ret_disabled = rules.disabled;
    free(rules.items);
    arena_free(arena);
    return out;
}

static const struct {
    const char *text, *wanted;
} lines[] = {
    {"-w /etc/docker -p wa -k docker", "e /etc/docker 10 d"},
    {"-w /etc/docker", "e /etc/docker 15 d"},
    {"-w/etc/docker -pwa -kdocker", "e /etc/docker 10 d"},
    {"-p wa -w /etc/docker/", "e /etc/docker 10 d"},
    {"  \t-w /x -p x\r", "e /x 1 "},
    {"-w \"/x\" -p rwxa", ""},
    {"-a always,exit -F path=\"/x\"", ""},
    {"-w /x -k \"a\"", "e /x 15 "},
    {"-w /a\\ b -p wa", "e /a b 10 "},
    {"-w /y\n-w /x -p wa # why\n-w /z", "e /y 15 "},
    {"-i\n-w /x -p wa # why\n-w /z", "e /z 15 "},
    {"-w /x -p wa #\n-c\n-w /z", ""},
    {"--backlog_wait_time 60000\n-w /x", "e /x 15 "},
    {"#-w /x", ""},
    {"  # -w /x", ""},
    {"-w", ""},
    {"w /x", ""},
    {"-w / -p wa", "e / 10 d"},
    {"-a always,exit -F arch=b64 -F path=/x -F perm=wa -F key=k", "e /x 10 "},
    {"-a exit,always -F dir=/x/ -F perm=wa", "e /x 10 d"},
    {"-aalways,exit -Farch=b64 -Fpath=/x -Fperm=wa -Sall", "e /x 10 "},
    {"-a always,exit -F arch=b32 -F path=/x", "e /x 15 c"},
    {"-a always,exit -F path=/x -F auid>=1000 -F auid!=unset", "e /x 15 c"},
    {"-a always,exit -F path=/x -C uid!=euid", "e /x 15 c"},
    {"-a always,exit -F path=/x -S execve", "e /x 1 "},
    {"-a always,exit -F dir=/x -S openat -S unlinkat,fchmodat", "e /x 14 d"},
    {"-a always,exit -F dir=/x -F perm=wa -S openat", "e /x 0 d"},
    {"-a always,exit -F dir=/x -F perm=wa -S fchmodat,reopenat", "e /x 8 d"},
    {"-a never,exit -S adjtimex", "e - 0 n"},
    {"-a never,exit -S all", "e - 15 n"},
    {"-S unlink -a never,exit", "e - 2 n"},
    {"-a never,task", "o - 15 n"},
    {"-a task,never -F uid=5", "o - 15 nc"},
    {"-a always,exclude -F msgtype=SYSCALL", "o - 15 n"},
    {"-a never,exclude -F msgtype=1302", "o - 15 n"},
    {"-a always,exclude -F msgtype=CWD", "o - 15 "},
    {"-a always,exclude -F msgtype!=CWD", "o - 15 n"},
    {"-a always,exclude -F msgtype>=1300 -F msgtype<=1399", "o - 15 n"},
    {"-a always,exclude -F msgtype=NO_SUCH", "o - 15 "},
    {"-a always,exclude -F auid=5", "o - 15 c"},
    {"-a never,filesystem -F fstype=tracefs", "o - 15 c"},
    {"-a always,user -F uid=0", "o - 15 c"},
    {"-w /a\n-A never,exit -F path=/a\n-w /b", "e /a 15 n|e /a 15 |e /b 15 "},
    {"-w /a\n-D\n-w /b", "e /b 15 "},
    {"-w /a\n-e 2\n-w /b\n-D\n-e 0", "e /a 15 "},
    {"-e 1\n-w /a\n-e2", "e /a 15 "},
    {"-w /a -k x\n-w /b -k y\n-D -k x\n-w /c", "e /b 15 |e /c 15 "},
    {"-a always,exit -F path=/a -F key=y -k x\n-w /b\n-D -k x", "e /b 15 "},
    {"-w /a -p wa\n-w /b\n-W /a", "e /b 15 "},
    {"-a always,exit -F path=/a -F perm=w\n-d always,exit -F path=/a -F perm=w", ""},
    {"-a always,exit -F path=/a -F perm=w\n-d always,exit -F path=/a -F perm=a", "e /a 2 "},
    {"-b 8192\n-f 1\n-r 100\n--loginuid-immutable\n-w /a", "e /a 15 "},
};

START_TEST(test_lines)
{
    ck_assert_str_eq(parsed(lines[_i].text, NULL), lines[_i].wanted);
}
END_TEST

START_TEST(test_switch)
{
    bool disabled;

    parsed("-w /x", &disabled);
    ck_assert(!disabled);
    parsed("-e 0", &disabled);
    ck_assert(disabled);
    parsed("-e0", &disabled);
    ck_assert(disabled);
    parsed("-e 0\n-e 2", &disabled);
    ck_assert(!disabled);
}
END_TEST

/* ---- Both ---- */

static struct audit_facts *put_together(const char *output, int number)
{
    struct audit_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(
        audit_parse(root, output, output ? strlen(output) : 0, number, number ? "why" : NULL, &facts, &error) == 0,
        "%s", error.text);
    return facts;
}

START_TEST(test_failures)
{
    static const struct {
        int number;
        enum audit_kernel state;
    } failures[] = {{EPERM, AUDIT_KERNEL_DENIED},        {ECONNREFUSED, AUDIT_KERNEL_DENIED},
                    {EAFNOSUPPORT, AUDIT_KERNEL_DENIED}, {EPROTONOSUPPORT, AUDIT_KERNEL_ABSENT},
                    {ETIMEDOUT, AUDIT_KERNEL_UNKNOWN},   {EIO, AUDIT_KERNEL_UNKNOWN},
                    {ENOBUFS, AUDIT_KERNEL_UNKNOWN}};

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct audit_facts *facts = put_together(NULL, failures[i].number);

        ck_assert_int_eq(facts->kernel_state, failures[i].state);
        ck_assert_str_eq(facts->kernel_error, "why");
        ck_assert_int_eq(facts->kernel_count, 0);
        facts_free(&facts->facts);
    }
}
END_TEST

START_TEST(test_targets)
{
    struct audit_facts *facts;

    put_text("/opt/docker/dockerd", "x");
    put_text("/run/docker.sock", "x");
    link_to("/opt/docker/dockerd", "/usr/bin/dockerd");
    link_to("/run", "/var/run");
    facts = put_together("{\"enabled\":true,\"locked\":true,\"rules\":["
                         "{\"exit\":true,\"path\":\"/usr/bin/dockerd\",\"perms\":15},"
                         "{\"exit\":true,\"path\":\"/var/run/docker.sock\",\"perms\":10},"
                         "{\"exit\":true,\"path\":\"/\",\"directory\":true,\"perms\":10},"
                         "{\"exit\":true,\"path\":null,\"never\":true,\"perms\":0}]}",
                         0);
    ck_assert_int_eq(facts->kernel_state, AUDIT_KERNEL_READ);
    ck_assert(facts->enabled && facts->locked);
    ck_assert_str_eq(facts->kernel[0].target, "/usr/bin/dockerd"); /* the link itself: its own folder is no link */
    ck_assert_str_eq(facts->kernel[1].target, "/run/docker.sock");
    ck_assert_str_eq(facts->kernel[2].target, "/");
    ck_assert_ptr_null(facts->kernel[3].target);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_files_on_disk)
{
    struct audit_facts *facts = put_together(NULL, EPERM);

    ck_assert_str_eq(facts->disk_error, "no rule files in /etc/audit");
    facts_free(&facts->facts);
    put_text("/etc/audit/audit.rules", "-w /from-audit-rules\n");
    facts = put_together(NULL, EPERM);
    ck_assert_ptr_null(facts->disk_error);
    ck_assert_int_eq(facts->disk_count, 1);
    facts_free(&facts->facts);
    put_text("/etc/audit/rules.d/20-b.rules", "-w /b\n-e 0\n");
    put_text("/etc/audit/rules.d/10-a.rules", "-D\n-w /a\n");
    put_text("/etc/audit/rules.d/30-c.rules.bak", "-w /c\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 2);
    ck_assert_str_eq(facts->disk[0].path, "/a");
    ck_assert_str_eq(facts->disk[1].path, "/b");
    ck_assert(facts->disk_disabled);
    facts_free(&facts->facts);
}
END_TEST

/* auditctl loads one file from its top: what stands behind the lock never gets in. augenrules puts the lock last. */
START_TEST(test_locked)
{
    struct audit_facts *facts;

    put_text("/etc/audit/audit.rules", "-w /a\n-e 2\n-w /b\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 1);
    ck_assert_str_eq(facts->disk[0].path, "/a");
    facts_free(&facts->facts);
    put_text("/etc/audit/rules.d/10-a.rules", "-w /a\n -e 0\n-e 2\n-w /b\n");
    put_text("/etc/audit/rules.d/20-b.rules", "-w /c\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 3);
    ck_assert(!facts->disk_disabled);
    facts_free(&facts->facts);
}
END_TEST

/* As augenrules puts them together: in the order of ls -v, a bare -D before all. */
START_TEST(test_folder_of_rules)
{
    struct audit_facts *facts;

    put_text("/etc/audit/rules.d/10-b.rules", "-w /b\n  -D \n-D -k other");
    put_text("/etc/audit/rules.d/9-a.rules", "-w /a -k mine\n-w /c -k other");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 2);
    ck_assert_str_eq(facts->disk[0].path, "/a");
    ck_assert_str_eq(facts->disk[1].path, "/b");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_folder_without_rules)
{
    struct audit_facts *facts;

    put_text("/etc/audit/rules.d/README", "");
    facts = put_together(NULL, EPERM);
    ck_assert_ptr_null(facts->disk_error);
    ck_assert_int_eq(facts->disk_count, 0);
    facts_free(&facts->facts);
    put_text("/etc/audit/audit.rules", "-w /from-audit-rules\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 1);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_digest)
{
    struct audit_facts *on = put_together("{\"enabled\":true,\"rules\":[]}", 0);
    struct audit_facts *off = put_together("{\"enabled\":false,\"rules\":[]}", 0);
    struct audit_facts *denied = put_together(NULL, EPERM), *broken = put_together(NULL, EIO);

    ck_assert(on->facts.digest != off->facts.digest);
    ck_assert(denied->facts.digest != broken->facts.digest);
    facts_free(&on->facts);
    facts_free(&off->facts);
    facts_free(&denied->facts);
    facts_free(&broken->facts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *rules = tcase_create("rules"), *host = tcase_create("host");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(rules, test_kernel, 0, sizeof kernel_cases / sizeof *kernel_cases);
    tcase_add_test(rules, test_kernel_longer_than_it_says);
    tcase_add_loop_test(rules, test_lines, 0, sizeof lines / sizeof *lines);
    tcase_add_test(rules, test_switch);
    tcase_add_checked_fixture(host, host_folder_setup, host_folder_teardown);
    tcase_add_test(host, test_failures);
    tcase_add_test(host, test_targets);
    tcase_add_test(host, test_files_on_disk);
    tcase_add_test(host, test_locked);
    tcase_add_test(host, test_folder_of_rules);
    tcase_add_test(host, test_folder_without_rules);
    tcase_add_test(host, test_digest);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, host);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
