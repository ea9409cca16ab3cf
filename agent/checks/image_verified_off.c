/* Verification of packages that is switched off, in a RUN step and in variables: 4.11. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Does a name at AT follow the dashes of an option, or the \\n of a text for printf? */
static bool is_option_or_escape(const char *text, const char *at)
{
    size_t before = (size_t)(at - text);

    return before >= 2 &&
           ((at[-1] == '-' && at[-2] == '-') || (at[-1] == 'n' && at[-2] == '\\') || (at[-1] == 'o' && at[-2] == '-'));
}

/* What a setting means for packages: verified no longer when it is set to no; when it is set to yes; when it names a
 * host (of pip, uv, go) whose certificates, or modules whose sums, are not looked at. */
enum meaning { OFF_BY_NO, OFF_BY_YES, OFF_BY_HOST, TRUSTED_SOURCE };

/* In the order of their first letters. */
static const struct setting {
    const char *name;
    enum meaning meaning;
} settings[] = {
    {"AllowUnauthenticated", OFF_BY_YES},
    {"AllowInsecureRepositories", OFF_BY_YES},
    {"AllowWeakRepositories", OFF_BY_YES},
    {"AllowDowngradeToInsecureRepositories", OFF_BY_YES},
    {"allow-unauthenticated", OFF_BY_YES},
    {"allow-insecure", OFF_BY_YES},
    {"check-certificate", OFF_BY_NO},
    {"check_certificate", OFF_BY_NO},
    {"disable-tls", OFF_BY_YES},
    {"enableStrictSsl", OFF_BY_NO},
    {"gpgcheck", OFF_BY_NO},
    {"GOSUMDB", OFF_BY_NO},
    {"GIT_SSL_NO_VERIFY", OFF_BY_YES},
    {"GONOSUMCHECK", OFF_BY_YES},
    {"GOINSECURE", OFF_BY_HOST},
    {"GONOSUMDB", OFF_BY_HOST},
    {"http.sslVerify", OFF_BY_NO},
    {"npm_config_strict_ssl", OFF_BY_NO},
    {"NODE_TLS_REJECT_UNAUTHORIZED", OFF_BY_NO},
    {"PYTHONHTTPSVERIFY", OFF_BY_NO},
    {"PIP_TRUSTED_HOST", OFF_BY_HOST},
    {"sslverify", OFF_BY_NO},
    {"strict-ssl", OFF_BY_NO},
    {"strict_ssl", OFF_BY_NO},
    {"ssl_verify", OFF_BY_NO},
    {"SigLevel", OFF_BY_NO},
    {"secure-http", OFF_BY_NO},
    {"ssl_verify_mode", OFF_BY_NO},
    {"ssl.insecure", OFF_BY_YES},
    {"trusted-host", OFF_BY_HOST},
    {"trusted_host", OFF_BY_HOST},
    {"trusted", TRUSTED_SOURCE}, /* "deb [trusted=yes] …", "Trusted: yes": sources.list(5) */
    {"UV_INSECURE_HOST", OFF_BY_HOST},
    {"Verify-Peer", OFF_BY_NO},
    {"Verify-Host", OFF_BY_NO},
    {"verify_ssl", OFF_BY_NO},
};

/* Is one of the words that mean no, or with TURNS_ON yes, the value at VALUE? */
static bool is_switched(const char *value, bool turns_on)
{
    static const char *const off[] = {"0", "false", "no", "off", "none", "never", NULL}, *const on[] = {"1", "true",
                                                                                                        "yes", "on",
                                                                                                        NULL};
    char word[8];
    size_t length = 0;

    value += strspn(value, " \t=:\"'\\");
    while (length + 1 < sizeof word && isalnum((unsigned char)value[length])) {
        word[length] = (char)tolower((unsigned char)value[length]);
        length++;
    }
    word[length] = '\0';
    return shell_is_one_of(word, turns_on ? on : off);
}

static bool is_host(const char *value)
{
    const char *begin = value + strspn(value, " \t=:\"'");

    return begin > value && (isalnum((unsigned char)*begin) || *begin == '$' || *begin == '[' || *begin == '*');
}

/* Does the text mark a source of apt as trusted, and is that source not a directory of this image? */
static bool is_remote_source(const char *text)
{
    bool local = strstr(text, "file:") && !strcasestr(text, "http://") && !strcasestr(text, "https://");

    return !local && (strchr(text, '[') || strcasestr(text, "trusted:"));
}

static unsigned letter_of(char c)
{
    return (unsigned)c & 31;
}

