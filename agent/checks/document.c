/* Users' own conditions on a value: somewhere in a container's, image's, network's or service's document as the engine
 * gives it, in a daemon option, in a file's text.
 *
 * Every condition that a rule gives must hold: equals, in, matches (POSIX extended regular expression), min, max,
 * absent. "each" applies them to every member of a list or object, "any" wants one member for which they hold. */
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "common/secrets.h"
#include "probes/daemon_config.h"
#include "probes/fileset.h"

enum { SHOWN_MAX = 80 };

static bool is_given(const struct param_value *value)
{
    return strcmp(value->string, "null") != 0;
}

static char *canonical(const struct json *value)
{
    struct json_out *out = json_out_new(false);
    char *text;

    json_out_value(out, NULL, value);
    text = mem_strdup(json_out_text(out, NULL));
    json_out_free(out);
    return text;
}

static bool is_equal(const struct json *value, const struct json *wanted)
{
    scoped(cleanup_free) char *a = NULL, *b = NULL;

    if (json_type(value) == JSON_NUMBER && json_type(wanted) == JSON_NUMBER)
        return json_double(value, NAN) == json_double(wanted, NAN);
    a = canonical(value);
    b = canonical(wanted);
    return strcmp(a, b) == 0;
}

static struct json_doc *parse_param(const struct check_input *in, const char *name)
{
    const char *text = check_param(in, name)->string;
    struct json_doc *doc = NULL;

    json_parse(text, strlen(text), NULL, &doc, NULL);
    return doc;
}

static bool equals(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_json_doc) struct json_doc *wanted = parse_param(in, "equals");

    return is_equal(value, json_root(wanted));
}

static bool is_among(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_json_doc) struct json_doc *list = parse_param(in, "in");

    for (size_t i = 0; i < json_count(json_root(list)); i++)
        if (is_equal(value, json_at(json_root(list), i)))
            return true;
    return false;
}

