/* "Look again" watches over inotify.
 *
 * A watch on a path is a chain of links: in each directory on the way the name that the path uses there, at each
 * symlink the chain of its target, and at the end the file itself. Links hang on nodes, one for each kernel watch
 * (inotify gives one descriptor per inode, so nodes are shared). An event concerns a link when it has the link's name
 * or the node itself changed. A directory is watched before the name in it is looked at, so nothing falls between.
 * After anything that concerns it a watch is armed anew from the root of the path, and called.
 *
 * inotify reports no mount. So a watch also keeps the real places at which the walk along its path came to an end or to
 * a symlink: it has looked at these and at every directory above them, and a mount on one of those concerns it. */
#include "probes/watch/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "common/capability.h"
#include "common/log.h"
#include "common/vec.h"

enum { LINKS_MAX = 40, TREE_DIRECTORIES = 8192, TREE_DIRECTORIES_LEAST = 1024, TREE_DEPTH = 32, NODE_BUCKETS = 1024 };

static const uint32_t directory_mask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;
static const uint32_t file_mask = IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

enum link_kind { LINK_NAME, LINK_SELF, LINK_ANY };

struct link {
    struct watch *watch;
    enum link_kind kind;
    char *name; /* LINK_NAME */
    bool old;   /* of the arming before: goes away when the new one is made */
};

struct node {
    struct node *next; /* in its bucket */
    int wd;
    VEC(struct link) links;
};

struct watch {
    TAILQ_ENTRY(watch) entry;
    struct watcher *watcher;
    char *path;
    watch_changed *changed;
    void *user;
    enum watch_scope scope;
    VEC(char *) places; /* real paths that the walk came to, the last one where it ended */
    bool pending;       /* to be called */
    bool written;       /* to be called if whoever writes to the file does not close it soon */
    bool stale;         /* and to be armed before */
    bool refused, refusal_logged, dead;
};

struct watcher {
    const struct host_root *root;
    char *prefix; /* of the root, without a slash at the end */
    int fd;
    struct event *event, *written_timer;
    struct node *nodes[NODE_BUCKETS]; /* by wd */
    unsigned tree_directories;        /* at most in one tree */
    struct log_limit refusals;
    TAILQ_HEAD(watch_list, watch) watches;
    bool dispatching, has_dead;
    struct watcher_counters counters;
};

static struct node *find_node(const struct watcher *watcher, int wd)
{
    struct node *node = watcher->nodes[(unsigned)wd % NODE_BUCKETS];

    while (node && node->wd != wd)
        node = node->next;
    return node;
}

static struct node *make_node(struct watcher *watcher, int wd)
{
    struct node **bucket = &watcher->nodes[(unsigned)wd % NODE_BUCKETS], *node = mem_alloc(sizeof *node);

    node->wd = wd;
    node->next = *bucket;
    *bucket = node;
    watcher->counters.kernel_watches++;
    return node;
}

/* LINK: what points to the node. */
static void free_node(struct watcher *watcher, struct node **link)
{
    struct node *node = *link;

    *link = node->next;
    for (size_t i = 0; i < node->links.count; i++)
        free(node->links.items[i].name);
    vec_free(&node->links);
    free(node);
    watcher->counters.kernel_watches--;
}

static void refuse(struct watch *watch, const char *why)
{
    struct log_limit *limit = &watch->watcher->refusals;
    unsigned held_back;

    watch->refused = true;
    if (watch->refusal_logged || !log_allowed(limit, clock_monotonic(), &held_back))
        return;
    watch->refusal_logged = true;
    log_warning("%s is not watched in full: %s; changes there are noticed by the next sweep", watch->path, why);
}

/* A kernel watch on the real host path PATH ("" is the root). False when the kernel refuses. */
static bool add_link(struct watch *watch, const char *path, uint32_t mask, enum link_kind kind, const char *name)
{
    struct watcher *watcher = watch->watcher;
    scoped(cleanup_free) char *outside = mem_printf("%s%s", watcher->prefix, *path ? path : "/");
    int wd = inotify_add_watch(watcher->fd, outside, mask | IN_DONT_FOLLOW | IN_MASK_ADD);
    struct node *node;

    if (wd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            refuse(watch, errno == ENOSPC ? "the limit fs.inotify.max_user_watches is reached"
                                          : capability_why(errno, CAPABILITY(CAP_DAC_READ_SEARCH)));
        return false;
    }
    node = find_node(watcher, wd);
    if (!node)
        node = make_node(watcher, wd);
    vec_push(&node->links, (struct link){.watch = watch, .kind = kind, .name = mem_strdup(name)});
    return true;
}

