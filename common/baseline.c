/* Reading a baseline: all of it is checked at once, so that a file that was cut or is another one does not pass for one
 * in which nothing was open. */
#include "common/baseline.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/map.h"
#include "common/memory.h"

struct baseline {
    struct json_doc *doc;
    const struct json *findings;
    struct map *status; /* uid → the status, the document's */
};

enum { UID_LENGTH = 36 };

static bool is_uid(const char *text, size_t length)
{
    return text && length == UID_LENGTH && strspn(text, "0123456789abcdef-") == UID_LENGTH;
}

static bool is_open(const char *status)
{
    return str_equal(status, "fail") || str_equal(status, "error");
}

static int take_finding(struct baseline *baseline, const struct json *finding, const char *path, struct error *error)
{
    size_t length = 0;
    const char *uid = json_string_n(json_get(finding, "uid"), &length);
    const char *status = json_string(json_get(finding, "status"));

    if (!is_uid(uid, length))
        return error_set(error, EINVAL, "%s:%u: a finding without a valid \"uid\"", path, json_line(finding));
    if (str_empty(status))
        return error_set(error, EINVAL, "%s:%u: a finding without \"status\"", path, json_line(finding));
    if (!is_open(status))
        return 0;
    if (map_get(baseline->status, uid))
        return error_set(error, EINVAL, "%s:%u: duplicate finding %s", path, json_line(finding), uid);
    map_set(baseline->status, uid, (void *)(uintptr_t)status);
    return 0;
}

static int take_root(struct baseline *baseline, const struct json *root, const char *path, struct error *error)
{
    int64_t version = json_int(json_get(root, "baseline"), -1);
    int r = 0;

    if (version < 0 && json_type(json_get(root, "report")) == JSON_OBJECT)
        version = BASELINE_VERSION;
    if (version < 0)
        return error_set(error, EINVAL, "%s: not a baseline; make one with: agentctl baseline save FILE", path);
    if (version != BASELINE_VERSION)
        return error_set(error, EINVAL, "%s: a baseline of version %lld; this program reads version %d", path,
                         (long long)version, BASELINE_VERSION);
    baseline->findings = json_get(root, "findings");
    if (json_type(baseline->findings) != JSON_ARRAY)
        return error_set(error, EINVAL, "%s: \"findings\" must be a list", path);
    for (size_t i = 0; r == 0 && i < json_count(baseline->findings); i++)
        r = take_finding(baseline, json_at(baseline->findings, i), path, error);
    return r;
}

int baseline_parse(const char *text, size_t length, const char *path, struct baseline **ret, struct error *error)
{
    static const struct json_limits limits = {.bytes = BASELINE_BYTES_MAX, .depth = 8};
    struct baseline *baseline = mem_alloc(sizeof *baseline);
    int r = json_parse(text, length, &limits, &baseline->doc, error);

    baseline->status = map_new(NULL);
    if (r < 0)
        error_prefix(error, "%s: not a baseline", path);
    else
        r = take_root(baseline, json_root(baseline->doc), path, error);
    if (r < 0)
        baseline_free(take(baseline));
    *ret = baseline;
    return r;
}

int baseline_read(const char *path, struct baseline **ret, struct error *error)
{
    scoped_str text = STR_INIT;
    int r = file_read(path, BASELINE_BYTES_MAX, &text, error);

    *ret = NULL;
    return r < 0 ? r : baseline_parse(str_text(&text), text.length, path, ret, error);
}

void baseline_free(struct baseline *baseline)
{
    if (!baseline)
        return;
    map_free(baseline->status);
    json_doc_free(baseline->doc);
    free(baseline);
}

size_t baseline_count(const struct baseline *baseline)
{
    return json_count(baseline->findings);
}

struct baseline_finding baseline_at(const struct baseline *baseline, size_t index)
{
    const struct json *finding = json_at(baseline->findings, index);

    return (struct baseline_finding){
        .uid = json_string(json_get(finding, "uid")),
        .status = json_string(json_get(finding, "status")),
        .rule = json_string(json_get(finding, "rule")),
        .subject = json_string(json_get(finding, "subject")),
        .severity = json_string(json_get(finding, "severity")),
    };
}

static const char *member(const struct baseline *baseline, const char *key)
{
    const struct json *root = json_root(baseline->doc), *report = json_get(root, "report");

    return json_string(json_get(report ? report : root, key));
}

const char *baseline_made(const struct baseline *baseline)
{
    const char *made = member(baseline, "made");

    return made ? made : member(baseline, "created");
}

const char *baseline_machine(const struct baseline *baseline)
{
    return member(baseline, "machine");
}

const char *baseline_host(const struct baseline *baseline)
{
    return member(baseline, "host");
}

const char *baseline_status(const struct baseline *baseline, const char *uid)
{
    return map_get(baseline->status, uid);
}

bool baseline_is_new(const struct baseline *baseline, const char *uid, const char *status)
{
    const char *then = baseline_status(baseline, uid);

    return str_equal(status, "fail") ? !str_equal(then, "fail") : str_equal(status, "error") && !then;
}

void baseline_write_short(const struct baseline *baseline, struct json_out *out)
{
    const char *uid;
    void *status;
    size_t at = 0;

    json_out_object(out, NULL);
    json_out_int(out, "baseline", BASELINE_VERSION);
    json_out_array(out, "findings");
    while (map_next(baseline->status, &at, &uid, &status)) {
        json_out_object(out, NULL);
        json_out_string(out, "uid", uid);
        json_out_string(out, "status", status);
        json_out_end_object(out);
    }
    baseline_end(out);
}

void baseline_begin(struct json_out *out, usec_t made, const char *host, const char *machine, const char *benchmark)
{
    json_out_object(out, NULL);
    json_out_int(out, "baseline", BASELINE_VERSION);
    json_out_time(out, "made", made);
    json_out_string(out, "host", host);
    json_out_string(out, "machine", machine);
    json_out_string(out, "benchmark", benchmark);
    json_out_array(out, "findings");
}

void baseline_add(struct json_out *out, const struct baseline_finding *finding)
{
    json_out_object(out, NULL);
    json_out_string(out, "uid", finding->uid);
    json_out_string(out, "status", finding->status);
    json_out_string(out, "rule", finding->rule);
    json_out_string(out, "subject", finding->subject);
    json_out_string(out, "severity", finding->severity);
    json_out_end_object(out);
}

void baseline_end(struct json_out *out)
{
    json_out_end_array(out);
    json_out_end_object(out);
}
