/* The kernel names what is mounted by its file system (device) and the directory in it (root). Every mount of the same
 * file system whose root is that directory or above it is another name of the place, unless something else is mounted
 * over it. An overlay shows what lies in its layers, which its options name. */
#include "probes/host/mount_places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "common/text.h"
#include "common/vec.h"
#include "probes/watch/mounts.h"

enum { PLACES_MAX = 64, SOCKETS_MAX = 64, TABLE_LIMIT = 16 << 20 };

/* What of PATH is after FOLDER, "" or with a slash before it; NULL: it is not below it. */
static const char *below(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    while (length && folder[length - 1] == '/')
        length--;
    if (strncmp(path, folder, length) != 0 || (path[length] && path[length] != '/'))
        return NULL;
    return strcmp(path + length, "/") == 0 ? "" : path + length;
}

static const struct mount_point *child_on_way(const struct mounts_facts *mounts, const struct mount_point *parent,
                                              const char *path)
{
    const struct mount_point *found = NULL;

    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount_point *mount = &mounts->items[i];

        if (mount != parent && mount->parent == parent->id && mount->id != parent->id &&
            below(path, mount->mount_point) && (!found || strlen(mount->mount_point) < strlen(found->mount_point)))
            found = mount;
    }
    return found;
}

static bool has_id(const struct mounts_facts *mounts, int id)
{
    for (size_t i = 0; i < mounts->count; i++)
        if (mounts->items[i].id == id)
            return true;
    return false;
}

/* The mount that PATH, without links, is on: as the kernel walks, from the root on. */
static const struct mount_point *mount_of(const struct mounts_facts *mounts, const char *path)
{
    const struct mount_point *at = NULL, *next;

    for (size_t i = 0; i < mounts->count && !at; i++)
        if (strcmp(mounts->items[i].mount_point, "/") == 0 &&
            (mounts->items[i].parent == mounts->items[i].id || !has_id(mounts, mounts->items[i].parent)))
            at = &mounts->items[i];
    for (size_t depth = 0; at && depth < mounts->count && (next = child_on_way(mounts, at, path)); depth++)
        at = next;
    return at;
}

/* The mount at DESTINATION that is seen: the last one. */
static const struct mount_point *mount_at(const struct mounts_facts *mounts, const char *destination)
{
    const struct mount_point *found = NULL;

    for (size_t i = 0; i < mounts->count; i++) {
        const char *rest = below(mounts->items[i].mount_point, destination);

        if (rest && !*rest)
            found = &mounts->items[i];
    }
    return found;
}

/* Does a mount of the container's document other than QUERY's own begin at PATH or above it, below QUERY's? */
static bool is_of_other(const struct place_query *query, const char *path)
{
    for (size_t i = 0; query->container && i < query->container->mount_count; i++) {
        const char *other = query->container->mounts[i].destination, *rest = below(other, query->destination);

        if (rest && *rest && below(path, other))
            return true;
    }
    return false;
}

/* A destination that leads through a link of the image's has another name in the table: it is found by its last name,
 * if that is no other mount's. */
static const struct mount_point *mount_named_like(const struct mounts_facts *own, const struct place_query *query)
{
    const char *slash = strrchr(query->destination, '/'), *name = slash ? slash + 1 : query->destination;
    const struct mount_point *found = NULL;

    for (size_t i = 0; *name && i < own->count; i++) {
        const char *point = own->items[i].mount_point, *last = strrchr(point, '/');
        bool is_others = false;

        if (!last || strcmp(last + 1, name) != 0)
            continue;
        for (size_t m = 0; query->container && m < query->container->mount_count; m++) {
            const char *rest = below(point, query->container->mounts[m].destination);

            is_others |= rest && !*rest;
        }
        if (is_others)
            continue;
        if (found)
            return NULL;
        found = &own->items[i];
    }
    return found;
}

static struct mount_place *find_path(const struct place_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].path, path) == 0)
            return &list->items[i];
    return NULL;
}

