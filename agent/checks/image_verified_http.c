/* Files and packages that a RUN step takes over plain HTTP: 4.11. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

/* ---- Plain HTTP ---- */

/* Is HOST, what comes after the scheme of a URL, this machine's own? */
static bool is_local(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]", "host.docker.internal", "0.0.0.0"};
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#\"' ");
    bool loopback = length > 4 && strncmp(host, "127.", 4) == 0;

    for (size_t i = 4; loopback && i < length; i++)
        loopback = isdigit((unsigned char)host[i]) || host[i] == '.';
    for (size_t i = 0; i < countof(names); i++)
        if (length == strlen(names[i]) && strncasecmp(host, names[i], length) == 0)
            return true;
    return loopback;
}

/* How far URL goes up to one of STOPS; what a command puts into it is part of it. */
static size_t url_length(const char *url, const char *stops)
{
    size_t length = 0, depth = 0;

    for (; url[length] && (depth || !strchr(stops, url[length])); length++) {
        depth += url[length] == '$' && url[length + 1] == '(';
        depth -= depth && url[length] == ')';
    }
    return length;
}

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
    static const char scheme[] = "http", sign[] = "://";
    const size_t size = strlen(scheme);

    for (const char *at = word; (at = strstr(at, sign));) {
        const char *url = (size_t)(at - word) >= size ? at - size : at;
        size_t length = (size_t)(at - url) + url_length(at, " \t\n\"'"); /* a URL in its path is part of it */

        if (strncasecmp(url, scheme, size) == 0 && (url == word || !isalnum((unsigned char)url[-1])) &&
            !is_local(at + strlen(sign)) && !is_checked(url, length))
            return url;
        at = url + length;
    }
    return NULL;
}

static bool is_archive(const char *path, size_t length)
{
    static const char *const endings[] = {
        ".deb",  ".rpm",  ".apk",     ".tar", ".gz",   ".tgz", ".xz",      ".bz2", ".zip",      ".jar",
        ".whl",  ".gem",  ".sh",      ".run", ".bin",  ".pkg", ".exe",     ".msi", ".zst",      ".txz",
        ".tbz2", ".tbz",  ".7z",      ".war", ".phar", ".py",  ".pl",      ".so",  ".AppImage", ".lzma",
        ".iso",  ".dmg",  ".nupkg",   ".crx", ".xpi",  ".ear", ".rb",      ".ps1", ".bash",     ".cab",
        ".egg",  ".snap", ".flatpak", ".img", ".ipk",  ".lz",  "/download"};

    for (size_t i = 0; i < countof(endings); i++) {
        size_t size = strlen(endings[i]);

        if (length > size && path[length - size] == *endings[i] &&
            strncasecmp(path + length - size, endings[i], size) == 0)
            return true;
    }
    return false;
}

/* The path of URL, without a query or fragment. */
static size_t path_length(const char *url)
{
    return url_length(url, "?#\"'\\ \t\n");
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

/* wget -i - <<END: the archive that a download's list of URLs names. */
static bool lists_file(const struct shell_command *command, char **file)
{
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next) {
        const char *url = redirect->kind == SHELL_TEXT ? verified_http_url(redirect->word.text) : NULL;

        if (url && verified_words_download(command) && is_archive(url, path_length(url))) {
            *file = mem_strndup(url, path_length(url));
            return true;
        }
    }
    return false;
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

/* The file that is taken: an archive or program by the URL's name, or by what it is stored as. */
static bool takes_file(const struct shell_command *command, char **file)
{
    const char *stored = NULL;

    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = word_url(command, i);

        if (word && (is_archive(word, path_length(word)) || is_archive(word, url_length(word, "#\"'\\ \t\n")))) {
            *file = mem_strndup(word, path_length(word));
            return true;
        }
        if (!word && is_archive(command->words.items[i].text, strlen(command->words.items[i].text)) &&
            !strstr(command->words.items[i].text, "://"))
            stored = command->words.items[i].text;
    }
    if (!stored && command->output && is_archive(command->output, strlen(command->output)))
        stored = command->output;
    if (!stored || !verified_words_download(command))
        return false;
    *file = mem_strdup(stored);
    return true;
}

/* What unpacks packages and archives, or takes keys that packages are verified by. */
static bool unpacks(const struct shell_command *command)
{
    static const char *const names[] = {"tar",     "bsdtar",  "gunzip", "zcat", "gzip", "xz",   "unxz",
                                        "bunzip2", "cpio",    "unzip",  "dpkg", "rpm",  "zstd", "jar",
                                        "xzcat",   "apt-key", "gpg",    "gpg2", NULL};

    return shell_is_one_of(command->program, names);
}

/* curl http://… | tar x, tar x < <(curl http://…) */
static bool is_unpacked(const struct shell_command *download, struct budget *budget)
{
    enum { COMMAND_STEPS = 64 };

    for (const struct shell_command *command = download->pipe; command && budget_take(budget, COMMAND_STEPS);
         command = command->pipe)
        if (unpacks(command))
            return true;
    return download->inside && unpacks(download->inside);
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

/* A place of programs, or of the keys that packages are verified by. */
static bool is_installed(const char *path)
{
    static const char *const places[] = {"bin/", "keyrings/", "trusted.gpg.d/", "apk/keys/", "rpm-gpg/"};

    for (size_t i = 0; i < countof(places); i++)
        if (strstr(path, places[i]) && !strstr(path, "://"))
            return true;
    return false;
}

/* curl -o /usr/local/bin/tool http://…, wget -O- http://… | tee /usr/share/keyrings/x.asc */
static bool takes_program(const struct shell_command *download, struct budget *budget)
{
    if (!verified_words_download(download))
        return false;
    for (const struct shell_command *command = download; command && budget_take(budget, 1); command = command->pipe) {
        if (command->output && is_installed(command->output))
            return true;
        for (size_t i = 1; i < command->words.count && budget_take(budget, 32 + command->words.items[i].length); i++)
            if (is_installed(command->words.items[i].text))
                return true;
    }
    return false;
}

bool verified_http_index(const char *text)
{
    static const char *const names[] = {"PIP_INDEX_URL",      "PIP_EXTRA_INDEX_URL",      "UV_INDEX_URL",
                                        "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX",         "UV_INDEX",
                                        "index-url",          "extra-index-url",          "NPM_CONFIG_REGISTRY",
                                        "YARN_REGISTRY",      "YARN_NPM_REGISTRY_SERVER", "registry"};

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

/* For a command with a URL of plain HTTP. */
static bool takes_from_url(const struct shell_command *command, struct budget *budget, char **file)
{
    return takes_unsigned(command) || takes_key(command) || takes_program(command, budget) || sets_index(command) ||
           (verified_words_download(command) && is_unpacked(command, budget)) || takes_file(command, file);
}

const struct shell_command *verified_http(const struct shell_line *line, char **file)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = line->items[i];
        char *name = NULL;

        if (verified_words_only_print(command) || shell_declares(command))
            continue; /* what is taken is what uses the variable */
        if ((command_url(command) ? takes_from_url(command, line->budget, &name) : sets_index(command)) ||
            lists_file(command, &name)) {
            *file = name;
            return command;
        }
    }
    return NULL;
}
