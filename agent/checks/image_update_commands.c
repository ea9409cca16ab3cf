/* What package managers' commands, and programs beside them, do to the packages of an image: 4.7. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_update.h"
#include "common/str.h"

static bool has_letter(const char *word, char letter)
{
    return word[0] == '-' && word[1] != '-' && strchr(word + 1, letter);
}

static bool has_word(const struct shell_command *command, const char *const *words)
{
    for (size_t i = 1; i < command->words.count; i++)
        if (shell_is_one_of(command->words.items[i].text, words))
            return true;
    return false;
}

/* Is one of LETTERS among the short options of WORD, before one of STOPS, which take the rest of it as their value? */
static bool has_one_of(const char *word, const char *letters, const char *stops)
{
    if (word[0] != '-' || word[1] == '-')
        return false;
    for (word++; isalpha((unsigned char)*word) && !strchr(stops, *word); word++)
        if (strchr(letters, *word))
            return true;
    return false;
}

/* Does it only say what it would do, or only download? LETTERS: of short options that mean this; STOPS: of those that
 * take a value. */
static bool is_simulated(const struct shell_command *command, const char *letters, const char *stops)
{
    static const char *const options[] = {"--simulate", "--just-print",    "--dry-run", "--recon",        "--no-act",
                                          "--test",     "--print-uris",    "--print",   "--downloadonly", "--assumeno",
                                          "--pretend",  "--download-only", NULL};

    if (has_word(command, options))
        return true;
    for (size_t i = 1; i < command->words.count; i++)
        if (has_one_of(command->words.items[i].text, letters, stops))
            return true;
    return false;
}

/* ---- Managers whose options select what they do ---- */

/* These update the index as well, or do nothing else; words are packages. */
static const struct option_manager {
    const char *name;
    const char *sync;    /* letters, one of which must be there to install; NULL: none is needed */
    const char *refresh; /* letters that bring the index along, or upgrade */
    const char *others;  /* letters that make it do something else */
    const char *values;  /* options followed by their value, each between blanks */
} option_managers[] = {
    {"pacman", "SU", "yu", "wpscilgQRDTF",
     " --ignore --ignoregroup -b --dbpath -r --root --cachedir --config --arch --gpgdir --hookdir --logfile --color "
     "--assume-installed --overwrite "},
    {"yay", "SU", "yu", "wpscilgQRDTF", " --ignore --ignoregroup "},
    {"paru", "SU", "yu", "wpscilgQRDTF", " --ignore --ignoregroup "},
    {"emerge", NULL, "", "pCcs", " --jobs -j --load-average --exclude -X --root --with-bdeps "},
    {"xbps-install", NULL, "Su", "n", " -C --config -c --cachedir -r --rootdir -R --repository "},
};

static enum package_effect effect_by_options(const struct option_manager *manager, const struct shell_command *command)
{
    static const char *const refreshes[] = {"--refresh", "--sysupgrade", "--sync", "--update", NULL};
    static const char *const syncs[] = {"--sync", "--upgrade", NULL};
    bool sync = !manager->sync || has_word(command, syncs), refresh = has_word(command, refreshes), target = false;

    if (strcmp(manager->name, "pacman") == 0)
        refresh = has_word(command, (const char *const[]){"--refresh", "--sysupgrade", NULL});
    if (is_simulated(command, manager->others, ""))
        return PACKAGES_UNCHANGED;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;
        scoped(cleanup_free) char *between = mem_printf(" %s ", word);

        for (const char *letter = manager->sync; letter && *letter; letter++)
            sync |= has_letter(word, *letter);
        for (const char *letter = manager->refresh; *letter; letter++)
            refresh |= has_letter(word, *letter);
        target |= word[0] != '-';
        i += strstr(manager->values, between) != NULL;
    }
    return !sync ? PACKAGES_UNCHANGED : target ? PACKAGES_INSTALLED : refresh ? PACKAGES_UPDATED : PACKAGES_UNCHANGED;
}