/* False: there is no room for more. */
static bool add_tree(struct watch *watch, const char *path, unsigned depth, unsigned *left)
{
    scoped(cleanup_free) char *outside = mem_printf("%s%s", watch->watcher->prefix, path);
    uint32_t mask = watch->scope == WATCH_TREE_WRITES ? directory_mask | IN_MODIFY : directory_mask;
    bool has_room = true;
    DIR *directory;

    if (!*left || depth > TREE_DEPTH) {
        refuse(watch, *left ? "its directories are nested too deeply" : "it has too many directories");
        return *left > 0;
    }
    --*left;
    if (!add_link(watch, path, mask, LINK_ANY, NULL))
        return true;
    directory = opendir(outside);
    if (!directory)
        return true;
    for (struct dirent *entry; has_room && (entry = readdir(directory));) {
        scoped(cleanup_free) char *below = NULL;
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
            continue;
        below = mem_printf("%s/%s", path, entry->d_name);
        has_room = add_tree(watch, below, depth + 1, left);
    }
    closedir(directory);
    return has_room;
}

/* What is still to be walked begins with TARGET instead of the link's name. */
static bool follow_symlink(const struct watcher *watcher, const char *link, struct str *at, struct str *rest)
{
    char target[PATH_MAX];
    scoped(cleanup_free) char *outside = mem_printf("%s%s", watcher->prefix, link);
    ssize_t n = readlink(outside, target, sizeof target - 1);
    scoped_str joined = STR_INIT;

    if (n <= 0)
        return false;
    target[n] = '\0';
    if (*target == '/')
        str_clear(at);
    str_printf(&joined, "%s/%s", target, str_text(rest));
    str_clear(rest);
    str_append_n(rest, joined.data, joined.length);
    return true;
}

static void step_up(struct str *at)
{
    const char *slash = at->length ? strrchr(at->data, '/') : NULL;

    if (!slash)
        return;
    at->length = (size_t)(slash - at->data);
    at->data[at->length] = '\0';
}

/* Takes the next component off REST. */
static bool next_component(struct str *rest, struct str *name)
{
    const char *text = str_text(rest);
    size_t skip = strspn(text, "/"), length = strcspn(text + skip, "/");
    scoped(cleanup_free) char *left = mem_strdup(text + skip + length);

    str_clear(name);
    str_append_n(name, text + skip, length);
    str_clear(rest);
    str_append(rest, left);
    return length > 0;
}

static void forget_places(struct watch *watch)
{
    for (size_t i = 0; i < watch->places.count; i++)
        free(watch->places.items[i]);
    watch->places.count = 0;
}

static void note_place(struct watch *watch, const struct str *at)
{
    vec_push(&watch->places, mem_strdup(at->length ? at->data : "/"));
}

/* Links for each component of the path and each symlink on the way, until AT is where it leads. False: it leads
 * nowhere, or not where it can be watched. */
static bool walk_path(struct watch *watch, struct str *at, struct stat *ret_stat)
{
    const struct watcher *watcher = watch->watcher;
    scoped_str rest = STR_INIT, name = STR_INIT, here = STR_INIT;
    unsigned symlinks = 0;

    str_append(&rest, watch->path);
    while (next_component(&rest, &name)) {
        scoped(cleanup_free) char *outside = NULL;

        if (strcmp(name.data, ".") == 0)
            continue;
        if (strcmp(name.data, "..") == 0) {
            note_place(watch, at);
            step_up(at);
            continue;
        }
        str_clear(&here);
        str_printf(&here, "%s/%s", str_text(at), name.data);
        outside = mem_printf("%s%s", watcher->prefix, here.data);
        if (!add_link(watch, str_text(at), directory_mask, LINK_NAME, name.data) || lstat(outside, ret_stat) < 0) {
            note_place(watch, &here);
            return false;
        }
        if (S_ISLNK(ret_stat->st_mode)) {
            note_place(watch, &here);
            if (++symlinks > LINKS_MAX || !follow_symlink(watcher, here.data, at, &rest))
                return false;
            continue;
        }
        str_clear(at);
        str_append_n(at, here.data, here.length);
        if (!S_ISDIR(ret_stat->st_mode) && strspn(str_text(&rest), "/") != rest.length) {
            note_place(watch, at);
            return false;
        }
    }
    note_place(watch, at);
    return true;
}

static void walk(struct watch *watch)
{
    scoped_str at = STR_INIT;
    struct stat st = {.st_mode = S_IFDIR};
    unsigned left = watch->watcher->tree_directories;

    forget_places(watch);
    if (!walk_path(watch, &at, &st))
        return;
    if (S_ISDIR(st.st_mode) && watch->scope != WATCH_PATH)
        add_tree(watch, str_text(&at), 0, &left);
    add_link(watch, str_text(&at), S_ISDIR(st.st_mode) ? directory_mask : file_mask, LINK_SELF, NULL);
}

