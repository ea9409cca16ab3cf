/* Audit rules: as the kernel lists them, as files write them, and both put together. */
#include <check.h>
#include <errno.h>
#include <libaudit.h>
#include <string.h>

#include "common/json_out.h"
#include "probes/audit/audit.h"
#include "tests/unit/host_folder.h"

/* ---- The kernel's ---- */

/* A rule as auditctl would make it: FIELDS end with NULL; CALLS with commas between, NULL: all. */
static struct audit_rule_data *make(uint32_t list, uint32_t action, const char *calls, const char *const *fields)
{
    struct audit_rule_data *rule = audit_rule_create_data();
    char copy[512], *rest = copy;

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

/* The rule as the worker that lists it hands it over and the other one reads it. */
static struct audit_facts *listed(uint32_t list, uint32_t action, const char *calls, const char *const *fields)
{
    struct json_out *out = json_out_new(false);
    struct audit_rule_data *rule = make(list, action, calls, fields);
    struct audit_facts *facts = NULL;
    struct error error = ERROR_INIT;

    json_out_object(out, NULL);
    json_out_bool(out, "enabled", true);
    json_out_array(out, "rules");
    ck_assert_msg(audit_write_rule(out, rule, &error) == 0, "%s", error.text);
    json_out_end_array(out);
    json_out_end_object(out);
    ck_assert_msg(
        audit_parse(root, json_out_text(out, NULL), strlen(json_out_text(out, NULL)), 0, NULL, &facts, &error) == 0,
        "%s", error.text);
    ck_assert_uint_eq(facts->kernel_count, 1);
    json_out_free(out);
    audit_rule_free_data(rule);
    return facts;
}

#define FIELDS(...)                                                                                                    \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

/* The permissions of which a rule records every call, or of which a "never" rule hides one. */
static unsigned perms_of(const struct audit_rule *rule, enum audit_width width)
{
    unsigned perms = 0;

    if (rule->never)
        return audit_calls_perms(rule->calls[width]);
    for (unsigned perm = AUDIT_PERM_X; perm <= AUDIT_PERM_A; perm <<= 1)
        if (!(audit_calls_of(perm, width) & ~rule->calls[width]))
            perms |= perm;
    return perms;
}

/* "list path native compat flags": e exit o other; n never d directory c conditional t task */
static size_t describe(char *out, size_t size, const struct audit_rule *rule)
{
    return (size_t)snprintf(out, size, "%c %s %u %u %s%s%s%s", rule->list == AUDIT_LIST_EXIT ? 'e' : 'o',
                            rule->path ? rule->path : "-", perms_of(rule, AUDIT_NATIVE), perms_of(rule, AUDIT_COMPAT),
                            rule->never ? "n" : "", rule->directory ? "d" : "", rule->conditional ? "c" : "",
                            rule->task ? "t" : "");
}

static const struct kernel_case {
    uint32_t list, action;
    const char *calls;
    const char *fields[8];
    const char *wanted, *text;
} kernel_cases[] = {
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"dir=/etc/docker", "perm=wa"},
     "e /etc/docker 10 10 d",
     "-w /etc/docker -p wa"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/etc/docker", "perm=rwxa", "key=docker"},
     "e /etc/docker 15 15 ",
     "-w /etc/docker -p rwxa -k docker"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"arch=b64", "path=/x"},
     "e /x 15 0 ",
     "-a always,exit -F arch=b64 -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"arch=b32", "path=/x"},
     "e /x 0 15 ",
     "-a always,exit -F arch=b32 -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"arch!=b32", "path=/x", "perm=w"},
     "e /x 2 0 ",
     "-a always,exit -F arch!=b32 -S all -F path=/x -F perm=w"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/x", "auid>=1000"},
     "e /x 15 15 c",
     "-a always,exit -F path=/x -F auid>=1000"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/x", "auid!=unset"},
     "e /x 15 15 c",
     "-a always,exit -F path=/x -F auid!=unset"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/x", "exit=-EACCES"},
     "e /x 15 15 c",
     "-a always,exit -F path=/x -F exit=-13"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"path=/x y\\z", "success=1"},
     "e /x y\\z 15 15 c",
     "-a always,exit -F path=/x\\ y\\\\z -F success=1"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"ppid=1", "path=/x"},
     "e /x 15 15 c",
     "-a always,exit -F ppid=1 -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     NULL,
     {"obj_type=etc_t", "path=/x"},
     "e /x 15 15 c",
     "-a always,exit -F obj_type=etc_t -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     "execve,execveat",
     {"arch=b64", "path=/x"},
     "e /x 1 0 ",
     "-a always,exit -F arch=b64 -S execve,execveat -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     "execve",
     {"arch=b64", "path=/x"},
     "e /x 0 0 ",
     "-a always,exit -F arch=b64 -S execve -F path=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_ALWAYS,
     "openat,unlinkat,fchmodat",
     {"arch=b64", "dir=/x", "perm=wa"},
     "e /x 0 0 d",
     "-a always,exit -F arch=b64 -S openat,unlinkat,fchmodat -F dir=/x -F perm=wa"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, NULL, {"dir=/x"}, "e /x 15 15 nd", "-a never,exit -F dir=/x"},
    {AUDIT_FILTER_EXIT,
     AUDIT_NEVER,
     NULL,
     {"dir=/x", "perm=wa"},
     "e /x 14 14 nd",
     "-a never,exit -F dir=/x -F perm=wa"}, /* open with O_RDWR: what writing hides, reading loses as well */
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "adjtimex", {"arch=b64"}, "e - 0 0 n", "-a never,exit -F arch=b64 -S adjtimex"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "unlinkat", {"arch=b64"}, "e - 2 0 n", "-a never,exit -F arch=b64 -S unlinkat"},
    {AUDIT_FILTER_EXIT, AUDIT_NEVER, "linkat", {"arch=b32"}, "e - 0 10 n", "-a never,exit -F arch=b32 -S linkat"},
    {AUDIT_FILTER_EXIT,
     AUDIT_NEVER,
     "setxattr",
     {"arch=b64", "uid=0"},
     "e - 8 0 nc",
     "-a never,exit -F arch=b64 -S setxattr -F uid=0"},
    {AUDIT_FILTER_TASK, AUDIT_NEVER, NULL, {NULL}, "o - 15 15 nt", "-a never,task"},
    {AUDIT_FILTER_TASK, AUDIT_NEVER, NULL, {"uid=5"}, "o - 15 15 nct", "-a never,task -F uid=5"},
    {AUDIT_FILTER_TASK, AUDIT_ALWAYS, NULL, {"uid=5"}, "o - 0 0 c", "-a always,task -F uid=5"},
    {AUDIT_FILTER_EXCLUDE,
     AUDIT_ALWAYS,
     NULL,
     {"msgtype=SYSCALL"},
     "o - 15 15 n",
     "-a always,exclude -F msgtype=SYSCALL"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_NEVER, NULL, {"msgtype=PATH"}, "o - 15 15 nc", "-a never,exclude -F msgtype=PATH"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype=CWD"}, "o - 15 15 nc", "-a always,exclude -F msgtype=CWD"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype=EXECVE"}, "o - 1 1 nc", "-a always,exclude -F msgtype=EXECVE"},
    {AUDIT_FILTER_EXCLUDE,
     AUDIT_ALWAYS,
     NULL,
     {"msgtype=USER_LOGIN"},
     "o - 0 0 c",
     "-a always,exclude -F msgtype=USER_LOGIN"},
    {AUDIT_FILTER_EXCLUDE,
     AUDIT_ALWAYS,
     NULL,
     {"msgtype>=1300", "msgtype<=1399"},
     "o - 15 15 n",
     "-a always,exclude -F msgtype>=SYSCALL -F msgtype<=1399"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {"msgtype>1327"}, "o - 0 0 c", "-a always,exclude -F msgtype>PROCTITLE"},
    {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, NULL, {NULL}, "o - 0 0 ", "-a always,exclude"},
};

