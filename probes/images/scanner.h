/* A vulnerability scanner run on an image, and its report read: Trivy's and Grype's JSON. */
#ifndef PROBES_IMAGES_SCANNER_H
#define PROBES_IMAGES_SCANNER_H

#include "common/capability.h"
#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

struct scanner_request {
    const struct string_list *command; /* argument vector; "{image}" in it becomes the image */
    const char *image;
};
/* In a worker with SCANNER_CAPABILITIES: runs the command with them, gives them up and reduces its report. OUTPUT is
 * for scanner_parse(). */
worker_run scanner_run;
#define SCANNER_CAPABILITIES                                                                                           \
    (CAPABILITY(CAP_DAC_READ_SEARCH) |                                                                                 \
     CAPABILITY(CAP_DAC_OVERRIDE)) /* the latter for the socket of another user's engine */
int scanner_parse(const char *output, size_t length, struct scan_facts **ret, struct error *error);
/* The pure half of scanner_run: REPORT is what the scanner printed. Public for tests and the fuzzer. */
int scanner_reduce(const char *report, size_t length, struct str *output, struct error *error);

#endif
