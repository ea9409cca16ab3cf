/* Whose records these are: what every record that a sink sends says of its sender, and what findings' uids are made of.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "common/log.h"

static bool is_own_root(const struct agent *agent)
{
    return strcmp(agent->config->host_root, "/") == 0;
}

/* Host names are printable ASCII without blanks (RFC 1123). Of whatever else somebody has written there each byte is
 * '_', and what is too long is cut: a receiver has a name, but not that one. */
static void set_hostname(struct agent *agent, const char *name, size_t length)
{
    const char *end = memchr(name, '\n', length);

    length = end ? (size_t)(end - name) : length;
    while (length && (name[length - 1] == ' ' || name[length - 1] == '\t' || name[length - 1] == '\r'))
        length--;
    if (!length)
        return;
    if (length >= sizeof agent->hostname)
        length = sizeof agent->hostname - 1;
    for (size_t i = 0; i < length; i++)
        agent->hostname[i] = name[i] > ' ' && name[i] <= '~' ? name[i] : '_';
    agent->hostname[length] = '\0';
}

/* In a container the agent's own name is the container's; the host's is in a file of its root. */
static void read_hostname(struct agent *agent)
{
    scoped(cleanup_host_root) struct host_root *root = NULL;
    scoped_str text = STR_INIT;
    char own[256] = "";

    if (!is_own_root(agent) && host_root_open(agent->config->host_root, &root, NULL) == 0 &&
        host_read(root, "/etc/hostname", 1024, &text, NULL) == 0)
        set_hostname(agent, str_text(&text), text.length);
    if (agent->hostname[0] && !is_own_root(agent))
        return;
    gethostname(own, sizeof own - 1);
    set_hostname(agent, own, strlen(own));
}

static void read_machine(struct agent *agent)
{
    scoped(cleanup_host_root) struct host_root *root = NULL;
    struct error error = ERROR_INIT;
    int r = host_root_open(agent->config->host_root, &root, &error);

    if (r == 0)
        r = machine_id_read(root, agent->machine, &error);
    if (r < 0)
        log_warning("records have no machine id: %s", error.text);
}

/* Notes of the store: the engine's id, with the address that it was known by; and the stream whose first full scan is
 * not complete. */
static const char engine_note[] = "engine", initial_note[] = "initial";

void agent_on_note(const char *name, const char *text, void *user)
{
    struct agent *agent = user;
    struct snapshots *snapshots = agent->snapshots;
    char **note = strcmp(name, engine_note) == 0       ? &agent->known_engine
                  : strcmp(name, initial_note) == 0    ? &agent->initial_stream
                  : strcmp(name, STATES_NOTE) == 0     ? &agent->known_states
                  : strcmp(name, EXCEPTIONS_NOTE) == 0 ? &agent->known_exceptions
                                                       : NULL;

    if (!note && evaluator_restore_note(agent->evaluator, name, text))
        return;
    if (!note) {
        snapshots_on_note(name, text, snapshots);
        return;
    }
    free(*note);
    *note = mem_strdup(text);
}

void agent_on_engine(const char *engine, void *user)
{
    struct agent *agent = user;
    scoped(cleanup_free) char *note = mem_printf("%s %s", engine, agent->address.host_text);

    if (!agent->events)
        return;
    event_store_note(agent->events, engine_note, note);
    agent_set_origin(agent);
}

void agent_identify(struct agent *agent)
{
    const char *known = agent->known_engine, *blank = known ? strchr(known, ' ') : NULL;
    const char *address = agent->address.host_text;
    const char *stream = agent->events ? event_store_stream(agent->events) : NULL;
    scoped(cleanup_free) char *engine = blank ? mem_strndup(known, (size_t)(blank - known)) : NULL;

    read_hostname(agent);
    read_machine(agent);
    evaluator_set_identity(agent->evaluator,
                           &(struct evaluator_identity){.machine = agent->machine,
                                                        .engine = engine,
                                                        .address = address,
                                                        .is_current = engine && str_equal(blank + 1, address) &&
                                                                      !str_equal(engine, address)});
    if (!stream || (event_store_last_seq(agent->events) && !str_equal(agent->initial_stream, stream)))
        return;
    event_store_note(agent->events, initial_note, stream);
    evaluator_set_initial(agent->evaluator, true);
}

void agent_end_initial(struct agent *agent)
{
    if (!evaluator_is_initial(agent->evaluator))
        return;
    evaluator_set_initial(agent->evaluator, false);
    event_store_note(agent->events, initial_note, NULL);
}

void agent_set_origin(struct agent *agent)
{
    read_hostname(agent);
    agent->origin = (struct record_origin){
        .host = agent->hostname,
        .machine = agent->machine,
        .engine = evaluator_engine(agent->evaluator),
        .version = PROGRAM_VERSION,
        .benchmark = agent->config->benchmark,
        .stream = event_store_stream(agent->events),
        .schema = RECORD_SCHEMA,
        .language = agent->config->language,
        .rules = evaluator_rules(agent->evaluator),
    };
}
