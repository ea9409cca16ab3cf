/* Listening TCP sockets. The kernel prints addresses as 32-bit words in host order. */
#include "probes/host/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "common/number.h"
#include "common/vec.h"
#include "probes/facts/digest.h"
#include "probes/host/proc.h"

enum { FILE_MAX_BYTES = 64 << 20, LISTENERS_MAX = 16384, DESCRIPTORS_MAX = 1 << 20, STATE_LISTEN = 0x0A };

typedef VEC(struct listener_item) listener_vec;

struct inodes {
    const unsigned long *items;
    size_t count;
};

static int compare_inodes(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

    return x < y ? -1 : x > y;
}

static bool read_words(const char *hex, size_t count, uint32_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        char word[9];

        memcpy(word, hex + 8 * i, 8);
        word[8] = '\0';
        if (strspn(word, "0123456789ABCDEFabcdef") != 8)
            return false;
        ret[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    return true;
}

/* What follows COUNT words, and the blanks before each and after the last, of a line. */
static const char *skip_words(const char *at, size_t count)
{
    for (; count; count--) {
        at += strspn(at, " ");
        at += strcspn(at, " \n");
    }
    return at + strspn(at, " ");
}

/* "  0: 0100007F:0016 00000000:0000 0A …" */
static bool parse_line(struct arena *arena, const char *line, size_t words, const struct inodes *own,
                       struct listener_item *ret)
{
    int family = words == 1 ? AF_INET : AF_INET6;
    const char *colon = memchr(line, ':', strcspn(line, "\n"));
    char text[INET6_ADDRSTRLEN];
    uint32_t address[4] = {0};
    uint64_t port, state, number;
    unsigned long inode;
    const char *local, *at;

    if (!colon)
        return false;
    local = colon + 1 + strspn(colon + 1, " ");
    if (strcspn(local, ":\n") != 8 * words || !read_words(local, words, address) ||
        !(at = number_read(local + 8 * words + 1, 16, UINT16_MAX, &port)) || !(at = skip_words(at, 1)) ||
        !(at = number_read(at, 16, UINT8_MAX, &state)) || state != STATE_LISTEN)
        return false;
    *ret = (struct listener_item){.address = arena_strdup(arena, inet_ntop(family, address, text, sizeof text)),
                                  .port = (unsigned)port};
    if (!number_read(skip_words(at, 5), 10, ULONG_MAX, &number))
        return true;
    inode = (unsigned long)number;
    ret->of_engine = own->count && bsearch(&inode, own->items, own->count, sizeof *own->items, compare_inodes) != NULL;
    return true;
}

static void parse_file(struct arena *arena, const char *text, size_t words, const struct inodes *own, listener_vec *ret)
{
    const char *line = strchr(text, '\n'); /* the first line is the heading */

    for (; line && *++line && ret->count < LISTENERS_MAX; line = strchr(line, '\n')) {
        struct listener_item item;

        if (parse_line(arena, line, words, own, &item))
            vec_push(ret, item);
    }
}

static int compare(const void *a, const void *b)
{
    const struct listener_item *x = a, *y = b;

    return x->port != y->port ? (x->port < y->port ? -1 : 1) : strcmp(x->address, y->address);
}

static void digest_facts(struct listener_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, facts->engine_seen);
    digest_text(&hash, facts->own_error);
    for (size_t i = 0; i < facts->count; i++) {
        digest_text(&hash, facts->items[i].address);
        digest_number(&hash, facts->items[i].port);
        digest_number(&hash, facts->items[i].of_engine);
    }
    facts->facts.digest = hash_end(&hash);
}

int listeners_parse(const char *tcp, const char *tcp6, const unsigned long *own, size_t own_count,
                    struct listener_facts **ret, struct error *error)
{
    const struct inodes inodes = {own, own_count};
    struct arena *arena = arena_new(1024);
    struct listener_facts *facts = arena_alloc(arena, sizeof *facts);
    listener_vec items = {0};

    parse_file(arena, tcp, 1, &inodes, &items);
    if (tcp6)
        parse_file(arena, tcp6, 4, &inodes, &items);
    if (items.count >= LISTENERS_MAX) {
        vec_free(&items);
        arena_free(arena);
        return error_set(error, EFBIG, "more than %d listening sockets", (int)LISTENERS_MAX);
    }
    if (items.count)
        qsort(items.items, items.count, sizeof *items.items, compare);
    facts->facts.arena = arena;
    facts->engine_seen = own_count > 0;
    facts->items = arena_alloc(arena, (items.count + 1) * sizeof *facts->items);
    for (size_t i = 0; i < items.count; i++)
        facts->items[facts->count++] = items.items[i];
    vec_free(&items);
    digest_facts(facts);
    *ret = facts;
    return 0;
}