/* repo_gpgcheck=1: the signed index of the repository holds the checksums of its packages (dnf.conf(5)). */
static bool signs_index(const char *text)
{
    static const char name[] = "repo_gpgcheck";
    const char *at = strcasestr(text, name);

    return at && is_switched(at + strlen(name), true);
}

/* Settings that packages are no longer verified by, wherever they are: an option, a variable, a file that is written.
 * LAST: of a setting's values the last one counts, as sed's replacement does. */
static bool switches_off(const char *text, bool last)
{
    static const char trust_all[] = "TrustAll"; /* SigLevel = TrustAll: pacman.conf(5) */
    bool found[countof(settings)] = {false}, trusts_all = false;
    unsigned char begins[32], count = countof(settings);

    memset(begins, count, sizeof begins);
    for (unsigned char i = count; i-- > 0;)
        begins[letter_of(*settings[i].name)] = i;
    for (const char *at = text; *at; at++) {
        unsigned letter = letter_of(*at);

        trusts_all |= letter == letter_of(*trust_all) && strncasecmp(at, trust_all, strlen(trust_all)) == 0;
        if (at > text && is_name_char(at[-1]) && !is_option_or_escape(text, at))
            continue;
        for (size_t i = begins[letter]; i < count && letter_of(*settings[i].name) == letter; i++) {
            size_t length = strlen(settings[i].name);
            enum meaning meaning = settings[i].meaning;
            bool off;

            if (strncasecmp(at, settings[i].name, length) != 0 || is_name_char(at[length]))
                continue;
            off = meaning == OFF_BY_HOST ? is_host(at + length) : is_switched(at + length, meaning != OFF_BY_NO);
            found[i] = off || (found[i] && (!last || meaning == OFF_BY_HOST));
        }
    }
    for (size_t i = 0; i < countof(settings); i++)
        if (found[i] && (settings[i].meaning != TRUSTED_SOURCE || is_remote_source(text)) &&
            (strcmp(settings[i].name, "gpgcheck") != 0 || !signs_index(text)))
            return true;
    return strcasestr(text, "ServerCertificateValidationCallback") || strstr(text, "GOFLAGS=-insecure") ||
           (trusts_all && strcasestr(text, "SigLevel"));
}

bool verified_off_text(const char *text)
{
    return switches_off(text, false);
}

/* A short option is alone or among others, before one that takes a value. */
static bool has_letter(const char *word, char letter, const char *with_value)
{
    if (word[0] != '-' || word[1] == '-')
        return false;
    for (const char *at = word + 1; *at; at++) {
        if (*at == letter)
            return true;
        if (strchr(with_value, *at))
            return false;
    }
    return false;
}

/* Is WORD the option, alone or with a value that does not take it back? */
static bool is_option(const char *word, const char *option)
{
    static const char *const taken_back[] = {"=false", "=0", "=no", "=off", NULL};
    size_t size = strlen(option);

    return strncmp(word, option, size) == 0 &&
           (!word[size] || (word[size] == '=' && word[size + 1] && !shell_is_one_of(word + size, taken_back)));
}

/* curl: is the word after BEFORE the value of a short option, such as -H? */
static bool is_value(const char *before)
{
    size_t length = strlen(before);

    return length >= 2 && before[0] == '-' && before[1] != '-' && strchr("HdXAebFxowuE", before[length - 1]);
}

static bool is_unverified_flag(const struct shell_command *command, size_t i)
{
    static const char *const flags[] = {"--allow-unauthenticated",
                                        "--force-yes",
                                        "--nogpgcheck",
                                        "--nogpgchecks",
                                        "--no-gpgcheck",
                                        "--no-gpgchecks",
                                        "--no-gpg-check",
                                        "--no-gpg-checks",
                                        "--gpgcheck-allow-unsigned",
                                        "--gpgcheck-allow-unsigned-repo",
                                        "--gpgcheck-allow-unsigned-package",
                                        "--allow-unsigned",
                                        "--allow-untrusted",
                                        "--no-check-certificate",
                                        "--allow-insecure-repositories",
                                        "--allow-unsigned-rpm",
                                        "--nosignature",
                                        "--nodigest",
                                        "--no-check-sig",
                                        "--disable-gpg-check",
                                        "--no-verify-ssl",
                                        "--no-strict-ssl",
                                        "--skip-certificate-check",
                                        "--insecure-skip-tls-verify",
                                        "--allow-insecure-host",
                                        "--no-gpg-verify",
                                        "--allow-empty-checksums",
                                        "--ignore-checksums",
                                        "--trust-server-cert",
                                        "--force-bad-verify",
                                        "--no-debsig",
                                        "--verify=no"};
    const char *name = command->program, *word = command->words.items[i].text;

    for (size_t k = 0; word[0] == '-' && word[1] == '-' && k < countof(flags); k++)
        if (is_option(word, flags[k]))
            return true;
    if ((strcmp(name, "snap") == 0 && strcmp(word, "--dangerous") == 0) ||
        (strcmp(name, "go") == 0 && strcmp(word, "-insecure") == 0) ||
        (strcmp(name, "gem") == 0 && (strcmp(word, "NoSecurity") == 0 || strcmp(word, "-PNoSecurity") == 0)))
        return true;
    if (i > 1 && is_value(command->words.items[i - 1].text))
        return false;
    return strcmp(name, "curl") == 0 && (strcmp(word, "--insecure") == 0 || strcmp(word, "--proxy-insecure") == 0 ||
                                         has_letter(word, 'k', "oHdXuAebcTFmxwKECDYyrQtzPU"));
}

