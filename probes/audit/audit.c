/* Listing the kernel's audit rules through libaudit, and being notified of changes. libaudit hands out rules as the
 * kernel keeps them, so a permission has to be worked out from the system calls that spell it. */
#include "probes/audit/audit.h"

#include <errno.h>
#include <libaudit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/json_out.h"
#include "common/vec.h"
#include "probes/facts/digest.h"

enum { REPLY_MS = 5000, RULES_MAX = 65536, RECEIVE_BUFFER = 4 << 20, FILE_MAX_BYTES = 4 << 20 };

/* ---- In the worker ---- */

static bool has_syscall(const struct audit_rule_data *rule, unsigned number)
{
    return rule->mask[AUDIT_WORD(number)] & AUDIT_BIT(number);
}

static bool has_all_syscalls(const struct audit_rule_data *rule)
{
    for (size_t i = 0; i < AUDIT_BITMASK_SIZE - 1; i++)
        if (rule->mask[i] != UINT32_MAX)
            return false;
    return true;
}

static bool has_any_syscall(const struct audit_rule_data *rule, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_syscall(rule, numbers[i]))
            return true;
    return false;
}

/* auditctl spells a permission out as the calls that need it: one or two of each represent them all. */
static unsigned perms_watched(const struct audit_rule_data *rule)
{
    unsigned perms = 0;

    if (has_syscall(rule, SYS_execve))
        perms |= AUDIT_PERM_X;
    if (has_syscall(rule, SYS_openat) && has_syscall(rule, SYS_unlinkat))
        perms |= AUDIT_PERM_W;
    if (has_syscall(rule, SYS_openat))
        perms |= AUDIT_PERM_R;
    if (has_syscall(rule, SYS_fchmodat))
        perms |= AUDIT_PERM_A;
    return perms;
}

/* What a "never" rule takes away: a permission is complete only if every call that needs it is audited. */
static unsigned perms_hidden(const struct audit_rule_data *rule)
{
    static const unsigned runs[] = {SYS_execve, SYS_execveat};
    static const unsigned writes[] = {
        SYS_openat,  SYS_openat2, SYS_unlinkat,  SYS_renameat2, SYS_truncate, SYS_ftruncate,
        SYS_mkdirat, SYS_linkat,  SYS_symlinkat, SYS_mknodat,
#ifdef SYS_open
        SYS_open,    SYS_creat,   SYS_unlink,    SYS_rename,    SYS_renameat, SYS_mkdir,
        SYS_rmdir,   SYS_link,    SYS_symlink,   SYS_mknod
#endif
    };
    static const unsigned reads[] = {SYS_openat,
#ifdef SYS_open
                                     SYS_open
#endif
    };
    static const unsigned attributes[] = {SYS_fchmodat, SYS_fchmod,    SYS_fchownat,    SYS_fchown,
                                          SYS_setxattr, SYS_lsetxattr, SYS_removexattr, SYS_fsetxattr,
#ifdef SYS_chmod
                                          SYS_chmod,    SYS_chown,     SYS_lchown
#endif
    };

    return (has_any_syscall(rule, runs, countof(runs)) ? (unsigned)AUDIT_PERM_X : 0U) |
           (has_any_syscall(rule, writes, countof(writes)) ? (unsigned)AUDIT_PERM_W : 0U) |
           (has_any_syscall(rule, reads, countof(reads)) ? (unsigned)AUDIT_PERM_R : 0U) |
           (has_any_syscall(rule, attributes, countof(attributes)) ? (unsigned)AUDIT_PERM_A : 0U);
}

/* A field's text: not terminated, LENGTH bytes at OFFSET of the rule's buffer. */
static char *field_text(const struct audit_rule_data *rule, size_t *offset, size_t length)
{
    char *text;

    if (*offset > rule->buflen || length > rule->buflen - *offset)
        return NULL;
    text = mem_strndup(rule->buf + *offset, length);
    *offset += length;
    return text;
}

static bool is_text_field(uint32_t field)
{
    return field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_FILTERKEY || field == AUDIT_EXE ||
           (field >= AUDIT_SUBJ_USER && field <= AUDIT_OBJ_LEV_HIGH);
}

