/* Passwords that programs are given: by a flag (mysql -p…, curl -u user:…), as an argument (mysqladmin password …), as
 * a setting (aws configure set name …). What they read from their input: secret_input.c.
 *
 * When the walk meets a program's name, what follows it is read as shell words, and the places of the passwords among
 * them are noted; they are reported when the walk gets there. The text may be anything, so all of it is a guess that
 * errs on the side of reporting. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secret_programs.h"

static const char command_kind[] = "password given to a command";

/* Notes what of the word from FROM to TO is the password: what is within its quotes, and after BEHIND. */
static void note_value(struct secret_scan *scan, size_t from, size_t to, const char *after)
{
    const char *text = scan->text, *found;
    size_t value;

    if (after && to < scan->length && text[to] == *after && to - from >= 2 && text[to - 1] == text[from] &&
        (text[from] == '"' || text[from] == '\'')) { /* "user":"value" */
        value = to + 1;
        to = secret_value_end(scan, &value);
        if (to > value)
            secret_note(scan, value, to);
        return;
    }
    if (to - from >= 2 && (text[from] == '"' || text[from] == '\'')) {
        from++;
        to -= text[to - 1] == text[from - 1];
    }
    if (after) {
        if (secret_is_documented_pair(text + from, to - from))
            return;
        found = memmem(text + from, to - from, after, strlen(after));
        if (!found)
            return;
        value = (size_t)(found - text) + strlen(after);
        if (value == to && *after == ':' && secret_is_key(scan, text + from, value - 1 - from))
            to = value - 1; /* curl -u TOKEN: */
        else
            from = value;
    }
    if (to > from)
        secret_note(scan, from, to);
}

/* ---- Commands ---- */

/* Is WORD the short flag, among others of CLUSTER too? RET: where it ends. */
static bool ends_short_flag(const struct secret_scan *scan, struct shell_span word, const struct secret_program *taken,
                            size_t *ret)
{
    const char *text = scan->text;
    size_t at = word.from + 1;

    if (word.to - word.from < 2 || text[word.from] != '-' || text[at] == '-')
        return false;
    while (at < word.to && text[at] != taken->flag[1] && text[at] && strchr(taken->cluster, text[at]))
        at++;
    if (at >= word.to || text[at] != taken->flag[1])
        return false;
    *ret = at + 1;
    return true;
}

/* /add, /M: an option as Windows' programs have it; Z:, a drive. */
static bool is_slash_flag(const struct secret_scan *scan, struct shell_span word)
{
    size_t at = word.from + 1;

    if (word.to - word.from == 2 && scan->text[at] == ':')
        return true;
    if (scan->text[word.from] != '/')
        return false;
    while (at < word.to && isalpha((unsigned char)scan->text[at]))
        at++;
    return at > word.from + 1 && (at == word.to || scan->text[at] == ':');
}

/* The N-th word after AT that is not a flag; COUNT if there is none. */
static size_t argument(const struct secret_scan *scan, const struct shell_span_command *command, size_t at, size_t n)
{
    for (; at < command->count; at++)
        if (!shell_span_is_flag(&scan->spans, command->words[at]) && !secret_is_target(scan, command->words[at]) &&
            !is_slash_flag(scan, command->words[at]) && --n == 0)
            break;
    return at;
}

/* The value of the first word that names a secret: set DB_PASSWORD value, //registry/:_authToken value. */
static void note_setting(struct secret_scan *scan, const struct shell_span_command *command, size_t at)
{
    size_t name_at = argument(scan, command, at, 1), value_at = argument(scan, command, at, 2);
    struct shell_span name, value;

    if (value_at >= command->count)
        return;
    name = command->words[name_at];
    value = command->words[value_at];
    for (size_t i = name.from; i < name.to; i++) /* //registry/:_authToken, section:name */
        if (scan->text[i] == ':')
            name.from = i + 1;
    if (secret_is_word(scan, name.from, "github-oauth") || secret_is_word(scan, name.from, "gitlab-oauth") ||
        secret_is_word(scan, name.from, "bearer.") ||
        secret_is_named(scan, scan->text + name.from, name.to - name.from, value.from, value.to))
        note_value(scan, value.from, value.to, NULL);
    else if (secret_is_word(scan, name.from, "http-basic") && argument(scan, command, at, 3) < command->count)
        note_value(scan, command->words[argument(scan, command, at, 3)].from,
                   command->words[argument(scan, command, at, 3)].to, NULL);
}

/* user/password@database of the first word that has a slash within: not /nolog, nor / alone. */
static void note_logon(struct secret_scan *scan, const struct secret_program *taken,
                       const struct shell_span_command *command)
{
    const char *text = scan->text;

    for (size_t i = 1; i < command->count; i++) {
        struct shell_span word = command->words[i];
        const char *sign;
        size_t slash = word.from, end;

        while (slash < word.to && (isalnum((unsigned char)text[slash]) || strchr("_$#=\"'", text[slash])))
            slash++;
        secret_take(scan, word.to - word.from);
        if (slash == word.from || slash >= word.to || text[slash] != '/')
            continue;
        for (end = slash + 1; end < word.to && !secret_is_blank(text[end]) && !strchr("\"'", text[end]);)
            end++;
        sign = memrchr(text + slash + 1, '@', end - slash - 1);
        if (!sign && taken->flag)
            continue;
        if (sign)
            end = (size_t)(sign - text);
        if (end > slash + 1)
            secret_note(scan, slash + 1, end);
        return;
    }
}

