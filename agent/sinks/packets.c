/* What is under way to one receiver. */
#include "agent/sinks/packets.h"

#include "common/memory.h"

void packets_init(struct packets *packets)
{
    *packets = (struct packets){0};
    TAILQ_INIT(&packets->list);
    TAILQ_INIT(&packets->kept);
}

static void packet_free(struct packet *packet)
{
    str_deinit(&packet->bytes);
    free(packet);
}

static struct packet *take_first(struct packets *packets)
{
    struct packet *packet = TAILQ_FIRST(&packets->list);

    TAILQ_REMOVE(&packets->list, packet, link);
    packets->bytes -= packet->bytes.length;
    return packet;
}

size_t packets_unreleased(const struct packets *packets)
{
    const struct packet *packet;
    size_t count = 0;

    TAILQ_FOREACH(packet, &packets->kept, link)
    count += packet->number > packets->released;
    return count;
}

/* Until no more than BYTES are kept, of those that are not released UNREAD_MAX. */
static void forget_kept(struct packets *packets, size_t bytes, size_t unread_max)
{
    struct packet *packet;

    while (packets->kept_bytes > bytes && (packet = TAILQ_FIRST(&packets->kept)) &&
           (packet->number <= packets->released || packets->kept_bytes > unread_max)) {
        TAILQ_REMOVE(&packets->kept, packet, link);
        packets->kept_bytes -= packet->bytes.length;
        if (packet->number > packets->released)
            packets->released = packet->number;
        packet_free(packet);
    }
}

void packets_release(struct packets *packets, uint64_t number)
{
    if (number > packets->released)
        packets->released = number;
    forget_kept(packets, packets->keep, packets->unread_max);
}

void packets_deinit(struct packets *packets)
{
    forget_kept(packets, 0, 0);
    while (!TAILQ_EMPTY(&packets->list))
        packet_free(take_first(packets));
}

void packets_add(struct packets *packets, uint64_t number, struct str *bytes)
{
    struct packet *packet = mem_alloc(sizeof *packet);

    packet->number = packets->last = number;
    packet->bytes = *bytes;
    *bytes = STR_INIT;
    packets->bytes += packet->bytes.length;
    TAILQ_INSERT_TAIL(&packets->list, packet, link);
    if (!packets->next)
        packets->next = packet;
}

void packets_sent(struct packets *packets, uint64_t end)
{
    packets->next->end = end;
    packets->next = TAILQ_NEXT(packets->next, link);
}

uint64_t packets_confirm(struct packets *packets, uint64_t end, size_t *ret_count)
{
    struct packet *first;
    uint64_t number = 0;

    *ret_count = 0;
    while ((first = TAILQ_FIRST(&packets->list)) && first != packets->next && first->end <= end) {
        number = first->number;
        *ret_count += number > packets->confirmed;
        if (number > packets->confirmed)
            packets->confirmed = number;
        take_first(packets);
        TAILQ_INSERT_TAIL(&packets->kept, first, link);
        packets->kept_bytes += first->bytes.length;
        forget_kept(packets, packets->keep, packets->unread_max);
    }
    return number;
}

void packets_rewind(struct packets *packets, bool unread)
{
    struct packet *packet;

    while (unread && (packet = TAILQ_LAST(&packets->kept, packet_list))) {
        TAILQ_REMOVE(&packets->kept, packet, link);
        packets->kept_bytes -= packet->bytes.length;
        TAILQ_INSERT_HEAD(&packets->list, packet, link);
        packets->bytes += packet->bytes.length;
    }
    forget_kept(packets, 0, 0);
    TAILQ_FOREACH(packet, &packets->list, link)
    packet->sent = 0;
    packets->next = TAILQ_FIRST(&packets->list);
}

bool packets_are_unconfirmed(const struct packets *packets)
{
    return TAILQ_FIRST(&packets->list) != packets->next;
}
