/* Packages that an image's steps installed unverified, from its history: 4.11. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"

/* ---- Downloads that are run ---- */

static bool is_shell_name(const char *name)
{
    static const char *const names[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", "su", "source", ".", "eval", NULL};

    return shell_is_one_of(name, names);
}

static bool is_interpreter_name(const char *name)
{
    static const char *const names[] = {"perl", "ruby", "node", "php", NULL};

    return shell_is_one_of(name, names) || str_starts(name, "python");
}

static bool is_interpreter(const char *word)
{
    return is_shell_name(shell_base_name(word)) || is_interpreter_name(shell_base_name(word));
}

/* Does it run what comes in? Not when a script is given to it: then that is its data. */
static bool runs_its_input(const struct shell_command *command)
{
    const char *name = shell_base_name(command->words[0]);
    bool is_shell = is_shell_name(name);

    if (!is_shell && !is_interpreter_name(name))
        return false;
    for (size_t i = 1; i < command->count; i++) {
        const char *word = command->words[i];

        if (strcmp(word, "-") == 0 || strcmp(word, "/dev/stdin") == 0 || (is_shell && strcmp(word, "-s") == 0))
            return true;
        if (strcmp(word, ">") == 0 || strcmp(word, "<") == 0)
            return true;
        if (word[0] == '-' && strcmp(word, "-o") == 0 && is_shell)
            i++;
        else if (word[0] != '-' || (word[1] != '-' && strpbrk(word + 1, is_shell ? "c" : "cmenpr")))
            return false;
    }
    return true;
}

static bool is_download(const struct shell_command *command)
{
    static const char *const names[] = {"curl", "wget", "fetch", "aria2c", "wget2", "axel", "http", "https", NULL};

    return shell_is_one_of(shell_base_name(command->words[0]), names);
}

/* curl … | sh, sh <(curl …), sh -c "$(curl …)". */
static bool pipes_to_interpreter(const struct shell_line *line)
{
    static const char *const substitutions[] = {"$(curl ", "$(wget ", "`curl ", "`wget "};
    bool downloading = false;

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = &line->items[i];

        if (!command->piped)
            downloading = false;
        if (downloading && runs_its_input(command))
            return true;
        downloading |= is_download(command);
        for (size_t k = 1; is_interpreter(command->words[0]) && k < command->count; k++) {
            for (size_t n = 0; n < countof(substitutions); n++)
                if (strstr(command->words[k], substitutions[n]))
                    return true;
            if (strcmp(command->words[k], "<") == 0 && i + 1 < line->count && is_download(&line->items[i + 1]))
                return true;
        }
    }
    return false;
}

/* PowerShell: iex ((New-Object Net.WebClient).DownloadString('https://…')). */
static bool invokes_download(const char *text)
{
    static const char *const runs[] = {"iex ", "iex(", "| iex", "|iex", "Invoke-Expression"};
    static const char *const brings[] = {"DownloadString", "Invoke-WebRequest", "Invoke-RestMethod", "iwr ", "irm "};
    bool run = false, bring = false;

    for (size_t i = 0; i < countof(runs); i++)
        run |= strcasestr(text, runs[i]) != NULL;
    for (size_t i = 0; i < countof(brings); i++)
        bring |= strcasestr(text, brings[i]) != NULL;
    return run && bring;
}

/* ---- Verification switched off ---- */

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

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* NAME stands behind the dashes of an option, or behind the \n of a text for printf. */
static bool is_option_or_escape(const char *text, const char *at)
{
    size_t before = (size_t)(at - text);

    return (before >= 2 && at[-1] == '-' && at[-2] == '-') || (before >= 2 && at[-1] == 'n' && at[-2] == '\\');
}

/* NAME, then = : or blanks, then one of the words that mean no (or with TURNS_ON, yes), anywhere in TEXT. LAST: what
 * stands there last counts, as sed's replacement does. */
static bool sets(const char *text, const char *name, bool turns_on, bool last)
{
    static const char *const off[] = {"0", "false", "no", "off", "none", NULL}, *const on[] = {"1", "true", "yes", "on",
                                                                                               NULL};

    bool found = false;

    for (const char *at = strcasestr(text, name); at && (last || !found); at = strcasestr(at + 1, name)) {
        const char *value = at + strlen(name);
        char word[8];
        size_t length = 0;

        if ((at != text && (is_name_char(at[-1]) && !is_option_or_escape(text, at))) || is_name_char(*value))
            continue;
        value += strspn(value, " \t=:\"'");
        while (length + 1 < sizeof word && isalnum((unsigned char)value[length])) {
            word[length] = (char)tolower((unsigned char)value[length]);
            length++;
        }
        word[length] = '\0';
        found = shell_is_one_of(word, turns_on ? on : off);
    }
    return found;
}

/* Settings that packages are no longer verified by, wherever they stand: an option, a variable, a file that is written.
 */
