/* Exceptions that people made: attestations (a verdict on what only a person can judge) and waivers (a failure that is
 * known and accepted). Both have a scope and may expire.
 *
 * Whether one has expired is computed on each use. When a finding's waiver comes or ends, that is a transition of the
 * finding from its status to the same; the recheck timer takes care of those that expire. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

#include "common/text.h"

struct rule_exceptions {
    VEC(const struct waiver *) waivers;
    VEC(const struct attestation *) attestations;
};

void exceptions_free(struct evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->exception_count; i++) {
        vec_free(&evaluator->exceptions[i].waivers);
        vec_free(&evaluator->exceptions[i].attestations);
    }
    free(evaluator->exceptions);
    evaluator->exceptions = NULL;
    evaluator->exception_count = 0;
}

static bool waiver_is_for(const struct rule_set *rules, const struct waiver *waiver, const struct rule *rule)
{
    for (size_t i = 0; i < waiver->rules.count; i++)
        if (rule_set_covers(rules, waiver->rules.items[i], rule))
            return true;
    return false;
}

void exceptions_index(struct evaluator *evaluator)
{
    const struct config *config = evaluator->config;

    exceptions_free(evaluator);
    if (!config->waiver_count && !config->attestation_count)
        return;
    evaluator->exception_count = evaluator->rules->count;
    evaluator->exceptions = mem_alloc((evaluator->exception_count + 1) * sizeof *evaluator->exceptions);
    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];

        for (size_t k = 0; k < evaluator->rules->count; k++)
            if (waiver_is_for(evaluator->rules, waiver, &evaluator->rules->rules[k]))
                vec_push(&evaluator->exceptions[k].waivers, waiver);
    }
    for (size_t i = 0; i < config->attestation_count; i++) {
        const struct rule *rule = rule_set_find(evaluator->rules, config->attestations[i].rule);

        if (rule)
            vec_push(&evaluator->exceptions[rule->index].attestations, &config->attestations[i]);
    }
}

static const struct rule_exceptions *exceptions_of(const struct evaluator *evaluator, const struct rule *rule)
{
    static const struct rule_exceptions none;

    return rule->index < evaluator->exception_count ? &evaluator->exceptions[rule->index] : &none;
}

/* ---- Scope ---- */

static bool any_matches(const struct string_list *list, const char *glob)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (text_glob(glob, list->items[i]))
            return true;
    return false;
}

/* The container that SUBJECT is, or in which it was: NULL for other subjects. */
static const struct container_facts *container_of(const struct evaluator *evaluator, const struct subject *subject)
{
    const struct exec_facts *exec;

    if (subject->kind == SUBJECT_CONTAINER)
        return store_container(evaluator->store, subject->id, NULL);
    exec = subject->kind == SUBJECT_EXEC ? store_exec(evaluator->store, subject->id, NULL) : NULL;
    return exec && exec->container_id ? store_container(evaluator->store, exec->container_id, NULL) : NULL;
}

/* An id whole, by a glob, or as its first twelve digits or more, as docker shows it; "sha256:" may be left out. */
static bool id_matches(const char *glob, const char *id)
{
    enum { SHORT_ID = 12 };
    static const char algorithm[] = "sha256:";
    size_t length;

    if (text_glob(glob, id))
        return true;
    glob += str_starts(glob, algorithm) ? strlen(algorithm) : 0;
    id += str_starts(id, algorithm) ? strlen(algorithm) : 0;
    length = strspn(glob, "0123456789abcdef");
    return length >= SHORT_ID && !glob[length] && str_starts(id, glob);
}

bool exceptions_cover(const struct evaluator *evaluator, const char *scope, const struct subject *subject)
{
    const char *kind = subject_kind_name(subject->kind);
    size_t length = strlen(kind);

    if (!scope || str_equal(scope, "*") || str_equal(scope, kind))
        return true;
    if (str_starts(scope, "name:"))
        return text_glob(scope + strlen("name:"), subject->name);
    if (str_starts(scope, "label:") || str_starts(scope, "image:")) {
        const char *glob = scope + strlen("label:");
        const struct container_facts *container = container_of(evaluator, subject);
        const struct image_facts *image =
            subject->kind == SUBJECT_IMAGE ? store_image(evaluator->store, subject->id, NULL) : NULL;

        if (*scope == 'l')
            return any_matches(container ? &container->labels : image ? &image->labels : NULL, glob);
        return (container && container->image_ref && text_glob(glob, container->image_ref)) ||
               any_matches(image ? &image->tags : NULL, glob) || (image && id_matches(glob, subject->id)) ||
               (container && container->image_id && id_matches(glob, container->image_id));
    }
    return str_starts(scope, kind) && scope[length] == ':' &&
           (id_matches(scope + length + 1, subject->id) || text_glob(scope + length + 1, subject->name));
}

static bool holds(usec_t expires, usec_t now)
{
    return !expires || expires > now;
}

/* ---- Attestations ---- */

static void add_attestation_evidence(const struct attestation *attestation, bool expired, struct str *evidence)
{
    char at[CLOCK_TEXT_SIZE];

    if (expired)
        check_evidence_add(evidence, "the attestation by %s has expired (%s)", attestation->by,
                           clock_format(attestation->expires, at));
    else if (attestation->evidence)
        check_evidence_add(evidence, "attested by %s: %s", attestation->by, attestation->evidence);
    else
        check_evidence_add(evidence, "attested by %s", attestation->by);
}

