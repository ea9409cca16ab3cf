/* Any bytes as what the store's process sends, and as what it gives back of an exec: they are refused or read. */
#include <string.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "agent/store/store_message.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frame(enum store_message type, struct wire_reader *in)
{
    struct store_finding finding;
    struct store_query query;
    struct store_item item;
    struct store_row row;

    if (type == STORE_FINDING)
        store_get_finding(in, &finding);
    else if (type == STORE_ITEMS)
        for (size_t count = wire_count(in, SIZE_MAX); count && !in->broken; count--)
            store_get_item(in, &item);
    else if (type == STORE_QUERY)
        store_get_query(in, &query);
    else
        for (size_t count = wire_count(in, SIZE_MAX); count && !in->broken; count--)
            store_get_row(in, &row);
}

static void read_frames(const char *data, size_t size)
{
    struct arena *arena = arena_new(1024);

    for (size_t at = 0;;) {
        struct wire_reader in = {.arena = arena};
        enum store_message type;
        size_t taken;

        if (store_frame_next(data + at, size - at, &type, &in, &taken) != 1)
            break;
        read_frame(type, &in);
        at += taken;
    }
    arena_free(arena);
}

static void fetch(enum input_kind kind, const char *key, void *user)
{
    (void)kind;
    (void)key;
    (void)user;
}

static void restore(const char *extra)
{
    static const struct evaluator_callbacks callbacks = {.fetch = fetch};
    const struct clock clock = clock_fixed(INT64_C(1795514400) * USEC_PER_SEC);
    struct event_base *base = event_base_new();
    struct rule_set *rules = NULL;
    struct config *config = NULL;
    struct evaluator *evaluator;
    struct folder folder;

    folder_make(&folder);
    folder_put_rules(&folder);
    if (config_parse("{}", 2, "fuzz", &config, NULL) < 0 ||
        rule_set_load(checks, folder.path, NULL, "b", NULL, 0, &rules, NULL) < 0)
        __builtin_trap();
    evaluator = evaluator_new(base, NULL, rules, config, &clock, &callbacks);
    evaluator_restore(evaluator, &(struct restored_finding){.slug = "exec-privileged",
                                                            .kind = "exec",
                                                            .id = "e",
                                                            .name = "web",
                                                            .extra = extra,
                                                            .status = VERDICT_FAIL,
                                                            .seq = 5});
    evaluator_restored(evaluator, 7);
    if (evaluator_last_seq(evaluator) < 7)
        __builtin_trap();
    evaluator_free(evaluator);
    config_free(config);
    event_base_free(base);
    folder_remove(&folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);

    if (size && *data == '{')
        restore(text);
    else
        read_frames(text, size);
    free(text);
    return 0;
}
