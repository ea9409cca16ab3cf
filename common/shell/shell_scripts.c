/* What commands are given to run as a script of their own. */
#include <string.h>

#include "common/shell/shell_internal.h"
#include "common/str.h"

bool shell_is_shell(const char *name)
{
    static const char *const names[] = {"sh",   "bash",  "ash",  "dash", "zsh", "ksh",
                                        "mksh", "rbash", "fish", "tcsh", "csh", NULL};

    return shell_is_one_of(name, names);
}

static bool is_input(const char *path)
{
    static const char *const paths[] = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", NULL};

    return shell_is_one_of(path, paths);
}

/* The meaning of a shell's words. */
struct arguments {
    const struct shell_word *script, *file; /* after -c; the first operand; NULL: none */
    bool stdin_option;                      /* -s */
    bool no_run;                            /* -n */
};

static struct arguments shell_arguments(const struct shell_command *command)
{
    struct arguments arguments = {0};
    bool takes_script = false;
    size_t i = 1;

    for (; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        invariant(word);
        if ((word[0] != '-' && word[0] != '+') || !word[1])
            break;
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        if (word[1] == '-') {
            i += strcmp(word, "--rcfile") == 0 || strcmp(word, "--init-file") == 0;
            continue;
        }
        takes_script |= word[0] == '-' && strchr(word, 'c') != NULL;
        arguments.stdin_option |= word[0] == '-' && strchr(word, 's') != NULL;
        arguments.no_run |= word[0] == '-' && strchr(word, 'n') != NULL;
        i += strpbrk(word, "oO") != NULL; /* -o NAME */
    }
    if (i < command->words.count) {
        if (takes_script)
            arguments.script = &command->words.items[i];
        else
            arguments.file = &command->words.items[i];
    }
    return arguments;
}

/* su [options] [-] [user]: the script after -c; without one what comes in is run. */
static const char *su_script(const struct shell_command *command)
{
    static const char *const options[] = {"-c", "--command", "--session-command", "-lc", NULL};

    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (shell_is_one_of(word, options) && i + 1 < command->words.count)
            return command->words.items[i + 1].text;
        if (str_starts(word, "--command="))
            return word + strlen("--command=");
    }
    return NULL;
}

static bool is_su(const char *name)
{
    static const char *const names[] = {"su", "runuser", NULL};

    return shell_is_one_of(name, names);
}

bool shell_reads_input(const struct shell_command *command)
{
    const char *name = command->program;
    struct arguments arguments;

    if (is_su(name))
        return !su_script(command);
    if (strcmp(name, "source") == 0 || strcmp(name, ".") == 0)
        return command->words.count > 1 && is_input(command->words.items[1].text);
    if (!shell_is_shell(name))
        return false;
    arguments = shell_arguments(command);
    if (arguments.script && command->mark) /* xargs -I{} sh -c {} */
        return str_starts(arguments.script->text, command->mark);
    return !arguments.no_run && !arguments.script &&
           (arguments.stdin_option || !arguments.file || is_input(arguments.file->text));
}

const struct shell_word *shell_script_file(const struct shell_command *command)
{
    const char *name = command->program;
    struct arguments arguments;

    if (strcmp(name, "source") == 0 || strcmp(name, ".") == 0)
        return command->words.count > 1 ? &command->words.items[1] : NULL;
    arguments = shell_is_shell(name) ? shell_arguments(command) : (struct arguments){0};
    return arguments.no_run ? NULL : arguments.file;
}

/* ---- Reading them ---- */

static void add_list(struct shell_command *command, struct shell_command *list)
{
    if (command->scripts)
        command->last_script->next = list;
    else
        command->scripts = list;
    for (; list; list = list->next)
        command->last_script = list;
}

static void read_script(struct shell_reader *reader, struct shell_command *command, const char *text,
                        enum shell_dialect dialect)
{
    const struct shell_command *inside = reader->inside, *outer = reader->outer;

    reader->inside = command->inside;
    reader->outer = command;
    add_list(command, shell_read_text(reader, text, strlen(text), dialect));
    reader->inside = inside;
    reader->outer = outer;
}

/* The words from FROM on, as one text. */
static const char *join_words(struct shell_reader *reader, const struct shell_command *command, size_t from)
{
    scoped_str text = STR_INIT;

    for (size_t i = from; i < command->words.count; i++) {
        if (i > from)
            str_append_char(&text, ' ');
        str_append_n(&text, command->words.items[i].text, command->words.items[i].length);
    }
    return arena_strndup(reader->line->arena, str_text(&text), text.length);
}

/* find … -exec command … ; What it runs may be find again: that is one level deeper, and its words are looked at again.
 */
