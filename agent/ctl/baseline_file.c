/* The file of --new-only, for every command that takes it. */
#include "agent/ctl/ctl.h"
#include "common/baseline.h"

int ctl_read_baseline(const struct ctl *ctl, const char *path, struct baseline **ret)
{
    struct error error = ERROR_INIT;

    if (baseline_read(path, ret, &error) == 0)
        return 0;
    ctl_complain_of(ctl, &error);
    return EXIT_USAGE;
}
