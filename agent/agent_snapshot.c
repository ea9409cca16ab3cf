/* A snapshot is made in slices, a few findings in a turn of the loop, and no faster than its sink takes it: what it
 * holds meanwhile is the list of subjects. Findings may change while it is made. Each record has the number of the
 * finding's last transition, and the end has that of the last transition before the beginning: what a snapshot does not
 * hold and is not newer than that is gone.
 *
 * What the last whole snapshot of a sink was made of (its mark) is a note in the store, written after its end: as long
 * as the mark differs from what it would be now, a snapshot is due, whatever has come in between. One that was cut off
 * by the end of the agent thus begins anew, under another id. */
#include "agent/agent_snapshot.h"

#include <inttypes.h>
#include <string.h>

#include "agent/evaluator/finding.h"
#include "common/map.h"

enum { SLICE = 200, PENDING_MAX = 1000, SLICE_MS = 20, WAIT_MS = 200, DAY_S = 86400 };

static const char note_prefix[] = "snapshot ";

/* What there is of a sink, by the name of its cursor. */
struct snapshot {
    char *mark; /* of the last whole one; NULL: there is none */
    bool under_way;
    char *begun_with; /* the mark */
    uint64_t id, seq, count;
    uint64_t inserted_up_to; /* the sink's last number once the store has taken the last slice, at least */
    unsigned restarts;       /* of the store's process, at the beginning */
    struct str subjects;     /* kind, NUL, id, NUL */
    size_t at;               /* in SUBJECTS */
};

struct snapshots {
    struct snapshot_options options;
    struct event_store *store; /* NULL: not started */
    struct map *by_name;
    struct event *timer;
    uint64_t last_id;
};

static void end(struct snapshot *snapshot)
{
    snapshot->under_way = false;
    free(take(snapshot->begun_with));
    str_deinit(&snapshot->subjects);
    snapshot->subjects = (struct str)STR_INIT;
}

static void snapshot_free(void *p)
{
    struct snapshot *snapshot = p;

    if (!snapshot)
        return;
    end(snapshot);
    free(snapshot->mark);
    free(snapshot);
}

static struct snapshot *snapshot_for(struct snapshots *snapshots, const char *name)
{
    struct snapshot *snapshot = map_get(snapshots->by_name, name);

    if (!snapshot) {
        snapshot = mem_alloc(sizeof *snapshot);
        map_set(snapshots->by_name, name, snapshot);
    }
    return snapshot;
}

static void set_mark(struct snapshots *snapshots, const char *name, struct snapshot *snapshot, const char *mark)
{
    scoped(cleanup_free) char *note = mem_printf("%s%s", note_prefix, name);

    free(snapshot->mark);
    snapshot->mark = mem_strdup(mark);
    event_store_note(snapshots->store, note, mark);
}

/* ---- What a snapshot is made of ---- */

/* Days end at another time on each machine. */
static int64_t day_of(const struct snapshots *snapshots)
{
    int64_t begin = (int64_t)(finding_digest(snapshots->options.machine, "", "", "") % DAY_S);

    return (clock_now(snapshots->options.clock) / USEC_PER_SEC - begin) / DAY_S;
}

/* Findings come to other sinks, without a transition, when their rules have another severity. */
static uint64_t severities(const struct evaluator *evaluator)
{
    const struct rule_set *rules = evaluator_rules(evaluator);
    uint64_t sum = 0;

    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].enabled)
            sum += finding_digest(rules->rules[i].slug, severity_name(rules->rules[i].severity), "", "");
    return sum;
}

/* The caller frees. */
static char *mark_now(const struct snapshots *snapshots, const struct event_cursor_options *sink,
                      const struct event_cursor *cursor)
{
    return mem_printf("%s %s %u %u %" PRIu64 " %" PRIx64 " %" PRId64, event_store_stream(snapshots->store),
                      evaluator_engine(snapshots->options.evaluator), sink->filter.statuses,
                      (unsigned)sink->filter.min_severity, event_cursor_lost(cursor),
                      severities(snapshots->options.evaluator), day_of(snapshots));
}

