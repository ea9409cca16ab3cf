/* The set of possible states of a variable: see the header. */
#include "probes/environment/environment_states.h"

#include "common/str.h"

static bool is_same(const struct environment_item *a, const struct environment_item *b)
{
    return a->exported == b->exported && a->computed == b->computed && a->all_export == b->all_export &&
           str_equal(a->value, b->value);
}

static bool holds(const struct environment_states *states, const struct environment_item *item)
{
    for (size_t i = 0; i < states->count; i++)
        if (is_same(&states->items[i], item))
            return true;
    return false;
}

static void add(struct environment_states *states, const struct environment_item *item)
{
    struct environment_item *last = &states->items[ENVIRONMENT_STATES_MAX - 1];

    if (holds(states, item))
        return;
    if (states->count < ENVIRONMENT_STATES_MAX) {
        states->items[states->count++] = *item;
        return;
    }
    /* Unset from the beginning, which no line says: the place of another state stands for all. */
    for (size_t i = 0; i < states->count && !item->place; i++)
        item = &states->items[i];
    *last = *item;
    last->computed = true;
    last->value = "";
}

void environment_states_join(struct environment_states *states, const struct environment_states *other)
{
    for (size_t i = 0; i < other->count; i++)
        add(states, &other->items[i]);
}

/* Leaves one of each. */
static void settle(struct environment_states *states)
{
    struct environment_states all = *states;

    states->count = 0;
    environment_states_join(states, &all);
}

void environment_states_assign(struct environment_states *states, const char *place, unsigned line, const char *value,
                               bool computed)
{
    for (size_t i = 0; i < states->count; i++) {
        struct environment_item *item = &states->items[i];

        *item = (struct environment_item){.place = place,
                                          .line = line,
                                          .value = value,
                                          .exported = value && (item->exported || item->all_export),
                                          .computed = computed,
                                          .all_export = item->all_export};
    }
    settle(states);
}

void environment_states_export(struct environment_states *states, const char *place, unsigned line, bool exported)
{
    for (size_t i = 0; i < states->count; i++) {
        struct environment_item *item = &states->items[i];

        if (!item->value || !exported) {
            item->place = place;
            item->line = line;
        }
        item->exported = exported;
    }
    settle(states);
}

void environment_states_all_export(struct environment_states *states, bool on)
{
    for (size_t i = 0; i < states->count; i++)
        states->items[i].all_export = on;
    settle(states);
}
