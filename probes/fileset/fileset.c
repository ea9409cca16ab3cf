/* Sets of files with their owners and modes, as rules judge them.
 *
 * Every path is judged at its target, and one target once, under the first of its names in order. What does not exist
 * is left out; what cannot be examined for another reason stays in the set as an error, so that no rule passes on it
 * unseen. A tree is walked by descriptors, so that its contents cannot redirect the walk while it goes on. A link in it
 * is judged at its target like any path: a file, or every file of a directory outside the tree, each directory once. */
#include "probes/fileset/fileset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/capability.h"
#include "probes/facts/digest.h"
#include "probes/fileset/fileset_paths.h"
#include "probes/host/acl.h"
#include "probes/host/proc.h"

#define FILESET_CAPABILITIES CAPABILITY(CAP_DAC_READ_SEARCH)

enum { FILES_MAX = 4096, DEPTH_MAX = 16, ENTRIES_MAX = 65536, ACL_ENTRIES_MAX = 8192 };

static const char podman_unit[] = "podman.socket";

struct reading {
    const struct host_root *root;
    struct arena *arena;
    struct names *names;
    VEC(struct file_facts) files;
    const char *tree;   /* the tree's own target */
    struct map *linked; /* directories outside it that links led to */
    VEC(struct file_link) links;
    bool with_folders;
    size_t entries; /* seen in trees, of every kind */
    bool truncated;
};

