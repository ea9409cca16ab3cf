/* What a command downloads: programs that bring files; what else does is in image_downloads_other.c. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

enum { WORD_STEPS = 64, PAIR_STEPS = 4 };

bool downloads_is_archive(const char *path, size_t length)
{
    static const char *const endings[] = {
        ".deb", ".rpm",  ".apk",   ".tar",  ".gz",      ".tgz",      ".xz",   ".bz2",     ".zip",       ".jar",
        ".whl", ".gem",  ".sh",    ".run",  ".bin",     ".pkg",      ".exe",  ".msi",     ".zst",       ".txz",
        ".war", ".tbz2", ".tbz",   ".7z",   ".py",      ".pl",       ".so",   ".phar",    ".lzma",      ".AppImage",
        ".iso", ".dmg",  ".nupkg", ".crx",  ".msu",     ".xpi",      ".ear",  ".rb",      ".ps1",       ".bash",
        ".cab", ".egg",  ".snap",  ".img",  ".flatpak", ".ipk",      ".lz",   ".asc",     ".gpg",       ".key",
        ".pub", ".repo", ".vsix",  ".list", ".lz4",     "/download", ".rpmx", ".sources", ".msixbundle"};

    for (size_t i = 0; i < countof(endings); i++) {
        size_t size = strlen(endings[i]);

        if (length > size && path[length - size] == *endings[i] &&
            strncasecmp(path + length - size, endings[i], size) == 0)
            return true;
    }
    return false;
}

/* Files that are installed by being where they are. */
static bool is_in_place(const char *path)
{
    static const char *const endings[] = {".jar", ".war", ".phar", ".so", ".whl", ".AppImage", ".exe"};

    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(path, endings[i]))
            return true;
    return verified_words_is_program_path(path);
}

/* ---- Words of the programs that bring files ---- */

/* How a program is told what to bring, and as which file. Short options are letters. */
static const struct fetcher {
    const char *name;
    const char *values;      /* short options that take a value, those that name a file among them */
    const char *files;       /* … that name a file */
    const char *long_files;  /* long ones, each between blanks */
    const char *long_values; /* other long ones that take a value */
    const char *nothing;     /* words by which it brings no file, each between blanks */
} fetchers[] = {
    {"curl", "oHdXuAebcTFmxwKECDYyrQtzPU", "o", " --output ",
     " --header --data --data-raw --data-binary --data-urlencode --request --user --user-agent --referer --cookie "
     "--cookie-jar --upload-file --form --max-time --proxy --write-out --config --cert --cacert --capath --key "
     "--continue-at --dump-header --speed-limit --speed-time --range --quote --telnet-option --time-cond --resolve "
     "--connect-timeout --retry --retry-delay --retry-max-time --limit-rate --proto --proto-redir --tls-max --ciphers "
     "--output-dir --noproxy --interface --proxy-user --proxy-header --oauth2-bearer --max-redirs --max-filesize "
     "--connect-to --dns-servers --netrc-file --socks5 --socks5-hostname --parallel-max --json ",
     " -I --head --version -V --help "},
    {"wget", "OoaPetTwQiUBlIXDARC", "O", " --output-document ",
     " --output-file --append-output --directory-prefix --execute --tries --timeout --wait --quota --input-file "
     "--user-agent --base --level --header --referer --user --password --http-user --http-password --post-data "
     "--post-file --method --body-data --load-cookies --save-cookies --progress --limit-rate --waitretry "
     "--ca-certificate --certificate --private-key --cut-dirs --accept --reject --domains --connect-timeout "
     "--read-timeout --dns-timeout --prefer-family --secure-protocol --retry-on-http-error ",
     " --spider --version --help -V "},
    {"wget2", "OoaPetTwQiU", "O", " --output-document ", " --directory-prefix --tries --timeout --header ",
     " --spider "},
    {"aria2c", "odijxskltU", "o", " --out ", " --dir --input-file --split --header --referer --user-agent ", " "},
    {"axel", "onsHUT", "o", " --output ", " --header --user-agent ", " "},
    {"fetch", "oTwBSN", "o", " --output ", " ", " -s "},
    {"http", "oaAs", "o", " --output ", " --auth --auth-type --timeout ", " "},
    {"https", "oaAs", "o", " --output ", " --auth --auth-type --timeout ", " "},
    {"lynx", "", "", " ", " ", " "},
    {"links", "", "", " ", " ", " "},
    {"elinks", "", "", " ", " ", " "},
    {"w3m", "", "", " ", " ", " "},
};

static const struct fetcher *fetcher_of(const char *name)
{
    for (size_t i = 0; i < countof(fetchers); i++)
        if (*fetchers[i].name == *name && strcmp(fetchers[i].name, name) == 0)
            return &fetchers[i];
    return NULL;
}

static bool is_among(const char *list, const char *word)
{
    scoped(cleanup_free) char *between = mem_printf(" %s ", word);

    return strstr(list, between) != NULL;
}

