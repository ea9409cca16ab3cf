/* Listing the kernel's audit rules through libaudit, and being notified of changes. */
#include <errno.h>
#include <inttypes.h>
#include <libaudit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/capability.h"
#include "common/json_out.h"
#include "probes/audit/audit_internal.h"

enum { REPLY_MS = 5000, RULES_MAX = 65536, RECEIVE_BUFFER = 4 << 20 };

/* ---- In the worker ---- */

static void write_calls(struct json_out *out, const char *key, uint64_t calls)
{
    scoped(cleanup_free) char *text = mem_printf("%" PRIx64, calls);

    json_out_string(out, key, text);
}

int audit_write_rule(struct json_out *out, const struct audit_rule_data *data, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct audit_rule rule;
    int r = audit_read_rule(arena, data, &rule, error);

    if (r < 0)
        return r;
    json_out_object(out, NULL);
    json_out_bool(out, "exit", rule.list == AUDIT_LIST_EXIT);
    json_out_bool(out, "never", rule.never);
    json_out_bool(out, "task", rule.task);
    json_out_bool(out, "directory", rule.directory);
    json_out_bool(out, "conditional", rule.conditional);
    json_out_string(out, "path", rule.path);
    json_out_string(out, "text", rule.text);
    write_calls(out, "native", rule.calls[AUDIT_NATIVE]);
    write_calls(out, "compat", rule.calls[AUDIT_COMPAT]);
    json_out_end_object(out);
    return 0;
}

/* A reply whose payload is shorter than SIZE was cut off, or is no such reply. */
static int expect_payload(const struct audit_reply *reply, size_t size, struct error *error)
{
    if ((size_t)reply->len < NLMSG_HDRLEN + size)
        return error_set(error, EPROTO, "a reply is shorter than its kind or its texts");
    return 0;
}

/* Replies until DONE of TYPE's request, each given to BACK; an ack between is skipped. */
static int read_replies(int fd, int type, int (*back)(const struct audit_reply *reply, void *user, struct error *error),
                        void *user, struct error *error)
{
    usec_t deadline = clock_monotonic() + REPLY_MS * INT64_C(1000);

    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        usec_t left = deadline - clock_monotonic();
        struct audit_reply reply;
        int r;

        if (left <= 0)
            return error_set(error, ETIMEDOUT, "the kernel did not finish the listing");
        if (poll(&poll_fd, 1, (int)(left / 1000) + 1) <= 0)
            continue;
        r = audit_get_reply(fd, &reply, GET_REPLY_NONBLOCKING, 0);
        if (r == -EAGAIN || r == -EINTR)
            continue;
        if (r < 0)
            return error_system(error, -r, "the kernel's listing was cut off");
        if (reply.type == NLMSG_ERROR && expect_payload(&reply, sizeof reply.error->error, error) < 0)
            return -EPROTO;
        if (reply.type == NLMSG_ERROR && reply.error && reply.error->error)
            return error_system(error, -reply.error->error, "the kernel refused");
        if (reply.type == NLMSG_DONE)
            return 0;
        if (reply.type != type)
            continue;
        r = back(&reply, user, error);
        if (r)
            return r < 0 ? r : 0;
    }
}

struct listing {
    struct json_out *out;
    size_t count;
    uint32_t enabled;
};

static int on_rule(const struct audit_reply *reply, void *user, struct error *error)
{
    struct listing *listing = user;
    int r = expect_payload(reply, sizeof *reply->ruledata, error);

    if (r == 0)
        r = expect_payload(reply, sizeof *reply->ruledata + reply->ruledata->buflen, error);
    if (r < 0)
        return r;
    if (++listing->count > RULES_MAX)
        return error_set(error, EFBIG, "more than %d rules", (int)RULES_MAX);
    return audit_write_rule(listing->out, reply->ruledata, error);
}

static int on_status(const struct audit_reply *reply, void *user, struct error *error)
{
    int r = expect_payload(reply, offsetof(struct audit_status, enabled) + sizeof reply->status->enabled, error);

    if (r < 0)
        return r;
    ((struct listing *)user)->enabled = reply->status->enabled;
    return 1;
}

