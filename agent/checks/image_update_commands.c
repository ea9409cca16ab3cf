/* What package managers' commands, and programs beside them, do to the packages of an image: 4.7. */
#include <stdlib.h>
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

/* Does it only say what it would do, or only download? LETTERS: of short options that mean this. */
static bool is_simulated(const struct shell_command *command, const char *letters)
{
    static const char *const options[] = {
        "--simulate", "--just-print",   "--dry-run",  "--recon", "--no-act",  "--print-uris",   "--download-only",
        "--print",    "--downloadonly", "--assumeno", "--test",  "--pretend", "--downloadonly", NULL};

    if (has_word(command, options))
        return true;
    for (size_t i = 1; i < command->words.count; i++)
        for (const char *letter = letters; *letter; letter++)
            if (has_letter(command->words.items[i].text, *letter))
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
    if (is_simulated(command, manager->others))
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
    const char *word = command->words.count > 1 ? command->words.items[1].text : "";
    bool installs = has_word(command, is_rpm ? rpm_actions : dpkg_actions);

    for (size_t i = 1; i < command->words.count && !installs; i++) {
        word = command->words.items[i].text;
        if (is_rpm ? has_letter(word, 'q') || has_letter(word, 'e') || has_letter(word, 'V') || has_letter(word, 'K')
                   : has_letter(word, 'l') || has_letter(word, 's') || has_letter(word, 'L'))
            return PACKAGES_UNCHANGED;
        installs =
            is_rpm ? has_letter(word, 'i') || has_letter(word, 'U') || has_letter(word, 'F') : has_letter(word, 'i');
    }
    return installs && !is_simulated(command, "") ? PACKAGES_INSTALLED : PACKAGES_UNCHANGED;
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

static const char *const install_words[] = {"install",
                                            "add",
                                            "localinstall",
                                            "localupdate",
                                            "groupinstall",
                                            "in",
                                            "it",
                                            "build-dep",
                                            "builddep",
                                            "reinstall",
                                            "satisfy",
                                            "swap",
                                            "si",
                                            "inr",
                                            "bundle-add",
                                            "downgrade",
                                            "source-install",
                                            "instal",
                                            "install-new-recommends",
                                            "fix",
                                            "groupupdate",
                                            "dselect-upgrade",
                                            NULL};

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
        if (shell_is_one_of(word, install_words))
            return is_simulated(command, manager->simulating) ? PACKAGES_UNCHANGED : PACKAGES_INSTALLED;
        if (shell_is_one_of(word, manager->updates))
            return PACKAGES_UPDATED;
    }
    return PACKAGES_UNCHANGED;
}

/* ---- Other programs ---- */

static int compare_names(const void *name, const void *item)
{
    return strcmp(name, *(const char *const *)item);
}

