/* Programs that run the words after them; which options take a value is from their manuals. */
#include <ctype.h>
#include <string.h>

#include "common/shell/shell_internal.h"
#include "common/str.h"

struct wrapper {
    const char *name;
    const char *values;      /* short options that take a value */
    const char *long_values; /* long ones, each between blanks */
    const char *subcommand;  /* the word that makes it run something */
    unsigned operands;       /* words of its own before the command */
    bool number;             /* one more, when it is a number */
    bool assigns;            /* NAME=value words may precede the command */
};

static const struct wrapper wrappers[] = {
    {.name = "sudo",
     .values = "ughpCDRTrtU",
     .long_values = " user group host prompt chdir chroot close-from role type other-user command-timeout ",
     .assigns = true},
    {.name = "doas", .values = "uC"},
    {.name = "pkexec", .long_values = " user "},
    {.name = "env", .values = "uC", .long_values = " unset chdir ", .assigns = true},
    {.name = "nice", .values = "n", .long_values = " adjustment "},
    {.name = "ionice", .values = "cnpPu", .long_values = " class classdata "},
    {.name = "chrt", .values = "TPD", .operands = 1},
    {.name = "taskset", .operands = 1},
    {.name = "time", .values = "fo", .long_values = " format output "},
    {.name = "timeout", .values = "ks", .long_values = " kill-after signal ", .number = true},
    {.name = "retry", .values = "tdmsi", .long_values = " times delay tries max ", .number = true},
    {.name = "nohup"},
    {.name = "setsid"},
    {.name = "stdbuf", .values = "ioe", .long_values = " input output error "},
    {.name = "unbuffer"},
    {.name = "command"},
    {.name = "builtin"},
    {.name = "exec", .values = "a"},
    {.name = "eatmydata"},
    {.name = "fakeroot", .values = "lsibf", .long_values = " lib faked "},
    {.name = "fakechroot"},
    {.name = "chroot", .long_values = " userspec groups ", .operands = 1},
    {.name = "arch-chroot", .values = "u", .operands = 1},
    {.name = "proot", .values = "rbwq"},
    {.name = "gosu", .operands = 1},
    {.name = "su-exec", .operands = 1},
    {.name = "s6-setuidgid", .operands = 1},
    {.name = "setuidgid", .operands = 1},
    {.name = "chpst", .values = "uUbenmdop"},
    {.name = "setpriv",
     .long_values = " reuid regid ruid rgid euid egid groups inh-caps ambient-caps bounding-set securebits pdeathsig "
                    "selinux-label apparmor-profile "},
    {.name = "capsh"},
    {.name = "setarch", .operands = 1},
    {.name = "linux32"},
    {.name = "linux64"},
    {.name = "i386"},
    {.name = "unshare", .values = "SGRw", .long_values = " setuid setgid root wd map-user map-group "},
    {.name = "nsenter", .values = "tSG", .long_values = " target "},
    {.name = "flock", .values = "wEc", .long_values = " wait timeout conflict-exit-code command ", .operands = 1},
    {.name = "xargs",
     .values = "adEILnPs",
     .long_values = " arg-file delimiter max-args max-procs max-chars process-slot-var "},
    {.name = "parallel", .values = "jNnIaSC", .long_values = " jobs arg-file delay retries "},
    {.name = "strace", .values = "aeopsuEPbIO"},
    {.name = "catchsegv"},
    {.name = "xvfb-run", .values = "enfpsw", .long_values = " server-num auth-file error-file server-args "},
    {.name = "dbus-run-session", .long_values = " config-file dbus-daemon "},
    {.name = "proxychains", .values = "f"},
    {.name = "proxychains4", .values = "f"},
    {.name = "torsocks"},
    {.name = "tini", .values = "pe"},
    {.name = "dumb-init", .values = "r"},
    {.name = "with-contenv"},
    {.name = "busybox"},
    {.name = "toybox"},
    {.name = "conda", .values = "np", .long_values = " name prefix cwd ", .subcommand = "run"},
    {.name = "mamba", .values = "np", .long_values = " name prefix cwd ", .subcommand = "run"},
    {.name = "micromamba", .values = "npra", .long_values = " name prefix cwd root-prefix ", .subcommand = "run"},
    {.name = "poetry", .values = "CP", .subcommand = "run"},
    {.name = "pipenv", .subcommand = "run"},
    {.name = "pdm", .values = "p", .subcommand = "run"},
    {.name = "uv", .long_values = " with python project directory ", .subcommand = "run"},
    {.name = "bundle", .subcommand = "exec"},
    {.name = "scl", .subcommand = "enable", .operands = 1},
};

static const struct wrapper *wrapper_of(const char *name)
{
    for (size_t i = 0; i < countof(wrappers); i++)
        if (*wrappers[i].name == *name && strcmp(wrappers[i].name, name) == 0)
            return &wrappers[i];
    return NULL;
}

/* How many words the option WORD takes, itself included. */
static size_t option_words(const struct wrapper *wrapper, const char *word)
{
    scoped(cleanup_free) char *name = NULL;

    if (word[1] == '-') {
        if (strchr(word, '=') || !wrapper->long_values)
            return 1;
        name = mem_printf(" %s ", word + 2);
        return strstr(wrapper->long_values, name) ? 2 : 1;
    }
    for (const char *at = word + 1; *at && wrapper->values; at++)
        if (strchr(wrapper->values, *at))
            return at[1] ? 1 : 2;
    return 1;
}

