/* Content trust: whether everybody's docker client checks signatures, or dockerd itself does. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "common/json_in.h"
#include "probes/daemon/daemon_config.h"

/* The client takes every value but a false one for true. */
static bool is_on(const struct environment_facts *environment)
{
    bool truth;

    return environment->exported && !str_empty(environment->value) &&
           (!check_parse_bool(environment->value, &truth) || truth);
}

/* daemon.json's {"content-trust": {"mode": "enforced"}}, as one option's value. */
static bool is_enforced(const char *value)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *member;
    const char *key;

    if (!value || json_parse(value, strlen(value), NULL, &doc, NULL) < 0)
        return false;
    for (size_t i = 0; (member = json_member(json_root(doc), i, &key, NULL)); i++)
        if (strcasecmp(key, "mode") == 0)
            return str_equal(json_string(member), "enforced");
    return false;
}

/* "FILE:LINE", or the place alone where there is no line. */
static void add_place(struct str *out, const char *place, unsigned line)
{
    str_append(out, place);
    if (line)
        str_printf(out, ":%u", line);
}

/* The client reads the variable no more from this version on (docker/cli#6603); what is typed as "docker" there pulls
 * whatever the registry has. Where the client's version is unknown it is taken for the engine's. False: neither is
 * known, which has been reported. */
static bool find_client(const struct check_input *in, struct check_result *out,
                        const struct environment_facts *environment, struct str *ret_client, bool *ret_ignores)
{
    static const char first[] = "29";
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);
    const char *number = environment && environment->client_version ? environment->client_version
                         : version                                  ? version->version
                                                                    : NULL;

    *ret_ignores = false;
    if (!number) {
        check_error(in, out, M_("the docker client's version is unknown, and so is the engine's: version"), why);
        return false;
    }
    if (number != (version ? version->version : NULL))
        str_printf(ret_client, "docker client %s (package %s)", number, environment->client);
    else
        message_add(ret_client, "engine %s, as whose the client's version is taken,", number);
    *ret_ignores =
        !(version && version->is_podman) && check_is_version(number) && check_version_compare(number, first) >= 0;
    return true;
}

/* Where the environment leaves it off or open. */
static void judge_environment(const struct check_input *in, struct check_result *out,
                              const struct environment_facts *environment)
{
    scoped_str where = STR_INIT;

    if (environment->error) { /* it may be set where we cannot look */
        check_error(in, out, M_("environment"), environment->error);
        return;
    }
    if (environment->open_place) {
        add_place(&where, environment->open_place, environment->open_line);
        check_say(in, out, VERDICT_MANUAL,
                  "%s changes DOCKER_CONTENT_TRUST under a condition or by evaluation: its value at login is not known",
                  where.data);
        return;
    }
    if (environment->place)
        add_place(&where, environment->place, environment->line);
    if (!environment->place)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is not set anywhere");
    else if (!environment->value)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is unset (%s)", where.data);
    else if (!environment->exported)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is set but not exported (%s)", where.data);
    else
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST=%s (%s)", environment->value, where.data);
    check_fact_string(in, out, "docker_hub_notary_ends", "2026-12-08");
    check_remedy(in, out, "echo 'export DOCKER_CONTENT_TRUST=1' > /etc/profile.d/docker-content-trust.sh");
    out->fix.need = FIX_DECISION; /* what is not signed can be pulled no more */
}

/* A docker client on this host that reads the variable, whatever engine it is connected to. */
static bool is_docker_client(const struct environment_facts *environment)
{
    const char *version = environment->client_version;

    return version && check_is_version(version) && check_version_compare(version, "29") < 0;
}

void check_content_trust(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct environment_facts *environment = store_environment(in->store, &why);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    scoped_str where = STR_INIT, client = STR_INIT;
    bool ignores;

    if (daemon && is_enforced(daemon_option(daemon, "content-trust", NULL))) {
        check_say(in, out, VERDICT_PASS, "dockerd enforces it (content-trust in daemon.json)");
        return;
    }
    if (!environment) {
        check_error(in, out, M_("environment"), why);
        return;
    }
    if (!find_client(in, out, environment, &client, &ignores))
        return;
    check_fact_string(in, out, "client", client.data);
    if (ignores && !store_version(in->store, &why)) { /* podman has signatures of its own */
        check_error(in, out, M_("version"), why);
        return;
    }
    if (ignores) {
        check_say(in, out, VERDICT_NOT_APPLICABLE,
                  "%s ignores DOCKER_CONTENT_TRUST; what takes its place are digests and signatures", client.data);
        check_remedy_note(
            in, out,
            "pin images by digest (docker pull NAME@sha256:DIGEST), and verify signatures before they run: "
            "cosign verify NAME@sha256:DIGEST, or notation verify NAME@sha256:DIGEST");
        return;
    }
    if (check_is_podman(in) && !(is_docker_client(environment) && is_on(environment) && !environment->open_place)) {
        check_say(in, out, VERDICT_MANUAL,
                  "podman ignores DOCKER_CONTENT_TRUST: does /etc/containers/policy.json require signatures (podman "
                  "image trust show)?");
        return;
    }
    if (is_on(environment) && !environment->open_place) {
        add_place(&where, environment->place, environment->line);
        check_say(in, out, VERDICT_PASS, "DOCKER_CONTENT_TRUST=%s (%s)", environment->value, where.data);
        return;
    }
    if (check_need_option(in, out, "content-trust"))
        judge_environment(in, out, environment);
}
