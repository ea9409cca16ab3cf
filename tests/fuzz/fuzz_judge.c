/* The engine's documents on one host, members of one object, judged by every rule that is shipped: each gives a
 * verdict, the same whether it is explained or not, and facts that are JSON. */
#include <string.h>

#include "agent/checks/table.h"
#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "common/json_out.h"
#include "probes/daemon/daemon_config.h"
#include "probes/docker/docker_parse.h"
#include "probes/watch/mounts.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGUMENTS_MAX = 16 };

static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* The member of that name as a document of its own, for what parses it. */
#define PUT(member, parser, type, kind, key)                                                                           \
    do {                                                                                                               \
        scoped(cleanup_free) char *text_ = text_of(root, member);                                                      \
        struct type *facts_ = NULL;                                                                                    \
        struct error error_ = ERROR_INIT;                                                                              \
                                                                                                                       \
        if (text_ && parser(text_, strlen(text_), &facts_, &error_) == 0)                                              \
            store_put(store, kind, key, &facts_->facts);                                                               \
        else if (text_)                                                                                                \
            store_put_error(store, kind, key, error_.text);                                                            \
    } while (0)

static char *text_of(const struct json *root, const char *member)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    if (!json_get(root, member))
        return NULL;
    json_out_value(out, NULL, json_get(root, member));
    return mem_strdup(json_out_text(out, NULL));
}

static void put_daemon(struct store *store, const struct json *root)
{
    const struct json *list = json_get(root, "arguments");
    scoped(cleanup_free) char *config = text_of(root, "daemon.json");
    const char *arguments[ARGUMENTS_MAX];
    struct daemon_facts *facts = NULL;
    size_t count = 0;

    for (; count < ARGUMENTS_MAX && json_string(json_at(list, count)); count++)
        arguments[count] = json_string(json_at(list, count));
    if (daemon_config_parse(arguments, count, config, config ? strlen(config) : 0, &facts, NULL) == 0)
        store_put(store, INPUT_DAEMON, NULL, &facts->facts);
}

static void put_mounts(struct store *store, const struct json *root)
{
    const char *table = json_string(json_get(root, "mountinfo"));
    struct mounts_facts *facts = NULL;

    if (table && mounts_parse(table, strlen(table), &facts, NULL) == 0)
        store_put(store, INPUT_MOUNTS, NULL, &facts->facts);
}

static void put_documents(struct store *store, const struct json *root)
{
    PUT("version", parse_version, version_facts, INPUT_VERSION, NULL);
    PUT("info", parse_info, info_facts, INPUT_INFO, NULL);
    PUT("containers", parse_container_list, container_list_facts, INPUT_CONTAINERS, NULL);
    PUT("container", parse_container, container_facts, INPUT_CONTAINER, id);
    PUT("images", parse_image_list, image_list_facts, INPUT_IMAGES, NULL);
    PUT("image", parse_image, image_facts, INPUT_IMAGE, id);
    PUT("history", parse_history, history_facts, INPUT_HISTORY, id);
    PUT("networks", parse_network_list, network_list_facts, INPUT_NETWORKS, NULL);
    PUT("services", parse_service_list, service_list_facts, INPUT_SERVICES, NULL);
    PUT("tasks", parse_task_list, task_list_facts, INPUT_TASKS, NULL);
    PUT("secrets", parse_secret_list, secret_list_facts, INPUT_SECRETS, NULL);
    PUT("exec", parse_exec, exec_facts, INPUT_EXEC, id);
    put_daemon(store, root);
    put_mounts(store, root);
}

static void judge(const struct rule *rule, const struct store *store)
{
    struct check_input in = {.rule = rule, .store = store, .key = id, .explain = true, .now = 1795514400000000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct check_result result, brief;
    const char *facts;

    check_result_init(&result);
    check_result_init(&brief);
    check_run(&in, &result);
    in.explain = false;
    check_run(&in, &brief);
    facts = check_result_facts(&result);
    require(result.verdict != VERDICT_NONE && result.verdict == brief.verdict);
    require(json_parse(facts, strlen(facts), NULL, &doc, NULL) == 0);
    check_result_deinit(&result);
    check_result_deinit(&brief);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rule_set *rules;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_store) struct store *store = store_new();

    if (!rules)
        require(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, NULL) == 0);
    if (json_parse((const char *)data, size, NULL, &doc, NULL) < 0)
        return 0;
    put_documents(store, json_root(doc));
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].check->subject != SUBJECT_FILE)
            judge(&rules->rules[i], store);
    return 0;
}
