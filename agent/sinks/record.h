/* What a sink sends, in the order and with the number that the store gave it: a transition, or a record about the agent
 * itself. Formats (formats.h) write it. */
#ifndef AGENT_SINKS_RECORD_H
#define AGENT_SINKS_RECORD_H

#include "agent/evaluator/transition.h"
#include "agent/store/store_db.h"
#include "common/json_in.h"

enum record_kind { RECORD_FINDING, RECORD_AGENT, RECORD_HEARTBEAT, RECORD_SNAPSHOT, RECORD_SNAPSHOT_END, RECORD_LOST };
const char *record_kind_name(enum record_kind kind); /* "finding" … */

/* Of what a record has: a receiver that knows a lower number may meet members that it does not know, and no other
 * change. */
enum { RECORD_SCHEMA = 1 };

/* Where records come from; of engine and benchmark a transition has its own. Strings are never NULL. HOST: its name;
 * MACHINE: 32 hex digits, the application-specific machine id (machine_id.h), "" where the host has none; ENGINE: its
 * id, or its address where it has none; VERSION: of the agent; STREAM: UUID of the store. */
struct record_origin {
    const char *host, *machine, *engine, *version, *benchmark, *stream;
    int schema;                   /* RECORD_SCHEMA */
    enum language language;       /* of the texts */
    const struct rule_set *rules; /* whose titles and remedies these are; NULL: as they are kept, in English */
};

struct record {
    enum record_kind kind;
    uint64_t number; /* of this sink's records, without holes */
    /* Of a transition; of a snapshot's record the finding's last one; of its end and of a heartbeat the last one that
     * they take into account; of what was lost the one before it. */
    uint64_t seq;
    usec_t at;
    const struct record_origin *origin;
    /* RECORD_LOST: the numbers of the records that were not sent. */
    uint64_t lost_first, lost_last;
    /* As in struct transition; "" or NULL where the kind has none. They belong to the document. */
    const char *rule, *slug, *title, *section, *subject_kind, *subject_id, *subject_name, *evidence, *cause, *remedy;
    const char *status, *previous;
    enum severity severity;
    enum verdict status_value, previous_value;
    bool is_agent, scored, waived, initial;
    const struct json *root; /* the whole document */
    const char *json;        /* its text, one object */
    size_t json_length;
    struct str rendered; /* what JSON is of */
    struct json_doc *doc;
};

/* Of an item of the store, in the origin's language, with U+FFFD for every NUL in its strings; ORIGIN must live as long
 * as the record. NOW: for kinds that have no time. The caller calls record_deinit(). -EINVAL: its text is not what was
 * stored. */
int record_read(const struct store_item *item, const struct record_origin *origin, usec_t now, struct record *ret);
void record_deinit(struct record *record);

#endif
