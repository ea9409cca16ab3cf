/* What the role network is told of the configuration. */
#include "agent/config/config_internal.h"

#include "common/json_out.h"
#include "common/str.h"

void config_addresses(const struct config *config, struct str *ret)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_array(out, "sinks");
    for (size_t i = 0; i < config->sink_count; i++) {
        const struct sink_config *sink = &config->sinks[i];

        if (!sink_kinds[sink->kind].scheme)
            continue;
        json_out_object(out, NULL);
        json_out_string(out, "type", sink_kinds[sink->kind].type);
        json_out_string(out, "address", sink->address);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    if (!str_empty(config->metrics_listen)) {
        json_out_object(out, "metrics");
        json_out_string(out, "listen", config->metrics_listen);
        json_out_end_object(out);
    }
    json_out_end_object(out);
    json_out_drain(out, ret);
}
