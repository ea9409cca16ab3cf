/* Facts between a worker and the agent: numbers and texts in a fixed order, each with its length before it.
 *
 * Texts are any bytes but NUL (paths need not be UTF-8). A reader that meets an end too early, a length beyond it or a
 * count above its limit is broken from then on: every read returns 0 or NULL, and wire_end() reports it. The worker is
 * our own process, but it has read hostile files: nothing that it sends is taken for granted. */
#ifndef PROBES_FACTS_WIRE_H
#define PROBES_FACTS_WIRE_H

#include "common/error.h"
#include "common/str.h"
#include "probes/facts/facts.h"

void wire_put_number(struct str *out, int64_t number);
void wire_put_text(struct str *out, const char *text); /* NULL stays NULL */
void wire_put_list(struct str *out, const struct string_list *list);

struct wire_reader {
    const char *at;
    size_t left;
    struct arena *arena; /* texts are copied into it */
    bool broken;
};
int64_t wire_number(struct wire_reader *reader);
/* A result: 0, or a negative errno. Anything else breaks the reader, and is 0. */
int wire_failure(struct wire_reader *reader);
const char *wire_text(struct wire_reader *reader);
/* A number of items, each of at least one byte; above LIMIT the reader is broken, and 0 is returned. */
size_t wire_count(struct wire_reader *reader, size_t limit);
void wire_list(struct wire_reader *reader, size_t limit, struct string_list *ret);
/* 0, or -EPROTO with ERROR when anything was not as it must be. Further bytes may follow. */
int wire_end(const struct wire_reader *reader, struct error *error);

#endif