static void begin(struct snapshots *snapshots, struct snapshot *snapshot, const char *mark)
{
    const struct subject *subject;
    uint64_t now = (uint64_t)clock_now(snapshots->options.clock);
    size_t at = 0;

    end(snapshot);
    snapshot->under_way = true;
    snapshot->begun_with = mem_strdup(mark);
    snapshot->id = snapshots->last_id = now > snapshots->last_id ? now : snapshots->last_id + 1;
    snapshot->seq = evaluator_last_seq(snapshots->options.evaluator);
    snapshot->restarts = event_store_restarts(snapshots->store);
    snapshot->count = 0;
    snapshot->inserted_up_to = 0;
    snapshot->at = 0;
    while ((subject = evaluator_next_subject(snapshots->options.evaluator, &at))) {
        str_append_char(&snapshot->subjects, (char)subject->kind);
        str_append_n(&snapshot->subjects, subject->id, strlen(subject->id) + 1);
    }
}

/* ---- A slice ---- */

static bool passes(const struct store_filter *filter, const struct pair *pair)
{
    return pair->reported == pair->verdict && pair->verdict >= VERDICT_MANUAL &&
           pair->rule->severity >= filter->min_severity && (filter->statuses & 1u << pair->verdict);
}

static void insert(struct event_cursor *cursor, enum store_item_kind kind, struct json_out *out)
{
    event_cursor_insert(cursor, kind, json_out_text(out, NULL));
}

static void add_finding(struct snapshots *snapshots, struct snapshot *snapshot, struct event_cursor *cursor,
                        const struct subject *subject, const struct pair *pair, struct check_result *scratch)
{
    const struct evaluator *evaluator = snapshots->options.evaluator;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    check_result_clear(scratch);
    evaluator_explain(evaluator, subject, pair, scratch);
    json_out_object(out, NULL);
    json_out_int(out, "snapshot", (int64_t)snapshot->id);
    finding_keep_brief(evaluator, subject, pair, evaluator_waiver(evaluator, subject, pair), scratch, out);
    json_out_time(out, "at", clock_now(snapshots->options.clock));
    json_out_end_object(out);
    insert(cursor, ITEM_SNAPSHOT, out);
    snapshot->count++;
}

/* False: the list of subjects is at its end. */
static bool add_slice(struct snapshots *snapshots, struct snapshot *snapshot, struct event_cursor *cursor,
                      const struct store_filter *filter)
{
    struct check_result scratch;
    size_t findings = 0;

    check_result_init(&scratch);
    while (snapshot->at < snapshot->subjects.length) {
        const char *entry = snapshot->subjects.data + snapshot->at;
        const struct subject *subject =
            evaluator_find_subject(snapshots->options.evaluator, (enum subject_kind)entry[0], entry + 1);

        if (findings && subject && findings + subject->pair_count > SLICE)
            break;
        snapshot->at += strlen(entry + 1) + 2;
        for (size_t i = 0; subject && i < subject->pair_count; i++)
            if (passes(filter, &subject->pairs[i])) {
                add_finding(snapshots, snapshot, cursor, subject, &subject->pairs[i], &scratch);
                findings++;
            }
    }
    check_result_deinit(&scratch);
    return snapshot->at < snapshot->subjects.length;
}

static void add_end(const struct snapshots *snapshots, const struct snapshot *snapshot, struct event_cursor *cursor)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_int(out, "snapshot", (int64_t)snapshot->id);
    json_out_int(out, "count", (int64_t)snapshot->count);
    json_out_int(out, "seq", (int64_t)snapshot->seq);
    json_out_time(out, "at", clock_now(snapshots->options.clock));
    json_out_end_object(out);
    insert(cursor, ITEM_SNAPSHOT_END, out);
}

/* The number of the last record that the store has for a sink, as far as it has been heard of. */
static uint64_t last_number(const struct event_cursor *cursor)
{
    return event_cursor_confirmed(cursor) + event_cursor_pending(cursor);
}

