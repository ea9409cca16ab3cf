/* What PowerShell's commands download and check. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

enum { WORD_STEPS = 64 };

/* Invoke-WebRequest -Uri https://… -OutFile a.msi */
void downloads_read_windows(struct downloads *downloads, size_t step, const struct shell_command *command)
{
    static const char *const names[] = {
        "invoke-webrequest", "iwr", "start-bitstransfer", "invoke-restmethod", "irm", "curl.exe", "wget.exe", NULL};
    const char *url = NULL, *file = NULL;
    scoped(cleanup_free) char *name = mem_strdup(command->program);
    struct download *download;

    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!shell_is_one_of(name, names))
        return;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text, *before = command->words.items[i - 1].text;

        if (!strcasecmp(before, "-OutFile") || !strcasecmp(before, "-Destination") || !strcasecmp(before, "-o"))
            file = word;
        else if (!url && (strstr(word, "://") || !strcasecmp(before, "-Uri") || !strcasecmp(before, "-Source")))
            url = word;
    }
    if (!url || verified_words_is_local(url))
        return;
    download = downloads_add(downloads, step, url, command->source, command->source_length);
    downloads_set_source(download, url);
    if (file)
        downloads_add_file(downloads, download, file);
}

/* ---- PowerShell's words that are no words of a shell's ---- */

/* How far the statement goes that TEXT begins with. */
static size_t statement_length(const char *text)
{
    char quote = '\0';
    size_t length = 0;

    for (; text[length]; length++) {
        char c = text[length];

        if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (strchr(";|{}", c))
            break;
    }
    return length;
}

/* The URL in TEXT; the caller frees. NULL: there is none. */
static char *url_in(const char *text)
{
    const char *sign = strstr(text, "://"), *begin = sign;

    while (begin && begin > text && isalpha((unsigned char)begin[-1]))
        begin--;
    return begin ? mem_strndup(begin, strcspn(begin, " \t\n\"'),;")) : NULL;
}

/* The length of the variable's name after "$" or "${" at TEXT. RET: where it begins. */
static size_t variable_name(const char *text, const char **ret)
{
    if (text[0] != '$')
        return 0;
    *ret = text + 1 + (text[1] == '{');
    return shell_name_length(*ret);
}

/* $url = 'https://…' */
static void learn_url(struct map *urls, const char *statement)
{
    const char *text = statement + strspn(statement, " \t\n("), *name, *sign;
    size_t length = variable_name(text, &name);
    char *url;

    sign = length ? name + length + strspn(name + length, "} \t") : NULL;
    if (!sign || *sign != '=' || !(url = url_in(sign)))
        return;
    scoped(cleanup_free) char *key = mem_strndup(name, length);

    map_set(urls, key, url);
}

/* The first variable in TEXT that holds a URL. */
static const char *known_url(struct map *urls, const char *text)
{
    for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
        const char *name = at, *url;
        size_t length = variable_name(at, &name);
        scoped(cleanup_free) char *key = mem_strndup(name, length);

        url = length ? map_get(urls, key) : NULL;
        if (url)
            return url;
    }
    return NULL;
}

/* -OutFile 'C:\a.zip'; the caller frees. NULL: none. */
static char *file_in(const char *text)
{
    static const char *const options[] = {"-OutFile", "-Destination"};

    for (size_t i = 0; i < countof(options); i++) {
        const char *at = strcasestr(text, options[i]);

        if (!at)
            continue;
        at += strlen(options[i]);
        at += strspn(at, " \t\n'\"");
        return mem_strndup(at, strcspn(at, " \t\n'\""));
    }
    return NULL;
}

void downloads_read_powershell(struct downloads *downloads, size_t step, const char *text, struct budget *budget)
{
    static const char *const names[] = {"Invoke-WebRequest", "iwr ", "Start-BitsTransfer", "Invoke-RestMethod", "irm "};
    scoped(cleanup_map) struct map *urls = map_new(free);
    enum { STATEMENT_STEPS = 64, CHARACTER_STEPS = 8 };

    for (size_t length; *text && budget_take(budget, STATEMENT_STEPS); text += length + (text[length] != '\0')) {
        scoped(cleanup_free) char *statement = NULL, *written = NULL, *file = NULL;
        const char *call = NULL, *url;
        struct download *download;

        length = statement_length(text);
        if (!budget_take(budget, CHARACTER_STEPS * length))
            return;
        statement = mem_strndup(text, length);
        for (size_t i = 0; !call && i < countof(names); i++)
            call = strcasestr(statement, names[i]);
        if (!call) {
            learn_url(urls, statement);
            continue;
        }
        written = url_in(call);
        file = file_in(call);
        url = written ? written : known_url(urls, call);
        download = file ? downloads_find(downloads, file) : NULL;
        if (!url || verified_words_is_local(url) || !file)
            continue;
        if (!download || download->step != step)
            download = downloads_add(downloads, step, url, call, strlen(call));
        downloads_set_source(download, url);
        downloads_add_file(downloads, download, file);
        download->insecure |= strcasestr(call, "-SkipCertificateCheck") != NULL;
    }
}

/* Get-FileHash a.zip, wherever it is in TEXT. */
void downloads_check_powershell(struct downloads *downloads, const char *text, struct budget *budget)
{
    static const char name[] = "Get-FileHash";
    static const char *const options[] = {"-Path", "-LiteralPath"};

    for (const char *at = strcasestr(text, name); at && budget_take(budget, WORD_STEPS); at = strcasestr(at, name)) {
        scoped(cleanup_free) char *file = NULL;

        at += strlen(name);
        at += strspn(at, " \t\n");
        for (size_t i = 0; i < countof(options); i++)
            if (strncasecmp(at, options[i], strlen(options[i])) == 0)
                at += strlen(options[i]);
        at += strspn(at, " \t\n'\"(");
        file = mem_strndup(at, strcspn(at, " \t\n'\"),"));
        downloads_verify(downloads, file, budget);
    }
}