/* Drops the links of WATCH (only OLD ones), and kernel watches that nothing hangs on any more. */
static void drop_links(struct watch *watch, bool only_old)
{
    struct watcher *watcher = watch->watcher;

    for (size_t bucket = 0; bucket < NODE_BUCKETS; bucket++)
        for (struct node **link = &watcher->nodes[bucket]; *link;) {
            struct node *node = *link;

            for (size_t i = node->links.count; i-- > 0;)
                if (node->links.items[i].watch == watch && (!only_old || node->links.items[i].old)) {
                    free(node->links.items[i].name);
                    node->links.items[i] = node->links.items[--node->links.count];
                }
            if (node->links.count) {
                link = &node->next;
            } else {
                inotify_rm_watch(watcher->fd, node->wd);
                free_node(watcher, link);
            }
        }
}

static void mark_links_old(struct watch *watch)
{
    for (size_t bucket = 0; bucket < NODE_BUCKETS; bucket++)
        for (struct node *node = watch->watcher->nodes[bucket]; node; node = node->next)
            for (size_t i = 0; i < node->links.count; i++)
                if (node->links.items[i].watch == watch)
                    node->links.items[i].old = true;
}

static void arm(struct watch *watch)
{
    struct watcher *watcher = watch->watcher;

    mark_links_old(watch);
    watcher->counters.refused -= watch->refused;
    watch->refused = watch->stale = false;
    walk(watch);
    drop_links(watch, true);
    watcher->counters.refused += watch->refused;
    if (watch->refused || !watch->refusal_logged)
        return;
    watch->refusal_logged = false;
    log_info("%s is watched again", watch->path);
}

static void destroy(struct watch *watch)
{
    struct watcher *watcher = watch->watcher;

    TAILQ_REMOVE(&watcher->watches, watch, entry);
    watcher->counters.paths--;
    watcher->counters.refused -= watch->refused;
    drop_links(watch, false);
    forget_places(watch);
    vec_free(&watch->places);
    free(watch->path);
    free(watch);
}

/* Arms and calls every watch that is due. Callbacks may add and free watches: those are destroyed at the end. */
static void dispatch(struct watcher *watcher)
{
    struct watch *watch, *next;

    watcher->dispatching = true;
    TAILQ_FOREACH(watch, &watcher->watches, entry)
    if (watch->pending && watch->stale && !watch->dead)
        arm(watch);
    TAILQ_FOREACH(watch, &watcher->watches, entry)
    {
        if (!watch->pending || watch->dead)
            continue;
        watch->pending = watch->written = false;
        watch->changed(watch->path, watch->user);
    }
    watcher->dispatching = false;
    for (watch = TAILQ_FIRST(&watcher->watches); watcher->has_dead && watch; watch = next) {
        next = TAILQ_NEXT(watch, entry);
        if (watch->dead)
            destroy(watch);
    }
    watcher->has_dead = false;
}

static void mark_all(struct watcher *watcher)
{
    struct watch *watch;

    TAILQ_FOREACH(watch, &watcher->watches, entry)
    watch->pending = watch->stale = true;
}

static bool concerns(const struct link *link, const struct inotify_event *event)
{
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
        return true;
    switch (link->kind) {
    case LINK_NAME:
        return event->len && strcmp(link->name, event->name) == 0;
    case LINK_SELF:
        return !event->len;
    case LINK_ANY:
        break;
    }
    return true;
}

/* What a link is of may have become another file or directory: the path must be walked again. In a tree that is so when
 * a directory comes or goes, and not with each of its files. */
static bool leads_elsewhere(const struct link *link, const struct inotify_event *event)
{
    return link->kind != LINK_ANY || event->mask & (IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT);
}

/* A file that is being written is half of what it will be: it is looked at when it is closed. One that is kept open for
 * longer is looked at in between. */
static bool may_close_soon(const struct watch *watch, const struct inotify_event *event)
{
    return event->mask == IN_MODIFY && watch->scope != WATCH_TREE_WRITES;
}

static void await_close(struct watch *watch)
{
    static const struct timeval moment = {.tv_usec = 250000};
    struct event *timer = watch->watcher->written_timer;

    watch->written = true;
    if (!evtimer_pending(timer, NULL))
        evtimer_add(timer, &moment);
}

static void on_written(evutil_socket_t fd, short what, void *user)
{
    struct watcher *watcher = user;
    struct watch *watch;

    (void)fd;
    (void)what;
    TAILQ_FOREACH(watch, &watcher->watches, entry)
    watch->pending |= watch->written;
    dispatch(watcher);
}

