/* Files and packages that a RUN step takes over plain HTTP: 4.11. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

/* ---- URLs ---- */

/* Does the URL, so long, hold the checksum of what it leads to, as pip has it? */
static bool is_checked(const char *url, size_t length)
{
    static const char *const sums[] = {"#sha256=", "#sha384=", "#sha512="};

    for (size_t i = 0; i < countof(sums); i++)
        if (memmem(url, length, sums[i], strlen(sums[i])))
            return true;
    return false;
}

const char *verified_http_url(const char *word)
{
    static const char sign[] = "://";

    for (const char *at = word; (at = strstr(at, sign));) {
        const char *url = at;
        size_t length;

        while (url > word && isalpha((unsigned char)url[-1]))
            url--;
        length = (size_t)(at - url) + verified_words_length(at, " \t\n\"'"); /* a URL in its path is part of it */
        if (verified_words_is_plain(url) && (url == word || !isdigit((unsigned char)url[-1])) &&
            !is_checked(url, length))
            return url;
        at = url + length;
    }
    return NULL;
}

/* The path of URL, without a query or fragment. */
static size_t path_length(const char *url)
{
    return verified_words_length(url, "?#\"'\\ \t\n");
}

/* Words that name a proxy or a header, not where something is taken from. */
static bool is_other(const struct shell_command *command, size_t i)
{
    const char *word = command->words.items[i].text, *before = i ? command->words.items[i - 1].text : "";

    return strcasestr(before, "proxy") || strcmp(before, "-x") == 0 || strcmp(before, "-e") == 0 ||
           strcmp(before, "-H") == 0 || strcmp(before, "--header") == 0 || strcmp(before, "--referer") == 0 ||
           (strcasestr(word, "proxy") && strcasestr(word, "proxy") < strcasestr(word, "http://") && strchr(word, '=') &&
            strchr(word, '=') < strcasestr(word, "http://"));
}

/* The I-th word's URL of plain HTTP. */
static const char *word_url(const struct shell_command *command, size_t i)
{
    const char *url = verified_http_url(command->words.items[i].text);

    return url && !is_other(command, i) ? url : NULL;
}

static const char *command_url(const struct shell_command *command)
{
    const char *url = NULL;

    for (size_t i = 1; i < command->words.count && !url; i++)
        url = word_url(command, i);
    return url;
}

/* Package managers whose packages are not signed: where they come from is all that vouches for them. */
static bool takes_unsigned(const struct shell_command *command)
{
    static const char *const names[] = {"pip",          "pip2",  "pip3",   "npm", "yarn",   "pnpm", "gem",
                                        "easy_install", "cargo", "poetry", "uv",  "pipenv", NULL};
    const char *name = command->program;

    return shell_is_one_of(name, names) || (str_starts(name, "pip3.") && isdigit((unsigned char)name[5])) ||
           (str_starts(name, "python") && command->words.count > 2 && strcmp(command->words.items[1].text, "-m") == 0 &&
            str_starts(command->words.items[2].text, "pip"));
}

/* bundle config mirror.… http://…, conda config --add channels http://…: where packages that are not signed come
 * from. */
static bool takes_index(const struct shell_command *command)
{
    static const struct {
        const char *name, *words; /* each between blanks */
    } tools[] = {{"bundle", " config "},        {"bundler", " config "},
                 {"composer", " config "},      {"conda", " config install "},
                 {"mamba", " config install "}, {"micromamba", " config install "},
                 {"dotnet", " nuget add "},     {"nuget", " sources install "},
                 {"cpanm", " --mirror "},       {"cpan", " -M "}};

    for (size_t i = 0; i < countof(tools); i++)
        for (size_t k = 1; strcmp(tools[i].name, command->program) == 0 && k < command->words.count; k++) {
            scoped(cleanup_free) char *between = mem_printf(" %s ", command->words.items[k].text);

            if (strstr(tools[i].words, between))
                return true;
        }
    return false;
}

