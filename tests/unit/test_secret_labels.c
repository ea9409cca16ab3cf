/* How often the search for secrets is right: precision and recall over the labelled texts of tests/secrets, each in
 * every form in which an image may hold it. tests/secrets/README.md describes the files; floor.json holds what must be
 * reached.
 *
 *   test_secret_labels --print FILE…   prints the texts that are judged wrongly, of files elsewhere. */
#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/secrets/secrets.h"

enum { FILE_MAX_BYTES = 4 << 20 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
static const char upper_hex[] = "0123456789ABCDEF", lower_hex[] = "0123456789abcdef";
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* What {NAME…} stands for: as many characters of a set as the number after it says, or one of some texts. */
static const struct kind {
    const char *name, *set;
    size_t set_length;
} kinds[] = {
    {"an", letters, 62}, {"al", letters, 52},    {"ah", lower, 36},      {"hex", lower_hex, 16},
    {"UP", base32, 32},  {"HEX", upper_hex, 16}, {"dig", lower_hex, 10}, {"b64_", letters, 64},
};

static const char *const passwords[] = {"Tr0ub4dor",     "hunter2x",   "s3cr3tPa55",  "Zx9!kLm",
                                        "correcthorse7", "W1nter2024", "qpalzm42",    "Kj7#pQ2w",
                                        "abcD1234",      "m0nkeyBars", "blue-Sky-77", "Gh5_tyU8"};

static const struct constant {
    const char *name, *text;
} constants[] = {
    {"nl", "\n"}, {"MNO", "M"}, {"stripe1", "4eC39HqLyjWDarjtT1zdp7dc"}, {"stripe2", "BQokikJOvBiI2HlWgH4olfQ2"}};

/* ---- Texts ---- */

/* Knuth's, so that a text is the same everywhere. */
static unsigned draw(uint64_t *state, unsigned below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*state >> 33) % below);
}

static void append_drawn(struct str *out, uint64_t *state, const char *set, size_t set_length, size_t count)
{
    bool mixed = set == letters && set_length == 62 && count >= 6; /* as keys are, whatever is drawn */

    for (size_t i = 0; i < count; i++)
        str_append_char(out, mixed && i + 3 >= count ? "a7Q"[i + 3 - count] : set[draw(state, (unsigned)set_length)]);
}

static bool append_placeholder(struct str *out, uint64_t *state, const char *name)
{
    if (strcmp(name, "pw") == 0) {
        str_append(out, passwords[draw(state, countof(passwords))]);
        return true;
    }
    if (strcmp(name, "uuid") == 0) {
        for (size_t i = 0; i < 5; i++) {
            str_append(out, i ? "-" : "");
            append_drawn(out, state, lower_hex, 16, (size_t[]){8, 4, 4, 4, 12}[i]);
        }
        return true;
    }
    for (size_t i = 0; i < countof(constants); i++)
        if (strcmp(name, constants[i].name) == 0) {
            str_append(out, constants[i].text);
            return true;
        }
    for (size_t i = 0; i < countof(kinds); i++) {
        const char *number = name + strlen(kinds[i].name);

        if (strncmp(name, kinds[i].name, strlen(kinds[i].name)) == 0 && *number &&
            strspn(number, "0123456789") == strlen(number)) {
            append_drawn(out, state, kinds[i].set, kinds[i].set_length, strtoul(number, NULL, 10));
            return true;
        }
    }
    return false;
}

/* The text up to TO with its {…} written out. */
static void expand(struct str *out, uint64_t *state, const char *text, const char *to)
{
    static const char encoded[] = "{base64:";

    while (text < to) {
        const char *end = memchr(text, '}', (size_t)(to - text));

        if (*text == '{' && strncmp(text, encoded, strlen(encoded)) == 0) {
            scoped_str inside = STR_INIT;
            scoped(cleanup_free) unsigned char *base64 = NULL;
            int depth = 0;

            for (end = text; end < to; end++) {
                depth += (*end == '{') - (*end == '}');
                if (!depth)
                    break;
            }
            expand(&inside, state, text + strlen(encoded), end);
            base64 = mem_alloc(inside.length * 2 + 8);
            EVP_EncodeBlock(base64, (const unsigned char *)str_text(&inside), (int)inside.length);
            str_append(out, (const char *)base64);
            text = end + 1;
        } else if (*text == '{' && end && end - text < 16) {
            scoped(cleanup_free) char *name = mem_strndup(text + 1, (size_t)(end - text) - 1);

            if (append_placeholder(out, state, name)) {
                text = end + 1;
            } else {
                str_append_char(out, *text++);
            }
        } else {
            str_append_char(out, *text++);
        }
    }
}

/* ---- Judging ---- */

static const char *const environment_forms[] = {"/bin/sh -c #(nop)  ENV %s",
                                                "ENV %s",
                                                "ARG %s",
                                                "|1 %s /bin/sh -c true",
                                                "RUN |1 %s /bin/sh -c make # buildkit",
                                                NULL};
