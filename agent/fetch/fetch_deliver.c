/* Handing what a probe brought to the evaluator, and what every probe needs to know of the engine. */
#include <errno.h>

#include "agent/fetch/fetch_internal.h"

const char *fetch_engine_socket(const struct fetcher *fetcher)
{
    return docker_socket(fetcher->docker);
}

void fetch_deliver(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                   const struct error *error)
{
    if (r < 0)
        evaluator_fetch_failed(fetcher->evaluator, kind, key, -r, error->message);
    else
        evaluator_fetched(fetcher->evaluator, kind, key, facts);
}

bool fetch_refuse_remote(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (docker_is_remote(fetcher->docker))
        evaluator_fetch_failed(
            fetcher->evaluator, kind, key, EREMOTE,
            "the engine runs on another host, whose files and processes cannot be read from this one");
    return docker_is_remote(fetcher->docker);
}
