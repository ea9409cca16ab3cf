/* Shell text read as the commands in it; nothing is run. A variable that a plain assignment before it gives a value
 * is replaced by that value.
 *
 * The tree: a list of pipelines, each a chain of commands. A command is simple (words) or a group (a body): ( ), { },
 * if, for, case and their like. What a word substitutes ($( ), ` `, <( )) and what a command is given to run (sh -c,
 * eval, find -exec, a here-document for a shell, echo TEXT | sh) hangs under it as a list of its own. Programs that run
 * the words after them (sudo, env, timeout, chroot …) are taken off: what they run is in their place.
 *
 * Text may be hostile. Reading takes steps from a budget: for each character that is read, again when it is read as a
 * script within the script, and for each word and its length when the command is complete. The latter also pays for
 * looking at the words of all commands a fixed number of times, so a caller that does so takes no steps of its own; one
 * that walks the tree, or compares commands with each other, does. When the steps are used up, reading ends. */
#ifndef COMMON_SHELL_SHELL_H
#define COMMON_SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/budget.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/vec.h"

struct shell_command;

struct shell_substitution {
    struct shell_substitution *next;
    struct shell_command *commands; /* a list */
    bool is_file;                   /* <( ): the word names a file that holds the output */
};

struct shell_word {
    const char *text; /* quotes taken away, substitutions as they are written */
    size_t length;
    struct shell_substitution *substitutions, *last;
    bool quoted;    /* some of it was */
    bool is_output; /* it is one substitution and nothing else */
};

enum shell_redirect_kind { SHELL_READ, SHELL_WRITE, SHELL_TEXT };

struct shell_redirect {
    struct shell_redirect *next;
    enum shell_redirect_kind kind;
    struct shell_word word; /* the file's name; SHELL_TEXT: what a here-document or here-string holds */
    bool expanded;          /* SHELL_TEXT: substitutions in it run */
};

struct shell_words {
    struct shell_word *items;
    size_t count, size;
};

enum shell_group {
    SHELL_SIMPLE,   /* no group */
    SHELL_COMPOUND, /* { }, if, while, for, case */
    SHELL_SUBSHELL, /* ( ) */
    SHELL_FUNCTION, /* its body, wherever it is called */
};

struct shell_command {
    struct shell_words assignments; /* NAME=value before it, those of env and sudo included */
    struct shell_words words;       /* empty: a group, or assignments alone */
    const char *program;            /* the base name of what it runs; "" where there are no words */
    const char *dropped;            /* a variable before the program of which nothing is known; NULL: none */
    enum shell_group group;
    const char *name;                   /* of a function */
    struct shell_redirect *redirects;   /* of standard input and output; the last one comes first */
    const char *output;                 /* the file that its output goes to; NULL: to none */
    struct shell_command *body;         /* a group's list */
    struct shell_command *scripts;      /* a list: what it is given to run */
    struct shell_command *last_script;  /* of that list */
    struct shell_command *next;         /* the pipeline after it; on a pipeline's first command */
    struct shell_command *pipe;         /* what reads its output */
    const struct shell_command *head;   /* its pipeline's first command */
    const struct shell_command *outer;  /* the group or the script's command that it is part of; NULL: none */
    const struct shell_command *inside; /* the command into whose word its output goes; NULL: none */
    const char *source;                 /* as it is written, not terminated; here-documents are no part of it */
    size_t source_length;
    const char *mark; /* what xargs puts its input in the place of; NULL: it runs under none */
    bool piped;       /* something's PIPE is this */
    bool conditional; /* on a pipeline's first command: && or || comes before it */
    bool alternative; /* … || does */
    bool background;  /* on a pipeline's first command: & comes after it */
};

struct shell_line {
    struct arena *arena; /* holds all that the pointers lead to */
    const char *text;    /* what was read: SOURCE of a command that is in no script points into it */
    struct shell_command *first;
    struct shell_command **items; /* every simple command, wherever it hangs */
    size_t count, size;
    size_t bytes;    /* read up to now */
    const char *why; /* why not all of it was read: "its commands are nested too deep"; NULL: it was */
    struct budget *budget;
    const struct map *given; /* variables: what they held before it, NULL: nothing; what is assigned in it */
    struct map *variables;
    struct map *functions; /* the groups that are functions by their names; NULL: there is none */
    bool verbatim;         /* variables are not replaced */
    size_t added;          /* bytes that were put in their places */
};

/* WINDOWS: cmd's and PowerShell's escapes instead of a backslash. */
enum shell_dialect { SHELL_POSIX, SHELL_WINDOWS };

struct shell_options {
    enum shell_dialect dialect;
    const struct map *variables; /* strings by their names, which live as long as the result; NULL: none */
    bool verbatim;               /* variables are left as they are written */
};

/* Reads TEXT; a JSON array of strings is one command, Docker's exec form. BUDGET lives as long as RET. What cannot be
 * read whole (too long, too deep, too many steps) gives what was read, and WHY. The caller ends RET with
 * shell_line_deinit(). */
void shell_parse(const char *text, size_t length, const struct shell_options *options, struct budget *budget,
                 struct shell_line *ret);
void shell_line_deinit(struct shell_line *line);
/* Takes out of LINE, of its tree and its items, what is in functions that nothing in it calls: none of it runs. */
void shell_drop_uncalled(struct shell_line *line);

/* The last part of a path. */
const char *shell_base_name(const char *path);
bool shell_is_one_of(const char *word, const char *const *words); /* WORDS end with NULL */
bool shell_is_assignment(const char *word);                       /* NAME=value, NAME+=value */
size_t shell_name_length(const char *text);                       /* of the variable's name that TEXT begins with */
/* Is it export NAME=value, or one of its like? */
bool shell_declares(const struct shell_command *command);
/* Is NAME that of a shell? */
bool shell_is_shell(const char *name);
/* For a shell's command: does it run what comes in on its standard input? */
bool shell_reads_input(const struct shell_command *command);
/* The file whose commands a shell's command runs; NULL: none. */
const struct shell_word *shell_script_file(const struct shell_command *command);

#endif
