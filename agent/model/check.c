/* Used by every check: recording a verdict with its evidence, facts and remedy, and running a rule's check. */
#include "agent/model/check.h"

#include <string.h>

#include "agent/words/words.h"
#include "common/memory.h"
#include "common/secrets/secrets.h"
#include "common/text.h"

enum { EVIDENCE_MAX = 2048, FACTS_MAX = 8192, FACT_MAX = 4096, REMEDY_MAX = 16384 };

const struct check *check_find(const struct check *table, const char *name)
{
    for (const struct check *check = table; check->name; check++)
        if (str_equal(check->name, name))
            return check;
    return NULL;
}

bool rule_has_param(const struct rule *rule, const char *name)
{
    for (const struct param_spec *spec = rule->check->params; spec && spec->name; spec++)
        if (strcmp(spec->name, name) == 0)
            return true;
    return false;
}

/* What is kept is longer than what is shown, as formats are kept, too. */
static void add_evidence(struct str *out, const char *format, va_list arguments) printf_like(2, 0);
static void add_evidence(struct str *out, const char *format, va_list arguments)
{
    if (out->length > 2 * EVIDENCE_MAX)
        return;
    if (out->length)
        str_append(out, "; ");
    message_vadd(out, format, arguments);
}

void check_evidence_add(struct str *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_evidence(out, format, arguments);
    va_end(arguments);
}

void check_say(const struct check_input *in, struct check_result *out, enum verdict verdict, const char *format, ...)
{
    va_list arguments;

    if (verdict > out->verdict)
        out->verdict = verdict;
    if (!in->explain)
        return;
    va_start(arguments, format);
    add_evidence(&out->said, format, arguments);
    va_end(arguments);
}

void check_error(const struct check_input *in, struct check_result *out, const char *what, const char *why)
{
    scoped_str shown = STR_INIT;

    /* WHY may come from an engine, a scanner or a file: addresses with passwords, commands. */
    if (in->explain && why)
        secret_redact_messages(&shown, why);
    check_say(in, out, VERDICT_ERROR, "%s: %s", what, why ? str_text(&shown) : M_("unknown"));
}

void check_remedy(const struct check_input *in, struct check_result *out, const char *format, ...)
{
    va_list arguments;
    scoped_str command = STR_INIT;

    if (!in->explain)
        return;
    if (out->remedy.length)
        str_append(&out->remedy, " && ");
    va_start(arguments, format);
    str_vprintf(&command, format, arguments);
    va_end(arguments);
    str_append(&out->remedy, str_text(&command));
    fix_add_command(&out->fix, str_text(&command));
}

static bool ends_in_comment(const struct str *remedy)
{
    return remedy->length && (remedy->data[0] == '#' || strstr(remedy->data, "  # "));
}

void check_remedy_note(const struct check_input *in, struct check_result *out, const char *format, ...)
{
    va_list arguments;

    if (!in->explain)
        return;
    if (!out->remedy.length)
        fix_add_command(&out->fix, "#");
    str_append(&out->remedy, !out->remedy.length ? "# " : ends_in_comment(&out->remedy) ? "; " : "  # ");
    va_start(arguments, format);
    message_vadd_escaped(&out->remedy, format, arguments);
    va_end(arguments);
}

static struct json_out *facts_of(const struct check_input *in, struct check_result *out)
{
    if (!in->explain)
        return NULL;
    if (!out->facts) {
        out->facts = json_out_new(false);
        json_out_object(out->facts, NULL);
    }
    return out->facts;
}

void check_fact_string(const struct check_input *in, struct check_result *out, const char *key, const char *value)
{
    struct json_out *facts = facts_of(in, out);
    scoped_str english = STR_INIT;

    value = message_english(value, &english);
    if (facts && value)
        json_out_string_n(facts, key, value, strnlen(value, FACT_MAX));
    else if (facts)
        json_out_null(facts, key);
}

void check_fact_int(const struct check_input *in, struct check_result *out, const char *key, int64_t value)
{
    struct json_out *facts = facts_of(in, out);

    if (facts)
        json_out_int(facts, key, value);
}

void check_fact_bool(const struct check_input *in, struct check_result *out, const char *key, bool value)
{
    struct json_out *facts = facts_of(in, out);

    if (facts)
        json_out_bool(facts, key, value);
}

void check_fact_list(const struct check_input *in, struct check_result *out, const char *key,
                     const struct string_list *list)
{
    struct json_out *facts = facts_of(in, out);
    size_t length = 0, at;

    if (!facts)
        return;
    json_out_array(facts, key);
    json_out_text(facts, &length);
    for (at = 0; at < list->count && length < FACTS_MAX; at++) {
        scoped_str english = STR_INIT;
        const char *item = message_english(list->items[at], &english);

        json_out_string_n(facts, NULL, item, strnlen(item, FACT_MAX));
        json_out_text(facts, &length);
    }
    json_out_end_array(facts);
    if (at < list->count) {
        scoped(cleanup_free) char *left_out = mem_printf("%s_left_out", key);

        json_out_int(facts, left_out, (int64_t)(list->count - at));
    }
}

static bool lists_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* The first of the members in NAMES that FACTS (may be NULL) do not have as they should; NULL: none. */
static const struct unread_member *find_unread(const struct facts *facts, const char *names)
{
    for (size_t i = 0; facts && i < facts->unread_count; i++)
        if (lists_word(names, facts->unread[i].name))
            return &facts->unread[i];
    return NULL;
}

