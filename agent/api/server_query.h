/* The query strings of the API, validated: an unknown or malformed parameter is an error that names it. */
#ifndef AGENT_API_SERVER_QUERY_H
#define AGENT_API_SERVER_QUERY_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "agent/api/view.h"

/* Names that a route takes, besides "lang" which every route takes; terminated by NULL. */
extern const char *const query_no_parameters[], *const query_finding_parameters[], *const query_event_parameters[],
                                                                                       *const query_report_parameters[];

/* Rejects unknown and repeated parameters; sets LANGUAGE if "lang" is given. 0 or -EINVAL. */
int query_check(const struct evkeyvalq *query, const char *const *allowed, enum language *language,
                struct error *error);
int query_findings(const struct evkeyvalq *query, struct finding_filter *ret, struct error *error);
/* FORMAT is required. 0 or -EINVAL. */
int query_report(const struct evkeyvalq *query, enum report_format *ret_format, struct finding_filter *ret,
                 struct error *error);
struct event_filter {
    struct store_query query; /* strings belong to the query string and the rules */
    bool has_since, follow;
    bool marks; /* {"settled":SEQ} when nothing is on its way any more; only with FOLLOW */
};
/* 0 or -EINVAL. */
int query_events(const struct evkeyvalq *query, const struct rule_set *rules, struct event_filter *ret,
                 struct error *error);

#endif
