/* Any bytes as every document of the engine and as its event stream: no crash, no leak, bounded. */
#include "probes/docker/docker_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(const struct json *value, void *user)
{
    struct docker_event event;

    (void)user;
    parse_event_value(value, &event, NULL);
}

#define TRY(name, type)                                                                                                \
    do {                                                                                                               \
        struct type *facts = NULL;                                                                                     \
        struct error error = ERROR_INIT;                                                                               \
                                                                                                                       \
        if (parse_##name((const char *)data, size, &facts, &error) == 0)                                               \
            facts_free(&facts->facts);                                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_stream *stream = json_stream_new(NULL, NULL, on_event, NULL);

    TRY(version, version_facts);
    TRY(info, info_facts);
    TRY(container_list, container_list_facts);
    TRY(container, container_facts);
    TRY(image_list, image_list_facts);
    TRY(image, image_facts);
    TRY(exec, exec_facts);
    json_stream_feed(stream, (const char *)data, size / 2, NULL);
    json_stream_feed(stream, (const char *)data + size / 2, size - size / 2, NULL);
    json_stream_free(stream);
    return 0;
}
