/* Secrets in an image: 4.10. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/secrets/secrets.h"
#include "common/text.h"

/* A build argument comes up in each step behind it: it is told once. */
static void say_secret(const struct check_input *in, struct check_result *out, const char *place,
                       const struct secret_match *match, struct map *told)
{
    scoped_str name = STR_INIT;
    scoped(cleanup_free) char *what =
        mem_printf("%s %.*s %zu", match->kind, (int)(match->name_length < 128 ? match->name_length : 128),
                   match->name ? match->name : "", match->value_length);

    if (match->name && map_get(told, what))
        return;
    map_set(told, what, told);

    if (match->name)
        text_escape(&name, match->name, match->name_length, 64);
    check_say(in, out, VERDICT_FAIL, "%s: %s%s%s (%zu characters)", place, match->kind, name.length ? " " : "",
              str_text(&name), match->value_length);
}

static void scan_text(const struct check_input *in, struct check_result *out, const char *place, const char *text,
                      struct map *told)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, text, strlen(text));
    while (secret_next(&scan, &match))
        say_secret(in, out, place, &match, told);
}

/* "NAME=value" lists. */
static void scan_list(const struct check_input *in, struct check_result *out, const char *place,
                      const struct string_list *list, struct map *told)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t name_length = strcspn(list->items[i], "=");
        scoped(cleanup_free) char *name = mem_strndup(list->items[i], name_length);
        const char *value = list->items[i] + name_length + (list->items[i][name_length] == '=');
        struct secret_match match;

        if (secret_is_value(name, value, &match))
            say_secret(in, out, place, &match, told);
    }
}

static void scan_words(const struct check_input *in, struct check_result *out, const char *place,
                       const struct string_list *words, struct map *told)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < words->count; i++)
        str_printf(&text, "%s%s", i ? " " : "", words->items[i]);
    scan_text(in, out, place, str_text(&text), told);
}

void check_image_secrets(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_facts *image = store_image(in->store, in->key, &why);
    const struct history_facts *history = store_history(in->store, in->key, image ? &why : NULL);
    scoped(cleanup_map) struct map *told = map_new(NULL);

    if (!image || !history) {
        check_error(in, out, image ? "history" : "image", why);
        return;
    }
    scan_list(in, out, "environment", &image->env, told);
    scan_list(in, out, "label", &image->labels, told);
    scan_words(in, out, "entrypoint", &image->entrypoint, told);
    scan_words(in, out, "command", &image->command, told);
    scan_words(in, out, "health check", &image->healthcheck, told);
    for (size_t i = 0; i < history->count; i++) {
        char place[32];

        snprintf(place, sizeof place, "step %zu", i + 1);
        scan_text(in, out, place, history->items[i].created_by, told);
        scan_text(in, out, place, history->items[i].comment, told);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "nothing in its history, environment and labels looks like a secret");
    else
        check_remedy(in, out,
                     "# change these secrets, whoever has the image has them; then docker build --secret and "
                     "RUN --mount=type=secret, and docker rmi %s",
                     in->key);
}
