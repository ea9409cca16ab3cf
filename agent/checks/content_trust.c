/* Content trust: whether everybody's docker client checks signatures, or dockerd itself does. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "common/json_in.h"
#include "probes/daemon/daemon_config.h"

/* The client takes every value but a false one for true. */
static bool is_on(const struct environment_item *item)
{
    bool truth;

    return item->exported && !item->computed && !str_empty(item->value) &&
           (!check_parse_bool(item->value, &truth) || truth);
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

static bool has_computed(const struct environment_facts *environment, const struct environment_item **ret)
{
    for (size_t i = 0; i < environment->count; i++)
        if (environment->items[i].computed) {
            *ret = &environment->items[i];
            return true;
        }
    return false;
}

/* True when each of the states that are possible has it on; RET_ANY: one of them has. */
static bool all_on(const struct environment_facts *environment, bool *ret_any)
{
    size_t on = 0;

    for (size_t i = 0; i < environment->count; i++)
        on += is_on(&environment->items[i]);
    *ret_any = on > 0;
    return on && on == environment->count;
}

static void say_off(const struct check_input *in, struct check_result *out, const struct environment_item *item)
{
    if (!item || !item->place)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is not set anywhere");
    else if (!item->value)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is unset (%s, line %u)", item->place, item->line);
    else if (!item->exported)
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST is set but not exported (%s, line %u)", item->place,
                  item->line);
    else
        check_say(in, out, VERDICT_FAIL, "DOCKER_CONTENT_TRUST=%s (%s, line %u)", item->value, item->place, item->line);
}

/* Where the environment leaves it off or open. */
static void judge_environment(const struct check_input *in, struct check_result *out,
                              const struct environment_facts *environment, bool any)
{
    const struct environment_item *item;
    scoped_str where = STR_INIT;

    if (environment->error) { /* it may be set where we cannot look */
        check_error(in, out, "environment", environment->error);
        return;
    }
    if (has_computed(environment, &item)) {
        str_printf(&where, "%s, line %u", item->place, item->line);
        check_error(in, out, where.data, "the value of DOCKER_CONTENT_TRUST is computed when this file is read");
        return;
    }
    if (any) {
        for (size_t i = 0; i < environment->count; i++)
            if (environment->items[i].place)
                str_printf(&where, "%s%s, line %u", where.length ? "; " : "", environment->items[i].place,
                           environment->items[i].line);
        check_error(in, out, str_text(&where), "whether DOCKER_CONTENT_TRUST is set depends on a condition");
        return;
    }
    for (size_t i = 0; i == 0 || i < environment->count; i++)
        say_off(in, out, environment->count ? &environment->items[i] : NULL);
    check_remedy(in, out, "echo 'export DOCKER_CONTENT_TRUST=1' > /etc/profile.d/docker-content-trust.sh");
}

void check_content_trust(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct environment_facts *environment = store_environment(in->store, &why);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    bool any = false;

    if (daemon && is_enforced(daemon_option(daemon, "content-trust", NULL))) {
        check_say(in, out, VERDICT_PASS, "dockerd enforces it (content-trust in daemon.json)");
        return;
    }
    if (!environment) {
        check_error(in, out, "environment", why);
        return;
    }
    if (all_on(environment, &any)) {
        const struct environment_item *item = &environment->items[environment->count - 1];

        check_say(in, out, VERDICT_PASS, "DOCKER_CONTENT_TRUST=%s (%s, line %u)", item->value, item->place, item->line);
        return;
    }
    if ((daemon && daemon->podman) || check_need_option(in, out, "content-trust"))
        judge_environment(in, out, environment, any);
}
