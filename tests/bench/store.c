/* What the store costs: bench-store FOLDER [TRANSITIONS [FILLER]]. Writes that many transitions (a year of them) into a
 * store in FOLDER and asks for the last day, for a day in the middle, and for what is rare in all of it; then writes
 * 5,000 more, in transactions of 64 and of one each. CPU time of this process, which does the work of the store's.
 * The file stays: an agent with FOLDER as its state_dir answers from it (bench-history). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/store/event_store.h"
#include "common/file.h"
#include "common/memory.h"

enum { BATCH = 64, MEASURED = 5000, RARE = 100000 };
static const usec_t year = INT64_C(365) * 86400 * USEC_PER_SEC, day = INT64_C(86400) * USEC_PER_SEC;

static double cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

/* Of this process's youngest child. */
static double child_cpu_ms(void)
{
    scoped(cleanup_free) char *children = mem_printf("/proc/self/task/%d/children", (int)getpid());
    scoped_str pids = STR_INIT, text = STR_INIT;
    char path[64] = "";
    char *rest;

    if (file_read(children, 256, &pids, NULL) < 0)
        return 0;
    rest = pids.data;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            snprintf(path, sizeof path, "/proc/%ld/schedstat", strtol(word, NULL, 10));
    return file_read(path, 256, &text, NULL) < 0 ? 0 : strtod(text.data, NULL) / 1e6;
}

/* ---- Transitions such as the agent makes ---- */

struct made {
    const char *slug;
    char *id, *name, *json;
    enum severity severity;
    enum verdict status, previous;
};

static struct made make(uint64_t seq, usec_t at, size_t filler)
{
    bool fails = seq % 2, rare = seq % RARE == 0;
    struct made made = {.slug = rare      ? "container-pids-limit"
                                : seq % 3 ? "container-privileged"
                                          : "container-memory-limit",
                        .id = mem_printf("%064llx", (unsigned long long)(seq * 2654435761u % 500)),
                        .name = rare ? mem_strdup("rare") : mem_printf("web-%llu", (unsigned long long)seq % 500),
                        .severity = (enum severity)(seq % SEVERITY_COUNT),
                        .status = fails ? VERDICT_FAIL : VERDICT_PASS,
                        .previous = fails ? VERDICT_PASS : VERDICT_FAIL};
    char text[CLOCK_TEXT_SIZE];

    clock_format(at, text);
    made.json = mem_printf("{\"seq\":%llu,\"at\":\"%s\",\"rule\":\"5.4\",\"slug\":\"%s\",\"status\":\"%s\","
                           "\"previous\":\"%s\",\"subject\":{\"kind\":\"container\",\"id\":\"%s\",\"name\":\"%s\"},"
                           "\"evidence\":\"it runs privileged\",\"cause\":\"docker:container/update\","
                           "\"filler\":\"%0*d\"}",
                           (unsigned long long)seq, text, made.slug, fails ? "fail" : "pass", fails ? "pass" : "fail",
                           made.id, made.name, (int)filler, 0);
    return made;
}

static void made_deinit(struct made *made)
{
    free(made->id);
    free(made->name);
    free(made->json);
}

/* ---- The store itself, in this process ---- */

static void append(struct store_db *db, uint64_t from, size_t count, usec_t begin, usec_t step, size_t filler)
{
    struct store_row rows[BATCH] = {0};
    struct made made[BATCH];

    for (size_t i = 0; i < count; i++) {
        usec_t at = begin + (usec_t)(from + i) * step;

        made[i] = make(from + i, at, filler);
        rows[i] = (struct store_row){.seq = from + i,
                                     .at = at,
                                     .since = at,
                                     .type = ROW_FINDING,
                                     .severity = made[i].severity,
                                     .status = made[i].status,
                                     .previous = made[i].previous,
                                     .slug = made[i].slug,
                                     .section = "5",
                                     .kind = "container",
                                     .id = made[i].id,
                                     .name = made[i].name,
                                     .json = made[i].json};
    }
    store_db_append(db, rows, count);
    for (size_t i = 0; i < count; i++)
        made_deinit(&made[i]);
}

static void append_in_batches(struct store_db *db, uint64_t last, size_t count, size_t batch, usec_t begin, usec_t step,
                              size_t filler)
{
    double before = cpu_ms();

    for (size_t i = 0; i < count; i += batch)
        append(db, last + 1 + i, count - i < batch ? count - i : batch, begin, step, filler);
    store_db_sync(db);
    printf("%zu more, %zu in a transaction: %.1f ms CPU\n", count, batch, cpu_ms() - before);
}