/* A program that installs nothing, whatever its words. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {/* in the order of strcmp() */
                                        ".",
                                        "7z",
                                        ":",
                                        "[",
                                        "[[",
                                        "a2disconf",
                                        "a2dismod",
                                        "a2dissite",
                                        "a2enconf",
                                        "a2enmod",
                                        "a2ensite",
                                        "add-apt-repository",
                                        "addgroup",
                                        "adduser",
                                        "alias",
                                        "alternatives",
                                        "apache2ctl",
                                        "apt-add-repository",
                                        "apt-cache",
                                        "apt-config",
                                        "apt-extracttemplates",
                                        "apt-file",
                                        "apt-ftparchive",
                                        "apt-key",
                                        "apt-mark",
                                        "apt-sortpkgs",
                                        "ar",
                                        "arch",
                                        "aria2c",
                                        "ash",
                                        "at",
                                        "authconfig",
                                        "authselect",
                                        "auto-apt-proxy",
                                        "awk",
                                        "b2sum",
                                        "base64",
                                        "basename",
                                        "bash",
                                        "bc",
                                        "blkid",
                                        "break",
                                        "bsdtar",
                                        "bunzip2",
                                        "bzip2",
                                        "c_rehash",
                                        "cat",
                                        "cc",
                                        "cd",
                                        "chattr",
                                        "chgrp",
                                        "chkconfig",
                                        "chmod",
                                        "chown",
                                        "chpasswd",
                                        "chsh",
                                        "cksum",
                                        "clear",
                                        "cmp",
                                        "column",
                                        "command",
                                        "continue",
                                        "cp",
                                        "cpio",
                                        "createrepo",
                                        "cron",
                                        "crond",
                                        "crontab",
                                        "crudini",
                                        "csplit",
                                        "curl",
                                        "cut",
                                        "dash",
                                        "date",
                                        "dbus-uuidgen",
                                        "dd",
                                        "debconf",
                                        "debconf-get-selections",
                                        "debconf-set-selections",
                                        "debconf-show",
                                        "debfoster",
                                        "deborphan",
                                        "declare",
                                        "delgroup",
                                        "deluser",
                                        "depmod",
                                        "df",
                                        "diff",
                                        "dig",
                                        "dirmngr",
                                        "dirname",
                                        "dispatch-conf",
                                        "dmesg",
                                        "dos2unix",
                                        "dpkg",
                                        "dpkg-architecture",
                                        "dpkg-checkbuilddeps",
                                        "dpkg-deb",
                                        "dpkg-divert",
                                        "dpkg-maintscript-helper",
                                        "dpkg-name",
                                        "dpkg-preconfigure",
                                        "dpkg-query",
                                        "dpkg-reconfigure",
                                        "dpkg-scanpackages",
                                        "dpkg-source",
                                        "dpkg-split",
                                        "dpkg-statoverride",
                                        "dracut",
                                        "du",
                                        "echo",
                                        "ed",
                                        "egrep",
                                        "env",
                                        "envsubst",
                                        "eselect",
                                        "etc-update",
                                        "eval",
                                        "exec",
                                        "exit",
                                        "expand",
                                        "export",
                                        "expr",
                                        "fakeroot",
                                        "fallocate",
                                        "false",
                                        "fc-cache",
                                        "fc-list",
                                        "fgrep",
                                        "file",
                                        "find",
                                        "fmt",
                                        "fold",
                                        "free",
                                        "ftp",
                                        "g++",
                                        "gawk",
                                        "gcc",
                                        "getcap",
                                        "getconf",
                                        "getent",
                                        "getfacl",
                                        "getopts",
                                        "git",
                                        "glib-compile-schemas",
                                        "goto",
                                        "gpasswd",
                                        "gpg",
                                        "gpg-agent",
                                        "gpg-connect-agent",
                                        "gpg1",
                                        "gpg2",
                                        "gpgconf",
                                        "gpgv",
                                        "grep",
                                        "groupadd",
                                        "groupdel",
                                        "groupmod",
                                        "groups",
                                        "gtk-update-icon-cache",
                                        "gunzip",
                                        "gzip",
                                        "hash",
                                        "head",
                                        "help",
                                        "hexdump",
                                        "hg",
                                        "history",
                                        "host",
                                        "hostname",
                                        "hostnamectl",
                                        "iconv",
                                        "id",
                                        "ifconfig",
                                        "info",
                                        "insserv",
                                        "install",
                                        "invoke-rc.d",
                                        "ionice",
                                        "ip",
                                        "join",
                                        "journalctl",
                                        "jq",
                                        "keytool",
                                        "kill",
                                        "ksh",
                                        "ldconfig",
                                        "ldconfig.real",
                                        "ldd",
                                        "less",
                                        "let",
                                        "ln",
                                        "local",
                                        "locale",
                                        "locale-check",
                                        "locale-gen",
                                        "localectl",
                                        "localedef",
                                        "locate",
                                        "logger",
                                        "losetup",
                                        "ls",
                                        "lsb_release",
                                        "lsblk",
                                        "lscpu",
                                        "lsmod",
                                        "man",
                                        "mandb",
                                        "mapfile",
                                        "mawk",
                                        "md5sum",
                                        "mkdir",
                                        "mkfifo",
                                        "mkfontdir",
                                        "mkfontscale",
                                        "mknod",
                                        "mkswap",
                                        "mktemp",
                                        "modprobe",
                                        "more",
                                        "mount",
                                        "mv",
                                        "nano",
                                        "nc",
                                        "needrestart",
                                        "needs-restarting",
                                        "netstat",
                                        "newgrp",
                                        "nice",
                                        "nl",
                                        "nproc",
                                        "nslookup",
                                        "od",
                                        "openssl",
                                        "paccache",
                                        "package-cleanup",
                                        "pacman-db-upgrade",
                                        "pacman-key",
                                        "pacman-optimize",
                                        "passwd",
                                        "paste",
                                        "patch",
                                        "pgrep",
                                        "phpdismod",
                                        "phpenmod",
                                        "ping",
                                        "pkg-config",
                                        "pkill",
                                        "policy-rc.d",
                                        "popd",
                                        "printenv",
                                        "printf",
                                        "ps",
                                        "pushd",
                                        "pv",
                                        "pwd",
                                        "quilt",
                                        "rc-service",
                                        "rc-update",
                                        "read",
                                        "readarray",
                                        "readlink",
                                        "readonly",
                                        "realpath",
                                        "reflector",
                                        "repomanage",
                                        "repoquery",
                                        "reset",
                                        "return",
                                        "rev",
                                        "rm",
                                        "rmdir",
                                        "rpm",
                                        "rpm2cpio",
                                        "rpmdb",
                                        "rpmkeys",
                                        "rpmlint",
                                        "rpmspec",
                                        "rsync",
                                        "runuser",
                                        "scp",
                                        "sed",
                                        "seq",
                                        "service",
                                        "set",
                                        "setcap",
                                        "setfacl",
                                        "sh",
                                        "sha1sum",
                                        "sha224sum",
                                        "sha256sum",
                                        "sha384sum",
                                        "sha512sum",
                                        "shasum",
                                        "shift",
                                        "shopt",
                                        "shred",
                                        "sleep",
                                        "sort",
                                        "source",
                                        "split",
                                        "sponge",
                                        "ss",
                                        "ssh-keygen",
                                        "ssh-keyscan",
                                        "stat",
                                        "strings",
                                        "strip",
                                        "stty",
                                        "subscription-manager",
                                        "svn",
                                        "swapon",
                                        "sync",
                                        "sysctl",
                                        "systemctl",
                                        "systemd-machine-id-setup",
                                        "tac",
                                        "tail",
                                        "tar",
                                        "tee",
                                        "test",
                                        "time",
                                        "timedatectl",
                                        "timeout",
                                        "times",
                                        "top",
                                        "touch",
                                        "tput",
                                        "tr",
                                        "trap",
                                        "tree",
                                        "true",
                                        "truncate",
                                        "tty",
                                        "type",
                                        "typeset",
                                        "tzselect",
                                        "ulimit",
                                        "umask",
                                        "umount",
                                        "unalias",
                                        "uname",
                                        "uniq",
                                        "unix2dos",
                                        "unset",
                                        "unxz",
                                        "unzip",
                                        "unzstd",
                                        "update-alternatives",
                                        "update-ca-certificates",
                                        "update-ca-trust",
                                        "update-crypto-policies",
                                        "update-desktop-database",
                                        "update-grub",
                                        "update-initramfs",
                                        "update-locale",
                                        "update-mime-database",
                                        "update-rc.d",
                                        "updatedb",
                                        "uptime",
                                        "useradd",
                                        "userdel",
                                        "usermod",
                                        "vi",
                                        "vim",
                                        "visudo",
                                        "wait",
                                        "watch",
                                        "wc",
                                        "wget",
                                        "wget2",
                                        "whereis",
                                        "which",
                                        "whoami",
                                        "xargs",
                                        "xmllint",
                                        "xmlstarlet",
                                        "xxd",
                                        "xz",
                                        "xzcat",
                                        "yes",
                                        "yq",
                                        "yum-complete-transaction",
                                        "yum-config-manager",
                                        "zcat",
                                        "zgrep",
                                        "zip",
                                        "zsh",
                                        "zstd",
                                        "{"};

    return bsearch(name, names, countof(names), sizeof *names, compare_names);
}

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
           has_word(command, words) && !is_simulated(command, "");
}

