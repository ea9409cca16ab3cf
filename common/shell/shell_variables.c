/* Variables in shell text: what plain assignments give them is put into the words after, as a shell would do it. A
 * value that begins with a command's output is not known, nor is what read or a function's caller gives. */
#include <ctype.h>
#include <string.h>

#include "common/shell/shell_internal.h"
#include "common/str.h"

/* ADDED_MAX: bytes that expanding may add to one line. */
enum { NAME_MAX_LENGTH = 128, VALUE_MAX = 4096, ADDED_MAX = 1024 * 1024 };

static const char unknown[] = ""; /* the address counts */

size_t shell_name_length(const char *text)
{
    size_t length = 0;

    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return isdigit((unsigned char)*text) ? 0 : length;
}

/* NULL: not known. */
static const char *value_of(const struct shell_line *line, const char *text, size_t length)
{
    char name[NAME_MAX_LENGTH + 1];
    const char *value;

    if (!length || length > NAME_MAX_LENGTH)
        return NULL;
    memcpy(name, text, length);
    name[length] = '\0';
    value = map_get(line->variables, name);
    if (!value && line->given)
        value = map_get(line->given, name);
    return value == unknown ? NULL : value;
}

/* $NAME, ${NAME}, ${NAME:-default} at AT: its length; 0: not one, or its value is unknown. RET_LOOKED: how much was
 * searched for its end. */
static size_t reference(const struct shell_line *line, const char *at, const char **ret, size_t *ret_length,
                        size_t *ret_looked)
{
    bool braced = at[1] == '{';
    const char *name = at + 1 + braced, *end = name + shell_name_length(name), *close;

    *ret = value_of(line, name, (size_t)(end - name));
    *ret_length = *ret ? strlen(*ret) : 0;
    *ret_looked = 0;
    if (!braced)
        return *ret ? (size_t)(end - at) : 0;
    if (end > name && *end != '}') {
        const char *fallback = end + (*end == ':');

        if (*fallback != '-' && *fallback != '=')
            return 0;
        fallback++;
        *ret_looked = strnlen(fallback, VALUE_MAX);
        close = memchr(fallback, '}', *ret_looked);
        if (close && !*ret) {
            *ret = fallback;
            *ret_length = (size_t)(close - fallback);
        }
        end = close;
    }
    return *ret && end ? (size_t)(end + 1 - at) : 0;
}

/* TEXT with what is known in it; NULL: nothing is. */
static const char *expand(struct shell_reader *reader, const char *text)
{
    enum { REFERENCE_STEPS = 48 };
    scoped_str expanded = STR_INIT;
    bool changed = false;

    if (!strchr(text, '$') || !shell_take(reader, strlen(text)))
        return NULL;
    for (const char *at = text; *at;) {
        const char *value;
        size_t length, looked = 0, size = *at == '$' ? reference(reader->line, at, &value, &length, &looked) : 0;

        if (*at == '$' && !shell_take(reader, REFERENCE_STEPS + looked / 8))
            return NULL;
        if (size && expanded.length + length < VALUE_MAX) {
            str_append_n(&expanded, value, length);
            changed = true;
            at += size;
        } else {
            str_append_char(&expanded, *at++);
        }
    }
    if (!changed)
        return NULL;
    reader->line->added += expanded.length;
    if (reader->line->added > ADDED_MAX)
        shell_give_up(reader, "its variables are too long");
    return arena_strndup(reader->line->arena, str_text(&expanded), expanded.length);
}

/* Adds WORD to WORDS; outside quotes a variable's value becomes several words, or none. */
static void push_expanded(struct shell_reader *reader, struct shell_words *words, struct shell_word word)
{
    const char *text = expand(reader, word.text);

    if (!text || word.quoted || word.substitutions) {
        word.text = text ? text : word.text;
        word.length = text ? strlen(text) : word.length;
        shell_push_word(reader->line, words, word);
        return;
    }
    for (text += strspn(text, " \t\n"); *text; text += strspn(text, " \t\n")) {
        size_t length = strcspn(text, " \t\n");

        word.text = arena_strndup(reader->line->arena, text, length);
        word.length = length;
        shell_push_word(reader->line, words, word);
        text += length;
    }
}

static bool is_output(const char *value)
{
    return value[0] == '`' || (value[0] == '$' && value[1] == '(');
}

