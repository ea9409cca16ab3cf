/* The system calls of the helpers that deal with images: what the one for layers may make besides the common ones, and
 * what the scanner's program may not. Nobody but filter.c includes this. */
#ifndef AGENT_HELPER_FILTER_CALLS_IMAGES_H
#define AGENT_HELPER_FILTER_CALLS_IMAGES_H

#include <seccomp.h>

/* Walking layers, the cache of what was found in them (so opening to write as well, and openat2(2) with it), asking the
 * broker for an export (curl), and parts with a filter of their own. */
static const int layers_calls[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(getdents),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(flistxattr),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(utimensat),
    SCMP_SYS(utimensat_time64),
    SCMP_SYS(fsync),
    SCMP_SYS(fchmod),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(socketpair),
    SCMP_SYS(eventfd2),
    SCMP_SYS(getpriority),
    SCMP_SYS(setpriority),
    SCMP_SYS(getrusage),
    SCMP_SYS(seccomp),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_restrict_self),
};

static const int scanner_refused[] = {
    /* files by their inodes, past every folder's mode and every mount: CAP_DAC_READ_SEARCH allows that */
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(fanotify_init),
    /* what paths mean */
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    /* namespaces, in which it would have every right */
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    /* other processes' memory and descriptors */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    /* code in the kernel, and what is known for its holes there */
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(lookup_dcookie),
    /* keys of other sessions */
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    /* the machine's state: power, swap, clock, names, accounting, quotas, log, ports */
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_settime64),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_adjtime64),
    SCMP_SYS(stime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
};

#endif
