/* What http.c and http_pull.c share. */
#ifndef PROBES_DOCKER_HTTP_INTERNAL_H
#define PROBES_DOCKER_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "probes/docker/http.h"

/* Sets what every request to ADDRESS needs: GET only, no proxy, no redirect, the socket or TLS files. */
void http_set_up(CURL *easy, const struct docker_address *address, const char *url);

#endif