bool check_has_member(const struct check_input *in, struct check_result *out, const struct container_facts *container,
                      const char *name)
{
    const struct unread_member *member = find_unread(container ? &container->facts : NULL, name);

    if (member)
        check_say(in, out, VERDICT_ERROR, "the engine's answer on the container: %s %s", member->name, member->why);
    return !member;
}

bool check_has_answer(const struct check_input *in, struct check_result *out, enum input_kind kind, const char *key,
                      const char *names)
{
    const struct unread_member *member = find_unread(store_get(in->store, kind, key, NULL), names);

    if (member)
        check_say(in, out, VERDICT_ERROR, "the engine's answer (%s): %s %s", input_types[kind].name, member->name,
                  member->why);
    return !member;
}

/* An OCI artifact has a name and a place among the images, and nothing that these rules judge. */
static bool is_artifact(const struct check_input *in, struct check_result *out)
{
    const struct image_facts *image =
        in->rule->check->subject == SUBJECT_IMAGE ? store_image(in->store, in->key, NULL) : NULL;

    if (!image || !image->artifact)
        return false;
    check_say(in, out, VERDICT_NOT_APPLICABLE, "an OCI artifact (%s), not an image", image->artifact);
    return true;
}

/* Of an image that is here for several platforms the engine shows one. */
static void say_platforms(const struct check_input *in, struct check_result *out)
{
    const struct image_facts *image =
        in->rule->check->subject == SUBJECT_IMAGE ? store_image(in->store, in->key, NULL) : NULL;
    scoped_str others = STR_INIT;

    if (!in->explain || !image || !image->platform)
        return;
    for (size_t i = 0; i < image->platforms.count; i++)
        if (strcmp(image->platforms.items[i], image->platform) != 0)
            str_printf(&others, "%s%s", others.length ? ", " : "", image->platforms.items[i]);
    if (others.length)
        check_say(in, out, VERDICT_NONE, "judged for %s; also here, and not judged: %s", image->platform, others.data);
}

static bool is_podman(const struct check_input *in)
{
    const struct version_facts *version = store_version(in->store, NULL);

    return version && version->is_podman;
}

/* What was found is not to be had without the member that is missing. */
static void take_back(struct check_result *out)
{
    if (out->verdict != VERDICT_ERROR)
        str_clear(&out->said);
    str_clear(&out->remedy);
    fix_clear(&out->fix);
}

static void require_answers(const struct check_input *in, struct check_result *out)
{
    const struct check *check = in->rule->check;

    for (const struct required_answer *answer = check->answers; answer && answer->members; answer++) {
        const char *key = answer->kind == INPUT_IMAGE ? in->key : NULL;

        if (!find_unread(store_get(in->store, answer->kind, key, NULL), answer->members) ||
            (out->verdict == VERDICT_FAIL && check->fails_on_presence))
            continue;
        take_back(out);
        check_has_answer(in, out, answer->kind, key, answer->members);
    }
}

void check_run(const struct check_input *in, struct check_result *out)
{
    const char *members = in->rule->check->members;
    const struct container_facts *container = members ? store_container(in->store, in->key, NULL) : NULL;
    const struct facts *facts = container ? &container->facts : NULL;

    out->podman = is_podman(in);
    if (is_artifact(in, out))
        return;
    in->rule->check->run(in, out);
    if (find_unread(facts, members ? members : "") &&
        !(out->verdict == VERDICT_FAIL && in->rule->check->fails_on_presence)) {
        take_back(out);
        check_has_member(in, out, container, members);
    }
    require_answers(in, out);
    say_platforms(in, out);
    if (out->remedy.length > REMEDY_MAX) /* a command may not be cut */
        str_clear(&out->remedy);
    if (out->verdict == VERDICT_NONE)
        check_error(in, out, M_("check"), M_("no verdict was given"));
}

void check_result_init(struct check_result *result)
{
    *result = (struct check_result){0};
}

void check_result_clear(struct check_result *result)
{
    result->verdict = VERDICT_NONE;
    result->recheck = 0;
    result->attested = result->podman = false;
    str_clear(&result->said);
    str_clear(&result->remedy);
    fix_clear(&result->fix);
    json_out_free(take(result->facts));
}

void check_result_deinit(struct check_result *result)
{
    str_deinit(&result->said);
    str_deinit(&result->shown);
    str_deinit(&result->remedy);
    fix_deinit(&result->fix);
    json_out_free(take(result->facts));
}

const char *check_rule_remedy(const struct rule *rule, bool podman, enum language language)
{
    return podman && *rule->remedy_podman[language] ? rule->remedy_podman[language] : rule->remedy[language];
}

static const char *render(struct check_result *result, const struct str *text, enum language language, size_t limit)
{
    str_clear(&result->shown);
    words_render(&result->shown, str_text(text), language, limit);
    return str_text(&result->shown);
}

const char *check_result_remedy(struct check_result *result, const struct rule *rule, enum language language)
{
    if (result->remedy.length)
        return render(result, &result->remedy, language, 0);
    return check_rule_remedy(rule, result->podman, language);
}

const char *check_result_evidence(struct check_result *result, enum language language)
{
    return render(result, &result->said, language, EVIDENCE_MAX);
}

const char *check_result_facts(struct check_result *result)
{
    if (!result->facts)
        return "{}";
    json_out_end_object(result->facts);
    return json_out_text(result->facts, NULL);
}

const char *rule_file_source(const struct rule *rule)
{
    const struct param_spec *params = rule->check->params;

    return params && str_equal(params[0].name, "source") ? rule->params[0].string : "sockets:";
}