static bool is_missing(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static void name_entries(struct reading *reading, struct acl_facts *acl)
{
    for (size_t i = 0; i < acl->count; i++) {
        struct acl_entry *entry = &acl->entries[i];

        entry->name = arena_strdup(reading->arena, entry->is_group ? names_group(reading->names, entry->id)
                                                                   : names_user(reading->names, entry->id));
    }
}

/* FD refers to the file (O_PATH is enough). */
static void add_file(struct reading *reading, const char *path, const char *target, int fd, const struct stat *st)
{
    const char *user = names_user(reading->names, st->st_uid), *group = names_group(reading->names, st->st_gid);
    struct file_facts file = {
        .path = arena_strdup(reading->arena, path),
        .target = arena_strdup(reading->arena, target),
        .uid = st->st_uid,
        .gid = st->st_gid,
        .user = arena_strdup(reading->arena, user),
        .group = arena_strdup(reading->arena, group),
        .mode = st->st_mode,
    };
    int r = acl_read(fd, reading->arena, &file.acl, &file.defaults);

    if (r < 0)
        file.error = r == -EBADMSG ? "its access control list is malformed" : capability_why(-r, FILESET_CAPABILITIES);
    name_entries(reading, &file.acl);
    name_entries(reading, &file.defaults);
    vec_push(&reading->files, file);
}

static void add_error(struct reading *reading, const char *path, int r)
{
    const char *copy = arena_strdup(reading->arena, path);
    struct file_facts file = {.path = copy, .target = copy, .error = capability_why(-r, FILESET_CAPABILITIES)};

    vec_push(&reading->files, file);
}

static void read_content(struct reading *reading, struct file_facts *file)
{
    enum { CONTENT_MAX = 1 << 20 };
    scoped_str text = STR_INIT;
    int r = S_ISREG(file->mode) ? host_read(reading->root, file->path, CONTENT_MAX, &text, NULL) : 0;

    if (!S_ISREG(file->mode))
        file->error = S_ISDIR(file->mode) ? "is a directory" : "not a regular file";
    else if (r < 0)
        file->error = capability_why(-r, FILESET_CAPABILITIES);
    else if (memchr(str_text(&text), '\0', text.length))
        file->error = "contains a NUL byte, so it is not text";
    else
        file->content = arena_strdup(reading->arena, str_text(&text));
}

static void read_path(struct reading *reading, const char *path)
{
    scoped(cleanup_free) char *target = NULL;
    scoped(cleanup_close) int fd = host_open(reading->root, path, O_PATH, NULL);
    struct stat st = {0};
    int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

    if (is_missing(r))
        return;
    if (r == 0)
        r = host_resolve(reading->root, path, &target, NULL);
    if (r < 0)
        add_error(reading, path, r);
    else
        add_file(reading, path, target, fd, &st);
}

/* ---- Trees ---- */

static void walk_tree(struct reading *reading, int fd, const char *path, const char *target, unsigned depth);

static bool lies_in(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(path, folder, length) == 0 && (!path[length] || path[length] == '/' || str_equal(folder, "/"));
}

static void follow_link(struct reading *reading, const char *path, unsigned depth)
{
    scoped(cleanup_free) char *target = NULL;
    scoped(cleanup_close) int leaf = host_open(reading->root, path, O_PATH, NULL);
    struct stat st = {0};
    int fd, r = leaf < 0 ? leaf : fstat(leaf, &st) < 0 ? -errno : 0;

    if (r == 0)
        r = host_resolve(reading->root, path, &target, NULL);
    if (is_missing(r))
        return;
    if (r < 0) {
        add_error(reading, path, r);
        return;
    }
    vec_push(&reading->links,
             (struct file_link){.path = arena_strdup(reading->arena, path), .directory = S_ISDIR(st.st_mode)});
    if (S_ISREG(st.st_mode))
        add_file(reading, path, target, leaf, &st);
    if (!S_ISDIR(st.st_mode) || lies_in(target, reading->tree) || lies_in(reading->tree, target) ||
        map_get(reading->linked, target))
        return; /* met without the link, or before */
    map_set(reading->linked, target, reading);
    if (reading->with_folders)
        add_file(reading, path, target, leaf, &st);
    fd = depth >= DEPTH_MAX ? -ELOOP : host_open(reading->root, target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, NULL);
    if (fd >= 0)
        walk_tree(reading, fd, path, target, depth + 1);
    else
        add_error(reading, path, fd);
}

/* NAME in FOLDER, which is no link: as it is now, so that owner, mode and list are of one file. */
static void add_entry(struct reading *reading, int folder, const char *name, const char *path, const char *target)
{
    scoped(cleanup_close) int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st = {0};
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

    if (r == 0)
        add_file(reading, path, target, fd, &st);
    else if (!is_missing(r))
        add_error(reading, path, r);
}

static void walk_entry(struct reading *reading, int folder, const char *name, const char *path, const char *target,
                       unsigned depth)
{
    struct stat st = {0};
    int fd, r = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

    if (is_missing(r))
        return;
    if (r < 0) {
        add_error(reading, path, r);
    } else if (S_ISREG(st.st_mode)) {
        add_entry(reading, folder, name, path, target);
    } else if (S_ISLNK(st.st_mode)) {
        follow_link(reading, path, depth);
    } else if (S_ISDIR(st.st_mode)) {
        if (depth >= DEPTH_MAX) {
            reading->truncated = true;
            return;
        }
        if (reading->with_folders)
            add_entry(reading, folder, name, path, target);
        fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            walk_tree(reading, fd, path, target, depth + 1);
        else if (!is_missing(-errno))
            add_error(reading, path, -errno);
    }
}

/* Takes ownership of FD. PATH is the directory's name as found, TARGET the resolved one. */
static void walk_tree(struct reading *reading, int fd, const char *path, const char *target, unsigned depth)
{
    DIR *dir = fdopendir(fd);

    if (!dir) {
        add_error(reading, path, -errno);
        close(fd);
        return;
    }
    for (struct dirent *entry; !reading->truncated && (errno = 0, entry = readdir(dir));) {
        const char *name = entry->d_name;
        scoped(cleanup_free) char *child = NULL, *child_target = NULL;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (reading->files.count >= FILES_MAX || reading->entries++ >= ENTRIES_MAX) {
            reading->truncated = true;
            break;
        }
        child = mem_printf("%s/%s", path, name);
        child_target = mem_printf("%s/%s", target, name);
        walk_entry(reading, dirfd(dir), name, child, child_target, depth);
    }
    if (!reading->truncated && errno)
        add_error(reading, path, -errno);
    closedir(dir);
}

static void read_tree(struct reading *reading, const char *path)
{
    scoped(cleanup_free) char *target = NULL, *top = mem_strdup(path);
    struct stat st = {0};
    int fd, r = host_resolve(reading->root, path, &target, NULL);

    fd = r < 0 ? r : host_open(reading->root, target, O_RDONLY | O_DIRECTORY, NULL);
    if (fd < 0) { /* -ENOTDIR may be of the path above it too */
        if (!is_missing(fd) || (fd == -ENOTDIR && host_stat(reading->root, target, &st, NULL) == 0))
            add_error(reading, path, fd);
        return;
    }
    if (reading->with_folders && fstat(fd, &st) == 0)
        add_file(reading, path, target, fd, &st);
    for (size_t n = strlen(top); n && top[n - 1] == '/'; n--)
        top[n - 1] = '\0';
    reading->tree = target;
    reading->linked = map_new(NULL);
    walk_tree(reading, fd, top, strcmp(target, "/") == 0 ? "" : target, 1);
    map_free(take(reading->linked));
    if (reading->truncated) {
        add_error(reading, top, -EFBIG);
        reading->files.items[reading->files.count - 1].error =
            "contains too many files, or too deep a tree, to examine them all";
    }
}

/* ---- Order and digest ---- */

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct file_facts *)a)->path, ((const struct file_facts *)b)->path);
}

