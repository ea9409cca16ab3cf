/* Rows that the disk did not take: the newest of them, bounded. */
#include <string.h>

#include "agent/store/store_internal.h"
#include "common/memory.h"

enum { OVERFLOW_BYTES = 16 * 1024 * 1024 };

static void free_row(struct overflow *overflow)
{
    free((char *)overflow->row.slug);
    free((char *)overflow->row.section);
    free((char *)overflow->row.kind);
    free((char *)overflow->row.id);
    free((char *)overflow->row.name);
    free((char *)overflow->row.extra);
    free((char *)overflow->row.json);
}

void overflow_drop(struct store_db *db, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        db->overflow_bytes -= db->overflow.items[i].bytes;
        free_row(&db->overflow.items[i]);
    }
    if (!count)
        return;
    db->overflow.count -= count;
    memmove(db->overflow.items, db->overflow.items + count, db->overflow.count * sizeof db->overflow.items[0]);
}

static size_t bytes_of(const struct store_row *row)
{
    return sizeof(struct overflow) + strlen(row->json);
}

bool overflow_has_room(const struct store_db *db, const struct store_row *row)
{
    return !db->overflow.count || db->overflow_bytes + bytes_of(row) <= OVERFLOW_BYTES;
}

void overflow_push(struct store_db *db, const struct store_row *row)
{
    struct overflow overflow = {.row = *row, .bytes = bytes_of(row)};

    overflow.row.slug = mem_strdup(row->slug);
    overflow.row.section = mem_strdup(row->section);
    overflow.row.kind = mem_strdup(row->kind);
    overflow.row.id = mem_strdup(row->id);
    overflow.row.name = mem_strdup(row->name);
    overflow.row.extra = mem_strdup(row->extra);
    overflow.row.json = mem_strdup(row->json);
    vec_push(&db->overflow, overflow);
    db->overflow_bytes += overflow.bytes;
}

void overflow_clear(struct store_db *db)
{
    overflow_drop(db, db->overflow.count);
    vec_free(&db->overflow);
}

const struct store_row *overflow_after(const struct store_db *db, uint64_t seq)
{
    size_t low = 0, high = db->overflow.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (db->overflow.items[middle].row.seq > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return low < db->overflow.count ? &db->overflow.items[low].row : NULL;
}