static void read_find(struct shell_reader *reader, struct shell_command *command)
{
    static const char *const actions[] = {"-exec", "-execdir", "-ok", "-okdir", NULL}, *const ends[] = {";", "+", NULL};
    const struct shell_words *words = &command->words;

    if (!shell_enter(reader))
        return;
    for (size_t i = 1; i < words->count; i++) {
        struct shell_command *inner;
        size_t end = i + 1;

        if (!shell_is_one_of(words->items[i].text, actions))
            continue;
        while (end < words->count && !shell_is_one_of(words->items[end].text, ends))
            end++;
        inner = arena_alloc(reader->line->arena, sizeof *inner);
        inner->program = "";
        inner->inside = command->inside;
        inner->outer = command->outer;
        inner->source = command->source;
        inner->source_length = command->source_length;
        inner->words.items = words->items + i + 1;
        inner->words.count = inner->words.size = end - i - 1;
        shell_unwrap(reader, inner);
        if (!shell_take_command(reader, inner))
            break;
        shell_read_scripts(reader, inner);
        vec_push(reader->line, inner);
        add_list(command, inner);
        i = end;
    }
    reader->depth--;
}

/* What echo, printf and cat put out as far as it is known: appends it to TEXT. */
static void known_output(struct str *text, const struct shell_command *command)
{
    static const char *const printers[] = {"echo", "printf", NULL};
    const char *name = command->program;

    if (strcmp(name, "cat") == 0 || strcmp(name, "tee") == 0)
        for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
            if (redirect->kind == SHELL_TEXT)
                str_append(text, redirect->word.text);
    for (size_t i = 1; i < command->words.count && shell_is_one_of(name, printers); i++) {
        for (const char *at = command->words.items[i].text; *at; at++) {
            if (at[0] == '\\' && at[1] == 'n') {
                str_append_char(text, '\n');
                at++;
            } else {
                str_append_char(text, *at);
            }
        }
        str_append_char(text, ' ');
    }
}

/* What is known of the text on a shell's standard input. */
static void read_input(struct shell_reader *reader, struct shell_command *command, const struct shell_command *from)
{
    scoped_str text = STR_INIT;

    if (from)
        known_output(&text, from);
    for (struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT) {
            str_append(&text, redirect->word.text);
            redirect->expanded = false;
        }
    if (text.length)
        read_script(reader, command, arena_strndup(reader->line->arena, str_text(&text), text.length), SHELL_POSIX);
}

/* powershell -Command words… */
static void read_powershell(struct shell_reader *reader, struct shell_command *command)
{
    static const char *const options[] = {"-command", "-Command", "-c", "-C", NULL};

    for (size_t i = 1; i + 1 < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, options)) {
            read_script(reader, command, join_words(reader, command, i + 1), SHELL_WINDOWS);
            return;
        }
}

/* Words that one option or operand gives as a script: flock FILE -c, env -S, script -c, sg GROUP -c, trap. */
static const char *other_script(const struct shell_command *command)
{
    static const struct {
        const char *name, *option;
    } programs[] = {{"flock", "-c"},  {"flock", "--command"}, {"env", "-S"},  {"env", "--split-string"},
                    {"script", "-c"}, {"sg", "-c"},           {"capsh", "-c"}};
    const char *name = command->program;

    if (strcmp(name, "trap") == 0 && command->words.count > 2)
        return command->words.items[1].text;
    for (size_t i = 0; i < countof(programs); i++)
        for (size_t k = 1; strcmp(programs[i].name, name) == 0 && k + 1 < command->words.count; k++)
            if (strcmp(command->words.items[k].text, programs[i].option) == 0)
                return command->words.items[k + 1].text;
    return NULL;
}

static void read_documents(struct shell_reader *reader, struct shell_command *command)
{
    for (struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next) {
        struct shell_reader inner = {.line = reader->line,
                                     .text = redirect->word.text,
                                     .length = strlen(redirect->word.text),
                                     .depth = reader->depth,
                                     .inside = command};

        if (redirect->kind == SHELL_TEXT && redirect->expanded && shell_enter(&inner))
            shell_read_document(&inner, &redirect->word);
    }
}

/* A here-document that no command reads is the RUN instruction's own script; for another interpreter it is a text. */
static bool is_script(const char *text)
{
    const char *end = text + strcspn(text, "\r\n");
    scoped(cleanup_free) char *line = NULL;

    if (!str_starts(text, "#!"))
        return true;
    line = mem_strndup(text, (size_t)(end - text));
    return strstr(line, "sh") != NULL;
}

void shell_read_scripts(struct shell_reader *reader, struct shell_command *command)
{
    const char *name = command->program, *script = NULL;

    if (command->pipe && !command->pipe->body && shell_reads_input(command->pipe))
        read_input(reader, command->pipe, command);
    if (command->body)
        return;
    if (!command->words.count && !command->assignments.count) {
        for (struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
            if (redirect->kind == SHELL_TEXT && is_script(redirect->word.text)) {
                redirect->expanded = false;
                read_script(reader, command, redirect->word.text, SHELL_POSIX);
            }
        return;
    }
    if (strcmp(name, "eval") == 0)
        script = join_words(reader, command, 1);
    else if (is_su(name))
        script = su_script(command);
    else if (shell_is_shell(name))
        script = shell_arguments(command).script ? shell_arguments(command).script->text : NULL;
    else
        script = other_script(command);
    if (script)
        read_script(reader, command, script, SHELL_POSIX);
    else if (!command->piped && shell_reads_input(command))
        read_input(reader, command, NULL);
    if (strcmp(name, "find") == 0)
        read_find(reader, command);
    else if (strcmp(name, "pwsh") == 0 || strcmp(name, "powershell") == 0)
        read_powershell(reader, command);
    read_documents(reader, command);
}