static void take_event(struct watcher *watcher, const struct inotify_event *event)
{
    struct node **link = &watcher->nodes[(unsigned)event->wd % NODE_BUCKETS], *node;

    watcher->counters.events++;
    if (event->mask & IN_Q_OVERFLOW) {
        watcher->counters.overflows++;
        mark_all(watcher);
        return;
    }
    while (*link && (*link)->wd != event->wd)
        link = &(*link)->next;
    node = *link;
    for (size_t i = 0; node && i < node->links.count; i++) {
        struct watch *watch = node->links.items[i].watch;

        if (!concerns(&node->links.items[i], event))
            continue;
        if (may_close_soon(watch, event)) {
            await_close(watch);
            continue;
        }
        watch->pending = true;
        watch->stale |= leads_elsewhere(&node->links.items[i], event);
    }
    if (node && event->mask & IN_IGNORED)
        free_node(watcher, link);
}

static void on_inotify(evutil_socket_t fd, short what, void *user)
{
    struct watcher *watcher = user;
    char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    (void)what;
    watcher->counters.wakeups++;
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            take_event(watcher, event);
            at += sizeof *event + event->len;
        }
    dispatch(watcher);
}

void watcher_retry(struct watcher *watcher)
{
    struct watch *watch;

    TAILQ_FOREACH(watch, &watcher->watches, entry)
    if (watch->refused)
        arm(watch);
}

/* The kernel's limit is one for all of a user's processes: no more than an eighth of it for one tree. */
static unsigned most_directories(void)
{
    scoped_str text = STR_INIT;
    unsigned long limit =
        file_read("/proc/sys/fs/inotify/max_user_watches", 32, &text, NULL) == 0 ? strtoul(text.data, NULL, 10) / 8 : 0;

    return limit >= TREE_DIRECTORIES         ? TREE_DIRECTORIES
           : limit <= TREE_DIRECTORIES_LEAST ? TREE_DIRECTORIES_LEAST
                                             : (unsigned)limit;
}

struct watcher *watcher_new(struct event_base *base, const struct host_root *root, struct error *error)
{
    struct watcher *watcher;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    size_t length;

    if (fd < 0) {
        error_system(error, errno, "inotify");
        return NULL;
    }
    watcher = mem_alloc(sizeof *watcher);
    watcher->root = root;
    watcher->prefix = mem_strdup(host_root_path(root));
    for (length = strlen(watcher->prefix); length && watcher->prefix[length - 1] == '/'; length--)
        watcher->prefix[length - 1] = '\0';
    watcher->fd = fd;
    TAILQ_INIT(&watcher->watches);
    watcher->event = event_new(base, fd, EV_READ | EV_PERSIST, on_inotify, watcher);
    watcher->written_timer = evtimer_new(base, on_written, watcher);
    watcher->tree_directories = most_directories();
    event_add(watcher->event, NULL);
    return watcher;
}

void watcher_free(struct watcher *watcher)
{
    struct watch *watch;

    if (!watcher)
        return;
    while ((watch = TAILQ_FIRST(&watcher->watches)))
        destroy(watch);
    event_free(watcher->event);
    event_free(watcher->written_timer);
    close(watcher->fd);
    free(watcher->prefix);
    free(watcher);
}

struct watch *watch_add(struct watcher *watcher, const char *path, enum watch_scope scope, watch_changed *changed,
                        void *user)
{
    struct watch *watch = mem_alloc(sizeof *watch);

    watch->watcher = watcher;
    watch->path = mem_strdup(path);
    watch->scope = scope;
    watch->changed = changed;
    watch->user = user;
    TAILQ_INSERT_TAIL(&watcher->watches, watch, entry);
    watcher->counters.paths++;
    arm(watch);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    if (!watch->watcher->dispatching) {
        destroy(watch);
        return;
    }
    watch->dead = true;
    watch->watcher->has_dead = true;
}

static bool is_reached(const struct watch *watch, const struct mount_changes *changes)
{
    for (size_t i = 0; i < watch->places.count; i++)
        if (mount_changes_reach(changes, watch->places.items[i]))
            return true;
    return watch->scope != WATCH_PATH && watch->places.count &&
           mount_changes_lie_below(changes, watch->places.items[watch->places.count - 1]);
}

void watcher_mounts_changed(struct watcher *watcher, const struct mount_changes *changes)
{
    struct watch *watch;
    bool any = false;

    TAILQ_FOREACH(watch, &watcher->watches, entry)
    if (changes->everything || is_reached(watch, changes))
        any = watch->pending = watch->stale = true;
    if (any)
        dispatch(watcher);
}

const struct watcher_counters *watcher_counters(const struct watcher *watcher)
{
    return &watcher->counters;
}
