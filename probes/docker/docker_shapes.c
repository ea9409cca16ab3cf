/* Which members of the engine's documents are read, and so are all that is ever held of them: docker_parse*.c reads
 * nothing else. A member that a parser reads and that is not here is missing to it, which its tests show.
 *
 * Labels are anybody's text and of any length; only their beginnings are read. */
#include <string.h>

#include "common/memory.h"
#include "probes/docker/docker_parse.h"
#include "probes/docker/docker_parse_internal.h"

enum {
    CONTAINER_LABEL = 257, /* of a container's, 256 bytes are read */
    LABEL = TEXT_MAX + 1,
    NETWORK_LABELS = 256,
    EVENT_ATTRIBUTE = 1024,
    EVENT_ATTRIBUTES = 128,
};

#define PATH(text)                                                                                                     \
    {                                                                                                                  \
        .path = (text)                                                                                                 \
    }
#define KEYS(text)                                                                                                     \
    {                                                                                                                  \
        .path = (text), .keys_only = true                                                                              \
    }
#define CUT(text, bytes, count)                                                                                        \
    {                                                                                                                  \
        .path = (text), .cut = (bytes), .members = (count)                                                             \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .path = NULL                                                                                                   \
    }

static const struct json_kept version[] = {PATH("Version"),
                                           PATH("ApiVersion"),
                                           PATH("MinAPIVersion"),
                                           PATH("Os"),
                                           PATH("Arch"),
                                           PATH("KernelVersion"),
                                           PATH("Platform/Name"),
                                           PATH("Experimental"),
                                           PATH("Components/*/Name"),
                                           END};

static const struct json_kept info[] = {PATH("ID"),
                                        PATH("Name"),
                                        PATH("ServerVersion"),
                                        PATH("Driver"),
                                        PATH("DockerRootDir"),
                                        PATH("LoggingDriver"),
                                        PATH("CgroupDriver"),
                                        PATH("CgroupVersion"),
                                        PATH("DefaultRuntime"),
                                        PATH("SecurityOptions"),
                                        PATH("DriverStatus"),
                                        PATH("RegistryConfig/InsecureRegistryCIDRs"),
                                        PATH("RegistryConfig/Mirrors"),
                                        PATH("RegistryConfig/IndexConfigs/*/Secure"),
                                        PATH("RegistryConfig/IndexConfigs/*/Mirrors"),
                                        PATH("Plugins/Authorization"),
                                        PATH("Warnings"),
                                        PATH("LiveRestoreEnabled"),
                                        PATH("Rootless"),
                                        PATH("Debug"),
                                        PATH("ExperimentalBuild"),
                                        PATH("Containerd/Address"),
                                        PATH("Runtimes"),
                                        PATH("Swarm/LocalNodeState"),
                                        PATH("Swarm/NodeID"),
                                        PATH("Swarm/ControlAvailable"),
                                        PATH("Swarm/Error"),
                                        PATH("Swarm/NodeAddr"),
                                        PATH("Swarm/Managers"),
                                        PATH("Swarm/Nodes"),
                                        PATH("Swarm/RemoteManagers/*/NodeID"),
                                        PATH("Swarm/RemoteManagers/*/Addr"),
                                        PATH("Swarm/Cluster/ID"),
                                        PATH("Swarm/Cluster/RootRotationInProgress"),
                                        PATH("Swarm/Cluster/UpdatedAt"),
                                        PATH("Swarm/Cluster/Spec/EncryptionConfig/AutoLockManagers"),
                                        PATH("Swarm/Cluster/Spec/CAConfig/NodeCertExpiry"),
                                        PATH("Swarm/Cluster/TLSInfo/TrustRoot"),
                                        END};

static const struct json_kept container_list[] = {PATH("*/Id"), PATH("*/Names"), PATH("*/State"), END};

