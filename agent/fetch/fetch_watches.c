/* Reading after watching: the process that watches answers later, so what is to be read waits for it. */
#include "agent/fetch/fetch_internal.h"

void fetch_init_watches(struct fetcher *fetcher, watching_record *record)
{
    fetcher->watching = watching_new(&(struct watching_options){.base = fetcher->base,
                                                                .helper = fetcher->helpers[ROLE_FILES],
                                                                .task = FILES_WATCH,
                                                                .record = record,
                                                                .user = fetcher});
}

static void deferred_free(struct deferred *deferred)
{
    free(deferred->key);
    free(deferred);
}

void fetch_free_watches(struct fetcher *fetcher)
{
    for (size_t i = 0; i < fetcher->deferred.count; i++)
        deferred_free(fetcher->deferred.items[i]);
    vec_free(&fetcher->deferred);
    watching_free(fetcher->watching);
}

static void on_watched(void *user)
{
    struct deferred *deferred = user;
    struct fetcher *fetcher = deferred->fetcher;

    for (size_t i = 0; i < fetcher->deferred.count; i++)
        if (fetcher->deferred.items[i] == deferred) {
            vec_remove(&fetcher->deferred, i);
            break;
        }
    deferred->read(fetcher, deferred->kind, deferred->key);
    deferred_free(deferred);
}

void fetch_when_watched(struct fetcher *fetcher, void (*read)(struct fetcher *, enum input_kind, const char *),
                        enum input_kind kind, const char *key)
{
    struct deferred *deferred;

    if (watching_is_settled(fetcher->watching)) {
        read(fetcher, kind, key);
        return;
    }
    deferred = mem_alloc(sizeof *deferred);
    *deferred = (struct deferred){.fetcher = fetcher, .read = read, .kind = kind, .key = mem_strdup(key)};
    vec_push(&fetcher->deferred, deferred);
    watching_after(fetcher->watching, on_watched, deferred);
}
