/* Any bytes as the query string of each route. */
#include <string.h>

#include "agent/api/server_query.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_query(const struct evkeyvalq *query)
{
    enum language language = LANGUAGE_EN;
    struct error error = ERROR_INIT;
    struct finding_filter filter;
    struct event_filter events;
    scoped(cleanup_map) struct map *none = map_new(NULL);
    const struct rule_set rules = {.by_name = none};

    if (query_check(query, query_finding_parameters, &language, &error) == 0 &&
        query_findings(query, &filter, &error) == 0 &&
        (filter.kind < -1 || filter.kind >= SUBJECT_KIND_COUNT || filter.limit > 100000 ||
         filter.statuses >= 1u << VERDICT_COUNT || filter.severities >= 1u << SEVERITY_COUNT))
        __builtin_trap();
    if (query_check(query, query_event_parameters, &language, &error) == 0 &&
        query_events(query, &rules, &events, &error) == 0 &&
        (events.query.after > INT64_MAX || events.query.since < 0 || events.query.until < 0 ||
         (events.query.slug && !str_starts(events.query.slug, "agent-"))))
        __builtin_trap();
    query_check(query, query_no_parameters, &language, &error);
    if (language != LANGUAGE_EN && language != LANGUAGE_ZH)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);
    struct evkeyvalq query = {0};

    if (evhttp_parse_query_str(text, &query) == 0)
        read_query(&query);
    evhttp_clear_headers(&query);
    return 0;
}
