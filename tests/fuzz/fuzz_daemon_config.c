/* Fuzzing dockerd's command line and daemon.json: arguments as in /proc/PID/cmdline, each ended by NUL, up to an empty
 * one or the end; what follows is the configuration file. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "probes/daemon/daemon_config.h"

enum { ARGUMENTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *arguments[ARGUMENTS_MAX];
    scoped(cleanup_free) char *text = mem_alloc(size + 1);
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;
    size_t count = 0, at = 0;
    bool has_config = false;

    if (size)
        memcpy(text, data, size);
    while (at < size && count < ARGUMENTS_MAX && !has_config) {
        size_t length = strlen(text + at);

        has_config = !length;
        if (length)
            arguments[count++] = text + at;
        at += length + 1;
    }
    if (at > size)
        at = size;
    if (daemon_config_parse(arguments, count, has_config ? text + at : NULL, size - at, &facts, &error) == 0) {
        if (facts->arguments.count != count)
            __builtin_trap();
        for (size_t i = 0; i < facts->option_count; i++)
            if (!facts->options[i].name || !facts->options[i].value ||
                !daemon_option(facts, facts->options[i].name, NULL))
                __builtin_trap();
        facts_free(&facts->facts);
    }
    return 0;
}
