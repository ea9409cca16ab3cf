/* Packages that a manager takes from a URL or a repository of sources, where nothing else vouches for them: 4.11. */
#include <ctype.h>
#include <string.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

/* Managers, and the words by which they install; NULL: any. */
static const struct manager {
    const char *name;
    const char *words; /* each between blanks */
} managers[] = {
    {"rpm", NULL},
    {"yum", " install localinstall reinstall update "},
    {"dnf", " install localinstall reinstall update "},
    {"dnf5", " install "},
    {"microdnf", " install "},
    {"tdnf", " install "},
    {"zypper", " install in "},
    {"apk", " add "},
    {"pip", " install wheel "},
    {"pip2", " install wheel "},
    {"pip3", " install wheel "},
    {"pipx", " install "},
    {"uv", " install add "},
    {"npm", " install i add "},
    {"yarn", " add "},
    {"pnpm", " add install i "},
    {"gem", " install "},
    {"conda", " install "},
    {"mamba", " install "},
    {"easy_install", NULL},
    {"pecl", " install "},
    {"luarocks", " install "},
    {"cpanm", NULL},
    {"cargo", " install "},
    {"pacman", NULL},
    {"opkg", " install "},
    {"docker-php-ext-install", NULL},
};

static const char *words_of(const struct shell_command *command, bool *ret_is_manager)
{
    const char *name = command->program;
    bool is_module = str_starts(name, "python") && command->words.count > 2 &&
                     strcmp(command->words.items[1].text, "-m") == 0 &&
                     strcmp(command->words.items[2].text, "pip") == 0;

    if (is_module || (str_starts(name, "pip") && isdigit((unsigned char)name[3])))
        name = "pip";
    for (size_t i = 0; i < countof(managers); i++)
        if (strcmp(managers[i].name, name) == 0) {
            *ret_is_manager = true;
            return managers[i].words;
        }
    *ret_is_manager = false;
    return NULL;
}

/* "…@40 digits": the sources are those of that sum. "#sha256=…": pip compares it. */
static bool is_pinned(const char *url)
{
    const char *at = strrchr(url, '@');
    size_t digits = at ? strspn(at + 1, "0123456789abcdefABCDEF") : 0;

    return digits == 40 || strstr(url, "#sha256=") || strstr(url, "--hash=") || strstr(url, "#sha512=");
}

/* The options of which the value is an index, a proxy or a key, not a package. */
static bool is_setting(const char *before)
{
    static const char *const options[] = {"-i",
                                          "--index-url",
                                          "--extra-index-url",
                                          "-f",
                                          "--find-links",
                                          "--proxy",
                                          "-c",
                                          "--constraint",
                                          "-s",
                                          "--source",
                                          "--channel",
                                          "--registry",
                                          "--repository",
                                          "-X",
                                          "--index",
                                          "--import",
                                          "--setopt",
                                          "--add-repo",
                                          "--mirror",
                                          "--default-index",
                                          "--cert",
                                          "-p",
                                          "--dbpath",
                                          "--repofrompath",
                                          "--override-channels",
                                          NULL};

    return shell_is_one_of(before, options);
}

/* Does URL lead elsewhere, over a safe transport or a plain one? */
static bool is_source(const char *url, bool plain)
{
    static const char *const schemes[] = {"https://", "git+https://", "git+ssh://"};

    for (size_t i = 0; !plain && i < countof(schemes); i++)
        if (str_starts(url, schemes[i]))
            return !verified_words_is_local(url);
    return plain && verified_words_is_plain(url);
}

bool verified_direct_from(const struct shell_command *command, bool plain)
{
    bool is_manager, installs;
    const char *words = words_of(command, &is_manager);

    installs = !words;
    for (size_t i = 1; is_manager && i < command->words.count; i++) {
        const char *word = command->words.items[i].text;
        scoped(cleanup_free) char *between = words ? mem_printf(" %s ", word) : NULL;
        const char *url = strstr(word, " @ ") ? strstr(word, " @ ") + 3 : word; /* pip install 'name @ URL' */

        installs |= between && strstr(words, between);
        if (strcmp(word, "--import") == 0 || strcmp(word, "--require-hashes") == 0 || strcmp(word, "-K") == 0)
            return false;
        if (installs && is_source(url, plain) && !is_pinned(url) &&
            (!is_setting(command->words.items[i - 1].text) ||
             (strcmp(command->program, "rpm") == 0 && strcmp(command->words.items[i - 1].text, "-i") == 0)))
            return true;
    }
    return false;
}

const struct shell_command *verified_direct(const struct shell_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (verified_direct_from(line->items[i], false))
            return line->items[i];
    return NULL;
}
