/* A configuration of defaults, and its end. */
#include "agent/config/config_internal.h"

#include <unistd.h>

#include "common/str.h"

const char config_default_rules_dir[] = "/etc/docker-bench-agent/rules.d";

void config_free(struct config *config)
{
    if (!config)
        return;
    json_doc_free(config->document);
    arena_free(config->arena);
    free(config);
}

/* A program that runs from the build tree uses the source tree's rules. */
static const char *default_data_dir(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        return DATA_DIR;
    path[n] = '\0';
    return str_starts(path, BUILD_DIR "/") ? SOURCE_DATA_DIR : DATA_DIR;
}

struct config *config_new(void)
{
    struct config *config = mem_alloc(sizeof *config);

    config->arena = arena_new(1024);
    config->benchmark = "dosec-1.0";
    config->socket_path = "/run/docker-bench-agent/agent.sock";
    config->socket_mode = 0660;
    config->state_dir = "/var/lib/docker-bench-agent";
    config->data_dir = default_data_dir();
    config->rules_dir = config_default_rules_dir;
    config->host_root = "/";
    config->sinks = arena_alloc(config->arena, sizeof *config->sinks);
    config->sinks[0] = sink_config_default(SINK_JOURNALD);
    config->sink_count = 1;
    config->sweep_seconds = 3600;
    config->scanner_seconds = 600;
    config->process_seconds = 60;
    config->history_days = 90;
    config->history_bytes = UINT64_C(256) * 1024 * 1024;
    config->heartbeat_seconds = 60;
    return config;
}
