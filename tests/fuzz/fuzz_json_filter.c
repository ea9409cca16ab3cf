/* Any bytes as a document that is reduced while it comes: the first byte chooses which one and how many bytes come at a
 * time. Cut elsewhere the same is kept, and what is kept is JSON. */
#include <string.h>

#include "common/json_filter.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "probes/docker/docker_parse.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(1)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The caller frees; NULL: refused. */
static char *reduce(struct json_filter *filter, const char *text, size_t length, size_t step)
{
    const char *reduced = "";
    int r = 0;

    for (size_t at = 0; r == 0 && at < length; at += step)
        r = json_filter_feed(filter, text + at, step < length - at ? step : length - at, NULL);
    if (r == 0)
        r = json_filter_end(filter, &reduced, &length, NULL);
    return r < 0 ? NULL : mem_strndup(reduced, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum docker_document document = size ? (enum docker_document)(data[0] % DOCUMENT_COUNT) : 0;
    struct json_shape *shape = document_shape(document);
    scoped(cleanup_json_filter) struct json_filter *filter = document_filter(document, shape);
    scoped(cleanup_free) char *whole = NULL, *pieces = NULL;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct facts *facts = NULL;

    if (size) {
        const char *text = (const char *)data + 1;

        whole = reduce(filter, text, size - 1, size);
        json_filter_restart(filter);
        pieces = reduce(filter, text, size - 1, 1 + data[0] / DOCUMENT_COUNT);
        if (!whole != !pieces || (whole && pieces && strcmp(whole, pieces) != 0))
            __builtin_trap();
        if (whole && json_parse(whole, strlen(whole), NULL, &doc, NULL) < 0)
            __builtin_trap();
        if (whole && document != DOCUMENT_EVENT && document_parse(document, whole, strlen(whole), &facts, NULL) == 0)
            facts_free(facts);
    }
    json_filter_free(take(filter));
    json_shape_free(shape);
    return 0;
}
