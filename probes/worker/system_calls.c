/* Through libseccomp's rules, whose numbers of other machines are no error. */
#include "probes/worker/system_calls.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "common/memory.h"

int system_calls_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = seccomp_rule_add(filter, action, calls[i], 0);
        if (r == -EDOM) /* this machine does not have it */
            r = 0;
    }
    return r;
}

int system_calls_allow_data(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    int r = 0;

    for (size_t i = 0; r == 0 && i < countof(calls); i++) {
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r == -EDOM)
            r = 0;
    }
    return r;
}

static void on_crash(int number)
{
    (void)number;
    mem_end();
}

int system_calls_load(scmp_filter_ctx filter)
{
    struct sigaction before;
    int r;

    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_crash}, &before);
    r = seccomp_load(filter);
    sigaction(SIGSEGV, &before, NULL);
    return r;
}