static bool switches_off(const char *text, bool last)
{
    static const char *const turned_off[] = {"gpgcheck",
                                             "sslverify",
                                             "strict-ssl",
                                             "npm_config_strict_ssl",
                                             "NODE_TLS_REJECT_UNAUTHORIZED",
                                             "PYTHONHTTPSVERIFY",
                                             "check-certificate",
                                             "GOSUMDB",
                                             "Verify-Peer",
                                             "Verify-Host",
                                             "http.sslVerify",
                                             "enableStrictSsl",
                                             "verify_ssl",
                                             "ssl_verify"};
    static const char *const turned_on[] = {"trusted",
                                            "GIT_SSL_NO_VERIFY",
                                            "APT::Get::AllowUnauthenticated",
                                            "Acquire::AllowInsecureRepositories",
                                            "Acquire::AllowWeakRepositories",
                                            "allow-unauthenticated",
                                            "allow-insecure"};

    for (size_t i = 0; i < countof(turned_off); i++)
        if (sets(text, turned_off[i], false, last))
            return true;
    for (size_t i = 0; i < countof(turned_on); i++)
        if (sets(text, turned_on[i], true, last))
            return true;
    return false;
}

static bool is_unverified_flag(const struct shell_command *command, const char *word)
{
    static const char *const flags[] = {"--allow-unauthenticated",
                                        "--force-yes",
                                        "--nogpgcheck",
                                        "--no-gpgcheck",
                                        "--no-gpg-check",
                                        "--no-gpg-checks",
                                        "--allow-untrusted",
                                        "--no-check-certificate",
                                        "--trusted-host",
                                        "--allow-insecure-repositories",
                                        "--allow-unsigned-rpm",
                                        "--nosignature",
                                        "--nodigest",
                                        "--no-check-sig",
                                        "--disable-gpg-check",
                                        "--no-verify-ssl",
                                        "--skip-certificate-check",
                                        NULL};
    static const char *const starts[] = {"--trusted-host=", "PIP_TRUSTED_HOST=", "global.trusted-host",
                                         "install.trusted-host"};
    const char *name = shell_base_name(command->words[0]);

    if (shell_is_one_of(word, flags))
        return true;
    for (size_t i = 0; i < countof(starts); i++)
        if (str_starts(word, starts[i]) && !str_ends(word, "="))
            return true;
    return strcmp(name, "curl") == 0 && (strcmp(word, "--insecure") == 0 || strcmp(word, "--proxy-insecure") == 0 ||
                                         has_letter(word, 'k', "oHdXuAebcTFmxwKECDYyrQtzPU"));
}

/* ---- Plain HTTP ---- */

static const char *plain_url(const char *word)
{
    const char *url = strcasestr(word, "http://"), *host = url ? url + strlen("http://") : NULL;

    if (!url || str_starts(host, "localhost") || str_starts(host, "127.") || str_starts(host, "[::1]") ||
        str_starts(host, "host.docker.internal"))
        return NULL;
    return url;
}

static bool is_plain_http_file(const char *word)
{
    static const char *const endings[] = {
        ".deb", ".rpm",  ".apk", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip",     ".jar", ".whl",
        ".gem", ".sh",   ".run", ".bin", ".gz",     ".xz",  ".bz2",    ".pkg",     ".exe",     ".msi", ".tar.zst",
        ".txz", ".tbz2", ".7z",  ".war", ".phar",   ".py",  ".pl",     ".so",      ".AppImage"};
    scoped(cleanup_free) char *path = NULL;
    const char *url = plain_url(word);

    if (!url)
        return false;
    path = mem_strndup(url, strcspn(url, "?#\"' "));
    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(path, endings[i]))
            return true;
    return false;
}

static bool has_plain_url(const struct shell_command *command)
{
    for (size_t i = 1; i < command->count; i++)
        if (plain_url(command->words[i]))
            return true;
    return false;
}

/* Package managers whose packages are not signed: where they come from is all that vouches for them. */
static bool takes_unsigned(const struct shell_command *command)
{
    static const char *const names[] = {"pip", "pip2",         "pip3",  "npm",    "yarn", "pnpm",
                                        "gem", "easy_install", "cargo", "poetry", "uv",   NULL};

    if (!has_plain_url(command))
        return false;
    if (shell_is_one_of(shell_base_name(command->words[0]), names))
        return true;
    return str_starts(shell_base_name(command->words[0]), "python") && command->count > 2 &&
           strcmp(command->words[1], "-m") == 0 && str_starts(command->words[2], "pip");
}

/* curl http://… | tar x */
static bool unpacks_plain_http(const struct shell_line *line)
{
    static const char *const names[] = {"tar",  "bsdtar", "gunzip", "zcat", "gzip", "xz",  "unxz",  "bunzip2",
                                        "cpio", "unzip",  "dpkg",   "rpm",  "zstd", "jar", "xzcat", NULL};
    bool downloading = false;

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = &line->items[i];

        downloading = command->piped && downloading;
        if (downloading && shell_is_one_of(shell_base_name(command->words[0]), names))
            return true;
        downloading |= is_download(command) && has_plain_url(command);
    }
    return false;
}

