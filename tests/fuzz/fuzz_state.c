/* Any bytes as the log of findings that is read back at a start: it is read, and what is written anew reads back. */
#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fetch(enum input_kind kind, const char *key, void *user)
{
    (void)kind;
    (void)key;
    (void)user;
}

static void told(struct transition *transition, void *user)
{
    (void)transition;
    (void)user;
}

static void settled(void *user)
{
    (void)user;
}

static uint64_t restart(const struct folder *folder, const struct config *config)
{
    static const struct evaluator_callbacks callbacks = {.fetch = fetch, .transition = told, .settled = settled};
    const struct clock clock = clock_fixed(INT64_C(1795514400) * USEC_PER_SEC);
    struct event_base *base = event_base_new();
    struct rule_set *rules = NULL;
    struct evaluator *evaluator;
    uint64_t seq;

    if (rule_set_load(checks, folder->path, NULL, "b", NULL, 0, &rules, NULL) < 0)
        __builtin_trap();
    evaluator = evaluator_new(base, NULL, rules, config, &clock, &callbacks);
    if (evaluator_load_state(evaluator, folder->path, NULL) == 0)
        evaluator_save_state(evaluator);
    seq = evaluator_last_seq(evaluator);
    evaluator_free(evaluator);
    event_base_free(base);
    return seq;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct folder folder;
    uint64_t seq;

    if (config_parse("{}", 2, "fuzz", &config, NULL) < 0)
        __builtin_trap();
    folder_make(&folder);
    folder_put_rules(&folder);
    folder_put(&folder, "findings.log", data, size);
    seq = restart(&folder, config);
    if (restart(&folder, config) < seq)
        __builtin_trap();
    folder_remove(&folder);
    config_free(config);
    return 0;
}
