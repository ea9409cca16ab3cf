/* Transitions put together by cause and subject, in bounded memory whoever sends them. */
#include "agent/ctl/watch_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"

enum { HELD_MAX = 4096, ITEMS_MAX = 256, TEXT_MAX = 2048 }; /* items of all blocks and of one; bytes of a text */

static bool is_bad(const char *status)
{
    return str_equal(status, "fail") || str_equal(status, "error");
}

static enum watch_change change_of(const struct json *root, bool was_bad)
{
    const char *status = json_string(json_get(root, "status"));

    if (str_equal(status, "fail"))
        return json_type(json_get(root, "waived")) == JSON_OBJECT ? WATCH_WAIVED : WATCH_FAILS;
    if (str_equal(status, "error"))
        return WATCH_ERROR;
    return !was_bad ? WATCH_OTHER : status ? WATCH_FIXED : WATCH_CLOSED;
}

static int severity_of(const struct json *root)
{
    static const char *const names[WATCH_SEVERITIES] = {"low", "medium", "high", "critical"};
    const char *severity = json_string(json_get(root, "severity"));

    for (int i = 0; i < WATCH_SEVERITIES; i++)
        if (str_equal(names[i], severity))
            return i;
    return -1;
}

static char *bounded(const char *text)
{
    return text ? mem_strndup(text, strnlen(text, TEXT_MAX)) : mem_strndup("-", 1);
}

static struct watch_block *block_of(struct watch_blocks *blocks, const struct json *root)
{
    const struct json *subject = json_get(root, "subject");
    scoped(cleanup_free) char *cause = bounded(json_string(json_get(root, "cause")));
    scoped(cleanup_free) char *kind = bounded(json_string(json_get(subject, "kind")));
    scoped(cleanup_free) char *id = bounded(json_string(json_get(subject, "id")));
    scoped(cleanup_free) char *key = mem_printf("%s\n%s\n%s", cause, kind, id);
    struct watch_block *block;

    if (!blocks->by_key)
        blocks->by_key = map_new(NULL);
    block = map_get(blocks->by_key, key);
    if (block)
        return block;
    block = mem_alloc(sizeof *block);
    block->cause = take(cause);
    block->kind = take(kind);
    block->id = take(id);
    block->name = bounded(json_string(json_get(subject, "name")));
    clock_parse(json_text(json_get(root, "at"), ""), &block->at);
    map_set(blocks->by_key, key, block);
    vec_push(&blocks->list, block);
    return block;
}

/* That of RULE, made where there is none; NULL: there are too many. */
static struct watch_item *item_of(struct watch_block *block, const struct json *root)
{
    const char *rule = json_text(json_get(root, "rule"), "-");

    for (size_t i = 0; i < block->items.count; i++)
        if (strcmp(block->items.items[i].rule, rule) == 0)
            return &block->items.items[i];
    if (block->items.count >= ITEMS_MAX)
        return NULL;
    vec_push(&block->items, (struct watch_item){.was_bad = is_bad(json_string(json_get(root, "previous"))),
                                                .severity = severity_of(root),
                                                .rule = bounded(rule)});
    return &block->items.items[block->items.count - 1];
}

bool watch_blocks_add(struct watch_blocks *blocks, const struct json *root)
{
    struct watch_item *item = item_of(block_of(blocks, root), root);

    if (item) {
        free(item->status);
        free(item->evidence);
        item->status = bounded(json_string(json_get(root, "status")));
        item->evidence = bounded(json_string(json_get(root, "evidence")));
        item->change = change_of(root, item->was_bad);
        item->is_gone = json_type(json_get(root, "status")) != JSON_STRING;
    }
    return ++blocks->held < HELD_MAX;
}

/* Failures first, the worst of them first; then by rule. */
static int compare(const void *a, const void *b)
{
    const struct watch_item *left = a, *right = b;

    if (left->change != right->change)
        return left->change < right->change ? -1 : 1;
    if (left->severity != right->severity)
        return left->severity > right->severity ? -1 : 1;
    return strverscmp(left->rule, right->rule);
}

static void block_free(struct watch_block *block)
{
    for (size_t i = 0; i < block->items.count; i++) {
        free(block->items.items[i].rule);
        free(block->items.items[i].status);
        free(block->items.items[i].evidence);
    }
    vec_free(&block->items);
    free(block->cause);
    free(block->kind);
    free(block->id);
    free(block->name);
    free(block);
}

static void finish(struct watch_block *block)
{
    if (block->items.count)
        qsort(block->items.items, block->items.count, sizeof block->items.items[0], compare);
    for (size_t i = 0; i < block->items.count; i++) {
        const struct watch_item *item = &block->items.items[i];

        block->counts[item->change]++;
        block->gone += item->is_gone;
        if (item->change == WATCH_FAILS && item->severity >= 0)
            block->fails[item->severity]++;
    }
}

void watch_blocks_end(struct watch_blocks *blocks, void (*show)(const struct watch_block *block, void *user),
                      void *user)
{
    for (size_t i = 0; i < blocks->list.count; i++) {
        finish(blocks->list.items[i]);
        show(blocks->list.items[i], user);
    }
    watch_blocks_deinit(blocks);
}

void watch_blocks_deinit(struct watch_blocks *blocks)
{
    for (size_t i = 0; i < blocks->list.count; i++)
        block_free(blocks->list.items[i]);
    vec_free(&blocks->list);
    map_free(blocks->by_key);
    *blocks = (struct watch_blocks){0};
}
