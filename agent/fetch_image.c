/* An image's own files, and a scanner's report on it. */
#include <errno.h>

#include "agent/fetch_internal.h"

void fetch_layers(struct fetcher *fetcher, const char *id)
{
    engine_fetch_failed(fetcher->engine, INPUT_LAYERS, id, ENOSYS, "not read by this version");
}

void fetch_scan(struct fetcher *fetcher, const char *id)
{
    engine_fetch_failed(fetcher->engine, INPUT_SCAN, id, ENOSYS, "no scanner is configured");
}

void fetch_free_images(struct fetcher *fetcher)
{
    (void)fetcher;
}
