/* What all parts of 4.11 ask of a command. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

size_t verified_words_length(const char *text, const char *stops)
{
    size_t length = 0, depth = 0;

    for (; text[length] && (depth || text[length] == '$' || !strchr(stops, text[length])); length++) {
        depth += text[length] == '$' && text[length + 1] == '(';
        depth -= depth && text[length] == ')';
    }
    return length;
}

/* Of the $( ) that TEXT begins with. */
static size_t substitution_length(const char *text)
{
    size_t length = 1, depth = 0;

    for (; text[length]; length++) {
        depth += text[length] == '(';
        if (text[length] == ')' && !--depth)
            return length + 1;
    }
    return length;
}

char *verified_words_last_part(const char *url)
{
    size_t length = verified_words_length(url, "?#\"' \t\n"), start = 0;

    for (size_t i = 0; i < length; i++) {
        size_t inner = url[i] == '$' && url[i + 1] == '(' ? substitution_length(url + i) : 0;

        if (inner)
            i = i + inner < length ? i + inner - 1 : length;
        else if (url[i] == '/' || url[i] == '\\')
            start = i + 1;
    }
    return mem_strndup(url + start, length - start);
}

bool verified_words_download(const struct shell_command *command)
{
    static const char *const names[] = {"curl",  "wget", "fetch", "aria2c", "wget2", "axel", "http",
                                        "https", "lynx", "links", "elinks", "w3m",   NULL};

    return shell_is_one_of(command->program, names);
}

bool verified_words_only_print(const struct shell_command *command)
{
    static const char *const printers[] = {"echo", "printf", NULL};
    static const char *const readers[] = {"grep", "egrep", "fgrep", "test", "[", "[[", NULL};
    const char *name = command->program;

    if (shell_is_one_of(name, readers))
        return true;
    if (!shell_is_one_of(name, printers) || (command->inside && !verified_words_only_print(command->inside)))
        return false;
    for (const struct shell_command *writer = command; writer; writer = writer->outer)
        if (writer->pipe || writer->output)
            return false;
    return true;
}

bool verified_words_is_sum(const char *program)
{
    static const char *const programs[] = {"sha256sum", "sha512sum", "sha1sum", "sha384sum",  "sha224sum",
                                           "md5sum",    "shasum",    "b2sum",   "b3sum",      "cksum",
                                           "rhash",     "openssl",   "sha3sum", "gsha256sum", NULL};

    return shell_is_one_of(program, programs);
}

bool verified_words_is_interpreter(const char *program)
{
    static const char *const names[] = {"perl", "ruby",  "node",    "php", "pwsh", "powershell",
                                        "lua",  "tclsh", "Rscript", "R",   NULL};

    return shell_is_one_of(program, names) || str_starts(program, "python") || str_starts(program, "php");
}

/* ---- URLs ---- */

bool verified_words_is_local(const char *url)
{
    static const char *const names[] = {"localhost", "[::1]", "host.docker.internal", "0.0.0.0"};
    const char *sign = strstr(url, "://"), *host = sign ? sign + 3 : url, *at;
    size_t length;
    bool loopback;

    if (strncasecmp(url, "file:", 5) == 0)
        return true;
    at = memchr(host, '@', strcspn(host, "/?# \"'"));
    host = at ? at + 1 : host;
    length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#\"' ");
    loopback = length > 4 && strncmp(host, "127.", 4) == 0;
    for (size_t i = 4; loopback && i < length; i++)
        loopback = isdigit((unsigned char)host[i]) || host[i] == '.';
    for (size_t i = 0; i < countof(names); i++)
        if (length == strlen(names[i]) && strncasecmp(host, names[i], length) == 0)
            return true;
    return loopback;
}

bool verified_words_is_plain(const char *url)
{
    static const char *const schemes[] = {"http", "ftp", "git", "svn", "git+http", "git+git", "svn+http"};
    size_t length = strcspn(url, ":/ ");

    for (size_t i = 0; strncmp(url + length, "://", 3) == 0 && i < countof(schemes); i++)
        if (strlen(schemes[i]) == length && strncasecmp(url, schemes[i], length) == 0)
            return !verified_words_is_local(url);
    return false;
}

/* ---- Paths ---- */

bool verified_words_is_program_path(const char *path)
{
    return strstr(path, "bin/") && !strstr(path, "://");
}

bool verified_words_is_trusted_path(const char *path)
{
    static const char *const places[] = {"keyrings/",    "trusted.gpg.d/",  "apk/keys/",    "rpm-gpg/",
                                         "yum.repos.d/", "sources.list.d/", "zypp/repos.d/"};

    for (size_t i = 0; i < countof(places); i++)
        if (strstr(path, places[i]) && !strstr(path, "://"))
            return true;
    return false;
}