/* What the word at I means: a URL, the name of a file, or neither. *I is moved to the last word that belongs to it. */
enum meaning { MEANS_NOTHING, MEANS_URL, MEANS_FILE, MEANS_NO_DOWNLOAD };

static enum meaning read_word(const struct fetcher *fetcher, const struct shell_command *command, size_t *i,
                              const char **ret)
{
    const char *word = command->words.items[*i].text, *sign;
    bool last = *i + 1 >= command->words.count;

    *ret = word;
    if (word[0] != '-' || !word[1])
        return MEANS_URL;
    if (is_among(fetcher->nothing, word))
        return MEANS_NO_DOWNLOAD;
    *ret = last ? "" : command->words.items[*i + 1].text;
    if (word[1] == '-') {
        scoped(cleanup_free) char *name = mem_strndup(word, strcspn(word, "="));

        sign = strchr(word, '=');
        if (sign)
            *ret = sign + 1;
        if (strcmp(name, "--url") == 0 || is_among(fetcher->long_files, name)) {
            *i += !sign;
            return strcmp(name, "--url") == 0 ? MEANS_URL : MEANS_FILE;
        }
        *i += !sign && is_among(fetcher->long_values, name);
        return MEANS_NOTHING;
    }
    for (const char *at = word + 1; *at; at++) {
        if (*at == 'I' && strcmp(fetcher->name, "curl") == 0)
            return MEANS_NO_DOWNLOAD;
        if (!strchr(fetcher->values, *at))
            continue;
        if (at[1])
            *ret = at + 1;
        else
            (*i)++;
        return strchr(fetcher->files, *at) ? MEANS_FILE : MEANS_NOTHING;
    }
    return MEANS_NOTHING;
}

/* ---- Adding ---- */

/* "example.com/a.tgz": curl and wget take it over HTTP. */
static bool has_no_scheme(const char *url)
{
    size_t host = strcspn(url, "/ ");

    return isalnum((unsigned char)*url) && url[host] == '/' && memchr(url, '.', host) && !strstr(url, "://") &&
           strcspn(url, "$`") >= host;
}

void downloads_set_source(struct download *download, const char *url)
{
    const char *begin = url + strspn(url, "\"'");

    download->plain = verified_words_is_plain(begin) || has_no_scheme(begin);
    download->packaged |= downloads_is_archive(begin, verified_words_length(begin, "?#\"' \t\n")) ||
                          downloads_is_archive(begin, verified_words_length(begin, "#\"' \t\n"));
}

void downloads_add_file(struct downloads *downloads, struct download *download, const char *path)
{
    downloads_name(downloads, download, path);
    download->packaged |= downloads_is_archive(path, strlen(path)) || verified_words_is_trusted_path(path);
    download->used |= is_in_place(path);
}

static bool compares(const struct shell_command *command)
{
    return verified_words_is_sum(command->program) ||
           shell_is_one_of(command->program, (const char *const[]){"gpg", "gpg2", "gpgv", NULL});
}

/* What unpacks, or installs, what comes in. */
static bool consumes(const struct shell_command *command)
{
    static const char *const unpackers[] = {"tar",  "bsdtar",  "gunzip", "zcat",   "gzip",     "xz",
                                            "unxz", "bunzip2", "cpio",   "unzip",  "dpkg",     "rpm",
                                            "zstd", "jar",     "xzcat",  "unzstd", "bzip2",    "busybox",
                                            "7z",   "lz4",     "brotli", "funzip", "rpm2cpio", NULL};

    return shell_is_one_of(command->program, unpackers);
}

static bool takes_keys(const struct shell_command *command)
{
    static const char *const names[] = {"apt-key", "gpg", "gpg2", "rpm", "rpmkeys", "pacman-key", NULL};

    return shell_is_one_of(command->program, names);
}

/* What comes after the download in its pipeline. */
static void add_pipeline(struct downloads *downloads, struct download *download, const struct shell_command *command,
                         struct budget *budget)
{
    bool used = false, checked = false;

    for (const struct shell_command *part = command; part && budget_take(budget, WORD_STEPS); part = part->pipe) {
        if (part->output)
            downloads_add_file(downloads, download, part->output);
        if (part == command)
            continue;
        used |= consumes(part);
        checked |= compares(part) && !takes_keys(part);
        download->packaged |= takes_keys(part);
        if (strcmp(part->program, "tee") == 0 || strcmp(part->program, "gpg") == 0)
            for (size_t i = 1; i < part->words.count && budget_take(budget, WORD_STEPS); i++)
                if (part->words.items[i].text[0] != '-')
                    downloads_add_file(downloads, download, part->words.items[i].text);
    }
    if (command->inside && consumes(command->inside))
        used = true;
    download->used |= used && !checked;
    download->packaged |= used || (command->inside && takes_keys(command->inside));
}

