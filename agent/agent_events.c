/* From an event of the engine to the inputs that it makes stale. */
#include <string.h>

#include "agent/agent_internal.h"

static bool action_is(const struct docker_event *event, const char *action)
{
    return strlen(action) == event->action_length && strncmp(event->action, action, event->action_length) == 0;
}

static bool action_among(const struct docker_event *event, const char *const *actions)
{
    for (; *actions; actions++)
        if (action_is(event, *actions))
            return true;
    return false;
}

static void on_exec_event(struct agent *agent, const struct docker_event *event, bool replayed, const char *cause)
{
    const struct exec_event exec = {
        .container = event->id,
        .container_name = event->name,
        .exec_id = event->exec_id,
        .command = event->command,
        .time_nano = event->time_nano,
        .before_start = replayed && agent->scan_duration_ms < 0,
    };

    evaluator_exec_made(agent->evaluator, &exec, cause);
}

static bool is_removed_when_it_ends(const struct agent *agent, const char *id)
{
    const struct container_facts *container = store_container(evaluator_store(agent->evaluator), id, NULL);

    return container && container->auto_remove;
}

/* It runs what the container has as its health check. */
static bool is_health_check(const struct agent *agent, const struct docker_event *event)
{
    const struct container_facts *container = store_container(evaluator_store(agent->evaluator), event->id, NULL);

    return container && container->health_text && event->command &&
           docker_exec_text(event->command, strlen(event->command)) == container->health_text;
}

static void on_container_event(struct agent *agent, const struct docker_event *event, bool replayed, const char *cause)
{
    static const char *const state[] = {"create",     "start",   "restart", "die",     "stop",
                                        "pause",      "unpause", "rename",  "update",  "oom",
                                        "checkpoint", "restore", "init",    "cleanup", NULL};

    if (!docker_id_valid(event->id))
        return;
    if (action_is(event, "destroy")) {
        evaluator_gone(agent->evaluator, INPUT_CONTAINER, event->id, cause);
    } else if (action_is(event, "exec_create")) {
        on_exec_event(agent, event, replayed, cause);
        if (event->started)
            fetcher_exec_started(agent->fetcher, event->id);
    } else if (action_is(event, "exec_start")) {
        if (is_health_check(agent, event))
            fetcher_health_check_ran(agent->fetcher, event->id);
        else
            fetcher_exec_started(agent->fetcher, event->id);
    } else if (action_is(event, "health_status")) { /* podman has one for each check */
        fetcher_health_changed(agent->fetcher, event->id, cause);
    } else if (action_is(event, "die") && is_removed_when_it_ends(agent, event->id)) {
        fetcher_container_leaves(agent->fetcher, event->id);
    } else if (action_among(event, state)) {
        evaluator_stale(agent->evaluator, INPUT_CONTAINER, event->id, cause);
        if (action_is(event, "start"))
            fetcher_container_started(agent->fetcher, event->id);
    }
}

/* A container that does not run is connected while it is being started, of which its own event follows (or it is
 * disconnected again); one that is about to be removed is disconnected before. */
static void on_connection_event(struct agent *agent, const struct docker_event *event, const char *cause)
{
    const struct container_facts *container;
    bool is_known;

    if (!event->container || !docker_id_valid(event->container))
        return;
    container = store_container(evaluator_store(agent->evaluator), event->container, NULL);
    is_known = !evaluator_is_pending(agent->evaluator, INPUT_CONTAINER, event->container);
    if (!container || (is_known && action_is(event, "connect") && !container->running) ||
        fetcher_container_is_leaving(agent->fetcher, event->container))
        return;
    evaluator_stale(agent->evaluator, INPUT_CONTAINER, event->container, cause);
}

/* Joining or leaving a swarm has no event of its own, but makes and removes its networks. */
static void on_network_event(struct agent *agent, const struct docker_event *event, const char *cause)
{
    evaluator_stale(agent->evaluator, INPUT_NETWORKS, NULL, cause);
    if (!str_equal(event->name, "docker_gwbridge") && !str_equal(event->name, "ingress"))
        return;
    evaluator_stale(agent->evaluator, INPUT_INFO, NULL, cause);
    fetcher_swarm_changed(agent->fetcher, cause);
}

static void mark_stale(struct agent *agent, const struct docker_event *event, bool replayed)
{
    static const char *const images[] = {"pull",  "tag",    "untag", "delete", "load", "import",
                                         "build", "create", "save",  "prune",  NULL};
    scoped_str cause = STR_INIT;

    if (replayed && !agent->connected && agent->scan_duration_ms < 0 && !action_is(event, "exec_create"))
        return; /* the full scan that follows sees what it led to */
    str_printf(&cause, "docker:%s/%.*s", event->type, (int)event->action_length, event->action);
    if (str_equal(event->type, "container")) {
        if (!replayed || action_is(event, "exec_create"))
            on_container_event(agent, event, replayed, cause.data);
    } else if (replayed) {
        return;
    } else if (str_equal(event->type, "network")) {
        if (action_is(event, "connect") || action_is(event, "disconnect"))
            on_connection_event(agent, event, cause.data);
        else
            on_network_event(agent, event, cause.data);
    } else if (str_equal(event->type, "node") || str_equal(event->type, "service")) {
        evaluator_stale(agent->evaluator, INPUT_INFO, NULL, cause.data);
        evaluator_stale(agent->evaluator, INPUT_SERVICES, NULL, cause.data);
        evaluator_stale(agent->evaluator, INPUT_TASKS, NULL, cause.data);
        evaluator_stale(agent->evaluator, INPUT_LISTENERS, NULL, cause.data);
    } else if (str_equal(event->type, "secret")) {
        evaluator_stale(agent->evaluator, INPUT_SECRETS, NULL, cause.data);
    } else if (str_equal(event->type, "image")) {
        if (action_among(event, images))
            evaluator_stale(agent->evaluator, INPUT_IMAGES, NULL, cause.data);
    } else if (str_equal(event->type, "daemon") && action_is(event, "reload")) {
        fetcher_engine_reloaded(agent->fetcher, event->time_nano / 1000, cause.data);
    }
}

void agent_on_event(const struct docker_event *event, bool replayed, void *user)
{
    struct agent *agent = user;

    agent->events_seen++;
    if (!replayed) /* else it is the connection that was late */
        evaluator_set_event_time(agent->evaluator, event->time_nano / 1000);
    mark_stale(agent, event, replayed);
    evaluator_set_event_time(agent->evaluator, 0);
}
