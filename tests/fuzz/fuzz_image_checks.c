/* What judges how an image was built, on a history whose steps are the input's pieces between NULs: each is a step's
 * text, its comment and a variable of the image. */
#include <string.h>

#include "agent/checks/table.h"
#include "agent/model/check.h"
#include "common/json_in.h"
#include "probes/docker/docker_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char id[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#define PUT(store, name, type, kind, out)                                                                              \
    do {                                                                                                               \
        size_t length_;                                                                                                \
        const char *text_ = json_out_text(out, &length_);                                                              \
        struct type *facts_ = NULL;                                                                                    \
                                                                                                                       \
        if (parse_##name(text_, length_, &facts_, NULL) < 0)                                                           \
            __builtin_trap();                                                                                          \
        store_put(store, kind, id, &facts_->facts);                                                                    \
        json_out_free(out);                                                                                            \
    } while (0)

static void put_documents(struct store *store, const char *text, const char *end)
{
    struct json_out *history = json_out_new(false), *image = json_out_new(false);

    json_out_array(history, NULL);
    json_out_object(image, NULL);
    json_out_string(image, "Id", id);
    json_out_object(image, "Config");
    json_out_array(image, "Env");
    for (size_t steps = 0; text < end && steps < 64; text += strlen(text) + 1, steps++) {
        json_out_object(history, NULL);
        json_out_string(history, "Id", "<missing>");
        json_out_int(history, "Created", 0);
        json_out_int(history, "Size", 0);
        json_out_null(history, "Tags");
        json_out_string(history, "CreatedBy", text);
        json_out_string(history, "Comment", text);
        json_out_end_object(history);
        json_out_string(image, NULL, text);
    }
    json_out_end_array(image);
    json_out_end_object(image);
    json_out_string(image, "Os", "linux");
    json_out_string(image, "Architecture", "amd64");
    json_out_int(image, "Size", 0);
    json_out_object(image, "RootFS");
    json_out_string(image, "Type", "layers");
    json_out_end_object(image);
    json_out_end_object(image);
    json_out_end_array(history);
    PUT(store, history, history_facts, INPUT_HISTORY, history);
    PUT(store, image, image_facts, INPUT_IMAGE, image);
}

/* A verdict, the same whether it is explained or not, and facts that are JSON. */
static void judge(const struct store *store, const char *name)
{
    const struct rule rule = {.slug = name, .check = check_find(checks, name)};
    struct check_input in = {.rule = &rule, .store = store, .key = id, .explain = true};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct check_result result, brief;
    const char *facts;

    check_result_init(&result);
    check_result_init(&brief);
    check_run(&in, &result);
    in.explain = false;
    check_run(&in, &brief);
    facts = check_result_facts(&result);
    if (result.verdict == VERDICT_NONE || result.verdict != brief.verdict || !result.said.length ||
        json_parse(facts, strlen(facts), NULL, &doc, NULL) < 0)
        __builtin_trap();
    check_result_deinit(&result);
    check_result_deinit(&brief);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"image-secrets", "image-update-instruction", "image-add-instruction",
                                        "image-verified-packages"};
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);
    scoped(cleanup_store) struct store *store = store_new();

    put_documents(store, text, text + size);
    for (size_t i = 0; i < countof(names); i++)
        judge(store, names[i]);
    return 0;
}
