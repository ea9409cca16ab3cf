/* Which downloads a command checks against a checksum or a signature. A check speaks for the files that it names, in
 * its words or in what it reads, and for no others; a list of sums that is brought along, for what comes from its
 * place. */
#include <string.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

enum { WORD_STEPS = 16, COMMAND_STEPS = 32 };

struct check {
    struct downloads *downloads;
    struct budget *budget;
    size_t step;
};

/* The file that a sum or signature is of: "a.tgz.sha256" is of a.tgz. */
static void verify_name(const struct check *check, const char *name, size_t length)
{
    static const char *const endings[] = {
        ".sha256sum", ".sha512sum", ".sha1sum", ".sha256", ".sha512", ".sha384", ".sha1",    ".md5",
        ".md5sum",    ".checksum",  ".digest",  ".asc",    ".sig",    ".sign",   ".minisig", ".sha256.txt",
        ".sum",       ".sigstore",  ".b2",      ".b2sum",  ".sha",    ".bundle", ".pem",     ".intoto.jsonl"};
    scoped(cleanup_free) char *path = mem_strndup(name, length);

    if (!budget_take(check->budget, COMMAND_STEPS + 2 * length))
        return;
    for (char *at = path, *to = path;; at++) { /* a pattern's "\." is a dot */
        at += *at == '\\' && at[1];
        *to++ = *at;
        if (!*at)
            break;
    }
    downloads_verify(check->downloads, path, check->budget);
    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(path, endings[i])) {
            path[strlen(path) - strlen(endings[i])] = '\0';
            downloads_verify(check->downloads, path, check->budget);
            return;
        }
}

/* Every name in TEXT, which may be a line of sums, a pattern, a substitution or a part of a program. */
static void verify_text(const struct check *check, const char *text)
{
    static const char separators[] = " \t\n\"'()<>|;,=`";

    for (text += strspn(text, separators); *text && budget_take(check->budget, WORD_STEPS);
         text += strspn(text, separators)) {
        size_t length = verified_words_length(text, separators), end = length,
               begin = strspn(text, "*^") < length ? strspn(text, "*^") : 0;
        bool parts = false;

        while (end > begin + 1 && strchr("$/", text[end - 1]))
            end--;
        verify_name(check, text + begin, end - begin);
        for (size_t at = begin; at + 1 < end; at++)
            if (text[at] == '\\' && strchr("nt", text[at + 1])) { /* printf's, or a folder of Windows: tried as both */
                verify_name(check, text + begin, at - begin);
                begin = at + 2;
                parts = true;
            }
        if (parts)
            verify_name(check, text + begin, end - begin);
        text += length;
    }
}

static void verify_words(const struct check *check, const struct shell_command *command)
{
    for (size_t i = 1; i < command->words.count; i++)
        verify_text(check, command->words.items[i].text);
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind != SHELL_WRITE)
            verify_text(check, redirect->word.text);
}

/* ---- Sums ---- */

static bool has_check_option(const struct shell_command *command)
{
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (str_starts(word, "--c") || (word[0] == '-' && word[1] != '-' && strpbrk(word, "cC")))
            return true;
    }
    return false;
}

static bool compares_lists(const struct shell_command *command)
{
    return verified_words_is_sum(command->program) && strcmp(command->program, "openssl") != 0 &&
           has_check_option(command);
}

/* Of a group: does one of its commands? They share its input. */
static bool reads_lists(const struct shell_command *command, struct budget *budget)
{
    if (!command->body)
        return compares_lists(command);
    for (const struct shell_command *inner = command->body; inner && budget_take(budget, COMMAND_STEPS);
         inner = inner->next)
        if (reads_lists(inner, budget))
            return true;
    return false;
}

/* echo "$SUM  a.tgz" > list, grep a.tgz SUMS > list: the text; sha256sum a.tgz > sum: the files. */
void downloads_remember(struct downloads *downloads, const struct shell_command *command)
{
    enum { TEXT_MAX = 4096 };
    static const char *const writers[] = {"echo", "printf", "grep", "egrep", "fgrep", "cat", NULL};
    bool is_sum = verified_words_is_sum(command->program) && !has_check_option(command);
    scoped(cleanup_free) char *name = NULL;
    scoped_str text = STR_INIT;

    if (!command->output || (!is_sum && !shell_is_one_of(command->program, writers)) ||
        (strcmp(command->program, "cat") == 0 && command->words.count > 1)) /* a copy of what is not known */
        return;
    for (size_t i = 1; i < command->words.count && text.length < TEXT_MAX; i++)
        str_printf(&text, "%s ", command->words.items[i].text);
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT && text.length < TEXT_MAX)
            str_append_n(&text, redirect->word.text, strnlen(redirect->word.text, TEXT_MAX));
    name = verified_words_last_part(command->output);
    map_set(is_sum ? downloads->sums : downloads->written, name, str_steal(&text));
}

