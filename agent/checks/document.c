/* Users' own conditions on a value: somewhere in a container's, image's, network's or service's document as the engine
 * gives it, in a daemon option, in a file's text.
 *
 * Every condition that a rule gives must hold: equals, in, matches (POSIX extended regular expression), min, max,
 * absent. "each" applies them to every member of a list or object, "any" wants one member for which they hold. */
#include <math.h>
#include <regex.h>
#include <string.h>

#include "agent/checks/conditions.h"
#include "common/secrets.h"
#include "probes/daemon_config.h"

enum { SHOWN_MAX = 80, TEXT_MAX = 4096 };

/* TOO_LONG: a text that a pattern is not tried on. */
enum answer { NO, YES, TOO_LONG };

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

static bool equals(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_json_doc) struct json_doc *wanted = condition_value(in, "equals");

    return is_equal(value, json_root(wanted));
}

static bool is_among(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_json_doc) struct json_doc *list = condition_value(in, "in");

    for (size_t i = 0; i < json_count(json_root(list)); i++)
        if (is_equal(value, json_at(json_root(list), i)))
            return true;
    return false;
}

static enum answer matches_text(const struct check_input *in, const char *text)
{
    scoped(cleanup_json_doc) struct json_doc *pattern = condition_value(in, "matches");
    scoped_str line = STR_INIT;
    enum answer answer = NO;
    regex_t regex;

    if (condition_compile(json_text(json_root(pattern), ""), &regex) != 0)
        return TOO_LONG; /* it was looked at when the rule was loaded */
    while (answer == NO) {
        size_t length = strcspn(text, "\n");

        if (length > TEXT_MAX) {
            answer = TOO_LONG;
            break;
        }
        str_clear(&line);
        str_append_n(&line, text, length);
        if (regexec(&regex, str_text(&line), 0, NULL, 0) == 0)
            answer = YES;
        if (!text[length])
            break;
        text += length + 1;
    }
    regfree(&regex);
    return answer;
}

static enum answer matches(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_free) char *text = json_string(value) ? mem_strdup(json_string(value)) : canonical(value);

    return matches_text(in, text);
}

static double number_param(const struct check_input *in, const char *name)
{
    return strtod(check_param(in, name)->string, NULL);
}

/* Do all conditions hold for VALUE? */
static enum answer holds(const struct check_input *in, const struct json *value)
{
    bool is_number = json_type(value) == JSON_NUMBER;

    if (condition_given(check_param(in, "equals")) && !equals(in, value))
        return NO;
    if (condition_given(check_param(in, "in")) && !is_among(in, value))
        return NO;
    if (condition_given(check_param(in, "min")) && !(is_number && json_double(value, NAN) >= number_param(in, "min")))
        return NO;
    if (condition_given(check_param(in, "max")) && !(is_number && json_double(value, NAN) <= number_param(in, "max")))
        return NO;
    return condition_given(check_param(in, "matches")) ? matches(in, value) : YES;
}

static const struct json *member(const struct json *value, size_t i, const char **ret_key)
{
    *ret_key = NULL;
    return json_type(value) == JSON_ARRAY ? json_at(value, i) : json_member(value, i, ret_key, NULL);
}

/* EACH: the first that is not YES; else the first that is not NO. */
static enum answer holds_for_members(const struct check_input *in, const struct json *value, bool each)
{
    enum answer answer = each ? YES : NO;
    const char *key;

    for (size_t i = 0; i < json_count(value) && answer == (each ? YES : NO); i++)
        answer = holds(in, member(value, i, &key));
    return answer;
}

/* VALUE as compact JSON without its secrets. NAME: of the member that it is, if any. */
static void redact(const char *name, const struct json *value, struct str *out)
{
    const char *text = json_string(value), *equal = text ? strchr(text, '=') : NULL, *key;

    if (json_type(value) == JSON_ARRAY || json_type(value) == JSON_OBJECT) {
        bool list = json_type(value) == JSON_ARRAY;

        str_append_char(out, list ? '[' : '{');
        for (size_t i = 0; i < json_count(value) && out->length <= SHOWN_MAX; i++) {
            const struct json *part = member(value, i, &key);

            str_append(out, i ? "," : "");
            if (key)
                str_printf(out, "\"%s\":", key);
            redact(key ? key : name, part, out);
        }
        str_append_char(out, list ? ']' : '}');
    } else if (text) {
        scoped(cleanup_free) char *variable = equal ? mem_strndup(text, (size_t)(equal - text)) : NULL;

        str_append_char(out, '"');
        if (equal && secret_is_value(variable, equal + 1, NULL)) {
            secret_redact(out, variable, strlen(variable), true);
            str_append(out, "=[redacted]");
        } else if (name && secret_is_value(name, text, NULL)) {
            str_append(out, "[redacted]");
        } else {
            secret_redact(out, text, strlen(text), true);
        }
        str_append_char(out, '"');
    } else {
        scoped(cleanup_free) char *plain = canonical(value);

        str_append(out, plain);
    }
}

