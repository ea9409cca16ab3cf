/* Reading what sets a variable for everybody: pam_env's file by pam_env's rules, system.conf by systemd's, the shells'
 * profiles as far as their settings are plain. */
#include "probes/environment/environment.h"

#include <errno.h>
#include <string.h>

#include "common/capability.h"
#include "common/shell/shell.h"
#include "common/str.h"
#include "probes/facts/digest.h"

enum { FILE_MAX_BYTES = 1 << 20, FILES_MAX = 512 };

/* VALUE NULL: it is unset. What came before no longer matters, unless that decides whether it is exported. */
static void set(struct environment_facts *facts, const char *place, unsigned line, const char *value, bool exported)
{
    facts->place = place;
    facts->line = line;
    facts->value = arena_strdup(facts->facts.arena, value);
    facts->exported = value && exported;
    if (!value || exported)
        facts->open_place = NULL;
}

static void leave_open(struct environment_facts *facts, const char *place, unsigned line)
{
    facts->open_place = place;
    facts->open_line = line;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* One variable a line: the quotes around a value are dropped, '#' ends the line, a name alone unsets. */
static void read_pam(struct environment_facts *facts, const char *place, char *text, const char *name)
{
    unsigned number = 0;

    for (char *line; (line = strsep(&text, "\n"));) {
        size_t length;
        char *value;

        number++;
        line += strspn(line, " \t");
        line[strcspn(line, "#")] = '\0';
        for (length = strlen(line); length && strchr(" \t\r", line[length - 1]);)
            line[--length] = '\0';
        line += str_starts(line, "export ") ? strlen("export ") : 0;
        value = strchr(line, '=');
        if (value)
            *value++ = '\0';
        if (strcmp(line, name) != 0)
            continue;
        if (value && is_quote(*value)) {
            length = strlen(++value);
            if (length && is_quote(value[length - 1]))
                value[length - 1] = '\0';
        }
        set(facts, place, number, value, true);
    }
}

/* systemd's "A=b "C=d e"": the next one without its quotes, into OUT. False: there is none, or a quote is not closed,
 * which makes systemd drop the rest of the line. */
static bool next_assignment(const char **at, struct str *out)
{
    char quote = '\0';

    str_clear(out);
    *at += strspn(*at, " \t\r");
    if (!**at)
        return false;
    for (; **at && (quote || !strchr(" \t\r", **at)); (*at)++) {
        if (quote ? **at == quote : is_quote(**at)) {
            quote = quote ? '\0' : **at;
        } else {
            *at += **at == '\\' && (*at)[1];
            str_append_char(out, **at);
        }
    }
    return !quote;
}

/* DefaultEnvironment= of the section [Manager]; a backslash continues a line, an empty list forgets what came before. A
 * value with a specifier is left open. */
static void read_systemd(struct environment_facts *facts, const char *place, char *text, const char *name)
{
    static const char key[] = "DefaultEnvironment";
    scoped_str word = STR_INIT;
    bool in_section = false, in_list = false, continued = false;
    unsigned number = 0;
    size_t length = strlen(name);

    for (char *line; (line = strsep(&text, "\n"));) {
        const char *at = line + strspn(line, " \t\r");
        size_t size = strlen(line);
        bool continues = size && line[size - 1] == '\\';

        number++;
        if (*at == '#' || *at == ';')
            continue;
        if (continues)
            line[size - 1] = '\0';
        if (!continued) {
            if (*at == '[')
                in_section = str_starts(at, "[Manager]");
            in_list = in_section && str_starts(at, key) && at[strlen(key) + strspn(at + strlen(key), " \t")] == '=';
            at = in_list ? strchr(at, '=') + 1 : at;
            if (in_list && !continues && !at[strspn(at, " \t\r")])
                set(facts, place, number, NULL, false);
        }
        while (in_list && next_assignment(&at, &word)) {
            const char *assignment = str_text(&word);

            if (strncmp(assignment, name, length) != 0 || assignment[length] != '=')
                continue;
            if (strchr(assignment, '%'))
                leave_open(facts, place, number);
            else
                set(facts, place, number, assignment + length + 1, true);
        }
        continued = continues;
    }
}

/* ---- The shells' profiles ---- */

enum effect { EFFECT_NONE, EFFECT_OPEN, EFFECT_PLAIN };

/* What a command can do to the shell that reads the profile. Subshells, parts of pipelines, what runs in the background
 * or is given to a program to run do nothing; a condition, a loop, a function's body may be run or not. */
static enum effect effect_of(const struct shell_command *command)
{
    bool open = false;

    for (const struct shell_command *c = command; c; c = c->outer) {
        if (c->inside || c->piped || c->pipe || c->background || c->group == SHELL_SUBSHELL ||
            (c != command && c->group == SHELL_SIMPLE))
            return EFFECT_NONE;
        open |= c->conditional || c != command;
    }
    return open ? EFFECT_OPEN : EFFECT_PLAIN;
}

/* Does WORD begin with the variable NAME? RET: what follows, "" or "=value" or "+=value". */
static bool is_of(const char *word, const char *name, const char **ret)
{
    *ret = word + strlen(name);
    return str_starts(word, name) && (!**ret || **ret == '=' || str_starts(*ret, "+="));
}

/* Is the variable NAME anywhere in TEXT? */
static bool mentions(const char *text, const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";

    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if ((at == text || !strchr(letters, at[-1])) && !strspn(at + strlen(name), letters))
            return true;
    return false;
}

/* Builtins, other than export and unset, by which a word may change a variable; for NAME in … does too. */
static bool may_set(const struct shell_command *command)
{
    static const char *const names[] = {"eval",    "trap",    "read",     "printf",  "getopts",   "let", "local",
                                        "declare", "typeset", "readonly", "mapfile", "readarray", NULL};

    return shell_is_one_of(command->program, names) ||
           (command->words.count > 1 && strcmp(command->words.items[1].text, "in") == 0);
}

/* Follows NAME=value, export NAME, export NAME=value and unset NAME if the command is PLAIN. In every other way of
 * changing NAME the variable is left open. EXPORTS_ALL: "set -a" may have been called. */
static void follow(struct environment_facts *facts, const char *place, unsigned line, bool plain, bool exports_all,
                   const struct shell_command *command, const char *name)
{
    const struct shell_words *words = command->words.count ? &command->words : &command->assignments;
    bool exports = strcmp(command->program, "export") == 0, unsets = strcmp(command->program, "unset") == 0;
    bool other = may_set(command);
    const char *rest;

    for (size_t i = 0; i < words->count && (!command->words.count || exports || unsets || other); i++) {
        const char *word = words->items[i].text;

        plain &= !(i == 1 && word[0] == '-' && command->words.count); /* export -n, unset -f */
        if (other ? !mentions(word, name) : !is_of(word, name, &rest))
            continue;
        if (!plain || other || *rest == '+' || strpbrk(rest, "$`") || (*rest && exports_all && !exports)) {
            leave_open(facts, place, line);
        } else if (unsets || *rest) {
            set(facts, place, line, unsets ? NULL : rest + 1, exports || facts->exported);
        } else { /* what is assigned later is exported as well */
            facts->place = facts->value ? facts->place : place;
            facts->line = facts->value ? facts->line : line;
            facts->value = facts->value ? facts->value : "";
            facts->exported = true;
        }
    }
}

/* return, exit, exec PROGRAM: what comes after is not read. */
static bool ends_profile(const struct shell_command *command)
{
    static const char *const ends[] = {"return", "exit", "logout", NULL};

    for (const struct shell_command *c = command; c; c = c->outer)
        if (c->group == SHELL_FUNCTION)
            return false;
    return shell_is_one_of(command->program, ends) ||
           (command->words.count && strcmp(command->program, "exec") != 0 && str_starts(command->source, "exec "));
}

static void read_shell(struct environment_facts *facts, const char *place, const char *text, const char *name)
{
    enum { STEPS_PER_CHARACTER = 64, STEPS_MIN = 65536 };
    const struct shell_options options = {.verbatim = true};
    struct budget budget = {.max = STEPS_PER_CHARACTER * strlen(text) + STEPS_MIN};
    scoped(shell_line_deinit) struct shell_line line = {0};
    bool may_end = false, exports_all = false;
    const char *end;
    unsigned number = 1;

    shell_parse(text, strlen(text), &options, &budget, &line);
    text = line.text;
    end = text + strlen(text);
    for (size_t i = 0; i < line.count; i++) {
        const struct shell_command *command = line.items[i];
        enum effect effect = effect_of(command);

        if (effect == EFFECT_NONE || command->source < line.text || command->source > end)
            continue;
        for (; text < command->source; text++)
            number += *text == '\n';
        if (ends_profile(command) && effect == EFFECT_PLAIN)
            break;
        may_end |= ends_profile(command);
        for (size_t k = 1; strcmp(command->program, "set") == 0 && k < command->words.count; k++) {
            const char *word = command->words.items[k].text;

            exports_all |= (word[0] == '-' && word[1] != '-' && strchr(word, 'a')) || strcmp(word, "allexport") == 0;
        }
        follow(facts, place, number, effect == EFFECT_PLAIN && !may_end, exports_all, command, name);
    }
    if (line.why)
        leave_open(facts, place, 0);
}

/* ---- All places ---- */

void environment_parse(struct environment_facts *facts, const char *place, const char *text,
                       enum environment_format format, const char *name)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    const char *kept = arena_strdup(facts->facts.arena, place);

    switch (format) {
    case ENVIRONMENT_PAM:
        read_pam(facts, kept, copy, name);
        break;
    case ENVIRONMENT_SHELL:
        read_shell(facts, kept, text, name);
        break;
    case ENVIRONMENT_SYSTEMD:
        read_systemd(facts, kept, copy, name);
        break;
    }
}

