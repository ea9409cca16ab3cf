/* RELP: frames, answers in any order and in pieces, and what is refused of them. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "agent/sinks/relp.h"
#include "common/memory.h"

#define OFFERS "\nrelp_version=0\nrelp_software=1.11.0,librelp,http://librelp.adiscon.com\ncommands=syslog"

static const struct str message = {.data = (char *)"<1>m", .length = 4};
static struct relp relp;
static struct str out;
static struct error error;

static void set_up(void)
{
    relp = (struct relp){0};
    out = STR_INIT;
    error = ERROR_INIT;
    relp_frame_open(&relp, 0, &out);
    relp_sent(&relp);
}

static void tear_down(void)
{
    relp_deinit(&relp);
    str_deinit(&out);
}

static int receive(const char *text)
{
    return relp_receive(&relp, text, strlen(text), 0, &error);
}

static int answer_with(unsigned txnr, const char *data)
{
    scoped(cleanup_free) char *text = mem_printf("%u rsp %zu %s\n", txnr, strlen(data), data);

    return receive(text);
}

static void open_session(void)
{
    ck_assert_msg(answer_with(1, "200 OK" OFFERS) == 0, "%s", error.text);
    ck_assert(relp_has_room(&relp));
}

static void send_records(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert(relp_has_room(&relp));
        relp_frame_syslog(&relp, &message, 0, &out);
    }
    relp_sent(&relp);
}

START_TEST(frames)
{
    ck_assert(!relp_has_room(&relp));
    open_session();
    send_records(1);
    relp_frame_close(&relp, 0, &out);
    ck_assert_str_eq(out.data, "1 open 64 \nrelp_version=0\nrelp_software=docker-bench-agent\ncommands=syslog\n"
                               "2 syslog 4 <1>m\n"
                               "3 close 0\n");
}
END_TEST

/* The window opens by what is acknowledged up to the first without an answer. */
START_TEST(answers_in_any_order)
{
    open_session();
    send_records(RELP_WINDOW);
    ck_assert(!relp_has_room(&relp));
    for (unsigned txnr = RELP_WINDOW + 1; txnr > 2; txnr--)
        ck_assert_int_eq(answer_with(txnr, "200 OK"), 0);
    ck_assert_uint_eq(relp.acknowledged, 1);
    ck_assert(!relp_has_room(&relp));
    ck_assert_int_eq(answer_with(2, "200"), 0);
    ck_assert_uint_eq(relp.acknowledged, RELP_WINDOW + 1);
    send_records(RELP_WINDOW);
    ck_assert(!relp_has_room(&relp));
}
END_TEST

START_TEST(answers_in_pieces)
{
    static const char text[] = "1 rsp 93 200 OK" OFFERS "\n2 rsp 6 200 OK\n3 rsp 6 200 OK\n";

    ck_assert_uint_eq(strlen("200 OK" OFFERS), 93);
    for (const char *at = text; *at; at++) {
        ck_assert_msg(relp_receive(&relp, at, 1, 0, &error) == 0, "%s", error.text);
        if (relp.open && relp.sent == 1)
            send_records(2);
    }
    ck_assert_uint_eq(relp.acknowledged, 3);
    ck_assert_uint_eq(relp.in.length, 0);
}
END_TEST

/* After 999999999 the transaction numbers begin again with 1. */
START_TEST(the_last_transaction_number)
{
    open_session();
    relp.framed = relp.sent = relp.acknowledged = 999999997;
    str_clear(&out);
    send_records(4);
    ck_assert_str_eq(out.data, "999999998 syslog 4 <1>m\n999999999 syslog 4 <1>m\n1 syslog 4 <1>m\n2 syslog 4 <1>m\n");
    ck_assert_int_eq(answer_with(1, "200 OK"), 0);
    ck_assert_int_eq(answer_with(2, "200 OK"), 0);
    ck_assert_int_eq(answer_with(999999999, "200 OK"), 0);
    ck_assert_uint_eq(relp.acknowledged, 999999997);
    ck_assert_int_eq(answer_with(999999998, "200 OK"), 0);
    ck_assert_uint_eq(relp.acknowledged, 1000000001);
}
END_TEST

