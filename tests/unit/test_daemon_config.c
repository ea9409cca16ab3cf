/* dockerd's command line and daemon.json: every spelling, and which of them counts. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probes/daemon/daemon_config.h"
#include "probes/daemon/daemon_memory.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/daemon/toml.h"
#include "tests/unit/host_folder.h"

enum { ARGUMENTS = 16 };

/* ARGUMENTS_TEXT: words with single spaces between. */
static struct daemon_facts *parse(const char *arguments_text, const char *config)
{
    char text[512], *rest = text;
    const char *arguments[ARGUMENTS];
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;
    size_t count = 0;

    snprintf(text, sizeof text, "%s", arguments_text);
    for (char *word; count < ARGUMENTS && (word = strsep(&rest, " "));)
        arguments[count++] = word;
    ck_assert_int_eq(daemon_config_parse(arguments, count, config, config ? strlen(config) : 0, &facts, &error), 0);
    return facts;
}

/* All values of NAME with '|' between; "-" for none. */
static const char *values(const struct daemon_facts *facts, const char *name)
{
    static char text[1024];
    size_t used = 0;

    snprintf(text, sizeof text, "-");
    for (size_t i = 0; i < facts->option_count; i++)
        if (strcmp(facts->options[i].name, name) == 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? "|" : "", facts->options[i].value);
    return text;
}

