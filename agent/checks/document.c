/* Users' own conditions on a value: somewhere in a container's, image's, network's or service's document as the engine
 * gives it, in a daemon option, in a file's text.
 *
 * Every condition that a rule gives must hold (conditions.c), or with "absent" nothing must be there. "each" applies
 * them to every member of a list or object, "any" wants one member for which they hold. */
#include <string.h>

#include "agent/checks/conditions.h"
#include "common/secrets/secrets.h"
#include "probes/daemon/daemon_config.h"

enum { SHOWN_MAX = 80 };

static char *canonical(const struct json *value)
{
    struct json_out *out = json_out_new(false);
    char *text;

    json_out_value(out, NULL, value);
    text = mem_strdup(json_out_text(out, NULL));
    json_out_free(out);
    return text;
}

static const struct json *member(const struct json *value, size_t i, const char **ret_key)
{
    *ret_key = NULL;
    return json_type(value) == JSON_ARRAY ? json_at(value, i) : json_member(value, i, ret_key, NULL);
}

/* VALUE as compact JSON without its secrets. NAME: of the member that it is, if any. */
static void redact(const char *name, const struct json *value, struct str *out)
{
    const char *text = json_string(value), *equal = text ? strchr(text, '=') : NULL, *key;
    size_t length;

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
        str_append(out, json_string_n(value, &length) && length > strlen(text) ? "\\0…" : "");
        str_append_char(out, '"');
    } else {
        scoped(cleanup_free) char *plain = canonical(value);

        str_append(out, plain);
    }
}

/* The pattern was not tried. */
static void say_unsure(const struct check_input *in, struct check_result *out, enum condition_answer answer,
                       const char *where, const char *what)
{
    if (answer == CONDITION_HAS_NUL)
        check_say(in, out, VERDICT_ERROR, "%s has a %s with a NUL byte; the pattern cannot be applied", where, what);
    else
        check_say(in, out, VERDICT_ERROR, "%s has a %s of more than %d bytes; the pattern is not applied", where, what,
                  (int)CONDITION_TEXT_MAX);
}

static void say_value(const struct check_input *in, struct check_result *out, enum condition_answer answer,
                      const char *where, const char *name, const struct json *value)
{
    scoped_str shown = STR_INIT;

    if (answer != CONDITION_YES && answer != CONDITION_NO) {
        say_unsure(in, out, answer, where, "text");
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
    check_say(in, out, answer == CONDITION_YES ? VERDICT_PASS : VERDICT_FAIL, "%s is %s", where, str_text(&shown));
}

/* WHERE: for people. POINTER: its last part is the value's name, which may give a secret away. OPTION: VALUE is a
 * daemon option's, as text. */
static void judge_value(const struct check_input *in, struct check_result *out, const char *where, const char *pointer,
                        const struct json *value, bool option)
{
    const char *slash = strrchr(pointer, '/'), *name = slash ? slash + 1 : pointer;
    bool absent = json_type(value) == JSON_NULL, each = check_param(in, "each")->number;

    if (check_param(in, "absent")->number) {
        if (absent)
            check_say(in, out, VERDICT_PASS, "%s is not set", where);
        else
            say_value(in, out, CONDITION_NO, where, name, value);
        return;
    }
    if (each || check_param(in, "any")->number) {
        if (!absent && json_type(value) != JSON_ARRAY && json_type(value) != JSON_OBJECT)
            check_say(in, out, VERDICT_ERROR, "%s is neither a list nor an object, so it has no members", where);
        else
            say_value(in, out, condition_holds_for_members(in, value, each, option), where, name, value);
    } else if (absent && !condition_given(check_param(in, "equals")) && !condition_given(check_param(in, "in"))) {
        check_say(in, out, VERDICT_FAIL, "%s is not set", where);
    } else {
        say_value(in, out, condition_holds(in, value, option), where, name, value);
    }
}

/* Would it pass for want of a value? */
static bool holds_for_nothing(const struct check_input *in)
{
    if (check_param(in, "absent")->number || check_param(in, "each")->number)
        return true;
    return !check_param(in, "any")->number &&
           (condition_given(check_param(in, "equals")) || condition_given(check_param(in, "in"))) &&
           condition_holds(in, NULL, false) == CONDITION_YES;
}

/* What POINTER leads to in DOCUMENT. Where there is not even a place for it the pointer is most likely misspelt, and
 * no rule passes on that. */
static void judge_pointer(const struct check_input *in, struct check_result *out, const char *where,
                          const char *pointer, const struct json *document)
{
    scoped(cleanup_free) char *parent = mem_strndup(pointer, (size_t)(strrchr(pointer, '/') - pointer));
    const struct json *value = json_pointer(document, pointer);

    if (value || json_pointer(document, parent) || !holds_for_nothing(in))
        judge_value(in, out, where, pointer, value, false);
    else
        check_say(in, out, VERDICT_ERROR, "%s: the engine's document has no %s", where, parent);
}

/* Was what the rule reads kept of the document? */
static bool has_pointer(const struct check_input *in, const struct facts *facts)
{
    scoped(cleanup_free) char *line = mem_printf("\n%s\n", check_param(in, "pointer")->string);

    return facts->pointers && strstr(facts->pointers, line);
}

static struct json_doc *parse_document(const struct check_input *in, struct check_result *out,
                                       const struct facts *facts)
{
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    if (!has_pointer(in, facts))
        check_error(in, out, M_("document"), M_("the engine's document was read before this rule was known"));
    else if (!facts->document)
        check_error(in, out, M_("document"), facts->document_error ? facts->document_error : M_("it was not kept"));
    else if (json_parse(facts->document, strlen(facts->document), NULL, &doc, &error) < 0)
        check_error(in, out, M_("document"), error.message);
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
        check_error(in, out, input_types[kind].name, why);
        return;
    }
    doc = parse_document(in, out, facts);
    if (doc)
        judge_pointer(in, out, pointer, pointer, json_root(doc));
}

