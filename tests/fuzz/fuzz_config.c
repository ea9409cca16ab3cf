/* Any bytes as a configuration. */
#include "agent/config/config.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct error error = ERROR_INIT;

    if (config_parse((const char *)data, size, "fuzz", &config, &error) == 0)
        config_free(config);
    return 0;
}
