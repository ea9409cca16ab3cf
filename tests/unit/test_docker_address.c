/* Where the engine is: what is taken for this host, and what is refused. */
#include <check.h>
#include <string.h>

#include "common/memory.h"
#include "probes/docker/http.h"

static bool is_here(const char *host)
{
    struct docker_address address;
    struct error error = ERROR_INIT;
    bool here;

    ck_assert_msg(docker_address_parse(host, NULL, false, NULL, NULL, NULL, &address, &error) == 0, "%s: %s", host,
                  error.text);
    here = docker_address_is_here(&address);
    docker_address_deinit(&address);
    return here;
}

START_TEST(this_host)
{
    static const char *const here[] = {"unix:///run/docker.sock", "tcp://localhost:2375", "tcp://127.0.0.1:2376",
                                       "tcp://127.3.2.1",         "https://[::1]:2376",   "tcp://LOCALHOST"};
    static const char *const away[] = {"tcp://localhost.example:2375",
                                       "tcp://localhostess",
                                       "tcp://127.0.0.1.example:1",
                                       "tcp://127.example",
                                       "tcp://[::2]:2376",
                                       "tcp://10.0.0.1:2376",
                                       "tcp://[::1234]:1",
                                       "https://engine"};

    for (size_t i = 0; i < countof(here); i++)
        ck_assert_msg(is_here(here[i]), "%s", here[i]);
    for (size_t i = 0; i < countof(away); i++)
        ck_assert_msg(!is_here(away[i]), "%s", away[i]);
}
END_TEST

START_TEST(tls_as_the_docker_client_has_it)
{
    static const struct {
        const char *host, *folder, *url, *ca;
        bool verify;
    } rows[] = {
        {"tcp://e", NULL, "http://e:2375", NULL, false},          {"e", "/c", "https://e:2376", "/c/ca.pem", true},
        {"tcp://e", "/c", "https://e:2376", "/c/ca.pem", false},  {"tcp://e:1", "/c", "https://e:1", "/c/ca.pem", true},
        {"https://e:1", "/c", "https://e:1", "/c/ca.pem", false}, {"http://e:1", NULL, "http://e:1", NULL, false}};

    for (size_t i = 0; i < countof(rows); i++) {
        struct docker_address address;

        ck_assert_int_eq(docker_address_parse(rows[i].host, rows[i].folder,
                                              rows[i].verify ? DOCKER_TLS_VERIFIED : DOCKER_TLS_BY_FILES, NULL, NULL,
                                              NULL, &address, NULL),
                         0);
        ck_assert_str_eq(address.base_url, rows[i].url);
        ck_assert_pstr_eq(address.ca, rows[i].ca);
        docker_address_deinit(&address);
    }
}
END_TEST