/* dpkg and rpm: their action is an option. */
static enum package_effect effect_of_file_manager(const struct shell_command *command)
{
    static const char *const dpkg_actions[] = {"--install", "--unpack", NULL}, *const rpm_actions[] = {
                                                                                   "--install", "--upgrade",
                                                                                   "--freshen", NULL};
    bool is_rpm = strcmp(command->program, "rpm") == 0;
    bool installs = has_word(command, is_rpm ? rpm_actions : dpkg_actions);

    for (size_t i = 1; i < command->words.count && !installs; i++) {
        const char *word = command->words.items[i].text;

        if (is_rpm ? has_letter(word, 'q') || has_letter(word, 'e') || has_letter(word, 'V') || has_letter(word, 'K')
                   : has_letter(word, 'l') || has_letter(word, 's') || has_letter(word, 'L'))
            return PACKAGES_UNCHANGED;
        installs =
            is_rpm ? has_letter(word, 'i') || has_letter(word, 'U') || has_letter(word, 'F') : has_letter(word, 'i');
    }
    return installs && !is_simulated(command, "", "") ? PACKAGES_INSTALLED : PACKAGES_UNCHANGED;
}

/* ---- Managers whose first word that is not an option selects what they do ---- */

static const char *const apt_updates[] = {"update", "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade", NULL};
static const char *const plain_updates[] = {"update", "upgrade", NULL};
static const char *const rpm_updates[] = {"update",
                                          "upgrade",
                                          "up",
                                          "distro-sync",
                                          "dist-upgrade",
                                          "update-minimal",
                                          "upgrade-minimal",
                                          "check-update",
                                          "check-upgrade",
                                          "makecache",
                                          "upgrade-to",
                                          "update-to",
                                          "dsync",
                                          "up-min",
                                          "upgrade-min",
                                          NULL};
static const char *const zypper_updates[] = {"refresh", "ref", "refresh-services", "refs",  "update",
                                             "up",      "dup", "dist-upgrade",     "patch", NULL};
static const char *const eopkg_updates[] = {"update-repo", "ur", "upgrade", "up", NULL};
static const char *const emaint_updates[] = {"sync", NULL};

static const struct word_manager {
    const char *name;
    const char *const *updates;
    const char *simulating; /* letters of options by which nothing is installed */
} word_managers[] = {
    {"apt-get", apt_updates, "sd"},  {"apt", apt_updates, "sd"},      {"aptitude", apt_updates, "sd"},
    {"apt-fast", apt_updates, "sd"}, {"nala", apt_updates, ""},       {"apk", plain_updates, "s"},
    {"opkg", plain_updates, ""},     {"yum", rpm_updates, ""},        {"dnf", rpm_updates, ""},
    {"dnf5", rpm_updates, ""},       {"dnf-3", rpm_updates, ""},      {"swupd", plain_updates, ""},
    {"pkg", plain_updates, "n"},     {"slackpkg", plain_updates, ""}, {"brew", plain_updates, "n"},
    {"microdnf", rpm_updates, ""},   {"tdnf", rpm_updates, ""},       {"zypper", zypper_updates, "D"},
    {"emaint", emaint_updates, ""},  {"eopkg", eopkg_updates, ""},    {"rpm-ostree", plain_updates, ""},
};

static const char *const install_words[] = {
    "install", "add",         "localinstall",    "localupdate", "groupinstall",   "in",
    "it",      "build-dep",   "builddep",        "reinstall",   "satisfy",        "swap",
    "si",      "inr",         "bundle-add",      "downgrade",   "source-install", "install-new-recommends",
    "fix",     "groupupdate", "dselect-upgrade", NULL};

/* Does WORD install the packages after it, and without any nothing? */
static bool names_packages(const char *word)
{
    static const char *const words[] = {"install", "add", "in", "reinstall", NULL};

    return shell_is_one_of(word, words);
}

/* Does a package follow the I-th word, as far as it shows: xargs brings them, "-f" installs what is missing? */
static bool has_package(const struct shell_command *command, size_t i)
{
    static const char *const fixes[] = {"--fix-broken", NULL};

    if (command->mark || has_word(command, fixes))
        return true;
    for (size_t k = 1; k < command->words.count; k++)
        if (has_letter(command->words.items[k].text, 'f') || (k > i && command->words.items[k].text[0] != '-'))
            return true;
    return false;
}

