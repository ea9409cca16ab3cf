/* The table of formats. */
#include "agent/report/formats.h"

#include <errno.h>
#include <string.h>

#include "common/text.h"

static const struct format {
    const char *name, *type;
    report_writer *write;
} formats[REPORT_FORMAT_COUNT] = {
    [REPORT_TEXT] = {"text", "text/plain; charset=utf-8", report_write_text},
    [REPORT_JSON] = {"json", "application/json", report_write_json},
    [REPORT_CSV] = {"csv", "text/csv; charset=utf-8", report_write_csv},
    [REPORT_HTML] = {"html", "text/html; charset=utf-8", report_write_html},
    [REPORT_MARKDOWN] = {"markdown", "text/markdown; charset=utf-8", report_write_markdown},
    [REPORT_SARIF] = {"sarif", "application/sarif+json", report_write_sarif},
    [REPORT_JUNIT] = {"junit", "application/xml", report_write_junit},
    [REPORT_HDF] = {"hdf", "application/json", report_write_hdf},
};

const char *report_format_name(enum report_format format)
{
    return formats[format].name;
}

const char *report_format_type(enum report_format format)
{
    return formats[format].type;
}

int report_format_parse(const char *name, enum report_format *ret, struct error *error)
{
    scoped_str known = STR_INIT;
    const char *nearest = NULL;
    scoped_str hint = STR_INIT;
    size_t least = 4;

    for (size_t i = 0; i < countof(formats); i++) {
        size_t distance = text_distance(formats[i].name, name);

        if (distance == 0) {
            *ret = (enum report_format)i;
            return 0;
        }
        if (distance < least) {
            least = distance;
            nearest = formats[i].name;
        }
        str_printf(&known, "%s%s", known.length ? ", " : "", formats[i].name);
    }
    message_add_nearest(&hint, nearest);
    return error_set(error, EINVAL, "unknown format \"%.64s\"; use %s%s", name, str_text(&known), str_text(&hint));
}

int report_write(const struct report *report, enum report_format format, struct report_out *out, struct error *error)
{
    formats[format].write(report, out);
    return report_out_end(out, error);
}
