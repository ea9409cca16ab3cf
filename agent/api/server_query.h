/* The query strings of the API, validated: an unknown or malformed parameter is an error that names it. */
#ifndef AGENT_API_SERVER_QUERY_H
#define AGENT_API_SERVER_QUERY_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "agent/api/view.h"

/* Names that a route takes, beside "lang" which every route takes; end with NULL. */
extern const char *const query_no_parameters[], *const query_finding_parameters[], *const query_event_parameters[];

/* Refuses unknown and repeated parameters; reads "lang" over what stands in LANGUAGE. 0 or -EINVAL. */
int query_check(const struct evkeyvalq *query, const char *const *allowed, enum language *language,
                struct error *error);
int query_findings(const struct evkeyvalq *query, struct finding_filter *ret, struct error *error);
/* LAST_SEQ is what "since" means when it is not given to a follower: only new ones. */
int query_events(const struct evkeyvalq *query, uint64_t last_seq, uint64_t *ret_since, bool *ret_follow,
                 struct error *error);

#endif
