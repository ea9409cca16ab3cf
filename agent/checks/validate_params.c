/* Parameters of single checks, validated when a rule is loaded: a word or a version that means nothing would judge
 * every engine alike. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"

static int validate_word(const struct rule *rule, const char *param, const char *const *words, const char **ret_key,
                         struct error *error)
{
    const struct check_input in = {.rule = rule};
    const char *word = check_param(&in, param)->string;
    scoped_str list = STR_INIT;

    *ret_key = param;
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return 0;
        str_printf(&list, "%s\"%s\"", i ? ", " : "", words[i]);
    }
    return error_set(error, EINVAL, "must be one of %s", list.data);
}

int check_validate_namespace(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const words[] = {"network", "pid", "ipc", "uts", "user", NULL};

    return validate_word(rule, "namespace", words, ret_key, error);
}

int check_validate_level(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const words[] = {"debug", "info", "warn", "error", "fatal", NULL};

    return validate_word(rule, "level", words, ret_key, error);
}

int check_validate_threshold(const struct rule *rule, const char **ret_key, struct error *error)
{
    static const char *const words[] = {"low", "medium", "high", "critical", NULL};

    return validate_word(rule, "threshold", words, ret_key, error);
}

static int validate_releases(const struct string_list *releases, struct error *error)
{
    for (size_t i = 0; i < releases->count; i++)
        if (!check_is_release(releases->items[i]))
            return error_set(error, EINVAL,
                             "\"%s\" must be a branch, its latest release and, if known, the day its maintenance ends, "
                             "such as \"25.0 25.0.17 2026-12-04\"",
                             releases->items[i]);
    return 0;
}

static int validate_fixes(const struct string_list *fixes, struct error *error)
{
    for (size_t i = 0; i < fixes->count; i++)
        if (!check_is_fix(fixes->items[i]))
            return error_set(error, EINVAL,
                             "\"%s\" must be releases, separated by commas, and the names of what they fix, such as "
                             "\"27.1.1,26.1.5 CVE-2024-41110\"",
                             fixes->items[i]);
    return 0;
}

int check_validate_engine_version(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};
    const char *minimum = check_param(&in, "minimum")->string;

    *ret_key = "minimum";
    if (*minimum && !check_is_dotted(minimum))
        return error_set(error, EINVAL, "\"%s\" must be a version such as \"28.5.2\"", minimum);
    *ret_key = "list_date";
    if (!str_empty(check_param(&in, "list_date")->string) && !check_is_day(check_param(&in, "list_date")->string))
        return error_set(error, EINVAL, "must be a day such as \"2026-01-31\"");
    *ret_key = "fixes";
    if (validate_fixes(&check_param(&in, "fixes")->list, error) < 0)
        return -EINVAL;
    *ret_key = "releases";
    return validate_releases(&check_param(&in, "releases")->list, error);
}
