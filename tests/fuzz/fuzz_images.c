/* The first byte chooses what the rest is: a document on an image, its history, networks, services, an exec, a swarm's
 * unlock key, the options of a local volume. */
#include "probes/docker/docker_parse.h"
#include "probes/docker/volume.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(1)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(letter, name, type)                                                                                        \
    case letter: {                                                                                                     \
        struct type *facts = NULL;                                                                                     \
        struct error error = ERROR_INIT;                                                                               \
                                                                                                                       \
        if (parse_##name(text, length, &facts, &error) == 0)                                                           \
            facts_free(&facts->facts);                                                                                 \
        else if (!error.number || !*error.text)                                                                        \
            __builtin_trap();                                                                                          \
        break;                                                                                                         \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    size_t length = size - 1;

    switch (size ? data[0] : '\0') {
        TRY('i', image, image_facts)
        TRY('l', image_list, image_list_facts)
        TRY('h', history, history_facts)
        TRY('n', network_list, network_list_facts)
        TRY('s', service_list, service_list_facts)
        TRY('p', secret_list, secret_list_facts)
        TRY('e', exec, exec_facts)
        TRY('m', volume, volume_facts)
        TRY('u', unlock_key, unlock_key_facts)
    case 'v': {
        struct arena *arena = arena_new(64);
        struct volume_source source;

        volume_parse_options(text, length, arena, &source, NULL);
        arena_free(arena);
        break;
    }
    default:
        break;
    }
    return 0;
}
