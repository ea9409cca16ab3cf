/* Containers that do not run: what the engine changes about them and tells nobody, by watching what it writes. Where
 * that cannot be watched (podman, an engine elsewhere, inotify's limit), they are read again at every sweep. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/fetch/fetch_internal.h"
#include "common/log.h"
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

/* The same as this process reaches it. */
static char *record_folder(const struct fetcher *fetcher, const char *id)
{
    scoped(cleanup_free) char *path = record_path(fetcher, id);

    return path ? host_outside_path(fetcher->outside ? fetcher->outside : fetcher->root, path) : NULL;
}

static void on_record(const char *id, void *user)
{
    struct fetcher *fetcher = user;
    const struct container_facts *container = store_container(evaluator_store(fetcher->evaluator), id, NULL);
    scoped(cleanup_free) char *path = record_path(fetcher, id), *cause = NULL;

    if (!path || !container || container->running)
        return;
    cause = mem_printf("inotify:%s/config.v2.json", path);
    evaluator_stale(fetcher->evaluator, INPUT_CONTAINER, id, cause);
}

void fetch_start_records(struct fetcher *fetcher)
{
    struct error error = ERROR_INIT;

    fetcher->records = record_watch_new(fetcher->base, on_record, fetcher, &error);
    if (!fetcher->records)
        log_warning("stopped containers are only read again at every sweep: %s", error.text);
}

void fetch_begin_record(struct fetcher *fetcher, const char *id)
{
    scoped(cleanup_free) char *folder = record_folder(fetcher, id);

    if (folder && fetcher->records)
        record_watch_begin(fetcher->records, id, folder);
}

void fetch_end_record(struct fetcher *fetcher, const struct container_facts *container)
{
    if (container->running && fetcher->records)
        record_watch_end(fetcher->records, container->id);
}

static bool is_watched(const struct fetcher *fetcher, const char *id)
{
    return fetcher->records && record_watch_has(fetcher->records, id);
}

/* Written so lately that the container may have been read before. */
static bool is_fresh(const char *folder)
{
    enum { LATELY_S = 60 };
    scoped(cleanup_free) char *path = mem_printf("%s/config.v2.json", folder);
    struct stat st;

    return stat(path, &st) == 0 && st.st_mtim.tv_sec + LATELY_S > time(NULL);
}

/* Those that were read before it was known where the records lie. True: it must be read again. */
static bool find_record(struct fetcher *fetcher, const char *id)
{
    scoped(cleanup_free) char *folder = record_folder(fetcher, id);

    if (!folder || !fetcher->records)
        return false;
    record_watch_begin(fetcher->records, id, folder);
    return is_fresh(folder);
}

/* Containers that do not run and are not watched: they are now, where that can be, and read. ONLY_FRESH: but for those
 * whose records are older than any reading. */
static void read_unwatched(struct fetcher *fetcher, bool only_fresh, const char *cause)
{
    const struct facts *facts;
    VEC(char *) unwatched = {0};
    size_t at = 0;
    const char *id;

    while (store_next(evaluator_store(fetcher->evaluator), INPUT_CONTAINER, &at, &id, &facts))
        if (!((const struct container_facts *)facts)->running && !is_watched(fetcher, id))
            vec_push(&unwatched, mem_strdup(id));
    for (size_t i = 0; i < unwatched.count; i++) {
        bool fresh = find_record(fetcher, unwatched.items[i]);

        if (fresh || !only_fresh)
            evaluator_stale(fetcher->evaluator, INPUT_CONTAINER, unwatched.items[i], cause);
        free(unwatched.items[i]);
    }
    vec_free(&unwatched);
}

void fetch_find_records(struct fetcher *fetcher)
{
    read_unwatched(fetcher, true, "info");
}

void fetcher_sweep_containers(struct fetcher *fetcher, const char *cause)
{
    read_unwatched(fetcher, false, cause);
}
