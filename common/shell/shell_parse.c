/* Reading shell text into lists, pipelines and commands. What is not closed ends with the text, what closes nothing is
 * passed over: a history's step may be cut, and Windows' shells are read as far as they are alike. */
#include "common/shell/shell.h"

#include <string.h>

#include "common/json_in.h"
#include "common/shell/shell_internal.h"

enum { TEXT_MAX = 256 * 1024, BYTES_MAX = 2 * 1024 * 1024, COMMANDS_MAX = 65536, DEPTH_MAX = 48 };
/* Steps of the budget. */
enum { CHARACTER_STEPS = 2, NEW_COMMAND_STEPS = 24, COMMAND_STEPS = 40, WORD_STEPS = 20, WORD_CHARACTER_STEPS = 4 };

void shell_give_up(struct shell_reader *reader, const char *why)
{
    if (!reader->line->why)
        reader->line->why = why;
    reader->at = reader->length;
}

bool shell_take(struct shell_reader *reader, size_t steps)
{
    if (budget_take(reader->line->budget, steps))
        return true;
    shell_give_up(reader, "its commands take too much work");
    return false;
}

static size_t words_steps(const struct shell_words *words)
{
    size_t steps = 0;

    for (size_t i = 0; i < words->count; i++)
        steps += WORD_STEPS + WORD_CHARACTER_STEPS * words->items[i].length;
    return steps;
}

bool shell_take_command(struct shell_reader *reader, const struct shell_command *command)
{
    size_t steps = COMMAND_STEPS + words_steps(&command->words) + words_steps(&command->assignments);

    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        steps += WORD_STEPS + WORD_CHARACTER_STEPS * redirect->word.length;
    return shell_take(reader, steps);
}

bool shell_enter(struct shell_reader *reader)
{
    if (reader->depth >= DEPTH_MAX) {
        shell_give_up(reader, "its commands are nested too deeply");
        return false;
    }
    reader->depth++;
    return true;
}

void shell_push_word(struct shell_line *line, struct shell_words *words, struct shell_word word)
{
    if (words->count == words->size) {
        struct shell_word *items;

        words->size = words->size ? 2 * words->size : 4;
        items = arena_alloc(line->arena, words->size * sizeof *items);
        if (words->count)
            memcpy(items, words->items, words->count * sizeof *items);
        words->items = items;
    }
    words->items[words->count++] = word;
}

enum keyword { KEYWORD_NONE, KEYWORD_SKIPPED, KEYWORD_FUNCTION, KEYWORD_OPENS, KEYWORD_CASE, KEYWORD_CLOSES };

static enum keyword keyword_of(const struct shell_word *word, enum shell_dialect dialect)
{
    static const char *const skipped[] = {"then", "else", "elif", "do", "!", "coproc", NULL};
    static const char *const opens[] = {"if", "while", "until", "for", "select", "{", NULL};
    static const char *const closes[] = {"fi", "done", "esac", "}", NULL};

    if (word->quoted || word->substitutions)
        return KEYWORD_NONE;
    if (strcmp(word->text, "case") == 0)
        return KEYWORD_CASE;
    if (dialect == SHELL_POSIX && strcmp(word->text, "function") == 0)
        return KEYWORD_FUNCTION;
    return shell_is_one_of(word->text, skipped)  ? KEYWORD_SKIPPED
           : shell_is_one_of(word->text, opens)  ? KEYWORD_OPENS
           : shell_is_one_of(word->text, closes) ? KEYWORD_CLOSES
                                                 : KEYWORD_NONE;
}

enum { CLOSER_KEYWORD = 'k', CLOSER_ESAC = 'e' };

struct list {
    struct shell_command *first, *head, *last; /* HEAD: of the pipeline that is read, LAST: in it */
    bool pipe;                                 /* what comes next reads LAST's output */
    bool conditional;                          /* what comes next depends on what came before */
    bool alternative;                          /* … on its failure */
};

static void end_pipeline(struct shell_reader *reader, struct list *list)
{
    for (struct shell_command *command = list->last ? list->head : NULL; command; command = command->pipe)
        shell_read_scripts(reader, command);
    list->last = NULL;
    list->pipe = false;
}

