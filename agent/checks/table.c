/* Every check: its name in rule files, the kind of subject that it judges, the inputs that it reads, its parameters. */
#include "agent/checks/table.h"

#include "agent/checks/checks.h"

/* A container, and whose command its remedy is. */
#define CONTAINER (INPUT_BIT(INPUT_CONTAINER) | INPUT_BIT(INPUT_VERSION))
#define INFO      INPUT_BIT(INPUT_INFO)
#define LSM       INPUT_BIT(INPUT_LSM)
#define DAEMON    INPUT_BIT(INPUT_DAEMON)
#define FILES     INPUT_BIT(INPUT_FILES)
#define IMAGE     INPUT_BIT(INPUT_IMAGE)
#define IMAGES    INPUT_BIT(INPUT_IMAGES)
#define LIST      INPUT_BIT(INPUT_CONTAINERS)
#define PROCESSES INPUT_BIT(INPUT_PROCESSES)
#define EXEC      INPUT_BIT(INPUT_EXEC)
#define VERSION   INPUT_BIT(INPUT_VERSION)
#define MOUNTS    INPUT_BIT(INPUT_MOUNTS)
#define GROUP     INPUT_BIT(INPUT_GROUP)
#define AUDIT     INPUT_BIT(INPUT_AUDIT)
#define ENVIRON   INPUT_BIT(INPUT_ENVIRONMENT)
#define LISTEN    INPUT_BIT(INPUT_LISTENERS)
#define CERTS     INPUT_BIT(INPUT_CERTIFICATES)
#define NETWORKS  INPUT_BIT(INPUT_NETWORKS)
#define SERVICES  INPUT_BIT(INPUT_SERVICES)
#define TASKS     INPUT_BIT(INPUT_TASKS)
#define SECRETS   INPUT_BIT(INPUT_SECRETS)
#define UNLOCK    INPUT_BIT(INPUT_UNLOCK_KEY)
#define HISTORY   INPUT_BIT(INPUT_HISTORY)
#define LAYERS    INPUT_BIT(INPUT_LAYERS)
#define SCAN      INPUT_BIT(INPUT_SCAN)

#define PARAMS (const struct param_spec[])
#define END                                                                                                            \
    {                                                                                                                  \
        0                                                                                                              \
    }

/* A list of globs that the configuration may fill. */
#define ALLOWED(fallback)                                                                                              \
    PARAMS                                                                                                             \
    {                                                                                                                  \
        {"allowed", PARAM_STRING_LIST, fallback, 0, 0}, END                                                            \
    }
/* Conditions of users' own rules on a value; FIRST: the parameter that locates it. */
#define CONDITIONS(first)                                                                                              \
    PARAMS                                                                                                             \
    {                                                                                                                  \
        {first, PARAM_STRING, NULL, 0, 0}, {"equals", PARAM_JSON, "null", 0, 0}, {"in", PARAM_JSON, "null", 0, 0},     \
            {"matches", PARAM_JSON, "null", 0, 0}, {"min", PARAM_JSON, "null", 0, 0},                                  \
            {"max", PARAM_JSON, "null", 0, 0}, {"absent", PARAM_BOOL, "false", 0, 0},                                  \
            {"each", PARAM_BOOL, "false", 0, 0}, {"any", PARAM_BOOL, "false", 0, 0}, END                               \
    }
#define KEEP                                                                                                           \
    PARAMS                                                                                                             \
    {                                                                                                                  \
        {"keep_seconds", PARAM_INT, "86400", 60, 366 * 86400}, END                                                     \
    }

#define MOUNT_MEMBERS "HostConfig.Binds Mounts Mounts[].Source Mounts[].Destination Mounts[].RW"
#define PORT_MEMBERS                                                                                                   \
    "State.Running NetworkSettings.Ports NetworkSettings.Networks HostConfig.NetworkMode HostConfig.PortBindings "     \
    "HostConfig.PublishAllPorts"

#define ANSWERS(...)                                                                                                   \
    (const struct required_answer[])                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define OF_INFO(names) ANSWERS({INPUT_INFO, names})
