/* The check functions, for the table. Each family has a file of its own. */
#ifndef AGENT_CHECKS_CHECKS_H
#define AGENT_CHECKS_CHECKS_H

#include "agent/model/check.h"

/* partition.c */
check_function check_data_root_partition;
/* host.c: section 1 but its audit rules and partition */
check_function check_host_hardened, check_engine_version, check_docker_group_members, check_content_trust, check_manual;
/* audit.c */
check_function check_audit_watch, check_audit_programs;
/* daemon*.c: section 2 */
check_function check_bridge_icc, check_log_level, check_daemon_bool, check_daemon_unset, check_insecure_registries,
    check_storage_driver, check_api_tls, check_default_ulimits, check_userns_remap, check_daemon_cgroup_parent,
    check_base_device_size, check_client_authorization, check_central_logging, check_legacy_registry,
    check_live_restore, check_daemon_seccomp, check_experimental, check_daemon_no_new_privileges, check_rootless;
/* image*.c: section 4 */
check_function check_image_user, check_image_trusted_base, check_image_packages, check_image_scanned,
    check_image_healthcheck, check_image_setuid, check_image_update_instruction, check_image_add_instruction,
    check_image_secrets, check_image_verified_packages;
/* Is the input KIND required to judge the container? The image's layers only for a user that is a name,
 * the image itself where it is for several platforms. */
bool check_image_user_requires(const struct store *store, const char *key, enum input_kind kind);
/* swarm.c: section 7 */
check_function check_swarm_needed, check_swarm_managers, check_swarm_bound_interface, check_overlay_encryption,
    check_swarm_secrets, check_swarm_autolock, check_swarm_unlock_key_rotation, check_node_certificate_rotation,
    check_root_ca_rotation, check_swarm_traffic_separated;
/* document.c: users' own conditions */
check_function check_document, check_network_document, check_service_document, check_daemon_option, check_file_content;
int check_validate_conditions(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_content(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_mode(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_owner(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_audit(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_option(const struct rule *rule, const char **ret_key, struct error *error);
/* validate_params.c */
int check_validate_engine_version(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_namespace(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_level(const struct rule *rule, const char **ret_key, struct error *error);
int check_validate_threshold(const struct rule *rule, const char **ret_key, struct error *error);
/* files.c: section 3 */
check_function check_file_owner, check_file_mode;
/* container_security.c: what confines a container's processes */
check_function check_container_apparmor, check_container_selinux, check_container_capabilities,
    check_container_privileged, check_container_seccomp, check_container_no_new_privileges;
/* container_namespaces.c */
check_function check_container_namespace;
/* container_mounts.c */
check_function check_container_sensitive_mounts, check_container_mount_propagation, check_container_engine_socket;
/* container_network.c */
check_function check_container_privileged_ports, check_container_needed_ports, check_container_bound_interface,
    check_container_default_bridge;
int check_validate_ports(const struct rule *rule, const char **ret_key, struct error *error);
/* container_limits.c: what a container may use up */
check_function check_container_memory_limit, check_container_cpu_limit, check_container_pids_limit,
    check_container_ulimits, check_container_devices, check_container_cgroup_parent;
/* container_life.c: how it is run and kept */
check_function check_container_readonly_root, check_container_restart_policy, check_container_health,
    check_container_image_current, check_container_sshd, check_container_secrets;
/* exec.c */
check_function check_exec_privileged, check_exec_user;
/* operations.c: section 6 */
check_function check_image_sprawl, check_container_sprawl;

/* The container of that name, id or beginning of an id; NULL: unknown. */
const struct container_facts *check_find_container(const struct store *store, const char *name);
/* Facts of the container that is judged; NULL: unknown, and error has been reported. */
const struct container_facts *check_container(const struct check_input *in, struct check_result *out);
/* Is the engine podman, as far as it or its service's configuration is known? */
bool check_is_podman(const struct check_input *in);
/* The engine's command: "docker", or "podman" where it is that. */
const char *check_engine_command(const struct check_input *in);
/* The rule's parameter by name; never NULL for a name that the check's table has. */
const struct param_value *check_param(const struct check_input *in, const char *name);
/* Is S among a list parameter's globs? */
bool check_allowed(const struct check_input *in, const char *param, const char *s);
/* Go's strconv.ParseBool: 1 t T true True TRUE and their opposites. False if S is anything else. */
bool check_parse_bool(const char *s, bool *ret);
/* dockerd's options, if the value of NAME can be known; else NULL, and error has been reported. */
const struct daemon_facts *check_need_option(const struct check_input *in, struct check_result *out, const char *name);
/* The engine's facts if it is a swarm manager; else NULL, and not_applicable or error has been reported. */
const struct info_facts *check_need_manager(const struct check_input *in, struct check_result *out);
/* Compares dotted numbers as far as they go ("20.10.24+dfsg1" is 20.10.24); <0, 0, >0. */
int check_version_compare(const char *a, const char *b);
/* Does it begin with a number? A development build calls itself otherwise. */
bool check_is_version(const char *version);
/* Is it numbers with dots between, and maybe a suffix: "29", "25.0.17", "20.10.24+dfsg1"? */
bool check_is_dotted(const char *version);
bool check_is_day(const char *day); /* "2026-01-31" */
/* A line of engine-version's releases: "branch newest [day its maintenance ends]". */
bool check_is_release(const char *line);
bool check_is_fix(const char *line); /* "27.1.1,26.1.5 CVE-2024-41110" */
/* Sets RET to the absolute PATH without "//", "." and "..", and without a slash at its end. */
void check_path_clean(const char *path, struct str *ret);
/* Is PATH the same as ROOT or below it, by path component? */
bool check_path_within(const char *path, const char *root);

#endif
