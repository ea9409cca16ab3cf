/* Processes read from /proc.
 *
 * A container's own processes are those of its control group. /proc/PID/cgroup of its first process names it: the path
 * is cut after the component that names the container, since an init system inside moves itself further down. Its
 * members are read from the cgroup file system where that is in its usual place; else the same way, from each process's
 * own cgroup file, so that none needs to be mounted and v1 and v2 are alike. If no path names the container, the group
 * is trusted only if all its members belong to the container by descent or by pid namespace; else those two decide
 * alone.
 *
 * Everything here races with processes that come and go: one that vanishes half-read is left out. A process may choose
 * its comm and argv[0] freely; only exe comes from the kernel. */
#include "probes/host/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "common/number.h"
#include "probes/facts/digest.h"
#include "probes/host/proc_cgroup.h"

enum {
    PROCESSES_MAX = 4096,
    SCAN_MAX = 1 << 20,
    CGROUP_FILE_MAX = 64 * 1024,
    STAT_FILE_MAX = 4096,
    CMDLINE_MAX = 8 << 20,
    ARGUMENTS_MAX = 65536,
    NAME_SHOWN_MAX = 256,
    CONTAINER_ID_MIN = 12
};

/* Reads the beginning of /proc/PID/NAME as a terminated string. */
static int read_head(const struct host_root *root, pid_t pid, const char *name, char *buffer, size_t size)
{
    char path[64];
    scoped(cleanup_close) int fd = -1;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = host_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, NULL);
    if (fd < 0)
        return fd;
    do
        n = read(fd, buffer, size - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    buffer[n] = '\0';
    return 0;
}

int proc_read_link(const struct host_root *root, pid_t pid, const char *name, char *buffer, size_t size)
{
    char path[64];
    scoped(cleanup_close) int fd = -1;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    fd = host_open(root, path, O_PATH | O_DIRECTORY, NULL);
    if (fd < 0)
        return fd;
    n = readlinkat(fd, name, buffer, size - 1);
    if (n < 0)
        return -errno;
    buffer[n] = '\0';
    return 0;
}

/* ---- /proc/PID/stat ---- */

/* State letter and parent; the name in between may hold spaces and parentheses. */
static int read_stat(const struct host_root *root, pid_t pid, char *ret_state, pid_t *ret_parent)
{
    char text[STAT_FILE_MAX], *name_end;
    int r = read_head(root, pid, "stat", text, sizeof text);
    uint64_t parent;

    if (r < 0)
        return r;
    name_end = strrchr(text, ')');
    if (!name_end || name_end[1] != ' ' || !name_end[2] || name_end[3] != ' ' ||
        !number_read(name_end + 4, 10, INT_MAX, &parent))
        return -EBADMSG;
    *ret_state = name_end[2];
    *ret_parent = (pid_t)parent;
    return 0;
}

int proc_state(const struct host_root *root, pid_t pid)
{
    char state;
    pid_t parent;
    int r = pid > 0 ? read_stat(root, pid, &state, &parent) : -ESRCH;

    return r < 0 ? r : state;
}

/* The second number of a line of /proc/PID/status is the effective id. */
static bool read_id(const char *text, const char *key, unsigned *ret)
{
    const char *line = strstr(text, key), *first = line ? line + strlen(key) : NULL, *second;
    uint64_t number;

    second = first ? number_read(first + strspn(first, " \t"), 10, UINT_MAX, &number) : NULL;
    if (!second || !number_read(second + strspn(second, " \t"), 10, UINT_MAX, &number))
        return false;
    *ret = (unsigned)number;
    return true;
}

int proc_read_owner(const struct host_root *root, pid_t pid, uid_t *ret_uid, gid_t *ret_gid)
{
    char text[STAT_FILE_MAX];
    unsigned uid, gid;
    int r = pid > 0 ? read_head(root, pid, "status", text, sizeof text) : -ESRCH;

    if (r < 0)
        return r;
    if (!read_id(text, "\nUid:", &uid) || !read_id(text, "\nGid:", &gid))
        return -EBADMSG;
    *ret_uid = uid;
    *ret_gid = gid;
    return 0;
}

