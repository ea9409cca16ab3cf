/* Secrets in an image: 4.10. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"
#include "common/secrets/secrets.h"
#include "common/text.h"

/* The search in all texts of one image. */
struct search {
    const struct check_input *in;
    struct check_result *out;
    struct map *told; /* what was reported: a build argument comes up in each step after it */
    struct budget budget;
    bool over; /* reported that not everything was searched */
};

static void say_secret(const struct search *search, const char *place, const struct secret_match *match)
{
    scoped_str name = STR_INIT;
    scoped(cleanup_free) char *what =
        mem_printf("%s %.*s %zu", match->kind, (int)(match->name_length < 128 ? match->name_length : 128),
                   match->name ? match->name : "", match->value_length);

    if (match->name && map_get(search->told, what))
        return;
    map_set(search->told, what, search->told);
    if (match->name)
        text_escape(&name, match->name, match->name_length, 64);
    check_say(search->in, search->out, VERDICT_FAIL, "%s: %s%s%s (%zu characters)", place, match->kind,
              name.length ? " " : "", str_text(&name), match->value_length);
}

/* Looks whether the text of PLACE could be searched whole. */
static void end_text(struct search *search, const char *place)
{
    if (!budget_is_over(&search->budget) || search->over)
        return;
    search->over = true;
    if (search->out->verdict == VERDICT_NONE)
        check_say(search->in, search->out, VERDICT_ERROR,
                  "%s is too complex to judge: searching this image for secrets takes too much work", place);
}

static void scan_text(struct search *search, const char *place, const char *text)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, text, strlen(text));
    scan.budget = search->budget;
    while (secret_next(&scan, &match))
        say_secret(search, place, &match);
    search->budget = scan.budget;
    end_text(search, place);
}

/* "NAME=value" lists. */
static void scan_list(struct search *search, const char *place, const struct string_list *list)
{
    for (size_t i = 0; i < list->count && !search->over; i++) {
        size_t name_length = strcspn(list->items[i], "=");
        scoped(cleanup_free) char *name = mem_strndup(list->items[i], name_length);
        const char *value = list->items[i] + name_length + (list->items[i][name_length] == '=');
        struct secret_match match;

        if (secret_is_value_within(name, value, &search->budget, &match))
            say_secret(search, place, &match);
        end_text(search, place);
    }
}

static void scan_words(struct search *search, const char *place, const struct string_list *words)
{
    enum { JOINED_MAX = 1 << 20 }; /* more than there are steps for */
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < words->count && text.length < JOINED_MAX; i++)
        str_printf(&text, "%s%s", i ? " " : "", words->items[i]);
    scan_text(search, place, str_text(&text));
}

static void scan_image(struct search *search, const struct image_facts *image)
{
    scan_list(search, "environment", &image->env);
    scan_list(search, "label", &image->labels);
    scan_words(search, "entrypoint", &image->entrypoint);
    scan_words(search, "command", &image->command);
    scan_words(search, "health check", &image->healthcheck);
}

static void scan_history(struct search *search, const struct history_facts *history)
{
    for (size_t i = 0; i < history->count && !search->over; i++) {
        char place[32];

        snprintf(place, sizeof place, "step %zu", i + 1);
        scan_text(search, place, history->items[i].created_by);
        scan_text(search, place, history->items[i].comment);
    }
}

/* What is found in the one is a failure whether or not the other could be read. */
void check_image_secrets(const struct check_input *in, struct check_result *out)
{
    enum { STEPS_MAX = 6 << 20 }; /* what the event loop can spare: see tests/unit/test_hostile_text.c */
    const char *image_why, *history_why;
    const struct image_facts *image = store_image(in->store, in->key, &image_why);
    const struct history_facts *history = store_history(in->store, in->key, &history_why);
    scoped(cleanup_map) struct map *told = map_new(NULL);
    struct search search = {.in = in, .out = out, .told = told, .budget.max = STEPS_MAX};
    scoped_str unseen = STR_INIT;

    if (image)
        scan_image(&search, image);
    if (history)
        scan_history(&search, history);
    if (out->verdict == VERDICT_FAIL) {
        if (!image || !history)
            check_say(in, out, VERDICT_FAIL, "%s could not be searched",
                      image ? M_("its history") : M_("its configuration"));
        check_remedy_note(in, out,
                          "replace these secrets, everyone who has the image knows them; then %s build --secret and "
                          "RUN --mount=type=secret, and %s rmi %s",
                          check_engine_command(in), check_engine_command(in), in->key);
        return;
    }
    if (!image)
        check_error(in, out, M_("image"), image_why);
    if (!history)
        check_error(in, out, M_("history"), history_why);
    else if (!history_explains(history, image, true, &unseen))
        check_say(in, out, VERDICT_MANUAL, "%s", unseen.data);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "nothing in its history, environment and labels looks like a secret");
}
