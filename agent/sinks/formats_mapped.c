/* ECS and OCSF: the fields of the table at the places that these schemas have for them, and the members that are
 * derived from several of them. */
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "agent/sinks/formats_tree.h"

/* Adds FIELD at PATH, which may end in "[]". */
static void add_field(struct tree *tree, const struct field *field, const char *path, const char *text, bool as_text)
{
    if (field->type == FIELD_LIST && !as_text)
        tree_add_words(tree, path, field->name, text);
    else if (!as_text && (field->type == FIELD_NUMBER || field->type == FIELD_BOOL))
        tree_add_json(tree, path, field->name, text);
    else
        tree_add_string(tree, path, field->name, text);
}

static const char *text_or(const char *text, const char *fallback)
{
    return str_empty(text) ? fallback : text;
}

static void add_printf(struct tree *tree, const char *path, const char *format, ...) printf_like(3, 4);

static void add_printf(struct tree *tree, const char *path, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    tree_add_string(tree, path, path, str_text(&text));
}

static bool is_about_a_finding(const struct record *record)
{
    return record->kind == RECORD_FINDING || record->kind == RECORD_SNAPSHOT;
}

/* ECS. Labels are texts, whatever they hold. */

static void add_ecs_event(struct tree *tree, const struct record *record)
{
    const char *kind = record->kind == RECORD_SNAPSHOT    ? "state"
                       : record->kind == RECORD_HEARTBEAT ? "metric"
                                                          : "event";
    bool change = record->kind == RECORD_FINDING || record->kind == RECORD_AGENT;

    tree_add_string(tree, "ecs.version", "ecs.version", "9.4.0");
    tree_add_string(tree, "event.kind", "event.kind", kind);
    tree_add_words(tree, "event.category", "event.category", "configuration");
    tree_add_words(tree, "event.type", "event.type", change ? "change" : "info");
    tree_add_string(tree, "event.module", "event.module", "docker_bench_agent");
    add_printf(tree, "event.dataset", "docker_bench_agent.%s", record_kind_name(record->kind));
    tree_add_string(tree, "event.provider", "event.provider", PROGRAM_NAME);
    add_printf(tree, "event.id", "%s-%llu", text_or(record->origin->stream, "stream"),
               (unsigned long long)record->number);
    tree_add_int(tree, "event.severity", record_urgency(record));
    tree_add_string(tree, "agent.type", "agent.type", PROGRAM_NAME);
    if (is_about_a_finding(record))
        tree_add_string(tree, "event.outcome", "event.outcome",
                        record->status_value == VERDICT_PASS   ? "success"
                        : record->status_value == VERDICT_FAIL ? "failure"
                                                               : "unknown");
}

void ecs_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    scoped_tree tree = {0};
    scoped_str message = STR_INIT;

    room = append_cee(out, settings, room);
    add_ecs_event(&tree, record);
    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];
        scoped_str text = STR_INIT;

        if (!field->ecs || !(field->kinds & 1u << record->kind))
            continue;
        field_value(field, record, &text);
        if (text.length)
            add_field(&tree, field, field->ecs, text.data, str_starts(field->ecs, "labels."));
    }
    if (str_equal(record->subject_kind, "container")) {
        tree_add_string(&tree, "container.id", "container.id", record->subject_id);
        tree_add_string(&tree, "container.name", "container.name", record->subject_name);
    }
    record_summary(record, summary_max(room), &message);
    tree_add_string(&tree, "message", "message", str_text(&message));
    tree_bound(&tree, record, room, "labels." FIELD_NAME_CUT, "labels." FIELD_NAME_SHA256);
    tree_write(&tree, out);
}

/* OCSF 1.8.0: findings are of the class Compliance Finding, what is about the agent itself is a Base Event. */

enum {
    CATEGORY_FINDINGS = 2,
    CLASS_COMPLIANCE_FINDING = 2003,
    ACTIVITY_CREATE = 1,
    ACTIVITY_UPDATE = 2,
    ACTIVITY_CLOSE = 3,
    OTHER = 99
};

/* An enumerated value and its caption. */
struct caption {
    int id;
    const char *text;
};

static struct caption ocsf_activity(const struct record *record)
{
    bool open = record->status_value == VERDICT_FAIL || record->status_value == VERDICT_ERROR ||
                record->status_value == VERDICT_MANUAL;

    if (record->kind != RECORD_SNAPSHOT && record->status_value == VERDICT_NONE)
        return (struct caption){ACTIVITY_CLOSE, "Close"};
    if (record->kind == RECORD_FINDING && record->previous_value == VERDICT_NONE)
        return (struct caption){ACTIVITY_CREATE, "Create"};
    if (record->kind == RECORD_FINDING && !open)
        return (struct caption){ACTIVITY_CLOSE, "Close"};
    return (struct caption){ACTIVITY_UPDATE, "Update"};
}

static bool is_degraded(const struct record *record)
{
    return record->is_agent && str_equal(record->status, "degraded");
}

static struct caption ocsf_severity(const struct record *record)
{
    static const struct caption of_severity[SEVERITY_COUNT] = {[SEVERITY_LOW] = {2, "Low"},
                                                               [SEVERITY_MEDIUM] = {3, "Medium"},
                                                               [SEVERITY_HIGH] = {4, "High"},
                                                               [SEVERITY_CRITICAL] = {5, "Critical"}};

    if (record->kind == RECORD_LOST || is_degraded(record))
        return (struct caption){3, "Medium"};
    if (!is_about_a_finding(record) || record->status_value == VERDICT_PASS ||
        record->status_value == VERDICT_NOT_APPLICABLE || record->status_value == VERDICT_NONE)
        return (struct caption){1, "Informational"};
    return of_severity[record->severity];
}

