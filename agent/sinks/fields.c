/* The table of fields, and the values that are not members of a record's document. */
#include "agent/sinks/fields.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static void value_kind(const struct record *record, struct str *out)
{
    str_append(out, record_kind_name(record->kind));
}

static void value_number(const struct record *record, struct str *out)
{
    str_printf(out, "%" PRIu64, record->number);
}

/* What the document says: of a snapshot, that of the finding's last transition. */
static void value_seq(const struct record *record, struct str *out)
{
    str_printf(out, "%" PRId64, json_int(json_get(record->root, "seq"), (int64_t)record->seq));
}

static void value_time(const struct record *record, struct str *out)
{
    char stamp[CLOCK_TEXT_SIZE];

    str_append(out, clock_format(record->at, stamp));
}

static void append_text(struct str *out, const char *text)
{
    str_append(out, text ? text : "");
}

static void value_host(const struct record *record, struct str *out)
{
    append_text(out, record->origin->host);
}

static void value_machine(const struct record *record, struct str *out)
{
    append_text(out, record->origin->machine);
}

static void value_engine(const struct record *record, struct str *out)
{
    append_text(out, json_text(json_get(record->root, "engine"), record->origin->engine));
}

static void value_version(const struct record *record, struct str *out)
{
    append_text(out, record->origin->version ? record->origin->version : PROGRAM_VERSION);
}

static void value_benchmark(const struct record *record, struct str *out)
{
    append_text(out, json_text(json_get(record->root, "benchmark"), record->origin->benchmark));
}

static void value_schema(const struct record *record, struct str *out)
{
    (void)record;
    str_printf(out, "%d", RECORD_SCHEMA);
}

static void value_stream(const struct record *record, struct str *out)
{
    append_text(out, record->origin->stream);
}

static void value_initial(const struct record *record, struct str *out)
{
    str_append(out, record->initial ? "true" : "false");
}

static void value_status(const struct record *record, struct str *out)
{
    str_append(out, record_status(record));
}

static void value_previous(const struct record *record, struct str *out)
{
    str_append(out, record->previous ? record->previous : "none");
}

static void value_severity(const struct record *record, struct str *out)
{
    str_append(out, severity_name(record->severity));
}

static void value_waived(const struct record *record, struct str *out)
{
    str_append(out, record->waived ? "true" : "false");
}

static void value_first(const struct record *record, struct str *out)
{
    str_printf(out, "%" PRIu64, record->lost_first);
}

static void value_last(const struct record *record, struct str *out)
{
    str_printf(out, "%" PRIu64, record->lost_last);
}

/* Ids in the CIS benchmarks: "cis-1.6.0:5.4 cis-1.8.0:5.5". */
static void value_cis(const struct record *record, struct str *out)
{
    const struct json *ids = json_get(record->root, "ids"), *id;
    const char *benchmark;

    for (size_t i = 0; (id = json_member(ids, i, &benchmark, NULL)); i++)
        if (str_starts(benchmark, "cis-") && json_string(id))
            str_printf(out, "%s%s:%s", out->length ? " " : "", benchmark, json_string(id));
}

/* "a:1 b:2" of numbers and texts at any depth of the object V. */
static void append_leaves(struct str *out, const char *prefix, const struct json *v)
{
    const struct json *member;
    const char *key;

    for (size_t i = 0; (member = json_member(v, i, &key, NULL)); i++) {
        scoped(cleanup_free) char *name = mem_printf("%s%s%s", prefix, *prefix ? ":" : "", key);

        if (json_type(member) == JSON_OBJECT)
            append_leaves(out, name, member);
        else if (json_type(member) == JSON_NUMBER)
            str_printf(out, "%s%s:%s", out->length ? " " : "", name, json_number_text(member));
        else if (json_type(member) == JSON_STRING)
            str_printf(out, "%s%s:%s", out->length ? " " : "", name, json_string(member));
    }
}

static void value_findings(const struct record *record, struct str *out)
{
    append_leaves(out, "", json_get(record->root, "findings"));
}

static void value_digests(const struct record *record, struct str *out)
{
    append_leaves(out, "", json_get(record->root, "digests"));
}