/* apk add --update: it brings the index along, whatever it adds. */
static bool refreshes(const struct shell_command *command)
{
    static const char *const options[] = {"--update", "--update-cache", "-U", NULL};

    return strcmp(command->program, "apk") == 0 && has_word(command, options);
}

static enum package_effect effect_by_words(const struct word_manager *manager, const struct shell_command *command)
{
    static const char *const other_words[] = {
        "remove",         "purge",       "erase",    "rm",           "del",       "autoremove", "clean",
        "autoclean",      "source",      "download", "search",       "show",      "list",       "info",
        "check",          "changelog",   "policy",   "provides",     "history",   "mark",       "hold",
        "unhold",         "addrepo",     "ar",       "modifyrepo",   "mr",        "removerepo", "rr",
        "addlock",        "al",          "lr",       "whatprovides", "repoquery", "fetch",      "distclean",
        "config-manager", "auto-remove", "deplist",  "repolist",     NULL};

    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (shell_is_one_of(word, other_words))
            return PACKAGES_UNCHANGED;
        if (names_packages(word) && !has_package(command, i))
            return refreshes(command) ? PACKAGES_UPDATED : PACKAGES_UNCHANGED;
        if (shell_is_one_of(word, install_words))
            return is_simulated(command, manager->simulating, "octaXpRr") ? PACKAGES_UNCHANGED : PACKAGES_INSTALLED;
        if (shell_is_one_of(word, manager->updates))
            return is_simulated(command, manager->simulating, "octaXpRr") ? PACKAGES_UNCHANGED : PACKAGES_UPDATED;
    }
    return PACKAGES_UNCHANGED;
}

/* ---- Other programs ---- */

/* A tool of a language, or another that installs with one of these words. */
static bool is_other_installer(const struct shell_command *command)
{
    static const char *const words[] = {"install",     "ci",        "i",         "add",         "install-deps",
                                        "--with-deps", "--install", "create",    "get",         "restore",
                                        "sync",        "require",   "build-dep", "pip-install", NULL};
    static const char *const tools[] = {
        "pip",        "pip2",     "pip3",    "pipx",           "uv",         "npm",      "npx",
        "yarn",       "pnpm",     "gem",     "cargo",          "go",         "conda",    "mamba",
        "poetry",     "pipenv",   "pecl",    "pear",           "micromamba", "luarocks", "bundle",
        "bundler",    "composer", "flatpak", "snap",           "opam",       "nix",      "dotnet",
        "playwright", "rustup",   "make",    "cmake",          "ninja",      "rosdep",   "choco",
        "vcpkg",      "conan",    "helm",    "asdf",           "pyenv",      "nvm",      "sdk",
        "cpanm",      "cpan",     "tlmgr",   "ansible-galaxy", "stack",      "cabal",    NULL};
    const char *name = command->program;
    bool is_module = str_starts(name, "python") && command->words.count > 2 &&
                     strcmp(command->words.items[1].text, "-m") == 0 &&
                     shell_is_one_of(command->words.items[2].text, tools);

    if (strcmp(name, "cpanm") == 0 || strcmp(name, "bundle") == 0)
        return true;
    return (is_module || shell_is_one_of(name, tools) || str_starts(name, "pip3.") || str_starts(name, "pip2.")) &&
           has_word(command, words) && !is_simulated(command, "", "");
}

/* Programs whose name says that they install: "install-packages", "apt_install", "docker-php-ext-install". A script by
 * its path is not known for what it does. */
static bool is_named_for_it(const struct shell_command *command)
{
    static const char *const names[] = {"urpmi",        "gdebi",       "mk-build-deps", "rosdep",       "tasksel",
                                        "debi",         "pacstrap",    "yum-builddep",  "dnf-builddep", "tazpkg",
                                        "apt-add",      "debootstrap", "nix-env",       "task-sel",     "multistrap",
                                        "cdebootstrap", NULL};
    static const char *const alien_installs[] = {"-i", "--install", NULL};
    const char *name = command->program, *program = command->words.items[0].text;

    if (shell_is_one_of(name, names) || (strcmp(name, "alien") == 0 && has_word(command, alien_installs)))
        return true;
    return strcasestr(name, "install") && !strcasestr(name, "uninstall") && strcmp(name, "install") != 0 &&
           (!strchr(program, '/') || str_starts(program, "/usr/") || str_starts(program, "$")) &&
           !str_ends(name, ".sh") && !str_ends(name, ".py") && !is_simulated(command, "", "");
}