static const struct json_kept container[] = {PATH("Id"),
                                             PATH("Name"),
                                             PATH("Image"),
                                             PATH("Created"),
                                             PATH("AppArmorProfile"),
                                             PATH("ProcessLabel"),
                                             PATH("ImageManifestDescriptor/platform/os"),
                                             PATH("ImageManifestDescriptor/platform/architecture"),
                                             PATH("ImageManifestDescriptor/platform/variant"),
                                             PATH("ExecIDs"),
                                             PATH("State/Running"),
                                             PATH("State/Paused"),
                                             PATH("State/Restarting"),
                                             PATH("State/Pid"),
                                             PATH("State/Status"),
                                             PATH("State/StartedAt"),
                                             PATH("State/FinishedAt"),
                                             PATH("State/Health/Status"),
                                             PATH("Config/Image"),
                                             PATH("Config/User"),
                                             KEYS("Config/ExposedPorts/*"),
                                             CUT("Config/Labels/*", CONTAINER_LABEL, CONTAINER_LABELS_MAX),
                                             CUT("Config/Labels/com.docker.swarm.task.id", LABEL, 0),
                                             CUT("Config/Labels/io.kubernetes.pod.uid", LABEL, 0),
                                             CUT("Config/Labels/execID", LABEL, 0),
                                             PATH("Config/Healthcheck"),
                                             PATH("Config/Shell"),
                                             PATH("Config/Env"),
                                             PATH("Config/Entrypoint"),
                                             PATH("Config/Cmd"),
                                             PATH("HostConfig/AutoRemove"),
                                             PATH("HostConfig/Binds"),
                                             PATH("HostConfig/CapAdd"),
                                             PATH("HostConfig/CapDrop"),
                                             PATH("HostConfig/CgroupParent"),
                                             PATH("HostConfig/CpuPeriod"),
                                             PATH("HostConfig/CpuQuota"),
                                             PATH("HostConfig/CpuShares"),
                                             PATH("HostConfig/CpusetCpus"),
                                             PATH("HostConfig/DeviceCgroupRules"),
                                             PATH("HostConfig/DeviceRequests"),
                                             PATH("HostConfig/Devices"),
                                             PATH("HostConfig/IpcMode"),
                                             PATH("HostConfig/Memory"),
                                             PATH("HostConfig/MemoryReservation"),
                                             PATH("HostConfig/Mounts"),
                                             PATH("HostConfig/NanoCpus"),
                                             PATH("HostConfig/NetworkMode"),
                                             PATH("HostConfig/PidMode"),
                                             PATH("HostConfig/PidsLimit"),
                                             PATH("HostConfig/PortBindings"),
                                             PATH("HostConfig/Privileged"),
                                             PATH("HostConfig/PublishAllPorts"),
                                             PATH("HostConfig/ReadonlyRootfs"),
                                             PATH("HostConfig/RestartPolicy"),
                                             PATH("HostConfig/SecurityOpt"),
                                             PATH("HostConfig/UTSMode"),
                                             PATH("HostConfig/Ulimits"),
                                             PATH("HostConfig/UsernsMode"),
                                             KEYS("NetworkSettings/Networks/*"),
                                             PATH("NetworkSettings/Ports"),
                                             PATH("Mounts/*/Type"),
                                             PATH("Mounts/*/Name"),
                                             PATH("Mounts/*/Source"),
                                             PATH("Mounts/*/Destination"),
                                             PATH("Mounts/*/Propagation"),
                                             PATH("Mounts/*/RW"),
                                             END};

static const struct json_kept image_list[] = {PATH("*/Id"),      PATH("*/RepoTags"), PATH("*/RepoDigests"),
                                              PATH("*/Created"), PATH("*/Size"),     END};