bool proc_started(const struct host_root *root, pid_t pid, uint64_t *ret_ticks, usec_t *ret_at)
{
    enum { AFTER_NAME = 20 }; /* starttime is that field after the program's name, which may hold blanks */
    char text[1024];
    const char *at;
    long per_second = sysconf(_SC_CLK_TCK);
    struct timespec running, now;

    if (pid <= 0 || read_head(root, pid, "stat", text, sizeof text) < 0 || !(at = strrchr(text, ')')))
        return false;
    for (int field = 0; field < AFTER_NAME && *at; field++)
        at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' ');
    *ret_ticks = strtoull(at, NULL, 10);
    if (!*ret_ticks || per_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &running) < 0 ||
        clock_gettime(CLOCK_REALTIME, &now) < 0)
        return false;
    *ret_at = (usec_t)(now.tv_sec - running.tv_sec) * USEC_PER_SEC + (now.tv_nsec - running.tv_nsec) / 1000 +
              (usec_t)(*ret_ticks * USEC_PER_SEC / (uint64_t)per_second);
    return true;
}

/* ---- All processes ---- */

static int list_processes(const struct host_root *root, pid_vec *ret, struct error *error)
{
    int fd = host_open(root, "/proc", O_RDONLY | O_DIRECTORY, error);
    DIR *dir;

    if (fd < 0)
        return fd;
    dir = fdopendir(fd);
    if (!dir) {
        int saved = errno;

        close(fd);
        return error_system(error, saved, "/proc");
    }
    for (struct dirent *entry; ret->count < SCAN_MAX && (entry = readdir(dir));) {
        size_t digits = strspn(entry->d_name, "0123456789");

        if (digits && digits < 10 && !entry->d_name[digits])
            vec_push(ret, (pid_t)strtol(entry->d_name, NULL, 10));
    }
    closedir(dir);
    return 0;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

    return (x > y) - (x < y);
}

/* ---- Control groups ---- */

/* A line "4:pids:/docker/…" of a cgroup file, cut up in place. */
struct cgroup_line {
    const char *controllers; /* "pids", "cpu,cpuacct", "name=systemd", "" for v2 */
    char *path;
};

static bool next_cgroup_line(char **at, struct cgroup_line *ret)
{
    while (**at) {
        char *line = *at, *end = strchrnul(line, '\n'), *first, *second;

        *at = *end ? end + 1 : end;
        *end = '\0';
        first = strchr(line, ':');
        second = first ? strchr(first + 1, ':') : NULL;
        if (!second)
            continue;
        *second = '\0';
        ret->controllers = first + 1;
        ret->path = second + 1;
        return true;
    }
    return false;
}

static bool has_controller(const char *controllers, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = controllers; (at = strstr(at, name)); at += length)
        if ((at == controllers || at[-1] == ',') && (!at[length] || at[length] == ','))
            return true;
    return false;
}

struct cgroup {
    char *controllers, *path;
    bool named; /* the path names the container */
};

static void cgroup_deinit(struct cgroup *cgroup)
{
    free(cgroup->controllers);
    free(cgroup->path);
}

/* How well a hierarchy separates processes; 0: useless. */
static int line_rank(const struct cgroup_line *line, bool named)
{
    int rank;

    if (strcmp(line->path, "/") == 0)
        return 0;
    if (has_controller(line->controllers, "pids"))
        rank = 3;
    else if (!*line->controllers)
        rank = 2;
    else
        rank = 1;
    return named ? rank + 10 : rank;
}

/* Finds the group of PID that is the container's; path NULL if it is in root groups only. */
static int find_cgroup(const struct host_root *root, pid_t pid, const char *container_id, struct cgroup *ret,
                       struct error *error)
{
    scoped_str text = STR_INIT;
    char file[64], *at;
    struct cgroup_line line;
    int best = 0, r;

    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    r = host_read(root, file, CGROUP_FILE_MAX, &text, error);
    if (r == -ENOENT || r == -ESRCH)
        return error_set(error, ESRCH, "process %d has ended", (int)pid);
    if (r < 0)
        return r;
    at = text.data;
    while (at && next_cgroup_line(&at, &line)) {
        bool can_name = container_id && strlen(container_id) >= CONTAINER_ID_MIN;
        char *name = can_name ? strstr(line.path, container_id) : NULL;
        int rank = line_rank(&line, name);

        if (rank <= best)
            continue;
        best = rank;
        if (name)
            *strchrnul(name, '/') = '\0';
        cgroup_deinit(ret);
        *ret = (struct cgroup){mem_strdup(line.controllers), mem_strdup(line.path), name};
    }
    return 0;
}

