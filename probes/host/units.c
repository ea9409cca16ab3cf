/* systemd over the bus, and the search path without it: the first directory that holds the unit counts, and of drop-ins
 * with one file name the first. A masked unit (a link to /dev/null or an empty file) does not count as one. Templates
 * are not looked for in the search path.
 *
 * The bus connection is driven by hand until it is ready, as sd_bus_call() alone would wait much longer for a bus that
 * accepts and then keeps silent; one deadline holds for all units of a request. */
#include "probes/host/units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "probes/facts/digest.h"
#include "probes/facts/wire.h"

enum { BUS_TIMEOUT_USEC = 3000000, DROP_INS_MAX = 256, UNIT_NAME_MAX = 255 };

const char *const unit_search_path[] = {
    "/etc/systemd/system.control", "/run/systemd/system.control",
    "/run/systemd/transient",      "/run/systemd/generator.early",
    "/etc/systemd/system",         "/etc/systemd/system.attached",
    "/run/systemd/system",         "/run/systemd/system.attached",
    "/run/systemd/generator",      "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",     "/lib/systemd/system",
    "/run/systemd/generator.late", NULL,
};

void unit_paths_deinit(struct unit_paths *paths)
{
    for (size_t i = 0; i < paths->drop_in_count; i++)
        free(paths->drop_ins[i]);
    free(paths->drop_ins);
    free(paths->fragment);
    *paths = (struct unit_paths){0};
}

static void add_drop_in(struct unit_paths *paths, const char *path)
{
    paths->drop_ins = mem_realloc_array(paths->drop_ins, paths->drop_in_count + 1, sizeof *paths->drop_ins);
    paths->drop_ins[paths->drop_in_count++] = mem_strdup(path);
}

/* ---- The search path ---- */

enum presence { ABSENT, MASKED, PRESENT };

static enum presence look_at(const struct host_root *root, const char *path)
{
    struct stat st;

    if (host_stat(root, path, &st, NULL) < 0)
        return ABSENT;
    return S_ISREG(st.st_mode) && st.st_size > 0 ? PRESENT : MASKED;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int compare_base_names(const void *a, const void *b)
{
    return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

static bool has_base_name(const struct unit_paths *paths, const char *name)
{
    for (size_t i = 0; i < paths->drop_in_count; i++)
        if (strcmp(base_name(paths->drop_ins[i]), name) == 0)
            return true;
    return false;
}

static void read_drop_in_folder(const struct host_root *root, const char *folder, struct unit_paths *paths)
{
    int fd = host_open(root, folder, O_RDONLY | O_DIRECTORY, NULL);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; paths->drop_in_count < DROP_INS_MAX && (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = NULL;

        if (entry->d_name[0] == '.' || !str_ends(entry->d_name, ".conf") || has_base_name(paths, entry->d_name))
            continue;
        path = mem_printf("%s/%s", folder, entry->d_name);
        if (look_at(root, path) != ABSENT)
            add_drop_in(paths, path); /* a masked one too, for now: it hides those of its name further down */
    }
    closedir(dir);
}

static void remove_masked(const struct host_root *root, struct unit_paths *paths)
{
    size_t kept = 0;

    for (size_t i = 0; i < paths->drop_in_count; i++) {
        if (look_at(root, paths->drop_ins[i]) == PRESENT)
            paths->drop_ins[kept++] = paths->drop_ins[i];
        else
            free(paths->drop_ins[i]);
    }
    paths->drop_in_count = kept;
}

static void search(const struct host_root *root, const char *unit, struct unit_paths *ret)
{
    const char *type = strrchr(unit, '.') + 1;

    for (size_t i = 0; unit_search_path[i]; i++) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", unit_search_path[i], unit);
        enum presence presence = look_at(root, path);

        if (presence == PRESENT)
            ret->fragment = take(path);
        if (presence != ABSENT)
            break;
    }
    if (!ret->fragment)
        return;
    for (unsigned general = 0; general < 2; general++) {
        for (size_t i = 0; unit_search_path[i]; i++) {
            scoped(cleanup_free) char *folder = mem_printf("%s/%s.d", unit_search_path[i], general ? type : unit);

            read_drop_in_folder(root, folder, ret);
        }
    }
    remove_masked(root, ret);
    if (ret->drop_in_count)
        qsort(ret->drop_ins, ret->drop_in_count, sizeof *ret->drop_ins, compare_base_names);
}

/* ---- The bus ---- */

static void cleanup_bus(sd_bus **bus)
{
    sd_bus_close_unref(*bus);
}

static void cleanup_message(sd_bus_message **message)
{
    sd_bus_message_unref(*message);
}

static uint64_t time_left(usec_t deadline)
{
    usec_t now = clock_monotonic();

    return now < deadline ? (uint64_t)(deadline - now) : 0;
}

/* As an address of D-Bus asks. */
static void append_escaped(struct str *out, const char *path)
{
    for (; *path; path++)
        if ((*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') || (*path >= '0' && *path <= '9') ||
            strchr("-_/.*", *path))
            str_append_char(out, *path);
        else
            str_printf(out, "%%%02x", (unsigned char)*path);
}

/* The system bus of the host whose / is mounted at ROOT: where nobody answers at its socket it is a copied tree. */
static int open_bus_of(const struct host_root *root, sd_bus **ret)
{
    scoped(cleanup_free) char *path = host_outside_path(root, "/run/dbus/system_bus_socket");
    scoped_str address = STR_INIT;
    int r = sd_bus_new(ret);

    str_append(&address, "unix:path=");
    append_escaped(&address, path);
    if (r >= 0)
        r = sd_bus_set_address(*ret, address.data);
    if (r >= 0)
        r = sd_bus_set_bus_client(*ret, true);
    return r < 0 ? r : sd_bus_start(*ret);
}

static int bus_connect(const struct host_root *root, sd_bus **ret, usec_t deadline)
{
    int r = strcmp(host_root_path(root), "/") == 0 ? sd_bus_open_system(ret) : open_bus_of(root, ret);

    while (r >= 0 && (r = sd_bus_is_ready(*ret)) == 0) {
        uint64_t left = time_left(deadline);

        if (!left)
            return -ETIMEDOUT;
        r = sd_bus_process(*ret, NULL);
        if (r == 0)
            r = sd_bus_wait(*ret, left);
    }
    return r < 0 ? r : 0;
}

static int bus_call(sd_bus *bus, sd_bus_message *call, usec_t deadline, sd_bus_message **ret)
{
    uint64_t left = time_left(deadline);

    return left ? sd_bus_call(bus, call, left, NULL, ret) : -ETIMEDOUT;
}

static int load_unit(sd_bus *bus, const char *unit, usec_t deadline, char **ret_object)
{
    scoped(cleanup_message) sd_bus_message *call = NULL, *reply = NULL;
    const char *object;
    int r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                           "org.freedesktop.systemd1.Manager", "LoadUnit");

    if (r >= 0)
        r = sd_bus_message_append(call, "s", unit);
    if (r >= 0)
        r = bus_call(bus, call, deadline, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &object);
    if (r >= 0)
        *ret_object = mem_strdup(object);
    return r;
}

/* The reply, opened at the property's value of TYPE. */
static int get_property(sd_bus *bus, const char *object, const char *interface, const char *name, const char *type,
                        usec_t deadline, sd_bus_message **ret)
{
    scoped(cleanup_message) sd_bus_message *call = NULL;
    int r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.systemd1", object,
                                           "org.freedesktop.DBus.Properties", "Get");

