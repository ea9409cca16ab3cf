/* What a connection reads of each document: made when it is first asked for, and used by all of its fetches. */
#include "probes/docker/docker_internal.h"

struct json_shape *docker_shape(struct docker *docker, enum docker_document document)
{
    if (!docker->shapes[document])
        docker->shapes[document] = document_shape(document);
    return docker->shapes[document];
}
