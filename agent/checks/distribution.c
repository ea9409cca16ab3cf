/* How packages are installed on the host that is judged, by its os-release(5). */
#include "agent/checks/distribution.h"

#include <string.h>

static const struct {
    const char *id; /* as in ID or ID_LIKE */
    enum package_manager manager;
} distributions[] = {
    {"debian", PACKAGES_APT},
    {"ubuntu", PACKAGES_APT},
    {"raspbian", PACKAGES_APT},
    {"fedora", PACKAGES_DNF},
    {"rhel", PACKAGES_DNF},
    {"centos", PACKAGES_DNF},
    {"rocky", PACKAGES_DNF},
    {"almalinux", PACKAGES_DNF},
    {"ol", PACKAGES_DNF},
    {"amzn", PACKAGES_DNF},
    {"openEuler", PACKAGES_DNF},
    {"anolis", PACKAGES_DNF},
    {"kylin", PACKAGES_DNF},
    {"suse", PACKAGES_ZYPPER},
    {"opensuse", PACKAGES_ZYPPER},
    {"sles", PACKAGES_ZYPPER},
    {"opensuse-leap", PACKAGES_ZYPPER},
    {"opensuse-tumbleweed", PACKAGES_ZYPPER},
    {"alpine", PACKAGES_APK},
    {"arch", PACKAGES_PACMAN},
    {"photon", PACKAGES_TDNF},
    {"azurelinux", PACKAGES_TDNF},
    {"mariner", PACKAGES_TDNF},
};

static enum package_manager manager_of(const char *id, size_t length)
{
    for (size_t i = 0; i < countof(distributions); i++)
        if (strlen(distributions[i].id) == length && strncmp(distributions[i].id, id, length) == 0)
            return distributions[i].manager;
    return PACKAGES_UNKNOWN;
}

/* dnf came with RHEL 8 and Amazon Linux 2023. */
static bool is_of_yum(const struct lsm_facts *host)
{
    return host->os_version && ((str_equal(host->os_id, "amzn") && strcmp(host->os_version, "2") == 0) ||
                                (!str_equal(host->os_id, "fedora") && host->os_version[0] == '7' &&
                                 (!host->os_version[1] || host->os_version[1] == '.')));
}

enum package_manager check_package_manager(const struct check_input *in)
{
    const struct lsm_facts *host = store_lsm(in->store, NULL);
    enum package_manager manager = PACKAGES_UNKNOWN;

    if (host && host->os_id)
        manager = manager_of(host->os_id, strlen(host->os_id));
    for (const char *at = host ? host->os_like : NULL; at && *at && manager == PACKAGES_UNKNOWN;) {
        size_t length = strcspn(at, " ");

        manager = manager_of(at, length);
        at += length + strspn(at + length, " ");
    }
    return manager == PACKAGES_DNF && is_of_yum(host) ? PACKAGES_YUM : manager;
}

bool check_install_command(const struct check_input *in, const struct package_names *package, struct str *out)
{
    const char *command = NULL, *name = package->rpm;

    switch (check_package_manager(in)) {
    case PACKAGES_UNKNOWN:
        return false;
    case PACKAGES_APT:
        command = "apt-get install -y";
        name = package->apt;
        break;
    case PACKAGES_DNF:
        command = "dnf install -y";
        break;
    case PACKAGES_YUM:
        command = "yum install -y";
        break;
    case PACKAGES_TDNF:
        command = "tdnf install -y";
        break;
    case PACKAGES_ZYPPER:
        command = "zypper --non-interactive install";
        name = package->zypper;
        break;
    case PACKAGES_APK:
        command = "apk add";
        name = package->apk;
        break;
    case PACKAGES_PACMAN:
        command = "pacman -S --noconfirm";
        name = package->pacman;
        break;
    }
    if (!name)
        return false;
    str_printf(out, "%s %s", command, name);
    return true;
}

bool check_upgrade_command(const struct check_input *in, const struct package_names *package, struct str *out)
{
    switch (check_package_manager(in)) {
    case PACKAGES_UNKNOWN:
        break;
    case PACKAGES_APT:
        if (package->apt)
            str_printf(out, "apt-get update && apt-get install --only-upgrade -y %s", package->apt);
        return package->apt != NULL;
    case PACKAGES_DNF:
    case PACKAGES_YUM:
    case PACKAGES_TDNF:
        if (package->rpm)
            str_printf(out, "%s upgrade -y %s",
                       check_package_manager(in) == PACKAGES_DNF   ? "dnf"
                       : check_package_manager(in) == PACKAGES_YUM ? "yum"
                                                                   : "tdnf",
                       package->rpm);
        return package->rpm != NULL;
    case PACKAGES_ZYPPER:
        if (package->zypper)
            str_printf(out, "zypper --non-interactive update %s", package->zypper);
        return package->zypper != NULL;
    case PACKAGES_APK:
        if (package->apk)
            str_printf(out, "apk update && apk upgrade %s", package->apk);
        return package->apk != NULL;
    case PACKAGES_PACMAN: /* which upgrades everything or nothing */
        str_append(out, "pacman -Syu --noconfirm");
        return true;
    }
    return false;
}