static bool compare(uint32_t left, uint32_t relation, uint32_t right)
{
    switch (relation) {
    case AUDIT_EQUAL:
        return left == right;
    case AUDIT_NOT_EQUAL:
        return left != right;
    case AUDIT_LESS_THAN:
        return left < right;
    case AUDIT_LESS_THAN_OR_EQUAL:
        return left <= right;
    case AUDIT_GREATER_THAN:
        return left > right;
    case AUDIT_GREATER_THAN_OR_EQUAL:
        return left >= right;
    case AUDIT_BIT_MASK:
        return left & right;
    case AUDIT_BIT_TEST:
        return (left & right) == right;
    default:
        return false;
    }
}

static bool excludes_type(const struct audit_rule_data *rule, uint32_t type)
{
    bool any = false;

    for (uint32_t i = 0; i < rule->field_count; i++) {
        if (rule->fields[i] == AUDIT_FILTERKEY)
            continue;
        if (rule->fields[i] != AUDIT_MSGTYPE || !compare(type, rule->fieldflags[i], rule->values[i]))
            return false;
        any = true;
    }
    return any;
}

/* What is excluded hides a watch only if it is one of the records that a watch makes: without SYSCALL there is no
 * record at all, without PATH it does not name what was accessed. */
static bool excludes_watches(const struct audit_rule_data *rule)
{
    return excludes_type(rule, AUDIT_SYSCALL) || excludes_type(rule, AUDIT_PATH);
}

int audit_write_rule(struct json_out *out, const struct audit_rule_data *rule, struct error *error)
{
    uint32_t list = rule->flags & AUDIT_FILTER_MASK;
    bool conditional = false, directory = false, never = rule->action == AUDIT_NEVER;
    scoped(cleanup_free) char *path = NULL;
    unsigned perms = AUDIT_PERM_X | AUDIT_PERM_W | AUDIT_PERM_R | AUDIT_PERM_A;
    size_t offset = 0;

    if (rule->field_count > AUDIT_MAX_FIELDS)
        return error_set(error, EPROTO, "a rule has too many fields");
    for (uint32_t i = 0; i < rule->field_count; i++) {
        uint32_t field = rule->fields[i] & ~(uint32_t)AUDIT_OPERATORS;
        scoped(cleanup_free) char *text = NULL;

        if (is_text_field(field)) {
            text = field_text(rule, &offset, rule->values[i]);
            if (!text)
                return error_set(error, EPROTO, "a rule is longer than its stated length");
        }
        if (field == AUDIT_WATCH || field == AUDIT_DIR) {
            if (rule->fieldflags[i] != AUDIT_EQUAL) {
                conditional = true;
            } else {
                free(path);
                path = take(text);
                directory = field == AUDIT_DIR;
            }
        } else if (field == AUDIT_PERM) {
            perms = rule->values[i] & 15;
        } else if (field == AUDIT_ARCH) {
            uint32_t arch = rule->values[i];

            conditional |= !(arch & __AUDIT_ARCH_64BIT);
        } else if (field != AUDIT_FILTERKEY && !(list == AUDIT_FILTER_EXCLUDE && field == AUDIT_MSGTYPE)) {
            conditional = true;
        }
    }
    if (list == AUDIT_FILTER_EXIT && !has_all_syscalls(rule))
        perms &= never ? perms_hidden(rule) : perms_watched(rule);
    json_out_object(out, NULL);
    json_out_bool(out, "exit", list == AUDIT_FILTER_EXIT);
    json_out_bool(out, "never",
                  list == AUDIT_FILTER_EXCLUDE ? excludes_watches(rule)
                                               : never && (list == AUDIT_FILTER_EXIT || list == AUDIT_FILTER_TASK));
    json_out_bool(out, "directory", directory);
    json_out_bool(out, "conditional", conditional);
    json_out_string(out, "path", path);
    json_out_int(out, "perms", perms);
    json_out_end_object(out);
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

    if (++listing->count > RULES_MAX)
        return error_set(error, EFBIG, "more than %d rules", (int)RULES_MAX);
    return audit_write_rule(listing->out, reply->ruledata, error);
}

static int on_status(const struct audit_reply *reply, void *user, struct error *error)
{
    (void)error;
    ((struct listing *)user)->enabled = reply->status->enabled;
    return 1;
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
    return r;
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

struct audit_watch *audit_watch_new(struct event_base *base, void (*changed)(void *user), void *user,
                                    struct error *error)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1)};
    struct audit_watch *watch = mem_alloc(sizeof *watch);

    watch->changed = changed;
    watch->user = user;
    watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
    if (watch->fd < 0 || set_filter(watch->fd, false) < 0 ||
        bind(watch->fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        error_system(error, errno, "audit netlink");
        audit_watch_free(watch);
        return NULL;
    }
    watch->event = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_news, watch);
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