START_TEST(test_kernel)
{
    const struct kernel_case *wanted = &kernel_cases[_i];
    struct audit_facts *facts = listed(wanted->list, wanted->action, wanted->calls, wanted->fields);
    char text[256];

    describe(text, sizeof text, &facts->kernel[0]);
    ck_assert_str_eq(text, wanted->wanted);
    ck_assert_str_eq(facts->kernel[0].text, wanted->text);
    facts_free(&facts->facts);
}
END_TEST

/* What has no calls by name in libaudit: a list of file systems, a comparison, an exclusion of a user. */
START_TEST(test_kernel_fields)
{
    static const struct {
        uint32_t list, action, field, relation, value;
        const char *wanted, *text;
    } cases[] = {
        {AUDIT_FILTER_FS, AUDIT_NEVER, AUDIT_FSTYPE, AUDIT_EQUAL, 0x74726163, "o - 0 0 ",
         "-a never,filesystem -F fstype=tracefs"},
        {AUDIT_FILTER_FS, AUDIT_NEVER, AUDIT_FSTYPE, AUDIT_NOT_EQUAL, 0x74726163, "o - 15 15 n",
         "-a never,filesystem -F fstype!=tracefs"},
        {AUDIT_FILTER_FS, AUDIT_NEVER, AUDIT_FSTYPE, AUDIT_EQUAL, 0xef53, "o - 15 15 n",
         "-a never,filesystem -F fstype=61267"},
        {AUDIT_FILTER_FS, AUDIT_ALWAYS, AUDIT_FSTYPE, AUDIT_EQUAL, 0xef53, "o - 0 0 ",
         "-a always,filesystem -F fstype=61267"},
        {AUDIT_FILTER_EXIT, AUDIT_NEVER, AUDIT_FIELD_COMPARE, AUDIT_NOT_EQUAL, AUDIT_COMPARE_UID_TO_EUID,
         "e - 15 15 nc", "-a never,exit -C uid!=euid"},
        {AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, AUDIT_UID, AUDIT_EQUAL, 0, "o - 15 15 nc", "-a always,exclude -F uid=0"},
        {AUDIT_FILTER_USER, AUDIT_NEVER, AUDIT_UID, AUDIT_EQUAL, 0, "o - 0 0 ", "-a never,user -F uid=0"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct audit_rule_data data = {.flags = cases[i].list,
                                       .action = cases[i].action,
                                       .field_count = 1,
                                       .fields = {cases[i].field},
                                       .fieldflags = {cases[i].relation},
                                       .values = {cases[i].value}};
        struct json_out *out = json_out_new(false);
        struct error error = ERROR_INIT;
        struct audit_facts *facts = NULL;
        scoped(cleanup_free) char *listing = NULL;
        char text[256];

        memset(data.mask, 0xff, sizeof data.mask);
        ck_assert_int_eq(audit_write_rule(out, &data, &error), 0);
        listing = mem_printf("{\"enabled\":true,\"rules\":[%s]}", json_out_text(out, NULL));
        ck_assert_int_eq(audit_parse(root, listing, strlen(listing), 0, NULL, &facts, &error), 0);
        describe(text, sizeof text, &facts->kernel[0]);
        ck_assert_str_eq(text, cases[i].wanted);
        ck_assert_str_eq(facts->kernel[0].text, cases[i].text);
        facts_free(&facts->facts);
        json_out_free(out);
    }
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

static enum audit_place look(enum audit_kind kind, const char *path, void *user)
{
    (void)user;
    if (kind != AUDIT_KIND_PATH)
        return strcmp(path, "known") == 0 ? AUDIT_PLACE_FILE : AUDIT_PLACE_MISSING;
    if (str_starts(path, "/none"))
        return path[5] ? AUDIT_PLACE_MISSING : AUDIT_PLACE_ABSENT;
    return strcmp(path, "/etc/docker") == 0 || strcmp(path, "/") == 0 ? AUDIT_PLACE_DIRECTORY : AUDIT_PLACE_FILE;
}

/* The rules, '|' between; '!' when a line was refused. */
static const char *parsed(const char *text, bool *ret_disabled)
{
    static char out[1024];
    struct arena *arena = arena_new(1024);
    struct audit_rule_list rules = {0};
    size_t used = 0;

    audit_parse_lines(arena, text, look, NULL, &rules);
    out[0] = '\0';
    for (size_t i = 0; i < rules.count; i++) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%s", used ? "|" : "");
        used += describe(out + used, sizeof out - used, &rules.items[i]);
    }
    snprintf(out + used, sizeof out - used, "%s", rules.refused.text ? "!" : "");
    if (ret_disabled)
        *ret_disabled = rules.disabled;
    free(rules.items);
    arena_free(arena);
    return out;
}

static const struct {
    const char *text, *wanted;
} lines[] = {
    {"-w /etc/docker -p wa -k docker", "e /etc/docker 10 10 d"},
    {"-w /etc/docker", "e /etc/docker 15 15 d"},
    {"-w/etc/docker -pwa -kdocker", "e /etc/docker 10 10 d"},
    {"-w /etc/docker/ -p WA", "e /etc/docker 10 10 d"},
    {"-w /x -k k -p wa", "e /x 10 10 "},
    {"   -w   /x  -p x", "e /x 1 1 "},
    {"-w /x -p x\r", "!"},
    {"-w\t/x", "!"},
    {"\t-w /x", "!"},
    {"-p wa -w /etc/docker/", "!"},
    {"-k key -w /x", "!"},
    {"-w \"/x\" -p rwxa", "!"},
    {"-a always,exit -F path=\"/x\"", "!"},
    {"-w /x -k \"a\"", "e /x 15 15 "},
    {"-w /a\\ b -p wa", "e /a b 10 10 "},
    {"-w /y\n-w /x -p wa # why\n-w /z", "e /y 15 15 !"},
    {"-i\n-w /x -p wa # why\n-w /z", "e /z 15 15 "},
    {"-w /x -p wa #\n-c\n-w /z", "!"},
    {"-w /x -i\n-w #\n-w /z", "e /z 15 15 "}, /* -i ends its line, and the watch is not sent */
    {"--backlog_wait_time 60000\n-w /x", "e /x 15 15 "},
    {"--backlog_wait_time=60000\n-w /x", "e /x 15 15 "},
    {"--backlog_wait_time soon\n-w /x", "!"},
    {"--reset\n-w /x", "!"},
    {"--reset-lost\n--loginuid\n-w /x", "e /x 15 15 "},
    {"#-w /x", ""},
    {"  # -w /x", ""},
    {"-w", "!"},
    {"w /x", "!"},
    {"-w / -p wa", "e / 10 10 d"},
    {"-w /none -p wa\n-w /x", "e /none 10 10 |e /x 15 15 "},
    {"-w /none/x -p wa\n-w /x", "!"},
    {"-a always,exit -F dir=/none\n-w /x", "!"},
    {"-a always,exit -F arch=b64 -F path=/x -F perm=wa -F key=k", "e /x 10 0 "},
    {"-a always,exit -F arch=x86_64 -F path=/x -F perm=wa", "e /x 10 0 "},
    {"-a exit,always -F dir=/x/ -F perm=wa", "e /x/ 10 10 d"},
    {"-a always,exit -F path=/x/ -F perm=wa", "!"},
    {"-aalways,exit -Farch=b64 -Fpath=/x -Fperm=wa", "e /x 10 0 "},
    {"-a always,exit -F arch=b32 -F path=/x", "e /x 0 15 "},
    {"-a always,exit -F path=/x -F auid>=1000 -F auid!=unset", "e /x 15 15 c"},
    {"-a always,exit -F path=/x -F uid=known -F gid=known", "e /x 15 15 c"},
    {"-a always,exit -F path=/x -F uid=unknown", "!"},
    {"-a always,exit -F path=/x -F egid=unknown", "!"},
    {"-a always,exit -F path=/x -C uid!=euid", "e /x 15 15 c"},
    {"-a always,exit -F arch=b64 -S execve -S execveat -F path=/x", "e /x 1 0 "},
    {"-a always,exit -F arch=b64 -S 59,322 -F path=/x", "e /x 1 0 "},
    {"-a always,exit -F dir=/x -S openat -S unlinkat,fchmodat", "e /x 0 0 d"},
    {"-a never,exit -S adjtimex", "e - 0 0 n"},
    {"-a never,exit -S all", "e - 15 15 n"},
    {"-a never,exit", "e - 15 15 n"},
    {"-a never,task", "o - 15 15 nt"},
    {"-a task,never -F uid=5", "o - 15 15 nct"},
    {"-a always,exclude -F msgtype=SYSCALL", "o - 15 15 n"},
    {"-a never,exclude -F msgtype=1302", "o - 15 15 nc"},
    {"-a always,exclude -F msgtype=EOE", "o - 0 0 c"},
    {"-a always,exclude -F msgtype!=CWD", "o - 15 15 n"},
    {"-a always,exclude -F msgtype=NO_SUCH", "!"},
    {"-a always,exclude -F auid=5", "o - 15 15 nc"},
    {"-a never,filesystem -F fstype=tracefs -k x", "o - 0 0 "},
    {"-a never,filesystem -F fstype=0xEF53", "o - 15 15 n"},
    {"-a always,user -F uid=0", "o - 0 0 "},
    {"-a always,possible\n-w /x", "!"},
    {"-a exit,possible -S open\n-w /x", "e /x 15 15 "},
    {"-w /a\n-A never,exit -F path=/a\n-w /b", "e /a 15 15 n|e /a 15 15 |e /b 15 15 "},
    {"-w /a\n-D\n-w /b", "e /b 15 15 "},
    {"-w /a\n-e 2\n-w /b\n-D\n-e 0", "e /a 15 15 "},
    {"-e 1\n-w /a\n-e2", "e /a 15 15 "},
    {"-w /a -k x\n-w /b -k y\n-D -k x\n-w /c", "e /b 15 15 |e /c 15 15 "},
    {"-a always,exit -F path=/a -F key=y -k x\n-w /b\n-D -k x", "e /b 15 15 "},
    {"-w /a -p wa -k y\n-w /b\n-W /a -p wa -k y", "e /b 15 15 "},
    {"-w /a -p wa\n-w /b\n-W /a\n-w /c", "e /a 10 10 |e /b 15 15 !"},
    {"-w /a -p wa\n-w /a -p wa\n-w /b", "e /a 10 10 !"},
    {"-w /a -p wa\n-w /a -p wa -k x", "e /a 10 10 |e /a 10 10 "},
    {"-a always,exit -F path=/a -F perm=w\n-d always,exit -F path=/a -F perm=w", ""},
    {"-a always,exit -F path=/a -F perm=w\n-d always,exit -F path=/a -F perm=a", "e /a 2 2 !"},
    {"-b 8192\n-f 1\n-r 100\n--loginuid-immutable\n-w /a", "e /a 15 15 "},
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
                         "{\"exit\":true,\"path\":\"/usr/bin/dockerd\"},"
                         "{\"exit\":true,\"path\":\"/var/run/docker.sock\"},"
                         "{\"exit\":true,\"path\":\"/\",\"directory\":true},"
                         "{\"exit\":true,\"path\":null,\"never\":true}]}",
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
    ck_assert_str_eq(facts->disk_file, "/etc/audit/audit.rules");
    facts_free(&facts->facts);
    put_text("/etc/audit/rules.d/20-b.rules", "-w /b\n-e 0\n");
    put_text("/etc/audit/rules.d/10-a.rules", "-D\n-w /a\n");
    put_text("/etc/audit/rules.d/30-c.rules.bak", "-w /c\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 2);
    ck_assert_str_eq(facts->disk[0].path, "/a");
    ck_assert_str_eq(facts->disk[0].source.file, "/etc/audit/rules.d/10-a.rules");
    ck_assert_str_eq(facts->disk[0].source.text, "-w /a");
    ck_assert_uint_eq(facts->disk[0].source.line, 2);
    ck_assert_str_eq(facts->disk[1].path, "/b");
    ck_assert(facts->disk_disabled);
    ck_assert_str_eq(facts->off.file, "/etc/audit/rules.d/20-b.rules");
    ck_assert_uint_eq(facts->off.line, 2);
    ck_assert_str_eq(facts->disk_file, "/etc/audit/rules.d/docker.rules");
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

/* Whether a watch is for a directory, and whether it is refused, is what the host's files decide. */
START_TEST(test_places)
{
    struct audit_facts *facts;

    put_text("/etc/docker/daemon.json", "{}");
    put_text("/etc/audit/rules.d/a.rules", "-w /etc/docker\n-w /etc/docker/new\n-w /etc/sysconfig/docker\n-w /etc\n");
    put_text("/etc/audit/rules.d/b.rules", "-w /z\n");
    put_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 2);
    ck_assert(facts->disk[0].directory);
    ck_assert(!facts->disk[1].directory);
    ck_assert_str_eq(facts->refused.text, "-w /etc/sysconfig/docker");
    ck_assert_str_eq(facts->refused.file, "/etc/audit/rules.d/a.rules");
    ck_assert_uint_eq(facts->refused.line, 3);
    ck_assert(facts->tool_missing);
    facts_free(&facts->facts);
    put_text("/usr/sbin/auditctl", "");
    put_text("/etc/audit/rules.d/a.rules", "-w /etc -k x -F uid=alice\n-w /etc -F uid=bob\n-w /etc\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 1);
    ck_assert_str_eq(facts->refused.text, "-w /etc -F uid=bob");
    facts_free(&facts->facts);
    put_text("/etc/audit/rules.d/c.rules", "-f many\n-i\n");
    facts = put_together(NULL, EPERM);
    ck_assert_int_eq(facts->disk_count, 0); /* -f goes to the front */
    ck_assert_str_eq(facts->refused.text, "-f many");
    ck_assert(!facts->tool_missing);
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

    tcase_add_loop_test(host, test_kernel, 0, sizeof kernel_cases / sizeof *kernel_cases);
    tcase_add_test(host, test_kernel_fields);
    tcase_add_test(rules, test_kernel_longer_than_it_says);
    tcase_add_loop_test(rules, test_lines, 0, sizeof lines / sizeof *lines);
    tcase_add_test(rules, test_switch);
    tcase_add_checked_fixture(host, host_folder_setup, host_folder_teardown);
    tcase_add_test(host, test_failures);
    tcase_add_test(host, test_targets);
    tcase_add_test(host, test_files_on_disk);
    tcase_add_test(host, test_locked);
    tcase_add_test(host, test_folder_of_rules);
    tcase_add_test(host, test_places);
    tcase_add_test(host, test_folder_without_rules);
    tcase_add_test(host, test_digest);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, host);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