/* ---- A command ---- */

static const struct option_manager *option_manager_of(const char *name)
{
    for (size_t i = 0; i < countof(option_managers); i++)
        if (*option_managers[i].name == *name && strcmp(option_managers[i].name, name) == 0)
            return &option_managers[i];
    return NULL;
}

static const struct word_manager *word_manager_of(const char *name)
{
    for (size_t i = 0; i < countof(word_managers); i++)
        if (*word_managers[i].name == *name && strcmp(word_managers[i].name, name) == 0)
            return &word_managers[i];
    return NULL;
}

bool package_is_manager(const char *program)
{
    program += str_starts(program, "xx-") ? 3 : 0;
    return option_manager_of(program) || word_manager_of(program);
}

/* "${PACKAGER} update", "$APT_INSTALL curl": of the variable nothing is known but its name. */
static enum package_effect effect_of_variable(const struct shell_command *command)
{
    static const char *const installs[] = {"install", "add", "in", NULL};
    const char *word = command->words.items[0].text;

    if (strcasestr(command->dropped, "install"))
        return PACKAGES_INSTALLED;
    if (shell_is_one_of(word, installs))
        return PACKAGES_INSTALLED;
    return shell_is_one_of(word, plain_updates) ? PACKAGES_UPDATED : PACKAGES_UNCHANGED;
}

enum package_effect package_effect(const struct shell_command *command)
{
    static const char *const updates[] = {"urpmi.update", "emerge-webrsync", "do-release-upgrade", NULL};
    static const char *const file_managers[] = {"dpkg", "rpm", NULL};
    const char *name = command->program;
    const struct option_manager *by_options;
    const struct word_manager *by_words;

    if (!command->words.count)
        return PACKAGES_UNCHANGED;
    name += str_starts(name, "xx-") ? 3 : 0; /* for the target of a cross build */
    by_options = option_manager_of(name);
    by_words = word_manager_of(name);
    if (by_options)
        return effect_by_options(by_options, command);
    if (by_words)
        return effect_by_words(by_words, command);
    if (shell_is_one_of(name, file_managers))
        return effect_of_file_manager(command);
    if (shell_is_one_of(name, updates))
        return PACKAGES_UPDATED;
    if (is_named_for_it(command) || is_other_installer(command))
        return PACKAGES_INSTALLED;
    return command->dropped ? effect_of_variable(command) : PACKAGES_UNCHANGED;
}

const char *package_install_step(const char *manager)
{
    static const struct {
        const char *name, *step;
    } managers[] = {
        {"apk", "RUN apk add --no-cache PACKAGE=VERSION"},
        {"yum", "RUN yum install -y PACKAGE-VERSION && yum clean all"},
        {"dnf", "RUN dnf install -y PACKAGE-VERSION && dnf clean all"},
        {"dnf5", "RUN dnf install -y PACKAGE-VERSION && dnf clean all"},
        {"microdnf", "RUN microdnf install -y PACKAGE-VERSION && microdnf clean all"},
        {"tdnf", "RUN tdnf install -y PACKAGE-VERSION && tdnf clean all"},
        {"zypper", "RUN zypper --non-interactive install PACKAGE=VERSION && zypper clean --all"},
        {"pacman", "RUN pacman -Syu --noconfirm PACKAGE"},
    };
    static const char *const apts[] = {"apt-get", "apt", "aptitude", "apt-fast", "nala", NULL};

    manager += str_starts(manager, "xx-") ? 3 : 0;
    for (size_t i = 0; i < countof(managers); i++)
        if (strcmp(managers[i].name, manager) == 0)
            return managers[i].step;
    return shell_is_one_of(manager, apts) ? "RUN apt-get update && apt-get install -y --no-install-recommends "
                                            "PACKAGE=VERSION && rm -rf /var/lib/apt/lists/*"
                                          : "RUN UPDATE && INSTALL PACKAGE=VERSION";
}
