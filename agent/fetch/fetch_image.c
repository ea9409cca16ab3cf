/* An image's own files, and a scanner's report on it: long work, one at a time of each kind, in workers. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/images/layers.h"
#include "probes/images/scanner.h"

/* Images that wait, each once, and the current one. */
struct job_queue {
    struct fetcher *fetcher;
    enum input_kind kind;
    VEC(char *) waiting;
    char *current;         /* NULL: none */
    struct worker *worker; /* that of CURRENT */
    struct event *next;    /* the next one begins from the loop, not from inside a request */
};

struct image_jobs {
    struct job_queue layers, scans;
};

static void deliver(struct job_queue *queue, int r, struct facts *facts, const struct error *error)
{
    scoped(cleanup_free) char *image = take(queue->current);

    queue->worker = NULL;
    event_active(queue->next, EV_TIMEOUT, 0);
    fetch_deliver(queue->fetcher, queue->kind, image, r, facts, error);
}

/* An ENOENT or ENOTCONN of a worker does not mean that the image or the engine is gone, as it would to the evaluator.
 */
static int error_of_worker(int number, const char *why, struct error *error)
{
    return error_set(error, number == ENOENT || number == ENOTCONN ? EIO : number, "%s", why);
}

static void on_layers(const char *output, size_t length, int number, const char *why, void *user)
{
    struct layer_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r;

    r = number ? error_of_worker(number, why, &error) : layers_parse(output, length, &facts, &error);
    deliver(user, r, r < 0 ? NULL : &facts->facts, &error);
}

static void on_scan(const char *output, size_t length, int number, const char *why, void *user)
{
    struct job_queue *queue = user;
    struct scan_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r;

    r = number ? error_of_worker(number, why, &error) : scanner_parse(output, length, &facts, &error);
    if (facts)
        facts->threshold = arena_strdup(facts->facts.arena, queue->fetcher->config->scanner_threshold);
    deliver(queue, r, r < 0 ? NULL : &facts->facts, &error);
}

static struct worker *start_layers(struct job_queue *queue, const struct image_facts *image, struct error *error)
{
    static const struct string_list none;
    struct fetcher *fetcher = queue->fetcher;
    bool is_overlay = str_equal(image->graph_driver, "overlay2") || str_equal(image->graph_driver, "overlay");
    bool folders =
        is_overlay && !docker_is_remote(fetcher->docker) && image->layer_directories.count == image->layers.count;
    const struct layers_query query = {.api_minor = docker_api_minor(fetcher->docker),
                                       .image_id = image->id,
                                       .layers = &image->layers,
                                       .directories =
                                           folders || !image->layers.count ? &image->layer_directories : &none,
                                       .broker = docker_address(fetcher->docker)->broker};
    scoped_str message = STR_INIT;

    roles_ask_layers(&message, &query);
    return fetch_ask(fetcher, ROLE_LAYERS, LAYERS_READ, &message, on_layers, queue, error);
}

static struct worker *start_scan(struct job_queue *queue, const struct image_facts *image, struct error *error)
{
    struct fetcher *fetcher = queue->fetcher;
    scoped_str message = STR_INIT;

    roles_ask_scan(&message, image->tags.count ? image->tags.items[0] : image->id);
    return fetch_ask_within(fetcher, ROLE_SCANNER, SCANNER_RUN, &message, fetcher->config->scanner_seconds * 1000,
                            on_scan, queue, error);
}

/* Drops the images that were removed while they waited. */
static void forget_removed(struct job_queue *queue)
{
    for (size_t i = queue->waiting.count; i-- > 0;) {
        char *image = queue->waiting.items[i];

        if (evaluator_is_fetching(queue->fetcher->evaluator, queue->kind, image))
            continue;
        vec_remove(&queue->waiting, i);
        free(image);
    }
}

/* The first whose own document has arrived. */
static const struct image_facts *take_next(struct job_queue *queue)
{
    const struct store *store = evaluator_store(queue->fetcher->evaluator);

    for (size_t i = 0; i < queue->waiting.count; i++) {
        const struct image_facts *image = store_image(store, queue->waiting.items[i], NULL);

        if (!image)
            continue;
        queue->current = queue->waiting.items[i];
        vec_remove(&queue->waiting, i);
        return image;
    }
    return NULL;
}