    if (r >= 0)
        r = sd_bus_message_append(call, "ss", interface, name);
    if (r >= 0)
        r = bus_call(bus, call, deadline, ret);
    if (r >= 0)
        r = sd_bus_message_enter_container(*ret, 'v', type);
    return r;
}

static int get_text(sd_bus *bus, const char *object, const char *name, usec_t deadline, char **ret)
{
    scoped(cleanup_message) sd_bus_message *reply = NULL;
    const char *text;
    int r = get_property(bus, object, "org.freedesktop.systemd1.Unit", name, "s", deadline, &reply);

    if (r >= 0)
        r = sd_bus_message_read(reply, "s", &text);
    if (r >= 0)
        *ret = mem_strdup(text);
    return r;
}

static int get_drop_ins(sd_bus *bus, const char *object, usec_t deadline, struct unit_paths *paths)
{
    scoped(cleanup_message) sd_bus_message *reply = NULL;
    const char *path;
    int r = get_property(bus, object, "org.freedesktop.systemd1.Unit", "DropInPaths", "as", deadline, &reply);

    if (r >= 0)
        r = sd_bus_message_enter_container(reply, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(reply, "s", &path)) > 0 && paths->drop_in_count < DROP_INS_MAX)
        add_drop_in(paths, path);
    return r;
}

static int get_main_pid(sd_bus *bus, const char *object, usec_t deadline, pid_t *ret)
{
    scoped(cleanup_message) sd_bus_message *reply = NULL;
    uint32_t pid;
    int r = get_property(bus, object, "org.freedesktop.systemd1.Service", "MainPID", "u", deadline, &reply);

    if (r >= 0)
        r = sd_bus_message_read(reply, "u", &pid);
    if (r >= 0)
        *ret = (pid_t)pid;
    return r;
}

static int ask_systemd(sd_bus *bus, const char *unit, usec_t deadline, struct unit_paths *ret)
{
    scoped(unit_paths_deinit) struct unit_paths paths = {0};
    scoped(cleanup_free) char *object = NULL, *state = NULL, *active = NULL;
    int r = load_unit(bus, unit, deadline, &object);

    if (r >= 0 && str_ends(unit, ".service"))
        r = get_main_pid(bus, object, deadline, &paths.main_pid);
    if (r >= 0)
        r = get_text(bus, object, "LoadState", deadline, &state);
    if (r >= 0)
        r = get_text(bus, object, "ActiveState", deadline, &active);
    if (r >= 0)
        paths.stopped =
            strcmp(active, "inactive") == 0 || strcmp(active, "deactivating") == 0 || strcmp(active, "failed") == 0;
    if (r >= 0 && strcmp(state, "masked") != 0) {
        r = get_text(bus, object, "FragmentPath", deadline, &paths.fragment);
        if (r >= 0)
            r = get_drop_ins(bus, object, deadline, &paths);
    }
    if (r < 0)
        return r;
    if (paths.fragment && !*paths.fragment) {
        free(paths.fragment);
        paths.fragment = NULL;
    }
    *ret = paths;
    paths = (struct unit_paths){0};
    return 0;
}

