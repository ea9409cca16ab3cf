/* Any bytes as a record of the store, in every format: one line each, within its limit, whatever it holds. The first
 * byte chooses kind and settings. */
#include <string.h>

#include "agent/sinks/formats.h"
#include "common/memory.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(1)
#endif

enum { SYSLOG_MAX = 8192, UDP_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct str *out, size_t max, bool one_line)
{
    if (out->length > max)
        __builtin_trap();
    for (size_t i = 0; one_line && i < out->length; i++) {
        unsigned char c = (unsigned char)out->data[i];

        if (c < 0x20 && !(c == '\n' && i + 1 == out->length) && c != '\t')
            __builtin_trap();
    }
}

static void write_all(const struct record *record, unsigned how)
{
    struct format_settings settings = {.header = (enum sink_header)(how % 3),
                                       .cee = how & 1,
                                       .lines = how & 2,
                                       .enterprise_number = how,
                                       .facility = 3,
                                       .pid = 1,
                                       .hostname = "h"};
    scoped_str out = STR_INIT;

    format_journal(&out, record, &settings);
    for (enum sink_format format = FORMAT_TEXT; format < FORMAT_COUNT; format++) {
        settings.format = format;
        str_clear(&out);
        format_syslog(&out, record, &settings);
        check(&out, SYSLOG_MAX, true);
        str_clear(&out);
        format_syslog_udp(&out, record, &settings);
        check(&out, UDP_MAX, true);
        if (format < FORMAT_JSON)
            continue;
        str_clear(&out);
        format_line(&out, record, &settings);
        check(&out, SIZE_MAX, true);
    }
}

/* The agent's own words, which rule files are held to, are written as they are. */
static bool is_word(const char *text)
{
    return !text || !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/")];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct record_origin origin = {.host = "host",
                                                .machine = "0123456789abcdef0123456789abcdef",
                                                .engine = "engine",
                                                .version = "1",
                                                .benchmark = "b",
                                                .stream = "stream",
                                                .schema = RECORD_SCHEMA};
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);
    struct store_item item = {0};
    struct record record;

    if (!size)
        return 0;
    item.kind = (enum store_item_kind)((unsigned char)text[0] % ITEM_KIND_COUNT);
    item.number = 7;
    item.seq = 5;
    item.json = text + 1;
    if (record_read(&item, &origin, 1000000, &record) < 0)
        return 0;
    if (is_word(record.rule) && is_word(record.slug) && is_word(record.section) && is_word(record.subject_kind) &&
        is_word(record.status) && is_word(record.previous))
        write_all(&record, (unsigned char)text[0]);
    record_deinit(&record);
    return 0;
}