static bool in_cgroup(const struct host_root *root, pid_t pid, const struct cgroup *cgroup)
{
    scoped_str text = STR_INIT;
    size_t length = strlen(cgroup->path);
    struct cgroup_line line;
    char file[64], *at;

    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    if (host_read(root, file, CGROUP_FILE_MAX, &text, NULL) < 0)
        return false;
    at = text.data;
    while (at && next_cgroup_line(&at, &line))
        if (strcmp(line.controllers, cgroup->controllers) == 0)
            return strncmp(line.path, cgroup->path, length) == 0 && (!line.path[length] || line.path[length] == '/');
    return false;
}

/* ---- Descent and pid namespace ---- */

enum kinship { KIN_UNKNOWN, KIN_NO, KIN_YES };

/* Marks the descendants of PID (itself included) among ALL, which is sorted. Each process's way up is walked only until
 * a known one; a way longer than there are processes (pids reused meanwhile) ends as "no". */
static void mark_descendants(const struct host_root *root, const pid_vec *all, pid_t pid, enum kinship *kin)
{
    scoped(cleanup_free) pid_t *parents = mem_realloc_array(NULL, all->count + 1, sizeof *parents);
    scoped(cleanup_free) size_t *way = mem_realloc_array(NULL, all->count + 1, sizeof *way);

    for (size_t i = 0; i < all->count; i++) {
        char state;

        if (read_stat(root, all->items[i], &state, &parents[i]) < 0)
            parents[i] = 0;
    }
    for (size_t i = 0; i < all->count; i++) {
        enum kinship verdict = KIN_NO;
        size_t steps = 0;

        for (size_t at = i; steps < all->count;) {
            pid_t *parent;

            if (kin[at] != KIN_UNKNOWN || all->items[at] == pid) {
                verdict = all->items[at] == pid ? KIN_YES : kin[at];
                way[steps++] = at;
                break;
            }
            way[steps++] = at;
            parent = bsearch(&parents[at], all->items, all->count, sizeof *all->items, compare_pids);
            if (!parent)
                break;
            at = (size_t)(parent - all->items);
        }
        while (steps)
            kin[way[--steps]] = verdict;
    }
}

/* The pid namespace of PID when it can be read and is not ours: then its members are the container's. */
static bool own_namespace(const struct host_root *root, pid_t pid, char *ret, size_t size)
{
    char ours[64];
    ssize_t n = readlink("/proc/self/ns/pid", ours, sizeof ours - 1);

    if (n < 0 || proc_read_link(root, pid, "ns/pid", ret, size) < 0)
        return false;
    ours[n] = '\0';
    return strcmp(ours, ret) != 0;
}

static void find_kin(const struct host_root *root, const pid_vec *all, pid_t pid, enum kinship *kin)
{
    char namespace[64], other[64];

    if (!own_namespace(root, pid, namespace, sizeof namespace)) {
        mark_descendants(root, all, pid, kin);
        return;
    }
    for (size_t i = 0; i < all->count; i++)
        kin[i] =
            proc_read_link(root, all->items[i], "ns/pid", other, sizeof other) == 0 && strcmp(namespace, other) == 0
                ? KIN_YES
                : KIN_NO;
}

/* Fills OWN with the container's processes among ALL. */
static void choose_processes(const struct host_root *root, const pid_vec *all, pid_t pid, const struct cgroup *cgroup,
                             pid_vec *own)
{
    scoped(cleanup_free) enum kinship *kin = NULL;
    scoped(cleanup_free) bool *member = mem_alloc(all->count + 1);
    bool shared = !cgroup->path;

    for (size_t i = 0; cgroup->path && i < all->count; i++)
        member[i] = in_cgroup(root, all->items[i], cgroup);
    if (!cgroup->named) {
        kin = mem_alloc((all->count + 1) * sizeof *kin);
        find_kin(root, all, pid, kin);
        for (size_t i = 0; i < all->count && !shared; i++)
            shared = member[i] && kin[i] != KIN_YES;
    }
    for (size_t i = 0; i < all->count && own->count < PROCESSES_MAX; i++)
        if (shared ? kin[i] == KIN_YES : member[i])
            vec_push(own, all->items[i]);
}

