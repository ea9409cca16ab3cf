/* What a profile denies. One without a default action and rules switches seccomp off. Names that no machine has as a
 * system call are dropped by libseccomp, so a rule of these alone denies nothing; nor does one that is made for other
 * capabilities, machines or kernels ("includes", "excludes"), which the engine leaves out of the container's filter. */
#include "probes/daemon/seccomp_profile.h"

#include <libaudit.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json_in.h"
#include "common/map.h"
#include "common/number.h"
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

static void copy_list(const struct json *array, struct arena *arena, struct string_list *ret)
{
    size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;

    ret->items = count ? arena_alloc(arena, count * sizeof *ret->items) : NULL;
    for (size_t i = 0; i < count; i++)
        if (json_string(json_at(array, i)))
            ret->items[ret->count++] = arena_strdup(arena, json_string(json_at(array, i)));
}

static void read_condition(const struct json *condition, struct arena *arena, struct seccomp_condition *ret)
{
    copy_list(get_any_case(condition, "caps"), arena, &ret->caps);
    copy_list(get_any_case(condition, "arches"), arena, &ret->arches);
    ret->min_kernel = arena_strdup(arena, json_string(get_any_case(condition, "minKernel")));
}

void seccomp_profile_read(const char *text, size_t length, struct arena *arena, struct seccomp_profile *ret)
{
    static const struct json_limits limits = {.bytes = 4u * 1024 * 1024, .depth = 32, .values = 200000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct hash hash;
    const struct json *rules;
    const char *by_default;
    size_t count;

    *ret = (struct seccomp_profile){.choice = SECCOMP_UNREADABLE};
    if (json_parse(text, length, &limits, &doc, NULL) < 0 || json_type(json_root(doc)) != JSON_OBJECT)
        return;
    hash_init(&hash);
    hash_bytes(&hash, text, length);
    ret->digest = hash_end(&hash);
    ret->choice = SECCOMP_CUSTOM;
    rules = get_any_case(json_root(doc), "syscalls");
    by_default = json_text(get_any_case(json_root(doc), "defaultAction"), "");
    count = json_count(rules);
    ret->lets_through = *by_default ? lets_through(by_default) : count == 0;
    ret->rules = count ? arena_alloc(arena, count * sizeof *ret->rules) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct json *rule = json_at(rules, i);
        struct seccomp_rule read = {.lets_through = lets_through(json_text(get_any_case(rule, "action"), "")),
                                    .denies = denies(rule),
                                    .on_alg = is_for_alg(rule)};

        if (read.lets_through == ret->lets_through || (!read.denies && !read.on_alg))
            continue;
        read_condition(get_any_case(rule, "includes"), arena, &read.includes);
        read_condition(get_any_case(rule, "excludes"), arena, &read.excludes);
        ret->rules[ret->rule_count++] = read;
    }
}

/* ---- For whom ---- */

static bool has_item(const struct string_list *list, const char *item)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

/* Is CAPABILITY ("CAP_CHOWN") in LIST, where it may be without the prefix and in small letters, or ALL be? */
static bool lists_capability(const struct string_list *list, const char *capability)
{
    const char *name = capability + strlen("CAP_");

    for (size_t i = 0; list && i < list->count; i++) {
        const char *item = list->items[i];

        if (strncasecmp(item, "CAP_", strlen("CAP_")) == 0)
            item += strlen("CAP_");
        if (strcasecmp(item, name) == 0)
            return true;
    }
    return false;
}