/* What is not answered for 90 s, however much is; each answer gives the next one as long. */
START_TEST(no_answer)
{
    const usec_t patience = RELP_PATIENCE_SECONDS * USEC_PER_SEC;

    ck_assert_int_eq(relp_check(&relp, patience - 1, &error), 0);
    ck_assert_int_eq(relp_check(&relp, patience, &error), -ETIMEDOUT);
    open_session();
    ck_assert_int_eq(relp_check(&relp, 10 * patience, &error), 0);
    relp_frame_syslog(&relp, &message, 10 * patience, &out);
    relp_frame_syslog(&relp, &message, 11 * patience - 1, &out);
    relp_sent(&relp);
    ck_assert_int_eq(relp_check(&relp, 11 * patience - 1, &error), 0);
    ck_assert_int_eq(relp_check(&relp, 11 * patience, &error), -ETIMEDOUT);
    ck_assert_int_eq(relp_receive(&relp, "2 rsp 3 200\n", 12, 11 * patience, &error), 0);
    ck_assert_int_eq(relp_check(&relp, 12 * patience - 1, &error), 0);
    ck_assert_int_eq(relp_check(&relp, 12 * patience, &error), -ETIMEDOUT);
    ck_assert_str_eq(error.text, "RELP: the receiver has not answered for 90 s");
}
END_TEST

static const struct refusal {
    const char *text; /* after two records, 2 and 3, were sent */
    int number;
    const char *why;
} refusals[] = {
    {"4 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"1 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"0 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"3 rsp 6 200 OK\n3 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"2 rsp 6 200 OK\n2 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"999999999 rsp 6 200 OK\n", EPROTO, "to nothing that awaits one"},
    {"2 rsp 15 500 no room\nx=y\n", EREMOTEIO, "RELP: the receiver answers 500 no room"},
    {"2 rsp 7 500 a\033b\n", EREMOTEIO, "RELP: the receiver answers 500 a\\x1bb"},
    {"2 rsp 0\n", EPROTO, "no status"},
    {"2 rsp 2 20\n", EPROTO, "no status"},
    {"2 rsp 4 2000\n", EPROTO, "no status"},
    {"2 rsp 6 OK 200\n", EPROTO, "no status"},
    {"2 syslog 6 200 OK\n", EPROTO, "not an answer"},
    {"2 serverclose 0\n", EPROTO, "not an answer"},
    {"0 close 0\n", EPROTO, "not an answer"},
    {"0 serverclose 0\n", ESHUTDOWN, "RELP: the receiver has closed the session"},
    {"2 rsp 6 200 OKx", EPROTO, "not a frame"},
    {"2 rsp 4097", EAGAIN, NULL},
    {"2 rsp 4097 ", EPROTO, "not a frame"},
    {"2 rsp 9999999999", EPROTO, "not a frame"},
    {"0000000002 rsp", EPROTO, "not a frame"},
    {"-2 rsp 6 200 OK\n", EPROTO, "not a frame"},
    {"2  rsp 6 200 OK\n", EPROTO, "not a frame"},
    {"2 rsp -6", EPROTO, "not a frame"},
    {"2 rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", EPROTO, "not a frame"},
    {"220 mail.example ESMTP\r\n", EPROTO, "not a frame"},
};

START_TEST(what_is_refused)
{
    const struct refusal *row = &refusals[_i];
    int r;

    open_session();
    send_records(2);
    r = receive(row->text);
    if (!row->why) {
        ck_assert_int_eq(r, 0);
        return;
    }
    ck_assert_msg(r == -row->number, "%s: %d", row->text, r);
    ck_assert_msg(strstr(error.text, row->why), "%s: %s", row->text, error.text);
    ck_assert(!relp_has_room(&relp));
    ck_assert_int_lt(receive("2 rsp 6 200 OK\n"), 0);
}
END_TEST

static const struct refusal openings[] = {
    {"500 not you" OFFERS, EREMOTEIO, "500 not you"},
    {"200 OK", EPROTO, "no known version"},
    {"200 OK\ncommands=syslog", EPROTO, "no known version"},
    {"200 OK\nrelp_version=2\ncommands=syslog", EPROTO, "no known version"},
    {"200 OK\nrelp_version=01\ncommands=syslog", EPROTO, "no known version"},
    {"200 OK\nrelp_version=0", EPROTO, "does not accept syslog"},
    {"200 OK\nrelp_version=0\ncommands=eventlog,syslogs,", EPROTO, "does not accept syslog"},
    {"200 OK\nrelp_version=1\ncommands=eventlog,syslog", 0, ""},
};

START_TEST(openings_that_are_refused)
{
    int r = answer_with(1, openings[_i].text);

    ck_assert_msg(r == -openings[_i].number, "%s: %d", openings[_i].text, r);
    ck_assert_msg(strstr(error.text, openings[_i].why), "%s: %s", openings[_i].text, error.text);
    ck_assert_int_eq(relp_has_room(&relp), r == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("RELP");
    TCase *tests = tcase_create("session");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, frames);
    tcase_add_test(tests, answers_in_any_order);
    tcase_add_test(tests, answers_in_pieces);
    tcase_add_test(tests, the_last_transaction_number);
    tcase_add_test(tests, no_answer);
    tcase_add_loop_test(tests, what_is_refused, 0, (int)countof(refusals));
    tcase_add_loop_test(tests, openings_that_are_refused, 0, (int)countof(openings));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
