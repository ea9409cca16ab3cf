/* Docker contexts and the client's environment: which engine is meant, and with which TLS files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/config/config.h"
#include "common/file.h"
#include "common/memory.h"
#include "probes/docker/docker_context.h"

static char folder[64];
static const char *variables[8][2];

static const char *environment(const char *name)
{
    for (size_t i = 0; i < countof(variables); i++)
        if (variables[i][0] && strcmp(variables[i][0], name) == 0)
            return variables[i][1];
    return NULL;
}

static void set(const char *name, const char *value)
{
    for (size_t i = 0; i < countof(variables); i++)
        if (!variables[i][0] || strcmp(variables[i][0], name) == 0) {
            variables[i][0] = name;
            variables[i][1] = value;
            return;
        }
    ck_abort_msg("too many variables");
}

static void write_file(const char *path, const char *text)
{
    scoped(cleanup_free) char *full = mem_printf("%s/%s", folder, path);
    scoped(cleanup_free) char *command = mem_printf("mkdir -p \"$(dirname '%s')\"", full);
    struct error error = ERROR_INIT;

    ck_assert_int_eq(system(command), 0);
    ck_assert_msg(file_replace(full, text, strlen(text), 0600, &error) == 0, "%s", error.text);
}

/* Where the client keeps the context of that name, by sha256sum(1). */
static char *path_of(const char *what, const char *name, const char *file)
{
    scoped(cleanup_free) char *command = mem_printf("printf %%s '%s' | sha256sum", name);
    char hex[65] = "";
    FILE *pipe = popen(command, "r");

    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fread(hex, 1, 64, pipe), 64);
    pclose(pipe);
    return mem_printf("contexts/%s/%s/%s", what, hex, file);
}

static void write_context(const char *name, const char *meta)
{
    scoped(cleanup_free) char *path = path_of("meta", name, "meta.json");

    write_file(path, meta);
}

static void write_tls(const char *name, const char *file)
{
    scoped(cleanup_free) char *below = mem_printf("docker/%s", file), *path = path_of("tls", name, below);

    write_file(path, "x");
}

