/* systemd units: asked for together, of a helper, as the bus may keep silent and files may be root's alone.
 *
 * They also answer whether the engine may be connected to: behind docker.socket a connection starts a stopped engine.
 * So before each one systemd is asked afresh, and the connection waits for its answer. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/host/units.h"

static const usec_t fresh_for = USEC_PER_SEC / 4;
static const char unit_source[] = "unit:";

static void on_units(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct units_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = number ? error_set(&error, number, "%s", why) : units_parse(output, length, &facts, &error);

    fetcher->units_worker = NULL;
    fetch_deliver(fetcher, INPUT_UNITS, NULL, r, r < 0 ? NULL : &facts->facts, &error);
    fetcher->units_read = clock_monotonic();
    docker_gate_known(fetcher->docker);
}

/* The engine's, and those that rules name. */
static void list_names(const struct fetcher *fetcher, struct string_list *ret)
{
    static const char *const engine[] = {"docker.service", "docker.socket", "containerd.service", "podman.socket"};

    ret->items = mem_realloc_array(NULL, countof(engine) + fetcher->sources.count, sizeof *ret->items);
    for (size_t i = 0; i < countof(engine); i++)
        ret->items[ret->count++] = engine[i];
    for (size_t i = 0; i < fetcher->sources.count && ret->count < UNITS_MAX; i++)
        if (str_starts(fetcher->sources.items[i]->name, unit_source))
            ret->items[ret->count++] = fetcher->sources.items[i]->name + strlen(unit_source);
}

void fetch_units(struct fetcher *fetcher, const char *key)
{
    struct string_list names = {0};
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)key;
    list_names(fetcher, &names);
    roles_ask_units(&message, &names);
    free(names.items);
    fetcher->units_worker = fetch_ask(fetcher, ROLE_FILES, FILES_UNITS, &message, on_units, fetcher, &error);
    if (!fetcher->units_worker)
        on_units(NULL, 0, error.number ? error.number : EIO, error.message, fetcher);
}

void fetch_free_units(struct fetcher *fetcher)
{
    worker_cancel(fetcher->units_worker);
}

/* Is the engine's socket the one that systemd holds for it? */
static bool is_held_by_systemd(const struct fetcher *fetcher)
{
    const char *socket = fetch_engine_socket(fetcher);
    scoped(cleanup_free) char *target = NULL;
    struct stat st;

    return socket && host_stat(fetcher->root, "/run/systemd/system", &st, NULL) == 0 &&
           host_resolve(fetcher->root, socket, &target, NULL) == 0 && str_equal(target, "/run/docker.sock");
}

/* Without systemd's answer the units are looked for in the search path, and the pid file decides. */
static bool is_stopped(const struct fetcher *fetcher)
{
    const struct units_facts *units = store_units(evaluator_store(fetcher->evaluator), NULL);
    scoped(unit_paths_deinit) struct unit_paths service = {0}, socket = {0};
    pid_t pid;

    unit_lookup(fetcher->root, units, "docker.service", &service, NULL);
    unit_lookup(fetcher->root, units, "docker.socket", &socket, NULL);
    if (service.main_pid > 0 && !service.stopped)
        return false;
    /* One that stops its containers still runs, but takes no connection: one made now would start it again. */
    return socket.fragment && (service.stopped || daemon_find(fetcher->root, units, 0, &pid, NULL) < 0);
}

enum http_gate fetcher_may_connect(struct fetcher *fetcher, const char **ret_why)
{
    if (!is_held_by_systemd(fetcher))
        return HTTP_GATE_OPEN;
    if (!fetcher->units_read || clock_monotonic() - fetcher->units_read > fresh_for) {
        *ret_why = "waiting for systemd to report whether the engine is running";
        evaluator_stale(fetcher->evaluator, INPUT_UNITS, NULL, "engine:connect");
        return HTTP_GATE_ASK;
    }
    *ret_why = "the engine is stopped and connecting to its socket would start it; waiting for it to be started";
    return is_stopped(fetcher) ? HTTP_GATE_CLOSED : HTTP_GATE_OPEN;
}
