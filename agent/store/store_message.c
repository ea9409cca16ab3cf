/* Frames: four bytes of length, four of type, in this host's order, then the payload. */
#include "agent/store/store_message.h"

#include <errno.h>
#include <string.h>

struct head {
    uint32_t length; /* of the payload */
    uint32_t type;
};

size_t store_frame_begin(struct str *out, enum store_message type)
{
    const struct head head = {.type = type};

    str_append_n(out, &head, sizeof head);
    return out->length;
}

void store_frame_end(struct str *out, size_t begin)
{
    uint32_t length = (uint32_t)(out->length - begin);

    memcpy(out->data + begin - sizeof(struct head), &length, sizeof length);
}

int store_frame_next(const char *data, size_t length, enum store_message *ret_type, struct wire_reader *ret_payload,
                     size_t *ret_taken)
{
    struct head head;

    if (length < sizeof head)
        return 0;
    memcpy(&head, data, sizeof head);
    if (head.length > STORE_FRAME_MAX || head.type >= STORE_MESSAGE_COUNT)
        return -EPROTO;
    if (length - sizeof head < head.length)
        return 0;
    *ret_type = (enum store_message)head.type;
    ret_payload->at = data + sizeof head;
    ret_payload->left = head.length;
    ret_payload->broken = false;
    *ret_taken = sizeof head + head.length;
    return 1;
}

/* A number that must be one of LIMIT. */
static int small_number(struct wire_reader *reader, int limit)
{
    int64_t number = wire_number(reader);

    if (number >= 0 && number < limit)
        return (int)number;
    reader->broken = true;
    return 0;
}

static const char *text(struct wire_reader *reader)
{
    const char *value = wire_text(reader);

    return value ? value : "";
}

void store_put_row(struct str *out, const struct store_row *row)
{
    wire_put_number(out, (int64_t)row->seq);
    wire_put_number(out, row->at);
    wire_put_number(out, row->since);
    wire_put_number(out, row->type);
    wire_put_number(out, row->severity);
    wire_put_number(out, row->status);
    wire_put_number(out, row->previous);
    wire_put_number(out, row->waived);
    wire_put_text(out, row->slug);
    wire_put_text(out, row->section);
    wire_put_text(out, row->kind);
    wire_put_text(out, row->id);
    wire_put_text(out, row->name);
    wire_put_text(out, row->extra);
    wire_put_text(out, row->json);
}

void store_get_row(struct wire_reader *reader, struct store_row *ret)
{
    ret->seq = (uint64_t)wire_number(reader);
    ret->at = wire_number(reader);
    ret->since = wire_number(reader);
    ret->type = (enum store_row_type)small_number(reader, ROW_TYPE_COUNT);
    ret->severity = (enum severity)small_number(reader, SEVERITY_COUNT);
    ret->status = (enum verdict)small_number(reader, VERDICT_COUNT);
    ret->previous = (enum verdict)small_number(reader, VERDICT_COUNT);
    ret->waived = wire_number(reader) != 0;
    ret->slug = text(reader);
    ret->section = wire_text(reader);
    ret->kind = text(reader);
    ret->id = text(reader);
    ret->name = text(reader);
    ret->extra = wire_text(reader);
    ret->json = text(reader);
}

void store_put_finding(struct str *out, const struct store_finding *finding)
{
    wire_put_text(out, finding->slug);
    wire_put_text(out, finding->kind);
    wire_put_text(out, finding->id);
    wire_put_text(out, finding->name);
    wire_put_text(out, finding->extra);
    wire_put_number(out, finding->status);
    wire_put_number(out, finding->waived);
    wire_put_number(out, (int64_t)finding->seq);
    wire_put_number(out, finding->since);
}

void store_get_finding(struct wire_reader *reader, struct store_finding *ret)
{
    ret->slug = text(reader);
    ret->kind = text(reader);
    ret->id = text(reader);
    ret->name = text(reader);
    ret->extra = wire_text(reader);
    ret->status = (enum verdict)small_number(reader, VERDICT_COUNT);
    ret->waived = wire_number(reader) != 0;
    ret->seq = (uint64_t)wire_number(reader);
    ret->since = wire_number(reader);
}

void store_put_item(struct str *out, const struct store_item *item)
{
    wire_put_number(out, item->kind);
    wire_put_number(out, (int64_t)item->number);
    wire_put_number(out, (int64_t)item->seq);
    wire_put_number(out, (int64_t)item->lost);
    wire_put_text(out, item->json);
}

void store_get_item(struct wire_reader *reader, struct store_item *ret)
{
    ret->kind = (enum store_item_kind)small_number(reader, ITEM_KIND_COUNT);
    ret->number = (uint64_t)wire_number(reader);
    ret->seq = (uint64_t)wire_number(reader);
    ret->lost = (uint64_t)wire_number(reader);
    ret->json = text(reader);
}

void store_put_query(struct str *out, const struct store_query *query)
{
    wire_put_number(out, (int64_t)query->after);
    wire_put_number(out, query->since);
    wire_put_number(out, query->until);
    wire_put_text(out, query->slug);
    wire_put_text(out, query->section);
    wire_put_text(out, query->subject);
    wire_put_text(out, query->kind);
    wire_put_number(out, query->statuses);
    wire_put_number(out, query->severities);
    wire_put_number(out, query->waived);
    wire_put_number(out, (int64_t)query->count);
    wire_put_number(out, (int64_t)query->limit);
}

void store_get_query(struct wire_reader *reader, struct store_query *ret)
{
    ret->after = (uint64_t)wire_number(reader);
    ret->since = wire_number(reader);
    ret->until = wire_number(reader);
    ret->slug = wire_text(reader);
    ret->section = wire_text(reader);
    ret->subject = wire_text(reader);
    ret->kind = wire_text(reader);
    ret->statuses = (unsigned)wire_number(reader);
    ret->severities = (unsigned)wire_number(reader);
    ret->waived = (unsigned)wire_number(reader);
    ret->count = (size_t)wire_number(reader);
    ret->limit = (size_t)wire_number(reader);
}
