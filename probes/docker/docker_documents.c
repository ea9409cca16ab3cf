/* The parser of each document, which reads its reduced text. */
#include "probes/docker/docker_parse.h"
#include "probes/docker/docker_parse_internal.h"

static const struct {
    const char *name; /* as errors begin */
    parse_reduced *parse;
} parsers[DOCUMENT_EVENT] = {
    [DOCUMENT_VERSION] = {"version", reduced_version},
    [DOCUMENT_INFO] = {"info", reduced_info},
    [DOCUMENT_CONTAINER_LIST] = {"container_list", reduced_container_list},
    [DOCUMENT_CONTAINER] = {"container", reduced_container},
    [DOCUMENT_IMAGE_LIST] = {"image_list", reduced_image_list},
    [DOCUMENT_IMAGE] = {"image", reduced_image},
    [DOCUMENT_HISTORY] = {"history", reduced_history},
    [DOCUMENT_NETWORK_LIST] = {"network_list", reduced_network_list},
    [DOCUMENT_SERVICE_LIST] = {"service_list", reduced_service_list},
    [DOCUMENT_TASK_LIST] = {"task_list", reduced_task_list},
    [DOCUMENT_SECRET_LIST] = {"secret_list", reduced_secret_list},
    [DOCUMENT_VOLUME] = {"volume", reduced_volume},
    [DOCUMENT_UNLOCK_KEY] = {"unlock_key", reduced_unlock_key},
    [DOCUMENT_EXEC] = {"exec", reduced_exec},
};

const char *document_name(enum docker_document document)
{
    return parsers[document].name;
}

int document_parse(enum docker_document document, const char *text, size_t length, struct facts **ret,
                   struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int r = json_parse(text, length, NULL, &doc, error);

    return r < 0 ? error_prefix(error, "%s", parsers[document].name)
                 : parsers[document].parse(json_root(doc), ret, error);
}
