/* Simple commands that act on the variable: see the header. A test whether docker is there holds. */
#include "probes/environment/environment_commands.h"

#include <string.h>

#include "common/str.h"

static void assign(struct environment_script *script, unsigned line, const char *value, bool computed)
{
    script->touched++;
    environment_states_assign(script->states, script->place, line, arena_strdup(script->arena, value), computed);
}

void environment_make_unknown(struct environment_script *script, unsigned line)
{
    assign(script, line, "", true);
    environment_states_export(script->states, script->place, line, true);
}

static void set_exported(struct environment_script *script, unsigned line, bool exported)
{
    script->touched++;
    environment_states_export(script->states, script->place, line, exported);
}

/* NAME=value or NAME+=value, by its text; false: of another name. */
static bool assign_text(struct environment_script *script, const struct environment_word *word, unsigned line)
{
    size_t length = strlen(script->name);
    const char *rest = word->text + length;
    bool appends;

    if (strncmp(word->text, script->name, length) != 0 || (*rest != '=' && !str_starts(rest, "+=")))
        return false;
    appends = *rest == '+';
    assign(script, line, rest + 1 + appends, word->computed || appends);
    return true;
}

/* ---- Simple commands ---- */

static bool is_flag_group(const char *word)
{
    return (word[0] == '-' || word[0] == '+') && word[1] && strcmp(word, "--") != 0;
}

/* export, readonly, declare and the like: FLAG is what each name gets besides a value. */
static void run_declaration(struct environment_script *script, const struct environment_word *words, size_t count,
                            unsigned line, bool exports)
{
    bool to = true, changes = exports;
    size_t i = 0;

    for (; i < count && is_flag_group(words[i].text); i++) {
        const char *flags = words[i].text;

        if (strpbrk(flags, "fF"))
            return; /* functions */
        if (exports && strchr(flags, 'n'))
            to = false;
        if (!exports && strchr(flags, 'x')) {
            changes = true;
            to = flags[0] == '-';
        }
    }
    i += i < count && strcmp(words[i].text, "--") == 0;
    for (; i < count; i++)
        if ((assign_text(script, &words[i], line) || strcmp(words[i].text, script->name) == 0) && changes)
            set_exported(script, line, to);
}

static void run_unset(struct environment_script *script, const struct environment_word *words, size_t count,
                      unsigned line)
{
    for (size_t i = 0; i < count; i++) {
        if (str_starts(words[i].text, "-f"))
            return;
        if (strcmp(words[i].text, script->name) == 0)
            assign(script, line, NULL, false);
    }
}

static void run_set(struct environment_script *script, const struct environment_word *words, size_t count)
{
    for (size_t i = 0; i < count && is_flag_group(words[i].text); i++) {
        const char *flags = words[i].text;

        bool all = strchr(flags, 'a') != NULL;

        if (strchr(flags, 'o') && i + 1 < count)
            all |= strcmp(words[++i].text, "allexport") == 0;
        if (!all)
            continue;
        script->touched++;
        environment_states_all_export(script->states, flags[0] == '-');
    }
}

/* What follows is not run. */
static void run_return(struct environment_script *script)
{
    if (!script->isolations)
        environment_states_join(&script->returned, script->states);
    script->states->count = 0;
}

static bool names_docker(const struct environment_word *word)
{
    const char *slash = strrchr(word->text, '/'), *name = slash ? slash + 1 : word->text;

    return !word->computed && (strcmp(name, "docker") == 0 || strcmp(name, "dockerd") == 0);
}

enum truth environment_invert(enum truth truth)
{
    return truth == TRUTH_MAYBE ? TRUTH_MAYBE : truth == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

/* [ -x /usr/bin/docker ] and the like; WORDS are those between the brackets. */
static enum truth run_test(const struct environment_word *words, size_t count)
{
    if (count && strcmp(words[0].text, "!") == 0)
        return environment_invert(run_test(words + 1, count - 1));
    if (count == 2 && names_docker(&words[1]) &&
        (strcmp(words[0].text, "-x") == 0 || strcmp(words[0].text, "-e") == 0 || strcmp(words[0].text, "-f") == 0))
        return TRUTH_YES;
    return TRUTH_MAYBE;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool mentions(const struct environment_word *words, size_t count, const char *name, bool within)
{
    for (size_t i = 0; i < count; i++)
        if (within ? strstr(words[i].text, name) != NULL : strcmp(words[i].text, name) == 0)
            return true;
    return false;
}

/* WORDS[0] is the command's name. */
static enum truth run_command(struct environment_script *script, const struct environment_word *words, size_t count,
                              unsigned line)
{
    static const char *const declarations[] = {"declare", "typeset", "readonly", "local"};
    static const char *const finders[] = {"which", "type", "hash"};
    static const char *const setters[] = {"read", "printf", "getopts", "mapfile", "readarray", "let"};
    const char *name = words[0].text;
    const struct environment_word *rest = words + 1;
    size_t rest_count = count - 1;

    if (words[0].computed)
        return TRUTH_MAYBE;
    if (is_among((const char *const *)script->touching.items, script->touching.count, name)) {
        environment_make_unknown(script, line);
    } else if (strcmp(name, "command") == 0 || strcmp(name, "builtin") == 0) {
        if (rest_count == 2 && strcmp(rest[0].text, "-v") == 0)
            return names_docker(&rest[1]) ? TRUTH_YES : TRUTH_MAYBE;
        if (rest_count && rest[0].text[0] != '-')
            return run_command(script, rest, rest_count, line);
    } else if (strcmp(name, "true") == 0 || strcmp(name, ":") == 0) {
        return TRUTH_YES;
    } else if (strcmp(name, "false") == 0) {
        return TRUTH_NO;
    } else if (strcmp(name, "export") == 0) {
        run_declaration(script, rest, rest_count, line, true);
        return TRUTH_YES;
    } else if (is_among(declarations, countof(declarations), name)) {
        run_declaration(script, rest, rest_count, line, false);
    } else if (strcmp(name, "unset") == 0) {
        run_unset(script, rest, rest_count, line);
    } else if (strcmp(name, "set") == 0) {
        run_set(script, rest, rest_count);
    } else if (strcmp(name, "return") == 0 || strcmp(name, "exit") == 0) {
        run_return(script);
    } else if (strcmp(name, "eval") == 0 || is_among(setters, countof(setters), name)) {
        if (mentions(rest, rest_count, script->name, strcmp(name, "eval") == 0))
            environment_make_unknown(script, line);
    } else if (strcmp(name, "test") == 0) {
        return run_test(rest, rest_count);
    } else if (strcmp(name, "[") == 0 || strcmp(name, "[[") == 0) {
        return rest_count ? run_test(rest, rest_count - 1) : TRUTH_MAYBE;
    } else if (is_among(finders, countof(finders), name)) {
        return rest_count == 1 && names_docker(rest) ? TRUTH_YES : TRUTH_MAYBE;
    }
    return TRUTH_MAYBE;
}

/* Assignments before a command are that command's alone. */
enum truth environment_run(struct environment_script *script, const struct environment_word *words, size_t count,
                           unsigned line)
{
    enum truth truth = TRUTH_YES;
    size_t first = 0;

    while (first < count && words[first].name_length)
        first++;
    if (first < count)
        return run_command(script, words + first, count - first, line);
    for (size_t i = 0; i < count; i++) {
        assign_text(script, &words[i], line);
        if (words[i].computed) /* a substitution's result is the command's */
            truth = TRUTH_MAYBE;
    }
    return truth;
}