static const struct {
    const char *arguments, *config, *option, *wanted;
} cases[] = {
    /* the ways to write a value */
    {"dockerd --log-level=debug", NULL, "log-level", "debug"},
    {"dockerd --log-level debug", NULL, "log-level", "debug"},
    {"dockerd -l debug", NULL, "log-level", "debug"},
    {"dockerd -ldebug", NULL, "log-level", "debug"},
    {"dockerd -l=debug", NULL, "log-level", "debug"},
    {"dockerd -H unix:///a", NULL, "host", "unix:///a"},
    {"dockerd -Hunix:///a", NULL, "host", "unix:///a"},
    {"dockerd -H=unix:///a", NULL, "host", "unix:///a"},
    {"dockerd --host=unix:///a --host tcp://0.0.0.0:1 -H fd://", NULL, "host", "unix:///a|tcp://0.0.0.0:1|fd://"},
    {"dockerd -H 0.0.0.0:2375", NULL, "host", "0.0.0.0:2375"},
    {"dockerd --label=a=b=c", NULL, "label", "a=b=c"},
    {"dockerd --group=", NULL, "group", ""},
    {"dockerd -g /data", NULL, "data-root", "/data"},
    {"dockerd --graph=/data", NULL, "data-root", "/data"},
    {"dockerd --oom-score-adjust -500 -D", NULL, "oom-score-adjust", "-500"},
    {"dockerd --bridge", NULL, "bridge", ""},
    /* booleans */
    {"dockerd -D", NULL, "debug", "true"},
    {"dockerd --debug", NULL, "debug", "true"},
    {"dockerd --debug=false", NULL, "debug", "false"},
    {"dockerd -D=F", NULL, "debug", "false"},
    {"dockerd --debug=T", NULL, "debug", "true"},
    {"dockerd --debug=1", NULL, "debug", "true"},
    {"dockerd --debug=0", NULL, "debug", "false"},
    {"dockerd --debug=yes", NULL, "debug", "yes"},
    {"dockerd --icc -H fd://", NULL, "host", "fd://"},
    {"dockerd -DH fd://", NULL, "host", "fd://"},
    {"dockerd -DH fd://", NULL, "debug", "true"},
    {"dockerd --tlsverify --tlscacert /ca", NULL, "tlscacert", "/ca"},
    /* repeated: the last one counts, but for lists */
    {"dockerd --debug --debug=false", NULL, "debug", "false"},
    {"dockerd --group a --group b", NULL, "group", "b"},
    {"dockerd --log-opt a=1 --log-opt b=2", NULL, "log-opt", "a=1|b=2"},
    {"dockerd --default-ulimit nofile=1:2", NULL, "default-ulimit", "nofile=1:2"},
    /* where flags begin and end */
    {"dockerd -- --debug", NULL, "debug", "-"},
    {"/usr/bin/nice -n 5 /usr/sbin/dockerd --debug", NULL, "debug", "true"},
    {"/usr/bin/nice --debug /usr/sbin/dockerd", NULL, "debug", "-"},
    {"sh /x/dockerd-rootless.sh --rootless", NULL, "rootless", "true"},
    {"docker daemon --debug", NULL, "debug", "true"},
    {"/opt/dockerd-current --debug", NULL, "debug", "true"},
    {"dockerd - --", NULL, "debug", "-"},
    {"dockerd --=x -=y", NULL, "debug", "-"},
    /* unknown flags */
    {"dockerd --brand-new value -D", NULL, "brand-new", "value"},
    {"dockerd --brand-new -D", NULL, "brand-new", "true"},
    {"dockerd --brand-new", NULL, "brand-new", "true"},
    {"dockerd --brand-new --debug", NULL, "debug", "true"},
    /* daemon.json */
    {"dockerd", "{\"hosts\":[\"unix:///a\",\n\"tcp://0.0.0.0:2376\"]}", "host", "unix:///a|tcp://0.0.0.0:2376"},
    {"dockerd", "{\"labels\":[\"a=b\"]}", "label", "a=b"},
    {"dockerd", "{\"insecure-registries\":[\"r:5000\"]}", "insecure-registry", "r:5000"},
    {"dockerd", "{\"registry-mirrors\":[\"https://m\"]}", "registry-mirror", "https://m"},
    {"dockerd", "{\"authorization-plugins\":[\"p\"]}", "authorization-plugin", "p"},
    {"dockerd", "{\"exec-opts\":[\"native.cgroupdriver=systemd\"]}", "exec-opt", "native.cgroupdriver=systemd"},
    {"dockerd", "{\"storage-opts\":[\"dm.basesize=20G\"]}", "storage-opt", "dm.basesize=20G"},
    {"dockerd", "{\"dns\":[\"1.1.1.1\"],\"dns-opts\":[\"ndots:1\"]}", "dns-opt", "ndots:1"},
    {"dockerd", "{\"dns-search\":[\"a\",\"b\"]}", "dns-search", "a|b"},
    {"dockerd", "{\"log-opts\":{\"max-size\":\"1m\",\"max-file\":\"3\"}}", "log-opt", "max-size=1m|max-file=3"},
    {"dockerd", "{\"log-opts\":{\"syslog-address\":\"tcp://h:1\"}}", "host", "-"},
    {"dockerd", "{\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Hard\":64,\"Soft\":32}}}", "default-ulimit",
     "nofile=32:64"},
    {"dockerd", "{\"default-ulimits\":{\"nproc\":{\"soft\":1,\"hard\":-1}}}", "default-ulimit", "nproc=1:-1"},
    {"dockerd", "{\"default-address-pools\":[{\"base\":\"10.0.0.0/8\",\"size\":24}]}", "default-address-pool",
     "base=10.0.0.0/8,size=24"},
    {"dockerd", "{\"runtimes\":{\"crun\":{\"path\":\"/usr/bin/crun\"}}}", "add-runtime", "crun=/usr/bin/crun"},
    {"dockerd --add-runtime a=/a", "{\"runtimes\":{\"b\":{\"path\":\"/b\"}}}", "add-runtime", "a=/a|b=/b"},
    {"dockerd", "{\"features\":{\"buildkit\":true}}", "feature", "buildkit=true"},
    {"dockerd", "{\"proxies\":{\"http-proxy\":\"http://p\"}}", "http-proxy", "http://p"},
    {"dockerd", "{\"builder\":{\"gc\":{\"enabled\":true}}}", "builder", "{\"gc\":{\"enabled\":true}}"},
    {"dockerd", "{\"content-trust\":{\"mode\":\"enforced\"}}", "content-trust", "{\"mode\":\"enforced\"}"},
    {"dockerd", "{\"mtu\":1400}", "mtu", "1400"},
    {"dockerd", "{\"icc\":false}", "icc", "false"},
    {"dockerd", "{\"no-new-privileges\":true}", "no-new-privileges", "true"},
    {"dockerd", "{\"log-level\":null}", "log-level", "-"},
    {"dockerd", "{\"graph\":\"/g\"}", "data-root", "/g"},
    {"dockerd", "\xef\xbb\xbf{\"debug\":true}", "debug", "true"},
    {"dockerd", "{\"group\":\"a\\u0000b\"}", "group", "a"},
    /* both: dockerd would refuse to start, so the file was changed since */
    {"dockerd --log-level=info", "{\"log-level\":\"debug\"}", "log-level", "info"},
    {"dockerd -H unix:///a", "{\"hosts\":[\"tcp://0.0.0.0:1\"]}", "host", "unix:///a"},
    {"dockerd --debug=false", "{\"debug\":true}", "debug", "false"},
    {"", "{\"debug\":true}", "debug", "true"},
    /* blanks round an address; a flag's name as a key; a list or a limit that stands twice or is null */
    {"dockerd", "{\"hosts\":[\" tcp://0.0.0.0:1\\t\"]}", "host", "tcp://0.0.0.0:1"},
    {"dockerd", "{\"host\":[\"tcp://0.0.0.0:1\"]}", "host", "-"},
    {"dockerd", "{\"log-opt\":[\"a=b\"],\"log-opts\":{\"c\":\"d\"}}", "log-opt", "c=d"},
    {"dockerd", "{\"data-root\":\"/d\"}", "data-root", "/d"},
    {"dockerd", "{\"hosts\":[\"unix:///a\"],\"hosts\":[\"unix:///b\"]}", "host", "unix:///b"},
    {"dockerd", "{\"default-ulimits\":{\"nofile\":null}}", "default-ulimit", "-"},
    {"dockerd", "{\"hosts\":[\"tcp://0.0.0.0:1\"],\"hosts\":null}", "host", "-"},
    {"dockerd", "{\"log-level\":\"debug\",\"log-level\":null}", "log-level", "debug"},
    {"dockerd", "{\"log-level\":\"debug\",\"log-level\":\"warn\"}", "log-level", "warn"},
    /* a value that looks like the program's name */
    {"wrapper -H unix:///a --data-root /var/lib/dockerd", NULL, "host", "unix:///a"},
};

START_TEST(test_options)
{
    struct daemon_facts *facts = parse(cases[_i].arguments, cases[_i].config);

    ck_assert_ptr_null(facts->config_error);
    ck_assert_msg(strcmp(values(facts, cases[_i].option), cases[_i].wanted) == 0, "%s + %s: %s is \"%s\", not \"%s\"",
                  cases[_i].arguments, cases[_i].config ? cases[_i].config : "", cases[_i].option,
                  values(facts, cases[_i].option), cases[_i].wanted);
    facts_free(&facts->facts);
}
END_TEST