static const struct json_kept image[] = {PATH("Id"),
                                         PATH("RepoTags"),
                                         PATH("RepoDigests"),
                                         PATH("Config/User"),
                                         KEYS("Config/ExposedPorts/*"),
                                         PATH("Config/Healthcheck/Test"),
                                         PATH("Config/Entrypoint"),
                                         PATH("Config/Cmd"),
                                         PATH("Config/Env"),
                                         CUT("Config/Labels/*", LABEL, 0),
                                         PATH("RootFS/Type"),
                                         PATH("RootFS/Layers"),
                                         PATH("GraphDriver/Name"),
                                         PATH("GraphDriver/Data/UpperDir"),
                                         PATH("GraphDriver/Data/LowerDir"),
                                         PATH("Created"),
                                         PATH("Size"),
                                         PATH("Os"),
                                         PATH("Architecture"),
                                         PATH("Variant"),
                                         PATH("Manifests/*/Kind"),
                                         PATH("Manifests/*/Available"),
                                         PATH("Manifests/*/ImageData/Platform"),
                                         PATH("Manifests/*/Descriptor/artifactType"),
                                         PATH("Descriptor/artifactType"),
                                         PATH("Identity/Pull/*/Repository"),
                                         PATH("Identity/Signature/*/Name"),
                                         PATH("Identity/Signature/*/Error"),
                                         PATH("Identity/Signature/*/Signer/SubjectAlternativeName"),
                                         KEYS("Identity/Build/*"),
                                         END};

static const struct json_kept history[] = {PATH("*/CreatedBy"), PATH("*/Comment"), PATH("*/Size"), END};

static const struct json_kept network_list[] = {PATH("*/Id"),
                                                PATH("*/Name"),
                                                PATH("*/Driver"),
                                                PATH("*/Scope"),
                                                PATH("*/Ingress"),
                                                PATH("*/Attachable"),
                                                PATH("*/Internal"),
                                                PATH("*/EnableIPv6"),
                                                PATH("*/IPAM/Config"),
                                                CUT("*/Options/*", LABEL, 0),
                                                CUT("*/Labels/*", LABEL, NETWORK_LABELS),
                                                END};

static const struct json_kept service_list[] = {PATH("*/ID"),
                                                PATH("*/Endpoint/Ports"),
                                                PATH("*/Spec/Name"),
                                                CUT("*/Spec/Labels/*", LABEL, 0),
                                                PATH("*/Spec/EndpointSpec/Ports"),
                                                KEYS("*/Spec/TaskTemplate/PluginSpec"),
                                                KEYS("*/Spec/TaskTemplate/NetworkAttachmentSpec"),
                                                PATH("*/Spec/TaskTemplate/ContainerSpec/Env"),
                                                PATH("*/Spec/TaskTemplate/ContainerSpec/Command"),
                                                PATH("*/Spec/TaskTemplate/ContainerSpec/Args"),
                                                PATH("*/Spec/TaskTemplate/ContainerSpec/Healthcheck/Test"),
                                                CUT("*/Spec/TaskTemplate/ContainerSpec/Labels/*", LABEL, 0),
                                                KEYS("*/Spec/TaskTemplate/ContainerSpec/Secrets/*"),
                                                END};

static const struct json_kept task_list[] = {PATH("*/ID"), PATH("*/ServiceID"),
                                             PATH("*/Status/ContainerStatus/ContainerID"), END};

static const struct json_kept secret_list[] = {PATH("*/ID"), END};

static const struct json_kept volume[] = {PATH("Driver"), PATH("Options/type"), PATH("Options/o"),
                                          PATH("Options/device"), END};

static const struct json_kept unlock_key[] = {PATH("UnlockKey"), END};

static const struct json_kept exec[] = {PATH("ID"),
                                        PATH("ContainerID"),
                                        PATH("Running"),
                                        PATH("Pid"),
                                        PATH("ProcessConfig/user"),
                                        PATH("ProcessConfig/privileged"),
                                        PATH("ProcessConfig/entrypoint"),
                                        PATH("ProcessConfig/arguments"),
                                        END};

