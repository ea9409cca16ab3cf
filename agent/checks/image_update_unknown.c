/* Which commands may install what the history does not show: 4.7. */
#include <string.h>
#include <strings.h>

#include "agent/checks/image_update.h"
#include "common/str.h"

/* Programs that install nothing, whatever their words. */
static const char harmless[] =
    " . 7z : [ [[ a2disconf a2dismod a2dissite a2enconf a2enmod a2ensite add-apt-repository addgroup "
    "adduser alias alternatives apache2ctl apt-add-repository apt-cache apt-config "
    "apt-extracttemplates apt-file apt-ftparchive apt-key apt-mark apt-sortpkgs ar arch aria2c ash "
    "at authconfig authselect auto-apt-proxy awk b2sum base64 basename bash bc blkid break bsdtar "
    "bunzip2 bzip2 c_rehash cat cc cd chattr chgrp chkconfig chmod chown chpasswd chsh cksum clear "
    "cmp column command continue cp cpio createrepo cron crond crontab crudini csplit curl cut dash "
    "date dbus-uuidgen dd debconf debconf-get-selections debconf-set-selections debconf-show "
    "debfoster deborphan declare delgroup deluser depmod df diff dig dirmngr dirname dispatch-conf "
    "dmesg dos2unix dpkg dpkg-architecture dpkg-checkbuilddeps dpkg-deb dpkg-divert "
    "dpkg-maintscript-helper dpkg-name dpkg-preconfigure dpkg-query dpkg-reconfigure "
    "dpkg-scanpackages dpkg-source dpkg-split dpkg-statoverride dracut du echo ed egrep env envsubst "
    "eselect etc-update eval exec exit expand export expr fakeroot fallocate false fc-cache fc-list "
    "fgrep file find fmt fold free ftp g++ gawk gcc getcap getconf getent getfacl getopts git "
    "glib-compile-schemas goto gpasswd gpg gpg-agent gpg-connect-agent gpg1 gpg2 gpgconf gpgv grep "
    "groupadd groupdel groupmod groups gtk-update-icon-cache gunzip gzip hash head help hexdump hg "
    "history host hostname hostnamectl iconv id ifconfig info insserv install invoke-rc.d ionice ip "
    "join journalctl jq keytool kill ksh ldconfig ldconfig.real ldd less let ln local locale "
    "locale-check locale-gen localectl localedef locate logger losetup ls lsb_release lsblk lscpu "
    "lsmod man mandb mapfile mawk md5sum mkdir mkfifo mkfontdir mkfontscale mknod mkswap mktemp "
    "modprobe more mount mv nano nc needrestart needs-restarting netstat newgrp nice nl nproc "
    "nslookup od openssl paccache package-cleanup pacman-db-upgrade pacman-key pacman-optimize "
    "passwd paste patch pgrep phpdismod phpenmod ping pkg-config pkill policy-rc.d popd printenv "
    "printf ps pushd pv pwd quilt rc-service rc-update read readarray readlink readonly realpath "
    "reflector repomanage repoquery reset return rev rm rmdir rpm rpm2cpio rpmdb rpmkeys rpmlint "
    "rpmspec rsync runuser scp sed seq service set setcap setfacl sh sha1sum sha224sum sha256sum "
    "sha384sum sha512sum shasum shift shopt shred sleep sort source split sponge ss ssh-keygen "
    "ssh-keyscan stat strings strip stty subscription-manager svn swapon sync sysctl systemctl "
    "systemd-machine-id-setup tac tail tar tee test time timedatectl timeout times top touch tput tr "
    "trap tree true truncate tty type typeset tzselect ulimit umask umount unalias uname uniq "
    "unix2dos unset unxz unzip unzstd update-alternatives update-ca-certificates update-ca-trust "
    "update-crypto-policies update-desktop-database update-grub update-initramfs update-locale "
    "update-mime-database update-rc.d updatedb uptime useradd userdel usermod vi vim visudo wait "
    "watch wc wget wget2 whereis which whoami xargs xmllint xmlstarlet xxd xz xzcat yes yq "
    "yum-complete-transaction yum-config-manager zcat zgrep zip zsh zstd { ";

/* Only asked for steps that update and do not install. */
static bool is_harmless(const char *name, struct budget *budget)
{
    enum { LOOK_STEPS = sizeof harmless / 8 };
    scoped(cleanup_free) char *between = mem_printf(" %s ", name);

    return budget_take(budget, LOOK_STEPS) && strstr(harmless, between);
}

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
    if (package_is_manager(name) || (line->functions && map_get(line->functions, program)))
        return false;
    file = shell_script_file(command);
    if (file)
        return !(shell_is_one_of(name, sourcing) && is_settings(file->text));
    if (shell_is_shell(name))
        return !command->scripts && (command->piped || command->redirects || command->words.count > 1) &&
               shell_reads_input(command);
    if (command->scripts)
        return false; /* they are commands of their own */
    if (strchr(program, '/') && !str_starts(program, "/usr/") && !str_starts(program, "/bin/") &&
        !str_starts(program, "/sbin/"))
        return true;
    return !is_prefix || !is_harmless(name, line->budget);
}