/* A path that is there already and can be written to by one way of the two can be written to. */
static void add_place(struct place_list *list, struct arena *arena, const char *inside, const char *path,
                      unsigned layer)
{
    struct mount_place *there = find_path(list, path);

    if (there && layer < there->layer)
        there->layer = layer;
    if (there || list->count == PLACES_MAX)
        return;
    if (!list->items)
        list->items = arena_alloc(arena, PLACES_MAX * sizeof *list->items);
    list->items[list->count++] =
        (struct mount_place){.below = arena_strdup(arena, inside), .path = arena_strdup(arena, path), .layer = layer};
}

/* The root of a mount whose directory was removed has this after it. */
static char *without_deleted(const char *root)
{
    static const char mark[] = "//deleted";
    size_t length = strlen(root);

    return mem_strndup(root, length - (str_ends(root, mark) ? strlen(mark) : 0));
}

/* The directories that OPTIONS, an overlay's own, have after NAME, with REST below them, as layers from *LAYER on.
 * Colons and commas in their names are written with a backslash. What lies in EXCEPT (NULL: nothing) is left out, as is
 * what has no full path: engines name their own so. */
static void add_directories(const char *options, const char *name, const char *rest, const char *inside,
                            const char *except, unsigned *layer, struct arena *arena, struct place_list *ret)
{
    for (const char *at = options; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (!str_starts(at, name))
            continue;
        for (at += strlen(name); *at && *at != ',';) {
            scoped_str path = STR_INIT;

            for (; *at && *at != ',' && *at != ':'; at++) {
                at += *at == '\\' && at[1];
                str_append_char(&path, *at);
            }
            at += *at == ':';
            str_append(&path, rest);
            if (*str_text(&path) == '/' && !(except && below(path.data, except)))
                add_place(ret, arena, inside, path.data, *layer);
            ++*layer;
        }
    }
}

/* The root of the host itself may be an overlay, of directories of which it knows nothing any more. */
static bool is_root(const struct mounts_facts *host, const struct mount_point *mount)
{
    const struct mount_point *root = mount_of(host, "/");

    return root && root->major == mount->major && root->minor == mount->minor;
}

/* What of the host an overlay shows at REST in its root. */
static void add_layers(const struct mounts_facts *host, const struct mount_point *mount, const char *rest,
                       const char *inside, const char *except, struct arena *arena, struct place_list *ret)
{
    static const char *const lower[] = {"lowerdir=", "lowerdir+=", "datadir+="};
    scoped(cleanup_free) char *place = NULL;
    unsigned layer = 1;

    if (!str_equal(mount->type, "overlay") || is_root(host, mount))
        return;
    place = mem_printf("%s%s", strcmp(mount->root, "/") == 0 ? "" : mount->root, rest);
    add_directories(mount->file_system_options, "upperdir=", place, inside, except, &layer, arena, ret);
    layer = 2;
    for (size_t i = 0; i < countof(lower); i++)
        add_directories(mount->file_system_options, lower[i], place, inside, except, &layer, arena, ret);
}

/* Adds the names that REST in the root of MOUNT has on the host, but none in the directory EXCEPT (NULL: no such). */
static void add_names(const struct mounts_facts *host, const struct mount_point *mount, const char *rest,
                      const char *inside, const char *except, unsigned layer, struct arena *arena,
                      struct place_list *ret)
{
    scoped(cleanup_free) char *root = without_deleted(mount->root);
    scoped(cleanup_free) char *place = mem_printf("%s%s", strcmp(root, "/") == 0 && *rest ? "" : root, rest);

    for (size_t i = 0; i < host->count; i++) {
        const struct mount_point *other = &host->items[i];
        const char *left = below(place, other->root);
        scoped(cleanup_free) char *path = NULL;

        if (other->major != mount->major || other->minor != mount->minor || !left)
            continue;
        path = mem_printf("%s%s", strcmp(other->mount_point, "/") == 0 && *left ? "" : other->mount_point, left);
        if (mount_of(host, path) == other && !(except && below(path, except)))
            add_place(ret, arena, inside, path, layer);
    }
}

