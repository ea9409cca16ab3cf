/* The names of verdicts, severities, subjects and inputs, in one place for both directions. */
#include "agent/model/verdict.h"

#include <string.h>

#include "common/cleanup.h"

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_NOT_APPLICABLE] = "not_applicable",
    [VERDICT_PASS] = "pass",
    [VERDICT_MANUAL] = "manual",
    [VERDICT_FAIL] = "fail",
    [VERDICT_ERROR] = "error",
};
static const char *const severity_names[SEVERITY_COUNT] = {"low", "medium", "high", "critical"};
static const char *const subject_names[SUBJECT_KIND_COUNT] = {"host",      "daemon", "swarm",   "file",
                                                              "container", "image",  "network", "exec"};
static const struct {
    const char *name;
    bool of_engine;
} inputs[INPUT_KIND_COUNT] = {
    [INPUT_VERSION] = {"version", true},
    [INPUT_INFO] = {"info", true},
    [INPUT_DAEMON] = {"daemon", false},
    [INPUT_LSM] = {"lsm", false},
    [INPUT_MOUNTS] = {"mounts", false},
    [INPUT_GROUP] = {"group", false},
    [INPUT_AUDIT] = {"audit", false},
    [INPUT_ENVIRONMENT] = {"environment", false},
    [INPUT_CERTIFICATES] = {"certificates", false},
    [INPUT_LISTENERS] = {"listeners", false},
    [INPUT_CONTAINERS] = {"containers", true},
    [INPUT_IMAGES] = {"images", true},
    [INPUT_NETWORKS] = {"networks", true},
    [INPUT_SERVICES] = {"services", true},
    [INPUT_SECRETS] = {"secrets", true},
    [INPUT_UNLOCK_KEY] = {"unlock_key", true},
    [INPUT_FILES] = {"files", false},
    [INPUT_CONTAINER] = {"container", true},
    [INPUT_PROCESSES] = {"processes", false},
    [INPUT_IMAGE] = {"image", true},
    [INPUT_HISTORY] = {"history", true},
    [INPUT_LAYERS] = {"layers", true},
    [INPUT_SCAN] = {"scan", true},
    [INPUT_EXEC] = {"exec", true},
};

static bool find(const char *const *names, size_t count, const char *name, size_t *ret)
{
    for (size_t i = 0; name && i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

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
        return names[value];                                                                                           \
    }

bool verdict_is_quiet(enum verdict verdict)
{
    return verdict == VERDICT_PASS || verdict == VERDICT_NOT_APPLICABLE || verdict == VERDICT_NONE;
}

NAME_FUNCTIONS(verdict, enum verdict, verdict_names)
NAME_FUNCTIONS(severity, enum severity, severity_names)
NAME_FUNCTIONS(subject_kind, enum subject_kind, subject_names)

const char *input_kind_name(enum input_kind kind)
{
    return inputs[kind].name;
}

bool input_is_of_engine(enum input_kind kind)
{
    return inputs[kind].of_engine;
}

bool input_is_of_image(enum input_kind kind)
{
    return kind == INPUT_IMAGE || kind == INPUT_HISTORY || kind == INPUT_LAYERS || kind == INPUT_SCAN;
}
