/* Parameters that have the right type and still make no sense are rejected when a rule file is loaded, with the key and
 * the reason: among them those of a rule that could only pass by accident. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent/checks/conditions.h"
#include "probes/daemon/daemon_config.h"
#include "probes/fileset/fileset.h"

enum { PATTERN_MAX = 512, REPEATS_MAX = 256, POINTER_MAX = 512 };

/* Back-references make matching exponential, nested repetitions make compiling so: both are refused. */
static int validate_pattern(const struct json *value, struct error *error)
{
    size_t length = 0;
    const char *pattern = json_string_n(value, &length);
    unsigned long repeats = 1;
    char why[128];
    regex_t regex;
    int r;

    if (!pattern || !*pattern || length > PATTERN_MAX || strlen(pattern) != length)
        return error_set(error, EINVAL, "must be a POSIX extended regular expression of at most %d bytes",
                         (int)PATTERN_MAX);
    for (const char *p = pattern; *p; p++) {
        unsigned long number = 0;

        if (*p == '\\' && p[1]) {
            if (*++p >= '1' && *p <= '9')
                return error_set(error, EINVAL, "must not contain a back-reference (\\%c)", *p);
            if (isalnum((unsigned char)*p) && !strchr("wWsSbB", *p))
                return error_set(error, EINVAL, "contains \\%c, which POSIX does not define; use [0-9] for a digit",
                                 *p);
        } else if (*p == '{') {
            for (const char *digit = p + 1; *digit && strchr("0123456789,", *digit); digit++)
                number = *digit == ',' ? 0 : number < 100000 ? number * 10 + (unsigned long)(*digit - '0') : number;
            repeats *= number ? number : 1;
        }
        if (repeats > REPEATS_MAX)
            return error_set(error, EINVAL, "must not repeat {…} more than %d times in total", (int)REPEATS_MAX);
    }
    r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (r == 0) {
        regfree(&regex);
        r = condition_compile(pattern, &regex);
    }
    if (r != 0) {
        regerror(r, NULL, why, sizeof why);
        return error_set(error, EINVAL, "must be a POSIX extended regular expression: %s", why);
    }
    regfree(&regex);
    return 0;
}

static int validate_condition(const char *name, const struct json *value, struct error *error)
{
    if (strcmp(name, "in") == 0 && (json_type(value) != JSON_ARRAY || !json_count(value)))
        return error_set(error, EINVAL, "must be a non-empty list");
    if ((strcmp(name, "min") == 0 || strcmp(name, "max") == 0) && json_type(value) != JSON_NUMBER)
        return error_set(error, EINVAL, "must be a number");
    return strcmp(name, "matches") == 0 ? validate_pattern(value, error) : 0;
}

static int validate_pointer(const char *pointer, struct error *error)
{
    bool right = *pointer == '/' && strlen(pointer) <= POINTER_MAX;

    for (const char *p = pointer; *p; p++)
        right &= (unsigned char)*p >= ' ' && (*p != '~' || p[1] == '0' || p[1] == '1');
    return right
               ? 0
               : error_set(error, EINVAL,
                           "must be a JSON pointer such as /HostConfig/Memory (in a name, ~0 means ~ and ~1 means /)");
}

static bool is_set(const struct check_input *in, const char *name)
{
    return rule_has_param(in->rule, name) && check_param(in, name)->number;
}

static bool is_empty_range(const struct check_input *in)
{
    const struct param_value *min = check_param(in, "min"), *max = check_param(in, "max");

    return condition_given(min) && condition_given(max) && strtod(min->string, NULL) > strtod(max->string, NULL);
}