static void say(const struct check_input *in, struct check_result *out, enum answer answer, const char *where,
                const char *name, const struct json *value)
{
    scoped_str shown = STR_INIT;

    if (answer == TOO_LONG) {
        check_say(in, out, VERDICT_ERROR, "%s has a text of more than %d bytes, on which the pattern is not tried",
                  where, (int)TEXT_MAX);
        return;
    }
    if (in->explain)
        redact(name, value, &shown);
    if (shown.length > SHOWN_MAX) {
        size_t end = SHOWN_MAX;

        while (end && ((unsigned char)shown.data[end] & 0xc0) == 0x80)
            end--;
        shown.data[end] = '\0';
        shown.length = end;
        str_append(&shown, "…");
    }
    check_say(in, out, answer == YES ? VERDICT_PASS : VERDICT_FAIL, "%s is %s", where, str_text(&shown));
}

/* WHERE: for people. POINTER: its last part is the value's name, which may give a secret away. */
static void judge_value(const struct check_input *in, struct check_result *out, const char *where, const char *pointer,
                        const struct json *value)
{
    const char *slash = strrchr(pointer, '/'), *name = slash ? slash + 1 : pointer;
    bool absent = json_type(value) == JSON_NULL, each = check_param(in, "each")->number;

    if (check_param(in, "absent")->number) {
        if (absent)
            check_say(in, out, VERDICT_PASS, "%s is not set", where);
        else
            say(in, out, NO, where, name, value);
        return;
    }
    if (each || check_param(in, "any")->number) {
        if (!absent && json_type(value) != JSON_ARRAY && json_type(value) != JSON_OBJECT)
            check_say(in, out, VERDICT_ERROR, "%s is neither a list nor an object, so it has no members", where);
        else
            say(in, out, holds_for_members(in, value, each), where, name, value);
    } else if (absent && !condition_given(check_param(in, "equals")) && !condition_given(check_param(in, "in"))) {
        check_say(in, out, VERDICT_FAIL, "%s is not set", where);
    } else {
        say(in, out, holds(in, value), where, name, value);
    }
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
        judge_value(in, out, pointer, pointer, json_pointer(json_root(doc), pointer));
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
            judge_value(in, out, pointer, pointer, json_pointer(json_at(json_root(doc), i), pointer));
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
        judge_value(in, out, where.data, pointer, json_pointer(service, pointer));
    }
    if (doc && !json_count(json_root(doc)))
        check_say(in, out, VERDICT_NOT_APPLICABLE, "there are no services");
}

void check_daemon_option(const struct check_input *in, struct check_result *out)
{
    const char *name = check_param(in, "option")->string;
    const struct daemon_facts *daemon = check_need_option(in, out, name);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *list = NULL;
    const char *text;
    size_t count = 0;
    bool members;

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
    members = check_param(in, "each")->number || check_param(in, "any")->number;
    judge_value(in, out, name, name, members || count > 1 ? json_root(doc) : json_at(json_root(doc), 0));
}

/* A file's text has a line that matches, or with "absent" none has. */
void check_file_content(const struct check_input *in, struct check_result *out)
{
    bool absent = check_param(in, "absent")->number;
    enum answer found;

    if (in->file->error) {
        check_error(in, out, in->file->path, in->file->error);
        return;
    }
    if (!in->file->content) {
        check_error(in, out, in->file->path, "its text was not read (the source must be content:)");
        return;
    }
    found = matches_text(in, in->file->content);
    if (found == TOO_LONG) {
        check_say(in, out, VERDICT_ERROR, "%s has a line of more than %d bytes, on which the pattern is not tried",
                  in->file->path, (int)TEXT_MAX);
        return;
    }
    check_say(in, out, (found == YES) != absent ? VERDICT_PASS : VERDICT_FAIL, "%s: %s matches", in->file->path,
              found == YES ? "a line" : "no line");
}
