/* A libFuzzer mutator of what the kernel's audit answers: netlink messages, each with its length and type, most of them
 * rules (struct audit_rule_data) whose fields and texts fit one another. */
#ifndef TESTS_FUZZ_MUTATE_NETLINK_H
#define TESTS_FUZZ_MUTATE_NETLINK_H

#include <libaudit.h>
#include <linux/netlink.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"
#include "tests/fuzz/mutate_random.h"

enum { NETLINK_MESSAGES_MAX = 64 };

struct netlink_messages {
    struct str items[NETLINK_MESSAGES_MAX]; /* header and payload */
    size_t count;
};

static inline void netlink_read(struct netlink_messages *messages, const uint8_t *data, size_t size)
{
    for (size_t at = 0; messages->count < NETLINK_MESSAGES_MAX && size - at >= sizeof(struct nlmsghdr);) {
        struct nlmsghdr header;
        size_t length;

        memcpy(&header, data + at, sizeof header);
        length = header.nlmsg_len;
        if (length < sizeof header || length > size - at)
            length = size - at;
        str_append_n(&messages->items[messages->count++], data + at, length);
        at += NLMSG_ALIGN(length);
        if (at > size)
            break;
    }
}

static inline void netlink_write(struct netlink_messages *messages, struct str *out)
{
    for (size_t i = 0; i < messages->count; i++) {
        str_append_n(out, messages->items[i].data, messages->items[i].length);
        str_append_n(out, "\0\0\0", -messages->items[i].length & 3);
        str_deinit(&messages->items[i]);
    }
}

static inline void netlink_make(struct str *out, uint16_t type, const void *payload, size_t length)
{
    const struct nlmsghdr header = {.nlmsg_len = (uint32_t)(sizeof header + length), .nlmsg_type = type};

    str_append_n(out, (const char *)&header, sizeof header);
    if (length)
        str_append_n(out, payload, length);
}

static inline void netlink_set_field(struct audit_rule_data *rule, uint32_t i, struct mutate_random *random)
{
    static const uint32_t fields[] = {AUDIT_WATCH,         AUDIT_DIR,      AUDIT_PERM,      AUDIT_FILTERKEY,
                                      AUDIT_ARCH,          AUDIT_EXE,      AUDIT_LOGINUID,  AUDIT_MSGTYPE,
                                      AUDIT_UID,           AUDIT_EXIT,     AUDIT_SUCCESS,   AUDIT_PID,
                                      AUDIT_INODE,         AUDIT_FILETYPE, AUDIT_OBJ_TYPE,  AUDIT_ARG0,
                                      AUDIT_FIELD_COMPARE, AUDIT_FSTYPE,   AUDIT_SUBJ_USER, AUDIT_SADDR_FAM},
                          values[] = {0,
                                      1,
                                      15,
                                      4,
                                      AUDIT_ARCH_X86_64,
                                      AUDIT_ARCH_I386,
                                      UINT32_MAX,
                                      AUDIT_CWD,
                                      AUDIT_PATH,
                                      AUDIT_SYSCALL,
                                      1000,
                                      0x64626720},
                          relations[] = {AUDIT_EQUAL,
                                         AUDIT_NOT_EQUAL,
                                         AUDIT_LESS_THAN,
                                         AUDIT_GREATER_THAN,
                                         AUDIT_BIT_MASK,
                                         AUDIT_BIT_TEST,
                                         0};

    rule->fields[i] = MUTATE_PICK(random, fields);
    rule->values[i] = MUTATE_PICK(random, values);
    rule->fieldflags[i] = mutate_below(random, 4) ? AUDIT_EQUAL : MUTATE_PICK(random, relations);
}

static inline bool netlink_is_text(uint32_t field)
{
    return field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_FILTERKEY || field == AUDIT_EXE ||
           field == AUDIT_SUBJ_USER || field == AUDIT_OBJ_TYPE;
}

/* The texts of the rule's fields, one after the other, with their lengths in the values. */
static inline void netlink_set_texts(struct audit_rule_data *rule, struct str *texts, struct mutate_random *random)
{
    static const char *const paths[] = {
        "/usr/bin/dockerd", "/var/lib/docker", "/etc/docker",         "", "/", "a\x1b[31m\n",
        "docker",           "relative",        "/usr/bin/docker\x01k"};

    for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
        const char *text = MUTATE_PICK(random, paths);

        if (!netlink_is_text(rule->fields[i]))
            continue;
        rule->values[i] = (uint32_t)strlen(text);
        str_append(texts, text);
    }
    rule->buflen = (uint32_t)texts->length;
}

