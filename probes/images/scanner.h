/* A vulnerability scanner run on an image, and its report read: Trivy's and Grype's JSON. */
#ifndef PROBES_IMAGES_SCANNER_H
#define PROBES_IMAGES_SCANNER_H

#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

struct scanner_request {
    const struct string_list *command; /* argument vector; "{image}" in it becomes the image */
    const char *image;
};
/* In a worker: runs the command and reduces its report. OUTPUT is for scanner_parse(). */
worker_run scanner_run;
int scanner_parse(const char *output, size_t length, struct scan_facts **ret, struct error *error);
/* The pure half of scanner_run: REPORT is what the scanner printed. Public for tests and the fuzzer. */
int scanner_reduce(const char *report, size_t length, struct str *output, struct error *error);

#endif