static void value_reasons(const struct record *record, struct str *out)
{
    const struct json *reasons = json_get(record->root, "reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        str_printf(out, "%s%s", out->length ? "; " : "", json_text(json_at(reasons, i), ""));
}

const struct field record_fields[] = {
    {"kind", "kind", FIELD_TEXT, KIND_ALL, "DBA_KIND", "cat", "cat", NULL, "labels.kind", "metadata.log_name",
     value_kind, "`finding`, `heartbeat`, `snapshot`, `snapshot_end`, `lost`, `agent`"},
    {"number", "number", FIELD_NUMBER, KIND_ALL, "DBA_NUMBER", "cn1", "number", "number", "event.sequence",
     "metadata.sequence", value_number,
     "of this sink's records in this stream, without holes: a repeated one is a duplicate"},
    {"seq", "seq", FIELD_NUMBER, KIND_ALL, "DBA_SEQ", "cn2", "seq", "seq", "labels.seq", "unmapped.seq", value_seq,
     "of the transition in the agent's store; of a snapshot's record the finding's last one, of its end and of a "
     "heartbeat "
     "the last one that they take into account"},
    {"time", "at", FIELD_TIME, KIND_ALL, "DBA_TIME", "rt", "devTime", NULL, "@timestamp", "time", value_time,
     "when it was seen"},
    {"host", "host", FIELD_TEXT, KIND_ALL, "DBA_HOST", "dvchost", "identHostName", NULL, "host.name", "device.hostname",
     value_host, "name of the host"},
    {"machine", "machine", FIELD_TEXT, KIND_ALL, "DBA_MACHINE", "deviceExternalId", "machine", NULL, "host.id",
     "device.uid", value_machine, "application-specific id of the machine"},
    {"engine", "engine", FIELD_TEXT, KIND_ALL, "DBA_ENGINE", "cs1", "engine", "engine", "labels.engine",
     "unmapped.engine", value_engine, "id of the engine"},
    {"version", "version", FIELD_TEXT, KIND_ALL, "DBA_VERSION", "dbaVersion", "version", NULL, "agent.version",
     "metadata.product.version", value_version, "of the agent"},
    {"benchmark", "benchmark", FIELD_TEXT, KIND_ALL, "DBA_BENCHMARK", "cs2", "benchmark", "benchmark", "rule.ruleset",
     "unmapped.benchmark", value_benchmark, "that numbers the rules"},
    {"schema", "schema", FIELD_NUMBER, KIND_ALL, "DBA_SCHEMA", "cn3", "schema", "schema", "labels.schema",
     "unmapped.schema", value_schema, "version of this table"},
    {"stream", "stream", FIELD_TEXT, KIND_ALL, "DBA_STREAM", "cs3", "stream", "stream", "labels.stream",
     "unmapped.stream", value_stream, "id of the agent's store: `number` and `seq` begin anew with another one"},
    {"initial", "initial", FIELD_BOOL, KIND_ALL, "DBA_INITIAL", "dbaInitial", "initial", NULL, "labels.initial",
     "unmapped.initial", value_initial, "`true`: found by the first scan"},
    {"finding", "uid", FIELD_TEXT, KIND_FINDINGS, "DBA_FINDING", "externalId", "finding", NULL, "labels.finding",
     "finding_info.uid", NULL,
     "UUIDv5 of machine, engine, slug and subject: the same as long as it is the same finding"},
    {"rule", "rule", FIELD_TEXT, KIND_FINDINGS, "DBA_RULE", "dbaRule", "rule", NULL, "labels.rule",
     "compliance.control", NULL, "id in the benchmark, else the slug"},
    {"slug", "slug", FIELD_TEXT, KIND_FINDINGS, "DBA_SLUG", "dbaSlug", "slug", NULL, "rule.id", "metadata.event_code",
     NULL, "stable name of the rule"},
    {"status", "status", FIELD_TEXT, KIND_FINDINGS, "DBA_STATUS", "cs4", "status", "status", "labels.status",
     "compliance.status_code", value_status,
     "`pass`, `fail`, `manual`, `not_applicable`, `error`; `gone` (JSON: null) when the subject went away; of the "
     "agent `ready`, `degraded`, `done` (what somebody did)"},
    {"previous", "previous", FIELD_TEXT, 1u << RECORD_FINDING | 1u << RECORD_AGENT, "DBA_PREVIOUS", "dbaPrevious",
     "previous", NULL, "labels.previous", "unmapped.previous", value_previous,
     "status before it; `none` (JSON: null) when it is new"},
    {"severity", "severity", FIELD_TEXT, KIND_FINDINGS, "DBA_SEVERITY", "dbaSeverity", "severity", NULL,
     "labels.severity", "unmapped.severity", value_severity, "of the rule: `critical`, `high`, `medium`, `low`"},
    {"waived", "waived", FIELD_BOOL, KIND_FINDINGS, "DBA_WAIVED", "dbaWaived", "waived", NULL, "labels.waived",
     "unmapped.waived", value_waived, "`true` when a waiver applies (JSON: the waiver, or null)"},
    {"subject_kind", "subject.kind", FIELD_TEXT, KIND_FINDINGS, "DBA_SUBJECT_KIND", "dbaSubjectKind", "subjectKind",
     NULL, "labels.subject_kind", "resources[].type", NULL, "`host`, `daemon`, `container`, `image` …"},
    {"subject_id", "subject.id", FIELD_TEXT, KIND_FINDINGS, "DBA_SUBJECT_ID", "dbaSubjectId", "subjectId", NULL,
     "labels.subject_id", "resources[].uid", NULL, "the engine's id, or a path"},
    {"subject_name", "subject.name", FIELD_TEXT, KIND_FINDINGS, "DBA_SUBJECT_NAME", "dbaSubjectName", "subjectName",
     NULL, "labels.subject_name", "resources[].name", NULL, "name of it"},
    {"first", "first", FIELD_NUMBER, 1u << RECORD_LOST, "DBA_FIRST", "dbaFirst", "first", NULL, "labels.first",
     "unmapped.first", value_first, "number of the first record that was lost"},
    {"last", "last", FIELD_NUMBER, 1u << RECORD_LOST, "DBA_LAST", "dbaLast", "last", NULL, "labels.last",
     "unmapped.last", value_last, "number of the last record that was lost"},
    {"snapshot", "snapshot", FIELD_NUMBER, 1u << RECORD_SNAPSHOT | 1u << RECORD_SNAPSHOT_END, "DBA_SNAPSHOT",
     "dbaSnapshot", "snapshot", NULL, "labels.snapshot", "unmapped.snapshot", NULL, "which snapshot it belongs to"},
    {"state", "state", FIELD_TEXT, 1u << RECORD_HEARTBEAT, "DBA_STATE", "dbaState", "state", NULL, "labels.state",
     "unmapped.state", NULL, "of the agent: `starting`, `ready`, `degraded`"},
    {"count", "count", FIELD_NUMBER, 1u << RECORD_HEARTBEAT | 1u << RECORD_SNAPSHOT_END, "DBA_COUNT", "dbaCount",
     "count", NULL, "labels.count", "unmapped.count", NULL,
     "of open findings that the sink has been sent; of the snapshot's findings"},
    {"digest", "digest", FIELD_TEXT, 1u << RECORD_HEARTBEAT, "DBA_DIGEST", "dbaDigest", "digest", NULL, "labels.digest",
     "unmapped.digest", NULL, "of the open findings that the sink has been sent: 14 hexadecimal digits"},
    {"configuration", "configuration", FIELD_TEXT, 1u << RECORD_HEARTBEAT, "DBA_CONFIGURATION", "dbaConfiguration",
     "configuration", NULL, "labels.configuration", "unmapped.configuration", NULL,
     "SHA-256 of the configuration in force"},
    {"sink_sent", "sink.sent", FIELD_NUMBER, 1u << RECORD_HEARTBEAT, "DBA_SINK_SENT", "dbaSinkSent", "sinkSent", NULL,
     "labels.sink_sent", "unmapped.sink_sent", NULL, "records of this sink that have arrived since the start"},
    {"sink_pending", "sink.pending", FIELD_NUMBER, 1u << RECORD_HEARTBEAT, "DBA_SINK_PENDING", "dbaSinkPending",
     "sinkPending", NULL, "labels.sink_pending", "unmapped.sink_pending", NULL, "records of this sink that wait"},
    {"sink_lost", "sink.lost", FIELD_NUMBER, 1u << RECORD_HEARTBEAT, "DBA_SINK_LOST", "dbaSinkLost", "sinkLost", NULL,
     "labels.sink_lost", "unmapped.sink_lost", NULL, "records of this sink that were lost, since ever"},
    {"findings", "findings", FIELD_LIST, 1u << RECORD_HEARTBEAT, "DBA_FINDINGS", "dbaFindings", "findings", NULL,
     "labels.findings", "unmapped.findings", value_findings, "how many: `fail:critical:2 …` (JSON: an object)"},
    {"digests", "digests", FIELD_LIST, 1u << RECORD_HEARTBEAT, "DBA_DIGESTS", "dbaDigests", "digests", NULL,
     "labels.digests", "unmapped.digests", value_digests, "`digest` by status (JSON: an object)"},
    {"reasons", "reasons", FIELD_TEXT, 1u << RECORD_HEARTBEAT, "DBA_REASONS", "dbaReasons", "reasons", NULL,
     "labels.reasons", "unmapped.reasons", value_reasons, "why it is not `ready` (JSON: a list)"},
    {"evidence", "evidence", FIELD_TEXT, KIND_FINDINGS, "DBA_EVIDENCE", "msg", "evidence", NULL, "event.reason",
     "compliance.status_details[]", NULL, "why, in one line"},
    {"cis", "ids", FIELD_LIST, 1u << RECORD_FINDING | 1u << RECORD_SNAPSHOT, "DBA_CIS", "cs5", "cis", "cis", "tags",
     "compliance.requirements", value_cis, "ids in the CIS benchmarks (JSON: an object, of all benchmarks)"},
    {"title", "title", FIELD_TEXT, KIND_FINDINGS, "DBA_TITLE", NULL, "title", NULL, "rule.name", "finding_info.title",
     NULL, "what the rule requires"},
    {"section", "section", FIELD_TEXT, 1u << RECORD_FINDING | 1u << RECORD_SNAPSHOT, "DBA_SECTION", "dbaSection",
     "section", NULL, "rule.category", "compliance.category", NULL, "of the benchmark"},
    {"cause", "cause", FIELD_TEXT, KIND_FINDINGS, "DBA_CAUSE", "reason", "cause", NULL, "event.action",
     "unmapped.cause", NULL, "the event that led to it"},
    {"remedy", "remedy", FIELD_TEXT, 1u << RECORD_FINDING | 1u << RECORD_SNAPSHOT, "DBA_REMEDY", "cs6", "remedy",
     "remedy", "labels.remedy", "remediation.desc", NULL, "the command for this very subject"},
};
const size_t record_field_count = countof(record_fields);

const struct json *record_member(const struct record *record, const char *path)
{
    const struct json *at = record->root;

    for (const char *end; at && (end = strchrnul(path, '.')); path = end + 1) {
        char key[64];

        snprintf(key, sizeof key, "%.*s", (int)(end - path), path);
        at = json_get(at, key);
        if (!*end)
            break;
    }
    return at;
}

void field_value(const struct field *field, const struct record *record, struct str *out)
{
    const struct json *v;

    if (field->value) {
        field->value(record, out);
        return;
    }
    v = record_member(record, field->json);
    if (json_type(v) == JSON_STRING)
        str_append(out, json_string(v));
    else if (json_type(v) == JSON_NUMBER)
        str_append(out, json_number_text(v));
    else if (json_type(v) == JSON_BOOL)
        str_append(out, json_bool(v, false) ? "true" : "false");
}

void sha256_text(const char *data, size_t length, char ret[static SHA256_TEXT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)data, length, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

const char *record_status(const struct record *t)
{
    return t->status ? t->status : "gone";
}

void record_summary(const struct record *t, size_t limit, struct str *out)
{
    scoped_str line = STR_INIT;

    switch (t->kind) {
    case RECORD_HEARTBEAT:
        str_printf(&line, "heartbeat of %s: last transition %" PRIu64, t->origin->host, t->seq);
        break;
    case RECORD_SNAPSHOT_END:
        str_printf(&line, "end of the snapshot of %s: up to transition %" PRIu64, t->origin->host, t->seq);
        break;
    case RECORD_LOST:
        str_printf(&line, "records %" PRIu64 " to %" PRIu64 " of this sink were lost", t->lost_first, t->lost_last);
        break;
    case RECORD_FINDING:
    case RECORD_AGENT:
    case RECORD_SNAPSHOT:
        str_printf(&line, "%s %s %s %s: %s", t->rule, record_status(t), t->subject_kind, t->subject_name, t->evidence);
    }
    text_escape(out, str_text(&line), line.length, limit);
}

int record_priority(const struct record *t)
{
    static const int of_severity[SEVERITY_COUNT] = {
        [SEVERITY_LOW] = 5, [SEVERITY_MEDIUM] = 4, [SEVERITY_HIGH] = 3, [SEVERITY_CRITICAL] = 2};

    if (t->kind == RECORD_LOST)
        return 4;
    if (t->is_agent)
        return str_equal(t->status, "degraded") ? 4 : 6;
    if (t->kind != RECORD_FINDING)
        return 6;
    switch (t->status_value) {
    case VERDICT_FAIL:
        return t->waived ? 5 : of_severity[t->severity];
    case VERDICT_ERROR:
        return 4;
    case VERDICT_MANUAL:
        return 5;
    case VERDICT_NONE:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_PASS:
    case VERDICT_COUNT:
        break;
    }
    return 6;
}

int record_urgency(const struct record *t)
{
    static const int of_severity[SEVERITY_COUNT] = {
        [SEVERITY_LOW] = 3, [SEVERITY_MEDIUM] = 5, [SEVERITY_HIGH] = 8, [SEVERITY_CRITICAL] = 10};

    if (t->kind == RECORD_LOST || (t->is_agent && str_equal(t->status, "degraded")) || t->status_value == VERDICT_ERROR)
        return 4;
    return t->status_value == VERDICT_FAIL && !t->waived ? of_severity[t->severity] : 1;
}