/* Sorts the files and keeps the first of each target. */
static void order(struct reading *reading)
{
    scoped(cleanup_map) struct map *seen = map_new(NULL);
    size_t kept = 0;

    if (reading->files.count)
        qsort(reading->files.items, reading->files.count, sizeof *reading->files.items, compare_paths);
    for (size_t i = 0; i < reading->files.count; i++) {
        struct file_facts *file = &reading->files.items[i];

        if (map_get(seen, file->target))
            continue;
        map_set(seen, file->target, file);
        reading->files.items[kept++] = *file;
    }
    reading->files.count = kept;
}

static void digest_acl(struct hash *hash, const struct acl_facts *acl)
{
    digest_number(hash, acl->present);
    digest_number(hash, acl->group);
    digest_number(hash, acl->other);
    digest_number(hash, (int64_t)acl->count);
    for (size_t i = 0; i < acl->count; i++) {
        digest_number(hash, acl->entries[i].is_group);
        digest_number(hash, acl->entries[i].id);
        digest_text(hash, acl->entries[i].name);
        digest_number(hash, acl->entries[i].permissions);
    }
}

static void digest_file(struct hash *hash, const struct file_facts *file)
{
    digest_text(hash, file->path);
    digest_text(hash, file->target);
    digest_number(hash, file->uid);
    digest_number(hash, file->gid);
    digest_text(hash, file->user);
    digest_text(hash, file->group);
    digest_number(hash, file->mode);
    digest_acl(hash, &file->acl);
    digest_acl(hash, &file->defaults);
    digest_text(hash, file->error);
    digest_text(hash, file->content);
}

static uint64_t digest_set(const struct fileset_facts *set)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, set->truncated);
    digest_text(&hash, set->engine_socket);
    digest_text(&hash, set->expected_group);
    digest_number(&hash, set->expected_gid);
    digest_number(&hash, set->expected_group_exists);
    digest_number(&hash, set->rootless);
    digest_number(&hash, set->engine_uid);
    digest_number(&hash, set->engine_gid);
    digest_text(&hash, set->engine_user);
    digest_text(&hash, set->engine_group);
    for (size_t i = 0; i < set->activated.count; i++)
        digest_text(&hash, set->activated.items[i]);
    digest_text(&hash, set->socket_unit);
    digest_text(&hash, set->socket_mode);
    digest_text(&hash, set->socket_user);
    digest_text(&hash, set->socket_group);
    for (size_t i = 0; i < set->count; i++)
        digest_file(&hash, &set->items[i]);
    return hash_end(&hash);
}

/* ---- The sockets' group ---- */

/* As dockerd looks it up: a name first, then a number; with an empty group it leaves the socket to its own, root. */
static void expect_group(struct reading *reading, const struct daemon_facts *daemon, struct fileset_facts *set)
{
    const char *group = daemon_option(daemon, "group", NULL);

    if (!group)
        group = daemon->podman ? "root" : "docker"; /* podman gives its socket to nobody else */
    set->expected_gid = (gid_t)-1;
    if (!*group) {
        group = "root";
        set->expected_gid = 0;
        set->expected_group_exists = true;
    } else {
        set->expected_group_exists =
            names_group_id(reading->names, group, &set->expected_gid) || names_parse_id(group, &set->expected_gid);
    }
    set->expected_group = arena_strdup(reading->arena, group);
}

/* Whose a rootless engine is. */
static void name_engine(struct reading *reading, const struct daemon_facts *daemon, struct fileset_facts *set)
{
    if (!daemon || !daemon->rootless || daemon->engine_uid == 0)
        return;
    set->rootless = true;
    set->engine_uid = daemon->engine_uid;
    set->engine_gid = daemon->engine_gid;
    set->engine_user = arena_strdup(reading->arena, names_user(reading->names, set->engine_uid));
    set->engine_group = arena_strdup(reading->arena, names_group(reading->names, set->engine_gid));
}