#define OF_NETWORKS(names)                                                                                             \
    {                                                                                                                  \
        INPUT_NETWORKS, names                                                                                          \
    }

/* A row ends where the rest is nothing. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

const struct check checks[] = {
    {"file-owner", SUBJECT_FILE, FILES, check_file_owner,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0},
            {"owner", PARAM_STRING, "\"root\"", 0, 0},
            {"group", PARAM_STRING, "\"root\"", 0, 0},
            {"type", PARAM_STRING, "\"any\"", 0, 0},
            END},
     check_validate_owner, false, .never_manual = true},
    {"file-mode", SUBJECT_FILE, FILES, check_file_mode,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0},
            {"mode", PARAM_STRING, NULL, 0, 0},
            {"type", PARAM_STRING, "\"any\"", 0, 0},
            END},
     check_validate_mode, false, .never_manual = true},

    {"container-apparmor", SUBJECT_CONTAINER, CONTAINER | INFO | LSM, check_container_apparmor, NULL,
     .members = "AppArmorProfile HostConfig.Privileged", .never_manual = true},
    {"container-selinux", SUBJECT_CONTAINER, CONTAINER | INFO | LSM, check_container_selinux, NULL,
     .members = "ProcessLabel HostConfig.Privileged HostConfig.SecurityOpt", .never_manual = true},
    {"container-capabilities", SUBJECT_CONTAINER, CONTAINER, check_container_capabilities, ALLOWED("[]"),
     .members = "HostConfig.Privileged HostConfig.CapAdd", .fails_on_presence = true, .never_manual = true},
    {"container-privileged", SUBJECT_CONTAINER, CONTAINER, check_container_privileged, NULL,
     .members = "HostConfig.Privileged", .never_manual = true},
    /* The last two are what /etc/ssl/certs is on Fedora and its like: a link. */
    {"container-sensitive-mounts", SUBJECT_CONTAINER, CONTAINER | INFO | DAEMON, check_container_sensitive_mounts,
     ALLOWED("[\"/etc/localtime\", \"/etc/timezone\", \"/etc/hosts\", \"/etc/resolv.conf\", \"/etc/ssl/certs\", "
             "\"/usr/share/zoneinfo\", \"/usr/share/ca-certificates\", \"/etc/pki/tls/certs\", "
             "\"/etc/pki/ca-trust/extracted\"]"),
     .members = MOUNT_MEMBERS, .fails_on_presence = true, .never_manual = true},
    {"container-sshd", SUBJECT_CONTAINER, CONTAINER | PROCESSES, check_container_sshd,
     PARAMS{
         {"names", PARAM_STRING_LIST, "[\"sshd\", \"sshd-session\", \"sshd-auth\", \"dropbear\", \"tinysshd\"]", 0, 0},
         END},
     .members = "State.Running State.Pid"},
    {"container-privileged-ports", SUBJECT_CONTAINER, CONTAINER | INFO | TASKS | SERVICES,
     check_container_privileged_ports, ALLOWED("[\"80/tcp\", \"443/tcp\", \"443/udp\"]"), check_validate_ports, false,
     .members = PORT_MEMBERS, .fails_on_presence = true, .answers = OF_INFO("Swarm")},
    {"container-needed-ports", SUBJECT_CONTAINER, CONTAINER | IMAGE | INFO | TASKS | SERVICES,
     check_container_needed_ports, ALLOWED("[]"), check_validate_ports, false, .members = PORT_MEMBERS,
     .fails_on_presence = true, .answers = OF_INFO("Swarm")},
    {"container-namespace", SUBJECT_CONTAINER, CONTAINER | INFO, check_container_namespace,
     PARAMS{{"namespace", PARAM_STRING, NULL, 0, 0}, END}, check_validate_namespace, false, .never_manual = true},
    {"container-memory-limit", SUBJECT_CONTAINER, CONTAINER, check_container_memory_limit, NULL,
     .members = "HostConfig.Memory"},
    {"container-cpu-limit", SUBJECT_CONTAINER, CONTAINER, check_container_cpu_limit, NULL,
     .members = "HostConfig.CpuShares HostConfig.NanoCpus HostConfig.CpuQuota HostConfig.CpusetCpus"},
    {"container-readonly-root", SUBJECT_CONTAINER, CONTAINER, check_container_readonly_root, NULL,
     .members = "HostConfig.ReadonlyRootfs"},
    {"container-bound-interface", SUBJECT_CONTAINER, CONTAINER | INFO | TASKS | SERVICES | NETWORKS,
     check_container_bound_interface, NULL, .members = PORT_MEMBERS, .fails_on_presence = true,
     .answers = ANSWERS({INPUT_INFO, "Swarm"}, OF_NETWORKS("[].Name [].Driver [].Options"))},
    {"container-restart-policy", SUBJECT_CONTAINER, CONTAINER | INFO | TASKS, check_container_restart_policy,
     PARAMS{{"max_retries", PARAM_INT, "5", 1, 1000}, END},
     .members = "HostConfig.RestartPolicy HostConfig.RestartPolicy.Name HostConfig.RestartPolicy.MaximumRetryCount",
     .answers = OF_INFO("Swarm")},
    {"container-devices", SUBJECT_CONTAINER, CONTAINER, check_container_devices, ALLOWED("[]"),
     .members =
         "HostConfig.Devices HostConfig.DeviceRequests HostConfig.DeviceCgroupRules HostConfig.Privileged Mounts",
     .fails_on_presence = true},
    {"container-ulimits", SUBJECT_CONTAINER, CONTAINER | DAEMON, check_container_ulimits, ALLOWED("[]"),
     .members = "HostConfig.Ulimits"},
    {"container-mount-propagation", SUBJECT_CONTAINER, CONTAINER, check_container_mount_propagation, NULL,
     .members = "HostConfig.Binds Mounts Mounts[].Propagation", .fails_on_presence = true, .never_manual = true},
    {"container-seccomp", SUBJECT_CONTAINER, CONTAINER | INFO | DAEMON, check_container_seccomp, NULL,
     .members = "HostConfig.Privileged HostConfig.SecurityOpt HostConfig.CapAdd HostConfig.CapDrop",
     .fails_on_presence = true, .never_manual = true},
    {"container-cgroup-parent", SUBJECT_CONTAINER, CONTAINER | DAEMON | INFO | TASKS, check_container_cgroup_parent,
     PARAMS{{"allowed", PARAM_STRING_LIST, "[]", 0, 0},
            {"allow_pods", PARAM_BOOL, "false", 0, 0},
            {"allow_swarm_tasks", PARAM_BOOL, "false", 0, 0},
            END},
     .members = "HostConfig.CgroupParent", .answers = OF_INFO("Swarm")},
    {"container-no-new-privileges", SUBJECT_CONTAINER, CONTAINER | INFO | DAEMON, check_container_no_new_privileges,
     NULL, .members = "HostConfig.SecurityOpt", .never_manual = true},
    {"container-health", SUBJECT_CONTAINER, CONTAINER, check_container_health, NULL, .members = "State.Running"},
    {"container-secrets", SUBJECT_CONTAINER, CONTAINER | IMAGE, check_container_secrets, NULL},
    {"container-image-current", SUBJECT_CONTAINER, CONTAINER | IMAGES, check_container_image_current, NULL,
     .members = "Image Config.Image", .answers = ANSWERS({INPUT_IMAGES, "[].RepoTags"})},
    {"container-pids-limit", SUBJECT_CONTAINER, CONTAINER, check_container_pids_limit, NULL,
     .members = "HostConfig.PidsLimit"},
    {"container-default-bridge", SUBJECT_CONTAINER, CONTAINER, check_container_default_bridge, NULL,
     .members = "NetworkSettings.Networks HostConfig.NetworkMode", .fails_on_presence = true},
    {"container-engine-socket", SUBJECT_CONTAINER, CONTAINER | FILES, check_container_engine_socket,
     PARAMS{{"sockets", PARAM_STRING_LIST,
             "[\"/run/docker.sock\", \"/run/containerd/containerd.sock\", "
             "\"/run/docker/containerd/containerd.sock\", \"/run/podman/podman.sock\", "
             "\"/run/k3s/containerd/containerd.sock\", \"/run/crio/crio.sock\", \"/run/user/*/docker.sock\", "
             "\"/run/user/*/docker/containerd/containerd.sock\", \"/run/user/*/podman/podman.sock\"]",
             0, 0},
            END},
     .members = MOUNT_MEMBERS, .fails_on_presence = true, .never_manual = true},

    {"exec-privileged", SUBJECT_EXEC, EXEC | VERSION, check_exec_privileged, KEEP, .never_manual = true},
    {"exec-user", SUBJECT_EXEC, EXEC | VERSION, check_exec_user, KEEP, .never_manual = true},

    {"image-sprawl", SUBJECT_HOST, IMAGES | LIST | CONTAINER, check_image_sprawl,
     PARAMS{{"max_unused", PARAM_INT, "25", 0, 100000}, {"dangling_days", PARAM_INT, "30", 0, 36500}, END},
     .answers = ANSWERS({INPUT_IMAGES, "[].RepoTags"})},
    {"container-sprawl", SUBJECT_HOST, LIST | CONTAINER, check_container_sprawl,
     PARAMS{{"max_difference", PARAM_INT, "25", 1, 100000}, END}},

    {"data-root-partition", SUBJECT_HOST, MOUNTS | INFO | DAEMON | VERSION, check_data_root_partition,
     PARAMS{{"containerd_root", PARAM_STRING, "\"\"", 0, 0}, END}, .answers = OF_INFO("DriverStatus")},
    {"host-hardened", SUBJECT_HOST, LSM, check_host_hardened, NULL},
    {"engine-version", SUBJECT_DAEMON, VERSION | LSM, check_engine_version,
     PARAMS{{"minimum", PARAM_STRING, "\"\"", 0, 0},
            {"releases", PARAM_STRING_LIST, "[]", 0, 0},
            {"fixes", PARAM_STRING_LIST, "[]", 0, 0},
            {"list_date", PARAM_STRING, "\"\"", 0, 0},
            {"max_list_days", PARAM_INT, "180", 1, 36500},
            END},
     check_validate_engine_version, false},
    {"docker-group-members", SUBJECT_HOST, GROUP | FILES | LSM, check_docker_group_members,
     PARAMS{{"trusted_users", PARAM_STRING_LIST, "[]", 0, 0}, END}},
    {"audit-programs", SUBJECT_HOST, AUDIT | FILES | LSM, check_audit_programs,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0}, {"permissions", PARAM_STRING, "\"wa\"", 0, 0}, END},
     check_validate_audit, false, .never_manual = true},
    {"audit-watch", SUBJECT_FILE, AUDIT | FILES | LSM, check_audit_watch,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0}, {"permissions", PARAM_STRING, "\"wa\"", 0, 0}, END},
     check_validate_audit, false, .never_manual = true},

    {"bridge-icc", SUBJECT_DAEMON, NETWORKS | DAEMON | INFO | VERSION, check_bridge_icc, NULL,
     .answers = ANSWERS(OF_NETWORKS("[].Name [].Driver [].Options"))},
    {"log-level", SUBJECT_DAEMON, DAEMON | INFO | VERSION, check_log_level,
     PARAMS{{"level", PARAM_STRING, "\"info\"", 0, 0}, END}, check_validate_level, false},
    {"daemon-bool", SUBJECT_DAEMON, DAEMON | VERSION | INFO, check_daemon_bool,
     PARAMS{{"option", PARAM_STRING, NULL, 0, 0},
            {"wanted", PARAM_BOOL, NULL, 0, 0},
            {"default", PARAM_BOOL, NULL, 0, 0},
            END},
     check_validate_option, false},
    {"daemon-unset", SUBJECT_DAEMON, DAEMON | VERSION, check_daemon_unset,
     PARAMS{{"option", PARAM_STRING, NULL, 0, 0}, END}, check_validate_option, false},
    {"insecure-registries", SUBJECT_DAEMON, INFO | VERSION | DAEMON, check_insecure_registries, NULL,
     .answers =
         OF_INFO("RegistryConfig RegistryConfig.InsecureRegistryCIDRs RegistryConfig.IndexConfigs "
                 "RegistryConfig.Mirrors RegistryConfig.IndexConfigs{}.Secure RegistryConfig.IndexConfigs{}.Mirrors"),
     .fails_on_presence = true},
    {"storage-driver", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_storage_driver,
     PARAMS{{"forbidden", PARAM_STRING_LIST, NULL, 0, 0}, END}},
    {"api-tls", SUBJECT_DAEMON, DAEMON | LISTEN | INFO | CONTAINER, check_api_tls, NULL},
    {"default-ulimits", SUBJECT_DAEMON, DAEMON | VERSION | INFO, check_default_ulimits, NULL},
    {"userns-remap", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_userns_remap, NULL},
    {"daemon-cgroup-parent", SUBJECT_DAEMON, DAEMON | VERSION | INFO, check_daemon_cgroup_parent, ALLOWED("[]")},
    {"base-device-size", SUBJECT_DAEMON, DAEMON | INFO | VERSION, check_base_device_size, NULL,
     .answers = OF_INFO("DriverStatus"), .fails_on_presence = true},
    {"client-authorization", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_client_authorization, NULL},
    {"central-logging", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_central_logging,
     PARAMS{{"drivers", PARAM_STRING_LIST,
             "[\"fluentd\", \"gelf\", \"awslogs\", \"splunk\", \"gcplogs\", \"logentries\", \"etwlogs\", \"*loki*\"]",
             0, 0},
            {"journald_forwarded", PARAM_BOOL, "false", 0, 0},
            END},
     .answers = OF_INFO("Name")},
    {"legacy-registry", SUBJECT_DAEMON, VERSION | DAEMON | INFO, check_legacy_registry, NULL},
    {"live-restore", SUBJECT_DAEMON, INFO | VERSION | DAEMON, check_live_restore, NULL, .answers = OF_INFO("Swarm")},
    {"daemon-seccomp", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_daemon_seccomp, NULL},
    {"experimental", SUBJECT_DAEMON, INFO | VERSION | DAEMON, check_experimental, NULL},
    {"daemon-no-new-privileges", SUBJECT_DAEMON, INFO | DAEMON | VERSION, check_daemon_no_new_privileges, NULL},

    {"image-user", SUBJECT_CONTAINER, CONTAINER | INFO | IMAGE | LAYERS, check_image_user, NULL,
     .members = "Config.User", .requires = check_image_user_requires},
    {"image-trusted-base", SUBJECT_IMAGE, IMAGE | INFO | VERSION, check_image_trusted_base,
     PARAMS{{"trusted", PARAM_STRING_LIST, "[]", 0, 0}, END},
     .answers = ANSWERS({INPUT_INFO, "DriverStatus"}, {INPUT_IMAGE, "RepoDigests"})},
    {"image-packages", SUBJECT_IMAGE, IMAGE | LAYERS | VERSION, check_image_packages,
     PARAMS{{"max_packages", PARAM_INT, "0", 0, 100000}, {"unwanted", PARAM_STRING_LIST, "[]", 0, 0}, END}},
    {"image-scanned", SUBJECT_IMAGE, IMAGE | SCAN | VERSION, check_image_scanned,
     PARAMS{{"threshold", PARAM_STRING, "\"high\"", 0, 0}, END}, check_validate_threshold, false},
    {"content-trust", SUBJECT_HOST, ENVIRON | DAEMON | VERSION, check_content_trust, NULL},
    {"image-healthcheck", SUBJECT_IMAGE, IMAGE | VERSION, check_image_healthcheck, NULL},
    {"image-update-instruction", SUBJECT_IMAGE, IMAGE | HISTORY | VERSION, check_image_update_instruction, NULL},
    {"image-setuid", SUBJECT_IMAGE, IMAGE | LAYERS | VERSION, check_image_setuid, ALLOWED("[]")},
    {"image-add-instruction", SUBJECT_IMAGE, IMAGE | HISTORY | VERSION, check_image_add_instruction, NULL},
    {"image-secrets", SUBJECT_IMAGE, IMAGE | HISTORY | VERSION, check_image_secrets, NULL},
    {"image-verified-packages", SUBJECT_IMAGE, IMAGE | HISTORY, check_image_verified_packages, NULL},

    {"swarm-needed", SUBJECT_SWARM, INFO, check_swarm_needed,
     PARAMS{{"swarm_expected", PARAM_BOOL, "false", 0, 0}, END}, .answers = OF_INFO("Swarm")},
    {"swarm-managers", SUBJECT_SWARM, INFO, check_swarm_managers, PARAMS{{"max", PARAM_INT, "7", 1, 99}, END},
     .answers = OF_INFO("Swarm")},
    {"swarm-bound-interface", SUBJECT_SWARM, INFO | LISTEN, check_swarm_bound_interface,
     PARAMS{{"port", PARAM_INT, "0", 0, 65535}, END}, .answers = OF_INFO("Swarm")},
    {"overlay-encryption", SUBJECT_NETWORK, INFO | NETWORKS, check_overlay_encryption, NULL,
     .answers = ANSWERS({INPUT_INFO, "Swarm"}, OF_NETWORKS("[].Name [].Driver [].Options"))},
    {"swarm-secrets", SUBJECT_SWARM, INFO | SERVICES | SECRETS, check_swarm_secrets, NULL, .answers = OF_INFO("Swarm")},
    {"swarm-autolock", SUBJECT_SWARM, INFO, check_swarm_autolock, NULL, .answers = OF_INFO("Swarm")},
    {"swarm-unlock-key-rotation", SUBJECT_SWARM, INFO | UNLOCK, check_swarm_unlock_key_rotation,
     PARAMS{{"track", PARAM_BOOL, "false", 0, 0}, {"max_days", PARAM_INT, "90", 1, 36500}, END},
     .answers = OF_INFO("Swarm")},
    {"node-certificate-rotation", SUBJECT_SWARM, INFO | CERTS, check_node_certificate_rotation,
     PARAMS{{"max_days", PARAM_INT, "90", 1, 36500}, END}, .answers = OF_INFO("Swarm")},
    {"root-ca-rotation", SUBJECT_SWARM, INFO | CERTS, check_root_ca_rotation,
     PARAMS{{"max_days", PARAM_INT, "365", 1, 36500}, END},
     .answers = OF_INFO("Swarm Swarm.Cluster.RootRotationInProgress")},
    {"swarm-traffic-separated", SUBJECT_SWARM, INFO, check_swarm_traffic_separated, NULL, .answers = OF_INFO("Swarm")},

    {"rootless", SUBJECT_DAEMON, INFO | VERSION, check_rootless, NULL},
    {"manual", SUBJECT_HOST, LSM, check_manual, PARAMS{{"facts", PARAM_STRING, "\"\"", 0, 0}, END}},

    {"container-document", SUBJECT_CONTAINER, CONTAINER, check_document, CONDITIONS("pointer"),
     check_validate_conditions, true},
    {"image-document", SUBJECT_IMAGE, IMAGE, check_document, CONDITIONS("pointer"), check_validate_conditions, true},
    {"network-document", SUBJECT_NETWORK, NETWORKS, check_network_document, CONDITIONS("pointer"),
     check_validate_conditions, true},
    {"service-document", SUBJECT_SWARM, SERVICES | INFO, check_service_document, CONDITIONS("pointer"),
     check_validate_conditions, true},
    {"daemon-option", SUBJECT_DAEMON, DAEMON, check_daemon_option, CONDITIONS("option"), check_validate_conditions,
     false},
    {"file-content", SUBJECT_FILE, FILES, check_file_content,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0},
            {"matches", PARAM_JSON, NULL, 0, 0},
            {"absent", PARAM_BOOL, "false", 0, 0},
            END},
     check_validate_content, false},
    {0},
};