static void on_next(evutil_socket_t fd, short what, void *user)
{
    struct job_queue *queue = user;
    const struct image_facts *image;
    struct error error = ERROR_INIT;

    (void)fd;
    (void)what;
    forget_removed(queue);
    image = queue->worker ? NULL : take_next(queue);
    if (!image)
        return;
    queue->worker = queue->kind == INPUT_LAYERS ? start_layers(queue, image, &error) : start_scan(queue, image, &error);
    if (!queue->worker)
        deliver(queue, -error.number, NULL, &error);
}

static void image_came(struct job_queue *queue, const char *id, bool failed, const char *why)
{
    struct error error = ERROR_INIT;

    if (!failed)
        event_active(queue->next, EV_TIMEOUT, 0);
    for (size_t i = 0; failed && i < queue->waiting.count; i++)
        if (strcmp(queue->waiting.items[i], id) == 0) {
            scoped(cleanup_free) char *image = queue->waiting.items[i];

            vec_remove(&queue->waiting, i);
            error_set(&error, EIO, "%s", why ? why : M_("the image's document is unknown"));
            fetch_deliver(queue->fetcher, queue->kind, image, -EIO, NULL, &error);
            return;
        }
}

void fetch_image_came(struct fetcher *fetcher, const char *id, bool failed, const char *why)
{
    if (!fetcher->image_jobs)
        return;
    image_came(&fetcher->image_jobs->layers, id, failed, why);
    image_came(&fetcher->image_jobs->scans, id, failed, why);
}

static void init_queue(struct job_queue *queue, struct fetcher *fetcher, enum input_kind kind)
{
    queue->fetcher = fetcher;
    queue->kind = kind;
    queue->next = event_new(fetcher->base, -1, 0, on_next, queue);
}

static struct image_jobs *jobs_of(struct fetcher *fetcher)
{
    if (!fetcher->image_jobs) {
        fetcher->image_jobs = mem_alloc(sizeof *fetcher->image_jobs);
        init_queue(&fetcher->image_jobs->layers, fetcher, INPUT_LAYERS);
        init_queue(&fetcher->image_jobs->scans, fetcher, INPUT_SCAN);
        if (fetcher->layers_cache)
            mkdir(fetcher->layers_cache, 0700); /* if that fails, each layer is read again */
    }
    return fetcher->image_jobs;
}

/* An image that waits already, or is the current one, was removed and pulled again: its layers are the same. */
static void enqueue(struct job_queue *queue, const char *id)
{
    if (str_equal(queue->current, id))
        return;
    for (size_t i = 0; i < queue->waiting.count; i++)
        if (strcmp(queue->waiting.items[i], id) == 0)
            return;
    vec_push(&queue->waiting, mem_strdup(id));
    event_active(queue->next, EV_TIMEOUT, 0);
}

void fetch_layers(struct fetcher *fetcher, const char *id)
{
    enqueue(&jobs_of(fetcher)->layers, id);
}

void fetch_scan(struct fetcher *fetcher, const char *id)
{
    if (fetcher->config->scanner_command.count)
        enqueue(&jobs_of(fetcher)->scans, id);
    else
        evaluator_fetch_failed(fetcher->evaluator, INPUT_SCAN, id, ENODATA, SCAN_NOT_CONFIGURED);
}

static void free_queue(struct job_queue *queue)
{
    worker_cancel(queue->worker);
    event_free(queue->next);
    free(queue->current);
    for (size_t i = 0; i < queue->waiting.count; i++)
        free(queue->waiting.items[i]);
    vec_free(&queue->waiting);
}

void fetch_free_images(struct fetcher *fetcher)
{
    struct image_jobs *jobs = fetcher->image_jobs;

    if (!jobs)
        return;
    free_queue(&jobs->layers);
    free_queue(&jobs->scans);
    free(jobs);
}
