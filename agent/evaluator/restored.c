/* Verdicts read back from the store, each until its subject is seen again and adopts it. */
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"

void restored_free(void *p)
{
    struct restored *restored = p;

    if (restored)
        free(restored->name);
    free(restored);
}

char *restored_key(const char *slug, const char *kind, const char *id)
{
    return mem_printf("%s %s %s", slug, kind, id);
}

struct rule restored_removed_rule(const char *slug)
{
    return (struct rule){
        .slug = slug, .severity = SEVERITY_CRITICAL, .title = {"", ""}, .remedy = {"", ""}, .remedy_podman = {"", ""}};
}

const struct rule *restored_parts(const struct evaluator *evaluator, char *key, struct restored_parts *ret)
{
    const struct rule *rule = NULL;
    char *kind = strchr(key, ' '), *id = kind ? strchr(kind + 1, ' ') : NULL;

    if (!id)
        return NULL;
    *kind++ = '\0';
    *id++ = '\0';
    ret->slug = key;
    ret->kind = kind;
    ret->id = id;
    ret->removed = restored_removed_rule(key);
    rule = rule_set_find(evaluator->rules, key);
    return rule ? rule : &ret->removed;
}

void restored_adopt(struct evaluator *evaluator, const struct subject *subject, struct pair *pair)
{
    scoped(cleanup_free) char *key = NULL;
    struct restored *restored;

    if (!evaluator->restored)
        return;
    key = restored_key(pair->rule->slug, subject_kind_name(subject->kind), subject->id);
    restored = map_steal(evaluator->restored, key);
    if (!restored)
        return;
    pair->verdict = pair->reported = restored->verdict;
    pair->seq = restored->seq;
    pair->since = restored->since;
    pair->waived = restored->waived;
    pair->waiting = true; /* it is evaluated like a new one, and compared with what was */
    restored_free(restored);
}
