/* Messages of watching within a stream of bytes. */
#include <errno.h>

#include "probes/roles/watching_internal.h"

void watching_put(struct evbuffer *out, const struct str *message)
{
    uint64_t length = message->length;

    evbuffer_add(out, &length, sizeof length);
    evbuffer_add(out, message->data, message->length);
}

int watching_take(struct evbuffer *in, struct arena *arena, struct str *text, struct wire_reader *reader)
{
    uint64_t length;

    if (evbuffer_copyout(in, &length, sizeof length) < (ev_ssize_t)sizeof length)
        return 0;
    if (!length || length > WATCHING_MESSAGE_MAX)
        return -EPROTO;
    if (evbuffer_get_length(in) < sizeof length + length)
        return 0;
    evbuffer_drain(in, sizeof length);
    str_clear(text);
    str_append_n(text, evbuffer_pullup(in, (ev_ssize_t)length), (size_t)length);
    evbuffer_drain(in, (size_t)length);
    *reader = (struct wire_reader){.at = text->data, .left = text->length, .arena = arena};
    return 1;
}
