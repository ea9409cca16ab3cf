/* Which downloads a command installs or runs. */
#include <ctype.h>
#include <string.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

/* By its name an installer of the builder's own: install-packages, apt_install. */
static bool is_installer(const char *program)
{
    return strstr(program, "install") && strcmp(program, "install") != 0 && !str_starts(program, "docker-php-ext");
}

/* Programs that unpack or install the files that their words name. */
static bool takes_files(const struct shell_command *command)
{
    static const char *const names[] = {"tar",
                                        "bsdtar",
                                        "unzip",
                                        "gunzip",
                                        "gzip",
                                        "bunzip2",
                                        "bzip2",
                                        "xz",
                                        "unxz",
                                        "zcat",
                                        "xzcat",
                                        "zstd",
                                        "unzstd",
                                        "cpio",
                                        "7z",
                                        "7za",
                                        "7zr",
                                        "unrar",
                                        "jar",
                                        "rpm2cpio",
                                        "dpkg",
                                        "dpkg-deb",
                                        "rpm",
                                        "apt",
                                        "apt-get",
                                        "aptitude",
                                        "gdebi",
                                        "yum",
                                        "dnf",
                                        "microdnf",
                                        "tdnf",
                                        "zypper",
                                        "apk",
                                        "pipx",
                                        "uv",
                                        "npm",
                                        "yarn",
                                        "pnpm",
                                        "gem",
                                        "conda",
                                        "mamba",
                                        "micromamba",
                                        "easy_install",
                                        "pecl",
                                        "luarocks",
                                        "cpanm",
                                        "R",
                                        "java",
                                        "msiexec",
                                        "msiexec.exe",
                                        "unsquashfs",
                                        "opkg",
                                        "snap",
                                        "flatpak",
                                        "pacman",
                                        "lz4",
                                        "brotli",
                                        "lzip",
                                        "installer",
                                        "xbps-install",
                                        "Expand-Archive",
                                        "Start-Process",
                                        "Add-AppxPackage",
                                        "start",
                                        "code",
                                        "composer",
                                        "ar",
                                        "funzip",
                                        "setup.exe",
                                        "alien",
                                        "dnf5",
                                        NULL};
    static const struct {
        const char *name, *words; /* by which it only looks, each between blanks */
    } looks[] = {{"rpm", " --import -K --checksig -q -qp -qpl -qa -qi -V -e --eval "},
                 {"dpkg", " -l -L -s -S --info -I -c --contents --compare-versions --verify "},
                 {"dpkg-deb", " -I --info -c --contents "},
                 {"tar", " -t -tf -tvf -tzf -tvzf -tJf tf tvf tzf --list "},
                 {"unzip", " -l -t -v -Z "},
                 {"dnf", " config-manager "},
                 {"zypper", " ar addrepo "}};
    bool is_pip =
        str_starts(command->program, "pip") && (!command->program[3] || isdigit((unsigned char)command->program[3]));

    if (!is_pip && !shell_is_one_of(command->program, names) && !is_installer(command->program))
        return false;
    for (size_t k = 0; k < countof(looks); k++)
        for (size_t i = 1; strcmp(looks[k].name, command->program) == 0 && i < command->words.count; i++) {
            scoped(cleanup_free) char *between = mem_printf(" %s ", command->words.items[i].text);

            if (strstr(looks[k].words, between))
                return false;
        }
    return true;
}

/* A manager's word is a package's name, unless it is a path or a package by its ending. */
static bool is_file(const struct shell_command *command, const char *word)
{
    static const char *const managers[] = {"apt",        "apt-get", "aptitude", "yum",  "dnf",      "microdnf", "tdnf",
                                           "zypper",     "apk",     "pipx",     "uv",   "npm",      "yarn",     "pnpm",
                                           "gem",        "conda",   "mamba",    "pecl", "luarocks", "opkg",     "cpanm",
                                           "micromamba", "snap",    "flatpak",  "code", "pacman",   "composer", NULL};

    return strpbrk(word, "/*") || downloads_is_archive(word, strlen(word)) ||
           !(shell_is_one_of(command->program, managers) || str_starts(command->program, "pip"));
}

/* chmod +x, 755, u=rwx: may it be run after this? */
static bool makes_program(const struct shell_command *command)
{
    for (size_t i = 1; strcmp(command->program, "chmod") == 0 && i < command->words.count; i++) {
        const char *word = command->words.items[i].text;
        size_t digits = strspn(word, "01234567");

        if (word[0] == '-' && word[1] != 'x')
            continue;
        if (digits >= 3 && !word[digits])
            return (word[digits - 1] & 1) || (word[digits - 2] & 1) || (word[digits - 3] & 1);
        return strpbrk(word, "+=") && strchr(word, 'x');
    }
    return false;
}

/* cp, mv, ln, install: does it put its files among the programs? */
static bool places_program(const struct shell_command *command)
{
    const char *last = command->words.items[command->words.count - 1].text;

    if (strcmp(command->program, "install") == 0)
        for (size_t i = 1; i + 1 < command->words.count; i++)
            if (strcmp(command->words.items[i].text, "-m") == 0 && command->words.items[i + 1].length >= 3 &&
                (command->words.items[i + 1].text[command->words.items[i + 1].length - 1] & 1))
                return true;
    return verified_words_is_program_path(last) || str_ends(last, "/bin") || str_ends(last, "/sbin");
}

static bool moves(const struct shell_command *command)
{
    static const char *const movers[] = {"cp", "mv", "ln", "install", NULL};

    return shell_is_one_of(command->program, movers) && command->words.count > 2;
}

