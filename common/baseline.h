/* A baseline: which findings were open at one time, in a file that people keep, so that later only what is new counts.
 *
 *   {"baseline": 1, "made": TIME, "host": NAME, "machine": ID, "benchmark": NAME, "findings": [
 *     {"uid": UUID, "status": "fail", "rule": SLUG, "subject": "container:web", "severity": "high"}, …]}
 *
 * Of a finding only "uid" and "status" are required; the rest is for people, and for what has gone since. A report in
 * JSON (agent/report) is a baseline, too; of it, too, only what fails or is an error counts. */
#ifndef COMMON_BASELINE_H
#define COMMON_BASELINE_H

#include "common/error.h"
#include "common/json_in.h"
#include "common/json_out.h"

struct baseline;

enum {
    BASELINE_VERSION = 1,
    BASELINE_BYTES_MAX = 64 * 1024 * 1024, /* of a file */
    BASELINE_SENT_MAX = 1024 * 1024        /* of one that comes with a request for a report */
};

/* One finding of it, or one that goes into it. NULL: not known. */
struct baseline_finding {
    const char *uid, *status, *rule, *subject, *severity;
};

/* Reads the file PATH. The caller frees. 0, -EINVAL for what is no baseline, or another negative errno. */
int baseline_read(const char *path, struct baseline **ret, struct error *error);
/* The same from TEXT; PATH is used in errors. */
int baseline_parse(const char *text, size_t length, const char *path, struct baseline **ret, struct error *error);
void baseline_free(struct baseline *baseline);
DEFINE_CLEANUP(struct baseline *, cleanup_baseline, baseline_free)

size_t baseline_count(const struct baseline *baseline);
/* Finding INDEX, owned by BASELINE. */
struct baseline_finding baseline_at(const struct baseline *baseline, size_t index);
const char *baseline_made(const struct baseline *baseline);    /* RFC 3339; NULL: it does not say */
const char *baseline_machine(const struct baseline *baseline); /* NULL: it does not say */
const char *baseline_host(const struct baseline *baseline);
/* The status that a finding had; NULL: it was not open. */
const char *baseline_status(const struct baseline *baseline, const char *uid);
/* Is a finding of that UID and STATUS new? A failure is unless it failed before, an error unless it was one or failed,
 * anything else is not. */
bool baseline_is_new(const struct baseline *baseline, const char *uid, const char *status);

/* Writes what of BASELINE counts, and nothing else: to be sent. The caller owns OUT, which must be empty. */
void baseline_write_short(const struct baseline *baseline, struct json_out *out);

/* Writes a baseline: begin, each finding, end. The caller owns OUT, which must be empty. */
void baseline_begin(struct json_out *out, usec_t made, const char *host, const char *machine, const char *benchmark);
void baseline_add(struct json_out *out, const struct baseline_finding *finding);
void baseline_end(struct json_out *out);

#endif