/* Of the finding: what became of it. */
static struct caption ocsf_status(const struct record *record)
{
    switch (record->status_value) {
    case VERDICT_FAIL:
    case VERDICT_ERROR:
    case VERDICT_MANUAL:
        return record->waived ? (struct caption){3, "Suppressed"} : (struct caption){1, "New"};
    case VERDICT_NONE:
    case VERDICT_PASS:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_COUNT:
        break;
    }
    return (struct caption){4, "Resolved"};
}

/* Of the check: what it found. */
static struct caption ocsf_compliance(const struct record *record)
{
    switch (record->status_value) {
    case VERDICT_PASS:
        return (struct caption){1, "Pass"};
    case VERDICT_ERROR:
        return (struct caption){2, "Warning"};
    case VERDICT_FAIL:
        return (struct caption){3, "Fail"};
    case VERDICT_NONE:
    case VERDICT_MANUAL:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_COUNT:
        break;
    }
    return (struct caption){OTHER, record_status(record)};
}

static void add_caption(struct tree *tree, const char *id_path, const char *path, struct caption caption)
{
    tree_add_int(tree, id_path, caption.id);
    tree_add_string(tree, path, path, caption.text);
}

static void add_class(struct tree *tree, int category, const char *category_name, int class, const char *class_name,
                      struct caption activity)
{
    add_caption(tree, "activity_id", "activity_name", activity);
    add_caption(tree, "category_uid", "category_name", (struct caption){category, category_name});
    add_caption(tree, "class_uid", "class_name", (struct caption){class, class_name});
    tree_add_int(tree, "type_uid", class * 100 + activity.id);
    add_printf(tree, "type_name", "%s: %s", class_name, activity.text);
}

/* A record of the agent's own state. */
static void add_agent(struct tree *tree, const struct record *record)
{
    add_caption(tree, "status_id", "status",
                is_degraded(record) ? (struct caption){2, "Failure"} : (struct caption){1, "Success"});
    tree_add_string(tree, "status_code", "status", record_status(record));
    tree_add_string(tree, "status_detail", "evidence", record->evidence);
}

static void add_compliance_finding(struct tree *tree, const struct record *record)
{
    static const char *const benchmarks[] = {"cis-1.6.0", "cis-1.8.0", "cis-1.1.0"};
    const struct json *ids = json_get(record->root, "ids");
    const char *uid = json_text(json_get(record->root, "uid"), "");

    add_class(tree, CATEGORY_FINDINGS, "Findings", CLASS_COMPLIANCE_FINDING, "Compliance Finding",
              ocsf_activity(record));
    add_caption(tree, "status_id", "status", ocsf_status(record));
    add_caption(tree, "compliance.status_id", "compliance.status", ocsf_compliance(record));
    if (*uid)
        tree_add_string(tree, "finding_info.uid", "finding", uid);
    else
        add_printf(tree, "finding_info.uid", "%s/%s/%s", record->slug, record->subject_kind, record->subject_id);
    for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++)
        if (json_string(json_get(ids, benchmarks[i]))) {
            scoped_str list = STR_INIT;

            str_printf(&list, "[\"CIS Docker Benchmark %s\"]", benchmarks[i] + strlen("cis-"));
            tree_add_json(tree, "compliance.standards", "compliance.standards", list.data);
            break;
        }
}

/* Where a Base Event has no place for a field. */
static bool is_of_a_finding(const char *path)
{
    static const char *const parts[] = {"compliance.", "finding_info.", "resources[]", "remediation."};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (str_starts(path, parts[i]))
            return true;
    return false;
}

static void add_ocsf_fields(struct tree *tree, const struct record *record)
{
    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];
        scoped_str text = STR_INIT;

        if (!field->ocsf || !(field->kinds & 1u << record->kind) ||
            (!is_about_a_finding(record) && is_of_a_finding(field->ocsf)))
            continue;
        field_value(field, record, &text);
        if (text.length && field->type == FIELD_TIME)
            tree_add_int(tree, field->ocsf, record->at / 1000);
        else if (text.length)
            add_field(tree, field, field->ocsf, text.data, false);
    }
}

void ocsf_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    scoped_tree tree = {0};
    scoped_str message = STR_INIT;

    room = append_cee(out, settings, room);
    if (is_about_a_finding(record))
        add_compliance_finding(&tree, record);
    else
        add_class(&tree, 0, "Uncategorized", 0, "Base Event", (struct caption){OTHER, record_kind_name(record->kind)});
    if (record->kind == RECORD_AGENT)
        add_agent(&tree, record);
    add_caption(&tree, "severity_id", "severity", ocsf_severity(record));
    tree_add_string(&tree, "metadata.version", "metadata.version", "1.8.0");
    tree_add_words(&tree, "metadata.profiles", "metadata.profiles", "host");
    tree_add_string(&tree, "metadata.product.name", "metadata.product.name", PROGRAM_NAME);
    tree_add_string(&tree, "metadata.product.vendor_name", "metadata.product.vendor_name", PROGRAM_NAME);
    add_printf(&tree, "metadata.uid", "%s-%llu", text_or(record->origin->stream, "stream"),
               (unsigned long long)record->number);
    add_caption(&tree, "device.type_id", "device.type", (struct caption){0, "Unknown"});
    add_ocsf_fields(&tree, record);
    record_summary(record, summary_max(room), &message);
    tree_add_string(&tree, "message", "message", str_text(&message));
    if (tree_bound(&tree, record, room, "unmapped." FIELD_NAME_CUT, "unmapped." FIELD_NAME_SHA256)) {
        tree_add_json(&tree, "metadata.is_truncated", "metadata.is_truncated", "true");
        tree_add_int(&tree, "metadata.untruncated_size", (int64_t)record->json_length);
    }
    tree_write(&tree, out);
}
