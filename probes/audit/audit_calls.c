/* The system calls that the permissions of audit(7) consist of.
 *
 * The kernel has them by class (include/asm-generic/audit_*.h). A rule with a list of calls records those of the list
 * only, so a permission is as complete as the list. */
#include <libaudit.h>
#include <string.h>

#include "probes/audit/audit_internal.h"

enum { R = AUDIT_PERM_R, W = AUDIT_PERM_W, X = AUDIT_PERM_X, A = AUDIT_PERM_A };

/* A call that opens is there twice, as how it is called decides what it needs. */
static const struct call {
    const char *name;
    unsigned perms; /* that it belongs to, by any of them */
    bool opens;
    bool recent; /* kernels and auditctl of some years ago do not know it: no list is expected to hold it */
} calls[] = {
    {"open", W, true, false},          {"openat", W, true, false},        {"openat2", W, true, false},
    {"creat", W, false, false},        {"truncate", W, false, false},     {"truncate64", W, false, false},
    {"ftruncate", W, false, false},    {"ftruncate64", W, false, false},  {"fallocate", W, false, false},
    {"rename", W, false, false},       {"renameat", W, false, false},     {"renameat2", W, false, false},
    {"unlink", W, false, false},       {"unlinkat", W, false, false},     {"rmdir", W, false, false},
    {"mkdir", W, false, false},        {"mkdirat", W, false, false},      {"symlink", W, false, false},
    {"symlinkat", W, false, false},    {"link", W | A, false, false},     {"linkat", W | A, false, false},
    {"mknod", W, false, false},        {"mknodat", W, false, false},      {"bind", W, false, false},
    {"acct", W, false, false},         {"swapon", W, false, false},       {"quotactl", W, false, false},
    {"quotactl_fd", W, false, true},   {"chmod", A, false, false},        {"fchmod", A, false, false},
    {"fchmodat", A, false, false},     {"fchmodat2", A, false, true},     {"chown", A, false, false},
    {"chown32", A, false, false},      {"fchown", A, false, false},       {"fchown32", A, false, false},
    {"lchown", A, false, false},       {"lchown32", A, false, false},     {"fchownat", A, false, false},
    {"setxattr", A, false, false},     {"lsetxattr", A, false, false},    {"fsetxattr", A, false, false},
    {"setxattrat", A, false, true},    {"removexattr", A, false, false},  {"lremovexattr", A, false, false},
    {"fremovexattr", A, false, false}, {"removexattrat", A, false, true}, {"execve", X, false, false},
    {"execveat", X, false, false},     {"open", R, true, false},          {"openat", R, true, false},
    {"openat2", R, true, false},       {"readlink", R, false, false},     {"readlinkat", R, false, false},
    {"getxattr", R, false, false},     {"lgetxattr", R, false, false},    {"fgetxattr", R, false, false},
    {"listxattr", R, false, false},    {"llistxattr", R, false, false},   {"flistxattr", R, false, false},
};
_Static_assert(countof(calls) <= 64, "a call is a bit");

int audit_machine(enum audit_width width)
{
    int native = audit_detect_machine();

    if (width == AUDIT_NATIVE)
        return native;
    switch (native) {
    case MACH_86_64:
        return MACH_X86;
    case MACH_PPC64:
        return MACH_PPC;
    case MACH_S390X:
        return MACH_S390;
    case MACH_AARCH64:
        return audit_name_to_syscall("openat", MACH_ARM) < 0 ? -1 : MACH_ARM;
    default:
        return -1;
    }
}

uint64_t audit_calls_of(unsigned perms, enum audit_width width)
{
    int machine = audit_machine(width);
    uint64_t found = 0;

    for (size_t i = 0; machine >= 0 && i < countof(calls); i++)
        if (calls[i].perms & perms && !calls[i].recent && audit_name_to_syscall(calls[i].name, machine) >= 0)
            found |= UINT64_C(1) << i;
    return found;
}

uint64_t audit_calls_matched(const uint32_t *mask, enum audit_width width, unsigned perms, bool hides)
{
    int machine = audit_machine(width);
    uint64_t found = 0;

    for (size_t i = 0; machine >= 0 && i < countof(calls); i++) {
        int number = audit_name_to_syscall(calls[i].name, machine);
        unsigned of_call = calls[i].perms;

        if (number < 0 || number >= AUDIT_BITMASK_SIZE * 32)
            continue;
        if (calls[i].opens && hides) /* O_RDWR: reading is enough to match it, and writing is hidden as well */
            of_call |= R | W;
        if (of_call & perms && mask[AUDIT_WORD(number)] & AUDIT_BIT(number))
            found |= UINT64_C(1) << i;
    }
    return found;
}

unsigned audit_calls_perms(uint64_t some)
{
    unsigned perms = 0;

    for (size_t i = 0; i < countof(calls); i++)
        if (some & UINT64_C(1) << i)
            perms |= calls[i].perms;
    return perms;
}

const char *audit_call_name(unsigned bit)
{
    return bit < countof(calls) ? calls[bit].name : NULL;
}

unsigned audit_parse_perms(const char *text)
{
    unsigned perms = 0;

    for (; *text; text++)
        perms |= *text == 'x'   ? AUDIT_PERM_X
                 : *text == 'w' ? AUDIT_PERM_W
                 : *text == 'r' ? AUDIT_PERM_R
                 : *text == 'a' ? AUDIT_PERM_A
                                : 0;
    return perms;
}
