/* The evaluator alone, fed from documents of a real engine without any connection: what a container costs to read, to
 * judge and to keep, what one event costs beside how many containers, and for how long the loop stands still while the
 * state file is rewritten.
 * usage: bench-evaluator DOCUMENTS RULES COUNT…   (folders of documents and of rules; numbers of containers) */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/evaluator/evaluator.h"
#include "common/file.h"
#include "probes/docker/docker_parse.h"

enum { DOCUMENT_MAX = 1 << 20, EVENTS = 400, ROUNDS = 5, ID_LENGTH = 64 };

struct bench {
    struct event_base *base;
    struct workers *workers;
    struct config *config;
    struct evaluator *evaluator;
    struct str container, info, version, images, image, history, networks;
    char id[ID_LENGTH + 1]; /* in the container's document */
    size_t count;
    bool limited; /* the next container that is read has a memory limit */
};

static int64_t cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void die(const char *what, const struct error *error)
{
    fprintf(stderr, "bench-evaluator: %s: %s\n", what, error->text);
    exit(2);
}

/* Compact, as an engine sends it. */
static void load(const char *folder, const char *name, struct str *ret)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s.json", folder, name);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;

    if (file_read(path, DOCUMENT_MAX, &text, &error) < 0 ||
        json_parse(str_text(&text), text.length, NULL, &doc, &error) < 0)
        die(name, &error);
    json_out_value(out, NULL, json_root(doc));
    str_append(ret, json_out_text(out, NULL));
}

static void id_of(size_t number, char id[ID_LENGTH + 1])
{
    snprintf(id, ID_LENGTH + 1, "%064zx", number + 1);
}

/* The document with another id, name and memory limit. */
static void make_container(const struct bench *bench, const char *id, struct str *out)
{
    static const char memory[] = "\"Memory\":0";
    const char *at = bench->container.data, *next;

    while ((next = strstr(at, bench->id))) {
        str_append_n(out, at, (size_t)(next - at));
        str_append(out, id);
        at = next + ID_LENGTH;
    }
    next = bench->limited ? strstr(at, memory) : NULL;
    if (next) {
        str_append_n(out, at, (size_t)(next - at));
        str_append(out, "\"Memory\":67108864");
        at = next + strlen(memory);
    }
    str_append(out, at);
}

static struct facts *make_list(const struct bench *bench)
{
    struct arena *arena = arena_new(4096);
    struct container_list_facts *list = arena_alloc(arena, sizeof *list);

    list->facts.arena = arena;
    list->items = arena_alloc(arena, bench->count * sizeof *list->items);
    list->count = bench->count;
    for (size_t i = 0; i < bench->count; i++) {
        char id[ID_LENGTH + 1];

        id_of(i, id);
        list->items[i].id = arena_strdup(arena, id);
        list->items[i].name = list->items[i].state = "";
    }
    list->facts.digest = bench->count;
    return &list->facts;
}

static struct facts *make_processes(void)
{
    struct arena *arena = arena_new(128);
    struct process_facts *processes = arena_alloc(arena, sizeof *processes);

    processes->facts.arena = arena;
    processes->items = arena_alloc(arena, sizeof *processes->items);
    processes->items[0] = (struct process_item){.pid = 1, .comm = "sleep", .argv0 = "sleep", .exe = "busybox"};
    processes->count = 1;
    return &processes->facts;
}

static struct facts *make_sockets(void)
{
    struct arena *arena = arena_new(128);
    struct fileset_facts *set = arena_alloc(arena, sizeof *set);

    set->facts.arena = arena;
    set->items = arena_alloc(arena, sizeof *set->items);
    set->items[0] = (struct file_facts){
        .path = "/run/docker.sock", .target = "/run/docker.sock", .user = "root", .group = "docker", .mode = 0140660};
    set->count = 1;
    set->engine_socket = "/run/docker.sock";
    set->expected_group = "docker";
    set->expected_group_exists = true;
    return &set->facts;
}