/* What is built or installed from sources in a folder. */
static bool builds(const struct shell_command *command)
{
    static const char *const builders[] = {
        "make",       "cmake",    "ninja",  "meson", "configure", "autogen.sh",   "bootstrap", "gmake", "mvn",
        "gradle",     "gradlew",  "ant",    "bazel", "scons",     "bootstrap.sh", "buildconf", "waf",   "setup.py",
        "install.sh", "build.sh", "rebar3", "sbt",   "qmake",     "luarocks",     NULL};
    static const char *const installers[] = {"pip",    "pip3",    "npm",      "yarn",   "cargo",  "go",
                                             "python", "python3", "composer", "bundle", "gem",    "stack",
                                             "cabal",  "phpize",  "dotnet",   "perl",   "poetry", NULL};
    static const char *const words[] = {"install", "build", "setup.py", "ci", ".", "Makefile.PL", "publish", NULL};

    if (shell_is_one_of(command->program, builders))
        return true;
    for (size_t i = 1; shell_is_one_of(command->program, installers) && i < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, words))
            return true;
    return false;
}

/* Those of this step, the one that it runs in, and those that it names. */
static void use_clones(struct downloads *downloads, size_t step, const struct shell_command *command,
                       struct budget *budget)
{
    enum { LOOK_STEPS = 16 };

    if (downloads->here)
        downloads->here->used = true;
    for (size_t i = 1; i < command->words.count; i++) {
        struct download *download = downloads_find(downloads, command->words.items[i].text);

        if (download && download->directory)
            download->used = true;
    }
    for (struct download *download = downloads->first; download && budget_take(budget, LOOK_STEPS);
         download = download->next)
        download->used |= download->directory && download->step == step;
}

static bool enters(const struct shell_command *command)
{
    static const char *const names[] = {"cd", "pushd", NULL};

    return shell_is_one_of(command->program, names) && command->words.count > 1;
}

/* cat a.sh | sh, sh < a.sh, and what verified_run_path() finds. */
static void use_script(struct downloads *downloads, const struct shell_command *command, struct budget *budget)
{
    const char *path = verified_run_path(command, budget);

    if (path)
        downloads_use(downloads, path, budget);
}

/* A word may be a list: Start-Process msiexec -ArgumentList '/i','a.msi'. */
static void use_names(struct downloads *downloads, const struct shell_command *command, const char *word,
                      struct budget *budget)
{
    enum { NAME_STEPS = 16 };
    static const char separators[] = " ,'\"";

    for (word += strspn(word, separators); *word && budget_take(budget, NAME_STEPS); word += strspn(word, separators)) {
        size_t length = verified_words_length(word, separators);
        scoped(cleanup_free) char *name = mem_strndup(word, length);

        if (is_file(command, name))
            downloads_use(downloads, name, budget);
        word += length;
    }
}

/* gpg --import KEYS, apt-key add k.asc: what packages are verified by. */
static void trust_keys(struct downloads *downloads, const struct shell_command *command)
{
    static const char *const tools[] = {"gpg", "gpg1", "gpg2", "apt-key", "rpm", "rpmkeys", "pacman-key", NULL};
    static const char *const words[] = {"--import", "add", "--add", "-a", "--dearmor", NULL};
    struct download *key;
    bool takes = false;

    for (size_t i = 1; shell_is_one_of(command->program, tools) && i < command->words.count; i++)
        takes |= shell_is_one_of(command->words.items[i].text, words);
    for (size_t i = 1; takes && i < command->words.count; i++) {
        key = downloads_find(downloads, command->words.items[i].text);
        if (key)
            key->packaged = key->key = true;
    }
    for (const struct shell_redirect *redirect = takes ? command->redirects : NULL; redirect;
         redirect = redirect->next) {
        key = redirect->kind == SHELL_READ ? downloads_find(downloads, redirect->word.text) : NULL;
        if (key)
            key->packaged = key->key = true;
    }
}

/* wget -i list: what the list names may be what is installed. */
static void use_listed(struct downloads *downloads, size_t step, struct budget *budget)
{
    enum { LOOK_STEPS = 16 };

    for (struct download *download = downloads->first; download && budget_take(budget, LOOK_STEPS);
         download = download->next)
        download->used |= download->listed && download->step == step;
}

void downloads_run(struct downloads *downloads, size_t step, const struct shell_command *command, struct budget *budget)
{
    bool moved = moves(command), all;

    if (!downloads->first || !command->words.count)
        return;
    all = takes_files(command) || makes_program(command) || (moved && places_program(command));
    if (downloads->here && str_starts(command->words.items[0].text, "./"))
        downloads->here->used = true;
    if (all && downloads->any_listed)
        use_listed(downloads, step, budget);
    for (size_t i = 1; (all || moved) && i < command->words.count; i++) {
        const char *word = command->words.items[i].text;
        struct download *download = moved ? downloads_find(downloads, word) : NULL;

        if (all && word[0] != '-')
            use_names(downloads, command, word, budget);
        if (download && i + 1 < command->words.count)
            downloads_name(downloads, download, command->words.items[command->words.count - 1].text);
    }
    for (const struct shell_redirect *redirect = all ? command->redirects : NULL; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_READ)
            downloads_use(downloads, redirect->word.text, budget);
    use_script(downloads, command, budget);
    trust_keys(downloads, command);
    if (enters(command))
        downloads_enter(downloads, command->words.items[1].text);
    if (builds(command))
        use_clones(downloads, step, command, budget);
}