/* What comes after it is one text, see shell_read_scripts(). */
static bool is_script_option(const char *name, const char *word)
{
    return (strcmp(name, "capsh") == 0 && strcmp(word, "-c") == 0) ||
           (strcmp(name, "env") == 0 && (str_starts(word, "-S") || str_starts(word, "--split-string")));
}

/* Where the command begins that WRAPPER runs in WORDS, which begin with it at FROM; 0: it runs none. */
static size_t inner_command(struct shell_line *line, const struct wrapper *wrapper, struct shell_command *command,
                            size_t from)
{
    const struct shell_words *words = &command->words;
    unsigned operands = wrapper->operands;
    bool number = wrapper->number, subcommand = !wrapper->subcommand;
    size_t i = from + 1;

    while (i < words->count) {
        const char *word = words->items[i].text;

        if (strcmp(word, "--") == 0) {
            i++;
            if (!operands)
                break;
        } else if (word[0] == '-' && word[1]) {
            if (strcmp(wrapper->name, "command") == 0 && (strchr(word, 'v') || strchr(word, 'V')))
                return 0;
            if (is_script_option(wrapper->name, word))
                return 0;
            i += option_words(wrapper, word);
        } else if (!subcommand) {
            if (strcmp(word, wrapper->subcommand) != 0)
                return 0;
            subcommand = true;
            i++;
        } else if (wrapper->assigns && shell_is_assignment(word)) {
            shell_push_word(line, &command->assignments, words->items[i++]);
        } else if (number && (isdigit((unsigned char)*word) || *word == '$' || *word == '.')) {
            number = false;
            i++;
        } else if (operands) {
            operands--;
            i++;
        } else {
            break;
        }
    }
    return i < words->count && subcommand ? i : 0;
}

/* A program or function of the builder's own that repeats the words after it: "apt-retry apt-get update",
 * "with_backoff 5 curl …". They begin with one of these; 0: it is none, or they do not. */
static size_t inner_of_repeater(const struct shell_words *words, size_t from, const char *name)
{
    enum { OWN_WORDS_MAX = 6 };
    static const char *const programs[] = {"curl", "wget",   "apt-get", "apt",   "apk",  "yum",   "dnf",
                                           "pip3", "git",    "npm",     "pip",   "yarn", "gem",   "microdnf",
                                           "bash", "zypper", "sudo",    "conda", "sh",   "mamba", NULL};

    if (!strstr(name, "retry") && !strstr(name, "backoff") && !strstr(name, "attempt"))
        return 0;
    for (size_t i = from + 1; i < words->count && i <= from + OWN_WORDS_MAX; i++)
        if (shell_is_one_of(shell_base_name(words->items[i].text), programs))
            return i;
    return 0;
}

/* "runuser -u USER -- command": without -u it is like su. */
static size_t inner_of_runuser(const struct shell_words *words, size_t from)
{
    static const struct wrapper runuser = {.values = "ugG", .long_values = " user group supp-group "};
    bool is_user = false;
    size_t i = from + 1;

    while (i < words->count && words->items[i].text[0] == '-') {
        const char *word = words->items[i].text;

        is_user |= str_starts(word, "-u") || str_starts(word, "--user");
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        i += option_words(&runuser, word);
    }
    return is_user && i < words->count ? i : 0;
}

/* What xargs, whose words begin at FROM and end before TO, puts its input in the place of: xargs(1), "-I". */
static const char *mark_of(const struct shell_words *words, size_t from, size_t to)
{
    static const char option[] = "--replace=";
    const char *mark = "{}";

    for (size_t i = from + 1; i < to; i++) {
        const char *word = words->items[i].text;

        if (strcmp(word, "-I") == 0 && i + 1 < to)
            mark = words->items[i + 1].text;
        else if (word[0] == '-' && (word[1] == 'I' || word[1] == 'i') && word[2])
            mark = word + 2;
        else if (str_starts(word, option) && word[strlen(option)])
            mark = word + strlen(option);
    }
    return mark;
}

void shell_unwrap(struct shell_reader *reader, struct shell_command *command)
{
    enum { WRAPPER_STEPS = 64 };
    size_t from = 0, next;

    while (from < command->words.count && shell_take(reader, WRAPPER_STEPS)) {
        const char *name = shell_base_name(command->words.items[from].text);
        const struct wrapper *wrapper = wrapper_of(name);

        if (strcmp(name, "runuser") == 0)
            next = inner_of_runuser(&command->words, from);
        else
            next = wrapper ? inner_command(reader->line, wrapper, command, from)
                           : inner_of_repeater(&command->words, from, name);
        if (!next)
            break;
        if (strcmp(name, "xargs") == 0 || strcmp(name, "parallel") == 0)
            command->mark = mark_of(&command->words, from, next);
        from = next;
    }
    if (from) {
        command->words.items += from;
        command->words.count -= from;
        command->words.size = command->words.count;
    }
    if (command->words.count)
        command->program = shell_base_name(command->words.items[0].text);
}
