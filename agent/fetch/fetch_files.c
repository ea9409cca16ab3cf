/* Sets of files: each source that some rule reads has watches on the paths that could change it, and all that are to be
 * read at one time are read in one worker. */
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/facts/digest.h"

static struct fileset_context context_of(const struct fetcher *fetcher)
{
    const struct store *store = evaluator_store(fetcher->evaluator);

    return (struct fileset_context){.daemon = store_daemon(store, NULL),
                                    .info = store_info(store, NULL),
                                    .units = store_units(store, NULL),
                                    .engine_socket = fetch_engine_socket(fetcher)};
}

/* ---- Watches ---- */

static void on_path_changed(const char *path, void *user)
{
    struct source *source = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    if (str_starts(source->name, "unit:"))
        evaluator_stale(source->fetcher->evaluator, INPUT_UNITS, NULL, cause.data);
    evaluator_stale(source->fetcher->evaluator, INPUT_FILES, source->name, cause.data);
}

static void add_source_watch(const char *path, bool tree, void *user)
{
    struct source *source = user;

    vec_push(&source->watches,
             watching_add(source->fetcher->watching, path, tree ? WATCH_TREE : WATCH_PATH, on_path_changed, source));
}

static void drop_watches(struct watch_list *watches)
{
    for (size_t i = 0; i < watches->count; i++)
        watched_free(watches->items[i]);
    vec_free(watches);
}

/* Which paths a source means depends on what it is read against: they are found anew when that has changed. A path is
 * watched before it is read, so that nothing falls between. */
static void watch_source(struct source *source)
{
    struct fetcher *fetcher = source->fetcher;
    const struct fileset_context context = context_of(fetcher);
    unsigned built_on = input_built_on(INPUT_FILES, source->name);
    struct hash hash;
    uint64_t digest;

    hash_init(&hash);
    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        const struct facts *facts = built_on & INPUT_BIT(kind) ? store_get(evaluator_store(fetcher->evaluator),
                                                                           (enum input_kind)kind, NULL, NULL)
                                                               : NULL;

        digest_number(&hash, facts ? (int64_t)facts->digest : 0);
    }
    digest = hash_end(&hash);
    if (source->watched && source->watched_for == digest)
        return;
    drop_watches(&source->watches);
    source->watched = true;
    source->watched_for = digest;
    fileset_watch_paths(fetcher->root, source->name, &context, add_source_watch, source);
}

static uint64_t links_digest(const struct fileset_facts *set)
{
    struct hash hash;

    hash_init(&hash);
    for (size_t i = 0; i < set->link_count; i++) {
        digest_text(&hash, set->links[i].path);
        digest_number(&hash, set->links[i].directory);
    }
    return hash_end(&hash);
}

/* Links in a tree lead to what its own watch does not see. True: some were not watched while the tree was read. */
static bool watch_links(struct source *source, const struct fileset_facts *set)
{
    uint64_t digest = links_digest(set);

    if (!set->link_count && !source->links.count)
        return false;
    if (source->links.count && source->links_for == digest)
        return false;
    drop_watches(&source->links);
    source->links_for = digest;
    for (size_t i = 0; i < set->link_count; i++)
        vec_push(&source->links,
                 watching_add(source->fetcher->watching, set->links[i].path,
                              set->links[i].directory ? WATCH_TREE : WATCH_PATH, on_path_changed, source));
    return set->link_count > 0;
}

/* ---- Reading ---- */

static struct worker *start_reading(void *owner, const struct string_list *sources, void *const *items,
                                    worker_done *done, void *user, struct error *error)
{
    struct fetcher *fetcher = owner;
    const struct fileset_context context = context_of(fetcher);
    scoped_str message = STR_INIT;

    (void)items;
    roles_ask_sets(&message, &context, sources);
    return fetch_ask(fetcher, ROLE_FILES, FILES_SETS, &message, done, user, error);
}

/* A set that cannot be read since what it is built on could not: that is the reason. */
static int name_cause(const struct fetcher *fetcher, const char *name, int r, struct error *error)
{
    const struct store *store = evaluator_store(fetcher->evaluator);
    const char *why;

    if (fileset_needs_daemon(name) && !store_daemon(store, &why) && store_is_failed(store, INPUT_DAEMON, NULL))
        return error_set(error, -r, "dockerd's options: %s", why);
    return r;
}

static void take_files(void *owner, const char *name, void *item, struct wire_reader *reader, int number,
                       const char *why)
{
    struct source *source = item;
    struct fileset_facts *set = NULL;
    struct error error = ERROR_INIT;
    int r = reader ? fileset_take(reader, &set, &error) : error_set(&error, number, "%s", why);
    bool missed = set && watch_links(source, set);

    if (r < 0)
        r = name_cause(owner, name, r, &error);
    if (r == 0 && strcmp(name, FETCH_SOCKETS) == 0)
        fetch_groups_of_sockets(owner, set);
    fetch_deliver(owner, INPUT_FILES, name, r, r < 0 ? NULL : &set->facts, &error);
    if (missed)
        evaluator_stale(source->fetcher->evaluator, INPUT_FILES, name, "links");
}

static bool is_silent(void *owner)
{
    return fetch_is_silent(owner, ROLE_FILES);
}

static const struct batch_type reading = {
    .what = "file system", .start = start_reading, .is_silent = is_silent, .answer = take_files};

static struct source *find_source(const struct fetcher *fetcher, const char *name)
{
    for (size_t i = 0; i < fetcher->sources.count; i++)
        if (str_equal(fetcher->sources.items[i]->name, name))
            return fetcher->sources.items[i];
    return NULL;
}

static struct source *ensure_source(struct fetcher *fetcher, const char *name)
{
    struct source *source = find_source(fetcher, name);

    if (!source) {
        source = mem_alloc(sizeof *source);
        source->fetcher = fetcher;
        source->name = mem_strdup(name);
        vec_push(&fetcher->sources, source);
    }
    return source;
}

static void read_source(struct fetcher *fetcher, enum input_kind kind, const char *name)
{
    (void)kind;
    batch_add(fetcher->file_batch, name, ensure_source(fetcher, name));
}

void fetch_files(struct fetcher *fetcher, const char *name)
{
    if (fetch_refuse_remote(fetcher, INPUT_FILES, name))
        return;
    watch_source(ensure_source(fetcher, name));
    fetch_when_watched(fetcher, read_source, INPUT_FILES, name);
}

void fetch_collect_sources(struct fetcher *fetcher)
{
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);

    if (!fetcher->file_batch)
        fetcher->file_batch = batch_new(fetcher->base, &reading, fetcher);
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].enabled && (rules->rules[i].check->reads & INPUT_BIT(INPUT_FILES)))
            ensure_source(fetcher, rule_file_source(&rules->rules[i]));
}

void fetch_free_sources(struct fetcher *fetcher)
{
    batch_free(fetcher->file_batch);
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        drop_watches(&fetcher->sources.items[i]->watches);
        drop_watches(&fetcher->sources.items[i]->links);
        free(fetcher->sources.items[i]->name);
        free(fetcher->sources.items[i]);
    }
    vec_free(&fetcher->sources);
}
