/* Redirections in shell text. */
#include <ctype.h>

#include "common/shell/shell_internal.h"

static void add_redirect(struct shell_reader *reader, struct shell_command *command, enum shell_redirect_kind kind,
                         struct shell_word word, bool is_document)
{
    static const char *const streams[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr", NULL};
    struct shell_redirect *redirect = arena_alloc(reader->line->arena, sizeof *redirect);

    redirect->kind = kind;
    redirect->word = word;
    redirect->next = command->redirects;
    command->redirects = redirect;
    if (kind == SHELL_WRITE && !shell_is_one_of(word.text, streams))
        command->output = word.text;
    if (!is_document)
        return;
    redirect->expanded = !word.quoted;
    if (reader->document_count < SHELL_DOCUMENTS_MAX)
        reader->documents[reader->document_count++] = redirect;
    else
        shell_give_up(reader, "it has too many here-documents on one line");
}

/* At < or >, after a descriptor's number FD (-1: none). */
static void read_redirect(struct shell_reader *reader, struct shell_command *command, long fd)
{
    bool input = shell_peek(reader, 0) == '<', is_document = false, is_string = false, duplicates = false;
    struct shell_word word;

    reader->at++;
    if (input && shell_peek(reader, 0) == '<') {
        is_string = shell_peek(reader, 1) == '<';
        is_document = !is_string;
        reader->at += is_string || shell_peek(reader, 1) == '-' ? 2 : 1;
    } else if (shell_peek(reader, 0) == '>' || shell_peek(reader, 0) == '|') {
        reader->at++;
    } else if (shell_peek(reader, 0) == '&') {
        duplicates = isdigit((unsigned char)shell_peek(reader, 1)) || shell_peek(reader, 1) == '-';
        reader->at++;
    }
    shell_skip_blanks(reader);
    shell_read_word(reader, &word);
    if (duplicates || fd > 1 || (input && fd > 0) || (!input && fd == 0))
        return;
    add_redirect(reader, command,
                 is_document || is_string ? SHELL_TEXT
                 : input                  ? SHELL_READ
                                          : SHELL_WRITE,
                 word, is_document);
}

/* A number right before < or > here: which, and the reader passes it. */
static long read_descriptor(struct shell_reader *reader)
{
    size_t digits = 0;
    long fd = 0;

    while (digits < 3 && isdigit((unsigned char)shell_peek(reader, digits)))
        fd = 10 * fd + (shell_peek(reader, digits++) - '0');
    if (!digits || (shell_peek(reader, digits) != '<' && shell_peek(reader, digits) != '>'))
        return -1;
    reader->at += digits;
    return fd;
}

static bool begins_redirect(const struct shell_reader *reader)
{
    char c = shell_peek(reader, 0);

    return (c == '<' || c == '>') && (shell_peek(reader, 1) != '(' || reader->dialect == SHELL_WINDOWS);
}

bool shell_begins_word(const struct shell_reader *reader)
{
    char c = shell_peek(reader, 0);

    if (c == '<' || c == '>')
        return shell_peek(reader, 1) == '(' && reader->dialect == SHELL_POSIX;
    return c != '#' && !shell_ends_word(c);
}

void shell_read_redirects(struct shell_reader *reader, struct shell_command *command)
{
    while (reader->at < reader->length) {
        long fd;

        shell_skip_blanks(reader);
        fd = read_descriptor(reader);
        if (fd < 0 && shell_peek(reader, 0) == '&' && shell_peek(reader, 1) == '>')
            reader->at++;
        if (!begins_redirect(reader))
            return;
        read_redirect(reader, command, fd);
    }
}