static void set_up(void)
{
    memset(variables, 0, sizeof variables);
    strcpy(folder, "/tmp/test-context-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    set("DOCKER_CONFIG", folder);
    write_context("remote", "{\"Name\":\"remote\",\"Metadata\":{},\"Endpoints\":{\"docker\":{\"Host\":\"tcp://r:2376\","
                            "\"SkipTLSVerify\":false}}}");
    write_tls("remote", "ca.pem");
    write_tls("remote", "cert.pem");
    write_tls("remote", "key.pem");
    write_context("rootless", "{\"Endpoints\":{\"docker\":{\"Host\":\"unix:///run/user/1000/docker.sock\"}}}");
    write_context("careless", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://c\",\"SkipTLSVerify\":true}}}");
    write_context("plain", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://p:2375\"}}}");
    write_context("far", "{\"Endpoints\":{\"docker\":{\"Host\":\"ssh://me@far\"}}}");
    write_context("kube", "{\"Endpoints\":{\"kubernetes\":{}}}");
    write_context("broken", "{\"Endpoints\"");
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf '%s'", folder);

    ck_assert_int_eq(system(command), 0);
}

static struct config *load(const char *docker_host, struct error *error)
{
    struct config_arguments arguments = {.docker_host = docker_host};
    struct config *config = NULL;

    return config_load(&arguments, environment, &config, error) == 0 ? config : NULL;
}

static void expect(const char *docker_host, const char *host, enum docker_tls tls)
{
    struct error error = ERROR_INIT;
    scoped(cleanup_config) struct config *config = load(docker_host, &error);

    ck_assert_msg(config != NULL, "%s", error.text);
    ck_assert_pstr_eq(config->docker_host, host);
    ck_assert_int_eq((int)config->docker_tls, (int)tls);
}

START_TEST(what_names_the_engine)
{
    expect(NULL, NULL, DOCKER_TLS_BY_FILES);
    write_file("config.json", "{\"auths\":{},\"currentContext\":\"rootless\"}");
    expect(NULL, "unix:///run/user/1000/docker.sock", DOCKER_TLS_BY_FILES);
    set("DOCKER_CONTEXT", "remote");
    expect(NULL, "tcp://r:2376", DOCKER_TLS_VERIFIED);
    set("DOCKER_CONTEXT", "default");
    expect(NULL, NULL, DOCKER_TLS_BY_FILES);
    set("DOCKER_CONFIG", ""); /* a user without a home: the unit's */
    expect(NULL, NULL, DOCKER_TLS_BY_FILES);
    set("DOCKER_CONFIG", folder);
    set("DOCKER_CONTEXT", "remote");
    set("DOCKER_HOST", "localhost:2375");
    expect(NULL, "localhost:2375", DOCKER_TLS_BY_FILES);
    expect("unix:///a", "unix:///a", DOCKER_TLS_BY_FILES);
    set("DOCKER_HOST", "");
    expect("unix:///a", "unix:///a", DOCKER_TLS_BY_FILES);
    set("DOCKER_CONTEXT", "");
    write_file("config.json", "{\"currentContext\":\"default\"}");
    expect(NULL, NULL, DOCKER_TLS_BY_FILES);
}
END_TEST

START_TEST(a_home_has_contexts_too)
{
    scoped(cleanup_free) char *rename = mem_printf("cd %s && mkdir .docker && mv contexts .docker", folder);

    ck_assert_int_eq(system(rename), 0);
    set("DOCKER_CONFIG", NULL);
    set("HOME", folder);
    write_file(".docker/config.json", "{\"currentContext\":\"plain\"}");
    expect(NULL, "tcp://p:2375", DOCKER_TLS_BY_FILES);
    set("HOME", NULL);
    expect(NULL, NULL, DOCKER_TLS_BY_FILES);
}
END_TEST

/* What the context has is used, and nothing of the environment's. */
START_TEST(tls_of_a_context)
{
    struct docker_context context;
    struct error error = ERROR_INIT;

    ck_assert_msg(docker_context_read(folder, "remote", &context, &error) == 0, "%s", error.text);
    ck_assert_str_eq(context.host, "tcp://r:2376");
    ck_assert_ptr_nonnull(strstr(context.ca, "/docker/ca.pem"));
    ck_assert_ptr_nonnull(strstr(context.cert, "/docker/cert.pem"));
    ck_assert_ptr_nonnull(strstr(context.key, "/docker/key.pem"));
    docker_context_deinit(&context);
    set("DOCKER_CERT_PATH", "/pki");
    set("DOCKER_TLS_VERIFY", "1");
    set("DOCKER_CONTEXT", "plain");
    expect(NULL, "tcp://p:2375", DOCKER_TLS_BY_FILES);
    set("DOCKER_CONTEXT", "careless");
    expect(NULL, "tcp://c", DOCKER_TLS_UNVERIFIED);
}
END_TEST

START_TEST(what_is_wrong_with_a_context_is_said)
{
    static const struct {
        const char *name, *why;
    } bad[] = {
        {"missing", "/meta.json: No such file or directory"},
        {"missing", "DOCKER_CONTEXT: docker context \"missing\""},
        {"broken", "/meta.json"},
        {"kube", "no Endpoints.docker.Host"},
        {"../../etc", "not a name of a docker context"},
        {"x", "not a name"},
        {"-x", "not a name"},
        {"a\x1b[31m", "not a name"},
        {"far", "Run the agent on that host"},
        {"far", "DOCKER_CONTEXT: docker context \"far\""},
    };

    struct error error = ERROR_INIT;

    for (size_t i = 0; i < countof(bad); i++) {
        set("DOCKER_CONTEXT", bad[i].name);
        ck_assert_ptr_null(load(NULL, &error));
        ck_assert_msg(strstr(error.text, bad[i].why) != NULL, "%s: %s", bad[i].name, error.text);
    }
    set("DOCKER_CONTEXT", "");
    write_file("config.json", "{\"currentContext\":\"missing\"}");
    ck_assert_ptr_null(load(NULL, &error));
    ck_assert_msg(strstr(error.text, "/config.json: docker context \"missing\"") != NULL, "%s", error.text);
}
END_TEST

/* As the client does, with a warning. */
START_TEST(a_broken_client_configuration_is_passed_over)
{
    static const char *const texts[] = {"{", "[]", "", "{\"currentContext\":7}"};

    for (size_t i = 0; i < countof(texts); i++) {
        write_file("config.json", texts[i]);
        expect(NULL, NULL, DOCKER_TLS_BY_FILES);
    }
}
END_TEST

START_TEST(tls_variables)
{
    scoped(cleanup_config) struct config *config = NULL;
    struct error error = ERROR_INIT;

    set("DOCKER_TLS_VERIFY", "1");
    expect(NULL, "tcp://", DOCKER_TLS_VERIFIED); /* as the client: localhost:2376 */
    write_file("cert.pem", "x");
    config = load("tcp://h", &error);
    ck_assert_msg(config != NULL, "%s", error.text);
    ck_assert_ptr_nonnull(strstr(config->tls_ca, "/ca.pem"));
    ck_assert_ptr_nonnull(strstr(config->tls_cert, "/cert.pem"));
    ck_assert_ptr_null(config->tls_key); /* there is none */
    set("DOCKER_TLS_VERIFY", "");
    set("DOCKER_TLS", "1");
    expect("h", "h", DOCKER_TLS_UNVERIFIED);
    expect(NULL, "tcp://", DOCKER_TLS_UNVERIFIED);
}
END_TEST

START_TEST(an_error_names_what_gave_the_address)
{
    struct error error = ERROR_INIT;

    set("DOCKER_HOST", "ssh://h");
    ck_assert_ptr_null(load(NULL, &error));
    ck_assert_msg(str_starts(error.text, "DOCKER_HOST: the engine's address \"ssh://h\""), "%s", error.text);
    ck_assert_ptr_null(load("tcp://h:0", &error));
    ck_assert_msg(str_starts(error.text, "--docker-host: the engine's address \"tcp://h:0\""), "%s", error.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker context");
    TCase *tests = tcase_create("context");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_names_the_engine);
    tcase_add_test(tests, a_home_has_contexts_too);
    tcase_add_test(tests, tls_of_a_context);
    tcase_add_test(tests, what_is_wrong_with_a_context_is_said);
    tcase_add_test(tests, a_broken_client_configuration_is_passed_over);
    tcase_add_test(tests, tls_variables);
    tcase_add_test(tests, an_error_names_what_gave_the_address);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
