/* /proc/1/mountinfo: parsed, watched by poll, and compared with its last contents.
 *
 * The file is always readable, and a change shows as POLLPRI once; in libevent's own epoll it would spin. It sits in a
 * private epoll for EPOLLPRI, and that one is what the loop watches: a wake of it is a change. The poll takes the
 * change, so the file is read after it: what changes during the reading wakes once more.
 *
 * Of the last reading only a digest of each mount and its mount point are kept. A mount's id is given again as soon as
 * it is free, so it is not enough to know a mount by. */
#include "probes/watch/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/file.h"
#include "common/map.h"
#include "common/number.h"
#include "common/vec.h"
#include "probes/facts/digest.h"

enum { MOUNTS_MAX = 16384, CONFIGURED_MAX = 1024, FILE_LIMIT = 16 * 1024 * 1024 };

/* \040 and the like (proc(5)) undone. */
static const char *unescape(struct arena *arena, const char *s, size_t length)
{
    char *out = arena_strndup(arena, s, length), *to = out;

    for (const char *from = out; *from;) {
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return out;
}

struct word {
    const char *text;
    size_t length;
};

enum { ID, PARENT, DEVICE, ROOT, POINT, OPTIONS, TYPE, SOURCE, SUPER_OPTIONS, LINE_WORDS };

static bool next_word(struct word *left, struct word *ret)
{
    const char *end;

    while (left->length && *left->text == ' ')
        left->text++, left->length--;
    if (!left->length)
        return false;
    end = memchr(left->text, ' ', left->length);
    *ret = (struct word){left->text, end ? (size_t)(end - left->text) : left->length};
    *left = (struct word){left->text + ret->length, left->length - ret->length};
    return true;
}

/* 36 35 98:0 /root /mount/point options optional… - type source super-options */
static bool split_line(const char *line, size_t length, struct word ret[LINE_WORDS])
{
    struct word left = {line, length}, word;

    for (size_t i = ID; i <= OPTIONS; i++)
        if (!next_word(&left, &ret[i]))
            return false;
    do {
        if (!next_word(&left, &word))
            return false;
    } while (word.length != 1 || *word.text != '-');
    if (!next_word(&left, &ret[TYPE]))
        return false;
    if (!next_word(&left, &ret[SOURCE]))
        ret[SOURCE] = (struct word){"", 0};
    if (!next_word(&left, &ret[SUPER_OPTIONS]))
        ret[SUPER_OPTIONS] = (struct word){"", 0};
    return true;
}

/* "MAJOR:MINOR" */
static bool read_device(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
    uint64_t major, minor;
    const char *colon = number_read(text, 10, UINT_MAX, &major);

    if (!colon || *colon != ':' || !number_read(colon + 1, 10, UINT_MAX, &minor))
        return false;
    *ret_major = (unsigned)major;
    *ret_minor = (unsigned)minor;
    return true;
}

static bool parse_line(struct arena *arena, const char *line, size_t length, struct mount_point *ret)
{
    struct word words[LINE_WORDS];
    scoped(cleanup_free) char *device = NULL;
    uint64_t id, parent;

    if (!split_line(line, length, words))
        return false;
    device = mem_strndup(words[DEVICE].text, words[DEVICE].length);
    if (!read_device(device, &ret->major, &ret->minor) || !number_read(words[ID].text, 10, INT_MAX, &id) ||
        !number_read(words[PARENT].text, 10, INT_MAX, &parent))
        return false;
    ret->id = (int)id;
    ret->parent = (int)parent;
    ret->root = unescape(arena, words[ROOT].text, words[ROOT].length);
    ret->mount_point = unescape(arena, words[POINT].text, words[POINT].length);
    ret->options = unescape(arena, words[OPTIONS].text, words[OPTIONS].length);
    ret->type = unescape(arena, words[TYPE].text, words[TYPE].length);
    ret->source = unescape(arena, words[SOURCE].text, words[SOURCE].length);
    ret->file_system_options = unescape(arena, words[SUPER_OPTIONS].text, words[SUPER_OPTIONS].length);
    return true;
}

int mounts_parse(const char *text, size_t length, struct mounts_facts **ret, struct error *error)
{
    struct arena *arena = arena_new(8192);
    struct mounts_facts *facts = arena_alloc(arena, sizeof *facts);
    struct hash hash;
    size_t lines = 0, number = 0;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines >= MOUNTS_MAX) {
        arena_free(arena);
        return error_set(error, EFBIG, "mountinfo: more than %d mounts", (int)MOUNTS_MAX);
    }
    facts->facts.arena = arena;
    facts->items = arena_alloc(arena, (lines + 1) * sizeof *facts->items);
    hash_init(&hash);
    for (const char *line = text, *end = text + length; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_length = (size_t)((newline ? newline : end) - line);

        number++;
        if (line_length && !parse_line(arena, line, line_length, &facts->items[facts->count++])) {
            arena_free(arena);
            return error_set(error, EINVAL, "mountinfo: line %zu is malformed", number);
        }
        hash_bytes(&hash, line, line_length);
        line += line_length + 1;
    }
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}