int check_validate_conditions(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const conditions[] = {"equals", "in", "matches", "min", "max"};
    const struct check_input in = {.rule = rule};
    bool absent = is_set(&in, "absent"), is_content = strcmp(rule->check->name, "file-content") == 0, any = false;

    for (size_t i = 0; i < countof(conditions); i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        if (!rule_has_param(rule, conditions[i]) || !condition_given(check_param(&in, conditions[i])))
            continue;
        any = true;
        doc = condition_value(&in, conditions[i]);
        *ret_key = conditions[i];
        if (validate_condition(conditions[i], json_root(doc), error) < 0)
            return -EINVAL;
    }
    if (rule_has_param(rule, "pointer")) {
        *ret_key = "pointer";
        if (validate_pointer(check_param(&in, "pointer")->string, error) < 0)
            return -EINVAL;
    }
    if (rule_has_param(rule, "option")) {
        if (check_validate_option(rule, ret_key, error) < 0)
            return -EINVAL;
    }
    *ret_key = "max";
    if (rule_has_param(rule, "max") && is_empty_range(&in))
        return error_set(error, EINVAL, "must not be less than min");
    *ret_key = "absent";
    if (absent && !is_content && (any || is_set(&in, "each") || is_set(&in, "any")))
        return error_set(error, EINVAL, "cannot be combined with another condition");
    *ret_key = "any";
    if (is_set(&in, "each") && is_set(&in, "any"))
        return error_set(error, EINVAL, "cannot be combined with each");
    *ret_key = "";
    return any || absent ? 0 : error_set(error, EINVAL, "one of equals, in, matches, min, max and absent is required");
}

static int validate_option_name(const char *option, struct error *error)
{
    const char *meant = daemon_option_meant(option);

    if (!meant && daemon_option_known(option))
        return 0;
    return meant ? error_set(error, EINVAL, "unknown dockerd option \"%s\"; did you mean \"%s\"?", option, meant)
                 : error_set(error, EINVAL, "unknown dockerd option \"%s\"", option);
}

static int validate_source(const struct rule *rule, const char **ret_key, struct error *error)
{
    const char *source = rule_file_source(rule);

    *ret_key = "source";
    if (!fileset_source_valid(source, error))
        return -EINVAL;
    return str_starts(source, "option:") ? validate_option_name(source + strlen("option:"), error) : 0;
}

int check_validate_content(const struct rule *rule, const char **ret_key, struct error *error)
{
    int r = validate_source(rule, ret_key, error);

    if (r == 0 && !str_starts(rule_file_source(rule), "content:"))
        r = error_set(error, EINVAL, "must begin with content:");
    return r < 0 ? r : check_validate_conditions(rule, ret_key, error);
}

static int validate_type(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const types[] = {"any", "file", "directory"};
    const struct check_input in = {.rule = rule};
    const char *type = check_param(&in, "type")->string;

    *ret_key = "type";
    for (size_t i = 0; i < countof(types); i++)
        if (strcmp(types[i], type) == 0)
            return 0;
    return error_set(error, EINVAL, "must be \"any\", \"file\" or \"directory\"");
}

int check_validate_mode(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};
    const char *mode = check_param(&in, "mode")->string;
    int r = validate_source(rule, ret_key, error);

    if (r < 0)
        return r;
    *ret_key = "mode";
    if (!*mode || strlen(mode) > 5 || mode[strspn(mode, "01234567")] || strtoul(mode, NULL, 8) > 07777)
        return error_set(error, EINVAL, "must be an octal mode such as \"644\"");
    return validate_type(rule, ret_key, error);
}

int check_validate_owner(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const keys[] = {"owner", "group"};
    const struct check_input in = {.rule = rule};
    int r = validate_source(rule, ret_key, error);

    for (size_t i = 0; r == 0 && i < countof(keys); i++) {
        *ret_key = keys[i];
        if (str_empty(check_param(&in, keys[i])->string))
            r = error_set(error, EINVAL, "must be a name or a number");
    }
    return r < 0 ? r : validate_type(rule, ret_key, error);
}

int check_validate_audit(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};
    const char *permissions = check_param(&in, "permissions")->string;
    int r = validate_source(rule, ret_key, error);

    *ret_key = r < 0 ? *ret_key : "permissions";
    if (r == 0 && (!*permissions || permissions[strspn(permissions, "rwxa")]))
        r = error_set(error, EINVAL, "must be one or more of the letters \"rwxa\"");
    return r;
}

int check_validate_option(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};

    *ret_key = "option";
    return validate_option_name(check_param(&in, "option")->string, error);
}