/* The inodes of PID's sockets, in order. */
static int read_own(const struct host_root *root, pid_t pid, unsigned long **ret, size_t *ret_count)
{
    scoped(cleanup_free) char *folder = mem_printf("/proc/%d/fd", (int)pid);
    VEC(unsigned long) inodes = {0};
    int fd = host_open(root, folder, O_RDONLY | O_DIRECTORY, NULL), r = fd < 0 ? fd : 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    for (struct dirent *entry; dir && r == 0 && (entry = readdir(dir));) {
        char target[64]; /* paths do not fit, and are not looked for */
        static const char socket[] = "socket:[";
        uint64_t inode;
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

        if (n < 0 && (errno == EACCES || errno == EPERM))
            r = -errno;
        target[n < 0 ? 0 : n] = '\0';
        if (str_starts(target, socket) && number_read(target + strlen(socket), 10, ULONG_MAX, &inode))
            vec_push(&inodes, (unsigned long)inode);
        if (inodes.count == DESCRIPTORS_MAX)
            r = -E2BIG;
    }
    if (dir)
        closedir(dir);
    if (inodes.count)
        qsort(inodes.items, inodes.count, sizeof *inodes.items, compare_inodes);
    *ret = inodes.items;
    *ret_count = inodes.count;
    return r;
}

/* Says in FACTS that PID's own sockets are not known, because of R. */
static void note_own_error(struct listener_facts *facts, pid_t pid, int r)
{
    scoped_str why = STR_INIT;

    str_printf(&why, "/proc/%d/fd: %s", (int)pid, capability_why(-r, PROC_CAPABILITIES));
    facts->own_error = arena_strdup(facts->facts.arena, why.data);
    digest_facts(facts);
}

int listeners_read(const struct host_root *root, pid_t pid, struct listener_facts **ret, struct error *error)
{
    scoped_str tcp = STR_INIT, tcp6 = STR_INIT;
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/net/tcp", pid > 0 ? (int)pid : 1);
    scoped(cleanup_free) char *path6 = mem_printf("%s6", path);
    scoped(cleanup_free) unsigned long *own = NULL;
    size_t own_count = 0;
    int r = host_read(root, path, FILE_MAX_BYTES, &tcp, error), own_result = 0;

    if (r < 0)
        return error_prefix(error, "%s", path);
    r = host_read(root, path6, FILE_MAX_BYTES, &tcp6, NULL);
    if (r < 0 && r != -ENOENT) /* a kernel without IPv6 */
        return error_set(error, -r, "%s: %s", path6, error_reason(-r));
    if (pid > 0)
        own_result = read_own(root, pid, &own, &own_count);
    r = listeners_parse(str_text(&tcp), r < 0 ? NULL : str_text(&tcp6), own, own_count, ret, error);
    if (r == 0 && own_result < 0)
        note_own_error(*ret, pid, own_result);
    return r;
}

/* ---- Between processes ---- */

void listeners_put(struct str *out, const struct listener_facts *facts)
{
    wire_put_text(out, facts->own_error);
    wire_put_number(out, facts->engine_seen);
    wire_put_number(out, (int64_t)facts->count);
    for (size_t i = 0; i < facts->count; i++) {
        wire_put_text(out, facts->items[i].address);
        wire_put_number(out, facts->items[i].port);
        wire_put_number(out, facts->items[i].of_engine);
    }
}

struct listener_facts *listeners_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct listener_facts *facts = arena_alloc(arena, sizeof *facts);
    size_t count;

    reader->arena = arena;
    facts->own_error = wire_text(reader);
    facts->engine_seen = wire_number(reader) != 0;
    count = wire_count(reader, LISTENERS_MAX);
    facts->items = arena_alloc(arena, (count + 1) * sizeof *facts->items);
    while (facts->count < count && !reader->broken) {
        struct listener_item *item = &facts->items[facts->count++];

        item->address = wire_text(reader);
        item->port = (unsigned)wire_number(reader) & 0xffff;
        item->of_engine = wire_number(reader) != 0;
        reader->broken |= !item->address;
    }
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "listening sockets");
        return NULL;
    }
    digest_facts(facts);
    facts->facts.arena = take(arena);
    return facts;
}
