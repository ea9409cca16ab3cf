/* Whether a value meets a rule's conditions: equals, in, matches (POSIX extended regular expression), min, max. */
#include "agent/checks/conditions.h"

#include <math.h>
#include <string.h>

bool condition_given(const struct param_value *value)
{
    return strcmp(value->string, "null") != 0;
}

struct json_doc *condition_value(const struct check_input *in, const char *name)
{
    const char *text = check_param(in, name)->string;
    struct json_doc *doc = NULL;

    json_parse(text, strlen(text), NULL, &doc, NULL);
    return doc;
}

/* glibc treats what follows a newline as the beginning of a text, with or without REG_NEWLINE (its tables have a
 * separate state for it), so that "^.*(^b)" matches "a\nb". Another kind of white space replaces it in texts and
 * patterns. */
static void replace_newlines(char *text)
{
    while ((text = strchr(text, '\n')))
        *text = '\v';
}

int condition_compile(const char *pattern, regex_t *ret)
{
    scoped(cleanup_free) char *whole = mem_printf("^.*(%s)", pattern);

    replace_newlines(whole);
    return regcomp(ret, whole, REG_EXTENDED | REG_NOSUB);
}

/* ---- Equality ---- */

static bool is_equal_text(const struct json *a, const struct json *b)
{
    size_t a_length = 0, b_length = 0;
    const char *a_text = json_string_n(a, &a_length), *b_text = json_string_n(b, &b_length);

    return a_length == b_length && memcmp(a_text, b_text, a_length) == 0;
}

/* As values: 1 is 1.0, and the members of an object have no order. */
static bool is_equal(const struct json *a, const struct json *b)
{
    bool equal = json_type(a) == json_type(b) && json_count(a) == json_count(b);

    switch (equal ? json_type(a) : JSON_NULL) {
    case JSON_NULL:
        return equal;
    case JSON_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_NUMBER:
        return json_double(a, NAN) == json_double(b, NAN) && json_int(a, 0) == json_int(b, 0);
    case JSON_STRING:
        return is_equal_text(a, b);
    case JSON_ARRAY:
        for (size_t i = 0; equal && i < json_count(a); i++)
            equal = is_equal(json_at(a, i), json_at(b, i));
        return equal;
    case JSON_OBJECT:
        for (size_t i = 0; equal && i < json_count(a); i++) {
            const char *key;
            const struct json *member = json_member(a, i, &key, NULL), *other = json_get(b, key);

            equal = other && is_equal(member, other);
        }
        return equal;
    }
    return false;
}

static bool read_number(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return *text && strspn(text, "+-.0123456789eE") == strlen(text) && !*end;
}

/* TEXT is an option's; "true" and "false" are met by each of Go's spellings. */
static bool is_equal_option(const char *text, const struct json *wanted)
{
    const char *word = json_string(wanted);
    bool is_bool = json_type(wanted) == JSON_BOOL || str_equal(word, "true") || str_equal(word, "false"), value;
    double number;

    if (is_bool && check_parse_bool(text, &value))
        return value == (word ? *word == 't' : json_bool(wanted, false));
    if (json_type(wanted) == JSON_NUMBER)
        return read_number(text, &number) && number == json_double(wanted, NAN);
    return str_equal(text, word);
}

static bool equals_value(const struct json *value, const struct json *wanted, bool option)
{
    return option && json_string(value) ? is_equal_option(json_string(value), wanted) : is_equal(value, wanted);
}

static bool meets_equals(const struct check_input *in, const struct json *value, bool option)
{
    scoped(cleanup_json_doc) struct json_doc *wanted = condition_value(in, "equals");

    return equals_value(value, json_root(wanted), option);
}

static bool meets_in(const struct check_input *in, const struct json *value, bool option)
{
    scoped(cleanup_json_doc) struct json_doc *list = condition_value(in, "in");

    for (size_t i = 0; i < json_count(json_root(list)); i++)
        if (equals_value(value, json_at(json_root(list), i), option))
            return true;
    return false;
}

/* ---- Order ---- */

static bool is_in_range(const struct check_input *in, const struct json *value, bool option)
{
    const struct param_value *min = check_param(in, "min"), *max = check_param(in, "max");
    double number = json_double(value, NAN), limit;

    if (!condition_given(min) && !condition_given(max))
        return true;
    if (json_type(value) != JSON_NUMBER && !(option && json_string(value) && read_number(json_string(value), &number)))
        return false;
    return (!condition_given(min) || (read_number(min->string, &limit) && number >= limit)) &&
           (!condition_given(max) || (read_number(max->string, &limit) && number <= limit));
}

/* ---- Patterns ---- */

static enum condition_answer try_pattern(const regex_t *regex, const char *text, size_t length)
{
    scoped(cleanup_free) char *copy = NULL;

    if (length > CONDITION_TEXT_MAX)
        return CONDITION_TOO_LONG;
    if (memchr(text, '\0', length))
        return CONDITION_HAS_NUL;
    copy = mem_strndup(text, length);
    replace_newlines(copy);
    return regexec(regex, copy, 0, NULL, 0) == 0 ? CONDITION_YES : CONDITION_NO;
}

/* False: it cannot be compiled, which was looked at when the rule was loaded. */
static bool compile_pattern(const struct check_input *in, regex_t *ret)
{
    scoped(cleanup_json_doc) struct json_doc *pattern = condition_value(in, "matches");

    return condition_compile(json_text(json_root(pattern), ""), ret) == 0;
}

static enum condition_answer meets_matches(const struct check_input *in, const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    size_t length = 0;
    const char *text = json_string_n(value, &length);
    enum condition_answer answer;
    regex_t regex;

    if (!text) {
        json_out_value(out, NULL, value);
        text = json_out_text(out, &length);
    }
    if (!compile_pattern(in, &regex))
        return CONDITION_TOO_LONG;
    answer = try_pattern(&regex, text, length);
    regfree(&regex);
    return answer;
}

enum condition_answer condition_matches_line(const struct check_input *in, const char *text)
{
    enum condition_answer answer = CONDITION_NO;
    regex_t regex;

    if (!compile_pattern(in, &regex))
        return CONDITION_TOO_LONG;
    text += str_starts(text, "\xef\xbb\xbf") ? 3 : 0;
    while (answer == CONDITION_NO) {
        size_t length = strcspn(text, "\n"), end = length && text[length - 1] == '\r' ? length - 1 : length;

        answer = try_pattern(&regex, text, end);
        if (!text[length])
            break;
        text += length + 1;
    }
    regfree(&regex);
    return answer;
}

/* ---- All of them ---- */

enum condition_answer condition_holds(const struct check_input *in, const struct json *value, bool option)
{
    if (condition_given(check_param(in, "equals")) && !meets_equals(in, value, option))
        return CONDITION_NO;
    if (condition_given(check_param(in, "in")) && !meets_in(in, value, option))
        return CONDITION_NO;
    if (!is_in_range(in, value, option))
        return CONDITION_NO;
    return condition_given(check_param(in, "matches")) ? meets_matches(in, value) : CONDITION_YES;
}

enum condition_answer condition_holds_for_members(const struct check_input *in, const struct json *value, bool each,
                                                  bool option)
{
    enum condition_answer go_on = each ? CONDITION_YES : CONDITION_NO, answer = go_on;

    for (size_t i = 0; i < json_count(value) && answer == go_on; i++)
        answer = condition_holds(
            in, json_type(value) == JSON_ARRAY ? json_at(value, i) : json_member(value, i, NULL, NULL), option);
    return answer;
}