/* Remembers "NAME=value" or "NAME+=value". What may be one of several addresses, as in the branches of a case, is all
 * of them. */
static void assign(struct shell_reader *reader, const struct shell_command *command, const char *assignment)
{
    enum { ASSIGNMENT_STEPS = 64 };
    size_t length = shell_name_length(assignment);
    bool appends = assignment[length] == '+';
    const char *value = assignment + length + appends + 1, *old = value_of(reader->line, assignment, length);
    bool alternative =
        !appends && command->outer && old && strcmp(old, value) != 0 && strstr(old, "://") && strstr(value, "://");
    scoped(cleanup_free) char *name = mem_strndup(assignment, length);
    scoped_str joined = STR_INIT;

    if (old && (appends || alternative))
        str_printf(&joined, "%s%s", old, alternative ? " " : "");
    str_append(&joined, value);
    if ((joined.length > VALUE_MAX && alternative) || !shell_take(reader, ASSIGNMENT_STEPS + joined.length))
        return;
    map_set(reader->line->variables, name,
            is_output(value) || joined.length > VALUE_MAX
                ? (void *)(uintptr_t)unknown
                : arena_strndup(reader->line->arena, str_text(&joined), joined.length));
}

/* for NAME in words: NAME is all of them. */
static void assign_words(struct shell_reader *reader, const struct shell_words *words)
{
    scoped_str text = STR_INIT;

    for (size_t i = 2; i < words->count && text.length < VALUE_MAX; i++)
        str_printf(&text, "%s%s", i > 2 ? " " : "", words->items[i].text);
    map_set(reader->line->variables, words->items[0].text,
            arena_strndup(reader->line->arena, str_text(&text), text.length));
}

/* A program's place that holds nothing but a variable of which nothing is known: most often an empty one, as in
 * "$SUDO apt-get update". */
static bool is_unknown(const struct shell_word *word)
{
    const char *name = word->text + (word->text[0] == '$') + (word->text[1] == '{');
    size_t length = shell_name_length(name);

    return word->text[0] == '$' && length && !word->quoted && !word->substitutions &&
           strcmp(name + length, word->text[1] == '{' ? "}" : "") == 0;
}

bool shell_declares(const struct shell_command *command)
{
    static const char *const names[] = {"export", "local", "declare", "readonly", "typeset", NULL};

    return shell_is_one_of(command->program, names);
}

/* PowerShell's "$p = Start-Process a.exe": the command is what comes after it. */
static void drop_assignment(struct shell_words *words)
{
    if (words->count < 3 || words->items[0].text[0] != '$' || strcmp(words->items[1].text, "=") != 0 ||
        words->items[2].quoted || !isalpha((unsigned char)words->items[2].text[0]))
        return;
    words->items += 2;
    words->count -= 2;
    words->size = words->count;
}

void shell_expand(struct shell_reader *reader, struct shell_command *command)
{
    struct shell_words words = command->words;

    if (reader->dialect == SHELL_WINDOWS)
        drop_assignment(&command->words);
    if (reader->dialect != SHELL_POSIX || reader->line->verbatim)
        return;
    for (size_t i = 0; i < command->assignments.count; i++) {
        const char *text = expand(reader, command->assignments.items[i].text);

        if (text) {
            command->assignments.items[i].text = text;
            command->assignments.items[i].length = strlen(text);
        }
    }
    command->words = (struct shell_words){0};
    for (size_t i = 0; i < words.count; i++)
        push_expanded(reader, &command->words, words.items[i]);
    while (command->words.count > 1 && is_unknown(&command->words.items[0])) {
        command->dropped = command->words.items[0].text;
        command->words.items++;
        command->words.count--;
        command->words.size--;
    }
    for (size_t i = 0; !command->words.count && i < command->assignments.count; i++)
        assign(reader, command, command->assignments.items[i].text);
    if (command->words.count < 2)
        return;
    command->program = shell_base_name(command->words.items[0].text);
    if (shell_declares(command)) {
        for (size_t i = 1; i < command->words.count; i++)
            if (shell_is_assignment(command->words.items[i].text))
                assign(reader, command, command->words.items[i].text);
    } else if (strcmp(command->words.items[1].text, "in") == 0) {
        assign_words(reader, &command->words);
    }
}