/* Other file systems that are mounted below QUERY's mount: only what the host has elsewhere too. */
static void add_names_below(const struct mounts_facts *host, const struct mounts_facts *table, const char *folder,
                            const struct place_query *query, const char *resolved, struct arena *arena,
                            struct place_list *ret)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct mount_point *mount = &table->items[i];
        const char *rest = below(mount->mount_point, folder);
        scoped(cleanup_free) char *inside = NULL;

        if (!rest || !*rest || mount_of(table, mount->mount_point) != mount)
            continue;
        inside = mem_printf("%s%s", strcmp(query->destination, "/") == 0 ? "" : query->destination, rest);
        if (is_of_other(query, inside))
            continue;
        add_names(host, mount, "", rest, resolved, 0, arena, ret);
        add_layers(host, mount, "", rest, resolved, arena, ret);
    }
}

bool mount_places_find(const struct mounts_facts *host, const struct mounts_facts *own, const struct place_query *query,
                       const char *resolved, struct arena *arena, struct place_list *ret)
{
    const struct mount_point *mount = own ? mount_at(own, query->destination) : NULL;
    const char *except = query->is_volume ? resolved : NULL;

    if (own && !mount)
        mount = mount_named_like(own, query);
    if (mount) {
        add_names(host, mount, "", "", except, 0, arena, ret);
        add_layers(host, mount, "", "", except, arena, ret);
        add_names_below(host, own, mount->mount_point, query, resolved, arena, ret);
        return true;
    }
    if (own)
        return false;
    mount = mount_of(host, resolved);
    if (!mount)
        return true;
    /* A volume that nothing is mounted on is the engine's own storage. */
    if (query->is_volume && strcmp(mount->mount_point, resolved) != 0)
        return true;
    if (!query->is_volume)
        add_place(ret, arena, "", resolved, 0);
    add_names(host, mount, below(resolved, mount->mount_point), "", except, 0, arena, ret);
    add_layers(host, mount, below(resolved, mount->mount_point), "", except, arena, ret);
    add_names_below(host, host, resolved, query, resolved, arena, ret);
    return true;
}

/* ---- Files ---- */

/* A socket of an engine: what names it, and which file it is. */
struct engine_socket {
    const char *path;
    dev_t device;
    ino_t inode;
    bool has_other_names;
};

struct search {
    const struct places_request *request;
    struct mounts_facts *host;
    struct engine_socket sockets[SOCKETS_MAX];
    size_t socket_count;
    struct arena *arena;
};

/* Files below a directory that are looked through for a second name of a socket. */
enum { WALK_ENTRIES_MAX = 20000, WALK_DEPTH_MAX = 4 };

static void find_sockets(struct search *search)
{
    const struct string_list *paths = search->request->sockets;

    for (size_t i = 0; paths && i < paths->count && search->socket_count < SOCKETS_MAX; i++) {
        struct stat st;

        if (strchr(paths->items[i], '*') || host_stat(search->request->root, paths->items[i], &st, NULL) < 0 ||
            !S_ISSOCK(st.st_mode))
            continue;
        search->sockets[search->socket_count++] = (struct engine_socket){
            .path = paths->items[i], .device = st.st_dev, .inode = st.st_ino, .has_other_names = st.st_nlink > 1};
    }
}

static const struct engine_socket *socket_of(const struct search *search, dev_t device, ino_t inode)
{
    for (size_t i = 0; i < search->socket_count; i++)
        if (search->sockets[i].device == device && search->sockets[i].inode == inode)
            return &search->sockets[i];
    return NULL;
}

static bool may_have_other_name(const struct search *search, dev_t device)
{
    for (size_t i = 0; i < search->socket_count; i++)
        if (search->sockets[i].has_other_names && search->sockets[i].device == device)
            return true;
    return false;
}

/* Takes over FD. */
static const struct engine_socket *walk_for_socket(const struct search *search, int fd, dev_t device, unsigned depth,
                                                   size_t *left)
{
    const struct engine_socket *found = NULL;
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;

    if (!folder) {
        close(fd);
        return NULL;
    }
    while (!found && *left && (entry = readdir(folder))) {
        --*left;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_SOCK) {
            found = socket_of(search, device, entry->d_ino);
        } else if (entry->d_type == DT_DIR && depth < WALK_DEPTH_MAX) {
            struct stat st;
            int sub = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

            if (sub >= 0 && fstat(sub, &st) == 0 && st.st_dev == device)
                found = walk_for_socket(search, sub, device, depth + 1, left);
            else if (sub >= 0)
                close(sub);
        }
    }
    closedir(folder);
    return found;
}