/* As dockerd 23.0 and later read it: a mark decides, without one the text is UTF-8. */
START_TEST(test_encodings)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *wanted; /* NULL: it does not parse */
    } texts[] = {
        {"\xff\xfe{\0\"\0g\0r\0o\0u\0p\0\"\0:\0\"\0\xe4\0\"\0}\0", 28, "\xc3\xa4"},
        {"\xfe\xff\0{\0\"\0g\0r\0o\0u\0p\0\"\0:\0\"\0\xe4\0\"\0}", 28, "\xc3\xa4"},
        {"\xff\xfe{\0\"\0g\0r\0o\0u\0p\0\"\0:\0\"\0\x3d\xd8\0\xde\"\0}\0", 30, "\xf0\x9f\x98\x80"},
        {"\xff\xfe{\0\"\0g\0r\0o\0u\0p\0\"\0:\0\"\0\0\xd8\"\0}\0", 28, "\xef\xbf\xbd"},
        {"\xef\xbb\xbf{\"group\":\"a\"}", 16, "a"},
        {"\xff\xfe", 2, "-"},
        {"\xff\xfe{\0}\0x", 7, NULL},
        {"{\0\"\0g\0\"\0:\0001\0}\0", 14, NULL},
    };

    for (size_t i = 0; i < countof(texts); i++) {
        const char *arguments[] = {"dockerd"};
        struct daemon_facts *facts = NULL;

        ck_assert_int_eq(daemon_config_parse(arguments, 1, texts[i].bytes, texts[i].length, &facts, NULL), 0);
        ck_assert_msg(!facts->config_error == !!texts[i].wanted, "%zu: %s", i,
                      facts->config_error ? facts->config_error : "");
        if (texts[i].wanted)
            ck_assert_str_eq(values(facts, "group"), texts[i].wanted);
        facts_free(&facts->facts);
    }
}
END_TEST

START_TEST(test_unusable_config_is_recorded)
{
    static const char *const texts[] = {"{", "{\"debug\":true", "[]", "\"text\"", "{} {}", "{\"a\":tru}", "{\"a\":1,}"};

    for (size_t i = 0; i < countof(texts); i++) {
        struct daemon_facts *facts = parse("dockerd -D", texts[i]);

        ck_assert_msg(facts->config_error != NULL, "%s", texts[i]);
        ck_assert(facts->config_exists);
        ck_assert_str_eq(values(facts, "debug"), "true"); /* the command line still counts */
        facts_free(&facts->facts);
    }
}
END_TEST

START_TEST(test_blank_config_sets_nothing)
{
    static const char *const texts[] = {"", " \n\t", "{}", "null", "\xef\xbb\xbf"};

    for (size_t i = 0; i < countof(texts); i++) {
        struct daemon_facts *facts = parse("dockerd", texts[i]);

        ck_assert_msg(facts->config_error == NULL, "%zu: %s", i, facts->config_error ? facts->config_error : "");
        ck_assert_uint_eq(facts->option_count, 0);
        facts_free(&facts->facts);
    }
}
END_TEST

/* What a decoder of Go's takes for an option's value, and what it does not. */
START_TEST(test_config_that_dockerd_refuses)
{
    static const char *const refused[] = {"{\"ip-masq\": \"t\"}", "{\"iptables\": 0}", "{\"IPTables\": false}",
                                          "{\"Hosts\": []}", "{\"log-opts\": {\"max-file\": 3}}"};
    static const char *const taken[] = {"{\"ip-masq\": null}", "{\"newer-option\": 3}", "{\"Newer-Option\": 3}",
                                        "{\"log-opts\": {\"max-file\": \"3\"}}", "{\"mtu\": 1500}"};

    for (size_t i = 0; i < countof(refused); i++) {
        struct daemon_facts *facts = parse("dockerd", refused[i]);

        ck_assert_msg(facts->config_error != NULL, "%s", refused[i]);
        facts_free(&facts->facts);
    }
    for (size_t i = 0; i < countof(taken); i++) {
        struct daemon_facts *facts = parse("dockerd", taken[i]);

        ck_assert_msg(facts->config_error == NULL, "%s: %s", taken[i], facts->config_error ? facts->config_error : "");
        facts_free(&facts->facts);
    }
}
END_TEST

START_TEST(test_places_and_booleans)
{
    struct daemon_facts *facts = parse("dockerd --icc=F --ipv6=maybe", "{\"live-restore\":true,\"ip-masq\":true}");
    enum option_place place;

    ck_assert(!daemon_option_bool(facts, "icc", true, &place));
    ck_assert_int_eq(place, OPTION_CMDLINE);
    ck_assert(daemon_option_bool(facts, "live-restore", false, &place));
    ck_assert_int_eq(place, OPTION_DAEMON_JSON);
    ck_assert(daemon_option_bool(facts, "ip-masq", false, NULL));
    ck_assert(daemon_option_bool(facts, "iptables", true, &place));
    ck_assert_int_eq(place, OPTION_DEFAULT);
    ck_assert(!daemon_option_bool(facts, "ipv6", false, NULL));
    ck_assert_str_eq(daemon_option(facts, "ipv6", NULL), "maybe");
    ck_assert_ptr_null(daemon_option(facts, "absent", &place));
    ck_assert_int_eq(place, OPTION_DEFAULT);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_digest_follows_content)
{
    struct daemon_facts *a = parse("dockerd -D", "{\"mtu\":1}"), *b = parse("dockerd -D", "{\"mtu\":1}"),
                        *c = parse("dockerd -D", "{\"mtu\":2}"), *d = parse("dockerd --debug", "{\"mtu\":1}");

    ck_assert_uint_eq(a->facts.digest, b->facts.digest);
    ck_assert_uint_ne(a->facts.digest, c->facts.digest);
    ck_assert_uint_ne(a->facts.digest, d->facts.digest);
    facts_free(&a->facts);
    facts_free(&b->facts);
    facts_free(&c->facts);
    facts_free(&d->facts);
}
END_TEST

