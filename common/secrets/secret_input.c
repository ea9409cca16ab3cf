/* Passwords that programs read from their input: through a pipe or a here-document (echo … | chpasswd), from a .netrc.
 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { STAGES_MAX = 8, GROUP_MAX = 16, NETRC_MAX = 512, NETRC_WORDS = 24 };

static bool is_escape(const struct secret_scan *scan, size_t at, size_t to)
{
    return at + 1 < to && scan->text[at] == '\\' && strchr("nrt", scan->text[at + 1]);
}

/* The passwords in what a taker reads: user:password lines, or each word. */
static void note_input(struct secret_scan *scan, struct shell_span input, bool pairs)
{
    enum { CHARACTER_STEPS = 4 };
    const char *text = scan->text;

    secret_take(scan, CHARACTER_STEPS * (input.to - input.from));
    for (size_t at = input.from; at < input.to;) {
        size_t end = at, colon;

        if (secret_is_blank(text[at]) || strchr("\"'\\", text[at])) {
            at += is_escape(scan, at, input.to) ? 2 : 1;
            continue;
        }
        while (end < input.to && !secret_is_blank(text[end]) && text[end] != '"' && text[end] != '\'' &&
               !is_escape(scan, end, input.to)) {
            if (text[end] == '$' && end + 1 < input.to && strchr("{(", text[end + 1]))
                while (end < input.to && text[end] != '}' && text[end] != ')')
                    end++;
            end += end < input.to;
        }
        for (colon = at; colon < end && text[colon] != ':';)
            colon++;
        if (pairs && colon + 1 < end)
            secret_note(scan, colon + 1, end);
        else if (!pairs && !(text[at] == '-' && end - at <= 3))
            secret_note(scan, at, end);
        at = end > at ? end : at + 1;
    }
}

/* Does COMMAND read a password? PAIRS: as user:password. */
static bool takes_password(struct secret_scan *scan, const struct shell_span_command *command, bool *pairs)
{
    enum { WORD_STEPS = 16 };
    static const char *const takers[] = {"chpasswd",
                                         "newusers",
                                         "passwd",
                                         "smbpasswd",
                                         "vncpasswd",
                                         "pdbedit",
                                         "kinit",
                                         "cryptsetup",
                                         "saslpasswd2",
                                         "su",
                                         "pass",
                                         "secret-tool",
                                         "adduser",
                                         "realm",
                                         "adcli",
                                         "elasticsearch-keystore",
                                         "opensearch-keystore",
                                         "kibana-keystore",
                                         "logstash-keystore"};
    static const char *const flags[] = {"--password-stdin", "--stdin",           "--passphrase-fd",  "--with-token",
                                        "-stdin",           "--passwd-on-stdin", "--stdin-password", "stdin"};
    static const char *const before[] = {"sudo", "env", "exec", "command", "nohup", "doas", "chroot", "gosu"};
    size_t at = 0;

    *pairs = false;
    secret_take(scan, WORD_STEPS * command->count);
    for (size_t i = 0; i < command->count; i++) {
        struct shell_span base = shell_span_base(&scan->spans, command->words[i]);

        if (shell_span_is(&scan->spans, base, "chpasswd") || shell_span_is(&scan->spans, base, "newusers"))
            return *pairs = true;
        if (i && shell_span_is_flag(&scan->spans, command->words[i]) &&
            memchr(scan->text + command->words[i].from, 'i', command->words[i].to - command->words[i].from) &&
            shell_span_is(&scan->spans, shell_span_base(&scan->spans, command->words[0]), "htpasswd"))
            return true;
        for (size_t k = 0; k < countof(flags); k++)
            if (shell_span_is(&scan->spans, command->words[i], flags[k]))
                return true;
    }
    for (bool skipped = true; skipped && at < command->count;) {
        struct shell_span word = command->words[at], base = shell_span_base(&scan->spans, word);

        skipped = shell_span_is_flag(&scan->spans, word) || memchr(scan->text + word.from, '=', word.to - word.from);
        for (size_t k = 0; k < countof(before) && !skipped; k++)
            if (shell_span_is(&scan->spans, base, before[k])) {
                skipped = true;
                at += strcmp(before[k], "chroot") == 0 || strcmp(before[k], "gosu") == 0;
            }
        if (shell_span_is(&scan->spans, base, "sudo"))
            for (size_t i = at + 1; i < command->count && shell_span_is_flag(&scan->spans, command->words[i]); i++)
                if (memchr(scan->text + command->words[i].from, 'S', command->words[i].to - command->words[i].from))
                    return true;
        at += skipped;
    }
    for (size_t k = 0; k < countof(takers) && at < command->count; k++)
        if (shell_span_is(&scan->spans, shell_span_base(&scan->spans, command->words[at]), takers[k]))
            return true;
    return false;
}