/* A setting of the unit's [Socket], or what systemd takes without it. */
static const char *socket_setting(struct reading *reading, const struct fileset_context *context, const char *unit,
                                  const char *key, const char *otherwise)
{
    scoped(cleanup_free) char *value = NULL;

    if (unit_value(reading->root, context->units, unit, "Socket", key, &value, NULL) < 0)
        return NULL;
    return arena_strdup(reading->arena, str_empty(value) ? otherwise : value);
}

/* Which sockets a unit opens, and as whose: what is changed of these does not outlast its next start. */
static void describe_activation(struct reading *reading, const struct fileset_context *context,
                                struct fileset_facts *set)
{
    const char *unit = context->daemon->podman ? podman_unit : socket_unit_docker;
    scoped(path_list_deinit) struct path_list streams = {0};

    if ((!context->daemon->podman && !socket_unit_activates(context->daemon)) ||
        socket_unit_streams(reading->root, context->units, unit, NULL, &streams, NULL) < 0)
        return;
    set->activated.items = arena_alloc(reading->arena, (streams.count + 1) * sizeof *set->activated.items);
    for (size_t i = 0; i < streams.count; i++) {
        scoped(cleanup_free) char *target = NULL;

        if (streams.items[i][0] == '/' && host_resolve(reading->root, streams.items[i], &target, NULL) == 0)
            set->activated.items[set->activated.count++] = arena_strdup(reading->arena, target);
    }
    if (!set->activated.count)
        return;
    set->socket_unit = unit;
    set->socket_mode = socket_setting(reading, context, unit, "SocketMode", "0666");
    set->socket_user = socket_setting(reading, context, unit, "SocketUser", "root");
    set->socket_group = socket_setting(reading, context, unit, "SocketGroup", "root");
}

static void keep_links(struct reading *reading, struct fileset_facts *set)
{
    set->link_count = reading->links.count;
    set->links = arena_alloc(reading->arena, (set->link_count + 1) * sizeof *set->links);
    for (size_t i = 0; i < set->link_count; i++)
        set->links[i] = reading->links.items[i];
    vec_free(&reading->links);
}

/* ---- Sources ---- */

bool fileset_source_valid(const char *source, struct error *error)
{
    enum fileset_kind kind;
    const char *rest;

    return fileset_source_parse(source, &kind, &rest, error) == 0;
}

bool fileset_needs_daemon(const char *source)
{
    enum fileset_kind kind;
    const char *rest;

    return fileset_source_parse(source, &kind, &rest, NULL) == 0 && kind != FILESET_PATH && kind != FILESET_CONTENT &&
           kind != FILESET_TREE && kind != FILESET_FOLDERS && kind != FILESET_UNIT;
}

bool fileset_needs_info(const char *source)
{
    enum fileset_kind kind;
    const char *rest;

    return fileset_source_parse(source, &kind, &rest, NULL) == 0 &&
           (kind == FILESET_DATA_ROOT || kind == FILESET_PROGRAM || kind == FILESET_CONTAINERD);
}

bool fileset_needs_units(const char *source)
{
    enum fileset_kind kind;
    const char *rest;

    return fileset_source_parse(source, &kind, &rest, NULL) == 0 &&
           (kind == FILESET_UNIT || kind == FILESET_SOCKETS || kind == FILESET_PROGRAM);
}

int fileset_read(const struct host_root *root, const char *source, const struct fileset_context *context,
                 struct fileset_facts **ret, struct error *error)
{
    scoped(path_list_deinit) struct path_list paths = {0};
    scoped(cleanup_names) struct names *names = NULL;
    struct reading reading = {.root = root};
    struct fileset_facts *set;
    enum fileset_kind kind;
    const char *rest;
    int r = fileset_source_parse(source, &kind, &rest, error);

