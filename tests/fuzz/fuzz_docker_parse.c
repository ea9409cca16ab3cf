/* Any bytes as every document of the engine and as its event stream: no crash, no leak, bounded. */
#include "probes/docker/docker_parse.h"
#include "probes/docker/volume.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(const struct json *value, void *user)
{
    struct docker_event event;

    (void)user;
    parse_event_value(value, &event, NULL);
}

static void read_volume(const char *text, size_t length)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct volume_source source;

    volume_parse_options(text, length, arena, &source, NULL);
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
    TRY(history, history_facts);
    TRY(network_list, network_list_facts);
    TRY(service_list, service_list_facts);
    TRY(task_list, task_list_facts);
    TRY(secret_list, secret_list_facts);
    TRY(volume, volume_facts);
    TRY(unlock_key, unlock_key_facts);
    read_volume((const char *)data, size);
    json_stream_feed(stream, (const char *)data, size / 2, NULL);
    json_stream_feed(stream, (const char *)data + size / 2, size - size / 2, NULL);
    json_stream_free(stream);
    return 0;
}