/* ---- Facts of one process ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Multi-call programs: when they are called by their own name, the first argument names the one that runs. */
static bool is_multi_call(const char *name)
{
    static const char *const names[] = {"busybox", "dropbearmulti", "toybox"};

    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The program's base name out of its arguments. A title set over them ("sshd: user@pts/0") names the program before a
 * colon. TEXT holds strings that end with NUL, and one more NUL. */
static const char *argv0_name(struct arena *arena, char *text)
{
    char *colon = strstr(text, ": ");
    const char *name, *second = text + strlen(text) + 1;

    if (!*text)
        return NULL;
    if (colon && !memchr(text, ' ', (size_t)(colon - text)))
        *colon = '\0';
    name = base_name(text);
    if (is_multi_call(name) && *second)
        name = base_name(second);
    return arena_strndup(arena, name, strnlen(name, NAME_SHOWN_MAX));
}

static const char *exe_name(struct arena *arena, char *path)
{
    static const char deleted[] = " (deleted)";
    const char *name;

    if (str_ends(path, deleted))
        path[strlen(path) - strlen(deleted)] = '\0';
    name = base_name(path);
    return arena_strndup(arena, name, strnlen(name, NAME_SHOWN_MAX));
}

static bool describe(const struct host_root *root, pid_t pid, struct arena *arena, struct process_item *ret,
                     const char **ret_unseen)
{
    char comm[64], text[PATH_MAX] = "";
    int r;

    if (read_head(root, pid, "comm", comm, sizeof comm) < 0)
        return false;
    comm[strcspn(comm, "\n")] = '\0';
    *ret = (struct process_item){.pid = pid, .comm = arena_strdup(arena, comm)};
    if (read_head(root, pid, "cmdline", text, sizeof text - 1) == 0)
        ret->argv0 = argv0_name(arena, text);
    r = proc_read_link(root, pid, "exe", text, sizeof text);
    if (r == 0)
        ret->exe = exe_name(arena, text);
    else if (r == -EACCES || r == -EPERM)
        *ret_unseen = capability_why(-r, PROC_LINK_CAPABILITIES);
    return true;
}

static void digest_processes(struct process_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    for (size_t i = 0; i < facts->count; i++) {
        digest_number(&hash, facts->items[i].pid);
        digest_text(&hash, facts->items[i].comm);
        digest_text(&hash, facts->items[i].argv0);
        digest_text(&hash, facts->items[i].exe);
    }
    digest_number(&hash, facts->truncated);
    digest_text(&hash, facts->unseen);
    facts->facts.digest = hash_end(&hash);
}

static void describe_processes(const struct host_root *root, const pid_vec *own, struct process_facts **ret)
{
    enum { NAMES_GUESS = 40 }; /* bytes */
    struct arena *arena = arena_new(sizeof **ret + (own->count + 1) * (sizeof *(*ret)->items + NAMES_GUESS));
    struct process_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    facts->items = arena_alloc(arena, (own->count + 1) * sizeof *facts->items);
    for (size_t i = 0; i < own->count; i++) {
        struct process_item *item = &facts->items[facts->count];

        if (!describe(root, own->items[i], arena, item, &facts->unseen))
            continue;
        facts->count++;
    }
    facts->truncated = own->count >= PROCESSES_MAX;
    digest_processes(facts);
    *ret = facts;
}

int proc_container_processes(const struct host_root *root, pid_t pid, const char *container_id,
                             struct process_facts **ret, struct error *error)
{
    scoped(cgroup_deinit) struct cgroup cgroup = {0};
    pid_vec all = {0}, own = {0};
    int r;

    if (pid <= 0)
        return error_set(error, ESRCH, "the container has no process");
    r = find_cgroup(root, pid, container_id, &cgroup, error);
    if (r < 0)
        return r;
    if (!cgroup.named || cgroup_list(root, cgroup.controllers, cgroup.path, pid, PROCESSES_MAX, &own) < 0) {
        r = list_processes(root, &all, error);
        if (r == 0 && all.count)
            qsort(all.items, all.count, sizeof *all.items, compare_pids);
        if (r == 0)
            choose_processes(root, &all, pid, &cgroup, &own);
    }
    if (r == 0)
        describe_processes(root, &own, ret);
    vec_free(&all);
    vec_free(&own);
    return r;
}

void proc_put(struct str *out, const struct process_facts *facts)
{
    wire_put_number(out, facts->truncated);
    wire_put_text(out, facts->unseen);
    wire_put_number(out, (int64_t)facts->count);
    for (size_t i = 0; i < facts->count; i++) {
        wire_put_number(out, facts->items[i].pid);
        wire_put_text(out, facts->items[i].comm);
        wire_put_text(out, facts->items[i].argv0);
        wire_put_text(out, facts->items[i].exe);
    }
}

struct process_facts *proc_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct process_facts *facts = arena_alloc(arena, sizeof *facts);
    size_t count;

    reader->arena = arena;
    facts->truncated = wire_number(reader) != 0;
    facts->unseen = wire_text(reader);
    count = wire_count(reader, PROCESSES_MAX);
    facts->items = arena_alloc(arena, (count + 1) * sizeof *facts->items);
    while (facts->count < count && !reader->broken) {
        struct process_item *item = &facts->items[facts->count++];

        item->pid = (pid_t)wire_number(reader);
        item->comm = wire_text(reader);
        item->argv0 = wire_text(reader);
        item->exe = wire_text(reader);
        reader->broken |= !item->comm;
    }
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "processes");
        return NULL;
    }
    digest_processes(facts);
    facts->facts.arena = take(arena);
    return facts;
}

