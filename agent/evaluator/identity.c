/* Whose findings these are: machine and engine, and the uid of a finding that is made of them.
 *
 * A uid must not change while its finding lasts, so no transition is made before the engine has said what its id is, if
 * it was never known (struct evaluator_identity), or it turned out that it cannot be asked; another_engine.c does what
 * follows when it has another one. podman makes up another id for each answer: its address is taken. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"

enum { ENGINE_MAX = 128 };

/* The name space of uids (RFC 9562, 6.5), 888fb8f8-0b23-4ff9-a4f6-b297cabd6e0b. It never changes. */
static const unsigned char uid_namespace[16] = {0x88, 0x8f, 0xb8, 0xf8, 0x0b, 0x23, 0x4f, 0xf9,
                                                0xa4, 0xf6, 0xb2, 0x97, 0xca, 0xbd, 0x6e, 0x0b};

static const char *text(const char *s)
{
    return s ? s : "";
}

void evaluator_set_identity(struct evaluator *evaluator, const struct evaluator_identity *identity)
{
    identity_deinit(evaluator);
    evaluator->machine = mem_strdup(identity->machine);
    evaluator->address = mem_strdup(identity->address);
    evaluator->engine = mem_strdup(identity->engine ? identity->engine : identity->address);
    evaluator->engine_awaited = !identity->engine || !identity->is_current;
}

void identity_deinit(struct evaluator *evaluator)
{
    free(take(evaluator->machine));
    free(take(evaluator->engine));
    free(take(evaluator->address));
    free(take(evaluator->next_engine));
}

const char *evaluator_engine(const struct evaluator *evaluator)
{
    return text(evaluator->engine);
}

void evaluator_uid(const struct evaluator *evaluator, const char *slug, const char *kind, const char *id,
                   char ret[UID_SIZE])
{
    scoped_str name = STR_INIT;
    unsigned char hash[SHA_DIGEST_LENGTH];
    char *to = ret;

    str_append_n(&name, uid_namespace, sizeof uid_namespace);
    str_printf(&name, "%s\x1f%s\x1f%s\x1f%s\x1f%s", text(evaluator->machine), text(evaluator->engine), slug, kind, id);
    SHA1((const unsigned char *)name.data, name.length, hash);
    hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);
    hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < 16; i++)
        to += sprintf(to, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", hash[i]);
}

void evaluator_set_initial(struct evaluator *evaluator, bool initial)
{
    evaluator->initial = initial;
}

bool evaluator_is_initial(const struct evaluator *evaluator)
{
    return evaluator->initial;
}

/* Ids of docker are printable ASCII; anything else is not taken for one. */
static bool is_engine_id(const char *id)
{
    size_t length = id ? strlen(id) : 0;

    for (size_t i = 0; i < length; i++)
        if (id[i] <= ' ' || id[i] > '~')
            return false;
    return length && length <= ENGINE_MAX;
}

const char *identity_said(const struct evaluator *evaluator)
{
    const struct info_facts *info = store_info(evaluator->store, NULL);
    const struct version_facts *version = store_version(evaluator->store, NULL);

    return info && version && !version->is_podman && is_engine_id(info->id) ? info->id : evaluator->address;
}

void identity_set(struct evaluator *evaluator, const char *engine)
{
    char *copy = mem_strdup(engine);

    free(evaluator->engine);
    evaluator->engine = copy;
    if (evaluator->callbacks.engine)
        evaluator->callbacks.engine(evaluator->engine, evaluator->callbacks.user);
}