/* Programs to which a URL is text. */
static bool is_text_tool(const struct shell_command *command)
{
    static const char *const names[] = {
        "echo",    "printf",   "sed",     "grep", "egrep", "fgrep",   "awk",       "test",    "[",       "[[",
        "cat",     "export",   "env",     "ln",   "touch", "mkdir",   "configure", "cmake",   "make",    "jq",
        "git",     "svn",      "hg",      "bzr",  "tee",   "tr",      "cut",       "local",   "declare", "readonly",
        "typeset", "basename", "dirname", "case", "for",   "useradd", "usermod",   "adduser", "logger",  NULL};
    static const char *const windows[] = {"Invoke-WebRequest", "iwr", "Invoke-RestMethod", "irm", "Start-BitsTransfer"};

    for (size_t i = 0; i < countof(windows); i++)
        if (strcasecmp(command->program, windows[i]) == 0)
            return true;

    return shell_is_one_of(command->program, names) || verified_words_download(command) ||
           (strcmp(command->program, "zypper") != 0 && command->words.count > 1 &&
            strcmp(command->words.items[1].text, "in") == 0);
}

/* An archive or a program by the URL's name, which is a word of its own; what packages' managers take by an option
 * counts as well. */
static bool takes_file(const struct shell_command *command)
{
    for (size_t i = 1; !is_text_tool(command) && i < command->words.count; i++) {
        const char *word = word_url(command, i);

        if (!word || (command->words.items[i].text[0] == '-' && !takes_unsigned(command)))
            continue;
        if (downloads_is_archive(word, path_length(word)) ||
            downloads_is_archive(word, verified_words_length(word, "#\"'\\ \t\n")))
            return true;
    }
    return false;
}

/* yum-config-manager --add-repo http://…, zypper ar http://…, helm repo add a http://…: who answers there says what is
 * installed. apt's and apk's repositories are signed. */
static bool adds_repository(const struct shell_command *command)
{
    static const char *const programs[] = {"yum-config-manager", "dnf",  "dnf5", "yum", "zypper", "helm",
                                           "microdnf",           "tdnf", NULL};
    static const char *const words[] = {"--add-repo",     "ar",      "addrepo",        "repo",
                                        "--repofrompath", "addrepo", "config-manager", NULL};
    static const char *const joined[] = {"--add-repo=", "--repofrompath=", "--from-repofile=", "--setopt="};
    bool adds = false;

    if (!shell_is_one_of(command->program, programs))
        return false;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        adds |= shell_is_one_of(word, words);
        for (size_t k = 0; k < countof(joined); k++)
            if (str_starts(word, joined[k]) && verified_http_url(word))
                return true;
        if (adds && word_url(command, i))
            return true;
    }
    return false;
}

/* rpm --import http://…, apt-key adv --fetch-keys http://… */
static bool takes_key(const struct shell_command *command)
{
    static const char *const names[] = {"rpm", "rpmkeys", "apt-key", "gpg", "gpg2", NULL};
    static const char *const options[] = {"--import", "--fetch-keys", NULL};
    bool takes = false;

    for (size_t i = 1; i < command->words.count; i++)
        takes |= shell_is_one_of(command->words.items[i].text, options);
    return takes && shell_is_one_of(command->program, names);
}

/* apt-key adv --export … > k && echo "SUM  k" | sha256sum -c: the keys of LINE are compared once they are there. */
static bool compares_keys(const struct shell_line *line)
{
    static const char *const tools[] = {"apt-key", "gpg", "gpg2", NULL};
    static const char *const words[] = {"--export", "export", "exportall", "--fingerprint", "finger", NULL};
    bool shows = false, compares = false;

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = line->items[i];

        compares |= verified_words_is_sum(command->program);
        for (size_t k = 1; shell_is_one_of(command->program, tools) && k < command->words.count; k++)
            shows |= shell_is_one_of(command->words.items[k].text, words);
    }
    return shows && compares;
}

