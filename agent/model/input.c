/* The table of inputs. Their order is that in which a full scan asks for them. */
#include "agent/model/input.h"

#include "probes/fileset/fileset.h"

const struct input_type input_types[INPUT_KIND_COUNT] = {
    [INPUT_VERSION] = {.name = "version", .from_engine = true},
    [INPUT_INFO] = {.name = "info", .from_engine = true, .swept = true},
    [INPUT_UNITS] = {.name = "units", .swept = true},
    [INPUT_DAEMON] = {.name = "daemon", .of_peer = true, .swept = true, .built_on = INPUT_BIT(INPUT_UNITS)},
    [INPUT_LSM] = {.name = "lsm", .swept = true},
    /* Mounts away from the data roots that these two name are not even looked at when they change. */
    [INPUT_MOUNTS] = {.name = "mounts", .swept = true, .built_on = INPUT_BIT(INPUT_INFO) | INPUT_BIT(INPUT_DAEMON)},
    [INPUT_GROUP] = {.name = "group", .swept = true, .built_on = INPUT_BIT(INPUT_DAEMON)},
    [INPUT_AUDIT] = {.name = "audit", .swept = true},
    [INPUT_ENVIRONMENT] = {.name = "environment", .swept = true, .built_on = INPUT_BIT(INPUT_DAEMON)},
    [INPUT_LISTENERS] = {.name = "listeners", .swept = true, .built_on = INPUT_BIT(INPUT_DAEMON)},
    [INPUT_CERTIFICATES] = {.name = "certificates", .swept = true, .built_on = INPUT_BIT(INPUT_INFO)},
    [INPUT_CONTAINERS] = {.name = "containers", .from_engine = true},
    [INPUT_IMAGES] = {.name = "images", .from_engine = true},
    [INPUT_NETWORKS] = {.name = "networks", .from_engine = true},
    [INPUT_SERVICES] = {.name = "services", .from_engine = true, .built_on = INPUT_BIT(INPUT_INFO)},
    [INPUT_TASKS] = {.name = "tasks", .from_engine = true, .swept = true, .built_on = INPUT_BIT(INPUT_INFO)},
    [INPUT_SECRETS] = {.name = "secrets", .from_engine = true, .built_on = INPUT_BIT(INPUT_INFO)},
    [INPUT_UNLOCK_KEY] = {.name = "unlock_key", .from_engine = true, .swept = true, .built_on = INPUT_BIT(INPUT_INFO)},
    [INPUT_FILES] = {.name = "files",
                     .key = INPUT_KEY_SOURCE,
                     .swept = true,
                     .built_on = INPUT_BIT(INPUT_INFO) | INPUT_BIT(INPUT_UNITS) | INPUT_BIT(INPUT_DAEMON)},
    [INPUT_CONTAINER] = {.name = "container", .key = INPUT_KEY_CONTAINER, .from_engine = true},
    [INPUT_PROCESSES] = {.name = "processes", .key = INPUT_KEY_CONTAINER},
    [INPUT_IMAGE] = {.name = "image", .key = INPUT_KEY_IMAGE, .from_engine = true},
    /* What an image was made by and of stays as it is, and a scanner's report is of its day until the image goes. An
     * exec's record the engine forgets: ours is the better one. */
    [INPUT_HISTORY] = {.name = "history", .key = INPUT_KEY_IMAGE, .from_engine = true, .final = true},
    [INPUT_LAYERS] = {.name = "layers", .key = INPUT_KEY_IMAGE, .from_engine = true, .background = true, .final = true},
    [INPUT_SCAN] = {.name = "scan", .key = INPUT_KEY_IMAGE, .from_engine = true, .background = true, .final = true},
    [INPUT_EXEC] = {.name = "exec", .key = INPUT_KEY_EXEC, .from_engine = true, .final = true},
};

unsigned input_built_on(enum input_kind kind, const char *key)
{
    unsigned built_on = input_types[kind].built_on;

    if (kind != INPUT_FILES)
        return built_on;
    return built_on & ((fileset_needs_info(key) ? INPUT_BIT(INPUT_INFO) : 0) |
                       (fileset_needs_units(key) ? INPUT_BIT(INPUT_UNITS) : 0) |
                       (fileset_needs_daemon(key) ? INPUT_BIT(INPUT_DAEMON) : 0));
}