static bool matches_text(const struct check_input *in, const char *text)
{
    scoped(cleanup_json_doc) struct json_doc *pattern = parse_param(in, "matches");
    regex_t regex;
    bool found;

    if (regcomp(&regex, json_text(json_root(pattern), ""), REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
        return false;
    found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool matches(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_free) char *text = json_string(value) ? mem_strdup(json_string(value)) : canonical(value);

    return matches_text(in, text);
}

static double number_param(const struct check_input *in, const char *name)
{
    return strtod(check_param(in, name)->string, NULL);
}

/* Do all conditions hold for VALUE, which is there? */
static bool holds(const struct check_input *in, const struct json *value)
{
    if (is_given(check_param(in, "equals")) && !equals(in, value))
        return false;
    if (is_given(check_param(in, "in")) && !is_among(in, value))
        return false;
    if (is_given(check_param(in, "matches")) && !matches(in, value))
        return false;
    if (is_given(check_param(in, "min")) &&
        !(json_type(value) == JSON_NUMBER && json_double(value, NAN) >= number_param(in, "min")))
        return false;
    return !is_given(check_param(in, "max")) ||
           (json_type(value) == JSON_NUMBER && json_double(value, NAN) <= number_param(in, "max"));
}

static const struct json *member(const struct json *value, size_t i)
{
    return json_type(value) == JSON_ARRAY ? json_at(value, i) : json_member(value, i, NULL, NULL);
}

static bool holds_for_members(const struct check_input *in, const struct json *value, bool each)
{
    for (size_t i = 0; i < json_count(value); i++)
        if (holds(in, member(value, i)) != each)
            return !each;
    return each;
}

static void say(const struct check_input *in, struct check_result *out, bool right, const char *where,
                const struct json *value)
{
    scoped_str shown = STR_INIT;
    scoped(cleanup_free) char *text = NULL;

    if (in->explain) {
        text = canonical(value);
        secret_redact(&shown, text, strlen(text), true);
        if (shown.length > SHOWN_MAX) {
            shown.length = SHOWN_MAX;
            str_append(&shown, "…");
        }
    }
    check_say(in, out, right ? VERDICT_PASS : VERDICT_FAIL, "%s is %s", where, str_text(&shown));
}

static void judge_value(const struct check_input *in, struct check_result *out, const char *where,
                        const struct json *value)
{
    bool absent = json_type(value) == JSON_NULL;

    if (check_param(in, "absent")->number) {
        if (absent)
            check_say(in, out, VERDICT_PASS, "%s is not set", where);
        else
            say(in, out, false, where, value);
        return;
    }
    if (check_param(in, "each")->number)
        say(in, out, holds_for_members(in, value, true), where, value);
    else if (check_param(in, "any")->number)
        say(in, out, holds_for_members(in, value, false), where, value);
    else if (absent && !is_given(check_param(in, "equals")) && !is_given(check_param(in, "in")))
        check_say(in, out, VERDICT_FAIL, "%s is not set", where);
    else
        say(in, out, holds(in, value), where, value);
}

static struct json_doc *parse_document(const struct check_input *in, struct check_result *out,
                                       const struct facts *facts)
{
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    if (!facts->document)
        check_error(in, out, "document", "the engine's document was not kept");
    else if (json_parse(facts->document, strlen(facts->document), NULL, &doc, &error) < 0)
        check_error(in, out, "document", error.text);
    return doc;
}

/* A document of its own: a container's, an image's. */
void check_document(const struct check_input *in, struct check_result *out)
{
    enum input_kind kind = in->rule->check->subject == SUBJECT_CONTAINER ? INPUT_CONTAINER : INPUT_IMAGE;
    const char *why, *pointer = check_param(in, "pointer")->string;
    const struct facts *facts = store_get(in->store, kind, in->key, &why);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (!facts) {
        check_error(in, out, input_kind_name(kind), why);
        return;
    }
    doc = parse_document(in, out, facts);
    if (doc)
        judge_value(in, out, pointer, json_pointer(json_root(doc), pointer));
}

/* One of a list: the network that is judged. */
void check_network_document(const struct check_input *in, struct check_result *out)
{
    const char *why, *pointer = check_param(in, "pointer")->string;
    const struct facts *facts = store_get(in->store, INPUT_NETWORKS, NULL, &why);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (!facts) {
        check_error(in, out, "networks", why);
        return;
    }
    doc = parse_document(in, out, facts);
    for (size_t i = 0; doc && i < json_count(json_root(doc)); i++)
        if (str_equal(json_string(json_get(json_at(json_root(doc), i), "Id")), in->key)) {
            judge_value(in, out, pointer, json_pointer(json_at(json_root(doc), i), pointer));
            return;
        }
    if (doc)
        check_error(in, out, "network", "it is not in the list");
}

/* Every service of the swarm: the rule speaks of the swarm and names those that fail. */
void check_service_document(const struct check_input *in, struct check_result *out)
{
    const char *why, *pointer = check_param(in, "pointer")->string;
    const struct info_facts *info = store_info(in->store, NULL);
    const struct facts *facts;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (info && !info->swarm_control) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "this node is no swarm manager");
        return;
    }
    facts = store_get(in->store, INPUT_SERVICES, NULL, &why);
    if (!facts) {
        check_error(in, out, "services", why);
        return;
    }
    doc = parse_document(in, out, facts);
    for (size_t i = 0; doc && i < json_count(json_root(doc)); i++) {
        const struct json *service = json_at(json_root(doc), i);
        scoped_str where = STR_INIT;

        str_printf(&where, "%s %s", json_text(json_path(service, "Spec", "Name", NULL), "?"), pointer);
        judge_value(in, out, where.data, json_pointer(service, pointer));
    }
    if (doc && !json_count(json_root(doc)))
        check_say(in, out, VERDICT_NOT_APPLICABLE, "there are no services");
}

