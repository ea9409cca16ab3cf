/* Execs that are reported: equal ones of a container are one finding.
 *
 * Equal are execs of the same container with the same command, user and privileged flag. The first one's id is that of
 * their subject; how many there were, and when the first and the last, is kept. Nothing is searched when one more
 * comes: groups are found by what their execs have in common, and the ids of execs that were counted in a set, so that
 * a replay counts none of them again.
 *
 * A group that was acknowledged is kept without a finding: another exec of it opens it again, under the same id. Groups
 * are bounded in number (exec_bounds.c). What a restart needs beside a finding's last transition is noted by
 * exec_notes.c. */
#include <openssl/sha.h>
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"

enum { KNOWN_MAX = 32768, KNOWN_KEY_SIZE = 17 };

static void group_free(void *p)
{
    struct exec_group *group = p;

    if (!group)
        return;
    free(group->id);
    free(group->key);
    free(group->last_id);
    free(group);
}

static void on_upkeep(evutil_socket_t fd, short what, void *user)
{
    struct evaluator *evaluator = user;

    (void)fd;
    (void)what;
    evaluator->exec_groups->upkeep(evaluator);
}

void exec_groups_init(struct evaluator *evaluator, void (*upkeep)(struct evaluator *evaluator))
{
    struct exec_groups *groups = mem_alloc(sizeof *groups);

    groups->upkeep = upkeep;
    groups->by_id = map_new(group_free);
    groups->by_key = map_new(NULL);
    groups->noted = map_new(free);
    for (size_t i = 0; i < countof(groups->known); i++)
        groups->known[i] = map_new(NULL);
    TAILQ_INIT(&groups->open);
    TAILQ_INIT(&groups->acknowledged);
    groups->timer = evtimer_new(evaluator->base, on_upkeep, evaluator);
    evaluator->exec_groups = groups;
}

void exec_groups_deinit(struct evaluator *evaluator)
{
    struct exec_groups *groups = evaluator->exec_groups;

    map_free(groups->by_id);
    map_free(groups->by_key);
    map_free(groups->noted);
    for (size_t i = 0; i < countof(groups->known); i++)
        map_free(groups->known[i]);
    for (size_t i = 0; i < groups->dirty.count; i++)
        free(groups->dirty.items[i]);
    vec_free(&groups->dirty);
    event_free(groups->timer);
    free(groups);
}

uint64_t exec_digest(const char *text)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    uint64_t digest = 0;

    SHA256((const unsigned char *)text, strlen(text), hash);
    for (size_t i = 0; i < sizeof digest; i++)
        digest = digest << 8 | hash[i];
    return digest;
}

/* ---- Which execs were counted ---- */

static const char *known_key(uint64_t digest, char key[KNOWN_KEY_SIZE])
{
    snprintf(key, KNOWN_KEY_SIZE, "%016llx", (unsigned long long)digest);
    return key;
}

/* The serial number of the group it was counted in; 0: it was not. */
static uint64_t known_serial(const struct evaluator *evaluator, uint64_t digest)
{
    const struct exec_groups *groups = evaluator->exec_groups;
    char key[KNOWN_KEY_SIZE];
    void *serial = map_get(groups->known[0], known_key(digest, key));

    return (uint64_t)(uintptr_t)(serial ? serial : map_get(groups->known[1], key));
}

bool exec_is_known(const struct evaluator *evaluator, const char *id)
{
    return known_serial(evaluator, exec_digest(id)) != 0;
}

void exec_know(struct evaluator *evaluator, uint64_t digest, uint64_t serial)
{
    struct exec_groups *groups = evaluator->exec_groups;
    char key[KNOWN_KEY_SIZE];

    if (map_count(groups->known[0]) >= KNOWN_MAX) { /* the older half is forgotten at once */
        map_free(groups->known[1]);
        groups->known[1] = groups->known[0];
        groups->known[0] = map_new(NULL);
    }
    map_set(groups->known[0], known_key(digest, key), (void *)(uintptr_t)serial);
}

/* ---- Groups ---- */

static struct exec_group_list *list_of(struct exec_groups *groups, const struct exec_group *group)
{
    return group->acknowledged ? &groups->acknowledged : &groups->open;
}

static void wake(struct exec_groups *groups, const struct timeval *wait)
{
    if (!evtimer_pending(groups->timer, NULL) || !wait->tv_sec)
        evtimer_add(groups->timer, wait);
}

void exec_groups_sweep_later(struct evaluator *evaluator)
{
    static const struct timeval a_second = {.tv_sec = 1};

    evaluator->exec_groups->sweep = true;
    wake(evaluator->exec_groups, &a_second);
}

void exec_group_changed(struct evaluator *evaluator, struct exec_group *group)
{
    static const struct timeval a_second = {.tv_sec = 1};
    struct exec_groups *groups = evaluator->exec_groups;

    if (!group->dirty)
        vec_push(&groups->dirty, mem_strdup(group->id));
    group->dirty = group->noted = true;
    wake(groups, &a_second);
}

struct exec_group *exec_group_find(const struct evaluator *evaluator, const char *id)
{
    return map_get(evaluator->exec_groups->by_id, id);
}

struct exec_group *exec_group_by_key(const struct evaluator *evaluator, const char *key)
{
    return map_get(evaluator->exec_groups->by_key, key);
}

struct exec_group *exec_group_new(struct evaluator *evaluator, const char *id, const char *key)
{
    static const struct timeval next_turn;
    struct exec_groups *groups = evaluator->exec_groups;
    struct exec_group *group = mem_alloc(sizeof *group);