/* What is at the place: only asked of those that may be a socket, as every path on the way may not answer. */
static void look_at_place(const struct search *search, struct mount_place *place)
{
    const struct engine_socket *socket = NULL;
    bool any_other_names = false;
    struct stat st;

    for (size_t i = 0; i < search->socket_count; i++)
        any_other_names |= search->sockets[i].has_other_names;
    if ((!any_other_names && !str_ends(place->path, ".sock")) ||
        host_stat(search->request->root, place->path, &st, NULL) < 0)
        return;
    place->kind = S_ISSOCK(st.st_mode) ? PLACE_SOCKET : S_ISDIR(st.st_mode) ? PLACE_DIRECTORY : PLACE_FILE;
    if (S_ISSOCK(st.st_mode)) {
        socket = socket_of(search, st.st_dev, st.st_ino);
    } else if (S_ISDIR(st.st_mode) && may_have_other_name(search, st.st_dev)) {
        int fd = host_open(search->request->root, place->path, O_RDONLY | O_DIRECTORY, NULL);
        size_t left = WALK_ENTRIES_MAX;

        if (fd >= 0)
            socket = walk_for_socket(search, fd, st.st_dev, 0, &left);
    }
    place->socket = socket ? socket->path : NULL;
}

static int read_own_table(const struct search *search, pid_t pid, struct mounts_facts **ret)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%d/mountinfo", search->request->proc, (int)pid);
    scoped_str text = STR_INIT;
    int r = file_read(path, TABLE_LIMIT, &text, NULL);

    if (r == 0 && !text.length)
        r = -ESRCH; /* it ended */
    return r < 0 ? r : mounts_parse(str_text(&text), text.length, ret, NULL);
}

/* Adds where PATH leads. A directory on the way that may not be searched may hide anything: RET_WHY. */
static char *resolve(const struct search *search, const char *path, struct error *ret_why)
{
    const struct host_root *root = search->request->root;
    char *target = NULL;
    int r = host_resolve(root, path, &target, ret_why);
    int fd = r < 0 ? r : host_open(root, path, O_PATH, ret_why);

    if (fd >= 0)
        close(fd);
    else if (r == 0 && (fd == -ENOENT || fd == -ENOTDIR))
        *ret_why = (struct error)ERROR_INIT;
    return target;
}

/* What a path leads to, and its other names. */
static void add_path(const struct search *search, const struct place_query *query, const char *path,
                     struct place_list *ret, struct error *ret_why)
{
    scoped(cleanup_free) char *target = resolve(search, path, ret_why);
    struct place_query as_bind = *query;

    if (!target)
        return;
    as_bind.is_volume = false;
    if (search->host && !query->block_device)
        mount_places_find(search->host, NULL, &as_bind, target, search->arena, ret);
    else
        add_place(ret, search->arena, "", target, 0);
}

/* A layer shows what is in it: its links are followed, its other names found, and an overlay in an overlay is looked
 * through. What is in none of its files, and what lies under a file of a higher layer, is not shown. */
static void look_through_layers(const struct search *search, const struct place_list *found, size_t depth,
                                struct place_list *ret)
{
    enum { DEPTH_MAX = 2 };
    bool has_above = false, directory_above = false;