static void note_flag(struct secret_scan *scan, const struct secret_program *taken,
                      const struct shell_span_command *command, size_t at)
{
    struct shell_span word = command->words[at];
    size_t size = strlen(taken->flag), end = 0;
    bool next = false;

    if (taken->form == FLAG_SHORT) {
        if (!ends_short_flag(scan, word, taken, &end))
            return;
        next = end == word.to;
    } else if (secret_is_word(scan, word.from, taken->flag) && word.to - word.from >= size) {
        end = word.from + size;
        next = end == word.to && taken->form == FLAG_WORD;
        if (taken->form == FLAG_WORD && !next && scan->text[end++] != '=')
            return;
    } else {
        return;
    }
    if (!next)
        note_value(scan, end + (end < word.to && scan->text[end] == '='), word.to, taken->after);
    else if (at + 1 < command->count && !shell_span_is_flag(&scan->spans, command->words[at + 1]))
        note_value(scan, command->words[at + 1].from, command->words[at + 1].to, taken->after);
}

static void note_last_argument(struct secret_scan *scan, const struct secret_program *taken,
                               const struct shell_span_command *command, size_t at)
{
    bool given = !taken->flag;
    size_t last = command->count;

    for (size_t i = at; i < command->count; i++) {
        struct shell_span word = command->words[i];

        if (secret_is_target(scan, word))
            continue;
        if (!shell_span_is_flag(&scan->spans, word))
            last = i;
        else if (taken->flag && memchr(scan->text + word.from, *taken->flag, word.to - word.from))
            given = true;
    }
    if (given && last < command->count)
        note_value(scan, command->words[last].from, command->words[last].to, taken->after);
}

/* name=value; the signs at the end of base64 assign nothing. */
static bool is_assignment(const struct secret_scan *scan, struct shell_span word)
{
    while (word.to > word.from && scan->text[word.to - 1] == '=')
        word.to--;
    return memchr(scan->text + word.from, '=', word.to - word.from);
}

static void note_argument(struct secret_scan *scan, const struct shell_span_command *command, size_t at)
{
    if (at < command->count && scan->text[command->words[at].from] != '+' && /* +quit: steamcmd's next command */
        !is_assignment(scan, command->words[at]))
        note_value(scan, command->words[at].from, command->words[at].to, NULL);
}

/* Has WORD a digit or a sign, or both cases? A word of a sentence has none. */
static bool has_other(const struct secret_scan *scan, struct shell_span word)
{
    for (size_t i = word.from; i < word.to; i++)
        if (isdigit((unsigned char)scan->text[i]) || strchr("!@#$%^*+~", scan->text[i]))
            return true;
    return false;
}

/* set … NAME VALUE, the last two words: a NAME that is a secret's, or whose last part is. GIVEN: by a program that is
 * known to set; else the value must be no word. */
static void note_last_setting(struct secret_scan *scan, const struct shell_span_command *command, size_t at, bool given)
{
    struct shell_span name = {0}, value = {0};

    for (size_t i = at; i < command->count; i++) {
        if (secret_is_target(scan, command->words[i]))
            continue;
        name = value;
        value = command->words[i];
    }
    if (name.to <= name.from || shell_span_is_flag(&scan->spans, value) ||
        memchr(scan->text + value.from, '=', value.to - value.from) || (!given && !has_other(scan, value)))
        return;
    for (size_t i = name.from; i < name.to; i++)
        if (scan->text[i] == ':' || scan->text[i] == '/' || scan->text[i] == '.')
            name.from = i + 1;
    if (secret_is_plain_name(scan, scan->text + name.from, name.to - name.from) &&
        secret_is_named(scan, scan->text + name.from, name.to - name.from, value.from, value.to))
        note_value(scan, value.from, value.to, NULL);
}

/* registry.example.com: dots, and no sign of an address of mail. */
static bool is_host(const struct secret_scan *scan, struct shell_span word)
{
    return memchr(scan->text + word.from, '.', word.to - word.from) &&
           !memchr(scan->text + word.from, '@', word.to - word.from);
}

