/* The sinks of one configuration. */
#include "agent/sinks/sink_list.h"

#include "common/memory.h"

/* Removes the sink for CONFIG from LIST and returns it. NULL: none. */
static struct sink *take_for(struct sink_list *list, const struct sink_config *config)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] && sink_is_for(list->items[i], config))
            return take(list->items[i]);
    return NULL;
}

void sink_list_configure(struct sink_list *list, struct event_base *base, struct workers *workers,
                         const struct sink_config *configs, size_t count)
{
    struct sink_list new = {.items = mem_alloc((count + 1) * sizeof(struct sink *)), .count = count};

    for (size_t i = 0; i < count; i++) {
        new.items[i] = take_for(list, &configs[i]);
        if (new.items[i])
            sink_configure(new.items[i], &configs[i]);
        else
            new.items[i] = sink_new(base, workers, &configs[i]);
    }
    sink_list_deinit(list);
    *list = new;
}

void sink_list_send(struct sink_list *list, const struct transition *transition)
{
    for (size_t i = 0; i < list->count; i++)
        sink_send(list->items[i], transition);
}

void sink_list_reopen(struct sink_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sink_reopen(list->items[i]);
}

void sink_list_deinit(struct sink_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sink_free(list->items[i]);
    free(list->items);
    *list = (struct sink_list){0};
}
