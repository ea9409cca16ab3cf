/* Every check: its name in rule files, the kind of subject that it judges, the inputs that it reads, its parameters. */
#include "agent/checks/checks.h"

#define CONTAINER INPUT_BIT(INPUT_CONTAINER)
#define INFO      INPUT_BIT(INPUT_INFO)
#define LSM       INPUT_BIT(INPUT_LSM)
#define DAEMON    INPUT_BIT(INPUT_DAEMON)
#define FILES     INPUT_BIT(INPUT_FILES)
#define IMAGE     INPUT_BIT(INPUT_IMAGE)
#define IMAGES    INPUT_BIT(INPUT_IMAGES)
#define LIST      INPUT_BIT(INPUT_CONTAINERS)
#define PROCESSES INPUT_BIT(INPUT_PROCESSES)
#define EXEC      INPUT_BIT(INPUT_EXEC)

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
#define KEEP                                                                                                           \
    PARAMS                                                                                                             \
    {                                                                                                                  \
        {"keep_seconds", PARAM_INT, "86400", 60, 366 * 86400}, END                                                     \
    }

const struct check checks[] = {
    {"file-owner", SUBJECT_FILE, FILES, check_file_owner,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0},
            {"owner", PARAM_STRING, "\"root\"", 0, 0},
            {"group", PARAM_STRING, "\"root\"", 0, 0},
            END}},
    {"file-mode", SUBJECT_FILE, FILES, check_file_mode,
     PARAMS{{"source", PARAM_STRING, NULL, 0, 0}, {"mode", PARAM_STRING, NULL, 0, 0}, END}},

    {"container-apparmor", SUBJECT_CONTAINER, CONTAINER | INFO | LSM, check_container_apparmor, NULL},
    {"container-selinux", SUBJECT_CONTAINER, CONTAINER | INFO | LSM, check_container_selinux, NULL},
    {"container-capabilities", SUBJECT_CONTAINER, CONTAINER, check_container_capabilities, ALLOWED("[]")},
    {"container-privileged", SUBJECT_CONTAINER, CONTAINER, check_container_privileged, NULL},
    {"container-sensitive-mounts", SUBJECT_CONTAINER, CONTAINER, check_container_sensitive_mounts,
     ALLOWED("[\"/etc/localtime\", \"/etc/timezone\", \"/etc/hosts\", \"/etc/resolv.conf\", \"/etc/ssl/certs\", "
             "\"/usr/share/zoneinfo\", \"/usr/share/ca-certificates\"]")},
    {"container-sshd", SUBJECT_CONTAINER, CONTAINER | PROCESSES, check_container_sshd,
     PARAMS{{"names", PARAM_STRING_LIST, "[\"sshd\", \"dropbear\"]", 0, 0}, END}},
    {"container-privileged-ports", SUBJECT_CONTAINER, CONTAINER, check_container_privileged_ports,
     ALLOWED("[\"80/tcp\", \"443/tcp\", \"443/udp\"]")},
    {"container-needed-ports", SUBJECT_CONTAINER, CONTAINER | IMAGE, check_container_needed_ports, ALLOWED("[]")},
    {"container-namespace", SUBJECT_CONTAINER, CONTAINER | INFO, check_container_namespace,
     PARAMS{{"namespace", PARAM_STRING, NULL, 0, 0}, END}},
    {"container-memory-limit", SUBJECT_CONTAINER, CONTAINER, check_container_memory_limit, NULL},
    {"container-cpu-limit", SUBJECT_CONTAINER, CONTAINER, check_container_cpu_limit, NULL},
    {"container-readonly-root", SUBJECT_CONTAINER, CONTAINER, check_container_readonly_root, NULL},
    {"container-bound-interface", SUBJECT_CONTAINER, CONTAINER, check_container_bound_interface, NULL},
    {"container-restart-policy", SUBJECT_CONTAINER, CONTAINER, check_container_restart_policy,
     PARAMS{{"max_retries", PARAM_INT, "5", 1, 1000}, END}},
    {"container-devices", SUBJECT_CONTAINER, CONTAINER, check_container_devices, ALLOWED("[]")},
    {"container-ulimits", SUBJECT_CONTAINER, CONTAINER, check_container_ulimits, ALLOWED("[]")},
    {"container-mount-propagation", SUBJECT_CONTAINER, CONTAINER, check_container_mount_propagation, NULL},
    {"container-seccomp", SUBJECT_CONTAINER, CONTAINER | INFO, check_container_seccomp, NULL},
    {"container-cgroup-parent", SUBJECT_CONTAINER, CONTAINER | DAEMON | INFO, check_container_cgroup_parent,
     PARAMS{{"allowed", PARAM_STRING_LIST, "[]", 0, 0},
            {"allow_pods", PARAM_BOOL, "true", 0, 0},
            {"allow_swarm_tasks", PARAM_BOOL, "true", 0, 0},
            END}},
    {"container-no-new-privileges", SUBJECT_CONTAINER, CONTAINER | INFO | DAEMON, check_container_no_new_privileges,
     NULL},
    {"container-health", SUBJECT_CONTAINER, CONTAINER, check_container_health, NULL},
    {"container-image-current", SUBJECT_CONTAINER, CONTAINER | IMAGES, check_container_image_current, NULL},
    {"container-pids-limit", SUBJECT_CONTAINER, CONTAINER, check_container_pids_limit, NULL},
    {"container-default-bridge", SUBJECT_CONTAINER, CONTAINER, check_container_default_bridge, NULL},
    {"container-engine-socket", SUBJECT_CONTAINER, CONTAINER | FILES, check_container_engine_socket,
     PARAMS{{"sockets", PARAM_STRING_LIST,
             "[\"/run/docker.sock\", \"/run/containerd/containerd.sock\", \"/run/podman/podman.sock\"]", 0, 0},
            END}},

    {"exec-privileged", SUBJECT_EXEC, EXEC, check_exec_privileged, KEEP},
    {"exec-user", SUBJECT_EXEC, EXEC, check_exec_user, KEEP},

    {"image-sprawl", SUBJECT_HOST, IMAGES | LIST | CONTAINER, check_image_sprawl,
     PARAMS{{"max_unused", PARAM_INT, "25", 0, 100000}, {"dangling_days", PARAM_INT, "30", 0, 36500}, END}},
    {"container-sprawl", SUBJECT_HOST, LIST | CONTAINER, check_container_sprawl,
     PARAMS{{"max_difference", PARAM_INT, "25", 1, 100000}, END}},

    {"not-evaluated", SUBJECT_HOST, 0, check_not_evaluated, NULL},
    {0},
};
