/* Of each role but one the calls that it may make; of the scanner's, which executes the administrator's program, those
 * that it may not. */
#include "agent/helper/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "agent/helper/filter_calls.h"
#include "agent/helper/filter_calls_images.h"
#include "probes/worker/system_calls.h"

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    return system_calls_add(filter, SCMP_ACT_ALLOW, calls, count);
}

/* Opening a file to read it, and nothing else. openat2(2) has its flags in memory, where a filter does not see them:
 * this program does not use it. */
static int allow_reading(scmp_filter_ctx filter)
{
    enum { WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND };
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, 0));

    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, 0));
    return r == -EDOM ? 0 : r;
}

enum {
    SPACES = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
};

/* Processes of its own, or threads alone, in no namespace of their own. clone3(2) has its flags in memory: the C
 * library does without it where it is unknown. */
static int allow_clone(scmp_filter_ctx filter, bool processes)
{
    const unsigned demanded = processes ? 0 : CLONE_THREAD;
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, SPACES | demanded, demanded));

    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return r;
}

static int allow_socket(scmp_filter_ctx filter, unsigned family)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family, 0));
}

/* Engines at Unix sockets and TCP; what curl and the name service ask of sockets and interfaces. */
static int allow_engine(scmp_filter_ctx filter)
{
    static const unsigned long controls[] = {FIONBIO, FIONREAD, SIOCGIFINDEX, SIOCGIFNAME};
    int r = allow(filter, engine_calls, countof(engine_calls));

    for (size_t i = 0; r == 0 && i < countof(controls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, controls[i], 0));
    if (r == 0)
        r = allow_socket(filter, AF_INET);
    return r == 0 ? allow_socket(filter, AF_INET6) : r;
}

/* TCP, UDP and nothing else: no raw sockets, no other protocols. */
static int allow_internet(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6}, protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP};
    int r = allow(filter, network_calls, countof(network_calls));

    for (size_t i = 0; i < countof(families); i++)
        for (size_t j = 0; r == 0 && j < countof(protocols); j++)
            r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0),
                                 SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)protocols[j], 0));
    if (r == 0) /* of an answer's length (resolv(3)) */
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD, 0));
    return r;
}

static int allow_role(scmp_filter_ctx filter, enum role role)
{
    int r = allow(filter, common_calls, countof(common_calls));

    if (r == 0)
        r = allow_clone(filter, role != ROLE_ENGINE);
    if (r == 0)
        r = allow_reading(filter);
    if (r == 0)
        r = allow_socket(filter, AF_UNIX); /* sd_notify(3), the name service */
#ifdef __SANITIZE_ADDRESS__
    if (r == 0)
        r = allow(filter, sanitizer_calls, countof(sanitizer_calls));
#endif
    if (r == 0 && role != ROLE_AUDIT)
        r = allow(filter, looking_calls, countof(looking_calls));
    if (r == 0 && role != ROLE_AUDIT && role != ROLE_LAYERS)
        r = allow(filter, loop_calls, countof(loop_calls));
    if (r < 0)
        return r;
    switch (role) {
    case ROLE_AUDIT:
        r = allow(filter, audit_calls, countof(audit_calls));
        return r == 0 ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                         SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_EQ, NETLINK_AUDIT, 0))
                      : r;
    case ROLE_PROCESSES:
    case ROLE_FILES:
        return allow(filter, files_calls, countof(files_calls));
    case ROLE_ENGINE:
        return allow_engine(filter);
    case ROLE_NETWORK:
        return allow_internet(filter);
    case ROLE_LAYERS:
        return allow(filter, layers_calls, countof(layers_calls));
    case ROLE_SCANNER:
    case ROLE_COUNT:
        break;
    }
    return -EINVAL;
}

/* Whatever a scanner is written in, it needs none of these; one that does runs on without. */
static int refuse_of_scanner(scmp_filter_ctx filter)
{
    int r = system_calls_add(filter, SCMP_ACT_ERRNO(EPERM), scanner_refused, countof(scanner_refused));

    for (unsigned bit = 0; r == 0 && bit < 32; bit++) {
        scmp_datum_t space = UINT32_C(1) << bit;

        if (SPACES & space)
            r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, space, space));
    }
    return r == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : r;
}

int filter_load(enum role role, struct error *error)
{
    scoped(cleanup_filter) scmp_filter_ctx filter = NULL;
    bool refuses = role == ROLE_SCANNER;
    int r;

    filter = seccomp_init(refuses ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
    r = !filter ? -ENOMEM : refuses ? refuse_of_scanner(filter) : allow_role(filter, role);
    if (r == 0)
        r = system_calls_load(filter);
    return r < 0 ? error_system(error, -r, "system call filter") : 0;
}