/* One of a list: the network that is judged. */
void check_network_document(const struct check_input *in, struct check_result *out)
{
    const char *why, *pointer = check_param(in, "pointer")->string;
    const struct facts *facts = store_get(in->store, INPUT_NETWORKS, NULL, &why);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (!facts) {
        check_error(in, out, M_("networks"), why);
        return;
    }
    doc = parse_document(in, out, facts);
    for (size_t i = 0; doc && i < json_count(json_root(doc)); i++)
        if (str_equal(json_string(json_get(json_at(json_root(doc), i), "Id")), in->key)) {
            judge_pointer(in, out, pointer, pointer, json_at(json_root(doc), i));
            return;
        }
    if (doc)
        check_error(in, out, M_("network"), M_("not in the engine's list"));
}

/* Every service of the swarm: the rule speaks of the swarm and names those that fail. */
void check_service_document(const struct check_input *in, struct check_result *out)
{
    const char *why, *pointer = check_param(in, "pointer")->string;
    const struct facts *facts;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (!check_need_manager(in, out))
        return;
    facts = store_get(in->store, INPUT_SERVICES, NULL, &why);
    if (!facts) {
        check_error(in, out, M_("services"), why);
        return;
    }
    doc = parse_document(in, out, facts);
    for (size_t i = 0; doc && i < json_count(json_root(doc)); i++) {
        const struct json *service = json_at(json_root(doc), i);
        scoped_str where = STR_INIT;

        str_printf(&where, "%s %s", json_text(json_path(service, "Spec", "Name", NULL), "?"), pointer);
        judge_pointer(in, out, where.data, pointer, service);
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
    members |= count > 1 || check_param(in, "equals")->string[0] == '['; /* a list is compared with all values */
    judge_value(in, out, name, name, members ? json_root(doc) : json_at(json_root(doc), 0), true);
}

/* A file's text has a line that matches, or with "absent" none has. */
void check_file_content(const struct check_input *in, struct check_result *out)
{
    bool absent = check_param(in, "absent")->number;
    enum condition_answer found;

    if (in->file->error) {
        check_error(in, out, in->file->path, in->file->error);
        return;
    }
    if (!in->file->content) {
        check_error(in, out, in->file->path, M_("its content was not read (the source must be content:)"));
        return;
    }
    found = condition_matches_line(in, in->file->content);
    if (found != CONDITION_YES && found != CONDITION_NO) {
        say_unsure(in, out, found, in->file->path, "line");
        return;
    }
    check_say(in, out, (found == CONDITION_YES) != absent ? VERDICT_PASS : VERDICT_FAIL, "%s: %s matches",
              in->file->path, found == CONDITION_YES ? M_("a line") : M_("no line"));
}
