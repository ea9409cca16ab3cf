/* A kept transition in the language of whoever reads it. */
#include "agent/evaluator/transition.h"

#include <string.h>

#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "agent/words/words.h"

enum { TEXT_MAX = 20000 }; /* bytes: more than the longest remedy */

/* RULE's own text is kept in English, for one engine or the other. */
static const char *find_remedy(const struct rule *rule, const char *kept, enum language language)
{
    if (rule && str_equal(kept, rule->remedy[LANGUAGE_EN]))
        return rule->remedy[language];
    if (rule && *rule->remedy_podman[LANGUAGE_EN] && str_equal(kept, rule->remedy_podman[LANGUAGE_EN]))
        return rule->remedy_podman[language];
    return kept;
}

/* TEXT of ours: as a whole in the tables, or with messages in it. */
static void write_text(struct json_out *out, const char *key, const char *text, enum language language)
{
    scoped_str rendered = STR_INIT;

    words_render(&rendered, words(language, text), language, TEXT_MAX);
    json_out_string_n(out, key, rendered.data, rendered.length);
}

static void write_member(struct json_out *out, const char *key, const struct json *value, const struct rule *rule,
                         enum language language)
{
    const char *text = json_string(value);

    if (text && strcmp(key, "title") == 0)
        write_text(out, key, rule ? rule->title[language] : text, language);
    else if (text && strcmp(key, "remedy") == 0)
        write_text(out, key, find_remedy(rule, text, language), language);
    else if (text && strcmp(key, "evidence") == 0)
        write_text(out, key, text, language);
    else
        json_out_value(out, key, value);
}

void transition_render(struct str *out, const char *json, size_t length, enum language language,
                       const struct rule_set *rules)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *rendered = NULL;
    const struct json *root, *value;
    const struct rule *rule;
    const char *key, *text;

    if ((language == LANGUAGE_EN && !memmem(json, length, "\\u0001", 6)) ||
        json_parse(json, length, NULL, &doc, NULL) < 0 || json_type(json_root(doc)) != JSON_OBJECT) {
        str_append_n(out, json, length);
        return;
    }
    root = json_root(doc);
    text = json_string(json_get(root, "slug"));
    rule = rules && text ? rule_set_find(rules, text) : NULL;
    if (rule && strcmp(rule->slug, text) != 0)
        rule = NULL;
    rendered = json_out_new(false);
    json_out_object(rendered, NULL);
    for (size_t i = 0; (value = json_member(root, i, &key, NULL)); i++)
        write_member(rendered, key, value, rule, language);
    json_out_end_object(rendered);
    text = json_out_text(rendered, &length);
    str_append_n(out, text, length);
}
