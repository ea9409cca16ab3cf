/* The event stream: the first byte says where it is cut in two; what follows is fed in these pieces, as one line after
 * the other and as it comes. Cut or whole, the same events are read. */
#include <string.h>

#include "common/map.h"
#include "probes/docker/docker_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(const struct json *value, void *user)
{
    struct docker_event event;

    if (parse_event_value(value, &event, NULL) < 0)
        return;
    if (!event.type || !event.action || strlen(event.action) < event.action_length)
        __builtin_trap();
    hash_bytes(user, &event.digest, sizeof event.digest);
    if (event.command)
        docker_exec_text(event.command, strlen(event.command));
}

static uint64_t read_stream(const char *text, size_t length, size_t cut, bool lines)
{
    static const uint64_t key[2] = {1, 2};
    const struct json_limits limits = {.bytes = 1 << 16, .depth = 16, .values = 1000, .lines = lines};
    struct json_stream *stream;
    struct hash hash;

    hash_init_key(&hash, key);
    stream = json_stream_new(&limits, NULL, on_event, &hash);
    json_stream_feed(stream, text, cut, NULL);
    json_stream_feed(stream, text + cut, length - cut, NULL);
    json_stream_free(stream);
    return hash_end(&hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    size_t length = size - 1;

    if (!size)
        return 0;
    for (int lines = 0; lines < 2; lines++)
        if (read_stream(text, length, length * data[0] / 255, lines) != read_stream(text, length, length, lines))
            __builtin_trap();
    return 0;
}