static const struct secret_stage *stage_at(struct secret_scan *scan, size_t at)
{
    struct secret_stage *stage = &scan->stages[(uint32_t)at * UINT32_C(2654435761) >> 26]; /* Knuth, TAOCP 6.4 */
    enum { STAGE_STEPS = 8 };
    struct shell_span_command command;

    secret_take(scan, STAGE_STEPS);
    if (stage->known && stage->at == at)
        return stage;
    shell_spans_read(&scan->spans, at, &command);
    *stage = (struct secret_stage){.at = at, .end = command.end, .known = true};
    stage->takes = takes_password(scan, &command, &stage->pairs);
    return stage;
}

/* The first place from AT on that is neither blank nor one of CHARACTERS. */
static size_t skip(struct secret_scan *scan, size_t at, const char *characters)
{
    size_t from = at;

    while (at < scan->length && scan->text[at] &&
           (secret_is_blank(scan->text[at]) || strchr(characters, scan->text[at])))
        at++;
    secret_take(scan, 2 * (at - from));
    return at;
}

/* Does what COMMAND writes go to one that reads a password? It may be part of a group: (echo …; echo …) | passwd. */
static bool is_piped_to_taker(struct secret_scan *scan, const struct shell_span_command *writer, bool *pairs)
{
    const char *text = scan->text;
    const struct secret_stage *stage;
    size_t at = writer->end;

    for (size_t i = 0; i < GROUP_MAX && at < scan->length && strchr(";&\n", text[at]); i++) {
        at = skip(scan, at, ";&");
        if (at < scan->length && text[at] == '}')
            break;
        stage = stage_at(scan, at);
        if (stage->end <= at)
            return false;
        at = stage->end;
        if (at < scan->length && text[at] == '|')
            return false; /* the pipe of that command alone, with no group closed before it */
    }
    if (at < scan->length && text[at] && strchr(")}", text[at])) {
        at++;
        while (at < scan->length && (text[at] == ' ' || text[at] == '\t'))
            at++;
    }
    for (size_t i = 0; i < STAGES_MAX && at < scan->length && text[at] == '|' && !secret_is_word(scan, at, "||"); i++) {
        at++;
        at = skip(scan, at, "&({\\");
        stage = stage_at(scan, at);
        *pairs = stage->pairs;
        if (stage->takes)
            return true;
        at = stage->end;
    }
    return false;
}

/* machine … login … password … (GNU inetutils, "The .netrc file") */
void secret_look_at_netrc(struct secret_scan *scan, size_t at)
{
    const char *text = scan->text;
    size_t begin = at;
    bool login = false, password = false;

    for (size_t words = 0; words < NETRC_WORDS && at < scan->length && at - begin < NETRC_MAX;) {
        size_t end = at;

        if (secret_is_blank(text[at]) || !text[at] || strchr("\"'>;&", text[at]) || is_escape(scan, at, scan->length)) {
            at += is_escape(scan, at, scan->length) ? 2 : 1;
            continue;
        }
        while (end < scan->length && text[end] && !secret_is_blank(text[end]) && !strchr("\"'", text[end]) &&
               !is_escape(scan, end, scan->length))
            end++;
        if (password) {
            secret_note(scan, at, end);
            break;
        }
        login |= shell_span_is(&scan->spans, (struct shell_span){at, end}, "login");
        password = (login || words == 1) && shell_span_is(&scan->spans, (struct shell_span){at, end}, "password");
        words++;
        at = end > at ? end : at + 1;
    }
    secret_take(scan, 4 * (at - begin));
}

void secret_look_at_input(struct secret_scan *scan, const struct shell_span_command *command)
{
    bool pairs;

    if (command->input.to > command->input.from && takes_password(scan, command, &pairs))
        note_input(scan, command->input, pairs);
}

bool secret_is_target(const struct secret_scan *scan, struct shell_span word)
{
    size_t at = word.from;

    at -= at && (scan->text[at - 1] == '"' || scan->text[at - 1] == '\'');
    while (at && word.from - at < 4 && scan->text[at - 1] == ' ')
        at--;
    return at && scan->text[at - 1] == '>';
}

/* The file that COMMAND's output goes to, itself or through tee; empty: none. */
static struct shell_span file_of(struct secret_scan *scan, const struct shell_span_command *command)
{
    struct shell_span_command next;
    size_t at = command->end;

    for (size_t i = 1; i < command->count; i++)
        if (secret_is_target(scan, command->words[i]))
            return command->words[i];
    if (!secret_is_word(scan, at, "|"))
        return (struct shell_span){0};
    shell_spans_read(&scan->spans, skip(scan, at + 1, ""), &next);
    if (next.count < 2 || !shell_span_is(&scan->spans, shell_span_base(&scan->spans, next.words[0]), "tee"))
        return (struct shell_span){0};
    return next.words[next.count - 1];
}

/* The field from FROM to TO of a line, after BEFORE signs: the last, or up to the next one. */
static struct shell_span field_of(const struct secret_scan *scan, struct shell_span line, char sign, size_t before)
{
    struct shell_span field = {line.to, line.to};
    size_t at = line.from;

    for (; at < line.to && before; at++)
        before -= scan->text[at] == sign;
    if (before)
        return field;
    field.from = at;
    for (field.to = at; field.to < line.to && scan->text[field.to] != sign && scan->text[field.to] != '\\';)
        field.to++;
    return field;
}