/* cmp and diff of sums that were written, with what they should be. */
static void check_written_sums(const struct check *check, const struct shell_command *command)
{
    static const char *const comparers[] = {"cmp", "diff", "grep", "fgrep", "egrep", "comm", NULL};

    for (size_t i = 1; shell_is_one_of(command->program, comparers) && i < command->words.count; i++) {
        scoped(cleanup_free) char *name = verified_words_last_part(command->words.items[i].text);
        const char *files = *name ? map_get(check->downloads->sums, name) : NULL;

        if (files)
            verify_text(check, files);
    }
}

/* Is NAME, a list of sums, by its own name of a single file: a.tgz.sha256? */
static bool is_of_one(const struct downloads *downloads, const char *name)
{
    scoped(cleanup_free) char *file = mem_strdup(name);
    char *dot = strrchr(file, '.');

    if (!dot)
        return false;
    *dot = '\0';
    return downloads_is_archive(file, strlen(file)) || downloads_find(downloads, file);
}

/* By its name a list of sums: SHA256SUMS, checksums.txt, files.sha256. */
static bool is_list(const char *path)
{
    static const char *const endings[] = {".txt", ".sha256", ".sha512", ".sha384", ".sha1", ".md5", ".b2", ".sha"};

    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(path, endings[i]))
            return true;
    return strcasestr(path, "sum") || strchr(path, '*');
}

/* sha256sum -c SHA256SUMS: the list is of what comes from where it comes from; of everything, if that is not known. */
static void verify_list(const struct check *check, const char *path)
{
    static const char *const others[] = {"-", "/dev/stdin", "256", "512", "1", "384", NULL};
    scoped(cleanup_free) char *name = verified_words_last_part(path);
    struct download *list;

    if (shell_is_one_of(path, others) || path[0] == '-')
        return;
    if (map_get(check->downloads->sums, name))
        return; /* of what it has just been made from */
    if (map_get(check->downloads->written, name)) {
        verify_text(check, map_get(check->downloads->written, name));
        return;
    }
    list = downloads_find(check->downloads, path);
    verify_text(check, path);
    if (strchr(path, '*') || strchr(path, '(') || !strcasestr(path, "sum"))
        list = NULL;
    if (is_list(path) && !is_of_one(check->downloads, name))
        downloads_verify_step(check->downloads, check->step, list ? list->folder : NULL, check->budget);
}

static void check_lists(const struct check *check, const struct shell_command *command)
{
    if (compares_lists(command)) {
        for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
            if (redirect->kind != SHELL_WRITE)
                verify_text(check, redirect->word.text);
        for (size_t i = 1; i < command->words.count; i++)
            verify_list(check, command->words.items[i].text);
    }
    for (const struct shell_command *writer = command; writer && budget_take(check->budget, COMMAND_STEPS);
         writer = writer->outer) /* a group's commands share its output */
        for (const struct shell_command *reader = writer->pipe; reader && budget_take(check->budget, COMMAND_STEPS);
             reader = reader->pipe)
            if (reads_lists(reader, check->budget)) {
                verify_words(check, command);
                return;
            }
}

/* A sum that is compared by what takes it: [ "$(sha256sum a)" = … ], sha256sum a | grep …; the file may come in. */
static void check_value(const struct check *check, const struct shell_command *command)
{
    bool is_sum = verified_words_is_sum(command->program);

    if (is_sum && (command->pipe || command->inside) && !has_check_option(command))
        verify_words(check, command);
    if (!is_sum && command->pipe && verified_words_is_sum(command->pipe->program) &&
        (command->pipe->pipe || command->pipe->inside))
        verify_words(check, command);
}

/* ---- Signatures ---- */

static bool verifies_signature(const struct shell_command *command)
{
    static const char *const programs[] = {
        "cosign",       "minisign",      "gpgv",          "signify",      "signify-openbsd",
        "jarsigner",    "debsig-verify", "slsa-verifier", "dpkg-sig",     "gpgv2",
        "Get-FileHash", "sigstore",      "rekor-cli",     "osslsigncode", NULL};
    static const char *const tools[] = {"gpg",     "gpg1", "gpg2",    "openssl",  "rpm",
                                        "rpmkeys", "gh",   "keybase", "chktrust", NULL};
    static const char *const words[] = {"--verify",         "--checksig",  "-verify",    "--verify-files",
                                        "--decrypt",        "-d",          "-signature", "-prverify",
                                        "verify",           "attestation", "-K",         "pgp",
                                        "--verify-options", NULL};
    bool is_tool = shell_is_one_of(command->program, tools);

    if (shell_is_one_of(command->program, programs))
        return true;
    for (size_t i = 1; is_tool && i < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, words))
            return true;
    return false;
}

/* php -r "if (hash_file('sha384', 'setup.php') …)" */
static bool compares_in_text(const struct shell_command *command)
{
    static const char *const calls[] = {"hash_file", "hashlib", "Digest::", "sha256_file", "md5sum(", "hash('sha"};

    if (!verified_words_is_interpreter(command->program))
        return false;
    for (size_t i = 1; i < command->words.count; i++)
        for (size_t k = 0; k < countof(calls); k++)
            if (strstr(command->words.items[i].text, calls[k]))
                return true;
    return false;
}