/* A place that is there and cannot be read may do anything to the variable; the first one is reported. */
static void remember_why(struct environment_facts *facts, const char *path, const char *why)
{
    scoped_str text = STR_INIT;

    leave_open(facts, arena_strdup(facts->facts.arena, path), 0);
    str_printf(&text, "%s: %s", path, why);
    if (!facts->error)
        facts->error = arena_strdup(facts->facts.arena, text.data);
}

static void remember_error(struct environment_facts *facts, const char *path, int r)
{
    if (r != -ENOENT && r != -ENOTDIR)
        remember_why(facts, path, capability_why(-r, CAPABILITY(CAP_DAC_READ_SEARCH)));
}

static void read_file(const struct host_root *root, struct environment_facts *facts, const char *path,
                      enum environment_format format, const char *name)
{
    scoped_str text = STR_INIT;
    int r = host_read(root, path, FILE_MAX_BYTES, &text, NULL);

    if (r < 0)
        remember_error(facts, path, r);
    else
        environment_parse(facts, path, str_text(&text), format, name);
}

static void read_folder(const struct host_root *root, struct environment_facts *facts, const char *folder,
                        const char *ending, enum environment_format format, const char *name)
{
    char **paths = NULL;
    int r = host_list(root, folder, ending, FILES_MAX, &paths);

    if (r < 0) {
        remember_error(facts, folder, r);
        return;
    }
    for (size_t i = 0; paths[i]; i++) {
        read_file(root, facts, paths[i], format, name);
        free(paths[i]);
    }
    free(paths);
}