static void add_command(struct shell_reader *reader, struct list *list, struct shell_command *command)
{
    if (list->last && !list->pipe)
        end_pipeline(reader, list);
    if (list->last) {
        list->last->pipe = command;
        command->piped = true;
    } else if (list->head) {
        list->head->next = command;
        list->head = command;
    } else {
        list->first = list->head = command;
    }
    command->head = list->head;
    if (!command->piped) {
        command->conditional = list->conditional;
        command->alternative = list->conditional && list->alternative;
    }
    list->last = command;
    list->pipe = false;
    shell_take_command(reader, command);
    if (command->words.count || command->assignments.count || command->redirects)
        vec_push(reader->line, command);
}

static struct shell_command *new_command(struct shell_reader *reader)
{
    struct shell_command *command = arena_alloc(reader->line->arena, sizeof *command);

    if (reader->line->count >= COMMANDS_MAX)
        shell_give_up(reader, "it has too many commands");
    shell_take(reader, NEW_COMMAND_STEPS);
    command->program = "";
    command->inside = reader->inside;
    command->outer = reader->outer;
    command->source = reader->text + reader->at;
    return command;
}

static void add_function(struct shell_reader *reader, struct shell_command *group)
{
    if (!reader->line->functions)
        reader->line->functions = map_new(NULL);
    group->name = reader->function;
    map_set(reader->line->functions, group->name, group);
    reader->function = NULL;
}

/* SOURCE: where the group begins. */
static struct shell_command *read_group(struct shell_reader *reader, const char *source, char closer)
{
    struct shell_command *group = new_command(reader);
    const struct shell_command *outer = reader->outer, *inside = reader->inside;

    group->source = source;
    group->group = reader->function ? SHELL_FUNCTION : closer == ')' ? SHELL_SUBSHELL : SHELL_COMPOUND;
    if (reader->function)
        add_function(reader, group);
    if (!shell_enter(reader))
        return group;
    reader->parens += closer == ')';
    reader->outer = group;
    group->body = shell_read_list(reader, closer);
    reader->outer = outer;
    if (closer == ')' && reader->parens)
        reader->parens--;
    reader->depth--;
    reader->inside = group;
    shell_read_redirects(reader, group);
    reader->inside = inside;
    group->source_length = (size_t)(reader->text + reader->at - group->source);
    return group;
}

/* Reads a word that belongs to COMMAND and is none of its words. */
static void read_word_of(struct shell_reader *reader, const struct shell_command *command, struct shell_word *ret)
{
    const struct shell_command *inside = reader->inside;

    reader->inside = command;
    shell_read_word(reader, ret);
    reader->inside = inside;
}

static void skip_pattern(struct shell_reader *reader)
{
    struct shell_word word;

    for (;;) {
        shell_skip_blanks(reader);
        if (reader->at >= reader->length)
            return;
        if (reader->text[reader->at] == '\n') {
            shell_read_newline(reader);
        } else if (shell_ends_word(reader->text[reader->at])) {
            if (reader->text[reader->at++] == ')')
                return;
        } else {
            size_t from = reader->at;

            read_word_of(reader, reader->outer, &word);
            if (reader->at - from == 4 && strcmp(word.text, "esac") == 0) {
                reader->at = from;
                return;
            }
        }
    }
}

/* "NAME ()" was read up to the bracket: a function, whose body is read as if it ran here. */
static bool is_function(struct shell_reader *reader, const struct shell_command *command)
{
    size_t at = reader->at + 1;

    while (at < reader->length && (reader->text[at] == ' ' || reader->text[at] == '\t'))
        at++;
    if (command->words.count != 1 || at >= reader->length || reader->text[at] != ')')
        return false;
    reader->at = at + 1;
    reader->function = command->words.items[0].text;
    return true;
}

/* "function NAME" or "function NAME ()", of which the first word was read. */
static void read_function_name(struct shell_reader *reader, const struct shell_command *command)
{
    struct shell_word name;

    shell_skip_blanks(reader);
    read_word_of(reader, command, &name);
    shell_skip_blanks(reader);
    if (shell_peek(reader, 0) == '(' && shell_peek(reader, 1) == ')')
        reader->at += 2;
    reader->function = name.text;
}