    if (r == 0)
        r = fileset_paths(root, kind, rest, context, &paths, error);
    if (r == 0)
        r = names_read(root, &names, error);
    if (r < 0)
        return r;
    reading.names = names;
    reading.with_folders = kind == FILESET_FOLDERS;
    reading.arena = arena_new(2048);
    set = arena_alloc(reading.arena, sizeof *set);
    set->facts.arena = reading.arena;
    for (size_t i = 0; i < paths.count; i++) {
        if (kind == FILESET_TREE || kind == FILESET_FOLDERS)
            read_tree(&reading, paths.items[i]);
        else
            read_path(&reading, paths.items[i]);
    }
    for (size_t i = 0; kind == FILESET_CONTENT && i < reading.files.count; i++)
        if (!reading.files.items[i].error)
            read_content(&reading, &reading.files.items[i]);
    order(&reading);
    set->count = reading.files.count;
    set->items = arena_alloc(reading.arena, (set->count + 1) * sizeof *set->items);
    for (size_t i = 0; i < set->count; i++)
        set->items[i] = reading.files.items[i];
    vec_free(&reading.files);
    keep_links(&reading, set);
    set->truncated = reading.truncated;
    if (fileset_needs_daemon(source))
        name_engine(&reading, context->daemon, set);
    if (kind == FILESET_SOCKETS)
        describe_activation(&reading, context, set);
    if (kind == FILESET_SOCKETS) {
        expect_group(&reading, context->daemon, set);
        set->engine_socket = arena_strdup(reading.arena, context->engine_socket);
    }
    set->facts.digest = digest_set(set);
    *ret = set;
    return 0;
}

/* ---- In a worker ---- */

static void put_acl(struct str *output, const struct acl_facts *acl)
{
    wire_put_number(output, acl->present);
    wire_put_number(output, acl->group);
    wire_put_number(output, acl->other);
    wire_put_number(output, (int64_t)acl->count);
    for (size_t i = 0; i < acl->count; i++) {
        wire_put_number(output, acl->entries[i].is_group);
        wire_put_number(output, acl->entries[i].id);
        wire_put_text(output, acl->entries[i].name);
        wire_put_number(output, acl->entries[i].permissions);
    }
}

static void put_file(struct str *output, const struct file_facts *file)
{
    wire_put_text(output, file->path);
    wire_put_text(output, strcmp(file->path, file->target) == 0 ? NULL : file->target);
    wire_put_number(output, file->uid);
    wire_put_number(output, file->gid);
    wire_put_text(output, file->user);
    wire_put_text(output, file->group);
    wire_put_number(output, file->mode);
    put_acl(output, &file->acl);
    put_acl(output, &file->defaults);
    wire_put_text(output, file->content);
    wire_put_text(output, file->error);
}

static void put_set(struct str *output, const struct fileset_facts *set)
{
    wire_put_number(output, (int64_t)set->count);
    for (size_t i = 0; i < set->count; i++)
        put_file(output, &set->items[i]);
    wire_put_number(output, (int64_t)set->link_count);
    for (size_t i = 0; i < set->link_count; i++) {
        wire_put_text(output, set->links[i].path);
        wire_put_number(output, set->links[i].directory);
    }
    wire_put_number(output, set->truncated);
    wire_put_text(output, set->expected_group);
    wire_put_number(output, set->expected_gid);
    wire_put_number(output, set->expected_group_exists);
    wire_put_text(output, set->engine_socket);
    wire_put_number(output, set->rootless);
    wire_put_number(output, set->engine_uid);
    wire_put_number(output, set->engine_gid);
    wire_put_text(output, set->engine_user);
    wire_put_text(output, set->engine_group);
    wire_put_list(output, &set->activated);
    wire_put_text(output, set->socket_unit);
    wire_put_text(output, set->socket_mode);
    wire_put_text(output, set->socket_user);
    wire_put_text(output, set->socket_group);
}

int fileset_run(struct str *output, const void *argument, struct error *error)
{
    const struct fileset_request *request = argument;

    (void)error;
    for (size_t i = 0; i < request->sources->count; i++) {
        struct fileset_facts *set = NULL;
        struct error why = ERROR_INIT;
        int r = fileset_read(request->root, request->sources->items[i], request->context, &set, &why);

        wire_put_number(output, r);
        if (r < 0) {
            wire_put_text(output, why.message);
            continue;
        }
        put_set(output, set);
        facts_free(&set->facts);
    }
    return 0;
}

static struct acl_facts take_acl(struct wire_reader *reader)
{
    struct acl_facts acl = {.present = wire_number(reader) != 0};
    size_t count;