/* In the container's bounding set: as the engine makes it of the options. */
static bool has_capability(const struct seccomp_target *target, const char *capability)
{
    static const char *const defaults[] = {
        "CAP_CHOWN",       "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID", "CAP_KILL",       "CAP_NET_BIND_SERVICE",
        "CAP_SETFCAP",     "CAP_SETGID",       "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT", /* and docker's alone: */
        "CAP_AUDIT_WRITE", "CAP_MKNOD",        "CAP_NET_RAW"};
    size_t count = countof(defaults) - (target->podman ? 3 : 0);

    if (strncmp(capability, "CAP_", strlen("CAP_")) != 0)
        return false; /* the engine compares them letter by letter */
    if (lists_capability(target->cap_add, "CAP_ALL"))
        return !lists_capability(target->cap_drop, capability);
    if (lists_capability(target->cap_add, capability))
        return true;
    if (lists_capability(target->cap_drop, "CAP_ALL") || lists_capability(target->cap_drop, capability))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(defaults[i], capability) == 0)
            return true;
    return false;
}

static bool read_version(const char *text, uint64_t ret[2])
{
    const char *dot = number_read(text, 10, UINT_MAX, &ret[0]);

    return dot && *dot == '.' && number_read(dot + 1, 10, UINT_MAX, &ret[1]);
}

/* The first two numbers of a version. */
static bool kernel_is_at_least(const char *kernel, const char *least)
{
    uint64_t have[2], need[2];

    if (!read_version(kernel, have) || !read_version(least, need))
        return false;
    return have[0] != need[0] ? have[0] > need[0] : have[1] >= need[1];
}

static const char *native_arch(const struct seccomp_target *target)
{
    return str_equal(target->arch, "386") ? "x86" : target->arch ? target->arch : "";
}

/* One item of EXCLUDES that applies is enough; of INCLUDES all must, but of the machines one. */
static bool rule_holds(const struct seccomp_rule *rule, const struct seccomp_target *target)
{
    const struct seccomp_condition *includes = &rule->includes, *excludes = &rule->excludes;

    if (has_item(&excludes->arches, native_arch(target)) ||
        (includes->arches.count && !has_item(&includes->arches, native_arch(target))))
        return false;
    for (size_t i = 0; i < excludes->caps.count; i++)
        if (has_capability(target, excludes->caps.items[i]))
            return false;
    for (size_t i = 0; i < includes->caps.count; i++)
        if (!has_capability(target, includes->caps.items[i]))
            return false;
    return !(excludes->min_kernel && kernel_is_at_least(target->kernel, excludes->min_kernel)) &&
           !(includes->min_kernel && !kernel_is_at_least(target->kernel, includes->min_kernel));
}

enum seccomp_choice seccomp_profile_resolve(const struct seccomp_profile *profile, const struct seccomp_target *target,
                                            bool *ret_opens_alg)
{
    bool denies = !profile->lets_through, opens_alg = profile->lets_through;

    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct seccomp_rule *rule = &profile->rules[i];

        if (!rule_holds(rule, target))
            continue;
        denies |= rule->denies;
        if (rule->on_alg)
            opens_alg = rule->lets_through;
    }
    if (ret_opens_alg)
        *ret_opens_alg = profile->choice == SECCOMP_CUSTOM && opens_alg;
    return profile->choice == SECCOMP_CUSTOM && !denies ? SECCOMP_ALLOWS_ALL : profile->choice;
}

bool seccomp_profile_asks_host(const struct seccomp_profile *profile)
{
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct seccomp_rule *rule = &profile->rules[i];

        if (rule->includes.arches.count || rule->excludes.arches.count || rule->includes.min_kernel ||
            rule->excludes.min_kernel)
            return true;
    }
    return false;
}

void seccomp_profile_read_file(const struct host_root *root, const char *path, struct daemon_facts *facts)
{
    enum { PROFILE_MAX = 4 << 20 };
    scoped_str text = STR_INIT;
    int r = host_read(root, path, PROFILE_MAX, &text, NULL);

    facts->seccomp = (struct seccomp_profile){.choice = SECCOMP_UNREADABLE};
    if (r == 0)
        seccomp_profile_read(str_text(&text), text.length, facts->facts.arena, &facts->seccomp);
    if (facts->seccomp.choice == SECCOMP_UNREADABLE)
        facts->seccomp_error = r < 0 ? arena_strdup(facts->facts.arena, error_reason(-r)) : "it is not a JSON object";
}