void check_daemon_option(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string, *value;
    const struct daemon_facts *daemon = check_need_option(in, out, name);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *list = NULL;
    const char *text;
    size_t count = 0;

    if (!daemon)
        return;
    list = json_out_new(false);
    json_out_array(list, NULL);
    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, name) == 0) {
            json_out_string(list, NULL, daemon->options[i].value);
            count++;
        }
    json_out_end_array(list);
    text = json_out_text(list, NULL);
    if (json_parse(text, strlen(text), NULL, &doc, NULL) < 0)
        return;
    value = check_param(in, "each")->number || check_param(in, "any")->number ? "each" : NULL;
    judge_value(in, out, name, value || count > 1 ? json_root(doc) : json_at(json_root(doc), 0));
}

/* A file's text has a line that matches, or with "absent" none has. */
void check_file_content(const struct check_input *in, struct check_result *out)
{
    bool absent = check_param(in, "absent")->number, found;

    if (in->file->error) {
        check_error(in, out, in->file->path, in->file->error);
        return;
    }
    if (!in->file->content) {
        check_error(in, out, in->file->path, "its text was not read (the source must be content:)");
        return;
    }
    found = matches_text(in, in->file->content);
    check_say(in, out, found != absent ? VERDICT_PASS : VERDICT_FAIL, "%s: %s matches", in->file->path,
              found ? "a line" : "no line");
}

/* ---- What a rule file may say ---- */

int check_validate_conditions(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const conditions[] = {"equals", "in", "matches", "min", "max"};
    const struct check_input in = {.rule = rule};
    bool any = rule_has_param(rule, "absent") && check_param(&in, "absent")->number;

    for (size_t i = 0; i < countof(conditions); i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        regex_t regex;

        if (!rule_has_param(rule, conditions[i]) || !is_given(check_param(&in, conditions[i])))
            continue;
        any = true;
        doc = parse_param(&in, conditions[i]);
        *ret_key = conditions[i];
        if (strcmp(conditions[i], "in") == 0 && json_type(json_root(doc)) != JSON_ARRAY)
            return error_set(error, EINVAL, "must be a list");
        if ((strcmp(conditions[i], "min") == 0 || strcmp(conditions[i], "max") == 0) &&
            json_type(json_root(doc)) != JSON_NUMBER)
            return error_set(error, EINVAL, "must be a number");
        if (strcmp(conditions[i], "matches") != 0)
            continue;
        if (!json_string(json_root(doc)) || regcomp(&regex, json_string(json_root(doc)), REG_EXTENDED | REG_NOSUB) != 0)
            return error_set(error, EINVAL, "must be a POSIX extended regular expression");
        regfree(&regex);
    }
    if (rule_has_param(rule, "pointer") && check_param(&in, "pointer")->string[0] != '/') {
        *ret_key = "pointer";
        return error_set(error, EINVAL, "must be a JSON pointer such as /HostConfig/Memory");
    }
    *ret_key = "equals";
    return any ? 0 : error_set(error, EINVAL, "one of equals, in, matches, min, max and absent must be given");
}

int check_validate_source(const struct rule *rule, const char **ret_key, struct error *error)
{
    *ret_key = "source";
    return fileset_source_valid(rule_file_source(rule), error) ? 0 : -EINVAL;
}

int check_validate_content(const struct rule *rule, const char **ret_key, struct error *error)
{
    int r = check_validate_source(rule, ret_key, error);

    if (r == 0 && !str_starts(rule_file_source(rule), "content:"))
        r = error_set(error, EINVAL, "must begin with content:");
    return r < 0 ? r : check_validate_conditions(rule, ret_key, error);
}

int check_validate_mode(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};
    const char *mode = check_param(&in, "mode")->string;
    int r = check_validate_source(rule, ret_key, error);

    if (r < 0)
        return r;
    *ret_key = "mode";
    if (!*mode || strlen(mode) > 5 || mode[strspn(mode, "01234567")] || strtoul(mode, NULL, 8) > 07777)
        return error_set(error, EINVAL, "must be an octal mode such as \"644\"");
    return 0;
}