bool verified_http_index(const char *text)
{
    static const char *const names[] = {"PIP_INDEX_URL",
                                        "PIP_EXTRA_INDEX_URL",
                                        "UV_INDEX_URL",
                                        "UV_EXTRA_INDEX_URL",
                                        "UV_DEFAULT_INDEX",
                                        "UV_INDEX",
                                        "index-url",
                                        "extra-index-url",
                                        "NPM_CONFIG_REGISTRY",
                                        "YARN_REGISTRY",
                                        "repos",
                                        "CRAN",
                                        "YARN_NPM_REGISTRY_SERVER",
                                        "registry"};

    if (!strstr(text, "://") || !strcasestr(text, "http:"))
        return false;
    for (size_t i = 0; i < countof(names); i++)
        for (const char *at = strcasestr(text, names[i]); at; at = strcasestr(at + 1, names[i])) {
            const char *value = at + strlen(names[i]);
            scoped(cleanup_free) char *url = NULL;
            bool escape = at - text >= 2 && at[-2] == '\\' && at[-1] == 'n';

            value += strspn(value, " \t=:\"'\\");
            if ((at > text && !escape && (isalnum((unsigned char)at[-1]) || strchr("_-", at[-1]))) ||
                value == at + strlen(names[i]) || strncasecmp(value, "http:", strlen("http:")) != 0)
                continue;
            url = mem_strndup(value, strcspn(value, " \t\n\"'"));
            if (verified_http_url(url))
                return true;
        }
    return false;
}

/* Settings, in variables and in files that are written, of where packages come from that are not signed. */
static bool sets_index(const struct shell_command *command)
{
    const struct shell_words *const lists[] = {&command->assignments, &command->words};

    for (size_t k = 0; k < countof(lists); k++)
        for (size_t i = 0; i < lists[k]->count; i++)
            if (verified_http_index(lists[k]->items[i].text))
                return true;
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT && verified_http_index(redirect->word.text))
            return true;
    return false;
}

/* The definition of a yum repository without signatures: "baseurl=http://…" and no "gpgcheck=1". */
static bool defines_repository(const char *text)
{
    static const char *const names[] = {"baseurl", "mirrorlist", "metalink"};
    const char *check = strcasestr(text, "gpgcheck");

    if (check && strchr("1yYtT", check[strlen("gpgcheck") + strspn(check + strlen("gpgcheck"), " =")]))
        return false;
    for (size_t i = 0; i < countof(names); i++)
        for (const char *at = strcasestr(text, names[i]); at; at = strcasestr(at + 1, names[i])) {
            const char *value = at + strlen(names[i]);

            value += strspn(value, " \t");
            if (*value != '=')
                continue;
            value += 1 + strspn(value + 1, " \t\"'");
            if (verified_words_is_plain(value))
                return true;
        }
    return false;
}

/* echo, printf, cat <<END and tee write it to a file. */
static bool writes_repository(const struct shell_command *command)
{
    static const char *const writers[] = {"echo", "printf", "cat", "tee", NULL};
    scoped_str text = STR_INIT;

    if (!shell_is_one_of(command->program, writers))
        return false;
    for (size_t i = 1; i < command->words.count; i++)
        str_printf(&text, "%s\n", command->words.items[i].text);
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT)
            str_append(&text, redirect->word.text);
    return defines_repository(str_text(&text));
}

/* pip install --require-hashes: whatever the index answers is compared. */
static bool requires_sums(const struct shell_command *command)
{
    static const char *const options[] = {"--require-hashes", NULL};

    for (size_t i = 1; i < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, options))
            return true;
    return false;
}

const struct shell_command *verified_http(const struct shell_line *line)
{
    bool keys_compared = compares_keys(line);

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = line->items[i];

        if (verified_words_only_print(command) || shell_declares(command) || requires_sums(command))
            continue; /* what is taken is what uses the variable */
        if (verified_direct_from(command, true) || sets_index(command) || writes_repository(command) ||
            adds_repository(command) ||
            (command_url(command) &&
             (takes_key(command) ? !keys_compared
                                 : takes_unsigned(command) || takes_file(command) || takes_index(command))))
            return command;
    }
    return NULL;
}
