/* Whether the host's clock follows a time source. */
#include "agent/sinks/clock_sync.h"

#include <sys/timex.h>
#include <unistd.h>

enum clock_sync clock_sync_state(void)
{
    struct timex timex = {.modes = 0};
    int state = adjtimex(&timex);

    if (state >= 0)
        return state == TIME_ERROR || timex.status & STA_UNSYNC ? CLOCK_SYNC_NO : CLOCK_SYNC_YES;
    return access("/run/systemd/timesync/synchronized", F_OK) == 0 ? CLOCK_SYNC_YES : CLOCK_SYNC_UNKNOWN;
}