/* Every form that the docker client accepts, as it reads it; without a scheme it is TCP, or a path. */
START_TEST(every_form_of_the_client)
{
    static const struct {
        const char *host;
        enum docker_tls tls;
        const char *url, *path;
    } rows[] = {
        {NULL, 0, "http://localhost", "/var/run/docker.sock"},
        {"", 0, "http://localhost", "/var/run/docker.sock"},
        {"  \t", 0, "http://localhost", "/var/run/docker.sock"},
        {"unix://", 0, "http://localhost", "/var/run/docker.sock"},
        {"unix:///run/user/1000/docker.sock", 0, "http://localhost", "/run/user/1000/docker.sock"},
        {" unix:///run/docker.sock\n", 0, "http://localhost", "/run/docker.sock"},
        {"unix:///run/docker.sock", DOCKER_TLS_VERIFIED, "http://localhost", "/run/docker.sock"},
        {"/run/docker.sock", 0, "http://localhost", "/run/docker.sock"},
        {"unix:///a b/\xc3\xa9.sock", 0, "http://localhost", "/a b/\xc3\xa9.sock"},
        {"localhost:2375", 0, "http://localhost:2375", NULL},
        {"localhost", 0, "http://localhost:2375", NULL},
        {"127.0.0.1", 0, "http://127.0.0.1:2375", NULL},
        {"127.0.0.1", DOCKER_TLS_VERIFIED, "https://127.0.0.1:2376", NULL},
        {":2375", 0, "http://localhost:2375", NULL},
        {":1234", DOCKER_TLS_UNVERIFIED, "https://localhost:1234", NULL},
        {"host:", 0, "http://host:2375", NULL},
        {"tcp", 0, "http://tcp:2375", NULL},
        {"tcp://", 0, "http://localhost:2375", NULL},
        {"tcp://", DOCKER_TLS_VERIFIED, "https://localhost:2376", NULL},
        {"tcp://:2376", 0, "http://localhost:2376", NULL},
        {"tcp://host", 0, "http://host:2375", NULL},
        {"tcp://host/", 0, "http://host:2375", NULL},
        {" tcp://host:1 ", 0, "http://host:1", NULL},
        {"tcp://host:1/engine/one/", 0, "http://host:1/engine/one", NULL},
        {"tcp://h_1.example-x", 0, "http://h_1.example-x:2375", NULL},
        {"tcp://[::1]:2375", 0, "http://[::1]:2375", NULL},
        {"tcp://[::1]", DOCKER_TLS_VERIFIED, "https://[::1]:2376", NULL},
        {"tcp://[::1]:", 0, "http://[::1]:2375", NULL},
        {"[2001:db8::1]:1", 0, "http://[2001:db8::1]:1", NULL},
        {"tcp://2001:db8::1", 0, "http://[2001:db8::1]:2375", NULL},
        {"::1", 0, "http://[::1]:2375", NULL},
        {"tcp://[fe80::1%25eth0]:2375", 0, "http://[fe80::1%25eth0]:2375", NULL},
        {"http://host", 0, "http://host", NULL},
        {"http://host:8080/docker", 0, "http://host:8080/docker", NULL},
        {"https://host", 0, "https://host", NULL},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct docker_address address;
        struct error error = ERROR_INIT;

        ck_assert_msg(docker_address_parse(rows[i].host, NULL, rows[i].tls, NULL, NULL, NULL, &address, &error) == 0,
                      "%s: %s", rows[i].host, error.text);
        ck_assert_str_eq(address.base_url, rows[i].url);
        ck_assert_pstr_eq(address.unix_path, rows[i].path);
        docker_address_deinit(&address);
    }
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *host, *why;
    } bad[] = {
        {"fd://", "unix:///var/run/docker.sock"},
        {"npipe:////./pipe/docker_engine", "Windows"},
        {"ssh://user@host", "ssh -nNT -L /run/engine.sock:/var/run/docker.sock"},
        {"ssh://user@host", "Run the agent on that host"},
        {"ssh://", "ssh"},
        {"tcp://user@host", "host and port"},
        {"tcp://user:password@host:1", "port"},
        {"tcp://h:0", "port"},
        {"tcp://h:99999", "port"},
        {"tcp://h:http", "port"},
        {"tcp://h:1:2", "host and port"},
        {"tcp://h:1/../x", "plain path"},
        {"tcp://h:1/x?y", "plain path"},
        {"tcp://h:1/%2e", "plain path"},
        {"tcp:///x", "host name"},
        {"tcp://[::1", "host name"},
        {"tcp://[]:1", "host name"},
        {"tcp://[:1]", "host name"},
        {"tcp://[1.2.3.4]:1", "host name"},
        {"tcp://[1:2:3:4:5:6:7:8:9]", "host name"},
        {"tcp://[::1%25]", "host name"},
        {"tcp://[fe80::1%25sixteen-letters0]", "host name"},
        {"tcp://[::1]x", "plain path"},
        {"tcp://unix:///x", "port"},
        {"unix://relative", "absolute path"},
        {"unix://tcp://x", "absolute path"},
        {"./docker.sock", "absolute path"},
        {"unix:/run/docker.sock", "two slashes"},
        {"http:/h", "two slashes"},
        {"tcp:/h", "port"},
        {"TCP://h", "must begin with"},
        {"ftp://h", "must begin with"},
        {"tcp://h h", "host and port"},
        {"tcp://h\nX: y", "control characters"},
        {"unix:///run/\x1b[31m", "control characters"},
        {"unix:///" /* too long for a socket */
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "a",
         "too long"},
    };

    for (size_t i = 0; i < countof(bad); i++) {
        struct docker_address address;
        struct error error = ERROR_INIT;

        ck_assert_msg(docker_address_parse(bad[i].host, NULL, DOCKER_TLS_BY_FILES, NULL, NULL, NULL, &address, &error) <
                          0,
                      "%s", bad[i].host);
        ck_assert_msg(strstr(error.text, bad[i].why) != NULL, "%s: %s", bad[i].host, error.text);
        ck_assert_msg(strpbrk(error.text, "\n\x1b") == NULL, "%s", error.text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker address");
    TCase *tests = tcase_create("address");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, this_host);
    tcase_add_test(tests, tls_as_the_docker_client_has_it);
    tcase_add_test(tests, every_form_of_the_client);
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
