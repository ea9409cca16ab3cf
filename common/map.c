/* Keyed SipHash-2-4, and a chained hash map over it. Chains, because values may be removed during a walk; the walk goes
 * bucket by bucket, so its place is a bucket number and a depth. */
#include "common/map.h"

#include <string.h>
#include <sys/random.h>

#include "common/memory.h"

struct entry {
    struct entry *next;
    uint64_t hash;
    void *value;
    char key[];
};

struct map {
    struct entry **buckets;
    size_t bucket_count, count;
    void (*free_value)(void *);
};

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void sip_word(struct hash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    sip_round(hash->v);
    sip_round(hash->v);
    hash->v[0] ^= word;
}

static const uint64_t *hash_key(void)
{
    static uint64_t key[2]; /* one per process; a digest is never stored or sent */

    while (!key[0])
        if (getrandom(key, sizeof key, 0) != sizeof key)
            key[0] = (uint64_t)(uintptr_t)&key | 1;
    return key;
}

void hash_init(struct hash *hash)
{
    hash_init_key(hash, hash_key());
}

void hash_init_key(struct hash *hash, const uint64_t key[2])
{
    *hash = (struct hash){.v = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                                key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)}};
}

static void feed(struct hash *hash, const unsigned char *data, size_t length)
{
    size_t filled = hash->total % 8;

    hash->total += length;
    while (filled && length) {
        hash->tail |= (uint64_t)*data++ << (8 * filled++);
        length--;
        if (filled == 8) {
            sip_word(hash, hash->tail);
            hash->tail = 0;
            filled = 0;
        }
    }
    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word;

        memcpy(&word, data, sizeof word);
        sip_word(hash, word);
    }
    for (size_t i = 0; i < length; i++)
        hash->tail |= (uint64_t)data[i] << (8 * i);
}

void hash_bytes(struct hash *hash, const void *data, size_t length)
{
    uint64_t size = length;

    feed(hash, (const unsigned char *)&size, sizeof size);
    if (length)
        feed(hash, data, length);
}

uint64_t hash_end(struct hash *hash)
{
    sip_word(hash, hash->tail | hash->total << 56);
    hash->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(hash->v);
    return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}

static uint64_t hash_of(const char *key)
{
    struct hash hash;

    hash_init(&hash);
    hash_bytes(&hash, key, strlen(key));
    return hash_end(&hash);
}

struct map *map_new(void (*free_value)(void *))
{
    struct map *map = mem_alloc(sizeof *map);

    map->free_value = free_value;
    return map;
}

static void entry_free(const struct map *map, struct entry *entry)
{
    if (map->free_value)
        map->free_value(entry->value);
    free(entry);
}

void map_free(struct map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->bucket_count; i++)
        for (struct entry *entry = map->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            entry_free(map, entry);
        }
    free(map->buckets);
    free(map);
}

static struct entry **find(const struct map *map, const char *key, uint64_t hash)
{
    struct entry **link = &map->buckets[hash % map->bucket_count];

    while (*link && ((*link)->hash != hash || strcmp((*link)->key, key) != 0))
        link = &(*link)->next;
    return link;
}

void *map_get(const struct map *map, const char *key)
{
    struct entry *entry = map->bucket_count ? *find(map, key, hash_of(key)) : NULL;

    return entry ? entry->value : NULL;
}

static void grow(struct map *map)
{
    size_t count = map->bucket_count ? 2 * map->bucket_count : 8;
    struct entry **buckets = mem_alloc(count * sizeof *buckets);

    for (size_t i = 0; i < map->bucket_count; i++)
        for (struct entry *entry = map->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = buckets[entry->hash % count];
            buckets[entry->hash % count] = entry;
        }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
}

void map_set(struct map *map, const char *key, void *value)
{
    uint64_t hash = hash_of(key);
    struct entry **link, *entry;
    size_t length = strlen(key);

    if (map->count >= map->bucket_count)
        grow(map);
    link = find(map, key, hash);
    if (*link) {
        void *old = (*link)->value;

        (*link)->value = value;
        if (map->free_value && old != value)
            map->free_value(old);
        return;
    }
    entry = mem_alloc(sizeof *entry + length + 1);
    entry->hash = hash;
    entry->value = value;
    memcpy(entry->key, key, length + 1);
    *link = entry;
    map->count++;
}

void *map_steal(struct map *map, const char *key)
{
    struct entry **link = map->bucket_count ? find(map, key, hash_of(key)) : NULL, *entry = link ? *link : NULL;
    void *value;

    if (!entry)
        return NULL;
    *link = entry->next;
    value = entry->value;
    free(entry);
    map->count--;
    return value;
}

bool map_remove(struct map *map, const char *key)
{
    struct entry **link = map->bucket_count ? find(map, key, hash_of(key)) : NULL, *entry = link ? *link : NULL;

    if (!entry)
        return false;
    *link = entry->next;
    map->count--;
    entry_free(map, entry);
    return true;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

/* *AT holds the bucket and, plus one, how many entries of it are still to come (0: not begun). Counted from the chain's
 * end, so that removing the current entry does not move those that follow. */
bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value)
{
    enum { DEPTH_BITS = 16, DEPTH_MASK = (1 << DEPTH_BITS) - 1 };

    for (size_t bucket = *at >> DEPTH_BITS; bucket < map->bucket_count; bucket++, *at = bucket << DEPTH_BITS) {
        struct entry *entry = map->buckets[bucket];
        size_t length = 0, left = *at & DEPTH_MASK;

        for (const struct entry *e = entry; e; e = e->next)
            length++;
        left = left ? left - 1 : length;
        if (left > length)
            left = length;
        if (!left)
            continue;
        for (size_t skip = length - left; entry && skip; skip--)
            entry = entry->next;
        invariant(entry); /* there are LENGTH */
        *at = bucket << DEPTH_BITS | left;
        if (ret_key)
            *ret_key = entry->key;
        if (ret_value)
            *ret_value = entry->value;
        return true;
    }
    return false;
}