/* Programs whose name says that they install: "install-packages", "apt_install", "docker-php-ext-install". A script by
 * its path is not known for what it does. */
static bool is_named_for_it(const struct shell_command *command)
{
    static const char *const names[] = {"urpmi",
                                        "gdebi",
                                        "mk-build-deps",
                                        "rosdep",
                                        "tasksel",
                                        "debi",
                                        "pacstrap",
                                        "yum-builddep",
                                        "dnf-builddep",
                                        "clean-install",
                                        "tazpkg",
                                        "apt-add",
                                        "debootstrap",
                                        "nix-env",
                                        "task-sel",
                                        "microdnf-install",
                                        "apt-fast-install",
                                        "multistrap",
                                        "cdebootstrap",
                                        NULL};
    const char *name = command->program, *program = command->words.items[0].text;

    if (shell_is_one_of(name, names))
        return true;
    return strcasestr(name, "install") && !strcasestr(name, "uninstall") && strcmp(name, "install") != 0 &&
           (!strchr(program, '/') || str_starts(program, "/usr/") || str_starts(program, "$")) &&
           !str_ends(name, ".sh") && !str_ends(name, ".py") && !is_simulated(command, "");
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

/* ---- What may install ---- */

static const char *const sourcing[] = {"source", ".", NULL};

/* Is it part of what a shell reads as one: the words of "for", of [[ ]], of (( ))? */
static bool is_part(const struct shell_command *command)
{
    const struct shell_words *words = &command->words;
    const struct shell_command *outer = command->outer;

    return (words->count > 1 && strcmp(words->items[1].text, "in") == 0) ||
           strcmp(words->items[words->count - 1].text, "]]") == 0 ||
           (outer && outer->group == SHELL_SUBSHELL && outer->outer && outer->outer->group == SHELL_SUBSHELL &&
            str_starts(outer->outer->source, "((")) ||
           (outer && outer->group == SHELL_COMPOUND && str_starts(outer->source, "for") && !command->conditional &&
            words->count == 1 && outer->body == command);
}

/* The settings of a system, which install nothing when they are read. */
static bool is_settings(const char *path)
{
    static const char *const folders[] = {"/etc/", "/root/.", "~/.", "$HOME/.", "/usr/lib/os-release"};

    for (size_t i = 0; i < countof(folders); i++)
        if (str_starts(path, folders[i]))
            return !str_ends(path, ".sh") || str_starts(path, "/etc/profile");
    return strstr(path, "/activate") || strstr(path, "os-release") || strstr(path, "envvars");
}

bool package_effect_is_unknown(const struct shell_line *line, const struct shell_command *command)
{
    static const char *const prefixes[] = {"sudo", "prefix", "quiet", "eatmydata", "nice", "cmd_prefix"};
    const char *name = command->program, *program;
    const struct shell_word *file;
    enum package_effect effect = package_effect(command);
    bool is_prefix = !command->dropped;

    if (!command->words.count || effect != PACKAGES_UNCHANGED || is_part(command))
        return false;
    program = command->words.items[0].text;
    for (size_t i = 0; command->dropped && i < countof(prefixes); i++)
        is_prefix |= strcasestr(command->dropped, prefixes[i]) != NULL;
    if (option_manager_of(name) || word_manager_of(name) || (line->functions && map_get(line->functions, program)))
        return false;
    file = shell_script_file(command);
    if (file)
        return !(shell_is_one_of(name, sourcing) && is_settings(file->text));
    if (shell_is_shell(name))
        return !command->scripts && (command->piped || command->words.count > 1) && shell_reads_input(command);
    if (command->scripts)
        return false; /* they are commands of their own */
    if (strchr(program, '/') && !str_starts(program, "/usr/") && !str_starts(program, "/bin/") &&
        !str_starts(program, "/sbin/"))
        return true;
    return !is_prefix || !is_harmless(name);
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
