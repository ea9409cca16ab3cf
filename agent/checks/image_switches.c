/* Verification of packages that is switched off, in a RUN step and in variables: 4.11. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

bool verified_only_prints(const struct shell_command *command)
{
    static const char *const printers[] = {"echo", "printf", NULL};
    static const char *const readers[] = {"grep", "egrep", "fgrep", "test", "[", "[[", NULL};
    const char *name = shell_program(command);

    if (shell_is_one_of(name, readers))
        return true;
    if (!shell_is_one_of(name, printers) || (command->inside && !verified_only_prints(command->inside)))
        return false;
    for (const struct shell_command *writer = command; writer; writer = writer->outer)
        if (writer->pipe || shell_output_file(writer))
            return false;
    return true;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* NAME stands behind the dashes of an option, or behind the \n of a text for printf. */
static bool is_option_or_escape(const char *text, const char *at)
{
    size_t before = (size_t)(at - text);

    return before >= 2 &&
           ((at[-1] == '-' && at[-2] == '-') || (at[-1] == 'n' && at[-2] == '\\') || (at[-1] == 'o' && at[-2] == '-'));
}

static bool stands_alone(const char *text, const char *at, const char *name)
{
    return (at == text || !is_name_char(at[-1]) || is_option_or_escape(text, at)) && !is_name_char(at[strlen(name)]);
}

/* NAME, then = : or blanks, then one of the words that mean no (or with TURNS_ON, yes), anywhere in TEXT. LAST: what
 * stands there last counts, as sed's replacement does. */
static bool sets(const char *text, const char *name, bool turns_on, bool last)
{
    static const char *const off[] = {"0", "false", "no", "off", "none", "never", NULL}, *const on[] = {"1", "true",
                                                                                                        "yes", "on",
                                                                                                        NULL};
    bool found = false;

    for (const char *at = strcasestr(text, name); at && (last || !found); at = strcasestr(at + 1, name)) {
        const char *value = at + strlen(name);
        char word[8];
        size_t length = 0;

        if (!stands_alone(text, at, name))
            continue;
        value += strspn(value, " \t=:\"'\\");
        while (length + 1 < sizeof word && isalnum((unsigned char)value[length])) {
            word[length] = (char)tolower((unsigned char)value[length]);
            length++;
        }
        word[length] = '\0';
        found = shell_is_one_of(word, turns_on ? on : off);
    }
    return found;
}

/* trusted-host = name: settings and options (of pip, uv, go) that name hosts whose certificates are not looked at, or
 * modules whose sums are not. */
static bool names_trusted_host(const char *text)
{
    static const char *const names[] = {"trusted-host",     "trusted_host", "PIP_TRUSTED_HOST",
                                        "UV_INSECURE_HOST", "GOINSECURE",   "GONOSUMDB"};

    for (size_t i = 0; i < countof(names); i++)
        for (const char *at = strcasestr(text, names[i]); at; at = strcasestr(at + 1, names[i])) {
            const char *value = at + strlen(names[i]), *begin;

            if (!stands_alone(text, at, names[i]))
                continue;
            begin = value + strspn(value, " \t=:\"'");
            if (begin > value && (isalnum((unsigned char)*begin) || *begin == '$' || *begin == '[' || *begin == '*'))
                return true;
        }
    return false;
}

/* A source of apt that is trusted unsigned: "deb [trusted=yes] …", "Trusted: yes" (sources.list(5)). A folder of this
 * image is no download. */
static bool trusts_source(const char *text, bool last)
{
    bool local = strstr(text, "file:") && !strcasestr(text, "http://") && !strcasestr(text, "https://");

    return !local && (strchr(text, '[') || strcasestr(text, "trusted:")) && sets(text, "trusted", true, last);
}

/* Settings that packages are no longer verified by, wherever they stand: an option, a variable, a file that is written.
 */