    for (size_t i = 0; i < found->count; i++) {
        const struct mount_place *place = &found->items[i];
        const struct place_query query = {.source = place->path, .destination = "/"};
        scoped(cleanup_free) char *target = NULL;
        struct place_list names = {0}, more = {0};
        struct error ignored = ERROR_INIT;
        struct stat st;
        bool is_directory;

        if (!place->layer) {
            add_place(ret, search->arena, place->below, place->path, 0);
            has_above = false;
            continue;
        }
        if (i == 0 || found->items[i - 1].layer >= place->layer)
            has_above = false; /* of another overlay */
        if (host_stat(search->request->root, place->path, &st, NULL) < 0)
            continue;
        is_directory = S_ISDIR(st.st_mode);
        if (has_above && !(is_directory && directory_above))
            continue;
        has_above = true;
        directory_above = is_directory;
        target = resolve(search, place->path, &ignored);
        if (!target)
            continue;
        mount_places_find(search->host, NULL, &query, target, search->arena, &names);
        if (depth < DEPTH_MAX)
            look_through_layers(search, &names, depth + 1, &more);
        for (size_t n = 0; n < more.count; n++)
            add_place(ret, search->arena, *place->below ? place->below : more.items[n].below, more.items[n].path,
                      more.items[n].layer > place->layer ? more.items[n].layer : place->layer);
    }
}

static void answer(const struct search *search, const struct place_query *query, struct place_list *ret,
                   struct error *ret_why)
{
    struct mounts_facts *own = NULL;
    bool found = false;

    if (query->pid > 0 && search->host && read_own_table(search, query->pid, &own) == 0) {
        scoped(cleanup_free) char *target = NULL;
        struct error ignored = ERROR_INIT;

        /* The source's own name is only of use to tell what is its storage from what is mounted there. */
        target = query->is_volume ? resolve(search, query->source, &ignored) : NULL;
        found = mount_places_find(search->host, own, query, target ? target : query->source, search->arena, ret) &&
                (ret->count || query->is_volume);
    }
    facts_free(own ? &own->facts : NULL);
    if (!found && !query->is_volume)
        add_path(search, query, query->source, ret, ret_why);
    /* What a volume's options name: a bind's, once it is mounted, is found by the table. */
    if (!found || query->block_device || query->devices.count > 1)
        for (size_t i = 0; i < query->devices.count; i++)
            add_path(search, query, query->devices.items[i], ret, ret_why);
    if (search->host) {
        const struct place_list named = *ret;

        *ret = (struct place_list){0};
        look_through_layers(search, &named, 0, ret);
    }
    for (size_t i = 0; i < ret->count; i++)
        look_at_place(search, &ret->items[i]);
}

int mount_places_run(struct str *output, const void *argument, struct error *error)
{
    const struct places_request *request = argument;
    struct search search = {.request = request};

    (void)error;
    mounts_read(request->proc, &search.host, NULL);
    find_sockets(&search);
    for (size_t i = 0; i < request->count; i++) {
        scoped(cleanup_arena) struct arena *arena = arena_new(4096);
        struct place_list places = {0};
        struct error why = ERROR_INIT;

        search.arena = arena;
        answer(&search, &request->queries[i], &places, &why);
        wire_put_number(output, (int64_t)places.count);
        for (size_t p = 0; p < places.count; p++) {
            wire_put_text(output, places.items[p].below);
            wire_put_text(output, places.items[p].path);
            wire_put_text(output, places.items[p].socket);
            wire_put_number(output, places.items[p].kind);
            wire_put_number(output, places.items[p].layer);
        }
        wire_put_text(output, *why.message ? why.text : NULL);
    }
    facts_free(search.host ? &search.host->facts : NULL);
    return 0;
}

int mount_places_take(struct wire_reader *reader, struct place_list *ret, const char **ret_error, struct error *error)
{
    struct place_list list = {.count = wire_count(reader, PLACES_MAX)};
    const char *why;

    list.items = list.count ? arena_alloc(reader->arena, list.count * sizeof *list.items) : NULL;
    for (size_t i = 0; i < list.count; i++) {
        struct mount_place *place = &list.items[i];
        int64_t kind, layer;

        place->below = wire_text(reader);
        place->path = wire_text(reader);
        place->socket = wire_text(reader);
        kind = wire_number(reader);
        layer = wire_number(reader);
        reader->broken |=
            !place->below || !place->path || kind < PLACE_UNKNOWN || kind > PLACE_FILE || layer < 0 || layer > UINT_MAX;
        place->kind = (enum place_kind)kind;
        place->layer = (unsigned)layer;
    }
    why = wire_text(reader);
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "mounts");
        return -EPROTO;
    }
    *ret = list;
    *ret_error = why;
    return 0;
}
