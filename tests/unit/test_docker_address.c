/* Where the engine is: what is taken for this host, and what is refused. */
#include <check.h>

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
    } rows[] = {{"tcp://e", NULL, "http://e:2375", NULL, false},
                {"tcp://e", "/c", "https://e:2376", "/c/ca.pem", false},
                {"tcp://e:1", "/c", "https://e:1", "/c/ca.pem", true},
                {"https://e:1", "/c", "https://e:1", "/c/ca.pem", false},
                {"http://e:1", NULL, "http://e:1", NULL, false}};

    for (size_t i = 0; i < countof(rows); i++) {
        struct docker_address address;

        ck_assert_int_eq(
            docker_address_parse(rows[i].host, rows[i].folder, rows[i].verify, NULL, NULL, NULL, &address, NULL), 0);
        ck_assert_str_eq(address.base_url, rows[i].url);
        ck_assert_pstr_eq(address.ca, rows[i].ca);
        docker_address_deinit(&address);
    }
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {"fd://",         "tcp://",       "tcp://user@host", "tcp://h:0",
                                      "tcp://h:99999", "tcp://h/path", "unix://relative", "ssh://h",
                                      "tcp://h:1/x",   "h:2375"};

    for (size_t i = 0; i < countof(bad); i++) {
        struct docker_address address;
        struct error error = ERROR_INIT;

        ck_assert_msg(docker_address_parse(bad[i], NULL, false, NULL, NULL, NULL, &address, &error) < 0, "%s", bad[i]);
        ck_assert_str_ne(error.text, "");
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
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
