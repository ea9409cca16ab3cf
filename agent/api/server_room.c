/* What connections hold is counted by the callbacks of their buffers. A connection that has to go loses what waits in
 * its buffers at once; evhttp learns of its end from the loop's next turn, so that no caller's own connection or list
 * changes under it. */
#include "agent/api/server_room.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

/* evhttp keeps each header in three allocations: so much for a line of a few bytes. */
enum { LINE_COST = 112 };

struct account {
    LIST_ENTRY(account) link;
    struct room *room;
    struct bufferevent *stream; /* evhttp's: it is there until the connection is over */
    evutil_socket_t fd;
    uint64_t cookie;
    uid_t uid;
    size_t queued, reserved, request; /* bytes */
    usec_t waiting;                   /* monotonic: since when there has been something queued; 0: there is nothing */
    bool closing;
};

struct room {
    LIST_HEAD(, account) accounts;
    struct room_counts counts;
    struct log_limit reports;
};

struct room *room_new(void)
{
    struct room *room = mem_alloc(sizeof *room);

    LIST_INIT(&room->accounts);
    return room;
}

void room_free(struct room *room)
{
    free(room);
}

const struct room_counts *room_counts(const struct room *room)
{
    return &room->counts;
}

static void set_queued(struct account *account, size_t queued)
{
    account->room->counts.answers += queued - account->queued;
    account->queued = queued;
    if (!queued)
        account->waiting = 0;
    else if (!account->waiting)
        account->waiting = clock_monotonic();
}

static void set_request(struct account *account, size_t bytes)
{
    account->room->counts.requests += bytes - account->request;
    account->request = bytes;
}

bool room_read_cookie(evutil_socket_t fd, uint64_t *ret)
{
    socklen_t length = sizeof *ret;

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret, &length) == 0;
}

bool account_is_over(const struct account *account)
{
    uint64_t cookie;

    return !room_read_cookie(account->fd, &cookie) || cookie != account->cookie;
}

/* What it held is no longer there. */
static void forget(struct account *account)
{
    account->closing = true;
    account_arrived(account);
    set_queued(account, 0);
    set_request(account, 0);
}

static void empty(struct evbuffer *buffer)
{
    evbuffer_unfreeze(buffer, 1);
    evbuffer_drain(buffer, evbuffer_get_length(buffer));
}

static void close_account(struct account *account, const char *why)
{
    struct room *room = account->room;
    unsigned held_back;

    if (account_is_over(account)) {
        forget(account);
        return;
    }
    account->closing = true;
    bufferevent_disable(account->stream, EV_READ | EV_WRITE);
    empty(bufferevent_get_output(account->stream));
    empty(bufferevent_get_input(account->stream));
    set_request(account, 0);
    bufferevent_trigger_event(account->stream, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
    room->counts.closed++;
    if (log_allowed(&room->reports, clock_monotonic(), &held_back))
        log_warning("query API: a connection of user %u was closed: %s (%u more since the last of these lines)",
                    (unsigned)account->uid, why, held_back);
}

/* ---- Answers ---- */

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *user)
{
    (void)output;
    set_queued(user, info->orig_size + info->n_added - info->n_deleted);
}

static size_t held_by(const struct room *room, uid_t uid)
{
    const struct account *account;
    size_t sum = 0;

    LIST_FOREACH(account, &room->accounts, link)
    if (account->uid == uid)
        sum += account->queued + account->reserved;
    return sum;
}

/* Of those whose answers wait: the one that has been waited for longest. HOLDING: of users who hold more than that. */
static struct account *slowest(const struct account *but, size_t holding)
{
    struct account *account, *found = NULL;

    LIST_FOREACH(account, &but->room->accounts, link)
    if (account != but && !account->closing && account->waiting && (!found || account->waiting < found->waiting) &&
        (!holding || held_by(but->room, account->uid) > holding))
        found = account;
    return found;
}

static struct account *who_makes_room(const struct account *account, size_t bytes)
{
    struct account *found = slowest(account, 0);

    if (found && clock_monotonic() - found->waiting >= ROOM_SLOW_S * USEC_PER_SEC)
        return found;
    return slowest(account, held_by(account->room, account->uid) + bytes);
}

bool account_make_room(struct account *account, size_t bytes, bool keep)
{
    struct room *room = account->room;

    if (account->closing)
        return false;
    while (room->counts.answers + bytes > ROOM_ANSWERS) {
        struct account *other = who_makes_room(account, bytes);

        if (!other) {
            room->counts.refused++;
            return false;
        }
        close_account(other, "too many answers wait to be read");
    }
    if (keep) {
        account->reserved += bytes;
        room->counts.answers += bytes;
    }
    return true;
}

void account_arrived(struct account *account)
{
    account->room->counts.answers -= account->reserved;
    account->reserved = 0;
}

/* ---- Requests ---- */

static size_t count_lines(struct evbuffer *input, size_t length)
{
    struct evbuffer_ptr at;
    struct evbuffer_iovec part;
    size_t lines = 0;

    while (length && evbuffer_ptr_set(input, &at, evbuffer_get_length(input) - length, EVBUFFER_PTR_SET) == 0 &&
           evbuffer_peek(input, (ev_ssize_t)length, &at, &part, 1) > 0 && part.iov_len) {
        size_t size = part.iov_len < length ? part.iov_len : length;

        for (const char *byte = part.iov_base, *end = byte + size; byte < end; byte++)
            lines += *byte == '\n';
        length -= size;
    }
    return lines;
}

static struct account *largest(struct account *account)
{
    struct account *other, *found = account;

    LIST_FOREACH(other, &account->room->accounts, link)
    if (!other->closing && other->request > found->request)
        found = other;
    return found;
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *user)
{
    struct account *account = user;
    size_t added = info->n_added;

    if (!added || account->closing)
        return;
    set_request(account, account->request + added + LINE_COST * count_lines(input, added));
    while (account->room->counts.requests > ROOM_REQUESTS && !account->closing)
        close_account(largest(account), "too many requests are held");
}

void account_answered(struct account *account)
{
    set_request(account, evbuffer_get_length(bufferevent_get_input(account->stream)));
}

/* ---- */

struct account *account_new(struct room *room, struct bufferevent *stream, uint64_t cookie, uid_t uid)
{
    struct account *account = mem_alloc(sizeof *account);
    struct evbuffer *input = bufferevent_get_input(stream), *output = bufferevent_get_output(stream);

    account->room = room;
    account->stream = stream;
    account->fd = bufferevent_getfd(stream);
    account->cookie = cookie;
    account->uid = uid;
    LIST_INSERT_HEAD(&room->accounts, account, link);
    evbuffer_add_cb(input, on_input, account);
    evbuffer_add_cb(output, on_output, account);
    set_queued(account, evbuffer_get_length(output));
    set_request(account, evbuffer_get_length(input));
    return account;
}

void account_free(struct account *account)
{
    LIST_REMOVE(account, link);
    forget(account);
    free(account);
}