/* ---- Reading under a host root ---- */

static struct daemon_facts *read_facts(pid_t pid)
{
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(daemon_config_read(root, NULL, pid, "because", &facts, &error) == 0, "%s", error.text);
    return facts;
}

START_TEST(test_read_without_process)
{
    struct daemon_facts *facts = read_facts(0);

    ck_assert_int_eq(facts->pid, 0);
    ck_assert_str_eq(facts->why_no_pid, "because");
    ck_assert_str_eq(facts->config_path, "/etc/docker/daemon.json");
    ck_assert(!facts->config_exists);
    ck_assert_ptr_null(facts->config_error);
    facts_free(&facts->facts);

    put_text("/etc/docker/daemon.json", "{\"group\":\"wheel\"}");
    facts = read_facts(0);
    ck_assert(facts->config_exists);
    ck_assert_str_eq(values(facts, "group"), "wheel");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_read_with_process)
{
    static const char cmdline[] = "/usr/sbin/dockerd\0--config-file\0/srv/d.json\0-D";
    struct daemon_facts *facts;

    put("/proc/77/cmdline", cmdline, sizeof cmdline);
    link_to("/usr/sbin/dockerd (deleted)", "/proc/77/exe");
    put_text("/srv/d.json", "{\"mtu\":9000}");
    facts = read_facts(77);
    ck_assert_int_eq(facts->pid, 77);
    ck_assert_ptr_null(facts->why_no_pid);
    ck_assert_str_eq(facts->exe, "/usr/sbin/dockerd");
    ck_assert_uint_eq(facts->arguments.count, 4);
    ck_assert_str_eq(facts->config_path, "/srv/d.json");
    ck_assert_str_eq(values(facts, "mtu"), "9000");
    ck_assert_str_eq(values(facts, "debug"), "true");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_read_relative_config)
{
    static const char cmdline[] = "dockerd\0--config-file=d.json";
    struct daemon_facts *facts;

    put("/proc/78/cmdline", cmdline, sizeof cmdline);
    link_to("/srv", "/proc/78/cwd");
    put_text("/srv/d.json", "{\"mtu\":1}");
    facts = read_facts(78);
    ck_assert_str_eq(facts->config_path, "/srv/d.json");
    ck_assert_str_eq(values(facts, "mtu"), "1");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_read_named_config_that_is_gone)
{
    static const char cmdline[] = "dockerd\0--config-file=/gone.json";
    struct daemon_facts *facts;

    put("/proc/78/cmdline", cmdline, sizeof cmdline);
    facts = read_facts(78);
    ck_assert(!facts->config_exists);
    ck_assert_ptr_nonnull(facts->config_error);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_read_rootless_config)
{
    static const char cmdline[] = "dockerd\0--rootless", environment[] = "A=1\0HOME=/home/u";
    struct daemon_facts *facts;

    put("/proc/78/cmdline", cmdline, sizeof cmdline);
    put("/proc/78/environ", environment, sizeof environment);
    facts = read_facts(78);
    ck_assert_str_eq(facts->config_path, "/home/u/.config/docker/daemon.json");
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_read_gone_process)
{
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;

    put_text("/proc/79/cmdline", ""); /* a zombie */
    ck_assert_int_eq(daemon_config_read(root, NULL, 79, NULL, &facts, &error), -ESRCH);
    ck_assert_int_lt(daemon_config_read(root, NULL, 80, NULL, &facts, &error), 0);
    ck_assert_ptr_null(facts);
    ck_assert_str_ne(error.text, "");
}
END_TEST

