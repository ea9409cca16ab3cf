/* Any bytes as a rule file of a user's: refused with the file's name, or a rule that passes on nothing known. */
#include <string.h>

#include "agent/checks/table.h"
#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct rule *rule)
{
    scoped(cleanup_store) struct store *store = store_new();
    const struct check_input in = {.rule = rule, .store = store, .key = "0123456789ab", .explain = true};
    struct check_result result;

    if (rule->check->subject == SUBJECT_FILE)
        return;
    check_result_init(&result);
    check_run(&in, &result);
    if (result.verdict == VERDICT_NONE || result.verdict == VERDICT_PASS)
        __builtin_trap();
    check_result_deinit(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = ERROR_INIT;
    struct rule_set *rules = NULL;
    struct folder folder;
    scoped(cleanup_free) char *own = NULL;

    folder_make(&folder);
    folder_put_rules(&folder);
    folder_put(&folder, "own/own.json", data, size);
    own = mem_printf("%s/own", folder.path);
    if (rule_set_load(checks, folder.path, own, "b", NULL, 0, &rules, &error) < 0) {
        if (!strstr(error.text, "own.json"))
            __builtin_trap();
    } else {
        for (size_t i = 0; i < rules->count; i++)
            judge(&rules->rules[i]);
        rule_set_nearest(rules, rules->rules[rules->count - 1].slug);
        rule_set_free(rules);
    }
    folder_remove(&folder);
    return 0;
}