/* Without the right nothing is known of the rules. Else a refusal is the kernel's, as in a user namespace, where what
 * is on disk is the best that can be known. */
static int name_right(int r, struct error *error)
{
    if ((r != -EPERM && r != -EACCES) || capability_has(CAP_AUDIT_CONTROL))
        return r;
    return error_set(error, EIO, "needs CAP_AUDIT_CONTROL");
}

int audit_run(struct str *output, const void *argument, struct error *error)
{
    struct listing listing = {.out = NULL};
    int fd, r, size = RECEIVE_BUFFER;

    (void)argument;
    set_aumessage_mode(MSG_QUIET, DBG_NO);
    fd = audit_open();
    if (fd < 0)
        return error_system(error, errno, "cannot open the netlink socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    listing.out = json_out_new(false);
    json_out_object(listing.out, NULL);
    r = audit_request_status(fd);
    r = r <= 0 ? error_system(error, r < 0 ? -r : EIO, "cannot read the status")
               : read_replies(fd, AUDIT_GET, on_status, &listing, error);
    if (r == 0) {
        json_out_bool(listing.out, "enabled", listing.enabled != 0);
        json_out_bool(listing.out, "locked", listing.enabled == 2);
        json_out_array(listing.out, "rules");
        r = audit_request_rules_list_data(fd);
        r = r <= 0 ? error_system(error, r < 0 ? -r : EIO, "cannot read the rules")
                   : read_replies(fd, AUDIT_LIST_RULES, on_rule, &listing, error);
    }
    if (r == 0) {
        json_out_end_array(listing.out);
        json_out_end_object(listing.out);
        str_append(output, json_out_text(listing.out, NULL));
    }
    json_out_free(listing.out);
    audit_close(fd);
    return name_right(r, error);
}

/* ---- Notifications of changes ---- */

struct audit_watch {
    int fd;
    bool off; /* what the filter passes */
    struct event *event;
    void (*changed)(void *user);
    void *user;
};

static void on_news(evutil_socket_t fd, short what, void *user)
{
    struct audit_watch *watch = user;
    char buffer[16384];
    bool any = false;

    (void)what;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != ENOBUFS) /* ENOBUFS: some were lost, which counts as a change as well */
            break;
        any = true;
        if (n == 0)
            break;
    }
    if (any)
        watch->changed(watch->user);
}

/* AUDIT_CONFIG_CHANGE records only: a busy host audits thousands a second. While auditing is OFF also records of
 * programs and system calls; access denials (AVC) come even then. nlmsg_type is in the host's order, BPF loads are not.
 */
static int set_filter(int fd, bool off)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    enum { HIGH = 4, LOW = 5 };
#else
    enum { HIGH = 5, LOW = 4 };
#endif
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HIGH),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, LOW),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_CONFIG_CHANGE, 5, 0),
        BPF_STMT(BPF_JMP | BPF_JA, off ? 0 : 5),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_SYSCALL, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_USER_AVC, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, AUDIT_USER, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, AUDIT_LAST_USER_MSG, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int audit_open_news(int *ret_fd, struct error *error)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1)};
    scoped(cleanup_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);

    if (fd < 0 || set_filter(fd, false) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return error_system(error, errno, "audit netlink");
    *ret_fd = fd;
    fd = -1;
    return 0;
}

struct audit_watch *audit_watch_new(struct event_base *base, int fd, void (*changed)(void *user), void *user,
                                    struct error *error)
{
    struct audit_watch *watch = mem_alloc(sizeof *watch);

    watch->changed = changed;
    watch->user = user;
    watch->fd = fd;
    if (set_filter(fd, false) < 0) {
        error_system(error, errno, "audit netlink");
        audit_watch_free(watch);
        return NULL;
    }
    watch->event = event_new(base, fd, EV_READ | EV_PERSIST, on_news, watch);
    event_add(watch->event, NULL);
    return watch;
}

void audit_watch_await(struct audit_watch *watch, bool off)
{
    if (watch->off != off && set_filter(watch->fd, off) == 0)
        watch->off = off;
}

void audit_watch_free(struct audit_watch *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch);
}