static void ask(struct store_db *db, struct store_query query, const char *what)
{
    double before = cpu_ms(), first = 0;
    size_t bytes = 0, pages = 0;
    bool more;

    do {
        struct error error = ERROR_INIT;
        struct str out = STR_INIT;

        if (store_db_query(db, &query, &out, &query.after, &more, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            exit(1);
        }
        bytes += out.length;
        pages++;
        str_deinit(&out);
        first = first > 0 ? first : cpu_ms() - before;
    } while (more);
    printf("%-28s %8.1f ms CPU (first of %zu pages %.1f ms), %zu KiB\n", what, cpu_ms() - before, pages, first,
           bytes / 1024);
}

/* ---- Through its process, as the agent has it ---- */

struct loop {
    struct event_base *base;
    uint64_t stored;
};

static void on_stored(struct transition *transition, void *user)
{
    struct loop *loop = user;

    loop->stored = transition->seq;
    if (loop->stored == MEASURED)
        event_base_loopbreak(loop->base);
}

static struct transition *transition_of(uint64_t seq, size_t filler)
{
    struct transition *t = mem_alloc(sizeof *t);
    usec_t at = clock_now(&clock_system);
    struct made made = make(seq, at, filler);

    t->references = 1;
    t->seq = seq;
    t->at = t->since = at;
    t->severity = made.severity;
    t->status_value = made.status;
    t->previous_value = made.previous;
    t->slug = mem_strdup(made.slug);
    t->subject_kind = mem_strdup("container");
    t->subject_id = mem_strdup(made.id);
    t->subject_name = mem_strdup(made.name);
    t->json = mem_strdup(made.json);
    t->json_length = strlen(t->json);
    made_deinit(&made);
    return t;
}

static void measure_process(const char *folder, size_t batch, size_t filler)
{
    scoped(cleanup_free) char *path = mem_printf("%s/process-%zu", folder, batch);
    scoped(cleanup_free) char *file = mem_printf("%s/agent.db", path);
    struct loop loop = {.base = event_base_new()};
    struct workers *workers = workers_new(loop.base);
    const struct event_store_options options = {
        .base = loop.base, .workers = workers, .path = file, .stored = on_stored, .user = &loop};
    struct transition **transitions = mem_alloc(MEASURED * sizeof *transitions);
    double loop_ms = 0, store_ms, longest = 0;
    struct error error = ERROR_INIT;
    struct event_store *store;

    mkdir(path, 0700);
    for (size_t i = 0; i < MEASURED; i++)
        transitions[i] = transition_of(i + 1, filler);
    if (event_store_new(&options, &store, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    store_ms = child_cpu_ms();
    for (size_t i = 0; i < MEASURED || loop.stored < MEASURED;) {
        double before = cpu_ms(), turn;

        for (size_t j = 0; j < batch && i < MEASURED; j++, i++) {
            event_store_append(store, transitions[i]);
            transition_unref(transitions[i]);
        }
        event_base_loop(loop.base, i < MEASURED ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
        turn = cpu_ms() - before;
        longest = turn > longest ? turn : longest;
        loop_ms += turn;
        if (i < MEASURED)
            usleep(50); /* the next event of the engine */
    }
    store_ms = child_cpu_ms() - store_ms;
    event_store_free(store);
    printf(
        "%d through its process, %zu in a turn of the loop: %.1f ms CPU (the store's process %.1f, the loop %.1f, its "
        "longest turn %.2f)\n",
        MEASURED, batch, store_ms + loop_ms, store_ms, loop_ms, longest);
    free(transitions);
    workers_free(workers);
    event_base_free(loop.base);
}

int main(int argc, char **argv)
{
    static const struct store_limits none;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    size_t filler = argc > 3 ? strtoul(argv[3], NULL, 10) : 500;
    scoped(cleanup_free) char *path = argc > 1 ? mem_printf("%s/agent.db", argv[1]) : NULL;
    usec_t now = clock_now(&clock_system), begin = now - year, step = year / (usec_t)(count ? count : 1);
    struct error error = ERROR_INIT;
    struct store_db *db = NULL;
    double before;

    signal(SIGPIPE, SIG_IGN);
    if (!path || store_db_open(path, &none, &clock_system, &db, &error) < 0 || store_db_trouble(db)) {
        fprintf(stderr, "usage: bench-store FOLDER [TRANSITIONS [FILLER]] %s\n",
                error.text[0] ? error.text
                : db          ? store_db_trouble(db)
                              : "");
        return 2;
    }
    before = cpu_ms();
    for (uint64_t seq = 1; seq <= count; seq += BATCH)
        append(db, seq, count - seq + 1 < BATCH ? (size_t)(count - seq + 1) : BATCH, begin, step, filler);
    printf("%llu written: %.1f s CPU\n", (unsigned long long)count, (cpu_ms() - before) / 1e3);
    ask(db, (struct store_query){.since = now - day}, "the last day");
    ask(db, (struct store_query){.since = now - 180 * day, .until = now - 179 * day}, "a day in the middle");
    ask(db, (struct store_query){.since = now - 180 * day, .until = now - 179 * day, .slug = "container-pids-limit"},
        "of it, a rare rule");
    ask(db, (struct store_query){.slug = "container-pids-limit"}, "of all, a rare rule");
    ask(db, (struct store_query){.slug = "container-none"}, "of all, a rule that is not");
    ask(db, (struct store_query){.subject = "rare"}, "of all, a rare subject");
    ask(db, (struct store_query){.subject = "r?re"}, "of all, a pattern");
    append_in_batches(db, count, MEASURED, BATCH, begin, 0, filler); /* long ago: in none of those windows */
    append_in_batches(db, count + MEASURED, MEASURED, 1, begin, 0, filler);
    store_db_close(db);
    measure_process(argv[1], BATCH, filler);
    measure_process(argv[1], 1, filler);
    return 0;
}
