/* What one layer contributes to its image, gathered as it is read: files, packages, and what it hides of the layers
 * below. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/capability.h"
#include "common/map.h"
#include "probes/images/layers_internal.h"

enum { RADIX_FROM = 256 };

static uint64_t hash_path(const struct layer_summary *summary, const char *path, size_t length)
{
    struct hash hash;

    hash_init_key(&hash, summary->key);
    hash_bytes(&hash, path, length);
    return hash_end(&hash);
}

void layer_summary_init(struct layer_summary *summary, const uint64_t *key)
{
    *summary = (struct layer_summary){.key = key};
}

void layer_summary_deinit(struct layer_summary *summary)
{
    for (size_t i = 0; i < summary->entries.count; i++)
        free(summary->entries.items[i].path);
    for (size_t i = 0; i < MANAGER_COUNT; i++) {
        for (size_t k = 0; k < summary->packages[i].names.count; k++)
            free(summary->packages[i].names.items[k]);
        vec_free(&summary->packages[i].names);
        free(summary->packages[i].error);
    }
    layer_accounts_deinit(&summary->accounts);
    free(summary->places);
    vec_free(&summary->entries);
    vec_free(&summary->opaque);
    vec_free(&summary->files);
    vec_free(&summary->folders);
    layer_summary_init(summary, summary->key);
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* A radix sort: hashes are spread evenly, so it is several times faster than comparing. */
static void sort_hashes(uint64_t *items, size_t count)
{
    uint64_t *from = items, *to;
    size_t offsets[256];

    if (count < RADIX_FROM) {
        if (count)
            qsort(items, count, sizeof *items, compare_hashes);
        return;
    }
    to = mem_realloc_array(NULL, count, sizeof *to);
    for (unsigned shift = 0; shift < 64; shift += 8) { /* eight passes: the last one ends in ITEMS */
        uint64_t *swap = from;
        size_t at = 0;

        memset(offsets, 0, sizeof offsets);
        for (size_t i = 0; i < count; i++)
            offsets[from[i] >> shift & 0xff]++;
        for (size_t i = 0; i < 256; i++) {
            size_t number = offsets[i];

            offsets[i] = at;
            at += number;
        }
        for (size_t i = 0; i < count; i++)
            to[offsets[from[i] >> shift & 0xff]++] = from[i];
        from = to;
        to = swap;
    }
    free(to);
}

void layer_summary_finish(struct layer_summary *summary)
{
    size_t kept = 0;

    for (size_t i = 0; i < summary->entries.count; i++) {
        struct layer_entry *entry = &summary->entries.items[i];

        if (entry->setuid || entry->tool || entry->capabilities)
            summary->entries.items[kept++] = *entry;
        else
            free(entry->path);
    }
    summary->entries.count = kept;
    free(summary->places);
    summary->places = NULL;
    sort_hashes(summary->files.items, summary->files.count);
    sort_hashes(summary->folders.items, summary->folders.count);
    sort_hashes(summary->opaque.items, summary->opaque.count);
}

/* Programs that a person or a build would use, in the usual directories. */
static bool is_tool(const char *path)
{
    static const char *const folders[] = {"bin/",      "sbin/",          "usr/bin/",
                                          "usr/sbin/", "usr/local/bin/", "usr/local/sbin/"};
    static const char *const names[] = {
        "gcc",    "g++",     "cc",   "c++",   "clang", "make",   "cmake", "ld",     "as",    "gdb",    "strace",
        "ltrace", "tcpdump", "nmap", "nc",    "ncat",  "netcat", "socat", "telnet", "ssh",   "sshd",   "dropbear",
        "ftp",    "tftp",    "wget", "curl",  "git",   "vi",     "vim",   "nano",   "emacs", "screen", "tmux",
        "sudo",   "rsync",   "go",   "rustc", "cargo", "javac",  "perl",  "python3"};

    if (path[0] != 'b' && path[0] != 's' && path[0] != 'u')
        return false;
    for (size_t i = 0; i < countof(folders); i++) {
        const char *name;

        if (!str_starts(path, folders[i]))
            continue;
        name = path + strlen(folders[i]);
        for (size_t k = 0; k < countof(names); k++)
            if (strcmp(name, names[k]) == 0)
                return true;
    }
    return false;
}

static int check_bounds(const struct layer_summary *summary, size_t length, struct error *error)
{
    if (summary->files.count + summary->folders.count + summary->opaque.count >= LAYER_PATHS_MAX)
        return error_set(error, EFBIG, "a layer with more than %d files", (int)LAYER_PATHS_MAX);
    if (length > LAYER_PATH_LENGTH_MAX)
        return error_set(error, ENAMETOOLONG, "a layer with a path of %zu bytes", length);
    return 0;
}

uint64_t layer_capabilities(const void *attribute, size_t length)
{
    static const uint64_t strong = CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) |
                                   CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_SETGID) |
                                   CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_SETFCAP) |
                                   CAPABILITY(CAP_SYS_MODULE) | CAPABILITY(CAP_SYS_RAWIO) | CAPABILITY(CAP_SYS_PTRACE) |
                                   CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_BPF);
    enum { WORD = 4, PERMITTED_LOW = 1, PERMITTED_HIGH = 3, WORDS_MAX = 6 }; /* of 32 bits, the least byte first */
    const unsigned char *bytes = attribute;
    uint32_t words[WORDS_MAX] = {0};

    for (size_t i = 0; i < WORDS_MAX && (i + 1) * WORD <= length; i++)
        words[i] = (uint32_t)bytes[i * WORD] | (uint32_t)bytes[i * WORD + 1] << 8 |
                   (uint32_t)bytes[i * WORD + 2] << 16 | (uint32_t)bytes[i * WORD + 3] << 24;
    switch (words[0] & VFS_CAP_REVISION_MASK) {
    case VFS_CAP_REVISION_1:
        return words[PERMITTED_LOW] & strong;
    case VFS_CAP_REVISION_2:
    case VFS_CAP_REVISION_3:
        return (words[PERMITTED_LOW] | (uint64_t)words[PERMITTED_HIGH] << 32) & strong;
    default:
        return 0;
    }
}

