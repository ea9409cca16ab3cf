/* Functions in shell text: which of them are called. */
#include <string.h>

#include "common/shell/shell.h"

enum { PASSES_MAX = 8, LEVEL_STEPS = 8, WORD_STEPS = 32 };

/* Does COMMAND run, if no functions but the CALLED ones do? */
static bool runs(const struct shell_command *command, const struct map *called, struct budget *budget)
{
    for (const struct shell_command *outer = command->outer; outer && budget_take(budget, LEVEL_STEPS);
         outer = outer->outer)
        if (outer->group == SHELL_FUNCTION && !map_get(called, outer->name))
            return false;
    return true;
}

/* Any word may be a function's name: "retry build", "trap clean EXIT". */
static void add_calls(const struct shell_command *command, struct map *called, struct budget *budget)
{
    for (size_t i = 0; i < command->words.count && budget_take(budget, WORD_STEPS + command->words.items[i].length);
         i++)
        map_set(called, command->words.items[i].text, called);
}

static void empty_uncalled(struct shell_command *list, const struct map *called)
{
    for (; list; list = list->next)
        for (struct shell_command *command = list; command; command = command->pipe) {
            if (command->group == SHELL_FUNCTION && !map_get(called, command->name))
                command->body = NULL;
            empty_uncalled(command->body, called);
            empty_uncalled(command->scripts, called);
        }
}

void shell_drop_uncalled(struct shell_line *line)
{
    scoped(cleanup_map) struct map *called = NULL;
    scoped(cleanup_free) bool *seen = NULL;
    size_t kept = 0;
    bool more = line->functions != NULL;

    if (!more)
        return;
    called = map_new(NULL);
    seen = mem_alloc(line->count);
    for (size_t pass = 0; more && pass < PASSES_MAX; pass++) {
        more = false;
        for (size_t i = 0; i < line->count && !budget_is_over(line->budget); i++)
            if (!seen[i] && runs(line->items[i], called, line->budget)) {
                add_calls(line->items[i], called, line->budget);
                seen[i] = more = true;
            }
    }
    for (size_t i = 0; i < line->count; i++)
        if (seen[i])
            line->items[kept++] = line->items[i];
    line->count = kept;
    empty_uncalled(line->first, called);
}
