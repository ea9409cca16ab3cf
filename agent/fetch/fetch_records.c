/* Containers that do not run: what the engine changes about them and tells nobody, by watching what it writes. Where
 * that cannot be watched (podman, an engine elsewhere, inotify's limit), they are read again at every sweep. */
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker.h"

/* The directory with the container's record as the host names it, for the caller to free. NULL: not known, or not here.
 */
static char *record_path(const struct fetcher *fetcher, const char *id)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);

    if (!info || str_empty(info->data_root) || !*id || strspn(id, "0123456789abcdef") != strlen(id) ||
        docker_is_podman(fetcher->docker) || docker_is_remote(fetcher->docker))
        return NULL;
    return mem_printf("%s/containers/%s", info->data_root, id);
}

void fetch_on_record(const char *id, void *user)
{
    struct fetcher *fetcher = user;
    const struct container_facts *container = store_container(evaluator_store(fetcher->evaluator), id, NULL);
    scoped(cleanup_free) char *path = record_path(fetcher, id), *cause = NULL;

    if (!path || !container || container->running)
        return;
    cause = mem_printf("inotify:%s/config.v2.json", path);
    evaluator_stale(fetcher->evaluator, INPUT_CONTAINER, id, cause);
}

/* Where records are known to be is the engine's data root. */
static void begin_record(struct fetcher *fetcher, const char *id, bool find)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    scoped(cleanup_free) char *path = record_path(fetcher, id);

    if (path)
        watching_begin_record(fetcher->watching, id, info->data_root, find);
}

void fetch_begin_record(struct fetcher *fetcher, const char *id)
{
    begin_record(fetcher, id, false);
}

void fetch_end_record(struct fetcher *fetcher, const struct container_facts *container)
{
    if (container->running)
        watching_end_record(fetcher->watching, container->id);
}

static bool exists(const char *id, void *user)
{
    const struct fetcher *fetcher = user;

    return store_container(evaluator_store(fetcher->evaluator), id, NULL) ||
           evaluator_is_fetching(fetcher->evaluator, INPUT_CONTAINER, id);
}

/* Containers that do not run and are not watched: they are now, where that can be. CAUSE: and read; NULL: only those
 * whose records may be newer than their reading. */
static void watch_unwatched(struct fetcher *fetcher, const char *cause)
{
    const struct facts *facts;
    VEC(char *) unwatched = {0};
    size_t at = 0;
    const char *id;

    while (store_next(evaluator_store(fetcher->evaluator), INPUT_CONTAINER, &at, &id, &facts))
        if (!((const struct container_facts *)facts)->running && !watching_has_record(fetcher->watching, id))
            vec_push(&unwatched, mem_strdup(id));
    for (size_t i = 0; i < unwatched.count; i++) {
        begin_record(fetcher, unwatched.items[i], !cause);
        if (cause)
            evaluator_stale(fetcher->evaluator, INPUT_CONTAINER, unwatched.items[i], cause);
        free(unwatched.items[i]);
    }
    vec_free(&unwatched);
}

void fetch_find_records(struct fetcher *fetcher)
{
    watch_unwatched(fetcher, NULL);
}

void fetcher_sweep_containers(struct fetcher *fetcher, const char *cause)
{
    watching_keep_records(fetcher->watching, exists, fetcher);
    watch_unwatched(fetcher, cause);
}
