/* Findings as an agent answers them, made a plan and written as a script for sh and as a playbook: neither has a
 * character that a line does not end with, and no text from the answer adds a line. */
#include <string.h>

#include "agent/ctl/fix.h"
#include "common/memory.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static size_t count_lines(const struct str *text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->data[i];

        lines += c == '\n';
        require(c == '\n' || (c >= ' ' && c != 0x7f));
    }
    return lines;
}

static void replace(char **text)
{
    free(*text);
    *text = mem_strdup("x");
}

/* The same plan with every text that is shown replaced by one that is harmless. */
static void make_harmless(struct fix_plan *plan)
{
    for (size_t i = 0; i < plan->steps.count; i++) {
        replace(&plan->steps.items[i].title);
        replace(&plan->steps.items[i].label);
        replace(&plan->steps.items[i].command);
        for (size_t k = 0; k < plan->steps.items[i].files.count; k++)
            replace(&plan->steps.items[i].files.items[k]);
    }
    for (size_t i = 0; i < plan->words.count; i++) {
        replace(&plan->words.items[i].title);
        replace(&plan->words.items[i].remedy);
    }
    for (size_t i = 0; i < plan->file.members.count; i++) {
        replace(&plan->file.members.items[i].key);
        replace(&plan->file.members.items[i].value);
    }
    for (size_t i = 0; i < plan->file.titles.count; i++)
        replace(&plan->file.titles.items[i]);
    if (plan->file.path)
        replace(&plan->file.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ctl ctl = {.zh = size % 2 != 0};
    struct fix_plan plan = {.all = size % 3 == 0, .id = mem_strdup("fix-1"), .host = mem_strdup("host")};
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;
    size_t sh, ansible;

    if (json_parse((const char *)data, size, NULL, &doc, &error) == 0) {
        const struct json *findings = json_get(json_root(doc), "findings");
        scoped_str first = STR_INIT, second = STR_INIT;

        for (size_t i = 0; i < json_count(findings); i++)
            fix_plan_add(&plan, json_at(findings, i));
        fix_plan_finish(&plan);
        fix_print_sh(&ctl, &plan, &first);
        fix_print_ansible(&ctl, &plan, &second);
        sh = count_lines(&first);
        ansible = count_lines(&second);
        make_harmless(&plan);
        str_clear(&first);
        str_clear(&second);
        fix_print_sh(&ctl, &plan, &first);
        fix_print_ansible(&ctl, &plan, &second);
        require(count_lines(&first) == sh && count_lines(&second) == ansible);
    }
    json_doc_free(doc);
    fix_plan_deinit(&plan);
    return 0;
}