/* The brackets after NAME= hold a list. */
static void skip_array(struct shell_reader *reader)
{
    struct shell_word word;

    for (reader->at++; reader->at < reader->length && reader->text[reader->at] != ')';) {
        shell_skip_blanks(reader);
        if (reader->at < reader->length && shell_ends_word(reader->text[reader->at]) && reader->text[reader->at] != ')')
            reader->at++;
        else
            shell_read_word(reader, &word);
    }
    reader->at += reader->at < reader->length;
}

/* Reads a simple command. KEYWORD: its first word if that is not a command by itself. */
static struct shell_command *read_simple(struct shell_reader *reader, enum keyword *ret_keyword)
{
    struct shell_command *command = new_command(reader);
    const struct shell_command *outside = reader->inside;
    size_t end = reader->at;

    *ret_keyword = KEYWORD_NONE;
    reader->inside = command;
    while (reader->at < reader->length) {
        struct shell_word word;

        shell_read_redirects(reader, command);
        if (reader->at >= reader->length)
            break;
        if (!shell_begins_word(reader))
            break;
        shell_read_word(reader, &word);
        end = reader->at;
        if (!command->words.count && !command->assignments.count)
            *ret_keyword = keyword_of(&word, reader->dialect);
        if (!command->words.count && shell_is_assignment(word.text)) {
            size_t length = strlen(word.text);

            shell_push_word(reader->line, &command->assignments, word);
            if (word.text[length - 1] == '=' && shell_peek(reader, 0) == '(')
                skip_array(reader);
        } else {
            shell_push_word(reader->line, &command->words, word);
        }
        if (*ret_keyword != KEYWORD_NONE)
            break;
    }
    if (reader->at > end && command->redirects)
        end = reader->at;
    reader->inside = outside;
    command->source_length = (size_t)(reader->text + end - command->source);
    return command;
}

/* Reads the command here into LIST. False: its word closes the list. */
static bool read_command(struct shell_reader *reader, struct list *list)
{
    size_t at = reader->at;
    enum keyword keyword;
    struct shell_command *command = read_simple(reader, &keyword);

    switch (keyword) {
    case KEYWORD_SKIPPED:
        return true;
    case KEYWORD_FUNCTION:
        read_function_name(reader, command);
        return true;
    case KEYWORD_CLOSES:
        return false;
    case KEYWORD_OPENS:
        if (strcmp(command->words.items[0].text, "for") == 0 || strcmp(command->words.items[0].text, "select") == 0)
            reader->at = (size_t)(command->source - reader->text) + strlen(command->words.items[0].text);
        add_command(reader, list, read_group(reader, command->source, CLOSER_KEYWORD));
        return true;
    case KEYWORD_CASE:
        add_command(reader, list, read_group(reader, command->source, CLOSER_ESAC));
        return true;
    case KEYWORD_NONE:
        break;
    }
    if (shell_peek(reader, 0) == '(' && reader->dialect == SHELL_POSIX && is_function(reader, command))
        return true;
    reader->function = NULL;
    if (!command->words.count && !command->assignments.count && !command->redirects) {
        reader->at += reader->at == at && reader->at < reader->length;
        return true;
    }
    shell_expand(reader, command);
    shell_unwrap(reader, command);
    add_command(reader, list, command);
    return true;
}

static void skip_comment(struct shell_reader *reader)
{
    while (reader->at < reader->length && reader->text[reader->at] != '\n')
        reader->at++;
}

struct shell_command *shell_read_list(struct shell_reader *reader, char closer)
{
    struct list list = {0};
    bool at_pattern = closer == CLOSER_ESAC;