START_TEST(test_find)
{
    static const char dockerd[] = "/usr/sbin/dockerd", proxy[] = "socat\0UNIX-LISTEN:/x";
    struct error error = ERROR_INIT;
    pid_t pid = -1;

    ck_assert_int_lt(daemon_find(root, NULL, 0, &pid, &error), 0);
    put("/proc/50/cmdline", dockerd, sizeof dockerd);
    put("/proc/51/cmdline", proxy, sizeof proxy);
    put_text("/proc/51/comm", "socat\n");
    ck_assert_int_eq(daemon_find(root, NULL, 50, &pid, &error), 0);
    ck_assert_int_eq(pid, 50);
    ck_assert_int_lt(daemon_find(root, NULL, 51, &pid, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "socat"));
    ck_assert_int_lt(daemon_find(root, NULL, 52, &pid, &error), 0);
    put("/proc/53/cmdline", "filter\0--strict", sizeof "filter\0--strict");
    put_text("/proc/53/comm", "filter\n");
    link_to("/usr/bin/docker-socket-filter", "/proc/53/exe");
    ck_assert_int_lt(daemon_find(root, NULL, 53, &pid, &error), 0);
    put("/proc/53/cmdline", "filter\0daemon", sizeof "filter\0daemon");
    ck_assert_int_lt(daemon_find(root, NULL, 53, &pid, &error), 0);
    put("/proc/54/cmdline", "x\0-D", sizeof "x\0-D");
    link_to("/usr/bin/dockerd-current (deleted)", "/proc/54/exe");
    ck_assert_int_eq(daemon_find(root, NULL, 54, &pid, &error), 0);
    put("/proc/55/cmdline", "/usr/bin/docker\0daemon\0-D", sizeof "/usr/bin/docker\0daemon\0-D");
    link_to("/usr/bin/docker", "/proc/55/exe");
    ck_assert_int_eq(daemon_find(root, NULL, 55, &pid, &error), 0);

    put_text("/var/run/docker.pid", "50\n");
    ck_assert_int_eq(daemon_find(root, NULL, 1, &pid, &error), 0);
    ck_assert_int_eq(pid, 50);
    put_text("/var/run/docker.pid", "51");
    ck_assert_int_lt(daemon_find(root, NULL, 0, &pid, &error), 0);
    put_text("/var/run/docker.pid", "x");
    ck_assert_int_lt(daemon_find(root, NULL, 0, &pid, &error), 0);
    put_text("/var/run/docker.pid", "99999999999999999999");
    ck_assert_int_lt(daemon_find(root, NULL, 0, &pid, &error), 0);
}
END_TEST

/* ---- What was read when it started ---- */

/* A stat file of a process that started TICKS after the machine. */
static void put_stat(const char *path, uint64_t ticks)
{
    scoped(cleanup_free) char *text =
        mem_printf("77 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 %llu 0 0\n", (unsigned long long)ticks);

    put_text(path, text);
}

/* Now, in ticks since the machine's start, and some seconds more. */
static uint64_t ticks_from_now(int seconds)
{
    struct timespec at;

    clock_gettime(CLOCK_BOOTTIME, &at);
    return (uint64_t)((at.tv_sec + seconds) * sysconf(_SC_CLK_TCK));
}

static struct daemon_facts *read_process(const char *config, uint64_t ticks)
{
    static const char cmdline[] = "dockerd";

    put("/proc/77/cmdline", cmdline, sizeof cmdline);
    put_stat("/proc/77/stat", ticks);
    if (config)
        put_text("/etc/docker/daemon.json", config);
    return read_facts(77);
}

START_TEST(test_age_of_the_file)
{
    scoped(cleanup_free) char *path = host_place("/etc/docker/daemon.json");
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct daemon_facts *facts = read_process("{\"mtu\":1}", ticks_from_now(60));

    ck_assert_int_eq(facts->config_age, CONFIG_CURRENT); /* the process is the newer one */
    ck_assert_int_gt(facts->started, facts->config_changed);
    facts_free(&facts->facts);
    facts = read_process("{\"mtu\":1}", ticks_from_now(-60));
    ck_assert_int_eq(facts->config_age, CONFIG_NEWER);
    facts_free(&facts->facts);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    facts = read_process(NULL, ticks_from_now(-60));
    ck_assert_int_eq(facts->config_age, CONFIG_NEWER); /* its contents may be as old as they say, or not */
    ck_assert_int_eq(facts->config_modified, 1000 * USEC_PER_SEC);
    facts_free(&facts->facts);
    unlink(path);
    facts = read_process(NULL, ticks_from_now(-60));
    ck_assert(!facts->config_exists);
    ck_assert_int_eq(facts->config_age, CONFIG_NEWER); /* nothing else explains the folder's change */
    facts_free(&facts->facts);
    put_text("/etc/docker/key.json", "{}"); /* what dockerd made itself explains the folder's change */
    facts = read_process(NULL, ticks_from_now(-60));
    ck_assert_int_eq(facts->config_age, CONFIG_CURRENT);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_memory)
{
    struct daemon_memory *memory = daemon_memory_new(host_folder, true);
    uint64_t later = ticks_from_now(60), before = ticks_from_now(-60);
    struct daemon_facts *facts;

    /* first seen when it was changed already: not known */
    facts = read_process("{\"mtu\":1}", before);
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(facts->config_age, CONFIG_NEWER);
    facts_free(&facts->facts);
    /* seen in time, and remembered over a restart of the agent */
    facts = read_process("{\"mtu\":1,\"debug\":true,\"labels\":[\"a\"]}", later);
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    facts_free(&facts->facts);
    daemon_memory_free(memory);
    memory = daemon_memory_new(host_folder, true);
    facts = read_process("{\"mtu\":2,\"labels\":[\"b\"]}", later);
    facts->config_age = CONFIG_NEWER; /* as it is a minute later */
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(facts->config_age, CONFIG_REMEMBERED);
    ck_assert_str_eq(values(facts, "mtu"), "1");
    ck_assert_str_eq(values(facts, "debug"), "true");
    ck_assert_str_eq(values(facts, "label"), "a");
    ck_assert_uint_eq(facts->next_count, 2);
    facts_free(&facts->facts);
    /* a reload before the change that is seen proves nothing; one after it takes over what it can */
    facts = read_process("{\"mtu\":3,\"labels\":[\"c\"]}", later);
    facts->config_age = CONFIG_NEWER;
    daemon_memory_reloaded(memory, facts->config_changed - 1);
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_str_eq(values(facts, "label"), "a");
    facts_free(&facts->facts);
    facts = read_process("{\"mtu\":3,\"labels\":[\"c\"]}", later);
    facts->config_age = CONFIG_NEWER;
    daemon_memory_reloaded(memory, facts->config_changed);
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_str_eq(values(facts, "label"), "c");
    ck_assert_str_eq(values(facts, "mtu"), "1");
    ck_assert_str_eq(values(facts, "debug"), "-");
    facts_free(&facts->facts);
    /* changed back: nothing to report */
    facts = read_process("{\"mtu\":1,\"labels\":[\"c\"]}", later);
    facts->config_age = CONFIG_NEWER;
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(facts->config_age, CONFIG_CURRENT);
    facts_free(&facts->facts);
    /* another process */
    facts = read_process("{\"mtu\":1}", later + 1);
    facts->config_age = CONFIG_NEWER;
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(facts->config_age, CONFIG_NEWER);
    facts_free(&facts->facts);
    daemon_memory_free(memory);
}
END_TEST

