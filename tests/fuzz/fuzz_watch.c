/* Any lines as what follows on /v1/events, to the blocks and lines of agentctl watch. The first byte: width, language,
 * --all. */
#include <locale.h>
#include <string.h>

#include "agent/ctl/watch_print.h"
#include "common/memory.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(1)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shown {
    struct ctl ctl;
    struct str out;
};

/* Nothing that a terminal acts on: there are no colours. */
static void expect_text(const struct str *out)
{
    for (size_t i = 0; i < out->length; i++)
        invariant((unsigned char)out->data[i] >= 0x20 || out->data[i] == '\n' || out->data[i] == '\t');
}

static void show(const struct watch_block *block, void *user)
{
    struct shown *shown = user;

    watch_print_block(&shown->ctl, block, &shown->out);
}

static void take_one(struct shown *shown, struct watch_blocks *blocks, const char *line, size_t length)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return;
    watch_print_line(json_root(doc), &shown->out);
    if (json_get(json_root(doc), "settled") || !watch_blocks_add(blocks, json_root(doc)))
        watch_blocks_end(blocks, show, shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned widths[] = {40, 80, 120, 200};
    struct watch_blocks blocks = {0};
    struct shown shown = {.out = STR_INIT};
    const char *at = (const char *)data + 1, *end = (const char *)data + size;

    if (!size)
        return 0;
    setlocale(LC_CTYPE, "C.UTF-8");
    shown.ctl = (struct ctl){.zh = data[0] & 4, .all = data[0] & 8, .terminal.width = widths[data[0] & 3]};
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);

        take_one(&shown, &blocks, at, length);
        at += length + 1;
    }
    watch_blocks_end(&blocks, show, &shown);
    expect_text(&shown.out);
    str_deinit(&shown.out);
    return 0;
}
