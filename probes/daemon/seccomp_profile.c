/* What a profile denies. One without a default action and rules switches seccomp off. Names that no machine has as a
 * system call are dropped by libseccomp, so a rule of these alone denies nothing. */
#include "probes/daemon/seccomp_profile.h"

#include <libaudit.h>
#include <string.h>
#include <strings.h>

#include "common/json_in.h"
#include "common/str.h"

/* A member as the engine finds it: whatever the case of its name, the last one counts. */
static const struct json *get_any_case(const struct json *object, const char *name)
{
    const struct json *found = NULL;

    for (size_t i = 0; json_type(object) == JSON_OBJECT && i < json_count(object); i++) {
        const char *key;
        const struct json *value = json_member(object, i, &key, NULL);

        if (strcasecmp(key, name) == 0)
            found = value;
    }
    return found;
}

static bool lets_through(const char *action)
{
    static const char *const actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"};

    for (size_t i = 0; i < countof(actions); i++)
        if (strcmp(actions[i], action) == 0)
            return true;
    return false;
}

static bool is_system_call(const char *name)
{
    static const int machines[] = {MACH_86_64, MACH_X86, MACH_AARCH64, MACH_ARM, MACH_PPC64LE, MACH_S390X};

    for (size_t i = 0; name && i < countof(machines); i++)
        if (audit_name_to_syscall(name, machines[i]) >= 0)
            return true;
    return false;
}

static bool denies(const struct json *rule)
{
    const struct json *names = get_any_case(rule, "names");

    if (lets_through(json_text(get_any_case(rule, "action"), "")))
        return false;
    for (size_t i = 0; i < json_count(names); i++)
        if (is_system_call(json_string(json_at(names, i))))
            return true;
    return is_system_call(json_string(get_any_case(rule, "name")));
}

/* Does ARGUMENT, a condition of a rule for socket(2), hold for AF_ALG as the family? */
static bool holds_for_alg(const struct json *argument)
{
    enum { AF_ALG_NUMBER = 38 };
    const char *op = json_text(get_any_case(argument, "op"), "");
    int64_t value = json_int(get_any_case(argument, "value"), 0), two = json_int(get_any_case(argument, "valueTwo"), 0);

    if (json_int(get_any_case(argument, "index"), 0) != 0)
        return true; /* of another argument, which may be any */
    if (strcmp(op, "SCMP_CMP_NE") == 0)
        return AF_ALG_NUMBER != value;
    if (strcmp(op, "SCMP_CMP_LT") == 0)
        return AF_ALG_NUMBER < value;
    if (strcmp(op, "SCMP_CMP_LE") == 0)
        return AF_ALG_NUMBER <= value;
    if (strcmp(op, "SCMP_CMP_GE") == 0)
        return AF_ALG_NUMBER >= value;
    if (strcmp(op, "SCMP_CMP_GT") == 0)
        return AF_ALG_NUMBER > value;
    if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
        return (AF_ALG_NUMBER & value) == two;
    return AF_ALG_NUMBER == value;
}

static bool is_for_alg(const struct json *rule)
{
    const struct json *names = get_any_case(rule, "names"), *arguments = get_any_case(rule, "args");
    bool named = str_equal(json_string(get_any_case(rule, "name")), "socket");

    for (size_t i = 0; i < json_count(names); i++)
        named |= str_equal(json_string(json_at(names, i)), "socket");
    for (size_t i = 0; named && i < json_count(arguments); i++)
        named = holds_for_alg(json_at(arguments, i));
    return named;
}

/* By its default, or by a rule that says otherwise. */
static bool opens_alg(const struct json *profile)
{
    const struct json *rules = get_any_case(profile, "syscalls");
    bool open = lets_through(json_text(get_any_case(profile, "defaultAction"), ""));
    bool by_rule = open;

    for (size_t i = 0; i < json_count(rules); i++) {
        const struct json *rule = json_at(rules, i);

        if (lets_through(json_text(get_any_case(rule, "action"), "")) != open && is_for_alg(rule))
            by_rule = !open;
    }
    return by_rule;
}

bool seccomp_profile_opens_alg(const char *text, size_t length)
{
    static const struct json_limits limits = {.bytes = 4u * 1024 * 1024, .depth = 32, .values = 200000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    return json_parse(text, length, &limits, &doc, NULL) == 0 && opens_alg(json_root(doc));
}

enum seccomp_choice seccomp_profile_read(const char *text, size_t length)
{
    static const struct json_limits limits = {.bytes = 4u * 1024 * 1024, .depth = 32, .values = 200000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *profile, *rules;
    const char *by_default;

    if (json_parse(text, length, &limits, &doc, NULL) < 0 || json_type(json_root(doc)) != JSON_OBJECT)
        return SECCOMP_UNREADABLE;
    profile = json_root(doc);
    rules = get_any_case(profile, "syscalls");
    by_default = json_text(get_any_case(profile, "defaultAction"), "");
    if (*by_default ? !lets_through(by_default) : json_count(rules) > 0)
        return SECCOMP_CUSTOM;
    for (size_t i = 0; i < json_count(rules); i++)
        if (denies(json_at(rules, i)))
            return SECCOMP_CUSTOM;
    return SECCOMP_ALLOWS_ALL;
}

void seccomp_profile_read_file(const struct host_root *root, const char *path, struct daemon_facts *facts)
{
    enum { PROFILE_MAX = 4 << 20 };
    scoped_str text = STR_INIT;
    int r = host_read(root, path, PROFILE_MAX, &text, NULL);

    facts->seccomp = r < 0 ? SECCOMP_UNREADABLE : seccomp_profile_read(str_text(&text), text.length);
    facts->seccomp_opens_alg = r == 0 && seccomp_profile_opens_alg(str_text(&text), text.length);
    if (facts->seccomp == SECCOMP_UNREADABLE)
        facts->seccomp_error = r < 0 ? arena_strdup(facts->facts.arena, strerror(-r)) : "it is not a JSON object";
}
