/* Sets of files: each source that some rule reads has watches on the paths that could change it. */
#include <string.h>

#include "agent/fetch/fetch_internal.h"

static struct fileset_context context_of(const struct fetcher *fetcher)
{
    const struct store *store = evaluator_store(fetcher->evaluator);

    return (struct fileset_context){.daemon = store_daemon(store, NULL),
                                    .info = store_info(store, NULL),
                                    .engine_socket = fetch_engine_socket(fetcher)};
}

static void on_path_changed(const char *path, void *user)
{
    struct source *source = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    evaluator_stale(source->fetcher->evaluator, INPUT_FILES, source->name, cause.data);
}

static void add_source_watch(const char *path, bool tree, void *user)
{
    struct source *source = user;

    vec_push(&source->watches,
             watch_add(source->fetcher->watcher, path, tree ? WATCH_TREE : WATCH_PATH, on_path_changed, source));
}

static void drop_watches(struct source *source)
{
    for (size_t i = 0; i < source->watches.count; i++)
        watch_free(source->watches.items[i]);
    source->watches.count = 0;
}

/* Which paths a source means depends on dockerd's options: called again when those change. */
void fetch_watch_source(struct source *source)
{
    struct fetcher *fetcher = source->fetcher;
    const struct fileset_context context = context_of(fetcher);

    drop_watches(source);
    fileset_watch_paths(fetcher->root, source->name, &context, add_source_watch, source);
}

static void add_source(struct fetcher *fetcher, const char *name)
{
    struct source *source;

    for (size_t i = 0; i < fetcher->sources.count; i++)
        if (str_equal(fetcher->sources.items[i]->name, name))
            return;
    source = mem_alloc(sizeof *source);
    source->fetcher = fetcher;
    source->name = mem_strdup(name);
    vec_push(&fetcher->sources, source);
}

void fetch_collect_sources(struct fetcher *fetcher)
{
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);

    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];

        if (!rule->enabled || !(rule->check->reads & INPUT_BIT(INPUT_FILES)))
            continue;
        add_source(fetcher, rule_file_source(rule));
    }
}

void fetch_files(struct fetcher *fetcher, const char *name)
{
    struct fileset_facts *facts = NULL;
    struct error error = ERROR_INIT;
    const struct fileset_context context = context_of(fetcher);
    int r;

    if (fetch_refuse_remote(fetcher, INPUT_FILES, name))
        return;
    r = fileset_read(fetcher->root, name, &context, &facts, &error);
    fetch_deliver(fetcher, INPUT_FILES, name, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetch_refresh_sources(struct fetcher *fetcher, bool (*needs)(const char *source), const char *cause)
{
    for (size_t i = 0; i < fetcher->sources.count; i++)
        if (needs(fetcher->sources.items[i]->name)) {
            fetch_watch_source(fetcher->sources.items[i]);
            evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, cause);
        }
}

void fetch_free_sources(struct fetcher *fetcher)
{
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        drop_watches(fetcher->sources.items[i]);
        vec_free(&fetcher->sources.items[i]->watches);
        free(fetcher->sources.items[i]->name);
        free(fetcher->sources.items[i]);
    }
    vec_free(&fetcher->sources);
}
