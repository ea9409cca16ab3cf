/* What lies in an image's layers, without running anything: setuid programs, packages, tools.
 *
 * Each layer is read once, whatever images share it, and what was found is kept in a directory by the layer's digest.
 * It is read from the storage driver's directory where there is one, else from the engine's export stream. Whiteouts
 * and opaque directories of upper layers hide what lies below. All of it runs in a worker. */
#ifndef PROBES_IMAGES_LAYERS_H
#define PROBES_IMAGES_LAYERS_H

#include "common/capability.h"
#include "common/file.h"
#include "probes/docker/http.h"
#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

struct layers_request {
    const struct host_root *root;
    const struct docker_address *address; /* for the export stream */
    unsigned api_minor;
    const char *image_id;
    const struct string_list *layers;      /* digests, from the base up; none: an image without files */
    const struct string_list *directories; /* the uppermost first, as many as layers; fewer: the stream is used */
    const char *cache;                     /* directory; NULL: nothing is kept */
    unsigned cpu_seconds;                  /* processor time for each layer, and for putting them together */
};
enum { LAYERS_CPU_SECONDS = 60 }; /* ten times what a million files take */

/* For the worker, with LAYERS_CAPABILITIES: ARGUMENT is a struct layers_request, OUTPUT for layers_parse(). */
worker_run layers_run;
#define LAYERS_CAPABILITIES                                                                                            \
    (CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_SYS_ADMIN)) /* the latter for trusted.overlay.* attributes */

int layers_parse(const char *output, size_t length, struct layer_facts **ret, struct error *error);

#endif