struct environment_facts *environment_read(const struct host_root *root, const char *name, const char *of_dockerd,
                                           const char *dockerd_error)
{
    static const char dockerd[] = "dockerd's environment";
    struct arena *arena = arena_new(1024);
    struct environment_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    read_file(root, facts, "/etc/systemd/system.conf", ENVIRONMENT_SYSTEMD, name);
    read_folder(root, facts, "/etc/systemd/system.conf.d", ".conf", ENVIRONMENT_SYSTEMD, name);
    if (of_dockerd)
        set(facts, dockerd, 0, of_dockerd, true);
    if (dockerd_error)
        remember_why(facts, dockerd, dockerd_error);
    read_file(root, facts, "/etc/environment", ENVIRONMENT_PAM, name);
    read_file(root, facts, "/etc/profile", ENVIRONMENT_SHELL, name);
    read_folder(root, facts, "/etc/profile.d", ".sh", ENVIRONMENT_SHELL, name);
    environment_find_client(root, facts);
    environment_digest(facts);
    return facts;
}

void environment_digest(struct environment_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    digest_text(&hash, facts->client);
    digest_text(&hash, facts->client_version);
    digest_text(&hash, facts->error);
    digest_text(&hash, facts->place);
    digest_number(&hash, facts->line);
    digest_text(&hash, facts->value);
    digest_number(&hash, facts->exported);
    digest_text(&hash, facts->open_place);
    digest_number(&hash, facts->open_line);
    facts->facts.digest = hash_end(&hash);
}