static bool has_word(const struct shell_command *command, const char *const *words)
{
    for (size_t i = 1; i < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, words))
            return true;
    return false;
}

/* zypper -G addrepo …: the option means this only where a repository is added or changed. */
static bool has_unverified_repository(const struct shell_command *command)
{
    static const char *const subcommands[] = {"ar", "addrepo", "mr", "modifyrepo", NULL};
    bool letter = false;

    if (strcmp(command->program, "zypper") != 0)
        return false;
    for (size_t i = 1; i < command->words.count; i++)
        letter |= has_letter(command->words.items[i].text, 'G', "");
    return letter && has_word(command, subcommands);
}

/* Words of apk by which it installs nothing. */
static bool is_local(const struct shell_command *command)
{
    static const char *const words[] = {"index", "mkndx", "verify", NULL};

    return strcmp(command->program, "apk") == 0 && has_word(command, words);
}

/* echo insecure >> ~/.curlrc */
static bool writes_insecure(const struct shell_command *command, const char *text)
{
    const char *file = command->output, *at = strstr(text, "insecure");

    return file && strstr(shell_base_name(file), "curlrc") && at &&
           (at == text || !is_name_char(at[-1]) || at[-1] == '-');
}

/* sed '/…/d' takes lines away. */
static bool deletes_lines(const char *word)
{
    return word[0] == '/' && str_ends(word, "/d");
}

static void add_text(struct str *text, const struct shell_word *word, char separator)
{
    str_append_n(text, word->text, word->length);
    str_append_char(text, separator);
}

/* Packages that are installed from files, each of which was checked: their own signatures need not be. */
static bool installs_checked(const struct shell_command *command, const struct downloads *downloads)
{
    static const char *const endings[] = {".apk", ".rpm", ".deb", ".snap"};
    bool any = false;

    for (size_t i = 1; i < command->words.count; i++)
        for (size_t k = 0; k < countof(endings); k++)
            if (command->words.items[i].text[0] != '-' && str_ends(command->words.items[i].text, endings[k])) {
                const struct download *file = downloads_find(downloads, command->words.items[i].text);

                if (!file || !file->verified)
                    return false;
                any = true;
            }
    return any;
}

bool verified_off_flag(const struct shell_command *command, size_t i)
{
    return is_unverified_flag(command, i);
}

/* The options of what downloads are of the file that it brings, see image_downloads_read.c. */
static bool command_off(const struct shell_command *command, const struct downloads *downloads)
{
    scoped_str text = STR_INIT;
    bool is_sed = strcmp(command->program, "sed") == 0;
    bool flags = !is_local(command) && !verified_words_download(command) && !installs_checked(command, downloads);

    if (has_unverified_repository(command))
        return true;
    for (size_t k = 0; k < command->assignments.count; k++)
        add_text(&text, &command->assignments.items[k], ' ');
    for (size_t k = 0; k < command->words.count; k++) {
        if (k && flags && is_unverified_flag(command, k))
            return true;
        if (!is_sed || !deletes_lines(command->words.items[k].text))
            add_text(&text, &command->words.items[k], ' ');
    }
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT)
            add_text(&text, &redirect->word, '\n');
    return switches_off(str_text(&text), is_sed) || writes_insecure(command, str_text(&text));
}

const struct shell_command *verified_off(const struct shell_line *line, const struct downloads *downloads)
{
    for (size_t i = 0; i < line->count; i++)
        if (!verified_words_only_print(line->items[i]) && command_off(line->items[i], downloads))
            return line->items[i];
    return NULL;
}
