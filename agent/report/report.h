/* A report: what is known just now, as one read-only model for writers of every format. It lives as long as the
 * evaluator is left alone: a report is written at once, or in a process forked for it. */
#ifndef AGENT_REPORT_REPORT_H
#define AGENT_REPORT_REPORT_H

#include "agent/evaluator/finding_filter.h"
#include "agent/evaluator/score.h"
#include "agent/report/out.h"
#include "common/baseline.h"

enum report_format {
    REPORT_TEXT,
    REPORT_JSON,
    REPORT_CSV,
    REPORT_HTML,
    REPORT_MARKDOWN,
    REPORT_SARIF,
    REPORT_JUNIT,
    REPORT_HDF,
    REPORT_FORMAT_COUNT
};

/* Who is reported on, as the caller knows it: of the agent, and of its connection. */
struct report_source {
    const struct evaluator *evaluator;
    const struct config *config;
    enum language language;
    const char *host, *machine;          /* "": unknown */
    const char *engine_address;          /* as it is connected to */
    const char *engine_why;              /* why it is not connected; NULL: it is */
    const char *api_version;             /* NULL: unknown */
    usec_t now, scan_started;            /* 0: none yet */
    int64_t scan_ms;                     /* -1: none is complete */
    size_t scan_subjects;                /* what the last full scan judged */
    const struct finding_filter *filter; /* NULL: everything */
    const struct baseline *baseline;     /* NULL: none; else what it knows is left out */
};

struct report_section {
    const char *id, *title;
    unsigned counts[VERDICT_COUNT]; /* of its rules, by their own verdict */
};

/* A waiver or an attestation of the configuration. */
struct report_exception {
    const char *rule, *subject; /* as configured; SUBJECT "*": every one */
    const char *by, *reason;    /* of an attestation: its evidence, may be NULL */
    usec_t expires;             /* 0: never */
    bool expired;
    size_t matches;      /* findings that it covers */
    enum verdict status; /* VERDICT_NONE: a waiver; else what is attested */
};

struct report_excluded {
    const char *kind, *id, *name, *reason;
};

struct report_rule {
    const struct rule *rule;
    enum verdict status;            /* its own */
    unsigned counts[VERDICT_COUNT]; /* of the findings in the report */
    unsigned waived;                /* of those that fail */
    unsigned attested;              /* of those that pass */
    const char *why;                /* the reason of an error that no finding tells; NULL: there is none */
    const char *remedy;             /* its own text, for the engine at hand */
    size_t finding_count;           /* in the report, worst first */
    size_t first_item;              /* of the model's own */
};

struct report_finding {
    enum verdict status;
    const char *uid, *kind, *id, *name;
    const char *evidence, *remedy;         /* REMEDY NULL: nothing is to be done */
    const struct waiver *waiver;           /* NULL: none */
    const struct attestation *attestation; /* that the status is from; NULL: none */
    usec_t since, checked;
    const char *json; /* the same as /v1/findings has it */
};

struct report {
    enum language language;
    usec_t now, scan_started;
    int64_t scan_ms;
    size_t scan_subjects;
    const char *version; /* of the agent */
    const char *host, *machine;
    const char *engine_address, *engine_id, *engine_version, *engine_why,
        *api_version; /* NULL: unknown; WHY: as above */
    const char *benchmark, *benchmark_title;
    char *selection; /* what was asked for, for people: "severity high, critical; section 5"; NULL: everything */
    bool is_new_only;
    struct score score; /* of everything, whatever was asked for */
    struct report_section *sections;
    size_t section_count;
    struct report_rule *rules; /* in the benchmark's order */
    size_t rule_count;
    struct report_exception *exceptions;
    size_t exception_count;
    struct report_excluded *excluded;
    size_t excluded_count;
    unsigned findings[VERDICT_COUNT][SEVERITY_COUNT]; /* in the report; failures that are waived count as failures */
    unsigned waived[SEVERITY_COUNT];
    /* Finding INDEX of RULE, whose texts are valid until the next call. */
    void (*finding)(const struct report *report, const struct report_rule *rule, size_t index,
                    struct report_finding *ret);
    void *user; /* of FINDING */
};

/* 0, or -EINVAL for a filter that names an unknown rule or section. The caller frees; SOURCE's parts outlive it. */
int report_new(const struct report_source *source, struct report **ret, struct error *error);
void report_free(struct report *report);
DEFINE_CLEANUP(struct report *, cleanup_report, report_free)

/* Failures that no waiver covers of SEVERITY or worse. */
unsigned report_failures(const struct report *report, enum severity severity);
unsigned report_errors(const struct report *report); /* findings, and rules that could not be judged at all */

const char *report_format_name(enum report_format format);
const char *report_format_type(enum report_format format); /* for Content-Type */
/* -EINVAL, with the names that there are and the nearest. */
int report_format_parse(const char *name, enum report_format *ret, struct error *error);
/* Writes all of it. 0 or a negative errno, as report_out_end(). */
int report_write(const struct report *report, enum report_format format, struct report_out *out, struct error *error);

#endif
