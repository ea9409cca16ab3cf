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

static void attach(struct sink_list *list, struct event_store *store)
{
    struct event_cursor_options *options = mem_alloc((list->count + 1) * sizeof *options);
    struct event_cursor **cursors = mem_alloc((list->count + 1) * sizeof(struct event_cursor *));

    for (size_t i = 0; i < list->count; i++)
        sink_describe_cursor(list->items[i], &options[i]);
    event_store_cursors(store, options, list->count, cursors);
    for (size_t i = 0; i < list->count; i++)
        sink_attach(list->items[i], cursors[i]);
    free(options);
    free(cursors);
}

void sink_list_configure(struct sink_list *list, struct event_base *base, struct workers *workers,
                         struct event_store *store, const struct record_origin *origin,
                         const struct sink_config *configs, size_t count)
{
    struct sink_list new = {.items = mem_alloc((count + 1) * sizeof(struct sink *)), .count = count};

    for (size_t i = 0; i < count; i++) {
        new.items[i] = take_for(list, &configs[i]);
        if (new.items[i])
            sink_configure(new.items[i], &configs[i]);
        else
            new.items[i] = sink_new(base, workers, &configs[i], origin);
    }
    sink_list_deinit(list);
    *list = new;
    attach(list, store);
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