static const char *const label_forms[] = {"/bin/sh -c #(nop)  LABEL %s", "LABEL %s", NULL};

static bool holds_secret(const char *form, const char *text)
{
    scoped_str whole = STR_INIT;
    struct secret_scan scan;
    struct secret_match match;
    const char *place = strstr(form, "%s");

    str_append_n(&whole, form, (size_t)(place - form));
    str_append(&whole, text);
    str_append(&whole, place + 2);
    secret_scan_init(&scan, str_text(&whole), whole.length);
    return secret_next(&scan, &match);
}

struct tally {
    unsigned texts, planted, found, wrong;
};

/* A planted secret is found if it is found in every form; a look-alike is wrong if it is in one. */
static void judge(struct tally *tally, const char *form, const char *text, bool planted, const char *line)
{
    const char *equal = strchr(text, '=');
    bool any, all;

    if (strcmp(form, "run") == 0) {
        any = all = holds_secret("%s", text);
    } else {
        scoped(cleanup_free) char *name = mem_strndup(text, (size_t)(equal - text));

        any = all = secret_is_value(name, equal + 1, NULL);
        for (const char *const *each = strcmp(form, "label") == 0 ? label_forms : environment_forms; *each; each++) {
            bool found = holds_secret(*each, text);

            any |= found;
            all &= found;
        }
    }
    tally->texts++;
    tally->planted += planted;
    tally->found += planted && all;
    tally->wrong += !planted && any;
    if (planted ? !all : any)
        printf("%s: %s   %s\n", planted ? "not found" : "no secret", line, text);
}

static int judge_file(struct tally *tally, const char *path, struct error *error)
{
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_MAX_BYTES, &text, error);
    bool planted = strstr(path, "planted") != NULL;
    char *saved;

    for (char *line = r < 0 ? NULL : strtok_r(text.data, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
        scoped(cleanup_free) char *form = mem_strndup(line, strcspn(line, "\t"));
        const char *template = line + strlen(form) + 1;
        uint64_t state = UINT64_C(14695981039346656037);
        scoped_str expanded = STR_INIT;

        if (*line == '#')
            continue;
        for (const char *c = line; *c; c++) /* FNV-1a */
            state = (state ^ (unsigned char)*c) * UINT64_C(1099511628211);
        if (!line[strlen(form)] || (strcmp(form, "run") != 0 && !strchr(template, '=')))
            return error_set(error, EINVAL, "\"%s\" is no labelled text", line);
        expand(&expanded, &state, template, template + strlen(template));
        judge(tally, form, str_text(&expanded), planted, line);
    }
    return r < 0 ? r : 0;
}

/* NAME of the floor may only rise: what is reached is written there. */
static bool is_reached(const char *name, double reached, const struct json *floor)
{
    const double rounding = 0.001;
    double least = json_double(json_get(floor, name), -1);

    printf("%-9s %.4f (floor %.4f)\n", name, reached, least);
    if (reached >= least && reached < least + rounding)
        return true;
    printf("%s is %s\n", name,
           reached < least ? "below the floor" : "above it: raise the floor in tests/secrets/floor.json");
    return false;
}

START_TEST(every_text)
{
    static const char *const files[] = {TESTS_DIR "/secrets/planted.txt", TESTS_DIR "/secrets/lookalikes.txt"};
    static const struct json_limits limits = {.bytes = FILE_MAX_BYTES, .depth = 4, .values = 64};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    struct tally tally = {0};
    const struct json *floor;
    bool reached;

    for (size_t i = 0; i < countof(files); i++)
        ck_assert_msg(judge_file(&tally, files[i], &error) == 0, "%s", error.text);
    ck_assert_int_eq(file_read(TESTS_DIR "/secrets/floor.json", FILE_MAX_BYTES, &text, &error), 0);
    ck_assert_int_eq(json_parse(str_text(&text), text.length, &limits, &doc, &error), 0);
    floor = json_root(doc);
    reached = is_reached("precision", (double)tally.found / (tally.found + tally.wrong), floor);
    reached &= is_reached("recall", (double)tally.found / tally.planted, floor);
    reached &= is_reached("texts", tally.texts, floor);
    ck_assert(reached);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite;
    TCase *tests;
    SRunner *runner;
    int failed;

    if (argc > 2 && strcmp(argv[1], "--print") == 0) {
        struct error error = ERROR_INIT;
        struct tally tally = {0};

        for (int i = 2; i < argc; i++)
            if (judge_file(&tally, argv[i], &error) < 0)
                fprintf(stderr, "%s\n", error.text);
        printf("%u texts, %u planted, %u of them found, %u look-alikes taken for one\n", tally.texts, tally.planted,
               tally.found, tally.wrong);
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* a test that fails does not write out what it printed */
    suite = suite_create("labelled secrets");
    tests = tcase_create("labelled secrets");
    tcase_add_test(tests, every_text);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
