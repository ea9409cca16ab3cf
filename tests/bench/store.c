/* What the store costs: bench-store FOLDER [TRANSITIONS [FILLER]]. Writes that many transitions (a year of them) into a
 * store in FOLDER and asks for the last day and for a day in the middle; then writes 5,000 more. CPU time of this
 * process, which does the work of the store's. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/store/store_db.h"
#include "common/memory.h"

enum { BATCH = 64, MEASURED = 5000 };
static const usec_t year = INT64_C(365) * 86400 * USEC_PER_SEC, day = INT64_C(86400) * USEC_PER_SEC;

static double cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

static void append(struct store_db *db, uint64_t from, size_t count, usec_t begin, usec_t step, const char *json)
{
    struct store_row rows[BATCH];
    char ids[BATCH][80];

    for (size_t i = 0; i < count; i++) {
        uint64_t seq = from + i;

        snprintf(ids[i], sizeof ids[i], "%064llx", (unsigned long long)(seq * 2654435761u % 500));
        rows[i] = (struct store_row){.seq = seq,
                                     .at = begin + (usec_t)seq * step,
                                     .since = begin + (usec_t)seq * step,
                                     .type = ROW_FINDING,
                                     .severity = (enum severity)(seq % SEVERITY_COUNT),
                                     .status = seq % 2 ? VERDICT_FAIL : VERDICT_PASS,
                                     .previous = seq % 2 ? VERDICT_PASS : VERDICT_FAIL,
                                     .slug = seq % 3 ? "container-privileged" : "container-memory-limit",
                                     .section = "5",
                                     .kind = "container",
                                     .id = ids[i],
                                     .name = ids[i],
                                     .json = json};
    }
    store_db_append(db, rows, count);
}

static void ask(struct store_db *db, usec_t since, usec_t until, const char *what)
{
    struct store_query query = {.since = since, .until = until};
    double before = cpu_ms(), first = 0;
    size_t bytes = 0;
    bool more;

    do {
        struct error error = ERROR_INIT;
        struct str out = STR_INIT;

        if (store_db_query(db, &query, &out, &query.after, &more, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            exit(1);
        }
        bytes += out.length;
        str_deinit(&out);
        first = first > 0 ? first : cpu_ms() - before;
    } while (more);
    printf("%-24s %8.1f ms CPU (first page %.1f ms), %zu KiB\n", what, cpu_ms() - before, first, bytes / 1024);
}

int main(int argc, char **argv)
{
    static const struct store_limits none;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    scoped(cleanup_free) char *path = argc > 1 ? mem_printf("%s/agent.db", argv[1]) : NULL;
    scoped(cleanup_free) char *json = mem_printf("{\"filler\":\"%0*d\"}", argc > 3 ? atoi(argv[3]) : 800, 0);
    usec_t now = clock_now(&clock_system), begin = now - year, step = year / (usec_t)(count ? count : 1);
    struct error error = ERROR_INIT;
    struct store_db *db;
    double before;

    if (!path || store_db_open(path, &none, &clock_system, &db, &error) < 0) {
        fprintf(stderr, "usage: bench-store FOLDER [TRANSITIONS [FILLER]] %s\n", error.text);
        return 2;
    }
    before = cpu_ms();
    for (uint64_t seq = 1; seq <= count; seq += BATCH)
        append(db, seq, count - seq + 1 < BATCH ? (size_t)(count - seq + 1) : BATCH, begin, step, json);
    printf("%llu written: %.1f s CPU\n", (unsigned long long)count, (cpu_ms() - before) / 1e3);
    ask(db, now - day, 0, "the last day");
    ask(db, now - 180 * day, now - 179 * day, "a day in the middle");
    before = cpu_ms();
    for (uint64_t i = 0; i < MEASURED; i += BATCH)
        append(db, count + 1 + i, MEASURED - i < BATCH ? MEASURED - (size_t)i : BATCH, begin, step, json);
    store_db_sync(db);
    printf("%d more: %.1f ms CPU\n", MEASURED, cpu_ms() - before);
    store_db_close(db);
    return 0;
}
