/* One table of options and commands for each program. Parsing, checking of values, help, manual pages and completion
 * are all made from it: an option more is a row more, and a member of the program's structure of values. */
#ifndef COMMON_OPTIONS_OPTIONS_H
#define COMMON_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/str.h"

/* What people read. NULL: nothing. */
struct option_text {
    const char *en, *zh;
};

/* What a value has to be, and what completion offers for it. */
enum option_kind {
    OPTION_FLAG,     /* no value follows */
    OPTION_WORD,     /* one of `words`, whatever its case */
    OPTION_WORDS,    /* some of `words`, with commas between them */
    OPTION_LANGUAGE, /* en or zh; also that of the messages and the help */
    OPTION_NUMBER,   /* whole, from `min` to `max` */
    OPTION_TIME,     /* as when_parse() reads it */
    OPTION_SINCE,    /* a time, or the number of a transition */
    OPTION_TEXT,     /* anything but nothing, as all those below */
    OPTION_FILE,
    OPTION_FOLDER,
    OPTION_ADDRESS, /* of an engine */
    OPTION_USER,    /* of this host */
    OPTION_RULE,    /* id or slug; the agent knows which there are, as for the following ones */
    OPTION_SECTION,
    OPTION_SUBJECT,
    OPTION_SINK,
    OPTION_EXEC,
    OPTION_COMMAND, /* of this program */
    OPTION_KIND_COUNT
};

/* One value, of an option or a command. */
struct option_value {
    enum option_kind kind;
    const char *name;         /* "SEVERITY", in help and manual page; NULL only for a flag */
    const char *noun;         /* "severity", in messages; NULL: the option's name */
    const char *const *words; /* that are allowed, NULL ends */
    int64_t min, max;
};

struct option_row {
    const char *name; /* without "--"; several rows may have it, if each has `commands` of its own and all take a value
                         or none does */
    char letter;      /* 0: none */
    bool hidden;      /* not in help, manual page and completion */
    struct option_value value;
    size_t place;            /* offset in the structure of values, of a bool (flag) or const char * */
    const char *commands;    /* that take it, with blanks between them; NULL: all */
    struct option_text help; /* what it does, lower case and without a full stop at its end */
    struct option_text more; /* sentences that `help COMMAND` and the manual page add */
};

typedef void command_function(void); /* what runs a command; each program casts it back to its own type */

enum { COMMAND_ARGUMENTS_MAX = 4 };

struct command_row {
    const char *name;
    bool hidden;
    struct option_value arguments[COMMAND_ARGUMENTS_MAX]; /* those with a name count */
    unsigned least;                                       /* so many of them are required */
    struct option_text requires; /* "one rule, by id (5.4) or slug": what is said when they are missing or too many */
    struct option_text help, more;
    command_function *run;
};

struct exit_row {
    int status;
    struct option_text help;
};

struct program_options {
    const char *name, *version;
    struct option_text about; /* one sentence */
    const struct option_row *options;
    const struct command_row *commands; /* NULL: it has none, and takes no argument */
    const struct exit_row *exits;
    size_t option_count, command_count, exit_count;
};

enum { OPTIONS_USAGE = 2 }; /* exit status of wrong usage */

struct options_result {
    const struct command_row *command; /* NULL: none was named */
    char **words;                      /* that follow it; NULL ends */
    int word_count;
    bool help, version; /* are requested: words may be missing */
    bool zh;
};

/* Reads the command line into VALUES, which is of the program's own type and holds what is not given already. Texts of
 * VALUES are those of ARGV, of which lists and words are made lower case and rid of blanks. RET->zh holds the language
 * before. 0; OPTIONS_USAGE, after a message on standard error. */
int options_parse(const struct program_options *program, int argc, char **argv, void *values,
                  struct options_result *ret);

/* Prints "PROGRAM: MESSAGE", escaped, and where help is, to standard error. Returns OPTIONS_USAGE. */
int options_usage(const struct program_options *program, bool zh, const char *format, ...) printf_like(3, 4);

/* Says that PROGRAM has no command WORD, and the nearest one. Returns OPTIONS_USAGE. */
int options_unknown_command(const struct program_options *program, bool zh, const char *word);

/* Checks VALUE, called WHAT in messages ("--severity"). TEXT is made lower case and rid of blanks where it is made of
 * words. 0; -EINVAL with the message appended to WHY. */
int option_check(const struct option_value *value, const char *what, bool zh, char *text, struct str *why);

/* Appends the help of PROGRAM, or of COMMAND if it is not NULL, for 80 columns. */
void options_help(const struct program_options *program, const struct command_row *command, bool zh, struct str *out);

/* NULL: there is none of that name. */
const struct command_row *options_command(const struct program_options *program, const char *name);
/* Does COMMAND (NULL: none) take the option of ROW? */
bool option_is_of(const struct option_row *row, const struct command_row *command);

/* The language that the environment names (LC_ALL, LC_MESSAGES, LANG): true for Chinese. */
bool options_locale_is_chinese(void);

#endif
