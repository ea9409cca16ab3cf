/* Members in the order of struct daemon_facts. */
#include "probes/daemon/daemon_wire.h"

#include "probes/daemon/daemon_options.h"

enum { ITEMS_MAX = 65536 };

static void put_options(struct str *out, const struct daemon_option *options, size_t count)
{
    wire_put_number(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_text(out, options[i].name);
        wire_put_text(out, options[i].value);
        wire_put_number(out, options[i].place);
        wire_put_text(out, options[i].file);
    }
}

static struct daemon_option *take_options(struct wire_reader *reader, size_t *ret_count)
{
    size_t count = wire_count(reader, ITEMS_MAX);
    struct daemon_option *options = arena_alloc(reader->arena, (count + 1) * sizeof *options);

    for (*ret_count = 0; *ret_count < count && !reader->broken; ++*ret_count) {
        struct daemon_option *option = &options[*ret_count];
        int64_t place;

        option->name = wire_text(reader);
        option->value = wire_text(reader);
        place = wire_number(reader);
        option->file = wire_text(reader);
        reader->broken |= !option->name || !option->value || place < OPTION_DEFAULT || place > OPTION_ENGINE;
        option->place = (enum option_place)place;
    }
    return options;
}

static void put_places(struct str *out, const struct daemon_facts *facts)
{
    wire_put_number(out, (int64_t)facts->place_count);
    for (size_t i = 0; i < facts->place_count; i++) {
        const struct config_place *place = &facts->places[i];

        wire_put_text(out, place->key);
        wire_put_number(out, place->line);
        wire_put_number(out, place->more_lines);
        wire_put_text(out, place->before);
        wire_put_text(out, place->value);
        wire_put_number(out, place->nth);
        wire_put_number(out, (int64_t)place->at);
        wire_put_number(out, (int64_t)place->length);
    }
}

static void take_places(struct wire_reader *reader, struct daemon_facts *facts)
{
    size_t count = wire_count(reader, ITEMS_MAX);

    facts->places = arena_alloc(reader->arena, (count + 1) * sizeof *facts->places);
    while (facts->place_count < count && !reader->broken) {
        struct config_place *place = &facts->places[facts->place_count++];

        place->key = wire_text(reader);
        place->line = (unsigned)wire_number(reader);
        place->more_lines = (unsigned)wire_number(reader);
        place->before = wire_text(reader);
        place->value = wire_text(reader);
        place->nth = (unsigned)wire_number(reader);
        place->at = (size_t)wire_number(reader);
        place->length = (size_t)wire_number(reader);
        reader->broken |= !place->key || (place->line && (!place->before || !place->value));
    }
}

static void put_condition(struct str *out, const struct seccomp_condition *condition)
{
    wire_put_list(out, &condition->caps);
    wire_put_list(out, &condition->arches);
    wire_put_text(out, condition->min_kernel);
}

static void take_condition(struct wire_reader *reader, struct seccomp_condition *ret)
{
    wire_list(reader, ITEMS_MAX, &ret->caps);
    wire_list(reader, ITEMS_MAX, &ret->arches);
    ret->min_kernel = wire_text(reader);
}

static void put_profile(struct str *out, const struct seccomp_profile *profile)
{
    wire_put_number(out, profile->choice);
    wire_put_number(out, profile->lets_through);
    wire_put_number(out, (int64_t)profile->rule_count);
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct seccomp_rule *rule = &profile->rules[i];

        put_condition(out, &rule->includes);
        put_condition(out, &rule->excludes);
        wire_put_number(out, rule->lets_through);
        wire_put_number(out, rule->denies);
        wire_put_number(out, rule->on_alg);
    }
    wire_put_number(out, (int64_t)profile->digest);
}

static void take_profile(struct wire_reader *reader, struct seccomp_profile *ret)
{
    int64_t choice = wire_number(reader);
    size_t count;

    reader->broken |= choice < SECCOMP_UNSAID || choice > SECCOMP_UNREADABLE;
    ret->choice = (enum seccomp_choice)choice;
    ret->lets_through = wire_number(reader) != 0;
    count = wire_count(reader, ITEMS_MAX);
    ret->rules = arena_alloc(reader->arena, (count + 1) * sizeof *ret->rules);
    while (ret->rule_count < count && !reader->broken) {
        struct seccomp_rule *rule = &ret->rules[ret->rule_count++];

        take_condition(reader, &rule->includes);
        take_condition(reader, &rule->excludes);
        rule->lets_through = wire_number(reader) != 0;
        rule->denies = wire_number(reader) != 0;
        rule->on_alg = wire_number(reader) != 0;
    }
    ret->digest = (uint64_t)wire_number(reader);
}