START_TEST(test_memory_keeps_no_secret)
{
    struct daemon_memory *memory = daemon_memory_new(host_folder, true);
    scoped(cleanup_free) char *path = mem_printf("%s/daemon.json", host_folder);
    scoped_str text = STR_INIT;
    struct daemon_facts *facts =
        read_process("{\"log-opts\":{\"splunk-token\":\"8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90\"},\"mtu\":7,"
                     "\"http-proxy\":\"http://u:Tr0ub4dor3xy@p:1\"}",
                     ticks_from_now(60));

    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    ck_assert_ptr_nonnull(strstr(text.data, "mtu"));
    ck_assert_ptr_null(strstr(text.data, "8f2c1e64"));
    ck_assert_ptr_null(strstr(text.data, "Tr0ub4dor3xy"));
    facts_free(&facts->facts);
    daemon_memory_free(memory);
}
END_TEST

/* The agent is started anew, and the file has been changed since dockerd read it. */
START_TEST(test_memory_of_a_file_with_secrets)
{
    static const struct {
        const char *now;
        enum config_age age;
        const char *mtu, *log_opt;
    } files[] = {
        {"{\"log-opts\":{\"splunk-token\":\"8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90\"},\"mtu\":7,"
         "\"http-proxy\":\"http://u:Tr0ub4dor3xy@p:1\"}",
         CONFIG_CURRENT, "7", "splunk-token=8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90"},
        /* its mode, or a secret alone */
        {"{\"log-opts\":{\"splunk-token\":\"8f2d1e64-9a0b-4c7d-b1e5-3f6a2d4c8e91\"},\"mtu\":7,"
         "\"http-proxy\":\"http://u:Tr0ub4dor3xy@p:1\"}",
         CONFIG_CURRENT, "7", "splunk-token=8f2d1e64-9a0b-4c7d-b1e5-3f6a2d4c8e91"},
        {"{\"log-opts\":{\"splunk-token\":\"8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90\"},\"mtu\":8,"
         "\"http-proxy\":\"http://u:Tr0ub4dor3xy@p:1\"}",
         CONFIG_REMEMBERED, "7", "splunk-token=8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90"},
        {"{\"log-opts\":{\"splunk-token\":\"8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90\"},\"mtu\":7,"
         "\"http-proxy\":\"http://u:Tr0ub4dor3xy@q:1\"}",
         CONFIG_REMEMBERED, "7", "splunk-token=8f2c1e64-9a0b-4c7d-b1e5-3f6a2d4c8e90"},
    };
    uint64_t later = ticks_from_now(60);
    struct daemon_memory *memory = daemon_memory_new(host_folder, true);
    struct daemon_facts *facts = read_process(files[0].now, later);

    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    facts_free(&facts->facts);
    daemon_memory_free(memory);
    memory = daemon_memory_new(host_folder, true);
    facts = read_process(files[_i].now, later);
    facts->config_age = CONFIG_NEWER; /* as it is a minute later */
    ck_assert_int_eq(daemon_memory_apply(memory, facts, NULL), 0);
    ck_assert_int_eq(facts->config_age, files[_i].age);
    ck_assert_str_eq(values(facts, "mtu"), files[_i].mtu);
    ck_assert_str_eq(values(facts, "log-opt"), files[_i].log_opt);
    facts_free(&facts->facts);
    daemon_memory_free(memory);
}
END_TEST

/* ---- podman ---- */

static struct daemon_facts *read_podman(void)
{
    struct daemon_facts *facts = read_facts(0);

    put_text("/proc/90/comm", "podman\n");
    daemon_config_engine(root, NULL, 90, false, facts);
    ck_assert(facts->podman);
    return facts;
}