/* Where the entry of the path of that HASH is in the table, or would be. */
static uint16_t *place_of(struct layer_summary *summary, uint64_t hash)
{
    size_t at = hash & (LAYER_PLACES - 1);

    if (!summary->places)
        summary->places = mem_alloc(LAYER_PLACES * sizeof *summary->places);
    while (summary->places[at] && summary->entries.items[summary->places[at] - 1].hash != hash)
        at = (at + 1) & (LAYER_PLACES - 1);
    return &summary->places[at];
}

/* A path that comes again: what it was before does not count. */
static void forget_entry(struct layer_summary *summary, uint64_t hash)
{
    uint16_t place = summary->places ? *place_of(summary, hash) : 0;

    if (place) {
        summary->entries.items[place - 1].setuid = summary->entries.items[place - 1].tool = false;
        summary->entries.items[place - 1].capabilities = 0;
    }
}

/* The content of a regular file, and where a link leads, come after this. */
static void note_accounts(struct layer_summary *summary, const char *path, unsigned mode)
{
    bool is_file = layer_is_accounts(path);

    if (is_file ? !S_ISREG(mode) : !S_ISDIR(mode))
        layer_accounts_unread(&summary->accounts, path, is_file ? "not a regular file" : "not a directory");
}

int layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
              uint64_t capabilities, struct error *error)
{
    enum { SPECIAL_BITS = 06000, EXECUTE_BITS = 0111 };
    bool program = S_ISREG(mode) && mode & EXECUTE_BITS, setuid = program && mode & SPECIAL_BITS, tool;
    uint64_t hash = hash_path(summary, path, length);
    int r = check_bounds(summary, length, error);
    uint16_t *place;

    if (r < 0)
        return r;
    summary->count++;
    forget_entry(summary, hash);
    if (layer_is_accounts_place(path))
        note_accounts(summary, path, mode);
    if (S_ISDIR(mode)) {
        vec_push(&summary->folders, hash);
        return 0;
    }
    vec_push(&summary->files, hash);
    tool = (program || S_ISLNK(mode)) && is_tool(path);
    if (!program)
        capabilities = 0;
    if (!tool && !setuid && !capabilities)
        return 0;
    place = place_of(summary, hash);
    if (!*place) {
        if (summary->entries.count >= LAYER_FOUND_MAX) {
            summary->dropped++;
            return 0;
        }
        vec_push(&summary->entries, (struct layer_entry){.path = mem_printf("/%s", path), .hash = hash});
        *place = (uint16_t)summary->entries.count;
    }
    summary->entries.items[*place - 1].capabilities = capabilities;
    summary->entries.items[*place - 1].uid = uid;
    summary->entries.items[*place - 1].mode = mode & 07777;
    summary->entries.items[*place - 1].setuid = setuid;
    summary->entries.items[*place - 1].tool = tool;
    return 0;
}

int layer_add_whiteout(struct layer_summary *summary, const char *path, size_t length, struct error *error)
{
    int r = check_bounds(summary, length, error);

    if (r == 0)
        vec_push(&summary->files, hash_path(summary, path, length));
    return r;
}

int layer_add_opaque(struct layer_summary *summary, const char *path, size_t length, struct error *error)
{
    int r = check_bounds(summary, length, error);

    if (r == 0)
        vec_push(&summary->opaque, hash_path(summary, path, length));
    return r;
}

static bool holds(const uint64_t *items, size_t count, uint64_t hash)
{
    return count && bsearch(&hash, items, count, sizeof *items, compare_hashes);
}

bool layer_hides(const struct layer_summary *upper, const char *path)
{
    size_t length = strlen(++path);
    uint64_t hash = hash_path(upper, path, length);

    if (holds(upper->files.items, upper->files.count, hash) || holds(upper->folders.items, upper->folders.count, hash))
        return true;
    for (size_t i = length; i-- > 0;) {
        if (path[i] != '/' && i)
            continue;
        hash = hash_path(upper, path, i); /* of length 0: the root, which can only be opaque */
        if (holds(upper->opaque.items, upper->opaque.count, hash) ||
            (i && holds(upper->files.items, upper->files.count, hash)))
            return true;
    }
    return false;
}

bool layer_normalise(const char *path, struct str *ret)
{
    str_clear(ret);
    while (*path) {
        size_t length = strcspn(path, "/");

        if (length == 2 && strncmp(path, "..", 2) == 0)
            return false;
        if (length && !(length == 1 && *path == '.')) {
            if (ret->length)
                str_append_char(ret, '/');
            str_append_n(ret, path, length);
        }
        path += length + (path[length] == '/');
    }
    return ret->length > 0;
}

bool layer_is_opaque_mark(const char *path, size_t *ret_length)
{
    const char *slash = strrchr(path, '/');

    *ret_length = slash ? (size_t)(slash - path) : 0;
    return strcmp(slash ? slash + 1 : path, LAYER_OPAQUE) == 0;
}