int proc_read_cmdline(const struct host_root *root, pid_t pid, struct arena *arena, struct string_list *ret,
                      struct error *error)
{
    scoped_str text = STR_INIT;
    size_t count = 0;
    char path[64];
    int r;

    *ret = (struct string_list){0};
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    r = host_read(root, path, CMDLINE_MAX, &text, error);
    if (r < 0)
        return r;
    for (size_t at = 0; at < text.length; at += strlen(text.data + at) + 1)
        count++;
    if (count > ARGUMENTS_MAX)
        return error_set(error, E2BIG, "%s: more than %d arguments", path, (int)ARGUMENTS_MAX);
    ret->items = arena_alloc(arena, (count + 1) * sizeof *ret->items);
    for (size_t at = 0; at < text.length; at += strlen(text.data + at) + 1)
        ret->items[ret->count++] = arena_strdup(arena, text.data + at);
    return 0;
}

char *proc_read_environment(const struct host_root *root, pid_t pid, const char *name)
{
    scoped_str text = STR_INIT;
    size_t length = strlen(name);
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    if (host_read(root, path, CMDLINE_MAX, &text, NULL) < 0)
        return NULL;
    for (size_t at = 0; at < text.length; at += strlen(text.data + at) + 1)
        if (strncmp(text.data + at, name, length) == 0 && text.data[at + length] == '=')
            return mem_strdup(text.data + at + length + 1);
    return NULL;
}

int proc_may_trace(const struct host_root *root, pid_t pid)
{
    char first[2];

    return read_head(root, pid, "environ", first, sizeof first);
}

pid_t proc_find_child(const struct host_root *root, pid_t parent, const char *name)
{
    pid_vec all = {0};
    pid_t found = 0;

    list_processes(root, &all, NULL);
    for (size_t i = 0; i < all.count && !found; i++) {
        char state, comm[64];
        pid_t its_parent;

        if (read_stat(root, all.items[i], &state, &its_parent) < 0 || its_parent != parent ||
            read_head(root, all.items[i], "comm", comm, sizeof comm) < 0)
            continue;
        comm[strcspn(comm, "\n")] = '\0';
        if (strcmp(comm, name) == 0)
            found = all.items[i];
    }
    vec_free(&all);
    return found;
}
