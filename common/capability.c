/* Raw system calls: libcap would be one more library for three of them. */
#include "common/capability.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Are the sets in DATA within KEPT already? */
static bool is_within(const struct __user_cap_data_struct data[2], uint64_t kept)
{
    for (unsigned i = 0; i < 2; i++)
        if ((data[i].permitted | data[i].effective) & ~(uint32_t)(kept >> (32 * i)))
            return false;
    return true;
}

int capability_keep(uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    bool within;

    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    within = is_within(data, kept);
    for (unsigned i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(kept >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) == 0)
        return 0;
    if (errno != EPERM || !within)
        return -errno;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno
                                                                        : 0; /* a unit's filter has no capset */
}

int capability_bound(uint64_t kept)
{
    for (unsigned number = 0; number < 64; number++) {
        int r = prctl(PR_CAPBSET_READ, number, 0, 0, 0);

        if (r < 0) /* beyond the last one that the kernel knows */
            break;
        if (r && !(kept & CAPABILITY(number)) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

int capability_hand_on(uint64_t given)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (unsigned i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(given >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = data[i].permitted;
    }
    if (syscall(SYS_capset, &header, data) < 0)
        return -errno;
    for (unsigned number = 0; number < 64; number++)
        if (data[number / 32].permitted & UINT32_C(1) << number % 32 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
            return -errno;
    return 0;
}

bool capability_has(unsigned number)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    return number < 64 && syscall(SYS_capget, &header, data) == 0 &&
           data[number / 32].effective & UINT32_C(1) << number % 32;
}

const char *capability_why(int number, uint64_t needed)
{
    bool read = needed & CAPABILITY(CAP_DAC_READ_SEARCH) && !capability_has(CAP_DAC_READ_SEARCH);
    bool trace = needed & CAPABILITY(CAP_SYS_PTRACE) && !capability_has(CAP_SYS_PTRACE);

    if ((number != EACCES && number != EPERM) || !(read || trace))
        return strerrordesc_np(number) ? strerrordesc_np(number) : "unknown error";
    return read && trace ? "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
           : trace       ? "needs CAP_SYS_PTRACE"
                         : "needs CAP_DAC_READ_SEARCH";
}
