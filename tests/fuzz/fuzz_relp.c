/* Any bytes as what a receiver of RELP answers. The first byte is how many records are sent to it, once it has opened
 * the session; the second is how many bytes come at a time. */
#include <string.h>

#include "agent/sinks/relp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct relp *relp)
{
    if (relp->acknowledged > relp->sent || relp->sent > relp->framed ||
        relp->framed - relp->acknowledged > RELP_WINDOW || relp->in.length > 2 * (size_t)RELP_ANSWER_MAX)
        __builtin_trap();
    if (relp->open != (relp->acknowledged > 0))
        __builtin_trap();
}

static void send_records(struct relp *relp, size_t count)
{
    struct str message = {.data = (char[]){"m"}, .length = 1};
    scoped_str out = STR_INIT;

    for (; count && relp_has_room(relp); count--)
        relp_frame_syslog(relp, &message, 0, &out);
    relp_sent(relp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(relp_deinit) struct relp relp = {0};
    scoped_str out = STR_INIT;
    size_t piece;

    if (size < 2)
        return 0;
    piece = data[1] ? data[1] : 1;
    relp_frame_open(&relp, 0, &out);
    relp_sent(&relp);
    for (size_t at = 2; at < size; at += piece) {
        uint64_t before = relp.acknowledged;
        int r = relp_receive(&relp, data + at, piece < size - at ? piece : size - at, 1, NULL);

        check(&relp);
        if (relp.acknowledged < before || (r < 0) != relp.failed)
            __builtin_trap();
        if (r == 0 && relp.open)
            send_records(&relp, data[0]);
    }
    return 0;
}