static bool name_is_valid(const char *unit)
{
    const char *dot = strrchr(unit, '.');

    return dot && dot != unit && dot[1] && unit[0] != '.' && strlen(unit) <= UNIT_NAME_MAX && !strchr(unit, '/');
}

/* ---- All units of a request, in a worker ---- */

static void put_unit(struct str *output, const char *name, const struct unit_paths *paths)
{
    const struct string_list drop_ins = {.items = (const char **)paths->drop_ins, .count = paths->drop_in_count};

    wire_put_text(output, name);
    wire_put_text(output, paths->fragment);
    wire_put_list(output, &drop_ins);
    wire_put_number(output, paths->main_pid);
    wire_put_number(output, paths->stopped);
}

static bool runs_systemd(const struct host_root *root)
{
    struct stat st;

    return host_stat(root, "/run/systemd/system", &st, NULL) == 0;
}

int units_run(struct str *output, const void *argument, struct error *error)
{
    const struct units_request *request = argument;
    usec_t deadline = clock_monotonic() + BUS_TIMEOUT_USEC;
    scoped(cleanup_bus) sd_bus *bus = NULL;
    bool ask = runs_systemd(request->root) && bus_connect(request->root, &bus, deadline) >= 0;

    (void)error;
    wire_put_number(output, (int64_t)request->names->count);
    for (size_t i = 0; i < request->names->count; i++) {
        scoped(unit_paths_deinit) struct unit_paths paths = {0};
        const char *name = request->names->items[i];

        if (name_is_valid(name) && !(ask && ask_systemd(bus, name, deadline, &paths) == 0))
            search(request->root, name, &paths);
        put_unit(output, name, &paths);
    }
    return 0;
}

void units_put(struct str *out, const struct units_facts *units)
{
    wire_put_number(out, units ? (int64_t)units->count : 0);
    for (size_t i = 0; units && i < units->count; i++) {
        const struct unit_facts *unit = &units->items[i];

        wire_put_text(out, unit->name);
        wire_put_text(out, unit->fragment);
        wire_put_list(out, &unit->drop_ins);
        wire_put_number(out, unit->main_pid);
        wire_put_number(out, unit->stopped);
    }
}

static void digest_units(struct units_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    for (size_t k = 0; k < facts->count; k++) {
        const struct unit_facts *unit = &facts->items[k];

        digest_text(&hash, unit->name);
        digest_text(&hash, unit->fragment);
        for (size_t i = 0; i < unit->drop_ins.count; i++)
            digest_text(&hash, unit->drop_ins.items[i]);
        digest_number(&hash, unit->main_pid);
        digest_number(&hash, unit->stopped);
    }
    facts->facts.digest = hash_end(&hash);
}

struct units_facts *units_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(2048);
    struct units_facts *facts = arena_alloc(arena, sizeof *facts);
    size_t count;

    reader->arena = arena;
    count = wire_count(reader, UNITS_MAX);
    facts->items = arena_alloc(arena, (count + 1) * sizeof *facts->items);
    while (facts->count < count && !reader->broken) {
        struct unit_facts *unit = &facts->items[facts->count++];

        unit->name = wire_text(reader);
        unit->fragment = wire_text(reader);
        wire_list(reader, DROP_INS_MAX, &unit->drop_ins);
        unit->main_pid = (pid_t)wire_number(reader);
        unit->stopped = wire_number(reader) != 0;
    }
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "units");
        return NULL;
    }
    digest_units(facts);
    facts->facts.arena = take(arena);
    return facts;
}

int units_parse(const char *output, size_t length, struct units_facts **ret, struct error *error)
{
    struct wire_reader reader = {.at = output, .left = length};
    struct units_facts *facts = units_take(&reader, error);

    if (!facts)
        return -EPROTO;
    *ret = facts;
    return 0;
}

/* ---- Asking ---- */

const struct unit_facts *units_find(const struct units_facts *units, const char *name)
{
    for (size_t i = 0; units && i < units->count; i++)
        if (str_equal(units->items[i].name, name))
            return &units->items[i];
    return NULL;
}

int unit_lookup(const struct host_root *root, const struct units_facts *units, const char *unit, struct unit_paths *ret,
                struct error *error)
{
    const struct unit_facts *known = units_find(units, unit);

    *ret = (struct unit_paths){0};
    if (!name_is_valid(unit))
        return error_set(error, EINVAL, "not a unit name: \"%s\"", unit);
    if (!known) {
        search(root, unit, ret);
        return 0;
    }
    ret->fragment = mem_strdup(known->fragment);
    for (size_t i = 0; i < known->drop_ins.count; i++)
        add_drop_in(ret, known->drop_ins.items[i]);
    ret->main_pid = known->main_pid;
    ret->stopped = known->stopped;
    return 0;
}
