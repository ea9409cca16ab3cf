/* The names of verdicts, severities and subjects, in one place for both directions. */
#include "agent/model/verdict.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/language.h"

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_NOT_APPLICABLE] = N_("not_applicable"),
    [VERDICT_PASS] = N_("pass"),
    [VERDICT_MANUAL] = N_("manual"),
    [VERDICT_FAIL] = N_("fail"),
    [VERDICT_ERROR] = N_("error"),
};
static const char *const severity_names[SEVERITY_COUNT] = {N_("low"), N_("medium"), N_("high"), N_("critical")};
static const char *const subject_names[SUBJECT_KIND_COUNT] = {N_("host"),      N_("daemon"), N_("swarm"),   N_("file"),
                                                              N_("container"), N_("image"),  N_("network"), N_("exec")};

static bool find(const char *const *names, size_t count, const char *name, size_t *ret)
{
    for (size_t i = 0; name && i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot have any */
#define NAME_FUNCTIONS(word, type, names)                                                                              \
    bool word##_parse(const char *name, type *ret)                                                                     \
    {                                                                                                                  \
        size_t i;                                                                                                      \
                                                                                                                       \
        if (!find(names, countof(names), name, &i))                                                                    \
            return false;                                                                                              \
        *ret = (type)i;                                                                                                \
        return true;                                                                                                   \
    }                                                                                                                  \
    const char *word##_name(type value)                                                                                \
    {                                                                                                                  \
        return (names)[value];                                                                                         \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

bool verdict_is_quiet(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_NOT_APPLICABLE || verdict == VERDICT_NONE;
}

NAME_FUNCTIONS(verdict, enum verdict, verdict_names)
NAME_FUNCTIONS(severity, enum severity, severity_names)
NAME_FUNCTIONS(subject_kind, enum subject_kind, subject_names)
