/* Commands of this host's own distribution: no remedy prints those of another one. */
#ifndef AGENT_CHECKS_DISTRIBUTION_H
#define AGENT_CHECKS_DISTRIBUTION_H

#include "agent/model/check.h"

/* How a distribution installs packages. */
enum package_manager {
    PACKAGES_UNKNOWN, /* the host's files are not seen, or it is a distribution that this table does not know */
    PACKAGES_APT,     /* Debian, Ubuntu and what is like them */
    PACKAGES_DNF,     /* Fedora, RHEL 8 and later, and what is like them */
    PACKAGES_YUM,     /* RHEL and CentOS 7, Amazon Linux 2 */
    PACKAGES_ZYPPER,  /* SUSE */
    PACKAGES_APK,     /* Alpine */
    PACKAGES_PACMAN,  /* Arch */
    PACKAGES_TDNF,    /* Photon, Azure Linux */
};

/* A package's name in each family; NULL: it has no such package. RPM is for dnf, yum and tdnf. */
struct package_names {
    const char *apt, *rpm, *zypper, *apk, *pacman;
};

/* That of the host that is judged. Reads INPUT_LSM (ID, ID_LIKE and VERSION_ID of os-release(5)). */
enum package_manager check_package_manager(const struct check_input *in);

/* Appends the command that installs the package here ("apt-get install -y auditd"). False, and nothing appended: this
 * distribution is unknown, or has no such package. */
bool check_install_command(const struct check_input *in, const struct package_names *package, struct str *out);
/* The same for upgrading packages that are installed. */
bool check_upgrade_command(const struct check_input *in, const struct package_names *package, struct str *out);

#endif
