/* What the writers of documents share. */
#include "common/options/document.h"

#include <string.h>

void document_quote(struct str *out, const char *text)
{
    str_append_char(out, '\'');
    for (; *text; text++)
        if (*text == '\'')
            str_append(out, "'\\''");
        else
            str_append_char(out, *text);
    str_append_char(out, '\'');
}

void document_identifier(struct str *out, const struct program_options *program)
{
    for (const char *at = program->name; *at; at++)
        str_append_char(out, *at == '-' ? '_' : *at);
}

const char *document_list(const struct program_options *program, enum option_kind kind)
{
    static const char *const lists[OPTION_KIND_COUNT] = {
        [OPTION_RULE] = "rules", [OPTION_SECTION] = "sections", [OPTION_SUBJECT] = "subjects",
        [OPTION_SINK] = "sinks", [OPTION_EXEC] = "execs",
    };

    return program->commands ? lists[kind] : NULL;
}

const char *const *document_words(const struct option_value *value)
{
    static const char *const languages[] = {"en", "zh", NULL};
    static const char *const times[] = {"now", "today", "yesterday", "1h", "1d", "1w", NULL};
    static const char *const addresses[] = {"unix://", "tcp://", NULL};

    if (value->words)
        return value->words;
    if (value->kind == OPTION_LANGUAGE)
        return languages;
    if (value->kind == OPTION_TIME || value->kind == OPTION_SINCE)
        return times;
    return value->kind == OPTION_ADDRESS ? addresses : NULL;
}
