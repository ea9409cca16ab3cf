/* Looking a text up in the tables. */
#include "agent/words/words_internal.h"

#include <stdlib.h>
#include <string.h>

const struct words_table *const words_tables[] = {&words_status,
                                                  &words_checks_host,
                                                  &words_checks_daemon,
                                                  &words_checks_files,
                                                  &words_checks_images,
                                                  &words_checks_containers,
                                                  &words_checks_swarm,
                                                  &words_reasons,
                                                  &words_system,
                                                  &words_errors,
                                                  &words_screens,
                                                  &words_reports,
                                                  NULL};

static int compare_english(const void *english, const void *entry)
{
    return strcmp(english, ((const struct words_entry *)entry)->english);
}

const char *words_find(enum language language, const char *english)
{
    if (language == LANGUAGE_EN)
        return NULL;
    for (size_t i = 0; words_tables[i]; i++) {
        const struct words_table *table = words_tables[i];
        const struct words_entry *entry =
            bsearch(english, table->entries, table->count, sizeof *table->entries, compare_english);

        if (entry)
            return entry->chinese;
    }
    return NULL;
}

const char *words(enum language language, const char *english)
{
    const char *found = words_find(language, english);

    return found ? found : english;
}

void words_render(struct str *out, const char *text, enum language language, size_t limit)
{
    message_render(out, text, language, words_find, limit);
}