void daemon_put(struct str *out, const struct daemon_facts *facts)
{
    wire_put_number(out, facts->pid);
    wire_put_text(out, facts->why_no_pid);
    wire_put_number(out, facts->podman);
    wire_put_text(out, facts->exe);
    wire_put_text(out, facts->process_error);
    wire_put_text(out, facts->working_folder);
    wire_put_text(out, facts->search_path);
    wire_put_text(out, facts->runtime_folder);
    wire_put_text(out, facts->content_trust);
    wire_put_text(out, facts->containerd_exe);
    wire_put_text(out, facts->containerd_root);
    wire_put_list(out, &facts->arguments);
    wire_put_list(out, &facts->activated);
    wire_put_text(out, facts->activated_error);
    wire_put_number(out, facts->rootless);
    wire_put_number(out, facts->engine_uid);
    wire_put_number(out, facts->engine_gid);
    wire_put_text(out, facts->config_path);
    wire_put_number(out, facts->config_exists);
    wire_put_text(out, facts->config_error);
    put_places(out, facts);
    wire_put_number(out, facts->config_brace_line);
    wire_put_number(out, facts->config_is_blank);
    wire_put_number(out, (int64_t)facts->config_inside);
    wire_put_text(out, facts->config_sha256);
    put_options(out, facts->options, facts->option_count);
    wire_put_number(out, (int64_t)facts->start_ticks);
    wire_put_number(out, facts->started);
    wire_put_number(out, facts->config_modified);
    wire_put_number(out, facts->config_changed);
    wire_put_number(out, facts->config_age);
    put_options(out, facts->next, facts->next_count);
    wire_put_number(out, facts->openrc);
    wire_put_text(out, facts->tls_folder);
    wire_put_text(out, facts->seccomp_path);
    wire_put_text(out, facts->seccomp_error);
    put_profile(out, &facts->seccomp);
    wire_put_number(out, facts->seccomp_changed);
    wire_put_list(out, &facts->own_addresses);
    wire_put_list(out, &facts->podman_services);
}

static void take_all(struct wire_reader *reader, struct daemon_facts *facts)
{
    int64_t age;

    facts->pid = (pid_t)wire_number(reader);
    facts->why_no_pid = wire_text(reader);
    facts->podman = wire_number(reader) != 0;
    facts->exe = wire_text(reader);
    facts->process_error = wire_text(reader);
    facts->working_folder = wire_text(reader);
    facts->search_path = wire_text(reader);
    facts->runtime_folder = wire_text(reader);
    facts->content_trust = wire_text(reader);
    facts->containerd_exe = wire_text(reader);
    facts->containerd_root = wire_text(reader);
    wire_list(reader, ITEMS_MAX, &facts->arguments);
    wire_list(reader, ITEMS_MAX, &facts->activated);
    facts->activated_error = wire_text(reader);
    facts->rootless = wire_number(reader) != 0;
    facts->engine_uid = (uid_t)wire_number(reader);
    facts->engine_gid = (gid_t)wire_number(reader);
    facts->config_path = wire_text(reader);
    facts->config_exists = wire_number(reader) != 0;
    facts->config_error = wire_text(reader);
    take_places(reader, facts);
    facts->config_brace_line = (unsigned)wire_number(reader);
    facts->config_is_blank = wire_number(reader) != 0;
    facts->config_inside = (size_t)wire_number(reader);
    facts->config_sha256 = wire_text(reader);
    facts->options = take_options(reader, &facts->option_count);
    facts->start_ticks = (uint64_t)wire_number(reader);
    facts->started = wire_number(reader);
    facts->config_modified = wire_number(reader);
    facts->config_changed = wire_number(reader);
    age = wire_number(reader);
    reader->broken |= age < CONFIG_CURRENT || age > CONFIG_REMEMBERED;
    facts->config_age = (enum config_age)age;
    facts->next = take_options(reader, &facts->next_count);
    facts->openrc = wire_number(reader) != 0;
    facts->tls_folder = wire_text(reader);
    facts->seccomp_path = wire_text(reader);
    facts->seccomp_error = wire_text(reader);
    take_profile(reader, &facts->seccomp);
    facts->seccomp_changed = wire_number(reader);
    wire_list(reader, ITEMS_MAX, &facts->own_addresses);
    wire_list(reader, ITEMS_MAX, &facts->podman_services);
}

struct daemon_facts *daemon_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct daemon_facts *facts = arena_alloc(arena, sizeof *facts);

    reader->arena = arena;
    take_all(reader, facts);
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "dockerd");
        return NULL;
    }
    facts->facts.arena = take(arena);
    daemon_options_digest(facts);
    return facts;
}