#define PARSE(name, text, type)                                                                                        \
    do {                                                                                                               \
        struct type *facts_ = NULL;                                                                                    \
        struct error error_ = ERROR_INIT;                                                                              \
                                                                                                                       \
        if (parse_##name((text).data, (text).length, &facts_, &error_) < 0)                                            \
            die(#name, &error_);                                                                                       \
        facts = &facts_->facts;                                                                                        \
    } while (0)

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    struct bench *bench = user;
    struct facts *facts = NULL;

    if (kind == INPUT_CONTAINER) {
        scoped_str text = STR_INIT;

        make_container(bench, key, &text);
        PARSE(container, text, container_facts);
    } else if (kind == INPUT_CONTAINERS) {
        facts = make_list(bench);
    } else if (kind == INPUT_PROCESSES) {
        facts = make_processes();
    } else if (kind == INPUT_FILES) {
        facts = make_sockets();
    } else if (kind == INPUT_INFO) {
        PARSE(info, bench->info, info_facts);
    } else if (kind == INPUT_VERSION) {
        PARSE(version, bench->version, version_facts);
    } else if (kind == INPUT_IMAGES) {
        PARSE(image_list, bench->images, image_list_facts);
    } else if (kind == INPUT_IMAGE) {
        PARSE(image, bench->image, image_facts);
    } else if (kind == INPUT_HISTORY) {
        PARSE(history, bench->history, history_facts);
    } else if (kind == INPUT_NETWORKS) {
        PARSE(network_list, bench->networks, network_list_facts);
    }
    if (facts)
        evaluator_fetched(bench->evaluator, kind, key, facts);
    else
        evaluator_fetch_failed(bench->evaluator, kind, key, ENODATA, "not on this bench");
}

/* Every verdict but those of containers is settled first: what they read must not be on its way. */
static void scan(struct bench *bench)
{
    static const enum input_kind once[] = {INPUT_VERSION, INPUT_INFO,     INPUT_DAEMON,    INPUT_LSM,
                                           INPUT_MOUNTS,  INPUT_GROUP,    INPUT_AUDIT,     INPUT_ENVIRONMENT,
                                           INPUT_IMAGES,  INPUT_NETWORKS, INPUT_LISTENERS, INPUT_CERTIFICATES,
                                           INPUT_SERVICES};

    for (size_t i = 0; i < countof(once); i++)
        evaluator_stale(bench->evaluator, once[i], NULL, "start");
    evaluator_stale(bench->evaluator, INPUT_FILES, "sockets:", "start");
    evaluator_stale(bench->evaluator, INPUT_CONTAINERS, NULL, "start");
}

/* Every pair's check, verdict only. */
static size_t judge_all(const struct bench *bench, struct check_result *result)
{
    const struct subject *subject;
    size_t at = 0, pairs = 0;
    usec_t now = clock_now(&clock_system);

    while ((subject = evaluator_next_subject(bench->evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count && subject->kind == SUBJECT_CONTAINER; i++) {
            const struct pair *pair = &subject->pairs[i];
            struct check_input in = {.rule = pair->rule,
                                     .store = evaluator_store(bench->evaluator),
                                     .key = subject->id,
                                     .now = now,
                                     .since = pair->since};

            check_result_clear(result);
            check_run(&in, result);
            if (result->verdict != pair->verdict) {
                fprintf(stderr, "bench-evaluator: %s: the verdict differs from the engine's\n", pair->rule->slug);
                exit(2);
            }
            pairs++;
        }
    return pairs;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void measure_judging(const struct bench *bench)
{
    struct check_result result;
    int64_t rates[ROUNDS];

    check_result_init(&result);
    for (size_t r = 0; r < ROUNDS; r++) {
        int64_t begun = cpu_ns();
        size_t pairs = 0;

        while (cpu_ns() - begun < 200000000)
            pairs += judge_all(bench, &result);
        rates[r] = (int64_t)((double)pairs * 1e9 / (double)(cpu_ns() - begun));
    }
    check_result_deinit(&result);
    qsort(rates, ROUNDS, sizeof *rates, compare);
    printf("%6zu containers: rule evaluation alone  %9" PRId64 " pairs/s (median of %d; min %" PRId64 ", max %" PRId64
           ")\n",
           bench->count, rates[ROUNDS / 2], ROUNDS, rates[0], rates[ROUNDS - 1]);
}

/* A container changes so that one verdict does, again and again, and its facts alone change otherwise. */
static void measure_events(struct bench *bench)
{
    int64_t costs[EVENTS];
    uint64_t before = evaluator_counters(bench->evaluator)->transitions;

    for (size_t i = 0; i < EVENTS; i++) {
        char id[ID_LENGTH + 1];
        int64_t begun;

        id_of(i / 2 % bench->count, id);
        bench->limited = i % 2 == 0;
        begun = cpu_ns();
        evaluator_stale(bench->evaluator, INPUT_CONTAINER, id, "docker:container/update");
        event_base_loop(bench->base, EVLOOP_NONBLOCK);
        costs[i] = cpu_ns() - begun;
    }
    if (evaluator_counters(bench->evaluator)->transitions != before + EVENTS) {
        fprintf(stderr, "bench-evaluator: %" PRIu64 " transitions for %d events\n",
                evaluator_counters(bench->evaluator)->transitions - before, EVENTS);
        exit(2);
    }
    qsort(costs, EVENTS, sizeof *costs, compare);
    printf("%6zu containers: one event              %9.1f us of CPU (median of %d; 99%% %.1f)\n", bench->count,
           (double)costs[EVENTS / 2] / 1000, EVENTS, (double)costs[EVENTS * 99 / 100] / 1000);
}

static void begin(struct bench *bench, const char *rules_folder)
{
    static const char nothing[] = "{}";
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .user = bench};
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    bench->base = event_base_new();
    bench->workers = workers_new(bench->base);
    if (config_parse(nothing, strlen(nothing), "none", &bench->config, &error) < 0)
        die("configuration", &error);
    bench->config->data_dir = rules_folder;
    bench->config->rules_dir = NULL;
    if (config_load_rules(bench->config, &rules, &error) < 0)
        die("rules", &error);
    bench->evaluator = evaluator_new(bench->base, bench->workers, rules, bench->config, &clock_system, &callbacks);
    evaluator_set_engine_reachable(bench->evaluator, true);
}

static void end(struct bench *bench)
{
    evaluator_free(bench->evaluator);
    config_free(bench->config);
    workers_free(bench->workers);
    event_base_free(bench->base);
}

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* One turn of the loop, or of what runs in it; its longest time so far. */
static void note_turn(int64_t begun, int64_t *longest)
{
    int64_t took = wall_ns() - begun;

    *longest = took > *longest ? took : *longest;
}

static int64_t longest_turn(struct bench *bench)
{
    int64_t longest = 0;

    for (unsigned idle = 0; idle < 16; idle = evaluator_is_settled(bench->evaluator) ? idle + 1 : 0) {
        int64_t begun = wall_ns();

        event_base_loop(bench->base, EVLOOP_NONBLOCK);
        note_turn(begun, &longest);
    }
    return longest;
}

/* What concerns every container at once. */
static void measure_turns(struct bench *bench)
{
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;
    int64_t begun, scan_turn, info_turn, clock_turn = 0, rules_turn = 0;

    scan(bench);
    longest_turn(bench);
    evaluator_stale_all(bench->evaluator, "scan");
    scan_turn = longest_turn(bench);
    evaluator_stale(bench->evaluator, INPUT_INFO, NULL, "timer");
    info_turn = longest_turn(bench);
    begun = wall_ns();
    evaluator_clock_changed(bench->evaluator);
    note_turn(begun, &clock_turn);
    if (config_load_rules(bench->config, &rules, &error) < 0)
        die("rules", &error);
    begun = wall_ns();
    evaluator_set_rules(bench->evaluator, rules, bench->config);
    note_turn(begun, &rules_turn);
    printf("%6zu containers: longest turn of the loop: full scan %.1f ms, /info %.1f ms, clock set %.1f ms, new rules "
           "%.1f ms\n",
           bench->count, (double)scan_turn / 1e6, (double)info_turn / 1e6, (double)clock_turn / 1e6,
           (double)rules_turn / 1e6);
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void run(struct bench *bench, const char *rules_folder, size_t count)
{
    size_t empty, full;
    int64_t begun;

    begin(bench, rules_folder);
    bench->count = 1;
    bench->limited = false;
    scan(bench);
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    empty = in_use();
    bench->count = count;
    begun = cpu_ns();
    evaluator_stale(bench->evaluator, INPUT_CONTAINERS, NULL, "scan");
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    full = in_use();
    printf("%6zu containers: reading and judging    %9.1f us of CPU for each container\n", count,
           (double)(cpu_ns() - begun) / 1000 / (double)count);
    if (count > 1)
        printf("%6zu containers: memory                 %9.0f bytes for each container\n", count,
               (double)(full - empty) / (double)(count - 1));
    begun = cpu_ns();
    evaluator_stale_all(bench->evaluator, "scan");
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    printf("%6zu containers: another full scan      %9.1f us of CPU for each container\n", count,
           (double)(cpu_ns() - begun) / 1000 / (double)count);
    measure_judging(bench);
    measure_events(bench);
    end(bench);
    begin(bench, rules_folder);
    measure_turns(bench);
    end(bench);
    begin(bench, rules_folder);
    end(bench);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    if (argc < 4) {
        fputs("usage: bench-evaluator DOCUMENTS RULES COUNT...\n", stderr);
        return 2;
    }
    load(argv[1], "container", &bench.container);
    load(argv[1], "info", &bench.info);
    load(argv[1], "version", &bench.version);
    load(argv[1], "images", &bench.images);
    load(argv[1], "image", &bench.image);
    load(argv[1], "history", &bench.history);
    load(argv[1], "networks", &bench.networks);
    if (json_parse(bench.container.data, bench.container.length, NULL, &doc, &error) < 0)
        die("container", &error);
    snprintf(bench.id, sizeof bench.id, "%s", json_text(json_get(json_root(doc), "Id"), ""));
    for (int i = 3; i < argc; i++) {
        size_t count = strtoul(argv[i], NULL, 10);

        run(&bench, argv[2], count ? count : 1);
    }
    str_deinit(&bench.container);
    str_deinit(&bench.info);
    str_deinit(&bench.version);
    str_deinit(&bench.images);
    str_deinit(&bench.image);
    str_deinit(&bench.history);
    str_deinit(&bench.networks);
    return 0;
}