/* What a program is given by its own words, the first of which is its name. */
static void look_at_arguments(struct secret_scan *scan, const struct secret_program *taken,
                              const struct shell_span_command *command)
{
    size_t after = 1, at;

    if (taken->subcommand) {
        while (after < command->count && !shell_span_is(&scan->spans, command->words[after], taken->subcommand))
            after++;
        if (after++ >= command->count)
            return;
    }
    switch (taken->form) {
    case FLAG_JOINED:
    case FLAG_SHORT:
    case FLAG_WORD:
        for (at = after; at < command->count; at++)
            note_flag(scan, taken, command, at);
        break;
    case ARGUMENT_3:
        note_argument(scan, command, argument(scan, command, after, 5));
        __attribute__((fallthrough));
    case ARGUMENT_2:
    case ARGUMENT_4:
        if (after < command->count && shell_span_is_flag(&scan->spans, command->words[after]))
            break; /* it takes flags instead */
        __attribute__((fallthrough));
    case ARGUMENT:
        note_argument(scan, command, argument(scan, command, after, taken->form - ARGUMENT + 1));
        break;
    case LOGON:
        note_logon(scan, taken, command);
        break;
    case ARGUMENT_LAST:
        if (!taken->subcommand || after == 2) /* "openssl" and "passwd" may be packages' names */
            note_last_argument(scan, taken, command, after);
        break;
    case SETTING:
        note_setting(scan, command, after);
        break;
    case SIGN_IN:
        at = argument(scan, command, after, 2);
        if (at == 2 && command->count == 3 && !is_host(scan, command->words[1]) &&
            has_other(scan, command->words[at]) &&
            !memchr(scan->text + command->words[at].from, '/', command->words[at].to - command->words[at].from))
            note_argument(scan, command, at);
        break;
    case SETTING_LAST:
        note_last_setting(scan, command, after, taken->subcommand);
        break;
    default:
        break;
    }
}

/* Is the program NAME named at AT, as a word? RET: the place after it. */
static bool is_program_at(const struct secret_scan *scan, size_t at, const char *name, size_t *ret)
{
    size_t end;

    if (scan->text[at] != *name)
        return false;
    end = at + strlen(name);
    if (!secret_is_word(scan, at, name) || end >= scan->length ||
        !(secret_is_blank(scan->text[end]) || scan->text[end] == '"' || scan->text[end] == '\'' ||
          scan->text[end] == '<'))
        return false;
    *ret = end + (scan->text[end] == '"' || scan->text[end] == '\'');
    return true;
}

void secret_commands_index(struct secret_scan *scan)
{
    for (size_t i = secret_program_count; i-- > 0;)
        initials_add(&scan->programs, i, *secret_programs[i].name);
}

/* Does a command begin at AT: at the text's start, after what ends one, after RUN or sh -c? */
static bool begins_command(const struct secret_scan *scan, size_t at)
{
    static const char *const before[] = {"RUN", "CMD", "-c", "sudo", "then", "do", "else", "exec", "#(nop)", "/C"};
    size_t end = at, start;

    while (end && at - end < 8 && (scan->text[end - 1] == ' ' || scan->text[end - 1] == '\t'))
        end--;
    if (!end || strchr(";|&(`{\"'\n/\\", scan->text[end - 1]))
        return true;
    for (size_t i = 0; i < countof(before); i++) {
        size_t size = strlen(before[i]);

        start = end >= size ? end - size : end;
        if (start < end && memcmp(scan->text + start, before[i], size) == 0 &&
            (!start || secret_is_blank(scan->text[start - 1])))
            return true;
    }
    return false;
}

/* The programs that are named at AT. What one was seen to be given is not read again for it. */
static void read_programs_at(struct secret_scan *scan, size_t at)
{
    enum { ENTRY_MIN = 64 }; /* bytes of a .netrc's entry */
    enum { PROGRAM_STEPS = 4, WORD_STEPS = 8 };
    size_t end;

    for (size_t row = initials_first(&scan->programs, scan->text[at]); row; row = initials_next(&scan->programs, row)) {
        size_t i = row - 1;
        struct shell_span_command command;

        if (at + 1 < scan->length && scan->text[at + 1] != secret_programs[i].name[1]) {
            secret_take(scan, 1);
            continue;
        }
        secret_take(scan, PROGRAM_STEPS);
        if (!is_program_at(scan, at, secret_programs[i].name, &end) || at < scan->read_to[i] ||
            (secret_programs[i].first && !begins_command(scan, at)))
            continue;
        shell_spans_read(&scan->spans, at, &command);
        secret_take(scan, WORD_STEPS * command.count);
        scan->read_to[i] = command.end;
        switch (secret_programs[i].form) {
        case WORDS:
            secret_look_at_output(scan, &command, (struct shell_span){end, command.end});
            break;
        case COPY:
            secret_look_at_output(scan, &command, command.input);
            break;
        case NETRC:
            scan->read_to[i] = at + ENTRY_MIN;
            secret_look_at_netrc(scan, end);
            break;
        default:
            look_at_arguments(scan, &secret_programs[i], &command);
            secret_look_at_input(scan, &command);
        }
    }
}

bool secret_match_command(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t from, to;

    for (; scan->looked_up_to <= at; scan->looked_up_to++) {
        size_t i = scan->looked_up_to;

        if (isalnum((unsigned char)text[i]) &&
            (secret_is_word_start(text, i) || text[i - 1] == '/' || text[i - 1] == '='))
            read_programs_at(scan, i);
    }
    if (!secret_take_note(scan, at, &from, &to))
        return false;
    *ret = (struct secret_match){.kind = command_kind, .value = text + from, .value_length = to - from};
    return true;
}