int mounts_read(const char *proc, struct mounts_facts **ret, struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/1/mountinfo", proc);
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_LIMIT, &text, error);

    return r < 0 ? r : mounts_parse(str_text(&text), text.length, ret, error);
}

/* ---- What is mounted at every start ---- */

static const char *const mount_unit_folders[] = {"/etc/systemd/system", "/run/systemd/system",
                                                 "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                                 "/lib/systemd/system"};

/* fstab(5): the second word of a line. */
static void add_table(struct arena *arena, char *text, struct string_list *ret)
{
    for (char *line; ret->count < CONFIGURED_MAX && (line = strsep(&text, "\n"));) {
        const char *point;

        line += strspn(line, " \t");
        point = line + strcspn(line, " \t");
        point += strspn(point, " \t");
        if (*line != '#' && *point == '/')
            ret->items[ret->count++] = unescape(arena, point, strcspn(point, " \t\r"));
    }
}

/* The mount point that a unit's name stands for (systemd.unit(5)): "var-lib-docker.mount". */
static const char *point_of_unit(struct arena *arena, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    scoped_str point = STR_INIT;
    char byte;

    str_append(&point, "/");
    for (const char *p = name; *p && strcmp(p, ".mount") != 0; p++) {
        if (*p == '-') {
            str_append_char(&point, '/');
        } else if (*p == '\\' && p[1] == 'x' && number_read_byte(p + 2, &byte)) {
            str_append_char(&point, byte);
            p += 3;
        } else {
            str_append_char(&point, *p);
        }
    }
    return arena_strdup(arena, strcmp(name, "-.mount") == 0 ? "/" : point.data);
}

static void add_units(const struct host_root *root, const char *folder, struct arena *arena, struct string_list *ret)
{
    char **paths = NULL;

    if (host_list(root, folder, ".mount", CONFIGURED_MAX, &paths) < 0)
        return;
    for (size_t i = 0; paths[i]; i++) {
        if (ret->count < CONFIGURED_MAX)
            ret->items[ret->count++] = point_of_unit(arena, paths[i]);
        free(paths[i]);
    }
    free(paths);
}

void mounts_read_configured(const struct host_root *root, struct mounts_facts *facts)
{
    scoped_str table = STR_INIT;
    struct hash hash;
    int r = host_read(root, "/etc/fstab", FILE_LIMIT, &table, NULL);

    facts->configured.items = arena_alloc(facts->facts.arena, CONFIGURED_MAX * sizeof *facts->configured.items);
    if (r == 0 && table.data)
        add_table(facts->facts.arena, table.data, &facts->configured);
    for (size_t i = 0; i < countof(mount_unit_folders); i++)
        add_units(root, mount_unit_folders[i], facts->facts.arena, &facts->configured);
    facts->has_configured = r == 0 || r == -ENOENT;
    hash_init(&hash);
    digest_number(&hash, (int64_t)facts->facts.digest);
    for (size_t i = 0; i < facts->configured.count; i++)
        digest_text(&hash, facts->configured.items[i]);
    facts->facts.digest = hash_end(&hash);
}

/* ---- What changed ---- */

/* A mount, known by all that makes it this one. */
struct known_mount {
    uint64_t identity, device;
    const char *point;
};

struct mount_table {
    struct arena *arena; /* NULL: could not be read */
    struct known_mount *items;
    size_t count;
};

static void table_deinit(struct mount_table *table)
{
    arena_free(table->arena);
    *table = (struct mount_table){0};
}

static int compare_identities(const void *a, const void *b)
{
    uint64_t one = ((const struct known_mount *)a)->identity, other = ((const struct known_mount *)b)->identity;

    return one < other ? -1 : one > other;
}

static uint64_t join_device(unsigned major, unsigned minor)
{
    return (uint64_t)major << 32 | minor;
}

static uint64_t device_of(const struct word *word)
{
    scoped(cleanup_free) char *text = mem_strndup(word->text, word->length);
    unsigned major = 0, minor = 0;

    return read_device(text, &major, &minor) ? join_device(major, minor) : 0;
}

static bool know_mount(struct arena *arena, const char *line, size_t length, struct known_mount *ret)
{
    static const int identifying[] = {ID, PARENT, DEVICE, ROOT, POINT, TYPE};
    struct word words[LINE_WORDS];
    struct hash hash;

    if (!split_line(line, length, words))
        return false;
    hash_init(&hash);
    for (size_t i = 0; i < countof(identifying); i++)
        hash_bytes(&hash, words[identifying[i]].text, words[identifying[i]].length);
    ret->identity = hash_end(&hash);
    ret->device = device_of(&words[DEVICE]);
    ret->point = unescape(arena, words[POINT].text, words[POINT].length);
    return true;
}

static bool table_parse(const char *text, size_t length, struct mount_table *ret)
{
    size_t lines = 1;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines > MOUNTS_MAX)
        return false;
    ret->arena = arena_new(lines * sizeof *ret->items);
    ret->items = arena_alloc(ret->arena, lines * sizeof *ret->items);
    for (const char *line = text, *end = text + length; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_length = (size_t)((newline ? newline : end) - line);

        if (line_length && !know_mount(ret->arena, line, line_length, &ret->items[ret->count++])) {
            table_deinit(ret);
            return false;
        }
        line += line_length + 1;
    }
    qsort(ret->items, ret->count, sizeof *ret->items, compare_identities);
    return true;
}

