/* Records read back from what the store keeps of them. */
#include "agent/sinks/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"

static const char *const kind_names[] = {
    [RECORD_FINDING] = "finding",           [RECORD_AGENT] = "agent",
    [RECORD_HEARTBEAT] = "heartbeat",       [RECORD_SNAPSHOT] = "snapshot",
    [RECORD_SNAPSHOT_END] = "snapshot_end", [RECORD_LOST] = "lost",
};

const char *record_kind_name(enum record_kind kind)
{
    return kind_names[kind];
}

static enum record_kind kind_of(enum store_item_kind kind, const char *subject_kind)
{
    static const enum record_kind kinds[ITEM_KIND_COUNT] = {[ITEM_TRANSITION] = RECORD_FINDING,
                                                            [ITEM_HEARTBEAT] = RECORD_HEARTBEAT,
                                                            [ITEM_SNAPSHOT] = RECORD_SNAPSHOT,
                                                            [ITEM_SNAPSHOT_END] = RECORD_SNAPSHOT_END,
                                                            [ITEM_LOST] = RECORD_LOST};

    return kind == ITEM_TRANSITION && str_equal(subject_kind, "agent") ? RECORD_AGENT : kinds[kind];
}

static enum verdict verdict_of(const char *name)
{
    enum verdict verdict = VERDICT_NONE;

    if (name)
        verdict_parse(name, &verdict);
    return verdict;
}

/* \ufffd for each \u0000: what reads it as C strings, here and at receivers, would otherwise take "web\0x" for "web".
 */
static void replace_nul(struct str *json)
{
    if (!strstr(json->data, "\\u0000"))
        return;
    for (char *at = json->data; (at = strchr(at, '\\')); at += at[1] ? 2 : 1)
        if (strncmp(at, "\\u0000", 6) == 0)
            memcpy(at + 2, "fffd", 4);
}

int record_read(const struct store_item *item, const struct record_origin *origin, usec_t now, struct record *ret)
{
    const char *json = *item->json ? item->json : "{}", *at;
    scoped_str rendered = STR_INIT;
    const struct json *root, *subject;
    struct record record = {.number = item->number, .seq = item->seq, .at = now, .origin = origin};

    transition_render(&rendered, json, strlen(json), origin->language, origin->rules);
    replace_nul(&rendered);
    if (json_parse(rendered.data, rendered.length, NULL, &record.doc, NULL) < 0)
        return -EINVAL;
    root = json_root(record.doc);
    if (json_type(root) != JSON_OBJECT) {
        record_deinit(&record);
        return -EINVAL;
    }
    subject = json_get(root, "subject");
    at = json_string(json_get(root, "at"));
    record.seq = (uint64_t)json_int(json_get(root, "seq"), (int64_t)item->seq);
    if (at)
        clock_parse(at, &record.at);
    record.rule = json_text(json_get(root, "rule"), "");
    record.slug = json_text(json_get(root, "slug"), "");
    record.title = json_text(json_get(root, "title"), "");
    record.section = json_string(json_get(root, "section"));
    record.subject_kind = json_text(json_get(subject, "kind"), "");
    record.subject_id = json_text(json_get(subject, "id"), "");
    record.subject_name = json_text(json_get(subject, "name"), "");
    record.evidence = json_text(json_get(root, "evidence"), "");
    record.cause = json_text(json_get(root, "cause"), "");
    record.remedy = json_string(json_get(root, "remedy"));
    record.status = json_string(json_get(root, "status"));
    record.previous = json_string(json_get(root, "previous"));
    record.status_value = verdict_of(record.status);
    record.previous_value = verdict_of(record.previous);
    severity_parse(json_text(json_get(root, "severity"), "low"), &record.severity);
    record.scored = json_bool(json_get(root, "scored"), false);
    record.waived = json_type(json_get(root, "waived")) == JSON_OBJECT;
    record.initial = json_bool(json_get(root, "initial"), false);
    record.kind = kind_of(item->kind, record.subject_kind);
    record.is_agent = record.kind == RECORD_AGENT;
    if (item->kind == ITEM_LOST) {
        record.lost_first = item->number - item->lost;
        record.lost_last = item->number - 1;
    }
    record.root = root;
    record.rendered = rendered;
    rendered = STR_INIT;
    record.json = record.rendered.data;
    record.json_length = record.rendered.length;
    *ret = record;
    return 0;
}

void record_deinit(struct record *record)
{
    json_doc_free(record->doc);
    record->doc = NULL;
    str_deinit(&record->rendered);
}
