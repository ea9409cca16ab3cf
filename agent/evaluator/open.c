/* Findings that are open, counted and summed up as transitions say: what a heartbeat has, so that a receiver sees by it
 * whether it knows the same findings. Kept as they change, since there may be hundreds of thousands. */
#include <openssl/sha.h>
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"

uint64_t finding_digest(const char *slug, const char *kind, const char *id, const char *status)
{
    scoped_str name = STR_INIT;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    uint64_t digest = 0;

    str_printf(&name, "%s\x1f%s\x1f%s\x1f%s", slug, kind, id, status);
    SHA256((const unsigned char *)name.data, name.length, hash);
    for (size_t i = 0; i < 7; i++)
        digest = digest << 8 | hash[i];
    return digest;
}

static bool is_open(enum verdict verdict)
{
    return verdict == VERDICT_FAIL || verdict == VERDICT_ERROR || verdict == VERDICT_MANUAL;
}

static void add(struct evaluator *evaluator, const struct rule *rule, const char *kind, const char *id,
                enum verdict verdict, int by)
{
    struct open_findings *open;
    uint64_t digest;

    if (!is_open(verdict))
        return;
    open = &evaluator->open[verdict][rule->severity];
    digest = finding_digest(rule->slug, kind, id, verdict_name(verdict));
    open->count += (uint64_t)by;
    open->digest = (open->digest + (by > 0 ? digest : ~digest + 1)) & FINDING_DIGEST_MASK;
}

void open_change(struct evaluator *evaluator, const struct rule *rule, const char *kind, const char *id,
                 enum verdict before, enum verdict now)
{
    if (before == now)
        return;
    add(evaluator, rule, kind, id, before, -1);
    add(evaluator, rule, kind, id, now, 1);
}

static void add_restored(struct evaluator *evaluator)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (evaluator->restored && map_next(evaluator->restored, &at, &key, &value)) {
        const struct restored *restored = value;
        scoped(cleanup_free) char *copy = mem_strdup(key);
        struct restored_parts parts;
        const struct rule *rule = restored_parts(evaluator, copy, &parts);

        if (rule)
            add(evaluator, rule, parts.kind, parts.id, restored->verdict, 1);
    }
}

static void add_subjects(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(evaluator->subjects[kind], &at, &key, &value)) {
            const struct subject *subject = value;

            for (size_t i = 0; i < subject->pair_count; i++)
                add(evaluator, subject->pairs[i].rule, subject_kind_name(subject->kind), subject->id,
                    subject->pairs[i].reported, 1);
        }
    }
}

void open_recount(struct evaluator *evaluator)
{
    struct open_findings before[VERDICT_COUNT][SEVERITY_COUNT];

    memcpy(before, evaluator->open, sizeof before);
    memset(evaluator->open, 0, sizeof evaluator->open);
    add_restored(evaluator);
    add_subjects(evaluator);
    if (memcmp(before, evaluator->open, sizeof before) != 0)
        evaluator->open_generation++;
}

struct open_findings evaluator_open(const struct evaluator *evaluator, enum verdict status, enum severity severity)
{
    return evaluator->open[status][severity];
}

unsigned evaluator_open_generation(const struct evaluator *evaluator)
{
    return evaluator->open_generation;
}