    while (reader->at < reader->length) {
        char c;

        shell_skip_blanks(reader);
        if (at_pattern) {
            at_pattern = false;
            skip_pattern(reader);
            shell_skip_blanks(reader);
        }
        if (reader->at >= reader->length)
            break;
        c = reader->text[reader->at];
        if (c == '#') {
            skip_comment(reader);
        } else if (c == '\n') {
            shell_read_newline(reader);
            if (!list.pipe) {
                list.conditional &= !list.last; /* a line may end after && */
                end_pipeline(reader, &list);
            }
        } else if (c == ';' || (c == '&' && shell_peek(reader, 1) != '>')) {
            at_pattern = closer == CLOSER_ESAC && c == ';' && shell_peek(reader, 1) == ';';
            list.conditional = c == '&' && shell_peek(reader, 1) == c;
            list.alternative = false;
            if (c == '&' && !list.conditional && list.last)
                list.head->background = true;
            reader->at += at_pattern || shell_peek(reader, 1) == c ? 2 : 1;
            end_pipeline(reader, &list);
        } else if (c == '|') {
            list.conditional |= shell_peek(reader, 1) == '|';
            if (shell_peek(reader, 1) == '|') {
                list.alternative = true;
                end_pipeline(reader, &list);
            } else {
                list.pipe = list.last != NULL;
            }
            reader->at += shell_peek(reader, 1) == '|' || shell_peek(reader, 1) == '&' ? 2 : 1;
        } else if (c == ')') {
            if (closer == ')') {
                reader->at++;
                break;
            }
            if (reader->parens)
                break;
            reader->at++;
            end_pipeline(reader, &list);
        } else if (c == '(') {
            reader->at++;
            add_command(reader, &list, read_group(reader, reader->text + reader->at - 1, ')'));
        } else if (!read_command(reader, &list) && (closer == CLOSER_KEYWORD || closer == CLOSER_ESAC)) {
            break;
        }
    }
    for (; reader->at >= reader->length && reader->document_count; reader->document_count--)
        reader->documents[reader->document_count - 1]->word = (struct shell_word){.text = ""};
    end_pipeline(reader, &list);
    return list.first;
}

struct shell_command *shell_read_text(struct shell_reader *reader, const char *text, size_t length,
                                      enum shell_dialect dialect)
{
    struct shell_reader inner = {.line = reader->line,
                                 .text = text,
                                 .length = length,
                                 .depth = reader->depth,
                                 .outer = reader->outer,
                                 .inside = reader->inside,
                                 .dialect = dialect};

    if (!shell_enter(&inner))
        return NULL;
    reader->line->bytes += length;
    if (reader->line->bytes > BYTES_MAX) {
        shell_give_up(reader, "it is too long");
        return NULL;
    }
    if (!shell_take(reader, CHARACTER_STEPS * length))
        return NULL;
    return shell_read_list(&inner, 0);
}

/* RUN ["program", "word"] */
static bool read_array(struct shell_reader *reader)
{
    const struct json_limits limits = {.bytes = TEXT_MAX, .depth = 2, .values = 4096};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct list list = {0};
    struct shell_command *command;
    const struct json *root;

    if (!reader->length || *reader->text != '[' || json_parse(reader->text, reader->length, &limits, &doc, NULL) < 0 ||
        !json_count(json_root(doc)))
        return false;
    root = json_root(doc);
    command = new_command(reader);
    command->source_length = reader->length;
    for (size_t i = 0; i < json_count(root); i++) {
        const char *text = json_string(json_at(root, i));

        if (!text)
            return false;
        shell_push_word(reader->line, &command->words,
                        (struct shell_word){
                            .text = arena_strdup(reader->line->arena, text), .length = strlen(text), .quoted = true});
    }
    shell_unwrap(reader, command);
    add_command(reader, &list, command);
    end_pipeline(reader, &list);
    reader->line->first = list.first;
    return true;
}

void shell_parse(const char *text, size_t length, const struct shell_options *options, struct budget *budget,
                 struct shell_line *ret)
{
    struct shell_reader reader = {.line = ret, .length = length, .dialect = options->dialect};

    *ret = (struct shell_line){.arena = arena_new(4096),
                               .budget = budget,
                               .given = options->variables,
                               .variables = map_new(NULL),
                               .verbatim = options->verbatim};
    if (length > TEXT_MAX) {
        ret->why = "it is too long";
        reader.length = TEXT_MAX;
    }
    ret->bytes = reader.length;
    ret->text = reader.text = arena_strndup(ret->arena, text, reader.length);
    if (shell_take(&reader, CHARACTER_STEPS * reader.length) && !read_array(&reader))
        ret->first = shell_read_list(&reader, 0);
}
