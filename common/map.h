/* Hash map from strings to pointers. Keys are copied. Hashing is keyed (SipHash, random key per process), so that names
 * chosen by an attacker cannot make it slow. */
#ifndef COMMON_MAP_H
#define COMMON_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct map;

/* FREE_VALUE is called for values that are replaced or removed and by map_free(); NULL: values are not owned. */
struct map *map_new(void (*free_value)(void *));
void map_free(struct map *map);
void *map_get(const struct map *map, const char *key);       /* owned by MAP; NULL: not there */
void map_set(struct map *map, const char *key, void *value); /* frees the value that was there */
bool map_remove(struct map *map, const char *key);           /* true: it was there */
void *map_steal(struct map *map, const char *key); /* removes without freeing: the caller owns it; NULL: not there */
size_t map_count(const struct map *map);

/* Iteration in insertion order is not promised. The current entry may be removed during the walk; nothing may be added.
 *   size_t at = 0; const char *key; void *value;
 *   while (map_next(map, &at, &key, &value)) …
 * RET_KEY and RET_VALUE may be NULL. */
bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value);

/* Keyed SipHash-2-4 of some bytes: the map's own hash, and the digest by which facts are compared. */
struct hash {
    uint64_t v[4];
    uint64_t tail;
    uint64_t total; /* bytes fed */
};
void hash_init(struct hash *hash);
void hash_init_key(struct hash *hash, const uint64_t key[2]); /* for what is stored: the caller keeps the key */
/* Feeds DATA and its LENGTH, so that fields cannot run together. */
void hash_bytes(struct hash *hash, const void *data, size_t length);
uint64_t hash_end(struct hash *hash);

DEFINE_CLEANUP(struct map *, cleanup_map, map_free)

#endif
