/* Rights are given up here, before anybody is listened to; the rest is the broker's. */
#include "agent/helper/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "agent/helper/filter.h"
#include "common/capability.h"
#include "common/memory.h"

/* Where it is not there yet, whoever may make it. */
static bool is_another_users(const char *path)
{
    scoped(cleanup_free) char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    struct stat st;

    return (stat(path, &st) < 0 && stat(folder, &st) < 0) || st.st_uid != geteuid();
}

static uint64_t needed_capabilities(const struct docker_address *address)
{
    if (address->unix_path)
        return is_another_users(address->unix_path) ? CAPABILITY(CAP_DAC_OVERRIDE) : 0;
    return address->key && address->key[0] == '/' && is_another_users(address->key) ? CAPABILITY(CAP_DAC_READ_SEARCH)
                                                                                    : 0;
}

int engine_serve(const struct broker_service *service, void (*ready)(void), struct error *error)
{
    int r = capability_keep(needed_capabilities(service->address));

    if (r < 0)
        return error_system(error, -r, "giving up capabilities");
    prctl(PR_SET_NAME, "engine-broker");
    r = filter_load(ROLE_ENGINE, error);
    if (r < 0)
        return r;
    ready();
    return broker_serve(service, error);
}
