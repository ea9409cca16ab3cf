/* Steps that update a package index, or packages, and install nothing, from an image's history: 4.7. */
#include "agent/checks/image_update.h"

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"

/* What the commands of a step do; each is the first one that does, NULL: none. */
struct effects {
    const struct shell_command *updates, *installs, *unknown;
};

static struct effects effects_of(const struct shell_line *line)
{
    struct effects effects = {0};

    for (size_t i = 0; i < line->count && !effects.installs; i++) {
        enum package_effect effect = package_effect(line->items[i]);

        if (effect == PACKAGES_INSTALLED)
            effects.installs = line->items[i];
        if (effect == PACKAGES_UPDATED && !effects.updates)
            effects.updates = line->items[i];
    }
    for (size_t i = 0; effects.updates && !effects.installs && !effects.unknown && i < line->count; i++)
        if (package_effect_is_unknown(line, line->items[i]))
            effects.unknown = line->items[i];
    return effects;
}

void check_image_update_instruction(const struct check_input *in, struct check_result *out)
{
    scoped(history_end) struct history_reading reading;
    const char *instead = NULL; /* of the first step that fails */

    if (!history_begin(&reading, in, out))
        return;
    for (size_t i = 0; i < reading.count; i++) {
        scoped(shell_line_deinit) struct shell_line line = {0};
        struct effects effects = {0};

        history_learn(&reading, i);
        if (reading.steps[i].instruction != INSTRUCTION_RUN)
            continue;
        if (history_parse(&reading, i, reading.variables, &line))
            effects = effects_of(&line);
        if (!history_judged(&reading, i, &line) || !effects.updates || effects.installs)
            continue;
        if (effects.unknown) {
            history_say(&reading, VERDICT_MANUAL, i,
                        "updates packages or their index, and the history does not show what this installs",
                        effects.unknown->source, effects.unknown->source_length);
        } else {
            instead = instead ? instead : package_install_step(effects.updates->program);
            history_say(&reading, VERDICT_FAIL, i, "updates packages or their index and installs nothing",
                        effects.updates->source, effects.updates->source_length);
        }
    }
    if (!history_say_end(&reading, "no step only updates packages or their index"))
        check_remedy_note(in, out, "in the step that installs what needs the update: %s; then %s build --no-cache",
                          instead, check_engine_command(in));
}