static void table_read(const char *path, struct mount_table *ret)
{
    scoped_str text = STR_INIT;

    *ret = (struct mount_table){0};
    if (file_read(path, FILE_LIMIT, &text, NULL) == 0)
        table_parse(str_text(&text), text.length, ret);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_devices(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

/* What is only in one of two tables: mount points and devices, in order, each once. */
struct difference {
    VEC(const char *) points;
    VEC(uint64_t) devices;
};

static void difference_deinit(struct difference *difference)
{
    vec_free(&difference->points);
    vec_free(&difference->devices);
}

static void add_difference(struct difference *difference, const struct known_mount *mount)
{
    vec_push(&difference->points, mount->point);
    vec_push(&difference->devices, mount->device);
}

static void sort_difference(struct difference *difference)
{
    size_t unique = 0, count = difference->points.count; /* there are as many devices */

    if (!count)
        return;
    qsort(difference->points.items, count, sizeof *difference->points.items, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (!unique || strcmp(difference->points.items[unique - 1], difference->points.items[i]) != 0)
            difference->points.items[unique++] = difference->points.items[i];
    difference->points.count = unique;
    unique = 0;
    qsort(difference->devices.items, count, sizeof *difference->devices.items, compare_devices);
    for (size_t i = 0; i < count; i++)
        if (!unique || difference->devices.items[unique - 1] != difference->devices.items[i])
            difference->devices.items[unique++] = difference->devices.items[i];
    difference->devices.count = unique;
}

static void find_difference(const struct mount_table *before, const struct mount_table *now, struct difference *ret)
{
    size_t i = 0, j = 0;

    while (i < before->count || j < now->count) {
        int order = i == before->count ? 1
                    : j == now->count  ? -1
                                       : compare_identities(&before->items[i], &now->items[j]);

        if (order < 0)
            add_difference(ret, &before->items[i]);
        if (order > 0)
            add_difference(ret, &now->items[j]);
        i += order <= 0;
        j += order >= 0;
    }
    sort_difference(ret);
}

/* The first point that is not before the LENGTH bytes of TEXT. */
static size_t find_point(const struct mount_changes *changes, const char *text, size_t length)
{
    size_t low = 0, high = changes->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strncmp(changes->points[middle], text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_point(const struct mount_changes *changes, const char *text, size_t length)
{
    size_t i = find_point(changes, text, length);

    return i < changes->count && strlen(changes->points[i]) == length && memcmp(changes->points[i], text, length) == 0;
}

bool mount_changes_reach(const struct mount_changes *changes, const char *path)
{
    if (changes->everything || has_point(changes, "/", 1))
        return true;
    for (const char *end = path; *end;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        if (has_point(changes, path, (size_t)(end - path)))
            return true;
    }
    return false;
}

bool mount_changes_of_device(const struct mount_changes *changes, unsigned major, unsigned minor)
{
    uint64_t device = join_device(major, minor);

    return changes->everything || (changes->device_count && bsearch(&device, changes->devices, changes->device_count,
                                                                    sizeof device, compare_devices));
}

bool mount_changes_lie_below(const struct mount_changes *changes, const char *path)
{
    size_t length = strlen(path), i;
    scoped(cleanup_free) char *inside = NULL;

    while (length && path[length - 1] == '/')
        length--;
    inside = mem_printf("%.*s/", (int)length, path);
    i = find_point(changes, inside, length + 1);
    return changes->everything || (i < changes->count && strncmp(changes->points[i], inside, length + 1) == 0 &&
                                   changes->points[i][length + 1]);
}

/* ---- The watch ---- */

struct mounts_watch {
    char *path;
    int file, epoll;
    struct event *event;
    struct mount_table last;
    mounts_changed *changed;
    void *user;
};

static void on_change(evutil_socket_t fd, short what, void *user)
{
    struct mounts_watch *watch = user;
    struct mount_table before = watch->last;
    scoped(difference_deinit) struct difference difference = {0};
    struct mount_changes changes = {0};
    struct epoll_event event;

    (void)what;
    while (epoll_wait(fd, &event, 1, 0) > 0)
        continue;
    table_read(watch->path, &watch->last);
    if (before.arena && watch->last.arena)
        find_difference(&before, &watch->last, &difference);
    else
        changes.everything = true;
    changes.points = difference.points.items;
    changes.count = difference.points.count;
    changes.devices = difference.devices.items;
    changes.device_count = difference.devices.count;
    if (changes.everything || changes.count)
        watch->changed(&changes, watch->user);
    table_deinit(&before);
}

struct mounts_watch *mounts_watch_new(struct event_base *base, const char *proc, mounts_changed *changed, void *user,
                                      struct error *error)
{
    static const char *const processes[] = {"1", "self"};
    struct mounts_watch *watch = mem_alloc(sizeof *watch);
    struct epoll_event wanted = {.events = EPOLLPRI};

    watch->file = -1;
    watch->changed = changed;
    watch->user = user;
    for (size_t i = 0; i < countof(processes) && watch->file < 0; i++) {
        free(watch->path);
        watch->path = mem_printf("%s/%s/mountinfo", proc, processes[i]);
        watch->file = open(watch->path, O_RDONLY | O_CLOEXEC);
    }
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watch->file < 0 || watch->epoll < 0 || epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->file, &wanted) < 0) {
        error_system(error, errno, "mountinfo below %s", proc);
        mounts_watch_free(watch);
        return NULL;
    }
    table_read(watch->path, &watch->last);
    watch->event = event_new(base, watch->epoll, EV_READ | EV_PERSIST, on_change, watch);
    event_add(watch->event, NULL);
    return watch;
}

void mounts_watch_free(struct mounts_watch *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    if (watch->epoll >= 0)
        close(watch->epoll);
    if (watch->file >= 0)
        close(watch->file);
    table_deinit(&watch->last);
    free(watch->path);
    free(watch);
}
