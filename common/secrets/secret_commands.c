/* Passwords that programs are given: by a flag (mysql -p…, curl -u user:…), as an argument (mysqladmin password …), as
 * a setting (aws configure set name …). What they read from their input: secret_input.c.
 *
 * When the walk meets a program's name, what follows it is read as shell words, and the places of the passwords among
 * them are noted; they are reported when the walk gets there. The text may be anything, so all of it is a guess that
 * errs on the side of reporting. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

static const char command_kind[] = "password given to a command";

/* ---- What programs take ---- */

enum form {
    FLAG_JOINED,   /* -pVALUE, with nothing between */
    FLAG_SHORT,    /* -pVALUE or -p VALUE, also after other letters: -sSLu VALUE */
    FLAG_WORD,     /* -passin VALUE or -passin=VALUE */
    ARGUMENT,      /* the first word after SUBCOMMAND that is not a flag */
    ARGUMENT_2,    /* the second one */
    ARGUMENT_LAST, /* the last one of the command; FLAG: only where it is given */
    SETTING,       /* SUBCOMMAND NAME VALUE, of a NAME that is a secret's */
    INPUT,         /* it may read one: secret_input.c */
    WORDS,         /* its words are its output */
    COPY,          /* its input is */
    NETRC,         /* no program, but what begins an entry of a .netrc */
};