    acl.group = (unsigned)wire_number(reader) & 7;
    acl.other = (unsigned)wire_number(reader) & 7;
    count = wire_count(reader, ACL_ENTRIES_MAX);
    acl.entries = arena_alloc(reader->arena, (count + 1) * sizeof *acl.entries);
    while (acl.count < count && !reader->broken) {
        struct acl_entry *entry = &acl.entries[acl.count++];

        entry->is_group = wire_number(reader) != 0;
        entry->id = (uint32_t)wire_number(reader);
        entry->name = wire_text(reader);
        entry->permissions = (unsigned)wire_number(reader) & 7;
    }
    return acl;
}

static struct file_facts take_file(struct wire_reader *reader)
{
    struct file_facts file = {.path = wire_text(reader)};

    file.target = wire_text(reader);
    file.uid = (uid_t)wire_number(reader);
    file.gid = (gid_t)wire_number(reader);
    file.user = wire_text(reader);
    file.group = wire_text(reader);
    file.mode = (mode_t)wire_number(reader);
    file.acl = take_acl(reader);
    file.defaults = take_acl(reader);
    file.content = wire_text(reader);
    file.error = wire_text(reader);
    reader->broken = reader->broken || !file.path;
    if (!file.target)
        file.target = file.path;
    return file;
}

static void take_set(struct wire_reader *reader, struct fileset_facts *set)
{
    size_t count = wire_count(reader, (size_t)FILES_MAX * 4);

    set->items = arena_alloc(reader->arena, (count + 1) * sizeof *set->items);
    while (set->count < count && !reader->broken)
        set->items[set->count++] = take_file(reader);
    count = wire_count(reader, ENTRIES_MAX);
    set->links = arena_alloc(reader->arena, (count + 1) * sizeof *set->links);
    while (set->link_count < count && !reader->broken) {
        struct file_link *link = &set->links[set->link_count++];

        link->path = wire_text(reader);
        link->directory = wire_number(reader) != 0;
        reader->broken = reader->broken || !link->path;
    }
    set->truncated = wire_number(reader) != 0;
    set->expected_group = wire_text(reader);
    set->expected_gid = (gid_t)wire_number(reader);
    set->expected_group_exists = wire_number(reader) != 0;
    set->engine_socket = wire_text(reader);
    set->rootless = wire_number(reader) != 0;
    set->engine_uid = (uid_t)wire_number(reader);
    set->engine_gid = (gid_t)wire_number(reader);
    set->engine_user = wire_text(reader);
    set->engine_group = wire_text(reader);
    wire_list(reader, ENTRIES_MAX, &set->activated);
    set->socket_unit = wire_text(reader);
    set->socket_mode = wire_text(reader);
    set->socket_user = wire_text(reader);
    set->socket_group = wire_text(reader);
}

int fileset_take(struct wire_reader *reader, struct fileset_facts **ret, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(2048);
    struct fileset_facts *set = arena_alloc(arena, sizeof *set);
    int r;

    reader->arena = arena;
    r = wire_failure(reader);
    if (r < 0) {
        const char *why = wire_text(reader);

        if (!reader->broken)
            return error_set(error, -r, "%s", why ? why : error_reason(-r));
    }
    take_set(reader, set);
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "files");
        return -EPROTO;
    }
    set->facts.digest = digest_set(set);
    set->facts.arena = take(arena);
    *ret = set;
    return 0;
}

/* ---- Watching ---- */

void fileset_watch_paths(const struct host_root *root, const char *source, const struct fileset_context *context,
                         void (*back)(const char *path, bool tree, void *user), void *user)
{
    scoped(path_list_deinit) struct path_list paths = {0};
    enum fileset_kind kind;
    const char *rest;

    if (fileset_source_parse(source, &kind, &rest, NULL) < 0)
        return;
    if (kind == FILESET_UNIT)
        unit_places(rest, back, user);
    if (kind == FILESET_SOCKETS && socket_unit_activates(context->daemon))
        unit_places(socket_unit_docker, back, user);
    if (kind == FILESET_SOCKETS && context->daemon && context->daemon->podman)
        unit_places(podman_unit, back, user);
    if ((kind == FILESET_PROGRAM ? fileset_programs(root, rest, context, true, &paths, NULL)
                                 : fileset_paths(root, kind, rest, context, &paths, NULL)) < 0)
        return;
    for (size_t i = 0; i < paths.count; i++)
        back(paths.items[i], kind == FILESET_TREE || kind == FILESET_FOLDERS, user);
    /* An owner is shown, and a group found, by its name. */
    back("/etc/passwd", false, user);
    back("/etc/group", false, user);
}
