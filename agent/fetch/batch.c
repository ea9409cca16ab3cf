/* At most one worker looks at many items at once, and a few at one each. */
#include "agent/fetch/batch.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/map.h"
#include "common/vec.h"

enum { ALONE_MAX = 4, HUNG_S = 300, HUNG_DOUBLINGS = 8, HUNG_MAX = 1024 };

/* It did not answer, so often, the last time WHEN (monotonic). */
struct hang {
    usec_t when;
    unsigned times;
};

struct item {
    char *key;
    void *user;
    bool alone;
};

/* A worker and what it looks at. */
struct run {
    struct batch *batch;
    struct worker *worker;
    VEC(struct item) items;
    bool alone;
};

struct batch {
    const struct batch_type *type;
    void *owner;
    struct event *next_turn;
    VEC(struct item) waiting;
    VEC(struct run *) runs;
    struct map *hung; /* key → struct hang */
};

static void run_free(struct run *run)
{
    for (size_t i = 0; i < run->items.count; i++)
        free(run->items.items[i].key);
    vec_free(&run->items);
    free(run);
}

static void schedule(struct batch *batch)
{
    static const struct timeval at_once;

    if (batch->waiting.count)
        evtimer_add(batch->next_turn, &at_once);
}

static void note_hung(struct batch *batch, const char *key)
{
    const struct hang *before = map_get(batch->hung, key);
    struct hang *hang = mem_alloc(sizeof *hang);

    hang->when = clock_monotonic();
    hang->times = before ? before->times + 1 : 0;
    if (map_count(batch->hung) >= HUNG_MAX) {
        map_free(batch->hung);
        batch->hung = map_new(free);
    }
    map_set(batch->hung, key, hang);
}

/* Seconds since KEY did not answer, while it is too early to try it again; else -1. Each time it waits twice as long.
 */
static int64_t hung_seconds(const struct batch *batch, const char *key)
{
    const struct hang *hang = map_get(batch->hung, key);
    int64_t seconds = hang ? (clock_monotonic() - hang->when) / USEC_PER_SEC : 0;
    unsigned doublings = hang && hang->times < HUNG_DOUBLINGS ? hang->times : HUNG_DOUBLINGS;

    return hang && seconds < (int64_t)HUNG_S << doublings ? seconds : -1;
}

static void remove_run(struct batch *batch, const struct run *run)
{
    for (size_t i = 0; i < batch->runs.count; i++)
        if (batch->runs.items[i] == run) {
            vec_remove(&batch->runs, i);
            return;
        }
}

static void hand_out(struct batch *batch, const struct run *run, const char *output, size_t length)
{
    struct wire_reader reader = {.at = output, .left = length};

    for (size_t i = 0; i < run->items.count; i++) {
        const struct item *item = &run->items.items[i];

        batch->type->answer(batch->owner, item->key, item->user, &reader, 0, NULL);
        map_remove(batch->hung, item->key);
    }
}

/* All of its items are to be looked at once more. */
static void look_again(struct batch *batch, struct run *run, bool alone)
{
    for (size_t i = 0; i < run->items.count; i++) {
        struct item again = run->items.items[i];

        again.alone = alone;
        vec_push(&batch->waiting, again);
    }
    run->items.count = 0;
}

static void retry_or_fail(struct batch *batch, struct run *run, int number, const char *why)
{
    struct item *item = &run->items.items[0];

    if (number == ETIMEDOUT && batch->type->is_silent && batch->type->is_silent(batch->owner)) {
        look_again(batch, run, run->alone);
        return;
    }
    if (!run->alone && run->items.count > 1) {
        look_again(batch, run, true);
        return;
    }
    if (number == ETIMEDOUT)
        note_hung(batch, item->key);
    batch->type->answer(batch->owner, item->key, item->user, NULL, number, why);
}

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct run *run = user;
    struct batch *batch = run->batch;

    remove_run(batch, run);
    if (number)
        retry_or_fail(batch, run, number, why);
    else
        hand_out(batch, run, output, length);
    run_free(run);
    schedule(batch);
}

static void start_run(struct batch *batch, struct run *run)
{
    struct string_list keys = {0};
    void **items = mem_realloc_array(NULL, run->items.count, sizeof *items);
    struct error error = ERROR_INIT;

    keys.items = mem_realloc_array(NULL, run->items.count, sizeof *keys.items);
    for (size_t i = 0; i < run->items.count; i++) {
        items[i] = run->items.items[i].user;
        keys.items[keys.count++] = run->items.items[i].key;
    }
    vec_push(&batch->runs, run);
    run->worker = batch->type->start(batch->owner, &keys, items, on_done, run, &error);
    free(keys.items);
    free(items);
    if (!run->worker)
        on_done(NULL, 0, error.number ? error.number : EIO, error.message, run);
}

static struct run *run_new(struct batch *batch, bool alone)
{
    struct run *run = mem_alloc(sizeof *run);

    run->batch = batch;
    run->alone = alone;
    return run;
}

static size_t count_runs(const struct batch *batch, bool alone)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->runs.count; i++)
        count += batch->runs.items[i]->alone == alone;
    return count;
}

static void refuse_hung(struct batch *batch, struct item *item, int64_t seconds)
{
    scoped(cleanup_free) char *key = item->key;
    scoped(cleanup_free) char *why = mem_printf("its %s did not answer %lld s ago and is not asked again yet",
                                                batch->type->what, (long long)seconds);

    batch->type->answer(batch->owner, key, item->user, NULL, ETIMEDOUT, why);
}

static void on_next_turn(evutil_socket_t fd, short what, void *user)
{
    struct batch *batch = user;
    struct run *together = count_runs(batch, false) ? NULL : run_new(batch, false);
    VEC(struct item) items = {.items = batch->waiting.items, .count = batch->waiting.count};

    (void)fd;
    (void)what;
    batch->waiting.items = NULL;
    batch->waiting.count = batch->waiting.size = 0;
    for (size_t i = 0; i < items.count; i++) {
        struct item *item = &items.items[i];
        int64_t seconds = hung_seconds(batch, item->key);
        bool alone = item->alone || map_get(batch->hung, item->key);

        if (seconds >= 0) {
            refuse_hung(batch, item, seconds);
        } else if (alone && count_runs(batch, true) < ALONE_MAX) {
            struct run *run = run_new(batch, true);

            vec_push(&run->items, *item);
            start_run(batch, run);
        } else if (!alone && together) {
            vec_push(&together->items, *item);
        } else {
            vec_push(&batch->waiting, *item);
        }
    }
    free(items.items);
    if (together && together->items.count)
        start_run(batch, together);
    else if (together)
        run_free(together);
}

struct batch *batch_new(struct event_base *base, const struct batch_type *type, void *owner)
{
    struct batch *batch = mem_alloc(sizeof *batch);

    batch->type = type;
    batch->owner = owner;
    batch->next_turn = evtimer_new(base, on_next_turn, batch);
    batch->hung = map_new(free);
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->runs.count; i++) {
        worker_cancel(batch->runs.items[i]->worker);
        run_free(batch->runs.items[i]);
    }
    vec_free(&batch->runs);
    for (size_t i = 0; i < batch->waiting.count; i++)
        free(batch->waiting.items[i].key);
    vec_free(&batch->waiting);
    event_free(batch->next_turn);
    map_free(batch->hung);
    free(batch);
}

void batch_add(struct batch *batch, const char *key, void *item)
{
    vec_push(&batch->waiting, (struct item){.key = mem_strdup(key), .user = item});
    schedule(batch);
}