/* The attributes are part of what an event is known by. */
static const struct json_kept event[] = {PATH("Type"),
                                         PATH("Action"),
                                         PATH("timeNano"),
                                         PATH("Actor/ID"),
                                         CUT("Actor/Attributes/*", EVENT_ATTRIBUTE, EVENT_ATTRIBUTES),
                                         CUT("Actor/Attributes/container", LABEL, 0),
                                         CUT("Actor/Attributes/execID", LABEL, 0),
                                         CUT("Actor/Attributes/name", LABEL, 0),
                                         END};

static const struct json_kept *const kept[DOCUMENT_COUNT] = {
    [DOCUMENT_VERSION] = version,
    [DOCUMENT_INFO] = info,
    [DOCUMENT_CONTAINER_LIST] = container_list,
    [DOCUMENT_CONTAINER] = container,
    [DOCUMENT_IMAGE_LIST] = image_list,
    [DOCUMENT_IMAGE] = image,
    [DOCUMENT_HISTORY] = history,
    [DOCUMENT_NETWORK_LIST] = network_list,
    [DOCUMENT_SERVICE_LIST] = service_list,
    [DOCUMENT_TASK_LIST] = task_list,
    [DOCUMENT_SECRET_LIST] = secret_list,
    [DOCUMENT_VOLUME] = volume,
    [DOCUMENT_UNLOCK_KEY] = unlock_key,
    [DOCUMENT_EXEC] = exec,
    [DOCUMENT_EVENT] = event,
};

struct json_shape *document_shape(enum docker_document document)
{
    return json_shape_new(kept[document]);
}

/* A list of many is large, a document of one thing is not. */
static bool is_list(enum docker_document document)
{
    return document == DOCUMENT_CONTAINER_LIST || document == DOCUMENT_IMAGE_LIST ||
           document == DOCUMENT_NETWORK_LIST || document == DOCUMENT_SERVICE_LIST || document == DOCUMENT_TASK_LIST ||
           document == DOCUMENT_SECRET_LIST;
}

enum { KIB = 1024, MIB = 1024 * KIB };

size_t document_limit(enum docker_document document)
{
    return is_list(document) ? (size_t)256 * MIB : (size_t)64 * MIB;
}

struct json_filter *document_filter(enum docker_document document, const struct json_shape *shape)
{
    struct json_filter_limits limits = {.bytes = document_limit(document), .text = 4 * MIB, .cost = 8 * MIB};

    if (is_list(document)) {
        limits.text = 8 * MIB;
        limits.cost = 24 * MIB;
    }
    return json_filter_new(shape, &limits);
}

struct json_shape *document_own_shape(enum docker_document document, const char *pointers)
{
    static const struct json_kept names[] = {PATH("*/Id"), PATH("*/Spec/Name"), END};
    struct json_shape *shape;

    if (!*pointers)
        return NULL;
    shape = json_shape_new(is_list(document) ? names : NULL);
    for (const char *at = pointers; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        scoped(cleanup_free) char *pointer =
            mem_printf("%s%.*s", is_list(document) ? "/0" : "", (int)strcspn(at, "\n"), at);

        if (*at != '\n')
            json_shape_add_pointer(shape, pointer);
    }
    return shape;
}

struct json_filter *document_own_filter(enum docker_document document, const struct json_shape *shape)
{
    struct json_filter_limits limits = {.text = 128 * KIB, .cost = 2 * MIB};

    if (is_list(document))
        limits.text = limits.cost = 2 * MIB;
    return json_filter_new(shape, &limits);
}

int document_reduce(enum docker_document document, const char *data, size_t length, struct json_doc **ret_doc,
                    struct error *error)
{
    struct json_shape *shape = document_shape(document);
    struct json_filter *filter = document_filter(document, shape);
    const char *text;
    int r = json_filter_feed(filter, data, length, error);

    if (r == 0)
        r = json_filter_end(filter, &text, &length, error);
    if (r == 0)
        r = json_parse(text, length, NULL, ret_doc, error);
    json_filter_free(filter);
    json_shape_free(shape);
    return r;
}