/* Files whose lines are fields, of which one is the password: false where NAME is none of them. */
static bool note_fields(struct secret_scan *scan, const struct shell_span_command *command, struct shell_span name)
{
    static const struct {
        const char *name;
        char sign;
        size_t before;
    } files[] = {{"pgpass", ':', 4},          {"pgpass.conf", ':', 4},   {"htdigest", ':', 2}, {"chap-secrets", ' ', 2},
                 {"pap-secrets", ' ', 2},     {"ipsec.secrets", '"', 1}, {"auth.txt", 'n', 1}, {"userpass.txt", 'n', 1},
                 {"credentials.txt", 'n', 1}, {"login.txt", 'n', 1},     {"auth.conf", 'n', 1}};
    enum { LINE_STEPS = 4 };
    struct shell_span line = {0}, field;

    for (size_t i = 0; i < countof(files); i++) {
        if (!shell_span_is(&scan->spans, name, files[i].name))
            continue;
        for (size_t k = 1; k < command->count; k++) {
            line = command->words[k];
            secret_take(scan, LINE_STEPS * (line.to - line.from));
            if (shell_span_is_flag(&scan->spans, line) || secret_is_target(scan, line) || scan->text[line.from] == '#')
                continue;
            if (k + 1 < command->count && memmem(scan->text + line.from, line.to - line.from, "%s", 2) &&
                files[i].sign == ':')
                return false; /* printf's words */
            field = field_of(scan, line, files[i].sign, files[i].before);
            if (files[i].sign == 'n' && field.from < line.to && scan->text[field.from - 2] != '\\')
                continue;
            if (files[i].sign == '"' && field.from < line.to && field.to == line.to)
                continue;
            if (field.to > field.from)
                secret_note(scan, field.from, field.to);
        }
        return true;
    }
    return false;
}

/* echo value > /run/secrets/db_password: a single word, and the file's name is that of a secret. */
static void note_file(struct secret_scan *scan, const struct shell_span_command *command)
{
    struct shell_span file = file_of(scan, command), name, value = {0};
    bool spaced = false, colon = false, several = false;
    size_t dot;

    if (file.to <= file.from)
        return;
    name = shell_span_base(&scan->spans, file);
    name.from += name.from < name.to && scan->text[name.from] == '.';
    for (dot = name.from; dot < name.to && scan->text[dot] != '.';)
        dot++;
    if (note_fields(scan, command, name) || !secret_is_plain_name(scan, scan->text + name.from, dot - name.from) ||
        shell_span_is(&scan->spans, name, "passwd"))
        return;
    for (size_t i = 1; i < command->count; i++) {
        struct shell_span word = command->words[i];

        if (secret_is_target(scan, word) || (shell_span_is_flag(&scan->spans, word) && !value.to))
            continue;
        if (memchr(scan->text + word.from, '%', word.to - word.from) && !value.to && !several) {
            several = shell_span_is(&scan->spans, command->words[0], "printf");
            if (several || scan->text[word.from] == '%')
                continue;
        }
        if (value.to && !several)
            return;
        value = word; /* the last one of printf's */
    }
    for (size_t at = value.from; at < value.to; at++) { /* [host]:587 user:password */
        if (scan->text[at] == ' ')
            spaced = true;
        if (scan->text[at] == ' ' || (spaced && scan->text[at] == ':'))
            value.from = at + 1;
        colon = spaced && (colon || scan->text[at] == ':') && scan->text[at] != ' ';
    }
    if (spaced && !colon)
        return;
    if (value.to > value.from)
        secret_note(scan, value.from, value.to);
}

/* printf 'password=%s' value: the names in its format, and the words that take the places after them. */
static void note_format(struct secret_scan *scan, const struct shell_span_command *command)
{
    enum { FORMAT_STEPS = 8 };
    const char *text = scan->text;
    struct shell_span format;
    size_t word = 2;

    if (command->count < 3 || !shell_span_is(&scan->spans, command->words[0], "printf"))
        return;
    format = command->words[1];
    secret_take(scan, FORMAT_STEPS * (format.to - format.from));
    for (size_t at = format.from; at + 1 < format.to && word < command->count; at++) {
        size_t end = at, name;

        if (text[at] != '%' || text[at + 1] != 's')
            continue;
        while (end > format.from && text[end - 1] && strchr(" =:\"'\\", text[end - 1]))
            end--;
        for (name = end;
             name > format.from && (isalnum((unsigned char)text[name - 1]) || strchr("_-.", text[name - 1]));)
            name--;
        if (name > format.from && text[name - 1] == '\\') /* \\npassword=%s */
            name++;
        if (end < at && name < end &&
            secret_is_named(scan, text + name, end - name, command->words[word].from, command->words[word].to))
            secret_note(scan, command->words[word].from, command->words[word].to);
        word++;
    }
}

void secret_look_at_output(struct secret_scan *scan, const struct shell_span_command *command, struct shell_span output)
{
    bool pairs;

    if (is_piped_to_taker(scan, command, &pairs))
        note_input(scan, output, pairs);
    else
        note_file(scan, command);
    note_format(scan, command);
}
