/* What facts take together has a limit, whatever is in the documents of those who may start containers: where facts
 * come for which there is no room, those that take most go, and are an error of their subject. What is small stays, so
 * that nobody keeps others from being judged. When facts go, what would now fit is asked for again. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>

/* Some twenty thousand ordinary containers. The unit's MemoryMax is four times that. */
enum { ROOM_BYTES = 32 * 1024 * 1024 };

/* Of which there may be any number, each of somebody else's making. Execs have a limit of their own. */
static const unsigned limited = INPUT_BIT(INPUT_CONTAINER) | INPUT_BIT(INPUT_PROCESSES) | INPUT_BIT(INPUT_IMAGE) |
                                INPUT_BIT(INPUT_HISTORY) | INPUT_BIT(INPUT_LAYERS) | INPUT_BIT(INPUT_SCAN);

static char *describe(size_t size)
{
    return mem_printf("there is no room for the %zu KiB that rules read of it: what is known of all containers and "
                      "images takes at most %d MiB, and what takes most is left out",
                      size / 1024, ROOM_BYTES / 1024 / 1024);
}

/* The facts of KEY, which take SIZE, go as if they could not be read. */
static void take_away(struct evaluator *evaluator, enum input_kind kind, const char *key, size_t size)
{
    scoped(cleanup_free) char *why = describe(size);
    struct input *input = input_find(evaluator, kind, key);
    const char *outer = evaluator->cause;

    if (kind == INPUT_CONTAINER)
        joins_forget(evaluator, store_container(evaluator->store, key, NULL));
    store_put_error(evaluator->store, kind, key, why);
    if (!input)
        return;
    if (!input->stale && !input->in_flight) { /* else it is asked for anyway */
        retry_failed(evaluator, input, EFBIG);
        room_await(evaluator, input, size);
    }
    evaluator->cause = "room";
    visit_affected(evaluator, input, true);
    evaluator->cause = outer;
}

bool room_make(struct evaluator *evaluator, const struct input *input, const struct facts *facts, char **ret_why)
{
    const struct facts *before = store_get(evaluator->store, input->kind, input->key, NULL);
    size_t size = arena_size(facts->arena), freed = store_size_of(evaluator->store, input->kind, input->key);

    if (!(limited & INPUT_BIT(input->kind)))
        return true;
    while (store_size(evaluator->store) - freed + size > ROOM_BYTES) {
        enum input_kind kind = input->kind;
        const char *key = NULL;
        size_t most = store_largest(evaluator->store, limited, before, &kind, &key);
        scoped(cleanup_free) char *copy = mem_strdup(key ? key : "");

        if (most <= size) {
            *ret_why = describe(size);
            return false;
        }
        take_away(evaluator, kind, copy, most);
    }
    return true;
}

void room_await(struct evaluator *evaluator, struct input *input, size_t size)
{
    evaluator->without_room += input->room_awaited == 0;
    input->room_awaited = size;
}

void room_offer(struct evaluator *evaluator)
{
    size_t taken = store_size(evaluator->store);
    struct input *input;

    if (!evaluator->without_room)
        return;
    TAILQ_FOREACH(input, &evaluator->retries, retry)
    if (input->room_awaited && taken + input->room_awaited <= ROOM_BYTES) {
        taken += input->room_awaited;
        retry_now(evaluator, input->kind, input->key);
    }
}