/* wget -i - <<END, printf 'http://…' | xargs curl -O: every URL in TEXT. */
static void add_listed(struct downloads *downloads, size_t step, const struct shell_command *command, const char *text,
                       struct budget *budget)
{
    for (text += strspn(text, " \t\n"); *text && budget_take(budget, WORD_STEPS); text += strspn(text, " \t\n")) {
        size_t length = strcspn(text, " \t\n\\");
        scoped(cleanup_free) char *url = mem_strndup(text, length);

        if (strstr(url, "://") && !verified_words_is_local(url))
            downloads_set_source(downloads_add(downloads, step, url, command->source, command->source_length), url);
        text += length + (text[length] == '\\') + (text[length] == '\\' && text[length + 1]);
    }
}

/* wget -i LIST, --input-file=LIST. */
static const char *list_of(const struct fetcher *fetcher, const struct shell_command *command, size_t i)
{
    static const char option[] = "--input-file";
    const char *word = command->words.items[i].text;
    const char *next = i + 1 < command->words.count ? command->words.items[i + 1].text : NULL;

    if (!str_starts(fetcher->name, "wget") && strcmp(fetcher->name, "aria2c") != 0)
        return NULL;
    if (str_starts(word, option))
        return word[strlen(option)] == '=' ? word + strlen(option) + 1 : next;
    return strcmp(word, "-i") == 0 ? next : NULL;
}

/* Whatever LIST names: what a command wrote into it, or what is not known. */
static void add_list(struct downloads *downloads, size_t step, const struct shell_command *command, const char *list,
                     bool insecure, struct budget *budget)
{
    scoped(cleanup_free) char *name = verified_words_last_part(list);
    const char *text = *name ? map_get(downloads->written, name) : NULL;
    struct download *download;

    if (text) {
        add_listed(downloads, step, command, text, budget);
        return;
    }
    download = downloads_add(downloads, step, "", command->source, command->source_length);
    download->listed = downloads->any_listed = true;
    download->plain = download->packaged = verified_words_is_plain(list);
    download->insecure = insecure;
}

static void add_fetched(struct downloads *downloads, size_t step, const struct fetcher *fetcher,
                        const struct shell_command *command, struct budget *budget)
{
    enum { LIST_MAX = 64 };
    const char *urls[LIST_MAX], *files[LIST_MAX], *list = NULL, *text;
    size_t url_count = 0, file_count = 0;
    bool insecure = false, checked = false, any_archive = false;

    for (size_t i = 1; i < command->words.count; i++) {
        list = list ? list : list_of(fetcher, command, i);
        insecure |= verified_off_flag(command, i);
        checked |= str_starts(command->words.items[i].text, "--checksum=");
        switch (read_word(fetcher, command, &i, &text)) {
        case MEANS_URL:
            if (url_count < LIST_MAX)
                urls[url_count++] = text;
            any_archive |= !strstr(text, "://") && downloads_is_archive(text, strlen(text));
            break;
        case MEANS_FILE:
            if (file_count < LIST_MAX)
                files[file_count++] = text;
            break;
        case MEANS_NO_DOWNLOAD:
            return;
        case MEANS_NOTHING:
            break;
        }
    }
    for (size_t i = 0; i < url_count; i++) {
        struct download *download;

        if (verified_words_is_local(urls[i]))
            continue;
        download = downloads_add(downloads, step, urls[i], command->source, command->source_length);
        downloads_set_source(download, urls[i]);
        download->insecure = insecure;
        download->packaged |= any_archive; /* a loop's variable may have parted a URL from its end */
        download->verified = checked;
        for (size_t k = 0; k < file_count && budget_take(budget, PAIR_STEPS); k++)
            if (file_count != url_count || k == i)
                downloads_add_file(downloads, download, files[k]);
        add_pipeline(downloads, download, command, budget);
    }
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_TEXT)
            add_listed(downloads, step, command, redirect->word.text, budget);
    if (list && strcmp(list, "-") != 0)
        add_list(downloads, step, command, list, insecure, budget);
    else if (!url_count && insecure) /* what it brings is in a file, or comes in */
        downloads_add(downloads, step, "", command->source, command->source_length)->insecure = true;
}

/* ---- A command ---- */

static bool prints(const struct shell_command *command)
{
    static const char *const names[] = {"echo", "printf", NULL};

    return shell_is_one_of(command->program, names);
}

void downloads_read(struct downloads *downloads, size_t step, const struct shell_command *command,
                    struct budget *budget)
{
    const struct fetcher *fetcher = fetcher_of(command->program);

    if (verified_words_only_print(command))
        return;
    if (prints(command) && command->pipe && fetcher_of(command->pipe->program))
        for (size_t i = 1; i < command->words.count; i++)
            add_listed(downloads, step, command, command->words.items[i].text, budget);
    if (fetcher) {
        add_fetched(downloads, step, fetcher, command, budget);
        return;
    }
    downloads_read_clone(downloads, step, command);
    if (verified_words_is_interpreter(command->program))
        for (size_t i = 1; i < command->words.count; i++)
            downloads_read_text(downloads, step, command->words.items[i].text, budget);
}
