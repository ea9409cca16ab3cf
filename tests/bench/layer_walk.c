/* Walks an image's layers as the agent does, in its worker, and prints the milliseconds from the fork to the parsed
 * result, and what was found. For tests/bench/layers.
 * usage: layer_walk CACHE|- DIGEST FOLDER [DIGEST FOLDER…]   (from the base up) */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/vec.h"
#include "probes/images/layers.h"

struct walk {
    struct event_base *base;
    struct workers *workers;
    usec_t begin, end;
    struct layer_facts *facts;
    char *why;
};

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct walk *walk = user;
    struct error error = ERROR_INIT;

    if (number || layers_parse(output, length, &walk->facts, &error) < 0)
        walk->why = mem_strdup(number ? why : error.text);
    walk->end = clock_monotonic();
    event_base_loopbreak(walk->base);
}

static struct worker *start(struct walk *walk, const struct layers_request *request, struct error *error)
{
    return worker_start(walk->workers,
                        &(struct worker_options){.run = layers_run,
                                                 .argument = request,
                                                 .limit = 32 << 20,
                                                 .timeout_ms = 600000,
                                                 .capabilities = LAYERS_CAPABILITIES,
                                                 .background = true,
                                                 .done = on_done,
                                                 .user = walk},
                        error);
}

int main(int argc, char **argv)
{
    struct walk walk = {0};
    struct error error = ERROR_INIT;
    struct host_root *root = NULL;
    VEC(const char *) digests = {0}, folders = {0};
    struct string_list layers, directories;

    if (argc < 4 || argc % 2) {
        fprintf(stderr, "usage: layer_walk CACHE|- DIGEST FOLDER [DIGEST FOLDER…]\n");
        return 2;
    }
    for (int i = 2; i < argc; i += 2)
        vec_push(&digests, argv[i]);
    for (int i = argc - 1; i > 2; i -= 2)
        vec_push(&folders, argv[i]);
    layers = (struct string_list){.items = digests.items, .count = digests.count};
    directories = (struct string_list){.items = folders.items, .count = folders.count};
    if (host_root_open("/", &root, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    walk.base = event_base_new();
    walk.workers = workers_new(walk.base);
    walk.begin = clock_monotonic();
    if (!start(&walk,
               &(struct layers_request){.root = root,
                                        .image_id = "none",
                                        .layers = &layers,
                                        .directories = &directories,
                                        .cache = strcmp(argv[1], "-") == 0 ? NULL : argv[1],
                                        .cpu_seconds = LAYERS_CPU_SECONDS},
               &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    event_base_dispatch(walk.base);
    if (walk.why) {
        fprintf(stderr, "%s\n", walk.why);
        return 1;
    }
    printf("%.3f %llu files, %zu setuid, %zu packages (%s)\n", (double)(walk.end - walk.begin) / 1000,
           (unsigned long long)walk.facts->files, walk.facts->setuid_count, walk.facts->packages.count,
           walk.facts->packages_error    ? walk.facts->packages_error
           : walk.facts->package_manager ? walk.facts->package_manager
                                         : "none");
    arena_free(walk.facts->facts.arena);
    workers_free(walk.workers);
    event_base_free(walk.base);
    host_root_close(root);
    vec_free(&digests);
    vec_free(&folders);
    return 0;
}