/* Those that cover SUBJECT: the one that decides, of several the worst, and else one that no longer holds. */
struct attested {
    const struct attestation *valid, *expired; /* NULL: none */
    usec_t until;                              /* the first end of those that hold; 0: none ends */
};

static struct attested find_attestation(const struct evaluator *evaluator, const struct rule *rule,
                                        const struct subject *subject, usec_t now)
{
    const struct rule_exceptions *exceptions = exceptions_of(evaluator, rule);
    struct attested found = {0};

    for (size_t i = 0; i < exceptions->attestations.count; i++) {
        const struct attestation *attestation = exceptions->attestations.items[i];

        if (!exceptions_cover(evaluator, attestation->subject, subject))
            continue;
        if (!holds(attestation->expires, now)) {
            found.expired = attestation;
            continue;
        }
        if (attestation->expires && (!found.until || attestation->expires < found.until))
            found.until = attestation->expires;
        if (!found.valid || attestation->status > found.valid->status)
            found.valid = attestation;
    }
    return found;
}

void exceptions_attest(const struct evaluator *evaluator, const struct subject *subject, const struct check_input *in,
                       struct check_result *result)
{
    struct attested found;

    if (result->verdict != VERDICT_MANUAL)
        return;
    found = find_attestation(evaluator, in->rule, subject, in->now);
    if (found.until && (!result->recheck || found.until < result->recheck))
        result->recheck = found.until;
    if (found.valid) {
        result->verdict = found.valid->status;
        result->attested = true;
    }
    if (in->explain && (found.valid || found.expired))
        add_attestation_evidence(found.valid ? found.valid : found.expired, !found.valid, &result->said);
}

const struct attestation *evaluator_attestation(const struct evaluator *evaluator, const struct subject *subject,
                                                const struct pair *pair)
{
    return pair->attested ? find_attestation(evaluator, pair->rule, subject, clock_now(evaluator->clock)).valid : NULL;
}

size_t evaluator_attestation_matches(const struct evaluator *evaluator, const struct attestation *attestation)
{
    const struct rule *rule = rule_set_find(evaluator->rules, attestation->rule);
    size_t count = 0, at = 0;
    const char *key;
    void *value;

    while (rule && map_next(evaluator->subjects[rule->check->subject], &at, &key, &value)) {
        const struct pair *pair = subject_pair(value, rule);

        count += pair && (pair->attested || pair->verdict == VERDICT_MANUAL) &&
                 exceptions_cover(evaluator, attestation->subject, value);
    }
    return count;
}

/* ---- Waivers ---- */

const struct waiver *evaluator_waiver(const struct evaluator *evaluator, const struct subject *subject,
                                      const struct pair *pair)
{
    const struct rule_exceptions *exceptions = exceptions_of(evaluator, pair->rule);
    usec_t now = exceptions->waivers.count ? clock_now(evaluator->clock) : 0;

    for (size_t i = 0; pair->verdict == VERDICT_FAIL && i < exceptions->waivers.count; i++)
        if (holds(exceptions->waivers.items[i]->expires, now) &&
            exceptions_cover(evaluator, exceptions->waivers.items[i]->subject, subject))
            return exceptions->waivers.items[i];
    return NULL;
}

void exceptions_say_expired(const struct evaluator *evaluator, const struct subject *subject,
                            const struct check_input *in, struct check_result *result)
{
    const struct rule_exceptions *exceptions = exceptions_of(evaluator, in->rule);
    const struct waiver *expired = NULL;
    char at[CLOCK_TEXT_SIZE];

    for (size_t i = 0; result->verdict == VERDICT_FAIL && i < exceptions->waivers.count; i++) {
        if (!exceptions_cover(evaluator, exceptions->waivers.items[i]->subject, subject))
            continue;
        if (holds(exceptions->waivers.items[i]->expires, in->now))
            return;
        expired = exceptions->waivers.items[i];
    }
    if (expired)
        check_evidence_add(&result->said, "the waiver by %s has expired (%s)", expired->by,
                           clock_format(expired->expires, at));
}

usec_t exceptions_next_expiry(const struct evaluator *evaluator)
{
    usec_t now = clock_now(evaluator->clock), next = 0;

    for (size_t i = 0; i < evaluator->config->waiver_count; i++) {
        usec_t expires = evaluator->config->waivers[i].expires;

        if (expires > now && (!next || expires < next))
            next = expires;
    }
    return next;
}

size_t evaluator_waiver_matches(const struct evaluator *evaluator, const struct waiver *waiver)
{
    const struct subject *subject;
    size_t count = 0, at = 0;

    while ((subject = subject_next(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++)
            count += subject->pairs[i].verdict == VERDICT_FAIL &&
                     waiver_is_for(evaluator->rules, waiver, subject->pairs[i].rule) &&
                     exceptions_cover(evaluator, waiver->subject, subject);
    return count;
}

bool exceptions_waive(const struct evaluator *evaluator, const struct rule *rule)
{
    return exceptions_of(evaluator, rule)->waivers.count > 0;
}