START_TEST(test_containers_conf)
{
    struct daemon_facts *facts;

    put_text("/usr/share/containers/containers.conf",
             "[containers]\nlog_driver = \"k8s-file\" # shipped\ndefault_ulimits = [\n  \"nofile=1:2\", # one\n  "
             "\"nproc=3:4\",\n]\n[engine]\nlog_driver = \"no\"\n");
    facts = read_podman();
    ck_assert_str_eq(values(facts, "containers.log_driver"), "k8s-file");
    ck_assert_str_eq(values(facts, "containers.default_ulimits"), "nofile=1:2|nproc=3:4");
    facts_free(&facts->facts);
    put_text("/etc/containers/containers.conf", "[containers]\nlog_driver='journald'\ndefault_ulimits=[]\n");
    facts = read_podman();
    ck_assert_str_eq(values(facts, "containers.log_driver"), "journald");
    ck_assert_str_eq(values(facts, "containers.default_ulimits"), "-");
    facts_free(&facts->facts);
    put_text("/etc/containers/containers.conf.d/20.conf",
             "containers.default_ulimits = [\"core=0:0\", {append=true}]\n");
    put_text("/etc/containers/containers.conf.d/10.conf", "[containers]\n\"default_ulimits\" = ['rss=5:6']\n");
    put_text("/etc/containers/containers.conf.d/30.conf.bak", "[containers]\nlog_driver = \"none\"\n");
    facts = read_podman();
    ck_assert_str_eq(values(facts, "containers.default_ulimits"), "rss=5:6|core=0:0");
    ck_assert_str_eq(values(facts, "containers.log_driver"), "journald");
    facts_free(&facts->facts);
    put_text("/etc/containers/containers.conf.d/40.conf", "[containers]\nlog_driver = none'\n x\n");
    facts = read_podman();
    ck_assert_ptr_nonnull(facts->config_error);
    ck_assert_str_eq(facts->config_path, "/etc/containers/containers.conf.d/40.conf");
    facts_free(&facts->facts);
}
END_TEST

/* systemd of a user's listens for it: podman itself need not run. */
START_TEST(test_podman_of_a_user)
{
    static const char environment[] = "HOME=/home/u";
    scoped(cleanup_free) char *process = mem_printf("%s/proc/96", host_folder);
    struct daemon_facts *facts = read_facts(0);

    put_text("/proc/96/comm", "systemd\n");
    put_text("/proc/96/status", "Name:\tsystemd\nUid:\t1234\t1234\t1234\t1234\nGid:\t1235\t1235\t1235\t1235\n");
    put("/proc/96/environ", environment, sizeof environment);
    ck_assert(chown(process, 1234, 1235) == 0 || geteuid() != 0);
    put_text("/home/u/.config/containers/containers.conf", "[containers]\nlog_driver = \"none\"\n");
    daemon_config_engine(root, NULL, 96, true, facts);
    ck_assert(facts->podman && facts->rootless);
    ck_assert_uint_eq(facts->engine_uid, 1234);
    ck_assert_uint_eq(facts->engine_gid, 1235);
    ck_assert_str_eq(values(facts, "containers.log_driver"), "none");
    facts_free(&facts->facts);

    /* whoever else passes on what podman says is not its user */
    facts = read_facts(0);
    put_text("/proc/96/comm", "socat\n");
    daemon_config_engine(root, NULL, 96, true, facts);
    ck_assert(facts->podman && !facts->rootless);
    facts_free(&facts->facts);
}
END_TEST

START_TEST(test_podman_services)
{
    static const char tcp[] = "/usr/bin/podman\0--log-level\0info\0system\0service\0-t\0000\0tcp:localhost:8080",
                      unix_only[] = "podman\0system\0service\0unix:///x",
                      tls[] = "podman\0system\0service\0--tls-client-ca=/ca\0tcp://0.0.0.0:8443",
                      run[] = "podman\0run\0x\0tcp:y:1";
    struct daemon_facts *facts;

    put("/proc/91/cmdline", tcp, sizeof tcp);
    put_text("/proc/91/comm", "podman\n");
    put("/proc/92/cmdline", unix_only, sizeof unix_only);
    put_text("/proc/92/comm", "podman\n");
    put("/proc/93/cmdline", tls, sizeof tls);
    put_text("/proc/93/comm", "podman\n");
    put("/proc/94/cmdline", run, sizeof run);
    put_text("/proc/94/comm", "podman\n");
    put_text("/lib/systemd/system/podman.socket",
             "[Socket]\nListenStream=%t/podman/podman.sock\nListenStream=\\\n  8081\n");
    facts = read_podman();
    ck_assert_uint_eq(facts->podman_services.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *address = facts->podman_services.items[i];

        ck_assert_msg(str_equal(address, "tcp:localhost:8080") || str_equal(address, "8081") ||
                          str_equal(address, "tcp://0.0.0.0:8443 --tls-client-ca"),
                      "%s", address);
    }
    facts_free(&facts->facts);
}
END_TEST

/* ---- Seccomp profiles ---- */

static const struct {
    const char *text;
    enum seccomp_choice wanted;
} profiles[] = {
    {"{}", SECCOMP_ALLOWS_ALL},
    {"{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", SECCOMP_CUSTOM},
    {"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", SECCOMP_ALLOWS_ALL},
    {"{\"defaultaction\":\"SCMP_ACT_TRACE\",\"syscalls\":[]}", SECCOMP_ALLOWS_ALL},
    {"{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\"}]}",
     SECCOMP_ALLOWS_ALL},
    {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"nope\",\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\"}]"
     "}",
     SECCOMP_CUSTOM},
    {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"nope\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
     SECCOMP_ALLOWS_ALL},
    {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_ERRNO\"}]}",
     SECCOMP_ALLOWS_ALL},
    {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"fadvise64_64\",\"action\":\"SCMP_ACT_KILL\"}]}",
     SECCOMP_CUSTOM}, /* a call of 32-bit machines */
    {"{\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\"}]}", SECCOMP_CUSTOM},
    {"[]", SECCOMP_UNREADABLE},
    {"", SECCOMP_UNREADABLE},
    {"{\"defaultAction\":5}", SECCOMP_ALLOWS_ALL},
};