static const struct taken {
    const char *program;
    enum form form;
    const char *subcommand; /* a word before it; NULL: any */
    const char *flag;
    const char *cluster; /* FLAG_SHORT: letters that may precede it */
    const char *behind;  /* the password follows this; without it there is none */
} takens[] = {
    {"mysql", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mysqldump", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mysqlimport", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mysqladmin", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mysqladmin", ARGUMENT, "password", NULL, NULL, NULL},
    {"mariadb", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mariadb-dump", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mariadb-admin", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"mariadb-admin", ARGUMENT, "password", NULL, NULL, NULL},
    {"sshpass", FLAG_SHORT, NULL, "-p", "v", NULL},
    {"redis-cli", FLAG_SHORT, NULL, "-a", "c", NULL},
    {"curl", FLAG_SHORT, NULL, "-u", "sSLfkvgiIN0123#jJOR", ":"},
    {"curl", FLAG_SHORT, NULL, "-U", "sSLfkvgiIN0123#jJOR", ":"},
    {"curl", FLAG_WORD, NULL, "--user", NULL, ":"},
    {"curl", FLAG_WORD, NULL, "--proxy-user", NULL, ":"},
    {"http", FLAG_SHORT, NULL, "-a", "", ":"},
    {"https", FLAG_SHORT, NULL, "-a", "", ":"},
    {"lftp", FLAG_SHORT, NULL, "-u", "", ","},
    {"docker", FLAG_SHORT, "login", "-p", "", NULL},
    {"podman", FLAG_SHORT, "login", "-p", "", NULL},
    {"nerdctl", FLAG_SHORT, "login", "-p", "", NULL},
    {"buildah", FLAG_SHORT, "login", "-p", "", NULL},
    {"skopeo", FLAG_SHORT, "login", "-p", "", NULL},
    {"crane", FLAG_SHORT, "login", "-p", "", NULL},
    {"oras", FLAG_SHORT, "login", "-p", "", NULL},
    {"helm", FLAG_SHORT, "login", "-p", "", NULL},
    {"az", FLAG_SHORT, "login", "-p", "", NULL},
    {"vault", ARGUMENT, "login", NULL, NULL, NULL},
    {"ldapsearch", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldapadd", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldapmodify", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldapdelete", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldapwhoami", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldappasswd", FLAG_SHORT, NULL, "-w", "xZL", NULL},
    {"ldappasswd", FLAG_SHORT, NULL, "-s", "xZL", NULL},
    {"slappasswd", FLAG_SHORT, NULL, "-s", "n", NULL},
    {"smbclient", FLAG_SHORT, NULL, "-U", "", "%"},
    {"rpcclient", FLAG_SHORT, NULL, "-U", "", "%"},
    {"mongo", FLAG_SHORT, NULL, "-p", "", NULL},
    {"mongosh", FLAG_SHORT, NULL, "-p", "", NULL},
    {"mongodump", FLAG_SHORT, NULL, "-p", "", NULL},
    {"mongorestore", FLAG_SHORT, NULL, "-p", "", NULL},
    {"mongoimport", FLAG_SHORT, NULL, "-p", "", NULL},
    {"mongoexport", FLAG_SHORT, NULL, "-p", "", NULL},
    {"rabbitmqctl", ARGUMENT_2, "change_password", NULL, NULL, NULL},
    {"rabbitmqctl", ARGUMENT_2, "add_user", NULL, NULL, NULL},
    {"rabbitmqctl", ARGUMENT_2, "authenticate_user", NULL, NULL, NULL},
    {"sqlcmd", FLAG_SHORT, NULL, "-P", "", NULL},
    {"bcp", FLAG_SHORT, NULL, "-P", "", NULL},
    {"htpasswd", ARGUMENT_LAST, NULL, "b", NULL, NULL},
    {"mosquitto_passwd", ARGUMENT_LAST, NULL, "b", NULL, NULL},
    {"openssl", FLAG_WORD, NULL, "-passin", NULL, "pass:"},
    {"openssl", FLAG_WORD, NULL, "-passout", NULL, "pass:"},
    {"openssl", FLAG_WORD, NULL, "-pass", NULL, "pass:"},
    {"openssl", FLAG_WORD, NULL, "-k", NULL, NULL},
    {"openssl", FLAG_WORD, NULL, "-K", NULL, NULL},
    {"openssl", ARGUMENT_LAST, "passwd", NULL, NULL, NULL},
    {"useradd", FLAG_SHORT, NULL, "-p", "mMrNoUl", NULL},
    {"usermod", FLAG_SHORT, NULL, "-p", "amoU", NULL},
    {"unzip", FLAG_SHORT, NULL, "-P", "qon", NULL},
    {"zip", FLAG_SHORT, NULL, "-P", "rq", NULL},
    {"7z", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"7za", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"7zr", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"unrar", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"rar", FLAG_JOINED, NULL, "-p", NULL, NULL},
    {"snmpget", FLAG_SHORT, NULL, "-A", "", NULL},
    {"snmpwalk", FLAG_SHORT, NULL, "-A", "", NULL},
    {"keytool", FLAG_WORD, NULL, "-storepass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-keypass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-srcstorepass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-deststorepass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-srckeypass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-destkeypass", NULL, NULL},
    {"keytool", FLAG_WORD, NULL, "-new", NULL, NULL},
    {"jarsigner", FLAG_WORD, NULL, "-storepass", NULL, NULL},
    {"jarsigner", FLAG_WORD, NULL, "-keypass", NULL, NULL},
    {"ssh-keygen", FLAG_SHORT, NULL, "-N", "q", NULL},
    {"ssh-keygen", FLAG_SHORT, NULL, "-P", "q", NULL},
    {"x11vnc", FLAG_WORD, NULL, "-storepasswd", NULL, NULL},
    {"x11vnc", FLAG_WORD, NULL, "-passwd", NULL, NULL},
    {"plink", FLAG_WORD, NULL, "-pw", NULL, NULL},
    {"pscp", FLAG_WORD, NULL, "-pw", NULL, NULL},
    {"wpa_passphrase", ARGUMENT_2, NULL, NULL, NULL, NULL},
    {"aws", SETTING, "set", NULL, NULL, NULL},
    {"npm", SETTING, "set", NULL, NULL, NULL},
    {"pnpm", SETTING, "set", NULL, NULL, NULL},
    {"yarn", SETTING, "set", NULL, NULL, NULL},
    {"git", SETTING, "config", NULL, NULL, NULL},
    {"gcloud", SETTING, "set", NULL, NULL, NULL},
    {"poetry", SETTING, "config", NULL, NULL, NULL},
    {"composer", SETTING, "config", NULL, NULL, NULL},
    {"pip", SETTING, "set", NULL, NULL, NULL},
    {.program = "chpasswd", .form = INPUT},
    {.program = "newusers", .form = INPUT},
    {.program = "passwd", .form = INPUT},
    {.program = "smbpasswd", .form = INPUT},
    {.program = "vncpasswd", .form = INPUT},
    {.program = "pdbedit", .form = INPUT},
    {.program = "kinit", .form = INPUT},
    {.program = "cryptsetup", .form = INPUT},
    {.program = "saslpasswd2", .form = INPUT},
    {.program = "sudo", .form = INPUT},
    {.program = "su", .form = INPUT},
    {.program = "echo", .form = WORDS},
    {.program = "printf", .form = WORDS},
    {.program = "yes", .form = WORDS},
    {.program = "cat", .form = COPY},
    {.program = "machine", .form = NETRC},
};

_Static_assert(sizeof takens / sizeof *takens <= SECRET_PROGRAMS, "too many programs");

/* Notes what of the word from FROM to TO is the password: what is within its quotes, and after BEHIND. */
static void note_value(struct secret_scan *scan, size_t from, size_t to, const char *behind)
{
    const char *text = scan->text, *found;

    if (to - from >= 2 && (text[from] == '"' || text[from] == '\'')) {
        from++;
        to -= text[to - 1] == text[from - 1];
    }
    if (behind) {
        found = memmem(text + from, to - from, behind, strlen(behind));
        if (!found)
            return;
        from = (size_t)(found - text) + strlen(behind);
    }
    if (to > from)
        secret_note(scan, from, to);
}

/* ---- Commands ---- */

/* Is WORD the short flag, among others of CLUSTER too? RET: where it ends. */
static bool ends_short_flag(const struct secret_scan *scan, struct shell_span word, const struct taken *taken,
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

/* The N-th word after AT that is not a flag; COUNT if there is none. */
static size_t argument(const struct secret_scan *scan, const struct shell_span_command *command, size_t at, size_t n)
{
    for (; at < command->count; at++)
        if (!shell_span_is_flag(&scan->spans, command->words[at]) && --n == 0)
            break;
    return at;
}

static void note_setting(struct secret_scan *scan, const struct shell_span_command *command, size_t at)
{
    size_t name_at = argument(scan, command, at, 1), value_at = argument(scan, command, at, 2);
    struct shell_span name, value;

    if (value_at >= command->count)
        return;
    name = command->words[name_at];
    value = command->words[value_at];
    for (size_t i = name.from; i < name.to; i++) /* //registry/:_authToken, section.name */
        if (scan->text[i] == ':')
            name.from = i + 1;
    if (secret_is_word(scan, name.from, "github-oauth") || secret_is_word(scan, name.from, "gitlab-oauth") ||
        secret_is_named(scan, scan->text + name.from, name.to - name.from, value.from, value.to))
        note_value(scan, value.from, value.to, NULL);
    else if (secret_is_word(scan, name.from, "http-basic") && argument(scan, command, at, 3) < command->count)
        note_value(scan, command->words[argument(scan, command, at, 3)].from,
                   command->words[argument(scan, command, at, 3)].to, NULL);
}

static void note_flag(struct secret_scan *scan, const struct taken *taken, const struct shell_span_command *command,
                      size_t at)
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
        note_value(scan, end + (end < word.to && scan->text[end] == '='), word.to, taken->behind);
    else if (at + 1 < command->count && !shell_span_is_flag(&scan->spans, command->words[at + 1]))
        note_value(scan, command->words[at + 1].from, command->words[at + 1].to, taken->behind);
}

static void note_last_argument(struct secret_scan *scan, const struct taken *taken,
                               const struct shell_span_command *command, size_t at)
{
    bool given = !taken->flag;
    size_t last = command->count;

    for (size_t i = at; i < command->count; i++) {
        struct shell_span word = command->words[i];

        if (!shell_span_is_flag(&scan->spans, word))
            last = i;
        else if (taken->flag && memchr(scan->text + word.from, *taken->flag, word.to - word.from))
            given = true;
    }
    if (given && last < command->count && last > 1)
        note_value(scan, command->words[last].from, command->words[last].to, NULL);
}

/* What a program is given by its own words, the first of which is its name. */
static void look_at_arguments(struct secret_scan *scan, const struct taken *taken,
                              const struct shell_span_command *command)
{
    size_t behind = 1, at;

    if (taken->subcommand) {
        while (behind < command->count && !shell_span_is(&scan->spans, command->words[behind], taken->subcommand))
            behind++;
        if (behind++ >= command->count)
            return;
    }
    switch (taken->form) {
    case FLAG_JOINED:
    case FLAG_SHORT:
    case FLAG_WORD:
        for (at = behind; at < command->count; at++)
            note_flag(scan, taken, command, at);
        break;
    case ARGUMENT:
    case ARGUMENT_2:
        at = argument(scan, command, behind, taken->form == ARGUMENT ? 1 : 2);
        if (at < command->count &&
            !memchr(scan->text + command->words[at].from, '=', command->words[at].to - command->words[at].from))
            note_value(scan, command->words[at].from, command->words[at].to, NULL);
        break;
    case ARGUMENT_LAST:
        if (!taken->subcommand || behind == 2) /* "openssl" and "passwd" may be packages' names */
            note_last_argument(scan, taken, command, behind);
        break;
    case SETTING:
        note_setting(scan, command, behind);
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
    for (size_t i = countof(takens); i-- > 0;)
        initials_add(&scan->programs, i, *takens[i].program);
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

        secret_take(scan, PROGRAM_STEPS);
        if (!is_program_at(scan, at, takens[i].program, &end) || at < scan->read_to[i])
            continue;
        shell_spans_read(&scan->spans, at, &command);
        secret_take(scan, WORD_STEPS * command.count);
        scan->read_to[i] = command.end;
        switch (takens[i].form) {
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
            look_at_arguments(scan, &takens[i], &command);
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

        if (isalnum((unsigned char)text[i]) && (secret_is_word_start(text, i) || text[i - 1] == '/'))
            read_programs_at(scan, i);
    }
    if (!secret_take_note(scan, at, &from, &to))
        return false;
    *ret = (struct secret_match){.kind = command_kind, .value = text + from, .value_length = to - from};
    return true;
}