    group->id = mem_strdup(id);
    group->key = mem_strdup(key);
    group->serial = ++groups->serial;
    map_set(groups->by_id, id, group);
    map_set(groups->by_key, key, group);
    TAILQ_INSERT_TAIL(&groups->open, group, order);
    if (map_count(groups->by_id) > EXEC_GROUPS_MAX)
        wake(groups, &next_turn);
    return group;
}

void exec_group_rekey(struct evaluator *evaluator, struct exec_group *group, const char *key)
{
    map_remove(evaluator->exec_groups->by_key, group->key);
    free(group->key);
    group->key = mem_strdup(key);
    map_set(evaluator->exec_groups->by_key, key, group);
}

void exec_group_forget(struct evaluator *evaluator, const char *id)
{
    struct exec_group *group = exec_group_find(evaluator, id);

    if (!group)
        return;
    TAILQ_REMOVE(list_of(evaluator->exec_groups, group), group, order);
    if (group->noted)
        exec_group_changed(evaluator, group);
    map_remove(evaluator->exec_groups->by_key, group->key);
    map_remove(evaluator->exec_groups->by_id, id);
}

void exec_group_acknowledge(struct evaluator *evaluator, const char *id)
{
    struct exec_group *group = exec_group_find(evaluator, id);

    if (!group || group->acknowledged)
        return;
    TAILQ_REMOVE(&evaluator->exec_groups->open, group, order);
    group->acknowledged = true;
    TAILQ_INSERT_TAIL(&evaluator->exec_groups->acknowledged, group, order);
    exec_group_changed(evaluator, group);
}

void exec_group_remember(struct evaluator *evaluator, struct exec_group *group, uint64_t digest)
{
    exec_know(evaluator, digest, group->serial);
    group->recent[group->recent_next] = digest;
    group->recent_next = (group->recent_next + 1) % EXEC_RECENT_MAX;
    if (group->recent_count < EXEC_RECENT_MAX)
        group->recent_count++;
}

void exec_group_count(struct evaluator *evaluator, struct exec_group *group, const char *exec_id, usec_t at)
{
    struct exec_groups *groups = evaluator->exec_groups;

    TAILQ_REMOVE(list_of(groups, group), group, order);
    if (group->acknowledged) /* another one is news */
        group->count = 0;
    group->acknowledged = false;
    TAILQ_INSERT_TAIL(&groups->open, group, order);
    if (!group->count++)
        group->first = at;
    group->last = at;
    free(group->last_id);
    group->last_id = mem_strdup(exec_id);
    exec_group_remember(evaluator, group, exec_digest(exec_id));
}

void exec_group_close(struct evaluator *evaluator, const char *id, bool reported)
{
    struct exec_group *group = exec_group_find(evaluator, id);
    char key[KNOWN_KEY_SIZE];

    if (!group || group->acknowledged)
        return;
    /* Health checks come without end, and what is in order may be looked at again. */
    if (!reported && group->last_id) {
        known_key(exec_digest(group->last_id), key);
        map_remove(evaluator->exec_groups->known[0], key);
        map_remove(evaluator->exec_groups->known[1], key);
    }
    exec_group_forget(evaluator, id);
}

bool exec_was_reported(const struct subject *subject)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].seq)
            return true;
    return false;
}

static int compare_last(const void *a, const void *b)
{
    const struct exec_group *const *x = a, *const *y = b;

    return ((*x)->last > (*y)->last) - ((*x)->last < (*y)->last);
}

void exec_groups_sort(struct evaluator *evaluator)
{
    struct exec_groups *groups = evaluator->exec_groups;
    VEC(struct exec_group *) all = {0};
    size_t at = 0;
    void *group;

    while (map_next(groups->by_id, &at, NULL, &group))
        vec_push(&all, group);
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, compare_last);
    TAILQ_INIT(&groups->open);
    TAILQ_INIT(&groups->acknowledged);
    for (size_t i = 0; i < all.count; i++)
        TAILQ_INSERT_TAIL(list_of(groups, all.items[i]), all.items[i], order);
    vec_free(&all);
}

bool exec_is_by_itself(const struct evaluator *evaluator, const char *id)
{
    const struct exec_group *group = exec_group_find(evaluator, id);

    return group && str_starts(group->key, EXEC_OWN_KEY);
}

/* ---- Queries ---- */

static bool begins_with(const char *id, const char *wanted)
{
    enum { SHORT_ID = 12 };

    return id && (str_equal(id, wanted) || (strlen(wanted) >= SHORT_ID && str_starts(id, wanted)));
}

const char *evaluator_find_exec(const struct evaluator *evaluator, const char *wanted)
{
    uint64_t serial = known_serial(evaluator, exec_digest(wanted));
    const struct exec_group *group, *found = exec_group_find(evaluator, wanted);

    if (found && !found->acknowledged)
        return found->id;
    found = NULL;
    TAILQ_FOREACH(group, &evaluator->exec_groups->open, order)
    if (group->serial == serial || begins_with(group->id, wanted) || begins_with(group->last_id, wanted)) {
        if (found)
            return NULL;
        found = group;
    }
    return found ? found->id : NULL;
}

struct exec_counts evaluator_exec_counts(const struct evaluator *evaluator)
{
    const struct exec_groups *groups = evaluator->exec_groups;
    struct exec_counts counts = {.dropped = groups->dropped, .dropped_at = groups->dropped_at};
    const struct exec_group *group;

    TAILQ_FOREACH(group, &groups->acknowledged, order)
    counts.acknowledged++;
    counts.open = map_count(groups->by_id) - counts.acknowledged;
    return counts;
}