/* apk refuses packages that none of its keys signed, also those in files. */
static void check_packages(const struct check *check, const struct shell_command *command)
{
    static const char *const add[] = {"add", NULL}, *const untrusted[] = {"--allow-untrusted", NULL};
    bool adds = false;

    if (strcmp(command->program, "apk") != 0)
        return;
    for (size_t i = 1; i < command->words.count; i++) {
        if (shell_is_one_of(command->words.items[i].text, untrusted))
            return;
        adds |= shell_is_one_of(command->words.items[i].text, add);
    }
    for (size_t i = 1; adds && i < command->words.count; i++)
        if (str_ends(command->words.items[i].text, ".apk") && budget_take(check->budget, COMMAND_STEPS))
            downloads_verify(check->downloads, command->words.items[i].text, check->budget);
}

/* gpg --verify … | sed 's/Primary key fingerprint: //p', gpg --fingerprint | grep …: who looks at what it prints looks
 * at the keys that were taken. */
static void check_keys(const struct check *check, const struct shell_command *command)
{
    static const char *const tools[] = {"gpg", "gpg1", "gpg2", NULL};
    static const char *const words[] = {"--verify",      "--fingerprint", "--with-fingerprint", "--show-keys",
                                        "--with-colons", "--list-keys",   "--import-options",   NULL};
    bool shows = false;

    if (!shell_is_one_of(command->program, tools) || (!command->pipe && !command->inside))
        return;
    for (size_t i = 1; i < command->words.count; i++)
        shows |= shell_is_one_of(command->words.items[i].text, words);
    for (struct download *download = check->downloads->first;
         shows && download && budget_take(check->budget, COMMAND_STEPS); download = download->next)
        download->verified |= download->key && download->step == check->step;
}

/* ---- Clones ---- */

static bool is_commit(const char *word)
{
    size_t length = strspn(word, "0123456789abcdefABCDEF");

    return (length == 40 || length == 64) && !word[length];
}

/* git checkout 40 digits: the sources are those of that sum. */
static void check_clones(struct downloads *downloads, size_t step, const struct shell_command *command,
                         struct budget *budget)
{
    static const char *const verifying[] = {"verify-tag", "verify-commit",       "-v",
                                            "--verify",   "--verify-signatures", NULL};
    bool checked = false;

    if (strcmp(command->program, "git") != 0)
        return;
    for (size_t i = 1; i < command->words.count; i++)
        checked |= is_commit(command->words.items[i].text) || shell_is_one_of(command->words.items[i].text, verifying);
    for (struct download *download = downloads->first; checked && download && budget_take(budget, COMMAND_STEPS);
         download = download->next)
        download->verified |= download->directory && (download->step == step || download == downloads->here);
}

/* ---- Checks that nobody looks at ---- */

/* "; true" at the end of a group. */
static bool does_nothing(const struct shell_command *command)
{
    static const char *const names[] = {"true", ":", NULL};

    return !command->next && !command->pipe && shell_is_one_of(command->program, names);
}

/* It only says something, or nothing. */
static bool only_says(const struct shell_command *command)
{
    static const char *const names[] = {"true", ":", "echo", "printf", "logger", "sleep", NULL};

    return shell_is_one_of(command->program, names);
}

/* "|| true", "|| echo …", "|| { echo …; }" after a pipeline: it goes on as if nothing had been wrong. */
static bool goes_on(const struct shell_command *alternative, struct budget *budget)
{
    enum { LOOK_MAX = 16 };
    size_t looked = 0;

    for (const struct shell_command *part = alternative; part && budget_take(budget, COMMAND_STEPS);
         part = part->next) {
        if (part != alternative && !part->conditional)
            break; /* what is reached in either case */
        for (const struct shell_command *inner = part->body; inner && budget_take(budget, COMMAND_STEPS);
             inner = inner->next)
            if (!only_says(inner) || looked++ == LOOK_MAX)
                return false;
        if (!part->body && !only_says(part))
            return false;
        if (part->next && part->next->alternative)
            break;
    }
    return true;
}

/* Is the status of COMMAND, or of what it is part of, thrown away? */
static bool is_ignored(const struct shell_command *command, struct budget *budget)
{
    for (const struct shell_command *part = command; part && budget_take(budget, COMMAND_STEPS);
         part = part->outer ? part->outer : part->inside) {
        const struct shell_command *next = part->head ? part->head->next : NULL;

        if (next && (next->alternative ? goes_on(next, budget) : !next->conditional && does_nothing(next)))
            return true;
    }
    return false;
}

void downloads_check(struct downloads *downloads, size_t step, const struct shell_command *command,
                     struct budget *budget)
{
    const struct check check = {.downloads = downloads, .budget = budget, .step = step};

    if (!downloads->first)
        return;
    if (is_ignored(command, budget))
        return;
    check_lists(&check, command);
    check_value(&check, command);
    check_written_sums(&check, command);
    check_keys(&check, command);
    check_clones(downloads, step, command, budget);
    check_packages(&check, command);
    if (verifies_signature(command) || compares_in_text(command))
        verify_words(&check, command);
}