static bool verifies(const struct shell_line *line)
{
    static const char *const programs[] = {"sha256sum", "sha512sum", "sha1sum", "sha384sum",    "sha224sum", "md5sum",
                                           "shasum",    "b2sum",     "cosign",  "minisign",     "gpgv",      "signify",
                                           "cksum",     "jarsigner", "rhash",   "Get-FileHash", NULL};
    static const char *const words[] = {"--verify", "--checksig", "-K", "--require-hashes", "-verify", NULL};

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = &line->items[i];

        if (shell_is_one_of(shell_base_name(command->words[0]), programs))
            return true;
        for (size_t k = 1; k < command->count; k++)
            if (str_starts(command->words[k], "--checksum") ||
                (shell_is_one_of(command->words[k], words) &&
                 (strcmp(command->words[k], "-K") != 0 || strcmp(command->words[0], "rpm") == 0)))
                return true;
    }
    return false;
}

/* ---- Judging ---- */

static const char unseen[] = "runs what it downloads unseen", off[] = "switches verification off",
                  plain[] = "takes a file over plain HTTP and checks no checksum",
                  plain_index[] = "takes packages over plain HTTP and checks no checksum";

/* Its words are text that goes nowhere but to the screen. */
static bool only_prints(const struct shell_line *line, size_t i)
{
    static const char *const printers[] = {"echo", "printf", NULL};
    static const char *const readers[] = {"grep", "egrep", "fgrep", "test", "[", "[[", NULL};
    const struct shell_command *command = &line->items[i];

    if (shell_is_one_of(shell_base_name(command->words[0]), readers))
        return true;
    if (!shell_is_one_of(command->words[0], printers) || (i + 1 < line->count && line->items[i + 1].piped))
        return false;
    for (size_t k = 1; k < command->count; k++)
        if (strcmp(command->words[k], ">") == 0)
            return false;
    return true;
}

static bool command_switches_off(const struct shell_line *line, size_t i)
{
    const struct shell_command *command = &line->items[i];
    scoped_str text = STR_INIT;

    for (size_t k = 0; k < command->count; k++) {
        if (k && is_unverified_flag(command, command->words[k]))
            return true;
        str_append(&text, command->words[k]);
        str_append_char(&text, ' ');
    }
    return switches_off(str_text(&text), strcmp(shell_base_name(command->words[0]), "sed") == 0);
}

/* VARIABLE=value words before a command are dropped from it; here they count, as those of export and ENV do. */
static bool assigns_off(const char *text)
{
    static const char *const names[] = {
        "GIT_SSL_NO_VERIFY=1", "GIT_SSL_NO_VERIFY=true",      "NODE_TLS_REJECT_UNAUTHORIZED=0",
        "PYTHONHTTPSVERIFY=0", "NPM_CONFIG_STRICT_SSL=false", "GOSUMDB=off"};

    for (size_t i = 0; i < countof(names); i++)
        if (strcasestr(text, names[i]))
            return true;
    return false;
}

static const char *fault_of(const struct shell_line *line, const char *text)
{
    bool checked = verifies(line);

    if (pipes_to_interpreter(line) || invokes_download(text))
        return unseen;
    if (assigns_off(text))
        return off;
    for (size_t i = 0; i < line->count; i++)
        if (!only_prints(line, i) && command_switches_off(line, i))
            return off;
    if (checked)
        return NULL;
    if (unpacks_plain_http(line))
        return plain;
    for (size_t i = 0; i < line->count; i++) {
        if (takes_unsigned(&line->items[i]))
            return plain_index;
        for (size_t k = 1; k < line->items[i].count && !only_prints(line, i); k++)
            if (is_plain_http_file(line->items[i].words[k]))
                return plain;
    }
    return NULL;
}

static bool is_env(const struct step *step, const char *created_by)
{
    return step->body - created_by >= 4 && memcmp(step->body - 4, "ENV ", 4) == 0;
}

static bool sets_trusted_host(const char *body)
{
    static const char name[] = "PIP_TRUSTED_HOST";
    const char *at = strstr(body, name);

    return at && at[sizeof name - 1] && !isspace((unsigned char)at[sizeof name]) && at[sizeof name];
}

void check_image_verified_packages(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = history_need(in, out);

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);
        scoped(cleanup_free) char *body = mem_strndup(step.body, step.length);
        scoped(shell_line_deinit) struct shell_line line = {0};
        const char *fault = NULL;

        if (step.instruction == INSTRUCTION_RUN) {
            shell_split(step.body, step.length, &line);
            fault = fault_of(&line, body);
        } else if (step.instruction == INSTRUCTION_ADD && plain_url(body) && !strstr(body, "--checksum")) {
            fault = plain;
        } else if (step.instruction == INSTRUCTION_META && is_env(&step, history->items[i].created_by) &&
                   (switches_off(body, false) || assigns_off(body) || sets_trusted_host(body))) {
            fault = off;
        }
        if (fault)
            history_say_step(in, out, i, &step, fault);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no step installs what is not verified");
    else
        check_remedy(in, out,
                     "# in these steps: install signed packages, or check a download with sha256sum -c or "
                     "gpg --verify before it is used");
}