START_TEST(test_profiles)
{
    static const struct seccomp_target target = {.arch = "amd64", .kernel = "6.1.0-28-amd64"};
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct seccomp_profile profile;

    seccomp_profile_read(profiles[_i].text, strlen(profiles[_i].text), arena, &profile);
    ck_assert_msg(seccomp_profile_resolve(&profile, &target, NULL) == profiles[_i].wanted, "%s", profiles[_i].text);
}
END_TEST

START_TEST(test_profile_in_use)
{
    struct daemon_facts *facts = NULL;

    put_text("/etc/docker/daemon.json", "{\"seccomp-profile\":\"/srv/s.json\"}");
    facts = read_facts(0);
    ck_assert_str_eq(facts->seccomp_path, "/srv/s.json");
    ck_assert_int_eq(facts->seccomp.choice, SECCOMP_UNREADABLE);
    ck_assert_str_eq(facts->seccomp_error, M_("No such file or directory"));
    facts_free(&facts->facts);
    put_text("/srv/s.json", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
    facts = read_facts(0);
    ck_assert_int_eq(facts->seccomp.choice, SECCOMP_CUSTOM);
    ck_assert_int_gt(facts->seccomp_changed, 0);
    facts_free(&facts->facts);
    put_text("/etc/docker/daemon.json", "{\"seccomp-profile\":\"unconfined\"}");
    facts = read_facts(0);
    ck_assert_ptr_null(facts->seccomp_path);
    facts_free(&facts->facts);
}
END_TEST

/* ---- TOML ---- */

static void take_toml(const char *key, enum toml_kind kind, const char *value, void *user)
{
    str_printf(user, "%s%s%s|", key, kind == TOML_TEXT ? "=" : kind == TOML_WORD ? ":" : "[]", value);
}

START_TEST(test_toml)
{
    static const struct {
        const char *text, *wanted; /* NULL: refused */
    } texts[] = {
        {"a = 1\nb.c=\"x\\ty\\u00e4\" # c", "a:1|b.c=x\ty\xc3\xa4|"},
        {"[t]\n\"q k\" = 'a\\b'\n[t.'u v']\nx=true", "t.q k=a\\b|t.u v.x:true|"},
        {"a=\"\"\"\nb\n\\\n   c\"\"\"\"\nd=''", "a=b\nc\"|d=|"},
        {"a=[1,[2,'3'],\n#x\n]\n[[l]]\nb=2024-01-01", "a[]|a:1|a[]|a:2|a=3|l.b:2024-01-01|"},
        {"a={b=1, c={d='e'}}", "a.b:1|a.c.d=e|"},
        {"\r\na = 1\r\n", "a:1|"},
        {"", ""},
        {"a", NULL},
        {"a=", NULL},
        {"a=\"x", NULL},
        {"a=\"x\ny\"", NULL},
        {"a=[1", NULL},
        {"[a\nb=1", NULL},
        {"a=1 b=2", NULL},
        {"=1", NULL},
    };

    for (size_t i = 0; i < countof(texts); i++) {
        scoped_str out = STR_INIT;
        struct error error = ERROR_INIT;
        int r = toml_parse(texts[i].text, strlen(texts[i].text), take_toml, &out, &error);

        ck_assert_msg((r == 0) == (texts[i].wanted != NULL), "%s: %s", texts[i].text, error.text);
        if (texts[i].wanted)
            ck_assert_str_eq(str_text(&out), texts[i].wanted);
        else
            ck_assert_ptr_nonnull(strstr(error.text, "line "));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon_config");
    TCase *pure = tcase_create("parse"), *files = tcase_create("read");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(pure, test_options, 0, countof(cases));
    tcase_add_test(pure, test_encodings);
    tcase_add_test(pure, test_toml);
    tcase_add_loop_test(pure, test_profiles, 0, countof(profiles));
    tcase_add_test(pure, test_unusable_config_is_recorded);
    tcase_add_test(pure, test_blank_config_sets_nothing);
    tcase_add_test(pure, test_config_that_dockerd_refuses);
    tcase_add_test(pure, test_places_and_booleans);
    tcase_add_test(pure, test_digest_follows_content);
    suite_add_tcase(suite, pure);
    tcase_add_checked_fixture(files, host_folder_setup, host_folder_teardown);
    tcase_add_test(files, test_read_without_process);
    tcase_add_test(files, test_read_with_process);
    tcase_add_test(files, test_read_relative_config);
    tcase_add_test(files, test_read_named_config_that_is_gone);
    tcase_add_test(files, test_read_rootless_config);
    tcase_add_test(files, test_read_gone_process);
    tcase_add_test(files, test_find);
    tcase_add_test(files, test_age_of_the_file);
    tcase_add_test(files, test_profile_in_use);
    tcase_add_test(files, test_memory);
    tcase_add_test(files, test_memory_keeps_no_secret);
    tcase_add_loop_test(files, test_memory_of_a_file_with_secrets, 0, 4);
    tcase_add_test(files, test_containers_conf);
    tcase_add_test(files, test_podman_of_a_user);
    tcase_add_test(files, test_podman_services);
    suite_add_tcase(suite, files);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