static inline void netlink_make_rule(struct str *out, struct mutate_random *random)
{
    static const uint32_t lists[] = {AUDIT_FILTER_EXIT, AUDIT_FILTER_EXCLUDE, AUDIT_FILTER_USER, AUDIT_FILTER_TASK,
                                     AUDIT_FILTER_FS},
                          actions[] = {AUDIT_ALWAYS, AUDIT_NEVER};
    struct audit_rule_data rule = {.flags = MUTATE_PICK(random, lists), .action = MUTATE_PICK(random, actions)};
    scoped_str payload = STR_INIT, texts = STR_INIT;

    rule.field_count = (uint32_t)mutate_below(random, 6);
    for (uint32_t i = 0; i < rule.field_count; i++)
        netlink_set_field(&rule, i, random);
    memset(rule.mask, mutate_below(random, 2) ? 0xff : 0, sizeof rule.mask);
    if (mutate_below(random, 3) == 0)
        rule.mask[mutate_below(random, AUDIT_BITMASK_SIZE)] ^= 1U << mutate_below(random, 32);
    netlink_set_texts(&rule, &texts, random);
    str_append_n(&payload, (const char *)&rule, sizeof rule);
    str_append_n(&payload, str_text(&texts), texts.length);
    netlink_make(out, AUDIT_LIST_RULES, payload.data, payload.length);
}

static inline void netlink_make_any(struct str *out, struct mutate_random *random)
{
    const int32_t error = -(int32_t)mutate_below(random, 40);
    const struct audit_status status = {.enabled = (uint32_t)mutate_below(random, 3)};

    switch (mutate_below(random, 8)) {
    case 0:
        netlink_make(out, NLMSG_DONE, NULL, 0);
        break;
    case 1:
        netlink_make(out, NLMSG_ERROR, &error, mutate_below(random, 5));
        break;
    case 2:
        netlink_make(out, AUDIT_GET, &status, mutate_below(random, 4) ? sizeof status : mutate_below(random, 9));
        break;
    default:
        netlink_make_rule(out, random);
    }
}

/* One field of a rule, its texts, or any of its bytes. */
static inline void netlink_mutate_one(struct str *message, struct mutate_random *random)
{
    struct nlmsghdr header;
    struct audit_rule_data rule;
    scoped_str texts = STR_INIT;

    memcpy(&header, message->data, sizeof header);
    if (header.nlmsg_type != AUDIT_LIST_RULES || message->length < sizeof header + sizeof rule ||
        mutate_below(random, 4) == 0) {
        LLVMFuzzerMutate((uint8_t *)message->data, message->length, message->length);
        return;
    }
    memcpy(&rule, message->data + sizeof header, sizeof rule);
    if (rule.field_count < AUDIT_MAX_FIELDS && mutate_below(random, 3) == 0)
        netlink_set_field(&rule, rule.field_count++, random);
    else if (rule.field_count && rule.field_count <= AUDIT_MAX_FIELDS)
        netlink_set_field(&rule, (uint32_t)mutate_below(random, rule.field_count), random);
    netlink_set_texts(&rule, &texts, random);
    str_clear(message);
    header.nlmsg_len = (uint32_t)(sizeof header + sizeof rule + texts.length);
    str_append_n(message, (const char *)&header, sizeof header);
    str_append_n(message, (const char *)&rule, sizeof rule);
    str_append_n(message, str_text(&texts), texts.length);
}

static inline size_t mutate_netlink(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(seed);
    struct netlink_messages messages = {.count = 0};
    scoped_str out = STR_INIT;
    size_t at;

    netlink_read(&messages, data, size);
    at = messages.count ? mutate_below(&random, messages.count) : 0;
    switch (messages.count ? mutate_below(&random, 5) : 0) {
    case 0:
        if (messages.count < NETLINK_MESSAGES_MAX) {
            memmove(&messages.items[at + 1], &messages.items[at], (messages.count++ - at) * sizeof *messages.items);
            messages.items[at] = (struct str)STR_INIT;
            netlink_make_any(&messages.items[at], &random);
        }
        break;
    case 1:
        str_deinit(&messages.items[at]);
        memmove(&messages.items[at], &messages.items[at + 1], (--messages.count - at) * sizeof *messages.items);
        break;
    default:
        netlink_mutate_one(&messages.items[at], &random);
    }
    netlink_write(&messages, &out);
    if (!out.length || out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}

#endif
