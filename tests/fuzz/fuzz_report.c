/* The first byte chooses: any bytes as a baseline, or as the names and evidence of a report in one of its formats,
 * which stays what it is whatever they hold. */
#include <string.h>

#include "agent/report/formats.h"
#include "common/baseline.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "tests/unit/report_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void read_baseline(const char *text, size_t length)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;

    if (baseline_parse(text, length, "fuzz", &baseline, NULL) < 0)
        return;
    for (size_t i = 0; i < baseline_count(baseline); i++) {
        struct baseline_finding finding = baseline_at(baseline, i);

        if (baseline_status(baseline, finding.uid))
            require(!baseline_is_new(baseline, finding.uid, finding.status));
    }
}

static void check_text(enum report_format format, const struct str *text)
{
    static const char *const tags[] = {"<script", "<img", "<svg/", "<!--", "<iframe"};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    for (size_t i = 0; i < text->length; i++)
        require((unsigned char)text->data[i] >= 0x20 || strchr("\r\n", text->data[i]));
    if (format == REPORT_JSON || format == REPORT_SARIF || format == REPORT_HDF)
        require(json_parse(text->data, text->length, NULL, &doc, NULL) == 0);
    for (size_t i = 0; i < countof(tags) && (format == REPORT_HTML || format == REPORT_MARKDOWN); i++)
        require(!strstr(text->data, tags[i]));
}

/* The names are what is between NULs, used again where there are too few. */
static void write_report(enum report_format format, const char *text, size_t length)
{
    scoped(cleanup_free) char *copy = mem_strndup(text, length);
    const struct report *report = fixture_report(format & 1 ? LANGUAGE_ZH : LANGUAGE_EN);
    struct report_out out = {.fd = -1};
    size_t at = 0;

    for (size_t i = 0; i < FIXTURE_FINDINGS; i++) {
        fixture_names[i] = copy + at;
        at += strlen(copy + at) + 1;
        at = at > length ? 0 : at;
    }
    require(report_write(report, format, &out, NULL) == 0);
    check_text(format, &out.text);
    str_deinit(&out.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 65536)
        return 0;
    if (data[0] % (REPORT_FORMAT_COUNT + 1) == REPORT_FORMAT_COUNT)
        read_baseline((const char *)data + 1, size - 1);
    else
        write_report((enum report_format)(data[0] % (REPORT_FORMAT_COUNT + 1)), (const char *)data + 1, size - 1);
    return 0;
}