static bool switches_off(const char *text, bool last)
{
    static const char *const turned_off[] = {"gpgcheck",
                                             "sslverify",
                                             "strict-ssl",
                                             "strict_ssl",
                                             "npm_config_strict_ssl",
                                             "NODE_TLS_REJECT_UNAUTHORIZED",
                                             "PYTHONHTTPSVERIFY",
                                             "check-certificate",
                                             "check_certificate",
                                             "GOSUMDB",
                                             "Verify-Peer",
                                             "Verify-Host",
                                             "http.sslVerify",
                                             "enableStrictSsl",
                                             "verify_ssl",
                                             "ssl_verify",
                                             "SigLevel",
                                             "secure-http",
                                             "ssl_verify_mode"};
    static const char *const turned_on[] = {"GIT_SSL_NO_VERIFY",
                                            "AllowUnauthenticated",
                                            "AllowInsecureRepositories",
                                            "AllowWeakRepositories",
                                            "AllowDowngradeToInsecureRepositories",
                                            "allow-unauthenticated",
                                            "allow-insecure",
                                            "disable-tls",
                                            "ssl.insecure",
                                            "GONOSUMCHECK"};

    for (size_t i = 0; i < countof(turned_off); i++)
        if (sets(text, turned_off[i], false, last))
            return true;
    for (size_t i = 0; i < countof(turned_on); i++)
        if (sets(text, turned_on[i], true, last))
            return true;
    return trusts_source(text, last) || names_trusted_host(text) || strstr(text, "GOFLAGS=-insecure") ||
           (strcasestr(text, "SigLevel") && strcasestr(text, "TrustAll"));
}

bool verified_text_off(const char *text)
{
    return switches_off(text, false);
}

/* A short option stands alone or among others, before one that takes a value. */
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

/* curl: is the word behind BEFORE the value of a short option, such as -H? */
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
                                        "--verify=no"};
    static const char *const local[] = {"index", "mkndx", "verify", NULL};
    const char *name = shell_program(command), *word = command->words.items[i].text;

    for (size_t k = 1; strcmp(name, "apk") == 0 && k < command->words.count; k++)
        if (shell_is_one_of(command->words.items[k].text, local))
            return false; /* it installs nothing */
    for (size_t k = 0; k < countof(flags); k++)
        if (is_option(word, flags[k]))
            return true;
    for (size_t k = 1; strcmp(name, "zypper") == 0 && has_letter(word, 'G', "") && k < command->words.count; k++)
        if (strcmp(command->words.items[k].text, "ar") == 0 || strcmp(command->words.items[k].text, "addrepo") == 0 ||
            strcmp(command->words.items[k].text, "mr") == 0 || strcmp(command->words.items[k].text, "modifyrepo") == 0)
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

/* echo insecure >> ~/.curlrc */
static bool writes_insecure(const struct shell_command *command, const char *text)
{
    const char *file = shell_output_file(command), *at = strstr(text, "insecure");

    return file && strstr(shell_base_name(file), "curlrc") && at &&
           (at == text || !is_name_char(at[-1]) || at[-1] == '-');
}

/* sed '/…/d' takes lines away. */
static bool deletes_lines(const char *word)
{
    return word[0] == '/' && str_ends(word, "/d");
}

static bool command_off(const struct shell_command *command)
{
    scoped_str text = STR_INIT;
    bool is_sed = strcmp(shell_program(command), "sed") == 0;

    for (size_t k = 0; k < command->assignments.count; k++)
        str_printf(&text, "%s ", command->assignments.items[k].text);
    for (size_t k = 0; k < command->words.count; k++) {
        if (k && is_unverified_flag(command, k))
            return true;
        if (!is_sed || !deletes_lines(command->words.items[k].text))
            str_printf(&text, "%s ", command->words.items[k].text);
    }
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT)
            str_printf(&text, "%s\n", redirect->word.text);
    return switches_off(str_text(&text), is_sed) || writes_insecure(command, str_text(&text));
}

const struct shell_command *verified_off(const struct shell_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (!verified_only_prints(line->items[i]) && command_off(line->items[i]))
            return line->items[i];
    return NULL;
}