/* Milliseconds until it is to be called again; 0: nothing is under way. */
static unsigned advance(struct snapshots *snapshots, struct sink *sink)
{
    struct event_cursor *cursor = sink_cursor(sink);
    struct event_cursor_options options;
    scoped(cleanup_free) char *mark = NULL;
    struct snapshot *snapshot;
    struct sink_status status;
    uint64_t before;
    bool more;

    if (!cursor)
        return 0;
    sink_describe_cursor(sink, &options);
    mark = mark_now(snapshots, &options, cursor);
    snapshot = snapshot_for(snapshots, options.name);
    if (snapshot->under_way
            ? !str_equal(snapshot->begun_with, mark) || snapshot->restarts != event_store_restarts(snapshots->store)
            : !str_equal(snapshot->mark, mark))
        begin(snapshots, snapshot, mark);
    if (!snapshot->under_way)
        return 0;
    sink_status(sink, &status);
    if (status.pending > PENDING_MAX)
        return WAIT_MS;
    if (last_number(cursor) < snapshot->inserted_up_to) /* the store has not taken the last slice yet */
        return SLICE_MS;
    before = snapshot->count;
    more = add_slice(snapshots, snapshot, cursor, &options.filter);
    snapshot->inserted_up_to = last_number(cursor) + snapshot->count - before;
    if (more)
        return SLICE_MS;
    add_end(snapshots, snapshot, cursor);
    set_mark(snapshots, options.name, snapshot, mark);
    end(snapshot);
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    snapshots_check(user);
}

void snapshots_check(struct snapshots *snapshots)
{
    unsigned next = 0;

    if (!snapshots->store)
        return;
    for (size_t i = 0; i < snapshots->options.sinks->count; i++) {
        unsigned ms = advance(snapshots, snapshots->options.sinks->items[i]);

        next = ms && (!next || ms < next) ? ms : next;
    }
    if (next)
        evtimer_add(snapshots->timer, &(struct timeval){.tv_usec = (suseconds_t)next * 1000});
}

size_t snapshots_resend(struct snapshots *snapshots, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; snapshots->store && i < snapshots->options.sinks->count; i++) {
        struct sink *sink = snapshots->options.sinks->items[i];
        struct event_cursor_options options;
        struct sink_status status;

        sink_status(sink, &status);
        if (!str_equal(status.address, name) && !str_equal(status.type, name))
            continue;
        sink_describe_cursor(sink, &options);
        set_mark(snapshots, options.name, snapshot_for(snapshots, options.name), NULL);
        end(snapshot_for(snapshots, options.name));
        count++;
    }
    snapshots_check(snapshots);
    return count;
}

bool snapshots_are_under_way(const struct snapshots *snapshots)
{
    size_t at = 0;
    void *value;

    while (map_next(snapshots->by_name, &at, NULL, &value))
        if (((const struct snapshot *)value)->under_way)
            return true;
    return false;
}

void snapshots_on_note(const char *name, const char *text, void *user)
{
    struct snapshots *snapshots = user;
    struct snapshot *snapshot;

    if (!str_starts(name, note_prefix))
        return;
    snapshot = snapshot_for(snapshots, name + strlen(note_prefix));
    free(snapshot->mark);
    snapshot->mark = mem_strdup(text);
}

void snapshots_start(struct snapshots *snapshots, struct event_store *store)
{
    snapshots->store = store;
    snapshots_check(snapshots);
}

struct snapshots *snapshots_new(const struct snapshot_options *options)
{
    struct snapshots *snapshots = mem_alloc(sizeof *snapshots);

    snapshots->options = *options;
    snapshots->by_name = map_new(snapshot_free);
    snapshots->timer = evtimer_new(options->base, on_timer, snapshots);
    return snapshots;
}

void snapshots_free(struct snapshots *snapshots)
{
    if (!snapshots)
        return;
    event_free(snapshots->timer);
    map_free(snapshots->by_name);
    free(snapshots);
}
